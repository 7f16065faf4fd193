/* server/sync/second.c - requests that wait for a second person, read off the log.
 * Promises: a request ends once, and by itself after 72 hours; the words that are confirmed are
 * those that were asked. Must never do what is asked: that is the verb's own work.
 * Notes: "ask WORD WORD…\nREASON"; "confirm N\n"; "withdraw N\nREASON". */
#include "server/sync/second.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/pack.h"
#include "server/sync/fold.h"
#include "server/sync/own_clock.h"

#define ASK "ask "
#define CONFIRM "confirm "
#define WITHDRAW "withdraw "
#define ENTRY_BYTES_MAX ((size_t)1024 * 1024)

/* ---- notes ---- */

/* What of the note is behind the word, and in *out_reason what is behind the first line; NULL: it
 * is another note. Both in the arena. ST_E_MEMORY. */
static st_err split(const sync_row *row, const char *word, st_arena *arena, char **out_line,
                    const char **out_reason)
{
    size_t skip = strlen(word);
    *out_line = NULL;
    if (row->kind != ST_ENTRY_NOTE || row->first != 0 || row->note.len <= skip
        || memcmp(row->note.data, word, skip) != 0)
        return ST_OK;
    char *line = (char *)st_arena_copy(arena, (const char *)row->note.data + skip,
                                       row->note.len - skip);
    if (line == NULL)
        return ST_E_MEMORY;
    char *end = line + strcspn(line, "\n");
    *out_reason = *end == '\n' ? end + 1 : end;
    *end = '\0';
    *out_line = line;
    return ST_OK;
}

/* The words of a line, which is cut up. */
static st_err cut_words(char *line, st_arena *arena, sync_second *out)
{
    size_t count = 1, n = 0;
    for (const char *at = line; *at != '\0'; at++)
        count += *at == ' ';
    const char **words = st_arena_array(arena, count, sizeof *words);
    if (words == NULL)
        return ST_E_MEMORY;
    for (char *at = line; n < count; at++) {
        words[n++] = at;
        at += strcspn(at, " ");
        *at = '\0';
    }
    out->words = words;
    out->words_count = count;
    return ST_OK;
}

static st_err append_note(writer_turn *turn, const st_id *person, const st_buffer *note,
                          uint64_t *out_index, st_error *error)
{
    sync_row row;
    memset(&row, 0, sizeof row);
    row.kind = ST_ENTRY_NOTE;
    row.device = turn->room->keys->device;
    row.actor = *person;
    row.note = store_bytes(note->data, note->len);
    *out_index = turn->next_index;
    return sync_log_append(turn, &row, NULL, error);
}

/* ---- reading ---- */

/* Kind and time of the row under the cursor, without the rest. */
static st_err read_head(const store_cursor *cursor, st_entry_kind *out_kind, int64_t *out_ms,
                        st_error *error)
{
    pack_reader reader = pack_read(cursor->value);
    *out_kind = (st_entry_kind)pack_get_u8(&reader);
    *out_ms = (int64_t)pack_get_u64(&reader);
    if (reader.is_bad || cursor->key.len != 8)
        return st_fail(error, ST_E_CORRUPT, "log: a row is damaged");
    return ST_OK;
}

typedef struct {
    const second_view *view;
    sync_second *list;
    size_t count, capacity;
    int64_t last_ms;           /* of the newest entry */
    int64_t jump_ms;           /* of the server's clock */
} second_list;

/* Nobody gains time by putting the clock back: the log knows. Where its times stand still, because
 * the clock was ahead before, the clock counts. */
static bool is_over(const second_list *l, int64_t entry_ms, int64_t when_ms)
{
    int64_t now_ms = l->view->now_ms;
    return st_ms_between(entry_ms, l->last_ms) >= SECOND_WAIT_MS ||
           own_clock_age(when_ms, now_ms, l->jump_ms) >= SECOND_WAIT_MS;
}

/* Is a request in or before the entry under the cursor over for certain? Times never go back in
 * the log. Where they are ahead of the clock, what the clock said when it came counts; that may
 * have gone back by a day, since more would be a jump. */
