/* tests/crash/replay.c - builds the disks that a power cut may leave, at every point of a
 * recorded log, and has each opened by the real code.
 * usage: replay LOG ROOT SIDE FOLDER KIND (KIND: a row of KINDS below)
 * environment: STATES=200 SEED=1, CONTROL=syncs|fdatasync (the disk that ignores them: most
 * states must be bad then), CATALOGUE=DIR, SCRATCH=DIR (empty, best in memory),
 * ONLY=POINT:CUT:SEED (one state, as a failure names it; the folder stays in SCRATCH)
 * Prints `ok NAME` or `not ok NAME: why`. Promises: the same log, STATES and SEED are the same
 * states; a check that dies or hangs is a bad state and ends nothing. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/check.h"

#define SHOWN_MAX       5u  /* bad states whose reason is printed */
#define THOROUGH_EVERY  64u /* states; what takes long is done in one of so many */
#define CPU_SECONDS_MAX 20

static const struct {
    const char *name;
    crash_check check;
    owed_kind needs[4]; /* a log in which none of these is owed was not understood */
    unsigned blind_from; /* of 4 states of a control, when so many are good */
} KINDS[] = {
    { "server", check_server, { OWED_READY, OWED_LOG, OWED_STORED, OWED_USED }, 2 },
    { "phone", check_phone, { OWED_READY, OWED_SHOWS, OWED_COUNTER, OWED_SENT }, 2 },
    { "backup", check_backup, { OWED_LOG, OWED_LOG, OWED_LOG, OWED_LOG }, 2 },
    { "export", check_export, { OWED_WHOLE, OWED_WHOLE, OWED_WHOLE, OWED_WHOLE }, 2 },
    { "stick", check_stick, { OWED_WHOLE, OWED_WHOLE, OWED_WHOLE, OWED_WHOLE }, 2 },
    /* Of its many files most are written once; when one write is lost it is mostly of an older
     * export. */
    { "published", check_published, { OWED_WHOLE, OWED_WHOLE, OWED_WHOLE, OWED_WHOLE }, 3 },
};

/* A record after which the disk, or what is owed, is another one. */
typedef struct {
    size_t at, pending;
    bool is_owing;
} point;

typedef struct {
    size_t at;
    cut_kind cut;
    uint64_t seed;
} state;

/* What the process that checks tells the one that counts. */
typedef struct {
    volatile size_t next; /* state in hand */
    volatile size_t done, bad;
    struct {
        size_t state;
        char why[400];
    } shown[SHOWN_MAX];
} tally;

typedef struct {
    oplog log;
    owed_list owed;
    final_log final;
    const char *target, *side, *scratch, *catalogue;
    disk_mode mode;
    crash_check check;
    unsigned blind_from;
    point *points;
    size_t points_count;
    state *states; /* of one pass over the log, by `at` */
    size_t states_count, states_capacity;
    disk *disk;
    size_t applied; /* records of the log in `disk` */
    tally *tally;
    uint64_t random;
} player;

static const char *setting(const char *name, const char *preset)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : preset;
}

/* ---- points ---- */

static void find_points(player *p)
{
    disk *d = disk_new(p->target, p->mode);
    size_t capacity = 0, owes = 0;
    for (size_t i = 0; i < p->log.count; i++) {
        bool differs = disk_apply(d, &p->log.ops[i]);
        while (owes < p->owed.count && p->owed.items[owes].since == i) {
            differs = true;
            owes++;
        }
        if (!differs)
            continue;
        if (p->points_count == capacity) {
            capacity = capacity == 0 ? 1024 : capacity * 2;
            p->points = realloc(p->points, capacity * sizeof *p->points);
            if (p->points == NULL)
                abort();
        }
        p->points[p->points_count++] = (point){ i, disk_pending(d), owes > 0 };
    }
    disk_free(d);
}

static void add_state(player *p, size_t at, cut_kind cut, uint64_t seed)
{
    if (p->states_count == p->states_capacity) {
        p->states_capacity = p->states_capacity == 0 ? 1024 : p->states_capacity * 2;
        p->states = realloc(p->states, p->states_capacity * sizeof *p->states);
        if (p->states == NULL)
            abort();
    }
    p->states[p->states_count++] = (state){ at, cut, seed };
}

/* One pass: of every point at most one state, at most `most` of them, spread over the log. Where
 * nothing is pending there is one disk only, and it is looked at once. */
