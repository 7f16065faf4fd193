/* proto/show_row.c - the line of a record in lists and searches. Promises that a list never needs
 * the record itself; must never be the source of anything but a list. */
#include <string.h>

#include "proto/show_value.h"
#include "proto/text.h"

#define ROW_TEXT_BYTES_MAX (1u << 20)

/* The title: labels of the form's title fields, parted by a middle dot. */
static st_err make_title(const st_form *form, const st_record *record, const char *lang,
                         st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; i < form->title_count && err == ST_OK; i++) {
        const st_field *field = st_form_field(form, form->title[i]);
        if (field == NULL)
            continue;
        st_path path = { .kind = ST_PATH_FIELD, .field = field->no };
        size_t at = st_view_shown(record, st_record_path(record, &path));
        if (at == SIZE_MAX || record->lives[at].op.value.kind == ST_VALUE_NULL)
            continue;
        if (out->len > 0)
            err = st_buffer_append(out, " · ", strlen(" · "), error);
        const st_value *value = &record->lives[at].op.value;
        if (err == ST_OK)              /* texts as they are: whoever prints the row tames them */
            err = value->kind == ST_VALUE_TEXT ? st_value_text(field, value, out, error)
                                               : st_value_label(field, value, lang, out, error);
    }
    return err;
}

/* Everything that people may search for, folded, words parted by spaces. */
static st_err make_folded(const st_form *form, const st_record *record, const char *unit_name,
                          st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    if (unit_name != NULL)
        err = st_text_fold(unit_name, strlen(unit_name), out, error);
    for (size_t i = 0; i < record->lives_count && err == ST_OK; i++) {
        const st_op *op = &record->lives[i].op;
        const st_field *field = st_form_at(form, &op->path, NULL);
        bool is_text = op->value.kind == ST_VALUE_TEXT || op->value.kind == ST_VALUE_CODE;
        if (field == NULL || !is_text || out->len + op->value.len > ROW_TEXT_BYTES_MAX / 4)
            continue;
        if (out->len > 0)
            err = st_buffer_append(out, " ", 1, error);
        if (err == ST_OK)
            err = st_text_fold(op->value.data, op->value.len, out, error);
    }
    return err;
}

static int64_t newest_claim(const st_record *record)
{
    int64_t newest = 0;
    for (size_t i = 0; i < record->metas_count; i++)
        if (record->metas[i].wall_ms > newest)
            newest = record->metas[i].wall_ms;
    return newest;
}

/* NUL-terminated copy in the arena. */
static const char *keep(st_arena *arena, const void *text, size_t len)
{
    return (const char *)st_arena_copy(arena, len > 0 ? text : "", len);
}

st_err st_row_make(const st_form *form, const st_record *record, const st_show_how *how,
                   st_arena *arena, st_row *out_row, st_error *error)
{
    char unit[ST_CODE_BYTES_MAX + 1];
    const char *unit_id = st_show_unit(form, record, unit);
    const st_directory *names = how->directory;
    const char *unit_name = names != NULL && names->unit_name != NULL && unit_id[0] != '\0'
                                ? names->unit_name(names->context, unit_id) : NULL;
    const st_conflict *conflicts;
    size_t count = 0;
    st_acts_view acts;
    st_buffer title, folded;
    st_buffer_init(&title, ROW_TEXT_BYTES_MAX);
    st_buffer_init(&folded, ROW_TEXT_BYTES_MAX);
    st_err err = st_view_acts(record, arena, &acts, error);
    if (err == ST_OK)
        err = st_show_conflicts(form, record, arena, &conflicts, &count, error);
    if (err == ST_OK)
        err = make_title(form, record, how->lang != NULL ? how->lang : "vi", &title, error);
    if (err == ST_OK)
        err = make_folded(form, record, unit_name, &folded, error);
    if (err == ST_OK) {
        st_row row = { .id = record->id, .form = record->form,
                       .unit = keep(arena, unit_id, strlen(unit_id)),
                       .state = st_show_state(form, record, &acts, how),
                       .title = keep(arena, title.data, title.len),
                       .open_conflicts = (uint32_t)count,
                       .updated_ms = newest_claim(record),
                       .folded = keep(arena, folded.data, folded.len) };
        if (row.unit == NULL || row.title == NULL || row.folded == NULL)
            err = st_fail(error, ST_E_MEMORY, "row: no memory");
        else
            *out_row = row;
    }
    st_buffer_free(&title);
    st_buffer_free(&folded);
    return err;
}

/* id 16, conflicts 4, updated 8, then NUL-terminated form, unit, state, title, folded. */
st_err st_row_encode(const st_row *row, st_buffer *out, st_error *error)
{
    uint8_t head[28];
    memcpy(head, row->id.b, 16);
    st_put_u32(head + 16, row->open_conflicts);
    st_put_u64(head + 20, (uint64_t)row->updated_ms);
    const char *texts[] = { row->form.s, row->unit, row->state, row->title, row->folded };
    st_err err = st_buffer_append(out, head, sizeof head, error);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && err == ST_OK; i++)
        err = st_buffer_append(out, texts[i], strlen(texts[i]) + 1, error);
    return err;
}

st_err st_row_decode(const uint8_t *bytes, size_t len, st_row *out_row, st_error *error)
{
    const char *texts[5];
    size_t at = 28;
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *end = at < len ? memchr(bytes + at, 0, len - at) : NULL;
        if (end == NULL)
            return st_fail(error, ST_E_CORRUPT, "row: text %zu is cut", i);
        texts[i] = (const char *)bytes + at;
        at = (size_t)(end - bytes) + 1;
    }
    st_row row = { .unit = texts[1], .state = texts[2], .title = texts[3], .folded = texts[4],
                   .open_conflicts = st_get_u32(bytes + 16),
                   .updated_ms = (int64_t)st_get_u64(bytes + 20) };
    memcpy(row.id.b, bytes, 16);
    if (at != len || !st_code_set(&row.form, texts[0], strlen(texts[0])))
        return st_fail(error, ST_E_CORRUPT, "row: not as it was written");
    *out_row = row;
    return ST_OK;
}

st_err st_row_json(const st_row *row, int offset_minutes, st_buffer *out, st_error *error)
{
    char hex[33];
    st_id_format(&row->id, hex);
    st_json json;
    st_json_begin(&json, out, error);
    st_json_open(&json, '{');
    st_json_key_text(&json, "id", hex);
    st_json_key_text(&json, "form", row->form.s);
    st_json_key_text(&json, "unit", row->unit);
    st_json_key_text(&json, "state", row->state);
    st_json_key_text(&json, "title", row->title);
    st_json_key_int(&json, "open_conflicts", row->open_conflicts);
    st_json_key(&json, "updated_at");
    st_json_when(&json, row->updated_ms, offset_minutes);
    st_json_close(&json, '}');
    return st_json_end(&json);
}
