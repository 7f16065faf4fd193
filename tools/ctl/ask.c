/* tools/ctl/ask.c - the two ways to the store: nobody has its lock, and it is opened here; or a
 * server has it, and is asked. Promises that the lock alone decides, so that a note left by a
 * killed server stands in nobody's way and there are never two writers. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/operator/again.h"
#include "tools/ctl/ctl.h"

#define CONNECT_MS 3000L
#define KNOCK_MS 5000L
#define TRIES 60                   /* 50 ms between: another sotayctl, a server that starts */
#define PROGRESS_MS 2000L
#define ANSWER_MS 600000L          /* verify and export of a large book take their time */

static size_t take(char *data, size_t size, size_t count, void *context)
{
    st_buffer *answer = context;
    return st_buffer_append(answer, data, size * count, NULL) == ST_OK ? size * count : 0;
}

static struct curl_slist *headers(const running_server *run)
{
    char bearer[100];
    (void)snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", run->token);
    struct curl_slist *list = curl_slist_append(NULL, bearer);
    struct curl_slist *more = list != NULL ? curl_slist_append(list, "Expect:") : NULL;
    struct curl_slist *all = more != NULL
                                 ? curl_slist_append(more, "Content-Type: application/octet-stream")
                                 : NULL;
    if (all == NULL)
        curl_slist_free_all(list);
    return all;
}

/* Is anybody there? A server that was stopped in the middle must not keep us for minutes. */
static CURLcode knock(CURL *curl, const running_server *run)
{
    char url[200];
    st_buffer greeting;
    st_buffer_init(&greeting, 4096);
    (void)snprintf(url, sizeof url, "%s/healthz", run->url);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &greeting);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, KNOCK_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    CURLcode code = curl_easy_perform(curl);
    st_buffer_free(&greeting);
    return code;
}

/* What a running server says of its long work. */
typedef struct {
    const running_server *run;
    ctl_progress *shown;
    uint64_t asked_s;
} watcher;

static void ask_progress(watcher *w)
{
    static const char *const WORDS[] = { "progress", "--json" };
    char url[200], word[16] = "";
    unsigned long long done = 0, total = 0;
    progress_now now = { PROGRESS_NONE, 0, 0 };
    operator_call call = { .argv = WORDS, .argc = 2, .lang = "en" };
    st_buffer body, answer;
    st_buffer_init(&body, 4096);
    st_buffer_init(&answer, 4096);
    CURL *curl = curl_easy_init();
    struct curl_slist *list = headers(w->run);
    (void)snprintf(url, sizeof url, "%s/api/operator", w->run->url);
    if (curl != NULL && list != NULL && operator_pack(&call, &body, NULL) == ST_OK) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (char *)body.data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, PROGRESS_MS);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        (void)curl_easy_perform(curl);
    }
    bool is_said = answer.len > 5 && st_buffer_append(&answer, "", 1, NULL) == ST_OK &&
                   sscanf((const char *)answer.data + 5,
                          "{\"stage\":\"%15[a-z]\",\"done\":%llu,\"total\":%llu", word, &done,
                          &total) == 3;
    for (unsigned i = 0; is_said && i < PROGRESS_STAGE_COUNT; i++)
        if (strcmp(word, progress_word((progress_stage)i)) == 0)
            now = (progress_now){ (progress_stage)i, done, total };
    if (is_said)
        ctl_progress_say(w->shown, &now);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    st_buffer_free(&body);
    st_buffer_free(&answer);
}

/* Called by libcurl while we wait; once a second the server is asked. */
static int watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                 curl_off_t up)
{
    watcher *w = context;
    struct timespec now;
    (void)down_total, (void)down, (void)up_total, (void)up;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    bool is_time = w->asked_s > 0 && (uint64_t)now.tv_sec > w->asked_s;
    w->asked_s = (uint64_t)now.tv_sec;
    if (is_time)
        ask_progress(w);
    return 0;
}

static CURLcode post(const running_server *run, ctl_progress *shown, const st_buffer *body,
                     st_buffer *answer, long *out_status)
{
    watcher w = { run, shown, 0 };
    char url[200];
    CURL *curl = curl_easy_init();
    struct curl_slist *list = headers(run);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    (void)snprintf(url, sizeof url, "%s/api/operator", run->url);
    if (curl != NULL && list != NULL)
        code = knock(curl, run);
    if (code == CURLE_OK) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (char *)body->data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &w);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, shown->how == CTL_PROGRESS_NONE ? 1L : 0L);
        code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, out_status);
    }
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return code;
}

