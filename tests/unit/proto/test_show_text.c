/* tests/unit/proto/test_show_text.c
 * What a person reads on a screen without a browser says all that the record says: both opinions
 * with who and when, what the office decided and why, what was cleared, dropped or erased - in
 * Vietnamese and in English. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/edit.h"
#include "proto/show.h"
#include "tests/unit/proto/make_form.h"

typedef struct {
    st_arena arena;
    st_record record;
    st_vector vector;
    uint64_t last[4];
} desk;

static st_value text_of(const char *text)
{
    return (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)text,
                       .len = (uint32_t)strlen(text) };
}

static st_value code_of(const char *text)
{
    st_value value = text_of(text);
    value.kind = ST_VALUE_CODE;
    return value;
}

static st_value number_of(int64_t number)
{
    return (st_value){ .kind = ST_VALUE_INT, .number = number };
}

/* One change of device `who` with one operation; returns its dot. */
static st_dot fold(desk *d, uint8_t who, st_op op, const char *reason)
{
    uint64_t n = ++d->last[who];
    st_change change = { .dot = make_form_dot(who, n), .prev = n - 1, .record = d->record.id,
                         .creates = d->record.metas_count == 0, .ops = &op, .ops_count = 1,
                         .hlc = (n * 1000 + who) << 16,
                         .wall_ms = 1773282600000 + (int64_t)n * 60000 };
    st_arrival arrival = { .role = ST_ROLE_OFFICER, .log_index = n, .received_ms = 1773290000000,
                           .via = who == 3 ? ST_VIA_OPERATOR : ST_VIA_DEVICE };
    memset(&arrival.actor, who, sizeof arrival.actor);
    if (reason != NULL)
        change.reason = text_of(reason);
    if (change.creates) {
        change.form_version = 1;
        assert_true(st_code_set(&change.form, "visit", 5));
    }
    assert_int_equal(st_merge_fold(&d->vector, &d->record, &change, &arrival,
                                   (st_fold_how){ ST_FOLD_APPLY, true }), ST_OK);
    return change.dot;
}

static const char *login_of(void *context, const st_id *person)
{
    (void)context;
    static const char *const NAMES[] = { NULL, "an", "binh", "office" };
    return person->b[0] < 4 ? NAMES[person->b[0]] : NULL;
}

static const char *unit_name(void *context, const char *unit)
{
    (void)context;
    return strcmp(unit, "01477-x013") == 0 ? "Xóm Bản Khấy" : NULL;
}

static const st_directory DIRECTORY = { .login = login_of, .unit_name = unit_name };

/* A day: two opinions of one rating, another one settled, a text cleared, one erased, tags. */
static void play(desk *d)
{
    st_id id;
    st_bucket bucket;
    memset(d, 0, sizeof *d);
    memset(&id, 0x77, sizeof id);
    assert_true(st_bucket_set(&bucket, "01477/unit/01477-x013", 21));
    st_arena_init(&d->arena, 8u << 20);
    st_record_init(&d->record, &d->arena, &id, &bucket);
    st_vector_init(&d->vector, &d->arena);
    (void)fold(d, 1, (st_op){ .path = make_field_path(F_UNIT), .value = code_of("01477-x013") },
               NULL);
    (void)fold(d, 1, (st_op){ .path = make_key_path(G_RATINGS, "x2", 1), .value = number_of(3) },
               NULL);
    (void)fold(d, 2, (st_op){ .path = make_key_path(G_RATINGS, "x2", 1), .value = number_of(1) },
               NULL);
    st_dot dots[2];
    dots[0] = fold(d, 1, (st_op){ .path = make_field_path(F_SCORE), .value = number_of(85) }, NULL);
    dots[1] = fold(d, 2, (st_op){ .path = make_field_path(F_SCORE), .value = number_of(70) }, NULL);
    st_op keep = { .path = make_field_path(F_SCORE), .verb = ST_VERB_RESOLVE,
                   .value = number_of(85), .replaces = dots, .replaces_count = 2,
                   .kept = dots[0] };
    memset(&keep.kept_actor, 1, sizeof keep.kept_actor);
    (void)fold(d, 3, keep, "theo biên bản");
    (void)fold(d, 1, (st_op){ .path = make_field_path(F_PLACE),
                              .value = { .kind = ST_VALUE_NULL } }, NULL);
    (void)fold(d, 1, (st_op){ .path = make_key_path(G_RATINGS, "x2", 2),
                              .value = { .kind = ST_VALUE_ERASED } }, NULL);
    st_dot item = make_form_dot(2, d->last[2] + 1);
    (void)fold(d, 2, (st_op){ .path = make_item_path(G_FINDINGS, item, 1), .verb = ST_VERB_ITEM,
                              .value = text_of("mất sóng") }, NULL);
    /* Dropped by somebody who had not seen the text. */
    (void)fold(d, 1, (st_op){ .path = make_item_path(G_FINDINGS, item, 0), .verb = ST_VERB_DROP,
                              .value = number_of(1) }, NULL);
}

