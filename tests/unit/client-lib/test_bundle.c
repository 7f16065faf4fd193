/* tests/unit/client-lib/test_bundle.c
 * Bundles as one phone makes and takes them: what is asked of it out of turn or while something is
 * pending, what somebody else put together in a device's name, parts of every kind, and rows that
 * are missing when it is made. (Files of bundles are in tests/unit/both/test_bundle.c.) */
#include "proto/carry.h"
#include "proto/frame.h"
#include "tests/unit/client-lib/carried_desk.h"
#include "tests/unit/client-lib/handmade.h"

/* ---- making ---- */

static sotay_bundle *begin(phone *p)
{
    sotay_bundle *bundle = NULL;
    assert_int_equal(sotay_bundle_begin(p->client, &bundle, &p->error), SOTAY_OK);
    return bundle;
}

/* Asked once more when all is made, it says the same bytes again. */
static void test_asked_once_more(void **state)
{
    desk *d = *state;
    sotay_bundle_report first, again;
    sotay_slice one = { NULL, 0 }, two = { NULL, 0 };
    sotay_bundle *bundle = begin(&d->binh);
    sotay_bundle_limit(bundle, SIZE_MAX); /* no more than a bundle may have */
    assert_int_equal(sotay_bundle_make(bundle, &one, &first, NULL), SOTAY_OK);
    uint8_t *kept = malloc(one.len);
    assert_non_null(kept);
    memcpy(kept, one.data, one.len);
    assert_int_equal(sotay_bundle_make(bundle, &two, &again, NULL), SOTAY_OK);
    assert_int_equal(two.len, one.len);
    assert_memory_equal(two.data, kept, two.len);
    assert_int_equal(again.sets, first.sets);
    assert_false(again.more);
    free(kept);
    sotay_bundle_free(bundle);
}

/* Each step may be pending: meanwhile nothing is made, and it goes on where it was. */
static void test_steps_that_are_pending(void **state)
{
    desk *d = *state;
    phone p;
    memset(&p, 0, sizeof p);
    assert_int_equal(sotay_memory_open(77, &p.port, NULL), SOTAY_OK);
    sotay_memory_clock(&p.port, PHONE_WALL_MS, 5);
    sotay_memory_pending(&p.port, true, true);
    phone_open(&p);
    const edge_trouble pending = { 0, 0, 0, &p.port };
    assert_int_equal(edge_enrol(d->e, p.client, 0, &pending), SOTAY_OK);
    assert_int_equal(edge_sync(d->e, p.client, &pending, NULL), SOTAY_OK);
    const sotay_pair pair = { "visit_kind", "kiem_tra" };
    const sotay_pairs one = { &pair, 1 };
    sotay_id visit;
    int rc = sotay_record_new(p.client, "visit", EDGE_UNIT, one, &visit, &p.error);
    assert_int_equal(edge_settle(&p.port, p.client, rc), SOTAY_OK);
    for (unsigned fails_at = 1, steps = 0; fails_at > 0; steps = 0) {
        sotay_bundle *bundle = begin(&p);
        sotay_bundle_report report = { 0 };
        sotay_slice bytes = { NULL, 0 };
        bool failed = false;
        while ((rc = sotay_bundle_make(bundle, &bytes, &report, &p.error)) == SOTAY_PENDING) {
            int says = ++steps == fails_at ? SOTAY_E_STORAGE : SOTAY_OK;
            failed = failed || says != SOTAY_OK;
            assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_E_BUSY);
            assert_int_equal(sotay_memory_settle(&p.port, p.client, says, NULL), says);
        }
        assert_int_equal(rc, failed ? SOTAY_E_STORAGE : SOTAY_OK);
        if (failed) { /* and it stays over */
            assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_E_STORAGE);
            assert_int_equal(report.sets, 0);
        } else {
            assert_true(report.sets == 1 && bytes.len > 0 && fails_at >= 3);
        }
        fails_at = failed ? fails_at + 1 : 0;
        sotay_bundle_free(bundle);
    }
    phone_free(&p);
}

