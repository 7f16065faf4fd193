/* proto/changeset_encode.c - from checked structs to the bytes that are hashed, signed and sent.
 * Promises: the same set and seed give the same bytes; what is built here decodes to an equal set;
 * what breaks a rule of changeset_check.c is refused before anybody signs it.
 * Must never: build a set over a frozen limit, or touch the caller's set. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset_parts.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"

_Static_assert((int)ST_ROLE_ADMIN == (int)SOTAY__ROLE__ROLE_ADMIN, "roles as in sotay.proto");
_Static_assert((int)ST_VIA_OPERATOR == (int)SOTAY__VIA__VIA_OPERATOR, "via as in sotay.proto");
_Static_assert((int)ST_VERB_RESOLVE == (int)SOTAY__VERB__VERB_RESOLVE, "verbs as in sotay.proto");
_Static_assert((int)ST_ACT_LOCK == (int)SOTAY__ACT_KIND__ACT_LOCK, "acts as in sotay.proto");
_Static_assert((int)ST_HOLD_CORRUPT == (int)SOTAY__HOLD__HOLD_CORRUPT, "holds as in sotay.proto");
_Static_assert((int)ST_VALUE_ERASED == (int)SOTAY__VALUE_KIND__VALUE_ERASED,
               "value kinds as in sotay.proto");

#define BUILD_BYTES_MAX (64u * 1024u * 1024u)

typedef struct {
    const st_set *set;
    st_arena arena;
    st_id *devices;             /* the table: ascending, without the set's own device */
    size_t devices_count, devices_capacity;
    bool no_memory;
} builder;

/* ---- the device table ---- */

static void table_add(builder *b, const st_id *device)
{
    if (b->no_memory || st_id_cmp(device, &b->set->device) == 0)
        return;
    /* A run of dots of one device is the common case. */
    if (b->devices_count > 0 && st_id_cmp(&b->devices[b->devices_count - 1], device) == 0)
        return;
    st_id *grown = st_arena_grow(&b->arena, b->devices, b->devices_count, &b->devices_capacity,
                                 sizeof *grown);
    if (grown == NULL) {
        b->no_memory = true;
        return;
    }
    b->devices = grown;
    b->devices[b->devices_count++] = *device;
}

static int compare_ids(const void *a, const void *b)
{
    return st_id_cmp(a, b);
}

static void table_collect(builder *b)
{
    for (uint32_t i = 0; i < b->set->changes_count; i++) {
        const st_change *change = &b->set->changes[i];
        for (uint32_t k = 0; k < change->ops_count; k++) {
            const st_op *op = &change->ops[k];
            if (op->path.item.counter != 0)
                table_add(b, &op->path.item.device);
            for (uint32_t r = 0; r < op->replaces_count; r++)
                table_add(b, &op->replaces[r].device);
            if (op->kept.counter != 0)
                table_add(b, &op->kept.device);
        }
        for (uint32_t k = 0; k < change->context.count; k++)
            table_add(b, &change->context.devices[k].device);
        for (uint32_t k = 0; k < change->under_count; k++)
            table_add(b, &change->under[k].dot.device);
    }
}

static st_err table_make(builder *b, st_error *error)
{
    table_collect(b);
    if (b->no_memory)
        return st_fail(error, ST_E_MEMORY, "change-set: no memory for the device table");
    size_t count = 0;
    if (b->devices_count > 1)
        qsort(b->devices, b->devices_count, sizeof *b->devices, compare_ids);
    for (size_t i = 0; i < b->devices_count; i++) {
        if (count == 0 || st_id_cmp(&b->devices[count - 1], &b->devices[i]) != 0)
            b->devices[count++] = b->devices[i];
    }
    b->devices_count = count;
    if (count > ST_DEVICES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: names too many devices");
    return ST_OK;
}

static uint32_t table_index(const builder *b, const st_id *device)
{
    if (st_id_cmp(device, &b->set->device) == 0)
        return 0;
    const st_id *found = bsearch(device, b->devices, b->devices_count, sizeof *b->devices,
                                 compare_ids);
    assert(found != NULL);
    return (uint32_t)(found - b->devices) + 1;
}

/* ---- struct to message; all memory from the arena; NULL or false sets no_memory ---- */

static void *make(builder *b, size_t count, size_t size)
{
    void *memory = st_arena_array(&b->arena, count, size);
    if (memory == NULL)
        b->no_memory = true;
    return memory;
}

static ProtobufCBinaryData view(const void *data, size_t len)
{
    /* protobuf-c does not write through it. */
    return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)(uintptr_t)data };
}

