/* tools/fuzz/fuzz_tail.c - an LMDB file whose end is missing, of pages of 256 bytes: whatever it
 * says of its free pages, nothing is read that is not there, and no page again and again. */
#include <string.h>

#include "proto/page_tail.h"
#include "tools/fuzz/fuzz.h"

#define PAGE_BYTES 256u

static fuzz_goal goals[] = { { "a tail that is free", 0 }, { "one that is not", 0 } };
FUZZ_MUST_REACH(goals);

typedef struct {
    const uint8_t *data;
    size_t size, bytes_read;
} source;

static bool read_source(void *context, uint64_t offset, void *out, size_t len)
{
    source *from = context;
    FUZZ_MUST(offset <= from->size && len <= from->size - offset);
    memcpy(out, from->data + offset, len);
    from->bytes_read += len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source from = { data, size, 0 };
    const st_page_file file = { read_source, &from, size, PAGE_BYTES };
    bool is_free = st_page_tail_is_free(&file);
    goals[is_free ? 0 : 1].times++;
    /* Of each page its nodes, and of each node a row at most. */
    size_t nodes = size / sizeof(uint16_t);
    FUZZ_MUST(from.bytes_read <= 1024 + nodes * (64 + size));
    return 0;
}
