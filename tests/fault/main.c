/* tests/fault/main.c - sweeps: for each scene and family counts the calls of a run in which all
 * goes well, then plays it again and again with the first call failing, the second, ... each in a
 * process of its own, so that a crash is one line.
 * usage: fault-rig short|long|threads      environment: SCENE= FAMILY= MODE=once|on N= SCRATCH= */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/try.h"

#define JOBS        2
#define TRY_SECONDS 20
#define SHORT_TRIES 6u /* of each family */
#define SAID_MAX    3u
/* How a try ends, but for FAULT_ENDED: a server that hung while it stopped, of whose try nothing is
 * known. That happens seldom. 0 is none of them: no program ends by itself. */
#define GOOD        7
#define NOT_REACHED 5
#define ENDED_MAX   3u
/* How a scene ends, or with 1. */
#define NOT_TRIED   8
#define PATH_BYTES  160

/* What is asked for; NULL and 0: everything. */
static const char *only_scene, *only_family, *only_mode;
static uint64_t only_n;

typedef struct {
    const scene *what;
    const fault_family *family;
    uint64_t calls, step;
    char root[96];
    stage before;
    unsigned tries, failed, fired, ended, tries_in_all;
} sweep;

typedef struct {
    pid_t pid; /* 0: free */
    uint64_t n;
    bool on;
    char dir[PATH_BYTES], log[PATH_BYTES];
} job;

/* ---- one try in a process of its own ---- */

static void start(sweep *w, job *j, size_t slot, uint64_t n, bool on)
{
    (void)snprintf(j->dir, sizeof j->dir, "%s/run%zu", w->root, slot);
    (void)snprintf(j->log, sizeof j->log, "%s/log%zu", w->root, slot);
    j->n = n;
    j->on = on;
    j->pid = fork();
    if (j->pid < 0)
        stage_die("fork", strerror(errno));
    if (j->pid > 0)
        return;
    int log = open(j->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(4);
    (void)close(log);
    (void)alarm(TRY_SECONDS);
    char from[PATH_BYTES];
    (void)snprintf(from, sizeof from, "%s/before", w->root);
    const try_how how = { w->what, w->family, n, on, false, from, j->dir };
    (void)try_scene(&how, &w->before);
    _exit(fault_fired() ? GOOD : NOT_REACHED);
}

static void say_log(const job *j)
{
    char line[512];
    FILE *log = fopen(j->log, "re");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        printf("    %s", line);
    if (log != NULL)
        (void)fclose(log);
}

static void finish(sweep *w, job *j, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    j->pid = 0;
    w->tries++;
    w->tries_in_all++;
    w->fired += code == GOOD;
    w->ended += code == FAULT_ENDED;
    stage_remove(j->dir);
    if (code == GOOD || code == NOT_REACHED || code == FAULT_ENDED)
        return;
    if (++w->failed > SAID_MAX && only_n == 0)
        return;
    printf("  failed: SCENE=%s FAMILY=%s MODE=%s N=%llu tests/fault/run\n", w->what->name,
           w->family->name, j->on ? "on" : "once", (unsigned long long)j->n);
    if (WIFSIGNALED(status))
        printf("    %s\n", WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status)));
    if (code == 0)
        printf("    it ended by itself, as if all were well\n");
    say_log(j);
    (void)fflush(stdout);
}

static void wait_one(sweep *w, job *jobs, size_t count)
{
    int status = 0;
    pid_t pid = wait(&status);
    for (size_t i = 0; i < count; i++)
        if (jobs[i].pid == pid)
            finish(w, &jobs[i], status);
}

/* ---- all of one family in one scene ---- */

static const fault_family *find_family(const char *name)
{
    const fault_family *family = fault_families();
    while (family->name != NULL && strcmp(family->name, name) != 0)
        family++;
    if (family->name == NULL)
        stage_die("no such family", name);
    return family;
}

