/* tests/sim/model.c - see model.h. Promises that nothing here is clever: no vector, no waiting
 * dots, no order of arrival; only which change names which. */
#include "tests/sim/model.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1 << 30)

/* Decisive fields of the form `visit`: group (0: none) and field. */
static const uint16_t MODEL_DECISIVE[][2] = {
    { 0, 3 },  { 0, 12 }, { 0, 22 }, { 0, 29 }, { 0, 30 }, { 40, 1 },
    { 40, 2 }, { 40, 3 }, { 40, 4 }, { 40, 5 }, { 40, 6 }, { 40, 7 },
    { 40, 8 }, { 40, 9 }, { 41, 1 }, { 41, 2 }, { 41, 3 }, { 43, 2 },
    { 50, 15 }, { 50, 16 }, { 50, 17 }, { 50, 18 }, { 50, 19 },
};

/* ---- reading the log ---- */

static void *grow(st_arena *arena, void *list, size_t count, size_t *capacity, size_t size)
{
    void *grown = count == *capacity ? st_arena_grow(arena, list, count, capacity, size) : list;
    if (grown == NULL)
        abort();
    return grown;
}

static int by_dot(const void *a, const void *b)
{
    const model_change *x = a, *y = b;
    int order = memcmp(x->change->dot.device.b, y->change->dot.device.b, 16);
    if (order != 0)
        return order;
    return (x->change->dot.counter > y->change->dot.counter) -
           (x->change->dot.counter < y->change->dot.counter);
}

model_change *model_find(const model *m, const st_dot *dot)
{
    st_change probe = { .dot = *dot };
    model_change key = { .change = &probe };
    return bsearch(&key, m->changes, m->count, sizeof *m->changes, by_dot);
}

static st_hold reason_of(const sync_row *row, uint64_t counter)
{
    for (uint32_t i = 0; i < row->held_count; i++)
        if (row->held[i].counter == counter)
            return row->held[i].reason;
    return ST_HOLD_NONE;
}

static bool add_changes(model *m, const st_set *set, const sync_row *row, uint64_t index, char *why)
{
    static const st_id NOBODY;
    for (uint32_t i = 0; i < set->changes_count; i++) {
        st_hold reason = reason_of(row, set->changes[i].dot.counter);
        if (!model_judge(m, set, &set->changes[i], reason, why))
            return false;
        m->changes = grow(&m->arena, m->changes, m->count, &m->capacity, sizeof *m->changes);
        model_change *change = &m->changes[m->count++];
        memset(change, 0, sizeof *change);
        change->set = set;
        change->change = &set->changes[i];
        change->index = index;
        change->time_ms = row->time_ms;
        change->is_carried = memcmp(row->carrier.b, NOBODY.b, 16) != 0;
        change->first_reason = change->reason = reason;
        change->verdict = reason != ST_HOLD_NONE ? MODEL_HELD : MODEL_IN;
    }
    return true;
}

static bool take_set(model *m, const sync_row *row, uint64_t index, char *why)
{
    static const st_id NOBODY;
    st_error error = { 0 };
    st_set *set = st_arena_get(&m->arena, sizeof *set);
    const uint8_t *bytes = st_arena_copy(&m->arena, row->set.data, row->set.len);
    if (set == NULL || bytes == NULL)
        abort();
    if (st_set_decode(bytes, row->set.len, &m->arena, set, &error) != ST_OK) {
        (void)snprintf(why, 256, "entry %llu: %s", (unsigned long long)index, error.detail);
        return false;
    }
    bool is_fork = row->kind == ST_ENTRY_FORK;
    if (model_is_branch(m, set) != is_fork) {
        (void)snprintf(why, 256, "entry %llu: %s of another branch, says the model",
                       (unsigned long long)index, is_fork ? "not" : "it is");
        return false;
    }
    m->sets = grow(&m->arena, m->sets, m->sets_count, &m->sets_capacity, sizeof *m->sets);
    model_set *note = &m->sets[m->sets_count++];
    memset(note, 0, sizeof *note);
    note->set = set;
    note->index = index;
    note->time_ms = row->time_ms;
    note->is_fork = is_fork;
    note->is_carried = memcmp(row->carrier.b, NOBODY.b, 16) != 0;
    note->held = row->held_count;
    for (uint32_t i = 0; i < row->held_count; i++) {
        note->held_revoked += row->held[i].reason == ST_HOLD_REVOKED;
        if (row->held[i].reason < ST_HOLD_COUNT)
            m->holds[row->held[i].reason]++;
    }
    m->forks += note->is_fork;
    return is_fork || add_changes(m, set, row, index, why);
}

