/* proto/show_text.c - a record as people read it in a terminal. Promises that different opinions
 * stand one under the other with their authors; must never show one of them alone. */
#include <stdio.h>
#include <string.h>

#include "proto/show_value.h"
#include "proto/text.h"

typedef struct {
    const st_form *form;
    const st_record *record;
    const st_show_how *how;
    const char *lang;
    bool vi;
    st_buffer *out;
    st_error *error;
    st_err err;
} show_page;

static void say(show_page *page, const char *text)
{
    if (page->err == ST_OK)
        page->err = st_buffer_append(page->out, text, strlen(text), page->error);
}

static const char *label_of(const show_page *page, const char *vi, const char *en)
{
    const char *label = page->vi ? vi : en;
    return label != NULL ? label : "";
}

/* The login of the person whose id the value is; NULL: it is nobody's. */
static const char *login_of(const show_page *page, const st_value *value)
{
    const st_directory *names = page->how->directory;
    st_id id;
    if (value->kind != ST_VALUE_ID || value->len != sizeof id.b || names == NULL ||
        names->login == NULL)
        return NULL;
    memcpy(id.b, value->data, sizeof id.b);
    return names->login(names->context, &id);
}

static void say_value(show_page *page, const st_field *field, const st_live *live)
{
    st_value value = live->op.path.element_len > 0 ? st_element_value(field, &live->op.path)
                                                   : live->op.value;
    if (value.kind == ST_VALUE_NULL)
        say(page, page->vi ? "(để trống)" : "(cleared)");
    else if (value.kind == ST_VALUE_ERASED)
        say(page, page->vi ? "(đã xóa theo yêu cầu)" : "(erased on request)");
    else if (login_of(page, &value) != NULL)
        say(page, login_of(page, &value));
    else if (page->err == ST_OK)
        page->err = st_value_label(field, &value, page->lang, page->out, page->error);
}

st_err st_show_moment_text(const st_meta *meta, const st_show_how *how, st_buffer *out,
                           st_error *error)
{
    char iso[40];
    bool vi = how->lang == NULL || strcmp(how->lang, "vi") == 0;
    st_written written = st_show_written(how, meta);
    int64_t off = st_show_clock_off(meta->wall_ms, meta->received_ms, &written);
    bool is_near = off >= -ST_CLOCK_SAID_MS && off <= ST_CLOCK_SAID_MS;
    if (written.rebooted)
        return st_buffer_printf(out, error, "%s", vi ? " [giờ không chắc]" : " [time uncertain]");
    if (written.at_ms == 0 || is_near)
        return ST_OK;
    st_time_format(written.at_ms, how->offset_minutes, iso);
    return st_buffer_printf(out, error, " [%s %.2s/%.2s/%.4s %.5s ±%lld s]",
                            vi ? "giờ máy chủ" : "by the server", iso + 8, iso + 5, iso, iso + 11,
                            (long long)((written.within_ms + 999) / 1000));
}

static void say_moment(show_page *page, const st_meta *meta)
{
    if (page->err == ST_OK)
        page->err = st_show_moment_text(meta, page->how, page->out, page->error);
}

/* " — an, binh 12/03/2026 09:30" for the authors of one value. */
static void say_authors(show_page *page, st_span span, size_t of)
{
    char hex[33], iso[40], text[64];
    bool first = true;
    for (size_t i = span.first; i < span.first + span.count; i++) {
        const st_live *live = &page->record->lives[i];
        if (!st_value_equal(&live->op.value, &page->record->lives[of].op.value))
            continue;
        const st_meta *meta = &page->record->metas[live->meta];
        say(page, first ? "  — " : ", ");
        say(page, st_show_person(page->how, &meta->actor, hex));
        st_time_format(meta->wall_ms, page->how->offset_minutes, iso);
        snprintf(text, sizeof text, " %.2s/%.2s/%.4s %.5s%s", iso + 8, iso + 5, iso, iso + 11,
                 meta->via == ST_VIA_OPERATOR ? " (via=operator)" : "");
        say(page, text);
        say_moment(page, meta);
        first = false;
    }
}

/* What a settled value is: whose it was, and why it was kept. */
static void say_decision(show_page *page, const st_live *live)
{
    const st_meta *meta = &page->record->metas[live->meta];
    char hex[33];
    if (live->op.verb != ST_VERB_RESOLVE)
        return;
    if (live->op.kept.counter != 0) {
        say(page, page->vi ? "; giữ ý kiến của " : "; kept the value of ");
        say(page, st_show_person(page->how, &live->op.kept_actor, hex));
    }
    if (meta->reason.kind == ST_VALUE_TEXT && page->err == ST_OK) {
        say(page, page->vi ? "; lý do: " : "; reason: ");
        page->err = st_text_say(meta->reason.data, meta->reason.len, ST_LINE_INSIDE, page->out,
                                page->error);
    }
}

