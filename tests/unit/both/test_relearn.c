/* tests/unit/both/test_relearn.c
 * A phone derives forms and names from the catalogue. Where such a row does not open any more, it
 * comes back with the next sync, from the catalogue that lies here or from the log: no page is
 * refused for it, and records of that form are shown again. Where the disk does not even give the
 * row, what needs none of it is sent and read all the same. */
#include "client-lib/src/exchange.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/both/meet.h"
#include "tests/unit/both/spoilt_names.h"
#include "tests/unit/client-lib/bad_page.h"

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
} desk;

static void open_desk(desk *d)
{
    memset(d, 0, sizeof *d);
    world_make_with(&d->w, 1, (world_how){ 2, false });
    d->an = &d->w.phones[0];
    d->binh = &d->w.phones[1];
    d->visit = phone_visit(d->an, "chợ");
    sync_phone_well(&d->w, d->an, NULL);
    sync_phone_well(&d->w, d->binh, NULL);
}

/* Does a key of the table name this? */
static bool has_text(const book_key *key, const void *text, size_t len)
{
    for (size_t at = 1; at + len <= key->len; at++)
        if (memcmp(key->b + at, text, len) == 0)
            return true;
    return false;
}

static void spoil(phone *p, book_table table, const void *named, size_t len)
{
    static stored_row row;
    size_t found = 0;
    for (size_t n = 0; rows_get(p, table, n, &row); n++) {
        if (!has_text(&row.key, named, len))
            continue;
        rows_spoil(p, &row.key);
        found++;
        break; /* a damaged row cannot be read over */
    }
    assert_int_equal(found, 1);
}

static void assert_same(desk *d, const sotay_id *id)
{
    char *an = shown(d->an, id), *binh = shown(d->binh, id);
    assert_string_equal(an, binh);
    assert_null(strstr(binh, "\"unread\""));
    sotay_text_free(an);
    sotay_text_free(binh);
}

/* Whose a device is, and what it signs with: pages with its changes are read on. */
static void test_a_device(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    spoil_device(d.binh, d.an);
    sotay_id more = phone_visit(d.an, "bến");
    sync_phone_well(&d.w, d.an, NULL);
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &more);
    assert_same(&d, &d.visit);
    world_free(&d.w);
}

/* The record of the device in the catalogue is damaged as well: the log has it. */
static void test_a_device_and_its_record(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    size_t names = rows_count(d.binh, BOOK_NAME);
    spoil_device(d.binh, d.an);
    spoil_record_of(d.binh, d.an);
    sotay_id more = phone_visit(d.an, "bến");
    sync_phone_well(&d.w, d.an, NULL);
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &more);
    assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    sotay_report report;
    sync_phone_well(&d.w, d.binh, &report);
    assert_int_equal(report.requests, 1);
    world_free(&d.w);
}

/* Two who meet without a server: the row comes back from the catalogue that lies here. */
static void test_a_device_at_a_meeting(void **state)
{
    (void)state;
    for (int serves = 0; serves < 2; serves++) {
        desk d;
        open_desk(&d);
        size_t names = rows_count(d.binh, BOOK_NAME);
        spoil_device(d.binh, d.an);
        sotay_id more = phone_visit(d.an, "bến");
        meet_well(serves ? d.binh : d.an, serves ? d.an : d.binh);
        assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
        assert_true(phone_says(d.binh, sotay_show, &more, "bến"));
        world_free(&d.w);
    }
}

