/* tests/unit/client-lib/recover_desk.h - a phone with a PIN and unsent work, and the office that
 * answers whoever forgot his. */
#ifndef SOTAY_TESTS_RECOVER_DESK_H
#define SOTAY_TESTS_RECOVER_DESK_H

#include "proto/recover.h"
#include "tests/unit/client-lib/phone.h"

static inline int open_with(sotay_port *port, const char *pin, sotay_client **out_client)
{
    const sotay_open_how how = { pin, false, "en", 420 };
    return sotay_open(port, &how, out_client, NULL);
}

/* A store with a PIN, enrolled, with a visit that was not sent; closed. */
static inline edge *locked(phone *p, uint64_t seed, sotay_id *out_visit)
{
    const sotay_open_how how = { "1234", true, "en", 420 };
    edge *e = edge_new();
    memset(p, 0, sizeof *p);
    assert_int_equal(sotay_memory_open(seed, &p->port, NULL), SOTAY_OK);
    sotay_memory_clock(&p->port, PHONE_WALL_MS, 1000);
    assert_int_equal(sotay_open(&p->port, &how, &p->client, NULL), SOTAY_OK);
    assert_int_equal(edge_enrol(e, p->client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, p->client, NULL, NULL), SOTAY_OK);
    *out_visit = phone_visit(p, "not sent");
    sotay_close(p->client);
    p->client = NULL;
    return e;
}

/* Another one with the same store. */
static inline phone locked_copy(const phone *from)
{
    phone p;
    memset(&p, 0, sizeof p);
    assert_int_equal(sotay_memory_copy(&from->port, false, &p.port, NULL), SOTAY_OK);
    return p;
}

/* What two people of the office do. */
static inline void office(const edge *e, const char *line, char answer_text[ST_RECOVER_TEXT])
{
    st_recover_ask ask;
    st_recover_answer answer;
    char text[ST_RECOVER_TEXT];
    uint8_t public_key[32], secret[32], open[ST_RECOVER_OPENED_MAX];
    assert_true(strlen(line) < sizeof text + 1 && strchr(line, '\n') != NULL);
    memcpy(text, line, strcspn(line, "\n"));
    text[strcspn(line, "\n")] = '\0';
    assert_int_equal(st_recover_ask_parse(text, &ask, NULL), ST_OK);
    st_box_keypair(e->log_seed, public_key, secret);
    assert_int_equal(st_box_open(public_key, secret, ask.sealed, ask.sealed_len, open, NULL),
                     ST_OK);
    assert_int_equal(st_box_seal(ask.reply_key, open, 32, answer.sealed, NULL), ST_OK);
    st_recover_answer_format(&answer, answer_text);
}

static inline void ask(phone *p, edge *e, char answer[ST_RECOVER_TEXT])
{
    char *line = NULL;
    assert_int_equal(sotay_recover_ask(&p->port, &line, NULL), SOTAY_OK);
    office(e, line, answer);
    sotay_text_free(line);
}

#endif
