/* client-lib/src/client.c - opening, closing, and the one place where transactions end.
 * Promises: the identity in memory is that on disk, also after a commit that failed or that was
 * finished later.
 * Never: two transactions at once; a key that stays in memory after close. */
#include "client-lib/src/client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/lease.h"
#include "client-lib/src/vault.h"

st_err client_begin(sotay_client *client, bool write, st_error *error)
{
    if (client->waits != CLIENT_IDLE)
        return st_fail(error, ST_E_BUSY, "store: an earlier step is still pending");
    st_err err = book_begin(&client->book, write, error);
    if (err == ST_OK)
        client->next = client->me;
    if (err == ST_OK && write)
        lease_note(client);
    return err;
}

void client_abort(sotay_client *client)
{
    book_abort(&client->book);
    if (client->waits == CLIENT_IDLE)
        client->next = client->me;
}

/* The commit is through, or nothing of it was written. */
static void ended(sotay_client *client, st_err err)
{
    if (err != ST_OK) {
        client->next = client->me;
        return;
    }
    client->me = client->next;
    client->is_owed = client->may_undo;
}

static st_err commit(sotay_client *client, bool may_undo, st_error *error)
{
    st_err err = ST_OK;
    if (memcmp(&client->next, &client->me, sizeof client->me) != 0)
        err = identity_put(&client->book, &client->next, error);
    if (err != ST_OK) {
        client_abort(client);
        return err;
    }
    err = book_commit(&client->book, may_undo, error);
    client->may_undo = may_undo;
    if (err == ST_PENDING)
        client->waits = CLIENT_COMMITS;
    else
        ended(client, err);
    return err;
}

st_err client_commit(sotay_client *client, st_error *error)
{
    return commit(client, false, error);
}

st_err client_commit_soon(sotay_client *client, st_error *error)
{
    return commit(client, true, error);
}

st_err client_settle(sotay_client *client, st_error *error)
{
    if (!client->is_owed)
        return ST_OK;
    st_err err = client_begin(client, true, error);
    return err == ST_OK ? client_commit(client, error) : err;
}

st_err client_finish(sotay_client *client, st_err result, const uint8_t *signature, st_error *error)
{
    if (client->waits == CLIENT_IDLE)
        return st_fail(error, ST_E_USAGE, "finish: nothing is pending");
    if (client->waits == CLIENT_SIGNS && result == ST_OK && signature == NULL)
        return st_fail(error, ST_E_USAGE, "finish: the signature is missing");
    if (client->waits == CLIENT_COMMITS)
        ended(client, result);
    if (client->waits == CLIENT_SIGNS && result == ST_OK) {
        memcpy(client->signature, signature, sizeof client->signature);
        client->has_signature = true;
    }
    client->waits = CLIENT_IDLE;
    client->finished = result;
    if (result != ST_OK)
        return st_fail(error, result, "store: the pending step failed");
    return ST_OK;
}

st_err client_sign(sotay_client *client, const uint8_t public_key[32], sotay_slice text,
                   uint8_t out_signature[64], st_error *error)
{
    const sotay_port *port = client->book.port;
    if (client->has_signature) {
        memcpy(out_signature, client->signature, sizeof client->signature);
        client->has_signature = false;
        return ST_OK;
    }
    if (port->sign == NULL) {
        uint8_t ours[32], secret[64];
        st_sign_keypair(client->me.sign_seed, ours, secret);
        st_sign(secret, text.data, text.len, out_signature);
        st_wipe(secret, sizeof secret);
        return ST_OK;
    }
    sotay_error from = { SOTAY_OK, "" };
    int rc = port->sign(port->context, public_key, text, out_signature, &from);
    if (rc == SOTAY_PENDING) {
        client->waits = CLIENT_SIGNS;
        return ST_PENDING;
    }
    return port_error(rc, &from, error);
}

st_err client_need_enrolled(const sotay_client *client, st_error *error)
{
    if (client->me.is_enrolled)
        return ST_OK;
    return st_fail(error, ST_E_STATE, "store: it is not enrolled yet (sotay enrol LINK)");
}

void client_now(const sotay_client *client, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    const sotay_port *port = client->book.port;
    port->now(port->context, out_wall_ms, out_mono_ms);
}

/* Opens the vault, or makes one; leaves the identity in client->me. */
static st_err open_book(sotay_client *client, const sotay_open_how *how, st_error *error)
{
    st_err err = client_begin(client, false, error);
    if (err == ST_OK)
        err = vault_open(&client->book, how->pin, error);
    bool is_new = err == ST_E_NOT_FOUND;
    if (err == ST_OK)
        err = identity_get(&client->book, &client->me, error);
    if (err == ST_E_NOT_FOUND && !is_new)
        err = st_fail(error, ST_E_CORRUPT, "store: its identity is missing");
    client_abort(client);
    if (!is_new || !how->create)
        return err;
    err = client_begin(client, true, error);
    if (err == ST_OK)
        err = vault_make(&client->book, how->pin, error);
    memcpy(client->next.install, client->install, sizeof client->install);
    client->next.requests = 1; /* differs from the zeroed one, so that it is written */
    if (err == ST_OK)
        return client_commit(client, error);
    client_abort(client);
    return err;
}

int sotay_open(const sotay_port *port, const sotay_open_how *how, sotay_client **out_client,
               sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return port_give(st_fail(&inner, ST_E_MEMORY, "store: no memory"), &inner, error);
    book_init(&client->book, port);
    st_arena_init(&client->forms_arena, CLIENT_FORMS_BYTES_MAX);
    bool english = how->lang != NULL && strcmp(how->lang, "en") == 0;
    memcpy(client->lang, english ? "en" : "vi", 3);
    client->offset_minutes = how->offset_minutes;
    sotay_error from = { SOTAY_OK, "" };
    int rc = port->place(port->context, client->boot, client->install, &from);
    st_err err = port_error(rc, &from, &inner);
    if (err == ST_OK)
        err = open_book(client, how, &inner);
    if (err == ST_OK || err == ST_PENDING)
        *out_client = client;
    else
        sotay_close(client);
    return port_give(err, &inner, error);
}

void sotay_close(sotay_client *client)
{
    if (client == NULL)
        return;
    book_reset(&client->book);
    st_arena_reset(&client->forms_arena);
    st_wipe(client, sizeof *client);
    free(client);
}

int sotay_finish(sotay_client *client, int result, const uint8_t *signature, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_err code = result >= 0 && result < (int)ST_ERR_COUNT ? (st_err)result : ST_E_STORAGE;
    return port_give(client_finish(client, code, signature, &inner), &inner, error);
}

void sotay_whoami(const sotay_client *client, sotay_who *out_who)
{
    const identity *me = &client->me;
    sotay_who who;
    memset(&who, 0, sizeof who);
    who.is_enrolled = me->is_enrolled;
    who.is_copied =
        me->is_enrolled && (me->is_forked || memcmp(me->install, client->install, 8) != 0);
    who.is_locked = lease_is_over(client);
    memcpy(who.device.b, me->speaker.b, sizeof who.device.b);
    memcpy(who.person.b, me->person.b, sizeof who.person.b);
    memcpy(who.login, me->login.s, sizeof who.login);
    memcpy(who.commune, me->commune.s, sizeof who.commune);
    memcpy(who.fingerprint, me->fingerprint, sizeof who.fingerprint);
    memcpy(who.url, me->url, sizeof who.url);
    *out_who = who;
}
