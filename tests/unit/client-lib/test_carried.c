/* tests/unit/client-lib/test_carried.c
 * What is taken by hand, piece by piece: sets of devices that are known or not, of buckets that are
 * read or not, changed on their way, taken twice or under one name with another; parcels that the
 * server would not have; and receipts that nobody signed. */
#include "tests/unit/client-lib/carried_desk.h"

/* ---- taking sets ---- */

static void test_a_set_is_taken_once(void **state)
{
    desk *d = *state;
    assert_false(shows(d));
    assert_true(takes(d));
    assert_true(phone_says(&d->an, sotay_show, &d->visit, "\"flags\":[\"carried\"]"));
    assert_int_equal(counted(d), 1);
    for (int again = 0; again < 3; again++)
        assert_false(takes(d));
    must_hold(d, 1, 0);
}

/* Cut at any length, or with a byte changed anywhere, it is no set of binh's. */
static void test_a_set_that_was_changed(void **state)
{
    desk *d = *state;
    static uint8_t bytes[ROWS_BYTES_MAX];
    bool is_new = true;
    for (size_t len = 0; len < d->bytes.len; len++) {
        assert_int_not_equal(take_set(d, d->bytes.data, len, &is_new), ST_OK);
        assert_false(is_new);
    }
    for (size_t at = 0; at < d->bytes.len; at++) {
        memcpy(bytes, d->bytes.data, d->bytes.len);
        bytes[at] ^= 1;
        st_err err = take_set(d, bytes, d->bytes.len, &is_new);
        assert_true(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_SIGNATURE ||
                    err == ST_E_TOO_LARGE);
        assert_false(shows(d)); /* as parcels at most, which the server will not have */
    }
    assert_int_equal(rows_count(&d->an, BOOK_TAKEN), 0);
    rows_clear(&d->an, BOOK_PARCEL);
    assert_true(takes(d));
}

/* All is whole but for the signature. */
static void test_a_set_that_its_author_did_not_sign(void **state)
{
    desk *d = *state;
    static uint8_t bytes[ROWS_BYTES_MAX];
    bool is_new = true;
    size_t at = 0;
    memcpy(bytes, d->bytes.data, d->bytes.len);
    while (memcmp(bytes + at, d->set.signature, sizeof d->set.signature) != 0)
        assert_true(++at + sizeof d->set.signature <= d->bytes.len);
    bytes[at + 5] ^= 16;
    assert_int_equal(take_set(d, bytes, d->bytes.len, &is_new), ST_E_SIGNATURE);
    assert_false(is_new);
    must_hold(d, 0, 0);
}

static void test_a_bucket_that_is_not_read(void **state)
{
    desk *d = *state;
    set_scope(d, false);
    assert_true(takes(d));
    must_hold(d, 0, 1);
    assert_false(shows(d));
    assert_false(takes(d)); /* the same parcel */
    must_hold(d, 0, 1);
    assert_int_equal(counted(d), 1);
    set_scope(d, true); /* he may read it now: it comes in the open, in place of the parcel */
    assert_true(takes(d));
    must_hold(d, 1, 0);
    assert_true(shows(d));
}

/* A phone that an's catalogue does not know yet. */
static void test_a_device_that_is_not_known(void **state)
{
    desk *d = *state;
    phone_free(&d->binh);
    phone_make(&d->binh, d->e, 1); /* another phone of binh's */
    d->visit = phone_visit(&d->binh, "trạm");
    take_newest(d);
    assert_true(takes(d));
    must_hold(d, 0, 1);
    assert_false(shows(d));
    assert_int_equal(edge_sync(d->e, d->an.client, NULL, NULL), SOTAY_OK);
    rows_clear(&d->an, BOOK_PARCEL);
    assert_true(takes(d));
    must_hold(d, 1, 0);
}

static void test_own_sets_are_not_taken(void **state)
{
    desk *d = *state;
    bool is_new = true;
    static stored_row own;
    sotay_id mine = phone_visit(&d->an, "nhà");
    rows_seal(&d->an);
    size_t tried = 0;
    for (size_t i = 0; rows_get(&d->an, BOOK_SET, i, &own); i++) {
        if (memcmp(own.key.b + 1, d->an.client->me.device.b, 16) != 0)
            continue;
        tried++;
        assert_int_equal(take_set(d, own.data, own.len, &is_new), ST_OK);
        assert_false(is_new);
        st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = d->an.client->me.device,
                             .first = st_get_u64(own.key.b + 17), .sealed = own.data,
                             .sealed_len = 40 };
        assert_false(takes_parcel(d, &parcel));
    }
    assert_true(tried > 0);
    must_hold(d, 0, 0);
    assert_true(phone_says(&d->an, sotay_show, &mine, "\"nhà\""));
}

