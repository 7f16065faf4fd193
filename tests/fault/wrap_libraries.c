/* tests/fault/wrap_libraries.c - stands in front of zstd, libsodium and libcurl, for what of them
 * can fail. */
#include <curl/curl.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <zstd.h>

#include "tests/fault/faults.h"

#define REAL(name, type)                                                                           \
    type *f;                                                                                       \
    void *found = fault_real(#name);                                                               \
    memcpy(&f, &found, sizeof f)

/* ---- zstd: an error is a number close to the largest ---- */

typedef ZSTD_CCtx *cctx_type(void);
typedef ZSTD_DCtx *dctx_type(void);
typedef size_t cset_type(ZSTD_CCtx *, ZSTD_cParameter, int);
typedef size_t dset_type(ZSTD_DCtx *, ZSTD_dParameter, int);
typedef size_t cstream_type(ZSTD_CCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *, ZSTD_EndDirective);
typedef size_t dstream_type(ZSTD_DCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *);

ZSTD_CCtx *ZSTD_createCCtx(void)
{
    REAL(ZSTD_createCCtx, cctx_type);
    return fault_hits(CALL_ZSTD) != 0 ? NULL : f();
}

ZSTD_DCtx *ZSTD_createDCtx(void)
{
    REAL(ZSTD_createDCtx, dctx_type);
    return fault_hits(CALL_ZSTD) != 0 ? NULL : f();
}

size_t ZSTD_CCtx_setParameter(ZSTD_CCtx *zstd, ZSTD_cParameter parameter, int value)
{
    REAL(ZSTD_CCtx_setParameter, cset_type);
    int why = fault_hits(CALL_ZSTD);
    return why != 0 ? (size_t)-why : f(zstd, parameter, value);
}

size_t ZSTD_DCtx_setParameter(ZSTD_DCtx *zstd, ZSTD_dParameter parameter, int value)
{
    REAL(ZSTD_DCtx_setParameter, dset_type);
    int why = fault_hits(CALL_ZSTD);
    return why != 0 ? (size_t)-why : f(zstd, parameter, value);
}

size_t ZSTD_compressStream2(ZSTD_CCtx *zstd, ZSTD_outBuffer *out, ZSTD_inBuffer *in,
                            ZSTD_EndDirective how)
{
    REAL(ZSTD_compressStream2, cstream_type);
    int why = fault_hits(CALL_ZSTD);
    return why != 0 ? (size_t)-why : f(zstd, out, in, how);
}

size_t ZSTD_decompressStream(ZSTD_DCtx *zstd, ZSTD_outBuffer *out, ZSTD_inBuffer *in)
{
    REAL(ZSTD_decompressStream, dstream_type);
    int why = fault_hits(CALL_ZSTD);
    return why != 0 ? (size_t)-why : f(zstd, out, in);
}

/* ---- libsodium: what answers 0 in every case is left alone, and a box that fails for a bad key
 * alone ---- */

typedef int init_type(void);
typedef int pwhash_type(unsigned char *, unsigned long long, const char *, unsigned long long,
                        const unsigned char *, unsigned long long, size_t, int);

int sodium_init(void)
{
    REAL(sodium_init, init_type);
    int why = fault_hits(CALL_SODIUM);
    return why != 0 ? why : f();
}

/* The library's own list is longer than ours may be. */
#define PWHASH_TAKES                                                                               \
    unsigned char *const out, unsigned long long len, const char *const text,                      \
        unsigned long long text_len, const unsigned char *const salt, unsigned long long passes,   \
        size_t memory, int how

int crypto_pwhash(PWHASH_TAKES)
{
    REAL(crypto_pwhash, pwhash_type);
    int why = fault_hits(CALL_SODIUM);
    return why != 0 ? why : f(out, len, text, text_len, salt, passes, memory, how);
}

/* ---- libcurl ---- */

#undef curl_easy_setopt
#undef curl_easy_getinfo

typedef CURL *curl_init_type(void);
typedef CURLcode curl_set_type(CURL *, CURLoption, ...);
typedef CURLcode curl_get_type(CURL *, CURLINFO, ...);
typedef CURLcode curl_perform_type(CURL *);
typedef struct curl_slist *curl_list_type(struct curl_slist *, const char *);

CURL *curl_easy_init(void)
{
    REAL(curl_easy_init, curl_init_type);
    return fault_hits(CALL_CURL) != 0 ? NULL : f();
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    REAL(curl_slist_append, curl_list_type);
    return fault_hits(CALL_CURL) != 0 ? NULL : f(list, text);
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    REAL(curl_easy_setopt, curl_set_type);
    CURLcode code;
    va_list args;
    va_start(args, option);
    if (fault_hits(CALL_CURL) != 0)
        code = CURLE_OUT_OF_MEMORY;
    else if (option < CURLOPTTYPE_OBJECTPOINT)
        code = f(curl, option, va_arg(args, long));
    else if (option < CURLOPTTYPE_OFF_T)
        code = f(curl, option, va_arg(args, void *));
    else
        code = f(curl, option, va_arg(args, curl_off_t));
    va_end(args);
    return code;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO what, ...)
{
    REAL(curl_easy_getinfo, curl_get_type);
    va_list args;
    va_start(args, what);
    void *out = va_arg(args, void *);
    va_end(args);
    return fault_hits(CALL_CURL) != 0 ? CURLE_BAD_FUNCTION_ARGUMENT : f(curl, what, out);
}

CURLcode curl_easy_perform(CURL *curl)
{
    REAL(curl_easy_perform, curl_perform_type);
    int why = fault_hits(CALL_CURL);
    if (why == 0)
        return f(curl);
    if (why != FAULT_LOST)
        return CURLE_COULDNT_CONNECT;
    (void)f(curl);
    return CURLE_RECV_ERROR;
}
