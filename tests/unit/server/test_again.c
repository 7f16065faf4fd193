/* tests/unit/server/test_again.c
 * A book was put back, and who had lost a right since loses it again. A word that cannot be said
 * lets no phone in and nobody give a right, and locks out neither the cure, nor the other words,
 * nor whoever takes the right away in another way. What is so already goes to the next restore as
 * known: a device that the office lifted since is not suspended once more. */
#include "server/backup/backup.h"
#include "server/operator/again.h"
#include "server/sync/side.h"
#include "tests/unit/server/operator_kit.h"

static unsigned said_count;

static void count_said(const char *words)
{
    print_message("  %s\n", words);
    said_count++;
}

/* As sotayctl does it before each verb, and sotayd before it opens its door. */
static st_err say_again(kit_book *book)
{
    st_error error = { 0 };
    said_count = 0;
    const st_err err = operator_say_again(&book->rooms, book->lang, count_said, &error);
    book->words_wait = err != ST_OK;
    return err;
}

/* The words take effect with an entry that no log here has. */
static void owe(kit_book *book, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/side/words.again", book->dir);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_true(fprintf(file, "@9999 0102030405060708 %s\n", text) > 0);
    assert_int_equal(fclose(file), 0);
}

static bool is_owed(kit_book *book)
{
    bool waits = false;
    assert_int_equal(side_has_again(book->rooms.dir, &waits, NULL), ST_OK);
    return waits;
}

typedef struct {
    const char *text;
    const uint8_t *epoch;
    unsigned old, known;           /* noted with another place; of this epoch */
} noted;

static bool count_noted(void *context, const side_words *words)
{
    noted *n = context;
    if (strcmp(words->text, n->text) != 0)
        return true;
    const bool is_known = memcmp(words->epoch, n->epoch, sizeof words->epoch) == 0;
    n->known += is_known;
    n->old += !is_known;
    return true;
}

static void assert_noted(kit_book *book, const char *text, unsigned old, unsigned known)
{
    noted n = { text, book->rooms.sync.epoch, 0, 0 };
    assert_int_equal(side_each_kept(book->rooms.dir, count_noted, &n, NULL), ST_OK);
    assert_int_equal(n.old, old);
    assert_int_equal(n.known, known);
}

/* ---- a word that cannot be said ---- */

static st_err spoil_row(writer_turn *turn, void *argument, st_error *error)
{
    const st_id *person = argument;
    return store_put(turn->txn, STORE_PERSON, store_bytes(person->b, sizeof person->b),
                     store_text("xx"), error);
}

static void spoil(kit_book *book, const char *login)
{
    store_txn txn = { 0 };
    auth_person person;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_person_by_login(&txn, login, &person, NULL), ST_OK);
    store_end(&txn);
    writer_job job = { .run = spoil_row, .argument = &person.id };
    assert_int_equal(writer_submit(book->rooms.writer, &job, NULL), ST_OK);
}

static void make_people(kit_book *book)
{
    static const char *const PEOPLE[][2] = { { "an", "officer" },
                                             { "binh", "officer" },
                                             { "office", "office" } };
    kit_make(book, false);
    for (size_t i = 0; i < sizeof PEOPLE / sizeof PEOPLE[0]; i++)
        KIT_EXPECT(0, book, "user", "add", PEOPLE[i][0], "--name", "X", "--role", PEOPLE[i][1]);
}

/* Each line, and what it ends with while a word waits. */
static void assert_rule(kit_book *book, const char *device, const char *copy)
{
    const struct { int code; const char *words[6]; } CASES[] = {
        { 0, { "stat" } },
        { 0, { "device", "list" } },
        { 0, { "records" } },
        { 3, { "verify" } },
        { 0, { "backup", copy } },
        { 1, { "user", "add", "hoa", "--name=Hoa", "--role=office" } },
        { 1, { "role", "office", "+admin" } },
        { 1, { "role", "office", "-office", "+admin" } },
        { 1, { "enrol", "binh" } },
        { 1, { "assign", "binh", KIT_UNIT } },
        { 1, { "address", "https://so.example" } },
        { 1, { "export", "csv", "--form=visit" } },
        { 0, { "device", "suspend", device } },
        { 1, { "device", "suspend", device, "--lift" } },
        { 0, { "device", "revoke", device } },
        { 0, { "role", "office", "-office" } },
        { 2, { "role", "office" } },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const int code = kit_call(book, CASES[i].words);
        print_message("  %s %s: %d %s\n", CASES[i].words[0],
                      CASES[i].words[1] != NULL ? CASES[i].words[1] : "", code, KIT_ERR(book));
        assert_int_equal(code, CASES[i].code);
        assert_int_equal(code == 1, strstr(KIT_ERR(book), "this waits until all") != NULL);
    }
}

