/* tests/unit/client-lib/trial.h - a scene of the phone's inside, tried on copies of one phone: the
 * first piece of memory is refused, then the second; the first call of the store fails, that writes
 * or that reads, then the second. Every time it says so and the store is as before, or it goes well
 * and the store is as it would have been.
 * Whoever includes it says what is in `struct bench`: a trial first. The program's name ends in
 * faults, so that the linker puts tests/support/failing.h between. */
#ifndef SOTAY_TESTS_TRIAL_H
#define SOTAY_TESTS_TRIAL_H

#include "client-lib/src/outbox.h"
#include "tests/unit/client-lib/rows.h"
#include "tests/unit/client-lib/stumble.h"

#define TRIAL_TABLES 128

typedef struct bench bench;

typedef struct {
    phone *from;      /* as it was */
    phone copy;       /* on which the scene is tried */
    sotay_sync *sync; /* of the copy, where a scene wants one */
} trial;

typedef struct {
    const char *why;
    st_err (*what)(bench *b, st_error *error);
    bool in_sync; /* it needs a sync */
    bool only_reads, only_writes;
    bool is_alone;     /* it opens transactions itself */
    bool is_long;      /* several commits: each place fails once, not each call */
    bool talks;        /* something is said after the commit */
    uint64_t patience; /* so many calls are tried one by one, then fewer and fewer; 0: all */
} scene;

/* Does each call fail once, or each place, however often it is passed? Where there is time, each
 * place as well, after a few of many calls were tried. */
typedef enum { TRIAL_CALLS, TRIAL_PLACES } trial_kind;

/* Own sets of a phone that has sent some, and has one that it sent never. */
static inline void trial_find_own(phone *p, outbox_set *out_sent, outbox_set *out_unsent)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    outbox_set own;
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    while (outbox_next(&p->client->book, &scan, &own, NULL) == ST_OK)
        *(own.status == OUTBOX_SENT ? out_sent : out_unsent) = own;
    client_abort(p->client);
    assert_true(out_sent->position > 0);
    assert_true(out_unsent->first > 0 && out_unsent->status == OUTBOX_UNSENT);
}

static inline void trial_open(trial *t, const scene *s)
{
    memset(&t->copy, 0, sizeof t->copy);
    assert_int_equal(sotay_memory_copy(&t->from->port, false, &t->copy.port, NULL), SOTAY_OK);
    phone_open(&t->copy);
    t->sync = NULL;
    if (s->in_sync)
        assert_int_equal(sotay_sync_begin(t->copy.client, &t->sync, NULL), SOTAY_OK);
}

static inline void trial_close(trial *t)
{
    sotay_sync_free(t->sync);
    phone_free(&t->copy);
}

/* Bytes in front of what is sealed to the server: that is other bytes each time. */
static inline size_t trial_open_bytes(int table, size_t len)
{
    size_t open = table == BOOK_PARCEL ? 33 : table == BOOK_CLOSED ? 40 : len;
    return len < open ? len : open;
}

/* All keys of the store, and the bytes of all values, as one number; without what the device notes
 * of itself (clocks, counters that were reserved) when it is said so. */
static inline uint64_t trial_fingerprint(phone *p, bool without_self)
{
    uint64_t sum = 14695981039346656037u;
    st_error error = { ST_OK, "" };
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    for (int table = 1; table < TRIAL_TABLES; table++) {
        book_key prefix = book_key_of((book_table)table);
        book_scan scan = book_scan_of(&prefix);
        while (table != BOOK_META && !(without_self && table == BOOK_SELF)) {
            st_arena arena;
            book_value value = { NULL, 0 };
            st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
            st_err err = book_scan_next(&p->client->book, &scan, &arena, &value, &error);
            for (size_t i = 0; err == ST_OK && i < scan.at.len; i++)
                sum = (sum ^ scan.at.b[i]) * 1099511628211u;
            size_t len = trial_open_bytes(table, value.len);
            for (size_t i = 0; err == ST_OK && i < len; i++)
                sum = (sum ^ value.data[i]) * 1099511628211u;
            st_arena_reset(&arena);
            if (err != ST_OK)
                break;
        }
    }
    client_abort(p->client);
    return sum;
}

