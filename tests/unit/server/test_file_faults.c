/* tests/unit/server/test_file_faults.c
 * What the office has outside the book - backups, the log in files for others, snapshots, pieces of
 * attachments, notes beside the store - while a stick is pulled out, the disk is full, a page or
 * memory is not there: nothing is called done that is not, what was there before stays good, and
 * the same thing done again is whole. Each is tried with its first step failing, then its second,
 * until none is left to fail. */
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/server/broken_files.h"
#include "tests/unit/server/office_kit.h"

#include "proto/snapshot.h"
#include "server/backup/backup.h"
#include "server/store/chunks.h"
#include "server/sync/side.h"
#include "server/sync/snapshot.h"

#define VISITS (SYNC_SNAPSHOT_RECORDS_MIN + 2)

typedef struct work work;
typedef st_err (*act)(work *w);

struct work {
    office *o;
    char there[2][96]; /* folders outside the book's */
    st_bucket bucket;
    st_hash name;   /* of the snapshot that was offered last */
    uint64_t files; /* of the folder when nothing fails */
    char tables[100]; /* that the backup before names */
    uint64_t lost; /* pieces, that the last restore named */
    chunks_piece piece;
    uint8_t bytes[64];
};

#define PIECES 3u /* that the book has */

static int setup(void **state)
{
    static work w;
    void *shared = NULL;
    memset(&w, 0, sizeof w);
    (void)office_setup(&shared);
    w.o = shared;
    w.bucket = w.o->an.bucket;
    for (unsigned i = 0; i < 2; i++)
        (void)snprintf(w.there[i], sizeof w.there[i], "%s-%u", w.o->book.dir, i);
    for (unsigned i = 0; i < VISITS; i++)
        a_visit(w.o);
    *state = &w;
    return 0;
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void clear(const char *dir)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    run(command);
}

static int teardown(void **state)
{
    work *w = *state;
    void *shared = w->o;
    for (unsigned i = 0; i < 2; i++)
        clear(w->there[i]);
    return office_teardown(&shared);
}

/* Files below a folder; 0 when it is not there. */
static uint64_t count_files(const char *dir)
{
    char command[160];
    unsigned count = 0;
    (void)snprintf(command, sizeof command, "find %s -type f 2>/dev/null | wc -l", dir);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_int_equal(fscanf(out, "%u", &count), 1);
    (void)pclose(out);
    return count;
}

/* ---- each step fails once ---- */

typedef struct {
    const char *why;
    void (*before)(work *w); /* each time; NULL: nothing */
    act what;
    void (*after)(work *w, st_err err); /* each time, when nothing fails any more */
    uint64_t files, patience;           /* so many places are tried one by one, then fewer */
    bool may_not_notice; /* it is done without what failed, and `after` says whether well */
} scene;

static st_err step_fails(work *w, const scene *s, fault kind, uint64_t n, bool *out_failed)
{
    if (s->before != NULL)
        s->before(w);
    arm(kind, n, false);
    st_err err = s->what(w);
    *out_failed = disarm();
    if (s->after != NULL)
        s->after(w, err);
    return err;
}

static uint64_t torment(work *w, const scene *s, fault kind)
{
    bool failed = true;
    uint64_t places = 0, patience = kind == FILES ? s->files : s->patience;
    if (getenv("TEST_LONG") != NULL)
        patience *= 20;
    for (uint64_t n = 1; failed; n += 1 + n / patience) {
        st_err err = step_fails(w, s, kind, n, &failed);
        if (failed && err == ST_OK && (kind == BOOK || kind == FILES) && !s->may_not_notice)
            fail_msg("%s: step %d of kind %d failed and nobody noticed", s->why, (int)n, (int)kind);
        if (err != ST_OK && !failed)
            fail_msg("%s: %s, though nothing failed", s->why, st_err_name(err));
        if (err != ST_OK && !is_fitting(kind, err) && !s->may_not_notice)
            fail_msg("%s: step %d of kind %d failed, and is called %s", s->why, (int)n, (int)kind,
                     st_err_name(err));
        places += failed;
    }
    return places;
}

