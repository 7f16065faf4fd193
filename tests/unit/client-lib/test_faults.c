/* tests/unit/client-lib/test_faults.c
 * A phone that runs out of memory or room in the middle of anything says so, and the book is as it
 * was before: nothing half written, nothing counted that is not there, nothing lost - and the same
 * thing works when it is tried again. Each thing that an officer does is tried with the first piece
 * of memory refused, then the second, and with each call of the store failing once; so is each kind
 * of sync, with a server that gets its answer through and a phone that cannot keep it. */
#include "tests/unit/client-lib/stumble.h"

#include <stdio.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A server, two phones that met, and what lies on them. */
typedef struct {
    edge *e;
    phone an, binh;
    sotay_id visit, theirs, final, wrong; /* differing, of binh, finalised, withdrawn */
    char item[SOTAY_ITEM_TEXT], kept[64];
} desk;

/* ---- a sync whose server is not tormented ---- */

static int run_sync(edge *e, phone *p, sotay_sync *sync)
{
    bool again = true;
    int rc = SOTAY_OK;
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        uint8_t *body = NULL;
        size_t len = 0;
        rc = sotay_sync_next(sync, &request, &p->error);
        if (rc != SOTAY_OK)
            break;
        failing_pause(true);
        int status = edge_answer(e, &request, &body, &len);
        failing_pause(false);
        for (size_t at = 0; rc == SOTAY_OK && at < len; at += 4096)
            rc = sotay_sync_feed(sync, body + at, len - at < 4096 ? len - at : 4096, &p->error);
        free(body);
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, &p->error);
    }
    for (int format = 0; rc == SOTAY_OK && format < 2; format++) {
        char *text = NULL;
        rc = sotay_sync_report_text(sync, format == 0 ? SOTAY_TEXT : SOTAY_JSON, &text, &p->error);
        sotay_text_free(text);
    }
    sotay_sync_free(sync);
    return rc;
}

static int sync_phone(edge *e, phone *p)
{
    sotay_sync *sync = NULL;
    int rc = sotay_sync_begin(p->client, &sync, &p->error);
    return rc == SOTAY_OK ? run_sync(e, p, sync) : rc;
}

static int enrol_phone(edge *e, phone *p)
{
    char link[128];
    sotay_sync *sync = NULL;
    failing_pause(true);
    edge_link(e, 0, link);
    failing_pause(false);
    int rc = sotay_enrol_begin(p->client, link, NULL, &sync, &p->error);
    return rc == SOTAY_OK ? run_sync(e, p, sync) : rc;
}

/* ---- the desk ---- */

static void must(int rc)
{
    assert_int_equal(rc, SOTAY_OK);
}

/* The dot of a value in the JSON of a record. */
static void dot_of(phone *p, const sotay_id *record, const char *value, char dot[64])
{
    char *json = NULL, want[64];
    must(sotay_show(p->client, record, SOTAY_JSON, &json, NULL));
    (void)snprintf(want, sizeof want, "\"value\":\"%s\"", value);
    const char *at = strstr(json, want);
    assert_non_null(at);
    at = strstr(at, "\"dot\":\"");
    assert_non_null(at);
    size_t len = strcspn(at + 7, "\"");
    memcpy(dot, at + 7, len);
    dot[len] = '\0';
    sotay_text_free(json);
}

