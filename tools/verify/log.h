/* tools/verify/log.h - checks a published log with nothing trusted but its key. Knows proto/ alone,
 * and nothing of files or networks: it asks a source for files by name. */
#ifndef SOTAY_TOOLS_VERIFY_LOG_H
#define SOTAY_TOOLS_VERIFY_LOG_H

#include "proto/leaf.h"
#include "proto/log_key.h"
#include "proto/message.h"
#include "proto/note.h"

/* Gives a file of the log: "checkpoint", "devices", "tile/0/000", ... Appends; ST_E_NOT_FOUND:
 * there is none. */
typedef struct {
    void *context;
    st_err (*read)(void *context, const char *name, st_buffer *out, st_error *error);
} verify_source;

/* One device of the list, and what its sets say so far. */
typedef struct {
    st_id id;
    uint8_t sign_key[32];
    bool has_witness;
    bool is_office; /* wrote what only the server of the log writes */
    st_vkey witness;
    uint64_t entries;
    uint64_t confirmed, confirmed_s; /* the size that it confirmed, and when; 0: none */
    bool confirmed_more;             /* one of more entries than were read: not compared */
} verify_device;

/* A set in the log: one link of its device's chain. */
typedef struct {
    uint32_t device; /* its place in the list */
    uint64_t place, first, last;
    bool has_prev, is_gap;
    st_hash prev, hash;
} verify_link;

/* What somebody's set says that it had seen of the log. */
typedef struct {
    uint32_t device; /* its place in the list */
    bool is_fork;
    uint64_t first;  /* counter of its first change */
    uint64_t place, size;
    st_hash root;
} verify_seen;

/* What is wrong with one device, and keeps nobody from checking the rest. */
typedef enum {
    VERIFY_OTHER_LOG, /* it had seen one that this does not continue: its first set that says so */
    VERIFY_HOLE       /* changes of it are not here: the set behind them */
} verify_doubt_kind;
typedef struct {
    verify_doubt_kind kind;
    uint32_t device; /* its place in the list */
    uint64_t place;
    uint64_t from, to; /* HOLE: what is missing. OTHER_LOG, `to`: how many entries that log has */
    uint64_t put_back; /* HOLE: the entry of a restore that may have lost it; 0: none */
} verify_doubt;

/* Changes of a device that never came, because entry `place` says that they are gone. The server
 * says so, and no phone signs it: nothing is wrong by that, and each is worth a question. */
typedef struct {
    uint32_t device; /* its place in the list */
    uint64_t place, from, to;
} verify_gone;

/* An entry `epoch`: where a new epoch of the log begins. Beyond `size` entries what somebody has
 * seen may be of the one of before, which is gone or came again. */
typedef struct {
    uint64_t place, size;
    bool has_root; /* the entry says so, with the root; of before: `size` is its place */
    st_hash root;
} verify_cut;

/* A log that a phone was shown and that a new epoch, of entry `put_back`, gave up. */
typedef struct {
    st_id device;
    uint64_t size, put_back;
} verify_given;

/* A log under check. Zero it; verify_log_free gives its memory back. */
typedef struct {
    st_vkey vkey; /* the key that counts now: it follows from the one that was given */
    st_id id;     /* of the log: in every name of its keys */
    st_log_keys keys; /* of the file log-keys; none without it */
    bool has_keys;
    uint32_t keys_noted; /* so many of its changes have their entry so far */
    st_opened now;       /* its checkpoint */
    st_buffer note;
    st_arena arena;                 /* of notes */
    st_hash *nodes[ST_TREE_LEVELS]; /* of each level, complete subtrees only */
    uint64_t counts[ST_TREE_LEVELS], rooms[ST_TREE_LEVELS];
    verify_device *devices;
    size_t devices_count, devices_room;
    verify_link *links;
    size_t links_count, links_room;
    verify_seen *seens;
    size_t seens_count, seens_room;
    verify_doubt *doubts; /* by their places */
    size_t doubts_count, doubts_room;
    verify_gone *gones;
    size_t gones_count, gones_room;
    verify_cut *cuts; /* ascending by place: the first begins the second epoch */
    size_t cuts_count, cuts_room;
    bool has_given; /* there is a file given-up */
    verify_given *givens;
    size_t givens_count, givens_room;
    int64_t last_time_ms;
    uint32_t confirmed; /* devices that confirmed a checkpoint of this log */
    uint32_t phones;    /* devices that might: all but the office's own */
    bool was_read;      /* verify_log_read found nothing wrong but `doubts` */
    bool is_strict;     /* each signature line must be a listed one's, and good */
} verify_log;

