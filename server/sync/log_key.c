/* server/sync/log_key.c - the keys of the log, of which the last one counts.
 * Promises: a key counts from the transaction on that has its notice, its entry and the first
 * checkpoint under it; what is said beside the log is signed by the same key. Must never sign with
 * a key that another one has followed. */
#include "server/sync/log_key.h"

#include <stdio.h>
#include <string.h>

#include "proto/note.h"
#include "server/store/pack.h"
#include "server/sync/address.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"

#define NOTED "log_key_noted" /* in META: so many notices have their entry */

/* ---- reading ---- */

static st_err decode(store_slice key, store_slice row, st_log_keys *out, st_error *error)
{
    pack_reader reader = pack_read(row);
    uint64_t n = key.len == 8 ? st_get_u64(key.data) : UINT64_MAX;
    if (n > ST_LOG_KEYS_MAX || n > (uint64_t)out->count + 1)
        return st_fail(error, ST_E_CORRUPT, "store: a key of log_key is damaged");
    if (n == 0) {
        pack_get(&reader, out->first, sizeof out->first);
        return pack_end(&reader, "log_key", error);
    }
    st_log_key *one = &out->rows[out->count++];
    one->n = n;
    pack_get(&reader, one->key, sizeof one->key);
    one->size = pack_get_u64(&reader);
    pack_get(&reader, one->by_old, sizeof one->by_old);
    pack_get(&reader, one->by_new, sizeof one->by_new);
    return pack_end(&reader, "log_key", error);
}

