/* tests/unit/client-lib/test_forget.c
 * Buckets are forgotten, one or all at once: what is read for it, and that a page of a history that
 * cannot be read is in the way of nothing that does not need it. */
#include <stdio.h>

#include "tests/unit/client-lib/page_bench.h"

enum { SETS = 12, RECORDS = 9 };

/* The store, with how often keys of a table were asked for; histories of one record are unreadable.
 */
static struct {
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    int (*seek)(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                sotay_slice *out_value, sotay_error *error);
    unsigned lines, sets;
    const st_id *bad;
} disk;

static bool is_bad(sotay_slice key, sotay_error *error)
{
    const uint8_t *at = key.data;
    disk.lines += at[0] == BOOK_HIST;
    disk.sets += at[0] == BOOK_SET;
    if (disk.bad == NULL || at[0] != BOOK_HIST || key.len < 17 ||
        memcmp(at + 1, disk.bad->b, sizeof disk.bad->b) != 0)
        return false;
    if (error != NULL)
        *error = (sotay_error){ SOTAY_E_CORRUPT, "store: a page is damaged" };
    return true;
}

static int disk_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    return is_bad(key, error) ? SOTAY_E_CORRUPT : disk.get(context, key, out_value, error);
}

static int disk_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                     sotay_slice *out_value, sotay_error *error)
{
    return is_bad(key, error) ? SOTAY_E_CORRUPT
                              : disk.seek(context, key, forward, out_key, out_value, error);
}

static void watch(bench *b)
{
    sotay_port *port = &b->d->an.port;
    disk.get = port->get;
    disk.seek = port->seek;
    disk.lines = disk.sets = 0;
    disk.bad = NULL;
    port->get = disk_get;
    port->seek = disk_seek;
}

static st_id record_of(unsigned n)
{
    st_id id;
    memset(id.b, 0x30 + (int)n, sizeof id.b);
    return id;
}

/* A set of the unit that says something of each record, with its lines. */
static void put_set(bench *b, unsigned n)
{
    static const uint8_t SEED[32] = { 7 }, SIGNATURE[64] = { 9 };
    st_change changes[RECORDS];
    st_op op = { .path.field = EDGE_PLACE };
    st_unsigned_set built;
    st_buffer out;
    const uint64_t first = 1 + (uint64_t)n * RECORDS;
    op.value = (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"xa", .len = 2 };
    memset(changes, 0, sizeof changes);
    for (unsigned i = 0; i < RECORDS; i++) {
        changes[i] = (st_change){ .dot = { b->h.device, first + i }, .prev = first + i - 1,
                                  .hlc = (st_hlc)((uint64_t)PHONE_WALL_MS + first + i) << 16,
                                  .wall_ms = PHONE_WALL_MS, .record = record_of(i), .ops = &op,
                                  .ops_count = 1 };
    }
    const st_set set = { .device = b->h.device, .format = 1, .first = first, .here = first - 1,
                         .has_prev = first > 1, .bucket = b->h.bucket, .role = ST_ROLE_OFFICER,
                         .fold_version = 1, .changes = changes, .changes_count = RECORDS };
    st_buffer_init(&out, ST_SET_BYTES_MAX);
    assert_int_equal(st_set_build(&set, SEED, &built, NULL), ST_OK);
    assert_int_equal(st_set_finish(&set, &built, SIGNATURE, &out, NULL), ST_OK);
    st_unsigned_set_free(&built);
    book_key key = book_key_counter(BOOK_SET, &set.device, first);
    rows_put(&b->d->an, &key, out.data, out.len);
    rows_begin(&b->d->an);
    for (unsigned i = 0; i < RECORDS; i++) {
        const apply_line line = { .index = 1000 + n, .counter = first + i, .device = set.device,
                                  .first = first, .time_ms = PHONE_WALL_MS };
        assert_int_equal(
            apply_line_put(b->d->an.client, &changes[i].record, &line, NULL), ST_OK);
    }
    rows_commit(&b->d->an);
    st_buffer_free(&out);
}

static void put_all(bench *b)
{
    for (unsigned n = 0; n < SETS; n++)
        put_set(b, n);
}

