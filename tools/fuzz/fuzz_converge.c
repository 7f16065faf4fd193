/* tools/fuzz/fuzz_converge.c - the invariant fuzzer: four people write and act on two records, each
 * knowing what he happened to hear of; the office lets changes in, holds, releases or declines
 * them; then two replicas take in all of it in two orders, with repeats. Both must remember the
 * same bytes, and show what the naive definition (docs/protocol.md 5) says. What a person's change
 * replaces and stands under is what that definition gives him; a path is full when it says so. */
#include "tests/unit/proto/merge_kit.h"
#include "tests/unit/proto/naive_author.h"
#include "tools/fuzz/fuzz.h"

#define PHONES      4u
#define CHANGES_MAX 20u
#define FLOOD_MIN   60u /* values of one path, one beside the other: as many as it may have */
#define FLOOD_MAX   67u
#define FLOODS      0xa8u /* inputs that begin with this or the seven bytes behind it have one */
#define EVENTS_MAX  (2u * (CHANGES_MAX + FLOOD_MAX))

typedef struct {
    kit_world made;
    kit_replica *phones[PHONES];
    kit_replica *near, *far; /* take in the same events, in two orders */
} commune;

typedef struct {
    size_t number;
    st_fold kind;
} event;

typedef struct {
    event list[EVENTS_MAX];
    size_t count;
} events;

static commune *open_commune(void)
{
    static commune c;
    if (c.near == NULL) {
        c.near = kit_new();
        c.far = kit_new();
        for (size_t i = 0; i < PHONES; i++)
            c.phones[i] = kit_new();
    }
    kit_open(&c.made);
    kit_clear(c.near);
    kit_clear(c.far);
    for (size_t i = 0; i < PHONES; i++)
        kit_clear(c.phones[i]);
    return &c;
}

static st_fold usual(const st_change *change)
{
    return kit_frozen(change) ? ST_FOLD_HOLD : ST_FOLD_APPLY;
}

static void hear(commune *c, size_t phone, size_t number)
{
    kit_fold(c->phones[phone], &c->made, number, usual(&c->made.changes[number]));
}

/* A resolution of all the values that the author sees. */
static void settle(commune *c, kit_replica *author, st_change *change, kit_path path, int64_t value)
{
    st_op *op = kit_op(&c->made, change, path, value);
    const st_record *record = kit_record(author, &change->record);
    st_span span = st_record_path(record, &op->path);
    if (span.count == 0)
        return;
    st_dot *dots = st_arena_array(&c->made.arena, span.count, sizeof *dots);
    for (size_t i = 0; i < span.count; i++)
        dots[i] = record->metas[record->lives[span.first + i].meta].dot;
    op->verb = ST_VERB_RESOLVE;
    op->replaces = dots;
    op->replaces_count = (uint32_t)span.count;
}

static st_class class_of(const st_path *path)
{
    for (size_t i = 0; i < P_COUNT; i++)
        if (st_path_cmp(&KIT[i].path, path) == 0)
            return KIT[i].cls;
    abort();
}

/* What it names is what its author had in front of him: he settles nothing that he did not see, and
 * nothing by a plain edit. */
static void must_be_honest(const kit_replica *author, const st_change *change)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        FUZZ_MUST(naive_replaces_right(&author->naive, &change->record, &change->ops[i],
                                       class_of(&change->ops[i].path)));
    FUZZ_MUST(naive_under_right(&author->naive, change));
}

/* Many values of one path, each by somebody who has seen none of the others. */
static void write_flood(commune *c, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        st_change *change = kit_begin(&c->made, 'q', 0, false);
        (void)kit_op(&c->made, change, P_RATING, i);
        (void)kit_end(&c->made, c->near, change);
    }
}

