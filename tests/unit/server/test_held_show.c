/* tests/unit/server/test_held_show.c - the office reads what it is to decide on: what is held or
 * was declined of a record that the book does not have, of another branch, of a later program. */
#include <cjson/cJSON.h>

#include "tests/unit/server/operator_kit.h"

typedef struct {
    kit_book book;
    kit_phone an;
    char device[33];
} desk;

static desk DESK;

static int start(void **state)
{
    desk *d = &DESK;
    kit_make(&d->book, false);
    KIT_EXPECT(0, &d->book, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(0, &d->book, "user", "add", "office", "--name", "Văn phòng", "--role", "office");
    KIT_EXPECT(0, &d->book, "assign", "an", KIT_UNIT);
    kit_enrol(&d->book, "an", 1, &d->an);
    st_id_format(&d->an.device, d->device);
    *state = d;
    return 0;
}

static int stop(void **state)
{
    kit_remove(&((desk *)*state)->book);
    return 0;
}

/* A visit that is held, whatever for; its id as hex. */
static void held_visit(kit_phone *phone, const char *note, char id[33])
{
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    st_op ops[] = { kit_op(form, "unit_id", KIT_UNIT, &arena),
                    kit_op(form, "place", "Nhà văn hóa", &arena),
                    kit_op(form, "general_note", note, &arena) };
    st_change change = { .creates = true, .form_version = form->version, .ops = ops,
                         .ops_count = 3 };
    assert_true(st_code_set(&change.form, "visit", 5));
    memset(change.random, 77, sizeof change.random);
    assert_int_equal(kit_send(phone, &change), ST_VERDICT_HELD);
    st_id_format(&change.record, id);
    st_arena_reset(&arena);
}

/* The value that the operation of this path writes; NULL: there is no such operation. */
static const char *written(const cJSON *change, const char *path)
{
    const cJSON *op;
    cJSON_ArrayForEach(op, cJSON_GetObjectItem(change, "ops"))
        if (strcmp(cJSON_GetObjectItem(op, "path")->valuestring, path) == 0)
            return cJSON_GetObjectItem(op, "value")->valuestring;
    return NULL;
}

static void check_history(kit_book *book, const char *id, const char *verdict, const char *note)
{
    KIT_EXPECT(0, book, "history", id, "--json");
    cJSON *json = cJSON_Parse(KIT_OUT(book));
    const cJSON *change = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "changes"), 0);
    assert_string_equal(cJSON_GetObjectItem(change, "verdict")->valuestring, verdict);
    assert_string_equal(written(change, "general_note"), note);
    cJSON_Delete(json);
}

static void check_show(kit_book *book, const char *id, const char *state, const char *note)
{
    KIT_EXPECT(0, book, "show", id, "--json");
    assert_true(kit_says(KIT_OUT(book), note));
    cJSON *json = cJSON_Parse(KIT_OUT(book));
    assert_string_equal(cJSON_GetObjectItem(json, "state")->valuestring, state);
    cJSON_Delete(json);
}

static void test_a_new_record_is_read_before_and_after_it_is_declined(void **state)
{
    desk *d = *state;
    kit_book *book = &d->book;
    char id[33];
    KIT_EXPECT(0, book, "device", "suspend", d->device);
    held_visit(&d->an, "mái dột", id);
    assert_int_equal(kit_write(&d->an, id, "place", "Sân đình", NULL), ST_VERDICT_HELD);
    KIT_EXPECT(0, book, "held", "show", "1", "2");
    assert_true(kit_says(KIT_OUT(book), "wrote General note: mái dột"));
    assert_true(kit_says(KIT_OUT(book), "wrote Place: Sân đình"));
    check_history(book, id, "held", "mái dột");
    KIT_EXPECT(0, book, "history", id, "--field", "place");
    assert_true(kit_says(KIT_OUT(book), "2 changes"));
    check_show(book, id, "held", "mái dột");
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "Not in the book: below is what waits"));
    KIT_EXPECT(0, book, "held", "decline", "1", "--as", "office", "--reason", "không phải");
    KIT_EXPECT(1, book, "held", "show", "1");
    check_history(book, id, "declined", "mái dột");
    check_show(book, id, "declined", "Sân đình");
    book->lang = "vi";
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "Phiếu không có trong sổ: văn phòng đã không nhận"));
    KIT_EXPECT(1, book, "set", id, "place=X", "--as", "office");     /* it is no record */
    KIT_EXPECT(0, book, "records");
    assert_null(strstr(KIT_OUT(book), id));
}

