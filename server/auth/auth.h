/* server/auth/auth.h - who may do what: people, devices, rights, enrolment codes, request counters.
 * People, devices and rights are derived from the records of the catalogue bucket whenever one is
 * folded, so that a rebuild makes them again. Everything works inside the caller's transaction. */
#ifndef SOTAY_SERVER_AUTH_AUTH_H
#define SOTAY_SERVER_AUTH_AUTH_H

#include "proto/message.h"
#include "server/auth/keys.h"
#include "server/catalogue/catalogue.h"

/* ---- people ---- */

typedef struct {
    st_id id;                  /* of the `person` record */
    st_code login;
    char name[321];
    uint32_t roles;            /* bits 1 << st_role; 0 when not active */
    bool is_active;
} auth_person;

/* ST_E_NOT_FOUND, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err auth_person_get(store_txn *txn, const st_id *id, auth_person *out_person,
                                   st_error *error);
ST_MUST_USE st_err auth_person_by_login(store_txn *txn, const char *login,
                                        auth_person *out_person, st_error *error);
/* Every person, ascending by login, until `each` returns false. */
ST_MUST_USE st_err auth_person_each(store_txn *txn,
                                    bool (*each)(void *context, const auth_person *person),
                                    void *context, st_error *error);

/* ---- devices ---- */

typedef enum { AUTH_ACTIVE, AUTH_SUSPENDED, AUTH_REVOKED } auth_status;

typedef struct {
    st_id id;
    st_id record;              /* of the `device` record; zero: the server's own device */
    st_id person;              /* zero: the server's own device */
    uint8_t sign_key[32], cosign_key[32];
    auth_status status;
    char label[321];
    char letters[9];
    int64_t enrolled_ms;
    int64_t revoked_ms;        /* 0: never */
    bool is_server;            /* the server's own, of this epoch or of one before */
} auth_device;

/* What the last contact left behind; all zero before it. */
typedef struct {
    int64_t last_sync_ms;
    int64_t clock_offset_ms;   /* device clock minus server clock */
    uint64_t seen_size;        /* of the newest checkpoint it held */
    uint8_t install[8];
} auth_contact;

/* The server's own device is known too (keys). ST_E_NOT_FOUND, ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err auth_device_get(store_txn *txn, const auth_keys *keys, const st_id *id,
                                   auth_device *out_device, st_error *error);
/* Every enrolled device, ascending by id, until `each` returns false. */
ST_MUST_USE st_err auth_device_each(store_txn *txn,
                                    bool (*each)(void *context, const auth_device *device),
                                    void *context, st_error *error);
/* Zeroed when there was no contact. */
ST_MUST_USE st_err auth_contact_get(store_txn *txn, const st_id *device,
                                    auth_contact *out_contact, st_error *error);
ST_MUST_USE st_err auth_contact_put(store_txn *txn, const st_id *device,
                                    const auth_contact *contact, st_error *error);

/* ---- rights ---- */

/* What a person may read and write from a revision on. units lives in the arena of the call. */
typedef struct {
    uint64_t rev;              /* log index since which they hold; 0: none yet */
    uint32_t roles;
    const st_code *units;      /* assigned; ascending */
    uint32_t units_count;
} auth_rights;

/* The rights of a person at a revision (UINT64_MAX: now). Zeroed when there were none. */
ST_MUST_USE st_err auth_rights_get(store_txn *txn, const st_id *person, uint64_t rev,
                                   st_arena *arena, auth_rights *out_rights, st_error *error);
/* The first revision of the person's rights behind *rev, into *rev. ST_E_NOT_FOUND: none. */
ST_MUST_USE st_err auth_rights_next(store_txn *txn, const st_id *person, uint64_t *rev,
                                    st_error *error);
/* May a holder of these rights read and write in the bucket? (Which fields: the form says.) */
bool auth_rights_has_bucket(const auth_rights *rights, const st_bucket *bucket);
/* Whose scope, and at which revision (UINT64_MAX: now). */
typedef struct {
    const char *commune;
    const st_id *person;
    uint64_t rev;
} auth_scope_ask;
/* The scope of a person as phones see it: rev, buckets ascending by name, roles. Memory from the
 * arena. */
ST_MUST_USE st_err auth_scope(store_txn *txn, const auth_scope_ask *ask, st_arena *arena,
                              st_scope *out_scope, st_error *error);

/* What a record of the form "assignment" says, read in one way wherever it counts. */
typedef enum { AUTH_TARGET_UNIT = 1, AUTH_TARGET_AREA = 2, AUTH_TARGET_CLASS = 3 } auth_target;
typedef struct {
    st_id person;
    int64_t target;            /* an auth_target, or another number of the list; not said: a unit */
    st_code id;                /* of the unit, the area, the class */
    bool is_active;            /* said, or not said at all; never of one that was withdrawn */
} auth_assignment;
/* False: it names no person or nothing to assign. */
bool auth_assignment_read(const st_form *form, const st_record *record, auth_assignment *out);

/* Called by the fold for every saved record of `person`, `device`, `assignment` and `unit`:
 * refreshes the derived tables. index: of the entry that is being folded. */
ST_MUST_USE st_err auth_fold(store_txn *txn, const st_form *form, const st_record *record,
                             uint64_t index, st_error *error);

/* ---- enrolment codes ---- */

#define AUTH_CODE_VALID_MS (24LL * 3600 * 1000)

/* Makes a code for a person, valid AUTH_CODE_VALID_MS from now_ms. Only its hash is stored. */
ST_MUST_USE st_err auth_code_make(store_txn *txn, const st_id *person, int64_t now_ms,
                                  const server_port *port, uint8_t out_code[16], st_error *error);
/* Is the code good for this signing key? *out_used: it was used before, by this same key (answer
 * as then). ST_E_ENROL: unknown, expired, or used by another key. */
ST_MUST_USE st_err auth_code_check(store_txn *txn, const st_enrol_ask *ask, int64_t now_ms,
                                   st_id *out_person, bool *out_used, st_error *error);
/* Marks it used by the device. */
ST_MUST_USE st_err auth_code_use(store_txn *txn, const st_enrol_ask *ask, st_error *error);
/* Codes that nobody used are void: the store was put back, and a lost one may have taken them.
 * ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err auth_codes_void(store_txn *txn, st_error *error);

/* ---- signed requests ---- */

/* What a head was signed for; body: what follows the head. */
typedef struct {
    const char *method, *path;
    const uint8_t *body;
    size_t body_len;
} auth_request;
/* Is the head signed by its device for this request? Fills the device. Does not look at the
 * counter. ST_E_DENIED: unknown device; ST_E_SIGNATURE; ST_E_STORAGE. */
ST_MUST_USE st_err auth_head_check(store_txn *txn, const auth_keys *keys, const st_head *head,
                                   const auth_request *request, auth_device *out_device,
                                   st_error *error);
/* Takes the counter in a write transaction: above the highest, or unused within the last 1,024
 * below it. ST_E_AGAIN: used or too old; *out_highest is set then too. */
ST_MUST_USE st_err auth_counter_take(store_txn *txn, const st_id *device, uint64_t counter,
                                     uint64_t *out_highest, st_error *error);

#endif
