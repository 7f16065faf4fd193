/* tools/bench/crowd.c - crowd DIR URL LINKS PHONES SETS: so many phones with so many change-sets
 * each come back at the same moment, as after a day without signal, and go on until all is
 * acknowledged. Prints one JSON document: how many were, the times, and what they sent.
 * Each phone is a thread with an LMDB store under DIR, driven by libsotay's own libcurl driver with
 * its waits; LINKS has an enrolment link and the phone's unit a line. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/bench/device.h"

#define PHONES_MAX       4096
#define STACK_BYTES      ((size_t)512 * 1024)
#define RETRY_S          600
#define PREPARES_AT_ONCE 16
#define FORM             "visit"

typedef struct {
    const char *url, *links;
    char dir[512], unit[40];
    int number, sets;
    sotay_port port;
    sotay_client *client;
    double took_s;
    sotay_report report;
    bool is_acknowledged;
} phone;

typedef struct {
    phone *phones;
    int count;
    atomic_int next;
} queue;

static pthread_barrier_t together;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Sealed by itself: a request is made, and not sent. */
static void seal(phone *p)
{
    sotay_error error = { 0 };
    sotay_sync *sync = NULL;
    sotay_request request;
    device_need(sotay_sync_begin(p->client, &sync, &error), &error, "begin");
    device_need(sotay_sync_next(sync, &request, &error), &error, "seal");
    sotay_sync_free(sync);
}

static void add_set(phone *p, int n)
{
    char text[80];
    sotay_id id;
    sotay_error error = { 0 };
    const sotay_pair pairs[] = { { "visit_kind", "giam_sat" }, { "place", text } };
    (void)snprintf(text, sizeof text, "máy %d phiếu %d", p->number, n);
    int rc = sotay_record_new(p->client, FORM, p->unit, (sotay_pairs){ pairs, 2 }, &id, &error);
    device_need(rc, &error, "new");
    seal(p);
}

/* Enrolled, the book read, and the day's work on disk. */
static void prepare(phone *p)
{
    char link[512];
    sotay_error error = { 0 };
    const sotay_open_how open = { .create = true, .lang = "en", .offset_minutes = 420 };
    const sotay_curl_how how = { .url = p->url };
    device_read_link(p->links, p->number, link, sizeof link);
    char *unit = strchr(link, ' ');
    if (unit != NULL) {
        (void)snprintf(p->unit, sizeof p->unit, "%s", unit + 1);
        *unit = '\0';
    }
    device_need(sotay_lmdb_open(p->dir, true, &p->port, &error), &error, "store");
    device_need(sotay_open(&p->port, &open, &p->client, &error), &error, "open");
    device_need(sotay_curl_enrol(p->client, link, &how, NULL, &error), &error, "enrol");
    for (int n = 0; n < p->sets; n++)
        add_set(p, n);
}

static void *prepare_some(void *argument)
{
    queue *all = argument;
    for (int i = atomic_fetch_add(&all->next, 1); i < all->count;
         i = atomic_fetch_add(&all->next, 1))
        prepare(&all->phones[i]);
    return NULL;
}

static void *come_back(void *argument)
{
    phone *p = argument;
    sotay_error error = { 0 };
    const sotay_curl_how how = { .url = p->url, .retry_for_s = RETRY_S };
    (void)pthread_barrier_wait(&together);
    double begun = now_s();
    int rc = sotay_curl_sync(p->client, &how, &p->report, NULL, &error);
    p->took_s = now_s() - begun;
    p->is_acknowledged = rc == SOTAY_OK && p->report.complete &&
                         p->report.stored + p->report.duplicate >= (uint64_t)p->sets;
    if (!p->is_acknowledged)
        fprintf(stderr, "crowd: phone %d: %s: %s\n", p->number, sotay_code_name((sotay_code)rc),
                error.detail);
    return NULL;
}

static void run_threads(void *(*run)(void *), void *first, size_t step, int count)
{
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (int i = 0; i < count; i++)
        if (threads == NULL ||
            pthread_create(&threads[i], &attributes, run, (char *)first + step * (size_t)i) != 0) {
            fputs("crowd: no thread\n", stderr);
            exit(1);
        }
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
}

static int by_time(const void *a, const void *b)
{
    double x = ((const phone *)a)->took_s, y = ((const phone *)b)->took_s;
    return (x > y) - (x < y);
}

static void say(phone *phones, int count)
{
    uint64_t requests = 0, stored = 0, duplicate = 0, up = 0, down = 0;
    int acknowledged = 0;
    for (int i = 0; i < count; i++) {
        acknowledged += phones[i].is_acknowledged;
        requests += phones[i].report.requests;
        stored += phones[i].report.stored;
        duplicate += phones[i].report.duplicate;
        up += phones[i].report.bytes_up;
        down += phones[i].report.bytes_down;
    }
    qsort(phones, (size_t)count, sizeof *phones, by_time);
    printf("{\"phones\":%d,\"acknowledged\":%d,\"stored\":%llu,\"duplicate\":%llu,"
           "\"requests\":%llu,\"bytes_up\":%llu,\"bytes_down\":%llu,"
           "\"p50_s\":%.3f,\"p99_s\":%.3f,\"max_s\":%.3f}\n",
           count, acknowledged, (unsigned long long)stored, (unsigned long long)duplicate,
           (unsigned long long)requests, (unsigned long long)up, (unsigned long long)down,
           phones[count / 2].took_s, phones[count * 99 / 100].took_s, phones[count - 1].took_s);
}

int main(int argc, char **argv)
{
    int count = argc == 6 ? atoi(argv[4]) : 0, sets = argc == 6 ? atoi(argv[5]) : 0;
    struct rlimit files;
    char line[8];
    if (count < 1 || count > PHONES_MAX || sets < 1) {
        fputs("usage: crowd DIR URL LINKS PHONES SETS\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    phone *phones = calloc((size_t)count, sizeof *phones);
    if (phones == NULL)
        return 1;
    for (int i = 0; i < count; i++) {
        phones[i] = (phone){ .url = argv[2], .links = argv[3], .number = i, .sets = sets };
        (void)snprintf(phones[i].dir, sizeof phones[i].dir, "%s/phone-%d", argv[1], i);
    }
    queue all = { phones, count, 0 };
    run_threads(prepare_some, &all, 0, PREPARES_AT_ONCE);
    puts("prepared");
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) /* the word to go */
        return 1;
    pthread_barrier_init(&together, NULL, (unsigned)count);
    run_threads(come_back, phones, sizeof *phones, count);
    say(phones, count);
    for (int i = 0; i < count; i++) {
        sotay_close(phones[i].client);
        sotay_port_close(&phones[i].port);
    }
    free(phones);
    return 0;
}
