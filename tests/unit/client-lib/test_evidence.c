/* tests/unit/client-lib/test_evidence.c
 * States without a signature: what is set aside when a base goes, whole or what is lost of it
 * alone; what of it is shown, in which order and how much at once; and rows that are damaged, too
 * large, of a bucket that is not read, or that the log turns out to have after all. */
#include "client-lib/src/exchange.h"
#include "proto/repair.h"
#include "tests/unit/client-lib/handmade.h"

#define OTHER_BUCKET EDGE_COMMUNE "/unit/" EDGE_COMMUNE "-x002"
#define SHOWN_MAX    64u

typedef struct {
    edge *e;
    phone an;
    handmade h; /* a visit that the log does not have, of the unit */
} desk;

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    d.e = phone_alone(&d.an);
    handmade_open(&d.h, 0xd1, EDGE_UNIT_BUCKET);
    handmade_begin(&d.h);
    handmade_text(&d.h, EDGE_PLACE, "chợ");
    handmade_end(&d.h, 0);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    handmade_close(&d->h);
    phone_part(d->e, &d->an, NULL);
    return 0;
}

static st_err over(desk *d, st_err err)
{
    if (err == ST_OK)
        rows_commit(&d->an);
    else
        client_abort(d->an.client);
    return err;
}

static void set_aside(desk *d, uint64_t cut, size_t rows)
{
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(
        over(d, evidence_set_aside(d->an.client, &d->h.id, &d->h.bucket, cut, &error)), ST_OK);
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), rows);
}

/* ---- setting aside ---- */

static void test_what_no_kept_set_says(void **state)
{
    static stored_row row;
    desk *d = *state;
    book_key key = handmade_aside_key(&d->h.id, 1);
    handmade_put_base(&d->h, &d->an);
    set_aside(d, 0, 1);
    set_aside(d, 0, 2); /* what was set aside before stays */
    assert_true(rows_get(&d->an, BOOK_EVIDENCE, 1, &row));
    assert_int_equal(row.key.len, key.len);
    assert_memory_equal(row.key.b, key.b, key.len);
    handmade_keep_set(&d->h, &d->an); /* the signed set is here: it is offered by itself */
    set_aside(d, 0, 2);
    key = book_key_counter(BOOK_SET, &d->h.set.device, d->h.set.first);
    rows_put(&d->an, &key, d->h.bytes.data, d->h.bytes.len / 2);
    set_aside(d, 0, 3); /* half a set says nothing */
}

/* A set of the same device before it, or behind it, does not hold the change. */
static void test_sets_that_are_near(void **state)
{
    desk *d = *state;
    handmade_keep_set(&d->h, &d->an); /* counter 1 */
    handmade_begin(&d->h);
    handmade_text(&d->h, EDGE_NOTE, "lầy");
    handmade_end(&d->h, 0);
    handmade_put_base(&d->h, &d->an);
    set_aside(d, 0, 1);
    handmade_keep_set(&d->h, &d->an); /* counter 2 */
    set_aside(d, 0, 1);
    book_key key = book_key_counter(BOOK_SET, &d->h.set.device, 1);
    rows_delete(&d->an, &key);
    set_aside(d, 0, 2);
}

static void test_what_the_log_has_before_the_cut(void **state)
{
    desk *d = *state;
    handmade_begin(&d->h);
    handmade_text(&d->h, EDGE_NOTE, "lầy");
    handmade_end(&d->h, 0);
    for (size_t i = 0; i < d->h.record.metas_count; i++)
        d->h.record.metas[i].log_index = 40 + i;
    handmade_put_base(&d->h, &d->an);
    set_aside(d, 41, 0);
    set_aside(d, 40, 1);
    set_aside(d, 39, 2);
}

