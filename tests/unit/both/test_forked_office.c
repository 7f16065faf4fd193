/* tests/unit/both/test_forked_office.c
 * A store is put back unnoticed to a copy that lacks an enrolment, and the office writes before a
 * phone shows it: under that counter the book has something else by then. What the phone wrote that
 * was enrolled so was acknowledged. The book knows the phone again, suspended, and the office lets
 * its work in with one word; nobody sends in vain. */
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/peer.h"
#include "tests/unit/both/early.h"
#include "tests/unit/both/meet.h"

#define ROUNDS 3

/* By what the first one brings the book finds out. */
static int sync_any(town *t, phone *p, sotay_report *out_report)
{
    int rc = sync_phone(&t->w, p, 0, out_report);
    if (rc != SOTAY_E_NETWORK)
        return rc;
    rooms_close(&t->w.book.rooms);
    reopen(t);
    return sync_phone(&t->w, p, 0, out_report);
}

static void sync_rounds(town *t)
{
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < PHONES; i++)
            assert_int_equal(sync_any(t, &t->w.phones[i], NULL), SOTAY_OK);
}

static bool device_is(town *t, const char *device, const char *status)
{
    char words[160];
    KIT_EXPECT(0, &t->w.book, "device", "list", "--json");
    const char *at = strstr(KIT_OUT(&t->w.book), device);
    if (at == NULL)
        return false;
    assert_null(strstr(at + 1, device)); /* once */
    (void)snprintf(words, sizeof words, "\"status\":\"%s\"", status);
    const char *says = strstr(at, "\"status\":");
    return says != NULL && strncmp(says, words, strlen(words)) == 0;
}

