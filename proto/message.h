/* proto/message.h - the frames of one sync and of enrolment as checked structs, the signed head of
 * a request, and the collapsed sum. Source: docs/protocol.md 5, 6. */
#ifndef SOTAY_PROTO_MESSAGE_H
#define SOTAY_PROTO_MESSAGE_H

#include "proto/change.h"
#include "proto/clock.h"
#include "proto/epoch.h"
#include "proto/log_key.h"
#include "proto/repair.h"
#include "proto/tree.h"
#include "proto/snapshot.h"

/* ---- the signed head of every request body, then the zstd stream ---- */
#define ST_HEAD_BYTES 97
#define ST_BASE_CHECK_BYTES 4
#define ST_HEAD_BYTES_MAX (ST_HEAD_BYTES + 4)
typedef struct {
    st_id device;
    uint8_t install[8];
    uint64_t counter;
    uint8_t signature[ST_SIGNATURE_BYTES];
    bool has_base;             /* the stream leans on the device's last set: */
    uint8_t base[ST_BASE_CHECK_BYTES];
    uint32_t skip;             /* without a base: so many bytes of the stream are not in the body,
                                * since the server has kept them; 0: all are */
} st_head;
/* version 1 byte (1; with a base 2; with skip 3), device 16, install 8, counter 8 big-endian,
 * signature 64, with a base its check 4, with skip that 4. out holds ST_HEAD_BYTES_MAX; returns how
 * many bytes there are. */
size_t st_head_encode(const st_head *head, uint8_t *out);
/* How many bytes the head has. */
size_t st_head_bytes(const st_head *head);
ST_MUST_USE st_err st_head_decode(const uint8_t *bytes, size_t len, st_head *out_head,
                                  st_error *error);
/* The text that is signed: "sotay-req/v1" LF method LF path LF, then body hash 32, log id 16,
 * device 16, install 8, counter 8. Appends to out. body = what follows the head. */
ST_MUST_USE st_err st_head_sign_text(const st_head *head, const char *method, const char *path,
                                     const st_hash *body, const st_id *log, st_buffer *out);

/* SyncEnd.dictionary: the server takes streams that lean on the device's last set. */
#define ST_DICTIONARY_LAST_SET 1u
#define ST_BASE_BYTES_MAX 8192u
/* What such a stream leans on: the first ST_BASE_BYTES_MAX bytes of the set, then its hash. out is
 * replaced; out_check is what the head says of it. ST_E_MEMORY. */
ST_MUST_USE st_err st_head_base(const void *set, size_t len, const st_hash *hash, st_buffer *out,
                                uint8_t out_check[ST_BASE_CHECK_BYTES]);

/* ---- frames ---- */
/* A request counter, or one that a refusal names, is at most this far ahead of the highest known:
 * more than a device can make, and too little to use all of them up. */
#define ST_COUNTER_AHEAD_MAX (UINT64_C(1) << 32)
#define ST_COSIGNED_BYTES (8u + ST_SIGNATURE_BYTES) /* time in s, signature */
#define ST_SHORT_ROOT_BYTES 3u
#define ST_SHORT_TIME_LESS  4u /* so many leading bytes of the time are 0 and left out beside it */
typedef struct { st_bucket bucket; uint64_t cursor; st_sum sum; } st_bucket_ask;
typedef struct { uint64_t from, to; } st_gone;

/* What a device could read of a bucket that it lost is gone from it. */
typedef struct {
    st_bucket bucket;
    uint64_t rev;              /* of the scope without it */
    int64_t wall_ms;
    uint64_t records, kept;    /* records that were readable; own sets that stay, sealed */
    uint8_t signature[ST_SIGNATURE_BYTES];
} st_purge;
#define ST_PURGES_MAX 16u      /* of one request */
#define ST_PURGE_SIGN_BYTES_MAX (15u + 16u + 16u + 32u + 1u + ST_BUCKET_BYTES_MAX)
/* What the device signs; the length of the text. */
size_t st_purge_sign_text(const st_id *log, const st_id *device, const st_purge *purge,
                          uint8_t out[ST_PURGE_SIGN_BYTES_MAX]);

