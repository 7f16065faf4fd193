/* tools/fuzz/fuzz_phone.c - a phone and any answer of a server, true or hostile, with sets signed
 * by the server's own key. Whatever it was told, the phone still has what its officer wrote and did
 * not send, still shows and lists what it has, and still records. Only a set that the answer both
 * acknowledges and takes out of the scope may leave the view. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/parts.h"
#include "tools/fuzz/phone_world.h"

#define STREAM_MAX (4u << 20)

/* The stream of an answer: frames in blocks, or bytes of nobody in them. */
static void make_stream(const phone_world *world, fuzz_bytes bytes, st_buffer *out)
{
    static st_buffer frames, copy;
    const parts_signer signer = { world->e->devices[0].id, world->e->log, world->e->own_secret };
    const uint8_t *frame;
    size_t len;
    frames.max = copy.max = out->max = STREAM_MAX;
    st_buffer_clear(&frames);
    st_buffer_clear(out);
    while (parts_next(&bytes, &frame, &len)) {
        st_buffer_clear(&copy);
        fuzz_append(&copy, frame, len);
        if (len > 0)
            parts_sign(copy.data, len, &signer);
        fuzz_frame(copy.data, len, &frames);
    }
    fuzz_stream(frames.data, frames.len, out);
}

typedef int (*text_of)(sotay_client *client, const sotay_id *record, sotay_format format,
                       char **out_text, sotay_error *error);

static int list_text(sotay_client *client, const sotay_id *record, sotay_format format,
                     char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_list(client, NULL, format, out_text, error);
}

static int status_text(sotay_client *client, const sotay_id *record, sotay_format format,
                       char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_status(client, format, out_text, error);
}

static int conflicts_text(sotay_client *client, const sotay_id *record, sotay_format format,
                          char **out_text, sotay_error *error)
{
    (void)record;
    return sotay_conflicts(client, format, out_text, error);
}

/* It can be read, is JSON, and holds `words` (NULL: whatever). */
static void must_show(sotay_client *client, const sotay_id *record, text_of read, const char *words)
{
    char *text = NULL;
    sotay_error error = { SOTAY_OK, "" };
    int rc = read(client, record, SOTAY_JSON, &text, &error);
    if (rc != SOTAY_OK)
        fprintf(stderr, "%s: %s\n", sotay_code_name((sotay_code)rc), error.detail);
    FUZZ_MUST(rc == SOTAY_OK);
    fuzz_must_be_json(text, strlen(text));
    FUZZ_MUST(words == NULL || strstr(text, words) != NULL);
    sotay_text_free(text);
}

/* Everything was acknowledged, and the unit of the record is no longer this phone's. */
static bool is_taken_away(sotay_client *client, const sotay_id *record)
{
    char *text = NULL;
    int rc = sotay_show(client, record, SOTAY_JSON, &text, NULL);
    sotay_text_free(text);
    if (rc != SOTAY_E_NOT_FOUND)
        return false;
    FUZZ_MUST(sotay_status(client, SOTAY_JSON, &text, NULL) == SOTAY_OK);
    bool taken = strstr(text, "\"ready\":0,") != NULL && strstr(text, "\"sent\":0,") == NULL;
    sotay_text_free(text);
    return taken;
}

/* What is unsent is there after every answer; of the rest one thing, by turns. */
static void check_phone(const phone_world *world, sotay_client *client, size_t turn)
{
    static const sotay_pair PAIR = { "place", "nơi mới" };
    static const text_of READS[] = { sotay_history, list_text, status_text, conflicts_text };
    if (is_taken_away(client, &world->unsent))
        return;
    must_show(client, &world->unsent, sotay_show, "trạm y tế");
    if (turn % 8 < 4) {
        must_show(client, &world->unsent, READS[turn % 4], NULL);
        return;
    }
    int rc = sotay_record_set(client, &world->unsent, (sotay_pairs){ &PAIR, 1 }, NULL);
    FUZZ_MUST(rc == SOTAY_OK || rc == SOTAY_E_DENIED || rc == SOTAY_E_STATE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer stream;
    const phone_world *world = phone_world_get();
    sotay_port port;
    sotay_client *client = NULL;
    sotay_sync *sync = NULL;
    sotay_request request;
    fuzz_bytes bytes = { data, size };
    bool again = false;
    make_stream(world, bytes, &stream);
    phone_world_open(world, &port, &client);
    FUZZ_MUST(sotay_sync_begin(client, &sync, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_sync_next(sync, &request, NULL) == SOTAY_OK);
    int rc = sotay_sync_feed(sync, stream.data, stream.len, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, 200, &again, NULL);
    FUZZ_MUST(rc >= SOTAY_OK && rc < SOTAY_PENDING && rc != SOTAY_E_STORAGE);
    sotay_sync_free(sync);
    check_phone(world, client, size);
    phone_world_close(&port, client);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
