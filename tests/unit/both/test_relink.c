/* tests/unit/both/test_relink.c
 * A phone has sets of its name that were not sent, and gets a new link. What its person writes from
 * then on builds on them, and the server may call them another branch: whatever it answers, nothing
 * of the first phone is replaced unseen, and nothing waits for ever. */
#include "tests/unit/both/branch.h"

typedef struct {
    world w;
    phone *an, *binh, *image;
    sotay_id visit;
} town;

/* An image of the phone behind its first change, put back in its place. Its own second one waits,
 * sealed. has_rival: the first phone had sent a second one of its own. */
static void town_make(town *t, bool has_rival)
{
    memset(t, 0, sizeof *t);
    world_make(&t->w, 5);
    t->an = &t->w.phones[0];
    t->binh = &t->w.phones[1];
    t->image = &t->w.phones[2];
    t->visit = phone_visit(t->an, "chợ");
    sync_phone_well(&t->w, t->an, NULL);
    phone_free(t->image);
    assert_int_equal(sotay_memory_copy(&t->an->port, false, &t->image->port, NULL), SOTAY_OK);
    phone_open(t->image);
    if (has_rival) {
        assert_int_equal(phone_set(t->an, &t->visit, "general_note", "của an"), SOTAY_OK);
        sync_phone_well(&t->w, t->an, NULL);
    }
    seal_note(t->image, &t->visit, "bản hai");
}

static void town_link(town *t)
{
    enrol(&t->w, t->image, "an", true);
}

static void write_on(town *t)
{
    assert_int_equal(phone_set(t->image, &t->visit, "general_note", "bản ba"), SOTAY_OK);
}

/* Nothing waits any more, and what was written under the new name is in the book. */
static void must_be_sent(town *t, const sotay_report *report)
{
    assert_true(report->complete);
    assert_true(phone_status_says(t->image, "\"ready\":0"));
    sync_phone_well(&t->w, t->binh, NULL);
    assert_true(phone_says(t->binh, sotay_show, &t->visit, "\"bản ba\""));
    KIT_EXPECT(0, &t->w.book, "verify");
}

static void must_have_both(town *t)
{
    assert_true(phone_says(t->binh, sotay_show, &t->visit, "\"bản ba\""));
    assert_true(phone_says(t->binh, sotay_show, &t->visit, "\"của an\""));
}

/* ---- answers ---- */

static void test_taken(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    town_make(&t, false);
    town_link(&t);
    write_on(&t);
    sync_phone_well(&t.w, t.image, &report);
    assert_int_equal(report.stored, 2);
    must_be_sent(&t, &report);
    assert_false(phone_says(t.binh, sotay_show, &t.visit, "\"bản hai\""));
    assert_true(phone_says(t.binh, sotay_show, &t.visit, "\"open_conflicts\":0"));
    world_free(&t.w);
}

static void test_the_answer_is_lost(void **state)
{
    (void)state;
    for (int rival = 0; rival < 2; rival++) {
        town t;
        sotay_sync *sync = NULL;
        sotay_request request;
        st_buffer reply;
        sotay_report report;
        town_make(&t, rival == 1);
        town_link(&t);
        write_on(&t);
        assert_int_equal(sotay_sync_begin(t.image->client, &sync, NULL), SOTAY_OK);
        assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
        assert_int_equal(answer(&t.w, &request, &reply), 200);
        st_buffer_free(&reply);
        sotay_sync_free(sync);
        phone_reopen(t.image);
        assert_int_equal(t.image->client->me.sealed, 0);
        assert_true(phone_says(t.image, sotay_show, &t.visit, "\"bản ba\""));
        sync_phone_well(&t.w, t.image, &report);
        must_be_sent(&t, &report);
        if (rival == 1)
            must_have_both(&t);
        world_free(&t.w);
    }
}

