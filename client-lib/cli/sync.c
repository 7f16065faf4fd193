/* client-lib/cli/sync.c - the verbs that need a line: enrol and sync; what they may cost, how long
 * they may take, and how far they are.
 * Promises: stdout holds the result alone; progress goes to stderr.
 * Never: asks anything. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/cli.h"

#define RETRY_S       3600L
#define RETRY_S_MAX   86400L
#define TIMEOUT_S_MAX 3600L
#define QUIET_MS      1000u /* what takes less is not worth a word */

/* ---- how far it is ---- */

static bool is_vi(const cli_call *call)
{
    return strcmp(call->lang, "vi") == 0;
}

static void say_json(void *context, const sotay_progress *now)
{
    const sotay_report *report = &now->report;
    (void)context;
    fprintf(stderr,
            "{\"stage\":\"%s\",\"run_ms\":%" PRIu64 ",\"bytes_up\":%" PRIu64
            ",\"bytes_down\":%" PRIu64 ",\"up_total\":%" PRIu64 ",\"up_left\":%" PRIu64
            ",\"sent_changes\":%" PRIu64 ",\"received_changes\":%" PRIu64
            ",\"attachments\":{\"sent\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"fetched\":%" PRIu64
            ",\"wanted\":%" PRIu64 "},\"wait_ms\":%" PRIu64 ",\"why\":",
            sotay_stage_name(now->stage), now->run_ms, now->bytes_up, now->bytes_down,
            now->up_total, now->up_left, report->sent_changes, report->received_changes,
            report->attachments_sent, report->attachments_waiting, report->attachments_fetched,
            report->attachments_wanted, now->wait_ms);
    if (now->why == SOTAY_WHY_NONE)
        fputs("null}\n", stderr);
    else
        fprintf(stderr, "\"%s\"}\n", sotay_why_name(now->why));
}

/* One line that is written over. */
static void say_line(void *context, const sotay_progress *now)
{
    cli_call *call = context;
    bool vi = is_vi(call);
    double up_kb = (double)(now->up_total - now->up_left) / 1000;
    if (now->run_ms < QUIET_MS)
        return;
    call->has_progress = true;
    fputs("\r\033[K", stderr);
    switch (now->stage) {
    case SOTAY_STAGE_CONNECT: fputs(vi ? "Đang nối máy chủ…" : "Connecting…", stderr); break;
    case SOTAY_STAGE_SEND:
        fprintf(stderr, vi ? "Đang gửi %.0f trong %.0f kB…" : "Sending %.0f of %.0f kB…", up_kb,
                (double)now->up_total / 1000);
        break;
    case SOTAY_STAGE_ANSWER:
        fputs(vi ? "Đang chờ máy chủ trả lời…" : "Waiting for the answer…", stderr);
        break;
    case SOTAY_STAGE_RECEIVE:
        fprintf(stderr, vi ? "Đang nhận: %.0f kB…" : "Receiving: %.0f kB…",
                (double)now->bytes_down / 1000);
        break;
    default:
        fprintf(stderr, vi ? "%s Thử lại sau %" PRIu64 " giây." : "%s Again in %" PRIu64 " s.",
                sotay_why_sentence(now->why, call->lang), now->wait_ms / 1000 + 1);
    }
    if (now->report.attachments_waiting > 0)
        fprintf(stderr, vi ? " Còn %" PRIu64 " tệp." : " %" PRIu64 " files left.",
                now->report.attachments_waiting);
    (void)fflush(stderr);
}

static void end_line(cli_call *call)
{
    if (call->has_progress)
        fputs("\r\033[K", stderr);
    call->has_progress = false;
}

static bool choose_progress(cli_call *call, sotay_curl_how *how)
{
    const char *wish = call->options.progress;
    bool is_terminal = isatty(STDERR_FILENO);
    if (wish == NULL)
        how->progress = is_terminal ? say_line : NULL;
    else if (strcmp(wish, "json") == 0)
        how->progress = say_json;
    else if (strcmp(wish, "text") == 0)
        how->progress = say_line;
    else
        return strcmp(wish, "none") == 0;
    return true;
}

/* ---- what it may cost ---- */

/* Digits and at most one letter of `units`, of which each is worth `factors`; `most` at most. */
static bool read_amount(const char *text, const char *units, const long *factors, long most,
                        long *out)
{
    char *end = NULL;
    errno = 0;
    long n = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    if (n < 1 || errno != 0)
        return false;
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    long factor = unit != NULL ? factors[unit - units] : 1;
    bool is_whole = *end == '\0' || (unit != NULL && end[1] == '\0');
    if (!is_whole || n > most / factor)
        return false;
    *out = n * factor;
    return true;
}

bool cli_bytes(const char *text, long *out_bytes)
{
    static const long BYTES[] = { 1000, 1000000 };
    return read_amount(text, "kM", BYTES, 2000000000L, out_bytes);
}

/* ---- the store while it waits ---- */

static void give_up(void *context)
{
    cli_rest(context);
}

static int take_again(void *context, sotay_client **out_client, sotay_error *error)
{
    cli_call *call = context;
    int code = cli_resume(call);
    *out_client = call->client;
    if (code != SOTAY_OK && error != NULL && error != &call->error)
        *error = call->error;
    return code;
}

