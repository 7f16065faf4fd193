/* tests/crash/replay.c - builds the disks that a power cut may leave, at every point of a
 * recorded log, and has each opened by the real code.
 * usage: replay LOG ROOT SIDE FOLDER KIND (KIND: a row of KINDS below)
 *        replay LOG ROOT SIDE             is what each check asks for owed by some folder?
 * environment: STATES=200 SEED=1, CONTROL=syncs|fdatasync (the disk that ignores them: most
 * states must be bad then), CATALOGUE=DIR, SCRATCH=DIR (empty, best in memory),
 * ONLY=POINT:CUT:SEED (one state, as a failure names it; the folder stays in SCRATCH)
 * Prints `ok NAME` or `not ok NAME: why`, one line in any case (README.md). Promises: the same log,
 * STATES and SEED are the same states; a check that dies, ends or hangs is a bad state and ends
 * nothing; a disk that could not be built is none, and ends all. */
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
#define NOT_BUILT       "the disk of a state could not be built (is SCRATCH full?)"

/* `asks`: all that the check looks for; each of it is owed by some folder of the kind, else the
 * check asks nothing. The first `each` of them are owed by every one. */
static const struct {
    const char *name;
    crash_check check;
    owed_kind asks[OWED_KINDS];
    size_t asks_count, each;
    unsigned blind_from; /* of 4 states of a control, when so many are good */
} KINDS[] = {
    { "server", check_server,
      { OWED_READY, OWED_LOG, OWED_STORED, OWED_USED, OWED_HAS, OWED_KEYS, OWED_STRAY, OWED_GONE,
        OWED_WORDS },
      9, 9, 2 },
    { "restored", check_restored, { OWED_READY, OWED_LOG, OWED_WORDS, OWED_HAS }, 4, 4, 2 },
    { "phone", check_phone,
      { OWED_READY, OWED_LINK, OWED_OFFERED, OWED_SAVED, OWED_SHOWS, OWED_COUNTER, OWED_SENT,
        OWED_STORED, OWED_KEEPS, OWED_LETS, OWED_BEARS, OWED_KEYS, OWED_DRAFT, OWED_PIN,
        OWED_ANSWER },
      15, 8, 2 },
    { "backup", check_backup, { OWED_LOG }, 1, 1, 2 },
    { "export", check_export, { OWED_WHOLE }, 1, 1, 2 },
    { "stick", check_stick, { OWED_WHOLE }, 1, 1, 2 },
    /* Of its many files most are written once; when one write is lost it is mostly of an older
     * export. */
    { "published", check_published, { OWED_WHOLE }, 1, 1, 3 },
};
#define KINDS_COUNT (sizeof KINDS / sizeof KINDS[0])

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
    volatile bool is_building; /* its disk is on its way: what fails now is the rig */
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
    char name[160]; /* of the job, in its line */
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

/* The job's one line, when it cannot be done. */
_Noreturn static void give_up(const player *p, const char *why)
{
    printf("not ok %s: %s\n", p->name, why);
    fflush(stdout);
    exit(1);
}

/* ---- points ---- */

/* What a server answered is owed by its own folder; to a phone's it is a thing to know. The words
 * of another folder are owed by a restored one that is a store, and no sooner. */
static bool is_owed_here(const player *p, const owed *o)
{
    bool is_answer = o->kind == OWED_STORED || o->kind == OWED_USED;
    bool is_brought = p->check == check_restored && o->kind == OWED_WORDS;
    return (p->check == check_server || !is_answer) && !is_brought;
}

