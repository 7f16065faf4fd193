/* tests/unit/proto/test_merge_permutations.c
 * Whatever order changes come in, on whatever stick or phone, with one of them lost, held,
 * released or declined: everybody who has the same ones shows the same, and it is what the
 * definition says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/proto/merge_kit.h"

#define STEPS_MAX 6
#define EVENTS_MAX 8
#define ALL 0xffu                     /* heard of every step before */

/* One change: who, which earlier steps (bits) he had received, and what he did. */
typedef struct {
    char device;                      /* 0: no more steps */
    unsigned heard;
    kit_path path;
    int64_t value;
    st_act_kind act;                  /* else path and value */
    bool amend;
    unsigned settles;                 /* a resolution: exactly the values of these steps */
} step;

typedef struct {
    const char *why;
    const char *want;                 /* what people see in the end, see summary() */
    step steps[STEPS_MAX];
} scene;

#define R P_RATING
#define SET(d, h, p, v) { .device = d, .heard = h, .path = p, .value = v }
#define AMEND(d, h, p, v) { .device = d, .heard = h, .path = p, .value = v, .amend = true }
#define SETTLE(d, h, p, v, s) { .device = d, .heard = h, .path = p, .value = v, .settles = s }
#define ACT(d, h, kind) { .device = d, .heard = h, .act = ST_ACT_##kind }

