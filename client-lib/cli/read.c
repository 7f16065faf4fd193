/* client-lib/cli/read.c - the verbs that show, and those that talk to the server. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/cli.h"

sotay_format cli_format(const cli_call *call)
{
    return call->options.json ? SOTAY_JSON : SOTAY_TEXT;
}

int cli_print(cli_call *call, int code, char *text)
{
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    fputs(text, stdout);
    sotay_text_free(text);
    return CLI_DONE;
}

int cli_show(cli_call *call)
{
    sotay_id id;
    char *text = NULL;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    int code = sotay_show(call->client, &id, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

int cli_history(cli_call *call)
{
    sotay_id id;
    char *text = NULL;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    int code = sotay_history(call->client, &id, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

int cli_review(cli_call *call)
{
    sotay_id id;
    char *text = NULL;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    int code = sotay_record_review(call->client, &id, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

static int list(cli_call *call, const char *words)
{
    char *text = NULL;
    sotay_filter filter = { call->options.form, call->options.unit, call->options.state, words };
    int code = sotay_list(call->client, &filter, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

int cli_list(cli_call *call)
{
    return list(call, NULL);
}

int cli_search(cli_call *call)
{
    return list(call, call->operands[0]);
}

int cli_conflicts(cli_call *call)
{
    char *text = NULL;
    int code = sotay_conflicts(call->client, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

int cli_status(cli_call *call)
{
    char *text = NULL;
    int code = sotay_status(call->client, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

static void say_start(const cli_call *call, const char *vi, const char *en)
{
    if (!call->options.json && isatty(STDERR_FILENO))
        fprintf(stderr, "%s\n", strcmp(call->lang, "vi") == 0 ? vi : en);
}

int cli_sync(cli_call *call)
{
    sotay_report report = { 0 };
    sotay_curl_how how = { .url = call->options.server, .format = cli_format(call) };
    char *text = NULL;
    say_start(call, "Đang gửi và nhận…", "Sending and receiving…");
    int code = sotay_curl_sync(call->client, &how, &report, &text, &call->error);
    if (code != SOTAY_OK) {
        sotay_text_free(text);
        return cli_fail(call, code);
    }
    (void)cli_print(call, code, text);
    return report.needs_person ? CLI_PERSON : CLI_DONE;
}

int cli_enrol(cli_call *call)
{
    sotay_report report = { 0 };
    sotay_who who;
    sotay_curl_how how = { .url = call->options.server, .label = call->options.label };
    bool vi = strcmp(call->lang, "vi") == 0;
    say_start(call, "Đang đăng ký máy…", "Enrolling this device…");
    int code = sotay_curl_enrol(call->client, call->operands[0], &how, &report, &call->error);
    sotay_whoami(call->client, &who);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    printf("%s: %s\n%s: %s\n", vi ? "Máy của" : "Device of", who.login,
           vi ? "Đọc cho văn phòng đối chiếu" : "Read this to the office", who.fingerprint);
    return report.needs_person ? CLI_PERSON : CLI_DONE;
}
