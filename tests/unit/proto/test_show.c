/* tests/unit/proto/test_show.c
 * Nothing that somebody wrote is hidden: two opinions stand side by side with their authors, equal
 * ones are one with all authors, and a list row never needs its record. Read with a JSON parser
 * that is not ours. */
#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/show.h"
#include "proto/text.h"
#include "tests/unit/proto/make_form.h"

typedef struct {
    st_arena arena;
    st_record record;
    st_vector vector;
} desk;

static void desk_open(desk *d)
{
    st_id id;
    st_bucket bucket;
    memset(&id, 0x77, sizeof id);
    assert_true(st_bucket_set(&bucket, "01477/unit/01477-x013", 21));
    st_arena_init(&d->arena, 8u << 20);
    st_record_init(&d->record, &d->arena, &id, &bucket);
    st_vector_init(&d->vector, &d->arena);
}

static st_value text_of(const char *text)
{
    return (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)text,
                       .len = (uint32_t)strlen(text) };
}

static st_value number_of(int64_t number)
{
    return (st_value){ .kind = ST_VALUE_INT, .number = number };
}

/* Folds one operation by device `who` as its n-th change; log_index 0: unsent. */
static void fold(desk *d, uint8_t who, uint64_t n, st_op op, uint64_t log_index)
{
    st_change change = { .dot = make_form_dot(who, n), .prev = n - 1, .record = d->record.id,
                         .creates = d->record.metas_count == 0, .ops = &op, .ops_count = 1,
                         .hlc = (n * 1000 + who) << 16,
                         .wall_ms = 1773282600000 + (int64_t)n * 60000 };
    st_arrival arrival = { .role = ST_ROLE_OFFICER, .log_index = log_index,
                           .received_ms = log_index > 0 ? 1773290000000 : 0 };
    memset(&arrival.actor, who, sizeof arrival.actor);
    if (change.creates) {
        change.form_version = 1;
        assert_true(st_code_set(&change.form, "visit", 5));
    }
    assert_int_equal(st_merge_fold(&d->vector, &d->record, &change, &arrival,
                                   (st_fold_how){ ST_FOLD_APPLY, true }), ST_OK);
}

static const char *login_of(void *context, const st_id *person)
{
    (void)context;
    return person->b[0] == 1 ? "an" : person->b[0] == 2 ? "binh" : NULL;
}

static const st_directory DIRECTORY = { .login = login_of };
static const st_show_how HOW = { .directory = &DIRECTORY, .lang = "vi", .offset_minutes = 420 };

static cJSON *show(desk *d, const st_show_how *how)
{
    st_buffer out;
    st_error error = { 0 };
    st_buffer_init(&out, 1u << 20);
    assert_int_equal(st_show_json(&FORM, &d->record, how, &out, &error), ST_OK);
    cJSON *json = cJSON_ParseWithLength((const char *)out.data, out.len);
    assert_non_null(json);
    st_buffer_free(&out);
    return json;
}

static cJSON *at(cJSON *json, const char *path)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = strtok(copy, "/"); part != NULL; part = strtok(NULL, "/")) {
        json = part[0] >= '0' && part[0] <= '9' && part[1] == '\0'
                   ? cJSON_GetArrayItem(json, part[0] - '0') : cJSON_GetObjectItem(json, part);
        if (json == NULL)
            fail_msg("no %s in %s", part, path);
    }
    return json;
}

static void test_two_opinions_stand_side_by_side(void **state)
{
    (void)state;
    desk d;
    desk_open(&d);
    fold(&d, 1, 1, (st_op){ .path = make_key_path(G_RATINGS, "x2", 1), .value = number_of(3) }, 5);
    fold(&d, 2, 1, (st_op){ .path = make_key_path(G_RATINGS, "x2", 1), .value = number_of(1) }, 6);
    cJSON *json = show(&d, &HOW);
    assert_int_equal(at(json, "open_conflicts")->valueint, 1);
    assert_string_equal(at(json, "unit")->valuestring, "01477-x013");
    cJSON *rating = at(json, "groups/ratings/x2/rating");
    assert_true(cJSON_IsTrue(at(rating, "conflict")));
    assert_int_equal(cJSON_GetArraySize(at(rating, "values")), 2);
    assert_string_equal(at(rating, "values/0/value")->valuestring, "chua_dat");
    assert_string_equal(at(rating, "values/0/author")->valuestring, "binh");
    assert_true(cJSON_IsTrue(at(rating, "values/0/shown")));
    assert_string_equal(at(rating, "values/1/author")->valuestring, "an");
    assert_int_equal(at(rating, "values/1/log_index")->valueint, 5);
    assert_string_equal(at(rating, "values/1/claimed_at")->valuestring,
                        "2026-03-12T09:31:00.000+07:00");
    cJSON_Delete(json);
    st_arena_reset(&d.arena);
}

