/* client-lib/src/draft.c - what is being typed, kept at every answer.
 * Promises: a text that was put is there after a crash; a working copy that does not pass stays as
 * it is; it replaces what its officer was shown when he began to type, however much later it
 * becomes a change (docs/protocol.md 3).
 * Never: leaves the device before it became a change. */
#include "client-lib/src/draft.h"

#include <string.h>

#include "client-lib/src/lease.h"
#include "client-lib/src/slip.h"
#include "proto/edit.h"
#include "proto/show.h"

#define DRAFT_PAIRS_MAX 4096u
#define DRAFT_BYTES_MAX ((size_t)ST_FRAME_BYTES_MAX)
#define DOT_BYTES ((size_t)16 + 8)
/* First byte of a row. Older ones begin with the length of a path, whose first byte is 0. */
#define ROW_WITH_SHOWN 1u

/* ---- the row ---- */

static const char *get_text(slip_reader *slip, st_arena *arena)
{
    size_t len = 0;
    const uint8_t *data = slip_get_blob(slip, &len);
    return data == NULL ? NULL : (const char *)st_arena_copy(arena, data, len);
}

/* How many things of so many bytes follow; none when they cannot. */
static uint32_t get_count(slip_reader *slip, size_t bytes)
{
    uint64_t count = slip_get_u64(slip);
    if (count <= (slip->len - slip->at) / bytes)
        return (uint32_t)count;
    slip->bad = true;
    return 0;
}

static st_dot get_dot(slip_reader *slip)
{
    st_dot dot;
    slip_get_bytes(slip, dot.device.b, sizeof dot.device.b);
    dot.counter = slip_get_u64(slip);
    return dot;
}

static void put_dot(slip_writer *slip, const st_dot *dot)
{
    slip_bytes(slip, dot->device.b, sizeof dot->device.b);
    slip_u64(slip, dot->counter);
}

/* False without memory. */
static bool get_shown(slip_reader *slip, st_arena *arena, draft_pair *pair)
{
    uint32_t count = get_count(slip, DOT_BYTES);
    st_dot *dots = st_arena_array(arena, count, sizeof *dots);
    for (uint32_t i = 0; dots != NULL && i < count; i++)
        dots[i] = get_dot(slip);
    pair->shown = dots;
    pair->shown_count = count;
    return dots != NULL;
}

static bool get_under(slip_reader *slip, st_arena *arena, draft_copy *copy)
{
    uint32_t count = get_count(slip, DOT_BYTES + 1);
    st_under *under = st_arena_array(arena, count, sizeof *under);
    for (uint32_t i = 0; under != NULL && i < count; i++) {
        under[i].dot = get_dot(slip);
        under[i].kind = (st_act_kind)slip_get_u8(slip);
    }
    copy->under = under;
    copy->under_count = count;
    return under != NULL;
}

static st_err read_row(slip_reader *slip, st_arena *arena, draft_copy *copy, st_error *error)
{
    size_t capacity = 0;
    bool has_shown = slip->len > 0 && slip->data[0] == ROW_WITH_SHOWN;
    slip->at = has_shown ? 1 : 0;
    bool has_memory = !has_shown || get_under(slip, arena, copy);
    while (has_memory && !slip->bad && slip->at < slip->len) {
        draft_pair pair = { get_text(slip, arena), NULL, NULL, 0 };
        pair.text = get_text(slip, arena);
        has_memory = slip->bad || (pair.path != NULL && pair.text != NULL);
        if (has_shown && has_memory)
            has_memory = get_shown(slip, arena, &pair);
        draft_pair *pairs = st_arena_grow(arena, copy->pairs, copy->count, &capacity, sizeof pair);
        if (pairs == NULL)
            has_memory = false;
        else
            pairs[copy->count++] = pair;
        copy->pairs = pairs;
    }
    if (!has_memory)
        return st_fail(error, ST_E_MEMORY, "working copy: no memory");
    return slip->bad ? st_fail(error, ST_E_CORRUPT, "store: a working copy is damaged") : ST_OK;
}

