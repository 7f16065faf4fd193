/* tests/sim/yesterday.c - the server goes back to a backup: restored on another machine with a
 * device key of its own, or an old store put in the place of the new one without a word. Promises
 * that what was promised up to the backup is still asked of the server, and what came later of the
 * phones: as sets, and of what they have no set as the state that they show. */
#include "tests/sim/sim.h"

#include <string.h>

#include "client-lib/src/apply.h"
#include "server/sync/address.h"
#include "tests/sim/model.h"

/* A backup of which phones hear the next time that they ask: they keep less for others then. */
static void tell(sim_world *w)
{
    sync_backup note = { .index = w->leaves_count, .is_checked = true };
    st_put_u64(note.id, w->leaves_count + 1);
    if (sync_backup_note(w->rooms.writer, &note, NULL) == ST_OK && !w->disk.is_dead)
        sim_note_log(w);
    sim_server_look(w);
}

void sim_yesterday_take(sim_world *w)
{
    sim_note_log(w);
    w->yesterday = (sim_yesterday){ true, w->disk.synced, w->leaves_count, w->taken_count,
                                    w->shown_count, w->disk.side_log_keys.count, { 0 } };
    for (size_t i = 0; i < w->disk.pieces_count; i++)
        w->yesterday.pieces[i] = w->disk.pieces[i].is_there;
}

void sim_yesterday_tell(sim_world *w)
{
    sim_yesterday_take(w);
    tell(w);
}

void sim_do_server_backup(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    if (!w->is_up)
        return;
    sim_yesterday_take(w);
    sim_say(w, ": %zu entries", w->leaves_count);
    if (sim_chance(r, 500))
        tell(w);
}

/* ---- words that the backup does not have ---- */

typedef struct {
    store *s;
    store_txn txn;
    model log;
} book;

/* The book that lies on the disk now, while no server runs. */
static void book_open(sim_world *w, book *b)
{
    char why[256] = "";
    memset(b, 0, sizeof *b);
    if (store_open(w->disk.dir, STORE_READ, &b->s, NULL) != ST_OK ||
        store_begin(b->s, STORE_READ_TXN, &b->txn, NULL) != ST_OK ||
        !model_read(&b->log, &b->txn, why))
        sim_fail(w, "the book that is put away cannot be read: %s", why);
}

static void book_close(book *b)
{
    model_free(&b->log);
    store_end(&b->txn);
    store_close(b->s);
}

static bool holds_in_a_record(sim_world *w, sim_phone *p, const char *word)
{
    bool found = false;
    for (size_t i = 0; i < w->records_count && !found; i++) {
        char *json = NULL;
        if (sotay_show(p->client, &w->records[i].id, SOTAY_JSON, &json, NULL) == SOTAY_OK)
            found = strstr(json, word) != NULL;
        sotay_text_free(json);
    }
    return found;
}

/* The words of what stands in a table of a phone. */
static void words_of_table(sim_world *w, sim_phone *p, book_table table, sim_holds *out)
{
    book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    st_err err = client_begin(p->client, false, NULL);
    memset(out, 0, sizeof *out);
    while (err == ST_OK) {
        st_arena arena;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, 64u << 20);
        err = book_scan_whole(&p->client->book, &scan, &arena, &value, NULL);
        if (err == ST_OK)
            sim_words_of(w, value.data, value.len, out);
        st_arena_reset(&arena);
    }
    client_abort(p->client);
}

void sim_base_words(sim_world *w, sim_phone *p, sim_holds *out)
{
    words_of_table(w, p, BOOK_BASE, out);
}

/* The words of the sets that a history of the phone names: it was brought these, and keeps them. */
static void words_of_lines(sim_world *w, sim_phone *p, const model *log, sim_holds *out)
{
    book_key prefix = book_key_of(BOOK_HIST);
    book_scan scan = book_scan_of(&prefix);
    st_err err = client_begin(p->client, false, NULL);
    memset(out, 0, sizeof *out);
    while (err == ST_OK) {
        st_arena arena;
        apply_line line;
        st_arena_init(&arena, 64u << 20);
        err = apply_line_next_whole(p->client, &scan, &arena, &line, NULL);
        for (size_t i = 0; err == ST_OK && i < log->sets_count; i++) {
            const st_set *set = log->sets[i].set;
            if (set->first == line.first && st_id_cmp(&set->device, &line.device) == 0)
                sim_words_of(w, set->bytes, set->bytes_len, out);
        }
        st_arena_reset(&arena);
    }
    client_abort(p->client);
}

/* Who has received a word holds it too: it must come back from him. Where he has a state alone,
 * from a snapshot or since the set was torn, he can but show it. */
static void note_receiver(sim_world *w, sim_phone *p, const model *log, const sim_holds *lost)
{
    sim_holds states, sets, lines;
    sim_base_words(w, p, &states);
    words_of_table(w, p, BOOK_SET, &sets);
    words_of_lines(w, p, log, &lines);
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        sim_mark_text(i, word);
        if (!sim_holds_has(lost, i) || !holds_in_a_record(w, p, word))
            continue;
        bool keeps = sim_holds_has(&sets, i) ||
                     (sim_holds_has(&lines, i) && !sim_holds_has(&p->spoilt.words, i));
        if (!keeps && sim_holds_has(&states, i))
            sim_holds_add(&p->states, i);
        else
            sim_holds_add(&p->holds, i);
    }
}

static void note_receivers(sim_world *w, book *now, const sim_holds *lost)
{
    for (size_t n = 0; n < w->phones_count; n++) {
        sim_phone *p = &w->phones[n];
        if (!p->exists || sim_phone_is_copied(p) || sim_is_closed(&now->txn, p))
            continue;
        uint32_t die_in = p->tap->die_in, fail_in = p->tap->fail_in;
        p->tap->die_in = p->tap->fail_in = 0;
        note_receiver(w, p, &now->log, lost);
        p->tap->die_in = die_in;
        p->tap->fail_in = fail_in;
    }
}

