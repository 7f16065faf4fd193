/* client-lib/src/give.h - what this phone has that the server is not known to have, handed out
 * piece by piece: for a bundle, or for another phone. */
#ifndef SOTAY_CLIENT_GIVE_H
#define SOTAY_CLIENT_GIVE_H

#include "client-lib/src/carried.h"

/* To whom. */
typedef struct {
    void *context;
    /* May it read the bucket? Then the set goes in the open. NULL: nobody reads anything. */
    bool (*may_read)(void *context, const st_bucket *bucket);
    /* Has it the set? Sealed, it has not what goes in the open. NULL: nothing is known. */
    bool (*has)(void *context, const st_id *device, uint64_t first, const st_hash *hash,
                bool in_open);
    /* Takes one frame: set, parcel or receipt. ST_E_TOO_LARGE: it is full, no more is given. */
    st_err (*emit)(void *context, const st_frame *frame, st_error *error);
} give_to;

typedef struct {
    uint64_t sets, pieces, receipts;
    bool more; /* not all of it fitted */
    uint64_t unreadable; /* own sets that wait and do not open: left out */
} give_report;

/* Receipts first, then sets, then pieces of files: their records come before them. Everything must
 * be sealed (outbox_flush). Inside a transaction; memory of a frame lasts for the call of emit. */
ST_MUST_USE st_err give_all(sotay_client *client, const give_to *to, give_report *out_report,
                            st_error *error);

#endif
