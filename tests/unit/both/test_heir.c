/* tests/unit/both/test_heir.c
 * A phone's store was copied, and both go on recording. The copy makes a key of its own, the old
 * key signs it, and once the office has looked its work comes in, without a new link; the first
 * phone stays what it is. */
#include "client-lib/src/client.h"
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/overlay.h"
#include "proto/heir.h"
#include "server/sync/heir.h"
#include "tests/unit/both/meet.h"
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

typedef struct {
    union {
        town t;                /* begins with the world: */
        world w;
    };
    phone *an, *twin;
    char device[33];           /* of the copy's own key, once the office has it on its list */
} copied;

/* An has a visit in the book; the third phone is a copy of hers, on another machine or (a restored
 * image) in the same place. */
static void copy_make(copied *c, uint64_t seed, bool elsewhere, bool has_port_keys)
{
    memset(c, 0, sizeof *c);
    world_make_with(&c->w, seed, (world_how){ PHONES, has_port_keys });
    c->an = &c->w.phones[0];
    c->twin = &c->w.phones[2];
    make_visit(&c->w, c->an);
    assert_int_equal(sync_phone(&c->w, c->an, 0, NULL), SOTAY_OK);
    phone_free(c->twin);
    assert_int_equal(sotay_memory_copy(&c->an->port, elsewhere, &c->twin->port, NULL), SOTAY_OK);
    phone_open(c->twin);
}

static void sync_ok(copied *c, phone *p)
{
    sync_phone_well(&c->w, p, NULL);
}

/* Both write in the same place; the first one is stored first. */
static void part_ways(copied *c)
{
    assert_int_equal(phone_set(c->an, &c->w.records[0], "general_note", "của máy đầu"), SOTAY_OK);
    sync_ok(c, c->an);
    assert_int_equal(phone_set(c->twin, &c->w.records[0], "general_note", "của bản sao"),
                     SOTAY_OK);
}

/* Who asks, as `device list` names it. */
static void read_list(copied *c)
{
    KIT_EXPECT(0, &c->w.book, "device", "list", "--json");
    const char *copies = strstr(KIT_OUT(&c->w.book), "\"copies\":[{\"device\":\"");
    assert_non_null(copies);
    memcpy(c->device, copies + strlen("\"copies\":[{\"device\":\""), 32);
    c->device[32] = '\0';
}

static void assert_nobody_asks(copied *c)
{
    KIT_EXPECT(0, &c->w.book, "device", "list", "--json");
    assert_non_null(strstr(KIT_OUT(&c->w.book), "\"copies\":[]"));
}

/* What was recorded on the copy is in the book, under a name that both phones read. */
static void assert_both_are_in(copied *c)
{
    sotay_who who;
    meet_and_compare(&c->w);
    assert_true(phone_says(c->an, sotay_show, &c->w.records[0], "của bản sao"));
    assert_true(phone_says(c->twin, sotay_show, &c->w.records[0], "của máy đầu"));
    sotay_whoami(c->twin->client, &who);
    assert_false(who.is_copied);
    assert_nobody_asks(c);
}

static void the_office_confirms(uint64_t seed, bool elsewhere, bool has_port_keys)
{
    copied c;
    sotay_report report;
    char print[81];
    copy_make(&c, seed, elsewhere, has_port_keys);
    part_ways(&c);
    sync_ok(&c, c.twin);
    sync_ok(&c, c.twin); /* where only the verdict tells, it asks at the next one */
    assert_true(phone_status_says(c.twin, "\"heir\":\"waits\""));
    read_list(&c);
    st_fingerprint(c.twin->client->me.heir_offer.sign_key, print);
    assert_non_null(strstr(KIT_OUT(&c.w.book), print));
    assert_true(phone_status_says(c.twin, print));
    KIT_EXPECT(0, &c.w.book, "device", "list");
    assert_non_null(strstr(KIT_OUT(&c.w.book), print));
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    assert_int_equal(sync_phone(&c.w, c.twin, 0, &report), SOTAY_OK);
    assert_false(report.complete); /* the next sync is the first under the new name */
    assert_both_are_in(&c);
    assert_true(phone_status_says(c.an, "\"standing\":\"in_use\""));
    world_free(&c.w);
}