static void desk_open(desk *d)
{
    memset(d, 0, sizeof *d);
    d->e = edge_new();
    phone_make(&d->an, d->e, 0);
    phone_make(&d->binh, d->e, 1);
    d->visit = phone_visit(&d->an, "chợ");
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    must(sotay_item_new(d->an.client, &d->visit, "findings", one, d->item, NULL));
    must(sotay_record_add(d->an.client, &d->visit, "topics", "n1", NULL));
    must(sotay_record_remark(d->an.client, &d->visit, "xã hẹn quay lại", NULL));
    d->final = phone_visit(&d->an, "trạm y tế");
    must(sotay_record_finalise(d->an.client, &d->final, NULL));
    d->wrong = phone_visit(&d->an, "nhầm xóm");
    must(sotay_record_withdraw(d->an.client, &d->wrong, "nhầm", NULL));
    must(sync_phone(d->e, &d->an));
    must(sync_phone(d->e, &d->binh));
    d->theirs = phone_visit(&d->binh, "của bình");
    must(phone_set(&d->binh, &d->visit, "general_note", "B"));
    must(phone_set(&d->binh, &d->visit, "ratings.a1.rating", "dat"));
    must(sync_phone(d->e, &d->binh));
    must(phone_set(&d->an, &d->visit, "general_note", "A"));
    must(phone_set(&d->an, &d->visit, "ratings.a1.rating", "chua_dat"));
    must(sync_phone(d->e, &d->an));
    dot_of(&d->an, &d->visit, "B", d->kept);
    /* what is unsent, what is being typed, what is held */
    d->e->hold_next = ST_HOLD_ROLE;
    must(phone_set(&d->an, &d->theirs, "place", "bị giữ"));
    must(sync_phone(d->e, &d->an));
    d->e->hold_next = ST_HOLD_NONE;
    must(phone_set(&d->an, &d->visit, "place", "chưa gửi"));
    must(sotay_draft_put(d->an.client, &d->theirs, "general_note", "đang gõ", NULL));
}

static void desk_close(desk *d)
{
    phone_free(&d->an);
    phone_free(&d->binh);
    edge_free(d->e);
}

/* ---- one thing done on one phone ---- */

typedef int (*deed)(desk *d, phone *p, char **out_text);

static sotay_pairs pair_of(const char *path, const char *value)
{
    static sotay_pair pair;
    pair = (sotay_pair){ path, value };
    return (sotay_pairs){ &pair, 1 };
}

static int new_visit(desk *d, phone *p, char **out_text)
{
    static const sotay_pair LIST[] = { { "visit_kind", "kiem_tra" },
                                       { "place", "mới" },
                                       { "topics", "n1, n2" } };
    const sotay_pairs pairs = { LIST, 3 };
    sotay_id id;
    (void)d;
    (void)out_text;
    return sotay_record_new(p->client, "visit", EDGE_UNIT, pairs, &id, &p->error);
}

static int set_fields(desk *d, phone *p, char **out_text)
{
    static const sotay_pair LIST[] = { { "general_note", "C" },
                                       { "ratings.a2.rating", "dat" },
                                       { "visit_date", NULL } };
    const sotay_pairs pairs = { LIST, 3 };
    (void)out_text;
    return sotay_record_set(p->client, &d->visit, pairs, &p->error);
}

static int set_theirs(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_set(p->client, &d->theirs, pair_of("place", "lại"), &p->error);
}

static int add_element(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_add(p->client, &d->visit, "topics", "n5", &p->error);
}

static int remove_element(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_remove(p->client, &d->visit, "topics", "n1", &p->error);
}

static int remark(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_remark(p->client, &d->visit, "đã nhắc", &p->error);
}

static int new_item(desk *d, phone *p, char **out_text)
{
    char item[SOTAY_ITEM_TEXT];
    (void)out_text;
    return sotay_item_new(p->client, &d->visit, "findings", pair_of("text", "tối"), item,
                          &p->error);
}

static int drop_item(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_item_drop(p->client, &d->visit, "findings", d->item, &p->error);
}

static int finalise(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_finalise(p->client, &d->theirs, &p->error);
}

static int withdraw(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_withdraw(p->client, &d->visit, "nhầm xóm", &p->error);
}

static int reopen(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_reopen(p->client, &d->wrong, "không nhầm", &p->error);
}

static int amend(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_record_amend(p->client, &d->final, pair_of("place", "trường"), "ghi nhầm",
                              &p->error);
}

static int resolve_kept(desk *d, phone *p, char **out_text)
{
    const sotay_resolution wish = { "general_note", d->kept, NULL, NULL, "theo biên bản" };
    (void)out_text;
    return sotay_record_resolve(p->client, &d->visit, &wish, &p->error);
}

static int resolve_anew(desk *d, phone *p, char **out_text)
{
    const sotay_resolution wish = { "general_note", NULL, "cả hai", NULL, "đã hỏi lại" };
    (void)out_text;
    return sotay_record_resolve(p->client, &d->visit, &wish, &p->error);
}

static int draft_put(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_draft_put(p->client, &d->theirs, "place", "gõ", &p->error);
}

