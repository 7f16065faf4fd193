/* client-lib/src/book.h - the phone's tables over the port's ordered keys, every value sealed with
 * the store key (XChaCha20-Poly1305, bound to its key). Keys hold ids and names only.
 *
 * table     key after the table's byte             value
 * META      name                                   the vault's header; the only plain values
 * SELF      -                                      identity (identity.h)
 * SCOPE     -                                      revision, buckets, roles
 * BUCKET    bucket                                 cursor, sum, `here`
 * VECTOR    bucket                                 VectorState of the base
 * BASE      record                                 RecordState: what the log says at the cursor
 * CHANGE    counter be64                           a change not yet sealed: one-change ChangeSet
 * SET       device, first be64                     a kept change-set, verbatim
 * OWN       device, first be64                     what became of an own set (outbox.h)
 * OVER      record, device, counter be64           where an own change is that the base has not
 * HIST      record, log index be64, counter be64   where a change is, and its verdict
 * ROW       record                                 summary row of the current view
 * FOLD      record                                 its folded search text
 * DRAFT     record                                 working copy
 * FORM      name, 0, version be32                  form definition, from the catalogue
 * ALIAS     record                                 its id after its making was replayed
 * SNAPSHOT  kind, bucket                           a snapshot that is being fetched (snapshot.h)
 * NAME      kind, 0, code                          label of a catalogue entry (catalogue.h)
 * EPOCH     n be64, start of the key               the server's device in it: its key, then the row
 * LOG_KEY   n be64                                 a key of the log: the first, and each change
 * FORSAKEN  n be64                                 a checkpoint that an epoch gave up (forsaken.h)
 * CARRY     order, device, first be64              a kept set of another device, to be offered
 * EVIDENCE  record, n be32                         a RecordState set aside (evidence.h)
 * TAKEN     device, first be64                     a set that came by hand (carried.h)
 * PARCEL    kind, owner, first be64, name 8        what is carried sealed to the server
 * RECEIPT   position be64, device, first be64      what the server said of a set of another device
 * PURGE     bucket                                 a receipt that is owed (purge.h)
 * CLOSED    device, first be64                     a set of a lost bucket, sealed (closed.h)
 * RENEW     device, first be64                     hash of one of these that is owed anew (renew.h)
 * CHUNK     hash                                   a piece of an attached file
 * PART      hash                                   the first bytes of a piece that is fetched
 * ATTACH    record, hash of hashes 16              what became of an attached file (attach.h)
 * PROOF     record                                 its newest receipt (receipt.c)
 *           record, epoch be64, size be64          one of a log that was put back since
 * DUE       record                                 since when its newest receipt is due (receipt.h)
 * LINE      -                                      syncs that failed, and the wait (line.h)
 * DECLINED  record                                 when the office declined (declined.h)
 * DECIDED   device, counter be64                   a decision that a new epoch lost (decided.h)
 * OFFERED   a key of PARCEL                        how often it was left (offered.h)
 * DELIVERED position be64, a key                   a row that no backup has yet (delivered.h)
 * ANEW      record, bucket                         to be made anew (anew.h) */
#ifndef SOTAY_CLIENT_BOOK_H
#define SOTAY_CLIENT_BOOK_H

#include "client-lib/src/port.h"
#include "proto/arena.h"
#include "proto/bytes.h"
#include "proto/id.h"

typedef enum {
    BOOK_META = 'm',
    BOOK_SELF = 'i',
    BOOK_SCOPE = 'S',
    BOOK_BUCKET = 'B',
    BOOK_VECTOR = 'V',
    BOOK_BASE = 'b',
    BOOK_CHANGE = 'c',
    BOOK_SET = 's',
    BOOK_OWN = 'o',
    BOOK_OVER = 'v',
    BOOK_HIST = 'h',
    BOOK_ROW = 'd',
    BOOK_FOLD = 'f',
    BOOK_DRAFT = 'w',
    BOOK_FORM = 'F',
    BOOK_NAME = 'n',
    BOOK_ALIAS = 'A',
    BOOK_CHUNK = 'k',
    BOOK_ATTACH = 'a',
    BOOK_PART = 'q',
    BOOK_LINE = 'l',
    BOOK_PROOF = 'x',
    BOOK_DUE = 'y',
    BOOK_EPOCH = 'E',
    BOOK_FORSAKEN = 'G',
    BOOK_CARRY = 'K',
    BOOK_EVIDENCE = 'e',
    BOOK_SNAPSHOT = 'p',
    BOOK_TAKEN = 't',
    BOOK_PARCEL = 'P',
    BOOK_RECEIPT = 'r',
    BOOK_PURGE = 'g',
    BOOK_CLOSED = 'z',
    BOOK_LOG_KEY = 'L',
    BOOK_RENEW = 'Z',
    BOOK_DECLINED = 'D',
    BOOK_DECIDED = 'j',
    BOOK_OFFERED = 'O',
    BOOK_DELIVERED = 'U',
    BOOK_ANEW = 'N'
} book_table;

