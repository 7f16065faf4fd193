/* server/operator/log_key.c - log-key new, log-key list: another key for the log, by two people.
 * Promises: at each moment one key signs, whose secret is on the disk; the secret before it is
 * written over when the new one is there. Must never make a key for a request that nobody
 * confirmed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"
#include "server/sync/row.h"

#define FINGERPRINT_BYTES 20u
#define ENTRY_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- new ---- */

typedef struct {
    sync_log_change change;
    operator_ask ask;
    st_log_keys keys; /* afterwards */
} key_call;

static st_err change(writer_turn *turn, key_call *call, const operator_pair *pair, st_error *error)
{
    st_log_keys keys;
    st_err err = sync_log_keys_read(turn->txn, turn->room, &keys, error);
    if (err != ST_OK)
        return err;
    size_t room = strlen(call->ask.reason) + 128;
    char *note = st_arena_array(turn->arena, room, 1);
    if (note == NULL)
        return st_fail(error, ST_E_MEMORY, "log-key: out of memory");
    (void)snprintf(note, room, "log-key %" PRIu32 " with %.40s: %s", keys.count + 1,
                   pair->second.login.s, call->ask.reason);
    call->change.actor = pair->first.id;
    call->change.note = note;
    err = sync_log_key_change(turn, &call->change, error);
    return err == ST_OK ? sync_log_keys_read(turn->txn, turn->room, &call->keys, error) : err;
}

/* The request ends in the same turn: it changes the key once. */
static st_err run(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    key_call *call = argument;
    operator_pair pair;
    st_err err = operator_two_people(work, turn, &pair, error);
    if (err != ST_OK)
        return err;
    return operator_asks(work) ? operator_second_ask(work, turn, &pair, &call->ask, error)
                               : change(turn, call, &pair, error);
}

/* The key counts already: what goes wrong now is mended by the next start. */
static int finish(operator_work *work, const key_call *call)
{
    char print[FINGERPRINT_BYTES];
    st_fingerprint(call->change.key, print);
    st_err err = auth_log_finish(work->room->dir, &work->error);
    if (err == ST_OK)
        err = side_put_log_keys(work->room->dir, &call->keys, &work->error);
    operator_say(work,
                 work->vi ? "Khóa số %" PRIu64 " của nhật ký ký từ đây: %s\n"
                          : "Key %" PRIu64 " of the log signs from here on: %s\n",
                 call->change.n, print);
    operator_say_in(work,
                    "Hãy sao lưu ngay, và in lại phiếu đăng ký: đường dẫn cũ không dùng được nữa\n",
                    "Make a backup now, and new enrolment links: those of before are void\n");
    if (err != ST_OK)
        operator_complain(work, "%s; %s", work->error.detail,
                          work->vi ? "khóa mới đã có hiệu lực: hãy khởi động lại máy chủ"
                                   : "the new key counts: start the server again");
    return 0;
}

/* The new secret is on the disk before anything counts on it. */
int operator_log_key_new(operator_work *work)
{
    key_call call = { .ask = { .what = "log-key" } };
    bool asks = operator_asks(work);
    st_err err = operator_reason(work, &call.ask.reason, &work->error);
    if (err == ST_OK && !asks)
        err = auth_log_prepare(work->room->dir, &work->rooms->keys, work->room->port,
                               call.change.key, &work->error);
    if (err != ST_OK)
        return operator_fail(work);
    err = operator_write(work, run, &call);
    if (err == ST_OK)
        return asks ? operator_second_said(work, &call.ask) : finish(work, &call);
    if (!asks && err != ST_E_STORAGE) /* the disk may have it all the same: the next start looks */
        auth_log_drop(work->room->dir);
    if (!asks)
        auth_log_give_back(&work->rooms->keys, call.change.key);
    return operator_fail(work);
}

/* ---- list ---- */

typedef struct {
    uint64_t n;
    uint64_t from;             /* the entry that begins it; 0: it is not there (yet) */
    int64_t at_ms;
    char print[FINGERPRINT_BYTES], key[48];
} key_row;

/* Is this the entry that begins it? *out_is: the first of the log, or the one that says so. */
static st_err look(operator_work *work, uint64_t index, key_row *row, bool *out_is)
{
    sync_row entry;
    st_arena arena;
    st_arena_init(&arena, ENTRY_BYTES_MAX);
    st_err err = sync_row_get(&work->txn, index, &arena, &entry, &work->error);
    *out_is = err == ST_OK &&
              (row->n == 0 || (entry.kind == ST_ENTRY_KEY && entry.first == row->n));
    if (*out_is) {
        row->from = index;
        row->at_ms = entry.time_ms;
    }
    st_arena_reset(&arena);
    return err;
}

/* A log that was put back to before the change has its entry again, elsewhere. */
static st_err find(operator_work *work, uint64_t size, key_row *row)
{
    bool is = false;
    st_err err = look(work, size + 1, row, &is);
    if (err == ST_E_NOT_FOUND)
        err = ST_OK;
    for (uint64_t index = 1; !is && err == ST_OK; index++)
        err = look(work, index, row, &is);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err fill(operator_work *work, const st_log_keys *keys, uint64_t n, key_row *out)
{
    memset(out, 0, sizeof *out);
    out->n = n;
    st_fingerprint(st_log_keys_at(keys, n), out->print);
    st_base64(st_log_keys_at(keys, n), 32, out->key);
    return find(work, n == 0 ? 0 : keys->rows[n - 1].size, out);
}

static void one_json(operator_work *work, st_json *json, const key_row *row)
{
    st_json_open(json, '{');
    st_json_key_int(json, "n", (int64_t)row->n);
    st_json_key_int(json, "from", (int64_t)row->from);
    st_json_key(json, "at");
    st_json_when(json, row->at_ms, work->call->offset_minutes);
    st_json_key_text(json, "key", row->key);
    st_json_key_text(json, "fingerprint", row->print);
    st_json_close(json, '}');
}

static void one_row(operator_work *work, operator_table *table, const key_row *row)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, row->n);
    operator_table_cell(work, table, text);
    (void)snprintf(text, sizeof text, "%" PRIu64, row->from);
    operator_table_cell(work, table, text);
    operator_table_when(work, table, row->at_ms);
    operator_table_cell(work, table, row->print);
    operator_table_cell(work, table, row->key);
}

static st_err show(operator_work *work, const st_log_keys *keys)
{
    static const char *const HEADS[2][5] = { { "N", "FROM", "SINCE", "FINGERPRINT", "KEY" },
                                             { "SỐ", "TỪ MỤC", "TỪ LÚC", "DẤU KHÓA", "KHÓA" } };
    operator_list page;
    st_err err = ST_OK;
    operator_list_begin(work, &page, HEADS[work->vi], 5);
    operator_list_of(work, &page, "log_keys");
    for (uint64_t n = 0; err == ST_OK && n <= keys->count; n++) {
        key_row row;
        err = fill(work, keys, n, &row);
        if (err == ST_OK && work->options.json)
            one_json(work, &page.json, &row);
        else if (err == ST_OK)
            one_row(work, &page.table, &row);
    }
    return operator_list_end(work, &page, err, NULL);
}

int operator_log_key_list(operator_work *work)
{
    st_log_keys keys;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = sync_log_keys_read(&work->txn, work->room, &keys, &work->error);
    if (err == ST_OK)
        err = show(work, &keys);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}
