/* tools/verify/text.c - the complaints of this program in Vietnamese.
 * Promises: each complaint of tools/verify and of what it calls has one row here, and is looked up
 * as it was said, so that no place that complains needs to know a language. */
#include "tools/verify/text.h"

#include <string.h>

/* Each '%' stands for a number or a name without blanks; '%1' is the first of them. */
typedef struct {
    const char *en, *vi;
} verify_row;

/* Places, which stand in front of a sentence and a colon. */
static const verify_row PLACES[] = {
    { "entry %", "mục %1" },
    { "leaf", "nội dung mục" },
    { "note", "bản ký" },
    { "proof", "bằng chứng" },
    { "buffer", "bộ nhớ" },
};

/* What an entry, or a file, is blamed for. */
static const verify_row LOG[] = {
    { "its device did not sign it", "máy của mục này không ký nó" },
    { "its device is not in the list", "máy của mục này không có trong danh sách máy" },
    { "its changes have no number", "các thay đổi của mục này không có số" },
    { "its time lies before that of the one before it",
      "giờ của mục này sớm hơn giờ của mục ngay trước nó" },
    { "changes % to % of device % are missing before it",
      "thiếu các thay đổi từ %1 đến %2 của máy %3 ở trước mục này" },
    { "changes % to % of device % are missing before it; the book was put back in between, says "
      "entry %",
      "thiếu các thay đổi từ %1 đến %2 của máy %3 ở trước mục này; giữa chừng sổ đã được dựng lại "
      "từ bản sao, như mục %4 đã ghi" },
    { "device % has these changes in another entry",
      "máy %1 đã có các thay đổi này trong một mục khác" },
    { "it does not continue the chain of device %", "mục này không nối tiếp chuỗi của máy %1" },
    { "its author had seen another log of % entries (device %)",
      "người viết mục này đã thấy một nhật ký khác có %1 mục (máy %2)" },
    { "the log that it says it goes on from, of % entries, is not this one",
      "nhật ký có %1 mục mà mục này nói là nối tiếp không phải là nhật ký này" },
    { "line %: no key of the log signed it", "dòng %1: không khóa nào của nhật ký đã ký" },
    { "line %: that is this log, and was not given up",
      "dòng %1: đó chính là nhật ký này, không bị bỏ" },
    { "line %: the log's key signed another log of % entries, and no new epoch explains it",
      "dòng %1: khóa của nhật ký đã ký một nhật ký khác có %2 mục, không đời sổ mới nào giải thích "
      "được" },
    { "not a list of logs given up", "không phải là danh sách nhật ký đã bỏ" },
    { "line %: not that of a log given up", "dòng %1 không phải là dòng của một nhật ký đã bỏ" },
    { "all the rest was checked, and nothing else is wrong",
      "mọi phần còn lại đã được kiểm tra, không có gì khác sai" },
    { "it is cut off", "mục này bị cắt cụt" },
    { "it is not what its hash says", "mục này không khớp với mã băm của nó" },
    { "not that of its leaves", "không khớp với các mục mà nó gộp lại" },
    { "% bytes", "%1 byte" },
    { "not the lines of a log entry", "không phải là các dòng của một mục nhật ký" },
    { "not the one spelling of its entry", "không viết đúng cách duy nhất của mục này" },
    { "the device did not confirm it", "máy này không xác nhận nó" },
    { "a device's cosignature is wrong", "chữ ký xác nhận của một máy không đúng" },
    { "it bears a signature of nobody listed", "có chữ ký của người không có trong danh sách" },
    { "its root is not that of the entries", "mã gốc không phải của các mục này" },
    { "more entries than this program reads", "nhiều mục hơn mức chương trình này đọc được" },
    { "line % is not that of a device", "dòng %1 không phải là dòng của một máy" },
    { "line % names a device again", "dòng %1 ghi lại một máy đã có" },
    { "not a list of devices", "không phải là danh sách máy" },
    { "is no file of the log", "không phải là tệp của nhật ký" },
    { "is not what the log has there", "không phải là tệp mà nhật ký có ở đó" },
    { "an export into this folder was cut off; have it made again",
      "lần xuất vào thư mục này bị ngắt giữa chừng; hãy nhờ xuất lại" },
    { "is missing in the folder", "thiếu trong thư mục" },
    { "is missing", "thiếu" },
    { "is not there", "không có ở đó" },
    { "is not here", "không có ở đây" },
};

