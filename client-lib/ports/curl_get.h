/* client-lib/ports/curl_get.h - what is fetched outside of a sync, and where from. */
#ifndef SOTAY_CLIENT_CURL_GET_H
#define SOTAY_CLIENT_CURL_GET_H

#include "client-lib/include/sotay.h"

#define CURL_URL_BYTES 512

/* The server's address without a slash at its end: `wish`, or that of the enrolment. SOTAY_E_USAGE:
 * there is none, or it does not begin with http:// or https://. */
int curl_base_url(const sotay_client *client, const char *wish, char out_url[CURL_URL_BYTES],
                  sotay_error *error);

#endif
