/* tests/unit/proto/test_merge_model.c
 * What the officers see must be what the definition of the merge says. tests/model/merge_model.py
 * plays random days of several phones and a server - lost phones, sticks, snapshots, held and
 * declined changes - and prints each step; this test replays them through proto/ and compares what
 * is shown, what is remembered, what an author's edit names, and the sums.
 *
 * Lines of the trace (lists are "-" when empty, dots are <device><counter>):
 *   seed N | new REPLICA | fold REPLICA op|release|hold|decline OP | copy TO FROM | end N
 *   op OP DOT PREV RECORD PATH VALUE AMEND HLC
 *   edit REPLICA OVERLAY OP GIVEN|* REPLACES UNDER CONTEXT|*    as the author's replica fills it in
 *   view REPLICA OVERLAY TEXT                                   what is seen, with the overlay
 *   base REPLICA SUM [UPTO] [SINGLES] [HOLES] [WAITING]         equal SUM numbers: equal sums */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/merge.h"

#define SEEDS 1000                    /* a quicker look: SEEDS=100 in the environment */
#define REPLICAS_MAX 64
#define OPS_MAX 1024
#define SUMS_MAX 4096
#define RECORDS 2
#define LINE_MAX_BYTES 65536
#define BYTES_MAX (64u << 20)
#define STORE_EVERY 5                 /* every n-th base goes through its stored bytes */

typedef struct {
    st_arena arena;
    st_vector vector;
    st_record records[RECORDS];       /* "r" and "s" */
} replica;

typedef struct {
    st_arena arena;                   /* of the operations */
    st_change ops[OPS_MAX];
    replica replicas[REPLICAS_MAX];
    size_t replicas_count;
    st_sum sums[SUMS_MAX];
    bool summed[SUMS_MAX];
    size_t sums_count;
    unsigned seed;
    size_t folds, edits, views, bases, stored;
} player;

typedef struct {
    char s[LINE_MAX_BYTES];
    size_t len;
} text;

typedef struct { const char *name; st_class cls; st_path path; } field;

static const field FIELDS[] = {       /* in path order */
    { "note", ST_CLASS_PLAIN, { .kind = ST_PATH_FIELD, .field = 7 } },
    { "tag.x", ST_CLASS_SET,
      { .kind = ST_PATH_FIELD, .field = 9, .element_len = 1, .element = "x" } },
    { "rating", ST_CLASS_DECISIVE,
      { .kind = ST_PATH_KEYED, .group = 3, .field = 1, .key = { "a3" } } },
    { "i.drop", ST_CLASS_DECISIVE, { .kind = ST_PATH_DROP, .group = 4, .item = { { "z" }, 1 } } },
    { "i.name", ST_CLASS_DECISIVE,
      { .kind = ST_PATH_ITEM, .group = 4, .field = 1, .item = { { "z" }, 1 } } },
    { "i.text", ST_CLASS_PLAIN,
      { .kind = ST_PATH_ITEM, .group = 4, .field = 2, .item = { { "z" }, 1 } } },
};
#define FIELDS_COUNT (sizeof FIELDS / sizeof FIELDS[0])
#define DROP 3u

static void __attribute__((format(printf, 2, 3))) say(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(t->s + t->len, sizeof t->s - t->len, format, args);
    va_end(args);
    assert_true(len >= 0 && t->len + (size_t)len < sizeof t->s);
    t->len += (size_t)len;
}

static void must(st_err err)
{
    assert_int_equal(err, ST_OK);
}

/* ---- reading ---- */

/* The next word of *at, which moves behind it; words are parted by one blank. */
static char *word(char **at)
{
    char *start = *at;
    assert_non_null(start);
    char *end = strchr(start, ' ');
    *at = end == NULL ? NULL : end + 1;
    if (end != NULL)
        *end = 0;
    return start;
}

static size_t number(char **at, size_t below)
{
    size_t n = strtoul(word(at), NULL, 10);
    assert_true(n < below);
    return n;
}

static st_id id_of(const char *name, size_t len)
{
    st_id id = { { 0 } };
    assert_true(len > 0 && len < sizeof id.b);
    memcpy(id.b, name, len);
    return id;
}

static st_dot dot_of(const char *s)
{
    size_t letters = strcspn(s, "0123456789");
    return (st_dot){ id_of(s, letters), strtoull(s + letters, NULL, 10) };
}

