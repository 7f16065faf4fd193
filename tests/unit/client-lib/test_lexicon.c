/* tests/unit/client-lib/test_lexicon.c
 * What a phone learns of names, people and keys from records of the catalogue, and what it does
 * not: values of the wrong kind, names without end, keys that somebody else than the server says.
 * Where nothing can be learned the record is passed over, and what was known stays. */
#include "client-lib/src/lexicon.h"
#include "tests/unit/client-lib/forms.h"
#include "tests/unit/client-lib/handmade.h"

#define CATALOGUE EDGE_COMMUNE "/catalogue"
#define LONG      9000u

enum { CODE_NO = 1, VI_NO = 4, EN_NO = 5, ID_NO = 2, KEY_NO = 3, FROM_NO = 6, TO_NO = 7 };

static const st_field UNIT[] = { FORM_FIELD(CODE_NO, "unit_id", ST_TYPE_CODE),
                                 FORM_FIELD(VI_NO, "name_vi", ST_TYPE_STR),
                                 FORM_FIELD(EN_NO, "name_en", ST_TYPE_STR) };
static const st_field PERSON[] = { FORM_FIELD(CODE_NO, "login", ST_TYPE_CODE),
                                   FORM_FIELD(ID_NO, "person_id", ST_TYPE_ID),
                                   FORM_FIELD(VI_NO, "full_name", ST_TYPE_STR) };
static const st_field DEVICE[] = { FORM_FIELD(CODE_NO, "device_id", ST_TYPE_ID),
                                   FORM_FIELD(ID_NO, "person_id", ST_TYPE_ID),
                                   FORM_FIELD(KEY_NO, "sign_key", ST_TYPE_HASH) };
static const st_field PERIOD[] = { FORM_FIELD(CODE_NO, "kind", ST_TYPE_CODE),
                                   FORM_FIELD(FROM_NO, "from", ST_TYPE_DATE),
                                   FORM_FIELD(TO_NO, "to", ST_TYPE_DATE) };
static const st_form UNIT_FORM = FORM_OF("unit", 1, UNIT);
static const st_form PERSON_FORM = FORM_OF("person", 1, PERSON);
static const st_form DEVICE_FORM = FORM_OF("device", 1, DEVICE);

static const st_form PERIOD_FORM = FORM_OF("period", 1, PERIOD);

static const st_id SOMEBODY = { { 0x51, 1, 2, 3 } };
static const st_id SOME_DEVICE = { { 0x52, 1, 2, 3 } };

typedef struct {
    edge *e;
    phone an;
    handmade h;
    st_arena arena;
    bool is_damaged; /* what label_of read */
} desk;

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    d.e = phone_alone(&d.an);
    st_arena_init(&d.arena, (size_t)1 << 24);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    st_arena_reset(&d->arena);
    phone_part(d->e, &d->an, NULL);
    return 0;
}

/* ---- one record of the catalogue, by a device ---- */

static void begin(desk *d, const st_id *by)
{
    handmade_open(&d->h, by->b[0], CATALOGUE);
    d->h.device = *by;
    handmade_begin(&d->h);
}

static st_err learn(desk *d, const st_form *form)
{
    st_error error = { ST_OK, "" };
    handmade_end(&d->h, 900);
    rows_begin(&d->an);
    st_err err = lexicon_learn_names(d->an.client, form, &d->h.record, &error);
    rows_commit(&d->an);
    handmade_close(&d->h);
    return err;
}

static void say_id(desk *d, uint16_t field, const st_id *id)
{
    handmade_value(&d->h, field, ST_VALUE_ID, id->b, sizeof id->b);
}

static void say_code(desk *d, uint16_t field, const char *code)
{
    handmade_value(&d->h, field, ST_VALUE_CODE, code, strlen(code));
}

static void say_day(desk *d, uint16_t field, int64_t day)
{
    handmade_value(&d->h, field, ST_VALUE_INT, NULL, 0);
    d->h.ops[d->h.change.ops_count - 1].value.number = day;
}

/* ---- asking ---- */

static bool knows_unit(desk *d, const char *code)
{
    bool has = false;
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    assert_int_equal(lexicon_has(d->an.client, "unit", code, &has, NULL), ST_OK);
    client_abort(d->an.client);
    return has;
}

