/* server/operator/operator.h - the verbs of sotayctl that touch the store. The same function runs
 * in sotayctl on a stopped store, and in sotayd when it runs: never two writers. */
#ifndef SOTAY_SERVER_OPERATOR_OPERATOR_H
#define SOTAY_SERVER_OPERATOR_OPERATOR_H

#include "server/operator/running.h"

#define OPERATOR_ARGS_MAX 4096u
#define OPERATOR_OUT_BYTES_MAX (256u << 20)

/* One call. argv[0] is the verb ("user"), options and operands follow as on the command line.
 * Files belong to sotayctl: it reads `user import FILE` and hands on its content as `--text`, and
 * it writes what `-o FILE` names. */
typedef struct {
    server *rooms;
    const char *const *argv;
    size_t argc;
    const char *lang;          /* "vi" or "en" */
    int offset_minutes;        /* of the terminal's local time */
    const char *public_url;    /* of the running server; NULL when it is stopped */
    bool words_wait;           /* operator_say_again failed: what writes is refused, but for what
                                * takes rights away (docs/operations.md) */
    st_buffer *out;            /* stdout */
    st_buffer *err;            /* stderr: lines "what: why" without the program's name */
    st_error why;              /* result: of a refusal with a code of its own, or of is_unread; else
                                  ST_OK */
    bool is_unread;            /* result: done, but some of the answer is damaged in the book: said
                                  on stderr, and at the end of a JSON document */
    bool is_unnoted;           /* result: done, but the note beside the store failed (side.h) */
} operator_call;

/* Runs it. Returns the exit code of docs/programs.md: 0 done, 1 refused (nothing was changed),
 * 2 wrong usage, 3 needs a person. */
int operator_run(operator_call *call);

/* One row of --help. */
typedef struct {
    const char *name;          /* "user add" */
    const char *usage;         /* "LOGIN --name NAME --role ROLE" */
    const char *vi, *en;       /* one line each */
} operator_help;
/* The i-th verb, in the order of the help; NULL behind the last. */
const operator_help *operator_verb_at(size_t i);
/* Does the word of a command line ("--form") take the next word as its value? */
bool operator_option_has_value(const char *word);

/* ---- the call on its way to a running server: NUL-terminated strings lang, offset, argv… ---- */
ST_MUST_USE st_err operator_pack(const operator_call *call, st_buffer *out, st_error *error);
/* argv (caller's array of OPERATOR_ARGS_MAX) points into bytes. ST_E_CORRUPT. */
ST_MUST_USE st_err operator_unpack(const uint8_t *bytes, size_t len, const char **argv,
                                   operator_call *out_call, st_error *error);
/* The answer: exit code 1 byte, length of stderr 4 bytes big-endian, stderr, stdout. */
ST_MUST_USE st_err operator_pack_answer(int code, const st_buffer *err_text,
                                        const st_buffer *out_text, st_buffer *out,
                                        st_error *error);
ST_MUST_USE st_err operator_unpack_answer(const uint8_t *bytes, size_t len, int *out_code,
                                          size_t *out_err_len, st_error *error);

#endif
