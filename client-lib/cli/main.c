/* client-lib/cli/main.c - `sotay`, the field notebook for a terminal: finds the verb in the table,
 * opens the store, runs it, says what went wrong in one line. Must never ask when nobody is
 * there. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/cli/cli.h"

/* Options by letter: j json, f form, u unit, s state, r reason, k keep, e seen, v value,
 * S server, l label, a about, c caption, x longest, z size, o output, q qr, T thumbnail, d dry run,
 * P receipts, N no receipts, m metered, b budget, y retry, R retry for, t timeout, p progress,
 * O older key.
 * --store, --lang and --pin-file go with every verb. */
static const cli_verb VERBS[] = {
    { "enrol", "LINK [--label TEXT] [--older-key] [--timeout TIME]", 1, 1, "lOStp", cli_enrol,
      "đăng ký máy và lấy sổ về; --older-key: văn phòng đã nói tận nơi là sổ quay về khóa cũ",
      "enrol this device and fetch the book; --older-key: the office said in person that the\n"
      "      log goes back to an older key" },
    { "new", "FORM UNIT [PATH=VALUE]...", 2, 999, "", cli_new,
      "lập phiếu mới; in ra mã phiếu", "make a record; prints its id" },
    { "set", "ID PATH=VALUE...", 2, 999, "", cli_set, "ghi giá trị", "write values" },
    { "clear", "ID PATH...", 2, 999, "", cli_clear, "để trống", "clear values" },
    { "add", "ID PATH VALUE", 3, 3, "", cli_add, "thêm vào tập hợp", "add to a set" },
    { "remove", "ID PATH VALUE", 3, 3, "", cli_remove, "bỏ khỏi tập hợp", "take out of a set" },
    { "remark", "ID TEXT", 2, 2, "", cli_remark, "ghi thêm, không sửa được", "add a signed note" },
    { "item", "ID GROUP [FIELD=VALUE]...", 2, 999, "", cli_item,
      "thêm một mục; in ra mã mục", "add an item; prints its id" },
    { "attach", "ID FILE [--about PATH] [--caption T] [--longest POINTS]", 2, 2, "acx",
      cli_attach,
      "đính kèm tệp (ảnh, ghi âm, PDF, Word, Excel; đến 20 MiB); in ra mã mục",
      "attach a file (photo, audio, PDF, Word, Excel; up to 20 MiB); prints its item" },
    { "attachment", "list ID | fetch ID ITEM [-o FILE] [--server URL] [--timeout TIME] "
      "[--progress json|text|none] | get ID ITEM [--thumbnail] -o FILE | clear [--dry-run]", 1, 3,
      "joTdStp", cli_attachment,
      "tệp của phiếu: list: có gì, đang ở đâu; fetch: tải bản gốc từ văn phòng về (đứt thì tải\n"
      "      tiếp); get: ghi ra tệp; clear: nhả chỗ của tệp văn phòng đã giữ chắc, cần thì tải lại",
      "files of records: list: which, and where; fetch: get an original from the office (goes on\n"
      "      after a break); get: write it out; clear: give back the room of files that the\n"
      "      office keeps safely; they can be fetched again" },
    { "drop", "ID GROUP ITEM", 3, 3, "", cli_drop, "bỏ một mục", "drop an item" },
    { "keep", "ID GROUP ITEM", 3, 3, "", cli_keep, "giữ lại mục đã bỏ", "keep a dropped item" },
    { "review", "ID", 1, 1, "j", cli_review, "còn thiếu gì trước khi chốt",
      "what stands against finalising" },
    { "finalise", "ID", 1, 1, "", cli_finalise, "chốt", "finalise" },
    { "withdraw", "ID --reason T", 1, 1, "r", cli_withdraw, "rút lại", "withdraw" },
    { "reopen", "ID --reason T", 1, 1, "r", cli_reopen, "lấy lại phiếu đã rút",
      "take a withdrawal back" },
    { "amend", "ID PATH=VALUE... --reason T", 2, 999, "r", cli_amend,
      "đính chính sau khi chốt", "correct after finalising" },
    { "resolve", "ID PATH --keep DOT|--value V --reason T [--seen DOT,...]", 2, 2, "rkev",
      cli_resolve, "thống nhất ý kiến khác nhau", "settle different opinions" },
    { "draft", "put ID PATH=TEXT... | drop ID PATH... | show ID | commit ID", 2, 999, "j",
      cli_draft,
      "bản đang gõ dở", "the working copy" },
    { "show", "ID", 1, 1, "j", cli_show, "xem một phiếu", "show a record" },
    { "list", "[--form F] [--unit U] [--state S]", 0, 0, "jfus", cli_list,
      "danh sách phiếu", "list records" },
    { "history", "ID", 1, 1, "j", cli_history, "lịch sử sửa đổi", "history of a record" },
    { "receipt", "ID [-o FILE] [--qr FILE.svg|FILE.png|-] [--server URL] [--timeout TIME]", 1, 1,
      "joqSt", cli_receipt,
      "biên nhận: bằng chứng rằng sổ của máy chủ có lần sửa mới nhất của phiếu; lấy về một lần,\n"
      "      sau đó không cần sóng; -o: ghi bằng chứng ra tệp, mục của nó ra tệp .leaf bên cạnh;\n"
      "      --qr: bằng chứng thành mã QR để in (-: ra màn hình)",
      "the proof that the office's log has the newest change of a record; fetched once, then it\n"
      "      needs no signal; -o: writes the proof to a file, and its entry beside it (.leaf);\n"
      "      --qr: the proof as a QR code for paper (-: on the screen)" },
    { "conflicts", "", 0, 0, "j", cli_conflicts, "ý kiến khác nhau", "different opinions" },
    { "search", "TEXT", 1, 1, "jfus", cli_search, "tìm, không cần dấu", "search, marks ignored" },
    { "sync",
      "[--server URL] [--receipts | --no-receipts] [--metered] [--budget BYTES] "
      "[--retry | --retry-for TIME] [--timeout TIME] [--progress json|text|none]", 0, 0,
      "jSPNmbyRtp", cli_sync,
      "gửi và nhận; --metered: tệp chờ lúc khác; --budget: dùng hết thì dừng; --retry-for: thử\n"
      "      lại trong bấy lâu; --timeout: chờ mỗi bước bấy lâu; --receipts: lấy luôn biên nhận\n"
      "      của mọi phiếu mình ghi, cả bản nháp; --no-receipts: không lấy",
      "send and receive; --metered: files wait for another line; --budget: stop when it is used\n"
      "      up; --retry-for: try again for so long; --timeout: what each step may take;\n"
      "      --receipts: fetch the receipts of all own records, drafts too; --no-receipts: none" },
    { "status", "", 0, 0, "j", cli_status, "tình trạng của máy", "what waits and what was sent" },
    { "recover", "[ANSWER]", 0, 1, "", cli_recover,
      "quên mã PIN hoặc mất tệp khóa: in ra dòng đọc cho văn phòng; ANSWER: dòng văn phòng "
      "trả lời, khi đó --pin-file là mã PIN mới",
      "a forgotten PIN or a lost key file: prints the line for the office; ANSWER: the line that "
      "the office gave, --pin-file is then the new PIN" },
    { "bundle", "export FILE [--size BYTES] | import FILE...", 2, 999, "z", cli_bundle,
      "gói gửi hộ: tệp chỉ máy chủ đọc được, ai cũng mang đi được; --size: nhiều hơn thì chia\n"
      "      thành FILE, FILE.2, FILE.3…",
      "files that only the server can read and anybody may carry; --size: more than that goes\n"
      "      into FILE, FILE.2, FILE.3…" },
    { "carry", "serve ADDR | fetch ADDR", 2, 2, "j", cli_carry,
      "hai máy trao đổi trực tiếp khi không có sóng; ADDR: địa chỉ:cổng của máy chờ (serve)",
      "two phones exchange directly, without signal; ADDR: address:port of the one that waits" },
    { "debug", "value|missing|unsigned|sum ID", 2, 2, "", cli_debug,
      "diễn tập: cố ý làm hỏng phần lấy từ sổ chung, lần đồng bộ sau sẽ tự sửa",
      "drill: spoil what came from the server; the next sync mends it" },
};
#define STORE_WAIT_MS 3000L
#define STORE_LOOK_MS 20L
#define VERBS_COUNT (sizeof VERBS / sizeof VERBS[0])