/* Keys and signatures. */
static const verify_row KEYS[] = {
    { "the log's key did not sign it", "không do khóa của nhật ký ký" },
    { "it is of %", "của nhật ký %1" },
    { "not its three lines", "không đủ ba dòng phải có" },
    { "not lines of text", "không phải là các dòng chữ" },
    { "nobody signed it", "không ai ký" },
    { "too many signatures", "quá nhiều chữ ký" },
    { "signature % cannot be read", "không đọc được chữ ký thứ %1" },
    { "the first key is not that of this log", "khóa đầu tiên không phải của nhật ký này" },
    { "change % is not signed by the key before it and by the new one",
      "lần đổi khóa %1 không do cả khóa trước và khóa mới ký" },
    { "change % has no entry in the log", "lần đổi khóa %1 không có mục trong nhật ký" },
    { "the key that was given is none of those that this export names",
      "khóa đưa vào không nằm trong các khóa mà bản xuất này ghi" },
    { "a change of the log's key that log-keys does not name",
      "một lần đổi khóa nhật ký mà log-keys không ghi" },
    { "change % of the log's key is another one in log-keys",
      "lần đổi khóa nhật ký %1 không giống trong log-keys" },
    { "of % entries, by a key that signed % at most",
      "của %1 mục, do một khóa chỉ được ký đến mục %2" },
    { "not a list of keys", "không phải là danh sách khóa" },
    { "not the name of a log's key", "không phải là tên khóa của một nhật ký" },
    { "not the key of a log", "không phải là khóa của một nhật ký" },
    { "not a whole key, and no file has this name",
      "không phải là một khóa đủ, cũng không có tệp nào tên như vậy" },
    { "the key is not a log's", "khóa này không phải của một nhật ký" },
    { "without --vkey the log's own key is believed; compare it with the one on the enrolment "
      "sheet",
      "không có --vkey: tin vào khóa của chính nhật ký; hãy so với khóa trên phiếu đăng ký" },
};

/* What was kept of before: a checkpoint, a code, a receipt. */
static const verify_row KEPT[] = {
    { "the older checkpoint has % entries, and here are %: the log was cut off or put back",
      "dấu chốt cũ có %1 mục, ở đây có %2: nhật ký đã bị cắt, hoặc bị thay bằng bản cũ" },
    { "the first % entries are not those of the older checkpoint: two logs under one name",
      "%1 mục đầu không phải các mục của dấu chốt cũ: hai nhật ký cùng một tên" },
    { "the book was put back, says entry %: of the older checkpoint's % entries those from % on "
      "are gone or came again; one of at most % tells more",
      "mục %1 ghi rằng sổ đã được dựng lại từ bản sao: trong %2 mục của dấu chốt cũ, các mục từ "
      "%3 trở đi đã mất hoặc đã được gửi lại ở chỗ khác; muốn so tiếp cần một dấu chốt có không "
      "quá %4 mục" },
    { "the first % entries are not those of the older checkpoint: two logs under one name, or one "
      "written on before the restore of entry %",
      "%1 mục đầu không phải các mục của dấu chốt cũ: hai nhật ký cùng một tên, hoặc sổ cũ còn "
      "được ghi tiếp trước lần dựng lại ở mục %2" },
    { "the code on paper is not of this log", "mã trên giấy không phải của nhật ký này" },
    { "the code on paper is not of this log; the book was put back, says entry %, and the paper "
      "may speak of the one before",
      "mã trên giấy không phải của nhật ký này; mục %1 ghi rằng sổ đã được dựng lại từ bản sao, và "
      "tờ giấy có thể nói về sổ trước đó" },
    { "not a file of tlog-proof@v1", "không phải là tệp tlog-proof@v1" },
    { "its index cannot be read", "không đọc được số của mục" },
    { "a hash cannot be read", "không đọc được một mã băm" },
    { "the checkpoint is missing", "thiếu dấu chốt" },
    { "this is not what the log has there", "đây không phải là mục mà nhật ký có ở đó" },
    { "this log has another one there: two logs under one name",
      "nhật ký này có một mục khác ở đó: hai nhật ký cùng một tên" },
    { "here are % entries: this log is older than the receipt, or was cut off or put back",
      "ở đây có %1 mục: nhật ký này cũ hơn biên nhận, hoặc đã bị cắt, hoặc bị thay bằng bản cũ" },
    { "gone since the book was put back, of which entry % speaks",
      "không còn nữa từ khi sổ được dựng lại từ bản sao, như mục %1 đã ghi" },
    { "signed by the key %, which this export does not list: it is older than the receipt, or the "
      "receipt is false",
      "do khóa %1 ký, mà bản xuất này không ghi khóa đó: bản xuất cũ hơn biên nhận, hoặc biên nhận "
      "là giả" },
    { "this key did not sign it, but one with the id %; if the log was given another key, name an "
      "export too, or take the vkey of one of then",
      "không do khóa này ký mà do khóa có mã %1; nếu nhật ký đã đổi khóa, hãy nêu thêm một bản "
      "xuất, hoặc lấy tệp vkey của bản xuất hồi đó" },
};

