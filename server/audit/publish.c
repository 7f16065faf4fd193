/* server/audit/publish.c - the log in files.
 * Promises: the same bytes by HTTP and in a folder; names of people stand in none of them; where a
 * folder has a checkpoint, all that it stands for is on the disk. Must never write beside the
 * folder that was named, or over what is not an export of this log. */
#include "server/audit/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/leaf.h"
#include "server/audit/news.h"
#include "server/audit/tree.h"
#include "server/store/dir.h"
#include "server/sync/log_key.h"
#include "server/sync/seen.h"

#define WITNESS        "witness/"
#define PROOF          "proof/"
#define LEAF           "leaf/"
#define RECEIPTS       "receipts/"
#define RECEIPTS_MOST  32u
#define RECEIPTS_LEVEL 6
#define INDEX_DIGITS   18u
#define CHECKPOINT     "checkpoint"
#define UNFINISHED     "checkpoint.new" /* the one that comes last, while the rest is written */
#define FRESH          "next.new"
#define FILE_BYTES_MAX (ST_TILE_WIDTH * (2u + ST_LEAF_BYTES_MAX))

/* ---- devices and policy ---- */

typedef struct {
    const sync_room *room;
    st_buffer *out;
    st_error *error;
    st_err err;
    bool is_policy;
    uint32_t count;
} list;

static void put_device(list *l, const st_id *device, const uint8_t sign_key[32],
                       const char *witness)
{
    char hex[33], key[48];
    st_id_format(device, hex);
    st_base64(sign_key, 32, key);
    if (l->err == ST_OK)
        l->err = st_buffer_printf(l->out, l->error, "%s %s %s\n", hex, key, witness);
}

static bool next_device(void *context, const auth_device *device)
{
    list *l = context;
    static const uint8_t NONE[32];
    st_vkey vkey = { .type = ST_KEY_WITNESS };
    char text[ST_VKEY_BYTES] = "-", hex[33];
    if (device->is_server)
        return true;
    if (memcmp(device->cosign_key, NONE, sizeof NONE) != 0) {
        st_witness_name(l->room->commune.s, &device->id, vkey.name);
        memcpy(vkey.key, device->cosign_key, sizeof vkey.key);
        st_vkey_format(&vkey, text);
    }
    st_id_format(&device->id, hex);
    if (!l->is_policy)
        put_device(l, &device->id, device->sign_key, text);
    else if (text[0] != '-' && l->err == ST_OK)
        l->err = st_buffer_printf(l->out, l->error, "witness %s %s\n", hex, text);
    l->count += text[0] != '-' ? 1 : 0;
    return l->err == ST_OK;
}

/* Each device whose sets the log may hold, with the keys it signs and cosigns with. */
static st_err put_devices(store_txn *txn, const sync_room *room, st_buffer *out, st_error *error)
{
    list l = { .room = room, .out = out, .error = error };
    const auth_keys *keys = room->keys;
    l.err = st_buffer_printf(out, error, "sotay-devices/v1\n");
    put_device(&l, &keys->device, keys->device_public, "-");
    unsigned former = atomic_load(&keys->former_count);
    for (unsigned i = 0; i < former; i++)
        put_device(&l, &keys->former[i].device, keys->former[i].sign_key, "-");
    st_err err = auth_device_each(txn, next_device, &l, error);
    return l.err != ST_OK ? l.err : err;
}

/* C2SP tlog-policy: which log, which witnesses. None of them is needed: a commune's phones are
 * offline for weeks; how many confirm is shown instead. */
static st_err put_policy(store_txn *txn, const sync_room *room, st_buffer *out, st_error *error)
{
    st_vkey vkey;
    char text[ST_VKEY_BYTES];
    list l = { .room = room, .out = out, .error = error, .is_policy = true };
    st_err err = audit_vkey(txn, room, &vkey, error);
    if (err != ST_OK)
        return err;
    st_vkey_format(&vkey, text);
    l.err = st_buffer_printf(out, error, "log %s\n", text);
    err = auth_device_each(txn, next_device, &l, error);
    if (l.err == ST_OK)
        l.err = st_buffer_printf(out, error, "quorum none\n");
    return l.err != ST_OK ? l.err : err;
}