/* The set of a device that this phone was before: it is named in OWN alone. */
static void test_sets_of_the_device_before(void **state)
{
    desk *d = *state;
    bool is_new = true;
    const outbox_set before = { .device = d->set.device, .first = d->set.first,
                                .last = d->set.first };
    rows_begin(&d->an);
    assert_int_equal(outbox_put(&d->an.client->book, &before, NULL), ST_OK);
    rows_commit(&d->an);
    assert_int_equal(take_set(d, d->bytes.data, d->bytes.len, &is_new), ST_OK);
    assert_false(is_new);
    must_hold(d, 0, 0);
}

/* What the log brought is not taken; a kept set that is damaged, or another one, is no reason. */
static void test_what_the_log_has(void **state)
{
    desk *d = *state;
    static stored_row kept;
    book_key key = book_key_counter(BOOK_SET, &d->set.device, d->set.first);
    rows_put(&d->an, &key, d->bytes.data, d->bytes.len);
    assert_false(takes(d));
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = d->set.device, .first = d->set.first,
                         .name = d->set.hash, .sealed = d->bytes.data, .sealed_len = 64 };
    assert_false(takes_parcel(d, &parcel));
    parcel.name.b[0] ^= 1; /* the other branch of a copied phone */
    assert_true(takes_parcel(d, &parcel));
    assert_false(takes_parcel(d, &parcel));
    must_hold(d, 0, 1);
    rows_put(&d->an, &key, d->bytes.data, d->bytes.len / 2);
    assert_true(takes(d));
    must_hold(d, 1, 1);
    assert_true(rows_get(&d->an, BOOK_TAKEN, 0, &kept));
    assert_int_equal(kept.len, 33 + d->bytes.len);
}

/* Two sets of one name: the first is shown, the other goes on sealed, and both reach the server. */
static void test_another_set_of_this_name(void **state)
{
    desk *d = *state;
    phone copy;
    bool is_new = false;
    static stored_row row;
    memset(&copy, 0, sizeof copy);
    assert_true(takes(d));
    assert_true(rows_get(&d->an, BOOK_TAKEN, 0, &row));
    row.data[1] ^= 1; /* as if what was taken first had another hash */
    rows_put(&d->an, &row.key, row.data, row.len);
    assert_int_equal(take_set(d, d->bytes.data, d->bytes.len, &is_new), ST_OK);
    assert_true(is_new);
    must_hold(d, 1, 1);
    assert_int_equal(counted(d), 2);
}

/* ---- parcels ---- */

static void test_parcels_of_every_kind(void **state)
{
    desk *d = *state;
    static const st_parcel_kind KINDS[] = { ST_PARCEL_SET, ST_PARCEL_PIECE, (st_parcel_kind)7 };
    for (size_t i = 0; i < 3; i++) {
        st_parcel parcel = { .kind = KINDS[i], .owner = { { 9 } }, .first = KINDS[i] == 1 ? 4 : 0,
                             .name = { { 1, 2, 3 } }, .sealed = d->bytes.data, .sealed_len = 50 };
        assert_true(takes_parcel(d, &parcel));
        assert_false(takes_parcel(d, &parcel));
        must_hold(d, 0, i + 1);
    }
    assert_int_equal(counted(d), 3);
    assert_true(phone_status_says(&d->an, "\"carried\":3"));
}

static void test_a_piece_that_is_here(void **state)
{
    desk *d = *state;
    st_parcel parcel = { .kind = ST_PARCEL_PIECE, .owner = phone_id(&d->visit),
                         .name = { { 1, 2, 3 } }, .sealed = d->bytes.data, .sealed_len = 50 };
    book_key chunk = book_key_of(BOOK_CHUNK);
    book_key_bytes(&chunk, parcel.name.b, sizeof parcel.name.b);
    rows_put(&d->an, &chunk, "a piece", 7);
    assert_false(takes_parcel(d, &parcel));
    rows_delete(&d->an, &chunk);
    assert_true(takes_parcel(d, &parcel));
    const st_piece_taken taken = { parcel.owner, parcel.name };
    for (int again = 0; again < 2; again++) { /* the second answer finds nothing more */
        rows_begin(&d->an);
        assert_int_equal(over(&d->an, carried_piece_taken(d->an.client, &taken, NULL)), ST_OK);
        must_hold(d, 0, 0);
    }
}