static int draft_commit(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_draft_commit(p->client, &d->theirs, &p->error);
}

static int spoil_value(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_debug_damage(p->client, &d->visit, SOTAY_DAMAGE_VALUE, &p->error);
}

static int spoil_all(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_debug_damage(p->client, &d->visit, SOTAY_DAMAGE_MISSING, &p->error);
}

static int spoil_sum(desk *d, phone *p, char **out_text)
{
    (void)out_text;
    return sotay_debug_damage(p->client, &d->visit, SOTAY_DAMAGE_SUM, &p->error);
}

static int open_again(desk *d, phone *p, char **out_text)
{
    static const sotay_open_how HOW = { NULL, false, "en", 420 };
    (void)d;
    (void)out_text;
    sotay_close(p->client);
    p->client = NULL;
    return sotay_open(&p->port, &HOW, &p->client, &p->error);
}

#define READS(called, call)                                                                        \
    static int called##_json(desk *d, phone *p, char **out_text)                                   \
    {                                                                                              \
        const sotay_format format = SOTAY_JSON;                                                    \
        (void)d;                                                                                   \
        return call;                                                                               \
    }                                                                                              \
    static int called##_text(desk *d, phone *p, char **out_text)                                   \
    {                                                                                              \
        const sotay_format format = SOTAY_TEXT;                                                    \
        (void)d;                                                                                   \
        return call;                                                                               \
    }

static const sotay_filter SEARCH = { "visit", EDGE_UNIT, NULL, "cho" };

READS(show, sotay_show(p->client, &d->visit, format, out_text, &p->error))
READS(show_theirs, sotay_show(p->client, &d->theirs, format, out_text, &p->error))
READS(history, sotay_history(p->client, &d->visit, format, out_text, &p->error))
READS(history_theirs, sotay_history(p->client, &d->theirs, format, out_text, &p->error))
READS(list, sotay_list(p->client, NULL, format, out_text, &p->error))
READS(find, sotay_list(p->client, &SEARCH, format, out_text, &p->error))
READS(conflicts, sotay_conflicts(p->client, format, out_text, &p->error))
READS(status, sotay_status(p->client, format, out_text, &p->error))
READS(review, sotay_record_review(p->client, &d->visit, format, out_text, &p->error))
READS(draft, sotay_draft_get(p->client, &d->theirs, format, out_text, &p->error))

static const struct {
    const char *why;
    deed what;
    bool reads;
} DEEDS[] = {
    { "a new visit", new_visit, false },
    { "fields are written", set_fields, false },
    { "a record with something held is edited", set_theirs, false },
    { "an element is added", add_element, false },
    { "an element is taken out", remove_element, false },
    { "a remark", remark, false },
    { "an item", new_item, false },
    { "an item is dropped", drop_item, false },
    { "finalised, with a working copy", finalise, false },
    { "withdrawn", withdraw, false },
    { "opened again", reopen, false },
    { "amended", amend, false },
    { "a value is kept", resolve_kept, false },
    { "another value is agreed on", resolve_anew, false },
    { "something is typed", draft_put, false },
    { "what was typed is saved", draft_commit, false },
    { "a value is spoiled for a drill", spoil_value, false },
    { "a record is taken out for a drill", spoil_all, false },
    { "a sum is spoiled for a drill", spoil_sum, false },
    { "the store is opened", open_again, false },
    { "show", show_json, true },
    { "show, text", show_text, true },
    { "show what waits", show_theirs_json, true },
    { "show what waits, text", show_theirs_text, true },
    { "history", history_json, true },
    { "history, text", history_text, true },
    { "history of what waits", history_theirs_json, true },
    { "history of what waits, text", history_theirs_text, true },
    { "list", list_json, true },
    { "list, text", list_text, true },
    { "search", find_json, true },
    { "search, text", find_text, true },
    { "conflicts", conflicts_json, true },
    { "conflicts, text", conflicts_text, true },
    { "status", status_json, true },
    { "status, text", status_text, true },
    { "review", review_json, true },
    { "review, text", review_text, true },
    { "working copy", draft_json, true },
    { "working copy, text", draft_text, true },
};

