/* tests/unit/client-lib/test_words.c
 * What a phone says and fills in where a form, a row or the office left something out: a rule
 * without a message, a record of a form that is not here any more, a list whose search text is
 * missing, an owner's row of an older program. Both languages say it. */
#include "client-lib/src/exchange.h"
#include "tests/unit/client-lib/forms.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

static void reopen_in(phone *p, const char *lang)
{
    const sotay_open_how how = { NULL, false, lang, 420 };
    sotay_close(p->client);
    must(sotay_open(&p->port, &how, &p->client, NULL));
}

/* ---- rules ---- */

/* Newer than the form that the catalogue has, with a rule for the place. */
static void put_rule(phone *p, uint32_t version, const char *vi, const char *en)
{
    static st_field fields[32];
    size_t count = 0;
    const st_form *forms = edge_forms(&count);
    while (strcmp(forms->name, "visit") != 0)
        forms++;
    assert_true(forms->fields_count <= LEN(fields));
    memcpy(fields, forms->fields, forms->fields_count * sizeof fields[0]);
    st_form form = *forms;
    form.version = version;
    form.fields = fields;
    for (uint32_t i = 0; i < form.fields_count; i++)
        if (strcmp(fields[i].name, "place") == 0) {
            fields[i].constraint = ". != 'sai'";
            fields[i].message_vi = vi;
            fields[i].message_en = en;
        }
    forms_put(p, &form);
}

static void test_a_rule_says_why(void **state)
{
    static const struct {
        const char *vi, *en, *lang, *says;
    } CASES[] = {
        { "Ghi tên thật.", "Its real name.", "vi", "Ghi tên thật." },
        { "Ghi tên thật.", "Its real name.", "en", "Its real name." },
        { NULL, NULL, "vi", "không đúng quy định" },
        { NULL, NULL, "en", "does not fit the rule" },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an;
        edge *e = phone_alone(&an);
        put_rule(&an, 2, CASES[i].vi, CASES[i].en);
        reopen_in(&an, CASES[i].lang);
        sotay_id visit = phone_visit(&an, "sai");
        for (int format = 0; format < 2; format++) {
            char *text = NULL;
            must(sotay_record_review(an.client, &visit, format == 0 ? SOTAY_TEXT : SOTAY_JSON,
                                     &text, NULL));
            if (strstr(text, CASES[i].says) == NULL)
                fail_msg("no '%s' in %s", CASES[i].says, text);
            sotay_text_free(text);
        }
        assert_int_equal(sotay_record_finalise(an.client, &visit, &an.error), SOTAY_E_STATE);
        assert_non_null(strstr(an.error.detail, "does not fit the rule"));
        must(phone_set(&an, &visit, "place", "đền"));
        must(sotay_record_finalise(an.client, &visit, NULL));
        phone_part(e, &an, NULL);
    }
}

/* ---- lists ---- */

static void must_list(phone *p, const sotay_filter *filter, const char *first, const char *then)
{
    char *text = NULL;
    must(sotay_list(p->client, filter, SOTAY_TEXT, &text, NULL));
    const char *a = strstr(text, first);
    const char *b = then == NULL ? "" : strstr(text, then);
    if (a == NULL || b == NULL || (then != NULL && a > b))
        fail_msg("'%s', then '%s': %s", first, then == NULL ? "" : then, text);
    sotay_text_free(text);
}

static void test_the_newest_first(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id old = phone_visit(&an, "đền cũ");
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 60000, 2000);
    (void)phone_visit(&an, "đền mới");
    must_list(&an, NULL, "đền mới", "đền cũ");
    sotay_memory_clock(&an.port, PHONE_WALL_MS + 120000, 3000);
    must(phone_set(&an, &old, "general_note", "sửa"));
    must_list(&an, NULL, "đền cũ", "đền mới");
    phone_part(e, &an, NULL);
}

/* A form that is gone, or of a newer program: what was written by it is work, and is listed. */
static void test_records_of_a_form_that_cannot_be_read(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        phone an;
        edge *e = phone_alone(&an);
        const book_key key = forms_key("visit", 1), newer = forms_key("visit", 9);
        (void)phone_visit(&an, "đền");
        must(edge_sync(e, an.client, NULL, NULL));
        if (gone)
            rows_delete(&an, &key);
        else
            rows_put(&an, &newer, "no form", 7);
        reopen_in(&an, "vi");
        must_list(&an, NULL, "đền", NULL);
        phone_part(e, &an, NULL);
    }
}

