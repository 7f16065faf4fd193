/* proto/show_flags.c - what people should look at in a record: clocks that were wrong, dates that
 * do not fit, changes that wait.
 * Promises: says only what is certain, bounds included; the same record and the same knowledge of
 * clocks give the same flags. Must never keep anybody from writing: a flag is shown, no more. */
#include <assert.h>
#include <string.h>

#include "proto/show_value.h"

#define DAY_MS (INT64_C(86400) * 1000)
#define WALL_MS_MAX (INT64_C(1) << 60)

static const struct { const char *name, *vi, *en; } FLAGS[ST_FLAG_COUNT] = {
    [ST_FLAG_HELD] = { "held",
        "Có thay đổi của phiếu này đang chờ văn phòng xem.",
        "A change of this record waits for the office." },
    [ST_FLAG_CLOCK_OFF] = { "clock_off",
        "Đồng hồ của máy sai khi ghi; giờ theo máy chủ đứng bên cạnh. Nội dung vẫn được giữ.",
        "The clock of the device was wrong; the time by the server stands beside it. Nothing is"
        " refused for that." },
    [ST_FLAG_CLOCK_FAR] = { "clock_far",
        "Đồng hồ của máy sai hơn một ngày khi ghi: hãy hỏi người ghi và chỉnh giờ của máy.",
        "The clock of the device was more than a day off: ask the author, and set the clock." },
    [ST_FLAG_TIME_UNKNOWN] = { "time_unknown",
        "Máy khởi động lại trước khi gặp máy chủ: giờ ghi chỉ là lời của máy.",
        "The device restarted before it met the server: the time is the device's word only." },
    [ST_FLAG_DATE_AHEAD] = { "date_ahead",
        "Ngày kiểm tra muộn hơn ngày ghi: hãy xem lại ngày kiểm tra.",
        "The visit is dated after the day it was written on: look at the date again." },
    [ST_FLAG_NO_PERIOD] = { "no_period",
        "Ngày kiểm tra không thuộc năm nào của phong trào: chưa tính vào năm nào, hãy xem lại"
        " ngày.",
        "The visit is dated in no year of the movement: it counts in none until its date is put"
        " right." },
    [ST_FLAG_CARRIED] = { "carried",
        "Có phần nhận từ máy khác, chưa qua máy chủ.",
        "Some of it came from another phone by hand, and not from the server yet." },
    [ST_FLAG_PHOTOS_PENDING] = { "photos_pending",
        "Tệp đính kèm chưa về đủ văn phòng: chờ máy gửi; văn phòng có thể ghi nhận tệp đã mất.",
        "Files of it are not all at the office: wait for the phone; the office may declare one"
        " lost." },
};

const char *st_flag_name(st_flag flag)
{
    return (size_t)flag < ST_FLAG_COUNT ? FLAGS[flag].name : "unknown";
}

const char *st_flag_sentence(st_flag flag, const char *lang)
{
    assert(lang != NULL);
    if ((size_t)flag >= ST_FLAG_COUNT)
        return "";
    return strcmp(lang, "vi") == 0 ? FLAGS[flag].vi : FLAGS[flag].en;
}

const char *st_clock_warning(int64_t offset_ms, const char *lang)
{
    assert(lang != NULL);
    bool vi = strcmp(lang, "vi") == 0;
    if (offset_ms > ST_CLOCK_SAID_MS)
        return vi ? "đồng hồ máy chậm hơn máy chủ: hãy chỉnh lại giờ; việc đã ghi vẫn được giữ"
                  : "this device's clock is slow: set it right; what was recorded is kept";
    if (offset_ms < -ST_CLOCK_SAID_MS)
        return vi ? "đồng hồ máy nhanh hơn máy chủ: hãy chỉnh lại giờ; việc đã ghi vẫn được giữ"
                  : "this device's clock is fast: set it right; what was recorded is kept";
    return NULL;
}

st_written st_show_written(const st_show_how *how, const st_meta *meta)
{
    st_written written = { 0, 0, false };
    if (how->moments != NULL && !how->moments->of(how->moments->context, meta, &written))
        written.at_ms = written.within_ms = 0;
    return written;
}

