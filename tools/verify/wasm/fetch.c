/* tools/verify/wasm/fetch.c - the build for WebAssembly reads folders alone: it can start no other
 * program, and its caller hands the files over. */
#include "tools/verify/source.h"

st_err verify_fetch(const char *url, st_buffer *out, st_error *error)
{
    (void)out;
    return st_fail(error, ST_E_NETWORK, "%.120s: this build reads folders only", url);
}
