/* tests/unit/client-lib/edge_forms.h - forms and field numbers of the edge's catalogue. */
#ifndef SOTAY_TESTS_EDGE_FORMS_H
#define SOTAY_TESTS_EDGE_FORMS_H

#include "proto/form.h"

enum {
    EDGE_UNIT_ID = 1,
    EDGE_DATE = 3,
    EDGE_PLACE = 15,
    EDGE_NOTE = 22,
    EDGE_TOPICS = 23,
    EDGE_ACCEPTED = 24
};

/* All forms, "form" first. */
const st_form *edge_forms(size_t *out_count);

#endif
