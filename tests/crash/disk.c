/* tests/crash/disk.c - keeps the sure part of a disk and the list of what is pending, and
 * builds what a cut may leave.
 * Promises: whatever was synced is in every disk that is built; later writes lie over earlier
 * ones; a name that is kept leads to its file even when the file's first name was lost.
 * Not modelled: a disk that lies, and sectors that cannot be read afterwards. */
#include "tests/crash/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR    512u
#define SYNCS_MAX 64u

typedef struct {
    uint64_t inode, device; /* as recorded */
    bool is_gone;           /* the number belongs to another file by now */
    unsigned mode;
    bool is_folder;
    uint8_t *bytes; /* what is surely there */
    size_t size, capacity;
} node;

typedef struct {
    const char *name; /* in the log */
    node *node;
} entry;

typedef struct {
    entry *at;
    size_t count, capacity;
} directory;

typedef enum { PENDS_WRITE, PENDS_SIZE, PENDS_NAME } pending_kind;

/* Something that may or may not be on the disk. */
typedef struct {
    pending_kind kind;
    bool is_sure; /* synced, but lies over something that is not */
    node *node;   /* NULL with PENDS_NAME: the name is taken away */
    uint64_t at, id, order;
    const uint8_t *data;
    size_t len;
    const char *name, *name2; /* name2: the node's new name, and name is taken away */
} pending;

struct disk {
    const char *target;
    size_t target_len;
    disk_mode mode;
    node **nodes;
    size_t nodes_count, nodes_capacity;
    directory sure, now, made, built; /* made: every folder that was ever made */
    pending *pending;
    size_t pending_count, pending_capacity;
    bool *kept; /* of the disk being built */
    size_t kept_capacity;
    uint64_t order;
    struct {
        uint64_t id, order;
    } syncs[SYNCS_MAX]; /* that have begun */
};

uint64_t disk_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Room for one more element; a test without memory is over. */
static void *grow(void *array, size_t count, size_t *capacity, size_t element)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = realloc(array, *capacity * element);
    if (grown == NULL)
        abort();
    return grown;
}

/* ---- directories: names and where they lead ---- */

static entry *find(const directory *dir, const char *name)
{
    for (size_t i = 0; i < dir->count; i++)
        if (strcmp(dir->at[i].name, name) == 0)
            return &dir->at[i];
    return NULL;
}

static void set_name(directory *dir, const char *name, node *to)
{
    entry *have = find(dir, name);
    if (have == NULL && to == NULL)
        return;
    if (have == NULL) {
        dir->at = grow(dir->at, dir->count, &dir->capacity, sizeof *dir->at);
        have = &dir->at[dir->count++];
        have->name = name;
    }
    have->node = to;
    if (to == NULL)
        *have = dir->at[--dir->count];
}

static void apply_name(directory *dir, const pending *p)
{
    if (p->name2 == NULL) {
        set_name(dir, p->name, p->node);
        return;
    }
    set_name(dir, p->name, NULL);
    set_name(dir, p->name2, p->node);
}

static bool is_of_target(const disk *d, const char *name)
{
    return strncmp(name, d->target, d->target_len) == 0 &&
           (name[d->target_len] == '/' || name[d->target_len] == '\0');
}

/* Does `name` lie directly in `folder`? */
static bool lies_in(const char *name, const char *folder)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - name);
    return strlen(folder) == len && strncmp(name, folder, len) == 0;
}

/* ---- nodes ---- */

static node *new_node(disk *d, uint64_t inode, bool is_folder, unsigned mode)
{
    node *made = calloc(1, sizeof *made);
    if (made == NULL)
        abort();
    made->inode = inode;
    made->is_folder = is_folder;
    made->mode = mode;
    d->nodes = grow(d->nodes, d->nodes_count, &d->nodes_capacity, sizeof(node *));
    d->nodes[d->nodes_count++] = made;
    return made;
}

static node *node_of(const disk *d, uint64_t inode)
{
    for (size_t i = d->nodes_count; i > 0; i--)
        if (d->nodes[i - 1]->inode == inode && !d->nodes[i - 1]->is_folder &&
            !d->nodes[i - 1]->is_gone)
            return d->nodes[i - 1];
    return NULL;
}

static void set_size(node *n, uint64_t size)
{
    if (size > n->capacity) {
        n->capacity = (size_t)size * 2;
        n->bytes = realloc(n->bytes, n->capacity);
        if (n->bytes == NULL)
            abort();
    }
    if (size > n->size)
        memset(n->bytes + n->size, 0, (size_t)size - n->size);
    n->size = (size_t)size;
}

static void apply_data(node *n, const pending *p)
{
    if (p->kind == PENDS_SIZE) {
        set_size(n, p->at);
        return;
    }
    if (p->at + p->len > n->size)
        set_size(n, p->at + p->len);
    memcpy(n->bytes + p->at, p->data, p->len);
}

