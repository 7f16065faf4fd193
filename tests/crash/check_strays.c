/* tests/crash/check_strays.c - pieces of files that nothing names, after a cut. What must hold: one
 * that was told to be removed is gone; one that was found goes when its days are over, however far
 * its removal had come, and what was noted of it goes along; no other piece does. */
#include <string.h>

#include "server/store/chunks.h"
#include "server/store/pack.h"
#include "server/sync/stray.h"
#include "tests/crash/check.h"

#define STRAY_KEY "stray/"

/* The machine's clocks, or those of years later while strays are collected: both of them, since a
 * wall clock that goes alone was set, and nothing ages by that. */
static int64_t later_ms;

static int64_t now_ms(void *context)
{
    const server_port *real = server_port_system();
    (void)context;
    return real->now_ms(real->context) + later_ms;
}

static uint64_t mono_ms(void *context)
{
    const server_port *real = server_port_system();
    (void)context;
    return real->mono_ms(real->context) + (uint64_t)later_ms;
}

static void draw(void *context, void *out, size_t len)
{
    const server_port *real = server_port_system();
    (void)context;
    real->random(real->context, out, len);
}

const server_port *check_strays_port(void)
{
    static const server_port PORT = { NULL, now_ms, mono_ms, draw };
    return &PORT;
}

static bool pass_over(void *context, const stray *one)
{
    (void)context;
    return one != NULL;
}

static bool is_there(crash_case *c, const owed *o, st_hash *out_hash, bool *out_is)
{
    if (!st_unhex(o->text, 64, out_hash->b, sizeof out_hash->b))
        return case_fails(c, "a mark that cannot be read: %s", o->text);
    if (chunks_is_there(c->dir, out_hash, out_is, NULL) != ST_OK)
        return case_fails(c, "the piece %.16s cannot be looked at", o->text);
    return true;
}

static bool check_gone(crash_case *c)
{
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++) {
        st_hash hash;
        bool is = false;
        if (c->owed->items[i].kind != OWED_GONE)
            continue;
        if (!is_there(c, &c->owed->items[i], &hash, &is))
            return false;
        if (is)
            return case_fails(c, "the piece %.16s was told to be removed, and is there",
                              c->owed->items[i].text);
    }
    return true;
}

/* Neither the piece nor its note. */
static bool check_went(crash_case *c, store_txn *txn, const owed *o)
{
    st_hash hash;
    bool is = false;
    char key[sizeof STRAY_KEY + 64] = STRAY_KEY;
    store_slice row = { 0 };
    if (!is_there(c, o, &hash, &is))
        return false;
    memcpy(key + sizeof STRAY_KEY - 1, o->text, 64);
    if (is || store_get(txn, STORE_META, store_text(key), &row, NULL) != ST_E_NOT_FOUND)
        return case_fails(c, "the piece %.16s is named by nothing, and stays", o->text);
    return true;
}

bool check_strays(crash_case *c, server *srv)
{
    stray_count count;
    store_txn txn = { 0 };
    st_error error = { 0 };
    if (!check_gone(c))
        return false;
    if (!owed_any(c->owed, OWED_STRAY, c->at))
        return true;
    later_ms = 2 * STRAY_KEPT_MS;
    st_err err = sync_stray_collect(srv->writer, false, pass_over, NULL, &count, &error);
    later_ms = 0;
    if (err == ST_OK)
        err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, &error);
    bool good = err == ST_OK || case_fails(c, "strays: %s", error.detail);
    for (size_t i = 0; good && i < c->owed->count && c->owed->items[i].since <= c->at; i++)
        if (c->owed->items[i].kind == OWED_STRAY)
            good = check_went(c, &txn, &c->owed->items[i]);
    store_end(&txn);
    return good;
}
