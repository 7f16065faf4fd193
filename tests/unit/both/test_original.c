/* tests/unit/both/test_original.c
 * An officer who sees a thumbnail gets the photo itself: over a line that breaks at any byte, from
 * a server that errs or lies, with a store that fails. The room it takes is given back when it can
 * be had again, and never before. */
#include "tests/unit/both/fetch.h"

#include "client-lib/src/attach.h"
#include "client-lib/src/client.h"
#include "proto/hash.h"
#include "tests/unit/client-lib/rows.h"

#define KIB ((size_t)1024)
#define LEN (100 * KIB)

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
    char item[SOTAY_ITEM_TEXT];
    uint8_t data[LEN];
} desk;

static void noise(uint8_t *data, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(seed >> 56);
    }
    memcpy(data, "%PDF-1.7\n", 9);
}

static void attach(desk *d, const void *data, size_t len, char item[SOTAY_ITEM_TEXT])
{
    const sotay_attachment file = { "a.pdf", data, len, NULL, NULL, 0 };
    assert_int_equal(sotay_attach(d->an->client, &d->visit, &file, item, &d->an->error), SOTAY_OK);
}

static void sync_well(desk *d, phone *p, sotay_report *report)
{
    line l = { 0 };
    sotay_report own;
    int rc = sync_over(&d->w, p, &l, report != NULL ? report : &own);
    if (rc != SOTAY_OK)
        print_message("  sync: %s\n", p->error.detail);
    assert_int_equal(rc, SOTAY_OK);
}

