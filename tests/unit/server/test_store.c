/* tests/unit/server/test_store.c
 * The book of the commune is on disk when the server says so, in one order, whole or not at all,
 * and one program at a time writes in it. Any store behind store.h must pass this. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/store/dir.h"
#include "server/store/pack.h"
#include "server/store/store.h"
#include "tests/support/narrow.h"

static char dir[64];

static int fresh(void **state)
{
    (void)strcpy(dir, "/tmp/sotay-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
    store *s = NULL;
    assert_int_equal(store_open(dir, STORE_CREATE, &s, NULL), ST_OK);
    assert_int_equal(store_dir_write_version(dir, NULL), ST_OK);
    *state = s;
    return 0;
}

static int gone(void **state)
{
    char command[128];
    store_close(*state);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void put(store_txn *txn, const char *key, const char *value)
{
    assert_int_equal(store_put(txn, STORE_META, store_text(key), store_text(value), NULL), ST_OK);
}

static bool has(store *s, const char *key, const char *value)
{
    store_txn txn = { 0 };
    store_slice got = { 0 };
    assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = store_get(&txn, STORE_META, store_text(key), &got, NULL);
    bool same = err == ST_OK && got.len == strlen(value)
                && memcmp(got.data, value, got.len) == 0;
    store_end(&txn);
    return same;
}

static void test_commit_keeps_and_end_forgets(void **state)
{
    store *s = *state;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    put(&txn, "a", "1");
    store_end(&txn);
    assert_false(has(s, "a", "1"));
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    put(&txn, "a", "1");
    put(&txn, "b", "2");
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
    assert_true(has(s, "a", "1"));
    store_close(s);
    *state = NULL;
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_OK);
    *state = s;
    assert_true(has(s, "a", "1"));
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    put(&txn, "a", "3");
    assert_int_equal(store_delete(&txn, STORE_META, store_text("b"), NULL), ST_OK);
    assert_int_equal(store_delete(&txn, STORE_META, store_text("never"), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    assert_true(has(s, "a", "3"));
    assert_false(has(s, "b", "2"));
}

static void test_a_reader_sees_one_moment(void **state)
{
    store *s = *state;
    store_txn write = { 0 }, read = { 0 };
    store_slice got = { 0 };
    assert_int_equal(store_begin(s, STORE_READ_TXN, &read, NULL), ST_OK);
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &write, NULL), ST_OK);
    put(&write, "later", "1");
    assert_int_equal(store_commit(&write, NULL), ST_OK);
    assert_int_equal(store_get(&read, STORE_META, store_text("later"), &got, NULL),
                     ST_E_NOT_FOUND);
    store_end(&read);
    assert_true(has(s, "later", "1"));
}

static void test_order_and_cursors(void **state)
{
    store *s = *state;
    store_txn txn = { 0 };
    store_cursor cursor = { 0 };
    static const char *const KEYS[] = { "b/1", "a", "b", "b/2", "c" };
    static const char *const ORDER[] = { "a", "b", "b/1", "b/2", "c" };
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    for (size_t i = 0; i < 5; i++)
        put(&txn, KEYS[i], "");
    assert_int_equal(store_cursor_open(&txn, STORE_META, &cursor, NULL), ST_OK);
    assert_int_equal(store_seek(&cursor, store_text(""), NULL), ST_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_true(cursor.is_valid);
        assert_memory_equal(cursor.key.data, ORDER[i], strlen(ORDER[i]));
        assert_int_equal(store_next(&cursor, NULL), ST_OK);
    }
    assert_false(cursor.is_valid);
    static const struct { const char *why, *key, *at, *before; } CASES[] = {
        { "on a key", "b/1", "b/1", "b" },      { "between two", "b/1x", "b/2", "b/1" },
        { "before all", "A", "a", NULL },       { "after all", "d", NULL, "c" },
        { "the empty key", "", "a", "c" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(store_seek(&cursor, store_text(CASES[i].key), NULL), ST_OK);
        assert_int_equal(cursor.is_valid, CASES[i].at != NULL);
        if (CASES[i].at != NULL)
            assert_memory_equal(cursor.key.data, CASES[i].at, cursor.key.len);
        assert_int_equal(store_seek_before(&cursor, store_text(CASES[i].key), NULL), ST_OK);
        assert_int_equal(cursor.is_valid, CASES[i].before != NULL);
        if (CASES[i].before != NULL)
            assert_memory_equal(cursor.key.data, CASES[i].before, cursor.key.len);
    }
    assert_int_equal(store_seek(&cursor, store_text("b/"), NULL), ST_OK);
    assert_true(store_has_prefix(&cursor, store_text("b/")));
    assert_int_equal(store_next(&cursor, NULL), ST_OK);
    assert_int_equal(store_next(&cursor, NULL), ST_OK);
    assert_false(store_has_prefix(&cursor, store_text("b/")));
    store_cursor_close(&cursor);
    assert_int_equal(store_clear(&txn, STORE_META, NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    assert_false(has(s, "a", ""));
}

static void test_one_writer(void **state)
{
    store *again = NULL;
    st_error error = { 0 };
    /* Another process: a lock of our own process would not be in our way. */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        st_err err = store_open(dir, STORE_WRITE, &again, &error);
        _exit(err == ST_E_BUSY && strstr(error.detail, "already in use") != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(*state);
}

