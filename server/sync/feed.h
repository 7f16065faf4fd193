/* server/sync/feed.h - what a device gets: verdicts, scope, pages of its buckets, the end. */
#ifndef SOTAY_SERVER_SYNC_FEED_H
#define SOTAY_SERVER_SYNC_FEED_H

#include "server/sync/ingest.h"

#define FEED_PAGE_BYTES (256u * 1024u)         /* of entries, in one page */
#define FEED_ANSWER_BYTES_MAX (16u * 1024u * 1024u)

/* Takes one frame; its memory lives only during the call. An error stops the feed. */
typedef struct {
    void *context;
    st_err (*emit)(void *context, const st_frame *frame, st_error *error);
} feed_sink;

typedef struct {
    uint64_t entries, bytes, references;
    uint32_t repairs;          /* buckets whose sum did not match: an incident for the log */
    bool more;
} feed_report;

/* Answers a request after its sets were taken in. Frames in order: verdicts, wants, scope (when
 * the asked revision is not the current one), pages, end. Opens and ends its own read transaction.
 * A bucket of whose records a repair asks has its last page also where nothing is new.
 * kept_from 0: the device keeps none of its own sets. A cursor of another epoch or beyond the log
 * counts as 0. Suspended and revoked devices get verdicts and the end only.
 * request->ask must be set. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY, or what emit returned. */
ST_MUST_USE st_err feed_answer(sync_room *room, const sync_request *request,
                               const feed_sink *sink, feed_report *out_report, st_error *error);

#endif