/* Held in the log is an answer: the name means what its author saw. */
static void test_held(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        town t;
        sotay_report report;
        town_make(&t, false);
        if (way == 0)
            KIT_EXPECT(0, &t.w.book, "device", "revoke", device_of(t.image));
        town_link(&t);
        write_on(&t);
        if (way == 1)
            KIT_EXPECT(0, &t.w.book, "unassign", "an", KIT_UNIT);
        sync_phone_well(&t.w, t.image, &report);
        assert_true(report.complete);
        assert_int_equal(t.image->client->me.sealed, 1);
        assert_true(phone_status_says(t.image, "\"ready\":0"));
        if (way == 0)
            must_be_sent(&t, &report);
        KIT_EXPECT(0, &t.w.book, "verify");
        world_free(&t.w);
    }
}

/* Put off, with no end in sight: what was written goes all the same, in the same sync, and says of
 * nothing in that set that it replaces it. When the set comes in, both stand there. */
static void test_put_off(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    const st_id id = phone_id(&visit);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    seal_note(&an, &visit, "bản hai");
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(phone_set(&an, &visit, "general_note", i == 0 ? "ba" : "bốn"), SOTAY_OK);
        e->later_next = 1;
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        assert_int_equal(report.later, 1);
        assert_int_equal(report.stored, 1);
        assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    }
    assert_true(phone_status_says(&an, "\"ready\":1"));
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_true(report.complete);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2);
    assert_true(phone_says(&an, sotay_show, &visit, "\"bản hai\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"bốn\""));
    phone_part(e, &an, NULL);
}

/* Put off, and called another branch later, when some is sealed under the new name and some is not,
 * of which one may be damaged. The branch goes in behind the one, and in front of the other. */
static void test_put_off_and_another_branch(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost <= 3; lost++) { /* 1: none */
        phone an, image;
        sotay_report report;
        sotay_id visit;
        edge *e = branch_make(&an, &image, &visit);
        const st_id id = phone_id(&visit);
        book_key key = book_key_of(BOOK_CHANGE);
        seal_note(&image, &visit, "bản hai");
        assert_int_equal(edge_enrol(e, image.client, 0, NULL), SOTAY_OK);
        assert_int_equal(phone_set(&image, &visit, "general_note", "ba"), SOTAY_OK); /* 1 */
        branch_put_off(e, &image, &report);
        assert_int_equal(image.client->me.sealed, 1);
        assert_int_equal(phone_set(&image, &visit, "place", "hai"), SOTAY_OK); /* 2 */
        assert_int_equal(phone_set(&image, &visit, "place", "ba"), SOTAY_OK);  /* 3 */
        book_key_u64(&key, lost);
        if (lost > 1)
            rows_spoil(&image, &key);
        for (int i = 0; i < 2; i++)
            assert_int_equal(edge_sync(e, image.client, NULL, &report), SOTAY_OK);
        assert_true(report.complete);
        assert_int_equal(image.client->me.sealed, lost == 1 ? 4 : 3);
        assert_int_equal(edge_values(e, &id, EDGE_NOTE), 3);
        assert_int_equal(edge_values(e, &id, EDGE_PLACE), lost == 2 ? 2 : 1);
        assert_true(phone_says(&image, sotay_show, &visit, "\"của an\""));
        for (size_t i = 0; i < e->buckets_count; i++)
            assert_int_equal(e->buckets[i].vector.extras_count, 0); /* no gap */
        assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
        assert_int_equal(report.repaired_buckets, 0);
        phone_part(e, &an, &image);
    }
}

/* ---- another branch ---- */

/* What a record is called on this phone by now. */
static void now_called(phone *p, sotay_id *record)
{
    char *json = shown(p, record);
    char hex[33] = "";
    (void)snprintf(hex, sizeof hex, "%.32s", strstr(json, "\"id\":\"") + 6);
    assert_true(sotay_id_parse(hex, record));
    sotay_text_free(json);
}

/* In the branch: a record, and an item in another. Under the new name: a value over a value, one in
 * that record and one in that item; acts; a record, and a value in it; one that is being typed. */
