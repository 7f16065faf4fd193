/* client-lib/ports/curl.c - drives a sync or an enrolment over HTTP with libcurl, blocking.
 * Promises: the fewest bytes HTTP needs; ends by itself when nothing moves.
 * Never: follows a redirect, sends a cookie, or looks into the bodies. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "client-lib/ports/posix.h"

#define URL_BYTES          512
#define CONNECT_TIMEOUT_MS 10000L
#define STALL_TIMEOUT_S    30L
#define RECEIVE_BYTES      (512L * 1024L)

typedef struct {
    sotay_sync *sync;
    int fed; /* what feeding the answer said */
    sotay_error error;
} curl_answer;

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    curl_answer *answer = context;
    size_t len = size * count;
    if (answer->fed == SOTAY_OK)
        answer->fed = sotay_sync_feed(answer->sync, data, len, &answer->error);
    return answer->fed == SOTAY_OK ? len : 0;
}

static struct curl_slist *plain_headers(void)
{
    static const char *const NONE[] = { "Expect:", "Accept:", "User-Agent:", "Content-Type:" };
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        struct curl_slist *longer = curl_slist_append(list, NONE[i]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* What does not hold is no line to send over: a limit or a buffer would be another one. */
static bool set_up(CURL *curl, const sotay_curl_how *how)
{
    long connect_ms = how->connect_timeout_ms > 0 ? how->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    long stall_s = how->stall_timeout_s > 0 ? how->stall_timeout_s : STALL_TIMEOUT_S;
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_NOSIGNAL, 1L },
        { CURLOPT_FOLLOWLOCATION, 0L },
        { CURLOPT_CONNECTTIMEOUT_MS, connect_ms },
        { CURLOPT_LOW_SPEED_LIMIT, 1L },
        { CURLOPT_LOW_SPEED_TIME, stall_s },
        { CURLOPT_BUFFERSIZE, RECEIVE_BYTES },
        { CURLOPT_TCP_NODELAY, 1L },
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; code == CURLE_OK && i < sizeof numbers / sizeof numbers[0]; i++)
        code = curl_easy_setopt(curl, numbers[i].option, numbers[i].value);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    return code == CURLE_OK;
}

static CURL *new_handle(const sotay_curl_how *how)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL || set_up(curl, how))
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

/* A body to send, or bytes to fetch from where they ended. */
static CURLcode verb(CURL *curl, const sotay_request *request, struct curl_slist *headers)
{
    char range[32];
    bool fetches = strcmp(request->method, "GET") == 0;
    (void)snprintf(range, sizeof range, "%" PRIu64 "-", request->range_from);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_RANGE, fetches ? range : NULL);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, fetches ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetches ? NULL : request->method);
    if (code == CURLE_OK && !fetches)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    if (code == CURLE_OK && !fetches)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t)request->body_bytes);
    return code;
}

/* Where to, what, and who takes the answer. */
static CURLcode address(CURL *curl, const char *url, const sotay_request *request,
                        struct curl_slist *headers, curl_answer *answer)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = verb(curl, request, headers);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    return code;
}

/* Sends one request, its answer goes to the sync. SOTAY_E_MEMORY: nothing was sent. */
static int perform(CURL *curl, const char *url, const sotay_request *request, curl_answer *answer,
                   CURLcode *out_code)
{
    char full[URL_BYTES + 192], line[256];
    struct curl_slist *headers = plain_headers(), *longer = headers;
    (void)snprintf(full, sizeof full, "%s%s", url, request->path);
    if (headers != NULL && request->authorization != NULL) {
        (void)snprintf(line, sizeof line, "Authorization: %s", request->authorization);
        longer = curl_slist_append(headers, line);
    }
    bool good = longer != NULL && address(curl, full, request, longer, answer) == CURLE_OK;
    if (good)
        *out_code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    return good ? SOTAY_OK : SOTAY_E_MEMORY;
}

