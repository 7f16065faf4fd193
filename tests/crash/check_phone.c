/* tests/crash/check_phone.c - a phone's folder after a cut and a new start of the machine. What
 * must hold: before `enrol` said that it was done, it can be done again, with the same link and
 * the key that the server may have seen; afterwards the store opens, is no copy, shows
 * everything that was saved or shown, gives the files that were attached or fetched, bears what no
 * backup covers, takes one change more with a counter of its own, and the next request carries
 * whatever the server does not have, under a request counter that was never sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "client-lib/ports/posix.h"
#include "proto/bytes.h"
#include "proto/hash.h"
#include "tests/crash/check.h"

#define SHOWN_MAX 64u

typedef struct {
    crash_case *c;
    sotay_port port;
    sotay_client *client;
    sotay_who who;
    uint64_t counter; /* of the change made here */
} phone;

/* The machine as it is after the cut: another boot, and the file `install` is the one of the
 * recording (or a new one, when it was lost). The port gives no room for a context of ours. */
static struct {
    uint8_t install[8];
    bool is_known;
    const char *dir;
} place;

static int place_of(void *context, uint8_t out_boot[8], uint8_t out_install[8], sotay_error *error)
{
    (void)context;
    memcpy(out_boot, "after it", 8);
    int rc = posix_install(place.dir, out_install, error);
    if (place.is_known)
        memcpy(out_install, place.install, 8);
    return rc;
}

static void set_place(const crash_case *c)
{
    char name[DISK_NAME_BYTES];
    uint64_t device = 0;
    uint8_t bytes[16];
    (void)snprintf(name, sizeof name, "%s/install", c->target);
    uint64_t inode = disk_inode(c->disk, name, &device);
    st_put_u64(bytes, device);
    st_put_u64(bytes + 8, inode);
    st_hash hash = st_sha256(bytes, sizeof bytes);
    memcpy(place.install, hash.b, 8);
    place.is_known = inode != 0;
    place.dir = c->dir;
}

/* ---- what is shown ---- */

static bool check_shown(phone *p)
{
    crash_case *c = p->c;
    struct {
        sotay_id id;
        char *text;
    } shown[SHOWN_MAX];
    size_t count = 0;
    bool good = true;
    for (size_t i = 0; good && i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        const owed *o = &c->owed->items[i];
        char record[33], token[128];
        sotay_id id;
        sotay_error error = { SOTAY_OK, "" };
        size_t k = 0;
        if (o->kind != OWED_SHOWS)
            continue;
        if (sscanf(o->text, "%32s %127s", record, token) != 2 || !sotay_id_parse(record, &id)) {
            good = case_fails(c, "a mark that cannot be read: %s", o->text);
            break;
        }
        while (k < count && memcmp(shown[k].id.b, id.b, 16) != 0)
            k++;
        if (k == SHOWN_MAX)
            continue;
        if (k == count) {
            shown[k].id = id;
            if (sotay_show(p->client, &id, SOTAY_JSON, &shown[k].text, &error) != SOTAY_OK) {
                good = case_fails(c, "record %s is not shown: %s", record, error.detail);
                break;
            }
            count++;
        }
        if (strstr(shown[k].text, token) == NULL)
            good = case_fails(c, "record %s no longer shows %s", record, token);
    }
    for (size_t k = 0; k < count; k++)
        sotay_text_free(shown[k].text);
    return good;
}

/* ---- files ---- */

/* Was it let go before the cut? */
static bool is_let_go(const crash_case *c, const char *record_and_item)
{
    size_t len = strlen(record_and_item);
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++)
        if (c->owed->items[i].kind == OWED_LETS &&
            strncmp(c->owed->items[i].text, record_and_item, len) == 0)
            return true;
    return false;
}

static bool check_file(phone *p, const owed *o)
{
    char record[33], item[SOTAY_ITEM_TEXT], hex[65], found_hex[65] = "", name[128];
    sotay_id id;
    sotay_file file = { NULL, 0 };
    sotay_error error = { SOTAY_OK, "" };
    if (sscanf(o->text, "%32s %63s %64s", record, item, hex) != 3 || !sotay_id_parse(record, &id))
        return case_fails(p->c, "a mark that cannot be read: %s", o->text);
    (void)snprintf(name, sizeof name, "%s %s", record, item);
    if (is_let_go(p->c, name))
        return true;
    if (sotay_attachment_get(p->client, &id, item, false, &file, &error) != SOTAY_OK)
        return case_fails(p->c, "file %s is not given: %s", item, error.detail);
    st_hash found = st_sha256(file.data, file.len);
    st_hex(found.b, sizeof found.b, found_hex);
    free(file.data);
    return strcmp(hex, found_hex) == 0 || case_fails(p->c, "file %s is another one", item);
}

