/* tests/unit/client-lib/edge.h - a server of one page for the phone's tests: a log, verdicts,
 * pages. It checks what a server must check (signatures, chain of counters) and judges nothing
 * unless a test tells it to. It folds the log with proto/merge.h, so its sums are a second
 * opinion. */
#ifndef SOTAY_TESTS_EDGE_H
#define SOTAY_TESTS_EDGE_H

#include "client-lib/include/sotay.h"
#include "proto/changeset.h"
#include "proto/form.h"
#include "proto/frame.h"
#include "proto/merge.h"
#include "proto/message.h"

#define EDGE_ENTRIES     4096
#define EDGE_RECORDS     512
#define EDGE_DEVICES     16
#define EDGE_BUCKETS     8
#define EDGE_LATER_S     7 /* what is put off may come again after so many seconds */
#define EDGE_COMMUNE     "01477"
#define EDGE_UNIT        "01477-x001"
#define EDGE_UNIT_BUCKET EDGE_COMMUNE "/unit/" EDGE_UNIT

typedef struct {
    st_id id, person;
    uint8_t key[32];
    uint64_t counter; /* highest request counter */
    uint64_t known;   /* last change counter of a stored set */
    bool is_revoked;
} edge_device;

typedef struct {
    st_entry entry; /* set and held are copies in the edge's arena */
    st_bucket bucket;
    st_id device;
    uint64_t first, last;
    st_hash hash;
} edge_entry;

typedef struct {
    st_bucket name;
    st_vector vector;
    st_sum sum;
} edge_bucket;

typedef struct {
    st_arena arena;
    uint8_t log_seed[32], log_key[32], code[16];
    st_id log;
    uint8_t own_secret[64];
    edge_device devices[EDGE_DEVICES]; /* 0 is the server's own */
    size_t devices_count;
    edge_entry entries[EDGE_ENTRIES];
    size_t entries_count;
    edge_bucket buckets[EDGE_BUCKETS];
    size_t buckets_count;
    st_record records[EDGE_RECORDS];
    size_t records_count;
    uint64_t own_counter, own_here[EDGE_BUCKETS];
    st_hash own_prev;
    bool own_has_prev;
    uint8_t epoch[8];
    int64_t now_ms;
    st_id persons[2]; /* an, binh */
    int enrols_as;    /* which of them the next enrolment is for */
    uint64_t scope_rev;
    bool lost_unit; /* the scope is the catalogue alone */

    /* what a test asks for */
    const char *reason;    /* of declines from now on; NULL: none */
    st_hold hold_next;     /* hold every change of the sets that come, for this reason */
    uint64_t later_next;   /* put off so many sets that come */
    bool page_per_entry;   /* one entry a page, "more" after each answer of one page */
    uint32_t fold_version; /* lowest program that can read a page of the unit; 0: 1 */
    uint64_t corrupt_sum;  /* the next n answers name a wrong sum */
    uint64_t backed_up_to;
    uint64_t sets_taken, duplicates, references;
} edge;

/* A log with the catalogue that the phones need. Lives on the heap. */
edge *edge_new(void);
void edge_free(edge *e);
/* The enrolment link for person 0 (an) or 1 (binh). text holds 128 bytes. */
void edge_link(edge *e, int person, char *text);

/* Answers one request. *out_body is heap memory (free()). Returns the HTTP status. */
int edge_answer(edge *e, const sotay_request *request, uint8_t **out_body, size_t *out_len);

/* How an exchange goes wrong. Zeroed: it goes well. */
typedef struct {
    unsigned lose_reply_of; /* the n-th request of this run is taken, its answer lost */
    size_t cut_reply_at;    /* every answer is cut after so many bytes */
    size_t feed_bytes;      /* feed in pieces of this size; 0: whole */
    sotay_port *pending;    /* settle what answers SOTAY_PENDING on this port */
} edge_trouble;
/* Runs a begun sync or enrolment to its end; frees it. Returns the code of the last call. */
int edge_run(edge *e, sotay_client *client, sotay_sync *sync, const edge_trouble *trouble,
             sotay_report *out_report);
/* begin and run. */
int edge_sync(edge *e, sotay_client *client, const edge_trouble *trouble, sotay_report *out_report);
int edge_enrol(edge *e, sotay_client *client, int person, const edge_trouble *trouble);

/* The server's own hand: one value in a record of the unit's bucket (kept value or text), or a
 * decision on held changes of a device. */
void edge_write(edge *e, const st_id *record, uint16_t field, const char *text);
void edge_decide(edge *e, const st_id *device, uint64_t counter, st_entry_kind kind);
/* The record as the log folds it; NULL when it has none. */
const st_record *edge_record(const edge *e, const st_id *id);
/* How many live values a field of a record has in the log. */
size_t edge_values(const edge *e, const st_id *id, uint16_t field);

/* Waits out SOTAY_PENDING on a memory port. */
int edge_settle(sotay_port *port, sotay_client *client, int rc);

#endif
