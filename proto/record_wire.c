/* proto/record_wire.c - a record and a vector as stored bytes (RecordState, VectorState) and back.
 * Promises one spelling: tables of ids ascend, so the same content gives the same bytes on every
 * machine; and that nothing that decodes breaks the order or the indices the fold relies on.
 * Must never keep a pointer into the bytes it read. */
#include <assert.h>
#include <string.h>

#include "proto/record_parts.h"
#include "proto/wire.h"
#include "sotay.pb-c.h"

/* Bounds the messages of one encoding; a record has at most some thousand operations. */
#define SCRATCH_BYTES_MAX (256u * 1024u * 1024u)

/* Ascending ids without doubles; `last` is where the search before ended. */
typedef struct {
    st_id *ids;
    size_t count, capacity, last;
} id_table;

typedef struct {
    st_arena arena;            /* the messages; given back at the end */
    id_table devices, persons;
    st_buffer lives;           /* their bytes */
    bool failed;               /* out of memory somewhere: looked at once, at the end */
} encoder;

/* ---- tables of ids ---- */

/* First index not below the id. */
static size_t table_seek(id_table *table, const st_id *id)
{
    if (table->last < table->count && st_id_cmp(&table->ids[table->last], id) == 0)
        return table->last;
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (st_id_cmp(&table->ids[middle], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    table->last = low;
    return low;
}

static void table_add(encoder *e, id_table *table, const st_id *id)
{
    size_t at = table_seek(table, id);
    if (at < table->count && st_id_cmp(&table->ids[at], id) == 0)
        return;
    st_id *ids = st_arena_grow(&e->arena, table->ids, table->count, &table->capacity, sizeof *ids);
    if (ids == NULL) {
        e->failed = true;
        return;
    }
    table->ids = ids;
    memmove(ids + at + 1, ids + at, (table->count - at) * sizeof *ids);
    ids[at] = *id;
    table->count++;
}

/* The number of an id that was added: its index and one. */
static uint32_t table_number(id_table *table, const st_id *id)
{
    size_t at = table_seek(table, id);
    assert(at < table->count);
    return (uint32_t)at + 1;
}

static void add_dot(encoder *e, const st_dot *dot)
{
    if (!st_dot_is_zero(dot))
        table_add(e, &e->devices, &dot->device);
}

static void add_meta(encoder *e, const st_meta *meta)
{
    add_dot(e, &meta->dot);
    if (!st_id_is_zero(&meta->actor))
        table_add(e, &e->persons, &meta->actor);
    if (!st_id_is_zero(&meta->carrier))
        table_add(e, &e->devices, &meta->carrier);
    for (uint32_t i = 0; i < meta->under_count; i++)
        add_dot(e, &meta->under[i].dot);
    for (uint32_t i = 0; i < meta->context.count; i++)
        table_add(e, &e->devices, &meta->context.devices[i].device);
}

static void add_all(encoder *e, const st_record *record)
{
    for (size_t i = 0; i < record->metas_count; i++)
        add_meta(e, &record->metas[i]);
    for (size_t i = 0; i < record->lives_count; i++) {
        add_dot(e, &record->lives[i].op.path.item);
        add_dot(e, &record->lives[i].op.kept);
    }
    for (size_t i = 0; i < record->waitings_count; i++) {
        add_dot(e, &record->waitings[i].path.item);
        add_dot(e, &record->waitings[i].dot);
    }
    for (size_t i = 0; i < record->wrote_count; i++)
        table_add(e, &e->devices, &record->wrote[i]);
}

/* ---- encode ---- */

static ProtobufCBinaryData bytes_of(const void *data, size_t len)
{
    union { const void *in; uint8_t *out; } cast = { data };  /* the packer only reads */
    return (ProtobufCBinaryData){ len, cast.out };
}

static char *text_of(const char *text)
{
    union { const char *in; char *out; } cast = { text };     /* as above */
    return cast.out;
}

static void *take(encoder *e, size_t count, size_t size)
{
    void *memory = st_arena_array(&e->arena, count, size);
    if (memory == NULL)
        e->failed = true;
    return memory;
}

static void fill_dot(encoder *e, Sotay__Dot *out, const st_dot *dot)
{
    sotay__dot__init(out);
    out->device = table_number(&e->devices, &dot->device);
    out->counter = dot->counter;
}

static Sotay__Dot *make_dot(encoder *e, const st_dot *dot)
{
    Sotay__Dot *out = st_dot_is_zero(dot) ? NULL : take(e, 1, sizeof *out);
    if (out != NULL)
        fill_dot(e, out, dot);
    return out;
}

static void fill_path(encoder *e, Sotay__Op *out, const st_path *path)
{
    sotay__op__init(out);
    out->group = path->group;
    out->field = path->field;
    out->key = text_of(path->key.s);
    out->item = make_dot(e, &path->item);
    out->place = path->place;
    out->element = bytes_of(path->element, path->element_len);
}

static Sotay__ContextDevice **make_context(encoder *e, const st_context *context)
{
    Sotay__ContextDevice **list = take(e, context->count, sizeof *list);
    Sotay__ContextDevice *each = take(e, context->count, sizeof *each);
    if (e->failed)
        return NULL;
    for (uint32_t i = 0; i < context->count; i++) {
        const st_context_device *in = &context->devices[i];
        list[i] = &each[i];
        sotay__context_device__init(&each[i]);
        each[i].device = table_number(&e->devices, &in->device);
        each[i].upto = in->upto;
        each[i].n_singles = in->singles_count;
        each[i].n_holes = in->holes_count;
        each[i].singles = take(e, in->singles_count, sizeof *each[i].singles);
        each[i].holes = take(e, in->holes_count, sizeof *each[i].holes);
        if (e->failed)
            return NULL;
        if (in->singles_count > 0)
            memcpy(each[i].singles, in->singles, in->singles_count * sizeof *in->singles);
        if (in->holes_count > 0)
            memcpy(each[i].holes, in->holes, in->holes_count * sizeof *in->holes);
    }
    return list;
}

static Sotay__UnderAct **make_under(encoder *e, const st_meta *meta)
{
    Sotay__UnderAct **list = take(e, meta->under_count, sizeof *list);
    Sotay__UnderAct *each = take(e, meta->under_count, sizeof *each);
    Sotay__Dot *dots = take(e, meta->under_count, sizeof *dots);
    if (e->failed)
        return NULL;
    for (uint32_t i = 0; i < meta->under_count; i++) {
        list[i] = &each[i];
        sotay__under_act__init(&each[i]);
        fill_dot(e, &dots[i], &meta->under[i].dot);
        each[i].dot = &dots[i];
        each[i].kind = (Sotay__ActKind)meta->under[i].kind;
    }
    return list;
}

static void fill_act(encoder *e, Sotay__StoredMeta *out, const st_meta *meta)
{
    Sotay__ContextDevice **context = make_context(e, &meta->context);
    if (meta->act == ST_ACT_NONE) {
        out->n_drop_context = meta->context.count;
        out->drop_context = context;
        return;
    }
    out->act = take(e, 1, sizeof *out->act);
    if (out->act == NULL)
        return;
    sotay__act__init(out->act);
    out->act->kind = (Sotay__ActKind)meta->act;
    out->act->n_context = meta->context.count;
    out->act->context = context;
}

static void fill_meta(encoder *e, Sotay__StoredMeta *out, const st_meta *meta)
{
    sotay__stored_meta__init(out);
    out->dot = make_dot(e, &meta->dot);
    if (!st_id_is_zero(&meta->actor))
        out->actor = table_number(&e->persons, &meta->actor);
    out->role = (Sotay__Role)meta->role;
    out->via = (Sotay__Via)meta->via;
    out->hlc = meta->hlc;
    out->wall_ms = meta->wall_ms;
    out->received_ms = meta->received_ms;
    out->log_index = meta->log_index;
    if (!st_id_is_zero(&meta->carrier))
        out->carrier = table_number(&e->devices, &meta->carrier);
    if (meta->under_count > 0) {
        out->n_under = meta->under_count;
        out->under = make_under(e, meta);
    }
    out->amend = meta->amend;
    if (meta->act != ST_ACT_NONE || meta->context.count > 0)
        fill_act(e, out, meta);
    out->reason_erased = meta->reason.kind == ST_VALUE_ERASED;
    if (meta->reason.kind == ST_VALUE_TEXT && meta->reason.len > 0) {
        uint8_t *reason = st_arena_copy(&e->arena, meta->reason.data, meta->reason.len);
        e->failed = e->failed || reason == NULL;
        if (reason != NULL)
            out->reason = (char *)reason;       /* the copy ends in NUL */
    }
}

static void fill_waitings(encoder *e, Sotay__RecordState *out, const st_record *record)
{
    Sotay__StoredWaiting *waitings = take(e, record->waitings_count, sizeof *waitings);
    Sotay__Op *paths = take(e, record->waitings_count, sizeof *paths);
    out->waitings = take(e, record->waitings_count, sizeof *out->waitings);
    for (size_t i = 0; i < record->waitings_count && !e->failed; i++) {
        sotay__stored_waiting__init(&waitings[i]);
        fill_path(e, &paths[i], &record->waitings[i].path);
        waitings[i].path = &paths[i];
        waitings[i].dot = make_dot(e, &record->waitings[i].dot);
        out->waitings[i] = &waitings[i];
    }
    out->n_waitings = record->waitings_count;
}

static ProtobufCBinaryData *table_bytes(encoder *e, const id_table *table)
{
    ProtobufCBinaryData *list = take(e, table->count, sizeof *list);
    for (size_t i = 0; i < table->count && list != NULL; i++)
        list[i] = bytes_of(table->ids[i].b, sizeof table->ids[i].b);
    return list;
}

/* What comes before the lives. */
static void fill_front(encoder *e, Sotay__RecordState *out, const st_record *record)
{
    sotay__record_state__init(out);
    out->id = bytes_of(record->id.b, sizeof record->id.b);
    out->bucket = text_of(record->bucket.s);
    out->form = text_of(record->form.s);
    out->version = record->form_version;
    out->creator = record->created ? record->creator + 1 : 0;
    add_all(e, record);
    if (e->failed)
        return;
    out->n_devices = e->devices.count;
    out->devices = table_bytes(e, &e->devices);
    out->n_persons = e->persons.count;
    out->persons = table_bytes(e, &e->persons);
    Sotay__StoredMeta *metas = take(e, record->metas_count, sizeof *metas);
    out->metas = take(e, record->metas_count, sizeof *out->metas);
    for (size_t i = 0; i < record->metas_count && !e->failed; i++) {
        fill_meta(e, &metas[i], &record->metas[i]);
        out->metas[i] = &metas[i];
    }
    out->n_metas = record->metas_count;
}

/* What comes after the lives. */
static void fill_rest(encoder *e, Sotay__RecordState *out, const st_record *record)
{
    sotay__record_state__init(out);
    fill_waitings(e, out, record);
    out->wrote = take(e, record->wrote_count, sizeof *out->wrote);
    for (size_t i = 0; i < record->wrote_count && !e->failed; i++)
        out->wrote[i] = table_number(&e->devices, &record->wrote[i]);
    out->n_wrote = record->wrote_count;
}

static st_err pack(const ProtobufCMessage *message, st_buffer *out, st_error *error)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > out->max - out->len)
        return st_fail(error, ST_E_TOO_LARGE, "record: %zu bytes to store", len);
    uint8_t *to = st_buffer_reserve(out, len);
    if (to == NULL)
        return st_fail(error, ST_E_MEMORY, "record: no memory for %zu bytes", len);
    out->len += protobuf_c_message_pack(message, to);
    return ST_OK;
}