static size_t waiting_for(town *t, const char *reason)
{
    char words[40];
    size_t count = 0;
    (void)snprintf(words, sizeof words, "\"reason\":\"%s\"", reason);
    KIT_EXPECT(0, &t->w.book, "held", "--json");
    for (const char *at = KIT_OUT(&t->w.book); (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static uint64_t entries(town *t)
{
    KIT_EXPECT(0, &t->w.book, "stat", "--json");
    const char *at = strstr(KIT_OUT(&t->w.book), "\"log_entries\":");
    assert_non_null(at);
    return strtoull(at + strlen("\"log_entries\":"), NULL, 10);
}

/* And nothing new enters the log. */
static void has_nothing_to_send(town *t, phone *p)
{
    const uint64_t before = entries(t);
    must_be_quiet(&t->w, p);
    assert_int_equal(rows_count(p, BOOK_CARRY), 0);
    assert_int_equal(entries(t), before);
}

static void lift(town *t, const char *device)
{
    KIT_EXPECT(0, &t->w.book, "device", "suspend", device, "--lift");
    sync_rounds(t);
    sync_rounds(t);
}

static void must_be_in_the_book(town *t, const char *words)
{
    for (size_t i = 0; i < PHONES; i++) {
        assert_int_equal(found(&t->w.phones[i], words), 1);
        assert_true(phone_status_says(&t->w.phones[i], "\"ready\":0"));
        has_nothing_to_send(t, &t->w.phones[i]);
    }
    assert_int_equal(waiting_for(t, "suspended"), 0);
    KIT_EXPECT(0, &t->w.book, "verify");
    town_free(t);
}

/* The phone's device of the lost life. */
typedef struct {
    town t;
    phone *an, *binh, *chi;
    char device[33];
} lost;

static void keep_device(lost *l)
{
    (void)snprintf(l->device, sizeof l->device, "%s", device_of(l->an));
}

static void enrolled_in_vain(lost *l, uint64_t seed, bool is_read)
{
    town_make(&l->t, seed);
    l->an = &l->t.w.phones[0];
    l->binh = &l->t.w.phones[1];
    l->chi = &l->t.w.phones[2];
    sync_rounds(&l->t);
    keep_copy(&l->t);
    enrol(&l->t.w, l->an, "an", true);
    (void)phone_visit(l->an, OURS);
    sync_phone_well(&l->t.w, l->an, NULL);
    assert_true(phone_status_says(l->an, "\"ready\":0"));
    if (is_read)
        sync_phone_well(&l->t.w, l->binh, NULL);
    keep_device(l);
}

/* The book knows the device again, and lets nothing in by itself. */
static void must_wait(lost *l)
{
    assert_true(device_is(&l->t, l->device, "suspended"));
    assert_int_equal(waiting_for(&l->t, "suspended"), 1);
    assert_int_equal(found(l->chi, OURS), 0);
    has_nothing_to_send(&l->t, l->binh);
    has_nothing_to_send(&l->t, l->chi);
}

/* What the office writes under those counters before it finds out. */
static void write_another(lost *l, bool is_enrolment)
{
    put_copy_back(&l->t);
    if (is_enrolment)
        enrol(&l->t.w, l->chi, "chi", true);
    else
        KIT_EXPECT(0, &l->t.w.book, "user", "add", "dung", "--name", "Dung", "--role", "officer");
}

static void test_the_office_wrote_something_else(void **state)
{
    (void)state;
    for (int is_enrolment = 0; is_enrolment < 2; is_enrolment++) {
        lost l;
        enrolled_in_vain(&l, 46, true);
        write_another(&l, is_enrolment);
        sync_rounds(&l.t);
        must_wait(&l);
        lift(&l.t, l.device);
        must_be_in_the_book(&l.t, OURS);
    }
}

/* The phone alone can show by what it was enrolled. */
static void test_nobody_else_had_read_it(void **state)
{
    (void)state;
    lost l;
    enrolled_in_vain(&l, 47, false);
    write_another(&l, false);
    sync_rounds(&l.t);
    must_wait(&l);
    lift(&l.t, l.device);
    must_be_in_the_book(&l.t, OURS);
}

/* It has a link of its own again before the book hears of the old one. */
static void test_with_a_new_link(void **state)
{
    (void)state;
    lost l;
    enrolled_in_vain(&l, 48, true);
    write_another(&l, true);
    enrol(&l.t.w, l.an, "an", true);
    sync_rounds(&l.t);
    must_wait(&l);
    assert_true(device_is(&l.t, device_of(l.an), "active"));
    lift(&l.t, l.device);
    must_be_in_the_book(&l.t, OURS);
}

/* And the new link's answer names what enrols it there by the counter of the old one, which nobody
 * else had read. */
static void test_with_a_new_link_at_once(void **state)
{
    (void)state;
    lost l;
    enrolled_in_vain(&l, 63, false);
    put_copy_back(&l.t);
    enrol(&l.t.w, l.an, "an", true);
    sync_rounds(&l.t);
    must_wait(&l);
    assert_true(device_is(&l.t, device_of(l.an), "active"));
    lift(&l.t, l.device);
    must_be_in_the_book(&l.t, OURS);
}

static struct {
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    uint64_t count;
} gets;

static int counted_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    gets.count++;
    return gets.get(context, key, out_value, error);
}

/* So often a sync looks into its store that has `sets` of a name which nobody knows. */
static uint64_t looks_of(int sets)
{
    lost l;
    sotay_report report;
    enrolled_in_vain(&l, 64, false);
    for (int i = 1; i < sets; i++) {
        (void)phone_visit(l.an, OURS);
        rows_seal(l.an);
    }
    sync_phone_well(&l.t.w, l.an, NULL);
    st_dot at;
    const book_key all = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&all);
    rows_begin(l.an);
    assert_int_equal(epoch_next_enrolment(l.an->client, &scan, &at, NULL), ST_OK);
    rows_commit(l.an);
    const book_key key = book_key_counter(BOOK_SET, &at.device, at.counter);
    rows_delete(l.an, &key);
    write_another(&l, false);
    for (int i = 0; i < 40; i++) {
        char login[16];
        (void)snprintf(login, sizeof login, "u%d", i);
        KIT_EXPECT(0, &l.t.w.book, "user", "add", login, "--name", login, "--role", "officer");
    }
    enrol(&l.t.w, l.an, "an", true);
    assert_int_equal(sync_any(&l.t, l.an, NULL), SOTAY_OK);
    gets.get = l.an->port.get;
    gets.count = 0;
    l.an->port.get = counted_get;
    sync_phone_well(&l.t.w, l.an, &report);
    l.an->port.get = gets.get;
    assert_true(report.sent_changes >= (uint64_t)sets);
    town_free(&l.t);
    return gets.count;
}

/* What enrolled it is looked for once in an answer, and not for each of its sets. */
static void test_many_sets_of_a_lost_name(void **state)
{
    (void)state;
    assert_in_range(looks_of(25) - looks_of(5), 0, 20 * 40);
}

/* A phone had read beyond the copy: where a device is enrolled by now it believes to have read the
 * catalogue, and a page brings what that one wrote. */
static void enrolled_where_read(lost *l, uint64_t seed)
{
    town *t = &l->t;
    town_make(t, seed);
    l->chi = &t->w.phones[2];
    sync_rounds(t);
    keep_copy(t);
    KIT_EXPECT(0, &t->w.book, "user", "add", "dung", "--name", "Dung", "--role", "officer");
    KIT_EXPECT(0, &t->w.book, "user", "add", "em", "--name", "Em", "--role", "officer");
    sync_phone_well(&t->w, l->chi, NULL);
    put_copy_back(t);
    enrol(&t->w, &t->w.phones[1], "binh", true);
    enrol(&t->w, &t->w.phones[0], "an", true);
    (void)phone_visit(&t->w.phones[1], OURS);
    sync_phone_well(&t->w, &t->w.phones[1], NULL);
}

static void test_enrolled_where_something_was_read(void **state)
{
    (void)state;
    lost l = { .t = { .backup = "" } };
    town *t = &l.t;
    enrolled_where_read(&l, 65);
    assert_int_equal(sync_any(t, l.chi, NULL), SOTAY_OK);
    assert_int_equal(found(l.chi, OURS), 1);
    sync_rounds(t);
    must_be_in_the_book(t, OURS);
}

/* And behind that the page speaks of a set of the phone's own, which is lost there: the answer is
 * undone once more, with the catalogue that it began. */
static void test_enrolled_and_a_set_is_lost(void **state)
{
    (void)state;
    lost l = { .t = { .backup = "" } };
    town *t = &l.t;
    enrolled_where_read(&l, 66);
    (void)phone_visit(l.chi, LAST);
    (void)broken_sync(t, l.chi, NULL, VERDICTS_ALONE);
    damage_own(l.chi, 0, MISSING);
    assert_int_equal(sync_any(t, l.chi, NULL), SOTAY_OK);
    assert_int_equal(found(l.chi, OURS), 1);
    assert_int_equal(found(l.chi, LAST), 1);
    sync_rounds(t);
    must_be_in_the_book(t, OURS);
}

/* The lost life had revoked it, too: that is in `held`, and the phone reads and writes nothing. */
static void test_it_was_revoked(void **state)
{
    (void)state;
    lost l;
    enrolled_in_vain(&l, 49, true);
    KIT_EXPECT(0, &l.t.w.book, "device", "revoke", l.device, "--reason", "mất máy");
    sync_phone_well(&l.t.w, l.binh, NULL);
    write_another(&l, false);
    assert_int_equal(sync_any(&l.t, l.binh, NULL), SOTAY_OK);
    (void)sync_any(&l.t, l.an, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(sync_any(&l.t, l.binh, NULL), SOTAY_OK);
        assert_int_equal(sync_any(&l.t, l.chi, NULL), SOTAY_OK);
    }
    must_wait(&l);
    assert_int_equal(waiting_for(&l.t, "fork"), 2);
    town_free(&l.t);
}

/* Regained, lifted, and revoked; then that life is lost as well, and each life's record of the
 * device comes back: by who was away in the second one first, or by who was there. It is not in
 * use. */
static void test_both_lives_are_lost(void **state)
{
    (void)state;
    for (int is_second_first = 0; is_second_first < 2; is_second_first++) {
        lost l;
        enrolled_in_vain(&l, 60, true);
        write_another(&l, false);
        for (int i = 0; i < ROUNDS; i++) {
            assert_int_equal(sync_any(&l.t, l.an, NULL), SOTAY_OK);
            assert_int_equal(sync_any(&l.t, l.chi, NULL), SOTAY_OK);
        }
        KIT_EXPECT(0, &l.t.w.book, "device", "suspend", l.device, "--lift");
        KIT_EXPECT(0, &l.t.w.book, "device", "revoke", l.device, "--reason", "mất máy");
        sync_phone_well(&l.t.w, l.chi, NULL);
        put_copy_back(&l.t);
        phone *first = is_second_first ? l.chi : l.binh, *other = is_second_first ? l.binh : l.chi;
        for (int i = 0; i < ROUNDS; i++) {
            assert_int_equal(sync_any(&l.t, first, NULL), SOTAY_OK);
            if (i == 0 && !is_second_first)
                assert_true(device_is(&l.t, l.device, "active"));
            assert_int_equal(sync_any(&l.t, other, NULL), SOTAY_OK);
        }
        assert_int_equal(sync_any(&l.t, l.an, NULL), SOTAY_OK);
        assert_true(device_is(&l.t, l.device, "suspended"));
        KIT_EXPECT(0, &l.t.w.book, "verify");
        town_free(&l.t);
    }
}

/* The second life's record of the key is another one here: the first counts, for whoever meets the
 * phone as for the book. */
static void test_met_after_both_lives(void **state)
{
    (void)state;
    lost l;
    enrolled_in_vain(&l, 61, true);
    write_another(&l, false);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(sync_any(&l.t, l.an, NULL), SOTAY_OK);
        assert_int_equal(sync_any(&l.t, l.chi, NULL), SOTAY_OK);
    }
    put_copy_back(&l.t);
    assert_int_equal(sync_any(&l.t, l.binh, NULL), SOTAY_OK);
    assert_true(device_is(&l.t, l.device, "active"));
    sync_rounds(&l.t);
    assert_true(device_is(&l.t, l.device, "suspended"));
    assert_int_equal(meet(l.chi, l.an, NONE).codes[0], SOTAY_E_DENIED);
    lift(&l.t, l.device);
    meet_well(l.chi, l.an);
    must_be_in_the_book(&l.t, OURS);
}

