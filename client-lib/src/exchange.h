/* client-lib/src/exchange.h - the inside of one sync or enrolment: what is known between begin and
 * free, and the two halves of a round - the request that is made and the answer that is taken. */
#ifndef SOTAY_CLIENT_EXCHANGE_H
#define SOTAY_CLIENT_EXCHANGE_H

#include "client-lib/src/apply.h"
#include "client-lib/src/attach.h"
#include "client-lib/src/epoch.h"
#include "client-lib/src/evidence.h"
#include "client-lib/src/relearn.h"
#include "client-lib/src/repair.h"
#include "client-lib/src/snapshot.h"
#include "proto/frame.h"
#include "proto/heir.h"

/* A bucket of which a page refers to what is lost here (missing.c). */
typedef struct {
    st_bucket bucket;
    bool is_aside;  /* in this answer nothing more of it is read */
    bool is_anew;   /* in this sync it is read from its beginning */
} exchange_missing;

/* What of an answer is read. Of one that is not read to its end nothing is known but what came. */
typedef enum { READS_ALL, READS_PAGES /* of buckets that are not set aside */, READS_NOTHING }
    exchange_reading;

/* A set that was sent in this round and waits for its verdict. */
typedef struct {
    st_id device;
    uint64_t first, changes; /* changes 0: it was sent before */
    bool is_unsaid;          /* its verdict does not say what it is */
} exchange_sent;

/* Sealed sets of which a value was erased (renew.h), in one round. */
typedef struct {
    st_renew *list; /* in the arena of the round: asked for */
    uint32_t asked, most, taken;
    bool is_blind; /* this store hears of no erasure: it asks for all, by and by */
    bool are_new;  /* the answer brought an erasure of a value in one */
} exchange_renews;

struct sotay_sync {
    sotay_client *client;
    bool is_enrolment;
    bool is_send_only; /* verdicts are read, pages are not asked for */
    uint64_t budget;   /* bytes of bodies; 0: no limit */
    bool is_metered;   /* files stay here */
    bool can_resume;   /* the driver goes on after a line that broke */
    size_t sets_bytes; /* of sets in one request: less on a line that broke, more as it holds */
    sotay_report before; /* of the attempts before this one */
    sotay_why why;       /* what the last answer said of a failure */
    st_err dead;       /* why nothing goes on; ST_OK while it does */
    bool waits;        /* a step answered ST_PENDING */

    /* making a request */
    bool has_drafts_done, is_ready, body_is_built;
    relearning names; /* those that do not open (relearn.h) */
    uint64_t written; /* own counter when the last request with words was made */
    uint64_t reach_before; /* identity.reach when it began */
    bool has_doubts; /* a snapshot left own sets to be offered once more, in this sync */
    uint64_t doubted; /* own counter when it was seen to that nothing leans on what has no answer
                       * (replay.h) */
    bool has_doubted_all; /* nothing at all, not what is sealed alone */
    unsigned words_calls; /* rounds for what was written meanwhile, since a piece of a file went */
    outbox_seal seal;
    st_buffer stream; /* zstd stream of frames */
    st_buffer body;   /* head and stream: what is sent */
    st_buffer text;   /* being signed */
    st_buffer base;   /* what the stream leans on; empty: nothing */
    st_hash last_hash;       /* of the last set sealed before this sync */
    uint64_t last_sealed;    /* its last counter; 0: none */
    bool is_plain;           /* the server did not take what is said in short: all of it */
    st_head head;
    book_scan sets; /* own sets gone through so far */
    bool has_sets;  /* more of them wait for the next round */
    bool has_asked, asks_again; /* some that have no answer come last; these are gone through */
    book_scan carried; /* kept sets of others gone through so far */
    book_scan taken, parcels; /* what is carried for others, gone through so far */
    size_t parcels_count;     /* in this request */
    bool brings_others;       /* this sync has sets of others */
    book_key *offered;        /* in arena: pieces in it, or held back (offered.h) */
    size_t offered_count, offered_capacity;
    st_dot *waiting; /* in lasting: sets that wait where this device does not read (waiting.h) */
    size_t waiting_count, waiting_capacity, waiting_start, waiting_done;
    size_t waiting_bytes; /* of them, in this sync */
    bool has_waiting;     /* they were looked for */
    bool has_turned;   /* a new epoch, or a log that is shorter, was seen in this sync */
    bool brings_papers; /* this request has sets that the server's own device signed */
    bool presents;     /* the server does not know us: our own enrolment goes along */
    exchange_sent *sent;
    size_t sent_count, sent_capacity;
    size_t papers_count; /* of them, so many only say who this device is */
    st_purge purges[ST_PURGES_MAX]; /* receipts that this round brings, the first ones signed */
    uint32_t purges_count, purges_signed;
    uint8_t purge_text[ST_PURGE_SIGN_BYTES_MAX]; /* being signed */
    bool has_purges; /* they were looked for in this round */
    bool has_more_purges;  /* than this round brings */
    uint32_t purges_noted; /* so many of this round's are with the server */
    const st_decided *decided; /* in arena: decisions that this round tells (decided.h) */
    uint32_t decided_count, decided_noted;
    bool has_more_decided;
    st_heir_ask heir;      /* of a copy: the keys it asks for */
    uint32_t heir_signed;  /* by the new key, by the old one */
    bool heir_heard;       /* the server answered */
    bool is_heir;          /* the office confirmed them: the next sync speaks under the new name */
    uint8_t heir_text[ST_HEIR_SIGN_BYTES]; /* being signed */
    int64_t asked_wall_ms;
    uint64_t asked_mono_ms;
    bool tells_clock;     /* this request says how our clocks go: */
    identity_told telling;
    bool has_short_root;  /* this request says a short root */
    bool cosigned;        /* this request confirms the checkpoint that is held */
    bool tells_end;       /* this request shows one that a new epoch gave up */
    bool is_other_log;    /* this answer's does not go on from the one that is held */
    exchange_renews renews;
    st_gone asked_gone;   /* what this request says is gone; zero: nothing */
    bool asked_whole;     /* own sets in full (missing.c) */
    bool asked_collapsed; /* one position for all buckets: says nothing of new ones */

