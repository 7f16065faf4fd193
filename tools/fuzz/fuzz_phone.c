/* tools/fuzz/fuzz_phone.c - a phone and any answer of a server to any of its requests, true or
 * hostile, with sets signed by the server's own key. Whatever it was told, the phone still has what
 * its officer wrote and did not send, still shows and lists what it has, and still records. Only a
 * set that the answer both acknowledges and takes out of the scope may leave the view. Of a file
 * that is sent nothing is lost; one that was wanted is that one, or not here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/exchange.h"
#include "proto/record.h"
#include "tools/fuzz/parts.h"
#include "tools/fuzz/phone_stage.h"

#define STREAM_MAX (4u << 20)

/* Every kind of frame that an answer may have comes to the phone's hands: of an input, not of what
 * the honest server said to bring the phone to its request. */
static bool is_input;
enum { PAGE_TAKEN = ST_FRAME_LOG_KEYS + 1, FILE_SENT, FILE_FETCHED, ENROLLED, SNAPSHOT_TAKEN };
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
    [ST_FRAME_HAVE_ANSWER] = { "HAVE_ANSWER", 0 },
    [ST_FRAME_PIECE_BYTES] = { "PIECE_BYTES", 0 },
    [ST_FRAME_ENROL_ANSWER] = { "ENROL_ANSWER", 0 },
    [FILE_SENT] = { "a file is with the server", 0 },
    [FILE_FETCHED] = { "a file that was wanted is here", 0 },
    [ENROLLED] = { "a phone is enrolled", 0 },
    [SNAPSHOT_TAKEN] = { "a snapshot is taken", 0 },
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
    if (!is_input)
        return __real_take_frame(sync, frame, error);
    if (frame->kind < PAGE_TAKEN)
        goals[frame->kind].times++;
    st_err err = __real_take_frame(sync, frame, error);
    if (err == ST_OK && sync->applied.received_changes > changes && sum_holds(sync, frame))
        goals[PAGE_TAKEN].times++;
    return err;
}

/* What the records of a frame add to the sum that a snapshot is named with. */
static void add_records(const uint8_t *frame, size_t len, st_sum *sum)
{
    st_arena arena;
    st_snapshot_part part;
    st_arena_init(&arena, STREAM_MAX);
    if (st_snapshot_part_decode(frame, len, &arena, &part, NULL) == ST_OK) {
        for (uint32_t i = 0; i < part.records_count; i++) {
            st_record record;
            if (st_record_decode(part.records[i].bytes, part.records[i].len, &arena, &record,
                                 NULL) != ST_OK)
                continue;
            st_sum one = st_record_sum(&record);
            st_sum_add(sum, &one);
        }
    }
    st_arena_reset(&arena);
}

/* The stream of an answer: frames in blocks, or bytes of nobody in them. Behind them the input says
 * to which request it is the answer; without a word, to /v1/sync. */
static phone_stage make_stream(fuzz_bytes bytes, st_buffer *out, st_sum *sum)
{
    static st_buffer frames, copy;
    const edge *e = phone_world_get()->e;
    const parts_signer signer = { e->devices[0].id, e->log, e->own_secret };
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
        add_records(copy.data, len, sum);
        fuzz_frame(copy.data, len, &frames);
    }
    fuzz_stream(frames.data, frames.len, out);
    return fuzz_u8(&bytes) % STAGES;
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

/* What is kept of the file that was wanted are its own pieces; how many of them. */
static unsigned pieces_kept(sotay_client *client)
{
    unsigned kept = 0;
    st_arena arena;
    st_arena_init(&arena, STREAM_MAX);
    FUZZ_MUST(client_begin(client, false, NULL) == ST_OK);
    for (size_t i = 0; i < STAGE_PIECES; i++) {
        book_value value = { NULL, 0 };
        st_hash hash = st_sha256(STAGE_FILE[i].bytes, STAGE_FILE[i].len);
        book_key key = attach_piece_key(BOOK_CHUNK, &hash);
        st_err err = book_get(&client->book, &key, &arena, &value, NULL);
        FUZZ_MUST(err == ST_OK || err == ST_E_NOT_FOUND);
        if (err != ST_OK)
            continue;
        FUZZ_MUST(value.len == STAGE_FILE[i].len);
        FUZZ_MUST(memcmp(value.data, STAGE_FILE[i].bytes, value.len) == 0);
        kept++;
    }
    client_abort(client);
    st_arena_reset(&arena);
    return kept;
}

static void check_ask(const phone_ask *ask, size_t turn)
{
    const sotay_report *report = &ask->sync->report;
    unsigned kept = pieces_kept(ask->client);
    FUZZ_MUST(kept == STAGE_PIECES || (ask->stage != STAGE_HAVE && ask->stage != STAGE_CHUNKS));
    goals[FILE_SENT].times += ask->stage == STAGE_CHUNKS && report->attachments_sent > 0;
    goals[FILE_FETCHED].times += report->attachments_fetched > 0 && kept == STAGE_PIECES;
    goals[ENROLLED].times += ask->stage == STAGE_ENROL && ask->client->me.is_enrolled;
    goals[SNAPSHOT_TAKEN].times += ask->stage == STAGE_SNAPSHOT && report->received_changes > 0 &&
                                   !ask->sync->fetch.is_wrong;
    if (ask->stage == STAGE_ENROL)
        must_show(ask->client, NULL, status_text, NULL);
    else
        check_phone(ask->world, ask->client, turn);
}

/* The phone takes the stream as the answer to its request. */
static int give(const phone_ask *ask, const st_buffer *stream)
{
    bool again = false;
    is_input = true;
    int rc = sotay_sync_feed(ask->sync, stream->data, stream->len, NULL);
    if (rc == SOTAY_OK)
        rc = sotay_sync_end(ask->sync, ask->stage == STAGE_SNAPSHOT ? 206 : 200, &again, NULL);
    is_input = false;
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer stream;
    phone_ask ask;
    st_sum sum = { { 0 } };
    char url[sizeof ask.client->me.url];
    phone_stage stage = make_stream((fuzz_bytes){ data, size }, &stream, &sum);
    unsigned long reached = fuzz_reached();
    phone_stage_open(stage, &stream, &sum, &ask);
    FUZZ_MUST(fuzz_reached() == reached);
    (void)snprintf(url, sizeof url, "%s", ask.client->me.url);
    int rc = give(&ask, &stream);
    FUZZ_MUST(rc >= SOTAY_OK && rc < SOTAY_PENDING && rc != SOTAY_E_STORAGE);
    /* The log's own key never signs here; who is nobody's yet goes where the link says. */
    FUZZ_MUST(stage == STAGE_ENROL || strcmp(ask.client->me.url, url) == 0);
    client_abort(ask.client);
    check_ask(&ask, size);
    phone_stage_close(&ask);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
