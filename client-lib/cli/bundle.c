/* client-lib/cli/bundle.c - `sotay bundle export|import FILE`. Promises that what one file has no
 * other file has again, and that no file is whole in memory. Must never leave half a file behind,
 * or write over one that is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-lib/cli/cli.h"

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
static bool name_part(const char *path, unsigned n, char name[CLI_PATH_BYTES])
{
    int len = n == 1 ? snprintf(name, CLI_PATH_BYTES, "%s", path)
                     : snprintf(name, CLI_PATH_BYTES, "%s.%u", path, n);
    return len > 0 && len < CLI_PATH_BYTES;
}

static void say_part(const cli_call *call, const char *name, const sotay_bundle_report *report)
{
    printf(strcmp(call->lang, "vi") == 0
               ? "%s: %llu tập thay đổi, %llu mảnh tệp, %llu biên nhận\n"
               : "%s: %llu change-sets, %llu pieces of files, %llu receipts\n",
           name, (unsigned long long)report->sets, (unsigned long long)report->pieces,
           (unsigned long long)report->receipts);
    if (report->unreadable > 0)
        printf(strcmp(call->lang, "vi") == 0
                   ? "! %llu tập thay đổi không đọc được nữa trên máy này nên không có trong tệp\n"
                   : "! %llu change-sets cannot be read on this device any more and are left out\n",
               (unsigned long long)report->unreadable);
    cli_say_unsealed(call, report->unsealed);
    (void)fflush(stdout); /* each as it is done */
}

static int fail_file(sotay_error *error, const char *path, int why)
{
    if (error != NULL)
        (void)snprintf(error->detail, sizeof error->detail, "%.120s: %s", path, strerror(why));
    return SOTAY_E_STORAGE;
}

static int put_part(void *context, const void *bytes, size_t len, sotay_error *error)
{
    cli_file *file = context;
    int why = cli_file_put(file, bytes, len);
    return why == 0 ? SOTAY_OK : fail_file(error, file->temporary, why);
}

static int write_part(cli_call *call, sotay_bundle *bundle, const char *name,
                      sotay_bundle_report *report)
{
    cli_file file;
    sotay_slice head = { NULL, 0 };
    int why = cli_file_begin(&file, name);
    if (why != 0)
        return cli_fail_file(call, name, why);
    sotay_bundle_spool(bundle, put_part, &file);
    int code = sotay_bundle_make(bundle, &head, report, &call->error);
    if (code == SOTAY_OK)
        why = cli_file_put_in_front(&file, head);
    if (code == SOTAY_OK && why == 0)
        why = cli_file_end(&file, name, false);
    cli_file_drop(&file);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    return why == 0 ? CLI_DONE : cli_fail_file(call, name, why);
}

static int write_parts(cli_call *call, sotay_bundle *bundle, const char *path)
{
    sotay_bundle_report report = { .more = true };
    for (unsigned n = 1; report.more; n++) {
        char name[CLI_PATH_BYTES];
        if (!name_part(path, n, name))
            return cli_fail_file(call, path, ENAMETOOLONG);
        int exit_code = write_part(call, bundle, name, &report);
        if (exit_code != CLI_DONE)
            return exit_code;
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

typedef struct {
    int fd;
    const char *path;
} bundle_file;

static int read_some(void *context, uint64_t at, void *bytes, size_t len, sotay_error *error)
{
    const bundle_file *file = context;
    uint8_t *to = bytes;
    while (len > 0) {
        ssize_t n = pread(file->fd, to, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_file(error, file->path, n < 0 ? errno : EIO);
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return SOTAY_OK;
}

/* The code of the library, with the reason in call->error. */
static int take_file(cli_call *call, const char *path, sotay_bundle_report *report)
{
    struct stat st;
    bundle_file file = { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), path };
    int code = SOTAY_OK;
    if (file.fd < 0 || fstat(file.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(call->error.detail, sizeof call->error.detail, "%.120s: %s", path,
                 file.fd < 0 ? strerror(errno) : "not a file");
        code = SOTAY_E_NOT_FOUND;
    }
    if (code == SOTAY_OK) {
        sotay_bundle_source source = { &file, read_some, (uint64_t)st.st_size };
        code = sotay_bundle_import_from(call->client, &source, report, &call->error);
    }
    if (file.fd >= 0)
        (void)close(file.fd);
    return code;
}

static int import_bundle(cli_call *call, const char *path)
{
    sotay_bundle_report report = { 0 };
    int code = take_file(call, path, &report);
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
