/* server/http/reply.c - sends answers: head and body in one write, as few bytes as HTTP needs. */
#include <civetweb.h>
#include <stdio.h>
#include <string.h>

#include "proto/message.h"
#include "proto/frame.h"
#include "server/http/request.h"
#include "server/sync/own_clock.h"

#define LATER_BUSY_S 5u
#define LATER_DISK_S 300u /* somebody has to make room first */
#define LATER_CLOCK_S 60u /* network time may come at any moment */

static const char *reason_of(int status)
{
    static const struct { int status; const char *reason; } REASONS[] = {
        { 200, "OK" }, { 202, "Accepted" }, { 206, "Partial Content" },
        { 400, "Bad Request" }, { 401, "Unauthorized" },
        { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
        { 408, "Request Timeout" }, { 409, "Conflict" }, { 411, "Length Required" },
        { 413, "Content Too Large" }, { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" }, { 426, "Upgrade Required" },
        { 500, "Internal Server Error" }, { 501, "Not Implemented" },
        { 503, "Service Unavailable" }, { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++)
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    return "Status";
}

void http_send(http_request *request, bool close)
{
    char head[512], later[40] = "";
    const char *type = request->content_type;
    bool has_range = request->content_range[0] != '\0';
    if (request->later_s > 0)
        (void)snprintf(later, sizeof later, "Retry-After: %u\r\n", (unsigned)request->later_s);
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n%s%s%s%s%s%s%s%s%s\r\n",
                       request->status,
                       reason_of(request->status), request->reply.len,
                       has_range ? "Content-Range: " : "", request->content_range,
                       has_range ? "\r\n" : "",
                       type != NULL ? "Content-Type: " : "", type != NULL ? type : "",
                       type != NULL ? "\r\nX-Content-Type-Options: nosniff\r\n" : "",
                       request->no_store ? "Cache-Control: no-store\r\n" : "", later,
                       close ? "Connection: close\r\n" : "");
    if (close)
        mg_disable_connection_keep_alive(request->connection);
    size_t body_len = request->reply.len;
    uint8_t *room = st_buffer_reserve(&request->reply, (size_t)len);
    if (room == NULL) {
        (void)mg_write(request->connection, head, (size_t)len);
        if (body_len > 0)
            (void)mg_write(request->connection, request->reply.data, body_len);
        return;
    }
    if (body_len > 0)
        memmove(request->reply.data + len, request->reply.data, body_len);
    memcpy(request->reply.data, head, (size_t)len);
    (void)mg_write(request->connection, request->reply.data, body_len + (size_t)len);
}

void http_say(http_request *request, int status, const char *text)
{
    request->status = status;
    request->content_type = "text/plain; charset=utf-8";
    st_buffer_clear(&request->reply);
    if (st_buffer_append(&request->reply, text, strlen(text), NULL) != ST_OK)
        st_buffer_clear(&request->reply);
}

/* When a phone should come back. It spreads the time itself, and waits longer each time. */
static uint32_t later_s_of(st_err code)
{
    switch (code) {
    case ST_E_BUSY:
    case ST_E_MEMORY: return LATER_BUSY_S;
    case ST_E_STORAGE:
    case ST_E_FULL: return LATER_DISK_S;
    default: return 0;
    }
}

static void refuse(http_request *request, const st_refusal *refusal)
{
    st_frame frame = { .kind = ST_FRAME_REFUSAL };
    frame.as.refusal = *refusal;
    request->later_s = refusal->later_s;
    request->status = st_err_http(refusal->code);
    request->content_type = NULL;
    st_buffer_clear(&request->reply);
    st_buffer bytes;
    st_buffer_init(&bytes, 4096);
    st_frame_writer *stream = NULL;
    st_err err = st_frame_encode(&frame, &bytes, NULL);
    if (err == ST_OK)
        err = st_frame_writer_new(3, &request->reply, &stream, NULL);
    if (err == ST_OK)
        err = st_frame_write(stream, bytes.data, bytes.len, NULL);
    if (err == ST_OK)
        err = st_frame_writer_end(stream, NULL);
    if (err != ST_OK)
        st_buffer_clear(&request->reply);   /* the status alone still says it */
    st_frame_writer_free(stream);
    st_buffer_free(&bytes);
}

void http_refuse(http_request *request, const st_error *error, uint64_t counter)
{
    st_refusal refusal = { .code = error->code, .counter = counter,
                           .later_s = later_s_of(error->code) };
    (void)snprintf(refusal.detail, sizeof refusal.detail, "%s", error->detail);
    refuse(request, &refusal);
}

void http_refuse_for_clock(http_request *request)
{
    st_refusal refusal = { .code = ST_E_BUSY, .later_s = LATER_CLOCK_S, .why = ST_BUSY_CLOCK };
    (void)snprintf(refusal.detail, sizeof refusal.detail, "%s", OWN_CLOCK_WAITS);
    refuse(request, &refusal);
}