/* What was attached or fetched here is here, to the last byte. */
static bool check_files(phone *p)
{
    for (size_t i = 0; i < p->c->owed->count && p->c->owed->items[i].since <= p->c->at; i++)
        if (p->c->owed->items[i].kind == OWED_KEEPS && !check_file(p, &p->c->owed->items[i]))
            return false;
    return true;
}

/* What was put into a working copy is there, or in the record that a sync made of it. */
static bool check_drafts(phone *p)
{
    crash_case *c = p->c;
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        char record[33], token[128], *draft = NULL, *shown = NULL;
        sotay_id id;
        sotay_error error = { SOTAY_OK, "" };
        const char *text = c->owed->items[i].text;
        if (c->owed->items[i].kind != OWED_DRAFT)
            continue;
        if (sscanf(text, "%32s %127s", record, token) != 2 || !sotay_id_parse(record, &id))
            return case_fails(c, "a mark that cannot be read: %s", text);
        bool good = sotay_draft_get(p->client, &id, SOTAY_JSON, &draft, &error) == SOTAY_OK &&
                    sotay_show(p->client, &id, SOTAY_JSON, &shown, &error) == SOTAY_OK &&
                    (strstr(draft, token) != NULL || strstr(shown, token) != NULL);
        sotay_text_free(draft);
        sotay_text_free(shown);
        if (!good)
            return case_fails(c, "what was put into a working copy is gone: %s %s", token,
                              error.detail);
    }
    return true;
}

static bool check_lists(phone *p)
{
    sotay_error error = { SOTAY_OK, "" };
    char *text = NULL;
    if (sotay_list(p->client, NULL, SOTAY_JSON, &text, &error) != SOTAY_OK)
        return case_fails(p->c, "list: %s", error.detail);
    sotay_text_free(text);
    if (sotay_status(p->client, SOTAY_JSON, &text, &error) != SOTAY_OK)
        return case_fails(p->c, "status: %s", error.detail);
    sotay_text_free(text);
    return true;
}

/* ---- one change more ---- */

static bool write_one(phone *p)
{
    crash_case *c = p->c;
    const sotay_pair first[] = { { "visit_kind", "giam_sat" } };
    const sotay_pair more[] = { { "kind", "khac" }, { "text", "sau khi mất điện" } };
    sotay_id record;
    char item[SOTAY_ITEM_TEXT];
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_record_new(p->client, "visit", "01477-x013", (sotay_pairs){ first, 1 }, &record,
                              &error);
    if (rc == SOTAY_OK)
        rc = sotay_item_new(p->client, &record, "findings", (sotay_pairs){ more, 2 }, item, &error);
    if (rc != SOTAY_OK)
        return case_fails(c, "it takes no change: %s", error.detail);
    p->counter = strtoull(item + 33, NULL, 10); /* DEVICE:COUNTER:PLACE */
    uint64_t saved = owed_most(c->owed, OWED_SAVED, c->at);
    if (p->counter < saved + 2)
        return case_fails(c, "change %llu was saved, and after it comes %llu",
                          (unsigned long long)saved, (unsigned long long)p->counter - 1);
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        const owed *o = &c->owed->items[i];
        if (o->kind == OWED_SENT && memcmp(o->device.b, p->who.device.b, 16) == 0 &&
            o->last + 2 > p->counter)
            return case_fails(c, "change %llu was sent, and after it comes %llu",
                              (unsigned long long)o->last, (unsigned long long)p->counter - 1);
    }
    return true;
}

/* ---- the next request ---- */

/* Does the server have the change, as its answers so far said? */
static bool is_stored(const phone *p, uint64_t counter)
{
    const crash_case *c = p->c;
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        const owed *o = &c->owed->items[i];
        if (o->kind != OWED_STORED || o->number == 0 || o->number > c->final->count)
            continue;
        uint64_t k = o->number - 1;
        if (memcmp(c->final->entries[k].device.b, p->who.device.b, 16) == 0 &&
            c->final->entries[k].first <= counter && counter <= c->final->entries[k].last)
            return true;
    }
    return false;
}

static bool is_carried(const owed_request *request, const phone *p, uint64_t counter)
{
    for (size_t i = 0; i < request->sets_count; i++)
        if (memcmp(request->sets[i].device.b, p->who.device.b, 16) == 0 &&
            request->sets[i].first <= counter && counter <= request->sets[i].last)
            return true;
    return false;
}

