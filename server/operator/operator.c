/* server/operator/operator.c - finds the verb in the table, reads its options, runs it. Promises
 * a line of reason for every refusal; must never do half of a verb because an option was not
 * known. */
#include "server/operator/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "server/operator/work.h"

/* What a verb does to the book. READS: adds nothing to it, also where it mends or copies. TAKES:
 * only takes rights away, unless the line lifts something or gives a role. */
typedef enum { READS, TAKES, WRITES } verb_kind;

/* Letters of the options that each verb takes: see OPTIONS. `obliged` must be there. */
typedef struct {
    operator_help help;
    size_t least, most;        /* operands */
    const char *options, *obliged;
    operator_verb_run run;
    verb_kind kind;
} verb_row;

static const verb_row VERBS[] = {
    { { "user add", "LOGIN --name NAME --role ROLE [--role ROLE]...", "thêm người",
        "add a person" }, 1, 1, "nR", "nR", operator_user_add, WRITES },
    { { "user list", "[--json]", "danh sách người", "list people" },
      0, 0, "j", "", operator_user_list, READS },
    { { "user disable", "LOGIN", "ngừng quyền của một người",
        "take every right from a person" }, 1, 1, "", "", operator_user_disable, TAKES },
    { { "user import", "FILE", "thêm nhiều người từ tệp (login, tên, vai trò, đơn vị…)",
        "add people from a file (login, name, roles, units...)" },
      0, 0, "t", "t", operator_user_import, WRITES },
    { { "role", "LOGIN +ROLE|-ROLE...", "thêm hoặc bỏ vai trò", "give or take roles" },
      2, 16, "", "", operator_role, TAKES },
    { { "enrol", "LOGIN [--qr] [--url URL]", "đường dẫn đăng ký máy, dùng một lần",
        "one-time link that enrols a device" }, 1, 1, "ql", "", operator_enrol, WRITES },
    { { "assign", "LOGIN UNIT|AREA...", "phân công đơn vị, địa bàn", "assign units, areas" },
      2, OPERATOR_ARGS_MAX, "", "", operator_assign, WRITES },
    { { "unassign", "LOGIN UNIT|AREA...", "thôi phân công", "take units or areas back" },
      2, OPERATOR_ARGS_MAX, "", "", operator_unassign, TAKES },
    { { "unit rename", "UNIT NAME --document NO --from DATE", "đổi tên đơn vị theo văn bản",
        "give a unit another name" }, 2, 2, "OM", "OM", operator_unit_rename, WRITES },
    { { "unit merge", "UNIT... INTO --document NO --from DATE",
        "sáp nhập đơn vị vào một đơn vị; người phụ trách đơn vị mới xem được phiếu cũ",
        "units go into another; whoever has that one reads their records" },
      2, OPERATOR_ARGS_MAX, "OM", "OM", operator_unit_merge, WRITES },
    { { "unit split", "UNIT INTO INTO... --document NO --from DATE",
        "chia một đơn vị thành nhiều đơn vị", "a unit is divided among others" },
      3, OPERATOR_ARGS_MAX, "OM", "OM", operator_unit_split, WRITES },
    { { "device list", "[--json]", "các máy đã đăng ký", "enrolled devices" },
      0, 0, "j", "", operator_device_list, READS },
    { { "device revoke", "DEVICE [--reason T]", "thu hồi máy", "revoke a device" },
      1, 1, "r", "", operator_device_revoke, TAKES },
    { { "device suspend", "DEVICE [--lift] [--reason T]", "tạm khóa máy, hoặc mở lại",
        "suspend a device, or lift it" }, 1, 1, "Lr", "", operator_device_suspend, TAKES },
    { { "device confirm", "DEVICE --as LOGIN",
        "xác nhận khóa mới của một bản sao (xem device list); máy cũ giữ nguyên",
        "confirm the new key of a copy (see device list); the old device stays" },
      1, 1, "a", "a", operator_device_confirm, WRITES },
    { { "device decline", "DEVICE --as LOGIN --reason T", "không xác nhận khóa mới của một bản sao",
        "decline the new key of a copy" }, 1, 1, "ar", "ar", operator_device_decline, WRITES },
    { { "device recover", "DEVICE LINE --as LOGIN [--second LOGIN] --reason T",
        "quên mã PIN: hai người mở khóa cho máy", "a forgotten PIN: two people open the key" },
      2, 2, "a2r", "ar", operator_device_recover, WRITES },
    { { "alarms", "[--json]",
        "máy cần xem: bản sao, máy thu hồi còn gửi, nhật ký khác, đơn vị chưa xóa, máy im lặng",
        "devices to look into: copies, revoked ones that send, another log, units not yet gone, "
        "silent ones" },
      0, 0, "j", "", operator_alarms, READS },
    { { "receipts", "[--json]", "máy nào đã báo xóa đơn vị không còn phân công",
        "which devices have said that a unit taken back is gone from them" },
      0, 0, "j", "", operator_receipts, READS },
    { { "records", "[--form F] [--unit U] [--state S] [--json]", "danh sách phiếu",
        "list records" }, 0, 0, "jfus", "", operator_records, READS },
    { { "show", "ID [--json]", "xem một phiếu", "show a record" },
      1, 1, "j", "", operator_show, READS },
    { { "history", "ID [--field PATH] [--between T1,T2] [--after MEETING] [--json|--csv]",
        "lịch sử sửa đổi của một phiếu, một mục", "history of a record or of one field" },
      1, 1, "jFbmC", "", operator_history, READS },
    { { "search", "TEXT [--form F] [--unit U] [--state S] [--json]", "tìm, không cần dấu",
        "search, marks ignored" }, 1, 1, "jfus", "", operator_search, READS },
    { { "new", "FORM UNIT [PATH=VALUE]... --as LOGIN", "lập phiếu mới; in ra mã phiếu",
        "make a record; prints its id" }, 2, OPERATOR_ARGS_MAX, "ar", "a", operator_new, WRITES },
    { { "set", "ID PATH=VALUE... --as LOGIN [--reason T]", "ghi giá trị của văn phòng",
        "write values that are the office's" }, 2, OPERATOR_ARGS_MAX, "ar", "a",
      operator_set, WRITES },
    { { "conflicts", "[--json]", "ý kiến khác nhau", "different opinions" },
      0, 0, "j", "", operator_conflicts, READS },
    { { "resolve", "ID PATH --keep DOT|--value V --as LOGIN --reason T [--seen DOT,...]",
        "thống nhất ý kiến khác nhau", "settle different opinions" },
      2, 2, "kvare", "ar", operator_resolve, WRITES },
    { { "attachment list", "[ID] [--json]", "tệp đính kèm chưa về đủ, hoặc mọi tệp của một phiếu",
        "attachments that are missing, or all of a record" },
      0, 1, "j", "", operator_attachment_list, READS },
    { { "attachment get", "ID ITEM [--thumbnail] -o FILE", "lấy một tệp đính kèm ra",
        "write one attachment to a file" }, 2, 2, "T", "", operator_attachment_get, READS },
    { { "attachment lost", "ID ITEM [--lift] --as LOGIN --reason T",
        "ghi nhận tệp sẽ không về nữa, hoặc thôi ghi nhận",
        "declare that a file will not come, or take that back" },
      2, 2, "Lar", "ar", operator_attachment_lost, WRITES },
    { { "attachment collect", "[--dry-run] [--json]",
        "xóa mảnh tệp mà 90 ngày nay không phiếu nào dùng",
        "remove pieces that nothing has named for 90 days" },
      0, 0, "jN", "", operator_attachment_collect, WRITES },
    { { "fence open", "MEETING --as LOGIN", "đặt mốc mở họp: sổ đang đến đâu",
        "mark where the book stands as a meeting opens" }, 1, 1, "a", "a",
      operator_fence_open, WRITES },
    { { "fence close", "MEETING --as LOGIN", "đặt mốc kết thúc họp",
        "mark where the book stands as a meeting closes" }, 1, 1, "a", "a",
      operator_fence_close, WRITES },
    { { "fence list", "[--json|--csv]", "các mốc họp", "the meeting marks" },
      0, 0, "jC", "", operator_fence_list, READS },
    { { "erase", "ID PATH... --as LOGIN [--second LOGIN] --basis T",
        "xóa giá trị theo yêu cầu và căn cứ pháp lý (hai người)",
        "destroy values for a reason in law (two people)" },
      2, OPERATOR_ARGS_MAX, "a2B", "aB", operator_erase, WRITES },
    { { "request list", "[--json]", "đề nghị đang chờ người thứ hai (72 giờ)",
        "requests that wait for a second person (72 hours)" },
      0, 0, "j", "", operator_request_list, READS },
    { { "request show", "N [--json]", "một đề nghị, và từng giá trị mà nó xin xóa",
        "one request, and each value that it asks to erase" },
      1, 1, "j", "", operator_request_show, READS },
    { { "request confirm", "N --as LOGIN", "người thứ hai đồng ý: việc được làm ngay",
        "the second person agrees: it is done" }, 1, 1, "a", "a",
      operator_request_confirm, WRITES },
    { { "request withdraw", "N --as LOGIN --reason T", "rút lại, hoặc không đồng ý",
        "take a request back, or decline it" }, 1, 1, "ar", "ar",
      operator_request_withdraw, WRITES },
    { { "audit list",
        "gaps|forks|late|changed|withdrawn|holds|clocks|silent|revoked|epochs|erasures|requests"
        "|acts [--json|--csv]",
        "các danh sách cần xem khi giám sát", "the lists that a reviewer goes through" },
      1, 1, "jC", "", operator_audit_list, READS },
    { { "move", "ID under_review|returned|approved|void --as LOGIN [--reason T]"
        " | PERIOD locked|reopened --as LOGIN [--reason T] [--decision NO]",
        "rà soát, trả lại, duyệt, không tính một lần kiểm tra; khóa sổ một kỳ, mở lại theo quyết"
        " định",
        "take up, give back, approve or void a visit; lock a period, or open it again" },
      2, 2, "ard", "a", operator_move, WRITES },
    { { "held", "[--device DEVICE] [--json]", "các thay đổi chờ văn phòng xem",
        "changes that wait for the office" }, 0, 0, "jD", "", operator_held, READS },
    { { "held show", "N...|--device DEVICE [--json]",
        "nội dung của thay đổi đang chờ: từng giá trị, như `history`",
        "what a held change says: each value, as `history` does" },
      0, OPERATOR_ARGS_MAX, "jD", "", operator_held_show, READS },
    { { "held accept", "N...|--device DEVICE --as LOGIN --reason T", "cho vào sổ",
        "let held changes in" }, 0, OPERATOR_ARGS_MAX, "Dar", "ar", operator_held_accept, WRITES },
    { { "held decline", "N...|--device DEVICE --as LOGIN --reason T",
        "không nhận (vẫn nằm trong sổ)", "decline them (they stay in the log)" },
      0, OPERATOR_ARGS_MAX, "Dar", "ar", operator_held_decline, WRITES },
    { { "held again", "[N...|--device DEVICE] --as LOGIN",
        "quyết lại như sổ trước khi phục hồi, theo lời các máy còn nhớ",
        "decide as the book before a restore had, by what phones still know of it" },
      0, OPERATOR_ARGS_MAX, "Da", "a", operator_held_again, WRITES },
    { { "incidents", "[--device DEVICE] [--json]", "máy có sổ lệch với sổ chung, và đã sửa gì",
        "devices whose book was not this one, and what was mended" },
      0, 0, "jD", "", operator_incidents, READS },
    { { "export csv", "[--form F] [--period P] -o FILE", "xuất bảng CSV",
        "write a table for a spreadsheet" }, 0, 0, "fp", "", operator_export_csv, WRITES },
    { { "clock", "[--json]", "đồng hồ của máy chủ so với sổ",
        "the server's clock, and the newest time of the book" }, 0, 0, "j", "",
      operator_clock, READS },
    { { "clock accept", "[--as LOGIN] --reason T",
        "xác nhận đồng hồ máy chủ đúng, dù sổ đã có giờ muộn hơn",
        "the server's clock is right, although the book knows a later time" },
      0, 0, "ar", "r", operator_clock_accept, WRITES },
    { { "verify", "[--json]", "sổ có đúng như nhật ký không", "is the store what its log says" },
      0, 0, "j", "", operator_verify, READS },
    { { "rebuild", "", "dựng lại sổ từ nhật ký (khi máy chủ dừng)",
        "fold the log again (server stopped)" }, 0, 0, "", "", operator_rebuild, READS },
    { { "progress", "[--json]", "việc dài của máy chủ đang chạy đến đâu (verify, backup…)",
        "how far a long verb of the running server is (verify, backup...)" },
      0, 0, "j", "", operator_progress, READS },
    { { "backup", "DIR | --check DIR", "sao lưu sổ, cả khi máy chủ đang chạy, hoặc thử lại bản sao",
        "copy the book into a folder, also while the server runs, or check a copy" },
      1, 1, "c", "", operator_backup, READS },
    { { "bundle import", "FILE [--json]", "nhận gói gửi hộ mà máy khác mang đến",
        "take in a bundle that somebody carried here" }, 1, 1, "j", "",
      operator_bundle_import, WRITES },
    { { "compact", "", "thu gọn tệp của sổ (khi máy chủ dừng)",
        "make the store's file as small as it can be (server stopped)" },
      0, 0, "", "", operator_compact, READS },
    { { "audit export", "DIR", "xuất nhật ký để người khác kiểm tra (sotay-verify)",
        "write the log into a folder for others to check (sotay-verify)" },
      1, 1, "", "", operator_audit_export, READS },
    { { "audit proof", "ID [DIR] [--code DIGITS]",
        "bằng chứng các mục của một phiếu có trong nhật ký; --code: mã kiểm tra trên giấy là của\n"
        "      bao nhiêu mục, phiếu có sửa sau đó không",
        "proofs that the entries of a record are in the log; --code: of how many entries the\n"
        "      check code on a paper speaks, and whether the record was changed since" },
      1, 2, "o", "", operator_audit_proof, READS },
    { { "address", "URL", "địa chỉ mới của máy chủ: các máy tự tìm về",
        "a new address of the server: devices follow by themselves" },
      1, 1, "", "", operator_address, WRITES },
    { { "epoch new", "--as LOGIN [--second LOGIN] --reason T", "mở đời sổ mới (hai người)",
        "begin a new epoch (two people)" }, 0, 0, "a2r", "ar", operator_epoch_new, WRITES },
    { { "log-key new", "--as LOGIN [--second LOGIN] --reason T",
        "thay khóa của nhật ký (hai người)", "give the log another key (two people)" },
      0, 0, "a2r", "ar", operator_log_key_new, WRITES },
    { { "log-key list", "[--json]", "các khóa của nhật ký, từ mục nào",
        "the keys of the log, and from which entry on" },
      0, 0, "j", "", operator_log_key_list, READS },
    { { "stat", "[--json]", "số liệu về sổ", "figures about the store" },
      0, 0, "j", "", operator_stat, READS },
};
#define VERBS_COUNT (sizeof VERBS / sizeof VERBS[0])

