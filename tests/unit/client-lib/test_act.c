/* tests/unit/client-lib/test_act.c
 * An officer is told what cannot be done and why, in the moment he tries it, and nothing is written
 * then; and where two acts or two values stand against each other, it is settled by naming one that
 * was seen. */
#include <stdio.h>

#include "client-lib/src/slip.h"
#include "tests/unit/client-lib/rows.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

static void meet(edge *e, phone *a, phone *b)
{
    must(edge_sync(e, a->client, NULL, NULL));
    must(edge_sync(e, b->client, NULL, NULL));
    must(edge_sync(e, a->client, NULL, NULL));
}

/* The dot that follows a text in the JSON of a record. */
static void dot_after(phone *p, const sotay_id *record, const char *text, char dot[64])
{
    char *json = NULL;
    must(sotay_show(p->client, record, SOTAY_JSON, &json, NULL));
    const char *at = strstr(json, text);
    if (at == NULL)
        fail_msg("no %s in %s", text, json);
    at = strstr(at, "\"dot\":\"");
    assert_non_null(at);
    size_t len = strcspn(at + 7, "\"");
    memcpy(dot, at + 7, len);
    dot[len] = '\0';
    sotay_text_free(json);
}

/* ---- what may not be done ---- */

typedef struct {
    phone *p;
    sotay_id visit, final, nowhere;
    sotay_id note, unit; /* of the officer, of the catalogue */
    char item[SOTAY_ITEM_TEXT]; /* of the visit, in findings */
    char *long_text;     /* 70,000 letters */
} world;

typedef int (*deed)(world *w, const char *a, const char *b);

static int set(world *w, const char *path, const char *value)
{
    return phone_set(w->p, &w->visit, path, value);
}

static int set_nothing(world *w, const char *a, const char *b)
{
    const sotay_pairs none = { NULL, 0 };
    (void)a;
    (void)b;
    return sotay_record_set(w->p->client, &w->visit, none, &w->p->error);
}

static int set_twice(world *w, const char *path, const char *value)
{
    const sotay_pair list[] = { { path, value }, { path, value } };
    const sotay_pairs pairs = { list, 2 };
    return sotay_record_set(w->p->client, &w->visit, pairs, &w->p->error);
}

static int set_long(world *w, const char *path, const char *value)
{
    (void)value;
    return phone_set(w->p, &w->visit, path, w->long_text);
}

static int make(world *w, const char *form, const char *unit)
{
    const sotay_pairs none = { NULL, 0 };
    sotay_id id;
    return sotay_record_new(w->p->client, form, unit, none, &id, &w->p->error);
}

static int make_with(world *w, const char *path, const char *value)
{
    const sotay_pair pair = { path, value };
    const sotay_pairs one = { &pair, 1 };
    sotay_id id;
    return sotay_record_new(w->p->client, "visit", EDGE_UNIT, one, &id, &w->p->error);
}

static int make_with_long_element(world *w, const char *a, const char *b)
{
    (void)a;
    (void)b;
    return make_with(w, "topics", w->long_text);
}

static int add(world *w, const char *path, const char *value)
{
    return sotay_record_add(w->p->client, &w->visit, path, value, &w->p->error);
}

static int item(world *w, const char *group, const char *path)
{
    const sotay_pair pair = { path, "x" };
    const sotay_pairs one = { &pair, 1 };
    char made[SOTAY_ITEM_TEXT];
    return sotay_item_new(w->p->client, &w->visit, group, one, made, &w->p->error);
}

static int item_of_nothing(world *w, const char *group, const char *path)
{
    const sotay_pair pair = { path, NULL };
    const sotay_pairs one = { &pair, path == NULL ? 0 : 1 };
    char made[SOTAY_ITEM_TEXT];
    return sotay_item_new(w->p->client, &w->visit, group, one, made, &w->p->error);
}

static int drop(world *w, const char *group, const char *which)
{
    return sotay_item_drop(w->p->client, &w->visit, group, which, &w->p->error);
}

static int remark(world *w, const char *text, const char *b)
{
    (void)b;
    return sotay_record_remark(w->p->client, &w->visit, text == NULL ? w->long_text : text,
                               &w->p->error);
}

static int withdraw(world *w, const char *reason, const char *b)
{
    (void)b;
    return sotay_record_withdraw(w->p->client, &w->visit, reason == NULL ? w->long_text : reason,
                                 &w->p->error);
}