/* One change of one person; his phone folds it in. */
static void write_one(commune *c, fuzz_bytes *bytes)
{
    uint8_t who = fuzz_u8(bytes), what = fuzz_u8(bytes);
    size_t phone = who % PHONES;
    kit_replica *author = c->phones[phone];
    char device = (char)('a' + phone + (who & 0x80 ? PHONES : 0));
    st_change *change = kit_begin(&c->made, device, who >> 4 & 1, (who & 0x40) != 0);
    change->hlc = (st_hlc)(who >> 2 & 3);
    kit_path path = (kit_path)(what % P_COUNT);
    int64_t value = what & 0x40 ? CLEAR : what >> 3 & 3;
    if (what >= 0xc0)
        change->act = (st_act_kind)(1 + what % (ST_ACT_COUNT - 1));
    else if (what & 0x20 && path < P_TAG)
        settle(c, author, change, path, value);
    else
        kit_edit(&c->made, author, change, path, path == P_DROP && value != CLEAR ? 1 : value);
    if (what < 0xc0 && (who & 0x08) != 0 && path != P_NOTE)
        kit_edit(&c->made, author, change, P_NOTE, value);
    size_t number = kit_end(&c->made, author, change);
    must_be_honest(author, change);
    hear(c, phone, number);
}

/* What the office makes of each change; the same for both replicas. */
static void judge(const commune *c, fuzz_bytes *bytes, events *all)
{
    for (size_t i = 0; i < c->made.count; i++) {
        uint32_t fate = fuzz_below(bytes, 16);
        st_fold last = usual(&c->made.changes[i]);
        if (fate == 1)
            continue; /* lost */
        if (fate >= 2 && fate <= 5)
            all->list[all->count++] = (event){ i, ST_FOLD_HOLD };
        if (fate == 2)
            continue; /* held to this day */
        if (fate == 3 || fate == 6)
            last = ST_FOLD_DECLINE;
        if (fate == 4)
            last = ST_FOLD_APPLY; /* let in, also when it was frozen */
        all->list[all->count++] = (event){ i, last };
    }
}

static void take_in(const commune *c, kit_replica *r, const event *e)
{
    kit_fold(r, &c->made, e->number, e->kind);
}

static void must_know_the_limit(const commune *c, kit_replica *r, const event *e)
{
    const st_change *change = &c->made.changes[e->number];
    if (!naive_has(&r->naive, &change->dot))
        FUZZ_MUST(st_merge_over_limit(kit_record(r, &change->record), change) ==
                  naive_over_limit(&r->naive, &c->made.notes[e->number]));
}

static void meet(const commune *c, fuzz_bytes *bytes, const events *all)
{
    events shuffled = *all;
    st_buffer near, far;
    for (size_t i = 0; i < all->count; i++) {
        must_know_the_limit(c, c->near, &all->list[i]);
        take_in(c, c->near, &all->list[i]);
    }
    for (size_t left = shuffled.count; left > 0; left--) {
        size_t at = fuzz_below(bytes, (uint32_t)left);
        take_in(c, c->far, &shuffled.list[at]);
        if ((at & 1) != 0)
            take_in(c, c->far, &all->list[at % all->count]);
        shuffled.list[at] = shuffled.list[left - 1];
    }
    kit_encode(c->near, &near);
    kit_encode(c->far, &far);
    fuzz_must_be_same(&near, &far);
    for (size_t i = 0; i < KIT_RECORDS; i++) {
        st_sum a = st_record_sum(&c->near->record[i]), b = st_record_sum(&c->far->record[i]);
        FUZZ_MUST(memcmp(a.b, b.b, sizeof a.b) == 0);
    }
    FUZZ_MUST(kit_agrees(c->near, "both replicas"));
    st_buffer_free(&near);
    st_buffer_free(&far);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    events all = { .count = 0 };
    commune *c = open_commune();
    uint8_t head = fuzz_u8(&bytes), steps = head % 64;
    if ((head & 0xf8) == FLOODS)
        write_flood(c, FLOOD_MIN + (head & 7));
    size_t most = c->made.count + CHANGES_MAX;
    for (uint8_t i = 0; i < steps && bytes.len > 0 && c->made.count < most; i++) {
        uint8_t what = fuzz_u8(&bytes);
        if (what % 3 == 0 || c->made.count == 0)
            write_one(c, &bytes);
        else
            hear(c, what >> 2 & 3, fuzz_u8(&bytes) % c->made.count);
    }
    judge(c, &bytes, &all);
    if (all.count > 0)
        meet(c, &bytes, &all);
    for (size_t i = 0; i < PHONES; i++)
        FUZZ_MUST(kit_agrees(c->phones[i], "a phone"));
    kit_close(&c->made);
    return 0;
}
