/* tests/sim/forgotten.c - units that were taken from an officer. Promises that a phone that had
 * read one shows nothing of it any more but its own work, and that no value in its store says a
 * word that somebody else wrote there, but where its own held work repeats it. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "client-lib/src/client.h"
#include "client-lib/src/outbox.h"
#include "tests/sim/model.h"

/* ---- a unit is taken away ---- */

static bool give_unit(sim_world *w, uint32_t person, uint32_t unit)
{
    if (w->may_read[person][unit])
        return true;
    if (SIM_CTL(w, "assign", SIM_LOGINS[person], SIM_UNIT_NAMES[unit]) != 0) {
        w->is_scope_unsure = true;
        return false;
    }
    sim_count(w, SIM_SCOPE_GIVEN);
    sim_set_reads(w, person, unit, true);
    return true;
}

/* A phone of somebody else. */
static sim_phone *other_phone(sim_world *w, const sim_phone *p, sim_random *r)
{
    size_t first = sim_pick(r, (uint32_t)w->phones_count);
    for (size_t i = 0; i < w->phones_count; i++) {
        sim_phone *q = &w->phones[(first + i) % w->phones_count];
        if (q->exists && q->person != p->person)
            return q;
    }
    return NULL;
}

static void write_record(sim_world *w, sim_phone *p, uint32_t unit)
{
    char place[16];
    sotay_error error = { 0 };
    if (w->records_count == SIM_RECORDS_MAX)
        return;
    sim_phone_writes(w, p);
    uint32_t mark = sim_mark_new(w, place);
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", place } };
    const sotay_pairs pairs = { list, 2 };
    sim_record *record = &w->records[w->records_count];
    int rc =
        sotay_record_new(p->client, "visit", SIM_UNIT_NAMES[unit], pairs, &record->id, &error);
    rc = sim_done(w, p, rc, &error);
    if (sim_is_saved(p, rc))
        sim_mark_keep(w, p, mark);
    if (rc != SOTAY_OK)
        return;
    record->unit = unit;
    record->maker = sim_phone_no(w, p);
    w->records_count++;
}

/* Somebody else writes in a unit, the officer reads it, and the unit is taken from him. */
void sim_do_take_unit(sim_world *w, sim_phone *p, sim_random *r)
{
    uint32_t unit = 1 + sim_pick(r, SIM_UNITS - 1);
    sim_phone *q = other_phone(w, p, r);
    sim_say(w, " unit %u", unit);
    if (!w->is_up || q == NULL || !give_unit(w, p->person, unit) ||
        !give_unit(w, q->person, unit))
        return;
    sim_sync_whole(w, q, 0);
    write_record(w, q, unit);
    sim_phone_look(w, q);
    sim_sync_whole(w, q, 0);
    sim_sync_whole(w, p, 0);
    if (sim_chance(r, 500))
        write_record(w, p, unit);
    if (SIM_CTL(w, "unassign", SIM_LOGINS[p->person], SIM_UNIT_NAMES[unit]) != 0) {
        w->is_scope_unsure = true; /* killed or a broken disk: it may be done */
        return;
    }
    sim_set_reads(w, p->person, unit, false);
    sim_count(w, SIM_SCOPE_LOST);
}

/* ---- words ---- */

/* A mark is "chu" and five digits (sim_mark_text). */
void sim_words_of(const sim_world *w, const uint8_t *text, size_t len, sim_holds *out)
{
    for (size_t at = 0; at + 8 <= len; at++) {
        uint32_t mark = 0, digits = 0;
        if (memcmp(text + at, "chu", 3) != 0)
            continue;
        while (digits < 5 && text[at + 3 + digits] >= '0' && text[at + 3 + digits] <= '9')
            mark = mark * 10 + text[at + 3 + digits++] - '0';
        if (digits == 5 && mark < w->marks_count)
            sim_holds_add(out, mark);
    }
}

static bool is_own(const sim_phone *p, const uint8_t *device)
{
    for (size_t i = 0; i < p->devices_count; i++)
        if (memcmp(p->devices[i].b, device, sizeof p->devices[i].b) == 0)
            return true;
    return false;
}

static void add_sealed(sim_sealed *sealed, const outbox_set *own)
{
    sotay_id device;
    size_t at = 0;
    memcpy(device.b, own->device.b, sizeof device.b);
    while (at < sealed->count && (sealed->list[at].first != own->first ||
                                  memcmp(&sealed->list[at].device, &device, sizeof device) != 0))
        at++;
    if (at < sealed->count || at == SIM_SEALED_MAX)
        return;
    sealed->list[at].device = device;
    sealed->list[at].first = own->first;
    sealed->count++;
}

void sim_note_sealed(sim_phone *p)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    outbox_set own;
    const uint32_t die_in = p->tap->die_in, fail_in = p->tap->fail_in;
    p->tap->die_in = p->tap->fail_in = 0;
    st_err err = client_begin(p->client, false, NULL);
    while (err == ST_OK) {
        err = outbox_next(&p->client->book, &scan, &own, NULL);
        if (err == ST_OK && own.is_closed)
            add_sealed(&p->sealed, &own);
    }
    client_abort(p->client);
    p->tap->die_in = die_in;
    p->tap->fail_in = fail_in;
}

typedef struct {
    sim_holds own;    /* in its own sets, and in what shows them: search texts, rows, documents */
    sim_holds others; /* anywhere else */
} found_words;

