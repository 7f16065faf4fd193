/* tests/unit/client-lib/test_damage.c
 * A phone whose store is damaged, or was written by another program, says so: it never shows half a
 * value as a whole one, and never falls over. Each kind of row is cut at every length, grown by a
 * byte, and filled with what makes no sense, and everything is read then. */
#include "client-lib/src/book.h"
#include "client-lib/src/client.h"
#include "client-lib/src/vault.h"
#include "tests/unit/client-lib/phone.h"

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

/* A phone with a row of each kind, and a record of it. */
static sotay_id fill(edge *e, phone *an)
{
    phone_make(an, e, 0);
    sotay_id visit = phone_visit(an, "chợ");
    must(edge_sync(e, an->client, NULL, NULL));
    e->hold_next = ST_HOLD_ROLE;
    must(phone_set(an, &visit, "general_note", "bị giữ"));
    must(edge_sync(e, an->client, NULL, NULL));
    e->hold_next = ST_HOLD_NONE;
    must(phone_set(an, &visit, "place", "chưa gửi"));
    must(sotay_draft_put(an->client, &visit, "visit_date", "2026-03-11", NULL));
    return visit;
}

/* Whatever a phone answers about a damaged store, it is one of these. */
static bool is_said(int rc)
{
    return rc == SOTAY_OK || rc == SOTAY_E_CORRUPT || rc == SOTAY_E_VERSION ||
           rc == SOTAY_E_NOT_FOUND || rc == SOTAY_E_TOO_LARGE || rc == SOTAY_E_VALUE ||
           rc == SOTAY_E_STATE || rc == SOTAY_E_DENIED || rc == SOTAY_E_SIGNATURE;
}

/* Reads and does everything; returns whether some call said that the store is damaged. */
static bool read_all(edge *e, phone *p, const sotay_id *visit)
{
    static const sotay_filter SEARCH = { NULL, NULL, NULL, "cho" };
    char *text[7] = { NULL };
    int rc[10];
    sotay_sync *sync = NULL;
    rc[0] = sotay_show(p->client, visit, SOTAY_JSON, &text[0], NULL);
    rc[1] = sotay_history(p->client, visit, SOTAY_JSON, &text[1], NULL);
    rc[2] = sotay_list(p->client, &SEARCH, SOTAY_JSON, &text[2], NULL);
    rc[3] = sotay_conflicts(p->client, SOTAY_JSON, &text[3], NULL);
    rc[4] = sotay_status(p->client, SOTAY_JSON, &text[4], NULL);
    rc[5] = sotay_draft_get(p->client, visit, SOTAY_JSON, &text[5], NULL);
    rc[6] = sotay_record_review(p->client, visit, SOTAY_JSON, &text[6], NULL);
    rc[7] = phone_set(p, visit, "place", "lại");
    rc[8] = sotay_draft_commit(p->client, visit, NULL);
    rc[9] = sotay_sync_begin(p->client, &sync, NULL);
    if (rc[9] == SOTAY_OK) {
        sotay_request request;
        uint8_t *body = NULL;
        size_t len = 0;
        bool again = false;
        rc[9] = sotay_sync_next(sync, &request, NULL);
        if (rc[9] == SOTAY_OK) {
            uint64_t counter = e->devices[1].counter;
            int status = edge_answer(e, &request, &body, &len);
            e->devices[1].counter = counter;
            rc[9] = sotay_sync_feed(sync, body, len, NULL);
            if (rc[9] == SOTAY_OK)
                rc[9] = sotay_sync_end(sync, status, &again, NULL);
            free(body);
        }
        sotay_sync_free(sync);
    }
    bool damaged = false;
    for (size_t i = 0; i < 10; i++) {
        if (!is_said(rc[i]))
            fail_msg("call %d says %s", (int)i, sotay_code_name((sotay_code)rc[i]));
        damaged = damaged || rc[i] == SOTAY_E_CORRUPT || rc[i] == SOTAY_E_VERSION;
    }
    for (size_t i = 0; i < 7; i++) {
        damaged = damaged || (text[i] != NULL && strstr(text[i], "\"unread\":true") != NULL);
        sotay_text_free(text[i]);
    }
    return damaged;
}

