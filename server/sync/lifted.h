/* server/sync/lifted.h - a lift of a suspension that a phone brings back to a book that lost it.
 * Source: docs/protocol.md 7.9. */
#ifndef SOTAY_SERVER_SYNC_LIFTED_H
#define SOTAY_SERVER_SYNC_LIFTED_H

#include "server/sync/ingest.h"

/* Was this set signed by the server's device of another epoch? */
bool sync_came_back(const writer_turn *turn, const sync_item *item);
/* Suspends the device of this record, and says why. Errors of sync_author_turn. */
ST_MUST_USE st_err sync_suspend_again(writer_turn *turn, const st_id *record, const char *why,
                                      st_error *error);
/* After the set was taken in: suspends anew the devices that it lifted. */
ST_MUST_USE st_err sync_lift_again(writer_turn *turn, const sync_item *item, st_error *error);

#endif
