/* proto/show_history.c - one change as a line of a record's history. Promises that every
 * operation is shown with what it replaced; must never leave an author or a reason out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/show_value.h"
#include "proto/text.h"

static void path_text(const st_form *form, const st_path *path, char *text)
{
    if (form != NULL) {
        st_form_path_format(form, path, text);
        return;
    }
    char item[ST_ITEM_TEXT_BYTES] = "";
    if (path->kind == ST_PATH_ITEM || path->kind == ST_PATH_DROP)
        st_item_format(&path->item, path->place, item);
    snprintf(text, ST_PATH_TEXT_BYTES, "%u.%s%s.%u", path->group, path->key.s, item, path->field);
}

bool st_history_shows(const st_history_item *item, const st_op *op)
{
    if (item->only == NULL)
        return true;
    st_path bare = op->path;
    bare.element_len = 0;
    memset(bare.element, 0, sizeof bare.element);
    return st_path_cmp(&bare, item->only) == 0;
}

const char *st_history_side(const st_form *form, const st_op *op)
{
    const st_field *field = form != NULL ? st_form_at(form, &op->path, NULL) : NULL;
    if (op->verb == ST_VERB_RESOLVE)
        return "settled";
    if (field == NULL || (field->write & (1u << ST_ROLE_OFFICER)) != 0)
        return "observed";
    bool by_creator = (field->write & ST_WRITE_CREATOR) != 0
                      && (form->create & (1u << ST_ROLE_OFFICER)) != 0;
    return by_creator ? "observed" : "settled";
}

/* The word of an operation in the history. */
static const char *op_word(const st_op *op)
{
    if (op->verb == ST_VERB_SET && op->value.kind == ST_VALUE_NULL)
        return "clear";
    return st_verb_name(op->verb);
}

static void op_value_json(st_json *json, const st_field *field, const st_op *op)
{
    if (field == NULL || op->verb == ST_VERB_DROP || op->verb == ST_VERB_KEEP) {
        st_json_null(json);
    } else if (op->path.element_len > 0) {
        st_value element = st_element_value(field, &op->path);
        st_show_value_json(json, field, &element);
    } else {
        st_show_value_json(json, field, &op->value);
    }
}

static void op_json(st_json *json, const st_form *form, const st_op *op, const st_show_how *how)
{
    char path[ST_PATH_TEXT_BYTES], dot[ST_DOT_TEXT_BYTES], hex[33];
    path_text(form, &op->path, path);
    st_json_open(json, '{');
    st_json_key_text(json, "path", path);
    st_json_key_text(json, "op", op_word(op));
    st_json_key(json, "value");
    op_value_json(json, form != NULL ? st_form_at(form, &op->path, NULL) : NULL, op);
    if (op->value.kind == ST_VALUE_ERASED)
        st_json_key_bool(json, "erased", true);
    st_json_key_text(json, "side", st_history_side(form, op));
    st_json_key(json, "replaces");
    st_json_open(json, '[');
    for (uint32_t i = 0; i < op->replaces_count; i++) {
        st_dot_format(&op->replaces[i], dot);
        st_json_text(json, dot);
    }
    st_json_close(json, ']');
    if (op->kept.counter != 0) {
        st_dot_format(&op->kept, dot);
        st_json_key(json, "kept");
        st_json_open(json, '{');
        st_json_key_text(json, "dot", dot);
        st_json_key_text(json, "author", st_show_person(how, &op->kept_actor, hex));
        st_json_close(json, '}');
    }
    st_json_close(json, '}');
}

static void act_json(st_json *json, st_act_kind act)
{
    st_json_open(json, '{');
    st_json_key_text(json, "path", "state");
    st_json_key_text(json, "op", "state");
    st_json_key_text(json, "value", st_act_name(act));
    st_json_key(json, "replaces");
    st_json_open(json, '[');
    st_json_close(json, ']');
    st_json_close(json, '}');
}