static void test_what_another_branch_wrote_is_read(void **state)
{
    desk *d = *state;
    kit_book *book = &d->book;
    char old[33], only_there[33];
    kit_visit(&d->an, "gốc", old);
    kit_phone copy = d->an;
    assert_int_equal(kit_write(&d->an, old, "place", "Ở sổ này", NULL), ST_VERDICT_STORED);
    held_visit(&copy, "chỉ ở bản sao", only_there);
    assert_int_equal(kit_write(&copy, only_there, "place", "Ngoài đồng", NULL), ST_VERDICT_HELD);
    assert_int_equal(kit_write(&copy, old, "place", "Ở bản sao", NULL), ST_VERDICT_HELD);
    KIT_EXPECT(0, book, "held", "show", "--device", d->device, "--json");
    cJSON *json = cJSON_Parse(KIT_OUT(book));
    const cJSON *helds = cJSON_GetObjectItem(json, "held"), *held;
    assert_int_equal(cJSON_GetArraySize(helds), 3);
    const char *const SAID[][2] = { { "general_note", "chỉ ở bản sao" }, { "place", "Ngoài đồng" },
                                    { "place", "Ở bản sao" } };
    size_t at = 0;
    cJSON_ArrayForEach(held, helds) {
        assert_string_equal(cJSON_GetObjectItem(held, "reason")->valuestring, "fork");
        assert_string_equal(cJSON_GetObjectItem(held, "form")->valuestring, "visit");
        assert_string_equal(written(cJSON_GetObjectItem(held, "change"), SAID[at][0]),
                            SAID[at][1]);
        at++;
    }
    cJSON_Delete(json);
    check_show(book, only_there, "held", "Ngoài đồng");
    check_history(book, only_there, "held", "chỉ ở bản sao");
    KIT_EXPECT(0, book, "history", only_there);
    assert_true(kit_says(KIT_OUT(book), "2 changes"));
    KIT_EXPECT(0, book, "history", old);
    assert_true(kit_says(KIT_OUT(book), "2 changes"));   /* of its own branch */
    KIT_EXPECT(1, book, "history", "00000000000000000000000000000000");
    KIT_EXPECT(0, book, "show", old);
    assert_true(kit_says(KIT_OUT(book), "Ở sổ này"));
    assert_null(strstr(KIT_OUT(book), "Ở bản sao"));
    KIT_EXPECT(0, book, "held", "show", "3");
    assert_true(kit_says(KIT_OUT(book), "3  fork  Visit"));
    KIT_EXPECT(2, book, "held", "show");
    KIT_EXPECT(1, book, "held", "show", "4");
    KIT_EXPECT(1, book, "show", "00000000000000000000000000000000");
}

static void test_what_cannot_be_read_is_named(void **state)
{
    desk *d = *state;
    (void)kit_send_later_format(&d->an);
    KIT_EXPECT(0, &d->book, "held", "show", "1");
    assert_true(kit_says(KIT_OUT(&d->book), "1  version  ?  -"));
    assert_true(kit_says(KIT_OUT(&d->book), "this program cannot read what it says"));
    KIT_EXPECT(0, &d->book, "held", "show", "1", "--json");
    cJSON *json = cJSON_Parse(KIT_OUT(&d->book));
    const cJSON *held = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "held"), 0);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(held, "change")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(held, "record")));
    cJSON_Delete(json);
}

/* So many changes of one field in one set. */
static st_verdict_kind send_many(kit_phone *phone, const st_id *record, uint32_t count)
{
    st_arena arena;
    st_buffer bytes;
    st_arena_init(&arena, 1u << 22);
    st_buffer_init(&bytes, 4u << 20);
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_op op = kit_op(form, "place", "a", &arena);
    st_change *changes = st_arena_array(&arena, count, sizeof *changes);
    assert_non_null(changes);
    for (uint32_t i = 0; i < count; i++) {
        phone->ms += 1000;
        changes[i] = (st_change){ .dot = { phone->device, phone->next + i },
                                  .prev = phone->next + i - 1, .record = *record, .ops = &op,
                                  .ops_count = 1, .wall_ms = phone->ms,
                                  .hlc = (st_hlc)phone->ms << 16 };
    }
    st_set set = { .device = phone->device, .format = 1, .first = phone->next,
                   .has_prev = phone->has_prev, .prev = phone->prev, .here = phone->next - 1,
                   .bucket = phone->bucket, .role = ST_ROLE_OFFICER, .fold_version = 1,
                   .changes = changes, .changes_count = count };
    kit_sign(phone, &set, &bytes);
    st_verdict_kind kind = kit_send_bytes(phone, &bytes);
    phone->next += count;
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
    return kind;
}

/* The entry that declines them names each: that it is said with each change of the history costs
 * no memory for all of them each time. */
static void test_thousands_that_were_declined_at_once(void **state)
{
    desk *d = *state;
    char id[33];
    st_id record;
    kit_visit(&d->an, "x", id);
    assert_true(st_id_parse(id, &record));
    KIT_EXPECT(0, &d->book, "device", "suspend", d->device);
    for (int i = 0; i < 6; i++)
        assert_int_equal(send_many(&d->an, &record, 1000), ST_VERDICT_HELD);
    KIT_EXPECT(0, &d->book, "held", "decline", "--device", d->device, "--as", "office",
               "--reason", "không phải an");
    KIT_EXPECT(0, &d->book, "history", id, "--json");
    size_t said = 0;
    for (const char *at = KIT_OUT(&d->book); (at = strstr(at, "\"decision_reason\"")) != NULL; at++)
        said++;
    assert_int_equal(said, 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_record_is_read_before_and_after_it_is_declined,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_what_another_branch_wrote_is_read, start, stop),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read_is_named, start, stop),
        cmocka_unit_test_setup_teardown(test_thousands_that_were_declined_at_once, start, stop),
    };
    return cmocka_run_group_tests_name("held_show", tests, NULL, NULL);
}
