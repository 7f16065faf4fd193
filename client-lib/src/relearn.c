/* client-lib/src/relearn.c - mends forms and names (tables FORM and NAME) that are damaged.
 * Promises: what opens is the same afterwards as the base of the catalogue says it.
 * Never: writes when nothing is damaged; is in the way of what needs no damaged row. */
#include "client-lib/src/relearn.h"

#include <string.h>

#include "client-lib/src/evidence.h"
#include "client-lib/src/overlay.h"

static const book_table TABLES[] = { BOOK_FORM, BOOK_NAME };
#define TABLES_COUNT (sizeof TABLES / sizeof TABLES[0])

typedef struct {
    sotay_client *client;
    st_arena arena; /* of the list */
    book_key *keys; /* of rows that do not open */
    size_t count, capacity;
} damaged_rows;

static st_err add(damaged_rows *d, const book_key *key, st_error *error)
{
    book_key *keys = d->keys;
    if (d->count == d->capacity)
        keys = st_arena_grow(&d->arena, keys, d->count, &d->capacity, sizeof *keys);
    if (keys == NULL)
        return st_fail(error, ST_E_MEMORY, "names: no memory");
    d->keys = keys;
    d->keys[d->count++] = *key;
    return ST_OK;
}

static st_err look_at(damaged_rows *d, const book_key *key, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get(&d->client->book, key, &arena, &value, error);
    if (book_is_damage(&d->client->book, err))
        err = add(d, key, error);
    st_arena_reset(&arena);
    return err;
}

static st_err find_damaged(damaged_rows *d, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < TABLES_COUNT; i++) {
        book_key prefix = book_key_of(TABLES[i]);
        book_scan scan = book_scan_of(&prefix);
        while (err == ST_OK) {
            err = book_scan_next(&d->client->book, &scan, NULL, NULL, error);
            if (err == ST_OK)
                err = look_at(d, &scan.at, error);
        }
        err = err == ST_E_NOT_FOUND ? ST_OK : err;
    }
    return err;
}

/* ---- mending ---- */

typedef st_err (*learn)(sotay_client *client, const st_record *record, st_error *error);

static st_err learn_form(sotay_client *client, const st_record *record, st_error *error)
{
    return strcmp(record->form.s, "form") == 0 ? lexicon_learn_form(client, record, error) : ST_OK;
}

static st_err learn_one(sotay_client *client, const st_id *id, learn what, st_error *error)
{
    st_arena arena;
    st_record record;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_base_get(client, id, &arena, &record, error);
    if (book_is_damage(&client->book, err))
        err = ST_OK;
    else if (err == ST_OK && record.created)
        err = what(client, &record, error);
    st_arena_reset(&arena);
    return err;
}

static st_err learn_all(sotay_client *client, learn what, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id id;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        memcpy(id.b, scan.at.b + 1, sizeof id.b);
        if (err == ST_OK)
            err = learn_one(client, &id, what, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Learned is what the base says; rows of which it says nothing stay, for the next one to find. */
static st_err mend(damaged_rows *d, st_error *error)
{
    const size_t before = d->count;
    st_err err = client_begin(d->client, true, error);
    if (err == ST_OK) /* names are read by their forms */
        err = learn_all(d->client, learn_form, error);
    if (err == ST_OK)
        err = learn_all(d->client, lexicon_learn, error);
    d->count = 0;
    if (err == ST_OK)
        err = find_damaged(d, error);
    if (err == ST_OK && d->count < before)
        return client_commit(d->client, error);
    client_abort(d->client);
    return err;
}

/* What the base does not say may be in the log. */
static st_err ask_for(const damaged_rows *d, bool has_server, relearning *io)
{
    io->asks_anew = has_server && d->count > 0;
    return has_server || d->count == 0
               ? ST_OK
               : st_fail(&io->left, ST_E_NOT_FOUND, "names: the catalogue does not say it");
}

st_err relearn_damaged(sotay_client *client, bool has_server, relearning *io, st_error *error)
{
    damaged_rows d = { .client = client };
    if (io->is_over)
        return ST_OK;
    st_err err = client_begin(client, false, error);
    if (err != ST_OK)
        return err;
    st_arena_init(&d.arena, CLIENT_WORK_BYTES_MAX);
    err = find_damaged(&d, &io->left);
    client_abort(client);
    if (err == ST_OK && d.count > 0)
        err = mend(&d, &io->left);
    if (err == ST_OK)
        err = ask_for(&d, has_server, io);
    st_arena_reset(&d.arena);
    io->is_pending = err == ST_PENDING;
    io->is_over = !io->is_pending;
    io->left.code = io->is_pending ? ST_OK : err;
    return io->is_pending ? ST_PENDING : ST_OK; /* whoever needs what is left says why it is */
}

st_err relearn_begin_anew(sotay_client *client, const st_bucket *catalogue, relearning *io,
                          st_error *error)
{
    damaged_rows d = { .client = client };
    st_arena_init(&d.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_damaged(&d, error);
    for (size_t i = 0; err == ST_OK && i < d.count; i++)
        err = book_delete(&client->book, &d.keys[i], error);
    st_arena_reset(&d.arena);
    io->asks_anew = false;
    return err == ST_OK ? evidence_forget(client, catalogue, 0, error) : err;
}

bool relearn_passes(const sotay_client *client, relearning *io)
{
    bool was_pending = io->is_pending;
    io->is_pending = false;
    if (!was_pending || client->finished == ST_OK)
        return client->finished == ST_OK;
    (void)st_fail(&io->left, client->finished, "names: what was learned again could not be kept");
    return io->is_over = true;
}
