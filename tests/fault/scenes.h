/* tests/fault/scenes.h - what is tried: one row each. */
#ifndef SOTAY_TESTS_FAULT_SCENES_H
#define SOTAY_TESTS_FAULT_SCENES_H

#include "tests/fault/stage.h"

/* Prepared once; tried as often as calls are made in `act`. Each try starts with a copy of what
 * `prepare` left. `act` may have been begun before and failed: it goes on after the last step that
 * was acknowledged (s->done), and is tried again until it answers SOTAY_OK. */
typedef struct {
    const char *name;
    unsigned calls; /* bits 1 << fault_call: what is counted */
    bool server_fails;
    bool threaded;             /* a book with a writer thread, whose calls do not count */
    bool has_book, has_phones; /* are there afterwards, and are compared */
    void (*prepare)(stage *s); /* NULL: nothing was there before */
    void (*ready)(stage *s);   /* opened beforehand, not under test; NULL: act opens it */
    int (*act)(stage *s);
    void (*check)(stage *s); /* more than every scene's; book and phones are open; or NULL */
} scene;

/* Acts in steps: goes on after what was acknowledged. */
typedef int (*scene_step)(stage *s);
int scene_go_on(stage *s, const scene_step *steps, size_t count);
#define GO_ON(s, steps) scene_go_on((s), (steps), sizeof(steps) / sizeof(steps)[0])
/* Ends the process unless it is so. */
void scene_must_be(bool good, const char *what);

/* The table, ended by a NULL name. */
const scene *scenes(void);

#endif
