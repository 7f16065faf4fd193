/* tests/unit/client-lib/test_port.c
 * Whatever a phone is made of, its store must behave the same: ordered keys, all of a transaction
 * or nothing of it, and what was committed is there after the power went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-lib/include/sotay.h"
#include "tests/support/narrow.h"
#include "tests/unit/client-lib/store_dir.h"

static sotay_slice slice(const char *text)
{
    sotay_slice s = { text, strlen(text) };
    return s;
}

static void put(sotay_port *port, const char *key, const char *value)
{
    sotay_slice none = { NULL, 0 };
    assert_int_equal(
        port->put(port->context, slice(key), value == NULL ? none : slice(value), NULL), SOTAY_OK);
}

static void put_bytes(sotay_port *port, const char *key, const void *bytes, size_t len)
{
    sotay_slice value = { bytes, len };
    assert_int_equal(port->put(port->context, slice(key), value, NULL), SOTAY_OK);
}

static bool holds(sotay_port *port, const char *key, const char *want)
{
    sotay_slice value = { NULL, 0 };
    int rc = port->get(port->context, slice(key), &value, NULL);
    if (want == NULL)
        return rc == SOTAY_E_NOT_FOUND;
    return rc == SOTAY_OK && value.len == strlen(want) && memcmp(value.data, want, value.len) == 0;
}

static bool seeks(sotay_port *port, const char *key, bool forward, const char *want)
{
    sotay_slice found = { NULL, 0 }, value = { NULL, 0 };
    int rc = port->seek(port->context, slice(key), forward, &found, &value, NULL);
    if (want == NULL)
        return rc == SOTAY_E_NOT_FOUND;
    return rc == SOTAY_OK && found.len == strlen(want) && memcmp(found.data, want, found.len) == 0;
}

static void begin(sotay_port *port, bool write)
{
    assert_int_equal(port->begin(port->context, write, NULL), SOTAY_OK);
}

static void conform(sotay_port *port)
{
    begin(port, true);
    put(port, "b", "1");
    put(port, "d", "2");
    put(port, "bb", "3");
    put(port, "b", "4");
    put(port, "empty", "");
    assert_true(holds(port, "b", "4"));
    assert_true(holds(port, "empty", ""));
    assert_int_equal(port->commit(port->context, NULL), SOTAY_OK);

    begin(port, true);
    put(port, "d", NULL);
    put(port, "never there", NULL);
    put(port, "a", "5");
    assert_true(holds(port, "d", NULL));
    assert_true(seeks(port, "c", true, "empty"));
    assert_true(seeks(port, "e", false, "bb"));
    port->abort(port->context);

    begin(port, false);
    assert_true(holds(port, "d", "2"));
    assert_true(holds(port, "a", NULL));
    static const struct {
        const char *from;
        bool forward;
        const char *want;
    } CASES[] = {
        { "a", true, "b" },   { "b", true, "b" },   { "b\x01", true, "bb" },
        { "bc", true, "d" },  { "f", true, NULL },  { "f", false, "empty" },
        { "d", false, "bb" }, { "bb", false, "b" }, { "b", false, NULL },
        { "a", false, NULL }, { "dd", false, "d" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool good = seeks(port, CASES[i].from, CASES[i].forward, CASES[i].want);
        if (!good)
            print_message("  case: %s %d\n", CASES[i].from, CASES[i].forward);
        assert_true(good);
    }
    port->abort(port->context);
}

static void test_memory_conforms(void **state)
{
    (void)state;
    sotay_port port, after;
    assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
    conform(&port);
    begin(&port, true);
    put(&port, "b", "lost");
    assert_int_equal(sotay_memory_copy(&port, false, &after, NULL), SOTAY_OK);
    begin(&after, false);
    assert_true(holds(&after, "b", "4"));
    after.abort(after.context);
    sotay_port_close(&after);
    sotay_port_close(&port);
    sotay_port_close(&port);
}

/* What every store does with a commit that may be undone. */
static void conform_soon(sotay_port *port)
{
    begin(port, true);
    put(port, "soon", "1");
    put(port, "b", NULL);
    assert_int_equal(port->commit_soon(port->context, NULL), SOTAY_OK);
    begin(port, true);
    assert_true(holds(port, "soon", "1"));
    assert_true(holds(port, "b", NULL));
    put(port, "soon", "2");
    port->abort(port->context);
    begin(port, true);
    assert_true(holds(port, "soon", "1"));
    assert_int_equal(port->commit_soon(port->context, NULL), SOTAY_OK);
}

