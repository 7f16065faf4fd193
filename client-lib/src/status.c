/* client-lib/src/status.c - what waits, what was sent, what is held, and whether this device may be
 * wiped; and the report of a sync.
 * Promises: safe_to_wipe is true only when nothing here exists nowhere else.
 * Never: counts from memory - it looks. */
#include <string.h>

#include "client-lib/src/carried.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/declined.h"
#include "client-lib/src/delivered.h"
#include "client-lib/src/draft.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/forsaken.h"
#include "client-lib/src/lease.h"
#include "client-lib/src/line.h"
#include "client-lib/src/log_key.h"
#include "client-lib/src/witness.h"
#include "proto/show.h"

typedef struct {
    st_id record;
    st_dot dot;
    st_hold hold;
} status_held;

typedef struct {
    uint64_t drafts, copies, ready, sent, held, uncovered;
    int64_t oldest_unsent_ms;
    st_dot oldest; /* counter 0: none */
    uint64_t oldest_first;
    carried_counts carried; /* of others */
    uint64_t unreadable; /* changes that wait to be sent, and whose set does not open */
    status_held *list; /* the held ones; arena */
    size_t list_count, list_capacity;
    attach_counts files;
    uint64_t evidence; /* states that the office has to see first */
    declined_list declined;
    forsaken_ends ends;
    sotay_line line;
} status_counts;

static st_err add_held(status_counts *s, const status_held *held, st_arena *arena, st_error *error)
{
    status_held *list = s->list;
    if (s->list_count == s->list_capacity)
        list = st_arena_grow(arena, list, s->list_count, &s->list_capacity, sizeof *list);
    if (list == NULL)
        return st_fail(error, ST_E_MEMORY, "status: no memory");
    s->list = list;
    s->list[s->list_count++] = *held;
    return ST_OK;
}

/* What lies in a set that was said to be lost waits no more: `lost` counts it. */
static st_err count_ready(sotay_client *client, const overlay_entry *entry, status_counts *s,
                          st_error *error)
{
    bool lost = false;
    st_err err = outbox_is_lost(&client->book, entry, &lost, error);
    if (err != ST_OK || lost)
        return err;
    s->ready++;
    if (s->oldest.counter == 0 || entry->dot.counter < s->oldest.counter) {
        s->oldest = entry->dot;
        s->oldest_first = entry->first;
    }
    return ST_OK;
}

/* The notes of own changes that the base does not have. */
static st_err count_notes(sotay_client *client, status_counts *s, st_arena *arena, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OVER);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        status_held held;
        overlay_entry entry;
        st_err err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err == ST_OK && scan.at.len != 1 + 16 + 16 + 8)
            err = st_fail(error, ST_E_CORRUPT, "store: the note of an own change is damaged");
        if (err != ST_OK)
            return err;
        memcpy(held.record.b, scan.at.b + 1, 16);
        memcpy(held.dot.device.b, scan.at.b + 17, 16);
        held.dot.counter = st_get_u64(scan.at.b + 33);
        err = overlay_get(&client->book, &held.record, &held.dot, &entry, error);
        held.hold = entry.hold;
        if (err == ST_OK && entry.status == OVERLAY_HELD) {
            s->held++;
            err = add_held(s, &held, arena, error);
        } else if (err == ST_OK && entry.status != OVERLAY_SENT &&
                   entry.status != OVERLAY_CARRIED) {
            err = count_ready(client, &entry, s, error);
        }
        if (err != ST_OK)
            return err;
    }
}

/* Of a set that waits: can it go? */
static st_err count_waiting(sotay_client *client, const outbox_set *set, status_counts *s,
                            st_error *error)
{
    bool kept = false;
    st_err err = closed_is_kept(client, set, &kept, error);
    if (err == ST_OK && !kept)
        s->unreadable += set->last - set->first + 1;
    return err;
}

