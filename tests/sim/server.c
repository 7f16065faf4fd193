/* tests/sim/server.c - the server's process: started, asked, killed, started again. Promises that
 * what the process had in memory is gone after a kill, and that an answer is given only by a
 * process that lived until it was whole. */
#include "tests/sim/sim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/http/request.h"
#include "server/operator/again.h"
#include "server/operator/operator.h"
#include "server/sync/own_clock.h"

/* The notes beside the store lie on the real disk, where a process that is dead here goes on
 * writing: they are not simulated. A store that lost what it said is found out by phones alone. */
static void forget_notes(sim_world *w)
{
    static const char *const NOTES[] = { "size", "words" };
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/side/%s", w->disk.dir, NOTES[i]);
        (void)unlink(path);
    }
}

/* A store that was put back is said on stderr, in every world that does it. */
static st_err open_rooms(sim_world *w, st_error *error)
{
    rooms_how how = { .dir = w->disk.dir, .port = &w->port };
    bool is_quiet = w->restores > 0 && !w->is_traced;
    int nowhere = is_quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    int before = nowhere >= 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    if (before >= 0)
        (void)dup2(nowhere, STDERR_FILENO);
    st_err err = rooms_open(&how, &w->rooms, error);
    if (before >= 0)
        (void)dup2(before, STDERR_FILENO);
    if (before >= 0)
        (void)close(before);
    if (nowhere >= 0)
        (void)close(nowhere);
    return err;
}

/* Killed once more, while it begins a new epoch: started again like after any other kill. */
static bool is_killed_at_start(sim_world *w, st_err err)
{
    if (!w->disk.is_dead)
        return false;
    if (err == ST_OK)
        rooms_close(&w->rooms);
    w->back_ms = w->now_ms + 500;
    w->disk.struck = DISK_GOOD; /* counted here */
    sim_count(w, SIM_KILL_AT_START);
    return true;
}

static void no_words(const char *words)
{
    (void)words;
}

static bool goes_on(sim_world *w)
{
    return own_clock_is_right(w->rooms.sync.clock) &&
           operator_begin(&w->rooms, "en", no_words, NULL) == ST_OK;
}

/* Where nobody may say it by name yet, it is the operator. */
static bool accepts(sim_world *w)
{
    int code = SIM_CTL(w, "clock", "accept", "--reason", "đúng giờ");
    return code == 0 ||
           (code == 2 && SIM_CTL(w, "clock", "accept", "--as", "head", "--reason", "ok") == 0);
}

/* A clock that lies more than a day before the book is put right every second time. Else, or when
 * it was ahead before, the office says that it is right. On a full disk it is said again. */
static void end_wait(sim_world *w)
{
    if (!own_clock_waits(w->rooms.sync.clock) || w->disk.is_dead)
        return;
    sim_count(w, SIM_CLOCK_WAITS);
    if ((w->now_ms / 1000 + w->clock_waits++) % 2 == 0)
        w->server_skew_ms = 0;
    if (goes_on(w))
        sim_count(w, SIM_CLOCK_RIGHT);
    else if (w->disk.is_dead)
        sim_server_look(w);
    else if (accepts(w))
        sim_count(w, SIM_CLOCK_ACCEPTED);
    else if (w->is_up && !w->disk.is_full)
        sim_fail(w, "the server waits for its clock for ever: %.*s", (int)w->err.len,
                 (const char *)w->err.data);
}

void sim_server_start(sim_world *w)
{
    st_error error = { 0 };
    sim_disk_power_cut(&w->disk);
    w->disk.fault = w->start_fault;
    w->start_fault = DISK_GOOD;
    forget_notes(w);
    st_err err = open_rooms(w, &error);
    if (is_killed_at_start(w, err))
        return;
    w->disk.fault = w->disk.struck = DISK_GOOD;
    if (err != ST_OK)
        sim_fail(w, "the server does not start: %s", error.detail);
    w->is_up = true;
    if (w->is_unanswered)
        sim_note_unanswered(w);
    end_wait(w);
    if (!w->is_up)
        return;
    w->rooms.sync.files_per_device = w->files_limit;
    sim_check_promises(w);
    if (w->is_fresh) /* the first thing after a restore is another backup */
        sim_yesterday_take(w);
    w->is_fresh = false;
}

