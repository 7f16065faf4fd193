/* tests/unit/client-lib/test_shelf_faults.c
 * Each thing that a phone does with what it keeps for others, with what it owes and with what is
 * destroyed: the first piece of memory is refused, then the second; the first call of the store
 * fails, that writes or that reads, then the second. Every time it says so and the store is as
 * before, or it goes well and the store is as it would have been. */
#include "client-lib/src/attach.h"
#include "client-lib/src/erase.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/give.h"
#include "client-lib/src/peer.h"
#include "client-lib/src/purge.h"
#include "tests/unit/client-lib/handmade.h"
#include "tests/unit/client-lib/meeting.h"
#include "tests/unit/client-lib/trial.h"

#define SECRET "bị bạo hành trong nhà"
#define HASHES 200u

struct bench {
    trial on;                /* a copy of an */
    edge *e;
    phone an, binh;
    handmade h;              /* a visit with a secret and a file, in base, set and aside */
    st_erasure secret[2];
    stored_row sets[2];      /* binh's: the first one was taken, the second not yet */
    st_set set[2];           /* the same decoded */
    st_receipt receipt;      /* of the first */
    st_buffer body, sealed;
    st_parcel parcel;
    st_arena arena;
    uint64_t given;
    uint8_t *bundle;         /* binh's, when there is one */
    size_t bundle_len;
};

/* ---- the store ---- */

static void take_sets(bench *b)
{
    static stored_row row;
    uint64_t newest = 0;
    for (size_t n = 0; n < 2; n++) {
        (void)phone_visit(&b->binh, n == 0 ? "chợ" : "trạm");
        rows_seal(&b->binh);
        for (size_t i = 0; rows_get(&b->binh, BOOK_SET, i, &row); i++)
            if (memcmp(row.key.b + 1, b->binh.client->me.device.b, 16) == 0 &&
                st_get_u64(row.key.b + 17) > newest) {
                newest = st_get_u64(row.key.b + 17);
                b->sets[n] = row;
            }
        assert_int_equal(
            st_set_decode(b->sets[n].data, b->sets[n].len, &b->arena, &b->set[n], NULL), ST_OK);
    }
}

static void make_receipt(bench *b)
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    b->receipt = (st_receipt){ .device = b->set[0].device, .first = b->set[0].first,
                               .last = st_set_last(&b->set[0]), .hash = b->set[0].hash,
                               .kind = ST_VERDICT_STORED, .position = 31 };
    memcpy(b->receipt.epoch, b->an.client->me.epoch, sizeof b->receipt.epoch);
    assert_int_equal(st_receipt_make(&b->receipt, &b->body, NULL), ST_OK);
    st_receipt_sign_text(&b->e->log, &b->receipt, text);
    st_sign(b->e->own_secret, text, sizeof text, b->receipt.signature);
}

static void make_visit(bench *b)
{
    static st_hash hashes[2];
    memset(hashes[0].b, 0x11, 32);
    memset(hashes[1].b, 0x22, 32);
    handmade_open(&b->h, 0xd1, EDGE_UNIT_BUCKET);
    handmade_begin(&b->h);
    handmade_text(&b->h, EDGE_NOTE, SECRET);
    handmade_value(&b->h, HASHES, ST_VALUE_BYTES, hashes, sizeof hashes);
    handmade_end(&b->h, 3);
    handmade_keep_set(&b->h, &b->an);
    handmade_put_base(&b->h, &b->an);
    handmade_put_aside(&b->h, &b->an, 0);
    for (uint32_t op = 0; op < 2; op++) {
        st_erasure *one = &b->secret[op];
        one->dot = b->h.set.changes[0].dot;
        one->first = b->h.set.first;
        one->set = b->h.set.hash;
        assert_int_equal(st_set_place(b->h.bytes.data, b->h.bytes.len, (st_set_value){ 0, op },
                                      &one->place, NULL),
                         ST_OK);
        one->path_len = st_path_encode(&b->h.set.changes[0].ops[op].path, one->path);
    }
    const attach_row row = { .kind = ATTACH_UNSENT, .hashes = hashes, .count = 2 };
    book_key key = attach_key(&b->h.id, hashes, 2);
    rows_begin(&b->an);
    assert_int_equal(attach_put(&b->an.client->book, &key, &row, NULL), ST_OK);
    rows_commit(&b->an);
    for (size_t i = 0; i < 2; i++) {
        key = attach_piece_key(BOOK_CHUNK, &hashes[i]);
        rows_put(&b->an, &key, "a piece", 7);
    }
}

