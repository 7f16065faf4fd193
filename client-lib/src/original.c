/* client-lib/src/original.c - the files of a record on this phone: what is here, wanting one that
 * is not, reading one, and giving back the room of those that the office has.
 * Promises: a file is given out whole or not at all; only what a backup of the server covers, and
 * the server, asked after that, still had, or what it gave out itself, makes room, and can be
 * fetched again; and what the office declined, when a backup there knows that.
 * Never: lets go of a piece that some other file here still needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/attach.h"
#include "client-lib/src/lease.h"
#include "proto/files.h"
#include "proto/json.h"

#define HASHES_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- the files of one record ---- */

typedef enum { HERE, UNSENT, WANTED, PARTIAL, AWAY, LOST, DROPPED, DECLINED } file_state;

/* One that the record names no more: the office declined its change, or that is lost and the file
 * waits for it. It is called after its bytes, and has no other name. */
typedef struct {
    st_file file;
    file_state state;
    char item[ST_ITEM_TEXT_BYTES];
} left_file;

typedef struct {
    sotay_client *client;
    st_arena arena;
    overlay_view view;
    st_id record;
    st_file *files;
    size_t count;
    left_file *left;
    size_t left_count;
} looking;

static bool is_listed(const looking *l, const book_key *key)
{
    for (size_t i = 0; i < l->count; i++) {
        book_key named = attach_key(&l->record, l->files[i].hashes, l->files[i].count);
        if (memcmp(named.b + 17, key->b + 17, 16) == 0)
            return true;
    }
    return false;
}

/* Is the row of this record, also under a name that it had before? */
static st_err is_of(const looking *l, const book_key *key, bool *out_is, st_error *error)
{
    st_id now;
    st_err err = attach_record(l->client, key, &now, error);
    *out_is = err == ST_OK && st_id_cmp(&now, &l->record) == 0;
    return err;
}

