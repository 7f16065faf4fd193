/* tests/unit/both/test_original_faults.c
 * What an officer does with attached files, in each place that can fail failing once: memory, a
 * call of the store that writes, one that reads, the key. It says so, gives nothing half, and the
 * same thing tried again does what it would have done. */
#include "tests/unit/both/fetch.h"

#include <stdio.h>

#include "tests/unit/client-lib/stumble.h"

#define LEN 70000u /* two pieces */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct {
    world w;
    phone an, binh;     /* copies: an with a file not sent, binh who has seen neither */
    phone fetched;      /* of binh, with the file here */
    sotay_id visit, bare;
    char file[SOTAY_ITEM_TEXT], photo[SOTAY_ITEM_TEXT], unsent[SOTAY_ITEM_TEXT];
    uint8_t data[LEN];
} bench;

/* ---- the town ---- */

static int attach_file(bench *b, phone *p, const char *name, size_t len, char *item)
{
    const sotay_attachment file = { name, b->data, len, "place", "cổng chợ", 0 };
    return sotay_attach(p->client, &b->visit, &file, item, &p->error);
}

static int attach_photo(bench *b, phone *p, char *item)
{
    static const uint8_t PNG[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                                   'I',  'H', 'D', 'R', 0,    0,    0,    90,   0, 0, 0, 40,
                                   1,    0,   0,   0,   0,    0,    0,    0,    0, 0, 0, 0,
                                   0,    'I', 'E', 'N', 'D',  0,    0,    0,    0 };
    const sotay_attachment file = { "anh.png", PNG, sizeof PNG, NULL, NULL, 50 };
    p->port.picture = paint_same;
    int rc = sotay_attach(p->client, &b->visit, &file, item, &p->error);
    p->port.picture = NULL;
    return rc;
}

static void sync_well(bench *b, phone *p)
{
    line l = { 0 };
    sotay_report report;
    int rc = sync_over(&b->w, p, &l, &report);
    if (rc != SOTAY_OK)
        fail_msg("sync: %s", p->error.detail);
}

static void copy_phone(const phone *from, phone *to)
{
    memset(to, 0, sizeof *to);
    assert_int_equal(sotay_memory_copy(&from->port, false, &to->port, NULL), SOTAY_OK);
    phone_open(to);
}

static int bench_open(void **state)
{
    static bench b;
    bool is_here = false;
    memset(&b, 0, sizeof b);
    world_make_with(&b.w, 1, (world_how){ 2, false });
    phone *an = &b.w.phones[0], *binh = &b.w.phones[1];
    for (size_t i = 0; i < LEN; i++)
        b.data[i] = (uint8_t)(i * 7919u >> 3);
    memcpy(b.data, "%PDF-1.7\n", 9);
    b.visit = phone_visit(an, "chợ");
    b.bare = phone_visit(an, "trạm");
    assert_int_equal(attach_file(&b, an, "a.pdf", LEN, b.file), SOTAY_OK);
    assert_int_equal(attach_photo(&b, an, b.photo), SOTAY_OK);
    sync_well(&b, an);
    sync_well(&b, binh);
    copy_phone(binh, &b.binh);
    assert_int_equal(sotay_attachment_want(binh->client, &b.visit, b.file, &is_here, NULL),
                     SOTAY_OK);
    sync_well(&b, binh);
    copy_phone(binh, &b.fetched);
    b.data[100] ^= 1; /* another file */
    assert_int_equal(attach_file(&b, an, "b.pdf", LEN, b.unsent), SOTAY_OK);
    copy_phone(an, &b.an);
    b.data[200] ^= 1; /* yet another one, for those who try */
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    bench *b = *state;
    phone_free(&b->an);
    phone_free(&b->binh);
    phone_free(&b->fetched);
    world_free(&b->w);
    return 0;
}

/* ---- what is done ---- */

typedef int (*deed)(bench *b, phone *p, char **out_text);

static int list_json(bench *b, phone *p, char **out_text)
{
    return sotay_attachment_list(p->client, &b->visit, SOTAY_JSON, out_text, &p->error);
}

static int list_text(bench *b, phone *p, char **out_text)
{
    return sotay_attachment_list(p->client, &b->visit, SOTAY_TEXT, out_text, &p->error);
}

