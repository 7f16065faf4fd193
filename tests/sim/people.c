/* tests/sim/people.c - what officers do on their phones. Promises that a word that was saved is
 * marked as held by that phone, and that a call answers only what sotay.h names. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "server/sync/snapshot.h"

/* Paths that an officer may write, and what he writes there; NULL: a word unlike any other. */
static const struct {
    const char *path;
    const char *values[4];
} PATHS[] = {
    { "place", { NULL } },
    { "general_note", { NULL } },
    { "ratings.m1.evidence", { NULL } },
    { "ratings.m2.evidence", { NULL } },
    { "ratings.m1.rating", { "dat", "chua_dat", "vuot", "dat" } },
    { "ratings.m2.rating", { "dat", "chua_dat", "vuot", "dat" } },
    { "copies", { "1", "2", "3", "1" } },
    { "visit_date", { "2026-03-11", "2026-03-12", "2026-03-13", "2026-03-12" } },
};
#define MANY        (SYNC_SNAPSHOT_RECORDS_MIN + 2)
#define PATHS_COUNT (sizeof PATHS / sizeof PATHS[0])

/* A call that is refused for a reason of the world is fine; anything else is not. */
int sim_done(sim_world *w, sim_phone *p, int rc, const sotay_error *error)
{
    rc = sim_settle(w, p, rc);
    sim_say(w, ": %s%s%s", sotay_code_name(rc), rc == SOTAY_OK || error == NULL ? "" : " ",
            rc == SOTAY_OK || error == NULL ? "" : error->detail);
    bool expected = rc == SOTAY_OK || rc == SOTAY_E_NOT_FOUND || rc == SOTAY_E_STATE ||
                    rc == SOTAY_E_CHANGED || rc == SOTAY_E_DENIED || rc == SOTAY_E_VALUE ||
                    rc == SOTAY_E_EXISTS || (rc == SOTAY_E_CORRUPT && p->spoilt.torn);
    bool broke = rc == SOTAY_E_STORAGE || rc == SOTAY_E_FULL;
    if (!expected && !broke)
        sim_fail(w, "phone %u: a call of an officer answers %s: %s", sim_phone_no(w, p),
                 sotay_code_name(rc), error == NULL ? "" : error->detail);
    return rc;
}

/* Saved, or perhaps saved: a phone that died after the commit of the call has it too, and the call
 * says that the store failed. One that was dead before has nothing of it. */
bool sim_is_saved(const sim_phone *p, int rc)
{
    const sim_tap *tap = p->tap;
    bool died_in_it = tap->is_dead && !tap->dead_before;
    return rc == SOTAY_OK || (rc == SOTAY_E_STORAGE && died_in_it && tap->kept);
}

const sim_record *sim_record_pick(sim_world *w, sim_random *r)
{
    if (w->records_count == 0)
        return NULL;
    const sim_record *record = &w->records[sim_pick(r, (uint32_t)w->records_count)];
    sim_say(w, " r%u", (uint32_t)(record - w->records));
    return record;
}

void sim_do_new_record(sim_world *w, sim_phone *p, sim_random *r)
{
    char place[16];
    sotay_error error = { 0 };
    if (w->records_count == SIM_RECORDS_MAX)
        return;
    sim_phone_writes(w, p);
    uint32_t unit = sim_chance(r, 700) ? 0 : sim_pick(r, SIM_UNITS);
    uint32_t mark = sim_mark_new(w, place);
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "place", place } };
    const sotay_pairs pairs = { list, 2u + sim_pick(r, 2) };
    sim_record *record = &w->records[w->records_count];
    sim_say(w, " r%zu in unit %u", w->records_count, unit);
    int rc = sotay_record_new(p->client, "visit", SIM_UNIT_NAMES[unit], pairs, &record->id, &error);
    rc = sim_done(w, p, rc, &error);
    if (pairs.count == 3 && sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
    if (rc != SOTAY_OK)
        return;
    record->unit = unit;
    record->maker = sim_phone_no(w, p);
    w->records_count++;
}

