/* proto/hold.c - the words of holds: what happened to the data, and who does what next.
 * Promises: for each hold one sentence to its author and one to the office, in both languages
 * (docs/glossary.md words); foreign numbers get a sentence too, never a crash.
 * Must never: say that something is lost: what is held is kept. */
#include <assert.h>
#include <string.h>

#include "proto/change.h"

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
      "Có quá nhiều ý kiến khác nhau ở một mục, hoặc quá nhiều tệp ở một phiếu. Thay đổi được giữ;"
      " hãy thống nhất các ý kiến hoặc bỏ bớt tệp, rồi văn phòng đưa vào sổ.",
      "Too many different opinions in one place, or too many files on one record. The change is"
      " kept; settle them or drop some, then the office accepts it." },
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

/* What the office can do about it, in the same order. */
static const struct {
    const char *vi, *en;
} OFFICE[ST_HOLD_COUNT] = {
    { "Không cần làm gì.",
      "Nothing to do." },
    { "Không cần làm gì, trừ khi phiếu mãi không đến: hỏi máy đã lập phiếu, hoặc không nhận.",
      "Nothing to do, unless the record never comes: ask the device that made it, or decline"
      " it." },
    { "So với phiếu đã chốt: đúng thì cho vào sổ, không thì không nhận.",
      "Compare it with what was finalised: let it in when it is right, else decline it." },
    { "Quyết định thay đổi trước nó; nó đi theo.",
      "Decide on the one before it; this one goes with it." },
    { "Công bố mẫu phiếu ấy rồi cho vào sổ, hoặc không nhận.",
      "Publish that form, then let it in; or decline it." },
    { "Nâng cấp máy chủ; nó được xem lại.",
      "Upgrade the server; it is judged again." },
    { "Hỏi người ghi: nhận giá trị như đã ghi thì cho vào sổ, không thì không nhận.",
      "Ask the author: let it in when the value may stand as it is, else decline it." },
    { "Xem người ghi có được giao việc này không: có thì cho vào sổ, không thì không nhận.",
      "Was the author charged with it? Then let it in, else decline it." },
    { "Xem phân công khi ấy: người ghi được đến đơn vị thì cho vào sổ (và phân công lại),"
      " không thì không nhận.",
      "Was the author sent there? Then let it in (and assign the unit), else decline it." },
    { "Không thể cho vào sổ: không nhận, rồi nhờ người ghi lập phiếu mới ở đúng đơn vị.",
      "It cannot be let in: decline it and have the author make a record in the right unit." },
    { "Xem phiếu: việc chuyển ấy đúng thì cho vào sổ, không thì không nhận.",
      "Look at the record: let it in when the move is right, else decline it." },
    { "Thống nhất các ý kiến ở mục ấy rồi cho vào sổ.",
      "Settle the opinions in that place, then let it in." },
    { "Máy này bị sao chép: gặp người giữ máy, đăng ký lại máy; xem xong thì không nhận để"
      " bỏ khỏi danh sách.",
      "The device was copied: see its holder, enrol it again; when looked at, decline it to"
      " take it off the list." },
    { "Xem máy, giờ ghi và mốc đã thấy (held --device): tin được thì cho vào sổ cả loạt,"
      " không thì không nhận.",
      "Look at device, time and what it had seen (held --device): let all in when they can"
      " be trusted, else decline." },
    { "Mở khóa máy thì tự vào sổ; hoặc xem từng thay đổi rồi cho vào sổ hay không nhận.",
      "Lift the device and they go in by themselves; or look at each one, let it in or"
      " decline it." },
    { "Đợi kỳ mở lại, hoặc cho vào sổ kèm lý do; bảng tổng hợp đã khóa không đổi.",
      "Wait until the period is opened again, or let it in with a reason; the locked"
      " synthesis does not change." },
    { "Gặp người giữ máy: gói này không được lưu ở máy chủ.",
      "See the holder of the device: this was not stored here." },
    { "Đăng ký máy ấy, rồi gửi lại.",
      "Enrol that device, then have it send again." },
    { "Giữ nguyên để kiểm tra; nhờ người ghi ghi lại, rồi không nhận để bỏ khỏi danh sách.",
      "Keep it for inquiry; have the author write it again, then decline it to take it off"
      " the list." },
};

static bool is_vi(const char *lang)
{
    assert(lang != NULL);
    return strcmp(lang, "vi") == 0;
}

const char *st_hold_name(st_hold hold)
{
    return (size_t)hold < ST_HOLD_COUNT ? HOLDS[hold].name : "unknown";
}

const char *st_hold_sentence(st_hold hold, const char *lang)
{
    if ((size_t)hold >= ST_HOLD_COUNT)
        return is_vi(lang)
                   ? "Thay đổi được giữ vì một lý do mà phiên bản này chưa biết; chờ văn phòng xem."
                   : "The change is kept for a reason that this version does not know; it waits for"
                     " the office.";
    return is_vi(lang) ? HOLDS[hold].vi : HOLDS[hold].en;
}

const char *st_hold_for_office(st_hold hold, const char *lang)
{
    if ((size_t)hold >= ST_HOLD_COUNT)
        return is_vi(lang) ? "Nâng cấp chương trình này để biết lý do."
                           : "Upgrade this program to know the reason.";
    return is_vi(lang) ? OFFICE[hold].vi : OFFICE[hold].en;
}
