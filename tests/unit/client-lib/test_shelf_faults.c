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
#include "tests/unit/client-lib/stumble.h"

#define SECRET "bị bạo hành trong nhà"
#define HASHES 200u
#define TABLES 128

typedef struct {
    edge *e;
    phone an, binh;
    phone copy;              /* of an, on which a scene is tried */
    handmade h;              /* a visit with a secret and a file, in base, set and aside */
    st_erasure secret[2];
    stored_row sets[2];      /* binh's: the first one was taken, the second not yet */
    st_set set[2];           /* the same decoded */
    st_receipt receipt;      /* of the first */
    st_buffer body, sealed;
    st_parcel parcel;
    st_arena arena;
    sotay_sync *sync;        /* of the copy */
    uint64_t given;
    uint8_t *bundle;         /* binh's, when there is one */
    size_t bundle_len;
} bench;

typedef struct {
    const char *why;
    st_err (*what)(bench *b, st_error *error);
    bool in_sync;  /* it needs b->sync */
    bool only_reads, only_writes;
    bool is_alone; /* it opens transactions itself */
    bool is_long;  /* several commits: each place fails once, not each call */
    bool talks;    /* something is said after the commit */
} scene;

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

/* ---- trying ---- */

static void open_copy(bench *b, const scene *s)
{
    memset(&b->copy, 0, sizeof b->copy);
    assert_int_equal(sotay_memory_copy(&b->an.port, false, &b->copy.port, NULL), SOTAY_OK);
    phone_open(&b->copy);
    b->sync = NULL;
    if (s->in_sync)
        assert_int_equal(sotay_sync_begin(b->copy.client, &b->sync, NULL), SOTAY_OK);
}

static void close_copy(bench *b)
{
    sotay_sync_free(b->sync);
    phone_free(&b->copy);
}

/* All keys of the store, and the bytes of all values, as one number; without what the device notes
 * of itself (clocks, counters that were reserved) when it is said so. */
static uint64_t fingerprint(phone *p, bool without_self)
{
    uint64_t sum = 14695981039346656037u;
    st_error error = { ST_OK, "" };
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    for (int table = 1; table < TABLES; table++) {
        book_key prefix = book_key_of((book_table)table);
        book_scan scan = book_scan_of(&prefix);
        while (table != BOOK_META && !(without_self && table == BOOK_SELF)) {
            st_arena arena;
            book_value value = { NULL, 0 };
            st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
            st_err err = book_scan_next(&p->client->book, &scan, &arena, &value, &error);
            for (size_t i = 0; err == ST_OK && i < scan.at.len; i++)
                sum = (sum ^ scan.at.b[i]) * 1099511628211u;
            /* what is sealed to the server is other bytes each time */
            size_t len = table == BOOK_PARCEL && value.len > 33 ? 33 : value.len;
            for (size_t i = 0; err == ST_OK && i < len; i++)
                sum = (sum ^ value.data[i]) * 1099511628211u;
            st_arena_reset(&arena);
            if (err != ST_OK)
                break;
        }
    }
    client_abort(p->client);
    return sum;
}

/* The scene and its end, as the library does it. */
static st_err play(bench *b, const scene *s)
{
    st_error error = { ST_OK, "" };
    if (s->is_alone)
        return s->what(b, &error);
    st_err err = client_begin(b->copy.client, !s->only_reads, &error);
    if (err == ST_OK)
        err = s->what(b, &error);
    if (err == ST_OK && !s->only_reads)
        return client_commit(b->copy.client, &error);
    client_abort(b->copy.client);
    return err;
}

