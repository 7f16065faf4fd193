/* client-lib/cli/recover.c - a store that its PIN does not open any more: the line for the office,
 * and the line that comes back. */
#include <stdio.h>
#include <string.h>

#include "client-lib/cli/cli.h"

/* What to do with the line goes to stderr, the line itself alone to stdout. */
static int show_line(cli_call *call)
{
    char *text = NULL;
    bool vi = strcmp(call->lang, "vi") == 0;
    int code = sotay_recover_ask(&call->port, &text, &call->error);
    if (code == SOTAY_OK)
        fputs(vi ? "Đưa dòng này cho văn phòng; hai người ở văn phòng trả lời bằng một dòng khác:\n"
                 : "Give this line to the office; two people there answer with another line:\n",
              stderr);
    return cli_print(call, code, text);
}

int cli_recover(cli_call *call)
{
    char pin[CLI_PIN_BYTES] = "";
    bool given = false, vi = strcmp(call->lang, "vi") == 0;
    if (call->operands_count == 0)
        return show_line(call);
    int code = cli_new_pin(call, pin, &given);
    if (code == SOTAY_OK)
        code = sotay_recover_take(&call->port, call->operands[0], given ? pin : NULL, &call->error);
    explicit_bzero(pin, sizeof pin);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    puts(vi ? "Sổ đã mở lại được; không mất gì" : "The store opens again; nothing was lost");
    return CLI_DONE;
}
