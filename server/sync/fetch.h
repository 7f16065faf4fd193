/* server/sync/fetch.h - the bytes of files that the office has, for a device that wants to see one
 * (docs/protocol.md 7.11). */
#ifndef SOTAY_SERVER_SYNC_FETCH_H
#define SOTAY_SERVER_SYNC_FETCH_H

#include "server/sync/have.h"

#define FETCH_BYTES_MAX (1u << 20) /* of pieces, in one answer */

/* Where the frames of the answer go. */
typedef struct {
    void *context;
    st_err (*put)(void *context, const st_frame *frame, st_error *error);
} fetch_out;

/* Answers one ask: frames `piece_bytes` of the pieces in the order asked, as far as they are here
 * and the asker may read the record, then one `have_answer` about those it came to. Outside any
 * transaction; memory from the asker's arena. ST_E_STORAGE, ST_E_MEMORY, or what put returned. */
ST_MUST_USE st_err sync_fetch(sync_room *room, const have_asker *asker, const st_have_ask *ask,
                              const fetch_out *out, st_error *error);

#endif
