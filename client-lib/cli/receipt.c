/* client-lib/cli/receipt.c - `sotay receipt`: the proof that the log has a record's newest change.
 * Must never show a receipt that does not hold, or one of an older change without saying so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/cli/cli.h"

#define ENDING "tlog-proof"

static bool is_vi(const cli_call *call)
{
    return strcmp(call->lang, "vi") == 0;
}

/* ---- the files ---- */

/* The entry lies beside its proof: x.tlog-proof and x.leaf, as `sotayctl audit proof` writes them;
 * else .leaf is added. Free it. */
static char *beside(const char *path, const char *ending)
{
    size_t len = strlen(path), usual = strlen("." ENDING), more = strlen(ending) + 1;
    if (len > usual && strcmp(path + len - usual, "." ENDING) == 0)
        len -= usual;
    char *name = malloc(len + more);
    if (name != NULL) {
        memcpy(name, path, len);
        memcpy(name + len, ending, more);
    }
    return name;
}

static int write_files(cli_call *call, const char *path, const sotay_receipt *receipt)
{
    sotay_slice proof = { receipt->proof.data, receipt->proof.len };
    sotay_slice bytes = { receipt->leaf.data, receipt->leaf.len };
    if (strcmp(path, "-") == 0) {
        (void)fwrite(proof.data, 1, proof.len, stdout);
        return CLI_DONE;
    }
    char *leaf = beside(path, ".leaf");
    if (leaf == NULL)
        return cli_fail(call, SOTAY_E_MEMORY);
    int why = cli_write_file(leaf, bytes, true);
    int code = why == 0 ? CLI_DONE : cli_fail_file(call, leaf, why);
    free(leaf);
    if (code != CLI_DONE)
        return code;
    why = cli_write_file(path, proof, true);
    return why == 0 ? CLI_DONE : cli_fail_file(call, path, why);
}

/* Proof and entry into files, the proof into a QR code, as far as they were asked for. */
static int put_away(cli_call *call, const sotay_receipt *receipt)
{
    const char *path = call->options.output;
    int code = path != NULL ? write_files(call, path, receipt) : CLI_DONE;
    if (code == CLI_DONE && call->options.qr != NULL)
        code = cli_qr(call, call->options.qr,
                      (sotay_slice){ receipt->proof.data, receipt->proof.len });
    return code;
}

/* ---- what it says ---- */

static void say(const cli_call *call, const sotay_receipt *receipt)
{
    printf(is_vi(call) ? "Mục %" PRIu64 " trong %" PRIu64 " mục đầu của nhật ký\n"
                         "Mã kiểm tra: %s\nGốc: %s\n"
                       : "Entry %" PRIu64 " of the first %" PRIu64 " entries of the log\n"
                         "Check code: %s\nRoot: %s\n",
           receipt->entry, receipt->size, receipt->code, receipt->root);
}

