/* server/main.c - sotayd: opens the rooms, opens the door, waits for a signal, closes in order.
 * Promises that whatever was acknowledged is on disk when it ends. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/config.h"
#include "server/http/http.h"
#include "server/operator/again.h"
#include "server/operator/running.h"
#include "server/sync/cutter.h"
#include "server/sync/own_clock.h"

typedef struct {
    const char *data, *listen, *config_path;
    server_config config;
} options;

static const char HELP[] =
    "usage: sotayd --data DIR [--listen ADDRESS:PORT] [--config FILE]\n"
    "\n"
    "Serves the book in DIR (made by `sotayctl --data DIR init`) to phones and office.\n"
    "Prints `ready URL` when it accepts requests; ends on SIGTERM or SIGINT; reads its\n"
    "configuration again on SIGHUP.\n"
    "\n"
    "  --data DIR             the data folder; one process serves it\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1:8080; port 0 picks a free one\n"
    "  --config FILE          `name = value` lines:\n";

static void print_help(void)
{
    fputs(HELP, stdout);
    printf("      %-18s %s\n", "listen", "ADDRESS:PORT");
    printf("      %-18s %s\n", "public_url", "what enrolment links name");
#define X(name, preset, least, most, unit, meaning) \
    printf("      %-18s %s (%s, default %d)\n", #name, meaning, unit, preset);
    CONFIG_NUMBERS(X)
#undef X
    printf("      %-18s %s (default 4G)\n", "files_per_device", CONFIG_FILES_MEANING);
}

static int fail(const char *what, const st_error *error)
{
    fprintf(stderr, "sotayd: %s: %s\n", what, error->detail);
    return 1;
}

/* Returns -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, options *out)
{
    static const struct option NAMES[] = {
        { "data", required_argument, NULL, 'd' },   { "listen", required_argument, NULL, 'l' },
        { "config", required_argument, NULL, 'c' }, { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },      { NULL, 0, NULL, 0 },
    };
    int c;
    while ((c = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        switch (c) {
        case 'd': out->data = optarg; break;
        case 'l': out->listen = optarg; break;
        case 'c': out->config_path = optarg; break;
        case 'h': print_help(); return 0;
        case 'v': puts("sotayd " SOTAY_VERSION); return 0;
        default: return 2;
        }
    }
    if (out->data == NULL || optind != argc) {
        fprintf(stderr, "sotayd: usage: --data DIR is needed (see --help)\n");
        return 2;
    }
    return -1;
}

static st_err read_config(options *opt, st_error *error)
{
    config_init(&opt->config);
    st_err err = ST_OK;
    if (opt->config_path != NULL)
        err = config_read(opt->config_path, &opt->config, error);
    if (err == ST_OK && opt->listen != NULL)
        snprintf(opt->config.listen, sizeof opt->config.listen, "%s", opt->listen);
    return err;
}

static http_config door_of(const server_config *config)
{
    return (http_config){ .listen = config->listen, .threads = config->threads,
                          .per_address = config->per_address,
                          .body_deadline_s = config->body_deadline_s,
                          .quiet = config->log_requests == 0,
                          .public_url = config->public_url };
}

/* The note for sotayctl, as soon as it can be written: phones are served meanwhile. */
typedef struct {
    running_server run;
    bool is_written;
} note;

static st_err leave_note(server *rooms, note *n, st_error *error)
{
    bool is_full = false;
    st_err err = running_write(rooms->dir, &n->run, &is_full, error);
    n->is_written = err == ST_OK;
    return is_full ? ST_OK : err;
}

static void leave_note_later(server *rooms, note *n)
{
    st_error error = { 0 };
    if (!n->is_written && leave_note(rooms, n, &error) == ST_OK && n->is_written)
        fprintf(stderr, "sotayd: there is room on the disk again\n");
}

/* All that runs. */
typedef struct {
    server *rooms;
    http_server *http;
    cutter *cutter;
    note note;
} house;

static void tell_said(const char *words)
{
    fprintf(stderr, "sotayd: said again in the new epoch: %s\n", words);
}

static st_err write_nothing(writer_turn *turn, void *argument, st_error *error)
{
    (void)turn, (void)argument, (void)error;
    return ST_OK;
}

/* The turn writes the note by itself. On a disk that fails it is tried again. */
static void note_clock(server *rooms)
{
    st_error error = { 0 };
    writer_job job = { .run = write_nothing };
    if (own_clock_look(rooms->sync.clock) && writer_submit(rooms->writer, &job, &error) == ST_OK)
        fprintf(stderr, "sotayd: the clock was set: noted, see `sotayctl audit list clocks`\n");
}

