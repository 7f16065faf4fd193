/* client-lib/src/carry.c - one exchange with another phone, without the line between them: what is
 * to be sent, and what became of what came.
 * Promises: nothing is told before the other has shown who it is; what came is taken whole, in one
 * transaction, or not at all; losing the line anywhere loses nothing.
 * Never: keeps a transaction open while it waits; believes the other about its rights. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/draft.h"
#include "client-lib/src/give.h"
#include "client-lib/src/outbox.h"
#include "client-lib/src/peer.h"
#include "client-lib/src/relearn.h"
#include "proto/frame.h"

#define MESSAGE_BYTES_MAX 1048576u
#define HELLO_BYTES_MAX   4096u
#define BATCH_BYTES_MAX   ((size_t)256 * 1024) /* of frames in one message, not packed yet */
#define DECODED_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define LEVEL             6

typedef enum {
    CARRY_SEAL,
    CARRY_SAY_HELLO,
    CARRY_HEAR_HELLO,
    CARRY_SAY_PROOF,
    CARRY_HEAR_PROOF,
    CARRY_SAY_OFFER,
    CARRY_HEAR_OFFER,
    CARRY_GIVE,
    CARRY_HEAR_THINGS,
    CARRY_TAKE,
    CARRY_SAY_TAKEN,
    CARRY_HEAR_TAKEN,
    CARRY_DONE
} carry_step;

static const carry_step SERVES[] = { CARRY_SEAL,        CARRY_HEAR_HELLO, CARRY_SAY_HELLO,
                                     CARRY_SAY_PROOF,   CARRY_HEAR_PROOF, CARRY_HEAR_OFFER,
                                     CARRY_SAY_OFFER,   CARRY_GIVE,       CARRY_HEAR_THINGS,
                                     CARRY_TAKE,        CARRY_SAY_TAKEN,  CARRY_DONE };
static const carry_step FETCHES[] = { CARRY_SEAL,      CARRY_SAY_HELLO,   CARRY_HEAR_HELLO,
                                      CARRY_HEAR_PROOF, CARRY_SAY_PROOF,  CARRY_SAY_OFFER,
                                      CARRY_HEAR_OFFER, CARRY_HEAR_THINGS, CARRY_TAKE,
                                      CARRY_GIVE,       CARRY_HEAR_TAKEN,  CARRY_DONE };

struct sotay_carry {
    sotay_client *client;
    bool fetches;
    size_t at; /* in SERVES or FETCHES */
    st_err dead;
    bool waits; /* a step answered ST_PENDING */

    relearning names; /* what needs one that is left says so */
    bool has_drafts_done;
    outbox_seal seal;
    bool has_keys;
    st_kx_pair pair;
    st_kx_keys keys;
    uint64_t sent, got; /* sealed messages so far, in each direction */
    st_buffer own_hello, other_hello;
    st_hash transcript;
    uint8_t text[ST_CARRY_SIGN_BYTES], signature[ST_SIGNATURE_BYTES];

    st_arena arena; /* of the whole exchange */
    peer other;
    st_carry said;  /* its proof and offer */
    bool has_offer, has_end, has_taken, is_applied;

    st_buffer in;     /* came, not looked at yet */
    st_buffer out;    /* to be sent */
    st_buffer batch;  /* frames of the next message: u32 length, bytes */
    st_buffer frame, stream;
    st_buffer staged; /* things that came: u32 length, bytes */
    size_t given_bytes;
    sotay_carry_report report;
};

/* ---- begin and end ---- */

