/* tools/fuzz/fuzz_value.c - values and paths as people write them on a command line, in every type.
 * What is taken is a value that the office's server would take too; its own text reads back to the
 * same value; what people are shown is text. */
#include <stdio.h>
#include <string.h>

#include "proto/form_parts.h"
#include "proto/text.h"
#include "tests/unit/proto/make_form.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)
#define TEXT_BYTES  1024

typedef struct {
    const st_field *field;
    st_path path;
} target;

/* One of the fields of the form, with a path that leads to it. */
static target pick_target(fuzz_bytes *bytes)
{
    uint32_t at = fuzz_below(bytes, FORM.fields_count + 7);
    if (at < FORM.fields_count)
        return (target){ &FORM.fields[at], make_field_path(FORM.fields[at].no) };
    at -= FORM.fields_count;
    if (at < 3)
        return (target){ &RATING_FIELDS[at], make_key_path(G_RATINGS, "a3", RATING_FIELDS[at].no) };
    at -= 3;
    if (at < 3)
        return (target){ &FINDING_FIELDS[at], make_item_path(G_FINDINGS, make_form_dot(0xd1, 7),
                                                             FINDING_FIELDS[at].no) };
    return (target){ &REMARK_FIELDS[0],
                     make_item_path(G_REMARKS, make_form_dot(0xd1, 7), REMARK_FIELDS[0].no) };
}

static const char *as_text(const st_field *field, const st_value *value, st_buffer *out)
{
    out->max = 1u << 20;
    st_buffer_clear(out);
    FUZZ_MUST(st_value_text(field, value, out, NULL) == ST_OK);
    FUZZ_MUST(st_text_is_utf8(out->data, out->len));
    fuzz_append(out, "", 1);
    return (const char *)out->data;
}

static void check_label(const st_field *field, const st_value *value)
{
    static st_buffer label;
    static const char *const LANGS[] = { "vi", "en" };
    for (size_t i = 0; i < 2; i++) {
        label.max = 1u << 20;
        st_buffer_clear(&label);
        FUZZ_MUST(st_value_label(field, value, LANGS[i], &label, NULL) == ST_OK);
        FUZZ_MUST(label.len > 0 && st_text_is_utf8(label.data, label.len));
    }
}

/* The same check that the server makes, for a change with this one operation. */
static void check_taken(const target *t, const st_path *path, const st_value *value)
{
    char detail[ST_FORM_DETAIL_BYTES];
    st_op op = { .path = *path, .value = *value };
    st_change change = {
        .dot = make_form_dot(0xd1, 7), .ops = &op, .ops_count = 1, .creates = true
    };
    if (t->field->cls == ST_CLASS_SET)
        op.verb = ST_VERB_ADD;
    else if (path->kind == ST_PATH_ITEM)
        op.verb = path->group == G_REMARKS ? ST_VERB_REMARK : ST_VERB_ITEM;
    st_hold hold = st_form_check(&FORM, &change, ST_ROLE_OFFICER, ST_VIA_DEVICE, detail);
    if (hold == ST_HOLD_VALUE || hold == ST_HOLD_LIMIT || hold == ST_HOLD_FORM)
        fprintf(stderr, "%s: %s\n", st_hold_name(hold), detail);
    FUZZ_MUST(hold == ST_HOLD_NONE || hold == ST_HOLD_ROLE);
}

static void try_value(const target *t, const char *text, st_arena *arena)
{
    static st_buffer out;
    st_value value, again;
    st_err err = st_value_parse(t->field, text, arena, &value, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE);
    if (err != ST_OK)
        return;
    FUZZ_MUST(st_value_fault(t->field, &value) == NULL);
    check_taken(t, &t->path, &value);
    check_label(t->field, &value);
    const char *written = as_text(t->field, &value, &out);
    FUZZ_MUST(st_value_parse(t->field, written, arena, &again, NULL) == ST_OK);
    FUZZ_MUST(st_value_equal(&value, &again));
}

static void try_element(const target *t, const char *text, st_arena *arena)
{
    static st_buffer out;
    st_path path = t->path, again = t->path;
    (void)arena;
    st_err err = st_element_parse(t->field, text, &path, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE);
    if (err != ST_OK)
        return;
    FUZZ_MUST(st_element_fault(t->field, &path) == NULL);
    check_taken(t, &path, &(st_value){ .kind = ST_VALUE_INT, .number = 1 });
    st_value value = st_element_value(t->field, &path);
    const char *written = as_text(t->field, &value, &out);
    FUZZ_MUST(st_element_parse(t->field, written, &again, NULL) == ST_OK);
    FUZZ_MUST(st_path_cmp(&path, &again) == 0);
}

static void try_path(const char *text)
{
    char written[ST_PATH_TEXT_BYTES];
    st_path path, again;
    st_err err = st_form_path_parse(&FORM, text, &path, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE);
    if (err != ST_OK)
        return;
    st_form_path_format(&FORM, &path, written);
    FUZZ_MUST(st_form_path_parse(&FORM, written, &again, NULL) == ST_OK);
    FUZZ_MUST(st_path_cmp(&path, &again) == 0);
    uint8_t spelled[ST_PATH_BYTES_MAX];
    size_t len = st_path_encode(&path, spelled);
    FUZZ_MUST(len > 0 && len <= sizeof spelled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    char text[TEXT_BYTES];
    st_arena arena;
    target t = pick_target(&bytes);
    fuzz_text(&bytes, text, sizeof text);
    st_arena_init(&arena, ARENA_BYTES);
    if (t.field->cls == ST_CLASS_SET)
        try_element(&t, text, &arena);
    else
        try_value(&t, text, &arena);
    try_path(text);
    st_arena_reset(&arena);
    return 0;
}