/* What the phone calls it; NULL: nothing. The answer lives as long as the desk. */
static const char *label_of(desk *d, const char *keys, const char *code, const char *lang)
{
    lexicon_directory names;
    sotay_close(d->an.client);
    const sotay_open_how how = { NULL, false, lang, 420 };
    assert_int_equal(sotay_open(&d->an.port, &how, &d->an.client, NULL), SOTAY_OK);
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    lexicon_directory_init(&names, d->an.client, &d->arena);
    const char *label = names.directory.key_label(&names, keys, code);
    client_abort(d->an.client);
    assert_int_equal(names.unread.failed, ST_OK);
    d->is_damaged = names.unread.damaged;
    return label;
}

static const char *login_of(desk *d, const st_id *person)
{
    lexicon_directory names;
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    lexicon_directory_init(&names, d->an.client, &d->arena);
    const char *login = names.directory.login(&names, person);
    client_abort(d->an.client);
    return login;
}

static st_err person_of(desk *d, const st_id *device, st_id *out_person)
{
    memset(out_person, 0, sizeof *out_person);
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    st_err err = lexicon_person(d->an.client, device, out_person, NULL);
    client_abort(d->an.client);
    return err;
}

static st_err key_of(desk *d, const st_id *device, uint8_t out_key[32])
{
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    st_err err = lexicon_device_key(d->an.client, device, out_key, NULL);
    client_abort(d->an.client);
    return err;
}

/* ---- names ---- */

static void test_a_unit_has_its_name(void **state)
{
    desk *d = *state;
    begin(d, &d->e->devices[0].id);
    say_code(d, CODE_NO, "u-1");
    handmade_text(&d->h, VI_NO, "Xóm Một");
    handmade_text(&d->h, EN_NO, "Hamlet One");
    assert_int_equal(learn(d, &UNIT_FORM), ST_OK);
    assert_true(knows_unit(d, "u-1"));
    assert_string_equal(label_of(d, "unit", "u-1", "vi"), "Xóm Một");
    assert_string_equal(label_of(d, "unit", "u-1", "en"), "Hamlet One");
    /* A newer record without the one name: the other serves for both. */
    begin(d, &SOMEBODY);
    say_code(d, CODE_NO, "u-1");
    handmade_text(&d->h, VI_NO, "Xóm Hai");
    handmade_value(&d->h, EN_NO, ST_VALUE_NULL, NULL, 0);
    assert_int_equal(learn(d, &UNIT_FORM), ST_OK);
    assert_string_equal(label_of(d, "unit", "u-1", "en"), "Xóm Hai");
}

static void test_a_unit_without_a_name(void **state)
{
    desk *d = *state;
    begin(d, &SOMEBODY);
    say_code(d, CODE_NO, "u-2");
    assert_int_equal(learn(d, &UNIT_FORM), ST_OK);
    assert_true(knows_unit(d, "u-2"));
    assert_null(label_of(d, "unit", "u-2", "vi"));
    assert_null(label_of(d, "unit", "u-3", "vi"));
    assert_false(d->is_damaged);
}

static void test_a_unit_that_cannot_be_named(void **state)
{
    desk *d = *state;
    static char name[LONG + 1];
    char code[ST_CODE_BYTES_MAX + 2];
    size_t before = rows_count(&d->an, BOOK_NAME);
    begin(d, &SOMEBODY);
    handmade_text(&d->h, VI_NO, "không có mã");
    assert_int_equal(learn(d, &UNIT_FORM), ST_OK);
    memset(code, 'u', sizeof code - 1);
    code[sizeof code - 1] = '\0';
    begin(d, &SOMEBODY);
    handmade_text(&d->h, CODE_NO, code); /* longer than any code */
    assert_int_equal(learn(d, &UNIT_FORM), ST_OK);
    memset(name, 'x', LONG);
    begin(d, &SOMEBODY);
    say_code(d, CODE_NO, "u-4");
    handmade_text(&d->h, VI_NO, name);
    assert_int_not_equal(learn(d, &UNIT_FORM), ST_OK);
    assert_int_equal(rows_count(&d->an, BOOK_NAME), before);
    assert_false(knows_unit(d, ""));
    assert_false(knows_unit(d, code));
    assert_null(label_of(d, NULL, "u-1", "vi"));
    assert_null(label_of(d, code, "u-1", "vi"));
    assert_null(label_of(d, "unit", code, "vi"));
}

static void test_a_damaged_name_is_none(void **state)
{
    desk *d = *state;
    book_key key = book_key_text(BOOK_NAME, "unit");
    book_key_bytes(&key, "\0u-5", 4);
    rows_put(&d->an, &key, "\0\0\0", 3);
    assert_true(knows_unit(d, "u-5"));
    assert_null(label_of(d, "unit", "u-5", "vi"));
    assert_true(d->is_damaged); /* and no name that is not there */
    rows_delete(&d->an, &key);
}

