/* tests/unit/both/early.h - a phone and its copy in a book that is lost, and goes on without what
 * they said last; and syncs that break off. */
#ifndef SOTAY_TESTS_EARLY_H
#define SOTAY_TESTS_EARLY_H

#include "client-lib/src/outbox.h"
#include "tests/unit/both/town.h"
#include "tests/unit/both/unreadable.h"

#define LOST "hai một" /* said by the copy, sent, and lost with the old book */
#define OURS "của an"  /* said by the first phone under the same number */
#define LAST "hai ba"  /* said by the copy behind that, unsent */

typedef struct {
    town t;
    phone *an, *binh, *image;
    sotay_id visit;
} early;

/* How the book is lost. */
typedef enum { RESTORED, PUT_BACK, LOSSES } loss;

static inline void save(town *t, loss how)
{
    (how == RESTORED ? backup : keep_copy)(t);
}

static inline void lose(town *t, loss how)
{
    (how == RESTORED ? restore : put_copy_back)(t);
}

/* The phone that asks first after that. By what it brings a book that was put back finds out. */
static inline void sync_first(town *t, phone *p, loss how, sotay_report *out_report)
{
    if (how == PUT_BACK) {
        assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_E_NETWORK);
        rooms_close(&t->w.book.rooms);
        reopen(t);
    }
    sync_phone_well(&t->w, p, out_report);
}

static inline void note(phone *p, const sotay_id *visit, const char *text)
{
    assert_int_equal(phone_set(p, visit, "general_note", text), SOTAY_OK);
}

/* What the copy does behind that in the book that is lost. */
typedef enum { GOES_ON, STOPS, HAS_ANOTHER_NAME } copy_does;

static inline void early_begin(early *s, uint64_t seed, copy_does then, loss how)
{
    town *t = &s->t;
    town_make(t, seed);
    s->an = &t->w.phones[0];
    s->binh = &t->w.phones[1];
    s->image = &t->w.phones[2];
    s->visit = phone_visit(s->an, "gốc");
    sync_phone_well(&t->w, s->an, NULL);
    save(t, how);
    phone_free(s->image);
    assert_int_equal(sotay_memory_copy(&s->an->port, false, &s->image->port, NULL), SOTAY_OK);
    phone_open(s->image);
    note(s->image, &s->visit, LOST);
    sync_phone_well(&t->w, s->image, NULL);
    if (then == GOES_ON)
        (void)phone_visit(s->image, "giữa");
    if (then == HAS_ANOTHER_NAME)
        enrol(&t->w, s->image, "an", true);
    sync_phone_well(&t->w, s->image, NULL);
    sync_phone_well(&t->w, s->binh, NULL); /* reads it */
}

/* The book turns, and the first phone goes on in it. */
static inline void early_turn(early *s, loss how)
{
    lose(&s->t, how);
    note(s->an, &s->visit, OURS);
    sync_phone_well(&s->t.w, s->an, NULL);
    if (how == RESTORED) /* else the log would be as long as the one that was lost */
        sync_phone_well(&s->t.w, s->an, NULL);
}

static inline void early_make_with(early *s, uint64_t seed, copy_does then, loss how)
{
    early_begin(s, seed, then, how);
    early_turn(s, how);
}

static inline void early_make(early *s, uint64_t seed)
{
    early_make_with(s, seed, GOES_ON, RESTORED);
}

static inline void sync_all(early *s)
{
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&s->t.w, s->image, NULL);
        sync_phone_well(&s->t.w, s->an, NULL);
        sync_phone_well(&s->t.w, s->binh, NULL);
    }
}

static inline size_t found(phone *p, const char *text)
{
    const sotay_filter search = { .text = text };
    char *list = NULL;
    size_t count = 0;
    assert_int_equal(sotay_list(p->client, &search, SOTAY_JSON, &list, &p->error), SOTAY_OK);
    for (const char *at = list; (at = strstr(at, "\"id\":")) != NULL; at++)
        count++;
    sotay_text_free(list);
    return count;
}

/* Nothing is missing in the book, and the first phone goes on under its name. */
static inline void check_book(early *s)
{
    sotay_who who;
    sotay_whoami(s->an->client, &who);
    assert_false(who.is_copied);
    KIT_EXPECT(0, &s->t.w.book, "audit", "list", "gaps", "--json");
    assert_non_null(strstr(KIT_OUT(&s->t.w.book), "\"lines\":[]"));
    KIT_EXPECT(0, &s->t.w.book, "verify");
    town_free(&s->t);
}

