/* What must hold in the commune: however much was written without signal, all of it gets out: the
 * outbox cuts it into sets that the frozen limits allow, and never stands still before one. */
#include <stdio.h>

#include "client-lib/src/outbox.h"
#include "tests/unit/client-lib/rows.h"

static const char CODES[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* Seals all that waits. 0: with the usual bounds. */
static void flush(phone *p, size_t bytes_max, uint32_t changes_max)
{
    outbox_seal seal;
    outbox_seal_init(&seal);
    seal.bytes_max = bytes_max > 0 ? bytes_max : seal.bytes_max;
    seal.changes_max = changes_max > 0 ? changes_max : seal.changes_max;
    for (;;) {
        st_err err = outbox_flush(&seal, p->client, NULL);
        if (err != ST_PENDING) {
            assert_int_equal(err, ST_OK);
            break;
        }
        assert_int_equal(sotay_memory_settle(&p->port, p->client, SOTAY_OK, NULL), SOTAY_OK);
    }
    assert_int_equal(rows_count(p, BOOK_CHANGE), 0);
    outbox_seal_free(&seal);
}

static size_t own_sets(phone *p)
{
    return rows_count(p, BOOK_OWN);
}

/* A visit with a topic for every pair of letters: few bytes, many fields. */
static sotay_id many_topics(phone *p)
{
    char *list = malloc(3 * 62 * 62 + 1);
    size_t len = 0;
    for (size_t i = 0; i < 62; i++) {
        for (size_t k = 0; k < 62; k++) {
            list[len++] = CODES[i];
            list[len++] = CODES[k];
            list[len++] = ',';
        }
    }
    list[len - 1] = '\0';
    const sotay_pair values[] = { { "visit_kind", "kiem_tra" }, { "topics", list } };
    const sotay_pairs pairs = { values, 2 };
    sotay_id id;
    assert_int_equal(sotay_record_new(p->client, "visit", EDGE_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    free(list);
    return id;
}

/* In a set of any length: what does not fit is cut in halves until it does. */
static void test_more_fields_than_a_set_may_have(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    for (int i = 0; i < 14; i++)
        (void)many_topics(&an);
    flush(&an, SIZE_MAX / 2, 0);
    assert_true(own_sets(&an) >= 2 && own_sets(&an) < 14);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 14);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* More changes than a set may have, in one sync. */
static void test_more_changes_than_a_set_may_have(void **state)
{
    (void)state;
    phone an;
    char text[32] = "";
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    for (int i = 0; i < 1100; i++) {
        if (i % 50 == 49)
            visit = phone_visit(&an, "chợ");
        (void)snprintf(text, sizeof text, "lần %d", i);
        assert_int_equal(phone_set(&an, &visit, "place", text), SOTAY_OK);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 1123);
    assert_true(e->sets_taken >= 2);
    assert_true(phone_says(&an, sotay_show, &visit, text));
    phone_part(e, &an, NULL);
}

/* Notes of the full length until no set holds two of them. */
static void test_large_values(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    char *note = malloc(4000 * 3 + 1);
    for (size_t i = 0; i < 4000; i++)
        memcpy(note + 3 * i, "ế", 3);
    note[12000] = '\0';
    for (int i = 0; i < 100; i++) {
        sotay_id visit = phone_visit(&an, "chợ");
        assert_int_equal(phone_set(&an, &visit, "general_note", note), SOTAY_OK);
        assert_int_equal(phone_set(&an, &visit, "ratings.a1.evidence", "ngắn"), SOTAY_OK);
    }
    free(note);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 300);
    phone_part(e, &an, NULL);
}

/* The clock jumps: back to 1970, on to 2199, back; the boot changes in the middle. */
static void test_jumping_clocks(void **state)
{
    (void)state;
    static const int64_t WALLS[] = { PHONE_WALL_MS, 0, INT64_C(7226582400000), -86400000,
                                     PHONE_WALL_MS };
    phone an, binh;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    char text[32] = "";
    for (size_t i = 0; i < 5; i++) {
        sotay_memory_clock(&an.port, WALLS[i], i == 2 ? 5 : 1000 + i);
        if (i % 2 == 1)
            phone_crash(&an, false);
        (void)snprintf(text, sizeof text, "lần %d", (int)i);
        assert_int_equal(phone_set(&an, &visit, "place", text), SOTAY_OK);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 6);
    st_hlc last = 0;
    for (size_t i = 0; i < e->entries_count; i++) {
        st_set set;
        if (st_id_cmp(&e->entries[i].device, &e->devices[1].id) != 0)
            continue;
        assert_int_equal(st_set_decode(e->entries[i].entry.set, e->entries[i].entry.set_len,
                                       &e->arena, &set, NULL),
                         ST_OK);
        for (uint32_t k = 0; k < set.changes_count; k++) {
            assert_true(set.changes[k].hlc > last);
            last = set.changes[k].hlc;
        }
    }
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "place", "của bình"), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"value\":\"của bình\""));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"value\":\"của bình\""));
    phone_part(e, &an, &binh);
}

