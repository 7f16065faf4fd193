/* tests/unit/both/test_cutter.c
 * Snapshots are there before anybody asks, and of few bytes when nobody waited for them; who was
 * fetching one goes on, and what cannot be made is made at the next look. */
#include <stdatomic.h>

#include "proto/snapshot.h"
#include "server/sync/cutter.h"
#include "server/sync/snapshot.h"
#include "tests/unit/both/many_visits.h"

typedef char file_path[256];

static void path_in(const world *w, const char *name, file_path path)
{
    int len = snprintf(path, sizeof(file_path), "%s/snapshots/%s", w->book.dir, name);
    assert_true(len > 0 && (size_t)len < sizeof(file_path));
}

static st_bucket unit_bucket(void)
{
    st_bucket bucket;
    memset(&bucket, 0, sizeof bucket);
    (void)snprintf(bucket.s, sizeof bucket.s, "01477/unit/%s", KIT_UNIT);
    return bucket;
}

/* What who asks now is told. */
typedef struct {
    st_hash name;
    uint64_t bytes, cursor;
} told;

static told ask_for_it(world *w)
{
    st_arena arena;
    store_txn txn = { 0 };
    st_snapshot snapshot;
    told out;
    const st_bucket bucket = unit_bucket();
    st_arena_init(&arena, 64u << 20);
    assert_int_equal(store_begin(w->book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(
        sync_snapshot_offer(&w->book.rooms.sync, &txn, &bucket, &arena, &snapshot, NULL), ST_OK);
    out.name = st_snapshot_name(&snapshot);
    out.bytes = st_snapshot_bytes(&snapshot);
    out.cursor = snapshot.cursor;
    store_end(&txn);
    st_arena_reset(&arena);
    return out;
}

static bool is_same(const told *a, const told *b)
{
    return memcmp(a->name.b, b->name.b, sizeof a->name.b) == 0;
}

static void look(world *w)
{
    st_error error = { 0 };
    st_err err = cutter_look(&w->book.rooms.sync, NULL, &error);
    if (err != ST_OK)
        print_message("  look: %s\n", error.detail);
    assert_int_equal(err, ST_OK);
}

/* Files of the folder that match. */
static size_t count_files(world *w, const char *pattern)
{
    file_path path;
    glob_t found;
    path_in(w, pattern, path);
    int rc = glob(path, 0, NULL, &found);
    assert_true(rc == 0 || rc == GLOB_NOMATCH);
    size_t count = rc == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static world *begin_wordy(uint64_t seed)
{
    is_wordy = true;
    world *w = begin(seed);
    is_wordy = false;
    return w;
}

/* Who asks gets a quick one at once; a look packs it, and who was fetching goes on. */
static void test_packed_when_nobody_waits(void **state)
{
    (void)state;
    world *w = begin_wordy(70);
    line broken = { .cut = 900 }, whole = { 0 };
    sotay_report report;
    phone *p = newcomer(w, 1, "binh");
    assert_int_equal(sync_over(w, p, &broken, &report), SOTAY_E_NETWORK);
    const told quick = ask_for_it(w);
    look(w);
    const told dense = ask_for_it(w);
    assert_false(is_same(&quick, &dense));
    assert_true(dense.bytes < quick.bytes);
    assert_int_equal(dense.cursor, quick.cursor);
    assert_int_equal(count_files(w, "dense.zst"), 0);
    broken.cut = 0;
    sync_to_the_end(w, p, &broken);
    assert_int_equal(broken.bytes, quick.bytes);
    sync_to_the_end(w, newcomer(w, 2, "chi"), &whole);
    assert_int_equal(whole.bytes, dense.bytes);
    assert_alike(w, p);
    assert_alike(w, &w->phones[2]);
    look(w);
    const told after = ask_for_it(w);
    assert_true(is_same(&after, &dense));
    world_free(w);
}

/* Where the dense one would not be smaller, the quick one stays, and is not packed again. */
static void test_not_packed_for_nothing(void **state)
{
    (void)state;
    world *w = begin(75);
    const told quick = ask_for_it(w);
    look(w);
    const told after = ask_for_it(w);
    assert_true(is_same(&quick, &after));
    assert_int_equal(count_files(w, "*.zst"), 1);
    const atomic_bool stop = true;
    assert_int_equal(cutter_look(&w->book.rooms.sync, &stop, NULL), ST_OK); /* nothing to do */
    world_free(w);
}

/* A look makes one where there is none, and anew when an eighth came behind it; who asks takes one
 * with a longer tail. */
static void test_made_before_anybody_asks(void **state)
{
    (void)state;
    world *w = begin_wordy(80);
    is_wordy = true;
    make_visits(w, VISITS * 3);
    is_wordy = false;
    look(w);
    assert_int_equal(count_files(w, "*.list"), 1);   /* not of the catalogue */
    const told first = ask_for_it(w);
    assert_int_equal(phone_set(&w->phones[0], &ids[1], "place", "xa"), SOTAY_OK);
    assert_int_equal(sync_phone(w, &w->phones[0], 0, NULL), SOTAY_OK);
    look(w);
    const told second = ask_for_it(w);
    assert_true(is_same(&first, &second));           /* one edit is no eighth */
    make_visits(w, VISITS / 5);
    const told third = ask_for_it(w);
    assert_true(is_same(&first, &third));            /* nor is this half of it */
    look(w);
    const told fourth = ask_for_it(w);
    assert_false(is_same(&first, &fourth));
    assert_true(fourth.cursor > first.cursor);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, fourth.bytes);
    assert_alike(w, p);
    world_free(w);
}

/* A book with a dense snapshot, and behind it more than an eighth and less than a half. */
static world *begin_with_tail(uint64_t seed, told *out_dense)
{
    world *w = begin_wordy(seed);
    is_wordy = true;
    make_visits(w, VISITS * 3);
    look(w);
    *out_dense = ask_for_it(w);
    make_visits(w, VISITS / 5);
    is_wordy = false;
    const told tail = ask_for_it(w);
    assert_true(is_same(out_dense, &tail));
    return w;
}

/* While it is packed anew, who asks has the dense one that there is; nothing is left beside. */
static void test_the_dense_one_stays_until_the_next(void **state)
{
    (void)state;
    told dense;
    world *w = begin_with_tail(85, &dense);
    const atomic_bool stop = true;
    size_t before = count_files(w, "*.zst");
    assert_int_equal(cutter_look(&w->book.rooms.sync, &stop, NULL), ST_E_BUSY);
    const told during = ask_for_it(w);
    assert_true(is_same(&dense, &during));
    assert_int_equal(count_files(w, "*.zst"), before);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, dense.bytes);
    assert_alike(w, p);
    look(w);
    const told after = ask_for_it(w);
    assert_false(is_same(&dense, &after));
    assert_true(after.cursor > dense.cursor);
    assert_int_equal(count_files(w, "next.zst") + count_files(w, "dense.zst"), 0);
    look(w);
    const told again = ask_for_it(w);
    assert_true(is_same(&after, &again));            /* it is not packed a second time */
    line m = { 0 };
    p = newcomer(w, 2, "chi");
    sync_to_the_end(w, p, &m);
    assert_int_equal(m.bytes, after.bytes);
    assert_alike(w, p);
    world_free(w);
}

/* Who was fetching the dense one when the next took its place goes on with it. */
static void test_who_fetches_the_dense_one_goes_on(void **state)
{
    (void)state;
    told dense;
    world *w = begin_with_tail(86, &dense);
    line l = { .cut = 900 };
    sotay_report report;
    phone *p = newcomer(w, 1, "binh");
    assert_int_equal(sync_over(w, p, &l, &report), SOTAY_E_NETWORK);
    look(w);
    const told after = ask_for_it(w);
    assert_false(is_same(&dense, &after));
    l.cut = 0;
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, dense.bytes);
    assert_alike(w, p);
    world_free(w);
}