int sotay_carry_begin(sotay_client *client, bool fetches, sotay_carry **out_carry,
                      sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    sotay_carry *carry = NULL;
    st_err err = client_need_enrolled(client, &inner);
    if (err == ST_OK && (client->is_syncing || client->waits != CLIENT_IDLE))
        err = st_fail(&inner, ST_E_BUSY, "store: something is under way");
    if (err == ST_OK) {
        carry = calloc(1, sizeof *carry);
        if (carry == NULL)
            err = st_fail(&inner, ST_E_MEMORY, "carry: no memory");
    }
    if (err != ST_OK)
        return port_give(err, &inner, error);
    carry->client = client;
    carry->fetches = fetches;
    outbox_seal_init(&carry->seal);
    st_arena_init(&carry->arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&carry->own_hello, HELLO_BYTES_MAX);
    st_buffer_init(&carry->other_hello, HELLO_BYTES_MAX);
    st_buffer_init(&carry->in, (size_t)MESSAGE_BYTES_MAX * 2);
    st_buffer_init(&carry->out, (size_t)ST_CARRY_BYTES_MAX * 2);
    st_buffer_init(&carry->batch, DECODED_BYTES_MAX);
    st_buffer_init(&carry->frame, ST_FRAME_BYTES_MAX);
    st_buffer_init(&carry->stream, MESSAGE_BYTES_MAX);
    st_buffer_init(&carry->staged, ST_CARRY_BYTES_MAX);
    client->is_syncing = client->is_closed = true;
    client->has_signature = false;
    *out_carry = carry;
    return SOTAY_OK;
}

void sotay_carry_free(sotay_carry *carry)
{
    if (carry == NULL)
        return;
    st_buffer *const BUFFERS[] = { &carry->own_hello, &carry->other_hello, &carry->in,
                                   &carry->out,       &carry->batch,       &carry->frame,
                                   &carry->stream,    &carry->staged };
    client_abort(carry->client);
    carry->client->has_signature = false;
    carry->client->is_syncing = carry->client->is_closed = false;
    outbox_seal_free(&carry->seal);
    st_arena_reset(&carry->arena);
    for (size_t i = 0; i < sizeof BUFFERS / sizeof BUFFERS[0]; i++)
        st_buffer_free(BUFFERS[i]);
    st_wipe(carry, sizeof *carry);
    free(carry);
}

/* ---- messages ---- */

static st_err append_u32(st_buffer *out, size_t n, st_error *error)
{
    uint8_t bytes[4];
    st_put_u32(bytes, (uint32_t)n);
    return st_buffer_append(out, bytes, sizeof bytes, error);
}

/* One frame into the next message. */
static st_err batch_frame(sotay_carry *c, const st_frame *frame, st_error *error)
{
    st_buffer_clear(&c->frame);
    st_err err = st_frame_encode(frame, &c->frame, error);
    if (err == ST_OK)
        err = append_u32(&c->batch, c->frame.len, error);
    return err == ST_OK ? st_buffer_append(&c->batch, c->frame.data, c->frame.len, error) : err;
}

static st_err pack_batch(sotay_carry *c, st_error *error)
{
    st_frame_writer *writer = NULL;
    st_buffer_clear(&c->stream);
    st_err err = st_frame_writer_new(LEVEL, &c->stream, &writer, error);
    for (size_t at = 0; err == ST_OK && at < c->batch.len;) {
        size_t len = st_get_u32(c->batch.data + at);
        err = st_frame_write(writer, c->batch.data + at + 4, len, error);
        at += 4 + len;
    }
    if (err == ST_OK)
        err = st_frame_writer_end(writer, error);
    st_frame_writer_free(writer);
    st_buffer_clear(&c->batch);
    return err;
}

/* What is batched becomes one sealed message. */
static st_err send_batch(sotay_carry *c, st_error *error)
{
    uint8_t number[8], nonce[24], *room = NULL;
    assert(c->batch.len > 0); /* whoever sends has put a frame there */
    st_put_u64(number, c->sent);
    const st_ad ad = { number, sizeof number };
    st_err err = pack_batch(c, error);
    if (err == ST_OK)
        err = port_random(c->client->book.port, nonce, sizeof nonce, error);
    if (err == ST_OK)
        err = append_u32(&c->out, c->stream.len + ST_AEAD_EXTRA, error);
    if (err == ST_OK)
        err = st_buffer_room(&c->out, c->stream.len + ST_AEAD_EXTRA, &room, error);
    if (err != ST_OK)
        return err;
    st_aead_seal(c->keys.send, nonce, c->stream.data, c->stream.len, ad, room);
    c->out.len += c->stream.len + ST_AEAD_EXTRA;
    c->sent++;
    return ST_OK;
}

