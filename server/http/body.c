/* server/http/body.c - reads a request's body. Promises that nothing is taken in that is longer,
 * shorter or slower than announced; must never trust CivetWeb's end of data, which is also what
 * it reports for a stalled client. */
#include <arpa/inet.h>
#include <civetweb.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "server/http/request.h"

#define PIECE_BYTES 16384u
#define PIECE_DEADLINE_MS 20000u
#define BODY_BYTES_USUAL ((size_t)256 << 10)    /* everybody may send that much */

/* The only header of that name, or NULL; *out_count says how many there are. */
static const char *header(const struct mg_request_info *info, const char *name, int *out_count)
{
    const char *found = NULL;
    *out_count = 0;
    for (int i = 0; i < info->num_headers; i++) {
        if (strcasecmp(info->http_headers[i].name, name) != 0)
            continue;
        found = info->http_headers[i].value;
        (*out_count)++;
    }
    return found;
}

/* Digits only, no sign, no leading zeros beyond "0"; SIZE_MAX otherwise. */
static size_t parse_length(const char *text)
{
    size_t length = 0, digits = 0;
    for (; isdigit((unsigned char)text[digits]) && digits < 12; digits++)
        length = length * 10 + (size_t)(text[digits] - '0');
    bool is_canonical = digits > 0 && text[digits] == '\0' && (text[0] != '0' || digits == 1);
    return is_canonical ? length : SIZE_MAX;
}

/* What the head announces: 0 and the length, or the status of the refusal. */
static int announced(const struct mg_request_info *info, size_t max, size_t *out_length)
{
    int count;
    if (header(info, "Transfer-Encoding", &count) != NULL)
        return 501;
    const char *text = header(info, "Content-Length", &count);
    bool is_post = strcmp(info->request_method, "POST") == 0;
    *out_length = 0;
    if (count == 0)
        return is_post ? 411 : 0;
    if (count > 1)
        return 400;
    *out_length = parse_length(text);
    if (*out_length == SIZE_MAX)
        return 400;
    if (*out_length > max)
        return 413;
    const char *expect = header(info, "Expect", &count);
    return expect != NULL && strcasecmp(expect, "100-continue") != 0 ? 417 : 0;
}

int64_t http_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Memory grows with what has come, not with what was announced; what goes beyond a usual body is
 * taken from a store that all requests share: nobody has been asked yet who he is. */
static bool make_room(http_request *request, size_t length)
{
    size_t room = request->body_room == 0 ? BODY_BYTES_USUAL : request->body_room * 2;
    if (request->body_len < request->body_room)
        return true;
    if (room > length)
        room = length;
    size_t more = request->body_room == 0 ? 0 : room - request->body_room;
    if (!http_server_take(request->server, more))
        return false;
    uint8_t *body = realloc(request->body, room);
    if (body == NULL) {
        http_server_give(request->server, more);
        return false;
    }
    request->body = body;
    request->body_room = room;
    return true;
}

void http_body_free(http_request *request)
{
    if (request->body_room > BODY_BYTES_USUAL)
        http_server_give(request->server, request->body_room - BODY_BYTES_USUAL);
    free(request->body);
    request->body = NULL;
    request->body_room = 0;
}

/* Piece by piece, each with a deadline of its own: a minimum rate. 0, or why it ended early. */
static int read_pieces(http_request *request, size_t length, int ticket)
{
    http_guard *guard = http_server_guard(request->server);
    int64_t total_ms = ((int64_t)http_server_deadline_s(request->server) +
                        (int64_t)(length / 1000)) * 1000;
    int64_t end_ms = http_mono_ms() + total_ms;
    while (request->body_len < length) {
        if (!make_room(request, length))
            return 503;
        size_t piece = request->body_room - request->body_len;
        if (piece > PIECE_BYTES)
            piece = PIECE_BYTES;
        int64_t left_ms = end_ms - http_mono_ms();
        if (left_ms <= 0)
            return 408;
        if (ticket >= 0)
            http_guard_extend(guard, ticket, left_ms < PIECE_DEADLINE_MS ? (unsigned)left_ms
                                                                         : PIECE_DEADLINE_MS);
        int n = mg_read(request->connection, request->body + request->body_len, piece);
        if (n <= 0)
            return 400;
        request->body_len += (size_t)n;
    }
    return 0;
}

int http_read_body(http_request *request, size_t max)
{
    const struct mg_request_info *info = mg_get_request_info(request->connection);
    size_t length;
    int count, refusal = announced(info, max, &length);
    if (refusal != 0 || length == 0)
        return refusal;
    request->body_announced = length;
    if (header(info, "Expect", &count) != NULL)
        (void)mg_printf(request->connection, "HTTP/1.1 100 Continue\r\n\r\n");
    http_guard *guard = http_server_guard(request->server);
    const http_peer peer = { http_port(request->server), (unsigned)info->remote_port,
                             inet_addr(info->remote_addr) };
    int ticket = http_guard_watch(guard, &peer, PIECE_DEADLINE_MS);
    refusal = read_pieces(request, length, ticket);
    bool was_cut = ticket >= 0 && http_guard_end(guard, ticket);
    return refusal == 400 && was_cut ? 408 : refusal;
}