/* ---- what is pending, and what becomes sure ---- */

static pending *add_pending(disk *d, pending_kind kind, node *n)
{
    d->pending = grow(d->pending, d->pending_count, &d->pending_capacity, sizeof *d->pending);
    pending *p = &d->pending[d->pending_count++];
    *p = (pending){ .kind = kind, .node = n, .order = ++d->order };
    return p;
}

static bool touches(const pending *p, const char *name)
{
    return name != NULL &&
           (strcmp(p->name, name) == 0 || (p->name2 != NULL && strcmp(p->name2, name) == 0));
}

/* Must `later` wait, since it lies over `earlier`? */
static bool lies_over(const pending *later, const pending *earlier)
{
    if (later->kind != PENDS_NAME || earlier->kind != PENDS_NAME)
        return later->kind != PENDS_NAME && earlier->kind != PENDS_NAME &&
               later->node == earlier->node;
    return touches(earlier, later->name) || touches(earlier, later->name2);
}

/* Takes what is sure out of the list, as far as nothing unsure lies below it. */
static void settle(disk *d)
{
    size_t left = 0;
    for (size_t i = 0; i < d->pending_count; i++) {
        pending *p = &d->pending[i];
        bool waits = !p->is_sure;
        for (size_t k = 0; k < left && !waits; k++)
            waits = lies_over(p, &d->pending[k]);
        if (waits)
            d->pending[left++] = *p;
        else if (p->kind == PENDS_NAME)
            apply_name(&d->sure, p);
        else
            apply_data(p->node, p);
    }
    d->pending_count = left;
}

static void begin_sync(disk *d, uint64_t id)
{
    size_t oldest = 0;
    for (size_t i = 0; i < SYNCS_MAX; i++)
        if (d->syncs[i].order < d->syncs[oldest].order)
            oldest = i;
    d->syncs[oldest].id = id;
    d->syncs[oldest].order = d->order;
}

static void end_sync(disk *d, const disk_op *op)
{
    uint64_t order = 0;
    bool is_folder = (op->head->flags & FLAG_FOLDER) != 0;
    if (d->mode == DISK_IGNORES_SYNCS ||
        (d->mode == DISK_IGNORES_FDATASYNC && (op->head->flags & FLAG_DATA_ONLY) != 0))
        return;
    for (size_t i = 0; i < SYNCS_MAX; i++)
        if (d->syncs[i].id == op->head->id)
            order = d->syncs[i].order;
    const node *n = node_of(d, op->head->inode);
    for (size_t i = 0; i < d->pending_count; i++) {
        pending *p = &d->pending[i];
        if (p->order > order)
            continue;
        if (!is_folder && p->kind != PENDS_NAME && p->node == n)
            p->is_sure = true;
        if (is_folder && p->kind == PENDS_NAME &&
            lies_in(p->name2 != NULL ? p->name2 : p->name, op->name))
            p->is_sure = true;
    }
    settle(d);
}

static void done(disk *d, uint64_t id)
{
    if (d->mode == DISK_IGNORES_SYNCS)
        return;
    for (size_t i = 0; i < d->pending_count; i++)
        if (d->pending[i].id == id && d->pending[i].kind == PENDS_WRITE)
            d->pending[i].is_sure = true;
    settle(d);
}

/* ---- one record ---- */

static bool apply_new(disk *d, const disk_op *op)
{
    bool is_folder = op->head->kind == OP_MKDIR;
    node *had = is_folder ? NULL : node_of(d, op->head->inode);
    if (had != NULL)
        had->is_gone = true;
    if (!is_of_target(d, op->name))
        return false;
    node *made = new_node(d, op->head->inode, is_folder, (unsigned)op->head->offset);
    made->device = op->head->id;
    if (is_folder)
        set_name(&d->made, op->name, made);
    set_name(&d->now, op->name, made);
    add_pending(d, PENDS_NAME, made)->name = op->name;
    return true;
}

static bool apply_gone(disk *d, const disk_op *op)
{
    const char *to = op->head->kind == OP_RENAME ? op->name2 : NULL;
    const entry *had = find(&d->now, op->name);
    if (!is_of_target(d, op->name) || had == NULL)
        return false;
    node *moved = to == NULL ? NULL : had->node;
    pending *p = add_pending(d, PENDS_NAME, moved);
    p->name = op->name;
    p->name2 = to;
    apply_name(&d->now, p);
    return true;
}

