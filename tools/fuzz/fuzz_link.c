/* tools/fuzz/fuzz_link.c - an enrolment link as it comes out of a QR code or a mail: it is one, or
 * it is refused, and what is made of it is what it says. */
#include <string.h>

#include "client-lib/include/sotay.h"
#include "proto/text.h"
#include "tools/fuzz/fuzz.h"

#define TEXT_BYTES 1024

static sotay_client *phone(void)
{
    static sotay_port port;
    static sotay_client *client;
    const sotay_open_how how = { NULL, true, "vi", 420 };
    if (client != NULL)
        return client;
    FUZZ_MUST(sotay_memory_open(7, &port, NULL) == SOTAY_OK);
    sotay_memory_clock(&port, INT64_C(1773302400000), 1000);
    FUZZ_MUST(sotay_open(&port, &how, &client, NULL) == SOTAY_OK);
    return client;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes bytes = { data, size };
    char label[TEXT_BYTES], link[TEXT_BYTES];
    sotay_error error = { SOTAY_OK, "" };
    sotay_sync *sync = NULL;
    fuzz_text(&bytes, link, sizeof link);
    fuzz_text(&bytes, label, sizeof label);
    int rc = sotay_enrol_begin(phone(), link, label, &sync, &error);
    FUZZ_MUST((rc == SOTAY_OK) == (sync != NULL));
    if (rc != SOTAY_OK)
        FUZZ_MUST(error.code == (sotay_code)rc && strlen(error.detail) < sizeof error.detail);
    sotay_sync_free(sync);
    return 0;
}
