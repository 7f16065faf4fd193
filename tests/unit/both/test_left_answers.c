/* tests/unit/both/test_left_answers.c
 * Of what waits under a name that was left the server says what it is, or again and again that it
 * cannot say so yet. Neither keeps waiting for ever what is recorded under the new name, nor hides
 * what another phone wrote under the old one: also where the set lies sealed, of a unit that was
 * taken back, and where a sync ends behind its first request. */
#include "client-lib/src/closed.h"
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

static size_t left_waiting(phone *p)
{
    outbox_set set;
    size_t count = 0;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    while (outbox_next_left(p->client, false, &scan, &set, NULL) == ST_OK)
        count++;
    client_abort(p->client);
    return count;
}

/* Does the one that waits stand in front of what is sealed under the new name? */
static bool left_is_first(phone *p)
{
    outbox_set set;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    assert_int_equal(outbox_next_left(p->client, false, &scan, &set, NULL), ST_OK);
    client_abort(p->client);
    return st_id_cmp(&set.device, &p->client->me.device) < 0;
}

#define LONG 3600u

/* A text that no stream makes short. */
static void fill(char *text)
{
    uint32_t x = 1;
    for (size_t i = 0; i < LONG; i++) {
        x = x * 1103515245u + 12345u;
        text[i] = (char)('a' + (x >> 16) % 26);
    }
    text[LONG] = '\0';
}

/* ---- sealed ---- */

/* Two sets of the old name lie on a phone that has another name by now, sealed where its unit was
 * taken back; a book that was put back takes another branch of that name first. */
typedef struct {
    town t;
    phone *an, *binh, *image;
    sotay_id visit;
} sealed;

static void take_unit(sealed *s)
{
    KIT_EXPECT(0, &s->t.w.book, "unassign", "an", KIT_UNIT);
    sync_phone_well(&s->t.w, s->image, NULL);
    assert_int_equal(rows_count(s->image, BOOK_CLOSED), 3); /* also that of the visit */
}

/* KEPT: its unit stays. GIVEN_BACK: that was taken, and the phone has not heard that it has it
 * again when the book is put back. */
enum { KEPT, TAKEN, GIVEN_BACK };

static void branch_left(sealed *s, uint64_t seed, int unit)
{
    town *t = &s->t;
    char first[LONG + 1];
    fill(first);
    town_make(t, seed);
    s->an = &t->w.phones[0];
    s->binh = &t->w.phones[1];
    s->image = &t->w.phones[2];
    s->visit = phone_visit(s->an, "chợ");
    sync_phone_well(&t->w, s->an, NULL);
    backup(t);
    phone_free(s->image);
    assert_int_equal(sotay_memory_copy(&s->an->port, false, &s->image->port, NULL), SOTAY_OK);
    phone_open(s->image);
    assert_int_equal(phone_set(s->image, &s->visit, "general_note", first), SOTAY_OK);
    sync_phone_well(&t->w, s->image, NULL);
    assert_int_equal(phone_set(s->image, &s->visit, "place", "bản ba"), SOTAY_OK);
    sync_phone_well(&t->w, s->image, NULL);
    enrol(&t->w, s->image, "an", true);
    sync_phone_well(&t->w, s->image, NULL);
    if (unit != KEPT)
        take_unit(s);
    if (unit == GIVEN_BACK) {
        KIT_EXPECT(0, &t->w.book, "assign", "an", KIT_UNIT);
        sync_phone_well(&t->w, s->binh, NULL);
    }
    restore(t);
    assert_int_equal(phone_set(s->an, &s->visit, "general_note", "của an"), SOTAY_OK);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&t->w, s->an, NULL);
}

static void sealed_make(sealed *s, uint64_t seed)
{
    branch_left(s, seed, TAKEN);
}

static void assign(sealed *s)
{
    KIT_EXPECT(0, &s->t.w.book, "assign", "an", KIT_UNIT);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&s->t.w, s->image, NULL);
}

