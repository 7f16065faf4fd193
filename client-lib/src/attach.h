/* client-lib/src/attach.h - files of records on this phone: their pieces, sealed like all else, and
 * what became of them; and the lanes in which they are sent and fetched, after the data.
 *
 * table     key after the table's byte             value
 * CHUNK     hash of the piece                      its bytes
 * PART      hash of the piece                      its first bytes: the line broke there
 * ATTACH    record, start of the hash of hashes 16 what became of a file (attach_row) */
#ifndef SOTAY_CLIENT_ATTACH_H
#define SOTAY_CLIENT_ATTACH_H

#include "client-lib/src/client.h"
#include "proto/frame.h"
#include "proto/message.h"

/* Pieces on one device: 2 GiB of photos. */
#define ATTACH_PIECES_MAX 131072u

/* The numbers lie in the store. */
typedef enum {
    ATTACH_UNSENT,
    ATTACH_SENT,    /* the server said that all of it is on its disk */
    ATTACH_WANTED,  /* somebody wants to see it: it is fetched when there is a line */
    ATTACH_FETCHED, /* it came from the server */
    ATTACH_LEFT,    /* the office declined what named it: it stays here, and is sent no more */
    ATTACH_COVERED  /* SENT, and still there after a backup of the server had it */
} attach_kind;

/* A file that was attached here, or that is fetched. */
typedef struct {
    attach_kind kind;
    uint8_t epoch[8];  /* but for UNSENT, WANTED: of the book then; another may not know it */
    uint64_t position; /* of the book then; SENT: entries of the log when all of it was there */
    const st_hash *hashes; /* of its pieces, in their order */
    uint32_t count;
} attach_row;

/* The next file of the store. ST_E_NOT_FOUND at the end. The row lives in the arena. */
ST_MUST_USE st_err attach_next(book_db *book, book_scan *scan, st_arena *arena, attach_row *out_row,
                               st_error *error);
ST_MUST_USE st_err attach_put(book_db *book, const book_key *key, const attach_row *row,
                              st_error *error);
/* The key of a file's row: the record, and what the file is. */
book_key attach_key(const st_id *record, const st_hash *hashes, size_t count);
/* The key of a piece in CHUNK or PART. */
book_key attach_piece_key(book_table table, const st_hash *hash);
/* The record of a file's row, by the name that it has now: another one since its making was
 * replayed under a new device. Inside a transaction. ST_E_STORAGE, ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err attach_record(sotay_client *client, const book_key *key, st_id *out_record,
                                 st_error *error);
/* Does the file still have to be sent? */
bool attach_waits(const sotay_client *client, const attach_row *row);
/* Should a backup have the file, and was the server not asked since whether it still does? Pieces
 * lie in no log: of a store that was put back without a word nothing else tells that they are gone
 * (docs/protocol.md 7.11). The word of the backup came with a checkpoint of as many entries: one
 * that is put back to before the pieces after that is found out by its log. */
bool attach_is_doubted(const sotay_client *client, const attach_row *row);
/* The files that were fetched, or wanted, of records that are not shown here any more go. Inside
 * the caller's write transaction. */
ST_MUST_USE st_err attach_forget(sotay_client *client, st_error *error);

/* Does the record as the book has it name the file of the row, or work that waits here, or may it
 * once a change that is held is let in? Also a dropped one, and where the form of the record is not
 * known here. Inside a transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err attach_is_named(sotay_client *client, const st_id *record, const book_key *key,
                                   bool *out_named, st_error *error);

/* May others carry the file of the row? Not when only a change names it that stays here since it is
 * in no set, and the record may get another name with it (replay.h): they would have it under one
 * that nobody else ever says. Inside a transaction. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err attach_is_given(sotay_client *client, const st_id *record, const book_key *key,
                                   bool *out_is, st_error *error);

/* Was what named the file of the row declined? So it is where an own set that was answered is here
 * and names it, and the office declined something of its record; for who has asked whether anything
 * names it now. A file whose set is lost was not declined. Inside a transaction. ST_E_STORAGE,
 * ST_E_MEMORY, ST_E_CORRUPT. */
ST_MUST_USE st_err attach_is_declined(sotay_client *client, const st_id *record,
                                      const book_key *key, bool *out_is, st_error *error);

/* The files of these rows go, sent or not, but for pieces that other files consist of: the law
 * wants them destroyed. Inside the caller's write transaction. */
ST_MUST_USE st_err attach_erase(sotay_client *client, const book_key *keys, size_t count,
                                st_error *error);

typedef struct {
    uint64_t waiting;   /* files not all with the server */
    uint64_t uncovered; /* sent ones that no backup is known to have, or not asked about since */
    uint64_t wanted;    /* not all here yet */
    uint64_t left;      /* that the office declined: nobody else has them */
} attach_counts;
/* Inside a transaction. */
ST_MUST_USE st_err attach_count(sotay_client *client, attach_counts *out_counts, st_error *error);