static char *string_view(const char *text)
{
    return (char *)(uintptr_t)text;
}

static Sotay__Dot *make_dot(builder *b, const st_dot *dot)
{
    Sotay__Dot *out = make(b, 1, sizeof *out);
    if (out == NULL)
        return NULL;
    sotay__dot__init(out);
    out->device = table_index(b, &dot->device);
    out->counter = dot->counter;
    return out;
}

static void fill_value(Sotay__Op *out, const st_value *value)
{
    out->kind = (Sotay__ValueKind)value->kind;
    if (value->kind == ST_VALUE_INT)
        out->number = value->number;
    else if (value->kind == ST_VALUE_CODE || value->kind == ST_VALUE_ID)
        out->inline_ = view(value->data, value->len);
}

static void fill_op(builder *b, const st_change *change, const st_op *op, Sotay__Op *out)
{
    sotay__op__init(out);
    out->group = op->path.group;
    out->field = op->path.field;
    out->key = string_view(op->path.key.s);
    out->place = op->path.place;
    out->verb = (Sotay__Verb)op->verb;
    if (op->path.item.counter != 0 && st_dot_cmp(&op->path.item, &change->dot) != 0)
        out->item = make_dot(b, &op->path.item);
    if (op->path.element_len > 0)
        out->element = view(op->path.element, op->path.element_len);
    if (!st_verb_is_bare(op->verb))
        fill_value(out, &op->value);
    if (op->kept.counter != 0) {
        out->kept = make_dot(b, &op->kept);
        out->kept_actor = view(op->kept_actor.b, sizeof op->kept_actor.b);
    }
    out->n_replaces = 2 * (size_t)op->replaces_count;
    out->replaces = make(b, out->n_replaces, sizeof *out->replaces);
    if (out->replaces == NULL)
        return;
    for (uint32_t i = 0; i < op->replaces_count; i++) {
        out->replaces[2 * i] = table_index(b, &op->replaces[i].device);
        out->replaces[2 * i + 1] = op->replaces[i].counter;
    }
}

static Sotay__ContextDevice **make_context(builder *b, const st_context *context)
{
    Sotay__ContextDevice **out = make(b, context->count, sizeof *out);
    Sotay__ContextDevice *devices = make(b, context->count, sizeof *devices);
    if (out == NULL || devices == NULL)
        return NULL;
    for (uint32_t i = 0; i < context->count; i++) {
        const st_context_device *from = &context->devices[i];
        sotay__context_device__init(&devices[i]);
        devices[i].device = table_index(b, &from->device);
        devices[i].upto = from->upto;
        devices[i].n_singles = from->singles_count;
        devices[i].singles = (uint64_t *)(uintptr_t)from->singles;
        devices[i].n_holes = from->holes_count;
        devices[i].holes = (uint64_t *)(uintptr_t)from->holes;
        out[i] = &devices[i];
    }
    return out;
}

static void fill_create(builder *b, const st_change *change, Sotay__Change *out)
{
    Sotay__Create *create = make(b, 1, sizeof *create);
    if (create == NULL)
        return;
    sotay__create__init(create);
    create->form = string_view(change->form.s);
    create->version = change->form_version;
    create->random = view(change->random, sizeof change->random);
    out->create = create;
}

static void fill_act(builder *b, const st_change *change, Sotay__Change *out)
{
    Sotay__ContextDevice **context = make_context(b, &change->context);
    if (change->act == ST_ACT_NONE) {
        out->n_drop_context = change->context.count;
        out->drop_context = context;
        return;
    }
    Sotay__Act *act = make(b, 1, sizeof *act);
    if (act == NULL)
        return;
    sotay__act__init(act);
    act->kind = (Sotay__ActKind)change->act;
    act->n_context = change->context.count;
    act->context = context;
    out->act = act;
}

static void fill_under(builder *b, const st_change *change, Sotay__Change *out)
{
    out->n_under = change->under_count;
    out->under = make(b, change->under_count, sizeof *out->under);
    Sotay__UnderAct *under = make(b, change->under_count, sizeof *under);
    if (out->under == NULL || under == NULL)
        return;
    for (uint32_t i = 0; i < change->under_count; i++) {
        sotay__under_act__init(&under[i]);
        under[i].dot = make_dot(b, &change->under[i].dot);
        under[i].kind = (Sotay__ActKind)change->under[i].kind;
        out->under[i] = &under[i];
    }
}