/* Of two such rows the record of one says it still: that one is learned, whoever serves. */
static void test_one_of_two_at_a_meeting(void **state)
{
    (void)state;
    for (int serves = 0; serves < 2; serves++) {
        desk d;
        open_desk(&d);
        phone *chi = newcomer(&d.w, 2, "chi");
        sync_phone_well(&d.w, chi, NULL);
        sync_phone_well(&d.w, d.an, NULL);
        sync_phone_well(&d.w, d.binh, NULL);
        spoil_device(d.binh, d.an);
        spoil_device(d.binh, chi);
        spoil_record_of(d.binh, chi);
        sotay_id more = phone_visit(d.an, "bến");
        meet_well(serves ? d.binh : d.an, serves ? d.an : d.binh);
        assert_true(phone_says(d.binh, sotay_show, &more, "bến"));
        outcome o = meet(chi, d.binh, NONE);
        assert_int_equal(o.codes[1], SOTAY_E_STATE);
        assert_non_null(strstr(d.binh->error.detail, "the next sync mends it"));
        world_free(&d.w);
    }
}

/* The catalogue is read anew when it comes. A sync that is cut before throws nothing of it away:
 * what is damaged later is learned from it. */
static void test_cut_before_its_answer(void **state)
{
    (void)state;
    desk d;
    sotay_sync *sync = NULL;
    sotay_request request;
    open_desk(&d);
    phone *chi = newcomer(&d.w, 2, "chi");
    sync_phone_well(&d.w, chi, NULL);
    sync_phone_well(&d.w, d.binh, NULL);
    size_t base = rows_count(d.binh, BOOK_BASE), names = rows_count(d.binh, BOOK_NAME);
    spoil_device(d.binh, chi);
    spoil_record_of(d.binh, chi);
    assert_int_equal(sotay_sync_begin(d.binh->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    sotay_sync_free(sync);
    assert_int_equal(rows_count(d.binh, BOOK_BASE), base);
    assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    spoil_device(d.binh, d.an);
    sotay_id more = phone_visit(d.an, "bến");
    meet_well(d.an, d.binh);
    assert_true(phone_says(d.binh, sotay_show, &more, "bến"));
    outcome o = meet(chi, d.binh, NONE);
    assert_int_equal(o.codes[1], SOTAY_E_STATE);
    assert_non_null(strstr(d.binh->error.detail, "the next sync mends it"));
    sync_phone_well(&d.w, d.binh, NULL);
    meet_well(chi, d.binh);
    assert_int_equal(rows_count(d.binh, BOOK_BASE), base + 1); /* with the visit */
    assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    world_free(&d.w);
}

/* To a device that is suspended no page comes: it keeps what it has, and is mended when it is back
 * in use. */
static void test_suspended(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    const char *device = device_of(d.binh);
    size_t base = rows_count(d.binh, BOOK_BASE), names = rows_count(d.binh, BOOK_NAME);
    KIT_EXPECT(0, &d.w.book, "device", "suspend", device);
    spoil_device(d.binh, d.an);
    spoil_record_of(d.binh, d.an);
    for (int i = 0; i < 2; i++) { /* it hears of it with the first */
        sync_phone_well(&d.w, d.binh, NULL);
        assert_int_equal(rows_count(d.binh, BOOK_BASE), base);
        assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    }
    KIT_EXPECT(0, &d.w.book, "device", "suspend", device, "--lift");
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &d.visit);
    assert_int_equal(rows_count(d.binh, BOOK_BASE), base);
    assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    world_free(&d.w);
}

/* A page that this program cannot fold replaces nothing. */
static void test_a_page_of_a_newer_server(void **state)
{
    (void)state;
    desk d;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    st_frame frame = { .kind = ST_FRAME_PAGE };
    open_desk(&d);
    size_t base = rows_count(d.binh, BOOK_BASE), names = rows_count(d.binh, BOOK_NAME);
    spoil_device(d.binh, d.an);
    spoil_record_of(d.binh, d.an);
    (void)snprintf(frame.as.page.bucket.s, sizeof frame.as.page.bucket.s, "%s/catalogue",
                   d.binh->client->me.commune.s);
    frame.as.page.fold_version = APPLY_FOLD_VERSION + 1;
    st_buffer_init(&reply, ST_BODY_BYTES_MAX);
    line_answer(&frame, 1, &reply);
    assert_int_equal(sotay_sync_begin(d.binh->client, &sync, &d.w.error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &d.w.error), SOTAY_OK);
    assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &d.w.error), SOTAY_OK);
    sotay_sync_free(sync);
    st_buffer_free(&reply);
    assert_int_equal(rows_count(d.binh, BOOK_BASE), base);
    assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &d.visit);
    world_free(&d.w);
}

