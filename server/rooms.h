/* server/rooms.h - the rooms, opened and wired the same way by sotayd, sotayctl and tests. */
#ifndef SOTAY_SERVER_ROOMS_H
#define SOTAY_SERVER_ROOMS_H

#include "server/sync/author.h"
#include "server/sync/enrol.h"
#include "server/sync/feed.h"
#include "server/sync/read.h"
#include "server/sync/settle.h"
#include "server/sync/verify.h"

#define ROOMS_DIR_BYTES 1024

typedef struct {
    char dir[ROOMS_DIR_BYTES];
    auth_keys keys;
    sync_room sync;            /* store, catalogue, keys, port, commune, epoch */
    writer *writer;
    bool is_practice;
    st_log_keys log_keys;      /* as they were when it was opened */
} server;

typedef struct {
    const char *dir;
    const server_port *port;   /* NULL: the real one */
    bool threaded;             /* writer thread (sotayd); else jobs run in the caller */
    progress *progress;        /* told of long work; may be NULL */
} rooms_how;

typedef struct {
    const char *commune;       /* "01477" */
    const char *catalogue_dir; /* a folder, see rooms_init */
    bool is_practice;
} rooms_new;

/* Makes a new data folder: keys, store, epoch, INIT entry, then the catalogue: forms from
 * catalogue_dir/forms, data from every other folder in it, all authored by the operator; and opens
 * it as rooms_open does. ST_E_EXISTS, ST_E_NOT_FOUND, ST_E_VALUE (a file, with its place),
 * ST_E_STORAGE. On an error an unfinished folder is left without DIR/store.version, so that no
 * program takes it for a store. Only when the detail says that the book is made is it one. */
ST_MUST_USE st_err rooms_init(const rooms_how *how, const rooms_new *wish, server *out_server,
                              st_error *error);
typedef struct {
    void *context;
    st_err (*fill)(void *context, server *srv, st_error *error);
} rooms_filler;
/* Makes a data folder whose content comes from elsewhere: the store is there and empty when `fill`
 * is called, keys and rows are its to bring. ST_E_EXISTS, ST_E_STORAGE, and what fill says; on an
 * error an unfinished folder is left, as by rooms_init. Nothing is open afterwards. */
ST_MUST_USE st_err rooms_make(const rooms_how *how, const rooms_filler *filler, st_error *error);
/* For fill, when the base tables are there: reads what they say of the book and folds the log. */
ST_MUST_USE st_err rooms_fold(server *srv, uint64_t *out_entries, st_error *error);
/* Opens an existing one for writing. Errors of store_open and auth_keys_read. When its clock waits
 * (own_clock_waits), nothing is written and what a start may have to write is left: rooms_begin. */
ST_MUST_USE st_err rooms_open(const rooms_how *how, server *out_server, st_error *error);
/* What rooms_open left, between own_clock_begin and own_clock_began, in the thread that called the
 * former. Nothing else may use srv but what such a clock lets in, and nothing else is written. */
ST_MUST_USE st_err rooms_begin(server *srv, st_error *error);
/* Stops the writer, closes all. Safe on a zeroed struct. */
void rooms_close(server *srv);

#endif