static replica *replica_at(player *p, char **at)
{
    return &p->replicas[number(at, p->replicas_count)];
}

static void replica_open(replica *r)
{
    static const st_bucket BUCKET = { "01477/unit/01477-x001" };
    st_arena_init(&r->arena, BYTES_MAX);
    st_vector_init(&r->vector, &r->arena);
    for (size_t i = 0; i < RECORDS; i++) {
        st_id id = id_of(i == 0 ? "r" : "s", 1);
        st_record_init(&r->records[i], &r->arena, &id, &BUCKET);
    }
}

static void replica_copy(const replica *from, replica *to)
{
    st_arena_init(&to->arena, BYTES_MAX);
    must(st_vector_copy(&from->vector, &to->arena, &to->vector, NULL));
    for (size_t i = 0; i < RECORDS; i++)
        must(st_record_copy(&from->records[i], &to->arena, &to->records[i], NULL));
}

static st_record *record_of(replica *r, const st_change *change)
{
    return &r->records[change->record.b[0] - 'r'];
}

static void fold(player *p, replica *r, const st_change *change, st_fold kind)
{
    static const st_arrival NONE = { .log_index = 0 };
    must(st_merge_fold(&r->vector, record_of(r, change), change, &NONE,
                       (st_fold_how){ kind, p->folds++ % 2 == 0 }));
}

/* The base of a replica with the overlay folded over it, in memory of its own. */
static void with_overlay(player *p, char **at, replica *out)
{
    replica_copy(replica_at(p, at), out);
    char *list = word(at);
    if (strcmp(list, "-") == 0)
        return;
    for (char *each = strtok(list, ","); each != NULL; each = strtok(NULL, ",")) {
        size_t n = strtoul(each, NULL, 10);
        assert_true(n < OPS_MAX);
        fold(p, out, &p->ops[n], ST_FOLD_APPLY);
    }
}

/* ---- saying what the trace says ---- */

static void say_dot(text *t, const st_dot *dot)
{
    say(t, "%s%llu", (const char *)dot->device.b, (unsigned long long)dot->counter);
}

static void say_dots(text *t, const st_dot *dots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        say(t, "%s", i > 0 ? "," : "");
        say_dot(t, &dots[i]);
    }
    if (count == 0)
        say(t, "-");
}

static void say_counters(text *t, const st_id *device, const uint64_t *counters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        say(t, "%s", i > 0 ? "," : "");
        say_dot(t, &(st_dot){ *device, counters[i] });
    }
    if (count == 0)
        say(t, "-");
}

static void say_made(text *t, const st_change *c, bool has_context)
{
    if (c->ops_count > 0)
        say_dots(t, c->ops[0].replaces, c->ops[0].replaces_count);
    else
        say(t, "-");
    say(t, " ");
    for (uint32_t i = 0; i < c->under_count; i++) {
        say(t, "%s", i > 0 ? "," : "");
        say_dot(t, &c->under[i].dot);
        say(t, "=%s", st_act_name(c->under[i].kind));
    }
    say(t, c->under_count == 0 ? "- " : " ");
    for (uint32_t i = 0; i < c->context.count && has_context; i++) {
        const st_context_device *d = &c->context.devices[i];
        say(t, "%s%s:%llu:", i > 0 ? ";" : "", (const char *)d->device.b,
            (unsigned long long)d->upto);
        say_counters(t, &d->device, d->singles, d->singles_count);
        say(t, ":");
        say_counters(t, &d->device, d->holes, d->holes_count);
    }
    if (!has_context || c->context.count == 0)
        say(t, has_context ? "-" : "*");
}

/* Distinct values of a path with their dots, the clear first; returns how many. */
static size_t say_values(text *t, const st_record *record, const field *f)
{
    static const st_value ALL[] = { { .kind = ST_VALUE_NULL },
                                    { .kind = ST_VALUE_INT, .number = 1 },
                                    { .kind = ST_VALUE_INT, .number = 2 },
                                    { .kind = ST_VALUE_INT, .number = 3 } };
    st_span span = st_record_path(record, &f->path);
    size_t kinds = 0;
    for (size_t v = 0; v < sizeof ALL / sizeof ALL[0]; v++) {
        size_t same = 0;
        for (size_t i = span.first; i < span.first + span.count; i++) {
            if (!st_value_equal(&record->lives[i].op.value, &ALL[v]))
                continue;
            if (same++ == 0) {
                if (kinds++ == 0)
                    say(t, " %s=", f->name);
                else
                    say(t, "|");
                say(t, "%c@", v == 0 ? '-' : (char)('0' + v));
            } else {
                say(t, ",");
            }
            say_dot(t, &record->metas[record->lives[i].meta].dot);
        }
    }
    return kinds;
}

