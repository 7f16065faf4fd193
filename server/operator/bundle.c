/* server/operator/bundle.c - bundle import: what somebody carried here in a file. Promises that a
 * file of another book, or one that was cut or changed, is refused before anything of it is taken;
 * that importing it again changes nothing; that what was not taken in is said; that memory does not
 * grow with the file. Must never print what is inside. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/operator/work.h"
#include "server/sync/parcel.h"

#define SETS_AT_ONCE 256u
#define BYTES_AT_ONCE ((size_t)4 << 20)
#define USED_AT_ONCE ((size_t)32 << 20) /* in memory, of what was opened */
#define ARENA_BYTES_MAX (256u << 20)    /* with room for the largest set behind that */

typedef struct {
    uint64_t stored, duplicate, held, wrong, later, pieces, pieces_waiting;
} bundle_counts;

typedef struct {
    operator_work *work;
    int fd;
    const char *path;
    st_bundle_source from;
    uint64_t at;               /* of the next part */
    st_bundle_head head;
    auth_device maker;
    bool is_unknown;           /* the maker; and why nothing was taken */
    uint32_t part;             /* parts read so far */
    st_buffer bytes;           /* of one of them */
    bundle_counts counts;
} bundle;

/* ---- the file ---- */

static st_err read_bytes(void *context, uint64_t at, uint8_t *bytes, size_t len, st_error *error)
{
    const bundle *b = context;
    while (len > 0) {
        ssize_t n = pread(b->fd, bytes, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return st_fail(error, ST_E_STORAGE, "%.100s: %s", b->path, strerror(errno));
        if (n == 0)
            return st_fail(error, ST_E_VALUE, "%.100s: it became shorter", b->path);
        bytes += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return ST_OK;
}

/* A machine that cannot open it now says nothing of the file. */
static st_err cannot_open(const bundle *b, int why, st_error *error)
{
    bool is_here = why == EMFILE || why == ENFILE || why == ENOMEM || why == EIO;
    return st_fail(error, is_here ? ST_E_STORAGE : ST_E_NOT_FOUND, "%.100s: %s", b->path,
                   strerror(why));
}

static st_err open_file(bundle *b, st_error *error)
{
    struct stat st;
    b->fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0 || fstat(b->fd, &st) != 0)
        return cannot_open(b, errno, error);
    if (!S_ISREG(st.st_mode))
        return st_fail(error, ST_E_VALUE, "%.100s: not a file", b->path);
    b->from = (st_bundle_source){ b, read_bytes, (uint64_t)st.st_size };
    return ST_OK;
}

/* ---- whose is it, and is all of it there? ---- */

static st_err check_maker(bundle *b, st_error *error)
{
    operator_work *work = b->work;
    const auth_keys *keys = work->room->keys;
    store_txn txn = { 0 };
    if (st_id_cmp(&b->head.log, &keys->log) != 0)
        return st_fail(error, ST_E_DENIED, "bundle: it belongs to another book");
    st_err err = store_begin(work->room->store, STORE_READ_TXN, &txn, error);
    if (err == ST_OK)
        err = auth_device_get(&txn, keys, &b->head.device, &b->maker, error);
    store_end(&txn);
    b->is_unknown = err == ST_E_NOT_FOUND;
    if (b->is_unknown)
        return st_fail(error, ST_E_DENIED, "bundle: its device is not enrolled here");
    if (err == ST_OK && memcmp(b->maker.sign_key, b->head.sign_key, 32) != 0)
        return st_fail(error, ST_E_SIGNATURE, "bundle: not signed by the device that it names");
    return err;
}

static st_err part_frame(bundle *b, st_arena *arena, st_frame *out, st_error *error)
{
    const st_bundle_part *part = &b->head.parts[b->part];
    st_err err = st_bundle_part_read(&b->from, b->at, part, &b->bytes, error);
    const uint8_t *bytes = err == ST_OK ? st_arena_copy(arena, b->bytes.data, b->bytes.len) : NULL;
    if (err == ST_OK && bytes == NULL)
        err = st_fail(error, ST_E_MEMORY, "bundle: no memory");
    if (err == ST_OK)
        err = st_frame_decode(bytes, part->bytes, arena, out, error);
    if (err == ST_OK) {
        b->at += part->bytes;
        b->part++;
    }
    return err;
}

static st_err check_parts(bundle *b, st_error *error)
{
    const uint64_t first_at = b->at;
    st_err err = ST_OK;
    while (err == ST_OK && b->part < b->head.parts_count) {
        st_arena arena;
        st_frame frame;
        st_arena_init(&arena, ST_STREAM_BYTES_MAX);
        err = part_frame(b, &arena, &frame, error);
        st_arena_reset(&arena);
    }
    b->at = first_at;
    b->part = 0;
    return err;
}

/* ---- taking it in ---- */

static void count(bundle *b, const sync_request *request)
{
    bundle_counts *counts = &b->counts;
    for (size_t i = 0; i < request->items_count; i++) {
        const st_verdict *verdict = &request->items[i].verdict;
        counts->stored += verdict->kind == ST_VERDICT_STORED;
        counts->duplicate += verdict->kind == ST_VERDICT_DUPLICATE;
        counts->wrong += verdict->kind == ST_VERDICT_HELD && verdict->position == 0;
        counts->held += verdict->kind != ST_VERDICT_DUPLICATE && verdict->position > 0 &&
                        verdict->held_count > 0;
        counts->later += verdict->kind == ST_VERDICT_LATER;
    }
    for (size_t i = 0; i < request->pieces_count; i++) {
        counts->pieces += request->pieces[i].is_taken;
        counts->pieces_waiting += !request->pieces[i].is_taken;
    }
}

/* As many parts as one turn of the writer should have. */
static st_err read_some(bundle *b, sync_request *request, st_arena *arena, st_error *error)
{
    store_txn txn = { 0 };
    const uint64_t from = b->at;
    st_err err = store_begin(b->work->room->store, STORE_READ_TXN, &txn, error);
    parcel_room where = { b->work->room, &txn, arena };
    while (err == ST_OK && b->part < b->head.parts_count && b->at - from < BYTES_AT_ONCE &&
           request->items_count < SETS_AT_ONCE) {
        st_frame frame;
        err = part_frame(b, arena, &frame, error);
        if (err == ST_OK && frame.kind == ST_FRAME_PARCEL)
            err = parcel_add(request, &where, &frame.as.parcel, error);
        if (request->arena.bytes_used > USED_AT_ONCE || arena->bytes_used > USED_AT_ONCE)
            break;
    }
    store_end(&txn);
    return err;
}

static st_err take_some(bundle *b, st_error *error)
{
    char hex[33], part[64];
    sync_request request;
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES_MAX);
    sync_request_init(&request, ARENA_BYTES_MAX);
    request.device = b->maker;
    st_err err = read_some(b, &request, &arena, error);
    st_id_format(&b->maker.id, hex);
    (void)snprintf(part, sizeof part, "%s-b%u", hex, b->part);
    if (err == ST_OK && request.items_count > 0)
        err = sync_request_submit(&request, b->work->rooms->writer, error);
    if (err == ST_OK)
        err = parcel_keep_pieces(&request, b->work->rooms->writer, part, error);
    if (err == ST_OK)
        count(b, &request);
    sync_request_free(&request);
    st_arena_reset(&arena);
    return err;
}