/* A change that came before. They are not sorted yet: look from the end. NULL: there is none. */
static model_change *find_before(model *m, const st_id *device, uint64_t counter)
{
    size_t at = m->count;
    while (at > 0 && (m->changes[at - 1].change->dot.counter != counter ||
                      memcmp(m->changes[at - 1].change->dot.device.b, device->b, 16) != 0))
        at--;
    return at == 0 ? NULL : &m->changes[at - 1];
}

static void take_reasons(model *m, const sync_row *row)
{
    for (uint32_t i = 0; i < row->held_count; i++) {
        model_change *change = find_before(m, &row->device, row->held[i].counter);
        if (change != NULL)
            change->reason = row->held[i].reason;
    }
}

/* A verdict names changes that came before it. */
static bool take_verdict(model *m, const sync_row *row, uint64_t index, char *why)
{
    model_verdict verdict = row->kind == ST_ENTRY_DECLINE ? MODEL_DECLINED : MODEL_IN;
    m->releases += row->kind == ST_ENTRY_VERDICT;
    m->accepts += row->kind == ST_ENTRY_ACCEPT;
    m->declines += row->kind == ST_ENTRY_DECLINE;
    for (uint32_t i = 0; i < row->counters_count; i++) {
        model_change *change = find_before(m, &row->device, row->counters[i]);
        if (change != NULL && change->verdict == MODEL_HELD) {
            if (row->kind == ST_ENTRY_VERDICT && !model_may_release(m, change, why))
                return false;
            change->verdict = verdict;
            continue;
        }
        if (change == NULL && row->kind == ST_ENTRY_DECLINE)
            continue; /* of a fork: taken off the list */
        (void)snprintf(why, 256, "entry %llu decides on a change that is not held",
                       (unsigned long long)index);
        return false;
    }
    return true;
}

bool model_read(model *m, store_txn *txn, char *why)
{
    memset(m, 0, sizeof *m);
    st_arena_init(&m->arena, ARENA_BYTES);
    for (uint64_t index = 1;; index++) {
        sync_row row;
        st_error error = { 0 };
        st_err err = sync_row_get(txn, index, &m->arena, &row, &error);
        if (err == ST_E_NOT_FOUND)
            break;
        if (err != ST_OK) {
            (void)snprintf(why, 256, "entry %llu: %s", (unsigned long long)index, error.detail);
            return false;
        }
        m->entries = index;
        m->gaps += row.kind == ST_ENTRY_GAP;
        m->epochs += row.kind == ST_ENTRY_EPOCH;
        bool decides = row.kind == ST_ENTRY_VERDICT || row.kind == ST_ENTRY_ACCEPT ||
                       row.kind == ST_ENTRY_DECLINE;
        if (row.set.len > 0 && !take_set(m, &row, index, why))
            return false;
        if (row.kind == ST_ENTRY_HOLD && row.set.len == 0)
            take_reasons(m, &row);
        if (decides && !take_verdict(m, &row, index, why))
            return false;
    }
    qsort(m->changes, m->count, sizeof *m->changes, by_dot);
    for (size_t i = 1; i < m->count; i++) {
        if (by_dot(&m->changes[i - 1], &m->changes[i]) != 0)
            continue;
        (void)snprintf(why, 256, "entries %llu and %llu hold the same change",
                       (unsigned long long)m->changes[i - 1].index,
                       (unsigned long long)m->changes[i].index);
        return false;
    }
    return true;
}

void model_free(model *m)
{
    st_arena_reset(&m->arena);
    memset(m, 0, sizeof *m);
}

/* ---- small comparisons ---- */

