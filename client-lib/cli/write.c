/* client-lib/cli/write.c - the verbs that record. One call = one change, on disk when it returns.
 * Must never keep a change in memory alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/cli/cli.h"

bool cli_record(cli_call *call, sotay_id *out_id)
{
    if (sotay_id_parse(call->operands[0], out_id))
        return true;
    snprintf(call->error.detail, sizeof call->error.detail,
             "'%.40s' is not a record id (32 hex digits)", call->operands[0]);
    (void)cli_fail(call, SOTAY_E_NOT_FOUND);
    return false;
}

bool cli_pairs(cli_call *call, size_t from, sotay_pairs *out_pairs)
{
    size_t count = call->operands_count - from;
    sotay_pair *pairs = calloc(count > 0 ? count : 1, sizeof *pairs);
    if (pairs == NULL) {
        (void)cli_fail(call, SOTAY_E_MEMORY);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char *text = (char *)(uintptr_t)call->operands[from + i];
        char *equals = strchr(text, '=');
        if (equals == NULL || equals == text || equals[1] == '\0') {
            snprintf(call->error.detail, sizeof call->error.detail,
                     equals == NULL || equals == text
                         ? "'%.80s' is not PATH=VALUE"
                         : "'%.80s' has no value; to empty a field use `sotay clear`", text);
            free(pairs);
            (void)cli_fail(call, SOTAY_E_VALUE);
            return false;
        }
        *equals = '\0';
        pairs[i] = (sotay_pair){ text, equals + 1 };
    }
    *out_pairs = (sotay_pairs){ pairs, count };
    return true;
}

static int done(cli_call *call, int code)
{
    return code == SOTAY_OK ? CLI_DONE : cli_fail(call, code);
}

int cli_new(cli_call *call)
{
    sotay_pairs pairs;
    sotay_id id;
    char hex[33];
    if (!cli_pairs(call, 2, &pairs))
        return CLI_FAILED;
    int code = sotay_record_new(call->client, call->operands[0], call->operands[1], pairs, &id,
                                &call->error);
    free((void *)(uintptr_t)pairs.pairs);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    sotay_id_format(&id, hex);
    puts(hex);
    return CLI_DONE;
}

int cli_set(cli_call *call)
{
    sotay_id id;
    sotay_pairs pairs;
    if (!cli_record(call, &id) || !cli_pairs(call, 1, &pairs))
        return CLI_FAILED;
    int code = sotay_record_set(call->client, &id, pairs, &call->error);
    free((void *)(uintptr_t)pairs.pairs);
    return done(call, code);
}

int cli_clear(cli_call *call)
{
    sotay_id id;
    size_t count = call->operands_count - 1;
    sotay_pair *pairs = calloc(count, sizeof *pairs);
    if (pairs == NULL || !cli_record(call, &id)) {
        free(pairs);
        return CLI_FAILED;
    }
    for (size_t i = 0; i < count; i++)
        pairs[i].path = call->operands[i + 1];
    int code = sotay_record_set(call->client, &id, (sotay_pairs){ pairs, count }, &call->error);
    free(pairs);
    return done(call, code);
}

int cli_add(cli_call *call)
{
    sotay_id id;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_record_add(call->client, &id, call->operands[1], call->operands[2],
                                       &call->error));
}

int cli_remove(cli_call *call)
{
    sotay_id id;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_record_remove(call->client, &id, call->operands[1],
                                          call->operands[2], &call->error));
}

int cli_remark(cli_call *call)
{
    sotay_id id;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_record_remark(call->client, &id, call->operands[1], &call->error));
}

int cli_item(cli_call *call)
{
    sotay_id id;
    sotay_pairs pairs;
    char item[SOTAY_ITEM_TEXT];
    if (!cli_record(call, &id) || !cli_pairs(call, 2, &pairs))
        return CLI_FAILED;
    int code = sotay_item_new(call->client, &id, call->operands[1], pairs, item, &call->error);
    free((void *)(uintptr_t)pairs.pairs);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    puts(item);
    return CLI_DONE;
}

int cli_drop(cli_call *call)
{
    sotay_id id;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_item_drop(call->client, &id, call->operands[1], call->operands[2],
                                      &call->error));
}

int cli_keep(cli_call *call)
{
    sotay_id id;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_item_keep(call->client, &id, call->operands[1], call->operands[2],
                                      &call->error));
}

int cli_finalise(cli_call *call)
{
    sotay_id id;
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_record_finalise(call->client, &id, &call->error));
}

int cli_withdraw(cli_call *call)
{
    sotay_id id;
    if (call->options.reason == NULL)
        return cli_misuse(call, "--reason T is needed");
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_record_withdraw(call->client, &id, call->options.reason,
                                            &call->error));
}

int cli_reopen(cli_call *call)
{
    sotay_id id;
    if (call->options.reason == NULL)
        return cli_misuse(call, "--reason T is needed");
    if (!cli_record(call, &id))
        return CLI_FAILED;
    return done(call, sotay_record_reopen(call->client, &id, call->options.reason, &call->error));
}

int cli_amend(cli_call *call)
{
    sotay_id id;
    sotay_pairs pairs;
    if (call->options.reason == NULL)
        return cli_misuse(call, "--reason T is needed");
    if (!cli_record(call, &id) || !cli_pairs(call, 1, &pairs))
        return CLI_FAILED;
    int code = sotay_record_amend(call->client, &id, pairs, call->options.reason, &call->error);
    free((void *)(uintptr_t)pairs.pairs);
    return done(call, code);
}

int cli_resolve(cli_call *call)
{
    sotay_id id;
    const cli_options *options = &call->options;
    if (options->reason == NULL || (options->keep == NULL) == (options->value == NULL))
        return cli_misuse(call, "--reason T and one of --keep DOT, --value V are needed");
    if (!cli_record(call, &id))
        return CLI_FAILED;
    sotay_resolution resolution = { .path = call->operands[1], .keep = options->keep,
                                    .value = options->value, .seen = options->seen,
                                    .reason = options->reason };
    return done(call, sotay_record_resolve(call->client, &id, &resolution, &call->error));
}

static int draft_put(cli_call *call, const sotay_id *id)
{
    sotay_pairs pairs = { NULL, 0 };
    int code = SOTAY_OK;
    if (!cli_pairs(call, 1, &pairs))
        return CLI_FAILED;
    for (size_t i = 0; i < pairs.count && code == SOTAY_OK; i++)
        code = sotay_draft_put(call->client, id, pairs.pairs[i].path, pairs.pairs[i].value,
                               &call->error);
    free((void *)(uintptr_t)pairs.pairs);
    return done(call, code);
}

/* Takes fields out of the working copy: a path that no form has would keep it from passing. */
static int draft_drop(cli_call *call, const sotay_id *id)
{
    int code = SOTAY_OK;
    for (size_t i = 1; i < call->operands_count && code == SOTAY_OK; i++)
        code = sotay_draft_put(call->client, id, call->operands[i], NULL, &call->error);
    return done(call, code);
}

