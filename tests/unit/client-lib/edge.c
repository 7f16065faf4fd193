/* tests/unit/client-lib/edge.c - the edge's log: what it takes in and how it folds it. */
#include "tests/unit/client-lib/edge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client-lib/edge_forms.h"
#include "tests/unit/client-lib/edge_log.h"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != ST_OK)                                                                       \
            abort(); /* the edge itself is broken: no test can say anything */                     \
    } while (0)

edge_bucket *edge_bucket_of(edge *e, const char *name)
{
    for (size_t i = 0; i < e->buckets_count; i++)
        if (strcmp(e->buckets[i].name.s, name) == 0)
            return &e->buckets[i];
    assert(e->buckets_count < EDGE_BUCKETS);
    edge_bucket *bucket = &e->buckets[e->buckets_count++];
    if (!st_bucket_set(&bucket->name, name, strlen(name)))
        abort();
    st_vector_init(&bucket->vector, &e->arena);
    return bucket;
}

static st_record *record_of(edge *e, const st_id *id, const st_bucket *bucket)
{
    for (size_t i = 0; i < e->records_count; i++)
        if (st_id_cmp(&e->records[i].id, id) == 0)
            return &e->records[i];
    assert(e->records_count < EDGE_RECORDS);
    st_record *record = &e->records[e->records_count++];
    st_record_init(record, &e->arena, id, bucket);
    return record;
}

const st_record *edge_record(const edge *e, const st_id *id)
{
    for (size_t i = 0; i < e->records_count; i++)
        if (st_id_cmp(&e->records[i].id, id) == 0)
            return &e->records[i];
    return NULL;
}

size_t edge_values(const edge *e, const st_id *id, uint16_t field)
{
    const st_record *record = edge_record(e, id);
    st_path path;
    memset(&path, 0, sizeof path);
    path.field = field;
    return record == NULL ? 0 : st_record_path(record, &path).count;
}

edge_device *edge_device_of(edge *e, const st_id *id)
{
    for (size_t i = 0; i < e->devices_count; i++)
        if (st_id_cmp(&e->devices[i].id, id) == 0)
            return &e->devices[i];
    return NULL;
}

static st_hold held_reason(const st_entry *entry, uint64_t counter)
{
    for (uint32_t i = 0; i < entry->held_count; i++)
        if (entry->held[i].counter == counter)
            return entry->held[i].reason;
    return ST_HOLD_NONE;
}

static void fold(edge *e, const edge_entry *stored, const st_set *set, const st_change *change,
                 st_fold kind)
{
    edge_bucket *bucket = edge_bucket_of(e, stored->bucket.s);
    st_record *record = record_of(e, &change->record, &bucket->name);
    const edge_device *device = edge_device_of(e, &set->device);
    st_arrival arrival;
    memset(&arrival, 0, sizeof arrival);
    arrival.actor = device->person;
    arrival.role = set->role;
    arrival.via = set->via;
    arrival.received_ms = stored->entry.time_ms;
    arrival.log_index = stored->entry.index;
    st_sum before = st_record_sum(record);
    st_fold_how how = { kind, true };
    CHECK(st_merge_fold(&bucket->vector, record, change, &arrival, how));
    st_sum after = st_record_sum(record);
    st_sum_subtract(&bucket->sum, &before);
    st_sum_add(&bucket->sum, &after);
}

edge_entry *edge_append(edge *e, const uint8_t *bytes, size_t len, st_hold hold)
{
    st_set set;
    assert(e->entries_count < EDGE_ENTRIES);
    edge_entry *stored = &e->entries[e->entries_count];
    memset(stored, 0, sizeof *stored);
    stored->entry.set = st_arena_copy(&e->arena, bytes, len);
    stored->entry.set_len = len;
    CHECK(st_set_decode(stored->entry.set, len, &e->arena, &set, NULL));
    stored->entry.index = ++e->entries_count;
    stored->entry.time_ms = e->now_ms;
    stored->entry.kind = ST_ENTRY_CHANGE;
    stored->bucket = set.bucket;
    stored->device = set.device;
    stored->first = set.first;
    stored->last = st_set_last(&set);
    stored->hash = set.hash;
    if (hold != ST_HOLD_NONE) {
        st_held *held = st_arena_array(&e->arena, set.changes_count, sizeof *held);
        for (uint32_t i = 0; i < set.changes_count; i++) {
            held[i].counter = set.changes[i].dot.counter;
            held[i].reason = hold;
        }
        stored->entry.held = held;
        stored->entry.held_count = set.changes_count;
    }
    for (uint32_t i = 0; i < set.changes_count; i++) {
        bool holds = held_reason(&stored->entry, set.changes[i].dot.counter) != ST_HOLD_NONE;
        if (hold != ST_HOLD_FORK)
            fold(e, stored, &set, &set.changes[i], holds ? ST_FOLD_HOLD : ST_FOLD_APPLY);
    }
    if (hold == ST_HOLD_FORK)
        stored->entry.kind = ST_ENTRY_FORK;
    return stored;
}

