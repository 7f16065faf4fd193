/* tests/sim/rest.c - faults stop, everybody meets, and everything is compared: with the naive
 * model, with each other, and with what people were told. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/client.h"
#include "server/sync/fold.h"
#include "server/sync/held.h"
#include "server/sync/sets.h"
#include "tests/sim/model.h"

#define ROUNDS_MAX   14u
#define CARRY_ROUNDS 9u
#define COUNT_ROUND  2u /* by then the office has what names its pieces */

/* ---- meeting ---- */

static void stop_faults(sim_world *w)
{
    w->disk.is_full = false;
    w->disk.fault = DISK_GOOD;
    w->disk.map_full_in = w->disk.piece_kill_in = 0;
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *p = &w->phones[i];
        if (!p->exists)
            continue;
        sim_phone_look(w, p); /* one that died for another's step is started again */
        p->is_cut_off = false;
        p->tap->fail_in = p->tap->die_in = p->tap->full_in = 0;
        p->trouble_permille = p->unheard = 0;
        p->slow = 1;
    }
    w->is_calm = true;
    w->start_fault = DISK_GOOD;
    w->files_limit = 0;
    if (w->is_up)
        w->rooms.sync.files_per_device = 0;
    sim_net_drain(w);
    sim_pass(w, 1000 + (w->is_up ? 0 : w->back_ms - w->now_ms));
    if (!w->is_up)
        sim_fail(w, "the server is not back");
    w->op = NULL;
}

static void lift_all(sim_world *w)
{
    sim_random r = { w->plan->seed };
    sim_do_lift(w, NULL, &r);
}

/* Copies ask at their syncs, the office confirms them, and they hear of it. */
static void confirm_copies(sim_world *w)
{
    for (uint32_t round = 0; round < 4; round++) {
        for (size_t i = 0; i < w->phones_count; i++)
            if (w->phones[i].exists && sim_phone_is_copied(&w->phones[i]))
                sim_sync_whole(w, &w->phones[i], 0);
        (void)sim_heirs_confirm(w);
    }
}

/* Copies get keys of their own, so that what they hold may go out: in some worlds the office
 * confirms those that may ask, else and for the others there is a link. */
static bool enrol_copies(sim_world *w)
{
    bool any = false;
    if (plan_is_keyed(w->plan->seed) && w->plan->seed % 2 == 0)
        confirm_copies(w);
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *p = &w->phones[i];
        if (!p->exists || !sim_phone_is_copied(p))
            continue;
        if (!p->is_branch)
            sim_fail(w, "phone %zu is called a copy, and nobody ever copied its store", i);
        any = true;
        sim_count(w, SIM_ENROLLED_AGAIN);
        if (!sim_enrol_again(w, p, 0))
            sim_fail(w, "phone %zu is a copy and cannot be enrolled again", i);
    }
    return any;
}

/* A phone that a restored server does not know although it showed its papers (it was revoked, and
 * the notes beside the store say so): the office enrols it once more. */
static bool enrol_unknown(sim_world *w)
{
    bool any = false;
    for (size_t i = 0; i < w->phones_count; i++) {
        store_txn txn = { 0 };
        sotay_who me;
        st_id id;
        auth_device device;
        if (!w->phones[i].exists)
            continue;
        sotay_whoami(w->phones[i].client, &me);
        memcpy(id.b, me.device.b, sizeof id.b);
        if (store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) != ST_OK)
            sim_fail(w, "the store cannot be read");
        bool is_unknown = auth_device_get(&txn, NULL, &id, &device, NULL) == ST_E_NOT_FOUND;
        store_end(&txn);
        if (is_unknown && !sim_enrol_again(w, &w->phones[i], 0))
            sim_fail(w, "phone %zu is unknown after a restore and cannot be enrolled again", i);
        any = any || is_unknown;
    }
    return any;
}

