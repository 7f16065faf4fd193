/* server/http/handle_audit.c - GET /audit/...: the log as anyone may check it. Promises that
 * nothing is given out that was not signed; no name of a person is in it. Must never write. */
#include <string.h>

#include "server/audit/publish.h"
#include "server/http/request.h"

#define PREFIX "/audit/"

static bool is_text(const char *name)
{
    return strncmp(name, "tile/", 5) != 0 && strncmp(name, "receipts/", 9) != 0;
}

void http_handle_audit(http_request *request)
{
    store_txn txn = { 0 };
    st_error error = { 0 };
    sync_room *room = &request->rooms->sync;
    const char *name = request->path + strlen(PREFIX);
    st_err err = store_begin(room->store, STORE_READ_TXN, &txn, &error);
    if (err == ST_OK)
        err = audit_file(&txn, room, name, &request->reply, &error);
    store_end(&txn);
    if (err == ST_OK) {
        request->content_type =
            is_text(name) ? "text/plain; charset=utf-8" : "application/octet-stream";
        return;
    }
    http_say(request, st_err_http(err), err == ST_E_NOT_FOUND ? "not found\n" : "try later\n");
}
