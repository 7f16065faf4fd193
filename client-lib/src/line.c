/* client-lib/src/line.c - what becomes of attempts to sync: why the last ones failed, how long to
 * wait before the next, and the sentence for each reason.
 * Promises: phones that failed together do not come back together; no wait is longer than an hour,
 * whatever a server asks for or a clock says.
 * Never: keeps a person from trying at once. */
#include "client-lib/src/line.h"

#include <string.h>

#include "client-lib/src/slip.h"
#include "proto/value.h"

#define LINE_VERSION   1u
#define LINE_BYTES_MAX 1024u

typedef struct {
    uint64_t failures, wait_ms, tried_mono_ms;
    int64_t tried_ms;
    sotay_code code;
    sotay_why why;
    uint8_t boot[8];
    char detail[200];
} line_row;

typedef struct {
    const char *name, *vi, *en;
} why_row;

/* clang-format off */
static const why_row WHYS[] = {
    [SOTAY_WHY_NONE] = { "none", "Đường truyền tốt.", "The line is good." },
    [SOTAY_WHY_NAME] = { "name",
        "Không tìm thấy máy chủ: chưa có mạng, hoặc tên máy chủ không đúng.",
        "The server was not found: no network here, or its name is wrong." },
    [SOTAY_WHY_CONNECT] = { "connect",
        "Không nối được với máy chủ: sóng yếu, hoặc máy chủ đang tắt.",
        "The server did not take the call: a weak signal, or it is switched off." },
    [SOTAY_WHY_SECURITY] = { "security",
        "Không lập được đường truyền an toàn: xem lại ngày giờ trên máy, hoặc báo văn phòng.",
        "No secure line: look at this device's date, or tell the office." },
    [SOTAY_WHY_SEND] = { "send", "Gửi quá chậm nên đã dừng; phần đã gửi không mất.",
        "Sending was too slow and was given up; what was sent is not lost." },
    [SOTAY_WHY_ANSWER] = { "answer", "Đã gửi xong nhưng máy chủ không trả lời kịp.",
        "All was sent, but no answer came in time." },
    [SOTAY_WHY_RECEIVE] = { "receive", "Nhận quá chậm nên đã dừng; phần đã nhận được giữ lại.",
        "Receiving was too slow and was given up; what came is kept." },
    [SOTAY_WHY_CUT] = { "cut", "Đường truyền bị ngắt giữa chừng; phần đã nhận được giữ lại.",
        "The line broke on the way; what came is kept." },
    [SOTAY_WHY_GATEWAY] = { "gateway",
        "Không phải máy chủ trả lời: mạng này có trang đăng nhập, hoặc cổng vào không tới được máy"
        " chủ.",
        "It was not the server that answered: this network wants a login, or the gateway does not"
        " reach the server." },
    [SOTAY_WHY_BUSY] = { "busy", "Máy chủ đang bận và hẹn gửi lại sau.",
        "The server is busy and asked to come later." },
    [SOTAY_WHY_REFUSED] = { "refused", "Máy chủ trả lời nhưng không nhận.",
        "The server answered and did not take it." },
    [SOTAY_WHY_HERE] = { "here", "Máy này gặp lỗi khi đồng bộ.",
        "This device failed during the sync." },
    [SOTAY_WHY_CLOCK] = { "clock",
        "Máy chủ đang chờ chỉnh lại đồng hồ, chưa nhận bài. Mọi thứ vẫn giữ trên máy này và sẽ tự"
        " gửi lại.",
        "The server waits until its clock is put right. All is kept on this device and goes out by"
        " itself." },
};
/* clang-format on */
#define WHYS_COUNT (sizeof WHYS / sizeof WHYS[0])

const char *sotay_why_name(sotay_why why)
{
    return (size_t)why < WHYS_COUNT ? WHYS[why].name : "unknown";
}

const char *sotay_why_sentence(sotay_why why, const char *lang)
{
    const why_row *row = &WHYS[(size_t)why < WHYS_COUNT ? (size_t)why : (size_t)SOTAY_WHY_HERE];
    return lang != NULL && strcmp(lang, "vi") == 0 ? row->vi : row->en;
}

/* A whole number from `from` to `to`, both among them. */
static uint64_t within(uint64_t from, uint64_t to, uint64_t random)
{
    return from + random % (to - from + 1);
}