/* A visit of an's with a file, all of it in the office; binh has the record. */
static int desk_open(void **state)
{
    static desk d;
    world_make_with(&d.w, 1, (world_how){ 2, false });
    d.an = &d.w.phones[0];
    d.binh = &d.w.phones[1];
    d.visit = phone_visit(d.an, "chợ");
    noise(d.data, LEN, 7);
    attach(&d, d.data, LEN, d.item);
    sync_well(&d, d.an, NULL);
    sync_well(&d, d.binh, NULL);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

static bool is_state(desk *d, phone *p, const char *item, const char *word)
{
    char *json = NULL, want[64];
    assert_int_equal(sotay_attachment_list(p->client, &d->visit, SOTAY_JSON, &json, &p->error),
                     SOTAY_OK);
    const char *at = strstr(json, item);
    assert_non_null(at);
    at = strstr(at, "\"state\":");
    (void)snprintf(want, sizeof want, "\"state\":\"%s\"", word);
    bool is = at != NULL && strncmp(at, want, strlen(want)) == 0;
    if (!is)
        print_message("  %s", json);
    sotay_text_free(json);
    return is;
}

/* The list calls the kind of a file as the form does. */
static void test_the_list_says_the_kind(void **state)
{
    desk *d = *state;
    for (phone *p = d->an; p != NULL; p = p == d->an ? d->binh : NULL) {
        char *json = NULL;
        assert_int_equal(sotay_attachment_list(p->client, &d->visit, SOTAY_JSON, &json, NULL),
                         SOTAY_OK);
        assert_non_null(strstr(json, "\"kind\":\"pdf\""));
        sotay_text_free(json);
    }
}

static void want(desk *d, phone *p)
{
    bool is_here = true;
    assert_int_equal(sotay_attachment_want(p->client, &d->visit, d->item, &is_here, &p->error),
                     SOTAY_OK);
    assert_false(is_here);
}

static void assert_whole(desk *d, phone *p)
{
    sotay_file file = { NULL, 0 };
    int rc = sotay_attachment_get(p->client, &d->visit, d->item, false, &file, &p->error);
    assert_int_equal(rc, SOTAY_OK);
    assert_int_equal(file.len, LEN);
    assert_memory_equal(file.data, d->data, LEN);
    free(file.data);
}

static void assert_not_whole(desk *d, phone *p)
{
    sotay_file file = { NULL, 0 };
    assert_int_equal(sotay_attachment_get(p->client, &d->visit, d->item, false, &file, NULL),
                     SOTAY_E_NOT_FOUND);
    assert_null(file.data);
}

/* ---- as it should be ---- */

static void test_what_is_wanted_comes(void **state)
{
    desk *d = *state;
    sotay_report report;
    bool is_here = false;
    assert_true(is_state(d, d->binh, d->item, "away"));
    sync_well(d, d->binh, &report);
    assert_int_equal(report.attachments_fetched + report.attachments_wanted, 0);
    assert_not_whole(d, d->binh);
    want(d, d->binh);
    want(d, d->binh); /* twice is once */
    assert_true(is_state(d, d->binh, d->item, "wanted"));
    assert_true(phone_status_says(d->binh, "\"attachments_wanted\":1"));
    sync_well(d, d->binh, &report);
    assert_int_equal(report.attachments_fetched, 1);
    assert_int_equal(report.attachments_wanted, 0);
    assert_true(report.complete);
    assert_true(is_state(d, d->binh, d->item, "here"));
    assert_whole(d, d->binh);
    assert_int_equal(sotay_attachment_want(d->binh->client, &d->visit, d->item, &is_here, NULL),
                     SOTAY_OK);
    assert_true(is_here);
    assert_true(phone_status_says(d->binh, "\"attachments_wanted\":0"));
    assert_true(phone_status_says(d->binh, "\"attachments_waiting\":0"));
    sync_well(d, d->binh, &report); /* it is not sent back */
    assert_int_equal(report.attachments_sent, 0);
}

static void test_what_is_not_there_cannot_be_wanted(void **state)
{
    desk *d = *state;
    static const sotay_id NOWHERE = { { 9, 9 } };
    bool is_here = true;
    phone stranger;
    assert_int_equal(sotay_attachment_want(d->binh->client, &d->visit, "x:1.0", &is_here, NULL),
                     SOTAY_E_NOT_FOUND);
    assert_int_equal(sotay_attachment_want(d->binh->client, &NOWHERE, d->item, &is_here, NULL),
                     SOTAY_E_NOT_FOUND);
    phone_new(&stranger, 77);
    assert_int_equal(sotay_attachment_want(stranger.client, &d->visit, d->item, &is_here, NULL),
                     SOTAY_E_STATE);
    assert_true(is_here);
    sotay_cleared cleared = { .files = 7 };
    assert_int_equal(sotay_attachment_clear(stranger.client, false, &cleared, NULL), SOTAY_E_STATE);
    assert_int_equal(cleared.files, 7);
    phone_free(&stranger);
    assert_true(phone_status_says(d->binh, "\"attachments_wanted\":0"));
}

/* What is its own and not sent yet is never asked of the office. */
static void test_its_own_is_sent_and_not_fetched(void **state)
{
    desk *d = *state;
    char item[SOTAY_ITEM_TEXT];
    bool is_here = false;
    attach(d, d->data, 9 * KIB, item);
    assert_true(is_state(d, d->an, item, "unsent"));
    assert_int_equal(sotay_attachment_want(d->an->client, &d->visit, item, &is_here, NULL),
                     SOTAY_OK);
    assert_true(is_here);
    assert_true(phone_status_says(d->an, "\"attachments_waiting\":1"));
    sync_well(d, d->an, NULL);
    assert_true(is_state(d, d->an, item, "here"));
}

/* ---- lines that break ---- */

typedef struct {
    size_t cut; /* bytes of an answer to /v1/fetch that come; 0: all */
    unsigned fetches;
    uint64_t bytes;      /* of these answers */
    uint32_t skip, most; /* of the last ask */
} breaker;

static void read_ask(const sotay_request *request, breaker *b)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_frame frame;
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(st_frame_reader_new(1u << 20, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, request->body + ST_HEAD_BYTES,
                                   request->body_bytes - ST_HEAD_BYTES, NULL),
                     ST_OK);
    assert_true(st_frame_read(reader, &bytes, &len, &bad));
    assert_int_equal(st_frame_decode(bytes, len, &arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.kind, ST_FRAME_HAVE_ASK);
    b->skip = frame.as.have_ask.skip;
    b->most = frame.as.have_ask.most;
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
}

static int break_off(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    breaker *b = context;
    if (strcmp(request->path, "/v1/fetch") != 0)
        return status;
    read_ask(request, b);
    b->fetches++;
    if (b->cut > 0 && reply->len > b->cut) {
        reply->len = b->cut;
        status = 0;
    }
    b->bytes += reply->len;
    return status;
}

/* Wherever the line breaks, hardly a byte comes twice, also when the phone is switched off. */
static void test_it_goes_on_at_the_byte(void **state)
{
    desk *d = *state;
    static const size_t CUTS[] = { 6000, 10000, 17001, 40000, 90000 };
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
        breaker b = { .cut = CUTS[i] };
        line l = { .files = break_off, .context = &b };
        sotay_cleared cleared;
        bool has_skipped = false;
        unsigned tries = 0;
        int rc = SOTAY_E_NETWORK;
        want(d, d->binh);
        while (rc == SOTAY_E_NETWORK) {
            assert_true(tries++ < 60);
            rc = sync_over(&d->w, d->binh, &l, NULL);
            has_skipped = has_skipped || b.skip > 0;
            if (rc == SOTAY_E_NETWORK && tries % 2 == 1)
                phone_reopen(d->binh);
        }
        assert_int_equal(rc, SOTAY_OK);
        assert_true(tries > 1 || CUTS[i] > 16 * KIB);
        assert_true(has_skipped || CUTS[i] > 16 * KIB);
        assert_true(b.bytes < LEN + tries * 4500 + 4000);
        assert_whole(d, d->binh);
        assert_int_equal(sotay_attachment_clear(d->binh->client, false, &cleared, NULL), SOTAY_OK);
        assert_int_equal(cleared.bytes, LEN);
        assert_true(is_state(d, d->binh, d->item, "away"));
    }
}

