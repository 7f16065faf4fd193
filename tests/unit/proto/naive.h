/* tests/unit/proto/naive.h - the merge as docs/protocol.md 3 defines it, with no thought for cost:
 * every operation ever folded in is kept, and what people see is computed from all of them. What an
 * author knew is his own note (`saw`), not the context that his change carries. proto/merge.c,
 * view.c and edit.c must show the same with what a phone can afford to remember. */
#ifndef SOTAY_TESTS_PROTO_NAIVE_H
#define SOTAY_TESTS_PROTO_NAIVE_H

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/merge.h"

#define NAIVE_MAX 256
#define NAIVE_LIVE_MAX 1024
#define TEXT_MAX 32768

/* A change, and the dots its author had folded in or seen declined when he made it. */
typedef struct {
    const st_change *change;
    const st_dot *saw;
    size_t saw_count;
} naive_note;

typedef struct {
    naive_note ops[NAIVE_MAX];
    size_t ops_count;
    naive_note declined[NAIVE_MAX];
    size_t declined_count;
} naive;

typedef struct {
    const naive_note *by;
    const st_op *op;
} naive_live;

typedef struct {
    char s[TEXT_MAX];
    size_t len;
} text;

static inline void __attribute__((format(printf, 2, 3)))
say(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(t->s + t->len, sizeof t->s - t->len, format, args);
    va_end(args);
    assert(len >= 0 && t->len + (size_t)len < sizeof t->s);
    t->len += (size_t)len;
}

static inline void say_dot(text *t, const st_dot *dot)
{
    say(t, "%c%llu", (char)dot->device.b[0], (unsigned long long)dot->counter);
}

static inline void say_path(text *t, const st_path *path)
{
    say(t, "%d.%u.%s.%c%llu.%u.%u.%.*s", (int)path->kind, path->group, path->key.s,
        path->item.counter != 0 ? (char)path->item.device.b[0] : '-',
        (unsigned long long)path->item.counter, path->place, path->field, path->element_len,
        (const char *)path->element);
}

static inline void say_value(text *t, const st_value *value)
{
    if (value->kind == ST_VALUE_NULL)
        say(t, "-");
    else if (value->kind == ST_VALUE_INT)
        say(t, "%lld", (long long)value->number);
    else
        say(t, "%d:%.*s", (int)value->kind, (int)value->len, (const char *)value->data);
}

static inline bool note_in(const naive_note *notes, size_t count, const st_dot *dot)
{
    for (size_t i = 0; i < count; i++)
        if (st_dot_cmp(&notes[i].change->dot, dot) == 0)
            return true;
    return false;
}

static inline bool naive_has(const naive *n, const st_dot *dot)
{
    return note_in(n->ops, n->ops_count, dot) || note_in(n->declined, n->declined_count, dot);
}

/* A hold folds nothing; a repeat changes nothing. */
static inline void naive_fold(naive *n, const naive_note *note, st_fold kind)
{
    if (kind == ST_FOLD_HOLD || naive_has(n, &note->change->dot))
        return;
    assert(n->ops_count < NAIVE_MAX && n->declined_count < NAIVE_MAX);
    if (kind == ST_FOLD_DECLINE)
        n->declined[n->declined_count++] = *note;
    else
        n->ops[n->ops_count++] = *note;
}

static inline bool naive_saw(const naive_note *note, const st_dot *dot)
{
    for (size_t i = 0; i < note->saw_count; i++)
        if (st_dot_cmp(&note->saw[i], dot) == 0)
            return true;
    return false;
}

static inline bool same_record(const naive_note *note, const st_id *record)
{
    return st_id_cmp(&note->change->record, record) == 0;
}

/* Does any operation name the dot among those it replaces on the path? */
static inline bool naive_replaced(const naive *n, const naive_note *by, const st_path *path)
{
    for (size_t i = 0; i < n->ops_count; i++) {
        const st_change *c = n->ops[i].change;
        if (!same_record(&n->ops[i], &by->change->record) || &n->ops[i] == by)
            continue;
        for (uint32_t o = 0; o < c->ops_count; o++)
            for (uint32_t r = 0; r < c->ops[o].replaces_count; r++)
                if (st_path_cmp(&c->ops[o].path, path) == 0 &&
                    st_dot_cmp(&c->ops[o].replaces[r], &by->change->dot) == 0)
                    return true;
    }
    return false;
}

static inline int live_cmp(const void *a, const void *b)
{
    const naive_live *x = a, *y = b;
    int order = st_path_cmp(&x->op->path, &y->op->path);
    return order != 0 ? order : st_dot_cmp(&x->by->change->dot, &y->by->change->dot);
}

/* The operations of the record that nothing replaces, by path and dot. */
static inline size_t naive_lives(const naive *n, const st_id *record, naive_live *out)
{
    size_t count = 0;
    for (size_t i = 0; i < n->ops_count; i++) {
        const naive_note *by = &n->ops[i];
        for (uint32_t o = 0; o < by->change->ops_count && same_record(by, record); o++) {
            if (naive_replaced(n, by, &by->change->ops[o].path))
                continue;
            assert(count < NAIVE_LIVE_MAX);
            out[count++] = (naive_live){ by, &by->change->ops[o] };
        }
    }
    qsort(out, count, sizeof *out, live_cmp);
    return count;
}