/* A piece that somebody carries and the server left goes with every eighth sync at least. */
static bool carries(sim_world *w, const sim_phone *p)
{
    char *json = NULL;
    if (sotay_status(p->client, SOTAY_JSON, &json, NULL) != SOTAY_OK)
        sim_fail(w, "a phone has no status");
    bool does = strstr(json, "\"carried\":0,") == NULL;
    sotay_text_free(json);
    return does;
}

/* An office whose book was put back counts the pieces that lie there: one of them may be carried
 * still under the name that its record had before. */
static void count_pieces(sim_world *w)
{
    if (w->plan->seed >= PLAN_THEMED && SIM_CTL(w, "attachment", "collect", "--json") != 0)
        sim_fail(w, "pieces cannot be counted");
}

/* Everybody syncs until a whole round brought the log nothing: then the others' syncs of this
 * round brought everybody all there is. `twice`: one more round, in which nothing may move;
 * so do those whose store was made wrong: news of one unit say no sum of the others. Who found out
 * in it that he is a copy, by what was in the log already, gets his key in the next one. */
static void meet(sim_world *w, bool twice)
{
    bool moves = true;
    for (uint32_t round = 0; moves; round++) {
        size_t before = w->leaves_count;
        if (round == ROUNDS_MAX)
            sim_fail(w, "after %u rounds without a fault there is still something to send",
                     ROUNDS_MAX);
        moves = enrol_copies(w);
        if (w->restores > 0 && round > 0)
            moves = enrol_unknown(w) || moves;
        for (size_t i = 0; i < w->phones_count; i++) {
            sim_phone *p = &w->phones[i];
            if (!p->exists)
                continue;
            sim_sync_whole(w, p, 0);
            moves = moves || !p->last.complete || sim_phone_is_copied(p) ||
                    (round < CARRY_ROUNDS && carries(w, p)) ||
                    p->last.attachments_sent + p->last.attachments_fetched > 0 ||
                    ((twice || p->spoilt.any) &&
                     p->last.sent_changes + p->last.received_changes > 0);
        }
        if (round == COUNT_ROUND)
            count_pieces(w);
        moves = moves || w->leaves_count > before;
    }
}

/* ---- the log and the model ---- */

static void count_model(sim_world *w, const model *m)
{
    uint64_t *counters = w->report->counters;
    counters[SIM_RELEASE] += m->releases;
    counters[SIM_ACCEPT] += m->accepts;
    counters[SIM_DECLINE] += m->declines;
    counters[SIM_FORK] += m->forks;
    counters[SIM_NO_RECORD] += m->holds[ST_HOLD_NO_RECORD];
    counters[SIM_WAITS] += m->holds[ST_HOLD_WAITS];
    counters[SIM_REVOKED] += m->holds[ST_HOLD_REVOKED];
    counters[SIM_SUSPENDED] += m->holds[ST_HOLD_SUSPENDED];
    counters[SIM_SCOPE] += m->holds[ST_HOLD_SCOPE];
    counters[SIM_FROZEN] += m->holds[ST_HOLD_FROZEN];
    counters[SIM_FORM] += m->holds[ST_HOLD_FORM];
    counters[SIM_VERSION] += m->holds[ST_HOLD_VERSION];
    counters[SIM_VALUE] += m->holds[ST_HOLD_VALUE];
    counters[SIM_ROLE] += m->holds[ST_HOLD_ROLE];
    counters[SIM_BUCKET] += m->holds[ST_HOLD_BUCKET];
    counters[SIM_STATE] += m->holds[ST_HOLD_STATE];
    counters[SIM_LIMIT] += m->holds[ST_HOLD_LIMIT];
}

/* The furthest clock that may have moved the stamps of a device: those of the phones that were it,
 * and what a server may pull them to. INT64_MAX: nobody here was it. */
