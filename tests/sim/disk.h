/* tests/sim/disk.h - a disk for the simulated server: server/store/store.h in memory, linked in the
 * place of server/store/lmdb.c. Trees of sorted leaves that are copied before they are written, so
 * that a whole store is one small struct and "as it was" costs nothing.
 * What it can do to the server: kill it at a commit (before or after it), fail a commit that is on
 * disk or is not, fill up, ask for a larger map, and (negative control) lie about having synced. */
#ifndef SOTAY_TESTS_SIM_DISK_H
#define SOTAY_TESTS_SIM_DISK_H

#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/log_key.h"
#include "server/store/store.h"

#define DISK_LEAF_ROWS 24u
#define DISK_LIES_MAX  4u
#define DISK_PIECES_MAX 64u /* of attachments: as many as differ */

typedef struct {
    const uint8_t *key, *value;
    uint32_t key_len, value_len;
} disk_row;

typedef struct {
    uint64_t version; /* of the transaction that may still write in it */
    uint32_t count;
    disk_row rows[DISK_LEAF_ROWS];
} disk_leaf;

typedef struct {
    disk_leaf **leaves; /* ascending, none is empty */
    uint32_t count, capacity;
    uint64_t rows, version;
} disk_table;

/* A store at one moment. */
typedef struct {
    disk_table tables[STORE_TABLE_COUNT];
} disk_image;

/* Memory that is given back all at once. */
typedef struct disk_chunk disk_chunk;
typedef struct {
    disk_chunk *first, *at;
    size_t used;
} disk_heap;

typedef enum {
    DISK_GOOD,
    DISK_KILL_BEFORE, /* the server is killed, the commit never was */
    DISK_KILL_AFTER,  /* the server is killed, the commit is on disk */
    DISK_EIO_LOST,    /* the commit fails and is not on disk; nothing is written after */
    DISK_EIO_KEPT,    /* the commit fails and is on disk all the same */
    DISK_FULL         /* the commit fails; so does every one until there is room again */
} disk_fault;

/* A piece of an attachment, in a file of its own beside the store (pieces.c). */
typedef struct {
    st_hash hash;
    uint8_t *bytes;
    size_t len;
    bool is_there;
} disk_piece;

typedef struct {
    char dir[84];      /* store_open of this folder opens `synced` */
    disk_image synced; /* what a power cut leaves */
    disk_heap heap;
    disk_fault fault;     /* at the next commit */
    disk_fault struck;    /* the one that a commit met since somebody looked */
    bool has_grown;       /* the same: it asked for a larger map, and got it */
    uint32_t map_full_in; /* the n-th put from now needs a larger map; 0: none */
    uint64_t side_back;   /* as marked */
    uint64_t side_size;   /* the notes beside the store (side.c): not in its image */
    bool is_rolled_back;
    st_buffer side_words;
    disk_piece pieces[DISK_PIECES_MAX]; /* all that ever were; their memory is pieces.c's */
    size_t pieces_count;
    uint64_t pieces_again;  /* pieces that came when they were there */
    uint32_t piece_kill_in; /* the server is killed at the n-th piece from now; 0: none */
    bool piece_kill_keeps;  /* and the piece is on disk */
    st_log_keys side_log_keys;
    bool is_full;
    bool is_dead; /* the server was killed: nothing works until it is opened anew */
    uint64_t commits;
    /* Negative control: commits that were answered and are not on disk yet. */
    uint32_t lies; /* how many the disk keeps back; 0: an honest disk */
    disk_image kept_back[DISK_LIES_MAX];
    uint32_t kept_back_count;
} sim_disk;

/* Makes this disk the one that store_open finds. The only one at a time; NULL: none. */
void sim_disk_attach(sim_disk *disk);
sim_disk *sim_disk_attached(void);
/* The power goes and comes back: what was not synced is gone. */
void sim_disk_power_cut(sim_disk *disk);
/* Frees what is known of pieces. */
void sim_disk_pieces_free(sim_disk *disk);
/* The piece with that name, there or not; NULL: there never was one. */
disk_piece *sim_disk_piece(sim_disk *disk, const st_hash *hash);
/* Empties the heap for the next world; chunks are kept. */
void disk_heap_reset(disk_heap *heap);
void disk_heap_free(disk_heap *heap);

#endif
