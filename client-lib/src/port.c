/* client-lib/src/port.c - translates between the port's plain codes and proto/err.h.
 * Promises: whatever number a port answers, the inside sees a code of the table.
 * Never: a system call. */
#include "client-lib/src/port.h"

#include <string.h>

st_err port_error(int code, const sotay_error *from, st_error *error)
{
    if (code == SOTAY_OK)
        return ST_OK;
    st_err err = ST_E_STORAGE;
    if (code > 0 && code < (int)ST_ERR_COUNT)
        err = (st_err)code;
    if (error == NULL)
        return err;
    error->code = err;
    error->detail[0] = '\0';
    if (from != NULL && memchr(from->detail, '\0', sizeof from->detail) != NULL)
        memcpy(error->detail, from->detail, strlen(from->detail) + 1);
    if (error->detail[0] == '\0')
        return st_fail(error, err, "store: %s", st_err_sentence(err, "en"));
    return err;
}

st_err port_random(const sotay_port *port, void *data, size_t len, st_error *error)
{
    sotay_error from = { SOTAY_OK, "" };
    return port_error(port->random(port->context, data, len, &from), &from, error);
}