static int reopen(world *w, const char *reason, const char *b)
{
    (void)b;
    return sotay_record_reopen(w->p->client, &w->visit, reason, &w->p->error);
}

static int amend_nothing(world *w, const char *a, const char *b)
{
    const sotay_pairs none = { NULL, 0 };
    (void)a;
    (void)b;
    return sotay_record_amend(w->p->client, &w->final, none, "vì sao", &w->p->error);
}

static int amend(world *w, const char *path, const char *value)
{
    const sotay_pair pair = { path, value };
    const sotay_pairs one = { &pair, 1 };
    return sotay_record_amend(w->p->client, &w->final, one, "vì sao", &w->p->error);
}

static int resolve(world *w, const char *path, const char *keep)
{
    const sotay_resolution wish = { path, keep, NULL, NULL, "vì sao" };
    return sotay_record_resolve(w->p->client, &w->visit, &wish, &w->p->error);
}

static int resolve_with(world *w, const char *path, const char *value)
{
    const sotay_resolution wish = { path, NULL, value, NULL, "vì sao" };
    return sotay_record_resolve(w->p->client, &w->visit, &wish, &w->p->error);
}

static int draft_long(world *w, const char *path, const char *value)
{
    return sotay_draft_put(w->p->client, &w->visit, path == NULL ? w->long_text : path,
                           value == NULL ? w->long_text : value, &w->p->error);
}

static int draft_nowhere(world *w, const char *path, const char *value)
{
    return sotay_draft_put(w->p->client, &w->nowhere, path, value, &w->p->error);
}

static int draft_read_nowhere(world *w, const char *a, const char *b)
{
    char *text = NULL;
    (void)a;
    (void)b;
    return sotay_draft_get(w->p->client, &w->nowhere, SOTAY_JSON, &text, &w->p->error);
}

static int history_nowhere(world *w, const char *a, const char *b)
{
    char *text = NULL;
    (void)a;
    (void)b;
    return sotay_history(w->p->client, &w->nowhere, SOTAY_JSON, &text, &w->p->error);
}

/* The item that is there, but not in this place of its change. */
static int set_beside_item(world *w, const char *field, const char *value)
{
    char path[128];
    char *place = strrchr(w->item, ':');
    assert_non_null(place);
    (void)snprintf(path, sizeof path, "findings.%.*s:7.%s", (int)(place - w->item), w->item,
                   field);
    return phone_set(w->p, &w->visit, path, value);
}

static int finalise_unit(world *w, const char *a, const char *b)
{
    (void)a;
    (void)b;
    return sotay_record_finalise(w->p->client, &w->unit, &w->p->error);
}

static int attach_to_note(world *w, const char *name, const char *b)
{
    const sotay_attachment file = { name, "%PDF-1.7\n bytes", 15, NULL, NULL, 0 };
    char item[SOTAY_ITEM_TEXT];
    (void)b;
    return sotay_attach(w->p->client, &w->note, &file, item, &w->p->error);
}

static int amend_with_none_of_many(world *w, const char *a, const char *b)
{
    const sotay_pairs many = { NULL, 70000 };
    (void)a;
    (void)b;
    return sotay_record_amend(w->p->client, &w->final, many, "vì sao", &w->p->error);
}

static int withdraw_at_length(world *w, const char *a, const char *b)
{
    char reason[1002];
    (void)a;
    (void)b;
    memset(reason, 'k', 1001);
    reason[1001] = '\0';
    return sotay_record_withdraw(w->p->client, &w->visit, reason, &w->p->error);
}

/* So many marks of the note, each with the same text. */
static int set_marks(world *w, size_t count, const char *text)
{
    sotay_pair *list = calloc(count, sizeof *list);
    char(*paths)[40] = calloc(count, sizeof *paths);
    assert_true(list != NULL && paths != NULL);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "marks.k%zu.text", i);
        list[i] = (sotay_pair){ paths[i], text };
    }
    const sotay_pairs pairs = { list, count };
    int rc = sotay_record_set(w->p->client, &w->note, pairs, &w->p->error);
    free(list);
    free(paths);
    return rc;
}

static int set_too_many(world *w, const char *text, const char *b)
{
    (void)b;
    return set_marks(w, 4097, text);
}

static int set_too_much(world *w, const char *a, const char *b)
{
    (void)a;
    (void)b;
    char text[7001];
    memset(text, 'k', 7000);
    text[7000] = '\0';
    return set_marks(w, 40, text);
}