/* ---- how runs are cut ---- */

/* A set is of one scope, one role and one boot, and has no hole: where that changes the next one
 * begins. All of them are taken. */
static void test_a_set_is_of_one_kind(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        static stored_row row;
        phone an;
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "chợ");
        assert_int_equal(phone_set(&an, &visit, "place", "đền"), SOTAY_OK);
        if (how == 1)
            an.client->me.scope_rev++;
        if (how == 2) {
            sotay_memory_clock(&an.port, PHONE_WALL_MS, 1); /* another boot */
            phone_reopen(&an);
        }
        assert_int_equal(phone_set(&an, &visit, "place", "bến"), SOTAY_OK);
        if (how == 3) { /* the one between is gone */
            assert_true(rows_get(&an, BOOK_CHANGE, 1, &row));
            rows_delete(&an, &row.key);
            assert_true(rows_get(&an, BOOK_OVER, 1, &row));
            rows_delete(&an, &row.key);
        }
        flush(&an, 0, 0);
        assert_int_equal(own_sets(&an), how == 0 ? 1 : how == 3 ? 3 : 2);
        if (how != 3) {
            assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
            assert_int_equal(e->devices[1].known, 3);
        }
        phone_part(e, &an, NULL);
    }
}

/* A phone whose keys lie outside the store, and sign later. */
static edge *phone_that_signs_later(phone *an)
{
    const edge_trouble trouble = { .pending = &an->port };
    edge *e = edge_new();
    memset(an, 0, sizeof *an);
    assert_int_equal(sotay_memory_open(77, &an->port, NULL), SOTAY_OK);
    sotay_memory_clock(&an->port, PHONE_WALL_MS, 5);
    sotay_memory_pending(&an->port, true, true);
    phone_open(an);
    assert_int_equal(edge_enrol(e, an->client, 0, &trouble), SOTAY_OK);
    assert_int_equal(edge_sync(e, an->client, &trouble, NULL), SOTAY_OK);
    return e;
}

/* So many changes as are asked for, each set signed by itself; also where each signature and each
 * save is finished later. */
static void test_sets_of_one_change(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        phone an;
        edge *e = later ? phone_that_signs_later(&an) : phone_alone(&an);
        const edge_trouble trouble = { .pending = &an.port };
        sotay_memory_pending(&an.port, false, later != 0);
        sotay_id visit = phone_visit(&an, "chợ");
        for (int i = 0; i < 4; i++)
            assert_int_equal(phone_set(&an, &visit, "place", i % 2 == 0 ? "A" : "B"), SOTAY_OK);
        sotay_memory_pending(&an.port, later != 0, later != 0);
        flush(&an, 0, 1);
        assert_int_equal(own_sets(&an), 5);
        assert_int_equal(edge_sync(e, an.client, &trouble, NULL), SOTAY_OK);
        assert_int_equal(e->devices[1].known, 5);
        phone_part(e, &an, NULL);
    }
}

/* ---- rows that are damaged ---- */