static void fill(bench *b)
{
    bool is_new = false;
    const purge_owed owed = { 4, PHONE_WALL_MS, 12, 1 };
    rows_begin(&b->an);
    assert_int_equal(carried_take_set(b->an.client, b->sets[0].data, b->sets[0].len, &is_new, NULL),
                     ST_OK);
    b->parcel = (st_parcel){ .kind = ST_PARCEL_SET, .owner = b->set[0].device,
                             .first = b->set[0].first, .name = { { 1 } },
                             .sealed = b->sets[0].data, .sealed_len = 60 };
    assert_int_equal(carried_take_parcel(b->an.client, &b->parcel, &is_new, NULL), ST_OK);
    st_receipt other = b->receipt; /* of a set that nobody carries here */
    other.first += 1000;
    other.last += 1000;
    st_buffer body;
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    st_buffer_init(&body, 1u << 16);
    assert_int_equal(st_receipt_make(&other, &body, NULL), ST_OK);
    st_receipt_sign_text(&b->e->log, &other, text);
    st_sign(b->e->own_secret, text, sizeof text, other.signature);
    assert_int_equal(carried_take_receipt(b->an.client, &other, &is_new, NULL), ST_OK);
    assert_true(is_new);
    st_buffer_free(&body);
    for (int i = 0; i < 2; i++) {
        st_bucket lost;
        const char *name = i == 0 ? EDGE_COMMUNE "/unit/a" : EDGE_COMMUNE "/unit/b";
        assert_true(st_bucket_set(&lost, name, strlen(name)));
        assert_int_equal(purge_owe(b->an.client, &lost, &owed, NULL), ST_OK);
    }
    rows_commit(&b->an);
    (void)phone_visit(&b->an, "nhà");
    rows_seal(&b->an);
}

static int bench_open(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    st_arena_init(&b.arena, (size_t)64 << 20);
    st_buffer_init(&b.body, 1u << 16);
    b.e = phone_pair(&b.an, &b.binh);
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    take_sets(&b);
    make_receipt(&b);
    make_visit(&b);
    fill(&b);
    b.on.from = &b.an;
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    bench *b = *state;
    handmade_close(&b->h);
    phone_part(b->e, &b->an, &b->binh);
    st_buffer_free(&b->body);
    st_arena_reset(&b->arena);
    return 0;
}

/* ---- what is carried ---- */

static st_err take_set(bench *b, st_error *error)
{
    bool is_new = false;
    return carried_take_set(b->on.copy.client, b->sets[1].data, b->sets[1].len, &is_new, error);
}

static st_err take_parcel(bench *b, st_error *error)
{
    bool is_new = false;
    st_parcel parcel = b->parcel;
    parcel.name.b[0] = 2;
    return carried_take_parcel(b->on.copy.client, &parcel, &is_new, error);
}

static st_err take_piece(bench *b, st_error *error)
{
    bool is_new = false;
    st_parcel parcel = b->parcel;
    parcel.kind = ST_PARCEL_PIECE;
    return carried_take_parcel(b->on.copy.client, &parcel, &is_new, error);
}

static st_err take_receipt(bench *b, st_error *error)
{
    bool is_new = false;
    return carried_take_receipt(b->on.copy.client, &b->receipt, &is_new, error);
}

static st_err verdict_stored(bench *b, st_error *error)
{
    const st_verdict stored = { .first = b->set[0].first, .kind = ST_VERDICT_STORED,
                                .position = 9 };
    return carried_verdict(b->on.copy.client, &b->set[0].device, &stored, error);
}

static st_err verdict_wrong(bench *b, st_error *error)
{
    const st_held held = { b->set[0].first, ST_HOLD_CORRUPT };
    const st_verdict wrong = { .first = b->set[0].first, .kind = ST_VERDICT_HELD, .held = &held,
                               .held_count = 1 };
    return carried_verdict(b->on.copy.client, &b->set[0].device, &wrong, error);
}

static st_err in_log(bench *b, st_error *error)
{
    return carried_in_log(b->on.copy.client, &b->set[0], error);
}

static st_err drop(bench *b, st_error *error)
{
    return carried_drop(b->on.copy.client, &b->set[0], error);
}

static st_err close_bucket(bench *b, st_error *error)
{
    return carried_close_bucket(b->on.copy.client, &b->set[0].bucket, error);
}

static st_err deliver_and_turn(bench *b, st_error *error)
{
    st_err err = verdict_stored(b, error);
    if (err == ST_OK)
        err = carried_turn(b->on.copy.client, UINT64_MAX, error);
    return err == ST_OK ? verdict_stored(b, error) : err;
}