typedef enum {
    ST_ENTRY_NONE, ST_ENTRY_CHANGE, ST_ENTRY_INIT, ST_ENTRY_VERDICT, ST_ENTRY_ENROL,
    ST_ENTRY_REVOKE, ST_ENTRY_SUSPEND, ST_ENTRY_LOGIN, ST_ENTRY_USER, ST_ENTRY_ROLE,
    ST_ENTRY_ASSIGN, ST_ENTRY_EXPORT, ST_ENTRY_STATE, ST_ENTRY_RESOLVE, ST_ENTRY_JOIN,
    ST_ENTRY_HOLD, ST_ENTRY_ACCEPT, ST_ENTRY_DECLINE, ST_ENTRY_ERASE, ST_ENTRY_GAP,
    ST_ENTRY_FORK, ST_ENTRY_EPOCH, ST_ENTRY_FENCE, ST_ENTRY_BACKUP, ST_ENTRY_RESTORE,
    ST_ENTRY_KEY, ST_ENTRY_ADDRESS, ST_ENTRY_ATTACHMENT, ST_ENTRY_NOTE, ST_ENTRY_COUNT
} st_entry_kind;
/* "change", "init", ... the word in the leaf; "unknown" otherwise. */
const char *st_entry_kind_name(st_entry_kind kind);
bool st_entry_kind_parse(const char *name, st_entry_kind *out_kind);

/* What the office had decided on a held change, in a part of the log that a restore lost. */
typedef struct {
    st_dot dot;
    st_id record;
    st_entry_kind kind;        /* ACCEPT or DECLINE; of a newer program: another */
    int64_t time_ms;           /* of the decision; 0: not known */
    const char *reason;        /* of a decline; NULL: none */
    bool has_set;              /* else not known any more: */
    st_hash set;               /* set_hash of the set that the change came in */
} st_decided;
#define ST_DECIDED_MAX 32u     /* of one request */

/* A set that lies sealed on the asking device as it was, and of which a value was erased since. */
typedef struct {
    st_id device;
    uint64_t first;
    st_hash set;
} st_renew;
#define ST_RENEWS_MAX 64u      /* of one request */
#define ST_RENEW_BYTES 56u

/* A checkpoint and why the asker may believe it. */
typedef struct {
    st_tree_head head;
    uint8_t signature[ST_SIGNATURE_BYTES];
    uint64_t epoch;            /* at the end of its origin */
    const uint8_t *proof;      /* that the asker's checkpoint is its beginning: 32 bytes each */
    uint32_t proof_count;
} st_tree_news;

typedef struct {
    uint32_t version;
    bool has_epoch;
    uint8_t epoch[8];
    uint64_t position, scope_rev;
    uint64_t reach; /* so many entries the log was said to have; 0: no more than `position` */
    bool is_collapsed;
    uint8_t collapsed[8];
    const st_bucket_ask *buckets;
    uint32_t buckets_count;
    uint64_t kept_from;
    int64_t wall_ms;
    uint64_t answer_bytes_max;
    const st_gone *gone;
    uint32_t gone_count;
    uint64_t seen_size;
    st_hash seen_root;
    bool has_short_root;       /* of it only the first ST_SHORT_ROOT_BYTES; the rest is zero */
    uint64_t epochs;           /* how many it knows; 0: the first, or all are to be told again */
    bool has_epochs_mark;      /* of their rows, from the first on: */
    uint8_t epochs_mark[ST_EPOCHS_MARK_BYTES];
    uint64_t address;          /* number of the newest notice it has; 0: none */
    uint64_t log_keys;         /* number of the newest key of the log it has; 0: the first */
    bool has_log_key_mark;     /* of that key: */
    uint8_t log_key_mark[ST_LOG_KEY_MARK_BYTES];
    bool snapshots;            /* takes a snapshot in place of pages from cursor 0 */
    bool has_clock;            /* an exchange in this run of its machine: */
    st_clock clock;
    bool repairs;              /* looks into a wrong sum record by record */
    bool checkpoints;          /* takes the newest checkpoint */
    bool has_cosigned;         /* of the checkpoint of seen_size: */
    uint8_t cosigned[ST_COSIGNED_BYTES];
    bool carries;              /* takes receipts for what it brought of others */
    const st_purge *purges;
    uint32_t purges_count;
    const st_renew *renews;
    uint32_t renews_count;
    const st_epoch *seen;      /* epochs that it was told of, ascending by n; two may have one */
    uint32_t seen_count;
    bool has_held;             /* what the key of the log signed in this epoch, and it forsook: */
    st_tree_news held;         /* without a proof */
    const st_decided *decided; /* decisions of the office that it had read and the log lost */
    uint32_t decided_count;
} st_ask;