/* An answer came to nobody, and the own set in it is lost: the next answer is undone when its page
 * of the unit refers to that. With it the catalogue is as it was, and is asked for again. */
static void test_an_answer_that_is_undone(void **state)
{
    (void)state;
    desk d;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    open_desk(&d);
    size_t names = rows_count(d.binh, BOOK_NAME);
    sotay_id own = phone_visit(d.binh, "trạm");
    st_buffer_init(&reply, ST_BODY_BYTES_MAX);
    assert_int_equal(sotay_sync_begin(d.binh->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(answer(&d.w, &request, &reply), 200);
    sotay_sync_free(sync);
    st_buffer_free(&reply);
    rows_clear(d.binh, BOOK_SET);
    spoil_device(d.binh, d.an);
    spoil_record_of(d.binh, d.an);
    sotay_id more = phone_visit(d.an, "bến");
    sync_phone_well(&d.w, d.an, NULL);
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &own);
    assert_same(&d, &more);
    assert_int_equal(rows_count(d.binh, BOOK_NAME), names);
    world_free(&d.w);
}

/* The catalogue here does not say it either: it stays as it is, for the next sync to read anew. The
 * phone of that device is turned away; a set of it that somebody else brings, or a bundle of its
 * own, is carried until then. */
static void test_who_wrote_it_is_lost(void **state)
{
    (void)state;
    desk d;
    sotay_bundle *bundle = NULL;
    sotay_slice file;
    sotay_bundle_report bundled;
    open_desk(&d);
    phone *chi = newcomer(&d.w, 2, "chi");
    sync_phone_well(&d.w, chi, NULL);
    sync_phone_well(&d.w, d.an, NULL);
    sync_phone_well(&d.w, d.binh, NULL);
    spoil_device(d.binh, d.an);
    spoil_record_of(d.binh, d.an);
    sotay_id more = phone_visit(d.an, "bến");
    meet_well(d.an, chi);
    meet_well(chi, d.binh);
    assert_true(phone_status_says(d.binh, "\"carried\":1"));
    outcome o = meet(d.an, d.binh, NONE);
    assert_int_equal(o.codes[1], SOTAY_E_STATE);
    assert_non_null(strstr(d.binh->error.detail, "the next sync mends it"));
    assert_int_equal(sotay_bundle_begin(d.an->client, &bundle, &d.an->error), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &file, &bundled, &d.an->error), SOTAY_OK);
    assert_int_equal(sotay_bundle_import(d.binh->client, file.data, file.len, &bundled,
                                         &d.binh->error),
                     SOTAY_OK);
    sotay_bundle_free(bundle);
    assert_true(phone_status_says(d.binh, "\"carried\":1"));
    sync_phone_well(&d.w, d.binh, NULL);
    sync_phone_well(&d.w, d.an, NULL);
    assert_same(&d, &more);
    assert_same(&d, &d.visit);
    assert_true(phone_status_says(d.binh, "\"carried\":0"));
    world_free(&d.w);
}

static void test_a_name(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    spoil(d.binh, BOOK_NAME, d.an->client->me.person.b, 16);
    assert_true(phone_says(d.binh, sotay_show, &d.visit, "\"unread\":true"));
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &d.visit);
    world_free(&d.w);
}

