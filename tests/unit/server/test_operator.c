/* tests/unit/server/test_operator.c
 * The office works with the book by sotayctl: what it asks for happens whole, what it may not do is
 * refused in one line and changes nothing, and nobody's observation is written by another hand. */
#include "tests/unit/server/operator_kit.h"

#include <cjson/cJSON.h>

static int start(void **state)
{
    static kit_book book;
    kit_make(&book, false);
    KIT_EXPECT(0, &book, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(0, &book, "user", "add", "binh", "--name", "Bình", "--role", "officer");
    KIT_EXPECT(0, &book, "user", "add", "office", "--name", "Văn phòng", "--role", "office");
    KIT_EXPECT(0, &book, "assign", "an", KIT_UNIT, "01477-x002");
    KIT_EXPECT(0, &book, "assign", "binh", KIT_UNIT);
    *state = &book;
    return 0;
}

static int stop(void **state)
{
    kit_remove(*state);
    return 0;
}

/* The parsed stdout of a call that must succeed; the caller deletes it. */
static cJSON *json_of(kit_book *book, const char *const *words)
{
    int code = kit_call(book, words);
    if (code != 0)
        print_message("  stderr: %s\n", KIT_ERR(book));
    assert_int_equal(code, 0);
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(KIT_OUT(book), &end, 0);
    assert_non_null(json);
    assert_string_equal(end, "\n");        /* one document and nothing else */
    return json;
}
#define JSON_OF(book, ...) json_of((book), (const char *const[]){ __VA_ARGS__, NULL })

/* The text at a path of keys parted by '/', "" when it is not there. */
static const char *text_at(const cJSON *json, const char *path)
{
    char part[128];
    while (json != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        (void)snprintf(part, sizeof part, "%.*s", (int)len, path);
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(part))
                                   : cJSON_GetObjectItemCaseSensitive(json, part);
        path += len + (path[len] == '/');
    }
    return cJSON_IsString(json) ? json->valuestring : "";
}

static void need_keys(const cJSON *json, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (!cJSON_HasObjectItem(json, *keys))
            fail_msg("no key '%s'", *keys);
}
#define NEED_KEYS(json, ...) need_keys((json), (const char *const[]){ __VA_ARGS__, NULL })

/* ---- the line ---- */

static void test_wrong_usage_is_2_and_writes_nothing(void **state)
{
    kit_book *book = *state;
    static const char *const CASES[][8] = {
        { "frobnicate" }, { "user" }, { "user", "add" }, { "user", "add", "chi" },
        { "user", "add", "chi", "--name", "Chi" }, { "user", "add", "chi", "--name" },
        { "user", "add", "chi", "--colour", "red" }, { "show" }, { "show", "a", "b" },
        { "stat", "--form", "visit" }, { "stat", "--json=1" }, { "role", "an" },
        { "role", "an", "office" }, { "assign", "an" }, { "new", "visit", KIT_UNIT },
        { "set", "x", "--as", "office" }, { "held", "accept" }, { "held", "accept", "1" },
        { "resolve", "x", "place", "--as", "office", "--reason", "r" },
        { "stat", "--json", "stat" }, { "user", "list", "\xff" }, { "export", "csv", "x" },
        { "new", "visit", "-", "--as", "office" }, { "new", "period", KIT_UNIT, "--as", "office" },
        { "new", "person", "-", "--as", "office" },
        { "new", "visit", KIT_UNIT, "place", "--as", "office" },
        { "new", "visit", KIT_UNIT, "planned_date=2026-03-12", "planned_date=2026-03-13",
          "--as", "office" },
        { "enrol", "an", "--url", "http://a b/" }, { "enrol", "an", "--url", "ftp://a" },
        { "enrol", "an", "--url", "https://http://a" },
    };
    uint64_t before = kit_log_size(book);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const char *words[9] = { NULL };
        for (size_t k = 0; k < 8; k++)
            words[k] = CASES[i][k];
        int code = kit_call(book, words);
        if (code != 2)
            print_message("  case %zu: %s\n", i, words[0]);
        assert_int_equal(code, 2);
        assert_true(KIT_ERR(book)[0] != '\0');
        assert_string_equal(KIT_OUT(book), "");
    }
    assert_int_equal(kit_log_size(book), before);
}

static void test_each_verb_has_both_languages(void **state)
{
    (void)state;
    size_t count = 0;
    for (; operator_verb_at(count) != NULL; count++) {
        const operator_help *verb = operator_verb_at(count);
        assert_true(verb->name[0] != '\0' && verb->vi[0] != '\0' && verb->en[0] != '\0');
        assert_string_not_equal(verb->vi, verb->en);
    }
    assert_true(count > 20);
}

