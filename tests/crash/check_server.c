/* tests/crash/check_server.c - a server's folder after a cut. What must hold: before `init`
 * said that it was done, the folder is no store; afterwards it opens, its log is a beginning of
 * what the log became, as long as anybody was told; every table can be walked; a request that
 * was answered is not taken again; a piece that was said to be here is, whole; one more change is
 * taken in, under the key that counts; and (now and then) the whole book is the fold of its log. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/operator/operator.h"
#include "server/store/chunks.h"
#include "server/store/pack.h"
#include "server/sync/log_key.h"
#include "server/sync/row.h"
#include "tests/crash/check.h"

typedef enum { BOOK_FIRST, BOOK_RESTORED } book_kind;

bool case_fails(crash_case *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    return false;
}

static uint8_t *copy_of(store_slice slice)
{
    uint8_t *copy = malloc(slice.len + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, slice.data, slice.len);
    return copy;
}

/* ---- what the log became ---- */

static st_err read_entry(store_txn *txn, uint64_t index, final_log *out)
{
    pack_key key = pack_u64(index);
    store_slice row = { 0 }, leaf = { 0 };
    sync_row decoded;
    st_arena arena;
    st_arena_init(&arena, 8u << 20);
    st_err err = store_get(txn, STORE_LOG, pack_key_slice(&key), &row, NULL);
    if (err == ST_OK)
        err = store_get(txn, STORE_LEAF, pack_key_slice(&key), &leaf, NULL);
    if (err == ST_OK)
        err = sync_row_decode(row, &arena, &decoded, NULL);
    if (err == ST_OK) {
        out->entries[index - 1].device = decoded.device;
        out->entries[index - 1].first = decoded.first;
        out->entries[index - 1].last = decoded.last;
        out->entries[index - 1].row = copy_of(row);
        out->entries[index - 1].row_len = row.len;
        out->entries[index - 1].leaf = copy_of(leaf);
        out->entries[index - 1].leaf_len = leaf.len;
    }
    st_arena_reset(&arena);
    return err;
}

bool final_log_read(const char *dir, final_log *out)
{
    store *s = NULL;
    store_txn txn = { 0 };
    store_slice epoch = { 0 };
    auth_keys keys;
    st_error error = { 0 };
    memset(out, 0, sizeof *out);
    const sync_room room = { .keys = &keys };
    st_err err = auth_keys_read(dir, &keys, &error);
    if (err == ST_OK)
        err = store_open(dir, STORE_READ, &s, &error);
    if (err == ST_OK)
        err = store_begin(s, STORE_READ_TXN, &txn, &error);
    if (err == ST_OK)
        err = sync_log_size(&txn, &out->count, &error);
    if (err == ST_OK)
        err = store_get(&txn, STORE_META, store_text("epoch"), &epoch, &error);
    if (err == ST_OK)
        err = sync_log_keys_read(&txn, &room, &out->log_keys, &error);
    if (err == ST_OK && epoch.len == sizeof out->epoch)
        memcpy(out->epoch, epoch.data, epoch.len);
    out->entries = calloc(out->count + 1, sizeof *out->entries);
    if (out->entries == NULL)
        abort();
    for (uint64_t i = 1; err == ST_OK && i <= out->count; i++)
        err = read_entry(&txn, i, out);
    out->log = st_log_id(out->log_keys.first);
    memcpy(out->seal_public, keys.seal_public, sizeof out->seal_public);
    memcpy(out->seal_secret, keys.seal_secret, sizeof out->seal_secret);
    store_end(&txn);
    store_close(s);
    if (err != ST_OK)
        fprintf(stderr, "%s: %s\n", dir, error.detail);
    return err == ST_OK;
}

/* ---- one state ---- */

static bool same(store_slice have, const uint8_t *want, size_t want_len)
{
    return have.len == want_len && memcmp(have.data, want, want_len) == 0;
}

