/* client-lib/src/outside.c - what the office declined, as its author may read it.
 * Promises: nothing that was recorded here is unreadable because it is not in the book.
 * Never: mixes it into a record of the book. */
#include "client-lib/src/outside.h"

#include <string.h>

#include "client-lib/src/apply.h"
#include "proto/changeset.h"
#include "proto/merge.h"

/* A declined change, and the set that it lies in. */
typedef struct {
    apply_line line;
    st_set set;
    const st_change *change;
} declined_change;

/* The next one of a scan over HIST. ST_E_NOT_FOUND at the end, without *error. */
static st_err next_declined(sotay_client *client, book_scan *scan, st_arena *arena,
                            declined_change *out, st_error *error)
{
    st_err err = apply_line_next(client, scan, arena, &out->line, error);
    while (err == ST_OK && out->line.verdict != APPLY_DECLINED)
        err = apply_line_next(client, scan, arena, &out->line, error);
    if (err != ST_OK)
        return err;
    const st_dot dot = { out->line.device, out->line.counter };
    err = overlay_set_get(client, &dot, out->line.first, arena, &out->set, error);
    if (err != ST_OK)
        return err;
    out->change = overlay_change(&out->set, dot.counter);
    return out->change != NULL ? ST_OK
                               : st_fail(error, ST_E_CORRUPT, "store: a change is not in its set");
}

static book_scan scan_of(const st_id *record)
{
    book_key prefix = book_key_id(BOOK_HIST, record);
    return book_scan_of(&prefix);
}

/* *view notes it where that is damaged: the change is shown all the same. */
static st_err fold_one(sotay_client *client, overlay_view *view, const declined_change *one,
                       st_vector *vector, st_record *record, st_error *error)
{
    const st_fold_how how = { ST_FOLD_APPLY, true };
    st_arrival arrival;
    if (st_change_is_frozen(one->change) || one->change->unknown)
        return ST_OK;
    memset(&arrival, 0, sizeof arrival);
    st_err err = overlay_author(client, &one->set, &arrival.actor, error);
    if (err != ST_OK && err != ST_E_CORRUPT)
        return err;
    view->is_damaged = view->is_damaged || err == ST_E_CORRUPT;
    arrival.role = one->set.role;
    arrival.via = one->set.via;
    arrival.received_ms = one->line.time_ms;
    arrival.log_index = one->line.index;
    if (one->line.has_carrier)
        arrival.carrier = one->line.carrier;
    err = st_merge_fold(vector, record, one->change, &arrival, how);
    return err == ST_OK ? ST_OK : st_fail(error, err, "record: no memory");
}

/* All of them in the order of the log; *view gets the reason of the one that makes the record. */
static st_err fold_all(sotay_client *client, overlay_view *view, st_arena *arena,
                       st_record *out_record, st_error *error)
{
    book_scan scan = scan_of(&view->record.id);
    st_vector vector;
    st_err err = ST_OK;
    st_vector_init(&vector, arena);
    for (size_t count = 0; err == ST_OK; count++) {
        declined_change one;
        err = next_declined(client, &scan, arena, &one, error);
        if (err == ST_OK && count == 0)
            st_record_init(out_record, arena, &view->record.id, &one.set.bucket);
        if (err == ST_OK && one.change->creates && one.line.reason_len > 0) {
            view->decision_reason = one.line.reason;
            view->decision_reason_len = one.line.reason_len;
        }
        if (err == ST_OK)
            err = fold_one(client, view, &one, &vector, out_record, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err outside_fold(sotay_client *client, overlay_view *view, st_arena *arena, st_error *error)
{
    st_record record;
    if (view->record.created || view->has_own || view->has_carried)
        return ST_OK;
    memset(&record, 0, sizeof record);
    st_err err = fold_all(client, view, arena, &record, error);
    if (err != ST_OK || !record.created)
        return err;
    view->record = record;
    view->outside = ST_OUTSIDE_DECLINED;
    view->has_own =
        st_id_cmp(&record.metas[record.creator].actor, &client->next.person) == 0;
    view->form = NULL;
    err = lexicon_form(client, record.form.s, record.form_version, &view->form, error);
    view->is_form_damaged = err == ST_E_CORRUPT;
    view->is_damaged = view->is_damaged || view->is_form_damaged;
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err; /* as overlay_load */
}

st_err outside_reason(sotay_client *client, const st_id *record, st_arena *arena,
                      outside_words *out_words, st_error *error)
{
    book_scan scan = scan_of(record);
    st_err err = ST_OK;
    memset(out_words, 0, sizeof *out_words);
    while (err == ST_OK) {
        declined_change one;
        err = next_declined(client, &scan, arena, &one, error);
        st_id author;
        if (err != ST_OK)
            continue;
        err = overlay_author(client, &one.set, &author, error);
        if (err == ST_E_CORRUPT) /* nobody's that is known here */
            err = ST_OK;
        if (err == ST_OK && st_id_cmp(&author, &client->next.person) == 0)
            *out_words = (outside_words){ true, one.line.reason, one.line.reason_len };
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
