/* tests/unit/server/test_parcel.c
 * Whoever brings somebody else's work cannot read it, cannot pass one thing off as another, and can
 * bring home a word of the server that anybody can check. */
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/changeset.h"
#include "proto/erase.h"
#include "server/operator/operator.h"
#include "server/store/chunks.h"
#include "server/sync/parcel.h"

typedef struct {
    rig *r;
    rig_phone an, binh;
    store_slice bytes;         /* a set of an's */
    st_set set;
    st_buffer sealed;
    st_arena arena;
} scene;

static void set_scene(scene *s, rig *r)
{
    memset(s, 0, sizeof *s);
    s->r = r;
    rig_enrol(r, &s->an, "an");
    rig_enrol(r, &s->binh, "binh");
    rig_begin(&s->an, RIG_BUCKET);
    rig_visit(&s->an, "x");
    s->bytes = rig_seal(&s->an);
    assert_int_equal(st_set_decode(s->bytes.data, s->bytes.len, &r->arena, &s->set, NULL), ST_OK);
    st_buffer_init(&s->sealed, ST_PARCEL_BYTES_MAX);
    st_arena_init(&s->arena, 64u << 20);
}

static void clear_scene(scene *s)
{
    st_buffer_free(&s->sealed);
    st_arena_reset(&s->arena);
}

static st_parcel parcel_of(scene *s)
{
    st_frame inside = { .kind = ST_FRAME_SET };
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = s->set.device, .first = s->set.first,
                         .name = s->set.hash };
    inside.as.set.bytes = s->bytes.data;
    inside.as.set.len = s->bytes.len;
    assert_int_equal(st_parcel_seal(s->r->srv.keys.seal_public, &inside, &parcel, &s->sealed,
                                    NULL), ST_OK);
    return parcel;
}

/* binh brings it. The request is the caller's to free. */
static void bring(scene *s, const st_parcel *parcel, sync_request *request)
{
    store_txn txn = { 0 };
    sync_room *room = &s->r->srv.sync;
    parcel_room where = { room, &txn, &s->arena };
    sync_request_init(request, 256u << 20);
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &s->binh.device, &request->device, NULL), ST_OK);
    assert_int_equal(parcel_add(request, &where, parcel, NULL), ST_OK);
    store_end(&txn);
    if (request->items_count > 0)
        assert_int_equal(sync_request_submit(request, s->r->srv.writer, NULL), ST_OK);
}

static void test_what_is_inside_counts(void **state)
{
    scene s;
    sync_request request;
    set_scene(&s, *state);
    st_parcel parcel = parcel_of(&s);
    static const st_verdict_kind WANT[] = { ST_VERDICT_STORED, ST_VERDICT_DUPLICATE };
    for (size_t i = 0; i < 2; i++) {
        st_receipt receipt;
        st_buffer body;
        bring(&s, &parcel, &request);
        assert_int_equal(request.items_count, 1);
        assert_int_equal(request.items[0].verdict.kind, WANT[i]);
        assert_true(request.items[0].verdict.position > 0);
        st_buffer_init(&body, 4096);
        assert_int_equal(parcel_receipt(&s.r->srv.sync, &request.items[0], &receipt, &body, NULL),
                         ST_OK);
        assert_true(st_receipt_verify(&receipt, &s.r->srv.keys.log,
                                      s.r->srv.keys.device_public));
        assert_int_equal(receipt.kind, ST_VERDICT_STORED);
        assert_memory_equal(receipt.hash.b, s.set.hash.b, sizeof receipt.hash.b);
        assert_true(receipt.first == s.set.first && receipt.last == st_set_last(&s.set));
        st_buffer_free(&body);
        sync_request_free(&request);
    }
    assert_int_equal(rig_verify(s.r), 0);
    clear_scene(&s);
}

/* A parcel that names something else than it holds is nobody's: its carrier is told so under the
 * name that he knows, and nothing is stored. */