enum { OPT_STORE = 256, OPT_LANG, OPT_PIN, OPT_HELP, OPT_VERSION };

static const struct option NAMES[] = {
    { "store", required_argument, NULL, OPT_STORE }, { "lang", required_argument, NULL, OPT_LANG },
    { "pin-file", required_argument, NULL, OPT_PIN }, { "help", no_argument, NULL, OPT_HELP },
    { "version", no_argument, NULL, OPT_VERSION },    { "json", no_argument, NULL, 'j' },
    { "form", required_argument, NULL, 'f' },         { "unit", required_argument, NULL, 'u' },
    { "state", required_argument, NULL, 's' },        { "reason", required_argument, NULL, 'r' },
    { "keep", required_argument, NULL, 'k' },         { "seen", required_argument, NULL, 'e' },
    { "value", required_argument, NULL, 'v' },        { "server", required_argument, NULL, 'S' },
    { "label", required_argument, NULL, 'l' },        { "about", required_argument, NULL, 'a' },
    { "caption", required_argument, NULL, 'c' },
    { "output", required_argument, NULL, 'o' },       { "size", required_argument, NULL, 'z' },
    { "thumbnail", no_argument, NULL, 'T' },          { "dry-run", no_argument, NULL, 'd' },
    { "longest", required_argument, NULL, 'x' },      { "metered", no_argument, NULL, 'm' },
    { "budget", required_argument, NULL, 'b' },       { "retry", no_argument, NULL, 'y' },
    { "retry-for", required_argument, NULL, 'R' },    { "timeout", required_argument, NULL, 't' },
    { "progress", required_argument, NULL, 'p' },     { "qr", required_argument, NULL, 'q' },
    { "receipts", no_argument, NULL, 'P' },           { "no-receipts", no_argument, NULL, 'N' },
    { "older-key", no_argument, NULL, 'O' },
    { NULL, 0, NULL, 0 },
};

