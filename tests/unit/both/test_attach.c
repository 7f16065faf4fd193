/* tests/unit/both/test_attach.c
 * Files follow the data: sent in pieces as the line carries them, once each, and called sent only
 * when the server has said so of every piece. An answer that is wrong, a piece that cannot be read
 * or a server that knows nothing of files stops neither the data nor the other files. */
#include <png.h>

#include "tests/unit/both/fetch.h"

#include "client-lib/src/attach.h"
#include "proto/hash.h"
#include "server/sync/quota.h"

#define KIB ((size_t)1024)

typedef struct {
    world w;
    phone *an;
    sotay_id visit;
} desk;

static int desk_open(void **state)
{
    static desk d;
    world_make_with(&d.w, 1, (world_how){ 1, false });
    d.an = &d.w.phones[0];
    d.visit = phone_visit(d.an, "chợ");
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    world_free(&((desk *)*state)->w);
    return 0;
}

/* A PDF of so many bytes that no compression makes smaller. free(). */
static uint8_t *pdf_of(size_t len, uint64_t seed)
{
    uint8_t *data = malloc(len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(seed >> 56);
    }
    memcpy(data, "%PDF-1.7\n", 9);
    return data;
}

static int attach_bytes(desk *d, const sotay_id *record, const void *data, size_t len)
{
    char item[SOTAY_ITEM_TEXT];
    const sotay_attachment file = { "C:\\anh\\van-ban.pdf", data, len, "place", "cổng chợ", 0 };
    return sotay_attach(d->an->client, record, &file, item, &d->an->error);
}

static void attach_pdf(desk *d, size_t len, uint64_t seed)
{
    uint8_t *data = pdf_of(len, seed);
    assert_int_equal(attach_bytes(d, &d->visit, data, len), SOTAY_OK);
    free(data);
}

static void sync_files(desk *d, line *l, sotay_report *report)
{
    sync_over_well(&d->w, d->an, l, report);
}

/* All is sent, whatever waited. */
static void sync_all(desk *d)
{
    line l = { 0 };
    sotay_report report;
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_waiting, 0);
    assert_true(phone_status_says(d->an, "\"attachments_waiting\":0"));
    KIT_EXPECT(0, &d->w.book, "verify", "--json");
    assert_true(kit_says(KIT_OUT(&d->w.book), "\"attachments_missing\":0"));
}

/* ---- what goes over the line ---- */

typedef struct {
    unsigned asks, puts;
    size_t bytes, longest; /* of the bodies of PUT */
    phone *slow;           /* its clock goes on by so much for each request */
    uint64_t ms;
} meter;

static int measure(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    meter *m = context;
    (void)reply;
    bool puts = strcmp(request->method, "PUT") == 0;
    m->asks += !puts;
    m->puts += puts;
    if (puts)
        m->bytes += request->body_bytes;
    if (puts && request->body_bytes > m->longest)
        m->longest = request->body_bytes;
    if (m->slow != NULL) {
        int64_t wall_ms = 0;
        uint64_t mono_ms = 0;
        m->slow->port.now(m->slow->port.context, &wall_ms, &mono_ms);
        sotay_memory_clock(&m->slow->port, wall_ms + (int64_t)m->ms, mono_ms + m->ms);
    }
    return status;
}

static void test_sent_once(void **state)
{
    desk *d = *state;
    meter m = { 0 };
    line l = { .files = measure, .context = &m };
    sotay_report report;
    attach_pdf(d, 100 * KIB, 1);
    attach_pdf(d, 9, 0);
    assert_true(phone_status_says(d->an, "\"attachments_waiting\":2"));
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_sent, 2);
    assert_int_equal(report.attachments_waiting, 0);
    assert_true(m.asks >= 1 && m.puts >= 2 && m.bytes > 100 * KIB);
    sync_all(d);
    m = (meter){ 0 };
    sync_files(d, &l, &report);
    assert_int_equal(m.asks + m.puts, 0);
    /* the same bytes in another record: asked for, and not sent */
    sotay_id other = phone_visit(d->an, "trường");
    uint8_t *data = pdf_of(100 * KIB, 1);
    assert_int_equal(attach_bytes(d, &other, data, 100 * KIB), SOTAY_OK);
    free(data);
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(m.asks, 1);
    assert_int_equal(m.puts, 0);
    sync_all(d);
}

