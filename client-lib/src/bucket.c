/* client-lib/src/bucket.c - reads and writes the state of a bucket and its vector.
 * Promises: an unknown bucket reads as empty.
 * Never: decides what is in scope; it only keeps what the server said. */
#include "client-lib/src/bucket.h"

#include <stdio.h>
#include <string.h>

#include "client-lib/src/slip.h"

#define VECTOR_BYTES_MAX ((size_t)ST_FRAME_BYTES_MAX)

static st_err unpack(const book_value *value, bucket_state *out_state, st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    bucket_state state;
    memset(&state, 0, sizeof state);
    state.cursor = slip_get_u64(&slip);
    slip_get_bytes(&slip, state.sum.b, sizeof state.sum.b);
    state.here = slip_get_u64(&slip);
    state.in_scope = slip_get_u8(&slip) != 0;
    state.too_new = slip_get_u8(&slip) != 0;
    /* A store of before does not say it. One that reads it anew at that very moment counts as whole
     * until it has. */
    state.is_whole = slip.at < slip.len ? slip_get_u8(&slip) != 0 : state.cursor > 0;
    if (slip.bad)
        return st_fail(error, ST_E_CORRUPT, "store: the state of a bucket is damaged");
    *out_state = state;
    return ST_OK;
}

st_err bucket_get(book_db *book, const st_bucket *bucket, bucket_state *out_state, st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_key key = book_key_text(BOOK_BUCKET, bucket->s);
    book_value value = { NULL, 0 };
    st_err err = book_get(book, &key, &arena, &value, error);
    if (err == ST_OK) {
        err = unpack(&value, out_state, error);
    } else if (err == ST_E_NOT_FOUND) {
        memset(out_state, 0, sizeof *out_state);
        err = ST_OK;
    }
    st_arena_reset(&arena);
    return err;
}

st_err bucket_put(book_db *book, const st_bucket *bucket, const bucket_state *state,
                  st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, 256);
    slip_writer slip = { &out, ST_OK };
    slip_u64(&slip, state->cursor);
    slip_bytes(&slip, state->sum.b, sizeof state->sum.b);
    slip_u64(&slip, state->here);
    slip_u8(&slip, state->in_scope);
    slip_u8(&slip, state->too_new);
    slip_u8(&slip, state->is_whole);
    book_key key = book_key_text(BOOK_BUCKET, bucket->s);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory")
                                   : book_put(book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

st_err bucket_vector_get(book_db *book, const st_bucket *bucket, st_arena *arena,
                         st_vector *out_vector, st_error *error)
{
    book_key key = book_key_text(BOOK_VECTOR, bucket->s);
    book_value value = { NULL, 0 };
    st_err err = book_get(book, &key, arena, &value, error);
    if (err == ST_OK)
        return st_vector_decode(value.data, value.len, arena, out_vector, error);
    if (err == ST_E_NOT_FOUND) {
        st_vector_init(out_vector, arena);
        err = ST_OK;
    }
    return err;
}

st_err bucket_vector_put(book_db *book, const st_bucket *bucket, const st_vector *vector,
                         st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, VECTOR_BYTES_MAX);
    book_key key = book_key_text(BOOK_VECTOR, bucket->s);
    st_err err = st_vector_encode(vector, &out, error);
    if (err == ST_OK)
        err = book_put(book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

bool bucket_is_catalogue(const st_bucket *bucket)
{
    const char *part = strchr(bucket->s, '/');
    return part != NULL && strcmp(part, "/catalogue") == 0;
}

void bucket_catalogue(const sotay_client *client, st_bucket *out_bucket)
{
    (void)snprintf(out_bucket->s, sizeof out_bucket->s, "%s/catalogue", client->me.commune.s);
}

const st_bucket *bucket_among(bucket_list list, const st_bucket *bucket)
{
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.names[i].s, bucket->s) == 0)
            return &list.names[i];
    return NULL;
}

st_err bucket_next(book_db *book, book_scan *scan, st_bucket *out_bucket, bucket_state *out_state,
                   st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_value value = { NULL, 0 };
    st_err err = book_scan_next(book, scan, &arena, &value, error);
    if (err == ST_OK)
        err = unpack(&value, out_state, error);
    if (err == ST_OK && !st_bucket_set(out_bucket, (const char *)scan->at.b + 1, scan->at.len - 1))
        err = st_fail(error, ST_E_CORRUPT, "store: the name of a bucket is damaged");
    st_arena_reset(&arena);
    return err;
}