static void sweep_family(sweep *w)
{
    job jobs[JOBS] = { { 0 } };
    w->tries = w->failed = w->fired = w->ended = 0;
    for (uint64_t n = 1; n <= w->calls; n++) {
        for (int on = 0; on < 2; on++) {
            if (only_mode != NULL && strcmp(only_mode, on == 1 ? "on" : "once") != 0)
                continue;
            /* The two modes take turns, so that together they fail twice as many calls. */
            uint64_t at = n + (on == 1 ? w->step / 2 : 0);
            if (only_n == 0 ? at % w->step != 1 % w->step : n != only_n)
                continue;
            size_t slot = 0;
            while (slot < JOBS && jobs[slot].pid != 0)
                slot++;
            if (slot == JOBS) {
                wait_one(w, jobs, JOBS);
                for (slot = 0; jobs[slot].pid != 0;)
                    slot++;
            }
            start(w, &jobs[slot], slot, n, on == 1);
        }
    }
    for (size_t i = 0; i < JOBS; i++)
        while (jobs[i].pid != 0)
            wait_one(w, jobs, JOBS);
}

/* Fails when one that was mended fails again. */
static int play_cases(sweep *w)
{
    char line[256], name[32], family[32], mode[8];
    unsigned long long n = 0;
    FILE *file = fopen("tests/fault/cases.txt", "re");
    if (file == NULL)
        stage_die("tests/fault/cases.txt", strerror(errno));
    w->tries = w->failed = w->fired = w->ended = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%31s %31s %7s %llu", name, family, mode, &n) != 4 ||
            strcmp(name, w->what->name) != 0)
            continue;
        job one = { 0 };
        w->family = find_family(family);
        start(w, &one, 0, n, strcmp(mode, "on") == 0);
        wait_one(w, &one, 1);
    }
    (void)fclose(file);
    bool good = w->failed == 0 && w->fired == w->tries;
    if (w->tries > 0)
        printf("%sok fault/%s cases: %u tries, %u reached their call, %u went wrong\n",
               good ? "" : "not ", w->what->name, w->tries, w->fired, w->failed);
    (void)fflush(stdout);
    return !good;
}

static int report(const sweep *w)
{
    if (w->tries == 0)
        return 0;
    bool good = w->failed == 0 && w->fired > 0 && w->ended <= ENDED_MAX;
    printf("%sok fault/%s %s: %u tries, %u reached their call, %u went wrong; %llu calls",
           good ? "" : "not ", w->what->name, w->family->name, w->tries, w->fired, w->failed,
           (unsigned long long)w->calls);
    if (w->ended > 0)
        printf("; %u hung while they stopped", w->ended);
    printf("\n");
    (void)fflush(stdout);
    return !good;
}

/* ---- a scene ---- */

static void prepare(sweep *w)
{
    char dir[PATH_BYTES];
    stage *s = &w->before;
    memset(s, 0, sizeof *s);
    (void)snprintf(s->dir, sizeof s->dir, "%s/before", w->root);
    if (mkdir(s->dir, 0700) != 0)
        stage_die(s->dir, strerror(errno));
    stage_catalogue(s, w->root);
    st_buffer_init(&s->out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&s->err, 1u << 16);
    if (w->what->prepare != NULL)
        w->what->prepare(s);
    stage_close(s);
    st_buffer_free(&s->err);
    /* Twice well: what libraries do once in a process is done, then the calls are counted. */
    for (int i = 0; i < 2; i++) {
        (void)snprintf(dir, sizeof dir, "%s/well%d", w->root, i);
        const try_how how = { w->what, NULL, 0, false, i == 0, s->dir, dir };
        stage end = try_scene(&how, s);
        s->well = end.well;
        memcpy(s->heard, end.heard, sizeof s->heard);
        stage_remove(dir);
    }
}

static uint64_t step_for(uint64_t calls, uint64_t tries_max)
{
    return tries_max == 0 || 2 * calls <= tries_max ? 1 : (2 * calls + tries_max - 1) / tries_max;
}