static st_err put_vkey(store_txn *txn, const sync_room *room, st_buffer *out, st_error *error)
{
    st_vkey vkey;
    char text[ST_VKEY_BYTES];
    st_err err = audit_vkey(txn, room, &vkey, error);
    if (err != ST_OK)
        return err;
    st_vkey_format(&vkey, text);
    return st_buffer_printf(out, error, "%s\n", text);
}

/* Nothing of it is there before the first change, so that an export is what it always was. */
static st_err put_log_keys(store_txn *txn, const sync_room *room, st_buffer *out, st_error *error)
{
    st_log_keys keys;
    st_err err = sync_log_keys_read(txn, room, &keys, error);
    if (err == ST_OK && keys.count == 0)
        err = st_fail(error, ST_E_NOT_FOUND, "audit: the log has its first key still");
    return err == ST_OK ? st_log_keys_format(&keys, out, error) : err;
}

static bool next_given_up(void *context, const sync_given_up *one)
{
    list *l = context;
    char hex[33], root[48], signature[96];
    st_id_format(&one->device, hex);
    st_base64(one->head.root.b, sizeof one->head.root.b, root);
    st_base64(one->signature, sizeof one->signature, signature);
    if (l->count++ == 0)
        l->err = st_buffer_printf(l->out, l->error, "sotay-given-up/v1\n");
    if (l->err == ST_OK)
        l->err = st_buffer_printf(l->out, l->error, "%s %" PRIu64 " %" PRIu64 " %s %s\n", hex,
                                  one->epoch, one->head.size, root, signature);
    return l->err == ST_OK;
}

/* What phones held of logs before the present epoch; not there as long as none showed any. */
static st_err put_given_up(store_txn *txn, st_buffer *out, st_error *error)
{
    list l = { .out = out, .error = error };
    st_err err = sync_given_up_each(txn, next_given_up, &l, error);
    if (err == ST_OK && l.count == 0)
        err = st_fail(error, ST_E_NOT_FOUND, "audit: no log was given up");
    return l.err != ST_OK ? l.err : err;
}

/* ---- one file ---- */

static st_err put_tile(store_txn *txn, const st_tile *tile, st_buffer *out, st_error *error)
{
    st_tree_edge edge;
    st_err err = audit_edge_get(txn, &edge, error);
    if (err == ST_OK && st_tile_width(tile->level, tile->place, edge.size) < tile->width)
        err = st_fail(error, ST_E_NOT_FOUND, "audit: the log is not that long");
    return err == ST_OK ? audit_tree_tile(txn, tile, out, error) : err;
}

static st_err put_witness(store_txn *txn, const sync_room *room, const char *name, st_buffer *out,
                          st_error *error)
{
    st_id device;
    st_err err = st_id_parse(name + strlen(WITNESS), &device)
                     ? audit_witness(txn, room, &device, out, error)
                     : ST_E_NOT_FOUND;
    return err == ST_E_NOT_FOUND
               ? st_fail(error, err, "audit: no device of that name confirmed anything")
               : err;
}

/* Decimal, from 1, in its one spelling. 0: it is none. */
static uint64_t read_index(const char *digits)
{
    uint64_t index = 0;
    size_t len = strspn(digits, "0123456789");
    if (len == 0 || len > INDEX_DIGITS || digits[len] != '\0' || digits[0] == '0')
        return 0;
    for (size_t i = 0; i < len; i++)
        index = index * 10 + (uint64_t)(digits[i] - '0');
    return index;
}

/* "proof/<n>", or "leaf/<n>": the entry that it is a proof of. */
static st_err put_proof(store_txn *txn, const char *name, st_buffer *out, st_error *error)
{
    st_buffer other;
    bool is_proof = strncmp(name, PROOF, strlen(PROOF)) == 0;
    st_buffer_init(&other, FILE_BYTES_MAX);
    uint64_t index = read_index(name + (is_proof ? strlen(PROOF) : strlen(LEAF)));
    st_err err = audit_proof(txn, index, is_proof ? out : &other, is_proof ? &other : out, error);
    st_buffer_free(&other);
    return err;
}