/* What the phone holds, in one text. */
static char *whole(phone *p)
{
    char *text = NULL;
    must(sotay_status(p->client, SOTAY_JSON, &text, NULL));
    return text;
}

static void copy_phone(const phone *from, phone *to)
{
    memset(to, 0, sizeof *to);
    must(sotay_memory_copy(&from->port, false, &to->port, NULL));
    phone_open(to);
}

static int dots_in(const char *text)
{
    int count = 0;
    for (const char *at = strchr(text, ':'); at != NULL; at = strchr(at + 1, ':'))
        count++;
    return count;
}

/* Does one thing on a copy of the phone with its n-th piece or call failing. False: none was left
 * to fail. */
static bool try_deed(desk *d, size_t i, stumble_way how, uint64_t n, const char *before,
                     const char *want)
{
    phone p;
    char *text = NULL;
    copy_phone(&d->an, &p);
    stumble_arm(how, &p, n);
    int rc = DEEDS[i].what(d, &p, &text);
    bool refused = stumble_disarm(&p);
    if (rc != SOTAY_OK && !stumble_may(rc))
        fail_msg("%s: %d of %s: called %s: %s", DEEDS[i].why, (int)n, STUMBLE_NAMES[how],
                 sotay_code_name(rc), p.error.detail);
    bool failed = rc != SOTAY_OK || refused;
    if (rc != SOTAY_OK) {
        assert_null(text);
        if (p.client == NULL)
            phone_open(&p);
        char *after = whole(&p);
        if (strcmp(after, before) != 0)
            fail_msg("%s: %d of %s: changed\n%s%s", DEEDS[i].why, (int)n, STUMBLE_NAMES[how],
                     before, after);
        sotay_text_free(after);
        must(DEEDS[i].what(d, &p, &text));
    }
    /* A name that there is no memory for is shown as its id; but nothing is left out. */
    if (DEEDS[i].reads &&
        (failed && rc == SOTAY_OK ? dots_in(text) != dots_in(want) : strcmp(text, want) != 0))
        fail_msg("%s: %d of %s: says\n%s", DEEDS[i].why, (int)n, STUMBLE_NAMES[how], text);
    char *after = whole(&p);
    if (!DEEDS[i].reads && strcmp(after, want) != 0)
        fail_msg("%s: %d of %s: ends as\n%s%s", DEEDS[i].why, (int)n, STUMBLE_NAMES[how], want,
                 after);
    sotay_text_free(after);
    sotay_text_free(text);
    phone_free(&p);
    return failed;
}

static void test_anything_done_may_fail_anywhere(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    char *before = whole(&d.an);
    for (size_t i = 0; i < LEN(DEEDS); i++) {
        phone p;
        char *want = NULL;
        copy_phone(&d.an, &p);
        must(DEEDS[i].what(&d, &p, &want));
        if (!DEEDS[i].reads)
            want = whole(&p);
        phone_free(&p);
        for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
            uint64_t n = 1, places = 0;
            while (try_deed(&d, i, how, n, before, want))
                n += 1 + n / stumble_patience(4);
            while (stumble_tries_places() &&
                   try_deed(&d, i, how, STUMBLE_IN_NEW_PLACE, before, want))
                places++;
            print_message("  case: %s: %s failed up to %d, in %d new places\n", DEEDS[i].why,
                          STUMBLE_NAMES[how], (int)n, (int)places);
            assert_true(n > 1 || how == STUMBLE_STORE);
        }
        sotay_text_free(want);
    }
    sotay_text_free(before);
    desk_close(&d);
}

/* A PIN is the same PIN however the keyboard writes it, also when it was chosen on a phone that was
 * short of memory: else nobody could open that book again. */
static void test_a_pin_chosen_without_memory(void **state)
{
    static const sotay_open_how BEHIND = { "Bi\xcc\x81 ma\xcc\xa3\xcc\x82t", true, "vi", 420 };
    static const sotay_open_how WITHIN = { "Bí mật", false, "vi", 420 };
    (void)state;
    bool refused = true;
    for (uint64_t n = 1; refused; n++) {
        phone p;
        memset(&p, 0, sizeof p);
        must(sotay_memory_open(n, &p.port, NULL));
        failing_begin(n);
        int rc = sotay_open(&p.port, &BEHIND, &p.client, NULL);
        refused = failing_end();
        assert_true(rc == SOTAY_OK || (refused && stumble_may(rc)));
        sotay_close(p.client);
        p.client = NULL;
        if (rc == SOTAY_OK)
            must(sotay_open(&p.port, &WITHIN, &p.client, NULL));
        phone_free(&p);
    }
}