static st_err count_sets(sotay_client *client, status_counts *s, st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        outbox_set set;
        st_err err = outbox_next(&client->book, &scan, &set, error);
        if (err == ST_E_NOT_FOUND)
            break;
        if (err != ST_OK)
            return err;
        if (set.status == OUTBOX_LOST)
            continue;
        if (outbox_waits(&set))
            err = count_waiting(client, &set, s, error);
        if (err != ST_OK)
            return err;
        if (set.status == OUTBOX_UNSENT)
            continue;
        s->sent += set.last - set.first + 1;
        if (set.position == 0 || set.position > client->me.backed_up_to)
            s->uncovered++;
    }
    s->sent = s->sent > s->held ? s->sent - s->held : 0;
    return ST_OK;
}

/* Of others, delivered by this phone. */
static st_err count_delivered(sotay_client *client, status_counts *s, st_error *error)
{
    uint64_t count = 0;
    st_err err = delivered_count(client, &count, error);
    s->uncovered += count;
    return err;
}

static st_err count_drafts(sotay_client *client, status_counts *s, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ROW);
    book_scan scan = book_scan_of(&prefix);
    st_arena arena;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = draft_count(&client->book, &s->copies, error);
    while (err == ST_OK) {
        book_value value = { NULL, 0 };
        st_row row;
        err = book_scan_next(&client->book, &scan, &arena, &value, error);
        if (err == ST_OK)
            err = st_row_decode(value.data, value.len, &row, error);
        if (err == ST_OK && strcmp(row.state, "draft") == 0)
            s->drafts++;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err find_oldest(sotay_client *client, status_counts *s, st_arena *arena, st_error *error)
{
    st_set set;
    if (s->oldest.counter == 0)
        return ST_OK;
    st_err err = overlay_set_get(client, &s->oldest, s->oldest_first, arena, &set, error);
    const st_change *change = err == ST_OK ? overlay_change(&set, s->oldest.counter) : NULL;
    if (change != NULL)
        s->oldest_unsent_ms = change->wall_ms;
    bool is_damage = book_is_damage(&client->book, err); /* counted: unreadable */
    return is_damage ? ST_OK : err;
}

/* Until others' records are locked. */
static int64_t lease_left_ms(const sotay_client *client)
{
    uint64_t spent_ms = lease_spent_ms(client);
    return spent_ms >= (uint64_t)ST_LEASE_MS ? 0 : ST_LEASE_MS - (int64_t)spent_ms;
}

/* A line from a week before it is so. */
static st_err write_lease(const sotay_client *client, st_buffer *out, st_error *error)
{
    const int64_t day_ms = 24 * 3600 * 1000;
    int64_t left_ms = lease_left_ms(client);
    bool vi = strcmp(client->lang, "en") != 0;
    if (!client->me.is_enrolled || left_ms > 7 * day_ms)
        return ST_OK;
    if (left_ms == 0)
        return st_buffer_printf(
            out, error, "%s\n",
            vi ? "45 ngày chưa gặp máy chủ: phiếu của người khác tạm khóa đến lần gửi và nhận tới"
               : "45 days without the server: others' records are locked until the next sync");
    return st_buffer_printf(out, error, vi ? "phiếu của người khác sẽ khóa sau: %lld ngày\n"
                                           : "others' records are locked in: %lld days\n",
                            (long long)((left_ms + day_ms - 1) / day_ms));
}

static bool safe_to_wipe(const status_counts *s)
{
    return s->ready == 0 && s->held == 0 && s->copies == 0 && s->uncovered == 0 &&
           s->files.waiting == 0 && s->files.uncovered == 0 && s->files.left == 0 &&
           s->evidence == 0 && s->carried.waiting == 0;
}

static int64_t now_ms(const sotay_client *client)
{
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(client, &wall_ms, &mono_ms);
    return wall_ms;
}

static const char *const STANDINGS[] = { "in_use", "suspended", "revoked" };

/* Of a copy: what became of the keys that it asks for. */
static void heir_json(const identity *me, st_json *json)
{
    static const char *const STATES[] = { "none", "waits", "declined", "full", "enrolled" };
    char print[81] = "";
    bool waits = me->is_forked && me->heir_offer.is_open;
    if (waits)
        st_fingerprint(me->heir_offer.sign_key, print);
    st_json_key_text(json, "heir", STATES[me->is_forked ? me->heir : ST_HEIR_NONE]);
    st_json_key_text(json, "heir_fingerprint", waits ? print : NULL);
    st_json_key_text(json, "heir_reason", me->heir_reason[0] != '\0' ? me->heir_reason : NULL);
}

static st_err write_json(sotay_client *client, const status_counts *s, st_buffer *out,
                         st_error *error)
{
    const identity *me = &client->me;
    int offset = client->offset_minutes;
    sotay_who who;
    st_json json;
    sotay_whoami(client, &who);
    st_json_begin(&json, out, error);
    st_json_open(&json, '{');
    st_json_key_int(&json, "drafts", (int64_t)s->drafts);
    st_json_key_int(&json, "ready", (int64_t)s->ready);
    st_json_key_int(&json, "sent", (int64_t)s->sent);
    st_json_key_int(&json, "held", (int64_t)s->held);
    st_json_key_int(&json, "attachments_waiting", (int64_t)s->files.waiting);
    st_json_key_int(&json, "attachments_wanted", (int64_t)s->files.wanted);
    st_json_key_bool(&json, "attachments_full", me->files_full && s->files.waiting > 0);
    st_json_key_int(&json, "evidence_waiting", (int64_t)s->evidence);
    st_json_key_int(&json, "carried", (int64_t)s->carried.waiting);
    st_json_key_int(&json, "carried_unreadable", (int64_t)s->carried.unreadable);
    st_json_key(&json, "oldest_unsent");
    st_json_when(&json, s->oldest_unsent_ms, offset);
    st_json_key(&json, "last_sync");
    st_json_when(&json, me->last_sync_ms, offset);
    witness_json(me, offset, &json);
    log_key_json(me, offset, &json);
    forsaken_json(&s->ends, offset, &json);
    st_json_key(&json, "turned");
    st_json_when(&json, me->turned_ms, offset);
    st_json_key(&json, "repaired");
    st_json_when(&json, me->repaired_ms, offset);
    st_json_key(&json, "clock_offset_ms");
    if (me->has_offset)
        st_json_int(&json, me->clock_offset_ms);
    else
        st_json_null(&json);
    st_json_key_int(&json, "lost", (int64_t)me->lost);
    st_json_key_int(&json, "unreadable", (int64_t)s->unreadable);
    st_json_key_text(&json, "clock_warning",
                     me->has_offset ? st_clock_warning(me->clock_offset_ms, client->lang) : NULL);
    st_json_key_bool(&json, "safe_to_wipe", safe_to_wipe(s));
    st_json_key_int(&json, "working_copies", (int64_t)s->copies);
    st_json_key_text(&json, "login", me->login.s);
    st_json_key_text(&json, "fingerprint", me->fingerprint);
    st_json_key_text(&json, "standing", STANDINGS[me->standing]);
    st_json_key_bool(&json, "copied", who.is_copied);
    heir_json(me, &json);
    st_json_key_bool(&json, "locked", who.is_locked);
    st_json_key_int(&json, "lease_left_ms", lease_left_ms(client));
    st_json_key(&json, "held_changes");
    st_json_open(&json, '[');
    for (size_t i = 0; i < s->list_count; i++) {
        char id[33], dot[ST_DOT_TEXT_BYTES];
        st_id_format(&s->list[i].record, id);
        st_dot_format(&s->list[i].dot, dot);
        st_json_open(&json, '{');
        st_json_key_text(&json, "record", id);
        st_json_key_text(&json, "dot", dot);
        st_json_key_text(&json, "reason", st_hold_name(s->list[i].hold));
        st_json_key_text(&json, "what", st_hold_sentence(s->list[i].hold, client->lang));
        st_json_close(&json, '}');
    }
    st_json_close(&json, ']');
    declined_json(&s->declined, offset, &json);
    line_write_json(&s->line, now_ms(client), offset, &json);
    st_json_close(&json, '}');
    st_err err = st_json_end(&json);
    return err == ST_OK ? st_buffer_append(out, "\n", 1, error) : err;
}

static st_err write_time(const char *label, int64_t ms, int offset, st_buffer *out, st_error *error)
{
    char text[40] = "-";
    if (ms != 0)
        st_time_short(ms, offset, text);
    return st_buffer_printf(out, error, "%s: %s\n", label, text);
}

/* What a person should do something about. */
static st_err write_warnings(sotay_client *client, const status_counts *s, st_buffer *out,
                             st_error *error)
{
    const identity *me = &client->me;
    bool english = strcmp(client->lang, "en") == 0;
    const char *warning =
        me->has_offset ? st_clock_warning(me->clock_offset_ms, client->lang) : NULL;
    st_err err = ST_OK;
    if (me->lost > 0)
        err = st_buffer_printf(out, error,
                               english ? "! %llu older changes of this device exist no more; the"
                                         " office knows. Write them again if you have notes.\n"
                                       : "! %llu thay đổi cũ của máy này không còn; văn phòng đã"
                                         " biết. Nếu còn giấy tờ, hãy ghi lại.\n",
                               (unsigned long long)me->lost);
    if (err == ST_OK && s->unreadable > 0)
        err = st_buffer_printf(out, error,
                               english ? "! %llu changes that were not sent yet cannot be read on"
                                         " this device any more. What is recorded after them is"
                                         " sent, and tells the office. Write them again if you"
                                         " have notes.\n"
                                       : "! %llu thay đổi chưa gửi không đọc được nữa trên máy"
                                         " này. Việc ghi sau đó vẫn gửi, và báo cho văn phòng biết."
                                         " Nếu còn giấy tờ, hãy ghi lại.\n",
                               (unsigned long long)s->unreadable);
    if (err == ST_OK && s->carried.unreadable > 0)
        err = st_buffer_printf(out, error,
                               english ? "! %llu things carried for others cannot be read on this"
                                         " device any more. Ask whoever gave them to sync, or to"
                                         " give them again.\n"
                                       : "! %llu phần mang hộ không đọc được nữa trên máy này. Hãy"
                                         " nhắn người đã đưa tự gửi, hoặc đưa lại.\n",
                               (unsigned long long)s->carried.unreadable);
    if (err == ST_OK && warning != NULL)
        err = st_buffer_printf(out, error, "! %s (%+lld s)\n", warning,
                               -(long long)(me->clock_offset_ms / 1000));
    if (err == ST_OK)
        err = report_full(client, s->files.waiting, out, error);
    if (err == ST_OK)
        err = report_standing(client, out, error);
    if (err == ST_OK)
        err = report_alarms(client, out, error);
    if (err == ST_OK)
        err = forsaken_text(client, &s->ends, out, error);
    for (size_t i = 0; err == ST_OK && i < s->list_count; i++) {
        char id[33];
        st_id_format(&s->list[i].record, id);
        err = st_buffer_printf(out, error, "  %s: %s\n", id,
                               st_hold_sentence(s->list[i].hold, client->lang));
    }
    if (err == ST_OK)
        err = declined_text(client, &s->declined, out, error);
    return err;
}

static st_err write_text(sotay_client *client, const status_counts *s, st_buffer *out,
                         st_error *error)
{
    static const char *const VI[] = {
        "bản nháp",       "chưa gửi",
        "đã gửi",         "chờ văn phòng",
        "chưa gửi từ",    "lần gửi cuối",
        "có thể xóa máy", "có",
        "không",
        "tệp đính kèm chưa gửi xong",
        "phiếu giữ lại cho văn phòng xem",
        "gửi hộ máy khác, chưa tới nơi",
        "phiếu đang gõ dở, chưa gửi được (xem `draft show`)",
        "tệp văn phòng không nhận, chỉ có ở máy này"
    };
    static const char *const EN[] = { "drafts",
                                      "not sent",
                                      "sent",
                                      "held by the office",
                                      "oldest not sent",
                                      "last sync",
                                      "safe to wipe",
                                      "yes",
                                      "no",
                                      "files not all sent",
                                      "records the office has to see",
                                      "carried for others, not delivered",
                                      "records still being typed, not sent (see `draft show`)",
                                      "files the office declined, on this device only" };
    const char *const *say = strcmp(client->lang, "en") == 0 ? EN : VI;
    const uint64_t NUMBERS[] = { s->drafts, s->ready, s->sent, s->held };
    const uint64_t SOME[] = { s->files.waiting, s->evidence, s->carried.waiting, s->copies,
                              s->files.left };
    st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < 4; i++)
        err = st_buffer_printf(out, error, "%s: %llu\n", say[i], (unsigned long long)NUMBERS[i]);
    for (size_t i = 0; err == ST_OK && i < sizeof SOME / sizeof SOME[0]; i++)
        if (SOME[i] > 0)
            err = st_buffer_printf(out, error, "%s: %llu\n", say[9 + i],
                                   (unsigned long long)SOME[i]);
    if (err == ST_OK)
        err = write_time(say[4], s->oldest_unsent_ms, client->offset_minutes, out, error);
    if (err == ST_OK)
        err = write_time(say[5], client->me.last_sync_ms, client->offset_minutes, out, error);
    if (err == ST_OK)
        err = line_write_text(client, &s->line, out, error);
    if (err == ST_OK)
        err = st_buffer_printf(out, error, "%s: %s\n", say[6], safe_to_wipe(s) ? say[7] : say[8]);
    if (err == ST_OK)
        err = heir_report(client, out, error);
    if (err == ST_OK)
        err = write_lease(client, out, error);
    if (err == ST_OK)
        err = write_warnings(client, s, out, error);
    return err;
}

