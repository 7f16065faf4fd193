/* server/http/guard.c - promises that no client holds a worker longer than its deadline: CivetWeb
 * limits silence only, so a client that drips would stay for ever. A thread looks four times a
 * second and ends the reading of what is over time. Must never touch a descriptor that is not
 * ours: each watched one is a duplicate made while its connection was open. While more are served
 * than one address may have, it also looks whose they are: neither one that never ends its head nor
 * one that keeps its line open can take all workers. */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/http/request.h"
#include "server/http/tally.h"

#define GUARD_SLOTS 2048
#define GUARD_TICK_MS 250

typedef struct {
    int fd;                    /* duplicate; -1: free */
    bool cut;
    int64_t deadline_ms;
} guard_slot;

struct http_guard {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    unsigned watched;
    unsigned connections;      /* that workers are at */
    unsigned per_address;
    unsigned port;             /* 0: not known yet */
    tally *crowd;              /* counted anew at each look */
    int fd_max;
    guard_slot slots[GUARD_SLOTS];
};

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void cut_late(http_guard *guard)
{
    int64_t now = mono_ms();
    for (int i = 0; i < GUARD_SLOTS; i++) {
        guard_slot *slot = &guard->slots[i];
        if (slot->fd < 0 || slot->cut || now < slot->deadline_ms)
            continue;
        (void)shutdown(slot->fd, SHUT_RD);       /* the refusal still goes out */
        slot->cut = true;
    }
}

/* Whose connection to our door a descriptor is. False: it is none, or this machine's own. */
static bool whose(int fd, unsigned port, struct in_addr *out_address)
{
    struct sockaddr_in address = { 0 };
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        address.sin_family != AF_INET || ntohs(address.sin_port) != port)
        return false;
    len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0 ||
        address.sin_addr.s_addr == htonl(INADDR_LOOPBACK))
        return false;
    *out_address = address.sin_addr;
    return true;
}

/* Ends the connection if it is still that of the address. A worker may close the number at any
 * time, and it may be another's by now (a checker of races says so): what counts is looked at on
 * the duplicate, which nobody else closes. If that is another connection of the same address, it is
 * one too many as well; if a file, closing the duplicate takes no lock along: none that this
 * process has locked is opened again once the door is open. */
static void shut(int number, unsigned port, struct in_addr address)
{
    struct in_addr now;
    int fd = dup(number);
    if (fd < 0)
        return;
    if (whose(fd, port, &now) && now.s_addr == address.s_addr)
        (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
}

static void cut_crowds(http_guard *guard)
{
    struct in_addr address, last = { 0 };
    unsigned closed = 0;
    tally_clear(guard->crowd);
    for (int fd = 3; fd < guard->fd_max; fd++) {
        uint8_t key[TALLY_KEY_BYTES] = { 0 };
        if (!whose(fd, guard->port, &address))
            continue;
        memcpy(key, &address, sizeof address);
        if (tally_enter(guard->crowd, key))
            continue;
        shut(fd, guard->port, address);
        last = address;
        closed++;
    }
    char text[INET_ADDRSTRLEN] = "";
    if (closed > 0)
        (void)fprintf(stderr, "%u connections closed: more than %u from %s\n", closed,
                      guard->per_address, inet_ntop(AF_INET, &last, text, sizeof text));
}

static bool is_crowded(const http_guard *guard)
{
    return guard->port != 0 && guard->connections > guard->per_address;
}

static void *watch(void *argument)
{
    http_guard *guard = argument;
    pthread_mutex_lock(&guard->lock);
    while (!guard->stop) {
        while (!guard->stop && guard->watched == 0 && !is_crowded(guard))
            pthread_cond_wait(&guard->wake, &guard->lock);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until); /* a wall clock set back would stop the watch */
        until.tv_nsec += GUARD_TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (!guard->stop)
            (void)pthread_cond_timedwait(&guard->wake, &guard->lock, &until);
        cut_late(guard);
        if (is_crowded(guard))
            cut_crowds(guard);
    }
    pthread_mutex_unlock(&guard->lock);
    return NULL;
}

void http_wake_init(pthread_cond_t *wake)
{
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(wake, &how);
    pthread_condattr_destroy(&how);
}

