/* tools/ctl/main.c - `sotayctl`, the office's and the operator's hand: reads the line, finds the
 * way to the store, prints. Must never open a store that a server writes in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

int ctl_say(int code, const char *what, const char *why)
{
    fprintf(stderr, "sotayctl: %s: %s\n", what, why);
    return code;
}

int ctl_say_in(const ctl_line *line, int code, const char *what, const char *vi, const char *en)
{
    return ctl_say(code, what, strcmp(line->lang, "vi") == 0 ? vi : en);
}

int ctl_fail(const ctl_line *line, const char *what, const st_error *error)
{
    fprintf(stderr, "sotayctl: %s: %s (%s)\n", what, st_err_sentence(error->code, line->lang),
            error->detail);
    return 1;
}

/* ---- the line ---- */

typedef struct {
    const char *name;
    const char **text;             /* takes a value */
    bool *flag;
} ctl_option;

static const char *choose_lang(const char *given)
{
    const char *const NAMES[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    const char *lang = given;
    for (size_t i = 0; i < 3 && (lang == NULL || lang[0] == '\0'); i++)
        lang = getenv(NAMES[i]);
    return lang != NULL && strncmp(lang, "vi", 2) == 0 ? "vi" : "en";
}

/* Takes an option of sotayctl itself at argv[*at]; 0 taken, 1 not one of ours, 2 wrong. */
static int take_own(const ctl_option *options, int argc, char **argv, int *at)
{
    for (const ctl_option *option = options; option->name != NULL; option++) {
        size_t len = strlen(option->name);
        if (strncmp(argv[*at], option->name, len) != 0 ||
            (argv[*at][len] != '\0' && argv[*at][len] != '='))
            continue;
        if (option->flag != NULL) {
            *option->flag = true;
            return argv[*at][len] == '\0' ? 0 : 2;
        }
        if (argv[*at][len] == '=')
            *option->text = argv[*at] + len + 1;
        else if (*at + 1 < argc)
            *option->text = argv[++*at];
        else
            return ctl_say(2, option->name, "its value is missing (see --help)");
        return 0;
    }
    return 1;
}

/* Parts the line. Returns 0, or 2 for wrong usage. */
static int read_line(int argc, char **argv, ctl_line *line)
{
    const ctl_option OWN[] = {
        { "--data", &line->data, NULL },       { "--lang", &line->lang_given, NULL },
        { "-o", &line->output, NULL },         { "--commune", &line->commune, NULL },
        { "--catalogue", &line->catalogue, NULL }, { "--help", NULL, &line->help },
        { "--progress", &line->progress, NULL },
        { "--version", NULL, &line->version }, { "--practice", NULL, &line->practice },
        { NULL, NULL, NULL },
    };
    for (int at = 1; at < argc; at++) {
        int own = take_own(OWN, argc, argv, &at);
        if (own == 2)
            return 2;
        if (own == 0)
            continue;
        bool ends = strcmp(argv[at], "--") == 0;   /* what follows is the verb's */
        int with = ends ? argc - at - 1 : operator_option_has_value(argv[at]) && at + 1 < argc;
        if (line->words_count + (size_t)with + 1 >= OPERATOR_ARGS_MAX - 2)
            return ctl_say(2, "usage", "too many words");
        for (int last = at + with; at < last; at++)
            line->words[line->words_count++] = argv[at];
        line->words[line->words_count++] = argv[at];
    }
    line->lang = choose_lang(line->lang_given);
    return 0;
}

/* `user import FILE`: the file is read here, where it lies. Returns false after saying why. */
static bool read_import(ctl_line *line, char **out_text)
{
    bool is_import = line->words_count >= 2 && strcmp(line->words[0], "user") == 0 &&
                     strcmp(line->words[1], "import") == 0;
    if (!is_import)
        return true;
    if (line->words_count != 3) {
        (void)ctl_say(2, "user import", "usage: sotayctl --data DIR user import FILE");
        return false;
    }
    *out_text = ctl_read_text(line->words[2]);
    line->words[2] = "--text";
    line->words[3] = *out_text;
    line->words_count = 4;
    return *out_text != NULL;
}

/* Which word of a verb, options and their values left out, names a path; 0: none. */
static size_t path_at(const ctl_line *line)
{
    if (strcmp(line->words[0], "backup") == 0)
        return 1;
    if (line->words_count > 1 && strcmp(line->words[0], "bundle") == 0)
        return 2;
    if (line->words_count < 2 || strcmp(line->words[0], "audit") != 0)
        return 0;
    return strcmp(line->words[1], "export") == 0 ? 2 : 3;
}

/* `backup DIR`, `bundle import FILE`: a server that runs has another folder under its feet than we
 * have. */
static bool place_path(ctl_line *line, char **out_text)
{
    size_t at = path_at(line), n = 0;
    for (size_t i = 0; at > 0 && i < line->words_count; i++) {
        if (line->words[i][0] == '-') {
            i += operator_option_has_value(line->words[i]) ? 1 : 0;
            continue;
        }
        if (n++ < at)
            continue;
        *out_text = ctl_absolute(line->words[i]);
        if (*out_text == NULL)
            return false;
        line->words[i] = *out_text;
        break;
    }
    return true;
}

/* ---- running it ---- */

static int local_offset_minutes(void)
{
    time_t now = time(NULL);
    struct tm local;
    return localtime_r(&now, &local) != NULL ? (int)(local.tm_gmtoff / 60) : 0;
}

/* Reasons, one line each, with our name in front. */
static void print_errors(const st_buffer *text)
{
    size_t from = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != '\n')
            continue;
        fprintf(stderr, "sotayctl: %.*s\n", (int)(i - from), (const char *)text->data + from);
        from = i + 1;
    }
}