static st_err send_one(sotay_carry *c, const st_frame *frame, st_error *error)
{
    st_err err = batch_frame(c, frame, error);
    return err == ST_OK ? send_batch(c, error) : err;
}

/* The next message that is all here; false: it is not, or *out_err. */
static bool next_message(sotay_carry *c, const uint8_t **out, size_t *out_len, st_err *out_err,
                         st_error *error)
{
    *out_err = ST_OK;
    if (c->in.len < 4)
        return false;
    size_t len = st_get_u32(c->in.data);
    if (len == 0 || len > MESSAGE_BYTES_MAX) {
        *out_err = st_fail(error, ST_E_CORRUPT, "carry: the other one is no such phone");
        return false;
    }
    *out = c->in.data + 4;
    *out_len = len;
    return c->in.len - 4 >= len;
}

static void drop_message(sotay_carry *c)
{
    size_t len = 4 + st_get_u32(c->in.data);
    memmove(c->in.data, c->in.data + len, c->in.len - len);
    c->in.len -= len;
}

/* ---- hello ---- */

static st_err say_hello(sotay_carry *c, st_error *error)
{
    uint8_t seed[32];
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_carry *hello = &frame.as.carry;
    st_err err = port_random(c->client->book.port, seed, sizeof seed, error);
    if (err != ST_OK)
        return err;
    st_kx_keypair(seed, c->pair.public_key, c->pair.secret);
    st_wipe(seed, sizeof seed);
    hello->version = 1;
    hello->log = c->client->me.log;
    hello->device = c->client->me.speaker;
    memcpy(hello->key, c->pair.public_key, sizeof hello->key);
    err = st_frame_encode(&frame, &c->own_hello, error);
    if (err == ST_OK)
        err = append_u32(&c->out, c->own_hello.len, error);
    return err == ST_OK ? st_buffer_append(&c->out, c->own_hello.data, c->own_hello.len, error)
                        : err;
}

/* Both hellos are here: keys and code follow. */
static st_err agree(sotay_carry *c, st_error *error)
{
    st_mac_text own = { c->own_hello.data, c->own_hello.len };
    st_mac_text other = { c->other_hello.data, c->other_hello.len };
    if (c->own_hello.len == 0 || c->other_hello.len == 0)
        return ST_OK;
    if (!st_kx_agree(!c->fetches, &c->pair, c->said.key, &c->keys))
        return st_fail(error, ST_E_SIGNATURE, "carry: the other one gave no key");
    c->transcript = c->fetches ? st_carry_transcript(other, own) : st_carry_transcript(own, other);
    st_carry_code(&c->transcript, c->report.code);
    st_wipe(c->pair.secret, sizeof c->pair.secret);
    return ST_OK;
}

static st_err take_hello(sotay_carry *c, const uint8_t *bytes, size_t len, st_error *error)
{
    st_frame frame;
    sotay_client *client = c->client;
    if (len > HELLO_BYTES_MAX)
        return st_fail(error, ST_E_CORRUPT, "carry: the other one is no such phone");
    st_err err = st_buffer_append(&c->other_hello, bytes, len, error);
    if (err == ST_OK)
        err = st_frame_decode(c->other_hello.data, c->other_hello.len, &c->arena, &frame, error);
    if (err != ST_OK)
        return err;
    if (frame.kind != ST_FRAME_CARRY || frame.as.carry.version == 0)
        return st_fail(error, ST_E_CORRUPT, "carry: the other one is no such phone");
    if (st_id_cmp(&frame.as.carry.log, &client->me.log) != 0)
        return st_fail(error, ST_E_DENIED, "carry: the other phone has another book");
    if (st_id_cmp(&frame.as.carry.device, &client->me.speaker) == 0)
        return st_fail(error, ST_E_DENIED, "carry: the other one is this phone, or a copy of it");
    c->said = frame.as.carry;
    err = client_begin(client, false, error);
    if (err == ST_OK)
        err = peer_load(client, &c->said.device, &c->arena, &c->other, error);
    if (book_is_damage(&client->book, err))
        err = st_fail(error, ST_E_STATE,
                      "carry: who the other phone is, is damaged here; the next sync mends it");
    client_abort(client);
    if (err == ST_E_NOT_FOUND)
        err = ST_E_DENIED;
    if (err == ST_OK && !c->other.is_known)
        err = st_fail(error, ST_E_DENIED, "carry: the book here does not speak of the other phone");
    if (err == ST_OK && !c->other.is_in_use)
        err = st_fail(error, ST_E_DENIED, "carry: the other phone is not in use any more");
    return err == ST_OK ? agree(c, error) : err;
}

