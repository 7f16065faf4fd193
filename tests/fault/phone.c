/* tests/fault/phone.c - what a person does on a phone without signal: records, looks, corrects.
 * Promises each step once: it goes on after the last one that was acknowledged. */
#include "tests/fault/phone.h"

#include <string.h>

#include "tests/fault/scenes.h"

#define PHONE(s) (s)->phones[0].client

static int save_new(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "visit_date", "2026-03-12" } };
    const sotay_pairs pairs = { list, 2 };
    int rc = sotay_record_new(PHONE(s), "visit", STAGE_UNIT, pairs, &s->visits[0], &error);
    if (rc == SOTAY_OK)
        s->visits_count = 1;
    return stage_said(s, rc, &error);
}

static int save_set(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    const sotay_pair list[] = { { "place", "Nhà văn hóa" }, { "ratings.m1.rating", "dat" } };
    const sotay_pairs pairs = { list, 2 };
    return stage_said(s, sotay_record_set(PHONE(s), &s->visits[0], pairs, &error), &error);
}

static int save_item(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    char item[SOTAY_ITEM_TEXT];
    const sotay_pair one = { "text", "mất sóng" };
    const sotay_pairs pairs = { &one, 1 };
    int rc = sotay_item_new(PHONE(s), &s->visits[0], "findings", pairs, item, &error);
    return stage_said(s, rc, &error);
}

static int save_remark(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_record_remark(PHONE(s), &s->visits[0], "ghi thêm", &error);
    return stage_said(s, rc, &error);
}

static int type_draft(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_draft_put(PHONE(s), &s->visits[0], "ratings.m1.rating", "vuot", &error);
    return stage_said(s, rc, &error);
}

static int save_draft(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    return stage_said(s, sotay_draft_commit(PHONE(s), &s->visits[0], &error), &error);
}

static int save_withdraw(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_record_withdraw(PHONE(s), &s->visits[0], "nhầm", &error);
    return stage_said(s, rc, &error);
}

static int save_reopen(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_record_reopen(PHONE(s), &s->visits[0], "không nhầm", &error);
    return stage_said(s, rc, &error);
}

int phone_save(stage *s)
{
    static const scene_step STEPS[] = { save_new,   save_set,   save_item,     save_remark,
                                  type_draft, save_draft, save_withdraw, save_reopen };
    return GO_ON(s, STEPS);
}

void phone_has_saved(stage *s)
{
    static const char *const TEXTS[] = { "Nhà văn hóa", "\"vuot\"", "mất sóng", "ghi thêm",
                                         "\"open_conflicts\":0" }; /* over "dat", and seen */
    char *json = stage_show(s, 1, 0);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        scene_must_be(strstr(json, TEXTS[i]) != NULL, TEXTS[i]);
    sotay_text_free(json);
}

typedef struct {
    const char *name;
    int (*read)(sotay_client *, const sotay_id *, sotay_format, char **, sotay_error *);
    bool changes; /* by itself: figures of the store, and how long ago something was */
} reader;

/* Of a damaged store a phone shows what it can, and says that this is not all. */
static bool says_unread(const char *text)
{
    return fault_may_cut() && (strstr(text, ",\"unread\":true}") != NULL ||
                               strstr(text, "(có phần không đọc được trên máy này)\n") != NULL);
}

static int read_one(stage *s, const reader *one)
{
    sotay_error error = { SOTAY_OK, "" };
    char *text = NULL;
    int rc = one->read(PHONE(s), &s->visits[0], s->done % 2 == 0 ? SOTAY_JSON : SOTAY_TEXT, &text,
                       &error);
    if (rc == SOTAY_OK && text == NULL)
        stage_die("reading", "OK, and no text");
    if (rc == SOTAY_OK && !one->changes && !says_unread(text))
        stage_heard(s, s->done, one->name, text);
    sotay_text_free(text);
    return stage_said(s, rc, &error);
}

static int read_list(sotay_client *client, const sotay_id *record, sotay_format format,
                     char **out_text, sotay_error *error)
{
    const sotay_filter filter = { "visit", NULL, NULL, "lay" };
    (void)record;
    return sotay_list(client, &filter, format, out_text, error);
}

static int read_conflicts(sotay_client *client, const sotay_id *record, sotay_format format,
                          char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_conflicts(client, format, out_text, error);
}

static int read_status(sotay_client *client, const sotay_id *record, sotay_format format,
                       char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_status(client, format, out_text, error);
}

/* Each as JSON and as text. */
int phone_read(stage *s)
{
    static const reader READERS[] = {
        { "show", sotay_show, false },
        { "history", sotay_history, false },
        { "review", sotay_record_review, false },
        { "list", read_list, false },
        { "conflicts", read_conflicts, false },
        { "status", read_status, true },
    };
    for (; s->done < 2 * sizeof READERS / sizeof READERS[0]; s->done++) {
        int rc = read_one(s, &READERS[s->done / 2]);
        if (rc != SOTAY_OK)
            return rc;
    }
    return SOTAY_OK;
}