static void test_a_sealed_branch_waits_no_more(void **state)
{
    (void)state;
    sealed s;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report made = { 0 };
    sotay_slice bytes = { NULL, 0 };
    sealed_make(&s, 21);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&s.t.w, s.image, NULL);
    assert_int_equal(left_waiting(s.image), 0);
    assert_true(phone_status_says(s.image, "\"lost\":0"));
    assign(&s);
    assert_int_equal(phone_set(s.image, &s.visit, "general_note", "sửa"), SOTAY_OK);
    assert_int_equal(sotay_bundle_begin(s.image->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &made, NULL), SOTAY_OK);
    sotay_bundle_free(bundle);
    assert_int_equal(made.sets, 1);
    assert_int_equal(made.unsealed, 0);
    town_free(&s.t);
}

static void test_a_sealed_branch_hides_nobody(void **state)
{
    (void)state;
    sealed s;
    sotay_report report;
    sealed_make(&s, 22);
    sync_phone_well(&s.t.w, s.image, NULL);
    assign(&s);
    sync_phone_well(&s.t.w, s.image, &report);
    assert_int_equal(report.repaired_buckets, 0);
    assert_false(report.needs_person);
    assert_true(phone_says(s.image, sotay_show, &s.visit, "\"của an\""));
    assert_int_equal(phone_set(s.image, &s.visit, "general_note", "sửa"), SOTAY_OK);
    sync_phone_well(&s.t.w, s.image, &report);
    sync_phone_well(&s.t.w, s.binh, NULL);
    assert_true(phone_says(s.binh, sotay_show, &s.visit, "\"sửa\""));
    assert_true(phone_says(s.binh, sotay_show, &s.visit, "\"open_conflicts\":0"));
    KIT_EXPECT(0, &s.t.w.book, "verify");
    town_free(&s.t);
}

static size_t forks(sealed *s)
{
    size_t count = 0;
    KIT_EXPECT(0, &s->t.w.book, "held", "--json");
    for (const char *at = KIT_OUT(&s->t.w.book); (at = strstr(at, "\"fork\"")) != NULL; at++)
        count++;
    return count;
}

/* What enrolled the phone goes before what waits under its old name, so that the first page comes
 * before the answer to that: what the page has under this name says that it is another branch. */
static void test_an_unanswered_branch_hides_nobody(void **state)
{
    (void)state;
    sealed s;
    sotay_report report;
    branch_left(&s, 24, KEPT);
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&s.t.w, s.image, &report);
        assert_int_equal(report.repaired_buckets, 0);
    }
    assert_true(report.complete);
    assert_int_equal(left_waiting(s.image), 0);
    sync_phone_well(&s.t.w, s.an, NULL);
    for (int i = 0; i < 2; i++) {
        phone *p = i == 0 ? s.image : s.an;
        assert_true(phone_says(p, sotay_show, &s.visit, "\"của an\""));
        assert_true(phone_says(p, sotay_show, &s.visit, "\"bản ba\""));
        assert_true(phone_says(p, sotay_show, &s.visit, "\"open_conflicts\":1"));
    }
    KIT_EXPECT(0, &s.t.w.book, "verify");
    town_free(&s.t);
}

/* The same where it lies sealed, and the unit is given back before the phone asks. */
static void test_a_sealed_one_comes_late(void **state)
{
    (void)state;
    sealed s;
    sotay_report report;
    branch_left(&s, 25, GIVEN_BACK);
    sync_phone_well(&s.t.w, s.binh, NULL); /* brings what the book says of the unit */
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&s.t.w, s.image, &report);
        assert_int_equal(report.repaired_buckets, 0);
    }
    assert_true(report.complete);
    assert_int_equal(left_waiting(s.image), 0);
    assert_true(phone_says(s.image, sotay_show, &s.visit, "\"của an\""));
    assert_int_equal(forks(&s), 2);
    KIT_EXPECT(0, &s.t.w.book, "verify");
    town_free(&s.t);
}

/* A line that broke so often that one request holds little. */
static void break_the_line(phone *p)
{
    const sotay_attempt attempt = { .code = SOTAY_E_NETWORK, .why = SOTAY_WHY_CUT };
    for (int i = 0; i < 4; i++)
        assert_int_equal(sotay_line_note(p->client, &attempt, NULL), SOTAY_OK);
}

