/* tests/unit/both/loss.h - a unit that is taken back from one of two phones, and looking into what
 * is left of it there. */
#ifndef SOTAY_TESTS_LOSS_H
#define SOTAY_TESTS_LOSS_H

#include "client-lib/src/closed.h"
#include "tests/unit/both/town.h"
#include "tests/unit/client-lib/rows.h"

#define WORDS "lời kể ở xóm"

static inline int show(phone *p, const sotay_id *record)
{
    char *text = NULL;
    int rc = sotay_show(p->client, record, SOTAY_TEXT, &text, &p->error);
    sotay_text_free(text);
    return rc;
}

static inline void sync_well(town *t, size_t n)
{
    assert_int_equal(sync_phone(&t->w, &t->w.phones[n], 0, NULL), SOTAY_OK);
}

/* A visit of phone 0 and one of phone 1, both on both phones; phone 1 then loses the unit. */
typedef struct {
    town t;
    phone *an, *binh;
    sotay_id hers, his;
} loss;

static inline void loss_make(loss *l, uint64_t seed)
{
    memset(l, 0, sizeof *l);
    world_make_with(&l->t.w, seed, (world_how){ .phones = 2 });
    town_place(&l->t);
    l->an = &l->t.w.phones[0];
    l->binh = &l->t.w.phones[1];
    l->hers = phone_visit(l->an, WORDS " của An");
    l->his = phone_visit(l->binh, WORDS " của Bình");
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 2; i++)
            sync_well(&l->t, i);
}

/* Every change of the scope has a time of its own. */
static inline void scope(loss *l, const char *verb)
{
    l->t.w.now_ms += 60000;
    for (size_t i = 0; i < 2; i++)
        sotay_memory_clock(&l->t.w.phones[i].port, l->t.w.now_ms,
                           (uint64_t)(l->t.w.now_ms - PHONE_WALL_MS));
    KIT_EXPECT(0, &l->t.w.book, verb, "binh", KIT_UNIT);
}

static inline void lose(loss *l)
{
    scope(l, "unassign");
    sync_well(&l->t, 1);
    assert_int_equal(show(l->binh, &l->his), SOTAY_E_NOT_FOUND);
}

static inline outbox_set own_set(phone *p)
{
    st_error error = { ST_OK, "" };
    outbox_set own;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    assert_int_equal(client_begin(p->client, false, &error), ST_OK);
    assert_int_equal(outbox_next(&p->client->book, &scan, &own, &error), ST_OK);
    client_abort(p->client);
    return own;
}

#endif
