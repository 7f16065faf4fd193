/* client-lib/src/detail.c - what exactly was wrong, in the words of the person who did it.
 * Promises: a detail that the table does not know comes out as it is.
 * Never: writes beyond the caller's text. */
#include <string.h>

#include "client-lib/include/sotay.h"

#define HOLES_MAX 4u

/* `*` stands for anything, in the same order in both. Rows with more words stand first. */
typedef struct {
    const char *en, *vi;
} pair_of_words;

/* clang-format off */
static const pair_of_words TABLE[] = {
    /* states */
    { "the record is finalised; use amend", "phiếu đã chốt; muốn sửa thì dùng amend (đính chính)" },
    { "the record is finalised; to add or drop something, ask the office to return it",
      "phiếu đã chốt; muốn thêm hoặc bỏ mục, đề nghị văn phòng trả lại phiếu" },
    { "the record is finalised; ask the office to settle it",
      "phiếu đã chốt; đề nghị văn phòng thống nhất ý kiến" },
    { "the office has the record in hand; use amend",
      "văn phòng đang xử lý phiếu; muốn sửa thì dùng amend (đính chính)" },
    { "the office has the record in hand; ask the office",
      "văn phòng đang xử lý phiếu; hãy hỏi văn phòng" },
    { "the record is approved; ask the office", "phiếu đã được duyệt; hãy hỏi văn phòng" },
    { "the office does not count the record; ask the office",
      "văn phòng không tính phiếu này; hãy hỏi văn phòng" },
    { "the period is locked; ask the office", "kỳ đã khóa sổ; hãy hỏi văn phòng" },
    { "the record is withdrawn", "phiếu đã rút lại" },
    { "finalise: a record of this kind is not finalised", "loại phiếu này không cần chốt" },
    { "finalise: it is finalised already", "phiếu đã chốt rồi" },
    { "state: that step is the office's to take", "bước này do văn phòng thực hiện" },
    { "finalise: *: it is needed (* in all)", "chưa chốt được: *: cần ghi mục này (tất cả * mục)" },
    { "finalise: *: it does not fit the rule (* in all)",
      "chưa chốt được: *: không đúng quy tắc (tất cả * mục)" },
    { "amend: the record is not finalised; use set", "phiếu chưa chốt; sửa bằng set" },
    { "amend: nothing to correct", "không có gì để đính chính" },
    { "locked: 45 days without the server; the next sync opens it",
      "đã 45 ngày chưa gửi, nhận với văn phòng; lần gửi, nhận tới sẽ mở lại" },
    { "store: it is not enrolled yet (sotay enrol LINK)",
      "máy này chưa đăng ký (sotay enrol ĐƯỜNG-DẪN)" },
    { "store '*': there is none", "'*' chưa có sổ nào" },
    { "store: there is none here yet", "ở đây chưa có sổ nào" },
    /* values */
    { "*: expected a date like 2026-03-12", "*: cần một ngày như 2026-03-12" },
    { "*: expected a day that there is, like 2026-03-12",
      "*: không có ngày này; ghi như 2026-03-12" },
    { "*: expected a time of day like 09:30", "*: cần giờ trong ngày như 09:30" },
    { "*: expected a time like 2026-03-12T09:30+07:00",
      "*: cần thời điểm như 2026-03-12T09:30+07:00" },
    { "*: expected true or false", "*: cần true (có) hoặc false (không)" },
    { "*: expected some text; to empty the field, use clear",
      "*: cần có chữ; muốn để trống thì dùng clear" },
    { "*: expected a value; to empty the field, use clear",
      "*: cần một giá trị; muốn để trống thì dùng clear" },
    { "*: expected at most * characters, not *", "*: nhiều nhất * ký tự, đang có *" },
    { "*: expected one of: *", "*: cần một trong: *" },
    { "*: expected a decimal point, like 7.5, not a comma",
      "*: dùng dấu chấm thập phân như 7.5, không dùng dấu phẩy" },
    { "*: expected a number like 7.5 with at most * digits behind the point",
      "*: cần một số như 7.5, nhiều nhất * chữ số sau dấu chấm" },
    { "*: expected LAT,LON or LAT,LON,METRES like 22.8312,106.5221,8",
      "*: cần VĨ ĐỘ,KINH ĐỘ hoặc VĨ ĐỘ,KINH ĐỘ,MÉT như 22.8312,106.5221,8" },
    { "*: expected *", "*: cần: *" },
    { "*: this role may not write it", "*: vai trò này không được ghi mục này" },
    { "record: this role may not do this with it",
      "vai trò này không được làm việc đó với loại phiếu này" },
    { "path: '*' has no field '*'", "biểu '*' không có mục '*'" },
    { "path: group '*' has no field '*'", "nhóm '*' không có mục '*'" },
    { "*: there is no such item in this record", "*: phiếu này không có mục con đó" },
    { "*: there is no such item in *", "*: không có mục con đó trong *" },
    { "*: not a group with items", "*: không phải nhóm có mục con" },
    { "*: a set: use add and remove", "*: là danh sách chọn nhiều: dùng add và remove" },
    { "*: not a set", "*: không phải danh sách chọn nhiều" },
    { "*: given twice", "*: ghi hai lần" },
    { "form '*': there is no such form here", "ở đây không có biểu '*'" },
    { "unit '*': there is no such unit", "không có đơn vị '*'" },
    { "unit '*': it cannot be the name of a unit", "'*' không thể là mã đơn vị" },
    { "*: it is not assigned to you", "*: đơn vị này không được phân công cho bạn" },
    { "'*' has no value; to empty a field use `sotay clear`",
      "'*' không có giá trị; muốn để trống thì dùng `sotay clear`" },
    { "reason: it is needed", "cần ghi lý do" },
    { "reason: at most * characters", "lý do: nhiều nhất * ký tự" },
    { "search: no letter or digit to look for", "không có chữ hoặc số nào để tìm" },
    /* different opinions */
    { "resolve: a value came in between: *", "có giá trị mới xen vào: *" },
    { "resolve: * values were looked at, * are there now", "lúc xem có * giá trị, nay có *" },
    { "resolve: '*' does not name a value", "'*' không chỉ ra giá trị nào" },
    { "resolve: * is none of the values there now", "* không phải giá trị đang có" },
    { "*: there is no value to settle", "*: không có giá trị nào để thống nhất" },
    { "*: nothing to resolve there", "*: không có ý kiến khác nhau" },
    { "state: there are no different opinions", "tình trạng phiếu không có ý kiến khác nhau" },
    { "*: there are no different opinions", "*: không có ý kiến khác nhau" },
    { "state: * does not hold any more", "* không còn hiệu lực" },
    { "state: an act came in between: *", "có bước mới xen vào: *" },
    /* records that are not here, or not to be written */
    { "record *: not on this device", "phiếu * không có trên máy này" },
    { "record: not on this device", "phiếu không có trên máy này" },
    { "record: only own work on it is left on this device",
      "trên máy này chỉ còn phần tự mình ghi của phiếu" },
    { "record: another phone brought it, to be read; it can be written once the server has sent it",
      "phiếu do máy khác mang đến, chỉ để xem; văn phòng gửi về rồi mới ghi được" },
    { "record: its form is not on this device yet", "biểu của phiếu chưa có trên máy này" },
    { "record: its form is damaged on this device; the next sync mends it",
      "biểu của phiếu trên máy này bị hỏng; lần gửi, nhận sau sẽ sửa" },
    /* files */
    { "the file is empty", "tệp rỗng" },
    { "the file has * bytes, at most *", "tệp có * byte, nhiều nhất *" },
    { "the record has * files, at most *", "phiếu có * tệp, nhiều nhất *" },
    { "the files of the record would have * bytes, at most *",
      "các tệp của phiếu sẽ có * byte, nhiều nhất *" },
    { "this device holds * pieces of files, as many as it may: sync, then give back the room of"
      " what the office keeps (attachment clear)",
      "máy này đã giữ * mảnh tệp, hết mức: hãy gửi, nhận, rồi trả lại chỗ"
      " của tệp mà văn phòng đã có (attachment clear)" },
    { "records of this kind have no attachments", "loại phiếu này không đính kèm tệp" },
    { "the picture is cut, or damaged", "ảnh bị cụt hoặc hỏng" },
    { "not a file that can be attached: *", "không phải tệp đính kèm được: *" },
    { "the record has no attachment '*'", "phiếu không có tệp đính kèm '*'" },
    { "attachment: it is not on this device", "tệp không có trên máy này" },
    { "attachment: it has no thumbnail", "tệp không có ảnh nhỏ" },
    /* the store, its PIN, enrolment */
    { "store: a sync is under way", "đang gửi, nhận" },
    { "store: something else is under way", "đang làm việc khác, hãy thử lại sau giây lát" },
    { "sync: one is under way", "đang gửi, nhận" },
    { "store: an earlier step is still pending", "việc trước chưa xong" },
    { "store: it needs a PIN", "sổ này cần mã PIN" },
    { "store: the PIN is wrong", "mã PIN sai" },
    { "store: no PIN was set for it", "sổ này không đặt mã PIN" },
    { "store: it had a PIN, give it a new one", "sổ này từng có mã PIN, hãy đặt mã mới" },
    { "store: made by another version", "sổ do phiên bản khác lập" },
    { "enrol: that is not an enrolment link", "không phải đường dẫn đăng ký máy" },
    { "enrol: this is not the server that the link names",
      "không phải sổ mà đường dẫn đăng ký nói" },
    { "enrol: this store belongs to another book", "sổ trên máy này thuộc sổ khác" },
    { "enrol: this store belongs to *", "sổ trên máy này là của *" },
    { "recover: nothing was asked for yet", "chưa xin mở lại lần nào" },
    { "recover: this answers another line", "dòng này trả lời cho lần xin khác" },
    { "recover: the key that came opens another store", "khóa nhận được mở sổ khác" },
    /* lines, bundles, other phones */
    { "server: request: this book has no such device",
      "sổ ở địa chỉ này không có máy này: kiểm tra lại địa chỉ, hoặc hỏi văn phòng" },
    { "sync: the connection broke", "mất kết nối giữa chừng" },
    { "sync: this is not the server that answers *", "bên trả lời không phải sổ của văn phòng *" },
    { "sync: this is not the server that answers", "bên trả lời không phải sổ của văn phòng" },
    { "sync: the server is not ready (*)", "sổ của văn phòng chưa sẵn sàng (*)" },
    { "sync: the answer is not whole", "trả lời bị cụt" },
    { "bundle: it belongs to another book", "gói gửi hộ này của sổ khác" },
    { "bundle: not signed by the device that it names",
      "gói gửi hộ không có chữ ký đúng của máy ghi trên gói" },
    { "carry: the other phone has another book", "máy kia thuộc sổ khác" },
    { "carry: the other one is this phone, or a copy of it",
      "máy kia là chính máy này, hoặc bản sao của nó" },
    { "carry: the other phone is not in use any more", "máy kia không còn được dùng" },
    { "carry: who the other phone is, is damaged here; the next sync mends it",
      "thông tin về máy kia trên máy này bị hỏng; lần gửi, nhận sau sẽ sửa" },
    { "carry: the other phone is not the one it says", "máy kia không phải máy mà nó xưng" },
    { "receipt: no entry with a change of this record came to this device yet",
      "chưa có phiếu đã nhận nào về phiếu này đến máy" },
};
/* clang-format on */