/* ---- people ---- */

static void test_people(void **state)
{
    desk *d = *state;
    begin(d, &SOMEBODY);
    say_code(d, CODE_NO, "mai");
    say_id(d, ID_NO, &SOMEBODY);
    handmade_text(&d->h, VI_NO, "Nông Thị Mai");
    assert_int_equal(learn(d, &PERSON_FORM), ST_OK);
    assert_string_equal(login_of(d, &SOMEBODY), "mai");
    begin(d, &SOMEBODY); /* whose record is who it is, since nothing else is said */
    st_id own = d->h.id;
    say_code(d, CODE_NO, "lan");
    assert_int_equal(learn(d, &PERSON_FORM), ST_OK);
    assert_string_equal(login_of(d, &own), "lan");
    begin(d, &SOME_DEVICE);
    own = d->h.id;
    say_code(d, CODE_NO, "hoa");
    handmade_text(&d->h, ID_NO, "no id"); /* so is one whose id is none */
    assert_int_equal(learn(d, &PERSON_FORM), ST_OK);
    assert_string_equal(login_of(d, &own), "hoa");
    begin(d, &SOME_DEVICE);
    handmade_text(&d->h, VI_NO, "không có tên đăng nhập");
    say_id(d, ID_NO, &SOME_DEVICE);
    assert_int_equal(learn(d, &PERSON_FORM), ST_OK);
    assert_null(login_of(d, &SOME_DEVICE));
}

/* ---- devices ---- */

static void test_keys_are_what_the_server_says(void **state)
{
    desk *d = *state;
    static const uint8_t KEY[32] = { 9, 8, 7 };
    const st_id *server = &d->e->devices[0].id;
    uint8_t key[32];
    st_id person;
    assert_int_equal(person_of(d, &SOME_DEVICE, &person), ST_E_NOT_FOUND);
    for (int by_server = 0; by_server < 2; by_server++) {
        begin(d, by_server ? server : &SOMEBODY);
        say_id(d, CODE_NO, &SOME_DEVICE);
        say_id(d, ID_NO, &SOMEBODY);
        handmade_value(&d->h, KEY_NO, ST_VALUE_HASH, KEY, sizeof KEY);
        assert_int_equal(learn(d, &DEVICE_FORM), ST_OK);
        assert_int_equal(person_of(d, &SOME_DEVICE, &person), ST_OK);
        assert_int_equal(st_id_cmp(&person, &SOMEBODY), 0);
        assert_int_equal(key_of(d, &SOME_DEVICE, key), by_server ? ST_OK : ST_E_NOT_FOUND);
    }
    assert_memory_equal(key, KEY, sizeof KEY);
    begin(d, server); /* a key of another length is none */
    say_id(d, CODE_NO, &SOME_DEVICE);
    say_id(d, ID_NO, &SOMEBODY);
    handmade_text(&d->h, KEY_NO, "short");
    assert_int_equal(learn(d, &DEVICE_FORM), ST_OK);
    assert_int_equal(key_of(d, &SOME_DEVICE, key), ST_E_NOT_FOUND);
    begin(d, server); /* nor is one that is not said */
    say_id(d, CODE_NO, &SOME_DEVICE);
    say_id(d, ID_NO, &SOMEBODY);
    assert_int_equal(learn(d, &DEVICE_FORM), ST_OK);
    assert_int_equal(key_of(d, &SOME_DEVICE, key), ST_E_NOT_FOUND);
}

/* Of a device without an id, or of nobody, nothing is learned. */
static void test_devices_of_nobody(void **state)
{
    desk *d = *state;
    const st_id *server = &d->e->devices[0].id;
    size_t before = rows_count(&d->an, BOOK_NAME);
    for (int what = 0; what < 4; what++) {
        begin(d, server);
        if (what == 0)
            handmade_text(&d->h, CODE_NO, "no id");
        if (what >= 2)
            say_id(d, CODE_NO, &d->e->persons[0]);
        if (what <= 1)
            say_id(d, ID_NO, &SOMEBODY);
        if (what == 2)
            handmade_text(&d->h, ID_NO, "nobody");
        assert_int_equal(learn(d, &DEVICE_FORM), ST_OK);
        assert_int_equal(rows_count(&d->an, BOOK_NAME), before);
    }
}

/* ---- forms ---- */

static st_err learn_form(desk *d)
{
    handmade_end(&d->h, 900);
    rows_begin(&d->an);
    st_err err = lexicon_learn_form(d->an.client, &d->h.record, NULL);
    rows_commit(&d->an);
    handmade_close(&d->h);
    return err;
}

