/* server/http/tally.c - promises that a key is counted as often as it entered and did not leave.
 * Looks through one short table under a lock: as many rows as there may be connections. */
#include "server/http/tally.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t key[TALLY_KEY_BYTES];
    unsigned count;            /* 0: the row is free */
} tally_row;

struct tally {
    pthread_mutex_t lock;
    unsigned room, each;
    unsigned used;             /* no row from here on was ever used */
    tally_row rows[];
};

tally *tally_new(unsigned room, unsigned each)
{
    assert(room > 0 && each > 0);
    tally *t = calloc(1, sizeof *t + room * sizeof t->rows[0]);
    if (t == NULL)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->room = room;
    t->each = each;
    return t;
}

void tally_free(tally *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* The row of a key, else a free one, else NULL. */
static tally_row *find_row(tally *t, const uint8_t *key)
{
    tally_row *free_row = NULL;
    for (unsigned i = 0; i < t->used; i++) {
        tally_row *row = &t->rows[i];
        if (row->count > 0 && memcmp(row->key, key, TALLY_KEY_BYTES) == 0)
            return row;
        if (row->count == 0 && free_row == NULL)
            free_row = row;
    }
    if (free_row == NULL && t->used < t->room)
        free_row = &t->rows[t->used++];
    return free_row;
}

bool tally_enter(tally *t, const uint8_t *key)
{
    pthread_mutex_lock(&t->lock);
    tally_row *row = find_row(t, key);
    bool enters = row != NULL && row->count < t->each;
    if (enters && row->count == 0)
        memcpy(row->key, key, TALLY_KEY_BYTES);
    if (enters)
        row->count++;
    pthread_mutex_unlock(&t->lock);
    return enters;
}

void tally_leave(tally *t, const uint8_t *key)
{
    pthread_mutex_lock(&t->lock);
    tally_row *row = find_row(t, key);
    assert(row != NULL && row->count > 0);
    row->count--;
    pthread_mutex_unlock(&t->lock);
}

void tally_clear(tally *t)
{
    pthread_mutex_lock(&t->lock);
    memset(t->rows, 0, t->used * sizeof t->rows[0]);
    t->used = 0;
    pthread_mutex_unlock(&t->lock);
}
