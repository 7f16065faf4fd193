/* tests/unit/proto/naive_author.h - what docs/protocol.md 5 lets an author name, worked out from
 * all that he has folded in: the values that his edit replaces, the acts that it was made under,
 * whether a path has room for it. proto/edit.c and merge.c must say the same. */
#ifndef SOTAY_TESTS_PROTO_NAIVE_AUTHOR_H
#define SOTAY_TESTS_PROTO_NAIVE_AUTHOR_H

#include "tests/unit/proto/naive.h"

#define NAIVE_SIBLINGS_MAX 64

static inline bool naive_names(const st_op *op, const st_dot *dot)
{
    for (uint32_t i = 0; i < op->replaces_count; i++)
        if (st_dot_cmp(&op->replaces[i], dot) == 0)
            return true;
    return false;
}

static inline bool naive_is_at(const naive_live *live, const st_path *path)
{
    return st_path_cmp(&live->op->path, path) == 0;
}

/* Of siblings the one with the highest stamp, then dot, is shown first. NULL: the path is empty. */
static inline const naive_live *naive_shown(const naive_live *lives, size_t count,
                                            const st_path *path)
{
    const naive_live *shown = NULL;
    for (size_t i = 0; i < count; i++) {
        const naive_live *live = &lives[i];
        if (!naive_is_at(live, path))
            continue;
        if (shown == NULL || live->by->change->hlc > shown->by->change->hlc ||
            (live->by->change->hlc == shown->by->change->hlc &&
             st_dot_cmp(&live->by->change->dot, &shown->by->change->dot) > 0))
            shown = live;
    }
    return shown;
}

static inline bool naive_same_value(const st_value *a, const st_value *b)
{
    if (a->kind != b->kind || a->len != b->len)
        return false;
    if (a->kind == ST_VALUE_INT)
        return a->number == b->number;
    return a->len == 0 || memcmp(a->data, b->data, a->len) == 0;
}

/* May an edit of that class replace this live operation of its path? Of a decisive path those with
 * the value that is shown; a resolution and a drop name all that their author sees. */
static inline bool naive_may_replace(const naive_live *live, const naive_live *shown,
                                     const st_op *op, st_class cls)
{
    if (op->verb == ST_VERB_RESOLVE || op->path.kind == ST_PATH_DROP)
        return true;
    if (cls == ST_CLASS_DECISIVE)
        return naive_same_value(&live->op->value, &shown->op->value);
    return cls == ST_CLASS_PLAIN || cls == ST_CLASS_SET;
}

/* Does the operation replace exactly those? `n` is what its author had before he made it. */
static inline bool naive_replaces_right(const naive *n, const st_id *record, const st_op *op,
                                        st_class cls)
{
    static naive_live lives[NAIVE_LIVE_MAX];
    size_t count = naive_lives(n, record, lives);
    const naive_live *shown = naive_shown(lives, count, &op->path);
    uint32_t want = 0;
    for (size_t i = 0; i < count; i++) {
        if (!naive_is_at(&lives[i], &op->path))
            continue;
        bool may = naive_may_replace(&lives[i], shown, op, cls);
        if (may != naive_names(op, &lives[i].by->change->dot))
            return false;
        want += may;
    }
    return op->replaces_count == want;
}

/* Does a value that the change replaces stand against the act? */
static inline bool naive_contradicts(const naive *n, const st_change *change, const naive_note *act)
{
    static naive_live lives[NAIVE_LIVE_MAX];
    size_t count = naive_lives(n, &change->record, lives);
    for (uint32_t o = 0; o < change->ops_count; o++)
        for (size_t i = 0; i < count; i++)
            if (naive_is_at(&lives[i], &change->ops[o].path) &&
                naive_names(&change->ops[o], &lives[i].by->change->dot) &&
                naive_late(lives[i].by, act))
                return true;
    return false;
}

/* Is the change under the acts in force, but for those that it would settle? */
static inline bool naive_under_right(const naive *n, const st_change *change)
{
    const naive_note *acts[NAIVE_MAX];
    size_t count = naive_acts(n, &change->record, acts);
    uint32_t want = 0;
    for (size_t i = 0; i < count; i++) {
        if (naive_contradicts(n, change, acts[i]))
            continue;
        if (want == change->under_count ||
            st_dot_cmp(&change->under[want].dot, &acts[i]->change->dot) != 0 ||
            change->under[want].kind != acts[i]->change->act)
            return false;
        want++;
    }
    return change->under_count == want;
}

/* Would a path have more live operations than it may when the change came now? One that is there,
 * or was replaced before it came, brings none. */
static inline bool naive_over_limit(const naive *n, const naive_note *note)
{
    static naive_live lives[NAIVE_LIVE_MAX];
    if (n->ops_count < NAIVE_SIBLINGS_MAX)
        return false;
    size_t count = naive_lives(n, &note->change->record, lives);
    for (uint32_t o = 0; o < note->change->ops_count; o++) {
        const st_op *op = &note->change->ops[o];
        size_t left = 0;
        for (size_t i = 0; i < count; i++)
            left += naive_is_at(&lives[i], &op->path) &&
                    !naive_names(op, &lives[i].by->change->dot);
        if (op->verb != ST_VERB_REMARK && left + 1 > NAIVE_SIBLINGS_MAX &&
            !naive_replaced(n, note, &op->path))
            return true;
    }
    return false;
}

#endif