static void write_version(const char *text)
{
    char path[STORE_PATH_BYTES];
    assert_int_equal(store_dir_path(dir, "store.version", path, NULL), ST_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_foreign_stores_are_refused(void **state)
{
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1, wide = sizeof(void *) == 8;
    char newer[32], size[32], order[32];
    (void)snprintf(newer, sizeof newer, "sotay-store 2 %s %s\n", wide ? "64" : "32",
                   little ? "le" : "be");
    (void)snprintf(size, sizeof size, "sotay-store 1 %s %s\n", wide ? "32" : "64",
                   little ? "le" : "be");
    (void)snprintf(order, sizeof order, "sotay-store 1 %s %s\n", wide ? "64" : "32",
                   little ? "be" : "le");
    const struct { const char *why, *version; st_err want; } CASES[] = {
        { "a newer store", newer, ST_E_VERSION },
        { "another word size", size, ST_E_VERSION },
        { "another byte order", order, ST_E_VERSION },
        { "something else", "hello", ST_E_VERSION },
        { "an empty file", "", ST_E_VERSION },
    };
    store_close(*state);
    *state = NULL;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        store *s = NULL;
        print_message("  case: %s\n", CASES[i].why);
        write_version(CASES[i].version);
        assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), CASES[i].want);
        assert_null(s);
    }
    store *s = NULL;
    assert_int_equal(store_open("/nonexistent/there", STORE_WRITE, &s, NULL), ST_E_NOT_FOUND);
    assert_int_equal(store_open("/proc/none", STORE_CREATE, &s, NULL), ST_E_STORAGE);
}

static void test_a_cut_file_is_refused(void **state)
{
    store *s = *state;
    store_txn txn = { 0 };
    static const char block[3000];
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    for (uint64_t i = 0; i < 200; i++) {
        pack_key key = pack_u64(i);
        assert_int_equal(store_put(&txn, STORE_LOG, pack_key_slice(&key),
                                   store_bytes(block, sizeof block), NULL), ST_OK);
    }
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_close(s);
    *state = NULL;
    char path[STORE_PATH_BYTES];
    assert_int_equal(store_dir_path(dir, "store/data.mdb", path, NULL), ST_OK);
    assert_int_equal(truncate(path, 100 * 4096), 0);
    s = NULL;
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_E_CORRUPT);
    assert_null(s);
}

static void put_block(store_txn *txn, uint64_t n, size_t len)
{
    static const char block[1u << 20];
    pack_key key = pack_u64(n);
    assert_int_equal(store_put(txn, STORE_LOG, pack_key_slice(&key), store_bytes(block, len), NULL),
                     ST_OK);
}

static off_t length_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Makes pages at the end of the file that were taken and given up in one transaction: LMDB does
 * not write them. */
