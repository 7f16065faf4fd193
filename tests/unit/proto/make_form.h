/* tests/unit/proto/make_form.h - a small form like `visit`, with every type and class, for the
 * tests of forms. */
#ifndef SOTAY_TESTS_MAKE_FORM_H
#define SOTAY_TESTS_MAKE_FORM_H

#include <string.h>

#include "proto/form.h"

#define OFFICER (1u << ST_ROLE_OFFICER)
#define OFFICE ((1u << ST_ROLE_OFFICE) | (1u << ST_ROLE_OFFICE_HEAD))
#define NO_RANGE .min = 1, .max = 0

static const st_option KIND_OPTIONS[] = {
    { 1, "kiem_tra", "kiểm tra", "inspection" },
    { 2, "giam_sat", "giám sát", "supervision" },
    { 3, "theo_doi", "theo dõi", "follow-up" },
};
static const st_option RATING_OPTIONS[] = {
    { 0, "chua_danh_gia", "chưa đánh giá", "not rated" },
    { 1, "chua_dat", "chưa đạt", "not met" },
    { 3, "dat", "đạt", "met" },
    { 9, "khong_ap_dung", "không áp dụng", "not applicable" },
};
static const st_option CONTENT_OPTIONS[] = {
    { 1, "n1", "n1", "n1" }, { 2, "n2", "n2", "n2" }, { 3, "n3", "n3", "n3" },
};
static const st_list LISTS[] = {
    { "visit_kind", KIND_OPTIONS, 3 },
    { "rating", RATING_OPTIONS, 4 },
    { "content", CONTENT_OPTIONS, 3 },
};

enum {
    F_KIND = 1, F_UNIT, F_DATE, F_PLACE, F_MIN, F_TS, F_COPIES, F_SCORE, F_MONEY, F_PAID,
    F_POSITION, F_HASH, F_BYTES, F_CONTENTS, F_OBSERVERS, F_HEAD, F_ACCEPTED, F_STATE, F_REF, F_END,
    F_SETTING,
    G_RATINGS = 40, G_FINDINGS, G_REMARKS = 900
};

#define FIELD(number, called, kind, merge, writers) \
    .no = (number), .name = (called), .vi = (called), .en = (called), .type = (kind), \
    .cls = (merge), .write = (writers)