/* "5,9,12": numbers as read_index takes them. 0: they are none, or too many. */
static unsigned read_list(const char *text, uint64_t out[RECEIPTS_MOST])
{
    unsigned count = 0;
    for (bool more = true; more; text++) {
        char digits[INDEX_DIGITS + 1];
        size_t len = strcspn(text, ",");
        if (len > INDEX_DIGITS || count == RECEIPTS_MOST)
            return 0;
        memcpy(digits, text, len);
        digits[len] = '\0';
        out[count] = read_index(digits);
        if (out[count++] == 0)
            return 0;
        text += len;
        more = *text == ',';
    }
    return count;
}

/* Two frames for each: proof and leaf, both empty of one that is not signed yet. */
static st_err put_pair(store_txn *txn, uint64_t index, st_frame_writer *frames, st_error *error)
{
    st_buffer proof, leaf;
    st_buffer_init(&proof, FILE_BYTES_MAX);
    st_buffer_init(&leaf, FILE_BYTES_MAX);
    st_err err = audit_proof(txn, index, &proof, &leaf, error);
    if (err == ST_OK || err == ST_E_NOT_FOUND)
        err = st_frame_write(frames, proof.data, proof.len, error);
    if (err == ST_OK)
        err = st_frame_write(frames, leaf.data, leaf.len, error);
    st_buffer_free(&leaf);
    st_buffer_free(&proof);
    return err;
}

/* "receipts/<n>,<n>…": in one stream, so that what the proofs share is sent once. */
static st_err put_receipts(store_txn *txn, const char *name, st_buffer *out, st_error *error)
{
    uint64_t entries[RECEIPTS_MOST];
    st_frame_writer *frames = NULL;
    unsigned count = read_list(name + strlen(RECEIPTS), entries);
    if (count == 0)
        return st_fail(error, ST_E_NOT_FOUND, "audit: no list of entries");
    st_err err = st_frame_writer_new(RECEIPTS_LEVEL, out, &frames, error);
    for (unsigned i = 0; err == ST_OK && i < count; i++)
        err = put_pair(txn, entries[i], frames, error);
    if (err == ST_OK)
        err = st_frame_writer_end(frames, error);
    st_frame_writer_free(frames);
    return err;
}

st_err audit_file(store_txn *txn, const sync_room *room, const char *name, st_buffer *out,
                  st_error *error)
{
    st_tile tile;
    if (st_tile_parse(name, &tile))
        return put_tile(txn, &tile, out, error);
    if (strcmp(name, CHECKPOINT) == 0) {
        st_err err = audit_note(txn, out, NULL, error);
        return err == ST_E_NOT_FOUND
                   ? st_fail(error, err, "audit: nothing was signed yet; write one entry")
                   : err;
    }
    if (strncmp(name, WITNESS, strlen(WITNESS)) == 0)
        return put_witness(txn, room, name, out, error);
    if (strcmp(name, "vkey") == 0)
        return put_vkey(txn, room, out, error);
    if (strcmp(name, "policy") == 0)
        return put_policy(txn, room, out, error);
    if (strcmp(name, "log-keys") == 0)
        return put_log_keys(txn, room, out, error);
    if (strcmp(name, "given-up") == 0)
        return put_given_up(txn, out, error);
    if (strcmp(name, "devices") == 0)
        return put_devices(txn, room, out, error);
    if (strncmp(name, PROOF, strlen(PROOF)) == 0 || strncmp(name, LEAF, strlen(LEAF)) == 0)
        return put_proof(txn, name, out, error);
    if (strncmp(name, RECEIPTS, strlen(RECEIPTS)) == 0)
        return put_receipts(txn, name, out, error);
    return st_fail(error, ST_E_NOT_FOUND, "audit: no file of that name");
}

/* ---- a folder of them ---- */

