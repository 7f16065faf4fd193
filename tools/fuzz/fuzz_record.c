/* tools/fuzz/fuzz_record.c - a record's stored form, which also comes from backups and snapshots.
 * What decodes is in order, shows itself without harm, and is written the same way for ever; its
 * sum depends on nothing else. */
#include <string.h>

#include "proto/merge.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (16u << 20)

static void check_order(const st_record *r)
{
    for (size_t i = 0; i < r->metas_count; i++)
        FUZZ_MUST(i == 0 || st_dot_cmp(&r->metas[i - 1].dot, &r->metas[i].dot) < 0);
    for (size_t i = 0; i < r->lives_count; i++) {
        FUZZ_MUST(r->lives[i].meta < r->metas_count);
        FUZZ_MUST(i == 0 || st_path_cmp(&r->lives[i - 1].op.path, &r->lives[i].op.path) <= 0);
    }
    FUZZ_MUST(!r->created || (r->creator < r->metas_count && r->form.s[0] != '\0'));
}

static void look(const st_record *r, st_arena *arena)
{
    st_acts_view view;
    FUZZ_MUST(st_view_acts(r, arena, &view, NULL) == ST_OK);
    for (size_t i = 0; i < view.acts_count; i++)
        FUZZ_MUST(view.acts[i] < r->metas_count);
    for (size_t i = 0; i < r->lives_count; i++) {
        const st_path *path = &r->lives[i].op.path;
        st_span span = st_record_path(r, path);
        FUZZ_MUST(span.count > 0 && span.first <= i && i < span.first + span.count);
        size_t shown = st_view_shown(r, span);
        FUZZ_MUST(shown >= span.first && shown < span.first + span.count);
        if (path->kind >= ST_PATH_ITEM)
            (void)st_view_item(r, path->group, &path->item, path->place);
    }
    for (size_t i = 0; i < r->metas_count; i++)
        FUZZ_MUST(st_record_meta(r, &r->metas[i].dot) == i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer first, second;
    st_arena arena;
    st_record record, again;
    first.max = second.max = 1u << 24;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_record_decode(data, size, &arena, &record, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
    if (err == ST_OK) {
        check_order(&record);
        look(&record, &arena);
        FUZZ_MUST(st_record_encode(&record, &first, NULL) == ST_OK);
        FUZZ_MUST(st_record_decode(first.data, first.len, &arena, &again, NULL) == ST_OK);
        FUZZ_MUST(st_record_encode(&again, &second, NULL) == ST_OK);
        fuzz_must_be_same(&first, &second);
        st_sum a = st_record_sum(&record), b = st_record_sum(&again);
        FUZZ_MUST(memcmp(a.b, b.b, sizeof a.b) == 0);
    }
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
