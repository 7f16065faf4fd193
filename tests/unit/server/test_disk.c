/* tests/unit/server/test_disk.c
 * An officer who was told "stored" may put the paper away: no answer leaves before the disk has it,
 * a disk that fails is never answered with "stored", and one request that fails takes nothing of
 * the others with it. The disk is the real one; the test stands between it and LMDB. */
#undef _FILE_OFFSET_BITS /* LMDB calls `pwrite` by this name */
#undef _TIME_BITS
#include "tests/unit/server/server_rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/backup/backup.h"
#include "server/backup/tree.h"
#include "server/store/dir.h"
#include "server/sync/side.h"
#include "server/sync/snapshot.h"
#include "server/sync/writer.h"

static atomic_int disk_error;  /* errno that the disk answers; 0: it is well */
static atomic_bool disk_cuts;  /* it takes a part of what is written, as one that gets full */
static atomic_int disk_ms;     /* how slow it is */
static atomic_uint disk_done;  /* how often it has said that all of it is there */

static void wait_ms(int ms)
{
    struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };
    (void)nanosleep(&time, NULL);
}

/* LMDB finds this one before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    wait_ms(atomic_load(&disk_ms));
    int wrong = atomic_load(&disk_error);
    if (wrong != 0) {
        errno = wrong;
        return -1;
    }
    int rc = (int)syscall(SYS_fdatasync, fd);
    atomic_fetch_add(&disk_done, 1);
    return rc;
}

__attribute__((visibility("default"))) ssize_t writev(int fd, const struct iovec *list, int count)
{
    if (atomic_load(&disk_cuts) && count > 1)
        count = 1;
    return (ssize_t)syscall(SYS_writev, fd, list, count);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t len,
                                                      off_t at)
{
    if (atomic_load(&disk_cuts) && len >= 4096)
        len = 512;
    ssize_t (*next)(int, const void *, size_t, off_t);
    void *found = dlsym(RTLD_NEXT, "pwrite");
    memcpy(&next, &found, sizeof next);
    return next(fd, data, len, at);
}

/* Which files and folders were synced, by path. */
#define SYNCED_MAX 64
static char synced[SYNCED_MAX][256];
static atomic_uint synced_count;

__attribute__((visibility("default"))) int fsync(int fd)
{
    char link[64];
    unsigned at = atomic_load(&synced_count);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = at < SYNCED_MAX ? readlink(link, synced[at], sizeof synced[at] - 1) : -1;
    if (len > 0) {
        synced[at][len] = '\0';
        atomic_store(&synced_count, at + 1);
    }
    return (int)syscall(SYS_fsync, fd);
}

/* How much was synced before each file that got another name. */
#define RENAMED_MAX 8
static unsigned renamed_at[RENAMED_MAX];
static atomic_uint renamed_count;

__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    unsigned at = atomic_load(&renamed_count);
    if (at < RENAMED_MAX) {
        renamed_at[at] = atomic_load(&synced_count);
        atomic_store(&renamed_count, at + 1);
    }
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

/* How much was synced when the last file was removed. */
static atomic_uint removed_at;