/* True: nothing is taken in yet. */
static bool waits_for_clock(server *rooms)
{
    own_clock *clock = rooms->sync.clock;
    st_error error = { 0 };
    if (!own_clock_waits(clock)) {
        note_clock(rooms);
        return false;
    }
    (void)own_clock_look(clock);
    if (!own_clock_is_right(clock))
        return true;
    if (operator_begin(rooms, "en", tell_said, &error) != ST_OK)
        (void)fail("cannot go on", &error);
    else if (!own_clock_waits(clock))
        fprintf(stderr, "sotayd: the clock is right now: the book goes on\n");
    return own_clock_waits(clock);
}

static int wait_for_end(options *opt, house *all, const sigset_t *set)
{
    server *rooms = all->rooms;
    const struct timespec SECOND = { 1, 0 };
    for (unsigned seconds = 1;; seconds++) {
        int got = sigtimedwait(set, NULL, &SECOND);
        if (got == SIGTERM || got == SIGINT)
            return 0;
        bool waits = waits_for_clock(rooms);
        if (!waits && side_is_rolled_back(rooms->sync.side)) {
            fprintf(stderr, "sotayd: %s\n", SYNC_ROLLED_BACK);
            return 1;
        }
        leave_note_later(rooms, &all->note);
        if (!waits && (seconds % 60 == 0 || got == SIGHUP)) {
            store_tidy(rooms->sync.store);
            side_sync(rooms->sync.side);
        }
        if (got != SIGHUP)
            continue;
        st_error error = { 0 };
        if (read_config(opt, &error) != ST_OK) {
            (void)fail("configuration kept as it was", &error);
            continue;
        }
        http_config door = door_of(&opt->config);
        http_configure(all->http, &door);
        cutter_configure(all->cutter, opt->config.snapshot_quiet_s);
        rooms->sync.files_per_device = opt->config.files_per_device;
        fprintf(stderr, "sotayd: configuration read again\n");
    }
}

static st_err open_door(options *opt, house *all, st_error *error)
{
    http_config door = door_of(&opt->config);
    running_server *run = &all->note.run;
    st_err err = cutter_new(&all->rooms->sync, opt->config.snapshot_quiet_s, &all->cutter, error);
    all->rooms->sync.files_per_device = opt->config.files_per_device;
    running_token(all->rooms, run->token);
    if (err == ST_OK)
        err = http_start(all->rooms, &door, run->token, &all->http, error);
    if (err != ST_OK)
        return err;
    snprintf(run->url, sizeof run->url, "%s", http_url(all->http));
    snprintf(run->public_url, sizeof run->public_url, "%s", http_public_url(all->http));
    return ST_OK;
}

static int serve(options *opt, server *rooms, const sigset_t *set)
{
    st_error error = { 0 };
    house all = { .rooms = rooms };
    if (open_door(opt, &all, &error) != ST_OK) {
        cutter_free(all.cutter);
        rooms_close(rooms);
        return fail("cannot listen", &error);
    }
    int code = 0;
    if (leave_note(rooms, &all.note, &error) != ST_OK) {
        code = fail("cannot start", &error);
    } else {
        if (!all.note.is_written)
            fprintf(stderr, "sotayd: %s: sotayctl does not find this server until there is room; "
                    "what is read is given, what cannot be written is refused\n", error.detail);
        printf("ready %s\n", all.note.run.url);
        fflush(stdout);
        code = wait_for_end(opt, &all, set);
    }
    running_remove(rooms->dir);
    cutter_free(all.cutter);
    if (!http_drain(all.http, opt->config.drain_ms))
        fprintf(stderr, "sotayd: some requests were not answered; they will come again\n");
    else
        rooms_close(rooms);
    http_stop(all.http);
    return code;
}

/* A request takes some MB and gives them back: kept for the next one instead of being unmapped and
 * faulted in again, which cost a seventh of a push. Few heaps, so that hundreds of workers do not
 * each keep one. */
static void tune_memory(void)
{
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

int main(int argc, char **argv)
{
    tune_memory();
    options opt = { 0 };
    int code = read_options(argc, argv, &opt);
    if (code >= 0)
        return code;
    st_error error = { 0 };
    if (read_config(&opt, &error) != ST_OK)
        return fail("configuration", &error);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    server rooms = { 0 };
    progress work = { .tell = NULL };
    rooms_how how = { .dir = opt.data, .threaded = true, .progress = &work };
    if (rooms_open(&how, &rooms, &error) != ST_OK)
        return fail("cannot open", &error);
    if (own_clock_waits(rooms.sync.clock))
        fprintf(stderr, "sotayd: %s\n", OWN_CLOCK_WAITS);
    else if (operator_say_again(&rooms, "en", tell_said, &error) != ST_OK) {
        rooms_close(&rooms);
        return fail("cannot say again what took rights away", &error);
    }
    return serve(&opt, &rooms, &set);
}
