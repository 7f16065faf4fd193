/* tests/storm/fleet.c - storm-fleet DIR URL FIRST COUNT: some phones of the storm in one process,
 * each a thread with a store of its own under DIR/phone-N, driven through the public header.
 * Each saves and syncs until DIR/stop is there, then until nothing is left to send. It may be
 * killed at any moment and started again. DIR/links has one enrolment link a line, line N for
 * phone N; DIR/shared names a record that all of them write.
 *
 * DIR/phone-N.journal says what happened, one line each, in the order in which it happened:
 *   R RECORD      a record was made
 *   T N RECORD    item N with the text "PHONE-N" is about to be saved in the record
 *   S N           that save was said to be durable
 *   A N           everything up to item N was acknowledged by the server
 *   X WHAT        something that must not happen
 *   D             nothing is left to send
 * Must never write S or A before the library said so, nor end without D or X. */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/include/sotay.h"

#define PHONES_MAX     64
#define ITEMS_A_RECORD 20
#define BURST_MAX      2
#define PAUSE_MS_MAX   40
#define UNSENT_MAX     12 /* nobody types without end while there is no signal */
#define DRAIN_TRIES    400
#define PATH_BYTES     1024

typedef struct {
    const char *dir, *url;
    int number;
    int journal_fd;
    unsigned long n;     /* last item tried */
    unsigned long saved; /* last item saved */
    unsigned long acked; /* last item acknowledged */
    unsigned in_record;
    bool has_record, has_shared;
    unsigned random; /* of the pace only */
    sotay_id record, shared;
    sotay_port port;
    sotay_client *client;
} phone;

static const char *const UNITS[] = { "01477-x013", "01477-x014", "01477-x015" };

static void sleep_ms(unsigned ms)
{
    const struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000L };
    (void)nanosleep(&pause, NULL);
}

/* A line in one write: whole or not there. */
__attribute__((format(printf, 2, 3))) static void say(phone *p, const char *format, ...)
{
    char line[400];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (len < 0 || len >= (int)sizeof line || write(p->journal_fd, line, (size_t)len) != len)
        abort();
}

static bool is_there(const phone *p, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
    return access(path, F_OK) == 0;
}

/* Line `number` (from 0) of DIR/name without its end. */
static bool read_line(const phone *p, const char *name, int number, char line[PATH_BYTES])
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
    FILE *file = fopen(path, "r");
    bool found = file != NULL;
    for (int i = 0; found && i <= number; i++)
        found = fgets(line, PATH_BYTES, file) != NULL;
    if (file != NULL)
        (void)fclose(file);
    if (found)
        line[strcspn(line, "\r\n")] = '\0';
    return found;
}

/* What an earlier life of this phone wrote; a last line without its end is no line. */
static void read_journal(phone *p)
{
    char path[PATH_BYTES], line[400], hex[64];
    (void)snprintf(path, sizeof path, "%s/phone-%d.journal", p->dir, p->number);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL && strchr(line, '\n') != NULL) {
        if (sscanf(line, "T %lu", &p->n) == 1)
            p->in_record++;
        (void)sscanf(line, "S %lu", &p->saved);
        (void)sscanf(line, "A %lu", &p->acked);
        if (sscanf(line, "R %63s", hex) == 1) {
            p->has_record = sotay_id_parse(hex, &p->record);
            p->in_record = 0;
        }
    }
    if (file != NULL)
        (void)fclose(file);
    p->journal_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Codes that a dead, stopping or full server explains; all else must not happen. */
static bool is_weather(int rc)
{
    return rc == SOTAY_E_NETWORK || rc == SOTAY_E_BUSY || rc == SOTAY_E_SERVER;
}

static bool went_wrong(phone *p, int rc, const sotay_error *error, const char *what)
{
    if (rc == SOTAY_OK || is_weather(rc))
        return false;
    say(p, "X %s: %s: %.150s\n", what, sotay_code_name((sotay_code)rc), error->detail);
    return true;
}

/* ---- the work of one phone: each returns false when it has to end ---- */

static bool open_phone(phone *p)
{
    char path[PATH_BYTES];
    sotay_error error = { 0 };
    const sotay_open_how how = { .create = true, .lang = "en", .offset_minutes = 420 };
    (void)snprintf(path, sizeof path, "%s/phone-%d", p->dir, p->number);
    int rc = sotay_lmdb_open(path, true, &p->port, &error);
    if (rc == SOTAY_OK)
        rc = sotay_open(&p->port, &how, &p->client, &error);
    if (rc != SOTAY_OK)
        say(p, "X open: %s: %.150s\n", sotay_code_name((sotay_code)rc), error.detail);
    return rc == SOTAY_OK;
}

static bool enrol(phone *p)
{
    char link[PATH_BYTES];
    sotay_error error = { 0 };
    sotay_who who;
    const sotay_curl_how how = { .url = p->url, .label = "storm", .stall_timeout_s = 20 };
    sotay_whoami(p->client, &who);
    while (!who.is_enrolled) {
        if (!read_line(p, "links", p->number, link)) {
            say(p, "X no link\n");
            return false;
        }
        int rc = sotay_curl_enrol(p->client, link, &how, NULL, &error);
        if (went_wrong(p, rc, &error, "enrol"))
            return false;
        sotay_whoami(p->client, &who);
        sleep_ms(10);
    }
    return true;
}