static void test_equal_values_are_one_with_all_authors(void **state)
{
    (void)state;
    desk d;
    desk_open(&d);
    fold(&d, 1, 1, (st_op){ .path = make_field_path(F_PLACE), .value = text_of("nhà") }, 5);
    fold(&d, 2, 1, (st_op){ .path = make_field_path(F_PLACE), .value = text_of("nhà") }, 6);
    cJSON *json = show(&d, &HOW);
    assert_int_equal(cJSON_GetArraySize(at(json, "fields/place/values")), 1);
    assert_string_equal(at(json, "fields/place/values/0/also/0/author")->valuestring, "an");
    assert_int_equal(at(json, "open_conflicts")->valueint, 0);
    cJSON_Delete(json);
    st_arena_reset(&d.arena);
}

static void test_a_fixed_field_keeps_the_second_as_evidence(void **state)
{
    (void)state;
    desk d;
    desk_open(&d);
    fold(&d, 1, 1, (st_op){ .path = make_field_path(F_KIND), .value = number_of(1) }, 5);
    fold(&d, 2, 9, (st_op){ .path = make_field_path(F_KIND), .value = number_of(2) }, 6);
    cJSON *json = show(&d, &HOW);
    cJSON *values = at(json, "fields/visit_kind/values");
    assert_string_equal(at(values, "0/value")->valuestring, "kiem_tra");
    assert_true(cJSON_IsTrue(at(values, "0/shown")));
    assert_string_equal(at(values, "1/value")->valuestring, "giam_sat");
    assert_true(cJSON_IsTrue(at(values, "1/evidence")));
    assert_int_equal(at(json, "open_conflicts")->valueint, 0);
    cJSON_Delete(json);
    st_arena_reset(&d.arena);
}

static void test_values_are_json_of_their_type(void **state)
{
    (void)state;
    static const uint8_t PLACE[20] = { 0x0d, 0x9b, 0xd6, 0x80, 0x3f, 0x7d, 0x7c, 0x48,
                                       0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0 };
    desk d;
    desk_open(&d);
    fold(&d, 1, 1, (st_op){ .path = make_field_path(F_SCORE), .value = number_of(75) }, 0);
    fold(&d, 1, 2, (st_op){ .path = make_field_path(F_PAID), .value = number_of(1) }, 0);
    fold(&d, 1, 3, (st_op){ .path = make_field_path(F_COPIES), .value = number_of(3) }, 0);
    fold(&d, 1, 4, (st_op){ .path = make_field_path(F_PLACE),
                            .value = text_of("a\"b\\c\n\x01") }, 0);
    fold(&d, 1, 5, (st_op){ .path = make_field_path(F_DATE), .value = { 0 } }, 0);
    fold(&d, 1, 6, (st_op){ .path = make_field_path(F_POSITION),
                            .value = { ST_VALUE_GEO, 0, PLACE, 20 } }, 0);
    cJSON *json = show(&d, &HOW);
    assert_true(at(json, "fields/score/values/0/value")->valuedouble > 7.49 &&
                at(json, "fields/score/values/0/value")->valuedouble < 7.51);
    assert_true(cJSON_IsTrue(at(json, "fields/paid/values/0/value")));
    assert_int_equal(at(json, "fields/copies/values/0/value")->valueint, 3);
    assert_string_equal(at(json, "fields/place/values/0/value")->valuestring, "a\"b\\c\n\x01");
    assert_true(cJSON_IsNull(at(json, "fields/visit_date/values/0/value")));
    assert_int_equal(at(json, "fields/position/values/0/value/accuracy_m")->valueint, 8);
    assert_true(cJSON_IsNull(at(json, "fields/place/values/0/log_index")));
    assert_true(cJSON_IsNull(at(json, "fields/place/values/0/received_at")));
    cJSON_Delete(json);
    st_arena_reset(&d.arena);
}

static bool written_at(void *context, const st_meta *meta, st_written *out)
{
    (void)meta;
    *out = *(const st_written *)context;
    return out->at_ms != 0;
}