static void sweep_one(bench *b, const scene *s, stumble_way how, uint64_t before, uint64_t after)
{
    uint64_t n = s->is_long ? STUMBLE_IN_NEW_PLACE : 1, failed = 0;
    bool refused = true;
    open_copy(b, s);
    while (refused) {
        stumble_arm(how, &b->copy, n);
        st_err err = play(b, s);
        refused = stumble_disarm(&b->copy) || err != ST_OK;
        if (err != ST_OK && err != ST_E_MEMORY && err != ST_E_STORAGE && err != ST_E_TOO_LARGE)
            fail_msg("%s: %d of %s: %s", s->why, (int)n, STUMBLE_NAMES[how], st_err_name(err));
        failed += err != ST_OK;
        uint64_t now = fingerprint(&b->copy, s->is_long);
        bool is_done = err == ST_OK || (s->talks && now == after); /* the last word was not said */
        if (now != (is_done ? after : before))
            fail_msg("%s: %d of %s: %s, the store is neither as before nor as after", s->why,
                     (int)n, STUMBLE_NAMES[how], st_err_name(err));
        if (is_done && refused) { /* it went without */
            close_copy(b);
            open_copy(b, s);
        }
        n += s->is_long ? 0 : 1;
    }
    close_copy(b);
    print_message("  %s: %d times, %s\n", s->why, (int)failed, STUMBLE_NAMES[how]);
    assert_true(failed > 0 || s->is_long); /* other scenes pass the same places */
}

static void sweep(bench *b, const scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        open_copy(b, &scenes[i]);
        uint64_t before = fingerprint(&b->copy, scenes[i].is_long);
        assert_int_equal(play(b, &scenes[i]), ST_OK);
        uint64_t after = fingerprint(&b->copy, scenes[i].is_long);
        close_copy(b);
        assert_int_equal(before == after, scenes[i].only_reads);
        for (stumble_way how = 0; how < STUMBLE_WAYS; how++)
            if (!(how == STUMBLE_STORE && scenes[i].only_reads) &&
                !(how == STUMBLE_READING && scenes[i].only_writes))
                sweep_one(b, &scenes[i], how, before, after);
    }
}

/* ---- what is carried ---- */

static st_err take_set(bench *b, st_error *error)
{
    bool is_new = false;
    return carried_take_set(b->copy.client, b->sets[1].data, b->sets[1].len, &is_new, error);
}

static st_err take_parcel(bench *b, st_error *error)
{
    bool is_new = false;
    st_parcel parcel = b->parcel;
    parcel.name.b[0] = 2;
    return carried_take_parcel(b->copy.client, &parcel, &is_new, error);
}

static st_err take_piece(bench *b, st_error *error)
{
    bool is_new = false;
    st_parcel parcel = b->parcel;
    parcel.kind = ST_PARCEL_PIECE;
    return carried_take_parcel(b->copy.client, &parcel, &is_new, error);
}

static st_err take_receipt(bench *b, st_error *error)
{
    bool is_new = false;
    return carried_take_receipt(b->copy.client, &b->receipt, &is_new, error);
}

static st_err verdict_stored(bench *b, st_error *error)
{
    const st_verdict stored = { .first = b->set[0].first, .kind = ST_VERDICT_STORED,
                                .position = 9 };
    return carried_verdict(b->copy.client, &b->set[0].device, &stored, error);
}

static st_err verdict_wrong(bench *b, st_error *error)
{
    const st_held held = { b->set[0].first, ST_HOLD_CORRUPT };
    const st_verdict wrong = { .first = b->set[0].first, .kind = ST_VERDICT_HELD, .held = &held,
                               .held_count = 1 };
    return carried_verdict(b->copy.client, &b->set[0].device, &wrong, error);
}

static st_err in_log(bench *b, st_error *error)
{
    return carried_in_log(b->copy.client, &b->set[0].device, b->set[0].first, error);
}

static st_err drop(bench *b, st_error *error)
{
    return carried_drop(b->copy.client, &b->set[0], error);
}

static st_err close_bucket(bench *b, st_error *error)
{
    return carried_close_bucket(b->copy.client, &b->set[0].bucket, error);
}