/* ---- verdicts ---- */

static void judge(desk *d, const st_verdict *verdict)
{
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(
        over(&d->an, carried_verdict(d->an.client, &d->set.device, verdict, &error)), ST_OK);
}

static void test_a_parcel_is_given_up_after_three_refusals(void **state)
{
    desk *d = *state;
    static const st_hold REASONS[] = { ST_HOLD_CORRUPT, ST_HOLD_SIGNATURE, ST_HOLD_CORRUPT };
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = d->set.device, .first = d->set.first,
                         .name = { { 1 } }, .sealed = d->bytes.data, .sealed_len = 50 };
    assert_true(takes_parcel(d, &parcel));
    parcel.name.b[0] = 2; /* two of the name */
    assert_true(takes_parcel(d, &parcel));
    parcel.first++; /* and one of another, that nobody speaks of */
    assert_true(takes_parcel(d, &parcel));
    for (size_t i = 0; i < 3; i++) {
        st_held held = { d->set.first, REASONS[i] };
        st_verdict verdict = { .first = d->set.first, .kind = ST_VERDICT_HELD, .held = &held,
                               .held_count = 1 };
        must_hold(d, 0, 3);
        judge(d, &verdict);
    }
    must_hold(d, 0, 1);
}

/* Refused for another reason, or with a place in the log, it is not called wrong. */
static void test_other_refusals_do_not_count(void **state)
{
    desk *d = *state;
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = d->set.device, .first = d->set.first,
                         .name = { { 1 } }, .sealed = d->bytes.data, .sealed_len = 50 };
    st_held late = { d->set.first, ST_HOLD_LATE }, bad = { d->set.first, ST_HOLD_CORRUPT };
    assert_true(takes_parcel(d, &parcel));
    for (int i = 0; i < 4; i++) {
        const st_verdict verdicts[] = {
            { .first = d->set.first, .kind = ST_VERDICT_LATER, .later_s = 5 },
            { .first = d->set.first, .kind = ST_VERDICT_HELD, .held = &late, .held_count = 1 },
            { .first = d->set.first, .kind = ST_VERDICT_HELD, .held = &bad, .held_count = 1,
              .position = 9 },
            { .first = d->set.first, .kind = ST_VERDICT_UNKNOWN },
        };
        for (size_t v = 0; v < 4; v++)
            judge(d, &verdicts[v]);
    }
    must_hold(d, 0, 1);
}

/* The server has it: it is offered no more, and shown until the log brings it. */
static void test_a_set_is_delivered(void **state)
{
    desk *d = *state;
    const st_verdict stored = { .first = d->set.first, .kind = ST_VERDICT_STORED, .position = 9 };
    judge(d, &stored); /* nothing of it is here */
    must_hold(d, 0, 0);
    assert_true(takes(d));
    judge(d, &stored);
    must_hold(d, 1, 0);
    assert_int_equal(counted(d), 0);
    assert_true(shows(d));
    judge(d, &stored);
    assert_int_equal(counted(d), 0);
    rows_begin(&d->an); /* a new epoch may not have it */
    assert_int_equal(over(&d->an, carried_turn(d->an.client, UINT64_MAX, NULL)), ST_OK);
    assert_int_equal(counted(d), 1);
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_turn(d->an.client, UINT64_MAX, NULL)), ST_OK);
    assert_int_equal(counted(d), 1);
    assert_true(shows(d));
}

/* A snapshot brought it before the verdict came: there is nothing left to show. */
static void test_delivered_and_shown_no_more(void **state)
{
    desk *d = *state;
    const st_verdict stored = { .first = d->set.first, .kind = ST_VERDICT_STORED, .position = 9 };
    assert_true(takes(d));
    rows_begin(&d->an);
    for (uint32_t i = 0; i < d->set.changes_count; i++) {
        const st_change *change = &d->set.changes[i];
        assert_int_equal(
            overlay_delete(&d->an.client->book, &change->record, &change->dot, NULL), ST_OK);
    }
    rows_commit(&d->an);
    judge(d, &stored);
    must_hold(d, 0, 0);
}

