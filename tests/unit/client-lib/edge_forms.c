/* tests/unit/client-lib/edge_forms.c - the forms of the edge's catalogue: as few as the phone's
 * tests need. */
#include "tests/unit/client-lib/edge_forms.h"

#include <string.h>

#define OFFICER       (1u << ST_ROLE_OFFICER)
#define OFFICE        (1u << ST_ROLE_OFFICE)
#define CREATOR       ST_WRITE_CREATOR
#define ANY           .min = 1, .max = 0
#define NAMED(called) .name = (called), .vi = (called), .en = (called)
#define TEXT_FIELD(number, called, merge, writers, chars)                                          \
    {                                                                                              \
        .no = (number), NAMED(called), .type = ST_TYPE_STR, .cls = (merge), .write = (writers),    \
        .max_chars = (chars), ANY                                                                  \
    }
#define CODE_FIELD(number, called)                                                                 \
    {                                                                                              \
        .no = (number), NAMED(called), .type = ST_TYPE_CODE, .cls = ST_CLASS_FIXED,                \
        .write = CREATOR, ANY                                                                      \
    }
#define ID_FIELD(number, called)                                                                   \
    {                                                                                              \
        .no = (number), NAMED(called), .type = ST_TYPE_ID, .cls = ST_CLASS_FIXED,                  \
        .write = CREATOR, ANY                                                                      \
    }

static const st_option KINDS[] = { { 1, "kiem_tra", "kiểm tra", "inspection" } };
static const st_option RATINGS[] = {
    { 1, "chua_dat", "chưa đạt", "not met" },
    { 3, "dat", "đạt", "met" },
};
static const st_list LISTS[] = { { "visit_kind", KINDS, 1 }, { "rating", RATINGS, 2 } };
static const char *const TITLE[] = { "place" };

static const st_field VISIT[] = {
    CODE_FIELD(EDGE_UNIT_ID, "unit_id"),
    { .no = 2,
      NAMED("visit_kind"),
      .type = ST_TYPE_ENUM,
      .cls = ST_CLASS_FIXED,
      .write = CREATOR,
      .list = &LISTS[0],
      ANY },
    { .no = EDGE_DATE,
      NAMED("visit_date"),
      .type = ST_TYPE_DATE,
      .cls = ST_CLASS_DECISIVE,
      .write = OFFICER,
      .required = true,
      ANY },
    CODE_FIELD(4, "movement_id"),
    CODE_FIELD(5, "field_code"),
    TEXT_FIELD(EDGE_PLACE, "place", ST_CLASS_PLAIN, OFFICER, 120),
    TEXT_FIELD(EDGE_NOTE, "general_note", ST_CLASS_DECISIVE, OFFICER, 4000),
    { .no = EDGE_TOPICS,
      NAMED("topics"),
      .type = ST_TYPE_CODE,
      .cls = ST_CLASS_SET,
      .write = OFFICER,
      ANY },
    TEXT_FIELD(EDGE_ACCEPTED, "accepted_note", ST_CLASS_DECISIVE, OFFICE, 4000),
};
static const st_field RATING_FIELDS[] = {
    { .no = 1,
      NAMED("rating"),
      .type = ST_TYPE_ENUM,
      .cls = ST_CLASS_DECISIVE,
      .write = OFFICER,
      .list = &LISTS[1],
      ANY },
    TEXT_FIELD(3, "evidence", ST_CLASS_DECISIVE, OFFICER, 2000),
};
static const st_field FINDING_FIELDS[] = {
    TEXT_FIELD(1, "text", ST_CLASS_DECISIVE, OFFICER, 2000),
};
static const st_field AMENDMENT_FIELDS[] = {
    TEXT_FIELD(2, "path", ST_CLASS_REMARK, OFFICER, 200),
    TEXT_FIELD(3, "old", ST_CLASS_REMARK, OFFICER, 8000),
    TEXT_FIELD(4, "new", ST_CLASS_REMARK, OFFICER, 8000),
    TEXT_FIELD(5, "reason", ST_CLASS_REMARK, OFFICER, 500),
};
static const st_field SETTLEMENT_FIELDS[] = {
    TEXT_FIELD(1, "path", ST_CLASS_REMARK, OFFICER, 200),
    TEXT_FIELD(2, "values_seen", ST_CLASS_REMARK, OFFICER, 8000),
    TEXT_FIELD(3, "kept", ST_CLASS_REMARK, OFFICER, 80),
    TEXT_FIELD(4, "reason", ST_CLASS_REMARK, OFFICER, 1000),
};
static const st_field REMARK_FIELDS[] = {
    TEXT_FIELD(1, "text", ST_CLASS_REMARK, OFFICER | OFFICE, 4000),
};
static const st_group GROUPS[] = {
    { 40, NAMED("ratings"), true, "criterion", RATING_FIELDS, 2 },
    { 41, NAMED("findings"), false, NULL, FINDING_FIELDS, 1 },
    { 51, NAMED("amendments"), false, NULL, AMENDMENT_FIELDS, 4 },
    { 52, NAMED("settlements"), false, NULL, SETTLEMENT_FIELDS, 4 },
    { 900, NAMED("remarks"), false, NULL, REMARK_FIELDS, 1 },
};