static int has_no_room(void *context, const void *bytes, size_t len, sotay_error *error)
{
    (void)context;
    (void)bytes;
    (void)len;
    (void)error;
    return SOTAY_E_TOO_LARGE;
}

/* Whoever keeps the parts has no room: that is an error, not the end of a full bundle. */
static void test_no_room_for_a_part(void **state)
{
    desk *d = *state;
    sotay_bundle_report report = { 0 };
    sotay_slice bytes = { NULL, 0 };
    sotay_bundle *bundle = begin(&d->binh);
    sotay_bundle_spool(bundle, has_no_room, NULL);
    int rc = sotay_bundle_make(bundle, &bytes, &report, &d->binh.error);
    assert_true(rc != SOTAY_OK && rc != SOTAY_PENDING);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), rc);
    assert_true(bytes.len == 0 && report.sets == 0 && !report.more);
    sotay_bundle_free(bundle);
    bundle = begin(&d->binh); /* nothing is lost by it */
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_OK);
    assert_int_equal(report.sets, 1);
    sotay_bundle_free(bundle);
}

/* A set that is to go and whose bytes are not there: all else goes, and it is said. */
static void test_a_set_that_is_missing(void **state)
{
    desk *d = *state;
    sotay_bundle_report report;
    sotay_slice bytes = { NULL, 0 };
    outbox_set own;
    book_key key = book_key_counter(BOOK_SET, &d->set.device, d->set.first);
    rows_delete(&d->binh, &key);
    for (int closed = 0; closed < 2; closed++) {
        sotay_bundle *bundle = begin(&d->binh);
        assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, &d->binh.error), SOTAY_OK);
        assert_int_equal(report.unreadable, 1);
        assert_int_equal(report.sets, 0);
        sotay_bundle_free(bundle);
        rows_begin(&d->binh); /* the same of one that was sealed */
        assert_int_equal(
            outbox_get(&d->binh.client->book, &d->set.device, d->set.first, &own, NULL), ST_OK);
        own.is_closed = true;
        assert_int_equal(outbox_put(&d->binh.client->book, &own, NULL), ST_OK);
        rows_commit(&d->binh);
    }
}

/* ---- taking ---- */

typedef struct {
    st_buffer parts, frame;
    st_bundle_part list[8];
    st_bundle_head head;
} made;

static void made_open(made *m, desk *d)
{
    memset(m, 0, sizeof *m);
    st_buffer_init(&m->parts, (size_t)4 << 20);
    st_buffer_init(&m->frame, ST_FRAME_BYTES_MAX);
    m->head.log = d->an.client->me.log;
    m->head.device = d->binh.client->me.speaker;
    m->head.made_ms = PHONE_WALL_MS;
    m->head.parts = m->list;
}

static void made_close(made *m)
{
    st_buffer_free(&m->parts);
    st_buffer_free(&m->frame);
}

static void made_add(made *m, const st_frame *frame)
{
    st_bundle_part *part = &m->list[m->head.parts_count++];
    st_buffer_clear(&m->frame);
    assert_int_equal(st_frame_encode(frame, &m->frame, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&m->parts, m->frame.data, m->frame.len, NULL), ST_OK);
    part->hash = st_sha256(m->frame.data, m->frame.len);
    part->bytes = (uint32_t)m->frame.len;
}

/* Signed with this seed, and taken by an. */
static int made_take(made *m, desk *d, const uint8_t seed[32], sotay_bundle_report *out_report)
{
    uint8_t text[ST_BUNDLE_SIGN_BYTES], secret[64];
    st_buffer whole;
    st_sign_keypair(seed, m->head.sign_key, secret);
    st_bundle_sign_text(&m->head, text);
    st_sign(secret, text, sizeof text, m->head.signature);
    st_buffer_init(&whole, (size_t)8 << 20);
    assert_int_equal(st_bundle_head_put(&m->head, &whole, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&whole, m->parts.data, m->parts.len, NULL), ST_OK);
    memset(out_report, 0, sizeof *out_report);
    int rc = sotay_bundle_import(d->an.client, whole.data, whole.len, out_report, &d->an.error);
    st_buffer_free(&whole);
    return rc;
}