static bool apply_bytes(disk *d, const disk_op *op)
{
    node *n = node_of(d, op->head->inode);
    if (n == NULL)
        return false;
    pending *p = add_pending(d, op->head->kind == OP_WRITE ? PENDS_WRITE : PENDS_SIZE, n);
    p->at = op->head->offset;
    p->id = op->head->id;
    p->data = op->data;
    p->len = op->head->data_len;
    return true;
}

bool disk_apply(disk *d, const disk_op *op)
{
    size_t before = d->pending_count;
    switch ((oplog_kind)op->head->kind) {
    case OP_CREATE:
    case OP_MKDIR: return apply_new(d, op);
    case OP_RENAME:
    case OP_UNLINK: return apply_gone(d, op);
    case OP_WRITE:
    case OP_TRUNCATE: return apply_bytes(d, op);
    case OP_DONE: done(d, op->head->id); return d->pending_count != before;
    case OP_SYNC_BEGIN: begin_sync(d, op->head->id); return false;
    case OP_SYNC_END: end_sync(d, op); return d->pending_count != before;
    default: return false;
    }
}

size_t disk_pending(const disk *d)
{
    return d->pending_count;
}

disk *disk_new(const char *target, disk_mode mode)
{
    disk *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->target = target;
    d->target_len = strlen(target);
    d->mode = mode;
    return d;
}

void disk_free(disk *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->nodes_count; i++) {
        free(d->nodes[i]->bytes);
        free(d->nodes[i]);
    }
    free(d->nodes);
    free(d->sure.at);
    free(d->now.at);
    free(d->made.at);
    free(d->built.at);
    free(d->pending);
    free(d->kept);
    free(d);
}

/* ---- what a cut leaves ---- */

static bool coin(uint64_t seed, uint64_t what)
{
    uint64_t state = seed ^ (what * 0xd1342543de82ef95u);
    return (disk_random(&state) & 1) != 0;
}

/* Is the i-th pending thing on the disk, wholly or in part? */
static bool keeps(const disk *d, cut_kind cut, uint64_t seed, size_t i)
{
    uint64_t state = seed;
    size_t count = d->pending_count;
    if (d->pending[i].is_sure)
        return true;
    switch (cut) {
    case CUT_ALL: return true;
    case CUT_HALF:
    case CUT_TORN: return coin(seed, i + 1);
    case CUT_PREFIX: return i <= disk_random(&state) % count;
    case CUT_ONE_LOST: return i != disk_random(&state) % count;
    case CUT_ONE_KEPT: return i == disk_random(&state) % count;
    default: return false;
    }
}

static bool is_torn(const disk *d, cut_kind cut, uint64_t seed, size_t i)
{
    uint64_t state = seed;
    if (d->pending[i].is_sure)
        return false;
    return cut == CUT_TORN || (cut == CUT_PREFIX && i == disk_random(&state) % d->pending_count);
}

/* Writes some of the sectors of a write; the size grows or does not. */
static bool write_torn(int fd, const pending *p, uint64_t seed)
{
    struct stat info;
    bool good = fstat(fd, &info) == 0;
    uint64_t end = p->at + p->len;
    if (good && end > (uint64_t)info.st_size && coin(seed, 0))
        good = ftruncate(fd, (off_t)end) == 0;
    for (uint64_t at = p->at; good && at < end;) {
        uint64_t next = (at / SECTOR + 1) * SECTOR;
        if (next > end)
            next = end;
        if (coin(seed, next))
            good = pwrite(fd, p->data + (at - p->at), next - at, (off_t)at) == (ssize_t)(next - at);
        at = next;
    }
    return good;
}

typedef struct {
    cut_kind kind;
    uint64_t seed;
} cut_how;

static bool build_file(const disk *d, const node *n, cut_how cut, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, n->mode);
    bool good = fd >= 0 && fchmod(fd, n->mode) == 0;
    good = good && (n->size == 0 || write(fd, n->bytes, n->size) == (ssize_t)n->size);
    for (size_t i = 0; good && i < d->pending_count; i++) {
        const pending *p = &d->pending[i];
        if (p->kind == PENDS_NAME || p->node != n || !d->kept[i])
            continue;
        if (p->kind == PENDS_SIZE)
            good = ftruncate(fd, (off_t)p->at) == 0;
        else if (is_torn(d, cut.kind, cut.seed, i))
            good = write_torn(fd, p, cut.seed + i);
        else
            good = pwrite(fd, p->data, p->len, (off_t)p->at) == (ssize_t)p->len;
    }
    return fd >= 0 && close(fd) == 0 && good;
}

