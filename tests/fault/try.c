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
    uint64_t entries = how->what->has_book ? stage_entries(s) : 0;
    char why[80];
    (void)snprintf(why, sizeof why, "%d, and %d when all goes well", (int)entries, (int)s->entries);
    if (s->entries != 0 && s->entries != entries)
        stage_die("entries of the log", why);
    s->entries = entries;
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
