/* server/auth/keys.c - the server's keys on disk. Promises: a secret is written to a file that only
 * its owner may read, before anything is signed with it; another key takes the place of one whole.
 * Must never print or log a secret. */
#include "server/auth/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/bytes.h"
#include "server/store/dir.h"

#define SEED_BYTES 32
#define HEX_BYTES (2 * SEED_BYTES)

static const char *const NAMES[] = { "log", "device", "seal", "recovery" };
enum { KEY_LOG, KEY_DEVICE, KEY_SEAL, KEY_RECOVERY, KEY_COUNT };

/* Pairs and ids from the four seeds. */
static void derive(uint8_t seeds[KEY_COUNT][SEED_BYTES], auth_keys *out)
{
    st_sign_keypair(seeds[KEY_LOG], out->log_public, out->log_secret);
    st_sign_keypair(seeds[KEY_DEVICE], out->device_public, out->device_secret);
    st_box_keypair(seeds[KEY_SEAL], out->seal_public, out->seal_secret);
    st_box_keypair(seeds[KEY_RECOVERY], out->recovery_public, out->recovery_secret);
    out->log = st_log_id(out->log_public);
    out->device = st_device_id(out->device_public);
}

static const uint8_t *public_of(const auth_keys *keys, int which)
{
    switch (which) {
    case KEY_LOG:
        return keys->log_public;
    case KEY_DEVICE:
        return keys->device_public;
    case KEY_SEAL:
        return keys->seal_public;
    default:
        return keys->recovery_public;
    }
}

static st_err key_path(const char *dir, int which, const char *ending,
                       char path[STORE_PATH_BYTES], st_error *error)
{
    char name[32];
    (void)snprintf(name, sizeof name, "keys/%s.%s", NAMES[which], ending);
    return store_dir_path(dir, name, path, error);
}