static void test_what_is_carried(void **state)
{
    static const scene SCENES[] = {
        { .why = "a set is taken", .what = take_set },
        { .why = "a parcel is taken", .what = take_parcel },
        { .why = "a piece is taken", .what = take_piece },
        { .why = "a receipt is taken", .what = take_receipt },
        { .why = "it is delivered", .what = verdict_stored },
        { .why = "the server would not have it", .what = verdict_wrong },
        { .why = "the log brings it", .what = in_log },
        { .why = "it is a fork", .what = drop },
        { .why = "its bucket closes", .what = close_bucket },
        { .why = "a new epoch", .what = deliver_and_turn },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- what is given ---- */

static st_err emit(void *context, const st_frame *frame, st_error *error)
{
    bench *b = context;
    (void)frame;
    (void)error;
    b->given++;
    return ST_OK;
}

static bool reads_all(void *context, const st_bucket *bucket)
{
    (void)context;
    (void)bucket;
    return true;
}

static st_err give_to_a_phone(bench *b, st_error *error)
{
    const give_to to = { b, reads_all, NULL, emit };
    give_report report;
    b->given = 0;
    st_err err = give_all(b->on.copy.client, &to, &report, error);
    if (err == ST_OK) /* a receipt, two sets and a parcel, two pieces */
        assert_int_equal(b->given, 6);
    return err;
}

static st_err give_to_the_server(bench *b, st_error *error)
{
    const give_to to = { b, NULL, NULL, emit };
    give_report report;
    b->given = 0;
    st_err err = give_all(b->on.copy.client, &to, &report, error);
    if (err == ST_OK)
        assert_int_equal(report.sets + report.pieces + report.receipts, b->given);
    return err;
}

static st_err count(bench *b, st_error *error)
{
    carried_counts carried = { 0, 0 };
    st_err err = carried_count(b->on.copy.client, &carried, error);
    if (err == ST_OK)
        assert_int_equal(carried.waiting, 2);
    return err;
}

static st_err load_peer(bench *b, st_error *error)
{
    st_arena arena;
    peer p;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = peer_load(b->on.copy.client, &b->set[0].device, &arena, &p, error);
    if (err == ST_OK)
        assert_true(p.is_in_use && st_id_cmp(&p.person, &b->e->persons[1]) == 0);
    st_arena_reset(&arena);
    return err;
}

static void test_what_is_given(void **state)
{
    static const scene SCENES[] = {
        { .why = "all is given to a phone", .what = give_to_a_phone, .only_reads = true },
        { .why = "all is given to the server", .what = give_to_the_server, .only_reads = true },
        { .why = "what is carried is counted", .what = count, .only_reads = true },
        { .why = "the other phone is looked up", .what = load_peer, .only_reads = true },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- what is destroyed, set aside or owed ---- */

static st_err erase(bench *b, st_error *error)
{
    const erase_values values = { b->h.id, b->secret, 2 };
    bool owes = false;
    return erase_take(b->on.copy.client, &values, &owes, error);
}

static st_err set_aside(bench *b, st_error *error)
{
    book_key key = book_key_counter(BOOK_SET, &b->h.set.device, b->h.set.first);
    st_err err = book_delete(&b->on.copy.client->book, &key, error);
    return err == ST_OK
               ? evidence_set_aside(b->on.copy.client, &b->h.id, &b->h.bucket, 0, error)
               : err;
}

static st_err forget(bench *b, st_error *error)
{
    return evidence_forget(b->on.copy.client, &b->h.bucket, 0, error);
}

/* A round's end, what is shown then, and that the server has it. */
static st_err show(bench *b, st_error *error)
{
    st_arena arena;
    st_repair_ask asked;
    bool asks = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    b->on.sync->evidence = (evidence_lane){ .goes_on = false };
    st_err err = evidence_end_round(b->on.sync, error);
    if (err == ST_OK)
        err = evidence_ask(b->on.sync, &arena, &asked, &asks, error);
    if (err == ST_OK) {
        assert_true(asks && asked.evidence_count == 1);
        err = evidence_take(b->on.sync, &asked.bucket, error);
    }
    st_arena_reset(&arena);
    return err;
}

static st_err owe(bench *b, st_error *error)
{
    const purge_owed owed = { 5, PHONE_WALL_MS, 13, 2 };
    return purge_owe(b->on.copy.client, &b->h.bucket, &owed, error);
}

/* They are read and signed, each once, and go when the server has them. */
static st_err prepare(bench *b, st_error *error)
{
    b->on.sync->has_purges = false;
    st_err err = purge_prepare(b->on.sync, error);
    if (err == ST_OK) {
        assert_int_equal(b->on.sync->purges_count, 2);
        assert_int_equal(b->on.sync->purges_signed, 2);
    }
    return err;
}

static st_err noted(bench *b, st_error *error)
{
    b->on.sync->purges_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? EDGE_COMMUNE "/unit/a" : EDGE_COMMUNE "/unit/b";
        b->on.sync->purges[i] = (st_purge){ .rev = 4 };
        assert_true(st_bucket_set(&b->on.sync->purges[i].bucket, name, strlen(name)));
    }
    return purge_noted(b->on.sync, 9, error); /* more than were brought */
}

static void test_what_is_destroyed_set_aside_or_owed(void **state)
{
    static const scene SCENES[] = {
        { .why = "values are erased", .what = erase },
        { .why = "a record is set aside", .what = set_aside },
        { .why = "a bucket is forgotten", .what = forget },
        { .why = "what was set aside is shown", .what = show, .in_sync = true },
        { .why = "a receipt is owed", .what = owe, .only_writes = true },
        { .why = "what is owed is signed", .what = prepare, .in_sync = true, .only_reads = true,
          .is_alone = true },
        { .why = "what is owed is noted", .what = noted, .in_sync = true },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- two phones, and bundles ---- */

/* The copy meets a copy of binh, who has one set that it does not have. */
static st_err meet(bench *b, bool fetches)
{
    phone other;
    failing_pause(true);
    memset(&other, 0, sizeof other);
    assert_int_equal(sotay_memory_copy(&b->binh.port, false, &other.port, NULL), SOTAY_OK);
    phone_open(&other);
    failing_pause(false);
    meeting m = { .who = { fetches ? &other : &b->on.copy, fetches ? &b->on.copy : &other },
                  .looked_at = &b->on.copy, .pause = failing_pause };
    int rc = meeting_run(&m);
    if (rc == SOTAY_OK) {
        assert_int_equal(m.reports[fetches].sets_taken, 1);
        assert_int_equal(m.reports[!fetches].sets_taken, m.reports[fetches].sets_given);
        /* a name that there is no memory for is left out */
        if (m.reports[fetches].login[0] != '\0')
            assert_string_equal(m.reports[fetches].login, "binh");
    }
    phone_free(&other);
    return (st_err)rc;
}

static st_err meet_and_serve(bench *b, st_error *error)
{
    (void)error;
    return meet(b, false);
}

static st_err meet_and_fetch(bench *b, st_error *error)
{
    (void)error;
    return meet(b, true);
}

static st_err make_bundle(bench *b, st_error *error)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice bytes = { NULL, 0 };
    (void)error;
    int rc = sotay_bundle_begin(b->on.copy.client, &bundle, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_bundle_make(bundle, &bytes, &report, NULL);
    if (rc == SOTAY_OK)
        assert_true(bytes.len > 0 && report.sets == 3 && report.pieces == 2 && !report.more);
    sotay_bundle_free(bundle);
    return (st_err)rc;
}

static st_err import_bundle(bench *b, st_error *error)
{
    sotay_bundle_report report;
    (void)error;
    int rc = sotay_bundle_import(b->on.copy.client, b->bundle, b->bundle_len, &report, NULL);
    if (rc == SOTAY_OK)
        assert_true(report.sets == 1 && report.known == 1);
    return (st_err)rc;
}

static void bundle_of_binh(bench *b)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice bytes = { NULL, 0 };
    assert_int_equal(sotay_bundle_begin(b->binh.client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_OK);
    b->bundle = malloc(bytes.len);
    assert_non_null(b->bundle);
    memcpy(b->bundle, bytes.data, bytes.len);
    b->bundle_len = bytes.len;
    sotay_bundle_free(bundle);
}

static void test_two_phones_and_bundles(void **state)
{
    static const scene SCENES[] = {
        { .why = "it meets a phone and serves", .what = meet_and_serve, .is_alone = true,
          .is_long = true, .talks = true },
        { .why = "it meets a phone and fetches", .what = meet_and_fetch, .is_alone = true,
          .is_long = true, .talks = true },
        { .why = "a bundle is made", .what = make_bundle, .is_alone = true, .only_reads = true,
          .is_long = true },
        { .why = "a bundle is taken in", .what = import_bundle, .is_alone = true,
          .is_long = true },
    };
    bench *b = *state;
    bundle_of_binh(b);
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
    free(b->bundle);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_is_carried),
        CASE(test_what_is_given),
        CASE(test_what_is_destroyed_set_aside_or_owed),
        CASE(test_two_phones_and_bundles),
    };
    return cmocka_run_group_tests_name("shelf faults", tests, NULL, NULL);
}