static uint32_t dot_number(encoder *e, const st_dot *dot)
{
    return st_dot_is_zero(dot) ? 0 : table_number(&e->devices, &dot->device);
}

/* Apart first: what they need while they are written is more than what they are, and a record that
 * just fits must fit. */
static st_err put_lives(encoder *e, const st_record *record, st_buffer *out, st_error *error)
{
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < record->lives_count; i++) {
        const st_live *live = &record->lives[i];
        err = st_record_put_live(live, dot_number(e, &live->op.path.item),
                                 dot_number(e, &live->op.kept), &e->lives, error);
    }
    return err == ST_OK ? st_buffer_append(out, e->lives.data, e->lives.len, error) : err;
}

/* Fields in ascending order: the packer's, the lives, the packer's again. */
static st_err put_all(encoder *e, const st_record *record, st_buffer *out, st_error *error)
{
    Sotay__RecordState message;
    fill_front(e, &message, record);
    st_err err = e->failed ? ST_OK : pack(&message.base, out, error);
    if (err == ST_OK && !e->failed)
        err = put_lives(e, record, out, error);
    if (err == ST_OK && !e->failed)
        fill_rest(e, &message, record);
    if (err == ST_OK && !e->failed)
        err = pack(&message.base, out, error);
    return e->failed ? st_fail(error, ST_E_MEMORY, "record: no memory to encode") : err;
}