/* One of several opinions, with the dot that names it. */
static void say_sibling(show_page *page, const st_field *field, st_span span,
                        st_group_of_equals group)
{
    char dot[ST_DOT_TEXT_BYTES];
    const st_live *live = &page->record->lives[group.live];
    say(page, group.shown ? "      ▸ " : "      • ");
    say_value(page, field, live);
    say_authors(page, span, group.live);
    st_dot_format(&page->record->metas[live->meta].dot, dot);
    say(page, "  [");
    say(page, dot);
    say(page, "]\n");
}

static bool has_one(st_show_distinct walk)
{
    st_group_of_equals group;
    return st_show_distinct_next(&walk, &group) && !st_show_distinct_next(&walk, &group);
}

static void say_siblings(show_page *page, const st_field *field, st_span span)
{
    st_group_of_equals group;
    st_show_distinct walk = st_show_distinct_of(page->record, field, span);
    if (has_one(walk)) {
        const st_live *live = &page->record->lives[walk.shown];
        say(page, " ");
        say_value(page, field, live);
        say_authors(page, span, walk.shown);
        say_decision(page, live);
        say(page, "\n");
        return;
    }
    bool open = st_show_in_conflict(page->record, field, span);
    say(page, open ? (page->vi ? " ≠ ý kiến khác nhau\n" : " ≠ different opinions\n") : "\n");
    while (st_show_distinct_next(&walk, &group))
        say_sibling(page, field, span, group);
}

static void say_elements(show_page *page, const st_field *field, st_span span)
{
    const char *comma = " ";
    for (size_t at = span.first; at < span.first + span.count;) {
        st_span element = st_show_span_at(page->record, at);
        at += element.count;
        if (!st_show_has_element(page->record, element))
            continue;
        say(page, comma);
        say_value(page, field, &page->record->lives[element.first]);
        comma = ", ";
    }
    say(page, "\n");
}

static void say_fields(show_page *page, st_span span, const char *indent)
{
    for (size_t at = span.first; at < span.first + span.count;) {
        st_span field_span = st_show_field_at(page->record, at);
        const st_path *path = &page->record->lives[at].op.path;
        const st_field *field = st_form_at(page->form, path, NULL);
        at += field_span.count;
        if (field == NULL || path->kind == ST_PATH_DROP)
            continue;
        say(page, indent);
        say(page, label_of(page, field->vi, field->en));
        say(page, ":");
        if (field->cls == ST_CLASS_SET)
            say_elements(page, field, field_span);
        else
            say_siblings(page, field, field_span);
    }
}

/* The heading of one key or item: criterion label, or the item's id with its state. */
static void say_entry_head(show_page *page, const st_group *group, const st_path *path)
{
    char item[ST_ITEM_TEXT_BYTES];
    say(page, "  ");
    if (group->keyed) {
        const st_directory *names = page->how->directory;
        const char *label = names != NULL && names->key_label != NULL && group->keys != NULL
                                ? names->key_label(names->context, group->keys, path->key.s)
                                : NULL;
        say(page, path->key.s);
        say(page, label != NULL ? " " : "");
        say(page, label != NULL ? label : "");
        say(page, "\n");
        return;
    }
    st_item_format(&path->item, path->place, item);
    say(page, "· [");
    say(page, item);
    say(page, "]");
    st_item_state state = st_view_item(page->record, path->group, &path->item, path->place);
    if (state == ST_ITEM_DROPPED)
        say(page, page->vi ? " (đã bỏ)" : " (dropped)");
    if (state == ST_ITEM_CONTESTED)
        say(page, page->vi ? " (còn ý kiến)" : " (contested)");
    say(page, "\n");
}

static void say_group(show_page *page, const st_group *group)
{
    const st_record *record = page->record;
    bool has_head = false;
    for (size_t at = 0; at < record->lives_count;) {
        st_span entry = st_show_entry_at(record, at);
        const st_path *path = &record->lives[at].op.path;
        at += entry.count;
        if (path->group != group->no)
            continue;
        if (!has_head) {
            say(page, label_of(page, group->vi, group->en));
            say(page, "\n");
            has_head = true;
        }
        say_entry_head(page, group, path);
        say_fields(page, entry, "      ");
    }
}

/* Each change that waits, with what became of it and what to do. */
static void say_helds(show_page *page)
{
    char dot[ST_DOT_TEXT_BYTES];
    for (size_t i = 0; i < page->how->helds_count; i++) {
        const st_show_held *held = &page->how->helds[i];
        st_dot_format(&held->dot, dot);
        say(page, "! ");
        say(page, st_hold_sentence(held->reason, page->lang));
        say(page, "  [");
        say(page, dot);
        say(page, "]\n");
    }
}