/* ---- proof and offer ---- */

static st_err say_proof(sotay_carry *c, st_error *error)
{
    sotay_slice text = { c->text, sizeof c->text };
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_carry_sign_text(&c->client->me.log, c->fetches, &c->transcript, c->text);
    st_err err =
        client_sign(c->client, c->client->me.sign_key, text, c->signature, error);
    if (err != ST_OK || c->fetches)
        return err; /* who fetches says it with the offer */
    frame.as.carry.has_signature = true;
    memcpy(frame.as.carry.signature, c->signature, sizeof c->signature);
    return send_one(c, &frame, error);
}

static st_err list_buckets(sotay_carry *c, st_arena *arena, st_carry *offer, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BUCKET);
    book_scan scan = book_scan_of(&prefix);
    st_bucket *list = NULL;
    size_t count = 0, capacity = 0;
    st_err err = ST_OK;
    while (err == ST_OK && count < ST_CARRY_BUCKETS_MAX) {
        st_bucket bucket;
        bucket_state state;
        err = bucket_next(&c->client->book, &scan, &bucket, &state, error);
        if (err != ST_OK || !state.in_scope)
            continue;
        if (count == capacity)
            list = st_arena_grow(arena, list, count, &capacity, sizeof *list);
        if (list == NULL)
            return st_fail(error, ST_E_MEMORY, "carry: no memory");
        list[count++] = bucket;
    }
    offer->buckets = list;
    offer->buckets_count = (uint32_t)count;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

typedef struct {
    st_arena *arena;
    st_carry_known *list;
    size_t count, capacity;
    size_t sealed; /* the last ones: only the server opens them */
} known_list;

static st_err add_known(known_list *l, const st_id *device, uint64_t first, const st_hash *hash,
                        st_error *error)
{
    st_carry_known *list = l->list;
    if (l->count == ST_CARRY_KNOWN_MAX)
        return ST_OK; /* what is not named comes again, that is all */
    if (l->count == l->capacity)
        list = st_arena_grow(l->arena, list, l->count, &l->capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "carry: no memory");
    l->list = list;
    st_carry_known *known = &l->list[l->count++];
    known->device = *device;
    known->first = first;
    memcpy(known->start, hash->b, sizeof known->start);
    return ST_OK;
}

