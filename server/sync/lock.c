/* server/sync/lock.c - locked periods.
 * Promises: a function of the catalogue's period records and of what a change says itself, so that
 * the judgement is one of the log's order and of no clock. Must never undo or change anything: what
 * is late is kept and shown. */
#include "server/sync/lock.h"

#include <string.h>

#include "proto/view.h"
#include "server/store/pack.h"

#define KIND_YEAR 1            /* option `year` of the period's kind */

static st_err is_locked(const st_record *record, st_arena *arena, bool *out_locked, st_error *error)
{
    st_acts_view acts;
    st_err err = st_view_acts(record, arena, &acts, error);
    *out_locked = false;
    for (size_t i = 0; err == ST_OK && i < acts.acts_count; i++)
        *out_locked = *out_locked || record->metas[acts.acts[i]].act == ST_ACT_LOCK;
    return err;
}

static st_err put_lock(store_txn *txn, const st_id *record, const sync_lock *lock, st_error *error)
{
    st_buffer row;
    pack_key key = pack_id(record);
    st_buffer_init(&row, 128);
    st_err err = pack_put_u8(&row, lock->has_days ? 1 : 0);
    if (err == ST_OK)
        err = pack_put_u64(&row, (uint64_t)lock->from);
    if (err == ST_OK)
        err = pack_put_u64(&row, (uint64_t)lock->to);
    if (err == ST_OK)
        err = pack_put_string(&row, lock->period.s, strlen(lock->period.s));
    if (err == ST_OK)
        err = store_put(txn, STORE_LOCK, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    else
        err = st_fail(error, err, "lock: out of memory");
    st_buffer_free(&row);
    return err;
}

st_err sync_lock_fold(store_txn *txn, const st_form *form, const st_record *record,
                      st_arena *arena, st_error *error)
{
    bool locked = false;
    pack_key key = pack_id(&record->id);
    if (strcmp(form->name, SYNC_FORM_PERIOD) != 0)
        return ST_OK;
    st_err err = is_locked(record, arena, &locked, error);
    if (err != ST_OK || !locked)
        return err == ST_OK ? store_delete(txn, STORE_LOCK, pack_key_slice(&key), error) : err;
    sync_lock lock = { .has_days = false };
    st_value kind = catalogue_value(form, record, "kind");
    st_value from = catalogue_value(form, record, "from");
    st_value to = catalogue_value(form, record, "to");
    catalogue_text(form, record, "period_id", lock.period.s, sizeof lock.period.s);
    lock.has_days = kind.kind == ST_VALUE_INT && kind.number == KIND_YEAR
                    && from.kind == ST_VALUE_INT && to.kind == ST_VALUE_INT;
    if (lock.has_days) {
        lock.from = from.number;
        lock.to = to.number;
    }
    return put_lock(txn, &record->id, &lock, error);
}

static st_err decode_lock(store_slice row, sync_lock *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    memset(out, 0, sizeof *out);
    out->has_days = pack_get_u8(&reader) != 0;
    out->from = (int64_t)pack_get_u64(&reader);
    out->to = (int64_t)pack_get_u64(&reader);
    pack_get_text(&reader, out->period.s, sizeof out->period.s);
    return pack_end(&reader, "lock", error);
}

st_err sync_locks_load(store_txn *txn, st_arena *arena, sync_locks *out_locks, st_error *error)
{
    store_cursor cursor = { 0 };
    sync_lock *list = NULL;
    size_t count = 0, capacity = 0;
    st_err err = store_cursor_open(txn, STORE_LOCK, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        sync_lock *grown = list;
        if (count == capacity)
            grown = st_arena_grow(arena, list, count, &capacity, sizeof *grown);
        if (grown == NULL) {
            err = st_fail(error, ST_E_MEMORY, "lock: out of memory");
            break;
        }
        list = grown;
        err = decode_lock(cursor.value, &list[count++], error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    out_locks->list = list;
    out_locks->count = count;
    return err;
}

/* ---- of which period is a record? ---- */

static bool has_value(const sync_lock *lock, const st_value *value)
{
    if (value->kind == ST_VALUE_INT)
        return lock->has_days && value->number >= lock->from && value->number <= lock->to;
    return value->kind == ST_VALUE_CODE && value->len == strlen(lock->period.s)
           && memcmp(value->data, lock->period.s, value->len) == 0;
}

/* The field that says which period a record belongs to; NULL: none, it may always be written. */
static const st_field *period_field(const st_form *form)
{
    const st_field *date = st_form_field(form, "visit_date");
    if (date != NULL && date->type == ST_TYPE_DATE)
        return date;
    bool is_kept = strcmp(form->name, "unit_report") == 0 || strcmp(form->name, "assessment") == 0;
    return is_kept ? st_form_field(form, "period_id") : NULL;
}

bool sync_locks_have(const sync_locks *locks, const st_form *form, const st_record *record,
                     const st_change *change)
{
    const st_field *field = locks->count == 0 ? NULL : period_field(form);
    if (field == NULL)
        return false;
    st_path path = { .kind = ST_PATH_FIELD, .field = field->no };
    st_span span = st_record_path(record, &path);
    for (size_t i = 0; i < locks->count; i++) {
        const sync_lock *lock = &locks->list[i];
        for (size_t k = span.first; k < span.first + span.count; k++)
            if (has_value(lock, &record->lives[k].op.value))
                return true;
        for (uint32_t k = 0; k < change->ops_count; k++)
            if (st_path_cmp(&change->ops[k].path, &path) == 0
                && has_value(lock, &change->ops[k].value))
                return true;
    }
    return false;
}
