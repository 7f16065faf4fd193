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
/* The first piece is refused that is asked for in a place where none ever was refused: a place is
 * the call and those it came through, a few of them. A sweep of this kind ends when every place has
 * had its turn, however often each is passed. */
void failing_begin_in_new_place(void);
/* For what else can fail: is this call, with the `calls` that it came through, in a place that had
 * no turn yet? Then this is its turn. */
bool failing_is_new_place(unsigned calls);
/* Nothing is refused any more. True when a piece was. */
bool failing_end(void);
/* While somebody else works (a server in the same program), nothing is counted or refused. */
void failing_pause(bool paused);

#endif