__attribute__((visibility("default"))) int unlink(const char *path)
{
    atomic_store(&removed_at, atomic_load(&synced_count));
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static bool was_synced_since(unsigned from, const char *dir, const char *name)
{
    char path[STORE_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s%s%s", dir, name[0] != '\0' ? "/" : "", name);
    for (unsigned i = from; i < atomic_load(&synced_count); i++)
        if (strcmp(synced[i], path) == 0)
            return true;
    return false;
}

static bool was_synced(const char *dir, const char *name)
{
    return was_synced_since(0, dir, name);
}

static int setup(void **state)
{
    static rig shared;
    atomic_store(&disk_error, 0);
    atomic_store(&disk_ms, 0);
    atomic_store(&disk_cuts, false);
    atomic_store(&synced_count, 0);
    atomic_store(&renamed_count, 0);
    rig_open(&shared);
    *state = &shared;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;
    assert_int_equal(rig_verify(r), 0);
    rig_close(r);
    return 0;
}

/* ---- a piece of work: one row; perhaps it waits at the gate, perhaps it fails ---- */

typedef struct {
    writer *w;
    writer_job job;
    char key[32];
    bool fails, waits;
    st_err result;
    unsigned before, after;    /* what the disk had done when it was asked, and when it answered */
    bool is_seen;              /* the answer came, and the row was there */
    pthread_t thread;
} work;

static atomic_bool gate_is_shut;

static st_err run_work(writer_turn *turn, void *argument, st_error *error)
{
    work *one = argument;
    while (one->waits && atomic_load(&gate_is_shut))
        wait_ms(1);
    st_err err = store_put(turn->txn, STORE_META, store_text(one->key), store_text("1"), error);
    if (err == ST_OK && one->fails)
        err = st_fail(error, ST_E_VALUE, "test: %s is bad", one->key);
    return err;
}

static bool is_there(rig *r, const char *key)
{
    store_txn txn = { 0 };
    store_slice value = { 0 };
    if (store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL) != ST_OK)
        return false;
    st_err err = store_get(&txn, STORE_META, store_text(key), &value, NULL);
    store_end(&txn);
    return err == ST_OK;
}

static rig *book_of_test;      /* for the threads */

static void *submit(void *argument)
{
    work *one = argument;
    one->before = atomic_load(&disk_done);
    one->result = writer_submit(one->w, &one->job, &one->job.error);
    one->after = atomic_load(&disk_done);
    one->is_seen = is_there(book_of_test, one->key);
    return NULL;
}

static void prepare(work *list, size_t count, writer *w)
{
    memset(list, 0, count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].w = w;
        (void)snprintf(list[i].key, sizeof list[i].key, "test-%zu", i);
        list[i].job.run = run_work;
        list[i].job.argument = &list[i];
    }
}

#define WORKS 9
static work works[WORKS];      /* outlives every thread, whatever the writer does with it */

/* Sends list[0] to the gate, lets the others queue up behind it, opens. */
static void submit_together(rig *r, writer *w)
{
    book_of_test = r;
    atomic_store(&gate_is_shut, true);
    works[0].waits = true;
    for (size_t i = 0; i < WORKS; i++) {
        assert_int_equal(pthread_create(&works[i].thread, NULL, submit, &works[i]), 0);
        for (int turns = 0; i == 0 && turns < 50; turns++)
            wait_ms(1);                        /* it is to be alone in its batch */
    }
    while (writer_waiting(w) < WORKS - 1)
        wait_ms(1);
    atomic_store(&gate_is_shut, false);
    for (size_t i = 0; i < WORKS; i++)
        assert_int_equal(pthread_join(works[i].thread, NULL), 0);
}

/* ---- the tests ---- */

static void test_the_disk_has_it_before_the_answer(void **state)
{
    rig *r = *state;
    writer *w = NULL;
    book_of_test = r;
    for (int threaded = 0; threaded <= 1; threaded++) {
        print_message("  %s thread\n", threaded ? "with a" : "without a");
        assert_int_equal(writer_new(&r->srv.sync, threaded != 0, &w, NULL), ST_OK);
        atomic_store(&disk_ms, 60);
        prepare(works, 1, w);
        (void)submit(&works[0]);
        atomic_store(&disk_ms, 0);
        bool is_later = works[0].after > works[0].before;
        writer_free(w);
        assert_int_equal(works[0].result, ST_OK);
        assert_true(is_later);
        assert_true(works[0].is_seen);
    }
}

/* A log is nothing without the keys that sign it: they, and their names, are on the disk before a
 * folder is called a store. */
static void test_a_new_book_is_on_the_disk(void **state)
{
    rig *r = *state;
    static const char *const NAMES[] = {
        "keys/log.key",  "keys/log.pub",  "keys/device.key",   "keys/device.pub",   "keys",
        "keys/seal.key", "keys/seal.pub", "keys/recovery.key", "keys/recovery.pub", "",
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        print_message("  DIR/%s\n", NAMES[i]);
        assert_true(was_synced(r->srv.dir, NAMES[i]));
    }
}

