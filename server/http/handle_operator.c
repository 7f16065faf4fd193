/* server/http/handle_operator.c - POST /api/operator: a verb of sotayctl, run by the process that
 * has the store. The dispatcher has checked that the caller is this machine's administrator. */
#include <stdlib.h>

#include "server/http/request.h"
#include "server/operator/operator.h"

void http_handle_operator(http_request *request)
{
    st_error error = { 0 };
    st_buffer out, err_text;
    st_buffer_init(&out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&err_text, 65536);
    const char **argv = calloc(OPERATOR_ARGS_MAX, sizeof *argv);
    operator_call call = { .rooms = request->rooms, .out = &out, .err = &err_text,
                           .public_url = http_public_url(request->server) };
    st_err err = argv != NULL ? ST_OK : st_fail(&error, ST_E_MEMORY, "operator: no memory");
    if (err == ST_OK)
        err = operator_unpack(request->body, request->body_len, argv, &call, &error);
    if (err == ST_OK) {
        int code = operator_run(&call);
        request->reply.max = OPERATOR_OUT_BYTES_MAX + 65536u + 1024u;
        err = operator_pack_answer(code, &err_text, &out, &request->reply, &error);
    }
    request->content_type = "application/octet-stream";
    if (err != ST_OK)
        http_say(request, st_err_http(err), error.detail);
    free(argv);
    st_buffer_free(&out);
    st_buffer_free(&err_text);
}