/* One more than a working copy holds, which is there already. */
static int type_too_many(world *w, const char *value, const char *b)
{
    st_id id = phone_id(&w->note);
    book_key key = book_key_id(BOOK_DRAFT, &id);
    char path[32];
    st_buffer copy;
    (void)b;
    st_buffer_init(&copy, (size_t)1 << 20);
    slip_writer slip = { &copy, ST_OK };
    for (int i = 0; i < 4096; i++) {
        (void)snprintf(path, sizeof path, "marks.k%d.text", i);
        slip_text(&slip, path);
        slip_text(&slip, value);
    }
    assert_int_equal(slip.err, ST_OK);
    rows_put(w->p, &key, copy.data, copy.len);
    st_buffer_free(&copy);
    int rc = sotay_draft_put(w->p->client, &w->note, "subject", value, &w->p->error);
    rows_delete(w->p, &key);
    return rc;
}

static int type_in_an_exchange(world *w, const char *path, const char *value)
{
    sotay_bundle *bundle = NULL;
    assert_int_equal(sotay_bundle_begin(w->p->client, &bundle, NULL), SOTAY_OK);
    int rc = sotay_draft_put(w->p->client, &w->visit, path, value, &w->p->error);
    sotay_bundle_free(bundle);
    return rc;
}

