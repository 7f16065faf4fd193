/* server/catalogue/units.c - the commune's units, and labels of keys (criteria, indicators).
 * Promises: the table of units is what the unit records say, refreshed whenever one is folded.
 * Must never be asked for a decision: a unit that is not here is simply not here. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/catalogue/catalogue.h"
#include "server/store/pack.h"

#define RECORD_BYTES_MAX (64u * 1024u * 1024u)

static st_err decode_unit(store_slice key, store_slice row, catalogue_unit *out, st_error *error)
{
    catalogue_unit unit;
    memset(&unit, 0, sizeof unit);
    const char *id = key.data;
    if (key.len < 2 || !st_code_set(&unit.id, id, key.len - 1))
        return st_fail(error, ST_E_CORRUPT, "store: a unit's key is damaged");
    pack_reader reader = pack_read(row);
    pack_get(&reader, unit.record.b, sizeof unit.record.b);
    unit.since = pack_get_u64(&reader);
    pack_get_text(&reader, unit.name, sizeof unit.name);
    pack_get_text(&reader, unit.class_id, sizeof unit.class_id);
    pack_get_text(&reader, unit.areas, sizeof unit.areas);
    if (reader.len > 0)                        /* only where there are some */
        pack_get_text(&reader, unit.successors, sizeof unit.successors);
    st_err err = pack_end(&reader, "unit", error);
    if (err == ST_OK)
        *out = unit;
    return err;
}

st_err catalogue_unit_get(store_txn *txn, const char *unit, catalogue_unit *out_unit,
                          st_error *error)
{
    if (unit[0] == '\0' || strlen(unit) > ST_CODE_BYTES_MAX)
        return ST_E_NOT_FOUND;
    pack_key key = pack_text(unit);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_UNIT, pack_key_slice(&key), &row, error);
    return err == ST_OK ? decode_unit(pack_key_slice(&key), row, out_unit, error) : err;
}

st_err catalogue_unit_each(store_txn *txn,
                           bool (*each)(void *context, const catalogue_unit *unit),
                           void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    catalogue_unit unit;
    bool more = true;
    st_err err = store_cursor_open(txn, STORE_UNIT, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && more && cursor.is_valid) {
        err = decode_unit(cursor.key, cursor.value, &unit, error);
        if (err == ST_OK)
            more = each(context, &unit);
        if (err == ST_OK && more)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* Adds a code to a list between commas; what does not fit is left out. */
static void add_code(char *list, size_t bytes, st_value element)
{
    size_t len = strlen(list);
    if (element.kind != ST_VALUE_CODE || len + element.len + 3 > bytes)
        return;
    if (len == 0)
        list[len++] = ',';
    memcpy(list + len, element.data, element.len);
    list[len + element.len] = ',';
    list[len + element.len + 1] = '\0';
}

static bool add_area(void *context, st_value element)
{
    catalogue_unit *unit = context;
    add_code(unit->areas, sizeof unit->areas, element);
    return true;
}

static bool add_successor(void *context, st_value element)
{
    catalogue_unit *unit = context;
    add_code(unit->successors, sizeof unit->successors, element);
    return true;
}

static st_err save_unit(store_txn *txn, const catalogue_unit *unit, st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, 1024);
    pack_key key = pack_text(unit->id.s);
    st_err err = pack_put(&row, unit->record.b, sizeof unit->record.b);
    if (err == ST_OK)
        err = pack_put_u64(&row, unit->since);
    if (err == ST_OK)
        err = pack_put_string(&row, unit->name, strlen(unit->name));
    if (err == ST_OK)
        err = pack_put_string(&row, unit->class_id, strlen(unit->class_id));
    if (err == ST_OK)
        err = pack_put_string(&row, unit->areas, strlen(unit->areas));
    if (err == ST_OK && unit->successors[0] != '\0')
        err = pack_put_string(&row, unit->successors, strlen(unit->successors));
    err = pack_done(err, "unit", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_UNIT, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

st_err catalogue_unit_fold(store_txn *txn, const st_form *form, const st_record *record,
                           uint64_t index, bool *out_moves, st_error *error)
{
    catalogue_unit unit, before;
    *out_moves = false;
    memset(&unit, 0, sizeof unit);
    memset(&before, 0, sizeof before);
    st_value id = catalogue_value(form, record, "unit_id");
    if (id.kind != ST_VALUE_CODE || !st_code_set(&unit.id, (const char *)id.data, id.len))
        return ST_OK;
    st_err err = catalogue_unit_get(txn, unit.id.s, &before, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (err == ST_OK && st_id_cmp(&before.record, &record->id) != 0)
        return ST_OK;                          /* the id is taken: first come, first stored */
    unit.record = record->id;
    unit.since = err == ST_OK ? before.since : index;
    catalogue_text(form, record, "name_vi", unit.name, sizeof unit.name);
    catalogue_text(form, record, "class", unit.class_id, sizeof unit.class_id);
    catalogue_each_element(form, record, "areas", add_area, &unit);
    catalogue_each_element(form, record, "successor_ids", add_successor, &unit);
    *out_moves = unit.successors[0] != '\0' || before.successors[0] != '\0';
    return save_unit(txn, &unit, error);
}

/* Is it the record of that key? Then its label. */
static st_err try_label(catalogue *c, store_slice state, const char *keys, const char *key,
                        char *label, size_t label_bytes)
{
    st_arena arena;
    st_record record;
    char field[64], id[ST_CODE_BYTES_MAX + 1], found[512] = "";
    (void)snprintf(field, sizeof field, "%s_id", keys);
    st_arena_init(&arena, RECORD_BYTES_MAX);
    st_err err = st_record_decode(state.data, state.len, &arena, &record, NULL);
    const st_form *form = err == ST_OK ? catalogue_form(c, record.form.s, record.form_version)
                                       : NULL;
    if (form != NULL) {
        catalogue_text(form, &record, field, id, sizeof id);
        if (strcmp(id, key) == 0)
            catalogue_text(form, &record, "label_vi", found, sizeof found);
    }
    st_arena_reset(&arena);
    if (found[0] != '\0')
        (void)snprintf(label, label_bytes, "%s", found);
    return err;
}

st_err catalogue_key_label(catalogue *c, store_txn *txn, const char *keys, const char *key,
                           char *label, size_t label_bytes)
{
    assert(label_bytes > 0);
    store_cursor cursor = { 0 };
    st_err damaged = ST_OK;
    label[0] = '\0';
    if (strlen(keys) > ST_CODE_BYTES_MAX)
        return ST_OK;
    pack_key prefix = pack_text(keys);
    st_err err = store_cursor_open(txn, STORE_ROWS, &cursor, NULL);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), NULL);
    while (err == ST_OK && label[0] == '\0'
           && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        const uint8_t *at = cursor.key.data;
        store_slice state = { 0 };
        err = store_get(txn, STORE_STATE,
                        store_bytes(at + prefix.len, cursor.key.len - prefix.len), &state, NULL);
        if (err == ST_OK)
            err = try_label(c, state, keys, key, label, label_bytes);
        if (err != ST_OK && !st_err_is_passing(err)) {
            damaged = ST_E_CORRUPT;            /* another record may be that of the key */
            err = ST_OK;
        }
        if (err == ST_OK)
            err = store_next(&cursor, NULL);
    }
    store_cursor_close(&cursor);
    return err == ST_OK && label[0] == '\0' ? damaged : err;
}
