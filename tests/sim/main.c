/* tests/sim/main.c - runs worlds by seed on all cores, and makes a failure small.
 * usage: sim short | long | soak | seeds
 *   short, long  the amounts of `make test` and `make test-long`, as `ok NAME` lines
 *   soak         fresh seeds for MINUTES (10)
 *   seeds        SEEDS (1000) seeds from SEED (fresh); with SEED alone: that one, traced
 * environment: SEED, SEEDS, TRACE=3,7,10-14 (only these steps of SEED; none: not one), JOBS,
 *   MINUTES, BUILD, SHRINK_S (90; 0 leaves a failure as it is)
 * exit 0: all held, 1: not, 2: one of these is no number, or none where some are needed. Promises
 * that a failure prints its seed, its shortest trace and one command. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

#define JOBS_MAX       64
#define SEED_SECONDS   60u /* one world that takes longer hangs */
#define SHRINK_SECONDS 90
#define FAILURES_MAX   3u
#define COUNTED_SEEDS  5000u /* fresh ones: from so many on every counter must have moved */
#define LIES_TRIED     60u
#define LIES_CAUGHT    54u
#define LIES_WHY       "too few worlds lost what had left the server, or an honest disk did"
#define NO_STEPS       "none"

typedef struct {
    sim_template from[2]; /* of worlds without themes, and with */
    sim_report *reports; /* shared; one a worker, and one more */
    unsigned jobs;
    uint64_t failures;
    struct timespec began;
} runner;

static double seconds_since(const struct timespec *began)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

/* A run of nothing would say ok: what is no number, or less than `least`, ends the process. */
static uint64_t number_of(const char *name, uint64_t otherwise, uint64_t least)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (text == NULL || text[0] == '\0')
        return otherwise;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < least) {
        (void)fprintf(stderr, "sim: %s=%s: a number from %llu on\n", name, text,
                      (unsigned long long)least);
        exit(2);
    }
    return number;
}

static sim_template *template_of(runner *run, const sim_plan *plan)
{
    return &run->from[plan->seed >= PLAN_THEMED];
}

/* ---- one world in a process of its own ---- */

static sim_report *spare(const runner *run)
{
    return &run->reports[JOBS_MAX];
}