/* Behind which meeting mark it stands in the log. */
static void fence_json(st_json *json, const st_history_item *item)
{
    char hex[33];
    st_json_key(json, "after_fence");
    if (!item->has_fence) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_id_format(&item->fence_meeting, hex);
    st_json_key_text(json, "meeting", hex);
    st_json_key_text(json, "side", item->fence_is_unknown ? "unknown"
                                   : item->fence_is_close ? "close"
                                                          : "open");
    st_json_close(json, '}');
}

/* What the log's key signed that has this entry in it. */
static void proof_json(st_json *json, const st_history_item *item)
{
    char root[48];
    st_json_key(json, "proof");
    if (item->proof_size == 0) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_base64(item->proof_root.b, sizeof item->proof_root.b, root);
    st_json_key_int(json, "size", (int64_t)item->proof_size);
    st_json_key_text(json, "root", root);
    st_json_close(json, '}');
}

/* Who let it in or declined it, when, and why: as far as it is known here. */
static void decision_json(st_json *json, const st_history_item *item, const st_show_how *how)
{
    char hex[33];
    if (item->decision_index > 0) {
        st_json_key(json, "decision");
        st_json_open(json, '{');
        st_json_key_text(json, "by",
                         st_id_is_zero(&item->decision_actor)
                             ? NULL
                             : st_show_person(how, &item->decision_actor, hex));
        st_json_key(json, "at");
        st_json_when(json, item->decision_ms, how->offset_minutes);
        st_json_key_int(json, "log_index", (int64_t)item->decision_index);
        st_json_close(json, '}');
    }
    if (item->decision_reason_len > 0) {
        st_json_key(json, "decision_reason");
        st_json_textn(json, item->decision_reason, item->decision_reason_len);
    }
}

static void who_json(st_json *json, const st_history_item *item, const st_show_how *how)
{
    const st_change *change = item->change;
    char text[ST_DOT_TEXT_BYTES], hex[33];
    st_dot_format(&change->dot, text);
    st_json_key_text(json, "dot", text);
    st_json_key_text(json, "author", st_show_person(how, &item->actor, hex));
    st_id_format(&change->dot.device, hex);
    st_json_key_text(json, "device", hex);
    st_json_key_text(json, "role", st_role_name(item->role));
    st_json_key_text(json, "via", item->via == ST_VIA_DEVICE ? NULL : st_via_name(item->via));
    st_json_key(json, "claimed_at");
    st_json_when(json, change->wall_ms, how->offset_minutes);
    const st_written written = { item->corrected_ms, item->within_ms, item->rebooted };
    st_show_written_json(json, &written, how);
    st_json_key(json, "received_at");
    st_json_when(json, item->received_ms, how->offset_minutes);
    if (item->server_ms != 0) {
        st_json_key(json, "server_clock_at");
        st_json_when(json, item->server_ms, how->offset_minutes);
    }
    if (item->has_carrier)
        st_id_format(&item->carrier, hex);
    st_json_key_text(json, "carrier", item->has_carrier ? hex : NULL);
    st_json_key(json, "log_index");
    if (item->log_index == 0)
        st_json_null(json);
    else
        st_json_int(json, (int64_t)item->log_index);
    proof_json(json, item);
    st_json_key_int(json, "seen_size", (int64_t)item->seen_size);
    st_json_key(json, "not_before");
    st_json_when(json, item->not_before_ms, how->offset_minutes);
    fence_json(json, item);
    st_json_key_text(json, "verdict", item->verdict);
    if (item->hold != ST_HOLD_NONE)
        st_json_key_text(json, "held", st_hold_name(item->hold));
    decision_json(json, item, how);
}

