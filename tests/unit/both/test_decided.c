/* tests/unit/both/test_decided.c
 * The office decides on held changes, and the book is put back to before it did: no device can
 * bring a decision back, but phones had read it. They tell of it, the office sees what it had said,
 * and says it again with one word. */
#include "client-lib/src/decided.h"
#include "client-lib/src/delivered.h"
#include "server/sync/decided.h"
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

#define REASON "ghi trùng với xóm trên"

typedef struct {
    town t;
    phone *an, *binh, *chi; /* an is suspended, and reads nothing */
    sotay_id good, bad;     /* visits of an: let in, declined */
} office;

static void sync_well(office *o, phone *p)
{
    assert_int_equal(sync_phone(&o->t.w, p, 0, NULL), SOTAY_OK);
}

static void sync_all(office *o)
{
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < PHONES; i++)
            sync_well(o, &o->t.w.phones[i]);
}

static const char *device_of(phone *p)
{
    static char hex[33];
    sotay_who who;
    sotay_whoami(p->client, &who);
    sotay_id_format(&who.device, hex);
    return hex;
}

/* The number in `held` of what waits of the record. */
static void number_of(office *o, const sotay_id *record, char n[24])
{
    char hex[33];
    const char *at = NULL, *here;
    sotay_id_format(record, hex);
    KIT_EXPECT(0, &o->t.w.book, "held", "--json");
    for (here = KIT_OUT(&o->t.w.book); (here = strstr(here, "{\"n\":")) != NULL; here++) {
        const char *of = strstr(here, hex), *next = strstr(here + 1, "{\"n\":");
        if (of != NULL && (next == NULL || of < next))
            at = here;
    }
    assert_non_null(at);
    (void)snprintf(n, 24, "%.*s", (int)strcspn(at + 5, ","), at + 5);
}

static void decide(office *o, const sotay_id *record, const char *how, const char *why)
{
    char n[24];
    number_of(o, record, n);
    KIT_EXPECT(0, &o->t.w.book, "held", how, n, "--as", "office", "--reason", why);
}

static void office_make(office *o, uint64_t seed)
{
    memset(o, 0, sizeof *o);
    town_make(&o->t, seed);
    o->an = &o->t.w.phones[0];
    o->binh = &o->t.w.phones[1];
    o->chi = &o->t.w.phones[2];
    sync_all(o);
    KIT_EXPECT(0, &o->t.w.book, "device", "suspend", device_of(o->an));
    o->good = phone_visit(o->an, "suối");
    o->bad = phone_visit(o->an, "chợ");
    sync_well(o, o->an);
}

static void decide_both(office *o)
{
    decide(o, &o->good, "accept", "đúng");
    decide(o, &o->bad, "decline", REASON);
    sync_all(o);
}

static bool held_says(office *o, const char *what)
{
    KIT_EXPECT(0, &o->t.w.book, "held", "--json");
    return strstr(KIT_OUT(&o->t.w.book), what) != NULL;
}

static bool is_in_the_book(office *o, const sotay_id *record)
{
    char hex[33];
    sotay_id_format(record, hex);
    KIT_EXPECT(0, &o->t.w.book, "show", hex);
    return strstr(KIT_OUT(&o->t.w.book), "Not in the book") == NULL;
}

static void assert_as_it_was(office *o)
{
    assert_true(is_in_the_book(o, &o->good));
    assert_false(is_in_the_book(o, &o->bad));
    KIT_EXPECT(0, &o->t.w.book, "held");
    assert_true(kit_says(KIT_OUT(&o->t.w.book), "0 "));
    KIT_EXPECT(0, &o->t.w.book, "verify");
}

/* The backup has what waits; the decisions came after it. */
static void test_the_office_says_it_again(void **state)
{
    (void)state;
    office o;
    office_make(&o, 21);
    backup(&o.t);
    decide_both(&o);
    restore(&o.t);
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(held_says(&o, "\"before\":[]")); /* nobody has come yet */
    sync_all(&o);
    assert_true(held_says(&o, "\"decision\":\"decline\""));
    assert_true(held_says(&o, "\"decision\":\"accept\""));
    assert_true(held_says(&o, "\"reason\":\"" REASON "\""));
    KIT_EXPECT(0, &o.t.w.book, "held");
    assert_non_null(strstr(KIT_OUT(&o.t.w.book), REASON));
    assert_false(is_in_the_book(&o, &o.good)); /* by a phone's word nothing goes in */
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(kit_says(KIT_OUT(&o.t.w.book), "2"));
    assert_as_it_was(&o);
    sync_all(&o);
    assert_int_equal(rows_count(o.binh, BOOK_DECIDED), 0);
    town_free(&o.t);
}

/* The backup is older than the changes themselves, and is put back a second time before another one
 * is made: a phone that told it once tells it again. */
static void test_twice(void **state)
{
    (void)state;
    office o;
    office_make(&o, 22);
    backup(&o.t);
    o.good = phone_visit(o.an, "đồi");
    o.bad = phone_visit(o.an, "khe");
    sync_well(&o, o.an);
    decide_both(&o);
    for (int i = 0; i < 2; i++) {
        restore(&o.t);
        sync_all(&o);
        assert_true(held_says(&o, "\"reason\":\"" REASON "\""));
        assert_int_equal(rows_count(o.chi, BOOK_DECIDED), 0);
        assert_true(phone_status_says(o.chi, "\"safe_to_wipe\":false"));
    }
    town_free(&o.t);
}