void edge_decide(edge *e, const st_id *device, uint64_t counter, st_entry_kind kind)
{
    st_set set;
    edge_entry *stored = &e->entries[e->entries_count];
    const edge_entry *held = NULL;
    memset(stored, 0, sizeof *stored);
    for (size_t i = 0; i < e->entries_count; i++)
        if (st_id_cmp(&e->entries[i].device, device) == 0 && e->entries[i].first <= counter &&
            e->entries[i].last >= counter)
            held = &e->entries[i];
    assert(held != NULL);
    CHECK(st_set_decode(held->entry.set, held->entry.set_len, &e->arena, &set, NULL));
    uint64_t *counters = st_arena_array(&e->arena, 1, sizeof *counters);
    counters[0] = counter;
    stored->entry.index = ++e->entries_count;
    stored->entry.time_ms = e->now_ms;
    stored->entry.kind = kind;
    stored->entry.device = *device;
    stored->entry.first = stored->entry.last = counter;
    stored->entry.counters = counters;
    stored->entry.counters_count = 1;
    stored->entry.reason = kind == ST_ENTRY_DECLINE ? e->reason : NULL;
    stored->bucket = held->bucket;
    fold(e, stored, &set, &set.changes[counter - set.first],
         kind == ST_ENTRY_DECLINE ? ST_FOLD_DECLINE : ST_FOLD_APPLY);
}

/* ---- the server's own hand ---- */

st_id edge_author(edge *e, const char *bucket_name, st_change *change)
{
    static const uint8_t SEED[32] = { 7 };
    edge_bucket *bucket = edge_bucket_of(e, bucket_name);
    size_t at = (size_t)(bucket - e->buckets);
    st_set set;
    st_unsigned_set built;
    st_buffer out;
    uint8_t text[ST_SET_SIGN_BYTES], signature[64];
    memset(&set, 0, sizeof set);
    change->dot.device = e->devices[0].id;
    change->dot.counter = ++e->own_counter;
    change->prev = e->own_here[at];
    change->wall_ms = e->now_ms;
    change->hlc = ((st_hlc)e->now_ms << 16) + e->own_counter;
    if (change->creates)
        change->record = st_record_id(&change->dot, change->random);
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].verb == ST_VERB_SET && !change->creates)
            CHECK(st_edit_replaces(edge_record(e, &change->record), ST_CLASS_DECISIVE, &e->arena,
                                   (st_op *)&change->ops[i], NULL));
    set.device = e->devices[0].id;
    set.format = 1;
    set.first = change->dot.counter;
    set.has_prev = e->own_has_prev;
    set.prev = e->own_prev;
    set.here = change->prev;
    set.bucket = bucket->name;
    set.role = ST_ROLE_OFFICE;
    set.via = ST_VIA_OPERATOR;
    set.fold_version = 1;
    set.changes = change;
    set.changes_count = 1;
    CHECK(st_set_build(&set, SEED, &built, NULL));
    st_set_sign_text(&e->log, &set.device, &built.hash, text);
    st_sign(e->own_secret, text, sizeof text, signature);
    st_buffer_init(&out, ST_SET_BYTES_MAX);
    CHECK(st_set_finish(&set, &built, signature, &out, NULL));
    e->own_has_prev = true;
    e->own_prev = built.hash;
    e->own_here[at] = change->dot.counter;
    (void)edge_append(e, out.data, out.len, ST_HOLD_NONE);
    st_buffer_free(&out);
    st_unsigned_set_free(&built);
    return change->record;
}

void edge_write(edge *e, const st_id *record, uint16_t field, const char *text)
{
    st_change change;
    st_op op;
    memset(&change, 0, sizeof change);
    memset(&op, 0, sizeof op);
    op.path.field = field;
    op.value.kind = ST_VALUE_TEXT;
    op.value.data = (const uint8_t *)text;
    op.value.len = (uint32_t)strlen(text);
    change.record = *record;
    change.ops = &op;
    change.ops_count = 1;
    (void)edge_author(e, EDGE_UNIT_BUCKET, &change);
}