static void print_help(const char *lang)
{
    bool vi = strcmp(lang, "vi") == 0;
    printf("%s: sotay --store DIR [--pin-file F] [--lang vi|en] %s\n\n",
           vi ? "cách dùng" : "usage", vi ? "LỆNH ..." : "VERB ...");
    for (size_t i = 0; i < VERBS_COUNT; i++)
        printf("  %s%s%s%s\n      %s\n", VERBS[i].name, VERBS[i].usage[0] != '\0' ? " " : "",
               VERBS[i].usage, strchr(VERBS[i].options, 'j') != NULL ? " [--json]" : "",
               vi ? VERBS[i].vi : VERBS[i].en);
    fputs(vi ? "\nMã kết thúc: 0 xong; 1 không được; 2 gọi sai; 3 cần người xem; 4 chưa có sóng.\n"
             : "\nExit codes: 0 done; 1 refused; 2 wrong usage; 3 needs a person; 4 no signal.\n",
          stdout);
}

/* The disk of the store is full: what a person can do about it. NULL: something else failed. */
static const char *full_sentence(const cli_call *call, int code)
{
    const char *detail = call->error.detail;
    if (code != SOTAY_E_STORAGE || strncmp(detail, "store", 5) != 0 ||
        strstr(detail, strerror(ENOSPC)) == NULL)
        return NULL;
    return strcmp(call->lang, "vi") == 0
               ? "Bộ nhớ của máy đã đầy, chưa ghi gì. Hãy xóa bớt thứ khác trên máy rồi làm lại;"
                 " `sotay attachment clear` trả lại chỗ của tệp mà văn phòng đã sao lưu."
               : "The disk of this device is full; nothing was written. Remove something else from"
                 " it and try again; `sotay attachment clear` gives back the room of files that"
                 " the office has backed up.";
}

int cli_fail(cli_call *call, int code)
{
    const char *full = full_sentence(call, code);
    const char *sentence =
        full != NULL ? full : sotay_code_sentence((sotay_code)code, call->lang);
    char words[SOTAY_DETAIL_TEXT];
    sotay_error_words(&call->error, call->lang, words);
    fprintf(stderr, "sotay: %s: %s (%s)\n", call->verb, sentence,
            words[0] != '\0' ? words : sotay_code_name((sotay_code)code));
    if (code == SOTAY_E_NETWORK)
        return CLI_NO_SIGNAL;
    return code == SOTAY_E_USAGE ? CLI_USAGE : CLI_FAILED;
}

int cli_misuse(cli_call *call, const char *why)
{
    fprintf(stderr, "sotay: %s: %s\n", call->verb, why);
    return CLI_USAGE;
}

