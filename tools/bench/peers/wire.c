/* tools/bench/peers/wire.c - the sockets of the bench clients. Promises one connection per device,
 * opened when first needed; must never send a byte more than a request needs. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/peers/wire.h"
#include "tools/bench/peers/workload.h"

#define READ_BYTES 65536u

typedef struct {
    char *data;
    size_t len, capacity;
} bytes;

static int dial(void)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(workload_env("PORT"))),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("bench: connect");
        exit(2);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void wire_close(wire *link)
{
    if (link->fd >= 0)
        (void)close(link->fd);
    link->fd = -1;
}

static bool is_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Head and body leave in one piece, as one turn. */
static bool send_request(int fd, const wire_request *request)
{
    char head[600];
    int head_len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu"
                            "\r\n%s\r\n", request->method, request->path, request->body_bytes,
                            request->headers != NULL ? request->headers : "");
    size_t len = (size_t)head_len + request->body_bytes, sent = 0;
    char *whole = malloc(len);
    if (whole == NULL)
        exit(2);
    memcpy(whole, head, (size_t)head_len);
    if (request->body_bytes > 0)
        memcpy(whole + head_len, request->body, request->body_bytes);
    while (sent < len) {
        ssize_t n = send(fd, whole + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    free(whole);
    return sent == len;
}

static bool receive(int fd, bytes *in)
{
    if (in->capacity - in->len < READ_BYTES + 1) {
        in->capacity = in->capacity > 0 ? in->capacity * 2 : 2 * READ_BYTES;
        in->data = realloc(in->data, in->capacity);
        if (in->data == NULL)
            exit(2);
    }
    ssize_t n = recv(fd, in->data + in->len, READ_BYTES, 0);
    if (n <= 0)
        return false;
    in->len += (size_t)n;
    in->data[in->len] = '\0';
    return true;
}

static long number_of(const char *headers, const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(headers, line);
    return at != NULL ? atol(at + strlen(line)) : -1;
}

/* Puts the chunks that lie behind `from` together in place. False: the last one is not there. */
static bool join_chunks(char *from, size_t len, size_t *out_len)
{
    char *to = from, *at = from, *end = from + len;
    for (;;) {
        char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (line == NULL)
            return false;
        size_t size = strtoul(at, NULL, 16);
        if ((size_t)(end - line) < size + 4)
            return false;
        if (size == 0)
            break;
        memmove(to, line + 2, size);
        to += size;
        at = line + 2 + size + 2;
    }
    *out_len = (size_t)(to - from);
    return true;
}

/* Is a chunked body whole? Looks without touching it. */
static bool has_last_chunk(const bytes *in)
{
    return in->len >= 5 && memcmp(in->data + in->len - 5, "0\r\n\r\n", 5) == 0;
}

static bool read_answer(int fd, wire_answer *out)
{
    bytes in = { 0 };
    char *end = NULL;
    long length = -1;
    bool is_whole = false;
    while (!is_whole && receive(fd, &in)) {
        end = memmem(in.data, in.len, "\r\n\r\n", 4);
        if (end == NULL)
            continue;
        char kept = end[2];
        end[2] = '\0';
        length = number_of(in.data, "Content-Length");
        end[2] = kept;
        size_t have = in.len - (size_t)(end + 4 - in.data);
        is_whole = length >= 0 ? have >= (size_t)length : has_last_chunk(&in);
    }
    if (!is_whole) {
        free(in.data);
        return false;
    }
    *out = (wire_answer){ .status = atoi(in.data + 9), .headers = in.data, .memory = in.data,
                          .body = end + 4, .body_bytes = (size_t)length };
    if (length < 0 && !join_chunks(out->body, in.len - (size_t)(end + 4 - in.data),
                                   &out->body_bytes)) {
        fprintf(stderr, "bench: a chunked answer cannot be read\n");
        exit(3);
    }
    end[2] = '\0';
    return true;
}

wire_answer wire_call(wire *link, const wire_request *request)
{
    wire_answer answer = { 0 };
    if (link->fd >= 0 && is_closed(link->fd))
        wire_close(link);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (link->fd < 0)
            link->fd = dial();
        if (send_request(link->fd, request) && read_answer(link->fd, &answer))
            break;
        wire_close(link);
    }
    if (link->fd >= 0 && answer.headers != NULL &&
        strcasestr(answer.headers, "\r\nConnection: close") != NULL)
        wire_close(link);
    return answer;
}

long wire_header(const wire_answer *answer, const char *name)
{
    return answer->headers != NULL ? number_of(answer->headers, name) : -1;
}

void wire_free(wire_answer *answer)
{
    free(answer->memory);
    *answer = (wire_answer){ 0 };
}
