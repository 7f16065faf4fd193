/* tools/fuzz/fuzz_text.c - Vietnamese text. Cleaning gives what the wire accepts and cleans no
 * further; folding does not depend on how the text was typed; a text is found by each of its own
 * words; order is one of keys, so it cannot turn in a circle. */
#include <string.h>

#include "proto/text.h"
#include "tools/fuzz/fuzz.h"

typedef st_err (*maker)(const void *text, size_t len, st_buffer *out, st_error *error);

/* RFC 3629, by the table of its section 4: a second opinion on what is UTF-8. */
static bool is_utf8(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint8_t lead = s[i++];
        uint8_t low = 0x80, high = 0xbf;
        int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead == 0 || lead > 0xf4 || (lead >= 0x80 && lead < 0xc2))
            return false;
        if (lead < 0x80)
            continue;
        low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : low;
        high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : high;
        for (; more > 0; more--, i++, low = 0x80, high = 0xbf)
            if (i >= len || s[i] < low || s[i] > high)
                return false;
    }
    return true;
}

/* make(text) into out; make again of it must change nothing when `settles`. */
static void make(maker what, const void *text, size_t len, st_buffer *out)
{
    out->max = ST_TEXT_BYTES_MAX;
    st_buffer_clear(out);
    FUZZ_MUST(what(text, len, out, NULL) == ST_OK);
}

static void check_words(const st_buffer *folded)
{
    const char *text = (const char *)folded->data;
    for (size_t at = 0; at < folded->len;) {
        size_t end = at;
        while (end < folded->len && text[end] != ' ')
            end++;
        FUZZ_MUST(end > at); /* single spaces, none at the ends */
        FUZZ_MUST(st_text_matches(text, folded->len, text + at, end - at));
        at = end + 1;
        FUZZ_MUST(at != folded->len);
    }
    FUZZ_MUST(st_text_matches(text, folded->len, text, folded->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer clean, twice, fold, again, key, key_again;
    bool good = is_utf8(data, size);
    FUZZ_MUST(st_text_is_utf8(data, size) == good);
    if (!good) {
        clean.max = ST_TEXT_BYTES_MAX;
        st_buffer_clear(&clean);
        FUZZ_MUST(st_text_clean(data, size, &clean, NULL) == ST_E_VALUE && clean.len == 0);
        FUZZ_MUST(!st_text_is_nfc(data, size));
        return 0;
    }
    FUZZ_MUST(st_text_chars(data, size) <= size);
    make(st_text_clean, data, size, &clean);
    FUZZ_MUST(st_text_is_nfc(clean.data, clean.len));
    make(st_text_clean, clean.data, clean.len, &twice);
    fuzz_must_be_same(&clean, &twice);
    make(st_text_fold, clean.data, clean.len, &fold);
    make(st_text_fold, fold.data, fold.len, &again);
    fuzz_must_be_same(&fold, &again);
    if (st_text_is_nfc(data, size)) {
        make(st_text_fold, data, size, &again);
        FUZZ_MUST(again.len > 0 || fold.len == 0);
    }
    check_words(&fold);
    make(st_text_sort_key, clean.data, clean.len, &key);
    make(st_text_sort_key, twice.data, twice.len, &key_again);
    fuzz_must_be_same(&key, &key_again);
    return 0;
}