/* A piece that is in the file twice goes once; nothing of it is missing in the end. */
static void test_a_piece_that_is_there_twice(void **state)
{
    desk *d = *state;
    meter m = { 0 };
    line l = { .files = measure, .context = &m };
    sotay_report report;
    uint8_t *data = pdf_of(96 * KIB, 3);
    for (size_t i = 1; i < 6; i++)
        memcpy(data + i * 16 * KIB, data, 16 * KIB);
    assert_int_equal(attach_bytes(d, &d->visit, data, 96 * KIB), SOTAY_OK);
    free(data);
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_in_range(m.bytes, 16 * KIB, 20 * KIB);
    sync_all(d);
}

/* A good line gets more at once, a bad one small requests: so much is lost with it. */
static void test_as_much_as_the_line_carries(void **state)
{
    desk *d = *state;
    sotay_report report;
    meter fast = { 0 }, slow = { .slow = d->an, .ms = 20000 };
    line l = { .files = measure, .context = &fast };
    attach_pdf(d, 2200 * KIB, 4); /* pieces of 64 KiB */
    sync_files(d, &l, &report);
    assert_in_range(fast.longest, 256 * KIB, 330 * KIB);
    assert_true(fast.puts < 16);
    attach_pdf(d, 300 * KIB, 5);
    l.context = &slow;
    sync_files(d, &l, &report);
    assert_true(slow.longest < 40 * KIB);
    assert_true(slow.puts >= 9);
    sync_all(d);
}

/* Five files wait: four at a time, and the small ones do not wait for the large one. */
static void test_side_by_side(void **state)
{
    desk *d = *state;
    meter m = { 0 };
    line l = { .files = measure, .context = &m };
    sotay_report report;
    attach_pdf(d, 200 * KIB, 10);
    for (uint64_t i = 11; i < 17; i++)
        attach_pdf(d, 20 * KIB, i);
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_sent, 7);
    assert_true(m.asks >= 2);
    sync_all(d);
}