static bool same_id(const st_id *a, const st_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static bool same_dot(const st_dot *a, const st_dot *b)
{
    return a->counter == b->counter && same_id(&a->device, &b->device);
}

static bool same_item(const st_path *a, const st_path *b)
{
    return a->group == b->group && a->place == b->place && same_dot(&a->item, &b->item);
}

bool model_same_path(const st_path *a, const st_path *b)
{
    return a->kind == b->kind && a->field == b->field && same_item(a, b) &&
           strcmp(a->key.s, b->key.s) == 0 && a->element_len == b->element_len &&
           memcmp(a->element, b->element, a->element_len) == 0;
}

bool model_same_value(const st_value *a, const st_value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == ST_VALUE_INT)
        return a->number == b->number;
    if (a->kind == ST_VALUE_NULL || a->kind == ST_VALUE_ERASED)
        return true;
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* ---- contexts ---- */

static bool lists(const uint64_t *list, uint32_t count, uint64_t counter)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == counter)
            return true;
    return false;
}

/* Included: no hole, and a single or not above `upto`. */
static bool includes(const st_context *context, const st_dot *dot)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const st_context_device *device = &context->devices[i];
        if (!same_id(&device->device, &dot->device))
            continue;
        return !lists(device->holes, device->holes_count, dot->counter) &&
               (lists(device->singles, device->singles_count, dot->counter) ||
                dot->counter <= device->upto);
    }
    return false;
}

/* Concurrent with an act: not in its context, not under it (and not the act itself). */
static bool is_concurrent(const st_change *change, const st_change *act)
{
    if (same_dot(&change->dot, &act->dot) || includes(&act->context, &change->dot))
        return false;
    for (uint32_t i = 0; i < change->under_count; i++)
        if (same_dot(&change->under[i].dot, &act->dot))
            return false;
    return true;
}

bool model_is_frozen(const st_change *change)
{
    if (change->act != ST_ACT_NONE || change->amend)
        return false;
    for (uint32_t i = 0; i < change->under_count; i++)
        if (change->under[i].kind == ST_ACT_FINALISE || change->under[i].kind == ST_ACT_LOCK)
            return true;
    return false;
}

/* ---- one record ---- */

typedef struct {
    const model_change **list;
    size_t count;
} chosen;

/* The changes that count in this view. */
static chosen choose(model *m, const st_id *record, const st_id *held_of)
{
    chosen in = { st_arena_array(&m->arena, m->count + 1, sizeof *in.list), 0 };
    if (in.list == NULL)
        abort();
    for (size_t i = 0; i < m->count; i++) {
        const model_change *change = &m->changes[i];
        bool own_held = change->verdict == MODEL_HELD && held_of != NULL &&
                        same_id(&change->change->dot.device, held_of) &&
                        !model_is_frozen(change->change);
        if (same_id(&change->change->record, record) && (change->verdict == MODEL_IN || own_held))
            in.list[in.count++] = change;
    }
    return in;
}

static bool is_replaced(const chosen *in, const st_change *change, const st_op *op)
{
    for (size_t i = 0; i < in->count; i++) {
        const st_change *other = in->list[i]->change;
        for (uint32_t j = 0; j < other->ops_count; j++) {
            if (!model_same_path(&other->ops[j].path, &op->path))
                continue;
            for (uint32_t k = 0; k < other->ops[j].replaces_count; k++)
                if (same_dot(&other->ops[j].replaces[k], &change->dot))
                    return true;
        }
    }
    return false;
}

static bool is_ended(const chosen *in, const st_change *act)
{
    for (size_t i = 0; i < in->count; i++) {
        const st_change *other = in->list[i]->change;
        if (other->act != ST_ACT_NONE && !same_dot(&other->dot, &act->dot) &&
            includes(&other->context, &act->dot))
            return true;
    }
    return false;
}