/* The machine, and the call. */
static const verify_row REST[] = {
    { "no memory", "hết bộ nhớ" },
    { "no memory for % bytes", "không đủ bộ nhớ cho %1 byte" },
    { "% bytes and % more are over %", "%1 byte và thêm %2 byte vượt quá %3" },
    { "cannot be read", "không đọc được" },
    { "cannot be listed", "không liệt kê được" },
    { "cannot be fetched", "không tải về được" },
    { "the server answers %", "máy chủ trả lời %1" },
    { "is not there; the address of a log ends with /audit",
      "không có ở đó; địa chỉ của nhật ký có /audit ở cuối" },
    { "the program curl is missing", "thiếu chương trình curl" },
    { "this build reads folders only", "bản này chỉ đọc thư mục" },
    { "the name is too long", "tên quá dài" },
    { "the folder has no name", "thư mục không có tên" },
    { "No such file or directory", "không có tệp hoặc thư mục này" },
    { "Not a directory", "không phải là thư mục" },
    { "Is a directory", "là thư mục, không phải tệp" },
    { "Permission denied", "không có quyền đọc" },
    { "its value is missing (see --help)", "thiếu giá trị (xem --help)" },
    { "no such option (see --help)", "không có tùy chọn này (xem --help)" },
    { "one log at a time", "mỗi lần chỉ một nhật ký" },
    { "sixteen digits, in four groups, or the 64 of a root (see --help)",
      "mười sáu chữ số, thành bốn nhóm, hoặc 64 ký tự của mã gốc (xem --help)" },
    { "needs --vkey, or a log (see --help)", "cần có --vkey, hoặc một nhật ký (xem --help)" },
    { "needs --record, and that needs it (see --help)",
      "phải đi cùng --record, và ngược lại (xem --help)" },
    { "nothing to check (see --help)", "chưa có gì để kiểm tra (xem --help)" },
};

#define PIECES_MAX 4u

/* What stood for each '%'. */
typedef struct {
    const char *at[PIECES_MAX];
    size_t len[PIECES_MAX];
} verify_pieces;

/* Up to what comes next in the sentence. 0: it would have a blank in it, or nothing. */
static size_t piece_len(const char *text, size_t len, char next)
{
    size_t at = 0;
    while (at < len && text[at] != next && text[at] != ' ')
        at++;
    return at;
}

/* Is all of the text, `len` bytes, this sentence? */
static bool fits(const char *pattern, const char *text, size_t len, verify_pieces *out)
{
    size_t at = 0, count = 0;
    for (; *pattern != '\0'; pattern++) {
        size_t more = 1;
        if (*pattern == '%') {
            more = piece_len(text + at, len - at, pattern[1]);
            if (more == 0 || count == PIECES_MAX)
                return false;
            out->at[count] = text + at;
            out->len[count++] = more;
        } else if (at == len || text[at] != *pattern)
            return false;
        at += more;
    }
    return at == len;
}

static st_err put(const char *vi, const verify_pieces *pieces, st_buffer *out)
{
    st_err err = ST_OK;
    while (err == ST_OK && *vi != '\0') {
        size_t fixed = strcspn(vi, "%");
        err = st_buffer_append(out, vi, fixed, NULL);
        vi += fixed;
        if (err == ST_OK && *vi == '%') {
            size_t which = (size_t)(vi[1] - '1');
            err = st_buffer_append(out, pieces->at[which], pieces->len[which], NULL);
            vi += 2;
        }
    }
    return err;
}

/* A place, or a sentence. *out_known false: it is appended as it is. */
static st_err put_part(const char *text, size_t len, st_buffer *out, bool *out_known)
{
    static const struct {
        const verify_row *rows;
        size_t count;
    } TABLES[] = {
        { PLACES, sizeof PLACES / sizeof PLACES[0] }, { LOG, sizeof LOG / sizeof LOG[0] },
        { KEYS, sizeof KEYS / sizeof KEYS[0] },       { KEPT, sizeof KEPT / sizeof KEPT[0] },
        { REST, sizeof REST / sizeof REST[0] },
    };
    verify_pieces pieces;
    *out_known = true;
    for (size_t table = 0; table < sizeof TABLES / sizeof TABLES[0]; table++)
        for (size_t i = 0; i < TABLES[table].count; i++)
            if (fits(TABLES[table].rows[i].en, text, len, &pieces))
                return put(TABLES[table].rows[i].vi, &pieces, out);
    *out_known = false;
    return st_buffer_append(out, text, len, NULL);
}

/* A sentence may have a colon in it, so the longest part is looked up first. */
st_err verify_text_vi(const char *said, st_buffer *out, bool *out_known)
{
    for (;;) {
        size_t before = out->len;
        const char *colon = strstr(said, ": ");
        st_err err = put_part(said, strlen(said), out, out_known);
        if (err != ST_OK || *out_known || colon == NULL)
            return err;
        bool is_place = false;
        out->len = before;
        err = put_part(said, (size_t)(colon - said), out, &is_place);
        if (err == ST_OK)
            err = st_buffer_append(out, ": ", 2, NULL);
        if (err != ST_OK)
            return err;
        said = colon + 2;
    }
}
