/* tests/fault/phone.h - acts of a phone without signal. */
#ifndef SOTAY_TESTS_FAULT_PHONE_H
#define SOTAY_TESTS_FAULT_PHONE_H

#include "tests/fault/stage.h"

/* A visit from its first word to its reopening: eight acts of the first phone. */
int phone_save(stage *s);
/* The other phone shows what they wrote. */
void phone_has_saved(stage *s);
/* Everything that can be read, each as JSON and as text. */
int phone_read(stage *s);

#endif
