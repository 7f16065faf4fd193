/* tests/unit/server/test_seen.c
 * A set whose author speaks of another log is stored like any other, and the office hears whose it
 * is; nobody is named for what he had seen of this log, or of one that a restore cut off. */
#include "tests/unit/server/operator_kit.h"

#include "server/audit/tree.h"
#include "server/backup/backup.h"

typedef struct {
    kit_book book;
    kit_phone an, binh;
} office;

static office OFFICE;

static int setup(void **state)
{
    office *o = &OFFICE;
    kit_make(&o->book, false);
    KIT_EXPECT(0, &o->book, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(0, &o->book, "user", "add", "binh", "--name", "Bình", "--role", "officer");
    KIT_EXPECT(0, &o->book, "assign", "an", KIT_UNIT);
    KIT_EXPECT(0, &o->book, "assign", "binh", KIT_UNIT);
    KIT_EXPECT(0, &o->book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &o->book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    kit_enrol(&o->book, "an", 7, &o->an);
    kit_enrol(&o->book, "binh", 9, &o->binh);
    *state = o;
    return 0;
}

static int teardown(void **state)
{
    office *o = *state;
    KIT_EXPECT(0, &o->book, "verify");
    kit_remove(&o->book);
    return 0;
}

static uint64_t log_size(const office *o)
{
    store_txn txn = { 0 };
    st_tree_edge edge;
    assert_int_equal(store_begin(o->book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(audit_edge_get(&txn, &edge, NULL), ST_OK);
    store_end(&txn);
    return edge.size;
}

/* The phone stores a visit; its set says that it had seen the first `size` entries of this log, or
 * of another. */
static void store_as(kit_phone *phone, uint64_t size, bool of_this, char id[33])
{
    store_txn txn = { 0 };
    st_tree_head head;
    memset(&head, 0x11, sizeof head);
    assert_int_equal(store_begin(phone->book->rooms.sync.store, STORE_READ_TXN, &txn, NULL),
                     ST_OK);
    if (of_this)
        assert_int_equal(audit_tree_head(&txn, size, &head, NULL), ST_OK);
    store_end(&txn);
    phone->seen_size = size;
    phone->seen_root = head.root;
    kit_visit(phone, "ghi chú", id);           /* asserts that it is stored */
    phone->seen_size = 0;
}

static void store_with(kit_phone *phone, uint64_t size, bool of_this)
{
    char id[33];
    store_as(phone, size, of_this, id);
}

/* The list names the phone with so many sets; 0: it does not. */
static void assert_alarm(office *o, const kit_phone *phone, int sets)
{
    char hex[33], line[160];
    KIT_EXPECT(0, &o->book, "alarms", "--json");
    st_id_format(&phone->device, hex);
    (void)snprintf(line, sizeof line, "{\"kind\":\"other_log\",\"device\":\"%s\",", hex);
    if (sets == 0) {
        assert_null(strstr(KIT_OUT(&o->book), line));
        return;
    }
    assert_true(kit_says(KIT_OUT(&o->book), line));
    (void)snprintf(line, sizeof line, "\"count\":%d,", sets);
    assert_true(kit_says(strstr(KIT_OUT(&o->book), hex), line));
}

static void test_who_speaks_of_another_log_is_named(void **state)
{
    office *o = *state;
    store_with(&o->an, 1, true);
    store_with(&o->an, log_size(o), true);
    store_with(&o->an, log_size(o) - 1, true);
    store_with(&o->binh, log_size(o), true);
    KIT_EXPECT(0, &o->book, "alarms");
    assert_true(kit_says(KIT_OUT(&o->book), "0 to look into"));
    const uint64_t size = log_size(o);
    store_with(&o->binh, size, true);
    store_with(&o->binh, size, false);         /* the size of the one before, another root */
    assert_alarm(o, &o->binh, 1);
    assert_alarm(o, &o->an, 0);
    store_with(&o->binh, size, false);
    store_with(&o->binh, 1, false);
    assert_alarm(o, &o->binh, 3);
    store_with(&o->an, log_size(o) + 1, false); /* more than there is */
    assert_alarm(o, &o->an, 1);
    KIT_EXPECT(0, &o->book, "alarms");
    assert_true(kit_says(KIT_OUT(&o->book), "says that it had seen another log"));
    assert_true(kit_says(KIT_OUT(&o->book), "2 to look into"));
    KIT_EXPECT(0, &o->book, "rebuild");
    assert_alarm(o, &o->binh, 3);
}

static void test_a_phone_that_was_taken_away_is_off_the_list(void **state)
{
    office *o = *state;
    char hex[33];
    store_with(&o->an, 2, false);
    assert_alarm(o, &o->an, 1);
    st_id_format(&o->an.device, hex);
    KIT_EXPECT(0, &o->book, "device", "revoke", hex, "--reason", "nói sai");
    assert_alarm(o, &o->an, 0);
}

/* Up to the cut all epochs have the same entries; of what was behind it nobody here can tell. */
static void test_a_cut_explains_what_lies_behind_it(void **state)
{
    office *o = *state;
    const uint64_t size = log_size(o);
    store_with(&o->an, size + 100, false);
    assert_alarm(o, &o->an, 1);                /* nothing was put back, as far as is known */
    const uint64_t cut = log_size(o);
    KIT_EXPECT(0, &o->book, "epoch", "new", "--as", "head", "--second", "admin", "--reason", "x");
    assert_alarm(o, &o->an, 0);
    store_with(&o->binh, cut + 1, false);
    store_with(&o->binh, cut + 50, false);
    assert_alarm(o, &o->binh, 0);
    store_with(&o->binh, cut, false);
    assert_alarm(o, &o->binh, 1);
    store_with(&o->an, size, false);
    assert_alarm(o, &o->an, 2);
}

/* The machine is gone, and another one starts from this backup. */
static void restore(office *o, const char *from)
{
    st_error error = { 0 };
    char command[300];
    backup_manifest manifest;
    const rooms_how how = { .dir = o->book.dir };
    rooms_close(&o->book.rooms);
    (void)snprintf(command, sizeof command, "rm -rf %s", o->book.dir);
    assert_int_equal(system(command), 0);
    if (backup_restore(from, &how, &manifest, &error) != ST_OK ||
        rooms_open(&how, &o->book.rooms, &error) != ST_OK)
        fail_msg("restore: %s", error.detail);
    (void)snprintf(command, sizeof command, "rm -rf %s", from);
    assert_int_equal(system(command), 0);
}

/* What it says of entries that the copy has as well, the copy still has it say. */
static void test_a_restore_keeps_who_speaks_of_another_log(void **state)
{
    office *o = *state;
    char backup[160];
    (void)snprintf(backup, sizeof backup, "%s.backup", o->book.dir);
    store_with(&o->an, 2, false);
    store_with(&o->an, 3, false);
    store_with(&o->binh, log_size(o) + 50, false);
    KIT_EXPECT(0, &o->book, "backup", backup);
    restore(o, backup);
    assert_alarm(o, &o->an, 2);
    assert_alarm(o, &o->binh, 0);              /* what lay behind the cut explains it */
    KIT_EXPECT(0, &o->book, "rebuild");
    assert_alarm(o, &o->an, 2);
}

/* The number alone bounds nothing: in a log that was put back another entry bears it. */
static void test_a_seal_of_another_log_bounds_no_time(void **state)
{
    office *o = *state;
    char id[33];
    static const struct { bool of_this; const char *says; } CASES[] = {
        { true, "\"seen_size\":2,\"not_before\":\"" },
        { false, "\"seen_size\":2,\"not_before\":null" } };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        store_as(&o->an, 2, CASES[i].of_this, id);
        KIT_EXPECT(0, &o->book, "history", id, "--json");
        assert_true(kit_says(KIT_OUT(&o->book), CASES[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_speaks_of_another_log_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_phone_that_was_taken_away_is_off_the_list, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_cut_explains_what_lies_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_restore_keeps_who_speaks_of_another_log, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_seal_of_another_log_bounds_no_time, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
