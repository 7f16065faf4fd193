/* server/backup/pieces.c - rows to files and back.
 * Promises: a piece of the log is written once and never changed; what is loaded was hashed first.
 * Must never load a derived table: those are folded again. */
#include "server/backup/pieces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/frame.h"
#include "server/store/pack.h"

#define LEVEL 9
#define FED_BYTES ((size_t)1024 * 1024)

/* ---- writing ---- */

typedef struct {
    st_buffer file, row;
    st_frame_writer *writer;
    size_t raw;
} piece;

static st_err begin(piece *p, st_error *error)
{
    memset(p, 0, sizeof *p);
    st_buffer_init(&p->file, PIECE_FILE_BYTES);
    st_buffer_init(&p->row, ST_FRAME_BYTES_MAX);
    return st_frame_writer_new(LEVEL, &p->file, &p->writer, error);
}

static void end(piece *p)
{
    st_frame_writer_free(p->writer);
    st_buffer_free(&p->file);
    st_buffer_free(&p->row);
}

static st_err add_row(piece *p, store_table table, store_slice key, store_slice value,
                      st_error *error)
{
    uint8_t head[5];
    head[0] = (uint8_t)table;
    st_put_u32(head + 1, (uint32_t)key.len);
    st_buffer_clear(&p->row);
    st_err err = st_buffer_append(&p->row, head, sizeof head, error);
    if (err == ST_OK)
        err = st_buffer_append(&p->row, key.data, key.len, error);
    if (err == ST_OK)
        err = st_buffer_append(&p->row, value.data, value.len, error);
    if (err == ST_OK)
        err = st_frame_write(p->writer, p->row.data, p->row.len, error);
    p->raw += p->row.len;
    return err;
}

static st_err finish(piece *p, piece_folder *folder, const char *name, st_error *error)
{
    backup_file file;
    memset(&file, 0, sizeof file);
    st_err err = st_frame_writer_end(p->writer, error);
    if (err == ST_OK)
        err = backup_write_file(folder->dir, name, &p->file, error);
    if (err != ST_OK)
        return err;
    file.hash = st_sha256(p->file.data, p->file.len);
    file.bytes = p->file.len;
    (void)snprintf(file.name, sizeof file.name, "%s", name);
    folder->written += p->file.len;
    return backup_manifest_add(folder->manifest, folder->arena, &file, error);
}

/* One file of entries from *at on; *at is the next one afterwards. */
static st_err write_some(piece_folder *folder, store_txn *txn, uint64_t *at, uint64_t to,
                         st_error *error)
{
    static const store_table TABLES[] = { STORE_LOG, STORE_LEAF };
    piece p;
    char name[BACKUP_NAME_BYTES];
    uint64_t from = *at;
    st_err err = begin(&p, error);
    while (err == ST_OK && *at <= to && p.raw < PIECE_BYTES) {
        pack_key key = pack_u64(*at);
        for (size_t i = 0; err == ST_OK && i < 2; i++) {
            store_slice value = { 0 };
            err = store_get(txn, TABLES[i], pack_key_slice(&key), &value, error);
            if (err == ST_E_NOT_FOUND)
                err = st_fail(error, ST_E_CORRUPT, "log: entry %" PRIu64 " is not there", *at);
            if (err == ST_OK)
                err = add_row(&p, TABLES[i], pack_key_slice(&key), value, error);
        }
        ++*at;
        progress_add(folder->progress, 1);
    }
    int len = snprintf(name, sizeof name, "log/%012" PRIu64 "-%012" PRIu64, from, *at - 1);
    if (folder->again > 0)
        (void)snprintf(name + len, sizeof name - (size_t)len, "-%012" PRIu64, folder->again);
    if (err == ST_OK)
        err = finish(&p, folder, name, error);
    end(&p);
    return err;
}

st_err piece_write_log(piece_folder *folder, store_txn *txn, uint64_t from, uint64_t to,
                       st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK && from <= to)
        err = write_some(folder, txn, &from, to, error);
    return err;
}

static bool is_base(store_table table)
{
    return !store_is_derived(table) && table != STORE_LOG && table != STORE_LEAF;
}

/* The tables in one row of files: the one under way, and its number. */
typedef struct {
    piece_folder *folder;
    piece now;
    uint64_t entries;
    unsigned number;
} table_pieces;

