/* tests/crash/check_sealed.c - what a phone bears of a unit that it lost, after a cut. What must
 * hold: the words of each set that the server has and no backup covers stand in a set that lies
 * here, open while the unit is read, sealed to the server since; what is sealed opens with the
 * server's key and is the set that it says it is. */
#include <string.h>

#include "client-lib/src/book.h"
#include "client-lib/src/client.h"
#include "proto/carry.h"
#include "proto/changeset.h"
#include "tests/crash/check.h"

#define ARENA_MAX ((size_t)64 << 20)
#define SEALED_AT 40u /* log index, hash */
#define WORDS_MAX 16u

/* The words that are borne, and where they were found. */
typedef struct {
    crash_case *c;
    const char *words[WORDS_MAX];
    bool is_here[WORDS_MAX];
    size_t count;
} burden;

static void note_words(burden *b, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < b->count; i++)
        if (memmem(bytes, len, b->words[i], strlen(b->words[i])) != NULL)
            b->is_here[i] = true;
}

/* One row of CLOSED: `owner 16, first 8` behind the table's byte. */
static bool open_one(burden *b, const book_key *key, const book_value *value, st_arena *arena)
{
    st_frame inside;
    st_set set;
    if (key->len != 25 || value->len <= SEALED_AT)
        return case_fails(b->c, "a sealed set is damaged");
    const st_seal_pair keys = { b->c->final->seal_public, b->c->final->seal_secret };
    const st_parcel parcel = { .kind = ST_PARCEL_SET, .sealed = value->data + SEALED_AT,
                               .sealed_len = value->len - SEALED_AT };
    if (st_parcel_open(&parcel, keys, arena, &inside, NULL) != ST_OK ||
        st_set_decode(inside.as.set.bytes, inside.as.set.len, arena, &set, NULL) != ST_OK)
        return case_fails(b->c, "a sealed set does not open");
    if (memcmp(set.device.b, key->b + 1, sizeof set.device.b) != 0 ||
        set.first != st_get_u64(key->b + 17) ||
        memcmp(set.hash.b, value->data + 8, sizeof set.hash.b) != 0)
        return case_fails(b->c, "a sealed set is another one");
    note_words(b, inside.as.set.bytes, inside.as.set.len);
    return true;
}

static bool walk(burden *b, sotay_client *client, book_table table)
{
    const book_key prefix = book_key_of(table);
    book_scan scan = book_scan_of(&prefix);
    st_error error = { ST_OK, "" };
    st_err err = ST_OK;
    bool good = true;
    while (good && err == ST_OK) {
        st_arena arena;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, ARENA_MAX);
        err = book_scan_next(&client->book, &scan, &arena, &value, &error);
        if (err == ST_OK && table == BOOK_SET)
            note_words(b, value.data, value.len);
        else if (err == ST_OK)
            good = open_one(b, &scan.at, &value, &arena);
        st_arena_reset(&arena);
    }
    if (good && err != ST_E_NOT_FOUND)
        good = case_fails(b->c, "what is kept cannot be walked: %s", error.detail);
    return good;
}

bool check_sealed(crash_case *c, sotay_client *client)
{
    burden b = { .c = c };
    st_error error = { ST_OK, "" };
    for (size_t i = 0; i < c->owed->count && c->owed->items[i].since <= c->at; i++)
        if (c->owed->items[i].kind == OWED_BEARS && b.count < WORDS_MAX)
            b.words[b.count++] = c->owed->items[i].text;
    if (client_begin(client, false, &error) != ST_OK)
        return case_fails(c, "%s", error.detail);
    bool good = walk(&b, client, BOOK_SET) && walk(&b, client, BOOK_CLOSED);
    client_abort(client);
    for (size_t i = 0; good && i < b.count; i++)
        if (!b.is_here[i])
            good = case_fails(c, "no set here has %s, and no backup covers it", b.words[i]);
    return good;
}
