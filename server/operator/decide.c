/* server/operator/decide.c - the office lets held changes in, or declines them, one or many.
 * Promises that a decision names who took it and why, and that each one is whole by itself; must
 * never drop what was declined: it stays in the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/held.h"

/* What is to be decided, in the order of the devices' own counters. */
typedef struct {
    operator_work *work;
    sync_held *list;               /* arena of the call */
    size_t count, capacity;
    st_id device;                  /* of --device */
    bool again;                    /* each as before a restore */
    st_err err;
} decide_list;

static bool add_held(void *context, const sync_held *held)
{
    decide_list *d = context;
    if (d->work->options.device != NULL && st_id_cmp(&held->dot.device, &d->device) != 0)
        return true;
    sync_held *grown = d->list;
    if (d->count == d->capacity)
        grown = st_arena_grow(&d->work->arena, d->list, d->count, &d->capacity, sizeof *grown);
    if (grown == NULL) {
        d->err = st_fail(&d->work->error, ST_E_MEMORY, "held: out of memory");
        return false;
    }
    d->list = grown;
    d->list[d->count++] = *held;
    return true;
}

static int by_dot(const void *a, const void *b)
{
    const sync_held *x = a, *y = b;
    int order = st_dot_cmp(&x->dot, &y->dot);
    return order != 0 ? order : x->n < y->n ? -1 : x->n > y->n;
}

