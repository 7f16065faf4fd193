/* tests/sim/world.c - makes a world from the template, plays a plan in it, ends it.
 * Promises that a plan has one outcome: no clock, no address and no file name of this machine
 * decides anything. Must never catch a failed check: the process ends there. */
#include "tests/sim/sim.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES_MAX ((size_t)1 << 20)
#define COMMUNE        "01477"

const char *sim_counter_name(sim_counter counter)
{
    static const char *const NAMES[SIM_COUNTER_COUNT] = {
#define X(name, text) [SIM_##name] = text,
        SIM_COUNTERS(X)
#undef X
    };
    return NAMES[counter];
}

void *sim_must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- saying ---- */

static void flush_line(sim_world *w)
{
    if (w->line.len > 0)
        (void)printf("%.*s\n", (int)w->line.len, (const char *)w->line.data);
    st_buffer_clear(&w->line);
    (void)fflush(stdout);
}

void sim_say(sim_world *w, const char *format, ...)
{
    char text[512];
    va_list args;
    if (!w->is_traced)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > (int)sizeof text - 1)
        len = (int)sizeof text - 1;
    if (len > 0)
        (void)!st_buffer_append(&w->line, text, (size_t)len, NULL);
}

void sim_fail(sim_world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(w->report->why, sizeof w->report->why, format, args);
    va_end(args);
    if (w->is_traced) {
        flush_line(w);
        (void)printf("FAILED: %s\n", w->report->why);
        (void)fflush(stdout);
    }
    _exit(SIM_FAILED);
}

/* ---- one step ---- */

static const sim_step STEPS[PLAN_KINDS] = {
#define X(name, text, weight, needs_phone) [PLAN_##name] = sim_do_##name,
    PLAN_OPS(X)
#undef X
};

static void say_step(sim_world *w, const plan_op *op)
{
    int64_t s = (w->now_ms - SIM_T0_MS) / 1000;
    sim_say(w, "%4u  day %lld %02lld:%02lld:%02lld  %s", op->index, (long long)(s / 86400),
            (long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60),
            plan_kind_name(op->kind));
    if (plan_kind_needs_phone(op->kind))
        sim_say(w, " phone %u", op->phone);
}

void sim_pass(sim_world *w, int64_t ms)
{
    sim_net_run(w, w->now_ms + ms);
}

void sim_step_run(sim_world *w, const plan_op *op)
{
    sim_random r = { op->salt };
    sim_pass(w, op->wait_ms);
    if (w->is_traced)
        flush_line(w);
    w->op = op;
    say_step(w, op);
    sim_phone *p = op->phone < w->phones_count ? &w->phones[op->phone] : NULL;
    if (plan_kind_needs_phone(op->kind) && (p == NULL || !p->exists)) {
        sim_say(w, ": no such phone");
    } else {
        if (plan_kind_needs_phone(op->kind))
            sim_phone_clock(w, p);
        STEPS[op->kind](w, p, &r);
        if (plan_kind_needs_phone(op->kind) && p->exists)
            sim_phone_look(w, p);
        sim_server_look(w);
    }
    if (w->is_traced)
        flush_line(w);
}

/* ---- a world ---- */

static int64_t server_now(void *context)
{
    sim_world *w = context;
    int64_t now = w->now_ms + w->server_skip_ms + w->server_skew_ms;
    if (now > w->server_max_ms)
        w->server_max_ms = now;
    return now;
}

static uint64_t server_mono(void *context)
{
    const sim_world *w = context;
    return (uint64_t)(w->now_ms + w->server_skip_ms - SIM_T0_MS) + 1000;
}

static void server_random(void *context, void *out, size_t len)
{
    sim_world *w = context;
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(sim_next(&w->random) >> 40);
}

