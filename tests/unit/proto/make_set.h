/* tests/unit/proto/make_set.h - random but well-formed change-sets from a number, and their bytes.
 * The same number gives the same set on every machine. */
#ifndef SOTAY_TESTS_MAKE_SET_H
#define SOTAY_TESTS_MAKE_SET_H

#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"

typedef struct { uint64_t state; } make_random;

static inline uint32_t make_next(make_random *random, uint32_t below)
{
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random->state >> 33) % below;
}

static inline st_id make_id(uint8_t first, uint8_t fill)
{
    st_id id;
    memset(id.b, fill, sizeof id.b);
    id.b[0] = first;
    return id;
}

/* Ascending dots of three other devices and the own one, counters from 1. */
static inline const st_dot *make_dots(make_random *random, st_arena *arena, uint32_t *out_count)
{
    uint32_t count = make_next(random, 5);
    st_dot *dots = st_arena_array(arena, count, sizeof *dots);
    uint64_t counter = 0;
    for (uint32_t i = 0; i < count; i++) {
        counter += 1 + make_next(random, 400);
        dots[i] = (st_dot){ make_id((uint8_t)(0x10 + i / 2), 7), counter };
    }
    *out_count = count;
    return dots;
}

static inline st_context make_context(make_random *random, st_arena *arena)
{
    uint32_t count = 1 + make_next(random, 3);
    st_context_device *devices = st_arena_array(arena, count, sizeof *devices);
    uint64_t *counters = st_arena_array(arena, 4, sizeof *counters);
    for (uint32_t i = 0; i < 4; i++)
        counters[i] = 900 + 3 * i + make_next(random, 3);
    for (uint32_t i = 0; i < count; i++)
        devices[i] = (st_context_device){ .device = make_id((uint8_t)(0x20 + i), 9),
                                          .upto = make_next(random, 800), .singles = counters,
                                          .singles_count = make_next(random, 5),
                                          .holes = counters + 1,
                                          .holes_count = make_next(random, 3) };
    return (st_context){ devices, count };
}

static inline st_value make_value(make_random *random, st_arena *arena)
{
    static const char *const TEXTS[] = { "", "sạch", "Xóm Đoỏng Luông mất sóng", "a\nb" };
    static const st_value_kind KINDS[] = { ST_VALUE_NULL, ST_VALUE_INT, ST_VALUE_TEXT,
        ST_VALUE_CODE, ST_VALUE_ID, ST_VALUE_HASH, ST_VALUE_GEO, ST_VALUE_BYTES };
    static const uint32_t LENGTHS[] = { 0, 0, 0, 0, 16, 32, 20, 3 };
    uint32_t at = make_next(random, 8);
    st_value value = { .kind = KINDS[at], .len = LENGTHS[at] };
    if (value.kind == ST_VALUE_INT)
        value.number = (int64_t)make_next(random, 2000000) - 1000000;
    else if (value.kind == ST_VALUE_TEXT || value.kind == ST_VALUE_CODE) {
        const char *text = value.kind == ST_VALUE_CODE ? "01477-x01" : TEXTS[make_next(random, 4)];
        value.len = (uint32_t)strlen(text);
        value.data = st_arena_copy(arena, text, value.len);
    } else if (value.len > 0) {
        uint8_t *data = st_arena_get(arena, value.len);
        for (uint32_t i = 0; i < value.len; i++)
            data[i] = (uint8_t)make_next(random, 256);
        value.data = data;
    }
    return value;
}

/* Operation number i of a change; i keeps the paths apart. */
static inline st_op make_op(make_random *random, st_arena *arena, uint32_t i)
{
    st_op op = { .path = { .kind = ST_PATH_FIELD, .field = (uint16_t)(i + 1) } };
    uint32_t what = make_next(random, 8);
    if (what == 0) {
        op.path.kind = ST_PATH_KEYED;
        op.path.group = 3;
        (void)st_code_set(&op.path.key, "a3", 2);
    } else if (what == 1) {
        op.path.kind = ST_PATH_ITEM;
        op.path.group = 4;
        op.path.item = (st_dot){ make_id(0x10, 7), 5 + i };
    } else if (what == 2) {
        op.path = (st_path){ .kind = ST_PATH_DROP, .group = 4, .place = (uint16_t)i };
        op.path.item = (st_dot){ make_id(0x12, 7), 77 };
        op.verb = make_next(random, 2) == 0 ? ST_VERB_DROP : ST_VERB_KEEP;
    } else if (what == 3) {
        op.verb = make_next(random, 2) == 0 ? ST_VERB_ADD : ST_VERB_REMOVE;
        op.path.element_len = 8;
        op.path.element[7] = (uint8_t)i;
    } else if (what == 4) {
        op.verb = ST_VERB_REMARK;
    } else if (what == 5) {
        op.verb = ST_VERB_RESOLVE;
    }
    if (op.verb == ST_VERB_ADD || op.verb == ST_VERB_DROP)
        op.value = (st_value){ .kind = ST_VALUE_INT, .number = 1 };
    else if (op.verb != ST_VERB_REMOVE && op.verb != ST_VERB_KEEP)
        op.value = make_value(random, arena);
    if (op.verb == ST_VERB_REMARK && op.value.kind == ST_VALUE_NULL)
        op.value = (st_value){ .kind = ST_VALUE_INT, .number = 4 };
    if (op.verb != ST_VERB_REMARK)
        op.replaces = make_dots(random, arena, &op.replaces_count);
    if (op.verb == ST_VERB_RESOLVE && op.replaces_count == 0)
        op.verb = ST_VERB_SET;
    if (op.verb == ST_VERB_RESOLVE && make_next(random, 2) == 0) {
        op.kept = op.replaces[op.replaces_count - 1];
        op.kept_actor = make_id(0x77, 1);
    }
    return op;
}