static const scene SCENES[] = {
    { "one value", "rating=1", { SET('a', 0, R, 1) } },
    { "a clear alone is empty", "rating=-", { SET('a', 0, R, 1), SET('a', 0, R, CLEAR) } },
    { "two who did not know", "rating=1|2!", { SET('a', 0, R, 1), SET('b', 0, R, 2) } },
    { "equal values are one", "rating=3", { SET('a', 0, R, 3), SET('b', 0, R, 3) } },
    { "an edit replaces all dots of the shown value", "rating=4",
      { SET('a', 0, R, 3), SET('b', 0, R, 3), SET('c', ALL, R, 4) } },
    { "three ways", "rating=1|2|3!",
      { SET('a', 0, R, 1), SET('b', 0, R, 2), SET('c', 0, R, 3) } },
    { "a clear and an edit of one value", "rating=-|2!",
      { SET('a', 0, R, 1), SET('a', 0, R, CLEAR), SET('b', 1, R, 2) } },
    { "an edit on an open conflict takes only the shown value", "rating=1|3!",
      { SET('a', 0, R, 1), SET('b', 0, R, 2), SET('c', ALL, R, 3) } },
    { "a resolution takes what it was given", "rating=1",
      { SET('a', 0, R, 1), SET('b', 0, R, 2), SETTLE('c', 3, R, 1, 3) } },
    { "a sibling unseen by the resolver opens it again", "rating=1|9!",
      { SET('a', 0, R, 1), SET('b', 0, R, 2), SETTLE('c', 3, R, 1, 3), SET('d', 0, R, 9) } },
    { "two resolutions that disagree", "rating=1|2!",
      { SET('a', 0, R, 1), SET('b', 0, R, 2), SETTLE('c', 3, R, 1, 3),
        SETTLE('d', 3, R, 2, 3) } },
    { "plain: no decision needed, an edit takes all", "note=3",
      { SET('a', 0, P_NOTE, 1), SET('b', 0, P_NOTE, 2), SET('c', ALL, P_NOTE, 3) } },
    { "plain: both stay readable", "note=1|2",
      { SET('a', 0, P_NOTE, 1), SET('b', 0, P_NOTE, 2) } },
    { "five edits in a row against one", "rating=5|9!",
      { SET('a', 0, R, 1), SET('a', 0, R, 2), SET('a', 0, R, 3), SET('a', 0, R, 4),
        SET('a', 0, R, 5), SET('b', 1, R, 9) } },
    { "five people replace one value", "rating=2|3|4|5|6!",
      { SET('a', 0, R, 1), SET('b', 1, R, 2), SET('c', 1, R, 3), SET('d', 1, R, 4),
        SET('e', 1, R, 5), SET('f', 1, R, 6) } },
    { "a chain over three phones, and an unrelated edit that waits on one of them",
      "rating=3 note=7",
      { SET('a', 0, R, 1), SET('b', 0, P_NOTE, 7), SET('b', 1, R, 2), SET('c', 5, R, 3) } },
    { "add wins over a concurrent remove", "tag=-|1",
      { SET('a', 0, P_TAG, 1), SET('b', 1, P_TAG, CLEAR), SET('c', 1, P_TAG, 1) } },
    { "a remove that saw the add", "tag=-", { SET('a', 0, P_TAG, 1), SET('b', 1, P_TAG, CLEAR) } },
    { "fixed: nobody replaces it", "fixed=1|2",
      { SET('a', 0, P_FIXED, 1), SET('b', 1, P_FIXED, 2) } },
    { "a withdraw that saw all", "note=1 withdraw",
      { SET('a', 0, P_NOTE, 1), ACT('b', 1, WITHDRAW) } },
    { "a withdraw and an edit that did not know", "note=2 withdraw state!",
      { ACT('a', 0, WITHDRAW), SET('b', 0, P_NOTE, 2) } },
    { "an edit after a withdraw", "note=2 withdraw",
      { ACT('a', 0, WITHDRAW), SET('b', 1, P_NOTE, 2) } },
    { "a plain edit does not settle value against withdraw", "note=3 withdraw state!",
      { ACT('a', 0, WITHDRAW), SET('b', 0, P_NOTE, 2), SET('c', ALL, P_NOTE, 3) } },
    { "taking it back settles it", "note=2 open",
      { ACT('a', 0, WITHDRAW), SET('b', 0, P_NOTE, 2), ACT('c', ALL, OPEN) } },
    { "two kinds of act", "finalise withdraw state!",
      { ACT('a', 0, WITHDRAW), ACT('b', 0, FINALISE) } },
    { "two equal acts", "withdraw withdraw",
      { ACT('a', 0, WITHDRAW), ACT('b', 0, WITHDRAW) } },
    { "a finalise and an edit that did not know", "note=1|2 finalise since!",
      { SET('a', 0, P_NOTE, 1), ACT('a', 0, FINALISE), SET('b', 0, P_NOTE, 2) } },
    { "an edit after a finalise is frozen", "note=1 finalise",
      { SET('a', 0, P_NOTE, 1), ACT('a', 0, FINALISE), SET('b', ALL, P_NOTE, 2) } },
    { "an amendment after a finalise", "note=2 finalise",
      { SET('a', 0, P_NOTE, 1), ACT('a', 0, FINALISE),
        AMEND('b', ALL, P_NOTE, 2) } },
    { "a return ends the finalise it saw; what came in between is marked", "note=1|2 return",
      { SET('a', 0, P_NOTE, 1), ACT('a', 0, FINALISE), SET('b', 0, P_NOTE, 2),
        ACT('c', ALL, RETURN) } },
    { "an act that comes late is ended already", "open",
      { ACT('a', 0, FINALISE), ACT('a', 0, OPEN), ACT('a', 0, FINALISE),
        ACT('b', 7, OPEN) } },
    { "a drop", "name=1 item=dropped", { SET('a', 0, P_NAME, 1), SET('b', 1, P_DROP, 1) } },
    { "a drop and an edit that did not know", "name=1 text=2 item=contested",
      { SET('a', 0, P_NAME, 1), SET('b', 1, P_DROP, 1), SET('a', 0, P_TEXT, 2) } },
    { "a drop taken back", "name=1 item=there",
      { SET('a', 0, P_NAME, 1), SET('b', 1, P_DROP, 1), SET('a', ALL, P_DROP, CLEAR) } },
    { "a drop and a keep that did not know", "name=1 item=contested",
      { SET('a', 0, P_NAME, 1), SET('b', 1, P_DROP, 1), SET('c', 3, P_DROP, CLEAR),
        SET('d', 3, P_DROP, 1) } },
    { "finalise, withdraw, drop and edits, none aware", "note=1|2 text=3 item=contested "
      "finalise withdraw since! state!",
      { SET('a', 0, P_NOTE, 1), ACT('a', 0, FINALISE), SET('b', 0, P_NOTE, 2),
        ACT('c', 0, WITHDRAW), SET('d', 0, P_TEXT, 3), SET('e', 0, P_DROP, 1) } },
};

/* ---- what people see, in one line ---- */