/* So many records in the unit of all that the server cuts a snapshot of it for who is new. */
void sim_do_many(sim_world *w, sim_phone *p, sim_random *r)
{
    size_t before = w->records_count;
    sim_phone_writes(w, p);
    for (uint32_t n = 0; n < MANY && w->records_count < SIM_RECORDS_MAX && !p->tap->is_dead; n++) {
        char place[16];
        sotay_error error = { 0 };
        sim_record *record = &w->records[w->records_count];
        uint32_t mark = sim_mark_new(w, place);
        const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", place } };
        const sotay_pairs pairs = { list, 2 };
        int rc =
            sotay_record_new(p->client, "visit", SIM_UNIT_NAMES[0], pairs, &record->id, &error);
        if (sim_settle(w, p, rc) != SOTAY_OK)
            break;
        sim_mark_keep(w, p, mark);
        record->unit = 0;
        record->maker = sim_phone_no(w, p);
        w->records_count++;
    }
    sim_say(w, ": %zu records", w->records_count - before);
    sim_phone_look(w, p);
    if (sim_chance(r, 800))
        sim_sync_whole(w, p, 0);
}

void sim_do_set(sim_world *w, sim_phone *p, sim_random *r)
{
    char word[2][16];
    uint32_t marks[2] = { UINT32_MAX, UINT32_MAX };
    sotay_pair list[2];
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    uint32_t count = sim_chance(r, 200) ? 2 : 1, at = sim_pick(r, PATHS_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        const char *const *values = PATHS[(at + i) % PATHS_COUNT].values;
        list[i].path = PATHS[(at + i) % PATHS_COUNT].path;
        list[i].value = values[sim_pick(r, 4)];
        if (sim_chance(r, 80)) {
            list[i].value = NULL; /* cleared */
        } else if (values[0] == NULL) {
            marks[i] = sim_mark_new(w, word[i]);
            list[i].value = word[i];
        }
        sim_say(w, " %s=%s", list[i].path, list[i].value == NULL ? "" : list[i].value);
    }
    const sotay_pairs pairs = { list, count };
    int rc = sim_done(w, p, sotay_record_set(p->client, &record->id, pairs, &error), &error);
    for (uint32_t i = 0; i < count; i++)
        if (marks[i] != UINT32_MAX && sim_is_saved(p, rc))
            sim_mark_keep(w, p, marks[i]);
}

void sim_do_element(sim_world *w, sim_phone *p, sim_random *r)
{
    static const char *const ELEMENTS[] = { "01477-x002", "01477-x003", "01477-x004" };
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    const char *element = ELEMENTS[sim_pick(r, 3)];
    bool adds = sim_chance(r, 600);
    sim_say(w, " joint_with %s %s", adds ? "+" : "-", element);
    int rc = adds ? sotay_record_add(p->client, &record->id, "joint_with", element, &error)
                  : sotay_record_remove(p->client, &record->id, "joint_with", element, &error);
    (void)sim_done(w, p, rc, &error);
}

