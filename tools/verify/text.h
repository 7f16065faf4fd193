/* tools/verify/text.h - what this program complains of, for a reviewer who reads Vietnamese. */
#ifndef SOTAY_TOOLS_VERIFY_TEXT_H
#define SOTAY_TOOLS_VERIFY_TEXT_H

#include "proto/bytes.h"

/* Appends a complaint (the `detail` of an error, or a sentence of main.c, in English) in
 * Vietnamese: names of files and numbers in it stay. What is not known is appended as it is.
 * *out_known: did its last sentence have a row? ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err verify_text_vi(const char *said, st_buffer *out, bool *out_known);

#endif
