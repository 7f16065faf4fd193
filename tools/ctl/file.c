/* tools/ctl/file.c - files that the caller named, read and written where he is. Promises that a
 * file is written whole or stays as it was. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/dir.h"
#include "tools/ctl/ctl.h"

char *ctl_read_text(const char *path)
{
    errno = 0;
    FILE *file = fopen(path, "re");
    int cannot_open = errno;
    char *text = malloc(CTL_FILE_BYTES_MAX + 1);
    size_t len = 0;
    const char *why = NULL;
    if (file != NULL && text != NULL)
        len = fread(text, 1, CTL_FILE_BYTES_MAX + 1, file);
    if (file == NULL)
        why = strerror(cannot_open);
    else if (ferror(file))
        why = "cannot be read";
    else if (text == NULL)
        why = "no memory";
    else if (len > CTL_FILE_BYTES_MAX)
        why = "over 4 MiB";
    else if (memchr(text, '\0', len) != NULL)
        why = "not a text file";
    if (file != NULL)
        (void)fclose(file);
    if (why == NULL) {
        text[len] = '\0';
        return text;
    }
    (void)ctl_say(1, path, why);
    free(text);
    return NULL;
}

/* So that the rename itself survives a power cut. */
static bool sync_folder(const char *path)
{
    char copy[4096];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return false;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = fsync(fd) == 0 || errno == EINVAL;
    return close(fd) == 0 && done;
}

bool ctl_write_file(const char *path, const uint8_t *data, size_t len)
{
    char temporary[4096];
    if (strcmp(path, "-") == 0) {
        bool done = len == 0 || fwrite(data, 1, len, stdout) == len;
        return (fflush(stdout) == 0 && done) || ctl_say(0, "output", "could not be written") != 0;
    }
    int need = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (need < 0 || (size_t)need >= sizeof temporary)
        return ctl_say(0, path, "the name is too long") != 0;
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool done = fd >= 0 && store_write_all(fd, data, len) && fchmod(fd, 0640) == 0 &&
                fsync(fd) == 0;
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && done) {
        why = errno;
        done = false;
    }
    if (done && (rename(temporary, path) != 0 || !sync_folder(path))) {
        why = errno;
        done = false;
    }
    if (done)
        return true;
    if (fd >= 0)
        (void)unlink(temporary);
    return ctl_say(0, path, strerror(why)) != 0;
}
