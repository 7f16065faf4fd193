/* tests/fault/bundle.c - bundles in files of their own, with every call of them counted. Promises
 * that a file of that name is whole. */
#include "tests/fault/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void bundle_path(const stage *s, char path[256])
{
    (void)snprintf(path, 256, "%s/bundle", s->dir);
}

static int broken(sotay_error *error, const char *what)
{
    (void)snprintf(error->detail, sizeof error->detail, "the file cannot be %s", what);
    return SOTAY_E_STORAGE;
}

static int put(void *context, const void *bytes, size_t len, sotay_error *error)
{
    const int *fd = context;
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(*fd, at, len);
        if (n <= 0)
            return broken(error, "written");
        at += n;
        len -= (size_t)n;
    }
    return SOTAY_OK;
}

static int get(void *context, uint64_t at, void *bytes, size_t len, sotay_error *error)
{
    const int *fd = context;
    return pread(*fd, bytes, len, (off_t)at) == (ssize_t)len ? SOTAY_OK : broken(error, "read");
}

/* The head, then the parts, which lie in a file of their own so far. */
static int join(int fd, int parts, sotay_slice head, sotay_error *error)
{
    char bytes[4096];
    ssize_t n = 0;
    off_t at = 0;
    int rc = put(&fd, head.data, head.len, error);
    while (rc == SOTAY_OK && (n = pread(parts, bytes, sizeof bytes, at)) > 0) {
        rc = put(&fd, bytes, (size_t)n, error);
        at += n;
    }
    if (rc == SOTAY_OK && n < 0)
        rc = broken(error, "read");
    return rc == SOTAY_OK && fsync(fd) != 0 ? broken(error, "written") : rc;
}

static int make(stage *s, int n, int parts, int fd, sotay_error *error)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice head = { NULL, 0 };
    int rc = sotay_bundle_begin(s->phones[n].client, &bundle, error);
    if (rc != SOTAY_OK)
        return rc;
    sotay_bundle_spool(bundle, put, &parts);
    rc = sotay_bundle_make(bundle, &head, &report, error);
    if (rc == SOTAY_OK && (report.more || report.sets == 0))
        stage_die("bundle", "not all of it is in there");
    if (rc == SOTAY_OK)
        rc = join(fd, parts, head, error);
    sotay_bundle_free(bundle);
    return rc;
}

int bundle_write(stage *s, int n)
{
    char path[256], fresh[264], parts_path[264];
    sotay_error error = { SOTAY_OK, "" };
    bundle_path(s, path);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)snprintf(parts_path, sizeof parts_path, "%s.parts", path);
    int parts = open(parts_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = parts < 0 || fd < 0 ? broken(&error, "made") : make(s, n, parts, fd, &error);
    if (rc == SOTAY_OK && rename(fresh, path) != 0)
        rc = broken(&error, "named");
    if (parts >= 0)
        (void)close(parts);
    if (fd >= 0)
        (void)close(fd);
    return stage_said(s, rc, &error);
}

int bundle_take(stage *s, int n)
{
    char path[256];
    struct stat info;
    sotay_bundle_report report;
    sotay_error error = { SOTAY_OK, "" };
    bundle_path(s, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 || fstat(fd, &info) != 0 ? broken(&error, "opened") : SOTAY_OK;
    if (rc == SOTAY_OK) {
        const sotay_bundle_source source = { &fd, get, (uint64_t)info.st_size };
        rc = sotay_bundle_import_from(s->phones[n].client, &source, &report, &error);
    }
    if (fd >= 0)
        (void)close(fd);
    return stage_said(s, rc, &error);
}