/* Are all folders on the way to the name there? Those that nobody made always were. */
static bool has_way(const disk *d, const char *name)
{
    char folder[DISK_NAME_BYTES];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
        if (find(&d->made, folder) != NULL && find(&d->built, folder) == NULL)
            return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static bool remove_tree(const char *path)
{
    char *const paths[] = { (char *)(uintptr_t)path, NULL };
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    bool good = walk != NULL;
    for (FTSENT *at = good ? fts_read(walk) : NULL; at != NULL; at = fts_read(walk))
        if (at->fts_level > 0 && at->fts_info != FTS_D)
            good =
                (at->fts_info == FTS_DP ? rmdir(at->fts_path) : unlink(at->fts_path)) == 0 && good;
    if (walk != NULL)
        (void)fts_close(walk);
    return good;
}

/* Makes the folders above the name that nobody recorded. */
static void make_way(const char *into, const char *name)
{
    char path[2 * DISK_NAME_BYTES];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(path, sizeof path, "%s/%.*s", into, (int)(slash - name), name);
        (void)mkdir(path, 0700);
    }
}

static void choose(disk *d, cut_how cut)
{
    d->built.count = 0;
    for (size_t i = 0; i < d->sure.count; i++) {
        d->built.at = grow(d->built.at, d->built.count, &d->built.capacity, sizeof(entry));
        d->built.at[d->built.count++] = d->sure.at[i];
    }
    if (d->kept_capacity < d->pending_count) {
        d->kept_capacity = d->pending_count * 2;
        d->kept = realloc(d->kept, d->kept_capacity * sizeof *d->kept);
        if (d->kept == NULL)
            abort();
    }
    for (size_t i = 0; i < d->pending_count; i++) {
        d->kept[i] = keeps(d, cut.kind, cut.seed, i);
        if (d->kept[i] && d->pending[i].kind == PENDS_NAME)
            apply_name(&d->built, &d->pending[i]);
    }
    if (d->built.count > 0)
        qsort(d->built.at, d->built.count, sizeof(entry), by_name);
}

bool disk_build(disk *d, cut_kind kind, uint64_t seed, const char *into)
{
    char path[2 * DISK_NAME_BYTES];
    cut_how cut = { kind, seed };
    choose(d, cut);
    bool good = remove_tree(into);
    for (size_t i = 0; good && i < d->built.count; i++) {
        const entry *e = &d->built.at[i];
        if (!has_way(d, e->name))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", into, e->name);
        make_way(into, e->name);
        good = e->node->is_folder ? mkdir(path, 0700) == 0 : build_file(d, e->node, cut, path);
    }
    return good;
}

uint64_t disk_inode(const disk *d, const char *name, uint64_t *out_device)
{
    const entry *e = find(&d->built, name);
    if (e == NULL || !has_way(d, name))
        return 0;
    *out_device = e->node->device;
    return e->node->inode;
}

/* ---- is the log whole? ---- */

static bool is_lock_file(const char *name)
{
    size_t len = strlen(name);
    return len >= 8 && strcmp(name + len - 8, "lock.mdb") == 0;
}

static bool same_file(const char *a, const char *b)
{
    FILE *one = fopen(a, "rbe"), *two = fopen(b, "rbe");
    bool same = one != NULL && two != NULL;
    while (same) {
        char x[8192], y[8192];
        size_t n = fread(x, 1, sizeof x, one), m = fread(y, 1, sizeof y, two);
        same = n == m && memcmp(x, y, n) == 0;
        if (n == 0)
            break;
    }
    if (one != NULL)
        (void)fclose(one);
    if (two != NULL)
        (void)fclose(two);
    return same;
}

bool disk_is(disk *d, const char *real, const char *scratch, char *why)
{
    char path[2 * DISK_NAME_BYTES], mine[2 * DISK_NAME_BYTES], target[2 * DISK_NAME_BYTES];
    bool good = disk_build(d, CUT_ALL, 0, scratch);
    (void)snprintf(why, 200, "%s", good ? "" : "no scratch folder");
    (void)snprintf(target, sizeof target, "%s/%s", real, d->target);
    char *const paths[] = { target, NULL };
    size_t seen = 0;
    FTS *walk = good ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    for (FTSENT *at = walk != NULL ? fts_read(walk) : NULL; at != NULL; at = fts_read(walk)) {
        const char *name = at->fts_path + strlen(real) + 1;
        if (at->fts_info != FTS_F)
            continue;
        seen++;
        (void)snprintf(path, sizeof path, "%s/%s", real, name);
        (void)snprintf(mine, sizeof mine, "%s/%s", scratch, name);
        if (is_lock_file(name) || same_file(path, mine))
            continue;
        good = false;
        (void)snprintf(why, 200, "%.150s is not what the log says", name);
    }
    if (walk != NULL)
        (void)fts_close(walk);
    for (size_t i = 0; good && i < d->now.count; i++)
        seen -= d->now.at[i].node->is_folder ? 0 : 1;
    if (good && seen != 0) {
        good = false;
        (void)snprintf(why, 200, "there are more or fewer files than the log says");
    }
    return good;
}
