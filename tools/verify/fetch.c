/* tools/verify/fetch.c - reads a file of a log from an address, by the program curl.
 * Promises: what is fetched is bounded, and only by http and https. */
#include "tools/verify/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_CHARS 3u /* of the answer, behind what it gives */

static void become_curl(const char *url, int to)
{
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%u", VERIFY_FILE_MAX);
    if (dup2(to, STDOUT_FILENO) < 0)
        _exit(127);
    (void)execlp("curl", "curl", "-sS", "-w", "%{http_code}", "--max-time", "60", "--max-filesize",
                 limit, "--proto", "=http,https", "--", url, (char *)NULL);
    _exit(127);
}

/* What the program writes, without the status. */
static st_err run_curl(const char *url, st_buffer *page, int *out_status, st_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return st_fail(error, ST_E_SERVER, "pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        become_curl(url, ends[1]);
    (void)close(ends[1]);
    st_err err = child < 0 ? st_fail(error, ST_E_SERVER, "fork: %s", strerror(errno))
                           : verify_read_all(ends[0], page, error);
    (void)close(ends[0]);
    if (child > 0 && waitpid(child, out_status, 0) != child)
        *out_status = -1;
    return err;
}

/* Only what is certainly not there may be done without: a server in trouble has said nothing. */
static st_err take_page(const char *url, const st_buffer *page, st_buffer *out, st_error *error)
{
    size_t len = page->len < STATUS_CHARS ? 0 : page->len - STATUS_CHARS;
    const char *status = page->len < STATUS_CHARS ? "000" : (const char *)page->data + len;
    if (memcmp(status, "200", STATUS_CHARS) == 0)
        return st_buffer_append(out, page->data, len, error);
    if (memcmp(status, "404", STATUS_CHARS) != 0)
        return st_fail(error, ST_E_NETWORK, "%s: the server answers %.3s", url, status);
    return st_fail(error, ST_E_NOT_FOUND, "%s: %s", url,
                   strstr(url, "/audit/") != NULL
                       ? "is not there"
                       : "is not there; the address of a log ends with /audit");
}

st_err verify_fetch(const char *url, st_buffer *out, st_error *error)
{
    int status = 0;
    st_buffer page;
    st_buffer_init(&page, VERIFY_FILE_MAX + STATUS_CHARS);
    st_err err = run_curl(url, &page, &status, error);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (err == ST_OK && code != 0)
        err = st_fail(error, ST_E_NETWORK, "%s: %s", url,
                      code == 127 ? "the program curl is missing" : "cannot be fetched");
    if (err == ST_OK)
        err = take_page(url, &page, out, error);
    st_buffer_free(&page);
    return err;
}
