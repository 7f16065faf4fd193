/* tools/fuzz/fuzz_head.c - the signed head of a request, the call of sotayctl and its answer, rows
 * and slips of stores: fixed layouts that are never read past their end. */
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/slip.h"
#include "proto/show.h"
#include "server/operator/operator.h"
#include "tools/fuzz/fuzz.h"

static void try_head(fuzz_bytes bytes)
{
    static st_buffer text;
    uint8_t again[ST_HEAD_BYTES_MAX];
    st_head head;
    if (st_head_decode(bytes.data, bytes.len, &head, NULL) != ST_OK)
        return;
    FUZZ_MUST(bytes.len >= ST_HEAD_BYTES);
    size_t len = st_head_encode(&head, again);
    FUZZ_MUST(bytes.len >= len && memcmp(again, bytes.data, len) == 0);
    st_hash body = { { 0 } };
    text.max = 4096;
    st_buffer_clear(&text);
    FUZZ_MUST(st_head_sign_text(&head, "POST", "/v1/sync", &body, &head.device, &text) == ST_OK);
}

static void try_call(fuzz_bytes bytes)
{
    static const char *argv[OPERATOR_ARGS_MAX];
    static st_buffer packed;
    operator_call call = { .rooms = NULL }, again = { .rooms = NULL };
    if (operator_unpack(bytes.data, bytes.len, argv, &call, NULL) != ST_OK)
        return;
    FUZZ_MUST(call.argc >= 1 && call.argc <= OPERATOR_ARGS_MAX && call.lang != NULL);
    packed.max = 1u << 20;
    st_buffer_clear(&packed);
    FUZZ_MUST(operator_pack(&call, &packed, NULL) == ST_OK);
    const char **words = calloc(OPERATOR_ARGS_MAX, sizeof *words);
    FUZZ_MUST(operator_unpack(packed.data, packed.len, words, &again, NULL) == ST_OK);
    FUZZ_MUST(again.argc == call.argc && again.offset_minutes == call.offset_minutes);
    for (size_t i = 0; i < call.argc; i++)
        FUZZ_MUST(strcmp(call.argv[i], again.argv[i]) == 0);
    free(words);
}

static void try_answer(fuzz_bytes bytes)
{
    int code = -1;
    size_t len = 0;
    if (operator_unpack_answer(bytes.data, bytes.len, &code, &len, NULL) == ST_OK)
        FUZZ_MUST(len <= bytes.len - 5 && code >= 0 && code <= 255);
}

static void try_slip(fuzz_bytes bytes)
{
    char text[16];
    uint8_t out[8];
    uint8_t plan = fuzz_u8(&bytes);
    slip_reader slip = { bytes.data, bytes.len, 0, false };
    for (int i = 0; i < 8; i++, plan = (uint8_t)(plan >> 1 | plan << 7)) {
        size_t len = 0;
        switch (plan % 5) {
        case 0: (void)slip_get_u8(&slip); break;
        case 1: (void)slip_get_u64(&slip); break;
        case 2: slip_get_bytes(&slip, out, sizeof out); break;
        case 3: slip_get_text(&slip, text, sizeof text); break;
        default:
            FUZZ_MUST(slip_get_blob(&slip, &len) != NULL || len == 0);
            FUZZ_MUST(len <= bytes.len);
            break;
        }
        FUZZ_MUST(slip.at <= slip.len);
    }
}

static void try_row(fuzz_bytes bytes)
{
    static st_buffer out;
    st_row row;
    if (st_row_decode(bytes.data, bytes.len, &row, NULL) != ST_OK)
        return;
    out.max = 1u << 20;
    st_buffer_clear(&out);
    FUZZ_MUST(st_row_encode(&row, &out, NULL) == ST_OK);
    FUZZ_MUST(out.len == bytes.len && memcmp(out.data, bytes.data, out.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    switch (fuzz_u8(&bytes) % 5) {
    case 0: try_head(bytes); break;
    case 1: try_call(bytes); break;
    case 2: try_answer(bytes); break;
    case 3: try_slip(bytes); break;
    default: try_row(bytes); break;
    }
    return 0;
}