static bool is_of_own_work(const sim_phone *p, const book_key *key)
{
    if (key->b[0] == BOOK_SET)
        return key->len > 16 && is_own(p, key->b + 1);
    return key->b[0] == BOOK_FOLD || key->b[0] == BOOK_ROW;
}

static void words_of_store(sim_world *w, sim_phone *p, found_words *out)
{
    memset(out, 0, sizeof *out);
    if (client_begin(p->client, false, NULL) != ST_OK)
        sim_fail(w, "phone %u: its store cannot be read", sim_phone_no(w, p));
    for (int table = 0; table < 256; table++) {
        book_key prefix = book_key_of((uint8_t)table);
        book_scan scan = book_scan_of(&prefix);
        st_err err = table == BOOK_META ? ST_E_NOT_FOUND : ST_OK;
        while (err == ST_OK || err == ST_E_CORRUPT) { /* past a row that was torn */
            st_arena arena;
            book_value value = { NULL, 0 };
            st_arena_init(&arena, (size_t)64 << 20);
            err = book_scan_next(&p->client->book, &scan, &arena, &value, NULL);
            if (err == ST_OK)
                sim_words_of(w, value.data, value.len,
                         is_of_own_work(p, &scan.at) ? &out->own : &out->others);
            st_arena_reset(&arena);
        }
    }
    client_abort(p->client);
}

/* A resolution carries the value that it keeps, an amendment the one that it corrects: as long as
 * one is held it stays open with its set (docs/protocol.md 7.13). */
static bool is_repeated(const model *m, const sim_phone *p, const char *word)
{
    bool says = false;
    for (size_t i = 0; i < p->devices_count && !says; i++)
        says = model_held_says(m, p->devices[i].b, word);
    return says;
}

/* None of these words may be one that somebody else wrote in the unit. */
static void check_words(sim_world *w, const model *m, sim_phone *p, uint32_t unit,
                        const found_words *words, const char *where)
{
    char bucket[64];
    (void)snprintf(bucket, sizeof bucket, "01477/unit/%s", SIM_UNIT_NAMES[unit]);
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        bool is_elsewhere = sim_holds_has(&words->others, i);
        if ((!is_elsewhere && !sim_holds_has(&words->own, i)) || sim_holds_has(&p->holds, i))
            continue;
        sim_mark_text(i, word);
        const st_set *set = model_saying(m, word);
        if (set == NULL || strcmp(set->bucket.s, bucket) != 0 || is_own(p, set->device.b))
            continue;
        if (is_elsewhere || !is_repeated(m, p, word))
            sim_fail(w, "phone %u lost unit %u and %s says '%s' of somebody else",
                     sim_phone_no(w, p), unit, where, word);
    }
}

/* ---- one phone, one unit ---- */

static bool has_read(sim_world *w, sim_phone *p, uint32_t unit)
{
    char bucket[64];
    bool has = false;
    (void)snprintf(bucket, sizeof bucket, "01477/unit/%s", SIM_UNIT_NAMES[unit]);
    book_key key = book_key_text(BOOK_BUCKET, bucket);
    if (client_begin(p->client, false, NULL) != ST_OK ||
        book_has(&p->client->book, &key, &has, NULL) != ST_OK)
        sim_fail(w, "phone %u: its store cannot be read", sim_phone_no(w, p));
    client_abort(p->client);
    return has;
}

static bool has_draft(sim_phone *p, const sotay_id *record)
{
    char *text = NULL;
    bool has = sotay_draft_get(p->client, record, SOTAY_TEXT, &text, NULL) == SOTAY_OK;
    sotay_text_free(text);
    return has;
}

static void check_record(sim_world *w, const model *m, sim_phone *p, uint32_t no)
{
    char *json = NULL;
    st_id id;
    found_words words;
    const sim_record *record = &w->records[no];
    memset(&words, 0, sizeof words);
    memcpy(id.b, record->id.b, sizeof id.b);
    int rc = sotay_show(p->client, &record->id, SOTAY_JSON, &json, NULL);
    if (rc == SOTAY_E_NOT_FOUND)
        return;
    if (rc == SOTAY_E_CORRUPT && p->spoilt.torn)
        return; /* own work whose set was torn here, and which nobody may bring again */
    if (rc != SOTAY_OK || (!sim_has_own_held(m, &id, p) && !has_draft(p, &record->id)))
        sim_fail(w, "phone %u lost unit %u and shows record r%u: %s %.300s", sim_phone_no(w, p),
                 record->unit, no, sotay_code_name(rc), json == NULL ? "" : json);
    sim_words_of(w, (const uint8_t *)json, strlen(json), &words.own);
    check_words(w, m, p, record->unit, &words, "a record");
    sotay_text_free(json);
}

void sim_check_forgotten(sim_world *w, store_txn *txn, const model *m)
{
    for (size_t n = 0; n < w->phones_count; n++) {
        sim_phone *p = &w->phones[n];
        found_words words;
        bool is_read = false;
        if (!p->exists || sim_is_closed(txn, p))
            continue;
        for (uint32_t unit = 0; unit < SIM_UNITS; unit++) {
            if (w->may_read[p->person][unit] || !has_read(w, p, unit))
                continue;
            if (!is_read)
                words_of_store(w, p, &words);
            is_read = true;
            check_words(w, m, p, unit, &words, "its store");
            for (uint32_t no = 0; no < w->records_count; no++)
                if (w->records[no].unit == unit)
                    check_record(w, m, p, no);
            sim_count(w, SIM_FORGOTTEN);
        }
    }
}