static const struct { const char *name; char letter; bool has_value; } OPTIONS[] = {
    { "--json", 'j', false },  { "--qr", 'q', false },     { "--lift", 'L', false },
    { "--name", 'n', true },   { "--role", 'R', true },    { "--url", 'l', true },
    { "--form", 'f', true },   { "--unit", 'u', true },    { "--state", 's', true },
    { "--as", 'a', true },     { "--reason", 'r', true },  { "--keep", 'k', true },
    { "--value", 'v', true },  { "--seen", 'e', true },    { "--period", 'p', true },
    { "--text", 't', true },   { "--check", 'c', false },  { "--second", '2', true },
    { "--field", 'F', true },  { "--between", 'b', true }, { "--after", 'm', true },
    { "--csv", 'C', false },   { "--basis", 'B', true },
    { "--device", 'D', true }, { "--decision", 'd', true },
    { "--document", 'O', true }, { "--from", 'M', true },
    { "--thumbnail", 'T', false }, { "--dry-run", 'N', false }, { "--code", 'o', true },
};
#define OPTIONS_COUNT (sizeof OPTIONS / sizeof OPTIONS[0])

const operator_help *operator_verb_at(size_t i)
{
    return i < VERBS_COUNT ? &VERBS[i].help : NULL;
}

/* Does the word name the option, alone or as --option=value? */
static bool is_option(const char *word, const char *name)
{
    size_t len = strlen(name);
    return strncmp(word, name, len) == 0 && (word[len] == '\0' || word[len] == '=');
}