/* A program with a budget sends what fits into it, and the rest another time. */
static void test_a_budget(void **state)
{
    desk *d = *state;
    sotay_report report;
    unsigned syncs = 0;
    attach_pdf(d, 300 * KIB, 20);
    for (bool is_spent = true; is_spent; syncs++) {
        sotay_sync *sync = NULL;
        bool again = true;
        assert_true(syncs < 40);
        assert_int_equal(sotay_sync_begin(d->an->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 64 * KIB, false);
        int rc = SOTAY_OK;
        while (rc == SOTAY_OK && again) {
            sotay_request request;
            st_buffer reply;
            again = false;
            rc = sotay_sync_next(sync, &request, &d->an->error);
            if (rc != SOTAY_OK)
                break;
            int status = answer(&d->w, &request, &reply);
            rc = sotay_sync_feed(sync, reply.data, reply.len, NULL);
            if (rc == SOTAY_OK)
                rc = sotay_sync_end(sync, status, &again, NULL);
            st_buffer_free(&reply);
        }
        assert_int_equal(rc, SOTAY_OK);
        sotay_sync_report(sync, &report);
        assert_true(report.bytes_up + report.bytes_down < 2 * 64 * KIB);
        is_spent = report.is_spent;
        sotay_sync_free(sync);
    }
    assert_true(syncs >= 5);
    sync_all(d);
}

/* ---- an office that takes no more ---- */

/* Bytes of files that count for the phone's device. */
static uint64_t used_by(desk *d)
{
    store_txn txn = { 0 };
    sotay_who who;
    st_id device;
    uint64_t bytes = 0;
    sotay_whoami(d->an->client, &who);
    memcpy(device.b, who.device.b, sizeof device.b);
    assert_int_equal(store_begin(d->w.book.rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(quota_used(&txn, &device, &bytes, NULL), ST_OK);
    store_end(&txn);
    return bytes;
}

/* What fits goes, the rest is kept and said; records go on; nothing is sent in vain again and
 * again; and when the office takes more, the next sync brings it. */
static void test_a_device_that_may_bring_no_more(void **state)
{
    desk *d = *state;
    char says[48];
    meter m = { 0 };
    line l = { .files = measure, .context = &m };
    sotay_report report;
    sync_all(d);
    const uint64_t before = used_by(d), most = before + 50 * KIB;
    assert_true(before > 0);
    d->w.book.rooms.sync.files_per_device = most;
    attach_pdf(d, 100 * KIB, 400);
    (void)phone_visit(d->an, "bến xe");
    sync_files(d, &l, &report);
    assert_true(report.attachments_full && report.complete && !report.needs_person);
    assert_int_equal(report.attachments_waiting, 1);
    assert_in_range(used_by(d), before + 32 * KIB, most);
    assert_true(phone_status_says(d->an, "\"attachments_full\":true"));
    assert_true(phone_status_says(d->an, "\"ready\":0"));
    assert_true(phone_status_says(d->an, "\"safe_to_wipe\":false"));
    /* once more: one small request, and what the office has already is still found to be there */
    sotay_id other = phone_visit(d->an, "chợ mới");
    uint8_t *data = pdf_of(100 * KIB, 1);
    assert_int_equal(attach_bytes(d, &other, data, 100 * KIB), SOTAY_OK);
    free(data);
    m = (meter){ 0 };
    sync_files(d, &l, &report);
    assert_true(report.attachments_full);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(m.puts, 1);
    assert_in_range(m.bytes, 16 * KIB, 20 * KIB);
    assert_in_range(used_by(d), before + 32 * KIB, most);
    KIT_EXPECT(0, &d->w.book, "verify");
    /* by the next sync the office has raised it */
    d->w.book.rooms.sync.files_per_device = before + 100 * KIB;
    sync_files(d, &l, &report);
    assert_false(report.attachments_full);
    assert_true(phone_status_says(d->an, "\"attachments_full\":false"));
    assert_int_equal(used_by(d), before + 100 * KIB);
    (void)snprintf(says, sizeof says, "\"attachment_bytes\":%llu,",
                   (unsigned long long)used_by(d));
    KIT_EXPECT(0, &d->w.book, "device", "list", "--json");
    assert_true(kit_says(KIT_OUT(&d->w.book), says));
    d->w.book.rooms.sync.files_per_device = 0;
    sync_all(d);
}

/* ---- what cannot be attached ---- */

static void test_what_cannot_be_attached(void **state)
{
    desk *d = *state;
    static const sotay_id NOWHERE = { { 1, 2, 3 } };
    size_t len = 21 * KIB * KIB;
    uint8_t *large = pdf_of(len, 1);
    assert_int_equal(attach_bytes(d, &d->visit, large, len), SOTAY_E_TOO_LARGE);
    assert_int_equal(attach_bytes(d, &d->visit, "", 0), SOTAY_E_VALUE);
    assert_int_equal(attach_bytes(d, &d->visit, "MZ\x90", 3), SOTAY_E_VALUE);
    assert_int_equal(attach_bytes(d, &d->visit, "\xff\xd8\xff\xe0", 4), SOTAY_E_VALUE);
    assert_int_equal(attach_bytes(d, &NOWHERE, large, 100), SOTAY_E_NOT_FOUND);
    sotay_id contact;
    const sotay_pairs none = { NULL, 0 };
    assert_int_equal(
        sotay_record_new(d->an->client, "unit_contact", KIT_UNIT, none, &contact, &d->an->error),
        SOTAY_OK);
    assert_int_equal(attach_bytes(d, &contact, large, 100), SOTAY_E_VALUE);
    assert_non_null(strstr(d->an->error.detail, "no attachments"));
    const sotay_attachment nowhere = { "a.pdf", large, 100, "khong_co", NULL, 0 };
    char item[SOTAY_ITEM_TEXT];
    assert_int_equal(sotay_attach(d->an->client, &d->visit, &nowhere, item, &d->an->error),
                     SOTAY_E_VALUE);
    assert_non_null(strstr(d->an->error.detail, "no place of this record"));
    free(large);
    /* nothing of it is left */
    assert_true(phone_status_says(d->an, "\"attachments_waiting\":0"));
    sync_all(d);
}

/* ---- pictures ---- */

static struct {
    int code;
    unsigned calls, fail_at; /* this call of those that come; 0: none */
} painter;

/* The port's own, but for one call. */
static int paint(void *context, const sotay_picture_ask *ask, sotay_picture *out,
                 sotay_error *error)
{
    if (++painter.calls == painter.fail_at)
        return painter.code;
    return sotay_picture_fit(context, ask, out, error);
}

static uint8_t *png_of(uint32_t width, uint32_t height, size_t *out_len)
{
    png_image image;
    png_alloc_size_t len = 0;
    uint8_t *grey = malloc((size_t)width * height);
    assert_non_null(grey);
    for (size_t i = 0; i < (size_t)width * height; i++)
        grey[i] = (uint8_t)(i * 7 + i / width);
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_GRAY;
    assert_int_not_equal(png_image_write_get_memory_size(image, len, 0, grey, 0, NULL), 0);
    uint8_t *png = malloc(len);
    assert_non_null(png);
    assert_int_not_equal(png_image_write_to_memory(&image, png, &len, 0, grey, 0, NULL), 0);
    free(grey);
    *out_len = len;
    return png;
}

/* How a picture came out, from what the record shows. */
static void test_pictures_get_small(void **state)
{
    desk *d = *state;
    static const struct {
        uint32_t width, height;
        unsigned longest, calls;
        const char *side;
        unsigned points;
    } CASES[] = {
        { 300, 200, 0, 1, "\"width\":", 300 },   /* only the small one for the list */
        { 1800, 100, 0, 2, "\"width\":", 1600 }, /* as people attach them */
        { 60, 900, 450, 2, "\"height\":", 450 }, /* as small as was asked for */
        { 400, 200, 400, 1, "\"width\":", 400 },
    };
    d->an->port.picture = paint;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t len = 0;
        char item[SOTAY_ITEM_TEXT];
        uint8_t *png = png_of(CASES[i].width, CASES[i].height, &len);
        sotay_id visit = phone_visit(d->an, "ảnh");
        const sotay_attachment file = { "a/b/anh.png", png, len, NULL, "", CASES[i].longest };
        painter.calls = painter.fail_at = 0;
        assert_int_equal(sotay_attach(d->an->client, &visit, &file, item, &d->an->error), SOTAY_OK);
        assert_int_equal(painter.calls, CASES[i].calls);
        char *json = shown(d->an, &visit);
        const char *side = strstr(json, CASES[i].side);
        assert_non_null(side);
        assert_int_equal(strtoul(strstr(side, "\"value\":") + 8, NULL, 10), CASES[i].points);
        assert_non_null(strstr(json, "anh.png"));
        assert_null(strstr(json, "a/b"));
        sotay_text_free(json);
        free(png);
    }
    d->an->port.picture = NULL;
    sync_all(d);
}

/* The port cannot read it: it goes as it is. It has no memory, or will not take so much: that is
 * said, and nothing is attached. */
static void test_a_port_that_cannot_paint(void **state)
{
    desk *d = *state;
    static const struct {
        int code;
        unsigned at;
        int want;
    } CASES[] = {
        { SOTAY_E_VALUE, 1, SOTAY_OK },
        { SOTAY_E_VALUE, 2, SOTAY_OK },
        { SOTAY_E_TOO_LARGE, 1, SOTAY_E_TOO_LARGE },
        { SOTAY_E_MEMORY, 1, SOTAY_E_MEMORY },
        { SOTAY_E_MEMORY, 2, SOTAY_E_MEMORY },
    };
    size_t len = 0;
    uint8_t *png = png_of(1700, 90, &len);
    unsigned attached = 0;
    d->an->port.picture = paint;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char item[SOTAY_ITEM_TEXT], want[48];
        sotay_id visit = phone_visit(d->an, "ảnh");
        const sotay_attachment file = { "anh.png", png, len, NULL, NULL, 0 };
        painter.code = CASES[i].code;
        painter.fail_at = CASES[i].at;
        painter.calls = 0;
        int rc = sotay_attach(d->an->client, &visit, &file, item, &d->an->error);
        assert_int_equal(rc, CASES[i].want);
        attached += rc == SOTAY_OK;
        (void)snprintf(want, sizeof want, "\"attachments_waiting\":%u", attached);
        assert_true(phone_status_says(d->an, want));
    }
    d->an->port.picture = NULL;
    free(png);
    sync_all(d);
}

/* ---- answers ---- */

typedef enum {
    WELL,
    NO_LANE, /* a server that knows nothing of files */
    NO_METHOD,
    BROKEN,  /* 500, and words */
    FOREIGN, /* 200, and words */
    CUT,
    ANOTHER,       /* about a record that was not asked for */
    TWO,           /* more answers than there were questions */
    NONE,          /* fewer */
    UNKNOWN,       /* the record is not there yet */
    STILL_MISSING, /* whatever is sent */
    OTHERS_MISSING /* pieces that are none of the file */
} said;

typedef struct {
    said how;
    bool to_puts; /* this is said to PUT, else to POST */
    st_id record;
    st_hash piece;
    unsigned times;
} liar;

static int say(void *context, const sotay_request *request, int status, st_buffer *reply)
{
    liar *l = context;
    if ((strcmp(request->method, "PUT") == 0) != l->to_puts)
        return status;
    l->times++;
    st_frame frames[2];
    memset(frames, 0, sizeof frames);
    for (size_t i = 0; i < 2; i++) {
        frames[i].kind = ST_FRAME_HAVE_ANSWER;
        frames[i].as.have_answer.record = l->record;
    }
    st_have_answer *first = &frames[0].as.have_answer;
    st_hash none = st_sha256("none", 4);
    switch (l->how) {
    case WELL: return status;
    case NO_LANE: st_buffer_clear(reply); return 404;
    case NO_METHOD: st_buffer_clear(reply); return 405;
    case BROKEN:
    case FOREIGN:
        st_buffer_clear(reply);
        assert_int_equal(st_buffer_append(reply, "<html>", 6, NULL), ST_OK);
        return l->how == BROKEN ? 500 : 200;
    case CUT: reply->len /= 2; return 0;
    case ANOTHER: first->record.b[3] ^= 1; break;
    case TWO: line_answer(frames, 2, reply); return 200;
    case NONE: line_answer(frames, 0, reply); return 200;
    case UNKNOWN:
        first->unknown = &l->piece;
        first->unknown_count = 1;
        break;
    case STILL_MISSING:
        first->missing = &l->piece;
        first->missing_count = 1;
        break;
    case OTHERS_MISSING:
        first->missing = &none;
        first->missing_count = 1;
        break;
    }
    line_answer(frames, 1, reply);
    return 200;
}

static void test_answers_that_are_wrong(void **state)
{
    desk *d = *state;
    static const struct {
        said how;
        bool to_puts;
        int want;
        unsigned waiting; /* of one file, when the sync came through */
    } CASES[] = {
        { NO_LANE, false, SOTAY_OK, 1 },        { NO_LANE, true, SOTAY_OK, 1 },
        { NO_METHOD, true, SOTAY_OK, 1 },       { BROKEN, false, SOTAY_E_SERVER, 1 },
        { BROKEN, true, SOTAY_E_SERVER, 1 },    { FOREIGN, true, SOTAY_E_NETWORK, 1 },
        { CUT, false, SOTAY_E_NETWORK, 1 },     { CUT, true, SOTAY_E_NETWORK, 1 },
        { ANOTHER, false, SOTAY_E_CORRUPT, 1 }, { ANOTHER, true, SOTAY_E_CORRUPT, 1 },
        { TWO, false, SOTAY_E_CORRUPT, 1 },     { TWO, true, SOTAY_E_CORRUPT, 1 },
        { NONE, false, SOTAY_E_NETWORK, 1 },    { NONE, true, SOTAY_E_NETWORK, 1 },
        { UNKNOWN, false, SOTAY_OK, 1 },        { UNKNOWN, true, SOTAY_OK, 1 },
        { STILL_MISSING, true, SOTAY_OK, 1 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        liar who = { CASES[i].how, CASES[i].to_puts, .record = phone_id(&d->visit) };
        line l = { .files = say, .context = &who };
        sotay_report report = { 0 };
        char want[48];
        uint8_t *data = pdf_of(5 * KIB, 100 + i);
        who.piece = st_sha256(data, 5 * KIB);
        assert_int_equal(attach_bytes(d, &d->visit, data, 5 * KIB), SOTAY_OK);
        free(data);
        int rc = sync_over(&d->w, d->an, &l, &report);
        if (rc != CASES[i].want)
            fail_msg("case %zu: %s: %s", i, sotay_code_name((sotay_code)rc), d->an->error.detail);
        assert_int_equal(who.times, CASES[i].how == STILL_MISSING ? 3 : 1);
        (void)snprintf(want, sizeof want, "\"attachments_waiting\":%u", CASES[i].waiting);
        assert_true(phone_status_says(d->an, want));
        assert_true(phone_status_says(d->an, "\"ready\":0")); /* the data went before */
        if (rc == SOTAY_OK)
            assert_int_equal(report.attachments_waiting, CASES[i].waiting);
        sync_all(d);
    }
}

/* A server that has all, or lacks what nobody has: the phone believes it, and the file is sent. */
static void test_nothing_of_ours_is_missing(void **state)
{
    desk *d = *state;
    liar who = { OTHERS_MISSING, false, .record = phone_id(&d->visit) };
    line l = { .files = say, .context = &who };
    sotay_report report;
    uint8_t *data = pdf_of(5 * KIB, 99);
    assert_int_equal(attach_bytes(d, &d->visit, data, 5 * KIB), SOTAY_OK);
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(report.attachments_waiting, 0);
    free(data);
}

/* Nobody asked about files: such a frame in another answer ends the sync. */
static void test_an_answer_that_was_not_asked_for(void **state)
{
    desk *d = *state;
    sotay_sync *sync = NULL;
    sotay_request request;
    st_frame frame;
    st_buffer reply;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_HAVE_ANSWER;
    frame.as.have_answer.record = phone_id(&d->visit);
    st_buffer_init(&reply, 1u << 16);
    line_answer(&frame, 1, &reply);
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_string_equal(request.path, "/v1/sync");
    assert_int_equal(sotay_sync_feed(sync, reply.data, reply.len, &d->an->error), SOTAY_E_CORRUPT);
    assert_non_null(strstr(d->an->error.detail, "not asked for"));
    sotay_sync_free(sync);
    st_buffer_free(&reply);
}

/* ---- the store ---- */

static void change_store(desk *d, const book_key *key, const void *data, size_t len)
{
    st_error error = { 0 };
    assert_int_equal(client_begin(d->an->client, true, &error), ST_OK);
    assert_int_equal(data == NULL ? book_delete(&d->an->client->book, key, &error)
                                  : book_put(&d->an->client->book, key, data, len, &error),
                     ST_OK);
    assert_int_equal(client_commit(d->an->client, &error), ST_OK);
}

static book_key key_of_piece(const void *data, size_t len)
{
    st_hash hash = st_sha256(data, len);
    book_key key = book_key_of(BOOK_CHUNK);
    book_key_bytes(&key, hash.b, sizeof hash.b);
    return key;
}

/* A piece that is gone stops its own file for today, and no other. */
static void test_a_piece_that_is_gone(void **state)
{
    desk *d = *state;
    line l = { 0 };
    sotay_report report;
    uint8_t *lost = pdf_of(40 * KIB, 200);
    assert_int_equal(attach_bytes(d, &d->visit, lost, 40 * KIB), SOTAY_OK);
    attach_pdf(d, 10 * KIB, 201);
    book_key key = key_of_piece(lost + 16 * KIB, 16 * KIB);
    change_store(d, &key, NULL, 0);
    sync_files(d, &l, &report);
    assert_int_equal(report.attachments_sent, 1);
    assert_int_equal(report.attachments_waiting, 1);
    change_store(d, &key, lost + 16 * KIB, 16 * KIB); /* somebody attached the same bytes */
    free(lost);
    sync_all(d);
}

/* The note of a file that cannot be: the sync says so, whatever is wrong with it. */
static void test_a_note_that_cannot_be(void **state)
{
    desk *d = *state;
    static const struct {
        size_t len;
        size_t key_bytes;
    } CASES[] = { { 16, 16 }, { 17, 16 }, { 18, 16 }, { 17 + 32, 15 } };
    static const uint8_t ZEROS[64] = { 0 };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_id record = phone_id(&d->visit);
        line l = { 0 };
        book_key key = book_key_id(BOOK_ATTACH, &record);
        book_key_bytes(&key, ZEROS, CASES[i].key_bytes);
        change_store(d, &key, ZEROS, CASES[i].len);
        assert_int_equal(sync_over(&d->w, d->an, &l, NULL), SOTAY_E_CORRUPT);
        assert_non_null(strstr(d->an->error.detail, "attachment"));
        change_store(d, &key, NULL, 0);
    }
    sync_all(d);
}

/* A phone is not safe to wipe while only the server's disk has the file, and no backup. */
static void test_what_no_backup_has(void **state)
{
    desk *d = *state;
    char backup[96], command[128];
    line l = { 0 };
    sotay_report report;
    attach_pdf(d, 9 * KIB, 300);
    sync_all(d);
    assert_true(phone_status_says(d->an, "\"safe_to_wipe\":false"));
    (void)snprintf(backup, sizeof backup, "%s.backup", d->w.book.dir);
    (void)snprintf(command, sizeof command, "rm -rf %s", backup);
    /* A backup of the same entries may be older than the pieces; one with more of them is not. */
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            (void)phone_visit(d->an, "sau");
        sync_files(d, &l, &report);
        for (int copies = 0; copies < 2; copies++) { /* one alone may lie on the same disk */
            KIT_EXPECT(0, &d->w.book, "backup", backup);
            assert_int_equal(system(command), 0);
        }
        sync_files(d, &l, &report);
        assert_true(
            phone_status_says(d->an, i == 1 ? "\"safe_to_wipe\":true" : "\"safe_to_wipe\":false"));
    }
}

