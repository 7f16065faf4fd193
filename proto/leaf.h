/* proto/leaf.h - a log entry as strict text lines, hashed into the audit tree (docs/protocol.md 7).
 * No names, no free text. */
#ifndef SOTAY_PROTO_LEAF_H
#define SOTAY_PROTO_LEAF_H

#include "proto/message.h"

#define ST_LEAF_BYTES_MAX 65535u

typedef struct {
    st_entry_kind kind;
    int64_t time_ms;
    st_id actor;               /* zero: none ("-") */
    st_id device;
    uint64_t first, last;
    bool has_prev;
    st_hash prev;
    st_hlc hlc;
    uint64_t seen_size;
    st_hash seen_root;
    st_bucket bucket;          /* empty: "-" */
    bool has_carrier;
    st_id carrier;
    const st_held *held;       /* verdict line: "stored", or "held <counter>:<reason>,…"; */
    uint32_t held_count;
    const char *verdict;       /* "stored", "held", "released", "accepted", "declined", "-" */
    const uint64_t *counters;  /* of a decision */
    uint32_t counters_count;
    st_via via;
    bool has_commit;
    st_hash commit;
    uint8_t dsig[ST_SIGNATURE_BYTES];
} st_leaf;

/* Appends the leaf's lines. ST_E_TOO_LARGE over ST_LEAF_BYTES_MAX; ST_E_USAGE: a kind, verdict,
 * hold or via without a word, or counters that do not rise. */
ST_MUST_USE st_err st_leaf_encode(const st_leaf *leaf, st_buffer *out, st_error *error);
/* Strict: only bytes that st_leaf_encode can have written. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err st_leaf_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                  st_leaf *out_leaf, st_error *error);
/* Does the leaf say of the set what the set says of itself: device, author, counters, chain, times,
 * what its author had seen, bucket, hash and signature? The device signed the hash alone, so only
 * who has the set can tell. person: whose device it is, for a set that names no author; zero: not
 * known, then the author is not compared. */
bool st_leaf_is_of(const st_leaf *leaf, const st_set *set, const st_id *person);
/* RFC 6962 2.1: SHA-256(0x00, leaf bytes). */
st_hash st_leaf_hash(const void *leaf, size_t len);

#endif