/* Did an erasure change the row since? The set has one hash with and without its value. */
static bool was_erased_since(store_slice have, const uint8_t *want, size_t want_len)
{
    sync_row old, new;
    st_set whole, left;
    st_arena arena;
    st_arena_init(&arena, 32u << 20);
    bool good = sync_row_decode(have, &arena, &old, NULL) == ST_OK &&
                sync_row_decode((store_slice){ want, want_len }, &arena, &new, NULL) == ST_OK &&
                old.kind == new.kind && old.time_ms == new.time_ms &&
                st_set_decode(old.set.data, old.set.len, &arena, &whole, NULL) == ST_OK &&
                st_set_decode(new.set.data, new.set.len, &arena, &left, NULL) == ST_OK &&
                memcmp(whole.hash.b, left.hash.b, sizeof whole.hash.b) == 0 &&
                !same((store_slice){ whole.bytes, whole.bytes_len }, left.bytes, left.bytes_len);
    st_arena_reset(&arena);
    return good;
}

static bool check_entry(const crash_case *c, store_table table, uint64_t index, store_slice have)
{
    if (index > c->final->count)
        return false;
    const uint8_t *row = c->final->entries[index - 1].row;
    const uint8_t *leaf = c->final->entries[index - 1].leaf;
    const size_t row_len = c->final->entries[index - 1].row_len;
    if (table == STORE_LEAF)
        return same(have, leaf, c->final->entries[index - 1].leaf_len);
    return same(have, row, row_len) || was_erased_since(have, row, row_len);
}

/* The entries of a table keyed by index, each as it became; their number. */
static bool check_entries(crash_case *c, store_txn *txn, store_table table, uint64_t *out_count)
{
    store_cursor cursor = { 0 };
    uint64_t index = 0;
    bool good = store_cursor_open(txn, table, &cursor, NULL) == ST_OK &&
                store_seek(&cursor, store_text(""), NULL) == ST_OK;
    if (!good)
        (void)case_fails(c, "%s: cannot be walked", store_table_name(table));
    while (good && cursor.is_valid) {
        index++;
        if (cursor.key.len != 8 || st_get_u64(cursor.key.data) != index ||
            !check_entry(c, table, index, cursor.value))
            good = case_fails(c, "%s: entry %llu is not what was written", store_table_name(table),
                              (unsigned long long)index);
        else if (store_next(&cursor, NULL) != ST_OK)
            good = case_fails(c, "%s: breaks off", store_table_name(table));
    }
    store_cursor_close(&cursor);
    *out_count = index;
    return good;
}

/* Phones were answered by the book that is no longer, where it was restored. */
static uint64_t answered(const crash_case *c, book_kind kind)
{
    return kind == BOOK_RESTORED ? 0 : owed_most(c->owed, OWED_STORED, c->at);
}

static bool check_log(crash_case *c, store_txn *txn, book_kind kind)
{
    uint64_t entries = 0, leaves = 0;
    uint64_t told = owed_most(c->owed, OWED_LOG, c->at);
    uint64_t stored = answered(c, kind);
    if (!check_entries(c, txn, STORE_LOG, &entries) || !check_entries(c, txn, STORE_LEAF, &leaves))
        return false;
    if (leaves != entries)
        return case_fails(c, "%llu leaves for %llu entries", (unsigned long long)leaves,
                          (unsigned long long)entries);
    if (entries < told)
        return case_fails(c, "the office saw %llu entries, %llu are there",
                          (unsigned long long)told, (unsigned long long)entries);
    if (entries < stored)
        return case_fails(c, "`stored` at %llu was answered, %llu entries are there",
                          (unsigned long long)stored, (unsigned long long)entries);
    return true;
}