/* A year of the movement: without it nothing is said of the date of a visit. */
static void test_a_year(void **state)
{
    (void)state;
    desk d;
    open_desk(&d);
    book_key key = book_key_text(BOOK_NAME, "period/days");
    book_key_bytes(&key, "", 1);
    book_key_bytes(&key, d.visit.b, sizeof d.visit.b); /* any id */
    rows_spoil(d.binh, &key);
    assert_true(phone_says(d.binh, sotay_show, &d.visit, "\"chợ\""));
    assert_true(phone_says(d.binh, sotay_show, &d.visit, "\"unread\":true"));
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &d.visit);
    world_free(&d.w);
}

/* Nothing can be shown or written by a form that is damaged: that is said as what it is, and not as
 * a form that did not come yet. Its history is told by numbers. */
static void test_a_form(void **state)
{
    (void)state;
    desk d;
    char *text = NULL;
    open_desk(&d);
    phone_reopen(d.binh); /* forms that were read before are remembered */
    spoil(d.binh, BOOK_FORM, "visit\0", 6);
    sotay_client *binh = d.binh->client;
    assert_int_equal(sotay_show(binh, &d.visit, SOTAY_JSON, &text, &d.binh->error),
                     SOTAY_E_CORRUPT);
    assert_non_null(strstr(d.binh->error.detail, "damaged"));
    assert_int_equal(phone_set(d.binh, &d.visit, "place", "bến"), SOTAY_E_CORRUPT);
    assert_int_equal(sotay_record_review(binh, &d.visit, SOTAY_JSON, &text, &d.binh->error),
                     SOTAY_E_CORRUPT);
    assert_true(phone_says(d.binh, sotay_history, &d.visit, "\"unread\":true"));
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &d.visit);
    world_free(&d.w);
}

/* Of this kind, one that nothing in these days names. */
static void lose_page(phone *p, book_table table, const char *kind)
{
    static stored_row row;
    size_t n = 0;
    while (rows_get(p, table, n, &row) && strcmp((const char *)row.key.b + 1, kind) != 0)
        n++;
    assert_string_equal((const char *)row.key.b + 1, kind);
    bad_page_lose(p, &row.key);
}

static int sync_to_send(desk *d, phone *p, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(p->client, &sync, &p->error), SOTAY_OK);
    sotay_sync_send_only(sync);
    return run(&d->w, sync, 0, out_report);
}

/* What cannot be read is as it is, and stops no sync: neither one that only sends. */
static void test_a_page_that_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        book_table table;
        const char *kind;
        int code;
    } CASES[] = { { BOOK_NAME, "criterion", SOTAY_E_CORRUPT },
                  { BOOK_NAME, "criterion", SOTAY_E_STORAGE },
                  { BOOK_NAME, "criterion", SOTAY_E_MEMORY },
                  { BOOK_FORM, "word_list", SOTAY_E_CORRUPT } };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        desk d;
        sotay_report report;
        open_desk(&d);
        sotay_id theirs = phone_visit(d.an, "trạm");
        sync_phone_well(&d.w, d.an, NULL);
        phone_reopen(d.binh); /* forms that were read before are remembered */
        bad_page.code = CASES[i].code;
        lose_page(d.binh, CASES[i].table, CASES[i].kind);
        sotay_id own = phone_visit(d.binh, "bến");
        sync_phone_well(&d.w, d.binh, &report);
        assert_int_equal(report.stored, 1);
        assert_true(bad_page.hits > 0);
        assert_same(&d, &theirs);
        sotay_id more = phone_visit(d.binh, "chợ");
        assert_int_equal(sync_to_send(&d, d.binh, &report), SOTAY_OK);
        assert_int_equal(report.stored, 1);
        d.binh->port.get = bad_page.get;
        sync_phone_well(&d.w, d.binh, NULL);
        sync_phone_well(&d.w, d.an, NULL);
        assert_same(&d, &own);
        assert_same(&d, &more);
        world_free(&d.w);
    }
}

