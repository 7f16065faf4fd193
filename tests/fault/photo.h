/* tests/fault/photo.h - two pictures that are larger than wanted, as cameras and screens write
 * them. What answers a code answers a sotay_code and fills s->detail. */
#ifndef SOTAY_TESTS_FAULT_PHOTO_H
#define SOTAY_TESTS_FAULT_PHOTO_H

#include "tests/fault/stage.h"

typedef enum { PHOTO_JPEG, PHOTO_PNG } photo_kind;

/* Makes both, once for a scene: the libraries that write them are those under test. */
void photo_make(void);
/* Phone n attaches it to the first visit, a fifth smaller. Its item stays in s->photos[kind]. */
int photo_attach(stage *s, int n, photo_kind kind);
/* Both are here on phone n as small as was asked, each with a thumbnail, or the process ends. */
void photo_must_be_small(stage *s, int n);

#endif
