/* tests/support/failing.h - stands between the programs and their memory. A sweep lets the first
 * piece be refused (of an arena, of a buffer, of the heap), then the second, until there is none
 * left to refuse: whoever asked must say so, and what it did before must be as if never begun.
 * Works in every mode, since the linker puts it in (WRAPPED in the Makefile: *faults.c). */
#ifndef SOTAY_TESTS_FAILING_H
#define SOTAY_TESTS_FAILING_H

#include <stdbool.h>
#include <stdint.h>

/* The n-th piece that this thread asks for from now on is refused, once. */
void failing_begin(uint64_t n);
/* Nothing is refused any more. True when a piece was. */
bool failing_end(void);
/* While somebody else works (a server in the same program), nothing is counted or refused. */
void failing_pause(bool paused);

#endif
