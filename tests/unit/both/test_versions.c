/* tests/unit/both/test_versions.c
 * A phone whose forms are two versions old goes on writing by them: what it does not know is
 * missing in its records, what is hidden by now is still in them, and nothing of either is held or
 * lost. What was made by a newer form is whole on a phone that learns of record and form in one
 * sync. */
#include "tests/unit/both/world.h"

#include "server/catalogue/load.h"

#define VISIT_JSON "server/catalogue/forms/visit.json"
#define OLD_FORM   "\"form_version\":1,"
#define NEW_FORM   "\"form_version\":3,"
#define ADDED(no, name) "\"fields\": [{\"no\":" no ",\"name\":\"" name "\"," \
    "\"type\":\"str\",\"max\":40,\"class\":\"plain\",\"write\":[\"officer\"]," \
    "\"vi\":\"x\",\"en\":\"x\"},"

typedef struct {
    const char *was, *is;
} change;

/* What the office changes from one version to the next. */
static const change SECOND[] = {
    { "\"version\": 1,", "\"version\": 2," },
    { "\"fields\": [", ADDED("790", "weather") },
    { NULL, NULL },
};
static const change THIRD[] = {
    { "\"version\": 1,", "\"version\": 3," },
    { "\"fields\": [", ADDED("790", "weather") },
    { "\"fields\": [", ADDED("791", "light") },
    { "\"name\": \"place\",", "\"name\": \"place\", \"relevant\": \"false()\"," },
    { NULL, NULL },
};

/* The text with the first `was` in it replaced; free() it. The old text is freed. */
static char *replaced(char *text, const change *c)
{
    char *at = strstr(text, c->was);
    assert_non_null(at);
    size_t before = (size_t)(at - text), room = strlen(text) + strlen(c->is) + 1;
    char *out = malloc(room);
    assert_non_null(out);
    (void)snprintf(out, room, "%.*s%s%s", (int)before, text, c->is, at + strlen(c->was));
    free(text);
    return out;
}

static st_value data_of(st_value_kind kind, const void *data, size_t len)
{
    return (st_value){ .kind = kind, .data = data, .len = (uint32_t)len };
}

static void put(const st_form *holder, sync_edit *edit, const char *field, st_value value)
{
    st_op *op = &edit->ops[edit->ops_count++];
    op->path.kind = ST_PATH_FIELD;
    op->path.field = st_form_field(holder, field)->no;
    op->verb = ST_VERB_SET;
    op->value = value;
}

/* As the catalogue of a new book is written: one `form` record. */
static void publish(world *w, const change *changes)
{
    server *rooms = &w->book.rooms;
    const st_form *holder = catalogue_newest(rooms->sync.catalogue, CATALOGUE_FORM), *form = NULL;
    char *text = NULL;
    size_t len = 0;
    st_arena arena;
    st_buffer bytes;
    st_op ops[4];
    st_error error = { ST_OK, "" };
    sync_edit edit = { .form = holder, .ops = ops };
    sync_draft draft = { .edits = &edit, .edits_count = 1, .role = sync_operator_role(holder) };
    sync_authored authored = { 0 };
    memset(ops, 0, sizeof ops);
    st_arena_init(&arena, 1 << 20);
    st_buffer_init(&bytes, 1 << 20);
    assert_int_equal(catalogue_read_file(VISIT_JSON, &text, &len, &error), ST_OK);
    for (; changes->was != NULL; changes++)
        text = replaced(text, changes);
    catalogue_text_file file = { "visit.json", text, strlen(text) };
    assert_int_equal(catalogue_parse_form(&file, &arena, &form, &error), ST_OK);
    assert_int_equal(st_form_encode(form, &bytes, &error), ST_OK);
    put(holder, &edit, "form_id", data_of(ST_VALUE_CODE, form->name, strlen(form->name)));
    put(holder, &edit, "version", (st_value){ .kind = ST_VALUE_INT, .number = form->version });
    put(holder, &edit, "definition", data_of(ST_VALUE_BYTES, bytes.data, bytes.len));
    put(holder, &edit, "label", data_of(ST_VALUE_TEXT, form->vi, strlen(form->vi)));
    assert_true(sync_bucket(&rooms->sync, holder->home, "", &draft.bucket));
    assert_int_equal(sync_author(rooms->writer, &draft, &authored, &error), ST_OK);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
    free(text);
}

static void says(phone *p, const sotay_id *id, const char *text)
{
    char *json = shown(p, id);
    if (strstr(json, text) == NULL)
        print_message("%s not in %s\n", text, json);
    assert_non_null(strstr(json, text));
    sotay_text_free(json);
}

static void office_says(world *w, const sotay_id *id, const char *text)
{
    char hex[33];
    sotay_id_format(id, hex);
    KIT_EXPECT(0, &w->book, "show", hex, "--json");
    assert_non_null(strstr(KIT_OUT(&w->book), text));
}

static sotay_id weathered(phone *p)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "weather", "nắng" },
                                { "light", "sáng" } };
    sotay_id id;
    assert_int_equal(sotay_record_new(p->client, "visit", KIT_UNIT, (sotay_pairs){ list, 3 }, &id,
                                      &p->error), SOTAY_OK);
    return id;
}

static void sync_ok(world *w, phone *p)
{
    sotay_report report;
    assert_int_equal(sync_phone(w, p, 0, &report), SOTAY_OK);
    assert_true(report.complete && report.held == 0);
}

static void test_two_versions_behind(void **state)
{
    (void)state;
    world w;
    world_make_with(&w, 1, (world_how){ .phones = 2 });
    phone *an = &w.phones[0], *binh = &w.phones[1];
    sotay_id old = phone_visit(an, "đình");
    sync_ok(&w, an);
    sync_ok(&w, binh);
    publish(&w, SECOND);
    publish(&w, THIRD);
    sotay_id late = phone_visit(an, "chợ");      /* an has no signal, and the first version */
    assert_int_equal(phone_set(an, &old, "place", "sân đình"), SOTAY_OK);
    assert_int_not_equal(phone_set(an, &old, "weather", "mưa"), SOTAY_OK);
    sync_ok(&w, binh);
    sotay_id new = weathered(binh);
    sync_ok(&w, binh);
    sync_ok(&w, an);
    sync_ok(&w, binh);
    for (phone *p = an; p != NULL; p = p == an ? binh : NULL) {
        says(p, &old, OLD_FORM);
        says(p, &old, "sân đình");
        says(p, &late, OLD_FORM);
        says(p, &late, "chợ");
        says(p, &new, NEW_FORM);
        says(p, &new, "nắng");
    }
    office_says(&w, &late, "chợ");
    office_says(&w, &new, "sáng");
    assert_int_equal(phone_set(an, &new, "light", "tối"), SOTAY_OK); /* it knows the form by now */
    assert_int_not_equal(phone_set(an, &old, "weather", "mưa"), SOTAY_OK); /* it is of the first */
    sync_ok(&w, an);
    office_says(&w, &new, "tối");
    KIT_EXPECT(0, &w.book, "held", "--json");
    assert_null(strstr(KIT_OUT(&w.book), "\"n\":"));
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_versions_behind),
    };
    return cmocka_run_group_tests_name("versions", tests, NULL, NULL);
}
