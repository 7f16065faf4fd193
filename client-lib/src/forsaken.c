/* client-lib/src/forsaken.c - keeps what the log's key once signed and a new epoch gave up.
 * Promises: a row that is there is never changed nor removed; the office is shown each once in each
 * epoch.
 * Never: judges - an honest restore and a log that was cut on purpose leave the same. */
#include "client-lib/src/forsaken.h"

#include <string.h>

#include "client-lib/src/witness.h"
#include "proto/show.h"

static book_key key_of(uint64_t n)
{
    book_key key = book_key_of(BOOK_FORSAKEN);
    book_key_u64(&key, n);
    return key;
}

static st_err unpack(const book_value *value, forsaken_end *out, st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    witness_head_get(&slip, &out->held);
    witness_head_get(&slip, &out->shown);
    out->cut = slip_get_u64(&slip);
    out->at_ms = (int64_t)slip_get_u64(&slip);
    return !slip.bad && slip.at == slip.len
               ? ST_OK
               : st_fail(error, ST_E_CORRUPT, "store: a checkpoint that was given up is damaged");
}

static st_err get(sotay_client *client, uint64_t n, forsaken_end *out, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key key = key_of(n);
    st_arena_init(&arena, 4096);
    st_err err = book_get(&client->book, &key, &arena, &value, error);
    if (err == ST_OK)
        err = unpack(&value, out, error);
    else if (err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_CORRUPT, "store: a checkpoint that was given up is missing");
    st_arena_reset(&arena);
    return err;
}

static bool is_same_head(const witness_head *a, const witness_head *b)
{
    return a->epoch == b->epoch && a->head.size == b->head.size &&
           memcmp(a->head.root.b, b->head.root.b, sizeof a->head.root.b) == 0;
}

static st_err is_kept(sotay_client *client, const witness_head *held, bool *out_is,
                      st_error *error)
{
    st_err err = ST_OK;
    *out_is = false;
    for (uint64_t n = 0; err == ST_OK && !*out_is && n < client->next.ends; n++) {
        forsaken_end end;
        err = get(client, n, &end, error);
        *out_is = err == ST_OK && is_same_head(&end.held, held);
    }
    return err;
}

st_err forsaken_keep(sotay_sync *sync, const witness_head *shown, st_error *error)
{
    st_buffer out;
    bool is_there = false;
    identity *next = &sync->client->next;
    st_err err = is_kept(sync->client, &next->tree, &is_there, error);
    if (err != ST_OK || is_there)
        return err;
    st_buffer_init(&out, 4096);
    slip_writer slip = { &out, ST_OK };
    book_key key = key_of(next->ends);
    witness_head_put(&slip, &next->tree);
    witness_head_put(&slip, shown);
    slip_u64(&slip, next->cut);
    slip_u64(&slip, (uint64_t)sync->asked_wall_ms);
    err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory for a checkpoint")
                            : book_put(&sync->client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    if (err != ST_OK)
        return err;
    next->ends++;
    sync->wants_again = true; /* to show it */
    return ST_OK;
}

/* Two epochs of one number may be two logs: until a higher one follows, the office would take it
 * for one of its own. */
st_err forsaken_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    forsaken_end end;
    const identity *me = &sync->client->me;
    if (me->ends_told >= me->ends)
        return ST_OK;
    st_err err = get(sync->client, me->ends_told, &end, error);
    if (err != ST_OK || end.held.epoch >= me->epochs)
        return err;
    ask->has_held = sync->tells_end = true;
    ask->held = (st_tree_news){ .head = end.held.head, .epoch = end.held.epoch };
    memcpy(ask->held.signature, end.held.signature, sizeof ask->held.signature);
    return ST_OK;
}

st_err forsaken_read(sotay_client *client, st_arena *arena, forsaken_ends *out, st_error *error)
{
    const size_t count = (size_t)client->me.ends;
    st_err err = ST_OK;
    *out = (forsaken_ends){ NULL, 0 };
    if (count == 0)
        return ST_OK;
    out->list = st_arena_array(arena, count, sizeof *out->list);
    if (out->list == NULL)
        return st_fail(error, ST_E_MEMORY, "status: no memory");
    for (size_t n = 0; err == ST_OK && n < count; n++) {
        err = get(client, n, &out->list[n], error);
        out->count += err == ST_OK;
    }
    return err;
}

void forsaken_json(const forsaken_ends *all, int offset_minutes, st_json *json)
{
    st_json_key(json, "forsaken");
    st_json_open(json, '[');
    for (size_t i = 0; i < all->count; i++) {
        st_json_open(json, '{');
        st_json_key(json, "at");
        st_json_when(json, all->list[i].at_ms, offset_minutes);
        st_json_key_int(json, "cut", (int64_t)all->list[i].cut);
        st_json_key(json, "held");
        witness_head_json(&all->list[i].held, json);
        st_json_key(json, "shown");
        witness_head_json(&all->list[i].shown, json);
        st_json_close(json, '}');
    }
    st_json_close(json, ']');
}

st_err forsaken_text(const sotay_client *client, const forsaken_ends *all, st_buffer *out,
                     st_error *error)
{
    static const char *const BEHIND[] = {
        "%s: giữ làm bằng chứng: máy này đã thấy sổ có %llu mục (mã kiểm tra %s); sang đời mới,"
        " sổ khác đi sau mục %llu\n",
        "%s: kept as evidence: this device had seen %llu entries of the book (check code %s); in"
        " the new epoch it is another one behind entry %llu\n"
    };
    static const char *const BEFORE[] = {
        "%s: giữ làm bằng chứng: máy này đã thấy sổ có %llu mục (mã kiểm tra %s); đời mới nói sổ"
        " vẫn y nguyên đến mục %llu, mà không phải\n",
        "%s: kept as evidence: this device had seen %llu entries of the book (check code %s); the"
        " new epoch says that it is the same up to entry %llu, and it is not\n"
    };
    bool english = strcmp(client->lang, "en") == 0;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < all->count; i++) {
        const forsaken_end *end = &all->list[i];
        bool is_before = end->held.head.size <= end->cut;
        const char *format = is_before ? BEFORE[english] : BEHIND[english];
        char at[40], code[81];
        st_time_short(end->at_ms, client->offset_minutes, at);
        st_fingerprint(end->held.head.root.b, code);
        err = st_buffer_printf(out, error, format, at, (unsigned long long)end->held.head.size,
                               code, (unsigned long long)end->cut);
    }
    return err;
}
