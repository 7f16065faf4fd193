/* tests/unit/client-lib/test_peer_faults.c
 * What the catalogue grants another phone, and what it does not: a device that is suspended, a
 * person who left, an assignment that is over or is of something else, units that went into others.
 * Whatever the catalogue does not say in so many words, or says in a way that nobody can read, is
 * not granted; nor is anything when memory or the store fails meanwhile. The catalogue is made by
 * hand here, value by value. */
#include "client-lib/src/peer.h"

#include "tests/unit/client-lib/forms.h"
#include "tests/unit/client-lib/handmade.h"
#include "tests/unit/client-lib/stumble.h"

#define CATALOGUE EDGE_COMMUNE "/catalogue"
#define SAYS_MAX  5u
#define TOLD_MAX  4u
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* Versions of the forms that a record may be of. */
enum {
    SOUND = 2,
    PLAIN_SUCCESSORS = 3, /* unit: its successors are no set */
    UNREADABLE = 4,
    UNKNOWN = 5
};

enum { DEVICE_ID = 1, DEVICE_STATUS = 5 };
enum { PERSON_LOGIN = 1, PERSON_ID = 2, PERSON_ACTIVE = 6 };
enum { ASSIGNED = 1, TARGET = 2, TARGET_ID = 3, ASSIGNMENT_ACTIVE = 7 };
enum { UNIT_ID = 1, SUCCESSORS = 11, GROUP = 40 };

typedef enum { VALUE, ELEMENT, GROUPED } where;

/* One operation. An id is that of binh ("binh"), of his phone ("phone") or of nobody. */
typedef struct {
    uint16_t field;
    st_value_kind kind; /* NULL: no more of them */
    const char *text;
    int64_t number;
    where where;
} say;

typedef struct {
    const char *form;
    uint32_t version;
    say says[SAYS_MAX];
    bool is_withdrawn, is_not_made, is_persons; /* the record's id is that of binh */
} told;

typedef struct {
    edge *e;
    phone an, binh;
    st_id device, person; /* binh's */
    book_key keys[TOLD_MAX];
    size_t keys_count;
} desk;

/* ---- the forms ---- */

static const st_field DEVICE[] = { FORM_FIELD(DEVICE_ID, "device_id", ST_TYPE_ID),
                                   FORM_FIELD(DEVICE_STATUS, "status", ST_TYPE_UINT) };
static const st_field PERSON[] = { FORM_FIELD(PERSON_LOGIN, "login", ST_TYPE_CODE),
                                   FORM_FIELD(PERSON_ID, "person_id", ST_TYPE_ID),
                                   FORM_FIELD(PERSON_ACTIVE, "active", ST_TYPE_BOOL) };
static const st_field ASSIGNMENT[] = { FORM_FIELD(ASSIGNED, "person_id", ST_TYPE_ID),
                                       FORM_FIELD(TARGET, "target", ST_TYPE_UINT),
                                       FORM_FIELD(TARGET_ID, "target_id", ST_TYPE_CODE),
                                       FORM_FIELD(ASSIGNMENT_ACTIVE, "active", ST_TYPE_BOOL) };
static const st_field UNIT[] = { FORM_FIELD(UNIT_ID, "unit_id", ST_TYPE_CODE),
                                 { .no = SUCCESSORS,
                                   FORM_NAMED("successor_ids"),
                                   .type = ST_TYPE_CODE,
                                   .cls = ST_CLASS_SET,
                                   .write = 1u << ST_ROLE_OFFICE,
                                   .min = 1 } };
static const st_field UNIT_PLAIN[] = { FORM_FIELD(UNIT_ID, "unit_id", ST_TYPE_CODE),
                                       FORM_FIELD(SUCCESSORS, "successor_ids", ST_TYPE_CODE) };