http_guard *http_guard_new(unsigned per_address)
{
    http_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL)
        return NULL;
    struct rlimit limit = { 0 };
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    guard->fd_max = limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    guard->per_address = per_address;
    guard->crowd = tally_new((unsigned)guard->fd_max, per_address);
    if (guard->crowd == NULL) {
        free(guard);
        return NULL;
    }
    for (int i = 0; i < GUARD_SLOTS; i++)
        guard->slots[i].fd = -1;
    pthread_mutex_init(&guard->lock, NULL);
    http_wake_init(&guard->wake);
    if (pthread_create(&guard->thread, NULL, watch, guard) != 0) {
        tally_free(guard->crowd);
        free(guard);
        return NULL;
    }
    return guard;
}

void http_guard_free(http_guard *guard)
{
    if (guard == NULL)
        return;
    pthread_mutex_lock(&guard->lock);
    guard->stop = true;
    pthread_cond_signal(&guard->wake);
    pthread_mutex_unlock(&guard->lock);
    pthread_join(guard->thread, NULL);
    for (int i = 0; i < GUARD_SLOTS; i++)
        if (guard->slots[i].fd >= 0)
            close(guard->slots[i].fd);
    pthread_cond_destroy(&guard->wake);
    pthread_mutex_destroy(&guard->lock);
    tally_free(guard->crowd);
    free(guard);
}

void http_guard_door(http_guard *guard, unsigned port)
{
    pthread_mutex_lock(&guard->lock);
    guard->port = port;
    pthread_mutex_unlock(&guard->lock);
}

void http_guard_came(http_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    guard->connections++;
    if (is_crowded(guard))
        pthread_cond_signal(&guard->wake);
    pthread_mutex_unlock(&guard->lock);
}

void http_guard_went(http_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    assert(guard->connections > 0);
    guard->connections--;
    pthread_mutex_unlock(&guard->lock);
}

/* Two phones behind different addresses may well have the same port. */
static bool is_connection(int fd, const http_peer *peer)
{
    struct sockaddr_in address = { 0 };
    socklen_t len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0 ||
        address.sin_family != AF_INET || ntohs(address.sin_port) != peer->remote_port ||
        address.sin_addr.s_addr != peer->remote_address)
        return false;
    len = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           ntohs(address.sin_port) == peer->local_port;
}

/* CivetWeb does not tell the descriptor of a connection. Returns a duplicate, or -1. The worker
 * that asks has this connection open, so its number is nobody else's until it is done. */
static int find_connection(const http_guard *guard, const http_peer *peer)
{
    for (int fd = 3; fd < guard->fd_max; fd++)
        if (is_connection(fd, peer))
            return dup(fd);
    return -1;
}

int http_guard_watch(http_guard *guard, const http_peer *peer, unsigned deadline_ms)
{
    int fd = find_connection(guard, peer), ticket = -1;
    if (fd < 0)
        return -1;
    pthread_mutex_lock(&guard->lock);
    for (int i = 0; i < GUARD_SLOTS && ticket < 0; i++)
        if (guard->slots[i].fd < 0)
            ticket = i;
    if (ticket >= 0) {
        guard->slots[ticket] = (guard_slot){ .fd = fd, .deadline_ms = mono_ms() + deadline_ms };
        guard->watched++;
        pthread_cond_signal(&guard->wake);
    }
    pthread_mutex_unlock(&guard->lock);
    if (ticket < 0)
        close(fd);
    return ticket;
}

void http_guard_extend(http_guard *guard, int ticket, unsigned deadline_ms)
{
    assert(ticket >= 0 && ticket < GUARD_SLOTS);
    pthread_mutex_lock(&guard->lock);
    guard->slots[ticket].deadline_ms = mono_ms() + deadline_ms;
    pthread_mutex_unlock(&guard->lock);
}

bool http_guard_end(http_guard *guard, int ticket)
{
    assert(ticket >= 0 && ticket < GUARD_SLOTS);
    pthread_mutex_lock(&guard->lock);
    bool was_cut = guard->slots[ticket].cut;
    close(guard->slots[ticket].fd);
    guard->slots[ticket].fd = -1;
    guard->watched--;
    pthread_mutex_unlock(&guard->lock);
    return was_cut;
}
