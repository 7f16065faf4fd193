/* tools/ctl/restore.c - `restore`: a new data folder from a backup, in a new epoch; then the words
 * that took rights away after the backup was made are said again. Promises that nothing is opened
 * to phones before that is done, and that it goes on where it failed when it is called again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/backup/backup.h"
#include "server/operator/again.h"
#include "server/store/dir.h"
#include "server/sync/side.h"
#include "server/sync/own_clock.h"
#include "tools/ctl/ctl.h"

#define MANIFEST_BYTES_MAX ((size_t)64 * 1024 * 1024)

static void tell_said(const char *words)
{
    printf("  %s\n", words);
}

/* The key of the log may have been changed after the backup was made. When its secret is not in the
 * old folder either, opening the new one says what is missing. */
static st_err bring_log_keys(const char *side, const char *data, st_error *error)
{
    st_log_keys keys;
    st_err err = side_get_log_keys(side, &keys, error);
    if (err == ST_E_NOT_FOUND)
        return ST_OK;
    if (err == ST_OK)
        err = side_put_log_keys(data, &keys, error);
    if (err != ST_OK)
        return err;
    err = auth_log_bring(side, data, st_log_keys_newest(&keys), error);
    return err == ST_E_STORAGE ? err : ST_OK;
}

/* Before the folder is a store: whoever opens it then, says the words first. */
static st_err bring_notes(void *context, server *srv, st_error *error)
{
    const char *const *side = context;
    st_err err = bring_log_keys(*side, srv->dir, error);
    return err == ST_OK ? side_bring_words(*side, srv->dir, error) : err;
}

/* The log of the backup; a text otherwise. */
static st_err log_of_backup(const char *from, st_id *out_log, st_error *error)
{
    st_arena arena;
    backup_manifest manifest;
    st_arena_init(&arena, MANIFEST_BYTES_MAX);
    st_err err = backup_manifest_read(from, &arena, &manifest, error);
    if (err == ST_OK)
        *out_log = manifest.log;
    st_arena_reset(&arena);
    return err;
}

/* The notes of another book would take rights away from people of this one. */
static st_err is_same_book(const char *from, const char *side, bool *out_same, st_error *error)
{
    st_log_keys keys;
    st_id log, named;
    st_err err = log_of_backup(from, &log, error);
    if (err != ST_OK)
        return err;
    err = side_get_log_keys(side, &keys, error);
    if (err == ST_OK)
        *out_same = st_log_keys_fault(&keys, &log) == 0;
    if (err != ST_E_NOT_FOUND)
        return err;
    err = auth_log_named(side, &named, error);
    *out_same = err == ST_OK && st_id_cmp(&named, &log) == 0;
    return err;
}

static int check_side(const ctl_line *line, const char *side)
{
    st_error error = { 0 };
    bool is_same = false;
    if (!side_is_there(side))
        return ctl_say_in(line, 1, "restore",
                          "--side: đó không phải thư mục dữ liệu của một sổ: không có side/size "
                          "trong đó",
                          "--side: that is no data folder of a book: there is no side/size in it");
    if (is_same_book(line->words[1], side, &is_same, &error) != ST_OK)
        return ctl_fail(line, "restore", &error);
    return is_same ? 0
                   : ctl_say_in(line, 1, "restore",
                                "--side: đó là thư mục dữ liệu của một sổ khác, không phải của sổ "
                                "trong bản sao lưu",
                                "--side: that is the data folder of another book, not of the one "
                                "in the backup");
}

#define LOST_SHOWN 20u

typedef struct {
    bool vi;
    unsigned count;
} lost_list;

static void tell_lost(void *context, const char *name)
{
    lost_list *list = context;
    const char *why = list->vi ? "thiếu hoặc hỏng trong bản sao lưu"
                               : "missing or damaged in the backup";
    if (list->count++ < LOST_SHOWN)
        (void)fprintf(stderr, "sotayctl: restore: %s: %s\n", name, why);
}