/* One request and its answer. */
static int run_round(CURL *curl, sotay_sync *sync, const char *url, bool *out_again,
                     sotay_error *error)
{
    sotay_request request;
    curl_answer answer = { sync, SOTAY_OK, { SOTAY_OK, "" } };
    CURLcode code = CURLE_OK;
    long status = 0;
    memset(&request, 0, sizeof request);
    int rc = sotay_sync_next(sync, &request, error);
    if (rc != SOTAY_OK)
        return rc;
    if (perform(curl, url, &request, &answer, &code) != SOTAY_OK)
        return posix_fail(error, SOTAY_E_MEMORY, "sync: no memory for the line");
    if (answer.fed != SOTAY_OK) {
        if (error != NULL)
            *error = answer.error;
        return answer.fed;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && sotay_sync_end(sync, 0, out_again, NULL) != SOTAY_OK)
        return posix_fail(error, SOTAY_E_NETWORK, "no connection to %.80s: %.80s", url,
                          curl_easy_strerror(code));
    return sotay_sync_end(sync, (int)status, out_again, error);
}

/* Rounds until nothing is left. */
static int run(sotay_sync *sync, const char *url, const sotay_curl_how *how, sotay_error *error)
{
    CURL *curl = new_handle(how);
    bool again = curl != NULL;
    int rc = SOTAY_OK;
    if (curl == NULL)
        rc = posix_fail(error, SOTAY_E_MEMORY, "sync: no memory");
    while (rc == SOTAY_OK && again) {
        again = false;
        rc = run_round(curl, sync, url, &again, error);
    }
    curl_easy_cleanup(curl);
    return rc;
}

/* The server's address without a slash at its end. */
static int base_url(const sotay_client *client, const char *wish, char out_url[URL_BYTES],
                    sotay_error *error)
{
    sotay_who who;
    sotay_whoami(client, &who);
    const char *url = wish != NULL ? wish : who.url;
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    if (len == 0 || len >= URL_BYTES)
        return posix_fail(error, SOTAY_E_USAGE, "sync: no server address");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return posix_fail(error, SOTAY_E_USAGE,
                          "sync: a server address begins with http:// or https://");
    memcpy(out_url, url, len);
    out_url[len] = '\0';
    return SOTAY_OK;
}

int sotay_curl_sync(sotay_client *client, const sotay_curl_how *how, sotay_report *out_report,
                    char **out_text, sotay_error *error)
{
    char url[URL_BYTES];
    sotay_sync *sync = NULL;
    int rc = base_url(client, how->url, url, error);
    if (rc == SOTAY_OK)
        rc = sotay_sync_begin(client, &sync, error);
    if (rc != SOTAY_OK)
        return rc;
    sotay_sync_can_fetch(sync);
    rc = run(sync, url, how, error);
    if (out_report != NULL)
        sotay_sync_report(sync, out_report);
    if (out_text != NULL && sotay_sync_report_text(sync, how->format, out_text, NULL) != SOTAY_OK)
        *out_text = NULL;
    sotay_sync_free(sync);
    return rc;
}

int sotay_curl_enrol(sotay_client *client, const char *link, const sotay_curl_how *how,
                     sotay_report *out_report, sotay_error *error)
{
    char url[URL_BYTES];
    sotay_sync *sync = NULL;
    const char *field = strstr(link, "/field/");
    size_t len = field == NULL ? 0 : (size_t)(field - link);
    if (len >= sizeof url)
        return posix_fail(error, SOTAY_E_VALUE, "enrol: that is not an enrolment link");
    memcpy(url, link, len);
    url[len] = '\0';
    int rc = sotay_enrol_begin(client, link, how->label, &sync, error);
    if (rc != SOTAY_OK)
        return rc;
    if (how->url != NULL)
        rc = base_url(client, how->url, url, error);
    if (rc == SOTAY_OK)
        rc = run(sync, url, how, error);
    sotay_sync_free(sync);
    return rc == SOTAY_OK ? sotay_curl_sync(client, how, out_report, NULL, error) : rc;
}
