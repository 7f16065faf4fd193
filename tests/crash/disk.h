/* tests/crash/disk.h - a disk as the log of record.c leaves it: what surely is on it, and what
 * may be. A write is pending until a sync of its file that began after it has ended, a name
 * until a sync of its folder; a durable write (O_DSYNC) until it is done. What is pending may
 * be on the disk in any mixture, and a write in any of its sectors of 512 bytes. */
#ifndef SOTAY_TESTS_CRASH_DISK_H
#define SOTAY_TESTS_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/crash/oplog.h"

#define DISK_NAME_BYTES 1024

typedef struct disk disk;

/* What a disk must hold to be told from others: a record of the log, with where it points. */
typedef struct {
    const oplog_head *head;
    const char *name, *name2; /* name2: of a rename */
    const uint8_t *data;      /* lives as long as the disk */
} disk_op;

/* Which promises of the machine are kept; all of them but in a control. */
typedef enum { DISK_KEEPS_SYNCS, DISK_IGNORES_FDATASYNC, DISK_IGNORES_SYNCS } disk_mode;

/* A disk that sees only names that are `target` or lie below it. NULL: no memory. Ends the program
 * when memory runs out later. */
disk *disk_new(const char *target, disk_mode mode);
void disk_free(disk *d);
/* Applies the next record. Returns true when the disk, or what may be on it, changed. */
bool disk_apply(disk *d, const disk_op *op);
/* How much may or may not be there. */
size_t disk_pending(const disk *d);

/* How a cut chooses among what is pending. */
typedef enum {
    CUT_NOTHING,  /* none of it reached the disk */
    CUT_ALL,      /* all of it did */
    CUT_HALF,     /* each by a coin */
    CUT_PREFIX,   /* in order, up to some point; that one torn */
    CUT_TORN,     /* each by a coin, and every sector by a coin */
    CUT_ONE_LOST, /* all but one */
    CUT_ONE_KEPT,
    CUT_KINDS
} cut_kind;

/* Makes the folder `into` hold what the disk holds after a cut: the target's files and folders, no
 * others. seed chooses; the same one gives the same disk. false: `into` cannot be written. */
bool disk_build(disk *d, cut_kind cut, uint64_t seed, const char *into);
/* The inode number and the device, as recorded, of the file that a name leads to on the disk
 * that was built last; 0: none. */
uint64_t disk_inode(const disk *d, const char *name, uint64_t *out_device);
/* Does the folder `real` hold exactly what the disk holds with all that is pending (built in
 * `scratch` for that)? Files whose name ends with lock.mdb are left out. why: 200 bytes. */
bool disk_is(disk *d, const char *real, const char *scratch, char *why);

/* A small generator: the next number of *state. */
uint64_t disk_random(uint64_t *state);

#endif