static void find_lives(model *m, const chosen *in, model_view *view)
{
    size_t most = 0;
    for (size_t i = 0; i < in->count; i++)
        most += in->list[i]->change->ops_count;
    view->lives = st_arena_array(&m->arena, most + 1, sizeof *view->lives);
    view->acts = st_arena_array(&m->arena, in->count + 1, sizeof *view->acts);
    if (view->lives == NULL || view->acts == NULL)
        abort();
    for (size_t i = 0; i < in->count; i++) {
        const st_change *change = in->list[i]->change;
        for (uint32_t j = 0; j < change->ops_count; j++)
            if (!is_replaced(in, change, &change->ops[j]))
                view->lives[view->lives_count++] = (model_live){ in->list[i], &change->ops[j] };
        if (change->act != ST_ACT_NONE && !is_ended(in, change))
            view->acts[view->acts_count++] = in->list[i];
    }
}

static void judge_acts(model_view *view)
{
    for (size_t i = 0; i < view->acts_count; i++) {
        const st_change *act = view->acts[i]->change;
        if (act->act != view->acts[0]->change->act)
            view->state_conflict = true;
        for (size_t j = 0; j < view->lives_count; j++) {
            if (!is_concurrent(view->lives[j].change->change, act))
                continue;
            if (act->act == ST_ACT_WITHDRAW)
                view->state_conflict = true;
            if (act->act == ST_ACT_FINALISE || act->act == ST_ACT_RETURN || act->act == ST_ACT_LOCK)
                view->changed_since = true;
        }
    }
}

/* Does this drop's context include all live values of the item? */
static bool covers_item(const model_view *view, const model_live *drop)
{
    for (size_t i = 0; i < view->lives_count; i++) {
        const model_live *value = &view->lives[i];
        if (value->op->path.kind != ST_PATH_ITEM || !same_item(&value->op->path, &drop->op->path))
            continue;
        if (!same_dot(&value->change->change->dot, &drop->change->change->dot) &&
            !includes(&drop->change->change->context, &value->change->change->dot))
            return false;
    }
    return true;
}

model_item model_item_of(const model_view *view, const st_path *item)
{
    bool has_drop = false, has_keep = false, covered = false;
    for (size_t i = 0; i < view->lives_count; i++) {
        const model_live *live = &view->lives[i];
        if (live->op->path.kind != ST_PATH_DROP || !same_item(&live->op->path, item))
            continue;
        has_keep = has_keep || live->op->verb == ST_VERB_KEEP;
        has_drop = has_drop || live->op->verb == ST_VERB_DROP;
        if (live->op->verb == ST_VERB_DROP && covers_item(view, live))
            covered = true;
    }
    if (!has_drop)
        return MODEL_THERE;
    return covered && !has_keep ? MODEL_DROPPED : MODEL_CONTESTED;
}

static bool is_decisive(const st_path *path)
{
    for (size_t i = 0; i < sizeof MODEL_DECISIVE / sizeof MODEL_DECISIVE[0]; i++)
        if (path->group == MODEL_DECISIVE[i][0] && path->field == MODEL_DECISIVE[i][1])
            return true;
    return false;
}

/* Is it the first live operation of its path (so that a path counts once)? */
static bool is_first(const model_view *view, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (model_same_path(&view->lives[i].op->path, &view->lives[at].op->path))
            return false;
    return true;
}

static bool differs(const model_view *view, size_t at)
{
    for (size_t i = at + 1; i < view->lives_count; i++)
        if (model_same_path(&view->lives[i].op->path, &view->lives[at].op->path) &&
            !model_same_value(&view->lives[i].op->value, &view->lives[at].op->value))
            return true;
    return false;
}

static void count_conflicts(model_view *view)
{
    view->open_conflicts = view->state_conflict ? 1 : 0;
    for (size_t i = 0; i < view->lives_count; i++) {
        const st_path *path = &view->lives[i].op->path;
        if (!is_first(view, i))
            continue;
        bool in_item = path->kind == ST_PATH_ITEM || path->kind == ST_PATH_DROP;
        model_item item = in_item ? model_item_of(view, path) : MODEL_THERE;
        if (path->kind == ST_PATH_DROP)
            view->open_conflicts += item == MODEL_CONTESTED;
        else if (is_decisive(path) && item != MODEL_DROPPED)
            view->open_conflicts += differs(view, i);
    }
}

void model_view_of(model *m, const st_id *record, const st_id *held_of, model_view *out_view)
{
    chosen in = choose(m, record, held_of);
    memset(out_view, 0, sizeof *out_view);
    find_lives(m, &in, out_view);
    judge_acts(out_view);
    count_conflicts(out_view);
}

