/* server/operator/trail.c - `audit list`: what a reviewer goes through. Promises exit 0 whatever a
 * list shows; must never write. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/trail.h"

typedef struct {
    operator_work *work;
    trail_kind kind;
    operator_table table;
    st_json json;
    free_sets sets;
    size_t count;
} trail_list;

/* ---- words ---- */

static const char *words_of(const char *word, bool vi)
{
    static const struct { const char *word, *vi, *en; } WORDS[] = {
        { "gone", "máy nói không còn nữa", "gone, says the device" },
        { "came_later", "máy nói không còn, sau lại gửi đến", "said to be gone, came later" },
        { "missing", "chưa ai gửi đến", "not brought yet" },
        { "waiting", "chờ văn phòng xem", "waits for the office" },
        { "accepted", "đưa vào sổ", "let in" },
        { "declined", "không đưa vào sổ", "declined" },
        { "dismissed", "đã xem, bỏ khỏi danh sách", "looked at, off the list" },
        { "released", "tự vào sổ", "let in by itself" },
        { "amended", "sửa khi đã chốt, có lý do", "amended after the finalise" },
        { "changed_since", "sửa khi đã chốt", "changed since" },
        { "withdraw", "rút lại", "withdrawn" },
        { "void", "không tính", "not counted" },
        { "drop", "bỏ mục", "item dropped" },
        { "ahead", "đồng hồ chạy nhanh", "clock ahead" },
        { "behind", "đồng hồ chạy chậm", "clock behind" },
        { "uncertain", "giờ máy không chắc", "time uncertain" },
        { "server_step", "đồng hồ máy chủ bị chỉnh", "the server's clock was set" },
        { "server_start", "đồng hồ máy chủ chậm hơn sổ", "the server's clock behind the book" },
        { "server_accept", "xác nhận đồng hồ máy chủ đúng", "the server's clock accepted" },
        { "corrected", "theo giờ máy chủ", "by the server's clock" },
        { "claimed", "theo giờ của máy", "by the device's clock" },
        { "never", "chưa lần nào liên lạc", "never heard of" },
        { "silent", "lâu không liên lạc", "not heard of for long" },
        { "active", "đang dùng", "active" },
        { "suspended", "tạm khóa máy", "suspended" },
        { "revoked", "thu hồi máy", "revoked" },
        { "epoch", "đời sổ mới", "new epoch" },
        { "restore", "dựng lại từ bản sao", "restored from a backup" },
        { "given_up", "sổ mà máy đã thấy trước đời mới", "a log seen before the new epoch" },
        { "rewritten", "sổ mà máy đã thấy, nay khác đi", "a log seen, which is another now" },
        { "backup", "sao lưu", "backup" },
        { "init", "lập sổ", "book made" },
        { "address", "địa chỉ mới", "new address" },
        { "user", "người dùng", "a person" },
        { "role", "vai trò", "roles" },
        { "assign", "giao thôn", "units assigned" },
        { "enrol", "đăng ký máy", "device enrolled" },
        { "suspend", "tạm khóa hoặc mở lại máy", "device suspended, or lifted" },
        { "revoke", "thu hồi máy", "device revoked" },
        { "key", "mở khóa máy quên mã", "a forgotten PIN opened" },
        { "log-key", "thay khóa nhật ký", "another key of the log" },
        { "login", "nhiều lần vào không được", "many were refused" },
        { "export", "xuất dữ liệu", "data exported" },
        { "state", "chuyển trạng thái", "state moved" },
        { "resolve", "phân xử giá trị khác nhau", "a difference settled" },
        { "join", "gộp phiếu trùng", "duplicates joined" },
        { "accept", "đưa vào sổ", "let in" },
        { "decline", "không đưa vào sổ", "declined" },
        { "erase", "xóa theo yêu cầu", "erasure" },
        { "fence", "mốc cuộc họp", "mark of a meeting" },
        { "frozen", "sửa khi đã chốt, không có lý do", "edited after the finalise" },
        { "late", "đến sau khi khóa", "came after the lock" },
        { "erased", "đã xóa theo yêu cầu", "erased on request" },
        { "fork", "hai sổ cùng một máy", "two books of one device" },
        { "recover", "mở khóa máy quên mã", "a forgotten PIN" },
        { "confirmed", "người thứ hai đồng ý", "confirmed" },
        { "taken_back", "rút lại", "taken back" },
        { "lapsed", "quá 72 giờ", "lapsed after 72 hours" },
    };
    for (size_t i = 0; word != NULL && i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strcmp(WORDS[i].word, word) == 0)
            return vi ? WORDS[i].vi : WORDS[i].en;
    return word == NULL ? "" : word;
}

