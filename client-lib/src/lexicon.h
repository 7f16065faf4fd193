/* client-lib/src/lexicon.h - what the catalogue says, kept ready: form definitions by name and
 * version, names of people, units, criteria. Derived from the catalogue's records when they are
 * folded. A record of form F is found by its code in the field `F_id` (person: by its id). */
#ifndef SOTAY_CLIENT_LEXICON_H
#define SOTAY_CLIENT_LEXICON_H

#include "client-lib/src/client.h"
#include "client-lib/src/unread.h"
#include "proto/show.h"

/* The definition that a record is pinned to; version 0: the newest. Lives as long as the client.
 * Inside a transaction. ST_E_NOT_FOUND (without *error), ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err lexicon_form(sotay_client *client, const char *name, uint32_t version,
                                const st_form **out_form, st_error *error);
/* Takes in the definition that a record of form `form` holds: the value of kind BYTES. */
ST_MUST_USE st_err lexicon_learn_form(sotay_client *client, const st_record *record,
                                      st_error *error);
/* Refreshes the names that a catalogue record of form `form` gives. ST_E_MEMORY: what it would have
 * learned is not known; the page must come again. */
ST_MUST_USE st_err lexicon_learn_names(sotay_client *client, const st_form *form,
                                       const st_record *record, st_error *error);
/* The same of any record: one that is not of the catalogue, or whose form is not here or does not
 * open, gives none. */
ST_MUST_USE st_err lexicon_learn(sotay_client *client, const st_record *record, st_error *error);

/* The live value of a top-level field that is shown first; NULL: none, or no such field. */
const st_live *lexicon_shown(const st_form *form, const st_record *record, const char *name,
                             const st_field **out_field);

/* Does the catalogue have an entry `code` of a kind ("unit", "criterion")? */
ST_MUST_USE st_err lexicon_has(sotay_client *client, const char *kind, const char *code,
                               bool *out_has, st_error *error);
/* How many it has of that kind, counted up to two; the first one's code in *out_code. */
ST_MUST_USE st_err lexicon_any(sotay_client *client, const char *kind, st_code *out_code,
                               unsigned *out_count, st_error *error);
/* The years of the movement by their days, in the arena; none: they are not known here. */
ST_MUST_USE st_err lexicon_years(sotay_client *client, st_arena *arena, const st_days **out_years,
                                 size_t *out_count, st_error *error);
/* The person of a device; ST_E_NOT_FOUND without *error, ST_E_CORRUPT. */
ST_MUST_USE st_err lexicon_person(sotay_client *client, const st_id *device, st_id *out_person,
                                  st_error *error);

/* The key that a device signs with, as the catalogue has it; ST_E_NOT_FOUND without *error. */
ST_MUST_USE st_err lexicon_device_key(sotay_client *client, const st_id *device,
                                      uint8_t out_key[32], st_error *error);

/* A directory for proto/show.h over the open transaction; its strings live in the arena. */
typedef struct {
    sotay_client *client;
    st_arena *arena;
    unread_note unread; /* why a name is missing that may be there */
    st_directory directory;
} lexicon_directory;
void lexicon_directory_init(lexicon_directory *names, sotay_client *client, st_arena *arena);

#endif