static void world_init(sim_world *w, sim_template *from, sim_report *report)
{
    memset(w, 0, sizeof *w);
    w->from = from;
    w->report = report;
    w->now_ms = SIM_T0_MS;
    w->server_max_ms = SIM_T0_MS;
    w->port.context = w;
    w->port.now_ms = server_now;
    w->port.mono_ms = server_mono;
    w->port.random = server_random;
    st_buffer_init(&w->line, LINE_BYTES_MAX);
    st_buffer_init(&w->out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&w->err, LINE_BYTES_MAX);
    memcpy(w->disk.dir, from->dir, sizeof w->disk.dir);
    st_buffer_init(&w->disk.side_words, LINE_BYTES_MAX);
    for (uint32_t person = 0; person < SIM_PEOPLE; person++)
        for (uint32_t unit = 0; unit < SIM_UNITS; unit++)
            w->may_read[person][unit] =
                unit == 0 || (unit == 1 && person < 3) || (unit == 2 && person >= 3 && person < 5);
}

static void world_free(sim_world *w)
{
    for (size_t i = 0; i < w->phones_count; i++)
        sim_phone_close(&w->phones[i]);
    if (w->is_up)
        rooms_close(&w->rooms);
    sim_disk_attach(NULL);
    sim_net_free(&w->net);
    for (size_t i = 0; i < w->stick.count; i++)
        free(w->stick.sets[i].bytes);
    for (size_t i = 0; i < w->stranger.count; i++)
        free(w->stranger.sets[i].bytes);
    for (size_t i = 0; i < SIM_BUNDLES_MAX; i++)
        free(w->bundles[i].bytes);
    sim_disk_pieces_free(&w->disk);
    st_buffer_free(&w->disk.side_words);
    st_buffer_free(&w->line);
    st_buffer_free(&w->out);
    st_buffer_free(&w->err);
    free(w->acks);
    free(w->leaves);
    free(w->taken);
    free(w->shown);
    st_arena_reset(&w->heard.arena);
    free(w->unanswered);
    for (size_t i = 0; i < w->marks_count; i++)
        sotay_text_free(w->marks[i].shown);
    free(w);
}

/* The phones of the template, as they were, with clocks of their own. */
static void take_phones(sim_world *w)
{
    sim_random r = { w->plan->seed ^ 0x70686f6e65u };
    for (uint32_t i = 0; i < w->plan->phones; i++) {
        uint32_t at = (w->plan->first_phone + i * 5) % PLAN_PHONES_MAX;
        sim_phone *p = &w->phones[w->phones_count++];
        sotay_port port;
        if (sotay_memory_copy(&w->from->phones[at], false, &port, NULL) != SOTAY_OK)
            abort();
        p->person = at % SIM_PEOPLE;
        p->boot_ms = SIM_T0_MS - 1000 - (int64_t)sim_pick(&r, 1000000);
        p->slow = sim_chance(&r, 150) ? 20 : 1;
        p->skew_ms = sim_between(&r, -90000, 90000);
        if (w->plan->is_rough && sim_chance(&r, 60))
            p->skew_ms = sim_between(&r, -50, 50) * 365 * 86400 * INT64_C(1000);
        p->pends_commit = sim_chance(&r, 250);
        p->pends_sign = p->pends_commit && port.sign != NULL;
        sim_phone_open(w, p, &port);
    }
}

/* What there is at the end, and what phones ever wrote, in one number. */
static uint64_t digest(const sim_world *w)
{
    uint64_t sum = (uint64_t)w->now_ms;
    for (size_t i = 0; i < w->leaves_count; i++)
        sum = sum * 31 + st_get_u64(w->leaves[i].b);
    for (size_t i = 0; i < w->phones_count; i++)
        sum = sum * 31 + w->phones[i].written;
    return sum;
}

/* Files that a world may change on the real disk. */
static const char *const KEYS[4] = { "keys/device.key", "keys/device.pub", "keys/log.key",
                                     "keys/log.pub" };