static bool check_request(phone *p, const owed_request *request)
{
    crash_case *c = p->c;
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        const owed *o = &c->owed->items[i];
        if (o->kind == OWED_COUNTER && o->number >= request->counter)
            return case_fails(c, "request %llu was sent, the next one is %llu",
                              (unsigned long long)o->number, (unsigned long long)request->counter);
        if (o->kind == OWED_OFFERED && !p->who.is_enrolled &&
            memcmp(o->key, request->key, sizeof o->key) != 0)
            return case_fails(c, "the key that the server heard of is not there");
    }
    for (uint64_t n = 1; p->who.is_enrolled && n <= p->counter; n++)
        if (!is_carried(request, p, n) && !is_stored(p, n))
            return case_fails(c, "change %llu is neither sent nor stored", (unsigned long long)n);
    return true;
}

/* link: of an enrolment; NULL: a sync. */
static bool ask(phone *p, const char *link)
{
    sotay_sync *sync = NULL;
    sotay_request http;
    sotay_error error = { SOTAY_OK, "" };
    owed_request *request = malloc(sizeof *request);
    int rc = link != NULL ? sotay_enrol_begin(p->client, link, NULL, &sync, &error)
                          : sotay_sync_begin(p->client, &sync, &error);
    if (rc == SOTAY_OK)
        rc = sotay_sync_next(sync, &http, &error);
    bool good = rc == SOTAY_OK || case_fails(p->c, "it asks for nothing: %s", error.detail);
    if (good &&
        (request == NULL || !owed_request_read(http.path, http.body, http.body_bytes, p->c->owed,
                                               NULL, request)))
        good = case_fails(p->c, "its request cannot be read");
    good = good && check_request(p, request);
    sotay_sync_free(sync);
    free(request);
    return good;
}

static const char *link_of(const crash_case *c)
{
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++)
        if (c->owed->items[i].kind == OWED_LINK)
            return c->owed->items[i].text;
    return NULL;
}

static bool check_open(phone *p, bool is_ready)
{
    sotay_whoami(p->client, &p->who);
    if (!p->who.is_enrolled)
        return is_ready ? case_fails(p->c, "it is enrolled no longer")
                        : link_of(p->c) == NULL || ask(p, link_of(p->c));
    if (p->who.is_copied)
        return case_fails(p->c, "it takes itself for a copy");
    if (!is_ready)
        return ask(p, NULL); /* its forms may still be on their way */
    return check_shown(p) && check_files(p) && check_drafts(p) && check_lists(p) &&
           check_sealed(p->c, p->client) && check_phone_keys(p->c, p->client) && write_one(p) &&
           ask(p, NULL);
}

/* ---- its PIN ---- */

/* The last one told of by then; NULL: none. */
static const owed *last_of(const crash_case *c, owed_kind kind)
{
    const owed *last = NULL;
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++)
        if (c->owed->items[i].kind == kind)
            last = &c->owed->items[i];
    return last;
}

/* The PIN that a call was setting when the power went; NULL: none. */
static const char *next_pin(const crash_case *c)
{
    for (size_t i = 0; i < c->owed->count; i++)
        if (c->owed->items[i].kind == OWED_PIN && c->owed->items[i].since > c->at)
            return c->owed->items[i].text;
    return NULL;
}

/* The PIN told of opens it, or the one on its way; what the office answered opens it with that. */
static int open_with_pin(phone *p, sotay_open_how *how, sotay_error *error)
{
    const owed *pin = last_of(p->c, OWED_PIN), *answer = last_of(p->c, OWED_ANSWER);
    const char *next = next_pin(p->c);
    how->pin = pin == NULL ? NULL : pin->text;
    int rc = sotay_open(&p->port, how, &p->client, error);
    bool is_asked = pin != NULL && answer != NULL && answer->since > pin->since && next != NULL;
    if (!is_asked)
        return rc;
    how->pin = next;
    if (rc == SOTAY_OK) { /* the answer is not taken yet */
        sotay_close(p->client);
        p->client = NULL;
        rc = sotay_recover_take(&p->port, answer->text, next, error);
    }
    return rc == SOTAY_OK || rc == SOTAY_E_PIN ? sotay_open(&p->port, how, &p->client, error) : rc;
}

bool check_phone(crash_case *c)
{
    phone p = { .c = c };
    sotay_error error = { SOTAY_OK, "" };
    bool is_ready = owed_any(c->owed, OWED_READY, c->at);
    sotay_open_how how = { .create = !is_ready, .lang = "vi", .offset_minutes = 420 };
    set_place(c);
    int rc = sotay_lmdb_open(c->dir, !is_ready, &p.port, &error);
    if (rc == SOTAY_OK) {
        p.port.place = place_of;
        rc = open_with_pin(&p, &how, &error);
    }
    bool good = rc == SOTAY_OK ? check_open(&p, is_ready)
                               : case_fails(c, "it does not open: %s", error.detail);
    sotay_close(p.client);
    sotay_port_close(&p.port);
    return good;
}
