/* client-lib/ports/curl_watch.c - what a transfer does, and when it takes too long.
 * Promises: each stage ends by itself - connecting, sending, the first byte, receiving - and says
 * which one it was.
 * Never: stops a line that is slow and goes on. */
#include "client-lib/ports/curl_watch.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "client-lib/ports/posix.h"

#define CONNECT_TIMEOUT_MS 10000L
#define STALL_TIMEOUT_S    30L
#define ANSWER_TIMEOUT_S   60L
#define LEAST_BYTES_A_S    32u
#define TELL_MS            250u
#define PAUSE_MS           100u
/* Twice this at most lies in this machine and counts as sent: 8 s of a line of 64 kbit/s. */
#define SEND_ROOM_BYTES 32768

const char *sotay_stage_name(sotay_stage stage)
{
    static const char *const NAMES[] = { "connect", "send", "answer", "receive", "pause" };
    return (size_t)stage < sizeof NAMES / sizeof NAMES[0] ? NAMES[stage] : "unknown";
}

static uint64_t mono_ms(void)
{
    int64_t wall = 0;
    uint64_t mono = 0;
    posix_now(NULL, &wall, &mono);
    return mono;
}

/* A stage may have begun after `now` was read. */
static uint64_t since(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

uint64_t curl_watch_run_ms(const curl_watch *watch)
{
    return since(watch->begun_ms, mono_ms());
}

void curl_watch_begin(curl_watch *watch, const sotay_curl_how *how)
{
    memset(watch, 0, sizeof *watch);
    watch->how = how;
    watch->begun_ms = watch->told_ms = mono_ms();
}

static void tell(curl_watch *watch, uint64_t now)
{
    if (watch->how->progress == NULL)
        return;
    watch->told_ms = now;
    watch->now.run_ms = since(watch->begun_ms, now);
    watch->how->progress(watch->how->context, &watch->now);
}

static void enter(curl_watch *watch, sotay_stage stage)
{
    watch->now.stage = stage;
    watch->stage_ms = watch->mark_ms = mono_ms();
    watch->mark_bytes = watch->up + watch->down;
    tell(watch, watch->stage_ms);
}

/* ---- what libcurl calls ---- */

static int take_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    int room = SEND_ROOM_BYTES;
    (void)context;
    (void)purpose;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return CURL_SOCKOPT_OK;
}

static int is_connected(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    enter(context, SOTAY_STAGE_SEND);
    return CURL_PREREQFUNC_OK;
}

static size_t take_head(char *data, size_t size, size_t count, void *context)
{
    curl_watch *watch = context;
    (void)data;
    if (watch->now.stage == SOTAY_STAGE_SEND) /* it answered before we looked */
        enter(watch, SOTAY_STAGE_ANSWER);
    if (watch->now.stage != SOTAY_STAGE_RECEIVE)
        enter(watch, SOTAY_STAGE_RECEIVE);
    return size * count;
}

/* Does the present stage move as it must? */
static bool is_stuck(curl_watch *watch, uint64_t now)
{
    const sotay_curl_how *how = watch->how;
    long stall_s = how->stall_timeout_s > 0 ? how->stall_timeout_s : STALL_TIMEOUT_S;
    long answer_s = how->answer_timeout_s > 0 ? how->answer_timeout_s : ANSWER_TIMEOUT_S;
    sotay_stage stage = watch->now.stage;
    if (stage == SOTAY_STAGE_CONNECT)
        return false; /* libcurl's own limit */
    if (stage == SOTAY_STAGE_ANSWER)
        return since(watch->stage_ms, now) >= (uint64_t)answer_s * 1000;
    if (since(watch->mark_ms, now) < (uint64_t)stall_s * 1000)
        return false;
    uint64_t moved = watch->up + watch->down - watch->mark_bytes;
    watch->mark_ms = now;
    watch->mark_bytes = watch->up + watch->down;
    return moved < LEAST_BYTES_A_S * (uint64_t)stall_s;
}

static int look(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                curl_off_t up)
{
    static const sotay_why WHYS[] = { SOTAY_WHY_CONNECT, SOTAY_WHY_SEND, SOTAY_WHY_ANSWER,
                                      SOTAY_WHY_RECEIVE, SOTAY_WHY_CUT };
    curl_watch *watch = context;
    uint64_t now = mono_ms();
    (void)down_total;
    (void)up_total;
    watch->up = (uint64_t)up;
    watch->down = (uint64_t)down;
    if (watch->now.stage == SOTAY_STAGE_SEND && watch->up >= watch->now.up_total)
        enter(watch, SOTAY_STAGE_ANSWER);
    watch->now.bytes_up = watch->now.report.bytes_up + watch->up;
    watch->now.bytes_down = watch->now.report.bytes_down + watch->down;
    watch->now.up_left = watch->now.up_total > watch->up ? watch->now.up_total - watch->up : 0;
    if (now >= watch->told_ms + TELL_MS)
        tell(watch, now);
    if (!is_stuck(watch, now))
        return 0;
    watch->why = WHYS[watch->now.stage];
    return 1;
}

/* ---- the driver's side ---- */

bool curl_watch_set(curl_watch *watch, CURL *curl)
{
    const sotay_curl_how *how = watch->how;
    long connect_ms = how->connect_timeout_ms > 0 ? how->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    return curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, take_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, is_connected) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PREREQDATA, watch) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, watch) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, watch) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

void curl_watch_next(curl_watch *watch, const sotay_report *report, uint64_t body_bytes)
{
    /* The library has counted this request when it was made. */
    watch->up = watch->down = 0;
    watch->why = SOTAY_WHY_NONE;
    watch->now.report = *report;
    watch->now.report.bytes_up -= body_bytes;
    watch->now.up_total = watch->now.up_left = body_bytes;
    watch->now.bytes_up = watch->now.report.bytes_up;
    watch->now.bytes_down = watch->now.report.bytes_down;
    watch->now.why = SOTAY_WHY_NONE;
    watch->now.wait_ms = 0;
    enter(watch, SOTAY_STAGE_CONNECT);
}

sotay_why curl_watch_why(const curl_watch *watch, CURLcode code)
{
    if (watch->why != SOTAY_WHY_NONE)
        return watch->why;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return SOTAY_WHY_NAME;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: return SOTAY_WHY_CONNECT; /* the only limit it was given */
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return SOTAY_WHY_SECURITY;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return SOTAY_WHY_HERE;
    default: return SOTAY_WHY_CUT;
    }
}

void curl_watch_pause(curl_watch *watch, uint64_t wait_ms, const sotay_report *report,
                      sotay_why why)
{
    uint64_t begun = mono_ms(), now = begun;
    watch->now.report = *report;
    watch->now.stage = SOTAY_STAGE_PAUSE;
    watch->now.why = why;
    watch->now.up_total = watch->now.up_left = 0;
    while (now - begun < wait_ms) {
        uint64_t left = wait_ms - (now - begun), step = left < PAUSE_MS ? left : PAUSE_MS;
        const struct timespec pause = { 0, (long)step * 1000000L };
        watch->now.wait_ms = left;
        if (now == begun || now >= watch->told_ms + TELL_MS)
            tell(watch, now);
        (void)nanosleep(&pause, NULL);
        now = mono_ms();
    }
}