/* The search text of a record is missing: it is not found by its words, and listed all the same. */
static void test_a_missing_search_text(void **state)
{
    static const sotay_filter SEARCH = { NULL, NULL, NULL, "den" };
    (void)state;
    phone an;
    char *text = NULL;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "đền");
    must_list(&an, &SEARCH, "đền", NULL);
    rows_clear(&an, BOOK_FOLD);
    must(sotay_list(an.client, &SEARCH, SOTAY_TEXT, &text, NULL));
    assert_null(strstr(text, "đền"));
    sotay_text_free(text);
    must_list(&an, NULL, "đền", NULL);
    phone_part(e, &an, NULL);
}

/* ---- what the program fills in ---- */

static bool shows(phone *p, const sotay_id *record, const char *text)
{
    char *json = NULL;
    must(sotay_show(p->client, record, SOTAY_JSON, &json, NULL));
    bool found = strstr(json, text) != NULL;
    sotay_text_free(json);
    return found;
}

static sotay_id new_visit(phone *p, const char *unit, const sotay_pair *pairs, size_t count)
{
    sotay_id id;
    must(sotay_record_new(p->client, "visit", unit, (sotay_pairs){ pairs, count }, &id, &p->error));
    return id;
}

static void test_what_is_filled_in(void **state)
{
    static const sotay_pair KIND[] = { { "visit_kind", "kiem_tra" } };
    static const sotay_pair GIVEN[] = { { "visit_kind", "kiem_tra" },
                                        { "field_code", "X-9" },
                                        { "movement_id", "kh99" },
                                        { "unit_id", EDGE_UNIT } };
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id id = new_visit(&an, EDGE_UNIT, KIND, 1);
    assert_true(shows(&an, &id, "\"TK-001\"") && shows(&an, &id, "\"kh07\""));
    id = new_visit(&an, EDGE_UNIT, GIVEN, LEN(GIVEN)); /* what is given stays */
    assert_true(shows(&an, &id, "\"X-9\"") && shows(&an, &id, "\"kh99\""));
    id = new_visit(&an, EDGE_UNIT, KIND, 1); /* and uses up no number */
    assert_true(shows(&an, &id, "\"TK-002\""));
    rows_begin(&an);
    an.client->next.letters[0] = '\0'; /* nobody gave this person letters for his slips */
    rows_commit(&an);
    id = new_visit(&an, EDGE_UNIT, KIND, 1);
    assert_false(shows(&an, &id, "\"field_code\""));
    book_key key = book_key_text(BOOK_NAME, "movement"); /* a second one: a person has to say */
    book_key_bytes(&key, "\0kh08", 5);
    rows_put(&an, &key, "\0\0\0\0\0\0\0\0", 8);
    id = new_visit(&an, EDGE_UNIT, KIND, 1);
    assert_false(shows(&an, &id, "\"movement_id\""));
    phone_part(e, &an, NULL);
}

/* In a browser a new record, and a new item, have their ids before they are saved. */
static void test_ids_before_the_save(void **state)
{
    static const sotay_pair FINDING = { "text", "mất sóng" };
    static const sotay_pair KIND = { "visit_kind", "kiem_tra" };
    (void)state;
    phone an;
    sotay_id id;
    char item[SOTAY_ITEM_TEXT] = "";
    edge *e = phone_alone(&an);
    sotay_memory_pending(&an.port, true, false);
    int rc = sotay_record_new(an.client, "visit", EDGE_UNIT, (sotay_pairs){ &KIND, 1 }, &id, NULL);
    assert_int_equal(rc, SOTAY_PENDING);
    must(sotay_memory_settle(&an.port, an.client, SOTAY_OK, NULL));
    assert_true(shows(&an, &id, "kiem_tra"));
    rc = sotay_item_new(an.client, &id, "findings", (sotay_pairs){ &FINDING, 1 }, item, NULL);
    assert_int_equal(rc, SOTAY_PENDING);
    must(sotay_memory_settle(&an.port, an.client, SOTAY_OK, NULL));
    assert_true(strlen(item) > 0 && shows(&an, &id, "mất sóng"));
    sotay_memory_pending(&an.port, false, false);
    phone_part(e, &an, NULL);
}

/* ---- what a sync reports ---- */

static void test_files_in_the_report(void **state)
{
    static const struct {
        const char *lang, *sent, *fetched;
    } CASES[] = {
        { "vi", "tệp đính kèm: đã gửi 3, còn chờ 2\n", "bản gốc: đã tải về 1, còn chờ tải 4\n" },
        { "en", "files: 3 sent, 2 still here\n", "originals: 1 fetched, 4 still wanted\n" },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an;
        sotay_sync *sync = NULL;
        char *text = NULL;
        edge *e = phone_alone(&an);
        reopen_in(&an, CASES[i].lang);
        must(sotay_sync_begin(an.client, &sync, NULL));
        must(sotay_sync_report_text(sync, SOTAY_TEXT, &text, NULL));
        assert_null(strstr(text, CASES[i].sent));
        sotay_text_free(text);
        sync->report.attachments_sent = 3;
        sync->report.attachments_waiting = 2;
        sync->report.attachments_fetched = 1;
        sync->report.attachments_wanted = 4;
        must(sotay_sync_report_text(sync, SOTAY_TEXT, &text, NULL));
        if (strstr(text, CASES[i].sent) == NULL || strstr(text, CASES[i].fetched) == NULL)
            fail_msg("%s", text);
        sotay_text_free(text);
        sotay_sync_free(sync);
        phone_part(e, &an, NULL);
    }
}

