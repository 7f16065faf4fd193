/* proto/change.h - a change and a change-set as checked structs. Both directions of the wire are in
 * proto/changeset.c; nothing else reads or writes their bytes. Source: docs/protocol.md 1, 7. */
#ifndef SOTAY_PROTO_CHANGE_H
#define SOTAY_PROTO_CHANGE_H

#include "proto/arena.h"
#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/hlc.h"
#include "proto/id.h"
#include "proto/sign.h"
#include "proto/value.h"

/* Numbers are those of sotay.proto (checked by _Static_assert in changeset.c). */
typedef enum {
    ST_ROLE_NONE, ST_ROLE_OFFICER, ST_ROLE_OFFICE, ST_ROLE_OFFICE_HEAD, ST_ROLE_COUNCIL_CHAIR,
    ST_ROLE_DECIDER, ST_ROLE_AUDITOR, ST_ROLE_ADMIN, ST_ROLE_COUNT
} st_role;

typedef enum { ST_VIA_DEVICE, ST_VIA_OPERATOR, ST_VIA_COUNT } st_via;

typedef enum {
    ST_VERB_SET, ST_VERB_ADD, ST_VERB_REMOVE, ST_VERB_REMARK, ST_VERB_ITEM, ST_VERB_DROP,
    ST_VERB_KEEP, ST_VERB_RESOLVE, ST_VERB_COUNT
} st_verb;

typedef enum {
    ST_ACT_NONE, ST_ACT_OPEN, ST_ACT_FINALISE, ST_ACT_WITHDRAW, ST_ACT_RETURN, ST_ACT_REVIEW,
    ST_ACT_APPROVE, ST_ACT_VOID, ST_ACT_LOCK, ST_ACT_COUNT
} st_act_kind;

typedef enum {
    ST_HOLD_NONE, ST_HOLD_NO_RECORD, ST_HOLD_FROZEN, ST_HOLD_WAITS, ST_HOLD_FORM, ST_HOLD_VERSION,
    ST_HOLD_VALUE, ST_HOLD_ROLE, ST_HOLD_SCOPE, ST_HOLD_BUCKET, ST_HOLD_STATE, ST_HOLD_LIMIT,
    ST_HOLD_FORK, ST_HOLD_REVOKED, ST_HOLD_SUSPENDED, ST_HOLD_LATE, ST_HOLD_SIGNATURE,
    ST_HOLD_DEVICE, ST_HOLD_CORRUPT, ST_HOLD_COUNT
} st_hold;

/* "officer", "office_head"…; "device", "operator"; "set", "clear"…; "finalise"…; "no_record"….
 * Never NULL; "unknown" for foreign numbers. Parse: false when there is no such name. */
const char *st_role_name(st_role role);
bool st_role_parse(const char *name, st_role *out_role);
const char *st_via_name(st_via via);
const char *st_verb_name(st_verb verb);
const char *st_act_name(st_act_kind kind);
const char *st_hold_name(st_hold hold);
/* What became of the change and what its author does next; lang "vi" or "en". */
const char *st_hold_sentence(st_hold hold, const char *lang);
/* What the office can do about it. */
const char *st_hold_for_office(st_hold hold, const char *lang);

typedef struct {
    st_path path;
    st_verb verb;
    st_value value;            /* ADD: INT 1; REMOVE: NULL; DROP: INT 1; KEEP: NULL */
    const st_dot *replaces;    /* ascending, no doubles */
    uint32_t replaces_count;
    st_dot kept;               /* RESOLVE that keeps a value seen; counter 0: none */
    st_id kept_actor;
} st_op;

typedef struct { st_dot dot; st_act_kind kind; } st_under;

/* docs/protocol.md 3: up to where, single dots beyond, holes; a hole wins over a single. */
typedef struct {
    st_id device;
    uint64_t upto;
    const uint64_t *singles;   /* ascending */
    uint32_t singles_count;
    const uint64_t *holes;     /* ascending */
    uint32_t holes_count;
} st_context_device;

typedef struct {
    const st_context_device *devices;  /* ascending by device */
    uint32_t count;
} st_context;

typedef struct {
    st_dot dot;
    uint64_t prev;             /* of the same device in this bucket: `here`, or the change before */
    st_id record;
    bool creates;
    st_code form;              /* creates */
    uint32_t form_version;     /* creates */
    uint8_t random[16];        /* creates */
    const st_op *ops;
    uint32_t ops_count;
    st_act_kind act;           /* ST_ACT_NONE: an edit */
    st_context context;        /* of the act, or of the drops and keeps in ops */
    const st_under *under;     /* ascending by dot */
    uint32_t under_count;
    bool amend;
    bool unknown;              /* has an operation, act or value kind this version does not know */
    st_value reason;           /* TEXT, or NULL kind when there is none */
    st_hlc hlc;
    int64_t wall_ms;
    uint64_t mono_ms;
} st_change;

typedef struct {
    st_id device;
    uint32_t format;
    uint64_t first;
    bool has_prev;
    st_hash prev;
    uint64_t here;
    st_bucket bucket;
    uint8_t boot[8];
    uint64_t scope_rev;
    uint64_t seen_size;
    st_hash seen_root;
    bool has_actor;
    st_id actor;
    st_role role;
    st_via via;
    uint32_t fold_version;
    st_change *changes;
    uint32_t changes_count;
    st_hash hash;              /* set_hash */
    uint8_t signature[ST_SIGNATURE_BYTES];
    const uint8_t *bytes;      /* the ChangeSet as received; lives where it was decoded from */
    size_t bytes_len;
} st_set;

/* Counter of the last change. */
uint64_t st_set_last(const st_set *set);
/* Made after a finalise or lock and no amendment: seen in the change alone (protocol.md 3).
 * Acts are never frozen. */
bool st_change_is_frozen(const st_change *change);

#endif