static st_err is_long_ago(const second_list *l, const store_cursor *cursor, st_arena *entry,
                          bool *out_is, st_error *error)
{
    sync_row row;
    st_entry_kind kind;
    int64_t ms = 0, now_ms = l->view->now_ms;
    *out_is = false;
    st_err err = read_head(cursor, &kind, &ms, error);
    if (err != ST_OK)
        return err;
    *out_is = is_over(l, ms, ms > now_ms ? now_ms : ms);
    if (*out_is || ms <= now_ms)
        return ST_OK;
    err = sync_row_decode(cursor->value, entry, &row, error);
    if (err == ST_OK)
        *out_is = own_clock_age(sync_row_when(&row), now_ms, l->jump_ms) >=
                  SECOND_WAIT_MS + OWN_CLOCK_DAY_MS;
    st_arena_reset(entry);
    return err;
}

/* To the first entry that may be younger than SECOND_WAIT_MS. */
static st_err seek_recent(store_cursor *cursor, const second_list *l, st_arena *entry,
                          st_error *error)
{
    uint8_t key[8];
    uint64_t first = 1;
    bool is = false;
    st_err err = store_seek_before(cursor, store_text(""), error);
    while (err == ST_OK && cursor->is_valid && !is) {
        err = is_long_ago(l, cursor, entry, &is, error);
        if (err == ST_OK && is)
            first = st_get_u64(cursor->key.data) + 1;
        else if (err == ST_OK)
            err = store_previous(cursor, error);
    }
    st_put_u64(key, first);
    return err == ST_OK ? store_seek(cursor, store_bytes(key, sizeof key), error) : err;
}

/* What the ages are held against. */
static st_err read_times(store_cursor *cursor, second_list *l, st_error *error)
{
    st_entry_kind kind;
    st_err err = own_clock_jump(l->view->txn, &l->jump_ms, error);
    if (err == ST_OK)
        err = store_seek_before(cursor, store_text(""), error);
    return err == ST_OK && cursor->is_valid ? read_head(cursor, &kind, &l->last_ms, error) : err;
}

static sync_second *find(const second_list *l, uint64_t index)
{
    for (size_t i = l->count; i > 0; i--)
        if (l->list[i - 1].index == index)
            return &l->list[i - 1];
    return NULL;
}

static st_err add(second_list *l, const sync_second *one)
{
    sync_second *grown =
        st_arena_grow(l->view->arena, l->list, l->count, &l->capacity, sizeof *grown);
    if (grown == NULL)
        return ST_E_MEMORY;
    l->list = grown;
    l->list[l->count++] = *one;
    return ST_OK;
}

/* The end of a request on the list; what ended before the list begins is of none. */
static st_err take_end(second_list *l, const sync_row *row, second_state state)
{
    char *line = NULL;
    const char *why = "";
    st_err err = split(row, state == SECOND_CONFIRMED ? CONFIRM : WITHDRAW, l->view->arena, &line,
                       &why);
    sync_second *request = line == NULL ? NULL : find(l, strtoull(line, NULL, 10));
    if (request != NULL && st_id_is_zero(&request->ended_by)) {
        request->state = state;
        request->ended_by = row->actor;
        request->ended_why = why;
    }
    return err;
}

static st_err take(second_list *l, uint64_t index, const sync_row *row)
{
    char *line = NULL;
    sync_second one = { .index = index, .asked_ms = sync_row_when(row), .person = row->actor,
                        .reason = "", .ended_why = "" };
    st_err err = split(row, ASK, l->view->arena, &line, &one.reason);
    if (err == ST_OK && line == NULL) {
        err = take_end(l, row, SECOND_CONFIRMED);
        return err == ST_OK ? take_end(l, row, SECOND_WITHDRAWN) : err;
    }
    if (err == ST_OK)
        err = cut_words(line, l->view->arena, &one);
    if (is_over(l, row->time_ms, one.asked_ms))
        one.state = SECOND_LAPSED;
    return err == ST_OK ? add(l, &one) : err;
}

/* The row under the cursor, when it is a note. */
static st_err take_row(second_list *l, const store_cursor *cursor, st_arena *entry,
                       st_error *error)
{
    sync_row row;
    st_entry_kind kind;
    int64_t ms;
    st_err err = read_head(cursor, &kind, &ms, error);
    if (err != ST_OK || kind != ST_ENTRY_NOTE)
        return err;
    err = sync_row_decode(cursor->value, entry, &row, error);
    if (err == ST_OK && take(l, st_get_u64(cursor->key.data), &row) != ST_OK)
        err = st_fail(error, ST_E_MEMORY, "requests: out of memory");
    st_arena_reset(entry);
    return err;
}