static void name_buckets(st_bucket *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, EDGE_COMMUNE "/unit/01477-y%03u", i);
        assert_true(st_bucket_set(&out[i], name, strlen(name)));
    }
}

static st_err forget(bench *b, const st_bucket *names, size_t count)
{
    disk.lines = disk.sets = 0;
    rows_begin(&b->d->an);
    const bucket_list list = { names, count };
    return over(&b->d->an, apply_forget_these(b->d->an.client, list, NULL));
}

static void test_what_is_read(void **state)
{
    enum { MANY = 20 };
    bench *b = *state;
    st_bucket names[MANY + 1];
    const size_t before = rows_count(&b->d->an, BOOK_HIST);
    put_all(b);
    const size_t sets = rows_count(&b->d->an, BOOK_SET);
    name_buckets(names, MANY);
    watch(b);
    assert_int_equal(forget(b, names, 1), ST_OK);
    assert_int_equal(disk.lines, 0); /* there is nothing of it */
    const unsigned once = disk.sets;
    assert_true(once <= 4 * sets);
    assert_int_equal(forget(b, names, MANY), ST_OK);
    assert_int_equal(disk.lines, 0);
    assert_int_equal(disk.sets, once);
    assert_int_equal(rows_count(&b->d->an, BOOK_HIST), before + SETS * RECORDS);
    names[MANY] = b->h.bucket;
    assert_int_equal(forget(b, names, MANY + 1), ST_OK);
    assert_true(disk.sets <= 2 * once);                      /* not once for each line */
    assert_true(disk.lines <= 4 * (before + SETS * RECORDS + RECORDS));
    for (unsigned i = 0; i < RECORDS; i++) {
        const st_id id = record_of(i);
        b->h.id = id;
        assert_int_equal(verdict_of(b), -1);
    }
}

/* One line of each record does not open. */
static void damage_lines(bench *b)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        const st_id id = record_of(i);
        book_key key = book_key_id(BOOK_HIST, &id);
        book_key_u64(&key, 1000 + SETS - 1);
        book_key_u64(&key, 1 + (SETS - 1) * RECORDS + i);
        rows_spoil(&b->d->an, &key);
    }
}

static void take_first_set(bench *b)
{
    disk.sets = 0;
    next_entry(b, ST_ENTRY_CHANGE);
    b->entry.last = RECORDS;
    must_take(b);
    assert_true(b->report.has_lost);
}

/* In a page, and in a bucket that is forgotten: what is damaged is looked for once for all records,
 * and not again by the next page. */
static void test_what_is_read_for_damaged_lines(void **state)
{
    bench *b = *state;
    put_all(b);
    damage_lines(b);
    watch(b);
    const size_t sets = rows_count(&b->d->an, BOOK_SET);
    take_first_set(b);
    assert_true(disk.sets <= 4 * sets);
    assert_true(rows_count(&b->d->an, BOOK_ANEW) >= RECORDS);
    take_first_set(b);
    assert_true(disk.sets <= 4);
    rows_clear(&b->d->an, BOOK_ANEW);
    assert_int_equal(forget(b, &b->h.bucket, 1), ST_OK);
    assert_true(disk.sets <= 8 * sets);
    assert_int_equal(rows_count(&b->d->an, BOOK_ANEW), 0); /* no other bucket has anything of it */
}

static void test_an_unreadable_history(void **state)
{
    bench *b = *state;
    st_bucket other;
    const st_id bad = record_of(4);
    put_all(b);
    name_buckets(&other, 1);
    watch(b);
    disk.bad = &bad;
    assert_int_equal(forget(b, &other, 1), ST_OK);
    assert_int_equal(forget(b, &b->h.bucket, 1), ST_E_CORRUPT); /* it is in there */
    disk.bad = NULL;
    assert_int_equal(forget(b, &b->h.bucket, 1), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_is_read),
        CASE(test_what_is_read_for_damaged_lines),
        CASE(test_an_unreadable_history),
    };
    return cmocka_run_group_tests_name("forget", tests, NULL, NULL);
}