static void test_an_unsealed_change_that_is_two(void **state)
{
    static stored_row set, change;
    (void)state;
    phone an;
    sotay_sync *sync = NULL;
    sotay_request request;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(phone_set(&an, &visit, "place", "đền"), SOTAY_OK);
    flush(&an, 0, 0);
    size_t n = rows_count(&an, BOOK_SET);
    for (size_t i = 0; i < n; i++) { /* the set with both */
        assert_true(rows_get(&an, BOOK_SET, i, &set));
        if (memcmp(set.key.b + 1, an.client->me.device.b, 16) == 0)
            break;
    }
    assert_int_equal(phone_set(&an, &visit, "place", "bến"), SOTAY_OK);
    assert_true(rows_get(&an, BOOK_CHANGE, 0, &change));
    rows_put(&an, &change.key, set.data, set.len);
    assert_int_equal(sotay_sync_begin(an.client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, &an.error), SOTAY_E_CORRUPT);
    sotay_sync_free(sync);
    rows_put(&an, &change.key, change.data, change.len);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 3);
    phone_part(e, &an, NULL);
}

static void test_notes_of_sets_that_are_damaged(void **state)
{
    static stored_row row, bad;
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "chợ");
    flush(&an, 0, 0);
    assert_true(rows_get(&an, BOOK_OWN, 0, &row));
    for (int how = 0; how < 3; how++) {
        char *text = NULL;
        bad = row;
        if (how == 0)
            bad.len = 5;
        if (how == 1)
            bad.data[8] = OUTBOX_LOST + 1; /* no such state */
        if (how == 2) {
            rows_delete(&an, &row.key);
            bad.key.len -= 2;
        }
        rows_put(&an, &bad.key, bad.data, bad.len);
        assert_int_equal(sotay_status(an.client, SOTAY_JSON, &text, &an.error), SOTAY_E_CORRUPT);
        assert_non_null(strstr(an.error.detail, "own set is damaged"));
        assert_int_not_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        rows_delete(&an, &bad.key);
        rows_put(&an, &row.key, row.data, row.len);
    }
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->devices[1].known, 1);
    phone_part(e, &an, NULL);
}

/* ---- what a verdict leaves ---- */

/* Held without a reason, or for one that this program does not know: it waits all the same. */
static void test_held_without_a_reason(void **state)
{
    static const struct {
        outbox_status status;
        st_hold hold;     /* of the set */
        bool names;       /* the change, without a reason */
        overlay_status becomes;
        st_hold says;
    } CASES[] = {
        { OUTBOX_HELD, ST_HOLD_NONE, false, OVERLAY_HELD, ST_HOLD_CORRUPT },
        { OUTBOX_HELD, ST_HOLD_ROLE, false, OVERLAY_HELD, ST_HOLD_ROLE },
        { OUTBOX_HELD, ST_HOLD_ROLE, true, OVERLAY_HELD, ST_HOLD_WAITS },
        { OUTBOX_SENT, ST_HOLD_NONE, true, OVERLAY_HELD, ST_HOLD_WAITS },
        { OUTBOX_SENT, ST_HOLD_NONE, false, OVERLAY_SENT, ST_HOLD_NONE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        phone an;
        edge *e = phone_alone(&an);
        sotay_id visit = phone_visit(&an, "chợ");
        st_id record = phone_id(&visit);
        const st_dot dot = { an.client->me.device, 1 };
        const st_held held = { .counter = 1, .reason = ST_HOLD_NONE };
        const outbox_helds helds = { &held, CASES[i].names ? 1 : 0 };
        overlay_entry entry;
        outbox_set set;
        flush(&an, 0, 0);
        rows_begin(&an);
        assert_int_equal(outbox_get(&an.client->book, &dot.device, 1, &set, NULL), ST_OK);
        set.status = CASES[i].status;
        set.hold = CASES[i].hold;
        set.position = 40;
        assert_int_equal(outbox_settle(an.client, &set, NULL, helds, NULL), ST_OK);
        assert_int_equal(overlay_get(&an.client->book, &record, &dot, &entry, NULL), ST_OK);
        assert_int_equal(entry.status, CASES[i].becomes);
        assert_int_equal(entry.hold, CASES[i].says);
        client_abort(an.client);
        phone_part(e, &an, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_fields_than_a_set_may_have),
        cmocka_unit_test(test_more_changes_than_a_set_may_have),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_jumping_clocks),
        cmocka_unit_test(test_a_set_is_of_one_kind),
        cmocka_unit_test(test_sets_of_one_change),
        cmocka_unit_test(test_an_unsealed_change_that_is_two),
        cmocka_unit_test(test_notes_of_sets_that_are_damaged),
        cmocka_unit_test(test_held_without_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
