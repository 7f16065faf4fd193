/* proto/text.h - Vietnamese text: one form at every door (NFC), folded search, collation.
 * Source: Unicode UAX 15; CLDR `vi` collation; docs/data-model.md "Text". */
#ifndef SOTAY_PROTO_TEXT_H
#define SOTAY_PROTO_TEXT_H

#include "proto/bytes.h"

/* clean, fold and sort_key refuse more than this with ST_E_TOO_LARGE before they take memory. */
#define ST_TEXT_BYTES_MAX (1024u * 1024u)

/* Valid UTF-8 without NUL, surrogates or over-long forms? */
bool st_text_is_utf8(const void *text, size_t len);
/* Valid UTF-8 and already NFC? What the wire accepts. Text with more than 30 combining marks on one
 * letter counts as not NFC (stream-safe text, UAX 15, 13): st_text_clean never makes it. */
bool st_text_is_nfc(const void *text, size_t len);
/* Code points of valid UTF-8. */
size_t st_text_chars(const void *text, size_t len);
/* Cleans what a person typed and appends it: NFC; U+200B..200D, U+FEFF and other unseen characters
 * (direction marks, soft hyphen) dropped; NBSP and runs of blanks to one space, none beside a line
 * break, trimmed at both ends; line breaks kept as \n; other control characters dropped. Cleaning
 * twice changes nothing more. ST_E_VALUE when it is not UTF-8; ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err st_text_clean(const void *text, size_t len, st_buffer *out, st_error *error);
/* Appends text of others as people may see it in a terminal: each line break becomes `line`, other
 * blanks a space, what is not seen (control characters, direction marks, bytes that are no UTF-8)
 * U+FFFD. ST_LINE_INSIDE keeps the lines of a value behind those of the page around it.
 * ST_E_TOO_LARGE, ST_E_MEMORY. */
#define ST_LINE_INSIDE "\n          "
ST_MUST_USE st_err st_text_say(const void *text, size_t len, const char *line, st_buffer *out,
                               st_error *error);
/* The search key: lower case, no marks, đ as d, nothing but letters, digits and single spaces:
 * punctuation parts words like a blank does. Appends. Errors as st_text_clean. */
ST_MUST_USE st_err st_text_fold(const void *text, size_t len, st_buffer *out, st_error *error);
/* Does every word of the folded needle begin a word of the folded text? Both from st_text_fold. A
 * tone key that Telex left at the end of a word ("trungf khanhs") is forgiven: no Vietnamese word
 * ends in f j r s x. A needle without words is in every text. */
bool st_text_matches(const char *folded, size_t len, const char *needle, size_t needle_len);
/* A key whose memcmp order is the Vietnamese alphabet: by letters (a ă â b c d đ e ê …), then
 * tones (huyền hỏi ngã sắc nặng), then case; numbers by size ("Tổ 2" before "Tổ 10"). Tones count
 * by word, so that "hoà" and "hòa" stand together. Equal keys do not mean equal texts: sort by id
 * then. Appends. Errors as st_text_clean. */
ST_MUST_USE st_err st_text_sort_key(const void *text, size_t len, st_buffer *out, st_error *error);

#endif
