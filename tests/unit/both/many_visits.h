/* tests/unit/both/many_visits.h - a book with so many visits that a snapshot of it is worth
 * cutting, and whether another phone shows all of them as the first one does. */
#ifndef SOTAY_TESTS_MANY_VISITS_H
#define SOTAY_TESTS_MANY_VISITS_H

#include "tests/unit/both/fetch.h"

#define VISITS 60

static sotay_id ids[VISITS * 8];
static size_t ids_count;
static bool is_wordy;      /* visits that differ, so that levels of compression do */

/* A place of its own for each visit, the same in each run. */
static inline void place_of(size_t n, char *out, size_t size)
{
    static const char *const WORDS[] = { "chợ", "đền", "cầu", "suối", "trường", "thác", "hang",
                                         "xóm trên", "xóm dưới", "ủy ban", "bản", "đồn" };
    uint32_t state = (uint32_t)n * 2654435761u + 1;
    size_t len = 0;
    for (int i = 0; i < 10 && len < size; i++) {
        state = state * 1664525u + 1013904223u;
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "",
                                WORDS[(state >> 16) % 12]);
    }
}

static inline void make_visits(world *w, size_t count)
{
    phone *p = &w->phones[0];
    char place[512] = "nhà văn hóa";
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "place", place } };
    const sotay_pairs pairs = { list, 3 };
    for (size_t i = 0; i < count; i++) {
        if (is_wordy)
            place_of(ids_count, place, sizeof place);
        assert_int_equal(
            sotay_record_new(p->client, "visit", KIT_UNIT, pairs, &ids[ids_count++], &p->error),
            SOTAY_OK);
        if (i % 3 == 0)
            assert_int_equal(phone_set(p, &ids[ids_count - 1], "place", "chợ"), SOTAY_OK);
        if (i % 7 == 0)
            assert_int_equal(sotay_record_finalise(p->client, &ids[ids_count - 1], NULL),
                             SOTAY_OK);
    }
    assert_int_equal(sync_phone(w, p, 0, NULL), SOTAY_OK);
}

static inline world *begin(uint64_t seed)
{
    static world w;
    ids_count = 0;
    world_make_with(&w, seed, (world_how){ 1, false });
    make_visits(&w, VISITS);
    return &w;
}

static inline void assert_alike(world *w, phone *p)
{
    for (size_t i = 0; i < ids_count; i++) {
        char *first = shown(&w->phones[0], &ids[i]);
        char *other = shown(p, &ids[i]);
        assert_string_equal(first, other);
        sotay_text_free(first);
        sotay_text_free(other);
    }
    KIT_EXPECT(0, &w->book, "verify");
}

#endif
