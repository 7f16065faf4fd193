/* server/operator/running.c - the note a running server leaves for sotayctl. Must never be readable
 * by others: its token opens every verb. */
#include "server/operator/running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_BYTES 512u
#define PATH_BYTES (ROOMS_DIR_BYTES + 32)

/* The note, and the file that becomes the next one: it has its room on the disk already, so that a
 * server starts where there is none left. */
static void path_of(const char *dir, char *path)
{
    snprintf(path, PATH_BYTES, "%s/server.run", dir);
}

static void spare_of(const char *dir, char *path)
{
    snprintf(path, PATH_BYTES, "%s/server.spare", dir);
}

void running_token(server *rooms, char token[65])
{
    uint8_t random[32];
    const server_port *port = rooms->sync.port;
    port->random(port->context, random, sizeof random);
    st_hex(random, sizeof random, token);
}

/* In place. Always as long, so that it never needs more room than it had. */
static bool write_note(int fd, const running_server *run)
{
    char text[NOTE_BYTES];
    memset(text, '\n', sizeof text);
    int len = snprintf(text, sizeof text, "%s\n%s\n%s\n", run->url, run->public_url, run->token);
    text[len] = '\n';
    ssize_t n = pwrite(fd, text, sizeof text, 0);
    if (n >= 0 && n < (ssize_t)sizeof text)
        errno = ENOSPC;
    return n == (ssize_t)sizeof text && fchmod(fd, 0600) == 0;
}

st_err running_write(const char *dir, const running_server *run, bool *out_is_full,
                     st_error *error)
{
    char path[PATH_BYTES], spare[PATH_BYTES];
    path_of(dir, path);
    spare_of(dir, spare);
    *out_is_full = false;
    (void)rename(path, spare); /* of a server that was killed */
    int fd = open(spare, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_written = fd >= 0 && write_note(fd, run);
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && is_written) {
        is_written = false;
        why = errno;
    }
    if (is_written && rename(spare, path) == 0)
        return ST_OK;
    if (is_written)
        why = errno;
    *out_is_full = why == ENOSPC || why == EDQUOT;
    return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(why));
}

st_err running_read(const char *dir, running_server *out_run, st_error *error)
{
    char path[PATH_BYTES];
    running_server run = { 0 };
    path_of(dir, path);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    int got = fscanf(file, "%159[^\n]\n%255[^\n]\n%64[0-9a-f]", run.url, run.public_url, run.token);
    (void)fclose(file);
    if (got != 3 || strlen(run.token) != 64)
        return st_fail(error, ST_E_CORRUPT, "%s: not what a server writes", path);
    *out_run = run;
    return ST_OK;
}

void running_remove(const char *dir)
{
    char path[PATH_BYTES], spare[PATH_BYTES];
    path_of(dir, path);
    spare_of(dir, spare);
    if (rename(path, spare) != 0)
        (void)unlink(path);
}