/* Wait status of the world; its report lies in `spare`. */
static int play_alone(runner *run, const sim_plan *plan, bool is_traced)
{
    int status = -1;
    memset(spare(run), 0, sizeof *spare(run));
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(SEED_SECONDS);
        sim_play(template_of(run, plan), plan, spare(run), is_traced);
        (void)fflush(stdout);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* What went wrong, without the numbers in it: the same trouble in a shorter list. */
static void name_failure(int status, const sim_report *report, char name[128])
{
    size_t used = 0;
    if (WIFSIGNALED(status)) {
        (void)snprintf(name, 128, "killed by signal %d", WTERMSIG(status));
        return;
    }
    if (WEXITSTATUS(status) != SIM_FAILED) {
        (void)snprintf(name, 128, "ended with %d", WEXITSTATUS(status));
        return;
    }
    for (const char *at = report->why; *at != '\0' && used < 127; at++)
        if (strchr("0123456789\"'", *at) == NULL)
            name[used++] = *at;
    name[used > 40 ? 40 : used] = '\0';
}

/* ---- shrinking: steps are left out as long as the same failure comes ---- */

static bool still_fails(runner *run, const sim_plan *plan, const char *name)
{
    char now[128];
    int status = play_alone(run, plan, false);
    if (status == 0)
        return false;
    name_failure(status, spare(run), now);
    return strcmp(now, name) == 0;
}

static sim_plan without(const sim_plan *plan, size_t from, size_t count)
{
    sim_plan less = *plan;
    less.ops = sim_must(calloc(plan->count + 1, sizeof *less.ops));
    less.count = 0;
    for (size_t i = 0; i < plan->count; i++)
        if (i < from || i >= from + count)
            less.ops[less.count++] = plan->ops[i];
    return less;
}

static void shrink(runner *run, sim_plan *plan, const char *name)
{
    struct timespec began;
    (void)clock_gettime(CLOCK_MONOTONIC, &began);
    double most_s = (double)number_of("SHRINK_S", SHRINK_SECONDS, 0);
    size_t part = plan->count / 2;
    while (part > 0 && seconds_since(&began) < most_s) {
        bool shorter = false;
        for (size_t at = 0; at < plan->count && seconds_since(&began) < most_s;) {
            sim_plan less = without(plan, at, part);
            if (still_fails(run, &less, name)) {
                plan_free(plan);
                *plan = less;
                shorter = true;
            } else {
                plan_free(&less);
                at += part;
            }
        }
        if (!shorter || part > plan->count)
            part = part > plan->count ? plan->count / 2 : part / 2;
    }
}

/* Prints the failure of a seed: why, the shortest list that shows it, how to see it again. */
static void show_failure(runner *run, sim_plan *plan)
{
    char name[128], *list = sim_must(malloc(PLAN_LIST_BYTES));
    run->failures++;
    int status = play_alone(run, plan, false);
    if (status == 0) {
        (void)printf("seed %llu failed in a row of seeds and not alone: a world leaves something "
                     "behind\n",
                     (unsigned long long)plan->seed);
        free(list);
        return;
    }
    name_failure(status, spare(run), name);
    (void)printf("seed %llu: %s\nmaking it small...\n", (unsigned long long)plan->seed,
                 spare(run)->why[0] == '\0' ? name : spare(run)->why);
    size_t before = plan->count;
    shrink(run, plan, name);
    plan_list(plan, list);
    (void)printf("%zu of %zu steps show it (phones %u, trouble %u of 1000):\n", plan->count, before,
                 plan->phones, plan->trouble_permille);
    (void)play_alone(run, plan, true);
    (void)printf("again: SEED=%llu TRACE=%s make sim\n", (unsigned long long)plan->seed,
                 plan->count == 0 ? NO_STEPS : list);
    (void)fflush(stdout);
    free(list);
}

/* ---- many worlds ---- */

typedef struct {
    const uint64_t *list; /* NULL: `count` seeds from `first` on */
    uint64_t first, count;
} seeds;

static uint64_t seed_at(const seeds *all, uint64_t i)
{
    return all->list != NULL ? all->list[i] : all->first + i;
}

/* Every `jobs`-th seed from `from` on. */
static void work(runner *run, const seeds *all, uint64_t from, sim_report *report)
{
    for (uint64_t i = from; i < all->count; i += run->jobs) {
        sim_plan plan = plan_make(seed_at(all, i));
        report->seed = i;
        (void)alarm(SEED_SECONDS);
        sim_play(template_of(run, &plan), &plan, report, false);
        plan_free(&plan);
    }
    (void)alarm(0);
    _exit(0);
}

static pid_t start(runner *run, const seeds *all, unsigned job, uint64_t from)
{
    run->reports[job].seed = from;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < 2; i++)
            sim_template_move(&run->from[i], job);
        work(run, all, from, &run->reports[job]);
    }
    return child;
}

/* True when none failed. After a few failures the rest is not tried. */
static bool run_seeds(runner *run, const seeds *all)
{
    pid_t workers[JOBS_MAX] = { 0 };
    unsigned running = 0, failed = 0;
    for (unsigned job = 0; job < run->jobs && job < all->count; job++, running++)
        workers[job] = start(run, all, job, job);
    while (running > 0) {
        int status = 0;
        pid_t ended = waitpid(-1, &status, 0);
        unsigned job = 0;
        while (job < run->jobs && workers[job] != ended)
            job++;
        if (job == run->jobs)
            continue;
        running--;
        if (status == 0)
            continue;
        uint64_t at = run->reports[job].seed;
        sim_plan plan = plan_make(seed_at(all, at));
        show_failure(run, &plan);
        plan_free(&plan);
        if (++failed < FAILURES_MAX && at + run->jobs < all->count) {
            workers[job] = start(run, all, job, at + run->jobs);
            running++;
        }
    }
    return failed == 0;
}

