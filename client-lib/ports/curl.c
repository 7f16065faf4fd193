/* client-lib/ports/curl.c - drives a sync or an enrolment over HTTP with libcurl, blocking.
 * Promises: the fewest bytes HTTP needs; ends by itself when nothing moves; a PUT whose line broke
 * is not sent again from its first byte.
 * Never: follows a redirect, sends a cookie, or looks into the bodies. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "client-lib/ports/curl_get.h"
#include "client-lib/ports/curl_watch.h"
#include "client-lib/ports/posix.h"

#define RECEIVE_BYTES (512L * 1024L)
#define BUSY_MS       1000u /* between two looks at a store that another call holds */

typedef struct {
    sotay_sync *sync;
    int fed;       /* what feeding the answer said */
    bool fetches;  /* it may be broken off */
    bool is_spent; /* and was, since the budget is */
    const sotay_request *request;
    size_t given; /* of its body, when that goes once only */
    sotay_error error;
} curl_answer;

/* One run: where to, how, and what came of it so far. */
typedef struct {
    char url[CURL_URL_BYTES];
    const sotay_curl_how *how;
    curl_watch watch;
    sotay_report report;   /* of all attempts */
    sotay_attempt attempt; /* how the last one ended */
} curl_run;

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    curl_answer *answer = context;
    size_t len = size * count;
    if (answer->fed == SOTAY_OK)
        answer->fed = sotay_sync_feed(answer->sync, data, len, &answer->error);
    answer->is_spent = answer->fetches && sotay_sync_is_spent(answer->sync);
    return answer->fed == SOTAY_OK && !answer->is_spent ? len : 0;
}

static size_t give_bytes(char *to, size_t size, size_t count, void *context)
{
    curl_answer *answer = context;
    size_t left = answer->request->body_bytes - answer->given, len = size * count;
    if (len > left)
        len = left;
    if (len > 0)
        memcpy(to, answer->request->body + answer->given, len);
    answer->given += len;
    return len;
}

/* libcurl would send the whole body once more when a connection that was used before breaks. */
static int no_second_time(void *context, curl_off_t offset, int origin)
{
    (void)context;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
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
static bool set_up(CURL *curl, curl_watch *watch)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_NOSIGNAL, 1L },
        { CURLOPT_FOLLOWLOCATION, 0L },
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
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_bytes);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, no_second_time);
    return code == CURLE_OK && curl_watch_set(watch, curl);
}

static CURL *new_handle(curl_watch *watch)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL || set_up(curl, watch))
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

/* A body to send, or bytes to fetch from where they ended. */
static CURLcode verb(CURL *curl, const sotay_request *request, struct curl_slist *headers)
{
    char range[32];
    bool fetches = strcmp(request->method, "GET") == 0;
    bool goes_once = strcmp(request->method, "PUT") == 0;
    (void)snprintf(range, sizeof range, "%" PRIu64 "-", request->range_from);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_RANGE, fetches ? range : NULL);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, fetches ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetches ? NULL : request->method);
    if (code == CURLE_OK && !fetches)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, goes_once ? NULL : request->body);
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
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_READDATA, answer);
    return code;
}

