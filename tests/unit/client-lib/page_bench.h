/* tests/unit/client-lib/page_bench.h - pages of one entry, put together by hand and taken in a
 * transaction of its own, that ends as the library ends it. */
#ifndef SOTAY_TESTS_PAGE_BENCH_H
#define SOTAY_TESTS_PAGE_BENCH_H

#include "client-lib/src/apply.h"
#include "tests/unit/client-lib/carried_desk.h"
#include "tests/unit/client-lib/handmade.h"

typedef struct {
    desk *d;
    handmade h;          /* a visit that is kept here and not folded yet */
    st_entry entry;      /* the one of the page */
    st_page page;
    apply_report report;
    uint64_t first;      /* entry of the case */
    st_error error;
} bench;

static inline int bench_open(void **state)
{
    static bench b;
    void *under = NULL;
    memset(&b, 0, sizeof b);
    assert_int_equal(desk_open(&under), 0);
    b.d = under;
    handmade_open(&b.h, 0xd1, EDGE_UNIT_BUCKET);
    handmade_begin(&b.h);
    handmade_text(&b.h, EDGE_PLACE, "chợ");
    handmade_end(&b.h, 0);
    *state = &b;
    return 0;
}

static inline int bench_close(void **state)
{
    bench *b = *state;
    void *under = b->d;
    handmade_close(&b->h);
    return desk_close(&under);
}

static inline uint64_t cursor_of(bench *b)
{
    bucket_state bucket;
    rows_begin(&b->d->an);
    assert_int_equal(bucket_get(&b->d->an.client->book, &b->h.bucket, &bucket, NULL), ST_OK);
    client_abort(b->d->an.client);
    return bucket.cursor;
}

/* The next entry of the unit's log, about the set made by hand. */
static inline void next_entry(bench *b, st_entry_kind kind)
{
    memset(&b->entry, 0, sizeof b->entry);
    memset(&b->page, 0, sizeof b->page);
    memset(&b->report, 0, sizeof b->report);
    b->entry.kind = kind;
    b->entry.index = cursor_of(b) + 1;
    b->entry.time_ms = PHONE_WALL_MS;
    b->entry.device = b->h.device;
    b->entry.first = b->entry.last = 1;
    b->page.bucket = b->h.bucket;
    b->page.entries = &b->entry;
    b->page.entries_count = 1;
    b->page.cursor = b->entry.index;
    b->page.fold_version = 1;
}

static inline st_err take(bench *b)
{
    rows_begin(&b->d->an);
    memset(&b->error, 0, sizeof b->error);
    return over(&b->d->an, apply_page(b->d->an.client, &b->page, &b->report, &b->error));
}

/* It is refused, with these words, and the place in the log is as before. */
static inline void must_refuse(bench *b, st_err want, const char *words)
{
    uint64_t before = cursor_of(b);
    st_err err = take(b);
    if (err != want || strstr(b->error.detail, words) == NULL)
        fail_msg("%s: %s", st_err_name(err), b->error.detail);
    assert_int_equal(cursor_of(b), before);
}

static inline void must_take(bench *b)
{
    st_err err = take(b);
    if (err != ST_OK)
        fail_msg("%s: %s", st_err_name(err), b->error.detail);
    assert_true(b->report.moved);
    assert_int_equal(cursor_of(b), b->entry.index);
}

static inline bool says(bench *b, const char *text)
{
    sotay_id id;
    char *json = NULL;
    memcpy(id.b, b->h.id.b, sizeof id.b);
    int rc = sotay_show(b->d->an.client, &id, SOTAY_JSON, &json, NULL);
    bool found = rc == SOTAY_OK && strstr(json, text) != NULL;
    sotay_text_free(json);
    return found;
}

/* What the history says of the change; -1: nothing. */
static inline int verdict_of(bench *b)
{
    static stored_row row;
    for (size_t n = 0; rows_get(&b->d->an, BOOK_HIST, n, &row); n++) {
        apply_line line;
        const book_value value = { row.data, row.len };
        if (memcmp(row.key.b + 1, b->h.id.b, sizeof b->h.id.b) != 0)
            continue;
        assert_int_equal(apply_line_read(&row.key, &value, &line, NULL), ST_OK);
        return line.verdict;
    }
    return -1;
}

static inline void decide(bench *b, st_entry_kind kind, const uint64_t *counter)
{
    next_entry(b, kind);
    b->entry.counters = counter;
    b->entry.counters_count = 1;
}

/* A set of another bucket that names the record of `h`. */
static inline void open_other(handmade *other, const handmade *h)
{
    handmade_open(other, 0xd2, EDGE_COMMUNE "/unit/01477-x002");
    handmade_begin(other);
    st_record_init(&other->record, &other->arena, &h->id, &other->bucket);
    other->change.record = h->id;
    other->change.creates = false;
    memset(&other->change.form, 0, sizeof other->change.form);
    other->change.form_version = 0;
    handmade_end(other, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

#endif