/* ---- syncs ---- */

typedef struct {
    const char *why;
    void (*before)(desk *d);
    int (*what)(desk *d);
    bool renews; /* a new key: ids and fingerprints differ from try to try */
} scene;

static int sync_an(desk *d)
{
    return sync_phone(d->e, &d->an);
}

static void a_day(desk *d)
{
    must(phone_set(&d->binh, &d->visit, "place", "của bình cũng thế"));
    must(sync_phone(d->e, &d->binh));
}

static void a_decision(desk *d)
{
    sotay_who who;
    st_id device;
    sotay_whoami(d->an.client, &who);
    memcpy(device.b, who.device.b, sizeof device.b);
    for (size_t i = 0; i < d->e->entries_count; i++)
        if (d->e->entries[i].entry.held_count > 0)
            edge_decide(d->e, &device, d->e->entries[i].first, ST_ENTRY_DECLINE);
}

static void a_release(desk *d)
{
    sotay_who who;
    st_id device;
    sotay_whoami(d->an.client, &who);
    memcpy(device.b, who.device.b, sizeof device.b);
    for (size_t i = 0; i < d->e->entries_count; i++)
        if (d->e->entries[i].entry.held_count > 0)
            edge_decide(d->e, &device, d->e->entries[i].first, ST_ENTRY_ACCEPT);
}

static void what_is_held(desk *d)
{
    d->e->hold_next = ST_HOLD_SCOPE;
}

static void a_lost_unit(desk *d)
{
    d->e->lost_unit = true;
    d->e->scope_rev++;
    d->e->hold_next = ST_HOLD_SCOPE;
}

static void a_unit_given_back(desk *d)
{
    a_lost_unit(d);
    must(sync_an(d));
    d->e->lost_unit = false;
    d->e->scope_rev++;
    d->e->hold_next = ST_HOLD_NONE;
}

static void a_new_epoch(desk *d)
{
    d->e->epoch[0]++;
}

static void a_wrong_sum(desk *d)
{
    a_day(d);
    d->e->corrupt_sum = 1;
}

static void a_gap(desk *d)
{
    d->e->devices[1].known = 0;
}

static void a_used_counter(desk *d)
{
    d->e->devices[1].counter = 5000;
}

static void a_page_too_new(desk *d)
{
    a_day(d);
    d->e->fold_version = 2;
}

static void small_pages(desk *d)
{
    a_day(d);
    d->e->page_per_entry = true;
}

static int enrol_an(desk *d)
{
    return enrol_phone(d->e, &d->an);
}

static void a_copied_phone(desk *d)
{
    phone_crash(&d->an, true);
}

static void a_branch(desk *d)
{
    phone first;
    copy_phone(&d->an, &first);
    must(sync_phone(d->e, &first));
    must(phone_set(&d->an, &d->visit, "ratings.a2.rating", "dat"));
    phone_free(&first);
}

static void a_branch_that_is_known(desk *d)
{
    a_branch(d);
    must(sync_an(d));
}

static void a_phone_without_book(desk *d)
{
    phone_free(&d->an);
    phone_new(&d->an, 7);
}

static int enrol_and_sync(desk *d)
{
    int rc = enrol_phone(d->e, &d->an);
    return rc == SOTAY_OK ? sync_an(d) : rc;
}

