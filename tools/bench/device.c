/* tools/bench/device.c - drives libsotay as an embedder would: its public header and a socket.
 * Must never reach into the library, so that what is measured is what everybody gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/device.h"

void device_need(int code, const sotay_error *error, const char *what)
{
    if (code == SOTAY_OK)
        return;
    fprintf(stderr, "bench: %s: %s: %s\n", what, sotay_code_name((sotay_code)code), error->detail);
    exit(3);
}

void device_open(device *d, const char *dir)
{
    sotay_error error = { 0 };
    const sotay_open_how how = { .create = true, .lang = "en", .offset_minutes = 420 };
    *d = (device){ .link = { -1 } };
    device_need(sotay_lmdb_open(dir, true, &d->port, &error), &error, dir);
    device_need(sotay_open(&d->port, &how, &d->client, &error), &error, dir);
}

/* Rounds of request and answer until the library wants no more. */
static void drive(device *d, sotay_sync *sync)
{
    sotay_error error = { 0 };
    bool again = true;
    while (again) {
        sotay_request request = { 0 };
        char headers[256] = "";
        device_need(sotay_sync_next(sync, &request, &error), &error, "next");
        if (request.authorization != NULL)
            (void)snprintf(headers, sizeof headers, "Authorization: %s\r\nRange: bytes=%llu-\r\n",
                           request.authorization, (unsigned long long)request.range_from);
        wire_answer answer =
            wire_call(&d->link, &(wire_request){ request.method, request.path, request.body,
                                                 request.body_bytes, headers });
        if (answer.body_bytes > 0)
            device_need(sotay_sync_feed(sync, answer.body, answer.body_bytes, &error), &error,
                        "feed");
        device_need(sotay_sync_end(sync, answer.status, &again, &error), &error, "end");
        wire_free(&answer);
    }
    sotay_sync_free(sync);
}

void device_sync(device *d)
{
    sotay_error error = { 0 };
    sotay_sync *sync = NULL;
    device_need(sotay_sync_begin(d->client, &sync, &error), &error, "sync");
    sotay_sync_can_fetch(sync);
    drive(d, sync);
}

void device_push(device *d)
{
    sotay_error error = { 0 };
    sotay_sync *sync = NULL;
    device_need(sotay_sync_begin(d->client, &sync, &error), &error, "push");
    sotay_sync_send_only(sync);
    drive(d, sync);
}

void device_enrol(device *d, const char *link)
{
    sotay_error error = { 0 };
    sotay_sync *sync = NULL;
    device_need(sotay_enrol_begin(d->client, link, "bench", &sync, &error), &error, "enrol");
    drive(d, sync);
}

void device_close(device *d)
{
    sotay_close(d->client);
    sotay_port_close(&d->port);
    wire_close(&d->link);
}

void device_read_link(const char *path, int n, char *line, size_t line_bytes)
{
    FILE *file = fopen(path, "r");
    for (int i = 0; i <= n; i++)
        if (file == NULL || fgets(line, (int)line_bytes, file) == NULL) {
            fprintf(stderr, "bench: %s: no link %d\n", path, n);
            exit(2);
        }
    (void)fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
}
