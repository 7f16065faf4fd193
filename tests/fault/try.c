/* tests/fault/try.c - one try, and what must hold after it.
 * Promises: after a call that failed the scene said so clearly or had no need of it, nothing is
 * left behind in memory or descriptors, and the same can be done again without a fault; then all
 * is there once, phones and book show the same, and the book is what its log says. */
#include "tests/fault/try.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS 128

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A person, a phone or a log can do something with it. Out of memory must not sound as if the data
 * were at fault: a phone would never send it again, and an officer would look for a mistake. */
static void judge_error(const stage *s, const fault_family *family)
{
    int code = s->code;
    bool good = code == SOTAY_E_STORAGE || code == SOTAY_E_MEMORY || code == SOTAY_E_SERVER ||
                code == SOTAY_E_NETWORK || code == SOTAY_E_BUSY || code == SOTAY_E_FULL;
    /* A phone shows what a damaged form explains as if the form were not there yet. */
    good = good || (family->may_be_cut && (code == SOTAY_E_CORRUPT || code == SOTAY_E_NOT_FOUND));
    if (!good)
        stage_die(sotay_code_name((sotay_code)code), s->detail);
    if (s->detail[0] == '\0')
        stage_die(sotay_code_name((sotay_code)code), "nothing is said about it");
}

static int act(const try_how *how, stage *s, bool armed)
{
    if (how->what->ready != NULL)
        how->what->ready(s);
    if (armed)
        fault_arm(false);
    int rc = how->what->act(s);
    if (armed)
        fault_disarm();
    return rc;
}

/* The program lives on and tries again; what a broken disk shut stays shut until the next start. */
static int same_again(const try_how *how, stage *s)
{
    int rc = how->what->act(s);
    if (rc == SOTAY_OK || how->family->is_disk)
        return rc;
    stage_die("again in the same program", s->detail);
}

/* ---- what must hold in the end ---- */

static void must(stage *s, const char *what, int code)
{
    if (code != SOTAY_OK)
        stage_die(what, s->detail);
}

static void must_say(stage *s, int n, const char *text)
{
    char *json = NULL;
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_status(s->phones[n].client, SOTAY_JSON, &json, &error);
    must(s, "status", stage_said(s, rc, &error));
    if (strstr(json, text) == NULL)
        stage_die(text, json);
    sotay_text_free(json);
}

/* When something was written by the server's clock a phone knows of its own work alone. */
static void drop_corrected(char *json)
{
    char *to = json;
    for (const char *from = json; *from != '\0';) {
        if (strncmp(from, ",\"corrected_", 12) == 0)
            from += 1 + strcspn(from + 1, ",}");
        else
            *to++ = *from++;
    }
    *to = '\0';
}

static void phones_agree(stage *s)
{
    must(s, "phone", stage_open_phone(s, 0, false));
    must(s, "phone", stage_open_phone(s, 1, false));
    s->server_fails = false;
    for (int n = 0; n < 3; n++)
        must(s, "sync", stage_sync(s, n % 2));
    for (size_t i = 0; i < s->visits_count; i++) {
        char *one = stage_show(s, 0, i), *other = stage_show(s, 1, i);
        drop_corrected(one);
        drop_corrected(other);
        if (strcmp(one, other) != 0)
            stage_die("the phones differ", one);
        sotay_text_free(one);
        sotay_text_free(other);
    }
    for (int n = 0; n < 2; n++) {
        must_say(s, n, "\"ready\":0");
        must_say(s, n, "\"held\":0");
    }
}

/* ---- all of it once ---- */

static uint64_t times(const char *text, const char *what)
{
    uint64_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void tally_record(stage *s, const char *hex, stage_tally *tally)
{
    sotay_id id;
    char *json = NULL;
    sotay_error error = { SOTAY_OK, "" };
    if (!sotay_id_parse(hex, &id))
        stage_die("the id of a record", hex);
    int rc = sotay_history(s->phones[0].client, &id, SOTAY_JSON, &json, &error);
    must(s, "history", stage_said(s, rc, &error));
    tally->records++;
    tally->changes += times(json, "{\"dot\":");
    tally->values += times(json, "\"op\":");
    sotay_text_free(json);
}

/* Of every record that the first phone shows, whoever knows its id. */
static void tally_phone(stage *s, stage_tally *tally)
{
    static const char ID[] = "{\"id\":\"";
    char *json = NULL, hex[33];
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_list(s->phones[0].client, NULL, SOTAY_JSON, &json, &error);
    must(s, "list", stage_said(s, rc, &error));
    for (const char *at = json; (at = strstr(at, ID)) != NULL;) {
        at += sizeof ID - 1;
        (void)snprintf(hex, sizeof hex, "%.32s", at);
        tally_record(s, hex, tally);
    }
    sotay_text_free(json);
}

static void must_be_as_many(const char *what, uint64_t count, uint64_t well)
{
    char why[80];
    (void)snprintf(why, sizeof why, "%llu, and %llu when all goes well", (unsigned long long)count,
                   (unsigned long long)well);
    if (count != well)
        stage_die(what, why);
}

static void all_once(const try_how *how, stage *s)
{
    stage_tally now = { 0, 0, 0, 0 };
    if (how->what->has_phones)
        tally_phone(s, &now);
    if (how->what->has_book)
        now.entries = stage_entries(s);
    if (s->well.entries != 0) {
        must_be_as_many("entries of the log", now.entries, s->well.entries);
        must_be_as_many("records", now.records, s->well.records);
        must_be_as_many("changes of the records", now.changes, s->well.changes);
        must_be_as_many("values of the changes", now.values, s->well.values);
    }
    s->well = now;
}

static void check(const try_how *how, stage *s)
{
    if (how->what->has_book)
        must(s, "book", stage_open_book(s));
    if (how->what->has_phones)
        phones_agree(s);
    if (how->what->check != NULL)
        how->what->check(s);
    if (how->what->has_book)
        must(s, "verify", STAGE_CALL(s, "verify"));
    all_once(how, s);
    stage_close(s);
}

static void nothing_left(const stage *s, int before)
{
    size_t pieces = live_count(true);
    char why[64];
    (void)snprintf(why, sizeof why, "%d pieces", (int)pieces);
    if (pieces > 0)
        stage_die("memory is not given back", why);
    (void)snprintf(why, sizeof why, "%d, and %d before", descriptors(), before);
    if (descriptors() != before && !s->had_door)
        stage_die("descriptors", why);
}

stage try_scene(const try_how *how, const stage *before)
{
    stage s = *before;
    (void)snprintf(s.dir, sizeof s.dir, "%s", how->to);
    s.server_fails = how->what->server_fails;
    s.threaded = how->what->threaded;
    st_buffer_init(&s.out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&s.err, 1u << 16);
    if (st_buffer_reserve(&s.err, 1u << 14) == NULL)
        stage_die("operator", "no memory");
    stage_copy(how->from, how->to);
    int fds = descriptors();
    live_start();
    fault_plan(how->family, how->n, how->on);
    int rc = act(how, &s, true);
    if (rc != SOTAY_OK && !fault_fired())
        stage_die("without a fault", s.detail);
    if (rc != SOTAY_OK) {
        judge_error(&s, how->family);
        if (!how->on)
            rc = same_again(how, &s);
    }
    stage_close(&s);
    if (!how->first)
        nothing_left(&s, fds);
    live_stop();
    if (rc != SOTAY_OK)
        must(&s, "again after a restart", act(how, &s, false));
    stage_close(&s);
    check(how, &s);
    st_buffer_free(&s.err);
    return s;
}
