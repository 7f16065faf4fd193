/* server/store/tables.h - every table: name, key, value. Keys sort as bytes; numbers in keys are
 * 8 bytes big-endian; `bucket` in a key is its text and one 0 byte. `base` tables cannot be made
 * again, `derived` ones are the fold of the log: `sotayctl rebuild` drops and refills them. */
#ifndef SOTAY_SERVER_STORE_TABLES_H
#define SOTAY_SERVER_STORE_TABLES_H

/* X(enum, name, is_derived)            key -> value */
#define STORE_TABLES(X) \
    X(STORE_META, "meta", 0)            /* name -> bytes: commune, epoch, hlc… */ \
    X(STORE_LOG, "log", 0)              /* index -> log row (server/sync/row.h) */ \
    X(STORE_LEAF, "leaf", 0)            /* index -> leaf hash 32, leaf bytes */ \
    X(STORE_CODES, "codes", 0)          /* SHA-256 of code -> enrolment code */ \
    X(STORE_REQUEST, "request", 0)      /* device -> highest counter 8, bitmap 128 */ \
    X(STORE_CONTACT, "contact", 0)      /* device -> last sync, clock offset, install, seen */ \
    X(STORE_CLOCK, "clock", 0)          /* device, boot, mono -> exchange (sync/clock.h) */ \
    X(STORE_EPOCH, "epoch", 0)          /* n -> st_epoch as on the wire (server/sync/epoch.h) */ \
    X(STORE_INCIDENT, "incident", 0)    /* device, n -> a repair (server/sync/incident.h) */ \
    X(STORE_HEIR, "heir", 0)            /* new device -> what a copy asks for (sync/heir.h) */ \
    X(STORE_PURGE, "purge", 0)          /* device, bucket -> a receipt (server/sync/purge.h) */ \
    X(STORE_STATE, "state", 1)          /* record -> RecordState */ \
    X(STORE_VECTOR, "vector", 1)        /* bucket -> VectorState */ \
    X(STORE_BUCKET, "bucket", 1)        /* bucket -> sum 16, head index 8, records 8 */ \
    X(STORE_SUMS, "sums", 1)            /* bucket, record -> its sum 16 */ \
    X(STORE_FEED, "feed", 1)            /* bucket, index -> nothing */ \
    X(STORE_SETS, "sets", 1)            /* device, first -> index, last, hash, prev */ \
    X(STORE_FORKS, "forks", 1)          /* device, set hash -> index */ \
    X(STORE_GAPS, "gaps", 1)            /* device, from -> to: lost for ever */ \
    X(STORE_HEAD, "head", 1)            /* device -> known without a gap, last, last hash */ \
    X(STORE_HISTORY, "history", 1)      /* record, index, counter -> entry kind 1, device 16 */ \
    X(STORE_HELD, "held", 1)            /* n -> held change (server/sync/held.h) */ \
    X(STORE_HELD_BY, "held_by", 1)      /* device, record, counter -> n */ \
    X(STORE_HELD_RECORD, "held_record", 1) /* record, n -> nothing */ \
    X(STORE_ROWS, "rows", 1)            /* form and 0, record -> summary row (proto/show.h) */ \
    X(STORE_REC, "rec", 1)              /* record -> form and 0, bucket */ \
    X(STORE_PERSON, "person", 1)        /* person -> auth_person */ \
    X(STORE_LOGIN, "login", 1)          /* login -> person */ \
    X(STORE_DEVICE, "device", 1)        /* device -> auth_device */ \
    X(STORE_ASSIGN, "assign", 1)        /* person, record -> unit */ \
    X(STORE_RIGHTS, "rights", 1)        /* person, rev -> roles, units */ \
    X(STORE_UNIT, "unit", 1)            /* unit id -> record 16, since index 8, names */ \
    X(STORE_LOCK, "lock", 1)            /* period record -> a locked period (sync/lock.h) */ \
    X(STORE_TREE, "tree", 0)            /* tile level 1, place -> node hash 32 (audit/tree.h) */ \
    X(STORE_ERASED, "erased", 1)        /* set, row or bucket -> what was erased (sync/erase.h) */ \
    X(STORE_WITNESS, "witness", 0)      /* device -> what it confirmed (audit/news.h) */ \
    X(STORE_LOG_KEY, "log_key", 0)      /* n -> key 32; n > 0: size 8, by old 64, by new 64 */

#define X(name, text, derived) name,
typedef enum { STORE_TABLES(X) STORE_TABLE_COUNT } store_table;
#undef X

#endif
