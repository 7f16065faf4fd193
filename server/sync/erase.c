/* server/sync/erase.c - destroys what an erasure names.
 * Promises: log row, state, sum and rows change in the transaction that stores the erasure, and a
 * rebuild gives the same; hash, signature, chain and leaf stand. Must never touch a value that no
 * erasure of the server's own device names.
 * Table `erased`: 0, device, first, set hash -> places and the entry that erased each; 1, index of
 * a log row -> the last entry that erased in it; 2, bucket -> the same. */
#include "server/sync/erase.h"

#include <string.h>

#include "proto/changeset.h"
#include "server/store/chunks.h"
#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/have.h"
#include "server/sync/incident.h"
#include "server/sync/sets.h"

#define KEY_SET 0u
#define KEY_ROW 1u
#define KEY_BUCKET 2u
#define PLACE_BYTES 12u
#define FORMS_MAX 256u
#define WORK_BYTES_MAX ((size_t)64 * 1024 * 1024)

static pack_key key_of(uint8_t kind)
{
    pack_key key;
    memset(&key, 0, sizeof key);
    key.data[0] = kind;
    key.len = 1;
    return key;
}

static pack_key set_key(const st_id *device, uint64_t first, const st_hash *hash)
{
    pack_key key = key_of(KEY_SET);
    pack_key_id(&key, device);
    pack_key_u64(&key, first);
    pack_key_hash(&key, hash);
    return key;
}

/* ---- the table ---- */