/* After a restore an image offers what the office wrote, and has no room left for its own: the
 * answer refers to a set by the counter alone, and means that of the other phone. */
static void test_a_reference_to_the_other_branch(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    char login[16];
    town_make(&t, 32);
    phone *an = &t.w.phones[0], *image = &t.w.phones[2];
    sotay_id visit = phone_visit(an, "chợ");
    sync_phone_well(&t.w, an, NULL);
    backup(&t);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(login, sizeof login, "user%d", i);
        KIT_EXPECT(0, &t.w.book, "user", "add", login, "--name", "Name", "--role", "officer");
    }
    phone_free(image);
    assert_int_equal(sotay_memory_copy(&an->port, false, &image->port, NULL), SOTAY_OK);
    phone_open(image);
    assert_int_equal(phone_set(image, &visit, "general_note", "của bản sao"), SOTAY_OK);
    sync_phone_well(&t.w, image, NULL);
    restore(&t);
    assert_int_equal(phone_set(an, &visit, "general_note", "của an"), SOTAY_OK);
    sync_phone_well(&t.w, an, NULL);
    break_the_line(image);
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&t.w, image, &report);
        assert_int_equal(report.repaired_buckets, 0);
    }
    enrol(&t.w, image, "an", true);
    sync_phone_well(&t.w, image, NULL);
    sync_phone_well(&t.w, an, NULL);
    for (int i = 0; i < 2; i++) {
        phone *p = i == 0 ? image : an;
        assert_true(phone_says(p, sotay_show, &visit, "\"của an\""));
        assert_true(phone_says(p, sotay_show, &visit, "\"của bản sao\""));
    }
    KIT_EXPECT(0, &t.w.book, "verify");
    town_free(&t);
}

/* The first one alone fits into a request, and breaks off behind its answer: what it says of that
 * one is said of no other. Nor does the phone let go of them before a backup has them. */
static void test_each_sealed_one_is_brought(void **state)
{
    (void)state;
    sealed s;
    sealed_make(&s, 23);
    for (int i = 0; forks(&s) == 0 && i < 8; i++) {
        sotay_sync *sync = NULL;
        assert_int_equal(sotay_sync_begin(s.image->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 1600, true);
        assert_int_equal(run(&s.t.w, sync, 0, NULL), SOTAY_OK);
    }
    assert_int_equal(forks(&s), 1);
    assert_int_equal(left_waiting(s.image), 1);
    sync_phone_well(&s.t.w, s.image, NULL);
    assert_int_equal(forks(&s), 2);
    assert_int_equal(left_waiting(s.image), 0);
    assert_int_equal(rows_count(s.image, BOOK_CLOSED), 3);
    assert_true(phone_status_says(s.image, "\"safe_to_wipe\":false"));
    town_free(&s.t);
}

/* ---- no answer ---- */

#define BUDGET 1100u /* of a sync that ends behind its first request */

static void note(phone *p, const sotay_id *visit, const char *field, const char *text)
{
    assert_int_equal(phone_set(p, visit, field, text), SOTAY_OK);
}

/* A sync in which the next `later` sets that come are put off. */
static void sync_later(edge *e, phone *p, uint64_t budget, uint64_t later, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    e->later_next = later;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, budget, true);
    assert_int_equal(edge_run(e, p->client, sync, NULL, out_report), SOTAY_OK);
    e->later_next = 0;
}

/* A phone with a new name, all of its book read, whose old one has a set that waits, with this note
 * in it. */