static st_err list_known(sotay_carry *c, known_list *l, st_error *error)
{
    book_key taken = book_key_of(BOOK_TAKEN), sealed = book_key_of(BOOK_PARCEL);
    book_scan sets = book_scan_of(&taken), parcels = book_scan_of(&sealed);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena work;
        carried_set set;
        st_arena_init(&work, CLIENT_WORK_BYTES_MAX);
        err = carried_next_set(c->client, &sets, &work, &set, error);
        if (err == ST_OK)
            err = add_known(l, &set.device, set.first, &set.hash, error);
        st_arena_reset(&work);
    }
    err = err == ST_E_NOT_FOUND ? ST_OK : err;
    while (err == ST_OK) {
        st_arena work;
        st_parcel parcel;
        st_arena_init(&work, CLIENT_WORK_BYTES_MAX);
        err = carried_next_parcel(c->client, &parcels, &work, &parcel, error);
        size_t before = l->count;
        if (err == ST_OK && parcel.kind == ST_PARCEL_SET)
            err = add_known(l, &parcel.owner, parcel.first, &parcel.name, error);
        l->sealed += l->count - before;
        st_arena_reset(&work);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err say_offer(sotay_carry *c, st_error *error)
{
    st_arena arena;
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_carry *offer = &frame.as.carry;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    known_list known = { &arena, NULL, 0, 0, 0 };
    st_err err = client_begin(c->client, false, error);
    if (err == ST_OK)
        err = list_buckets(c, &arena, offer, error);
    if (err == ST_OK)
        err = list_known(c, &known, error);
    client_abort(c->client);
    offer->known = known.list;
    offer->known_count = (uint32_t)known.count;
    offer->known_sealed = (uint32_t)known.sealed;
    offer->has_signature = c->fetches;
    memcpy(offer->signature, c->signature, sizeof offer->signature);
    if (err == ST_OK)
        err = send_one(c, &frame, error);
    st_arena_reset(&arena);
    return err;
}

static st_err check_proof(sotay_carry *c, const st_carry *said, st_error *error)
{
    uint8_t text[ST_CARRY_SIGN_BYTES];
    st_carry_sign_text(&c->client->me.log, !c->fetches, &c->transcript, text);
    if (!said->has_signature ||
        !st_sign_verify(c->other.sign_key, text, sizeof text, said->signature))
        return st_fail(error, ST_E_SIGNATURE, "carry: the other phone is not the one it says");
    c->report.has_peer = true;
    memcpy(c->report.device.b, c->other.device.b, sizeof c->report.device.b);
    st_arena arena;
    lexicon_directory names;
    st_arena_init(&arena, 65536);
    st_err err = client_begin(c->client, false, error);
    if (err == ST_OK) {
        lexicon_directory_init(&names, c->client, &arena);
        const char *login = names.directory.login(names.directory.context, &c->other.person);
        size_t len = login == NULL ? 0 : strlen(login);
        if (len < sizeof c->report.login)
            memcpy(c->report.login, len > 0 ? login : "", len + 1);
        err = unread_check(&names.unread, error);
    }
    client_abort(c->client);
    st_arena_reset(&arena);
    return err;
}

/* ---- giving ---- */

static bool other_reads(void *context, const st_bucket *bucket)
{
    const sotay_carry *c = context;
    bool asked = false;
    for (uint32_t i = 0; i < c->said.buckets_count && !asked; i++)
        asked = strcmp(c->said.buckets[i].s, bucket->s) == 0;
    return asked && peer_may_read(&c->other, bucket);
}

/* Its own sets it has. One that it has sealed it can show when it comes in the open. */
static bool other_has(void *context, const st_id *device, uint64_t first, const st_hash *hash,
                      bool in_open)
{
    const sotay_carry *c = context;
    uint32_t count = c->said.known_count - (in_open ? c->said.known_sealed : 0);
    if (st_id_cmp(device, &c->other.device) == 0)
        return true;
    for (uint32_t i = 0; i < count; i++) {
        const st_carry_known *known = &c->said.known[i];
        if (known->first == first && st_id_cmp(&known->device, device) == 0 &&
            memcmp(known->start, hash->b, sizeof known->start) == 0)
            return true;
    }
    return false;
}

static st_err give_frame(void *context, const st_frame *frame, st_error *error)
{
    sotay_carry *c = context;
    st_err err = ST_OK;
    st_buffer_clear(&c->frame);
    err = st_frame_encode(frame, &c->frame, error);
    size_t len = c->frame.len + 4;
    if (err == ST_OK && c->given_bytes + len > ST_CARRY_BYTES_MAX)
        return ST_E_TOO_LARGE;
    if (err == ST_OK && c->batch.len > 0 && c->batch.len + len > BATCH_BYTES_MAX)
        err = send_batch(c, error);
    if (err == ST_OK)
        err = batch_frame(c, frame, error);
    c->given_bytes += len;
    return err == ST_E_TOO_LARGE ? st_fail(error, ST_E_MEMORY, "carry: no memory") : err;
}

static st_err give(sotay_carry *c, st_error *error)
{
    const give_to to = { c, other_reads, other_has, give_frame };
    give_report given = { 0 };
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_err err = client_begin(c->client, false, error);
    if (err == ST_OK)
        err = give_all(c->client, &to, &given, error);
    client_abort(c->client);
    frame.as.carry.end = true;
    frame.as.carry.more = given.more;
    frame.as.carry.taken = c->fetches;
    if (err == ST_OK)
        err = batch_frame(c, &frame, error);
    if (err == ST_OK)
        err = send_batch(c, error);
    c->report.sets_given = given.sets;
    c->report.pieces_given = given.pieces;
    c->report.receipts_given = given.receipts;
    c->report.unsealed = outbox_unsealed(c->client);
    c->report.more = c->report.more || given.more;
    return err;
}

static st_err say_taken(sotay_carry *c, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_CARRY };
    frame.as.carry.taken = true;
    return send_one(c, &frame, error);
}