static st_err next_piece(table_pieces *pieces, bool goes_on, st_error *error)
{
    char name[BACKUP_NAME_BYTES];
    (void)snprintf(name, sizeof name, "tables/%012" PRIu64 "-%04u", pieces->entries,
                   ++pieces->number);
    st_err err = finish(&pieces->now, pieces->folder, name, error);
    end(&pieces->now);
    memset(&pieces->now, 0, sizeof pieces->now);
    return err == ST_OK && goes_on ? begin(&pieces->now, error) : err;
}

static st_err write_table(table_pieces *pieces, store_txn *txn, store_table table, st_error *error)
{
    store_cursor cursor = { 0 };
    st_err err = store_cursor_open(txn, table, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = add_row(&pieces->now, table, cursor.key, cursor.value, error);
        if (err == ST_OK && pieces->now.raw >= PIECE_BYTES)
            err = next_piece(pieces, true, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err piece_write_tables(piece_folder *folder, store_txn *txn, unsigned number, st_error *error)
{
    table_pieces pieces = { folder, .entries = folder->manifest->entries, .number = number };
    st_err err = begin(&pieces.now, error);
    for (int table = 0; err == ST_OK && table < STORE_TABLE_COUNT; table++)
        if (is_base((store_table)table))
            err = write_table(&pieces, txn, (store_table)table, error);
    if (err == ST_OK)
        err = next_piece(&pieces, false, error);
    end(&pieces.now);
    return err;
}

st_err piece_note_file(piece_folder *folder, const char *name, st_error *error)
{
    backup_file file;
    st_buffer bytes;
    memset(&file, 0, sizeof file);
    st_buffer_init(&bytes, PIECE_FILE_BYTES);
    st_err err = backup_read_file(folder->dir, name, &bytes, error);
    if (err == ST_OK) {
        file.hash = st_sha256(bytes.data, bytes.len);
        file.bytes = bytes.len;
        (void)snprintf(file.name, sizeof file.name, "%s", name);
        err = backup_manifest_add(folder->manifest, folder->arena, &file, error);
    }
    st_buffer_free(&bytes);
    return err;
}

/* ---- reading ---- */

st_err piece_read(const char *dir, const backup_file *file, st_buffer *out, st_error *error)
{
    st_buffer_clear(out);
    st_err err = backup_read_file(dir, file->name, out, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, ST_E_CORRUPT, "%s/%s: is missing", dir, file->name);
    if (err != ST_OK)
        return err;
    st_hash hash = st_sha256(out->data, out->len);
    if (out->len != file->bytes || memcmp(hash.b, file->hash.b, sizeof hash.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "%s/%s: is not what was written", dir, file->name);
    return ST_OK;
}

static st_err put_row(store_txn *txn, const uint8_t *row, size_t len, st_error *error)
{
    uint32_t key_len = len < 5 ? 0 : st_get_u32(row + 1);
    if (len < 5 || row[0] >= STORE_TABLE_COUNT || store_is_derived((store_table)row[0]) ||
        key_len == 0 || key_len > STORE_KEY_BYTES_MAX || key_len > len - 5)
        return st_fail(error, ST_E_CORRUPT, "backup: a row cannot be read");
    return store_put(txn, (store_table)row[0], store_bytes(row + 5, key_len),
                     store_bytes(row + 5 + key_len, len - 5 - key_len), error);
}

static st_err load_once(store *s, const st_buffer *bytes, st_error *error)
{
    st_frame_reader *reader = NULL;
    store_txn txn = { 0 };
    st_err bad = ST_OK;
    const uint8_t *row = NULL;
    size_t len = 0;
    size_t fed = 0;
    st_err err = st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, error);
    if (err == ST_OK)
        err = store_begin(s, STORE_WRITE_TXN, &txn, error);
    while (err == ST_OK && fed < bytes->len) {
        size_t more = bytes->len - fed < FED_BYTES ? bytes->len - fed : FED_BYTES;
        err = st_frame_feed(reader, bytes->data + fed, more, error);
        fed += more;
        while (err == ST_OK && st_frame_read(reader, &row, &len, &bad))
            err = put_row(&txn, row, len, error);
    }
    if (err == ST_OK && (bad != ST_OK || !st_frame_is_complete(reader)))
        err = st_fail(error, bad == ST_E_MEMORY ? bad : ST_E_CORRUPT, "backup: a file is damaged");
    if (err == ST_OK)
        err = store_commit(&txn, error);
    store_end(&txn);
    st_frame_reader_free(reader);
    return err;
}

st_err piece_load(store *s, const st_buffer *bytes, st_error *error)
{
    st_err err = load_once(s, bytes, error);
    while (err == ST_E_STORAGE && store_grow(s))
        err = load_once(s, bytes, error);
    return err;
}