const st_op *model_op_at(const st_change *change, const st_path *path)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (model_same_path(&change->ops[i].path, path))
            return &change->ops[i];
    return NULL;
}

/* ---- what an author may name ---- */

/* Is it under an act that the replaced change contradicts? */
static bool settles_an_act(const model *m, const st_change *change, const st_change *replaced)
{
    for (uint32_t i = 0; i < change->under_count; i++) {
        const model_change *act = model_find(m, &change->under[i].dot);
        if (act != NULL && act->change->act != ST_ACT_NONE && is_concurrent(replaced, act->change))
            return true;
    }
    return false;
}

/* Did they say the same when they were written? Of what was destroyed since nobody knows. */
static bool said_the_same(const st_value *a, const st_value *b)
{
    return a->kind == ST_VALUE_ERASED || b->kind == ST_VALUE_ERASED || model_same_value(a, b);
}

static bool is_honest_edit(const model *m, const st_change *change, const st_op *op,
                           const char **out_why)
{
    const st_op *first = NULL;
    for (uint32_t i = 0; i < op->replaces_count; i++) {
        const model_change *replaced = model_find(m, &op->replaces[i]);
        const st_op *old = replaced == NULL ? NULL : model_op_at(replaced->change, &op->path);
        if (old == NULL)
            continue;
        if (first != NULL && is_decisive(&op->path) &&
            !said_the_same(&first->value, &old->value)) {
            *out_why = "a plain edit settles a conflict: it replaces two values";
            return false;
        }
        first = old;
        if (settles_an_act(m, change, replaced->change)) {
            *out_why = "an edit is under an act that the value it replaces contradicts";
            return false;
        }
    }
    return true;
}

bool model_is_honest(const model *m, const st_change *change, const char **out_why)
{
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (change->ops[i].verb == ST_VERB_SET &&
            !is_honest_edit(m, change, &change->ops[i], out_why))
            return false;
    return true;
}

/* ---- sums ---- */

typedef struct {
    uint8_t data[512];
    size_t len;
} text;

static void say(text *t, const void *bytes, size_t len)
{
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
}

static void say_number(text *t, uint64_t number, int bytes)
{
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        t->data[t->len++] = (uint8_t)(number >> shift);
}

static void siphash(const void *data, size_t len, uint8_t out[16])
{
    static const uint8_t KEY[16] = "sotay-sum/v1";
    if (crypto_shorthash_siphashx24(out, data, len, KEY) != 0)
        abort();
}

static void say_path(text *t, const st_path *path)
{
    size_t key_len = strlen(path->key.s);
    say_number(t, (uint64_t)path->kind, 1);
    say_number(t, path->group, 2);
    say_number(t, path->field, 2);
    say_number(t, key_len, 1);
    say(t, path->key.s, key_len);
    say(t, path->item.device.b, 16);
    say_number(t, path->item.counter, 8);
    say_number(t, path->place, 2);
    say_number(t, path->element_len, 1);
    say(t, path->element, path->element_len);
}

static void say_value(text *t, const st_value *value)
{
    uint8_t hash[16];
    say_number(t, (uint64_t)value->kind, 1);
    if (value->kind == ST_VALUE_NULL || value->kind == ST_VALUE_ERASED)
        return;
    if (value->kind == ST_VALUE_INT) {
        say_number(t, (uint64_t)value->number, 8);
        return;
    }
    say_number(t, value->len, 4);
    if (value->len <= 32) {
        say(t, value->data, value->len);
        return;
    }
    siphash(value->data, value->len, hash);
    say(t, hash, sizeof hash);
}