/* A file of DIR/side, with its name and that of the folder. */
static void assert_note_is_on_the_disk(const char *dir, const char *name)
{
    print_message("  %s/%s\n", dir, name);
    assert_true(was_synced(dir, name));
    assert_true(was_synced(dir, "side"));
    assert_true(was_synced(dir, ""));
    atomic_store(&synced_count, 0);
}

/* What took rights away is said again when the book was put back: it outlives the power as the
 * words do that the operator read. */
static void test_the_notes_beside_the_store_are_on_the_disk(void **state)
{
    rig *r = *state;
    static const side_words WORDS = { .text = "device revoke 0123" };
    char other[STORE_PATH_BYTES];
    sync_side *side = NULL;
    (void)snprintf(other, sizeof other, "%s/other", r->srv.dir);
    atomic_store(&synced_count, 0);
    assert_int_equal(side_add_words(r->srv.dir, &WORDS, NULL), ST_OK);
    assert_note_is_on_the_disk(r->srv.dir, "side/words");
    assert_int_equal(store_dir_make(other, NULL), ST_OK);
    assert_int_equal(side_bring_words(r->srv.dir, other, NULL), ST_OK);
    assert_note_is_on_the_disk(other, "side/words.again");
    assert_int_equal(side_open(other, &side, NULL), ST_OK);
    side_note_size(side, 7);
    assert_int_equal(side_set_size(side, 9, NULL), ST_OK);
    side_close(side);
    assert_note_is_on_the_disk(other, "side/size");
}

/* What is erased leaves with a file: no cut brings its name back. */
static void test_what_was_removed_stays_away(void **state)
{
    rig *r = *state;
    backup_report report;
    st_bucket bucket = { RIG_BUCKET };
    char to[STORE_PATH_BYTES];
    rig_phone an;
    (void)snprintf(to, sizeof to, "%s-backup", r->srv.dir);
    assert_int_equal(backup_make(&r->srv, to, &report, NULL), ST_OK);
    rig_enrol(r, &an, "an");
    atomic_store(&synced_count, 0);
    atomic_store(&removed_at, SYNCED_MAX);
    assert_int_equal(backup_make(&r->srv, to, &report, NULL), ST_OK);
    assert_true(atomic_load(&removed_at) < SYNCED_MAX);
    assert_true(was_synced_since(atomic_load(&removed_at), to, "tables"));
    backup_remove_scratch(to);
    atomic_store(&synced_count, 0);
    sync_snapshot_drop(&r->srv.sync, &bucket);
    assert_true(was_synced_since(atomic_load(&removed_at), r->srv.dir, "snapshots"));
}

/* Is the folder of the keys on the disk between the two renames, and after them? */
static void assert_one_name_after_the_other(rig *r)
{
    assert_int_equal(atomic_load(&renamed_count), 2); /* .key, then .pub */
    assert_true(was_synced_since(renamed_at[1], r->srv.dir, "keys"));
    atomic_store(&synced_count, renamed_at[1]);
    assert_true(was_synced_since(renamed_at[0], r->srv.dir, "keys"));
}

/* An old secret under a new .pub is no key: no cut may leave the second name alone. */
static void test_a_key_takes_its_place_one_name_after_the_other(void **state)
{
    rig *r = *state;
    uint8_t made[32];
    auth_keys keys = r->srv.keys;
    const server_port *port = r->srv.sync.port;
    assert_int_equal(auth_log_prepare(r->srv.dir, &keys, port, made, NULL), ST_OK);
    for (int device = 0; device < 2; device++) {
        atomic_store(&synced_count, 0);
        atomic_store(&renamed_count, 0);
        assert_int_equal(device == 0 ? auth_log_finish(r->srv.dir, NULL)
                                     : auth_keys_renew_device(r->srv.dir, port, &keys, NULL),
                         ST_OK);
        assert_one_name_after_the_other(r);
    }
}