    /* taking an answer */
    st_arena arena; /* of one round: lists below */
    st_frame_reader *reader;
    bool has_end, has_refusal;
    exchange_reading reads; /* of this answer from here on */
    st_refusal refusal;
    bool more;
    bool moved;               /* this round brought a cursor on, a scope, or sent a set */
    unsigned idles;           /* rounds of "more" that did not */
    bool commit_now;          /* what was taken so far must not be undone by what follows */
    bool has_asked_authors;   /* the catalogue was asked for anew, since a page names nobody */
    bool has_offered_names;   /* this answer does not know a device of ours: what enrolled it goes
                               * with the next request */
    bool has_news;            /* this answer brought what a power cut must not undo */
    uint64_t hears; /* own counter when its request was made; 0: it turns out to be of another book
                     * than is known, or the counters are others since */
    bool has_heard; /* it is of the book that is known (identity.heard) */
    bool wants_again;         /* a set is wanted again, or a bucket is read anew */
    bool has_missing;         /* since a page refers to what is lost here */
    unsigned rereads, agains; /* so that none goes on for ever */
    uint64_t staged_bytes;
    uint64_t kept_sent, kept_received; /* changes reported of what is not undone any more */
    uint64_t foreign_bytes; /* of an answer that is not ours to read */
    apply_report applied;
    st_bucket left; /* of which nothing more is read in this answer (apply_leaves) */

    /* enrolment */
    uint8_t code[16], log_key[32];
    char label[321], url[256];
    bool has_answer;
    bool takes_older_key; /* the office said that the log goes on under an older key */

    snapshot_fetch fetch;
    bool is_fetching; /* the present request is for a snapshot */

    exchange_missing *missing; /* in lasting */
    size_t missing_count, missing_capacity;
    repair *repairs; /* in lasting, one for each bucket whose sum was wrong */
    size_t repairs_count, repairs_capacity;
    bool repairs_go_on;  /* a repair has more to ask */
    st_bucket *repaired; /* in lasting, named once each */
    size_t repaired_count, repaired_capacity;
    st_arena lasting; /* of the whole sync */
    evidence_lane evidence;
    attach_lane lane; /* files, after the data */
    sotay_report report;
};

/* What is left of the budget, UINT64_MAX without one; and of it, what `most` bytes may take. */
uint64_t limit_left(const sotay_sync *sync);
size_t limit_bytes(const sotay_sync *sync, size_t most);
/* How much the line may carry at once, by how often it broke. Inside a transaction. */
ST_MUST_USE st_err limit_begin(sotay_sync *sync, st_error *error);
/* Of `most` bytes of sets, what this request may carry; and how large a set is sealed. */
size_t limit_sets(const sotay_sync *sync, size_t most);
void limit_seal(sotay_sync *sync);
/* The round came through. */
void limit_grow(sotay_sync *sync);
/* Ends the sync in order when the budget has no room for another round. */
void limit_end(sotay_sync *sync, bool *again);
/* The code for a status without a refusal in the body, and for a refusal; sync->why says more. */
ST_MUST_USE st_err limit_status(sotay_sync *sync, int status, st_error *error);
ST_MUST_USE st_err limit_refusal(sotay_sync *sync, st_error *error);

