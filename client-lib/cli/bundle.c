/* client-lib/cli/bundle.c - `sotay bundle export|import FILE`. Must never leave half a file behind,
 * or write over one that is there; what one file has no other file has again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client-lib/cli/cli.h"

#define PATH_BYTES 4096

/* `--size BYTES`, as in 5M; 0: it is none. */
static size_t read_size(const cli_call *call)
{
    long bytes = 0;
    if (call->options.size == NULL)
        return SOTAY_BUNDLE_BYTES_MAX;
    bool is_one = cli_bytes(call->options.size, &bytes) &&
                  (size_t)bytes >= SOTAY_BUNDLE_BYTES_LEAST &&
                  (size_t)bytes <= SOTAY_BUNDLE_BYTES_MAX;
    return is_one ? (size_t)bytes : 0;
}

/* FILE, FILE.2, FILE.3…: false when the name gets too long. */
static bool name_part(const char *path, unsigned n, char name[PATH_BYTES])
{
    int len = n == 1 ? snprintf(name, PATH_BYTES, "%s", path)
                     : snprintf(name, PATH_BYTES, "%s.%u", path, n);
    return len > 0 && len < PATH_BYTES;
}

static void say_part(const cli_call *call, const char *name, const sotay_bundle_report *report)
{
    printf(strcmp(call->lang, "vi") == 0
               ? "%s: %llu tập thay đổi, %llu mảnh tệp, %llu biên nhận\n"
               : "%s: %llu change-sets, %llu pieces of files, %llu receipts\n",
           name, (unsigned long long)report->sets, (unsigned long long)report->pieces,
           (unsigned long long)report->receipts);
    (void)fflush(stdout); /* each as it is done */
}

static int write_parts(cli_call *call, sotay_bundle *bundle, const char *path)
{
    sotay_bundle_report report = { .more = true };
    for (unsigned n = 1; report.more; n++) {
        char name[PATH_BYTES];
        sotay_slice bytes = { NULL, 0 };
        int code = sotay_bundle_make(bundle, &bytes, &report, &call->error);
        if (code != SOTAY_OK)
            return cli_fail(call, code);
        int why = name_part(path, n, name) ? cli_write_file(name, bytes, false) : ENAMETOOLONG;
        if (why != 0)
            return cli_fail_file(call, name, why);
        say_part(call, name, &report);
    }
    return CLI_DONE;
}

static int export_bundle(cli_call *call, const char *path)
{
    sotay_bundle *bundle = NULL;
    size_t size = read_size(call);
    if (size == 0)
        return cli_misuse(call, "--size takes bytes, as in 5M (1M to 67M)");
    int code = sotay_bundle_begin(call->client, &bundle, &call->error);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    sotay_bundle_limit(bundle, size);
    int exit_code = write_parts(call, bundle, path);
    sotay_bundle_free(bundle);
    return exit_code;
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
    bool imports = strcmp(call->operands[0], "import") == 0;
    if (strcmp(call->operands[0], "export") == 0 && call->operands_count == 2)
        return export_bundle(call, call->operands[1]);
    if (!imports || call->options.size != NULL)
        return cli_misuse(call, "bundle export FILE [--size BYTES], or bundle import FILE...");
    int worst = CLI_DONE;
    for (size_t i = 1; i < call->operands_count; i++) {
        int code = import_bundle(call, call->operands[i]);
        worst = code != CLI_DONE ? code : worst;
    }
    return worst;
}
