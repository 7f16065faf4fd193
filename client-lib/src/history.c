/* client-lib/src/history.c - a record's changes: those of the log in its order, unsent ones last.
 * Promises: every change that this device knows of is listed once, with what the log says of it.
 * Never: a derived value - what the server computes is no change. */
#include <string.h>

#include "client-lib/src/lease.h"
#include "client-lib/src/moment.h"
#include "client-lib/src/receipt.h"
#include "proto/show.h"

typedef struct {
    sotay_client *client;
    st_arena arena;
    st_buffer out;
    lexicon_directory names;
    sotay_format format;
    overlay_view view;
    st_show_how how;
    st_dot *held; /* listed already although they are in the overlay */
    size_t held_count, held_capacity;
    size_t count;
    unread_note unread;
    bool has_receipt;
    receipt_says receipt; /* the one that is kept: of one of the changes */
} telling;

static st_err tell(telling *t, const st_history_item *item, st_error *error)
{
    st_err err = ST_OK;
    if (t->format == SOTAY_JSON && t->count > 0)
        err = st_buffer_append(&t->out, ",", 1, error);
    if (err == ST_OK && t->format == SOTAY_JSON)
        err = st_history_json(t->view.form, item, &t->how, &t->out, error);
    else if (err == ST_OK)
        err = st_history_text(t->view.form, item, &t->how, &t->out, error);
    t->count++;
    return err;
}

static void fill_author(telling *t, const st_set *set, st_history_item *item)
{
    item->role = set->role;
    item->via = set->via;
    unread_add(&t->unread, overlay_author(t->client, set, &item->actor, NULL));
}

static st_err remember_held(telling *t, const st_dot *dot, st_error *error)
{
    st_dot *held = t->held;
    if (t->held_count == t->held_capacity)
        held = st_arena_grow(&t->arena, held, t->held_count, &t->held_capacity, sizeof *held);
    if (held == NULL)
        return st_fail(error, ST_E_MEMORY, "history: no memory");
    t->held = held;
    t->held[t->held_count++] = *dot;
    return ST_OK;
}

static void correct(const telling *t, const st_set *set, st_history_item *item)
{
    st_written written;
    if (!moment_of_change(t->client, set, item->change, item->received_ms, &written))
        return;
    item->corrected_ms = written.at_ms;
    item->within_ms = written.within_ms;
}

/* Where nothing is left but the history, as of a record whose making was declined, its first change
 * names the form. */
static st_err find_form(telling *t, const st_change *change, st_error *error)
{
    if (t->view.form != NULL || !change->creates)
        return ST_OK;
    st_err err = lexicon_form(t->client, change->form.s, change->form_version, &t->view.form,
                              error);
    t->view.is_damaged = t->view.is_damaged || err == ST_E_CORRUPT;
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err; /* as overlay_load */
}

/* What does not open is not told, but that there is more. */
static bool is_damage(telling *t, st_err err)
{
    bool is = (err == ST_E_CORRUPT || err == ST_E_VERSION) && t->client->book.failed == ST_OK;
    t->unread.damaged = t->unread.damaged || is;
    return is;
}

static st_err tell_line(telling *t, const apply_line *line, st_error *error)
{
    static const char *const VERDICTS[] = { "stored", "held", "accepted", "declined" };
    st_arena arena;
    st_set set;
    st_history_item item;
    st_dot dot = { line->device, line->counter };
    memset(&item, 0, sizeof item);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(t->client, &dot, line->first, &arena, &set, error);
    if (err == ST_OK) {
        item.change = overlay_change(&set, line->counter);
        if (item.change == NULL)
            err = st_fail(error, ST_E_CORRUPT, "store: a change is not in its set");
    }
    if (is_damage(t, err)) {
        st_arena_reset(&arena);
        return ST_OK;
    }
    if (err == ST_OK)
        err = find_form(t, item.change, error);
    if (err == ST_OK) {
        fill_author(t, &set, &item);
        item.received_ms = line->time_ms;
        item.log_index = line->index;
        item.has_carrier = line->has_carrier;
        item.carrier = line->carrier;
        item.verdict = VERDICTS[line->verdict];
        item.hold = line->hold;
        item.decision_reason = line->reason;
        item.decision_reason_len = line->reason_len;
        if (t->has_receipt && t->receipt.entry == line->index) {
            item.proof_size = t->receipt.checkpoint.head.size;
            item.proof_root = t->receipt.checkpoint.head.root;
        }
        correct(t, &set, &item);
        err = tell(t, &item, error);
    }
    if (err == ST_OK && line->verdict == APPLY_HELD)
        err = remember_held(t, &dot, error);
    st_arena_reset(&arena);
    return err;
}

static st_err tell_log(telling *t, const st_id *record, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, record);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        apply_line line;
        st_err err = apply_line_next(t->client, &scan, &t->arena, &line, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (is_damage(t, err))
            continue;
        if (err == ST_OK)
            err = tell_line(t, &line, error);
        if (err != ST_OK)
            return err;
    }
}

