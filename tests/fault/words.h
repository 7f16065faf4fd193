/* tests/fault/words.h - a book that was put back, in which what took rights away since is said
 * again: as `sotayctl restore --side` does it, and whoever opens an old folder. */
#ifndef SOTAY_TESTS_FAULT_WORDS_H
#define SOTAY_TESTS_FAULT_WORDS_H

#include "tests/fault/stage.h"

/* A book with two phones: backed up, rights taken away, restored; closed. One of the words is about
 * somebody whom the backup does not know. */
void words_restored(stage *s);
/* The same, and the row of one of those who lost a right is damaged for good. */
void words_damaged(stage *s);
/* The same as the first, with a copy of the folder put back, all but its notes. */
void words_put_back(stage *s);
/* Opens the book and says them. Answers a sotay_code and fills s->detail. */
int words_say(stage *s);
/* Opens the book, in which they cannot all be said, and rebuilds it. */
int words_mend(stage *s);
/* Ends the process unless all went, each of the words is noted once, and none waits. */
void words_check(stage *s);

#endif
