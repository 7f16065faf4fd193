/* tests/unit/proto/merge_kit.h - replicas for the merge tests: each folds into proto/merge.c and
 * into the naive definition at once, and its authors make changes with proto/edit.c. */
#ifndef SOTAY_TESTS_PROTO_MERGE_KIT_H
#define SOTAY_TESTS_PROTO_MERGE_KIT_H

#include "tests/unit/proto/naive.h"

#define KIT_RECORDS 2
#define KIT_CHANGES 128
#define KIT_DEVICES 128               /* a device is a letter */
#define KIT_BYTES (64u << 20)

typedef enum { P_RATING, P_NOTE, P_NAME, P_TEXT, P_TAG, P_FIXED, P_DROP, P_COUNT } kit_path;

typedef struct {
    const char *name;
    st_class cls;
    st_path path;
} kit_field;

static const kit_field KIT[P_COUNT] = {
    [P_RATING] = { "rating", ST_CLASS_DECISIVE,
                   { .kind = ST_PATH_KEYED, .group = 3, .field = 1, .key = { "a3" } } },
    [P_NOTE] = { "note", ST_CLASS_PLAIN, { .kind = ST_PATH_FIELD, .field = 7 } },
    [P_NAME] = { "name", ST_CLASS_DECISIVE,
                 { .kind = ST_PATH_ITEM, .group = 4, .field = 1, .item = { { "z" }, 1 } } },
    [P_TEXT] = { "text", ST_CLASS_PLAIN,
                 { .kind = ST_PATH_ITEM, .group = 4, .field = 2, .item = { { "z" }, 1 } } },
    [P_TAG] = { "tag", ST_CLASS_SET,
                { .kind = ST_PATH_FIELD, .field = 9, .element_len = 1, .element = "x" } },
    [P_FIXED] = { "fixed", ST_CLASS_FIXED, { .kind = ST_PATH_FIELD, .field = 8 } },
    [P_DROP] = { "item", ST_CLASS_DECISIVE,
                 { .kind = ST_PATH_DROP, .group = 4, .item = { { "z" }, 1 } } },
};

/* Everything that was ever made, with its author's notes. */
typedef struct {
    st_arena arena;
    st_change changes[KIT_CHANGES];
    naive_note notes[KIT_CHANGES];
    size_t count;
    uint64_t counter[KIT_DEVICES];    /* last counter of a device, in whatever bucket */
    uint64_t here[KIT_DEVICES];       /* last one in this bucket */
} kit_world;

typedef struct {
    st_arena arena;
    st_vector vector;
    st_record record[KIT_RECORDS];
    naive naive;
} kit_replica;

#define CLEAR INT64_MIN               /* the value null */

static inline void kit_must(st_err err)
{
    assert(err == ST_OK);
    if (err != ST_OK)
        abort();
}

static inline void kit_open(kit_world *world)
{
    memset(world, 0, sizeof *world);
    st_arena_init(&world->arena, KIT_BYTES);
}

static inline void kit_close(kit_world *world)
{
    st_arena_reset(&world->arena);
}

static inline void kit_clear(kit_replica *r)
{
    static const st_bucket BUCKET = { "01477/unit/01477-x001" };
    st_arena_reset(&r->arena);
    st_vector_init(&r->vector, &r->arena);
    r->naive.ops_count = r->naive.declined_count = 0;
    for (size_t i = 0; i < KIT_RECORDS; i++) {
        st_id id = { { 'r', (uint8_t)('0' + i) } };
        st_record_init(&r->record[i], &r->arena, &id, &BUCKET);
    }
}

static inline kit_replica *kit_new(void)
{
    kit_replica *r = calloc(1, sizeof *r);
    assert(r != NULL);
    st_arena_init(&r->arena, KIT_BYTES);
    kit_clear(r);
    return r;
}

static inline void kit_free(kit_replica *r)
{
    st_arena_reset(&r->arena);
    free(r);
}

static inline st_record *kit_record(kit_replica *r, const st_id *id)
{
    return &r->record[id->b[1] - '0'];
}

static inline void kit_fold(kit_replica *r, const kit_world *world, size_t number, st_fold kind)
{
    static const st_arrival ARRIVAL = { .role = ST_ROLE_OFFICER };
    const st_change *change = &world->changes[number];
    kit_must(st_merge_fold(&r->vector, kit_record(r, &change->record), change, &ARRIVAL,
                           (st_fold_how){ kind, false }));
    naive_fold(&r->naive, &world->notes[number], kind);
}

/* ---- making a change: begin, operations or an act, end ---- */