#define BOOK_KEY_BYTES_MAX 200u
typedef struct {
    uint8_t b[BOOK_KEY_BYTES_MAX];
    size_t len;
} book_key;

/* Keys are put together piece by piece; what does not fit is an error of ours (assert). */
book_key book_key_of(book_table table);
void book_key_bytes(book_key *key, const void *data, size_t len);
void book_key_u64(book_key *key, uint64_t v);
/* The usual ones. */
book_key book_key_id(book_table table, const st_id *id);
book_key book_key_text(book_table table, const char *text);
book_key book_key_counter(book_table table, const st_id *id, uint64_t counter);

typedef struct {
    const uint8_t *data;
    size_t len;
} book_value;

/* One open store. `key` is set by the vault; nothing but META is readable before. */
typedef struct {
    const sotay_port *port;
    uint8_t key[32];
    bool is_begun, is_write;
    st_err failed; /* of the open transaction: a call of the port failed, whoever passed it over */
    st_buffer scratch;
} book_db;

void book_init(book_db *book, const sotay_port *port);
/* Wipes the key, frees memory; ends an open transaction without writing. */
void book_reset(book_db *book);

ST_MUST_USE st_err book_begin(book_db *book, bool write, st_error *error);
/* ST_OK or ST_PENDING: the transaction is over. Anything else: it was aborted. What could not be
 * read is never taken for what is not there: after a failed call of the port nothing is written.
 * may_undo   a power cut may undo it until the next commit without this */
ST_MUST_USE st_err book_commit(book_db *book, bool may_undo, st_error *error);
/* Safe when none is open. */
void book_abort(book_db *book);

/* ST_E_NOT_FOUND (without *error). The value is opened into the arena. ST_E_CORRUPT: does not
 * open. */
ST_MUST_USE st_err book_get(book_db *book, const book_key *key, st_arena *arena,
                            book_value *out_value, st_error *error);
/* Does `err` say that a row does not open, and not that a call of the port failed? */
bool book_is_damage(const book_db *book, st_err err);
/* The same of what comes again when it is not there: ST_E_NOT_FOUND also where it does not open. */
ST_MUST_USE st_err book_get_whole(book_db *book, const book_key *key, st_arena *arena,
                                  book_value *out_value, st_error *error);
ST_MUST_USE st_err book_put(book_db *book, const book_key *key, const void *data, size_t len,
                            st_error *error);
ST_MUST_USE st_err book_delete(book_db *book, const book_key *key, st_error *error);
/* META only: not sealed. The value is valid until the transaction ends or writes. */
ST_MUST_USE st_err book_get_plain(book_db *book, const book_key *key, book_value *out_value,
                                  st_error *error);
ST_MUST_USE st_err book_put_plain(book_db *book, const book_key *key, const void *data, size_t len,
                                  st_error *error);
ST_MUST_USE st_err book_has(book_db *book, const book_key *key, bool *out_has, st_error *error);
/* Is it there, and does it open? */
ST_MUST_USE st_err book_opens(book_db *book, const book_key *key, bool *out_opens,
                              st_error *error);

/* Walks the keys that begin with a prefix, in order. Writing between two steps is fine. */
typedef struct {
    size_t prefix_len;
    book_key at; /* the key found last, or the prefix */
    bool is_begun;
} book_scan;
book_scan book_scan_of(const book_key *prefix);
/* The next key (scan->at). out_value may be NULL: then nothing is opened. ST_E_NOT_FOUND at the
 * end, without *error. ST_E_CORRUPT: one that is longer than any key here, and nothing is read
 * beyond it. */
ST_MUST_USE st_err book_scan_next(book_db *book, book_scan *scan, st_arena *arena,
                                  book_value *out_value, st_error *error);
/* The same of the next one whose value opens: those that do not are passed over. */
ST_MUST_USE st_err book_scan_whole(book_db *book, book_scan *scan, st_arena *arena,
                                   book_value *out_value, st_error *error);
/* The last key before `key` that begins with its first prefix_len bytes. ST_E_NOT_FOUND;
 * ST_E_CORRUPT as above. */
ST_MUST_USE st_err book_before(book_db *book, const book_key *key, size_t prefix_len,
                               book_key *out_key, st_error *error);

#endif