static FILE *open_below(const sim_template *from, const char *name, const char *mode)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", from->dir, name);
    return fopen(path, mode);
}

static void read_below(const sim_template *from, const char *name, char text[128])
{
    FILE *file = sim_must(open_below(from, name, "re"));
    size_t len = fread(text, 1, 127, file);
    text[len] = '\0';
    (void)fclose(file);
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* The world before this one cut them. */
static void forget_snapshots(const sim_template *from)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/snapshots", from->dir);
    if (access(path, F_OK) == 0)
        (void)nftw(path, forget, 8, FTW_DEPTH | FTW_PHYS);
}

/* Of a change of the log's key that was cut off. */
static void forget_fresh(const sim_template *from)
{
    static const char *const FRESH[2] = { "keys/log.key.new", "keys/log.pub.new" };
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", from->dir, FRESH[i]);
        (void)unlink(path);
    }
}

/* What a world left on the real disk: a device key of its own after it found out that its store was
 * put back, another key of the log. */
static void tidy(const sim_template *from)
{
    forget_snapshots(from);
    forget_fresh(from);
    for (size_t i = 0; i < 4; i++) {
        char text[128];
        read_below(from, KEYS[i], text);
        if (strcmp(text, from->keys[i]) == 0)
            continue;
        FILE *file = sim_must(open_below(from, KEYS[i], "we"));
        (void)fputs(from->keys[i], file);
        (void)fclose(file);
    }
}

void sim_play(sim_template *from, const sim_plan *plan, sim_report *report, bool is_traced)
{
    sim_world *w = sim_must(malloc(sizeof *w));
    tidy(from);
    world_init(w, from, report);
    w->plan = plan;
    w->is_traced = is_traced;
    w->random.state = plan->seed ^ 0x776f726c64u;
    w->disk.synced = from->image;
    w->disk.commits = from->commits;
    w->disk.lies = plan->lies;
    w->disk.heap = from->work;
    disk_heap_reset(&w->disk.heap);
    sim_disk_attach(&w->disk);
    sim_server_start(w);
    take_phones(w);
    for (size_t i = 0; i < plan->count; i++) {
        report->step = plan->ops[i].index;
        sim_step_run(w, &plan->ops[i]);
    }
    report->step = UINT64_MAX;
    sim_say(w, "      everybody meets");
    sim_rest(w);
    if (is_traced)
        flush_line(w);
    report->digest = digest(w);
    report->ops += plan->count;
    report->counters[SIM_PIECE_TWICE] += w->disk.pieces_again;
    report->seeds++;
    report->sim_ms += (uint64_t)(w->now_ms - SIM_T0_MS);
    from->work = w->disk.heap;
    world_free(w);
}

/* ---- the template ---- */

static void must_call(int code, sim_world *w, const char *what)
{
    if (code != 0) {
        (void)fprintf(stderr, "sim: %s: %.*s\n", what, (int)w->err.len,
                      w->err.data == NULL ? "" : (const char *)w->err.data);
        exit(1);
    }
}

static void make_book(sim_world *w, bool has_themes)
{
    char book[512];
    st_error error = { 0 };
    const char *build = getenv("BUILD");
    (void)snprintf(book, sizeof book, "%s/sim/catalogue%s", build == NULL ? "build/release" : build,
                   has_themes ? "-themes" : "");
    rooms_how how = { .dir = w->disk.dir, .port = &w->port };
    rooms_new wish = { COMMUNE, book, false };
    if (rooms_init(&how, &wish, &w->rooms, &error) != ST_OK) {
        (void)fprintf(stderr, "sim: %s\n", error.detail);
        exit(1);
    }
    w->is_up = true;
    /* With themes: the two people of an erasure. */
    must_call(has_themes ? SIM_CTL(w, "user", "add", "office", "--name", "Office", "--role",
                                   "office", "--role", "admin")
                         : SIM_CTL(w, "user", "add", "office", "--name", "Office", "--role",
                                   "office"), w, "office");
    if (has_themes)
        must_call(SIM_CTL(w, "user", "add", "head", "--name", "Head", "--role", "office_head"), w,
                  "head");
    for (uint32_t i = 0; i < SIM_PEOPLE; i++) {
        const char *login = SIM_LOGINS[i];
        must_call(SIM_CTL(w, "user", "add", login, "--name", login, "--role", "officer"), w, login);
        for (uint32_t unit = 0; unit < SIM_UNITS; unit++)
            if (w->may_read[i][unit])
                must_call(SIM_CTL(w, "assign", login, SIM_UNIT_NAMES[unit]), w, login);
    }
}