static void choose_states(player *p, bool is_first, size_t most)
{
    bool is_control = p->mode != DISK_KEEPS_SYNCS;
    size_t fit = 0;
    p->states_count = 0;
    for (size_t i = 0; i < p->points_count; i++)
        fit += (is_first || p->points[i].pending > 0) && (!is_control || p->points[i].is_owing);
    uint64_t credit = fit > 0 ? disk_random(&p->random) % fit : 0;
    for (size_t i = 0; i < p->points_count; i++) {
        const point *at = &p->points[i];
        if ((!is_first && at->pending == 0) || (is_control && !at->is_owing))
            continue;
        credit += most < fit ? most : fit;
        if (credit < fit)
            continue;
        credit -= fit;
        uint64_t seed = disk_random(&p->random);
        cut_kind cut = at->pending == 0 ? CUT_NOTHING : (cut_kind)(seed % CUT_KINDS);
        add_state(p, at->at, cut, seed);
    }
}

/* ---- one state ---- */

static void play_to(player *p, size_t at)
{
    for (; p->applied <= at; p->applied++)
        (void)disk_apply(p->disk, &p->log.ops[p->applied]);
}

static bool check_state(player *p, const state *s, char why[400])
{
    char dir[1200];
    uint64_t salt = s->seed;
    crash_case c = { .dir = dir,
                     .catalogue = p->catalogue,
                     .side = p->side,
                     .target = p->target,
                     .owed = &p->owed,
                     .final = &p->final,
                     .disk = p->disk,
                     .at = s->at,
                     .seed = s->seed };
    c.is_thorough = disk_random(&salt) % THOROUGH_EVERY == 0;
    play_to(p, s->at);
    (void)snprintf(dir, sizeof dir, "%s/%s", p->scratch, p->target);
    if (!disk_build(p->disk, s->cut, s->seed, p->scratch)) {
        perror(p->scratch);
        exit(1);
    }
    bool good = p->check(&c);
    (void)snprintf(why, 400, "%s", good ? "" : c.why);
    return good;
}

static void note_bad(tally *t, size_t i, const char *why)
{
    if (t->bad < SHOWN_MAX) {
        t->shown[t->bad].state = i;
        (void)snprintf(t->shown[t->bad].why, sizeof t->shown[0].why, "%s", why);
    }
    t->bad++;
}

/* In a process of its own: from states[next] on, until the end or its death. */
static void check_states(player *p)
{
    const struct rlimit none = { 0, 0 };
    const struct itimerval limit = { { 0, 0 }, { CPU_SECONDS_MAX, 0 } };
    char why[400];
    (void)setrlimit(RLIMIT_CORE, &none);
    if (p->mode != DISK_KEEPS_SYNCS && freopen("/dev/null", "w", stderr) == NULL)
        _exit(1);
    while (p->tally->next < p->states_count) {
        (void)setitimer(ITIMER_PROF, &limit, NULL); /* a check that hangs is ended by SIGPROF */
        if (!check_state(p, &p->states[p->tally->next], why))
            note_bad(p->tally, p->tally->next, why);
        p->tally->done++;
        p->tally->next++;
    }
    _exit(0);
}

static void print_bad(const player *p, size_t from)
{
    for (size_t i = from; i < p->tally->bad && i < SHOWN_MAX; i++) {
        const state *s = &p->states[p->tally->shown[i].state];
        printf("# %s ONLY=%zu:%d:%" PRIu64 ": %s\n", p->target, s->at, (int)s->cut, s->seed,
               p->tally->shown[i].why);
    }
}

