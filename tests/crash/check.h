/* tests/crash/check.h - a folder as a cut left it, opened by the real code: is everything there
 * that was promised, and does it go on? */
#ifndef SOTAY_TESTS_CRASH_CHECK_H
#define SOTAY_TESTS_CRASH_CHECK_H

#include "client-lib/include/sotay.h"
#include "proto/log_key.h"
#include "server/rooms.h"
#include "tests/crash/owed.h"

/* The server's log at the end of the recording: every earlier one is a beginning of it. */
typedef struct {
    struct {
        st_id device;
        uint64_t first, last;
        uint8_t *row, *leaf;
        size_t row_len, leaf_len;
    } * entries; /* entries[i] has index i + 1 */
    uint64_t count;
    uint8_t epoch[8];
    st_id log;
    st_log_keys log_keys;
    uint8_t seal_public[32], seal_secret[32]; /* what phones seal to the server opens with these */
} final_log;

/* Reads it from the folder of the recording. */
bool final_log_read(const char *dir, final_log *out);

typedef struct {
    const char *dir;       /* the folder of the server, a phone, ... */
    const char *catalogue; /* for a new server */
    const char *side;      /* what the workload put beside */
    const char *target;
    const owed_list *owed;
    const final_log *final;
    disk *disk;       /* just built */
    size_t at;        /* last record of the log before the cut */
    uint64_t seed;    /* chooses what is looked at when not thorough */
    bool is_thorough; /* also what takes long */
    char why[400];    /* when the answer is false */
} crash_case;

typedef bool (*crash_check)(crash_case *c);

bool check_server(crash_case *c);
bool check_phone(crash_case *c);
/* A server that was made anew from a backup: a new epoch behind what the backup had. */
bool check_restored(crash_case *c);
bool check_export(crash_case *c);
bool check_backup(crash_case *c);
bool check_published(crash_case *c);
bool check_stick(crash_case *c);

/* The key of the log that counts is one that was made, signs, and is the one on the disk; one that
 * was told of counts (check_keys.c). */
bool check_server_keys(crash_case *c, server *srv);
bool check_phone_keys(crash_case *c, sotay_client *client);

/* Strays that were told to be gone are; those that were found go, with their counts
 * (check_strays.c). `srv` has the port of check_strays_port. */
bool check_strays(crash_case *c, server *srv);
const server_port *check_strays_port(void);

/* The words that took rights away stand beside the store (check_words.c). */
bool check_words(crash_case *c);

/* What the phone bears for a server that may lose it is here, open or sealed (check_sealed.c). */
bool check_sealed(crash_case *c, sotay_client *client);

/* Writes why and returns false. */
bool case_fails(crash_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
