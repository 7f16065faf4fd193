/* client-lib/src/erase.c - takes erased values out of everything that this store keeps.
 * Promises: what is left of a set is byte for byte what the server keeps of it; the base is what
 * the log says, and so is its sum. Never: touches a value that the erasure does not name, or what
 * is being typed. */
#include "client-lib/src/erase.h"

#include <string.h>

#include "client-lib/src/attach.h"
#include "client-lib/src/carried.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/lexicon.h"
#include "client-lib/src/overlay.h"
#include "client-lib/src/renew.h"

#define RECORD_BYTES_MAX ((size_t)64 * 1024 * 1024)

static st_err erase_in_set(sotay_client *client, const st_erasure *one, st_arena *arena,
                           st_error *error)
{
    st_set set;
    st_buffer left;
    book_value bytes = { NULL, 0 };
    const st_set_places places = { &one->place, 1 };
    book_key key = book_key_counter(BOOK_SET, &one->dot.device, one->first);
    st_err err = book_get(&client->book, &key, arena, &bytes, error);
    if (err == ST_OK)
        err = st_set_decode(bytes.data, bytes.len, arena, &set, error);
    if (st_err_is_passing(err))
        return err;
    if (err != ST_OK || memcmp(set.hash.b, one->set.b, sizeof set.hash.b) != 0)
        return ST_OK; /* not kept here, or another branch of that device */
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    err = st_set_erase(bytes.data, bytes.len, places, &left, error);
    if (err == ST_OK)
        err = book_put(&client->book, &key, left.data, left.len, error);
    st_buffer_free(&left);
    return err == ST_E_VALUE ? ST_OK : err;
}

/* Rewrites the RecordState under a key. *out_record is what it is now; its bucket's sum is the
 * caller's. ST_E_NOT_FOUND: there is none, or it names none of the values. */