bool operator_option_has_value(const char *word)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++)
        if (strcmp(word, OPTIONS[i].name) == 0)
            return OPTIONS[i].has_value;
    return false;
}

/* The verb at the front of the line and how many words name it. */
static const verb_row *find_verb(const operator_call *call, size_t *out_words)
{
    char two[64];
    if (call->argc > 1) {
        (void)snprintf(two, sizeof two, "%.30s %.30s", call->argv[0], call->argv[1]);
        for (size_t i = 0; i < VERBS_COUNT; i++)
            if (strcmp(VERBS[i].help.name, two) == 0) {
                *out_words = 2;
                return &VERBS[i];
            }
    }
    for (size_t i = 0; i < VERBS_COUNT; i++)
        if (call->argc > 0 && strcmp(VERBS[i].help.name, call->argv[0]) == 0) {
            *out_words = 1;
            return &VERBS[i];
        }
    return NULL;
}

static bool keep_option(operator_options *out, char letter, const char *value)
{
    const char **texts[128] = { ['n'] = &out->name,  ['l'] = &out->url,    ['f'] = &out->form,
                                ['u'] = &out->unit,  ['s'] = &out->state,  ['a'] = &out->as,
                                ['r'] = &out->reason, ['k'] = &out->keep,  ['v'] = &out->value,
                                ['e'] = &out->seen,  ['p'] = &out->period, ['t'] = &out->text,
                                ['2'] = &out->second, ['F'] = &out->field,
                                ['b'] = &out->between, ['m'] = &out->after,
                                ['B'] = &out->basis, ['D'] = &out->device,
                                ['d'] = &out->decision, ['o'] = &out->code,
                                ['O'] = &out->document, ['M'] = &out->from };
    switch (letter) {
    case 'j': out->json = true; return true;
    case 'q': out->qr = true; return true;
    case 'L': out->lift = true; return true;
    case 'c': out->check = true; return true;
    case 'C': out->csv = true; return true;
    case 'T': out->thumbnail = true; return true;
    case 'N': out->dry_run = true; return true;
    case 'R':
        if (out->roles_count == ST_ROLE_COUNT)
            return false;
        out->roles[out->roles_count++] = value;
        return true;
    default:
        break;
    }
    if (*texts[(unsigned char)letter] != NULL)
        return false;                       /* twice: which one was meant? */
    *texts[(unsigned char)letter] = value;
    return true;
}