/* What is kept of a piece may be damaged, or longer than any piece: then it begins anew. */
static void test_a_part_that_is_damaged(void **state)
{
    desk *d = *state;
    for (int i = 0; i < 2; i++) {
        static uint8_t bytes[ST_CHUNK_BYTES_MAX + 1];
        static stored_row row;
        breaker b = { .cut = 9000 };
        line l = { .files = break_off, .context = &b };
        sotay_cleared cleared;
        want(d, d->binh);
        assert_int_equal(sync_over(&d->w, d->binh, &l, NULL), SOTAY_E_NETWORK);
        assert_true(rows_get(d->binh, BOOK_PART, 0, &row));
        if (i == 0)
            rows_put(d->binh, &row.key, bytes, sizeof bytes);
        else
            rows_spoil(d->binh, &row.key);
        b.cut = 0;
        assert_int_equal(sync_over(&d->w, d->binh, &l, NULL), SOTAY_OK);
        assert_int_equal(b.skip, 0);
        assert_whole(d, d->binh);
        assert_int_equal(rows_count(d->binh, BOOK_PART), 0);
        assert_int_equal(sotay_attachment_clear(d->binh->client, false, &cleared, NULL), SOTAY_OK);
    }
}

/* A good line gets more at once. */
static void test_as_much_as_the_line_carries(void **state)
{
    desk *d = *state;
    breaker b = { .cut = 0 };
    line l = { .files = break_off, .context = &b };
    want(d, d->binh);
    assert_int_equal(sync_over(&d->w, d->binh, &l, NULL), SOTAY_OK);
    assert_in_range(b.fetches, 2, 4); /* 16, 32, 64 KiB: not a hundred small ones */
    assert_true(b.most >= 48 * KIB);
    assert_whole(d, d->binh);
}

