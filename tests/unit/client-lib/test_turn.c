/* tests/unit/client-lib/test_turn.c
 * Epochs of the book and sealed sets, row by row: which of them a phone believes, what it offers
 * again and what it leaves, and rows that are damaged, of another length or under a key that is
 * none. */
#include "client-lib/src/closed.h"
#include "client-lib/src/epoch.h"
#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/give.h"
#include "client-lib/src/outbox.h"
#include "tests/unit/client-lib/handmade.h"

typedef struct {
    edge *e;
    phone an;
    sotay_id visit;
    outbox_set own; /* of its making, in the log */
    sotay_sync *sync;
    st_buffer body; /* of the receipt made last */
    st_error error;
} desk;

static void read_own(desk *d)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    assert_int_equal(outbox_next(&d->an.client->book, &scan, &d->own, NULL), ST_OK);
    client_abort(d->an.client);
}

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    st_buffer_init(&d.body, 1u << 16);
    d.e = phone_alone(&d.an);
    d.visit = phone_visit(&d.an, "chợ");
    assert_int_equal(edge_sync(d.e, d.an.client, NULL, NULL), SOTAY_OK);
    read_own(&d);
    assert_true(d.own.status == OUTBOX_SENT && d.own.position > 0);
    assert_int_equal(sotay_sync_begin(d.an.client, &d.sync, &d.an.error), SOTAY_OK);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    sotay_sync_free(d->sync);
    st_buffer_free(&d->body);
    phone_part(d->e, &d->an, NULL);
    return 0;
}

/* A call in a transaction of its own, that ends as the library ends it. */
static st_err over(desk *d, st_err err)
{
    if (err == ST_OK)
        rows_commit(&d->an);
    else
        client_abort(d->an.client);
    return err;
}

#define WITHIN(d, call) (rows_begin(&(d)->an), over(d, call))