static void test_what_stands_beside(void **state)
{
    scene s;
    set_scene(&s, *state);
    for (int i = 0; i < 5; i++) {
        sync_request request;
        st_parcel parcel = parcel_of(&s);
        parcel.owner.b[0] ^= i == 0;
        parcel.first += i == 1;
        parcel.name.b[31] ^= i == 2;
        s.sealed.data[s.sealed.len / 2] ^= i == 3;
        parcel.sealed_len -= i == 4;
        bring(&s, &parcel, &request);
        assert_int_equal(request.items_count, 1);
        const st_verdict *verdict = &request.items[0].verdict;
        assert_int_equal(verdict->kind, ST_VERDICT_HELD);
        assert_true(verdict->position == 0 && verdict->first == parcel.first);
        assert_int_equal(verdict->held[0].reason, ST_HOLD_CORRUPT);
        assert_memory_equal(verdict->device.b, parcel.owner.b, sizeof parcel.owner.b);
        sync_request_free(&request);
    }
    sync_request request;
    st_parcel newer = parcel_of(&s);
    newer.kind = (st_parcel_kind)9;
    bring(&s, &newer, &request);
    assert_int_equal(request.items_count, 0);  /* of a newer program */
    sync_request_free(&request);
    clear_scene(&s);
}

/* A piece is kept when its record names it, after the record has come, and not before. */
static void test_pieces_wait_for_their_record(void **state)
{
    scene s;
    sync_request request;
    static const uint8_t PIECE[] = "a piece of a photo";
    st_hash hash = st_sha256(PIECE, sizeof PIECE), other = st_sha256("?", 1);
    set_scene(&s, *state);
    rig_begin(&s.an, RIG_BUCKET);
    st_id visit = rig_visit(&s.an, NULL);
    st_change *change = rig_change(&s.an, &visit);
    st_op *op = rig_op(&s.an, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES, .data = hash.b, .len = sizeof hash };
    store_slice set = rig_seal(&s.an);
    st_chunk chunk = { PIECE, sizeof PIECE };
    st_frame inside = { .kind = ST_FRAME_HAVE_ASK };
    inside.as.have_ask = (st_have_ask){ .record = visit, .chunks = &chunk, .chunks_count = 1 };
    for (int i = 0; i < 3; i++) {              /* before; after; under a wrong name */
        st_parcel parcel = { .kind = ST_PARCEL_PIECE, .owner = visit,
                             .name = i == 2 ? other : hash };
        assert_int_equal(st_parcel_seal(s.r->srv.keys.seal_public, &inside, &parcel, &s.sealed,
                                        NULL), ST_OK);
        if (i == 1) {
            assert_int_equal(rig_push_one(&s.an, s.bytes, NULL), ST_VERDICT_STORED);
            assert_int_equal(rig_push_one(&s.an, set, NULL), ST_VERDICT_STORED);
        }
        bring(&s, &parcel, &request);
        assert_int_equal(request.pieces_count, i == 2 ? 0 : 1);
        assert_int_equal(parcel_keep_pieces(&request, s.r->srv.writer, "part-1", NULL), ST_OK);
        if (i < 2)
            assert_int_equal(request.pieces[0].is_taken, i == 1);
        uint64_t bytes = 0;
        assert_int_equal(chunks_total(s.r->srv.dir, &bytes, NULL), ST_OK);
        assert_int_equal(bytes, i == 0 ? 0 : sizeof PIECE);
        sync_request_free(&request);
    }
    clear_scene(&s);
}

/* ---- in a file, for the office ---- */

static store_slice part_of(scene *s, store_slice set)
{
    st_buffer bytes;
    st_frame frame = { .kind = ST_FRAME_PARCEL };
    s->bytes = set;
    st_buffer_clear(&s->sealed);
    frame.as.parcel = parcel_of(s);
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    const store_slice part = { st_arena_copy(&s->arena, bytes.data, bytes.len), bytes.len };
    assert_non_null(part.data);
    st_buffer_free(&bytes);
    return part;
}

