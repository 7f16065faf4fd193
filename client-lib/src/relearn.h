/* client-lib/src/relearn.h - forms and names that do not open any more are learned again from the
 * catalogue, which lies here too: else a page with a change of a device whose row is damaged would
 * be refused for good, and no record of a damaged form could be shown. */
#ifndef SOTAY_CLIENT_RELEARN_H
#define SOTAY_CLIENT_RELEARN_H

#include "client-lib/src/lexicon.h"

/* How far that is; zeroed at first, and whenever all is to be looked through once more. */
typedef struct {
    bool is_over;
    bool is_pending; /* what was learned is being written */
    bool asks_anew;  /* the catalogue, from cursor 0: its base does not say all of it */
    st_error left;   /* why some do not open still; ST_OK: all do, as far as is known */
} relearning;

/* Looks through them, unless that is over, and mends what does not open, in transactions of its
 * own, from the base of the catalogue. What that does not say is left as it is: with a server at
 * hand the catalogue is asked for anew, without one that is why (ST_E_NOT_FOUND in io->left).
 * ST_PENDING: to be called again. What the store does not give or take is left as it is, with
 * ST_OK, and what needs none of it goes on: io->left is why. Any other error: nothing can be done
 * in this store now. Takes a few microseconds for each row. */
ST_MUST_USE st_err relearn_damaged(sotay_client *client, bool has_server, relearning *io,
                                   st_error *error);
/* The first page of it is there: what does not open goes, and the base of the catalogue, in the
 * open write transaction. Where that is undone, io->is_over has to be taken back. */
ST_MUST_USE st_err relearn_begin_anew(sotay_client *client, const st_bucket *catalogue,
                                      relearning *io, st_error *error);
/* A pending step is through: does whoever waited for it go on? Where it was the one above, also
 * when it failed: io->left is why, and it is over. */
bool relearn_passes(const sotay_client *client, relearning *io);

#endif
