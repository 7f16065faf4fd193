/* tests/crash/owed.h - what was promised to somebody, and since which record of the log: the
 * lines of the workload, and what the requests and answers themselves say. */
#ifndef SOTAY_TESTS_CRASH_OWED_H
#define SOTAY_TESTS_CRASH_OWED_H

#include "proto/message.h"
#include "tests/crash/disk.h"

/* The log, as an array of records. Lives in a private map of the file. */
typedef struct {
    disk_op *ops;
    size_t count;
} oplog;

/* Reads a whole log; a record cut by a kill is passed over (as many as there are marks `FOLDER
 * killed`). false (after a line on stderr): it cannot be read, is damaged, or says that the
 * recorder could not follow a call. */
bool oplog_read(const char *path, oplog *out_log);

typedef enum {
    /* lines of the workload: `FOLDER WORD ...` */
    OWED_READY,  /* ready: init or enrol was done */
    OWED_LOG,    /* log N: the server has so many entries */
    OWED_SAVED,  /* saved N: the phone's last change has this counter */
    OWED_SHOWS,  /* shows RECORD TOKEN: the phone showed it (text: RECORD TOKEN) */
    OWED_LINK,   /* link LINK: the enrolment link that it was given (text) */
    OWED_WHOLE,  /* whole N: the N-th version of a file was written */
    OWED_KEEPS,  /* keeps RECORD ITEM SHA256: that file is whole on the phone (text) */
    OWED_LETS,   /* lets RECORD ITEM: no longer, from here on it may go (text) */
    OWED_HAS,    /* has SHA256: somebody was told that the server has this piece (text) */
    OWED_BEARS,  /* bears TOKEN: a set that no backup covers has it, and is here (text) */
    OWED_KEYS,   /* keys N: the N-th change of the log's key counts, or is known here */
    OWED_STRAY,  /* stray SHA256: this piece was noted as one that nothing names (text) */
    OWED_GONE,   /* gone SHA256: this piece was told to be removed (text) */
    OWED_WORDS,  /* words WORDS: they took rights away, and the office was told so (text) */
    OWED_DRAFT,  /* draft RECORD TOKEN: it was put into the working copy, and nothing is put over it
                    (text) */
    OWED_PIN,    /* pin PIN: from now on this one opens the phone (text) */
    OWED_ANSWER, /* answer LINE: the office's to a forgotten PIN (text) */
    /* requests of the phone */
    OWED_COUNTER, /* it sent this request counter (device, number) */
    OWED_SENT,    /* it sent a set (device, number: first, last) */
    OWED_OFFERED, /* it asked to be enrolled with this key (key) */
    /* answers of the server */
    OWED_STORED, /* the entry of that index is there (number), and holds the set that begins with
                    `last` */
    OWED_USED,   /* the request with that counter was answered (device, number): `synced` says
                    so, a sync of the phone that ended well */
    OWED_KINDS
} owed_kind;

typedef struct {
    owed_kind kind;
    size_t since; /* record of the log */
    st_id device;
    uint64_t number, last;
    uint8_t key[32];
    char text[256];
} owed;

/* A set that left: a later request of its device may lean on it. */
typedef struct {
    uint8_t check[ST_BASE_CHECK_BYTES];
    st_buffer bytes;
} owed_base;

typedef struct {
    owed *items; /* in the order of `since` */
    size_t count, capacity;
    owed_base *bases;
    size_t bases_count, bases_capacity;
} owed_list;

/* All that is owed by the folder `target` (what phones send and servers answer is owed by those
 * alone: a phone's requests are those of programs called with that folder). Free with owed_free.
 * What cannot be understood, a mark of no known word among it, ends the program with the line
 * `not ok JOB: why`. */
void owed_read(const oplog *log, const char *target, const char *job, owed_list *out_list);
/* The word of a kind; is it one that the workload says? */
const char *owed_name(owed_kind kind);
bool owed_is_mark(owed_kind kind);
void owed_free(owed_list *list);
/* The largest number owed of a kind when the record `at` was the last; 0: none. */
uint64_t owed_most(const owed_list *list, owed_kind kind, size_t at);
/* Is anything of the kind owed by then? */
bool owed_any(const owed_list *list, owed_kind kind, size_t at);

/* ---- for the checks: what one request says ---- */
typedef struct {
    st_id device;
    uint64_t counter;
    uint8_t key[32]; /* of an enrolment */
    struct {
        st_id device;
        uint64_t first, last;
    } sets[1024];
    size_t sets_count;
} owed_request;
/* What it leans on is looked for in `known`; its own sets are noted in `notes`, unless NULL. false:
 * the body cannot be read. */
bool owed_request_read(const char *path, const uint8_t *body, size_t len, const owed_list *known,
                       owed_list *notes, owed_request *out);

#endif