/* Writes hex and a line end, durable; the file must be new. */
static st_err write_hex(const char *path, const uint8_t bytes[SEED_BYTES], unsigned mode,
                        st_error *error)
{
    char text[HEX_BYTES + 2];
    st_hex(bytes, SEED_BYTES, text);
    text[HEX_BYTES] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return st_fail(error, ST_E_EXISTS, "%s: is there already", path);
    if (fd < 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    bool good = write(fd, text, HEX_BYTES + 1) == HEX_BYTES + 1 && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    st_wipe(text, sizeof text);
    return good ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: cannot be written", path);
}

/* Whose rights to a file must be none. The service manager gives a key to one user by an access
 * list, which shows as a right of the group; its folder is closed to all others. */
#define OTHERS_OWN  077u
#define OTHERS_LENT 07u
#define OTHERS_ANY  0u

static st_err read_hex(const char *path, unsigned others, uint8_t out[SEED_BYTES],
                       st_error *error)
{
    char text[HEX_BYTES + 3] = "";
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return st_fail(error, errno == ENOENT ? ST_E_NOT_FOUND : ST_E_STORAGE, "%s: %s", path,
                       strerror(errno));
    struct stat st;
    bool is_known = fstat(fileno(file), &st) == 0;
    bool is_open = is_known && (st.st_mode & others) != 0;
    size_t len = fread(text, 1, sizeof text - 1, file);
    bool is_read = is_known && ferror(file) == 0;
    (void)fclose(file);
    if (!is_read || is_open)
        st_wipe(text, sizeof text);
    if (!is_read)
        return st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    if (is_open)
        return st_fail(error, ST_E_DENIED, "%s: others may read it; chmod 600 it, and think of who "
                       "could have read it until now", path);
    if (len > 0 && text[len - 1] == '\n')
        len--;
    bool good = len == HEX_BYTES && st_unhex(text, len, out, SEED_BYTES);
    st_wipe(text, sizeof text);
    return good ? ST_OK : st_fail(error, ST_E_CORRUPT, "%s: not a key", path);
}

/* The secrets, and which of them the folder does not hold. */
typedef struct {
    uint8_t seeds[KEY_COUNT][SEED_BYTES];
    bool is_lent[KEY_COUNT];
} secrets;

/* A new folder keys/ with these; what is lent stays where it is. */
static st_err write_keys(const char *dir, secrets *all, auth_keys *out_keys, st_error *error)
{
    auth_keys keys;
    char path[STORE_PATH_BYTES];
    memset(&keys, 0, sizeof keys);
    derive(all->seeds, &keys);
    st_err err = store_dir_path(dir, "keys", path, error);
    if (err == ST_OK)
        err = store_dir_make(path, error);
    for (int i = 0; err == ST_OK && i < KEY_COUNT; i++) {
        err = key_path(dir, i, "key", path, error);
        if (err == ST_OK && !all->is_lent[i])
            err = write_hex(path, all->seeds[i], 0600, error);
        if (err == ST_OK)
            err = key_path(dir, i, "pub", path, error);
        if (err == ST_OK)
            err = write_hex(path, public_of(&keys, i), 0644, error);
    }
    if (err == ST_OK)
        err = store_dir_path(dir, "keys", path, error);
    if (err == ST_OK)                          /* the names too: without its key a log is nothing */
        err = store_dir_sync(path, error);
    if (err == ST_OK)
        *out_keys = keys;
    st_wipe(&keys, sizeof keys);
    return err;
}

st_err auth_keys_make(const char *dir, const server_port *port, auth_keys *out_keys,
                      st_error *error)
{
    secrets all = { .is_lent = { false } };
    port->random(port->context, all.seeds, sizeof all.seeds);
    st_err err = write_keys(dir, &all, out_keys, error);
    st_wipe(&all, sizeof all);
    return err;
}

/* ---- another key in the place of one ---- */

/* Cut off between the two renames: the .pub of the new key still waits under its other name. */
static st_err finish_public(const char *dir, int which, st_error *error)
{
    char fresh[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
    st_err err = key_path(dir, which, "pub.new", fresh, error);
    if (err == ST_OK)
        err = key_path(dir, which, "pub", path, error);
    if (err == ST_OK && rename(fresh, path) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    if (err == ST_OK)
        err = store_dir_path(dir, "keys", path, error);
    return err == ST_OK ? store_dir_sync(path, error) : err;
}

/* Durable, both under their other names; those must be free. */
static st_err write_fresh(const char *dir, int which, const uint8_t seed[SEED_BYTES],
                          const uint8_t public_key[SEED_BYTES], st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = key_path(dir, which, "key.new", path, error);
    if (err == ST_OK)
        err = write_hex(path, seed, 0600, error);
    if (err == ST_OK)
        err = key_path(dir, which, "pub.new", path, error);
    if (err == ST_OK) {
        (void)unlink(path);                    /* alone it is of nothing */
        err = write_hex(path, public_key, 0644, error);
    }
    if (err == ST_OK)
        err = store_dir_path(dir, "keys", path, error);
    return err == ST_OK ? store_dir_sync(path, error) : err;
}

/* The secret first, and on the disk: with it the new key counts. A cut that kept the second name
 * alone would leave an old secret under a new .pub. */
static st_err take_place(const char *dir, int which, st_error *error)
{
    char fresh[STORE_PATH_BYTES], path[STORE_PATH_BYTES];
    st_err err = key_path(dir, which, "key.new", fresh, error);
    if (err == ST_OK)
        err = key_path(dir, which, "key", path, error);
    if (err == ST_OK && rename(fresh, path) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    if (err == ST_OK)
        err = store_dir_path(dir, "keys", path, error);
    if (err == ST_OK)
        err = store_dir_sync(path, error);
    return err == ST_OK ? finish_public(dir, which, error) : err;
}

st_err auth_keys_renew_device(const char *dir, const server_port *port, auth_keys *keys,
                              st_error *error)
{
    uint8_t seed[SEED_BYTES], public_key[32], secret[64];
    char fresh[STORE_PATH_BYTES];
    port->random(port->context, seed, sizeof seed);
    st_sign_keypair(seed, public_key, secret);
    st_err err = key_path(dir, KEY_DEVICE, "key.new", fresh, error);
    if (err == ST_OK) {
        (void)unlink(fresh);                   /* of a renewal that was cut off before it counted */
        err = write_fresh(dir, KEY_DEVICE, seed, public_key, error);
    }
    if (err == ST_OK)
        err = take_place(dir, KEY_DEVICE, error);
    if (err == ST_OK) {
        memcpy(keys->device_public, public_key, sizeof public_key);
        memcpy(keys->device_secret, secret, sizeof secret);
        keys->device = st_device_id(public_key);
    }
    st_wipe(seed, sizeof seed);
    st_wipe(secret, sizeof secret);
    return err;
}

/* ---- another key of the log ---- */

/* A key that was made before and came to nothing. Its file may be there still: whoever made it did
 * not know whether the disk has it all the same. */
static st_err prepare_spare(const char *dir, const auth_log_pair *pair, uint8_t out_public[32],
                            st_error *error)
{
    uint8_t seed[SEED_BYTES], found[SEED_BYTES];
    char path[STORE_PATH_BYTES];
    memcpy(seed, pair->secret, sizeof seed); /* an Ed25519 secret begins with its seed */
    memcpy(out_public, pair->public_key, 32);
    st_err err = key_path(dir, KEY_LOG, "key.new", path, error);
    bool is_there = err == ST_OK && read_hex(path, OTHERS_OWN, found, NULL) == ST_OK &&
                    memcmp(found, seed, sizeof seed) == 0;
    if (err == ST_OK && !is_there)
        err = write_fresh(dir, KEY_LOG, seed, out_public, error);
    st_wipe(seed, sizeof seed);
    st_wipe(found, sizeof found);
    return err;
}

static st_err prepare_fresh(const char *dir, auth_keys *keys, const server_port *port,
                            uint8_t out_public[32], st_error *error)
{
    uint8_t seed[SEED_BYTES], secret[64];
    port->random(port->context, seed, sizeof seed);
    st_sign_keypair(seed, out_public, secret);
    st_err err = write_fresh(dir, KEY_LOG, seed, out_public, error);
    unsigned at = keys->later_count;
    if (err != ST_OK && err != ST_E_EXISTS)
        auth_log_drop(dir);
    if (err == ST_OK && at == AUTH_LOG_LATER_MAX) {
        auth_log_drop(dir);
        err = st_fail(error, ST_E_BUSY, "log-key: too many since the server was started");
    }
    if (err == ST_OK) {                        /* alone with the file: nobody else writes here */
        memcpy(keys->later[at].public_key, out_public, 32);
        memcpy(keys->later[at].secret, secret, sizeof secret);
        keys->later_count = at + 1;
    }
    st_wipe(seed, sizeof seed);
    st_wipe(secret, sizeof secret);
    return err;
}

st_err auth_log_prepare(const char *dir, auth_keys *keys, const server_port *port,
                        uint8_t out_public[32], st_error *error)
{
    unsigned spare = atomic_exchange(&keys->later_spare, 0); /* one caller alone has it */
    if (spare == 0)
        return prepare_fresh(dir, keys, port, out_public, error);
    st_err err = prepare_spare(dir, &keys->later[spare - 1], out_public, error);
    if (err != ST_OK)
        atomic_store(&keys->later_spare, spare);
    return err;
}

void auth_log_give_back(auth_keys *keys, const uint8_t public_key[32])
{
    unsigned count = keys->later_count;
    for (unsigned i = 0; i < count; i++)
        if (memcmp(keys->later[i].public_key, public_key, 32) == 0)
            atomic_store(&keys->later_spare, i + 1);
}

/* Over the bytes of an open file, whatever name it has by now. */
static void write_over(int fd)
{
    static const char NOTHING[HEX_BYTES + 1] = { 0 };
    if (fd < 0)
        return;
    if (pwrite(fd, NOTHING, sizeof NOTHING, 0) == (ssize_t)sizeof NOTHING)
        (void)fsync(fd);
    (void)close(fd);
}

void auth_log_drop(const char *dir)
{
    char path[STORE_PATH_BYTES];
    if (key_path(dir, KEY_LOG, "key.new", path, NULL) == ST_OK) {
        write_over(open(path, O_WRONLY | O_CLOEXEC));
        (void)unlink(path);
    }
    if (key_path(dir, KEY_LOG, "pub.new", path, NULL) == ST_OK)
        (void)unlink(path);
}

st_err auth_log_finish(const char *dir, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = key_path(dir, KEY_LOG, "key", path, error);
    if (err != ST_OK)
        return err;
    int old = open(path, O_WRONLY | O_CLOEXEC); /* none, when the service manager lends it */
    err = take_place(dir, KEY_LOG, error);
    if (err == ST_OK)
        write_over(old);
    else if (old >= 0)
        (void)close(old);
    return err;
}

st_err auth_log_bring(const char *from, const char *to, const uint8_t public_key[32],
                      st_error *error)
{
    uint8_t seed[SEED_BYTES], found[32], secret[64];
    char path[STORE_PATH_BYTES];
    st_err err = key_path(from, KEY_LOG, "key", path, error);
    if (err == ST_OK)
        err = read_hex(path, OTHERS_OWN, seed, error);
    if (err != ST_OK)
        return err;
    st_sign_keypair(seed, found, secret);
    err = memcmp(found, public_key, sizeof found) == 0
              ? write_fresh(to, KEY_LOG, seed, public_key, error)
              : st_fail(error, ST_E_NOT_FOUND, "%s: is not the newest key of the log", path);
    st_wipe(seed, sizeof seed);
    st_wipe(secret, sizeof secret);
    return err;
}

st_err auth_log_named(const char *dir, st_id *out_log, st_error *error)
{
    char path[STORE_PATH_BYTES];
    uint8_t key[SEED_BYTES];
    st_err err = key_path(dir, KEY_LOG, "pub", path, error);
    if (err == ST_OK)
        err = read_hex(path, OTHERS_ANY, key, error);
    if (err == ST_OK)
        *out_log = st_log_id(key);
    return err;
}

const uint8_t *auth_log_secret(const auth_keys *keys, const uint8_t public_key[32])
{
    unsigned count = keys->later_count;
    if (memcmp(keys->log_public, public_key, 32) == 0)
        return keys->log_secret;
    for (unsigned i = 0; i < count; i++)
        if (memcmp(keys->later[i].public_key, public_key, 32) == 0)
            return keys->later[i].secret;
    return NULL;
}

/* Where a secret lies: in the folder, else among what the service manager lends to this process
 * (systemd: LoadCredential=sotay-log.key:...). The device key is made anew with each epoch and so
 * has to lie in the folder. */
static st_err secret_path(const char *dir, int which, char path[STORE_PATH_BYTES], bool *out_lent,
                          st_error *error)
{
    const char *lender = getenv("CREDENTIALS_DIRECTORY");
    char name[32], lent[STORE_PATH_BYTES];
    *out_lent = false;
    st_err err = key_path(dir, which, "key", path, error);
    if (err != ST_OK || lender == NULL || which == KEY_DEVICE || access(path, F_OK) == 0)
        return err;
    (void)snprintf(name, sizeof name, "sotay-%s.key", NAMES[which]);
    err = store_dir_path(lender, name, lent, error);
    *out_lent = err == ST_OK && access(lent, F_OK) == 0;
    if (*out_lent)
        memcpy(path, lent, strlen(lent) + 1);
    return err;
}

bool auth_key_is_lent(const char *dir, const char *name)
{
    char path[STORE_PATH_BYTES];
    bool is_lent = false;
    for (int i = 0; i < KEY_COUNT; i++)
        if (strcmp(NAMES[i], name) == 0 && secret_path(dir, i, path, &is_lent, NULL) == ST_OK)
            return is_lent;
    return false;
}

static st_err read_seeds(const char *dir, secrets *out, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = ST_OK;
    for (int i = 0; err == ST_OK && i < KEY_COUNT; i++) {
        err = secret_path(dir, i, path, &out->is_lent[i], error);
        if (err == ST_OK)
            err = read_hex(path, out->is_lent[i] ? OTHERS_LENT : OTHERS_OWN, out->seeds[i], error);
    }
    return err;
}

st_err auth_keys_inherit(const char *from, const char *to, const server_port *port,
                         st_error *error)
{
    secrets all;
    auth_keys made;
    st_err err = read_seeds(from, &all, error);
    if (err == ST_OK) {
        port->random(port->context, all.seeds[KEY_DEVICE], SEED_BYTES);
        err = write_keys(to, &all, &made, error);
        st_wipe(&made, sizeof made);
    }
    st_wipe(&all, sizeof all);
    return err;
}

static bool is_renewal_open(const char *dir, int which, const uint8_t public_key[SEED_BYTES])
{
    uint8_t stated[SEED_BYTES];
    char path[STORE_PATH_BYTES];
    return key_path(dir, which, "pub.new", path, NULL) == ST_OK
           && read_hex(path, OTHERS_ANY, stated, NULL) == ST_OK
           && memcmp(stated, public_key, SEED_BYTES) == 0;
}

st_err auth_keys_read(const char *dir, auth_keys *out_keys, st_error *error)
{
    uint8_t stated[SEED_BYTES];
    secrets all;
    auth_keys keys;
    char path[STORE_PATH_BYTES];
    memset(&keys, 0, sizeof keys);
    st_err err = read_seeds(dir, &all, error);
    if (err == ST_OK)
        derive(all.seeds, &keys);
    for (int i = KEY_LOG; err == ST_OK && i <= KEY_DEVICE; i++)
        if (is_renewal_open(dir, i, public_of(&keys, i)))
            err = finish_public(dir, i, error);
    for (int i = 0; err == ST_OK && i < KEY_COUNT; i++) {
        err = key_path(dir, i, "pub", path, error);
        if (err == ST_OK)
            err = read_hex(path, OTHERS_ANY, stated, error);
        if (err == ST_OK && memcmp(stated, public_of(&keys, i), SEED_BYTES) != 0)
            err = st_fail(error, ST_E_CORRUPT, "%s: belongs to another key", path);
    }
    st_wipe(&all, sizeof all);
    if (err == ST_OK)
        *out_keys = keys;
    st_wipe(&keys, sizeof keys);
    return err;
}

st_err auth_log_settle(const char *dir, const uint8_t public_key[32], auth_keys *keys,
                       st_error *error)
{
    uint8_t seed[SEED_BYTES], fresh[32], secret[64];
    char path[STORE_PATH_BYTES];
    if (memcmp(keys->log_public, public_key, 32) == 0) {
        auth_log_drop(dir);
        return ST_OK;
    }
    memset(fresh, 0, sizeof fresh);
    memset(secret, 0, sizeof secret);
    st_err err = key_path(dir, KEY_LOG, "key.new", path, error);
    if (err == ST_OK && read_hex(path, OTHERS_OWN, seed, NULL) == ST_OK)
        st_sign_keypair(seed, fresh, secret);
    if (err == ST_OK && memcmp(fresh, public_key, sizeof fresh) != 0)
        err = st_fail(error, ST_E_NOT_FOUND,
                      "%s/keys/log.key is an older key of the log: it signs nothing any more. Put "
                      "the newest one there (docs/operations.md, \"another key\")", dir);
    if (err == ST_OK)
        err = auth_log_finish(dir, error);
    if (err == ST_OK) {
        memcpy(keys->log_public, fresh, sizeof fresh);
        memcpy(keys->log_secret, secret, sizeof secret);
    }
    st_wipe(seed, sizeof seed);
    st_wipe(secret, sizeof secret);
    return err;
}

void auth_keys_add_former(auth_keys *keys, const uint8_t sign_key[32])
{
    const st_id device = st_device_id(sign_key);
    unsigned count = atomic_load(&keys->former_count);
    for (unsigned i = 0; i < count; i++)
        if (st_id_cmp(&keys->former[i].device, &device) == 0)
            return;
    if (count == AUTH_FORMER_MAX)
        return;
    keys->former[count].device = device;
    memcpy(keys->former[count].sign_key, sign_key, 32);
    atomic_store(&keys->former_count, count + 1);
}

void auth_keys_wipe(auth_keys *keys)
{
    st_wipe(keys, sizeof *keys);
}