static void say_record(text *t, const st_record *record)
{
    static const char *const ITEM[] = { "there", "dropped", "contested" };
    const st_path *item = &FIELDS[DROP].path;
    st_arena arena;
    st_acts_view view;
    text bad = { .len = 0 };
    st_arena_init(&arena, BYTES_MAX);
    must(st_view_acts(record, &arena, &view, NULL));
    say(t, "%s%s[", t->len > 0 ? " " : "", (const char *)record->id.b);
    for (size_t i = 0; i < view.acts_count; i++) {
        const st_meta *act = &record->metas[view.acts[i]];
        say(t, "%s", i > 0 ? "," : "");
        say_dot(t, &act->dot);
        say(t, "=%s", st_act_name(act->act));
    }
    say(t, "]");
    size_t before = t->len;
    for (size_t f = 0; f < FIELDS_COUNT; f++)
        if (f != DROP && say_values(t, record, &FIELDS[f]) > 1 &&
            FIELDS[f].cls == ST_CLASS_DECISIVE)
            say(&bad, ",%s", FIELDS[f].name);
    st_item_state state = st_view_item(record, item->group, &item->item, item->place);
    if (state == ST_ITEM_CONTESTED)
        say(&bad, ",i");
    if (view.state_conflict)
        say(&bad, ",state");
    say(t, "%s %s !%s %d", t->len == before ? " " : "", ITEM[state],
        bad.len > 0 ? bad.s + 1 : "", view.changed_since);
    st_arena_reset(&arena);
}

static void say_view(text *t, const replica *r)
{
    for (size_t i = 0; i < RECORDS; i++) {
        bool any = r->records[i].lives_count > 0;
        for (size_t m = 0; m < r->records[i].metas_count; m++)
            any = any || r->records[i].metas[m].act != ST_ACT_NONE;
        if (any)
            say_record(t, &r->records[i]);
    }
}

static void say_base(text *t, const replica *r)
{
    const st_vector *v = &r->vector;
    say(t, "[");
    for (size_t i = 0; i < v->upto_count; i++)
        say(t, "%s%s:%llu", i > 0 ? "," : "", (const char *)v->upto[i].device.b,
            (unsigned long long)v->upto[i].counter);
    say(t, "] [");
    for (size_t i = 0; i < v->extras_count; i++) {
        say(t, "%s", i > 0 ? "," : "");
        say_dot(t, &v->extras[i].dot);
        say(t, ":%llu:%s", (unsigned long long)v->extras[i].prev,
            (const char *)v->extras[i].record.b);
    }
    say(t, "] [");
    for (size_t i = 0; i < v->holes_count; i++) {
        say(t, "%s", i > 0 ? "," : "");
        say_dot(t, &v->holes[i].dot);
        say(t, ":%s", (const char *)v->holes[i].record.b);
    }
    say(t, "] [");
    size_t said = 0;
    for (size_t n = 0; n < RECORDS; n++)
        for (size_t i = 0; i < r->records[n].waitings_count; i++) {
            const st_waiting *w = &r->records[n].waitings[i];
            size_t f = 0;
            while (f < FIELDS_COUNT && st_path_cmp(&FIELDS[f].path, &w->path) != 0)
                f++;
            assert_true(f < FIELDS_COUNT);
            say(t, "%s%s/%s/", said++ > 0 ? "," : "", (const char *)r->records[n].id.b,
                FIELDS[f].name);
            say_dot(t, &w->dot);
        }
    say(t, "]");
}

static void expect(const player *p, const char *what, const char *want, const text *got)
{
    if (strcmp(got->s, want) != 0)
        fail_msg("seed %u: %s\n  model  %s\n  proto  %s", p->seed, what, want, got->s);
}

/* ---- playing ---- */

