/* proto/page_tail.h - may the end of an LMDB file be missing?
 * A page that was taken and given up in one transaction is never written, so the file of a sound
 * store may end before its last pages. One that a copy cut off looks the same, and kills who reads
 * behind its end. The difference is LMDB's own list of free pages, which is read here out of the
 * file and not through LMDB: it would be mapped, and LMDB ends a program on pages that are not
 * what they should be. Nothing is written. Layout: LMDB 0.9, data version 1 (mdb.c: MDB_meta,
 * MDB_page, MDB_node), in the word size and byte order of this machine. */
#ifndef SOTAY_PROTO_PAGE_TAIL_H
#define SOTAY_PROTO_PAGE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* Reads all of these bytes of the file; false when they are not there. */
    bool (*read)(void *context, uint64_t offset, void *out, size_t len);
    void *context;
    uint64_t bytes;            /* length of the file */
    size_t page_bytes;
} st_page_file;

/* Are all pages of which nothing, or not all, lies in the file on its list of free pages, with that
 * list itself in the file? False too where it is not such a file, or its list is damaged. Each page
 * is read once at most. Nobody may be writing in the file. */
bool st_page_tail_is_free(const st_page_file *file);

#endif