static void test_reasons_speak_the_language_of_the_call(void **state)
{
    kit_book *book = *state;
    book->lang = "vi";
    KIT_EXPECT(1, book, "user", "add", "an", "--name", "An", "--role", "officer");
    assert_true(kit_says(KIT_ERR(book), "user add: Đã có rồi, chưa ghi gì."));
    book->lang = "en";
    KIT_EXPECT(1, book, "user", "add", "an", "--name", "An", "--role", "officer");
    assert_true(kit_says(KIT_ERR(book), "user add: It exists already; nothing was written."));
    assert_int_equal(strlen(KIT_ERR(book)), strcspn(KIT_ERR(book), "\n") + 1);   /* one line */
}

/* What is wrong with a command line, and how many there are of what. */
static void test_words_of_both_languages(void **state)
{
    static const struct {
        int code;
        const char *words[6], *vi, *en;
    } CASES[] = {
        { 2, { "records", "--what" }, "--what: không có tùy chọn này", "--what: no such option" },
        { 2, { "records", "--form" }, "thiếu giá trị", "the value of this option is missing" },
        { 2, { "records", "--json=1" }, "không kèm giá trị", "takes no value" },
        { 2, { "show" }, "cách dùng: sotayctl", "usage: sotayctl" },
        { 2, { "nothing" }, "không có lệnh này", "no such verb" },
        { 2, { "resolve", "x", "y", "--as=office", "--reason=z" },
          "--keep DOT hoặc --value V", "either --keep" },
        { 2, { "move", "x", "y", "--as=office", "--reason=z" },
          "phiếu kiểm tra chuyển sang", "a visit goes to" },
        { 2, { "move", "x", "reopened", "--as=office", "--reason=z" },
          "quyết định của Hội đồng",
          "a decision of the Council" },
        { 2, { "enrol", "an", "--url=ftp://x" }, "không phải địa chỉ", "not an address" },
        { 0, { "records", "--form=movement" }, "\n1 phiếu\n", "\n1 record\n" },
        { 0, { "records", "--form=area" }, "\n4 phiếu\n", "\n4 records\n" },
        { 0, { "device", "list" }, "0 máy\n", "0 devices\n" },
    };
    kit_book *book = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        for (int vi = 0; vi < 2; vi++) {
            const char *const *words = CASES[i].words, *said = vi ? CASES[i].vi : CASES[i].en;
            book->lang = vi ? "vi" : "en";
            int code = kit_call(book, words);
            if (code != CASES[i].code || !kit_says(code == 0 ? KIT_OUT(book) : KIT_ERR(book), said))
                fail_msg("%s %s: %d \"%s\", not \"%s\"", words[0], book->lang, code,
                         code == 0 ? KIT_OUT(book) : KIT_ERR(book), said);
        }
    book->lang = "en";
}

/* ---- people ---- */

static void test_people(void **state)
{
    kit_book *book = *state;
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(1, book, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(1, book, "user", "add", "chi", "--name", "Chi", "--role", "king");
    KIT_EXPECT(1, book, "user", "add", "chi chi", "--name", "Chi", "--role", "officer");
    KIT_EXPECT(1, book, "user", "add", "chi", "--name", "", "--role", "officer");
    KIT_EXPECT(1, book, "user", "disable", "nobody");
    KIT_EXPECT(1, book, "role", "nobody", "+office");
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "user", "add", "chi", "--name", "Chi", "--role", "officer", "--role",
               "auditor");
    KIT_EXPECT(0, book, "role", "chi", "+office", "-auditor");
    cJSON *json = JSON_OF(book, "user", "list", "--json");
    const cJSON *users = cJSON_GetObjectItem(json, "users"), *user, *chi = NULL;
    cJSON_ArrayForEach(user, users)
        if (strcmp(text_at(user, "login"), "chi") == 0)
            chi = user;
    assert_non_null(chi);
    assert_string_equal(text_at(chi, "roles/0"), "officer");
    assert_string_equal(text_at(chi, "roles/1"), "office");
    assert_string_equal(text_at(chi, "roles/2"), "");
    cJSON_Delete(json);
    before = kit_log_size(book);
    KIT_EXPECT(0, book, "role", "chi", "+office");      /* is so already: no entry */
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "user", "disable", "chi");
    KIT_EXPECT(1, book, "user", "disable", "chi");
    KIT_EXPECT(1, book, "role", "chi", "+admin");
    KIT_EXPECT(1, book, "enrol", "chi");
    KIT_EXPECT(1, book, "assign", "chi", KIT_UNIT);
    KIT_EXPECT(1, book, "new", "visit", KIT_UNIT, "--as", "chi");
    assert_true(kit_says(KIT_ERR(book), "disabled"));
    KIT_EXPECT(0, book, "user", "list");
    assert_true(kit_says(KIT_OUT(book), "4 people"));
}

