/* tools/fuzz/fuzz_operator.c - a call of sotayctl with any words: it ends with an exit code of the
 * table, says why on stderr when it refuses, prints JSON when it was asked to, and leaves the book
 * as its log says. */
#include <string.h>

#include "server/operator/operator.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/fuzz.h"

#define WORDS_MAX    64u
#define TEXT_BYTES   4096
#define VERIFY_EVERY 16u

enum { DONE, REFUSED, WRITTEN };
static fuzz_goal goals[] = { [DONE] = { "a call is done", 0 },
                             [REFUSED] = { "a call is refused", 0 },
                             [WRITTEN] = { "a call writes an entry", 0 } };
FUZZ_MUST_REACH(goals);

/* Words that stand for what the book has, so that a call can find it. */
static const char *word_of(const book_world *world, const char *word)
{
    static char id[33], device[33];
    st_id_format(&world->visit, id);
    st_id_format(&world->an.device, device);
    return strcmp(word, "VISIT") == 0 ? id : strcmp(word, "DEVICE") == 0 ? device : word;
}

static bool has_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer out, err_text;
    static char text[TEXT_BYTES + 2];
    const char *words[WORDS_MAX];
    size_t count = 0;
    if (size == 0 || size > TEXT_BYTES)
        return 0;
    book_world *world = book_world_get();
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size && count < WORDS_MAX; at += strlen(text + at) + 1)
        words[count++] = word_of(world, text + at);
    out.max = OPERATOR_OUT_BYTES_MAX;
    err_text.max = 65536;
    st_buffer_clear(&out);
    st_buffer_clear(&err_text);
    operator_call call = { .rooms = &world->r.srv,
                           .argv = words,
                           .argc = count,
                           .lang = size % 2 ? "vi" : "en",
                           .offset_minutes = 420,
                           .out = &out,
                           .err = &err_text };
    int code = operator_run(&call);
    FUZZ_MUST(code >= 0 && code <= 3);
    FUZZ_MUST(code != 1 || err_text.len > 0);
    if (code == 0 && has_word(words, count, "--json") && !has_word(words, count, "--help"))
        fuzz_must_be_json(out.data, out.len);
    if (size % VERIFY_EVERY == 0 && book_world_entries(world) != world->entries)
        FUZZ_MUST(rig_verify(&world->r) == 0);
    goals[DONE].times += code == 0;
    goals[REFUSED].times += code == 1;
    goals[WRITTEN].times += book_world_restore(world);
    return 0;
}
