/* client-lib/cli/attach.c - `sotay attach`: reads a file and attaches it to a record. Must never
 * take a file half. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-lib/cli/cli.h"

#define FILE_BYTES_MAX ((size_t)20 * 1024 * 1024)

/* SOTAY_E_NOT_FOUND: no such file; SOTAY_E_TOO_LARGE; SOTAY_E_VALUE: it changes while it is read.
 * *out_data is the caller's to free. */
static int read_file(const char *path, void **out_data, size_t *out_len, sotay_error *error)
{
    struct stat st;
    int code = SOTAY_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer waits else */
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
    if (file == NULL || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(error->detail, sizeof error->detail, "%.120s: %s", path,
                 file == NULL ? strerror(errno) : "not a file");
        code = SOTAY_E_NOT_FOUND;
    } else if ((uint64_t)st.st_size > FILE_BYTES_MAX) {
        snprintf(error->detail, sizeof error->detail, "%.120s: %lld bytes, at most %zu", path,
                 (long long)st.st_size, FILE_BYTES_MAX);
        code = SOTAY_E_TOO_LARGE;
    }
    size_t len = code == SOTAY_OK ? (size_t)st.st_size : 0;
    void *data = code == SOTAY_OK ? malloc(len + 1) : NULL;
    if (code == SOTAY_OK && data == NULL)
        code = SOTAY_E_MEMORY;
    if (code == SOTAY_OK && fread(data, 1, len + 1, file) != len) {
        snprintf(error->detail, sizeof error->detail, "%.120s: it changed, or cannot be read",
                 path);
        code = SOTAY_E_VALUE;
    }
    if (file != NULL)
        (void)fclose(file);
    else if (fd >= 0)
        (void)close(fd);
    if (code != SOTAY_OK) {
        free(data);
        return code;
    }
    *out_data = data;
    *out_len = len;
    return SOTAY_OK;
}

/* `--longest POINTS`; 0: the library's own. */
static bool read_longest(const cli_call *call, unsigned *out)
{
    char *end = NULL;
    *out = 0;
    if (call->options.longest == NULL)
        return true;
    unsigned long points = strtoul(call->options.longest, &end, 10);
    *out = (unsigned)points;
    return *end == '\0' && points >= 100 && points <= 10000;
}

int cli_attach(cli_call *call)
{
    sotay_id id;
    void *data = NULL;
    char item[SOTAY_ITEM_TEXT];
    sotay_attachment file = { .name = call->operands[1], .about = call->options.about,
                              .caption = call->options.caption };
    if (!read_longest(call, &file.longest))
        return cli_misuse(call, "--longest: 100 to 10000 points");
    if (!cli_record(call, &id))
        return CLI_FAILED;
    int code = read_file(call->operands[1], &data, &file.len, &call->error);
    file.data = data;
    if (code == SOTAY_OK)
        code = sotay_attach(call->client, &id, &file, item, &call->error);
    free(data);
    if (code != SOTAY_OK)
        return cli_fail(call, code);
    puts(item);
    return CLI_DONE;
}
