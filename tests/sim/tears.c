/* tests/sim/tears.c - rows of a phone that are gone or do not open any more, of which no sum tells:
 * lines of histories that wait for a decision, whose a device is, and sets that the office has.
 * Promises that the phone reads on, and that at rest all who have a change say of it the same: when
 * it came, in which entry, and what became of it. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/apply.h"
#include "tests/sim/model.h"

#define CHANGES_MAX 4096u
#define TOLD_BYTES  400u
#define TRIES       42u /* more syncs than a store is full for */

/* ---- the step ---- */

static bool is_torn_kind(const book_key *at, const apply_line *line)
{
    return at->len == 1 + 16 + 8 + 8 && line->verdict == APPLY_HELD;
}

/* The n-th line that waits; false: there are not so many (*out_count). */
static bool find_line(sim_phone *p, uint32_t n, book_key *out_key, uint32_t *out_count)
{
    book_key prefix = book_key_of(BOOK_HIST);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    apply_line line;
    uint32_t count = 0;
    st_arena_init(&arena, 64u << 20);
    if (client_begin(p->client, false, NULL) == ST_OK)
        while (apply_line_next_whole(p->client, &scan, &arena, &line, NULL) == ST_OK)
            if (is_torn_kind(&scan.at, &line) && count++ == n)
                *out_key = scan.at;
    client_abort(p->client);
    st_arena_reset(&arena);
    *out_count = count;
    return n < count;
}

/* The n-th device that the phone knows. */
static bool find_device(sim_phone *p, uint32_t n, book_key *out_key, uint32_t *out_count)
{
    book_key prefix = book_key_text(BOOK_NAME, "device");
    uint32_t count = 0;
    book_key_bytes(&prefix, "", 1);
    book_scan scan = book_scan_of(&prefix);
    if (client_begin(p->client, false, NULL) == ST_OK)
        while (book_scan_next(&p->client->book, &scan, NULL, NULL, NULL) == ST_OK)
            if (count++ == n)
                *out_key = scan.at;
    client_abort(p->client);
    *out_count = count;
    return n < count;
}

/* True: it is gone, or holds bytes that do not open, as after a bad block. */
static bool tear(sim_world *w, sim_phone *p, const book_key *key, bool is_gone)
{
    const sotay_slice name = { key->b, key->len }, bytes = { (const uint8_t *)"torn", 4 };
    const sotay_port *port = p->client->book.port;
    st_error inner = { ST_OK, "" };
    sotay_error error = { 0 };
    st_err err = client_begin(p->client, true, &inner);
    if (err == ST_OK && is_gone)
        err = book_delete(&p->client->book, key, &inner);
    if (err == ST_OK && !is_gone && port->put(port->context, name, bytes, &error) != SOTAY_OK)
        err = ST_E_STORAGE;
    if (err == ST_OK)
        err = client_commit(p->client, &inner);
    else
        client_abort(p->client);
    int rc = sim_settle(w, p, port_give(err, &inner, &error));
    return sim_is_saved(p, rc);
}

/* Is the row as it should be after a sync? Who is told nothing, and has forgotten the catalogue,
 * keeps what there is. A disk that does not give it says nothing of it. */
static bool is_mended(sim_phone *p, const book_key *key, bool is_told)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 64u << 20);
    if (!is_told || !p->exists || p->tap->is_dead || client_begin(p->client, false, NULL) != ST_OK)
        return true;
    st_err err = book_get(&p->client->book, key, &arena, &value, NULL);
    bool is_damaged = book_is_damage(&p->client->book, err);
    client_abort(p->client);
    st_arena_reset(&arena);
    return !is_damaged && err != ST_E_NOT_FOUND;
}

/* A sync looks through them first. The phone goes without until then in the unit tests. */
static void tear_device(sim_world *w, sim_phone *p, sim_random *r)
{
    book_key key;
    uint32_t count = 0;
    (void)find_device(p, UINT32_MAX, &key, &count);
    if (count == 0 || !find_device(p, sim_pick(r, count), &key, &count))
        return;
    if (!tear(w, p, &key, false))
        return;
    sim_say(w, " a device");
    sim_count(w, SIM_TORN);
    bool is_told = sim_may_ask(w, p);
    for (uint32_t i = 0; i < TRIES && (i == 0 || !is_mended(p, &key, is_told)); i++)
        sim_sync_whole(w, p, 0); /* a call of its store failed meanwhile: one of the next does */
    if (!is_mended(p, &key, is_told) && p->last.complete)
        sim_fail(w, "phone %u: whose a device is does not open after its sync", sim_phone_no(w, p));
}