/* The scene and its end, as the library does it. */
static inline st_err trial_play(bench *b, const scene *s)
{
    trial *t = (trial *)b;
    st_error error = { ST_OK, "" };
    if (s->is_alone)
        return s->what(b, &error);
    st_err err = client_begin(t->copy.client, !s->only_reads, &error);
    if (err == ST_OK)
        err = s->what(b, &error);
    if (err == ST_OK && !s->only_reads)
        return client_commit(t->copy.client, &error);
    client_abort(t->copy.client);
    return err;
}

/* What became of the store. True: the scene is done, and the next try needs a new copy. */
static inline bool trial_look(bench *b, const scene *s, st_err err, const uint64_t prints[2])
{
    uint64_t now = trial_fingerprint(&((trial *)b)->copy, s->is_long);
    bool is_done = err == ST_OK || (s->talks && now == prints[1]); /* the last word was not said */
    if (now != prints[is_done])
        fail_msg("%s: %s, the store is neither as before nor as after", s->why, st_err_name(err));
    return is_done;
}

/* prints: the store before and after it. */
static inline void trial_sweep_one(bench *b, const scene *s, stumble_way how, trial_kind kind,
                                   const uint64_t prints[2])
{
    trial *t = (trial *)b;
    uint64_t n = kind == TRIAL_PLACES ? STUMBLE_IN_NEW_PLACE : 1, failed = 0;
    bool refused = true;
    trial_open(t, s);
    while (refused) {
        stumble_arm(how, &t->copy, n);
        st_err err = trial_play(b, s);
        refused = stumble_disarm(&t->copy) || err != ST_OK;
        if (err != ST_OK && err != ST_E_MEMORY && err != ST_E_STORAGE && err != ST_E_TOO_LARGE)
            fail_msg("%s: %d of %s: %s", s->why, (int)n, STUMBLE_NAMES[how], st_err_name(err));
        failed += err != ST_OK;
        if (trial_look(b, s, err, prints) && refused) { /* it went without */
            trial_close(t);
            trial_open(t, s);
        }
        if (kind == TRIAL_CALLS)
            n += 1 + (s->patience > 0 ? n / s->patience : 0);
    }
    trial_close(t);
    print_message("  %s: %d times, %s\n", s->why, (int)failed, STUMBLE_NAMES[how]);
    assert_true(failed > 0 || kind == TRIAL_PLACES); /* other scenes pass the same places */
}

static inline void trial_sweep_ways(bench *b, const scene *s, const uint64_t prints[2])
{
    for (stumble_way how = 0; how < STUMBLE_WAYS; how++) {
        if ((how == STUMBLE_STORE && s->only_reads) || (how == STUMBLE_READING && s->only_writes))
            continue;
        if (!s->is_long)
            trial_sweep_one(b, s, how, TRIAL_CALLS, prints);
        if (s->is_long || (s->patience > 0 && stumble_has_time()))
            trial_sweep_one(b, s, how, TRIAL_PLACES, prints);
    }
}

static inline void trial_sweep(bench *b, const scene *scenes, size_t count)
{
    trial *t = (trial *)b;
    for (size_t i = 0; i < count; i++) {
        uint64_t prints[2];
        trial_open(t, &scenes[i]);
        prints[0] = trial_fingerprint(&t->copy, scenes[i].is_long);
        assert_int_equal(trial_play(b, &scenes[i]), ST_OK);
        prints[1] = trial_fingerprint(&t->copy, scenes[i].is_long);
        trial_close(t);
        assert_int_equal(prints[0] == prints[1], scenes[i].only_reads);
        trial_sweep_ways(b, &scenes[i], prints);
    }
}

#endif