static inline void make_ops(make_random *random, st_arena *arena, st_change *change, uint32_t most)
{
    uint32_t count = make_next(random, most + 1);
    uint32_t items = make_next(random, 4);
    st_op *ops = st_arena_array(arena, count + items, sizeof *ops);
    for (uint32_t i = 0; i < items; i++)
        ops[i] = (st_op){ .path = { .kind = ST_PATH_ITEM, .group = 5,
                                    .field = (uint16_t)(1 + i % 2), .item = change->dot,
                                    .place = (uint16_t)(i / 2) },
                          .verb = ST_VERB_ITEM, .value = make_value(random, arena) };
    for (uint32_t i = 0; i < count; i++)
        ops[items + i] = make_op(random, arena, i);
    change->ops = ops;
    change->ops_count = items + count;
    for (uint32_t i = 0; i < change->ops_count; i++) {
        if (ops[i].path.kind == ST_PATH_DROP && change->context.count == 0)
            change->context = make_context(random, arena);
    }
}

static inline void make_change(make_random *random, st_arena *arena, st_change *change,
                               const st_change *before, uint32_t ops_most)
{
    uint32_t what = make_next(random, 4);
    change->wall_ms = before == NULL ? -5 : before->wall_ms + make_next(random, 90000) - 45000;
    change->mono_ms = before == NULL ? 60000 : before->mono_ms + make_next(random, 90000) - 1000;
    change->hlc = before == NULL ? (st_hlc)1773000000000u << 16 : before->hlc + 1;
    if (what == 0) {
        change->creates = true;
        (void)st_code_set(&change->form, "visit", 5);
        change->form_version = 1 + make_next(random, 3);
        for (size_t i = 0; i < sizeof change->random; i++)
            change->random[i] = (uint8_t)make_next(random, 256);
        change->record = st_record_id(&change->dot, change->random);
    } else if (what == 1 && before != NULL) {
        change->record = before->record;
    } else {
        change->record = make_id((uint8_t)(1 + make_next(random, 3)), 0x42);
    }
    if (make_next(random, 5) == 0) {
        change->act = (st_act_kind)(1 + make_next(random, ST_ACT_COUNT - 1));
        change->context = make_context(random, arena);
    } else {
        make_ops(random, arena, change, ops_most);
    }
    if (make_next(random, 3) == 0) {
        st_under *under = st_arena_array(arena, 2, sizeof *under);
        under[0] = (st_under){ { make_id(0x10, 7), 3 }, ST_ACT_FINALISE };
        under[1] = (st_under){ { make_id(0x13, 7), 1 + make_next(random, 9) }, ST_ACT_WITHDRAW };
        change->under = under;
        change->under_count = 1 + make_next(random, 2);
        change->amend = make_next(random, 2) == 0;
    }
    if (make_next(random, 3) == 0)
        change->reason = (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"họp tổ",
                                     .len = 10 };
    if (change->reason.kind == ST_VALUE_TEXT)
        change->reason.len = (uint32_t)strlen((const char *)change->reason.data);
}

/* A well-formed set of `changes` changes with at most about ops_most operations each. */
static inline st_set make_set(uint64_t number, uint32_t changes, uint32_t ops_most, st_arena *arena)
{
    make_random random = { number * 2654435761u + 1 };
    st_set set = { .device = make_id(0xd1, 0xd1), .format = 1, .first = 11, .here = 9,
                   .has_prev = true, .scope_rev = 4, .role = ST_ROLE_OFFICER, .fold_version = 1 };
    memset(set.prev.b, 0x5a, sizeof set.prev.b);
    memset(set.boot, 0xb0, sizeof set.boot);
    (void)st_bucket_set(&set.bucket, "01477/unit/01477-x01", 20);
    if (make_next(&random, 2) == 0) {
        set.seen_size = 1 + make_next(&random, 1000);
        memset(set.seen_root.b, 0x33, sizeof set.seen_root.b);
    }
    if (make_next(&random, 3) == 0) {
        set.has_actor = true;
        set.actor = make_id(0xaa, 1);
        set.via = ST_VIA_OPERATOR;
    }
    set.changes = st_arena_array(arena, changes, sizeof *set.changes);
    set.changes_count = changes;
    for (uint32_t i = 0; i < changes; i++) {
        st_change *change = &set.changes[i];
        change->dot = (st_dot){ set.device, set.first + i };
        change->prev = i == 0 ? set.here : set.first + i - 1;
        make_change(&random, arena, change, i == 0 ? NULL : change - 1, ops_most);
    }
    return set;
}

/* Builds, signs with the key of a seed of 0x51s for log 0x10.., and appends the bytes. */
static inline st_err make_bytes(const st_set *set, st_buffer *out, st_error *error)
{
    uint8_t seed[32], public_key[32], secret[64], text[ST_SET_SIGN_BYTES], signature[64];
    st_unsigned_set made;
    st_id log = make_id(0x10, 0x10);
    memset(seed, 0x51, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    memset(seed, 0x5e, sizeof seed);
    st_err err = st_set_build(set, seed, &made, error);
    if (err != ST_OK)
        return err;
    st_set_sign_text(&log, &set->device, &made.hash, text);
    st_sign(secret, text, sizeof text, signature);
    err = st_set_finish(set, &made, signature, out, error);
    st_unsigned_set_free(&made);
    return err;
}

#endif
