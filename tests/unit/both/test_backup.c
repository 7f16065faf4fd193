/* tests/unit/both/test_backup.c
 * What is called a backup of this book, and covered by one, is so: two calls in one folder at once,
 * folders of another past or another book, what a check that was killed leaves behind, pieces of
 * files that one of the two lost, a damaged list. */
#include <unistd.h>

#include "server/backup/tree.h"
#include "server/store/chunks.h"
#include "tests/unit/both/town.h"

static uint64_t covered(town *t)
{
    unsigned long long index = 0;
    KIT_EXPECT(0, &t->w.book, "stat", "--json");
    const char *at = strstr(KIT_OUT(&t->w.book), "\"backed_up_to\":");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"backed_up_to\":%llu", &index), 1);
    return index;
}

static void write_and_sync(town *t)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "xóm" } };
    const sotay_pairs pairs = { list, 2 };
    sotay_id id;
    phone *p = &t->w.phones[0];
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_OK);
}

static bool is_there(const char *dir, const char *name)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* While one works in the folder no other does: a check would sign for what the other removes. */
static void test_one_at_a_time(void **state)
{
    (void)state;
    town t;
    int taken = -1;
    town_make(&t, 1);
    backup(&t);
    assert_int_equal(backup_take_folder(t.backup, &taken, NULL), ST_OK);
    KIT_EXPECT(1, &t.w.book, "backup", "--check", t.backup);
    assert_true(kit_says(KIT_ERR(&t.w.book), "another backup or check"));
    KIT_EXPECT(1, &t.w.book, "backup", t.backup);
    assert_true(kit_says(KIT_ERR(&t.w.book), "another backup or check"));
    (void)close(taken);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", t.backup);
    town_free(&t);
}

