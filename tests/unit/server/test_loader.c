/* tests/unit/server/test_loader.c
 * The catalogue is data: what the files say is in the book after `init`, a mistake in a file is
 * said with its place, and then nothing was made. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/catalogue/load.h"

#define FORM(fields) "{\"form\":\"thu\",\"version\":1,\"bucket\":\"catalogue\"," \
    "\"label_vi\":\"Thử\",\"label_en\":\"Try\",\"life\":\"none\",\"create\":[\"office\"]," \
    "\"title\":[\"a\"],\"lists\":{\"l\":[{\"no\":1,\"id\":\"mot\",\"vi\":\"một\"," \
    "\"en\":\"one\"}]},\"fields\":[" fields "],\"groups\":[{\"no\":20,\"name\":\"g\"," \
    "\"kind\":\"listed\",\"vi\":\"g\",\"en\":\"g\",\"fields\":[" \
    FIELD("1", "t", "\"type\":\"str\"") "]}]}"
#define FIELD(no, name, rest) "{\"no\":" no ",\"name\":\"" name "\",\"class\":\"plain\"," \
    "\"write\":[\"office\"],\"vi\":\"x\",\"en\":\"x\"," rest "}"
#define A FIELD("1", "a", "\"type\":\"str\",\"max\":10")

static void test_forms(void **state)
{
    (void)state;
    static const struct { const char *why, *json; st_err want; const char *says; } CASES[] = {
        { "sound", FORM(A), ST_OK, NULL },
        { "not JSON", "{\"form\":", ST_E_CORRUPT, "JSON" },
        { "an array", "[]", ST_E_CORRUPT, "JSON" },
        { "unknown type", FORM(A "," FIELD("2", "b", "\"type\":\"text\"")), ST_E_CORRUPT, "type" },
        { "number twice", FORM(A "," FIELD("1", "b", "\"type\":\"bool\"")), ST_E_CORRUPT, NULL },
        { "name twice", FORM(A "," FIELD("2", "a", "\"type\":\"bool\"")), ST_E_CORRUPT, NULL },
        { "unknown list", FORM(A "," FIELD("2", "b", "\"type\":\"enum\",\"list\":\"m\"")),
          ST_E_CORRUPT, "list" },
        { "no number", FORM(A "," FIELD("\"2\"", "b", "\"type\":\"bool\"")), ST_E_CORRUPT, "no" },
        { "bad expression", FORM(A "," FIELD("2", "b", "\"type\":\"bool\",\"relevant\":\"${a\"")),
          ST_E_CORRUPT, NULL },
        { "title of nothing", "{\"form\":\"thu\",\"version\":1,\"bucket\":\"catalogue\","
          "\"label_vi\":\"x\",\"label_en\":\"x\",\"life\":\"none\",\"create\":[\"boss\"],"
          "\"title\":[],\"lists\":{},\"fields\":[],\"groups\":[]}", ST_E_CORRUPT, "role" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_arena arena;
        st_error error = { 0 };
        const st_form *form = NULL;
        catalogue_text_file file = { "thu.json", CASES[i].json, strlen(CASES[i].json) };
        print_message("  case: %s\n", CASES[i].why);
        st_arena_init(&arena, 1 << 20);
        st_err err = catalogue_parse_form(&file, &arena, &form, &error);
        if (err != CASES[i].want)
            print_message("    %s\n", error.detail);
        assert_int_equal(err, CASES[i].want);
        if (err != ST_OK)
            assert_non_null(strstr(error.detail, "thu.json"));
        if (CASES[i].says != NULL)
            assert_non_null(strstr(error.detail, CASES[i].says));
        st_arena_reset(&arena);
    }
}

/* A catalogue that holds one form with a field of each kind. */
static catalogue *small_catalogue(st_arena *arena)
{
    static const char *const JSON = FORM(
        A "," FIELD("2", "e", "\"type\":\"enum\",\"list\":\"l\"") ","
        FIELD("3", "d", "\"type\":\"date\"") "," FIELD("4", "n", "\"type\":\"uint\",\"max\":9") ","
        FIELD("5", "p", "\"type\":\"dec\",\"scale\":1,\"min\":\"-1.5\",\"max\":\"7.5\"") ","
        "{\"no\":6,\"name\":\"s\",\"class\":\"set\",\"write\":[\"office\"],\"vi\":\"x\","
        "\"en\":\"x\",\"type\":\"code\"}");
    catalogue *c = NULL;
    const st_form *form = NULL;
    st_buffer bytes;
    catalogue_text_file file = { "thu.json", JSON, strlen(JSON) };
    st_error error = { 0 };
    assert_int_equal(catalogue_new(&c, NULL), ST_OK);
    st_err err = catalogue_parse_form(&file, arena, &form, &error);
    if (err != ST_OK)
        print_message("  %s\n", error.detail);
    assert_int_equal(err, ST_OK);
    assert_int_equal(st_form_field(form, "p")->min, -15);
    assert_int_equal(st_form_field(form, "p")->max, 75);
    st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
    assert_int_equal(st_form_encode(form, &bytes, NULL), ST_OK);
    assert_int_equal(catalogue_add(c, bytes.data, bytes.len, NULL), ST_OK);
    assert_int_equal(catalogue_add(c, bytes.data, bytes.len, NULL), ST_OK);   /* once is enough */
    st_buffer_free(&bytes);
    assert_non_null(catalogue_newest(c, "thu"));
    catalogue_settle(c, false);                /* the transaction was not committed */
    assert_null(catalogue_newest(c, "thu"));
    st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
    assert_int_equal(st_form_encode(form, &bytes, NULL), ST_OK);
    assert_int_equal(catalogue_add(c, bytes.data, bytes.len, NULL), ST_OK);
    st_buffer_free(&bytes);
    catalogue_settle(c, true);
    assert_non_null(catalogue_form(c, "thu", 1));
    assert_null(catalogue_form(c, "thu", 2));
    return c;
}

