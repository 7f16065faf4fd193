/* tests/fault/file.h - a file that the first phone attaches to the first visit, and that the second
 * one fetches; a piece that belongs to no file. What answers a code answers a sotay_code and fills
 * s->detail. */
#ifndef SOTAY_TESTS_FAULT_FILE_H
#define SOTAY_TESTS_FAULT_FILE_H

#include "tests/fault/stage.h"

/* Phone n attaches it: two pieces. Its item stays in s->item. */
int file_attach(stage *s, int n);
/* Phone n asks for it. */
int file_want(stage *s, int n);
/* Phone n gives the room of it back. */
int file_clear(stage *s, int n);
/* Phone n has it no longer, or the process ends. */
void file_must_be_away(stage *s, int n);

/* A piece that nothing names lies in the book, counted for phone 0, and is noted. */
void file_leave_stray(stage *s);
/* 91 days later the office collects. */
int file_collect(stage *s);
/* After that, at the latest now: the stray is gone and counts for nobody; or the process ends. */
void file_must_be_alone(stage *s);

/* Phone n gives it, to the last byte, or the process ends. */
void file_must_be_on(stage *s, int n);
/* The office has all of it, or the process ends. */
void file_must_be_in(stage *s);
/* The backup in DIR/copy has every byte of it, or the process ends. */
void file_must_be_in_copy(stage *s);

#endif