static int64_t furthest_of(const sim_world *w, const st_id *device)
{
    int64_t furthest = INT64_MAX;
    for (size_t i = 0; i < w->phones_count; i++)
        for (size_t j = 0; j < w->phones[i].devices_count; j++) {
            if (memcmp(w->phones[i].devices[j].b, device->b, sizeof device->b) != 0)
                continue;
            if (furthest == INT64_MAX || furthest < w->phones[i].wall_max_ms)
                furthest = w->phones[i].wall_max_ms;
        }
    int64_t pulled = w->server_max_ms + SIM_LEAD_MS;
    return furthest < pulled ? pulled : furthest;
}

/* Two stores had the key (a copy, or one that was put back to a backup), and what lies between the
 * two changes is lost: they may be of two branches that no chain of hashes shows to be two. */
static bool may_be_branches(const sim_world *w, const st_change *before, const st_change *change)
{
    return before->dot.counter + 1 < change->dot.counter && sim_is_twice(w, &change->dot.device);
}

/* Counters of a device rise with its hybrid clock, and nobody's clock drags another's along. */
static void check_clocks(sim_world *w, const model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const st_change *change = m->changes[i].change;
        const st_change *before = i == 0 ? NULL : m->changes[i - 1].change;
        if (before != NULL && st_id_cmp(&before->dot.device, &change->dot.device) == 0 &&
            before->hlc >= change->hlc && !may_be_branches(w, before, change))
            sim_fail(w, "the hybrid clock of a device went back at its change %" PRIu64,
                     change->dot.counter);
        if ((int64_t)(change->hlc >> 16) > furthest_of(w, &change->dot.device))
            sim_fail(w, "change %" PRIu64 " is stamped ahead of its phone's clock",
                     change->dot.counter);
    }
}

static void check_authors(sim_world *w, const model *m)
{
    const char *why = "";
    for (size_t i = 0; i < m->count; i++)
        if (!model_is_honest(m, m->changes[i].change, &why))
            sim_fail(w, "%s: change %" PRIu64 " in entry %" PRIu64, why,
                     m->changes[i].change->dot.counter, m->changes[i].index);
}

/* What a device sent after it was revoked is held, whole. */
static void check_revoked(sim_world *w, const model *m)
{
    for (size_t i = 0; i < m->sets_count; i++)
        for (size_t j = 0; j < w->revoked_count; j++) {
            const model_set *set = &m->sets[i];
            if (st_id_cmp(&set->set->device, &w->revoked[j].device) == 0 && !set->is_fork &&
                set->index > w->revoked[j].index && set->held < set->set->changes_count)
                sim_fail(w, "entry %" PRIu64 " of a revoked device is not held", set->index);
        }
}

/* The server knows how far each chain came; gaps.c looks at what is missing in it. */
static void check_chains(sim_world *w, store_txn *txn, const model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const st_id *device = &m->changes[i].change->dot.device;
        sets_head head;
        if (i > 0 && st_id_cmp(device, &m->changes[i - 1].change->dot.device) == 0)
            continue;
        if (sets_head_get(txn, device, &head, NULL) != ST_OK)
            sim_fail(w, "the head of a device cannot be read");
        uint64_t last = 0;
        for (size_t j = i;
             j < m->count && st_id_cmp(device, &m->changes[j].change->dot.device) == 0; j++)
            last = m->changes[j].change->dot.counter;
        if (head.last != last || head.known > head.last)
            sim_fail(
                w, "the head of a device says %" PRIu64 "/%" PRIu64 ", its last change is %" PRIu64,
                head.known, head.last, last);
    }
}

typedef struct {
    sim_world *w;
    const model *m;
    uint64_t count;
} held_check;

static bool check_one_held(void *context, const sync_held *held)
{
    held_check *check = context;
    if (held->reason == ST_HOLD_FORK)
        return true;
    const model_change *change = model_find(check->m, &held->dot);
    if (change == NULL || change->verdict != MODEL_HELD)
        sim_fail(check->w, "the list of held changes names one that is not held: counter %" PRIu64,
                 held->dot.counter);
    check->count++;
    if (held->reason != change->reason)
        sim_fail(check->w, "change %" PRIu64 " is listed as held for %s, and in the log for %s",
                 held->dot.counter, st_hold_name(held->reason), st_hold_name(change->reason));
    return true;
}

