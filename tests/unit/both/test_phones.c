/* tests/unit/both/test_phones.c
 * Phones and the real server, without a network between them: whatever order three officers record
 * in, lose replies, crash and meet in, in the end all phones and the book show the same, and the
 * book's own check finds nothing wrong. */
#include "client-lib/src/client.h"
#include "tests/unit/both/world.h"

#define STEPS 120

/* ---- what people do ---- */

/* One random thing; refusals are fine (the record is not there yet, or finalised). */
static void do_something(world *w, phone *p)
{
    static const char *const PATHS[] = { "general_note", "place", "ratings.m1.rating",
                                         "visit_date" };
    static const char *const VALUES[][3] = { { "A", "B", NULL },
                                             { "chợ", "trường", NULL },
                                             { "dat", "chua_dat", "vuot" },
                                             { "2026-03-11", "2026-03-13", "2026-03-12" } };
    char item[SOTAY_ITEM_TEXT];
    const sotay_id *id = &w->records[pick(w, (uint32_t)w->records_count)];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    uint32_t at = pick(w, 4);
    int rc = SOTAY_OK;
    switch (pick(w, 12)) {
    case 0: rc = sotay_record_finalise(p->client, id, NULL); break;
    case 1: rc = sotay_record_withdraw(p->client, id, "nhầm", NULL); break;
    case 2: rc = sotay_record_reopen(p->client, id, "không nhầm", NULL); break;
    case 3:
        rc = sotay_item_new(p->client, id, "findings", one, item, NULL);
        if (rc == SOTAY_OK && pick(w, 2) == 0)
            rc = sotay_item_drop(p->client, id, "findings", item, NULL);
        break;
    case 4: rc = sotay_record_remark(p->client, id, "ghi thêm", NULL); break;
    case 5: rc = sotay_draft_put(p->client, id, "place", "gõ dở", NULL); break;
    default: rc = phone_set(p, id, PATHS[at], VALUES[at][pick(w, 3)]);
    }
    assert_true(rc == SOTAY_OK || rc == SOTAY_E_NOT_FOUND || rc == SOTAY_E_STATE);
}

static void test_random_days_converge(void **state)
{
    (void)state;
    const char *seeds = getenv("SEEDS");
    const char *from = getenv("SEED");
    uint64_t first = from == NULL ? 1 : strtoull(from, NULL, 10);
    uint64_t last = seeds == NULL ? first + 5 : first + strtoull(seeds, NULL, 10) - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        world w;
        print_message("  seed %d\n", (int)seed);
        world_make(&w, seed);
        make_visit(&w, &w.phones[0]);
        for (int step = 0; step < STEPS; step++) {
            phone *p = &w.phones[pick(&w, PHONES)];
            w.now_ms += 1000 * pick(&w, 100);
            sotay_memory_clock(&p->port, w.now_ms, 1000 + (uint64_t)step);
            if (pick(&w, 20) == 0 && w.records_count < RECORDS)
                make_visit(&w, p);
            else if (pick(&w, 5) == 0)
                (void)!sync_phone(&w, p, 4, NULL);
            else if (pick(&w, 15) == 0)
                phone_crash(p, false);
            else
                do_something(&w, p);
        }
        meet_and_compare(&w);
        world_free(&w);
    }
}