static void test_a_copy_on_another_machine(void **state)
{
    (void)state;
    the_office_confirms(1, true, false);
}

static void test_an_image_put_back_in_its_place(void **state)
{
    (void)state;
    the_office_confirms(2, false, false);
}

static void test_keys_that_cannot_be_taken_out(void **state)
{
    (void)state;
    the_office_confirms(3, true, true);
}

/* Somebody stands in the server's place and says that the office confirmed it: without a signature
 * of a key that the store knows nothing becomes of that, and it goes on where it was. */
static void test_nobody_else_confirms(void **state)
{
    (void)state;
    copied c;
    sotay_who before, after;
    copy_make(&c, 11, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    sotay_whoami(c.twin->client, &before);
    c.twin->client->me.server_key[0] ^= 1; /* to this store the server is a stranger */
    assert_int_equal(sync_phone(&c.w, c.twin, 0, NULL), SOTAY_E_SIGNATURE);
    sotay_whoami(c.twin->client, &after);
    assert_true(after.is_copied);
    assert_string_equal(after.fingerprint, before.fingerprint);
    c.twin->client->me.server_key[0] ^= 1;
    c.w.book.rooms.keys.seal_public[0] ^= 1; /* what is not signed is not taken */
    c.w.book.rooms.keys.recovery_public[0] ^= 1;
    const identity old = c.twin->client->me;
    sync_ok(&c, c.twin);
    assert_memory_equal(c.twin->client->me.seal_key, old.seal_key, sizeof old.seal_key);
    assert_memory_equal(c.twin->client->me.recovery_key, old.recovery_key,
                        sizeof old.recovery_key);
    c.w.book.rooms.keys.seal_public[0] ^= 1;
    c.w.book.rooms.keys.recovery_public[0] ^= 1;
    assert_both_are_in(&c);
    world_free(&c.w);
}

/* What may stand in a confirmation: the set in which the server's device enrolled this very one. */
static void test_what_confirms(void **state)
{
    (void)state;
    world w;
    st_dot at;
    st_arena arena;
    st_error error = { ST_OK, "" };
    book_value value = { NULL, 0 };
    st_enrol_answer answer;
    memset(&answer, 0, sizeof answer);
    world_make_with(&w, 13, (world_how){ .phones = 2 });
    sotay_client *an = w.phones[0].client;
    st_id device = an->me.device, other = w.phones[1].client->me.device;
    st_arena_init(&arena, 1 << 20);
    assert_int_equal(client_begin(an, false, &error), ST_OK);
    const book_key all = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&all);
    assert_int_equal(epoch_next_enrolment(an, &scan, &at, &error), ST_OK);
    book_key key = book_key_counter(BOOK_SET, &at.device, at.counter);
    assert_int_equal(book_get(&an->book, &key, &arena, &value, &error), ST_OK);
    assert_int_equal(epoch_check_enrolment(an, &answer, &device, &error), ST_E_SIGNATURE);
    answer.enrolment = value.data;
    answer.enrolment_len = value.len;
    assert_int_equal(epoch_check_enrolment(an, &answer, &device, &error), ST_OK);
    assert_int_equal(epoch_check_enrolment(an, &answer, &other, &error), ST_E_SIGNATURE);
    uint8_t *spoilt = st_arena_copy(&arena, value.data, value.len);
    answer.enrolment = spoilt;
    for (size_t i = 0; i < value.len; i++) {
        spoilt[i] ^= 1;
        assert_int_equal(epoch_check_enrolment(an, &answer, &device, &error), ST_E_SIGNATURE);
        spoilt[i] ^= 1;
    }
    an->next.server_key[0] ^= 1; /* somebody else signed it */
    assert_int_equal(epoch_check_enrolment(an, &answer, &device, &error), ST_E_SIGNATURE);
    an->next.server_key[0] ^= 1;
    client_abort(an);
    st_arena_reset(&arena);
    world_free(&w);
}