st_err sync_second_list(const second_view *view, bool all, sync_second **out_list,
                        size_t *out_count, st_error *error)
{
    second_list l = { .view = view };
    store_cursor cursor = { 0 };
    st_arena entry;
    st_arena_init(&entry, ENTRY_BYTES_MAX);
    st_err err = store_cursor_open(view->txn, STORE_LOG, &cursor, error);
    if (err == ST_OK)
        err = read_times(&cursor, &l, error);
    if (err == ST_OK)
        err = all ? store_seek(&cursor, store_text(""), error)
                  : seek_recent(&cursor, &l, &entry, error);
    while (err == ST_OK && cursor.is_valid) {
        err = take_row(&l, &cursor, &entry, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    st_arena_reset(&entry);
    *out_list = l.list;
    *out_count = l.count;
    return err;
}

/* Why a request that is not among the recent ones, or has lapsed, waits no more. */
static st_err say_gone(const second_view *view, uint64_t index, st_error *error)
{
    sync_row row;
    char *line = NULL;
    const char *reason = "";
    st_err err = sync_row_get(view->txn, index, view->arena, &row, error);
    if (err == ST_OK && split(&row, ASK, view->arena, &line, &reason) != ST_OK)
        err = st_fail(error, ST_E_MEMORY, "requests: out of memory");
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    return line == NULL
               ? st_fail(error, ST_E_NOT_FOUND, "there is no request %" PRIu64, index)
               : st_fail(error, ST_E_STATE,
                         "request %" PRIu64 " lapsed: nobody confirmed it within 72 hours; ask "
                         "again", index);
}

st_err sync_second_find(const second_view *view, uint64_t index, sync_second *out_request,
                        st_error *error)
{
    second_list l = { .view = view };
    st_err err = sync_second_list(view, false, &l.list, &l.count, error);
    const sync_second *found = err == ST_OK ? find(&l, index) : NULL;
    if (err != ST_OK)
        return err;
    if (found == NULL || found->state == SECOND_LAPSED)
        return say_gone(view, index, error);
    if (found->state != SECOND_WAITING)
        return st_fail(error, ST_E_STATE, "request %" PRIu64 " was %s already", index,
                       found->state == SECOND_CONFIRMED ? "confirmed" : "withdrawn");
    *out_request = *found;
    return ST_OK;
}

/* ---- writing ---- */

static bool same_words(const sync_second *a, const sync_second *b)
{
    bool same = a->words_count == b->words_count;
    for (size_t i = 0; same && i < a->words_count; i++)
        same = strcmp(a->words[i], b->words[i]) == 0;
    return same;
}

static st_err refuse_twice(writer_turn *turn, const sync_second *wish, st_error *error)
{
    const second_view view = { turn->txn, sync_now(turn->room), turn->arena };
    sync_second *list = NULL;
    size_t count = 0;
    st_err err = sync_second_list(&view, false, &list, &count, error);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        if (list[i].state == SECOND_WAITING && same_words(&list[i], wish))
            err = st_fail(error, ST_E_EXISTS, "request %" PRIu64 " asks for that already",
                          list[i].index);
    return err;
}

st_err sync_second_ask(writer_turn *turn, const sync_second *wish, uint64_t *out_index,
                       st_error *error)
{
    st_buffer note;
    st_err err = refuse_twice(turn, wish, error);
    st_buffer_init(&note, SECOND_NOTE_BYTES_MAX);
    for (size_t i = 0; err == ST_OK && i < wish->words_count; i++) {
        const char *word = wish->words[i];
        if (word[0] == '\0' || strpbrk(word, " \n") != NULL)
            err = st_fail(error, ST_E_VALUE, "'%.60s' is no word of a request", word);
        else
            err = st_buffer_printf(&note, error, "%s%s", i == 0 ? ASK : " ", word);
    }
    if (err == ST_OK)
        err = st_buffer_printf(&note, error, "\n%s", wish->reason);
    if (err == ST_OK)
        err = append_note(turn, &wish->person, &note, out_index, error);
    st_buffer_free(&note);
    return err;
}

st_err sync_second_end(writer_turn *turn, const sync_second *request, second_state state,
                       st_error *error)
{
    st_buffer note;
    uint64_t index = 0;
    st_buffer_init(&note, SECOND_NOTE_BYTES_MAX);
    st_err err = st_buffer_printf(&note, error, "%s%" PRIu64 "\n%s",
                                  state == SECOND_CONFIRMED ? CONFIRM : WITHDRAW, request->index,
                                  request->ended_why);
    if (err == ST_OK)
        err = append_note(turn, &request->ended_by, &note, &index, error);
    st_buffer_free(&note);
    return err;
}