/* Nothing in it needs escaping: hex, digits, base64, and an origin of letters, digits and /. */
static void say_json(const cli_call *call, const sotay_receipt *receipt, uint64_t newest)
{
    printf("{\"id\":\"%s\",\"entry\":%" PRIu64 ",\"newest_entry\":%" PRIu64 ",\"size\":%" PRIu64
           ",\"root\":\"%s\",\"check_code\":\"%s\",\"origin\":\"%s\"}\n",
           call->operands[0], receipt->entry, newest, receipt->size, receipt->root, receipt->code,
           receipt->origin);
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int give(cli_call *call, const sotay_receipt *receipt, uint64_t newest)
{
    int code = put_away(call, receipt);
    if (code == CLI_DONE && call->options.json)
        say_json(call, receipt, newest);
    else if (code == CLI_DONE && !is_stdout(call->options.output))
        say(call, receipt);
    return code;
}

static void say_before(const cli_call *call, const sotay_receipt *receipt)
{
    fprintf(stderr,
            is_vi(call) ? "sotay: %s: sổ đã được phục hồi; máy còn giữ biên nhận của sổ trước đó: "
                          "mục %" PRIu64 " của %s\n"
                        : "sotay: %s: the book was put back since; a receipt of the one before is "
                          "still here: entry %" PRIu64 " of %s\n",
            call->verb, receipt->entry, receipt->origin);
}

/* It goes into files of its own, beside those of the one that holds now. */
static int put_before_away(cli_call *call, const sotay_receipt *receipt)
{
    const char *path = call->options.output;
    if (path == NULL || is_stdout(path))
        return CLI_DONE;
    char *name = beside(path, ".before." ENDING);
    int code = name == NULL ? cli_fail(call, SOTAY_E_MEMORY) : write_files(call, name, receipt);
    free(name);
    return code;
}

/* What a log that was put back since had signed is evidence, and said whenever it is there. */
static int show_before(cli_call *call, const sotay_id *id)
{
    sotay_receipt receipt;
    int code = sotay_receipt_before(call->client, id, &receipt, &call->error);
    if (code == SOTAY_E_NOT_FOUND)
        return CLI_DONE;
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    say_before(call, &receipt);
    code = put_before_away(call, &receipt);
    sotay_receipt_free(&receipt);
    return code;
}

static int show(cli_call *call, const sotay_id *id, uint64_t newest)
{
    sotay_receipt receipt;
    int code = sotay_receipt_get(call->client, id, &receipt, &call->error);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    code = give(call, &receipt, newest);
    sotay_receipt_free(&receipt);
    return code == CLI_DONE ? show_before(call, id) : code;
}

/* An older one is still a proof of what was true then. */
static int show_older(cli_call *call, const sotay_id *id, const sotay_receipt_state *state)
{
    fprintf(stderr,
            is_vi(call) ? "sotay: %s: biên nhận này là của mục %" PRIu64 "; mục mới nhất "
                          "%" PRIu64 " chưa lấy được\n"
                        : "sotay: %s: this receipt is of entry %" PRIu64 "; that of the "
                          "newest, %" PRIu64 ", could not be fetched\n",
            call->verb, state->kept, state->entry);
    return show(call, id, state->entry);
}

/* The one of before alone, when no other can be had now: as if it had been asked for. */
static int show_before_alone(cli_call *call, const sotay_id *id, uint64_t newest, int failed)
{
    sotay_receipt receipt;
    sotay_error error;
    if (sotay_receipt_before(call->client, id, &receipt, &error) != SOTAY_OK)
        return cli_fail(call, failed);
    say_before(call, &receipt);
    int code = give(call, &receipt, newest);
    sotay_receipt_free(&receipt);
    return code;
}

/* What the server has not signed yet, or a line that broke, is for the next sync. */
void cli_fetch_receipts(cli_call *call, const sotay_curl_how *how)
{
    size_t fetched = 0;
    bool all = call->options.receipts;
    sotay_error error = { 0, "" };
    int code = sotay_curl_receipts(call->client, how, all, &fetched, &error);
    if (!all)
        return; /* nobody asked: `receipt` and `status` tell what is here */
    fprintf(stderr, is_vi(call) ? "sotay: %s: đã lấy %zu biên nhận%s%s\n"
                                : "sotay: %s: %zu receipts fetched%s%s\n",
            call->verb, fetched, code == SOTAY_OK ? "" : "; ",
            code == SOTAY_OK ? "" : sotay_code_sentence((sotay_code)code, call->lang));
}

/* NULL, or what is wrong with the options. */
static const char *misuse_of(const cli_options *options)
{
    if (options->json && is_stdout(options->output))
        return "-o - and --json both want stdout";
    if (is_stdout(options->qr) && (options->json || is_stdout(options->output)))
        return "--qr - wants stdout for itself and the words of the receipt";
    if (options->qr != NULL && !cli_qr_is_place(options->qr))
        return "--qr: a name that ends with .svg or .png, or -";
    return NULL;
}

int cli_receipt(cli_call *call)
{
    sotay_id id;
    sotay_receipt_state state = { 0 };
    sotay_curl_how how = { .url = call->options.server };
    const char *misuse = misuse_of(&call->options);
    if (misuse != NULL)
        return cli_misuse(call, misuse);
    if (!cli_record(call, &id))
        return CLI_FAILED;
    int wrong = cli_read_limits(call, &how);
    if (wrong != CLI_DONE)
        return wrong;
    int code = sotay_receipt_find(call->client, &id, &state, &call->error);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    code = sotay_curl_receipt(call->client, &how, &id, &call->error);
    if (state.has_unsent)
        fprintf(stderr,
                is_vi(call) ? "sotay: %s: phiếu có phần mới ghi chưa gửi, biên nhận chưa có\n"
                            : "sotay: %s: what was written since is not sent, and not in it\n",
                call->verb);
    if (code == SOTAY_OK)
        return show(call, &id, state.entry);
    bool is_out_of_reach = code == SOTAY_E_NETWORK || code == SOTAY_E_NOT_FOUND;
    if (!is_out_of_reach)
        return cli_fail(call, code);
    return state.kept > 0 ? show_older(call, &id, &state)
                          : show_before_alone(call, &id, state.entry, code);
}
