/* server/sync/parcel.h - what somebody else carried here, sealed to the server, and what he may
 * tell the author about it. Source: docs/protocol.md 7.12. */
#ifndef SOTAY_SERVER_SYNC_PARCEL_H
#define SOTAY_SERVER_SYNC_PARCEL_H

#include "proto/carry.h"
#include "server/sync/ingest.h"

/* Opens a parcel and adds what is in it to the request: a set as any other, a piece to its pieces.
 * What does not open, or is not what stands beside it, is no error: it gets the verdict corrupt
 * under the name of the parcel. What was opened lives in the arena, which must outlive the
 * request. Errors of sync_request_add; ST_E_TOO_LARGE: more than SYNC_SETS_MAX parcels. */
typedef struct {
    sync_room *room;
    store_txn *txn;
    st_arena *arena;
} parcel_room;
/* See parcel_room. */
ST_MUST_USE st_err parcel_add(sync_request *request, const parcel_room *where,
                              const st_parcel *parcel, st_error *error);
/* Stores the pieces of a request, after its sets: those whose record names them. part: as in
 * server/store/chunks.h. Outside any transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err parcel_keep_pieces(sync_request *request, writer *w, const char *part,
                                      st_error *error);

/* What became of a set that has its place in the log, signed; its body lies in out (replaced).
 * ST_E_MEMORY. */
ST_MUST_USE st_err parcel_receipt(const sync_room *room, const sync_item *item,
                                  st_receipt *out_receipt, st_buffer *out, st_error *error);

#endif
