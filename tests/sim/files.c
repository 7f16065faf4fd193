/* tests/sim/files.c - files that officers attach: made here from their number, so that whoever has
 * one can be asked for its bytes; sent, fetched, cleared, declared lost, collected. Promises that a
 * piece of which a device was told that it is here stays while anything names it, that a file is at
 * the office as long as a phone that has all of it may still send, and that both sides count alike
 * what is missing. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "server/sync/have.h"
#include "server/sync/quota.h"
#include "tests/sim/model.h"

#define KINDS           12u /* of different files */
#define BYTES_MAX       40000u
#define TRIES           8u
#define FIELD_HASHES    5u
#define FIELD_CAPTION   14u
#define FIELD_LOST      15u
#define GROUP           50u /* attachments of the form `visit` */
#define COLLECT_SKIP_MS (INT64_C(91) * 86400 * 1000)

/* ---- a file from its number ---- */

/* Even ones are pictures (a head with a size, data, an end), odd ones documents. */
static size_t make_file(uint32_t no, uint8_t bytes[BYTES_MAX])
{
    static const size_t SIZES[] = { 300, 9000, 20000, BYTES_MAX };
    static const uint8_t HEAD[] = { 0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 2, 88, 3, 32, 1, 1,
                                    0x11, 0,    0xff, 0xda, 0, 8,  1, 1, 0,  0, 63, 0 };
    static const uint8_t END[] = { 0xff, 0xd9 };
    sim_random r = { no };
    size_t len = SIZES[no % 4];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(sim_next(&r) >> 40 & 0x7f);
    if (no % 2 == 0) {
        memcpy(bytes, HEAD, sizeof HEAD);
        memcpy(bytes + len - sizeof END, END, sizeof END);
    } else {
        memcpy(bytes, "%PDF-1.7\n", 9);
    }
    return len;
}

/* To a record that the phone has. Often the data goes at once, and the file with a better line. */
void sim_do_attach(sim_world *w, sim_phone *p, sim_random *r)
{
    char name[16], word[16], item[SOTAY_ITEM_TEXT];
    uint8_t bytes[BYTES_MAX];
    uint32_t no = sim_pick(r, KINDS), mark = sim_mark_new(w, word);
    size_t len = make_file(no, bytes);
    (void)snprintf(name, sizeof name, "f%u", no);
    const sotay_attachment file = { name, bytes, len, NULL, word, 0 };
    int rc = SOTAY_E_NOT_FOUND;
    sim_say(w, " file %u '%s'", no, word);
    sim_phone_writes(w, p);
    for (uint32_t n = 0; n < TRIES && rc == SOTAY_E_NOT_FOUND && !p->tap->is_dead; n++) {
        sotay_error error = { 0 };
        const sim_record *record = sim_record_pick(w, r);
        if (record != NULL)
            rc = sim_done(w, p, sotay_attach(p->client, &record->id, &file, item, &error), &error);
        if (rc == SOTAY_E_NOT_FOUND && n == 1)
            sim_sync_whole(w, p, w->plan->trouble_permille);
    }
    if (!sim_is_saved(p, rc))
        return;
    sim_count(w, SIM_ATTACHED);
    sim_mark_keep(w, p, mark);
    sim_holds_add(&p->files, mark);
    if (rc != SOTAY_OK || !sim_chance(r, 600))
        return;
    p->is_metered = sim_chance(r, 500);
    (void)sim_sync_start(w, p, NULL, w->plan->trouble_permille);
    p->is_metered = false;
}

/* ---- lists of files, of both sides ---- */

typedef struct {
    char item[SOTAY_ITEM_TEXT], name[16], state[16];
    uint64_t bytes, pieces, missing;
} listed;

