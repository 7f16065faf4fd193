/* client-lib/ports/socket.c - an exchange between two phones over TCP, blocking.
 * Promises: ends by itself when nothing moves; a stranger who calls does not end the waiting.
 * Never: more than one line at a time, or a byte before the other phone's turn. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/include/sotay.h"
#include "client-lib/ports/posix.h"

#define WAIT_MS       120000L
#define STALL_MS      30000L
#define EXCHANGE_MS   900000L /* a whole exchange, however slowly it moves */
#define STRANGERS_MAX 64u
#define PIECE_BYTES   65536u
#define HOST_BYTES    64u
#define ADDRESS_BYTES 64u

static int64_t now_ms(void)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- addresses ---- */

/* "HOST:PORT" or "[HOST]:PORT" in two; false: it is neither. */
static bool part_address(const char *address, char host[HOST_BYTES], char port[8])
{
    const char *colon = strrchr(address, ':');
    bool in_brackets = address[0] == '[';
    const char *from = in_brackets ? address + 1 : address;
    size_t len = colon == NULL ? 0 : (size_t)(colon - from);
    if (in_brackets && (len == 0 || from[--len] != ']'))
        return false;
    if (len == 0 || len >= HOST_BYTES || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return strspn(port, "0123456789") == strlen(port) && atoi(port) <= UINT16_MAX &&
           (in_brackets || strchr(host, ':') == NULL);
}

static int find_address(const char *address, bool listens, struct addrinfo **out,
                        sotay_error *error)
{
    char host[HOST_BYTES], port[8];
    const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICSERV | (listens ? AI_PASSIVE : 0) };
    if (!part_address(address, host, port))
        return posix_fail(error, SOTAY_E_VALUE, "%.80s: not an address and a port", address);
    int rc = getaddrinfo(host, port, &hints, out);
    if (rc != 0)
        return posix_fail(error, SOTAY_E_NETWORK, "%.80s: %s", address, gai_strerror(rc));
    return SOTAY_OK;
}

static int say_address(int fd, char *out_address, sotay_error *error)
{
    struct sockaddr_storage where;
    socklen_t len = sizeof where;
    char host[HOST_BYTES], port[8];
    if (getsockname(fd, (struct sockaddr *)&where, &len) != 0 ||
        getnameinfo((struct sockaddr *)&where, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return posix_fail(error, SOTAY_E_NETWORK, "listen: %s", strerror(errno));
    snprintf(out_address, ADDRESS_BYTES, strchr(host, ':') != NULL ? "[%.48s]:%s" : "%.48s:%s",
             host, port);
    return SOTAY_OK;
}

int sotay_socket_listen(const char *address, int *out_socket, char *out_address,
                        sotay_error *error)
{
    struct addrinfo *found = NULL;
    const int on = 1;
    int code = find_address(address, true, &found, error);
    if (code != SOTAY_OK)
        return code;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 4) != 0)
        code = posix_fail(error, SOTAY_E_NETWORK, "%.80s: %s", address, strerror(errno));
    freeaddrinfo(found);
    if (code == SOTAY_OK)
        code = say_address(fd, out_address, error);
    if (code == SOTAY_OK)
        *out_socket = fd;
    else if (fd >= 0)
        (void)close(fd);
    return code;
}

/* ---- a line ---- */

typedef struct {
    int fd;
    long stall_ms;
    int64_t ends_ms;
} line;

/* Waits until the line can be read or written. */
static int wait_for(const line *l, short what, sotay_error *error)
{
    int64_t stall = now_ms() + l->stall_ms;
    int64_t until = stall < l->ends_ms ? stall : l->ends_ms;
    for (;;) {
        struct pollfd one = { .fd = l->fd, .events = what };
        int64_t left = until - now_ms();
        int n = poll(&one, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return SOTAY_OK;
        if (n < 0 && errno != EINTR)
            return posix_fail(error, SOTAY_E_NETWORK, "line: %s", strerror(errno));
        if (n == 0)
            return posix_fail(error, SOTAY_E_NETWORK, "line: nothing moves");
    }
}

static int send_all(const line *l, sotay_slice bytes, sotay_error *error)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;
    while (left > 0) {
        int code = wait_for(l, POLLOUT, error);
        if (code != SOTAY_OK)
            return code;
        ssize_t n = send(l->fd, at, left, MSG_NOSIGNAL);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return posix_fail(error, SOTAY_E_NETWORK, "line: %s", strerror(errno));
        at += n;
        left -= (size_t)n;
    }
    return SOTAY_OK;
}