static void find_points(player *p)
{
    disk *d = disk_new(p->target, p->mode);
    size_t capacity = 0, next = 0;
    bool owes = false;
    for (size_t i = 0; i < p->log.count; i++) {
        bool differs = disk_apply(d, &p->log.ops[i]);
        for (; next < p->owed.count && p->owed.items[next].since == i; next++)
            if (is_owed_here(p, &p->owed.items[next]))
                differs = owes = true;
        if (!differs)
            continue;
        if (p->points_count == capacity) {
            capacity = capacity == 0 ? 1024 : capacity * 2;
            p->points = realloc(p->points, capacity * sizeof *p->points);
            if (p->points == NULL)
                abort();
        }
        p->points[p->points_count++] = (point){ i, disk_pending(d), owes };
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

/* The disk of one state in SCRATCH. */
static bool build_state(player *p, const state *s)
{
    play_to(p, s->at);
    p->tally->is_building = true;
    if (!disk_build(p->disk, s->cut, s->seed, p->scratch))
        return false;
    p->tally->is_building = false;
    return true;
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
    (void)snprintf(dir, sizeof dir, "%s/%s", p->scratch, p->target);
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
    if (p->mode != DISK_KEEPS_SYNCS)
        (void)!freopen("/dev/null", "w", stderr);
    while (p->tally->next < p->states_count) {
        (void)setitimer(ITIMER_PROF, &limit, NULL); /* a check that hangs is ended by SIGPROF */
        if (!build_state(p, &p->states[p->tally->next]))
            _exit(1); /* note_end sees that it was on its way */
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

/* A process that checked has ended before its last state: a signal, a sanitizer's report, an exit
 * of the code it tried. That state is bad; but a disk that was not built says nothing of any. */
static void note_end(player *p, int status)
{
    char why[100];
    if (WIFSIGNALED(status))
        (void)snprintf(why, sizeof why, "the program died: %s", strsignal(WTERMSIG(status)));
    else
        (void)snprintf(why, sizeof why, "the program ended with exit status %d",
                       WEXITSTATUS(status));
    if (p->tally->is_building)
        give_up(p, NOT_BUILT);
    note_bad(p->tally, p->tally->next, why);
    p->tally->done++;
    p->tally->next++;
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
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            give_up(p, "no process for a check");
        if (p->tally->next < p->states_count)
            note_end(p, status);
    }
    if (p->mode == DISK_KEEPS_SYNCS)
        print_bad(p, shown);
    disk_free(p->disk);
    p->disk = NULL;
}

/* ---- the whole ---- */

static void must_be_understood(const player *p, size_t kind, const char *root)
{
    char why[200], all[300];
    for (size_t i = 0; i < KINDS[kind].each; i++)
        if (!owed_any(&p->owed, KINDS[kind].asks[i], p->log.count)) {
            (void)snprintf(why, sizeof why, "the log owes nothing of `%s`",
                           owed_name(KINDS[kind].asks[i]));
            give_up(p, why);
        }
    disk *d = disk_new(p->target, DISK_KEEPS_SYNCS);
    for (size_t i = 0; i < p->log.count; i++)
        (void)disk_apply(d, &p->log.ops[i]);
    bool good = disk_is(d, root, p->scratch, why);
    disk_free(d);
    (void)snprintf(all, sizeof all, "the recorder missed something: %s", why);
    if (!good)
        give_up(p, all);
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
    if (!build_state(p, &s))
        give_up(p, NOT_BUILT);
    bool good = check_state(p, &s, why);
    printf("%sok %s %s%s\n", good ? "" : "not ", p->target, only, why);
    return good ? 0 : 1;
}

static int play_all(player *p, size_t want)
{
    struct timespec from, to;
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
    printf("%sok %s%s %zu states at %zu points, %zu bad, %.1f s\n", good ? "" : "not ", p->name,
           good ? "" : ":", done, p->points_count, bad, s);
    return good ? 0 : 1;
}

static size_t kind_of(const char *name)
{
    size_t i = 0;
    while (i < KINDS_COUNT && strcmp(KINDS[i].name, name) != 0)
        i++;
    return i;
}

/* ---- is everything asked? ---- */

static bool asks_for(size_t kind, owed_kind what)
{
    for (size_t i = 0; i < KINDS[kind].asks_count; i++)
        if (KINDS[kind].asks[i] == what)
            return true;
    return false;
}

/* What one folder owes, added to what those of its kind do. A mark that no check of the kind looks
 * for is a promise that nobody demands. */
static void note_owed(player *p, const char *folder, size_t kind, bool owes[][OWED_KINDS])
{
    char why[300];
    owed_read(&p->log, folder, p->name, &p->owed);
    for (size_t i = 0; i < p->owed.count; i++) {
        owed_kind what = p->owed.items[i].kind;
        owes[kind][what] = true;
        (void)snprintf(why, sizeof why, "no check of `%s` asks for its `%s`", folder,
                       owed_name(what));
        if (owed_is_mark(what) && !asks_for(kind, what))
            give_up(p, why);
    }
    owed_free(&p->owed);
}

static int check_promises(player *p)
{
    static bool owes[KINDS_COUNT][OWED_KINDS];
    char path[1200], folder[128], kind[32], why[300];
    size_t folders = 0, asked = 0;
    (void)snprintf(path, sizeof path, "%s/targets", p->side);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        give_up(p, "SIDE has no list of the folders");
    for (; fscanf(file, "%127s %31s", folder, kind) == 2; folders++) {
        if (kind_of(kind) == KINDS_COUNT)
            give_up(p, "a folder of no kind");
        note_owed(p, folder, kind_of(kind), owes);
    }
    (void)fclose(file);
    for (size_t i = 0; i < KINDS_COUNT; i++)
        for (size_t k = 0; k < KINDS[i].asks_count; k++, asked++)
            if (!owes[i][KINDS[i].asks[k]]) {
                (void)snprintf(why, sizeof why, "no %s is owed `%s`", KINDS[i].name,
                               owed_name(KINDS[i].asks[k]));
                give_up(p, why);
            }
    printf("ok %s %zu kinds of them in %zu folders\n", p->name, asked, folders);
    return 0;
}

/* ---- the arguments ---- */

static void read_settings(player *p, const char *folder)
{
    const char *control = setting("CONTROL", "");
    p->target = folder;
    p->scratch = setting("SCRATCH", "");
    p->catalogue = setting("CATALOGUE", "server/catalogue");
    p->random = strtoull(setting("SEED", "1"), NULL, 10);
    p->mode = strcmp(control, "syncs") == 0       ? DISK_IGNORES_SYNCS
              : strcmp(control, "fdatasync") == 0 ? DISK_IGNORES_FDATASYNC
                                                  : DISK_KEEPS_SYNCS;
    const char *name = p->mode == DISK_KEEPS_SYNCS     ? "cuts"
                       : p->mode == DISK_IGNORES_SYNCS ? "control_no_syncs"
                                                       : "control_no_fdatasync";
    (void)snprintf(p->name, sizeof p->name, "%s_%.128s", name, folder);
}

static int play(player *p, size_t kind, const char *root)
{
    char data[1200];
    const char *only = setting("ONLY", "");
    p->check = KINDS[kind].check;
    p->blind_from = KINDS[kind].blind_from;
    (void)snprintf(data, sizeof data, "%s/%s", root,
                   p->check == check_restored ? p->target : "data");
    if (p->scratch[0] == '\0' || !final_log_read(data, &p->final))
        give_up(p, "nothing to replay (is SCRATCH set?)");
    owed_read(&p->log, p->target, p->name, &p->owed);
    must_be_understood(p, kind, root);
    return only[0] != '\0' ? play_only(p, only)
                           : play_all(p, strtoul(setting("STATES", "200"), NULL, 10));
}

int main(int argc, char **argv)
{
    static player one = { .name = "promises" }; /* what it has read stays to the end */
    player *p = &one;
    if (argc != 4 && (argc != 6 || kind_of(argv[5]) == KINDS_COUNT)) {
        fprintf(stderr, "usage: replay LOG ROOT SIDE [FOLDER KIND] (see the head of replay.c)\n");
        return 2;
    }
    p->side = argv[3];
    if (argc == 6)
        read_settings(p, argv[4]);
    p->tally =
        mmap(NULL, sizeof *p->tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->tally == MAP_FAILED || !oplog_read(argv[1], &p->log))
        give_up(p, "the log cannot be read");
    return argc == 4 ? check_promises(p) : play(p, kind_of(argv[5]), argv[2]);
}