static const char NOBODY[] = "00000000000000000000000000000001:9";
static const struct {
    const char *why;
    deed what;
    const char *a, *b;
    int want;
    const char *says;
} REFUSED[] = {
    { "nothing is set", set_nothing, NULL, NULL, SOTAY_E_VALUE, "" },
    { "one field twice", set_twice, "place", "chợ", SOTAY_E_VALUE, "given twice" },
    { "a text over every limit", set_long, "place", NULL, SOTAY_E_VALUE, "place" },
    { "a group for a field", set, "ratings", "dat", SOTAY_E_VALUE, "ratings" },
    { "a key without field", set, "ratings.a1", "dat", SOTAY_E_VALUE, "a field is missing" },
    { "a field that the form does not have", set, "ratings.a1.nothing", "dat", SOTAY_E_VALUE,
      "nothing" },
    { "a set that is set", set, "topics", "n1", SOTAY_E_VALUE, "add and remove" },
    { "a form that is not there", make, "khong", EDGE_UNIT, SOTAY_E_VALUE, "khong" },
    { "a form with too long a name", make, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", EDGE_UNIT,
      SOTAY_E_VALUE, "" },
    { "a form without a name", make, "", EDGE_UNIT, SOTAY_E_VALUE, "" },
    { "a visit of no unit", make, "visit", "-", SOTAY_E_VALUE, "no such unit" },
    { "a visit of an empty unit", make, "visit", "", SOTAY_E_VALUE, "no such unit" },
    { "a unit with too long a name", make, "visit",
      "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu", SOTAY_E_VALUE, "no such unit" },
    { "a new record that clears", make_with, "place", NULL, SOTAY_E_VALUE, "nothing to clear" },
    { "a new record with half a set", make_with, "topics", "n1,,n2", SOTAY_E_VALUE, "" },
    { "a new record with an endless element", make_with_long_element, NULL, NULL, SOTAY_E_VALUE,
      "too long" },
    { "an element of what is no set", add, "place", "x", SOTAY_E_VALUE, "not a set" },
    { "an element of nothing", add, "khong", "x", SOTAY_E_VALUE, "khong" },
    { "an item of a keyed group", item, "ratings", "rating", SOTAY_E_VALUE, "ratings" },
    { "an item of no group", item, "khong", "text", SOTAY_E_VALUE, "khong" },
    { "an item with a strange field", item, "findings", "khong", SOTAY_E_VALUE, "khong" },
    { "an item that clears", item_of_nothing, "findings", "text", SOTAY_E_VALUE,
      "nothing to clear" },
    { "an item without anything", item_of_nothing, "findings", NULL, SOTAY_E_VALUE, "" },
    { "a drop of no item", drop, "findings", "x", SOTAY_E_VALUE, "no such item" },
    { "a drop of nobody's item", drop, "findings", "00000000000000000000000000000001:9:0",
      SOTAY_E_VALUE, "no such item" },
    { "a drop in no group", drop, "khong", "x", SOTAY_E_VALUE, "khong" },
    { "an empty remark", remark, " ", NULL, SOTAY_E_VALUE, "" },
    { "a remark over its limit", remark, NULL, NULL, SOTAY_E_VALUE, "" },
    { "withdrawn with an endless reason", withdraw, NULL, NULL, SOTAY_E_TOO_LARGE, "" },
    { "withdrawn with blanks for a reason", withdraw, " \t", NULL, SOTAY_E_VALUE, "needed" },
    { "reopened while it is open", reopen, "vì sao", NULL, SOTAY_E_STATE, "" },
    { "amended without a value", amend_nothing, NULL, NULL, SOTAY_E_VALUE, "nothing" },
    { "amended in a field that is not there", amend, "khong", "x", SOTAY_E_VALUE, "khong" },
    { "settled where no field is", resolve, "khong", NOBODY, SOTAY_E_VALUE, "khong" },
    { "settled where a set is", resolve, "topics", NOBODY, SOTAY_E_VALUE, "nothing to resolve" },
    { "settled where nothing is", resolve, "general_note", NOBODY, SOTAY_E_STATE, "no value" },
    { "settled by what is no dot", resolve, "place", "x", SOTAY_E_VALUE, "does not name" },
    { "settled by nobody's value", resolve, "place", NOBODY, SOTAY_E_NOT_FOUND, "none of" },
    { "settled by what is no value", resolve_with, "visit_date", "mai", SOTAY_E_VALUE, "" },
    { "the state by what is no dot", resolve, "state", "x", SOTAY_E_VALUE, "name the act" },
    { "the state by nothing", resolve, "state", NULL, SOTAY_E_VALUE, "name the act" },
    { "the state by nobody's act", resolve, "state", NOBODY, SOTAY_E_NOT_FOUND, "not in" },
    { "typed over every limit", draft_long, "place", NULL, SOTAY_E_TOO_LARGE, "" },
    { "typed in an endless path", draft_long, NULL, "x", SOTAY_E_VALUE, "" },
    { "typed in no record", draft_nowhere, "place", "x", SOTAY_E_NOT_FOUND, "" },
    { "a working copy of no record", draft_read_nowhere, NULL, NULL, SOTAY_E_NOT_FOUND, "" },
    { "a set of a new record that is cleared", make_with, "topics", NULL, SOTAY_E_VALUE,
      "add and remove" },
    { "a field of an item in another place", set_beside_item, "text", "x", SOTAY_E_VALUE,
      "no such item" },
    { "a field of an item of nobody, before others", set,
      "findings.00000000000000000000000000000001:9:0.text", "x", SOTAY_E_VALUE, "no such item" },
    { "a field of an item of nobody, behind all", set,
      "findings.ffffffffffffffffffffffffffffffff:9:0.text", "x", SOTAY_E_VALUE, "no such item" },
    { "finalised where nothing is", finalise_unit, NULL, NULL, SOTAY_E_STATE, "not finalised" },
    { "a file where none can be", attach_to_note, "a.pdf", NULL, SOTAY_E_VALUE, "no attachments" },
    { "amended in more than can be", amend_with_none_of_many, NULL, NULL, SOTAY_E_TOO_LARGE,
      "too many values" },
    { "withdrawn with a long reason", withdraw_at_length, NULL, NULL, SOTAY_E_VALUE,
      "at most 1000" },
    { "more values than a change has", set_too_many, "x", NULL, SOTAY_E_TOO_LARGE,
      "more than 4096 values" },
    { "more bytes than a change has", set_too_much, NULL, NULL, SOTAY_E_TOO_LARGE,
      "more than 262144 bytes" },
    { "typed in more fields than a copy has", type_too_many, "x", NULL, SOTAY_E_TOO_LARGE,
      "too many fields" },
    { "typed while a bundle is made", type_in_an_exchange, "place", "x", SOTAY_E_BUSY,
      "under way" },
    { "the history of no record", history_nowhere, NULL, NULL, SOTAY_E_NOT_FOUND, "" },
};

/* The id of the first record of a form. */
static sotay_id first_of(phone *p, const char *form)
{
    const sotay_filter filter = { form, NULL, NULL, NULL };
    char *json = NULL;
    sotay_id id;
    must(sotay_list(p->client, &filter, SOTAY_JSON, &json, NULL));
    const char *at = strstr(json, "\"id\":\"");
    assert_non_null(at);
    char text[33] = "";
    memcpy(text, at + 6, 32);
    assert_true(sotay_id_parse(text, &id));
    sotay_text_free(json);
    return id;
}