static void test_import_is_all_or_nothing(void **state)
{
    kit_book *book = *state;
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(1, book, "user", "import", "--text",
               "login,name,role\nnew1,Một,officer,01477-x001\nan,An,officer\nnew2,Hai,king\n"
               "new3\nnew4,Bốn,officer,01477-zz9\nnew1,Một nữa,officer\n");
    assert_true(kit_says(KIT_ERR(book), "line 3:"));
    assert_true(kit_says(KIT_ERR(book), "line 4:"));
    assert_true(kit_says(KIT_ERR(book), "line 5:"));
    assert_true(kit_says(KIT_ERR(book), "line 6:"));
    assert_true(kit_says(KIT_ERR(book), "line 7:"));
    assert_null(strstr(KIT_ERR(book), "line 2:"));
    KIT_EXPECT(1, book, "user", "import", "--text", "");
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "user", "import", "--text",
               "\xEF\xBB\xBFlogin\tname\trole\r\nnew1\tMột\tofficer+office\t01477-x001\t01477-x002"
               "\r\n# một dòng ghi chú\r\nnew2\t\"Hai, \"\"út\"\"\"\tofficer\r\n");
    cJSON *json = JSON_OF(book, "user", "list", "--json");
    const cJSON *user;
    size_t found = 0;
    cJSON_ArrayForEach(user, cJSON_GetObjectItem(json, "users")) {
        if (strcmp(text_at(user, "login"), "new2") == 0) {
            assert_string_equal(text_at(user, "name"), "Hai, \"út\"");
            found++;
        }
        if (strcmp(text_at(user, "login"), "new1") == 0) {
            assert_string_equal(text_at(user, "roles/1"), "office");
            found++;
        }
    }
    assert_int_equal(found, 2);
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "unassign", "new1", "01477-x001", "01477-x002");
}

static void test_assignments(void **state)
{
    kit_book *book = *state;
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(1, book, "assign", "an", "01477-x003", "01477-nowhere");
    KIT_EXPECT(1, book, "assign", "nobody", KIT_UNIT);
    KIT_EXPECT(1, book, "unassign", "an", "01477-x003");
    KIT_EXPECT(0, book, "assign", "an", KIT_UNIT);      /* has it already */
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "assign", "an", "01477-x003", "01477-x003");
    KIT_EXPECT(0, book, "unassign", "an", "01477-x003");
    KIT_EXPECT(1, book, "unassign", "an", "01477-x003");
    KIT_EXPECT(0, book, "assign", "an", "01477-x003");  /* the same record again */
    KIT_EXPECT(0, book, "unassign", "an", "01477-x003");
    KIT_EXPECT(1, book, "assign", "an", "ar-01477", "ar-nowhere");
    KIT_EXPECT(1, book, "assign", "an", "ar-01477,");
    KIT_EXPECT(1, book, "unassign", "an", "ar-01477"); /* nothing was written */
    static const char *const SPREADS[] = { "ar-01477", "x" };
    for (size_t i = 0; i < 2; i++) {
        KIT_EXPECT(0, book, "assign", "an", SPREADS[i], SPREADS[i]);
        uint64_t written = kit_log_size(book);
        KIT_EXPECT(0, book, "assign", "an", SPREADS[i]); /* has it already */
        assert_int_equal(kit_log_size(book), written);
        KIT_EXPECT(0, book, "unassign", "an", SPREADS[i]);
        KIT_EXPECT(1, book, "unassign", "an", SPREADS[i]);
    }
    cJSON *json = JSON_OF(book, "records", "--form", "assignment", "--json");
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(json, "records")) >= 4);
    cJSON_Delete(json);
}

/* ---- enrol ---- */

static const char *last_line(kit_book *book)
{
    char *text = (char *)book->out.data;
    size_t len = strlen(text);
    assert_true(len > 0 && text[len - 1] == '\n');
    text[len - 1] = '\0';
    const char *slash = strrchr(text, '\n');
    return slash != NULL ? slash + 1 : text;
}

