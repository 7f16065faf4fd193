/* client-lib/src/client.h - one open client: store, identity, what is pending. */
#ifndef SOTAY_CLIENT_CLIENT_H
#define SOTAY_CLIENT_CLIENT_H

#include "client-lib/src/identity.h"
#include "proto/form.h"

/* Ceiling of what one call may take while it works. */
#define CLIENT_WORK_BYTES_MAX  ((size_t)256 * 1024 * 1024)
#define CLIENT_FORMS_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define CLIENT_TEXT_BYTES_MAX  ((size_t)256 * 1024 * 1024)

typedef enum { CLIENT_IDLE, CLIENT_COMMITS, CLIENT_SIGNS } client_wait;

typedef struct {
    const char *name;
    uint32_t version;
    const st_form *form;
} client_form;

struct sotay_client {
    book_db book;
    identity me;   /* as committed */
    identity next; /* as it will be when the open or pending transaction is through */
    client_wait waits;
    st_err finished; /* how the last pending step ended */
    bool has_signature;
    uint8_t signature[64];
    uint8_t boot[8], install[8];
    char lang[3];
    int offset_minutes;
    bool is_syncing; /* between sync begin and free */
    bool is_closed;  /* then: nothing is written beside an enrolment, a bundle or another phone */
    bool is_owed;    /* a power cut may undo the last commit */
    bool may_undo;   /* that is pending, or ended last */
    bool met_damage; /* a form or name was asked for that does not open, since this was cleared */
    st_arena forms_arena;
    client_form *forms; /* decoded definitions, in forms_arena */
    size_t forms_count, forms_capacity;
};

/* Opens a transaction. ST_E_BUSY while something is pending; ST_E_STATE (write, and the store is
 * not enrolled) is the caller's to check. */
ST_MUST_USE st_err client_begin(sotay_client *client, bool write, st_error *error);
/* Writes `next` when it differs, then commits. ST_PENDING: `next` becomes `me` in client_finish. */
ST_MUST_USE st_err client_commit(sotay_client *client, st_error *error);
/* The same, and a power cut may undo it until the next client_commit: only for what is learnt again
 * by asking again, and nothing that was built on it may leave the device before client_settle. */
ST_MUST_USE st_err client_commit_soon(sotay_client *client, st_error *error);
/* Makes durable what is not yet; outside a transaction. ST_PENDING as client_commit. */
ST_MUST_USE st_err client_settle(sotay_client *client, st_error *error);
/* Forgets `next` and the transaction; safe when none is open. */
void client_abort(sotay_client *client);
/* The inside of sotay_finish. */
ST_MUST_USE st_err client_finish(sotay_client *client, st_err result, const uint8_t *signature,
                                 st_error *error);
/* Signs with the device key of this public half. ST_PENDING: the signature comes by client_finish;
 * called again then, with the same data, it answers at once. */
ST_MUST_USE st_err client_sign(sotay_client *client, const uint8_t public_key[32], sotay_slice text,
                               uint8_t out_signature[64], st_error *error);
/* ST_E_STATE when the store is not enrolled. */
ST_MUST_USE st_err client_need_enrolled(const sotay_client *client, st_error *error);
/* Wall clock and monotonic reading of the port. */
void client_now(const sotay_client *client, int64_t *out_wall_ms, uint64_t *out_mono_ms);

#endif
