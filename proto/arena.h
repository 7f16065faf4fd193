/* proto/arena.h - memory with a ceiling that is given back all at once. Everything that is decoded
 * from foreign bytes lives in an arena, so that a hostile message costs a known amount at most. */
#ifndef SOTAY_PROTO_ARENA_H
#define SOTAY_PROTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

typedef struct st_arena_block st_arena_block;

/* Caller's struct. Zeroed blocks list; `bytes_max` is the ceiling over all blocks. */
typedef struct {
    st_arena_block *head;
    size_t bytes_used;
    size_t bytes_max;
} st_arena;

/* Makes an empty arena that will never hold more than bytes_max bytes. Takes no memory yet. */
void st_arena_init(st_arena *arena, size_t bytes_max);
/* Gives all memory back; the arena is empty and usable again, with the same ceiling. */
void st_arena_reset(st_arena *arena);
/* Zeroed, 16-byte aligned memory that lives until reset; NULL when the ceiling or the machine's
 * memory is reached. bytes may be 0 (a valid pointer comes back). */
void *st_arena_get(st_arena *arena, size_t bytes);
/* A copy of data in the arena, followed by a NUL byte that is not counted; NULL as above. */
uint8_t *st_arena_copy(st_arena *arena, const void *data, size_t bytes);
/* count elements of `size` bytes, zeroed; NULL on overflow or as above. */
void *st_arena_array(st_arena *arena, size_t count, size_t size);
/* Room for one more element of an array that lives in the arena: returns the array (moved when it
 * grew, doubling), *capacity updated; NULL as above, the old array then still stands. */
void *st_arena_grow(st_arena *arena, void *array, size_t count, size_t *capacity, size_t size);
/* Why one of them just answered NULL for so many bytes: ST_E_TOO_LARGE at the ceiling, where it
 * would be so again; ST_E_MEMORY when the machine had none, and another try may go well. */
st_err st_arena_refused(const st_arena *arena, size_t bytes);

#endif