static void test_a_person_reads_all_of_it(void **state)
{
    (void)state;
    static const struct { const char *lang; const char *says[16]; } CASES[] = {
        { "vi", { "Lần kiểm tra", "Xóm Bản Khấy (01477-x013)", "≠ ý kiến khác nhau",
                  "▸ đạt  — an 12/03/2026", "• chưa đạt  — binh 12/03/2026",
                  "ý kiến khác nhau: 2", "(via=operator)", "; giữ ý kiến của an",
                  "; lý do: theo biên bản", "(để trống)", "(đã xóa theo yêu cầu)",
                  "mất sóng", "(còn ý kiến)", "Đánh giá\n", "Nhận xét\n" } },
        { "en", { "Visit", "Xóm Bản Khấy (01477-x013)", "≠ different opinions",
                  "▸ met  — an 12/03/2026", "• not met  — binh 12/03/2026",
                  "different opinions: 2", "(via=operator)", "; kept the value of an",
                  "; reason: theo biên bản", "(cleared)", "(erased on request)", "mất sóng",
                  "(contested)", "Ratings\n", "Findings\n" } },
        { NULL, { "Lần kiểm tra", "Đánh giá\n" } },
    };
    desk d;
    play(&d);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const st_show_how how = { .directory = &DIRECTORY, .lang = CASES[i].lang,
                                  .offset_minutes = 420 };
        st_buffer out;
        st_buffer_init(&out, 65536);
        assert_int_equal(st_show_text(&FORM, &d.record, &how, &out, NULL), ST_OK);
        assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
        for (size_t s = 0; s < 16 && CASES[i].says[s] != NULL; s++)
            if (strstr((const char *)out.data, CASES[i].says[s]) == NULL)
                fail_msg("no '%s' in\n%s", CASES[i].says[s], (const char *)out.data);
        st_buffer_free(&out);
    }
    st_arena_reset(&d.arena);
}

static const char *key_label(void *context, const char *keys, const char *key)
{
    (void)context;
    return strcmp(keys, "criterion") == 0 && strcmp(key, "x2") == 0 ? "Lối thoát nạn" : NULL;
}

/* An act of device `who` that knows all that is there, or nothing. */
static void act(desk *d, uint8_t who, st_act_kind kind, bool knows)
{
    uint64_t n = ++d->last[who];
    st_change change = { .dot = make_form_dot(who, n), .prev = n - 1, .record = d->record.id,
                         .act = kind, .hlc = (n * 1000 + who) << 16, .wall_ms = 1773282600000 };
    const st_arrival arrival = { .role = ST_ROLE_OFFICER, .log_index = n };
    if (knows)
        assert_int_equal(st_edit_context(&d->record, &d->vector, &d->arena, &change.context, NULL),
                         ST_OK);
    assert_int_equal(st_merge_fold(&d->vector, &d->record, &change, &arrival,
                                   (st_fold_how){ ST_FOLD_APPLY, true }), ST_OK);
}

/* The element of a set, put in or taken out. */
static st_op element(uint8_t no, bool add)
{
    st_op op = { .path = make_field_path(F_CONTENTS), .verb = add ? ST_VERB_ADD : ST_VERB_REMOVE,
                 .value = { .kind = ST_VALUE_NULL } };
    op.path.element_len = 8;
    op.path.element[7] = no;
    if (add)
        op.value = number_of(1);
    return op;
}

