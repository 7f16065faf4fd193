/* server/http/routes.c - who may call what, how large, and which file answers. Each row has a line
 * in docs/protocol.md or docs/programs.md. */
#include "server/http/request.h"

static const http_route ROUTES[] = {
    /* method  path             who                body at most       handler              always */
    { "POST", "/v1/sync",       HTTP_WHO_DEVICE,   ST_BODY_BYTES_MAX, http_handle_sync,     false },
    { "POST", "/v1/have",       HTTP_WHO_DEVICE,   1u << 20,          http_handle_have,     false },
    { "PUT",  "/v1/chunks",     HTTP_WHO_DEVICE,   2u << 20,          http_handle_have,     false },
    { "POST", "/v1/fetch",      HTTP_WHO_DEVICE,   1u << 20,          http_handle_have,     false },
    { "POST", "/v1/enrol",      HTTP_WHO_ANYONE,   4096,              http_handle_enrol,    false },
    { "GET",  "/v1/snapshot/*", HTTP_WHO_DEVICE,   0,                 http_handle_snapshot, false },
    { "POST", "/api/operator",  HTTP_WHO_OPERATOR, ST_BODY_BYTES_MAX, http_handle_operator, true },
    { "GET",  "/api/*",         HTTP_WHO_READER,   0,                 http_handle_api,      false },
    { "GET",  "/audit/*",       HTTP_WHO_ANYONE,   0,                 http_handle_audit,    false },
    { "GET",  "/healthz",       HTTP_WHO_ANYONE,   0,                 http_handle_health,   true },
    { "GET",  "/readyz",        HTTP_WHO_ANYONE,   0,                 http_handle_ready,    true },
    { "GET",  "/",              HTTP_WHO_ANYONE,   0,                 http_handle_root,     true },
    { NULL, NULL, HTTP_WHO_ANYONE, 0, NULL, false },
};

const http_route *http_routes(void)
{
    return ROUTES;
}