/* Every row that is derived, one after the other: of what kind it is makes no difference. */
static void test_each_row(void **state)
{
    (void)state;
    static const book_table TABLES[] = { BOOK_FORM, BOOK_NAME };
    static stored_row row, again;
    desk d;
    open_desk(&d);
    for (size_t t = 0; t < sizeof TABLES / sizeof TABLES[0]; t++) {
        for (size_t n = 0; rows_get(d.binh, TABLES[t], n, &row); n++) {
            phone_reopen(d.binh); /* forms that were read before are remembered */
            rows_spoil(d.binh, &row.key);
            sotay_id more = phone_visit(d.an, "bến");
            sync_phone_well(&d.w, d.an, NULL);
            sync_phone_well(&d.w, d.binh, NULL);
            assert_same(&d, &more);
            assert_true(rows_get(d.binh, TABLES[t], n, &again));
            assert_int_equal(again.len, row.len);
            assert_memory_equal(again.data, row.data, row.len);
        }
    }
    world_free(&d.w);
}

/* A disk on which forms and names find no room. */
static struct {
    int (*put)(void *context, sotay_slice key, sotay_slice value, sotay_error *error);
    int code;
    unsigned hits;
} bad_disk;

static int put_around(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    const uint8_t table = *(const uint8_t *)key.data;
    if (table != BOOK_NAME && table != BOOK_FORM)
        return bad_disk.put(context, key, value, error);
    bad_disk.hits++;
    *error = (sotay_error){ bad_disk.code, "store: the disk is as it is" };
    return bad_disk.code;
}

/* The row cannot be written anew: what needs none of it is sent, what needs it says why, and not
 * that the server's answer, or the store, is damaged. */
static void test_no_room_to_learn(void **state)
{
    (void)state;
    static const int CODES[] = { SOTAY_E_FULL, SOTAY_E_STORAGE, SOTAY_E_MEMORY };
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        desk d;
        sotay_report report;
        open_desk(&d);
        sotay_id theirs = phone_visit(d.an, "trạm");
        sync_phone_well(&d.w, d.an, NULL);
        spoil_device(d.binh, d.an);
        bad_disk.code = CODES[i];
        bad_disk.hits = 0;
        bad_disk.put = d.binh->port.put;
        d.binh->port.put = put_around;
        sotay_id own = phone_visit(d.binh, "bến");
        assert_int_equal(sync_to_send(&d, d.binh, &report), SOTAY_OK);
        assert_int_equal(report.stored, 1);
        assert_int_equal(sync_phone(&d.w, d.binh, 0, NULL), CODES[i]);
        assert_non_null(strstr(d.w.error.detail, "the disk is as it is"));
        assert_true(bad_disk.hits > 1);
        d.binh->port.put = bad_disk.put;
        sync_phone_well(&d.w, d.binh, NULL);
        sync_phone_well(&d.w, d.an, NULL);
        assert_same(&d, &theirs);
        assert_same(&d, &own);
        world_free(&d.w);
    }
}

/* What has nothing to do with a name is not excused by one. */
static void test_no_room_and_a_damaged_answer(void **state)
{
    (void)state;
    desk d;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer odd;
    st_frame_writer *stream = NULL;
    open_desk(&d);
    spoil(d.binh, BOOK_NAME, "criterion", 9);
    bad_disk.code = SOTAY_E_FULL;
    bad_disk.put = d.binh->port.put;
    d.binh->port.put = put_around;
    assert_int_equal(sotay_sync_begin(d.binh->client, &sync, &d.w.error), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &d.w.error), SOTAY_OK);
    assert_int_equal(sync->names.left.code, ST_E_FULL);
    st_buffer_init(&odd, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_writer_new(1, &odd, &stream, NULL), ST_OK);
    assert_int_equal(st_frame_write(stream, (const uint8_t *)"\xff\xff\xff\xff", 4, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(stream, NULL), ST_OK);
    assert_int_equal(sotay_sync_feed(sync, odd.data, odd.len, &d.w.error), SOTAY_E_CORRUPT);
    assert_non_null(strstr(d.w.error.detail, "Frame"));
    st_frame_writer_free(stream);
    st_buffer_free(&odd);
    sotay_sync_free(sync);
    d.binh->port.put = bad_disk.put;
    world_free(&d.w);
}