static const char *person_of(operator_work *work, const st_id *person, char hex[33])
{
    hex[0] = '\0';
    if (st_id_is_zero(person))
        return "";
    st_id_format(person, hex);
    const char *login = work->how.directory->login(work->how.directory->context, person);
    return login != NULL ? login : hex;
}

static const char *id_of(const st_id *id, char hex[33])
{
    hex[0] = '\0';
    if (!st_id_is_zero(id))
        st_id_format(id, hex);
    return hex;
}

/* "3.5 d", "12 min" of a span. */
static void span_text(int64_t ms, char text[32])
{
    double minutes = (double)ms / 60000.0;
    double size = minutes < 0 ? -minutes : minutes;
    text[0] = '\0';
    if (ms != 0 && size >= 2880)
        (void)snprintf(text, 32, "%.1f d", minutes / 1440);
    else if (ms != 0)
        (void)snprintf(text, 32, "%.0f min", minutes);
}

/* ---- lines ---- */

/* By the server's clock; zeroed when nothing bounds it, or its set cannot be read. */
static st_written written_of(trail_list *list, const trail_line *line)
{
    sync_bounds bounds;
    st_written written = { 0, 0, false };
    const st_dot dot = { line->device, line->first };
    if (line->claimed_ms == 0 || line->index == 0 || line->first == 0)
        return written;
    st_error why = { ST_OK, "" };
    st_err err = sync_bounds_get(&list->work->txn, &list->sets, &dot, line->index, &bounds, &why);
    if (st_err_is_passing(err))                  /* else: kept although it cannot be read */
        sync_note_unread(&list->work->unread, err, &why);
    if (err != ST_OK)
        return written;
    written.rebooted = bounds.found.rebooted;
    if (bounds.found.is_known) {
        written.at_ms = bounds.found.moment.at_ms;
        written.within_ms = bounds.found.moment.within_ms;
    }
    return written;
}

static void line_json(trail_list *list, const trail_line *line)
{
    st_json *json = &list->json;
    operator_work *work = list->work;
    char hex[33];
    int offset = work->call->offset_minutes;
    st_json_open(json, '{');
    st_json_key_int(json, "log_index", (int64_t)line->index);
    st_json_key_text(json, "what", line->what);
    st_json_key_text(json, "outcome", line->outcome);
    st_json_key_text(json, "person", person_of(work, &line->person, hex));
    st_json_key_text(json, "second", person_of(work, &line->second, hex));
    st_json_key_text(json, "device", id_of(&line->device, hex));
    st_json_key_int(json, "first", (int64_t)line->first);
    st_json_key_int(json, "last", (int64_t)line->last);
    st_json_key_text(json, "record", id_of(&line->record, hex));
    st_json_key_text(json, "path", line->path);
    st_json_key(json, "claimed_at");
    st_json_when(json, line->claimed_ms, offset);
    st_written written = written_of(list, line);
    st_show_written_json(json, &written, &work->how);
    st_json_key(json, "received_at");
    st_json_when(json, line->received_ms, offset);
    if (line->came_index != 0) {
        st_json_key_int(json, "came_log_index", (int64_t)line->came_index);
        st_json_key(json, "came_at");
        st_json_when(json, line->came_ms, offset);
    }
    st_json_key_int(json, "off_ms", line->off_ms);
    st_json_key(json, "note");
    st_json_textn(json, line->note_len > 0 ? line->note : "", line->note_len);
    if (line->note_erased)
        st_json_key_bool(json, "note_erased", true);
    if (line->until_ms != 0) {
        st_json_key(json, "until");
        st_json_when(json, line->until_ms, offset);
    }
    st_json_close(json, '}');
}