static const st_field UNIT_OLD[] = { FORM_FIELD(UNIT_ID, "unit_id", ST_TYPE_CODE) };
static const st_form FORMS[] = {
    FORM_OF("device", SOUND, DEVICE),
    FORM_OF("person", SOUND, PERSON),
    FORM_OF("assignment", SOUND, ASSIGNMENT),
    FORM_OF("unit", SOUND, UNIT),
    FORM_OF("unit", PLAIN_SUCCESSORS, UNIT_PLAIN),
    FORM_OF("device", PLAIN_SUCCESSORS, UNIT_OLD),
    FORM_OF("assignment", PLAIN_SUCCESSORS, UNIT_OLD),
};

static void put_forms(phone *p)
{
    book_key key = forms_key("unit", UNREADABLE);
    for (size_t i = 0; i < COUNT(FORMS); i++)
        forms_put(p, &FORMS[i]);
    rows_put(p, &key, "no form", 7);
}

/* ---- the desk ---- */

static int desk_open(void **state)
{
    static desk d;
    sotay_who who;
    memset(&d, 0, sizeof d);
    d.e = phone_pair(&d.an, &d.binh);
    assert_int_equal(edge_sync(d.e, d.an.client, NULL, NULL), SOTAY_OK);
    sotay_whoami(d.binh.client, &who);
    memcpy(d.device.b, who.device.b, sizeof d.device.b);
    d.person = d.e->persons[1];
    put_forms(&d.an);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    phone_part(d->e, &d->an, &d->binh);
    return 0;
}

static void put_value(const desk *d, handmade *h, const say *s)
{
    static const st_id NOBODY = { { 0xee } };
    st_op *op = &h->ops[h->change.ops_count];
    if (s->kind == ST_VALUE_ID) {
        const st_id *id = strcmp(s->text, "binh") == 0    ? &d->person
                          : strcmp(s->text, "phone") == 0 ? &d->device
                                                          : &NOBODY;
        handmade_value(h, s->field, s->kind, id->b, sizeof id->b);
        return;
    }
    if (s->kind == ST_VALUE_INT) {
        handmade_value(h, s->field, s->kind, NULL, 0);
        op->value.number = s->number;
        return;
    }
    handmade_value(h, s->field, s->kind, s->text, strlen(s->text));
    if (s->where == GROUPED) {
        op->path.kind = ST_PATH_KEYED;
        op->path.group = GROUP;
        assert_true(st_code_set(&op->path.key, "a1", 2));
    }
    if (s->where == ELEMENT) {
        op->verb = ST_VERB_ADD;
        op->path.element_len = (uint8_t)strlen(s->text);
        memcpy(op->path.element, s->text, strlen(s->text));
        op->value = (st_value){ .kind = ST_VALUE_INT, .number = 1 };
    }
}

/* One record into an's catalogue, in front of what is there: of a device the first one counts. */
static void put_told(desk *d, const told *t, uint8_t number)
{
    handmade h;
    handmade_open(&h, number, CATALOGUE);
    handmade_begin(&h);
    assert_true(st_code_set(&h.change.form, t->form, strlen(t->form)));
    h.change.form_version = t->version;
    for (size_t i = 0; i < SAYS_MAX && t->says[i].text != NULL; i++)
        put_value(d, &h, &t->says[i]);
    handmade_end(&h, 1);
    if (t->is_withdrawn) {
        handmade_begin(&h);
        h.change.act = ST_ACT_WITHDRAW;
        handmade_end(&h, 2);
    }
    if (t->is_persons)
        h.id = h.record.id = d->person;
    h.record.created = h.record.created && !t->is_not_made;
    assert_true(d->keys_count < TOLD_MAX);
    d->keys[d->keys_count] = book_key_id(BOOK_BASE, &h.id);
    handmade_put(&h, &d->an, &d->keys[d->keys_count++]);
    handmade_close(&h);
}

static void forget_told(desk *d)
{
    while (d->keys_count > 0)
        rows_delete(&d->an, &d->keys[--d->keys_count]);
}