/* Records of which little is asked: keys of which the catalogue has none, and no place that says
 * what was amended or settled, or a place that cannot. */
static const st_field NOTE[] = {
    TEXT_FIELD(1, "subject", ST_CLASS_DECISIVE, OFFICER, 8000),
};
static const st_field MARK_FIELDS[] = {
    TEXT_FIELD(1, "text", ST_CLASS_DECISIVE, OFFICER, 8000),
};
static const st_field PART_FIELDS[] = {
    { .no = 1,
      NAMED("tags"),
      .type = ST_TYPE_CODE,
      .cls = ST_CLASS_SET,
      .write = OFFICER,
      ANY },
};
static const st_group NOTE_GROUPS[] = {
    { 40, NAMED("marks"), true, "mark", MARK_FIELDS, 1 },
    { 42, NAMED("parts"), false, NULL, PART_FIELDS, 1 },
};
static const st_group MEMO_GROUPS[] = {
    { 51, NAMED("amendments"), true, "mark", MARK_FIELDS, 1 },
    { 52, NAMED("settlements"), true, "mark", MARK_FIELDS, 1 },
};

static const st_field FORM_FIELDS[] = {
    CODE_FIELD(1, "form_id"),
    { .no = 3,
      NAMED("definition"),
      .type = ST_TYPE_BYTES,
      .cls = ST_CLASS_FIXED,
      .write = CREATOR,
      ANY },
};
static const st_field UNIT_FIELDS[] = {
    CODE_FIELD(1, "unit_id"),
    TEXT_FIELD(4, "name_vi", ST_CLASS_DECISIVE, OFFICE, 120),
};
static const st_field CRITERION_FIELDS[] = {
    CODE_FIELD(1, "criterion_id"),
    TEXT_FIELD(4, "label_vi", ST_CLASS_DECISIVE, OFFICE, 60),
};
static const st_field MOVEMENT_FIELDS[] = {
    CODE_FIELD(1, "movement_id"),
    TEXT_FIELD(4, "title_vi", ST_CLASS_DECISIVE, OFFICE, 60),
};
static const st_field PERSON_FIELDS[] = { CODE_FIELD(1, "login"), ID_FIELD(2, "person_id") };
static const st_field DEVICE_FIELDS[] = {
    ID_FIELD(1, "device_id"),
    ID_FIELD(2, "person_id"),
    { .no = 3,
      NAMED("sign_key"),
      .type = ST_TYPE_HASH,
      .cls = ST_CLASS_FIXED,
      .write = CREATOR,
      ANY },
};

#define CATALOGUE(called, its_fields)                                                              \
    {                                                                                              \
        NAMED(called), .version = 1, .home = ST_HOME_CATALOGUE, .life = ST_LIFE_NONE,              \
                       .create = OFFICE, .fields = (its_fields),                                   \
                       .fields_count = sizeof(its_fields) / sizeof(its_fields)[0]                  \
    }

static const st_form FORMS[] = {
    CATALOGUE("form", FORM_FIELDS),
    CATALOGUE("unit", UNIT_FIELDS),
    CATALOGUE("criterion", CRITERION_FIELDS),
    CATALOGUE("movement", MOVEMENT_FIELDS),
    CATALOGUE("person", PERSON_FIELDS),
    CATALOGUE("device", DEVICE_FIELDS),
    { NAMED("visit"), .version = 1, .home = ST_HOME_UNIT, .life = ST_LIFE_VISIT,
      .create = OFFICER | OFFICE, .fields = VISIT, .fields_count = sizeof VISIT / sizeof VISIT[0],
      .groups = GROUPS, .groups_count = 5, .lists = LISTS, .lists_count = 2, .title = TITLE,
      .title_count = 1 },
    { NAMED("note"), .version = 1, .home = ST_HOME_UNIT, .life = ST_LIFE_VISIT,
      .create = OFFICER | OFFICE, .fields = NOTE, .fields_count = 1, .groups = NOTE_GROUPS,
      .groups_count = 2 },
    { NAMED("memo"), .version = 1, .home = ST_HOME_UNIT, .life = ST_LIFE_VISIT,
      .create = OFFICER | OFFICE, .fields = NOTE, .fields_count = 1, .groups = MEMO_GROUPS,
      .groups_count = 2 },
};

const st_form *edge_forms(size_t *out_count)
{
    *out_count = sizeof FORMS / sizeof FORMS[0];
    return FORMS;
}
