/* tests/fault/file.h - a file that the first phone attaches to the first visit, and that the second
 * one fetches. What answers a code answers a sotay_code and fills s->detail. */
#ifndef SOTAY_TESTS_FAULT_FILE_H
#define SOTAY_TESTS_FAULT_FILE_H

#include "tests/fault/stage.h"

/* Phone n attaches it: two pieces. Its item stays in s->item. */
int file_attach(stage *s, int n);
/* Phone n asks for it. */
int file_want(stage *s, int n);
/* Phone n gives it, to the last byte, or the process ends. */
void file_must_be_on(stage *s, int n);
/* The office has all of it, or the process ends. */
void file_must_be_in(stage *s);

#endif
