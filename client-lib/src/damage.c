/* client-lib/src/damage.c - spoils the base on purpose, so that a drill or a test can see that a
 * sync finds and mends it.
 * Promises: nothing of our own is touched; one transaction.
 * Never: is called by the library itself. */
#include <string.h>

#include "client-lib/src/overlay.h"
#include "client-lib/src/apply.h"

#define RECORD_BYTES_MAX ((size_t)64 * 1024 * 1024)

static void spoil_value(st_record *record)
{
    st_value *value = &record->lives[0].op.value;
    if (value->kind == ST_VALUE_INT) {
        value->number ^= 1;
        return;
    }
    value->kind = ST_VALUE_INT;
    value->number = 1;
}

/* As if a device that nobody knows had written the first value. Ids stay ascending: it is the
 * largest. */
static void spoil_author(st_record *record)
{
    st_meta *last = &record->metas[record->metas_count - 1];
    memset(last->dot.device.b, 0xff, sizeof last->dot.device.b);
}

/* What of ours is not in the book yet is in no base, and in no sum. */
static st_err base_record(sotay_client *client, const st_id *id, st_arena *arena,
                          st_record *out_record, st_error *error)
{
    st_err err = overlay_base_get(client, id, arena, out_record, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, err, "debug: the record is not in the base");
    return err;
}

static st_err spoil_record(sotay_client *client, const st_id *id, sotay_damage how, st_error *error)
{
    st_arena arena;
    st_record record;
    bucket_state state;
    st_buffer out;
    book_key key = book_key_id(BOOK_BASE, id);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&out, RECORD_BYTES_MAX);
    st_err err = base_record(client, id, &arena, &record, error);
    if (err == ST_OK && record.lives_count == 0)
        err = st_fail(error, ST_E_STATE, "debug: the record holds no value");
    if (err == ST_OK)
        err = bucket_get(&client->book, &record.bucket, &state, error);
    if (err == ST_OK) {
        st_sum before = st_record_sum(&record);
        st_sum_subtract(&state.sum, &before);
    }
    if (err == ST_OK && how == SOTAY_DAMAGE_MISSING)
        err = apply_forget_record(client, id, &record.bucket, error);
    if (err == ST_OK && how != SOTAY_DAMAGE_MISSING) {
        (how == SOTAY_DAMAGE_VALUE ? spoil_value : spoil_author)(&record);
        st_sum after = st_record_sum(&record);
        st_sum_add(&state.sum, &after);
        err = st_record_encode(&record, &out, error);
        if (err == ST_OK)
            err = book_put(&client->book, &key, out.data, out.len, error);
    }
    if (err == ST_OK)
        err = bucket_put(&client->book, &record.bucket, &state, error);
    if (err == ST_OK)
        err = overlay_row_refresh(client, id, error);
    st_buffer_free(&out);
    st_arena_reset(&arena);
    return err;
}

/* One bit of the sum of the bucket that the record is in; the record stays as it is. */
static st_err spoil_sum(sotay_client *client, const st_id *id, st_error *error)
{
    st_arena arena;
    st_record record;
    bucket_state state;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = base_record(client, id, &arena, &record, error);
    if (err == ST_OK)
        err = bucket_get(&client->book, &record.bucket, &state, error);
    if (err == ST_OK) {
        state.sum.b[15] ^= 1;
        err = bucket_put(&client->book, &record.bucket, &state, error);
    }
    st_arena_reset(&arena);
    return err;
}

int sotay_debug_damage(sotay_client *client, const sotay_id *record, sotay_damage how,
                       sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_err err = client_need_enrolled(client, &inner);
    if (err == ST_OK)
        err = client_begin(client, true, &inner);
    st_id id;
    if (err == ST_OK)
        err = overlay_find(client, record, &id, &inner);
    if (err == ST_OK)
        err = how == SOTAY_DAMAGE_SUM ? spoil_sum(client, &id, &inner)
                                      : spoil_record(client, &id, how, &inner);
    if (err == ST_OK)
        err = client_commit(client, &inner);
    else
        client_abort(client);
    return port_give(err, &inner, error);
}