static void leave_a_tail(store *s)
{
    store_txn txn = { 0 };
    for (size_t round = 0; round < 3; round++) {  /* so that its list of free pages is in use */
        assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
        put_block(&txn, 1, 40000 + round * 8192);
        assert_int_equal(store_commit(&txn, NULL), ST_OK);
    }
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    pack_key key = pack_u64(3);
    put_block(&txn, 2, 20000);
    put_block(&txn, 3, 900000);
    assert_int_equal(store_delete(&txn, STORE_LOG, pack_key_slice(&key), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
}

static void test_a_tail_that_was_never_written(void **state)
{
    char path[STORE_PATH_BYTES];
    store_txn txn = { 0 };
    store_slice value = { 0 };
    store_stats stats;
    store *s = *state;
    pack_key key = pack_u64(2);
    assert_int_equal(store_dir_path(dir, "store/data.mdb", path, NULL), ST_OK);
    leave_a_tail(s);
    assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_stat(&txn, &stats, NULL), ST_OK);
    store_end(&txn);
    off_t written = length_of(path);
    assert_true(stats.bytes_used > (uint64_t)written + 500000);
    store_close(s);
    *state = s = NULL;
    assert_int_equal(store_open(dir, STORE_READ, &s, NULL), ST_OK);
    store_close(s);
    s = NULL;
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_OK);
    *state = s;
    assert_int_equal(length_of(path), written);
    assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_get(&txn, STORE_LOG, pack_key_slice(&key), &value, NULL), ST_OK);
    assert_int_equal(value.len, 20000);
    store_end(&txn);
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    put_block(&txn, 4, 900000);                /* goes to those pages */
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
}

/* Some hundred commits beside a reader make a list of free pages that is long itself. */
static void fill(store *s)
{
    store_txn reading = { 0 }, txn = { 0 };
    for (uint64_t i = 0; i < 700; i++) {
        assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
        for (uint64_t n = 0; i == 0 && n < 400; n++)
            put_block(&txn, n, 1500);
        put_block(&txn, i * 7 % 400, 1500);
        assert_int_equal(store_commit(&txn, NULL), ST_OK);
        if (i == 0)
            assert_int_equal(store_begin(s, STORE_READ_TXN, &reading, NULL), ST_OK);
        if (i == 600)
            store_end(&reading);
    }
}

static bool has_all(store *s)
{
    store_txn txn = { 0 };
    bool all = true;
    assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
    for (uint64_t n = 4; all && n < 400; n++) { /* leave_a_tail has others before */
        pack_key key = pack_u64(n);
        store_slice value = { 0 };
        all = store_get(&txn, STORE_LOG, pack_key_slice(&key), &value, NULL) == ST_OK &&
              value.len == 1500;
    }
    store_end(&txn);
    return all;
}

/* Wherever a copy was cut off: it is refused and stays as it was, however often somebody tries; or
 * nothing but free pages is missing, and all is there. */
static void test_cut_off_anywhere(void **state)
{
    static uint8_t bytes[1u << 24];
    char path[STORE_PATH_BYTES];
    unsigned refused = 0;
    assert_int_equal(store_dir_path(dir, "store/data.mdb", path, NULL), ST_OK);
    fill(*state);
    leave_a_tail(*state);
    store_close(*state);
    *state = NULL;
    const off_t whole = length_of(path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && whole < (off_t)sizeof bytes);
    assert_int_equal(read(fd, bytes, (size_t)whole), whole);
    for (off_t left = 3 * 4096; left < whole; left += 4096 * (off_t)(left < whole / 2 ? 31 : 3)) {
        store *s = NULL;
        assert_int_equal(ftruncate(fd, left), 0);
        st_err err = store_open(dir, STORE_READ, &s, NULL);
        if (err == ST_OK) {
            assert_true(has_all(s));
            store_close(s);
            s = NULL;
        } else {
            assert_int_equal(err, ST_E_CORRUPT);
            assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_E_CORRUPT);
            refused++;
        }
        assert_int_equal(length_of(path), left);
        assert_int_equal(pwrite(fd, bytes, (size_t)whole, 0), whole);
    }
    (void)close(fd);
    assert_true(refused > 50);
    assert_int_equal(store_open(dir, STORE_WRITE, (store **)state, NULL), ST_OK);
    assert_true(has_all(*state));
}

static void test_create_keeps_what_is_there(void **state)
{
    store_close(*state);
    *state = NULL;
    store *s = NULL;
    assert_int_equal(store_open(dir, STORE_CREATE, &s, NULL), ST_E_EXISTS);
    assert_int_equal(store_dir_write_version(dir, NULL), ST_E_EXISTS);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_OK);
    *state = s;
}