static void csv_when(operator_work *work, int64_t ms)
{
    char iso[40] = "";
    if (ms != 0)
        st_time_format(ms, work->call->offset_minutes, iso);
    operator_csv_text(work, iso, false);
}

static void csv_number(operator_work *work, uint64_t n)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, n);
    operator_csv_text(work, text, false);
}

/* Of `gaps` alone: as which entry it came after all, and when. */
static void came_csv(operator_work *work, const trail_line *line)
{
    char number[24] = "", iso[40] = "";
    if (line->came_index != 0) {
        (void)snprintf(number, sizeof number, "%" PRIu64, line->came_index);
        st_time_format(line->came_ms, work->call->offset_minutes, iso);
    }
    operator_csv_text(work, number, false);
    operator_csv_text(work, iso, true);
}

static void line_csv(trail_list *list, const trail_line *line)
{
    operator_work *work = list->work;
    bool is_last = list->kind != TRAIL_GAPS;
    char hex[33], span[32];
    csv_number(work, line->index);
    operator_csv_text(work, line->what == NULL ? "" : line->what, false);
    operator_csv_text(work, line->outcome == NULL ? "" : line->outcome, false);
    operator_csv_text(work, person_of(work, &line->person, hex), false);
    operator_csv_text(work, person_of(work, &line->second, hex), false);
    operator_csv_text(work, id_of(&line->device, hex), false);
    csv_number(work, line->first);
    csv_number(work, line->last);
    operator_csv_text(work, id_of(&line->record, hex), false);
    operator_csv_text(work, line->path, false);
    csv_when(work, line->claimed_ms);
    st_written written = written_of(list, line);
    csv_when(work, written.at_ms);
    if (written.at_ms != 0)
        csv_number(work, (uint64_t)(written.within_ms + 999) / 1000);
    else
        operator_csv_text(work, "", false);
    csv_when(work, line->received_ms);
    span_text(line->off_ms, span);
    operator_csv_text(work, span, false);
    if (line->note_erased)
        operator_csv_text(work, words_of("erased", work->vi), is_last);
    else
        operator_csv_cell(work, line->note_len > 0 ? line->note : "", line->note_len, is_last);
    if (!is_last)
        came_csv(work, line);
}

/* What became of it, or when it came; of what waits for a second person, until when. */
static void outcome_cell(trail_list *list, const trail_line *line)
{
    operator_work *work = list->work;
    char iso[40], text[120];
    if (line->came_ms != 0) {
        operator_table_when(work, &list->table, line->came_ms);
        return;
    }
    if (line->until_ms == 0) {
        operator_table_cell(work, &list->table, words_of(line->outcome, work->vi));
        return;
    }
    st_time_format(line->until_ms, work->call->offset_minutes, iso);
    (void)snprintf(text, sizeof text, "%s %.2s/%.2s/%.4s %.5s",
                   work->vi ? "chờ người thứ hai, hết hạn" : "waits for a second person, lapses",
                   iso + 8, iso + 5, iso, iso + 11);
    operator_table_cell(work, &list->table, text);
}

static void line_table(trail_list *list, const trail_line *line)
{
    operator_work *work = list->work;
    char hex[33], number[56], span[32];
    char *note = (char *)st_arena_copy(&work->arena, line->note_len > 0 ? line->note : "",
                                       line->note_len);
    operator_table_when(work, &list->table, line->received_ms);
    (void)snprintf(number, sizeof number, "%" PRIu64, line->index);
    operator_table_cell(work, &list->table, line->index > 0 ? number : "-");
    operator_table_cell(work, &list->table, words_of(line->what, work->vi));
    outcome_cell(list, line);
    operator_table_cell(work, &list->table, person_of(work, &line->person, hex));
    operator_table_cell(work, &list->table, person_of(work, &line->second, hex));
    operator_table_cell(work, &list->table, id_of(&line->device, hex));
    (void)snprintf(number, sizeof number, "%" PRIu64 "-%" PRIu64, line->first, line->last);
    operator_table_cell(work, &list->table, line->last > 0 ? number : "-");
    operator_table_cell(work, &list->table, id_of(&line->record, hex));
    span_text(line->off_ms, span);
    operator_table_cell(work, &list->table, line->path[0] != '\0' ? line->path : span);
    if (line->note_erased)
        operator_table_cell(work, &list->table, words_of("erased", work->vi));
    else
        operator_table_cell(work, &list->table, note == NULL ? "" : note);
}

