/* tests/unit/client-lib/test_enrol.c
 * A phone joins by a link; a lost answer costs nothing; a copied or newly keyed phone takes its
 * unsent work along, and nothing of it is lost or doubled. */
#include <stdio.h>

#include "client-lib/src/overlay.h"
#include "tests/unit/client-lib/rows.h"

static void test_links(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "http://x",
        "http://127.0.0.1:1/field/#e=",
        "http://127.0.0.1:1/field/#e=abc",
        "ftp://127.0.0.1/field/#e=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    phone p;
    edge *e = edge_new();
    char good[128], bad[600];
    sotay_sync *sync = NULL;
    phone_new(&p, 1);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(sotay_enrol_begin(p.client, BAD[i], NULL, &sync, NULL), SOTAY_E_VALUE);
    edge_link(e, 0, good);
    const char *code = strstr(good, "#e=");
    (void)snprintf(bad, sizeof bad, "http://127.0.0.1:1/%s", code); /* no page */
    assert_int_equal(sotay_enrol_begin(p.client, bad, NULL, &sync, NULL), SOTAY_E_VALUE);
    (void)snprintf(bad, sizeof bad, "http://127.0.0.1:1/%s/field/", code); /* behind the code */
    assert_int_equal(sotay_enrol_begin(p.client, bad, NULL, &sync, NULL), SOTAY_E_VALUE);
    (void)snprintf(bad, sizeof bad, "https://%0300d/field/%s", 1, code); /* a name too long */
    assert_int_equal(sotay_enrol_begin(p.client, bad, NULL, &sync, NULL), SOTAY_E_VALUE);
    (void)snprintf(bad, sizeof bad, "https://h/field/%s", code);
    assert_int_equal(sotay_enrol_begin(p.client, bad, NULL, &sync, NULL), SOTAY_OK);
    sotay_sync_free(sync);
    edge_free(e);
    assert_int_equal(sotay_sync_begin(p.client, &sync, NULL), SOTAY_E_STATE);
    sotay_id id;
    const sotay_pairs none = { NULL, 0 };
    assert_int_equal(sotay_record_new(p.client, "visit", EDGE_UNIT, none, &id, NULL),
                     SOTAY_E_STATE);
    phone_free(&p);
}