static st_err load(desk *d, const st_id *device, st_arena *arena, peer *out, st_error *error)
{
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    st_err err = peer_load(d->an.client, device, arena, out, error);
    client_abort(d->an.client);
    return err;
}

static bool may_read(const peer *p, const char *text)
{
    st_bucket bucket;
    assert_true(st_bucket_set(&bucket, text, strlen(text)));
    return peer_may_read(p, &bucket);
}

static bool has_unit(const peer *p, char letter)
{
    char bucket[] = EDGE_COMMUNE "/unit/x";
    bucket[sizeof bucket - 2] = letter;
    return may_read(p, bucket);
}

typedef struct {
    const char *why;
    bool is_out;       /* not in use */
    const char *units; /* whose books it may read, a letter each; NULL: not even the catalogue */
    told tells[TOLD_MAX];
} scene;

static void must_be(desk *d, const scene *s)
{
    st_arena arena;
    peer p;
    st_error error = { ST_OK, "" };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    for (size_t i = 0; i < TOLD_MAX && s->tells[i].form != NULL; i++)
        put_told(d, &s->tells[i], (uint8_t)(0xd0 + i));
    if (load(d, &d->device, &arena, &p, &error) != ST_OK)
        fail_msg("%s: %s", s->why, error.detail);
    if (p.is_in_use == s->is_out)
        fail_msg("%s: is %sin use", s->why, p.is_in_use ? "" : "not ");
    assert_true(st_id_cmp(&p.person, &d->person) == 0);
    assert_true(may_read(&p, CATALOGUE) == (!s->is_out && s->units != NULL));
    for (char unit = 'A'; unit <= 'F'; unit++)
        if (has_unit(&p, unit) != (s->units != NULL && strchr(s->units, unit) != NULL))
            fail_msg("%s: unit %c", s->why, unit);
    forget_told(d);
    st_arena_reset(&arena);
}

/* ---- whether it is in use ---- */

#define ID(number, whose)                                                                          \
    {                                                                                              \
        .field = (number), .kind = ST_VALUE_ID, .text = (whose)                                    \
    }
#define CODE(number, its)                                                                          \
    {                                                                                              \
        .field = (number), .kind = ST_VALUE_CODE, .text = (its)                                    \
    }
#define TEXT(number, its)                                                                          \
    {                                                                                              \
        .field = (number), .kind = ST_VALUE_TEXT, .text = (its)                                    \
    }
#define NUMBER(no_, its)                                                                           \
    {                                                                                              \
        .field = (no_), .kind = ST_VALUE_INT, .text = "", .number = (its)                          \
    }
#define INTO(its)                                                                                  \
    {                                                                                              \
        .field = SUCCESSORS, .kind = ST_VALUE_CODE, .text = (its), .where = ELEMENT                \
    }