st_err st_history_json(const st_form *form, const st_history_item *item, const st_show_how *how,
                       st_buffer *out, st_error *error)
{
    const st_change *change = item->change;
    st_json json;
    st_json_begin(&json, out, error);
    st_json_open(&json, '{');
    who_json(&json, item, how);
    st_json_key(&json, "ops");
    st_json_open(&json, '[');
    for (uint32_t i = 0; i < change->ops_count; i++)
        if (st_history_shows(item, &change->ops[i]))
            op_json(&json, form, &change->ops[i], how);
    if (change->act != ST_ACT_NONE)
        act_json(&json, change->act);
    st_json_close(&json, ']');
    if (change->amend)
        st_json_key_bool(&json, "amend", true);
    st_json_key(&json, "reason");
    if (change->reason.kind == ST_VALUE_TEXT)
        st_json_textn(&json, (const char *)change->reason.data, change->reason.len);
    else
        st_json_null(&json);
    st_json_close(&json, '}');
    return st_json_end(&json);
}

/* ---- for people ---- */

static const char *op_words(const st_op *op, bool vi)
{
    static const struct { const char *word, *vi, *en; } WORDS[] = {
        { "set", "ghi", "wrote" }, { "clear", "để trống", "cleared" },
        { "add", "thêm", "added" }, { "remove", "bỏ", "removed" },
        { "remark", "ghi thêm", "noted" }, { "item", "thêm mục", "added an item" },
        { "drop", "bỏ mục", "dropped the item" }, { "keep", "giữ mục", "kept the item" },
        { "resolve", "thống nhất", "settled" },
    };
    const char *word = op_word(op);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strcmp(WORDS[i].word, word) == 0)
            return vi ? WORDS[i].vi : WORDS[i].en;
    return word;
}

/* "Kết quả theo tiêu chí x2 › Mức": the words of a path, as on the form. */
static st_err path_words(const st_form *form, const st_path *path, bool vi, st_buffer *out,
                         st_error *error)
{
    const st_group *group = NULL;
    const st_field *field = form != NULL ? st_form_at(form, path, &group) : NULL;
    if (field == NULL && group == NULL) {
        char text[ST_PATH_TEXT_BYTES];
        path_text(form, path, text);
        return st_buffer_append(out, text, strlen(text), error);
    }
    const char *label = field == NULL ? "" : vi ? field->vi : field->en;
    if (group == NULL)
        return st_buffer_append(out, label, strlen(label), error);
    return st_buffer_printf(out, error, "%s%s%s%s%s", vi ? group->vi : group->en,
                            group->keyed ? " " : "", path->key.s, field != NULL ? " › " : "",
                            label);
}

static st_err op_text(const st_form *form, const st_op *op, const char *lang, st_buffer *out,
                      st_error *error)
{
    bool vi = strcmp(lang, "vi") == 0;
    const st_field *field = form != NULL ? st_form_at(form, &op->path, NULL) : NULL;
    st_err err = st_buffer_printf(out, error, "    %s ", op_words(op, vi));
    if (err == ST_OK)
        err = path_words(form, &op->path, vi, out, error);
    bool has_value = field != NULL && op->verb != ST_VERB_DROP && op->verb != ST_VERB_KEEP &&
                     (op->value.kind != ST_VALUE_NULL || op->path.element_len > 0);
    if (err == ST_OK && has_value) {
        st_value value = op->path.element_len > 0 ? st_element_value(field, &op->path) : op->value;
        err = st_buffer_append(out, ": ", 2, error);
        if (err == ST_OK)
            err = st_value_label(field, &value, lang, out, error);
    }
    if (err == ST_OK)
        err = st_buffer_append(out, "\n", 1, error);
    return err;
}

