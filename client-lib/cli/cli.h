/* client-lib/cli/cli.h - what the verbs of `sotay` share. */
#ifndef SOTAY_CLI_CLI_H
#define SOTAY_CLI_CLI_H

#include "client-lib/include/sotay.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_PERSON = 3, CLI_NO_SIGNAL = 4 };

#define CLI_PIN_BYTES 256

/* Options that some verbs take; NULL or false when not given. */
typedef struct {
    const char *store, *lang, *pin_file, *form, *unit, *state, *reason, *keep, *seen, *value;
    const char *server, *label, *output, *qr, *about, *caption, *longest;
    const char *size, *budget, *retry_for, *timeout, *progress;
    bool json, help, version, metered, receipts, no_receipts, retry;
    bool thumbnail, dry_run, older_key;
} cli_options;

/* One call. operands are what stands behind the verb, without options. */
typedef struct {
    const char *verb;
    cli_options options;
    const char **operands;
    size_t operands_count;
    const char *lang;          /* "vi" or "en" */
    int offset_minutes;
    sotay_port port;           /* open while the verb runs */
    sotay_client *client;      /* the same; not for cli_recover */
    char pin[CLI_PIN_BYTES];   /* that opened it */
    bool has_pin;
    sotay_error error;
    bool has_progress;         /* a line of it stands on the terminal */
} cli_call;

typedef int (*cli_run)(cli_call *call);

/* least/most: operands. Options are letters of cli_options that the verb takes, see main.c. */
typedef struct {
    const char *name, *usage;
    size_t least, most;
    const char *options;
    cli_run run;
    const char *vi, *en;
} cli_verb;

/* Gives the store up, for others to use it, and opens it again as it was. cli_resume: SOTAY_OK, or
 * the code with call->error set; call->client is NULL then. cli_rest is always safe. */
void cli_rest(cli_call *call);
int cli_resume(cli_call *call);
/* Prints `sotay: verb: why` and returns the exit code of the code. */
int cli_fail(cli_call *call, int code);
/* The same for a file or its folder: why is an errno. */
int cli_fail_file(cli_call *call, const char *path, int why);
/* What --budget, --timeout and the like say, into `how`. CLI_DONE, or 2 after a message. */
int cli_read_limits(cli_call *call, sotay_curl_how *how);
/* One sync as the options say: budget, timeouts, progress. CLI_DONE, or the exit code after a
 * message. *out_report is set also when it fails. */
int cli_run_sync(cli_call *call, sotay_report *out_report);
/* The same with a text of our own; exit code 2. */
int cli_misuse(cli_call *call, const char *why);
/* Prints the text of a reading call and frees it, or fails. */
int cli_print(cli_call *call, int code, char *text);
sotay_format cli_format(const cli_call *call);
/* The first operand as a record id; false (after a message) when it is not one. */
bool cli_record(cli_call *call, sotay_id *out_id);
/* Operands from `from` on as PATH=VALUE pairs; an empty value is refused with a hint to clear.
 * Free *out_pairs->pairs with free(); the strings are split in place. */
bool cli_pairs(cli_call *call, size_t from, sotay_pairs *out_pairs);

/* Bytes as people write them: digits, perhaps with k or M behind. false: they are none. */
bool cli_bytes(const char *text, long *out_bytes);
/* 0, or errno. The file is whole and on disk, or as it was. One that is there is replaced, or
 * stays, and EEXIST is the answer. */
int cli_write_file(const char *path, sotay_slice bytes, bool replaces);
/* The same bit by bit: begin; put at its end, or in front of all there is; then end, which gives it
 * its name, or drop, which is always safe and leaves nothing behind. 0, or errno; after an error it
 * is dropped. */
#define CLI_PATH_BYTES 4096
typedef struct {
    char temporary[CLI_PATH_BYTES];
    int fd;                    /* -1: none */
    uint64_t bytes;
} cli_file;
int cli_file_begin(cli_file *file, const char *path);
int cli_file_put(cli_file *file, const void *bytes, size_t len);
int cli_file_put_in_front(cli_file *file, sotay_slice front);
int cli_file_end(cli_file *file, const char *path, bool replaces);
void cli_file_drop(cli_file *file);

/* May a QR code go there: "-" (the terminal), or a name that ends with .svg or .png? */
bool cli_qr_is_place(const char *path);
/* Puts one of these bytes (up to 2,953) there. CLI_DONE, or the exit code after a message. */
int cli_qr(cli_call *call, const char *path, sotay_slice bytes);

/* The PIN that a store is to have: that of --pin-file, or what is typed twice where a terminal is
 * there. *out_given: false when there is none. SOTAY_E_PIN: it cannot be read, or not the same. */
int cli_new_pin(cli_call *call, char pin[CLI_PIN_BYTES], bool *out_given);

int cli_enrol(cli_call *call);
int cli_new(cli_call *call);
int cli_set(cli_call *call);
int cli_clear(cli_call *call);
int cli_add(cli_call *call);
int cli_remove(cli_call *call);
int cli_remark(cli_call *call);
int cli_item(cli_call *call);
int cli_attach(cli_call *call);
int cli_attachment(cli_call *call);
int cli_drop(cli_call *call);
int cli_keep(cli_call *call);
int cli_finalise(cli_call *call);
int cli_review(cli_call *call);
int cli_withdraw(cli_call *call);
int cli_reopen(cli_call *call);
int cli_amend(cli_call *call);
int cli_resolve(cli_call *call);
int cli_draft(cli_call *call);
int cli_recover(cli_call *call);
int cli_debug(cli_call *call);
int cli_show(cli_call *call);
int cli_list(cli_call *call);
int cli_history(cli_call *call);
int cli_receipt(cli_call *call);
/* Fetches what is due of own records after a sync, and says how many on stderr; never fails. */
void cli_fetch_receipts(cli_call *call, const sotay_curl_how *how);
int cli_conflicts(cli_call *call);
int cli_search(cli_call *call);
int cli_sync(cli_call *call);
int cli_status(cli_call *call);
int cli_bundle(cli_call *call);
int cli_carry(cli_call *call);
/* A line of own changes that stay here until this phone has synced (sotay_carry.h); none of 0. */
void cli_say_unsealed(const cli_call *call, uint64_t changes);

#endif
