/* client-lib/src/file_name.h - the name under which an attached file lies in a record. */
#ifndef SOTAY_CLIENT_FILE_NAME_H
#define SOTAY_CLIENT_FILE_NAME_H

#include "proto/bytes.h"

/* Appends the last part of a path as one readable line of at most chars_max (at least 20)
 * characters, NFC: what is no UTF-8 and what nobody sees becomes U+FFFD, a line break a space; of
 * a longer name the middle goes, its ending (".jpg") stays. May be empty. ST_E_TOO_LARGE: a path
 * of more than a mebibyte; ST_E_MEMORY. */
ST_MUST_USE st_err file_name(const char *path, size_t chars_max, st_buffer *out, st_error *error);

#endif