/* Whole, and nothing before it: the values that it replaced, what it added and what it deleted. */
static void test_memory_undoes_when_the_power_goes(void **state)
{
    (void)state;
    sotay_port port;
    assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
    conform(&port);
    begin(&port, true);
    put(&port, "soon", "0");
    assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    conform_soon(&port);
    begin(&port, true);
    put(&port, "soon", "3"); /* twice: the first of the values is the one that comes back */
    put(&port, "new", "1");
    assert_int_equal(port.commit_soon(port.context, NULL), SOTAY_OK);
    sotay_memory_cut(&port);
    begin(&port, false);
    assert_true(holds(&port, "soon", "0"));
    assert_true(holds(&port, "b", "4"));
    assert_true(holds(&port, "d", "2"));
    assert_true(holds(&port, "new", NULL));
    port.abort(port.context);
    sotay_port_close(&port);
}

/* The next commit covers it, also one that writes nothing; not one that fails or is given up. */
static void test_memory_keeps_what_a_commit_covered(void **state)
{
    (void)state;
    for (int covers = 0; covers < 3; covers++) {
        sotay_port port;
        assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
        conform(&port);
        conform_soon(&port);
        begin(&port, true);
        if (covers == 1) {
            sotay_memory_fail(&port, 1);
            assert_int_equal(port.commit(port.context, NULL), SOTAY_E_STORAGE);
        } else if (covers == 2) {
            port.abort(port.context);
        } else {
            assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
        }
        sotay_memory_cut(&port);
        begin(&port, false);
        assert_true(holds(&port, "soon", covers == 0 ? "1" : NULL));
        assert_true(holds(&port, "b", covers == 0 ? NULL : "4"));
        port.abort(port.context);
        sotay_port_close(&port);
    }
}

static void test_memory_fails_a_commit_that_may_be_undone(void **state)
{
    (void)state;
    sotay_port port;
    assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
    conform(&port);
    begin(&port, true);
    put(&port, "b", "5");
    sotay_memory_fail(&port, 1);
    assert_int_equal(port.commit_soon(port.context, NULL), SOTAY_E_STORAGE);
    begin(&port, false);
    assert_true(holds(&port, "b", "4"));
    port.abort(port.context);
    sotay_port_close(&port);
}

static void test_memory_fails_when_asked(void **state)
{
    (void)state;
    sotay_port port;
    assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
    sotay_memory_fail(&port, 3);
    begin(&port, true);
    put(&port, "b", "1");
    assert_int_equal(port.commit(port.context, NULL), SOTAY_E_STORAGE);
    begin(&port, false);
    assert_true(holds(&port, "b", NULL));
    port.abort(port.context);
    sotay_port_close(&port);
}

static void test_lmdb_conforms_and_keeps(void **state)
{
    (void)state;
    char dir[64];
    sotay_port port, second;
    sotay_error error;
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, &error), SOTAY_OK);
    conform(&port);
    assert_int_equal(sotay_lmdb_open(dir, true, &second, &error), SOTAY_E_BUSY);
    sotay_port_close(&port);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, &error), SOTAY_OK);
    begin(&port, false);
    assert_true(holds(&port, "b", "4"));
    port.abort(port.context);
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* ---- what LMDB waits for ---- */

/* Calls that wait for the disk, in this program: LMDB's own go through here. */
static unsigned waits_for_pages, waits_for_meta;
#define SHOWN __attribute__((visibility("default")))

SHOWN int fdatasync(int fd)
{
    waits_for_pages++;
    return fsync(fd);
}

/* A write to a descriptor that waits for each; LMDB writes its meta pages so. It calls `pwrite`,
 * which in this program goes by another name. */