/* Words of the glossary for a role and for what became of a change. */
static const char *role_words(st_role role, bool vi)
{
    static const char *const VI[ST_ROLE_COUNT] = {
        [ST_ROLE_NONE] = "-", [ST_ROLE_OFFICER] = "cán bộ kiểm tra",
        [ST_ROLE_OFFICE] = "chuyên viên thường trực",
        [ST_ROLE_OFFICE_HEAD] = "lãnh đạo phòng thường trực",
        [ST_ROLE_COUNCIL_CHAIR] = "Chủ tịch Hội đồng", [ST_ROLE_DECIDER] = "Chủ tịch UBND xã",
        [ST_ROLE_AUDITOR] = "người giám sát", [ST_ROLE_ADMIN] = "quản trị máy",
    };
    return vi && role < ST_ROLE_COUNT ? VI[role] : st_role_name(role);
}

static const char *verdict_words(const char *verdict, bool vi)
{
    static const struct { const char *word, *vi, *en; } WORDS[] = {
        { "stored", "đã vào sổ", "in the book" },
        { "held", "chờ văn phòng xem", "waits for the office" },
        { "accepted", "văn phòng đưa vào sổ", "let in by the office" },
        { "declined", "không đưa vào sổ", "declined" },
        { "unsent", "chưa gửi", "not sent yet" },
        { "carried", "máy khác đưa sang, chưa qua máy chủ", "from another phone, not the server" },
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strcmp(WORDS[i].word, verdict) == 0)
            return vi ? WORDS[i].vi : WORDS[i].en;
    return verdict;
}

static const char *act_words(st_act_kind act, bool vi)
{
    static const char *const VI[ST_ACT_COUNT] = {
        [ST_ACT_NONE] = "", [ST_ACT_OPEN] = "mở lại bản nháp", [ST_ACT_FINALISE] = "chốt",
        [ST_ACT_WITHDRAW] = "rút lại", [ST_ACT_RETURN] = "đề nghị bổ sung",
        [ST_ACT_REVIEW] = "rà soát", [ST_ACT_APPROVE] = "duyệt", [ST_ACT_VOID] = "không tính",
        [ST_ACT_LOCK] = "khóa sổ",
    };
    return vi && act < ST_ACT_COUNT ? VI[act] : st_act_name(act);
}

static const char *fence_words(const st_history_item *item, bool vi)
{
    if (item->fence_is_unread)
        return vi ? "trước hay sau cuộc họp: không biết, sổ có phần không đọc được"
                  : "before or after the meeting: unknown, some of the book cannot be read";
    if (item->fence_is_unknown)
        return vi ? "trước hay sau cuộc họp: không biết, sổ đã được đặt lại"
                  : "before or after the meeting: unknown, the book was put back";
    if (item->fence_is_close)
        return vi ? "sau khi kết thúc cuộc họp" : "after the meeting closed";
    return vi ? "trong cuộc họp" : "while the meeting was open";
}

/* The log's times never fall; where the server's clock had been ahead, they stand still. */
static st_err server_clock_text(const st_history_item *item, const st_show_how *how, bool vi,
                                st_buffer *out, st_error *error)
{
    char when[40];
    if (item->server_ms == 0)
        return ST_OK;
    st_time_short(item->server_ms, how->offset_minutes, when);
    return st_buffer_printf(out, error, vi ? "    đồng hồ máy chủ lúc nhận: %s\n"
                                           : "    the server's clock then: %s\n", when);
}

/* What the server's clock says of the time that the device claimed. */
static st_err clock_text(const st_history_item *item, const st_show_how *how, bool vi,
                         st_buffer *out, st_error *error)
{
    char when[40];
    const st_written written = { item->corrected_ms, item->within_ms, item->rebooted };
    int64_t off = st_show_clock_off(item->change->wall_ms, item->received_ms, &written);
    if (item->rebooted)
        return st_buffer_printf(
            out, error, "    %s\n",
            vi ? "giờ máy không chắc: máy đã khởi động lại trước khi gặp máy chủ"
               : "time uncertain: the device restarted before it met the server");
    bool is_near = off >= -ST_CLOCK_SAID_MS && off <= ST_CLOCK_SAID_MS;
    if (item->corrected_ms == 0 || is_near)
        return ST_OK;
    st_time_short(item->corrected_ms, how->offset_minutes, when);
    return st_buffer_printf(out, error, "    %s %s (±%lld s)\n",
                            vi ? "giờ máy sai; theo máy chủ là" : "clock wrong; by the server",
                            when, (long long)((item->within_ms + 999) / 1000));
}

