/* tests/unit/client-lib/store_dir.h - a folder for a phone's store on the disk, as the LMDB port
 * fills it. */
#ifndef SOTAY_TESTS_STORE_DIR_H
#define SOTAY_TESTS_STORE_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void store_dir_make(char dir[64])
{
    strcpy(dir, "/tmp/sotay-port-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static inline void store_dir_remove(const char *dir)
{
    static const char *const FILES[] = { "data.mdb", "data.mdb-lock", "lock",
                                         "install",  "key",           "store.version" };
    char path[128];
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

#endif