/* In Vietnamese and English. */
typedef const char *two_words[2];

/* Reads one option at *at, moves *at behind it. NULL, or what is wrong. */
static const two_words *take_option(operator_work *work, const char *allowed, size_t *at,
                                    char *given)
{
    static const two_words NO_OPTION = { "không có tùy chọn này", "no such option" };
    static const two_words NO_VALUE = { "tùy chọn này không kèm giá trị",
                                        "this option takes no value" };
    static const two_words VALUE_MISSING = { "thiếu giá trị của tùy chọn này",
                                             "the value of this option is missing" };
    static const two_words TOO_OFTEN = { "tùy chọn này lặp lại quá nhiều lần",
                                         "this option stands there too often" };
    const operator_call *call = work->call;
    const char *word = call->argv[*at];
    size_t i = 0, len = strlen(given);
    while (i < OPTIONS_COUNT && !is_option(word, OPTIONS[i].name))
        i++;
    if (i == OPTIONS_COUNT || strchr(allowed, OPTIONS[i].letter) == NULL)
        return &NO_OPTION;
    const char *value = strchr(word, '=');
    if (!OPTIONS[i].has_value && value != NULL)
        return &NO_VALUE;
    if (value != NULL)
        value++;
    else if (OPTIONS[i].has_value && *at + 1 < call->argc)
        value = call->argv[++*at];
    if (OPTIONS[i].has_value && value == NULL)
        return &VALUE_MISSING;
    if (!keep_option(&work->options, OPTIONS[i].letter, value))
        return &TOO_OFTEN;
    if (len < 31)
        given[len] = OPTIONS[i].letter;
    ++*at;
    return NULL;
}

