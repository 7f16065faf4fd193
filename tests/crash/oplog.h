/* tests/crash/oplog.h - what record.c writes and replay.c reads: one record for each call that may
 * change a disk or tells somebody something, in the order in which they happened.
 * A record is a head, then name_len bytes of name, then data_len bytes of data. Names are relative
 * to the recorded folder; the folder itself is "". */
#ifndef SOTAY_TESTS_CRASH_OPLOG_H
#define SOTAY_TESTS_CRASH_OPLOG_H

#include <stdint.h>

#define OPLOG_MAGIC 0x70617773u

typedef enum {
    OP_START = 1, /* a program began; data: its command line, words ended by NUL */
    OP_CREATE,    /* name is a new, empty file; offset: its mode; dev in id */
    OP_MKDIR,
    OP_WRITE,      /* at offset; with FLAG_DURABLE not done before its OP_DONE */
    OP_DONE,       /* the write of that id is on disk */
    OP_TRUNCATE,   /* to offset bytes */
    OP_SYNC_BEGIN, /* fsync, fdatasync, of a file (inode) or a folder (FLAG_FOLDER, name) */
    OP_SYNC_END,   /* and it returned well */
    OP_RENAME,     /* name: from NUL to */
    OP_UNLINK,     /* also rmdir */
    OP_SEND,       /* bytes that left through a socket */
    OP_MARK,       /* a line of the workload: what it was told */
    OP_BLIND       /* a call that the recorder cannot follow; name says which */
} oplog_kind;

enum { FLAG_DURABLE = 1, FLAG_FOLDER = 2, FLAG_DATA_ONLY = 4 };

typedef struct {
    uint32_t magic;
    uint16_t kind, flags;
    uint32_t pid;
    int32_t fd;
    uint64_t id;    /* pairs WRITE with DONE and SYNC_BEGIN with SYNC_END */
    uint64_t inode; /* as the system numbers it */
    uint64_t offset;
    uint32_t name_len, data_len;
} oplog_head;

#endif