static int print_answer(const ctl_line *line, const operator_call *call, int code)
{
    print_errors(call->err);
    if ((code & CTL_SAID) != 0)
        return code & ~CTL_SAID;
    if (code != 0 && code != 3 && call->err->len == 0 && call->out->len == 0)
        return ctl_say(code, line->words[0], "no memory");
    if (line->output != NULL && (code == 0 || code == 3))
        return ctl_write_file(line->output, call->out->data, call->out->len) ? code : 1;
    if (call->out->len > 0)
        (void)fwrite(call->out->data, 1, call->out->len, stdout);
    if (fflush(stdout) != 0 || ferror(stdout))
        return ctl_say(1, "output", "could not be written");
    return code;
}

/* Verbs whose answer is a file. */
static bool is_export(const ctl_line *line)
{
    if (line->words_count > 1 && strcmp(line->words[0], "attachment") == 0)
        return strcmp(line->words[1], "get") == 0;
    return line->words_count > 0 && strcmp(line->words[0], "export") == 0;
}

static int run_verb(const ctl_line *line)
{
    st_buffer out, err;
    st_buffer_init(&out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&err, 65536);
    operator_call call = { .argv = line->words, .argc = line->words_count, .lang = line->lang,
                           .offset_minutes = local_offset_minutes(), .out = &out, .err = &err };
    int code = ctl_reach(line, &call);
    code = print_answer(line, &call, code);
    st_buffer_free(&out);
    st_buffer_free(&err);
    return code;
}

static bool is_known(const ctl_line *line)
{
    char two[64] = "";
    if (line->words_count > 1)
        (void)snprintf(two, sizeof two, "%.30s %.30s", line->words[0], line->words[1]);
    for (size_t i = 0; operator_verb_at(i) != NULL; i++)
        if (strcmp(operator_verb_at(i)->name, line->words[0]) == 0 ||
            strcmp(operator_verb_at(i)->name, two) == 0)
            return true;
    return false;
}

static int choose(ctl_line *line)
{
    char *text = NULL;
    if (line->version) {
        puts("sotayctl " SOTAY_VERSION);
        return 0;
    }
    if (line->help) {
        ctl_help(line->lang);
        return 0;
    }
    if (line->words_count == 0)
        return ctl_say_in(line, 2, "usage", "thiếu tên lệnh (xem --help)",
                          "a verb is needed (see --help)");
    if (line->data == NULL)
        return ctl_say_in(line, 2, "usage", "cần --data DIR (xem --help)",
                          "--data DIR is needed (see --help)");
    bool is_init = strcmp(line->words[0], "init") == 0;
    if (!is_init && (line->commune != NULL || line->catalogue != NULL || line->practice))
        return ctl_say_in(line, 2, line->words[0],
                          "--commune, --catalogue và --practice chỉ dùng cho init",
                          "--commune, --catalogue and --practice belong to init");
    if (!is_export(line) && line->output != NULL)
        return ctl_say_in(line, 2, line->words[0], "-o chỉ dùng cho export và attachment get",
                          "-o belongs to export and attachment get");
    if (is_init)
        return ctl_init(line);
    if (strcmp(line->words[0], "restore") == 0)
        return ctl_restore(line);
    if (!is_known(line))
        return ctl_say_in(line, 2, "usage", "không có lệnh này (xem --help)",
                          "no such verb (see --help)");
    if (is_export(line) && line->output == NULL)
        return ctl_say_in(line, 2, line->words[0], "cần -o TỆP", "-o FILE is needed");
    size_t words = line->words_count;
    if (!read_import(line, &text))
        return words == 3 ? 1 : 2;
    if (!place_path(line, &text))
        return ctl_say(1, line->words[0], "no memory");
    int code = run_verb(line);
    free(text);
    return code;
}

int main(int argc, char **argv)
{
    ctl_line line = { .data = NULL };
    line.words = calloc(OPERATOR_ARGS_MAX, sizeof *line.words);
    if (line.words == NULL)
        return ctl_say(1, "start", "no memory");
    int code = read_line(argc, argv, &line);
    if (code == 0)
        code = choose(&line);
    free(line.words);
    return code;
}