static int receive(const line *l, sotay_carry *carry, sotay_error *error)
{
    uint8_t piece[PIECE_BYTES];
    for (;;) {
        int code = wait_for(l, POLLIN, error);
        if (code != SOTAY_OK)
            return code;
        ssize_t n = recv(l->fd, piece, sizeof piece, 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return posix_fail(error, SOTAY_E_NETWORK, "line: %s", strerror(errno));
        if (n == 0)
            return posix_fail(error, SOTAY_E_NETWORK, "line: the other phone hung up");
        return sotay_carry_feed(carry, piece, (size_t)n, error);
    }
}

static int exchange(sotay_client *client, bool fetches, line *l, sotay_carry_report *out_report,
                    sotay_error *error)
{
    sotay_carry *carry = NULL;
    const int on = 1;
    bool done = false;
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    l->ends_ms = now_ms() + EXCHANGE_MS;
    int code = sotay_carry_begin(client, fetches, &carry, error);
    while (code == SOTAY_OK && !done) {
        sotay_slice bytes = { NULL, 0 };
        code = sotay_carry_next(carry, &bytes, &done, error);
        if (code == SOTAY_PENDING)
            code = posix_fail(error, SOTAY_E_BUSY, "carry: this port does not wait");
        if (code == SOTAY_OK)
            code = send_all(l, bytes, error);
        if (code == SOTAY_OK && !done)
            code = receive(l, carry, error);
    }
    if (carry != NULL)
        sotay_carry_report_get(carry, out_report);
    sotay_carry_free(carry);
    return code;
}

/* ---- serving ---- */

/* The next one who calls, before `until`. */
static int accept_one(int socket, int64_t until, int *out_fd, sotay_error *error)
{
    for (;;) {
        struct pollfd one = { .fd = socket, .events = POLLIN };
        int64_t left = until - now_ms();
        int n = poll(&one, 1, left > 0 ? (int)left : 0);
        if (n == 0)
            return posix_fail(error, SOTAY_E_NETWORK, "no other phone came");
        if (n < 0 && errno != EINTR)
            return posix_fail(error, SOTAY_E_NETWORK, "wait: %s", strerror(errno));
        int fd = n > 0 ? accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
        if (fd >= 0) {
            *out_fd = fd;
            return SOTAY_OK;
        }
    }
}

/* What is wrong with this phone, not with the one who called? Then waiting on helps nobody. */
static bool is_our_own(int code)
{
    return code == SOTAY_E_STORAGE || code == SOTAY_E_MEMORY || code == SOTAY_E_STATE ||
           code == SOTAY_E_BUSY || code == SOTAY_E_FULL;
}

int sotay_socket_serve(sotay_client *client, int socket, const sotay_socket_how *how,
                       sotay_carry_report *out_report, sotay_error *error)
{
    int64_t until = now_ms() + (how->wait_ms > 0 ? how->wait_ms : WAIT_MS);
    sotay_carry_report report = { 0 };
    int code = SOTAY_OK;
    for (unsigned calls = 0; calls < STRANGERS_MAX; calls++) {
        line l = { .fd = -1, .stall_ms = how->stall_ms > 0 ? how->stall_ms : STALL_MS };
        sotay_error waited = { SOTAY_OK, "" };
        int came = accept_one(socket, until, &l.fd, &waited);
        if (came != SOTAY_OK) { /* what the last one did says more */
            if (code == SOTAY_OK && error != NULL)
                *error = waited;
            code = code == SOTAY_OK ? came : code;
            break;
        }
        memset(&report, 0, sizeof report);
        code = exchange(client, false, &l, &report, error);
        (void)close(l.fd);
        if (code == SOTAY_OK || report.has_peer || is_our_own(code))
            break;
    }
    (void)close(socket);
    *out_report = report;
    return code;
}

/* ---- fetching ---- */

static int connect_to(const struct addrinfo *where, line *l, sotay_error *error)
{
    int why = 0;
    socklen_t len = sizeof why;
    l->fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return posix_fail(error, SOTAY_E_NETWORK, "line: %s", strerror(errno));
    l->ends_ms = now_ms() + l->stall_ms;
    if (connect(l->fd, where->ai_addr, where->ai_addrlen) != 0 && errno != EINPROGRESS)
        return posix_fail(error, SOTAY_E_NETWORK, "line: %s", strerror(errno));
    int code = wait_for(l, POLLOUT, error);
    if (code == SOTAY_OK && (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0 || why != 0))
        code = posix_fail(error, SOTAY_E_NETWORK, "line: %s", strerror(why));
    return code;
}

int sotay_socket_fetch(sotay_client *client, const char *address, const sotay_socket_how *how,
                       sotay_carry_report *out_report, sotay_error *error)
{
    struct addrinfo *found = NULL;
    sotay_carry_report report = { 0 };
    line l = { .fd = -1, .stall_ms = how->stall_ms > 0 ? how->stall_ms : STALL_MS };
    int code = find_address(address, false, &found, error);
    if (code == SOTAY_OK) {
        code = connect_to(found, &l, error);
        freeaddrinfo(found);
    }
    if (code == SOTAY_OK)
        code = exchange(client, true, &l, &report, error);
    if (l.fd >= 0)
        (void)close(l.fd);
    *out_report = report;
    return code;
}
