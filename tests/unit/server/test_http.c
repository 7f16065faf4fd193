/* tests/unit/server/test_http.c
 * Whatever comes through the door of the office's server - half requests, lies about lengths, slow
 * lines, bytes of nobody - gets a defined answer, changes nothing in the book, and keeps nobody
 * else from being served. */
#include "tests/unit/server/operator_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "server/http/request.h"

#define IDLE_CONNECTIONS 200
#define REPLY_BYTES 4096
#define PER_ADDRESS 12

static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static atomic_int wall_ahead_s;    /* what the wall clock shows too much */

#ifndef SYS_clock_gettime64 /* where the first one has 64 bits already */
#define SYS_clock_gettime64 SYS_clock_gettime
#endif

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
    int rc = (int)syscall(SYS_clock_gettime64, clock, out);
    if (rc == 0 && clock == CLOCK_REALTIME)
        out->tv_sec += atomic_load(&wall_ahead_s);
    return rc;
}

typedef struct {
    kit_book book;
    http_server *http;
    uint64_t entries;              /* of the log when the door was opened */
} house;

static int start(void **state)
{
    static house h;
    st_error error = { 0 };
    kit_make(&h.book, true);
    KIT_EXPECT(0, &h.book, "user", "add", "an", "--name", "An", "--role", "officer");
    http_config config = { .listen = "127.0.0.1:0", .threads = IDLE_CONNECTIONS + 24,
                           .per_address = PER_ADDRESS,
                           .body_deadline_s = 1, .head_deadline_ms = 1500, .quiet = true };
    if (http_start(&h.book.rooms, &config, TOKEN, &h.http, &error) != ST_OK)
        fail_msg("%s", error.detail);
    h.entries = kit_log_size(&h.book);
    *state = &h;
    return 0;
}

static int stop(void **state)
{
    house *h = *state;
    assert_int_equal(kit_log_size(&h->book), h->entries);
    assert_true(http_drain(h->http, 3000));
    http_stop(h->http);
    kit_remove(&h->book);
    return 0;
}

/* ---- a client that may say anything ---- */

static int connect_to(const house *h)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)http_port(h->http)) };
    struct timeval patience = { 15, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;                         /* it closed already: the reply tells why */
        at += n;
        len -= (size_t)n;
    }
}