static void test_data(void **state)
{
    (void)state;
    static const struct { const char *why, *records; st_err want; size_t ops; const char *says; }
    CASES[] = {
        { "all kinds", "[{\"a\":\"chữ\",\"e\":\"mot\",\"d\":\"2026-03-12\",\"n\":7,\"p\":7.5,"
                       "\"s\":[\"x\",\"y\"],\"g\":[{\"t\":\"1\"},{\"t\":\"2\"}]}]",
          ST_OK, 9, NULL },
        { "none", "[]", ST_OK, 0, NULL },
        { "null is nothing", "[{\"a\":null}]", ST_OK, 0, NULL },
        { "unknown field", "[{\"a\":\"x\"},{\"zz\":1}]", ST_E_VALUE, 0, "record 2: zz" },
        { "unknown enum", "[{\"e\":\"hai\"}]", ST_E_VALUE, 0, "record 1: e" },
        { "no such day", "[{\"d\":\"2026-02-30\"}]", ST_E_VALUE, 0, "record 1: d" },
        { "too long", "[{\"a\":\"01234567890\"}]", ST_E_VALUE, 0, "record 1: a" },
        { "too many", "[{\"n\":10}]", ST_E_VALUE, 0, "record 1: n" },
        { "object for a text", "[{\"a\":{}}]", ST_E_VALUE, 0, "record 1: a" },
        { "a group that is no list", "[{\"g\":{\"k\":{\"t\":\"x\"}}}]", ST_E_VALUE, 0, "g" },
        { "no list of records", "{}", ST_E_VALUE, 0, "records" },
    };
    st_arena arena;
    st_arena_init(&arena, 16 << 20);
    catalogue *c = small_catalogue(&arena);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char json[512];
        st_error error = { 0 };
        catalogue_table table = { 0 };
        int len = snprintf(json, sizeof json, "{\"form\":\"thu\",\"records\":%s}",
                           CASES[i].records);
        catalogue_text_file file = { "d.json", json, (size_t)len };
        print_message("  case: %s\n", CASES[i].why);
        st_err err = catalogue_parse_data(c, &file, &arena, &table, &error);
        assert_int_equal(err, CASES[i].want);
        if (err == ST_OK && table.count > 0)
            assert_int_equal(table.drafts[0].ops_count, CASES[i].ops);
        if (CASES[i].says != NULL)
            assert_non_null(strstr(error.detail, CASES[i].says));
    }
    catalogue_text_file other = { "d.json", "{\"form\":\"khac\",\"records\":[]}", 28 };
    catalogue_table table = { 0 };
    assert_int_equal(catalogue_parse_data(c, &other, &arena, &table, NULL), ST_E_NOT_FOUND);
    static const char TABLE[] = "a\ts\te\nmột\tx,y\tmot\nhai\t\t\n";
    catalogue_text_file text = { "t.tsv", TABLE, sizeof TABLE - 1 };
    assert_int_equal(catalogue_parse_table(c, "thu", &text, &arena, &table, NULL), ST_OK);
    assert_int_equal(table.count, 2);
    assert_int_equal(table.drafts[0].ops_count, 4);
    assert_int_equal(table.drafts[1].ops_count, 1);
    catalogue_free(c);
    st_arena_reset(&arena);
}

