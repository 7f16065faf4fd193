/* server/operator/again.c - the operator's words that took rights away are said again. Promises
 * that words whose entry the log has are not said a second time, since a right that was given back
 * after them would go once more; that none is lost when it is broken off, or when a call fails, and
 * none has to wait for another; and that a folder whose notes are not its own gives nobody a
 * right. */
#include "server/operator/again.h"

#include <stdio.h>
#include <string.h>

#include "server/operator/operator.h"
#include "server/sync/epoch.h"
#include "server/sync/side.h"
#include "server/sync/own_clock.h"

#define ROWS_ARENA_BYTES (1u << 20)
#define ANSWER_BYTES_MAX 65536u
#define WORDS_MAX 8u

typedef struct {
    server *rooms;
    const char *lang;
    void (*said)(const char *words);
    const st_epoch *rows;
    uint32_t rows_count;
    uint64_t size;             /* of the log, before any of them was said */
    st_error *error;           /* of the first that failed */
    st_err err;
} telling;

/* What came of words that were said. */
typedef enum { WORDS_IN_VAIN, WORDS_DONE, WORDS_SO_ALREADY } words_fate;

/* Such words as the verbs note. Whatever else a folder has in their place gives nobody a right; nor
 * does a lift, which has a word more: what the office declined before it may be lost, so it looks,
 * and lifts again. */
static bool takes_away(const char *const *argv, size_t argc)
{
    static const char *const VERBS[][2] = { { "device", "revoke" },
                                            { "device", "suspend" },
                                            { "user", "disable" } };
    if (argc != 3)
        return false;
    if (strcmp(argv[0], "role") == 0)
        return argv[1][0] != '-' && argv[2][0] == '-' && argv[2][1] != '-';
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strcmp(argv[0], VERBS[i][0]) == 0 && strcmp(argv[1], VERBS[i][1]) == 0)
            return argv[2][0] != '-';
    return false;
}

/* What the book answers to words that mean nothing to it: nobody here has that login, it is so
 * already. All else is a failure, and says nothing of the words. */
static bool is_refusal(int code, const st_error *why)
{
    return code == 2 || why->code == ST_E_NOT_FOUND || why->code == ST_E_STATE ||
           why->code == ST_E_VALUE;
}

/* It is so in this log; but a role that somebody disabled has counts again with him. */
static bool is_so(const operator_call *call)
{
    return call->why.code == ST_E_STATE && strcmp(call->argv[0], "role") != 0;
}

/* Said without its note it would be forgotten by the next restore: then it is looked at once more,
 * found to be so, and noted. */
static st_err judge(const operator_call *call, int code, const char *text, st_error *error)
{
    if (code == 0 && call->is_unnoted)
        return st_fail(error, ST_E_STORAGE, "%.80s: the note beside the store failed", text);
    if (code == 0 || is_refusal(code, &call->why))
        return ST_OK;
    const st_err err = call->why.code != ST_OK ? call->why.code : ST_E_SERVER;
    return st_fail(error, err, "%.60s: %.80s", text, call->why.detail);
}

/* *out_fate: done also where the note of it failed. */
static st_err say(const telling *t, const char *text, words_fate *out_fate, st_error *error)
{
    char copy[SIDE_WORDS_BYTES], *rest = NULL;
    const char *argv[WORDS_MAX];
    size_t argc = 0;
    st_buffer out, err;
    *out_fate = WORDS_IN_VAIN;
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL && argc < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    if (!takes_away(argv, argc))
        return ST_OK;
    st_buffer_init(&out, ANSWER_BYTES_MAX);
    st_buffer_init(&err, ANSWER_BYTES_MAX);
    operator_call call = { .rooms = t->rooms, .argv = argv, .argc = argc, .lang = t->lang,
                           .out = &out, .err = &err };
    const int code = operator_run(&call);
    if (code == 0 || is_so(&call))
        *out_fate = code == 0 ? WORDS_DONE : WORDS_SO_ALREADY;
    st_buffer_free(&out);
    st_buffer_free(&err);
    return judge(&call, code, text, error);
}

/* What is noted of some words already, when the file is gone through once more. */
typedef struct {
    const side_words *words;
    const uint8_t *epoch;      /* the present one */
    bool is_said;              /* they stand there as said in it */
    bool is_kept;              /* they stand there with their old place */
} noted;

static bool look_up(void *context, const side_words *line)
{
    noted *n = context;
    if (strcmp(line->text, n->words->text) != 0)
        return true;
    const bool is_of_it = memcmp(line->epoch, n->epoch, sizeof line->epoch) == 0;
    n->is_said = n->is_said || (line->has_place && is_of_it);
    n->is_kept = n->is_kept || side_words_same(line, n->words);
    return true;
}

/* What the log has so, whichever entry says it: up to its present end it is known. */
static st_err note_here(const telling *t, const side_words *words, st_error *error)
{
    store_txn txn = { 0 };
    side_words here = *words;
    here.has_place = true;
    memcpy(here.epoch, t->rooms->sync.epoch, sizeof here.epoch);
    st_err err = store_begin(t->rooms->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_log_size(&txn, &here.index, error);
    store_end(&txn);
    return err == ST_OK ? side_add_words(t->rooms->dir, &here, error) : err;
}

/* What is said notes itself anew, with its new place. Nobody gives a right back before all are
 * said: what was said in this epoch is so still. */
static st_err look(const telling *t, const side_words *words, st_error *error)
{
    noted known = { .words = words, .epoch = t->rooms->sync.epoch };
    words_fate fate = WORDS_IN_VAIN;
    st_err err = side_each_kept(t->rooms->dir, look_up, &known, error);
    const bool is_here = words->has_place && words->index <= t->size &&
                         words->index <= sync_epoch_cut(t->rows, t->rows_count, words->epoch);
    if (err == ST_OK && !is_here && known.is_said)
        return ST_OK;
    if (err == ST_OK && !is_here)
        err = say(t, words->text, &fate, error);
    if (fate == WORDS_DONE)
        t->said(words->text);
    if (err == ST_OK && fate == WORDS_SO_ALREADY)
        return note_here(t, words, error);
    if (err != ST_OK || fate == WORDS_DONE || known.is_kept)
        return err;
    return side_add_words(t->rooms->dir, words, error);
}

/* One that fails holds up no other. */
static bool look_at(void *context, const side_words *words)
{
    telling *t = context;
    st_error why = { 0 };
    const st_err err = look(t, words, t->err == ST_OK ? t->error : &why);
    if (t->err == ST_OK)
        t->err = err;
    return true;
}

st_err operator_say_again(server *rooms, const char *lang, void (*said)(const char *words),
                          st_error *error)
{
    store_txn txn = { 0 };
    st_arena arena;
    telling t = { .rooms = rooms, .lang = lang, .said = said, .error = error };
    bool has_again = false;
    if (own_clock_is_closed(rooms->sync.clock))
        return ST_OK;
    st_err err = side_has_again(rooms->dir, &has_again, error);
    if (err != ST_OK || !has_again)
        return err;
    st_arena_init(&arena, ROWS_ARENA_BYTES);
    err = store_begin(rooms->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_epochs_read(&txn, &arena, &t.rows, &t.rows_count, error);
    if (err == ST_OK)
        err = sync_log_size(&txn, &t.size, error);
    store_end(&txn);
    if (err == ST_OK)
        err = side_each_again(rooms->dir, look_at, &t, error);
    if (err == ST_OK)
        err = t.err;
    st_arena_reset(&arena);
    return err == ST_OK ? side_again_done(rooms->dir, error) : err;
}