/* ---- the lane ---- */

#define ATTACH_FILES 4u /* sent at the same time */

typedef enum { ATTACH_IDLE, ATTACH_HAVE, ATTACH_PUT, ATTACH_FETCH } attach_phase;

typedef struct {
    book_key key;
    st_id record;
    const st_hash *hashes;
    bool *missing;      /* one for each hash: the server has said that it is not there */
    uint32_t count, at; /* at: those before it are looked at in this request */
    unsigned tries;     /* requests after which a piece of it was still missing */
    bool is_given_up;   /* until the next sync */
    attach_kind kind;   /* FETCHED, LEFT: of an epoch that is gone; the server may have lost it */
    bool is_doubted;    /* sent, and asked about once more: nothing of it was found missing yet */
    uint64_t position;  /* of its row */
} attach_file;

/* The file that is fetched. */
typedef struct {
    book_scan scan;
    st_arena arena;         /* of the lists below */
    book_key key;
    st_id record;
    const st_hash *hashes;  /* of its pieces */
    uint32_t count;
    st_hash *lacks;         /* of these, what is not here: each once, in order */
    uint32_t lacks_count;
    st_hash piece;          /* the one that is coming */
    st_buffer bytes;        /* of it, as far as they are here */
    bool has_new;           /* of these, since they were kept last */
    bool has_moved;         /* this answer brought something */
    bool is_answered;       /* its last frame came */
    unsigned wrongs;        /* pieces that had not their hash */
} attach_fetch;

typedef struct {
    attach_phase phase;
    bool is_full; /* the server left pieces out: it has as much of this device as it may */
    st_kept kept; /* the beginning of a request whose line broke, as the server has it */
    bool may_resume; /* a request with pieces came through since one broke */
    bool resumes;    /* this question is about the one that broke */
    attach_fetch fetch;
    book_scan scan;
    st_arena arena; /* of the files being sent */
    attach_file files[ATTACH_FILES];
    size_t count;
    size_t answered;                         /* frames of the answer taken so far */
    size_t asked[ATTACH_FILES], asked_count; /* which files the request is about, in its order */
    size_t bytes_wanted; /* of pieces in one request: as many as the line carries in a moment */
    size_t bytes_sent; /* of pieces in this request; fetched ones: that came */
    uint64_t mono_ms; /* when the request was made */
} attach_lane;

struct sotay_sync;
void attach_lane_init(attach_lane *lane);
void attach_lane_free(attach_lane *lane);
/* After the data: is there a file to send? Then *out_again, and the next rounds are the lane's. */
ST_MUST_USE st_err attach_begin(struct sotay_sync *sync, bool *out_again, st_error *error);
/* Makes the request of this round in sync->body. ST_PENDING: called again, it goes on. */
ST_MUST_USE st_err attach_make(struct sotay_sync *sync, st_error *error);
/* Takes one frame of the answer, inside the open write transaction. */
ST_MUST_USE st_err attach_take(struct sotay_sync *sync, const st_have_answer *answer,
                               st_error *error);
/* The answer is whole: what is next? */
ST_MUST_USE st_err attach_end(struct sotay_sync *sync, bool *out_again, st_error *error);
/* Files wait for words that were written meanwhile: the lane begins anew behind them, and asks what
 * the server has. What the server said of room for files stays. */
void attach_pause(struct sotay_sync *sync);
/* The line broke in a request with pieces: does this sync go on with it? It asks first what the
 * server has of it. */
bool attach_resume(struct sotay_sync *sync);
/* The server does not know the lane: the files wait for one that does. */
ST_MUST_USE st_err attach_give_up(struct sotay_sync *sync, bool *out_again, st_error *error);
/* Where the request of this phase goes. */
const char *attach_path(const attach_lane *lane);
/* Fetching: the first file that is wanted; none: the phase stays. */
ST_MUST_USE st_err fetch_next(struct sotay_sync *sync, st_error *error);
/* Writes what is asked of it. */
ST_MUST_USE st_err fetch_ask(struct sotay_sync *sync, st_frame_writer *writer, st_error *error);
/* Takes a frame of the answer, inside the open write transaction. */
ST_MUST_USE st_err fetch_take_bytes(struct sotay_sync *sync, const st_piece_bytes *part,
                                    st_error *error);
ST_MUST_USE st_err fetch_take_answer(struct sotay_sync *sync, const st_have_answer *answer,
                                     st_error *error);
/* Keeps what came of a piece, if anything did; begins a write transaction where none is open. */
ST_MUST_USE st_err fetch_keep(struct sotay_sync *sync, st_error *error);
/* The answer is whole: the same file once more, or another. */
ST_MUST_USE st_err fetch_end(struct sotay_sync *sync, st_error *error);
/* Counts what waits into the report. */
ST_MUST_USE st_err attach_report(struct sotay_sync *sync, st_error *error);

#endif