st_err st_record_encode(const st_record *record, st_buffer *out, st_error *error)
{
    assert(record != NULL && out != NULL);
    encoder e = { .failed = false };
    size_t before = out->len;
    st_arena_init(&e.arena, SCRATCH_BYTES_MAX);
    st_buffer_init(&e.lives, SCRATCH_BYTES_MAX);
    st_err err = put_all(&e, record, out, error);
    if (err != ST_OK)
        out->len = before;
    st_buffer_free(&e.lives);
    st_arena_reset(&e.arena);
    return err;
}

/* ---- decode ---- */

typedef struct {
    const Sotay__RecordState *in; /* without lives */
    st_wire_walk whole;        /* the bytes, copied: values stay where they are */
    st_record *record;
    st_arena *arena;
    st_err *fault;             /* why a part could not be read: damage, unless it is memory */
} decoder;

static bool read_id(const ProtobufCBinaryData *bytes, st_id *out)
{
    if (bytes->len != sizeof out->b)
        return false;
    memcpy(out->b, bytes->data, sizeof out->b);
    return true;
}

/* The entry `number` (from 1) of a table whose entries were checked. */
static bool read_number(const ProtobufCBinaryData *table, size_t count, uint32_t number,
                        st_id *out)
{
    return number >= 1 && number <= count && read_id(&table[number - 1], out);
}