/* A bundle of binh's with these sets of an's, each named after the whole one. */
static void write_file(scene *s, const char *path, const store_slice *sets, uint32_t count)
{
    st_buffer file;
    store_slice bytes[2];
    st_bundle_part parts[2];
    uint8_t text[ST_BUNDLE_SIGN_BYTES];
    st_bundle_head head = { .log = s->r->srv.keys.log, .device = s->binh.device,
                            .made_ms = s->r->now_ms, .parts = parts, .parts_count = count };
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = part_of(s, sets[i]);
        parts[i] = (st_bundle_part){ st_sha256(bytes[i].data, bytes[i].len),
                                     (uint32_t)bytes[i].len };
    }
    memcpy(head.sign_key, s->binh.public_key, sizeof head.sign_key);
    st_bundle_sign_text(&head, text);
    st_sign(s->binh.secret, text, sizeof text, head.signature);
    st_buffer_init(&file, ST_BUNDLE_BYTES_MAX);
    assert_int_equal(st_bundle_head_put(&head, &file, NULL), ST_OK);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(st_buffer_append(&file, bytes[i].data, bytes[i].len, NULL), ST_OK);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file.data, 1, file.len, f), file.len);
    assert_int_equal(fclose(f), 0);
    st_buffer_free(&file);
}

/* What the office is told of the file, in one language or in JSON; its exit code. */
static int import_file(scene *s, const char *path, const char *lang, const char *said,
                       const char *complained)
{
    st_buffer out, err;
    const char *const words[] = { "bundle", "import", path, "--json" };
    st_buffer_init(&out, 1u << 20);
    st_buffer_init(&err, 1u << 20);
    operator_call call = { .rooms = &s->r->srv, .argv = words, .argc = lang != NULL ? 3 : 4,
                           .lang = lang != NULL ? lang : "en", .out = &out, .err = &err };
    int code = operator_run(&call);
    assert_int_equal(st_buffer_append(&out, "", 1, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&err, "", 1, NULL), ST_OK);
    assert_string_equal((const char *)out.data, said);
    assert_string_equal((const char *)err.data, complained);
    st_buffer_free(&out);
    st_buffer_free(&err);
    return code;
}

/* What the server puts off is nowhere but in the file: who brought it hears so, and brings it
 * again. */
static void test_what_is_put_off_is_said(void **state)
{
    scene s;
    st_buffer left;
    char path[128];
    const uint32_t place = 0;
    const st_set_places places = { &place, 1 };
    set_scene(&s, *state);
    (void)snprintf(path, sizeof path, "%s/b.sotay", s.r->dir);
    store_slice whole = s.bytes;
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    assert_int_equal(st_set_erase(whole.data, whole.len, places, &left, NULL), ST_OK);
    const store_slice cut = { left.data, left.len };
    write_file(&s, path, &cut, 1);
    uint64_t before = rig_log_size(s.r);
    assert_int_equal(import_file(&s, path, "en",
                                 "taken in: 0; there already: 0; held: 0; unreadable: 0; "
                                 "later: 1\n",
                                 "bundle import: not taken in: 1. Keep this bundle, and import it "
                                 "again later\n"), 3);
    assert_int_equal(import_file(&s, path, "vi",
                                 "vào sổ: 0; đã có: 0; chờ văn phòng: 0; không đọc được: 0; "
                                 "để lần sau: 1\n",
                                 "bundle import: chưa nhận vào sổ: 1. Giữ gói này, lần sau nhận "
                                 "lại\n"), 3);
    assert_int_equal(rig_log_size(s.r), before);
    const store_slice both[] = { cut, whole };
    write_file(&s, path, both, 2);
    assert_int_equal(import_file(&s, path, NULL,
                                 "{\"stored\":1,\"duplicate\":0,\"held\":0,\"unreadable\":0,"
                                 "\"later\":1,\"pieces\":0,\"pieces_waiting\":0}\n",
                                 "bundle import: not taken in: 1. Keep this bundle, and import it "
                                 "again later\n"), 3);
    assert_int_equal(import_file(&s, path, NULL,
                                 "{\"stored\":0,\"duplicate\":2,\"held\":0,\"unreadable\":0,"
                                 "\"later\":0,\"pieces\":0,\"pieces_waiting\":0}\n", ""), 0);
    st_buffer_free(&left);
    clear_scene(&s);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_what_is_inside_counts),
        CASE(test_what_stands_beside),
        CASE(test_pieces_wait_for_their_record),
        CASE(test_what_is_put_off_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
