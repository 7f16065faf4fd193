/* server/rooms.c - opens and wires the rooms, and makes a new data folder.
 * Promises: a folder is a store only when everything that `init` writes is in it; what is wrong
 * with the catalogue's files is said before anything is made. Never opens a folder twice. */
#include "server/rooms.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/catalogue/load.h"
#include "server/store/chunks.h"
#include "server/store/dir.h"
#include "server/store/pack.h"
#include "server/sync/epoch.h"
#include "server/sync/fold.h"
#include "server/sync/log_key.h"
#include "server/sync/own_clock.h"

#define LOAD_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define TABLES_MAX 256u
#define FORMS_MAX 256u
#define CHANGES_A_SET 64u

/* Everything that the catalogue's files say, before anything is written. */
typedef struct {
    st_arena arena;
    const st_form *forms[FORMS_MAX];
    st_buffer encoded[FORMS_MAX];
    size_t forms_count;
    catalogue_table tables[TABLES_MAX];
    size_t tables_count;
} loaded;

/* ---- reading the files ---- */

static st_err load_form(loaded *all, catalogue *c, const char *path, st_error *error)
{
    catalogue_text_file file = { path, NULL, 0 };
    char *text = NULL;
    size_t at = all->forms_count;
    if (at == FORMS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "%s: more than %u forms", path, FORMS_MAX);
    st_err err = catalogue_read_file(path, &text, &file.len, error);
    if (err != ST_OK)
        return err;
    file.text = text;
    err = catalogue_parse_form(&file, &all->arena, &all->forms[at], error);
    free(text);
    if (err != ST_OK)
        return err;
    st_buffer_init(&all->encoded[at], ST_FORM_BYTES_MAX);
    all->forms_count++;
    err = st_form_encode(all->forms[at], &all->encoded[at], error);
    if (err == ST_OK)
        err = catalogue_add(c, all->encoded[at].data, all->encoded[at].len, error);
    return err;
}

static st_err load_forms(loaded *all, catalogue *c, const char *dir, st_error *error)
{
    char path[STORE_PATH_BYTES];
    /* What the server itself reads: without them nobody could ever be let in. */
    static const char *const NEEDED[] = { CATALOGUE_FORM, CATALOGUE_PERSON, CATALOGUE_DEVICE,
                                          CATALOGUE_ASSIGNMENT, CATALOGUE_UNIT };
    char **paths = NULL;
    size_t count = 0;
    st_err err = store_dir_path(dir, "forms", path, error);
    if (err == ST_OK)
        err = catalogue_list_files(path, &paths, &count, error);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = load_form(all, c, paths[i], error);
    catalogue_free_files(paths, count);
    for (size_t i = 0; err == ST_OK && i < sizeof NEEDED / sizeof NEEDED[0]; i++)
        if (catalogue_newest(c, NEEDED[i]) == NULL)
            err = st_fail(error, ST_E_NOT_FOUND, "%s: there is no form \"%s\"", path, NEEDED[i]);
    return err;
}

/* form: NULL for JSON, which names it; else the file is a table of that form. */
static st_err load_table(loaded *all, catalogue *c, const char *path, const char *form,
                         st_error *error)
{
    catalogue_text_file file = { path, NULL, 0 };
    char *text = NULL;
    if (all->tables_count == TABLES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "%s: more than %u data files", path, TABLES_MAX);
    st_err err = catalogue_read_file(path, &text, &file.len, error);
    if (err != ST_OK)
        return err;
    catalogue_table *table = &all->tables[all->tables_count];
    file.text = text;
    err = form == NULL ? catalogue_parse_data(c, &file, &all->arena, table, error)
                       : catalogue_parse_table(c, form, &file, &all->arena, table, error);
    free(text);
    if (err == ST_OK)
        all->tables_count++;
    return err;
}