static void test_a_metered_line_fetches_nothing(void **state)
{
    desk *d = *state;
    sotay_sync *sync = NULL;
    sotay_report report;
    want(d, d->binh);
    assert_int_equal(sotay_sync_begin(d->binh->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 0, true);
    assert_int_equal(run(&d->w, sync, 0, &report), SOTAY_OK);
    assert_int_equal(report.attachments_fetched, 0);
    assert_int_equal(report.attachments_wanted, 1);
    assert_true(report.complete);
    for (unsigned syncs = 0; report.attachments_wanted > 0; syncs++) {
        assert_true(syncs < 20);
        assert_int_equal(sotay_sync_begin(d->binh->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 40 * KIB, false);
        assert_int_equal(run(&d->w, sync, 0, &report), SOTAY_OK);
        assert_true(report.bytes_up + report.bytes_down < 60 * KIB);
        assert_true(syncs > 0 || report.is_spent);
    }
    assert_whole(d, d->binh);
}

/* ---- servers that err ---- */

typedef enum {
    NO_LANE,
    NO_METHOD,
    BROKEN,
    FOREIGN, /* an older server, a failing one, somebody else */
    NOTHING,
    UNKNOWN,   /* it has none of it; the record is not to be read */
    NO_ANSWER, /* bytes, and no word at their end */
    WRONG_BYTES,
    STRANGE_PIECE,
    GAP,
    BEHIND_ITS_WORD,
    ANOTHER_RECORD,
    TWO_WORDS,
    ANEW,      /* a piece that begins once more, and is another one then */
    OF_ANOTHER /* the middle of a piece that was not begun */
} said;

typedef struct {
    said how;
    st_id record;
    st_hash piece, other; /* the first two of the file */
    unsigned times;
} liar;

static void say_frames(const liar *l, st_buffer *reply)
{
    static uint8_t bytes[16384];
    st_frame part = { .kind = ST_FRAME_PIECE_BYTES }, word = { .kind = ST_FRAME_HAVE_ANSWER };
    st_frame frames[4];
    size_t count = 0;
    st_piece_bytes *p = &part.as.piece_bytes;
    *p = (st_piece_bytes){
        .hash = l->piece, .size = sizeof bytes, .bytes = bytes, .len = sizeof bytes
    };
    word.as.have_answer.record = l->record;
    switch (l->how) {
    case UNKNOWN:
        word.as.have_answer.unknown = &l->piece;
        word.as.have_answer.unknown_count = 1;
        break;
    case STRANGE_PIECE: p->hash.b[0] ^= 1; break;
    case OF_ANOTHER: p->hash = l->other; /* fall through */
    case GAP:
        p->from = 100;
        p->len = 200;
        break;
    case ANOTHER_RECORD: word.as.have_answer.record.b[2] ^= 1; break;
    default: break;
    }
    if (l->how == BEHIND_ITS_WORD)
        frames[count++] = word;
    if (l->how == ANEW) {
        frames[count] = part;
        frames[count++].as.piece_bytes.len = 300;
    }
    if (l->how != NOTHING && l->how != UNKNOWN)
        frames[count++] = part;
    if (l->how != NO_ANSWER && l->how != BEHIND_ITS_WORD)
        frames[count++] = word;
    if (l->how == TWO_WORDS)
        frames[count++] = word;
    line_answer(frames, count, reply);
}

static int lie(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    liar *l = context;
    if (strcmp(request->path, "/v1/fetch") != 0)
        return status;
    l->times++;
    if (l->how > FOREIGN) {
        say_frames(l, reply);
        return 200;
    }
    st_buffer_clear(reply);
    if (l->how == BROKEN || l->how == FOREIGN)
        assert_int_equal(st_buffer_append(reply, "<html>", 6, NULL), ST_OK);
    return l->how == NO_LANE ? 404 : l->how == NO_METHOD ? 405 : l->how == BROKEN ? 500 : 200;
}

/* Whatever it says, no wrong byte is kept, nothing goes on for ever, other files are sent where the
 * sync goes on, and an honest server's file comes whole afterwards. */
static void test_servers_that_err(void **state)
{
    static const struct {
        said how;
        int rc;
        unsigned most_times;
    } CASES[] = {
        { NO_LANE, SOTAY_OK, 1 },
        { NO_METHOD, SOTAY_OK, 1 },
        { BROKEN, SOTAY_E_SERVER, 1 },
        { FOREIGN, SOTAY_E_NETWORK, 1 },
        { NOTHING, SOTAY_OK, 1 },
        { UNKNOWN, SOTAY_OK, 1 },
        { NO_ANSWER, SOTAY_E_NETWORK, 1 },
        { WRONG_BYTES, SOTAY_OK, 3 },
        { STRANGE_PIECE, SOTAY_E_CORRUPT, 1 },
        { GAP, SOTAY_E_CORRUPT, 1 },
        { BEHIND_ITS_WORD, SOTAY_E_CORRUPT, 1 },
        { ANOTHER_RECORD, SOTAY_E_CORRUPT, 1 },
        { TWO_WORDS, SOTAY_E_CORRUPT, 1 },
        { ANEW, SOTAY_OK, 3 },
        { OF_ANOTHER, SOTAY_E_CORRUPT, 1 },
    };
    desk *d = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        liar l = { .how = CASES[i].how, .piece = st_sha256(d->data, 16 * KIB),
                   .other = st_sha256(d->data + 16 * KIB, 16 * KIB) };
        line bad = { .files = lie, .context = &l };
        sotay_report report;
        sotay_cleared cleared;
        memcpy(l.record.b, d->visit.b, sizeof l.record.b);
        want(d, d->binh);
        int rc = sync_over(&d->w, d->binh, &bad, &report);
        if (rc != CASES[i].rc)
            print_message("  case %zu: %s\n", i, d->binh->error.detail);
        assert_int_equal(rc, CASES[i].rc);
        assert_in_range(l.times, 1, CASES[i].most_times);
        assert_not_whole(d, d->binh);
        assert_int_equal(report.attachments_fetched, 0);
        sync_well(d, d->binh, &report);
        assert_int_equal(report.attachments_fetched, 1);
        assert_whole(d, d->binh);
        assert_int_equal(sotay_attachment_clear(d->binh->client, false, &cleared, NULL), SOTAY_OK);
        assert_int_equal(cleared.files, 1);
    }
}

/* It hears of a backup of so many entries, and asks what the office has of that. */
static void hear_of_a_backup(desk *d, phone *p, uint64_t entries)
{
    p->client->me.backed_up_to = entries;
    sync_well(d, p, NULL);
}

/* A server without the lane takes the files of the phone all the same. */
static void test_an_older_server_still_gets_files(void **state)
{
    desk *d = *state;
    char item[SOTAY_ITEM_TEXT];
    liar l = { .how = NO_LANE };
    line bad = { .files = lie, .context = &l };
    sotay_report report;
    sotay_cleared cleared;
    hear_of_a_backup(d, d->an, UINT64_MAX); /* all that it sent is covered */
    assert_int_equal(sotay_attachment_clear(d->an->client, false, &cleared, NULL), SOTAY_OK);
    assert_int_equal(cleared.files, 1);
    want(d, d->an);
    attach(d, d->data, 20 * KIB, item);
    assert_int_equal(sync_over(&d->w, d->an, &bad, &report), SOTAY_OK);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(report.attachments_wanted, 1);
    assert_true(report.complete);
}

/* ---- giving back room ---- */

static void test_only_what_can_be_had_again_goes(void **state)
{
    desk *d = *state;
    char other[SOTAY_ITEM_TEXT];
    sotay_cleared cleared;
    /* the same first pieces as the file that is sent: they are needed */
    static uint8_t longer[LEN + 16 * KIB];
    memcpy(longer, d->data, LEN);
    noise(longer + 96 * KIB, sizeof longer - 96 * KIB, 8);
    for (int is_backed_up = 0; is_backed_up < 2; is_backed_up++) {
        d->an->client->me.backed_up_to = is_backed_up ? UINT64_MAX : 0;
        assert_int_equal(sotay_attachment_clear(d->an->client, false, &cleared, NULL), SOTAY_OK);
        assert_int_equal(cleared.files + cleared.bytes, 0); /* nor before it has asked */
        assert_int_equal(cleared.kept_files, 1);
    }
    sync_well(d, d->an, NULL);
    attach(d, longer, sizeof longer, other);
    for (int says = 1; says >= 0; says--) {
        assert_int_equal(sotay_attachment_clear(d->an->client, says == 1, &cleared, NULL),
                         SOTAY_OK);
        assert_int_equal(cleared.files, 1);
        assert_int_equal(cleared.bytes, LEN - 96 * KIB);
        assert_int_equal(cleared.kept_files, 1);
        assert_int_equal(cleared.kept_bytes, sizeof longer);
        assert_true(is_state(d, d->an, d->item, says == 1 ? "here" : "partial"));
    }
    sync_well(d, d->an, NULL);
    assert_true(is_state(d, d->an, other, "here"));
    KIT_EXPECT(0, &d->w.book, "verify", "--json");
    assert_true(kit_says(KIT_OUT(&d->w.book), "\"attachments_missing\":0"));
    want(d, d->an);
    sync_well(d, d->an, NULL);
    assert_whole(d, d->an);
}

/* While the pieces of a file go up, binh's work arrives; how many entries the log has then. */
typedef struct {
    desk *d;
    uint64_t entries;
} meanwhile;

static int binh_comes(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    meanwhile *m = context;
    (void)reply;
    if (m->entries == 0 && strcmp(request->path, "/v1/have") == 0) {
        (void)phone_visit(m->d->binh, "bản");
        sync_well(m->d, m->d->binh, NULL);
        m->entries = m->d->binh->client->me.position;
    }
    return status;
}

/* A backup that the office makes just then may lack the file: only a later one lets it go. */
static void test_a_backup_made_while_it_went_up_covers_nothing(void **state)
{
    desk *d = *state;
    char other[SOTAY_ITEM_TEXT];
    meanwhile m = { d, 0 };
    line slow = { .files = binh_comes, .context = &m };
    sotay_report report;
    sotay_cleared cleared;
    uint64_t before = d->an->client->me.position;
    noise(d->data, LEN, 9);
    attach(d, d->data, LEN, other);
    sync_over_well(&d->w, d->an, &slow, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_true(m.entries > before);
    hear_of_a_backup(d, d->an, m.entries);
    assert_int_equal(sotay_attachment_clear(d->an->client, true, &cleared, NULL), SOTAY_OK);
    assert_int_equal(cleared.files, 1); /* the one of before */
    assert_int_equal(cleared.kept_files, 1);
    hear_of_a_backup(d, d->an, m.entries + 1);
    assert_int_equal(sotay_attachment_clear(d->an->client, false, &cleared, NULL), SOTAY_OK);
    assert_int_equal(cleared.files, 2);
}

/* After a restore the office may have lost it: whoever has it keeps it, and offers it. */
static void test_a_new_epoch_keeps_what_is_here(void **state)
{
    desk *d = *state;
    sotay_cleared cleared;
    want(d, d->binh);
    sync_well(d, d->binh, NULL);
    d->binh->client->me.epoch[0] ^= 1;
    assert_int_equal(sotay_attachment_clear(d->binh->client, false, &cleared, NULL), SOTAY_OK);
    assert_int_equal(cleared.files, 0);
    assert_int_equal(cleared.kept_files, 1);
    assert_true(phone_status_says(d->binh, "\"attachments_waiting\":1"));
    assert_whole(d, d->binh);
}

/* What was fetched goes with the unit; what is wanted of it is wanted no more. */
static void test_a_lost_unit_takes_it_along(void **state)
{
    desk *d = *state;
    char other[SOTAY_ITEM_TEXT];
    bool is_here = true;
    want(d, d->binh);
    sync_well(d, d->binh, NULL);
    attach(d, d->data, 10 * KIB, other);
    sync_well(d, d->an, NULL);
    sync_well(d, d->binh, NULL);
    assert_int_equal(sotay_attachment_want(d->binh->client, &d->visit, other, &is_here, NULL),
                     SOTAY_OK);
    KIT_EXPECT(0, &d->w.book, "unassign", "binh", KIT_UNIT);
    for (int i = 0; i < 3; i++)
        sync_well(d, d->binh, NULL);
    assert_true(phone_status_says(d->binh, "\"attachments_wanted\":0"));
    KIT_EXPECT(0, &d->w.book, "assign", "binh", KIT_UNIT);
    for (int i = 0; i < 3; i++)
        sync_well(d, d->binh, NULL);
    assert_true(is_state(d, d->binh, d->item, "away"));
    assert_true(is_state(d, d->binh, other, "away"));
    assert_true(is_state(d, d->an, d->item, "here")); /* its author keeps it */
}

/* ---- limits ---- */

static int try_attach(desk *d, size_t len)
{
    char item[SOTAY_ITEM_TEXT];
    const sotay_attachment file = { "a.pdf", d->data, len, NULL, NULL, 0 };
    return sotay_attach(d->an->client, &d->visit, &file, item, &d->an->error);
}

/* A dropped one makes room for another; a record of a hundred is sent like any other. */
static void test_a_record_has_a_hundred_files(void **state)
{
    desk *d = *state;
    char item[SOTAY_ITEM_TEXT];
    for (unsigned i = 1; i < ST_RECORD_FILES_MAX; i++)
        assert_int_equal(try_attach(d, 20 + i), SOTAY_OK);
    assert_int_equal(try_attach(d, 10), SOTAY_E_TOO_LARGE);
    assert_non_null(strstr(d->an->error.detail, "100 files"));
    memcpy(item, d->item, sizeof item);
    assert_int_equal(sotay_item_drop(d->an->client, &d->visit, "attachments", item, &d->an->error),
                     SOTAY_OK);
    assert_int_equal(try_attach(d, 10), SOTAY_OK);
    assert_int_equal(try_attach(d, 11), SOTAY_E_TOO_LARGE);
    sync_well(d, d->an, NULL);
    assert_true(phone_status_says(d->an, "\"attachments_waiting\":0"));
}

/* The same bytes are kept once, and count for the record each time. */
static void test_a_record_has_two_hundred_mebibytes(void **state)
{
    desk *d = *state;
    size_t len = 20 * KIB * KIB;
    if (getenv("TEST_LONG") == NULL)
        skip(); /* it seals 200 MiB */
    uint8_t *large = malloc(len);
    assert_non_null(large);
    noise(large, len, 3);
    char item[SOTAY_ITEM_TEXT];
    for (unsigned i = 0; i < 9; i++)
        attach(d, large, len, item);
    const sotay_attachment file = { "a.pdf", large, len, NULL, NULL, 0 };
    assert_int_equal(sotay_attach(d->an->client, &d->visit, &file, item, &d->an->error),
                     SOTAY_E_TOO_LARGE);
    assert_non_null(strstr(d->an->error.detail, "209715200"));
    attach(d, large, len - LEN, item); /* to the last byte */
    assert_int_equal(try_attach(d, 10), SOTAY_E_TOO_LARGE);
    free(large);
}

/* Full of photos: it says how room is made, words are still taken, and room helps at once. */
static void test_a_device_full_of_photos(void **state)
{
    desk *d = *state;
    sotay_client *client = d->an->client;
    st_hash hash = { { 0 } };
    st_error error = { ST_OK, "" };
    assert_int_equal(client_begin(client, true, &error), ST_OK);
    for (uint32_t i = 7; i < ATTACH_PIECES_MAX; i++) { /* seven are there */
        st_put_u32(hash.b, i);
        book_key key = attach_piece_key(BOOK_CHUNK, &hash);
        assert_int_equal(book_put(&client->book, &key, "x", 1, &error), ST_OK);
    }
    assert_int_equal(client_commit(client, &error), ST_OK);
    assert_int_equal(try_attach(d, 10), SOTAY_E_TOO_LARGE);
    assert_non_null(strstr(d->an->error.detail, "attachment clear"));
    (void)phone_visit(d->an, "bản");
    sotay_cleared cleared;
    hear_of_a_backup(d, d->an, UINT64_MAX);
    assert_int_equal(sotay_attachment_clear(client, false, &cleared, NULL), SOTAY_OK);
    assert_int_equal(try_attach(d, 10), SOTAY_OK);
}

/* ---- stores that fail ---- */

/* Each call that may fail does so once: nothing half is left, and the next try does it. */
static void test_a_store_that_fails(void **state)
{
    desk *d = *state;
    bool is_here = false, was_refused = true;
    sotay_cleared cleared;
    for (uint64_t n = 1; was_refused; n++) {
        sotay_memory_fail(&d->binh->port, n);
        int rc = sotay_attachment_want(d->binh->client, &d->visit, d->item, &is_here, NULL);
        sotay_memory_fail(&d->binh->port, 0);
        was_refused = rc != SOTAY_OK;
        assert_true(rc == SOTAY_OK || rc == SOTAY_E_STORAGE);
        assert_true(is_state(d, d->binh, d->item, was_refused ? "away" : "wanted"));
    }
    was_refused = true;
    for (uint64_t n = 1; was_refused; n += n < 20 ? 1 : 17) {
        line l = { 0 };
        assert_true(n < 5000);
        sotay_memory_fail(&d->binh->port, n);
        int rc = sync_over(&d->w, d->binh, &l, NULL);
        sotay_memory_fail(&d->binh->port, 0);
        was_refused = rc != SOTAY_OK;
        if (was_refused)
            phone_reopen(d->binh);
    }
    sync_well(d, d->binh, NULL);
    assert_whole(d, d->binh);
    was_refused = true;
    for (uint64_t n = 1; was_refused; n++) {
        sotay_memory_fail(&d->binh->port, n);
        int rc = sotay_attachment_clear(d->binh->client, false, &cleared, NULL);
        sotay_memory_fail(&d->binh->port, 0);
        was_refused = rc != SOTAY_OK;
        if (was_refused)
            assert_whole(d, d->binh);
    }
    assert_true(is_state(d, d->binh, d->item, "away"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_list_says_the_kind),
        CASE(test_what_is_wanted_comes),
        CASE(test_what_is_not_there_cannot_be_wanted),
        CASE(test_its_own_is_sent_and_not_fetched),
        CASE(test_it_goes_on_at_the_byte),
        CASE(test_a_part_that_is_damaged),
        CASE(test_as_much_as_the_line_carries),
        CASE(test_a_metered_line_fetches_nothing),
        CASE(test_servers_that_err),
        CASE(test_an_older_server_still_gets_files),
        CASE(test_only_what_can_be_had_again_goes),
        CASE(test_a_backup_made_while_it_went_up_covers_nothing),
        CASE(test_a_new_epoch_keeps_what_is_here),
        CASE(test_a_lost_unit_takes_it_along),
        CASE(test_a_record_has_a_hundred_files),
        CASE(test_a_record_has_two_hundred_mebibytes),
        CASE(test_a_device_full_of_photos),
        CASE(test_a_store_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