static void check_held(sim_world *w, store_txn *txn, const model *m)
{
    held_check check = { w, m, 0 };
    uint64_t want = 0;
    const model_change *stuck = model_stuck(m);
    if (stuck != NULL)
        sim_fail(w, "change %" PRIu64 " is held for %s, and what it waits for is there",
                 stuck->change->dot.counter, st_hold_name(stuck->reason));
    for (size_t i = 0; i < m->count; i++)
        want += m->changes[i].verdict == MODEL_HELD;
    if (sync_held_each(txn, check_one_held, &check, NULL) != ST_OK || check.count != want)
        sim_fail(w, "%" PRIu64 " changes are held in the log, %" PRIu64 " in the list", want,
                 check.count);
}

static void check_sums(sim_world *w, store_txn *txn, model *m)
{
    for (uint32_t i = 0; i <= SIM_UNITS; i++) {
        char bucket[64];
        sync_bucket_row row;
        uint8_t sum[16];
        (void)snprintf(bucket, sizeof bucket, "01477/%s%s", i == SIM_UNITS ? "catalogue" : "unit/",
                       i == SIM_UNITS ? "" : SIM_UNIT_NAMES[i]);
        if (i == SIM_UNITS && w->plan->seed % 16 != 0)
            continue;
        if (sync_bucket_get(txn, bucket, &row, NULL) != ST_OK)
            sim_fail(w, "the row of %s cannot be read", bucket);
        model_sum_of(m, bucket, sum);
        if (memcmp(sum, row.sum.b, sizeof sum) != 0)
            sim_fail(w, "the sum of %s is not that of the model", bucket);
    }
}

/* ---- records ---- */

static void fail_record(sim_world *w, uint32_t no, const char *who, const char *what)
{
    sim_fail(w, "record r%u, %s: %s", no, who, what);
}

/* The document shows exactly the live dots of the model, its acts and its conflicts. */
static void check_document(sim_world *w, uint32_t no, const char *who, const char *json,
                           const model_view *view)
{
    char text[200], dot[ST_DOT_TEXT_BYTES];
    const char *fields = strstr(json, "\"fields\":");
    (void)snprintf(text, sizeof text, "\"changed_since\":%s,\"state_conflict\":%s,",
                   view->changed_since ? "true" : "false", view->state_conflict ? "true" : "false");
    if (strstr(json, text) == NULL)
        fail_record(w, no, who, "state conflict or changed since");
    (void)snprintf(text, sizeof text, "\"open_conflicts\":%u,", view->open_conflicts);
    if (strstr(json, text) == NULL || fields == NULL)
        fail_record(w, no, who, "another number of open conflicts");
    for (size_t i = 0; i < view->acts_count; i++) {
        st_dot_format(&view->acts[i]->change->dot, dot);
        (void)snprintf(text, sizeof text, "\"dot\":\"%s\"", dot);
        const char *at = strstr(json, text);
        if (at == NULL || at > fields)
            fail_record(w, no, who, "an act in force is not shown");
    }
    for (size_t i = 0; i < view->lives_count; i++) {
        const st_op *op = view->lives[i].op;
        if (op->path.kind == ST_PATH_DROP || op->path.element_len > 0)
            continue;
        st_dot_format(&view->lives[i].change->change->dot, dot);
        (void)snprintf(text, sizeof text, "\"dot\":\"%s\"", dot);
        if (strstr(fields, text) == NULL)
            fail_record(w, no, who, "a live value is not shown");
        if (op->value.kind != ST_VALUE_TEXT || op->value.len > 100)
            continue;
        (void)snprintf(text, sizeof text, "\"%.*s\"", (int)op->value.len,
                       (const char *)op->value.data);
        if (strstr(fields, text) == NULL)
            fail_record(w, no, who, "a live text is not shown");
    }
}