uint64_t line_wait_ms(uint64_t failures, uint64_t later_s, uint64_t random)
{
    uint64_t most = LINE_FIRST_MS, later = LINE_LATER_MS;
    for (uint64_t i = 1; i < failures && most < LINE_MOST_MS; i++)
        most *= 2;
    if (most > LINE_MOST_MS)
        most = LINE_MOST_MS;
    uint64_t own = within(most / 2, most, random);
    if (later_s == 0)
        return own;
    if (later_s < LINE_LATER_MS / 1000)
        later = within(later_s * 1000, later_s * 1250, random);
    if (later > LINE_LATER_MS)
        later = LINE_LATER_MS;
    return later > own ? later : own;
}

/* ---- the row ---- */

static st_err row_put(sotay_client *client, const line_row *row, st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, LINE_BYTES_MAX);
    slip_writer slip = { &out, ST_OK };
    slip_u8(&slip, LINE_VERSION);
    slip_u64(&slip, row->failures);
    slip_u8(&slip, (uint8_t)row->code);
    slip_u8(&slip, (uint8_t)row->why);
    slip_u64(&slip, (uint64_t)row->tried_ms);
    slip_u64(&slip, row->tried_mono_ms);
    slip_bytes(&slip, row->boot, sizeof row->boot);
    slip_u64(&slip, row->wait_ms);
    slip_text(&slip, row->detail);
    book_key key = book_key_of(BOOK_LINE);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "line: no memory")
                                   : book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

/* All zero when there is none. One that does not open is none: it is a hint, not work. */
static st_err row_get(sotay_client *client, line_row *row, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key key = book_key_of(BOOK_LINE);
    memset(row, 0, sizeof *row);
    st_arena_init(&arena, 64 * 1024);
    st_err err = book_get(&client->book, &key, &arena, &value, error);
    slip_reader slip = { value.data, value.len, 0, false };
    if (err == ST_OK && slip_get_u8(&slip) == LINE_VERSION) {
        row->failures = slip_get_u64(&slip);
        row->code = (sotay_code)slip_get_u8(&slip);
        row->why = (sotay_why)slip_get_u8(&slip);
        row->tried_ms = (int64_t)slip_get_u64(&slip);
        row->tried_mono_ms = slip_get_u64(&slip);
        slip_get_bytes(&slip, row->boot, sizeof row->boot);
        row->wait_ms = slip_get_u64(&slip);
        slip_get_text(&slip, row->detail, sizeof row->detail);
    }
    if (slip.bad || err == ST_E_CORRUPT)
        memset(row, 0, sizeof *row);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND || err == ST_E_CORRUPT ? ST_OK : err;
}

/* What is left of the wait. */
static uint64_t left_ms(const sotay_client *client, const line_row *row)
{
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0, wait_ms = row->wait_ms < LINE_LATER_MS ? row->wait_ms : LINE_LATER_MS;
    client_now(client, &wall_ms, &mono_ms);
    bool same_boot = memcmp(row->boot, client->boot, sizeof row->boot) == 0;
    if (same_boot && mono_ms >= row->tried_mono_ms) {
        uint64_t passed = mono_ms - row->tried_mono_ms;
        return passed < wait_ms ? wait_ms - passed : 0;
    }
    if (wall_ms < row->tried_ms)
        return 0;
    uint64_t passed = (uint64_t)wall_ms - (uint64_t)row->tried_ms;
    return passed < wait_ms ? wait_ms - passed : 0;
}

st_err line_read(sotay_client *client, sotay_line *out_line, st_error *error)
{
    line_row row;
    st_err err = row_get(client, &row, error);
    memset(out_line, 0, sizeof *out_line);
    if (err != ST_OK || row.failures == 0)
        return err;
    out_line->failures = row.failures;
    out_line->code = row.code;
    out_line->why = row.why;
    memcpy(out_line->detail, row.detail, sizeof out_line->detail);
    out_line->tried_ms = row.tried_ms;
    out_line->wait_ms = left_ms(client, &row);
    out_line->is_hopeless = st_err_retry((st_err)row.code) == ST_RETRY_NEVER;
    return ST_OK;
}

/* ---- the calls ---- */

