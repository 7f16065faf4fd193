/* client-lib/src/relearn.h - forms and names that do not open any more are learned again from the
 * catalogue, which lies here too: else a page with a change of a device whose row is damaged would
 * be refused for good, and no record of a damaged form could be shown. */
#ifndef SOTAY_CLIENT_RELEARN_H
#define SOTAY_CLIENT_RELEARN_H

#include "client-lib/src/lexicon.h"

/* Looks through them and mends what does not open, in transactions of its own: from the base of the
 * catalogue, and where that does not say it, the catalogue is read anew - or, without a server at
 * hand, all is left as it is (ST_E_NOT_FOUND in *out_left). ST_PENDING: to be called
 * again. What the store does not give or take is left as it is, with ST_OK, and what needs none of
 * it goes on: *out_left is why (ST_OK: nothing is left). Any other error: nothing can be done in
 * this store now. Takes a few microseconds for each row. */
ST_MUST_USE st_err relearn_damaged(sotay_client *client, bool has_server, st_error *out_left,
                                   st_error *error);

#endif