/* The packed answer into the two buffers of the call. */
static int unpack(const st_buffer *answer, operator_call *call)
{
    st_error error = { 0 };
    int code = 1;
    size_t err_len = 0;
    st_err err = operator_unpack_answer(answer->data, answer->len, &code, &err_len, &error);
    if (err == ST_OK)
        err = st_buffer_append(call->err, answer->data + 5, err_len, &error);
    if (err == ST_OK)
        err = st_buffer_append(call->out, answer->data + 5 + err_len, answer->len - 5 - err_len,
                               &error);
    return err == ST_OK ? code : ctl_say(1, "server", error.detail);
}

/* Nobody listens there (any more): the note is an old one. */
static bool is_gone(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT;
}

/* The exit code, or -1 when no server answers. */
static int ask_server(const ctl_line *line, ctl_progress *shown, operator_call *call)
{
    running_server run;
    st_error error = { 0 };
    st_buffer body, answer;
    long status = 0;
    if (running_read(line->data, &run, &error) != ST_OK)
        return -1;
    st_buffer_init(&body, ST_BODY_BYTES_MAX);
    st_buffer_init(&answer, OPERATOR_OUT_BYTES_MAX + 65536u + 1024u);
    int code = -1;
    if (operator_pack(call, &body, &error) != ST_OK)
        code = CTL_SAID | ctl_fail(line, call->argv[0], &error);
    else if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        code = CTL_SAID | ctl_say(1, "start", "libcurl does not start");
    else {
        CURLcode sent = post(&run, shown, &body, &answer, &status);
        ctl_progress_end(shown);
        if (sent == CURLE_OK && status == 200)
            code = unpack(&answer, call);
        else if (sent == CURLE_OK && status == 503)
            code = CTL_SAID | ctl_say_in(line, 1, "server",
                                         "máy chủ đang dừng hoặc đang bận; hãy gọi lại",
                                         "is stopping or busy; try again");
        else if (!is_gone(sent) && status != 403 && status != 404 && status != 405)
            code = CTL_SAID | ctl_say(1, "server", sent != CURLE_OK ? curl_easy_strerror(sent)
                                                         : "gave an answer that is none of ours");
    }
    st_buffer_free(&body);
    st_buffer_free(&answer);
    return code;
}

/* On stderr: the answer of the verb is read by programs. */
static void tell_said(const char *words)
{
    fprintf(stderr, "sotayctl: said again in the new epoch: %s\n", words);
}

/* The exit code, or -1 when another program has the store. */
static int run_here(const ctl_line *line, ctl_progress *shown, operator_call *call)
{
    server rooms = { 0 };
    st_error error = { 0 };
    rooms_how how = { .dir = line->data, .progress = &shown->work };
    st_err err = rooms_open(&how, &rooms, &error);
    if (err == ST_E_BUSY)
        return -1;
    if (err != ST_OK)
        return CTL_SAID | ctl_fail(line, call->argv[0], &error);
    call->rooms = &rooms;
    call->words_wait = operator_say_again(&rooms, call->lang, tell_said, &error) != ST_OK;
    if (call->words_wait)
        (void)ctl_say(1, "cannot say again what took rights away", error.detail);
    int code = operator_run(call);
    ctl_progress_end(shown);
    rooms_close(&rooms);
    return code;
}

int ctl_reach(const ctl_line *line, operator_call *call)
{
    const struct timespec PAUSE = { 0, 50 * 1000 * 1000 };
    ctl_progress shown;
    if (!ctl_progress_init(&shown, line))
        return CTL_SAID | ctl_say_in(line, 2, "--progress", "nhận json, text hoặc none",
                                     "takes json, text or none");
    for (int tries = 0; tries < TRIES; tries++) {
        int code = run_here(line, &shown, call);
        if (code < 0)
            code = ask_server(line, &shown, call);
        if (code >= 0)
            return code;
        (void)nanosleep(&PAUSE, NULL);
    }
    fprintf(stderr, "sotayctl: cannot open: %s: the data folder is in use by a program that does "
            "not answer\n", line->data);
    return CTL_SAID | 1;
}