static void say_path_values(const st_record *record, kit_path path, text *t)
{
    st_span span = st_record_path(record, &KIT[path].path);
    if (span.count == 0)
        return;
    int64_t last = 0;
    size_t kinds = 0;
    say(t, "%s%s=", t->len > 0 ? " " : "", KIT[path].name);
    for (bool more = true; more;) {          /* distinct values, ascending, the clear first */
        more = false;
        int64_t next = 0;
        for (size_t i = span.first; i < span.first + span.count; i++) {
            const st_value *value = &record->lives[i].op.value;
            int64_t number = value->kind == ST_VALUE_NULL ? CLEAR : value->number;
            if ((kinds == 0 || number > last) && (!more || number < next)) {
                next = number;
                more = true;
            }
        }
        if (!more)
            break;
        say(t, kinds > 0 ? "|" : "%s", "");
        if (next == CLEAR)
            say(t, "-");
        else
            say(t, "%lld", (long long)next);
        last = next;
        kinds++;
    }
    if (kinds > 1 && KIT[path].cls == ST_CLASS_DECISIVE)
        say(t, "!");
}

static const char *summary(kit_replica *r, text *t)
{
    static const char *const ITEM[] = { "there", "dropped", "contested" };
    const st_record *record = &r->record[0];
    const st_path *item = &KIT[P_DROP].path;
    st_arena arena;
    st_acts_view view;
    t->len = 0;
    t->s[0] = 0;
    for (int p = 0; p < P_DROP; p++)
        say_path_values(record, (kit_path)p, t);
    if (st_record_path(record, item).count > 0)
        say(t, "%sitem=%s", t->len > 0 ? " " : "",
            ITEM[st_view_item(record, item->group, &item->item, item->place)]);
    st_arena_init(&arena, 1u << 20);
    kit_must(st_view_acts(record, &arena, &view, NULL));
    for (int kind = 1; kind < ST_ACT_COUNT; kind++)
        for (size_t i = 0; i < view.acts_count; i++)
            if ((int)record->metas[view.acts[i]].act == kind)
                say(t, "%s%s", t->len > 0 ? " " : "", st_act_name((st_act_kind)kind));
    say(t, "%s%s", view.changed_since ? " since!" : "", view.state_conflict ? " state!" : "");
    st_arena_reset(&arena);
    return t->s;
}

/* ---- playing a scene ---- */

static size_t make(kit_world *world, kit_replica *author, const step *s)
{
    st_change *change = kit_begin(world, s->device, 0, s->amend);
    change->act = s->act;
    if (s->act == ST_ACT_NONE && s->settles == 0)
        kit_edit(world, author, change, s->path, s->value);
    if (s->settles != 0) {
        st_op *op = kit_op(world, change, s->path, s->value);
        st_dot *dots = st_arena_array(&world->arena, STEPS_MAX, sizeof *dots);
        assert_non_null(dots);
        op->verb = ST_VERB_RESOLVE;
        for (unsigned i = 0; i < STEPS_MAX; i++)     /* the steps of a scene ascend by dot */
            if (s->settles & (1u << i))
                dots[op->replaces_count++] = world->changes[i].dot;
        op->replaces = dots;
    }
    return kit_end(world, author, change);
}

static st_fold usual(const st_change *change)
{
    return kit_frozen(change) ? ST_FOLD_HOLD : ST_FOLD_APPLY;
}

/* Makes all changes of a scene, each on its author's own replica. */
static void play(kit_world *world, const scene *s)
{
    kit_replica *phones[KIT_DEVICES] = { NULL };
    for (size_t i = 0; i < STEPS_MAX && s->steps[i].device != 0; i++) {
        size_t device = (size_t)s->steps[i].device;
        if (phones[device] == NULL)
            phones[device] = kit_new();
        for (size_t j = 0; j < i; j++)
            if (s->steps[i].heard & (1u << j))
                kit_fold(phones[device], world, j, usual(&world->changes[j]));
        size_t number = make(world, phones[device], &s->steps[i]);
        kit_fold(phones[device], world, number, usual(&world->changes[number]));
        assert_true(kit_agrees(phones[device], s->why));
    }
    for (size_t i = 0; i < KIT_DEVICES; i++)
        if (phones[i] != NULL)
            kit_free(phones[i]);
}

typedef struct { size_t number; st_fold kind; } event;