static const char *value_of(const char *at, const char *key, char *out, size_t out_bytes)
{
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(at, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    at += *at == '"';
    (void)snprintf(out, out_bytes, "%.*s", (int)strcspn(at, "\",}"), at);
    return at;
}

/* The next file of a list that one of the two sides printed. NULL: no more. */
static const char *next_listed(const char *at, listed *out)
{
    char bytes[24] = "0", pieces[24] = "0", missing[24] = "0";
    at = value_of(at, "item", out->item, sizeof out->item);
    at = at == NULL ? NULL : value_of(at, "name", out->name, sizeof out->name);
    at = at == NULL ? NULL : value_of(at, "bytes", bytes, sizeof bytes);
    at = at == NULL ? NULL : value_of(at, "state", out->state, sizeof out->state);
    at = at == NULL ? NULL : value_of(at, "pieces", pieces, sizeof pieces);
    at = at == NULL ? NULL : value_of(at, "pieces_missing", missing, sizeof missing);
    out->bytes = strtoull(bytes, NULL, 10);
    out->pieces = strtoull(pieces, NULL, 10);
    out->missing = strtoull(missing, NULL, 10);
    return at;
}

static bool is_state(const listed *file, const char *state)
{
    return strcmp(file->state, state) == 0;
}

/* ---- wanting, clearing ---- */

/* Asks for what is not here of one record. Returns how many files. */
static uint32_t want_of(sim_world *w, sim_phone *p, const sim_record *record)
{
    char *json = NULL;
    listed file;
    uint32_t count = 0;
    sotay_error error = { 0 };
    int rc = sotay_attachment_list(p->client, &record->id, SOTAY_JSON, &json, &error);
    if (rc != SOTAY_OK) {
        (void)sim_done(w, p, rc, &error);
        return 0;
    }
    for (const char *at = json; rc == SOTAY_OK && (at = next_listed(at, &file)) != NULL;) {
        bool is_here = false;
        if (file.missing == 0)
            continue;
        sim_say(w, " %s", file.name);
        rc = sotay_attachment_want(p->client, &record->id, file.item, &is_here, &error);
        rc = sim_done(w, p, rc, &error);
        count++;
    }
    sotay_text_free(json);
    return count;
}

/* Mostly somebody else wants to see what this phone's officer attached. */
void sim_do_want(sim_world *w, sim_phone *p, sim_random *r)
{
    uint32_t count = 0;
    sim_phone *q = sim_chance(r, 800) ? &w->phones[sim_pick(r, (uint32_t)w->phones_count)] : p;
    if (!q->exists)
        return;
    sim_phone_ready(w, q);
    sim_say(w, " on phone %u", sim_phone_no(w, q));
    if (sim_chance(r, 600))
        sim_sync_whole(w, q, w->plan->trouble_permille);
    for (uint32_t n = 0; n < TRIES && count == 0 && !q->tap->is_dead; n++) {
        const sim_record *record = sim_record_pick(w, r);
        count = record == NULL ? 0 : want_of(w, q, record);
    }
    if (count > 0 && !q->tap->is_dead && sim_chance(r, 800))
        (void)sim_sync_start(w, q, NULL, w->plan->trouble_permille);
    sim_phone_look(w, q);
}

/* He sends what he has, the office makes a backup, he hears of it: then there is room to gain. */
void sim_do_clear(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_cleared cleared = { 0 };
    sotay_error error = { 0 };
    if (sim_chance(r, 800)) {
        sim_sync_whole(w, p, 0);
        sim_phone_look(w, p);
        if (w->is_up)
            sim_yesterday_tell(w);
        sim_sync_whole(w, p, 0);
        sim_phone_look(w, p);
    }
    sim_phone_ready(w, p);
    int rc = sim_done(w, p, sotay_attachment_clear(p->client, false, &cleared, &error), &error);
    sim_say(w, " %llu files", (unsigned long long)cleared.files);
    if (rc == SOTAY_OK && cleared.files > 0)
        sim_count(w, SIM_FILE_CLEARED);
}

/* ---- the office ---- */

/* Declares the files of a record lost that have not come; one that was declared may come after
 * all. Returns how many it was about. */
static uint32_t lose_of(sim_world *w, const sim_record *record)
{
    char hex[33];
    listed file;
    uint32_t count = 0;
    sotay_id_format(&record->id, hex);
    if (SIM_CTL(w, "attachment", "list", hex, "--json") != 0)
        return 0;
    char *list = sim_must(strdup(SIM_OUT(w)));
    for (const char *at = list; (at = next_listed(at, &file)) != NULL;) {
        bool lifts = is_state(&file, "lost");
        if (!lifts && !is_state(&file, "waiting") && !is_state(&file, "partial"))
            continue;
        int code = lifts ? SIM_CTL(w, "attachment", "lost", hex, file.item, "--lift", "--as",
                                   "office", "--reason", "đã tìm thấy")
                         : SIM_CTL(w, "attachment", "lost", hex, file.item, "--as", "office",
                                   "--reason", "máy hỏng");
        sim_say(w, " %s: exit %d", file.name, code);
        if (code == 0 && !lifts)
            sim_count(w, SIM_FILE_LOST);
        count++;
    }
    free(list);
    return count;
}

void sim_do_lost_file(sim_world *w, sim_phone *p, sim_random *r)
{
    (void)p;
    uint32_t first = sim_pick(r, SIM_RECORDS_MAX), count = 0;
    for (uint32_t n = 0; n < w->records_count && count == 0 && w->is_up; n++)
        count = lose_of(w, &w->records[(first + n) % w->records_count]);
}

/* Pieces that nothing names go after 90 days: it is looked twice, the second time that much later
 * by the server's clock. Now and then the book is an older one by then, that does not name them. */
void sim_do_collect(sim_world *w, sim_phone *p, sim_random *r)
{
    char due[24] = "0";
    bool is_late = sim_chance(r, 800);
    if (w->plan->is_rough && sim_chance(r, 600)) {
        sim_do_server_restore(w, p, r);
        while (!w->is_up)
            sim_pass(w, 1000);
    }
    if (SIM_CTL(w, "attachment", "collect", "--json") != 0 || !is_late)
        return;
    w->server_skip_ms = COLLECT_SKIP_MS;
    if (SIM_CTL(w, "attachment", "collect", "--json") == 0)
        (void)value_of(SIM_OUT(w), "due_bytes", due, sizeof due);
    w->server_skip_ms = 0;
    sim_say(w, ": %s bytes gone", due);
    if (strcmp(due, "0") != 0)
        sim_count(w, SIM_STRAY_REMOVED);
}

/* The server is killed at one of the next pieces that come; perhaps this phone brings it. */
void sim_do_piece_kill(sim_world *w, sim_phone *p, sim_random *r)
{
    w->disk.piece_kill_in = 1 + sim_pick(r, 2);
    w->disk.piece_kill_keeps = sim_chance(r, 500);
    sim_say(w, " at piece %u", w->disk.piece_kill_in);
    sim_do_attach(w, p, r);
    if (!p->tap->is_dead)
        (void)sim_sync_start(w, p, NULL, 0);
}

/* ---- how much one phone may bring ---- */

/* The most that counts for a phone's device now. */
static uint64_t most_used(sim_world *w)
{
    uint64_t most = 0;
    store_txn txn = { 0 };
    if (store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) != ST_OK)
        sim_fail(w, "the store cannot be read");
    for (size_t i = 0; i < w->phones_count; i++)
        for (size_t j = 0; j < w->phones[i].devices_count; j++) {
            st_id device;
            uint64_t used = 0;
            memcpy(device.b, w->phones[i].devices[j].b, sizeof device.b);
            if (quota_used(&txn, &device, &used, NULL) != ST_OK)
                sim_fail(w, "what a device brought of files cannot be read");
            most = used > most ? used : most;
        }
    store_end(&txn);
    return most;
}