/* Of what the book lost a phone cannot bring what was torn on it. */
static void forget_torn(sim_world *w, const sim_holds *lost)
{
    for (size_t n = 0; n < w->phones_count; n++) {
        sim_phone *p = &w->phones[n];
        for (size_t i = 0; i < sizeof lost->bits; i++) {
            const uint8_t here = lost->bits[i] & p->spoilt.words.bits[i];
            const uint8_t there = lost->bits[i] & p->backup_spoilt.words.bits[i];
            p->holds.bits[i] &= (uint8_t)~here;
            p->backup_holds.bits[i] &= (uint8_t)~there;
        }
    }
}

/* The older book comes in the place of the one on the disk. */
static void put_back(sim_world *w)
{
    book now, before;
    sim_holds lost;
    memset(&lost, 0, sizeof lost);
    book_open(w, &now);
    w->disk.synced = w->yesterday.image;
    book_open(w, &before);
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        sim_mark_text(i, word);
        if (model_says(&now.log, word) && !model_says(&before.log, word))
            sim_holds_add(&lost, i);
        if (sim_holds_has(&lost, i))
            sim_holds_add(&w->lost_words, i);
        if (sim_holds_has(&w->erased, i) && w->marks[i].erased_at > w->yesterday.leaves)
            sim_holds_add(&w->unsure, i);
    }
    note_receivers(w, &now, &lost);
    forget_torn(w, &lost);
    book_close(&before);
    book_close(&now);
}

/* Only what the backup has can still be asked of the server. */
static void forget_since(sim_world *w)
{
    const sim_yesterday *from = &w->yesterday;
    size_t acks = 0, revoked = 0;
    w->report->counters[SIM_ENTRIES_LOST] += w->leaves_count - from->leaves;
    w->leaves_count = from->leaves;
    w->taken_count = from->taken;
    w->shown_count = from->shown;
    for (size_t i = 0; i < w->acks_count; i++)
        if (w->acks[i].position <= from->leaves)
            w->acks[acks++] = w->acks[i];
    w->acks_count = acks;
    for (size_t i = 0; i < w->revoked_count; i++)
        if (w->revoked[i].index < from->leaves)
            w->revoked[revoked++] = w->revoked[i];
    w->revoked_count = revoked;
    w->is_scope_unsure = true;
    for (size_t i = 0; i < w->disk.pieces_count; i++)
        w->promised_pieces[i] = w->promised_pieces[i] && from->pieces[i];
}

/* Another machine has the pieces of the backup; the same one those that came since, too. */
static void put_pieces_back(sim_world *w, bool is_other_machine)
{
    for (size_t i = 0; i < w->disk.pieces_count; i++) {
        disk_piece *piece = &w->disk.pieces[i];
        piece->is_there = w->yesterday.pieces[i] || (piece->is_there && !is_other_machine);
    }
}

/* Another machine: the keys of the old one but for its device's, and no note of what it showed. */
static void renew_machine(sim_world *w, bool keeps_words)
{
    auth_keys keys;
    st_error error = { 0 };
    if (auth_keys_read(w->disk.dir, &keys, &error) != ST_OK ||
        auth_keys_renew_device(w->disk.dir, &w->port, &keys, &error) != ST_OK)
        sim_fail(w, "keys: %s", error.detail);
    auth_keys_wipe(&keys);
    w->disk.side_size = 0;
    if (!keeps_words)
        st_buffer_clear(&w->disk.side_words);
}

void sim_do_server_restore(sim_world *w, sim_phone *p, sim_random *r)
{
    bool says_so = sim_chance(r, 500), keeps_words = sim_chance(r, 500);
    bool dies = sim_chance(r, 300), dies_after = sim_chance(r, 500);
    int64_t away_ms = sim_between(r, 1000, sim_chance(r, 300) ? 86400 * 1000 : 60000);
    (void)p;
    if (!w->yesterday.exists || w->plan->lies > 0)
        return;
    sim_say(w, ": %zu of %zu entries%s", w->yesterday.leaves, w->leaves_count,
            says_so ? " on another machine" : ", without a word");
    sim_count(w, says_so ? SIM_SERVER_RESTORED : SIM_SERVER_PUT_BACK);
    if (w->disk.side_log_keys.count > w->yesterday.log_keys)
        sim_count(w, SIM_LOG_KEY_AGAIN);
    sim_server_stop(w, away_ms);
    put_back(w);
    w->disk.is_full = w->disk.is_rolled_back = false;
    if (dies)
        w->start_fault = dies_after ? DISK_KILL_AFTER : DISK_KILL_BEFORE;
    put_pieces_back(w, says_so);
    if (says_so)
        renew_machine(w, keeps_words);
    forget_since(w);
    w->restores++;
    w->is_fresh = true;
    w->is_unanswered = false;
}

/* ---- at rest ---- */

void sim_check_states(sim_world *w, store_txn *txn, const model *m)
{
    for (size_t n = 0; n < w->phones_count; n++) {
        const sim_phone *p = &w->phones[n];
        if (!p->exists || sim_is_closed(txn, p))
            continue;
        for (uint32_t i = 0; i < w->marks_count; i++) {
            char word[16];
            sim_mark_text(i, word);
            if (sim_holds_has(&p->states, i) && !sim_holds_has(&w->erased, i) &&
                !model_says(m, word) && !sim_was_shown(w, txn, i))
                sim_fail(w, "'%s' was shown on phone %zu, and the office has neither set nor state",
                         word, n);
        }
    }
}