static void work_on(town *t, sotay_id *out_made, sotay_id *out_own)
{
    phone *p = t->image;
    char item[SOTAY_ITEM_TEXT], path[128];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    *out_made = phone_visit(p, "trạm");
    assert_int_equal(sotay_item_new(p->client, &t->visit, "findings", one, item, NULL), SOTAY_OK);
    rows_seal(p);
    town_link(t);
    write_on(t);
    assert_int_equal(phone_set(p, out_made, "place", "trạm ba"), SOTAY_OK);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(phone_set(p, &t->visit, path, "có sóng"), SOTAY_OK);
    assert_int_equal(sotay_record_withdraw(p->client, out_made, "nhầm", NULL), SOTAY_OK);
    assert_int_equal(sotay_record_reopen(p->client, out_made, "không nhầm", NULL), SOTAY_OK);
    *out_own = phone_visit(p, "xóm");
    assert_int_equal(phone_set(p, out_own, "general_note", "trong xóm"), SOTAY_OK);
    assert_int_equal(sotay_draft_put(p->client, out_made, "general_note", "đang gõ", NULL),
                     SOTAY_OK);
}

static void test_another_branch(void **state)
{
    (void)state;
    town t;
    sotay_id made, own;
    sotay_report report;
    town_make(&t, true);
    work_on(&t, &made, &own);
    phone_reopen(t.image);
    assert_true(phone_status_says(t.image, "\"ready\":10"));
    sync_phone_well(&t.w, t.image, &report);
    must_be_sent(&t, &report);
    must_have_both(&t);
    now_called(t.image, &made);
    now_called(t.image, &own);
    const sotay_id records[] = { t.visit, made, own };
    memcpy(t.w.records, records, sizeof records);
    t.w.records_count = 3;
    meet_and_compare(&t.w);
    assert_true(phone_says(t.an, sotay_show, &t.visit, "\"có sóng\""));
    assert_false(phone_says(t.an, sotay_show, &t.visit, "\"mất sóng\""));
    assert_true(phone_says(t.an, sotay_show, &made, "\"trạm ba\""));
    assert_true(phone_says(t.an, sotay_show, &made, "\"state\":\"draft\""));
    assert_true(phone_says(t.an, sotay_show, &made, "\"đang gõ\""));
    assert_true(phone_says(t.an, sotay_show, &made, "\"open_conflicts\":0"));
    assert_true(phone_says(t.an, sotay_show, &own, "\"trong xóm\""));
    assert_true(phone_status_says(t.image, "\"lost\":0"));
    assert_true(phone_status_says(t.an, "\"copied\":false"));
    world_free(&t.w);
}

/* One of those under the new name does not open when the others get other counters. */
static void test_another_branch_and_damage(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost <= 3; lost++) {
        town t;
        sotay_report report;
        book_key key = book_key_of(BOOK_CHANGE);
        town_make(&t, true);
        town_link(&t);
        write_on(&t);                                                                     /* 1 */
        assert_int_equal(phone_set(t.image, &t.visit, "general_note", "bốn"), SOTAY_OK);  /* 2 */
        assert_int_equal(phone_set(t.image, &t.visit, "place", "năm"), SOTAY_OK);         /* 3 */
        book_key_u64(&key, lost);
        rows_spoil(t.image, &key);
        sync_phone_well(&t.w, t.image, &report);
        assert_true(report.complete);
        assert_true(phone_status_says(t.image, "\"lost\":1"));
        t.w.records[0] = t.visit;
        t.w.records_count = 1;
        meet_and_compare(&t.w);
        assert_true(phone_says(t.an, sotay_show, &t.visit, "\"của an\""));
        if (lost != 2)
            assert_true(phone_says(t.an, sotay_show, &t.visit, "\"bốn\""));
        if (lost != 3)
            assert_true(phone_says(t.an, sotay_show, &t.visit, "\"năm\""));
        world_free(&t.w);
    }
}