static void play_op(player *p, char *line)
{
    size_t n = number(&line, OPS_MAX);
    st_change *c = &p->ops[n];
    *c = (st_change){ .dot = dot_of(word(&line)) };
    c->prev = strtoull(word(&line), NULL, 10);
    c->record = id_of(word(&line), 1);
    const char *path = word(&line), *value = word(&line);
    c->amend = strcmp(word(&line), "1") == 0;
    c->hlc = strtoull(word(&line), NULL, 10);
    for (int kind = 1; kind < ST_ACT_COUNT; kind++)
        if (strcmp(path, "state") == 0 && strcmp(value, st_act_name((st_act_kind)kind)) == 0)
            c->act = (st_act_kind)kind;
    if (c->act != ST_ACT_NONE)
        return;
    size_t f = 0;
    while (f < FIELDS_COUNT && strcmp(FIELDS[f].name, path) != 0)
        f++;
    assert_true(f < FIELDS_COUNT);
    st_op *op = st_arena_array(&p->arena, 1, sizeof *op);
    assert_non_null(op);
    op->path = FIELDS[f].path;
    if (strcmp(value, "-") != 0)
        op->value = (st_value){ .kind = ST_VALUE_INT, .number = strtoll(value, NULL, 10) };
    if (f == DROP)
        op->verb = op->value.kind == ST_VALUE_NULL ? ST_VERB_KEEP : ST_VERB_DROP;
    c->ops = op;
    c->ops_count = 1;
}

static void play_edit(player *p, char *line)
{
    static text made;
    replica seen;
    with_overlay(p, &line, &seen);
    st_change *c = &p->ops[number(&line, OPS_MAX)];
    st_record *record = record_of(&seen, c);
    char *given = word(&line);
    bool has_context = c->act != ST_ACT_NONE;
    if (c->ops_count > 0) {
        st_op op = c->ops[0];
        size_t f = 0;
        while (st_path_cmp(&FIELDS[f].path, &op.path) != 0)
            f++;
        has_context = f == DROP;
        if (strcmp(given, "*") == 0) {
            must(st_edit_replaces(record, FIELDS[f].cls, &p->arena, &op, NULL));
        } else {
            st_dot *dots = st_arena_array(&p->arena, strlen(given), sizeof *dots);
            assert_non_null(dots);
            op.verb = ST_VERB_RESOLVE;
            op.replaces = dots;
            for (char *each = strtok(given, ","); each != NULL; each = strtok(NULL, ","))
                dots[op.replaces_count++] = dot_of(each);
        }
        st_op *ops = st_arena_array(&p->arena, 1, sizeof *ops);
        assert_non_null(ops);
        *ops = op;
        c->ops = ops;
    }
    must(st_edit_under(record, &p->arena, c, NULL));
    if (has_context)
        must(st_edit_context(record, &seen.vector, &p->arena, &c->context, NULL));
    made.len = 0;
    say_made(&made, c, has_context);
    expect(p, "what an edit names: replaces, under, context", line, &made);
    st_arena_reset(&seen.arena);
    p->edits++;
}

static void play_view(player *p, char *line)
{
    static text seen;
    replica r;
    with_overlay(p, &line, &r);
    seen.len = 0;
    seen.s[0] = 0;
    say_view(&seen, &r);
    expect(p, "what is seen", line != NULL ? line : "", &seen);
    st_arena_reset(&r.arena);
    p->views++;
}

/* Replaces the replica by what its stored bytes say. */
static void store_and_load(player *p, replica *r)
{
    replica loaded;
    st_buffer bytes;
    st_error error = { .code = ST_OK };
    st_arena_init(&loaded.arena, BYTES_MAX);
    st_buffer_init(&bytes, BYTES_MAX);
    must(st_vector_encode(&r->vector, &bytes, &error));
    must(st_vector_decode(bytes.data, bytes.len, &loaded.arena, &loaded.vector, &error));
    for (size_t i = 0; i < RECORDS; i++) {
        st_buffer_clear(&bytes);
        must(st_record_encode(&r->records[i], &bytes, &error));
        must(st_record_decode(bytes.data, bytes.len, &loaded.arena, &loaded.records[i], &error));
    }
    st_buffer_free(&bytes);
    st_arena_reset(&r->arena);
    *r = loaded;
    /* The arena is a value: what was decoded remembers where it was then. */
    r->vector.arena = &r->arena;
    for (size_t i = 0; i < RECORDS; i++)
        r->records[i].arena = &r->arena;
    p->stored++;
}