/* ---- taking ---- */

static st_err stage(sotay_carry *c, const uint8_t *bytes, size_t len, st_error *error)
{
    if (c->staged.len + len + 4 > ST_CARRY_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "carry: more than one exchange carries");
    st_err err = append_u32(&c->staged, len, error);
    return err == ST_OK ? st_buffer_append(&c->staged, bytes, len, error) : err;
}

/* A word of the other phone: proof, offer, end. */
static st_err take_word(sotay_carry *c, const st_carry *word, st_error *error)
{
    st_err err = ST_OK;
    if (word->version > 0)
        return st_fail(error, ST_E_CORRUPT, "carry: a second hello");
    if (!c->report.has_peer)
        err = check_proof(c, word, error);
    if (err != ST_OK)
        return err;
    bool is_offer = !word->end && !word->taken && (c->fetches ? !word->has_signature : true);
    if (is_offer && !c->has_offer) {
        c->said.buckets = word->buckets;
        c->said.buckets_count = word->buckets_count;
        c->said.known = word->known;
        c->said.known_count = word->known_count;
        c->said.known_sealed = word->known_sealed;
        c->has_offer = true;
    }
    c->has_end = c->has_end || word->end;
    c->has_taken = c->has_taken || word->taken;
    c->report.more = c->report.more || word->more;
    return ST_OK;
}

static st_err take_frame(sotay_carry *c, const uint8_t *bytes, size_t len, st_error *error)
{
    st_arena work;
    st_frame frame;
    st_arena_init(&work, CLIENT_WORK_BYTES_MAX);
    st_err err = st_frame_decode(bytes, len, &work, &frame, error);
    bool is_word = err == ST_OK && frame.kind == ST_FRAME_CARRY;
    st_arena_reset(&work);
    if (err != ST_OK)
        return err;
    if (is_word) { /* its lists stay */
        const uint8_t *copy = st_arena_copy(&c->arena, bytes, len);
        err = copy == NULL ? st_fail(error, ST_E_MEMORY, "carry: no memory")
                           : st_frame_decode(copy, len, &c->arena, &frame, error);
        return err == ST_OK ? take_word(c, &frame.as.carry, error) : err;
    }
    if (frame.kind == ST_FRAME_NONE)
        return ST_OK; /* of a newer program */
    bool is_thing = frame.kind == ST_FRAME_SET || frame.kind == ST_FRAME_PARCEL ||
                    frame.kind == ST_FRAME_RECEIPT;
    if (!is_thing || !c->report.has_peer || c->has_end)
        return st_fail(error, ST_E_CORRUPT, "carry: a frame out of place");
    return stage(c, bytes, len, error);
}

static st_err read_stream(sotay_carry *c, const uint8_t *stream, size_t len, st_error *error)
{
    st_frame_reader *reader = NULL;
    st_err err = st_frame_reader_new(DECODED_BYTES_MAX, &reader, error), bad = ST_OK;
    if (err == ST_OK)
        err = st_frame_feed(reader, stream, len, error);
    while (err == ST_OK) {
        const uint8_t *frame = NULL;
        size_t frame_len = 0;
        if (!st_frame_read(reader, &frame, &frame_len, &bad))
            break;
        err = take_frame(c, frame, frame_len, error);
    }
    if (err == ST_OK && (bad != ST_OK || !st_frame_is_complete(reader)))
        err = st_fail(error, bad == ST_E_MEMORY ? bad : ST_E_CORRUPT, "carry: a damaged message");
    st_frame_reader_free(reader);
    return err;
}

