/* tests/cross/embed.c - a program of somebody else around the client library: a phone in memory
 * enrols at a small office, records a visit and shows it.
 * Promises: prints what it shows and answers 0, or says which call failed and answers 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "tests/unit/client-lib/edge.h"

#define WALL_MS INT64_C(7226582400000) /* in 2199: past the end of a 32-bit time_t */

static int failed(const char *what, int rc, const sotay_error *error)
{
    printf("%s: %s: %s\n", what, sotay_code_name((sotay_code)rc), error->detail);
    return 1;
}

/* What stands on the phone after a sync: the visit as text and as JSON. */
static int show(sotay_client *client, const sotay_id *visit, sotay_error *error)
{
    static const sotay_format FORMATS[] = { SOTAY_TEXT, SOTAY_JSON };
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        char *text = NULL;
        int rc = sotay_show(client, visit, FORMATS[i], &text, error);
        if (rc != SOTAY_OK)
            return failed("show", rc, error);
        puts(text);
        bool whole = strstr(text, "của an") != NULL;
        sotay_text_free(text);
        if (!whole) {
            puts("show: the place is missing");
            return 1;
        }
    }
    return 0;
}

static int play(edge *office, sotay_client *client)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2199-01-02" },
                                { "place", "nhà của an" } };
    const sotay_pairs pairs = { list, sizeof list / sizeof list[0] };
    sotay_error error = { SOTAY_OK, "" };
    sotay_id visit;
    int rc = edge_enrol(office, client, 0, NULL);
    if (rc != SOTAY_OK)
        return failed("enrol", rc, &error);
    rc = edge_sync(office, client, NULL, NULL);
    if (rc != SOTAY_OK)
        return failed("first sync", rc, &error);
    rc = sotay_record_new(client, "visit", EDGE_UNIT, pairs, &visit, &error);
    if (rc != SOTAY_OK)
        return failed("record", rc, &error);
    if (show(client, &visit, &error) != 0)
        return 1;
    rc = edge_sync(office, client, NULL, NULL);
    if (rc != SOTAY_OK)
        return failed("second sync", rc, &error);
    return show(client, &visit, &error);
}

int main(void)
{
    const sotay_open_how how = { NULL, true, "vi", 420 };
    sotay_error error = { SOTAY_OK, "" };
    sotay_port port;
    sotay_client *client = NULL;
    edge *office = edge_new();
    int rc = sotay_memory_open(1, &port, &error);
    if (rc != SOTAY_OK)
        return failed("port", rc, &error);
    sotay_memory_clock(&port, WALL_MS, 1000);
    rc = sotay_open(&port, &how, &client, &error);
    if (rc != SOTAY_OK)
        return failed("open", rc, &error);
    rc = play(office, client);
    sotay_close(client);
    sotay_port_close(&port);
    edge_free(office);
    return rc;
}
