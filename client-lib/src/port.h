/* client-lib/src/port.h - the seam as the library's inside sees it: the port of sotay.h, with
 * errors in the words of proto/err.h. */
#ifndef SOTAY_CLIENT_PORT_H
#define SOTAY_CLIENT_PORT_H

#include "client-lib/include/sotay.h"
#include "proto/bytes.h"
#include "proto/err.h"

/* Fills *error from what a port said and returns its code. A code that a port has no business to
 * give becomes ST_E_STORAGE. */
st_err port_error(int code, const sotay_error *from, st_error *error);
/* What a public call returns: fills *error (may be NULL) from what happened inside. */
int port_give(st_err err, const st_error *from, sotay_error *error);
/* Moves the buffer's content, with a NUL, to a text that sotay_text_free frees. ST_E_MEMORY. */
ST_MUST_USE st_err port_text(st_buffer *buffer, char **out_text, st_error *error);
/* `len` random bytes. ST_E_STORAGE when the port has none. */
ST_MUST_USE st_err port_random(const sotay_port *port, void *data, size_t len, st_error *error);

#endif