static void tear_line(sim_world *w, sim_phone *p, sim_random *r)
{
    book_key key;
    uint32_t count = 0;
    bool is_gone = sim_chance(r, 400);
    (void)find_line(p, UINT32_MAX, &key, &count);
    if (count == 0 || !find_line(p, sim_pick(r, count), &key, &count) ||
        !tear(w, p, &key, is_gone))
        return;
    sim_say(w, " a line of %02x%02x…%s", key.b[1], key.b[2], is_gone ? " is gone" : "");
    sim_count(w, SIM_TORN);
    p->spoilt.torn = true;
}

/* Sets that a phone keeps and the log has: its own, those of others, those of the catalogue. */
typedef enum { TORN_OWN, TORN_OTHERS, TORN_CATALOGUE } torn_kind;
typedef struct {
    const sim_world *w;
    sim_phone *p;
    model log;
    torn_kind kind;
    book_key key;    /* what was found: */
    sim_holds words;
} kept_search;

static bool is_in_log(const model *log, const st_set *set)
{
    for (size_t i = 0; i < log->sets_count; i++)
        if (st_id_cmp(&log->sets[i].set->device, &set->device) == 0 &&
            memcmp(log->sets[i].set->signature, set->signature, sizeof set->signature) == 0)
            return true;
    return false;
}

/* An own one whose answer did not come is one that the phone has to send. */
static bool is_torn_set(kept_search *s, const st_set *set)
{
    outbox_set own;
    st_err err = outbox_get(&s->p->client->book, &set->device, set->first, &own, NULL);
    bool is_catalogue = strcmp(set->bucket.s, "01477/catalogue") == 0;
    torn_kind kind = err == ST_OK ? TORN_OWN : is_catalogue ? TORN_CATALOGUE : TORN_OTHERS;
    bool waits = err != ST_E_NOT_FOUND && (err != ST_OK || own.status == OUTBOX_UNSENT);
    return kind == s->kind && !waits && is_in_log(&s->log, set);
}

/* The n-th; false: there are not so many (*out_count). */
static bool find_set(kept_search *s, uint32_t n, uint32_t *out_count)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    st_set set;
    uint32_t count = 0;
    st_arena_init(&arena, 64u << 20);
    if (client_begin(s->p->client, false, NULL) == ST_OK)
        while (overlay_set_next(s->p->client, &scan, &arena, &set, NULL) == ST_OK) {
            if (is_torn_set(s, &set) && count++ == n) {
                s->key = scan.at;
                sim_words_of(s->w, set.bytes, set.bytes_len, &s->words);
            }
        }
    client_abort(s->p->client);
    st_arena_reset(&arena);
    *out_count = count;
    return n < count;
}

/* It is lost here, and lies at the office. */
static void tear_set(sim_world *w, sim_phone *p, sim_random *r)
{
    static const torn_kind KINDS[] = { TORN_OWN,    TORN_OWN,    TORN_OWN,    TORN_OWN,
                                       TORN_OTHERS, TORN_OTHERS, TORN_OTHERS, TORN_CATALOGUE };
    kept_search s = { .w = w, .p = p, .kind = KINDS[sim_pick(r, 8)] };
    bool is_gone = sim_chance(r, 300);
    uint32_t count = 0;
    if (!w->is_up)
        return;
    sim_read_log(w, &s.log);
    (void)find_set(&s, UINT32_MAX, &count);
    bool found = count > 0 && find_set(&s, sim_pick(r, count), &count);
    model_free(&s.log);
    if (!found || !tear(w, p, &s.key, is_gone))
        return;
    bool is_own = s.kind == TORN_OWN;
    sim_say(w, " %s set of %02x%02x… %llu%s", is_own ? "its" : "a", s.key.b[1], s.key.b[2],
            (unsigned long long)st_get_u64(s.key.b + 17), is_gone ? " is gone" : "");
    sim_count(w, is_own ? SIM_TORN_OWN : SIM_TORN_FOREIGN);
    sim_holds_add_all(&p->spoilt.words, &s.words);
    p->spoilt.torn = true;
}

static void tear_sets(sim_world *w, sim_phone *p, sim_random *r)
{
    for (uint32_t count = 1 + sim_pick(r, 3); count > 0 && !p->tap->is_dead; count--)
        tear_set(w, p, r);
}

void sim_do_tear(sim_world *w, sim_phone *p, sim_random *r)
{
    bool is_set = plan_tears_sets(w->plan->seed) && sim_chance(r, 600);
    bool is_device = sim_chance(r, 250);
    sim_phone_ready(w, p);
    if (p->tap->is_dead)
        return;
    if (is_set)
        tear_sets(w, p, r);
    else if (is_device)
        tear_device(w, p, r);
    else
        tear_line(w, p, r);
    sim_phone_look(w, p);
}

/* ---- at rest ---- */

/* What is said of one change: its dot, when and in which entry it came, what became of it. */
typedef struct {
    char text[TOLD_BYTES];
    size_t dot_len;
    uint32_t phone;
} sim_told;