/* Sends one request, its answer goes to the sync. SOTAY_E_MEMORY: nothing was sent. */
static int perform(CURL *curl, const char *url, const sotay_request *request, curl_answer *answer,
                   CURLcode *out_code)
{
    char full[CURL_URL_BYTES + 192], line[256];
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

/* The answer broke off, or never began. */
static int broken(curl_run *run, sotay_sync *sync, CURLcode code, bool *out_again,
                  sotay_error *error)
{
    int rc = sotay_sync_end(sync, 0, out_again, error);
    if (rc != SOTAY_E_NETWORK)
        return rc; /* the budget is used up; it goes on; or this device failed */
    run->attempt.why = curl_watch_why(&run->watch, code);
    const char *what = run->attempt.why == run->watch.why ? "too slow" : curl_easy_strerror(code);
    return posix_fail(error, SOTAY_E_NETWORK, "no connection to %.80s: %s: %.60s", run->url,
                      sotay_why_name(run->attempt.why), what);
}

/* One request and its answer. */
static int run_round(CURL *curl, curl_run *run, sotay_sync *sync, bool *out_again,
                     sotay_error *error)
{
    sotay_request request;
    curl_answer answer = { .sync = sync };
    CURLcode code = CURLE_OK;
    curl_off_t later_s = 0;
    long status = 0;
    memset(&request, 0, sizeof request);
    int rc = sotay_sync_next(sync, &request, error);
    if (rc != SOTAY_OK)
        return rc;
    answer.request = &request;
    answer.fetches = strcmp(request.method, "GET") == 0;
    sotay_sync_report(sync, &run->report);
    curl_watch_next(&run->watch, &run->report, answer.fetches ? 0 : request.body_bytes);
    if (perform(curl, run->url, &request, &answer, &code) != SOTAY_OK)
        return posix_fail(error, SOTAY_E_MEMORY, "sync: no memory for the line");
    if (answer.fed != SOTAY_OK) {
        if (error != NULL)
            *error = answer.error;
        return answer.fed;
    }
    if (code != CURLE_OK)
        return broken(run, sync, code, out_again, error);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &later_s);
    rc = sotay_sync_end(sync, (int)status, out_again, error);
    if (rc != SOTAY_OK && later_s > 0)
        run->attempt.later_s = (uint64_t)later_s;
    return rc;
}

/* Rounds until nothing is left. */
static int run_rounds(curl_run *run, sotay_sync *sync, sotay_error *error)
{
    CURL *curl = new_handle(&run->watch);
    bool again = curl != NULL;
    int rc = SOTAY_OK;
    memset(&run->attempt, 0, sizeof run->attempt);
    if (curl == NULL)
        rc = posix_fail(error, SOTAY_E_MEMORY, "sync: no memory");
    while (rc == SOTAY_OK && again) {
        again = false;
        rc = run_round(curl, run, sync, &again, error);
    }
    curl_easy_cleanup(curl);
    run->attempt.code = (sotay_code)rc;
    if (rc != SOTAY_OK && run->attempt.why == SOTAY_WHY_NONE)
        run->attempt.why = curl == NULL ? SOTAY_WHY_HERE : sotay_sync_why(sync);
    if (rc != SOTAY_OK && run->attempt.why == SOTAY_WHY_NONE)
        run->attempt.why = SOTAY_WHY_HERE;
    return rc;
}

/* One attempt; what it gives is added to what those before it gave. */
static int try_once(sotay_client *client, curl_run *run, char **out_text, sotay_error *error)
{
    const sotay_curl_how *how = run->how;
    sotay_sync *sync = NULL;
    char *text = NULL;
    sotay_error inner = { SOTAY_OK, "" };
    int rc = curl_base_url(client, how->url, run->url, error); /* it may have moved meanwhile */
    if (rc == SOTAY_OK)
        rc = sotay_sync_begin(client, &sync, error);
    if (rc != SOTAY_OK)
        return rc;
    sotay_sync_can_fetch(sync);
    sotay_sync_can_resume(sync);
    sotay_sync_limit(sync, how->budget_bytes, how->is_metered);
    sotay_sync_continue(sync, &run->report);
    rc = run_rounds(run, sync, &inner);
    sotay_sync_report(sync, &run->report);
    if (run->report.later_s > run->attempt.later_s)
        run->attempt.later_s = run->report.later_s;
    if (out_text != NULL) {
        sotay_text_free(*out_text);
        *out_text = NULL;
        if (sotay_sync_report_text(sync, how->format, &text, NULL) == SOTAY_OK)
            *out_text = text;
    }
    sotay_sync_free(sync);
    /* A verdict that says later is no failure of the line, and the next one waits for it too. */
    bool is_later = rc == SOTAY_OK && run->report.later_s > 0;
    if (is_later)
        run->attempt = (sotay_attempt){ SOTAY_E_NETWORK, SOTAY_WHY_BUSY, run->report.later_s, "" };
    run->attempt.detail = is_later ? "server: later" : inner.detail;
    int noted = sotay_line_note(client, &run->attempt, NULL);
    (void)noted; /* a hint: the sync went as it went */
    run->attempt.detail = NULL;
    if (rc != SOTAY_OK && error != NULL)
        *error = inner;
    return rc;
}

