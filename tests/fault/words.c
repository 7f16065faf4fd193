/* tests/fault/words.c - puts a book back and has its words said again. Promises that nobody who was
 * disabled, and no device that was revoked, has a right in the restored book. */
#include "tests/fault/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/backup/backup.h"
#include "server/operator/again.h"
#include "server/sync/side.h"
#include "tests/fault/scenes.h"

#define PATH_BYTES 256

static void path_of(const stage *s, const char *name, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/%s", s->dir, name);
}

static void must(stage *s, int code)
{
    if (code != SOTAY_OK)
        stage_die("words", s->detail);
}

/* ---- what was before ---- */

static st_err bring(void *context, server *srv, st_error *error)
{
    return side_bring_words(context, srv->dir, error);
}

static void restore_beside(stage *s, char *old)
{
    char from[PATH_BYTES], dir[PATH_BYTES];
    st_error error = { 0 };
    backup_manifest manifest;
    path_of(s, "copy", from);
    path_of(s, "book", dir);
    const rooms_how how = { .dir = dir };
    const rooms_filler notes = { old, bring };
    backup_restore_how more = { .last = &notes };
    scene_must_be(rename(dir, old) == 0, "the old folder");
    if (backup_restore_with(from, &how, &more, &manifest, &error) != ST_OK)
        stage_die("restore", error.detail);
}

/* The device of binh, by its place in the list of two. */
static void find_device(stage *s)
{
    must(s, STAGE_CALL(s, "device", "list", "--json"));
    const char *at = strstr((const char *)s->out.data, "\"person\":\"binh\"");
    while (at != NULL && at > (const char *)s->out.data && strncmp(at, "\"device\":\"", 10) != 0)
        at--;
    scene_must_be(at != NULL, "the device of binh");
    (void)snprintf(s->device, sizeof s->device, "%.32s", at + 10);
}

static void begin(stage *s)
{
    must(s, stage_init(s));
    stage_people(s);
    find_device(s);
}

/* `format` has the folder of the scene once. */
static void shell(const stage *s, const char *format)
{
    char command[3 * PATH_BYTES];
    (void)snprintf(command, sizeof command, format, s->dir);
    scene_must_be(system(command) == 0, command);
}

static void take_away(stage *s)
{
    must(s, STAGE_CALL(s, "user", "add", "later", "--name", "Later", "--role", "officer"));
    must(s, STAGE_CALL(s, "user", "disable", "later"));
    must(s, STAGE_CALL(s, "user", "disable", "an"));
    must(s, STAGE_CALL(s, "role", "office", "-office"));
    must(s, STAGE_CALL(s, "device", "revoke", s->device));
    stage_close_book(s);
}

void words_restored(stage *s)
{
    char old[PATH_BYTES];
    begin(s);
    must(s, stage_backup(s, false));
    take_away(s);
    path_of(s, "old", old);
    restore_beside(s, old);
    shell(s, "rm -rf '%s/old'");
}

static st_err spoil_row(writer_turn *turn, void *argument, st_error *error)
{
    auth_person person;
    (void)argument;
    st_err err = auth_person_by_login(turn->txn, "an", &person, error);
    return err == ST_OK
               ? store_put(turn->txn, STORE_PERSON, store_bytes(person.id.b, sizeof person.id.b),
                           store_text("damaged"), error)
               : err;
}

void words_damaged(stage *s)
{
    st_error error = { 0 };
    writer_job job = { .run = spoil_row };
    words_restored(s);
    must(s, stage_open_book(s));
    if (writer_submit(s->rooms.writer, &job, &error) != ST_OK)
        stage_die("the row of an", error.detail);
    stage_close_book(s);
}

void words_put_back(stage *s)
{
    begin(s);
    stage_close_book(s);
    shell(s, "cd '%s' && cp -a book old");
    must(s, stage_open_book(s));
    take_away(s);
    shell(s, "cd '%s' && rm -rf old/side && mv book/side old && rm -rf book && mv old book");
}

/* ---- the work ---- */

static void tell_nobody(const char *words)
{
    (void)words;
}

int words_say(stage *s)
{
    st_error error = { 0 };
    sotay_error said = { SOTAY_OK, "" };
    int rc = stage_open_book(s);
    if (rc != SOTAY_OK)
        return rc;
    st_err err = operator_say_again(&s->rooms, "en", tell_nobody, &error);
    s->words_wait = err != ST_OK;
    (void)snprintf(said.detail, sizeof said.detail, "%s", error.detail);
    return stage_said(s, (int)err, &said);
}

/* As sotayctl does it: before each verb they are tried, and what mends does not wait for them. */
int words_mend(stage *s)
{
    (void)words_say(s);
    return s->is_book ? STAGE_CALL(s, "rebuild") : s->code;
}

/* ---- what must hold ---- */

/* In the list that was asked for: the object with `name` has `text`. */
static void must_have(stage *s, const char *name, const char *text)
{
    char one[800];
    const char *at = strstr((const char *)s->out.data, name);
    scene_must_be(at != NULL, name);
    (void)snprintf(one, sizeof one, "%.*s", (int)strcspn(at, "}"), at);
    if (strstr(one, text) == NULL)
        stage_die(text, one);
}

typedef struct {
    char texts[4][SIDE_WORDS_BYTES];
    unsigned times[4], others;
} noted;

static bool count(void *context, const side_words *words)
{
    noted *n = context;
    size_t i = 0;
    while (i < 4 && strcmp(n->texts[i], words->text) != 0)
        i++;
    if (i < 4)
        n->times[i]++;
    else if (words->text[0] != '\0') /* an empty one ends a line whose end could not be read */
        n->others++;
    return true;
}

static void must_be_noted(stage *s)
{
    noted n = { { "user disable later", "user disable an", "role office -office" }, { 0 }, 0 };
    st_error error = { 0 };
    bool waits = true;
    (void)snprintf(n.texts[3], sizeof n.texts[3], "device revoke %s", s->device);
    if (side_has_again(s->rooms.dir, &waits, &error) != ST_OK ||
        side_each_words(s->rooms.dir, count, &n, &error) != ST_OK)
        stage_die("notes", error.detail);
    scene_must_be(!waits, "nothing waits to be said");
    for (size_t i = 0; i < 4; i++)
        scene_must_be(n.times[i] == 1, n.texts[i]);
    scene_must_be(n.others == 0, "nothing else is noted");
}

void words_check(stage *s)
{
    must(s, STAGE_CALL(s, "user", "list", "--json"));
    must_have(s, "\"login\":\"an\"", "\"active\":false");
    must_have(s, "\"login\":\"office\"", "\"roles\":[]");
    must(s, STAGE_CALL(s, "device", "list", "--json"));
    must_have(s, s->device, "\"status\":\"revoked\"");
    must_be_noted(s);
}
