/* client-lib/src/read.c - the public calls that show: one record, lists, search, open conflicts.
 * Promises: what is shown is the base with own work over it; reading writes nothing.
 * Never: a second reading of wire or form: proto/show.c words it for phone and office alike. */
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/lease.h"
#include "client-lib/src/moment.h"
#include "client-lib/src/outside.h"
#include "proto/text.h"

#define NEEDLE_BYTES_MAX 1024u

/* What every reading call needs, and gives back. */
typedef struct {
    sotay_client *client;
    st_arena arena;
    st_buffer out;
    lexicon_directory names;
    unread_note unread;
    sotay_format format;
} reading;

static st_err reading_begin(reading *r, sotay_client *client, sotay_format format, st_error *error)
{
    memset(r, 0, sizeof *r);
    r->client = client;
    r->format = format;
    st_arena_init(&r->arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&r->out, CLIENT_TEXT_BYTES_MAX);
    lexicon_directory_init(&r->names, client, &r->arena);
    return client_begin(client, false, error);
}

/* Behind a whole answer. */
static st_err say_unread(reading *r, st_error *error)
{
    unread_join(&r->unread, &r->names.unread);
    return unread_say(&r->unread, r->format, r->client->lang, &r->out, error);
}

static int reading_end(reading *r, st_err err, char **out_text, st_error *inner, sotay_error *error)
{
    if (err == ST_OK)
        err = port_text(&r->out, out_text, inner);
    client_abort(r->client);
    st_buffer_free(&r->out);
    st_arena_reset(&r->arena);
    return port_give(err, inner, error);
}

/* ---- one record ---- */

int sotay_show(sotay_client *client, const sotay_id *record, sotay_format format, char **out_text,
               sotay_error *error)
{
    reading r;
    overlay_view view;
    st_error inner = { ST_OK, "" };
    st_err err = reading_begin(&r, client, format, &inner);
    st_id id;
    if (err == ST_OK)
        err = overlay_find(client, record, &id, &inner);
    if (err == ST_OK)
        err = overlay_load(client, &id, &r.arena, &view, &inner);
    if (err == ST_OK)
        err = outside_fold(client, &view, &r.arena, &inner);
    if (err == ST_OK)
        err = lease_check(client, &view, &inner);
    if (err == ST_OK)
        err = overlay_need_form(&view, &inner);
    st_show_how how = overlay_how(client, &r.names, err == ST_OK && view.is_held);
    if (err == ST_OK && st_form_field(view.form, "visit_date") != NULL)
        unread_add(&r.unread,
                   lexicon_years(client, &r.arena, &how.years, &how.years_count, &inner));
    moment_source source;
    if (err == ST_OK) {
        moment_begin(&source, client, &view.record.id, &r.arena);
        how.moments = &source.moments;
        how.is_carried = view.has_carried;
        how.outside = view.outside;
        how.decision_reason = view.decision_reason;
        how.decision_reason_len = view.decision_reason_len;
        how.helds = view.helds;
        how.helds_count = view.helds_count;
        err = format == SOTAY_JSON ? st_show_json(view.form, &view.record, &how, &r.out, &inner)
                                   : st_show_text(view.form, &view.record, &how, &r.out, &inner);
        unread_join(&r.unread, &source.unread);
        r.unread.damaged = r.unread.damaged || view.is_damaged;
    }
    if (err == ST_OK && (r.out.len == 0 || r.out.data[r.out.len - 1] != '\n'))
        err = st_buffer_append(&r.out, "\n", 1, &inner);
    if (err == ST_OK)
        err = say_unread(&r, &inner);
    return reading_end(&r, err, out_text, &inner, error);
}

/* ---- lists ---- */

typedef struct {
    st_row row;
    int rank; /* a search: 0 matches with its marks, 1 without */
} list_row;

typedef struct {
    reading *r;
    const sotay_filter *filter;
    const char *needle; /* folded; NULL: no search */
    size_t needle_len;
    const char *cleaned; /* the needle with its marks */
    list_row *rows;
    size_t count, capacity;
    st_code last_form; /* home of the form looked up last */
    st_home last_home;
} listing;

