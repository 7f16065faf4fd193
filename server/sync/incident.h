/* server/sync/incident.h - what went wrong at a device: its state of a bucket was not the log's,
 * record by record, with what it held that no signed change says. Kept for the office; not a fold
 * of the log. Source: docs/protocol.md 7.8. */
#ifndef SOTAY_SERVER_SYNC_INCIDENT_H
#define SOTAY_SERVER_SYNC_INCIDENT_H

#include "proto/erase.h"
#include "proto/message.h"
#include "server/sync/writer.h"

#define INCIDENTS_MAX           100u /* of one device: then the oldest without evidence goes */
#define INCIDENT_EVIDENCE_BYTES (2u * 1024u * 1024u)

typedef struct {
    st_id device;
    uint64_t n;      /* from 1, of this device; those that went leave their numbers */
    int64_t time_ms; /* when it was first asked about */
    st_bucket bucket;
    uint64_t cursor;
    st_sum theirs, ours;  /* sums at the cursor */
    const st_id *records; /* read anew by the device, in the order it asked */
    uint32_t records_count;
    const st_repair_evidence *evidence;
    uint32_t evidence_count;
} sync_incident;

/* Notes what a device asks in a repair: a new incident, or more about the one of that bucket under
 * way, unless that has no room for what is shown. In the writer's turn; ours: the sum of the bucket
 * now. What is over INCIDENT_EVIDENCE_BYTES of one ask, or of the last incident of a full list, is
 * not kept: *out_kept is then false, and the device must not be told to repair those. A new
 * incident is an entry (note) of the log. Where all INCIDENTS_MAX of a device hold evidence, the
 * last one takes what comes. Evidence goes by sync_incident_erase alone. */
ST_MUST_USE st_err sync_incident_note(writer_turn *turn, const st_id *device,
                                      const st_repair_ask *ask, bool *out_kept, st_error *error);
/* In the turn that stores an erasure: takes the values out of what devices showed of the record. A
 * state that cannot be read is taken away whole. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_incident_erase(writer_turn *turn, const st_id *record,
                                       const st_erasure *list, size_t count, st_error *error);
/* All of them, by device and n, until `each` returns false; memory lives during the call only.
 * ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_incident_each(store_txn *txn,
                                      bool (*each)(void *context, const sync_incident *incident),
                                      void *context, st_error *error);

#endif