static void fill_ops(builder *b, const st_change *change, Sotay__Change *out)
{
    out->n_ops = change->ops_count;
    out->ops = make(b, change->ops_count, sizeof *out->ops);
    Sotay__Op *ops = make(b, change->ops_count, sizeof *ops);
    if (out->ops == NULL || ops == NULL)
        return;
    for (uint32_t i = 0; i < change->ops_count && !b->no_memory; i++) {
        fill_op(b, change, &change->ops[i], &ops[i]);
        out->ops[i] = &ops[i];
    }
}

/* before: the change before in the set, or the change itself when it is the first. */
static void fill_change(builder *b, const st_change *change, const st_change *before,
                        Sotay__Change *out)
{
    sotay__change__init(out);
    if (change->creates)
        fill_create(b, change, out);
    else if (change == before || st_id_cmp(&change->record, &before->record) != 0)
        out->record = view(change->record.b, sizeof change->record.b);
    fill_ops(b, change, out);
    fill_act(b, change, out);
    fill_under(b, change, out);
    out->amend = change->amend;
    out->has_reason = change->reason.kind == ST_VALUE_TEXT;
    out->wall_step = (int64_t)((uint64_t)change->wall_ms - (uint64_t)before->wall_ms);
    out->mono_step = (int64_t)(change->mono_ms - before->mono_ms);
    out->hlc_step = (int64_t)(change->hlc - before->hlc);
}

static void fill_header(builder *b, Sotay__Skeleton *out)
{
    const st_set *set = b->set;
    const st_change *head = &set->changes[0];
    sotay__skeleton__init(out);
    out->format = ST_FORMAT;
    out->first = set->first;
    if (set->has_prev)
        out->prev = view(set->prev.b, sizeof set->prev.b);
    out->here = set->here;
    out->bucket = string_view(set->bucket.s);
    out->hlc = head->hlc;
    out->wall_ms = head->wall_ms;
    out->mono_ms = head->mono_ms;
    out->boot = view(set->boot, sizeof set->boot);
    out->scope_rev = set->scope_rev;
    out->seen_size = set->seen_size;
    if (set->seen_size > 0)
        out->seen_root = view(set->seen_root.b, sizeof set->seen_root.b);
    if (set->has_actor)
        out->actor = view(set->actor.b, sizeof set->actor.b);
    out->role = (Sotay__Role)set->role;
    out->via = (Sotay__Via)set->via;
    out->fold_version = set->fold_version == 0 ? 1 : set->fold_version;
    out->n_devices = b->devices_count;
    out->devices = make(b, b->devices_count, sizeof *out->devices);
    for (size_t i = 0; i < b->devices_count && out->devices != NULL; i++)
        out->devices[i] = view(b->devices[i].b, sizeof b->devices[i].b);
}