/* A server that stops does not wait for it, and what was given out still is. */
static void test_a_look_is_broken_off(void **state)
{
    (void)state;
    world *w = begin(90);
    const atomic_bool stop = true;
    const told before = ask_for_it(w);
    assert_int_equal(cutter_look(&w->book.rooms.sync, &stop, NULL), ST_E_BUSY);
    const told after = ask_for_it(w);
    assert_true(is_same(&before, &after));
    assert_int_equal(count_files(w, "dense.zst"), 0);
    world_free(w);
}

/* Bytes that changed on the disk are not packed: thrown away, and cut anew. */
static void test_a_damaged_one_is_not_packed(void **state)
{
    (void)state;
    world *w = begin_wordy(100);
    file_path path;
    char name[70];
    const told quick = ask_for_it(w);
    st_hex(quick.name.b, sizeof quick.name.b, name);
    (void)strcat(name, ".zst");
    path_in(w, name, path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 100, SEEK_SET), 0);
    int byte = getc(file);
    assert_int_equal(fseek(file, 100, SEEK_SET), 0);
    assert_int_equal(putc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(cutter_look(&w->book.rooms.sync, NULL, NULL), ST_E_CORRUPT);
    assert_int_equal(count_files(w, "*.zst"), 0);
    look(w);
    line l = { 0 };
    phone *p = newcomer(w, 1, "binh");
    const told dense = ask_for_it(w);
    assert_true(dense.bytes < quick.bytes);
    sync_to_the_end(w, p, &l);
    assert_int_equal(l.bytes, dense.bytes);
    assert_alike(w, p);
    world_free(w);
}