typedef ssize_t pwrite_type(int fd, const void *data, size_t len, long at);
SHOWN pwrite_type write_seen __asm__("pwrite");
ssize_t write_seen(int fd, const void *data, size_t len, long at)
{
    static pwrite_type *next;
    if (next == NULL) {
        void *found = dlsym(RTLD_NEXT, "pwrite");
        memcpy(&next, &found, sizeof next);
    }
    waits_for_meta += (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    return next(fd, data, len, at);
}

typedef int (*ending)(void *context, sotay_error *error);

static void expect_waits(sotay_port *port, ending end, const char *key, unsigned pages,
                         unsigned meta)
{
    begin(port, true);
    if (key != NULL)
        put(port, key, "1");
    waits_for_pages = waits_for_meta = 0;
    assert_int_equal(end(port->context, NULL), SOTAY_OK);
    assert_int_equal(waits_for_pages, pages);
    assert_int_equal(waits_for_meta, meta);
}

/* A commit waits for its pages and then for the page that names them; one that may be undone for
 * the first alone, since without them that page could name what is not there. The next commit waits
 * for all of it, also one that wrote nothing: that is what makes the one before it durable. */
static void test_lmdb_waits_for_what_it_promises(void **state)
{
    (void)state;
    char dir[64];
    sotay_port port;
    if (sizeof(long) < sizeof(uint64_t))
        skip(); /* there the name is another one */
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    expect_waits(&port, port.commit, "a", 1, 1);
    expect_waits(&port, port.commit, NULL, 0, 0);
    expect_waits(&port, port.commit_soon, "b", 1, 0);
    expect_waits(&port, port.commit, NULL, 1, 0);
    expect_waits(&port, port.commit, NULL, 0, 0);
    expect_waits(&port, port.commit_soon, "c", 1, 0);
    expect_waits(&port, port.commit_soon, "d", 1, 0);
    expect_waits(&port, port.commit_soon, NULL, 0, 0);
    expect_waits(&port, port.commit, NULL, 1, 0);
    expect_waits(&port, port.commit_soon, "e", 1, 0);
    expect_waits(&port, port.commit, "f", 1, 1);
    expect_waits(&port, port.commit, NULL, 0, 0);
    expect_waits(&port, port.commit_soon, NULL, 0, 0);
    expect_waits(&port, port.commit, NULL, 0, 0);
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* The file as it would be after a cut: what stood in the page that names the newest state before,
 * put back. The store opens, with the state before and nothing of the later one. */
static void test_lmdb_without_the_last_meta_page(void **state)
{
    (void)state;
    char dir[64], path[128];
    enum { META_BYTES = 2 * 4096 };
    uint8_t before[META_BYTES];
    sotay_port port;
    store_dir_make(dir);
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    conform(&port);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, before, sizeof before, 0), META_BYTES);
    conform_soon(&port);
    sotay_port_close(&port);
    assert_int_equal(pwrite(fd, before, sizeof before, 0), META_BYTES);
    (void)close(fd);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_OK);
    begin(&port, false);
    assert_true(holds(&port, "soon", NULL));
    assert_true(holds(&port, "b", "4"));
    assert_true(holds(&port, "d", "2"));
    port.abort(port.context);
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* Its program ends, the machine goes on: nothing is undone. */
static void test_lmdb_keeps_it_over_the_end_of_the_program(void **state)
{
    (void)state;
    char dir[64];
    sotay_port port;
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    conform(&port);
    conform_soon(&port);
    sotay_port_close(&port);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_OK);
    begin(&port, false);
    assert_true(holds(&port, "soon", "1"));
    assert_true(holds(&port, "b", NULL));
    port.abort(port.context);
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* More than the map holds at first: the store grows without anybody asking. */
static void test_lmdb_grows(void **state)
{
    (void)state;
    char dir[64], key[16];
    sotay_port port;
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    const size_t len = 1024 * 1024;
    char *value = calloc(1, len);
    sotay_slice bytes = { value, len };
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%03d", i);
        begin(&port, true);
        assert_int_equal(port.put(port.context, slice(key), bytes, NULL), SOTAY_OK);
        assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    }
    begin(&port, false);
    assert_true(seeks(&port, "z", false, "k099"));
    port.abort(port.context);
    free(value);
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* Where the map cannot grow the store says that it is full; what stands in it can be read, and
 * small things still be deleted. With 64 bits only a narrow machine has such an end. */