static const scene SCENES[] = {
    { "a day goes out, another one comes in", a_day, sync_an, false },
    { "what is sent is held", what_is_held, sync_an, false },
    { "what was held is declined", a_decision, sync_an, false },
    { "what was held is accepted", a_release, sync_an, false },
    { "the unit is taken away", a_lost_unit, sync_an, false },
    { "the unit is given back", a_unit_given_back, sync_an, false },
    { "the server was restored", a_new_epoch, sync_an, false },
    { "a sum is wrong", a_wrong_sum, sync_an, false },
    { "the server asks for what it lacks", a_gap, sync_an, false },
    { "a request counter was used", a_used_counter, sync_an, false },
    { "a page is too new", a_page_too_new, sync_an, false },
    { "pages come one by one", small_pages, sync_an, false },
    { "another branch was first", a_branch, sync_an, false },
    { "a branch gets a new key", a_branch_that_is_known, enrol_an, true },
    { "a copied phone gets a new key", a_copied_phone, enrol_an, true },
    { "a phone joins", a_phone_without_book, enrol_and_sync, true },
};

/* How much lies on the phone, whatever it is called. */
static void counts(phone *p, char out[160])
{
    static const char *const KEYS[] = { "\"ready\":", "\"held\":", "\"working_copies\":",
                                        "\"drafts\":" };
    char *text = NULL;
    size_t used = 0;
    must(sotay_status(p->client, SOTAY_JSON, &text, NULL));
    out[0] = '\0';
    for (size_t i = 0; i < LEN(KEYS); i++) {
        const char *at = strstr(text, KEYS[i]);
        assert_non_null(at);
        size_t len = strcspn(at, ",");
        assert_true(used + len + 1 < 160);
        memcpy(out + used, at, len + 1);
        used += len + 1;
        out[used] = '\0';
    }
    sotay_text_free(text);
}

/* One scene from its beginning, with the n-th piece or call failing. False: none was left. */
static bool try_scene(const scene *s, stumble_way how, uint64_t n, const char *want_list,
                      const char *want_counts)
{
    static const sotay_filter VISITS = { "visit", NULL, NULL, NULL };
    desk d;
    char *list = NULL, now[160];
    desk_open(&d);
    s->before(&d);
    stumble_arm(how, &d.an, n);
    int rc = s->what(&d);
    bool refused = stumble_disarm(&d.an);
    if (rc != SOTAY_OK && !stumble_may(rc))
        fail_msg("%s: %d of %s: called %s: %s", s->why, (int)n, STUMBLE_NAMES[how],
                 sotay_code_name(rc), d.an.error.detail);
    bool failed = rc != SOTAY_OK || refused;
    if (rc != SOTAY_OK && n % 2 == 0)
        phone_crash(&d.an, s->before == a_copied_phone);
    if (rc != SOTAY_OK)
        must(s->what(&d));
    counts(&d.an, now);
    if (strcmp(now, want_counts) != 0)
        fail_msg("%s: %d of %s: %s, not %s", s->why, (int)n, STUMBLE_NAMES[how], now, want_counts);
    must(sotay_list(d.an.client, &VISITS, SOTAY_JSON, &list, NULL));
    if (!s->renews && strcmp(list, want_list) != 0)
        fail_msg("%s: %d of %s: lists\n%s%s", s->why, (int)n, STUMBLE_NAMES[how], list, want_list);
    sotay_text_free(list);
    must(sync_phone(d.e, &d.an));
    desk_close(&d);
    return failed;
}

static void test_any_sync_may_fail_anywhere(void **state)
{
    static const sotay_filter VISITS = { "visit", NULL, NULL, NULL };
    (void)state;
    for (size_t i = 0; i < LEN(SCENES); i++) {
        desk d;
        char *list = NULL, want[160];
        desk_open(&d);
        SCENES[i].before(&d);
        must(SCENES[i].what(&d));
        counts(&d.an, want);
        must(sotay_list(d.an.client, &VISITS, SOTAY_JSON, &list, NULL));
        desk_close(&d);
        for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
            uint64_t n = 1, places = 0;
            while (try_scene(&SCENES[i], how, n, list, want))
                n += 1 + n / stumble_patience(1);
            while (stumble_tries_places() &&
                   try_scene(&SCENES[i], how, STUMBLE_IN_NEW_PLACE, list, want))
                places++;
            print_message("  case: %s: %s failed up to %d, in %d new places\n", SCENES[i].why,
                          STUMBLE_NAMES[how], (int)n, (int)places);
            assert_true(n > 3);
        }
        sotay_text_free(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anything_done_may_fail_anywhere),
        cmocka_unit_test(test_a_pin_chosen_without_memory),
        cmocka_unit_test(test_any_sync_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
