/* client-lib/ports/port.c - closing a port, whichever it is.
 * Promises: safe on a zeroed struct and twice.
 * Never: closes the client that uses it. */
#include <string.h>

#include "client-lib/include/sotay.h"

void sotay_port_close(sotay_port *port)
{
    if (port->close != NULL)
        port->close(port->context);
    memset(port, 0, sizeof *port);
}