typedef struct {
    const scene *scene;
    const kit_world *world;
    kit_replica *replica;
    event events[EVENTS_MAX];
    size_t count;
    st_buffer first;                  /* what the first order left; the others leave the same */
    size_t tried;
} trial;

static void try_order(trial *t)
{
    kit_clear(t->replica);
    for (size_t i = 0; i < t->count; i++)
        kit_fold(t->replica, t->world, t->events[i].number, t->events[i].kind);
    for (size_t i = 0; i < t->count; i++)           /* and once more: repeats change nothing */
        kit_fold(t->replica, t->world, t->events[i].number, t->events[i].kind);
    st_buffer now;
    kit_encode(t->replica, &now);
    if (t->tried++ == 0) {
        assert_true(kit_agrees(t->replica, t->scene->why));
        t->first = now;
        return;
    }
    if (now.len != t->first.len || memcmp(now.data, t->first.data, now.len) != 0) {
        (void)kit_agrees(t->replica, t->scene->why);
        fail_msg("%s: the order of arrival shows (order %zu)", t->scene->why, t->tried);
    }
    st_buffer_free(&now);
}

/* All orders of the events, by Heap's way without recursion. */
static size_t try_all_orders(trial *t)
{
    size_t turn[EVENTS_MAX] = { 0 };
    t->tried = 0;
    try_order(t);
    for (size_t i = 1; i < t->count;) {
        if (turn[i] >= i) {
            turn[i++] = 0;
            continue;
        }
        size_t other = i % 2 == 0 ? 0 : turn[i];
        event swap = t->events[other];
        t->events[other] = t->events[i];
        t->events[i] = swap;
        try_order(t);
        turn[i]++;
        i = 1;
    }
    st_buffer_free(&t->first);
    return t->tried;
}

static void fill_events(trial *t)
{
    t->count = t->world->count;
    for (size_t i = 0; i < t->count; i++)
        t->events[i] = (event){ i, usual(&t->world->changes[i]) };
}

static void test_every_order_shows_the_same(void **state)
{
    (void)state;
    static kit_world world;
    static text seen;
    size_t orders = 0;
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++) {
        kit_open(&world);
        play(&world, &SCENES[i]);
        trial t = { .scene = &SCENES[i], .world = &world, .replica = kit_new() };
        fill_events(&t);
        orders += try_all_orders(&t);
        print_message("  case: %s\n", SCENES[i].why);
        assert_string_equal(summary(t.replica, &seen), SCENES[i].want);
        kit_free(t.replica);
        kit_close(&world);
    }
    print_message("  %zu orders\n", orders);
}

/* What may happen to one change of a scene besides coming in. */
typedef enum { LOST, HELD, DECLINED, RELEASED, HELD_AND_DECLINED, FATES } fate;

static void suffer(trial *t, size_t number, fate what)
{
    fill_events(t);
    switch (what) {
    case LOST:
        t->events[number] = t->events[--t->count];
        break;
    case HELD:
        t->events[number].kind = ST_FOLD_HOLD;
        break;
    case DECLINED:
        t->events[number].kind = ST_FOLD_DECLINE;
        break;
    case RELEASED:
        t->events[number].kind = ST_FOLD_APPLY;
        t->events[t->count++] = (event){ number, ST_FOLD_HOLD };
        break;
    default:
        t->events[number].kind = ST_FOLD_DECLINE;
        t->events[t->count++] = (event){ number, ST_FOLD_HOLD };
        break;
    }
}

static void test_every_order_with_every_fate_shows_the_same(void **state)
{
    (void)state;
    static kit_world world;
    size_t orders = 0;
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++) {
        kit_open(&world);
        play(&world, &SCENES[i]);
        for (size_t number = 0; number < world.count; number++) {
            /* With a sixth change, seven events: 5,040 orders. Once a scene is enough. */
            for (int what = LOST; what < FATES; what++) {
                trial t = { .scene = &SCENES[i], .world = &world, .replica = kit_new() };
                suffer(&t, number, (fate)what);
                if (t.count > 0 && (t.count < STEPS_MAX + 1 || number == world.count / 2))
                    orders += try_all_orders(&t);
                kit_free(t.replica);
            }
        }
        kit_close(&world);
    }
    print_message("  %zu orders\n", orders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_shows_the_same),
        cmocka_unit_test(test_every_order_with_every_fate_shows_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