static int list_none(bench *b, phone *p, char **out_text)
{
    return sotay_attachment_list(p->client, &b->bare, SOTAY_TEXT, out_text, &p->error);
}

static int want_it(bench *b, phone *p, char **out_text)
{
    bool is_here = false;
    (void)out_text;
    return sotay_attachment_want(p->client, &b->visit, b->file, &is_here, &p->error);
}

/* As a text: what came, byte for byte, or nothing. */
static int get(bench *b, phone *p, const char *item, bool thumbnail, char **out_text)
{
    sotay_file file = { NULL, 0 };
    int rc = sotay_attachment_get(p->client, &b->visit, item, thumbnail, &file, &p->error);
    if (rc != SOTAY_OK) {
        assert_null(file.data);
        return rc;
    }
    failing_pause(true);
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < file.len; i++)
        sum = (sum ^ ((const uint8_t *)file.data)[i]) * 1099511628211u;
    *out_text = malloc(64);
    assert_non_null(*out_text);
    (void)snprintf(*out_text, 64, "%zu bytes, %llx", file.len, (unsigned long long)sum);
    free(file.data);
    failing_pause(false);
    return rc;
}

static int get_file(bench *b, phone *p, char **out_text)
{
    return get(b, p, b->file, false, out_text);
}

static int get_unsent(bench *b, phone *p, char **out_text)
{
    return get(b, p, b->unsent, false, out_text);
}

static int get_thumbnail(bench *b, phone *p, char **out_text)
{
    return get(b, p, b->photo, true, out_text);
}

/* A file that is no picture has none. */
static int get_no_thumbnail(bench *b, phone *p, char **out_text)
{
    return get(b, p, b->file, true, out_text);
}

static int clear(phone *p, bool only_say, char **out_text)
{
    sotay_cleared cleared = { 0 };
    int rc = sotay_attachment_clear(p->client, only_say, &cleared, &p->error);
    if (rc != SOTAY_OK)
        return rc;
    failing_pause(true);
    *out_text = malloc(64);
    assert_non_null(*out_text);
    (void)snprintf(*out_text, 64, "%llu files, %llu bytes", (unsigned long long)cleared.files,
                   (unsigned long long)cleared.bytes);
    failing_pause(false);
    return rc;
}

static int clear_all(bench *b, phone *p, char **out_text)
{
    (void)b;
    return clear(p, false, out_text);
}

static int say_what_clears(bench *b, phone *p, char **out_text)
{
    (void)b;
    return clear(p, true, out_text);
}

static int attach_another(bench *b, phone *p, char **out_text)
{
    char item[SOTAY_ITEM_TEXT];
    (void)out_text;
    return attach_file(b, p, "c.pdf", 3000, item);
}

static int attach_a_photo(bench *b, phone *p, char **out_text)
{
    char item[SOTAY_ITEM_TEXT];
    (void)out_text;
    return attach_photo(b, p, item);
}

typedef enum { AN, BINH, FETCHED } whose;

static const struct {
    const char *why;
    whose phone;
    deed what;
    int want;
    const char *says; /* part of its text; NULL: anything */
} DEEDS[] = {
    { "list, of which one waits", AN, list_text, SOTAY_OK, "chưa gửi hết  70 kB  b.pdf\n" },
    { "list, of which one waits, as JSON", AN, list_json, SOTAY_OK, "\"state\":\"unsent\"" },
    { "list of files in the office", BINH, list_text, SOTAY_OK, "ở văn phòng  70 kB  a.pdf\n" },
    { "list of files in the office, as JSON", BINH, list_json, SOTAY_OK, "\"state\":\"away\"" },
    { "list with one that came", FETCHED, list_text, SOTAY_OK, "có trên máy  70 kB  a.pdf\n" },
    { "list of none", AN, list_none, SOTAY_OK, "không có tệp đính kèm\n" },
    { "one is wanted", BINH, want_it, SOTAY_OK, NULL },
    { "what is here is wanted", FETCHED, want_it, SOTAY_OK, NULL },
    { "one in the office is read", BINH, get_file, SOTAY_E_NOT_FOUND, NULL },
    { "one that came is read", FETCHED, get_file, SOTAY_OK, "70000 bytes" },
    { "one that waits is read", AN, get_unsent, SOTAY_OK, "70000 bytes" },
    { "a thumbnail is read", BINH, get_thumbnail, SOTAY_OK, " bytes" },
    { "a thumbnail of a document", FETCHED, get_no_thumbnail, SOTAY_E_NOT_FOUND, NULL },
    { "what would be cleared is told", FETCHED, say_what_clears, SOTAY_OK, "1 files" },
    { "what came is cleared", FETCHED, clear_all, SOTAY_OK, "1 files" },
    { "what is not sent is not cleared", AN, say_what_clears, SOTAY_OK, " files" },
    { "a document is attached", AN, attach_another, SOTAY_OK, NULL },
    { "a photo is attached", AN, attach_a_photo, SOTAY_OK, NULL },
};