static bool is_told(const telling *t, const st_dot *dot)
{
    for (size_t i = 0; i < t->held_count; i++)
        if (st_dot_cmp(&t->held[i], dot) == 0)
            return true;
    return false;
}

static st_err tell_own(telling *t, const st_id *record, st_error *error)
{
    overlay_walk walk;
    overlay_walk_begin(&walk, t->client, record, &t->arena);
    for (;;) {
        overlay_entry entry;
        st_history_item item;
        const st_set *set = NULL;
        memset(&item, 0, sizeof item);
        st_err err = overlay_walk_next(&walk, &entry, &item.change, &set, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (overlay_leaves_out(t->client, &t->view, &entry, err))
            continue;
        if (err != ST_OK)
            return err;
        if (is_told(t, &entry.dot))
            continue;
        fill_author(t, set, &item);
        item.verdict = entry.status == OVERLAY_SENT ? "stored" : "unsent";
        if (entry.status == OVERLAY_HELD)
            item.verdict = "held";
        if (entry.status == OVERLAY_CARRIED)
            item.verdict = "carried";
        item.hold = entry.hold;
        correct(t, set, &item);
        err = tell(t, &item, error);
        if (err != ST_OK)
            return err;
    }
}

/* Are all changes here? Not of a record that came as it stands, in place of its entries: the one
 * that made it is not listed then. */
static st_err find_complete(telling *t, const st_id *record, bool *out_complete, st_error *error)
{
    const st_record *state = &t->view.record;
    book_key prefix = book_key_id(BOOK_HIST, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_complete = !state->created || state->metas[state->creator].log_index == 0;
    while (err == ST_OK && !*out_complete) {
        apply_line line;
        err = apply_line_next_whole(t->client, &scan, &t->arena, &line, error);
        if (err == ST_OK) {
            st_dot dot = { line.device, line.counter };
            *out_complete = st_dot_cmp(&dot, &state->metas[state->creator].dot) == 0;
        }
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err tell_head(telling *t, const st_id *record, st_error *error)
{
    char id[33];
    bool complete = true;
    st_id_format(record, id);
    st_err err = find_complete(t, record, &complete, error);
    if (err == ST_OK && t->format == SOTAY_JSON)
        return st_buffer_printf(&t->out, error, "{\"id\":\"%s\",\"complete\":%s,\"changes\":[", id,
                                complete ? "true" : "false");
    if (err != ST_OK || complete)
        return err;
    return st_buffer_printf(&t->out, error, "%s\n",
                            strcmp(t->client->lang, "en") == 0
                                ? "(earlier changes are not on this device)"
                                : "(các thay đổi trước đó không có trên máy này)");
}

static st_err find_receipt(telling *t, const st_id *record, st_error *error)
{
    st_err err = receipt_get(t->client, record, &t->arena, &t->receipt, error);
    t->has_receipt = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err tell_all(telling *t, const st_id *record, st_error *error)
{
    st_err err = overlay_load(t->client, record, &t->arena, &t->view, error);
    t->how = overlay_how(t->client, &t->names, err == ST_OK && t->view.is_held);
    t->how.is_carried = err == ST_OK && t->view.has_carried;
    if (err == ST_OK)
        err = lease_check(t->client, &t->view, error);
    if (err == ST_OK)
        err = find_receipt(t, record, error);
    if (err == ST_OK)
        err = tell_head(t, record, error);
    if (err == ST_OK)
        err = tell_log(t, record, error);
    if (err == ST_OK)
        err = tell_own(t, record, error);
    if (err == ST_OK && t->format == SOTAY_JSON)
        err = st_buffer_printf(&t->out, error, "]}\n");
    unread_join(&t->unread, &t->names.unread);
    t->unread.damaged = t->unread.damaged || (err == ST_OK && t->view.is_damaged);
    return err == ST_OK ? unread_say(&t->unread, t->format, t->client->lang, &t->out, error) : err;
}

int sotay_history(sotay_client *client, const sotay_id *record, sotay_format format,
                  char **out_text, sotay_error *error)
{
    telling t;
    st_error inner = { ST_OK, "" };
    memset(&t, 0, sizeof t);
    t.client = client;
    t.format = format;
    st_arena_init(&t.arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&t.out, CLIENT_TEXT_BYTES_MAX);
    lexicon_directory_init(&t.names, client, &t.arena);
    st_err err = client_begin(client, false, &inner);
    st_id id;
    if (err == ST_OK)
        err = overlay_find(client, record, &id, &inner);
    if (err == ST_OK)
        err = tell_all(&t, &id, &inner);
    if (err == ST_OK)
        err = port_text(&t.out, out_text, &inner);
    client_abort(client);
    st_buffer_free(&t.out);
    st_arena_reset(&t.arena);
    return port_give(err, &inner, error);
}
