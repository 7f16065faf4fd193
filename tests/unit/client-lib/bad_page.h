/* tests/unit/client-lib/bad_page.h - a page of the disk with one row on it that cannot be read. */
#ifndef SOTAY_TESTS_BAD_PAGE_H
#define SOTAY_TESTS_BAD_PAGE_H

#include "client-lib/src/book.h"
#include "tests/unit/client-lib/phone.h"

static struct {
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    book_key key;
    int code; /* that the port answers */
    unsigned hits;
} bad_page;

static inline int bad_page_get(void *context, sotay_slice key, sotay_slice *out_value,
                               sotay_error *error)
{
    if (key.len != bad_page.key.len || memcmp(key.data, bad_page.key.b, key.len) != 0)
        return bad_page.get(context, key, out_value, error);
    bad_page.hits++;
    *error = (sotay_error){ bad_page.code, "store: this page cannot be read" };
    return bad_page.code;
}

/* From now on; p->port.get = bad_page.get ends it. */
static inline void bad_page_lose(phone *p, const book_key *key)
{
    bad_page.get = p->port.get;
    bad_page.key = *key;
    bad_page.hits = 0;
    p->port.get = bad_page_get;
}

#endif