static int usage(operator_work *work, const verb_row *row, const char *word, const two_words *why)
{
    if (why != NULL)
        operator_complain(work, "%.60s: %s", word, (*why)[work->vi ? 0 : 1]);
    else
        operator_complain(work, work->vi ? "cách dùng: sotayctl --data DIR %s %s"
                                         : "usage: sotayctl --data DIR %s %s", row->help.name,
                          row->help.usage);
    return 2;
}

/* -1 when the line is well formed, else the exit code. */
static int read_line(operator_work *work, const verb_row *row, size_t at)
{
    const operator_call *call = work->call;
    char given[32] = "";
    bool only_operands = false;
    while (at < call->argc) {
        const char *word = call->argv[at];
        bool is_removal = row->run == operator_role && word[0] == '-' && word[1] != '-';
        if (!only_operands && strcmp(word, "--") == 0) {
            only_operands = true;
            at++;
        } else if (only_operands || word[0] != '-' || word[1] == '\0' || is_removal) {
            work->operands[work->operands_count++] = word;
            at++;
        } else {
            const two_words *why = take_option(work, row->options, &at, given);
            if (why != NULL)
                return usage(work, row, word, why);
        }
    }
    if (work->operands_count < row->least || work->operands_count > row->most)
        return usage(work, row, NULL, NULL);
    for (const char *need = row->obliged; *need != '\0'; need++)
        if (strchr(given, *need) == NULL)
            return usage(work, row, NULL, NULL);
    return -1;
}

