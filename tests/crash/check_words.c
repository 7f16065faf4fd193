/* tests/crash/check_words.c - the words that took rights away, noted beside the store, after a cut.
 * What must hold: all that the office was told of stand there, with their place, to be said again
 * when the book is put back. */
#include <string.h>

#include "server/sync/side.h"
#include "tests/crash/check.h"

typedef struct {
    const char *words;
    bool is_here;
} search;

static bool look(void *context, const side_words *words)
{
    search *s = context;
    s->is_here = words->has_place && strcmp(words->text, s->words) == 0;
    return !s->is_here;
}

bool check_words(crash_case *c)
{
    st_error error = { 0 };
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        search s = { c->owed->items[i].text, false };
        if (c->owed->items[i].kind != OWED_WORDS)
            continue;
        if (side_each_words(c->dir, look, &s, &error) != ST_OK)
            return case_fails(c, "side/words: %s", error.detail);
        if (!s.is_here)
            return case_fails(c, "`%s` is not noted beside the store", s.words);
    }
    return true;
}
