/* proto/changeset_parts.h - what both directions of a change-set share. Only for changeset*.c. */
#ifndef SOTAY_PROTO_CHANGESET_PARTS_H
#define SOTAY_PROTO_CHANGESET_PARTS_H

#include "proto/changeset.h"

#define ST_FORMAT 1u                    /* the skeleton format that this version writes */
#define ST_COUNTER_MAX 9223372036854775807u     /* 2^63-1 */
#define ST_SET_FRAMING_BYTES 160u       /* ChangeSet without skeleton and values, at most */

/* The set hash, step by step: begin with the skeleton, then add each commitment in order. */
void st_set_hash_begin(st_sha256_state *state, const void *skeleton, size_t len,
                       const st_hash *seed_hash, uint32_t macs_count);
void st_set_hash_add(st_sha256_state *state, const st_hash *mac);
/* Values whose commitments are taken at a time. */
#define ST_SET_MACS 64u
/* The rules that one change keeps by itself, for both directions: shape of paths, values and
 * verbs, order of dots, contexts and items, no doubled path, text in NFC. Not for `unknown`
 * changes. ST_E_CORRUPT names the rule; ST_E_TOO_LARGE; ST_E_MEMORY (scratch from the arena). */
ST_MUST_USE st_err st_change_check(const st_change *change, st_arena *arena, st_error *error);
/* The verbs whose value is not sent: ADD, REMOVE, DROP, KEEP. */
bool st_verb_is_bare(st_verb verb);

#endif