/* What only gathers, what was dropped with everybody's knowledge, and acts against each other. */
static void play_acts(desk *d)
{
    play(d);
    (void)fold(d, 1, (st_op){ .path = make_field_path(F_KIND), .value = number_of(1) }, NULL);
    (void)fold(d, 2, (st_op){ .path = make_field_path(F_KIND), .value = number_of(2) }, NULL);
    (void)fold(d, 1, element(1, true), NULL);
    (void)fold(d, 2, element(1, true), NULL);
    (void)fold(d, 2, element(2, true), NULL);
    (void)fold(d, 1, element(3, false), NULL);
    st_dot item = make_form_dot(1, d->last[1] + 1);
    (void)fold(d, 1, (st_op){ .path = make_item_path(G_REMARKS, item, 1), .verb = ST_VERB_REMARK,
                              .value = text_of("đã nhắc") }, NULL);
    item = make_form_dot(2, d->last[2] + 1);
    (void)fold(d, 2, (st_op){ .path = make_item_path(G_FINDINGS, item, 1), .verb = ST_VERB_ITEM,
                              .value = text_of("đã sửa xong") }, NULL);
    st_op drop = { .path = make_item_path(G_FINDINGS, item, 0), .verb = ST_VERB_DROP,
                   .value = number_of(1) };
    st_change change = { .dot = make_form_dot(2, d->last[2] + 1), .prev = d->last[2],
                         .record = d->record.id, .ops = &drop, .ops_count = 1,
                         .hlc = (st_hlc)9000 << 16 };
    const st_arrival arrival = { .role = ST_ROLE_OFFICER, .log_index = 90 };
    d->last[2]++;
    assert_int_equal(st_edit_context(&d->record, &d->vector, &d->arena, &change.context, NULL),
                     ST_OK);
    assert_int_equal(st_merge_fold(&d->vector, &d->record, &change, &arrival,
                                   (st_fold_how){ ST_FOLD_APPLY, true }), ST_OK);
    act(d, 1, ST_ACT_FINALISE, true);
    act(d, 2, ST_ACT_WITHDRAW, false);
    (void)fold(d, 3, (st_op){ .path = make_field_path(F_COPIES), .value = number_of(2) }, NULL);
}

static void test_acts_sets_and_what_was_dropped(void **state)
{
    (void)state;
    static const struct { const char *lang; bool json; const char *says[12]; } CASES[] = {
        { "vi", false, { "sửa khi đã chốt", "≠ trạng thái", "(đã bỏ)", "n1", "n2", "đã nhắc",
                         "x2 Lối thoát nạn", "kiểm tra", "giám sát" } },
        { "en", false, { "changed since", "≠ state", "(dropped)", "n1", "n2", "inspection",
                         "supervision" } },
        { "vi", true, { "\"changed_since\":true", "\"state_conflict\":true", "\"dropped\":true",
                        "\"value\":\"n1\"", "\"value\":\"n2\"", "\"erased\":true",
                        "\"via\":\"operator\"", "\"kept\"" } },
    };
    static const st_directory NAMES = { .login = login_of, .key_label = key_label };
    desk d;
    play_acts(&d);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const st_show_how how = { .directory = &NAMES, .lang = CASES[i].lang,
                                  .offset_minutes = 420 };
        st_buffer out;
        st_buffer_init(&out, 1u << 20);
        st_err err = CASES[i].json ? st_show_json(&FORM, &d.record, &how, &out, NULL)
                                   : st_show_text(&FORM, &d.record, &how, &out, NULL);
        assert_int_equal(err, ST_OK);
        assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
        for (size_t s = 0; s < 12 && CASES[i].says[s] != NULL; s++)
            if (strstr((const char *)out.data, CASES[i].says[s]) == NULL)
                fail_msg("no '%s' in\n%s", CASES[i].says[s], (const char *)out.data);
        assert_null(strstr((const char *)out.data, CASES[i].json ? "\"n3\"" : "n3"));
        st_buffer_free(&out);
    }
    st_arena_reset(&d.arena);
}

/* The phone of 1 went wrong by ten minutes, that of 2 was restarted, that of 3 was right. */
static bool moment_of(void *context, const st_meta *meta, st_written *out_written)
{
    (void)context;
    uint8_t who = meta->dot.device.b[0];
    *out_written = (st_written){ .at_ms = meta->wall_ms + (who == 1 ? 600000 : 0),
                                 .within_ms = 1500, .rebooted = who == 2 };
    return who != 2;
}

/* Who holds the record knows of clocks, files, what waits and what came by hand: it is said where
 * it is so, and only there. */