static st_err deliver_and_turn(bench *b, st_error *error)
{
    st_err err = verdict_stored(b, error);
    if (err == ST_OK)
        err = carried_turn(b->copy.client, error);
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
    sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
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
    st_err err = give_all(b->copy.client, &to, &report, error);
    if (err == ST_OK) /* a receipt, two sets and a parcel, two pieces */
        assert_int_equal(b->given, 6);
    return err;
}

static st_err give_to_the_server(bench *b, st_error *error)
{
    const give_to to = { b, NULL, NULL, emit };
    give_report report;
    b->given = 0;
    st_err err = give_all(b->copy.client, &to, &report, error);
    if (err == ST_OK)
        assert_int_equal(report.sets + report.pieces + report.receipts, b->given);
    return err;
}

static st_err count(bench *b, st_error *error)
{
    uint64_t carried = 0;
    st_err err = carried_count(b->copy.client, &carried, error);
    if (err == ST_OK)
        assert_int_equal(carried, 2);
    return err;
}

static st_err load_peer(bench *b, st_error *error)
{
    st_arena arena;
    peer p;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = peer_load(b->copy.client, &b->set[0].device, &arena, &p, error);
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
    sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- what is destroyed, set aside or owed ---- */

static st_err erase(bench *b, st_error *error)
{
    const erase_values values = { b->h.id, b->secret, 2 };
    return erase_take(b->copy.client, &values, error);
}

static st_err set_aside(bench *b, st_error *error)
{
    book_key key = book_key_counter(BOOK_SET, &b->h.set.device, b->h.set.first);
    st_err err = book_delete(&b->copy.client->book, &key, error);
    return err == ST_OK
               ? evidence_set_aside(b->copy.client, &b->h.id, &b->h.bucket, 0, error)
               : err;
}

static st_err forget(bench *b, st_error *error)
{
    return evidence_forget(b->copy.client, &b->h.bucket, 0, error);
}

/* A round's end, what is shown then, and that the server has it. */
static st_err show(bench *b, st_error *error)
{
    st_arena arena;
    st_repair_ask asked;
    bool asks = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    b->sync->evidence = (evidence_lane){ .goes_on = false };
    st_err err = evidence_end_round(b->sync, error);
    if (err == ST_OK)
        err = evidence_ask(b->sync, &arena, &asked, &asks, error);
    if (err == ST_OK) {
        assert_true(asks && asked.evidence_count == 1);
        err = evidence_take(b->sync, &asked.bucket, error);
    }
    st_arena_reset(&arena);
    return err;
}

static st_err owe(bench *b, st_error *error)
{
    const purge_owed owed = { 5, PHONE_WALL_MS, 13, 2 };
    return purge_owe(b->copy.client, &b->h.bucket, &owed, error);
}

/* They are read and signed, each once, and go when the server has them. */
static st_err prepare(bench *b, st_error *error)
{
    b->sync->has_purges = false;
    st_err err = purge_prepare(b->sync, error);
    if (err == ST_OK) {
        assert_int_equal(b->sync->purges_count, 2);
        assert_int_equal(b->sync->purges_signed, 2);
    }
    return err;
}

static st_err noted(bench *b, st_error *error)
{
    b->sync->purges_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? EDGE_COMMUNE "/unit/a" : EDGE_COMMUNE "/unit/b";
        b->sync->purges[i] = (st_purge){ .rev = 4 };
        assert_true(st_bucket_set(&b->sync->purges[i].bucket, name, strlen(name)));
    }
    return purge_noted(b->sync, 9, error); /* more than were brought */
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
    sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
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
    meeting m = { .who = { fetches ? &other : &b->copy, fetches ? &b->copy : &other },
                  .looked_at = &b->copy, .pause = failing_pause };
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
    int rc = sotay_bundle_begin(b->copy.client, &bundle, NULL);
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
    int rc = sotay_bundle_import(b->copy.client, b->bundle, b->bundle_len, &report, NULL);
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
    sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
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
