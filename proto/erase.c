/* proto/erase.c - takes single values out of what was signed, and nothing else.
 * Promises: hash and signature of a set stay what they were; what is left tells nothing about the
 * value that went, since its key and the seed go with it. Must never: decide what is to go. */
#include "proto/erase.h"

#include <assert.h>
#include <string.h>

#include "proto/hash.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"

#define ERASE_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define HEAD_BYTES (16u + 8u + 8u + 32u + 4u + 1u)

/* ---- the list ---- */

st_err st_erasures_encode(const st_erasure *list, size_t count, st_buffer *out, st_error *error)
{
    size_t start = out->len;
    st_err err = ST_OK;
    if (count > ST_ERASURES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "erase: more than %u values at once",
                       ST_ERASURES_MAX);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        const st_erasure *one = &list[i];
        uint8_t head[HEAD_BYTES];
        assert(one->path_len <= sizeof one->path);
        memcpy(head, one->dot.device.b, 16);
        st_put_u64(head + 16, one->dot.counter);
        st_put_u64(head + 24, one->first);
        memcpy(head + 32, one->set.b, 32);
        st_put_u32(head + 64, one->place);
        head[68] = (uint8_t)one->path_len;
        err = st_buffer_append(out, head, sizeof head, error);
        if (err == ST_OK && one->path_len > 0)
            err = st_buffer_append(out, one->path, one->path_len, error);
    }
    if (err != ST_OK)
        out->len = start;
    return err;
}

/* Reads one target at *at. False: the bytes are none. */
static bool read_one(const uint8_t *bytes, size_t len, size_t *at, st_erasure *out)
{
    if (len - *at < HEAD_BYTES)
        return false;
    const uint8_t *head = bytes + *at;
    memset(out, 0, sizeof *out);
    memcpy(out->dot.device.b, head, 16);
    out->dot.counter = st_get_u64(head + 16);
    out->first = st_get_u64(head + 24);
    memcpy(out->set.b, head + 32, 32);
    out->place = st_get_u32(head + 64);
    out->path_len = head[68];
    *at += HEAD_BYTES;
    if (out->path_len > sizeof out->path || len - *at < out->path_len
        || out->place == ST_PLACE_NONE || out->first == 0 || out->dot.counter < out->first)
        return false;
    memcpy(out->path, bytes + *at, out->path_len);
    *at += out->path_len;
    return true;
}

st_err st_erasures_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                          const st_erasure **out_list, size_t *out_count, st_error *error)
{
    size_t count = 0, at = 0, most = len / HEAD_BYTES;
    if (most > ST_ERASURES_MAX)
        most = ST_ERASURES_MAX;
    st_erasure *list = st_arena_array(arena, most, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    while (at < len) {
        if (count == most || !read_one(bytes, len, &at, &list[count]))
            return st_fail(error, ST_E_CORRUPT, "erase: this is no list of values");
        count++;
    }
    *out_list = list;
    *out_count = count;
    return ST_OK;
}

static const st_value *value_of(const st_change *change, uint16_t field)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD && change->ops[i].path.field == field)
            return &change->ops[i].value;
    return NULL;
}

st_err st_erasure_read(const st_change *change, st_arena *arena, bool *out_is, st_id *out_about,
                       const st_erasure **out_list, size_t *out_count)
{
    const st_value *about = value_of(change, ST_ERASURE_ABOUT);
    const st_value *targets = value_of(change, ST_ERASURE_TARGETS);
    *out_is = false;
    if (!change->creates || strcmp(change->form.s, ST_ERASURE_FORM) != 0 || about == NULL
        || about->kind != ST_VALUE_ID || about->len != sizeof out_about->b || targets == NULL
        || targets->kind != ST_VALUE_BYTES)
        return ST_OK;
    st_err err = st_erasures_decode(targets->data, targets->len, arena, out_list, out_count, NULL);
    if (err != ST_OK)
        return err == ST_E_MEMORY ? err : ST_OK;
    memcpy(out_about->b, about->data, sizeof out_about->b);
    *out_is = true;
    return ST_OK;
}

/* ---- places ---- */

static bool is_detached(const Sotay__Op *op)
{
    return op->kind == SOTAY__VALUE_KIND__VALUE_TEXT || op->kind == SOTAY__VALUE_KIND__VALUE_GEO
           || op->kind == SOTAY__VALUE_KIND__VALUE_BYTES
           || (op->kind == SOTAY__VALUE_KIND__VALUE_HASH && op->inline_.len == 0);
}