typedef enum {
    ST_VERDICT_UNKNOWN, ST_VERDICT_STORED, ST_VERDICT_DUPLICATE, ST_VERDICT_HELD, ST_VERDICT_LATER
} st_verdict_kind;
typedef struct { uint64_t counter; st_hold reason; } st_held;

typedef struct {
    bool has_device;           /* else: the asking device */
    st_id device;
    uint64_t first;
    st_verdict_kind kind;
    uint64_t position;
    const st_held *held;
    uint32_t held_count;
    uint32_t later_s;
    const uint64_t *declined;  /* counters, ascending; DUPLICATE only */
    uint32_t declined_count;
} st_verdict;

/* What the office says of the asking device. */
typedef enum { ST_STANDING_IN_USE, ST_STANDING_SUSPENDED, ST_STANDING_REVOKED } st_standing;

typedef struct { bool has_device; st_id device; uint64_t from, to; } st_want;

typedef struct {
    uint64_t index;
    int64_t time_ms;
    st_entry_kind kind;
    const uint8_t *set;        /* NULL: a reference to a set the phone keeps, or a decision */
    size_t set_len;
    st_id device;              /* with first and last: of a reference or a decision; not sent */
    uint64_t first, last;      /*   beside a set, which says them itself: zero after decoding */
    const st_held *held;       /* changes of the set that are held; reason NONE is not allowed */
    uint32_t held_count;
    bool has_carrier;
    st_id carrier;
    const uint64_t *counters;  /* VERDICT (release), ACCEPT, DECLINE: which changes of device */
    uint32_t counters_count;
    const char *reason;        /* DECLINE: in the office's words; NULL: none */
} st_entry;

typedef struct {
    st_bucket bucket;
    uint64_t cursor;
    const st_entry *entries;
    uint32_t entries_count;
    bool last;
    st_sum sum;                /* with last */
    const st_upto *vector;     /* with last, when the page began at cursor 0 */
    uint32_t vector_count;
    uint32_t fold_version;
    bool reset;
} st_page;

typedef struct {
    uint64_t rev;
    const st_bucket *buckets;
    uint32_t buckets_count;
    const st_role *roles;
    uint32_t roles_count;
} st_scope;

typedef struct {
    uint32_t version;
    bool has_epoch;
    uint8_t epoch[8];
    int64_t server_ms;
    uint64_t position;
    bool more;
    uint64_t backed_up_to;
    uint32_t dictionary;
    uint32_t purges;           /* so many of the asked ones are noted */
    uint32_t decided;          /* the same of decisions */
    bool short_roots;          /* takes them */
    st_standing standing;
    bool has_tree;             /* the newest checkpoint: */
    st_tree_news tree;
} st_end;

typedef struct {
    uint32_t version;
    uint8_t code[16], sign_key[32], cosign_key[32], install[8];
    char label[321];           /* at most 80 characters */
    uint8_t proof[ST_SIGNATURE_BYTES];
    bool log_keys;             /* can follow a log whose key was changed */
    bool has_log;              /* the store belongs to one already: */
    st_id log;
    bool has_person;           /* and to somebody: */
    st_id person;
} st_enrol_ask;