static st_err get_number(store_txn *txn, const pack_key *key, uint64_t *out, st_error *error)
{
    store_slice row = { 0 };
    *out = 0;
    st_err err = store_get(txn, STORE_ERASED, pack_key_slice(key), &row, error);
    if (err == ST_OK && row.len != 8)
        return st_fail(error, ST_E_CORRUPT, "store: a row of erased is damaged");
    if (err == ST_OK)
        *out = st_get_u64(row.data);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err put_number(store_txn *txn, const pack_key *key, uint64_t number, st_error *error)
{
    uint8_t row[8];
    st_put_u64(row, number);
    return store_put(txn, STORE_ERASED, pack_key_slice(key), store_bytes(row, 8), error);
}

/* The places of a set that are known to be erased, in the arena. */
static st_err get_places(store_txn *txn, const pack_key *key, st_arena *arena, uint32_t **out,
                         size_t *out_count, st_error *error)
{
    store_slice row = { 0 };
    *out = NULL;
    *out_count = 0;
    st_err err = store_get(txn, STORE_ERASED, pack_key_slice(key), &row, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    if (row.len % PLACE_BYTES != 0)
        return st_fail(error, ST_E_CORRUPT, "store: a row of erased is damaged");
    uint32_t *places = st_arena_array(arena, row.len / PLACE_BYTES, sizeof *places);
    if (places == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    for (size_t i = 0; i < row.len / PLACE_BYTES; i++)
        places[i] = st_get_u32((const uint8_t *)row.data + i * PLACE_BYTES);
    *out = places;
    *out_count = row.len / PLACE_BYTES;
    return ST_OK;
}

static bool has_place(const uint32_t *places, size_t count, uint32_t place)
{
    for (size_t i = 0; i < count; i++)
        if (places[i] == place)
            return true;
    return false;
}

/* Of what an erasure names the values of one set. */
typedef struct {
    const st_erasure *list;
    uint32_t places[ST_ERASURES_MAX];
    size_t count;
} set_part;

/* The values at the beginning of the list, of which there is one, that are of the same set. */
static void take_part(const st_erasure *list, size_t count, set_part *out)
{
    out->list = list;
    out->count = 0;
    while (out->count < count && out->count < ST_ERASURES_MAX
           && list[out->count].first == list->first
           && st_id_cmp(&list[out->count].dot.device, &list->dot.device) == 0
           && memcmp(list[out->count].set.b, list->set.b, sizeof list->set.b) == 0) {
        out->places[out->count] = list[out->count].place;
        out->count++;
    }
}

/* Appends the places that are not among the known ones. */
static st_err append_places(const set_part *part, const uint32_t *known, size_t known_count,
                            uint64_t index, st_buffer *row, st_error *error)
{
    st_err err = ST_OK;
    uint8_t piece[PLACE_BYTES];
    for (size_t i = 0; err == ST_OK && i < part->count; i++) {
        if (has_place(known, known_count, part->places[i])
            || has_place(part->places, i, part->places[i]))
            continue;
        st_put_u32(piece, part->places[i]);
        st_put_u64(piece + 4, index);
        err = st_buffer_append(row, piece, sizeof piece, error);
    }
    return err;
}

static st_err add_places(writer_turn *turn, const set_part *part, uint64_t index, st_error *error)
{
    const st_erasure *one = part->list;
    pack_key key = set_key(&one->dot.device, one->first, &one->set);
    uint32_t *known = NULL;
    size_t count = 0;
    store_slice old = { 0 };
    st_buffer row;
    st_arena arena;
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_buffer_init(&row, 1u << 22);
    st_err err = get_places(turn->txn, &key, &arena, &known, &count, error);
    if (err == ST_OK && count > 0)
        err = store_get(turn->txn, STORE_ERASED, pack_key_slice(&key), &old, error);
    if (err == ST_OK && old.len > 0)
        err = st_buffer_append(&row, old.data, old.len, error);
    if (err == ST_OK)
        err = append_places(part, known, count, index, &row, error);
    if (err == ST_OK && row.len > old.len)
        err = store_put(turn->txn, STORE_ERASED, pack_key_slice(&key),
                        store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    st_arena_reset(&arena);
    return err;
}

st_err sync_erased_at(store_txn *txn, const st_bucket *bucket, uint64_t *out_index,
                      st_error *error)
{
    pack_key key = key_of(KEY_BUCKET);
    pack_key_text(&key, bucket->s);
    return get_number(txn, &key, out_index, error);
}

/* The bucket of a row; its name ends with the zero of pack_key_text. */
static st_err bucket_of(store_slice key, st_bucket *out, st_error *error)
{
    memset(out, 0, sizeof *out);
    if (key.len < 2 || key.len - 1 > sizeof out->s)
        return st_fail(error, ST_E_CORRUPT, "store: a row of erased is damaged");
    memcpy(out->s, (const uint8_t *)key.data + 1, key.len - 1);
    out->s[sizeof out->s - 1] = 0;
    return ST_OK;
}

st_err sync_erased_each(store_txn *txn, void (*each)(void *context, const st_bucket *bucket),
                        void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    const pack_key prefix = key_of(KEY_BUCKET);
    st_err err = store_cursor_open(txn, STORE_ERASED, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    while (err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        st_bucket bucket;
        err = bucket_of(cursor.key, &bucket, error);
        if (err == ST_OK)
            each(context, &bucket);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err sync_erased_in(store_txn *txn, uint64_t from, uint64_t to, uint64_t since, bool *out_any,
                      st_error *error)
{
    store_cursor cursor = { 0 };
    const pack_key prefix = key_of(KEY_ROW);
    pack_key at = prefix;
    *out_any = false;
    pack_key_u64(&at, from);
    st_err err = store_cursor_open(txn, STORE_ERASED, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&at), error);
    while (err == ST_OK && !*out_any && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        if (cursor.key.len != 9 || cursor.value.len != 8)
            err = st_fail(error, ST_E_CORRUPT, "store: a row of erased is damaged");
        else if (st_get_u64((const uint8_t *)cursor.key.data + 1) > to)
            break;
        else
            *out_any = st_get_u64(cursor.value.data) > since;
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* ---- the log ---- */

/* A set where it lies in the log; the arena holds it. */
typedef struct {
    uint64_t index;
    sync_row row;
    st_set set;                /* without changes when they cannot be read */
    st_arena arena;
} logged;

/* Reads the entry `out->index`. That its changes cannot be read is no error. */
static st_err read_logged(store_txn *txn, logged *out, st_error *error)
{
    memset(&out->set, 0, sizeof out->set);
    st_arena_reset(&out->arena);
    st_err err = sync_row_get(txn, out->index, &out->arena, &out->row, error);
    if (err != ST_OK)
        return err;
    err = st_set_decode(out->row.set.data, out->row.set.len, &out->arena, &out->set, error);
    if (err != ST_OK)
        out->set.changes_count = 0;
    return err == ST_E_MEMORY || (err != ST_OK && out->set.bytes == NULL) ? err : ST_OK;
}

/* The entry that holds the set, as a set or as a fork. ST_E_NOT_FOUND: it has not come (yet). */
static st_err find_logged(store_txn *txn, const st_erasure *one, logged *out, st_error *error)
{
    st_err err = sets_find(txn, &one->dot, &out->index, error);
    if (err == ST_OK)
        err = read_logged(txn, out, error);
    if (err == ST_OK && memcmp(out->set.hash.b, one->set.b, sizeof one->set.b) == 0)
        return ST_OK;
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    err = sets_find_fork(txn, &one->dot.device, &one->set, &out->index, error);
    return err == ST_OK ? read_logged(txn, out, error) : err;
}

static st_err rewrite_row(writer_turn *turn, uint64_t index, sync_row *row, store_slice set,
                          st_error *error)
{
    st_buffer bytes;
    pack_key key = pack_u64(index);
    row->set = set;
    st_buffer_init(&bytes, ST_ERASED_SET_BYTES_MAX + 1024u * 1024u);
    st_err err = sync_row_encode(row, &bytes, error);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_LOG, pack_key_slice(&key),
                        store_bytes(bytes.data, bytes.len), error);
    st_buffer_free(&bytes);
    return err;
}

/* Nobody may be given what was cut of the bucket before. */
static st_err mark_bucket(writer_turn *turn, const st_bucket *bucket, uint64_t index,
                          st_error *error)
{
    pack_key key = key_of(KEY_BUCKET);
    pack_key_text(&key, bucket->s);
    return put_number(turn->txn, &key, index, error);
}

/* What one erasure names, and the pieces of files that go with it. */
typedef struct {
    st_id record;
    const st_form *form;       /* NULL: it is not known */
    const st_erasure *list;
    size_t count;
    bool is_replay;
    st_hash *pieces;
    size_t pieces_count, pieces_capacity;
} erasing;

/* A form of records that never came is not known. Then a piece is what stands where some form has
 * its hashes, or has the name of a file here: what else 32 bytes may be is noted nowhere. */
static st_err is_piece(writer_turn *turn, const erasing *what, const st_erasure *one,
                       const st_hash *hash, bool *out_is, st_error *error)
{
    const st_form *forms[FORMS_MAX];
    *out_is = what->form != NULL;
    if (*out_is)
        return ST_OK;
    size_t count = catalogue_forms(turn->room->catalogue, forms, FORMS_MAX);
    for (size_t i = 0; i < count && !*out_is; i++)
        *out_is = have_is_hashes(forms[i], one->path, one->path_len);
    return *out_is ? ST_OK : chunks_is_there(turn->room->dir, hash, out_is, error);
}

static st_err note_piece(writer_turn *turn, erasing *what, const st_erasure *one,
                         const st_hash *hash, st_error *error)
{
    bool is_one = false;
    st_err err = is_piece(turn, what, one, hash, &is_one, error);
    if (err != ST_OK || !is_one)
        return err;
    st_hash *grown = st_arena_grow(turn->arena, what->pieces, what->pieces_count,
                                   &what->pieces_capacity, sizeof *grown);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    what->pieces = grown;
    grown[what->pieces_count++] = *hash;
    return ST_OK;
}

static st_err note_value(writer_turn *turn, erasing *what, const st_erasure *one,
                         const st_value *value, st_error *error)
{
    st_hash hash;
    st_err err = ST_OK;
    if (value->kind != ST_VALUE_BYTES || value->len % sizeof hash.b != 0)
        return ST_OK;
    for (size_t at = 0; err == ST_OK && at < value->len; at += sizeof hash.b) {
        memcpy(hash.b, value->data + at, sizeof hash.b);
        err = note_piece(turn, what, one, &hash, error);
    }
    return err;
}

/* The hashes in the value that is to go, when it is that of an attachment. */
static st_err note_pieces(writer_turn *turn, erasing *what, const st_erasure *one,
                          const st_set *set, st_error *error)
{
    uint8_t path[ST_PATH_BYTES_MAX];
    st_err err = ST_OK;
    bool may_be = what->form == NULL || have_is_hashes(what->form, one->path, one->path_len);
    if (what->is_replay || !may_be || set->changes_count == 0 || one->dot.counter < set->first
        || one->dot.counter > st_set_last(set))
        return ST_OK;
    const st_change *change = &set->changes[one->dot.counter - set->first];
    for (uint32_t i = 0; err == ST_OK && i < change->ops_count; i++) {
        size_t len = st_path_encode(&change->ops[i].path, path);
        if (len == one->path_len && memcmp(path, one->path, len) == 0)
            err = note_value(turn, what, one, &change->ops[i].value, error);
    }
    return err;
}

/* Takes the values out of the bytes in the log. index: of the erasure. */
static st_err erase_in_log(writer_turn *turn, logged *at, const set_part *part, uint64_t index,
                           st_error *error)
{
    st_buffer left;
    const st_set_places places = { part->places, part->count };
    const store_slice whole = at->row.set;
    pack_key key = key_of(KEY_ROW);
    pack_key_u64(&key, at->index);
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    st_err err = st_set_erase(whole.data, whole.len, places, &left, error);
    bool same = err == ST_OK && left.len == whole.len
                && memcmp(left.data, whole.data, left.len) == 0;
    if (err == ST_OK && !same)
        err = rewrite_row(turn, at->index, &at->row, store_bytes(left.data, left.len), error);
    if (err == ST_OK)
        err = put_number(turn->txn, &key, index, error);
    st_buffer_free(&left);
    return err;
}

/* Set by set, each read once and in memory of its own: there may be thousands of values. Its bucket
 * counts for itself: a snapshot has the whole set of a change that waits, though its record is in
 * no book. */
static st_err erase_part(writer_turn *turn, erasing *what, const set_part *part, uint64_t index,
                         st_error *error)
{
    logged at;
    st_arena_init(&at.arena, WORK_BYTES_MAX);
    st_err err = add_places(turn, part, index, error);
    if (err == ST_OK)
        err = find_logged(turn->txn, part->list, &at, error);
    const bool is_here = err == ST_OK;
    for (size_t i = 0; err == ST_OK && i < part->count; i++)
        err = note_pieces(turn, what, &part->list[i], &at.set, error);
    if (err == ST_OK)
        err = erase_in_log(turn, &at, part, index, error);
    if (err == ST_OK)
        err = mark_bucket(turn, &at.set.bucket, index, error);
    st_arena_reset(&at.arena);
    return err == ST_E_NOT_FOUND && !is_here ? ST_OK : err;
}

static st_err erase_parts(writer_turn *turn, erasing *what, uint64_t index, st_error *error)
{
    set_part part;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < what->count; i += part.count) {
        take_part(what->list + i, what->count - i, &part);
        err = erase_part(turn, what, &part, index, error);
    }
    return err;
}

/* ---- the state ---- */

/* Record, sum and everything that is read off it are made anew, also when nothing of it is live: a
 * rebuild does it at the same entry. */
static st_err erase_in_state(writer_turn *turn, const erasing *what, uint64_t index,
                             st_error *error)
{
    sync_fold fold;
    fold_record *record = NULL;
    st_record stored;
    st_err err = sync_record_get(turn->txn, &what->record, turn->arena, &stored, NULL, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    err = sync_fold_open(turn, &stored.bucket, index, &fold, error);
    if (err == ST_OK)
        err = sync_fold_record(&fold, &what->record, &record, error);
    if (err != ST_OK)
        return err;
    (void)st_record_erase(&record->record, what->list, what->count);
    record->is_dirty = record->is_touched = true;
    err = sync_fold_close(&fold, error);
    return err == ST_OK ? mark_bucket(turn, &stored.bucket, index, error) : err;
}

/* ---- one erasure ---- */

/* An erasure, as it comes or again. */
typedef struct {
    uint64_t index;            /* of its entry */
    bool is_replay;
} erase_how;

static st_err apply_one(writer_turn *turn, const st_change *change, const erase_how *how,
                        st_error *error)
{
    erasing what;
    uint64_t index = how->index;
    st_record record;
    bool is_erasure = false;
    memset(&what, 0, sizeof what);
    what.is_replay = how->is_replay;
    if (st_erasure_read(change, turn->arena, &is_erasure, &what.record, &what.list, &what.count)
        != ST_OK)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    if (!is_erasure)
        return ST_OK;
    st_err err = sync_record_get(turn->txn, &what.record, turn->arena, &record, NULL, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (err == ST_OK)
        what.form = sync_record_form(turn->room, &record);
    else if (!how->is_replay)                  /* held, or declined */
        err = sync_form_of(turn->room, turn->txn, &what.record, &what.form, error);
    else
        err = ST_OK;
    if (err == ST_OK)
        err = erase_parts(turn, &what, index, error);
    if (err == ST_OK)
        err = erase_in_state(turn, &what, index, error);
    if (err == ST_OK && !how->is_replay)
        err = sync_incident_erase(turn, &what.record, what.list, what.count, error);
    const have_named pieces = { what.pieces, what.pieces_count };
    return err == ST_OK && pieces.count > 0 ? have_forget(turn->room, turn->txn, &pieces, error)
                                            : err;
}

static st_err apply_all(writer_turn *turn, const st_set *set, const erase_how *how,
                        st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++)
        err = apply_one(turn, &set->changes[i], how, error);
    return err;
}

st_err sync_erase_apply(writer_turn *turn, const st_set *set, uint64_t index, st_error *error)
{
    const erase_how how = { index, false };
    return apply_all(turn, set, &how, error);
}

st_err sync_erase_replay(writer_turn *turn, const st_set *set, uint64_t index, st_error *error)
{
    const erase_how how = { index, true };
    return apply_all(turn, set, &how, error);
}

/* ---- sets that come later ---- */

/* What is left of a set that comes whole, decoded again. */
static st_err take_out(writer_turn *turn, const st_set *set, st_set_places places,
                       st_set *out_set, st_error *error)
{
    st_buffer left;
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    st_err err = st_set_erase(set->bytes, set->bytes_len, places, &left, error);
    const uint8_t *copy = err == ST_OK ? st_arena_copy(turn->arena, left.data, left.len) : NULL;
    if (err == ST_OK && copy == NULL)
        err = st_fail(error, ST_E_MEMORY, "erase: out of memory");
    if (err == ST_OK) {
        st_err read = st_set_decode(copy, left.len, turn->arena, out_set, error);
        err = read == ST_OK || (read != ST_E_MEMORY && out_set->bytes != NULL) ? ST_OK : read;
    }
    st_buffer_free(&left);
    return err;
}

st_err sync_erase_admit(writer_turn *turn, const st_set *set, st_set *out_set, bool *out_refused,
                        st_error *error)
{
    uint32_t *known = NULL;
    const uint32_t *gone = NULL;
    size_t known_count = 0, gone_count = 0;
    pack_key key = set_key(&set->device, set->first, &set->hash);
    *out_refused = false;
    *out_set = *set;
    st_err err = get_places(turn->txn, &key, turn->arena, &known, &known_count, error);
    if (err == ST_OK)
        err = st_set_gone(set->bytes, set->bytes_len, turn->arena, &gone, &gone_count, error);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < gone_count && !*out_refused; i++)
        *out_refused = !has_place(known, known_count, gone[i]);
    if (*out_refused || known_count == 0)
        return ST_OK;
    const st_set_places places = { known, known_count };
    return take_out(turn, set, places, out_set, error);
}

/* ---- states that come later ---- */

/* Was the operation of that path destroyed in the change? Without a path: its reason. */
static bool is_gone(const st_change *change, const uint8_t *path, size_t path_len)
{
    uint8_t other[ST_PATH_BYTES_MAX];
    if (path_len == 0)
        return change->reason.kind == ST_VALUE_ERASED;
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (st_path_encode(&change->ops[i].path, other) == path_len
            && memcmp(other, path, path_len) == 0)
            return change->ops[i].value.kind == ST_VALUE_ERASED;
    return false;
}

/* Looks the change up in the log; what the log does not have was not destroyed. */
static st_err look_up(writer_turn *turn, st_erasure *one, bool *out_gone, st_error *error)
{
    sync_row row;
    st_set set;
    uint64_t index = 0;
    *out_gone = false;
    st_err err = sets_find(turn->txn, &one->dot, &index, error);
    if (err == ST_OK)
        err = sync_row_get(turn->txn, index, turn->arena, &row, error);
    if (err == ST_OK)
        err = st_set_decode(row.set.data, row.set.len, turn->arena, &set, error);
    if (st_err_is_passing(err))
        return err;
    if (err == ST_OK && one->dot.counter >= set.first && one->dot.counter <= st_set_last(&set))
        *out_gone = is_gone(&set.changes[one->dot.counter - set.first], one->path, one->path_len);
    return ST_OK;
}

st_err sync_erase_known(writer_turn *turn, const st_record *record, const st_erasure **out_list,
                        size_t *out_count, st_error *error)
{
    size_t room = record->lives_count + record->metas_count, count = 0;
    st_erasure *list = st_arena_array(turn->arena, room, sizeof *list);
    st_err err = list == NULL ? st_fail(error, ST_E_MEMORY, "erase: out of memory") : ST_OK;
    for (size_t i = 0; err == ST_OK && i < room; i++) {
        bool is_value = i < record->lives_count, gone = false;
        st_erasure one;
        memset(&one, 0, sizeof one);
        size_t meta = is_value ? record->lives[i].meta : i - record->lives_count;
        one.dot = record->metas[meta].dot;
        if (is_value)
            one.path_len = st_path_encode(&record->lives[i].op.path, one.path);
        err = look_up(turn, &one, &gone, error);
        if (err == ST_OK && gone)
            list[count++] = one;
    }
    *out_list = list;
    *out_count = count;
    return err;
}
