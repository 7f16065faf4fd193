/* tests/fault/try.h - one try: a scene, a family, which call, once or from then on. */
#ifndef SOTAY_TESTS_FAULT_TRY_H
#define SOTAY_TESTS_FAULT_TRY_H

#include "tests/fault/scenes.h"

typedef struct {
    const scene *what;
    const fault_family *family; /* NULL: nothing fails */
    uint64_t n;
    bool on;               /* from then on, else once */
    bool first;            /* in this process: libraries keep what they make once */
    const char *from, *to; /* folder of what was before, and one that is made for this try */
} try_how;

/* Plays the scene once. A copy of `before` is used. Ends the process (code 3, the reason on stderr)
 * when something is not as it must be. Answers how the scene stands at its end. */
stage try_scene(const try_how *how, const stage *before);

#endif
