/* proto/arena.c - promises that decoding foreign bytes costs at most the ceiling, block headers
 * included, and that one call gives everything back.
 * Must never hand out memory over the ceiling, unzeroed memory, or memory that moves. */
#include "proto/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN             16u
#define FIRST_BLOCK_BYTES 4096u
#define BLOCK_BYTES_MAX   65536u

struct st_arena_block {
    st_arena_block *next;
    size_t size; /* of the whole block, header and padding included */
    size_t used; /* offset of the first free byte, counted from the block itself */
};

/* malloc aligns to 8 on some 32-bit machines, so every offset is rounded by address. */
static size_t aligned_offset(const st_arena_block *block)
{
    uintptr_t at = (uintptr_t)block + block->used;
    return block->used + (size_t)((ALIGN - at % ALIGN) % ALIGN);
}

void st_arena_init(st_arena *arena, size_t bytes_max)
{
    assert(arena != NULL);
    arena->head = NULL;
    arena->bytes_used = 0;
    arena->bytes_max = bytes_max;
}

void st_arena_reset(st_arena *arena)
{
    assert(arena != NULL);
    st_arena_block *block = arena->head;
    while (block != NULL) {
        st_arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->head = NULL;
    arena->bytes_used = 0;
}

/* A new block with room for `bytes`; NULL at the ceiling. Blocks double so that a large message
 * does not cost thousands of them, and are cut to what the ceiling still allows. */
static st_arena_block *add_block(st_arena *arena, size_t bytes)
{
    assert(arena->bytes_used <= arena->bytes_max);
    const size_t extra = sizeof(st_arena_block) + ALIGN;
    size_t left = arena->bytes_max - arena->bytes_used;
    if (left < extra || bytes > left - extra)
        return NULL;
    size_t usual = arena->head == NULL ? FIRST_BLOCK_BYTES : arena->head->size * 2;
    if (usual > BLOCK_BYTES_MAX)
        usual = BLOCK_BYTES_MAX;
    if (usual > left)
        usual = left;
    size_t size = bytes + extra > usual ? bytes + extra : usual;
    st_arena_block *block = malloc(size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->used = sizeof *block;
    arena->bytes_used += size;
    /* A block made for one large piece is full at once: what is left of the head stays in use. */
    if (arena->head != NULL && size > usual) {
        block->next = arena->head->next;
        arena->head->next = block;
    } else {
        block->next = arena->head;
        arena->head = block;
    }
    return block;
}

static void *get_raw(st_arena *arena, size_t bytes)
{
    assert(arena != NULL);
    st_arena_block *block = arena->head;
    size_t offset = block == NULL ? 0 : aligned_offset(block);
    if (block == NULL || offset > block->size || bytes > block->size - offset) {
        block = add_block(arena, bytes);
        if (block == NULL)
            return NULL;
        offset = aligned_offset(block);
    }
    assert(offset <= block->size && bytes <= block->size - offset);
    block->used = offset + bytes;
    return (uint8_t *)block + offset;
}

void *st_arena_get(st_arena *arena, size_t bytes)
{
    void *memory = get_raw(arena, bytes);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

uint8_t *st_arena_copy(st_arena *arena, const void *data, size_t bytes)
{
    assert(data != NULL || bytes == 0);
    if (bytes == SIZE_MAX)
        return NULL;
    uint8_t *copy = get_raw(arena, bytes + 1);
    if (copy == NULL)
        return NULL;
    if (bytes > 0)
        memcpy(copy, data, bytes);
    copy[bytes] = 0;
    return copy;
}

st_err st_arena_refused(const st_arena *arena, size_t bytes)
{
    const size_t extra = sizeof(st_arena_block) + 2 * ALIGN;
    size_t left = arena->bytes_max - arena->bytes_used;
    return left < extra || bytes > left - extra ? ST_E_TOO_LARGE : ST_E_MEMORY;
}

void *st_arena_array(st_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return st_arena_get(arena, count * size);
}

void *st_arena_grow(st_arena *arena, void *array, size_t count, size_t *capacity, size_t size)
{
    assert(capacity != NULL && size > 0);
    assert(array != NULL || count == 0);
    if (array != NULL && count < *capacity)
        return array;
    if (count > SIZE_MAX / 2)
        return NULL;
    size_t wanted = count < 4 ? 8 : count * 2;
    uint8_t *moved = st_arena_array(arena, wanted, size);
    if (moved == NULL)
        return NULL;
    if (count > 0)
        memcpy(moved, array, count * size);
    *capacity = wanted;
    return moved;
}