st_err sync_log_keys_read(store_txn *txn, const sync_room *room, st_log_keys *out_keys,
                          st_error *error)
{
    store_cursor cursor = { 0 };
    memset(out_keys, 0, sizeof *out_keys);
    memcpy(out_keys->first, room->keys->log_public, sizeof out_keys->first);
    st_err err = store_cursor_open(txn, STORE_LOG_KEY, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = decode(cursor.key, cursor.value, out_keys, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err sync_log_key(store_txn *txn, const sync_room *room, uint8_t out_key[32], st_error *error)
{
    store_cursor cursor = { 0 };
    memcpy(out_key, room->keys->log_public, 32);
    st_err err = store_cursor_open(txn, STORE_LOG_KEY, &cursor, error);
    if (err == ST_OK)
        err = store_seek_before(&cursor, store_text(""), error);
    if (err == ST_OK && cursor.is_valid && cursor.value.len < 32)
        err = st_fail(error, ST_E_CORRUPT, "store: a row of log_key is damaged");
    else if (err == ST_OK && cursor.is_valid)
        memcpy(out_key, cursor.value.data, 32);
    store_cursor_close(&cursor);
    return err;
}

st_err sync_log_key_now(const sync_room *room, uint8_t out_key[32], st_error *error)
{
    store_txn txn = { 0 };
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_log_key(&txn, room, out_key, error);
    store_end(&txn);
    return err;
}

st_err sync_log_secret(store_txn *txn, const sync_room *room, const uint8_t **out_secret,
                       st_error *error)
{
    uint8_t key[32];
    st_err err = sync_log_key(txn, room, key, error);
    if (err != ST_OK)
        return err;
    *out_secret = auth_log_secret(room->keys, key);
    return *out_secret != NULL
               ? ST_OK
               : st_fail(error, ST_E_NOT_FOUND, "the secret of the log's present key is not here");
}

st_err sync_log_sign(store_txn *txn, const sync_room *room, sync_log_text text,
                     uint8_t out_signature[ST_SIGNATURE_BYTES], st_error *error)
{
    const uint8_t *secret = NULL;
    st_err err = sync_log_secret(txn, room, &secret, error);
    if (err == ST_OK)
        st_sign(secret, text.bytes, text.len, out_signature);
    return err;
}

/* ---- writing ---- */

static st_err put_first(store_txn *txn, const uint8_t key[32], st_error *error)
{
    pack_key n = pack_u64(0);
    return store_put(txn, STORE_LOG_KEY, pack_key_slice(&n), store_bytes(key, 32), error);
}

static st_err put(store_txn *txn, const st_log_key *notice, st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, 256);
    pack_key n = pack_u64(notice->n);
    st_err err = pack_put(&row, notice->key, sizeof notice->key);
    if (err == ST_OK)
        err = pack_put_u64(&row, notice->size);
    if (err == ST_OK)
        err = pack_put(&row, notice->by_old, sizeof notice->by_old);
    if (err == ST_OK)
        err = pack_put(&row, notice->by_new, sizeof notice->by_new);
    err = pack_done(err, "log_key", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_LOG_KEY, pack_key_slice(&n), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

/* The entry whose leaf anybody can compute: its commitment is under the new key itself. */
static st_err append_notice(writer_turn *turn, const st_id *actor, const st_log_key *notice,
                            st_error *error)
{
    sync_row row;
    uint8_t n[8];
    char line[ST_LOG_KEY_LINE_MAX];
    st_log_key_line(notice, line);
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_KEY;
    row.device = turn->room->keys->device;
    row.actor = *actor;
    row.first = row.last = notice->n;
    row.note = store_text(line);
    row.has_note_key = true;
    memcpy(row.note_key, notice->key, sizeof row.note_key);
    st_put_u64(n, notice->n);
    st_err err = sync_log_append(turn, &row, NULL, error);
    return err == ST_OK
               ? store_put(turn->txn, STORE_META, store_text(NOTED), store_bytes(n, 8), error)
               : err;
}

static st_err append_note(writer_turn *turn, const sync_log_change *change, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_KEY;
    row.device = turn->room->keys->device;
    row.actor = change->actor;
    row.note = store_text(change->note);
    return sync_log_append(turn, &row, NULL, error);
}

static st_err sign_both(const sync_room *room, const uint8_t before[32], st_log_key *notice,
                        st_error *error)
{
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    const uint8_t *by_old = auth_log_secret(room->keys, before);
    const uint8_t *by_new = auth_log_secret(room->keys, notice->key);
    if (by_old == NULL || by_new == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "log-key: a secret is not here");
    st_log_key_sign_text(&room->keys->log, before, notice, text);
    st_sign(by_old, text, sizeof text, notice->by_old);
    st_sign(by_new, text, sizeof text, notice->by_new);
    return ST_OK;
}

/* Epochs and the address are believed for the signature of the key that counts. */
static st_err sign_anew(writer_turn *turn, st_error *error)
{
    st_err err = sync_epochs_sign(turn->txn, turn->room, turn->arena, error);
    return err == ST_OK ? sync_address_sign(turn->txn, turn->room, error) : err;
}

st_err sync_log_key_change(writer_turn *turn, sync_log_change *change, st_error *error)
{
    st_log_keys keys;
    st_log_key notice;
    memset(&notice, 0, sizeof notice);
    st_err err = sync_log_keys_read(turn->txn, turn->room, &keys, error);
    if (err == ST_OK && keys.count == ST_LOG_KEYS_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "log-key: a log has at most %u changes",
                      ST_LOG_KEYS_MAX);
    if (err != ST_OK)
        return err;
    notice.n = change->n = keys.count + 1;
    notice.size = turn->next_index - 1;
    memcpy(notice.key, change->key, sizeof notice.key);
    err = sign_both(turn->room, st_log_keys_newest(&keys), &notice, error);
    if (err == ST_OK && keys.count == 0)
        err = put_first(turn->txn, keys.first, error);
    if (err == ST_OK)
        err = put(turn->txn, &notice, error);
    if (err == ST_OK)
        err = append_notice(turn, &change->actor, &notice, error);
    if (err == ST_OK)
        err = append_note(turn, change, error);
    return err == ST_OK ? sign_anew(turn, error) : err;
}

/* ---- opening ---- */

/* Is the checkpoint that was signed last one of the log? Also when nothing was signed, or its name
 * says nothing. */
static st_err signed_by(store_txn *txn, const st_id *log, bool *out_is, st_error *error)
{
    st_id seen;
    store_slice note = { 0 };
    char origin[ST_NOTE_NAME_BYTES];
    *out_is = true;
    st_err err = store_get(txn, STORE_META, store_text("audit_note"), &note, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    const char *text = note.data;
    const char *end = note.len > 0 ? memchr(text, '\n', note.len) : NULL;
    size_t len = end == NULL ? sizeof origin : (size_t)(end - text);
    if (len >= sizeof origin)
        return ST_OK;
    memcpy(origin, text, len);
    origin[len] = '\0';
    *out_is = !st_origin_log(origin, &seen) || st_id_cmp(&seen, log) == 0;
    return ST_OK;
}

/* More than the store knows: it was put back to before a change. */
static bool is_longer(const st_log_keys *beside, const st_log_keys *keys)
{
    if (beside->count <= keys->count)
        return false;
    for (uint32_t i = 0; i < keys->count; i++)
        if (memcmp(&beside->rows[i], &keys->rows[i], sizeof keys->rows[i]) != 0)
            return false;
    st_id log = st_log_id(beside->first);
    return st_log_keys_fault(beside, &log) == 0 &&
           (keys->count == 0 || memcmp(beside->first, keys->first, sizeof keys->first) == 0);
}

st_err sync_log_keys_settle(store_txn *txn, sync_room *room, auth_keys *keys, st_log_keys *out_keys,
                            st_error *error)
{
    st_log_keys beside;
    bool is_ours = false;
    st_err err = sync_log_keys_read(txn, room, out_keys, error);
    if (err != ST_OK)
        return err;
    err = side_get_log_keys(room->dir, &beside, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    if (err == ST_OK && is_longer(&beside, out_keys))
        *out_keys = beside;
    st_id log = st_log_id(out_keys->first);
    err = signed_by(txn, &log, &is_ours, error);
    if (err != ST_OK)
        return err;
    if (!is_ours)
        return st_fail(error, ST_E_CORRUPT, "%s: the keys are another log's", room->dir);
    keys->log = log;
    return auth_log_settle(room->dir, st_log_keys_newest(out_keys), keys, error);
}

static st_err put_missing(store_txn *txn, const sync_room *room, const st_log_keys *keys,
                          bool *out_any, st_error *error)
{
    st_log_keys here;
    st_err err = sync_log_keys_read(txn, room, &here, error);
    *out_any = err == ST_OK && here.count < keys->count;
    if (*out_any)
        err = put_first(txn, keys->first, error);
    for (uint32_t i = here.count; err == ST_OK && i < keys->count; i++)
        err = put(txn, &keys->rows[i], error);
    return err;
}

/* A server starts on a full disk too: it writes only what is missing. */
st_err sync_log_keys_again(const sync_room *room, const st_log_keys *keys, st_error *error)
{
    store_txn txn = { 0 };
    bool any = false;
    if (keys->count == 0)
        return ST_OK;
    st_err err = store_begin(room->store, STORE_WRITE_TXN, &txn, error);
    if (err == ST_OK)
        err = put_missing(&txn, room, keys, &any, error);
    if (err == ST_OK && any)
        err = store_commit(&txn, error);
    store_end(&txn);
    return err;
}

static st_err get_noted(store_txn *txn, uint64_t *out_n, st_error *error)
{
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_META, store_text(NOTED), &row, error);
    *out_n = err == ST_OK && row.len == 8 ? st_get_u64(row.data) : 0;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err run_note(writer_turn *turn, void *argument, st_error *error)
{
    const st_log_keys *keys = argument;
    static const st_id NOBODY;
    uint64_t noted = 0;
    st_err err = get_noted(turn->txn, &noted, error);
    for (uint64_t i = noted; err == ST_OK && i < keys->count; i++)
        err = append_notice(turn, &NOBODY, &keys->rows[i], error);
    return err == ST_OK ? sign_anew(turn, error) : err;
}

st_err sync_log_keys_note(writer *w, const sync_room *room, const st_log_keys *keys,
                          st_error *error)
{
    st_log_keys copy = *keys, beside;
    store_txn txn = { 0 };
    writer_job job;
    uint64_t noted = 0;
    if (keys->count == 0)
        return ST_OK;
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = get_noted(&txn, &noted, error);
    store_end(&txn);
    memset(&job, 0, sizeof job);
    job.run = run_note;
    job.argument = &copy;
    if (err == ST_OK && noted < keys->count)
        err = writer_submit(w, &job, error);
    if (err != ST_OK)
        return err;
    if (side_get_log_keys(room->dir, &beside, NULL) == ST_OK && beside.count >= keys->count)
        return ST_OK;
    return side_put_log_keys(room->dir, keys, error);
}
