/* tools/verify/main.c - `sotay-verify`, the auditor's program: says OK, or the first thing that is
 * wrong. Must never need anything of the log's owner but the key. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/message.h"
#include "tools/verify/source.h"
#include "tools/verify/text.h"

#define FILE_MAX (1u << 20)

typedef struct {
    const char *where, *vkey, *old, *proof, *record, *code, *lang;
    st_paper paper; /* what `code` says */
    bool help, version, vi;
} verify_call;

/* One line of what is wrong: the one place that says it, in either language. */
static int complain(const verify_call *line, const char *what, const char *why, int code)
{
    st_buffer vi;
    bool is_known = false;
    st_buffer_init(&vi, FILE_MAX);
    if (line->vi && verify_text_vi(why, &vi, &is_known) == ST_OK)
        (void)fprintf(stderr, "sotay-verify: %s: %.*s\n", what, (int)vi.len,
                      (const char *)vi.data);
    else
        (void)fprintf(stderr, "sotay-verify: %s: %s\n", what, why);
    st_buffer_free(&vi);
    return code;
}

static void help(bool vi)
{
    puts(
        vi ? "cách dùng: sotay-verify DIR|URL [--vkey KHÓA|TỆP] [--old TỆP] [--code SỐ]\n"
             "           [--proof TỆP --record TỆP]\n"
             "           sotay-verify --proof TỆP --record TỆP --vkey KHÓA|TỆP\n\n"
             "Kiểm tra nhật ký đã xuất (sotayctl audit export) hoặc đang mở (URL/audit), "
             "chỉ tin vào khóa.\n\n"
             "  --vkey    khóa của nhật ký, hoặc tệp có khóa; không có: lấy ở chính nhật ký\n"
             "  --old     một dấu chốt (checkpoint) cũ hơn: nhật ký phải nối tiếp từ đó\n"
             "  --code    mã kiểm tra in trên giấy, bốn nhóm bốn chữ số; hoặc mã gốc\n"
             "            (64 ký tự) mà `fence` in cho biên bản\n"
             "  --proof   bằng chứng (.tlog-proof) của một mục; --record: chính mục đó (.leaf);\n"
             "            có cả nhật ký thì khóa đã đổi cũng được theo, và mục phải ở trong đó\n"
             "  --lang    vi hoặc en\n\n"
             "Mã kết thúc: 0 đúng; 1 sai, dòng đầu tiên nói chỗ sai; 2 gọi sai; 4 không có kết nối."
           : "usage: sotay-verify DIR|URL [--vkey KEY|FILE] [--old FILE] [--code DIGITS]\n"
             "       [--proof FILE --record FILE]\n"
             "       sotay-verify --proof FILE --record FILE --vkey KEY|FILE\n\n"
             "Checks a log that was exported (sotayctl audit export) or is served (URL/audit), "
             "with nothing trusted but the key.\n\n"
             "  --vkey    the log's key, or a file with it; without it the log's own is taken\n"
             "  --old     an older checkpoint: the log must continue it\n"
             "  --code    the check code on paper, four groups of four digits; or a root of\n"
             "            64, as `fence` prints it for the minutes\n"
             "  --proof   a proof (.tlog-proof) of one entry; --record: that entry (.leaf); with\n"
             "            a log a change of its key is followed, and the entry must be in it\n"
             "  --lang    vi or en\n\n"
             "Exit codes: 0 right; 1 wrong, the line says the first place; 2 wrong usage; 4 no "
             "connection.");
}