/* The unit is another's, and the phone has another key, before the file has gone: nobody else has
 * it, and the office takes it from him. The last test: an has no unit then. */
static void test_a_file_of_before_another_key(void **state)
{
    desk *d = *state;
    sotay_sync *sync = NULL;
    sotay_report report;
    attach_pdf(d, 30 * KIB, 77);
    assert_int_equal(sotay_sync_begin(d->an->client, &sync, &d->an->error), SOTAY_OK);
    sotay_sync_limit(sync, 0, true);
    assert_int_equal(run(&d->w, sync, 0, &report), SOTAY_OK);
    assert_int_equal(report.attachments_waiting, 1);
    KIT_EXPECT(0, &d->w.book, "unassign", "an", KIT_UNIT);
    enrol(&d->w, d->an, "an", true);
    sync_phone_well(&d->w, d->an, &report);
    sync_phone_well(&d->w, d->an, &report);
    assert_int_equal(report.attachments_waiting, 0);
    KIT_EXPECT(0, &d->w.book, "verify");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sent_once),
        cmocka_unit_test(test_a_piece_that_is_there_twice),
        cmocka_unit_test(test_as_much_as_the_line_carries),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_a_budget),
        cmocka_unit_test(test_a_device_that_may_bring_no_more),
        cmocka_unit_test(test_what_cannot_be_attached),
        cmocka_unit_test(test_pictures_get_small),
        cmocka_unit_test(test_a_port_that_cannot_paint),
        cmocka_unit_test(test_answers_that_are_wrong),
        cmocka_unit_test(test_an_answer_that_was_not_asked_for),
        cmocka_unit_test(test_a_piece_that_is_gone),
        cmocka_unit_test(test_a_note_that_cannot_be),
        cmocka_unit_test(test_what_no_backup_has),
        cmocka_unit_test(test_nothing_of_ours_is_missing),
        cmocka_unit_test(test_a_file_of_before_another_key),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
