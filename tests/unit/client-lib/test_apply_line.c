/* tests/unit/client-lib/test_apply_line.c
 * Lines of a history on a phone: which of them go with a bucket, and what becomes of a decision on
 * a change whose line is lost here or does not open. */
#include <stdio.h>

#include "tests/unit/client-lib/page_bench.h"

/* The visit, and a held set of another bucket that names it: both entries as they came. */
static void two_buckets(bench *b, handmade *other, st_entry out_entries[2])
{
    static const st_held held = { 1, ST_HOLD_BUCKET };
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    out_entries[0] = b->entry;
    must_take(b);
    open_other(other, &b->h);
    handmade_keep_set(other, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.device = other->device;
    b->entry.held = &held;
    b->entry.held_count = 1;
    b->page.bucket = other->bucket;
    out_entries[1] = b->entry;
    assert_int_equal(take(b), ST_OK);
}

/* Entry and verdict of each line of the record, as "1+0 2+1". */
static const char *lines_of(bench *b)
{
    static stored_row row;
    static char text[64];
    text[0] = '\0';
    for (size_t n = 0; rows_get(&b->d->an, BOOK_HIST, n, &row); n++) {
        apply_line line;
        size_t len = strlen(text);
        const book_value value = { row.data, row.len };
        if (memcmp(row.key.b + 1, b->h.id.b, sizeof b->h.id.b) != 0)
            continue;
        if (apply_line_read(&row.key, &value, &line, NULL) == ST_OK)
            (void)snprintf(text + len, sizeof text - len, "%s%d+%d", len > 0 ? " " : "",
                           (int)(line.index - b->first), line.verdict);
    }
    return text;
}

static void make_anew(bench *b, const st_bucket *bucket, const st_entry *entry, uint32_t count)
{
    bool owes = false;
    const apply_anew anew = { *bucket, b->h.id, entry, count };
    rows_begin(&b->d->an);
    assert_int_equal(over(&b->d->an, apply_record_anew(b->d->an.client, &anew, &owes, NULL)),
                     ST_OK);
}

/* What a set of another bucket is in the history stays when the record is made anew, and when the
 * bucket of the record is forgotten; it goes with its own bucket, and comes with that. */
static void test_lines_of_another_bucket_stay(void **state)
{
    bench *b = *state;
    handmade other;
    st_entry came[2];
    b->first = cursor_of(b) + 1;
    two_buckets(b, &other, came);
    assert_string_equal(lines_of(b), "0+0 1+1");
    make_anew(b, &b->h.bucket, &came[0], 1);
    assert_string_equal(lines_of(b), "0+0 1+1");
    make_anew(b, &other.bucket, &came[1], 1); /* only the line: the record is not in that one */
    assert_string_equal(lines_of(b), "0+0 1+1");
    assert_true(says(b, "\"chợ\""));
    make_anew(b, &other.bucket, NULL, 0);
    assert_string_equal(lines_of(b), "0+0");
    assert_true(says(b, "\"chợ\""));
    make_anew(b, &other.bucket, &came[1], 1);
    assert_string_equal(lines_of(b), "0+0 1+1");
    rows_begin(&b->d->an);
    assert_int_equal(over(&b->d->an, apply_forget(b->d->an.client, &b->h.bucket, NULL)), ST_OK);
    assert_string_equal(lines_of(b), "1+1");
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry = came[0];
    b->page.cursor = came[0].index;
    must_take(b);
    assert_string_equal(lines_of(b), "0+0 1+1");
    rows_begin(&b->d->an);
    assert_int_equal(over(&b->d->an, apply_forget(b->d->an.client, &other.bucket, NULL)), ST_OK);
    assert_string_equal(lines_of(b), "0+0");
    assert_true(says(b, "\"chợ\""));
    handmade_close(&other);
}

/* Declined there while its line is lost here: the repair is one of that bucket, and of the lines
 * alone. */
static void test_a_lost_line_of_another_bucket(void **state)
{
    static const uint64_t ONE = 1;
    bench *b = *state;
    handmade other;
    st_entry came[2], both[2];
    b->first = cursor_of(b) + 1;
    two_buckets(b, &other, came);
    make_anew(b, &other.bucket, NULL, 0);
    decide(b, ST_ENTRY_DECLINE, &ONE);
    b->entry.device = other.device;
    b->entry.index = b->page.cursor = b->first + 5;
    b->page.bucket = other.bucket;
    assert_int_equal(take(b), ST_OK);
    both[0] = came[1];
    both[1] = b->entry;
    assert_string_equal(lines_of(b), "0+0 5+3");
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 1);
    make_anew(b, &other.bucket, both, 2);
    assert_string_equal(lines_of(b), "0+0 1+3");
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 0);
    assert_true(says(b, "\"chợ\""));
    handmade_close(&other);
}