static void test_a_damaged_row_locks_out_nothing(void **state)
{
    char device[33], copy[80], command[120];
    kit_book book;
    kit_phone phone;
    (void)state;
    make_people(&book);
    kit_enrol(&book, "binh", 3, &phone);
    st_id_format(&phone.device, device);
    (void)snprintf(copy, sizeof copy, "%s.copy", book.dir);
    spoil(&book, "an");
    owe(&book, "user disable an");
    owe(&book, "user disable binh");
    assert_int_equal(say_again(&book), ST_E_CORRUPT);
    assert_int_equal(said_count, 1); /* none has to wait for another */
    assert_noted(&book, "user disable binh", 0, 1);
    assert_rule(&book, device, copy);
    assert_int_equal(say_again(&book), ST_E_CORRUPT);
    assert_int_equal(said_count, 0);
    KIT_EXPECT(0, &book, "rebuild");
    assert_true(is_owed(&book));
    assert_int_equal(say_again(&book), ST_OK);
    assert_int_equal(said_count, 1);
    assert_false(is_owed(&book));
    KIT_EXPECT(1, &book, "user", "disable", "an");
    assert_true(kit_says(KIT_ERR(&book), "disabled already"));
    KIT_EXPECT(0, &book, "user", "add", "hoa", "--name", "Hoa", "--role", "office");
    KIT_EXPECT(0, &book, "verify");
    kit_remove(&book);
    (void)snprintf(command, sizeof command, "rm -rf %s", copy);
    assert_int_equal(system(command), 0);
}

/* The same words, said by the office itself meanwhile, are owed no more. */
static void test_the_office_says_it_itself(void **state)
{
    kit_book book;
    (void)state;
    make_people(&book);
    spoil(&book, "an");
    owe(&book, "user disable an");
    assert_int_equal(say_again(&book), ST_E_CORRUPT);
    KIT_EXPECT(0, &book, "rebuild");
    KIT_EXPECT(0, &book, "user", "disable", "an");
    assert_int_equal(say_again(&book), ST_OK);
    assert_int_equal(said_count, 0);
    assert_noted(&book, "user disable an", 0, 1);
    kit_remove(&book);
}

/* ---- what is so already ---- */

static st_err bring(void *context, server *srv, st_error *error)
{
    return side_bring_words(context, srv->dir, error);
}

/* As `restore BACKUP --side` of the folder that is there. */
static void restore(kit_book *book, const char *backup)
{
    char old[80], command[200];
    st_error error = { 0 };
    backup_manifest manifest;
    rooms_how how = { .dir = book->dir };
    const rooms_filler notes = { old, bring };
    backup_restore_how more = { .last = &notes };
    rooms_close(&book->rooms);
    (void)snprintf(old, sizeof old, "%s.old", book->dir);
    assert_int_equal(rename(book->dir, old), 0);
    if (backup_restore_with(backup, &how, &more, &manifest, &error) != ST_OK)
        fail_msg("restore: %s", error.detail);
    if (rooms_open(&how, &book->rooms, &error) != ST_OK)
        fail_msg("open: %s", error.detail);
    assert_int_equal(say_again(book), ST_OK);
    (void)snprintf(command, sizeof command, "rm -rf %s", old);
    assert_int_equal(system(command), 0);
}