static void test_the_log_brings_it(void **state)
{
    desk *d = *state;
    assert_true(takes(d));
    for (int again = 0; again < 2; again++) {
        rows_begin(&d->an);
        assert_int_equal(over(&d->an, carried_in_log(d->an.client, &d->set, NULL)), ST_OK);
        must_hold(d, 0, 0);
        assert_false(shows(d));
    }
    assert_true(takes(d));
    assert_true(shows(d));
}

/* The log has another set of that name: the one that was taken by hand goes on, for the server. */
static void test_the_log_brings_another_branch(void **state)
{
    desk *d = *state;
    st_set other = d->set;
    other.hash.b[3] ^= 1;
    assert_true(takes(d));
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_in_log(d->an.client, &other, NULL)), ST_OK);
    must_hold(d, 0, 1);
    assert_false(shows(d));
    assert_int_equal(counted(d), 1);
}

static void test_a_fork_is_dropped(void **state)
{
    desk *d = *state;
    st_set other = d->set;
    assert_true(takes(d));
    other.hash.b[3] ^= 1;
    rows_begin(&d->an); /* another one of the name is the fork */
    assert_int_equal(over(&d->an, carried_drop(d->an.client, &other, NULL)), ST_OK);
    must_hold(d, 1, 0);
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_drop(d->an.client, &d->set, NULL)), ST_OK);
    must_hold(d, 0, 0);
    assert_false(shows(d));
    set_scope(d, false);
    assert_true(takes(d)); /* sealed */
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_drop(d->an.client, &d->set, NULL)), ST_OK);
    must_hold(d, 0, 0);
}

static void close_bucket(desk *d, const char *name)
{
    st_bucket bucket;
    assert_true(st_bucket_set(&bucket, name, strlen(name)));
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_close_bucket(d->an.client, &bucket, NULL)), ST_OK);
}

static void test_a_bucket_closes(void **state)
{
    desk *d = *state;
    const st_verdict stored = { .first = d->set.first, .kind = ST_VERDICT_STORED, .position = 9 };
    close_bucket(d, EDGE_UNIT_BUCKET);
    assert_true(takes(d));
    close_bucket(d, EDGE_COMMUNE "/unit/" EDGE_COMMUNE "-x002");
    must_hold(d, 1, 0);
    close_bucket(d, EDGE_UNIT_BUCKET);
    must_hold(d, 0, 1);
    assert_false(shows(d));
    rows_clear(&d->an, BOOK_PARCEL);
    assert_true(takes(d));
    judge(d, &stored); /* what the server has is not carried on, and stays until a backup has it */
    close_bucket(d, EDGE_UNIT_BUCKET);
    must_hold(d, 0, 0);
    assert_int_equal(rows_count(&d->an, BOOK_DELIVERED), 1);
}

/* ---- receipts ---- */

/* Of the set, signed by the edge's own device; the body lives until the next one. */
static st_receipt receipt_of(desk *d, const st_set *set, st_verdict_kind kind,
                             const st_held *held)
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    st_receipt receipt = { .device = set->device, .first = set->first, .last = st_set_last(set),
                           .hash = set->hash, .kind = kind, .position = 31, .held = held,
                           .held_count = held == NULL ? 0 : 1 };
    memcpy(receipt.epoch, d->an.client->me.epoch, sizeof receipt.epoch);
    st_buffer_clear(&d->body);
    assert_int_equal(st_receipt_make(&receipt, &d->body, NULL), ST_OK);
    st_receipt_sign_text(&d->e->log, &receipt, text);
    st_sign(d->e->own_secret, text, sizeof text, receipt.signature);
    return receipt;
}

static bool takes_receipt(desk *d, const st_receipt *receipt)
{
    bool is_new = true;
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, carried_take_receipt(d->an.client, receipt, &is_new, &error)),
                     ST_OK);
    return is_new;
}