/* Up to MANY rows of a kind. */
#define MANY 40
typedef struct {
    book_key key;
    uint8_t data[4096];
    size_t len;
} row;

static size_t find_rows(const phone *an, book_table table, row *rows)
{
    book_db book;
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    size_t count = 0;
    st_arena_init(&arena, 8u << 20);
    book_init(&book, &an->port);
    assert_int_equal(book_begin(&book, false, NULL), ST_OK);
    assert_int_equal(vault_open(&book, NULL, NULL), ST_OK);
    while (count < MANY && book_scan_next(&book, &scan, &arena, &value, NULL) == ST_OK) {
        if (value.len > sizeof rows->data)
            continue;
        rows[count].key = scan.at;
        rows[count].len = value.len;
        memcpy(rows[count++].data, value.data, value.len);
    }
    book_reset(&book);
    st_arena_reset(&arena);
    return count;
}

/* A copy of the phone with this value in the row. */
static void damage(const phone *an, phone *p, const book_key *key, const uint8_t *data, size_t len)
{
    book_db book;
    memset(p, 0, sizeof *p);
    must(sotay_memory_copy(&an->port, false, &p->port, NULL));
    book_init(&book, &p->port);
    assert_int_equal(book_begin(&book, true, NULL), ST_OK);
    assert_int_equal(vault_open(&book, NULL, NULL), ST_OK);
    assert_int_equal(book_put(&book, key, data, len, NULL), ST_OK);
    assert_int_equal(book_commit(&book, false, NULL), ST_OK);
    book_reset(&book);
}

/* One row cut; true when the phone says that something is wrong. */
static bool is_noticed(edge *e, const phone *an, const sotay_id *visit, const row *one, size_t cut)
{
    const sotay_open_how how = { NULL, false, "en", 420 };
    phone p;
    damage(an, &p, &one->key, one->data, cut);
    int rc = sotay_open(&p.port, &how, &p.client, NULL);
    assert_true(is_said(rc));
    bool noticed = rc != SOTAY_OK || read_all(e, &p, visit);
    phone_free(&p);
    return noticed;
}

static void test_a_damaged_row_is_said(void **state)
{
    static const struct {
        const char *why;
        book_table table;
    } CASES[] = {
        { "who the phone is", BOOK_SELF },
        { "the note of an own change", BOOK_OVER },
        { "the note of an own set", BOOK_OWN },
        { "a kept set", BOOK_SET },
        { "a change that is not sealed", BOOK_CHANGE },
        { "a bucket", BOOK_BUCKET },
        { "its vector", BOOK_VECTOR },
        { "a row of the list", BOOK_ROW },
        { "a working copy", BOOK_DRAFT },
        { "a line of a history", BOOK_HIST },
        { "a record", BOOK_BASE },
    };
    static row rows[MANY];
    edge *e = edge_new();
    phone an;
    (void)state;
    sotay_id visit = fill(e, &an);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int noticed = 0, tried = 0;
        size_t count = find_rows(&an, CASES[i].table, rows);
        for (size_t at = 0; at < count; at++)
            for (size_t part = 0; part < 6; part++, tried++) {
                size_t cut = part < 5 ? rows[at].len * part / 5 : rows[at].len - 1;
                noticed += is_noticed(e, &an, &visit, &rows[at], cut) ? 1 : 0;
            }
        print_message("  case: %s: %d of %d cuts noticed\n", CASES[i].why, noticed, tried);
        assert_true(noticed > 0);
    }
    phone_free(&an);
    edge_free(e);
}

/* ---- rows under keys, or of lengths, that no program writes ---- */