/* The smallest story: two judgements, one decision of the office, seen by everybody. */
static void test_the_office_settles(void **state)
{
    (void)state;
    world w;
    world_make(&w, 1);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    make_visit(&w, an);
    const sotay_id *id = &w.records[0];
    char hex[33], dot[64];
    sotay_id_format(id, hex);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(an, id, "ratings.m1.rating", "dat"), SOTAY_OK);
    assert_int_equal(phone_set(binh, id, "ratings.m1.rating", "chua_dat"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    char *json = shown(an, id);
    find_dot(json, "\"value\":\"dat\"", dot);
    sotay_text_free(json);
    assert_int_equal(KIT_CALL(&w.book, "resolve", hex, "ratings.m1.rating", "--keep", dot, "--as",
                              "office", "--reason", "theo biên bản"),
                     0);
    meet_and_compare(&w);
    assert_true(phone_says(an, sotay_show, id, "\"open_conflicts\":0"));
    assert_true(phone_says(an, sotay_show, id, "\"kept\""));
    assert_true(phone_says(binh, sotay_history, id, "theo biên bản"));
    world_free(&w);
}

/* A far wrong clock is shown as it is and drags nobody along. */
static void test_a_wrong_clock(void **state)
{
    (void)state;
    static const int64_t CLOCKS[] = { 86400000, INT64_C(7226582400000) }; /* 1970, 2199 */
    for (size_t i = 0; i < 2; i++) {
        world w;
        world_make(&w, 1);
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_memory_clock(&an->port, CLOCKS[i], 1);
        make_visit(&w, an);
        assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(phone_set(binh, &w.records[0], "place", "chợ"), SOTAY_OK);
        meet_and_compare(&w);
        assert_true(phone_says(an, sotay_show, &w.records[0], i == 0 ? "\"1970-" : "\"2199-"));
        make_visit(&w, binh);
        assert_false(phone_says(binh, sotay_show, &w.records[1], "\"hlc\":\"72265"));
        meet_and_compare(&w);
        world_free(&w);
    }
}

/* Takes what only the office knows out of a `show` document: times by the server's clock, and the
 * flags that follow from them. */
static void forget_moments(char *json)
{
    static const char *const KEYS[] = { "\"corrected_at\":", "\"corrected_within_ms\":",
                                        "\"flags\":[" };
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        for (char *at = strstr(json, KEYS[i]); at != NULL; at = strstr(at, KEYS[i])) {
            char *end = at + strlen(KEYS[i]) + strcspn(at + strlen(KEYS[i]), i == 2 ? "]" : ",");
            assert_true(*end != '\0' && end[1] != '\0');
            end += i == 2 ? 2 : 1;
            memmove(at, end, strlen(end) + 1);
        }
}

/* The office holds something back and lets it in later: it counts as received when it came, on the
 * phone that was there before the decision as in the book. */
static void test_what_is_let_in_keeps_its_time(void **state)
{
    (void)state;
    world w;
    sotay_who who;
    char hex[33], device[33];
    world_make(&w, 1);
    phone *an = &w.phones[0];
    sotay_whoami(an->client, &who);
    sotay_id_format(&who.device, device);
    KIT_EXPECT(0, &w.book, "device", "suspend", device);
    make_visit(&w, an);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
    KIT_EXPECT(0, &w.book, "device", "suspend", device, "--lift");
    meet_and_compare(&w);
    sotay_id_format(&w.records[0], hex);
    char *json = shown(&w.phones[1], &w.records[0]);
    KIT_EXPECT(0, &w.book, "show", hex, "--json");
    forget_moments(json);
    forget_moments((char *)w.book.out.data);
    assert_string_equal(json, KIT_OUT(&w.book));
    sotay_text_free(json);
    world_free(&w);
}

/* A copy that is enrolled again before it hears that the other one was first: what it had sealed
 * under the old name goes out under the new one, and the book is whole on it. */
static void test_a_copy_enrolled_before_it_hears(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    world_make(&w, 1);
    phone *an = &w.phones[0], *twin = &w.phones[2];
    make_visit(&w, an);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    phone_free(twin);
    assert_int_equal(sotay_memory_copy(&an->port, true, &twin->port, NULL), SOTAY_OK);
    phone_open(twin);
    assert_int_equal(phone_set(twin, &w.records[0], "place", "của bản sao"), SOTAY_OK);
    sotay_sync *sync = NULL;
    sotay_request request;
    assert_int_equal(sotay_sync_begin(twin->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    sotay_sync_free(sync); /* sealed, and never sent */
    assert_int_equal(phone_set(an, &w.records[0], "general_note", "của máy đầu"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    enrol(&w, twin, "an", true);
    assert_int_equal(phone_set(twin, &w.records[0], "ratings.m1.rating", "dat"), SOTAY_OK);
    meet_and_compare(&w);
    assert_int_equal(sync_phone(&w, twin, 0, &report), SOTAY_OK);
    assert_int_equal(report.received_changes, 0);
    assert_true(phone_says(an, sotay_show, &w.records[0], "của bản sao"));
    assert_true(phone_says(twin, sotay_show, &w.records[0], "của máy đầu"));
    world_free(&w);
}

/* A copy that hears of the other branch before it has anything to send: it goes on under another
 * name, and writes where the other wrote. */
static void test_a_copy_that_reads_the_other_branch(void **state)
{
    (void)state;
    world w;
    sotay_who who;
    world_make(&w, 1);
    phone *an = &w.phones[0], *twin = &w.phones[2];
    make_visit(&w, an);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    phone_free(twin);
    assert_int_equal(sotay_memory_copy(&an->port, true, &twin->port, NULL), SOTAY_OK);
    phone_open(twin);
    assert_int_equal(phone_set(an, &w.records[0], "general_note", "của máy đầu"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, twin, 0, NULL), SOTAY_OK);
    assert_true(phone_says(twin, sotay_show, &w.records[0], "của máy đầu"));
    assert_int_equal(phone_set(twin, &w.records[0], "general_note", "của bản sao"), SOTAY_OK);
    sotay_whoami(twin->client, &who);
    assert_true(who.is_copied);
    enrol(&w, twin, "an", true);
    meet_and_compare(&w);
    assert_true(phone_says(an, sotay_show, &w.records[0], "của bản sao"));
    assert_true(phone_says(an, sotay_history, &w.records[0], "của máy đầu"));
    world_free(&w);
}

/* Both branches made the same record: by its id each shows that one, not its own second one. */
static void test_a_record_that_both_branches_made(void **state)
{
    (void)state;
    world w;
    world_make(&w, 1);
    phone *an = &w.phones[0], *twin = &w.phones[2];
    make_visit(&w, an);
    phone_free(twin);
    assert_int_equal(sotay_memory_copy(&an->port, true, &twin->port, NULL), SOTAY_OK);
    phone_open(twin);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, twin, 0, NULL), SOTAY_OK);
    enrol(&w, twin, "an", true);
    meet_and_compare(&w);
    char hex[33];
    sotay_id_format(&w.records[0], hex);
    assert_true(phone_says(twin, sotay_show, &w.records[0], hex));
    world_free(&w);
}

/* What a copy takes over under a new name says what its author had before him then, not what has
 * come since: a drop does not cover words that were written in the meantime. */
static void test_a_drop_taken_over_covers_only_what_was_seen(void **state)
{
    (void)state;
    world w;
    char item[SOTAY_ITEM_TEXT], path[128];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    world_make(&w, 1);
    phone *an = &w.phones[0], *binh = &w.phones[1], *twin = &w.phones[2];
    make_visit(&w, an);
    const sotay_id *id = &w.records[0];
    assert_int_equal(sotay_item_new(an->client, id, "findings", one, item, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    phone_free(twin);
    assert_int_equal(sotay_memory_copy(&an->port, true, &twin->port, NULL), SOTAY_OK);
    phone_open(twin);
    assert_int_equal(phone_set(an, id, "place", "chợ"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(phone_set(twin, id, "place", "trường"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, twin, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_item_drop(twin->client, id, "findings", item, NULL), SOTAY_OK);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(phone_set(binh, id, path, "mất sóng từ sáng"), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, twin, 0, NULL), SOTAY_OK);
    enrol(&w, twin, "an", true);
    meet_and_compare(&w);
    assert_true(phone_says(an, sotay_show, id, "\"contested\":true"));
    world_free(&w);
}

/* A copy with unsent work on a unit that is not its officer's any more can be enrolled all the
 * same, and the work goes out. */
static void test_enrolled_again_without_the_unit(void **state)
{
    (void)state;
    world w;
    char item[SOTAY_ITEM_TEXT];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    world_make(&w, 1);
    phone *an = &w.phones[0];
    make_visit(&w, an);
    assert_int_equal(sotay_item_new(an->client, &w.records[0], "findings", one, item, NULL),
                     SOTAY_OK);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_item_drop(an->client, &w.records[0], "findings", item, NULL), SOTAY_OK);
    phone_crash(an, true);
    KIT_EXPECT(0, &w.book, "unassign", "an", KIT_UNIT);
    enrol(&w, an, "an", true);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(an, "\"ready\":0"));
    char hex[33];
    sotay_id_format(&w.records[0], hex);
    KIT_EXPECT(0, &w.book, "show", hex, "--json");
    assert_true(kit_says(KIT_OUT(&w.book), "\"dropped\":true"));
    world_free(&w);
}

/* Keys that cannot be taken out: as long as a new one is not enrolled, the old one signs. */
static void test_an_enrolment_without_an_answer_keeps_the_old_key(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 1, (world_how){ PHONES, true });
    enrol(&w, &w.phones[0], "an", false);
    make_visit(&w, &w.phones[0]);
    meet_and_compare(&w);
    enrol(&w, &w.phones[0], "an", true);
    assert_int_equal(phone_set(&w.phones[0], &w.records[0], "place", "chợ"), SOTAY_OK);
    meet_and_compare(&w);
    world_free(&w);
}

/* With the same link again. */
static int ask_again(world *w, phone *p, const char *link)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_enrol_begin(p->client, link, NULL, &sync, &p->error), SOTAY_OK);
    return run(w, sync, 0, NULL);
}

/* The answer is lost, and before the same link asks again the office takes out of use what it had
 * enrolled: it is told nothing of what is read here. The store goes on under its older name, and
 * the link after a lift. */
static void test_a_used_link_of_who_is_out_of_use(void **state)
{
    (void)state;
    for (int is_revoked = 0; is_revoked < 2; is_revoked++) {
        world w;
        char link[256], device[33];
        world_make(&w, 1);
        phone *an = &w.phones[0];
        enrol(&w, an, "an", false);
        (void)snprintf(link, sizeof link, "%s", strstr((char *)w.book.out.data, "http"));
        const st_id id = st_device_id(an->client->me.offer.sign_key);
        st_id_format(&id, device);
        KIT_EXPECT(0, &w.book, "device", is_revoked ? "revoke" : "suspend", device);
        assert_int_equal(ask_again(&w, an, link), SOTAY_E_DENIED);
        make_visit(&w, an);
        meet_and_compare(&w);
        if (is_revoked) {
            enrol(&w, an, "an", true);
        } else {
            KIT_EXPECT(0, &w.book, "device", "suspend", device, "--lift");
            assert_int_equal(ask_again(&w, an, link), SOTAY_OK);
            assert_string_equal(device_of(an), device);
        }
        make_visit(&w, an);
        meet_and_compare(&w);
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_office_settles),
        cmocka_unit_test(test_a_wrong_clock),
        cmocka_unit_test(test_what_is_let_in_keeps_its_time),
        cmocka_unit_test(test_a_copy_enrolled_before_it_hears),
        cmocka_unit_test(test_a_copy_that_reads_the_other_branch),
        cmocka_unit_test(test_a_record_that_both_branches_made),
        cmocka_unit_test(test_a_drop_taken_over_covers_only_what_was_seen),
        cmocka_unit_test(test_enrolled_again_without_the_unit),
        cmocka_unit_test(test_an_enrolment_without_an_answer_keeps_the_old_key),
        cmocka_unit_test(test_a_used_link_of_who_is_out_of_use),
        cmocka_unit_test(test_random_days_converge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