/* A record of the catalogue with up to three values. */
typedef struct {
    uint16_t field;
    st_value_kind kind;
    const void *data;
    size_t len;
} edge_value;

static void make_three(edge *e, const char *form, const edge_value values[3])
{
    st_change change;
    st_op ops[3];
    memset(&change, 0, sizeof change);
    memset(ops, 0, sizeof ops);
    for (uint32_t i = 0; i < 3 && values[i].field != 0; i++) {
        change.ops_count = i + 1;
        ops[i].path.field = values[i].field;
        ops[i].value.kind = values[i].kind;
        ops[i].value.data = values[i].data;
        ops[i].value.len = (uint32_t)values[i].len;
    }
    change.creates = true;
    if (!st_code_set(&change.form, form, strlen(form)))
        abort();
    change.form_version = 1;
    change.ops = ops;
    (void)edge_author(e, EDGE_COMMUNE "/catalogue", &change);
}

static void make(edge *e, const char *form, edge_value a, edge_value b)
{
    const edge_value values[3] = { a, b, { 0, ST_VALUE_NULL, NULL, 0 } };
    make_three(e, form, values);
}

static edge_value text_value(uint16_t field, st_value_kind kind, const char *text)
{
    edge_value value = { field, kind, text, strlen(text) };
    return value;
}

static void make_forms(edge *e)
{
    size_t count = 0;
    const st_form *forms = edge_forms(&count);
    for (size_t i = 0; i < count; i++) {
        st_buffer bytes;
        st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
        CHECK(st_form_encode(&forms[i], &bytes, NULL));
        edge_value definition = { 3, ST_VALUE_BYTES, bytes.data, bytes.len };
        make(e, "form", text_value(1, ST_VALUE_CODE, forms[i].name), definition);
        st_buffer_free(&bytes);
    }
}

void edge_know_device(edge *e, const st_id *id, const uint8_t key[32], const st_id *person)
{
    assert(e->devices_count < EDGE_DEVICES);
    edge_device *device = &e->devices[e->devices_count++];
    memset(device, 0, sizeof *device);
    device->id = *id;
    device->person = *person;
    memcpy(device->key, key, 32);
    if (e->devices_count == 1)
        return; /* the server's own has no record */
    const edge_value values[3] = { { 1, ST_VALUE_ID, id->b, 16 },
                                   { 2, ST_VALUE_ID, person->b, 16 },
                                   { 3, ST_VALUE_HASH, key, 32 } };
    make_three(e, "device", values);
}

edge *edge_new(void)
{
    static const char *const LOGINS[] = { "an", "binh" };
    static const char *const CRITERIA[] = { "a1", "a2" };
    uint8_t secret[64], own_key[32];
    edge *e = calloc(1, sizeof *e);
    assert(e != NULL);
    st_arena_init(&e->arena, (size_t)1 << 30);
    e->now_ms = INT64_C(1773302400000);
    e->scope_rev = 1;
    memset(e->epoch, 1, sizeof e->epoch);
    memset(e->log_seed, 3, sizeof e->log_seed);
    st_sign_keypair(e->log_seed, e->log_key, secret);
    e->log = st_log_id(e->log_key);
    memset(secret, 5, 32);
    st_sign_keypair(secret, own_key, e->own_secret);
    st_id own = st_device_id(own_key), nobody;
    memset(&nobody, 0, sizeof nobody);
    edge_know_device(e, &own, own_key, &nobody);
    make_forms(e);
    make(e, "unit", text_value(1, ST_VALUE_CODE, EDGE_UNIT),
         text_value(4, ST_VALUE_TEXT, "Xóm Bản Viết"));
    make(e, "movement", text_value(1, ST_VALUE_CODE, "kh07"),
         text_value(4, ST_VALUE_TEXT, "Phong trào"));
    for (size_t i = 0; i < 2; i++) {
        make(e, "criterion", text_value(1, ST_VALUE_CODE, CRITERIA[i]),
             text_value(4, ST_VALUE_TEXT, "Tiêu chí"));
        memset(e->persons[i].b, (int)(0x40 + i), 16);
        edge_value id = { 2, ST_VALUE_ID, e->persons[i].b, 16 };
        make(e, "person", text_value(1, ST_VALUE_CODE, LOGINS[i]), id);
    }
    (void)edge_bucket_of(e, EDGE_UNIT_BUCKET);
    return e;
}

void edge_free(edge *e)
{
    st_arena_reset(&e->arena);
    free(e);
}
