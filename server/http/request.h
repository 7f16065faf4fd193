/* server/http/request.h - one request on its way through the room: read, routed, answered. */
#ifndef SOTAY_SERVER_HTTP_REQUEST_H
#define SOTAY_SERVER_HTTP_REQUEST_H

#include <pthread.h>

#include "server/http/begun.h"
#include "server/http/http.h"

struct mg_connection;

typedef struct {
    struct mg_connection *connection;
    http_server *server;
    server *rooms;
    const char *method, *path;
    const char *query;         /* behind the "?", as sent, or NULL */
    bool is_loopback;
    const char *bearer;        /* of Authorization: Bearer, or NULL */
    const char *signed_head;   /* of Authorization: Sotay, or NULL */
    const char *range;         /* of Range, or NULL */
    uint8_t *body;             /* owned by the dispatcher */
    size_t body_len;
    size_t body_room;          /* bytes at body */
    size_t body_announced;     /* more than body_len: its line broke */
    int status;                /* set by the handler, 200 at first */
    uint32_t later_s;          /* of a refusal: a header Retry-After; 0: none is sent */
    const char *content_type;  /* NULL: none is sent */
    bool no_store;             /* nobody on the way may keep the answer */
    char content_range[80];    /* "": none is sent */
    st_buffer reply;           /* the body of the answer */
    char who[9];               /* first 8 hex digits of the device, for the log; "-" */
} http_request;

/* Answers a request whose body has been read. Sets status, content_type and reply. */
typedef void (*http_handler)(http_request *request);

/* DEVICE, READER: by the handler. */
typedef enum { HTTP_WHO_ANYONE, HTTP_WHO_DEVICE, HTTP_WHO_OPERATOR, HTTP_WHO_READER } http_who;

typedef struct {
    const char *method, *path; /* "/x/ *", without the blank: all that begins with "/x/" */
    http_who who;              /* who is let in */
    size_t body_bytes_max;
    http_handler handler;
    bool is_always;            /* also while the server waits for its clock */
} http_route;

/* The table, ended by a NULL method. */
const http_route *http_routes(void);

/* Reads the whole body into request->body (at most `max` bytes). Returns 0, or the HTTP status of
 * the refusal: 400 short or misshapen, 408 too slow, 411 no length, 413 too large, 417 unknown
 * Expect, 501 Transfer-Encoding, 503 too much is on its way in other requests, or no memory. */
int http_read_body(http_request *request, size_t max);
/* Gives its memory back. */
void http_body_free(http_request *request);
/* Sends status line, minimal head and reply in one write. close: end the connection after it. */
void http_send(http_request *request, bool close);
/* Puts a refusal frame (message Refusal) into the reply and sets the status of the code. */
void http_refuse(http_request *request, const st_error *error, uint64_t counter);
/* The server waits for its clock: later. */
void http_refuse_for_clock(http_request *request);
/* Plain text reply with a status. */
void http_say(http_request *request, int status, const char *text);

/* A condition whose waits end by CLOCK_MONOTONIC, which nobody sets. */
void http_wake_init(pthread_cond_t *wake);

/* Watches slow bodies: cuts a connection whose time is up. And crowds: of one address no more than
 * per_address connections stay, but for those of this machine, where a proxy may be. */
typedef struct http_guard http_guard;
http_guard *http_guard_new(unsigned per_address);
/* The port that connections come to; none is looked at before. */
void http_guard_door(http_guard *guard, unsigned port);
/* A connection began to be served, or ended. */
void http_guard_came(http_guard *guard);
void http_guard_went(http_guard *guard);
void http_guard_free(http_guard *guard);
/* Which connection: ports as numbers, the other side's IPv4 address in network order. */
typedef struct {
    unsigned local_port, remote_port;
    uint32_t remote_address;
} http_peer;
/* Starts watching a connection (its descriptor is found among ours); returns a ticket, or -1 when
 * it cannot be watched. */
int http_guard_watch(http_guard *guard, const http_peer *peer, unsigned deadline_ms);
/* A new deadline from now for a ticket. */
void http_guard_extend(http_guard *guard, int ticket, unsigned deadline_ms);
/* Ends watching. True when the connection was cut. */
bool http_guard_end(http_guard *guard, int ticket);

/* Milliseconds of a clock that nobody sets. */
int64_t http_mono_ms(void);

/* Parts of the server that the dispatcher needs. */
http_guard *http_server_guard(http_server *http);
const char *http_server_token(http_server *http);
unsigned http_server_deadline_s(http_server *http);
/* Memory for large requests, of all together: false when there is not so much left. */
bool http_server_take(http_server *http, size_t bytes);
void http_server_give(http_server *http, size_t bytes);
/* Bytes of an answer that waits for its line, and that it does no more. */
void http_server_owe(http_server *http, size_t bytes);
void http_server_paid(http_server *http, size_t bytes);
/* Of entries, at most, in an answer that is made now; 0: as many as were asked for. Slow lines keep
 * what is sent by them in memory: when that is much, phones get less at a time and ask again. NULL:
 * 0. */
uint64_t http_server_answer_max(http_server *http);
/* A place inside, for whatever is neither reading a body nor sending an answer: what an exchange
 * unfolds to and what its answer is made of is there for so many at once, however many wait at the
 * door with the bytes they brought. Waits; http may be NULL (a test's request). */
#define HTTP_SEATS 96u
void http_server_take_seat(http_server *http);
void http_server_give_seat(http_server *http);
/* Before and after work that takes memory and the processor, but waits for nobody: only so many do
 * that at once, or a thousand phones that come together take a thousand times zstd's tables. Never
 * while waiting for the writer or for a connection. NULL: a handler called without a listener. */
void http_server_sit(http_server *http);
void http_server_rise(http_server *http);
/* How many do, on a machine with so many processors; 0 or less: nobody knows. */
unsigned http_desks(long processors);
/* A place for somebody who reads lists of the book, which may be long; false: all are taken. */
#define HTTP_READERS 2u
bool http_server_take_reader(http_server *http);
void http_server_give_reader(http_server *http);
/* Is it the operator of this machine: from loopback, with the token of DIR/server.run? */
bool http_is_operator(const http_request *request);
/* One more request of a device is under way; false when it has four already. Each leaves once. */
bool http_server_enter(http_server *http, const st_id *device);
void http_server_leave(http_server *http, const st_id *device);

/* What came of requests whose line broke; NULL: nothing is kept of them. */
begun *http_server_begun(http_server *http);

/* The handlers, one file per message. */
void http_handle_health(http_request *request);
void http_handle_ready(http_request *request);
void http_handle_sync(http_request *request);
void http_handle_snapshot(http_request *request);
void http_handle_have(http_request *request);
void http_handle_enrol(http_request *request);
void http_handle_operator(http_request *request);
void http_handle_api(http_request *request);
void http_handle_audit(http_request *request);
void http_handle_root(http_request *request);

#endif