static bool same(const char *wish, const char *have)
{
    return wish == NULL || strcmp(wish, have) == 0;
}

/* Records of the catalogue are data about the commune, not work: shown only when asked for. */
static st_err is_wanted_home(listing *l, const st_row *row, bool *out_yes, st_error *error)
{
    *out_yes = true;
    if (l->filter->form != NULL)
        return ST_OK;
    if (strcmp(l->last_form.s, row->form.s) != 0) {
        const st_form *form = NULL;
        st_err err = lexicon_form(l->r->client, row->form.s, 0, &form, error);
        if (err != ST_OK && err != ST_E_NOT_FOUND && err != ST_E_CORRUPT)
            return err;
        l->last_form = row->form;
        l->last_home = err == ST_OK ? form->home : ST_HOME_UNIT; /* a form of a newer program */
    }
    *out_yes = l->last_home != ST_HOME_CATALOGUE;
    return ST_OK;
}

static st_err matches(listing *l, const st_row *row, bool *out_yes, st_error *error)
{
    const sotay_filter *f = l->filter;
    *out_yes = same(f->form, row->form.s) && same(f->unit, row->unit) && same(f->state, row->state);
    st_err err = *out_yes ? is_wanted_home(l, row, out_yes, error) : ST_OK;
    if (err != ST_OK || !*out_yes || l->needle == NULL)
        return err;
    st_arena arena;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    book_key key = book_key_id(BOOK_FOLD, &row->id);
    book_value folded = { NULL, 0 };
    err = book_get(&l->r->client->book, &key, &arena, &folded, error);
    *out_yes = err == ST_OK &&
               st_text_matches((const char *)folded.data, folded.len, l->needle, l->needle_len);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Once the lease is over each record is looked into: what others wrote is not listed. */
static st_err is_open(listing *l, const st_row *row, bool *out_yes, st_error *error)
{
    st_arena arena;
    overlay_view view;
    st_error ignored = { ST_OK, "" };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_load(l->r->client, &row->id, &arena, &view, error);
    if (err == ST_OK)
        *out_yes = lease_check(l->r->client, &view, &ignored) == ST_OK;
    st_arena_reset(&arena);
    return err;
}

static st_err take_row(listing *l, const st_row *row, st_error *error)
{
    list_row *rows = l->rows;
    if (l->count == l->capacity)
        rows = st_arena_grow(&l->r->arena, rows, l->count, &l->capacity, sizeof *rows);
    if (rows == NULL)
        return st_fail(error, ST_E_MEMORY, "list: no memory");
    l->rows = rows;
    list_row entry = { *row, 1 };
    if (l->cleaned != NULL && strstr(row->title, l->cleaned) != NULL)
        entry.rank = 0;
    l->rows[l->count++] = entry;
    return ST_OK;
}

/* Best first, then newest, then by id: the same order every time. */
static int compare_rows(const void *left, const void *right)
{
    const list_row *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->row.updated_ms != b->row.updated_ms)
        return a->row.updated_ms > b->row.updated_ms ? -1 : 1;
    return st_id_cmp(&a->row.id, &b->row.id);
}

static st_err read_rows(listing *l, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ROW);
    book_scan scan = book_scan_of(&prefix);
    bool locked = lease_is_over(l->r->client);
    for (;;) {
        book_value value = { NULL, 0 };
        st_row row;
        bool yes = false;
        st_err err = book_scan_next(&l->r->client->book, &scan, &l->r->arena, &value, error);
        if (err == ST_E_NOT_FOUND)
            break;
        if (err == ST_OK)
            err = st_row_decode(value.data, value.len, &row, error);
        if (err == ST_OK)
            err = matches(l, &row, &yes, error);
        if (err == ST_OK && yes && locked)
            err = is_open(l, &row, &yes, error);
        if (err == ST_OK && yes)
            err = take_row(l, &row, error);
        if (err != ST_OK)
            return err;
    }
    if (l->count > 1)
        qsort(l->rows, l->count, sizeof *l->rows, compare_rows);
    return ST_OK;
}