/* ---- figures ---- */

static sim_report sum_up(const runner *run)
{
    sim_report sum;
    memset(&sum, 0, sizeof sum);
    for (unsigned i = 0; i < run->jobs; i++) {
        sum.seeds += run->reports[i].seeds;
        sum.ops += run->reports[i].ops;
        sum.requests += run->reports[i].requests;
        sum.sim_ms += run->reports[i].sim_ms;
        sum.moving_ms += run->reports[i].moving_ms;
        for (int c = 0; c < SIM_COUNTER_COUNT; c++)
            sum.counters[c] += run->reports[i].counters[c];
    }
    return sum;
}

static void say_figures(const runner *run)
{
    sim_report sum = sum_up(run);
    double s = seconds_since(&run->began);
    (void)printf("%llu seeds, %llu steps, %llu requests in %.1f s: %.1f ms a seed on %u cores; "
                 "%.0f days of simulated time, mostly waiting; messages are under way in %.1f days "
                 "of them, %.0f times as fast as real time\n",
                 (unsigned long long)sum.seeds, (unsigned long long)sum.ops,
                 (unsigned long long)sum.requests, s,
                 sum.seeds == 0 ? 0 : s * 1000 / (double)sum.seeds * run->jobs, run->jobs,
                 (double)sum.sim_ms / 86400000, (double)sum.moving_ms / 86400000,
                 (double)sum.moving_ms / 1000 / s);
    for (int c = 0; c < SIM_COUNTER_COUNT; c++)
        (void)printf("%s%s %llu", c == 0 ? "seen: " : ", ", sim_counter_name((sim_counter)c),
                     (unsigned long long)sum.counters[c]);
    (void)printf("\n");
    (void)fflush(stdout);
}

static bool say(bool good, const char *name, const char *why)
{
    (void)printf(good ? "ok %s\n" : "not ok %s: %s\n", name, why);
    (void)fflush(stdout);
    return good;
}

/* What no world ever met was not tested. */
static bool all_seen(const runner *run)
{
    sim_report sum = sum_up(run);
    bool all = true;
    for (int c = 0; c < SIM_COUNTER_COUNT; c++) {
        if (sum.counters[c] > 0)
            continue;
        (void)printf("never seen: %s\n", sim_counter_name((sim_counter)c));
        all = false;
    }
    return all;
}

/* The kinds of worlds: where each theme begins, and the share that it has of the fixed ones. */
static const struct {
    uint64_t first, share;
    const char *name;
} FIXED[] = {
    { 1, 2, "sim/fixed-seeds" },
    { PLAN_THEMED, 4, "sim/fixed-seeds-with-themes" },
    { PLAN_KEYED, 6, "sim/fixed-seeds-with-keys" },
    { PLAN_WAITING, 12, "sim/fixed-seeds-with-files-that-wait" },
    { PLAN_WRITING, 24, "sim/fixed-seeds-with-words-in-syncs" },
    { PLAN_LOSING, 24, "sim/fixed-seeds-with-sets-that-are-lost" },
    { PLAN_STRANGE, 24, "sim/fixed-seeds-with-branches-and-strangers" },
    { PLAN_TYPING, 24, "sim/fixed-seeds-with-words-over-words" },
    { PLAN_MENDING, 24, "sim/fixed-seeds-with-repairs" },
    { PLAN_TEARING, 24, "sim/fixed-seeds-with-torn-rows" },
    { PLAN_TEARING_SETS, 24, "sim/fixed-seeds-with-torn-sets" },
};

/* The same seed twice, in processes of their own: the same book, and the same rows in the stores
 * of phones. Some of every kind of world. */
static bool repeats(runner *run)
{
    for (size_t i = 0; i < 4 * sizeof FIXED / sizeof FIXED[0]; i++) {
        sim_plan plan = plan_make(FIXED[i / 4].first + i % 4);
        int first = play_alone(run, &plan, false);
        uint64_t digest = spare(run)->digest;
        int second = play_alone(run, &plan, false);
        plan_free(&plan);
        if (first != 0 || second != 0 || digest == 0 || digest != spare(run)->digest)
            return false;
    }
    return true;
}