static void test_enrolment_links(void **state)
{
    kit_book *book = *state;
    static const struct { const char *running, *url, *want; } CASES[] = {
        { NULL, NULL, "http://127.0.0.1:8080/field/#e=" },
        { "http://127.0.0.1:9999", NULL, "http://127.0.0.1:9999/field/#e=" },
        { NULL, "so.example.vn", "https://so.example.vn/field/#e=" },
        { "http://127.0.0.1:9999", "https://so.example.vn/", "https://so.example.vn/field/#e=" },
        { NULL, "localhost:1234", "http://localhost:1234/field/#e=" },
        { NULL, "http://10.0.0.5:8080", "http://10.0.0.5:8080/field/#e=" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t code[16], key[32];
        book->public_url = CASES[i].running;
        if (CASES[i].url != NULL)
            KIT_EXPECT(0, book, "enrol", "an", "--url", CASES[i].url);
        else
            KIT_EXPECT(0, book, "enrol", "an");
        const char *link = last_line(book);
        size_t len = strlen(CASES[i].want);
        assert_memory_equal(link, CASES[i].want, len);
        assert_true(st_enrol_code_parse(link + len, code, key));
        assert_memory_equal(key, book->rooms.keys.log_public, 32);
    }
    book->public_url = NULL;
    KIT_EXPECT(0, book, "enrol", "an", "--qr");
    assert_true(kit_says(KIT_OUT(book), "█"));
    assert_true(kit_says(last_line(book), "#e="));
    KIT_EXPECT(1, book, "enrol", "nobody");
}

/* ---- office work ---- */

static void test_office_writes_its_own_fields_only(void **state)
{
    kit_book *book = *state;
    char id[33];
    KIT_EXPECT(0, book, "new", "visit", KIT_UNIT, "visit_kind=kiem_tra",
               "planned_date=2026-03-12", "joint_with=01477-a01,01477-a02", "--as", "office");
    kit_take_id(book, id);
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(1, book, "set", id, "general_note=không đạt", "--as", "office");
    assert_true(kit_says(KIT_ERR(book), "officer"));
    KIT_EXPECT(1, book, "set", id, "ratings.x1.rating=dat", "--as", "office");
    assert_true(kit_says(KIT_ERR(book), "accepted_rating"));
    KIT_EXPECT(1, book, "set", id, "planned_date=2026-02-30", "--as", "office");
    KIT_EXPECT(1, book, "set", id, "planned_date=", "--as", "office");
    KIT_EXPECT(1, book, "set", id, "no_such_field=1", "--as", "office");
    KIT_EXPECT(1, book, "set", id, "state=approved", "--as", "office");
    KIT_EXPECT(1, book, "set", id, "unit_id=01477-x002", "--as", "office");
    KIT_EXPECT(1, book, "set", id, "planned_date=2026-03-13", "--as", "an");
    KIT_EXPECT(1, book, "set", id, "planned_date=2026-03-13", "--as", "nobody");
    KIT_EXPECT(1, book, "set", "00000000000000000000000000000000", "place=x", "--as", "office");
    KIT_EXPECT(1, book, "set", "no-id", "place=x", "--as", "office");
    KIT_EXPECT(1, book, "new", "visit", "01477-nowhere", "--as", "office");
    KIT_EXPECT(1, book, "new", "nothing", KIT_UNIT, "--as", "office");
    KIT_EXPECT(1, book, "new", "visit", KIT_UNIT, "general_note=x", "--as", "office");
    KIT_EXPECT(1, book, "new", "visit", KIT_UNIT, "--as", "an");
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "set", id, "planned_date=2026-03-15", "ratings.x1.accepted_rating=dat",
               "joint_with=01477-a02,01477-a03", "--as", "office", "--reason", "họp");
    assert_string_equal(KIT_OUT(book), "");
    cJSON *json = JSON_OF(book, "show", id, "--json");
    NEED_KEYS(json, "id", "form", "form_version", "unit", "bucket", "state", "changed_since",
              "open_conflicts", "flags", "fields", "groups", "duplicate_of", "joined");
    assert_string_equal(text_at(json, "fields/planned_date/values/0/value"), "2026-03-15");
    assert_string_equal(text_at(json, "fields/planned_date/values/0/via"), "operator");
    assert_string_equal(text_at(json, "fields/planned_date/values/0/author"), "office");
    assert_string_equal(text_at(json, "groups/ratings/x1/accepted_rating/values/0/value"), "dat");
    const cJSON *joint = cJSON_GetObjectItem(
        cJSON_GetObjectItem(cJSON_GetObjectItem(json, "fields"), "joint_with"), "values");
    assert_int_equal(cJSON_GetArraySize(joint), 2);
    assert_string_equal(text_at(joint, "0/value"), "01477-a02");
    cJSON_Delete(json);
}

static void test_catalogue_records(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(1, book, "new", "unit", KIT_UNIT, "class=x", "name_vi=Lặp", "--as", "office");
    KIT_EXPECT(0, book, "new", "unit", "01477-x900", "class=x", "name_vi=Xóm mới", "--as",
               "office");
    KIT_EXPECT(0, book, "assign", "an", "01477-x900");
    KIT_EXPECT(0, book, "unassign", "an", "01477-x900");
    KIT_EXPECT(0, book, "search", "xom moi");
    assert_true(kit_says(KIT_OUT(book), "01477-x900"));
}

/* ---- different opinions ---- */

typedef struct {
    kit_phone an, binh;
    char id[33];
} two_officers;

/* Both wrote the general note of one visit without having seen each other. */
static void disagree(kit_book *book, two_officers *two, uint8_t seed)
{
    kit_enrol(book, "an", seed, &two->an);
    kit_enrol(book, "binh", (uint8_t)(seed + 50), &two->binh);
    kit_visit(&two->an, "gốc", two->id);
    st_dot first = { two->an.device, two->an.next - 1 };
    assert_int_equal(kit_write(&two->an, two->id, "general_note", "đủ bàn ghế", &first),
                     ST_VERDICT_STORED);
    assert_int_equal(kit_write(&two->binh, two->id, "general_note", "=thiếu bàn, ghế", &first),
                     ST_VERDICT_STORED);
}

