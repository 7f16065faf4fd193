/* tests/unit/server/test_trail_lists.c
 * A reviewer's lists are read off records and devices: what changed after it was final, what was
 * taken back and why, who is not heard of any more and what never came - each with its author, its
 * place and its time, and nothing that is not so. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/sync/trail.h"

#define LEN(a)    (sizeof(a) / sizeof((a)[0]))
#define LINES_MAX 32
#define DAY_MS    (INT64_C(86400) * 1000)

typedef struct {
    rig r;
    rig_phone an, binh;
} desk;

typedef struct {
    struct {
        trail_line line;
        char note[64];
    } list[LINES_MAX];
    size_t count, most;
} lines;

static int setup(void **state)
{
    static desk d;
    rig_open(&d.r);
    rig_enrol(&d.r, &d.an, "an");
    rig_enrol(&d.r, &d.binh, "binh");
    *state = &d;
    return 0;
}

static int teardown(void **state)
{
    desk *d = *state;
    assert_int_equal(rig_verify(&d->r), 0);
    rig_close(&d->r);
    return 0;
}

static bool take_line(void *context, const trail_line *line)
{
    lines *all = context;
    assert_true(all->count < LINES_MAX && line->note_len < sizeof all->list->note);
    all->list[all->count].line = *line;
    if (line->note_len > 0)
        memcpy(all->list[all->count].note, line->note, line->note_len);
    all->count++;
    return all->count < all->most;
}

static const lines *lines_of(desk *d, trail_kind kind, size_t most)
{
    static lines all;
    store_txn txn = { 0 };
    sync_unread unread = { .failed = { ST_OK, "" } };
    const trail_ask ask = { &d->r.srv.sync, &txn, kind, &unread };
    memset(&all, 0, sizeof all);
    all.most = most;
    assert_int_equal(store_begin(d->r.srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_trail_each(&ask, take_line, &all, NULL), ST_OK);
    assert_true(unread.failed.code == ST_OK && unread.damaged.code == ST_OK);
    store_end(&txn);
    return &all;
}

/* The one line of the record with that word; NULL when there is none. */
static const trail_line *line_of(const lines *all, const st_id *record, const char *what)
{
    const trail_line *found = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const trail_line *line = &all->list[i].line;
        if (st_id_cmp(&line->record, record) != 0 || strcmp(line->what, what) != 0)
            continue;
        assert_null(found);
        found = line;
    }
    return found;
}

static void push(rig_phone *phone)
{
    st_hold hold = ST_HOLD_NONE;
    assert_int_equal(rig_push_one(phone, rig_seal(phone), &hold), ST_VERDICT_STORED);
    assert_int_equal(hold, ST_HOLD_NONE);
}

/* ---- after it was final ---- */

static void test_what_changed_after_it_was_final(void **state)
{
    desk *d = *state;
    rig_begin(&d->an, RIG_BUCKET);
    st_id final = rig_visit(&d->an, "xong");
    (void)rig_act(&d->an, &final, ST_ACT_FINALISE);
    st_id open = rig_visit(&d->an, "chưa xong");
    push(&d->an);
    assert_null(line_of(lines_of(d, TRAIL_CHANGED, LINES_MAX), &final, "changed_since"));
    rig_begin(&d->binh, RIG_BUCKET);
    const st_dot late = rig_set(&d->binh, &final, "place", "chợ", NULL);
    (void)rig_set(&d->binh, &open, "place", "chợ", NULL);
    push(&d->binh);
    const lines *all = lines_of(d, TRAIL_CHANGED, LINES_MAX);
    const trail_line *line = line_of(all, &final, "changed_since");
    assert_non_null(line);
    assert_string_equal(line->path, "place");
    assert_true(line->first == late.counter && line->last == late.counter);
    assert_int_equal(st_id_cmp(&line->device, &d->binh.device), 0);
    assert_int_equal(st_id_cmp(&line->person, &d->binh.person), 0);
    assert_true(line->index > 0 && line->claimed_ms == d->r.now_ms);
    assert_null(line_of(all, &open, "changed_since"));
    /* Who withdrew it does not freeze it, and what comes then is not late. */
    rig_begin(&d->an, RIG_BUCKET);
    st_id back = rig_visit(&d->an, "rút");
    (void)rig_act(&d->an, &back, ST_ACT_WITHDRAW);
    push(&d->an);
    rig_begin(&d->binh, RIG_BUCKET);
    (void)rig_set(&d->binh, &back, "place", "chợ", NULL);
    push(&d->binh);
    assert_null(line_of(lines_of(d, TRAIL_CHANGED, LINES_MAX), &back, "changed_since"));
}

/* ---- taken back ---- */

static void drop(rig_phone *phone, const st_id *record, const st_dot *item, const char *group)
{
    const st_form *form = catalogue_newest(phone->r->srv.sync.catalogue, "visit");
    st_change *change = rig_change(phone, record);
    static st_op ops[4];
    static size_t next;
    static st_context_device seen;
    st_op *op = &ops[next++ % LEN(ops)];
    memset(op, 0, sizeof *op);
    op->path.kind = ST_PATH_DROP;
    op->path.group = st_form_group(form, group)->no;
    op->path.item = *item;
    op->verb = ST_VERB_DROP;
    op->value = (st_value){ .kind = ST_VALUE_INT, .number = 1 };
    change->ops = op;
    change->ops_count = 1;
    if (st_id_cmp(&item->device, &phone->device) == 0) { /* he knows what he wrote himself */
        seen = (st_context_device){ .device = phone->device, .upto = change->dot.counter - 1 };
        change->context.devices = &seen;
        change->context.count = 1;
    }
}

