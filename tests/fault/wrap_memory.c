/* tests/fault/wrap_memory.c - stands in front of the allocator, for our code and every library's:
 * fails when it is to, and remembers what is taken and given back. Under AddressSanitizer its
 * allocator is the one behind. */
#include <errno.h>
#include <stdlib.h>

#include "tests/fault/faults.h"

#if defined FAULT_BEFORE_ASAN
#define BEHIND(name) __interceptor_##name
#define ALIGNED      __interceptor_memalign
#else
#define BEHIND(name) __libc_##name
#define ALIGNED      __libc_memalign
#endif

/* The names under which the allocators keep their own for those who stand in between. */
void *BEHIND(malloc)(size_t len);
void *BEHIND(calloc)(size_t count, size_t len);
void *BEHIND(realloc)(void *old, size_t len);
void BEHIND(free)(void *piece);
void *ALIGNED(size_t align, size_t len);

#define TAKER __builtin_return_address(0)

static void *refuse(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t len)
{
    if (fault_hits(CALL_MEMORY) != 0)
        return refuse();
    void *piece = BEHIND(malloc)(len);
    live_add(piece, len, TAKER);
    return piece;
}

void *calloc(size_t count, size_t len)
{
    if (fault_hits(CALL_MEMORY) != 0)
        return refuse();
    void *piece = BEHIND(calloc)(count, len);
    live_add(piece, count * len, TAKER);
    return piece;
}

void *realloc(void *old, size_t len)
{
    if (len > 0 && fault_hits(CALL_MEMORY) != 0)
        return refuse();
    live_drop(old);
    void *piece = BEHIND(realloc)(old, len);
    live_add(piece, len, TAKER);
    return piece;
}

int posix_memalign(void **out_piece, size_t align, size_t len)
{
    if (fault_hits(CALL_MEMORY) != 0)
        return ENOMEM;
    void *piece = ALIGNED(align, len);
    if (piece == NULL)
        return ENOMEM;
    live_add(piece, len, TAKER);
    *out_piece = piece;
    return 0;
}

void free(void *piece)
{
    live_drop(piece);
    BEHIND(free)(piece);
}