static st_err erase_in_state(sotay_client *client, const book_key *key, const erase_values *values,
                             st_arena *arena, st_record *out_record, st_error *error)
{
    st_buffer out;
    book_value bytes = { NULL, 0 };
    st_err err = book_get(&client->book, key, arena, &bytes, error);
    if (err == ST_OK)
        err = st_record_decode(bytes.data, bytes.len, arena, out_record, error);
    if (err == ST_E_CORRUPT || (err == ST_OK && !st_record_erase(out_record, values->list,
                                                                 values->count)))
        return ST_E_NOT_FOUND; /* one that does not open is made anew by a repair */
    if (err != ST_OK)
        return err;
    st_buffer_init(&out, RECORD_BYTES_MAX);
    err = st_record_encode(out_record, &out, error);
    if (err == ST_OK)
        err = book_put(&client->book, key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

static st_err learn_names(sotay_client *client, const st_record *record, st_error *error)
{
    const st_form *form = NULL;
    st_err err = record->created
                     ? lexicon_form(client, record->form.s, record->form_version, &form, error)
                     : ST_E_NOT_FOUND;
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT)
        return ST_OK;
    return err == ST_OK && form->home == ST_HOME_CATALOGUE
               ? lexicon_learn_names(client, form, record, error)
               : err;
}

/* The sum of the record under a key; zero when there is none, or none that opens. */
static st_err sum_at(sotay_client *client, const book_key *key, st_arena *arena, st_sum *out_sum,
                     st_error *error)
{
    st_record record;
    book_value bytes = { NULL, 0 };
    memset(out_sum, 0, sizeof *out_sum);
    st_err err = book_get(&client->book, key, arena, &bytes, error);
    if (err == ST_OK)
        err = st_record_decode(bytes.data, bytes.len, arena, &record, error);
    if (err == ST_OK)
        *out_sum = st_record_sum(&record);
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err;
}

static st_err erase_in_base(sotay_client *client, const erase_values *values, st_arena *arena,
                            st_error *error)
{
    st_record record;
    bucket_state state;
    book_key key = book_key_id(BOOK_BASE, &values->record);
    st_sum before;
    st_err err = sum_at(client, &key, arena, &before, error);
    if (err == ST_OK)
        err = erase_in_state(client, &key, values, arena, &record, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    err = bucket_get(&client->book, &record.bucket, &state, error);
    if (err == ST_OK) {
        st_sum after = st_record_sum(&record);
        st_sum_subtract(&state.sum, &before);
        st_sum_add(&state.sum, &after);
        err = bucket_put(&client->book, &record.bucket, &state, error);
    }
    return err == ST_OK ? learn_names(client, &record, error) : err;
}

/* States of the record that the office was shown. */
static st_err erase_in_delivered(sotay_client *client, const erase_values *values,
                                 st_arena *arena, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DELIVERED), key;
    const book_key of_record = book_key_id(BOOK_EVIDENCE, &values->record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_record record;
        err = delivered_next(client, &scan, &key, error);
        if (err != ST_OK || key.len < of_record.len ||
            memcmp(key.b, of_record.b, of_record.len) != 0)
            continue;
        err = erase_in_state(client, &scan.at, values, arena, &record, error);
        if (err == ST_E_NOT_FOUND)
            err = ST_OK;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* States of the record that a repair or a reset set aside. */
static st_err erase_in_evidence(sotay_client *client, const erase_values *values, st_arena *arena,
                                st_error *error)
{
    book_key prefix = book_key_id(BOOK_EVIDENCE, &values->record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_record record;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err != ST_OK)
            break;
        err = erase_in_state(client, &scan.at, values, arena, &record, error);
        if (err == ST_E_NOT_FOUND)
            err = ST_OK;
    }
    return err == ST_E_NOT_FOUND ? erase_in_delivered(client, values, arena, error) : err;
}

/* ---- files: the value that goes is the list of hashes of their pieces ---- */

/* Rows of files, in an arena. */
typedef struct {
    st_arena arena;
    book_key *keys;
    size_t count, capacity;
} files;

/* The value that is to go, when it stands in this change. */
static st_value value_in(const st_change *change, const st_erasure *one)
{
    uint8_t path[ST_PATH_BYTES_MAX];
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (st_path_encode(&change->ops[i].path, path) == one->path_len &&
            memcmp(path, one->path, one->path_len) == 0)
            return change->ops[i].value;
    return (st_value){ .kind = ST_VALUE_NULL };
}

/* The same in the record as it is read. */
static st_value value_of(const st_record *record, const st_erasure *one)
{
    uint8_t path[ST_PATH_BYTES_MAX];
    size_t meta = st_record_meta(record, &one->dot);
    for (size_t i = 0; meta != SIZE_MAX && i < record->lives_count; i++)
        if (record->lives[i].meta == meta &&
            st_path_encode(&record->lives[i].op.path, path) == one->path_len &&
            memcmp(path, one->path, one->path_len) == 0)
            return record->lives[i].op.value;
    return (st_value){ .kind = ST_VALUE_NULL };
}

/* Notes the file of that list of hashes, when this store has a row of it. */
static st_err note_file(sotay_client *client, files *found, const st_id *record, st_value value,
                        st_error *error)
{
    bool is_there = false;
    st_hash *hashes;
    size_t count = value.len / sizeof *hashes;
    if (value.kind != ST_VALUE_BYTES || count == 0 || value.len % sizeof *hashes != 0)
        return ST_OK;
    hashes = st_arena_array(&found->arena, count, sizeof *hashes);
    if (hashes == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: no memory");
    memcpy(hashes, value.data, value.len);
    book_key key = attach_key(record, hashes, count);
    st_err err = book_has(&client->book, &key, &is_there, error);
    if (err != ST_OK || !is_there)
        return err;
    book_key *keys = found->count < found->capacity
                         ? found->keys
                         : st_arena_grow(&found->arena, found->keys, found->count,
                                         &found->capacity, sizeof *keys);
    if (keys == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: no memory");
    found->keys = keys;
    found->keys[found->count++] = key;
    return ST_OK;
}

/* In a set that is kept here: also what was replaced long ago. */
static st_err find_in_set(sotay_client *client, files *found, const st_id *record,
                          const st_erasure *one, st_error *error)
{
    st_set set;
    book_value bytes = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &one->dot.device, one->first);
    st_err err = book_get(&client->book, &key, &found->arena, &bytes, error);
    if (err == ST_OK)
        err = st_set_decode(bytes.data, bytes.len, &found->arena, &set, error);
    if (err != ST_OK)
        return st_err_is_passing(err) ? err : ST_OK;
    if (memcmp(set.hash.b, one->set.b, sizeof set.hash.b) != 0 || one->dot.counter < set.first ||
        one->dot.counter > st_set_last(&set))
        return ST_OK;
    const st_change *change = &set.changes[one->dot.counter - set.first];
    return note_file(client, found, record, value_in(change, one), error);
}

/* Before anything is taken out: which files of this store the values are of. */
static st_err find_files(sotay_client *client, files *found, const erase_values *values,
                         st_error *error)
{
    st_record record;
    book_value bytes = { NULL, 0 };
    book_key key = book_key_id(BOOK_BASE, &values->record);
    st_err err = book_get(&client->book, &key, &found->arena, &bytes, error);
    if (err == ST_OK)
        err = st_record_decode(bytes.data, bytes.len, &found->arena, &record, error);
    if (st_err_is_passing(err))
        return err;
    bool has_base = err == ST_OK;
    err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < values->count; i++) {
        err = find_in_set(client, found, &values->record, &values->list[i], error);
        if (err == ST_OK && has_base)
            err = note_file(client, found, &values->record, value_of(&record, &values->list[i]),
                            error);
    }
    return err;
}

st_err erase_take(sotay_client *client, const erase_values *values, bool *out_owes,
                  st_error *error)
{
    st_arena arena;
    files found = { .keys = NULL };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_arena_init(&found.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_files(client, &found, values, error);
    for (size_t i = 0; err == ST_OK && i < values->count; i++) {
        err = erase_in_set(client, &values->list[i], &arena, error);
        if (err == ST_OK)
            err = carried_erase(client, &values->list[i], error);
        if (err == ST_OK)
            err = renew_owe(client, &values->list[i], out_owes, error);
        st_arena_reset(&arena);
    }
    if (err == ST_OK)
        err = erase_in_base(client, values, &arena, error);
    if (err == ST_OK)
        err = erase_in_evidence(client, values, &arena, error);
    if (err == ST_OK)
        err = attach_erase(client, found.keys, found.count, error);
    st_arena_reset(&found.arena);
    st_arena_reset(&arena);
    /* Of one that is damaged the list says nothing until the repair brings it: its old row may hold
     * a value that is to go. */
    return err == ST_OK ? overlay_row_renew(client, &values->record, error) : err;
}
