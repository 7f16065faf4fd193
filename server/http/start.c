/* server/http/start.c - starts and stops the listener, and sends every request through the one
 * door: route, who, body, handler, answer, log line. Promises that a reply that was begun is
 * finished before the process ends; must never serve a file. */
#include <arpa/inet.h>
#include <assert.h>
#include <civetweb.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/http/request.h"
#include "server/http/tally.h"
#include "server/sync/own_clock.h"

/* Draining and stopping together: CivetWeb looks every two seconds whether it is to stop. */
#define STOP_MS 4700u
#define STOP_MS_LEAST 1500u
#define SHARED_BYTES_MAX ((size_t)256 << 20)    /* bodies, and what they unfold to */
#define THREADS 512u
#define PER_ADDRESS 128u
#define PER_DEVICE 4u          /* a phone sends one request at a time; those cut off may linger */
/* Requests that are read or answered at once: each takes zstd some 2 MB and waits for nothing but
 * the processor, so there are two for each processor, and two more. */
#define DESKS_LEAST 6u
#define DESKS_MOST 24u
#define ANSWERS_BYTES ((size_t)24 << 20) /* waiting for their lines: more of them are a crowd */
#define CROWD_BYTES 65536u     /* of entries in an answer while there is */

struct http_server {
    struct mg_context *context;
    server *rooms;
    http_guard *guard;
    char token[65];
    char url[160];             /* as reached from this machine */
    char public_url[256];      /* what enrolment links name */
    char failure[200];         /* what CivetWeb said when it could not start */
    unsigned port;
    unsigned drained_ms;       /* how long http_drain waited */
    atomic_uint deadline_s;
    atomic_bool quiet;
    atomic_uint in_flight;
    atomic_size_t shared_bytes; /* taken by large requests */
    atomic_size_t answer_bytes; /* of answers that wait for their lines */
    sem_t desks, seats, readers;
    tally *devices;            /* requests by the device that signed them */
    begun *begun;              /* what came of those whose line broke */
    atomic_bool draining;
    atomic_bool ready;         /* all of the above is set */
};

http_guard *http_server_guard(http_server *http)
{
    return http->guard;
}

const char *http_server_token(http_server *http)
{
    return http->token;
}

const char *http_url(http_server *http)
{
    return http->url;
}

const char *http_public_url(http_server *http)
{
    return http->public_url;
}

unsigned http_server_deadline_s(http_server *http)
{
    return atomic_load(&http->deadline_s);
}

bool http_server_take(http_server *http, size_t bytes)
{
    if (atomic_fetch_add(&http->shared_bytes, bytes) + bytes <= SHARED_BYTES_MAX)
        return true;
    http_server_give(http, bytes);
    return false;
}

void http_server_give(http_server *http, size_t bytes)
{
    atomic_fetch_sub(&http->shared_bytes, bytes);
}

void http_server_owe(http_server *http, size_t bytes)
{
    atomic_fetch_add(&http->answer_bytes, bytes);
}

void http_server_paid(http_server *http, size_t bytes)
{
    atomic_fetch_sub(&http->answer_bytes, bytes);
}

uint64_t http_server_answer_max(http_server *http)
{
    return http != NULL && atomic_load(&http->answer_bytes) > ANSWERS_BYTES ? CROWD_BYTES : 0;
}

static void take_one(sem_t *places)
{
    while (sem_wait(places) != 0)
        assert(errno == EINTR);
}

void http_server_take_seat(http_server *http)
{
    if (http != NULL)
        take_one(&http->seats);
}

void http_server_give_seat(http_server *http)
{
    if (http != NULL)
        (void)sem_post(&http->seats);
}

void http_server_sit(http_server *http)
{
    if (http != NULL)
        take_one(&http->desks);
}

void http_server_rise(http_server *http)
{
    if (http != NULL)
        (void)sem_post(&http->desks);
}

bool http_server_take_reader(http_server *http)
{
    return http == NULL || sem_trywait(&http->readers) == 0;
}

void http_server_give_reader(http_server *http)
{
    if (http != NULL)
        (void)sem_post(&http->readers);
}

bool http_server_enter(http_server *http, const st_id *device)
{
    return http == NULL || tally_enter(http->devices, device->b);
}

void http_server_leave(http_server *http, const st_id *device)
{
    if (http != NULL)
        tally_leave(http->devices, device->b);
}

begun *http_server_begun(http_server *http)
{
    return http == NULL ? NULL : http->begun;
}

unsigned http_port(http_server *http)
{
    return http->port;
}

static const char *header_of(const struct mg_request_info *info, const char *name)
{
    for (int i = 0; i < info->num_headers; i++)
        if (strcasecmp(info->http_headers[i].name, name) == 0)
            return info->http_headers[i].value;
    return NULL;
}

