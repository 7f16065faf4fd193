/* tests/unit/server/test_running.c
 * The office finds the server by the note that it leaves, also when the disk has filled up since
 * the last start: the note's room stays taken. Nobody else may ever read it. */
#include "server/operator/running.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    char dir[64], note[96], spare[96];
    running_server run;
} place;

static int setup(void **state)
{
    place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/sotay-running-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->note, sizeof p->note, "%s/server.run", p->dir);
    (void)snprintf(p->spare, sizeof p->spare, "%s/server.spare", p->dir);
    (void)snprintf(p->run.url, sizeof p->run.url, "http://127.0.0.1:8080");
    (void)snprintf(p->run.public_url, sizeof p->run.public_url, "https://so.example");
    memset(p->run.token, 'a', 64);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    place *p = *state;
    (void)unlink(p->note);
    (void)unlink(p->spare);
    (void)chmod(p->dir, 0700);
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

static void write_note(place *p)
{
    bool is_full = true;
    st_error error = { 0 };
    assert_int_equal(running_write(p->dir, &p->run, &is_full, &error), ST_OK);
    assert_false(is_full);
}

static void assert_found(const place *p)
{
    running_server got;
    st_error error = { 0 };
    assert_int_equal(running_read(p->dir, &got, &error), ST_OK);
    assert_string_equal(got.url, p->run.url);
    assert_string_equal(got.public_url, p->run.public_url);
    assert_string_equal(got.token, p->run.token);
}

static struct stat stat_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st;
}

static void test_the_office_finds_the_server(void **state)
{
    place *p = *state;
    write_note(p);
    assert_found(p);
    assert_int_equal(stat_of(p->note).st_mode & 07777, 0600);
    running_remove(p->dir);
    running_server got;
    st_error error = { 0 };
    assert_int_equal(running_read(p->dir, &got, &error), ST_E_NOT_FOUND);
}

/* The same file, as long as before, whatever the address: no start needs room that another had. */
static void test_the_next_note_takes_the_room_of_the_last(void **state)
{
    place *p = *state;
    write_note(p);
    struct stat first = stat_of(p->note);
    for (int ended = 0; ended < 2; ended++) { /* killed, then ended in order */
        if (ended == 1) {
            running_remove(p->dir);
            assert_int_equal(stat_of(p->spare).st_size, first.st_size);
        }
        memset(p->run.token, 'b' + ended, 64);
        memset(p->run.public_url, 'x', sizeof p->run.public_url - 1 - (size_t)ended * 100);
        p->run.public_url[sizeof p->run.public_url - 1 - (size_t)ended * 100] = '\0';
        write_note(p);
        assert_found(p);
        struct stat next = stat_of(p->note);
        assert_int_equal(next.st_ino, first.st_ino);
        assert_int_equal(next.st_size, first.st_size);
        assert_int_equal(access(p->spare, F_OK), -1);
    }
}

/* A note that somebody copied with other rights is closed before the token is of use. */
static void test_nobody_else_reads_it(void **state)
{
    place *p = *state;
    write_note(p);
    assert_int_equal(chmod(p->note, 0644), 0);
    write_note(p);
    assert_int_equal(stat_of(p->note).st_mode & 07777, 0600);
    running_remove(p->dir);
    assert_int_equal(chmod(p->spare, 0666), 0);
    write_note(p);
    assert_int_equal(stat_of(p->note).st_mode & 07777, 0600);
}

/* Where the spare file leads elsewhere, nothing is written there. */
static void test_a_link_is_not_followed(void **state)
{
    place *p = *state;
    char other[96];
    bool is_full = true;
    st_error error = { 0 };
    (void)snprintf(other, sizeof other, "%s/other", p->dir);
    int fd = open(other, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(symlink(other, p->spare), 0);
    assert_int_equal(running_write(p->dir, &p->run, &is_full, &error), ST_E_STORAGE);
    assert_false(is_full);
    assert_int_equal(stat_of(other).st_size, 0);
    assert_int_equal(unlink(other), 0);
}

/* What no waiting mends is told from a full disk. */
static void test_a_folder_that_is_not_there(void **state)
{
    place *p = *state;
    bool is_full = true;
    st_error error = { 0 };
    assert_int_equal(running_write("/tmp/sotay-running-none", &p->run, &is_full, &error),
                     ST_E_STORAGE);
    assert_false(is_full);
    running_remove("/tmp/sotay-running-none");
}

/* Notes that are none: an empty one, one that was cut, a token that is none. */
static void test_what_no_server_writes_is_refused(void **state)
{
    static const char *const TEXTS[] = { "", "http://127.0.0.1:1\n", "a\nb\nabc\n", "a\nb\nXYZ\n",
                                         "\n\n\n" };
    place *p = *state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        running_server got = { .url = "as it was" };
        st_error error = { 0 };
        FILE *file = fopen(p->note, "we");
        assert_non_null(file);
        assert_true(fputs(TEXTS[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(running_read(p->dir, &got, &error), ST_E_CORRUPT);
        assert_string_equal(got.url, "as it was");
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_office_finds_the_server), CASE(test_the_next_note_takes_the_room_of_the_last),
        CASE(test_nobody_else_reads_it),        CASE(test_a_link_is_not_followed),
        CASE(test_a_folder_that_is_not_there),  CASE(test_what_no_server_writes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
