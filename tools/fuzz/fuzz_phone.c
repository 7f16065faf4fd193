/* tools/fuzz/fuzz_phone.c - a phone and any answer of a server, true or hostile, with sets signed
 * by the server's own key. Whatever it was told, the phone still has what its officer wrote and did
 * not send, still shows and lists what it has, and still records. Only a set that the answer both
 * acknowledges and takes out of the scope may leave the view. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/exchange.h"
#include "tools/fuzz/parts.h"
#include "tools/fuzz/phone_world.h"

#define STREAM_MAX (4u << 20)

/* Every kind of frame that an answer may have comes to the phone's hands. */
enum { PAGE_TAKEN = ST_FRAME_LOG_KEYS + 1 };
static fuzz_goal goals[] = {
    [ST_FRAME_VERDICT] = { "VERDICT", 0 },
    [ST_FRAME_WANT] = { "WANT", 0 },
    [ST_FRAME_SCOPE] = { "SCOPE", 0 },
    [ST_FRAME_PAGE] = { "PAGE", 0 },
    [ST_FRAME_END] = { "END", 0 },
    [ST_FRAME_REFUSAL] = { "REFUSAL", 0 },
    [ST_FRAME_SNAPSHOT] = { "SNAPSHOT", 0 },
    [ST_FRAME_REPAIR_ANSWER] = { "REPAIR_ANSWER", 0 },
    [ST_FRAME_ADDRESS] = { "ADDRESS", 0 },
    [ST_FRAME_EPOCHS] = { "EPOCHS", 0 },
    [ST_FRAME_PARCEL] = { "PARCEL", 0 },
    [ST_FRAME_RECEIPT] = { "RECEIPT", 0 },
    [ST_FRAME_PIECE_TAKEN] = { "PIECE_TAKEN", 0 },
    [ST_FRAME_HEIR_ANSWER] = { "HEIR_ANSWER", 0 },
    [ST_FRAME_LOG_KEYS] = { "LOG_KEYS", 0 },
    [PAGE_TAKEN] = { "changes of others are taken, and the sum of the page holds", 0 },
};
FUZZ_MUST_REACH(goals);

/* The page says what the sum of the records is that people here write, and it is. */
static bool sum_holds(sotay_sync *sync, const st_frame *frame)
{
    const st_page *page = &frame->as.page;
    bucket_state state;
    return frame->kind == ST_FRAME_PAGE && page->last &&
           strcmp(page->bucket.s, EDGE_UNIT_BUCKET) == 0 &&
           bucket_get(&sync->client->book, &page->bucket, &state, NULL) == ST_OK &&
           memcmp(state.sum.b, page->sum.b, sizeof page->sum.b) == 0;
}

/* The linker puts this between the phone and its own (rig.mk). */
st_err __real_take_frame(sotay_sync *sync, const st_frame *frame, st_error *error);
st_err __wrap_take_frame(sotay_sync *sync, const st_frame *frame, st_error *error);
st_err __wrap_take_frame(sotay_sync *sync, const st_frame *frame, st_error *error)
{
    uint64_t changes = sync->applied.received_changes;
    if (frame->kind < PAGE_TAKEN)
        goals[frame->kind].times++;
    st_err err = __real_take_frame(sync, frame, error);
    if (err == ST_OK && sync->applied.received_changes > changes && sum_holds(sync, frame))
        goals[PAGE_TAKEN].times++;
    return err;
}

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

/* What others wrote beside it may come, and the unit may go; else it is shown, whatever came. */
static void check_sent(const phone_world *world, sotay_client *client, size_t turn)
{
    char *text = NULL;
    int rc = sotay_show(client, &world->sent, SOTAY_JSON, &text, NULL);
    sotay_text_free(text);
    if (rc == SOTAY_E_NOT_FOUND)
        return;
    must_show(client, &world->sent, turn % 2 == 0 ? sotay_show : sotay_history, NULL);
}

/* What is unsent is there after every answer; of the rest one thing, by turns. */
static void check_phone(const phone_world *world, sotay_client *client, size_t turn)
{
    static const sotay_pair PAIR = { "place", "nơi mới" };
    static const text_of READS[] = { sotay_history, list_text, status_text, conflicts_text };
    if (is_taken_away(client, &world->unsent))
        return;
    must_show(client, &world->unsent, sotay_show, "trạm y tế");
    check_sent(world, client, turn);
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
    char url[sizeof client->me.url];
    make_stream(world, bytes, &stream);
    phone_world_open(world, &port, &client);
    (void)snprintf(url, sizeof url, "%s", client->me.url);
    FUZZ_MUST(sotay_sync_begin(client, &sync, NULL) == SOTAY_OK);
    FUZZ_MUST(sotay_sync_next(sync, &request, NULL) == SOTAY_OK);
    int rc = sotay_sync_feed(sync, stream.data, stream.len, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(sync, 200, &again, NULL);
    FUZZ_MUST(rc >= SOTAY_OK && rc < SOTAY_PENDING && rc != SOTAY_E_STORAGE);
    sotay_sync_free(sync);
    FUZZ_MUST(strcmp(client->me.url, url) == 0); /* the log's own key never signs here */
    check_phone(world, client, size);
    phone_world_close(&port, client);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
