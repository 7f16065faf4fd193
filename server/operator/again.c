/* server/operator/again.c - the operator's words that took rights away are said again. Promises
 * that words whose entry the log has are not said a second time, since a right that was given back
 * after them would go once more; that none is lost when it is broken off; and that a
 * folder whose notes are not its own gives nobody a right. */
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
    st_error *error;
    st_err err;
} telling;

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

static bool say(const telling *t, const char *text)
{
    char copy[SIDE_WORDS_BYTES], *rest = NULL;
    const char *argv[WORDS_MAX];
    size_t argc = 0;
    st_buffer out, err;
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL && argc < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    if (!takes_away(argv, argc))
        return false;
    st_buffer_init(&out, ANSWER_BYTES_MAX);
    st_buffer_init(&err, ANSWER_BYTES_MAX);
    operator_call call = { .rooms = t->rooms, .argv = argv, .argc = argc, .lang = t->lang,
                           .out = &out, .err = &err };
    bool done = operator_run(&call) == 0;
    st_buffer_free(&out);
    st_buffer_free(&err);
    return done;
}

/* What is said notes itself anew, with its new place. */
static bool look_at(void *context, const side_words *words)
{
    telling *t = context;
    bool is_here = words->has_place &&
                   words->index <= sync_epoch_cut(t->rows, t->rows_count, words->epoch);
    if (!is_here && say(t, words->text))
        t->said(words->text);
    else
        t->err = side_add_words(t->rooms->dir, words, t->error);
    return t->err == ST_OK;
}

st_err operator_say_again(server *rooms, const char *lang, void (*said)(const char *words),
                          st_error *error)
{
    store_txn txn = { 0 };
    st_arena arena;
    telling t = { .rooms = rooms, .lang = lang, .said = said, .error = error };
    if (own_clock_is_closed(rooms->sync.clock) || !side_has_again(rooms->dir))
        return ST_OK;
    st_arena_init(&arena, ROWS_ARENA_BYTES);
    st_err err = store_begin(rooms->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_epochs_read(&txn, &arena, &t.rows, &t.rows_count, error);
    store_end(&txn);
    if (err == ST_OK)
        err = side_each_again(rooms->dir, look_at, &t, error);
    if (err == ST_OK)
        err = t.err;
    st_arena_reset(&arena);
    return err == ST_OK ? side_again_done(rooms->dir, error) : err;
}