static sotay_id make_note(phone *p)
{
    const sotay_pair pair = { "subject", "họp" };
    const sotay_pairs one = { &pair, 1 };
    sotay_id id;
    must(sotay_record_new(p->client, "note", EDGE_UNIT, one, &id, &p->error));
    return id;
}

static void test_what_cannot_be_done_is_said(void **state)
{
    phone an;
    world w = { .p = &an };
    (void)state;
    edge *e = phone_alone(&an);
    w.visit = phone_visit(&an, "chợ");
    w.final = phone_visit(&an, "trạm");
    w.note = make_note(&an);
    w.unit = first_of(&an, "unit");
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    must(sotay_item_new(an.client, &w.visit, "findings", one, w.item, NULL));
    must(sotay_record_remark(an.client, &w.visit, "hẹn quay lại", NULL));
    memset(&w.nowhere, 9, sizeof w.nowhere);
    must(sotay_record_finalise(an.client, &w.final, NULL));
    w.long_text = malloc(70001);
    assert_non_null(w.long_text);
    memset(w.long_text, 'k', 70000);
    w.long_text[70000] = '\0';
    for (size_t i = 0; i < LEN(REFUSED); i++) {
        memset(&an.error, 0, sizeof an.error);
        int rc = REFUSED[i].what(&w, REFUSED[i].a, REFUSED[i].b);
        if (rc != REFUSED[i].want || strstr(an.error.detail, REFUSED[i].says) == NULL)
            fail_msg("%s: %s: %s", REFUSED[i].why, sotay_code_name(rc), an.error.detail);
        assert_true(strlen(an.error.detail) > 0);
        assert_true(phone_status_says(&an, "\"ready\":6"));
        assert_true(phone_status_says(&an, "\"working_copies\":0"));
    }
    free(w.long_text);
    phone_part(e, &an, NULL);
}

/* ---- values against each other ---- */

/* `seen` names what was looked at, in whatever order and with blanks; a dot that is the beginning
 * of another one is another value. */
static void test_what_was_seen_protects(void **state)
{
    phone an, binh;
    char a[64], b[64];
    (void)state;
    edge *e = phone_pair(&an, &binh);
    sotay_id visit = phone_visit(&an, "chợ");
    meet(e, &an, &binh);
    must(phone_set(&an, &visit, "general_note", "A"));
    must(phone_set(&binh, &visit, "general_note", "B"));
    meet(e, &an, &binh);
    dot_after(&an, &visit, "\"value\":\"A\"", a);
    dot_after(&an, &visit, "\"value\":\"B\"", b);
    const struct {
        const char *parts[5];
        int want;
    } CASES[] = {
        { { a, "1,", b }, SOTAY_E_CHANGED },
        { { "x", a, ",", b }, SOTAY_E_CHANGED },
        { { a, ",", b, ",00000000000000000000000000000001:1" }, SOTAY_E_CHANGED },
        { { b }, SOTAY_E_CHANGED },
        { { "" }, SOTAY_E_CHANGED },
        { { " ", b, ", ", a, " " }, SOTAY_OK },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        char seen[512] = "";
        for (size_t k = 0; k < 5 && CASES[i].parts[k] != NULL; k++)
            (void)strcat(seen, CASES[i].parts[k]);
        const sotay_resolution wish = { "general_note", NULL, NULL, seen, "theo biên bản" };
        assert_int_equal(sotay_record_resolve(an.client, &visit, &wish, NULL), CASES[i].want);
    }
    st_id id = phone_id(&visit);
    must(edge_sync(e, an.client, NULL, NULL));
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1); /* cleared, and that is what counts */
    phone_part(e, &an, &binh);
}

/* ---- what may be done all the same ---- */

static int amend_one(phone *p, const sotay_id *record, const char *path, const char *value)
{
    const sotay_pair pair = { path, value };
    const sotay_pairs one = { &pair, 1 };
    return sotay_record_amend(p->client, record, one, "đọc lại biên bản", &p->error);
}

