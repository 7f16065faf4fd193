/* proto/changeset_decode.c - from foreign bytes to checked structs.
 * Promises: whatever the bytes are, the work and the memory are bounded, nothing is read outside
 * them, and a set that comes out keeps every rule of docs/protocol.md 4. What a newer program wrote
 * is told apart from what is broken: its change is marked `unknown`, its bytes stay as they are.
 * Must never: judge (forms, rights, chain), check the signature, or hash a re-encoding. */
#include <assert.h>
#include <string.h>

#include "proto/changeset_parts.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"

#define DETACHED_MAX (ST_SET_BYTES_MAX / 2u)    /* an empty value takes two bytes */
#define FIELD_FORMAT 1u
#define FIELD_FIRST 2u
#define FIELD_CHANGE 18u
#define FIELD_SEED_HASH 6u              /* of a ChangeSet */

typedef struct {
    const uint8_t *data;
    uint32_t len;
    bool erased;
} slot;

typedef struct {
    const Sotay__ChangeSet *sent;
    const Sotay__Skeleton *skeleton;
    st_arena *arena;
    st_set set;                 /* becomes *out_set */
    st_id *devices;             /* [0] is the set's own */
    bool *used;
    uint32_t devices_count;     /* with the own one */
    const uint32_t *sizes;      /* of each Change message in the skeleton */
    slot *slots;                /* detached values */
    uint32_t slots_count, slots_next;
    bool all_unknown;
    st_err kept_for;            /* why it is only kept under its name and not read; ST_OK: it is */
    bool is_kept;               /* own bytes: nobody asks for their hash */
} reader;

static st_err corrupt(st_error *error, const char *why)
{
    return st_fail(error, ST_E_CORRUPT, "change-set: %s", why);
}

/* A set that used up most of its ceiling is too large; else it is the machine that has no memory,
 * and the same set may be tried again. */
static st_err no_memory(const st_arena *arena, st_error *error)
{
    st_err err = arena->bytes_used > arena->bytes_max / 2 ? ST_E_TOO_LARGE : ST_E_MEMORY;
    return st_fail(error, err, "change-set: over the memory for decoding");
}

/* ---- the outermost fields of the skeleton, read by hand: they must be readable in a format of
 * which this program knows nothing else ---- */

typedef struct {
    const uint8_t *at, *end;
    uint32_t field;
    uint64_t number;            /* a varint, or the length of a field with bytes */
} walk;

static bool walk_varint(walk *w, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end)
            return false;
        uint8_t byte = *w->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