static void test_a_lift_that_the_backup_knows(void **state)
{
    char device[33], first[80], second[80], words[80], command[200];
    kit_book book;
    kit_phone phone;
    (void)state;
    make_people(&book);
    kit_enrol(&book, "an", 9, &phone);
    st_id_format(&phone.device, device);
    (void)snprintf(first, sizeof first, "%s.first", book.dir);
    (void)snprintf(second, sizeof second, "%s.second", book.dir);
    (void)snprintf(words, sizeof words, "device suspend %s", device);
    KIT_EXPECT(0, &book, "device", "suspend", device);
    KIT_EXPECT(0, &book, "backup", first);
    KIT_EXPECT(0, &book, "device", "suspend", device, "--lift");
    KIT_EXPECT(0, &book, "device", "suspend", device);
    restore(&book, first);
    assert_int_equal(said_count, 0); /* the backup has it so */
    assert_noted(&book, words, 1, 1); /* the one that it knows, and the later one */
    KIT_EXPECT(0, &book, "device", "suspend", device, "--lift");
    KIT_EXPECT(0, &book, "backup", second);
    restore(&book, second);
    assert_int_equal(said_count, 0);
    KIT_EXPECT(1, &book, "device", "suspend", device, "--lift");
    assert_true(kit_says(KIT_ERR(&book), "not suspended"));
    restore(&book, first); /* one that knows nothing of the lift */
    KIT_EXPECT(0, &book, "device", "suspend", device, "--lift");
    kit_remove(&book);
    (void)snprintf(command, sizeof command, "rm -rf %s %s", first, second);
    assert_int_equal(system(command), 0);
}

/* Who is disabled keeps his roles, and has them again when somebody lets him in. */
static void test_a_role_of_somebody_disabled_stays_owed(void **state)
{
    kit_book book;
    (void)state;
    make_people(&book);
    KIT_EXPECT(0, &book, "user", "disable", "an");
    owe(&book, "role an -officer");
    owe(&book, "role nobody -officer");
    owe(&book, "user disable an");
    owe(&book, "role office -admin"); /* which nobody has: so it is */
    assert_int_equal(say_again(&book), ST_OK);
    assert_noted(&book, "role an -officer", 1, 0);
    assert_noted(&book, "role nobody -officer", 1, 0);
    assert_noted(&book, "user disable an", 0, 1); /* as the office said it */
    assert_noted(&book, "role office -admin", 0, 1);
    kit_remove(&book);
}

/* ---- an old store is put back while words wait ---- */

static void shell(const char *format, const char *a, const char *b)
{
    char command[300];
    (void)snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

static bool is_revoked(kit_book *book, const char *device)
{
    KIT_EXPECT(0, book, "device", "list", "--json");
    const char *at = strstr(KIT_OUT(book), device);
    assert_non_null(at);
    const char *status = strstr(at, "\"status\":\"");
    assert_non_null(status);
    return strncmp(status + 10, "revoked", 7) == 0;
}

/* What the office took away while others of its words waited is lost with the newer store, and is
 * said again behind them. */
static void test_a_store_put_back_while_words_wait(void **state)
{
    char device[33], kept[80];
    kit_book book;
    kit_phone phone;
    (void)state;
    make_people(&book);
    kit_enrol(&book, "binh", 3, &phone);
    st_id_format(&phone.device, device);
    spoil(&book, "an");
    owe(&book, "user disable an");
    const rooms_how how = { .dir = book.dir };
    rooms_close(&book.rooms);
    (void)snprintf(kept, sizeof kept, "%s.kept", book.dir);
    shell("cp -a %s %s && rm -rf %2$s/side", book.dir, kept);
    assert_int_equal(rooms_open(&how, &book.rooms, NULL), ST_OK);
    assert_int_equal(say_again(&book), ST_E_CORRUPT);
    KIT_EXPECT(0, &book, "device", "revoke", device);
    assert_true(is_revoked(&book, device));
    for (int i = 0; i < 2; i++) { /* the second time unnoticed */
        rooms_close(&book.rooms);
        shell("cp -a %s/. %s/", kept, book.dir);
        assert_int_equal(rooms_open(&how, &book.rooms, NULL), ST_OK);
        assert_false(is_revoked(&book, device));
    }
    assert_int_equal(say_again(&book), ST_E_CORRUPT);
    assert_true(is_revoked(&book, device));
    KIT_EXPECT(0, &book, "rebuild");
    assert_int_equal(say_again(&book), ST_OK);
    assert_false(is_owed(&book));
    assert_true(is_revoked(&book, device));
    shell("rm -rf %s%s", kept, "");
    kit_remove(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_damaged_row_locks_out_nothing),
        cmocka_unit_test(test_the_office_says_it_itself),
        cmocka_unit_test(test_a_lift_that_the_backup_knows),
        cmocka_unit_test(test_a_role_of_somebody_disabled_stays_owed),
        cmocka_unit_test(test_a_store_put_back_while_words_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
