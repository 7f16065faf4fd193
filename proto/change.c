/* proto/change.c - the words of changes, acts, roles and holds, and what can be read off a change
 * without knowing anything else.
 * Promises: every name round-trips; foreign numbers get "unknown", never a crash. Each hold has one
 * sentence that says what happened to the data and who does what next (docs/glossary.md words).
 * Must never: look at a record, a clock or the order of arrival. */
#include "proto/change.h"

#include <assert.h>
#include <string.h>

static const char *const ROLES[ST_ROLE_COUNT] = {
    "none", "officer", "office", "office_head", "council_chair", "decider", "auditor", "admin"
};
static const char *const VIAS[ST_VIA_COUNT] = { "device", "operator" };
static const char *const VERBS[ST_VERB_COUNT] = {
    "set", "add", "remove", "remark", "item", "drop", "keep", "resolve"
};
static const char *const ACTS[ST_ACT_COUNT] = {
    "none", "open", "finalise", "withdraw", "return", "review", "approve", "void", "lock"
};

/* One row for each hold, in the order of st_hold. */
static const struct {
    const char *name, *vi, *en;
} HOLDS[ST_HOLD_COUNT] = {
    { "none", "Đã vào sổ.", "It is in the book." },
    { "no_record",
      "Phiếu này chưa đến máy chủ. Thay đổi được giữ và tự vào sổ khi phiếu đến; không cần làm gì.",
      "The record has not arrived yet. The change is kept and goes into the book by itself when it"
      " does; nothing to do." },
    { "frozen",
      "Sửa sau khi phiếu đã chốt. Thay đổi được giữ, chờ văn phòng xem; muốn sửa tiếp, hãy ghi bổ"
      " sung, đính chính.",
      "Edited after the record was finalised. The change is kept and waits for the office; to"
      " correct further, write a supplement." },
    { "waits",
      "Một thay đổi trước của máy này trên cùng phiếu đang chờ văn phòng xem. Thay đổi được giữ và"
      " đi theo thay đổi ấy; không cần làm gì.",
      "An earlier change of this device to the same record waits for the office. This one is kept"
      " and goes with it; nothing to do." },
    { "form",
      "Máy chủ chưa biết mẫu phiếu hoặc phiên bản mẫu này. Thay đổi được giữ; văn phòng cập nhật"
      " mẫu rồi đưa vào sổ.",
      "The server does not know this form or its version. The change is kept; the office updates"
      " the form, then accepts it." },
    { "version",
      "Máy chủ chưa hiểu thao tác này. Thay đổi được giữ và xem lại sau khi máy chủ được nâng cấp.",
      "The server does not understand this operation yet. The change is kept and judged again after"
      " the server is upgraded." },
    { "value",
      "Có giá trị không đúng kiểu, độ dài hoặc khoảng cho phép. Thay đổi được giữ; hãy ghi lại giá"
      " trị đúng, văn phòng sẽ xem.",
      "A value is of the wrong type, length or range. The change is kept; write the right value"
      " again, the office will look at it." },
    { "role",
      "Vai trò của người ghi không được ghi mục này. Thay đổi được giữ, chờ văn phòng xem.",
      "The author's role may not write this. The change is kept and waits for the office." },
    { "scope",
      "Đơn vị này không được phân công cho người ghi. Thay đổi được giữ; văn phòng xem lại phân"
      " công rồi đưa vào sổ.",
      "The unit is not assigned to the author. The change is kept; the office looks at the"
      " assignment, then accepts it." },
    { "bucket",
      "Phiếu thuộc phần việc khác với nơi gửi. Thay đổi được giữ, chờ văn phòng xem.",
      "The record belongs to another share of work. The change is kept and waits for the office." },
    { "state",
      "Người ghi không được chuyển phiếu sang trạng thái này. Thay đổi được giữ, chờ văn phòng"
      " xem.",
      "This move is not the author's to make. The change is kept and waits for the office." },
    { "limit",
      "Có quá nhiều ý kiến khác nhau ở một mục. Thay đổi được giữ; hãy thống nhất các ý kiến, rồi"
      " văn phòng đưa vào sổ.",
      "Too many different opinions in one place. The change is kept; settle them, then the office"
      " accepts it." },
    { "fork",
      "Có hai sổ cùng một máy; bản kia đã đến trước. Thay đổi được giữ, chờ văn phòng xem; hãy đăng"
      " ký lại máy này.",
      "There are two books of one device; the other came first. The change is kept and waits for"
      " the office; enrol this device again." },
    { "revoked",
      "Máy này đã bị thu hồi. Thay đổi được giữ, chờ văn phòng xem; hãy gặp văn phòng.",
      "This device was revoked. The change is kept and waits for the office; please see the"
      " office." },
    { "suspended",
      "Máy này đang tạm khóa. Thay đổi được giữ cho đến khi văn phòng mở khóa hoặc xác nhận.",
      "This device is suspended. The change is kept until the office lifts or confirms it." },
    { "late",
      "Thay đổi đến sau khi khóa sổ. Thay đổi được giữ và báo cho văn phòng; kỳ đã khóa không tự"
      " đổi.",
      "It came after the lock. The change is kept and shown to the office; the locked period does"
      " not change by itself." },
    { "signature",
      "Chữ ký không đúng nên máy chủ không nhận. Máy vẫn giữ dữ liệu; hãy gặp văn phòng.",
      "The signature is wrong, so the server did not take it. The device keeps the data; please see"
      " the office." },
    { "device",
      "Máy chủ không biết máy đã ghi. Dữ liệu vẫn ở trên máy; hãy đăng ký máy rồi gửi lại.",
      "The server does not know the device that wrote it. The data stays on the device; enrol it,"
      " then send again." },
    { "corrupt",
      "Gói có chữ ký nhưng không đọc được. Gói được giữ nguyên, chờ văn phòng xem; hãy ghi lại nội"
      " dung.",
      "It is signed but cannot be read. It is kept as it is and waits for the office; please write"
      " the content again." },
};