/* An init that was broken off, by a cut or by anything: no store, and nothing is made over it. */
static void test_what_an_unfinished_init_leaves(void **state)
{
    store_close(*state);
    *state = NULL;
    char path[STORE_PATH_BYTES], other[STORE_PATH_BYTES];
    store *s = NULL;
    st_error error = { 0 };
    assert_int_equal(store_dir_path(dir, "store.version", path, NULL), ST_OK);
    assert_int_equal(store_dir_path(dir, "store.version.new", other, NULL), ST_OK);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(truncate(other, 5), 0);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_E_NOT_FOUND);
    assert_int_equal(store_open(dir, STORE_CREATE, &s, &error), ST_E_EXISTS);
    assert_non_null(strstr(error.detail, "broken off"));
    assert_non_null(strstr(error.detail, "restore"));
    assert_non_null(strstr(error.detail, dir)); /* the whole of it, and not dir/store */
    assert_null(strstr(error.detail, "/store"));
    assert_int_equal(store_dir_write_version(dir, NULL), ST_OK);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_OK);
    *state = s;
}

/* A book that outgrows its map goes on in a larger one, and loses nothing of what stood in it. */
static void test_the_map_grows(void **state)
{
    store *s = *state;
    static uint8_t block[8 * 1024 * 1024];
    int grown = 0;
    uint64_t i = 0;
    for (; i < 100 && grown == 0; i++) {
        store_txn txn = { 0 };
        pack_key key = pack_u64(i);
        memset(block, (int)i, sizeof block);
        st_err err = ST_OK;
        do {
            assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
            err = store_put(&txn, STORE_LOG, pack_key_slice(&key),
                            store_bytes(block, sizeof block), NULL);
            if (err == ST_OK)
                err = store_commit(&txn, NULL);
            store_end(&txn);
        } while (err == ST_E_STORAGE && store_grow(s) && ++grown < 5);
        assert_int_equal(err, ST_OK);
        assert_null(store_failure(s));
    }
    assert_int_equal(grown, 1);
    assert_false(store_grow(s));               /* nothing is full now */
    store_close(s);
    *state = NULL;
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_OK);
    *state = s;
    store_txn txn = { 0 };
    store_stats stats;
    assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_stat(&txn, &stats, NULL), ST_OK);
    assert_int_equal(stats.rows[STORE_LOG], i);
    store_slice got = { 0 };
    pack_key key = pack_u64(0);
    assert_int_equal(store_get(&txn, STORE_LOG, pack_key_slice(&key), &got, NULL), ST_OK);
    assert_int_equal(got.len, sizeof block);
    assert_int_equal(((const uint8_t *)got.data)[got.len - 1], 0);
    store_end(&txn);
}

static void test_rows(void **state)
{
    (void)state;
    st_buffer row;
    st_buffer_init(&row, 64);
    assert_int_equal(pack_put_u8(&row, 7), ST_OK);
    assert_int_equal(pack_put_u64(&row, 1ull << 40), ST_OK);
    assert_int_equal(pack_put_string(&row, "xóm", 4), ST_OK);
    char text[8];
    for (size_t cut = 0; cut <= row.len; cut++) {
        pack_reader reader = pack_read(store_bytes(row.data, cut));
        uint8_t small = pack_get_u8(&reader);
        uint64_t large = pack_get_u64(&reader);
        pack_get_text(&reader, text, sizeof text);
        st_err err = pack_end(&reader, "test", NULL);
        assert_int_equal(err, cut == row.len ? ST_OK : ST_E_CORRUPT);
        if (err == ST_OK) {
            assert_int_equal(small, 7);
            assert_true(large == 1ull << 40);
            assert_string_equal(text, "xóm");
        }
    }
    pack_reader reader = pack_read(store_bytes(row.data, row.len));
    (void)pack_get_u8(&reader);
    (void)pack_get_u64(&reader);
    pack_get_text(&reader, text, 4);
    assert_int_equal(pack_end(&reader, "too long", NULL), ST_E_CORRUPT);
    assert_int_equal(pack_put_string(&row, text, 100), ST_E_TOO_LARGE);
    st_buffer_free(&row);
}

/* With 32 bits the book ends at 1 GiB: it is said so, nothing of that transaction is kept, and what
 * stood in it can be read. With 64 bits only a narrow machine has such an end. */
