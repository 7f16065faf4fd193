/* client-lib/src/erase.h - values that the office destroyed by law go from this store too. */
#ifndef SOTAY_CLIENT_ERASE_H
#define SOTAY_CLIENT_ERASE_H

#include "client-lib/src/client.h"
#include "proto/erase.h"

/* What one erasure names. */
typedef struct {
    st_id record;
    const st_erasure *list;
    size_t count;
} erase_values;

/* Destroys them in kept sets, in those taken by hand, in the base and in what was set aside, and
 * the pieces of files whose hashes are among them; sums and rows follow. What is not here, gone
 * already or damaged is no error. *out_owes is set when one of the sets lies sealed here, and so is
 * owed anew (renew.h). Inside the caller's write transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err erase_take(sotay_client *client, const erase_values *values, bool *out_owes,
                              st_error *error);

#endif
