/* tests/golden/golden_sets.h - the change-sets whose bytes are frozen: one for each thing that a
 * change can say. All ids, seeds and keys are fixed. */
#ifndef SOTAY_TESTS_GOLDEN_SETS_H
#define SOTAY_TESTS_GOLDEN_SETS_H

#include "tests/unit/proto/make_set.h"

#define GOLDEN_SETS 9

static inline st_value golden_text(const char *text)
{
    return (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)text,
                       .len = (uint32_t)strlen(text) };
}

static inline st_value golden_int(int64_t number)
{
    return (st_value){ .kind = ST_VALUE_INT, .number = number };
}

static inline st_path golden_field(uint16_t field)
{
    return (st_path){ .kind = ST_PATH_FIELD, .field = field };
}

static inline st_path golden_rating(const char *key, uint16_t field)
{
    st_path path = { .kind = ST_PATH_KEYED, .group = 1, .field = field };
    (void)st_code_set(&path.key, key, strlen(key));
    return path;
}

static inline st_path golden_item(st_dot dot, uint16_t place, uint16_t field)
{
    return (st_path){ .kind = field == 0 ? ST_PATH_DROP : ST_PATH_ITEM, .group = 2, .field = field,
                      .item = dot, .place = place };
}

static inline st_path golden_element(uint16_t field, uint8_t number)
{
    st_path path = golden_field(field);
    path.element_len = 8;
    path.element[7] = number;
    return path;
}

/* A set of `count` changes on one record of another device, one second apart. */
static inline st_set golden_set(st_arena *arena, uint64_t first, uint32_t count)
{
    st_set set = { .device = make_id(0xd1, 0xd1), .format = 1, .first = first, .fold_version = 1,
                   .scope_rev = 4, .role = ST_ROLE_OFFICER, .changes_count = count };
    (void)st_bucket_set(&set.bucket, "01477/unit/01477-x01", 20);
    memset(set.boot, 0xb0, sizeof set.boot);
    if (first > 1) {
        set.has_prev = true;
        set.here = first - 1;
        memset(set.prev.b, 0x5a, sizeof set.prev.b);
        set.seen_size = 800;
        memset(set.seen_root.b, 0x33, sizeof set.seen_root.b);
    }
    set.changes = st_arena_array(arena, count, sizeof *set.changes);
    for (uint32_t i = 0; i < count; i++)
        set.changes[i] = (st_change){ .dot = { set.device, first + i },
                                      .prev = i == 0 ? set.here : first + i - 1,
                                      .record = make_id(0x4e, 0x42),
                                      .wall_ms = 1773282600000 + 1000 * (int64_t)i,
                                      .mono_ms = 60000 + 1000 * (uint64_t)i,
                                      .hlc = ((uint64_t)1773282600000 + 1000 * i) << 16 };
    return set;
}

static inline void golden_ops(st_arena *arena, st_change *change, const st_op *ops, uint32_t count)
{
    st_op *copy = st_arena_array(arena, count, sizeof *copy);
    memcpy(copy, ops, count * sizeof *copy);
    change->ops = copy;
    change->ops_count = count;
}

static inline st_set golden_create(st_arena *arena)
{
    st_set set = golden_set(arena, 1, 2);
    const st_op first[] = { { .path = golden_field(1), .value = golden_int(20524) },
                            { .path = golden_field(2), .value = golden_text("Xóm Đoỏng Luông") } };
    const st_op second[] = { { .path = golden_rating("x2", 1), .value = golden_int(2) } };
    set.changes[0].creates = true;
    (void)st_code_set(&set.changes[0].form, "visit", 5);
    set.changes[0].form_version = 1;
    memset(set.changes[0].random, 0x9d, 16);
    set.changes[0].record = st_record_id(&set.changes[0].dot, set.changes[0].random);
    set.changes[1].record = set.changes[0].record;
    golden_ops(arena, &set.changes[0], first, 2);
    golden_ops(arena, &set.changes[1], second, 1);
    return set;
}