void st_show_written_json(st_json *json, const st_written *written, const st_show_how *how)
{
    st_json_key(json, "corrected_at");
    st_json_when(json, written->at_ms, how->offset_minutes);
    st_json_key(json, "corrected_within_ms");
    if (written->at_ms != 0)
        st_json_int(json, written->within_ms);
    else
        st_json_null(json);
    if (written->rebooted)
        st_json_key_bool(json, "rebooted", true);
}

/* A clock, and what others send, may say anything; no true time is near these bounds. */
static int64_t bounded(int64_t ms)
{
    return ms > WALL_MS_MAX ? WALL_MS_MAX : ms < -WALL_MS_MAX ? -WALL_MS_MAX : ms;
}

int64_t st_show_clock_off(int64_t wall_ms, int64_t received_ms, const st_written *written)
{
    int64_t wall = bounded(wall_ms), received = bounded(received_ms);
    if (written->at_ms == 0)                           /* nobody sends what is not written yet */
        return received != 0 && wall > received ? wall - received : 0;
    int64_t off = wall - written->at_ms;
    if (off < 0)
        return off + written->within_ms < 0 ? off + written->within_ms : 0;
    return off > written->within_ms ? off - written->within_ms : 0;
}

/* ---- dates ---- */

/* The day, counted from 1970, of a moment in local time. */
static int64_t day_of(int64_t ms, const st_show_how *how)
{
    int64_t local = bounded(ms) + (int64_t)how->offset_minutes * 60000;
    int64_t day = local / DAY_MS;
    return local % DAY_MS < 0 ? day - 1 : day;
}

/* The latest moment at which it can have been written; 0: unknown. */
static int64_t written_by(const st_meta *meta, const st_written *written)
{
    if (written->at_ms != 0)
        return written->at_ms + written->within_ms;
    return meta->received_ms;
}

/* Is the visit dated after the day on which this was written? (A plan has a date of its own.) */
static bool is_ahead(const st_record *record, const st_live *live, const st_show_how *how)
{
    const st_meta *meta = &record->metas[live->meta];
    st_written written = st_show_written(how, meta);
    int64_t by_ms = written_by(meta, &written);
    return live->op.value.kind == ST_VALUE_INT && by_ms != 0
           && live->op.value.number > day_of(by_ms, how);
}

static bool is_in_no_year(const st_live *live, const st_show_how *how)
{
    const st_value *date = &live->op.value;
    bool found = how->years_count == 0 || date->kind != ST_VALUE_INT;
    for (size_t i = 0; !found && i < how->years_count; i++)
        found = date->number >= how->years[i].from && date->number <= how->years[i].to;
    return !found;
}

/* Of every date that the visit has now. */
static uint32_t date_flags(const st_form *form, const st_record *record, const st_show_how *how)
{
    uint32_t flags = 0;
    const st_field *field = form == NULL ? NULL : st_form_field(form, "visit_date");
    if (field == NULL || field->type != ST_TYPE_DATE)
        return 0;
    st_path path = { .kind = ST_PATH_FIELD, .field = field->no };
    st_span span = st_record_path(record, &path);
    for (size_t i = span.first; i < span.first + span.count; i++) {
        if (is_ahead(record, &record->lives[i], how))
            flags |= 1u << ST_FLAG_DATE_AHEAD;
        if (is_in_no_year(&record->lives[i], how))
            flags |= 1u << ST_FLAG_NO_PERIOD;
    }
    return flags;
}

uint32_t st_show_flags(const st_form *form, const st_record *record, const st_show_how *how)
{
    uint32_t flags = how->is_held ? 1u << ST_FLAG_HELD : 0;
    if (how->is_carried)
        flags |= 1u << ST_FLAG_CARRIED;
    if (how->files_missing > 0)
        flags |= 1u << ST_FLAG_PHOTOS_PENDING;
    for (size_t i = 0; i < record->metas_count; i++) {
        const st_meta *meta = &record->metas[i];
        st_written written = st_show_written(how, meta);
        int64_t off = st_show_clock_off(meta->wall_ms, meta->received_ms, &written);
        if (off > ST_CLOCK_SAID_MS || off < -ST_CLOCK_SAID_MS)
            flags |= 1u << ST_FLAG_CLOCK_OFF;
        if (off > DAY_MS || off < -DAY_MS)
            flags |= 1u << ST_FLAG_CLOCK_FAR;
        if (written.rebooted)
            flags |= 1u << ST_FLAG_TIME_UNKNOWN;
    }
    return flags | date_flags(form, record, how);
}