/* Milliseconds that may still be spent. */
static uint64_t time_left(const curl_run *run)
{
    uint64_t most_ms = (uint64_t)run->how->retry_for_s * 1000;
    uint64_t run_ms = curl_watch_run_ms(&run->watch);
    return run_ms < most_ms ? most_ms - run_ms : 0;
}

/* Waits with the store given up, if the driver can do that. */
static int wait_beside_the_store(sotay_client **client, curl_run *run, const sotay_line *line,
                                 sotay_error *error)
{
    const sotay_curl_how *how = run->how;
    if (how->rest == NULL || how->resume == NULL) {
        curl_watch_pause(&run->watch, line->wait_ms, &run->report, line->why);
        return SOTAY_OK;
    }
    *client = NULL;
    how->rest(how->context);
    curl_watch_pause(&run->watch, line->wait_ms, &run->report, line->why);
    int rc = how->resume(how->context, client, error);
    while (rc == SOTAY_E_BUSY && time_left(run) > BUSY_MS) {
        curl_watch_pause(&run->watch, BUSY_MS, &run->report, SOTAY_WHY_HERE);
        rc = how->resume(how->context, client, error);
    }
    return rc;
}

/* Waits until the line should be tried again; not at all (*out_has_time false) when that is later
 * than there is time. */
static int wait_for_line(sotay_client **client, curl_run *run, bool *out_has_time,
                         sotay_error *error)
{
    sotay_line line;
    *out_has_time = sotay_line_get(*client, &line, NULL) == SOTAY_OK && !line.is_hopeless &&
                  time_left(run) > 0 && line.wait_ms <= time_left(run);
    if (!*out_has_time || line.wait_ms == 0)
        return SOTAY_OK;
    return wait_beside_the_store(client, run, &line, error);
}

/* Attempts until one goes through or there is no time for another; one in any case. */
static int try_on(sotay_client *client, curl_run *run, char **out_text, sotay_error *error)
{
    bool has_time = false;
    int waited = wait_for_line(&client, run, &has_time, error);
    while (waited == SOTAY_OK) {
        int rc = try_once(client, run, out_text, error);
        if (rc == SOTAY_OK)
            return rc;
        waited = wait_for_line(&client, run, &has_time, error);
        if (waited == SOTAY_OK && !has_time)
            return rc;
    }
    return waited;
}

int sotay_curl_sync(sotay_client *client, const sotay_curl_how *how, sotay_report *out_report,
                    char **out_text, sotay_error *error)
{
    curl_run run;
    memset(&run, 0, sizeof run);
    run.how = how;
    curl_watch_begin(&run.watch, how);
    if (out_text != NULL)
        *out_text = NULL;
    int rc = curl_base_url(client, how->url, run.url, error); /* a wrong one is said at once */
    if (rc == SOTAY_OK)
        rc = how->retry_for_s > 0 ? try_on(client, &run, out_text, error)
                                  : try_once(client, &run, out_text, error);
    if (out_report != NULL)
        *out_report = run.report;
    return rc;
}

int sotay_curl_enrol(sotay_client *client, const char *link, const sotay_curl_how *how,
                     sotay_report *out_report, sotay_error *error)
{
    curl_run run;
    sotay_sync *sync = NULL;
    const char *field = strstr(link, "/field/");
    size_t len = field == NULL ? 0 : (size_t)(field - link);
    memset(&run, 0, sizeof run);
    if (len >= sizeof run.url)
        return posix_fail(error, SOTAY_E_VALUE, "enrol: that is not an enrolment link");
    memcpy(run.url, link, len);
    run.how = how;
    curl_watch_begin(&run.watch, how);
    int rc = sotay_enrol_begin(client, link, how->label, &sync, error);
    if (rc != SOTAY_OK)
        return rc;
    if (how->takes_older_key)
        sotay_enrol_older_key(sync);
    if (how->url != NULL)
        rc = curl_base_url(client, how->url, run.url, error);
    if (rc == SOTAY_OK)
        rc = run_rounds(&run, sync, error);
    sotay_sync_free(sync);
    return rc == SOTAY_OK ? sotay_curl_sync(client, how, out_report, NULL, error) : rc;
}