static bool new_record(phone *p)
{
    char hex[33];
    sotay_error error = { 0 };
    const sotay_pair pair = { "visit_kind", "giam_sat" };
    int rc = sotay_record_new(p->client, "visit", UNITS[p->number % 3], (sotay_pairs){ &pair, 1 },
                              &p->record, &error);
    if (rc != SOTAY_OK) {
        say(p, "X new: %s: %.150s\n", sotay_code_name((sotay_code)rc), error.detail);
        return false;
    }
    sotay_id_format(&p->record, hex);
    say(p, "R %s\n", hex);
    p->in_record = 0;
    p->has_record = true;
    return true;
}

static bool save_item(phone *p)
{
    char text[64], item[SOTAY_ITEM_TEXT], hex[33];
    sotay_error error = { 0 };
    const sotay_pair pairs[] = { { "kind", "khac" }, { "text", text } };
    if ((!p->has_record || p->in_record >= ITEMS_A_RECORD) && !new_record(p))
        return false;
    (void)snprintf(text, sizeof text, "%d-%lu", p->number, ++p->n);
    sotay_id_format(&p->record, hex);
    say(p, "T %lu %s\n", p->n, hex);
    int rc =
        sotay_item_new(p->client, &p->record, "findings", (sotay_pairs){ pairs, 2 }, item, &error);
    if (rc != SOTAY_OK) {
        say(p, "X item: %s: %.150s\n", sotay_code_name((sotay_code)rc), error.detail);
        return false;
    }
    say(p, "S %lu\n", p->n);
    p->saved = p->n;
    p->in_record++;
    return true;
}

/* One field that everybody writes and that takes the last word of whoever saw the others': it must
 * come out alike on all of them. */
static bool save_shared(phone *p)
{
    char text[64], hex[PATH_BYTES];
    sotay_error error = { 0 };
    const sotay_pair pair = { "place", text };
    if (!p->has_shared && (!read_line(p, "shared", 0, hex) || !sotay_id_parse(hex, &p->shared)))
        return true;
    p->has_shared = true;
    (void)snprintf(text, sizeof text, "%d wrote %lu", p->number, p->n);
    int rc = sotay_record_set(p->client, &p->shared, (sotay_pairs){ &pair, 1 }, &error);
    if (rc == SOTAY_OK || rc == SOTAY_E_NOT_FOUND) /* not read yet */
        return true;
    say(p, "X shared: %s: %.150s\n", sotay_code_name((sotay_code)rc), error.detail);
    return false;
}

/* *out_done: all was sent and read, and nothing is held. */
static bool sync_once(phone *p, bool *out_done)
{
    sotay_error error = { 0 };
    sotay_report report = { 0 };
    unsigned long saved = p->saved;
    const sotay_curl_how how = { .url = p->url, .stall_timeout_s = 20 };
    int rc = sotay_curl_sync(p->client, &how, &report, NULL, &error);
    *out_done = rc == SOTAY_OK && report.complete && !report.needs_person;
    if (rc != SOTAY_E_STORAGE && went_wrong(p, rc, &error, "sync")) /* the server's disk is full */
        return false;
    if (rc == SOTAY_OK && (report.needs_person || report.repaired_buckets > 0)) {
        say(p, "X a sync needs a person: %llu held, %llu repaired\n",
            (unsigned long long)report.held, (unsigned long long)report.repaired_buckets);
        return false;
    }
    if (*out_done && saved > p->acked) {
        say(p, "A %lu\n", saved);
        p->acked = saved;
    }
    if (rc != SOTAY_OK)
        sleep_ms(8);
    return true;
}

static bool work(phone *p)
{
    bool done;
    unsigned burst = 1 + (unsigned)rand_r(&p->random) % BURST_MAX;
    for (unsigned i = 0; i < burst && p->n < p->acked + UNSENT_MAX; i++)
        if (!save_item(p))
            return false;
    if (!sync_once(p, &done))
        return false;
    if (done && rand_r(&p->random) % 4 == 0 && !save_shared(p))
        return false;
    sleep_ms((unsigned)rand_r(&p->random) % PAUSE_MS_MAX);
    return true;
}

/* The first sync brings the forms, and may have been cut when the enrolment stood. */
static bool read_book(phone *p)
{
    bool done = p->has_record;
    while (!done && !is_there(p, "stop"))
        if (!sync_once(p, &done))
            return false;
    return true;
}

static void *live(void *argument)
{
    phone *p = argument;
    read_journal(p);
    bool going = open_phone(p) && enrol(p) && read_book(p), done = false;
    while (going && !is_there(p, "stop"))
        going = work(p);
    for (int i = 0; going && !done && i < DRAIN_TRIES; i++)
        going = sync_once(p, &done);
    if (going)
        say(p, done ? "D\n" : "X it does not drain\n");
    sotay_close(p->client);
    sotay_port_close(&p->port);
    (void)close(p->journal_fd);
    return NULL;
}

int main(int argc, char **argv)
{
    static phone phones[PHONES_MAX];
    pthread_t threads[PHONES_MAX];
    int first = argc == 5 ? atoi(argv[3]) : 0, count = argc == 5 ? atoi(argv[4]) : 0;
    if (count < 1 || count > PHONES_MAX) {
        fprintf(stderr, "usage: storm-fleet DIR URL FIRST COUNT\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        phones[i] = (phone){ .dir = argv[1], .url = argv[2], .number = first + i };
        phones[i].random = (unsigned)(first + i) * 2654435761u + (unsigned)getpid();
        if (pthread_create(&threads[i], NULL, live, &phones[i]) != 0)
            return 2;
    }
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    return 0;
}