static st_frame a_parcel(desk *d, st_parcel_kind kind, uint8_t name)
{
    st_frame frame = { .kind = ST_FRAME_PARCEL };
    frame.as.parcel = (st_parcel){ .kind = kind,
                                   .owner = d->set.device,
                                   .first = d->set.first,
                                   .name = { { name } },
                                   .sealed = d->bytes.data,
                                   .sealed_len = 60 };
    if (kind == ST_PARCEL_PIECE)
        frame.as.parcel.first = 0;
    return frame;
}

/* What the server said of a set of binh's, or of one that nobody here has. */
static st_frame a_receipt(desk *d, uint64_t beyond)
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    st_frame frame = { .kind = ST_FRAME_RECEIPT };
    st_receipt *receipt = &frame.as.receipt;
    *receipt = (st_receipt){ .device = d->set.device,
                             .first = d->set.first + beyond,
                             .last = st_set_last(&d->set) + beyond,
                             .hash = d->set.hash,
                             .kind = ST_VERDICT_STORED,
                             .position = 31 };
    memcpy(receipt->epoch, d->an.client->me.epoch, sizeof receipt->epoch);
    st_buffer_clear(&d->body);
    assert_int_equal(st_receipt_make(receipt, &d->body, NULL), ST_OK);
    st_receipt_sign_text(&d->e->log, receipt, text);
    st_sign(d->e->own_secret, text, sizeof text, receipt->signature);
    return frame;
}

/* Parts of every kind are counted, the second time as known; a frame that is no part of a bundle is
 * nothing new. */
static void test_parts_of_every_kind(void **state)
{
    desk *d = *state;
    made m;
    sotay_bundle_report report;
    const st_frame parts[] = { a_receipt(d, 1000),
                               a_parcel(d, ST_PARCEL_SET, 1),
                               a_parcel(d, ST_PARCEL_PIECE, 2),
                               { .kind = ST_FRAME_VERDICT,
                                 .as.verdict = { .first = 1, .kind = ST_VERDICT_STORED } } };
    made_open(&m, d);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        made_add(&m, &parts[i]);
    const uint8_t *seed = d->binh.client->me.sign_seed;
    assert_int_equal(made_take(&m, d, seed, &report), SOTAY_OK);
    assert_true(report.receipts == 1 && report.sets == 1 && report.pieces == 1);
    assert_int_equal(report.known, 1);
    must_hold(d, 0, 2);
    assert_int_equal(made_take(&m, d, seed, &report), SOTAY_OK);
    assert_int_equal(report.receipts + report.sets + report.pieces, 0);
    assert_int_equal(report.known, 4);
    must_hold(d, 0, 2);
    made_close(&m);
}

/* Another key in the name of a device that is known here is refused; a device that the catalogue
 * here does not name yet may have made one. */
static void test_who_made_it(void **state)
{
    static const uint8_t SEED[32] = { 55 };
    uint8_t key[32], secret[64];
    desk *d = *state;
    made m;
    sotay_bundle_report report;
    const st_frame parcel = a_parcel(d, ST_PARCEL_SET, 1);
    made_open(&m, d);
    made_add(&m, &parcel);
    int rc = made_take(&m, d, SEED, &report);
    assert_true(rc == SOTAY_E_SIGNATURE || rc == SOTAY_E_CORRUPT);
    must_hold(d, 0, 0);
    st_sign_keypair(SEED, key, secret);
    m.head.device = st_device_id(key);
    m.head.log.b[0] ^= 1;
    assert_int_equal(made_take(&m, d, SEED, &report), SOTAY_E_DENIED);
    assert_non_null(strstr(d->an.error.detail, "another book"));
    must_hold(d, 0, 0);
    m.head.log.b[0] ^= 1;
    assert_int_equal(made_take(&m, d, SEED, &report), SOTAY_OK);
    assert_int_equal(report.sets, 1);
    must_hold(d, 0, 1);
    made_close(&m);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_asked_once_more),     CASE(test_steps_that_are_pending),
        CASE(test_no_room_for_a_part),  CASE(test_a_set_that_is_missing),
        CASE(test_parts_of_every_kind), CASE(test_who_made_it),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
