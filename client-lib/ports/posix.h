/* client-lib/ports/posix.h - what a Linux machine gives to a port besides the store. */
#ifndef SOTAY_CLIENT_POSIX_H
#define SOTAY_CLIENT_POSIX_H

#include "client-lib/include/sotay.h"

/* Fills *error (if not NULL) and returns code. */
int posix_fail(sotay_error *error, sotay_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* CLOCK_REALTIME in ms since 1970, CLOCK_BOOTTIME in ms. */
void posix_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms);
/* getrandom(2). SOTAY_E_STORAGE. */
int posix_random(void *context, void *data, size_t len, sotay_error *error);
/* The first 8 bytes of /proc/sys/kernel/random/boot_id, or of the boot time where that is
 * missing. */
int posix_boot(uint8_t out_boot[8], sotay_error *error);
/* SHA-256 of device and inode number of the marker file `dir`/install, made when it is missing. A
 * copy of the folder gets another one. First 8 bytes. */
int posix_install(const char *dir, uint8_t out_install[8], sotay_error *error);
/* The 32 bytes of `dir`/key, mode 0600; made, durable, when `create`. SOTAY_E_NOT_FOUND. */
int posix_secret(const char *dir, bool create, uint8_t out_secret[32], sotay_error *error);

#endif