/* The office sets another limit, or none: what waits comes by itself when it is raised. */
void sim_do_limit(sim_world *w, sim_phone *p, sim_random *r)
{
    static const uint64_t LIMITS[] = { 1, 9000, 21000, 50000, 0 };
    (void)p;
    if (!w->is_up)
        return;
    w->files_limit = LIMITS[sim_pick(r, 5)];
    w->rooms.sync.files_per_device = w->files_limit;
    w->files_before = most_used(w);
    sim_say(w, " %llu bytes", (unsigned long long)w->files_limit);
}

/* Nobody gets over it, however many requests come; what was there before stays. */
static void check_limit(sim_world *w)
{
    uint64_t most = w->files_limit > w->files_before ? w->files_limit : w->files_before;
    if (w->files_limit > 0 && w->restores == 0 && most_used(w) > most)
        sim_fail(w, "a device has more files here than it may");
}

/* ---- what the server says of pieces ---- */

/* The n-th question of a request about pieces; its memory is the arena's. */
static bool read_ask(const net_message *request, size_t nth, st_arena *arena, st_have_ask *out)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0, seen = 0;
    st_err bad = ST_OK;
    bool found = false;
    if (request->len < ST_HEAD_BYTES ||
        st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) != ST_OK ||
        st_frame_feed(reader, request->bytes + ST_HEAD_BYTES, request->len - ST_HEAD_BYTES, NULL) !=
            ST_OK)
        abort();
    while (!found && st_frame_read(reader, &bytes, &len, &bad)) {
        st_frame frame;
        const uint8_t *copy = st_arena_copy(arena, bytes, len);
        if (copy == NULL || st_frame_decode(copy, len, arena, &frame, NULL) != ST_OK)
            abort();
        found = frame.kind == ST_FRAME_HAVE_ASK && seen++ == nth;
        if (found)
            *out = frame.as.have_ask;
    }
    st_frame_reader_free(reader);
    return found;
}

