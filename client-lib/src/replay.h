/* client-lib/src/replay.h - changes of this store that are in no set yet, or in one that does not
 * count, are made anew: under another name, or naming something else.
 * Source: docs/protocol.md 7.5. */
#ifndef SOTAY_CLIENT_REPLAY_H
#define SOTAY_CLIENT_REPLAY_H

#include "client-lib/src/client.h"
#include "client-lib/src/outbox.h"

/* Carries what is not sealed, or was stored as a fork, over to the device in client->next: same
 * operations, new dots; behind it, what that device had not sealed itself. `old` is the identity
 * before; `fork` the counter of which the server said so, or 0. Inside the transaction that changes
 * it. */
ST_MUST_USE st_err replay_changes(sotay_client *client, const identity *old, uint64_t fork,
                                  st_error *error);
/* Counters of one device. */
typedef struct {
    st_id device;
    st_gone span;
} replay_span;
/* These counters of names that were left are lost, and another branch may have them: nothing that
 * is not sealed, or is being typed, names them any more. Inside a transaction. */
ST_MUST_USE st_err replay_without(sotay_client *client, const replay_span *list, size_t count,
                                  st_error *error);
/* What is not sealed, up to own counter `last`, says of no change in a set that waits under a name
 * that was left that it replaces it, or has seen it: it may be another branch's. Makes its own
 * transaction. ST_PENDING: it is done when that is through. */
ST_MUST_USE st_err replay_doubted(sotay_client *client, uint64_t last, st_error *error);

#endif