static st_err write_row_text(listing *l, const st_row *row, st_error *error)
{
    reading *r = l->r;
    char id[33];
    st_id_format(&row->id, id);
    st_err err = st_buffer_printf(&r->out, error, "%s  %-14s  %-12s  ", id, row->unit,
                                  st_state_label(row->state, r->client->lang));
    if (err == ST_OK)
        err = st_text_say(row->title, strlen(row->title), " ", &r->out, error);
    if (err == ST_OK && row->open_conflicts > 0)
        err = st_buffer_printf(&r->out, error, "  [%u ≠]", row->open_conflicts);
    return err == ST_OK ? st_buffer_append(&r->out, "\n", 1, error) : err;
}

static st_err write_rows(listing *l, st_error *error)
{
    reading *r = l->r;
    bool json = r->format == SOTAY_JSON;
    st_err err = json ? st_buffer_printf(&r->out, error, "{\"records\":[") : ST_OK;
    for (size_t i = 0; err == ST_OK && i < l->count; i++) {
        if (json && i > 0)
            err = st_buffer_append(&r->out, ",", 1, error);
        if (err == ST_OK)
            err = json ? st_row_json(&l->rows[i].row, r->client->offset_minutes, &r->out, error)
                       : write_row_text(l, &l->rows[i].row, error);
    }
    return err == ST_OK && json ? st_buffer_printf(&r->out, error, "]}\n") : err;
}

/* Folds the search text; keeps it with its marks too. */
static st_err set_needle(listing *l, const char *text, st_error *error)
{
    st_buffer folded, cleaned;
    st_buffer_init(&folded, NEEDLE_BYTES_MAX * 4);
    st_buffer_init(&cleaned, NEEDLE_BYTES_MAX * 4);
    st_err err = strlen(text) > NEEDLE_BYTES_MAX
                     ? st_fail(error, ST_E_TOO_LARGE, "search: the text is too long")
                     : st_text_fold(text, strlen(text), &folded, error);
    if (err == ST_OK)
        err = st_text_clean(text, strlen(text), &cleaned, error);
    if (err == ST_OK && folded.len == 0)
        err = st_fail(error, ST_E_VALUE, "search: no letter or digit to look for");
    if (err == ST_OK) {
        l->needle = (const char *)st_arena_copy(&l->r->arena, folded.data, folded.len);
        l->needle_len = folded.len;
        l->cleaned = (const char *)st_arena_copy(&l->r->arena, cleaned.data, cleaned.len);
        if (l->needle == NULL || l->cleaned == NULL)
            err = st_fail(error, ST_E_MEMORY, "search: no memory");
    }
    st_buffer_free(&folded);
    st_buffer_free(&cleaned);
    return err;
}

int sotay_list(sotay_client *client, const sotay_filter *filter, sotay_format format,
               char **out_text, sotay_error *error)
{
    static const sotay_filter ALL = { NULL, NULL, NULL, NULL };
    reading r;
    st_error inner = { ST_OK, "" };
    listing l;
    memset(&l, 0, sizeof l);
    l.r = &r;
    l.filter = filter == NULL ? &ALL : filter;
    st_err err = reading_begin(&r, client, format, &inner);
    if (err == ST_OK && l.filter->state != NULL)
        err = st_state_check(l.filter->state, &inner);
    if (err == ST_OK && l.filter->text != NULL)
        err = set_needle(&l, l.filter->text, &inner);
    if (err == ST_OK)
        err = read_rows(&l, &inner);
    if (err == ST_OK)
        err = write_rows(&l, &inner);
    return reading_end(&r, err, out_text, &inner, error);
}

/* ---- conflicts ---- */