int cli_read_limits(cli_call *call, sotay_curl_how *how)
{
    static const long TIMES[] = { 1, 60, 3600 };
    const cli_options *given = &call->options;
    long budget = 0, timeout_s = 0;
    how->context = call;
    how->rest = give_up;
    how->resume = take_again;
    how->is_metered = given->metered;
    how->retry_for_s = given->retry ? RETRY_S : 0;
    if (given->retry_for != NULL &&
        !read_amount(given->retry_for, "smh", TIMES, RETRY_S_MAX, &how->retry_for_s))
        return cli_misuse(call, "--retry-for takes a time, as in 90s, 10m or 2h (24h at most)");
    if (given->budget != NULL && !cli_bytes(given->budget, &budget))
        return cli_misuse(call, "--budget takes bytes, as in 200k or 5M (2000M at most)");
    if (given->timeout != NULL &&
        !read_amount(given->timeout, "sm", TIMES, TIMEOUT_S_MAX, &timeout_s))
        return cli_misuse(call, "--timeout takes a time, as in 20s (60m at most)");
    if (!choose_progress(call, how))
        return cli_misuse(call, "--progress takes json, text or none");
    how->budget_bytes = (uint64_t)budget;
    how->stall_timeout_s = how->answer_timeout_s = timeout_s;
    how->connect_timeout_ms = timeout_s * 1000;
    return CLI_DONE;
}

/* ---- the verbs ---- */

/* The line says more than the code does. */
static int fail_on_line(cli_call *call, int code)
{
    sotay_line line;
    if (code != SOTAY_E_NETWORK || sotay_line_get(call->client, &line, NULL) != SOTAY_OK ||
        line.failures == 0)
        return cli_fail(call, code);
    fprintf(stderr, "sotay: %s: %s (%s)\n", call->verb, sotay_why_sentence(line.why, call->lang),
            call->error.detail);
    return CLI_NO_SIGNAL;
}

int cli_run_sync(cli_call *call, sotay_report *out_report)
{
    sotay_curl_how how = { .url = call->options.server };
    int wrong = cli_read_limits(call, &how);
    if (wrong != CLI_DONE)
        return wrong;
    int code = sotay_curl_sync(call->client, &how, out_report, NULL, &call->error);
    end_line(call);
    return code == SOTAY_OK ? CLI_DONE : fail_on_line(call, code);
}

/* Where each byte counts they wait, and what is spent is spent. */
static bool fetches_receipts(const cli_options *given)
{
    bool is_counted = given->metered || (given->budget != NULL && !given->receipts);
    return !is_counted && !given->no_receipts;
}

int cli_sync(cli_call *call)
{
    sotay_report report = { 0 };
    sotay_curl_how how = { .url = call->options.server, .format = cli_format(call) };
    char *text = NULL;
    int wrong = cli_read_limits(call, &how);
    if (wrong != CLI_DONE)
        return wrong;
    int code = sotay_curl_sync(call->client, &how, &report, &text, &call->error);
    end_line(call);
    if (code != SOTAY_OK) {
        sotay_text_free(text);
        return fail_on_line(call, code);
    }
    (void)cli_print(call, code, text);
    if (fetches_receipts(&call->options))
        cli_fetch_receipts(call, &how);
    return report.needs_person ? CLI_PERSON : CLI_DONE;
}

/* The device is enrolled, before this call or by it: a new link would help nobody. */
static void say_enrolled(const cli_call *call, int code, const sotay_who *before)
{
    sotay_who who;
    sotay_whoami(call->client, &who);
    bool is_new = memcmp(&who.device, &before->device, sizeof who.device) != 0;
    if (!who.is_enrolled || !(code == SOTAY_E_ENROL || (code == SOTAY_E_NETWORK && is_new)))
        return;
    fprintf(stderr,
            is_vi(call) ? "Máy này đã đăng ký cho %s. Nếu chỉ thiếu lần đồng bộ đầu: chạy "
                          "`sotay sync`, không cần đường dẫn mới.\n"
                        : "This device is enrolled for %s. If only its first sync is missing: run "
                          "`sotay sync`; no new link is needed.\n",
            who.login);
}

int cli_enrol(cli_call *call)
{
    sotay_report report = { 0 };
    sotay_who who;
    sotay_curl_how how = { .url = call->options.server,
                           .label = call->options.label,
                           .takes_older_key = call->options.older_key };
    bool vi = is_vi(call);
    int wrong = cli_read_limits(call, &how);
    if (wrong != CLI_DONE)
        return wrong;
    sotay_whoami(call->client, &who);
    int code = sotay_curl_enrol(call->client, call->operands[0], &how, &report, &call->error);
    end_line(call);
    if (code != SOTAY_OK) {
        int exit_code = fail_on_line(call, code);
        say_enrolled(call, code, &who);
        return exit_code;
    }
    sotay_whoami(call->client, &who);
    printf("%s: %s\n%s: %s\n", vi ? "Máy của" : "Device of", who.login,
           vi ? "Đọc cho văn phòng đối chiếu" : "Read this to the office", who.fingerprint);
    return report.needs_person ? CLI_PERSON : CLI_DONE;
}