static void dot_of(const kit_phone *phone, char text[ST_DOT_TEXT_BYTES])
{
    st_dot dot = { phone->device, phone->next - 1 };
    st_dot_format(&dot, text);
}

static void test_a_difference_is_listed_with_both_authors(void **state)
{
    kit_book *book = *state;
    two_officers two;
    disagree(book, &two, 10);
    cJSON *json = JSON_OF(book, "conflicts", "--json");
    const cJSON *list = cJSON_GetObjectItem(json, "conflicts"), *one, *mine = NULL;
    cJSON_ArrayForEach(one, list)
        if (strcmp(text_at(one, "id"), two.id) == 0)
            mine = one;
    assert_non_null(mine);
    NEED_KEYS(mine, "id", "form", "unit", "path", "values");
    assert_string_equal(text_at(mine, "path"), "general_note");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(mine, "values")), 2);
    assert_string_not_equal(text_at(mine, "values/0/author"), text_at(mine, "values/1/author"));
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "conflicts");
    assert_true(kit_says(KIT_OUT(book), "đủ bàn ghế — an"));
    assert_true(kit_says(KIT_OUT(book), "=thiếu bàn, ghế — binh"));
    KIT_EXPECT(0, book, "records", "--form", "visit");
    assert_true(kit_says(KIT_OUT(book), "≠1"));
    KIT_EXPECT(0, book, "show", two.id);
    assert_true(kit_says(KIT_OUT(book), "đủ bàn ghế"));
}

static void test_resolutions_that_are_refused(void **state)
{
    kit_book *book = *state;
    two_officers two;
    char mine[ST_DOT_TEXT_BYTES], other[ST_DOT_TEXT_BYTES], gone[ST_DOT_TEXT_BYTES];
    disagree(book, &two, 20);
    dot_of(&two.an, mine);
    dot_of(&two.binh, other);
    st_dot first = { two.an.device, 1 };
    st_dot_format(&first, gone);
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(2, book, "resolve", two.id, "general_note", "--keep", mine, "--value", "x", "--as",
               "office", "--reason", "r");
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--value", "ý văn phòng", "--as",
               "office", "--reason", "r");
    assert_true(kit_says(KIT_ERR(book), "officer"));
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--keep", mine, "--as", "an",
               "--reason", "r");
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--keep", gone, "--as", "office",
               "--reason", "r");
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--keep", "dot", "--as", "office",
               "--reason", "r");
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--keep", mine, "--as", "office",
               "--reason", " ");
    KIT_EXPECT(1, book, "resolve", two.id, "place", "--keep", mine, "--as", "office", "--reason",
               "r");
    KIT_EXPECT(1, book, "resolve", two.id, "state", "--keep", mine, "--as", "office", "--reason",
               "r");
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--keep", mine, "--seen", mine, "--as",
               "office", "--reason", "r");
    assert_true(kit_says(KIT_ERR(book), "=thiếu bàn, ghế"));
    assert_true(kit_says(KIT_ERR(book), other));
    assert_int_equal(kit_log_size(book), before);
    cJSON *json = JSON_OF(book, "show", two.id, "--json");
    assert_int_equal(cJSON_GetObjectItem(json, "open_conflicts")->valueint, 1);
    cJSON_Delete(json);
}

static void test_the_office_keeps_one_value(void **state)
{
    kit_book *book = *state;
    two_officers two;
    char mine[ST_DOT_TEXT_BYTES], other[ST_DOT_TEXT_BYTES], seen[2 * ST_DOT_TEXT_BYTES];
    disagree(book, &two, 30);
    dot_of(&two.an, mine);
    dot_of(&two.binh, other);
    (void)snprintf(seen, sizeof seen, "%s,%s", mine, other);
    KIT_EXPECT(0, book, "resolve", two.id, "general_note", "--keep", other, "--seen", seen, "--as",
               "office", "--reason", "xem biên bản");
    cJSON *json = JSON_OF(book, "show", two.id, "--json");
    assert_int_equal(cJSON_GetObjectItem(json, "open_conflicts")->valueint, 0);
    assert_string_equal(text_at(json, "fields/general_note/values/0/value"), "=thiếu bàn, ghế");
    assert_string_equal(text_at(json, "fields/general_note/values/0/author"), "office");
    assert_string_equal(text_at(json, "fields/general_note/values/0/kept/dot"), other);
    assert_string_equal(text_at(json, "fields/general_note/values/0/kept/author"), "binh");
    cJSON_Delete(json);
    KIT_EXPECT(1, book, "resolve", two.id, "general_note", "--keep", mine, "--as", "office",
               "--reason", "muộn");
    json = JSON_OF(book, "history", two.id, "--json");
    NEED_KEYS(json, "id", "complete", "changes");
    const cJSON *changes = cJSON_GetObjectItem(json, "changes");
    assert_int_equal(cJSON_GetArraySize(changes), 4);
    NEED_KEYS(cJSON_GetArrayItem(changes, 3), "dot", "author", "device", "role", "via",
              "claimed_at", "received_at", "carrier", "log_index", "proof", "verdict", "ops",
              "reason");
    assert_string_equal(text_at(changes, "3/ops/0/op"), "resolve");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(changes, 3), "ops")),
                     6); /* and path, values_seen, kept, reason, decided_by of its item */
    assert_string_equal(text_at(changes, "3/ops/3/value"), other);
    assert_string_equal(text_at(changes, "3/reason"), "xem biên bản");
    assert_string_equal(text_at(changes, "3/via"), "operator");
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "history", two.id);
    assert_true(kit_says(KIT_OUT(book), "4 changes"));
    KIT_EXPECT(1, book, "history", "00000000000000000000000000000000");
}

