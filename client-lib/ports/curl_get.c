/* client-lib/ports/curl_get.c - fetches receipts with libcurl, blocking.
 * Promises: takes no more than a receipt can have; ends by itself when nothing moves.
 * Never: follows a redirect, sends who asks, or keeps what the client did not check. */
#include "client-lib/ports/curl_get.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/ports/posix.h"

#define CONNECT_MS 10000L
#define STALL_S    30L
#define ANSWER_S   60L
#define FILE_MAX   262144u /* a proof, a leaf, or 32 of both in one stream */

int curl_base_url(const sotay_client *client, const char *wish, char out_url[CURL_URL_BYTES],
                  sotay_error *error)
{
    sotay_who who;
    sotay_whoami(client, &who);
    const char *url = wish != NULL ? wish : who.url;
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    if (len == 0 || len >= CURL_URL_BYTES)
        return posix_fail(error, SOTAY_E_USAGE, "sync: no server address");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return posix_fail(error, SOTAY_E_USAGE,
                          "sync: a server address begins with http:// or https://");
    memcpy(out_url, url, len);
    out_url[len] = '\0';
    return SOTAY_OK;
}

typedef struct {
    uint8_t bytes[FILE_MAX];
    size_t len;
} got_file;

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    got_file *file = context;
    size_t len = size * count;
    if (len > sizeof file->bytes - file->len)
        return 0;
    memcpy(file->bytes + file->len, data, len);
    file->len += len;
    return len;
}

static bool set_up(CURL *curl, const sotay_curl_how *how)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_NOSIGNAL, 1L },
        { CURLOPT_FOLLOWLOCATION, 0L },
        { CURLOPT_CONNECTTIMEOUT_MS,
          how->connect_timeout_ms > 0 ? how->connect_timeout_ms : CONNECT_MS },
        { CURLOPT_LOW_SPEED_LIMIT, 32L },
        { CURLOPT_LOW_SPEED_TIME, how->stall_timeout_s > 0 ? how->stall_timeout_s : STALL_S },
        { CURLOPT_TIMEOUT, 2 * (how->answer_timeout_s > 0 ? how->answer_timeout_s : ANSWER_S) },
    };
    CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    for (size_t i = 0; code == CURLE_OK && i < sizeof numbers / sizeof numbers[0]; i++)
        code = curl_easy_setopt(curl, numbers[i].option, numbers[i].value);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    return code == CURLE_OK;
}

/* One file whole. */
static int fetch(CURL *curl, const char *url, got_file *out, sotay_error *error)
{
    long status = 0;
    out->len = 0;
    if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, out) != CURLE_OK)
        return posix_fail(error, SOTAY_E_MEMORY, "receipt: no memory for the line");
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return posix_fail(error, SOTAY_E_NETWORK, "%.120s: %.60s", url, curl_easy_strerror(code));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 404)
        return posix_fail(error, SOTAY_E_NOT_FOUND,
                          "receipt: the server has none yet, or is an older one");
    if (status != 200)
        return posix_fail(error, SOTAY_E_NETWORK, "%.120s: answer %ld", url, status);
    return SOTAY_OK;
}

/* The two files: proof first. */
static int fetch_both(const char *base, uint64_t entry, const sotay_curl_how *how,
                      got_file files[2], sotay_error *error)
{
    static const char *const NAMES[2] = { "proof", "leaf" };
    char url[CURL_URL_BYTES + 64];
    CURL *curl = curl_easy_init();
    int rc = SOTAY_OK;
    if (curl == NULL || !set_up(curl, how))
        rc = posix_fail(error, SOTAY_E_MEMORY, "receipt: no memory for the line");
    for (int i = 0; rc == SOTAY_OK && i < 2; i++) {
        (void)snprintf(url, sizeof url, "%s/audit/%s/%" PRIu64, base, NAMES[i], entry);
        rc = fetch(curl, url, &files[i], error);
    }
    curl_easy_cleanup(curl);
    return rc;
}

int sotay_curl_receipt(sotay_client *client, const sotay_curl_how *how, const sotay_id *record,
                       sotay_error *error)
{
    sotay_receipt_state state = { 0 };
    char base[CURL_URL_BYTES];
    int rc = sotay_receipt_find(client, record, &state, error);
    if (rc == SOTAY_OK && state.kept == state.entry)
        return SOTAY_OK;
    if (rc == SOTAY_OK)
        rc = curl_base_url(client, how->url, base, error);
    if (rc != SOTAY_OK)
        return rc;
    got_file *files = calloc(2, sizeof *files);
    if (files == NULL)
        return posix_fail(error, SOTAY_E_MEMORY, "receipt: no memory");
    rc = fetch_both(base, state.entry, how, files, error);
    if (rc == SOTAY_OK) {
        sotay_slice proof = { files[0].bytes, files[0].len },
                    leaf = { files[1].bytes, files[1].len };
        rc = sotay_receipt_put(client, record, proof, leaf, error);
    }
    free(files);
    return rc;
}

/* Each by itself, in two requests; one that does not come is in no other's way. */
static int fetch_each(sotay_client *client, const sotay_curl_how *how, const sotay_receipt_ask *ask,
                      size_t *out_kept, sotay_error *error)
{
    int rc = SOTAY_OK;
    for (size_t i = 0; i < ask->count && rc != SOTAY_E_NETWORK; i++) {
        int one = sotay_curl_receipt(client, how, &ask->records[i], error);
        *out_kept += one == SOTAY_OK ? 1 : 0;
        rc = one == SOTAY_OK ? rc : one;
    }
    return rc;
}

static int fetch_together(sotay_client *client, const sotay_curl_how *how,
                          const sotay_receipt_ask *ask, size_t *out_kept, sotay_error *error)
{
    char url[CURL_URL_BYTES + sizeof ask->path], base[CURL_URL_BYTES];
    int rc = curl_base_url(client, how->url, base, error);
    if (rc != SOTAY_OK)
        return rc;
    got_file *file = calloc(1, sizeof *file);
    CURL *curl = curl_easy_init();
    if (file == NULL || curl == NULL || !set_up(curl, how))
        rc = posix_fail(error, SOTAY_E_MEMORY, "receipt: no memory for the line");
    (void)snprintf(url, sizeof url, "%s%s", base, ask->path);
    if (rc == SOTAY_OK)
        rc = fetch(curl, url, file, error);
    if (rc == SOTAY_OK)
        rc = sotay_receipts_take(client, ask, (sotay_slice){ file->bytes, file->len }, out_kept,
                                 error);
    curl_easy_cleanup(curl);
    free(file);
    return rc;
}

int sotay_curl_receipts(sotay_client *client, const sotay_curl_how *how, bool all, size_t *out_kept,
                        sotay_error *error)
{
    int rc = SOTAY_OK;
    size_t came = 1;
    *out_kept = 0;
    while (rc == SOTAY_OK && came > 0) { /* what does not come is not asked for again */
        sotay_receipt_ask ask;
        came = 0;
        rc = sotay_receipts_wanted(client, all, &ask, error);
        if (rc != SOTAY_OK || ask.count == 0)
            return rc;
        rc = fetch_together(client, how, &ask, &came, error);
        if (rc == SOTAY_E_NOT_FOUND && all)
            rc = fetch_each(client, how, &ask, &came, error);
        *out_kept += came;
        if (!all)
            return rc;
    }
    return rc;
}