/* ---- trying ---- */

/* All that a phone says of its files. */
static char *whole(bench *b, phone *p)
{
    char *list = NULL, *status = NULL;
    assert_int_equal(sotay_attachment_list(p->client, &b->visit, SOTAY_TEXT, &list, NULL),
                     SOTAY_OK);
    assert_int_equal(sotay_status(p->client, SOTAY_JSON, &status, NULL), SOTAY_OK);
    size_t len = strlen(list) + strlen(status) + 1;
    char *both = malloc(len);
    assert_non_null(both);
    (void)snprintf(both, len, "%s%s", list, status);
    sotay_text_free(list);
    sotay_text_free(status);
    return both;
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* As it was before, as it is after, and what was said. */
typedef struct { char *before, *after, *text; } record_of_it;

static const phone *owner(const bench *b, whose who)
{
    return who == AN ? &b->an : who == BINH ? &b->binh : &b->fetched;
}

/* False: no place was left that had not failed before. */
static bool try_deed(bench *b, size_t i, stumble_way how, const record_of_it *it)
{
    phone p;
    char *text = NULL;
    copy_phone(owner(b, DEEDS[i].phone), &p);
    stumble_arm(how, &p, STUMBLE_IN_NEW_PLACE);
    int rc = DEEDS[i].what(b, &p, &text);
    bool refused = stumble_disarm(&p);
    if (rc != DEEDS[i].want) {
        if (!stumble_may(rc))
            fail_msg("%s, %s: called %s: %s", DEEDS[i].why, STUMBLE_NAMES[how],
                     sotay_code_name((sotay_code)rc), p.error.detail);
        assert_true(refused);
        assert_null(text);
        char *now = whole(b, &p);
        assert_string_equal(now, it->before);
        sotay_text_free(now);
        assert_int_equal(DEEDS[i].what(b, &p, &text), DEEDS[i].want);
    }
    if (!is_same(text, it->text))
        fail_msg("%s, %s: says %s", DEEDS[i].why, STUMBLE_NAMES[how], text);
    char *now = whole(b, &p);
    assert_string_equal(now, it->after);
    sotay_text_free(now);
    sotay_text_free(text);
    phone_free(&p);
    return refused;
}

static void test_files_in_every_place(void **state)
{
    bench *b = *state;
    for (size_t i = 0; i < COUNT(DEEDS); i++) {
        phone p;
        record_of_it it = { NULL, NULL, NULL };
        uint64_t places = 0;
        copy_phone(owner(b, DEEDS[i].phone), &p);
        it.before = whole(b, &p);
        assert_int_equal(DEEDS[i].what(b, &p, &it.text), DEEDS[i].want);
        it.after = whole(b, &p);
        phone_free(&p);
        if (DEEDS[i].says != NULL && strstr(it.text, DEEDS[i].says) == NULL)
            fail_msg("%s: says %s", DEEDS[i].why, it.text);
        for (stumble_way how = 0; how < STUMBLE_WAYS; how++)
            while (try_deed(b, i, how, &it))
                places++;
        print_message("  case: %s: failed in %d new places\n", DEEDS[i].why, (int)places);
        sotay_text_free(it.before);
        sotay_text_free(it.after);
        sotay_text_free(it.text);
    }
}

/* In the officer's language, and each state has its word. */
static void test_the_list_in_english(void **state)
{
    static const sotay_open_how ENGLISH = { NULL, false, "en", 420 };
    static const struct {
        whose phone;
        const char *says;
    } CASES[] = { { AN, "  not all sent  70 kB  b.pdf\n" },
                  { BINH, "  at the office  70 kB  a.pdf\n" },
                  { FETCHED, "  here  70 kB  a.pdf\n" } };
    bench *b = *state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        phone p;
        char *text = NULL;
        copy_phone(owner(b, CASES[i].phone), &p);
        sotay_close(p.client);
        assert_int_equal(sotay_open(&p.port, &ENGLISH, &p.client, NULL), SOTAY_OK);
        assert_int_equal(list_text(b, &p, &text), SOTAY_OK);
        if (strstr(text, CASES[i].says) == NULL)
            fail_msg("no '%s' in %s", CASES[i].says, text);
        sotay_text_free(text);
        assert_int_equal(list_none(b, &p, &text), SOTAY_OK);
        assert_string_equal(text, "no files\n");
        sotay_text_free(text);
        phone_free(&p);
    }
}

