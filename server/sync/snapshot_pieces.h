/* server/sync/snapshot_pieces.h - the file of a snapshot, written piece by piece. For
 * snapshot_cut.c. */
#ifndef SOTAY_SERVER_SYNC_SNAPSHOT_PIECES_H
#define SOTAY_SERVER_SYNC_SNAPSHOT_PIECES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "proto/arena.h"
#include "proto/frame.h"
#include "proto/snapshot.h"

typedef enum {
    SNAPSHOT_QUICK,            /* somebody waits for it */
    SNAPSHOT_DENSE             /* nobody does, and many read it over weak lines */
} snapshot_density;

/* Of a bucket with no more records than this, of no more bytes, one piece is made: compression
 * begins with nothing once only, which saves a fortieth. A phone folds a piece in one transaction,
 * and what it writes meanwhile stays in its memory: of each record the state, and its line. */
#define SNAPSHOT_ONE_RECORDS 4096u
#define SNAPSHOT_ONE_BYTES   ((size_t)5632 * 1024)

/* Zeroed but for lasting, density, stop and is_one. */
typedef struct {
    st_arena *lasting;         /* the list of pieces */
    snapshot_density density;
    const atomic_bool *stop;   /* NULL: nobody interrupts; else ST_E_BUSY once it is set */
    bool is_one;               /* all in one piece, if nearly that is all there is */
    st_snapshot_piece *list;
    size_t count, capacity;
    int fd;
    bool is_open;
    st_frame_writer *stream;   /* of the open piece; NULL: none */
    st_buffer piece;           /* compressed */
    size_t piece_bytes;        /* not compressed */
} snapshot_pieces;

/* Makes the file anew. ST_E_STORAGE. */
ST_MUST_USE st_err snapshot_pieces_open(snapshot_pieces *p, const char *path, st_error *error);
/* Adds a frame. ST_E_STORAGE, ST_E_MEMORY, ST_E_TOO_LARGE, ST_E_BUSY. */
ST_MUST_USE st_err snapshot_pieces_put(snapshot_pieces *p, const uint8_t *frame, size_t len,
                                       st_error *error);
/* All of it is on the disk. */
ST_MUST_USE st_err snapshot_pieces_end(snapshot_pieces *p, st_error *error);
/* Closes the file; the list stays. Always safe. */
void snapshot_pieces_free(snapshot_pieces *p);

#endif