static const char *name_of(const char *const *names, size_t count, size_t at)
{
    assert(names != NULL);
    return at < count ? names[at] : "unknown";
}

const char *st_role_name(st_role role)
{
    return name_of(ROLES, ST_ROLE_COUNT, (size_t)role);
}

bool st_role_parse(const char *name, st_role *out_role)
{
    assert(name != NULL && out_role != NULL);
    for (size_t i = 1; i < ST_ROLE_COUNT; i++) {
        if (strcmp(name, ROLES[i]) == 0) {
            *out_role = (st_role)i;
            return true;
        }
    }
    return false;
}

const char *st_via_name(st_via via)
{
    return name_of(VIAS, ST_VIA_COUNT, (size_t)via);
}

const char *st_verb_name(st_verb verb)
{
    return name_of(VERBS, ST_VERB_COUNT, (size_t)verb);
}

const char *st_act_name(st_act_kind kind)
{
    return name_of(ACTS, ST_ACT_COUNT, (size_t)kind);
}

const char *st_hold_name(st_hold hold)
{
    return (size_t)hold < ST_HOLD_COUNT ? HOLDS[hold].name : "unknown";
}

const char *st_hold_sentence(st_hold hold, const char *lang)
{
    assert(lang != NULL);
    bool vi = strcmp(lang, "vi") == 0;
    if ((size_t)hold >= ST_HOLD_COUNT)
        return vi ? "Thay đổi được giữ vì một lý do mà phiên bản này chưa biết; chờ văn phòng xem."
                  : "The change is kept for a reason that this version does not know; it waits for"
                    " the office.";
    return vi ? HOLDS[hold].vi : HOLDS[hold].en;
}

uint64_t st_set_last(const st_set *set)
{
    assert(set != NULL);
    return set->changes_count == 0 ? set->first : set->first + set->changes_count - 1;
}

bool st_change_is_frozen(const st_change *change)
{
    assert(change != NULL);
    if (change->act != ST_ACT_NONE || change->amend)
        return false;
    for (uint32_t i = 0; i < change->under_count; i++) {
        st_act_kind kind = change->under[i].kind;
        if (kind == ST_ACT_FINALISE || kind == ST_ACT_LOCK)
            return true;
    }
    return false;
}