static bool read_dot(const decoder *d, const Sotay__Dot *in, st_dot *out)
{
    if (in == NULL || in->counter == 0)
        return false;
    out->counter = in->counter;
    return read_number(d->in->devices, d->in->n_devices, in->device, &out->device);
}

static bool read_path(const decoder *d, const Sotay__Op *in, st_path *out)
{
    if (in == NULL || in->group > UINT16_MAX || in->field > UINT16_MAX || in->place > UINT16_MAX)
        return false;
    size_t key_len = strlen(in->key);
    if (key_len > ST_CODE_BYTES_MAX || in->element.len > sizeof out->element)
        return false;
    out->group = (uint16_t)in->group;
    out->field = (uint16_t)in->field;
    out->place = (uint16_t)in->place;
    memcpy(out->key.s, in->key, key_len);
    out->element_len = (uint8_t)in->element.len;
    if (in->element.len > 0)
        memcpy(out->element, in->element.data, in->element.len);
    if (in->item != NULL && !read_dot(d, in->item, &out->item))
        return false;
    if (in->group == 0)
        out->kind = ST_PATH_FIELD;
    else if (in->item == NULL)
        out->kind = ST_PATH_KEYED;
    else
        out->kind = in->field == 0 ? ST_PATH_DROP : ST_PATH_ITEM;
    return true;
}

static bool read_live(const decoder *d, const Sotay__StoredLive *in, st_live *out)
{
    if (in->op == NULL || in->meta >= d->record->metas_count ||
        !read_path(d, in->op, &out->op.path))
        return false;
    const Sotay__Op *op = in->op;
    if ((unsigned)op->verb >= ST_VERB_COUNT || (unsigned)op->kind > ST_VALUE_ERASED)
        return false;
    out->meta = in->meta;
    out->op.verb = (st_verb)op->verb;
    out->op.value.kind = (st_value_kind)op->kind;
    out->op.value.number = op->number;
    const ProtobufCBinaryData *data = op->inline_.len > 0 ? &op->inline_ : &in->data;
    if (data->len > ST_VALUE_BYTES_MAX)
        return false;
    out->op.value.data = data->data;
    out->op.value.len = (uint32_t)data->len;
    if (st_value_malformed(&out->op.value) != NULL)
        return false; /* whoever shows it relies on its length */
    if (op->kept != NULL && !read_dot(d, op->kept, &out->op.kept))
        return false;
    if (op->kept_actor.len > 0 && !read_id(&op->kept_actor, &out->op.kept_actor))
        return false;
    d->record->metas[in->meta].live_ops++;
    return true;
}