static st_err open_message(sotay_carry *c, const uint8_t *bytes, size_t len, st_error *error)
{
    uint8_t number[8];
    st_put_u64(number, c->got);
    const st_ad ad = { number, sizeof number };
    uint8_t *stream = len > ST_AEAD_EXTRA ? malloc(len - ST_AEAD_EXTRA) : NULL;
    if (stream == NULL)
        return len > ST_AEAD_EXTRA ? st_fail(error, ST_E_MEMORY, "carry: no memory")
                                   : st_fail(error, ST_E_CORRUPT, "carry: a damaged message");
    st_err err = st_aead_open(c->keys.receive, bytes, len, ad, stream);
    if (err != ST_OK)
        err = st_fail(error, ST_E_SIGNATURE, "carry: a message that the other phone did not seal");
    if (err == ST_OK)
        err = read_stream(c, stream, len - ST_AEAD_EXTRA, error);
    st_wipe(stream, len - ST_AEAD_EXTRA);
    free(stream);
    c->got++;
    return err;
}

static st_err take_thing(sotay_carry *c, const uint8_t *bytes, size_t len, st_error *error)
{
    st_arena work;
    st_frame frame;
    bool is_new = false;
    sotay_client *client = c->client;
    st_arena_init(&work, CLIENT_WORK_BYTES_MAX);
    st_err err = st_frame_decode(bytes, len, &work, &frame, error);
    if (err == ST_OK && frame.kind == ST_FRAME_SET)
        err = carried_take_set(client, frame.as.set.bytes, frame.as.set.len, &is_new, error);
    else if (err == ST_OK && frame.kind == ST_FRAME_PARCEL)
        err = carried_take_parcel(client, &frame.as.parcel, &is_new, error);
    else if (err == ST_OK)
        err = carried_take_receipt(client, &frame.as.receipt, &is_new, error);
    bool is_piece = frame.kind == ST_FRAME_PARCEL && frame.as.parcel.kind == ST_PARCEL_PIECE;
    if (is_new && err == ST_OK)
        *(frame.kind == ST_FRAME_RECEIPT ? &c->report.receipts_taken
          : is_piece                     ? &c->report.pieces_taken
                                         : &c->report.sets_taken) += 1;
    st_arena_reset(&work);
    return err;
}

/* All of it in one transaction. */
static st_err take(sotay_carry *c, st_error *error)
{
    if (c->is_applied)
        return ST_OK; /* the commit was pending and is through */
    st_err err = client_begin(c->client, true, error);
    for (size_t at = 0; err == ST_OK && at < c->staged.len;) {
        size_t len = st_get_u32(c->staged.data + at);
        err = take_thing(c, c->staged.data + at + 4, len, error);
        at += 4 + len;
    }
    if (err != ST_OK)
        return err;
    c->is_applied = true;
    st_buffer_free(&c->staged);
    return client_commit(c->client, error);
}

/* ---- the steps ---- */

static st_err seal_all(sotay_carry *c, st_error *error)
{
    st_err err = ST_OK;
    bool is_damaged = false; /* a sync says so */
    if (!c->has_drafts_done) {
        c->client->is_closed = false; /* for this step they are ordinary saves */
        err = draft_commit_all(c->client, &is_damaged, error);
        c->client->is_closed = true;
        c->has_drafts_done = err == ST_OK;
    }
    return err == ST_OK ? outbox_flush(&c->seal, c->client, error) : err;
}

/* Who the other one is, and who wrote what it brings, is looked up by names. */
static st_err mend_names(sotay_carry *c, st_error *error)
{
    st_err err = relearn_damaged(c->client, false, &c->names, error);
    return err == ST_OK ? seal_all(c, error) : err;
}