static void test_forms(void **state)
{
    desk *d = *state;
    const st_form *form = NULL;
    char name[ST_CODE_BYTES_MAX + 2];
    size_t before = rows_count(&d->an, BOOK_FORM);
    begin(d, &SOMEBODY); /* without a definition */
    say_code(d, CODE_NO, "visit");
    assert_int_equal(learn_form(d), ST_OK);
    begin(d, &SOMEBODY); /* one of a newer program */
    handmade_value(&d->h, KEY_NO, ST_VALUE_BYTES, "no form", 7);
    assert_int_equal(learn_form(d), ST_OK);
    assert_int_equal(rows_count(&d->an, BOOK_FORM), before);
    memset(name, 'f', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    assert_int_equal(lexicon_form(d->an.client, "", 1, &form, NULL), ST_E_NOT_FOUND);
    assert_int_equal(lexicon_form(d->an.client, name, 1, &form, NULL), ST_E_NOT_FOUND);
    assert_int_equal(lexicon_form(d->an.client, "visit", 77, &form, NULL), ST_E_NOT_FOUND);
    assert_int_equal(lexicon_form(d->an.client, "nothing", 0, &form, NULL), ST_E_NOT_FOUND);
    assert_int_equal(lexicon_form(d->an.client, "visit", 0, &form, NULL), ST_OK);
    assert_int_equal(form->version, 1);
    client_abort(d->an.client);
}

/* ---- years ---- */

typedef struct {
    const char *why, *kind;
    bool has_from, has_to, is_text; /* its first day is a text */
    bool is_withdrawn;
} year_case;

static void say_period(desk *d, const year_case *c)
{
    begin(d, &SOMEBODY);
    if (c->kind != NULL)
        say_code(d, CODE_NO, c->kind);
    if (c->has_from && c->is_text)
        handmade_text(&d->h, FROM_NO, "2026-01-01");
    else if (c->has_from)
        say_day(d, FROM_NO, 20454);
    if (c->has_to)
        say_day(d, TO_NO, 20818);
    if (!c->is_withdrawn)
        return;
    handmade_end(&d->h, 899);
    handmade_begin(&d->h);
    d->h.change.act = ST_ACT_WITHDRAW;
}

/* How many are known, and that a known one is the whole year. */
static size_t years_known(desk *d)
{
    st_arena arena;
    const st_days *years = NULL;
    size_t count = 9;
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(client_begin(d->an.client, false, NULL), ST_OK);
    assert_int_equal(lexicon_years(d->an.client, &arena, &years, &count, NULL), ST_OK);
    client_abort(d->an.client);
    for (size_t i = 0; i < count; i++)
        assert_true(years[i].from == 20454 && years[i].to == 20818);
    st_arena_reset(&arena);
    return count;
}

/* A period is counted in when it is a year, has both its days and was not withdrawn; as soon as it
 * is not, the year that was known goes. */
static void test_years(void **state)
{
    static const year_case YEAR = { "a year", "year", true, true, false, false };
    static const year_case CASES[] = {
        { "a quarter", "quarter", true, true, false, false },
        { "no kind", NULL, true, true, false, false },
        { "no first day", "year", false, true, false, false },
        { "no last day", "year", true, false, false, false },
        { "a day in words", "year", true, true, true, false },
        { "withdrawn", "year", true, true, false, true },
    };
    desk *d = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        say_period(d, &YEAR);
        assert_int_equal(learn(d, &PERIOD_FORM), ST_OK);
        assert_int_equal(years_known(d), 1);
        say_period(d, &CASES[i]);
        assert_int_equal(learn(d, &PERIOD_FORM), ST_OK);
        if (years_known(d) != 0)
            fail_msg("%s: still a year", CASES[i].why);
    }
    say_period(d, &YEAR);
    assert_int_equal(learn(d, &PERIOD_FORM), ST_OK);
    static stored_row row;
    for (size_t n = 0; rows_get(&d->an, BOOK_NAME, n, &row); n++)
        if (row.len == 16 && memcmp(row.data + 8, "\0\0\0\0\0\0\x51\x52", 8) == 0)
            rows_put(&d->an, &row.key, row.data, 15);
    assert_int_equal(years_known(d), 0); /* a row that is cut is none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_unit_has_its_name),
        cmocka_unit_test(test_a_unit_without_a_name),
        cmocka_unit_test(test_a_unit_that_cannot_be_named),
        cmocka_unit_test(test_a_damaged_name_is_none),
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_keys_are_what_the_server_says),
        cmocka_unit_test(test_devices_of_nobody),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_years),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
