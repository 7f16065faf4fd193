/* client-lib/src/declined.c - what the office declined of this device's own changes.
 * Promises: each is said from the sync that heard of it, though the base is read anew.
 * Never: keeps a word of it - only the record and when; why stands in the history. */
#include "client-lib/src/declined.h"

#include <string.h>

#include "client-lib/src/slip.h"
#include "proto/text.h"

static int64_t now_ms(const sotay_client *client)
{
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(client, &wall_ms, &mono_ms);
    return client->next.has_offset ? st_ms_between(-client->next.clock_offset_ms, wall_ms)
                                   : wall_ms;
}

/* A clock that stands before the decision says nothing of its age. */
static bool is_old(const sotay_client *client, int64_t at_ms)
{
    int64_t now = now_ms(client);
    return at_ms < now && (uint64_t)now - (uint64_t)at_ms > (uint64_t)DECLINED_KEPT_MS;
}

static st_err unpack(const book_key *key, const book_value *value, declined_one *out,
                     st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    out->at_ms = (int64_t)slip_get_u64(&slip);
    if (slip.bad || slip.at != slip.len || key->len != 1 + sizeof out->record.b)
        return st_fail(error, ST_E_CORRUPT, "store: the note of what was declined is damaged");
    memcpy(out->record.b, key->b + 1, sizeof out->record.b);
    return ST_OK;
}

/* The next one. ST_E_NOT_FOUND without *error: there is none. */
static st_err next_one(sotay_client *client, book_scan *scan, declined_one *out, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 4096);
    st_err err = book_scan_next(&client->book, scan, &arena, &value, error);
    if (err == ST_OK)
        err = unpack(&scan->at, &value, out, error);
    st_arena_reset(&arena);
    return err;
}

/* 0: none is kept of this record. */
static st_err kept_at(sotay_client *client, const book_key *key, int64_t *out_ms, st_error *error)
{
    st_arena arena;
    declined_one one = { .at_ms = 0 };
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 4096);
    st_err err = book_get(&client->book, key, &arena, &value, error);
    if (err == ST_OK)
        err = unpack(key, &value, &one, error);
    st_arena_reset(&arena);
    *out_ms = one.at_ms;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err declined_note(sotay_client *client, const st_id *record, int64_t at_ms, bool *out_new,
                     st_error *error)
{
    uint8_t value[8];
    int64_t kept_ms = 0;
    book_key key = book_key_id(BOOK_DECLINED, record);
    if (at_ms == 0)
        at_ms = now_ms(client);
    if (is_old(client, at_ms))
        return ST_OK;
    st_err err = kept_at(client, &key, &kept_ms, error);
    if (err != ST_OK || at_ms <= kept_ms)
        return err;
    st_put_u64(value, (uint64_t)at_ms);
    *out_new = true;
    return book_put(&client->book, &key, value, sizeof value, error);
}

st_err declined_prune(sotay_client *client, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DECLINED);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        declined_one one;
        err = next_one(client, &scan, &one, error);
        if (err == ST_OK && is_old(client, one.at_ms))
            err = book_delete(&client->book, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* A history that cannot be read tells none. */
static st_err find_reason(sotay_client *client, st_arena *arena, declined_one *one,
                          st_error *error)
{
    st_err err = outside_reason(client, &one->record, arena, &one->words, NULL);
    return err == ST_OK || err == ST_E_CORRUPT
               ? ST_OK
               : st_fail(error, err, "status: what was declined cannot be read");
}

st_err declined_read(sotay_client *client, st_arena *arena, declined_list *out, st_error *error)
{
    book_key prefix = book_key_of(BOOK_DECLINED);
    book_scan scan = book_scan_of(&prefix);
    memset(out, 0, sizeof *out);
    for (;;) {
        declined_one one;
        st_err err = next_one(client, &scan, &one, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err != ST_OK)
            return err;
        if (is_old(client, one.at_ms))
            continue;
        err = find_reason(client, arena, &one, error);
        if (err != ST_OK)
            return err;
        if (out->count == out->capacity) {
            declined_one *list = st_arena_grow(arena, out->list, out->count, &out->capacity,
                                               sizeof *list);
            if (list == NULL)
                return st_fail(error, ST_E_MEMORY, "status: no memory");
            out->list = list;
        }
        out->list[out->count++] = one;
    }
}

/* ---- in `status` ---- */

void declined_json(const declined_list *all, int offset_minutes, st_json *json)
{
    st_json_key(json, "declined");
    st_json_open(json, '[');
    for (size_t i = 0; i < all->count; i++) {
        char id[33];
        st_id_format(&all->list[i].record, id);
        st_json_open(json, '{');
        st_json_key_text(json, "record", id);
        st_json_key(json, "at");
        st_json_when(json, all->list[i].at_ms, offset_minutes);
        st_json_key(json, "reason");
        const outside_words *words = &all->list[i].words;
        if (words->reason_len > 0)
            st_json_textn(json, words->reason, words->reason_len);
        else
            st_json_null(json);
        st_json_close(json, '}');
    }
    st_json_close(json, ']');
}

/* What to do about it. */
static const char *advice(const outside_words *words, bool vi)
{
    if (!words->is_here)
        return vi ? "Máy này hiện không đọc được phiếu ấy: hãy hỏi văn phòng.\n"
                  : "This device does not read that record now: ask the office.\n";
    if (words->reason_len == 0)
        return vi ? "Xem `history` của phiếu, và hỏi văn phòng lý do.\n"
                  : "`history` of it shows what; ask the office why.\n";
    return vi ? " Nội dung vẫn còn trên máy (xem `history` của phiếu); điều gì vẫn đúng thì ghi"
                " lại.\n"
              : " What was written stays here (see `history` of it); write again what is still"
                " right.\n";
}

static st_err write_one(const sotay_client *client, const declined_one *one, st_buffer *out,
                        st_error *error)
{
    char id[33], at[40];
    bool vi = strcmp(client->lang, "en") != 0;
    const outside_words *words = &one->words;
    st_id_format(&one->record, id);
    st_time_short(one->at_ms, client->offset_minutes, at);
    st_err err = st_buffer_printf(out, error,
                                  vi ? "! %s: văn phòng không đưa vào sổ điều máy này đã ghi trong"
                                       " phiếu %s. "
                                     : "! %s: the office declined what was written here in record"
                                       " %s: it is not in the book. ",
                                  at, id);
    if (err == ST_OK && words->reason_len > 0)
        err = st_buffer_printf(out, error, "%s", vi ? "Lý do: “" : "Its reason: “");
    if (err == ST_OK && words->reason_len > 0)
        err = st_text_say(words->reason, words->reason_len, ST_LINE_INSIDE, out, error);
    if (err == ST_OK && words->reason_len > 0)
        err = st_buffer_printf(out, error, "”.");
    return err == ST_OK ? st_buffer_printf(out, error, "%s", advice(words, vi)) : err;
}

st_err declined_text(const sotay_client *client, const declined_list *all, st_buffer *out,
                     st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < all->count; i++)
        err = write_one(client, &all->list[i], out, error);
    return err;
}