/* What somebody gave as his reason. */
static st_err words_text(const char *label, const void *words, size_t len, st_buffer *out,
                         st_error *error)
{
    st_err err = st_buffer_printf(out, error, "    %s ", label);
    if (err == ST_OK)
        err = st_text_say(words, len, ST_LINE_INSIDE, out, error);
    return err == ST_OK ? st_buffer_append(out, "\n", 1, error) : err;
}

/* Who decided and when, where that is known; the office's words. */
static st_err decision_text(const st_history_item *item, const st_show_how *how, bool vi,
                            st_buffer *out, st_error *error)
{
    char hex[33], when[40];
    const char *who = st_id_is_zero(&item->decision_actor)
                          ? "-"
                          : st_show_person(how, &item->decision_actor, hex);
    bool is_declined = strcmp(item->verdict, "declined") == 0;
    st_time_short(item->decision_ms, how->offset_minutes, when);
    st_err err = item->decision_index == 0
                     ? ST_OK
                     : st_buffer_printf(out, error, "    %s: %s %s (%s %" PRIu64 ")\n",
                                        verdict_words(item->verdict, vi), who, when,
                                        vi ? "mục" : "entry", item->decision_index);
    if (err != ST_OK || item->decision_reason_len == 0)
        return err;
    const char *label = vi ? "văn phòng đưa vào sổ vì:" : "the office let it in because:";
    if (is_declined)
        label = vi ? "văn phòng không đưa vào sổ vì:" : "the office declined it because:";
    return words_text(label, item->decision_reason, item->decision_reason_len, out, error);
}

st_err st_history_text(const st_form *form, const st_history_item *item, const st_show_how *how,
                       st_buffer *out, st_error *error)
{
    const char *lang = how->lang != NULL ? how->lang : "vi";
    bool vi = strcmp(lang, "vi") == 0;
    const st_change *change = item->change;
    char hex[33], when[40], got[40] = "";
    st_time_short(change->wall_ms, how->offset_minutes, when);
    if (item->received_ms != 0)
        st_time_short(item->received_ms, how->offset_minutes, got);
    st_err err = st_buffer_printf(
        out, error, "%s  %s (%s)%s  %s %s  [%s%s%s]\n", when,
        st_show_person(how, &item->actor, hex), role_words(item->role, vi),
        item->via == ST_VIA_OPERATOR ? " via=operator" : "", vi ? "nhận:" : "received:",
        got[0] != '\0' ? got : "-", verdict_words(item->verdict, vi),
        item->hold != ST_HOLD_NONE ? ": " : "",
        item->hold != ST_HOLD_NONE ? st_hold_sentence(item->hold, lang) : "");
    if (err == ST_OK)
        err = server_clock_text(item, how, vi, out, error);
    if (err == ST_OK)
        err = clock_text(item, how, vi, out, error);
    if (err == ST_OK && item->has_fence)
        err = st_buffer_printf(out, error, "    %s\n", fence_words(item, vi));
    for (uint32_t i = 0; i < change->ops_count && err == ST_OK; i++)
        if (st_history_shows(item, &change->ops[i]))
            err = op_text(form, &change->ops[i], lang, out, error);
    if (err == ST_OK && change->act != ST_ACT_NONE)
        err = st_buffer_printf(out, error, "    %s\n", act_words(change->act, vi));
    if (err == ST_OK && change->reason.kind == ST_VALUE_TEXT)
        err = words_text(vi ? "lý do:" : "reason:", change->reason.data, change->reason.len, out,
                         error);
    if (err == ST_OK)
        err = decision_text(item, how, vi, out, error);
    return err;
}
