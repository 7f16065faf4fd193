/* server/sync/regain.h - devices that the server enrolled in a life of the book which is lost, and
 * in the place of which it wrote something else since. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_SERVER_SYNC_REGAIN_H
#define SOTAY_SERVER_SYNC_REGAIN_H

#include "server/sync/ingest.h"

/* After the set was taken in, or was known: where it is of another branch of a device of the
 * server's own, the devices that it enrols and this book does not know are enrolled anew,
 * suspended, each with its person. A device in use of which a set, which came back to a book that
 * had lost it, makes another record, or says by one that it is not in use, is suspended.
 * ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_regain(writer_turn *turn, const sync_item *item, st_error *error);

#endif
