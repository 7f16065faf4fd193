/* tools/verify/fetch.c - reads a file of a log from an address, by the program curl.
 * Promises: what is fetched is bounded, and only by http and https. */
#include "tools/verify/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CURL_MISSING 22 /* curl -f: the server said 4xx or 5xx */

static void become_curl(const char *url, int to)
{
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%u", VERIFY_FILE_MAX);
    if (dup2(to, STDOUT_FILENO) < 0)
        _exit(127);
    (void)execlp("curl", "curl", "-fsS", "--max-time", "60", "--max-filesize", limit, "--proto",
                 "=http,https", "--", url, (char *)NULL);
    _exit(127);
}

st_err verify_fetch(const char *url, st_buffer *out, st_error *error)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return st_fail(error, ST_E_SERVER, "pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        become_curl(url, ends[1]);
    (void)close(ends[1]);
    st_err err = child < 0 ? st_fail(error, ST_E_SERVER, "fork: %s", strerror(errno))
                           : verify_read_all(ends[0], out, error);
    (void)close(ends[0]);
    if (child > 0 && waitpid(child, &status, 0) != child)
        status = -1;
    if (err != ST_OK || status == 0)
        return err;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == CURL_MISSING)
        return st_fail(error, ST_E_NOT_FOUND, "%s: is not there", url);
    return st_fail(error, ST_E_NETWORK, "%s: %s", url,
                   code == 127 ? "the program curl is missing" : "cannot be fetched");
}
