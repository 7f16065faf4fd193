/* tools/fuzz/fuzz_words.c - the words of an old folder, which `restore` says again, as anybody may
 * have written them. A line that cannot be read stops nothing; said are only words that take rights
 * away, each once for one entry at most; what was not said stays noted; the book is what its log
 * says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/operator/again.h"
#include "server/sync/side.h"
#include "tools/fuzz/book_world.h"
#include "tools/fuzz/fuzz.h"

#define LINES_MAX    64u
#define LINE_BYTES    256u
#define VERIFY_EVERY 8u

typedef struct {
    char lines[LINES_MAX][LINE_BYTES];
    size_t count;
} list;

/* What was said in this input. */
static list *said(void)
{
    static list words;
    return &words;
}

static void add(list *to, const char *text)
{
    if (to->count < LINES_MAX)
        (void)snprintf(to->lines[to->count++], LINE_BYTES, "%s", text);
}

static bool has(const list *in, const char *text)
{
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->lines[i], text) == 0)
            return true;
    return in->count == LINES_MAX;
}

static size_t times(const list *in, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; i < in->count; i++)
        count += strcmp(in->lines[i], text) == 0;
    return count;
}

static bool add_noted(void *context, const side_words *words)
{
    add(context, words->text);
    return true;
}

/* device revoke X, device suspend X, user disable X, role X -Y, and not a word more. */
enum { SAID, BROUGHT };
static fuzz_goal goals[] = { [SAID] = { "words are said again", 0 },
                             [BROUGHT] = { "what is said again is an entry", 0 } };
FUZZ_MUST_REACH(goals);

static void note_said(const char *text)
{
    char first[LINE_BYTES], second[LINE_BYTES], third[LINE_BYTES], more[LINE_BYTES];
    int words = sscanf(text, "%s %s %s %s", first, second, third, more);
    add(said(), text);
    goals[SAID].times++;
    FUZZ_MUST(words == 3);
    if (strcmp(first, "role") == 0) {
        FUZZ_MUST(third[0] == '-' && second[0] != '-');
        return;
    }
    FUZZ_MUST(third[0] != '-');
    FUZZ_MUST((strcmp(first, "device") == 0 &&
               (strcmp(second, "revoke") == 0 || strcmp(second, "suspend") == 0)) ||
              (strcmp(first, "user") == 0 && strcmp(second, "disable") == 0));
}

/* The input as the notes of a folder; D and E stand for the devices of the book. */
static void write_notes(const book_world *world, const char *dir, fuzz_bytes bytes)
{
    char path[160], an[33], binh[33];
    (void)snprintf(path, sizeof path, "%s/side", dir);
    FUZZ_MUST(mkdir(dir, 0700) == 0 && mkdir(path, 0700) == 0);
    (void)snprintf(path, sizeof path, "%s/side/words", dir);
    FILE *file = fopen(path, "wb");
    FUZZ_MUST(file != NULL);
    st_id_format(&world->an.device, an);
    st_id_format(&world->binh.device, binh);
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] == 'D' || bytes.data[i] == 'E')
            FUZZ_MUST(fputs(bytes.data[i] == 'D' ? an : binh, file) >= 0);
        else
            FUZZ_MUST(fputc(bytes.data[i], file) != EOF);
    }
    FUZZ_MUST(fclose(file) == 0);
}

static void remove_notes(const char *dir, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/side/%s", dir, name);
    (void)remove(path);
}

static void remove_folder(const char *dir)
{
    char path[160];
    remove_notes(dir, "words");
    (void)snprintf(path, sizeof path, "%s/side", dir);
    FUZZ_MUST(remove(path) == 0 && remove(dir) == 0);
}

/* No oftener than it was noted; and what was said a second time brought no second entry. */
static void must_be_said_once(const list *noted, uint64_t entries)
{
    const list *all = said();
    size_t different = 0;
    if (noted->count == LINES_MAX || all->count == LINES_MAX)
        return;
    for (size_t i = 0; i < all->count; i++) {
        size_t first = 0;
        while (strcmp(all->lines[first], all->lines[i]) != 0)
            first++;
        FUZZ_MUST(times(all, all->lines[i]) <= times(noted, all->lines[i]));
        different += first == i;
    }
    FUZZ_MUST(entries <= different);
}

static void say_again(book_world *world, const char *from)
{
    static list before, after;
    const uint64_t entries = book_world_entries(world);
    bool has_again = false;
    before.count = after.count = said()->count = 0;
    FUZZ_MUST(side_each_words(from, add_noted, &before, NULL) == ST_OK);
    FUZZ_MUST(side_bring_words(from, world->r.dir, NULL) == ST_OK);
    FUZZ_MUST(operator_say_again(&world->r.srv, "vi", note_said, NULL) == ST_OK);
    FUZZ_MUST(side_has_again(world->r.dir, &has_again, NULL) == ST_OK && !has_again);
    FUZZ_MUST(side_each_words(world->r.dir, add_noted, &after, NULL) == ST_OK);
    for (size_t i = 0; i < before.count; i++)
        FUZZ_MUST(has(&after, before.lines[i]) || has(said(), before.lines[i]));
    must_be_said_once(&before, book_world_entries(world) - entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char from[128];
    book_world *world = book_world_get();
    (void)snprintf(from, sizeof from, "%s.old", world->r.dir);
    remove_notes(world->r.dir, "words");
    remove_notes(world->r.dir, "words.again");
    write_notes(world, from, (fuzz_bytes){ data, size });
    say_again(world, from);
    remove_folder(from);
    if (size % VERIFY_EVERY == 0 && book_world_entries(world) != world->entries)
        FUZZ_MUST(rig_verify(&world->r) == 0);
    goals[BROUGHT].times += book_world_restore(world);
    return 0;
}