static void test_a_receipt_of_what_is_carried(void **state)
{
    desk *d = *state;
    assert_true(takes(d));
    st_receipt receipt = receipt_of(d, &d->set, ST_VERDICT_STORED, NULL);
    st_receipt wrong = receipt;
    wrong.signature[9] ^= 1;
    assert_false(takes_receipt(d, &wrong));
    wrong = receipt;
    wrong.epoch[0] ^= 1;
    assert_false(takes_receipt(d, &wrong));
    assert_int_equal(rows_count(&d->an, BOOK_RECEIPT), 0);
    assert_int_equal(counted(d), 1);
    assert_true(takes_receipt(d, &receipt));
    assert_int_equal(counted(d), 0);
    assert_false(takes_receipt(d, &receipt));
    assert_int_equal(rows_count(&d->an, BOOK_RECEIPT), 1);
    assert_true(shows(d));
}

/* A receipt of another set of the name leaves what is carried; one of a fork ends it. */
static void test_a_receipt_of_a_fork(void **state)
{
    desk *d = *state;
    const st_held fork = { d->set.first, ST_HOLD_FORK }, late = { d->set.first, ST_HOLD_LATE };
    st_set other = d->set;
    other.hash.b[0] ^= 1;
    assert_true(takes(d));
    st_receipt receipt = receipt_of(d, &other, ST_VERDICT_HELD, &fork);
    assert_true(takes_receipt(d, &receipt));
    must_hold(d, 1, 0);
    assert_int_equal(counted(d), 1);
    rows_clear(&d->an, BOOK_RECEIPT);
    receipt = receipt_of(d, &d->set, ST_VERDICT_HELD, &late);
    assert_true(takes_receipt(d, &receipt));
    must_hold(d, 1, 0);
    assert_int_equal(counted(d), 0);
    rows_clear(&d->an, BOOK_RECEIPT);
    receipt = receipt_of(d, &d->set, ST_VERDICT_HELD, &fork);
    assert_true(takes_receipt(d, &receipt));
    must_hold(d, 0, 0);
    assert_false(shows(d));
}

/* An own set, brought by somebody else: the receipt is its verdict, the first time. */
static void test_a_receipt_of_an_own_set(void **state)
{
    static const struct {
        const char *why;
        st_verdict_kind kind;
        st_hold hold;
        bool is_other, settles;
    } CASES[] = {
        { "not known to the server", ST_VERDICT_UNKNOWN, ST_HOLD_NONE, false, false },
        { "a fork", ST_VERDICT_HELD, ST_HOLD_FORK, false, false },
        { "another set of the name", ST_VERDICT_STORED, ST_HOLD_NONE, true, false },
        { "held", ST_VERDICT_HELD, ST_HOLD_ROLE, false, true },
        { "held a second time", ST_VERDICT_HELD, ST_HOLD_ROLE, false, false },
    };
    desk *d = *state;
    outbox_set own;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_set set = d->set; /* binh's, as if it were of a device that an was before */
        st_held held = { set.first, CASES[i].hold };
        set.hash.b[0] ^= CASES[i].is_other ? 1 : 0;
        if (i == 0) {
            const outbox_set before = { .device = set.device, .first = set.first,
                                        .last = st_set_last(&set) };
            book_key key = book_key_counter(BOOK_SET, &set.device, set.first);
            rows_put(&d->an, &key, d->bytes.data, d->bytes.len);
            rows_begin(&d->an);
            assert_int_equal(outbox_put(&d->an.client->book, &before, NULL), ST_OK);
            rows_commit(&d->an);
        }
        print_message("  %s\n", CASES[i].why);
        st_receipt receipt = receipt_of(d, &set, CASES[i].kind,
                                        CASES[i].hold == ST_HOLD_NONE ? NULL : &held);
        assert_int_equal(takes_receipt(d, &receipt), CASES[i].settles);
    }
    rows_begin(&d->an);
    assert_int_equal(over(&d->an, outbox_get(&d->an.client->book, &d->set.device, d->set.first,
                                             &own, NULL)),
                     ST_OK);
    assert_int_equal(own.status, OUTBOX_HELD);
    assert_int_equal(own.hold, ST_HOLD_ROLE);
    assert_int_equal(own.position, 31);
    assert_int_equal(rows_count(&d->an, BOOK_RECEIPT), 0); /* nobody else needs it from here */
}

