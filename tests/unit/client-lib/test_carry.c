/* tests/unit/client-lib/test_carry.c
 * A phone that meets one that does not keep to the rules: whatever the other says, out of place,
 * cut, too long, in somebody else's name, it is called what it is, nothing of it is kept, and it
 * meets an honest phone as before. The other one is made by hand, with binh's own key. */
#include "proto/carry.h"
#include "proto/frame.h"
#include "tests/unit/client-lib/carried_desk.h"
#include "tests/unit/client-lib/meeting.h"

#define MESSAGE_MAX 1048576u

typedef struct {
    desk *d;
    sotay_carry *carry; /* an's, who serves */
    st_kx_pair pair;
    st_kx_keys keys;
    st_buffer out, in;  /* what is said to an, what an has said */
    st_buffer hello;    /* ours */
    uint64_t sent;
    st_hash transcript;
    bool is_done;
    sotay_error error;
} stranger;

/* ---- the stranger ---- */

static void stranger_open(stranger *s, desk *d)
{
    memset(s, 0, sizeof *s);
    s->d = d;
    st_buffer_init(&s->out, (size_t)4 * MESSAGE_MAX);
    st_buffer_init(&s->in, (size_t)4 * MESSAGE_MAX);
    st_buffer_init(&s->hello, MESSAGE_MAX);
    assert_int_equal(sotay_carry_begin(d->an.client, false, &s->carry, NULL), SOTAY_OK);
}

static void stranger_close(stranger *s)
{
    sotay_carry_free(s->carry);
    st_buffer_free(&s->out);
    st_buffer_free(&s->in);
    st_buffer_free(&s->hello);
}

static void put(st_buffer *to, const void *data, size_t len)
{
    assert_int_equal(st_buffer_append(to, data, len, NULL), ST_OK);
}

/* One message as it goes over the line. */
static void say(stranger *s, const void *data, size_t len)
{
    uint8_t number[4];
    st_put_u32(number, (uint32_t)len);
    put(&s->out, number, sizeof number);
    put(&s->out, data, len);
}

/* an hears it all and answers. */
static int hears(stranger *s)
{
    sotay_slice bytes = { NULL, 0 };
    int rc = sotay_carry_feed(s->carry, s->out.data, s->out.len, &s->error);
    st_buffer_clear(&s->out);
    if (rc == SOTAY_OK)
        rc = sotay_carry_next(s->carry, &bytes, &s->is_done, &s->error);
    if (rc == SOTAY_OK && bytes.len > 0)
        put(&s->in, bytes.data, bytes.len);
    return rc;
}

static st_carry good_hello(stranger *s)
{
    static const uint8_t SEED[32] = { 42 };
    st_carry hello = { .version = 1, .log = s->d->an.client->me.log,
                       .device = s->d->binh.client->me.speaker };
    st_kx_keypair(SEED, s->pair.public_key, s->pair.secret);
    memcpy(hello.key, s->pair.public_key, sizeof hello.key);
    return hello;
}

static void say_hello(stranger *s, const st_carry *hello)
{
    const st_frame frame = { .kind = ST_FRAME_CARRY, .as.carry = *hello };
    st_buffer_clear(&s->hello);
    assert_int_equal(st_frame_encode(&frame, &s->hello, NULL), ST_OK);
    say(s, s->hello.data, s->hello.len);
}

/* Reads an's hello: the keys follow. */
static void agree(stranger *s)
{
    st_frame frame;
    assert_true(s->in.len > 4);
    st_mac_text theirs = { s->in.data + 4, st_get_u32(s->in.data) };
    st_mac_text ours = { s->hello.data, s->hello.len };
    assert_int_equal(st_frame_decode(theirs.data, theirs.len, &s->d->arena, &frame, NULL), ST_OK);
    assert_int_equal(frame.kind, ST_FRAME_CARRY);
    assert_true(st_kx_agree(false, &s->pair, frame.as.carry.key, &s->keys));
    s->transcript = st_carry_transcript(theirs, ours);
}