static inline st_set golden_edit(st_arena *arena)
{
    static const st_dot OLD[] = { { { { 0x10, 1 } }, 7 }, { { { 0x10, 1 } }, 300 },
                                  { { { 0xee, 2 } }, 1 } };
    static const st_dot OWN[] = { { { { 0x10, 1 } }, 300 } };
    st_set set = golden_set(arena, 12, 1);
    const st_op ops[] = {
        { .path = golden_field(2), .value = golden_text("nhà văn hóa"), .replaces = OLD,
          .replaces_count = 3 },
        { .path = golden_rating("x2", 1), .value = { .kind = ST_VALUE_NULL }, .replaces = OWN,
          .replaces_count = 1 },
    };
    golden_ops(arena, &set.changes[0], ops, 2);
    return set;
}

static inline st_set golden_items(st_arena *arena)
{
    static const st_context_device CONTEXT[] = { { .device = { { 0x10, 1 } }, .upto = 300 } };
    static const st_dot OLD[] = { { { { 0x10, 1 } }, 290 } };
    const st_dot other = { { { 0x10, 1 } }, 280 };
    st_set set = golden_set(arena, 20, 3);
    const st_dot own = set.changes[0].dot;
    const st_op made[] = {
        { .path = golden_item(own, 0, 1), .verb = ST_VERB_ITEM, .value = golden_int(1) },
        { .path = golden_item(own, 0, 2), .verb = ST_VERB_ITEM, .value = golden_text("sạch") },
        { .path = golden_item(own, 1, 2), .verb = ST_VERB_ITEM, .value = golden_text("mất sóng") },
    };
    const st_op drop[] = { { .path = golden_item(other, 0, 0), .verb = ST_VERB_DROP,
                             .value = golden_int(1) } };
    const st_op keep[] = { { .path = golden_item(other, 1, 0), .verb = ST_VERB_KEEP,
                             .replaces = OLD, .replaces_count = 1 } };
    golden_ops(arena, &set.changes[0], made, 3);
    golden_ops(arena, &set.changes[1], drop, 1);
    golden_ops(arena, &set.changes[2], keep, 1);
    set.changes[1].context = (st_context){ CONTEXT, 1 };
    set.changes[2].context = (st_context){ CONTEXT, 1 };
    return set;
}

static inline st_set golden_elements(st_arena *arena)
{
    static const st_dot OLD[] = { { { { 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1,
                                        0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1 } }, 4 } };
    st_set set = golden_set(arena, 30, 1);
    const st_op ops[] = {
        { .path = golden_element(9, 3), .verb = ST_VERB_ADD, .value = golden_int(1) },
        { .path = golden_element(9, 4), .verb = ST_VERB_REMOVE, .replaces = OLD,
          .replaces_count = 1 },
        { .path = golden_field(10), .verb = ST_VERB_REMARK, .value = golden_text("xem lại") },
    };
    golden_ops(arena, &set.changes[0], ops, 3);
    return set;
}

static inline st_set golden_act(st_arena *arena)
{
    static const uint64_t SINGLES[] = { 310, 312 }, HOLES[] = { 299 };
    static const st_context_device CONTEXT[] = {
        { .device = { { 0x10, 1 } }, .upto = 300, .singles = SINGLES, .singles_count = 2,
          .holes = HOLES, .holes_count = 1 },
        { .device = { { 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1,
                        0xd1, 0xd1, 0xd1, 0xd1 } }, .upto = 39 },
    };
    static const st_under UNDER[] = { { { { { 0x10, 1 } }, 288 }, ST_ACT_OPEN } };
    st_set set = golden_set(arena, 40, 1);
    set.changes[0].act = ST_ACT_FINALISE;
    set.changes[0].context = (st_context){ CONTEXT, 2 };
    set.changes[0].under = UNDER;
    set.changes[0].under_count = 1;
    return set;
}