typedef struct {
    sim_world *w;
    uint32_t no;
    sim_told *list;
    size_t count;
    struct {
        size_t lines;
        uint32_t phone;
        bool has;
    } whole[1u << SIM_UNITS]; /* by the units that its person reads: each brings lines */
} telling;

/* Copies what stands between two keys behind `from`; NULL: it is not there. */
static const char *copy_between(const char *from, const char *first, const char *behind,
                                char *to, size_t room)
{
    const char *at = strstr(from, first);
    const char *end = at == NULL ? NULL : strstr(at, behind);
    if (end == NULL)
        return NULL;
    (void)snprintf(to, room, "%.*s", (int)(end - at), at);
    return end;
}

/* False: it is in no entry yet, or it is the value that a resolution keeps. */
static bool read_change(const char *at, sim_told *out)
{
    char dot[80], when[100], entry[60], became[160];
    const char *next = strstr(at + 1, "{\"dot\":"), *device = strstr(at, "\"device\":");
    if (device == NULL || (next != NULL && next < device))
        return false;
    const char *end = copy_between(at, "\"dot\":", ",", dot, sizeof dot);
    if (end != NULL)
        end = copy_between(end, "\"received_at\":", ",", when, sizeof when);
    if (end != NULL)
        end = copy_between(end, "\"log_index\":", ",", entry, sizeof entry);
    if (end != NULL)
        end = copy_between(end, "\"verdict\":", ",\"ops\":", became, sizeof became);
    if (end == NULL || strstr(entry, "null") != NULL)
        return false;
    (void)snprintf(out->text, sizeof out->text, "%s %s %s %s", dot, when, entry, became);
    out->dot_len = strlen(dot);
    return true;
}

static void compare(telling *t, const sim_told *one)
{
    for (size_t i = 0; i < t->count; i++) {
        const sim_told *other = &t->list[i];
        if (other->dot_len != one->dot_len || memcmp(other->text, one->text, one->dot_len) != 0)
            continue;
        if (strcmp(other->text, one->text) != 0)
            sim_fail(t->w, "record r%u: phone %u says %s and phone %u %s", t->no, one->phone,
                     one->text, other->phone, other->text);
        return;
    }
    if (t->count < CHANGES_MAX)
        t->list[t->count++] = *one;
}

/* Who reads the same units, and has all of the record, has as many lines of it. But what was
 * declined in another bucket, which one of them read as it stands, is told by those alone who read
 * the log. */
static void compare_count(telling *t, const sim_phone *p, size_t lines)
{
    unsigned units = 0;
    for (unsigned i = 0; i < SIM_UNITS; i++)
        units |= t->w->may_read[p->person][i] ? 1u << i : 0;
    if (t->whole[units].has && t->whole[units].lines != lines)
        sim_fail(t->w, "record r%u: phone %u tells %zu changes and phone %u %zu", t->no,
                 sim_phone_no(t->w, p), lines, t->whole[units].phone, t->whole[units].lines);
    t->whole[units].has = true;
    t->whole[units].lines = lines;
    t->whole[units].phone = sim_phone_no(t->w, p);
}

/* A line that was made wrong, and on which nobody has decided, is said to be damaged. */
static void tell(telling *t, sim_phone *p)
{
    char *json = NULL;
    size_t lines = 0;
    sotay_error error = { 0 };
    int rc = sotay_history(p->client, &t->w->records[t->no].id, SOTAY_JSON, &json, &error);
    if (rc != SOTAY_OK && !(rc == SOTAY_E_CORRUPT && p->spoilt.torn))
        sim_fail(t->w, "record r%u: its history is not told on phone %u: %s", t->no,
                 sim_phone_no(t->w, p), error.detail);
    for (const char *at = json; rc == SOTAY_OK && (at = strstr(at, "{\"dot\":")) != NULL; at++) {
        sim_told one = { .phone = sim_phone_no(t->w, p) };
        if (!read_change(at, &one))
            continue;
        compare(t, &one);
        lines += strstr(one.text, "\"declined\"") == NULL ? 1 : 0;
    }
    if (rc == SOTAY_OK && !p->spoilt.torn && strstr(json, "\"complete\":true") != NULL)
        compare_count(t, p, lines);
    sotay_text_free(json);
}

void sim_check_told(sim_world *w, store_txn *txn, uint32_t no)
{
    telling t = { .w = w, .no = no };
    if (!plan_tears(w->plan->seed))
        return;
    t.list = sim_must(calloc(CHANGES_MAX, sizeof *t.list));
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *p = &w->phones[i];
        if (p->exists && w->may_read[p->person][w->records[no].unit] && !sim_is_closed(txn, p))
            tell(&t, p);
    }
    free(t.list);
}