typedef struct {
    const char *text;
    size_t len;
} piece;

/* Does text fit the pattern? What stood at each `*` goes into holes: as little as fits. */
static bool fits(const char *pattern, const char *text, piece *holes)
{
    size_t count = 0;
    while (*pattern != '\0') {
        size_t words = strcspn(pattern, "*");
        if (strncmp(pattern, text, words) != 0)
            return false;
        pattern += words;
        text += words;
        if (*pattern == '\0')
            break;
        pattern++;
        words = strcspn(pattern, "*");
        holes[count].text = text;
        const char *next = text + strlen(text);
        while (words > 0 && text < next && strncmp(text, pattern, words) != 0)
            text++;
        holes[count].len = (size_t)((words > 0 ? text : next) - holes[count].text);
        if (words == 0)
            text = next;
        if (++count == HOLES_MAX)
            break;
    }
    return *pattern == '\0' && *text == '\0';
}

static void append(char *out, size_t *at, const char *text, size_t len)
{
    size_t room = SOTAY_DETAIL_TEXT - 1 - *at;
    size_t take = len < room ? len : room;
    while (take < len && take > 0 && ((unsigned char)text[take] & 0xc0u) == 0x80u)
        take--; /* no half letter */
    memcpy(out + *at, text, take);
    *at += take;
    out[*at] = '\0';
}

static void fill(const char *words, const piece *holes, char *out)
{
    size_t at = 0, hole = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, "*");
        append(out, &at, words, len);
        words += len;
        if (*words == '\0')
            return;
        append(out, &at, holes[hole].text, holes[hole].len);
        hole++;
        words++;
    }
}

void sotay_error_words(const sotay_error *error, const char *lang, char out[SOTAY_DETAIL_TEXT])
{
    piece holes[HOLES_MAX];
    size_t at = 0;
    out[0] = '\0';
    bool vi = lang != NULL && strcmp(lang, "vi") == 0;
    for (size_t i = 0; vi && i < sizeof TABLE / sizeof TABLE[0]; i++) {
        if (!fits(TABLE[i].en, error->detail, holes))
            continue;
        fill(TABLE[i].vi, holes, out);
        return;
    }
    append(out, &at, error->detail, strlen(error->detail));
}
