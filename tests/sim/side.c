/* tests/sim/side.c - the notes beside the store: server/sync/side.h on the simulated disk, linked
 * in the place of server/sync/side.c. Promises that each world has its own. A lying disk has lost
 * them too: then a store that was put back is not noticed by the server itself. */
#include "server/sync/side.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk.h"

struct sync_side {
    sim_disk *disk;
};

st_err side_open(const char *dir, sync_side **out_side, st_error *error)
{
    sync_side *side = calloc(1, sizeof *side);
    if (side == NULL)
        return st_fail(error, ST_E_MEMORY, "%s: side: out of memory", dir);
    side->disk = sim_disk_attached();
    *out_side = side;
    return ST_OK;
}

void side_close(sync_side *side)
{
    free(side);
}

uint64_t side_size(const sync_side *side)
{
    return side->disk->lies > 0 ? 0 : side->disk->side_size;
}

void side_note_size(sync_side *side, uint64_t size)
{
    if (size > side->disk->side_size)
        side->disk->side_size = size;
}

st_err side_set_size(sync_side *side, uint64_t size, st_error *error)
{
    (void)error;
    side->disk->side_size = size;
    return ST_OK;
}

void side_sync(sync_side *side)
{
    (void)side;
}

bool side_is_rolled_back(const sync_side *side)
{
    return side->disk->is_rolled_back;
}

uint64_t side_put_back_to(const sync_side *side)
{
    return side->disk->is_rolled_back ? side->disk->side_back : UINT64_MAX;
}

st_err side_mark(sync_side *side, uint64_t up_to, st_error *error)
{
    (void)error;
    if (!side->disk->is_rolled_back || up_to < side->disk->side_back)
        side->disk->side_back = up_to;
    side->disk->is_rolled_back = true;
    return ST_OK;
}

st_err side_unmark(sync_side *side, st_error *error)
{
    (void)error;
    side->disk->is_rolled_back = false;
    return ST_OK;
}

bool side_words_same(const side_words *a, const side_words *b)
{
    return a->has_place == b->has_place && a->index == b->index &&
           memcmp(a->epoch, b->epoch, sizeof a->epoch) == 0 && strcmp(a->text, b->text) == 0;
}

st_err side_add_words(const char *dir, const side_words *words, st_error *error)
{
    (void)dir;
    return st_buffer_append(&sim_disk_attached()->side_words, words, sizeof *words, error);
}

st_err side_each_words(const char *dir, side_words_each each, void *context, st_error *error)
{
    const st_buffer *notes = &sim_disk_attached()->side_words;
    (void)dir;
    (void)error;
    for (size_t at = 0; at < notes->len; at += sizeof(side_words)) {
        side_words words;
        memcpy(&words, notes->data + at, sizeof words);
        if (!each(context, &words))
            break;
    }
    return ST_OK;
}

/* The simulated server says no words again: they stay where they are. */
st_err side_put_words_off(const char *dir, st_error *error)
{
    (void)dir;
    (void)error;
    return ST_OK;
}

st_err side_has_again(const char *dir, bool *out_has, st_error *error)
{
    (void)dir;
    (void)error;
    *out_has = false;
    return ST_OK;
}

st_err side_each_kept(const char *dir, side_words_each each, void *context, st_error *error)
{
    return side_each_words(dir, each, context, error);
}

st_err side_each_again(const char *dir, side_words_each each, void *context, st_error *error)
{
    (void)dir;
    (void)each;
    (void)context;
    (void)error;
    return ST_OK;
}

st_err side_again_done(const char *dir, st_error *error)
{
    (void)dir;
    (void)error;
    return ST_OK;
}

st_err side_put_log_keys(const char *dir, const st_log_keys *keys, st_error *error)
{
    (void)dir;
    (void)error;
    sim_disk_attached()->side_log_keys = *keys;
    return ST_OK;
}

st_err side_get_log_keys(const char *dir, st_log_keys *out_keys, st_error *error)
{
    const sim_disk *disk = sim_disk_attached();
    (void)dir;
    (void)error;
    if (disk->side_log_keys.count == 0 || disk->lies > 0)
        return ST_E_NOT_FOUND;
    *out_keys = disk->side_log_keys;
    return ST_OK;
}