/* Nobody knows after the restore that an was suspended: what was declined is in the book before
 * the office is asked, and it hears of that. */
static void test_what_came_in_unasked(void **state)
{
    (void)state;
    office o;
    char hex[33];
    town_make(&o.t, 24);
    o.an = &o.t.w.phones[0];
    o.chi = &o.t.w.phones[2];
    sync_all(&o);
    backup(&o.t);
    KIT_EXPECT(0, &o.t.w.book, "device", "suspend", device_of(o.an));
    o.bad = phone_visit(o.an, "chợ");
    sync_well(&o, o.an);
    decide(&o, &o.bad, "decline", REASON);
    sync_all(&o);
    restore(&o.t);
    KIT_EXPECT(0, &o.t.w.book, "alarms");
    assert_true(kit_says(KIT_OUT(&o.t.w.book), "0 to look into"));
    sync_all(&o);
    assert_true(is_in_the_book(&o, &o.bad));
    sotay_id_format(&o.bad, hex);
    KIT_EXPECT(0, &o.t.w.book, "alarms");
    assert_true(kit_says(KIT_OUT(&o.t.w.book), "1 to look into"));
    assert_non_null(strstr(KIT_OUT(&o.t.w.book), hex));
    KIT_EXPECT(0, &o.t.w.book, "alarms", "--json");
    assert_non_null(strstr(KIT_OUT(&o.t.w.book), "\"kind\":\"declined\""));
    town_free(&o.t);
}

/* A phone that says of the first change of an what it never read. */
static void claim(office *o, phone *p, st_entry_kind kind)
{
    st_error error = { 0 };
    sotay_who who;
    st_dot dot = { .counter = 1 };
    uint8_t row[16 + 1 + 8 + 4] = { 0 };
    sotay_whoami(o->an->client, &who);
    memcpy(dot.device.b, who.device.b, sizeof dot.device.b);
    memcpy(row, o->good.b, 16);
    row[16] = (uint8_t)kind;
    book_key key = book_key_counter(BOOK_DECIDED, &dot.device, dot.counter);
    assert_int_equal(client_begin(p->client, true, &error), ST_OK);
    assert_int_equal(book_put(&p->client->book, &key, row, sizeof row, &error), ST_OK);
    assert_int_equal(client_commit(p->client, &error), ST_OK);
    sync_well(o, p);
    assert_int_equal(rows_count(p, BOOK_DECIDED), 0);
}

static void assert_left(office *o, const char *why)
{
    char n[24];
    number_of(o, &o->good, n);
    KIT_EXPECT(1, &o->t.w.book, "held", "again", n, "--as", "office");
    assert_non_null(strstr((char *)o->t.w.book.err.data, why));
    assert_false(is_in_the_book(o, &o->good));
}

/* Phones may err, and lie: what only its author says of an accept, and what they do not agree on,
 * the office decides by hand. */
static void test_whose_word_it_is(void **state)
{
    (void)state;
    office o;
    office_make(&o, 23);
    assert_left(&o, "no phone tells");
    claim(&o, o.an, ST_ENTRY_ACCEPT);
    assert_left(&o, "only its author");
    claim(&o, o.binh, ST_ENTRY_ACCEPT);
    claim(&o, o.chi, ST_ENTRY_DECLINE);
    assert_left(&o, "phones differ");
    claim(&o, o.chi, ST_ENTRY_ACCEPT); /* its last word counts */
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(is_in_the_book(&o, &o.good));
    claim(&o, o.chi, ST_ENTRY_CHANGE); /* no decision */
    KIT_EXPECT(0, &o.t.w.book, "verify");
    town_free(&o.t);
}

/* an goes on with an old copy of his phone, which comes first after the restore with other words
 * under the same counter: what the office had looked at is with the others, and they bring it. */
static void test_a_copy_comes_first(void **state)
{
    (void)state;
    office o;
    sotay_port old;
    office_make(&o, 24);
    backup(&o.t);
    assert_int_equal(sotay_memory_copy(&o.an->port, false, &old, NULL), SOTAY_OK);
    assert_int_equal(phone_set(o.an, &o.good, "place", "lời đã xem"), SOTAY_OK);
    sync_well(&o, o.an);
    KIT_EXPECT(0, &o.t.w.book, "held", "accept", "--device", device_of(o.an), "--as", "office",
               "--reason", "đúng");
    sync_well(&o, o.binh);
    assert_true(rows_hold(o.binh, "lời đã xem"));
    restore(&o.t);
    phone_free(o.an);
    o.an->port = old;
    phone_open(o.an);
    assert_int_equal(phone_set(o.an, &o.good, "place", "lời khác hẳn"), SOTAY_OK);
    sync_well(&o, o.an);
    assert_false(held_says(&o, "\"reason\":\"fork\""));
    sync_well(&o, o.binh);
    assert_true(held_says(&o, "\"reason\":\"fork\""));
    KIT_EXPECT(0, &o.t.w.book, "alarms", "--json");
    assert_non_null(strstr(KIT_OUT(&o.t.w.book), "fork"));
    assert_int_equal(rows_count(o.binh, BOOK_PARCEL), 0);
    KIT_EXPECT(0, &o.t.w.book, "verify");
    town_free(&o.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_office_says_it_again),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_what_came_in_unasked),
        cmocka_unit_test(test_whose_word_it_is),
        cmocka_unit_test(test_a_copy_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