static void test_records_that_are_none_of_it(void **state)
{
    desk *d = *state;
    st_bucket other;
    book_key key = book_key_id(BOOK_BASE, &d->h.id);
    st_error error = { ST_OK, "" };
    assert_true(st_bucket_set(&other, OTHER_BUCKET, strlen(OTHER_BUCKET)));
    handmade_put_base(&d->h, &d->an);
    rows_begin(&d->an);
    assert_int_equal(over(d, evidence_set_aside(d->an.client, &d->h.id, &other, 0, &error)), ST_OK);
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 0);
    rows_put(&d->an, &key, "half", 4); /* nothing that can be told */
    set_aside(d, 0, 0);
}

/* A record too large to travel goes with what is lost of it; one of which even that is too large
 * is kept here whole. */
static void test_large_records(void **state)
{
    static uint8_t bytes[60000];
    static stored_row row;
    desk *d = *state;
    st_record part;
    memset(bytes, 7, sizeof bytes);
    for (int i = 0; i < 2; i++) {
        handmade_begin(&d->h);
        for (uint16_t k = 0; k < 3; k++)
            handmade_value(&d->h, (uint16_t)(200 + 10 * i + k), ST_VALUE_BYTES, bytes,
                           sizeof bytes);
        handmade_end(&d->h, 0);
    }
    handmade_begin(&d->h);
    handmade_text(&d->h, EDGE_NOTE, "chỉ còn ở đây");
    handmade_end(&d->h, 0);
    for (size_t i = 0; i < 3; i++)
        d->h.record.metas[i].log_index = 5 + i;
    handmade_put_base(&d->h, &d->an);
    set_aside(d, 7, 1); /* the note alone is lost */
    assert_true(rows_get(&d->an, BOOK_EVIDENCE, 0, &row));
    assert_true(row.len < 2000);
    assert_non_null(memmem(row.data, row.len, "chỉ còn ở đây", strlen("chỉ còn ở đây")));
    assert_int_equal(st_record_decode(row.data, row.len, &d->h.arena, &part, NULL), ST_OK);
    assert_int_equal(part.metas_count, 1);
    assert_int_equal(part.lives_count, 1);
    assert_false(part.created);
    set_aside(d, 5, 2); /* all but the making: six values */
    assert_true(rows_get(&d->an, BOOK_EVIDENCE, 1, &row));
    assert_true(row.len > ST_REPAIR_STATE_MAX);
    set_aside(d, 6, 3); /* three of them, and the note */
    assert_true(rows_get(&d->an, BOOK_EVIDENCE, 2, &row));
    assert_true(row.len > 3 * sizeof bytes && row.len <= ST_REPAIR_STATE_MAX);
    assert_int_equal(st_record_decode(row.data, row.len, &d->h.arena, &part, NULL), ST_OK);
    assert_int_equal(part.metas_count, 2);
    assert_int_equal(part.lives_count, 4);
    d->h.record.metas[0].log_index = 40; /* the making itself is lost, and the note */
    handmade_put_base(&d->h, &d->an);
    set_aside(d, 7, 4);
    assert_true(rows_get(&d->an, BOOK_EVIDENCE, 3, &row));
    assert_int_equal(st_record_decode(row.data, row.len, &d->h.arena, &part, NULL), ST_OK);
    assert_true(part.created);
    assert_int_equal(part.metas_count, 2);
}

static void test_a_bucket_is_forgotten(void **state)
{
    desk *d = *state;
    uint64_t waiting = 0;
    handmade_put_base(&d->h, &d->an);
    rows_begin(&d->an);
    assert_int_equal(over(d, evidence_forget(d->an.client, &d->h.bucket, 0, NULL)), ST_OK);
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 1);
    rows_begin(&d->an);
    assert_int_equal(over(d, evidence_count(d->an.client, &waiting, NULL)), ST_OK);
    assert_int_equal(waiting, 1);
    sotay_id id;
    memcpy(id.b, d->h.id.b, sizeof id.b);
    char *json = NULL;
    assert_int_equal(sotay_show(d->an.client, &id, SOTAY_JSON, &json, NULL), SOTAY_E_NOT_FOUND);
    assert_true(phone_status_says(&d->an, "\"evidence_waiting\":1"));
    assert_true(phone_status_says(&d->an, "\"safe_to_wipe\":false"));
}