/* Everybody syncs at the end of the plan, and then the server is killed: whatever its disk only
 * said it had is gone then. */
static void kill_at_end(sim_plan *plan)
{
    static const plan_kind KINDS[] = { PLAN_new_record, PLAN_everybody, PLAN_server_kill };
    size_t count = sizeof KINDS / sizeof KINDS[0];
    plan->ops = sim_must(realloc(plan->ops, (plan->count + count) * sizeof *plan->ops));
    for (size_t i = 0; i < count; i++, plan->count++)
        plan->ops[plan->count] = (plan_op){ .index = (uint32_t)plan->count,
                                            .kind = KINDS[i],
                                            .wait_ms = 120000,
                                            .salt = plan->seed };
}

/* Plays such a world. Does it hold? *out_loses: it fails, for want of what had left the server. */
static bool holds_under(runner *run, uint64_t seed, uint32_t lies, bool *out_loses)
{
    sim_plan plan = plan_make(seed);
    kill_at_end(&plan);
    plan.lies = lies;
    int status = play_alone(run, &plan, false);
    plan_free(&plan);
    *out_loses =
        status != 0 && strstr(spare(run)->why, " had left the server and is gone") != NULL;
    return status == 0;
}

/* Negative control: with a disk that says it has what it has not, nearly all worlds must fail, each
 * with an entry that is gone. The same worlds hold with an honest disk. */
static bool lie_is_caught(runner *run)
{
    unsigned caught = 0, failed = 0;
    bool loses = false;
    for (uint64_t seed = 1; seed <= LIES_TRIED; seed++) {
        failed += !holds_under(run, seed, 0, &loses);
        (void)holds_under(run, seed, DISK_LIES_MAX, &loses);
        caught += loses;
    }
    (void)printf("a lying disk: noticed in %u of %u worlds; an honest one fails in %u\n", caught,
                 LIES_TRIED, failed);
    return caught >= LIES_CAUGHT && failed == 0;
}

/* ---- what is run ---- */

#define KNOWN_FILE "tests/sim/seeds.txt"

static seeds known_seeds(void)
{
    static uint64_t list[4096];
    char line[512];
    seeds known = { list, 0, 0 };
    FILE *file = fopen(KNOWN_FILE, "re");
    while (file != NULL && known.count < 4096 && fgets(line, sizeof line, file) != NULL)
        if (line[0] >= '0' && line[0] <= '9')
            list[known.count++] = strtoull(line, NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    return known;
}

static bool play_known(runner *run)
{
    seeds known = known_seeds();
    if (known.count == 0)
        return say(false, "sim/known-seeds", "there is none in " KNOWN_FILE);
    return say(run_seeds(run, &known), "sim/known-seeds", "a mended fault is back");
}

/* Of fresh worlds, so many that each rare path is met: fewer are told and not asked. */
static bool must_have_seen_all(const runner *run, uint64_t first)
{
    uint64_t count = sum_up(run).seeds;
    if (count >= COUNTED_SEEDS && first >= PLAN_FRESH_TEARING)
        return say(all_seen(run), "sim/everything-was-seen", "a rare path was never met");
    (void)printf("%llu worlds: what they never saw counts from %u fresh ones on\n",
                 (unsigned long long)count, COUNTED_SEEDS);
    return true;
}

static uint64_t fresh_seed(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u % 1000000u;
}

/* Half of the fixed worlds as they always were, and so on. Without fresh seeds the same worlds each
 * time: who runs it on somebody's change sees that change, not luck. */
static bool run_gate(runner *run, uint64_t fixed, uint64_t fresh)
{
    seeds new = { NULL, fresh_seed(), fresh };
    bool good = play_known(run);
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++) {
        seeds some = { NULL, FIXED[i].first, fixed / FIXED[i].share };
        good &= say(run_seeds(run, &some), FIXED[i].name, "see the trace above");
    }
    if (fresh > 0) {
        (void)printf("fresh seeds from %llu\n", (unsigned long long)new.first);
        good &= say(run_seeds(run, &new), "sim/fresh-seeds", "see the trace above");
    }
    say_figures(run);
    good &= say(all_seen(run), "sim/everything-was-seen", "a rare path was never met");
    good &= say(repeats(run), "sim/the-same-seed-gives-the-same-book", "digests differ");
    good &= say(lie_is_caught(run), "sim/a-lying-disk-is-caught", LIES_WHY);
    return good;
}

