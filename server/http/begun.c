/* server/http/begun.c - promises bounds: so many bytes, of so many devices, for so long. What is
 * too much pushes out what is oldest, and the phone sends that again. Never says that a piece is
 * here. */
#include "server/http/begun.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    st_id device;
    uint8_t *bytes;            /* of the stream, without the head; NULL: the row is free */
    size_t len, of;
    int64_t since_ms;
} begun_row;

struct begun {
    pthread_mutex_t lock;
    size_t bytes;              /* of all rows */
    begun_row rows[BEGUN_ROWS];
};

begun *begun_new(void)
{
    begun *b = calloc(1, sizeof *b);
    if (b != NULL)
        pthread_mutex_init(&b->lock, NULL);
    return b;
}

static void clear(begun *b, begun_row *row)
{
    b->bytes -= row->len;
    free(row->bytes);
    memset(row, 0, sizeof *row);
}

void begun_free(begun *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < BEGUN_ROWS; i++)
        clear(b, &b->rows[i]);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* The row of a device, once those that are too old are gone; NULL: there is none. */
static begun_row *find(begun *b, const st_id *device, int64_t now_ms)
{
    begun_row *found = NULL;
    for (size_t i = 0; i < BEGUN_ROWS; i++) {
        begun_row *row = &b->rows[i];
        if (row->bytes != NULL && now_ms - row->since_ms > BEGUN_MS)
            clear(b, row);
        if (row->bytes != NULL && st_id_cmp(&row->device, device) == 0)
            found = row;
    }
    return found;
}

/* A free row with room for so many bytes. */
static begun_row *make_room(begun *b, size_t len)
{
    while (true) {
        begun_row *free_row = NULL, *oldest = NULL;
        for (size_t i = 0; i < BEGUN_ROWS; i++) {
            begun_row *row = &b->rows[i];
            if (row->bytes == NULL)
                free_row = row;
            else if (oldest == NULL || row->since_ms < oldest->since_ms)
                oldest = row;
        }
        if (free_row != NULL && b->bytes + len <= BEGUN_BYTES_MAX)
            return free_row;
        clear(b, oldest); /* there is one: a single beginning is far below the bound */
    }
}

/* Joined with the beginning that this request went on from. */
static void keep(begun *b, const st_head *head, st_chunk part, size_t of, int64_t now_ms)
{
    begun_row *old = find(b, &head->device, now_ms);
    size_t len = head->skip + part.len;
    if (head->skip > 0 && (old == NULL || old->len < head->skip))
        return;
    uint8_t *bytes = malloc(len);
    if (bytes == NULL)
        return;
    if (head->skip > 0)
        memcpy(bytes, old->bytes, head->skip);
    memcpy(bytes + head->skip, part.bytes, part.len);
    if (old != NULL)
        clear(b, old);
    begun_row *row = make_room(b, len);
    *row = (begun_row){ head->device, bytes, len, of, now_ms };
    b->bytes += len;
}

void begun_keep(begun *b, const uint8_t *body, size_t len, size_t announced, int64_t now_ms)
{
    st_head head;
    if (b == NULL || st_head_decode(body, len, &head, NULL) != ST_OK || head.has_base)
        return;
    size_t from = st_head_bytes(&head);
    if (announced <= len || len == from || head.skip > BEGUN_ONE_BYTES_MAX)
        return;
    size_t whole = head.skip + (len - from), of = head.skip + (announced - from);
    if (whole < BEGUN_ONE_BYTES_LEAST || whole > BEGUN_ONE_BYTES_MAX ||
        of > 2 * BEGUN_ONE_BYTES_MAX)
        return;
    pthread_mutex_lock(&b->lock);
    keep(b, &head, (st_chunk){ body + from, len - from }, of, now_ms);
    pthread_mutex_unlock(&b->lock);
}

st_kept begun_of(begun *b, const st_id *device, int64_t now_ms)
{
    st_kept kept = { 0 };
    if (b == NULL)
        return kept;
    pthread_mutex_lock(&b->lock);
    const begun_row *row = find(b, device, now_ms);
    if (row != NULL) {
        st_hash hash = st_sha256(row->bytes, row->len);
        kept.bytes = (uint32_t)row->len;
        kept.of = (uint32_t)row->of;
        memcpy(kept.check, hash.b, sizeof kept.check);
    }
    pthread_mutex_unlock(&b->lock);
    return kept;
}

st_err begun_take(begun *b, const st_id *device, uint32_t skip, int64_t now_ms, st_buffer *out,
                  st_error *error)
{
    st_err err = ST_E_CHANGED;
    st_buffer_clear(out);
    if (b != NULL) {
        pthread_mutex_lock(&b->lock);
        const begun_row *row = find(b, device, now_ms);
        if (row != NULL && row->len >= skip)
            err = st_buffer_append(out, row->bytes, skip, error);
        pthread_mutex_unlock(&b->lock);
    }
    return err != ST_E_CHANGED
               ? err
               : st_fail(error, err, "request: its beginning is not here any more");
}

void begun_drop(begun *b, const st_id *device, int64_t now_ms)
{
    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    begun_row *row = find(b, device, now_ms);
    if (row != NULL)
        clear(b, row);
    pthread_mutex_unlock(&b->lock);
}