static const st_field RECORD_FIELDS[] = {
    { FIELD(F_KIND, "visit_kind", ST_TYPE_ENUM, ST_CLASS_FIXED, ST_WRITE_CREATOR), NO_RANGE,
      .list = &LISTS[0], .required = true },
    { FIELD(F_UNIT, "unit_id", ST_TYPE_CODE, ST_CLASS_FIXED, ST_WRITE_CREATOR | OFFICER),
      NO_RANGE },
    { FIELD(F_DATE, "visit_date", ST_TYPE_DATE, ST_CLASS_DECISIVE, OFFICER), NO_RANGE,
      .required = true, .constraint = ". <= today()", .message_vi = "Ngày chưa đến.",
      .message_en = "The day is still to come." },
    { FIELD(F_PLACE, "place", ST_TYPE_STR, ST_CLASS_PLAIN, OFFICER), NO_RANGE, .max_chars = 12 },
    { FIELD(F_MIN, "started_at", ST_TYPE_MIN, ST_CLASS_PLAIN, OFFICER), NO_RANGE },
    { FIELD(F_TS, "fixed_at", ST_TYPE_TS, ST_CLASS_PLAIN, OFFICER), NO_RANGE },
    { FIELD(F_COPIES, "copies", ST_TYPE_UINT, ST_CLASS_PLAIN, OFFICER), .min = 0, .max = 255 },
    { FIELD(F_SCORE, "score", ST_TYPE_DEC, ST_CLASS_DECISIVE, OFFICER), .scale = 1, .min = -50,
      .max = 100 },
    { FIELD(F_MONEY, "money", ST_TYPE_MONEY, ST_CLASS_DECISIVE, OFFICER), NO_RANGE },
    { FIELD(F_PAID, "paid", ST_TYPE_BOOL, ST_CLASS_PLAIN, OFFICER), NO_RANGE,
      .relevant = "${visit_kind} = 'kiem_tra'", .required = true },
    { FIELD(F_POSITION, "position", ST_TYPE_GEO, ST_CLASS_PLAIN, OFFICER), NO_RANGE },
    { FIELD(F_HASH, "content_hash", ST_TYPE_HASH, ST_CLASS_PLAIN, OFFICER), NO_RANGE },
    { FIELD(F_BYTES, "blob", ST_TYPE_BYTES, ST_CLASS_PLAIN, OFFICER), NO_RANGE },
    { FIELD(F_CONTENTS, "contents", ST_TYPE_ENUM, ST_CLASS_SET, OFFICER), NO_RANGE,
      .list = &LISTS[2], .required_if = "count(${findings}) > 1" },
    { FIELD(F_OBSERVERS, "observed_by", ST_TYPE_ID, ST_CLASS_SET, OFFICER), NO_RANGE },
    { FIELD(F_HEAD, "head", ST_TYPE_ID, ST_CLASS_PLAIN, OFFICER | OFFICE), NO_RANGE },
    { FIELD(F_ACCEPTED, "accepted_score", ST_TYPE_DEC, ST_CLASS_DECISIVE, OFFICE), NO_RANGE,
      .scale = 1 },
    { FIELD(F_STATE, "state", ST_TYPE_CODE, ST_CLASS_STATE, 0), NO_RANGE },
    { FIELD(F_REF, "ref_no", ST_TYPE_STR, ST_CLASS_SERVER, 0), NO_RANGE, .max_chars = 12 },
    { FIELD(F_END, "end_date", ST_TYPE_DATE, ST_CLASS_DECISIVE, OFFICER), NO_RANGE,
      .constraint = ". >= ${visit_date}", .message_vi = "Kết thúc trước khi bắt đầu.",
      .message_en = "The end is before the start." },
    { FIELD(F_SETTING, "setting", ST_TYPE_CODE, ST_CLASS_PLAIN, ST_WRITE_OPERATOR), NO_RANGE },
};
static const st_field RATING_FIELDS[] = {
    { FIELD(1, "rating", ST_TYPE_ENUM, ST_CLASS_DECISIVE, OFFICER), NO_RANGE, .list = &LISTS[1],
      .required = true },
    { FIELD(2, "evidence", ST_TYPE_STR, ST_CLASS_DECISIVE, OFFICER), NO_RANGE, .max_chars = 2000,
      .required_if = "${rating} = 'chua_dat'" },
    { FIELD(3, "tags", ST_TYPE_CODE, ST_CLASS_SET, OFFICER), NO_RANGE },
};
static const st_field FINDING_FIELDS[] = {
    { FIELD(1, "text", ST_TYPE_STR, ST_CLASS_DECISIVE, OFFICER), NO_RANGE, .max_chars = 2000,
      .required = true },
    { FIELD(2, "made_for", ST_TYPE_CODE, ST_CLASS_FIXED, OFFICER), NO_RANGE },
    { FIELD(3, "contents", ST_TYPE_ENUM, ST_CLASS_SET, OFFICER), NO_RANGE, .list = &LISTS[2],
      .constraint = "not(selected(., 'n3')) or ${visit_kind} = 'kiem_tra'",
      .message_vi = "n3", .message_en = "n3" },
};
static const st_field REMARK_FIELDS[] = {
    { FIELD(1, "text", ST_TYPE_STR, ST_CLASS_REMARK, OFFICER | OFFICE), NO_RANGE,
      .max_chars = 4000, .required = true },
};
static const st_group GROUPS[] = {
    { G_RATINGS, "ratings", "Đánh giá", "Ratings", true, "criterion", RATING_FIELDS, 3 },
    { G_FINDINGS, "findings", "Nhận xét", "Findings", false, NULL, FINDING_FIELDS, 3 },
    { G_REMARKS, "remarks", "Ghi chú", "Remarks", false, NULL, REMARK_FIELDS, 1 },
};
static const char *const TITLE[] = { "visit_kind", "visit_date", "place" };
static const st_form FORM = {
    .name = "visit", .vi = "Lần kiểm tra", .en = "Visit", .version = 1, .home = ST_HOME_UNIT,
    .life = ST_LIFE_VISIT, .create = OFFICER | OFFICE,
    .fields = RECORD_FIELDS, .fields_count = sizeof RECORD_FIELDS / sizeof RECORD_FIELDS[0],
    .groups = GROUPS, .groups_count = 3, .lists = LISTS, .lists_count = 3,
    .title = TITLE, .title_count = 3,
};

static inline st_dot make_form_dot(uint8_t device, uint64_t counter)
{
    st_dot dot = { .counter = counter };
    memset(dot.device.b, device, sizeof dot.device.b);
    return dot;
}

static inline st_path make_field_path(uint16_t field)
{
    st_path path;
    memset(&path, 0, sizeof path);
    path.field = field;
    return path;
}

static inline st_path make_key_path(uint16_t group, const char *key, uint16_t field)
{
    st_path path = make_field_path(field);
    path.kind = ST_PATH_KEYED;
    path.group = group;
    strncpy(path.key.s, key, sizeof path.key.s - 1);
    return path;
}

static inline st_path make_item_path(uint16_t group, st_dot item, uint16_t field)
{
    st_path path = make_field_path(field);
    path.kind = field == 0 ? ST_PATH_DROP : ST_PATH_ITEM;
    path.group = group;
    path.item = item;
    return path;
}

static inline st_value make_number(int64_t number)
{
    return (st_value){ .kind = ST_VALUE_INT, .number = number };
}

static inline st_value make_bytes(st_value_kind kind, const void *data, size_t len)
{
    return (st_value){ .kind = kind, .data = data, .len = (uint32_t)len };
}

static inline st_value make_text(const char *text)
{
    return make_bytes(ST_VALUE_TEXT, text, strlen(text));
}

#endif