void sim_do_remark(sim_world *w, sim_phone *p, sim_random *r)
{
    char word[16];
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    uint32_t mark = sim_mark_new(w, word);
    sim_say(w, " '%s'", word);
    int rc = sim_done(w, p, sotay_record_remark(p->client, &record->id, word, &error), &error);
    if (sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
}

void sim_do_item(sim_world *w, sim_phone *p, sim_random *r)
{
    char word[16], path[128];
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    uint32_t mark = sim_mark_new(w, word);
    bool is_new = w->items_count == 0 || sim_chance(r, 400);
    sim_item *item = is_new ? &w->items[w->items_count % SIM_ITEMS_MAX]
                            : &w->items[sim_pick(r, (uint32_t)w->items_count)];
    int rc = SOTAY_OK;
    if (is_new && w->items_count < SIM_ITEMS_MAX) {
        const char *group = sim_chance(r, 700) ? "findings" : "participants";
        const sotay_pair one = { strcmp(group, "findings") == 0 ? "text" : "name", word };
        const sotay_pairs pairs = { &one, 1 };
        sim_say(w, " new %s '%s'", group, word);
        rc = sotay_item_new(p->client, &record->id, group, pairs, item->item, &error);
        rc = sim_done(w, p, rc, &error);
        if (rc == SOTAY_OK) {
            item->record = (uint32_t)(record - w->records);
            item->group = group;
            w->items_count++;
        }
    } else {
        item = &w->items[sim_pick(r, (uint32_t)w->items_count)];
        (void)snprintf(path, sizeof path, "%s.%s.%s", item->group, item->item,
                       strcmp(item->group, "findings") == 0 ? "text" : "title");
        const sotay_pair one = { path, word };
        const sotay_pairs pairs = { &one, 1 };
        sim_say(w, " of r%u: %s='%s'", item->record, path, word);
        rc = sotay_record_set(p->client, &w->records[item->record].id, pairs, &error);
        rc = sim_done(w, p, rc, &error);
    }
    if (sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
}

void sim_do_drop(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_error error = { 0 };
    if (w->items_count == 0)
        return;
    sim_phone_writes(w, p);
    const sim_item *item = &w->items[sim_pick(r, (uint32_t)w->items_count)];
    const sotay_id *id = &w->records[item->record].id;
    bool keeps = sim_chance(r, 300);
    sim_say(w, " %s of r%u %s", keeps ? "back" : "out", item->record, item->item);
    int rc = keeps ? sotay_item_keep(p->client, id, item->group, item->item, &error)
                   : sotay_item_drop(p->client, id, item->group, item->item, &error);
    (void)sim_done(w, p, rc, &error);
}

void sim_do_finalise(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    (void)sim_done(w, p, sotay_record_finalise(p->client, &record->id, &error), &error);
}

/* Acts with a reason; the reason is a word that must be found again. */
typedef int (*act)(sotay_client *client, const sotay_id *record, const char *reason,
                   sotay_error *error);

static void act_with_reason(sim_world *w, sim_phone *p, sim_random *r, act run)
{
    char word[16];
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    uint32_t mark = sim_mark_new(w, word);
    sim_say(w, " because '%s'", word);
    int rc = sim_done(w, p, run(p->client, &record->id, word, &error), &error);
    if (sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
}

void sim_do_withdraw(sim_world *w, sim_phone *p, sim_random *r)
{
    act_with_reason(w, p, r, sotay_record_withdraw);
}

void sim_do_reopen(sim_world *w, sim_phone *p, sim_random *r)
{
    act_with_reason(w, p, r, sotay_record_reopen);
}

void sim_do_amend(sim_world *w, sim_phone *p, sim_random *r)
{
    char word[16];
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    uint32_t mark = sim_mark_new(w, word);
    const sotay_pair one = { "general_note", word };
    const sotay_pairs pairs = { &one, 1 };
    sim_say(w, " general_note='%s'", word);
    int rc = sotay_record_amend(p->client, &record->id, pairs, "nhầm", &error);
    if (sim_is_saved(p, sim_done(w, p, rc, &error)))
        sim_mark_keep(w, p, mark);
}

/* "key":"value" behind `at`; NULL when there is none. */
static const char *take_text(const char *at, const char *key, char *out, size_t out_bytes)
{
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    at = at == NULL ? NULL : strstr(at, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    size_t len = strcspn(at, "\"");
    if (len >= out_bytes)
        return NULL;
    memcpy(out, at, len);
    out[len] = '\0';
    return at;
}

/* Settles one of the conflicts that this phone shows: keeps a value, or writes another. */
void sim_do_resolve(sim_world *w, sim_phone *p, sim_random *r)
{
    char *json = NULL, id[40] = "", path[128] = "", dot[80] = "", word[16];
    sotay_error error = { 0 };
    sotay_id record;
    sim_phone_writes(w, p);
    int rc = sotay_conflicts(p->client, SOTAY_JSON, &json, &error);
    if (rc != SOTAY_OK) {
        (void)sim_done(w, p, rc, &error);
        return;
    }
    const char *at = json;
    for (uint32_t skip = sim_pick(r, 3) + 1; skip > 0 && at != NULL; skip--) {
        const char *next = take_text(at, "id", id, sizeof id);
        next = take_text(next, "path", path, sizeof path);
        at = next == NULL ? NULL : take_text(next, "dot", dot, sizeof dot);
    }
    sotay_text_free(json);
    if (dot[0] == '\0' || !sotay_id_parse(id, &record))
        return;
    uint32_t mark = UINT32_MAX;
    sotay_resolution resolution = { .path = path, .keep = dot, .reason = "theo biên bản" };
    bool is_word = strcmp(path, "general_note") == 0 || strstr(path, "evidence") != NULL;
    if (is_word && sim_chance(r, 500)) {
        mark = sim_mark_new(w, word);
        resolution.keep = NULL;
        resolution.value = word;
    }
    sim_say(w, " %.8s %s keep %s", id, path, resolution.keep == NULL ? "-" : dot);
    rc = sim_done(w, p, sotay_record_resolve(p->client, &record, &resolution, &error), &error);
    if (rc == SOTAY_OK)
        sim_count(w, SIM_RESOLVED);
    if (mark != UINT32_MAX && sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
}

/* ---- working copies ---- */

/* What was typed there before is typed over. */
static void forget_draft(sim_world *w, sim_phone *p, uint32_t record, uint32_t path)
{
    for (uint32_t i = 0; i < w->marks_count; i++) {
        sim_mark *mark = &w->marks[i];
        if (mark->is_draft && mark->record == record && mark->path == path)
            p->holds.bits[i / 8] &= (uint8_t) ~(1u << i % 8);
    }
}

static void type(sim_world *w, sim_phone *p, const sim_record *record, uint32_t path)
{
    char word[16];
    sotay_error error = { 0 };
    sim_phone_writes(w, p);
    uint32_t no = (uint32_t)(record - w->records);
    uint32_t mark = sim_mark_new(w, word);
    sim_say(w, " %s~'%s'", PATHS[path].path, word);
    sim_note_shown(p, &record->id, &w->marks[mark].shown);
    int rc = sotay_draft_put(p->client, &record->id, PATHS[path].path, word, &error);
    rc = sim_done(w, p, rc, &error);
    w->marks[mark].typed_on = sim_phone_no(w, p);
    w->marks[mark].record = no;
    w->marks[mark].path = path;
    if (!sim_is_saved(p, rc))
        return;
    forget_draft(w, p, no, path);
    w->marks[mark].is_draft = true;
    sim_mark_keep(w, p, mark);
}

void sim_do_draft(sim_world *w, sim_phone *p, sim_random *r)
{
    const sim_record *record = sim_record_pick(w, r);
    if (record != NULL)
        type(w, p, record, sim_pick(r, 4));
}

static bool shows(sim_phone *p, const sim_record *record)
{
    char *json = NULL;
    sim_note_shown(p, &record->id, &json);
    sotay_text_free(json);
    return json != NULL;
}

static void write_over(sim_world *w, sim_phone *p, const sim_record *record, uint32_t path)
{
    char word[16];
    sotay_error error = { 0 };
    uint32_t mark = sim_mark_new(w, word);
    const sotay_pair pair = { PATHS[path].path, word };
    const sotay_pairs pairs = { &pair, 1 };
    int rc = sim_done(w, p, sotay_record_set(p->client, &record->id, pairs, &error), &error);
    if (sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
    sim_phone_look(w, p);
}

/* A sync in which that is typed once its request has left; false: there was none. */
static bool sync_typing(sim_world *w, sim_phone *p, const sim_record *record, uint32_t path)
{
    if (!sim_sync_start(w, p, NULL, 0))
        return false;
    type(w, p, record, path);
    while (p->exists && p->sync != NULL)
        sim_pass(w, 500);
    return p->exists;
}

/* The record has another act in force than before. */
static void reopen_over(sim_world *w, sim_phone *p, const sim_record *record)
{
    sotay_error error = { 0 };
    sim_phone_ready(w, p);
    (void)sim_done(w, p, sotay_record_withdraw(p->client, &record->id, "nham", &error), &error);
    sim_phone_look(w, p);
    sim_phone_ready(w, p);
    (void)sim_done(w, p, sotay_record_reopen(p->client, &record->id, "khong nham", &error),
                   &error);
    sim_phone_look(w, p);
    sim_sync_whole(w, p, 0);
}

/* One field is typed under an act, another behind the sync that may have brought the next act. */
static void type_around(sim_world *w, sim_phone *p, sim_phone *q, const sim_record *record,
                        uint32_t path, bool twice)
{
    sotay_error error = { 0 };
    reopen_over(w, q, record);
    sim_sync_whole(w, p, 0);
    if (twice)
        reopen_over(w, q, record);
    if (!p->exists || !sync_typing(w, p, record, path))
        return;
    type(w, p, record, (path + 1) % 4);
    (void)sim_done(w, p, sotay_draft_commit(p->client, &record->id, &error), &error);
    sim_phone_look(w, p);
}

/* Somebody else has sent a word, and it is on its way here while its place is typed over; or he has
 * sent an act, and what is typed is under that, or under the one before. */
void sim_do_type_over(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_error error = { 0 };
    sim_phone *q = &w->phones[sim_pick(r, (uint32_t)w->phones_count)];
    const sim_record *record = sim_record_pick(w, r);
    uint32_t path = sim_pick(r, 4);
    if (record == NULL || !q->exists || q == p || !shows(p, record) || !shows(q, record))
        return;
    sim_sync_whole(w, p, 0);
    if (sim_chance(r, 300)) {
        type_around(w, p, q, record, path, sim_chance(r, 500));
        return;
    }
    sim_phone_ready(w, q);
    write_over(w, q, record, path);
    sim_sync_whole(w, q, 0);
    if (!sync_typing(w, p, record, path))
        return;
    (void)sim_done(w, p, sotay_draft_commit(p->client, &record->id, &error), &error);
}

void sim_do_commit(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_error error = { 0 };
    const sim_record *record = sim_record_pick(w, r);
    if (record == NULL)
        return;
    sim_phone_writes(w, p);
    (void)sim_done(w, p, sotay_draft_commit(p->client, &record->id, &error), &error);
}

/* ---- syncs ---- */

void sim_do_sync(sim_world *w, sim_phone *p, sim_random *r)
{
    if (p->sync != NULL && sim_chance(r, 500)) {
        sim_say(w, ": one is under way");
        return;
    }
    (void)sim_sync_start(w, p, NULL, w->plan->trouble_permille);
}

void sim_do_send_only(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)r;
    p->sends_only = true;
    if (sim_sync_start(w, p, NULL, w->plan->trouble_permille))
        sim_count(w, SIM_SEND_ONLY);
    p->sends_only = false;
}

void sim_do_everybody(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    (void)r;
    sim_count(w, SIM_EVERYBODY);
    for (size_t i = 0; i < w->phones_count; i++)
        if (w->phones[i].exists && w->phones[i].sync == NULL) {
            (void)sim_sync_start(w, &w->phones[i], NULL, w->plan->trouble_permille);
            sim_phone_look(w, &w->phones[i]);
        }
}