/* Each of two lives has a record of the device; the second one, which is lost now too, revoked it,
 * and one phone heard that. */
static void revoked_in_the_second_life(lost *l, uint64_t seed)
{
    enrolled_in_vain(l, seed, true);
    write_another(l, false);
    assert_int_equal(sync_any(&l->t, l->an, NULL), SOTAY_OK);
    assert_int_equal(sync_any(&l->t, l->chi, NULL), SOTAY_OK);
    KIT_EXPECT(0, &l->t.w.book, "device", "revoke", l->device, "--reason", "mất máy");
    sync_phone_well(&l->t.w, l->binh, NULL);
    put_copy_back(&l->t);
}

/* What the second life said comes when the office has looked and lifted. */
static void test_revoked_in_the_other_life(void **state)
{
    (void)state;
    lost l;
    revoked_in_the_second_life(&l, 62);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(sync_any(&l.t, l.an, NULL), SOTAY_OK);
        assert_true(device_is(&l.t, l.device, i == 0 ? "active" : "suspended"));
        assert_int_equal(sync_any(&l.t, l.chi, NULL), SOTAY_OK);
    }
    KIT_EXPECT(0, &l.t.w.book, "device", "suspend", l.device, "--lift");
    assert_int_equal(sync_any(&l.t, l.an, NULL), SOTAY_OK);
    assert_true(device_is(&l.t, l.device, "active"));
    assert_int_equal(sync_any(&l.t, l.binh, NULL), SOTAY_OK);
    assert_true(device_is(&l.t, l.device, "suspended"));
    KIT_EXPECT(0, &l.t.w.book, "device", "suspend", l.device, "--lift");
    sync_rounds(&l.t);
    assert_true(device_is(&l.t, l.device, "active"));
    must_be_in_the_book(&l.t, OURS);
}