static void test_the_map_is_full_at_its_cap(void **state)
{
    const bool wide = sizeof(void *) > 4;
    struct rlimit old;
    if (wide && !narrow_to(300u << 20, &old))
        skip();
    store *s = *state;
    const size_t len = (wide ? 4u : 16u) << 20;
    uint8_t *value = calloc(1, len);
    st_error error = { ST_OK, "" };
    st_err err = ST_OK;
    uint32_t kept = 0;
    assert_non_null(value);
    while (err == ST_OK && kept < 70) {
        store_txn txn = { 0 };
        uint8_t key[4] = { 0, 0, 0, (uint8_t)kept };
        do {
            assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
            err = store_put(&txn, STORE_META, store_bytes(key, 4), store_bytes(value, len),
                            &error);
            if (err == ST_OK)
                err = store_commit(&txn, &error);
            store_end(&txn);
        } while (err == ST_E_STORAGE && store_grow(s));
        kept += err == ST_OK;
    }
    free(value);
    print_message("  %u values: %s\n", (unsigned)kept, error.detail);
    assert_int_equal(err, ST_E_FULL);
    assert_in_range(kept, 60, 64);
    assert_non_null(strstr(error.detail, wide ? "full at 256 MiB" : "full at 1024 MiB"));
    assert_false(store_grow(s));
    assert_null(store_failure(s));
    store_txn txn = { 0 };
    store_slice got = { 0 };
    assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_get(&txn, STORE_META, store_bytes("\0\0\0", 4), &got, NULL), ST_OK);
    assert_int_equal(got.len, len);
    store_end(&txn);
    if (wide)
        assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
}

static bool file_holds(const char *text)
{
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/store/data.mdb", dir);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    char *bytes = malloc((size_t)st.st_size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)st.st_size, file), st.st_size);
    bool holds = memmem(bytes, (size_t)st.st_size, text, strlen(text)) != NULL;
    free(bytes);
    assert_int_equal(fclose(file), 0);
    return holds;
}

/* One row: `fill` again and again, with the secret at its end. */
static void put_row(store *s, uint32_t n, size_t len, const char *end)
{
    char key[16];
    store_txn txn = { 0 };
    assert_true(strlen(end) <= len);
    char *value = malloc(len);
    assert_non_null(value);
    memset(value, 'x', len);
    memcpy(value + len - strlen(end), end, strlen(end));
    (void)snprintf(key, sizeof key, "row%08u", n);
    assert_int_equal(store_begin(s, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_put(&txn, STORE_LOG, store_text(key), store_bytes(value, len), NULL),
                     ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    free(value);
}

/* What was erased by law must not be found in the file by whoever reads its bytes: neither in free
 * pages, nor behind rows that are shorter now, small ones within a page and large ones on their
 * own. */
static void test_a_compact_leaves_no_remainder(void **state)
{
    store *s = *state;
    uint64_t before = 0, after = 0;
    static const size_t LENS[] = { 40, 200, 900, 2100, 4000, 6000, 9000, 16000 };
    const size_t count = sizeof LENS / sizeof LENS[0];
    for (uint32_t n = 0; n < 400; n++)
        put_row(s, n, LENS[n % count], n % 3 == 0 ? "bi mat cua ba Mui" : "giu lai");
    for (uint32_t n = 0; n < 400; n += 3)
        put_row(s, n, n % 2 == 0 ? LENS[n % count] - 25 : LENS[n % count], "da xoa");
    store_close(s);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, NULL), ST_OK);
    *state = s;
    assert_true(file_holds("bi mat"));
    assert_int_equal(store_compact(s, &before, &after, NULL), ST_OK);
    assert_true(after <= before);
    assert_false(file_holds("bi mat"));
    assert_true(file_holds("da xoa"));
    for (uint32_t n = 0; n < 400; n++) {
        char key[16];
        store_txn txn = { 0 };
        store_slice got = { 0 };
        (void)snprintf(key, sizeof key, "row%08u", n);
        assert_int_equal(store_begin(s, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(store_get(&txn, STORE_LOG, store_text(key), &got, NULL), ST_OK);
        const char *end = n % 3 == 0 ? "da xoa" : "giu lai";
        assert_memory_equal((const char *)got.data + got.len - strlen(end), end, strlen(end));
        store_end(&txn);
    }
    put_row(s, 401, 40, "no van ghi duoc");
    assert_int_equal(store_compact(s, &before, &after, NULL), ST_OK);
    assert_true(file_holds("no van ghi duoc"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_commit_keeps_and_end_forgets), CASE(test_a_reader_sees_one_moment),
        CASE(test_order_and_cursors),            CASE(test_one_writer),
        CASE(test_foreign_stores_are_refused),   CASE(test_a_cut_file_is_refused),
        CASE(test_a_tail_that_was_never_written), CASE(test_cut_off_anywhere),
        CASE(test_create_keeps_what_is_there),   CASE(test_what_an_unfinished_init_leaves),
        CASE(test_the_map_grows),
        CASE(test_the_map_is_full_at_its_cap),
        CASE(test_a_compact_leaves_no_remainder),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