/* Every option that stands on the line, and its letter into `given` (up to 32). */
static bool take_option(cli_options *out, int c, char *given)
{
    const char **texts[128] = { ['f'] = &out->form,  ['u'] = &out->unit,   ['s'] = &out->state,
                                ['r'] = &out->reason, ['k'] = &out->keep,   ['e'] = &out->seen,
                                ['v'] = &out->value,  ['S'] = &out->server, ['l'] = &out->label,
                                ['a'] = &out->about, ['c'] = &out->caption,
                                ['x'] = &out->longest, ['z'] = &out->size, ['o'] = &out->output,
                                ['b'] = &out->budget, ['R'] = &out->retry_for,
                                ['t'] = &out->timeout, ['p'] = &out->progress,
                                ['q'] = &out->qr };
    size_t len = strlen(given);
    switch (c) {
    case OPT_STORE: out->store = optarg; return true;
    case OPT_LANG: out->lang = optarg; return true;
    case OPT_PIN: out->pin_file = optarg; return true;
    case OPT_HELP: out->help = true; return true;
    case OPT_VERSION: out->version = true; return true;
    case 'j': out->json = true; break;
    case 'm': out->metered = true; break;
    case 'P': out->receipts = true; break;
    case 'N': out->no_receipts = true; break;
    case 'y': out->retry = true; break;
    case 'T': out->thumbnail = true; break;
    case 'd': out->dry_run = true; break;
    case 'O': out->older_key = true; break;
    default:
        if (c >= 128 || texts[c] == NULL)
            return false;
        *texts[c] = optarg;
    }
    if (len < 31)
        given[len] = (char)c;
    return true;
}

static const cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERBS_COUNT; i++)
        if (strcmp(VERBS[i].name, name) == 0)
            return &VERBS[i];
    return NULL;
}

static bool has_operands(const cli_verb *verb, size_t count)
{
    return count >= verb->least && count <= verb->most;
}

/* The first line of a file, or what is typed when a terminal is there; false: none. */
static bool read_pin(const char *path, char pin[CLI_PIN_BYTES])
{
    FILE *file = path != NULL ? fopen(path, "re") : stdin;
    struct termios old, silent;
    bool is_terminal = path == NULL && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    if (file == NULL || (path == NULL && !is_terminal))
        return false;
    (void)setvbuf(file, NULL, _IONBF, 0); /* no copy of it stays in memory that nobody wipes */
    if (is_terminal && tcgetattr(STDIN_FILENO, &old) == 0) {
        silent = old;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        fputs("PIN: ", stderr);
    }
    bool got = fgets(pin, CLI_PIN_BYTES, file) != NULL;
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        fputc('\n', stderr);
    }
    if (path != NULL)
        (void)fclose(file);
    if (got)
        pin[strcspn(pin, "\r\n")] = '\0';
    return got;
}

static int pin_unread(cli_call *call)
{
    snprintf(call->error.detail, sizeof call->error.detail, "%s: cannot be read",
             call->options.pin_file);
    return SOTAY_E_PIN;
}

int cli_new_pin(cli_call *call, char pin[CLI_PIN_BYTES], bool *out_given)
{
    char again[CLI_PIN_BYTES] = "";
    const char *path = call->options.pin_file;
    *out_given = read_pin(path, pin);
    if (!*out_given)
        return path == NULL ? SOTAY_OK : pin_unread(call);
    if (path != NULL)
        return SOTAY_OK;
    bool same = read_pin(NULL, again) && strcmp(pin, again) == 0;
    explicit_bzero(again, sizeof again);
    if (!same)
        snprintf(call->error.detail, sizeof call->error.detail, "the two are not the same");
    return same ? SOTAY_OK : SOTAY_E_PIN;
}

/* The PIN stays in the call: `sync` opens the store more than once. */
static int open_client(cli_call *call, bool create)
{
    sotay_open_how how = { .create = create, .lang = call->lang,
                           .offset_minutes = call->offset_minutes,
                           .pin = call->has_pin ? call->pin : NULL };
    int code = sotay_open(&call->port, &how, &call->client, &call->error);
    if (code == SOTAY_E_PIN && !call->has_pin && read_pin(NULL, call->pin)) {
        call->has_pin = true;
        how.pin = call->pin;
        code = sotay_open(&call->port, &how, &call->client, &call->error);
    }
    return code;
}

/* Another call on the store may be about to end: who writes must not be sent away for that. */
static int open_store(cli_call *call, bool create)
{
    const struct timespec moment = { 0, STORE_LOOK_MS * 1000000L };
    int code = sotay_lmdb_open(call->options.store, create, &call->port, &call->error);
    for (long waited_ms = 0; code == SOTAY_E_BUSY && waited_ms < STORE_WAIT_MS;
         waited_ms += STORE_LOOK_MS) {
        (void)nanosleep(&moment, NULL);
        code = sotay_lmdb_open(call->options.store, create, &call->port, &call->error);
    }
    call->port.picture = sotay_picture_fit;
    return code;
}

