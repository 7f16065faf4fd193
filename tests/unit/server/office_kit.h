/* tests/unit/server/office_kit.h - an office at a book where one step may fail: the book, a phone,
 * what the office is at, and calls of sotayctl in which the n-th step fails. For programs whose
 * name ends in faults: see broken_book.h. */
#ifndef SOTAY_TESTS_OFFICE_KIT_H
#define SOTAY_TESTS_OFFICE_KIT_H

#include "tests/unit/server/broken_book.h"
#include "tests/unit/server/operator_kit.h"

#define WORDS_MAX 14

/* What the words of a scene may name: see fill. */
typedef struct {
    kit_book book;
    kit_phone an;
    char visit[33], meeting[33], device[33], dot[ST_DOT_TEXT_BYTES], request[24];
    unsigned round; /* tells what is made anew from what was made before */
    char words[WORDS_MAX][160];
    const char *line[WORDS_MAX + 1];
} office;

static office OFFICE;

static inline int office_setup(void **state)
{
    office *o = &OFFICE;
    memset(o, 0, sizeof *o);
    memset(&trouble, 0, sizeof trouble);
    kit_make(&o->book, false);
    KIT_EXPECT(0, &o->book, "user", "add", "an", "--name", "An", "--role", "officer");
    KIT_EXPECT(0, &o->book, "user", "add", "office", "--name", "Office", "--role", "office");
    KIT_EXPECT(0, &o->book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &o->book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    KIT_EXPECT(0, &o->book, "user", "add", "chair", "--name", "Chair", "--role", "council_chair");
    KIT_EXPECT(0, &o->book, "assign", "an", KIT_UNIT);
    kit_enrol(&o->book, "an", 7, &o->an);
    st_id_format(&o->an.device, o->device);
    *state = o;
    return 0;
}

static inline int office_teardown(void **state)
{
    office *o = *state;
    KIT_EXPECT(0, &o->book, "verify"); /* state == fold of the log, after all of it */
    kit_remove(&o->book);
    return 0;
}

static inline uint64_t office_log_size(office *o)
{
    return kit_log_size(&o->book);
}

/* ---- what was before ---- */

static inline void a_visit(office *o)
{
    o->an.next++; /* a gap: the ids of two rounds differ */
    kit_visit(&o->an, "một điều riêng tư", o->visit);
}

/* ---- a call of the scene ---- */

static inline const char *office_word(office *o, const char *word)
{
    static char login[32];
    (void)snprintf(login, sizeof login, "n%u", o->round);
    const struct {
        const char *name, *text;
    } NAMES[] = { { "@visit", o->visit }, { "@meeting", o->meeting }, { "@device", o->device },
                  { "@dot", o->dot },     { "@login", login },        { "@dir", o->book.dir },
                  { "@request", o->request } };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strncmp(word, NAMES[i].name, strlen(NAMES[i].name)) == 0)
            return NAMES[i].text;
    return NULL;
}

/* "@name/rest" and "@name" stand for what the office is at. */
static inline size_t office_fill(office *o, const char *const *words)
{
    size_t count = 0;
    for (; words[count] != NULL; count++) {
        const char *word = words[count], *text = office_word(o, word);
        const char *rest = strchr(word, '/');
        if (text != NULL)
            (void)snprintf(o->words[count], sizeof *o->words, "%s%s", text,
                           rest != NULL ? rest : "");
        else
            (void)snprintf(o->words[count], sizeof *o->words, "%s", word);
        o->line[count] = o->words[count];
    }
    o->line[count] = NULL;
    return count;
}

/* Like kit_call, with the n-th step failing. Returns the exit code. */
static inline int office_call(office *o, fault kind, uint64_t n, bool only_writes, bool *out_failed)
{
    kit_book *book = &o->book;
    size_t count = 0;
    while (o->line[count] != NULL)
        count++;
    st_buffer_clear(&book->out);
    st_buffer_clear(&book->err);
    operator_call call = { .rooms = &book->rooms,
                           .argv = o->line,
                           .argc = count,
                           .lang = "en",
                           .offset_minutes = 420,
                           .out = &book->out,
                           .err = &book->err };
    arm(kind, n, only_writes);
    int code = operator_run(&call);
    *out_failed = disarm();
    assert_int_equal(st_buffer_append(&book->out, "", 1, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&book->err, "", 1, NULL), ST_OK);
    return code;
}

/* ---- what is said when a test fails ---- */

static inline void office_show(const office *o, fault kind, uint64_t n, int code)
{
    print_message("  step %d of kind %d failed, exit code %d, in:", (int)n, (int)kind, code);
    for (size_t i = 0; o->line[i] != NULL; i++)
        print_message(" %s", o->line[i]);
    print_message("\n  stdout: %s  stderr: %s\n", KIT_OUT(&o->book), KIT_ERR(&o->book));
}

#endif