static bool lists(const st_hash *list, uint32_t count, const st_hash *hash)
{
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(list[i].b, hash->b, sizeof hash->b) == 0)
            return true;
    return false;
}

void sim_files_answer(sim_world *w, const net_message *request, size_t nth,
                      const st_have_answer *answer)
{
    st_arena arena;
    st_have_ask ask;
    if (strcmp(request->path, "/v1/fetch") == 0)
        return; /* what it does not give may come in the next one */
    check_limit(w);
    st_arena_init(&arena, 64u << 20);
    if (!read_ask(request, nth, &arena, &ask))
        sim_fail(w, "an answer about pieces that nobody asked for");
    for (uint32_t i = 0; i < ask.hashes_count; i++) {
        if (lists(answer->missing, answer->missing_count, &ask.hashes[i]) ||
            lists(answer->unknown, answer->unknown_count, &ask.hashes[i]))
            continue;
        const disk_piece *piece = sim_disk_piece(&w->disk, &ask.hashes[i]);
        if (piece == NULL || !piece->is_there)
            sim_fail(w, "a piece is said to be here, and is not");
        w->promised_pieces[piece - w->disk.pieces] = true;
    }
    st_arena_reset(&arena);
}

/* Does the record name the piece as it stands in the book? */
static bool is_in_book(sim_world *w, const st_piece_taken *taken)
{
    st_arena arena;
    st_record record;
    store_txn txn = { 0 };
    have_named named = { NULL, 0 };
    st_arena_init(&arena, 64u << 20);
    if (store_begin(w->rooms.sync.store, STORE_READ_TXN, &txn, NULL) != ST_OK)
        sim_fail(w, "the store cannot be read");
    st_err err = sync_record_get(&txn, &taken->record, &arena, &record, NULL, NULL);
    if (err == ST_OK)
        err = have_named_by(&w->rooms.sync, &record, &arena, &named, NULL);
    bool is = err == ST_OK && have_is_named(&named, &taken->hash);
    store_end(&txn);
    st_arena_reset(&arena);
    return is;
}

void sim_files_taken(sim_world *w, const st_piece_taken *taken)
{
    const disk_piece *piece = sim_disk_piece(&w->disk, &taken->hash);
    if (piece == NULL || !piece->is_there)
        return; /* nobody will ask for it any more */
    w->promised_pieces[piece - w->disk.pieces] = true;
    if (!is_in_book(w, taken))
        sim_count(w, SIM_FILE_WAITS);
}