/* ---- lives: hundreds to a record, so they are read where they lie and not unpacked first ---- */

enum { STATE_LIVES = 9 };
enum { LIVE_META = 1, LIVE_OP, LIVE_DATA };
enum { DOT_DEVICE = 1, DOT_COUNTER };
enum { OP_GROUP = 1, OP_FIELD, OP_KEY, OP_ITEM, OP_PLACE, OP_VERB, OP_ELEMENT, OP_KIND = 9,
       OP_NUMBER, OP_INLINE, OP_KEPT, OP_KEPT_ACTOR };

/* One of them; texts and bytes are those of the copy in the arena. */
typedef struct {
    Sotay__StoredLive live;
    Sotay__Op op;
    Sotay__Dot item, kept;
    char key[ST_CODE_BYTES_MAX + 1];
} seen_live;

static st_wire_walk walk_of(const st_wire_field *field)
{
    return (st_wire_walk){ field->data, field->data == NULL ? NULL : field->data + field->len };
}

static void see_dot(const st_wire_field *from, Sotay__Dot *room, Sotay__Dot **out)
{
    st_wire_walk walk = walk_of(from);
    st_wire_field field;
    sotay__dot__init(room);
    *out = room;
    while (st_wire_next(&walk, &field)) {
        if (field.no == DOT_DEVICE)
            room->device = (uint32_t)field.number;
        else if (field.no == DOT_COUNTER)
            room->counter = field.number;
    }
}

/* False: longer than a key can be. */
static bool see_key(const st_wire_field *from, seen_live *out)
{
    if (from->len >= sizeof out->key)
        return false;
    if (from->len > 0)
        memcpy(out->key, from->data, from->len);
    out->key[from->len] = '\0';
    out->op.key = out->key;
    return true;
}

static int64_t from_zigzag(uint64_t number)
{
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

static bool see_op(const st_wire_field *from, seen_live *out)
{
    st_wire_walk walk = walk_of(from);
    st_wire_field field;
    Sotay__Op *op = &out->op;
    sotay__op__init(op);
    out->live.op = op;
    while (st_wire_next(&walk, &field)) {
        switch (field.no) {
        case OP_GROUP: op->group = (uint32_t)field.number; break;
        case OP_FIELD: op->field = (uint32_t)field.number; break;
        case OP_KEY:
            if (!see_key(&field, out))
                return false;
            break;
        case OP_ITEM: see_dot(&field, &out->item, &op->item); break;
        case OP_PLACE: op->place = (uint32_t)field.number; break;
        case OP_VERB: op->verb = (Sotay__Verb)(int32_t)field.number; break;
        case OP_ELEMENT: op->element = bytes_of(field.data, field.len); break;
        case OP_KIND: op->kind = (Sotay__ValueKind)(int32_t)field.number; break;
        case OP_NUMBER: op->number = from_zigzag(field.number); break;
        case OP_INLINE: op->inline_ = bytes_of(field.data, field.len); break;
        case OP_KEPT: see_dot(&field, &out->kept, &op->kept); break;
        case OP_KEPT_ACTOR: op->kept_actor = bytes_of(field.data, field.len); break;
        default: break;
        }
    }
    return true;
}

static bool see_live(const st_wire_field *from, seen_live *out)
{
    st_wire_walk walk = walk_of(from);
    st_wire_field field;
    bool is_sound = true;
    sotay__stored_live__init(&out->live);
    while (is_sound && st_wire_next(&walk, &field)) {
        if (field.no == LIVE_META)
            out->live.meta = (uint32_t)field.number;
        else if (field.no == LIVE_OP)
            is_sound = see_op(&field, out);
        else if (field.no == LIVE_DATA)
            out->live.data = bytes_of(field.data, field.len);
    }
    return is_sound;
}

/* A list that the record keeps beside its metas; NULL when it is too long, or without memory. */
static void *take_list(const decoder *d, size_t count, size_t most, size_t size)
{
    if (count > most)
        return NULL;
    void *list = st_arena_array(d->arena, count, size);
    if (list == NULL)
        *d->fault = ST_E_MEMORY;
    return list;
}

static bool read_context(const decoder *d, Sotay__ContextDevice *const *in, size_t count,
                         st_context *out)
{
    st_context_device *devices = take_list(d, count, ST_DEVICES_MAX, sizeof *devices);
    if (devices == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_number(d->in->devices, d->in->n_devices, in[i]->device, &devices[i].device))
            return false;
        devices[i].upto = in[i]->upto;
        devices[i].singles = in[i]->singles;
        devices[i].singles_count = (uint32_t)in[i]->n_singles;
        devices[i].holes = in[i]->holes;
        devices[i].holes_count = (uint32_t)in[i]->n_holes;
    }
    *out = (st_context){ devices, (uint32_t)count };
    return true;
}