static void torment_all(work *w, const scene *scenes, size_t count)
{
    static const fault KINDS[] = { FILES, BOOK, PIECE, MEMORY };
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < (MEMORY_IS_WATCHED ? 3 : 4); k++) {
            bool is_dear = scenes[i].patience == 1 && getenv("TEST_LONG") == NULL;
            if (is_dear && (KINDS[k] == MEMORY || KINDS[k] == PIECE))
                continue;
            uint64_t places = torment(w, &scenes[i], KINDS[k]);
            print_message("  case: %s: failed at %d places (%d)\n", scenes[i].why, (int)places,
                          (int)KINDS[k]);
        }
}

/* ---- backups ---- */

static void no_folder(work *w)
{
    clear(w->there[0]);
}

static st_err back_up(work *w)
{
    backup_report report;
    return backup_make(&w->o->book.rooms, w->there[0], &report, NULL);
}

/* All of it: pieces of files, too. */
static void must_be_a_backup(work *w, st_err err)
{
    if (err != ST_OK)
        return;
    assert_int_equal(count_files(w->there[0]), w->files);
}

/* The tables that the list in the folder names; "" without a list. */
static void note_tables(work *w, char name[100])
{
    backup_manifest manifest;
    st_arena arena;
    name[0] = '\0';
    st_arena_init(&arena, 1u << 20);
    if (backup_manifest_read(w->there[0], &arena, &manifest, NULL) == ST_OK)
        for (size_t i = 0; i < manifest.files_count; i++)
            if (strncmp(manifest.files[i].name, "tables/", 7) == 0)
                (void)snprintf(name, 100, "%s", manifest.files[i].name);
    st_arena_reset(&arena);
}