/* Changes of the log's key, ascending by n; the signatures are the reader's to check. */
typedef struct {
    bool has_first;            /* told from the first one on: */
    uint8_t first[32];
    const st_log_key *rows;
    uint32_t count;
} st_log_keys_told;

typedef struct {
    uint32_t version;
    uint8_t log_key[32], seal_key[32], recovery_key[32];
    st_id person;
    st_code login, commune;
    uint8_t epoch[8];
    char letters[9];
    st_scope scope;
    int64_t server_ms;
    char fingerprint[81];
    st_id server_device;
    uint8_t server_key[32];
    const uint8_t *enrolment;  /* ChangeSet that enrolled the device; NULL: of an older server */
    size_t enrolment_len;
    st_log_keys_told log_keys; /* without a first key: log_key is that */
    const st_epoch *epochs;    /* all but the first, ascending by n */
    uint32_t epochs_count;
} st_enrol_answer;

/* A copy of a store asks to go on under a key of its own (proto/heir.h). */
typedef struct {
    uint32_t version;
    uint8_t sign_key[32], cosign_key[32];
    uint8_t proof[ST_SIGNATURE_BYTES], signature[ST_SIGNATURE_BYTES];
} st_heir_ask;
typedef enum {
    ST_HEIR_NONE, ST_HEIR_WAITS, ST_HEIR_DECLINED, ST_HEIR_FULL, ST_HEIR_ENROLLED
} st_heir_state;
#define ST_HEIR_REASON_CHARS 160u
typedef struct {
    uint32_t version;
    st_heir_state state;
    char reason[ST_HEIR_REASON_CHARS * 4 + 1];
    st_enrol_answer enrolled;  /* with ST_HEIR_ENROLLED */
} st_heir_answer;

/* Of a record: as its owner holds it, or what the log says of it. */
typedef struct { st_id record; const uint8_t *state; size_t state_len; } st_repair_evidence;
typedef struct { st_id record; const st_entry *entries; uint32_t entries_count; } st_repair_record;

typedef struct {
    st_bucket bucket;
    uint64_t cursor;
    st_sum sum;
    const st_range *ranges;
    uint32_t ranges_count;
    const st_id *records;      /* their entries, sets as references */
    uint32_t records_count;
    const st_id *whole;        /* their entries with all bytes */
    uint32_t whole_count;
    bool has_vector;
    uint8_t vector[8];
    const st_repair_evidence *evidence;
    uint32_t evidence_count;
} st_repair_ask;

typedef struct {
    st_bucket bucket;
    uint64_t cursor;
    st_sum sum;
    const st_repair_range *ranges;
    uint32_t ranges_count;
    const st_repair_record *records;
    uint32_t records_count;
    const uint8_t *vector;     /* VectorState; NULL: as the asker's, or not asked */
    size_t vector_len;
} st_repair_answer;

/* A frame of a piece of a snapshot. */
typedef struct { const uint8_t *bytes; size_t len; } st_snapshot_record;
typedef struct {
    const st_snapshot_record *records; /* RecordState each */
    uint32_t records_count;
    const st_entry *held;      /* with their sets */
    uint32_t held_count;
    const uint8_t *vector;     /* VectorState; NULL: in another part */
    size_t vector_len;
} st_snapshot_part;
/* Appends. ST_E_TOO_LARGE over ST_FRAME_BYTES_MAX, ST_E_MEMORY. */
ST_MUST_USE st_err st_snapshot_part_encode(const st_snapshot_part *part, st_buffer *out,
                                           st_error *error);
/* Decodes into the arena; bytes must outlive the part. ST_E_CORRUPT, ST_E_TOO_LARGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_snapshot_part_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                           st_snapshot_part *out_part, st_error *error);

typedef struct { const uint8_t *bytes; size_t len; } st_chunk;

/* Pieces of the attachments of one record, by their hashes. */
typedef struct {
    st_id record;
    const st_hash *hashes;
    uint32_t hashes_count;
    const st_chunk *chunks;    /* with a PUT: of these, in any order */
    uint32_t chunks_count;
    uint32_t skip;             /* to fetch: bytes of the first hash that are here already */
    uint32_t most;             /* to fetch: so many bytes of pieces are enough */
} st_have_ask;

