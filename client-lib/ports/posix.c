/* client-lib/ports/posix.c - clocks, randomness, boot and install id, key file of a Linux machine.
 * Promises: the key file is readable by its owner only and is on disk before it is used.
 * Never: follows a link in the store's folder, or reads more of a file than it needs. */
#include "client-lib/ports/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/bytes.h"
#include "proto/hash.h"

#define PATH_BYTES_MAX 4096

int posix_fail(sotay_error *error, sotay_code code, const char *format, ...)
{
    if (error == NULL)
        return code;
    error->code = code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->detail, sizeof error->detail, format, args);
    va_end(args);
    return code;
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void posix_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    (void)context;
    *out_wall_ms = clock_ms(CLOCK_REALTIME);
    *out_mono_ms = (uint64_t)clock_ms(CLOCK_BOOTTIME);
}

int posix_random(void *context, void *data, size_t len, sotay_error *error)
{
    (void)context;
    uint8_t *at = data;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return posix_fail(error, SOTAY_E_STORAGE, "random: %s", strerror(errno));
        at += got;
        len -= (size_t)got;
    }
    return SOTAY_OK;
}

/* Reads exactly `len` bytes; false otherwise. */
static bool read_exactly(int fd, void *data, size_t len)
{
    uint8_t *at = data;
    while (len > 0) {
        ssize_t got = read(fd, at, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

int posix_boot(uint8_t out_boot[8], sotay_error *error)
{
    (void)error;
    char text[36];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    bool have = fd >= 0 && read_exactly(fd, text, sizeof text);
    if (fd >= 0)
        (void)close(fd);
    /* xxxxxxxx-xxxx-4xxx-...: the first 8 hex digits and the 8 of the next two parts */
    char hex[16];
    if (have) {
        memcpy(hex, text, 8);
        memcpy(hex + 8, text + 9, 4);
        memcpy(hex + 12, text + 14, 4);
        have = st_unhex(hex, sizeof hex, out_boot, 8);
    }
    if (!have) {
        int64_t started_s = (clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME)) / 10000;
        st_put_u64(out_boot, (uint64_t)started_s);
    }
    return SOTAY_OK;
}

static int join_path(const char *dir, const char *name, char path[PATH_BYTES_MAX],
                     sotay_error *error)
{
    int len = snprintf(path, PATH_BYTES_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= PATH_BYTES_MAX)
        return posix_fail(error, SOTAY_E_USAGE, "store: the folder's name is too long");
    return SOTAY_OK;
}

int posix_install(const char *dir, uint8_t out_install[8], sotay_error *error)
{
    char path[PATH_BYTES_MAX];
    int rc = join_path(dir, "install", path, error);
    if (rc != SOTAY_OK)
        return rc;
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        rc = posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    (void)close(fd);
    uint8_t place[16];
    st_put_u64(place, (uint64_t)info.st_dev);
    st_put_u64(place + 8, (uint64_t)info.st_ino);
    st_hash hash = st_sha256(place, sizeof place);
    memcpy(out_install, hash.b, 8);
    return SOTAY_OK;
}

/* Writes the key file under another name, then renames: it is whole or not there. */
static int make_secret(const char *dir, const char *path, uint8_t out_secret[32],
                       sotay_error *error)
{
    char temporary[PATH_BYTES_MAX];
    int rc = join_path(dir, "key.new", temporary, error);
    if (rc == SOTAY_OK)
        rc = posix_random(NULL, out_secret, 32, error);
    if (rc != SOTAY_OK)
        return rc;
    (void)unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, out_secret, 32) == 32 && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(temporary, path) == 0;
    int folder = good ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    good = folder >= 0 && fsync(folder) == 0;
    if (!good)
        rc = posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(errno));
    if (folder >= 0)
        (void)close(folder);
    return rc;
}

int posix_secret(const char *dir, bool create, uint8_t out_secret[32], sotay_error *error)
{
    char path[PATH_BYTES_MAX];
    int rc = join_path(dir, "key", path, error);
    if (rc != SOTAY_OK)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return create ? make_secret(dir, path, out_secret, error) : SOTAY_E_NOT_FOUND;
    if (fd < 0)
        return posix_fail(error, SOTAY_E_STORAGE, "store '%s': %s", path, strerror(errno));
    bool good = read_exactly(fd, out_secret, 32);
    (void)close(fd);
    if (!good)
        return posix_fail(error, SOTAY_E_CORRUPT, "store '%s': the key file is damaged", path);
    return SOTAY_OK;
}