void sim_files_bytes(sim_world *w, const net_message *request, const st_piece_bytes *part)
{
    st_arena arena;
    st_have_ask ask;
    st_head head;
    const disk_piece *piece = sim_disk_piece(&w->disk, &part->hash);
    if (st_head_decode(request->bytes, request->len, &head, NULL) != ST_OK)
        sim_fail(w, "bytes of a piece for nobody");
    sim_check_open(w, &head.device, "bytes of a file");
    st_arena_init(&arena, 64u << 20);
    if (!read_ask(request, 0, &arena, &ask) || !lists(ask.hashes, ask.hashes_count, &part->hash))
        sim_fail(w, "bytes of a piece that nobody asked for");
    if (piece == NULL || part->from + part->len > piece->len ||
        memcmp(piece->bytes + part->from, part->bytes, part->len) != 0)
        sim_fail(w, "bytes that are not those of the piece");
    for (size_t i = 0; i < w->records_count && !w->is_scope_unsure; i++)
        if (memcmp(w->records[i].id.b, ask.record.b, sizeof ask.record.b) == 0 &&
            !w->may_read[w->phones[request->phone].person][w->records[i].unit])
            sim_fail(w, "phone %u is given a file of a record that it may not read",
                     request->phone);
    st_arena_reset(&arena);
}

/* ---- somebody in between ---- */

/* The stream once more, with another first byte in the first bytes of a piece. */
static bool spoil(st_frame_reader *from, st_frame_writer *to, st_arena *arena)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    bool is_spoiled = false;
    while (st_frame_read(from, &bytes, &len, &bad)) {
        st_frame frame;
        uint8_t *copy = st_arena_copy(arena, bytes, len);
        if (copy == NULL || st_frame_decode(copy, len, arena, &frame, NULL) != ST_OK)
            abort();
        if (frame.kind == ST_FRAME_PIECE_BYTES && !is_spoiled) {
            uint8_t *changed =
                st_arena_copy(arena, frame.as.piece_bytes.bytes, frame.as.piece_bytes.len);
            if (changed == NULL)
                abort();
            changed[0] ^= 1;
            frame.as.piece_bytes.bytes = changed;
            is_spoiled = true;
        }
        sim_put_frame(to, &frame);
    }
    return is_spoiled;
}

bool sim_files_spoil(net_message *reply)
{
    st_frame_reader *reader = NULL;
    st_frame_writer *stream = NULL;
    st_buffer out;
    st_arena arena;
    st_arena_init(&arena, 64u << 20);
    st_buffer_init(&out, ST_BODY_BYTES_MAX);
    if (st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) != ST_OK ||
        st_frame_feed(reader, reply->bytes, reply->len, NULL) != ST_OK ||
        st_frame_writer_new(1, &out, &stream, NULL) != ST_OK)
        abort();
    bool is_spoiled = spoil(reader, stream, &arena);
    if (st_frame_writer_end(stream, NULL) != ST_OK)
        abort();
    if (is_spoiled) {
        free(reply->bytes);
        reply->bytes = sim_must(malloc(out.len));
        memcpy(reply->bytes, out.data, out.len);
        reply->len = out.len;
        reply->is_spoiled = true;
    }
    st_frame_writer_free(stream);
    st_frame_reader_free(reader);
    st_buffer_free(&out);
    st_arena_reset(&arena);
    return is_spoiled;
}

/* ---- at rest ---- */

typedef struct {
    sim_world *w;
    store_txn *txn;
    const model_view *view;
    uint32_t no; /* of the record */
} shelf;

static bool is_file(const st_op *op)
{
    return op->path.kind == ST_PATH_ITEM && op->path.group == GROUP &&
           op->path.field == FIELD_HASHES;
}

