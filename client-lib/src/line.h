/* client-lib/src/line.h - the attempts to sync that failed, as the store keeps them, and how long
 * to wait before the next. */
#ifndef SOTAY_CLIENT_LINE_H
#define SOTAY_CLIENT_LINE_H

#include "client-lib/src/client.h"
#include "proto/json.h"

#define LINE_FIRST_MS UINT64_C(2000)
#define LINE_MOST_MS  UINT64_C(900000)  /* of what a phone waits by itself */
#define LINE_LATER_MS UINT64_C(3600000) /* of what it waits for a server */

/* How long to wait after so many failures in a row (at least 1), when the server asked for later_s
 * (0: it did not). `random` is any number; each gives one of the waits that are allowed. */
uint64_t line_wait_ms(uint64_t failures, uint64_t later_s, uint64_t random);

/* The kept row as it is now, inside a transaction. ST_OK with zeros when there is none. */
ST_MUST_USE st_err line_read(sotay_client *client, sotay_line *out_line, st_error *error);

/* Keys of `status`: "line":{...} or null. */
void line_write_json(const sotay_line *line, int64_t now_ms, int offset_minutes, st_json *json);
/* Lines of `status`; nothing when all is well. */
ST_MUST_USE st_err line_write_text(const sotay_client *client, const sotay_line *line,
                                   st_buffer *out, st_error *error);

#endif