/* A scene counts every class that its row names, or a stand-in has gone blind. */
static int say_blind(const sweep *w, const uint64_t calls[CALL_COUNT])
{
    int failed = 0;
    for (const fault_family *f = fault_families(); f->name != NULL; f++) {
        if ((w->what->calls & 1u << f->call) == 0 || calls[f->call] > 0)
            continue;
        printf("not ok fault/%s %s: none of its calls was made\n", w->what->name, f->name);
        failed = 1;
    }
    return failed;
}

static int run_scene(const scene *what, const char *scratch, uint64_t tries_max)
{
    sweep w = { .what = what };
    int failed = 0;
    (void)snprintf(w.root, sizeof w.root, "%s/%s", scratch, what->name);
    if (mkdir(w.root, 0700) != 0)
        stage_die(w.root, strerror(errno));
    prepare(&w);
    uint64_t calls[CALL_COUNT];
    for (int i = 0; i < CALL_COUNT; i++)
        calls[i] = fault_calls((fault_call)i);
    failed |= say_blind(&w, calls);
    if (only_n == 0 && only_family == NULL)
        failed |= play_cases(&w);
    for (const fault_family *f = fault_families(); f->name != NULL; f++) {
        if ((what->calls & 1u << f->call) == 0 || calls[f->call] == 0)
            continue;
        if (only_family != NULL && strcmp(only_family, f->name) != 0)
            continue;
        w.family = f;
        w.calls = calls[f->call];
        w.step = step_for(w.calls, what == scenes() ? 0 : tries_max); /* the first one: all */
        sweep_family(&w);
        failed |= report(&w);
    }
    return failed != 0 ? failed : w.tries_in_all > 0 ? 0 : NOT_TRIED;
}

/* A process of its own: what libraries keep for a process is that of this scene. Answers how it
 * ended: 0, 1 or NOT_TRIED. */
static int run_apart(const scene *what, const char *scratch, uint64_t tries_max)
{
    int status = 0;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int code = run_scene(what, scratch, tries_max);
        (void)fflush(stdout);
        _exit(code);
    }
    (void)waitpid(pid, &status, 0);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == 0 || code == 1 || code == NOT_TRIED)
        return code;
    printf("not ok fault/%s: it does not run even when all goes well\n", what->name);
    return 1;
}

/* MODE is make's word too, for how a program is built: then both modes are tried. */
static const char *mode_asked(void)
{
    const char *mode = getenv("MODE");
    bool is_ours = mode != NULL && (strcmp(mode, "once") == 0 || strcmp(mode, "on") == 0);
    return is_ours ? mode : NULL;
}

int main(int argc, char **argv)
{
    const char *scratch = getenv("SCRATCH");
    const char *n = getenv("N");
    const char *tries = getenv("TRIES");
    (void)atexit(fault_disarm); /* what a mode writes at the end of a process, as its counts */
    only_scene = getenv("SCENE");
    only_family = getenv("FAMILY");
    only_mode = mode_asked();
    only_n = n == NULL ? 0 : strtoull(n, NULL, 10);
    if (argc != 2 || scratch == NULL) {
        (void)fprintf(stderr, "usage: SCRATCH=DIR fault-rig short|long|threads (tests/fault)\n");
        return 2;
    }
    bool tried = false, failed = false;
    bool threads = strcmp(argv[1], "threads") == 0; /* only the scenes that start some */
    uint64_t tries_max = threads || strcmp(argv[1], "short") == 0 ? SHORT_TRIES : 0;
    if (tries != NULL)
        tries_max = strtoull(tries, NULL, 10);
    for (const scene *what = scenes(); what->name != NULL; what++) {
        if ((only_scene != NULL && strcmp(only_scene, what->name) != 0) ||
            (threads && !what->threaded))
            continue;
        int code = run_apart(what, scratch, tries_max);
        tried = tried || code != NOT_TRIED;
        failed = failed || code == 1;
    }
    if (!tried)
        printf("not ok fault: nothing was tried; no such scene, family, mode or call\n");
    return failed || !tried ? 1 : 0;
}
