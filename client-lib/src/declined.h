/* client-lib/src/declined.h - in which records the office declined something that this device
 * wrote, so that `status` says it: for thirty days, since its words are not in the book.
 *
 * DECLINED  ms since 1970 of the newest decision, by the server's clock, be64 */
#ifndef SOTAY_CLIENT_DECLINED_H
#define SOTAY_CLIENT_DECLINED_H

#include "client-lib/src/outside.h"
#include "proto/json.h"

#define DECLINED_KEPT_MS (INT64_C(30) * 24 * 3600 * 1000)

typedef struct {
    st_id record;
    int64_t at_ms;
    outside_words words; /* as far as the history here has them */
} declined_one;

/* In an arena. */
typedef struct {
    declined_one *list;
    size_t count, capacity;
} declined_list;

/* An own change of the record was declined at that time; 0: just now. One that is known, or older
 * than thirty days, is none: *out_new is left as it is, else set. Inside the caller's write
 * transaction. ST_E_STORAGE, ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err declined_note(sotay_client *client, const st_id *record, int64_t at_ms,
                                 bool *out_new, st_error *error);
/* Forgets what is older than thirty days. Inside the caller's write transaction. */
ST_MUST_USE st_err declined_prune(sotay_client *client, st_error *error);
/* All of them, inside a transaction. ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err declined_read(sotay_client *client, st_arena *arena, declined_list *out,
                                 st_error *error);

/* Key of `status`: "declined":[...]. */
void declined_json(const declined_list *all, int offset_minutes, st_json *json);
/* Lines of `status`, one for each. */
ST_MUST_USE st_err declined_text(const sotay_client *client, const declined_list *all,
                                 st_buffer *out, st_error *error);

#endif