static const scene IN_USE[] = {
    { "nothing more is said", false, "", { { .form = NULL } } },
    { "the device is active",
      false,
      "",
      { { .form = "device",
          .version = SOUND,
          .says = { ID(DEVICE_ID, "phone"), NUMBER(DEVICE_STATUS, 1) } } } },
    { "nothing is said of its status",
      false,
      "",
      { { .form = "device", .version = SOUND, .says = { ID(DEVICE_ID, "phone") } } } },
    { "its status is no number",
      false,
      "",
      { { .form = "device",
          .version = SOUND,
          .says = { ID(DEVICE_ID, "phone"), TEXT(DEVICE_STATUS, "2") } } } },
    { "it is suspended",
      true,
      "",
      { { .form = "device",
          .version = SOUND,
          .says = { ID(DEVICE_ID, "phone"), NUMBER(DEVICE_STATUS, 2) } } } },
    { "another one is suspended",
      false,
      "",
      { { .form = "device",
          .version = SOUND,
          .says = { ID(DEVICE_ID, "nobody"), NUMBER(DEVICE_STATUS, 2) } } } },
    { "one whose id is no id",
      false,
      "",
      { { .form = "device",
          .version = SOUND,
          .says = { TEXT(DEVICE_ID, "phone, but not its id"), NUMBER(DEVICE_STATUS, 2) } } } },
    { "one whose id is too short",
      false,
      "",
      { { .form = "device",
          .version = SOUND,
          .says = { TEXT(DEVICE_ID, "short"), NUMBER(DEVICE_STATUS, 2) } } } },
    { "one without an id",
      false,
      "",
      { { .form = "device", .version = SOUND, .says = { NUMBER(DEVICE_STATUS, 2) } } } },
    { "one whose form has none",
      false,
      "",
      { { .form = "device", .version = PLAIN_SUCCESSORS, .says = { NUMBER(DEVICE_STATUS, 2) } } } },
    { "its person is active",
      false,
      "",
      { { .form = "person",
          .version = SOUND,
          .says = { ID(PERSON_ID, "binh"), NUMBER(PERSON_ACTIVE, 1) } } } },
    { "its person left",
      true,
      "",
      { { .form = "person",
          .version = SOUND,
          .says = { ID(PERSON_ID, "binh"), NUMBER(PERSON_ACTIVE, 0) } } } },
    { "its person left, who is the record",
      true,
      "",
      { { .form = "person",
          .version = SOUND,
          .says = { NUMBER(PERSON_ACTIVE, 0) },
          .is_persons = true } } },
    { "another person left",
      false,
      "",
      { { .form = "person",
          .version = SOUND,
          .says = { ID(PERSON_ID, "nobody"), NUMBER(PERSON_ACTIVE, 0) } } } },
    { "its person is withdrawn",
      true,
      "",
      { { .form = "person",
          .version = SOUND,
          .says = { ID(PERSON_ID, "binh") },
          .is_withdrawn = true } } },
    { "a form that no one can read",
      false,
      "",
      { { .form = "unit", .version = UNREADABLE, .says = { CODE(UNIT_ID, "A"), INTO("B") } } } },
    { "a form that is not here",
      false,
      NULL,
      { { .form = "device",
          .version = UNKNOWN,
          .says = { ID(DEVICE_ID, "phone"), NUMBER(DEVICE_STATUS, 2) } } } },
    { "a record that is not made yet",
      false,
      NULL,
      { { .form = "device",
          .version = SOUND,
          .says = { ID(DEVICE_ID, "phone"), NUMBER(DEVICE_STATUS, 2) },
          .is_not_made = true } } },
};

static void test_who_is_in_use(void **state)
{
    for (size_t i = 0; i < COUNT(IN_USE); i++)
        must_be(*state, &IN_USE[i]);
}

/* ---- what it may read ---- */