st_err draft_get(book_db *book, const st_id *record, st_arena *arena, draft_copy *out_copy,
                 st_error *error)
{
    book_key key = book_key_id(BOOK_DRAFT, record);
    book_value value = { NULL, 0 };
    draft_copy copy = { NULL, 0, NULL, 0 };
    st_err err = book_get(book, &key, arena, &value, error);
    slip_reader slip = { value.data, value.len, 0, false };
    if (err == ST_OK)
        err = read_row(&slip, arena, &copy, error);
    if (err == ST_OK || err == ST_E_NOT_FOUND)
        *out_copy = copy;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err draft_keep(book_db *book, const st_id *record, const draft_copy *copy, st_error *error)
{
    book_key key = book_key_id(BOOK_DRAFT, record);
    if (copy->count == 0)
        return book_delete(book, &key, error);
    st_buffer out;
    st_buffer_init(&out, DRAFT_BYTES_MAX);
    slip_writer slip = { &out, ST_OK };
    slip_u8(&slip, ROW_WITH_SHOWN);
    slip_u64(&slip, copy->under_count);
    for (uint32_t i = 0; i < copy->under_count; i++) {
        put_dot(&slip, &copy->under[i].dot);
        slip_u8(&slip, (uint8_t)copy->under[i].kind);
    }
    for (size_t i = 0; i < copy->count; i++) {
        const draft_pair *pair = &copy->pairs[i];
        slip_text(&slip, pair->path);
        slip_text(&slip, pair->text);
        slip_u64(&slip, pair->shown_count);
        for (uint32_t k = 0; k < pair->shown_count; k++)
            put_dot(&slip, &pair->shown[k]);
    }
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "working copy: too large")
                                   : book_put(book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

/* ---- what was shown ---- */

/* The newest value of this device at the path; SIZE_MAX when it has none there. */
static size_t own_value(const sotay_client *client, const st_record *record, st_span span)
{
    size_t own = SIZE_MAX;
    for (size_t i = span.first; i < span.first + span.count; i++)
        if (st_id_cmp(&record->metas[record->lives[i].meta].dot.device, &client->me.device) == 0)
            own = i; /* they ascend by dot */
    return own;
}

/* An open difference in which this device has a side: what is typed goes on from that one, whatever
 * is shown first. A sync may have saved it between two letters, and brought the other one. */
static void keep_others(const sotay_client *client, const st_record *record, st_op *op,
                        st_dot *dots)
{
    st_span span = st_record_path(record, &op->path);
    size_t own = own_value(client, record, span);
    if (own == SIZE_MAX)
        return;
    op->replaces = dots;
    op->replaces_count = 0;
    for (size_t i = span.first; i < span.first + span.count; i++)
        if (st_value_equal(&record->lives[i].op.value, &record->lives[own].op.value))
            dots[op->replaces_count++] = record->metas[record->lives[i].meta].dot;
}

static st_err fill_op(const sotay_client *client, const overlay_view *view, st_arena *arena,
                      st_op *op, st_error *error)
{
    const st_field *field = st_form_at(view->form, &op->path, NULL);
    size_t count = st_record_path(&view->record, &op->path).count;
    st_dot *dots = st_arena_array(arena, count, sizeof *dots);
    if (field == NULL)
        return ST_OK;
    if (dots == NULL)
        return st_fail(error, ST_E_MEMORY, "working copy: no memory");
    st_err err = st_edit_replaces(&view->record, field->cls, arena, op, error);
    if (err == ST_OK && field->cls == ST_CLASS_DECISIVE)
        keep_others(client, &view->record, op, dots);
    return err;
}

/* What an edit of the path would replace and be under now. Nothing of a record that is not shown:
 * none is there, or it is another's and the server was not met for long. */
static st_err look(sotay_client *client, const st_id *record, st_arena *arena, draft_pair *pair,
                   st_change *out_change, st_error *error)
{
    overlay_view view;
    st_op op;
    st_change change;
    memset(&op, 0, sizeof op);
    memset(&change, 0, sizeof change);
    st_err err = overlay_load(client, record, arena, &view, error);
    if (err == ST_OK)
        err = lease_check(client, &view, error);
    bool is_shown = err == ST_OK;
    if (err == ST_E_NOT_FOUND || err == ST_E_DENIED)
        err = ST_OK;
    if (is_shown && view.form != NULL &&
        st_form_path_parse(view.form, pair->path, &op.path, NULL) == ST_OK) {
        err = fill_op(client, &view, arena, &op, error);
        change.ops = &op;
        change.ops_count = 1;
    }
    if (err == ST_OK && is_shown)
        err = st_edit_under(&view.record, arena, &change, error);
    pair->shown = op.replaces;
    pair->shown_count = op.replaces_count;
    change.ops = NULL;
    *out_change = change;
    return err;
}

static bool is_under(const st_change *change, const st_under *act)
{
    for (uint32_t i = 0; i < change->under_count; i++)
        if (st_dot_cmp(&change->under[i].dot, &act->dot) == 0)
            return true;
    return false;
}

/* One change is made of all fields: it is under what each of them was begun under. */
static st_err meet_under(draft_copy *copy, const st_change *change, st_arena *arena,
                         st_error *error)
{
    if (copy->count == 0) {
        copy->under = change->under;
        copy->under_count = change->under_count;
        return ST_OK;
    }
    st_under *under = st_arena_array(arena, copy->under_count, sizeof *under);
    uint32_t count = 0;
    if (under == NULL)
        return st_fail(error, ST_E_MEMORY, "working copy: no memory");
    for (uint32_t i = 0; i < copy->under_count; i++)
        if (is_under(change, &copy->under[i]))
            under[count++] = copy->under[i];
    copy->under = under;
    copy->under_count = count;
    return ST_OK;
}

/* ---- putting ---- */

static void take_out(draft_copy *copy, size_t at)
{
    size_t after = copy->count - at - 1;
    memmove(&copy->pairs[at], &copy->pairs[at + 1], after * sizeof *copy->pairs);
    copy->count--;
}

static st_err add_pair(sotay_client *client, const st_id *record, st_arena *arena,
                       draft_copy *copy, draft_pair pair, st_error *error)
{
    st_change now;
    if (copy->count >= DRAFT_PAIRS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "working copy: too many fields");
    draft_pair *pairs = st_arena_array(arena, copy->count + 1, sizeof *pairs);
    if (pairs == NULL)
        return st_fail(error, ST_E_MEMORY, "working copy: no memory");
    st_err err = look(client, record, arena, &pair, &now, error);
    if (err == ST_OK)
        err = meet_under(copy, &now, arena, error);
    if (err != ST_OK)
        return err;
    if (copy->count > 0)
        memcpy(pairs, copy->pairs, copy->count * sizeof *pairs);
    pairs[copy->count++] = pair;
    copy->pairs = pairs;
    return ST_OK;
}

/* Puts, replaces or takes out one field. Typing on is no new look at the record. */
static st_err change_pair(sotay_client *client, const st_id *record, st_arena *arena,
                          draft_copy *copy, sotay_pair typed, st_error *error)
{
    size_t at = 0;
    while (at < copy->count && strcmp(copy->pairs[at].path, typed.path) != 0)
        at++;
    if (typed.value != NULL && at < copy->count)
        copy->pairs[at].text = typed.value;
    else if (typed.value != NULL)
        return add_pair(client, record, arena, copy,
                        (draft_pair){ typed.path, typed.value, NULL, 0 }, error);
    else if (at < copy->count)
        take_out(copy, at);
    return ST_OK;
}

/* ---- becoming a change ---- */

st_err draft_take(edit *e, st_error *error)
{
    draft_copy copy;
    st_err err = draft_get(&e->client->book, &e->change.record, &e->arena, &copy, error);
    for (size_t i = 0; err == ST_OK && i < copy.count; i++) {
        const draft_pair *pair = &copy.pairs[i];
        err = edit_field(e, pair->path, pair->text[0] == '\0' ? NULL : pair->text, error);
        if (err == ST_OK) {
            e->ops[e->ops_count - 1].replaces = pair->shown;
            e->ops[e->ops_count - 1].replaces_count = pair->shown_count;
        }
    }
    if (err != ST_OK || copy.count == 0)
        return err;
    e->is_typed = true;
    e->typed_under = copy.under;
    e->typed_under_count = copy.under_count;
    return ST_OK;
}

static st_err commit_one(sotay_client *client, const sotay_id *record, st_error *error)
{
    edit e;
    st_err err = edit_begin(&e, client, record, error);
    if (err == ST_OK)
        err = draft_take(&e, error);
    if (err == ST_OK)
        err = edit_commit(&e, error);
    edit_end(&e);
    return err;
}

st_err draft_count(book_db *book, uint64_t *out_count, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DRAFT);
    book_scan scan = book_scan_of(&prefix);
    uint64_t count = 0;
    st_err err = book_scan_next(book, &scan, NULL, NULL, error);
    for (; err == ST_OK; err = book_scan_next(book, &scan, NULL, NULL, error))
        count++;
    if (err != ST_E_NOT_FOUND)
        return err;
    *out_count = count;
    return ST_OK;
}

/* The next working copy. ST_E_NOT_FOUND at the end. */
static st_err next_row(sotay_client *client, book_scan *scan, st_error *error)
{
    st_err err = client_begin(client, false, error);
    if (err == ST_OK)
        err = book_scan_next(&client->book, scan, NULL, NULL, error);
    client_abort(client);
    return err;
}

static st_err commit_row(sotay_client *client, const book_key *key, st_error *error)
{
    sotay_id record;
    if (key->len != 1 + sizeof record.b)
        return st_fail(error, ST_E_CORRUPT, "store: a working copy is damaged");
    memcpy(record.b, key->b + 1, sizeof record.b);
    return commit_one(client, &record, error);
}

/* None of them stands in the way of the others, or of what else is to be sent. */
st_err draft_commit_all(sotay_client *client, bool *out_damaged, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DRAFT);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        st_err err = next_row(client, &scan, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        bool is_end = err != ST_OK; /* what lies behind it cannot be reached */
        if (!is_end)
            err = commit_row(client, &scan.at, error);
        *out_damaged = *out_damaged || err == ST_E_CORRUPT;
        if (err == ST_PENDING || err == ST_E_FULL || st_err_is_passing(err))
            return err;
        if (is_end)
            return err == ST_E_CORRUPT ? ST_OK : err;
    }
}