/* A held change, and where its line stands. */
static void hold_one(bench *b, stored_row *out_row)
{
    static const st_held held = { 1, ST_HOLD_SCOPE };
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.held = &held;
    b->entry.held_count = 1;
    must_take(b);
    size_t n = 0;
    while (rows_get(&b->d->an, BOOK_HIST, n, out_row) &&
           memcmp(out_row->key.b + 1, b->h.id.b, 16) != 0)
        n++;
}

/* A line that does not open is as good as none: the page is read on, and a repair is owed. */
static void test_lines_that_are_damaged(void **state)
{
    static const uint64_t ONE = 1;
    static stored_row row;
    bench *b = *state;
    void *again = b;
    enum { CUTS = 6, OTHER_VERDICT = CUTS, SHORT_KEY, NO_SEAL, CASES };
    for (int i = 0; i < CASES; i++) {
        hold_one(b, &row);
        if (i < CUTS) {
            rows_put(&b->d->an, &row.key, row.data, row.len * (size_t)i / CUTS);
        } else if (i == OTHER_VERDICT) {
            row.data[32] = APPLY_DECLINED + 1;
            rows_put(&b->d->an, &row.key, row.data, row.len);
        } else if (i == SHORT_KEY) {
            rows_delete(&b->d->an, &row.key);
            row.key.len -= 1;
            rows_put(&b->d->an, &row.key, row.data, row.len);
        } else {
            rows_spoil(&b->d->an, &row.key);
        }
        decide(b, ST_ENTRY_ACCEPT, &ONE);
        must_take(b);
        assert_true(says(b, "\"chợ\""));
        assert_true(b->report.has_lost);
        assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 1);
        bench_close(&again);
        bench_open(&again);
    }
}

/* It does not say whose it is: it goes with the record, or with its bucket, and is asked for where
 * else it may be from. */
static void test_a_damaged_line_of_another_bucket(void **state)
{
    static stored_row row;
    bench *b = *state;
    void *again = b;
    for (int i = 0; i < 2; i++) {
        handmade other;
        st_entry came[2];
        b->first = cursor_of(b) + 1;
        two_buckets(b, &other, came);
        size_t n = rows_count(&b->d->an, BOOK_HIST);
        do
            assert_true(rows_get(&b->d->an, BOOK_HIST, --n, &row));
        while (memcmp(row.key.b + 1, b->h.id.b, sizeof b->h.id.b) != 0); /* its last */
        rows_spoil(&b->d->an, &row.key);
        if (i == 0) {
            make_anew(b, &b->h.bucket, &came[0], 1);
            assert_string_equal(lines_of(b), "0+0");
        } else {
            rows_begin(&b->d->an);
            assert_int_equal(
                over(&b->d->an, apply_forget(b->d->an.client, &b->h.bucket, NULL)), ST_OK);
        }
        assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 1);
        make_anew(b, &other.bucket, &came[1], 1);
        assert_string_equal(lines_of(b), i == 0 ? "0+0 1+1" : "1+1");
        assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 0);
        handmade_close(&other);
        bench_close(&again);
        bench_open(&again);
    }
}

static size_t buckets_in_scope(bench *b)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    size_t count = 0;
    st_bucket bucket;
    bucket_state state;
    rows_begin(&b->d->an);
    while (bucket_next(&b->d->an.client->book, &scan, &bucket, &state, NULL) == ST_OK)
        count += state.in_scope;
    client_abort(b->d->an.client);
    return count;
}

static int shown(bench *b)
{
    sotay_id id;
    char *json = NULL;
    memcpy(id.b, b->h.id.b, sizeof id.b);
    int rc = sotay_show(b->d->an.client, &id, SOTAY_JSON, &json, NULL);
    sotay_text_free(json);
    return rc;
}

static void spoil_base(bench *b)
{
    book_key base = book_key_id(BOOK_BASE, &b->h.id);
    rows_spoil(&b->d->an, &base);
    assert_int_equal(shown(b), SOTAY_E_CORRUPT);
}

static void take_again(bench *b, const st_bucket *bucket, const st_entry *entry)
{
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry = *entry;
    b->page.bucket = *bucket;
    b->page.cursor = b->entry.index = entry->index + 10;
    assert_int_equal(take(b), ST_OK);
}

/* A base does not open, and a page brings what leaves no trace in it: it stays damaged, and is said
 * to be, until its own bucket makes it anew, in whatever order the buckets come. */
static void test_a_damaged_base_is_not_made_empty(void **state)
{
    bench *b = *state;
    void *again = b;
    for (int i = 0; i < 2; i++) {
        handmade other;
        st_entry came[2];
        b->first = cursor_of(b) + 1;
        two_buckets(b, &other, came);
        spoil_base(b);
        take_again(b, &other.bucket, &came[1]);
        assert_int_equal(shown(b), SOTAY_E_CORRUPT);
        assert_true(b->report.has_lost);
        assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 2);
        if (i == 0)
            make_anew(b, &other.bucket, &came[1], 1);
        assert_int_equal(shown(b), SOTAY_E_CORRUPT);
        make_anew(b, &b->h.bucket, &came[0], 1);
        assert_true(says(b, "\"chợ\""));
        if (i == 1)
            make_anew(b, &other.bucket, &came[1], 1);
        assert_true(says(b, "\"chợ\""));
        assert_string_equal(lines_of(b), "0+0 1+1");
        assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 0);
        handmade_close(&other);
        bench_close(&again);
        bench_open(&again);
    }
}