static inline st_set golden_resolve(st_arena *arena)
{
    static const st_dot SEEN[] = { { { { 0x10, 1 } }, 300 }, { { { 0xee, 2 } }, 6 } };
    st_set set = golden_set(arena, 50, 1);
    const st_op ops[] = { { .path = golden_rating("x2", 1), .verb = ST_VERB_RESOLVE,
                            .value = golden_int(2), .replaces = SEEN, .replaces_count = 2,
                            .kept = SEEN[1], .kept_actor = make_id(0xab, 0xab) } };
    golden_ops(arena, &set.changes[0], ops, 1);
    set.changes[0].reason = golden_text("theo biên bản giấy");
    set.has_actor = true;
    set.actor = make_id(0xaa, 0xaa);
    set.role = ST_ROLE_OFFICE;
    set.via = ST_VIA_OPERATOR;
    return set;
}

static inline st_set golden_amend(st_arena *arena)
{
    static const st_dot OLD[] = { { { { 0x10, 1 } }, 300 } };
    static const st_under UNDER[] = { { { { { 0x10, 1 } }, 305 }, ST_ACT_FINALISE } };
    st_set set = golden_set(arena, 60, 1);
    const st_op ops[] = { { .path = golden_field(1), .value = golden_int(20525), .replaces = OLD,
                            .replaces_count = 1 } };
    golden_ops(arena, &set.changes[0], ops, 1);
    set.changes[0].under = UNDER;
    set.changes[0].under_count = 1;
    set.changes[0].amend = true;
    set.changes[0].reason = golden_text("ghi nhầm ngày");
    return set;
}

static inline st_set golden_values(st_arena *arena)
{
    static const uint8_t BYTES[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
                                       18, 19, 20 };
    static const struct { st_value_kind kind; uint32_t len; } KINDS[] = {
        { ST_VALUE_ID, 16 }, { ST_VALUE_HASH, 32 }, { ST_VALUE_GEO, 20 }, { ST_VALUE_BYTES, 5 },
    };
    st_set set = golden_set(arena, 70, 1);
    st_op ops[8] = { { .path = golden_field(1), .value = golden_int(-7) },
                     { .path = golden_field(2), .value = golden_int(INT64_MAX) },
                     { .path = golden_field(3), .value = golden_text("") },
                     { .path = golden_field(4), .value = golden_text("01477-x01") } };
    ops[3].value.kind = ST_VALUE_CODE;
    for (uint16_t i = 0; i < 4; i++)
        ops[4 + i] = (st_op){ .path = golden_field((uint16_t)(5 + i)),
                              .value = { .kind = KINDS[i].kind, .data = BYTES,
                                         .len = KINDS[i].len } };
    golden_ops(arena, &set.changes[0], ops, 8);
    return set;
}

/* Clocks that go back, and a change on the record before without naming it. */
static inline st_set golden_clocks(st_arena *arena)
{
    st_set set = golden_set(arena, 80, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const st_op op = { .path = golden_field(1), .value = golden_int(i) };
        golden_ops(arena, &set.changes[i], &op, 1);
    }
    set.changes[1].wall_ms = -86400000;
    set.changes[1].mono_ms = 5;
    set.changes[2].record = make_id(0x4f, 0x42);
    return set;
}

static inline st_set golden_number(size_t i, const char **out_name, st_arena *arena)
{
    static const struct { const char *name; st_set (*make)(st_arena *); } SETS[GOLDEN_SETS] = {
        { "set-create", golden_create }, { "set-edit", golden_edit },
        { "set-items", golden_items }, { "set-elements", golden_elements },
        { "set-act", golden_act }, { "set-resolve", golden_resolve },
        { "set-amend", golden_amend }, { "set-values", golden_values },
        { "set-clocks", golden_clocks },
    };
    *out_name = SETS[i].name;
    return SETS[i].make(arena);
}

#endif
