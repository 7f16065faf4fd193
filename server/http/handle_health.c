/* server/http/handle_health.c - is the process alive, can it acknowledge, what is it. */
#include <stdio.h>

#include "server/http/request.h"
#include "server/sync/own_clock.h"

void http_handle_health(http_request *request)
{
    bool waits = own_clock_waits(request->rooms->sync.clock);
    http_say(request, 200, waits ? "ok, but " OWN_CLOCK_WAITS "\n" : "ok\n");
}

void http_handle_ready(http_request *request)
{
    st_error error = { 0 };
    store *s = request->rooms->sync.store;
    store_txn txn = { 0 };
    uint64_t size = 0;
    st_err err = ST_OK;
    if (own_clock_waits(request->rooms->sync.clock))
        err = st_fail(&error, ST_E_BUSY, "%s", OWN_CLOCK_WAITS);
    else if (side_is_rolled_back(request->rooms->sync.side))
        err = st_fail(&error, ST_E_STORAGE, SYNC_ROLLED_BACK);
    else if (store_failure(s) != NULL && !store_probe(s))
        err = st_fail(&error, ST_E_STORAGE, "%s", store_failure(s));
    if (err == ST_OK)
        err = store_begin(s, STORE_READ_TXN, &txn, &error);
    if (err == ST_OK)
        err = sync_log_size(&txn, &size, &error);
    store_end(&txn);
    if (err != ST_OK) {
        char text[256];
        snprintf(text, sizeof text, "not ready: %s\n", error.detail);
        http_say(request, 503, text);
        return;
    }
    http_say(request, 200, "ready\n");
}

void http_handle_root(http_request *request)
{
    http_say(request, 200, "sotay\n");
}