static st_err add_left(looking *l, const book_key *key, const attach_row *row, size_t *capacity,
                       st_error *error)
{
    left_file *list = l->left;
    st_id name;
    char hex[33];
    if (l->left_count == *capacity)
        list = st_arena_grow(&l->arena, list, l->left_count, capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    l->left = list;
    left_file *one = &list[l->left_count++];
    memset(one, 0, sizeof *one);
    one->file = (st_file){ .name = "", .kind = "", .mime = "", .hashes = row->hashes,
                           .count = row->count };
    memcpy(name.b, key->b + 17, sizeof name.b);
    st_id_format(&name, hex);
    one->state = row->kind == ATTACH_LEFT ? DECLINED : UNSENT;
    (void)snprintf(one->item, sizeof one->item, "%s-%.16s",
                   one->state == DECLINED ? "declined" : "unnamed", hex);
    return ST_OK;
}

static st_err find_left(looking *l, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    size_t capacity = 0;
    while (err == ST_OK) {
        attach_row row;
        err = attach_next(&l->client->book, &scan, &l->arena, &row, error);
        bool is = false;
        if (err == ST_OK && (row.kind == ATTACH_LEFT || attach_waits(l->client, &row)))
            err = is_of(l, &scan.at, &is, error);
        if (err == ST_OK && is && !is_listed(l, &scan.at))
            err = add_left(l, &scan.at, &row, &capacity, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Files of a record that was declined whole, or is lost, lie here without it. */
static st_err look_at(looking *l, st_error *error)
{
    st_err err = overlay_load(l->client, &l->record, &l->arena, &l->view, error);
    if (err == ST_OK)
        err = lease_check(l->client, &l->view, error);
    if (err == ST_OK)
        err = st_files_of(l->view.form, &l->view.record, &l->arena, &l->files, &l->count, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    st_err found = find_left(l, error);
    return found != ST_OK || l->left_count > 0 ? found : err;
}

static st_err look_begin(looking *l, sotay_client *client, const sotay_id *record, bool write,
                         st_error *error)
{
    memset(l, 0, sizeof *l);
    l->client = client;
    st_arena_init(&l->arena, CLIENT_WORK_BYTES_MAX);
    st_err err = client_need_enrolled(client, error);
    if (err == ST_OK && write && client->is_syncing)
        err = st_fail(error, ST_E_BUSY, "store: a sync is under way");
    if (err == ST_OK)
        err = client_begin(client, write, error);
    if (err != ST_OK)
        return err;
    err = overlay_find(client, record, &l->record, error);
    return err == ST_OK ? look_at(l, error) : err;
}

static void look_end(looking *l)
{
    client_abort(l->client);
    st_arena_reset(&l->arena);
}

static st_err find_file(looking *l, const char *item, st_file **out_file, st_error *error)
{
    char text[ST_ITEM_TEXT_BYTES];
    for (size_t i = 0; i < l->count; i++) {
        st_item_format(&l->files[i].path.item, l->files[i].path.place, text);
        if (strcmp(text, item) == 0) {
            *out_file = &l->files[i];
            return ST_OK;
        }
    }
    return st_fail(error, ST_E_NOT_FOUND, "the record has no attachment '%.60s'", item);
}

static st_err count_missing(looking *l, st_file *file, st_error *error)
{
    st_err err = ST_OK;
    file->missing = 0;
    for (size_t i = 0; err == ST_OK && i < file->count; i++) {
        bool is_here = false;
        book_key key = attach_piece_key(BOOK_CHUNK, &file->hashes[i]);
        err = book_has(&l->client->book, &key, &is_here, error);
        file->missing += is_here ? 0 : 1;
    }
    return err;
}

/* The file's row, also under a name that the record had before. ST_E_NOT_FOUND without *error. */
static st_err find_row(looking *l, const st_file *file, attach_row *out_row, st_error *error)
{
    book_key wanted = attach_key(&l->record, file->hashes, file->count);
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        st_err err = attach_next(&l->client->book, &scan, &l->arena, out_row, error);
        if (err != ST_OK)
            return err;
        bool is = false;
        if (memcmp(scan.at.b + 17, wanted.b + 17, 16) == 0)
            err = is_of(l, &scan.at, &is, error);
        if (err != ST_OK || is)
            return err;
    }
}

/* ---- list ---- */

static const char *state_word(file_state state)
{
    static const char *const WORDS[] = { "here", "unsent", "wanted", "partial",
                                         "away", "lost",   "dropped", "declined" };
    return WORDS[state];
}

static const char *state_label(file_state state, bool english)
{
    static const char *const VI[] = { "có trên máy", "chưa gửi hết", "chờ tải về", "có một phần",
                                      "ở văn phòng", "đã mất",       "đã bỏ",
                                      "không được nhận" };
    static const char *const EN[] = { "here",          "not all sent", "wanted",  "partly here",
                                      "at the office", "lost",         "dropped", "declined" };
    return english ? EN[state] : VI[state];
}

static st_err state_of(looking *l, st_file *file, file_state *out, st_error *error)
{
    attach_row row = { .kind = ATTACH_SENT };
    st_err err = count_missing(l, file, error);
    if (err == ST_OK)
        err = find_row(l, file, &row, error);
    bool has_row = err == ST_OK;
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    *out = file->is_dropped                           ? DROPPED
           : has_row && attach_waits(l->client, &row) ? UNSENT
           : file->missing == 0                       ? HERE
           : has_row && row.kind == ATTACH_WANTED     ? WANTED
           : file->is_lost                            ? LOST
           : file->missing < file->count              ? PARTIAL
                                                      : AWAY;
    return ST_OK;
}

/* In an arena of its own, which the caller resets whatever came. ST_E_NOT_FOUND without *error. */
static st_err read_piece(looking *l, const st_hash *hash, st_arena *arena, book_value *out,
                         st_error *error)
{
    book_key key = attach_piece_key(BOOK_CHUNK, hash);
    *out = (book_value){ NULL, 0 };
    st_arena_init(arena, (size_t)ST_CHUNK_BYTES_MAX * 2);
    return book_get(&l->client->book, &key, arena, out, error);
}

/* How much of it is here: no change says it any more. */
static st_err measure_left(looking *l, st_file *file, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < file->count; i++) {
        st_arena arena;
        book_value value;
        err = read_piece(l, &file->hashes[i], &arena, &value, error);
        file->bytes += value.len;
        file->missing += err == ST_E_NOT_FOUND ? 1 : 0;
        err = err == ST_E_NOT_FOUND ? ST_OK : err;
        st_arena_reset(&arena);
    }
    return err;
}

static void file_json(st_json *json, const st_file *file, const char *item, file_state state)
{
    st_json_open(json, '{');
    st_json_key_text(json, "item", item);
    st_json_key_text(json, "name", file->name);
    st_json_key_text(json, "kind", file->kind);
    st_json_key_text(json, "mime", file->mime);
    st_json_key_int(json, "bytes", (int64_t)file->bytes);
    st_json_key_text(json, "state", state_word(state));
    st_json_key_int(json, "pieces", (int64_t)file->count);
    st_json_key_int(json, "pieces_missing", (int64_t)file->missing);
    st_json_key_bool(json, "thumbnail", file->thumbnail != NULL);
    st_json_close(json, '}');
}

static st_err list_json(looking *l, st_buffer *out, st_error *error)
{
    char id[33];
    st_json json;
    st_err err = ST_OK;
    st_id_format(&l->record, id);
    st_json_begin(&json, out, error);
    st_json_open(&json, '{');
    st_json_key_text(&json, "id", id);
    st_json_key(&json, "attachments");
    st_json_open(&json, '[');
    for (size_t i = 0; err == ST_OK && i < l->count; i++) {
        char item[ST_ITEM_TEXT_BYTES];
        file_state state = HERE;
        st_item_format(&l->files[i].path.item, l->files[i].path.place, item);
        err = state_of(l, &l->files[i], &state, error);
        if (err == ST_OK)
            file_json(&json, &l->files[i], item, state);
    }
    for (size_t i = 0; err == ST_OK && i < l->left_count; i++) {
        err = measure_left(l, &l->left[i].file, error);
        if (err == ST_OK)
            file_json(&json, &l->left[i].file, l->left[i].item, l->left[i].state);
    }
    st_json_close(&json, ']');
    st_json_close(&json, '}');
    st_err ended = st_json_end(&json);
    if (err == ST_OK)
        err = ended;
    return err == ST_OK ? st_buffer_append(out, "\n", 1, error) : err;
}

static st_err file_text(const looking *l, const st_file *file, const char *item, file_state state,
                        st_buffer *out, st_error *error)
{
    bool english = strcmp(l->client->lang, "en") == 0;
    return st_buffer_printf(out, error, "%s  %s  %llu kB  %s\n", item,
                            state_label(state, english),
                            (unsigned long long)(file->bytes + 999) / 1000, file->name);
}

static st_err list_text(looking *l, st_buffer *out, st_error *error)
{
    bool english = strcmp(l->client->lang, "en") == 0;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < l->count; i++) {
        char item[ST_ITEM_TEXT_BYTES];
        const st_file *file = &l->files[i];
        file_state state = HERE;
        st_item_format(&file->path.item, file->path.place, item);
        err = state_of(l, &l->files[i], &state, error);
        if (err == ST_OK)
            err = file_text(l, file, item, state, out, error);
    }
    for (size_t i = 0; err == ST_OK && i < l->left_count; i++) {
        err = measure_left(l, &l->left[i].file, error);
        if (err == ST_OK)
            err = file_text(l, &l->left[i].file, l->left[i].item, l->left[i].state, out,
                            error);
    }
    if (err == ST_OK && l->count + l->left_count == 0)
        err = st_buffer_printf(out, error, "%s\n", english ? "no files" : "không có tệp đính kèm");
    return err;
}

int sotay_attachment_list(sotay_client *client, const sotay_id *record, sotay_format format,
                          char **out_text, sotay_error *error)
{
    looking l;
    st_buffer out;
    st_error inner = { ST_OK, "" };
    st_buffer_init(&out, CLIENT_TEXT_BYTES_MAX);
    st_err err = look_begin(&l, client, record, false, &inner);
    if (err == ST_OK)
        err = format == SOTAY_JSON ? list_json(&l, &out, &inner) : list_text(&l, &out, &inner);
    if (err == ST_OK)
        err = port_text(&out, out_text, &inner);
    look_end(&l);
    st_buffer_free(&out);
    return port_give(err, &inner, error);
}

/* ---- want ---- */

static st_err want_file(looking *l, const st_file *file, st_error *error)
{
    attach_row row = { .kind = ATTACH_WANTED,
                       .hashes = file->hashes,
                       .count = (uint32_t)file->count };
    book_key key = attach_key(&l->record, file->hashes, file->count);
    if (file->count > ST_CHUNKS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "attachment: more than %u pieces", ST_CHUNKS_MAX);
    return attach_put(&l->client->book, &key, &row, error);
}

int sotay_attachment_want(sotay_client *client, const sotay_id *record, const char *item,
                          bool *out_is_here, sotay_error *error)
{
    looking l;
    st_file *file = NULL;
    attach_row row = { .kind = ATTACH_SENT };
    st_error inner = { ST_OK, "" };
    st_err err = look_begin(&l, client, record, true, &inner);
    if (err == ST_OK)
        err = find_file(&l, item, &file, &inner);
    if (err == ST_OK)
        err = count_missing(&l, file, &inner);
    bool is_here = err == ST_OK && file->missing == 0;
    if (err == ST_OK && !is_here) {
        err = find_row(&l, file, &row, &inner);
        if (err == ST_E_NOT_FOUND || (err == ST_OK && row.kind != ATTACH_UNSENT))
            err = want_file(&l, file, &inner);
    }
    if (err == ST_OK)
        err = client_commit(client, &inner);
    if (err == ST_OK || err == ST_PENDING)
        *out_is_here = is_here;
    look_end(&l);
    return port_give(err, &inner, error);
}

/* ---- get ---- */

static st_err read_pieces(looking *l, const st_file *file, st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < file->count; i++) {
        st_arena arena;
        book_value value;
        err = read_piece(l, &file->hashes[i], &arena, &value, error);
        if (err == ST_OK)
            err = st_buffer_append(out, value.data, value.len, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND
               ? st_fail(error, ST_E_NOT_FOUND, "attachment: it is not on this device")
               : err;
}

static st_err read_file(looking *l, const st_file *file, bool thumbnail, st_buffer *out,
                        st_error *error)
{
    if (!thumbnail)
        return read_pieces(l, file, out, error);
    if (file->thumbnail == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "attachment: it has no thumbnail");
    return st_buffer_append(out, file->thumbnail, file->thumbnail_len, error);
}

/* Also one that the record names no more: nobody else has it. */
static st_err find_any(looking *l, const char *item, st_file **out_file, st_error *error)
{
    for (size_t i = 0; i < l->left_count; i++) {
        if (strcmp(l->left[i].item, item) == 0) {
            *out_file = &l->left[i].file;
            return ST_OK;
        }
    }
    return find_file(l, item, out_file, error);
}

int sotay_attachment_get(sotay_client *client, const sotay_id *record, const char *item,
                         bool thumbnail, sotay_file *out_file, sotay_error *error)
{
    looking l;
    st_buffer out;
    st_file *file = NULL;
    st_error inner = { ST_OK, "" };
    st_buffer_init(&out, (size_t)ST_CHUNK_BYTES_MAX * ST_CHUNKS_MAX);
    st_err err = look_begin(&l, client, record, false, &inner);
    if (err == ST_OK)
        err = find_any(&l, item, &file, &inner);
    if (err == ST_OK)
        err = read_file(&l, file, thumbnail, &out, &inner);
    look_end(&l);
    if (err == ST_OK) {
        *out_file = (sotay_file){ out.data, out.len };
        return SOTAY_OK;
    }
    st_buffer_free(&out);
    return port_give(err, &inner, error);
}

/* ---- giving back room ---- */

/* Hashes, each once after set_close. */
typedef struct {
    st_hash *hashes;
    size_t count, capacity;
} hash_set;

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(st_hash));
}

static st_err set_add(hash_set *set, st_arena *arena, const attach_row *row, st_error *error)
{
    for (uint32_t i = 0; i < row->count; i++) {
        st_hash *hashes = set->hashes;
        if (set->count == set->capacity)
            hashes = st_arena_grow(arena, hashes, set->count, &set->capacity, sizeof *hashes);
        if (hashes == NULL)
            return st_fail(error, ST_E_MEMORY, "attachments: no memory");
        set->hashes = hashes;
        set->hashes[set->count++] = row->hashes[i];
    }
    return ST_OK;
}

static void set_close(hash_set *set)
{
    size_t kept = 0;
    if (set->count > 0)
        qsort(set->hashes, set->count, sizeof *set->hashes, compare);
    for (size_t i = 0; i < set->count; i++)
        if (kept == 0 || compare(&set->hashes[kept - 1], &set->hashes[i]) != 0)
            set->hashes[kept++] = set->hashes[i];
    set->count = kept;
}

static bool set_has(const hash_set *set, const st_hash *hash)
{
    return set->count > 0 && bsearch(hash, set->hashes, set->count, sizeof *hash, compare) != NULL;
}

/* Which files go, and what they and the others consist of. */
typedef struct clearing {
    sotay_client *client;
    bool (*goes)(const struct clearing *c, const book_key *key, const attach_row *row);
    const book_key *erased; /* rows of files whose hashes were destroyed */
    size_t erased_count;
    bool only_says, counts;
    st_arena arena;
    hash_set going, staying;
    sotay_cleared cleared;
} clearing;

/* Covered: a backup of the server has it too, and it was still there after that; or a backup has
 * that it was declined; or the server gave it. */
static bool is_covered(const clearing *c, const book_key *key, const attach_row *row)
{
    const sotay_client *client = c->client;
    (void)key;
    if (attach_waits(client, row) || row->kind == ATTACH_WANTED)
        return false;
    if (row->kind == ATTACH_LEFT) /* what says so lies before the position */
        return row->position > 0 && client->me.backed_up_to >= row->position;
    return row->kind == ATTACH_FETCHED || row->kind == ATTACH_COVERED;
}

/* Fetched or wanted, and its record is not shown here any more. */
static bool is_left_over(const clearing *c, const book_key *key, const attach_row *row)
{
    sotay_client *client = c->client;
    sotay_id named;
    bool is_shown = true;
    if (row->kind != ATTACH_FETCHED && row->kind != ATTACH_WANTED)
        return false;
    memcpy(named.b, key->b + 1, sizeof named.b);
    st_id record;
    st_err err = overlay_find(client, &named, &record, NULL);
    book_key shown = book_key_id(BOOK_ROW, &record);
    if (err == ST_OK)
        err = book_has(&client->book, &shown, &is_shown, NULL);
    return err == ST_OK && !is_shown;
}

static bool is_erased(const clearing *c, const book_key *key, const attach_row *row)
{
    (void)row;
    for (size_t i = 0; i < c->erased_count; i++)
        if (c->erased[i].len == key->len && memcmp(c->erased[i].b, key->b, key->len) == 0)
            return true;
    return false;
}

static st_err clear_row(clearing *c, const book_key *key, const attach_row *row, st_error *error)
{
    if (!c->goes(c, key, row)) {
        c->cleared.kept_files += row->kind != ATTACH_WANTED;
        return set_add(&c->staying, &c->arena, row, error);
    }
    c->cleared.files++;
    c->cleared.declined_files += row->kind == ATTACH_LEFT;
    st_err err = set_add(&c->going, &c->arena, row, error);
    return err == ST_OK && !c->only_says ? book_delete(&c->client->book, key, error) : err;
}

static st_err clear_rows(clearing *c, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        attach_row row;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = attach_next(&c->client->book, &scan, &arena, &row, error);
        if (err == ST_OK)
            err = clear_row(c, &scan.at, &row, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Adds the bytes of a piece, and lets it go. */
static st_err clear_piece(clearing *c, const st_hash *hash, bool goes, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key key = attach_piece_key(BOOK_CHUNK, hash), part = attach_piece_key(BOOK_PART, hash);
    st_arena_init(&arena, (size_t)ST_CHUNK_BYTES_MAX * 2);
    st_err err = book_get(&c->client->book, &key, &arena, &value, error);
    st_arena_reset(&arena);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT)
        err = ST_OK;
    *(goes ? &c->cleared.bytes : &c->cleared.kept_bytes) += value.len;
    if (err == ST_OK && goes && !c->only_says)
        err = book_delete(&c->client->book, &key, error);
    return err == ST_OK && goes && !c->only_says ? book_delete(&c->client->book, &part, error)
                                                 : err;
}

static st_err clear(clearing *c, st_error *error)
{
    st_arena_init(&c->arena, HASHES_BYTES_MAX);
    st_err err = clear_rows(c, error);
    set_close(&c->going);
    set_close(&c->staying);
    for (size_t i = 0; err == ST_OK && i < c->going.count; i++)
        if (!set_has(&c->staying, &c->going.hashes[i]))
            err = clear_piece(c, &c->going.hashes[i], true, error);
    for (size_t i = 0; err == ST_OK && c->counts && i < c->staying.count; i++)
        err = clear_piece(c, &c->staying.hashes[i], false, error);
    st_arena_reset(&c->arena);
    return err;
}

int sotay_attachment_clear(sotay_client *client, bool only_say, sotay_cleared *out_cleared,
                           sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    clearing c = { .client = client, .goes = is_covered, .only_says = only_say, .counts = true };
    st_err err = client_need_enrolled(client, &inner);
    if (err == ST_OK && client->is_syncing)
        err = st_fail(&inner, ST_E_BUSY, "store: a sync is under way");
    if (err == ST_OK)
        err = client_begin(client, !only_say, &inner);
    if (err == ST_OK)
        err = clear(&c, &inner);
    if (err == ST_OK && !only_say)
        err = client_commit(client, &inner);
    else
        client_abort(client);
    if (err == ST_OK || err == ST_PENDING)
        *out_cleared = c.cleared;
    return port_give(err, &inner, error);
}

st_err attach_forget(sotay_client *client, st_error *error)
{
    clearing c = { .client = client, .goes = is_left_over };
    return clear(&c, error);
}

st_err attach_erase(sotay_client *client, const book_key *keys, size_t count, st_error *error)
{
    clearing c = { .client = client, .goes = is_erased, .erased = keys, .erased_count = count };
    return count == 0 ? ST_OK : clear(&c, error);
}