/* draft put ID PATH=TEXT... | drop ID PATH... | show ID | commit ID */
int cli_draft(cli_call *call)
{
    const char *what = call->operands[0];
    sotay_id id;
    char *text = NULL;
    bool puts_some = strcmp(what, "put") == 0, drops_some = strcmp(what, "drop") == 0;
    call->operands++;
    call->operands_count--;
    if ((puts_some || drops_some) && call->operands_count < 2)
        return cli_misuse(call, puts_some ? "put: PATH=TEXT is needed" : "drop: PATH is needed");
    if (!cli_record(call, &id))
        return CLI_FAILED;
    if (strcmp(what, "show") == 0) {
        int code = sotay_draft_get(call->client, &id, cli_format(call), &text, &call->error);
        return cli_print(call, code, text);
    }
    if (strcmp(what, "commit") == 0)
        return done(call, sotay_draft_commit(call->client, &id, &call->error));
    if (puts_some)
        return draft_put(call, &id);
    return drops_some ? draft_drop(call, &id) : cli_misuse(call, "put, drop, show or commit");
}

/* debug value|missing|unsigned|sum ID */
int cli_debug(cli_call *call)
{
    static const char *const WHAT[] = { "value", "missing", "unsigned", "sum" };
    sotay_id id;
    const char *word = call->operands[0];
    for (size_t i = 0; i < sizeof WHAT / sizeof WHAT[0]; i++) {
        if (strcmp(word, WHAT[i]) != 0)
            continue;
        call->operands++;
        call->operands_count--;
        if (!cli_record(call, &id))
            return CLI_FAILED;
        return done(call, sotay_debug_damage(call->client, &id, (sotay_damage)i, &call->error));
    }
    return cli_misuse(call, "value, missing, unsigned or sum");
}