static bool is_route(const http_route *route, const char *path)
{
    size_t len = strlen(route->path);
    return route->path[len - 1] == '*' ? strncmp(route->path, path, len - 1) == 0
                                       : strcmp(route->path, path) == 0;
}

/* The route of a request: *out_status says why there is none (404, 405). */
static const http_route *find_route(const http_request *request, int *out_status)
{
    *out_status = 404;
    for (const http_route *route = http_routes(); route->method != NULL; route++) {
        if (!is_route(route, request->path))
            continue;
        if (strcmp(route->method, request->method) == 0)
            return route;
        *out_status = 405;
    }
    return NULL;
}

/* Takes the same time wherever the texts differ. */
static bool is_same(const char *a, const char *b, size_t len)
{
    unsigned difference = 0;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned)(unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

bool http_is_operator(const http_request *request)
{
    if (request->server == NULL)
        return false;
    const char *token = http_server_token(request->server);
    return request->is_loopback && request->bearer != NULL &&
           strlen(request->bearer) == strlen(token) && token[0] != '\0' &&
           is_same(request->bearer, token, strlen(token));
}

/* Returns true when the connection has to end (the body was not read to its end). */
static bool answer(http_request *request)
{
    int status;
    const http_route *route = find_route(request, &status);
    if (route == NULL) {
        http_say(request, status, status == 404 ? "not found\n" : "method not allowed\n");
        return true;
    }
    if (route->who == HTTP_WHO_OPERATOR && !http_is_operator(request)) {
        http_say(request, 403, "only the operator on this machine\n");
        return true;
    }
    status = http_read_body(request, route->body_bytes_max);
    if (status != 0) {
        if (strcmp(route->path, "/v1/chunks") == 0)
            begun_keep(request->server->begun, request->body, request->body_len,
                       request->body_announced, http_mono_ms());
        http_say(request, status, "the body was refused; nothing was taken in\n");
        return true;
    }
    if (!route->is_always && own_clock_waits(request->rooms->sync.clock))
        http_refuse_for_clock(request);
    else
        route->handler(request);
    return false;
}

/* The decoded path as one word of a log line: whoever asks must not write lines of his own. */
static void plain_path(const char *path, char out[65])
{
    size_t len = 0;
    if (path == NULL)
        path = "-";
    for (; path[len] != '\0' && len < 64; len++)
        out[len] = path[len] > ' ' && path[len] < 127 ? path[len] : '?';
    out[len] = '\0';
}

static void log_request(const http_request *request, const struct timespec *start)
{
    char path[65];
    plain_path(request->path, path);
    struct timespec end, wall;
    struct tm utc;
    char when[32];
    clock_gettime(CLOCK_MONOTONIC, &end);
    clock_gettime(CLOCK_REALTIME, &wall);
    gmtime_r(&wall.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    long ms = (long)(end.tv_sec - start->tv_sec) * 1000 + (end.tv_nsec - start->tv_nsec) / 1000000;
    fprintf(stderr, "%s %s %s %d in=%zu out=%zu ms=%ld device=%s\n", when, request->method,
            path, request->status, request->body_len, request->reply.len, ms, request->who);
}

static void wait_until_ready(const http_server *http)
{
    while (!atomic_load(&http->ready))         /* the listener is up before its port is known */
        usleep(1000);
}

/* A worker begins with a connection, and ends. Whose it is CivetWeb does not tell yet. */
static int on_connect(const struct mg_connection *connection, void **out_data)
{
    http_server *http = mg_get_user_data(mg_get_context(connection));
    wait_until_ready(http);
    http_guard_came(http->guard);
    *out_data = http;
    return 0;
}

static void on_closed(const struct mg_connection *connection)
{
    const http_server *http = mg_get_user_connection_data(connection);
    if (http != NULL)
        http_guard_went(http->guard);
}

/* CivetWeb calls this for every request before it would do anything by itself. */
static int on_request(struct mg_connection *connection)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    http_server *http = info->user_data;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    wait_until_ready(http);
    http_request request = { .connection = connection, .server = http,
                             .rooms = http->rooms, .method = info->request_method,
                             .path = info->local_uri, .query = info->query_string,
                             .status = 200, .who = "-" };
    const char *bearer = header_of(info, "Authorization");
    if (bearer != NULL && strncmp(bearer, "Bearer ", 7) == 0)
        request.bearer = bearer + 7;
    if (bearer != NULL && strncmp(bearer, "Sotay ", 6) == 0)
        request.signed_head = bearer + 6;
    request.range = header_of(info, "Range");
    request.is_loopback = strcmp(info->remote_addr, "127.0.0.1") == 0;
    st_buffer_init(&request.reply, ST_STREAM_BYTES_MAX);
    atomic_fetch_add(&http->in_flight, 1);
    bool close = true;
    if (request.path == NULL)
        http_say(&request, 400, "no such address\n");
    else if (atomic_load(&http->draining))
        http_say(&request, 503, "stopping\n");
    else
        close = answer(&request);
    http_body_free(&request);                  /* an answer may wait for its line for minutes */
    size_t owed = request.reply.len;
    http_server_owe(http, owed);
    http_send(&request, close || atomic_load(&http->draining));
    http_server_paid(http, owed);
    if (!atomic_load(&http->quiet))
        log_request(&request, &start);
    st_buffer_free(&request.reply);
    int status = request.status;
    atomic_fetch_sub(&http->in_flight, 1);
    return status;
}

static int on_message(const struct mg_connection *connection, const char *message)
{
    struct mg_context *context = mg_get_context(connection);
    http_server *http = context != NULL ? mg_get_user_data(context) : NULL;
    if (http != NULL && http->context == NULL && http->failure[0] == '\0')
        snprintf(http->failure, sizeof http->failure, "%s", message);
    return 1;
}

static void free_server(http_server *http)
{
    http_guard_free(http->guard);
    tally_free(http->devices);
    begun_free(http->begun);
    (void)sem_destroy(&http->desks);
    (void)sem_destroy(&http->seats);
    (void)sem_destroy(&http->readers);
    free(http);
    mg_exit_library();
}

static st_err fail_start(http_server *http, st_error *error)
{
    st_err code = strstr(http->failure, "bind") != NULL ? ST_E_BUSY : ST_E_SERVER;
    st_fail(error, code, "listen: %s", http->failure[0] != '\0' ? http->failure
                                                                  : "the server did not start");
    free_server(http);
    return code;
}

/* ADDRESS:PORT and nothing else: CivetWeb takes a bare port for every address of the machine, and
 * lists and letters behind the port for ways to listen that are not ours. */
static st_err check_listen(const char *listen, st_error *error)
{
    const char *colon = strchr(listen, ':');
    size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
    char host[64] = "";
    struct in_addr address;
    if (colon != NULL && (size_t)(colon - listen) < sizeof host)
        memcpy(host, listen, (size_t)(colon - listen));
    bool is_host = inet_pton(AF_INET, host, &address) == 1 || strcmp(host, "localhost") == 0;
    if (is_host && digits > 0 && digits < 6 && colon[1 + digits] == '\0' &&
        atoi(colon + 1) <= UINT16_MAX)
        return ST_OK;
    return st_fail(error, ST_E_USAGE, "listen: '%.80s' is not ADDRESS:PORT, like 127.0.0.1:8080 "
                   "(IPv4; 0.0.0.0 for all addresses of this machine)", listen);
}

/* The address it really listens on, as a URL for this machine and one for links. */
static void set_urls(http_server *http, const http_config *config, const char *listen)
{
    struct mg_server_port port = { 0 };
    if (mg_get_server_ports(http->context, 1, &port) == 1)
        http->port = (unsigned)port.port;
    const char *colon = strrchr(listen, ':');
    int host_len = (int)(colon - listen);
    bool any = strncmp(listen, "0.0.0.0:", 8) == 0;
    snprintf(http->url, sizeof http->url, "http://%.*s:%u", any ? 9 : host_len,
             any ? "127.0.0.1" : listen, http->port);
    bool has_public = config->public_url != NULL && config->public_url[0] != '\0';
    snprintf(http->public_url, sizeof http->public_url, "%s",
             has_public ? config->public_url : http->url);
}

static unsigned threads_of(const http_config *config)
{
    return config->threads > 0 ? config->threads : THREADS;
}

static struct mg_context *start_listener(http_server *http, const char *listen,
                                         const http_config *config)
{
    static const struct mg_callbacks CALLBACKS = { .begin_request = on_request,
                                                   .log_message = on_message,
                                                   .init_connection = on_connect,
                                                   .connection_closed = on_closed };
    char workers[16], head_ms[16];
    snprintf(head_ms, sizeof head_ms, "%u",
             config->head_deadline_ms > 0 ? config->head_deadline_ms : 10000u);
    snprintf(workers, sizeof workers, "%u", threads_of(config));
    const char *options[] = {
        "listening_ports", listen, "num_threads", workers, "tcp_nodelay", "1",
        "enable_keep_alive", "yes", "keep_alive_timeout_ms", "10000",
        "request_timeout_ms", head_ms, "max_request_size", "8192",
        "connection_queue", "1024", "listen_backlog", "1024",
        "enable_directory_listing", "no", "access_control_allow_origin", "", NULL };
    struct mg_init_data init = { &CALLBACKS, http, options };
    char text[200] = "";
    struct mg_error_data failure = { .text = text, .text_buffer_size = sizeof text };
    struct mg_context *context = mg_start2(&init, &failure);
    if (context == NULL && http->failure[0] == '\0')
        snprintf(http->failure, sizeof http->failure, "%s", text);
    return context;
}

unsigned http_desks(long processors)
{
    if (processors < 1 || processors > (long)DESKS_MOST)
        return processors < 1 ? DESKS_LEAST : DESKS_MOST;
    unsigned desks = 2 + 2 * (unsigned)processors;
    if (desks < DESKS_LEAST)
        return DESKS_LEAST;
    return desks < DESKS_MOST ? desks : DESKS_MOST;
}

st_err http_start(server *rooms, const http_config *config, const char *operator_token,
                  http_server **out_server, st_error *error)
{
    assert(rooms != NULL && out_server != NULL);
    const char *listen = config->listen != NULL ? config->listen : "127.0.0.1:8080";
    if (check_listen(listen, error) != ST_OK)
        return ST_E_USAGE;
    http_server *http = calloc(1, sizeof *http);
    if (http == NULL)
        return st_fail(error, ST_E_MEMORY, "listen: no memory");
    http->rooms = rooms;
    /* These fail only for numbers that no semaphore holds. */
    (void)sem_init(&http->desks, 0, http_desks(sysconf(_SC_NPROCESSORS_ONLN)));
    (void)sem_init(&http->seats, 0, HTTP_SEATS);
    (void)sem_init(&http->readers, 0, HTTP_READERS);
    http_configure(http, config);
    snprintf(http->token, sizeof http->token, "%s", operator_token);
    http->guard = http_guard_new(config->per_address > 0 ? config->per_address : PER_ADDRESS);
    http->devices = tally_new(threads_of(config), PER_DEVICE);
    http->begun = begun_new();
    mg_init_library(0);
    if (http->guard != NULL && http->devices != NULL)
        http->context = start_listener(http, listen, config);
    if (http->context == NULL)
        return fail_start(http, error);
    set_urls(http, config, listen);
    http_guard_door(http->guard, http->port);
    atomic_store(&http->ready, true);
    *out_server = http;
    return ST_OK;
}

void http_configure(http_server *http, const http_config *config)
{
    atomic_store(&http->quiet, config->quiet);
    atomic_store(&http->deadline_s, config->body_deadline_s > 0 ? config->body_deadline_s : 20);
}

bool http_drain(http_server *http, unsigned drain_ms)
{
    atomic_store(&http->draining, true);
    unsigned waited = 0;
    for (; atomic_load(&http->in_flight) > 0 && waited < drain_ms; waited += 5)
        usleep(5000);
    http->drained_ms = waited;
    return atomic_load(&http->in_flight) == 0;
}

/* CivetWeb's listener sleeps up to two seconds; somebody at the door wakes it. */
static void knock(const http_server *http)
{
    const struct timespec MOMENT = { 0, 20 * 1000000L };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)http->port) };
    char host[64];
    (void)nanosleep(&MOMENT, NULL);
    if (sscanf(http->url, "http://%63[^:]", host) != 1 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)connect(fd, (struct sockaddr *)&address, sizeof address);
    (void)close(fd);
}