static void say(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

/* Reads to the end of one reply (Connection: close, or the announced length). Returns the status;
 * 0: closed without one. */
static int get(int fd, char reply[REPLY_BYTES])
{
    size_t got = 0;
    for (;;) {
        ssize_t n = recv(fd, reply + got, REPLY_BYTES - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
        reply[got] = '\0';
        const char *body = strstr(reply, "\r\n\r\n");
        const char *length = strstr(reply, "Content-Length: ");
        if (body != NULL && length != NULL &&
            got >= (size_t)(body + 4 - reply) + (size_t)atoi(length + 16))
            break;
        if (got == REPLY_BYTES - 1)
            break;
    }
    reply[got] = '\0';
    return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

static int ask(const house *h, const void *data, size_t len, char reply[REPLY_BYTES])
{
    int fd = connect_to(h);
    put(fd, data, len);
    int status = get(fd, reply);
    (void)close(fd);
    return status;
}

static int ask_text(const house *h, const char *text)
{
    char reply[REPLY_BYTES];
    return ask(h, text, strlen(text), reply);
}

static int64_t mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void assert_alive(const house *h)
{
    assert_int_equal(ask_text(h, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
}

/* ---- cases ---- */

static void test_lengths_that_lie(void **state)
{
    house *h = *state;
    static const struct { const char *why, *request; int want; } CASES[] = {
        { "both lengths", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
          "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501 },
        { "chunked", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\n", 501 },
        { "identity", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n"
          "Content-Length: 1\r\n\r\nx", 501 },
        { "twice the same", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
          "Content-Length: 4\r\n\r\nabcd", 400 },
        { "twice, other", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
          "Content-Length: 40\r\n\r\nabcd", 400 },
        { "negative", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\nabcd",
          400 },
        { "plus", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd", 400 },
        { "hexadecimal", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\nabcd",
          400 },
        { "a list", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nabcd",
          400 },
        { "letters", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: four\r\n\r\nabcd",
          400 },
        { "huge", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
          413 },
        { "beyond a word", "POST /v1/sync HTTP/1.1\r\nHost: x\r\n"
          "Content-Length: 18446744073709551617\r\n\r\n", 400 },
        { "one over the limit", "POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n"
          "\r\n", 413 },
        { "missing", "POST /v1/sync HTTP/1.1\r\nHost: x\r\n\r\n", 411 },
        { "unknown Expect", "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
          "Expect: a-miracle\r\n\r\nabcd", 417 },
        { "body on a GET", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd",
          413 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int status = ask_text(h, CASES[i].request);
        /* CivetWeb refuses some of them itself, before our door: 400, or 411 for no number. */
        bool is_refused = status == CASES[i].want || status == 400 ||
                          (status == 411 && CASES[i].want == 400);
        if (!is_refused)
            print_message("  case: %s: %d, not %d\n", CASES[i].why, status, CASES[i].want);
        assert_true(is_refused);
    }
    assert_alive(h);
}

static void test_roads_that_lead_nowhere(void **state)
{
    house *h = *state;
    static const struct { const char *line; int want; } CASES[] = {
        { "GET /nowhere", 404 }, { "GET /v1/sync", 405 }, { "POST /healthz", 405 },
        { "DELETE /v1/enrol", 405 }, { "GET /../etc/passwd", 404 }, { "GET /%2e%2e/x", 404 },
        { "GET /server.run", 404 }, { "GET /healthz/", 404 }, { "GET /HEALTHZ", 404 },
        { "GET /", 200 }, { "GET /readyz", 200 }, { "GET /healthz", 200 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", CASES[i].line,
                       CASES[i].line[0] == 'G' ? "" : "Content-Length: 0\r\n");
        int status = ask_text(h, text);
        if (status != CASES[i].want)
            print_message("  case: %s: %d\n", CASES[i].line, status);
        assert_int_equal(status, CASES[i].want);
    }
}

static void test_a_short_body_is_no_body(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    int fd = connect_to(h);
    say(fd, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nhalf");
    (void)shutdown(fd, SHUT_WR);
    assert_int_equal(get(fd, reply), 400);
    (void)close(fd);
    assert_alive(h);
}

/* A byte each tenth of a second would take a minute: it is cut after one second and a bit. */
static void test_a_slow_body_is_cut(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    int fd = connect_to(h);
    int64_t begin = mono_ms();
    say(fd, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n");
    struct timeval poll = { 0, 100000 };
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &poll, sizeof poll);
    int status = 0;
    for (int i = 0; i < 100 && status == 0; i++) {
        say(fd, "x");
        status = get(fd, reply);
    }
    assert_int_equal(status, 408);
    assert_true(mono_ms() - begin < 5000);
    (void)close(fd);
    assert_alive(h);
}

/* Drips a body into an open connection until it is answered. Returns the status; 0: never. */
static int drip(int fd)
{
    char reply[REPLY_BYTES];
    struct timeval poll = { 0, 100000 };
    int status = 0;
    say(fd, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 800\r\n\r\n");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &poll, sizeof poll);
    for (int i = 0; i < 600 && status == 0; i++) {
        say(fd, "x");
        status = get(fd, reply);
    }
    return status;
}

/* The wall clock goes back by an hour after the watch looked at it. */
static void test_a_clock_set_back_stops_no_watch(void **state)
{
    house *h = *state;
    atomic_store(&wall_ahead_s, 3600);
    int fd = connect_to(h);
    int status = drip(fd);
    atomic_store(&wall_ahead_s, 0);
    assert_int_equal(status, 408);
    (void)close(fd);
    assert_alive(h);
}

/* A connection from an address of this machine and a port; -1: the port is taken. */
static int connect_from(const house *h, const char *from, uint16_t *port)
{
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(*port) };
    struct sockaddr_in door = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)http_port(h->http)) };
    struct timeval patience = { 15, 0 };
    socklen_t len = sizeof own;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
    door.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (struct sockaddr *)&door, sizeof door) != 0) {
        (void)close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    *port = ntohs(own.sin_port);
    return fd;
}

/* Two machines that use the same port: the one that drips is cut, not the one that waits. */
static void test_the_slow_one_is_cut_not_its_namesake(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    int other = -1, slow = -1;
    for (int i = 0; i < 50 && slow < 0; i++) {
        uint16_t port = 0;
        other = connect_from(h, "127.0.0.2", &port);
        assert_true(other >= 0);
        slow = connect_from(h, "127.0.0.1", &port);
        if (slow < 0)
            (void)close(other);
    }
    assert_true(slow >= 0);
    say(other, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(get(other, reply), 200);
    assert_int_equal(drip(slow), 408);
    (void)close(slow);
    (void)close(other);
}

static int ask_health(int fd)
{
    char reply[REPLY_BYTES];
    say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    return get(fd, reply);
}

/* How many of some connections are still served; those that are keep being so. */
static int count_served(const int *fds, int count)
{
    int served = 0;
    for (int i = 0; i < count; i++)
        served += ask_health(fds[i]) == 200;
    return served;
}

/* One address keeps as many connections as it may: what is more ends; others are served, and so is
 * this one again when its own have ended. */
static void test_one_address_does_not_take_all(void **state)
{
    house *h = *state;
    int fds[3 * PER_ADDRESS], served = 3 * PER_ADDRESS;
    for (int i = 0; i < 3 * PER_ADDRESS; i++)
        fds[i] = connect_from(h, "127.0.0.3", &(uint16_t){ 0 });
    for (int i = 0; i < 100 && served > PER_ADDRESS; i++) {
        served = count_served(fds, 3 * PER_ADDRESS);
        usleep(100000);
    }
    assert_in_range(served, 1, PER_ADDRESS);
    int other = connect_from(h, "127.0.0.4", &(uint16_t){ 0 });
    assert_int_equal(ask_health(other), 200);
    (void)close(other);
    for (int i = 0; i < 3 * PER_ADDRESS; i++)
        (void)close(fds[i]);
    int status = 0;
    for (int i = 0; i < 600 && status != 200; i++) {
        usleep(100000);
        other = connect_from(h, "127.0.0.3", &(uint16_t){ 0 });
        status = ask_health(other);
        (void)close(other);
    }
    assert_int_equal(status, 200);
}

/* What CivetWeb would take for more than one address, or for all of them. */
static void test_it_listens_where_it_is_told(void **state)
{
    house *h = *state;
    static const char *const WRONG[] = {
        "", "0", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:0s",
        "127.0.0.1:0r", "127.0.0.1:0,127.0.0.1:0", "[::1]:0", "+0", "127.1:0", "somewhere:0",
        "127.0.0.1:-1", "127.0.0.1:000000", " 127.0.0.1:0",
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        st_error error = { 0 };
        http_server *http = NULL;
        const http_config config = { .listen = WRONG[i], .threads = 4, .quiet = true };
        assert_int_equal(http_start(&h->book.rooms, &config, TOKEN, &http, &error), ST_E_USAGE);
        assert_non_null(strstr(error.detail, WRONG[i]));
        assert_null(http);
    }
    char taken[40];
    st_error error = { 0 };
    http_server *http = NULL;
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", http_port(h->http));
    const http_config config = { .listen = taken, .threads = 4, .quiet = true };
    assert_int_equal(http_start(&h->book.rooms, &config, TOKEN, &http, &error), ST_E_BUSY);
    assert_non_null(strstr(error.detail, taken));
}

/* Lists may be long: only so many are made at once, and who comes then is told when to come. */
static void test_readers_of_lists_have_their_number(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES], text[256];
    int len = snprintf(text, sizeof text,
                       "GET /api/fences HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Authorization: Bearer %s\r\n\r\n", TOKEN);
    for (unsigned i = 0; i < HTTP_READERS; i++)
        assert_true(http_server_take_reader(h->http));
    assert_false(http_server_take_reader(h->http));
    assert_int_equal(ask(h, text, (size_t)len, reply), 503);
    assert_non_null(strstr(reply, "Retry-After: 5\r\n"));
    http_server_give_reader(h->http);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ask(h, text, (size_t)len, reply), 200);
        assert_non_null(strstr(reply, "Cache-Control: no-store\r\n"));
        assert_non_null(strstr(reply, "{\"fences\":[]}"));
    }
    for (unsigned i = 1; i < HTTP_READERS; i++)
        http_server_give_reader(h->http);
}

/* Announced, then silence. */
static void test_a_silent_body_is_cut(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    int64_t begin = mono_ms();
    int fd = connect_to(h);
    say(fd, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n");
    int status = get(fd, reply);
    assert_true(status == 408 || status == 400);
    assert_true(mono_ms() - begin < 5000);
    (void)close(fd);
}

static void test_a_slow_head_is_cut(void **state)
{
    house *h = *state;
    struct timeval poll = { 0, 100000 };
    char byte;
    int64_t begin = mono_ms();
    int fd = connect_to(h);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &poll, sizeof poll);
    say(fd, "GET /healthz HTTP/1.1\r\nHost: ");
    bool is_over = false;
    while (!is_over && mono_ms() - begin < 8000) {
        ssize_t n = recv(fd, &byte, 1, 0);  /* a refusal or nothing, then the end */
        is_over = n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
        say(fd, "x");
    }
    assert_true(is_over);
    (void)close(fd);
    assert_alive(h);
}

static void test_a_long_head_is_refused(void **state)
{
    house *h = *state;
    char head[20000], reply[REPLY_BYTES];
    int len = snprintf(head, sizeof head, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ");
    memset(head + len, 'a', sizeof head - (size_t)len);
    int status = ask(h, head, sizeof head, reply);
    assert_true(status == 0 || (status >= 400 && status < 500));
    assert_alive(h);
}

static void test_idle_connections_keep_nobody_out(void **state)
{
    house *h = *state;
    int fds[IDLE_CONNECTIONS];
    for (int i = 0; i < IDLE_CONNECTIONS; i++)
        fds[i] = connect_to(h);
    int64_t begin = mono_ms();
    assert_alive(h);
    assert_true(mono_ms() - begin < 1000);
    for (int i = 0; i < IDLE_CONNECTIONS; i++)
        (void)close(fds[i]);
}

/* Who brings something waits with it at the door while all seats are taken: nothing of it has been
 * unfolded, and what takes no seat is answered. */
static void test_a_seat_for_each_who_is_inside(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    for (unsigned i = 0; i < HTTP_SEATS; i++)
        http_server_take_seat(h->http);
    int fd = connect_to(h);
    struct pollfd answer = { .fd = fd, .events = POLLIN };
    say(fd, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd");
    assert_int_equal(poll(&answer, 1, 300), 0);
    assert_alive(h);
    http_server_give_seat(h->http);
    assert_int_equal(get(fd, reply), 426);
    (void)close(fd);
    for (unsigned i = 1; i < HTTP_SEATS; i++)
        http_server_give_seat(h->http);
}

/* As many desks as the processors can use, and no more: who comes then waits for one. */
static void test_a_desk_for_each_who_works(void **state)
{
    static const struct {
        long processors;
        unsigned desks;
    } CASES[] = { { -1, 6 }, { 0, 6 },  { 1, 6 },   { 2, 6 },   { 3, 8 },
                  { 8, 18 }, { 11, 24 }, { 12, 24 }, { 64, 24 }, { 1024, 24 } };
    house *h = *state;
    char reply[REPLY_BYTES];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(http_desks(CASES[i].processors), CASES[i].desks);
    unsigned desks = http_desks(sysconf(_SC_NPROCESSORS_ONLN));
    for (unsigned i = 0; i < desks; i++)
        http_server_sit(h->http);
    int fd = connect_to(h);
    struct pollfd answer = { .fd = fd, .events = POLLIN };
    say(fd, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd");
    assert_int_equal(poll(&answer, 1, 300), 0);
    assert_alive(h);
    http_server_rise(h->http);
    assert_int_equal(get(fd, reply), 426);
    (void)close(fd);
    for (unsigned i = 1; i < desks; i++)
        http_server_rise(h->http);
}

static void test_only_the_operator_operates(void **state)
{
    house *h = *state;
    static const char *const TOKENS[] = {
        "", "Authorization: Bearer \r\n", "Authorization: Bearer 0123\r\n",
        "Authorization: Basic 0123456789abcdef0123456789abcdef\r\n",
        "Authorization: Bearer 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee"
        "\r\n",
    };
    char text[400], reply[REPLY_BYTES];
    for (size_t i = 0; i < sizeof TOKENS / sizeof TOKENS[0]; i++) {
        int len = snprintf(text, sizeof text, "POST /api/operator HTTP/1.1\r\nHost: x\r\n%s"
                           "Content-Length: 10\r\n\r\nen%c0%cstat%c", TOKENS[i], 0, 0, 0);
        assert_int_equal(ask(h, text, (size_t)len, reply), 403);
    }
    int len = snprintf(text, sizeof text, "POST /api/operator HTTP/1.1\r\nHost: x\r\n"
                       "Authorization: Bearer %s\r\nContent-Length: 10\r\n\r\nen%c0%cstat%c",
                       TOKEN, 0, 0, 0);
    assert_int_equal(ask(h, text, (size_t)len, reply), 200);
    len = snprintf(text, sizeof text, "POST /api/operator HTTP/1.1\r\nHost: x\r\n"
                   "Authorization: Bearer %s\r\nContent-Length: 4\r\n\r\nstat", TOKEN);
    assert_int_equal(ask(h, text, (size_t)len, reply), 422);
}

/* Bytes of nobody: from zeros to noise, as a sync and as an enrolment. */
static void test_garbage_changes_nothing(void **state)
{
    house *h = *state;
    static const size_t LENGTHS[] = { 0, 1, 96, 97, 98, 200, 4000 };
    static const char *const PATHS[] = { "/v1/sync", "/v1/enrol" };
    char body[4200], reply[REPLY_BYTES];
    uint64_t random = 88172645463325252u;
    for (unsigned round = 0; round < 84; round++) {
        size_t len = LENGTHS[round % 7];
        int head = snprintf(body, sizeof body, "POST %s HTTP/1.1\r\nHost: x\r\n"
                            "Content-Length: %zu\r\n\r\n", PATHS[round / 7 % 2], len);
        for (size_t i = 0; i < len; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            body[(size_t)head + i] = round < 14 ? 0 : (char)random;
        }
        if (round >= 28 && len >= 97)
            body[head] = 1;                 /* the version of a head */
        if (round >= 42 && len > 4)         /* a zstd stream that is none */
            memcpy(body + head + (round % 14 < 7 && len > 101 ? 97 : 0), "\x28\xb5\x2f\xfd", 4);
        int status = ask(h, body, (size_t)head + len, reply);
        if (status < 400 || status > 426)
            print_message("  round %u: %d\n", round, status);
        assert_true(status >= 400 && status <= 426);
    }
    assert_int_equal(kit_log_size(&h->book), h->entries);
    assert_alive(h);
}

static void test_two_requests_on_one_connection(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    int fd = connect_to(h);
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(get(fd, reply), 200);
    }
    (void)close(fd);
}

static void test_the_body_is_asked_for(void **state)
{
    house *h = *state;
    char reply[REPLY_BYTES];
    int fd = connect_to(h);
    say(fd, "POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
            "\r\n");
    ssize_t n = recv(fd, reply, 25, MSG_WAITALL);
    assert_int_equal(n, 25);
    assert_memory_equal(reply, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    say(fd, "abcd");
    assert_int_equal(get(fd, reply), 422);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_that_lie),
        cmocka_unit_test(test_roads_that_lead_nowhere),
        cmocka_unit_test(test_a_short_body_is_no_body),
        cmocka_unit_test(test_a_slow_body_is_cut),
        cmocka_unit_test(test_a_clock_set_back_stops_no_watch),
        cmocka_unit_test(test_the_slow_one_is_cut_not_its_namesake),
        cmocka_unit_test(test_one_address_does_not_take_all),
        cmocka_unit_test(test_it_listens_where_it_is_told),
        cmocka_unit_test(test_readers_of_lists_have_their_number),
        cmocka_unit_test(test_a_silent_body_is_cut),
        cmocka_unit_test(test_a_slow_head_is_cut),
        cmocka_unit_test(test_a_long_head_is_refused),
        cmocka_unit_test(test_idle_connections_keep_nobody_out),
        cmocka_unit_test(test_a_seat_for_each_who_is_inside),
        cmocka_unit_test(test_a_desk_for_each_who_works),
        cmocka_unit_test(test_only_the_operator_operates),
        cmocka_unit_test(test_garbage_changes_nothing),
        cmocka_unit_test(test_two_requests_on_one_connection),
        cmocka_unit_test(test_the_body_is_asked_for),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
