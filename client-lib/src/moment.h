/* client-lib/src/moment.h - when own changes were written, by the server's clock: what this device
 * can tell of itself. Of others it knows no exchange. Source: docs/protocol.md 6. */
#ifndef SOTAY_CLIENT_MOMENT_H
#define SOTAY_CLIENT_MOMENT_H

#include "client-lib/src/overlay.h"
#include "client-lib/src/unread.h"
#include "proto/show.h"

/* Of one change in its set: known when it is own, of the run of the machine in which the server was
 * met last. received_ms: when the server took it in, 0: not yet; it was not written after that. */
bool moment_of_change(const sotay_client *client, const st_set *set, const st_change *change,
                      int64_t received_ms, st_written *out_written);

/* For st_show_how: answers for the values of one record, inside a transaction. */
typedef struct {
    sotay_client *client;
    st_id record;
    st_arena *arena; /* of the sets that are read */
    bool has_set;
    st_dot set_at;      /* device and first counter of: */
    st_set set;         /* the one read last */
    unread_note unread; /* why a moment is not known that the store has */
    st_moments moments; /* hand this to st_show_how.moments */
} moment_source;
void moment_begin(moment_source *source, sotay_client *client, const st_id *record,
                  st_arena *arena);

#endif