/* The server's state of a record, operation by operation. */
static void check_state(sim_world *w, uint32_t no, const st_record *record, const model_view *view)
{
    if (record->lives_count != view->lives_count)
        fail_record(w, no, "the server", "another number of live operations");
    for (size_t i = 0; i < view->lives_count; i++) {
        const model_live *live = &view->lives[i];
        bool found = false;
        for (size_t j = 0; j < record->lives_count && !found; j++) {
            const st_live *other = &record->lives[j];
            found = st_dot_cmp(&record->metas[other->meta].dot, &live->change->change->dot) == 0 &&
                    model_same_path(&other->op.path, &live->op->path) &&
                    model_same_value(&other->op.value, &live->op->value);
        }
        if (!found)
            fail_record(w, no, "the server", "a live operation is missing or has another value");
    }
}

static void count_view(sim_world *w, const model_view *view)
{
    uint64_t *counters = w->report->counters;
    counters[SIM_CONFLICT] += view->open_conflicts > (view->state_conflict ? 1u : 0u);
    counters[SIM_STATE_CONFLICT] += view->state_conflict;
    counters[SIM_CHANGED_SINCE] += view->changed_since;
    counters[SIM_ACTS] += view->acts_count > 0;
    for (size_t i = 0; i < view->lives_count; i++)
        if (view->lives[i].op->path.kind == ST_PATH_DROP) {
            model_item item = model_item_of(view, &view->lives[i].op->path);
            counters[SIM_DROPPED] += item == MODEL_DROPPED;
            counters[SIM_CONTESTED] += item == MODEL_CONTESTED;
        }
}

bool sim_has_own_held(const model *m, const st_id *record, const sim_phone *p)
{
    for (size_t i = 0; i < m->count; i++)
        for (size_t j = 0; j < p->devices_count; j++)
            if (m->changes[i].verdict == MODEL_HELD &&
                st_id_cmp(&m->changes[i].change->record, record) == 0 &&
                memcmp(m->changes[i].change->dot.device.b, p->devices[j].b, 16) == 0)
                return true;
    return false;
}

/* What only the server says: that something of the record is held, what its clock tells of the time
 * of a change, and how many files there are (files.c looks at these). */
static const struct {
    const char *key, *ends;
    bool takes_end; /* the end goes too */
} SERVERS_OWN[] = { { ",\"flags\":[", "]", true },
                    { ",\"held\":[", "]", true },
                    { ",\"corrected_at\":", ",}", false },
                    { ",\"corrected_within_ms\":", ",}", false },
                    { ",\"rebooted\":", ",}", false },
                    { ",\"attachments_missing\":", ",}", false },
                    { ",\"attachments\":", ",}", false } };

/* A list is no count, and both sides show it. */
static bool is_servers_own(const char *json, size_t i)
{
    size_t len = strlen(SERVERS_OWN[i].key);
    return strncmp(json, SERVERS_OWN[i].key, len) == 0 &&
           (SERVERS_OWN[i].takes_end || json[len] != '[');
}

/* The document without those values; the caller frees it. */
static char *plain_of(const char *json)
{
    char *plain = malloc(strlen(json) + 1), *to = plain;
    if (plain == NULL)
        abort();
    while (*json != '\0') {
        size_t i = 0, count = sizeof SERVERS_OWN / sizeof SERVERS_OWN[0];
        while (i < count && !is_servers_own(json, i))
            i++;
        if (i == count) {
            *to++ = *json++;
            continue;
        }
        json += strlen(SERVERS_OWN[i].key);
        json += strcspn(json, SERVERS_OWN[i].ends);
        if (SERVERS_OWN[i].takes_end && *json != '\0')
            json++;
    }
    *to = '\0';
    return plain;
}

/* Where a set was torn, the phone says that something of the record cannot be read. */
static void cut_unread(char *plain)
{
    static const char UNREAD[] = ",\"unread\":true}\n";
    size_t len = strlen(plain), cut = sizeof UNREAD - 1;
    if (len > cut && strcmp(plain + len - cut, UNREAD) == 0)
        memcpy(plain + len - cut, "}\n", sizeof "}\n");
}

