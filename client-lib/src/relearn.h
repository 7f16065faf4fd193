/* client-lib/src/relearn.h - forms and names that do not open any more are learned again from the
 * catalogue, which lies here too: else a page with a change of a device whose row is damaged would
 * be refused for good, and no record of a damaged form could be shown. */
#ifndef SOTAY_CLIENT_RELEARN_H
#define SOTAY_CLIENT_RELEARN_H

#include "client-lib/src/lexicon.h"

/* Looks through them and mends what does not open, in transactions of its own: from the base of the
 * catalogue, and where that does not say it, the catalogue is read anew. ST_PENDING: to be called
 * again. */
ST_MUST_USE st_err relearn_damaged(sotay_client *client, st_error *error);

#endif