/* These bytes, sealed as the next message. */
static void say_sealed(stranger *s, const void *stream, size_t len)
{
    static const uint8_t NONCE[24] = { 1 };
    uint8_t number[8], *sealed = malloc(len + ST_AEAD_EXTRA);
    assert_non_null(sealed);
    st_put_u64(number, s->sent++);
    const st_ad ad = { number, sizeof number };
    st_aead_seal(s->keys.send, NONCE, stream, len, ad, sealed);
    say(s, sealed, len + ST_AEAD_EXTRA);
    free(sealed);
}

/* One frame, given as bytes, in a stream of its own. */
static void say_bytes(stranger *s, const uint8_t *frame, size_t len)
{
    st_buffer stream;
    st_frame_writer *writer = NULL;
    st_buffer_init(&stream, MESSAGE_MAX);
    assert_int_equal(st_frame_writer_new(3, &stream, &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, frame, len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    say_sealed(s, stream.data, stream.len);
    st_buffer_free(&stream);
}

static void say_frame(stranger *s, const st_frame *frame)
{
    st_buffer bytes;
    st_buffer_init(&bytes, MESSAGE_MAX);
    assert_int_equal(st_frame_encode(frame, &bytes, NULL), ST_OK);
    say_bytes(s, bytes.data, bytes.len);
    st_buffer_free(&bytes);
}

/* What proves that it is binh's phone, and what it wants to have. */
static st_frame good_offer(stranger *s)
{
    uint8_t text[ST_CARRY_SIGN_BYTES];
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_carry *offer = &frame.as.carry;
    sotay_client *binh = s->d->binh.client;
    const sotay_slice slice = { text, sizeof text };
    st_carry_sign_text(&binh->me.log, true, &s->transcript, text);
    offer->has_signature = true;
    offer->buckets = &s->d->set.bucket;
    offer->buckets_count = 1;
    assert_int_equal(client_sign(binh, binh->me.sign_key, slice, offer->signature, NULL), ST_OK);
    return frame;
}

static void say_offer(stranger *s)
{
    st_frame offer = good_offer(s);
    say_frame(s, &offer);
}

static void say_end(stranger *s, bool more)
{
    const st_frame end = { .kind = ST_FRAME_CARRY,
                           .as.carry = { .end = true, .taken = true, .more = more } };
    say_frame(s, &end);
}

static void greet(stranger *s)
{
    st_carry hello = good_hello(s);
    say_hello(s, &hello);
    assert_int_equal(hears(s), SOTAY_OK);
    agree(s);
}

static void greet_and_offer(stranger *s)
{
    greet(s);
    say_offer(s);
    assert_int_equal(hears(s), SOTAY_OK);
}

/* ---- whoever said something wrong ---- */

/* It is over, and stays over; nothing is kept, and an honest phone is met as ever. */
static void must_be_over(stranger *s, int rc, int want)
{
    bool is_done = true;
    sotay_slice bytes = { NULL, 0 };
    sotay_carry_report report;
    if (rc != want)
        print_message("  said %s: %s\n", sotay_code_name((sotay_code)rc), s->error.detail);
    assert_int_equal(rc, want);
    assert_string_not_equal(s->error.detail, "");
    assert_int_equal(sotay_carry_next(s->carry, &bytes, &is_done, NULL), want);
    assert_int_equal(sotay_carry_feed(s->carry, "x", 1, NULL), want);
    sotay_carry_report_get(s->carry, &report);
    assert_false(report.done);
    assert_int_equal(report.sets_taken + report.pieces_taken + report.receipts_taken, 0);
    must_hold(s->d, 0, 0);
    assert_int_equal(rows_count(&s->d->an, BOOK_RECEIPT), 0);
}

static void must_meet_well(desk *d)
{
    phone an, binh;
    memset(&an, 0, sizeof an);
    memset(&binh, 0, sizeof binh);
    assert_int_equal(sotay_memory_copy(&d->an.port, false, &an.port, NULL), SOTAY_OK);
    assert_int_equal(sotay_memory_copy(&d->binh.port, false, &binh.port, NULL), SOTAY_OK);
    phone_open(&an);
    phone_open(&binh);
    meeting m = { .who = { &an, &binh } };
    assert_int_equal(meeting_run(&m), SOTAY_OK);
    assert_true(m.reports[0].done && m.reports[1].done);
    assert_int_equal(m.reports[0].sets_taken, 1);
    phone_free(&an);
    phone_free(&binh);
}

typedef struct {
    const char *why;
    void (*says)(stranger *s);
    int want;
} sin;

typedef void (*opening)(stranger *s);

static void try_sins(desk *d, const sin *sins, size_t count, opening before)
{
    for (size_t i = 0; i < count; i++) {
        stranger s;
        print_message("  case: %s\n", sins[i].why);
        stranger_open(&s, d);
        if (before != NULL)
            before(&s);
        sins[i].says(&s);
        must_be_over(&s, hears(&s), sins[i].want);
        stranger_close(&s);
    }
    must_meet_well(d);
}

#define TRY(sins, before) try_sins(*state, sins, sizeof(sins) / sizeof((sins)[0]), before)

/* ---- the first word ---- */

static void no_version(stranger *s)
{
    st_carry hello = good_hello(s);
    hello.version = 0;
    say_hello(s, &hello);
}

static void another_book(stranger *s)
{
    st_carry hello = good_hello(s);
    hello.log.b[3] ^= 1;
    say_hello(s, &hello);
}

static void itself(stranger *s)
{
    st_carry hello = good_hello(s);
    hello.device = s->d->an.client->me.speaker;
    say_hello(s, &hello);
}

static void nobody(stranger *s)
{
    st_carry hello = good_hello(s);
    hello.device.b[7] ^= 1;
    say_hello(s, &hello);
}

static void no_key(stranger *s)
{
    st_carry hello = good_hello(s);
    memset(hello.key, 0, sizeof hello.key);
    say_hello(s, &hello);
}

static void no_hello(stranger *s)
{
    static const st_verdict STORED = { .first = 1, .kind = ST_VERDICT_STORED };
    const st_frame frame = { .kind = ST_FRAME_VERDICT, .as.verdict = STORED };
    assert_int_equal(st_frame_encode(&frame, &s->hello, NULL), ST_OK);
    say(s, s->hello.data, s->hello.len);
}

static void noise(stranger *s)
{
    say(s, "GET / HTTP/1.1\r\n\r\n", 18);
}

static void long_hello(stranger *s)
{
    static const uint8_t ZEROS[4097];
    say(s, ZEROS, sizeof ZEROS);
}

static void of_no_length(stranger *s)
{
    put(&s->out, "\0\0\0\0", 4);
}

static void of_too_great_length(stranger *s)
{
    uint8_t number[4];
    st_put_u32(number, MESSAGE_MAX + 1);
    put(&s->out, number, sizeof number);
}

static void test_first_words_that_are_none(void **state)
{
    static const sin SINS[] = {
        { "no hello, a proof at once", no_version, SOTAY_E_CORRUPT },
        { "a frame that is no hello", no_hello, SOTAY_E_CORRUPT },
        { "another program", noise, SOTAY_E_CORRUPT },
        { "a hello of 4097 bytes", long_hello, SOTAY_E_CORRUPT },
        { "a message of no bytes", of_no_length, SOTAY_E_CORRUPT },
        { "a message of over a MiB", of_too_great_length, SOTAY_E_CORRUPT },
        { "a phone with another book", another_book, SOTAY_E_DENIED },
        { "this phone itself", itself, SOTAY_E_DENIED },
        { "a phone that nobody knows", nobody, SOTAY_E_DENIED },
        { "a phone that gives no key", no_key, SOTAY_E_SIGNATURE },
    };
    TRY(SINS, NULL);
}

/* ---- the proof ---- */

static void no_proof(stranger *s)
{
    st_frame offer = good_offer(s);
    offer.as.carry.has_signature = false;
    say_frame(s, &offer);
}

static void anothers_proof(stranger *s)
{
    st_frame offer = good_offer(s);
    offer.as.carry.signature[9] ^= 1;
    say_frame(s, &offer);
}

static void no_bytes_within(stranger *s)
{
    static const uint8_t ZEROS[ST_AEAD_EXTRA];
    say(s, ZEROS, sizeof ZEROS);
}

static void not_sealed(stranger *s)
{
    static const uint8_t ZEROS[ST_AEAD_EXTRA + 40];
    say(s, ZEROS, sizeof ZEROS);
}

static void said_twice(stranger *s)
{
    st_frame offer = good_offer(s);
    s->sent = 1; /* as if a message before it were lost */
    say_frame(s, &offer);
}

static void no_stream(stranger *s)
{
    say_sealed(s, "this is no zstd stream at all", 29);
}

static void half_a_stream(stranger *s)
{
    st_buffer stream, bytes;
    st_frame_writer *writer = NULL;
    st_frame offer = good_offer(s);
    st_buffer_init(&stream, MESSAGE_MAX);
    st_buffer_init(&bytes, MESSAGE_MAX);
    offer.as.carry.has_signature = false;
    assert_int_equal(st_frame_encode(&offer, &bytes, NULL), ST_OK);
    assert_int_equal(st_frame_writer_new(3, &stream, &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    say_sealed(s, stream.data, stream.len - 3);
    st_buffer_free(&stream);
    st_buffer_free(&bytes);
}

static void a_frame_of_noise(stranger *s)
{
    static const uint8_t NOISE[] = { 0xff, 0xff, 0xff, 0xff, 0x01 };
    say_bytes(s, NOISE, sizeof NOISE);
}

static void hello_again(stranger *s)
{
    const st_frame frame = { .kind = ST_FRAME_CARRY, .as.carry = good_hello(s) };
    say_frame(s, &frame);
}

static void say_set(stranger *s, const uint8_t *bytes, size_t len)
{
    st_frame frame = { .kind = ST_FRAME_SET };
    frame.as.set.bytes = bytes;
    frame.as.set.len = len;
    say_frame(s, &frame);
}

static void binhs_set(stranger *s)
{
    say_set(s, s->d->bytes.data, s->d->bytes.len);
}

static void a_verdict(stranger *s)
{
    static const st_verdict STORED = { .first = 1, .kind = ST_VERDICT_STORED };
    const st_frame frame = { .kind = ST_FRAME_VERDICT, .as.verdict = STORED };
    say_frame(s, &frame);
}

static void test_proofs_that_are_none(void **state)
{
    static const sin SINS[] = {
        { "an offer without a proof", no_proof, SOTAY_E_SIGNATURE },
        { "a proof that somebody else signed", anothers_proof, SOTAY_E_SIGNATURE },
        { "a message with nothing within", no_bytes_within, SOTAY_E_CORRUPT },
        { "a message that is not sealed", not_sealed, SOTAY_E_SIGNATURE },
        { "a message out of its turn", said_twice, SOTAY_E_SIGNATURE },
        { "a message that is no stream", no_stream, SOTAY_E_CORRUPT },
        { "a stream that is cut", half_a_stream, SOTAY_E_CORRUPT },
        { "a frame of noise", a_frame_of_noise, SOTAY_E_CORRUPT },
        { "a second hello", hello_again, SOTAY_E_CORRUPT },
        { "a set before the proof", binhs_set, SOTAY_E_CORRUPT },
        { "a word that only a server says", a_verdict, SOTAY_E_CORRUPT },
    };
    TRY(SINS, greet);
}

/* ---- what is given ---- */

/* In one stream with it. */
static void a_set_after_the_end(stranger *s)
{
    st_buffer stream, bytes;
    st_frame_writer *writer = NULL;
    st_frame frames[2] = { { .kind = ST_FRAME_CARRY, .as.carry = { .end = true } },
                           { .kind = ST_FRAME_SET } };
    frames[1].as.set.bytes = s->d->bytes.data;
    frames[1].as.set.len = s->d->bytes.len;
    st_buffer_init(&stream, MESSAGE_MAX);
    st_buffer_init(&bytes, MESSAGE_MAX);
    assert_int_equal(st_frame_writer_new(3, &stream, &writer, NULL), ST_OK);
    for (int i = 0; i < 2; i++) {
        st_buffer_clear(&bytes);
        assert_int_equal(st_frame_encode(&frames[i], &bytes, NULL), ST_OK);
        assert_int_equal(st_frame_write(writer, bytes.data, bytes.len, NULL), ST_OK);
    }
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    say_sealed(s, stream.data, stream.len);
    st_buffer_free(&stream);
    st_buffer_free(&bytes);
}

static void noise_for_a_set(stranger *s)
{
    binhs_set(s);
    say_set(s, (const uint8_t *)"no set of anybody", 17);
    say_end(s, false);
}

/* A whole set, of the device of binh, that somebody else signed. */
static void a_forged_set(stranger *s)
{
    static stored_row forged;
    forged = s->d->bytes;
    forged.data[forged.len - 1] ^= 1;
    say_set(s, forged.data, forged.len);
    binhs_set(s);
    say_end(s, false);
}

static void a_word_out_of_place(stranger *s)
{
    binhs_set(s);
    a_verdict(s);
    say_end(s, false);
}

static void test_what_is_given_is_taken_whole_or_not(void **state)
{
    static const sin SINS[] = {
        { "noise for a set", noise_for_a_set, SOTAY_E_CORRUPT },
        { "a set that its author did not sign", a_forged_set, SOTAY_E_SIGNATURE },
        { "a word that only a server says", a_word_out_of_place, SOTAY_E_CORRUPT },
        { "a set after the last word", a_set_after_the_end, SOTAY_E_CORRUPT },
    };
    TRY(SINS, greet_and_offer);
}

/* ---- what is no sin ---- */

/* Frames of a newer program are passed over, a second offer is not heard, what comes after the last
 * word is not read, and half a message is waited for. */
static void test_what_a_newer_phone_may_say(void **state)
{
    static const uint8_t UNKNOWN[] = { 0xa2, 0x1f, 0x01, 0x00 }; /* field 500, one byte */
    stranger s;
    sotay_carry_report report;
    desk *d = *state;
    stranger_open(&s, d);
    greet(&s);
    say_bytes(&s, UNKNOWN, sizeof UNKNOWN);
    assert_int_equal(hears(&s), SOTAY_OK);
    assert_false(s.is_done);
    say_offer(&s);
    st_buffer half = s.out;
    st_buffer_init(&s.out, (size_t)4 * MESSAGE_MAX);
    for (size_t i = 0; i < half.len; i++) {
        put(&s.out, half.data + i, 1);
        assert_int_equal(hears(&s), SOTAY_OK);
        sotay_carry_report_get(s.carry, &report);
        assert_int_equal(report.has_peer, i + 1 == half.len);
    }
    st_buffer_free(&half);
    st_frame again = { .kind = ST_FRAME_CARRY };
    say_frame(&s, &again);
    binhs_set(&s);
    say_end(&s, true);
    assert_int_equal(hears(&s), SOTAY_OK);
    assert_true(s.is_done);
    sotay_carry_report_get(s.carry, &report);
    assert_true(report.done && report.more);
    assert_int_equal(report.sets_taken, 1);
    assert_string_equal(report.login, "binh");
    must_hold(d, 1, 0);
    assert_true(shows(d));
    stranger_close(&s);
}

/* A set that comes twice, and that binh says it has, goes no second time. */
static void test_what_the_other_one_has_is_not_given(void **state)
{
    stranger s;
    desk *d = *state;
    sotay_carry_report report;
    assert_true(takes(d));
    for (int i = 0; i < 3; i++) {
        stranger_open(&s, d);
        greet(&s);
        st_frame offer = good_offer(&s);
        st_carry_known known = { d->set.device, d->set.first, { 0 } };
        memcpy(known.start, d->set.hash.b, sizeof known.start);
        known.first += i == 1 ? 1 : 0;
        known.start[0] ^= i == 2 ? 1 : 0;
        offer.as.carry.known = &known;
        offer.as.carry.known_count = 1;
        say_frame(&s, &offer);
        binhs_set(&s);
        say_end(&s, false);
        assert_int_equal(hears(&s), SOTAY_OK);
        sotay_carry_report_get(s.carry, &report);
        assert_int_equal(report.sets_given, 0); /* it is binh's own: named or not */
        assert_int_equal(report.sets_taken, 0);
        assert_true(report.done && !report.more);
        stranger_close(&s);
    }
    must_hold(d, 1, 0);
}

/* Parcels in what an has said since the hello; there is no set in the open. */
static size_t parcels_given(stranger *s)
{
    size_t at = 4 + st_get_u32(s->in.data), parcels = 0;
    for (uint64_t n = 0; at < s->in.len; n++) {
        uint8_t number[8], *stream;
        const uint8_t *frame = NULL;
        st_frame_reader *reader = NULL;
        st_err bad = ST_OK;
        size_t len = st_get_u32(s->in.data + at), frame_len = 0;
        st_put_u64(number, n);
        const st_ad ad = { number, sizeof number };
        stream = malloc(len);
        assert_non_null(stream);
        assert_int_equal(st_aead_open(s->keys.receive, s->in.data + at + 4, len, ad, stream),
                         ST_OK);
        assert_int_equal(st_frame_reader_new(1u << 20, &reader, NULL), ST_OK);
        assert_int_equal(st_frame_feed(reader, stream, len - ST_AEAD_EXTRA, NULL), ST_OK);
        while (st_frame_read(reader, &frame, &frame_len, &bad)) {
            st_frame said;
            assert_int_equal(st_frame_decode(frame, frame_len, &s->d->arena, &said, NULL), ST_OK);
            assert_int_not_equal(said.kind, ST_FRAME_SET);
            parcels += said.kind == ST_FRAME_PARCEL;
        }
        st_frame_reader_free(reader);
        free(stream);
        at += 4 + len;
    }
    return parcels;
}

/* The newest own set of a phone. */
static st_carry_known newest_of(phone *p)
{
    static stored_row row;
    st_set set;
    st_arena arena;
    st_carry_known newest = { .first = 0 };
    rows_seal(p);
    st_arena_init(&arena, (size_t)8 << 20);
    for (size_t i = 0; rows_get(p, BOOK_SET, i, &row); i++) {
        uint64_t first = st_get_u64(row.key.b + 17);
        if (memcmp(row.key.b + 1, p->client->me.device.b, 16) != 0 || first < newest.first)
            continue;
        assert_int_equal(st_set_decode(row.data, row.len, &arena, &set, NULL), ST_OK);
        newest.device = set.device;
        newest.first = first;
        memcpy(newest.start, set.hash.b, sizeof newest.start);
    }
    st_arena_reset(&arena);
    return newest;
}

/* What it does not ask for, or may not read (the catalogue assigns nobody), goes sealed; what it
 * has, not at all, but only this very set. */
static void test_what_is_given_in_which_way(void **state)
{
    static const struct {
        const char *why;
        bool asks, asks_for_other, knows, of_another_hash, of_another_first, is_sealed;
        size_t parcels;
    } CASES[] = {
        { "it asks for what it may not read", true, false, false, false, false, false, 1 },
        { "it asks for nothing", false, false, false, false, false, false, 1 },
        { "it asks for what nobody knows", false, true, false, false, false, false, 1 },
        { "it has it", true, false, true, false, false, false, 0 },
        { "it has it sealed, and gets no other", true, false, true, false, false, true, 0 },
        { "it has another branch", true, false, true, true, false, false, 1 },
        { "it has another one", true, false, true, false, true, false, 1 },
    };
    desk *d = *state;
    const st_bucket foreign = { "01477/unit/other" };
    (void)phone_visit(&d->an, "của an");
    st_carry_known own = newest_of(&d->an);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        stranger s;
        st_carry_known known = own;
        print_message("  case: %s\n", CASES[i].why);
        stranger_open(&s, d);
        greet(&s);
        st_frame offer = good_offer(&s);
        known.start[0] ^= CASES[i].of_another_hash ? 1 : 0;
        known.first += CASES[i].of_another_first ? 1 : 0;
        offer.as.carry.buckets = CASES[i].asks ? &d->set.bucket : &foreign;
        offer.as.carry.buckets_count = CASES[i].asks || CASES[i].asks_for_other ? 1 : 0;
        offer.as.carry.known = &known;
        offer.as.carry.known_count = CASES[i].knows ? 1 : 0;
        offer.as.carry.known_sealed = CASES[i].is_sealed ? 1 : 0;
        say_frame(&s, &offer);
        assert_int_equal(hears(&s), SOTAY_OK);
        assert_int_equal(parcels_given(&s), CASES[i].parcels);
        stranger_close(&s);
    }
}

/* That there is more, and that all was taken, may be said again and again. */
static void test_words_that_are_said_again(void **state)
{
    stranger s;
    sotay_carry_report report;
    desk *d = *state;
    stranger_open(&s, d);
    greet_and_offer(&s);
    for (int i = 0; i < 2; i++) {
        const st_frame word = { .kind = ST_FRAME_CARRY, .as.carry = { .taken = true,
                                                                      .more = i == 0 } };
        say_frame(&s, &word);
    }
    binhs_set(&s);
    say_end(&s, false);
    assert_int_equal(hears(&s), SOTAY_OK);
    sotay_carry_report_get(s.carry, &report);
    assert_true(s.is_done && report.done && report.more);
    assert_int_equal(report.sets_taken, 1);
    stranger_close(&s);
}

/* What was typed, and what is not sealed yet, is sealed first, however long that takes. */
static void test_sealing_that_takes_its_time(void **state)
{
    stranger s;
    desk *d = *state;
    sotay_slice bytes = { NULL, 0 };
    bool is_done = false;
    int pending = 0, rc;
    sotay_id visit = phone_visit(&d->an, "chợ");
    assert_int_equal(sotay_draft_put(d->an.client, &visit, "general_note", "gõ dở", NULL),
                     SOTAY_OK);
    stranger_open(&s, d);
    sotay_memory_pending(&d->an.port, true, false);
    while ((rc = sotay_carry_next(s.carry, &bytes, &is_done, &s.error)) == SOTAY_PENDING) {
        pending++;
        assert_int_equal(sotay_memory_settle(&d->an.port, d->an.client, SOTAY_OK, NULL), SOTAY_OK);
    }
    assert_int_equal(rc, SOTAY_OK);
    assert_true(pending >= 2); /* the save, the seal */
    sotay_memory_pending(&d->an.port, false, false);
    greet_and_offer(&s);
    say_end(&s, false);
    assert_int_equal(hears(&s), SOTAY_OK);
    assert_true(s.is_done);
    assert_true(phone_status_says(&d->an, "\"working_copies\":0"));
    stranger_close(&s);
}

/* What came is on disk later, or is not: then nothing is said to be taken. */
static void test_what_cannot_be_kept_is_not_taken(void **state)
{
    desk *d = *state;
    for (int fails = 1; fails >= 0; fails--) {
        stranger s;
        sotay_carry_report report;
        sotay_slice bytes = { NULL, 0 };
        bool is_done = false;
        stranger_open(&s, d);
        greet_and_offer(&s);
        binhs_set(&s);
        say_end(&s, false);
        sotay_memory_pending(&d->an.port, true, false);
        assert_int_equal(hears(&s), SOTAY_PENDING);
        assert_int_equal(sotay_carry_next(s.carry, &bytes, &is_done, NULL), SOTAY_E_BUSY);
        sotay_memory_pending(&d->an.port, false, false);
        int settled = fails ? SOTAY_E_STORAGE : SOTAY_OK;
        assert_int_equal(sotay_memory_settle(&d->an.port, d->an.client, settled, NULL), settled);
        assert_int_equal(sotay_carry_next(s.carry, &bytes, &is_done, &s.error), settled);
        sotay_carry_report_get(s.carry, &report);
        assert_int_equal(report.sets_taken, fails ? 0 : 1);
        assert_int_equal(is_done, !fails);
        must_hold(d, fails ? 0 : 1, 0);
        stranger_close(&s);
    }
    assert_true(shows(d));
}

/* ---- one thing at a time ---- */

static void test_one_thing_at_a_time(void **state)
{
    desk *d = *state;
    sotay_carry *carry = NULL, *second = NULL;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_sync *sync = NULL;
    phone nobody_yet;
    assert_int_equal(sotay_carry_begin(d->an.client, true, &carry, NULL), SOTAY_OK);
    assert_int_equal(sotay_carry_begin(d->an.client, true, &second, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_sync_begin(d->an.client, &sync, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_bundle_begin(d->an.client, &bundle, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_bundle_import(d->an.client, "x", 1, &report, NULL), SOTAY_E_BUSY);
    sotay_carry_free(carry);
    sotay_memory_pending(&d->an.port, true, false);
    assert_int_equal(phone_set(&d->an, &d->visit, "place", "x"), SOTAY_E_NOT_FOUND);
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" } };
    const sotay_pairs pairs = { list, 1 };
    sotay_id visit;
    assert_int_equal(sotay_record_new(d->an.client, "visit", EDGE_UNIT, pairs, &visit, NULL),
                     SOTAY_PENDING);
    assert_int_equal(sotay_carry_begin(d->an.client, true, &second, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_bundle_begin(d->an.client, &bundle, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_memory_settle(&d->an.port, d->an.client, SOTAY_OK, NULL), SOTAY_OK);
    sotay_memory_pending(&d->an.port, false, false);
    assert_null(second);
    assert_null(bundle);
    phone_new(&nobody_yet, 99);
    assert_int_equal(sotay_carry_begin(nobody_yet.client, true, &second, NULL), SOTAY_E_STATE);
    assert_int_equal(sotay_bundle_begin(nobody_yet.client, &bundle, NULL), SOTAY_E_STATE);
    phone_free(&nobody_yet);
    sotay_carry_free(NULL);
    sotay_bundle_free(NULL);
    must_meet_well(d);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_first_words_that_are_none),
        CASE(test_proofs_that_are_none),
        CASE(test_what_is_given_is_taken_whole_or_not),
        CASE(test_what_a_newer_phone_may_say),
        CASE(test_what_the_other_one_has_is_not_given),
        CASE(test_what_is_given_in_which_way),
        CASE(test_words_that_are_said_again),
        CASE(test_sealing_that_takes_its_time),
        CASE(test_what_cannot_be_kept_is_not_taken),
        CASE(test_one_thing_at_a_time),
    };
    return cmocka_run_group_tests_name("carry", tests, NULL, NULL);
}