static st_err load_data_dir(loaded *all, catalogue *c, const char *dir, st_error *error)
{
    char path[STORE_PATH_BYTES];
    char **paths = NULL;
    size_t count = 0;
    struct stat st;
    st_err err = catalogue_list_files(dir, &paths, &count, error);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = load_table(all, c, paths[i], NULL, error);
    catalogue_free_files(paths, count);
    if (err == ST_OK)
        err = store_dir_path(dir, "units.tsv", path, error);
    if (err == ST_OK && stat(path, &st) == 0)
        err = load_table(all, c, path, CATALOGUE_UNIT, error);
    else if (err == ST_OK && errno != ENOENT)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    return err;
}

static int is_data_dir(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "forms") != 0;
}

static st_err load_all(loaded *all, catalogue *c, const char *dir, st_error *error)
{
    struct dirent **entries = NULL;
    struct stat st;
    st_err err = load_forms(all, c, dir, error);
    if (err != ST_OK)
        return err;
    int found = scandir(dir, &entries, is_data_dir, alphasort);
    if (found < 0)
        return st_fail(error, ST_E_STORAGE, "%s: cannot be listed", dir);
    for (int i = 0; i < found; i++) {
        char path[STORE_PATH_BYTES];
        if (err == ST_OK)
            err = store_dir_path(dir, entries[i]->d_name, path, error);
        if (err == ST_OK && stat(path, &st) != 0)
            err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
        if (err == ST_OK && S_ISDIR(st.st_mode))
            err = load_data_dir(all, c, path, error);
        free(entries[i]);
    }
    free(entries);
    return err;
}

/* The value of a field in a record of a data file; NULL: it has none. */
static const st_value *drafted(const catalogue_table *table, const catalogue_draft *draft,
                               const char *name)
{
    const st_field *field = st_form_field(table->form, name);
    for (uint32_t i = 0; field != NULL && i < draft->ops_count; i++)
        if (draft->ops[i].path.kind == ST_PATH_FIELD && draft->ops[i].path.field == field->no)
            return &draft->ops[i].value;
    return NULL;
}

static bool says(const st_value *value, const char *text)
{
    return value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
}

/* The code cannot be changed afterwards: it must be that of the catalogue, where that names one. */
static st_err check_commune(const loaded *all, const char *commune, st_error *error)
{
    for (size_t t = 0; t < all->tables_count; t++) {
        const catalogue_table *table = &all->tables[t];
        for (size_t i = 0; strcmp(table->form->name, "setting") == 0 && i < table->count; i++) {
            const st_value *key = drafted(table, &table->drafts[i], "key");
            const st_value *value = drafted(table, &table->drafts[i], "value");
            if (key != NULL && value != NULL && says(key, "commune") && !says(value, commune))
                return st_fail(error, ST_E_VALUE, "the catalogue is that of commune %.*s, not of "
                               "%.32s", (int)value->len, (const char *)value->data, commune);
        }
    }
    return ST_OK;
}

static void unload(loaded *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->forms_count; i++)
        st_buffer_free(&all->encoded[i]);
    st_arena_reset(&all->arena);
    free(all);
}

/* ---- writing what they say ---- */

/* The edits of one form's records, as sets of at most CHANGES_A_SET changes. */
static st_err author_edits(server *srv, const st_form *form, const sync_edit *edits, size_t count,
                           st_error *error)
{
    st_err err = ST_OK;
    sync_draft draft;
    sync_authored authored;
    memset(&draft, 0, sizeof draft);
    memset(&authored, 0, sizeof authored);
    if (form->home == ST_HOME_UNIT || !sync_bucket(&srv->sync, form->home, "", &draft.bucket))
        return st_fail(error, ST_E_VALUE, "catalogue: form \"%s\" holds no catalogue data",
                       form->name);
    draft.role = sync_operator_role(form);
    for (size_t at = 0; err == ST_OK && at < count; at += draft.edits_count) {
        draft.edits = edits + at;
        draft.edits_count = (uint32_t)(count - at < CHANGES_A_SET ? count - at : CHANGES_A_SET);
        err = sync_author(srv->writer, &draft, &authored, error);
    }
    return err;
}