/* The second change of `other`, held in the bucket of the record. */
static void take_held(bench *b, const handmade *other)
{
    static const st_held held = { 2, ST_HOLD_SCOPE };
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.device = other->device;
    b->entry.first = b->entry.last = 2;
    b->entry.held = &held;
    b->entry.held_count = 1;
    must_take(b);
}

/* The same of its own bucket; and where no set that is kept here made it, any may be its own. */
static void test_whose_a_damaged_base_is(void **state)
{
    bench *b = *state;
    st_entry entry;
    handmade other;
    handmade_keep_set(&b->h, &b->d->an);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    entry = b->entry;
    open_other(&other, &b->h);
    other.bucket = b->h.bucket;
    handmade_begin(&other);
    other.change.record = b->h.id;
    handmade_end(&other, 0);
    handmade_keep_set(&other, &b->d->an);
    spoil_base(b);
    take_held(b, &other);
    assert_int_equal(shown(b), SOTAY_E_CORRUPT);
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 1);
    make_anew(b, &b->h.bucket, &entry, 1);
    assert_true(says(b, "\"chợ\""));

    book_key set = book_key_counter(BOOK_SET, &b->h.set.device, b->h.set.first);
    spoil_base(b);
    rows_delete(&b->d->an, &set);
    take_held(b, &other);
    assert_true(buckets_in_scope(b) > 1);
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), buckets_in_scope(b));
    handmade_close(&other);
}

/* A line does not open of a record that a snapshot brought, so that no kept set makes it: its base
 * says where it is from, and no other bucket is asked. */
static void test_whose_a_damaged_line_is(void **state)
{
    static stored_row row;
    bench *b = *state;
    handmade other;
    hold_one(b, &row);
    next_entry(b, ST_ENTRY_CHANGE);
    must_take(b);
    book_key set = book_key_counter(BOOK_SET, &b->h.set.device, b->h.set.first);
    rows_delete(&b->d->an, &set);
    rows_spoil(&b->d->an, &row.key);
    open_other(&other, &b->h);
    other.bucket = b->h.bucket;
    handmade_begin(&other);
    other.change.record = b->h.id;
    handmade_end(&other, 0);
    handmade_keep_set(&other, &b->d->an);
    take_held(b, &other);
    assert_true(buckets_in_scope(b) > 1);
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 1);
    handmade_close(&other);
}

static struct {
    int (*seek)(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                sotay_slice *out_value, sotay_error *error);
    unsigned seeks;
} disk;

static int counted_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                        sotay_slice *out_value, sotay_error *error)
{
    disk.seeks++;
    return disk.seek(context, key, forward, out_key, out_value, error);
}

/* A long history is not gone through for each change of one entry; a wrong guess finds it too. */
static void test_a_line_of_a_known_entry(void **state)
{
    enum { LINES = 200 };
    bench *b = *state;
    phone *an = &b->d->an;
    apply_line line = { .index = 9000 };
    st_change change = { .record = b->h.id };
    change.dot.device = line.device = b->h.device;
    rows_begin(an);
    for (line.counter = 1; line.counter <= LINES; line.counter++)
        assert_int_equal(apply_line_put(an->client, &b->h.id, &line, NULL), ST_OK);
    disk.seek = an->port.seek;
    an->port.seek = counted_seek;
    change.dot.counter = LINES;
    assert_int_equal(apply_line_find(an->client, &change, 9000, &line, NULL), ST_OK);
    assert_int_equal(disk.seeks, 0);
    assert_int_equal(line.index, 9000);
    assert_int_equal(apply_line_find(an->client, &change, 9001, &line, NULL), ST_OK);
    assert_int_equal(line.index, 9000);
    assert_int_equal(line.counter, LINES);
    change.dot.counter = LINES + 1;
    assert_int_equal(apply_line_find(an->client, &change, 9000, &line, NULL), ST_E_NOT_FOUND);
    change.dot = (st_dot){ .counter = 1 }; /* of another device */
    assert_int_equal(apply_line_find(an->client, &change, 9000, &line, NULL), ST_E_NOT_FOUND);
    an->port.seek = disk.seek;
    client_abort(an->client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_lines_of_another_bucket_stay),
        CASE(test_a_lost_line_of_another_bucket),
        CASE(test_a_line_of_a_known_entry),
        CASE(test_lines_that_are_damaged),
        CASE(test_a_damaged_line_of_another_bucket),
        CASE(test_a_damaged_base_is_not_made_empty),
        CASE(test_whose_a_damaged_base_is),
        CASE(test_whose_a_damaged_line_is),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