static void test_a_lost_answer_costs_nothing(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone p;
    char link[128];
    sotay_who who;
    sotay_sync *sync = NULL;
    const edge_trouble lost = { 1, 0, 0, NULL };
    phone_new(&p, 1);
    edge_link(e, 0, link);
    assert_int_equal(sotay_enrol_begin(p.client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(edge_run(e, p.client, sync, &lost, NULL), SOTAY_E_NETWORK);
    sotay_whoami(p.client, &who);
    assert_false(who.is_enrolled);
    phone_crash(&p, false);
    assert_int_equal(sotay_enrol_begin(p.client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(edge_run(e, p.client, sync, NULL, NULL), SOTAY_OK);
    sotay_whoami(p.client, &who);
    assert_true(who.is_enrolled);
    assert_false(who.is_copied);
    assert_string_equal(who.login, "an");
    assert_string_equal(who.url, "http://127.0.0.1:8080");
    assert_int_equal(e->devices_count, 2);
    sotay_id id; /* the first sync, which brings the book, comes after it */
    const sotay_pairs none = { NULL, 0 };
    assert_int_equal(sotay_record_new(p.client, "visit", EDGE_UNIT, none, &id, &p.error),
                     SOTAY_E_STATE);
    assert_non_null(strstr(p.error.detail, "chạy sync trước"));
    assert_int_equal(edge_sync(e, p.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_record_new(p.client, "none", EDGE_UNIT, none, &id, NULL),
                     SOTAY_E_VALUE);
    assert_int_equal(sotay_record_new(p.client, "visit", EDGE_UNIT, none, &id, NULL), SOTAY_OK);
    phone_free(&p);
    edge_free(e);
}

static void test_refusals(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone p;
    char link[128], other[128];
    sotay_who who;
    sotay_sync *sync = NULL;
    phone_new(&p, 1);
    edge_link(e, 0, link);
    edge_link(e, 0, other);
    assert_int_equal(sotay_enrol_begin(p.client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(edge_run(e, p.client, sync, NULL, NULL), SOTAY_E_ENROL);
    e->log_key[5] ^= 1; /* another server than the link names */
    assert_int_equal(sotay_enrol_begin(p.client, other, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(edge_run(e, p.client, sync, NULL, NULL), SOTAY_E_SIGNATURE);
    sotay_whoami(p.client, &who);
    assert_false(who.is_enrolled);
    e->log_key[5] ^= 1;
    assert_int_equal(edge_enrol(e, p.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_enrol(e, p.client, 1, NULL), SOTAY_E_DENIED);
    sotay_whoami(p.client, &who);
    assert_string_equal(who.login, "an");
    phone_free(&p);
    edge_free(e);
}

/* The folder of a phone was copied, both went on. Where the place shows it, the copy signs nothing
 * under the old name; else its branch is refused by the server. Either way its phone enrols again
 * and its work arrives under the new key. */
static void copy_brings_its_work(bool shows)
{
    phone an, copy;
    sotay_report report;
    sotay_who who;
    char item[SOTAY_ITEM_TEXT];
    memset(&copy, 0, sizeof copy);
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_memory_copy(&an.port, shows, &copy.port, NULL), SOTAY_OK);
    phone_open(&copy);
    sotay_whoami(copy.client, &who);
    assert_int_equal(who.is_copied, shows);

    assert_int_equal(edge_sync(e, copy.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.needs_person, shows); /* before anything went wrong: enrol again */

    assert_int_equal(phone_set(&an, &visit, "general_note", "máy thứ nhất"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);

    assert_int_equal(phone_set(&copy, &visit, "place", "máy thứ hai"), SOTAY_OK);
    sotay_id second = phone_visit(&copy, "làm trên bản sao");
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    assert_int_equal(sotay_item_new(copy.client, &second, "findings", one, item, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, copy.client, NULL, &report), SOTAY_OK);
    assert_true(report.needs_person);
    assert_int_equal(report.held, shows ? 0 : 1);
    sotay_whoami(copy.client, &who);
    assert_true(who.is_copied);
    assert_int_equal(phone_set(&copy, &second, "place", "sửa sau khi bị giữ"), SOTAY_OK);

    assert_int_equal(edge_enrol(e, copy.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, copy.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.held, 0);
    sotay_whoami(copy.client, &who);
    assert_false(who.is_copied);
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    assert_true(phone_says(&copy, sotay_show, &visit, "\"máy thứ hai\""));
    assert_true(phone_says(&copy, sotay_show, &visit, "\"máy thứ nhất\""));
    assert_true(phone_status_says(&copy, "\"ready\":0"));
    assert_true(phone_status_says(&copy, "\"held\":0"));
    const sotay_filter visits = { "visit", NULL, NULL, "sua sau khi" };
    char *json = NULL;
    assert_int_equal(sotay_list(copy.client, &visits, SOTAY_JSON, &json, NULL), SOTAY_OK);
    assert_non_null(strstr(json, "sửa sau khi bị giữ"));
    sotay_text_free(json);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"máy thứ hai\""));
    phone_free(&an);
    phone_free(&copy);
    edge_free(e);
}

static void test_a_copied_phone_brings_its_work(void **state)
{
    (void)state;
    copy_brings_its_work(true);
}

static void test_a_copy_that_nothing_shows_brings_its_work(void **state)
{
    (void)state;
    copy_brings_its_work(false);
}

static void test_a_new_key_keeps_what_was_sealed(void **state)
{
    (void)state;
    phone an;
    sotay_report report;
    const edge_trouble lost = { 1, 0, 0, NULL };
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, &lost, NULL), SOTAY_E_NETWORK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "sau đó"), SOTAY_OK);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, &report), SOTAY_OK);
    assert_int_equal(report.duplicate, 1);
    assert_int_equal(report.stored, 1);
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_PLACE), 1);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    assert_true(phone_says(&an, sotay_show, &visit, "\"sau đó\""));
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* Acts, items, sets and a working copy of a record that was never sent: all of it is the new
 * device's, in the same order and with the same effect. */
static void test_unsent_work_of_all_kinds_moves(void **state)
{
    (void)state;
    phone an, binh;
    char item[SOTAY_ITEM_TEXT];
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    assert_int_equal(sotay_item_new(an.client, &visit, "findings", one, item, NULL), SOTAY_OK);
    assert_int_equal(sotay_item_drop(an.client, &visit, "findings", item, NULL), SOTAY_OK);
    assert_int_equal(sotay_record_add(an.client, &visit, "topics", "n1", NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "một"), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "hai"), SOTAY_OK);
    assert_int_equal(sotay_record_withdraw(an.client, &visit, "nhầm", NULL), SOTAY_OK);
    assert_int_equal(sotay_record_reopen(an.client, &visit, "không nhầm", NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_put(an.client, &visit, "place", "đang gõ", NULL), SOTAY_OK);

    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_true(phone_says(&an, sotay_draft_get, &visit, "\"đang gõ\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"state\":\"draft\""));
    assert_true(phone_status_says(&an, "\"ready\":8"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    char *json = NULL;
    const sotay_filter visits = { "visit", NULL, "draft", NULL };
    assert_int_equal(sotay_list(binh.client, &visits, SOTAY_JSON, &json, NULL), SOTAY_OK);
    const char *at = strstr(json, "\"id\":\"");
    assert_non_null(at);
    char hex[33];
    memcpy(hex, at + 6, 32);
    hex[32] = '\0';
    sotay_text_free(json);
    sotay_id moved;
    assert_true(sotay_id_parse(hex, &moved));
    assert_memory_not_equal(&moved, &visit, sizeof moved);
    assert_true(phone_says(&binh, sotay_show, &moved, "\"open_conflicts\":0"));
    assert_true(phone_says(&binh, sotay_show, &moved, "\"hai\""));
    assert_false(phone_says(&binh, sotay_show, &moved, "\"một\""));
    assert_true(phone_says(&binh, sotay_show, &moved, "\"dropped\":true"));
    assert_true(phone_says(&binh, sotay_show, &moved, "\"n1\""));
    assert_true(phone_says(&binh, sotay_show, &moved, "\"đang gõ\""));
    phone_part(e, &an, &binh);
}

/* What is being typed over work that goes under a new name replaces it there too, in an item that
 * has a new name as well. */
static void test_what_is_typed_over_unsent_work_moves(void **state)
{
    (void)state;
    phone an, binh;
    char item[SOTAY_ITEM_TEXT], path[SOTAY_ITEM_TEXT + 32];
    edge *e = phone_pair(&an, &binh);
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(phone_set(&an, &visit, "general_note", "một"), SOTAY_OK);
    assert_int_equal(sotay_item_new(an.client, &visit, "findings", one, item, NULL), SOTAY_OK);
    snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(sotay_draft_put(an.client, &visit, path, "có sóng", NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "hai", NULL), SOTAY_OK);

    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_commit(an.client, &visit, &an.error), SOTAY_OK);
    assert_true(phone_says(&an, sotay_show, &visit, "\"open_conflicts\":0"));
    assert_true(phone_says(&an, sotay_show, &visit, "\"hai\""));
    assert_true(phone_says(&an, sotay_show, &visit, "\"có sóng\""));
    phone_part(e, &an, &binh);
}

/* Typed under an act of his own that was not sent: under the new key, too, the change that is made
 * of it names that act, by its new name. */
static void test_what_is_typed_under_an_unsent_act_moves(void **state)
{
    (void)state;
    phone an;
    st_set set;
    st_arena arena;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_record_withdraw(an.client, &visit, "nhầm", NULL), SOTAY_OK);
    assert_int_equal(sotay_record_reopen(an.client, &visit, "không nhầm", NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_put(an.client, &visit, "place", "xóm", NULL), SOTAY_OK);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(sotay_draft_commit(an.client, &visit, &an.error), SOTAY_OK);

    const st_dot reopen = { an.client->me.device, 2 }, made = { an.client->me.device, 3 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(client_begin(an.client, false, NULL), ST_OK);
    assert_int_equal(overlay_set_get(an.client, &made, 0, &arena, &set, NULL), ST_OK);
    client_abort(an.client);
    assert_int_equal(set.changes[0].under_count, 1);
    assert_int_equal(set.changes[0].under[0].kind, ST_ACT_OPEN);
    assert_true(st_dot_cmp(&set.changes[0].under[0].dot, &reopen) == 0);
    st_arena_reset(&arena);
    phone_part(e, &an, NULL);
}

/* What was agreed on over two values, and an item dropped with two texts in it, not sent yet: under
 * the new name they replace the same two. */
static void test_unsent_answers_to_two_values_move(void **state)
{
    (void)state;
    phone an, binh;
    char item[SOTAY_ITEM_TEXT], path[SOTAY_ITEM_TEXT + 32];
    edge *e = phone_pair(&an, &binh);
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    sotay_id visit = phone_visit(&an, "chợ");
    const st_id id = phone_id(&visit);
    assert_int_equal(sotay_item_new(an.client, &visit, "findings", one, item, NULL), SOTAY_OK);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, "general_note", "của an"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, "general_note", "của binh"), SOTAY_OK);
    assert_int_equal(phone_set(&an, &visit, path, "sóng yếu"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &visit, path, "không có sóng"), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 2);

    const sotay_resolution both = { "general_note", NULL, "cả hai", NULL, "đã hỏi lại" };
    assert_int_equal(sotay_record_resolve(an.client, &visit, &both, NULL), SOTAY_OK);
    assert_int_equal(sotay_item_drop(an.client, &visit, "findings", item, NULL), SOTAY_OK);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    assert_true(phone_says(&binh, sotay_show, &visit, "\"cả hai\""));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"dropped\":true"));
    phone_part(e, &an, &binh);
}

/* What the office has answered to a copy is read in both languages; while it waits there is the
 * fingerprint that the office compares. */
static void test_what_a_copy_is_told(void **state)
{
    static const struct {
        st_heir_state said;
        const char *vi, *en;
    } CASES[] = {
        { ST_HEIR_NONE, "cần đăng ký lại máy", "enrol it again\n  or sync" },
        { ST_HEIR_WAITS, "đang chờ văn phòng", "waits for the office" },
        { ST_HEIR_DECLINED, "không xác nhận khóa mới", "the office declined" },
        { ST_HEIR_FULL, "quá nhiều bản sao", "too many copies" },
    };
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "chợ");
    phone_crash(&an, true);
    for (size_t i = 0; i < 2 * sizeof CASES / sizeof CASES[0]; i++) {
        const sotay_open_how how = { NULL, false, i % 2 == 0 ? "vi" : "en", 420 };
        char *text = NULL;
        rows_begin(&an);
        an.client->next.heir = CASES[i / 2].said;
        (void)snprintf(an.client->next.heir_reason, sizeof an.client->next.heir_reason, "%s",
                       i / 2 == 0 ? "" : "đã hỏi qua điện thoại");
        rows_commit(&an);
        sotay_close(an.client);
        assert_int_equal(sotay_open(&an.port, &how, &an.client, NULL), SOTAY_OK);
        assert_int_equal(sotay_status(an.client, SOTAY_TEXT, &text, NULL), SOTAY_OK);
        assert_non_null(strstr(text, i % 2 == 0 ? CASES[i / 2].vi : CASES[i / 2].en));
        assert_int_equal(strstr(text, "qua điện thoại") != NULL, i / 2 > 0);
        assert_int_equal(strstr(text, i % 2 == 0 ? "dấu vân tay khóa mới"
                                                 : "fingerprint of the new key") != NULL,
                         CASES[i / 2].said == ST_HEIR_WAITS);
        sotay_text_free(text);
    }
    phone_part(e, &an, NULL);
}

/* Work cannot be taken over whole when a note of it is damaged: the enrolment says so, and the
 * phone is who it was. */
static void test_damaged_notes_stop_the_move(void **state)
{
    (void)state;
    phone an;
    char link[128];
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    st_id id = phone_id(&visit);
    const st_id device = an.client->me.device;
    rows_seal(&an);
    const overlay_entry astray = { .dot = { device, 77 }, .first = an.client->me.sealed };
    assert_int_equal(phone_set(&an, &visit, "place", "chưa vào bộ nào"), SOTAY_OK);
    book_key stray = book_key_id(BOOK_OVER, &id);
    for (int i = 0; i < 2; i++) {
        sotay_sync *sync = NULL;
        rows_begin(&an); /* a key of no change; a change that is not in its set */
        if (i == 0)
            assert_int_equal(book_put(&an.client->book, &stray, "note", 4, NULL), ST_OK);
        else
            assert_int_equal(overlay_put(&an.client->book, &id, &astray, NULL), ST_OK);
        rows_commit(&an);
        edge_link(e, 0, link);
        assert_int_equal(sotay_enrol_begin(an.client, link, NULL, &sync, NULL), SOTAY_OK);
        assert_int_equal(edge_run(e, an.client, sync, NULL, NULL), SOTAY_E_CORRUPT);
        assert_true(st_id_cmp(&an.client->me.device, &device) == 0);
        rows_begin(&an);
        if (i == 0)
            assert_int_equal(book_delete(&an.client->book, &stray, NULL), ST_OK);
        else
            assert_int_equal(overlay_delete(&an.client->book, &id, &astray.dot, NULL), ST_OK);
        rows_commit(&an);
    }
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&an, "\"ready\":0"));
    phone_part(e, &an, NULL);
}