/* What a server has of the stream of a request with pieces whose line broke. Nobody has signed it:
 * it counts only as the beginning of a stream whose signature is right. */
#define ST_KEPT_CHECK_BYTES 8u
typedef struct {
    uint32_t bytes;            /* its first so many; 0: it has none */
    uint32_t of;               /* of this length */
    uint8_t check[ST_KEPT_CHECK_BYTES]; /* the first bytes of the SHA-256 of those */
} st_kept;

typedef struct {
    st_id record;
    const st_hash *missing;    /* of those asked: named by the record, and not here */
    uint32_t missing_count;
    const st_hash *unknown;    /* not named by a record that the asker may read */
    uint32_t unknown_count;
    bool full;                 /* pieces were not taken: the device has as much here as it may */
    st_kept kept;              /* in the first answer of all */
    uint64_t entries;          /* of the log, read once the pieces were on disk: a backup of more
                                * entries began later and has them; 0: not all is here */
} st_have_answer;

/* Bytes [from, from + len) of a piece of `size` bytes. */
typedef struct {
    st_hash hash;
    uint32_t size, from;
    const uint8_t *bytes;
    uint32_t len;              /* 1..ST_PIECE_PART_BYTES_MAX */
} st_piece_bytes;

#define ST_BUSY_CLOCK 1u /* why: the server waits until its clock is right */
typedef struct {
    st_err code;
    uint64_t counter;
    char detail[201];
    uint32_t later_s;
    uint32_t why;              /* of ST_E_BUSY: ST_BUSY_CLOCK; any other says nothing */
} st_refusal;

/* One thing on its way, sealed to the server (proto/carry.h). */
typedef enum { ST_PARCEL_NONE, ST_PARCEL_SET, ST_PARCEL_PIECE } st_parcel_kind;
typedef struct {
    st_parcel_kind kind;       /* another number: of a newer program; it is carried all the same */
    st_id owner;               /* device of the set; record of the piece */
    uint64_t first;            /* of the set; 0 of a piece */
    st_hash name;              /* set_hash; SHA-256 of the piece */
    const uint8_t *sealed;
    size_t sealed_len;
} st_parcel;

/* What became of a set, in the server's words. Its signature is the reader's to check. */
typedef struct {
    st_id device;
    uint64_t first, last;
    st_hash hash;              /* set_hash */
    st_verdict_kind kind;
    uint64_t position;         /* > 0 */
    const st_held *held;
    uint32_t held_count;
    uint8_t epoch[8];
    const uint8_t *body;       /* the bytes that are signed */
    size_t body_len;
    uint8_t signature[ST_SIGNATURE_BYTES];
} st_receipt;

/* A set as somebody names it who has it. */
typedef struct { st_id device; uint64_t first; uint8_t start[8]; } st_carry_known;
typedef struct {
    uint32_t version;          /* > 0: a hello, with log, device and key */
    st_id log, device;
    uint8_t key[32];
    bool has_signature;
    uint8_t signature[ST_SIGNATURE_BYTES];
    const st_bucket *buckets;
    uint32_t buckets_count;
    const st_carry_known *known;
    uint32_t known_count;
    uint32_t known_sealed;     /* so many, the last of them, are had sealed only */
    bool end, more, taken;
} st_carry;

typedef struct { st_id record; st_hash hash; } st_piece_taken;