static st_err draft_change(sotay_client *client, const sotay_id *record, sotay_pair pair,
                           st_error *error)
{
    draft_copy copy;
    st_arena arena;
    if (pair.value != NULL && strlen(pair.value) > ST_VALUE_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "%.60s: too long", pair.path);
    if (strlen(pair.path) >= ST_PATH_TEXT_BYTES)
        return st_fail(error, ST_E_VALUE, "%.60s…: not a path", pair.path);
    st_err err = client_need_enrolled(client, error);
    if (err == ST_OK && client->is_closed)
        err = st_fail(error, ST_E_BUSY, "store: something else is under way");
    if (err == ST_OK)
        err = client_begin(client, true, error);
    if (err != ST_OK)
        return err;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_id id;
    bool there = false;
    err = overlay_find(client, record, &id, error);
    book_key row = book_key_id(BOOK_ROW, &id);
    if (err == ST_OK)
        err = book_has(&client->book, &row, &there, error);
    if (err == ST_OK && !there)
        err = st_fail(error, ST_E_NOT_FOUND, "record: not on this device");
    if (err == ST_OK)
        err = draft_get(&client->book, &id, &arena, &copy, error);
    if (err == ST_OK)
        err = change_pair(client, &id, &arena, &copy, pair, error);
    if (err == ST_OK)
        err = draft_keep(&client->book, &id, &copy, error);
    if (err == ST_OK)
        err = client_commit(client, error);
    else
        client_abort(client);
    st_arena_reset(&arena);
    return err;
}

int sotay_draft_put(sotay_client *client, const sotay_id *record, const char *path,
                    const char *value, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_pair pair = { path, value };
    return port_give(draft_change(client, record, pair, &inner), &inner, error);
}

int sotay_draft_commit(sotay_client *client, const sotay_id *record, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    return port_give(commit_one(client, record, &inner), &inner, error);
}