/* What a good backup no longer names is not in its folder: it may hold what was erased. */
static void no_old_tables(work *w)
{
    char now[100], path[200];
    note_tables(w, now);
    if (w->tables[0] == '\0' || strcmp(now, w->tables) == 0)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", w->there[0], w->tables);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* A folder that was good stays good: it is restored somewhere. */
static void restores_still(work *w, st_err err)
{
    backup_manifest manifest;
    st_error error = { 0 };
    rooms_how how = { .dir = w->there[1] };
    if (err == ST_OK)
        no_old_tables(w);
    clear(w->there[1]);
    st_err done = backup_restore(w->there[0], &how, &manifest, &error);
    if (done != ST_OK)
        fail_msg("what was a good backup is none any more: %s", error.detail);
    assert_true(manifest.entries > 0);
}

static void one_more_visit(work *w)
{
    a_visit(w->o);
    note_tables(w, w->tables);
}

static bool say_nothing(void *context, const char *line)
{
    (void)context;
    return line != NULL;
}

static st_err check_backup(work *w)
{
    backup_verdict found = { 0 };
    st_err err = backup_check(&w->o->book.rooms, w->there[0], say_nothing, NULL, &found, NULL);
    return err == ST_OK && found.wrong > 0 ? ST_E_CORRUPT : err;
}

static void no_store(work *w)
{
    clear(w->there[1]);
}

static st_err restore(work *w)
{
    backup_manifest manifest;
    rooms_how how = { .dir = w->there[1] };
    backup_restore_how more = { .last = NULL };
    st_err err = backup_restore_with(w->there[0], &how, &more, &manifest, NULL);
    w->lost = more.pieces_lost;
    return err;
}

static void keep_a_piece(work *w, uint8_t fill)
{
    memset(w->bytes, fill, sizeof w->bytes);
    w->piece =
        (chunks_piece){ "1", st_sha256(w->bytes, sizeof w->bytes), w->bytes, sizeof w->bytes };
}

/* Each is in the restored book, whole, or was named as one that is lost. */
static void has_its_pieces(work *w)
{
    uint64_t whole = 0;
    for (uint8_t i = 1; i <= PIECES; i++) {
        chunks_state found = CHUNKS_MISSING;
        uint64_t len = 0;
        keep_a_piece(w, i);
        assert_int_equal(chunks_check(w->there[1], &w->piece.hash, &found, &len, NULL), ST_OK);
        assert_int_not_equal(found, CHUNKS_WRONG);
        whole += found == CHUNKS_WHOLE;
    }
    assert_int_equal(whole + w->lost, PIECES);
}

/* A store, or none: never the half of one that a server would open. */
static void opens_when_it_was_made(work *w, st_err err)
{
    server srv;
    rooms_how how = { .dir = w->there[1] };
    bool opened = rooms_open(&how, &srv, NULL) == ST_OK;
    if (opened)
        rooms_close(&srv);
    assert_true(opened == (err == ST_OK));
    if (err == ST_OK)
        has_its_pieces(w);
}

static void test_backups(void **state)
{
    work *w = *state;
    static const scene SCENES[] = {
        { "a first backup", no_folder, back_up, must_be_a_backup, 100, 3, false },
        { "a backup of what is new", one_more_visit, back_up, restores_still, 8, 1, true },
        { "a check", NULL, check_backup, NULL, 6, 1, true },
        { "a restore", no_store, restore, opens_when_it_was_made, 6, 1, true },
    };
    for (uint8_t i = 1; i <= PIECES; i++) {
        keep_a_piece(w, i);
        assert_int_equal(chunks_put(w->o->book.dir, &w->piece, NULL), ST_OK);
    }
    assert_int_equal(back_up(w), ST_OK);
    w->files = count_files(w->there[0]);
    assert_true(w->files > 12);
    torment_all(w, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- the log in files ---- */

static st_err export_log(work *w)
{
    const char *const words[] = { "audit", "export", w->there[0], NULL };
    operator_call call = { .rooms = &w->o->book.rooms,
                           .argv = words,
                           .argc = 3,
                           .lang = "en",
                           .out = &w->o->book.out,
                           .err = &w->o->book.err };
    st_buffer_clear(&w->o->book.out);
    st_buffer_clear(&w->o->book.err);
    return operator_run(&call) == 0 ? ST_OK : ST_E_STORAGE;
}

/* Never a file that is shorter than it should be. */
static void no_file_is_cut(work *w, st_err err)
{
    char command[160];
    (void)snprintf(command, sizeof command, "test -z \"$(find %s -empty -type f 2>/dev/null)\"",
                   w->there[0]);
    run(command);
    if (err == ST_OK)
        assert_int_equal(count_files(w->there[0]), w->files);
}

static void test_the_log_in_files(void **state)
{
    work *w = *state;
    static const scene SCENES[] = {
        { "the log in files", no_folder, export_log, no_file_is_cut, 40, 4, false },
        { "the log in files once more", NULL, export_log, no_file_is_cut, 40, 4, false },
    };
    assert_int_equal(export_log(w), ST_OK);
    w->files = count_files(w->there[0]);
    assert_true(w->files > 4);
    torment_all(w, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- snapshots ---- */

static st_err offer(work *w)
{
    st_arena arena;
    store_txn txn = { 0 };
    st_snapshot snapshot;
    sync_room *room = &w->o->book.rooms.sync;
    st_arena_init(&arena, 64u << 20);
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, NULL);
    if (err == ST_OK)
        err = sync_snapshot_offer(room, &txn, &w->bucket, &arena, &snapshot, NULL);
    if (err == ST_OK)
        w->name = st_snapshot_name(&snapshot);
    store_end(&txn);
    st_arena_reset(&arena);
    return err;
}

/* Who was told a name gets a whole file. */
static void is_given(work *w, st_err err)
{
    int fd = -1;
    uint64_t bytes = 0;
    if (err != ST_OK)
        return;
    assert_int_equal(
        sync_snapshot_open(&w->o->book.rooms.sync, &w->bucket, &w->name, &fd, &bytes, NULL), ST_OK);
    assert_int_equal(close(fd), 0);
    assert_true(bytes > 0);
}

static void no_snapshot(work *w)
{
    sync_snapshot_drop(&w->o->book.rooms.sync, &w->bucket);
}

static void a_quick_snapshot(work *w)
{
    no_snapshot(w);
    assert_int_equal(offer(w), ST_OK);
}

static st_err prepare(work *w)
{
    return sync_snapshot_prepare(&w->o->book.rooms.sync, &w->bucket, NULL, NULL);
}

/* What was given out before is still, or what took its place is there. */
static void something_is_given(work *w, st_err err)
{
    (void)err;
    assert_int_equal(offer(w), ST_OK);
    is_given(w, ST_OK);
}

static st_err open_snapshot(work *w)
{
    int fd = -1;
    uint64_t bytes = 0;
    st_err err =
        sync_snapshot_open(&w->o->book.rooms.sync, &w->bucket, &w->name, &fd, &bytes, NULL);
    if (fd >= 0)
        (void)close(fd);
    return err;
}

static void test_snapshots(void **state)
{
    work *w = *state;
    /* Entries do for who gets no snapshot: a failure is an answer. */
    static const scene SCENES[] = {
        { "a snapshot", no_snapshot, offer, is_given, 50, 6, true },
        { "one that is there", NULL, offer, is_given, 50, 6, true },
        { "a dense one", a_quick_snapshot, prepare, something_is_given, 24, 3, true },
        { "its file", NULL, open_snapshot, something_is_given, 50, 6, true },
    };
    torment_all(w, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- pieces of attachments ---- */

static void a_new_piece(work *w)
{
    keep_a_piece(w, (uint8_t)(w->bytes[0] + 1));
}

static st_err put_piece(work *w)
{
    return chunks_put(w->o->book.dir, &w->piece, NULL);
}

/* Acknowledged: it is there. Refused: whoever sends it again is taken at his word. */
static void piece_is_there(work *w, st_err err)
{
    bool has = false;
    assert_int_equal(chunks_has(w->o->book.dir, &w->piece.hash, &has, NULL), ST_OK);
    assert_true(has || err != ST_OK);
    assert_int_equal(put_piece(w), ST_OK);
}

static st_err read_piece(work *w)
{
    st_buffer out;
    st_buffer_init(&out, 4096);
    st_err err = chunks_get(w->o->book.dir, &w->piece.hash, &out, NULL);
    if (err == ST_OK)
        assert_memory_equal(out.data, w->bytes, sizeof w->bytes);
    st_buffer_free(&out);
    return err;
}

static st_err check_piece(work *w)
{
    chunks_state found = CHUNKS_MISSING;
    uint64_t len = 0;
    st_err err = chunks_check(w->o->book.dir, &w->piece.hash, &found, &len, NULL);
    if (err == ST_OK)
        assert_true(found == CHUNKS_WHOLE && len == sizeof w->bytes);
    return err;
}

static st_err count_piece(void *context, const st_hash *hash, uint64_t bytes, st_error *error)
{
    (void)hash;
    (void)error;
    *(uint64_t *)context += bytes;
    return ST_OK;
}

static st_err count_pieces(work *w)
{
    uint64_t total = 0, counted = 0;
    st_err err = chunks_total(w->o->book.dir, &total, NULL);
    if (err == ST_OK)
        err = chunks_each(w->o->book.dir, count_piece, &counted, NULL);
    if (err == ST_OK)
        assert_true(total == counted && total >= sizeof w->bytes);
    return err;
}

static void has_piece(work *w)
{
    assert_int_equal(put_piece(w), ST_OK);
}

static st_err remove_piece(work *w)
{
    return chunks_remove(w->o->book.dir, &w->piece.hash, NULL);
}

static void what_was_half_written(work *w)
{
    char command[160];
    (void)snprintf(command, sizeof command, "touch %s/parts/1 %s/parts/2", w->o->book.dir,
                   w->o->book.dir);
    run(command);
}

static st_err tidy_pieces(work *w)
{
    return chunks_tidy(w->o->book.dir, NULL);
}

static void test_pieces(void **state)
{
    work *w = *state;
    static const scene SCENES[] = {
        { "a piece comes", a_new_piece, put_piece, piece_is_there, 50, 50, false },
        { "it is read", NULL, read_piece, NULL, 50, 50, false },
        { "it is compared", NULL, check_piece, NULL, 50, 50, false },
        { "all are counted", NULL, count_pieces, NULL, 50, 50, false },
        { "one is removed", has_piece, remove_piece, NULL, 50, 50, false },
        { "halves are tidied away", what_was_half_written, tidy_pieces, NULL, 50, 50, false },
    };
    torment_all(w, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- the notes beside the store ---- */

static st_err open_notes(work *w)
{
    sync_side *side = NULL;
    st_err err = side_open(w->there[0], &side, NULL);
    if (err == ST_OK)
        side_close(side);
    return err;
}

static void a_folder(work *w)
{
    clear(w->there[0]);
    assert_int_equal(mkdir(w->there[0], 0700), 0);
}

static st_err mark_and_unmark(work *w)
{
    sync_side *side = NULL;
    st_err err = side_open(w->there[0], &side, NULL);
    if (err == ST_OK)
        err = side_mark(side, 9, NULL);
    if (err == ST_OK)
        err = side_mark(side, 12, NULL);
    if (err == ST_OK)
        assert_true(side_is_rolled_back(side));
    if (err == ST_OK)
        assert_int_equal(side_put_back_to(side), 9); /* of several proofs the lowest counts */
    if (err == ST_OK)
        err = side_set_size(side, 7, NULL);
    if (err == ST_OK)
        err = side_unmark(side, NULL);
    if (err == ST_OK)
        assert_false(side_is_rolled_back(side));
    side_close(side);
    return err;
}

static uint64_t put_back_to(work *w)
{
    sync_side *side = NULL;
    assert_int_equal(side_open(w->there[0], &side, NULL), ST_OK);
    uint64_t up_to = side_put_back_to(side);
    side_close(side);
    return up_to;
}

/* The mark of an older program says nothing of the place: only the first entry is certain. */
static void test_a_mark_without_a_place(void **state)
{
    work *w = *state;
    sync_side *side = NULL;
    char path[STORE_PATH_BYTES];
    a_folder(w);
    assert_int_equal(side_open(w->there[0], &side, NULL), ST_OK);
    assert_true(side_put_back_to(side) == UINT64_MAX);
    assert_int_equal(side_mark(side, 9, NULL), ST_OK);
    side_close(side);
    assert_int_equal(put_back_to(w), 9);
    (void)snprintf(path, sizeof path, "%s/side/rolled-back", w->there[0]);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(put_back_to(w), 1);
}

static bool one_line(void *context, const side_words *words)
{
    *(unsigned *)context += strcmp(words->text, "device revoke 0123") == 0;
    return true;
}

static st_err add_words(work *w)
{
    static const side_words WORDS = { .text = "device revoke 0123", .has_place = true, .index = 7 };
    return side_add_words(w->there[0], &WORDS, NULL);
}

static st_err read_words(work *w)
{
    unsigned count = 0;
    st_err err = side_each_words(w->there[0], one_line, &count, NULL);
    if (err == ST_OK)
        assert_true(count > 0);
    return err;
}

static unsigned words_count(work *w)
{
    unsigned count = 0;
    assert_int_equal(side_each_words(w->there[0], one_line, &count, NULL), ST_OK);
    return count;
}

/* The power went in the middle of a line: the next one is understood all the same. */
static void test_words_behind_a_torn_line(void **state)
{
    work *w = *state;
    char path[120];
    a_folder(w);
    assert_int_equal(add_words(w), ST_OK);
    (void)snprintf(path, sizeof path, "%s/side/words", w->there[0]);
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(truncate(path, before.st_size - 9), 0);
    assert_int_equal(words_count(w), 0);
    assert_int_equal(add_words(w), ST_OK);
    assert_int_equal(add_words(w), ST_OK);
    assert_int_equal(words_count(w), 2);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, 3 * before.st_size - 9 + 1);
}

/* The disk takes half of a line: nothing of it stays. */
static void test_words_on_a_full_disk(void **state)
{
    work *w = *state;
    char path[120];
    struct stat before, after;
    struct rlimit all, few;
    a_folder(w);
    assert_int_equal(add_words(w), ST_OK);
    (void)snprintf(path, sizeof path, "%s/side/words", w->there[0]);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    few = all;
    few.rlim_cur = (rlim_t)before.st_size + 9;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    st_err err = add_words(w);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(err, ST_E_STORAGE);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

static void test_notes_beside_the_store(void **state)
{
    work *w = *state;
    static const scene SCENES[] = {
        { "notes are opened", a_folder, open_notes, NULL, 50, 50, false },
        { "the store was put back, and a new epoch", a_folder, mark_and_unmark, NULL, 50, 50,
          false },
        { "words that took rights away", NULL, add_words, NULL, 50, 50, false },
        { "those words", NULL, read_words, NULL, 50, 50, false },
    };
    torment_all(w, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_backups), CASE(test_the_log_in_files),       CASE(test_snapshots),
        CASE(test_pieces),  CASE(test_notes_beside_the_store), CASE(test_a_mark_without_a_place),
        CASE(test_words_behind_a_torn_line), CASE(test_words_on_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
