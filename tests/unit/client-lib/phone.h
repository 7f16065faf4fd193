/* tests/unit/client-lib/phone.h - one phone for a test: a port in memory and its client. */
#ifndef SOTAY_TESTS_PHONE_H
#define SOTAY_TESTS_PHONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client-lib/edge.h"
#include "tests/unit/client-lib/edge_forms.h"

typedef struct {
    sotay_port port;
    sotay_client *client;
    sotay_error error;
} phone;

#define PHONE_WALL_MS INT64_C(1773302400000) /* 2026-03-12 in Viet Nam */

static inline void phone_open(phone *p)
{
    const sotay_open_how how = { NULL, true, "vi", 420 };
    int rc = sotay_open(&p->port, &how, &p->client, &p->error);
    assert_int_equal(edge_settle(&p->port, p->client, rc), SOTAY_OK);
}

/* The same port, a new client. */
static inline void phone_reopen(phone *p)
{
    sotay_close(p->client);
    phone_open(p);
}

/* A store of its own, not enrolled. */
static inline void phone_new(phone *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    assert_int_equal(sotay_memory_open(seed, &p->port, &p->error), SOTAY_OK);
    sotay_memory_clock(&p->port, PHONE_WALL_MS, 1000);
    phone_open(p);
}

/* Enrolled and synced. */
static inline void phone_make(phone *p, edge *e, int person)
{
    phone_new(p, 100 + (uint64_t)e->devices_count);
    assert_int_equal(edge_enrol(e, p->client, person, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, p->client, NULL, NULL), SOTAY_OK);
}

static inline void phone_free(phone *p)
{
    sotay_close(p->client);
    sotay_port_close(&p->port);
}

/* A server with the phone of person 0 (an) alone, or beside that of person 1 (binh). */
static inline edge *phone_alone(phone *an)
{
    edge *e = edge_new();
    phone_make(an, e, 0);
    return e;
}

static inline edge *phone_pair(phone *an, phone *binh)
{
    edge *e = phone_alone(an);
    phone_make(binh, e, 1);
    return e;
}

/* The end of both; binh may be NULL. */
static inline void phone_part(edge *e, phone *an, phone *binh)
{
    phone_free(an);
    if (binh != NULL)
        phone_free(binh);
    edge_free(e);
}

/* As after a crash or kill -9: whatever was not committed is gone. */
static inline void phone_crash(phone *p, bool copied)
{
    sotay_port after;
    assert_int_equal(sotay_memory_copy(&p->port, copied, &after, &p->error), SOTAY_OK);
    phone_free(p);
    p->port = after;
    phone_open(p);
}

static inline int phone_set(phone *p, const sotay_id *record, const char *path, const char *value)
{
    const sotay_pair pair = { path, value };
    const sotay_pairs pairs = { &pair, 1 };
    return sotay_record_set(p->client, record, pairs, &p->error);
}

/* A visit with a place. */
static inline sotay_id phone_visit(phone *p, const char *place)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "place", place } };
    const sotay_pairs pairs = { list, 3 };
    sotay_id id;
    assert_int_equal(sotay_record_new(p->client, "visit", EDGE_UNIT, pairs, &id, &p->error),
                     SOTAY_OK);
    return id;
}

static inline st_id id_of_device(const phone *p)
{
    st_id id;
    sotay_who who;
    sotay_whoami(p->client, &who);
    memcpy(id.b, who.device.b, sizeof id.b);
    return id;
}

/* As commands of the office name it; good until the next call. */
static inline const char *device_of(phone *p)
{
    static char hex[33];
    sotay_who who;
    sotay_whoami(p->client, &who);
    sotay_id_format(&who.device, hex);
    return hex;
}

static inline st_id phone_id(const sotay_id *id)
{
    st_id inner;
    memcpy(inner.b, id->b, sizeof inner.b);
    return inner;
}

/* Does the JSON of a record (or of a list, a history, the status) hold this text? */
typedef int (*phone_reader)(sotay_client *client, const sotay_id *record, sotay_format format,
                            char **out_text, sotay_error *error);
static inline bool phone_says(phone *p, phone_reader read, const sotay_id *record, const char *text)
{
    char *json = NULL;
    int rc = read(p->client, record, SOTAY_JSON, &json, &p->error);
    if (rc != SOTAY_OK)
        print_message("  reading: %d %s\n", rc, p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
    bool found = strstr(json, text) != NULL;
    if (!found)
        print_message("  no '%s' in %s", text, json);
    sotay_text_free(json);
    return found;
}

static inline bool phone_status_says(phone *p, const char *text)
{
    char *json = NULL;
    assert_int_equal(sotay_status(p->client, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    bool found = strstr(json, text) != NULL;
    if (!found)
        print_message("  no '%s' in %s", text, json);
    sotay_text_free(json);
    return found;
}

#endif