/* Adds one 16-byte number to another, big-endian, modulo 2^128. */
static void add(uint8_t sum[16], const text *t)
{
    uint8_t hash[16];
    unsigned carry = 0;
    siphash(t->data, t->len, hash);
    for (int i = 15; i >= 0; i--) {
        carry += (unsigned)sum[i] + hash[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void add_record(model *m, const st_id *record, uint8_t sum[16])
{
    model_view view;
    model_view_of(m, record, NULL, &view);
    for (size_t i = 0; i < view.lives_count; i++) {
        text t = { .len = 0 };
        say(&t, record->b, 16);
        say_path(&t, &view.lives[i].op->path);
        say(&t, view.lives[i].change->change->dot.device.b, 16);
        say_number(&t, view.lives[i].change->change->dot.counter, 8);
        say_value(&t, &view.lives[i].op->value);
        add(sum, &t);
    }
    for (size_t i = 0; i < m->count; i++) {
        const st_change *act = m->changes[i].change;
        if (act->act == ST_ACT_NONE || m->changes[i].verdict != MODEL_IN ||
            !same_id(&act->record, record))
            continue;
        text t = { .len = 0 };
        say(&t, record->b, 16);
        say(&t, "act", 3);
        say(&t, act->dot.device.b, 16);
        say_number(&t, act->dot.counter, 8);
        say_number(&t, (uint64_t)act->act, 1);
        add(sum, &t);
    }
}

void model_sum_of(model *m, const char *bucket, uint8_t out[16])
{
    memset(out, 0, 16);
    for (size_t i = 0; i < m->count; i++) {
        const model_change *change = &m->changes[i];
        if (change->verdict != MODEL_IN || strcmp(change->set->bucket.s, bucket) != 0)
            continue;
        bool seen = false; /* a record counts at its first change */
        for (size_t j = 0; j < i && !seen; j++)
            seen = m->changes[j].verdict == MODEL_IN &&
                   same_id(&m->changes[j].change->record, &change->change->record) &&
                   strcmp(m->changes[j].set->bucket.s, bucket) == 0;
        if (!seen)
            add_record(m, &change->change->record, out);
    }
}

/* ---- words ---- */

static bool op_says(const st_value *value, const char *word, size_t len)
{
    return value->kind == ST_VALUE_TEXT && value->len == len && memcmp(value->data, word, len) == 0;
}

static bool set_says(const st_set *set, const char *word, size_t len)
{
    for (uint32_t j = 0; j < set->changes_count; j++) {
        const st_change *change = &set->changes[j];
        if (op_says(&change->reason, word, len))
            return true;
        for (uint32_t k = 0; k < change->ops_count; k++)
            if (op_says(&change->ops[k].value, word, len))
                return true;
    }
    return false;
}

const st_set *model_saying(const model *m, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < m->sets_count; i++)
        if (set_says(m->sets[i].set, word, len))
            return m->sets[i].set;
    return NULL;
}

bool model_held_says(const model *m, const uint8_t device[16], const char *word)
{
    bool says = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < m->count && !says; i++)
        says = m->changes[i].verdict == MODEL_HELD &&
               memcmp(m->changes[i].set->device.b, device, 16) == 0 &&
               set_says(m->changes[i].set, word, len);
    return says;
}

bool model_keeps(const model *m, const char *word)
{
    bool keeps = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < m->sets_count && !keeps; i++)
        keeps = !m->sets[i].is_fork && set_says(m->sets[i].set, word, len);
    return keeps;
}

bool model_says(const model *m, const char *word)
{
    return model_saying(m, word) != NULL;
}

static bool op_names(const st_value *value, const st_hash *piece)
{
    for (size_t at = 0; value->len % sizeof *piece == 0 && at < value->len; at += sizeof *piece)
        if (memcmp(value->data + at, piece->b, sizeof piece->b) == 0)
            return true;
    return false;
}

bool model_names_piece(const model *m, const st_hash *piece)
{
    for (size_t i = 0; i < m->sets_count; i++)
        for (uint32_t j = 0; j < m->sets[i].set->changes_count; j++)
            for (uint32_t k = 0; k < m->sets[i].set->changes[j].ops_count; k++)
                if (op_names(&m->sets[i].set->changes[j].ops[k].value, piece))
                    return true;
    return false;
}

bool model_set_says(const model *m, const st_hash *hash, const char *word)
{
    bool says = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < m->sets_count && !says; i++)
        says = memcmp(m->sets[i].set->hash.b, hash->b, sizeof hash->b) == 0 &&
               set_says(m->sets[i].set, word, len);
    return says;
}