static int ask_status(edge *e, phone *p)
{
    char *text = NULL;
    (void)e;
    int rc = sotay_status(p->client, SOTAY_JSON, &text, &p->error);
    sotay_text_free(text);
    return rc;
}

static int ask_sync(edge *e, phone *p)
{
    return edge_sync(e, p->client, NULL, NULL);
}

/* It goes on, and a person hears of it. */
static int ask_person(edge *e, phone *p)
{
    sotay_report report = { 0 };
    int rc = edge_sync(e, p->client, NULL, &report);
    return rc == SOTAY_OK && report.needs_person ? SOTAY_E_CORRUPT : rc;
}

/* Such a row is never passed over in silence, whoever comes to it. */
static void test_rows_of_another_shape(void **state)
{
    static uint8_t many[17 + 32 * (ST_CHUNKS_MAX + 1)];
    static const struct {
        const char *why;
        book_table table;
        size_t key_len, value_len;
        uint8_t first; /* byte of the value */
        int (*ask)(edge *e, phone *p);
    } CASES[] = {
        { "a bucket without a name", BOOK_BUCKET, 0, 60, 0, ask_sync },
        { "a file of no pieces", BOOK_ATTACH, 32, 17, 0, ask_status },
        { "a file of half a piece", BOOK_ATTACH, 32, 17 + 16, 0, ask_status },
        { "a file of too many pieces", BOOK_ATTACH, 32, sizeof many, 0, ask_status },
        { "a file of a kind that is none", BOOK_ATTACH, 32, 17 + 32, 9, ask_status },
        { "a file of no record", BOOK_ATTACH, 31, 17 + 32, 0, ask_status },
        { "a working copy of no record", BOOK_DRAFT, 15, 5, 0, ask_person },
        { "an own set of no device", BOOK_OWN, 20, 40, 0, ask_sync },
    };
    edge *e = edge_new();
    phone an;
    (void)state;
    (void)fill(e, &an);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        phone p;
        book_key key = book_key_of(CASES[i].table);
        memset(key.b + 1, 'x', CASES[i].key_len);
        key.len = 1 + CASES[i].key_len;
        many[0] = CASES[i].first;
        damage(&an, &p, &key, many, CASES[i].value_len);
        phone_open(&p);
        int rc = CASES[i].ask(e, &p);
        if (rc != SOTAY_E_CORRUPT)
            fail_msg("%s: %s: %s", CASES[i].why, sotay_code_name((sotay_code)rc), p.error.detail);
        phone_free(&p);
    }
    phone_free(&an);
    edge_free(e);
}

/* What a test asks to be damaged has to be there. */
static void test_damage_that_is_asked_for(void **state)
{
    phone an;
    (void)state;
    edge *e = edge_new();
    sotay_id visit = fill(e, &an), nowhere;
    memset(&nowhere, 9, sizeof nowhere);
    assert_int_equal(sotay_debug_damage(an.client, &nowhere, SOTAY_DAMAGE_VALUE, &an.error),
                     SOTAY_E_NOT_FOUND);
    assert_string_not_equal(an.error.detail, "");
    for (int i = 0; i < 2; i++) /* one time a text, one time the number that it became */
        must(sotay_debug_damage(an.client, &visit, SOTAY_DAMAGE_VALUE, &an.error));
    sotay_report report = { 0 };
    must(edge_sync(e, an.client, NULL, &report));
    assert_true(report.repaired_buckets > 0);
    assert_true(phone_says(&an, sotay_show, &visit, "{\"value\":\"" EDGE_UNIT "\""));
    must(edge_sync(e, an.client, NULL, &report));
    assert_int_equal(report.repaired_buckets, 0);
    phone_free(&an);
    edge_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_damaged_row_is_said),
        cmocka_unit_test(test_rows_of_another_shape),
        cmocka_unit_test(test_damage_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
