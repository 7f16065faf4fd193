/* server/sync/unread.c - promises that the first error stays; must never take what is not in the
 * book for one. */
#include "server/sync/unread.h"

void sync_note_unread(st_error *unread, st_err err, const st_error *why)
{
    if (unread->code != ST_OK || err == ST_OK || err == ST_E_NOT_FOUND)
        return;
    *unread = *why;
    unread->code = err;
}

st_err sync_say_unread(const st_error *unread, const char *what, st_error *error)
{
    if (unread->code == ST_OK)
        return ST_OK;
    return st_fail(error, unread->code, "%s cannot be read: %.160s", what,
                   unread->detail[0] != '\0' ? unread->detail : st_err_name(unread->code));
}
