/* client-lib/src/outbox.h - own changes on their way: grouped in runs, sealed, signed, kept until
 * the server answered, and after. */
#ifndef SOTAY_CLIENT_OUTBOX_H
#define SOTAY_CLIENT_OUTBOX_H

#include "client-lib/src/overlay.h"
#include "proto/message.h"

/* What became of an own set (table OWN). Nothing is deleted. */
typedef enum { OUTBOX_UNSENT, OUTBOX_SENT, OUTBOX_HELD } outbox_status;
typedef struct {
    st_id device;              /* the present one, or one before a new enrolment */
    uint64_t first, last;
    outbox_status status;
    uint64_t position;         /* log index; 0: none */
    st_hold hold;              /* OUTBOX_HELD: why nothing of it was taken in */
} outbox_set;

ST_MUST_USE st_err outbox_put(book_db *book, const outbox_set *set, st_error *error);
ST_MUST_USE st_err outbox_get(book_db *book, const st_id *device, uint64_t first,
                              outbox_set *out_set, st_error *error);
/* The next own set, by device and first; scan from book_key_of(BOOK_OWN). ST_E_NOT_FOUND. */
ST_MUST_USE st_err outbox_next(book_db *book, book_scan *scan, outbox_set *out_set,
                               st_error *error);
/* The own set that holds a counter of the present device. ST_E_NOT_FOUND without *error. */
ST_MUST_USE st_err outbox_find(sotay_client *client, uint64_t counter, outbox_set *out_set,
                               st_error *error);

/* Seals the next run of unsealed changes into one signed set, in a transaction of its own. *out_more
 * says whether more are left. ST_PENDING: signing or committing; called again, it goes on. */
typedef struct {
    st_arena arena;
    st_set set;
    st_unsigned_set *built;    /* NULL: no run is being sealed */
} outbox_seal;
void outbox_seal_init(outbox_seal *seal);
void outbox_seal_free(outbox_seal *seal);
ST_MUST_USE st_err outbox_seal_next(outbox_seal *seal, sotay_client *client, bool *out_more,
                                    st_error *error);

/* Sets the status of a set and of the notes of its changes; `held` names the changes of it that are
 * held (all of them with OUTBOX_HELD and none named). Inside a transaction. */
typedef struct { const st_held *held; uint32_t count; } outbox_helds;
ST_MUST_USE st_err outbox_settle(sotay_client *client, const outbox_set *set, outbox_helds helds,
                                 st_error *error);

#endif
