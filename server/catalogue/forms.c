/* server/catalogue/forms.c - the cache of form definitions.
 * Promises: a form is decoded once; one that was handed out stays where it is until the cache is
 * freed; what a transaction taught is forgotten when it was not committed.
 * Must never hold the lock while calling anybody else. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/catalogue/catalogue.h"
#include "server/store/pack.h"

#define FORMS_BYTES_MAX (64u * 1024u * 1024u)
#define FORMS_MAX 1024u
#define RECORD_BYTES_MAX (64u * 1024u * 1024u)

typedef struct {
    const st_form *form;
    bool is_settled;
} entry;

struct catalogue {
    pthread_rwlock_t lock;
    st_arena arena;
    entry *entries;            /* in the order they came */
    size_t count;
};

st_err catalogue_new(catalogue **out_catalogue, st_error *error)
{
    catalogue *c = calloc(1, sizeof *c);
    entry *entries = calloc(FORMS_MAX, sizeof *entries);
    if (c == NULL || entries == NULL || pthread_rwlock_init(&c->lock, NULL) != 0) {
        free(c);
        free(entries);
        return st_fail(error, ST_E_MEMORY, "catalogue: out of memory");
    }
    c->entries = entries;
    st_arena_init(&c->arena, FORMS_BYTES_MAX);
    *out_catalogue = c;
    return ST_OK;
}

void catalogue_free(catalogue *c)
{
    if (c == NULL)
        return;
    st_arena_reset(&c->arena);
    (void)pthread_rwlock_destroy(&c->lock);
    free(c->entries);
    free(c);
}

/* Under the lock. version 0: the newest. */
static const st_form *find(const catalogue *c, const char *name, uint32_t version)
{
    const st_form *best = NULL;
    for (size_t i = 0; i < c->count; i++) {
        const st_form *form = c->entries[i].form;
        if (strcmp(form->name, name) != 0)
            continue;
        if (version == form->version)
            return form;
        if (version == 0 && (best == NULL || best->version < form->version))
            best = form;
    }
    return version == 0 ? best : NULL;
}

const st_form *catalogue_form(catalogue *c, const char *name, uint32_t version)
{
    if (version == 0)
        return NULL;
    (void)pthread_rwlock_rdlock(&c->lock);
    const st_form *form = find(c, name, version);
    (void)pthread_rwlock_unlock(&c->lock);
    return form;
}

const st_form *catalogue_newest(catalogue *c, const char *name)
{
    (void)pthread_rwlock_rdlock(&c->lock);
    const st_form *form = find(c, name, 0);
    (void)pthread_rwlock_unlock(&c->lock);
    return form;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const st_form *const *)a)->name, (*(const st_form *const *)b)->name);
}

size_t catalogue_forms(catalogue *c, const st_form **out_forms, size_t max)
{
    size_t count = 0;
    (void)pthread_rwlock_rdlock(&c->lock);
    for (size_t i = 0; i < c->count && count < max; i++)
        if (find(c, c->entries[i].form->name, 0) == c->entries[i].form)
            out_forms[count++] = c->entries[i].form;
    (void)pthread_rwlock_unlock(&c->lock);
    qsort(out_forms, count, sizeof *out_forms, by_name);
    return count;
}

/* Under the lock: a copy that stays. */
static st_err keep(catalogue *c, const uint8_t *bytes, size_t len, st_error *error)
{
    const st_form *form = NULL;
    uint8_t *copy = st_arena_copy(&c->arena, bytes, len);
    st_err err = copy == NULL || c->count == FORMS_MAX
                     ? st_fail(error, ST_E_MEMORY, "catalogue: too many forms")
                     : st_form_decode(copy, len, &c->arena, &form, error);
    if (err == ST_OK) {
        c->entries[c->count].form = form;
        c->entries[c->count].is_settled = false;
        c->count++;
    }
    return err;
}

/* Looked at in memory of its own first: verify and rebuild teach what is known again and again. */
st_err catalogue_add(catalogue *c, const uint8_t *bytes, size_t len, st_error *error)
{
    st_arena look;
    const st_form *form = NULL;
    st_arena_init(&look, FORMS_BYTES_MAX);
    st_err err = st_form_decode(bytes, len, &look, &form, error);
    (void)pthread_rwlock_wrlock(&c->lock);
    if (err == ST_OK && find(c, form->name, form->version) == NULL)
        err = keep(c, bytes, len, error);
    (void)pthread_rwlock_unlock(&c->lock);
    st_arena_reset(&look);
    return err;
}

st_err catalogue_learn(catalogue *c, const st_record *record, st_error *error)
{
    const st_value *definition = NULL;
    for (size_t i = 0; i < record->lives_count; i++)
        if (record->lives[i].op.value.kind == ST_VALUE_BYTES) {
            if (definition != NULL)
                return ST_OK;                  /* two definitions: nobody's word counts */
            definition = &record->lives[i].op.value;
        }
    if (definition == NULL)
        return ST_OK;
    st_err err = catalogue_add(c, definition->data, definition->len, error);
    return err == ST_E_MEMORY ? err : ST_OK;   /* an unreadable one serves nobody, no more */
}

void catalogue_settle(catalogue *c, bool committed)
{
    size_t kept = 0;
    (void)pthread_rwlock_wrlock(&c->lock);
    for (size_t i = 0; i < c->count; i++) {
        if (!committed && !c->entries[i].is_settled)
            continue;
        c->entries[kept] = c->entries[i];
        c->entries[kept++].is_settled = true;
    }
    c->count = kept;
    (void)pthread_rwlock_unlock(&c->lock);
}

/* Learns from the record with this id. */
static st_err learn_one(catalogue *c, store_txn *txn, store_slice id, st_error *error)
{
    st_arena arena;
    st_record record;
    store_slice bytes = { 0 };
    st_err err = store_get(txn, STORE_STATE, id, &bytes, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    st_arena_init(&arena, RECORD_BYTES_MAX);
    err = st_record_decode(bytes.data, bytes.len, &arena, &record, error);
    if (err == ST_OK)
        err = catalogue_learn(c, &record, error);
    st_arena_reset(&arena);
    return err;
}

st_err catalogue_read(catalogue *c, store_txn *txn, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key prefix = pack_text(CATALOGUE_FORM);
    st_err err = store_cursor_open(txn, STORE_ROWS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&prefix), error);
    while (err == ST_OK && store_has_prefix(&cursor, pack_key_slice(&prefix))) {
        const uint8_t *key = cursor.key.data;
        err = learn_one(c, txn, store_bytes(key + prefix.len, cursor.key.len - prefix.len),
                        error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    catalogue_settle(c, err == ST_OK);
    return err;
}
