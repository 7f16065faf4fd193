/* tools/bench/peers/wire.h - HTTP/1.1 over one socket that is kept open, with the least of headers:
 * what a device sends is counted, so both C clients send the same. */
#ifndef SOTAY_BENCH_WIRE_H
#define SOTAY_BENCH_WIRE_H

#include <stddef.h>

/* One device's connection to 127.0.0.1:PORT (environment). fd -1: none yet. */
typedef struct {
    int fd;
} wire;

typedef struct {
    const char *method, *path;
    const void *body;
    size_t body_bytes;
    const char *headers;       /* whole lines, with their ends; NULL: none */
} wire_request;

typedef struct {
    int status;                /* 0: the connection broke twice */
    char *headers;             /* points into memory; NUL-terminated */
    char *body;
    size_t body_bytes;
    char *memory;              /* freed with wire_free */
} wire_answer;

/* Sends and waits for the whole answer (Content-Length or chunked). A connection that the server
 * closed meanwhile is opened anew, once. */
wire_answer wire_call(wire *link, const wire_request *request);
/* The number behind "Name: " in the headers, or -1. */
long wire_header(const wire_answer *answer, const char *name);
void wire_free(wire_answer *answer);
void wire_close(wire *link);

#endif