static void form_op(const st_form *holder, const char *field, st_value value, sync_edit *edit)
{
    const st_field *f = st_form_field(holder, field);
    if (f == NULL)
        return;
    st_op *op = &edit->ops[edit->ops_count++];
    op->path.kind = ST_PATH_FIELD;
    op->path.field = f->no;
    op->verb = ST_VERB_SET;
    op->value = value;
}

static st_value bytes_value(st_value_kind kind, const void *data, size_t len)
{
    st_value value;
    memset(&value, 0, sizeof value);
    value.kind = kind;
    value.data = data;
    value.len = (uint32_t)len;
    return value;
}

/* One `form` record: id, version, definition, label. */
static st_err author_form(server *srv, loaded *all, size_t i, st_error *error)
{
    const st_form *holder = catalogue_newest(srv->sync.catalogue, CATALOGUE_FORM);
    const st_form *form = all->forms[i];
    st_op ops[4];
    sync_edit edit;
    st_value version = bytes_value(ST_VALUE_INT, NULL, 0);
    memset(ops, 0, sizeof ops);
    memset(&edit, 0, sizeof edit);
    edit.form = holder;
    edit.ops = ops;
    version.number = form->version;
    form_op(holder, "form_id", bytes_value(ST_VALUE_CODE, form->name, strlen(form->name)), &edit);
    form_op(holder, "version", version, &edit);
    form_op(holder, "definition",
            bytes_value(ST_VALUE_BYTES, all->encoded[i].data, all->encoded[i].len), &edit);
    form_op(holder, "label", bytes_value(ST_VALUE_TEXT, form->vi, strlen(form->vi)), &edit);
    return author_edits(srv, holder, &edit, 1, error);
}

static st_err author_table(server *srv, loaded *all, const catalogue_table *table,
                           st_error *error)
{
    sync_edit *edits = st_arena_array(&all->arena, table->count, sizeof *edits);
    if (edits == NULL)
        return st_fail(error, ST_E_MEMORY, "catalogue: out of memory");
    for (size_t i = 0; i < table->count; i++) {
        edits[i].form = table->form;
        edits[i].ops = table->drafts[i].ops;
        edits[i].ops_count = table->drafts[i].ops_count;
    }
    return author_edits(srv, table->form, edits, table->count, error);
}

/* The form "form" first: it explains the others. */
static st_err author_all(server *srv, loaded *all, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < all->forms_count; i++)
        if (strcmp(all->forms[i]->name, CATALOGUE_FORM) == 0)
            err = author_form(srv, all, i, error);
    for (size_t i = 0; err == ST_OK && i < all->forms_count; i++)
        if (strcmp(all->forms[i]->name, CATALOGUE_FORM) != 0)
            err = author_form(srv, all, i, error);
    for (size_t i = 0; err == ST_OK && i < all->tables_count; i++)
        err = author_table(srv, all, &all->tables[i], error);
    return err;
}

/* ---- meta and the first entry ---- */

typedef struct {
    const rooms_new *wish;
    server *srv;
} init_job;

static st_err run_init(writer_turn *turn, void *argument, st_error *error)
{
    init_job *job = argument;
    sync_room *room = turn->room;
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_INIT;
    row.device = room->keys->device;
    st_err err = store_put(turn->txn, STORE_META, store_text("commune"),
                           store_text(room->commune.s), error);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_META, store_text("epoch"),
                        store_bytes(room->epoch, sizeof room->epoch), error);
    if (err == ST_OK)
        err = store_put(turn->txn, STORE_META, store_text("practice"),
                        store_text(job->wish->is_practice ? "1" : "0"), error);
    if (err == ST_OK)
        err = sync_epoch_first(turn->txn, room, room->keys->device_public, error);
    if (err == ST_OK)
        err = sync_log_append(turn, &row, NULL, error);
    return err;
}

static st_err write_init(server *srv, const rooms_new *wish, st_error *error)
{
    init_job init = { wish, srv };
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_init;
    job.argument = &init;
    return writer_submit(srv->writer, &job, error);
}