/* That the book has none of what follows; why, and what its author can do. */
static void say_outside(show_page *page)
{
    const st_show_how *how = page->how;
    bool is_declined = how->outside == ST_OUTSIDE_DECLINED;
    if (how->outside == ST_OUTSIDE_WAITS)
        say(page, page->vi ? "! Phiếu chưa có trong sổ: dưới đây là nội dung chờ văn phòng xem\n"
                           : "! Not in the book: below is what waits for the office\n");
    if (is_declined)
        say(page, page->vi ? "! Phiếu không có trong sổ: văn phòng đã không nhận; dưới đây là nội "
                             "dung đã gửi\n"
                           : "! Not in the book: the office declined it; below is what was sent\n");
    if (is_declined && how->decision_reason != NULL && page->err == ST_OK) {
        say(page, page->vi ? "! Lý do của văn phòng: " : "! The office's reason: ");
        page->err = st_text_say(how->decision_reason, how->decision_reason_len, ST_LINE_INSIDE,
                                page->out, page->error);
        say(page, "\n");
    }
    if (is_declined && how->is_phone)
        say(page, page->vi ? "! Không sửa được phiếu này nữa: nội dung nào vẫn đúng thì lập phiếu"
                             " mới, hoặc hỏi văn phòng\n"
                           : "! It cannot be edited any more: write what is still right in a new"
                             " record, or ask the office\n");
}

static void say_head(show_page *page, const st_acts_view *acts, size_t conflicts)
{
    char hex[33], unit[ST_CODE_BYTES_MAX + 1], number[64];
    const st_directory *names = page->how->directory;
    st_id_format(&page->record->id, hex);
    const char *unit_id = st_show_unit(page->form, page->record, unit);
    const char *name = names != NULL && names->unit_name != NULL && unit_id[0] != '\0'
                           ? names->unit_name(names->context, unit_id) : NULL;
    say(page, label_of(page, page->form->vi, page->form->en));
    say(page, "  ");
    say(page, hex);
    say(page, "\n");
    say(page, name != NULL ? name : "");
    say(page, unit_id[0] != '\0' ? " (" : "");
    say(page, unit_id);
    say(page, unit_id[0] != '\0' ? ")  ·  " : "");
    say(page, st_state_label(st_show_state(page->form, page->record, acts, page->how),
                             page->lang));
    if (acts->changed_since)
        say(page, page->vi ? "  ·  sửa khi đã chốt" : "  ·  changed since");
    if (page->how->is_carried)
        say(page, page->vi ? "  ·  máy khác đưa sang" : "  ·  from another phone");
    if (acts->state_conflict)
        say(page, page->vi ? "  ·  ≠ trạng thái" : "  ·  ≠ state");
    if (conflicts > 0) {
        snprintf(number, sizeof number, "  ·  %s: %zu",
                 page->vi ? "ý kiến khác nhau" : "different opinions", conflicts);
        say(page, number);
    }
    if (page->how->files_missing > 0) {
        snprintf(number, sizeof number, "  ·  %s: %u/%u",
                 page->vi ? "tệp chưa về đủ" : "files missing", page->how->files_missing,
                 page->how->files);
        say(page, number);
    }
    say(page, "\n");
    say_outside(page);
    uint32_t flags = st_show_flags(page->form, page->record, page->how);
    for (uint32_t i = 0; i < ST_FLAG_COUNT; i++) {
        bool is_said = i == ST_FLAG_CARRIED || i == ST_FLAG_PHOTOS_PENDING ||
                       (i == ST_FLAG_HELD && page->how->helds_count > 0);
        if ((flags & 1u << i) == 0 || is_said)
            continue;
        say(page, "! ");
        say(page, st_flag_sentence((st_flag)i, page->lang));
        say(page, "\n");
    }
    say_helds(page);
}

st_err st_show_text(const st_form *form, const st_record *record, const st_show_how *how,
                    st_buffer *out, st_error *error)
{
    const char *lang = how->lang != NULL ? how->lang : "vi";
    show_page page = { .form = form, .record = record, .how = how, .lang = lang,
                  .vi = strcmp(lang, "vi") == 0, .out = out, .error = error, .err = ST_OK };
    st_arena arena;
    st_arena_init(&arena, 4u << 20);
    st_acts_view acts;
    const st_conflict *conflicts;
    size_t count = 0;
    page.err = st_view_acts(record, &arena, &acts, error);
    if (page.err == ST_OK)
        page.err = st_show_conflicts(form, record, &arena, &conflicts, &count, error);
    if (page.err == ST_OK) {
        st_span top = { 0, 0 };
        while (top.count < record->lives_count && record->lives[top.count].op.path.group == 0)
            top.count++;
        say_head(&page, &acts, count);
        say_fields(&page, top, "  ");
        for (uint32_t i = 0; i < form->groups_count; i++)
            say_group(&page, &form->groups[i]);
    }
    st_arena_reset(&arena);
    return page.err;
}
