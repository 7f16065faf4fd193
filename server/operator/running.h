/* server/operator/running.h - how sotayctl finds the server that runs on a data folder:
 * DIR/server.run (0600), written by sotayd when it is ready, gone when it ended in order. Its room
 * on the disk stays taken, as DIR/server.spare. */
#ifndef SOTAY_SERVER_OPERATOR_RUNNING_H
#define SOTAY_SERVER_OPERATOR_RUNNING_H

#include "server/rooms.h"

typedef struct {
    char url[160];             /* where it listens */
    char public_url[256];      /* what enrolment links name */
    char token[65];            /* 64 hex digits, new at each start */
} running_server;

/* A fresh token (65 bytes with NUL) from the rooms' randomness. */
void running_token(server *rooms, char token[65]);
/* Writes DIR/server.run, readable by its owner alone. ST_E_STORAGE; *out_is_full: only for want of
 * room, so that it may work later. */
ST_MUST_USE st_err running_write(const char *dir, const running_server *run, bool *out_is_full,
                                 st_error *error);
/* Reads it. ST_E_NOT_FOUND: no server said that it runs (one that was killed leaves the file
 * behind: whoever connects then gets no answer); ST_E_CORRUPT. */
ST_MUST_USE st_err running_read(const char *dir, running_server *out_run, st_error *error);
/* Nobody finds the server any more. */
void running_remove(const char *dir);

#endif
