/* tools/fuzz/fuzz_show.c - a record or a change that others wrote, shown: as JSON that any parser
 * takes, as text, as a row of a list, as open conflicts, as a finding before finalising. */
#include <string.h>

#include "proto/show.h"
#include "proto/text.h"
#include "tests/unit/proto/make_form.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (32u << 20)
#define OUT_MAX     (16u << 20)

static st_buffer *fresh(void)
{
    static st_buffer out;
    out.max = OUT_MAX;
    st_buffer_clear(&out);
    return &out;
}

static void is_text(const st_buffer *out)
{
    FUZZ_MUST(st_text_is_utf8(out->data, out->len));
}

static void show_row(const st_record *record, const st_show_how *how, st_arena *arena)
{
    st_row row, again;
    st_buffer *out = fresh();
    FUZZ_MUST(st_row_make(&FORM, record, how, arena, &row, NULL) == ST_OK);
    FUZZ_MUST(st_row_encode(&row, out, NULL) == ST_OK);
    FUZZ_MUST(st_row_decode(out->data, out->len, &again, NULL) == ST_OK);
    FUZZ_MUST(strcmp(row.title, again.title) == 0 && strcmp(row.folded, again.folded) == 0);
    FUZZ_MUST(row.open_conflicts == again.open_conflicts && row.updated_ms == again.updated_ms);
    out = fresh();
    FUZZ_MUST(st_row_json(&row, 420, out, NULL) == ST_OK);
    fuzz_must_be_json(out->data, out->len);
}

static void show_conflicts(const st_record *record, const st_show_how *how, st_arena *arena)
{
    const st_conflict *conflicts;
    size_t count;
    FUZZ_MUST(st_show_conflicts(&FORM, record, arena, &conflicts, &count, NULL) == ST_OK);
    for (size_t i = 0; i < count; i++) {
        st_buffer *out = fresh();
        FUZZ_MUST(st_conflict_json(&FORM, record, &conflicts[i], how, out, NULL) == ST_OK);
        fuzz_must_be_json(out->data, out->len);
    }
}

static bool say_finding(void *context, const st_finding *finding)
{
    (void)context;
    return finding->field != NULL;
}

static void show_record(fuzz_bytes bytes, const st_show_how *how, st_arena *arena)
{
    st_record record;
    if (st_record_decode(bytes.data, bytes.len, arena, &record, NULL) != ST_OK)
        return;
    if (!record.created || record.form.s[0] == '\0')
        return; /* nobody knows its form: it is not shown before its making comes */
    st_buffer *out = fresh();
    FUZZ_MUST(st_show_json(&FORM, &record, how, out, NULL) == ST_OK);
    fuzz_must_be_json(out->data, out->len);
    out = fresh();
    FUZZ_MUST(st_show_text(&FORM, &record, how, out, NULL) == ST_OK);
    is_text(out);
    show_row(&record, how, arena);
    show_conflicts(&record, how, arena);
    FUZZ_MUST(st_form_review(&FORM, &record, 20524, say_finding, NULL) == ST_OK);
}

static void show_set(fuzz_bytes bytes, const st_show_how *how, st_arena *arena)
{
    st_set set;
    if (st_set_decode(bytes.data, bytes.len, arena, &set, NULL) != ST_OK)
        return;
    for (uint32_t i = 0; i < set.changes_count; i++) {
        st_history_item item = { .change = &set.changes[i],
                                 .actor = set.actor,
                                 .role = set.role,
                                 .via = set.via,
                                 .received_ms = (int64_t)i,
                                 .log_index = i,
                                 .has_carrier = i % 2 == 1,
                                 .verdict = "stored",
                                 .hold = ST_HOLD_VALUE };
        char detail[ST_FORM_DETAIL_BYTES];
        (void)st_form_check(&FORM, &set.changes[i], set.role, set.via, detail);
        for (int known = 0; known < 2; known++) {
            st_buffer *out = fresh();
            const st_form *form = known ? &FORM : NULL;
            FUZZ_MUST(st_history_json(form, &item, how, out, NULL) == ST_OK);
            fuzz_must_be_json(out->data, out->len);
            out = fresh();
            FUZZ_MUST(st_history_text(form, &item, how, out, NULL) == ST_OK);
            is_text(out);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    st_arena arena;
    uint8_t how_byte = fuzz_u8(&bytes);
    st_show_how how = { .lang = how_byte & 1 ? "en" : "vi",
                        .offset_minutes = 420,
                        .is_phone = (how_byte & 2) != 0,
                        .is_held = (how_byte & 4) != 0 };
    st_arena_init(&arena, ARENA_BYTES);
    if (how_byte & 8)
        show_set(bytes, &how, &arena);
    else
        show_record(bytes, &how, &arena);
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    if (size < 2 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    return 1 + fuzz_mutate_message(data + 1, size - 1, size_max - 1, seed);
}