void cli_rest(cli_call *call)
{
    sotay_close(call->client);
    call->client = NULL;
    sotay_port_close(&call->port);
}

int cli_resume(cli_call *call)
{
    int code = open_store(call, false);
    if (code == SOTAY_OK)
        code = open_client(call, false);
    if (code != SOTAY_OK)
        cli_rest(call);
    return code;
}

static int open_call(cli_call *call, const cli_verb *verb)
{
    bool create = verb->run == cli_enrol, is_closed = verb->run == cli_recover;
    int code = open_store(call, create);
    if (code != SOTAY_OK || is_closed)
        return code;
    call->has_pin = call->options.pin_file != NULL;
    if (call->has_pin && !read_pin(call->options.pin_file, call->pin))
        return pin_unread(call);
    return open_client(call, create);
}

static int run_verb(cli_call *call, const cli_verb *verb)
{
    int code = open_call(call, verb);
    int exit_code = code == SOTAY_OK ? verb->run(call) : cli_fail(call, code);
    cli_rest(call);
    explicit_bzero(call->pin, sizeof call->pin);
    if (fflush(stdout) != 0 && exit_code == CLI_DONE) {
        fprintf(stderr, "sotay: %s: the output could not be written\n", call->verb);
        return CLI_FAILED;
    }
    return exit_code;
}

static const char *choose_lang(const cli_options *options)
{
    const char *lang = options->lang;
    const char *const NAMES_OF[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    for (size_t i = 0; i < 3 && (lang == NULL || lang[0] == '\0'); i++)
        lang = getenv(NAMES_OF[i]);
    return lang != NULL && strncmp(lang, "vi", 2) == 0 ? "vi" : "en";
}

/* Of today's time zone, also on a phone whose clock stands in 1970: zones were others then. */
static int local_offset_minutes(void)
{
    const time_t YEAR_2026 = 1767225600;
    time_t now = time(NULL) > YEAR_2026 ? time(NULL) : YEAR_2026;
    struct tm local;
    return localtime_r(&now, &local) != NULL ? (int)(local.tm_gmtoff / 60) : 0;
}

/* Only options that the verb takes? */
static bool fits(const cli_verb *verb, const char *given)
{
    for (; *given != '\0'; given++)
        if (strchr(verb->options, *given) == NULL)
            return false;
    return true;
}

/* "bundle import": messages name the call as it was typed. */
static void name_call(const cli_verb *verb, cli_call *call, char words[48])
{
    bool has_second = islower((unsigned char)verb->usage[0]) && call->operands_count > 0;
    (void)snprintf(words, 48, "%.20s%s%.20s", verb->name, has_second ? " " : "",
                   has_second ? call->operands[0] : "");
    call->verb = words;
}

int main(int argc, char **argv)
{
    cli_call call = { .verb = "usage" };
    char given[32] = "", words[48];
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "o:", NAMES, NULL)) != -1)
        if (c == '?' || !take_option(&call.options, c, given))
            return cli_misuse(&call, "unknown option, or its value is missing (see --help)");
    call.lang = choose_lang(&call.options);
    call.offset_minutes = local_offset_minutes();
    if (call.options.version) {
        puts("sotay " SOTAY_VERSION);
        return CLI_DONE;
    }
    if (call.options.help) {
        print_help(call.lang);
        return CLI_DONE;
    }
    const cli_verb *verb = optind < argc ? find_verb(argv[optind]) : NULL;
    if (verb == NULL)
        return cli_misuse(&call, optind < argc ? "no such verb (see --help)"
                                               : "a verb is needed (see --help)");
    call.operands = (const char **)&argv[optind + 1];
    call.operands_count = (size_t)(argc - optind - 1);
    name_call(verb, &call, words);
    if (call.options.store == NULL)
        return cli_misuse(&call, "--store DIR is needed");
    if (!has_operands(verb, call.operands_count) || !fits(verb, given)) {
        fprintf(stderr, "sotay: %s: usage: sotay --store DIR %s %s\n", verb->name, verb->name,
                verb->usage);
        return CLI_USAGE;
    }
    return run_verb(&call, verb);
}