static void test_lmdb_is_full_at_its_cap(void **state)
{
    (void)state;
    const bool wide = sizeof(void *) > 4;
    struct rlimit old;
    char dir[64], key[16];
    sotay_port port;
    sotay_error error = { SOTAY_OK, "" };
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    if (wide && !narrow_to(100u << 20, &old)) {
        sotay_port_close(&port);
        store_dir_remove(dir);
        skip();
    }
    const size_t len = (wide ? 1u : 16u) << 20;
    char *value = calloc(1, len);
    sotay_slice bytes = { value, len };
    int rc = SOTAY_OK, kept = 0;
    while (rc == SOTAY_OK && kept < 70) {
        (void)snprintf(key, sizeof key, "k%03d", kept);
        begin(&port, true);
        rc = port.put(port.context, slice(key), bytes, &error);
        if (rc == SOTAY_OK)
            rc = port.commit(port.context, &error);
        kept += rc == SOTAY_OK;
    }
    port.abort(port.context);
    print_message("  %d values: %s\n", kept, error.detail);
    assert_int_equal(rc, SOTAY_E_FULL);
    assert_in_range(kept, 60, 64);
    assert_non_null(strstr(error.detail, wide ? "full at 64 MiB" : "full at 1024 MiB"));
    assert_non_null(strstr(sotay_code_sentence(rc, "vi"), "đầy"));
    begin(&port, true);
    put(&port, "k000", NULL);
    assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_OK);
    begin(&port, false);
    assert_true(holds(&port, "k000", NULL));
    assert_true(seeks(&port, "k001", true, "k001"));
    port.abort(port.context);
    free(value);
    sotay_port_close(&port);
    if (wide)
        assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    store_dir_remove(dir);
}