static edge *left_make(phone *p, sotay_id *out_visit, const char *text)
{
    edge *e = phone_alone(p);
    *out_visit = phone_visit(p, "chợ");
    assert_int_equal(edge_sync(e, p->client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_enrol(e, p->client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, p->client, NULL, NULL), SOTAY_OK);
    note(p, out_visit, "general_note", text);
    rows_seal(p);
    assert_int_equal(edge_enrol(e, p->client, 0, NULL), SOTAY_OK);
    sync_later(e, p, 0, 1, NULL);
    assert_int_equal(left_waiting(p), 1);
    return e;
}

/* The phone starts anew between any two syncs. */
static void test_a_small_budget(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    sotay_id visit;
    edge *e = left_make(&an, &visit, "ba");
    const st_id id = phone_id(&visit);
    note(&an, &visit, "general_note", "bốn"); /* over what has no answer */
    sync_later(e, &an, BUDGET, 9, &report);
    assert_int_equal(report.requests, 1);
    assert_int_equal(an.client->me.sealed, 0);
    phone_reopen(&an);
    sync_later(e, &an, BUDGET, 9, &report);
    assert_int_equal(an.client->me.sealed, 1);
    note(&an, &visit, "place", "năm"); /* one more answer is waited for */
    phone_reopen(&an);
    sync_later(e, &an, BUDGET, 9, &report);
    assert_int_equal(an.client->me.sealed, 1);
    phone_reopen(&an);
    sync_later(e, &an, 0, 0, &report);
    assert_int_equal(left_waiting(&an), 0);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2); /* both stand side by side */
    phone_part(e, &an, NULL);
}

/* It is answered in time: what waited is sealed as it is. */
static void test_an_answer_in_time(void **state)
{
    (void)state;
    phone an;
    sotay_id visit;
    edge *e = left_make(&an, &visit, "ba");
    const st_id id = phone_id(&visit);
    note(&an, &visit, "general_note", "bốn");
    sync_later(e, &an, 0, 0, NULL);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    note(&an, &visit, "general_note", "năm");
    sync_later(e, &an, 0, 0, NULL);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    phone_part(e, &an, NULL);
}

/* What was written since the last answer goes on waiting in a sync in which what waited through
 * that goes at once: for the answer of this sync, if there is one. */
static void test_each_waits_as_long_as_it_must(void **state)
{
    (void)state;
    for (int has_answer = 0; has_answer < 2; has_answer++) {
        phone an;
        sotay_id visit;
        edge *e = left_make(&an, &visit, "ba");
        const st_id id = phone_id(&visit);
        note(&an, &visit, "place", "bốn");
        sync_later(e, &an, BUDGET, 9, NULL);
        note(&an, &visit, "general_note", "năm"); /* over what has no answer */
        sync_later(e, &an, 0, has_answer ? 0 : 9, NULL);
        assert_int_equal(an.client->me.sealed, 2);
        sync_later(e, &an, 0, 0, NULL);
        assert_true(phone_status_says(&an, "\"ready\":0"));
        assert_int_equal(edge_values(e, &id, EDGE_NOTE), has_answer ? 1 : 2);
        phone_part(e, &an, NULL);
    }
}

/* The set that has no answer is larger than what a sync may cost, whichever of the two names stands
 * in front. */
static void test_a_large_one_comes_last(void **state)
{
    (void)state;
    bool was_behind = false, was_before = false;
    for (int i = 0; i < 8 && !(was_behind && was_before); i++) {
        phone an;
        char text[LONG + 1];
        sotay_id visit;
        fill(text);
        edge *e = left_make(&an, &visit, text);
        for (int k = 0; k < i; k++)
            assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
        was_before = was_before || left_is_first(&an);
        was_behind = was_behind || !left_is_first(&an);
        note(&an, &visit, "place", "bốn");
        sync_later(e, &an, BUDGET, 9, NULL);
        assert_int_equal(an.client->me.sealed, 0);
        sync_later(e, &an, BUDGET, 0, NULL);
        assert_true(phone_status_says(&an, "\"ready\":0"));
        phone_part(e, &an, NULL);
    }
    assert_true(was_before && was_behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sealed_branch_waits_no_more),
        cmocka_unit_test(test_a_sealed_branch_hides_nobody),
        cmocka_unit_test(test_an_unanswered_branch_hides_nobody),
        cmocka_unit_test(test_a_sealed_one_comes_late),
        cmocka_unit_test(test_a_reference_to_the_other_branch),
        cmocka_unit_test(test_each_sealed_one_is_brought),
        cmocka_unit_test(test_a_small_budget),
        cmocka_unit_test(test_an_answer_in_time),
        cmocka_unit_test(test_each_waits_as_long_as_it_must),
        cmocka_unit_test(test_a_large_one_comes_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