static uint32_t find_place(const Sotay__Skeleton *skeleton, st_set_value value)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i <= value.change; i++) {
        const Sotay__Change *change = skeleton->changes[i];
        for (uint32_t k = 0; k < change->n_ops; k++) {
            if (i == value.change && k == value.op)
                return is_detached(change->ops[k]) ? place : ST_PLACE_NONE;
            place += is_detached(change->ops[k]) ? 1 : 0;
        }
        if (i == value.change)
            return change->has_reason && value.op == ST_PLACE_NONE ? place : ST_PLACE_NONE;
        place += change->has_reason ? 1 : 0;
    }
    return ST_PLACE_NONE;
}

static st_err unpack(const uint8_t *bytes, size_t len, st_arena *arena,
                     const Sotay__ChangeSet **out_set, st_error *error)
{
    void *message = NULL;
    st_err err = st_wire_unpack(bytes, len, &sotay__change_set__descriptor, arena, &message,
                                error);
    if (err == ST_OK)
        *out_set = message;
    return err;
}

st_err st_set_place(const uint8_t *bytes, size_t len, st_set_value value, uint32_t *out_place,
                    st_error *error)
{
    st_arena arena;
    const Sotay__ChangeSet *set = NULL;
    void *message = NULL;
    st_arena_init(&arena, ERASE_ARENA_BYTES);
    st_err err = unpack(bytes, len, &arena, &set, error);
    if (err == ST_OK)
        err = st_wire_unpack(set->skeleton.data, set->skeleton.len, &sotay__skeleton__descriptor,
                             &arena, &message, error);
    const Sotay__Skeleton *skeleton = message;
    if (err == ST_OK
        && (value.change >= skeleton->n_changes
            || (value.op != ST_PLACE_NONE
                && value.op >= skeleton->changes[value.change]->n_ops)))
        err = st_fail(error, ST_E_CORRUPT, "erase: the set has no such operation");
    if (err == ST_OK)
        *out_place = find_place(skeleton, value);
    st_arena_reset(&arena);
    return err;
}