static bool read_under(const decoder *d, const Sotay__StoredMeta *in, st_meta *out)
{
    st_under *under = take_list(d, in->n_under, ST_UNDER_MAX, sizeof *under);
    if (under == NULL)
        return false;
    for (size_t i = 0; i < in->n_under; i++) {
        if (!read_dot(d, in->under[i]->dot, &under[i].dot) ||
            (unsigned)in->under[i]->kind >= ST_ACT_COUNT)
            return false;
        under[i].kind = (st_act_kind)in->under[i]->kind;
    }
    out->under = under;
    out->under_count = (uint32_t)in->n_under;
    return true;
}

static bool read_meta(const decoder *d, const Sotay__StoredMeta *in, st_meta *out)
{
    if (!read_dot(d, in->dot, &out->dot) || (unsigned)in->role >= ST_ROLE_COUNT ||
        (unsigned)in->via >= ST_VIA_COUNT)
        return false;
    if (in->actor != 0 &&
        !read_number(d->in->persons, d->in->n_persons, in->actor, &out->actor))
        return false;
    if (in->carrier != 0 &&
        !read_number(d->in->devices, d->in->n_devices, in->carrier, &out->carrier))
        return false;
    out->role = (st_role)in->role;
    out->via = (st_via)in->via;
    out->hlc = in->hlc;
    out->wall_ms = in->wall_ms;
    out->received_ms = in->received_ms;
    out->log_index = in->log_index;
    out->amend = in->amend;
    if (in->n_under > 0 && !read_under(d, in, out))
        return false;
    if (in->act != NULL) {
        if ((unsigned)in->act->kind >= ST_ACT_COUNT)
            return false;
        out->act = (st_act_kind)in->act->kind;
        if (!read_context(d, in->act->context, in->act->n_context, &out->context))
            return false;
    } else if (in->n_drop_context > 0 &&
               !read_context(d, in->drop_context, in->n_drop_context, &out->context)) {
        return false;
    }
    size_t len = strlen(in->reason);
    if (in->reason_erased)
        out->reason.kind = ST_VALUE_ERASED;
    else if (len > 0 && len <= ST_VALUE_BYTES_MAX)
        out->reason = (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)in->reason,
                                  .len = (uint32_t)len };
    return true;
}

static bool read_metas(const decoder *d)
{
    st_record *record = d->record;
    for (size_t i = 0; i < d->in->n_metas; i++) {
        if (!read_meta(d, d->in->metas[i], &record->metas[i]) ||
            (i > 0 && st_dot_cmp(&record->metas[i - 1].dot, &record->metas[i].dot) >= 0))
            return false;
        record->metas_count++;
    }
    record->created = d->in->creator > 0;
    record->creator = record->created ? d->in->creator - 1 : 0;
    return !record->created ||
           (record->creator < record->metas_count && record->form.s[0] != '\0');
}

static bool read_lives(const decoder *d)
{
    st_record *record = d->record;
    st_wire_walk walk = d->whole;
    st_wire_field field;
    while (st_wire_next(&walk, &field)) {
        seen_live seen;
        size_t i = record->lives_count;
        if (field.no != STATE_LIVES)
            continue;
        if (!see_live(&field, &seen) || !read_live(d, &seen.live, &record->lives[i]))
            return false;
        if (i > 0) {
            int order = st_path_cmp(&record->lives[i - 1].op.path, &record->lives[i].op.path);
            if (order > 0 || (order == 0 && record->lives[i - 1].meta >= record->lives[i].meta))
                return false;
        }
        record->lives_count++;
    }
    return true;
}