/* Both verbs say it, and what to do; not when nothing waits. */
static void test_an_office_that_takes_no_more_files(void **state)
{
    static const struct {
        const char *lang, *says;
    } CASES[] = {
        { "vi", "! Văn phòng đã nhận đủ dung lượng tệp của máy này: các tệp còn lại vẫn giữ trên"
                " máy. Hãy đề nghị văn phòng tăng hạn mức rồi gửi nhận lại." },
        { "en", "! The office takes no more bytes of files from this device: the rest stays here."
                " Please ask the office to raise the limit, then sync again." },
    };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an;
        sotay_sync *sync = NULL;
        char *text = NULL;
        edge *e = phone_alone(&an);
        reopen_in(&an, CASES[i].lang);
        must(sotay_sync_begin(an.client, &sync, NULL));
        an.client->me.files_full = true;
        must(sotay_sync_report_text(sync, SOTAY_TEXT, &text, NULL));
        assert_null(strstr(text, CASES[i].says));
        sotay_text_free(text);
        sync->report.attachments_waiting = 1;
        must(sotay_sync_report_text(sync, SOTAY_TEXT, &text, NULL));
        if (strstr(text, CASES[i].says) == NULL)
            fail_msg("%s", text);
        sotay_text_free(text);
        sync->report.attachments_full = true;
        must(sotay_sync_report_text(sync, SOTAY_JSON, &text, NULL));
        assert_non_null(strstr(text, "\"full\":true"));
        sotay_text_free(text);
        sotay_sync_free(sync);
        phone_part(e, &an, NULL);
    }
}

/* ---- the owner's row ---- */

/* Does a copy of the store open with this row of its owner? */
static int open_with_row(phone *p, const stored_row *row, size_t len)
{
    phone copy;
    memset(&copy, 0, sizeof copy);
    rows_put(p, &row->key, row->data, len);
    must(sotay_memory_copy(&p->port, false, &copy.port, NULL));
    rows_put(p, &row->key, row->data, row->len);
    const sotay_open_how how = { NULL, false, "vi", 420 };
    int rc = sotay_open(&copy.port, &how, &copy.client, NULL);
    if (rc == SOTAY_OK)
        phone_free(&copy);
    else
        sotay_port_close(&copy.port);
    return rc;
}

/* Rows of older programs end where those knew no more: they open. One that ends between is
 * damaged, as is one that goes on behind the end, or says what cannot be. */
static void test_the_owners_row(void **state)
{
    static stored_row row, odd;
    (void)state;
    phone an;
    size_t opens = 0;
    edge *e = phone_alone(&an);
    assert_true(rows_get(&an, BOOK_SELF, 0, &row));
    for (size_t len = 1; len < row.len; len++) {
        int rc = open_with_row(&an, &row, len);
        assert_true(rc == SOTAY_OK || rc == SOTAY_E_CORRUPT);
        opens += rc == SOTAY_OK ? 1 : 0;
    }
    assert_in_range(opens, 3, 22);
    row.data[row.len] = 0;
    assert_int_equal(open_with_row(&an, &row, row.len + 1), SOTAY_E_CORRUPT);
    must(open_with_row(&an, &row, row.len));
    rows_begin(&an);
    an.client->next.standing = ST_STANDING_REVOKED + 1;
    rows_commit(&an);
    assert_true(rows_get(&an, BOOK_SELF, 0, &odd));
    assert_int_equal(open_with_row(&an, &odd, odd.len), SOTAY_E_CORRUPT);
    rows_begin(&an);
    an.client->next.standing = ST_STANDING_IN_USE;
    rows_commit(&an);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rule_says_why),
        cmocka_unit_test(test_the_newest_first),
        cmocka_unit_test(test_records_of_a_form_that_cannot_be_read),
        cmocka_unit_test(test_a_missing_search_text),
        cmocka_unit_test(test_what_is_filled_in),
        cmocka_unit_test(test_ids_before_the_save),
        cmocka_unit_test(test_files_in_the_report),
        cmocka_unit_test(test_an_office_that_takes_no_more_files),
        cmocka_unit_test(test_the_owners_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