st_err st_set_gone(const uint8_t *bytes, size_t len, st_arena *arena, const uint32_t **out_list,
                   size_t *out_count, st_error *error)
{
    const Sotay__ChangeSet *set = NULL;
    size_t count = 0;
    st_err err = unpack(bytes, len, arena, &set, error);
    if (err != ST_OK)
        return err;
    uint32_t *list = st_arena_array(arena, set->n_detached, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    for (uint32_t i = 0; i < set->n_detached; i++)
        if (set->detached[i]->mac.len > 0)
            list[count++] = i;
    *out_list = list;
    *out_count = count;
    return ST_OK;
}

/* ---- what is left of a set ---- */

/* The message under construction; hashes lie in the arena. */
typedef struct {
    const Sotay__ChangeSet *from;
    st_arena *arena;
    Sotay__ChangeSet out;
    Sotay__Detached *pieces;
    bool seeded;
} remains;

static uint8_t *keep_hash(remains *r, const st_hash *hash)
{
    return st_arena_copy(r->arena, hash->b, sizeof hash->b);
}

/* Value i with its key, as it is kept when others go. */
static st_err keep_piece(remains *r, uint32_t i, st_error *error)
{
    Sotay__Detached *piece = &r->pieces[i];
    sotay__detached__init(piece);
    if (!r->seeded) {
        *piece = *r->from->detached[i];
        return ST_OK;
    }
    st_hash key = st_value_key(r->from->seed.data, i);
    piece->key = (ProtobufCBinaryData){ 32, keep_hash(r, &key) };
    piece->value = r->from->values[i];
    return piece->key.data != NULL ? ST_OK : st_fail(error, ST_E_MEMORY, "erase: out of memory");
}

static st_err drop_piece(remains *r, uint32_t i, st_error *error)
{
    Sotay__Detached *piece = &r->pieces[i];
    if (piece->mac.len > 0)
        return ST_OK;                          /* it went before */
    st_hash key;
    memcpy(key.b, piece->key.data, sizeof key.b);
    st_hash mac = st_value_mac(&key, piece->value.data, piece->value.len);
    sotay__detached__init(piece);
    piece->mac = (ProtobufCBinaryData){ 32, keep_hash(r, &mac) };
    return piece->mac.data != NULL ? ST_OK : st_fail(error, ST_E_MEMORY, "erase: out of memory");
}

static st_err make_envelope(remains *r, size_t count, st_error *error)
{
    st_hash seed_hash;
    sotay__change_set__init(&r->out);
    r->out.device = r->from->device;
    r->out.skeleton = r->from->skeleton;
    r->out.signature = r->from->signature;
    r->out.seed_hash = r->from->seed_hash;
    if (r->seeded) {
        seed_hash = st_sha256(r->from->seed.data, r->from->seed.len);
        r->out.seed_hash = (ProtobufCBinaryData){ 32, keep_hash(r, &seed_hash) };
    }
    r->pieces = st_arena_array(r->arena, count, sizeof *r->pieces);
    Sotay__Detached **list = st_arena_array(r->arena, count, sizeof *list);
    if (r->pieces == NULL || list == NULL || r->out.seed_hash.data == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    for (size_t i = 0; i < count; i++)
        list[i] = &r->pieces[i];
    r->out.n_detached = count;
    r->out.detached = list;
    return ST_OK;
}

static st_err write_out(const remains *r, st_buffer *out, st_error *error)
{
    size_t len = sotay__change_set__get_packed_size(&r->out);
    if (len > ST_ERASED_SET_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "erase: the set has too many values");
    uint8_t *room = st_buffer_reserve(out, len);
    if (room == NULL)
        return st_fail(error, ST_E_MEMORY, "erase: out of memory");
    out->len += sotay__change_set__pack(&r->out, room);
    return ST_OK;
}

static st_err erase(remains *r, st_set_places places, st_buffer *out, st_error *error)
{
    size_t count = r->seeded ? r->from->n_values : r->from->n_detached;
    st_err err = make_envelope(r, count, error);
    for (uint32_t i = 0; err == ST_OK && i < count; i++)
        err = keep_piece(r, i, error);
    for (size_t i = 0; err == ST_OK && i < places.count; i++)
        err = places.list[i] < count
                  ? drop_piece(r, places.list[i], error)
                  : st_fail(error, ST_E_VALUE, "erase: the set has no value %u", places.list[i]);
    return err == ST_OK ? write_out(r, out, error) : err;
}

st_err st_set_erase(const uint8_t *bytes, size_t len, st_set_places places, st_buffer *out,
                    st_error *error)
{
    st_arena arena;
    st_set set;
    remains r;
    memset(&r, 0, sizeof r);
    st_arena_init(&arena, ERASE_ARENA_BYTES);
    r.arena = &arena;
    st_err err = st_set_decode(bytes, len, &arena, &set, error);
    if (err != ST_OK && err != ST_E_MEMORY && set.bytes != NULL)
        err = ST_OK;                           /* what cannot be read may be erased all the same */
    if (err == ST_OK)
        err = unpack(bytes, len, &arena, &r.from, error);
    if (err == ST_OK) {
        r.seeded = r.from->seed.len > 0;
        err = erase(&r, places, out, error);
    }
    st_arena_reset(&arena);
    return err;
}

/* ---- what is left of a record ---- */

static bool names(const st_erasure *one, const st_live *live, const st_dot *dot)
{
    uint8_t path[ST_PATH_BYTES_MAX];
    if (one->path_len == 0 || st_dot_cmp(&one->dot, dot) != 0)
        return false;
    size_t len = st_path_encode(&live->op.path, path);
    return len == one->path_len && memcmp(path, one->path, len) == 0;
}

bool st_record_erase(st_record *record, const st_erasure *list, size_t count)
{
    bool changed = false;
    for (size_t k = 0; k < count; k++) {
        size_t at = st_record_meta(record, &list[k].dot);
        if (at == SIZE_MAX)
            continue;                          /* replaced long ago: only its set had it */
        if (list[k].path_len == 0 && record->metas[at].reason.kind == ST_VALUE_TEXT) {
            record->metas[at].reason = (st_value){ .kind = ST_VALUE_ERASED };
            changed = true;
        }
        for (size_t i = 0; i < record->lives_count; i++) {
            st_live *live = &record->lives[i];
            if (!st_value_is_detached(live->op.value.kind) || live->meta != at
                || !names(&list[k], live, &record->metas[at].dot))
                continue;
            live->op.value = (st_value){ .kind = ST_VALUE_ERASED };
            changed = true;
        }
    }
    return changed;
}