/* One officer withdraws the visit, the other writes in it, neither knows of it. */
static void withdraw_against_edit(kit_book *book, two_officers *two, uint8_t seed)
{
    static const char WHY[] = "đi nhầm xóm";
    kit_enrol(book, "an", seed, &two->an);
    kit_enrol(book, "binh", (uint8_t)(seed + 1), &two->binh);
    kit_visit(&two->an, "gốc", two->id);
    st_context_device knows = { .device = two->an.device, .upto = 1 };
    st_change change = { .act = ST_ACT_WITHDRAW, .context = { &knows, 1 },
                         .reason = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)WHY,
                                     .len = sizeof WHY - 1 } };
    assert_true(st_id_parse(two->id, &change.record));
    assert_int_equal(kit_send(&two->an, &change), ST_VERDICT_STORED);
    assert_int_equal(kit_write(&two->binh, two->id, "place", "Sân trường", NULL),
                     ST_VERDICT_STORED);
}

static void test_a_withdrawal_against_an_edit_is_settled(void **state)
{
    kit_book *book = *state;
    for (int keep_edit = 0; keep_edit < 2; keep_edit++) {
        two_officers two;
        char withdrawal[ST_DOT_TEXT_BYTES], edit[ST_DOT_TEXT_BYTES];
        withdraw_against_edit(book, &two, (uint8_t)(200 + 2 * keep_edit));
        dot_of(&two.an, withdrawal);
        dot_of(&two.binh, edit);
        cJSON *json = JSON_OF(book, "conflicts", "--json");
        assert_true(kit_says(KIT_OUT(book), two.id));
        cJSON_Delete(json);
        KIT_EXPECT(1, book, "resolve", two.id, "state", "--keep", edit, "--seen", edit, "--as",
                   "office", "--reason", "r");
        KIT_EXPECT(0, book, "resolve", two.id, "state", "--keep", keep_edit ? edit : withdrawal,
                   "--seen", withdrawal, "--as", "office", "--reason", "đã gọi hỏi");
        json = JSON_OF(book, "show", two.id, "--json");
        assert_int_equal(cJSON_GetObjectItem(json, "open_conflicts")->valueint, 0);
        assert_string_equal(text_at(json, "state"), keep_edit ? "draft" : "withdrawn");
        cJSON_Delete(json);
    }
}

/* ---- devices and what is held ---- */

static void device_text(const kit_phone *phone, char hex[33])
{
    st_id_format(&phone->device, hex);
}

static void test_devices(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    char hex[33], prefix[9];
    kit_enrol(book, "an", 120, &phone);
    device_text(&phone, hex);
    (void)snprintf(prefix, sizeof prefix, "%.8s", hex);
    KIT_EXPECT(1, book, "device", "suspend", "abc");
    KIT_EXPECT(1, book, "device", "suspend", "00000000000000000000000000000000");
    KIT_EXPECT(1, book, "device", "suspend", hex, "--lift");
    KIT_EXPECT(0, book, "device", "suspend", prefix, "--reason", "để quên ở xóm");
    KIT_EXPECT(1, book, "device", "suspend", hex);
    KIT_EXPECT(0, book, "device", "suspend", hex, "--lift");
    KIT_EXPECT(0, book, "device", "revoke", hex);
    KIT_EXPECT(1, book, "device", "revoke", hex);
    KIT_EXPECT(1, book, "device", "suspend", hex, "--lift");
    cJSON *json = JSON_OF(book, "device", "list", "--json");
    const cJSON *device, *mine = NULL;
    cJSON_ArrayForEach(device, cJSON_GetObjectItem(json, "devices"))
        if (strcmp(text_at(device, "device"), hex) == 0)
            mine = device;
    assert_non_null(mine);
    NEED_KEYS(mine, "device", "person", "label", "enrolled_at", "revoked_at", "last_sync",
              "clock_offset_ms", "counter", "checkpoint_size", "confirmed", "buckets");
    assert_string_equal(text_at(mine, "person"), "an");
    assert_string_equal(text_at(mine, "status"), "revoked");
    assert_string_not_equal(text_at(mine, "revoked_at"), "");
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "device", "list");
    assert_true(kit_says(KIT_OUT(book), hex));
}

