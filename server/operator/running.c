/* server/operator/running.c - the note a running server leaves for sotayctl. Must never be readable
 * by others: its token opens every verb. */
#include "server/operator/running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void path_of(const char *dir, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, "%s/server.run", dir);
}

void running_token(server *rooms, char token[65])
{
    uint8_t random[32];
    const server_port *port = rooms->sync.port;
    port->random(port->context, random, sizeof random);
    st_hex(random, sizeof random, token);
}

st_err running_write(const char *dir, const running_server *run, st_error *error)
{
    char path[ROOMS_DIR_BYTES + 32], text[512];
    path_of(dir, path, sizeof path);
    int len = snprintf(text, sizeof text, "%s\n%s\n%s\n", run->url, run->public_url, run->token);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    bool is_written = write(fd, text, (size_t)len) == len;
    if (close(fd) != 0 || !is_written)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    return ST_OK;
}

st_err running_read(const char *dir, running_server *out_run, st_error *error)
{
    char path[ROOMS_DIR_BYTES + 32];
    running_server run = { 0 };
    path_of(dir, path, sizeof path);
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
    char path[ROOMS_DIR_BYTES + 32];
    path_of(dir, path, sizeof path);
    (void)unlink(path);
}
