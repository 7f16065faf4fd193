/* server/sync/address.c - small statements about the server that travel with every sync.
 * Promises: what is said of backups is what two folders, or one that was checked, really held when
 * they were written. */
#include "server/sync/address.h"

#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"

/* ---- address: n 8, signature 64, url ---- */

st_err sync_address_get(store_txn *txn, st_address *out_address, st_error *error)
{
    store_slice row = { 0 };
    st_address address;
    memset(&address, 0, sizeof address);
    st_err err = store_get(txn, STORE_META, store_text("address"), &row, error);
    if (err != ST_OK)
        return err;
    pack_reader reader = pack_read(row);
    address.n = pack_get_u64(&reader);
    pack_get(&reader, address.signature, sizeof address.signature);
    pack_get_text(&reader, address.url, sizeof address.url);
    err = pack_end(&reader, "address", error);
    if (err == ST_OK)
        *out_address = address;
    return err;
}

static st_err sign_address(store_txn *txn, const sync_room *room, st_address *address,
                           st_error *error)
{
    st_buffer text;
    st_buffer_init(&text, 1024);
    st_err err = st_address_sign_text(&room->keys->log, address, &text);
    if (err != ST_OK)
        err = st_fail(error, err, "address: no memory");
    else
        err = sync_log_sign(txn, room, (sync_log_text){ text.data, text.len }, address->signature,
                            error);
    st_buffer_free(&text);
    return err;
}

static st_err put_address(store_txn *txn, const sync_room *room, st_address *address,
                          st_error *error)
{
    st_buffer row;
    st_err err = sign_address(txn, room, address, error);
    if (err != ST_OK)
        return err;
    st_buffer_init(&row, 1024);
    err = pack_put_u64(&row, address->n);
    if (err == ST_OK)
        err = pack_put(&row, address->signature, sizeof address->signature);
    if (err == ST_OK)
        err = pack_put_string(&row, address->url, strlen(address->url));
    err = err != ST_OK ? st_fail(error, err, "address: no memory")
                       : store_put(txn, STORE_META, store_text("address"),
                                   store_bytes(row.data, row.len), error);
    st_buffer_free(&row);
    return err;
}

st_err sync_address_sign(store_txn *txn, const sync_room *room, st_error *error)
{
    st_address address;
    st_err err = sync_address_get(txn, &address, error);
    if (err == ST_E_NOT_FOUND)
        return ST_OK;
    return err == ST_OK ? put_address(txn, room, &address, error) : err;
}

static st_err append(writer_turn *turn, st_entry_kind kind, const char *note, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = kind;
    row.device = turn->room->keys->device;
    row.note = store_text(note);
    return sync_log_append(turn, &row, NULL, error);
}

/* Above any that a phone may know: a book that was restored does not know how far the lost one had
 * counted, but that was before the time of this entry. */
static uint64_t next_number(const writer_turn *turn, uint64_t last)
{
    int64_t now = sync_log_time(turn);
    return now > 0 && (uint64_t)now > last ? (uint64_t)now : last + 1;
}

static st_err run_address(writer_turn *turn, void *argument, st_error *error)
{
    const char *url = argument;
    st_address address;
    memset(&address, 0, sizeof address);
    st_err err = sync_address_get(turn->txn, &address, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    address.n = next_number(turn, address.n);
    memcpy(address.url, url, strlen(url) + 1);
    err = put_address(turn->txn, turn->room, &address, error);
    return err == ST_OK ? append(turn, ST_ENTRY_ADDRESS, url, error) : err;
}

st_err sync_address_set(writer *w, const char *url, st_error *error)
{
    writer_job job;
    char copy[ST_ADDRESS_BYTES_MAX + 1];
    if (!st_address_is_good(url))
        return st_fail(error, ST_E_VALUE,
                       "'%.80s': an address is http:// or https:// and a host, without a slash at "
                       "its end", url);
    memcpy(copy, url, strlen(url) + 1);
    memset(&job, 0, sizeof job);
    job.run = run_address;
    job.argument = copy;
    return writer_submit(w, &job, error);
}

/* ---- backups: META "backup/" and the folder's id -> index 8, checked 1, and since a further one
 * may go into a folder that was checked: the highest index at which it was, 8 ---- */

#define BACKUP_PREFIX "backup/"

st_err sync_backed_up_to(store_txn *txn, uint64_t *out_index, st_error *error)
{
    store_slice row = { 0 };
    *out_index = 0;
    st_err err = store_get(txn, STORE_META, store_text("backed_up_to"), &row, error);
    if (err == ST_OK && row.len == 8)
        *out_index = st_get_u64(row.data);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

typedef struct {
    uint64_t index, checked;                   /* checked: up to here it was; 0: never */
} backup_row;

static backup_row read_backup(store_slice value)
{
    pack_reader reader = pack_read(value);
    backup_row row = { .index = pack_get_u64(&reader) };
    const bool is_checked = pack_get_u8(&reader) != 0;
    row.checked = is_checked ? row.index : value.len < 17 ? 0 : pack_get_u64(&reader);
    return row;
}

/* What was checked in the folder stays in it when more is added. */
static st_err checked_before(store_txn *txn, const char *key, uint64_t *out_index,
                             st_error *error)
{
    store_slice value = { 0 };
    *out_index = 0;
    st_err err = store_get(txn, STORE_META, store_text(key), &value, error);
    if (err == ST_OK)
        *out_index = read_backup(value).checked;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The highest of those that were checked, and the second highest of all. */
static st_err count_covered(store_txn *txn, uint64_t *out_index, st_error *error)
{
    store_cursor cursor = { 0 };
    uint64_t first = 0, second = 0, checked = 0;
    store_slice prefix = store_text(BACKUP_PREFIX);
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        backup_row row = read_backup(cursor.value);
        uint64_t index = row.index;
        if (row.checked > checked)
            checked = row.checked;
        second = index > first ? first : index > second ? index : second;
        first = index > first ? index : first;
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    *out_index = checked > second ? checked : second;
    return err;
}

static st_err run_backup(writer_turn *turn, void *argument, st_error *error)
{
    const sync_backup *backup = argument;
    uint8_t row[17], covered[8];
    char key[sizeof BACKUP_PREFIX + 32] = BACKUP_PREFIX;
    uint64_t index = 0, checked = 0;
    st_hex(backup->id, sizeof backup->id, key + strlen(BACKUP_PREFIX));
    st_err err = checked_before(turn->txn, key, &checked, error);
    st_put_u64(row, backup->index);
    row[8] = backup->is_checked ? 1 : 0;
    st_put_u64(row + 9, backup->is_checked ? backup->index : checked);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_META, store_text(key), store_bytes(row, sizeof row),
                        error);
    if (err == ST_OK)
        err = count_covered(turn->txn, &index, error);
    st_put_u64(covered, index);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_META, store_text("backed_up_to"),
                        store_bytes(covered, sizeof covered), error);
    return err == ST_OK && !backup->is_checked ? append(turn, ST_ENTRY_BACKUP, "", error) : err;
}

st_err sync_backup_note(writer *w, const sync_backup *backup, st_error *error)
{
    sync_backup copy = *backup;
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_backup;
    job.argument = &copy;
    return writer_submit(w, &job, error);
}
