/* tools/bench/peers/proxy.c - proxy LISTENPORT TARGETPORT COUNTERFILE: passes bytes on and counts
 * them. The file holds four numbers of 8 bytes: client to server, server to client, turns,
 * connections. A turn is a client's burst that opens a connection or follows a burst of the
 * server: one round trip that a slow link would pay for. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 17)
#define STACK_BYTES 65536u

typedef struct {
    _Atomic uint64_t up, down, turns, connections;
} counters;

typedef struct {
    int client, server;
    counters *count;
    char *buffer;
    bool server_spoke;         /* since the client's last burst */
} pair;

typedef struct {
    int client;
    uint16_t target;
    counters *count;
} job;

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* Moves what is there. False: this side is at its end. */
static bool pass(int from, int to, pair *p)
{
    ssize_t n = recv(from, p->buffer, BUFFER_BYTES, 0);
    if (n <= 0) {
        (void)shutdown(to, SHUT_WR);
        return false;
    }
    if (from == p->client) {
        atomic_fetch_add(&p->count->up, (uint64_t)n);
        if (p->server_spoke)
            atomic_fetch_add(&p->count->turns, 1);
        p->server_spoke = false;
    } else {
        atomic_fetch_add(&p->count->down, (uint64_t)n);
        p->server_spoke = true;
    }
    for (ssize_t sent = 0; sent < n;) {
        ssize_t w = send(to, p->buffer + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (w <= 0)
            return false;
        sent += w;
    }
    return true;
}

static void pump(pair *p)
{
    bool client_open = true, server_open = true;
    while (client_open || server_open) {
        struct pollfd ready[2] = { { client_open ? p->client : -1, POLLIN, 0 },
                                   { server_open ? p->server : -1, POLLIN, 0 } };
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            return;
        if (ready[0].revents != 0)
            client_open = pass(p->client, p->server, p);
        if (ready[1].revents != 0)
            server_open = pass(p->server, p->client, p);
    }
}

static void *serve(void *argument)
{
    job *work = argument;
    int on = 1;
    pair p = { .client = work->client, .server = socket(AF_INET, SOCK_STREAM, 0),
               .count = work->count, .buffer = malloc(BUFFER_BYTES), .server_spoke = true };
    struct sockaddr_in to = loopback(work->target);
    free(work);
    if (p.buffer != NULL && connect(p.server, (struct sockaddr *)&to, sizeof to) == 0) {
        (void)setsockopt(p.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(p.server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pump(&p);
    }
    (void)close(p.client);
    (void)close(p.server);
    free(p.buffer);
    return NULL;
}

static counters *open_counters(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof(counters)) != 0)
        return NULL;
    void *map = mmap(NULL, sizeof(counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

static int listen_on(uint16_t port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = loopback(port);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 512) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    counters *count = open_counters(argv[3]);
    int door = listen_on((uint16_t)atoi(argv[1]));
    if (count == NULL || door < 0) {
        perror("proxy");
        return 1;
    }
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, STACK_BYTES);
    puts("ready");
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        job *work = malloc(sizeof *work);
        int client = accept(door, NULL, NULL);
        if (work == NULL || client < 0) {
            free(work);
            continue;
        }
        atomic_fetch_add(&count->connections, 1);
        *work = (job){ client, (uint16_t)atoi(argv[2]), count };
        if (pthread_create(&thread, &detached, serve, work) != 0) {
            (void)close(client);
            free(work);
        }
    }
}