/* Reads all of it and checks: the key given, or one that follows from it, signed the checkpoint;
 * each change of the key is signed by both and stands in the log; each leaf has its one spelling,
 * its time is not before the one's before it; tiles and root are those of the leaves; each set is
 * signed by its device, each device's chain is whole; nobody has seen a log that this one does not
 * continue. ST_E_CORRUPT or ST_E_SIGNATURE: error->detail names the first wrong entry; with
 * `was_read` set the doubts are all that is wrong, and what comes below can be asked all the same.
 * ST_E_NETWORK, ST_E_NOT_FOUND: a file cannot be had. ST_E_MEMORY. */
ST_MUST_USE st_err verify_log_read(verify_log *log, const verify_source *source,
                                   const st_vkey *vkey, st_error *error);
/* Says which entry is wrong by doubts[which], and why. ST_E_CORRUPT. */
st_err verify_say_doubt(const verify_log *log, size_t which, st_error *error);
/* After that: is the log that this older checkpoint speaks of the beginning of it? *out_size (may
 * be NULL): its entries. Errors as above; when the log has an entry of a restore since then, that
 * is named. */
ST_MUST_USE st_err verify_log_continues(const verify_log *log, const void *note, size_t len,
                                        uint64_t *out_size, st_error *error);
/* After that: what a tile of the log must be. Appends; ST_E_NOT_FOUND: there is none. Only of
 * hashes. */
ST_MUST_USE st_err verify_log_tile(const verify_log *log, const st_tile *tile, st_buffer *out,
                                   st_error *error);
/* After that: of how many entries does the paper speak? 0: of none. */
uint64_t verify_log_code(const verify_log *log, const st_paper *paper);
void verify_log_free(verify_log *log);

/* The parts, for log.c and chain.c. */
st_tree_source verify_log_source(const verify_log *log);
/* Puts the name of the file in front of what was wrong in it, if it is not there. Gives `err`. */
st_err verify_in_file(st_err err, const char *name, st_error *error);
/* Room for one more of `size` bytes; NULL without memory. */
void *verify_grow(void *list, size_t count, size_t *room, size_t size);
ST_MUST_USE st_err verify_devices_read(verify_log *log, const char *text, size_t len,
                                       st_error *error);
/* keys.c: reads log-keys, and finds the key that counts from the one given; without a list that is
 * it. Notes what an entry
 * `key` says of a change; when all are there: was each change noted? */
ST_MUST_USE st_err verify_keys_read(verify_log *log, const verify_source *source,
                                    const st_vkey *given, st_error *error);
ST_MUST_USE st_err verify_keys_take(verify_log *log, uint64_t place, const st_leaf *leaf,
                                    st_error *error);
ST_MUST_USE st_err verify_keys_end(const verify_log *log, st_error *error);
/* Opens a checkpoint of whichever key of the log counted then. */
ST_MUST_USE st_err verify_keys_open(const verify_log *log, const void *note, size_t len,
                                    st_arena *arena, st_opened *out_opened, st_error *error);
/* given.c: reads given-up, what phones were shown of logs before this epoch. */
ST_MUST_USE st_err verify_given_read(verify_log *log, const verify_source *source,
                                     st_error *error);
/* Of the epochs since a checkpoint the one that leaves least of its log; NULL: none. Is it of this
 * log? */
const verify_cut *verify_log_cut(const verify_log *log, const st_checkpoint *then,
                                 bool *out_is_this);
/* Notes what the leaf at `place` says, and checks what it says by itself. */
ST_MUST_USE st_err verify_leaf_take(verify_log *log, uint64_t place, const st_leaf *leaf,
                                    st_error *error);
/* When all are noted: what devices confirmed; chains without holes, and what was seen. */
ST_MUST_USE st_err verify_witnesses(verify_log *log, const verify_source *source, st_error *error);
ST_MUST_USE st_err verify_chains(verify_log *log, st_error *error);

/* A proof file, and the bytes of the leaf that it speaks of. */
typedef struct {
    const void *file, *leaf;
    size_t file_len, leaf_len;
} verify_receipt;
/* What it is a receipt of: entry `entry` of this log, from 1; entry `was` of the log that had
 * `size` entries then. put_back: the entry of a restore since then; 0: none. */
typedef struct {
    uint64_t entry, was, size, put_back;
} verify_held;
/* Against the keys of the log, of which only verify_keys_read need have run: whichever counted then
 * signed it. When the log was read, the receipt is also held against that: it must have the entry,
 * and begin with the log that the receipt speaks of, unless that one is longer; after a restore, of
 * which the log has an entry, it must have the entry or the same set again. Errors as above. */
ST_MUST_USE st_err verify_proof(const verify_log *log, const verify_receipt *receipt,
                                verify_held *out_held, st_error *error);

#endif