static int tell_all_lost(bool vi, uint64_t pieces)
{
    (void)fprintf(stderr,
                  vi ? "sotayctl: restore: mảnh của tệp đính kèm thiếu hoặc hỏng trong bản sao "
                       "lưu: %llu. Mọi thứ khác đã dựng lại. Máy nào còn giữ sẽ tự gửi lại; xem "
                       "attachment list\n"
                     : "sotayctl: restore: pieces of files missing or damaged in the backup: %llu. "
                       "All else is restored. Phones that have them send them again by themselves: "
                       "see attachment list\n",
                  (unsigned long long)pieces);
    return 3;
}

/* The book is whole, and its words wait: whoever opens it says them before anything else. */
static int tell_unsaid(const ctl_line *line)
{
    return ctl_say_in(line, 1, "restore",
                      "sổ đã dựng lại xong, nhưng CHƯA ghi lại hết các lần ngừng quyền, thu hồi "
                      "máy sau bản sao lưu. Hãy sửa lỗi ở dòng trên rồi chạy lại đúng lệnh restore "
                      "này để ghi tiếp; sotayd và sotayctl cũng ghi tiếp. Chưa ghi xong thì chưa "
                      "cho máy nào vào, chưa ghi gì khác vào sổ; các lệnh xem, verify, rebuild và "
                      "lệnh ngừng quyền, thu hồi máy vẫn chạy",
                      "the book is restored, but NOT all that took rights away after the backup "
                      "is said again. Mend what the line above says, then call this same restore "
                      "once more: it goes on, and so do sotayd and sotayctl. Until it is done no "
                      "phone is let in and nothing else is written; what reads, verify, rebuild "
                      "and what takes rights away runs");
}

static int fail_behind(const ctl_line *line, const st_error *error)
{
    bool waits = false;
    (void)ctl_fail(line, "restore", error);
    if (side_has_again(line->data, &waits, NULL) != ST_OK || waits)
        return tell_unsaid(line);
    return ctl_say_in(line, 1, "restore",
                      "sổ đã dựng lại xong, chỉ việc mở thử là hỏng. Hãy sửa lỗi ở dòng trên rồi "
                      "chạy sotayd với thư mục này",
                      "the book is restored; only opening it failed. Mend what the line above "
                      "says, then start sotayd with this folder");
}