/* The number in the list of the held change of a record. */
static void number_of(kit_book *book, const char *id, const char *reason, char number[24])
{
    cJSON *json = JSON_OF(book, "held", "--json");
    const cJSON *held;
    number[0] = '\0';
    cJSON_ArrayForEach(held, cJSON_GetObjectItem(json, "held")) {
        NEED_KEYS(held, "n", "reason", "person", "device", "received_at", "records", "detail");
        if (strcmp(text_at(held, "records/0"), id) == 0 &&
            strcmp(text_at(held, "reason"), reason) == 0)
            (void)snprintf(number, 24, "%d", cJSON_GetObjectItem(held, "n")->valueint);
    }
    cJSON_Delete(json);
    assert_true(number[0] != '\0');
}

static void test_held_changes_are_decided_once(void **state)
{
    kit_book *book = *state;
    two_officers two;
    char hex[33], number[24];
    disagree(book, &two, 140);
    device_text(&two.an, hex);
    KIT_EXPECT(0, book, "device", "suspend", hex);
    assert_int_equal(kit_write(&two.an, two.id, "place", "Sân kho", NULL), ST_VERDICT_HELD);
    number_of(book, two.id, "suspended", number);
    uint64_t before = kit_log_size(book);
    KIT_EXPECT(1, book, "held", "accept", number, "--as", "an", "--reason", "r");
    KIT_EXPECT(1, book, "held", "accept", "999999", "--as", "office", "--reason", "r");
    KIT_EXPECT(1, book, "held", "accept", "x", "--as", "office", "--reason", "r");
    KIT_EXPECT(1, book, "held", "decline", number, "--as", "office", "--reason", "");
    assert_int_equal(kit_log_size(book), before);
    KIT_EXPECT(0, book, "held");
    assert_true(kit_says(KIT_OUT(book), "suspended"));
    KIT_EXPECT(0, book, "held", "accept", number, "--as", "office", "--reason", "đã hỏi lại");
    KIT_EXPECT(1, book, "held", "accept", number, "--as", "office", "--reason", "lần nữa");
    cJSON *json = JSON_OF(book, "show", two.id, "--json");
    assert_true(kit_says(KIT_OUT(book), "Sân kho"));
    cJSON_Delete(json);
    assert_int_equal(kit_write(&two.an, two.id, "place", "Chợ", NULL), ST_VERDICT_HELD);
    number_of(book, two.id, "suspended", number);
    KIT_EXPECT(0, book, "held", "decline", number, "--as", "office", "--reason", "không rõ ai ghi");
    json = JSON_OF(book, "history", two.id, "--json");
    assert_true(kit_says(KIT_OUT(book), "\"declined\""));
    assert_true(kit_says(KIT_OUT(book), "Chợ"));
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "device", "suspend", hex, "--lift");
}

/* ---- lists, tables, care ---- */

static void test_lists(void **state)
{
    kit_book *book = *state;
    cJSON *json = JSON_OF(book, "records", "--form", "unit", "--json");
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "records"), 0);
    NEED_KEYS(row, "id", "form", "unit", "state", "title", "open_conflicts", "updated_at");
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(json, "records")) > 90);
    cJSON_Delete(json);
    json = JSON_OF(book, "search", "trung tam van hoa", "--json", "--form", "unit");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "records")), 1);
    cJSON_Delete(json);
    json = JSON_OF(book, "records", "--form", "no_such_form", "--json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "records")), 0);
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "records", "--unit", "01477-nowhere");
    assert_string_equal(KIT_OUT(book), "0 records\n");
    KIT_EXPECT(1, book, "show", "00000000000000000000000000000000");
}

static void test_csv(void **state)
{
    kit_book *book = *state;
    two_officers two;
    disagree(book, &two, 160);
    assert_int_equal(kit_write(&two.an, two.id, "ratings.x2.rating", "dat", NULL),
                     ST_VERDICT_STORED);
    KIT_EXPECT(0, book, "export", "csv", "--form", "visit", "--period", "2026");
    const char *csv = KIT_OUT(book);
    assert_memory_equal(csv, "\xEF\xBB\xBFid,form,form_version,unit,unit_name,state,", 44);
    assert_true(kit_says(csv, "ratings.x2.rating"));
    assert_true(kit_says(csv, two.id));
    assert_true(kit_says(csv, " ≠ "));
    assert_true(kit_says(csv, "2026-03-12"));
    for (const char *at = csv; (at = strstr(at, "thiếu bàn, ghế")) != NULL; at++) {
        const char *quote = at;
        while (quote > csv && *quote != '"' && *quote != '\n')
            quote--;
        assert_int_equal(*quote, '"');      /* has a comma: must stand in quotes */
        assert_true(quote[1] != '=');       /* and never begin as a formula */
    }
    KIT_EXPECT(0, book, "export", "csv", "--form", "visit", "--period", "2027");
    assert_null(strstr(KIT_OUT(book), two.id));
    KIT_EXPECT(1, book, "export", "csv", "--period", "1999");
    KIT_EXPECT(2, book, "export", "csv", "--form", "unit", "--period", "2026");
    KIT_EXPECT(1, book, "export", "csv", "--form", "nothing");
    KIT_EXPECT(0, book, "export", "csv", "--form", "unit");
    assert_true(kit_says(KIT_OUT(book), "name_vi"));
}