static void make_phones(sim_world *w, sim_template *from)
{
    for (uint32_t i = 0; i < PLAN_PHONES_MAX; i++) {
        sim_phone *p = &w->phones[w->phones_count++];
        sotay_port port;
        if (sotay_memory_open(1000 + i, &port, NULL) != SOTAY_OK)
            abort();
        p->person = i % SIM_PEOPLE;
        p->slow = 1;
        p->boot_ms = SIM_T0_MS - 5000;
        if (i % 2 == 1) { /* a key that the library never sees */
            sotay_memory_pending(&port, false, true);
            sotay_memory_pending(&port, false, false);
        }
        sim_phone_open(w, p, &port);
        if (!sim_enrol_again(w, p, 0))
            must_call(1, w, "a phone could not be enrolled");
        sim_sync_whole(w, p, 0);
    }
    for (uint32_t i = 0; i < PLAN_PHONES_MAX; i++) {
        sim_sync_whole(w, &w->phones[i], 0);
        if (sotay_memory_copy(&w->phones[i].tap->inner, false, &from->phones[i], NULL) != SOTAY_OK)
            abort();
    }
}

void sim_template_make(sim_template *from, bool has_themes)
{
    sim_report report;
    sim_plan plan;
    const char *tmp = getenv("TMPDIR");
    memset(from, 0, sizeof *from);
    memset(&report, 0, sizeof report);
    memset(&plan, 0, sizeof plan);
    (void)snprintf(from->dir, sizeof from->dir, "%.60s/sotay-sim-XXXXXX",
                   tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(from->dir) == NULL) {
        perror(from->dir);
        exit(1);
    }
    sim_world *w = sim_must(malloc(sizeof *w));
    world_init(w, from, &report);
    w->plan = &plan;
    w->random.state = 1;
    sim_disk_attach(&w->disk);
    make_book(w, has_themes);
    for (size_t i = 0; i < 4; i++)
        read_below(from, KEYS[i], from->keys[i]);
    make_phones(w, from);
    sim_carrier_make(w, from);
    from->image = w->disk.synced;
    from->commits = w->disk.commits;
    from->heap = w->disk.heap;
    world_free(w);
}

void sim_template_move(sim_template *from, unsigned job)
{
    char command[400], dir[sizeof from->dir + 16];
    (void)snprintf(dir, sizeof dir, "%s-%u", from->dir, job);
    (void)snprintf(command, sizeof command, "rm -rf '%s'; cp -r '%s' '%s'", dir, from->dir, dir);
    if (system(command) != 0 || strlen(dir) >= sizeof from->dir) {
        (void)fprintf(stderr, "sim: %s: cannot be made\n", dir);
        exit(1);
    }
    memcpy(from->dir, dir, strlen(dir) + 1);
}

void sim_template_free(sim_template *from)
{
    char command[200];
    for (uint32_t i = 0; i < PLAN_PHONES_MAX; i++)
        sotay_port_close(&from->phones[i]);
    disk_heap_free(&from->heap);
    disk_heap_free(&from->work);
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s'-*", from->dir, from->dir);
    if (system(command) != 0)
        (void)fprintf(stderr, "sim: %s is left\n", from->dir);
}