static inline st_change *kit_begin(kit_world *world, char device, size_t record, bool amend)
{
    assert(world->count < KIT_CHANGES);
    size_t d = (size_t)device;
    st_change *change = &world->changes[world->count];
    *change = (st_change){ .dot = { { { (uint8_t)device } }, ++world->counter[d] },
                           .prev = world->here[d], .amend = amend,
                           .record = { { 'r', (uint8_t)('0' + record) } } };
    world->here[d] = world->counter[d];
    return change;
}

static inline st_op *kit_op(kit_world *world, st_change *change, kit_path path, int64_t value)
{
    st_op *ops = st_arena_array(&world->arena, change->ops_count + 1, sizeof *ops);
    assert(ops != NULL);
    if (change->ops_count > 0)
        memcpy(ops, change->ops, change->ops_count * sizeof *ops);
    st_op *op = &ops[change->ops_count++];
    change->ops = ops;
    op->path = KIT[path].path;
    op->value.kind = value == CLEAR ? ST_VALUE_NULL : ST_VALUE_INT;
    op->value.number = value == CLEAR ? 0 : value;
    if (path == P_DROP)
        op->verb = value == CLEAR ? ST_VERB_KEEP : ST_VERB_DROP;
    else if (path == P_TAG)
        op->verb = value == CLEAR ? ST_VERB_REMOVE : ST_VERB_ADD;
    return op;
}

/* An ordinary edit of what the replica shows. */
static inline void kit_edit(kit_world *world, kit_replica *r, st_change *change, kit_path path,
                            int64_t value)
{
    st_op *op = kit_op(world, change, path, value);
    kit_must(st_edit_replaces(kit_record(r, &change->record), KIT[path].cls, &world->arena, op,
                              NULL));
}

/* What the author of the change has seen of its record by now, as his note for the definition. */
static inline void kit_note(kit_world *world, const kit_replica *r, const st_change *change)
{
    naive_note *note = &world->notes[world->count];
    size_t all = r->naive.ops_count + r->naive.declined_count;
    st_dot *saw = st_arena_array(&world->arena, all, sizeof *saw);
    assert(saw != NULL);
    *note = (naive_note){ change, saw, 0 };
    for (size_t i = 0; i < all; i++) {
        const naive_note *other = i < r->naive.ops_count
                                      ? &r->naive.ops[i]
                                      : &r->naive.declined[i - r->naive.ops_count];
        if (same_record(other, &change->record))
            saw[note->saw_count++] = other->change->dot;
    }
}

/* Fills in what the author knew. Returns the number of the change; folds it in nowhere. */
static inline size_t kit_end(kit_world *world, kit_replica *r, st_change *change)
{
    st_record *record = kit_record(r, &change->record);
    bool context = change->act != ST_ACT_NONE;
    for (uint32_t i = 0; i < change->ops_count; i++)
        context = context || change->ops[i].path.kind == ST_PATH_DROP;
    kit_must(st_edit_under(record, &world->arena, change, NULL));
    if (context)
        kit_must(st_edit_context(record, &r->vector, &world->arena, &change->context, NULL));
    kit_note(world, r, change);
    return world->count++;
}

/* Made after a finalise or lock and no amendment: held by everyone (docs/protocol.md 3). */
static inline bool kit_frozen(const st_change *change)
{
    bool frozen = false;
    for (uint32_t i = 0; i < change->under_count; i++)
        frozen = frozen || change->under[i].kind == ST_ACT_FINALISE ||
                 change->under[i].kind == ST_ACT_LOCK;
    return frozen && !change->amend && change->act == ST_ACT_NONE;
}

/* ---- comparing ---- */

/* Does the lean side show what the definition says, in every record? Else prints both. */
static inline bool kit_agrees(kit_replica *r, const char *why)
{
    static text lean, want;
    for (size_t i = 0; i < KIT_RECORDS; i++) {
        lean_text(&r->record[i], &lean);
        naive_text(&r->naive, &r->record[i].id, &want);
        if (strcmp(lean.s, want.s) != 0) {
            fprintf(stderr, "%s: record %zu\n-- shows\n%s-- by definition\n%s", why, i, lean.s,
                    want.s);
            return false;
        }
    }
    return true;
}

/* The stored bytes of all that a replica remembers. The caller frees the buffer. */
static inline void kit_encode(const kit_replica *r, st_buffer *out)
{
    st_buffer_init(out, KIT_BYTES);
    kit_must(st_vector_encode(&r->vector, out, NULL));
    for (size_t i = 0; i < KIT_RECORDS; i++)
        kit_must(st_record_encode(&r->record[i], out, NULL));
}

#endif
