/* tools/fuzz/seeds_carried.c - seeds of the fuzzers whose bytes come in files: frames of bundles
 * and of another phone, published logs, pictures. */
#include <stdlib.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "proto/leaf.h"
#include "tests/unit/proto/make_frames.h"
#include "tools/fuzz/parts.h"
#include "tools/fuzz/phone_world.h"
#include "tools/fuzz/seeder.h"

#define PARTS_MAX (1u << 20)

static void put_frame(const st_frame *frame, st_buffer *out)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    FUZZ_MUST(st_frame_encode(frame, &bytes, NULL) == ST_OK);
    parts_put(bytes.data, bytes.len, out);
    st_buffer_free(&bytes);
}

/* Two bytes that choose what is done with a bundle or a log, in front of its parts. */
static void begin(st_buffer *parts, uint8_t low, uint8_t high)
{
    const uint8_t choice[2] = { high, low };
    st_buffer_clear(parts);
    fuzz_append(parts, choice, sizeof choice);
}

/* Each frame alone, taken and with a byte changed; and all that belong into a bundle. */
static void write_bundles(seeder *s)
{
    st_buffer parts, all;
    st_buffer_init(&parts, PARTS_MAX);
    st_buffer_init(&all, PARTS_MAX);
    begin(&all, 2, 2);
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_frame frame = make_frame(i, &s->arena);
        begin(&parts, (uint8_t)i, (uint8_t)(i / 4));
        put_frame(&frame, &parts);
        seeder_save(s, "carry", -1, parts.data, parts.len);
        if (frame.kind == ST_FRAME_PARCEL || frame.kind == ST_FRAME_RECEIPT)
            put_frame(&frame, &all);
    }
    seeder_save(s, "carry", -1, all.data, all.len);
    all.data[1] = 2 + 4 * 5; /* receipts that the server did not sign */
    seeder_save(s, "carry", -1, all.data, all.len);
    all.data[1] = 1;
    seeder_save(s, "carry", -1, all.data, all.len);
    all.data[1] = 3;
    seeder_save(s, "carry", -1, all.data, all.len);
    st_buffer_free(&all);
    st_buffer_free(&parts);
}

/* Another phone brings sets that the server's own device signed, two at a time. */
static void write_sets(seeder *s)
{
    const edge *e = phone_world_get()->e;
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    begin(&parts, 3, 0);
    for (size_t i = 0, some = 0; i < e->entries_count; i++) {
        const st_entry *entry = &e->entries[i].entry;
        if (entry->set_len == 0 || entry->set_len > 1500)
            continue;
        const st_frame frame = { .kind = ST_FRAME_SET,
                                 .as.set = { .bytes = entry->set, .len = entry->set_len } };
        put_frame(&frame, &parts);
        if (++some % 2 != 0)
            continue;
        seeder_save(s, "carry", -1, parts.data, parts.len);
        begin(&parts, some % 4 == 0 ? 3 : 7, 0);
    }
    st_buffer_free(&parts);
}

/* The sets of one of the fuzzer's two phones, as it chains them; which: 0x21 or 0x22. */
static void put_chain(uint8_t which, size_t sets, st_buffer *parts)
{
    uint8_t seed[32], key[32], secret[64];
    st_leaf leaf = { .kind = ST_ENTRY_CHANGE, .verdict = "stored", .has_commit = true };
    st_buffer bytes;
    memset(seed, which, sizeof seed);
    st_sign_keypair(seed, key, secret);
    leaf.device = st_device_id(key);
    leaf.actor = make_id(0xaa, 0xaa);
    st_buffer_init(&bytes, ST_LEAF_BYTES_MAX);
    (void)st_bucket_set(&leaf.bucket, "01477/unit/01477-x01", 20);
    for (size_t i = 0; i < sets; i++) {
        leaf.time_ms = 1773282601000 + (int64_t)i;
        leaf.first = leaf.last + 1;
        leaf.last += 3;
        leaf.has_prev = i > 0;
        leaf.prev = leaf.commit;
        leaf.commit = st_sha256(&i, sizeof i);
        st_buffer_clear(&bytes);
        FUZZ_MUST(st_leaf_encode(&leaf, &bytes, NULL) == ST_OK);
        parts_put(bytes.data, bytes.len, parts);
    }
    st_buffer_free(&bytes);
}