/* The phone's document is the server's, but for what only the server says. */
static void check_same(sim_world *w, uint32_t no, const sim_phone *p, const char *json)
{
    char *phone = plain_of(json), *ours = plain_of(SIM_OUT(w));
    size_t at = 0;
    if (p->spoilt.torn)
        cut_unread(phone);
    while (phone[at] == ours[at] && phone[at] != '\0')
        at++;
    size_t from = at > 60 ? at - 60 : 0;
    if (phone[at] != ours[at])
        sim_fail(w, "record r%u: phone %u shows …%.120s… and the server …%.120s…", no,
                 sim_phone_no(w, p), phone + from, ours + from);
    free(phone);
    free(ours);
}

/* Every phone that may read the record shows the same bytes; one whose own words are held shows
 * those too, marked. */
static void check_phone(sim_world *w, sim_phone *p, uint32_t no, model *m)
{
    char *json = NULL, who[32];
    sotay_who me;
    sotay_error error = { 0 };
    st_id record, device;
    model_view view;
    sotay_whoami(p->client, &me);
    memcpy(record.b, w->records[no].id.b, sizeof record.b);
    memcpy(device.b, me.device.b, sizeof device.b);
    (void)snprintf(who, sizeof who, "phone %u", sim_phone_no(w, p));
    int rc = sotay_show(p->client, &w->records[no].id, SOTAY_JSON, &json, &error);
    if (rc != SOTAY_OK)
        sim_fail(w, "record r%u is not shown on %s: %s", no, who, error.detail);
    bool own = sim_has_own_held(m, &record, p);
    if (own && (p->is_branch || p->devices_count > 1)) {
        sotay_text_free(json); /* which of them it has depends on its branch */
        return;
    }
    model_view_of(m, &record, own ? &device : NULL, &view);
    check_document(w, no, who, json, &view);
    if (!own)
        check_same(w, no, p, json);
    sim_repairs_same(w, p, no);
    sotay_text_free(json);
}

static void check_record(sim_world *w, store_txn *txn, uint32_t no, model *m)
{
    char hex[33];
    st_id id;
    st_arena arena;
    st_record record;
    model_view view;
    memcpy(id.b, w->records[no].id.b, sizeof id.b);
    st_arena_init(&arena, 64u << 20);
    model_view_of(m, &id, NULL, &view);
    st_err err = sync_record_get(txn, &id, &arena, &record, NULL, NULL);
    if (err == ST_E_NOT_FOUND || (err == ST_OK && !record.created)) {
        st_arena_reset(&arena);
        return; /* never arrived, held, or lost with its phone */
    }
    if (err != ST_OK)
        fail_record(w, no, "the server", "it cannot be read");
    check_state(w, no, &record, &view);
    count_view(w, &view);
    st_arena_reset(&arena);
    sotay_id_format(&w->records[no].id, hex);
    if (SIM_CTL(w, "show", hex, "--json") != 0)
        fail_record(w, no, "the server", "it is not shown");
    check_document(w, no, "the server", SIM_OUT(w), &view);
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *p = &w->phones[i];
        if (p->exists && w->may_read[p->person][w->records[no].unit] && !sim_is_closed(txn, p))
            check_phone(w, p, no, m);
    }
    sim_check_told(w, txn, no);
    sim_check_files(w, txn, no, m, &view);
}

/* ---- nothing recorded is lost ---- */

static bool copy_says(sim_phone *p, const sotay_id *record, const char *word)
{
    char *text = NULL;
    bool found = sotay_draft_get(p->client, record, SOTAY_TEXT, &text, NULL) == SOTAY_OK &&
                 strstr(text, word) != NULL;
    sotay_text_free(text);
    return found;
}

/* In the working copy of any record: one that a copied phone makes anew under another key has
 * another id, and the id it had is then that of the other branch. */