/* ---- showing ---- */

/* The end of a round; does the next one show something? */
static bool end_round(desk *d, sotay_sync *sync)
{
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(over(d, evidence_end_round(sync, &error)), ST_OK);
    return sync->evidence.goes_on;
}

static uint32_t ask(desk *d, sotay_sync *sync, st_repair_ask *out)
{
    bool asks = false;
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(over(d, evidence_ask(sync, &d->h.arena, out, &asks, &error)), ST_OK);
    assert_int_equal(asks, out->evidence_count > 0);
    return out->evidence_count;
}

static void take(desk *d, sotay_sync *sync, const st_bucket *bucket)
{
    st_error error = { ST_OK, "" };
    rows_begin(&d->an);
    assert_int_equal(over(d, evidence_take(sync, bucket, &error)), ST_OK);
}

static sotay_sync *begin(desk *d)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(d->an.client, &sync, &d->an.error), SOTAY_OK);
    return sync;
}

/* So many rows of as many records, all of the bucket. */
static void put_many(desk *d, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        st_put_u32(d->h.id.b, (uint32_t)i);
        d->h.record.id = d->h.id;
        handmade_put_aside(&d->h, &d->an, 0);
    }
}

static void test_shown_until_the_office_has_it(void **state)
{
    desk *d = *state;
    st_repair_ask asked;
    sotay_sync *sync = begin(d);
    st_bucket other;
    assert_true(st_bucket_set(&other, OTHER_BUCKET, strlen(OTHER_BUCKET)));
    assert_int_equal(ask(d, sync, &asked), 0); /* nobody said that there is something */
    assert_false(end_round(d, sync));
    put_many(d, SHOWN_MAX + 5);
    assert_true(end_round(d, sync));
    assert_true(sync->report.needs_person);
    assert_int_equal(ask(d, sync, &asked), SHOWN_MAX);
    assert_string_equal(asked.bucket.s, EDGE_UNIT_BUCKET);
    take(d, sync, &other); /* an answer about another bucket */
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), SHOWN_MAX + 5);
    take(d, sync, &asked.bucket);
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 5);
    take(d, sync, &asked.bucket); /* said twice */
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 5);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 5);
    assert_false(end_round(d, sync)); /* the server took none: not for ever */
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 5);
    sotay_sync_free(sync);
}

/* Something else has to be asked first. */
static void test_it_comes_last(void **state)
{
    desk *d = *state;
    sotay_sync *sync = begin(d);
    bool *const FIRST[] = { &sync->is_send_only, &sync->more, &sync->wants_again,
                            &sync->repairs_go_on, &sync->applied.too_new };
    put_many(d, 1);
    for (size_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        *FIRST[i] = true;
        assert_false(end_round(d, sync));
        *FIRST[i] = false;
    }
    assert_true(end_round(d, sync));
    sotay_sync_free(sync);
}

/* A megabyte in one request. */
static void test_not_too_much_at_once(void **state)
{
    static uint8_t bytes[60000];
    desk *d = *state;
    st_repair_ask asked;
    memset(bytes, 7, sizeof bytes);
    handmade_begin(&d->h);
    for (uint16_t k = 0; k < 4; k++)
        handmade_value(&d->h, (uint16_t)(200 + k), ST_VALUE_BYTES, bytes, sizeof bytes);
    handmade_end(&d->h, 0);
    put_many(d, 8);
    sotay_sync *sync = begin(d);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 5); /* four are less than a megabyte */
    take(d, sync, &asked.bucket);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 3);
    sotay_sync_free(sync);
}

/* A row of another bucket, before those of put_many. */
static void put_other(desk *d, bool in_scope)
{
    bucket_state bucket = { .in_scope = in_scope };
    assert_true(st_bucket_set(&d->h.record.bucket, OTHER_BUCKET, strlen(OTHER_BUCKET)));
    memset(d->h.id.b, 0, sizeof d->h.id.b);
    d->h.record.id = d->h.id;
    handmade_put_aside(&d->h, &d->an, 0);
    rows_begin(&d->an);
    assert_int_equal(over(d, bucket_put(&d->an.client->book, &d->h.record.bucket, &bucket, NULL)),
                     ST_OK);
}