#define ASSIGNS(unit, ...)                                                                         \
    {                                                                                              \
        .form = "assignment", .version = SOUND, .says = {                                          \
            ID(ASSIGNED, "binh"),                                                                  \
            CODE(TARGET_ID, unit),                                                                 \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const scene GIVEN[] = {
    { "a unit", false, "A", { ASSIGNS("A", NUMBER(TARGET, 1)) } },
    { "two units",
      false,
      "AC",
      { ASSIGNS("A", NUMBER(TARGET, 1)), ASSIGNS("C", NUMBER(TARGET, 1)) } },
    { "one that is still so",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1), NUMBER(ASSIGNMENT_ACTIVE, 1)) } },
    { "one that is over",
      false,
      "",
      { ASSIGNS("A", NUMBER(TARGET, 1), NUMBER(ASSIGNMENT_ACTIVE, 0)) } },
    { "an area of that name", false, "", { ASSIGNS("A", NUMBER(TARGET, 2)) } },
    { "it is not said what",
      false,
      "",
      { { .form = "assignment",
          .version = SOUND,
          .says = { ID(ASSIGNED, "binh"), CODE(TARGET_ID, "A") } } } },
    { "it is not said which",
      false,
      "",
      { { .form = "assignment",
          .version = SOUND,
          .says = { ID(ASSIGNED, "binh"), NUMBER(TARGET, 1) } } } },
    { "no name of a unit",
      false,
      "",
      { { .form = "assignment",
          .version = SOUND,
          .says = { ID(ASSIGNED, "binh"), TEXT(TARGET_ID, "A B"), NUMBER(TARGET, 1) } } } },
    { "to somebody else",
      false,
      "",
      { { .form = "assignment",
          .version = SOUND,
          .says = { ID(ASSIGNED, "nobody"), CODE(TARGET_ID, "A"), NUMBER(TARGET, 1) } } } },
    { "by a form without persons",
      false,
      "",
      { { .form = "assignment", .version = PLAIN_SUCCESSORS, .says = { CODE(UNIT_ID, "A") } } } },
    { "withdrawn",
      false,
      "",
      { { .form = "assignment",
          .version = SOUND,
          .says = { ID(ASSIGNED, "binh"), CODE(TARGET_ID, "A"), NUMBER(TARGET, 1) },
          .is_withdrawn = true } } },
    { "to a phone out of use",
      true,
      "",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "device",
          .version = SOUND,
          .says = { ID(DEVICE_ID, "phone"), NUMBER(DEVICE_STATUS, 3) } } } },
};

static void test_what_is_assigned(void **state)
{
    for (size_t i = 0; i < COUNT(GIVEN); i++)
        must_be(*state, &GIVEN[i]);
}

static const scene WENT[] = {
    { "one step",
      false,
      "AB",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "B"), INTO("A") } } } },
    { "two steps, the later one first",
      false,
      "ABC",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "C"), INTO("B") } },
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "B"), INTO("A") } } } },
    { "in a ring",
      false,
      "AB",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "B"), INTO("A") } },
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "A"), INTO("B") } } } },
    { "into two, of which one is assigned",
      false,
      "AB",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit",
          .version = SOUND,
          .says = { CODE(UNIT_ID, "B"), INTO("A"), INTO("D") } } } },
    { "not the other way round",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "A"), INTO("B") } } } },
    { "of a unit without a name",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { INTO("A") } } } },
    { "whose name is a text",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { TEXT(UNIT_ID, "B"), INTO("A") } } } },
    { "whose name is none",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { TEXT(UNIT_ID, "B C"), INTO("A") } } } },
    { "into no name of a unit",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "B"), INTO("A ") } } } },
    { "as a value, not an element",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit",
          .version = SOUND,
          .says = { CODE(UNIT_ID, "B"), CODE(SUCCESSORS, "A") } } } },
    { "in a group, where nothing is said of it",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit",
          .version = SOUND,
          .says = { CODE(UNIT_ID, "B"),
                    { .field = SUCCESSORS,
                      .kind = ST_VALUE_CODE,
                      .text = "A",
                      .where = GROUPED } } } } },
    { "by a form whose successors are no set",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit",
          .version = PLAIN_SUCCESSORS,
          .says = { CODE(UNIT_ID, "B"), INTO("A") } } } },
    { "by a form without successors",
      false,
      "A",
      { ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = 1, .says = { CODE(UNIT_ID, "B"), INTO("A") } } } },
};

static void test_units_that_went_into_others(void **state)
{
    for (size_t i = 0; i < COUNT(WENT); i++)
        must_be(*state, &WENT[i]);
}