/* A note of the server itself, which no device signs; 300 of them need a second tile. */
static void put_notes(uint8_t times, st_buffer *parts)
{
    st_leaf leaf = { .kind = ST_ENTRY_EPOCH, .verdict = "-", .time_ms = 1773282601009 };
    st_buffer bytes;
    st_buffer_init(&bytes, ST_LEAF_BYTES_MAX);
    const uint8_t repeat[2] = { 'r', times };
    fuzz_append(&bytes, repeat, sizeof repeat);
    FUZZ_MUST(st_leaf_encode(&leaf, &bytes, NULL) == ST_OK);
    parts_put(bytes.data, bytes.len, parts);
    st_buffer_free(&bytes);
}

/* A log whose key changes twice, with an epoch and logs that phones were shown before; how: 0 is
 * true, else a lie about a key or about a log. */
static void write_lists(seeder *s, uint8_t how, st_buffer *parts)
{
    const uint8_t change[2] = { 'k', how }, given[3] = { 'g', how % 5, 90 };
    begin(parts, how, 0);
    put_chain(0x21, 2, parts);
    parts_put("k\0", 2, parts);
    parts_put(change, sizeof change, parts);
    seeder_save(s, "export", -1, parts->data, parts->len);
    parts_put("e", 1, parts);
    parts_put("g\0d", 3, parts);
    seeder_save(s, "export", -1, parts->data, parts->len);
    begin(parts, how, 1);
    put_chain(0x22, 2, parts);
    parts_put("e", 1, parts);
    parts_put(given, sizeof given, parts);
    seeder_save(s, "export", -1, parts->data, parts->len);
}

static void write_exports(seeder *s)
{
    st_buffer parts;
    st_buffer_init(&parts, PARTS_MAX);
    for (uint8_t i = 0; i < 4; i++) {
        begin(&parts, i, 7);
        put_chain(i % 2 == 0 ? 0x21 : 0x22, 1u + i, &parts);
        if (i >= 2)
            put_notes(i == 3 ? 255 : 3, &parts);
        if (i == 3)
            put_notes(99, &parts);
        if (i % 2 == 1)
            parts_put("w", 1, &parts);
        if (i == 2)
            parts_put("dsotay-devices/v1\n", 18, &parts);
        seeder_save(s, "export", -1, parts.data, parts.len);
    }
    begin(&parts, 0, 0);
    seeder_save(s, "export", -1, parts.data, parts.len);
    for (uint8_t how = 0; how < 7; how++)
        write_lists(s, how, &parts);
    st_buffer_free(&parts);
}

/* A PNG of 12 by 12 points: red green above, blue white below. */
static const char PNG_HEX[] =
    "89504e470d0a1a0a0000000d494844520000000c0000000c0802000000d917cbb00000001b4944415478"
    "da63f8cfc0808618fe13818688224c314c30641501000123d7294444d4a40000000049454e44ae426082";

/* The PNG, and the JPEG that the port makes of it; three choices in front. */
static void write_picture(seeder *s, uint8_t orientation)
{
    uint8_t file[4096] = { orientation, 9, 40 };
    size_t len = (sizeof PNG_HEX - 1) / 2;
    FUZZ_MUST(st_unhex(PNG_HEX, len * 2, file + 3, len));
    seeder_save(s, "picture", -1, file, len + 3);
    const sotay_picture_ask ask = { file + 3, len, 1, 64, sizeof file - 3 };
    sotay_picture picture = { 0 };
    FUZZ_MUST(sotay_picture_fit(NULL, &ask, &picture, NULL) == SOTAY_OK);
    memcpy(file + 3, picture.data, picture.len);
    seeder_save(s, "picture", -1, file, picture.len + 3);
    free(picture.data);
}

