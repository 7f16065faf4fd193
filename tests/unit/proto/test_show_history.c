/* tests/unit/proto/test_show_history.c
 * Whoever reads the history of a record sees of every change who made it, in which role, when he
 * says he did and when it arrived, what it wrote and why, and what became of it - in Vietnamese and
 * in English, also where the form, the person or the place is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/show.h"
#include "tests/unit/proto/make_form.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const char *login_of(void *context, const st_id *person)
{
    (void)context;
    return person->b[0] == 1 ? "an" : person->b[0] == 2 ? "binh" : NULL;
}

static const st_directory DIRECTORY = { .login = login_of };

/* One operation of each kind that a history knows. */
typedef enum {
    O_SET,
    O_CLEAR,
    O_ADD,
    O_REMOVE,
    O_REMARK,
    O_ITEM,
    O_DROP,
    O_KEEP,
    O_RESOLVE,
    O_ERASED,
    O_NO_FIELD,
    O_NO_GROUP,
    O_KEYED,
    O_COUNT
} op_kind;

static st_op make_op(op_kind kind)
{
    static const st_dot REPLACED[] = { { { { 2 } }, 4 }, { { { 3 } }, 5 } };
    const st_dot item = make_form_dot(1, 4);
    st_op op = { .path = make_field_path(F_PLACE), .value = make_text("chợ") };
    switch (kind) {
    case O_CLEAR: op.value = (st_value){ .kind = ST_VALUE_NULL }; break;
    case O_ADD:
    case O_REMOVE:
        op.path = make_field_path(F_CONTENTS);
        op.path.element_len = 8;
        op.path.element[7] = 2;
        op.verb = kind == O_ADD ? ST_VERB_ADD : ST_VERB_REMOVE;
        op.value = kind == O_ADD ? make_number(1) : (st_value){ .kind = ST_VALUE_NULL };
        break;
    case O_REMARK:
        op.path = make_item_path(G_REMARKS, item, 1);
        op.verb = ST_VERB_REMARK;
        break;
    case O_ITEM:
        op.path = make_item_path(G_FINDINGS, item, 1);
        op.verb = ST_VERB_ITEM;
        break;
    case O_DROP:
    case O_KEEP:
        op.path = make_item_path(G_FINDINGS, item, 0);
        op.verb = kind == O_DROP ? ST_VERB_DROP : ST_VERB_KEEP;
        op.value = kind == O_DROP ? make_number(1) : (st_value){ .kind = ST_VALUE_NULL };
        break;
    case O_RESOLVE:
        op.verb = ST_VERB_RESOLVE;
        op.replaces = REPLACED;
        op.replaces_count = 2;
        op.kept = REPLACED[0];
        op.kept_actor.b[0] = 2;
        break;
    case O_ERASED: op.value = (st_value){ .kind = ST_VALUE_ERASED }; break;
    case O_NO_FIELD: op.path = make_field_path(777); break;
    case O_NO_GROUP: op.path = make_item_path(778, item, 1); break;
    case O_KEYED:
        op.path = make_key_path(G_RATINGS, "x2", 1);
        op.value = make_number(3);
        break;
    default: break;
    }
    return op;
}

static st_history_item make_item(const st_change *change)
{
    st_history_item item = { .change = change,
                             .role = ST_ROLE_OFFICER,
                             .verdict = "stored",
                             .log_index = 41,
                             .received_ms = 1773290000000 };
    item.actor.b[0] = 1;
    return item;
}

