/* tests/unit/both/test_carried.c
 * Two officers meet in a valley without signal and take each other's work along: both read it at
 * once, whoever has signal first delivers it, and a line that breaks, a changed byte, a copied
 * phone or a lost unit neither loses nor doubles a word. */
#include "tests/unit/both/meet.h"
#include "tests/unit/both/town.h"

#include "client-lib/src/carried.h"
#include "client-lib/src/client.h"
#include "client-lib/src/delivered.h"
#include "server/store/chunks.h"

#define PAPER_BYTES 3000u

/* ---- helpers ---- */

static uint64_t carried_by(phone *p)
{
    carried_counts counts = { 0, 0 };
    st_error error = { 0 };
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    assert_int_equal(carried_count(p->client, &counts, &error), ST_OK);
    client_abort(p->client);
    return counts.waiting;
}

static char *text_of(phone *p, const sotay_id *record)
{
    char *json = NULL;
    assert_int_equal(sotay_show(p->client, record, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    return json;
}

static bool reads(phone *p, const sotay_id *record)
{
    char *json = NULL;
    int rc = sotay_show(p->client, record, SOTAY_JSON, &json, &p->error);
    sotay_text_free(json);
    return rc == SOTAY_OK;
}

/* All three know of each other, and an and binh have each written something. */
static void valley_make(world *w, uint64_t seed, bool has_port_keys)
{
    world_make_with(w, seed, (world_how){ PHONES, has_port_keys });
    for (size_t i = 0; i < PHONES; i++)
        assert_int_equal(sync_phone(w, &w->phones[i], 0, NULL), SOTAY_OK);
    make_visit(w, &w->phones[0]);
    make_visit(w, &w->phones[1]);
}

/* ---- the meeting ---- */

static void test_both_leave_with_both(void **state)
{
    (void)state;
    for (int has_port_keys = 0; has_port_keys < 2; has_port_keys++) {
        world w;
        sotay_report report;
        valley_make(&w, 40, has_port_keys == 1);
        phone *an = &w.phones[0], *binh = &w.phones[1];
        meet_well(an, binh);
        assert_true(phone_says(binh, sotay_show, &w.records[0], "\"flags\":[\"carried\"]"));
        assert_true(phone_says(an, sotay_history, &w.records[1], "\"verdict\":\"carried\""));
        assert_true(phone_says(binh, sotay_show, &w.records[0], "\"author\":\"an\""));
        assert_int_equal(phone_set(binh, &w.records[0], "place", "x"), SOTAY_E_STATE);
        assert_int_equal(carried_by(an) + carried_by(binh), 2);
        assert_true(phone_status_says(binh, "\"safe_to_wipe\":false"));
        meet_well(binh, an);
        assert_int_equal(carried_by(an) + carried_by(binh), 2);
        assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
        assert_int_equal(report.stored, 2);
        assert_int_equal(carried_by(binh), 0);
        assert_true(phone_says(binh, sotay_show, &w.records[0], "\"flags\":[]"));
        assert_true(phone_says(binh, sotay_history, &w.records[0], "\"carrier\":\""));
        meet_well(an, binh); /* the receipt of what an wrote */
        assert_true(phone_status_says(an, "\"ready\":0"));
        assert_int_equal(sync_phone(&w, an, 0, &report), SOTAY_OK);
        assert_int_equal(report.stored, 0);
        meet_and_compare(&w);
        world_free(&w);
    }
}

/* The two as they were before an exchange. */
static void put_back(world *w, sotay_port before[2])
{
    for (size_t i = 0; i < 2; i++) {
        phone_free(&w->phones[i]);
        w->phones[i].port = before[i];
        phone_open(&w->phones[i]);
    }
}

/* However the line breaks, each side has all that the other gave, or nothing of it. */
static void test_the_line_breaks_anywhere(void **state)
{
    (void)state;
    static const size_t OF_AN[] = { 0, 2, 3 }, OF_BINH[] = { 1, 4 };
    world w;
    size_t calls = 0;
    valley_make(&w, 41, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    make_visit(&w, an);
    make_visit(&w, an);
    make_visit(&w, binh);
    for (bool broke = true; broke; calls++) {
        for (size_t part = 0; part < 4; part++) {
            sotay_port before[2];
            const trouble t = { calls, part == 3 ? SIZE_MAX : part * 40, SIZE_MAX, 0 };
            for (size_t i = 0; i < 2; i++)
                assert_int_equal(sotay_memory_copy(&w.phones[i].port, false, &before[i], NULL),
                                 SOTAY_OK);
            outcome o = meet(an, binh, t);
            size_t at_an = 0, at_binh = 0;
            for (size_t i = 0; i < 3; i++)
                at_binh += reads(binh, &w.records[OF_AN[i]]);
            for (size_t i = 0; i < 2; i++)
                at_an += reads(an, &w.records[OF_BINH[i]]);
            assert_true(at_binh == 0 || at_binh == 3);
            assert_true(at_an == 0 || at_an == 2);
            broke = o.calls > calls; /* else it went through with less */
            put_back(&w, before);
        }
    }
    assert_int_equal(calls, 7); /* six pieces go over the line */
    meet_well(an, binh);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    meet_and_compare(&w);
    world_free(&w);
}

/* Somebody on the line turns a bit: it is noticed, and nothing is taken of what came so. */
static void test_a_changed_byte_is_noticed(void **state)
{
    (void)state;
    world w;
    valley_make(&w, 42, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    for (size_t call = 0; call < 6; call++) {
        for (size_t round = 0; round < 6; round++) {
            const trouble t = { SIZE_MAX, SIZE_MAX, call, 32 + pick(&w, 4000) };
            outcome o = meet(an, binh, t);
            assert_true(o.codes[0] != SOTAY_OK || o.codes[1] != SOTAY_OK ||
                        !(o.reports[0].done && o.reports[1].done));
            if (call < 4)
                assert_int_equal(carried_by(binh), 0);
            if (call < 5)
                assert_int_equal(carried_by(an), 0);
        }
    }
    meet_well(an, binh);
    meet_and_compare(&w);
    world_free(&w);
}

/* Whoever has not the key of the phone that he says he is learns nothing and gets nothing. */
static void test_somebody_else_in_his_name(void **state)
{
    (void)state;
    world w;
    sotay_who who;
    valley_make(&w, 51, false);
    phone *an = &w.phones[0], *chi = &w.phones[2];
    sotay_whoami(w.phones[1].client, &who);
    memcpy(chi->client->me.speaker.b, who.device.b, sizeof who.device.b); /* binh, says chi */
    chi->client->next = chi->client->me;
    for (int serves = 0; serves < 2; serves++) {
        outcome o = serves ? meet(chi, an, NONE) : meet(an, chi, NONE);
        assert_int_equal(o.codes[serves ? 1 : 0], SOTAY_E_SIGNATURE);
        assert_false(o.reports[serves ? 1 : 0].has_peer);
        assert_int_equal(carried_by(an) + carried_by(chi), 0);
    }
    world_free(&w);
}

/* What a phone says of its own rights does not count: its unit was taken back, it has not heard. */
static void test_rights_are_those_of_the_catalogue(void **state)
{
    (void)state;
    world w;
    valley_make(&w, 52, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    make_visit(&w, an);
    meet_well(an, binh);
    assert_false(reads(binh, &w.records[2]));
    assert_int_equal(carried_by(binh), 1); /* sealed: he may bring it all the same */
    assert_int_equal(KIT_CALL(&w.book, "assign", "binh", KIT_UNIT), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* Nor does his unit, when he has no role any more. */
static void test_who_has_no_role_reads_nothing(void **state)
{
    (void)state;
    world w;
    valley_make(&w, 55, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    KIT_EXPECT(0, &w.book, "role", "binh", "-officer");
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    make_visit(&w, an);
    meet_well(an, binh);
    assert_false(reads(binh, &w.records[2]));
    assert_int_equal(carried_by(binh), 1);
    KIT_EXPECT(0, &w.book, "role", "binh", "+officer");
    meet_and_compare(&w);
    world_free(&w);
}

/* binh has the unit that an's went into, over one in between: it goes in the open. Taken back, it
 * does not. */
static void test_a_unit_that_went_into_his(void **state)
{
    (void)state;
    world w;
    valley_make(&w, 53, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    static const char *const STEPS[][2] = { { KIT_UNIT, "01477-x002" },
                                            { "01477-x002", "01477-x003" } };
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(KIT_CALL(&w.book, "assign", "binh", "01477-x003"), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(KIT_CALL(&w.book, "unit", "merge", STEPS[i][0], STEPS[i][1],
                                  "--document", "1", "--from", "2026-07-01"), 0);
    for (size_t n = 0; n < 2; n++)
        assert_int_equal(sync_phone(&w, &w.phones[n], 0, NULL), SOTAY_OK);
    make_visit(&w, an);
    meet_well(an, binh);
    assert_true(reads(binh, &w.records[2]));
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", "01477-x003"), 0);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    make_visit(&w, an);
    meet_well(an, binh);
    assert_false(reads(binh, &w.records[3]));
    assert_int_equal(KIT_CALL(&w.book, "assign", "binh", KIT_UNIT), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* What an area or a class gives is given by hand as well, with what went into its units; when the
 * assignment ends it goes sealed again. */
static void test_a_unit_of_his_area_or_class(void **state)
{
    (void)state;
    static const char *const WHAT[] = { "ar-01477", "x" };
    world w;
    valley_make(&w, 54, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    for (size_t i = 0; i < 2; i++) {
        KIT_EXPECT(0, &w.book, "assign", "binh", WHAT[i]);
        for (size_t n = 0; n < 2; n++)
            assert_int_equal(sync_phone(&w, &w.phones[n], 0, NULL), SOTAY_OK);
        make_visit(&w, an);
        meet_well(an, binh);
        assert_true(reads(binh, &w.records[w.records_count - 1]));
        KIT_EXPECT(0, &w.book, "unassign", "binh", WHAT[i]);
        assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
        make_visit(&w, an);
        meet_well(an, binh);
        assert_false(reads(binh, &w.records[w.records_count - 1]));
    }
    KIT_EXPECT(0, &w.book, "assign", "binh", "ar-01498"); /* of another area: sealed */
    for (size_t n = 0; n < 2; n++)
        assert_int_equal(sync_phone(&w, &w.phones[n], 0, NULL), SOTAY_OK);
    sotay_id last = phone_visit(an, "chợ");
    meet_well(an, binh);
    assert_false(reads(binh, &last));
    assert_int_equal(KIT_CALL(&w.book, "assign", "binh", KIT_UNIT), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* ---- what becomes of it ---- */

/* What binh writes over a value that an gave him by hand replaces it, as if the log had brought it,
 * whoever is first at the server. */
static void test_an_edit_over_what_was_carried(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        world w;
        valley_make(&w, 43, false);
        phone *an = &w.phones[0], *binh = &w.phones[1];
        for (int i = 0; i < 2; i++)
            for (size_t n = 0; n < 2; n++)
                assert_int_equal(sync_phone(&w, &w.phones[n], 0, NULL), SOTAY_OK);
        assert_int_equal(phone_set(an, &w.records[0], "place", "chợ"), SOTAY_OK);
        meet_well(an, binh);
        assert_int_equal(phone_set(binh, &w.records[0], "place", "trạm"), SOTAY_OK);
        assert_true(phone_says(binh, sotay_show, &w.records[0], "\"open_conflicts\":0"));
        assert_int_equal(sync_phone(&w, &w.phones[first], 0, NULL), SOTAY_OK);
        meet_and_compare(&w);
        assert_true(phone_says(an, sotay_show, &w.records[0], "\"open_conflicts\":0"));
        assert_true(phone_says(an, sotay_show, &w.records[0], "\"trạm\""));
        world_free(&w);
    }
}

static void attach_paper(phone *p, const sotay_id *record)
{
    char item[SOTAY_ITEM_TEXT];
    static const uint8_t PAPER[PAPER_BYTES] = "%PDF-1.7\n";
    const sotay_attachment file = { "a.pdf", PAPER, sizeof PAPER, NULL, "biên bản", 0 };
    assert_int_equal(sotay_attach(p->client, record, &file, item, &p->error), SOTAY_OK);
}

/* A copied phone writes under the name of the first one. What it gave by hand is carried to the
 * server, which keeps it as a fork, and beside it the file that it put to a visit of the book; then
 * nobody shows it. */
static void test_a_fork_is_carried_no_further(void **state)
{
    (void)state;
    world w;
    uint64_t bytes = 0;
    valley_make(&w, 44, false);
    phone *an = &w.phones[0], *binh = &w.phones[1], copy;
    memset(&copy, 0, sizeof copy);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_memory_copy(&an->port, true, &copy.port, NULL), SOTAY_OK);
    phone_open(&copy);
    assert_int_equal(phone_set(an, &w.records[0], "place", "của máy đầu"), SOTAY_OK);
    make_visit(&w, &copy);
    size_t of_copy = w.records_count - 1;
    attach_paper(&copy, &w.records[0]); /* the book has it: only the other branch names the file */
    meet_well(&copy, binh);
    assert_true(reads(binh, &w.records[of_copy]));
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_false(reads(binh, &w.records[of_copy]));
    assert_int_equal(carried_by(binh), 0);
    assert_int_equal(chunks_total(w.book.dir, &bytes, NULL), ST_OK);
    assert_int_equal(bytes, PAPER_BYTES);
    w.records_count--; /* it is a held line in the office, and no record */
    phone_free(&copy);
    meet_and_compare(&w);
    world_free(&w);
}

/* The log has another branch, and binh hears of it before he delivers. */
static void test_the_log_knows_better(void **state)
{
    (void)state;
    world w;
    valley_make(&w, 45, false);
    phone *an = &w.phones[0], *binh = &w.phones[1], copy;
    sotay_sync *sync = NULL;
    memset(&copy, 0, sizeof copy);
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_memory_copy(&an->port, true, &copy.port, NULL), SOTAY_OK);
    phone_open(&copy);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(phone_set(&copy, &w.records[0], "place", i % 2 ? "b" : "c"), SOTAY_OK);
        assert_int_equal(phone_set(an, &w.records[0], "general_note", i % 2 ? "x" : "y"), SOTAY_OK);
    }
    assert_int_equal(phone_set(&copy, &w.records[0], "place", "nhánh kia"), SOTAY_OK);
    meet_well(&copy, binh);
    assert_true(phone_says(binh, sotay_show, &w.records[0], "nhánh kia"));
    assert_int_equal(sync_phone(&w, an, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_begin(binh->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(run(&w, sync, 0, NULL), SOTAY_OK);
    char *json = text_of(binh, &w.records[0]);
    assert_null(strstr(json, "nhánh kia"));
    sotay_text_free(json);
    assert_int_equal(carried_by(binh), 0);
    phone_free(&copy);
    meet_and_compare(&w);
    world_free(&w);
}

static st_bucket unit_bucket(void)
{
    st_bucket bucket;
    const char *name = "01477/unit/" KIT_UNIT;
    assert_true(st_bucket_set(&bucket, name, strlen(name)));
    return bucket;
}

/* The unit is not binh's any more: nothing of it is read on his phone, and an's work still comes to
 * the server by it. */
static void test_a_lost_unit_goes_on_sealed(void **state)
{
    (void)state;
    world w;
    st_error error = { 0 };
    st_bucket bucket = unit_bucket();
    valley_make(&w, 46, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    meet_well(an, binh);
    assert_int_equal(client_begin(binh->client, true, &error), ST_OK);
    assert_int_equal(carried_close_bucket(binh->client, &bucket, &error), ST_OK);
    assert_int_equal(client_commit(binh->client, &error), ST_OK);
    assert_false(reads(binh, &w.records[0]));
    assert_int_equal(carried_by(binh), 1);
    assert_int_equal(KIT_CALL(&w.book, "unassign", "binh", KIT_UNIT), 0);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(carried_by(binh), 0);
    assert_false(reads(binh, &w.records[0]));
    assert_int_equal(KIT_CALL(&w.book, "assign", "binh", KIT_UNIT), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* Only the server's word ends the carrying. */
static void test_receipts_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        bool other_key, other_epoch, other_hash;
    } CASES[] = {
        { "signed by somebody else", true, false, false },
        { "of another epoch", false, true, false },
        { "of another set of that name", false, false, true },
        { "right", false, false, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        world w;
        st_error error = { 0 };
        bool is_new = false;
        st_buffer body;
        valley_make(&w, 47, false);
        phone *an = &w.phones[0], *binh = &w.phones[1];
        print_message("  case: a receipt %s\n", CASES[i].why);
        meet_well(an, binh);
        st_buffer_init(&body, 4096);
        st_arena arena;
        carried_set taken;
        st_arena_init(&arena, 1u << 20);
        book_key prefix = book_key_of(BOOK_TAKEN);
        book_scan scan = book_scan_of(&prefix);
        assert_int_equal(client_begin(binh->client, true, &error), ST_OK);
        assert_int_equal(carried_next_set(binh->client, &scan, &arena, &taken, &error), ST_OK);
        const sync_room *room = &w.book.rooms.sync;
        st_receipt receipt = { .device = taken.device, .first = taken.first, .last = taken.first,
                               .hash = taken.hash, .kind = ST_VERDICT_STORED, .position = 900 };
        memcpy(receipt.epoch, room->epoch, sizeof receipt.epoch);
        receipt.epoch[0] ^= CASES[i].other_epoch;
        receipt.hash.b[0] ^= CASES[i].other_hash;
        uint8_t text[ST_RECEIPT_SIGN_BYTES], public_key[32], secret[64];
        const uint8_t seed[32] = { 7 };
        assert_int_equal(st_receipt_make(&receipt, &body, NULL), ST_OK);
        st_sign_keypair(seed, public_key, secret);
        st_receipt_sign_text(&room->keys->log, &receipt, text);
        st_sign(CASES[i].other_key ? secret : room->keys->device_secret, text, sizeof text,
                receipt.signature);
        assert_int_equal(carried_take_receipt(binh->client, &receipt, &is_new, &error), ST_OK);
        assert_int_equal(client_commit(binh->client, &error), ST_OK);
        assert_int_equal(carried_by(binh), i == 3 ? 0 : 1);
        assert_int_equal(client_begin(an->client, true, &error), ST_OK);
        assert_int_equal(carried_take_receipt(an->client, &receipt, &is_new, &error), ST_OK);
        assert_int_equal(client_commit(an->client, &error), ST_OK);
        assert_true(phone_status_says(an, i == 3 ? "\"ready\":0" : "\"ready\":1"));
        st_buffer_free(&body);
        st_arena_reset(&arena);
        world_free(&w);
    }
}

/* A new epoch: what the server was said to have is offered once more. */
static void test_a_new_epoch_offers_again(void **state)
{
    (void)state;
    world w;
    st_error error = { 0 };
    valley_make(&w, 48, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    meet_well(an, binh);
    assert_int_equal(client_begin(binh->client, true, &error), ST_OK);
    st_verdict verdict = { .first = 1, .kind = ST_VERDICT_STORED, .position = 900 };
    st_id device;
    sotay_who who;
    sotay_whoami(an->client, &who);
    memcpy(device.b, who.device.b, sizeof device.b);
    assert_int_equal(carried_verdict(binh->client, &device, &verdict, &error), ST_OK);
    assert_int_equal(client_commit(binh->client, &error), ST_OK);
    assert_int_equal(carried_by(binh), 0);
    assert_true(reads(binh, &w.records[0])); /* until the log brings it */
    assert_int_equal(client_begin(binh->client, true, &error), ST_OK);
    assert_int_equal(carried_turn(binh->client, UINT64_MAX, &error), ST_OK);
    assert_int_equal(client_commit(binh->client, &error), ST_OK);
    assert_int_equal(carried_by(binh), 1);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    meet_and_compare(&w);
    world_free(&w);
}

/* ---- parcels ---- */

static sotay_slice bundle_of(phone *p, sotay_bundle **out_bundle)
{
    sotay_slice bytes = { NULL, 0 };
    sotay_bundle_report report;
    assert_int_equal(sotay_bundle_begin(p->client, out_bundle, &p->error), SOTAY_OK);
    int rc = sotay_bundle_make(*out_bundle, &bytes, &report, &p->error);
    while (rc == SOTAY_PENDING) {
        assert_int_equal(sotay_memory_settle(&p->port, p->client, SOTAY_OK, &p->error), SOTAY_OK);
        rc = sotay_bundle_make(*out_bundle, &bytes, &report, &p->error);
    }
    assert_int_equal(rc, SOTAY_OK);
    return bytes;
}

static void import_well(phone *p, sotay_slice bytes, sotay_bundle_report *report)
{
    int rc = sotay_bundle_import(p->client, bytes.data, bytes.len, report, &p->error);
    if (rc == SOTAY_PENDING)
        rc = sotay_memory_settle(&p->port, p->client, SOTAY_OK, &p->error);
    assert_int_equal(rc, SOTAY_OK);
}

/* Returns the sets that were new there. */
static uint64_t bundle_to(phone *from, phone *to)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice bytes = bundle_of(from, &bundle);
    import_well(to, bytes, &report);
    sotay_bundle_free(bundle);
    return report.sets;
}

/* Who carries a set in a sealed bundle reads it as soon as its author is met, and carries it once;
 * what he has in the open comes no second time, sealed or open. */
static void test_a_meeting_after_a_bundle(void **state)
{
    (void)state;
    world w;
    valley_make(&w, 48, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    assert_int_equal(bundle_to(an, binh), 1);
    assert_int_equal(carried_by(binh), 1);
    assert_false(reads(binh, &w.records[0]));
    for (int i = 0; i < 2; i++) {
        outcome o = meet(an, binh, NONE);
        assert_int_equal(o.codes[0], SOTAY_OK);
        assert_int_equal(o.codes[1], SOTAY_OK);
        assert_int_equal(o.reports[1].sets_taken, i == 0 ? 1 : 0);
        assert_int_equal(o.reports[0].sets_given, i == 0 ? 1 : 0);
        assert_true(phone_says(binh, sotay_show, &w.records[0], "\"flags\":[\"carried\"]"));
        assert_int_equal(carried_by(binh), 1);
    }
    assert_int_equal(bundle_to(an, binh), 0);
    assert_int_equal(carried_by(binh), 1);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(carried_by(binh), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* Replies are lost while three people carry the same bundle: it is in the book once. */
static void test_three_carriers_and_lost_replies(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        world w;
        sotay_bundle *bundle = NULL;
        sotay_bundle_report report;
        valley_make(&w, 50 + seed, seed % 2 == 1);
        phone *an = &w.phones[0];
        sotay_slice bytes = bundle_of(an, &bundle);
        for (size_t i = 1; i < PHONES; i++) {
            phone *p = &w.phones[i];
            import_well(p, bytes, &report);
            assert_int_equal(report.sets, 1);
            assert_int_equal(carried_by(p), 1);
        }
        sotay_bundle_free(bundle);
        for (int i = 0; i < 12; i++) /* the outcome of each is what the network makes of it */
            (void)(sync_phone(&w, &w.phones[i % 3], 2, NULL) == SOTAY_OK);
        meet_and_compare(&w);
        for (size_t i = 0; i < PHONES; i++)
            assert_int_equal(carried_by(&w.phones[i]), 0);
        world_free(&w);
    }
}

/* A parcel that nobody can open, or that is not what stands beside it, is given up, and takes no
 * other with it. */
static void test_parcels_that_are_none(void **state)
{
    (void)state;
    world w;
    st_error error = { 0 };
    bool is_new = false;
    valley_make(&w, 49, false);
    phone *an = &w.phones[0], *binh = &w.phones[1];
    uint8_t noise[300];
    memset(noise, 0x5a, sizeof noise);
    sotay_who who;
    sotay_whoami(an->client, &who);
    st_parcel parcel = { .kind = ST_PARCEL_SET, .first = 1, .sealed = noise,
                         .sealed_len = sizeof noise };
    memcpy(parcel.owner.b, who.device.b, sizeof parcel.owner.b);
    assert_int_equal(client_begin(binh->client, true, &error), ST_OK);
    assert_int_equal(carried_take_parcel(binh->client, &parcel, &is_new, &error), ST_OK);
    assert_true(is_new);
    assert_int_equal(client_commit(binh->client, &error), ST_OK);
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice bytes = bundle_of(an, &bundle); /* the true one, under the same name */
    assert_int_equal(sotay_bundle_import(binh->client, bytes.data, bytes.len, &report, NULL),
                     SOTAY_OK);
    sotay_bundle_free(bundle);
    assert_int_equal(carried_by(binh), 2);
    assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(carried_by(binh), 1); /* the true one is delivered */
    for (int i = 0; i < 2; i++)
        assert_int_equal(sync_phone(&w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(carried_by(binh), 0);
    meet_and_compare(&w);
    world_free(&w);
}

/* A hundred bundles on one phone: more than one request may hold, and all of it gets through. */
static void test_more_parcels_than_a_request_holds(void **state)
{
    (void)state;
    world w;
    st_error error = { 0 };
    uint8_t noise[60];
    sotay_report report;
    world_make_with(&w, 60, (world_how){ 2, false });
    phone *binh = &w.phones[1];
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(client_begin(binh->client, true, &error), ST_OK);
    for (uint64_t i = 1; i <= 4200; i++) {
        bool is_new = false;
        st_parcel parcel = { .kind = ST_PARCEL_SET, .first = i, .sealed = noise,
                             .sealed_len = sizeof noise };
        memset(parcel.owner.b, 7, sizeof parcel.owner.b);
        assert_int_equal(carried_take_parcel(binh->client, &parcel, &is_new, &error), ST_OK);
    }
    assert_int_equal(client_commit(binh->client, &error), ST_OK);
    make_visit(&w, binh);
    assert_int_equal(sync_phone(&w, binh, 0, &report), SOTAY_OK);
    assert_true(report.requests >= 5);
    assert_int_equal(report.stored, 1);
    phone_new(&w.phones[2], 9);
    world_free(&w);
}

/* ---- until a backup has it ---- */

static uint64_t delivered_by(phone *p)
{
    uint64_t count = 0;
    st_error error = { 0 };
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    assert_int_equal(delivered_count(p->client, &count, &error), ST_OK);
    client_abort(p->client);
    return count;
}

/* What binh carried sealed is with the server, an's phone lies in the river, and the server is put
 * back to before it came: binh brings the record and its file once more. */
static void test_what_came_sealed_stays_until_a_backup(void **state)
{
    (void)state;
    town t;
    uint64_t bytes = 0;
    char id[33];
    world *w = &t.w;
    valley_make(w, 62, false);
    town_place(&t);
    phone *an = &w->phones[0], *binh = &w->phones[1];
    KIT_EXPECT(0, &w->book, "unassign", "binh", KIT_UNIT);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sync_phone(w, &w->phones[i], 0, NULL), SOTAY_OK);
    backup(&t);
    make_visit(w, an);
    const sotay_id *visit = &w->records[w->records_count - 1];
    attach_paper(an, visit);
    st_id_format((const st_id *)visit, id);
    meet_well(an, binh);
    assert_int_equal(carried_by(binh), 2);
    for (int again = 0; again < 3; again++) {
        assert_int_equal(sync_phone(w, binh, 0, NULL), SOTAY_OK);
        assert_int_equal(carried_by(binh), 0);
        assert_int_equal(delivered_by(binh), 2);
        assert_true(phone_status_says(binh, "\"safe_to_wipe\":false"));
        KIT_EXPECT(0, &w->book, "records");
        assert_non_null(strstr(KIT_OUT(&w->book), id));
        assert_int_equal(chunks_total(w->book.dir, &bytes, NULL), ST_OK);
        assert_int_equal(bytes, PAPER_BYTES);
        if (again < 2)
            restore(&t);
        phone_reopen(binh);
        if (again < 2)
            assert_int_equal(sync_phone(w, binh, 0, NULL), SOTAY_OK); /* hears of the epoch */
    }
    KIT_EXPECT(0, &w->book, "assign", "binh", KIT_UNIT); /* an entry behind it */
    backup(&t);
    KIT_EXPECT(0, &w->book, "backup", "--check", t.backup);
    assert_int_equal(sync_phone(w, binh, 0, NULL), SOTAY_OK);
    assert_int_equal(delivered_by(binh), 0);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_leave_with_both),
        cmocka_unit_test(test_the_line_breaks_anywhere),
        cmocka_unit_test(test_a_changed_byte_is_noticed),
        cmocka_unit_test(test_somebody_else_in_his_name),
        cmocka_unit_test(test_rights_are_those_of_the_catalogue),
        cmocka_unit_test(test_who_has_no_role_reads_nothing),
        cmocka_unit_test(test_a_unit_that_went_into_his),
        cmocka_unit_test(test_a_unit_of_his_area_or_class),
        cmocka_unit_test(test_an_edit_over_what_was_carried),
        cmocka_unit_test(test_a_fork_is_carried_no_further),
        cmocka_unit_test(test_the_log_knows_better),
        cmocka_unit_test(test_a_lost_unit_goes_on_sealed),
        cmocka_unit_test(test_receipts_that_are_none),
        cmocka_unit_test(test_a_new_epoch_offers_again),
        cmocka_unit_test(test_a_meeting_after_a_bundle),
        cmocka_unit_test(test_three_carriers_and_lost_replies),
        cmocka_unit_test(test_parcels_that_are_none),
        cmocka_unit_test(test_more_parcels_than_a_request_holds),
        cmocka_unit_test(test_what_came_sealed_stays_until_a_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