void sim_server_stop(sim_world *w, int64_t ms)
{
    if (!w->is_up)
        return;
    rooms_close(&w->rooms);
    sim_disk_power_cut(&w->disk);
    w->is_up = false;
    w->back_ms = w->now_ms + ms;
    sim_say(w, " [server gone for %lld s]", (long long)(ms / 1000));
}

/* What befell the disk, once it did. */
static void count_strikes(sim_world *w)
{
    static const sim_counter COUNTERS[] = { [DISK_KILL_BEFORE] = SIM_KILL_BEFORE,
                                            [DISK_KILL_AFTER] = SIM_KILL_AFTER,
                                            [DISK_EIO_LOST] = SIM_EIO_LOST,
                                            [DISK_EIO_KEPT] = SIM_EIO_KEPT,
                                            [DISK_FULL] = SIM_DISK_FULL };
    disk_fault struck = w->disk.struck;
    if (struck != DISK_GOOD)
        sim_count(w, COUNTERS[struck]);
    if (w->disk.has_grown)
        sim_count(w, SIM_MAP_GROWN);
    w->is_unanswered =
        w->is_unanswered || struck == DISK_KILL_AFTER || struck == DISK_EIO_KEPT;
    w->disk.struck = DISK_GOOD;
    w->disk.has_grown = false;
}

void sim_server_look(sim_world *w)
{
    count_strikes(w);
    if (!w->is_up)
        return;
    if (w->disk.is_rolled_back)
        sim_fail(w, "the server takes its store for one that was put back");
    const char *failure = store_failure(w->rooms.sync.store);
    bool is_broken = failure != NULL && !w->disk.is_full;
    if (w->disk.is_dead || is_broken)
        sim_server_stop(w, sim_between(&w->random, 500, 60000));
}

static void fetch(http_request *request, const net_fetch *asked)
{
    char range[40];
    (void)snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)asked->from);
    request->method = "GET";
    request->path = asked->path;
    request->signed_head = asked->head;
    request->range = range;
    http_handle_snapshot(request);
}

static void handle_pieces(sim_world *w, http_request *request)
{
    bool dies_here = w->disk.piece_kill_in > 0;
    request->method = strcmp(request->path, "/v1/chunks") == 0 ? "PUT" : "POST";
    http_handle_have(request);
    if (dies_here && w->disk.is_dead)
        sim_count(w, SIM_PIECE_KILL);
}

int sim_server_answer(sim_world *w, const net_message *asked, st_buffer *out_reply)
{
    http_request request;
    memset(&request, 0, sizeof request);
    end_wait(w);
    if (!w->is_up)
        return 0;
    request.rooms = &w->rooms;
    request.method = "POST";
    request.path = asked->path;
    request.status = 200;
    request.body = asked->bytes;
    request.body_len = asked->len;
    st_buffer_init(&request.reply, ST_BODY_BYTES_MAX);
    sim_repairs_hear(w, asked);
    if (asked->is_fetch)
        fetch(&request, &asked->fetch);
    else if (strcmp(asked->path, "/v1/enrol") == 0)
        http_handle_enrol(&request);
    else if (strcmp(asked->path, "/v1/sync") == 0)
        http_handle_sync(&request);
    else
        handle_pieces(w, &request);
    w->report->requests++;
    if (w->disk.is_dead) {
        st_buffer_free(&request.reply);
        request.status = 0;
    } else {
        sim_check_answer(w, asked, request.status, &request.reply);
    }
    *out_reply = request.reply;
    sim_server_look(w);
    return request.status;
}

int sim_ctl(sim_world *w, const char *const *words)
{
    size_t count = 0;
    if (w->is_up && strcmp(words[0], "clock") != 0)
        end_wait(w);
    st_buffer_clear(&w->out);
    st_buffer_clear(&w->err);
    if (!w->is_up)
        return -1;
    while (words[count] != NULL)
        count++;
    operator_call call = { .rooms = &w->rooms,
                           .argv = words,
                           .argc = count,
                           .lang = "en",
                           .offset_minutes = 420,
                           .public_url = "http://127.0.0.1:1",
                           .out = &w->out,
                           .err = &w->err };
    int code = operator_run(&call);
    if (st_buffer_append(&w->out, "", 1, NULL) != ST_OK ||
        st_buffer_append(&w->err, "", 1, NULL) != ST_OK)
        abort();
    if (w->disk.is_dead)
        code = -1;
    else if (code == 0)
        sim_note_log(w);
    sim_server_look(w);
    return code;
}
