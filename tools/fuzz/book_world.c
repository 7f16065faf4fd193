/* tools/fuzz/book_world.c - see book_world.h. The store's file is written back between two inputs;
 * nothing waits for a disk: what a power cut does is for others to try (tests/crash). */
#include "tools/fuzz/book_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "tools/fuzz/fuzz.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)

int fdatasync(int fd);
int fsync(int fd);
int msync(void *address, size_t len, int flags);

/* Instead of libc's, for LMDB and for pieces of files. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    (void)fd;
    return 0;
}

__attribute__((visibility("default"))) int msync(void *address, size_t len, int flags)
{
    (void)address;
    (void)len;
    (void)flags;
    return 0;
}

/* What the server notes beside its store, so that it would see that the store was put back. */
static void forget_size(const book_world *world)
{
    char path[sizeof world->r.dir + 32];
    snprintf(path, sizeof path, "%s/side/size", world->r.dir);
    FUZZ_MUST(remove(path) == 0);
}

static FILE *open_file(const book_world *world, const char *how)
{
    char path[sizeof world->r.dir + 32];
    snprintf(path, sizeof path, "%s/store/data.mdb", world->r.dir);
    FILE *file = fopen(path, how);
    FUZZ_MUST(file != NULL);
    return file;
}

/* One more change of binh's: the visit has a file of three pieces. */
static void name_pieces(book_world *world)
{
    static uint8_t bytes[BOOK_PIECES][24];
    for (uint8_t i = 0; i < BOOK_PIECES; i++) {
        memset(bytes[i], 'a' + i, sizeof bytes[i]);
        world->pieces[i] = (st_chunk){ bytes[i], sizeof bytes[i] };
        world->hashes[i] = st_sha256(bytes[i], sizeof bytes[i]);
    }
    rig_begin(&world->binh, RIG_BUCKET);
    st_change *change = rig_change(&world->binh, &world->visit);
    st_op *op = rig_op(&world->binh, change, "visit", "general_note", "x");
    op->verb = ST_VERB_ITEM;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = 50, .item = change->dot, .field = 5 };
    op->value = (st_value){ .kind = ST_VALUE_BYTES, .data = world->hashes[0].b,
                            .len = sizeof world->hashes };
    FUZZ_MUST(rig_push_one(&world->binh, rig_seal(&world->binh), NULL) == ST_VERDICT_STORED);
}

static void make(book_world *world)
{
    rig *r = &world->r;
    rig_open(r);
    rig_enrol(r, &world->an, "an");
    rig_enrol(r, &world->binh, "binh");
    rig_begin(&world->an, RIG_BUCKET);
    world->visit = rig_visit(&world->an, "ghi chú");
    FUZZ_MUST(rig_push_one(&world->an, rig_seal(&world->an), NULL) == ST_VERDICT_STORED);
    rig_begin(&world->binh, RIG_BUCKET);
    (void)rig_set(&world->binh, &world->visit, "place", "nơi khác", NULL);
    FUZZ_MUST(rig_push_one(&world->binh, rig_seal(&world->binh), NULL) == ST_VERDICT_STORED);
    rig_begin(&world->an, RIG_BUCKET);
    (void)rig_set(&world->an, &world->visit, "general_note", "sạch", NULL);
    (void)rig_set(&world->an, &world->visit, "ratings.a3.rating", "dat", NULL);
    world->honest[0] = rig_seal(&world->an);
    rig_begin(&world->an, RIG_BUCKET);
    (void)rig_visit(&world->an, "lần hai");
    rig_change(&world->an, &world->visit)->act = ST_ACT_FINALISE;
    world->honest[1] = rig_seal(&world->an);
    rig_begin(&world->an, RIG_OTHER);
    (void)rig_visit(&world->an, NULL);
    world->honest[2] = rig_seal(&world->an);
    name_pieces(world);
    world->entries = book_world_entries(world);
    rooms_close(&r->srv);
    world->kept = malloc(FILE_BYTES_MAX);
    FUZZ_MUST(world->kept != NULL);
    FILE *file = open_file(world, "rb");
    world->kept_len = fread(world->kept, 1, FILE_BYTES_MAX, file);
    FUZZ_MUST(world->kept_len > 0 && world->kept_len < FILE_BYTES_MAX && fclose(file) == 0);
    rig_reopen(r);
}

book_world *book_world_get(void)
{
    static book_world world;
    if (world.kept == NULL)
        make(&world);
    return &world;
}

uint64_t book_world_entries(book_world *world)
{
    store_txn txn = { 0 };
    uint64_t entries = 0;
    FUZZ_MUST(store_begin(world->r.srv.sync.store, STORE_READ_TXN, &txn, NULL) == ST_OK);
    FUZZ_MUST(sync_log_size(&txn, &entries, NULL) == ST_OK);
    store_end(&txn);
    return entries;
}

bool book_world_restore(book_world *world)
{
    if (book_world_entries(world) == world->entries)
        return false;
    rooms_close(&world->r.srv);
    FILE *file = open_file(world, "wb");
    FUZZ_MUST(fwrite(world->kept, world->kept_len, 1, file) == 1 && fclose(file) == 0);
    forget_size(world);
    rig_reopen(&world->r);
    return true;
}

void book_world_sign(rig_phone *phone, const char *method, const char *path,
                     const st_buffer *stream, st_head *head)
{
    static st_buffer text;
    st_hash body = st_sha256(stream->data, stream->len);
    head->device = phone->device;
    head->counter = ++phone->request_counter;
    text.max = 4096;
    st_buffer_clear(&text);
    FUZZ_MUST(st_head_sign_text(head, method, path, &body, &phone->r->srv.keys.log, &text) ==
              ST_OK);
    st_sign(phone->secret, text.data, text.len, head->signature);
}

void book_world_head(book_world *world, const char *method, const char *path,
                     const st_buffer *stream, uint8_t out[ST_HEAD_BYTES])
{
    st_head head = { 0 };
    book_world_sign(&world->an, method, path, stream, &head);
    st_head_encode(&head, out);
}

void book_world_check(const st_buffer *reply, book_look look, void *context)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes;
    size_t len;
    st_err bad = ST_OK;
    FUZZ_MUST(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) == ST_OK);
    FUZZ_MUST(st_frame_feed(reader, reply->data, reply->len, NULL) == ST_OK);
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        st_arena arena;
        st_frame frame;
        st_arena_init(&arena, (size_t)64 << 20);
        FUZZ_MUST(st_frame_decode(bytes, len, &arena, &frame, NULL) == ST_OK);
        FUZZ_MUST(frame.kind != ST_FRAME_NONE);
        if (look != NULL)
            look(context, &frame);
        st_arena_reset(&arena);
    }
    FUZZ_MUST(bad == ST_OK && st_frame_is_complete(reader));
    st_frame_reader_free(reader);
}