/* Written twice, as text in `lang` and as JSON, one behind the other and NUL-terminated. */
static st_buffer written(const st_form *form, const st_history_item *item, const char *lang)
{
    st_buffer out;
    const st_show_how how = { .directory = &DIRECTORY, .lang = lang, .offset_minutes = 420 };
    st_buffer_init(&out, 65536);
    assert_int_equal(st_history_text(form, item, &how, &out, NULL), ST_OK);
    assert_int_equal(st_history_json(form, item, &how, &out, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    return out;
}

static void must_say(const st_form *form, const st_history_item *item, const char *lang,
                     const char *const *says, size_t count)
{
    st_buffer out = written(form, item, lang);
    for (size_t i = 0; i < count && says[i] != NULL; i++)
        if (strstr((const char *)out.data, says[i]) == NULL)
            fail_msg("no '%s' in\n%s", says[i], (const char *)out.data);
    st_buffer_free(&out);
}

static void test_every_operation_is_said(void **state)
{
    (void)state;
    static const struct {
        op_kind kind;
        const char *vi, *en, *json;
    } CASES[] = {
        { O_SET, "ghi place: chợ", "wrote place: chợ", "\"op\":\"set\",\"value\":\"chợ\"" },
        { O_CLEAR, "để trống place", "cleared place", "\"op\":\"clear\",\"value\":null" },
        { O_ADD, "thêm contents: n2", "added contents: n2", "\"op\":\"add\",\"value\":\"n2\"" },
        { O_REMOVE, "bỏ contents: n2", "removed contents: n2",
          "\"op\":\"remove\",\"value\":\"n2\"" },
        { O_REMARK, "ghi thêm Ghi chú › text: chợ", "noted Remarks › text: chợ",
          "\"op\":\"remark\"" },
        { O_ITEM, "thêm mục Nhận xét › text: chợ", "added an item Findings › text: chợ",
          "\"op\":\"item\"" },
        { O_DROP, "bỏ mục Nhận xét", "dropped the item Findings",
          "\"op\":\"drop\",\"value\":null" },
        { O_KEEP, "giữ mục Nhận xét", "kept the item Findings", "\"op\":\"keep\",\"value\":null" },
        { O_RESOLVE, "thống nhất place: chợ", "settled place: chợ",
          "\"kept\":{\"dot\":\"02000000000000000000000000000000:4\",\"author\":\"binh\"}" },
        { O_ERASED, "ghi place: đã xóa theo yêu cầu", "wrote place: erased on request",
          "\"erased\":true" },
        { O_NO_FIELD, "ghi ?", "wrote ?", "\"value\":null" },
        { O_NO_GROUP, "ghi ?", "wrote ?", "\"value\":null" },
        { O_KEYED, "ghi Đánh giá x2 › rating: đạt", "wrote Ratings x2 › rating: met",
          "\"path\":\"ratings.x2.rating\"" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_op op = make_op(CASES[i].kind);
        const st_change change = {
            .dot = make_form_dot(9, 3), .ops = &op, .ops_count = 1, .wall_ms = 1773282600000
        };
        const st_history_item item = make_item(&change);
        print_message("  case: %s\n", CASES[i].en);
        const char *const vi[] = { CASES[i].vi, CASES[i].json };
        const char *const en[] = { CASES[i].en, CASES[i].json };
        must_say(&FORM, &item, "vi", vi, 2);
        must_say(&FORM, &item, NULL, vi, 2);
        must_say(&FORM, &item, "en", en, 2);
    }
}

/* A form that this phone does not have yet: numbers stand for names, and nothing is left out. */
static void test_a_form_that_is_not_known(void **state)
{
    (void)state;
    static const struct {
        op_kind kind;
        const char *path;
    } CASES[] = {
        { O_SET, "0..4" },
        { O_KEYED, "40.x2.1" },
        { O_ITEM, "41.01010101010101010101010101010101:4:0.1" },
        { O_DROP, "41.01010101010101010101010101010101:4:0.0" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_op op = make_op(CASES[i].kind);
        const st_change change = { .dot = make_form_dot(9, 3), .ops = &op, .ops_count = 1 };
        const st_history_item item = make_item(&change);
        must_say(NULL, &item, "vi", &CASES[i].path, 1);
    }
}

static void test_who_when_and_what_became_of_it(void **state)
{
    (void)state;
    const st_op op = make_op(O_SET);
    const st_change edit = { .dot = make_form_dot(9, 3),
                             .ops = &op,
                             .ops_count = 1,
                             .amend = true,
                             .reason = make_text("ghi nhầm"),
                             .wall_ms = 1773282600000 };
    const st_change act = { .dot = make_form_dot(9, 4), .act = ST_ACT_WITHDRAW };
    const st_change newer = { .dot = make_form_dot(9, 5), .act = ST_ACT_COUNT };
    st_history_item items[] = {
        make_item(&edit),  make_item(&act),  make_item(&edit), make_item(&edit),
        make_item(&newer), make_item(&edit), make_item(&edit),
    };
    items[1].actor.b[0] = 7; /* nobody's name */
    items[1].has_carrier = true;
    memset(items[1].carrier.b, 0xca, sizeof items[1].carrier.b);
    items[2].log_index = 0;
    items[2].received_ms = 0;
    items[2].verdict = "unsent";
    items[3].verdict = "held";
    items[3].hold = ST_HOLD_FROZEN;
    items[3].via = ST_VIA_OPERATOR;
    items[3].role = ST_ROLE_OFFICE;
    items[3].corrected_ms = 1773282000000;
    items[3].proof_size = 70000;
    memset(items[3].proof_root.b, 0xfb, sizeof items[3].proof_root.b);
    items[4].role = ST_ROLE_COUNT;
    items[5].verdict = "declined";
    items[5].decision_index = 64;
    items[5].decision_ms = 1773282000000;
    items[5].decision_reason = "không đúng nơi";
    items[5].decision_reason_len = strlen(items[5].decision_reason);
    items[6].verdict = "what a newer server says";
    static const struct {
        size_t item;
        const char *lang, *says[6];
    } CASES[] = {
        { 0,
          "vi",
          { "an", "12/03/2026 09:30", "ghi nhầm", "\"amend\":true", "\"log_index\":41",
            "\"carrier\":null,\"log_index\":41,\"proof\":null,\"seen_size\":" } },
        { 0, "en", { "officer", "ghi nhầm", "\"role\":\"officer\"" } },
        { 1,
          "vi",
          { "07000000000000000000000000000000", "\"value\":\"withdraw\"",
            "\"carrier\":\"cacacacacacacacacacacacacacacaca\"", "\"reason\":null" } },
        { 1, "en", { "    withdraw\n" } },
        { 2, "vi", { "\"verdict\":\"unsent\"", "\"log_index\":null", "\"received_at\":null" } },
        { 2, "en", { "unsent" } },
        { 3, "vi", { "\"held\":\"frozen\"", "\"via\":\"operator\"", "\"corrected_at\":\"2026-" } },
        { 3, "en", { ": ", "\"role\":\"office\"",
                     "\"proof\":{\"size\":70000,"
                     "\"root\":\"+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=\"}," } },
        { 4, "vi", { "\"op\":\"state\"" } },
        { 5,
          "vi",
          { "\"verdict\":\"declined\"",
            "\"decision\":{\"by\":null,\"at\":\"2026-03-12T09:20:00.000+07:00\",\"log_index\":64},"
            "\"decision_reason\":\"không đúng nơi\"",
            "không đưa vào sổ: - 12/03/2026 09:20 (mục 64)\n",
            "văn phòng không đưa vào sổ vì: không đúng nơi" } },
        { 6, "vi", { "what a newer server says" } },
    };
    for (size_t i = 0; i < LEN(CASES); i++)
        must_say(&FORM, &items[CASES[i].item], CASES[i].lang, CASES[i].says, 6);
}

/* Which meeting it stands behind, and what the server's clock says of the time. */
static void test_meetings_and_clocks(void **state)
{
    (void)state;
    const st_op op = make_op(O_SET);
    const st_change change = { .dot = make_form_dot(9, 3), .ops = &op, .ops_count = 1,
                               .wall_ms = 1773282600000 };
    enum { OPEN, CLOSED, UNKNOWN, NO_FENCE, REBOOTED, RIGHT, AHEAD, ITEMS };
    st_history_item items[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = make_item(&change);
    items[OPEN].has_fence = items[CLOSED].has_fence = true;
    items[CLOSED].fence_is_close = items[UNKNOWN].fence_is_close = true;
    items[UNKNOWN].has_fence = items[UNKNOWN].fence_is_unknown = true;
    memset(items[CLOSED].fence_meeting.b, 0xfe, 16);
    items[REBOOTED].rebooted = true;
    items[RIGHT].corrected_ms = change.wall_ms + 1000;
    items[AHEAD].corrected_ms = change.wall_ms - 3600000;
    items[AHEAD].within_ms = 1001;
    static const struct {
        size_t item;
        const char *lang, *says[3], *not_said;
    } CASES[] = {
        { OPEN, "vi", { "    trong cuộc họp\n", "\"side\":\"open\"" }, "kết thúc" },
        { OPEN, "en", { "    while the meeting was open\n" }, "closed" },
        { CLOSED, "vi", { "    sau khi kết thúc cuộc họp\n", "\"side\":\"close\"",
                          "\"meeting\":\"fefefefefefefefefefefefefefefefe\"" }, "trong cuộc" },
        { CLOSED, "en", { "    after the meeting closed\n" }, "was open" },
        { UNKNOWN, "vi", { "không biết, sổ đã được đặt lại", "\"side\":\"unknown\"" }, "kết thúc" },
        { UNKNOWN, "en", { "unknown, the book was put back" }, "after the meeting closed" },
        { NO_FENCE, "en", { "\"after_fence\":null" }, "meeting was" },
        { REBOOTED, "vi", { "giờ máy không chắc", "\"rebooted\":true" }, "giờ máy sai" },
        { REBOOTED, "en", { "time uncertain: the device restarted" }, "clock wrong" },
        { RIGHT, "vi", { "\"corrected_at\":\"2026-03-12T09:30:01" }, "giờ máy sai" },
        { AHEAD, "vi", { "giờ máy sai; theo máy chủ là 12/03/2026 08:30 (±2 s)" }, "không chắc" },
        { AHEAD, "en", { "clock wrong; by the server 12/03/2026 08:30 (±2 s)" }, "uncertain" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_history_item *item = &items[CASES[i].item];
        must_say(&FORM, item, CASES[i].lang, CASES[i].says, 3);
        st_buffer out = written(&FORM, item, CASES[i].lang);
        assert_null(strstr((const char *)out.data, CASES[i].not_said));
        st_buffer_free(&out);
    }
}

/* What an officer may write was seen by him; what the office decides is settled; what the creator
 * alone writes is as he is. */
static void test_who_observed_and_who_settled(void **state)
{
    (void)state;
    const st_field fields[] = {
        { .no = 1, .name = "a", .write = 1u << ST_ROLE_OFFICER },
        { .no = 2, .name = "b", .write = 1u << ST_ROLE_OFFICE },
        { .no = 3, .name = "c", .write = ST_WRITE_CREATOR },
    };
    st_form form = { .name = "x", .fields = fields, .fields_count = 3 };
    static const char *const BY_OFFICE[] = { "observed", "settled", "settled", "observed" };
    static const char *const BY_OFFICER[] = { "observed", "settled", "observed", "observed" };
    for (uint16_t no = 1; no <= 4; no++) {
        st_op op = { .path = make_field_path(no) };
        form.create = 1u << ST_ROLE_OFFICE;
        assert_string_equal(st_history_side(&form, &op), BY_OFFICE[no - 1]);
        form.create |= 1u << ST_ROLE_OFFICER;
        assert_string_equal(st_history_side(&form, &op), BY_OFFICER[no - 1]);
        assert_string_equal(st_history_side(NULL, &op), "observed");
        op.verb = ST_VERB_RESOLVE;
        assert_string_equal(st_history_side(&form, &op), "settled");
    }
}

/* Asked for one field, a history shows that one of a change, also where it is an element of it. */
static void test_one_field_alone(void **state)
{
    (void)state;
    const st_op ops[] = { make_op(O_SET), make_op(O_ADD), make_op(O_KEYED), make_op(O_KEEP) };
    const st_change change = { .dot = make_form_dot(9, 3), .ops = ops, .ops_count = LEN(ops) };
    static const char *const SAYS[] = { "\"path\":\"place\"", "\"path\":\"contents\"",
                                        "\"path\":\"ratings.x2.rating\"",
                                        "\"path\":\"findings." };
    for (size_t only = 0; only < LEN(ops); only++) {
        st_path path = ops[only].path;
        st_history_item item = make_item(&change);
        path.element_len = 0;
        memset(path.element, 0, sizeof path.element);
        item.only = &path;
        st_buffer out = written(&FORM, &item, "en");
        for (size_t i = 0; i < LEN(SAYS); i++)
            assert_true((strstr((const char *)out.data, SAYS[i]) != NULL) == (i == only));
        st_buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_is_said),
        cmocka_unit_test(test_a_form_that_is_not_known),
        cmocka_unit_test(test_who_when_and_what_became_of_it),
        cmocka_unit_test(test_meetings_and_clocks),
        cmocka_unit_test(test_who_observed_and_who_settled),
        cmocka_unit_test(test_one_field_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