static void test_what_only_the_holder_knows(void **state)
{
    (void)state;
    static const st_moments MOMENTS = { .of = moment_of };
    static const st_show_held HELD[] = { { { { { 7 } }, 9 }, ST_HOLD_FROZEN } };
    static const struct { const char *lang; bool json; const char *says[8]; } CASES[] = {
        { "vi", false, { "máy khác đưa sang", "tệp chưa về đủ: 2/3", "[giờ không chắc]",
                         "[giờ máy chủ 12/03/2026 09:", " ±2 s]", "! ",
                         "[07000000000000000000000000000000:9]" } },
        { "en", false, { "from another phone", "files missing: 2/3", "[time uncertain]",
                         "[by the server 12/03/2026 09:", " ±2 s]" } },
        { "vi", true, { "\"carried\"", "\"photos_pending\"", "\"attachments\":3",
                        "\"attachments_missing\":2", "\"rebooted\":true",
                        "\"corrected_within_ms\":1500", "\"reason\":\"frozen\"" } },
        { NULL, true, { "\"attachments\":3", "\"reason\":\"frozen\"" } },
    };
    desk d;
    play(&d);
    for (size_t i = 0; i < 2 * sizeof CASES / sizeof CASES[0]; i++) {
        size_t of = i / 2;
        st_show_how how = { .directory = &DIRECTORY, .lang = CASES[of].lang,
                            .offset_minutes = 420 };
        bool knows = i % 2 == 0;
        if (knows) {
            how.moments = &MOMENTS;
            how.is_carried = how.is_held = true;
            how.files = 3;
            how.files_missing = 2;
            how.helds = HELD;
            how.helds_count = 1;
        }
        st_buffer out;
        st_buffer_init(&out, 1u << 20);
        st_err err = CASES[of].json ? st_show_json(&FORM, &d.record, &how, &out, NULL)
                                    : st_show_text(&FORM, &d.record, &how, &out, NULL);
        assert_int_equal(err, ST_OK);
        assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
        for (size_t s = 0; s < 8 && CASES[of].says[s] != NULL; s++)
            if ((strstr((const char *)out.data, CASES[of].says[s]) != NULL) != knows)
                fail_msg("'%s' %s in\n%s", CASES[of].says[s], knows ? "is not" : "is",
                         (const char *)out.data);
        st_buffer_free(&out);
    }
    st_arena_reset(&d.arena);
}

/* A record that belongs to no unit has none in its head; a decision without a word of why and
 * without a value that was kept is a decision all the same. */