/* What is said of clocks is certain: bounds count for the device, and no number is too wild. */
static void test_flags_of_clocks(void **state)
{
    (void)state;
    static const int64_t WALL = 1773282600000 + 60000; /* of the change that fold() makes */
    static const struct {
        int64_t wall_ms, at_ms, within_ms;
        bool rebooted;
        uint32_t flags;
    } ROWS[] = {
        { WALL, WALL, 1, false, 0 },
        { WALL, WALL - 120000, 0, false, 0 },
        { WALL, WALL - 120001, 0, false, 1u << ST_FLAG_CLOCK_OFF },
        { WALL, WALL - 130000, 10000, false, 0 },
        { WALL, WALL + 130000, 9999, false, 1u << ST_FLAG_CLOCK_OFF },
        { WALL, WALL - 86400001, 0, false, 1u << ST_FLAG_CLOCK_OFF | 1u << ST_FLAG_CLOCK_FAR },
        { INT64_MAX, WALL, 5, false, 1u << ST_FLAG_CLOCK_OFF | 1u << ST_FLAG_CLOCK_FAR },
        { INT64_MIN, WALL, 5, false, 1u << ST_FLAG_CLOCK_OFF | 1u << ST_FLAG_CLOCK_FAR },
        { WALL, 0, 0, true, 1u << ST_FLAG_TIME_UNKNOWN },
        { INT64_MAX, 0, 0, false, 1u << ST_FLAG_CLOCK_OFF | 1u << ST_FLAG_CLOCK_FAR },
        { INT64_MIN, 0, 0, false, 0 },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        desk d;
        st_written written = { ROWS[i].at_ms, ROWS[i].within_ms, ROWS[i].rebooted };
        const st_moments moments = { &written, written_at };
        st_show_how how = HOW;
        how.moments = &moments;
        desk_open(&d);
        fold(&d, 1, 1, (st_op){ .path = make_key_path(G_RATINGS, "x2", 1),
                                .value = number_of(3) }, 5);
        d.record.metas[0].wall_ms = ROWS[i].wall_ms;
        assert_int_equal(st_show_flags(&FORM, &d.record, &how), ROWS[i].flags);
        if (ROWS[i].wall_ms == WALL) {
            cJSON *json = show(&d, &how);
            cJSON *value = at(json, "groups/ratings/x2/rating/values/0");
            assert_int_equal(cJSON_IsNull(at(value, "corrected_at")), ROWS[i].at_ms == 0);
            assert_int_equal(cJSON_HasObjectItem(value, "rebooted"), ROWS[i].rebooted);
            cJSON_Delete(json);
        }
        st_arena_reset(&d.arena);
    }
    for (int i = 0; i < ST_FLAG_COUNT; i++)
        assert_string_not_equal(st_flag_sentence((st_flag)i, "vi"),
                                st_flag_sentence((st_flag)i, "en"));
    assert_string_equal(st_flag_name(ST_FLAG_COUNT), "unknown");
    assert_null(st_clock_warning(120000, "vi"));
    assert_null(st_clock_warning(-120000, "vi"));
    assert_non_null(strstr(st_clock_warning(120001, "vi"), "chậm hơn"));
    assert_non_null(strstr(st_clock_warning(INT64_MIN, "vi"), "nhanh hơn"));
}

static void test_rows_survive_storing(void **state)
{
    (void)state;
    desk d;
    st_row row, back;
    st_buffer bytes, key;
    desk_open(&d);
    fold(&d, 1, 1, (st_op){ .path = make_field_path(F_PLACE),
                            .value = text_of("Đông Hòa") }, 5);
    fold(&d, 1, 2, (st_op){ .path = make_field_path(F_DATE), .value = number_of(20524) }, 5);
    assert_int_equal(st_row_make(&FORM, &d.record, &HOW, &d.arena, &row, NULL), ST_OK);
    assert_string_equal(row.title, "12/03/2026 · Đông Hòa");
    assert_string_equal(row.state, "draft");
    st_buffer_init(&bytes, 1u << 20);
    st_buffer_init(&key, 1024);
    assert_int_equal(st_row_encode(&row, &bytes, NULL), ST_OK);
    assert_int_equal(st_row_decode(bytes.data, bytes.len, &back, NULL), ST_OK);
    assert_string_equal(back.title, row.title);
    assert_memory_equal(&back.id, &row.id, sizeof row.id);
    assert_true(back.updated_ms == row.updated_ms);
    assert_int_equal(st_text_fold("hoa", 3, &key, NULL), ST_OK);
    assert_true(st_text_matches(back.folded, strlen(back.folded), (const char *)key.data,
                                key.len));
    for (size_t cut = 0; cut < bytes.len; cut++)
        assert_int_equal(st_row_decode(bytes.data, cut, &back, NULL), ST_E_CORRUPT);
    st_buffer_free(&bytes);
    st_buffer_free(&key);
    st_arena_reset(&d.arena);
}