static st_err note_failure(sotay_client *client, const sotay_attempt *attempt, st_error *error)
{
    line_row row;
    uint64_t random = 0;
    st_err err = row_get(client, &row, error);
    if (err == ST_OK)
        err = port_random(client->book.port, &random, sizeof random, error);
    if (err != ST_OK)
        return err;
    const char *detail = attempt->detail != NULL ? attempt->detail : "";
    size_t len = strlen(detail);
    len = len < sizeof row.detail ? len : sizeof row.detail - 1;
    memset(row.detail, 0, sizeof row.detail);
    memcpy(row.detail, detail, len);
    row.failures++;
    row.code = attempt->code;
    row.why = attempt->why;
    row.wait_ms = line_wait_ms(row.failures, attempt->later_s, random);
    client_now(client, &row.tried_ms, &row.tried_mono_ms);
    memcpy(row.boot, client->boot, sizeof row.boot);
    return row_put(client, &row, error);
}

/* Nothing to forget costs no write. */
static st_err forget(sotay_client *client, bool *out_changed, st_error *error)
{
    book_key key = book_key_of(BOOK_LINE);
    st_err err = book_has(&client->book, &key, out_changed, error);
    return err == ST_OK && *out_changed ? book_delete(&client->book, &key, error) : err;
}

int sotay_line_note(sotay_client *client, const sotay_attempt *attempt, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    bool changed = true;
    st_err err = ST_OK;
    if (client->is_syncing)
        err = st_fail(&inner, ST_E_BUSY, "line: a sync is under way");
    if (err == ST_OK)
        err = client_begin(client, true, &inner);
    if (err != ST_OK)
        return port_give(err, &inner, error);
    if (attempt->code == SOTAY_OK)
        err = forget(client, &changed, &inner);
    else
        err = note_failure(client, attempt, &inner);
    if (err == ST_OK && changed)
        err = client_commit(client, &inner);
    else
        client_abort(client);
    return port_give(err, &inner, error);
}

int sotay_line_get(sotay_client *client, sotay_line *out_line, sotay_error *error)
{
    sotay_line line;
    st_error inner = { ST_OK, "" };
    st_err err = client_begin(client, false, &inner);
    if (err == ST_OK)
        err = line_read(client, &line, &inner);
    client_abort(client);
    if (err == ST_OK)
        *out_line = line;
    return port_give(err, &inner, error);
}

/* ---- in `status` ---- */

void line_write_json(const sotay_line *line, int64_t now_ms, int offset_minutes, st_json *json)
{
    st_json_key(json, "line");
    if (line->failures == 0) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_json_key_int(json, "failures", (int64_t)line->failures);
    st_json_key_text(json, "why", sotay_why_name(line->why));
    st_json_key_text(json, "code", sotay_code_name(line->code));
    st_json_key_text(json, "detail", line->detail);
    st_json_key(json, "last_try");
    st_json_when(json, line->tried_ms, offset_minutes);
    st_json_key_int(json, "wait_ms", (int64_t)line->wait_ms);
    st_json_key(json, "next_try");
    if (line->is_hopeless)
        st_json_null(json);
    else
        st_json_when(json, now_ms + (int64_t)line->wait_ms, offset_minutes);
    st_json_close(json, '}');
}

st_err line_write_text(const sotay_client *client, const sotay_line *line, st_buffer *out,
                       st_error *error)
{
    bool english = strcmp(client->lang, "en") == 0;
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    char at[40], next[40];
    if (line->failures == 0)
        return ST_OK;
    client_now(client, &wall_ms, &mono_ms);
    st_time_short(line->tried_ms, client->offset_minutes, at);
    st_time_short(wall_ms + (int64_t)line->wait_ms, client->offset_minutes, next);
    const char *why = line->why == SOTAY_WHY_REFUSED || line->why == SOTAY_WHY_HERE
                          ? sotay_code_sentence(line->code, client->lang)
                          : sotay_why_sentence(line->why, client->lang);
    st_err err = st_buffer_printf(out, error, "%s: %llu (%s): %s\n",
                                  english ? "syncs that failed" : "số lần đồng bộ chưa được",
                                  (unsigned long long)line->failures, at, why);
    if (err == ST_OK && !line->is_hopeless)
        err = st_buffer_printf(out, error, "%s: %s\n",
                               english ? "to be tried again from" : "thử lại từ lúc", next);
    return err;
}