/* The live value of another field of the same item; NULL: none. */
static const st_value *field_of(const model_view *view, const st_path *item, uint32_t field)
{
    for (size_t i = 0; i < view->lives_count; i++) {
        const st_op *op = view->lives[i].op;
        if (op->path.kind == ST_PATH_ITEM && op->path.group == item->group &&
            op->path.place == item->place && op->path.field == field &&
            st_dot_cmp(&op->path.item, &item->item) == 0)
            return &op->value;
    }
    return NULL;
}

/* May somebody who has all of the file still send it? */
static bool has_sender(const shelf *s, const st_path *item)
{
    char word[16];
    const st_value *caption = field_of(s->view, item, FIELD_CAPTION);
    for (uint32_t i = 0; caption != NULL && i < s->w->marks_count; i++) {
        sim_mark_text(i, word);
        if (caption->len != strlen(word) || memcmp(caption->data, word, caption->len) != 0)
            continue;
        for (size_t n = 0; n < s->w->phones_count; n++) {
            sim_phone *p = &s->w->phones[n];
            if (p->exists && sim_holds_has(&p->files, i) &&
                !sim_is_closed(s->txn, p))
                return true;
        }
    }
    return false;
}

/* How many pieces of a file are not at the office, by what its item names. */
static uint64_t count_missing(const shelf *s, const st_op *op)
{
    uint64_t missing = 0;
    for (uint32_t i = 0; i < op->value.len / sizeof(st_hash); i++) {
        st_hash hash;
        memcpy(hash.b, op->value.data + i * sizeof hash, sizeof hash.b);
        const disk_piece *piece = sim_disk_piece(&s->w->disk, &hash);
        missing += piece == NULL || !piece->is_there;
        if (piece == NULL || piece->is_there)
            continue;
        if (s->w->promised_pieces[piece - s->w->disk.pieces])
            sim_fail(s->w, "record r%u: a piece was said to be here and is gone", s->no);
    }
    return missing;
}

typedef struct {
    size_t all, kept, waiting; /* kept: not dropped; waiting: of these, for pieces */
} file_counts;

/* What the office's list has to say of each file of the record. */
static file_counts check_office(const shelf *s, const char *list)
{
    file_counts counts = { 0, 0, 0 };
    for (size_t i = 0; i < s->view->lives_count; i++) {
        const st_op *op = s->view->lives[i].op;
        char text[ST_ITEM_TEXT_BYTES];
        listed file = { .item = "" };
        const char *at = list;
        if (!is_file(op))
            continue;
        st_item_format(&op->path.item, op->path.place, text);
        while ((at = next_listed(at, &file)) != NULL && strcmp(file.item, text) != 0)
            continue;
        if (at == NULL)
            sim_fail(s->w, "record r%u: the office does not list the file %s", s->no, text);
        uint64_t missing = count_missing(s, op);
        const st_value *lost = field_of(s->view, &op->path, FIELD_LOST);
        bool is_lost = lost != NULL && lost->number == 1 && missing > 0;
        if (file.missing != missing ||
            (is_lost != is_state(&file, "lost") && !is_state(&file, "dropped")))
            sim_fail(s->w, "record r%u: of file %s %llu pieces are missing; office: %llu, %s",
                     s->no, text, (unsigned long long)missing, (unsigned long long)file.missing,
                     file.state);
        if (missing > 0 && has_sender(s, &op->path))
            sim_fail(s->w, "record r%u: file %s lies whole on a phone and is not at the office",
                     s->no, text);
        bool is_kept = !is_state(&file, "dropped");
        counts.all++;
        counts.kept += is_kept;
        counts.waiting += is_kept && missing > 0 && !is_lost;
    }
    return counts;
}

/* The record itself says how many. */
static void check_counts(const shelf *s, const char *hex, const file_counts *counts)
{
    char text[80];
    (void)snprintf(text, sizeof text, "\"attachments\":%zu,\"attachments_missing\":%zu,",
                   counts->kept, counts->waiting);
    if (SIM_CTL(s->w, "show", hex, "--json") != 0 ||
        (counts->kept > 0) != (strstr(SIM_OUT(s->w), text) != NULL))
        sim_fail(s->w, "record r%u: the office does not say %s", s->no, text);
}