typedef struct {
    sync_room *room;
    store_txn txn;
    const char *dir;
    int lock;                      /* on it; -1: none */
    char folder[STORE_PATH_BYTES]; /* the one written to last: its names may not be durable yet */
    st_buffer bytes;
    audit_export_report report;
} export_job;

static st_err make_parents(const char *path, size_t from, st_error *error)
{
    char part[STORE_PATH_BYTES];
    st_err err = ST_OK;
    for (size_t i = from; err == ST_OK && path[i] != '\0'; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        err = store_dir_make_open(part, error);
    }
    return err;
}

static st_err sync_folder(export_job *job, st_error *error)
{
    return job->folder[0] != '\0' ? store_dir_sync(job->folder, error) : ST_OK;
}

/* The folder that `path` lies in is there, and so are the names in the one before it. Files come a
 * folder at a time. */
static st_err enter_folder(export_job *job, const char *path, st_error *error)
{
    char folder[STORE_PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (strcmp(folder, job->folder) == 0)
        return ST_OK;
    st_err err = sync_folder(job, error);
    if (err == ST_OK)
        err = make_parents(path, strlen(job->dir) + 1, error);
    if (err == ST_OK)
        memcpy(job->folder, folder, sizeof folder);
    return err;
}

/* Under the name `fresh` first, on the same disk. */
static st_err write_by(const char *fresh, const char *path, const st_buffer *bytes,
                       st_error *error)
{
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", fresh, strerror(errno));
    bool good = store_write_all(fd, bytes->data, bytes->len) && fsync(fd) == 0;
    good = close(fd) == 0 && good && rename(fresh, path) == 0;
    if (good)
        return ST_OK;
    st_err err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    (void)unlink(fresh);
    return err;
}

st_err audit_write_file(const char *path, const st_buffer *bytes, st_error *error)
{
    char fresh[STORE_PATH_BYTES + 8];
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    return write_by(fresh, path, bytes, error);
}

/* Writes job->bytes. Each file of the folder is written under one name, FRESH, so that whoever was
 * killed leaves one at most, which the next one writes over. */
static st_err put_file(export_job *job, const char *name, st_error *error)
{
    char path[STORE_PATH_BYTES], fresh[STORE_PATH_BYTES];
    st_err err = store_dir_path(job->dir, name, path, error);
    if (err == ST_OK)
        err = store_dir_path(job->dir, FRESH, fresh, error);
    if (err == ST_OK)
        err = enter_folder(job, path, error);
    return err == ST_OK ? write_by(fresh, path, &job->bytes, error) : err;
}

static st_err export_file(export_job *job, const char *name, st_error *error)
{
    st_buffer_clear(&job->bytes);
    st_err err = audit_file(&job->txn, job->room, name, &job->bytes, error);
    if (err == ST_OK)
        err = put_file(job, name, error);
    job->report.files += err == ST_OK ? 1 : 0;
    return err;
}

static st_err export_if_there(export_job *job, const char *name, st_error *error)
{
    st_err err = export_file(job, name, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err export_level(export_job *job, unsigned level, st_error *error)
{
    st_err err = ST_OK;
    st_tile tile = { .level = level };
    for (; err == ST_OK; tile.place++) {
        char name[ST_TILE_PATH_BYTES];
        tile.width = st_tile_width(level, tile.place, job->report.head.size);
        if (tile.width == 0)
            break;
        st_tile_path(&tile, name);
        err = export_file(job, name, error);
    }
    return err;
}

typedef struct {
    export_job *job;
    st_error *error;
    st_err err;
} witness_walk;

static bool export_witness(void *context, const auth_device *device)
{
    witness_walk *w = context;
    char name[sizeof WITNESS + 33] = WITNESS;
    st_id_format(&device->id, name + strlen(WITNESS));
    w->err = device->is_server ? ST_E_NOT_FOUND : export_file(w->job, name, w->error);
    if (w->err == ST_E_NOT_FOUND)
        w->err = ST_OK;
    return w->err == ST_OK;
}

static st_err export_witnesses(export_job *job, st_error *error)
{
    witness_walk walk = { job, error, ST_OK };
    st_err err = auth_device_each(&job->txn, export_witness, &walk, error);
    return walk.err != ST_OK ? walk.err : err;
}

/* But for what a killed export left before it had written anything under its name. */
static st_err is_empty(const char *path, bool *out_is, st_error *error)
{
    const char *name = FRESH;
    st_err err = ST_OK;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    while (err == ST_OK && name != NULL && strcmp(name, FRESH) == 0)
        err = store_dir_next(dir, path, &name, error);
    (void)closedir(dir);
    *out_is = name == NULL;
    return err;
}

/* The whole file, if it is there: else nothing. */
static st_err read_note(const char *path, st_buffer *out, st_error *error)
{
    uint8_t piece[4096];
    st_err err = ST_OK;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? ST_OK
                               : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    for (size_t len = 1; err == ST_OK && len > 0;) {
        len = fread(piece, 1, sizeof piece, file);
        err = st_buffer_append(out, piece, len, error);
    }
    if (err == ST_OK && ferror(file))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    (void)fclose(file);
    return err;
}

/* Is the log as it stands that of `old`, with more behind it? A log that was put back is not. */
static st_err continues(export_job *job, const st_tree_head *old, const st_tree_head *now,
                        bool *out_does, st_error *error)
{
    st_hash root;
    st_tree_source source = audit_tree_source(&job->txn);
    *out_does = false;
    if (old->size > now->size)
        return ST_OK;
    st_err err = st_tree_hash(&source, 0, old->size, &root, error);
    *out_does = err == ST_OK && memcmp(root.b, old->root.b, sizeof root.b) == 0;
    return err;
}

static st_err refuse_folder(const export_job *job, st_error *error)
{
    return st_fail(error, ST_E_EXISTS, "%s: holds something that is no export of this log",
                   job->dir);
}

static st_err check_older(export_job *job, const st_buffer *bytes, const st_checkpoint *now,
                          st_error *error)
{
    st_arena arena;
    st_note note;
    st_checkpoint old;
    bool does = false;
    st_arena_init(&arena, ST_NOTE_BYTES_MAX);
    bool is_ours = st_note_decode(bytes->data, bytes->len, &arena, &note, NULL) == ST_OK &&
                   st_checkpoint_decode(&note, &old, NULL) == ST_OK &&
                   st_origin_is_same_log(old.origin, now->origin);
    st_arena_reset(&arena);
    if (!is_ours)
        return refuse_folder(job, error);
    st_err err = continues(job, &old.head, &now->head, &does, error);
    return err != ST_OK || does
               ? err
               : st_fail(error, ST_E_EXISTS,
                         "%s: holds an export that this log does not continue: it was put back "
                         "since; take a new folder, and keep that one",
                         job->dir);
}

/* *out_is_there: the folder has a checkpoint of that name. */
static st_err check_named(export_job *job, const char *name, const st_checkpoint *now,
                          bool *out_is_there, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_buffer bytes;
    st_err err = store_dir_path(job->dir, name, path, error);
    if (err != ST_OK)
        return err;
    st_buffer_init(&bytes, ST_NOTE_BYTES_MAX);
    err = read_note(path, &bytes, error);
    *out_is_there = bytes.len > 0;
    if (err == ST_OK && *out_is_there)
        err = check_older(job, &bytes, now, error);
    st_buffer_free(&bytes);
    return err;
}

/* One export at a time; where folders cannot be locked, who starts two is on his own. */
static st_err lock_folder(export_job *job, st_error *error)
{
    job->lock = open(job->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (job->lock < 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", job->dir, strerror(errno));
    return flock(job->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
               ? ST_OK
               : st_fail(error, ST_E_BUSY, "%s: another export is writing there", job->dir);
}

/* Empty, or with an older export of this log in it, or a part of one. */
static st_err check_folder(export_job *job, const st_checkpoint *now, st_error *error)
{
    bool empty = false, has_whole = false, has_part = false;
    st_err err = store_dir_make_open(job->dir, error);
    if (err == ST_OK)
        err = lock_folder(job, error);
    if (err == ST_OK)
        err = is_empty(job->dir, &empty, error);
    if (err == ST_OK && !empty)
        err = check_named(job, CHECKPOINT, now, &has_whole, error);
    if (err == ST_OK && !empty)
        err = check_named(job, UNFINISHED, now, &has_part, error);
    return err != ST_OK || empty || has_whole || has_part ? err : refuse_folder(job, error);
}

/* Whatever is not on the disk yet has a checkpoint that says so. */
static st_err begin_folder(export_job *job, st_error *error)
{
    st_err err = put_file(job, UNFINISHED, error);
    return err == ST_OK ? sync_folder(job, error) : err;
}

static st_err end_folder(export_job *job, st_error *error)
{
    char from[STORE_PATH_BYTES], to[STORE_PATH_BYTES];
    st_err err = sync_folder(job, error);
    if (err == ST_OK)
        err = store_dir_path(job->dir, UNFINISHED, from, error);
    if (err == ST_OK)
        err = store_dir_path(job->dir, CHECKPOINT, to, error);
    if (err == ST_OK && rename(from, to) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", to, strerror(errno));
    job->report.files += err == ST_OK ? 1 : 0;
    return err == ST_OK ? store_dir_sync(job->dir, error) : err;
}

static st_err export_all(export_job *job, st_error *error)
{
    static const char *const NAMES[] = { "vkey", "policy", "devices" };
    st_checkpoint now;
    st_err err = audit_note(&job->txn, &job->bytes, &now, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, err, "audit: nothing was signed yet; write one entry");
    if (err != ST_OK)
        return err;
    job->report.head = now.head;
    err = check_folder(job, &now, error);
    if (err == ST_OK)
        err = begin_folder(job, error);
    for (unsigned level = 0; err == ST_OK && level <= ST_TILE_ENTRIES; level++)
        err = export_level(job, level, error);
    if (err == ST_OK)
        err = export_witnesses(job, error);
    if (err == ST_OK)
        err = export_if_there(job, "log-keys", error);
    if (err == ST_OK)
        err = export_if_there(job, "given-up", error);
    for (size_t i = 0; err == ST_OK && i < sizeof NAMES / sizeof NAMES[0]; i++)
        err = export_file(job, NAMES[i], error);
    return err == ST_OK ? end_folder(job, error) : err;
}

st_err audit_export(sync_room *room, const char *dir, audit_export_report *out_report,
                    st_error *error)
{
    export_job job = { .room = room, .dir = dir, .lock = -1 };
    st_buffer_init(&job.bytes, FILE_BYTES_MAX);
    st_err err = store_begin(room->store, STORE_READ_TXN, &job.txn, error);
    if (err == ST_OK)
        err = export_all(&job, error);
    store_end(&job.txn);
    st_buffer_free(&job.bytes);
    if (job.lock >= 0)
        (void)close(job.lock);
    if (err == ST_OK)
        *out_report = job.report;
    return err;
}

/* ---- one proof ---- */

st_err audit_proof(store_txn *txn, uint64_t index, st_buffer *out_file, st_buffer *out_leaf,
                   st_error *error)
{
    st_buffer note;
    st_checkpoint now;
    store_slice leaf = { 0 };
    st_proof_file file = { .place = index - 1 };
    st_tree_source source = audit_tree_source(txn);
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = audit_note(txn, &note, &now, error);
    if (err == ST_OK && (index == 0 || index > now.head.size))
        err = st_fail(error, ST_E_NOT_FOUND, "audit: entry %" PRIu64 " is not signed yet", index);
    if (err == ST_OK)
        err = st_tree_inclusion(&source, file.place, now.head.size, &file.proof, error);
    if (err == ST_OK)
        err = audit_leaf_bytes(txn, file.place, &leaf, error);
    if (err == ST_OK)
        err = st_buffer_append(out_leaf, leaf.data, leaf.len, error);
    file.checkpoint = (const char *)note.data;
    file.checkpoint_len = note.len;
    if (err == ST_OK)
        err = st_proof_file_encode(&file, out_file, error);
    st_buffer_free(&note);
    return err;
}