/* Stores of pages of 256 bytes, as fuzz_tail has them: two heads, a branch, a leaf with a short row
 * of the list of free pages and a long one, which lies on a page of its own. Words as of here. */
#define TAIL_PAGE 256u
#define TAIL_HEAD (sizeof(size_t) + 8)

static void put_words(uint8_t *at, const size_t *words, size_t count)
{
    memcpy(at, words, count * sizeof *words);
}

static void put_page(uint8_t *page, size_t number, uint16_t flags, uint16_t nodes)
{
    const uint16_t head[4] = { 0, flags, (uint16_t)(TAIL_HEAD + 2 * nodes), TAIL_PAGE };
    put_words(page, &number, 1);
    memcpy(page + sizeof number, head, sizeof head);
}

/* A node with this number (a child, or the bytes of its value) at `offset` of the page. */
static uint8_t *put_node(uint8_t *page, uint16_t n, uint16_t offset, uint16_t number,
                         uint16_t flags)
{
    const uint16_t one = 1;
    const bool little = *(const uint8_t *)&one == 1;
    const uint16_t node[4] = { little ? number : 0, little ? 0 : number, flags, 0 };
    memcpy(page + TAIL_HEAD + 2 * n, &offset, sizeof offset);
    memcpy(page + offset, node, sizeof node);
    return page + offset + sizeof node;
}

static void put_meta(uint8_t *page, size_t root, size_t last, size_t txn)
{
    const uint32_t magic[2] = { 0xBEEFC0DEu, 1 };
    const uint32_t table_head[2] = { TAIL_PAGE, 0 };
    const size_t counts[5] = { 0, 1, 0, 2, root }, ends[2] = { last, txn };
    uint8_t *at = page + TAIL_HEAD;
    memcpy(at, magic, sizeof magic);
    at += sizeof magic + 2 * sizeof(size_t);
    for (int i = 0; i < 2; i++) {
        memcpy(at, table_head, sizeof table_head);
        put_words(at + sizeof table_head, counts, 5);
        at += sizeof table_head + sizeof counts;
    }
    put_words(at, ends, 2);
}

static void write_tails(seeder *s)
{
    static uint8_t pages[6 * TAIL_PAGE];
    const size_t row[3] = { 2, 7, 6 }, big[4] = { 3, 9, 8, 5 }, big_page = 4;
    put_page(pages, 0, 8, 0);
    put_meta(pages, SIZE_MAX, 4, 1);
    put_page(pages + TAIL_PAGE, 1, 8, 0);
    put_meta(pages + TAIL_PAGE, 2, 9, 2);
    put_page(pages + 2 * TAIL_PAGE, 2, 1, 1);
    (void)put_node(pages + 2 * TAIL_PAGE, 0, 200, 3, 0);
    put_page(pages + 3 * TAIL_PAGE, 3, 2, 2);
    put_words(put_node(pages + 3 * TAIL_PAGE, 0, 208, sizeof row, 0), row, 3);
    put_words(put_node(pages + 3 * TAIL_PAGE, 1, 160, sizeof big, 1), &big_page, 1);
    put_page(pages + 4 * TAIL_PAGE, 4, 4, 0);
    put_words(pages + 4 * TAIL_PAGE + TAIL_HEAD, big, 4);
    seeder_save(s, "tail", -1, pages, 5 * TAIL_PAGE);       /* all of 5 to 9 is free */
    seeder_save(s, "tail", -1, pages, 4 * TAIL_PAGE + 100); /* the list itself was cut */
    seeder_save(s, "tail", -1, pages, 6 * TAIL_PAGE);
    seeder_save(s, "tail", -1, pages, TAIL_PAGE);
}

void seeder_write_carried(seeder *s)
{
    write_tails(s);
    write_bundles(s);
    write_sets(s);
    write_exports(s);
    write_picture(s, 1);
    write_picture(s, 6);
}