static st_err read_meta(server *srv, store_txn *txn, st_error *error)
{
    store_slice commune = { 0 }, epoch = { 0 }, practice = { 0 };
    st_err err = store_get(txn, STORE_META, store_text("commune"), &commune, error);
    if (err == ST_OK)
        err = store_get(txn, STORE_META, store_text("epoch"), &epoch, error);
    if (err == ST_OK)
        err = store_get(txn, STORE_META, store_text("practice"), &practice, error);
    if (err != ST_OK || epoch.len != sizeof srv->sync.epoch
        || !st_code_set(&srv->sync.commune, commune.data, commune.len))
        return err == ST_OK || err == ST_E_NOT_FOUND
                   ? st_fail(error, ST_E_CORRUPT, "%s: commune or epoch cannot be read",
                             srv->dir)
                   : err;
    memcpy(srv->sync.epoch, epoch.data, epoch.len);
    srv->is_practice = practice.len == 1 && memcmp(practice.data, "1", 1) == 0;
    return ST_OK;
}

/* ---- epochs ---- */

/* The keys of the server's own device before now, so that what they signed is known. */
static void keep_former(server *srv, const st_epoch *rows, uint32_t count)
{
    atomic_store(&srv->keys.former_count, 0);
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(rows[i].server_key, srv->keys.device_public, 32) != 0)
            auth_keys_add_former(&srv->keys, rows[i].server_key);
}

typedef struct {
    uint64_t size;                             /* of the log */
    uint8_t server_key[32];                    /* of the newest epoch */
} epoch_now;