/* Fewer records than that are as short as entries. */
static void test_a_small_bucket_has_none(void **state)
{
    (void)state;
    world w;
    memset(&w, 0, sizeof w);
    ids_count = 0;
    world_make_with(&w, 110, (world_how){ 1, false });
    make_visits(&w, SYNC_SNAPSHOT_RECORDS_MIN - 1);
    look(&w);
    assert_int_equal(count_files(&w, "*.list"), 0);
    make_visits(&w, 1);
    look(&w);
    assert_int_equal(count_files(&w, "*.list"), 1);
    world_free(&w);
}

/* A list as it was written before there were quick ones. */
static void test_an_older_list_is_read(void **state)
{
    (void)state;
    world *w = begin_wordy(120);
    file_path pattern;
    glob_t found;
    look(w);
    const told dense = ask_for_it(w);
    path_in(w, "*.list", pattern);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    FILE *file = fopen(found.gl_pathv[0], "r+b");
    uint8_t bytes[4096];
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    assert_true(len > 41 && len < sizeof bytes);
    assert_int_equal(bytes[8], 1);           /* dense, and one before it */
    bytes[8] = 0;
    memset(bytes + 9, 0, 32);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    globfree(&found);
    const told after = ask_for_it(w);
    assert_true(is_same(&dense, &after));
    look(w);
    const told looked = ask_for_it(w);
    assert_true(is_same(&dense, &looked));
    world_free(w);
}

/* The thread ends when it is told to, whatever it was told before. */
static void test_the_thread_ends(void **state)
{
    (void)state;
    world *w = begin(130);
    cutter *c = NULL;
    assert_int_equal(cutter_new(&w->book.rooms.sync, 0, &c, NULL), ST_OK);
    cutter_configure(c, 3600);
    cutter_free(c);
    cutter_configure(NULL, 1);
    cutter_free(NULL);
    assert_int_equal(count_files(w, "*"), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_when_nobody_waits),
        cmocka_unit_test(test_not_packed_for_nothing),
        cmocka_unit_test(test_made_before_anybody_asks),
        cmocka_unit_test(test_the_dense_one_stays_until_the_next),
        cmocka_unit_test(test_who_fetches_the_dense_one_goes_on),
        cmocka_unit_test(test_a_look_is_broken_off),
        cmocka_unit_test(test_a_damaged_one_is_not_packed),
        cmocka_unit_test(test_a_small_bucket_has_none),
        cmocka_unit_test(test_an_older_list_is_read),
        cmocka_unit_test(test_the_thread_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