/* The disk is written later: there is no room for what was learned, but for all that is small. */
static int settle_small(phone *p, unsigned *steps)
{
    const int code = (*steps)++ == 0 ? SOTAY_E_FULL : SOTAY_OK;
    assert_int_equal(sotay_memory_settle(&p->port, p->client, code, NULL), code);
    return SOTAY_PENDING;
}

static void test_no_room_is_found_out_later(void **state)
{
    (void)state;
    desk d;
    sotay_sync *sync = NULL;
    sotay_request request;
    unsigned steps = 0;
    open_desk(&d);
    spoil_device(d.binh, d.an);
    (void)phone_visit(d.binh, "bến");
    sotay_memory_pending(&d.binh->port, true, false);
    assert_int_equal(sotay_sync_begin(d.binh->client, &sync, &d.w.error), SOTAY_OK);
    int rc = SOTAY_PENDING;
    while (rc == SOTAY_PENDING) {
        rc = sotay_sync_next(sync, &request, &d.w.error);
        if (rc == SOTAY_PENDING)
            rc = settle_small(d.binh, &steps);
    }
    assert_int_equal(rc, SOTAY_OK);
    assert_true(steps > 1);
    assert_int_equal(sync->names.left.code, ST_E_FULL); /* for whoever needs one */
    sotay_sync_free(sync);
    sotay_memory_pending(&d.binh->port, false, false);
    sync_phone_well(&d.w, d.binh, NULL);
    assert_same(&d, &d.visit);
    world_free(&d.w);
}

/* Who needs no name of those meets all the same. */
static void test_no_room_at_a_meeting(void **state)
{
    (void)state;
    desk d;
    sotay_carry *carry = NULL;
    sotay_slice bytes;
    bool is_done = false;
    unsigned steps = 0;
    open_desk(&d);
    spoil_device(d.binh, d.an);
    (void)phone_visit(d.binh, "bến");
    sotay_memory_pending(&d.binh->port, true, false);
    assert_int_equal(sotay_carry_begin(d.binh->client, true, &carry, &d.w.error), SOTAY_OK);
    int rc = SOTAY_PENDING;
    while (rc == SOTAY_PENDING) {
        rc = sotay_carry_next(carry, &bytes, &is_done, &d.w.error);
        if (rc == SOTAY_PENDING)
            rc = settle_small(d.binh, &steps);
    }
    assert_int_equal(rc, SOTAY_OK);
    assert_true(steps > 1 && bytes.len > 0);
    sotay_carry_free(carry);
    sotay_memory_pending(&d.binh->port, false, false);
    world_free(&d.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_device),
        cmocka_unit_test(test_a_device_and_its_record),
        cmocka_unit_test(test_a_device_at_a_meeting),
        cmocka_unit_test(test_one_of_two_at_a_meeting),
        cmocka_unit_test(test_cut_before_its_answer),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_a_page_of_a_newer_server),
        cmocka_unit_test(test_an_answer_that_is_undone),
        cmocka_unit_test(test_who_wrote_it_is_lost),
        cmocka_unit_test(test_a_name),
        cmocka_unit_test(test_a_year),
        cmocka_unit_test(test_a_form),
        cmocka_unit_test(test_a_page_that_cannot_be_read),
        cmocka_unit_test(test_each_row),
        cmocka_unit_test(test_no_room_to_learn),
        cmocka_unit_test(test_no_room_and_a_damaged_answer),
        cmocka_unit_test(test_no_room_is_found_out_later),
        cmocka_unit_test(test_no_room_at_a_meeting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