static st_dot add_item(rig_phone *phone, const st_id *record, const char *group, const char *text)
{
    const st_form *form = catalogue_newest(phone->r->srv.sync.catalogue, "visit");
    const st_group *of = st_form_group(form, group);
    const st_field *field = st_group_field(of, "text");
    assert_non_null(field);
    st_change *change = rig_change(phone, record);
    st_op *op = st_arena_array(&phone->r->arena, 1, sizeof *op);
    assert_non_null(op);
    op->path.kind = ST_PATH_ITEM;
    op->path.group = of->no;
    op->path.field = field->no;
    op->path.item = change->dot;
    op->verb = ST_VERB_ITEM;
    op->value = (st_value){ .kind = ST_VALUE_TEXT,
                            .data = (const uint8_t *)text,
                            .len = (uint32_t)strlen(text) };
    change->ops = op;
    change->ops_count = 1;
    return change->dot;
}

static void test_what_was_taken_back(void **state)
{
    desk *d = *state;
    rig_begin(&d->an, RIG_BUCKET);
    st_id withdrawn = rig_visit(&d->an, "nhầm");
    st_change *act = rig_act(&d->an, &withdrawn, ST_ACT_WITHDRAW);
    act->reason = (st_value){ .kind = ST_VALUE_TEXT,
                              .data = (const uint8_t *)"ghi nhầm",
                              .len = (uint32_t)strlen("ghi nhầm") };
    st_id kept = rig_visit(&d->an, "để");
    push(&d->an);
    rig_begin(&d->an, RIG_BUCKET);
    const st_dot gone = add_item(&d->an, &kept, "findings", "đã sửa");
    const st_dot contested = add_item(&d->an, &kept, "findings", "còn đó");
    drop(&d->an, &kept, &gone, "findings");
    const uint64_t dropped_at = d->an.changes[2].dot.counter;
    push(&d->an);
    rig_begin(&d->binh, RIG_BUCKET); /* he has not seen what it says */
    drop(&d->binh, &kept, &contested, "findings");
    push(&d->binh);
    const lines *all = lines_of(d, TRAIL_WITHDRAWN, LINES_MAX);
    const trail_line *line = line_of(all, &withdrawn, "withdraw");
    assert_non_null(line);
    assert_int_equal(line->note_len, strlen("ghi nhầm"));
    size_t at = 0;
    while (&all->list[at].line != line)
        at++;
    assert_string_equal(all->list[at].note, "ghi nhầm");
    line = line_of(all, &kept, "drop"); /* one, not the contested one */
    assert_non_null(line);
    assert_int_equal(line->first, dropped_at);
    assert_non_null(strstr(line->path, "findings."));
    assert_null(line_of(all, &kept, "withdraw"));
    for (size_t most = 1; most < all->count; most++)
        assert_int_equal(lines_of(d, TRAIL_WITHDRAWN, most)->count, most);
}

/* ---- devices ---- */

static void say_hello(rig_phone *phone)
{
    const st_ask ask = { .version = 1 };
    sync_request request;
    sync_request_init(&request, 1u << 20);
    request.device.id = phone->device;
    request.ask = &ask;
    request.received_ms = phone->r->now_ms;
    assert_int_equal(sync_request_submit(&request, phone->r->srv.writer, NULL), ST_OK);
    sync_request_free(&request);
}

static const trail_line *of_device(const lines *all, const st_id *device)
{
    const trail_line *found = NULL;
    for (size_t i = 0; i < all->count; i++)
        if (st_id_cmp(&all->list[i].line.device, device) == 0)
            found = &all->list[i].line;
    return found;
}

static void test_who_is_not_heard_of(void **state)
{
    desk *d = *state;
    const trail_line *line = of_device(lines_of(d, TRAIL_SILENT, LINES_MAX), &d->binh.device);
    assert_non_null(line);
    assert_string_equal(line->what, "never");
    assert_string_equal(line->outcome, "active");
    say_hello(&d->binh);
    d->r.now_ms += 30 * DAY_MS;
    assert_null(of_device(lines_of(d, TRAIL_SILENT, LINES_MAX), &d->binh.device));
    d->r.now_ms += 1000;
    line = of_device(lines_of(d, TRAIL_SILENT, LINES_MAX), &d->binh.device);
    assert_non_null(line);
    assert_string_equal(line->what, "silent");
    assert_true(line->off_ms == 30 * DAY_MS + 1000);
    assert_int_equal(lines_of(d, TRAIL_SILENT, 1)->count, 1);
}

static void test_what_never_came(void **state)
{
    desk *d = *state;
    assert_null(of_device(lines_of(d, TRAIL_GAPS, LINES_MAX), &d->binh.device));
    const uint64_t before = d->binh.last;
    rig_begin(&d->binh, RIG_BUCKET);
    (void)rig_visit(&d->binh, "mất");
    (void)rig_visit(&d->binh, "mất");
    (void)rig_seal(&d->binh); /* and never sent */
    rig_begin(&d->binh, RIG_BUCKET);
    (void)rig_visit(&d->binh, "đến");
    assert_int_equal(rig_push_one(&d->binh, rig_seal(&d->binh), NULL), ST_VERDICT_STORED);
    const trail_line *line = of_device(lines_of(d, TRAIL_GAPS, LINES_MAX), &d->binh.device);
    assert_non_null(line);
    assert_string_equal(line->what, "missing");
    assert_true(line->first == before + 1 && line->last == before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_changed_after_it_was_final),
        cmocka_unit_test(test_what_was_taken_back),
        cmocka_unit_test(test_who_is_not_heard_of),
        cmocka_unit_test(test_what_never_came),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