static void play_pass(player *p)
{
    size_t shown = p->tally->bad;
    p->disk = disk_new(p->target, p->mode);
    p->applied = 0;
    p->tally->next = 0;
    while (p->tally->next < p->states_count) {
        int status = 0;
        play_to(p, p->states[p->tally->next].at); /* so that a new process need not */
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            check_states(p);
        if (pid < 0 || waitpid(pid, &status, 0) != pid) {
            perror("fork");
            exit(1);
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
            exit(1);
        if (WIFSIGNALED(status)) {
            char why[64];
            (void)snprintf(why, sizeof why, "the program died: %s", strsignal(WTERMSIG(status)));
            note_bad(p->tally, p->tally->next, why);
            p->tally->done++;
            p->tally->next++;
        }
    }
    if (p->mode == DISK_KEEPS_SYNCS)
        print_bad(p, shown);
    disk_free(p->disk);
    p->disk = NULL;
}

/* ---- the whole ---- */

static bool is_understood(const player *p, size_t kind, const char *root)
{
    char why[200];
    for (size_t i = 0; i < 4; i++)
        if (!owed_any(&p->owed, KINDS[kind].needs[i], p->log.count)) {
            printf("not ok %s: the log owes nothing of kind %d\n", p->target,
                   (int)KINDS[kind].needs[i]);
            return false;
        }
    disk *d = disk_new(p->target, DISK_KEEPS_SYNCS);
    for (size_t i = 0; i < p->log.count; i++)
        (void)disk_apply(d, &p->log.ops[i]);
    bool good = disk_is(d, root, p->scratch, why);
    disk_free(d);
    if (!good)
        printf("not ok %s: the recorder missed something: %s\n", p->target, why);
    return good;
}

static int play_only(player *p, const char *only)
{
    state s;
    int cut = 0;
    char why[400];
    if (sscanf(only, "%zu:%d:%" SCNu64, &s.at, &cut, &s.seed) != 3 || s.at >= p->log.count) {
        fprintf(stderr, "ONLY=POINT:CUT:SEED\n");
        return 2;
    }
    s.cut = (cut_kind)cut;
    p->disk = disk_new(p->target, p->mode);
    bool good = check_state(p, &s, why);
    printf("%sok %s %s%s\n", good ? "" : "not ", p->target, only, why);
    return good ? 0 : 1;
}

static int play_all(player *p, size_t want)
{
    struct timespec from, to;
    const char *name = p->mode == DISK_KEEPS_SYNCS     ? "cuts"
                       : p->mode == DISK_IGNORES_SYNCS ? "control_no_syncs"
                                                       : "control_no_fdatasync";
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    find_points(p);
    for (bool is_first = true; p->tally->done < want; is_first = false) {
        choose_states(p, is_first, want - p->tally->done);
        if (p->states_count == 0)
            break;
        play_pass(p);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    size_t done = p->tally->done, bad = p->tally->bad;
    bool good = p->mode == DISK_KEEPS_SYNCS ? bad == 0 && done > 0
                                            : (done - bad) * 4 < done * p->blind_from;
    printf("%sok %s_%s%s %zu states at %zu points, %zu bad, %.1f s\n", good ? "" : "not ", name,
           p->target, good ? "" : ":", done, p->points_count, bad, s);
    return good ? 0 : 1;
}

static size_t kind_of(const char *name)
{
    size_t i = 0;
    while (i < sizeof KINDS / sizeof KINDS[0] && strcmp(KINDS[i].name, name) != 0)
        i++;
    return i;
}

int main(int argc, char **argv)
{
    static player one;    /* what it has read stays to the end */
    char data[1200];
    player *p = &one;
    if (argc != 6 || kind_of(argv[5]) == sizeof KINDS / sizeof KINDS[0]) {
        fprintf(stderr, "usage: replay LOG ROOT SIDE FOLDER KIND (see the head of replay.c)\n");
        return 2;
    }
    const char *control = setting("CONTROL", "");
    p->side = argv[3];
    p->target = argv[4];
    p->scratch = setting("SCRATCH", "");
    p->catalogue = setting("CATALOGUE", "server/catalogue");
    p->random = strtoull(setting("SEED", "1"), NULL, 10);
    p->mode = strcmp(control, "syncs") == 0       ? DISK_IGNORES_SYNCS
              : strcmp(control, "fdatasync") == 0 ? DISK_IGNORES_FDATASYNC
                                                  : DISK_KEEPS_SYNCS;
    size_t kind = kind_of(argv[5]);
    p->check = KINDS[kind].check;
    p->blind_from = KINDS[kind].blind_from;
    (void)snprintf(data, sizeof data, "%s/data", argv[2]);
    p->tally =
        mmap(NULL, sizeof *p->tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->scratch[0] == '\0' || p->tally == MAP_FAILED || !oplog_read(argv[1], &p->log) ||
        !final_log_read(data, &p->final)) {
        printf("not ok %s: nothing to replay (is SCRATCH set?)\n", p->target);
        return 1;
    }
    owed_read(&p->log, p->target, &p->owed);
    if (!is_understood(p, kind, argv[2]))
        return 1;
    const char *only = setting("ONLY", "");
    return only[0] != '\0' ? play_only(p, only)
                           : play_all(p, strtoul(setting("STATES", "200"), NULL, 10));
}