static void play_base(player *p, char *line)
{
    static text base;
    replica *r = replica_at(p, &line);
    size_t token = number(&line, SUMS_MAX);
    st_sum sum = { { 0 } };
    for (size_t i = 0; i < RECORDS; i++) {
        st_sum one = st_record_sum(&r->records[i]);
        st_sum_add(&sum, &one);
    }
    if (!p->summed[token]) {
        for (size_t i = 0; i < p->sums_count; i++)   /* tokens come in ascending order */
            if (memcmp(&p->sums[i], &sum, sizeof sum) == 0)
                fail_msg("seed %u: different content, equal sums", p->seed);
        assert_int_equal(token, p->sums_count);
        p->sums[p->sums_count++] = sum;
        p->summed[token] = true;
    }
    if (memcmp(&p->sums[token], &sum, sizeof sum) != 0)
        fail_msg("seed %u: equal content, different sums", p->seed);
    base.len = 0;
    say_base(&base, r);
    expect(p, "what is remembered: vector, singles, holes, waiting", line, &base);
    if (p->bases++ % STORE_EVERY == 0)
        store_and_load(p, r);
}

static void play_fold(player *p, char *line)
{
    replica *r = replica_at(p, &line);
    const char *kind = word(&line);
    st_fold how = strcmp(kind, "hold") == 0      ? ST_FOLD_HOLD
                  : strcmp(kind, "decline") == 0 ? ST_FOLD_DECLINE
                                                 : ST_FOLD_APPLY;
    fold(p, r, &p->ops[number(&line, OPS_MAX)], how);
}

/* A snapshot travels as stored bytes. */
static void play_copy(player *p, char *line)
{
    replica *to = replica_at(p, &line);
    const replica *from = replica_at(p, &line);
    st_arena_reset(&to->arena);
    replica_copy(from, to);
    store_and_load(p, to);
}

static void forget(player *p)
{
    for (size_t i = 0; i < p->replicas_count; i++)
        st_arena_reset(&p->replicas[i].arena);
    st_arena_reset(&p->arena);
    p->replicas_count = p->sums_count = 0;
    memset(p->summed, 0, sizeof p->summed);
}

static void play_line(player *p, char *line)
{
    const char *what = word(&line);
    if (strcmp(what, "seed") == 0) {
        forget(p);
        p->seed = (unsigned)number(&line, SIZE_MAX);
    } else if (strcmp(what, "new") == 0) {
        assert_true(p->replicas_count < REPLICAS_MAX);
        replica_open(&p->replicas[p->replicas_count++]);
    } else if (strcmp(what, "op") == 0) {
        play_op(p, line);
    } else if (strcmp(what, "edit") == 0) {
        play_edit(p, line);
    } else if (strcmp(what, "fold") == 0) {
        play_fold(p, line);
    } else if (strcmp(what, "copy") == 0) {
        play_copy(p, line);
    } else if (strcmp(what, "view") == 0) {
        play_view(p, line);
    } else {
        assert_string_equal(what, "base");
        play_base(p, line);
    }
}

static void test_proto_shows_what_the_model_shows(void **state)
{
    (void)state;
    static player p;
    static char line[LINE_MAX_BYTES];
    bool ended = false;
    st_arena_init(&p.arena, BYTES_MAX);
    const char *asked = getenv("SEEDS");
    unsigned long seeds = asked == NULL ? SEEDS : strtoul(asked, NULL, 10);
    char command[80], last[32];
    (void)snprintf(command, sizeof command, "python3 tests/model/merge_model.py --trace %lu",
                   seeds);
    (void)snprintf(last, sizeof last, "end %lu", seeds);
    FILE *model = popen(command, "r");
    assert_non_null(model);
    while (!ended && fgets(line, sizeof line, model) != NULL) {
        size_t len = strlen(line);
        assert_true(len > 0 && line[len - 1] == '\n');
        line[len - 1] = 0;
        ended = strcmp(line, last) == 0;
        if (!ended)
            play_line(&p, line);
    }
    assert_int_equal(pclose(model), 0);
    assert_true(ended);
    forget(&p);
    print_message("  %lu seeds: %zu folds, %zu edits, %zu views, %zu bases (%zu through their "
                  "stored bytes) agree\n", seeds, p.folds, p.edits, p.views, p.bases, p.stored);
    assert_true(p.views > seeds && p.edits > seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proto_shows_what_the_model_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