/* The phone offers all that it keeps of others: it is known, and the device stays in use. */
static void show_all_again(lost *l, phone *p)
{
    const uint64_t before = entries(&l->t);
    rows_begin(p);
    assert_int_equal(epoch_offer_others(p->client, 0, NULL), ST_OK);
    rows_commit(p);
    assert_true(rows_count(p, BOOK_CARRY) > 5);
    sync_phone_well(&l->t.w, p, NULL);
    assert_int_equal(rows_count(p, BOOK_CARRY), 0);
    assert_int_equal(entries(&l->t), before);
    assert_true(device_is(&l->t, l->device, "active"));
}

/* What the other life said is shown again when the office has looked and lifted: also by phones
 * that bring it to a backup of then, where the lift is one of another key. */
static void test_shown_again_after_the_lift(void **state)
{
    (void)state;
    lost l;
    revoked_in_the_second_life(&l, 67);
    sync_rounds(&l.t);
    assert_true(device_is(&l.t, l.device, "suspended"));
    KIT_EXPECT(0, &l.t.w.book, "device", "suspend", l.device, "--lift");
    for (int is_restored = 0; is_restored < 2; is_restored++) {
        sync_rounds(&l.t);
        for (size_t i = 0; i < PHONES; i++)
            show_all_again(&l, &l.t.w.phones[i]);
        if (!is_restored) {
            backup(&l.t);
            restore(&l.t);
        }
    }
    must_be_in_the_book(&l.t, OURS);
}

