/* tools/fuzz/fuzz_http.c - any bytes at the door of the server, through a real connection: heads,
 * lengths, bodies. What comes back is nothing or whole answers of HTTP, nothing is written into the
 * book, and the next one is served. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/http/http.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/fuzz.h"

#define REPLY_MAX  65536
#define PATIENCE_S 20

enum { SERVED, REFUSED };
static fuzz_goal goals[] = { [SERVED] = { "a request is served", 0 },
                             [REFUSED] = { "a request is refused by its route", 0 } };
FUZZ_MUST_REACH(goals);

static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static http_server *door(void)
{
    static http_server *http;
    const http_config config = { .listen = "127.0.0.1:0",
                                 .threads = 8,
                                 .body_deadline_s = 2,
                                 .head_deadline_ms = 2000,
                                 .quiet = true };
    if (http == NULL)
        FUZZ_MUST(http_start(&book_world_get()->r.srv, &config, TOKEN, &http, NULL) == ST_OK);
    return http;
}

static int connect_to(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)http_port(door())) };
    const struct timeval patience = { PATIENCE_S, 0 };
    const struct linger at_once = { 1, 0 }; /* a closed connection keeps no port */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_MUST(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    FUZZ_MUST(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* Says all of it, then listens to the end. Returns the length of what came. */
static size_t talk(const uint8_t *data, size_t size, char reply[REPLY_MAX])
{
    size_t got = 0;
    int fd = connect_to();
    for (size_t at = 0; at < size;) {
        ssize_t n = send(fd, data + at, size - at, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* it closed already */
        at += (size_t)n;
    }
    (void)shutdown(fd, SHUT_WR);
    while (got < REPLY_MAX - 1) {
        ssize_t n = recv(fd, reply + got, REPLY_MAX - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    (void)close(fd);
    reply[got] = '\0';
    return got;
}

/* One answer after the other, each with a status of ours and as long as it says. A reset may cut
 * the last one: then more was sent than was read. */
static void check_replies(const char *reply, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *head = reply + at;
        const char *end = strstr(head, "\r\n\r\n");
        FUZZ_MUST(strncmp(head, "HTTP/", len - at < 5 ? len - at : 5) == 0);
        if (end == NULL || strncmp(head, "HTTP/1.1 ", 9) != 0)
            return; /* CivetWeb's own refusal repeats the version that it was given */
        int status = atoi(head + 9);
        FUZZ_MUST(status == 100 || (status >= 200 && status < 600));
        const char *length = strstr(head, "Content-Length: ");
        if (status != 100 && (length == NULL || length > end))
            return; /* CivetWeb's own refusal: up to the end */
        goals[SERVED].times += status == 200;
        goals[REFUSED].times += status >= 400;
        at = (size_t)(end + 4 - reply) + (status == 100 ? 0 : strtoul(length + 16, NULL, 10));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char reply[REPLY_MAX];
    book_world *world = book_world_get();
    size_t got = talk(data, size, reply);
    check_replies(reply, got);
    FUZZ_MUST(book_world_entries(world) == world->entries);
    if (size % 64 == 0) {
        static const char PING[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        FUZZ_MUST(talk((const uint8_t *)PING, sizeof PING - 1, reply) > 0);
        FUZZ_MUST(strncmp(reply, "HTTP/1.1 200 ", 13) == 0);
    }
    return 0;
}
