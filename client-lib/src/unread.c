/* client-lib/src/unread.c
 * Promises: an answer that could not be read whole is refused, or says that it is not whole.
 * Never: takes what is not in the store for what cannot be read. */
#include "client-lib/src/unread.h"

#include <string.h>

void unread_add(unread_note *note, st_err err)
{
    if (st_err_is_passing(err))
        note->failed = err;
    else if (err != ST_OK && err != ST_E_NOT_FOUND)
        note->damaged = true;
}

void unread_join(unread_note *note, const unread_note *other)
{
    unread_add(note, other->failed);
    note->damaged = note->damaged || other->damaged;
}

st_err unread_check(const unread_note *note, st_error *error)
{
    if (note->failed == ST_OK)
        return ST_OK;
    return st_fail(error, note->failed, "a name, or when it was written, cannot be read");
}

st_err unread_say(const unread_note *note, sotay_format format, const char *lang, st_buffer *out,
                  st_error *error)
{
    static const char END[] = "}\n";
    st_err err = unread_check(note, error);
    if (err != ST_OK || !note->damaged)
        return err;
    if (format == SOTAY_TEXT)
        return st_buffer_printf(out, error, "%s\n",
                                strcmp(lang, "en") == 0
                                    ? "(some of it cannot be read on this device)"
                                    : "(có phần không đọc được trên máy này)");
    out->len -= sizeof END - 1; /* every answer ends so */
    return st_buffer_printf(out, error, ",\"unread\":true%s", END);
}
