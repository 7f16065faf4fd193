/* tests/unit/both/branch.h - an image of a phone; it has not heard that the first one went on. */
#ifndef SOTAY_TESTS_BRANCH_H
#define SOTAY_TESTS_BRANCH_H

#include "tests/unit/both/meet.h"
#include "tests/unit/client-lib/rows.h"

/* A note of a visit, in a set of its own that waits. */
static inline void seal_note(phone *p, const sotay_id *visit, const char *text)
{
    assert_int_equal(phone_set(p, visit, "general_note", text), SOTAY_OK);
    rows_seal(p);
}

/* Both have one visit, and the first one has sent a note on it since. phone_part frees all. */
static inline edge *branch_make(phone *an, phone *image, sotay_id *out_visit)
{
    edge *e = phone_alone(an);
    *out_visit = phone_visit(an, "chợ");
    assert_int_equal(edge_sync(e, an->client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_memory_copy(&an->port, false, &image->port, NULL), SOTAY_OK);
    phone_open(image);
    assert_int_equal(phone_set(an, out_visit, "general_note", "của an"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an->client, NULL, NULL), SOTAY_OK);
    return e;
}

/* A sync in which all that goes is put off, and that brings nothing: a page with the other branch
 * would say at once what the set is. */
static inline void branch_put_off(edge *e, phone *image, sotay_report *out_report)
{
    sotay_sync *sync = NULL;
    e->later_next = 9;
    assert_int_equal(sotay_sync_begin(image->client, &sync, NULL), SOTAY_OK);
    sotay_sync_send_only(sync);
    assert_int_equal(edge_run(e, image->client, sync, NULL, out_report), SOTAY_OK);
    e->later_next = 0;
}

#endif