/* Bytes of the own set sealed to the server, as when its bucket is lost. */
static void seal_own(desk *d)
{
    st_bucket bucket;
    uint64_t kept = 0;
    assert_true(st_bucket_set(&bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    rows_begin(&d->an);
    assert_int_equal(apply_forget(d->an.client, &bucket, NULL), ST_OK);
    assert_int_equal(over(d, closed_bucket(d->an.client, &bucket, d->own.position, &kept, NULL)),
                     ST_OK);
    assert_int_equal(kept, 1);
    read_own(d);
    assert_true(d->own.is_closed);
}

/* ---- epochs that are told ---- */

static void sign_epoch(desk *d, st_epoch *one)
{
    uint8_t secret[64], key[32], text[ST_EPOCH_SIGN_BYTES];
    st_sign_keypair(d->e->log_seed, key, secret);
    st_epoch_sign_text(&d->e->log, one, text);
    st_sign(secret, text, sizeof text, one->signature);
}

static st_epoch epoch_of(desk *d, uint64_t n, uint8_t name, uint64_t cut)
{
    st_epoch one = { .n = n, .cut = cut };
    memset(one.epoch, name, sizeof one.epoch);
    memset(one.server_key, name, sizeof one.server_key);
    sign_epoch(d, &one);
    return one;
}

static st_err take(desk *d, const st_epoch *rows, uint32_t count)
{
    return WITHIN(d, epoch_take(d->sync, rows, count, &d->error));
}

static void test_which_epochs_count(void **state)
{
    desk *d = *state;
    st_epoch one = epoch_of(d, 2, 7, 1000);
    one.cut = 1; /* not what was signed */
    assert_int_equal(take(d, &one, 1), ST_E_SIGNATURE);
    assert_non_null(strstr(d->error.detail, "key of the log"));
    assert_int_equal(rows_count(&d->an, BOOK_EPOCH), 0);
    assert_int_equal(take(d, &one, 0), ST_OK);
    assert_false(d->sync->has_turned);
    one = epoch_of(d, 2, 7, 1000);
    assert_int_equal(take(d, &one, 1), ST_OK);
    assert_true(d->sync->has_turned);
    assert_int_equal(rows_count(&d->an, BOOK_EPOCH), 2); /* the first one's key and this one's */
    d->sync->has_turned = false;
    assert_int_equal(take(d, &one, 1), ST_OK); /* known by now */
    assert_false(d->sync->has_turned);
    st_epoch same_number = epoch_of(d, 2, 8, 1000); /* that one was lost with its server */
    assert_int_equal(take(d, &same_number, 1), ST_OK);
    assert_true(d->sync->has_turned);
    assert_memory_equal(d->an.client->me.epoch, same_number.epoch, 8);
    d->sync->has_turned = false;
    st_epoch rows[2] = { epoch_of(d, 2, 8, 1000), epoch_of(d, 3, 8, 1000) };
    assert_int_equal(take(d, rows, 2), ST_OK); /* a number of its own for what was read already */
    assert_false(d->sync->has_turned);
    assert_int_equal(d->an.client->me.epochs, 3);
}

/* Those that come with the answer to an enrolment: what nobody signed is no key of the server's. */
static void test_epochs_of_an_enrolment(void **state)
{
    desk *d = *state;
    st_epoch rows[2] = { epoch_of(d, 2, 7, 1000), epoch_of(d, 3, 8, 1000) };
    const st_enrol_answer answer = { .epochs = rows, .epochs_count = 2 };
    rows[1].signature[5] ^= 1;
    assert_int_equal(WITHIN(d, epoch_keep_told(d->an.client, &answer, NULL)), ST_OK);
    for (size_t i = 0; i < 2; i++) {
        const st_id device = st_device_id(rows[i].server_key);
        bool is = i == 1;
        assert_int_equal(WITHIN(d, epoch_is_servers(d->an.client, &device, &is, NULL)), ST_OK);
        assert_int_equal(is, i == 0);
    }
    assert_false(d->sync->has_turned);
}

static void spoil_an_epoch(desk *d)
{
    static stored_row row;
    assert_true(rows_get(&d->an, BOOK_EPOCH, 0, &row));
    rows_spoil(&d->an, &row.key);
}

/* A row that does not open is told again with all others, and turns nothing: what is behind it
 * alone is new. One that nobody tells is gone. */
static void test_rows_that_are_told_again(void **state)
{
    static stored_row row;
    desk *d = *state;
    const st_epoch rows[3] = { epoch_of(d, 1, 6, 0), epoch_of(d, 2, 7, d->own.position),
                               epoch_of(d, 3, 8, d->own.position) };
    assert_int_equal(take(d, &rows[1], 1), ST_OK);
    for (uint32_t count = 2; count <= 3; count++) {
        d->sync->has_turned = false;
        d->sync->reads = READS_ALL;
        d->sync->names.is_over = true;
        spoil_an_epoch(d); /* of the first key, which is none of those */
        assert_int_equal(take(d, rows, count), ST_OK);
        assert_true(d->sync->has_turned == (count == 3));
        assert_true(d->sync->reads == READS_NOTHING && !d->sync->names.is_over);
        for (size_t n = 0; n < rows_count(&d->an, BOOK_EPOCH); n++)
            assert_true(rows_get(&d->an, BOOK_EPOCH, n, &row));
        read_own(d);
        assert_int_equal(d->own.status, OUTBOX_SENT);
    }
    d->sync->wants_again = false;
    d->sync->reads = READS_ALL;
    spoil_an_epoch(d);
    assert_int_equal(take(d, &rows[1], 2), ST_OK); /* not all of them: it mends nothing */
    assert_false(rows_get(&d->an, BOOK_EPOCH, 0, &row));
    assert_true(d->sync->reads == READS_ALL && !d->sync->wants_again);
    assert_int_equal(take(d, rows, 3), ST_OK);
    assert_true(rows_get(&d->an, BOOK_EPOCH, 0, &row));
    assert_int_equal(rows_count(&d->an, BOOK_EPOCH), 3);
}

/* One that was never told a number is in the first epoch, also when it is told all of them. */
static void test_rows_from_the_first_on(void **state)
{
    desk *d = *state;
    st_epoch rows[2] = { epoch_of(d, 1, 6, 0), epoch_of(d, 2, 7, d->own.position) };
    d->an.client->me.epochs = 0;
    memcpy(rows[0].epoch, d->an.client->me.epoch, sizeof rows[0].epoch);
    sign_epoch(d, &rows[0]);
    assert_int_equal(take(d, rows, 2), ST_OK);
    assert_true(d->sync->has_turned);
    read_own(d);
    assert_int_equal(d->own.status, OUTBOX_SENT);
}

/* What a request says of them, and shows with papers of the server's. */
static st_ask asks(desk *d, bool presents)
{
    st_ask ask = { .version = 1 };
    d->sync->presents = presents;
    assert_int_equal(WITHIN(d, epoch_ask(d->sync, &ask, &d->error)), ST_OK);
    return ask;
}

/* Of a list that it was told in part it says nothing, and is told all. Another list in the same
 * epoch is news, whatever the numbers in it, and turns nothing. */
static void test_which_list_it_was_told(void **state)
{
    desk *d = *state;
    uint8_t mark[ST_EPOCHS_MARK_BYTES];
    const st_epoch rows[4] = { epoch_of(d, 1, 6, 0), epoch_of(d, 2, 7, 1000),
                               epoch_of(d, 3, 8, 1000), epoch_of(d, 4, 7, 1000) };
    const st_epoch others[3] = { rows[0], rows[1], epoch_of(d, 3, 7, 900) };
    st_ask ask = asks(d, false);
    assert_true(ask.epochs == 0 && !ask.has_epochs_mark && ask.seen_count == 0);
    assert_int_equal(take(d, rows + 1, 3), ST_OK);
    ask = asks(d, false);
    assert_true(ask.epochs == 0 && !ask.has_epochs_mark);
    d->sync->has_turned = false;
    for (int told = 0; told < 2; told++) {
        assert_int_equal(take(d, rows, 4), ST_OK);
        ask = asks(d, false);
        st_epochs_mark(&d->e->log, rows, 4, mark);
        assert_true(ask.epochs == 4 && ask.has_epochs_mark);
        assert_memory_equal(ask.epochs_mark, mark, sizeof mark);
    }
    assert_int_equal(take(d, others, 3), ST_OK);
    ask = asks(d, false);
    st_epochs_mark(&d->e->log, others, 3, mark);
    assert_int_equal(ask.epochs, 3);
    assert_memory_equal(ask.epochs_mark, mark, sizeof mark);
    assert_false(d->sync->has_turned);
}

/* One that says the name of its epoch alone, as one of before did to who knew as many: the keys are
 * asked for. */
static void test_a_name_alone(void **state)
{
    desk *d = *state;
    const st_epoch rows[2] = { epoch_of(d, 1, 6, 0), epoch_of(d, 2, 7, 1000) };
    assert_int_equal(take(d, rows, 2), ST_OK);
    assert_int_equal(asks(d, false).epochs, 2);
    memset(d->e->epoch, 9, sizeof d->e->epoch);
    sotay_sync_free(d->sync);
    assert_int_equal(edge_sync(d->e, d->an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_begin(d->an.client, &d->sync, &d->an.error), SOTAY_OK);
    assert_memory_equal(d->an.client->me.epoch, d->e->epoch, 8);
    const st_ask ask = asks(d, false);
    assert_true(ask.epochs == 0 && !ask.has_epochs_mark);
    read_own(d);
    assert_int_equal(d->own.status, OUTBOX_SENT);
}

/* Of more than go into a request the newest are shown. */
static void test_more_rows_than_are_shown(void **state)
{
    desk *d = *state;
    st_epoch rows[ST_EPOCHS_SHOWN_MAX], more[6];
    for (uint32_t i = 0; i < ST_EPOCHS_SHOWN_MAX; i++)
        rows[i] = epoch_of(d, i + 1, (uint8_t)(i + 1), 1000);
    for (uint32_t i = 0; i < 6; i++)
        more[i] = epoch_of(d, 59 + i, (uint8_t)(159 + i), 1000);
    assert_int_equal(take(d, rows, ST_EPOCHS_SHOWN_MAX), ST_OK);
    assert_int_equal(take(d, more, 6), ST_OK);
    const st_ask ask = asks(d, true);
    assert_int_equal(ask.seen_count, ST_EPOCHS_SHOWN_MAX);
    assert_int_equal(ask.seen[0].n, 7);
    for (uint32_t i = 1; i < ask.seen_count; i++)
        assert_true(ask.seen[i].n >= ask.seen[i - 1].n);
    assert_int_equal(ask.seen[ask.seen_count - 1].n, ST_EPOCHS_SHOWN_MAX);
}

/* First an old copy was put back, and then a newer one: the log of the epoch between left this one
 * where the old copy ended. Where the row does not open that says where, nothing is in common. */
static void test_an_epoch_between(void **state)
{
    desk *d = *state;
    const uint64_t position = d->own.position;
    book_key key = book_key_of(BOOK_EPOCH);
    const st_epoch between = epoch_of(d, 2, 7, position - 1);
    const st_epoch lists[2] = { epoch_of(d, 2, 8, position), epoch_of(d, 2, 9, position) };
    book_key_u64(&key, 2);
    book_key_bytes(&key, between.server_key, 8);
    assert_int_equal(take(d, &between, 1), ST_OK);
    for (int damaged = 0; damaged < 2; damaged++) {
        rows_begin(&d->an);
        d->own.status = OUTBOX_SENT;
        d->own.position = position;
        assert_int_equal(over(d, outbox_put(&d->an.client->book, &d->own, NULL)), ST_OK);
        if (damaged)
            rows_spoil(&d->an, &key);
        assert_int_equal(take(d, &lists[damaged], 1), ST_OK);
        read_own(d);
        assert_int_equal(d->own.status, OUTBOX_UNSENT);
    }
}

/* A key of a former server is one of the server's; a row that is no key is passed over. */
static void test_keys_of_former_servers(void **state)
{
    uint8_t key[32];
    bool is_servers = true;
    desk *d = *state;
    book_key row = book_key_of(BOOK_EPOCH);
    const st_epoch first = epoch_of(d, 2, 7, 1000), second = epoch_of(d, 3, 9, 1000);
    st_id device = st_device_id(first.server_key);
    book_key_u64(&row, 1);
    rows_put(&d->an, &row, first.server_key, 31);
    assert_int_equal(take(d, &first, 1), ST_OK);
    assert_int_equal(take(d, &second, 1), ST_OK);
    assert_int_equal(WITHIN(d, epoch_former_key(d->an.client, &device, key, NULL)), ST_OK);
    assert_memory_equal(key, first.server_key, 32);
    assert_int_equal(WITHIN(d, epoch_is_servers(d->an.client, &device, &is_servers, NULL)), ST_OK);
    assert_true(is_servers);
    device.b[0] ^= 1;
    assert_int_equal(WITHIN(d, epoch_is_servers(d->an.client, &device, &is_servers, NULL)), ST_OK);
    assert_false(is_servers);
}

/* Own sets before the cut stay as they are, those behind it are offered again. */
static void test_what_lies_beyond_the_cut(void **state)
{
    desk *d = *state;
    uint64_t position = d->own.position;
    assert_int_equal(WITHIN(d, epoch_turn(d->sync, position, NULL)), ST_OK);
    read_own(d);
    assert_int_equal(d->own.status, OUTBOX_SENT);
    assert_int_equal(d->own.position, position);
    assert_int_equal(WITHIN(d, epoch_turn(d->sync, position - 1, NULL)), ST_OK);
    read_own(d);
    assert_int_equal(d->own.status, OUTBOX_UNSENT);
    assert_int_equal(d->own.position, 0);
}

/* The end of an answer tells of a shorter log only where it speaks of all of it. */
static void test_a_log_that_is_shorter(void **state)
{
    static const struct {
        st_end end;
        bool turned, turns;
    } CASES[] = {
        { { .position = 1, .more = true }, false, false },
        { { .position = 1, .has_epoch = true }, false, false },
        { { .position = 0 }, false, false },
        { { .position = 1 }, true, false },
        { { .position = 1000 }, false, false },
        { { .position = 1 }, false, true },
    };
    desk *d = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        d->sync->has_turned = CASES[i].turned;
        d->sync->wants_again = false;
        assert_int_equal(WITHIN(d, epoch_check_end(d->sync, &CASES[i].end, NULL)), ST_OK);
        assert_int_equal(d->sync->wants_again, CASES[i].turns);
        read_own(d);
        assert_int_equal(d->own.status, CASES[i].turns ? OUTBOX_UNSENT : OUTBOX_SENT);
    }
}

/* One bucket stands beyond it, though the position does not: an answer came in parts. */
static void test_a_bucket_beyond_the_end(void **state)
{
    desk *d = *state;
    const st_end end = { .position = 1 };
    rows_begin(&d->an);
    d->an.client->next.position = d->an.client->next.reach = end.position;
    assert_int_equal(over(d, epoch_check_end(d->sync, &end, NULL)), ST_OK);
    assert_true(d->sync->wants_again);
    read_own(d);
    assert_int_equal(d->own.status, OUTBOX_UNSENT);
}

static void test_a_note_of_what_is_offered(void **state)
{
    st_dot at;
    bool is_first = false;
    desk *d = *state;
    book_key prefix = book_key_of(BOOK_CARRY), key = prefix;
    book_scan scan = book_scan_of(&prefix);
    const uint8_t here = 1;
    book_key_u64(&key, 5);
    rows_put(&d->an, &key, &here, 1);
    assert_int_equal(WITHIN(d, epoch_next_carried(d->an.client, &scan, &at, &is_first,
                                                  &d->error)),
                     ST_E_CORRUPT);
    assert_non_null(strstr(d->error.detail, "damaged"));
}

/* The server's own hand wrote other things, too: the set that enrolled this device is found among
 * them, as long as it is kept. */
static void test_the_own_enrolment(void **state)
{
    static stored_row row;
    desk *d = *state;
    st_dot at = { .counter = 0 };
    const book_key all = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&all);
    st_id id = phone_id(&d->visit);
    edge_write(d->e, &id, EDGE_ACCEPTED, "văn phòng ghi");
    sotay_sync_free(d->sync);
    d->sync = NULL;
    assert_int_equal(edge_sync(d->e, d->an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(WITHIN(d, epoch_next_enrolment(d->an.client, &scan, &at, NULL)), ST_OK);
    assert_memory_equal(at.device.b, d->e->devices[0].id.b, sizeof at.device.b);
    book_key key = book_key_counter(BOOK_SET, &at.device, at.counter);
    size_t n = 0;
    while (rows_get(&d->an, BOOK_SET, n, &row) && memcmp(row.key.b, key.b, key.len) != 0)
        n++;
    assert_non_null(memmem(row.data, row.len, d->an.client->me.sign_key, 32));
    rows_put(&d->an, &key, "no set", 6); /* one that does not open says nothing */
    scan = book_scan_of(&all);
    assert_int_equal(WITHIN(d, epoch_next_enrolment(d->an.client, &scan, &at, NULL)),
                     ST_E_NOT_FOUND);
}

/* Of more roles than a person has, the first ones count. */
static void test_more_roles_than_there_are(void **state)
{
    desk *d = *state;
    st_role roles[IDENTITY_ROLES_MAX + 3];
    st_bucket bucket;
    bool lost = false;
    for (size_t i = 0; i < IDENTITY_ROLES_MAX + 3; i++)
        roles[i] = ST_ROLE_OFFICER;
    assert_true(st_bucket_set(&bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    const st_scope scope = { .rev = 9, .buckets = &bucket, .buckets_count = 1, .roles = roles,
                             .roles_count = IDENTITY_ROLES_MAX + 3 };
    assert_int_equal(WITHIN(d, apply_scope(d->an.client, &scope, &lost, NULL)), ST_OK);
    assert_int_equal(d->an.client->me.roles_count, IDENTITY_ROLES_MAX);
    assert_true(lost); /* the catalogue was not among the buckets */
}

/* ---- sealed sets ---- */

static st_err get(desk *d)
{
    st_arena arena;
    st_parcel parcel;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = WITHIN(
        d, closed_get(d->an.client, &d->own.device, d->own.first, &arena, &parcel, &d->error));
    st_arena_reset(&arena);
    return err;
}

static void test_sealed_rows_that_are_damaged(void **state)
{
    static stored_row row;
    desk *d = *state;
    seal_own(d);
    assert_true(rows_get(&d->an, BOOK_CLOSED, 0, &row));
    for (size_t len = 0; len <= 40; len += 8) {
        rows_put(&d->an, &row.key, row.data, len);
        assert_int_equal(get(d), ST_E_CORRUPT);
        assert_int_equal(WITHIN(d, closed_cover(d->an.client, &d->error)), ST_E_CORRUPT);
        assert_int_equal(WITHIN(d, closed_turn(d->an.client, 0, &d->error)), ST_E_CORRUPT);
        assert_int_equal(
            WITHIN(d, closed_settle(d->an.client, &d->own.device, d->own.first, 9, &d->error)),
            ST_E_CORRUPT);
    }
    rows_delete(&d->an, &row.key);
    row.key.len -= 1;
    rows_put(&d->an, &row.key, row.data, row.len);
    assert_int_equal(WITHIN(d, closed_cover(d->an.client, &d->error)), ST_E_CORRUPT);
    rows_delete(&d->an, &row.key);
    assert_int_equal(get(d), ST_E_NOT_FOUND);
}

/* What is there already, or not there at all, changes nothing. */
static void test_sealed_sets_that_stay(void **state)
{
    static stored_row before, after;
    desk *d = *state;
    sotay_client *client = d->an.client;
    outbox_set none = d->own;
    seal_own(d);
    assert_true(rows_get(&d->an, BOOK_CLOSED, 0, &before));
    uint64_t position = st_get_u64(before.data);
    assert_int_equal(WITHIN(d, closed_settle(client, &d->own.device, d->own.first, position, NULL)),
                     ST_OK);
    assert_int_equal(WITHIN(d, closed_cover(client, NULL)), ST_OK);
    assert_int_equal(WITHIN(d, closed_turn(client, position, NULL)), ST_OK);
    none.first += 1000; /* a set that nobody has */
    assert_int_equal(WITHIN(d, closed_settle(client, &none.device, none.first, 5, NULL)), ST_OK);
    assert_int_equal(WITHIN(d, closed_open(client, &none.device, none.first, NULL)), ST_OK);
    assert_int_equal(WITHIN(d, closed_own(client, &none, NULL)), ST_OK);
    assert_true(rows_get(&d->an, BOOK_CLOSED, 0, &after));
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    assert_int_equal(rows_count(&d->an, BOOK_CLOSED), 1);
    for (int i = 0; i < 2; i++) { /* opened, and once more: it is open by then */
        assert_int_equal(WITHIN(d, closed_open(client, &d->own.device, d->own.first, NULL)), ST_OK);
        read_own(d);
        assert_false(d->own.is_closed);
    }
    assert_int_equal(rows_count(&d->an, BOOK_CLOSED), 0);
}

/* One that does not open says nothing of its bucket: it is left, and the others are sealed. */
static void test_a_kept_set_that_does_not_open(void **state)
{
    desk *d = *state;
    st_id nobody;
    memset(&nobody, 1, sizeof nobody);
    book_key key = book_key_counter(BOOK_SET, &nobody, 1);
    rows_put(&d->an, &key, "no set", 6);
    size_t sets = rows_count(&d->an, BOOK_SET);
    seal_own(d);
    assert_int_equal(rows_count(&d->an, BOOK_CLOSED), 1);
    assert_int_equal(rows_count(&d->an, BOOK_SET), sets - 1);
}

/* ---- what is given of it ---- */

typedef struct {
    bool knows;
    size_t parcels, others;
} taker;

static bool knows(void *context, const st_id *device, uint64_t first, const st_hash *hash,
                  bool in_open)
{
    (void)device;
    (void)first;
    (void)hash;
    (void)in_open;
    return ((taker *)context)->knows;
}

static st_err emit(void *context, const st_frame *frame, st_error *error)
{
    taker *t = context;
    (void)error;
    *(frame->kind == ST_FRAME_PARCEL ? &t->parcels : &t->others) += 1;
    return ST_OK;
}

/* A sealed set that the server lost goes on as it is, to whoever does not have it; so does a parcel
 * of somebody else. What the server is known to have, or holds, is not given. */
static void test_what_is_sealed_is_given(void **state)
{
    desk *d = *state;
    give_report report;
    const st_parcel parcel = { .kind = ST_PARCEL_SET,
                               .owner = { { 9 } },
                               .first = 3,
                               .name = { { 1 } },
                               .sealed = (const uint8_t *)"some sealed",
                               .sealed_len = 11 };
    seal_own(d);
    bool is_new = false;
    assert_int_equal(WITHIN(d, carried_take_parcel(d->an.client, &parcel, &is_new, NULL)), ST_OK);
    for (int round = 0; round < 4; round++) {
        taker t = { .knows = round == 2 };
        const give_to to = { &t, NULL, round == 0 ? NULL : knows, emit };
        assert_int_equal(WITHIN(d, give_all(d->an.client, &to, &report, &d->error)), ST_OK);
        assert_int_equal(t.others, 0);
        assert_int_equal(t.parcels, round == 2 ? 0 : round == 0 ? 1 : 2);
        assert_int_equal(report.sets, t.parcels);
        if (round == 0)
            assert_int_equal(WITHIN(d, epoch_turn(d->sync, 0, NULL)), ST_OK);
    }
    outbox_set held = d->own;
    held.is_closed = true;
    for (uint64_t position = 0; position < 2; position++) { /* with a place in the log: there */
        taker t = { .knows = false };
        const give_to to = { &t, NULL, knows, emit };
        held.status = OUTBOX_HELD;
        held.position = position;
        assert_int_equal(WITHIN(d, outbox_put(&d->an.client->book, &held, NULL)), ST_OK);
        assert_int_equal(WITHIN(d, give_all(d->an.client, &to, &report, &d->error)), ST_OK);
        assert_int_equal(t.parcels, position == 0 ? 2 : 1);
    }
}

/* ---- what the server said of it ---- */

static st_receipt receipt_of(desk *d, st_verdict_kind kind, const st_hash *hash)
{
    uint8_t text[ST_RECEIPT_SIGN_BYTES];
    st_receipt receipt = { .device = d->own.device, .first = d->own.first, .last = d->own.last,
                           .hash = *hash, .kind = kind, .position = 31 };
    memcpy(receipt.epoch, d->an.client->me.epoch, sizeof receipt.epoch);
    st_buffer_clear(&d->body);
    assert_int_equal(st_receipt_make(&receipt, &d->body, NULL), ST_OK);
    st_receipt_sign_text(&d->e->log, &receipt, text);
    st_sign(d->e->own_secret, text, sizeof text, receipt.signature);
    return receipt;
}

static bool takes_receipt(desk *d, const st_receipt *receipt)
{
    bool is_new = false;
    assert_int_equal(WITHIN(d, carried_take_receipt(d->an.client, receipt, &is_new, NULL)), ST_OK);
    read_own(d);
    return is_new;
}

/* A receipt that came by hand is the verdict about a sealed set, too: of this very one. */
static void test_a_receipt_of_a_sealed_set(void **state)
{
    static stored_row row;
    st_hash hash, other;
    desk *d = *state;
    seal_own(d);
    assert_true(rows_get(&d->an, BOOK_CLOSED, 0, &row));
    memcpy(hash.b, row.data + 8, sizeof hash.b);
    assert_int_equal(WITHIN(d, epoch_turn(d->sync, 0, NULL)), ST_OK);
    read_own(d);
    assert_true(d->own.is_closed && d->own.status == OUTBOX_UNSENT);
    other = hash;
    other.b[0] ^= 1;
    st_receipt receipt = receipt_of(d, ST_VERDICT_STORED, &other);
    assert_false(takes_receipt(d, &receipt));
    assert_int_equal(d->own.status, OUTBOX_UNSENT);
    receipt = receipt_of(d, ST_VERDICT_HELD, &hash);
    assert_true(takes_receipt(d, &receipt));
    assert_int_equal(d->own.status, OUTBOX_HELD);
    assert_int_equal(d->own.position, 31);
    assert_false(takes_receipt(d, &receipt)); /* known by now */
}

/* The bytes of an own set are gone: a receipt says nothing of what nobody has. */
static void test_a_receipt_of_what_is_gone(void **state)
{
    desk *d = *state;
    st_hash hash = { { 0 } };
    seal_own(d);
    assert_int_equal(WITHIN(d, epoch_turn(d->sync, 0, NULL)), ST_OK);
    read_own(d);
    rows_clear(&d->an, BOOK_CLOSED);
    st_receipt receipt = receipt_of(d, ST_VERDICT_STORED, &hash);
    assert_false(takes_receipt(d, &receipt));
    assert_int_equal(d->own.status, OUTBOX_UNSENT);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_which_epochs_count),
        CASE(test_which_list_it_was_told),
        CASE(test_a_name_alone),
        CASE(test_more_rows_than_are_shown),
        CASE(test_an_epoch_between),
        CASE(test_epochs_of_an_enrolment),
        CASE(test_rows_that_are_told_again),
        CASE(test_rows_from_the_first_on),
        CASE(test_keys_of_former_servers),
        CASE(test_what_lies_beyond_the_cut),
        CASE(test_a_log_that_is_shorter),
        CASE(test_a_bucket_beyond_the_end),
        CASE(test_a_note_of_what_is_offered),
        CASE(test_the_own_enrolment),
        CASE(test_more_roles_than_there_are),
        CASE(test_sealed_rows_that_are_damaged),
        CASE(test_sealed_sets_that_stay),
        CASE(test_a_kept_set_that_does_not_open),
        CASE(test_what_is_sealed_is_given),
        CASE(test_a_receipt_of_a_sealed_set),
        CASE(test_a_receipt_of_what_is_gone),
    };
    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