/* mg_stop can hang in rare cases (civetweb issue 861): all is on disk by now, so just end. */
typedef struct {
    const http_server *http;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopped;
} stop_watch;

static void *end_anyway(void *argument)
{
    stop_watch *stop = argument;
    const http_server *http = stop->http;
    unsigned left_ms = STOP_MS - STOP_MS_LEAST > http->drained_ms ? STOP_MS - http->drained_ms
                                                                  : STOP_MS_LEAST;
    struct timespec until;
    knock(http);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(left_ms % 1000) * 1000000L;
    until.tv_sec += (time_t)(left_ms / 1000) + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int waited = 0;
    pthread_mutex_lock(&stop->lock);
    while (!stop->stopped && waited == 0)
        waited = pthread_cond_timedwait(&stop->wake, &stop->lock, &until);
    if (!stop->stopped)
        _exit(0);
    pthread_mutex_unlock(&stop->lock);
    return NULL;
}

void http_stop(http_server *http)
{
    pthread_t watchdog;
    stop_watch stop = { .http = http, .lock = PTHREAD_MUTEX_INITIALIZER };
    http_wake_init(&stop.wake);
    bool watched = pthread_create(&watchdog, NULL, end_anyway, &stop) == 0;
    mg_stop(http->context);
    if (watched) {
        pthread_mutex_lock(&stop.lock);
        stop.stopped = true;
        pthread_cond_signal(&stop.wake);
        pthread_mutex_unlock(&stop.lock);
        pthread_join(watchdog, NULL);
    }
    pthread_cond_destroy(&stop.wake);
    free_server(http);
}