/* Is what this step waits for here? Then it is over. */
static bool has_heard(const sotay_carry *c, carry_step step)
{
    switch (step) {
    case CARRY_HEAR_HELLO: return c->other_hello.len > 0;
    case CARRY_HEAR_PROOF: return c->report.has_peer;
    case CARRY_HEAR_OFFER: return c->has_offer;
    case CARRY_HEAR_THINGS: return c->has_end;
    default: return c->has_taken; /* the last one */
    }
}

/* Reads messages until the step has what it waits for. *out_blocked: more must come. */
static st_err hear(sotay_carry *c, carry_step step, bool *out_blocked, st_error *error)
{
    st_err err = ST_OK;
    while (err == ST_OK && !has_heard(c, step)) {
        const uint8_t *bytes = NULL;
        size_t len = 0;
        *out_blocked = !next_message(c, &bytes, &len, &err, error);
        if (*out_blocked)
            return err;
        err = step == CARRY_HEAR_HELLO ? take_hello(c, bytes, len, error)
                                       : open_message(c, bytes, len, error);
        drop_message(c);
    }
    return err;
}

static st_err run_step(sotay_carry *c, carry_step step, bool *out_blocked, st_error *error)
{
    st_err err = ST_OK;
    switch (step) {
    case CARRY_SEAL: return mend_names(c, error);
    case CARRY_SAY_HELLO:
        err = say_hello(c, error);
        return err == ST_OK ? agree(c, error) : err;
    case CARRY_SAY_PROOF: return say_proof(c, error);
    case CARRY_SAY_OFFER: return say_offer(c, error);
    case CARRY_GIVE: return give(c, error);
    case CARRY_TAKE: return take(c, error);
    case CARRY_SAY_TAKEN: return say_taken(c, error);
    default: return hear(c, step, out_blocked, error);
    }
}

static st_err enter(sotay_carry *c, st_error *error)
{
    if (c->dead != ST_OK)
        return st_fail(error, c->dead, "carry: it ended with an error before");
    if (c->client->waits != CLIENT_IDLE)
        return st_fail(error, ST_E_BUSY, "carry: a step is still pending");
    if (c->waits && !relearn_passes(c->client, &c->names))
        return st_fail(error, c->client->finished, "carry: the pending step failed");
    return ST_OK;
}

int sotay_carry_next(sotay_carry *carry, sotay_slice *out_bytes, bool *out_done,
                     sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    bool blocked = false;
    const carry_step *steps = carry->fetches ? FETCHES : SERVES;
    st_err err = enter(carry, &inner);
    if (err == ST_E_BUSY)
        return port_give(err, &inner, error);
    if (err == ST_OK && !carry->waits)
        st_buffer_clear(&carry->out);
    carry->waits = false;
    while (err == ST_OK && !blocked && steps[carry->at] != CARRY_DONE) {
        err = run_step(carry, steps[carry->at], &blocked, &inner);
        if (err == ST_OK && !blocked)
            carry->at++;
    }
    carry->waits = err == ST_PENDING;
    if (err != ST_OK && err != ST_PENDING) {
        client_abort(carry->client);
        carry->dead = err;
        if (steps[carry->at] == CARRY_TAKE) /* nothing of it was kept */
            carry->report.sets_taken = carry->report.pieces_taken =
                carry->report.receipts_taken = 0;
    }
    if (err == ST_OK) {
        out_bytes->data = carry->out.data;
        out_bytes->len = carry->out.len;
        *out_done = steps[carry->at] == CARRY_DONE;
        carry->report.done = *out_done;
    }
    return port_give(err, &inner, error);
}

int sotay_carry_feed(sotay_carry *carry, const void *data, size_t len, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_err err = carry->dead;
    if (err != ST_OK)
        err = st_fail(&inner, err, "carry: it ended with an error before");
    if (err == ST_OK)
        err = st_buffer_append(&carry->in, data, len, &inner);
    return port_give(err, &inner, error);
}

void sotay_carry_report_get(const sotay_carry *carry, sotay_carry_report *out_report)
{
    *out_report = carry->report;
}