/* Before anything else is looked at, since what is wrong there is said in it. */
static bool is_vietnamese(int argc, char **argv)
{
    static const char *const NAMES[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    const char *lang = NULL;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--lang") == 0)
            lang = argv[i + 1];
    for (size_t i = 0; i < 3 && (lang == NULL || lang[0] == '\0'); i++)
        lang = getenv(NAMES[i]);
    return lang != NULL && strncmp(lang, "vi", 2) == 0;
}

static int read_line(int argc, char **argv, verify_call *out)
{
    out->vi = is_vietnamese(argc, argv);
    const struct {
        const char *name;
        const char **text;
    } OPTIONS[] = {
        { "--vkey", &out->vkey },     { "--old", &out->old },   { "--proof", &out->proof },
        { "--record", &out->record }, { "--code", &out->code }, { "--lang", &out->lang },
    };
    for (int i = 1; i < argc; i++) {
        size_t at = 0;
        const size_t count = sizeof OPTIONS / sizeof OPTIONS[0];
        while (at < count && strcmp(argv[i], OPTIONS[at].name) != 0)
            at++;
        out->help = out->help || strcmp(argv[i], "--help") == 0;
        out->version = out->version || strcmp(argv[i], "--version") == 0;
        if (at < count && i + 1 == argc)
            return complain(out, argv[i], "its value is missing (see --help)", 2);
        if (at < count)
            *OPTIONS[at].text = argv[++i];
        else if (argv[i][0] == '-' && !out->help && !out->version)
            return complain(out, argv[i], "no such option (see --help)", 2);
        else if (argv[i][0] != '-' && out->where != NULL)
            return complain(out, argv[i], "one log at a time", 2);
        else if (argv[i][0] != '-')
            out->where = argv[i];
    }
    if (out->code != NULL && !st_paper_parse(out->code, &out->paper))
        return complain(out, "--code",
                        "sixteen digits, in four groups, or the 64 of a root (see --help)", 2);
    return 0;
}

/* ---- the key ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The key is its first line. What an editor or a chat put around it is no part of it: a byte order
 * mark, blanks, ends of lines. */
static bool parse_key(const char *text, size_t len, st_vkey *out)
{
    static const char MARK[] = "\xef\xbb\xbf";
    size_t at = len >= 3 && memcmp(text, MARK, 3) == 0 ? 3 : 0;
    while (at < len && is_blank(text[at]))
        at++;
    const char *end = at == len ? NULL : memchr(text + at, '\n', len - at);
    if (end != NULL)
        len = (size_t)(end - text);
    while (len > at && is_blank(text[len - 1]))
        len--;
    return len > at && st_vkey_parse(text + at, len - at, out);
}

/* A key in text, or the first line of a file. */
static st_err read_key(const char *text, st_vkey *out, st_error *error)
{
    st_buffer file;
    if (parse_key(text, strlen(text), out))
        return out->type == ST_KEY_LOG ? ST_OK
                                       : st_fail(error, ST_E_VALUE, "the key is not a log's");
    st_buffer_init(&file, 4096);
    st_err err = verify_read_file(text, &file, error);
    if (err == ST_OK && (file.len == 0 || !parse_key((const char *)file.data, file.len, out) ||
                         out->type != ST_KEY_LOG))
        err = st_fail(error, ST_E_VALUE, "%s: not the key of a log", text);
    else if (err == ST_E_NOT_FOUND && strchr(text, '+') != NULL)
        err = st_fail(error, err, "%s: not a whole key, and no file has this name", text);
    st_buffer_free(&file);
    return err;
}

static st_err take_key(const verify_call *line, const verify_source *source, st_vkey *out,
                       st_error *error)
{
    st_buffer file;
    if (line->vkey != NULL)
        return read_key(line->vkey, out, error);
    (void)complain(line, line->where,
                   "without --vkey the log's own key is believed; compare it with the one on the "
                   "enrolment sheet",
                   0);
    st_buffer_init(&file, 4096);
    st_err err = source->read(source->context, "vkey", &file, error);
    if (err == ST_OK && (file.len < 2 || file.data[file.len - 1] != '\n' ||
                         !st_vkey_parse((const char *)file.data, file.len - 1, out)))
        err = st_fail(error, ST_E_CORRUPT, "vkey: not the key of a log");
    st_buffer_free(&file);
    return err;
}

/* ---- the checks ---- */

static st_err check_old(verify_log *log, const char *path, uint64_t *out_size, st_error *error)
{
    st_buffer note;
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = verify_read_file(path, &note, error);
    if (err == ST_OK)
        err = verify_log_continues(log, note.data, note.len, out_size, error);
    st_buffer_free(&note);
    return err;
}

static void say_witness(const verify_call *line, const verify_device *device)
{
    char hex[33], when[32] = "?";
    time_t time_s = (time_t)device->confirmed_s;
    struct tm utc;
    st_id_format(&device->id, hex);
    if (!device->has_witness && device->is_office)
        printf(line->vi ? "  %s: của văn phòng, không xác nhận\n"
                        : "  %s: the office's own, confirms nothing\n",
               hex);
    else if (!device->has_witness)
        printf(line->vi ? "  %s: không có khóa để xác nhận, %" PRIu64 " mục của máy này\n"
                        : "  %s: has no key to confirm with, %" PRIu64 " entries of its own\n",
               hex, device->entries);
    if (device->confirmed == 0)
        return;
    if (gmtime_r(&time_s, &utc) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf(line->vi ? "  %s: %" PRIu64 " mục, máy ký lúc %s\n"
                    : "  %s: %" PRIu64 " entries, signed by it at %s\n",
           hex, device->confirmed, when);
}

/* How far the confirmations reach. */
static void say_unconfirmed(const verify_call *line, const verify_log *log)
{
    uint64_t size = log->now.checkpoint.head.size, most = 0;
    for (size_t i = 0; i < log->devices_count; i++) {
        const verify_device *device = &log->devices[i];
        char hex[33];
        st_id_format(&device->id, hex);
        most = device->confirmed > most ? device->confirmed : most;
        if (device->confirmed_more)
            printf(line->vi ? "chú ý: máy %s vừa xác nhận nhiều mục hơn lúc bắt đầu đọc, chưa so "
                              "được: hãy chạy lại\n"
                            : "note: device %s confirmed more entries while this was read, which "
                              "are not compared: run it again\n",
                   hex);
    }
    if (most < size)
        printf(line->vi ? "chú ý: các mục từ %" PRIu64 " đến %" PRIu64 " chưa máy nào xác nhận\n"
                        : "note: no device has confirmed entries %" PRIu64 " to %" PRIu64 " yet\n",
               most + 1, size);
}

/* Entries between the cut and the epoch were written beside those of the log of before. */
static void say_epoch(const verify_call *line, const verify_cut *cut)
{
    printf(line->vi ? "chú ý: sổ bắt đầu lại ở mục %" PRIu64
                      " (thường là dựng lại từ bản sao): hãy hỏi văn phòng vì sao\n"
                    : "note: a new epoch begins with entry %" PRIu64
                      " (mostly a restore): ask the office why\n",
           cut->place + 1);
    if (cut->size < cut->place)
        printf(line->vi ? "chú ý: nhật ký trước đó chỉ chung với nhật ký này đến mục %" PRIu64
                          ", theo mục %" PRIu64 ": hãy hỏi vì sao không đến mục %" PRIu64 "\n"
                        : "note: the log of before is this one up to entry %" PRIu64
                          " only, says entry %" PRIu64 ": ask why not up to entry %" PRIu64 "\n",
               cut->size, cut->place + 1, cut->place);
}

static void say_given(const verify_call *line, const verify_given *given)
{
    char hex[33];
    st_id_format(&given->device, hex);
    printf(line->vi ? "chú ý: trước đời sổ mới ở mục %" PRIu64 ", máy %s đã thấy một nhật ký có %"
                      PRIu64 " mục do văn phòng ký, nay đã bỏ: hãy hỏi đã mất những gì\n"
                    : "note: before the new epoch of entry %" PRIu64 ", device %s was shown a log "
                      "of %" PRIu64 " entries, signed by the office and given up since: ask what "
                      "was lost\n",
           given->put_back, hex, given->size);
}

/* What the log itself says that the office should be asked about: it was put back, or changes of a
 * phone are gone. No phone signs that, so an owner who drops them can say it too. */
static void say_questions(const verify_call *line, const verify_log *log)
{
    for (size_t i = 0; i < log->cuts_count; i++)
        say_epoch(line, &log->cuts[i]);
    for (size_t i = 0; i < log->givens_count; i++)
        say_given(line, &log->givens[i]);
    for (size_t i = 0; i < log->gones_count; i++) {
        const verify_gone *gone = &log->gones[i];
        char hex[33];
        st_id_format(&log->devices[gone->device].id, hex);
        printf(line->vi ? "chú ý: các thay đổi từ %" PRIu64 " đến %" PRIu64
                          " của máy %s đã mất, theo mục %" PRIu64
                          ": hãy hỏi người giữ máy, xem biên nhận trên máy đó\n"
                        : "note: changes %" PRIu64 " to %" PRIu64
                          " of device %s are gone, says entry %" PRIu64
                          ": ask who holds it, and for its receipts\n",
               gone->from, gone->to, hex, gone->place + 1);
    }
}

/* What the log is; OK when nothing at all is wrong with it. */
static void say_log(const verify_call *line, const verify_log *log)
{
    const st_checkpoint *now = &log->now.checkpoint;
    char root[48], code[20];
    st_base64(now->head.root.b, sizeof now->head.root.b, root);
    st_fingerprint(now->head.root.b, code);
    printf(line->vi ? "%s%" PRIu64 " mục, mã gốc %s\n" : "%s%" PRIu64 " entries root %s\n",
           log->doubts_count == 0 ? "OK " : "", now->head.size, root);
    printf("%s: %s\n", line->vi ? "mã kiểm tra" : "check code", code);
    printf(line->vi ? "%u trên %u máy đã xác nhận nhật ký này\n"
                    : "%u of %u devices have confirmed this log\n",
           log->confirmed, log->phones);
    for (size_t i = 0; i < log->devices_count; i++)
        say_witness(line, &log->devices[i]);
}

/* A text that somebody scanned, copied or sent: with other line ends, a mark of its encoding in
 * front, or more or fewer ends of line at its end than it was signed with. */
static st_err read_text(const char *path, st_buffer *out, st_error *error)
{
    static const uint8_t MARK[] = { 0xef, 0xbb, 0xbf };
    st_err err = verify_read_file(path, out, error);
    size_t from = 0, to = 0;
    if (err != ST_OK || out->len == 0)
        return err;
    if (out->len > sizeof MARK && memcmp(out->data, MARK, sizeof MARK) == 0)
        from = sizeof MARK;
    for (; from < out->len; from++)
        if (out->data[from] != '\r' || from + 1 == out->len || out->data[from + 1] != '\n')
            out->data[to++] = out->data[from];
    while (to > 0 && out->data[to - 1] == '\n')
        to--;
    out->len = to;
    return st_buffer_append(out, "\n", 1, error);
}

/* The files of a receipt, if one was named, against what is known of the log. */
static st_err check_proof(const verify_call *line, const verify_log *log, verify_held *out_held,
                          st_error *error)
{
    st_buffer proof, leaf;
    st_buffer_init(&proof, FILE_MAX);
    st_buffer_init(&leaf, FILE_MAX);
    st_err err = read_text(line->proof, &proof, error);
    if (err == ST_OK)
        err = read_text(line->record, &leaf, error);
    const verify_receipt receipt = { proof.data, leaf.data, proof.len, leaf.len };
    if (err == ST_OK)
        err = verify_proof(log, &receipt, out_held, error);
    st_buffer_free(&leaf);
    st_buffer_free(&proof);
    return err;
}

/* Of a log that says it was put back the paper may speak of the one before. */
static st_err refuse_code(const verify_log *log, st_error *error)
{
    static const char WHY[] = "the code on paper is not of this log";
    if (log->cuts_count == 0)
        return st_fail(error, ST_E_CORRUPT, "%s", WHY);
    return st_fail(error, ST_E_CORRUPT,
                   "%s; the book was put back, says entry %" PRIu64
                   ", and the paper may speak of the one before",
                   WHY, log->cuts[log->cuts_count - 1].place + 1);
}

/* What was named beside the log: of how many entries the older checkpoint and the code are (0: none
 * was named), what the receipt is of. */
typedef struct {
    uint64_t old, code;
    verify_held held;
} verify_beside;

/* *out_what: the file that is at fault. */
static st_err check_beside(const verify_call *line, verify_log *log, verify_beside *out,
                           const char **out_what, st_error *error)
{
    st_err err = ST_OK;
    if (line->old != NULL) {
        *out_what = line->old;
        err = check_old(log, line->old, &out->old, error);
    }
    if (err == ST_OK && line->code != NULL) {
        *out_what = line->where;
        out->code = verify_log_code(log, &line->paper);
        err = out->code > 0 ? ST_OK : refuse_code(log, error);
    }
    if (err == ST_OK && line->proof != NULL) {
        *out_what = line->proof;
        err = check_proof(line, log, &out->held, error);
    }
    return err;
}

static void say_receipt(const verify_call *line, const verify_log *log, const verify_held *held)
{
    printf(line->vi ? "biên nhận là của mục %" PRIu64 " trong nhật ký này\n"
                    : "the receipt is of entry %" PRIu64 " of this log\n",
           held->entry);
    if (held->put_back > 0 && held->was != held->entry)
        printf(line->vi ? "chú ý: khi ký biên nhận đó là mục %" PRIu64 "; sau đó sổ được dựng lại "
                          "từ bản sao (mục %" PRIu64 "), thay đổi này đã được gửi lại\n"
                        : "note: it was entry %" PRIu64 " when the receipt was signed; the book "
                          "was put back since (entry %" PRIu64 "), and this change came again\n",
               held->was, held->put_back);
    else if (held->put_back > 0)
        printf(line->vi ? "chú ý: sau đó sổ được dựng lại từ bản sao (mục %" PRIu64 ")\n"
                        : "note: the book was put back since (entry %" PRIu64 ")\n",
               held->put_back);
    else if (held->size > log->counts[0])
        printf(line->vi ? "chú ý: văn phòng đã ký %" PRIu64 " mục, ở đây có %" PRIu64
                          ": bản xuất cũ hơn biên nhận, hoặc đã bị cắt\n"
                        : "note: the office had signed %" PRIu64 " entries, here are %" PRIu64
                          ": an export older than the receipt, or cut off\n",
               held->size, log->counts[0]);
}

static void say_beside(const verify_call *line, const verify_log *log, const verify_beside *found)
{
    if (found->old > 0)
        printf(line->vi ? "dấu chốt cũ là của %" PRIu64 " mục đầu\n"
                        : "the older checkpoint is of the first %" PRIu64 " entries\n",
               found->old);
    if (found->code > 0)
        printf(line->vi ? "mã trên giấy là của %" PRIu64 " mục đầu\n"
                        : "the code on paper is of the first %" PRIu64 " entries\n",
               found->code);
    if (found->held.entry > 0)
        say_receipt(line, log, &found->held);
}

/* The first wrong entry first. */
static void say_doubts(const verify_call *line, const verify_log *log)
{
    for (size_t i = 0; i < log->doubts_count; i++) {
        st_error error = { 0 };
        (void)verify_say_doubt(log, i, &error);
        (void)complain(line, line->where, error.detail, 1);
    }
}

static int check_log(const verify_call *line)
{
    verify_log log = { .is_strict = false };
    st_error error = { 0 };
    st_vkey vkey;
    const char *what = line->where;
    verify_beside found = { .old = 0 };
    verify_place place = { line->where, strncmp(line->where, "http://", 7) == 0 ||
                                            strncmp(line->where, "https://", 8) == 0 };
    verify_source source = verify_source_of(&place);
    log.is_strict = !place.is_url;
    st_err err = place.is_url ? ST_OK : verify_folder_is_whole(line->where, &error);
    if (err == ST_OK)
        err = take_key(line, &source, &vkey, &error);
    if (err == ST_OK)
        err = verify_log_read(&log, &source, &vkey, &error);
    if (log.was_read)
        err = ST_OK; /* a doubt about one device keeps nobody from the rest */
    if (err == ST_OK && !place.is_url)
        err = verify_folder(&log, line->where, &error);
    if (err == ST_OK)
        err = check_beside(line, &log, &found, &what, &error);
    say_doubts(line, &log);
    int code = 0;
    if (err != ST_OK)
        code = complain(line, what, error.detail, err == ST_E_NETWORK ? 4 : 1);
    else if (log.doubts_count > 0)
        code = complain(line, line->where,
                        "all the rest was checked, and nothing else is wrong", 1);
    if (err == ST_OK) {
        say_log(line, &log);
        say_unconfirmed(line, &log);
        say_questions(line, &log);
        say_beside(line, &log, &found);
    }
    verify_log_free(&log);
    return code;
}

static st_err no_file(void *context, const char *name, st_buffer *out, st_error *error)
{
    (void)context;
    (void)out;
    return st_fail(error, ST_E_NOT_FOUND, "%s: is not here", name);
}

/* With the key and nothing else. */
static int check_proof_alone(const verify_call *line)
{
    verify_log log = { .is_strict = false };
    const verify_source source = { NULL, no_file };
    st_error error = { 0 };
    st_vkey vkey;
    verify_held held = { .entry = 0 };
    if (line->vkey == NULL)
        return complain(line, "--proof", "needs --vkey, or a log (see --help)", 2);
    st_err err = read_key(line->vkey, &vkey, &error);
    if (err == ST_OK)
        err = verify_keys_read(&log, &source, &vkey, &error);
    if (err == ST_OK)
        err = check_proof(line, &log, &held, &error);
    verify_log_free(&log);
    if (err != ST_OK)
        return complain(line, line->proof, error.detail, 1);
    puts(line->vi ? "OK mục này có trong nhật ký" : "OK this entry is in the log");
    return 0;
}

int main(int argc, char **argv)
{
    verify_call line = { .where = NULL };
    int code = read_line(argc, argv, &line);
    if (code != 0)
        return code;
    if (line.help)
        help(line.vi);
    if (line.version)
        puts("sotay-verify " SOTAY_VERSION);
    if (line.help || line.version)
        return 0;
    if ((line.proof == NULL) != (line.record == NULL))
        return complain(&line, "--proof", "needs --record, and that needs it (see --help)", 2);
    if (line.where != NULL)
        return check_log(&line);
    return line.proof != NULL ? check_proof_alone(&line)
                              : complain(&line, "DIR|URL", "nothing to check (see --help)", 2);
}
