/* client-lib/ports/curl_watch.h - watches one transfer of libcurl: which stage it is in, whether
 * that takes too long, and whom to tell. */
#ifndef SOTAY_CLIENT_CURL_WATCH_H
#define SOTAY_CLIENT_CURL_WATCH_H

#include <curl/curl.h>

#include "client-lib/include/sotay.h"

/* One run: several attempts, each of several transfers. */
typedef struct {
    const sotay_curl_how *how;
    uint64_t begun_ms;    /* all times: the reading that only rises */
    uint64_t told_ms;     /* when progress was told last */
    sotay_progress now;
    sotay_why why;        /* why the watch broke the transfer off */
    uint64_t stage_ms;    /* since when it is in its stage */
    uint64_t mark_ms, mark_bytes; /* moved at that time: for the least rate */
    uint64_t up, down;    /* of the present transfer */
} curl_watch;

void curl_watch_begin(curl_watch *watch, const sotay_curl_how *how);
/* Puts the watch on the handle. False: an option did not hold. */
bool curl_watch_set(curl_watch *watch, CURL *curl);
/* Before each transfer: body_bytes are to leave, `report` is what was done so far. */
void curl_watch_next(curl_watch *watch, const sotay_report *report, uint64_t body_bytes);
/* Why a transfer that ended with `code` failed. */
sotay_why curl_watch_why(const curl_watch *watch, CURLcode code);
/* Sleeps, telling how long it still takes and what for. */
void curl_watch_pause(curl_watch *watch, uint64_t wait_ms, const sotay_report *report,
                      sotay_why why);
/* Since the run began. */
uint64_t curl_watch_run_ms(const curl_watch *watch);

#endif
