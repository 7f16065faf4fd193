/* tests/unit/server/server_rig.h - a server on a scratch folder with a clock and randomness of the
 * test's own, and phones that sign real change-sets without a store. */
#ifndef SOTAY_TESTS_SERVER_RIG_H
#define SOTAY_TESTS_SERVER_RIG_H

#include "proto/changeset.h"
#include "server/rooms.h"

#define RIG_UNIT "01477-x001"
#define RIG_BUCKET "01477/unit/01477-x001"
#define RIG_OTHER_UNIT "01477-x002"
#define RIG_OTHER "01477/unit/01477-x002"
#define RIG_T0 INT64_C(1773280800000)   /* 2026-03-12 09:00 in Vietnam */

typedef struct {
    char dir[96];
    int64_t now_ms;
    int64_t skew_ms;           /* the server's wall clock is so far off: set by somebody */
    uint64_t seed;
    bool threaded;             /* set before rig_reopen: a writer thread */
    server_port port;
    server srv;
    st_arena arena;            /* of the test */
} rig;

/* A new store with the catalogue of Trùng Khánh, and people an, binh (officers), chi (officer
 * without a unit), office. an and binh are assigned to RIG_UNIT. */
void rig_open(rig *r);
/* The same for cmocka: *state is the rig; at the end the book must be the fold of its log. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Closes the store and opens it again. */
void rig_reopen(rig *r);
void rig_close(rig *r);
/* Entries of the log. */
uint64_t rig_log_size(rig *r);
/* Random bytes of the rig's seed. */
void rig_random(rig *r, void *out, size_t len);

/* Writes as the operator; returns the record. */
st_id rig_author(rig *r, const char *form, const char *const *fields);
/* The same for the first record of an existing one, returns the error. */
st_err rig_edit(rig *r, const st_id *record, const char *login, const char *field,
                const char *value);
st_id rig_person(rig *r, const char *login);
/* Assigns; returns the assignment's record. */
st_id rig_assign(rig *r, const char *login, const char *unit);

/* ---- phones ---- */

#define RIG_CHANGES_MAX 128

typedef struct {
    rig *r;
    uint8_t secret[64], public_key[32];
    st_id device, person;
    uint64_t last;             /* counter of the last change sealed */
    bool has_prev;
    st_hash prev;
    struct { st_bucket bucket; uint64_t last; } here[16];
    size_t here_count;
    uint64_t scope_rev;
    uint64_t request_counter;
    st_role role;
    st_hlc hlc;
    /* the set under construction */
    st_bucket bucket;
    st_change changes[RIG_CHANGES_MAX];
    uint32_t count;
} rig_phone;

/* Enrols a phone of the person. */
void rig_enrol(rig *r, rig_phone *phone, const char *login);
/* Begins a set in a bucket. */
void rig_begin(rig_phone *phone, const char *bucket);
/* Adds a creating change of a visit with a few fields (note: general_note or NULL). */
st_id rig_visit(rig_phone *phone, const char *note);
/* Adds a change that sets one field (path text of the form "visit"), replacing `replaces`. */
st_dot rig_set(rig_phone *phone, const st_id *record, const char *path, const char *value,
               const st_dot *replaces);
/* Adds a change and returns it for further filling. */
st_change *rig_change(rig_phone *phone, const st_id *record);
/* The same with an act that knows the phone's own changes. */
st_change *rig_act(rig_phone *phone, const st_id *record, st_act_kind act);
/* Appends an operation to a change. */
st_op *rig_op(rig_phone *phone, st_change *change, const char *form, const char *path,
              const char *value);
/* Seals the set; the bytes live in the rig's arena. */
store_slice rig_seal(rig_phone *phone);

/* Pushes sets as `phone`, over HTTP in all but the wire. The verdicts stay in request->items. */
st_err rig_push(rig_phone *phone, sync_request *request, const store_slice *sets, size_t count);
/* Pushes one set and returns its verdict kind; *out_hold (may be NULL) the first reason. */
st_verdict_kind rig_push_one(rig_phone *phone, store_slice set, st_hold *out_hold);

/* The shown text of a field of a visit ("" when empty), and how many values its path holds. */
const char *rig_value(rig *r, const st_id *record, const char *path, size_t *out_values);
/* Verifies the whole store; prints what is wrong; returns how many things. */
uint64_t rig_verify(rig *r);

#endif
