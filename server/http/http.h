/* server/http/http.h - the door of the server: one listener, one route table, bounded bodies.
 * The only room that knows CivetWeb (1.15 as Debian packages it; what it lacks is guarded here). */
#ifndef SOTAY_SERVER_HTTP_HTTP_H
#define SOTAY_SERVER_HTTP_HTTP_H

#include "server/rooms.h"

typedef struct http_server http_server;

/* Zeroed: the defaults of docs/operations.md. */
typedef struct {
    const char *listen;        /* "127.0.0.1:8080"; port 0: any free one */
    unsigned threads;          /* workers = connections served at once */
    unsigned per_address;      /* of them, for one address; loopback (a proxy) is not counted */
    unsigned body_deadline_s;  /* a body must be here by then, plus one second per kB */
    unsigned head_deadline_ms; /* a head must be here by then; a silent body too */
    bool quiet;                /* no line per request */
    const char *public_url;    /* what enrolment links name; NULL or "": the listen address */
} http_config;

/* Starts listening; every request is answered from `rooms`, which must outlive the server.
 * operator_token: what sotayctl must show (server.run). ST_E_BUSY: the address is taken;
 * ST_E_USAGE: it cannot be read; ST_E_MEMORY. */
ST_MUST_USE st_err http_start(server *rooms, const http_config *config,
                              const char *operator_token, http_server **out_server,
                              st_error *error);
/* Takes over what may change while running: deadline and log lines. */
void http_configure(http_server *http, const http_config *config);
/* Where it is reached from this machine, and what enrolment links name. Live as long as http. */
const char *http_url(http_server *http);
const char *http_public_url(http_server *http);
/* The port that is listened on. */
unsigned http_port(http_server *http);
/* Refuses what comes, waits up to drain_ms for what is being answered. Returns false when some
 * request was still not answered. Afterwards no handler touches the rooms. */
bool http_drain(http_server *http, unsigned drain_ms);
/* Ends all threads and frees. Call http_drain first. */
void http_stop(http_server *http);

#endif
