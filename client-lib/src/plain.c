/* client-lib/src/plain.c - the small public calls without a client, and proof that the numbers of
 * sotay.h are those of the wire.
 * Promises: a code means the same here, in a refusal and on the office's screen.
 * Never: state. */
#include <string.h>

#include "client-lib/src/port.h"
#include "proto/id.h"

#define SAME(mine, theirs)                                                                         \
    _Static_assert((int)(mine) == (int)(theirs), "codes of sotay.h are those of proto/err.h")
SAME(SOTAY_OK, ST_OK);
SAME(SOTAY_E_NOT_FOUND, ST_E_NOT_FOUND);
SAME(SOTAY_E_USAGE, ST_E_USAGE);
SAME(SOTAY_E_VALUE, ST_E_VALUE);
SAME(SOTAY_E_DENIED, ST_E_DENIED);
SAME(SOTAY_E_STATE, ST_E_STATE);
SAME(SOTAY_E_CHANGED, ST_E_CHANGED);
SAME(SOTAY_E_TOO_LARGE, ST_E_TOO_LARGE);
SAME(SOTAY_E_CORRUPT, ST_E_CORRUPT);
SAME(SOTAY_E_VERSION, ST_E_VERSION);
SAME(SOTAY_E_SIGNATURE, ST_E_SIGNATURE);
SAME(SOTAY_E_AGAIN, ST_E_AGAIN);
SAME(SOTAY_E_ENROL, ST_E_ENROL);
SAME(SOTAY_E_BUSY, ST_E_BUSY);
SAME(SOTAY_E_EXISTS, ST_E_EXISTS);
SAME(SOTAY_E_PIN, ST_E_PIN);
SAME(SOTAY_E_STORAGE, ST_E_STORAGE);
SAME(SOTAY_E_MEMORY, ST_E_MEMORY);
SAME(SOTAY_E_NETWORK, ST_E_NETWORK);
SAME(SOTAY_E_SERVER, ST_E_SERVER);
SAME(SOTAY_PENDING, ST_PENDING);
SAME(SOTAY_E_FULL, ST_E_FULL);
_Static_assert(sizeof(sotay_id) == sizeof(st_id), "an id is 16 bytes");
_Static_assert(SOTAY_ITEM_TEXT == ST_ITEM_TEXT_BYTES, "the text of an item's id");
_Static_assert(sizeof(((sotay_error *)0)->detail) == sizeof(((st_error *)0)->detail),
               "details are copied whole");

const char *sotay_code_name(sotay_code code)
{
    static const char *const NAMES[] = {
        "SOTAY_OK",        "SOTAY_E_NOT_FOUND", "SOTAY_E_USAGE",     "SOTAY_E_VALUE",
        "SOTAY_E_DENIED",  "SOTAY_E_STATE",     "SOTAY_E_CHANGED",   "SOTAY_E_TOO_LARGE",
        "SOTAY_E_CORRUPT", "SOTAY_E_VERSION",   "SOTAY_E_SIGNATURE", "SOTAY_E_AGAIN",
        "SOTAY_E_ENROL",   "SOTAY_E_BUSY",      "SOTAY_E_EXISTS",    "SOTAY_E_PIN",
        "SOTAY_E_STORAGE", "SOTAY_E_MEMORY",    "SOTAY_E_NETWORK",   "SOTAY_E_SERVER",
        "SOTAY_PENDING",   "SOTAY_E_FULL",
    };
    _Static_assert(sizeof NAMES / sizeof NAMES[0] == ST_ERR_COUNT, "a name for each code");
    return (size_t)code < ST_ERR_COUNT ? NAMES[code] : "SOTAY_E_UNKNOWN";
}

const char *sotay_code_sentence(sotay_code code, const char *lang)
{
    return st_err_sentence((st_err)code, lang == NULL ? "en" : lang);
}

void sotay_id_format(const sotay_id *id, char *text)
{
    st_id inner;
    memcpy(inner.b, id->b, sizeof inner.b);
    st_id_format(&inner, text);
}

bool sotay_id_parse(const char *text, sotay_id *out_id)
{
    st_id inner;
    if (!st_id_parse(text, &inner))
        return false;
    memcpy(out_id->b, inner.b, sizeof out_id->b);
    return true;
}
