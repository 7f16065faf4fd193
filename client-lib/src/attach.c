/* client-lib/src/attach.c - attaches a file to a record: one change that names its pieces, and the
 * pieces, in one transaction.
 * Promises: what is attached is all here, sealed, or not at all; the same bytes are kept once.
 * Never: what a camera wrote about place, owner and device leaves with a picture. */
#include "client-lib/src/attach.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/edit.h"
#include "client-lib/src/file_name.h"
#include "client-lib/src/media.h"
#include "client-lib/src/overlay.h"
#include "proto/files.h"
#include "proto/text.h"

#define PIECE_SMALL ((size_t)16 * 1024)
#define PIECE_LARGE ((size_t)64 * 1024)
#define FILE_SMALL  ((size_t)2 * 1024 * 1024)
#define LONGEST     1600u /* points of a side, as people attach pictures */
#define PHOTO_BYTES ((size_t)2 * 1024 * 1024)
#define THUMB_SIDE  256u
#define THUMB_BYTES ((size_t)12 * 1024)
#define ROW_BYTES   17u /* in front of the hashes */
#define NAME_CHARS  120u /* as in the forms */

/* ---- rows ---- */

st_err attach_put(book_db *book, const book_key *key, const attach_row *row, st_error *error)
{
    st_buffer out;
    uint8_t head[ROW_BYTES];
    head[0] = (uint8_t)row->kind;
    memcpy(head + 1, row->epoch, 8);
    st_put_u64(head + 9, row->position);
    st_buffer_init(&out, ROW_BYTES + ST_CHUNKS_MAX * sizeof(st_hash));
    st_err err = st_buffer_append(&out, head, sizeof head, error);
    if (err == ST_OK)
        err = st_buffer_append(&out, row->hashes, row->count * sizeof *row->hashes, error);
    if (err == ST_OK)
        err = book_put(book, key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

st_err attach_next(book_db *book, book_scan *scan, st_arena *arena, attach_row *out_row,
                   st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = book_scan_next(book, scan, arena, &value, error);
    if (err != ST_OK)
        return err;
    size_t bytes = value.len < ROW_BYTES ? 1 : value.len - ROW_BYTES;
    if (bytes % sizeof(st_hash) != 0 || bytes == 0 || bytes / sizeof(st_hash) > ST_CHUNKS_MAX ||
        value.data[0] > ATTACH_COVERED || scan->at.len != 1 + 16 + 16)
        return st_fail(error, ST_E_CORRUPT, "store: the note of an attachment is damaged");
    out_row->kind = (attach_kind)value.data[0];
    memcpy(out_row->epoch, value.data + 1, 8);
    out_row->position = st_get_u64(value.data + 9);
    out_row->hashes = (const st_hash *)(value.data + ROW_BYTES);
    out_row->count = (uint32_t)(bytes / sizeof(st_hash));
    return ST_OK;
}

bool attach_waits(const sotay_client *client, const attach_row *row)
{
    if (row->kind == ATTACH_UNSENT || row->kind == ATTACH_WANTED)
        return row->kind == ATTACH_UNSENT;
    return memcmp(row->epoch, client->me.epoch, sizeof row->epoch) != 0;
}

bool attach_is_doubted(const sotay_client *client, const attach_row *row)
{
    return row->kind == ATTACH_SENT && !attach_waits(client, row) &&
           client->me.backed_up_to > row->position;
}

st_err attach_record(sotay_client *client, const book_key *key, st_id *out_record, st_error *error)
{
    sotay_id named;
    memcpy(named.b, key->b + 1, sizeof named.b);
    return overlay_find_known(client, &named, out_record, error);
}

book_key attach_key(const st_id *record, const st_hash *hashes, size_t count)
{
    st_hash all = st_sha256(hashes, count * sizeof *hashes);
    book_key key = book_key_id(BOOK_ATTACH, record);
    book_key_bytes(&key, all.b, 16);
    return key;
}

book_key attach_piece_key(book_table table, const st_hash *hash)
{
    book_key key = book_key_of(table);
    book_key_bytes(&key, hash->b, sizeof hash->b);
    return key;
}

st_err attach_count(sotay_client *client, attach_counts *out_counts, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    memset(out_counts, 0, sizeof *out_counts);
    while (err == ST_OK) {
        st_arena arena;
        attach_row row;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = attach_next(&client->book, &scan, &arena, &row, error);
        if (err == ST_OK && attach_waits(client, &row))
            out_counts->waiting++;
        else if (err == ST_OK && row.kind == ATTACH_WANTED)
            out_counts->wanted++;
        else if (err == ST_OK && row.kind == ATTACH_LEFT)
            out_counts->left++;
        else if (err == ST_OK && row.kind == ATTACH_SENT)
            out_counts->uncovered++;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- one file ---- */

typedef struct {
    const sotay_attachment *file;
    media what;
    st_buffer stripped;
    sotay_picture small, thumbnail; /* data NULL: none */
    const uint8_t *data;
    size_t len;
    st_hash *hashes;
    uint32_t count;
} attaching;

/* The same bytes are cut alike on every phone. */
static size_t piece_bytes(size_t len)
{
    return len <= FILE_SMALL ? PIECE_SMALL : PIECE_LARGE;
}

/* Of the picture that is attached; *out stays empty when the port cannot read it. */
static st_err make_picture(const attaching *a, edit *e, const sotay_picture_ask *how,
                           sotay_picture *out, st_error *error)
{
    const sotay_port *port = e->client->book.port;
    sotay_picture_ask ask = *how;
    sotay_error why = { SOTAY_OK, "" };
    ask.data = a->data;
    ask.len = a->len;
    ask.orientation = a->what.orientation;
    int code = port->picture(port->context, &ask, out, &why);
    if (code == SOTAY_E_VALUE)
        return ST_OK;
    return code == SOTAY_OK ? ST_OK : port_error(code, &why, error);
}

/* A picture leaves no larger than wanted, and with a small one that travels with the record. */
static st_err fit_picture(attaching *a, edit *e, st_error *error)
{
    uint32_t longest = a->file->longest > 0 ? a->file->longest : LONGEST;
    sotay_picture_ask how = { .longest = longest, .bytes_max = PHOTO_BYTES };
    sotay_picture_ask least = { .longest = THUMB_SIDE, .bytes_max = THUMB_BYTES };
    st_err err = ST_OK;
    if (strcmp(a->what.kind, "photo") != 0 || e->client->book.port->picture == NULL)
        return ST_OK;
    if (a->what.width > longest || a->what.height > longest || a->len > PHOTO_BYTES)
        err = make_picture(a, e, &how, &a->small, error);
    if (err == ST_OK && a->small.data != NULL) {
        a->data = a->small.data;
        a->len = a->small.len;
        a->what.width = a->small.width;
        a->what.height = a->small.height;
        a->what.orientation = 1;
        a->what.mime = "image/jpeg";
    }
    return err == ST_OK ? make_picture(a, e, &least, &a->thumbnail, error) : err;
}

static st_err read_file(attaching *a, st_error *error)
{
    if (a->file->len == 0)
        return st_fail(error, ST_E_VALUE, "the file is empty");
    if (a->file->len > ST_ATTACHMENT_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "the file has %zu bytes, at most %u", a->file->len,
                       ST_ATTACHMENT_BYTES_MAX);
    st_err err = media_read(a->file->data, a->file->len, &a->what, &a->stripped, error);
    a->data = a->stripped.len > 0 ? a->stripped.data : a->file->data;
    a->len = a->stripped.len > 0 ? a->stripped.len : a->file->len;
    return err;
}

/* Of one record, with those of others that are not dropped. */
static st_err check_record(const attaching *a, edit *e, st_error *error)
{
    st_file *files = NULL;
    size_t count = 0, kept = 0;
    uint64_t bytes = a->len;
    st_err err = st_files_of(e->view.form, &e->view.record, &e->arena, &files, &count, error);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        kept += files[i].is_dropped ? 0 : 1;
        bytes += files[i].is_dropped ? 0 : files[i].bytes;
    }
    if (kept >= ST_RECORD_FILES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "the record has %zu files, at most %u", kept,
                       ST_RECORD_FILES_MAX);
    return bytes <= ST_RECORD_FILE_BYTES_MAX
               ? ST_OK
               : st_fail(error, ST_E_TOO_LARGE,
                         "the files of the record would have %llu bytes, at most %u",
                         (unsigned long long)bytes, ST_RECORD_FILE_BYTES_MAX);
}

/* Of the whole device: a store that is full of photos has no room for words. */
static st_err check_device(edit *e, st_error *error)
{
    book_key prefix = book_key_of(BOOK_CHUNK);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    for (size_t count = 0; err == ST_OK; count++) {
        err = book_scan_next(&e->client->book, &scan, NULL, NULL, error);
        if (err == ST_OK && count + 1 >= ATTACH_PIECES_MAX)
            return st_fail(error, ST_E_TOO_LARGE,
                           "this device holds %u pieces of files, as many as it may: sync, then "
                           "give back the room of what the office keeps (attachment clear)",
                           ATTACH_PIECES_MAX);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err keep_pieces(attaching *a, edit *e, st_error *error)
{
    size_t size = piece_bytes(a->len);
    a->count = (uint32_t)((a->len + size - 1) / size);
    a->hashes = st_arena_array(&e->arena, a->count, sizeof *a->hashes);
    if (a->hashes == NULL)
        return st_fail(error, ST_E_MEMORY, "attach: no memory");
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < a->count; i++) {
        size_t at = i * size;
        size_t len = a->len - at < size ? a->len - at : size;
        a->hashes[i] = st_sha256(a->data + at, len);
        book_key key = attach_piece_key(BOOK_CHUNK, &a->hashes[i]);
        err = book_put(&e->client->book, &key, a->data + at, len, error);
    }
    return err;
}

static st_err note_file(const attaching *a, edit *e, st_error *error)
{
    attach_row row = { .hashes = a->hashes, .count = a->count };
    book_key key = attach_key(&e->change.record, a->hashes, a->count);
    return attach_put(&e->client->book, &key, &row, error);
}

/* ---- its item ---- */

static st_err put_value(edit *e, const st_group *group, const char *name, st_value value,
                        st_error *error)
{
    const st_field *field = st_group_field(group, name);
    st_op op;
    if (field == NULL)
        return ST_OK; /* of an older form */
    memset(&op, 0, sizeof op);
    op.verb = ST_VERB_ITEM;
    op.path.kind = ST_PATH_ITEM;
    op.path.group = group->no;
    op.path.item = e->change.dot;
    op.path.field = field->no;
    op.value = value;
    return edit_op(e, &op, error);
}

static st_err put_number(edit *e, const st_group *group, const char *name, int64_t number,
                         st_error *error)
{
    st_value value = { .kind = ST_VALUE_INT, .number = number };
    return put_value(e, group, name, value, error);
}

static st_err put_text(edit *e, const st_group *group, const char *name, const char *text,
                       st_error *error)
{
    sotay_pair pair = { name, text };
    if (text == NULL || text[0] == '\0')
        return ST_OK;
    return edit_item_field(e, group, 0, pair, error);
}

/* A file is not refused for its name: what the field can't hold of it is left out. */
static st_err put_name(edit *e, const st_group *group, const char *path, st_error *error)
{
    st_buffer name;
    st_buffer_init(&name, ST_TEXT_BYTES_MAX);
    st_err err = file_name(path, NAME_CHARS, &name, error);
    if (err == ST_OK)
        err = st_buffer_append(&name, "", 1, error);
    if (err == ST_OK)
        err = put_text(e, group, "name", (const char *)name.data, error);
    st_buffer_free(&name);
    return err;
}

static st_err put_picture(const attaching *a, edit *e, const st_group *group, st_error *error)
{
    st_err err = ST_OK;
    int64_t offset_ms = (int64_t)e->client->offset_minutes * 60000;
    if (a->what.width > 0)
        err = put_number(e, group, "width", a->what.width, error);
    if (err == ST_OK && a->what.height > 0)
        err = put_number(e, group, "height", a->what.height, error);
    if (err == ST_OK && a->what.has_taken)
        err = put_number(e, group, "taken_at", a->what.taken_local_ms - offset_ms, error);
    st_value thumbnail = { .kind = ST_VALUE_BYTES,
                           .data = a->thumbnail.data,
                           .len = (uint32_t)a->thumbnail.len };
    if (err == ST_OK && a->thumbnail.data != NULL)
        err = put_value(e, group, "thumbnail", thumbnail, error);
    return err;
}

static st_err put_item(const attaching *a, edit *e, st_error *error)
{
    const st_group *group = st_form_group(e->view.form, "attachments");
    if (group == NULL || st_group_field(group, "chunk_hashes") == NULL)
        return st_fail(error, ST_E_VALUE, "records of this kind have no attachments");
    st_value hashes = { .kind = ST_VALUE_BYTES,
                        .data = a->hashes[0].b,
                        .len = a->count * (uint32_t)sizeof *a->hashes };
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(e->client, &wall_ms, &mono_ms);
    bool has_place = a->file->about != NULL && a->file->about[0] != '\0';
    st_err err = has_place ? edit_place(e, a->file->about, error) : ST_OK;
    if (err == ST_OK)
        err = put_text(e, group, "kind", a->what.kind, error);
    if (err == ST_OK)
        err = put_name(e, group, a->file->name, error);
    if (err == ST_OK)
        err = put_text(e, group, "mime", a->what.mime, error);
    if (err == ST_OK)
        err = put_number(e, group, "size", (int64_t)a->len, error);
    if (err == ST_OK)
        err = put_value(e, group, "chunk_hashes", hashes, error);
    if (err == ST_OK)
        err = put_picture(a, e, group, error);
    if (err == ST_OK)
        err = put_number(e, group, "attached_at", wall_ms, error);
    if (err == ST_OK)
        err = put_text(e, group, "about", a->file->about, error);
    return err == ST_OK ? put_text(e, group, "caption", a->file->caption, error) : err;
}

int sotay_attach(sotay_client *client, const sotay_id *record, const sotay_attachment *file,
                 char out_item[SOTAY_ITEM_TEXT], sotay_error *error)
{
    edit e;
    char item[ST_ITEM_TEXT_BYTES] = "";
    st_error inner = { ST_OK, "" };
    attaching a = { .file = file };
    st_buffer_init(&a.stripped, ST_ATTACHMENT_BYTES_MAX + 64u);
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = read_file(&a, &inner);
    if (err == ST_OK)
        err = fit_picture(&a, &e, &inner);
    if (err == ST_OK)
        err = check_record(&a, &e, &inner);
    if (err == ST_OK)
        err = check_device(&e, &inner);
    if (err == ST_OK)
        err = keep_pieces(&a, &e, &inner);
    if (err == ST_OK)
        err = note_file(&a, &e, &inner);
    if (err == ST_OK)
        err = put_item(&a, &e, &inner);
    if (err == ST_OK)
        st_item_format(&e.change.dot, 0, item);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    st_buffer_free(&a.stripped);
    free(a.small.data);
    free(a.thumbnail.data);
    if (err == ST_OK || err == ST_PENDING)
        memcpy(out_item, item, SOTAY_ITEM_TEXT);
    return port_give(err, &inner, error);
}