static inline void check_both_said(early *s, const char *last)
{
    phone *phones[] = { s->image, s->an, s->binh };
    for (int i = 0; i < 3; i++) {
        assert_true(phone_says(phones[i], sotay_show, &s->visit, OURS));
        assert_true(phone_says(phones[i], sotay_show, &s->visit, last));
        assert_true(phone_says(phones[i], sotay_show, &s->visit, "\"open_conflicts\":1"));
    }
}

#define WHOLE_BUT_ITS_END (SIZE_MAX - 1)
#define VERDICTS_ALONE (SIZE_MAX - 2)
#define NO_RECEIPT (SIZE_MAX - 3)

/* Does the frame come before the line breaks? */
static inline bool comes(const uint8_t *bytes, size_t len, size_t how)
{
    st_arena arena;
    st_frame frame;
    st_arena_init(&arena, 1u << 24);
    assert_int_equal(st_frame_decode(bytes, len, &arena, &frame, NULL), ST_OK);
    const bool is = how == WHOLE_BUT_ITS_END || frame.kind == ST_FRAME_VERDICT ||
                    (how == VERDICTS_ALONE && frame.kind == ST_FRAME_RECEIPT);
    st_arena_reset(&arena);
    return is;
}

/* All frames of an answer but the last one; or those up to its last verdict, with the receipts
 * among them, or not with the first one. */
static inline void take_end_off(st_buffer *reply, size_t how)
{
    st_frame_reader *reader = NULL;
    st_frame_writer *pen = NULL;
    st_buffer out;
    const uint8_t *frame = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    bool has_more = true;
    st_buffer_init(&out, reply->len * 2);
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_writer_new(3, &out, &pen, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, reply->data, reply->len, NULL), ST_OK);
    has_more = st_frame_read(reader, &frame, &len, &bad);
    while (has_more) {
        uint8_t *kept = malloc(len);
        assert_non_null(kept);
        memcpy(kept, frame, len);
        const size_t kept_len = len;
        has_more = st_frame_read(reader, &frame, &len, &bad) &&
                   comes(kept, kept_len, how);
        if (has_more)
            assert_int_equal(st_frame_write(pen, kept, kept_len, NULL), ST_OK);
        free(kept);
    }
    assert_int_equal(st_frame_writer_end(pen, NULL), ST_OK);
    st_frame_reader_free(reader);
    st_frame_writer_free(pen);
    st_buffer_free(reply);
    *reply = out;
}

/* As after answers of the book that is known: through one all waited up to this own counter, and in
 * one the server did not say what the first set is. */
static inline void has_heard(phone *p, uint64_t heard, const st_dot *unsaid)
{
    rows_begin(p);
    p->client->next.heard = heard;
    if (unsaid != NULL)
        assert_int_equal(outbox_unsaid(p->client, &unsaid->device, unsaid->counter, NULL), ST_OK);
    rows_commit(p);
}

/* What was sealed last. */
static inline st_dot last_set(phone *p)
{
    return (st_dot){ p->client->me.device, p->client->me.sealed };
}

/* A sync in which the line breaks when so much of its first answer has come: true, if that is all.
 * While it is on its way, something is written where `meanwhile` says. */
static inline bool broken_sync(town *t, phone *p, const sotay_id *meanwhile, size_t len)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(answer(&t->w, &request, &reply), 200);
    if (meanwhile != NULL)
        note(p, meanwhile, LAST);
    if (len >= NO_RECEIPT && len != SIZE_MAX)
        take_end_off(&reply, len);
    const bool is_whole = len >= reply.len;
    len = is_whole ? reply.len : len;
    assert_int_equal(sotay_sync_feed(sync, reply.data, len, &t->w.error), SOTAY_OK);
    (void)!sotay_sync_end(sync, 0, &again, &t->w.error);
    st_buffer_free(&reply);
    sotay_sync_free(sync);
    return is_whole;
}

/* The store was put back without a word, and has grown past all that was told. */
static inline void grown_unnoticed(town *t, phone *other)
{
    put_copy_back(t);
    for (int i = 0; i < 8; i++) {
        (void)phone_visit(other, "sau");
        sync_phone_well(&t->w, other, NULL);
    }
}

static inline void covered_by_a_backup(town *t)
{
    backup(t);
    KIT_EXPECT(0, &t->w.book, "backup", "--check", t->backup);
}

#endif
