/* server/operator/call.c - a call of sotayctl as bytes, both directions. */
#include "server/operator/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

st_err operator_pack(const operator_call *call, st_buffer *out, st_error *error)
{
    char offset[16];
    snprintf(offset, sizeof offset, "%d", call->offset_minutes);
    st_err err = st_buffer_append(out, call->lang, strlen(call->lang) + 1, error);
    if (err == ST_OK)
        err = st_buffer_append(out, offset, strlen(offset) + 1, error);
    for (size_t i = 0; i < call->argc && err == ST_OK; i++)
        err = st_buffer_append(out, call->argv[i], strlen(call->argv[i]) + 1, error);
    return err;
}

st_err operator_unpack(const uint8_t *bytes, size_t len, const char **argv,
                       operator_call *out_call, st_error *error)
{
    const char *head[2] = { NULL, NULL };
    size_t count = 0;
    if (len == 0 || bytes[len - 1] != '\0')
        return st_fail(error, ST_E_CORRUPT, "call: cut");
    for (size_t at = 0; at < len; at += strlen((const char *)bytes + at) + 1, count++) {
        if (count >= OPERATOR_ARGS_MAX)
            return st_fail(error, ST_E_TOO_LARGE, "call: more than %u words", OPERATOR_ARGS_MAX);
        if (count < 2)
            head[count] = (const char *)bytes + at;
        else
            argv[count - 2] = (const char *)bytes + at;
    }
    if (count < 3)
        return st_fail(error, ST_E_CORRUPT, "call: no verb");
    out_call->lang = strcmp(head[0], "vi") == 0 ? "vi" : "en";
    out_call->offset_minutes = atoi(head[1]);
    out_call->argv = argv;
    out_call->argc = count - 2;
    return ST_OK;
}

st_err operator_pack_answer(int code, const st_buffer *err_text, const st_buffer *out_text,
                            st_buffer *out, st_error *error)
{
    uint8_t head[5] = { (uint8_t)code };
    st_put_u32(head + 1, (uint32_t)err_text->len);
    st_err err = st_buffer_append(out, head, sizeof head, error);
    if (err == ST_OK)
        err = st_buffer_append(out, err_text->data, err_text->len, error);
    if (err == ST_OK)
        err = st_buffer_append(out, out_text->data, out_text->len, error);
    return err;
}

st_err operator_unpack_answer(const uint8_t *bytes, size_t len, int *out_code,
                              size_t *out_err_len, st_error *error)
{
    if (len < 5 || st_get_u32(bytes + 1) > len - 5)
        return st_fail(error, ST_E_CORRUPT, "answer: cut");
    *out_code = bytes[0];
    *out_err_len = st_get_u32(bytes + 1);
    return ST_OK;
}