static bool one_line(void *context, const trail_line *line)
{
    trail_list *list = context;
    list->count++;
    if (list->work->options.json)
        line_json(list, line);
    else if (list->work->options.csv)
        line_csv(list, line);
    else
        line_table(list, line);
    return !list->work->out_failed;
}

/* ---- the verb ---- */

static void begin(trail_list *list)
{
    static const char *const HEADS[2][11] = {
        { "RECEIVED", "ENTRY", "WHAT", "OUTCOME", "PERSON", "SECOND", "DEVICE", "CHANGES", "RECORD",
          "WHERE", "WORDS" },
        { "NHẬN LÚC", "MỤC", "VIỆC", "KẾT QUẢ", "NGƯỜI", "NGƯỜI THỨ HAI", "MÁY", "LẦN GHI",
          "MÃ PHIẾU", "CHỖ", "LỜI GHI" } };
    static const char *const CSV[] = { "log_index", "what", "outcome", "person", "second",
                                       "device", "first", "last", "record", "path", "claimed_at",
                                       "corrected_at", "corrected_within_s", "received_at", "off",
                                       "note", "came_log_index", "came_at" };
    const size_t columns = sizeof CSV / sizeof CSV[0] - (list->kind == TRAIL_GAPS ? 0 : 2);
    operator_work *work = list->work;
    if (work->options.json) {
        st_json_begin(&list->json, work->call->out, &work->error);
        st_json_open(&list->json, '{');
        st_json_key_text(&list->json, "list", sync_trail_word(list->kind));
        st_json_key(&list->json, "lines");
        st_json_open(&list->json, '[');
    } else if (work->options.csv) {
        operator_csv_heads(work, CSV, columns);
    } else {
        operator_table_begin(work, &list->table, HEADS[work->vi], 11);
    }
}

static st_err end(trail_list *list)
{
    operator_work *work = list->work;
    st_err err = ST_OK;
    if (work->options.json) {
        st_json_close(&list->json, ']');
        st_json_close(&list->json, '}');
        err = st_json_end(&list->json);
        operator_say(work, "\n");
    } else if (!work->options.csv) {
        operator_say(work, work->vi ? "%zu dòng cần xem\n" : "%zu to look at\n",
                     operator_table_print(work, &list->table));
    }
    return err;
}

static int unknown_list(operator_work *work)
{
    st_buffer names;
    st_buffer_init(&names, 1024);
    for (int i = 0; i < TRAIL_KIND_COUNT; i++)
        if (st_buffer_printf(&names, NULL, "%s%s", i > 0 ? " " : "",
                             sync_trail_word((trail_kind)i)) != ST_OK)
            break;
    operator_complain(work, "%.40s: %s %.*s", work->operands[0],
                      work->vi ? "không có danh sách này; có:" : "no such list; there are:",
                      (int)names.len, (const char *)names.data);
    st_buffer_free(&names);
    return 2;
}

int operator_audit_list(operator_work *work)
{
    const trail_kind kind = sync_trail_kind(work->operands[0]);
    trail_list list = { .work = work, .kind = kind };
    if (kind == TRAIL_KIND_COUNT)
        return unknown_list(work);
    if (work->options.csv && work->options.json)
        return operator_refuse(work, work->vi ? "chọn --json hoặc --csv" : "--json or --csv");
    st_err err = operator_read_begin(work);
    begin(&list);
    const trail_ask ask = { work->room, &work->txn, kind, &work->unread };
    if (err == ST_OK)
        err = sync_trail_each(&ask, one_line, &list, &work->error);
    free_sets_end(&list.sets);
    operator_read_end(work);
    if (err == ST_OK)
        err = end(&list);
    return err == ST_OK ? 0 : operator_fail(work);
}