/* The server moved after the copy had asked: it stays where the notice brought it. */
static void test_it_stays_at_the_new_address(void **state)
{
    (void)state;
    copied c;
    copy_make(&c, 12, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    KIT_EXPECT(0, &c.w.book, "address", "https://sotay.example:8443");
    sync_ok(&c, c.twin);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    sync_ok(&c, c.twin);
    assert_false(c.twin->client->me.is_forked);
    assert_string_equal(c.twin->client->me.url, "https://sotay.example:8443");
    world_free(&c.w);
}

/* The answer that confirms is lost, more than once: it is given again. */
static void test_the_answer_is_lost(void **state)
{
    (void)state;
    copied c;
    copy_make(&c, 4, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    for (int i = 0; i < 6; i++)
        (void)sync_phone(&c.w, c.twin, 2, NULL);
    assert_both_are_in(&c);
    world_free(&c.w);
}

/* Declined with a reason that the officer reads; nothing is lost, and it may be confirmed later. */
static void test_the_office_declines(void **state)
{
    (void)state;
    copied c;
    char longer[ST_HEIR_REASON_CHARS + 2];
    copy_make(&c, 5, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    KIT_EXPECT(1, &c.w.book, "device", "decline", c.device, "--as", "office", "--reason",
               longer);
    KIT_EXPECT(0, &c.w.book, "device", "decline", c.device, "--as", "office", "--reason",
               "máy này đã bán");
    sync_ok(&c, c.twin);
    assert_true(phone_status_says(c.twin, "\"heir\":\"declined\""));
    assert_true(phone_status_says(c.twin, "máy này đã bán"));
    KIT_EXPECT(0, &c.w.book, "device", "list", "--json");
    assert_non_null(strstr(KIT_OUT(&c.w.book), "\"state\":\"declined\""));
    assert_int_equal(phone_set(c.twin, &c.w.records[0], "place", "chợ"), SOTAY_OK);
    sync_ok(&c, c.twin);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    sync_ok(&c, c.twin);
    assert_both_are_in(&c);
    assert_true(phone_says(c.an, sotay_show, &c.w.records[0], "chợ"));
    world_free(&c.w);
}

/* A key that was taken away signs no heir, before or after it asked. */
static void test_a_revoked_key_has_no_heir(void **state)
{
    (void)state;
    copied c;
    char old[33];
    copy_make(&c, 6, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    st_id_format(&c.an->client->me.device, old);
    KIT_EXPECT(0, &c.w.book, "device", "revoke", old);
    KIT_EXPECT(1, &c.w.book, "device", "confirm", c.device, "--as", "office");
    assert_non_null(strstr(KIT_ERR(&c.w.book), "revoked"));
    sync_ok(&c, c.twin);
    assert_true(phone_status_says(c.twin, "\"copied\":true"));
    KIT_EXPECT(0, &c.w.book, "device", "decline", c.device, "--as", "office", "--reason", "mất");
    sync_ok(&c, c.twin); /* tells nothing to a device that is out of use */
    assert_true(phone_status_says(c.twin, "\"standing\":\"revoked\""));
    world_free(&c.w);
}

/* Only the office, and only what is on the list. */
static void test_who_may_and_what(void **state)
{
    (void)state;
    copied c;
    copy_make(&c, 7, true, false);
    assert_nobody_asks(&c);
    KIT_EXPECT(1, &c.w.book, "device", "confirm", "0123", "--as", "office");
    sync_ok(&c, c.twin);
    read_list(&c);
    KIT_EXPECT(1, &c.w.book, "device", "confirm", c.device, "--as", "binh");
    KIT_EXPECT(1, &c.w.book, "device", "decline", c.device, "--as", "binh", "--reason", "không");
    KIT_EXPECT(1, &c.w.book, "device", "confirm", c.device, "--as", "nobody");
    KIT_EXPECT(1, &c.w.book, "device", "confirm", "", "--as", "office");
    KIT_EXPECT(2, &c.w.book, "device", "confirm", c.device);
    KIT_EXPECT(2, &c.w.book, "device", "decline", c.device, "--as", "office");
    read_list(&c);
    c.device[6] = '\0';
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    KIT_EXPECT(1, &c.w.book, "device", "confirm", c.device, "--as", "office");
    assert_nobody_asks(&c);
    world_free(&c.w);
}

/* It asked, and then somebody brought a link: it is off the list. */
static void test_a_link_is_quicker(void **state)
{
    (void)state;
    copied c;
    copy_make(&c, 8, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    enrol(&c.w, c.twin, "an", true);
    assert_both_are_in(&c);
    world_free(&c.w);
}

/* The last value that the office reads under `name` of a record. */
static void office_reads(copied *c, const char *id, const char *name, char out[160])
{
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":{", name);
    KIT_EXPECT(0, &c->w.book, "show", id, "--json");
    const char *at = strstr(KIT_OUT(&c->w.book), key);
    at = at == NULL ? NULL : strstr(at, "\"value\":\"");
    assert_non_null(at);
    at += strlen("\"value\":\"");
    size_t len = strcspn(at, "\"");
    assert_true(len < 160);
    memcpy(out, at, len);
    out[len] = '\0';
}

/* By which id a record goes by now. */
static void name_now(phone *p, const sotay_id *record, char out[33])
{
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    st_id id;
    assert_int_equal(overlay_find(p->client, record, &id, NULL), ST_OK);
    client_abort(p->client);
    st_id_format(&id, out);
}

static void attach(phone *p, const sotay_id *record, const char *bytes, const char *about)
{
    char item[SOTAY_ITEM_TEXT];
    const sotay_attachment file = { "a.pdf", bytes, strlen(bytes), about, NULL, 0 };
    assert_int_equal(sotay_attach(p->client, record, &file, item, &p->error), SOTAY_OK);
}

/* A visit, an item of it and a file about that, and what names the visit: under the new key all of
 * it is made anew, and what named the old one names the new. A working copy and what is written
 * afterwards may still have the old id. */
static void test_what_names_a_record_made_anew(void **state)
{
    (void)state;
    copied c;
    char visit[33], text[160], item[SOTAY_ITEM_TEXT], about[200], anew[33];
    copy_make(&c, 12, true, false);
    phone *twin = c.twin;
    sotay_id first = phone_visit(twin, "lần đầu"), again, difficulty, late;
    sotay_id_format(&first, visit);
    const sotay_pair finding = { "text", "tường nứt" };
    const sotay_pair follow_up[] = { { "visit_kind", "theo_doi" }, { "parent_visit_id", visit } };
    const sotay_pair raised[] = { { "visit_id", visit }, { "raised_by", "unit" },
                                  { "text", "thiếu kinh phí" } };
    assert_int_equal(sotay_item_new(twin->client, &first, "findings", (sotay_pairs){ &finding, 1 },
                                    item, &twin->error), SOTAY_OK);
    (void)snprintf(about, sizeof about, "findings.%s", item);
    attach(twin, &first, "%PDF-1.7\nmot", about);
    assert_int_equal(sotay_record_new(twin->client, "visit", KIT_UNIT,
                                      (sotay_pairs){ follow_up, 2 }, &again, &twin->error),
                     SOTAY_OK);
    assert_int_equal(sotay_record_new(twin->client, "difficulty", KIT_UNIT,
                                      (sotay_pairs){ raised, 3 }, &difficulty, &twin->error),
                     SOTAY_OK);
    enrol(&c.w, twin, "an", true);
    assert_int_equal(sotay_record_new(twin->client, "difficulty", KIT_UNIT,
                                      (sotay_pairs){ raised, 3 }, &late, &twin->error), SOTAY_OK);
    sync_ok(&c, twin);
    assert_true(phone_says(twin, sotay_show, &first, "lần đầu"));
    name_now(twin, &first, anew);
    assert_string_not_equal(anew, visit);
    const sotay_id *const namers[] = { &again, &difficulty, &late };
    for (size_t i = 0; i < 3; i++) {
        char named[33];
        name_now(twin, namers[i], named);
        office_reads(&c, named, i == 0 ? "parent_visit_id" : "visit_id", text);
        assert_string_equal(text, anew);
    }
    office_reads(&c, anew, "about", text);
    assert_string_not_equal(text, about);
    (void)snprintf(about, sizeof about, "\"%s\":{", text + strlen("findings."));
    assert_non_null(strstr(KIT_OUT(&c.w.book), about)); /* the item itself */
    world_free(&c.w);
}

/* The copy's words come, but for its files: they wait for another line. Binh brings what he has. */
static void sync_words_first(copied *c, phone *binh)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(c->twin->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 0, true);
    assert_int_equal(run(&c->w, sync, 0, NULL), SOTAY_OK);
    for (int i = 0; i < 8 && rows_count(binh, BOOK_PARCEL) > 0; i++)
        sync_ok(c, binh);
    sync_ok(c, c->twin);
}

/* What a copy records stays until it has a key of its own, and with it the file of a visit that
 * goes by another name then: whoever carried that would have it for ever under a name that nobody
 * says. The file of a visit in the book goes, and is taken once the copy's words are there. */
static void test_whom_it_meets_carries_no_file_for_ever(void **state)
{
    (void)state;
    copied c;
    copy_make(&c, 18, true, false);
    phone *twin = c.twin, *binh = &c.w.phones[1];
    sync_ok(&c, binh);
    sync_ok(&c, twin); /* it hears that it is a copy */
    sotay_id visit = phone_visit(twin, "nhà mới");
    attach(twin, &visit, "%PDF-1.7\nmot", NULL);
    attach(twin, &c.w.records[0], "%PDF-1.7\nhai", NULL);
    outcome o = meet(twin, binh, NONE);
    assert_true(o.reports[0].done);
    assert_int_equal(o.reports[0].unsealed, 3);
    assert_int_equal(o.reports[0].pieces_given, 1);
    sync_ok(&c, binh);
    assert_int_equal(rows_count(binh, BOOK_PARCEL), 1);
    enrol(&c.w, twin, "an", true);
    sync_words_first(&c, binh);
    assert_int_equal(rows_count(binh, BOOK_PARCEL), 0);
    assert_true(phone_status_says(twin, "\"attachments_waiting\":0"));
    meet_and_compare(&c.w);
    world_free(&c.w);
}

/* An offer as a program would make it that has An's store. */
static st_err offer(copied *c, uint8_t fill, bool both_sign, st_heir_answer *out)
{
    uint8_t seed[32], secret[64], old_secret[64], ours[32], text[ST_HEIR_SIGN_BYTES];
    const identity *me = &c->an->client->me;
    st_arena arena;
    st_heir_ask ask = { .version = 1 };
    memset(seed, fill, sizeof seed);
    st_sign_keypair(seed, ask.sign_key, secret);
    st_sign_keypair(me->sign_seed, ours, old_secret);
    memset(ask.cosign_key, fill, sizeof ask.cosign_key);
    st_heir_sign_text(&ask, &me->log, &me->speaker, text);
    st_sign(secret, text, sizeof text, ask.proof);
    st_sign(both_sign ? old_secret : secret, text, sizeof text, ask.signature);
    const sync_heir_offer one = { .old = me->speaker, .ask = &ask };
    st_arena_init(&arena, 1u << 20);
    st_err err = sync_heir_ask(c->w.book.rooms.writer, &one, &arena, out, NULL);
    st_arena_reset(&arena);
    return err;
}

/* Whoever has the key can ask for many: the list stays short, and says so. */
static void test_many_copies(void **state)
{
    (void)state;
    copied c;
    st_heir_answer said;
    copy_make(&c, 9, true, false);
    assert_int_equal(offer(&c, 1, false, &said), ST_E_SIGNATURE);
    assert_nobody_asks(&c);
    for (uint8_t i = 1; i <= SYNC_HEIRS_MAX; i++) {
        assert_int_equal(offer(&c, i, true, &said), ST_OK);
        assert_int_equal(said.state, ST_HEIR_WAITS);
    }
    assert_int_equal(offer(&c, 1, true, &said), ST_OK);
    assert_int_equal(said.state, ST_HEIR_WAITS); /* it is on the list */
    sync_ok(&c, c.twin);
    assert_true(phone_status_says(c.twin, "\"heir\":\"full\""));
    KIT_EXPECT(0, &c.w.book, "verify");
    world_free(&c.w);
}

/* The key of somebody else's device, or of one that was taken away, is nobody's heir. */
static void test_a_key_that_is_known(void **state)
{
    (void)state;
    copied c;
    st_heir_answer said;
    copy_make(&c, 10, true, false);
    assert_int_equal(offer(&c, 1, true, &said), ST_OK);
    read_list(&c);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    assert_int_equal(offer(&c, 1, true, &said), ST_OK);
    assert_int_equal(said.state, ST_HEIR_ENROLLED);
    assert_string_equal(said.enrolled.login.s, "an");
    assert_true(said.enrolled.enrolment_len > 0);
    KIT_EXPECT(0, &c.w.book, "device", "revoke", c.device);
    assert_int_equal(offer(&c, 1, true, &said), ST_OK);
    assert_int_equal(said.state, ST_HEIR_DECLINED);
    world_free(&c.w);
}

/* The old device is taken away between the confirmation and the copy's next sync: what the office
 * confirmed stays confirmed, and the copy's work comes in. */
static void test_the_old_one_is_revoked_meanwhile(void **state)
{
    (void)state;
    copied c;
    sotay_who who;
    char old[33];
    copy_make(&c, 14, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    st_id_format(&c.an->client->me.device, old);
    KIT_EXPECT(0, &c.w.book, "device", "revoke", old);
    sync_ok(&c, c.twin);
    sync_ok(&c, c.twin);
    sotay_whoami(c.twin->client, &who);
    assert_false(who.is_copied);
    assert_true(phone_status_says(c.twin, "\"standing\":\"in_use\""));
    assert_true(phone_status_says(c.twin, "\"ready\":0"));
    sync_ok(&c, &c.w.phones[1]);
    assert_true(phone_says(&c.w.phones[1], sotay_show, &c.w.records[0], "của bản sao"));
    st_heir_answer said; /* one that was not confirmed is told nothing */
    assert_int_equal(offer(&c, 1, true, &said), ST_OK);
    assert_int_equal(said.state, ST_HEIR_NONE);
    assert_nobody_asks(&c);
    world_free(&c.w);
}

/* A copy that asked is in the book again after a restore: it does not ask any more. */
static void test_it_is_enrolled_already(void **state)
{
    (void)state;
    copied c;
    copy_make(&c, 15, true, false);
    town_place(&c.t);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    backup(&c.t);
    KIT_EXPECT(0, &c.w.book, "device", "confirm", c.device, "--as", "office");
    sync_ok(&c, c.twin);
    sync_ok(&c, c.twin);
    restore(&c.t);
    read_list(&c); /* the copy has not come yet */
    sync_ok(&c, c.twin);
    assert_nobody_asks(&c);
    KIT_EXPECT(0, &c.w.book, "device", "list");
    assert_null(strstr(KIT_OUT(&c.w.book), "a copy of device"));
    KIT_EXPECT(1, &c.w.book, "device", "confirm", c.device, "--as", "office");
    assert_non_null(strstr(KIT_ERR(&c.w.book), "is in the book already"));
    town_free(&c.t);
}

/* What nobody can confirm, the list invites nobody to confirm; and why is said. */
static void test_what_cannot_be_confirmed(void **state)
{
    (void)state;
    copied c;
    char old[33];
    copy_make(&c, 16, true, false);
    part_ways(&c);
    sync_ok(&c, c.twin);
    read_list(&c);
    assert_non_null(strstr(KIT_OUT(&c.w.book), "\"confirmable\":true"));
    KIT_EXPECT(0, &c.w.book, "user", "disable", "an");
    KIT_EXPECT(1, &c.w.book, "device", "confirm", c.device, "--as", "office");
    assert_non_null(strstr(KIT_ERR(&c.w.book), "'an' is disabled"));
    KIT_EXPECT(0, &c.w.book, "device", "list");
    assert_non_null(strstr(KIT_OUT(&c.w.book), "cannot be confirmed: the person is disabled"));
    st_id_format(&c.an->client->me.device, old);
    KIT_EXPECT(0, &c.w.book, "device", "revoke", old);
    KIT_EXPECT(0, &c.w.book, "device", "list");
    assert_non_null(strstr(KIT_OUT(&c.w.book), "cannot be confirmed: the old device is not"));
    assert_null(strstr(KIT_OUT(&c.w.book), "device confirm"));
    KIT_EXPECT(0, &c.w.book, "device", "list", "--json");
    assert_non_null(strstr(KIT_OUT(&c.w.book), "\"confirmable\":false"));
    world_free(&c.w);
}

static void name_of(uint8_t fill, char hex[33])
{
    uint8_t seed[32], secret[64], public_key[32];
    memset(seed, fill, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    const st_id device = st_device_id(public_key);
    st_id_format(&device, hex);
}

/* Those that were declined take nobody's place; the list grows no longer all the same. */
static void test_declined_ones_make_room(void **state)
{
    (void)state;
    copied c;
    st_heir_answer said;
    const uint8_t most = SYNC_HEIRS_MAX;
    copy_make(&c, 17, true, false);
    for (uint8_t i = 1; i <= most; i++) {
        assert_int_equal(offer(&c, i, true, &said), ST_OK);
        assert_int_equal(said.state, ST_HEIR_WAITS);
    }
    for (uint8_t i = 1; i <= 2; i++) {
        name_of(i, c.device);
        KIT_EXPECT(0, &c.w.book, "device", "decline", c.device, "--as", "office", "--reason",
                   "không phải máy của An");
    }
    for (uint8_t i = 1; i <= 2; i++) {
        assert_int_equal(offer(&c, most + i, true, &said), ST_OK);
        assert_int_equal(said.state, ST_HEIR_WAITS);
        KIT_EXPECT(0, &c.w.book, "device", "list", "--json");
        assert_int_equal(strstr(KIT_OUT(&c.w.book), "\"state\":\"declined\"") != NULL, i < 2);
    }
    assert_int_equal(offer(&c, most + 3, true, &said), ST_OK);
    assert_int_equal(said.state, ST_HEIR_FULL); /* all that are on it wait */
    world_free(&c.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_on_another_machine),
        cmocka_unit_test(test_an_image_put_back_in_its_place),
        cmocka_unit_test(test_keys_that_cannot_be_taken_out),
        cmocka_unit_test(test_the_answer_is_lost),
        cmocka_unit_test(test_nobody_else_confirms),
        cmocka_unit_test(test_what_confirms),
        cmocka_unit_test(test_it_stays_at_the_new_address),
        cmocka_unit_test(test_the_office_declines),
        cmocka_unit_test(test_a_revoked_key_has_no_heir),
        cmocka_unit_test(test_who_may_and_what),
        cmocka_unit_test(test_a_link_is_quicker),
        cmocka_unit_test(test_what_names_a_record_made_anew),
        cmocka_unit_test(test_whom_it_meets_carries_no_file_for_ever),
        cmocka_unit_test(test_many_copies),
        cmocka_unit_test(test_a_key_that_is_known),
        cmocka_unit_test(test_the_old_one_is_revoked_meanwhile),
        cmocka_unit_test(test_it_is_enrolled_already),
        cmocka_unit_test(test_what_cannot_be_confirmed),
        cmocka_unit_test(test_declined_ones_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