static void test_one_bucket_at_a_time(void **state)
{
    desk *d = *state;
    st_repair_ask asked;
    put_many(d, 2);
    put_other(d, true);
    sotay_sync *sync = begin(d);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 1);
    assert_string_equal(asked.bucket.s, OTHER_BUCKET);
    take(d, sync, &asked.bucket);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 2);
    assert_string_equal(asked.bucket.s, EDGE_UNIT_BUCKET);
    take(d, sync, &asked.bucket);
    assert_false(end_round(d, sync));
    assert_int_equal(rows_count(&d->an, BOOK_DELIVERED), 3); /* until a backup has it */
    sotay_sync_free(sync);
}

/* What is left of a lost bucket comes last, hides nothing when no answer comes, and does not stay
 * once the office has it. */
static void test_of_a_lost_bucket(void **state)
{
    desk *d = *state;
    st_repair_ask asked;
    put_many(d, 2);
    put_other(d, false);
    sotay_sync *sync = begin(d);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 2);
    take(d, sync, &asked.bucket);
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 1);
    assert_string_equal(asked.bucket.s, OTHER_BUCKET);
    assert_int_equal(asked.cursor, 0);
    assert_false(end_round(d, sync)); /* an older server: not for ever */
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 1);
    sync->evidence.has_asked = false;
    assert_true(end_round(d, sync));
    assert_int_equal(ask(d, sync, &asked), 1);
    take(d, sync, &asked.bucket);
    assert_false(end_round(d, sync));
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 0);
    assert_int_equal(rows_count(&d->an, BOOK_DELIVERED), 2);
    sotay_sync_free(sync);
}

/* Rows that are nothing are passed over, and hide no other; what the log has goes. */
static void test_rows_that_are_not_shown(void **state)
{
    desk *d = *state;
    st_repair_ask asked;
    static uint8_t large[ST_REPAIR_STATE_MAX + 1];
    static stored_row row;
    st_record known;
    book_key key;
    put_many(d, 3);
    key = handmade_aside_key(&(st_id){ { 0 } }, 9);
    rows_put(&d->an, &key, "half", 4);
    key = handmade_aside_key(&(st_id){ { 0, 0, 0, 0x70 } }, 9);
    rows_put(&d->an, &key, large, sizeof large);
    size_t n = 0;
    do { /* a record of the catalogue: the log has all it says */
        assert_true(rows_get(&d->an, BOOK_BASE, n++, &row));
        assert_int_equal(st_record_decode(row.data, row.len, &d->h.arena, &known, NULL), ST_OK);
    } while (strcmp(known.bucket.s, EDGE_COMMUNE "/catalogue") != 0);
    key = handmade_aside_key(&known.id, 0);
    rows_put(&d->an, &key, row.data, row.len);
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 6);
    sotay_sync *sync = begin(d);
    assert_true(end_round(d, sync));
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 5);
    assert_int_equal(ask(d, sync, &asked), 3);
    take(d, sync, &asked.bucket);
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 2);
    assert_false(end_round(d, sync));
    assert_int_equal(rows_count(&d->an, BOOK_EVIDENCE), 2); /* nothing is thrown away */
    sotay_sync_free(sync);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_no_kept_set_says),
        CASE(test_sets_that_are_near),
        CASE(test_what_the_log_has_before_the_cut),
        CASE(test_records_that_are_none_of_it),
        CASE(test_large_records),
        CASE(test_a_bucket_is_forgotten),
        CASE(test_shown_until_the_office_has_it),
        CASE(test_it_comes_last),
        CASE(test_not_too_much_at_once),
        CASE(test_one_bucket_at_a_time),
        CASE(test_of_a_lost_bucket),
        CASE(test_rows_that_are_not_shown),
    };
    return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