/* Touches every byte of every table. */
static bool walk(crash_case *c, store_txn *txn)
{
    store_stats stats;
    uint32_t sum = 0;
    if (store_stat(txn, &stats, NULL) != ST_OK)
        return case_fails(c, "no figures of the store");
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        store_cursor cursor = { 0 };
        uint64_t rows = 0;
        st_err err = store_cursor_open(txn, (store_table)table, &cursor, NULL);
        if (err == ST_OK)
            err = store_seek(&cursor, store_text(""), NULL);
        for (; err == ST_OK && cursor.is_valid; rows++) {
            for (size_t i = 0; i < cursor.value.len; i += 64)
                sum += ((const uint8_t *)cursor.value.data)[i];
            err = store_next(&cursor, NULL);
        }
        store_cursor_close(&cursor);
        if (err != ST_OK || rows != stats.rows[table])
            return case_fails(c, "table %s: %llu rows of %llu (%u)",
                              store_table_name((store_table)table), (unsigned long long)rows,
                              (unsigned long long)stats.rows[table], sum & 1u);
    }
    return true;
}

static bool take_row(void *context, const st_row *row)
{
    st_id *ids = context;
    size_t i = 0;
    while (i < 63 && memcmp(ids[i].b, (st_id){ 0 }.b, 16) != 0)
        i++;
    ids[i] = row->id;
    return i < 63;
}

/* The visits can be read. */
static bool read_records(crash_case *c, store_txn *txn)
{
    st_id ids[64];
    st_error error = { 0 };
    const sync_filter filter = { .form = "visit" };
    memset(ids, 0, sizeof ids);
    st_err err = sync_row_each(txn, &filter, take_row, ids, &error);
    for (size_t i = 0; err == ST_OK && i < 64 && memcmp(ids[i].b, (st_id){ 0 }.b, 16) != 0; i++) {
        st_arena arena;
        st_record record;
        st_arena_init(&arena, 16u << 20);
        err = sync_record_get(txn, &ids[i], &arena, &record, NULL, &error);
        st_arena_reset(&arena);
    }
    return err == ST_OK || case_fails(c, "a record cannot be read: %s", error.detail);
}

/* Requests that were answered are not taken once more. */
static bool check_counters(crash_case *c, store *s)
{
    store_txn txn = { 0 };
    st_error error = { 0 };
    if (store_begin(s, STORE_WRITE_TXN, &txn, &error) != ST_OK)
        return case_fails(c, "%s", error.detail);
    bool good = true;
    for (size_t i = 0; good && i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        const owed *o = &c->owed->items[i];
        uint64_t highest = 0;
        if (o->kind != OWED_USED)
            continue;
        if (auth_counter_take(&txn, &o->device, o->number, &highest, &error) != ST_E_AGAIN)
            good =
                case_fails(c, "request %llu would be taken again", (unsigned long long)o->number);
    }
    store_end(&txn);
    return good;
}

/* Pieces of files of which somebody was told that they are here are, whole. */
static bool check_pieces(crash_case *c)
{
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        const owed *o = &c->owed->items[i];
        chunks_state state = CHUNKS_MISSING;
        uint64_t len = 0;
        st_hash hash;
        if (o->kind != OWED_HAS)
            continue;
        if (!st_unhex(o->text, 64, hash.b, sizeof hash.b))
            return case_fails(c, "a mark that cannot be read: %s", o->text);
        if (chunks_check(c->dir, &hash, &state, &len, NULL) != ST_OK || state != CHUNKS_WHOLE)
            return case_fails(c, "the piece %.16s was said to be here and is %s", o->text,
                              state == CHUNKS_WRONG ? "damaged" : "gone");
    }
    return true;
}

/* One change more, by the office's own verb. */
static bool write_one(crash_case *c, server *srv)
{
    static const char *const ARGV[] = {
        "user", "add", "sau", "--name", "Sau", "--role", "officer"
    };
    st_buffer out, err_text;
    st_buffer_init(&out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&err_text, OPERATOR_OUT_BYTES_MAX);
    operator_call call = {
        .rooms = srv, .argv = ARGV, .argc = 7, .lang = "en", .out = &out, .err = &err_text
    };
    bool good = operator_run(&call) == 0;
    if (!good)
        (void)case_fails(c, "it takes no change: %.*s", (int)err_text.len,
                         err_text.len > 0 ? (const char *)err_text.data : "");
    st_buffer_free(&out);
    st_buffer_free(&err_text);
    return good;
}

