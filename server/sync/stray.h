/* server/sync/stray.h - strays: pieces of attachments on disk that nothing in the log names, and
 * what becomes of them after 90 days. */
#ifndef SOTAY_SERVER_SYNC_STRAY_H
#define SOTAY_SERVER_SYNC_STRAY_H

#include "server/sync/writer.h"

#define STRAY_KEPT_MS (INT64_C(90) * 86400 * 1000) /* from when one was found on */

/* One of them. */
typedef struct {
    st_hash hash;
    uint64_t bytes;
    int64_t since_ms; /* when it was first found to be one; now, when it was not before */
    bool is_due;      /* it has been kept long enough */
} stray;

typedef struct {
    uint64_t pieces;         /* on disk */
    uint64_t strays, bytes;  /* of these: nothing names them */
    uint64_t due, due_bytes; /* of these: kept long enough, and removed unless only_say */
} stray_count;

/* Told of each stray, ascending by hash, until it returns false. */
typedef bool (*stray_say)(void *context, const stray *one);

/* Looks for strays: notes when each was found, removes those that are due; with only_say it changes
 * nothing. A named piece that was taken in before there was a limit counts for the device that
 * named it first from then on. A piece is named when any change-set of the log names it: of a
 * record as it stands or stood, held, declined, of a fork. What names it anew while this runs is
 * seen. ST_E_VERSION: a set of a newer program is kept here, of which nobody knows what it names:
 * nothing is removed. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_stray_collect(writer *w, bool only_say, stray_say say, void *context,
                                      stray_count *out_count, st_error *error);

#endif