typedef enum { ONLY_LOST, ADDED_AGAIN, COMES_LATER, READ_BY_NOBODY } person_is;

/* The person was made in the lost life, too. */
static void town_of_two(lost *l, uint64_t seed)
{
    town *t = &l->t;
    world_make_with(&t->w, seed, (world_how){ 2, false });
    town_place(t);
    l->an = &t->w.phones[2];
    l->binh = &t->w.phones[1];
    l->chi = &t->w.phones[0];
    for (int i = 0; i < ROUNDS; i++) {
        sync_phone_well(&t->w, l->chi, NULL);
        sync_phone_well(&t->w, l->binh, NULL);
    }
    keep_copy(t);
}

static void add_mai(lost *l)
{
    town *t = &l->t;
    KIT_EXPECT(0, &t->w.book, "user", "add", "mai", "--name", "Mai", "--role", "officer");
    phone_new(l->an, 1002);
    enrol(&t->w, l->an, "mai", true);
    KIT_EXPECT(0, &t->w.book, "assign", "mai", KIT_UNIT);
}

static void person_begin(lost *l, person_is how)
{
    town *t = &l->t;
    town_of_two(l, 50);
    add_mai(l);
    sync_phone_well(&t->w, l->an, NULL);
    (void)phone_visit(l->an, OURS);
    sync_phone_well(&t->w, l->an, NULL);
    if (how != READ_BY_NOBODY)
        sync_phone_well(&t->w, l->binh, NULL);
    keep_device(l);
    write_another(l, false);
    if (how == ADDED_AGAIN)
        KIT_EXPECT(0, &t->w.book, "user", "add", "mai", "--name", "Mai", "--role", "officer");
}

/* What made its person, as where it was read from a snapshot. */
static void forget_person(phone *p)
{
    st_dot enrolment, at;
    const book_key all = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&all);
    rows_begin(p);
    assert_int_equal(epoch_next_enrolment(p->client, &scan, &enrolment, NULL), ST_OK);
    assert_int_equal(epoch_its_person(p->client, &enrolment, &at, NULL), ST_OK);
    rows_commit(p);
    const book_key key = book_key_counter(BOOK_SET, &at.device, at.counter);
    rows_delete(p, &key);
}

static bool has_role(town *t, const char *login, const char *roles)
{
    char words[80];
    (void)snprintf(words, sizeof words, "\"login\":\"%s\"", login);
    KIT_EXPECT(0, &t->w.book, "user", "list", "--json");
    const char *at = strstr(KIT_OUT(&t->w.book), words);
    assert_non_null(at);
    assert_null(strstr(at + 1, words)); /* once */
    (void)snprintf(words, sizeof words, "\"roles\":%s", roles);
    return strstr(at, words) == strstr(at, "\"roles\":");
}

/* He is in the book again, without a role, or is who has that login now; the office gives him his
 * units before it lifts. */
static void test_its_person_is_lost_too(void **state)
{
    (void)state;
    for (person_is how = ONLY_LOST; how <= READ_BY_NOBODY; how++) {
        lost l;
        town *t = &l.t;
        person_begin(&l, how);
        if (how == COMES_LATER) {
            forget_person(l.an);
            assert_int_equal(sync_any(t, l.an, NULL), SOTAY_E_DENIED);
            assert_false(device_is(t, l.device, "suspended"));
        }
        sync_rounds(t);
        must_wait(&l);
        assert_true(has_role(t, "mai", how == ADDED_AGAIN ? "[\"officer\"]" : "[]"));
        if (how != ADDED_AGAIN)
            KIT_EXPECT(0, &t->w.book, "role", "mai", "+officer");
        KIT_EXPECT(0, &t->w.book, "assign", "mai", KIT_UNIT);
        lift(t, l.device);
        must_be_in_the_book(t, OURS);
    }
}

