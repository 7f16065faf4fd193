/* tests/sim/erase.c - two people of the office destroy what somebody wrote. Promises that a word
 * is taken for erased only when the log had it before and has it no more, and that from then on
 * nothing may bring that set's value back: no phone, carrier, late copy or copy of a store. A copy
 * that had not sealed it yet brings it in another set, which the office would have to erase too. */
#include "tests/sim/sim.h"

#include <string.h>

#include "client-lib/src/client.h"
#include "tests/sim/model.h"

void sim_read_log(sim_world *w, model *m)
{
    store_txn txn = { 0 };
    char why[256] = "";
    if (store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) != ST_OK ||
        !model_read(m, &txn, why))
        sim_fail(w, "the log: %s", why);
    store_end(&txn);
}

/* Words of the log before that it has no more. */
static void note_erased(sim_world *w, const model *before)
{
    model now;
    sim_note_log(w);
    sim_read_log(w, &now);
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        sim_mark_text(i, word);
        const st_set *set = model_saying(before, word);
        if (set == NULL || model_says(&now, word))
            continue;
        w->marks[i].set = set->hash;
        w->marks[i].erased_at = w->leaves_count;
        sim_holds_add(&w->erased, i);
        sim_count(w, SIM_ERASED);
        sim_say(w, " '%s'", word);
    }
    model_free(&now);
}

void sim_do_erase(sim_world *w, sim_phone *p, sim_random *r)
{
    static const char *const PATHS[] = { "place", "general_note", "ratings.m1.evidence",
                                         "ratings.m2.evidence" };
    char hex[33];
    model before;
    uint32_t first = sim_pick(r, SIM_RECORDS_MAX), at = sim_pick(r, 4);
    (void)p;
    if (!w->is_up || w->records_count == 0)
        return;
    /* The office reads what it destroys: a record and a path that say something. */
    for (uint32_t i = 0; i < 4 * w->records_count; i++) {
        uint32_t no = (first + i / 4) % (uint32_t)w->records_count;
        sotay_id_format(&w->records[no].id, hex);
        sim_read_log(w, &before);
        int code = SIM_CTL(w, "erase", hex, PATHS[(at + i) % 4], "--as", "office", "--second",
                           "head", "--basis", "theo đơn");
        bool was_killed = !w->is_up; /* it may be done */
        w->records[no].is_less = w->records[no].is_less || code == 0 || was_killed;
        while (!w->is_up)
            sim_pass(w, 1000); /* looks at what the office has */
        if (code == 0 || was_killed) {
            sim_say(w, " r%u %s", no, PATHS[(at + i) % 4]);
            note_erased(w, &before);
        }
        model_free(&before);
        if (code == 0 || was_killed)
            return;
    }
}

/* What a copy of a store had typed and not sealed is in none of the sets that were erased: its
 * owner may still seal it, or keeps it as a working copy that he left. */
static bool is_not_sealed(const sim_phone *p, int table)
{
    return p->is_branch && table == BOOK_DRAFT;
}

/* Does any value that lies in the phone's store say the word? */
static bool store_says(sim_world *w, sim_phone *p, const char *word)
{
    bool found = false;
    size_t len = strlen(word);
    st_error error = { 0 };
    if (client_begin(p->client, false, &error) != ST_OK)
        sim_fail(w, "phone %u: its store cannot be read: %s", sim_phone_no(w, p), error.detail);
    for (int table = 0; table < 256 && !found; table++) {
        book_key prefix = book_key_of((uint8_t)table);
        book_scan scan = book_scan_of(&prefix);
        bool is_other = table == BOOK_META || sim_is_nobodys(p, table) || is_not_sealed(p, table);
        st_err err = is_other ? ST_E_NOT_FOUND : ST_OK;
        while (err == ST_OK && !found) {
            st_arena arena;
            book_value value = { NULL, 0 };
            st_arena_init(&arena, (size_t)64 << 20);
            err = book_scan_next(&p->client->book, &scan, &arena, &value, &error);
            for (size_t at = 0; err == ST_OK && at + len <= value.len && !found; at++)
                found = memcmp(value.data + at, word, len) == 0;
            st_arena_reset(&arena);
        }
    }
    client_abort(p->client);
    return found;
}

void sim_check_erased(sim_world *w, store_txn *txn, const model *m)
{
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        if (!sim_holds_has(&w->erased, i) || sim_holds_has(&w->unsure, i))
            continue;
        sim_mark_text(i, word);
        const st_set *set = model_saying(m, word);
        if (model_set_says(m, &w->marks[i].set, word))
            sim_fail(w, "'%s' was erased and is in the log again", word);
        for (size_t n = 0; n < w->phones_count && set == NULL; n++) {
            sim_phone *p = &w->phones[n];
            if (!p->exists || sim_is_closed(txn, p))
                continue;
            if (store_says(w, p, word))
                sim_fail(w, "'%s' was erased and is still on phone %zu", word, n);
            sim_count(w, SIM_ERASED_ON_PHONES);
        }
    }
}
