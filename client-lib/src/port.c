/* client-lib/src/port.c - translates between the port's plain codes and proto/err.h.
 * Promises: whatever number a port answers, the inside sees a code of the table.
 * Never: a system call. */
#include "client-lib/src/port.h"

#include <stdlib.h>
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

int port_give(st_err err, const st_error *from, sotay_error *error)
{
    if (error == NULL || err == ST_OK || err == ST_PENDING)
        return (int)err;
    error->code = (sotay_code)err;
    memcpy(error->detail, from->detail, sizeof error->detail);
    error->detail[sizeof error->detail - 1] = '\0';
    if (error->detail[0] == '\0')
        strncpy(error->detail, st_err_sentence(err, "en"), sizeof error->detail - 1);
    return (int)err;
}

st_err port_text(st_buffer *buffer, char **out_text, st_error *error)
{
    st_err err = st_buffer_append(buffer, "", 1, error);
    if (err != ST_OK)
        return err;
    *out_text = (char *)buffer->data;
    st_buffer_init(buffer, buffer->max); /* the memory is the caller's now */
    return ST_OK;
}

void sotay_text_free(char *text)
{
    free(text);
}

st_err port_random(const sotay_port *port, void *data, size_t len, st_error *error)
{
    sotay_error from = { SOTAY_OK, "" };
    return port_error(port->random(port->context, data, len, &from), &from, error);
}