/* An amendment of what was empty, and one that empties: both are told with what there is. */
static void test_amendments_of_nothing_and_to_nothing(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    must(sotay_record_finalise(an.client, &visit, NULL));
    must(amend_one(&an, &visit, "general_note", "đường lầy"));
    assert_true(phone_says(&an, sotay_show, &visit, "\"đường lầy\""));
    must(amend_one(&an, &visit, "place", NULL));
    assert_true(phone_says(&an, sotay_show, &visit, "\"chợ\"")); /* as the old value */
    must(edge_sync(e, an.client, NULL, NULL));
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 1);
    phone_part(e, &an, NULL);
}

/* Forms that have no place for what was amended and settled, or one with keys: it is amended and
 * settled all the same. */
static void test_forms_without_a_place_for_it(void **state)
{
    static const char *const FORMS[] = { "note", "memo" };
    const sotay_pair first = { "subject", "họp" };
    const sotay_pairs one = { &first, 1 };
    (void)state;
    for (size_t i = 0; i < LEN(FORMS); i++) {
        phone an, binh;
        char dot[64];
        sotay_id id;
        edge *e = phone_pair(&an, &binh);
        must(sotay_record_new(an.client, FORMS[i], EDGE_UNIT, one, &id, &an.error));
        meet(e, &an, &binh);
        must(phone_set(&an, &id, "subject", "A"));
        must(phone_set(&binh, &id, "subject", "B"));
        meet(e, &an, &binh);
        dot_after(&an, &id, "\"value\":\"A\"", dot);
        const sotay_resolution wish = { "subject", dot, NULL, NULL, "theo biên bản" };
        must(sotay_record_resolve(an.client, &id, &wish, &an.error));
        must(sotay_record_finalise(an.client, &id, &an.error));
        must(amend_one(&an, &id, "subject", "C"));
        must(edge_sync(e, an.client, NULL, NULL));
        st_id inner = phone_id(&id);
        assert_int_equal(edge_values(e, &inner, 1), 1);
        assert_true(phone_says(&an, sotay_show, &id, "\"C\""));
        phone_part(e, &an, &binh);
    }
}

/* Blanks around the commas of a list do not count, nor does its end; a key of which the catalogue
 * has no other is taken; an item may hold a list as well. */
static void test_lists_and_keys(void **state)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "topics", "n1 ,  n2  ,n3 " } };
    const sotay_pairs pairs = { list, 2 };
    const sotay_pair tags = { "tags", "t1,t2" };
    const sotay_pairs one = { &tags, 1 };
    char item[SOTAY_ITEM_TEXT];
    phone an, binh;
    sotay_id id;
    (void)state;
    edge *e = phone_pair(&an, &binh);
    must(sotay_record_new(an.client, "visit", EDGE_UNIT, pairs, &id, &an.error));
    sotay_id note = make_note(&an);
    must(sotay_item_new(an.client, &note, "parts", one, item, &an.error));
    must(phone_set(&an, &note, "marks.bat_ky.text", "điểm"));
    must(edge_sync(e, an.client, NULL, NULL));
    must(edge_sync(e, binh.client, NULL, NULL));
    assert_true(phone_says(&binh, sotay_show, &id, "\"n1\""));
    assert_true(phone_says(&binh, sotay_show, &id, "\"n2\""));
    assert_true(phone_says(&binh, sotay_show, &id, "\"n3\""));
    assert_true(phone_says(&an, sotay_show, &note, "\"t2\""));
    assert_true(phone_says(&an, sotay_show, &note, "\"bat_ky\""));
    phone_part(e, &an, &binh);
}

/* A working copy: a field is typed, typed again, emptied and taken back; what was never typed is
 * taken back just so. */
static void test_a_working_copy_field_by_field(void **state)
{
    phone an;
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    must(sotay_draft_put(an.client, &visit, "general_note", NULL, NULL));
    assert_true(phone_status_says(&an, "\"working_copies\":0"));
    must(sotay_draft_put(an.client, &visit, "general_note", "lầy", NULL));
    must(sotay_draft_put(an.client, &visit, "general_note", "rất lầy", NULL));
    must(sotay_draft_put(an.client, &visit, "place", "", NULL));
    assert_true(phone_status_says(&an, "\"working_copies\":1"));
    must(sotay_draft_put(an.client, &visit, "general_note", NULL, NULL));
    must(sotay_draft_commit(an.client, &visit, &an.error));
    must(edge_sync(e, an.client, NULL, NULL));
    st_id id = phone_id(&visit);
    assert_int_equal(edge_values(e, &id, EDGE_NOTE), 0);
    assert_false(phone_says(&an, sotay_show, &visit, "\"chợ\"")); /* emptied */
    must(sotay_draft_put(an.client, &visit, "place", "trạm", NULL));
    must(sotay_draft_put(an.client, &visit, "place", NULL, NULL));
    assert_true(phone_status_says(&an, "\"working_copies\":0"));
    phone_part(e, &an, NULL);
}

