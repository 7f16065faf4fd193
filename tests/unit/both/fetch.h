/* tests/unit/both/fetch.h - syncs of a program that can fetch snapshots, over a line that a test
 * breaks as it likes, and the phones and records that come that way. */
#ifndef SOTAY_TESTS_FETCH_H
#define SOTAY_TESTS_FETCH_H

#include <glob.h>

#include "tests/unit/both/world.h"

/* What happens to answers. Zeroed: nothing. */
typedef struct {
    size_t cut;           /* the line breaks after so many bytes of an answer to GET */
    uint64_t flip_at;     /* a bit of this byte of the file is wrong, once */
    int status;           /* in place of that of an answer to GET */
    const st_buffer *say; /* and these bytes in place of its own */
    unsigned lost;        /* the answer to this request of a sync (1: the first) does not come */
    /* What becomes of an answer about pieces of files: changes it and says its status. */
    int (*files)(void *context, const sotay_request *request, int status, st_buffer *reply);
    void *context;
    uint64_t bytes, gets; /* of answers to GET so far */
} line;

static inline int line_fetch(world *w, const sotay_request *request, line *l, st_buffer *reply)
{
    int status = answer(w, request, reply);
    uint64_t from = request->range_from;
    l->gets++;
    if (l->status != 0)
        status = l->status;
    if (l->say != NULL) {
        st_buffer_clear(reply);
        assert_int_equal(st_buffer_append(reply, l->say->data, l->say->len, NULL), ST_OK);
    }
    if (l->flip_at > from && l->flip_at - from < reply->len) {
        reply->data[l->flip_at - from] ^= 4;
        l->flip_at = 0;
    }
    if (l->cut > 0 && reply->len > l->cut) {
        reply->len = l->cut;
        status = 0;
    }
    l->bytes += reply->len;
    return status;
}

/* An answer of these frames. */
static inline void line_answer(const st_frame *frames, size_t count, st_buffer *out)
{
    st_buffer bytes;
    st_frame_writer *stream = NULL;
    st_buffer_clear(out);
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_writer_new(1, out, &stream, NULL), ST_OK);
    for (size_t i = 0; i < count; i++) {
        st_buffer_clear(&bytes);
        assert_int_equal(st_frame_encode(&frames[i], &bytes, NULL), ST_OK);
        assert_int_equal(st_frame_write(stream, bytes.data, bytes.len, NULL), ST_OK);
    }
    assert_int_equal(st_frame_writer_end(stream, NULL), ST_OK);
    st_frame_writer_free(stream);
    st_buffer_free(&bytes);
}

/* One sync; out_report may be NULL. */
static inline int sync_over(world *w, phone *p, line *l, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    bool again = true;
    unsigned n = 0;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    if (rc == SOTAY_OK)
        sotay_sync_can_fetch(sync);
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        st_buffer reply;
        again = false;
        rc = sotay_sync_next(sync, &request, &p->error);
        if (rc != SOTAY_OK)
            break;
        bool fetches = strcmp(request.method, "GET") == 0;
        int status = fetches ? line_fetch(w, &request, l, &reply) : answer(w, &request, &reply);
        if (l->files != NULL && !fetches && strcmp(request.path, "/v1/sync") != 0)
            status = l->files(l->context, &request, status, &reply);
        bool comes = ++n != l->lost;
        if (comes && reply.len > 0)
            rc = sotay_sync_feed(sync, reply.data, reply.len, &p->error);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, comes ? status : 0, &again, &p->error);
        st_buffer_free(&reply);
    }
    if (sync != NULL && out_report != NULL)
        sotay_sync_report(sync, out_report);
    sotay_sync_free(sync);
    return rc;
}

/* One that goes well. */
static inline void sync_over_well(world *w, phone *p, line *l, sotay_report *out_report)
{
    int rc = sync_over(w, p, l, out_report);
    if (rc != SOTAY_OK)
        fail_msg("sync: %s", p->error.detail);
}

/* Until the line holds. */
static inline void sync_to_the_end(world *w, phone *p, line *l)
{
    sotay_report report;
    int rc = SOTAY_E_NETWORK;
    for (int i = 0; rc == SOTAY_E_NETWORK && i < 2000; i++)
        rc = sync_over(w, p, l, &report);
    if (rc != SOTAY_OK)
        print_message("  sync: %s\n", p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
    assert_true(report.complete);
    assert_int_equal(report.repaired_buckets, 0);
}

/* An officer who is new, with a phone in place n that has not synced yet. */
static inline phone *newcomer(world *w, size_t n, const char *login)
{
    static uint64_t made;
    phone *p = &w->phones[n];
    KIT_EXPECT(0, &w->book, "user", "add", login, "--name", login, "--role", "officer");
    KIT_EXPECT(0, &w->book, "assign", login, KIT_UNIT);
    phone_new(p, 2000 + ++made); /* world.h has 1000 to 1002 */
    enrol(w, p, login, true);
    return p;
}

static inline bool history_says(phone *p, const sotay_id *id, const char *text)
{
    char *json = NULL;
    assert_int_equal(sotay_history(p->client, id, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    bool says = strstr(json, text) != NULL;
    sotay_text_free(json);
    return says;
}

/* The path of the one file in the server's folder of snapshots that ends so ("zst", "list"). */
static inline void snapshot_file(world *w, const char *ending, char path[256])
{
    glob_t found;
    assert_in_range(snprintf(path, 256, "%s/snapshots/*.%s", w->book.dir, ending), 1, 255);
    assert_int_equal(glob(path, 0, NULL, &found), 0);
    assert_in_range(snprintf(path, 256, "%s", found.gl_pathv[0]), 1, 255);
    globfree(&found);
}

#endif
