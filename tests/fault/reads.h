/* tests/fault/reads.h - what the office reads: answers that are compared (stage_heard). */
#ifndef SOTAY_TESTS_FAULT_READS_H
#define SOTAY_TESTS_FAULT_READS_H

#include "tests/fault/stage.h"

/* One call that is read, in the step that is under way. Answers a sotay_code. */
int reads_heard(stage *s, const char *const *words);
/* All that shows the book, one after the other. */
int reads_book(stage *s);

#endif