static bool count_unit(void *context, const catalogue_unit *unit)
{
    size_t *count = context;
    assert_true(unit->since > 0);
    assert_true(unit->name[0] != '\0');
    (*count)++;
    return true;
}

static void test_trung_khanh_is_there(void **state)
{
    (void)state;
    static rig r;
    store_txn txn = { 0 };
    size_t units = 0;
    char label[200];
    catalogue_unit unit;
    const st_form *forms[100];
    rig_open(&r);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(store_begin(r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        units = 0;
        assert_int_equal(catalogue_unit_each(&txn, count_unit, &units, NULL), ST_OK);
        assert_true(units > 50);
        assert_int_equal(catalogue_unit_get(&txn, RIG_UNIT, &unit, NULL), ST_OK);
        assert_string_equal(unit.class_id, "x");
        assert_int_equal(catalogue_unit_get(&txn, "01477-z9", &unit, NULL), ST_E_NOT_FOUND);
        assert_int_equal(catalogue_key_label(r.srv.sync.catalogue, &txn, "criterion", "a1", label,
                                             sizeof label), ST_OK);
        assert_true(strlen(label) > 5);
        assert_int_equal(catalogue_key_label(r.srv.sync.catalogue, &txn, "criterion", "zz", label,
                                             sizeof label), ST_OK);
        assert_string_equal(label, "");
        store_end(&txn);
        assert_true(catalogue_forms(r.srv.sync.catalogue, forms, 100) > 20);
        assert_non_null(catalogue_newest(r.srv.sync.catalogue, "visit"));
        rig_reopen(&r);                        /* the same from the log alone */
    }
    rig_close(&r);
}

static void test_a_bad_file_makes_nothing(void **state)
{
    (void)state;
    char dir[] = "/tmp/sotay-loader-XXXXXX", path[128], data[128];
    server srv;
    st_error error = { 0 };
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/catalogue", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "cp -r server/catalogue/forms %s/catalogue/forms", dir);
    assert_int_equal(system(path), 0);
    (void)snprintf(path, sizeof path, "%s/catalogue/data", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/catalogue/data/bad.json", dir);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs("{\"form\":\"period\",\"records\":[{\"from\":\"2026-02-30\"}]}", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(path, sizeof path, "%s/catalogue", dir);
    (void)snprintf(data, sizeof data, "%s/data", dir);
    rooms_how how = { .dir = data };
    rooms_new wish = { "01477", path, false };
    assert_int_equal(rooms_init(&how, &wish, &srv, &error), ST_E_VALUE);
    assert_non_null(strstr(error.detail, "bad.json"));
    assert_int_equal(access(data, F_OK), -1);  /* not even the folder */
    rooms_new nowhere = { "01477", "/nonexistent", false };
    assert_int_equal(rooms_init(&how, &nowhere, &srv, &error), ST_E_NOT_FOUND);
    (void)snprintf(path, sizeof path, "rm -rf %s", dir);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_trung_khanh_is_there),
        cmocka_unit_test(test_a_bad_file_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