static st_err add_number(decide_list *d, const char *text)
{
    operator_work *work = d->work;
    char *end = NULL;
    sync_held held;
    uint64_t n = strtoull(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || *end != '\0')
        return st_fail(&work->error, ST_E_VALUE, "'%.40s' is no number of the list `held`", text);
    st_err err = sync_held_get(&work->txn, n, &held, &work->error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(&work->error, err, "nothing is held under the number %s", text);
    if (err == ST_OK && !add_held(d, &held))
        err = d->err;
    return err;
}

static bool add_if_told(void *context, const sync_held *held)
{
    decide_list *d = context;
    operator_before before;
    d->err = operator_before_get(d->work, held, &before);
    return d->err == ST_OK && (before.phones == 0 || add_held(d, held));
}

/* All of which phones tell that it was decided. */
static st_err add_told(decide_list *d)
{
    st_err err = sync_held_each(&d->work->txn, add_if_told, d, &d->work->error);
    if (err == ST_OK)
        err = d->err;
    if (err == ST_OK && d->count > 0)
        qsort(d->list, d->count, sizeof *d->list, by_dot);
    return err;
}

/* Fills the list: the numbers given, or all that is held of a device. */
static st_err gather(decide_list *d)
{
    operator_work *work = d->work;
    auth_device device;
    st_err err = ST_OK;
    bool is_named = work->options.device != NULL || work->operands_count > 0;
    if (d->again && !is_named)
        return add_told(d);
    if ((work->options.device != NULL) == (work->operands_count > 0))
        return st_fail(&work->error, ST_E_USAGE, "give numbers of the list `held`, or --device");
    for (size_t i = 0; err == ST_OK && i < work->operands_count; i++)
        err = add_number(d, work->operands[i]);
    if (err == ST_OK && work->options.device != NULL) {
        err = operator_device(work, &work->txn, work->options.device, &device, &work->error);
        d->device = device.id;
        if (err == ST_OK)
            err = sync_held_each(&work->txn, add_held, d, &work->error);
        if (err == ST_OK)
            err = d->err;
        if (err == ST_OK && d->count == 0)
            err = st_fail(&work->error, ST_E_NOT_FOUND, "nothing of this device is held");
    }
    if (err == ST_OK)
        qsort(d->list, d->count, sizeof *d->list, by_dot);
    return err;
}

st_err operator_helds_named(operator_work *work, operator_helds *out_helds)
{
    decide_list named = { .work = work };
    st_err err = gather(&named);
    out_helds->list = named.list;
    out_helds->count = named.count;
    return err;
}

/* Is it held still? What a decision before it freed or took along is settled. */
static st_err is_still_held(operator_work *work, uint64_t n, bool *out_held)
{
    sync_held held;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = sync_held_get(&work->txn, n, &held, &work->error);
    operator_read_end(work);
    *out_held = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What waits behind it of the same device and record goes out with a decline: it must have been
 * declined before, too. *out_of grows by them. */
static st_err count_followers(operator_work *work, const sync_held *held, size_t *out_of)
{
    sync_held *all = NULL;
    size_t total = 0;
    st_err err =
        sync_held_of_record(&work->txn, &held->record, &work->arena, &all, &total, &work->error);
    for (size_t i = 0; err == ST_OK && i < total; i++) {
        operator_before before;
        if (st_id_cmp(&all[i].dot.device, &held->dot.device) != 0
            || all[i].dot.counter <= held->dot.counter)
            continue;
        err = operator_before_get(work, &all[i], &before);
        if (err == ST_OK && (operator_before_unsure(&before) != NULL || !before.declined))
            err = st_fail(&work->error, ST_E_STATE,
                          "number %llu waits behind it and would be declined with it, of which no"
                          " phone tells that: decide by hand", (unsigned long long)all[i].n);
        ++*out_of;
    }
    return err;
}

/* In a read: the decision of before, when it is sure enough. */
static st_err read_as_before(operator_work *work, const sync_held *held, sync_decision *decision,
                             size_t *out_of)
{
    operator_before before;
    st_err err = operator_before_get(work, held, &before);
    const char *unsure = err == ST_OK ? operator_before_unsure(&before) : NULL;
    if (err == ST_OK && sync_held_is_unfolded(held))
        unsure = "it is of another branch, or cannot be read: decide by hand";
    if (err == ST_OK && unsure != NULL)
        err = st_fail(&work->error, ST_E_STATE, "%s", unsure);
    if (err != ST_OK)
        return err;
    const char *reason = before.declined && before.last.reason[0] != '\0'
                             ? before.last.reason
                             : "Như trước khi phục hồi sổ.";
    decision->accept = !before.declined;
    *out_of = 1;
    decision->reason = (const char *)st_arena_copy(&work->arena, reason, strlen(reason) + 1);
    if (decision->reason == NULL)
        return st_fail(&work->error, ST_E_MEMORY, "held: out of memory");
    return before.declined ? count_followers(work, held, out_of) : ST_OK;
}

static st_err decide_as_before(operator_work *work, const sync_held *held,
                               sync_decision *decision, size_t *out_of)
{
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = read_as_before(work, held, decision, out_of);
    operator_read_end(work);
    return err;
}

/* Decides one after the other. What cannot be decided so is said, with its number, and left. */
static st_err decide_all(decide_list *d, sync_decision *decision, uint32_t *out_count,
                         size_t *out_left)
{
    operator_work *work = d->work;
    st_err first = ST_OK;
    for (size_t i = 0; i < d->count; i++) {
        bool is_held = true;
        uint32_t count = 0;
        size_t of = 0;
        decision->n = d->list[i].n;
        st_err err = i > 0 ? is_still_held(work, decision->n, &is_held) : ST_OK;
        if (err == ST_OK && !is_held)
            continue;
        if (err == ST_OK && d->again)
            err = decide_as_before(work, &d->list[i], decision, &of);
        if (err == ST_OK)
            err = sync_settle_exactly(work->rooms->writer, decision, of, &count, &work->error);
        *out_count += count;
        if (err == ST_OK)
            continue;
        if (d->count > 1 && (err == ST_E_STATE || err == ST_E_NOT_FOUND)) {
            operator_complain(work, "%llu: %s", (unsigned long long)decision->n,
                              work->error.detail);
            ++*out_left;
            continue;
        }
        first = err;
        break;
    }
    return first;
}

typedef enum { DECIDE_ACCEPT, DECIDE_DECLINE, DECIDE_AGAIN } decide_how;

static void say_done(operator_work *work, decide_how how, uint32_t count)
{
    static const char *const SAID[3][2] = { { "Let in: ", "Đã cho vào sổ: " },
                                            { "Declined: ", "Không nhận: " },
                                            { "Decided as before: ", "Đã quyết như trước: " } };
    operator_say(work, "%s%u\n", SAID[how][work->vi], count);
}

static int decide(operator_work *work, decide_how how)
{
    static const uint32_t MAY = 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD;
    auth_person person = { .is_active = false };
    sync_decision decision = { .accept = how == DECIDE_ACCEPT };
    decide_list d = { .work = work, .again = how == DECIDE_AGAIN };
    uint32_t count = 0;
    size_t left = 0;
    st_err err = d.again ? ST_OK : operator_reason(work, &decision.reason, &work->error);
    if (err == ST_OK)
        err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_actor(work, &work->txn, &person, &work->error);
    if (err == ST_OK && operator_role_of(&person, MAY) == ST_ROLE_NONE)
        err = st_fail(&work->error, ST_E_DENIED, "'%s' is neither office nor office_head",
                      person.login.s);
    if (err == ST_OK)
        err = gather(&d);
    operator_read_end(work);
    decision.actor = person.id;
    if (err == ST_OK)
        err = decide_all(&d, &decision, &count, &left);
    if (err != ST_OK)
        return operator_fail(work);
    say_done(work, how, count);
    if (left == 0)
        return 0;
    operator_complain(work, work->vi ? "đã xong %u thay đổi, còn chờ %zu"
                                     : "settled: %u, still waiting: %zu", count, left);
    return 1;
}

int operator_held_accept(operator_work *work)
{
    return decide(work, DECIDE_ACCEPT);
}

int operator_held_decline(operator_work *work)
{
    return decide(work, DECIDE_DECLINE);
}

int operator_held_again(operator_work *work)
{
    return decide(work, DECIDE_AGAIN);
}