int sotay_status(sotay_client *client, sotay_format format, char **out_text, sotay_error *error)
{
    status_counts s;
    st_arena arena;
    st_buffer out;
    st_error inner = { ST_OK, "" };
    memset(&s, 0, sizeof s);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&out, CLIENT_TEXT_BYTES_MAX);
    st_err err = client_begin(client, false, &inner);
    if (err == ST_OK)
        err = count_notes(client, &s, &arena, &inner);
    if (err == ST_OK)
        err = count_sets(client, &s, &inner);
    if (err == ST_OK)
        err = count_delivered(client, &s, &inner);
    if (err == ST_OK)
        err = count_drafts(client, &s, &inner);
    if (err == ST_OK)
        err = attach_count(client, &s.files, &inner);
    if (err == ST_OK)
        err = evidence_count(client, &s.evidence, &inner);
    if (err == ST_OK)
        err = carried_count(client, &s.carried, &inner);
    if (err == ST_OK)
        err = find_oldest(client, &s, &arena, &inner);
    if (err == ST_OK)
        err = declined_read(client, &arena, &s.declined, &inner);
    if (err == ST_OK)
        err = forsaken_read(client, &arena, &s.ends, &inner);
    if (err == ST_OK)
        err = line_read(client, &s.line, &inner);
    client_abort(client);
    if (err == ST_OK)
        err = format == SOTAY_JSON ? write_json(client, &s, &out, &inner)
                                   : write_text(client, &s, &out, &inner);
    if (err == ST_OK)
        err = port_text(&out, out_text, &inner);
    st_buffer_free(&out);
    st_arena_reset(&arena);
    return port_give(err, &inner, error);
}