/* The office declines what waits of a phone whose person is another record now: he who wrote it
 * reads it on, with the reason, and is told who he is here. */
static void test_declined_of_who_was_made_anew(void **state)
{
    (void)state;
    lost l;
    town *t = &l.t;
    person_begin(&l, ADDED_AGAIN);
    sync_rounds(t);
    must_wait(&l);
    KIT_EXPECT(0, &t->w.book, "assign", "mai", KIT_UNIT);
    KIT_EXPECT(0, &t->w.book, "held", "decline", "--device", l.device, "--as", "office",
               "--reason", "ghi nhầm xóm");
    lift(t, l.device);
    assert_true(phone_status_says(l.an, "\"reason\":\"ghi nhầm xóm\"}]"));
    assert_int_equal(found(l.an, OURS), 1);
    assert_int_equal(found(l.binh, OURS), 0);
    enrol(&t->w, l.an, "mai", true); /* his store, by whichever record of him */
    KIT_EXPECT(0, &t->w.book, "verify");
    town_free(t);
}

/* Lost twice, and each life made the person and the device by records of its own, which are
 * branches now: the phone shows a pair of one life. Which of them it finds first hangs on the keys
 * that the server had: each time others. True: that of the second life. */
static bool pair_of_one_life(void)
{
    lost l;
    town *t = &l.t;
    worlds_forget();
    town_of_two(&l, 52);
    add_mai(&l);
    sync_phone_well(&t->w, l.an, NULL);
    (void)phone_visit(l.an, OURS);
    sync_phone_well(&t->w, l.an, NULL);
    keep_device(&l);
    const st_id first = t->w.book.rooms.keys.device;
    write_another(&l, false);
    assert_int_equal(sync_phone(&t->w, l.an, 0, NULL), SOTAY_E_NETWORK);
    run_shell("rm -rf %s %s", t->copy, "");
    rooms_close(&t->w.book.rooms);
    reopen(t);
    const st_id second = t->w.book.rooms.keys.device;
    keep_copy(t);
    assert_int_equal(sync_any(t, l.an, NULL), SOTAY_OK);
    KIT_EXPECT(0, &t->w.book, "role", "mai", "+officer");
    KIT_EXPECT(0, &t->w.book, "device", "suspend", l.device, "--lift");
    sync_phone_well(&t->w, l.an, NULL);
    sync_phone_well(&t->w, l.an, NULL);
    put_copy_back(t);
    KIT_EXPECT(0, &t->w.book, "user", "add", "em", "--name", "Em", "--role", "officer");
    assert_int_equal(sync_any(t, l.an, NULL), SOTAY_OK);
    sync_rounds(t);
    must_wait(&l);
    KIT_EXPECT(0, &t->w.book, "role", "mai", "+officer");
    KIT_EXPECT(0, &t->w.book, "assign", "mai", KIT_UNIT);
    lift(t, l.device);
    must_be_in_the_book(t, OURS);
    return st_id_cmp(&second, &first) < 0;
}

static void test_two_lives_of_its_person(void **state)
{
    (void)state;
    bool seen[2] = { false, false };
    for (int i = 0; i < 40 && !(seen[0] && seen[1]); i++)
        seen[pair_of_one_life()] = true;
    assert_true(seen[0] && seen[1]);
}

/* Would the phone give the device what is written of the unit, by its own catalogue? */
static bool gives_openly(phone *p, const st_id *device)
{
    peer other;
    st_bucket unit;
    st_arena arena;
    st_arena_init(&arena, 1u << 24);
    (void)snprintf(unit.s, sizeof unit.s, "01477/unit/%s", KIT_UNIT);
    rows_begin(p);
    assert_int_equal(peer_load(p->client, device, &arena, &other, NULL), ST_OK);
    const bool gives = peer_may_read(&other, &unit);
    rows_commit(p);
    st_arena_reset(&arena);
    return gives;
}

/* Both lives made the device and its person, and come back: the first record says whose it is, also
 * for who reads the catalogue from its beginning. Where the office takes his role, nobody gives the
 * phone anything. */