static void test_no_unit_and_no_reason(void **state)
{
    (void)state;
    st_form council = FORM;
    council.home = ST_HOME_COUNCIL;
    council.vi = NULL;
    const st_show_how how = { .directory = &DIRECTORY, .lang = "vi", .offset_minutes = 420 };
    desk d;
    st_buffer out;
    play(&d);
    assert_true(st_bucket_set(&d.record.bucket, "01477/council", 13));
    st_dot dot = { d.record.metas[0].dot.device, 2 };
    st_op settle = { .path = make_key_path(G_RATINGS, "x2", 1), .verb = ST_VERB_RESOLVE,
                     .value = number_of(3), .replaces = &dot, .replaces_count = 1 };
    (void)fold(&d, 3, settle, NULL);
    st_buffer_init(&out, 65536);
    static const char *const GONE[] = { "01477-x013)", "giữ ý kiến của an; lý do: theo biên bản; "
                                        "giữ ý kiến", "Lần kiểm tra" };
    council.fields = RECORD_FIELDS + 1; /* and no field that names a unit */
    council.fields_count = 0;
    assert_int_equal(st_show_text(&council, &d.record, &how, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    for (size_t i = 0; i < sizeof GONE / sizeof GONE[0]; i++)
        assert_null(strstr((const char *)out.data, GONE[i]));
    assert_null(strstr((const char *)out.data, ")  ·  "));
    assert_non_null(strstr((const char *)out.data, " đạt  — office"));
    st_buffer_free(&out);
    st_arena_reset(&d.arena);
}

/* Without a directory the ids stand there: nothing is left out because a name is not known. */
static void test_without_names(void **state)
{
    (void)state;
    const st_show_how how = { .lang = "en" };
    desk d;
    st_buffer out;
    play(&d);
    st_buffer_init(&out, 65536);
    assert_int_equal(st_show_text(&FORM, &d.record, &how, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    assert_non_null(strstr((const char *)out.data, "01010101010101010101010101010101"));
    assert_non_null(strstr((const char *)out.data, " (01477-x013)"));
    st_buffer_free(&out);
    st_arena_reset(&d.arena);
}

/* Lines of a value and of a reason stand behind those of the page, and no order to the terminal is
 * among them; a program gets the text as it is. */
static void test_nobody_writes_lines_of_the_page(void **state)
{
    (void)state;
    static const char FORGED[] = "ồn\n  Rating: met  — binh\nVisit\x1b[2J";
    const st_show_how how = { .directory = &DIRECTORY, .lang = "en", .offset_minutes = 420 };
    desk d;
    st_buffer out;
    play(&d);
    (void)fold(&d, 1, (st_op){ .path = make_field_path(F_PLACE), .value = text_of(FORGED) },
               FORGED);
    st_buffer_init(&out, 65536);
    assert_int_equal(st_show_text(&FORM, &d.record, &how, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    assert_non_null(strstr((const char *)out.data, "ồn\n            Rating: met"));
    assert_null(strstr((const char *)out.data, "\n  Rating"));
    assert_null(strchr((const char *)out.data, '\x1b'));
    st_buffer_clear(&out);
    assert_int_equal(st_show_json(&FORM, &d.record, &how, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    assert_non_null(strstr((const char *)out.data, "\\n  Rating: met  — binh\\nVisit\\u001b"));
    st_buffer_free(&out);
    st_arena_reset(&d.arena);
}

/* A phone whose own change waits for the limit has more values at a path than the book may: each
 * is shown, on the page and to a program. */
static void test_however_many_there_are(void **state)
{
    (void)state;
    enum { MANY = 2 * ST_SIBLINGS_MAX + 1 };
    static char words[MANY][16];
    const st_show_how how = { .directory = &DIRECTORY, .lang = "vi", .offset_minutes = 420 };
    desk d;
    play(&d);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(words[i], sizeof words[i], "<chỗ %zu>", i);
        (void)fold(&d, i % 2 == 0 ? 1 : 2,
                   (st_op){ .path = make_field_path(F_PLACE), .value = text_of(words[i]) }, NULL);
    }
    for (int json = 0; json < 2; json++) {
        st_buffer out;
        st_buffer_init(&out, 1u << 20);
        assert_int_equal(json ? st_show_json(&FORM, &d.record, &how, &out, NULL)
                              : st_show_text(&FORM, &d.record, &how, &out, NULL), ST_OK);
        assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
        for (size_t i = 0; i < MANY; i++) {
            const char *at = strstr((const char *)out.data, words[i]);
            assert_non_null(at);
            assert_null(strstr(at + 1, words[i]));
        }
        st_buffer_free(&out);
    }
    st_arena_reset(&d.arena);
}

/* A page that does not fit is an error, never half a page that looks whole. */
static void test_too_little_room_is_said(void **state)
{
    (void)state;
    const st_show_how how = { .directory = &DIRECTORY, .lang = "vi", .offset_minutes = 420 };
    desk d;
    st_buffer out;
    size_t max = 0;
    play(&d);
    for (st_err err = ST_E_TOO_LARGE; err != ST_OK; max++) {
        st_buffer_init(&out, max);
        err = st_show_text(&FORM, &d.record, &how, &out, NULL);
        assert_true(err == ST_OK || err == ST_E_TOO_LARGE);
        assert_true(out.len <= max);
        st_buffer_free(&out);
    }
    assert_true(max > 500);
    st_arena_reset(&d.arena);
}

/* A state that is none is told with all there are; each that is shown can be asked for. */
static void test_a_state_that_is_none(void **state)
{
    st_error error;
    (void)state;
    assert_int_equal(st_state_check("zz", &error), ST_E_USAGE);
    assert_non_null(strstr(error.detail, "'zz'"));
    char all[sizeof error.detail];
    (void)snprintf(all, sizeof all, "%s", strstr(error.detail, "none of") + strlen("none of"));
    size_t known = 0;
    for (char *rest = NULL, *word = strtok_r(all, " ", &rest); word != NULL; known++) {
        assert_int_equal(st_state_check(word, &error), ST_OK);
        assert_string_not_equal(st_state_label(word, "vi"), word);
        word = strtok_r(NULL, " ", &rest);
    }
    assert_int_equal(known, 14);
    assert_int_equal(st_state_check("", &error), ST_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_person_reads_all_of_it),
        cmocka_unit_test(test_acts_sets_and_what_was_dropped),
        cmocka_unit_test(test_what_only_the_holder_knows),
        cmocka_unit_test(test_no_unit_and_no_reason),
        cmocka_unit_test(test_without_names),
        cmocka_unit_test(test_nobody_writes_lines_of_the_page),
        cmocka_unit_test(test_however_many_there_are),
        cmocka_unit_test(test_too_little_room_is_said),
        cmocka_unit_test(test_a_state_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