static int finish(const ctl_line *line)
{
    server rooms = { 0 };
    st_error error = { 0 };
    rooms_how how = { .dir = line->data };
    st_err err = rooms_open(&how, &rooms, &error);
    if (err != ST_OK)
        return fail_behind(line, &error);
    bool waits = own_clock_waits(rooms.sync.clock);
    err = operator_say_again(&rooms, line->lang, tell_said, &error);
    rooms_close(&rooms);
    if (err == ST_OK && waits)
        return ctl_say_in(line, 0, "restore",
                          "sổ đã dựng lại xong, nhưng đồng hồ máy này chậm hơn sổ trên một ngày: "
                          "hãy chỉnh lại, hoặc nếu đúng giờ thì dùng `sotayctl clock accept`",
                          "the book is restored, but the clock of this machine lies more than a "
                          "day before it: put it right, or if it is right, say `sotayctl clock "
                          "accept`");
    if (err != ST_OK)
        return fail_behind(line, &error);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- a restore that said not all is called again ---- */

/* Is the folder made of this backup, and of no other of the same book? */
static bool is_of_backup(const char *from, const char *data)
{
    st_arena arena;
    backup_manifest manifest;
    bool is = false;
    st_arena_init(&arena, MANIFEST_BYTES_MAX);
    const bool good = backup_manifest_read(from, &arena, &manifest, NULL) == ST_OK &&
                      backup_manifest_is_noted(data, &manifest, &is, NULL) == ST_OK;
    st_arena_reset(&arena);
    return good && is;
}

typedef struct {
    const char *data;
    bool all_there;
} words_search;

static bool is_brought(void *context, const side_words *words)
{
    words_search *search = context;
    bool is_there = false;
    search->all_there = side_again_has(search->data, words, &is_there, NULL) == ST_OK && is_there;
    return search->all_there;
}

/* What was brought stays as it is until all is said. */
static bool are_brought(const char *side, const char *data)
{
    words_search search = { data, true };
    return side == NULL ||
           (side_each_words(side, is_brought, &search, NULL) == ST_OK && search.all_there);
}

/* This same restore made the book that is there, and did not come to its last word. */
static bool is_half_said(const ctl_line *line, const char *side)
{
    bool waits = false;
    return store_dir_check_version(line->data, NULL) == ST_OK &&
           side_has_again(line->data, &waits, NULL) == ST_OK && waits &&
           is_of_backup(line->words[1], line->data) && are_brought(side, line->data);
}

static int go_on(const ctl_line *line)
{
    printf(strcmp(line->lang, "vi") == 0
               ? "Sổ ở %s đã được dựng lại trước đó. Ghi tiếp các lần ngừng quyền, thu hồi máy:\n"
               : "The book in %s was restored before. What took rights away is said on:\n",
           line->data);
    return finish(line);
}

/* It was made by a restore that was broken off behind its last step, or nobody came since. */
static bool is_made_already(const char *data)
{
    return store_dir_check_version(data, NULL) == ST_OK && !side_is_there(data);
}

int ctl_restore(const ctl_line *line)
{
    backup_manifest manifest;
    st_error error = { 0 };
    ctl_progress shown;
    rooms_how how = { .dir = line->data, .progress = &shown.work };
    bool vi = strcmp(line->lang, "vi") == 0;
    const char *side = line->words_count == 4 ? line->words[3] : NULL;
    if ((line->words_count != 2 && side == NULL) ||
        (side != NULL && strcmp(line->words[2], "--side") != 0))
        return ctl_say_in(line, 2, "restore",
                          "cách dùng: sotayctl --data NEW restore BACKUP [--side OLD-DATA]",
                          "usage: sotayctl --data NEW restore BACKUP [--side OLD-DATA]");
    if (!ctl_progress_init(&shown, line))
        return ctl_say_in(line, 2, "--progress", "nhận json, text hoặc none",
                          "takes json, text or none");
    if (store_dir_is_inside(line->data, line->words[1]))
        return ctl_say_in(line, 1, "restore",
                          "thư mục mới không được nằm trong thư mục của bản sao lưu",
                          "the new folder may not lie inside that of the backup");
    if (side != NULL && check_side(line, side) != 0)
        return 1;
    if (is_half_said(line, side))
        return go_on(line);
    if (is_made_already(line->data))
        return ctl_say_in(line, 1, "restore",
                          "ở đây đã có một sổ được dựng lại xong, chưa mở lần nào: hãy chạy sotayd "
                          "với thư mục này, hoặc xóa cả thư mục rồi dựng lại từ đầu",
                          "a book was restored here, and is whole; nobody has opened it yet: start "
                          "sotayd with this folder, or remove it and restore anew");
    memset(&manifest, 0, sizeof manifest);
    const rooms_filler notes = { &side, bring_notes };
    lost_list list = { .vi = vi };
    backup_restore_how more = { .last = side == NULL ? NULL : &notes, .lost = tell_lost,
                                .context = &list };
    st_err err = backup_restore_with(line->words[1], &how, &more, &manifest, &error);
    ctl_progress_end(&shown);
    if (err != ST_OK)
        return ctl_fail(line, "restore", &error);
    printf(vi ? "Đã dựng lại sổ %s từ %llu mục nhật ký, trong %s. Đời sổ mới bắt đầu; các máy sẽ "
                "tự gửi lại những gì còn giữ.\n"
              : "Restored book %s from %llu log entries, in %s. A new epoch begins; devices send "
                "again by themselves what they hold.\n",
           manifest.commune.s, (unsigned long long)manifest.entries, line->data);
    int code = finish(line);
    int lost = more.pieces_lost > 0 ? tell_all_lost(vi, more.pieces_lost) : 0;
    return code == 0 ? lost : code;
}

char *ctl_absolute(const char *path)
{
    char *whole = NULL, *here = NULL;
    if (path[0] == '/')
        return strdup(path);
    here = getcwd(NULL, 0);
    if (here == NULL || asprintf(&whole, "%s/%s", here, path) < 0)
        whole = NULL;
    free(here);
    return whole;
}