/* What was asked for and has not come, and what a file is that the office declared lost. */
static void test_a_file_that_is_wanted(void **state)
{
    static const sotay_open_how ENGLISH = { NULL, false, "en", 420 };
    bench *b = *state;
    phone p;
    char *text = NULL;
    copy_phone(&b->binh, &p);
    assert_int_equal(want_it(b, &p, NULL), SOTAY_OK);
    assert_int_equal(list_text(b, &p, &text), SOTAY_OK);
    assert_non_null(strstr(text, "chờ tải về  70 kB  a.pdf\n"));
    sotay_text_free(text);
    assert_int_equal(list_json(b, &p, &text), SOTAY_OK);
    assert_non_null(strstr(text, "\"state\":\"wanted\""));
    sotay_text_free(text);
    sotay_close(p.client);
    assert_int_equal(sotay_open(&p.port, &ENGLISH, &p.client, NULL), SOTAY_OK);
    assert_int_equal(list_text(b, &p, &text), SOTAY_OK);
    assert_non_null(strstr(text, "  wanted  70 kB  a.pdf\n"));
    sotay_text_free(text);
    assert_int_equal(clear_all(b, &p, &text), SOTAY_OK); /* it is still wanted afterwards */
    sotay_text_free(text);
    assert_int_equal(list_text(b, &p, &text), SOTAY_OK);
    assert_non_null(strstr(text, "  wanted  70 kB  a.pdf\n"));
    sotay_text_free(text);
    phone_free(&p);
}

static void test_calls_that_have_to_wait(void **state)
{
    bench *b = *state;
    phone p;
    bool is_here = true;
    sotay_sync *sync = NULL;
    sotay_cleared cleared;
    sotay_file file = { NULL, 0 };
    copy_phone(&b->binh, &p);
    assert_int_equal(sotay_sync_begin(p.client, &sync, NULL), SOTAY_OK);
    assert_int_equal(want_it(b, &p, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_attachment_clear(p.client, false, &cleared, NULL), SOTAY_E_BUSY);
    sotay_sync_free(sync);
    /* as in a browser, where it is written later */
    sotay_memory_pending(&p.port, true, false);
    assert_int_equal(sotay_attachment_want(p.client, &b->visit, b->file, &is_here, NULL),
                     SOTAY_PENDING);
    assert_false(is_here);
    assert_int_equal(sotay_memory_settle(&p.port, p.client, SOTAY_OK, NULL), SOTAY_OK);
    assert_int_equal(sotay_attachment_clear(p.client, false, &cleared, NULL), SOTAY_PENDING);
    assert_int_equal(cleared.files, 0);
    assert_int_equal(sotay_memory_settle(&p.port, p.client, SOTAY_OK, NULL), SOTAY_OK);
    sotay_memory_pending(&p.port, false, false);
    phone_free(&p);
    phone_new(&p, 9);
    assert_int_equal(want_it(b, &p, NULL), SOTAY_E_STATE);
    assert_int_equal(sotay_attachment_get(p.client, &b->visit, b->file, false, &file, NULL),
                     SOTAY_E_STATE);
    assert_int_equal(sotay_attachment_clear(p.client, true, &cleared, NULL), SOTAY_E_STATE);
    phone_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_in_every_place),
        cmocka_unit_test(test_the_list_in_english),
        cmocka_unit_test(test_a_file_that_is_wanted),
        cmocka_unit_test(test_calls_that_have_to_wait),
    };
    return cmocka_run_group_tests_name("original faults", tests, bench_open, bench_close);
}