/* Two links one after the other: nothing was sealed under the name in the middle. */
static void test_two_links(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    town_make(&t, true);
    town_link(&t);
    write_on(&t);
    town_link(&t);
    assert_int_equal(phone_set(t.image, &t.visit, "place", "bốn"), SOTAY_OK);
    sync_phone_well(&t.w, t.image, &report);
    must_be_sent(&t, &report);
    must_have_both(&t);
    assert_true(phone_says(t.an, sotay_show, &t.visit, "\"của an\""));
    world_free(&t.w);
}

/* ---- no server ---- */

/* Whom it meets gets what waits under the old name, and is told that more stays. */
static void test_a_neighbour_and_a_bundle(void **state)
{
    (void)state;
    town t;
    sotay_report report;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report made = { 0 };
    sotay_slice bytes = { NULL, 0 };
    town_make(&t, true);
    town_link(&t);
    sync_phone_well(&t.w, t.binh, NULL);
    write_on(&t);
    assert_int_equal(sotay_bundle_begin(t.image->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &made, NULL), SOTAY_OK);
    sotay_bundle_free(bundle);
    assert_int_equal(made.sets, 1);
    assert_int_equal(made.unsealed, 1);
    outcome o = meet(t.image, t.binh, NONE);
    assert_int_equal(o.codes[0], SOTAY_OK);
    assert_int_equal(o.reports[0].sets_given, 1);
    assert_int_equal(o.reports[0].unsealed, 1);
    assert_int_equal(o.reports[1].unsealed, 0);
    sync_phone_well(&t.w, t.binh, NULL);
    meet_well(t.binh, t.image); /* that it is a fork the server has to say itself */
    assert_int_equal(t.image->client->me.sealed, 0);
    sync_phone_well(&t.w, t.image, &report);
    must_be_sent(&t, &report);
    must_have_both(&t);
    world_free(&t.w);
}

static void attach(town *t, const sotay_id *visit, const char *bytes)
{
    char item[SOTAY_ITEM_TEXT];
    const sotay_attachment file = { "a.pdf", bytes, strlen(bytes), NULL, NULL, 0 };
    assert_int_equal(sotay_attach(t->image->client, visit, &file, item, NULL), SOTAY_OK);
}

/* The file that a set names goes with it. One that only what stays names does not, on a visit that
 * goes by another name when the set is of another branch: it would be carried for ever. */
static void test_a_neighbour_and_files(void **state)
{
    (void)state;
    town t;
    town_make(&t, true);
    sotay_id own = phone_visit(t.image, "suối");
    attach(&t, &own, "%PDF-1.7\nmot");
    rows_seal(t.image);
    town_link(&t);
    sync_phone_well(&t.w, t.binh, NULL);
    attach(&t, &own, "%PDF-1.7\nhai");
    attach(&t, &t.visit, "%PDF-1.7\nba");
    outcome o = meet(t.image, t.binh, NONE);
    assert_true(o.reports[0].done);
    assert_int_equal(o.reports[0].unsealed, 2);
    assert_int_equal(o.reports[0].pieces_given, 2);
    sync_phone_well(&t.w, t.binh, NULL);
    assert_int_equal(rows_count(t.binh, BOOK_PARCEL), 1); /* of the visit in the book */
    sync_phone_well(&t.w, t.image, NULL);
    for (int i = 0; i < 8 && rows_count(t.binh, BOOK_PARCEL) > 0; i++)
        sync_phone_well(&t.w, t.binh, NULL);
    assert_int_equal(rows_count(t.binh, BOOK_PARCEL), 0);
    assert_true(phone_status_says(t.image, "\"attachments_waiting\":0"));
    world_free(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_the_answer_is_lost),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_put_off),
        cmocka_unit_test(test_put_off_and_another_branch),
        cmocka_unit_test(test_another_branch),
        cmocka_unit_test(test_another_branch_and_damage),
        cmocka_unit_test(test_two_links),
        cmocka_unit_test(test_a_neighbour_and_a_bundle),
        cmocka_unit_test(test_a_neighbour_and_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
