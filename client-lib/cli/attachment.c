/* client-lib/cli/attachment.c - `sotay attachment`: the files of records on this phone, and those
 * that only the office has. Must never write a file half, or say that one is here which is not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/cli/cli.h"

static bool is_vi(const cli_call *call)
{
    return strcmp(call->lang, "vi") == 0;
}

/* The record of operand 1. */
static bool read_record(cli_call *call, sotay_id *out_id)
{
    bool is_one = sotay_id_parse(call->operands[1], out_id);
    if (!is_one)
        fprintf(stderr, "sotay: %s: '%.40s' is not a record id\n", call->verb, call->operands[1]);
    return is_one;
}

static int list_files(cli_call *call)
{
    sotay_id id;
    char *text = NULL;
    if (!read_record(call, &id))
        return CLI_FAILED;
    int code = sotay_attachment_list(call->client, &id, cli_format(call), &text, &call->error);
    return cli_print(call, code, text);
}

/* `-o FILE`; `-o -` is stdout. */
static int write_out(cli_call *call, const sotay_id *id)
{
    sotay_file file = { NULL, 0 };
    const char *path = call->options.output;
    int code = sotay_attachment_get(call->client, id, call->operands[2], call->options.thumbnail,
                                    &file, &call->error);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    sotay_slice bytes = { file.data, file.len };
    int why = 0;
    if (strcmp(path, "-") == 0)
        (void)fwrite(file.data, 1, file.len, stdout);
    else
        why = cli_write_file(path, bytes, true);
    free(file.data);
    return why == 0 ? CLI_DONE : cli_fail_file(call, path, why);
}

static int get_file(cli_call *call)
{
    sotay_id id;
    if (call->options.output == NULL)
        return cli_misuse(call, "attachment get ID ITEM [--thumbnail] -o FILE");
    return read_record(call, &id) ? write_out(call, &id) : CLI_FAILED;
}

/* Wanted, then a sync; without signal it stays wanted, and a later sync fetches it. */
static int fetch_file(cli_call *call)
{
    sotay_id id;
    sotay_report report = { 0 };
    bool is_here = false, was_here = false;
    if (!read_record(call, &id))
        return CLI_FAILED;
    int code = sotay_attachment_want(call->client, &id, call->operands[2], &is_here, &call->error);
    was_here = is_here;
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    int exit_code = is_here ? CLI_DONE : cli_run_sync(call, &report);
    if (exit_code != CLI_DONE)
        return exit_code;
    if (!is_here)
        code = sotay_attachment_want(call->client, &id, call->operands[2], &is_here, &call->error);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    if (!is_here) {
        fprintf(stderr, "sotay: %s: %s\n", call->verb,
                is_vi(call) ? "văn phòng chưa có đủ tệp này; lần đồng bộ sau sẽ tải tiếp"
                            : "the office has not all of this file yet; a later sync fetches it");
        return CLI_FAILED;
    }
    if (call->options.output != NULL)
        return write_out(call, &id);
    puts(was_here      ? is_vi(call) ? "Tệp đã có trên máy" : "It is on this device already"
         : is_vi(call) ? "Đã tải về"
                       : "Fetched");
    return CLI_DONE;
}

static int clear_files(cli_call *call)
{
    sotay_cleared cleared = { 0 };
    bool dry = call->options.dry_run;
    int code = sotay_attachment_clear(call->client, dry, &cleared, &call->error);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    if (call->options.json) {
        printf("{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"kept_files\":%" PRIu64
               ",\"kept_bytes\":%" PRIu64 ",\"declined_files\":%" PRIu64 ",\"dry_run\":%s}\n",
               cleared.files, cleared.bytes, cleared.kept_files, cleared.kept_bytes,
               cleared.declined_files, dry ? "true" : "false");
        return CLI_DONE;
    }
    const char *head = is_vi(call) ? dry ? "Sẽ nhả chỗ của" : "Đã nhả chỗ của"
                       : dry       ? "Would give back the room of"
                                   : "Gave back the room of";
    printf(is_vi(call) ? "%s %" PRIu64 " tệp, %" PRIu64 " kB; ảnh nhỏ vẫn còn, cần bản gốc thì tải "
                         "lại (attachment fetch)\n"
                       : "%s %" PRIu64 " files, %" PRIu64 " kB; thumbnails stay, and an original "
                         "can be fetched again (attachment fetch)\n",
           head, cleared.files, (cleared.bytes + 999) / 1000);
    if (cleared.declined_files > 0)
        printf(is_vi(call) ? "Trong đó %" PRIu64 " tệp văn phòng không nhận: không còn ở đâu khác\n"
                           : "Of these the office declined %" PRIu64 ": nobody else has them\n",
               cleared.declined_files);
    if (cleared.kept_files > 0)
        printf(is_vi(call) ? "Giữ lại %" PRIu64 " tệp, %" PRIu64 " kB: chưa gửi hết, hoặc bản "
                             "sao lưu của văn phòng chưa biết đến\n"
                           : "Kept %" PRIu64 " files, %" PRIu64 " kB: not all sent, or no "
                             "backup of the office knows of them yet\n",
               cleared.kept_files, (cleared.kept_bytes + 999) / 1000);
    return CLI_DONE;
}

int cli_attachment(cli_call *call)
{
    static const struct {
        const char *name;
        size_t operands;
        int (*run)(cli_call *call);
    } VERBS[] = { { "list", 2, list_files },
                  { "fetch", 3, fetch_file },
                  { "get", 3, get_file },
                  { "clear", 1, clear_files } };
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++)
        if (strcmp(call->operands[0], VERBS[i].name) == 0 &&
            call->operands_count == VERBS[i].operands)
            return VERBS[i].run(call);
    return cli_misuse(call, "attachment list ID, fetch ID ITEM, get ID ITEM -o FILE, or clear");
}