static bool draft_has(sim_world *w, sim_phone *p, const sim_mark *mark, const char *word)
{
    static const char ID[] = "\"id\":\"";
    char *list = NULL;
    bool found = copy_says(p, &w->records[mark->record].id, word);
    if (!found && sotay_list(p->client, NULL, SOTAY_JSON, &list, NULL) != SOTAY_OK)
        return false;
    for (char *at = list; !found && at != NULL && (at = strstr(at, ID)) != NULL;) {
        char hex[33];
        st_id id;
        at += sizeof ID - 1;
        (void)snprintf(hex, sizeof hex, "%.32s", at);
        found = st_id_parse(hex, &id) && copy_says(p, (const sotay_id *)&id, word);
    }
    sotay_text_free(list);
    if (found)
        sim_count(w, SIM_DRAFT_KEPT);
    return found;
}

/* Did it lie sealed at its author once, for a unit that was taken away? */
static bool lay_sealed(const sim_sealed *sealed, const st_set *set)
{
    for (size_t i = 0; i < sealed->count; i++)
        if (sealed->list[i].first == set->first &&
            memcmp(sealed->list[i].device.b, set->device.b, sizeof set->device.b) == 0)
            return true;
    return false;
}

/* A branch that is held is no place for a word whose phone is there: it goes out once more under
 * the key that the phone got, unless its set was torn there or the office destroyed it there. What
 * lay sealed for a unit that was taken away can be read by nobody there, and is not made anew. */
static void check_branch(sim_world *w, const model *m, uint32_t mark, const char *word)
{
    const sim_phone *author = &w->phones[w->marks[mark].phone];
    const st_set *set = model_saying(m, word);
    if (set == NULL || !author->exists || !sim_holds_has(&author->holds, mark))
        return;
    if (!sim_holds_has(&author->spoilt.words, mark) && !sim_holds_has(&w->erased, mark) &&
        !model_keeps(m, word) && !lay_sealed(&author->sealed, set))
        sim_fail(w, "'%s' was saved on phone %u and lies only in a branch that is held", word,
                 w->marks[mark].phone);
}

static void check_marks(sim_world *w, const model *m)
{
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        bool found = false;
        sim_phone *holder = NULL;
        for (size_t n = 0; n < w->phones_count; n++)
            if (w->phones[n].exists && sim_holds_has(&w->phones[n].holds, i))
                holder = &w->phones[n];
        if (holder == NULL)
            continue; /* never saved, or gone with its phone */
        sim_mark_text(i, word);
        found = model_says(m, word);
        check_branch(w, m, i, word);
        for (size_t n = 0; n < w->phones_count && !found && w->marks[i].is_draft; n++)
            if (w->phones[n].exists && sim_holds_has(&w->phones[n].holds, i))
                found = draft_has(w, &w->phones[n], &w->marks[i], word);
        if (!found && sim_holds_has(&w->erased, i))
            continue;
        if (found && sim_holds_has(&w->lost_words, i))
            sim_count(w, SIM_COME_BACK);
        if (!found)
            sim_fail(w, "'%s' was saved on phone %u and is nowhere", word, w->marks[i].phone);
    }
}

/* Pieces that a phone carries of files that the log does not name: who attached them went back to a
 * backup before he had said so to anybody. They stay, since he may say it yet. */
static uint64_t count_unnamed(sim_world *w, const model *m, sim_phone *p)
{
    const uint8_t kind = ST_PARCEL_PIECE;
    uint64_t count = 0;
    book_key prefix = book_key_of(BOOK_PARCEL);
    st_err err = ST_OK;
    book_key_bytes(&prefix, &kind, 1);
    book_scan scan = book_scan_of(&prefix);
    if (client_begin(p->client, false, NULL) != ST_OK)
        sim_fail(w, "phone %u: its store cannot be read", sim_phone_no(w, p));
    while (err == ST_OK) {
        st_arena arena;
        st_hash piece = { { 0 } };
        book_value value = { NULL, 0 };
        st_arena_init(&arena, 2u << 20);
        err = book_scan_next(&p->client->book, &scan, &arena, &value, NULL);
        if (err == ST_OK && value.len > sizeof piece)
            memcpy(piece.b, value.data + 1, sizeof piece.b);
        count += err == ST_OK && !model_names_piece(m, &piece);
        st_arena_reset(&arena);
    }
    client_abort(p->client);
    return count;
}