/* It would hold the book and its keys, also what is erased by now. */
static void test_what_a_killed_check_left(void **state)
{
    (void)state;
    town t;
    town_make(&t, 2);
    backup(&t);
    run_shell("mkdir -p %s/.check.aBcDeF/keys && echo x >%s/.check.aBcDeF/keys/log.key", t.backup,
              t.backup);
    backup(&t);
    assert_false(is_there(t.backup, ".check.aBcDeF"));
    run_shell("mkdir -p %s/.check.aBcDeF %s/.check.ghijkl", t.backup, t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    run_shell("test -z \"$(ls -d %s/.check.* 2>%s)\"", t.backup, "/dev/null");
    town_free(&t);
}

/* The newer folder is of a past that this log does not have: good, and no backup of this book, also
 * when the log is longer by now. */
static void test_a_lost_past_covers_nothing(void **state)
{
    (void)state;
    town t;
    town_make(&t, 3);
    backup(&t);
    write_and_sync(&t);
    KIT_EXPECT(0, &t.w.book, "backup", t.copy);
    restore(&t);
    for (int longer = 0; longer < 2; longer++) {
        uint64_t before = covered(&t);
        KIT_EXPECT(3, &t.w.book, "backup", "--check", t.copy);
        assert_true(kit_says(KIT_OUT(&t.w.book), "good"));
        assert_true(kit_says(KIT_OUT(&t.w.book), "nothing of this book is covered"));
        assert_int_equal(covered(&t), before);
        for (int i = 0; i < 4; i++)
            write_and_sync(&t);
    }
    assert_true(phone_status_says(&t.w.phones[0], "\"safe_to_wipe\":false"));
    KIT_EXPECT(0, &t.w.book, "backup", t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    assert_int_equal(sync_phone(&t.w, &t.w.phones[0], 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(&t.w.phones[0], "\"safe_to_wipe\":true"));
    town_free(&t);
}

/* What was checked stays so when more goes into the folder. */
static void test_a_further_backup_forgets_no_check(void **state)
{
    (void)state;
    town t;
    town_make(&t, 4);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    uint64_t checked = covered(&t);
    assert_true(checked > 0);
    for (int i = 0; i < 2; i++) {
        write_and_sync(&t);
        backup(&t);
        assert_int_equal(covered(&t), checked);
    }
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    assert_true(covered(&t) > checked);
    town_free(&t);
}

/* A folder with a book in it is in use, or not: it is none for a backup. */
static void test_a_book_is_no_place_for_a_backup(void **state)
{
    (void)state;
    town t;
    town_make(&t, 5);
    backup(&t);
    run_shell("cp -r %s %s", t.w.book.dir, t.copy);
    KIT_EXPECT(1, &t.w.book, "backup", t.copy);
    assert_true(kit_says(KIT_ERR(&t.w.book), "the data folder of a book"));
    town_free(&t);
}

/* ---- pieces of files ---- */

#define PIECES 4u

typedef struct {
    uint8_t bytes[100];
    chunks_piece piece;
} part;

static void keep_parts(town *t, part parts[PIECES])
{
    for (unsigned i = 0; i < PIECES; i++) {
        memset(parts[i].bytes, (int)i + 1, sizeof parts[i].bytes);
        parts[i].piece = (chunks_piece){ "1", st_sha256(parts[i].bytes, sizeof parts[i].bytes),
                                         parts[i].bytes, sizeof parts[i].bytes };
        assert_int_equal(chunks_put(t->w.book.dir, &parts[i].piece, NULL), ST_OK);
    }
}

/* Another byte, the length stays. */
static void spoil(const char *dir, const part *p)
{
    char hex[65], path[400];
    st_hex(p->piece.hash.b, 32, hex);
    (void)snprintf(path, sizeof path, "%s/chunks/%.2s/%s", dir, hex, hex + 2);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
}

static void assert_piece(const char *dir, const part *p, chunks_state wanted)
{
    chunks_state state = CHUNKS_WRONG;
    uint64_t len = 0;
    assert_int_equal(chunks_check(dir, &p->piece.hash, &state, &len, NULL), ST_OK);
    assert_int_equal(state, wanted);
}

/* What went bad or missing in the folder is written anew from the book. */
static void test_a_piece_that_the_backup_lost(void **state)
{
    (void)state;
    town t;
    part parts[PIECES];
    town_make(&t, 6);
    keep_parts(&t, parts);
    backup(&t);
    spoil(t.backup, &parts[0]);
    assert_int_equal(chunks_remove(t.backup, &parts[1].piece.hash, NULL), ST_OK);
    backup(&t);
    for (unsigned i = 0; i < PIECES; i++)
        assert_piece(t.backup, &parts[i], CHUNKS_WHOLE);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    town_free(&t);
}

/* What the book lost stays in the backup, and comes back from it. */
static void test_a_piece_that_the_book_lost(void **state)
{
    (void)state;
    town t;
    part parts[PIECES];
    town_make(&t, 7);
    keep_parts(&t, parts);
    backup(&t);
    assert_int_equal(chunks_remove(t.w.book.dir, &parts[0].piece.hash, NULL), ST_OK);
    spoil(t.w.book.dir, &parts[1]);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    restore(&t);
    for (unsigned i = 0; i < PIECES; i++)
        assert_piece(t.w.book.dir, &parts[i], CHUNKS_WHOLE);
    town_free(&t);
}

/* Good nowhere: it is said, and nothing is covered until it is good again, since phones would give
 * up what they have of it. */
static void test_a_piece_that_is_good_nowhere(void **state)
{
    (void)state;
    town t;
    part parts[PIECES];
    town_make(&t, 8);
    keep_parts(&t, parts);
    spoil(t.w.book.dir, &parts[2]);
    KIT_EXPECT(3, &t.w.book, "backup", t.backup);
    assert_true(kit_says(KIT_OUT(&t.w.book), "not in this backup either: 1."));
    KIT_EXPECT(3, &t.w.book, "backup", t.copy);
    KIT_EXPECT(3, &t.w.book, "backup", "--check", t.copy);
    assert_int_equal(covered(&t), 0);
    assert_int_equal(chunks_remove(t.w.book.dir, &parts[2].piece.hash, NULL), ST_OK);
    assert_int_equal(chunks_put(t.w.book.dir, &parts[2].piece, NULL), ST_OK);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    assert_true(covered(&t) > 0);
    town_free(&t);
}

static void note_lost(void *context, const char *name)
{
    const part *lost = context;
    st_hash hash;
    assert_true(backup_tree_hash(name, &hash));
    assert_true(memcmp(hash.b, lost[0].piece.hash.b, 32) == 0 ||
                memcmp(hash.b, lost[1].piece.hash.b, 32) == 0);
}

/* A piece that is missing or damaged in the backup stops nothing else. */
static void test_a_restore_goes_on(void **state)
{
    (void)state;
    town t;
    part parts[PIECES];
    st_error error = { 0 };
    backup_manifest manifest;
    town_make(&t, 9);
    keep_parts(&t, parts);
    backup(&t);
    spoil(t.backup, &parts[0]);
    assert_int_equal(chunks_remove(t.backup, &parts[1].piece.hash, NULL), ST_OK);
    KIT_EXPECT(3, &t.w.book, "backup", "--check", t.backup);
    assert_true(kit_says(KIT_OUT(&t.w.book), "WRONG"));
    assert_int_equal(covered(&t), 0);
    backup_restore_how how = { .lost = note_lost, .context = parts };
    rooms_how to = { .dir = t.copy };
    if (backup_restore_with(t.backup, &to, &how, &manifest, &error) != ST_OK)
        fail_msg("%s", error.detail);
    assert_int_equal(how.pieces_lost, 2);
    for (unsigned i = 0; i < PIECES; i++)
        assert_piece(t.copy, &parts[i], i < 2 ? CHUNKS_MISSING : CHUNKS_WHOLE);
    town_free(&t);
}

/* Lines with other ends are read; a damaged list says what to do, and doing so helps. */
static void test_a_list_that_somebody_sent_by_mail(void **state)
{
    (void)state;
    town t;
    town_make(&t, 10);
    backup(&t);
    restore(&t); /* the next one has a folder of keys of its own */
    backup(&t);
    run_shell("sed -i 's/$/\\r/' %s/backup.txt %s", t.backup, "");
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    run_shell("cp %s/backup.txt %s", t.backup, t.copy);
    run_shell("sed -i 's/^time .*/time 9223372036854775808/' %s/backup.txt %s", t.backup, "");
    KIT_EXPECT(1, &t.w.book, "backup", "--check", t.backup);
    assert_true(kit_says(KIT_ERR(&t.w.book), "move it away"));
    run_shell("mv %s %s/backup.txt", t.copy, t.backup);
    run_shell("printf 'x y z\\n' >>%s/backup.txt %s", t.backup, "");
    KIT_EXPECT(1, &t.w.book, "backup", t.backup);
    assert_true(kit_says(KIT_ERR(&t.w.book), "move it away"));
    run_shell("mv %s/backup.txt %s", t.backup, t.copy);
    KIT_EXPECT(0, &t.w.book, "backup", t.backup);
    KIT_EXPECT(0, &t.w.book, "backup", "--check", t.backup);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_what_a_killed_check_left),
        cmocka_unit_test(test_a_lost_past_covers_nothing),
        cmocka_unit_test(test_a_further_backup_forgets_no_check),
        cmocka_unit_test(test_a_book_is_no_place_for_a_backup),
        cmocka_unit_test(test_a_piece_that_the_backup_lost),
        cmocka_unit_test(test_a_piece_that_the_book_lost),
        cmocka_unit_test(test_a_piece_that_is_good_nowhere),
        cmocka_unit_test(test_a_restore_goes_on),
        cmocka_unit_test(test_a_list_that_somebody_sent_by_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
