/* tools/ctl/ctl.h - the parts of sotayctl: the line, files, and the two ways to the store. */
#ifndef SOTAY_TOOLS_CTL_CTL_H
#define SOTAY_TOOLS_CTL_CTL_H

#include "server/operator/operator.h"

#define CTL_FILE_BYTES_MAX (4u << 20)

/* The command line, parted: what sotayctl itself needs, and what goes on to the verb. */
typedef struct {
    const char *data, *lang_given, *output, *commune, *catalogue, *progress;
    const char *lang;              /* "vi" or "en" */
    bool help, version, practice;
    const char **words;            /* of the verb; OPERATOR_ARGS_MAX */
    size_t words_count;
} ctl_line;

/* How far a long verb is, on stderr. */
typedef enum { CTL_PROGRESS_NONE, CTL_PROGRESS_TEXT, CTL_PROGRESS_JSON } ctl_progress_how;
typedef struct {
    ctl_progress_how how;
    const char *lang;
    uint64_t begun_ms, said_ms;
    bool is_eager;                 /* each step is said, however short the work */
    bool has_line;                 /* one stands on the terminal */
    progress work;                 /* for rooms_how */
} ctl_progress;
/* As the line wishes: on a terminal without a word. false: it wishes for something unknown. */
bool ctl_progress_init(ctl_progress *p, const ctl_line *line);
/* Says it, unless it was said a moment ago. */
void ctl_progress_say(ctl_progress *p, const progress_now *now);
/* Takes the line from the terminal, before anything else is written there. */
void ctl_progress_end(ctl_progress *p);

/* One line on stderr: "sotayctl: what: why". Returns code. */
int ctl_say(int code, const char *what, const char *why);
/* The same in the language of the line. */
int ctl_say_in(const ctl_line *line, int code, const char *what, const char *vi, const char *en);
/* The same for an error: its sentence in the language of the line, then the detail. Returns 1. */
int ctl_fail(const ctl_line *line, const char *what, const st_error *error);
/* Reads a whole text file, NUL-terminated, malloc'd. Returns NULL and says why on stderr. */
char *ctl_read_text(const char *path);
/* Writes the file whole or not at all (a new file beside it, then a rename); "-" is stdout. Returns
 * false and says why on stderr. */
bool ctl_write_file(const char *path, const uint8_t *data, size_t len);
/* In what ctl_reach returns: why is on stderr already. */
#define CTL_SAID 0x100
/* Runs the verb: here when nobody has the store, else in the server that has it. Waits a little for
 * another sotayctl to end. Returns the exit code, with CTL_SAID when the verb was not reached. */
int ctl_reach(const ctl_line *line, operator_call *call);
/* `init`. */
int ctl_init(const ctl_line *line);
/* `restore`. */
int ctl_restore(const ctl_line *line);
/* The path as it is meant from here, malloc'd; NULL without memory. */
char *ctl_absolute(const char *path);
/* `--help`. */
void ctl_help(const char *lang);

#endif