/* Neither before the act nor after it. */
static inline bool naive_late(const naive_note *note, const naive_note *act)
{
    if (note->change == act->change || naive_saw(act, &note->change->dot))
        return false;
    for (uint32_t i = 0; i < note->change->under_count; i++)
        if (st_dot_cmp(&note->change->under[i].dot, &act->change->dot) == 0)
            return false;
    return true;
}

static inline int note_cmp(const void *a, const void *b)
{
    const naive_note *const *x = a, *const *y = b;
    return st_dot_cmp(&(*x)->change->dot, &(*y)->change->dot);
}

/* The acts that no other act's author had seen, by dot. */
static inline size_t naive_acts(const naive *n, const st_id *record, const naive_note **out)
{
    size_t count = 0;
    for (size_t i = 0; i < n->ops_count; i++) {
        const naive_note *act = &n->ops[i];
        bool ended = act->change->act == ST_ACT_NONE || !same_record(act, record);
        for (size_t j = 0; j < n->ops_count && !ended; j++)
            ended = j != i && n->ops[j].change->act != ST_ACT_NONE &&
                    same_record(&n->ops[j], record) && naive_saw(&n->ops[j], &act->change->dot);
        if (!ended)
            out[count++] = act;
    }
    qsort(out, count, sizeof(const naive_note *), note_cmp);
    return count;
}

static inline bool same_item(const st_path *a, const st_path *b)
{
    return a->group == b->group && a->place == b->place && st_dot_cmp(&a->item, &b->item) == 0;
}

static inline st_item_state naive_item(const naive_live *lives, size_t count, const st_path *item)
{
    bool drop = false, keep = false, done = false;
    for (size_t i = 0; i < count; i++) {
        if (!same_item(&lives[i].op->path, item) || lives[i].op->path.kind != ST_PATH_DROP)
            continue;
        if (lives[i].op->value.kind == ST_VALUE_NULL) {
            keep = true;
            continue;
        }
        bool all = true;
        for (size_t j = 0; j < count; j++)
            if (same_item(&lives[j].op->path, item) && lives[j].op->path.kind == ST_PATH_ITEM &&
                lives[j].by != lives[i].by && !naive_saw(lives[i].by, &lives[j].by->change->dot))
                all = false;
        drop = true;
        done = done || all;
    }
    return !drop ? ST_ITEM_THERE : done && !keep ? ST_ITEM_DROPPED : ST_ITEM_CONTESTED;
}

/* ---- the same text from both sides ---- */

static inline void naive_text(const naive *n, const st_id *record, text *t)
{
    static naive_live lives[NAIVE_LIVE_MAX];
    const naive_note *acts[NAIVE_MAX];
    size_t count = naive_lives(n, record, lives), acts_count = naive_acts(n, record, acts);
    bool conflict = false, since = false;
    t->len = 0;
    for (size_t i = 0; i < acts_count; i++) {
        st_act_kind kind = acts[i]->change->act;
        bool late = false;
        for (size_t l = 0; l < count; l++)
            late = late || naive_late(lives[l].by, acts[i]);
        conflict = conflict || kind != acts[0]->change->act || (kind == ST_ACT_WITHDRAW && late);
        since = since || (late && (kind == ST_ACT_FINALISE || kind == ST_ACT_RETURN ||
                                   kind == ST_ACT_LOCK));
        say(t, "act ");
        say_dot(t, &acts[i]->change->dot);
        say(t, " %d\n", (int)kind);
    }
    say(t, "conflict %d since %d\n", conflict, since);
    for (size_t i = 0; i < count; i++) {
        say_path(t, &lives[i].op->path);
        say(t, " ");
        say_dot(t, &lives[i].by->change->dot);
        say(t, " = ");
        say_value(t, &lives[i].op->value);
        if (lives[i].op->path.kind >= ST_PATH_ITEM)
            say(t, " item %d", (int)naive_item(lives, count, &lives[i].op->path));
        say(t, "\n");
    }
}

static inline void lean_text(const st_record *record, text *t)
{
    st_arena arena;
    st_acts_view view;
    st_arena_init(&arena, 1u << 20);
    t->len = 0;
    st_err err = st_view_acts(record, &arena, &view, NULL);
    assert(err == ST_OK);
    (void)err;
    for (size_t i = 0; i < view.acts_count; i++) {
        say(t, "act ");
        say_dot(t, &record->metas[view.acts[i]].dot);
        say(t, " %d\n", (int)record->metas[view.acts[i]].act);
    }
    say(t, "conflict %d since %d\n", view.state_conflict, view.changed_since);
    for (size_t i = 0; i < record->lives_count; i++) {
        const st_path *path = &record->lives[i].op.path;
        say_path(t, path);
        say(t, " ");
        say_dot(t, &record->metas[record->lives[i].meta].dot);
        say(t, " = ");
        say_value(t, &record->lives[i].op.value);
        if (path->kind >= ST_PATH_ITEM)
            say(t, " item %d", (int)st_view_item(record, path->group, &path->item, path->place));
        say(t, "\n");
    }
    st_arena_reset(&arena);
}

#endif
