/* client-lib/cli/carry.c - `sotay carry serve|fetch ADDR`: two phones side by side. Says where it
 * waits before it waits. */
#include <stdio.h>
#include <string.h>

#include "client-lib/cli/cli.h"

#define ADDRESS_BYTES 64

void cli_say_unsealed(const cli_call *call, uint64_t changes)
{
    if (changes > 0)
        printf(strcmp(call->lang, "vi") == 0
                   ? "! %llu thay đổi còn ở lại máy này: máy phải gửi nhận với văn phòng trước\n"
                   : "! %llu changes stay on this device: it has to sync with the office first\n",
               (unsigned long long)changes);
}

static void say_json(const sotay_carry_report *report)
{
    char device[33];
    sotay_id_format(&report->device, device);
    printf("{\"login\":\"%s\",\"device\":\"%s\",\"code\":\"%s\","
           "\"given\":{\"sets\":%llu,\"pieces\":%llu,\"receipts\":%llu},"
           "\"taken\":{\"sets\":%llu,\"pieces\":%llu,\"receipts\":%llu},\"more\":%s,"
           "\"unsealed\":%llu}\n",
           report->login, device, report->code, (unsigned long long)report->sets_given,
           (unsigned long long)report->pieces_given, (unsigned long long)report->receipts_given,
           (unsigned long long)report->sets_taken, (unsigned long long)report->pieces_taken,
           (unsigned long long)report->receipts_taken, report->more ? "true" : "false",
           (unsigned long long)report->unsealed);
}

static void say_text(const cli_call *call, const sotay_carry_report *report)
{
    bool vi = strcmp(call->lang, "vi") == 0;
    printf(vi ? "Máy của %s, mã đối chiếu %s\n" : "Phone of %s, code to compare %s\n",
           report->login[0] != '\0' ? report->login : "?", report->code);
    printf(vi ? "đưa: %llu tập thay đổi, %llu mảnh tệp, %llu biên nhận\n"
              : "given: %llu change-sets, %llu pieces of files, %llu receipts\n",
           (unsigned long long)report->sets_given, (unsigned long long)report->pieces_given,
           (unsigned long long)report->receipts_given);
    printf(vi ? "nhận mới: %llu tập thay đổi, %llu mảnh tệp, %llu biên nhận\n"
              : "new here: %llu change-sets, %llu pieces of files, %llu receipts\n",
           (unsigned long long)report->sets_taken, (unsigned long long)report->pieces_taken,
           (unsigned long long)report->receipts_taken);
    cli_say_unsealed(call, report->unsealed);
    if (report->more)
        puts(vi ? "Chưa hết: hãy trao đổi một lần nữa" : "There is more: once again");
}

static int serve(cli_call *call, sotay_carry_report *report)
{
    const sotay_socket_how how = { 0, 0 };
    char address[ADDRESS_BYTES];
    int socket = -1;
    int code = sotay_socket_listen(call->operands[1], &socket, address, &call->error);
    if (code != SOTAY_OK)
        return code;
    fprintf(call->options.json ? stderr : stdout, "ready %s\n", address);
    (void)fflush(stdout);
    return sotay_socket_serve(call->client, socket, &how, report, &call->error);
}

int cli_carry(cli_call *call)
{
    const sotay_socket_how how = { 0, 0 };
    sotay_carry_report report = { 0 };
    int code = SOTAY_E_USAGE;
    if (strcmp(call->operands[0], "serve") == 0)
        code = serve(call, &report);
    else if (strcmp(call->operands[0], "fetch") == 0)
        code = sotay_socket_fetch(call->client, call->operands[1], &how, &report, &call->error);
    else
        return cli_misuse(call, "carry serve ADDR, or carry fetch ADDR");
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    if (call->options.json)
        say_json(&report);
    else
        say_text(call, &report);
    return CLI_DONE;
}
