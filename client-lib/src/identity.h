/* client-lib/src/identity.h - who this store is: keys, person, log, counters. One small value that
 * is rewritten, in the same transaction, by everything that uses up a counter. */
#ifndef SOTAY_CLIENT_IDENTITY_H
#define SOTAY_CLIENT_IDENTITY_H

#include "client-lib/src/book.h"
#include "client-lib/src/slip.h"
#include "proto/change.h"
#include "proto/clock.h"
#include "proto/message.h"
#include "proto/tree.h"

#define IDENTITY_ROLES_MAX 8u

/* An enrolment that was asked for and not answered yet: asked again, it gives the same answer. */
typedef struct {
    bool is_open;
    uint8_t code[16], log_key[32], sign_seed[32], sign_key[32], cosign_seed[32];
    char url[256];
} identity_offer;

/* What the server was last told of this machine's clocks, and heard. */
typedef struct {
    bool is_there;
    uint8_t epoch[8];  /* of the book that heard it */
    st_clock clock;    /* the exchange that was told */
    int64_t apart_ms;  /* the wall clock minus the monotonic one, then */
} identity_told;

/* A checkpoint as the log's key signed it. */
typedef struct {
    st_tree_head head;
    uint64_t epoch; /* at the end of its origin */
    uint8_t signature[64];
} witness_head;

typedef struct {
    bool is_enrolled;
    bool is_forked; /* the server stored another branch of this device first */
    st_id device;   /* of own changes; not enrolled yet after a fork */
    st_id speaker;  /* the enrolled one: requests are signed as it */
    st_id person, log, server_device;
    uint8_t sign_seed[32], sign_key[32], cosign_seed[32];
    uint8_t log_key[32], seal_key[32], recovery_key[32], server_key[32];
    uint8_t epoch[8], install[8];
    st_code login, commune;
    char letters[9], fingerprint[81], url[256];
    uint64_t scope_rev;
    st_role roles[IDENTITY_ROLES_MAX];
    uint32_t roles_count;

    uint64_t counter; /* of the last own change */
    uint64_t sealed;  /* of the last own change that is in a set */
    bool has_prev;    /* a set was sealed: */
    st_hash prev;     /*   its hash */
    st_hlc hlc;
    uint64_t slips;    /* slip numbers given out */
    uint64_t requests; /* request counters used up or reserved */
    uint64_t position, backed_up_to;
    int64_t last_sync_ms; /* by our clock; 0: never */
    bool has_offset;
    int64_t clock_offset_ms;     /* server minus phone */
    uint64_t gone_from, gone_to; /* own counters that no longer exist; 0: none */
    identity_offer offer;
    uint64_t epochs;  /* how many are known; 0: the first */
    uint64_t address; /* number of the newest notice of the server's address; 0: none */
    bool has_clock;   /* the last whole exchange with the server: */
    st_clock clock;
    bool has_lease; /* the server was met, or the clock began (lease.h): */
    uint64_t lease_ms, lease_mono_ms; /* used up then; the monotonic clock then */
    uint8_t lease_boot[8];
    uint32_t dictionary; /* what the server said it takes; 0: plain streams */
    uint64_t lost; /* own changes that the server asked for and this device has no more */
    witness_head tree;   /* the newest checkpoint that continues all before; size 0: none */
    bool short_roots;    /* the server takes the beginning of a root (docs/protocol.md 9.1) */
    bool cosign_due;     /* the server has not heard that we saw it */
    bool has_alarm;      /* the server showed a log that does not continue it: */
    witness_head alarm;  /*   signed all the same */
    int64_t alarm_ms;    /*   when, by our clock */
    uint64_t alarm_epoch; /* the last epoch in which it did so: the first is the evidence */
    identity_told told;
    st_standing standing; /* what the server said of this device last */
    uint64_t log_keys;    /* how often the key of the log was changed: log_key is the newest */
    bool has_key_alarm;   /* the server named a change that is none: */
    st_log_key key_alarm; /*   as it said it */
    int64_t key_alarm_ms; /*   when, by our clock */
    identity_offer heir_offer; /* of a copy: keys of its own that the office is asked for */
    uint8_t heir_install[8];   /* the store that made them: a copy of it makes others */
    st_heir_state heir;        /* what became of them */
    char heir_reason[ST_HEIR_REASON_CHARS * 4 + 1];
    bool files_full; /* the server left files out: it has as many bytes of this device as it may */
    st_dot renewed;  /* device and first counter of the last sealed set it asked for (renew.h) */
    int64_t turned_ms; /* when, by our clock, the server's book was not the one of before; 0 again
                        * with the first whole sync after that (epoch.h) */
    int64_t repaired_ms; /* as turned_ms: what this store had of the book was not what is there */
    bool has_key_held;    /* of the number in key_alarm it had followed another one: */
    st_log_key key_held;
    bool has_cut;         /* a new epoch was announced since `tree`: */
    uint64_t cut;         /*   up to there the log is said to be the same */
    uint64_t ends, ends_told; /* checkpoints that were given up (forsaken.h), and shown */
    bool has_epochs_mark; /* of all rows of the list of epochs that was told last: */
    uint8_t epochs_mark[ST_EPOCHS_MARK_BYTES];
    uint64_t reach; /* so many entries the log was said to have, in the epoch that is known */
    bool asks_whole; /* own sets are lost here: the server is to send them in full (missing.c) */
    uint64_t heard;  /* up to this own change all waited through an answer of the book that is
                      * known: it was recorded when the request was made */
} identity;

void witness_head_put(slip_writer *slip, const witness_head *head);
void witness_head_get(slip_reader *slip, witness_head *head);

/* The server said, or what it signed says, that its log has an entry of this number. */
void identity_reach(identity *me, uint64_t entry);
/* Inside a transaction. ST_E_NOT_FOUND before the first put; ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err identity_get(book_db *book, identity *out_identity, st_error *error);
ST_MUST_USE st_err identity_put(book_db *book, const identity *identity, st_error *error);

#endif