static bool read_rest(const decoder *d)
{
    st_record *record = d->record;
    for (size_t i = 0; i < d->in->n_waitings; i++) {
        st_waiting *waiting = &record->waitings[i];
        if (!read_path(d, d->in->waitings[i]->path, &waiting->path) ||
            !read_dot(d, d->in->waitings[i]->dot, &waiting->dot))
            return false;
        if (i > 0) {
            int order = st_path_cmp(&waiting[-1].path, &waiting->path);
            if (order > 0 || (order == 0 && st_dot_cmp(&waiting[-1].dot, &waiting->dot) >= 0))
                return false;
        }
        record->waitings_count++;
    }
    for (size_t i = 0; i < d->in->n_wrote; i++) {
        if (!read_number(d->in->devices, d->in->n_devices, d->in->wrote[i], &record->wrote[i]) ||
            (i > 0 && st_id_cmp(&record->wrote[i - 1], &record->wrote[i]) >= 0))
            return false;
        record->wrote_count++;
    }
    return true;
}

static bool read_head(const Sotay__RecordState *in, st_record *out)
{
    size_t form_len = strlen(in->form);
    out->form_version = in->version;
    return read_id(&in->id, &out->id) &&
           st_bucket_set(&out->bucket, in->bucket, strlen(in->bucket)) &&
           (form_len == 0 || st_code_set(&out->form, in->form, form_len));
}

typedef struct {
    st_wire_walk whole;
    uint8_t *rest;             /* all but the lives */
    size_t rest_len, lives_count;
} parted;

/* Copies the bytes into the arena, and what is no life once more, one after another. */
static st_err part_lives(const uint8_t *bytes, size_t len, st_arena *arena, parted *out,
                         st_error *error)
{
    const uint8_t *copy = st_arena_copy(arena, bytes, len);
    out->rest = copy == NULL ? NULL : st_arena_get(arena, len);
    if (out->rest == NULL)
        return st_fail(error, st_arena_refused(arena, len), "record: no memory to decode");
    out->whole = (st_wire_walk){ copy, copy + len };
    st_wire_walk walk = out->whole;
    st_wire_field field;
    for (const uint8_t *from = walk.at; st_wire_next(&walk, &field); from = walk.at) {
        if (field.no == STATE_LIVES) {
            out->lives_count++;
            continue;
        }
        memcpy(out->rest + out->rest_len, from, (size_t)(walk.at - from));
        out->rest_len += (size_t)(walk.at - from);
    }
    return ST_OK;
}

static st_err make_lists(const Sotay__RecordState *in, size_t lives_count, st_arena *arena,
                         st_record *record, st_error *error)
{
    record->metas = st_arena_array(arena, in->n_metas, sizeof *record->metas);
    record->lives = st_arena_array(arena, lives_count, sizeof *record->lives);
    record->waitings = st_arena_array(arena, in->n_waitings, sizeof *record->waitings);
    record->wrote = st_arena_array(arena, in->n_wrote, sizeof *record->wrote);
    if (record->metas == NULL || record->lives == NULL || record->waitings == NULL ||
        record->wrote == NULL)
        return st_fail(error, ST_E_MEMORY, "record: no memory to decode");
    record->metas_capacity = in->n_metas;
    record->lives_capacity = lives_count;
    record->waitings_capacity = in->n_waitings;
    record->wrote_capacity = in->n_wrote;
    return ST_OK;
}

st_err st_record_decode(const uint8_t *bytes, size_t len, st_arena *arena, st_record *out_record,
                        st_error *error)
{
    assert(arena != NULL && out_record != NULL);
    void *message = NULL;
    parted parts = { .lives_count = 0 };
    st_record record = { .arena = arena };
    st_err fault = ST_E_CORRUPT;
    st_err err = st_wire_scan_state(bytes, len, &sotay__record_state__descriptor, error);
    if (err == ST_OK)
        err = part_lives(bytes, len, arena, &parts, error);
    if (err == ST_OK)
        err = st_wire_unpack_state(parts.rest, parts.rest_len, &sotay__record_state__descriptor,
                                   arena, &message, error);
    if (err == ST_OK)
        err = make_lists(message, parts.lives_count, arena, &record, error);
    if (err != ST_OK)
        return err;
    const decoder d = { message, parts.whole, &record, arena, &fault };
    if (!read_head(message, &record) || !read_metas(&d) || !read_lives(&d) || !read_rest(&d))
        return st_fail(error, fault, "record: stored state is damaged, out of order or too large");
    *out_record = record;
    return ST_OK;
}