/* What is here on a phone is what was attached. */
static void check_bytes(const shelf *s, sim_phone *p, const listed *file)
{
    uint8_t bytes[BYTES_MAX];
    sotay_error error = { 0 };
    sotay_file got = { NULL, 0 };
    size_t len = make_file((uint32_t)strtoul(file->name + 1, NULL, 10), bytes);
    int rc =
        sotay_attachment_get(p->client, &s->w->records[s->no].id, file->item, false, &got, &error);
    if (rc != SOTAY_OK || got.len != len || memcmp(got.data, bytes, len) != 0)
        sim_fail(s->w, "record r%u: phone %u says that %s is here and gives something else (%s)",
                 s->no, sim_phone_no(s->w, p), file->name, sotay_code_name(rc));
    free(got.data);
}

/* The phone lists the files that the office lists, and agrees on what the office lacks. What the
 * office declined its author alone still has, and what nothing names since that is lost. */
static void check_phone(const shelf *s, sim_phone *p, const char *list, size_t want)
{
    char *json = NULL;
    size_t count = 0;
    listed here, there;
    sotay_error error = { 0 };
    const sotay_id *id = &s->w->records[s->no].id;
    if (sotay_attachment_list(p->client, id, SOTAY_JSON, &json, &error) != SOTAY_OK)
        sim_fail(s->w, "record r%u: phone %u does not list its files: %s", s->no,
                 sim_phone_no(s->w, p), error.detail);
    for (const char *at = json; (at = next_listed(at, &here)) != NULL;) {
        const char *other = list;
        if (is_state(&here, "declined") || strncmp(here.item, "unnamed-", 8) == 0)
            continue;
        count++;
        while ((other = next_listed(other, &there)) != NULL && strcmp(there.item, here.item) != 0)
            continue;
        bool is_same = other != NULL && strcmp(here.name, there.name) == 0 &&
                       here.bytes == there.bytes && here.pieces == there.pieces &&
                       is_state(&here, "dropped") == is_state(&there, "dropped");
        bool waits = is_state(&here, "unsent") || (is_state(&here, "wanted") && there.missing == 0);
        if (!is_same || waits)
            sim_fail(s->w, "record r%u: phone %u shows %s (%s), the office %s (%s)", s->no,
                     sim_phone_no(s->w, p), here.name, here.state, there.name, there.state);
        if (here.missing == 0)
            check_bytes(s, p, &here);
    }
    if (count != want)
        sim_fail(s->w, "record r%u: phone %u lists %zu files, the office %zu", s->no,
                 sim_phone_no(s->w, p), count, want);
    sotay_text_free(json);
}

/* The phones that show the record as the office does. */
static void check_record(const shelf *s, const model *m, const st_id *id)
{
    char hex[33];
    sotay_id_format(&s->w->records[s->no].id, hex);
    if (SIM_CTL(s->w, "attachment", "list", hex, "--json") != 0)
        sim_fail(s->w, "record r%u: the office does not list its files", s->no);
    char *list = sim_must(strdup(SIM_OUT(s->w)));
    file_counts counts = check_office(s, list);
    check_counts(s, hex, &counts);
    for (size_t i = 0; i < s->w->phones_count; i++) {
        sim_phone *p = &s->w->phones[i];
        bool reads = p->exists && s->w->may_read[p->person][s->w->records[s->no].unit];
        if (reads && !sim_is_closed(s->txn, p) && !sim_has_own_held(m, id, p))
            check_phone(s, p, list, counts.all);
    }
    free(list);
}

void sim_check_files(sim_world *w, store_txn *txn, uint32_t no, const model *m,
                     const model_view *view)
{
    st_id id;
    const shelf s = { w, txn, view, no };
    memcpy(id.b, w->records[no].id.b, sizeof id.b);
    for (size_t i = 0; i < view->lives_count; i++)
        if (is_file(view->lives[i].op)) {
            check_record(&s, m, &id);
            return;
        }
}