typedef enum {
    ST_FRAME_NONE, ST_FRAME_ASK, ST_FRAME_SET, ST_FRAME_VERDICT, ST_FRAME_WANT, ST_FRAME_SCOPE,
    ST_FRAME_PAGE, ST_FRAME_END, ST_FRAME_ENROL_ASK, ST_FRAME_ENROL_ANSWER, ST_FRAME_REFUSAL,
    ST_FRAME_SNAPSHOT, ST_FRAME_REPAIR_ASK, ST_FRAME_REPAIR_ANSWER, ST_FRAME_ADDRESS,
    ST_FRAME_EPOCHS, ST_FRAME_HAVE_ASK, ST_FRAME_HAVE_ANSWER, ST_FRAME_PARCEL = 21,
    ST_FRAME_RECEIPT, ST_FRAME_CARRY, ST_FRAME_PIECE_TAKEN, ST_FRAME_PIECE_BYTES,
    ST_FRAME_HEIR_ASK, ST_FRAME_HEIR_ANSWER, ST_FRAME_LOG_KEYS = 30
} st_frame_kind;               /* the numbers of Frame in sotay.proto */

typedef struct {
    st_frame_kind kind;        /* NONE: a kind this version does not know; skip it */
    union {
        st_ask ask;
        struct { const uint8_t *bytes; size_t len; } set;   /* not decoded */
        st_verdict verdict;
        st_want want;
        st_scope scope;
        st_page page;
        st_end end;
        st_enrol_ask enrol_ask;
        st_enrol_answer enrol_answer;
        st_heir_ask heir_ask;
        st_heir_answer heir_answer;
        st_refusal refusal;
        st_snapshot snapshot;
        st_repair_ask repair_ask;
        st_repair_answer repair_answer;
        st_address address;
        struct { const st_epoch *rows; uint32_t count; } epochs;
        st_log_keys_told log_keys;
        st_have_ask have_ask;
        st_have_answer have_answer;
        st_parcel parcel;
        st_receipt receipt;    /* its signature is the reader's to check */
        st_carry carry;
        st_piece_taken piece_taken;
        st_piece_bytes piece_bytes;
    } as;
} st_frame;

/* Encodes one frame (without its length). Appends. ST_E_TOO_LARGE over ST_FRAME_BYTES_MAX,
 * ST_E_MEMORY, ST_E_USAGE: a kind that is not sent. */
ST_MUST_USE st_err st_frame_encode(const st_frame *frame, st_buffer *out, st_error *error);
/* Decodes into the arena; bytes must outlive the frame. ST_E_CORRUPT, ST_E_TOO_LARGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_frame_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                   st_frame *out_frame, st_error *error);

/* The collapsed case of a request: first 8 bytes of SHA-256 over, for each bucket in ascending
 * order of name: length byte, name, sum. All of them stand at the position of the request. */
typedef struct { st_bucket bucket; st_sum sum; } st_bucket_sum;
void st_sync_collapse(const st_bucket_sum *buckets, size_t count, uint8_t out[8]);

/* The text a new device signs: "sotay-enrol/v1" NUL, code 16, log key 32, sign key 32, cosign
 * key 32. */
#define ST_ENROL_SIGN_BYTES 127
void st_enrol_sign_text(const st_enrol_ask *ask, const uint8_t log_key[32],
                        uint8_t out[ST_ENROL_SIGN_BYTES]);

/* Enrolment code in a link: base64url of code 16 and log key 32; text holds 65 bytes. */
#define ST_ENROL_CODE_TEXT 65
void st_enrol_code_format(const uint8_t code[16], const uint8_t log_key[32], char *text);
bool st_enrol_code_parse(const char *text, uint8_t out_code[16], uint8_t out_log_key[32]);
/* Four groups of four digits from SHA-256(sign key): read out on both sides. text holds 20. */
void st_fingerprint(const uint8_t sign_key[32], char *text);
/* As somebody types it: whatever stands between the digits. out: as st_fingerprint writes it.
 * False: they are not sixteen. */
bool st_fingerprint_parse(const char *text, char out[20]);
/* What stands on a paper about the log: a check code, which is the fingerprint of a root, or all of
 * the root. */
typedef struct {
    char digits[20];
    bool has_root;
    st_hash root;
} st_paper;
/* Takes sixteen digits, or the 64 of a root, whatever blanks stand between them. False: neither. */
bool st_paper_parse(const char *text, st_paper *out);
/* Does it speak of this root? */
bool st_paper_is(const st_paper *paper, const st_hash *root);

#endif