static void test_whose_device_of_two_lives(void **state)
{
    (void)state;
    lost l;
    town *t = &l.t;
    person_begin(&l, ONLY_LOST);
    const st_id device = l.an->client->me.device;
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(sync_any(t, l.an, NULL), SOTAY_OK);
        assert_int_equal(sync_any(t, l.chi, NULL), SOTAY_OK);
    }
    KIT_EXPECT(0, &t->w.book, "role", "mai", "+officer");
    KIT_EXPECT(0, &t->w.book, "assign", "mai", KIT_UNIT);
    sync_phone_well(&t->w, l.chi, NULL);
    put_copy_back(t);
    assert_int_equal(sync_any(t, l.binh, NULL), SOTAY_OK);
    sync_rounds(t);
    assert_true(device_is(t, l.device, "suspended"));
    KIT_EXPECT(0, &t->w.book, "device", "suspend", l.device, "--lift");
    phone_free(l.binh);
    phone_new(l.binh, 1003);
    enrol(&t->w, l.binh, "binh", true);
    sync_rounds(t);
    assert_true(gives_openly(l.binh, &device) && gives_openly(l.chi, &device));
    KIT_EXPECT(0, &t->w.book, "role", "mai", "-officer");
    sync_rounds(t);
    assert_int_equal(l.an->client->me.roles_count, 0);
    assert_false(gives_openly(l.chi, &device));
    assert_false(gives_openly(l.binh, &device));
    town_free(t);
}

/* An answer of one frame. */
static void one_frame(const st_frame *frame, st_buffer *out_reply)
{
    st_buffer text;
    st_frame_writer *pen = NULL;
    st_buffer_init(&text, ST_FRAME_BYTES_MAX);
    st_buffer_init(out_reply, ST_BODY_BYTES_MAX);
    assert_int_equal(st_frame_writer_new(3, out_reply, &pen, NULL), ST_OK);
    assert_int_equal(st_frame_encode(frame, &text, NULL), ST_OK);
    assert_int_equal(st_frame_write(pen, text.data, text.len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(pen, NULL), ST_OK);
    st_frame_writer_free(pen);
    st_buffer_free(&text);
}

/* A server that does not know the phone, and then says with each answer that it has more: what
 * enrolled the phone goes along each time, and it is not asked for ever. */
static void test_shown_to_one_that_gives_nothing(void **state)
{
    (void)state;
    town t;
    sotay_sync *sync = NULL;
    bool again = true;
    int rc = SOTAY_OK;
    town_make(&t, 68);
    phone *an = &t.w.phones[0];
    const st_frame denied = { .kind = ST_FRAME_REFUSAL, .as.refusal.code = ST_E_DENIED };
    const st_frame more = { .kind = ST_FRAME_END, .as.end = { .version = 1, .more = true } };
    assert_int_equal(sotay_sync_begin(an->client, &sync, NULL), SOTAY_OK);
    for (int i = 0; rc == SOTAY_OK && again && i < 20; i++) {
        sotay_request request;
        st_buffer reply;
        assert_int_equal(sotay_sync_next(sync, &request, &t.w.error), SOTAY_OK);
        one_frame(i == 0 ? &denied : &more, &reply);
        rc = sotay_sync_feed(sync, reply.data, reply.len, &t.w.error);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, 200, &again, &t.w.error);
        st_buffer_free(&reply);
    }
    assert_int_equal(rc, SOTAY_E_SERVER);
    sotay_sync_free(sync);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_office_wrote_something_else),
        cmocka_unit_test(test_nobody_else_had_read_it),
        cmocka_unit_test(test_with_a_new_link),
        cmocka_unit_test(test_with_a_new_link_at_once),
        cmocka_unit_test(test_many_sets_of_a_lost_name),
        cmocka_unit_test(test_enrolled_where_something_was_read),
        cmocka_unit_test(test_enrolled_and_a_set_is_lost),
        cmocka_unit_test(test_it_was_revoked),
        cmocka_unit_test(test_both_lives_are_lost),
        cmocka_unit_test(test_met_after_both_lives),
        cmocka_unit_test(test_revoked_in_the_other_life),
        cmocka_unit_test(test_shown_again_after_the_lift),
        cmocka_unit_test(test_its_person_is_lost_too),
        cmocka_unit_test(test_declined_of_who_was_made_anew),
        cmocka_unit_test(test_two_lives_of_its_person),
        cmocka_unit_test(test_whose_device_of_two_lives),
        cmocka_unit_test(test_shown_to_one_that_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
