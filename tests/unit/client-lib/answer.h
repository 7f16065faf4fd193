/* tests/unit/client-lib/answer.h - what a server says in one round, put together frame by frame. */
#ifndef SOTAY_TESTS_ANSWER_H
#define SOTAY_TESTS_ANSWER_H

#include "tests/unit/client-lib/phone.h"

/* An answer that a test puts together. */
typedef struct {
    st_buffer out;
    st_frame_writer *writer;
} answer;

static inline void answer_begin(answer *a)
{
    st_buffer_init(&a->out, ST_BODY_BYTES_MAX);
    assert_int_equal(st_frame_writer_new(3, &a->out, &a->writer, NULL), ST_OK);
}

static inline void answer_put(answer *a, const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_write(a->writer, bytes.data, bytes.len, NULL), ST_OK);
    st_buffer_free(&bytes);
}

static inline void answer_end_frame(answer *a, int64_t server_ms, bool more)
{
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_END;
    frame.as.end.version = 1;
    frame.as.end.server_ms = server_ms;
    frame.as.end.more = more;
    answer_put(a, &frame);
}

/* Gives the answer to a sync that has made its request; frees the answer. */
static inline int answer_give(answer *a, sotay_sync *sync, bool *again)
{
    assert_int_equal(st_frame_writer_end(a->writer, NULL), ST_OK);
    st_frame_writer_free(a->writer);
    int rc = sotay_sync_feed(sync, a->out.data, a->out.len, NULL);
    st_buffer_free(&a->out);
    return rc == SOTAY_OK ? sotay_sync_end(sync, 200, again, NULL) : rc;
}

/* One sync of one round with this answer. */
static inline int play(phone *p, answer *a, bool *again)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    *again = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &p->error), SOTAY_OK);
    int rc = answer_give(a, sync, again);
    sotay_sync_free(sync);
    return rc;
}

#endif
