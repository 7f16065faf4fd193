/* tests/fault/bundle.h - what waits on a phone in a file, and a file taken in by another one: as
 * `sotay bundle` does it. Both answer a sotay_code and fill s->detail. */
#ifndef SOTAY_TESTS_FAULT_BUNDLE_H
#define SOTAY_TESTS_FAULT_BUNDLE_H

#include "tests/fault/stage.h"

/* Path of the file: DIR/bundle. */
void bundle_path(const stage *s, char path[256]);
/* Makes it anew, of phone n. */
int bundle_write(stage *s, int n);
/* Phone n carries it from now on. */
int bundle_take(stage *s, int n);

#endif