static bool is_text(const operator_call *call)
{
    for (size_t i = 0; i < call->argc; i++)
        if (!st_text_is_utf8(call->argv[i], strlen(call->argv[i])))
            return false;
    return true;
}

/* What was written is not taken back because there is no memory to say so: the words of every verb
 * that writes have their place before it begins. */
static bool make_room(operator_call *call)
{
    const size_t words = 4096;
    size_t out = call->out->max - call->out->len, err = call->err->max - call->err->len;
    return st_buffer_reserve(call->out, out < words ? out : words) != NULL &&
           st_buffer_reserve(call->err, err < words ? err : words) != NULL;
}

static int no_memory(operator_work *work)
{
    free(work->operands);
    (void)st_fail(&work->error, ST_E_MEMORY, "no memory for the command line");
    return operator_fail(work);
}

/* The document ends with the key `unread`. */
static void mark_unread(operator_work *work)
{
    static const char END[] = "}\n";
    st_buffer *out = work->call->out;
    const size_t end = sizeof END - 1;
    if (out->len < end || memcmp(out->data + out->len - end, END, end) != 0)
        return;
    out->len -= end;
    operator_say(work, ",\"unread\":true%s", END);
}

/* A name, or a moment, that could not be read looks in the answer as if it were not there. Of a
 * call that failed the next try may read it; what was written stays written, and is said to be. Of
 * damage the rest is the answer, and this is said. */