static void test_care(void **state)
{
    kit_book *book = *state;
    cJSON *json = JSON_OF(book, "stat", "--json");
    NEED_KEYS(json, "records", "log_entries", "devices", "open_conflicts", "held", "store_bytes",
              "attachment_bytes", "epoch", "backed_up_to");
    assert_int_equal(cJSON_GetObjectItem(json, "log_entries")->valueint, kit_log_size(book));
    assert_int_equal(strlen(text_at(json, "epoch")), 16);
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "stat");
    KIT_EXPECT(0, book, "verify");
    assert_true(kit_says(KIT_OUT(book), "OK"));
    book->public_url = "http://127.0.0.1:1";
    KIT_EXPECT(1, book, "rebuild");         /* never under a running server */
    book->public_url = NULL;
    KIT_EXPECT(0, book, "rebuild");
    json = JSON_OF(book, "verify", "--json");
    assert_int_equal(cJSON_GetObjectItem(json, "wrong_count")->valueint, 0);
    cJSON_Delete(json);
    KIT_EXPECT(0, book, "user", "list");
    assert_true(kit_says(KIT_OUT(book), "office"));
}

/* ---- the call as bytes ---- */

static void test_calls_travel_whole(void **state)
{
    (void)state;
    static const char *const WORDS[] = { "set", "id", "place=Nhà văn hóa", "" };
    const char *argv[OPERATOR_ARGS_MAX];
    operator_call call = { .lang = "vi", .offset_minutes = -90, .argv = WORDS, .argc = 4 };
    operator_call back = { .argc = 0 };
    st_buffer bytes;
    st_buffer_init(&bytes, 4096);
    assert_int_equal(operator_pack(&call, &bytes, NULL), ST_OK);
    assert_int_equal(operator_unpack(bytes.data, bytes.len, argv, &back, NULL), ST_OK);
    assert_int_equal(back.argc, 4);
    assert_string_equal(back.argv[2], WORDS[2]);
    assert_string_equal(back.argv[3], "");
    assert_string_equal(back.lang, "vi");
    assert_int_equal(back.offset_minutes, -90);
    for (size_t len = 0; len < 6; len++)
        assert_int_equal(operator_unpack(bytes.data, len, argv, &back, NULL), ST_E_CORRUPT);
    assert_int_equal(operator_unpack(bytes.data, bytes.len - 2, argv, &back, NULL), ST_E_CORRUPT);
    st_buffer_free(&bytes);
}

static void test_answers_travel_whole(void **state)
{
    (void)state;
    st_buffer out, err, bytes;
    int code;
    size_t err_len;
    st_buffer_init(&out, 64);
    st_buffer_init(&err, 64);
    st_buffer_init(&bytes, 256);
    assert_int_equal(st_buffer_append(&out, "một", 4, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&err, "a: b\n", 5, NULL), ST_OK);
    assert_int_equal(operator_pack_answer(3, &err, &out, &bytes, NULL), ST_OK);
    assert_int_equal(operator_unpack_answer(bytes.data, bytes.len, &code, &err_len, NULL), ST_OK);
    assert_int_equal(code, 3);
    assert_int_equal(err_len, 5);
    assert_memory_equal(bytes.data + 5, "a: b\nmột", 9);
    for (size_t len = 0; len < 10; len++)
        assert_int_equal(operator_unpack_answer(bytes.data, len, &code, &err_len, NULL),
                         ST_E_CORRUPT);
    st_buffer_free(&out);
    st_buffer_free(&err);
    st_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_usage_is_2_and_writes_nothing),
        cmocka_unit_test(test_each_verb_has_both_languages),
        cmocka_unit_test(test_reasons_speak_the_language_of_the_call),
        cmocka_unit_test(test_words_of_both_languages),
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_import_is_all_or_nothing),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_enrolment_links),
        cmocka_unit_test(test_office_writes_its_own_fields_only),
        cmocka_unit_test(test_catalogue_records),
        cmocka_unit_test(test_a_difference_is_listed_with_both_authors),
        cmocka_unit_test(test_resolutions_that_are_refused),
        cmocka_unit_test(test_the_office_keeps_one_value),
        cmocka_unit_test(test_a_withdrawal_against_an_edit_is_settled),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_held_changes_are_decided_once),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_care),
        cmocka_unit_test(test_calls_travel_whole),
        cmocka_unit_test(test_answers_travel_whole),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
