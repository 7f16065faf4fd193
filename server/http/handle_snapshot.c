/* server/http/handle_snapshot.c - GET /v1/snapshot/<bucket>/<name>: bytes of a snapshot from where
 * the device wants them on. Promises that only an active device that may read the bucket gets any;
 * an answer is bounded, whatever the size of the file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/http/request.h"
#include "server/sync/snapshot.h"

#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define ANSWER_BYTES    ((uint64_t)2 << 20) /* a device asks for what is behind it again */

typedef struct {
    http_request *request;
    sync_request sync;
    st_bucket bucket;
    st_hash name;
} wish;

static st_err read_head(wish *w, st_head *out_head, st_error *error)
{
    uint8_t bytes[ST_HEAD_BYTES + 3];
    const char *text = w->request->signed_head;
    size_t chars = text != NULL ? strlen(text) : 0;
    if (!st_snapshot_path_parse(w->request->path, &w->bucket, &w->name))
        return st_fail(error, ST_E_NOT_FOUND, "snapshot: no such path");
    if (chars != (ST_HEAD_BYTES * 4 + 2) / 3 ||
        st_unbase64url(text, chars, bytes) != ST_HEAD_BYTES)
        return st_fail(error, ST_E_DENIED, "snapshot: the request is not signed");
    return st_head_decode(bytes, ST_HEAD_BYTES, out_head, error);
}

/* May this device read the bucket now? */
static st_err check_scope(wish *w, store_txn *txn, st_error *error)
{
    auth_device device;
    st_scope scope;
    st_arena arena;
    bool may = false;
    const sync_room *room = &w->request->rooms->sync;
    auth_scope_ask ask = { room->commune.s, &w->sync.device.person, UINT64_MAX };
    st_arena_init(&arena, ARENA_BYTES_MAX);
    st_err err = auth_device_get(txn, NULL, &w->sync.device.id, &device, error);
    if (err == ST_OK)
        err = auth_scope(txn, &ask, &arena, &scope, error);
    for (uint32_t i = 0; err == ST_OK && i < scope.buckets_count; i++)
        may = may || strcmp(scope.buckets[i].s, w->bucket.s) == 0;
    if (err == ST_OK && (!may || device.status != AUTH_ACTIVE))
        err = st_fail(error, ST_E_DENIED, "snapshot: this device does not read %s", w->bucket.s);
    st_arena_reset(&arena);
    return err;
}

/* Signed, and by whom; nothing is written. */
static st_err check(wish *w, st_error *error)
{
    st_head head;
    store_txn txn;
    char hex[33];
    http_request *request = w->request;
    st_err err = read_head(w, &head, error);
    if (err != ST_OK)
        return err;
    st_id_format(&head.device, hex);
    memcpy(request->who, hex, 8);
    auth_request asked = { request->method, request->path, NULL, 0 };
    err = store_begin(request->rooms->sync.store, STORE_READ_TXN, &txn, error);
    if (err != ST_OK)
        return err;
    err = auth_head_check(&txn, &request->rooms->keys, &head, &asked, &w->sync.device, error);
    if (err == ST_OK)
        err = check_scope(w, &txn, error);
    store_end(&txn);
    w->sync.has_counter = true;
    w->sync.counter = head.counter;
    memcpy(w->sync.install, head.install, sizeof head.install);
    return err;
}

/* "bytes=N-" or "bytes=N-M". */
static bool read_range(const char *text, uint64_t *out_from, uint64_t *out_to)
{
    char *end = NULL;
    if (text == NULL || strncmp(text, "bytes=", 6) != 0 || text[6] < '0' || text[6] > '9')
        return false;
    errno = 0;
    uint64_t from = strtoull(text + 6, &end, 10), to = UINT64_MAX;
    if (*end != '-' || errno != 0)
        return false;
    if (end[1] >= '0' && end[1] <= '9')
        to = strtoull(end + 1, &end, 10);
    else
        end++;
    *out_from = from;
    *out_to = to;
    return *end == '\0' && errno == 0 && from <= to;
}

static st_err read_bytes(http_request *request, int fd, uint64_t from, uint64_t len,
                         st_error *error)
{
    uint8_t *room = NULL;
    size_t done = 0;
    st_err err = st_buffer_room(&request->reply, (size_t)len, &room, error);
    while (err == ST_OK && done < len) {
        ssize_t n = pread(fd, room + done, (size_t)len - done, (off_t)(from + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return st_fail(error, ST_E_STORAGE, "snapshot: cannot be read");
        done += (size_t)n;
    }
    request->reply.len += done;
    return err;
}

/* Nothing lies behind the end. */
static void say_end(http_request *request, uint64_t size)
{
    request->status = 416;
    (void)snprintf(request->content_range, sizeof request->content_range, "bytes */%" PRIu64, size);
}

static st_err give(wish *w, st_error *error)
{
    int fd = -1;
    http_request *request = w->request;
    uint64_t size = 0, from = 0, to = 0;
    if (!read_range(request->range, &from, &to))
        return st_fail(error, ST_E_USAGE, "snapshot: it is given out by Range only");
    st_err err =
        sync_snapshot_open(&request->rooms->sync, &w->bucket, &w->name, &fd, &size, error);
    if (err != ST_OK)
        return err;
    if (from >= size) {
        (void)close(fd);
        say_end(request, size);
        return ST_OK;
    }
    uint64_t len = size - from;
    if (to - from < len)
        len = to - from + 1;
    if (len > ANSWER_BYTES)
        len = ANSWER_BYTES;
    err = read_bytes(request, fd, from, len, error);
    (void)close(fd);
    if (err != ST_OK)
        return err;
    request->status = 206;
    (void)snprintf(request->content_range, sizeof request->content_range,
                   "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, from, from + len - 1, size);
    return ST_OK;
}

void http_handle_snapshot(http_request *request)
{
    wish w = { .request = request };
    st_error error = { 0 };
    sync_request_init(&w.sync, ARENA_BYTES_MAX);
    st_err err = check(&w, &error);
    if (err == ST_OK)
        err = sync_request_submit(&w.sync, request->rooms->writer, &error);
    if (err == ST_OK)
        err = give(&w, &error);
    if (err != ST_OK)
        http_refuse(request, &error, w.sync.counter_highest);
    sync_request_free(&w.sync);
}