static int whole_answer(operator_work *work)
{
    const st_error *damaged = &work->unread.damaged;
    bool has_failed = operator_unread_check(work) != ST_OK;
    if (has_failed && work->wrote == 0)
        return operator_fail(work);
    if (has_failed)
        operator_complain(work, work->vi ? "đã làm, nhưng câu trả lời không đủ: %s"
                                         : "done, but the answer is not whole: %s",
                          work->error.detail);
    if (damaged->code == ST_OK)
        return 0;
    operator_complain(work,
                      work->vi ? "câu trả lời không đủ, có phần không đọc được: %s (xem verify)"
                               : "the answer is not whole, some of it cannot be read: %s (see "
                                 "verify)",
                      damaged->detail[0] != '\0' ? damaged->detail : st_err_name(damaged->code));
    work->call->why = *damaged;
    work->call->is_unread = true;
    if (work->options.json)
        mark_unread(work);
    return 0;
}

/* A reader's answer: nothing was written. */
static int half_answer(operator_work *work)
{
    if (work->out_why != ST_E_MEMORY)
        return operator_refuse(work, work->vi ? "câu trả lời quá lớn, không đưa ra được"
                                      : "the answer is larger than can be handed on");
    (void)st_fail(&work->error, ST_E_MEMORY, "no memory for the answer");
    return operator_fail(work);
}

/* May it run while what took rights away is not all said again? */
static bool may_run(const operator_work *work, const verb_row *row)
{
    bool gives = work->options.lift;
    for (size_t i = 1; i < work->operands_count; i++)
        gives = gives || work->operands[i][0] == '+';
    return !work->call->words_wait || row->kind == READS || (row->kind == TAKES && !gives);
}

static int wait_for_words(operator_work *work)
{
    return operator_refuse(work,
                           work->vi ? "phải chờ đến khi ghi lại hết các lần ngừng quyền, thu hồi "
                                      "máy. Lệnh chỉ xem, verify, rebuild, backup, compact, và "
                                      "lệnh ngừng quyền, thu hồi máy thì không phải chờ"
                                    : "this waits until all that took rights away is said again. "
                                      "What only reads, verify, rebuild, backup, compact, and what "
                                      "takes rights away itself does not wait");
}

int operator_run(operator_call *call)
{
    size_t words = 0;
    operator_work work = { .call = call, .verb = "usage", .rooms = call->rooms,
                           .room = &call->rooms->sync, .vi = strcmp(call->lang, "vi") == 0 };
    const verb_row *row = find_verb(call, &words);
    if (row == NULL)
        return operator_misuse(&work, "không có lệnh này (xem --help)",
                               "no such verb (see --help)");
    work.verb = row->help.name;
    if (!is_text(call))
        return operator_misuse(&work, "dòng lệnh không phải UTF-8", "the command line: not UTF-8");
    work.operands = calloc(call->argc + 1, sizeof *work.operands);
    if (work.operands == NULL || !make_room(call))
        return no_memory(&work);
    st_arena_init(&work.arena, OPERATOR_ARENA_BYTES_MAX);
    int code = read_line(&work, row, words);
    if (code < 0)
        code = may_run(&work, row) ? row->run(&work) : wait_for_words(&work);
    store_end(&work.txn);
    if (code == 0 && !work.out_failed)
        code = whole_answer(&work);
    if (code == 0 && work.out_failed)
        code = half_answer(&work);
    if (code == 1)
        st_buffer_clear(call->out);         /* a refusal shows no half answer */
    st_arena_reset(&work.arena);
    free(work.operands);
    return code;
}
