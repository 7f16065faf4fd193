/* server/sync/unread.c - promises that the first error of each kind stays; must never take what is
 * not in the book for one. */
#include "server/sync/unread.h"

void sync_note_unread(sync_unread *unread, st_err err, const st_error *why)
{
    st_error *kept = st_err_is_passing(err) ? &unread->failed : &unread->damaged;
    if (kept->code != ST_OK || err == ST_OK || err == ST_E_NOT_FOUND)
        return;
    *kept = *why;
    kept->code = err;
}

st_err sync_check_unread(const sync_unread *unread, const char *what, st_error *error)
{
    const st_error *failed = &unread->failed;
    if (failed->code == ST_OK)
        return ST_OK;
    return st_fail(error, failed->code, "%s cannot be read: %.160s", what,
                   failed->detail[0] != '\0' ? failed->detail : st_err_name(failed->code));
}
