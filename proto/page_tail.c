/* proto/page_tail.c - reads the list of free pages of an LMDB file.
 * Promises: reads no page twice, and none behind the end of the file. Must never write. */
#include "proto/page_tail.h"

#include <assert.h>
#include <string.h>

#define MAGIC        0xBEEFC0DEu
#define DATA_VERSION 1u
#define METAS        2
#define DEPTH_MAX    32        /* as LMDB's cursors */
#define HEADER_BYTES (sizeof(size_t) + 8)
#define BRANCH       1u
#define LEAF         2u
#define BIG          1u        /* of a node: its value lies on pages of its own */
#define NO_PAGE      SIZE_MAX
#define AT_ONCE      64

typedef struct {
    uint32_t pad;
    uint16_t flags, depth;
    size_t branches, leaves, overflows, entries, root;
} table;

typedef struct {
    uint32_t magic, version;
    void *address;
    size_t map_bytes;
    table free, main;
    size_t last_page, txn;
} meta;

typedef struct {
    size_t number;
    uint16_t pad, flags, lower, upper;
} page_head;
_Static_assert(sizeof(page_head) == HEADER_BYTES, "mp_ptrs follows on the head");

typedef struct {
    uint16_t words[2];         /* of a number, the lower one first as this machine has bytes */
    uint16_t flags, key_bytes;
} node_head;

typedef struct {
    const st_page_file *file;
    uint64_t first, end;       /* the pages that are missing: [first, end) */
    uint64_t left;             /* how many pages may still be read */
    uint64_t listed;           /* how many the list has; each page once */
    uint64_t found;            /* of the missing ones, those that it has */
} tail;

static bool read_at(const tail *t, uint64_t at, void *out, size_t len)
{
    const st_page_file *file = t->file;
    return at <= file->bytes && len <= file->bytes - at &&
           file->read(file->context, at, out, len);
}

static uint32_t number_of(const node_head *node)
{
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;
    return (uint32_t)node->words[little ? 1 : 0] << 16 | node->words[little ? 0 : 1];
}

/* A row of the list: how many, and they. */
static bool count_row(tail *t, uint64_t at, uint32_t len)
{
    size_t count = 0, pages[AT_ONCE];
    if (len < sizeof count || !read_at(t, at, &count, sizeof count) ||
        count > len / sizeof count - 1 || count > t->end - t->listed)
        return false;
    t->listed += count;
    for (size_t done = 0; done < count;) {
        size_t some = count - done < AT_ONCE ? count - done : AT_ONCE;
        if (!read_at(t, at + (1 + done) * sizeof *pages, pages, some * sizeof *pages))
            return false;
        for (size_t i = 0; i < some; i++)
            t->found += pages[i] >= t->first && pages[i] < t->end;
        done += some;
    }
    return true;
}

/* The value of a leaf's node at `at`; a long one lies on pages of its own. */
static bool count_value(tail *t, uint64_t at, const node_head *node)
{
    size_t page = 0;
    if ((node->flags & BIG) == 0)
        return count_row(t, at, number_of(node));
    if (!read_at(t, at, &page, sizeof page) || page >= t->first)
        return false;
    return count_row(t, (uint64_t)page * t->file->page_bytes + HEADER_BYTES, number_of(node));
}

static size_t child_of(const node_head *node)
{
    uint64_t page = number_of(node);
    if (sizeof(size_t) > 4)
        page |= (uint64_t)node->flags << 32;
    return (size_t)page;
}

static bool count_page(tail *t, size_t number, unsigned depth)
{
    const uint64_t at = (uint64_t)number * t->file->page_bytes;
    page_head head;
    if (depth == 0 || number >= t->first || t->left-- == 0 || !read_at(t, at, &head, sizeof head) ||
        head.number != number || head.lower < HEADER_BYTES || head.lower > t->file->page_bytes ||
        (head.flags & (BRANCH | LEAF)) == 0)
        return false;
    size_t nodes = (head.lower - HEADER_BYTES) / sizeof(uint16_t);
    bool good = true;
    for (size_t i = 0; good && i < nodes; i++) {
        uint16_t offset = 0;
        node_head one;
        good = read_at(t, at + HEADER_BYTES + i * sizeof offset, &offset, sizeof offset) &&
               read_at(t, at + offset, &one, sizeof one);
        if (good && (head.flags & BRANCH) != 0)
            good = count_page(t, child_of(&one), depth - 1);
        else if (good)
            good = count_value(t, at + offset + sizeof one + one.key_bytes, &one);
    }
    return good;
}

/* The newer of the two that are whole. */
static bool find_meta(const tail *t, meta *out)
{
    bool found = false;
    for (size_t i = 0; i < METAS; i++) {
        meta one;
        if (read_at(t, i * t->file->page_bytes + HEADER_BYTES, &one, sizeof one) &&
            one.magic == MAGIC && one.version == DATA_VERSION && (!found || one.txn > out->txn)) {
            *out = one;
            found = true;
        }
    }
    return found;
}

bool st_page_tail_is_free(const st_page_file *file)
{
    assert(file != NULL && file->page_bytes > HEADER_BYTES);
    meta last = { .magic = 0 };
    tail t = { .file = file, .first = file->bytes / file->page_bytes };
    if (!find_meta(&t, &last) || last.last_page == NO_PAGE)
        return false;
    t.end = (uint64_t)last.last_page + 1;
    t.left = t.first;
    if (t.first >= t.end)
        return true;
    return (last.free.root == NO_PAGE || count_page(&t, last.free.root, DEPTH_MAX)) &&
           t.found == t.end - t.first;
}