static st_err take_file(bundle *b, st_error *error)
{
    st_err err = open_file(b, error);
    if (err == ST_OK)
        err = st_bundle_open(&b->from, &b->work->arena, &b->head, &b->at, error);
    if (err == ST_OK)
        err = check_maker(b, error);
    if (err == ST_OK)
        err = check_parts(b, error);
    while (err == ST_OK && b->part < b->head.parts_count)
        err = take_some(b, error);
    return err;
}

/* ---- saying it ---- */

static void say_json(operator_work *work, const bundle_counts *counts)
{
    operator_say(work,
                 "{\"stored\":%llu,\"duplicate\":%llu,\"held\":%llu,\"unreadable\":%llu,"
                 "\"later\":%llu,\"pieces\":%llu,\"pieces_waiting\":%llu}\n",
                 (unsigned long long)counts->stored, (unsigned long long)counts->duplicate,
                 (unsigned long long)counts->held, (unsigned long long)counts->wrong,
                 (unsigned long long)counts->later, (unsigned long long)counts->pieces,
                 (unsigned long long)counts->pieces_waiting);
}

static void say_text(operator_work *work, const bundle_counts *counts)
{
    operator_say(work,
                 work->vi ? "vào sổ: %llu; đã có: %llu; chờ văn phòng: %llu; không đọc được: %llu; "
                            "để lần sau: %llu\n"
                          : "taken in: %llu; there already: %llu; held: %llu; unreadable: %llu; "
                            "later: %llu\n",
                 (unsigned long long)counts->stored, (unsigned long long)counts->duplicate,
                 (unsigned long long)counts->held, (unsigned long long)counts->wrong,
                 (unsigned long long)counts->later);
    if (counts->pieces + counts->pieces_waiting > 0)
        operator_say(work,
                     work->vi ? "mảnh tệp đính kèm: %llu; chưa có phiếu: %llu\n"
                              : "pieces of files: %llu; of records not here: %llu\n",
                     (unsigned long long)counts->pieces,
                     (unsigned long long)counts->pieces_waiting);
}

/* What was not taken in is nowhere but in the file. Returns the exit code. */
static int end(operator_work *work, const bundle_counts *counts)
{
    if (counts->later > 0)
        operator_complain(work,
                          work->vi ? "chưa nhận vào sổ: %llu. Giữ gói này, lần sau nhận lại"
                                   : "not taken in: %llu. Keep this bundle, and import it again "
                                     "later",
                          (unsigned long long)counts->later);
    return counts->held + counts->wrong + counts->later > 0 ? 3 : 0;
}

int operator_bundle_import(operator_work *work)
{
    static const char *const UNKNOWN[2] = {
        "this book does not know the device that made the bundle. After a restore: let that device "
        "sync first, or any that synced since it was enrolled, then import the bundle again",
        "sổ này chưa biết máy đã làm gói. Nếu sổ vừa được phục hồi: cho máy ấy, hoặc máy nào đã "
        "đồng bộ sau khi máy ấy đăng ký, đồng bộ trước, rồi nhận lại gói này"
    };
    bundle b = { .work = work, .fd = -1, .path = work->operands[0] };
    st_buffer_init(&b.bytes, ST_FRAME_BYTES_MAX);
    st_err err = take_file(&b, &work->error);
    st_buffer_free(&b.bytes);
    if (b.fd >= 0)
        (void)close(b.fd);
    if (b.is_unknown)
        operator_complain(work, "%s", UNKNOWN[work->vi]);
    if (err != ST_OK)
        return operator_fail(work);
    if (work->options.json)
        say_json(work, &b.counts);
    else
        say_text(work, &b.counts);
    return end(work, &b.counts);
}