static void test_the_oldest_receipts_go(void **state)
{
    desk *d = *state;
    book_db *book = &d->an.client->book;
    st_receipt receipt = receipt_of(d, &d->set, ST_VERDICT_STORED, NULL);
    rows_begin(&d->an);
    for (uint64_t i = 0; i < CARRIED_RECEIPTS_MAX; i++) {
        book_key key = book_key_of(BOOK_RECEIPT);
        book_key_u64(&key, 1000 + i);
        book_key_bytes(&key, d->set.device.b, sizeof d->set.device.b);
        book_key_u64(&key, i);
        assert_int_equal(book_put(book, &key, "x", 1, NULL), ST_OK);
    }
    rows_commit(&d->an);
    assert_true(takes_receipt(d, &receipt)); /* of entry 31: older than all of them */
    assert_int_equal(rows_count(&d->an, BOOK_RECEIPT), CARRIED_RECEIPTS_MAX);
    static stored_row first;
    assert_true(rows_get(&d->an, BOOK_RECEIPT, 0, &first));
    assert_int_equal(st_get_u64(first.key.b + 1), 31);
    assert_true(rows_get(&d->an, BOOK_RECEIPT, 1, &first));
    assert_int_equal(st_get_u64(first.key.b + 1), 1001);
}

static st_err next_receipt(desk *d, st_receipt *out)
{
    st_error error = { ST_OK, "" };
    book_key prefix = book_key_of(BOOK_RECEIPT);
    book_scan scan = book_scan_of(&prefix);
    rows_begin(&d->an);
    st_err err = carried_next_receipt(d->an.client, &scan, &d->arena, out, &error);
    client_abort(d->an.client);
    return err;
}

static void test_kept_receipts_are_read_again(void **state)
{
    desk *d = *state;
    st_receipt receipt = receipt_of(d, &d->set, ST_VERDICT_STORED, NULL), back;
    static stored_row row;
    assert_int_equal(next_receipt(d, &back), ST_E_NOT_FOUND);
    assert_true(takes_receipt(d, &receipt));
    assert_int_equal(next_receipt(d, &back), ST_OK);
    assert_int_equal(back.position, 31);
    assert_memory_equal(back.hash.b, d->set.hash.b, 32);
    assert_true(st_receipt_verify(&back, &d->e->log, d->e->devices[0].key));
    assert_true(rows_get(&d->an, BOOK_RECEIPT, 0, &row));
    for (size_t len = 0; len <= ST_SIGNATURE_BYTES + 4; len++) { /* cut: said to be damaged */
        rows_put(&d->an, &row.key, row.data, len);
        assert_int_equal(next_receipt(d, &back), ST_E_CORRUPT);
    }
    rows_put(&d->an, &row.key, row.data, row.len);
    d->an.client->next.epoch[0] ^= 1;
    d->an.client->me.epoch[0] ^= 1; /* the book goes on from a backup: it says nothing any more */
    assert_int_equal(next_receipt(d, &back), ST_E_NOT_FOUND);
    d->an.client->me.epoch[0] ^= 1;
    d->an.client->next.epoch[0] ^= 1;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_set_is_taken_once),
        CASE(test_a_set_that_was_changed),
        CASE(test_a_set_that_its_author_did_not_sign),
        CASE(test_a_bucket_that_is_not_read),
        CASE(test_a_device_that_is_not_known),
        CASE(test_own_sets_are_not_taken),
        CASE(test_sets_of_the_device_before),
        CASE(test_what_the_log_has),
        CASE(test_another_set_of_this_name),
        CASE(test_parcels_of_every_kind),
        CASE(test_a_piece_that_is_here),
        CASE(test_a_parcel_is_given_up_after_three_refusals),
        CASE(test_other_refusals_do_not_count),
        CASE(test_a_set_is_delivered),
        CASE(test_delivered_and_shown_no_more),
        CASE(test_the_log_brings_it),
        CASE(test_the_log_brings_another_branch),
        CASE(test_a_fork_is_dropped),
        CASE(test_a_bucket_closes),
        CASE(test_a_receipt_of_what_is_carried),
        CASE(test_a_receipt_of_a_fork),
        CASE(test_a_receipt_of_an_own_set),
        CASE(test_the_oldest_receipts_go),
        CASE(test_kept_receipts_are_read_again),
    };
    return cmocka_run_group_tests_name("carried", tests, NULL, NULL);
}