static bool run_soak(runner *run)
{
    double end_s = (double)number_of("MINUTES", 10, 1) * 60;
    uint64_t first = fresh_seed();
    bool good = true;
    while (good && seconds_since(&run->began) < end_s) {
        seeds some = { NULL, fresh_seed(), 2000 };
        (void)printf("seeds from %llu\n", (unsigned long long)some.first);
        good = run_seeds(run, &some);
        say_figures(run);
    }
    good &= must_have_seen_all(run, first);
    return say(good, "sim/soak", "see the trace above");
}

static bool run_one(runner *run)
{
    sim_plan plan = plan_make(number_of("SEED", 0, 0));
    const char *list = getenv("TRACE");
    if (list != NULL && strcmp(list, NO_STEPS) == 0)
        plan.count = 0;
    else if (list != NULL && list[0] != '\0' && !plan_keep(&plan, list)) {
        (void)fprintf(stderr, "sim: TRACE is no list like 3,7,10-14, nor " NO_STEPS "\n");
        return false;
    }
    bool good = play_alone(run, &plan, true) == 0;
    (void)printf("digest %016llx\n", (unsigned long long)spare(run)->digest);
    plan_free(&plan);
    return say(good, "one-seed", "see above");
}

static bool run_some(runner *run)
{
    seeds some = { NULL, number_of("SEED", fresh_seed(), 0), number_of("SEEDS", 1000, 1) };
    if (getenv("SEED") != NULL && getenv("SEEDS") == NULL)
        return run_one(run);
    (void)printf("seeds from %llu\n", (unsigned long long)some.first);
    bool good = run_seeds(run, &some);
    say_figures(run);
    good &= must_have_seen_all(run, some.first);
    return say(good, "sim/seeds", "see the trace above");
}

/* Before anything is made that would have to be taken away again. */
static void check_numbers(void)
{
    (void)number_of("SEED", 0, 0);
    (void)number_of("SEEDS", 1, 1);
    (void)number_of("MINUTES", 1, 1);
    (void)number_of("JOBS", 1, 1);
    (void)number_of("SHRINK_S", 0, 0);
}

int main(int argc, char **argv)
{
    runner run;
    const char *what = argc > 1 ? argv[1] : "seeds";
    bool good = false;
    memset(&run, 0, sizeof run);
    check_numbers();
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t jobs = number_of("JOBS", cores > 0 ? (uint64_t)cores : 1, 1);
    run.jobs = jobs > JOBS_MAX ? JOBS_MAX : (unsigned)jobs;
    run.reports = mmap(NULL, (JOBS_MAX + 1) * sizeof *run.reports, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run.reports == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < 2; i++)
        sim_template_make(&run.from[i], i == 1);
    (void)clock_gettime(CLOCK_MONOTONIC, &run.began);
    if (strcmp(what, "short") == 0)
        good = run_gate(&run, 1200, 0);
    else if (strcmp(what, "long") == 0)
        good = run_gate(&run, 20000, 5000);
    else if (strcmp(what, "soak") == 0)
        good = run_soak(&run);
    else
        good = run_some(&run);
    for (size_t i = 0; i < 2; i++)
        sim_template_free(&run.from[i]);
    (void)munmap(run.reports, (JOBS_MAX + 1) * sizeof *run.reports);
    return good ? 0 : 1;
}