/* Units and the catalogue are all that a phone gives another one in the clear. */
static void test_other_books_are_not_given(void **state)
{
    static const told HAS_A = ASSIGNS("A", NUMBER(TARGET, 1));
    desk *d = *state;
    st_arena arena;
    peer p;
    st_bucket none = { "" };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    put_told(d, &HAS_A, 0xd0);
    assert_int_equal(load(d, &d->device, &arena, &p, NULL), ST_OK);
    assert_true(may_read(&p, EDGE_COMMUNE "/unit/A"));
    assert_false(may_read(&p, EDGE_COMMUNE "/unit/AA"));
    assert_false(may_read(&p, EDGE_COMMUNE "/council"));
    assert_false(may_read(&p, EDGE_COMMUNE "/review"));
    assert_false(peer_may_read(&p, &none));
    forget_told(d);
    st_arena_reset(&arena);
}

static void test_a_phone_that_nobody_knows(void **state)
{
    desk *d = *state;
    st_arena arena;
    peer p;
    st_error error = { ST_OK, "" };
    st_id stranger = d->device;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    stranger.b[3] ^= 1;
    assert_int_equal(load(d, &stranger, &arena, &p, &error), ST_E_NOT_FOUND);
    assert_non_null(strstr(error.detail, "not in the book"));
    st_arena_reset(&arena);
}

/* Where a record of the catalogue is damaged nothing is granted at all: it may be the one that
 * takes something away. */
static void test_a_damaged_catalogue_grants_nothing(void **state)
{
    desk *d = *state;
    st_arena arena;
    peer p;
    const st_id id = { { 0xd7 } };
    book_key key = book_key_id(BOOK_BASE, &id);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    const told assigned = ASSIGNS("A", NUMBER(TARGET, 1));
    put_told(d, &assigned, 0xd0);
    rows_put(&d->an, &key, "no record", 9);
    assert_int_equal(load(d, &d->device, &arena, &p, NULL), ST_OK);
    assert_false(may_read(&p, EDGE_COMMUNE "/unit/A") || may_read(&p, EDGE_COMMUNE "/council"));
    rows_delete(&d->an, &key);
    assert_int_equal(load(d, &d->device, &arena, &p, NULL), ST_OK);
    assert_true(may_read(&p, EDGE_COMMUNE "/unit/A"));
    forget_told(d);
    st_arena_reset(&arena);
}

/* In each place that can fail once: it is said, and nothing is answered. */
static void test_looking_may_fail_anywhere(void **state)
{
    static const told TOLD[] = {
        ASSIGNS("A", NUMBER(TARGET, 1)),
        { .form = "unit", .version = SOUND, .says = { CODE(UNIT_ID, "B"), INTO("A") } }
    };
    desk *d = *state;
    for (uint8_t i = 0; i < COUNT(TOLD); i++)
        put_told(d, &TOLD[i], (uint8_t)(0xd0 + i));
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
        int places = 0;
        bool refused = true;
        for (; refused; places++) {
            st_arena arena;
            peer p;
            st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
            phone_reopen(&d->an); /* which forgets the forms it had read */
            stumble_arm(how, &d->an, STUMBLE_IN_NEW_PLACE);
            st_err err = client_begin(d->an.client, false, NULL);
            if (err == ST_OK)
                err = peer_load(d->an.client, &d->device, &arena, &p, NULL);
            client_abort(d->an.client);
            refused = stumble_disarm(&d->an);
            if (refused)
                assert_true(err == ST_E_MEMORY || err == ST_E_STORAGE);
            else
                assert_true(err == ST_OK && has_unit(&p, 'A') && has_unit(&p, 'B'));
            st_arena_reset(&arena);
        }
        assert_true(places > 1 || how == STUMBLE_STORE || !STUMBLE_HAS_PLACES);
    }
    forget_told(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_in_use),
        cmocka_unit_test(test_what_is_assigned),
        cmocka_unit_test(test_units_that_went_into_others),
        cmocka_unit_test(test_other_books_are_not_given),
        cmocka_unit_test(test_a_phone_that_nobody_knows),
        cmocka_unit_test(test_a_damaged_catalogue_grants_nothing),
        cmocka_unit_test(test_looking_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