static st_err write_conflict_text(reading *r, const overlay_view *view, const st_conflict *conflict,
                                  const char *title, st_error *error)
{
    char id[33], path[ST_PATH_TEXT_BYTES] = "state";
    st_id_format(&view->record.id, id);
    if (!conflict->is_state)
        st_form_path_format(view->form, &conflict->path, path);
    st_err err = st_buffer_printf(&r->out, error, "%s  %s  (", id, path);
    if (err == ST_OK)
        err = st_text_say(title, strlen(title), " ", &r->out, error);
    if (err == ST_OK)
        err = st_buffer_append(&r->out, ")\n", 2, error);
    if (err != ST_OK || conflict->is_state || conflict->path.kind == ST_PATH_DROP)
        return err;
    const st_field *field = st_form_at(view->form, &conflict->path, NULL);
    st_span span = st_record_path(&view->record, &conflict->path);
    for (size_t i = 0; err == ST_OK && field != NULL && i < span.count; i++) {
        const st_live *live = &view->record.lives[span.first + i];
        const st_meta *meta = &view->record.metas[live->meta];
        char dot[ST_DOT_TEXT_BYTES];
        st_dot_format(&meta->dot, dot);
        const char *login = r->names.directory.login(r->names.directory.context, &meta->actor);
        err = st_buffer_printf(&r->out, error, "    %s  %s: ", dot, login == NULL ? "?" : login);
        if (err == ST_OK)
            err = st_value_label(field, &live->op.value, r->client->lang, &r->out, error);
        if (err == ST_OK)
            err = st_buffer_append(&r->out, "\n", 1, error);
    }
    return err;
}

static st_err write_conflicts(reading *r, const st_row *row, size_t *count, st_error *error)
{
    overlay_view view;
    const st_conflict *conflicts = NULL;
    size_t found = 0;
    st_arena arena;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_load(r->client, &row->id, &arena, &view, error);
    if (err == ST_OK && view.form != NULL)
        err = st_show_conflicts(view.form, &view.record, &arena, &conflicts, &found, error);
    st_show_how how = overlay_how(r->client, &r->names, err == ST_OK && view.is_held);
    moment_source source;
    moment_begin(&source, r->client, &row->id, &arena);
    how.moments = &source.moments;
    for (size_t i = 0; err == ST_OK && i < found; i++) {
        if (r->format == SOTAY_TEXT) {
            err = write_conflict_text(r, &view, &conflicts[i], row->title, error);
        } else {
            if (*count > 0)
                err = st_buffer_append(&r->out, ",", 1, error);
            if (err == ST_OK)
                err =
                    st_conflict_json(view.form, &view.record, &conflicts[i], &how, &r->out, error);
        }
        (*count)++;
    }
    unread_join(&r->unread, &source.unread);
    if (err == ST_OK && (view.is_damaged || view.form == NULL)) /* none of it is shown */
        r->unread.damaged = true;
    st_arena_reset(&arena);
    return err;
}

int sotay_conflicts(sotay_client *client, sotay_format format, char **out_text, sotay_error *error)
{
    static const sotay_filter ALL = { NULL, NULL, NULL, NULL };
    reading r;
    st_error inner = { ST_OK, "" };
    size_t count = 0;
    listing l;
    memset(&l, 0, sizeof l);
    l.r = &r;
    l.filter = &ALL;
    st_err err = reading_begin(&r, client, format, &inner);
    if (err == ST_OK)
        err = read_rows(&l, &inner);
    if (err == ST_OK && format == SOTAY_JSON)
        err = st_buffer_printf(&r.out, &inner, "{\"conflicts\":[");
    for (size_t i = 0; err == ST_OK && i < l.count; i++)
        if (l.rows[i].row.open_conflicts > 0)
            err = write_conflicts(&r, &l.rows[i].row, &count, &inner);
    if (err == ST_OK && format == SOTAY_JSON)
        err = st_buffer_printf(&r.out, &inner, "]}\n");
    if (err == ST_OK)
        err = say_unread(&r, &inner);
    return reading_end(&r, err, out_text, &inner, error);
}