/* ---- acts against each other ---- */

/* One finalises or withdraws what the other withdraws: whoever sees both may say so once more, and
 * that is what counts. */
static void test_an_act_is_said_once_more(void **state)
{
    (void)state;
    for (int finalises = 0; finalises < 2; finalises++) {
        phone an, binh;
        edge *e = phone_pair(&an, &binh);
        sotay_id visit = phone_visit(&an, "chợ");
        meet(e, &an, &binh);
        if (finalises)
            must(sotay_record_finalise(an.client, &visit, NULL));
        else
            must(phone_set(&an, &visit, "general_note", "A"));
        must(sotay_record_withdraw(binh.client, &visit, "nhầm xóm", NULL));
        meet(e, &an, &binh);
        meet(e, &binh, &an);
        assert_true(phone_says(&an, sotay_show, &visit, "\"state_conflict\":true"));
        if (finalises)
            must(sotay_record_finalise(an.client, &visit, &an.error));
        else
            must(sotay_record_withdraw(an.client, &visit, "đúng là nhầm", &an.error));
        meet(e, &an, &binh);
        assert_true(phone_says(&binh, sotay_show, &visit, "\"state_conflict\":false"));
        assert_true(phone_says(&binh, sotay_show, &visit,
                               finalises ? "\"state\":\"received\"" : "\"state\":\"withdrawn\""));
        phone_part(e, &an, &binh);
    }
}

/* One withdraws what the other one edits: the office or an officer names the act or the edit that
 * is to count, and both phones show it. */
static void test_an_act_against_an_edit_is_settled(void **state)
{
    static const struct {
        bool keep_act;
        const char *ends;
    } CASES[] = { { true, "\"state\":\"withdrawn\"" }, { false, "\"state\":\"draft\"" } };
    (void)state;
    for (size_t i = 0; i < LEN(CASES); i++) {
        phone an, binh;
        char act[64], edit[64], *text = NULL;
        edge *e = phone_pair(&an, &binh);
        sotay_id visit = phone_visit(&an, "chợ");
        meet(e, &an, &binh);
        must(sotay_record_withdraw(an.client, &visit, "nhầm xóm", NULL));
        must(phone_set(&binh, &visit, "general_note", "B"));
        meet(e, &an, &binh);
        meet(e, &binh, &an);
        assert_true(phone_says(&an, sotay_show, &visit, "\"state_conflict\":true"));
        for (int format = 0; format < 2; format++) {
            must(sotay_conflicts(an.client, format == 0 ? SOTAY_TEXT : SOTAY_JSON, &text, NULL));
            assert_non_null(strstr(text, "state"));
            sotay_text_free(text);
        }
        dot_after(&an, &visit, "\"acts\":[", act);
        dot_after(&an, &visit, "\"value\":\"B\"", edit);
        sotay_resolution wish = { "state", CASES[i].keep_act ? act : edit, NULL, edit, "đã gọi" };
        assert_int_equal(sotay_record_resolve(an.client, &visit, &wish, &an.error),
                         SOTAY_E_CHANGED); /* the act was not looked at */
        wish.seen = act;
        must(sotay_record_resolve(an.client, &visit, &wish, &an.error));
        meet(e, &an, &binh);
        assert_true(phone_says(&binh, sotay_show, &visit, CASES[i].ends));
        assert_true(phone_says(&binh, sotay_show, &visit, "\"state_conflict\":false"));
        assert_true(phone_says(&binh, sotay_history, &visit, "\"đã gọi\""));
        phone_part(e, &an, &binh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_done_is_said),
        cmocka_unit_test(test_what_was_seen_protects),
        cmocka_unit_test(test_amendments_of_nothing_and_to_nothing),
        cmocka_unit_test(test_forms_without_a_place_for_it),
        cmocka_unit_test(test_lists_and_keys),
        cmocka_unit_test(test_a_working_copy_field_by_field),
        cmocka_unit_test(test_an_act_is_said_once_more),
        cmocka_unit_test(test_an_act_against_an_edit_is_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