static uint64_t number_in(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

/* Does anything wait that can go? What was torn waits until something lies behind it. */
static bool waits(const sim_phone *p, const char *json)
{
    uint64_t torn = p->spoilt.torn ? number_in(json, "\"unreadable\":") : 0;
    return number_in(json, "\"ready\":") > torn;
}

/* Nothing waits on a phone once all was sent. */
static void check_status(sim_world *w, const model *m)
{
    for (size_t i = 0; i < w->phones_count; i++) {
        char *json = NULL, carried[48];
        sim_phone *p = &w->phones[i];
        if (!p->exists)
            continue;
        if (sotay_status(p->client, SOTAY_JSON, &json, NULL) != SOTAY_OK)
            sim_fail(w, "phone %zu: no status", i);
        (void)snprintf(carried, sizeof carried, "\"carried\":%" PRIu64 ",", count_unnamed(w, m, p));
        if (waits(p, json) || strstr(json, carried) == NULL)
            sim_fail(w, "phone %zu: something waits still, not %s: %.300s", i, carried, json);
        sotay_text_free(json);
    }
}

/* ---- the book as a whole ---- */

static bool say_wrong(void *context, const char *line)
{
    sim_world *w = context;
    sim_fail(w, "verify: %s", line);
}

static void check_book(sim_world *w)
{
    verify_report report;
    st_error error = { 0 };
    if (sync_verify(&w->rooms.sync, say_wrong, w, &report, &error) != ST_OK)
        sim_fail(w, "verify: %s", error.detail);
    if (report.wrong > 0)
        sim_fail(w, "verify finds %" PRIu64 " things wrong", report.wrong);
    if (report.entries != w->leaves_count)
        sim_fail(w, "%" PRIu64 " entries, %zu leaves", report.entries, w->leaves_count);
}

/* Values that phones wrote so far: looking at what is there writes none. */
static uint64_t puts_of(const sim_world *w)
{
    uint64_t puts = 0;
    for (size_t i = 0; i < w->phones_count; i++)
        puts += w->phones[i].exists ? w->phones[i].tap->puts : 0;
    return puts;
}

void sim_rest(sim_world *w)
{
    model m;
    char why[256] = "";
    store_txn txn = { 0 };
    stop_faults(w);
    lift_all(w);
    meet(w, w->plan->seed % 4 == 1);
    sim_check_promises(w);
    if (store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) != ST_OK)
        sim_fail(w, "the store cannot be read");
    if (!model_read(&m, &txn, why))
        sim_fail(w, "the log: %s", why);
    count_model(w, &m);
    check_clocks(w, &m);
    check_authors(w, &m);
    check_revoked(w, &m);
    check_chains(w, &txn, &m);
    sim_check_gaps(w, &txn, &m);
    check_held(w, &txn, &m);
    sim_check_stranger(w, &m);
    check_sums(w, &txn, &m);
    sim_check_log_keys(w, &txn);
    check_status(w, &m);
    check_marks(w, &m);
    sim_check_states(w, &txn, &m);
    sim_check_typed(w, &m);
    sim_check_erased(w, &txn, &m);
    sim_check_forgotten(w, &txn, &m);
    sim_check_bases(w, &txn);
    uint64_t puts = puts_of(w);
    for (uint32_t no = 0; no < w->records_count; no++)
        check_record(w, &txn, no, &m);
    if (puts_of(w) != puts)
        sim_fail(w, "showing records and files writes into a phone's store");
    store_end(&txn);
    model_free(&m);
    if (w->plan->seed % 2 == 1)
        check_book(w);
    if (w->plan->seed % 4 == 0)
        sim_do_rebuild(w, NULL, NULL);
}