static bool first_wrong(void *context, const char *line)
{
    crash_case *c = context;
    return case_fails(c, "verify: %s", line);
}

static bool verify(crash_case *c, server *srv)
{
    verify_report report = { 0 };
    st_error error = { 0 };
    c->why[0] = '\0';
    if (sync_verify(&srv->sync, first_wrong, c, &report, &error) != ST_OK)
        return case_fails(c, "verify: %s", error.detail);
    return report.wrong == 0;
}

static bool check_open(crash_case *c, server *srv, book_kind kind)
{
    store_txn txn = { 0 };
    st_error error = { 0 };
    if (st_id_cmp(&srv->keys.log, &c->final->log) != 0 ||
        memcmp(srv->sync.epoch, c->final->epoch, 8) != 0)
        return case_fails(c, "it is another book");
    if (store_begin(srv->sync.store, STORE_READ_TXN, &txn, &error) != ST_OK)
        return case_fails(c, "%s", error.detail);
    bool good = check_log(c, &txn, kind) && walk(c, &txn) && read_records(c, &txn);
    store_end(&txn);
    good = good && (kind == BOOK_RESTORED || check_counters(c, srv->sync.store)) &&
           check_words(c) && check_strays(c, srv) && check_pieces(c) && write_one(c, srv) &&
           check_server_keys(c, srv);
    return good && (!c->is_thorough || verify(c, srv));
}

/* A folder that is no store yet: `init` makes one, or says that somebody must clear away first. */
static bool init_again(crash_case *c)
{
    server srv = { 0 };
    st_error error = { 0 };
    rooms_how how = { .dir = c->dir };
    rooms_new wish = { "01477", c->catalogue, false };
    st_err err = rooms_init(&how, &wish, &srv, &error);
    if (err == ST_OK)
        rooms_close(&srv);
    return err == ST_OK || err == ST_E_EXISTS || case_fails(c, "init: %s", error.detail);
}

typedef enum { OPENING_DONE, OPENING_ABSENT, OPENING_FAILED } opening;

/* Absent only where nobody was told yet that it is there. */
static opening open_book(crash_case *c, server *srv)
{
    st_error error = { 0 };
    rooms_how how = { .dir = c->dir, .port = check_strays_port() };
    bool is_ready = owed_any(c->owed, OWED_READY, c->at);
    st_err err = rooms_open(&how, srv, &error);
    if (err == ST_E_NOT_FOUND && !is_ready)
        return OPENING_ABSENT;
    if (err != ST_OK)
        (void)case_fails(c, "it does not open: %s", error.detail);
    return err == ST_OK ? OPENING_DONE : OPENING_FAILED;
}

bool check_server(crash_case *c)
{
    server srv = { 0 };
    opening how_it_went = open_book(c, &srv);
    if (how_it_went == OPENING_ABSENT)
        return !c->is_thorough || init_again(c);
    if (how_it_went == OPENING_FAILED)
        return false;
    bool good = check_open(c, &srv, BOOK_FIRST);
    rooms_close(&srv);
    return good;
}

/* Before `restore` said that it was done: no store, or one that is whole, with the words that it
 * was to bring along, in an epoch that it may have begun just now. */
bool check_restored(crash_case *c)
{
    server srv = { 0 };
    bool is_ready = owed_any(c->owed, OWED_READY, c->at);
    opening how_it_went = open_book(c, &srv);
    if (how_it_went != OPENING_DONE)
        return how_it_went == OPENING_ABSENT;
    bool good = is_ready ? check_open(c, &srv, BOOK_RESTORED)
                         : check_words(c) && write_one(c, &srv) &&
                               (!c->is_thorough || verify(c, &srv));
    rooms_close(&srv);
    return good;
}
