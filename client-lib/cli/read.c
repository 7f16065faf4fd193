/* client-lib/cli/read.c - the verbs that show, and those that talk to the server. */
#include <stdio.h>
#include <string.h>

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

/* A list that is shorter than it was says why. */
static void say_locked(const cli_call *call)
{
    sotay_who who;
    bool vi = strcmp(call->lang, "vi") == 0;
    sotay_whoami(call->client, &who);
    if (who.is_locked)
        fputs(vi ? "sotay: 45 ngày chưa gặp máy chủ, phiếu của người khác tạm khóa: hãy đồng bộ\n"
                 : "sotay: 45 days without the server, others' records are locked: sync\n",
              stderr);
}

static int list(cli_call *call, const char *words)
{
    char *text = NULL;
    say_locked(call);
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