static st_err pack(builder *b, st_buffer *out, st_error *error)
{
    const st_set *set = b->set;
    Sotay__Skeleton skeleton;
    fill_header(b, &skeleton);
    skeleton.n_changes = set->changes_count;
    skeleton.changes = make(b, set->changes_count, sizeof *skeleton.changes);
    Sotay__Change *changes = make(b, set->changes_count, sizeof *changes);
    for (uint32_t i = 0; i < set->changes_count && !b->no_memory; i++) {
        const st_change *change = &set->changes[i];
        fill_change(b, change, i == 0 ? change : change - 1, &changes[i]);
        skeleton.changes[i] = &changes[i];
    }
    if (b->no_memory)
        return st_fail(error, ST_E_MEMORY, "change-set: no memory to encode");
    size_t len = sotay__skeleton__get_packed_size(&skeleton);
    if (len > ST_SET_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: skeleton of %zu bytes", len);
    uint8_t *room = st_buffer_reserve(out, len);
    if (room == NULL)
        return st_fail(error, ST_E_MEMORY, "change-set: no memory for the skeleton");
    out->len += sotay__skeleton__pack(&skeleton, room);
    /* What no receiver would unpack (too many fields) is not signed either. */
    return st_wire_scan(out->data, out->len, &sotay__skeleton__descriptor, error);
}

/* ---- detached values in their order ---- */

typedef struct {
    const st_set *set;
    uint32_t change, op;
} value_walk;

/* The next detached value: ops of a change, then its reason; NULL at the end. */
static const st_value *walk_next(value_walk *walk)
{
    while (walk->change < walk->set->changes_count) {
        const st_change *change = &walk->set->changes[walk->change];
        while (walk->op < change->ops_count) {
            const st_op *op = &change->ops[walk->op++];
            if (!st_verb_is_bare(op->verb) && st_value_is_detached(op->value.kind))
                return &op->value;
        }
        walk->op = 0;
        walk->change++;
        if (change->reason.kind == ST_VALUE_TEXT)
            return &change->reason;
    }
    return NULL;
}

static st_hash hash_set(const st_set *set, const st_unsigned_set *made, uint32_t values_count)
{
    st_sha256_state state;
    st_mac_text texts[ST_SET_MACS];
    st_hash macs[ST_SET_MACS];
    st_hash seed_hash = st_sha256(made->seed, sizeof made->seed);
    st_set_hash_begin(&state, made->skeleton.data, made->skeleton.len, &seed_hash, values_count);
    value_walk walk = { .set = set };
    for (uint32_t at = 0; at < values_count;) {
        uint32_t count = 0;
        for (; count < ST_SET_MACS && at + count < values_count; count++) {
            const st_value *value = walk_next(&walk);
            texts[count] = (st_mac_text){ value->data, value->len };
        }
        st_value_macs(made->seed, (st_mac_texts){ texts, at, count }, macs);
        for (uint32_t i = 0; i < count; i++)
            st_set_hash_add(&state, &macs[i]);
        at += count;
    }
    return st_sha256_final(&state);
}

/* ---- what may be built at all ---- */

static bool has_erased(const st_change *change)
{
    bool erased = change->reason.kind == ST_VALUE_ERASED;
    for (uint32_t i = 0; i < change->ops_count; i++)
        erased = erased || change->ops[i].value.kind == ST_VALUE_ERASED;
    return erased;
}

/* Does the difference fit the signed step of the wire? */
static bool step_fits(uint64_t to, uint64_t from)
{
    return (to >= from ? to - from : from - to) <= (uint64_t)INT64_MAX;
}

static bool times_fit(const st_change *change, const st_change *before)
{
    int64_t step = 0;
    return !__builtin_sub_overflow(change->wall_ms, before->wall_ms, &step)
        && step_fits(change->mono_ms, before->mono_ms) && step_fits(change->hlc, before->hlc);
}

/* NULL, or what the caller did wrong: dots that do not run, a foreign device, ... */
static const char *run_fault(const st_set *set, uint32_t at)
{
    const st_change *change = &set->changes[at];
    uint64_t prev = at == 0 ? set->here : change[-1].dot.counter;
    if (change->unknown)
        return "a change of an unknown kind is not built";
    if (st_id_cmp(&change->dot.device, &set->device) != 0)
        return "a change of another device";
    if (change->dot.counter != set->first + at || change->prev != prev)
        return "counters do not run";
    if (at > 0 && !times_fit(change, change - 1))
        return "clocks are too far apart for one set";
    if (has_erased(change))
        return "an erased value is not sent";
    st_id record = change->record;
    if (change->creates)
        record = st_record_id(&change->dot, change->random);
    return st_id_cmp(&record, &change->record) == 0 ? NULL : "not the id of a record made here";
}

static const char *header_fault(const st_set *set)
{
    st_bucket bucket;
    if (set->changes_count == 0)
        return "no changes";
    if (set->first == 0 || set->first > ST_COUNTER_MAX - ST_SET_CHANGES_MAX)
        return "bad first counter";
    if (set->here >= set->first || (set->first == 1 && set->has_prev))
        return "nothing comes before counter 1";
    if (!st_bucket_set(&bucket, set->bucket.s, strlen(set->bucket.s)))
        return "bad bucket";
    if (set->role < ST_ROLE_NONE || set->role >= ST_ROLE_COUNT || set->via < ST_VIA_DEVICE
        || set->via >= ST_VIA_COUNT)
        return "bad role or via";
    return NULL;
}

static st_err check_set(builder *b, st_error *error)
{
    const st_set *set = b->set;
    const char *why = header_fault(set);
    if (why != NULL)
        return st_fail(error, ST_E_USAGE, "change-set: %s", why);
    if (set->changes_count > ST_SET_CHANGES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: too many changes");
    for (uint32_t i = 0; i < set->changes_count; i++) {
        why = run_fault(set, i);
        if (why != NULL)
            return st_fail(error, ST_E_USAGE, "change-set: change %u: %s", i, why);
        st_err err = st_change_check(&set->changes[i], &b->arena, error);
        if (err == ST_E_CORRUPT) {
            if (error != NULL)
                error->code = ST_E_USAGE;
            return ST_E_USAGE;
        }
        if (err != ST_OK)
            return err;
        if (st_change_encoded_size(&set->changes[i]) > ST_CHANGE_BYTES_MAX)
            return st_fail(error, ST_E_TOO_LARGE, "change-set: change %u is over its limit", i);
    }
    return ST_OK;
}

static size_t framed_bytes(size_t len)
{
    size_t head = len < 0x80 ? 2 : len < 0x4000 ? 3 : len < 0x200000 ? 4 : 5;
    return head + len;
}

/* Counts the values and checks what the finished message will take. */
static st_err measure(const st_set *set, size_t skeleton_len, uint32_t *out_count, st_error *error)
{
    value_walk walk = { .set = set };
    size_t bytes = ST_SET_FRAMING_BYTES + skeleton_len;
    uint32_t count = 0;
    for (const st_value *value = walk_next(&walk); value != NULL; value = walk_next(&walk)) {
        bytes += framed_bytes(value->len);
        count++;
    }
    if (bytes > ST_SET_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change-set: %zu bytes", bytes);
    *out_count = count;
    return ST_OK;
}

st_err st_set_build(const st_set *set, const uint8_t seed[32], st_unsigned_set *out_unsigned,
                    st_error *error)
{
    assert(set != NULL && seed != NULL && out_unsigned != NULL);
    builder b = { .set = set };
    st_unsigned_set made = { 0 };
    uint32_t values_count = 0;
    st_arena_init(&b.arena, BUILD_BYTES_MAX);
    st_buffer_init(&made.skeleton, ST_SET_BYTES_MAX);
    memcpy(made.seed, seed, sizeof made.seed);
    st_err err = check_set(&b, error);
    if (err == ST_OK)
        err = table_make(&b, error);
    if (err == ST_OK)
        err = pack(&b, &made.skeleton, error);
    if (err == ST_OK)
        err = measure(set, made.skeleton.len, &values_count, error);
    if (err == ST_OK) {
        made.hash = hash_set(set, &made, values_count);
        *out_unsigned = made;
    } else {
        st_unsigned_set_free(&made);
    }
    st_arena_reset(&b.arena);
    return err;
}

/* ---- the finished message ---- */

typedef enum {
    FIELD_DEVICE = 1, FIELD_SKELETON = 2, FIELD_SEED = 3, FIELD_VALUE = 4, FIELD_SIGNATURE = 5
} set_field;

static st_err put_field(st_buffer *out, set_field field, const void *data, size_t len,
                        st_error *error)
{
    uint8_t head[6] = { (uint8_t)((unsigned)field << 3 | 2u) };
    size_t head_len = 1;
    size_t rest = len;
    do {
        head[head_len++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80u : 0));
        rest >>= 7;
    } while (rest > 0);
    st_err err = st_buffer_append(out, head, head_len, error);
    if (err == ST_OK && len > 0)
        err = st_buffer_append(out, data, len, error);
    return err;
}

st_err st_set_finish(const st_set *set, const st_unsigned_set *unsigned_set,
                     const uint8_t signature[64], st_buffer *out, st_error *error)
{
    assert(set != NULL && unsigned_set != NULL && signature != NULL && out != NULL);
    assert(unsigned_set->skeleton.len > 0);
    size_t start = out->len;
    value_walk walk = { .set = set };
    st_err err = put_field(out, FIELD_DEVICE, set->device.b, sizeof set->device.b, error);
    if (err == ST_OK)
        err = put_field(out, FIELD_SKELETON, unsigned_set->skeleton.data,
                        unsigned_set->skeleton.len, error);
    if (err == ST_OK)
        err = put_field(out, FIELD_SEED, unsigned_set->seed, sizeof unsigned_set->seed, error);
    const st_value *value = walk_next(&walk);
    while (value != NULL && err == ST_OK) {
        err = put_field(out, FIELD_VALUE, value->data, value->len, error);
        value = walk_next(&walk);
    }
    if (err == ST_OK)
        err = put_field(out, FIELD_SIGNATURE, signature, ST_SIGNATURE_BYTES, error);
    if (err != ST_OK)
        out->len = start;
    return err;
}
