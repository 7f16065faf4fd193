/* client-lib/cli/bundle.c - `sotay bundle export|import FILE`. Must never leave half a file behind,
 * or write over one that is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client-lib/cli/cli.h"

static int export_bundle(cli_call *call, const char *path)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report = { 0 };
    sotay_slice bytes = { NULL, 0 };
    bool vi = strcmp(call->lang, "vi") == 0;
    int code = sotay_bundle_begin(call->client, &bundle, &call->error);
    if (code == SOTAY_OK)
        code = sotay_bundle_make(bundle, &bytes, &report, &call->error);
    int why = code == SOTAY_OK ? cli_write_file(path, bytes, false) : 0;
    sotay_bundle_free(bundle);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    if (why != 0)
        return cli_fail_file(call, path, why);
    printf(vi ? "%s: %llu tập thay đổi, %llu mảnh tệp, %llu biên nhận\n"
              : "%s: %llu change-sets, %llu pieces of files, %llu receipts\n",
           path, (unsigned long long)report.sets, (unsigned long long)report.pieces,
           (unsigned long long)report.receipts);
    if (report.more)
        puts(vi ? "Chưa hết: một gói không chứa đủ" : "Not all of it: more than one bundle holds");
    return CLI_DONE;
}

/* The whole file; false after the reason stands in call->error. */
static int read_file(cli_call *call, const char *path, uint8_t **out_data, size_t *out_len)
{
    struct stat st;
    FILE *file = fopen(path, "rbe");
    if (file == NULL || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(call->error.detail, sizeof call->error.detail, "%.120s: %s", path,
                 file == NULL ? strerror(errno) : "not a file");
        if (file != NULL)
            (void)fclose(file);
        return SOTAY_E_NOT_FOUND;
    }
    size_t len = (size_t)st.st_size;
    uint8_t *data = (uint64_t)st.st_size <= SOTAY_BUNDLE_BYTES_MAX ? malloc(len + 1) : NULL;
    int code = data != NULL                                       ? SOTAY_OK
               : (uint64_t)st.st_size > SOTAY_BUNDLE_BYTES_MAX ? SOTAY_E_TOO_LARGE
                                                                  : SOTAY_E_MEMORY;
    if (code == SOTAY_OK && fread(data, 1, len + 1, file) != len) {
        snprintf(call->error.detail, sizeof call->error.detail, "%.120s: it cannot be read", path);
        code = SOTAY_E_VALUE;
    }
    (void)fclose(file);
    if (code != SOTAY_OK) {
        free(data);
        return code;
    }
    *out_data = data;
    *out_len = len;
    return SOTAY_OK;
}

static int import_bundle(cli_call *call, const char *path)
{
    sotay_bundle_report report = { 0 };
    uint8_t *data = NULL;
    size_t len = 0;
    int code = read_file(call, path, &data, &len);
    if (code == SOTAY_OK)
        code = sotay_bundle_import(call->client, data, len, &report, &call->error);
    free(data);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    printf(strcmp(call->lang, "vi") == 0
               ? "nhận gửi hộ: %llu tập thay đổi, %llu mảnh tệp, %llu biên nhận; đã có: %llu\n"
               : "carried from now on: %llu change-sets, %llu pieces of files, %llu receipts; "
                 "known: %llu\n",
           (unsigned long long)report.sets, (unsigned long long)report.pieces,
           (unsigned long long)report.receipts, (unsigned long long)report.known);
    return CLI_DONE;
}

int cli_bundle(cli_call *call)
{
    if (strcmp(call->operands[0], "export") == 0)
        return export_bundle(call, call->operands[1]);
    if (strcmp(call->operands[0], "import") == 0)
        return import_bundle(call, call->operands[1]);
    return cli_misuse(call, "bundle export FILE, or bundle import FILE");
}