/* Of a store that was made before there was a list. */
static st_err write_first_epoch(server *srv, st_error *error)
{
    store_txn txn = { 0 };
    st_err err = store_begin(srv->sync.store, STORE_WRITE_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_epoch_first(&txn, &srv->sync, srv->keys.device_public, error);
    if (err == ST_OK)
        err = store_commit(&txn, error);
    store_end(&txn);
    return err;
}

static st_err read_rows(server *srv, epoch_now *out, uint32_t *out_count, st_error *error)
{
    store_txn txn = { 0 };
    st_arena arena;
    const st_epoch *rows = NULL;
    st_arena_init(&arena, 1u << 20);
    st_err err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_epochs_read(&txn, &arena, &rows, out_count, error);
    if (err == ST_OK)
        err = sync_log_size(&txn, &out->size, error);
    if (err == ST_OK && *out_count > 0) {
        keep_former(srv, rows, *out_count);
        memcpy(out->server_key, rows[*out_count - 1].server_key, 32);
    }
    store_end(&txn);
    st_arena_reset(&arena);
    return err;
}

/* Reads only, as a rule: a server starts on a full disk too. */
static st_err read_epochs(server *srv, epoch_now *out, st_error *error)
{
    uint32_t count = 0;
    st_err err = read_rows(srv, out, &count, error);
    if (err == ST_OK && count == 0)
        err = write_first_epoch(srv, error);
    return err == ST_OK && count == 0 ? read_rows(srv, out, &count, error) : err;
}

/* Is the log shorter than what phones were shown? Then the notes beside it are the newer ones. */
static bool is_shorter(const sync_side *side, const epoch_now *now)
{
    return side_size(side) > now->size;
}

/* A store that was put back: its device signs nothing more. When it is from before the epoch of
 * that device, the epoch is entered first: what the device signed in it comes back from phones. */
static st_err check_rollback(server *srv, const sync_side *side, epoch_now *now, bool *out_back,
                             st_error *error)
{
    static const sync_epoch_wish BACK = { .reason = "the store was put back" };
    st_err err = ST_OK;
    *out_back = side_is_rolled_back(side) || is_shorter(side, now);
    if (!*out_back)
        return ST_OK;
    (void)fprintf(stderr, "sotay: %s: THE STORE WAS PUT BACK: phones were shown %llu entries, here "
                  "are %llu. A new epoch begins; what phones hold comes back by itself.\n",
                  srv->dir, (unsigned long long)side_size(side),
                  (unsigned long long)now->size);
    if (memcmp(now->server_key, srv->keys.device_public, 32) != 0)
        err = sync_epoch_begin(srv->writer, &srv->sync, &BACK, error);
    if (err == ST_OK)
        err = auth_keys_renew_device(srv->dir, srv->sync.port, &srv->keys, error);
    return err == ST_OK ? read_epochs(srv, now, error) : err;
}

/* A device key that the newest epoch does not name begins one: after a restore, or a rollback. */
static st_err check_epoch(server *srv, sync_side *side, st_error *error)
{
    epoch_now now;
    bool is_back = false;
    sync_epoch_wish wish = { .reason = "restored from a backup", .from_backup = true };
    st_err err = read_epochs(srv, &now, error);
    if (err == ST_OK)
        err = check_rollback(srv, side, &now, &is_back, error);
    if (is_back)
        wish = (sync_epoch_wish){ .reason = "the store was put back", .has_cut = true,
                                  .cut = side_put_back_to(side) };
    if (err == ST_OK && is_shorter(side, &now)) /* what took rights away may be lost with it */
        err = side_put_words_off(srv->dir, error);
    if (err == ST_OK && memcmp(now.server_key, srv->keys.device_public, 32) != 0) {
        err = sync_epoch_begin(srv->writer, &srv->sync, &wish, error);
        if (err == ST_OK)
            err = side_set_size(side, now.size, error);
    }
    return err == ST_OK && is_back ? side_unmark(side, error) : err;
}

/* ---- opening ---- */

static st_err start(server *srv, const rooms_how *how, st_error *error)
{
    memset(srv, 0, sizeof *srv);
    if (strlen(how->dir) >= sizeof srv->dir)
        return st_fail(error, ST_E_USAGE, "%.80s…: the path is too long", how->dir);
    memcpy(srv->dir, how->dir, strlen(how->dir) + 1);
    const server_port *port = how->port == NULL ? server_port_system() : how->port;
    srv->sync.port = port;
    srv->sync.progress = how->progress;
    srv->sync.keys = &srv->keys;
    srv->sync.dir = srv->dir;
    port->random(port->context, srv->sync.boot, sizeof srv->sync.boot);
    return catalogue_new(&srv->sync.catalogue, error);
}

st_err rooms_begin(server *srv, st_error *error)
{
    st_err err = sync_log_keys_again(&srv->sync, &srv->log_keys, error);
    if (err == ST_OK)
        err = check_epoch(srv, srv->sync.side, error);
    if (err == ST_OK)
        err = sync_log_keys_note(srv->writer, &srv->sync, &srv->log_keys, error);
    return err;
}

/* Nothing is written while the clock waits; what was signed before can be checked all the same. */
static st_err begin_or_wait(server *srv, st_error *error)
{
    epoch_now now;
    uint32_t count = 0;
    if (own_clock_is_closed(srv->sync.clock))
        return read_rows(srv, &now, &count, error);
    st_err err = rooms_begin(srv, error);
    if (err == ST_OK)
        own_clock_began(srv->sync.clock, true);
    return err;
}

static st_err open_rooms(const rooms_how *how, server *srv, st_error *error)
{
    store_txn txn = { 0 };
    st_err err = start(srv, how, error);
    if (err == ST_OK)
        err = store_open(srv->dir, STORE_WRITE, &srv->sync.store, error);
    if (err == ST_OK)
        err = chunks_tidy(srv->dir, error);
    if (err == ST_OK)
        err = auth_keys_read(srv->dir, &srv->keys, error);
    if (err == ST_OK)
        err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = read_meta(srv, &txn, error);
    if (err == ST_OK)
        err = catalogue_read(srv->sync.catalogue, &txn, error);
    if (err == ST_OK)
        err = sync_log_keys_settle(&txn, &srv->sync, &srv->keys, &srv->log_keys, error);
    if (err == ST_OK)
        err = own_clock_new(srv->sync.port, &srv->sync.clock, error);
    if (err == ST_OK)
        err = own_clock_start(srv->sync.clock, &txn, error);
    store_end(&txn);
    if (err == ST_OK)
        err = side_open(srv->dir, &srv->sync.side, error);
    if (err == ST_OK)
        err = writer_new(&srv->sync, how->threaded, &srv->writer, error);
    return err == ST_OK ? begin_or_wait(srv, error) : err;
}

st_err rooms_open(const rooms_how *how, server *out_server, st_error *error)
{
    st_err err = open_rooms(how, out_server, error);
    if (err != ST_OK)
        rooms_close(out_server);
    return err;
}

static st_err make_rooms(const rooms_how *how, const rooms_new *wish, loaded *all, server *srv,
                         st_error *error)
{
    st_err err = start(srv, how, error);
    if (err == ST_OK && !st_code_set(&srv->sync.commune, wish->commune, strlen(wish->commune)))
        err = st_fail(error, ST_E_VALUE, "commune \"%.32s\" is no code", wish->commune);
    if (err == ST_OK && store_dir_check_version(srv->dir, NULL) == ST_OK)
        err = st_fail(error, ST_E_EXISTS, "%s: a sotay store is here already", srv->dir);
    if (err == ST_OK)
        err = load_all(all, srv->sync.catalogue, wish->catalogue_dir, error);
    if (err == ST_OK)
        err = check_commune(all, wish->commune, error);
    if (srv->sync.catalogue != NULL) /* else there was no memory for one */
        catalogue_settle(srv->sync.catalogue, err == ST_OK);
    if (err == ST_OK)
        err = store_open(srv->dir, STORE_CREATE, &srv->sync.store, error);
    if (err == ST_OK)
        err = auth_keys_make(srv->dir, srv->sync.port, &srv->keys, error);
    if (err == ST_OK) {
        srv->sync.port->random(srv->sync.port->context, srv->sync.epoch, 8);
        err = writer_new(&srv->sync, false, &srv->writer, error);
    }
    if (err == ST_OK)
        err = write_init(srv, wish, error);
    if (err == ST_OK)
        err = author_all(srv, all, error);
    if (err == ST_OK)
        err = store_dir_write_version(srv->dir, error);
    return err;
}

st_err rooms_init(const rooms_how *how, const rooms_new *wish, server *out_server,
                  st_error *error)
{
    loaded *all = calloc(1, sizeof *all);
    if (all == NULL)
        return st_fail(error, ST_E_MEMORY, "init: out of memory");
    st_arena_init(&all->arena, LOAD_BYTES_MAX);
    st_err err = make_rooms(how, wish, all, out_server, error);
    unload(all);
    rooms_close(out_server);
    if (err != ST_OK)
        return err;
    st_error why = { 0 };
    err = rooms_open(how, out_server, &why);
    return err == ST_OK
               ? ST_OK
               : st_fail(error, err, "the book is made, but cannot be opened now: %s", why.detail);
}

static st_err make_filled(const rooms_how *how, const rooms_filler *filler, server *srv,
                          st_error *error)
{
    st_err err = start(srv, how, error);
    if (err == ST_OK && store_dir_check_version(srv->dir, NULL) == ST_OK)
        err = st_fail(error, ST_E_EXISTS, "%s: a sotay store is here already", srv->dir);
    if (err == ST_OK)
        err = store_open(srv->dir, STORE_CREATE, &srv->sync.store, error);
    if (err == ST_OK)
        err = filler->fill(filler->context, srv, error);
    return err == ST_OK ? store_dir_write_version(srv->dir, error) : err;
}

st_err rooms_make(const rooms_how *how, const rooms_filler *filler, st_error *error)
{
    server srv;
    st_err err = make_filled(how, filler, &srv, error);
    rooms_close(&srv);
    return err;
}

st_err rooms_fold(server *srv, uint64_t *out_entries, st_error *error)
{
    store_txn txn = { 0 };
    st_err err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = read_meta(srv, &txn, error);
    store_end(&txn);
    return err == ST_OK ? sync_rebuild(&srv->sync, out_entries, error) : err;
}

void rooms_close(server *srv)
{
    writer_free(srv->writer);
    own_clock_free(srv->sync.clock);
    side_close(srv->sync.side);
    catalogue_free(srv->sync.catalogue);
    store_close(srv->sync.store);
    auth_keys_wipe(&srv->keys);
    memset(srv, 0, sizeof *srv);
}
