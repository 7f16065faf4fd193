/* server/sync/have.c - answers about pieces of attachments, and takes them in.
 * Promises: tells nobody of a hash unless the record that names it is his to read, or he wrote in
 * it (a device that is not in use: unless its person attached it); keeps only what a record names,
 * or a change beside it in the log, each piece once; one bad piece stops no other; who carries what
 * will never be wanted, or came already, is told so, and may learn by that whether bytes that he
 * has all of are here. Must never say that a piece is here before it is on disk. */
#include "server/sync/have.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/store/chunks.h"
#include "server/store/pack.h"
#include "server/sync/free.h"
#include "server/sync/quota.h"

#define WORK_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- what a record names ---- */

/* The field of hashes, by its numbers; false: records of this form have no attachments. */
typedef struct {
    uint32_t group, field;
} hashes_at;

static bool find_field(const st_form *form, hashes_at *out)
{
    const st_group *group = form == NULL ? NULL : st_form_group(form, "attachments");
    const st_field *field = group == NULL ? NULL : st_group_field(group, "chunk_hashes");
    if (field == NULL)
        return false;
    *out = (hashes_at){ group->no, field->no };
    return true;
}

/* The hashes of one value, or none. */
static have_named hashes_of(const st_op *op, const hashes_at *at)
{
    const st_path *path = &op->path;
    const st_value *value = &op->value;
    have_named none = { NULL, 0 };
    if (path->kind != ST_PATH_ITEM || path->group != at->group || path->field != at->field ||
        value->kind != ST_VALUE_BYTES || value->len % sizeof(st_hash) != 0)
        return none;
    return (have_named){ (const st_hash *)value->data, value->len / sizeof(st_hash) };
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(st_hash));
}

st_err have_named_by(sync_room *room, const st_record *record, st_arena *arena,
                     have_named *out_named, st_error *error)
{
    hashes_at at;
    size_t count = 0;
    *out_named = (have_named){ NULL, 0 };
    if (!find_field(sync_record_form(room, record), &at))
        return ST_OK;
    for (size_t i = 0; i < record->lives_count; i++)
        count += hashes_of(&record->lives[i].op, &at).count;
    st_hash *all = st_arena_array(arena, count + 1, sizeof *all);
    if (all == NULL)
        return st_fail(error, st_arena_refused(arena, count * sizeof *all),
                       "attachments: no memory");
    count = 0;
    for (size_t i = 0; i < record->lives_count; i++) {
        have_named some = hashes_of(&record->lives[i].op, &at);
        if (some.count > 0)
            memcpy(&all[count], some.hashes, some.count * sizeof *all);
        count += some.count;
    }
    qsort(all, count, sizeof *all, compare);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(&all[kept - 1], &all[i]) != 0)
            all[kept++] = all[i];
    *out_named = (have_named){ all, kept };
    return ST_OK;
}

bool have_is_named(const have_named *named, const st_hash *hash)
{
    return named->count > 0 &&
           bsearch(hash, named->hashes, named->count, sizeof *hash, compare) != NULL;
}

/* ---- one question ---- */

/* Is it the device, or another one of the same person? His files may lie on the one that he has
 * now, under the name of an earlier one. */
static st_err is_of_person(sync_room *room, store_txn *txn, const st_id *id,
                           const auth_device *device, bool *out_is, st_error *error)
{
    auth_device other;
    *out_is = st_id_cmp(id, &device->id) == 0;
    if (*out_is)
        return ST_OK;
    st_err err = auth_device_get(txn, room->keys, id, &other, error);
    *out_is = err == ST_OK && st_id_cmp(&other.person, &device->person) == 0;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Did the person of the device write in the record? */
static st_err wrote_in(sync_room *room, store_txn *txn, const st_record *record,
                       const auth_device *device, bool *out_wrote, st_error *error)
{
    st_err err = ST_OK;
    *out_wrote = false;
    for (size_t i = 0; err == ST_OK && !*out_wrote && i < record->wrote_count; i++)
        err = is_of_person(room, txn, &record->wrote[i], device, out_wrote, error);
    return err;
}

/* What the person of the device wrote into the record stays; the rest of its values goes. */
static st_err keep_own(sync_room *room, store_txn *txn, st_record *record,
                       const auth_device *device, st_error *error)
{
    size_t kept = 0;
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < record->lives_count; i++) {
        const st_live live = record->lives[i];
        bool is_own = false;
        err = is_of_person(room, txn, &record->metas[live.meta].dot.device, device, &is_own,
                           error);
        if (is_own)
            record->lives[kept++] = live;
    }
    record->lives_count = kept;
    return err;
}

