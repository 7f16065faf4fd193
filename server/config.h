/* server/config.h - what an administrator may set: one table of name, unit, default and meaning.
 * File format: `name = value` lines, `#` comments (docs/operations.md). */
#ifndef SOTAY_SERVER_CONFIG_H
#define SOTAY_SERVER_CONFIG_H

#include <stdint.h>

#include "proto/err.h"

/* X(name, default, least, most, unit, meaning) */
#define CONFIG_NUMBERS(X) \
    X(threads, 512, 4, 4096, "threads", "connections served at once") \
    X(per_address, 128, 1, 4096, "threads", "of them for one address, loopback not counted") \
    X(body_deadline_s, 20, 1, 3600, "s", "a body must be here by then, plus 1 s per kB") \
    X(log_requests, 1, 0, 1, "0|1", "one line per request on stderr") \
    X(snapshot_quiet_s, 5, 0, 3600, "s", "so long after the last work: snapshots; 0: never") \
    X(drain_ms, 3000, 0, 4000, "ms", "how long a stop waits for answers under way")

#define CONFIG_FILES_MEANING "bytes of files of one device, with k, M or G; 0: any number"

typedef struct {
    char listen[64];           /* address:port */
    char public_url[256];      /* what enrolment links name; empty: http://<listen> */
    uint64_t files_per_device; /* bytes; 0: any number */
#define X(name, preset, least, most, unit, meaning) unsigned name;
    CONFIG_NUMBERS(X)
#undef X
} server_config;

/* The defaults. */
void config_init(server_config *config);
/* Reads a file over what is in *config. ST_E_NOT_FOUND; ST_E_USAGE names the line and what is
 * wrong: *config is untouched then. */
ST_MUST_USE st_err config_read(const char *path, server_config *config, st_error *error);

#endif
