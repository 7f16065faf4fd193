/* tests/unit/both/acts.h - which acts a phone has of a record, and one of them kept. */
#ifndef SOTAY_TESTS_ACTS_H
#define SOTAY_TESTS_ACTS_H

#include "client-lib/src/edit.h"
#include "tests/unit/both/world.h"

/* What the phone wrote last. */
static inline st_dot last_of(const phone *p)
{
    return (st_dot){ p->client->me.device, p->client->me.counter };
}

/* A change of the record that is such an act, the last by its dot; ST_ACT_NONE: an edit. */
static inline st_dot act_of(phone *p, const sotay_id *record, st_act_kind kind)
{
    st_arena arena;
    overlay_view view;
    st_dot dot = { { { 0 } }, 0 };
    const st_id id = phone_id(record);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    assert_int_equal(overlay_load(p->client, &id, &arena, &view, NULL), ST_OK);
    for (size_t i = 0; i < view.record.metas_count; i++)
        if (view.record.metas[i].act == kind)
            dot = view.record.metas[i].dot;
    client_abort(p->client);
    st_arena_reset(&arena);
    assert_true(dot.counter > 0);
    return dot;
}

/* Keeps one of the acts that stand against each other, or an edit. */
static inline int keep_state(phone *p, const sotay_id *record, const st_dot *dot)
{
    char text[ST_DOT_TEXT_BYTES];
    st_dot_format(dot, text);
    const sotay_resolution wish = { "state", text, NULL, NULL, "đã hỏi" };
    return sotay_record_resolve(p->client, record, &wish, &p->error);
}

#endif