static void test_lmdb_refuses_foreign_stores(void **state)
{
    (void)state;
    char dir[64], path[128];
    sotay_port port;
    sotay_error error;
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, &error), SOTAY_E_NOT_FOUND);
    assert_int_equal(sotay_lmdb_open("/tmp/sotay-none/x/y", true, &port, &error), SOTAY_E_STORAGE);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, &error), SOTAY_OK);
    sotay_port_close(&port);
    (void)snprintf(path, sizeof path, "%s/store.version", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("sotay-phone 9 32 be\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, &error), SOTAY_E_VERSION);
    assert_non_null(strstr(error.detail, "sotay-phone 9 32 be"));
    store_dir_remove(dir);
}

static void test_key_file_is_private_and_stays(void **state)
{
    (void)state;
    char dir[64], path[128];
    uint8_t first[32], again[32], boot[8], install[8], install_again[8];
    sotay_port port;
    struct stat info;
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    assert_int_equal(port.secret(port.context, false, first, NULL), SOTAY_E_NOT_FOUND);
    assert_int_equal(port.secret(port.context, true, first, NULL), SOTAY_OK);
    assert_int_equal(port.secret(port.context, false, again, NULL), SOTAY_OK);
    assert_memory_equal(first, again, 32);
    (void)snprintf(path, sizeof path, "%s/key", dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(port.place(port.context, boot, install, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_OK);
    assert_int_equal(port.place(port.context, boot, install_again, NULL), SOTAY_OK);
    assert_memory_equal(install, install_again, 8);
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* One transaction may touch all there is: a page of the log that changes every record. */
static void test_lmdb_rewrites_everything_at_once(void **state)
{
    (void)state;
    char dir[64], key[16];
    uint8_t value[3000];
    sotay_port port;
    store_dir_make(dir);
    memset(value, 7, sizeof value);
    sotay_slice bytes = { value, sizeof value };
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    for (int round = 0; round < 3; round++) {
        for (int part = 0; part < (round == 0 ? 4 : 1); part++) {
            begin(&port, true);
            for (int i = part; i < 22000; i += round == 0 ? 4 : 1) {
                (void)snprintf(key, sizeof key, "%d", i);
                assert_int_equal(port.put(port.context, slice(key), bytes, NULL), SOTAY_OK);
            }
            assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
        }
    }
    sotay_port_close(&port);
    store_dir_remove(dir);
}

/* Killed while the store was being made: there is nothing in it yet, so it is made anew. */
static void test_lmdb_killed_while_it_was_made(void **state)
{
    (void)state;
    char dir[64], path[128];
    sotay_port port;
    store_dir_make(dir);
    (void)snprintf(path, sizeof path, "%s/store.version", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_equal(truncate(path, 0), 0); /* with pages beside it, it is no such store */
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_E_VERSION);
    store_dir_remove(dir);
}

/* The power went while the first pages were written: they have no name yet, and are made anew. */
static void test_lmdb_cut_while_its_pages_were_made(void **state)
{
    (void)state;
    char dir[64], path[128], name[128];
    sotay_port port;
    store_dir_make(dir);
    (void)snprintf(path, sizeof path, "%s/data.mdb.new", dir);
    (void)snprintf(name, sizeof name, "%s/data.mdb", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(access(name, F_OK), 0);
    store_dir_remove(dir);
}

/* A data file that a copy cut off is named, instead of the program being killed over it. */
static void test_lmdb_says_that_it_was_cut(void **state)
{
    (void)state;
    char dir[64], path[128], key[16];
    sotay_port port;
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    begin(&port, true);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        put(&port, key, "so that there are pages to lose");
    }
    assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    sotay_port_close(&port);
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    assert_int_equal(truncate(path, 8192), 0);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_E_CORRUPT);
    store_dir_remove(dir);
}

/* Pages at the end that were taken and given up in one transaction are never written: the store is
 * whole, though its file ends before them. */
static void test_lmdb_may_end_before_its_last_page(void **state)
{
    (void)state;
    static uint8_t block[900000];
    char dir[64], path[128];
    struct stat before, after;
    sotay_port port;
    store_dir_make(dir);
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &port, NULL), SOTAY_OK);
    for (size_t round = 0; round < 3; round++) { /* so that its list of free pages is in use */
        begin(&port, true);
        put_bytes(&port, "one", block, 40000 + round * 8192);
        assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    }
    begin(&port, true);
    put_bytes(&port, "two", block, 20000);
    put_bytes(&port, "three", block, sizeof block);
    put(&port, "three", NULL);
    assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_OK);
    begin(&port, true);
    put_bytes(&port, "three", block, sizeof block); /* goes to those pages */
    assert_int_equal(port.commit(port.context, NULL), SOTAY_OK);
    sotay_port_close(&port);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size > before.st_size + 500000);

    assert_int_equal(truncate(path, after.st_size - 32768), 0);
    assert_int_equal(sotay_lmdb_open(dir, false, &port, NULL), SOTAY_E_CORRUPT);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_size, after.st_size - 32768);
    store_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_conforms),
        cmocka_unit_test(test_memory_undoes_when_the_power_goes),
        cmocka_unit_test(test_memory_keeps_what_a_commit_covered),
        cmocka_unit_test(test_memory_fails_a_commit_that_may_be_undone),
        cmocka_unit_test(test_lmdb_waits_for_what_it_promises),
        cmocka_unit_test(test_lmdb_without_the_last_meta_page),
        cmocka_unit_test(test_lmdb_keeps_it_over_the_end_of_the_program),
        cmocka_unit_test(test_memory_fails_when_asked),
        cmocka_unit_test(test_lmdb_conforms_and_keeps),
        cmocka_unit_test(test_lmdb_grows),
        cmocka_unit_test(test_lmdb_is_full_at_its_cap),
        cmocka_unit_test(test_lmdb_refuses_foreign_stores),
        cmocka_unit_test(test_key_file_is_private_and_stays),
        cmocka_unit_test(test_lmdb_rewrites_everything_at_once),
        cmocka_unit_test(test_lmdb_killed_while_it_was_made),
        cmocka_unit_test(test_lmdb_cut_while_its_pages_were_made),
        cmocka_unit_test(test_lmdb_says_that_it_was_cut),
        cmocka_unit_test(test_lmdb_may_end_before_its_last_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