/* A line for a device that is suspended or revoked; nothing for others. */
ST_MUST_USE st_err report_standing(const sotay_client *client, st_buffer *out, st_error *error);
/* A line for each: two logs were seen, a key of the log that is not the next one, another book, a
 * repair. */
ST_MUST_USE st_err report_alarms(const sotay_client *client, st_buffer *out, st_error *error);
/* A line when the office takes no more bytes of files from this device, and some wait. */
ST_MUST_USE st_err report_full(const sotay_client *client, uint64_t waiting, st_buffer *out,
                               st_error *error);

/* Makes the request of this round in sync->body. ST_PENDING: called again, it goes on. */
ST_MUST_USE st_err ask_make(sotay_sync *sync, st_error *error);
/* Its parts, for requests of other kinds: the head for sync->stream, and what is signed of it; head
 * and stream as the body (ST_PENDING: called again, it goes on). */
ST_MUST_USE st_err ask_head(sotay_sync *sync, const char *method, const char *path,
                            st_error *error);
ST_MUST_USE st_err ask_sign(sotay_sync *sync, st_error *error);
/* The same for an enrolment (enrol.c). */
ST_MUST_USE st_err enrol_make(sotay_sync *sync, st_error *error);

/* Keeps the exchange that just came to its end, for the next request to tell. */
void take_exchange(sotay_sync *sync, int64_t server_ms);
/* Reads and signs the receipts that are owed. ST_PENDING: called again, it goes on. */
ST_MUST_USE st_err purge_prepare(sotay_sync *sync, st_error *error);
/* A copy makes keys of its own, once, and lets them and the old one sign each other. ST_PENDING:
 * called again, it goes on. */
ST_MUST_USE st_err heir_prepare(sotay_sync *sync, st_error *error);
/* Is this store a copy that asks for them in this request? sync->heir is signed. */
bool heir_asks(const sotay_sync *sync);
/* What the server says to it. Once the office has confirmed, the store is the new device, as after
 * an enrolment, and this sync is over. Inside the open write transaction. */
ST_MUST_USE st_err heir_take(sotay_sync *sync, const st_heir_answer *answer, st_error *error);
/* A line for a copy: what to wait for, or to do; nothing for others. */
ST_MUST_USE st_err heir_report(const sotay_client *client, st_buffer *out, st_error *error);
/* Keys for an enrolment or for a copy, made and put into the offer. Inside the open write
 * transaction; the rest of the offer is the caller's. */
ST_MUST_USE st_err enrol_keys(sotay_client *client, identity_offer *offer, st_error *error);
/* The server has noted so many of them for good. Inside the open write transaction. */
ST_MUST_USE st_err purge_noted(sotay_sync *sync, uint32_t count, st_error *error);
/* More are owed, and the server takes them. */
bool purge_goes_on(const sotay_sync *sync);
/* A page refers to what is lost here: it is undone, and so is all of the answer that is not durable
 * yet; what is lost is asked for in the next round. Pages of other buckets are read on where each
 * is durable by itself (asked_whole). *error on entry: why the page was not taken, which
 * stays when the bucket was read from its beginning in this sync already. ST_E_CORRUPT then. */
ST_MUST_USE st_err missing_take(sotay_sync *sync, const st_bucket *bucket, st_error *error);
/* NULL: it was not sent in this round. */
exchange_sent *exchange_find_sent(const sotay_sync *sync, const st_id *device, uint64_t first);
/* What of this answer is not durable yet is undone, and its changes are not counted. */
void exchange_undo(sotay_sync *sync);
/* Is the frame passed over? */
bool missing_passes(const sotay_sync *sync, const st_frame *frame);
/* A new answer begins: nothing is set aside. */
void missing_begin(sotay_sync *sync);

/* Takes one decoded frame, inside the open write transaction. */
ST_MUST_USE st_err take_frame(sotay_sync *sync, const st_frame *frame, st_error *error);
/* A page showed that another store writes under a name of ours: what was recorded here goes on
 * under another one, as after a verdict `fork`. Inside the open write transaction. */
ST_MUST_USE st_err take_twin(sotay_sync *sync, st_error *error);
/* A store whose place shows that it is a copy signs nothing new under the old name: what is not in
 * a set yet goes on under one of its own, until it is enrolled again. ST_PENDING: called again, it
 * goes on. */
ST_MUST_USE st_err take_copied(sotay_client *client, st_error *error);
/* Takes the answer to an enrolment, inside the open write transaction. */
ST_MUST_USE st_err enrol_take(sotay_sync *sync, const st_enrol_answer *answer, st_error *error);

#endif
