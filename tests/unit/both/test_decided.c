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

/* What a phone says of the first change of an, whether it ever read that or not. */
typedef struct {
    st_entry_kind kind;
    int64_t ms;
    const char *reason;
    enum { OF_WHAT_IS_HELD, OF_OTHER_WORDS, OF_NO_SET, OF_OTHER_RECORD } about;
} claim_of;

/* The set of an in which the change came. */
static void first_set(office *o, const st_dot *dot, st_hash *out_hash)
{
    st_error error = { 0 };
    st_arena arena;
    st_set set;
    book_value bytes = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &dot->device, dot->counter);
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(client_begin(o->an->client, false, &error), ST_OK);
    assert_int_equal(book_get(&o->an->client->book, &key, &arena, &bytes, &error), ST_OK);
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &set, &error), ST_OK);
    *out_hash = set.hash;
    client_abort(o->an->client);
    st_arena_reset(&arena);
}

static void claim(office *o, phone *p, claim_of claimed)
{
    st_error error = { 0 };
    sotay_who who;
    st_hash hash;
    st_dot dot = { .counter = 1 };
    uint8_t row[300] = { 0 };
    size_t len = claimed.reason == NULL ? 0 : strlen(claimed.reason);
    sotay_whoami(o->an->client, &who);
    memcpy(dot.device.b, who.device.b, sizeof dot.device.b);
    first_set(o, &dot, &hash);
    hash.b[0] ^= claimed.about == OF_OTHER_WORDS;
    memcpy(row, o->good.b, 16);
    row[0] ^= claimed.about == OF_OTHER_RECORD;
    row[16] = (uint8_t)claimed.kind;
    st_put_u64(row + 17, (uint64_t)claimed.ms);
    st_put_u32(row + 25, (uint32_t)len);
    if (len > 0)
        memcpy(row + 29, claimed.reason, len);
    memcpy(row + 29 + len, hash.b, sizeof hash.b);
    len += 29 + (claimed.about == OF_NO_SET ? 0 : sizeof hash.b);
    book_key key = book_key_counter(BOOK_DECIDED, &dot.device, dot.counter);
    assert_int_equal(client_begin(p->client, true, &error), ST_OK);
    assert_int_equal(book_put(&p->client->book, &key, row, len, &error), ST_OK);
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

static bool history_says(office *o, const char *what)
{
    char hex[33];
    sotay_id_format(&o->good, hex);
    KIT_EXPECT(0, &o->t.w.book, "history", hex);
    return strstr(KIT_OUT(&o->t.w.book), what) != NULL;
}

/* Rows that the server has of what phones tell. */
static unsigned told_rows;

static bool count_told(void *context, const sync_decided *one)
{
    (void)context;
    told_rows += one->dot.counter > 0;
    return true;
}

static unsigned told(office *o)
{
    st_error error = { 0 };
    store_txn txn;
    told_rows = 0;
    assert_int_equal(store_begin(o->t.w.book.rooms.sync.store, STORE_READ_TXN, &txn, &error),
                     ST_OK);
    assert_int_equal(sync_decided_each(&txn, NULL, count_told, NULL, &error), ST_OK);
    store_end(&txn);
    return told_rows;
}

#define SAYS(...) ((claim_of){ __VA_ARGS__ })

/* Phones may err, and lie: what only its author says of an accept, and what they do not agree on,
 * the office decides by hand. */
static void test_whose_word_it_is(void **state)
{
    (void)state;
    office o;
    office_make(&o, 23);
    assert_left(&o, "no phone tells");
    claim(&o, o.an, SAYS(.kind = ST_ENTRY_ACCEPT));
    assert_left(&o, "its author's");
    claim(&o, o.binh, SAYS(.kind = ST_ENTRY_ACCEPT));
    claim(&o, o.chi, SAYS(.kind = ST_ENTRY_DECLINE));
    assert_left(&o, "phones differ");
    claim(&o, o.chi, SAYS(.kind = ST_ENTRY_ACCEPT)); /* its last word counts */
    assert_int_equal(told(&o), 3);
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(is_in_the_book(&o, &o.good));
    assert_int_equal(told(&o), 0); /* what is decided needs nobody's word */
    claim(&o, o.chi, SAYS(.kind = ST_ENTRY_CHANGE)); /* no decision */
    claim(&o, o.chi, SAYS(.kind = ST_ENTRY_DECLINE)); /* and the office has decided since */
    assert_int_equal(told(&o), 0);
    KIT_EXPECT(0, &o.t.w.book, "verify");
    town_free(&o.t);
}

/* A person has two phones, of which one is suspended. The other is not somebody else. */
static void test_its_authors_second_phone(void **state)
{
    (void)state;
    office o;
    memset(&o, 0, sizeof o);
    world_make_with(&o.t.w, 25, (world_how){ 2, false });
    town_place(&o.t);
    o.an = &o.t.w.phones[0];
    o.chi = &o.t.w.phones[2];
    phone_new(o.chi, 1002);
    enrol(&o.t.w, o.chi, "an", true);
    sync_all(&o);
    KIT_EXPECT(0, &o.t.w.book, "device", "suspend", device_of(o.an));
    o.good = phone_visit(o.an, "suối");
    sync_well(&o, o.an);
    claim(&o, o.chi, SAYS(.kind = ST_ENTRY_ACCEPT));
    assert_left(&o, "its author's");
    town_free(&o.t);
}

/* What was let in are other words than those that wait now, or nobody says which they were. */
static void test_about_other_words(void **state)
{
    (void)state;
    office o;
    office_make(&o, 26);
    claim(&o, o.binh, SAYS(.kind = ST_ENTRY_ACCEPT, .about = OF_OTHER_WORDS));
    assert_left(&o, "other words");
    claim(&o, o.binh, SAYS(.kind = ST_ENTRY_ACCEPT, .about = OF_OTHER_RECORD));
    assert_left(&o, "other words");
    claim(&o, o.binh, SAYS(.kind = ST_ENTRY_ACCEPT, .about = OF_NO_SET));
    assert_left(&o, "without the words");
    KIT_EXPECT(0, &o.t.w.book, "held");
    assert_non_null(strstr(KIT_OUT(&o.t.w.book), "not sure enough"));
    town_free(&o.t);
}

/* A copy of the suspended phone writes something else under the counter that the office let in, and
 * comes first after the restore. */
static void test_a_copy_with_other_words(void **state)
{
    (void)state;
    office o;
    sotay_port old;
    town_make(&o.t, 27);
    o.an = &o.t.w.phones[0];
    o.binh = &o.t.w.phones[1];
    sync_all(&o);
    o.good = phone_visit(o.an, "suối");
    sync_all(&o);
    KIT_EXPECT(0, &o.t.w.book, "device", "suspend", device_of(o.an));
    backup(&o.t);
    sync_well(&o, o.an);
    assert_int_equal(sotay_memory_copy(&o.an->port, false, &old, NULL), SOTAY_OK);
    assert_int_equal(phone_set(o.an, &o.good, "place", "lời văn phòng đã xem"), SOTAY_OK);
    sync_well(&o, o.an);
    decide(&o, &o.good, "accept", "đã xem");
    sync_well(&o, o.binh);
    restore(&o.t);
    phone_free(o.an);
    o.an->port = old;
    phone_open(o.an);
    assert_int_equal(phone_set(o.an, &o.good, "place", "lời khác hẳn"), SOTAY_OK);
    (void)sync_phone(&o.t.w, o.an, 0, NULL);
    sync_well(&o, o.binh);
    assert_true(held_says(&o, "\"decision\":\"accept\""));
    assert_false(held_says(&o, "\"counts\":true"));
    (void)KIT_CALL(&o.t.w.book, "held", "again", "--as", "office");
    assert_non_null(strstr((char *)o.t.w.book.err.data, "other words"));
    char hex[33];
    sotay_id_format(&o.good, hex);
    KIT_EXPECT(0, &o.t.w.book, "show", hex);
    assert_null(strstr(KIT_OUT(&o.t.w.book), "khác hẳn"));
    town_free(&o.t);
}

/* One thing was declined, its phone was trusted again and the next one stood in the book: by a
 * decline of the first it would go out, too. */
static void test_what_stood_behind_it(void **state)
{
    (void)state;
    office o;
    town_make(&o.t, 28);
    o.an = &o.t.w.phones[0];
    sync_all(&o);
    o.good = phone_visit(o.an, "suối");
    sync_all(&o);
    KIT_EXPECT(0, &o.t.w.book, "device", "suspend", device_of(o.an));
    backup(&o.t);
    assert_int_equal(phone_set(o.an, &o.good, "place", "nhầm"), SOTAY_OK);
    sync_well(&o, o.an);
    decide(&o, &o.good, "decline", REASON);
    KIT_EXPECT(0, &o.t.w.book, "device", "suspend", device_of(o.an), "--lift");
    sync_all(&o);
    assert_int_equal(phone_set(o.an, &o.good, "general_note", "việc đúng"), SOTAY_OK);
    sync_all(&o);
    restore(&o.t);
    sync_all(&o);
    assert_true(held_says(&o, "\"counts\":true"));
    KIT_EXPECT(1, &o.t.w.book, "held", "again", "--as", "office");
    assert_non_null(strstr((char *)o.t.w.book.err.data, "waits behind it"));
    assert_false(history_says(&o, REASON));
    town_free(&o.t);
}

/* The office's words are those of a phone whose word counts, and of a decline alone. */
static void test_in_whose_words(void **state)
{
    (void)state;
    office o;
    office_make(&o, 29);
    const int64_t later = INT64_C(4000000000000);
    claim(&o, o.an, SAYS(.kind = ST_ENTRY_DECLINE, .ms = 1700000000001,
                         .reason = "theo lệnh Chủ tịch"));
    claim(&o, o.binh, SAYS(.kind = ST_ENTRY_DECLINE, .ms = 1700000000000, .reason = REASON));
    KIT_EXPECT(0, &o.t.w.book, "held");
    assert_null(strstr(KIT_OUT(&o.t.w.book), "Chủ tịch"));
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(history_says(&o, REASON));
    town_free(&o.t);

    office_make(&o, 30);
    claim(&o, o.binh, SAYS(.kind = ST_ENTRY_ACCEPT, .ms = later, .reason = "theo lệnh Chủ tịch"));
    assert_false(held_says(&o, "Chủ tịch"));
    assert_true(held_says(&o, "\"at\":null")); /* not a time of next century */
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(history_says(&o, "Như trước khi phục hồi sổ."));
    town_free(&o.t);
}

/* Declined, put back, then let in, put back once more: what was told the first time is an earlier
 * word than the office's last. */
static void test_words_of_an_earlier_past(void **state)
{
    (void)state;
    office o;
    office_make(&o, 31);
    backup(&o.t);
    decide(&o, &o.good, "decline", REASON);
    sync_all(&o);
    restore(&o.t);
    sync_all(&o);
    assert_true(held_says(&o, "\"counts\":true"));
    run_shell("rm -rf %s %s", o.t.backup, "");
    backup(&o.t);
    decide(&o, &o.good, "accept", "xem lại: đúng");
    sync_all(&o);
    restore(&o.t);
    sync_well(&o, o.an);
    assert_true(held_says(&o, "\"decision\":\"decline\""));
    assert_false(held_says(&o, "\"counts\":true"));
    assert_left(&o, "no phone tells");
    sync_all(&o); /* the others have read the office's last word */
    KIT_EXPECT(0, &o.t.w.book, "held", "again", "--as", "office");
    assert_true(is_in_the_book(&o, &o.good));
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
        cmocka_unit_test(test_its_authors_second_phone),
        cmocka_unit_test(test_about_other_words),
        cmocka_unit_test(test_a_copy_with_other_words),
        cmocka_unit_test(test_what_stood_behind_it),
        cmocka_unit_test(test_in_whose_words),
        cmocka_unit_test(test_words_of_an_earlier_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