static void test_many_requests_one_sync_of_the_disk(void **state)
{
    rig *r = *state;
    writer *w = NULL;
    assert_int_equal(writer_new(&r->srv.sync, true, &w, NULL), ST_OK);
    prepare(works, WORKS, w);
    unsigned before = atomic_load(&disk_done);
    atomic_store(&disk_ms, 30);
    submit_together(r, w);
    atomic_store(&disk_ms, 0);
    writer_free(w);
    for (size_t i = 0; i < WORKS; i++) {
        assert_int_equal(works[i].result, ST_OK);
        assert_true(works[i].after > works[i].before);
        assert_true(works[i].is_seen);
    }
    assert_true(atomic_load(&disk_done) - before <= 4);  /* the gate's, and one for the rest */
}

static void test_one_bad_request_takes_nothing_along(void **state)
{
    rig *r = *state;
    writer *w = NULL;
    assert_int_equal(writer_new(&r->srv.sync, true, &w, NULL), ST_OK);
    prepare(works, WORKS, w);
    works[3].fails = true;
    submit_together(r, w);
    writer_free(w);
    for (size_t i = 0; i < WORKS; i++) {
        assert_int_equal(works[i].result, i == 3 ? ST_E_VALUE : ST_OK);
        assert_int_equal(works[i].is_seen, i != 3);
    }
    assert_string_equal(works[3].job.error.detail, "test: test-3 is bad");
}

/* After a failed sync nobody knows what the disk has: nothing more is written until a restart. */
static void test_a_broken_disk_is_not_acknowledged(void **state)
{
    rig *r = *state;
    rig_phone an;
    sync_request request;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    st_id visit = rig_visit(&an, "gốc");
    store_slice set = rig_seal(&an);
    uint64_t size = rig_log_size(r);
    atomic_store(&disk_error, EIO);
    st_err err = rig_push(&an, &request, &set, 1);
    sync_request_free(&request);
    atomic_store(&disk_error, 0);
    assert_int_equal(err, ST_E_STORAGE);
    assert_non_null(store_failure(r->srv.sync.store));
    assert_int_equal(rig_log_size(r), size);
    assert_int_equal(rig_push(&an, &request, &set, 1), ST_E_STORAGE);
    sync_request_free(&request);
    assert_int_equal(rig_log_size(r), size);
    rig_reopen(r);
    assert_null(store_failure(r->srv.sync.store));
    assert_int_equal(rig_log_size(r), size);
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_STORED);
    assert_string_equal(rig_value(r, &visit, "general_note", NULL), "gốc");
}

static void test_a_full_disk_is_waited_out(void **state)
{
    rig *r = *state;
    rig_phone an;
    sync_request request;
    rig_enrol(r, &an, "an");
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "gốc");
    store_slice set = rig_seal(&an);
    uint64_t size = rig_log_size(r);
    for (int i = 0; i < 4; i++) {
        atomic_store(&disk_error, i % 2 != 0 ? ENOSPC : 0);
        atomic_store(&disk_cuts, i % 2 == 0);
        st_err err = rig_push(&an, &request, &set, 1);
        sync_request_free(&request);
        assert_int_equal(err, ST_E_STORAGE);
        assert_string_equal(store_failure(r->srv.sync.store), "the disk is full");
        assert_int_equal(rig_log_size(r), size);
    }
    atomic_store(&disk_error, 0);              /* somebody made room: no restart */
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_STORED);
    assert_null(store_failure(r->srv.sync.store));
    assert_int_equal(rig_push_one(&an, set, NULL), ST_VERDICT_DUPLICATE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_disk_has_it_before_the_answer),
        CASE(test_a_new_book_is_on_the_disk),
        CASE(test_the_notes_beside_the_store_are_on_the_disk),
        CASE(test_what_was_removed_stays_away),
        CASE(test_a_key_takes_its_place_one_name_after_the_other),
        CASE(test_many_requests_one_sync_of_the_disk),
        CASE(test_one_bad_request_takes_nothing_along),
        CASE(test_a_broken_disk_is_not_acknowledged),
        CASE(test_a_full_disk_is_waited_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