/* A device that is suspended or revoked reads nothing. Of what the office let in of it, the files
 * are still taken. */
static st_err look_up_own(sync_room *room, const have_asker *asker, const st_id *id,
                          have_named *out_named, st_error *error)
{
    store_txn txn = { 0 };
    st_record record;
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_record_get(&txn, id, asker->arena, &record, NULL, error);
    if (err == ST_OK)
        err = keep_own(room, &txn, &record, asker->device, error);
    if (err == ST_OK)
        err = have_named_by(room, &record, asker->arena, out_named, error);
    store_end(&txn);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What the asker may read; with `knows` also what he may only know of, as he wrote in it. */
static st_err look_up(sync_room *room, const have_asker *asker, const st_id *id, bool knows,
                      have_named *out_named, st_error *error)
{
    store_txn txn = { 0 };
    st_record record;
    auth_rights rights;
    const auth_device *device = asker->device;
    *out_named = (have_named){ NULL, 0 };
    if (device->status != AUTH_ACTIVE)
        return knows ? look_up_own(room, asker, id, out_named, error) : ST_OK;
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = auth_rights_get(&txn, &device->person, UINT64_MAX, asker->arena, &rights, error);
    if (err == ST_OK)
        err = sync_record_get(&txn, id, asker->arena, &record, NULL, error);
    bool may = err == ST_OK && auth_rights_has_bucket(&rights, &record.bucket);
    if (err == ST_OK && !may && knows)
        err = wrote_in(room, &txn, &record, device, &may, error);
    if (err == ST_OK && may)
        err = have_named_by(room, &record, asker->arena, out_named, error);
    store_end(&txn);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err have_readable(sync_room *room, const have_asker *asker, const st_id *record,
                     have_named *out_named, st_error *error)
{
    return look_up(room, asker, record, false, out_named, error);
}

/* Those that the record names, as they are to be counted; `from` tells where each is in the ask. */
static size_t wanted_pieces(const have_asker *asker, const st_have_ask *ask,
                            const have_named *named, quota_piece *out, uint32_t *from)
{
    size_t count = 0;
    for (uint32_t i = 0; i < ask->chunks_count; i++) {
        const st_chunk *chunk = &ask->chunks[i];
        st_hash hash = st_sha256(chunk->bytes, chunk->len);
        if (!have_is_named(named, &hash))
            continue;
        from[count] = i;
        out[count++] = (quota_piece){ asker->device->id, hash, chunk->len, false };
    }
    return count;
}

static st_err keep_pieces(sync_room *room, const have_asker *asker, const st_have_ask *ask,
                          const have_named *named, bool *out_full, st_error *error)
{
    *out_full = false;
    if (ask->chunks_count == 0)
        return ST_OK;
    quota_piece *wanted = st_arena_array(asker->arena, ask->chunks_count, sizeof *wanted);
    uint32_t *from = st_arena_array(asker->arena, ask->chunks_count, sizeof *from);
    if (wanted == NULL || from == NULL)
        return st_fail(error, ST_E_MEMORY, "attachments: no memory");
    size_t count = wanted_pieces(asker, ask, named, wanted, from);
    st_err err = quota_take(asker->writer, wanted, count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        const st_chunk *chunk = &ask->chunks[from[i]];
        chunks_piece piece = { asker->part, wanted[i].hash, chunk->bytes, chunk->len };
        if (wanted[i].is_taken)
            err = chunks_put(room->dir, &piece, error);
        *out_full = *out_full || !wanted[i].is_taken;
    }
    return err;
}

/* After the pieces: a backup that began before them has no more entries than this. */
static st_err count_entries(sync_room *room, uint64_t *out_entries, st_error *error)
{
    store_txn txn = { 0 };
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = sync_log_size(&txn, out_entries, error);
    store_end(&txn);
    return err;
}

st_err sync_have(sync_room *room, const have_asker *asker, const st_have_ask *ask,
                 st_have_answer *out_answer, st_error *error)
{
    have_named named;
    bool is_full = false;
    st_err err = look_up(room, asker, &ask->record, true, &named, error);
    if (err == ST_OK)
        err = keep_pieces(room, asker, ask, &named, &is_full, error);
    st_hash *missing = st_arena_array(asker->arena, ask->hashes_count + 1u, sizeof *missing);
    st_hash *unknown = st_arena_array(asker->arena, ask->hashes_count + 1u, sizeof *unknown);
    if (err == ST_OK && (missing == NULL || unknown == NULL))
        err = st_fail(error, ST_E_MEMORY, "attachments: no memory");
    if (err != ST_OK)
        return err;
    memset(out_answer, 0, sizeof *out_answer);
    out_answer->record = ask->record;
    out_answer->missing = missing;
    out_answer->unknown = unknown;
    out_answer->full = is_full;
    for (uint32_t i = 0; err == ST_OK && i < ask->hashes_count; i++) {
        bool is_here = false;
        if (!have_is_named(&named, &ask->hashes[i])) {
            unknown[out_answer->unknown_count++] = ask->hashes[i];
            continue;
        }
        err = chunks_has(room->dir, &ask->hashes[i], &is_here, error);
        if (!is_here)
            missing[out_answer->missing_count++] = ask->hashes[i];
    }
    bool is_all_here = out_answer->missing_count + out_answer->unknown_count == 0;
    return err == ST_OK && is_all_here ? count_entries(room, &out_answer->entries, error) : err;
}

/* ---- what was carried ---- */

/* META: these, then the hash. A backup that still has the piece takes it away. */
#define GONE "gone/"

typedef struct {
    uint8_t b[sizeof GONE - 1 + sizeof(st_hash)];
} gone_key;

static gone_key gone_key_of(const st_hash *hash)
{
    gone_key key = { GONE };
    memcpy(key.b + sizeof GONE - 1, hash->b, sizeof hash->b);
    return key;
}

st_err have_is_gone(store_txn *txn, const st_hash *hash, bool *out_gone, st_error *error)
{
    store_slice row = { 0 };
    const gone_key key = gone_key_of(hash);
    st_err err = store_get(txn, STORE_META, store_bytes(key.b, sizeof key.b), &row, error);
    *out_gone = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The device that wrote the hash into the record; zero: nobody did. */
static st_id attached_by(sync_room *room, const st_record *record, const st_hash *hash)
{
    hashes_at at;
    st_id nobody = { { 0 } };
    if (!find_field(sync_record_form(room, record), &at))
        return nobody;
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_live *live = &record->lives[i];
        have_named some = hashes_of(&live->op, &at);
        for (size_t j = 0; j < some.count; j++)
            if (compare(&some.hashes[j], hash) == 0)
                return record->metas[live->meta].dot.device;
    }
    return nobody;
}

/* What the log says of a piece that the record does not name. */
typedef struct {
    store_txn *txn;
    const st_id *record;
    const st_hash *hash;
    bool is_declined; /* by the office: a change that names it */
    bool is_kept;     /* a change that names it waits, or is of another branch of its device */
    st_id device;     /* is_kept: that attached it */
    st_err err;
} piece_fate;

/* By any value that may be a list of hashes: the form of the record need not be known. */
static bool names(const st_change *change, const st_hash *hash)
{
    for (uint32_t i = 0; i < change->ops_count; i++) {
        const st_value *value = &change->ops[i].value;
        if (value->kind != ST_VALUE_BYTES || value->len % sizeof hash->b != 0)
            continue;
        for (size_t at = 0; at < value->len; at += sizeof hash->b)
            if (memcmp(value->data + at, hash->b, sizeof hash->b) == 0)
                return true;
    }
    return false;
}

/* What cannot be read names nothing; that reading failed says nothing. */
static st_err failed(st_err err)
{
    return st_err_is_passing(err) ? err : ST_OK;
}

static bool look_at_change(void *context, const st_history_item *item)
{
    piece_fate *fate = context;
    if (!names(item->change, fate->hash))
        return true;
    fate->is_declined = fate->is_declined || strcmp(item->verdict, "declined") == 0;
    fate->is_kept = strcmp(item->verdict, "held") == 0;
    fate->device = item->change->dot.device;
    return !fate->is_kept;
}

/* A set of another branch, which no history has. */
static bool look_at_fork(void *context, uint64_t index)
{
    sync_row row;
    st_set set;
    st_arena arena;
    piece_fate *fate = context;
    memset(&set, 0, sizeof set);
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = sync_row_get(fate->txn, index, &arena, &row, NULL);
    if (err == ST_OK)
        err = st_set_decode(row.set.data, row.set.len, &arena, &set, NULL);
    for (uint32_t i = 0; err == ST_OK && i < set.changes_count && !fate->is_kept; i++)
        fate->is_kept = st_id_cmp(&set.changes[i].record, fate->record) == 0 &&
                        names(&set.changes[i], fate->hash);
    fate->device = set.device;
    st_arena_reset(&arena);
    fate->err = failed(err);
    return fate->err == ST_OK && !fate->is_kept;
}

/* Is the piece named by the record, or by what the log keeps beside it, and by whose change; or
 * will nobody ask for it any more? */
typedef struct {
    bool is_wanted, is_over;
    st_id device; /* is_wanted: that attached it */
} piece_need;

/* While a change that names it waits, or only another branch does, the log is all there is of it:
 * the piece belongs to that. It is over when only changes speak of it that the office declined. */
static st_err ask_log(sync_room *room, store_txn *txn, const st_id *record, const st_hash *hash,
                      piece_need *out, st_error *error)
{
    piece_fate fate = { .txn = txn, .record = record, .hash = hash };
    st_err err = sync_history_each(room, txn, record, look_at_change, &fate, error);
    if ((err == ST_OK || err == ST_E_NOT_FOUND) && !fate.is_kept)
        err = sets_each_fork(txn, look_at_fork, &fate, error);
    if (err == ST_OK && fate.err != ST_OK)
        err = st_fail(error, fate.err, "attachments: another branch cannot be read");
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    out->is_wanted = fate.is_kept;
    out->is_over = out->is_over || fate.is_declined;
    out->device = fate.device;
    return ST_OK;
}

static st_err need_of(sync_room *room, store_txn *txn, const st_id *record, const st_hash *hash,
                      piece_need *out, st_error *error)
{
    st_record state;
    st_arena arena;
    have_named named = { NULL, 0 };
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = have_is_gone(txn, hash, &out->is_over, error);
    if (err == ST_OK)
        err = sync_record_get(txn, record, &arena, &state, NULL, error);
    if (err == ST_OK)
        err = have_named_by(room, &state, &arena, &named, error);
    out->is_wanted = err == ST_OK && have_is_named(&named, hash);
    if (out->is_wanted)
        out->device = attached_by(room, &state, hash);
    st_arena_reset(&arena);
    bool asks = (err == ST_OK || err == ST_E_NOT_FOUND) && !out->is_wanted;
    return asks ? ask_log(room, txn, record, hash, out, error) : err;
}

/* Is it on disk because a record named it? What lies there for nothing may be collected. */
static st_err came_before(sync_room *room, const st_hash *hash, bool *out_came, st_error *error)
{
    store_txn txn = { 0 };
    bool is_here = false, is_counted = false;
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = quota_is_counted(&txn, hash, &is_counted, error);
    store_end(&txn);
    if (err == ST_OK && is_counted)
        err = chunks_has(room->dir, hash, &is_here, error);
    *out_came = err == ST_OK && is_here;
    return err;
}

st_err have_keep_carried(writer *w, const st_id *record, const chunks_piece *piece,
                         bool *out_taken, st_error *error)
{
    sync_room *room = writer_room(w);
    quota_piece counted = { .hash = piece->hash, .bytes = piece->len };
    piece_need need = { false, false, { { 0 } } };
    store_txn txn = { 0 };
    *out_taken = false;
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = need_of(room, &txn, record, &piece->hash, &need, error);
    store_end(&txn);
    counted.device = need.device;
    if (err == ST_OK && need.is_wanted)
        err = quota_take(w, &counted, 1, error);
    if (err == ST_OK && counted.is_taken)
        err = chunks_put(room->dir, piece, error);
    /* Its record may have got another name with a new key of its device: then it came that way. */
    bool is_here = false;
    if (err == ST_OK && !need.is_wanted && !need.is_over)
        err = came_before(room, &piece->hash, &is_here, error);
    is_here = is_here || counted.is_taken;
    *out_taken = err == ST_OK && (is_here || (need.is_over && !need.is_wanted));
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- the whole book ---- */

typedef struct {
    sync_room *room;
    have_say say;
    void *context;
    have_report report;
    bool stopped;
} checker;

static void say_wrong(checker *c, const st_id *record, const st_hash *hash, const char *why)
{
    char line[160], id[33], hex[65];
    st_id_format(record, id);
    st_hex(hash->b, sizeof hash->b, hex);
    (void)snprintf(line, sizeof line, "attachment of %s: piece %.16s: %s", id, hex, why);
    c->report.wrong++;
    if (!c->stopped && c->say != NULL)
        c->stopped = !c->say(c->context, line);
}

static st_err check_item(checker *c, const st_id *record, have_named pieces, st_error *error)
{
    st_err err = ST_OK;
    bool is_whole = true;
    for (size_t i = 0; err == ST_OK && i < pieces.count; i++) {
        chunks_state state = CHUNKS_MISSING;
        uint64_t len = 0;
        err = chunks_check(c->room->dir, &pieces.hashes[i], &state, &len, error);
        if (err == ST_OK && state == CHUNKS_WRONG)
            say_wrong(c, record, &pieces.hashes[i], "the file is not what its name says");
        is_whole = is_whole && state == CHUNKS_WHOLE;
    }
    c->report.attachments += pieces.count > 0 ? 1 : 0;
    c->report.incomplete += is_whole ? 0 : 1;
    return err;
}

static st_err check_record(checker *c, store_slice bytes, st_arena *arena, st_error *error)
{
    st_record record;
    hashes_at at;
    st_err err = st_record_decode(bytes.data, bytes.len, arena, &record, error);
    if (err != ST_OK || !find_field(sync_record_form(c->room, &record), &at))
        return err == ST_E_CORRUPT ? ST_OK : err; /* the fold of the log says what is wrong */
    for (size_t i = 0; err == ST_OK && i < record.lives_count; i++)
        err = check_item(c, &record.id, hashes_of(&record.lives[i].op, &at), error);
    return err;
}

st_err have_check(sync_room *room, store_txn *txn, have_say say, void *context,
                  have_report *out_report, st_error *error)
{
    checker c = { .room = room, .say = say, .context = context };
    store_cursor cursor = { 0 };
    st_arena arena;
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = store_cursor_open(txn, STORE_STATE, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = check_record(&c, cursor.value, &arena, error);
        st_arena_reset(&arena);
        progress_add(room->progress, 1);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (err == ST_OK)
        *out_report = c.report;
    return err;
}

/* ---- after an erasure ---- */

bool have_is_hashes(const st_form *form, const uint8_t *path, size_t len)
{
    hashes_at at;
    uint8_t wanted[5];
    if (!find_field(form, &at) || len < sizeof wanted)
        return false;
    wanted[0] = (uint8_t)ST_PATH_ITEM;
    wanted[1] = (uint8_t)(at.group >> 8);
    wanted[2] = (uint8_t)at.group;
    wanted[3] = (uint8_t)(at.field >> 8);
    wanted[4] = (uint8_t)at.field;
    return memcmp(path, wanted, sizeof wanted) == 0;
}

/* Marks the pieces that the record names. */
static st_err mark_named(sync_room *room, store_slice bytes, const have_named *pieces,
                         st_arena *arena, bool *named, st_error *error)
{
    st_record record;
    have_named of_record;
    st_err err = st_record_decode(bytes.data, bytes.len, arena, &record, error);
    if (err == ST_OK)
        err = have_named_by(room, &record, arena, &of_record, error);
    for (size_t i = 0; err == ST_OK && i < pieces->count; i++)
        named[i] = named[i] || have_is_named(&of_record, &pieces->hashes[i]);
    return err;
}

static st_err note_gone(store_txn *txn, const st_hash *hash, st_error *error)
{
    const gone_key key = gone_key_of(hash);
    return store_put(txn, STORE_META, store_bytes(key.b, sizeof key.b), store_text(""), error);
}

st_err have_gone_each(store_txn *txn, have_gone each, void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    const store_slice prefix = store_text(GONE);
    st_err err = store_cursor_open(txn, STORE_META, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        st_hash hash;
        if (cursor.key.len != prefix.len + sizeof hash.b) {
            err = st_fail(error, ST_E_CORRUPT, "store: a row of meta is damaged");
            break;
        }
        memcpy(hash.b, (const uint8_t *)cursor.key.data + prefix.len, sizeof hash.b);
        each(context, &hash);
        err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* What marks the pieces that changes name which wait: those are files too. */
typedef struct {
    store_txn *txn;
    const have_named *pieces;
    bool *named;
    free_sets sets;
    st_err err;
} held_marks;

static bool mark_held(void *context, const sync_held *held)
{
    held_marks *marks = context;
    free_source *source = NULL;
    const st_change *change = NULL;
    st_err err = free_sets_find(&marks->sets, marks->txn, held, &source, &change, NULL);
    for (size_t i = 0; err == ST_OK && i < marks->pieces->count; i++)
        marks->named[i] = marks->named[i] || names(change, &marks->pieces->hashes[i]);
    marks->err = failed(err);
    return marks->err == ST_OK;
}

static st_err mark_all_held(store_txn *txn, const have_named *pieces, bool *named,
                            st_error *error)
{
    held_marks marks;
    memset(&marks, 0, sizeof marks);
    marks.txn = txn;
    marks.pieces = pieces;
    marks.named = named;
    st_err err = sync_held_each(txn, mark_held, &marks, error);
    free_sets_end(&marks.sets);
    return err == ST_OK && marks.err != ST_OK
               ? st_fail(error, marks.err, "attachments: a held change cannot be read")
               : err;
}

st_err have_forget(sync_room *room, store_txn *txn, const have_named *pieces, st_error *error)
{
    store_cursor cursor = { 0 };
    st_arena arena;
    bool *named = calloc(pieces->count + 1, sizeof *named);
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = named == NULL ? st_fail(error, ST_E_MEMORY, "attachments: no memory")
                               : store_cursor_open(txn, STORE_STATE, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && cursor.is_valid) {
        err = mark_named(room, cursor.value, pieces, &arena, named, error);
        st_arena_reset(&arena);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (err == ST_OK)
        err = mark_all_held(txn, pieces, named, error);
    for (size_t i = 0; err == ST_OK && i < pieces->count; i++) {
        if (named[i])
            continue;
        err = note_gone(txn, &pieces->hashes[i], error);
        if (err == ST_OK)
            err = quota_drop(txn, &pieces->hashes[i], error);
        if (err == ST_OK)
            err = chunks_remove(room->dir, &pieces->hashes[i], error);
    }
    free(named);
    return err;
}
