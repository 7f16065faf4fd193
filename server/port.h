/* server/port.h - what the server takes from the machine besides its store: time and randomness.
 * Injected, so that a simulator or a test can drive every room by a seed. */
#ifndef SOTAY_SERVER_PORT_H
#define SOTAY_SERVER_PORT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    void *context;
    int64_t (*now_ms)(void *context);                    /* wall clock, ms since 1970 UTC */
    uint64_t (*mono_ms)(void *context);                  /* since boot, never goes back */
    void (*random)(void *context, void *out, size_t len);
} server_port;

/* The real clock and the kernel's randomness. Lives for ever. */
const server_port *server_port_system(void);

#endif