/* A store that fails anywhere in an enrolment is as before, or enrolled; asking again ends well. */
static void test_an_enrolment_failing_anywhere(void **state)
{
    (void)state;
    phone an;
    char link[128];
    int rc = SOTAY_E_STORAGE;
    uint64_t n = 1;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    edge_link(e, 0, link);
    for (; n < 200 && rc != SOTAY_OK; n++) {
        sotay_sync *sync = NULL;
        sotay_memory_fail(&an.port, n);
        assert_int_equal(sotay_enrol_begin(an.client, link, NULL, &sync, NULL), SOTAY_OK);
        rc = edge_run(e, an.client, sync, NULL, NULL);
        sotay_memory_fail(&an.port, 0);
        assert_true(rc == SOTAY_OK || rc == SOTAY_E_STORAGE);
        assert_true(phone_says(&an, sotay_show, &visit, "\"chợ\""));
        assert_true(phone_status_says(&an, "\"ready\":1"));
        if (n % 2 == 0)
            phone_crash(&an, false);
    }
    assert_true(n > 10 && rc == SOTAY_OK);
    assert_int_equal(e->devices_count, 3);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(e->sets_taken, 1);
    phone_part(e, &an, NULL);
}

/* ---- answers that are not as they should be ---- */

/* The edge's answer, with something else in it. */
static void answer_otherwise(edge *e, const sotay_request *request,
                             void (*change)(st_enrol_answer *answer), st_buffer *out)
{
    st_arena arena;
    st_frame frame;
    st_buffer bytes;
    st_frame_reader *reader = NULL;
    st_frame_writer *writer = NULL;
    uint8_t *body = NULL;
    const uint8_t *said = NULL;
    size_t len = 0, said_len = 0;
    st_err bad = ST_OK;
    assert_int_equal(edge_answer(e, request, &body, &len), 200);
    st_arena_init(&arena, (size_t)1 << 20);
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_reader_new((size_t)1 << 20, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, body, len, NULL), ST_OK);
    assert_true(st_frame_read(reader, &said, &said_len, &bad));
    assert_int_equal(st_frame_decode(said, said_len, &arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.kind, ST_FRAME_ENROL_ANSWER);
    change(&frame.as.enrol_answer);
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_writer_new(3, out, &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    st_frame_reader_free(reader);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
    free(body);
}

static void of_another_log(st_enrol_answer *answer)
{
    answer->log_key[5] ^= 1;
}

static void before_all_time(st_enrol_answer *answer)
{
    answer->server_ms = -7;
}

static void as_it_is(st_enrol_answer *answer)
{
    (void)answer;
}

static int enrol_otherwise(edge *e, phone *p, void (*change)(st_enrol_answer *answer))
{
    char link[128];
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = true;
    edge_link(e, 0, link);
    st_buffer_init(&reply, (size_t)1 << 20);
    assert_int_equal(sotay_enrol_begin(p->client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    answer_otherwise(e, &request, change, &reply);
    int rc = sotay_sync_feed(sync, reply.data, reply.len, &p->error);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, 200, &again, &p->error);
    sotay_sync_free(sync);
    st_buffer_free(&reply);
    return rc;
}

static void test_answers_of_another_server(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone p;
    sotay_who who;
    phone_new(&p, 1);
    assert_int_equal(enrol_otherwise(e, &p, of_another_log), SOTAY_E_SIGNATURE);
    assert_non_null(strstr(p.error.detail, "that the link names"));
    sotay_whoami(p.client, &who);
    assert_false(who.is_enrolled);
    assert_int_equal(enrol_otherwise(e, &p, before_all_time), SOTAY_OK);
    sotay_whoami(p.client, &who);
    assert_true(who.is_enrolled);
    assert_int_equal(edge_sync(e, p.client, NULL, NULL), SOTAY_OK);
    sotay_id visit = phone_visit(&p, "chợ"); /* and time goes on from this phone's own */
    assert_true(phone_says(&p, sotay_show, &visit, "\"2026-03-12T"));
    phone_part(e, &p, NULL);
}

/* What the request of an enrolment says of the store that asks. */
static st_enrol_ask ask_of(phone *p, edge *e)
{
    char link[128];
    const uint8_t *said = NULL;
    size_t len = 0;
    st_arena arena;
    st_frame frame;
    st_err bad = ST_OK;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_frame_reader *reader = NULL;
    edge_link(e, 0, link);
    st_arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(sotay_enrol_begin(p->client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(st_frame_reader_new((size_t)1 << 20, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, request.body, request.body_bytes, NULL), ST_OK);
    assert_true(st_frame_read(reader, &said, &len, &bad));
    assert_int_equal(st_frame_decode(said, len, &arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.kind, ST_FRAME_ENROL_ASK);
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
    sotay_sync_free(sync);
    return frame.as.enrol_ask;
}

/* The server can refuse a store of another book only if it is told. */
static void test_whose_store_it_is_is_told(void **state)
{
    (void)state;
    phone an, fresh;
    edge *e = phone_alone(&an);
    phone_new(&fresh, 2);
    assert_false(ask_of(&fresh, e).has_log);
    assert_false(ask_of(&fresh, e).has_person);
    st_enrol_ask ask = ask_of(&an, e);
    assert_true(ask.has_log);
    assert_memory_equal(ask.log.b, e->log.b, sizeof e->log.b);
    assert_true(ask.has_person);
    assert_memory_equal(ask.person.b, an.client->me.person.b, sizeof ask.person.b);
    phone_free(&fresh);
    phone_part(e, &an, NULL);
}

/* The book of another commune is another book, whoever it is that asks. */
static void test_a_store_of_another_book(void **state)
{
    (void)state;
    phone an;
    uint8_t secret[64];
    edge *e = phone_alone(&an), *other = edge_new();
    sotay_id visit = phone_visit(&an, "chợ");
    memset(other->log_seed, 4, sizeof other->log_seed);
    st_sign_keypair(other->log_seed, other->log_key, secret);
    other->log = st_log_id(other->log_key);
    assert_int_equal(enrol_otherwise(other, &an, as_it_is), SOTAY_E_DENIED);
    assert_non_null(strstr(an.error.detail, "another book"));
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK); /* of this one it still is */
    assert_true(phone_says(&an, sotay_show, &visit, "\"chợ\""));
    edge_free(other);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_a_lost_answer_costs_nothing),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_copied_phone_brings_its_work),
        cmocka_unit_test(test_a_copy_that_nothing_shows_brings_its_work),
        cmocka_unit_test(test_a_new_key_keeps_what_was_sealed),
        cmocka_unit_test(test_unsent_work_of_all_kinds_moves),
        cmocka_unit_test(test_what_is_typed_over_unsent_work_moves),
        cmocka_unit_test(test_what_is_typed_under_an_unsent_act_moves),
        cmocka_unit_test(test_unsent_answers_to_two_values_move),
        cmocka_unit_test(test_what_a_copy_is_told),
        cmocka_unit_test(test_damaged_notes_stop_the_move),
        cmocka_unit_test(test_an_enrolment_failing_anywhere),
        cmocka_unit_test(test_answers_of_another_server),
        cmocka_unit_test(test_whose_store_it_is_is_told),
        cmocka_unit_test(test_a_store_of_another_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