static void test_a_contested_item_is_an_open_conflict(void **state)
{
    (void)state;
    desk d;
    st_dot item = make_form_dot(1, 1);
    const st_conflict *conflicts;
    size_t count;
    desk_open(&d);
    fold(&d, 1, 1, (st_op){ .path = make_item_path(G_FINDINGS, item, 1), .verb = ST_VERB_ITEM,
                            .value = text_of("mất sóng") }, 5);
    /* Dropped by somebody who had not seen the text: the context is empty. */
    fold(&d, 2, 1, (st_op){ .path = make_item_path(G_FINDINGS, item, 0), .verb = ST_VERB_DROP,
                            .value = number_of(1) }, 6);
    assert_int_equal(st_show_conflicts(&FORM, &d.record, &d.arena, &conflicts, &count, NULL),
                     ST_OK);
    assert_int_equal(count, 1);
    assert_int_equal(conflicts[0].path.kind, ST_PATH_DROP);
    st_buffer out;
    st_buffer_init(&out, 65536);
    assert_int_equal(st_conflict_json(&FORM, &d.record, &conflicts[0], &HOW, &out, NULL), ST_OK);
    cJSON *json = cJSON_ParseWithLength((const char *)out.data, out.len);
    assert_non_null(json);
    assert_string_equal(at(json, "values/0/value")->valuestring, "drop");
    assert_string_equal(at(json, "values/0/author")->valuestring, "binh");
    cJSON_Delete(json);
    st_buffer_free(&out);
    st_arena_reset(&d.arena);
}

static void test_a_history_line_says_who_what_and_why(void **state)
{
    (void)state;
    st_dot replaced = make_form_dot(2, 4);
    st_op op = { .path = make_key_path(G_RATINGS, "x2", 1), .verb = ST_VERB_RESOLVE,
                 .value = number_of(1), .replaces = &replaced, .replaces_count = 1,
                 .kept = replaced };
    st_change change = { .dot = make_form_dot(9, 3), .ops = &op, .ops_count = 1,
                         .reason = text_of("đã gọi trưởng xóm"), .wall_ms = 1773282600000 };
    st_history_item item = { .change = &change, .role = ST_ROLE_OFFICE, .via = ST_VIA_OPERATOR,
                             .log_index = 41, .verdict = "stored" };
    memset(&op.kept_actor, 2, sizeof op.kept_actor);
    memset(&item.actor, 1, sizeof item.actor);
    const st_form *forms[] = { &FORM, NULL };
    for (size_t i = 0; i < 2; i++) {
        st_buffer out;
        st_buffer_init(&out, 65536);
        assert_int_equal(st_history_json(forms[i], &item, &HOW, &out, NULL), ST_OK);
        cJSON *json = cJSON_ParseWithLength((const char *)out.data, out.len);
        assert_non_null(json);
        assert_string_equal(at(json, "author")->valuestring, "an");
        assert_string_equal(at(json, "via")->valuestring, "operator");
        assert_string_equal(at(json, "reason")->valuestring, "đã gọi trưởng xóm");
        assert_string_equal(at(json, "ops/0/op")->valuestring, "resolve");
        assert_string_equal(at(json, "ops/0/kept/author")->valuestring, "binh");
        assert_int_equal(cJSON_GetArraySize(at(json, "ops/0/replaces")), 1);
        if (forms[i] != NULL)
            assert_string_equal(at(json, "ops/0/path")->valuestring, "ratings.x2.rating");
        cJSON_Delete(json);
        st_buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_opinions_stand_side_by_side),
        cmocka_unit_test(test_equal_values_are_one_with_all_authors),
        cmocka_unit_test(test_a_fixed_field_keeps_the_second_as_evidence),
        cmocka_unit_test(test_values_are_json_of_their_type),
        cmocka_unit_test(test_flags_of_clocks),
        cmocka_unit_test(test_rows_survive_storing),
        cmocka_unit_test(test_a_contested_item_is_an_open_conflict),
        cmocka_unit_test(test_a_history_line_says_who_what_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
