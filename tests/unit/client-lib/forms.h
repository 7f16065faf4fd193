/* tests/unit/client-lib/forms.h - forms of the catalogue that a test makes up, put into a phone's
 * store past the catalogue. */
#ifndef SOTAY_TESTS_FORMS_H
#define SOTAY_TESTS_FORMS_H

#include "proto/form.h"
#include "tests/unit/client-lib/rows.h"

#define FORM_NAMED(called) .name = (called), .vi = (called), .en = (called)
#define FORM_FIELD(number, called, kind)                                                           \
    {                                                                                              \
        .no = (number), FORM_NAMED(called), .type = (kind), .cls = ST_CLASS_PLAIN,                 \
        .write = 1u << ST_ROLE_OFFICE, .min = 1, .max = 0                                          \
    }
#define FORM_OF(called, number, its_fields)                                                        \
    {                                                                                              \
        FORM_NAMED(called), .version = (number), .home = ST_HOME_CATALOGUE, .life = ST_LIFE_NONE,  \
                            .create = 1u << ST_ROLE_OFFICE, .fields = (its_fields),                \
                            .fields_count = sizeof(its_fields) / sizeof((its_fields)[0])           \
    }

static inline book_key forms_key(const char *name, uint32_t version)
{
    uint8_t number[5] = { 0 };
    book_key key = book_key_text(BOOK_FORM, name);
    st_put_u32(number + 1, version);
    book_key_bytes(&key, number, sizeof number);
    return key;
}

static inline void forms_put(phone *p, const st_form *form)
{
    st_buffer bytes;
    book_key key = forms_key(form->name, form->version);
    st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
    assert_int_equal(st_form_encode(form, &bytes, NULL), ST_OK);
    rows_put(p, &key, bytes.data, bytes.len);
    st_buffer_free(&bytes);
}

#endif