/* Steps over one field. False: the bytes are no message. */
static bool walk_field(walk *w)
{
    uint64_t tag = 0;
    uint64_t skip = 0;
    if (!walk_varint(w, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
        return false;
    w->field = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case 0:
        return walk_varint(w, &w->number);
    case 1:
        skip = 8;
        break;
    case 2:
        if (!walk_varint(w, &w->number))
            return false;
        skip = w->number;
        break;
    case 5:
        skip = 4;
        break;
    default:
        return false;
    }
    if (skip > (uint64_t)(w->end - w->at))
        return false;
    w->at += skip;
    return true;
}

/* After an erasure a set has a hash in place of its seed. */
bool st_set_fits(const uint8_t *bytes, size_t len)
{
    bool erased = false;
    if (len <= ST_SET_BYTES_MAX || len > ST_ERASED_SET_BYTES_MAX)
        return len <= ST_SET_BYTES_MAX;
    walk w = { .at = bytes, .end = bytes + len };
    while (w.at < w.end) {
        if (!walk_field(&w))
            return false;
        erased = erased || w.field == FIELD_SEED_HASH;
    }
    return erased;
}

/* Reads format, first and the size of each change. Only format 1 is looked at further. */
static st_err read_outline(reader *r, uint32_t **out_sizes, size_t *out_count, st_error *error)
{
    const ProtobufCBinaryData *bytes = &r->sent->skeleton;
    walk w = { .at = bytes->data, .end = bytes->data + bytes->len };
    uint32_t *sizes = NULL;
    size_t count = 0, capacity = 0;
    uint64_t format = 0;
    while (w.at < w.end) {
        if (!walk_field(&w)) {
            r->kept_for = ST_E_CORRUPT;
            break;
        }
        if (w.field == FIELD_FORMAT)
            format = w.number;
        if (w.field == FIELD_FIRST)
            r->set.first = w.number;
        if (w.field != FIELD_CHANGE || format > ST_FORMAT)
            continue;
        if (count == ST_SET_CHANGES_MAX) {
            r->kept_for = ST_E_TOO_LARGE;
            continue;
        }
        sizes = st_arena_grow(r->arena, sizes, count, &capacity, sizeof *sizes);
        if (sizes == NULL)
            return no_memory(r->arena, error);
        sizes[count++] = (uint32_t)w.number;
    }
    if (format == 0 || format > UINT32_MAX)
        return corrupt(error, "no format");
    if (r->set.first == 0 || r->set.first > ST_COUNTER_MAX - ST_SET_CHANGES_MAX)
        return corrupt(error, "bad first counter");
    r->set.format = (uint32_t)format;
    *out_sizes = sizes;
    *out_count = count;
    return ST_OK;
}

/* ---- detached values and the hash ---- */

static void fill_slot(reader *r, slot *out, const ProtobufCBinaryData *value)
{
    if (value->len > ST_VALUE_BYTES_MAX)
        r->kept_for = ST_E_TOO_LARGE;
    out->data = value->data;
    out->len = (uint32_t)value->len;           /* a whole set has less than 2^32 bytes */
}

static void fill_slots(reader *r)
{
    for (uint32_t i = 0; i < r->slots_count; i++)
        fill_slot(r, &r->slots[i], &r->sent->values[i]);
}

static void hash_seeded(reader *r)
{
    const Sotay__ChangeSet *sent = r->sent;
    st_sha256_state state;
    st_mac_text texts[ST_SET_MACS];
    st_hash macs[ST_SET_MACS];
    st_hash seed_hash = st_sha256(sent->seed.data, sent->seed.len);
    st_set_hash_begin(&state, sent->skeleton.data, sent->skeleton.len, &seed_hash, r->slots_count);
    for (uint32_t at = 0; at < r->slots_count;) {
        uint32_t count = 0;
        for (; count < ST_SET_MACS && at + count < r->slots_count; count++)
            texts[count] = (st_mac_text){ r->slots[at + count].data, r->slots[at + count].len };
        st_value_macs(sent->seed.data, (st_mac_texts){ texts, at, count }, macs);
        for (uint32_t i = 0; i < count; i++)
            st_set_hash_add(&state, &macs[i]);
        at += count;
    }
    r->set.hash = st_sha256_final(&state);
}

/* After an erasure: each value comes with its key, or only its commitment is left. */
static st_err hash_erased(reader *r, st_error *error)
{
    const Sotay__ChangeSet *sent = r->sent;
    st_sha256_state state;
    st_hash seed_hash;
    memcpy(seed_hash.b, sent->seed_hash.data, sizeof seed_hash.b);
    st_set_hash_begin(&state, sent->skeleton.data, sent->skeleton.len, &seed_hash, r->slots_count);
    for (uint32_t i = 0; i < r->slots_count; i++) {
        const Sotay__Detached *piece = sent->detached[i];
        st_hash mac, key;
        if (piece->key.len == 32 && piece->mac.len == 0) {
            fill_slot(r, &r->slots[i], &piece->value);
            memcpy(key.b, piece->key.data, sizeof key.b);
            mac = st_value_mac(&key, r->slots[i].data, r->slots[i].len);
        } else if (piece->mac.len == 32 && piece->key.len == 0 && piece->value.len == 0) {
            r->slots[i].erased = true;
            memcpy(mac.b, piece->mac.data, sizeof mac.b);
        } else {
            return corrupt(error, "a detached value has neither key nor commitment");
        }
        st_set_hash_add(&state, &mac);
    }
    r->set.hash = st_sha256_final(&state);
    return ST_OK;
}

static st_err read_envelope(reader *r, st_error *error)
{
    const Sotay__ChangeSet *sent = r->sent;
    bool seeded = sent->seed.len == 32 && sent->seed_hash.len == 0 && sent->n_detached == 0;
    bool erased = sent->seed_hash.len == 32 && sent->seed.len == 0 && sent->n_values == 0;
    size_t count = seeded ? sent->n_values : sent->n_detached;
    if (sent->device.len != 16 || sent->signature.len != ST_SIGNATURE_BYTES
        || sent->skeleton.len == 0 || seeded == erased)
        return corrupt(error, "bad envelope");
    if (count > DETACHED_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: too many values");
    memcpy(r->set.device.b, sent->device.data, 16);
    memcpy(r->set.signature, sent->signature.data, ST_SIGNATURE_BYTES);
    r->slots_count = (uint32_t)count;
    r->slots = st_arena_array(r->arena, count, sizeof *r->slots);
    if (r->slots == NULL)
        return no_memory(r->arena, error);
    if (erased)
        return hash_erased(r, error);
    fill_slots(r);
    if (!r->is_kept)
        hash_seeded(r);
    return ST_OK;
}

/* ---- header ---- */

static st_err read_devices(reader *r, st_error *error)
{
    size_t count = r->skeleton->n_devices;
    if (count > ST_DEVICES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: names too many devices");
    r->devices_count = (uint32_t)count + 1;
    r->devices = st_arena_array(r->arena, r->devices_count, sizeof *r->devices);
    r->used = st_arena_array(r->arena, r->devices_count, sizeof *r->used);
    if (r->devices == NULL || r->used == NULL)
        return no_memory(r->arena, error);
    r->devices[0] = r->set.device;
    for (size_t i = 0; i < count; i++) {
        st_id *device = &r->devices[i + 1];
        if (r->skeleton->devices[i].len != 16)
            return corrupt(error, "a device id has 16 bytes");
        memcpy(device->b, r->skeleton->devices[i].data, 16);
        if (st_id_cmp(device, &r->set.device) == 0 || (i > 0 && st_id_cmp(device - 1, device) >= 0))
            return corrupt(error, "device table is not ascending or names its own device");
    }
    return ST_OK;
}

static st_err read_header(reader *r, st_error *error)
{
    const Sotay__Skeleton *from = r->skeleton;
    st_set *set = &r->set;
    bool sized = from->seen_size > 0;
    if (from->prev.len != 0 && from->prev.len != 32)
        return corrupt(error, "bad previous hash");
    if (from->here >= set->first || (set->first == 1 && from->prev.len != 0))
        return corrupt(error, "something before counter 1");
    if (!st_bucket_set(&set->bucket, from->bucket, strlen(from->bucket)))
        return corrupt(error, "bad bucket");
    if (from->boot.len != sizeof set->boot || from->seen_root.len != (sized ? 32u : 0u)
        || (from->actor.len != 0 && from->actor.len != 16) || from->fold_version == 0)
        return corrupt(error, "bad header");
    set->has_prev = from->prev.len != 0;
    if (set->has_prev)
        memcpy(set->prev.b, from->prev.data, 32);
    set->here = from->here;
    memcpy(set->boot, from->boot.data, sizeof set->boot);
    set->scope_rev = from->scope_rev;
    set->seen_size = from->seen_size;
    if (sized)
        memcpy(set->seen_root.b, from->seen_root.data, 32);
    set->has_actor = from->actor.len != 0;
    if (set->has_actor)
        memcpy(set->actor.b, from->actor.data, 16);
    /* A role or way that this version does not know cannot be judged: every change waits. */
    r->all_unknown = (uint32_t)from->role >= ST_ROLE_COUNT || (uint32_t)from->via >= ST_VIA_COUNT;
    set->role = (uint32_t)from->role < ST_ROLE_COUNT ? (st_role)from->role : ST_ROLE_NONE;
    set->via = (uint32_t)from->via < ST_VIA_COUNT ? (st_via)from->via : ST_VIA_DEVICE;
    set->fold_version = from->fold_version;
    return read_devices(r, error);
}

/* ---- what is known, and how many detached values it takes ---- */

static bool op_is_known(const Sotay__Op *op)
{
    return (uint32_t)op->verb < ST_VERB_COUNT && (uint32_t)op->kind <= ST_VALUE_ERASED;
}

static bool op_is_detached(const Sotay__Op *op)
{
    return op->kind == SOTAY__VALUE_KIND__VALUE_TEXT || op->kind == SOTAY__VALUE_KIND__VALUE_GEO
        || op->kind == SOTAY__VALUE_KIND__VALUE_BYTES
        || (op->kind == SOTAY__VALUE_KIND__VALUE_HASH && op->inline_.len == 0);
}

static bool change_is_known(const Sotay__Change *change)
{
    if (change->act != NULL && (uint32_t)change->act->kind >= ST_ACT_COUNT)
        return false;
    for (size_t i = 0; i < change->n_under; i++) {
        if ((uint32_t)change->under[i]->kind >= ST_ACT_COUNT)
            return false;
    }
    for (size_t i = 0; i < change->n_ops; i++) {
        if (!op_is_known(change->ops[i]))
            return false;
    }
    return true;
}

/* An operation of an unknown kind may take a value or not: then nobody can tell whose the values
 * are, and the whole set waits for a version that can. */
static st_err count_values(reader *r, st_error *error)
{
    uint64_t wanted = 0;
    bool foreign = false;
    for (size_t i = 0; i < r->skeleton->n_changes; i++) {
        const Sotay__Change *change = r->skeleton->changes[i];
        for (size_t k = 0; k < change->n_ops; k++) {
            wanted += op_is_detached(change->ops[k]) ? 1 : 0;
            foreign = foreign || !op_is_known(change->ops[k]);
        }
        wanted += change->has_reason ? 1 : 0;
    }
    if (wanted == r->slots_count)
        return ST_OK;
    if (!foreign)
        return corrupt(error, "detached values do not match the skeleton");
    r->all_unknown = true;
    return ST_OK;
}

/* ---- one change ---- */

static bool get_dot(reader *r, uint64_t device, uint64_t counter, st_dot *out)
{
    if (device >= r->devices_count || counter == 0 || counter > ST_COUNTER_MAX)
        return false;
    r->used[device] = true;
    out->device = r->devices[device];
    out->counter = counter;
    return true;
}

static st_value take_slot(reader *r, st_value_kind kind)
{
    assert(r->slots_next < r->slots_count);
    const slot *next = &r->slots[r->slots_next++];
    if (next->erased)
        return (st_value){ .kind = ST_VALUE_ERASED };
    return (st_value){ .kind = kind, .data = next->data, .len = next->len };
}

static st_err get_path(reader *r, const st_change *change, const Sotay__Op *from, st_path *path,
                       st_error *error)
{
    bool drops = from->verb == SOTAY__VERB__VERB_DROP || from->verb == SOTAY__VERB__VERB_KEEP;
    size_t key_len = strlen(from->key);
    if (from->group > UINT16_MAX || from->field > UINT16_MAX || from->place > UINT16_MAX
        || from->element.len > sizeof path->element)
        return corrupt(error, "a number of a path is too large");
    path->group = (uint16_t)from->group;
    path->field = (uint16_t)from->field;
    path->place = (uint16_t)from->place;
    path->kind = from->group == 0 ? ST_PATH_FIELD : drops ? ST_PATH_DROP
               : key_len > 0 ? ST_PATH_KEYED : ST_PATH_ITEM;
    if (key_len > 0 && !st_code_set(&path->key, from->key, key_len))
        return corrupt(error, "bad key");
    path->element_len = (uint8_t)from->element.len;
    if (from->element.len > 0)
        memcpy(path->element, from->element.data, from->element.len);
    if (from->item == NULL) {
        /* Of a listed group without an item: the item that this change makes. */
        if (path->kind == ST_PATH_ITEM)
            path->item = change->dot;
        return ST_OK;
    }
    if (!get_dot(r, from->item->device, from->item->counter, &path->item)
        || st_dot_cmp(&path->item, &change->dot) == 0)
        return corrupt(error, "bad item");
    return ST_OK;
}

static st_err get_value(reader *r, const Sotay__Op *from, st_op *op, st_error *error)
{
    if (st_verb_is_bare(op->verb)) {
        if (from->kind != SOTAY__VALUE_KIND__VALUE_NULL || from->number != 0
            || from->inline_.len != 0)
            return corrupt(error, "this verb sends no value");
        if (op->verb == ST_VERB_ADD || op->verb == ST_VERB_DROP)
            op->value = (st_value){ .kind = ST_VALUE_INT, .number = 1 };
        return ST_OK;
    }
    st_value_kind kind = (st_value_kind)from->kind;
    bool may_inline = kind == ST_VALUE_CODE || kind == ST_VALUE_ID || kind == ST_VALUE_HASH;
    if (kind == ST_VALUE_ERASED)
        return corrupt(error, "erased is no value to send");
    if ((from->number != 0 && kind != ST_VALUE_INT) || (from->inline_.len != 0 && !may_inline))
        return corrupt(error, "a value of two kinds");
    if (op_is_detached(from)) {
        op->value = take_slot(r, kind);
        return ST_OK;
    }
    if (from->inline_.len > ST_CODE_BYTES_MAX)
        return corrupt(error, "inline value is too long");
    op->value = (st_value){ .kind = kind, .number = from->number, .data = from->inline_.data,
                            .len = (uint32_t)from->inline_.len };
    return ST_OK;
}

static st_err get_replaces(reader *r, const Sotay__Op *from, st_op *op, st_error *error)
{
    if (from->n_replaces % 2 != 0)
        return corrupt(error, "half a replaced dot");
    if (from->n_replaces / 2 > ST_REPLACES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: too many replaced dots");
    if (from->n_replaces == 0)
        return ST_OK;
    st_dot *dots = st_arena_array(r->arena, from->n_replaces / 2, sizeof *dots);
    if (dots == NULL)
        return no_memory(r->arena, error);
    for (size_t i = 0; i < from->n_replaces / 2; i++) {
        if (!get_dot(r, from->replaces[2 * i], from->replaces[2 * i + 1], &dots[i]))
            return corrupt(error, "bad replaced dot");
    }
    op->replaces = dots;
    op->replaces_count = (uint32_t)(from->n_replaces / 2);
    return ST_OK;
}

static st_err get_op(reader *r, const st_change *change, const Sotay__Op *from, st_op *op,
                     st_error *error)
{
    op->verb = (st_verb)from->verb;
    st_err err = get_path(r, change, from, &op->path, error);
    if (err == ST_OK)
        err = get_value(r, from, op, error);
    if (err == ST_OK)
        err = get_replaces(r, from, op, error);
    if (err != ST_OK || (from->kept == NULL && from->kept_actor.len == 0))
        return err;
    if (from->kept == NULL || from->kept_actor.len != 16
        || !get_dot(r, from->kept->device, from->kept->counter, &op->kept))
        return corrupt(error, "bad kept value");
    memcpy(op->kept_actor.b, from->kept_actor.data, 16);
    return ST_OK;
}

static st_err get_ops(reader *r, const Sotay__Change *from, st_change *change, st_error *error)
{
    if (from->n_ops > ST_OPS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: too many operations");
    st_op *ops = st_arena_array(r->arena, from->n_ops, sizeof *ops);
    if (ops == NULL)
        return no_memory(r->arena, error);
    st_err err = ST_OK;
    for (size_t i = 0; i < from->n_ops && err == ST_OK; i++)
        err = get_op(r, change, from->ops[i], &ops[i], error);
    change->ops = ops;
    change->ops_count = (uint32_t)from->n_ops;
    return err;
}

/* from: the context of an act, or of drops. The arrays of counters stay in the arena. */
static st_err get_context(reader *r, Sotay__ContextDevice *const *from, size_t count,
                          st_context *out, st_error *error)
{
    if (count > ST_DEVICES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: too many devices in a context");
    st_context_device *devices = st_arena_array(r->arena, count, sizeof *devices);
    if (devices == NULL)
        return no_memory(r->arena, error);
    for (size_t i = 0; i < count; i++) {
        if (from[i]->device >= r->devices_count)
            return corrupt(error, "bad device of a context");
        if (from[i]->n_singles > ST_CONTEXT_DOTS_MAX || from[i]->n_holes > ST_CONTEXT_DOTS_MAX)
            return st_fail(error, ST_E_TOO_LARGE, "change-set: too many dots in a context");
        r->used[from[i]->device] = true;
        devices[i] = (st_context_device){
            .device = r->devices[from[i]->device], .upto = from[i]->upto,
            .singles = from[i]->singles, .singles_count = (uint32_t)from[i]->n_singles,
            .holes = from[i]->holes, .holes_count = (uint32_t)from[i]->n_holes
        };
    }
    out->devices = devices;
    out->count = (uint32_t)count;
    return ST_OK;
}

static st_err get_act(reader *r, const Sotay__Change *from, st_change *change, st_error *error)
{
    if (from->act == NULL)
        return get_context(r, from->drop_context, from->n_drop_context, &change->context, error);
    if (from->act->kind == SOTAY__ACT_KIND__ACT_NONE || from->n_drop_context > 0)
        return corrupt(error, "bad act");
    change->act = (st_act_kind)from->act->kind;
    return get_context(r, from->act->context, from->act->n_context, &change->context, error);
}

static st_err get_under(reader *r, const Sotay__Change *from, st_change *change, st_error *error)
{
    if (from->n_under > ST_UNDER_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: too many acts in under");
    st_under *under = st_arena_array(r->arena, from->n_under, sizeof *under);
    if (under == NULL)
        return no_memory(r->arena, error);
    for (size_t i = 0; i < from->n_under; i++) {
        const Sotay__Dot *dot = from->under[i]->dot;
        if (dot == NULL || !get_dot(r, dot->device, dot->counter, &under[i].dot))
            return corrupt(error, "bad dot in under");
        under[i].kind = (st_act_kind)from->under[i]->kind;
    }
    change->under = under;
    change->under_count = (uint32_t)from->n_under;
    return ST_OK;
}

/* Created here, named, or the same as in the change before. */
static st_err get_record(const Sotay__Change *from, const st_change *before, st_change *change,
                         st_error *error)
{
    if (from->create != NULL) {
        const Sotay__Create *create = from->create;
        if (from->record.len != 0 || create->random.len != 16
            || !st_code_set(&change->form, create->form, strlen(create->form)))
            return corrupt(error, "bad creation of a record");
        change->creates = true;
        change->form_version = create->version;
        memcpy(change->random, create->random.data, 16);
        change->record = st_record_id(&change->dot, change->random);
    } else if (from->record.len == 16) {
        memcpy(change->record.b, from->record.data, 16);
    } else if (from->record.len == 0 && before != NULL) {
        change->record = before->record;
    } else {
        return corrupt(error, "a change without a record");
    }
    return ST_OK;
}

static bool add_step(uint64_t from, int64_t step, uint64_t *out)
{
    uint64_t size = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
    if (step < 0)
        return !__builtin_sub_overflow(from, size, out);
    return !__builtin_add_overflow(from, size, out);
}

static st_err get_times(const reader *r, const Sotay__Change *from, const st_change *before,
                        st_change *change, st_error *error)
{
    const Sotay__Skeleton *header = r->skeleton;
    int64_t wall_ms = before == NULL ? header->wall_ms : before->wall_ms;
    if (__builtin_add_overflow(wall_ms, from->wall_step, &change->wall_ms)
        || !add_step(before == NULL ? header->mono_ms : before->mono_ms, from->mono_step,
                     &change->mono_ms)
        || !add_step(before == NULL ? header->hlc : before->hlc, from->hlc_step, &change->hlc))
        return corrupt(error, "a clock runs over");
    return ST_OK;
}

static st_err get_content(reader *r, const Sotay__Change *from, st_change *change, st_error *error)
{
    uint32_t slots_start = r->slots_next;
    st_err err = get_ops(r, from, change, error);
    if (err == ST_OK)
        err = get_act(r, from, change, error);
    if (err == ST_OK)
        err = get_under(r, from, change, error);
    if (err != ST_OK)
        return err;
    if (from->has_reason)
        change->reason = take_slot(r, ST_VALUE_TEXT);
    change->amend = from->amend;
    uint64_t bytes = r->sizes[change->dot.counter - r->set.first];
    for (uint32_t i = slots_start; i < r->slots_next; i++)
        bytes += r->slots[i].len;
    if (bytes > ST_CHANGE_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: a change is over its limit");
    return st_change_check(change, r->arena, error);
}

/* Passes over the values of a change whose operations are not taken in. */
static void skip_values(reader *r, const Sotay__Change *from)
{
    for (size_t i = 0; i < from->n_ops; i++)
        r->slots_next += op_is_detached(from->ops[i]) ? 1 : 0;
    r->slots_next += from->has_reason ? 1 : 0;
}

static st_err read_change(reader *r, size_t at, st_error *error)
{
    const Sotay__Change *from = r->skeleton->changes[at];
    st_change *change = &r->set.changes[at];
    const st_change *before = at == 0 ? NULL : change - 1;
    change->dot = (st_dot){ .device = r->set.device, .counter = r->set.first + at };
    change->prev = at == 0 ? r->set.here : before->dot.counter;
    st_err err = get_record(from, before, change, error);
    if (err == ST_OK)
        err = get_times(r, from, before, change, error);
    if (err != ST_OK)
        return err;
    if (r->all_unknown || !change_is_known(from)) {
        change->unknown = true;
        skip_values(r, from);
        return ST_OK;
    }
    return get_content(r, from, change, error);
}

static st_err read_changes(reader *r, st_error *error)
{
    size_t count = r->skeleton->n_changes;
    bool unknown = false;
    if (count == 0)
        return corrupt(error, "no changes");
    r->set.changes = st_arena_array(r->arena, count, sizeof *r->set.changes);
    if (r->set.changes == NULL)
        return no_memory(r->arena, error);
    r->set.changes_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        st_err err = read_change(r, i, error);
        if (err != ST_OK)
            return err;
        unknown = unknown || r->set.changes[i].unknown;
    }
    /* What an unknown change names is not looked at, so the table may hold more than was seen. */
    for (uint32_t i = 1; i < r->devices_count && !unknown; i++) {
        if (!r->used[i])
            return corrupt(error, "device table names a device that nothing uses");
    }
    return ST_OK;
}

static st_err read_skeleton(reader *r, size_t changes_count, st_error *error)
{
    void *message = NULL;
    st_err err = st_wire_unpack(r->sent->skeleton.data, r->sent->skeleton.len,
                                &sotay__skeleton__descriptor, r->arena, &message, error);
    if (err != ST_OK)
        return err;
    r->skeleton = message;
    if (r->skeleton->format != r->set.format || r->skeleton->first != r->set.first
        || r->skeleton->n_changes != changes_count)
        return corrupt(error, "skeleton reads in two ways");
    err = read_header(r, error);
    if (err == ST_OK)
        err = count_values(r, error);
    if (err == ST_OK)
        err = read_changes(r, error);
    return err;
}

/* What is told of a set that cannot be read further: enough to check the signature and to keep it
 * under its name. */
static void give_envelope(const reader *r, st_set *out_set)
{
    const st_set *set = &r->set;
    *out_set = (st_set){ .device = set->device, .format = set->format, .first = set->first,
                         .hash = set->hash, .bytes = set->bytes, .bytes_len = set->bytes_len };
    memcpy(out_set->signature, set->signature, sizeof set->signature);
}

static st_err decode(const uint8_t *bytes, size_t len, reader *from, st_set *out_set,
                     st_error *error)
{
    assert((bytes != NULL || len == 0) && from->arena != NULL && out_set != NULL);
    st_arena *arena = from->arena;
    reader r = *from;
    memset(out_set, 0, sizeof *out_set);
    void *message = NULL;
    uint32_t *sizes = NULL;
    size_t changes_count = 0;
    if (!st_set_fits(bytes, len))
        return st_fail(error, ST_E_TOO_LARGE, "change-set: %zu bytes", len);
    st_err err = st_wire_unpack(bytes, len, &sotay__change_set__descriptor, arena, &message, error);
    if (err != ST_OK)
        return err;
    r.sent = message;
    err = read_envelope(&r, error);
    if (err == ST_OK)
        err = read_outline(&r, &sizes, &changes_count, error);
    if (err != ST_OK)
        return err;
    r.sizes = sizes;
    r.set.bytes = bytes;
    r.set.bytes_len = len;
    if (r.set.format > ST_FORMAT)
        err = st_fail(error, ST_E_VERSION, "change-set: format %u", r.set.format);
    else if (r.kept_for == ST_E_TOO_LARGE)
        err = st_fail(error, r.kept_for, "change-set: a value or the number of changes is over its "
                                         "limit");
    else if (r.kept_for != ST_OK)
        err = corrupt(error, "skeleton is no message");
    else
        err = read_skeleton(&r, changes_count, error);
    if (err == ST_OK)
        *out_set = r.set;
    else
        give_envelope(&r, out_set);
    return err;
}

st_err st_set_decode(const uint8_t *bytes, size_t len, st_arena *arena, st_set *out_set,
                     st_error *error)
{
    reader r = { .arena = arena };
    return decode(bytes, len, &r, out_set, error);
}

st_err st_set_decode_kept(const uint8_t *bytes, size_t len, st_arena *arena, st_set *out_set,
                          st_error *error)
{
    reader r = { .arena = arena, .is_kept = true };
    return decode(bytes, len, &r, out_set, error);
}
