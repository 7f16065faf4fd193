/* tools/ctl/restore.c - `restore`: a new data folder from a backup, in a new epoch; then the words
 * that took rights away after the backup was made are said again. Promises that nothing is opened
 * to phones before that is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/backup/backup.h"
#include "server/operator/again.h"
#include "server/store/dir.h"
#include "server/sync/side.h"
#include "tools/ctl/ctl.h"

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

static int finish(const ctl_line *line)
{
    server rooms = { 0 };
    st_error error = { 0 };
    rooms_how how = { .dir = line->data };
    st_err err = rooms_open(&how, &rooms, &error);
    if (err != ST_OK)
        return ctl_fail(line, "restore", &error);
    err = operator_say_again(&rooms, line->lang, tell_said, &error);
    rooms_close(&rooms);
    if (err != ST_OK)
        return ctl_fail(line, "restore", &error);
    return fflush(stdout) == 0 ? 0 : 1;
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
    if (side != NULL && !side_is_there(side))
        return ctl_say_in(line, 1, "restore",
                          "--side: đó không phải thư mục dữ liệu của một sổ: không có side/size "
                          "trong đó",
                          "--side: that is no data folder of a book: there is no side/size in it");
    if (is_made_already(line->data))
        return ctl_say_in(line, 1, "restore",
                          "ở đây đã có một sổ được dựng lại xong, chưa mở lần nào: hãy chạy sotayd "
                          "với thư mục này, hoặc xóa cả thư mục rồi dựng lại từ đầu",
                          "a book was restored here, and is whole; nobody has opened it yet: start "
                          "sotayd with this folder, or remove it and restore anew");
    memset(&manifest, 0, sizeof manifest);
    if (!ctl_progress_init(&shown, line))
        return ctl_say_in(line, 2, "--progress", "nhận json, text hoặc none",
                          "takes json, text or none");
    const rooms_filler notes = { &side, bring_notes };
    st_err err = backup_restore_with(line->words[1], &how, side == NULL ? NULL : &notes, &manifest,
                                     &error);
    ctl_progress_end(&shown);
    if (err != ST_OK)
        return ctl_fail(line, "restore", &error);
    printf(vi ? "Đã dựng lại sổ %s từ %llu mục nhật ký, trong %s. Đời sổ mới bắt đầu; các máy sẽ "
                "tự gửi lại những gì còn giữ.\n"
              : "Restored book %s from %llu log entries, in %s. A new epoch begins; devices send "
                "again by themselves what they hold.\n",
           manifest.commune.s, (unsigned long long)manifest.entries, line->data);
    return finish(line);
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
