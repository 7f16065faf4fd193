/* client-lib/src/port.h - the seam as the library's inside sees it: the port of sotay.h, with
 * errors in the words of proto/err.h. */
#ifndef SOTAY_CLIENT_PORT_H
#define SOTAY_CLIENT_PORT_H

#include "client-lib/include/sotay.h"
#include "proto/err.h"

/* Fills *error from what a port said and returns its code. A code that a port has no business to
 * give becomes ST_E_STORAGE. */
st_err port_error(int code, const sotay_error *from, st_error *error);
/* `len` random bytes. ST_E_STORAGE when the port has none. */
ST_MUST_USE st_err port_random(const sotay_port *port, void *data, size_t len, st_error *error);

#endif
