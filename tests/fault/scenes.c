/* tests/fault/scenes.c - the table of scenes, and what people do in them. */
#include "tests/fault/scenes.h"

#include <stdio.h>
#include <string.h>

#include "client-lib/src/client.h"
#include "tests/fault/bundle.h"
#include "tests/fault/file.h"
#include "tests/fault/phone.h"
#include "tests/fault/photo.h"
#include "tests/fault/reads.h"
#include "tests/fault/words.h"

int scene_go_on(stage *s, const scene_step *steps, size_t count)
{
    while (s->done < count) {
        int rc = steps[s->done](s);
        if (rc != SOTAY_OK)
            return rc;
        s->done++;
    }
    return SOTAY_OK;
}

void scene_must_be(bool good, const char *what)
{
    if (!good)
        stage_die(what, "is not so");
}

static void opened(stage *s, int code)
{
    if (code != SOTAY_OK)
        stage_die("opening", s->detail);
}

/* ---- what was before ---- */

static void a_book(stage *s)
{
    opened(s, stage_init(s));
}

static void two_phones(stage *s)
{
    a_book(s);
    stage_people(s);
}

static void a_new_phone(stage *s)
{
    two_phones(s);
    stage_link(s, 0, "an");
    stage_close_phone(s, 0);
    stage_close_book(s);
}

/* Both have the first visit; both judged it, each without the other; the second has one more. */
static void two_minds(stage *s)
{
    two_phones(s);
    stage_visit(s, 0, "gốc");
    opened(s, stage_sync(s, 0));
    opened(s, stage_sync(s, 1));
    stage_set(s, 1, 0, "ratings.m1.rating", "chua_dat");
    stage_set(s, 1, 0, "place", "chợ");
    stage_visit(s, 1, "của bình");
    opened(s, stage_sync(s, 1));
    stage_set(s, 0, 0, "ratings.m1.rating", "dat");
    stage_set(s, 0, 0, "general_note", "đường lầy");
    stage_visit(s, 0, "của an");
}

static void a_difference(stage *s)
{
    two_minds(s);
    opened(s, stage_sync(s, 0));
    char *json = stage_show(s, 0, 0);
    const char *at = strstr(json, "\"value\":\"dat\"");
    at = at == NULL ? NULL : strstr(at, "\"dot\":\"");
    scene_must_be(at != NULL, "a difference");
    (void)snprintf(s->dot, sizeof s->dot, "%.*s", (int)strcspn(at + 7, "\""), at + 7);
    sotay_text_free(json);
}

/* The second phone had a unit taken away and gets it back, with so much in it that it comes as a
 * snapshot. */
static void a_full_unit(stage *s)
{
    two_phones(s);
    stage_visit(s, 0, "gốc");
    stage_crowd(s, 0, 60);
    opened(s, stage_sync(s, 0));
    opened(s, STAGE_CALL(s, "unassign", "binh", STAGE_UNIT));
    opened(s, stage_sync(s, 1));
    opened(s, STAGE_CALL(s, "assign", "binh", STAGE_UNIT));
    s->fetches = true;
}

/* What the first phone has not sent lies in a file. */
static void a_bundle(stage *s)
{
    two_minds(s);
    opened(s, bundle_write(s, 0));
}

/* The first phone has a file that it has not sent. */
static void a_file(stage *s)
{
    two_phones(s);
    stage_visit(s, 0, "gốc");
    opened(s, file_attach(s, 0));
}

/* The office has it, the second phone knows of it. */
static void a_file_at_the_office(stage *s)
{
    a_file(s);
    opened(s, stage_sync(s, 0));
    opened(s, stage_sync(s, 1));
}

/* So has it this one, in which two people differ. */
static void a_difference_and_a_file(stage *s)
{
    a_difference(s);
    opened(s, file_attach(s, 0));
    opened(s, stage_sync(s, 0));
    opened(s, stage_sync(s, 1));
}

/* A backup has the file too, and the first phone knows. */
static void back_the_file_up(stage *s)
{
    stage_set(s, 0, 0, "place", "chợ"); /* what comes after it was said to be there */
    opened(s, stage_sync(s, 0));
    opened(s, stage_backup(s, false));
    opened(s, stage_backup(s, true)); /* it counts when it was read */
    opened(s, stage_sync(s, 0));
}

static void a_file_in_a_backup(stage *s)
{
    a_file_at_the_office(s);
    back_the_file_up(s);
}

/* The newest work is in no backup; the file is nowhere else, for no phone keeps it; the machine
 * with the book is gone. */
static void a_lost_book(stage *s)
{
    a_difference_and_a_file(s);
    back_the_file_up(s);
    opened(s, file_clear(s, 0));
    file_must_be_away(s, 0);
    stage_set(s, 0, 0, "place", "sau sao lưu");
    opened(s, stage_sync(s, 0));
    stage_close_book(s);
    stage_clear_book(s);
}

static void a_stray(stage *s)
{
    a_file_at_the_office(s);
    file_leave_stray(s);
}

static void two_pictures(stage *s)
{
    two_minds(s);
    photo_make();
}

static void two_people(stage *s)
{
    two_minds(s);
    opened(s, STAGE_CALL(s, "user", "add", "head", "--name", "Head", "--role", "office_head"));
    opened(s, STAGE_CALL(s, "user", "add", "admin", "--name", "Admin", "--role", "admin"));
}

static int call_log_key(stage *s)
{
    return STAGE_CALL(s, "log-key", "new", "--as", "admin", "--second", "head", "--reason",
                      "mất đĩa");
}

static void another_key(stage *s)
{
    two_people(s);
    opened(s, call_log_key(s));
}

#define PIN_FORGOTTEN "246810"
#define PIN_NEW       "135791"

static void a_forgotten_pin(stage *s)
{
    sotay_who who;
    s->phones[0].pin = PIN_FORGOTTEN;
    two_people(s);
    sotay_whoami(s->phones[0].client, &who);
    sotay_id_format(&who.device, s->device);
}

/* ---- opened beforehand ---- */

static void book_and_phone(stage *s)
{
    opened(s, stage_open_book(s));
    opened(s, stage_open_phone(s, 0, false));
}

/* What is open stays open when it is tried again. */
static void door_and_phone(stage *s)
{
    book_and_phone(s);
    if (s->http == NULL)
        opened(s, stage_open_door(s));
}

static void the_phone(stage *s)
{
    opened(s, stage_open_phone(s, 0, false));
}

static void the_book(stage *s)
{
    opened(s, stage_open_book(s));
}

/* ---- the phone ---- */

static int start_phone(stage *s)
{
    return stage_open_phone(s, 0, true);
}

static int open_phone(stage *s)
{
    return stage_open_phone(s, 0, false);
}

static int enrol(stage *s)
{
    int rc = stage_enrol(s, 0);
    return rc == SOTAY_OK ? stage_sync(s, 0) : rc;
}

static int sync_phone(stage *s)
{
    return stage_sync(s, 0);
}

static int sync_curl(stage *s)
{
    return stage_sync_curl(s, 0);
}

static int fetch_receipts(stage *s)
{
    return stage_receipts(s, 0);
}

/* What was sent is in the log, and the phone asks for the proof of it. */
static int sync_receipts(stage *s)
{
    static const scene_step STEPS[] = { sync_phone, fetch_receipts };
    return GO_ON(s, STEPS);
}

/* Of both visits; a later sync brought no newer change of them. */
static void receipts_are_kept(stage *s)
{
    for (size_t i = 0; i < s->visits_count; i++) {
        sotay_receipt_state state;
        sotay_error error = { SOTAY_OK, "" };
        int rc = sotay_receipt_find(s->phones[0].client, &s->visits[i], &state, &error);
        opened(s, stage_said(s, rc, &error));
        scene_must_be(state.kept > 0 || i == 1, "a receipt of what this phone wrote in");
    }
}

/* ---- a PIN that nobody knows any more ---- */

static int ask_line(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    char *text = NULL;
    int rc = stage_open_port(s, 0, false);
    if (rc != SOTAY_OK)
        return rc;
    rc = sotay_recover_ask(&s->phones[0].port, &text, &error);
    if (rc == SOTAY_OK)
        (void)snprintf(s->line, sizeof s->line, "%.*s", (int)strcspn(text, "\n"), text);
    sotay_text_free(text);
    return stage_said(s, rc, &error);
}

/* Its output ends in the line for the phone. */
static int call_recover(stage *s)
{
    int rc = STAGE_CALL(s, "device", "recover", s->device, s->line, "--as", "admin", "--second",
                        "head", "--reason", "quên PIN");
    if (rc != SOTAY_OK)
        return rc;
    const char *answer = strchr((const char *)s->out.data, '\n');
    scene_must_be(answer != NULL, "an answer");
    (void)snprintf(s->answer, sizeof s->answer, "%.*s", (int)strcspn(answer + 1, "\n"),
                   answer + 1);
    return SOTAY_OK;
}

static int take_answer(stage *s)
{
    sotay_error error = { SOTAY_OK, "" };
    int rc = stage_open_port(s, 0, false);
    if (rc != SOTAY_OK)
        return rc;
    rc = sotay_recover_take(&s->phones[0].port, s->answer, PIN_NEW, &error);
    if (rc == SOTAY_OK)
        s->phones[0].pin = PIN_NEW;
    return stage_said(s, rc, &error);
}

static int recover(stage *s)
{
    static const scene_step STEPS[] = { ask_line, call_recover, take_answer, open_phone };
    return GO_ON(s, STEPS);
}

/* What was saved and never sent, above all. */
static void nothing_is_lost(stage *s)
{
    char *json = stage_show(s, 1, 0);
    scene_must_be(strstr(json, "đường lầy") != NULL, "what lay in the closed store");
    sotay_text_free(json);
}

/* ---- the server and the office ---- */

static int init_book(stage *s)
{
    int rc = s->done > 0 ? stage_open_book(s) : stage_init(s);
    if (rc == SOTAY_E_EXISTS && strstr(s->detail, "broken off") != NULL) {
        stage_clear_book(s); /* as the words say */
        rc = stage_init(s);
    }
    if (rc == SOTAY_OK || strstr(s->detail, "the book is made") != NULL)
        s->done = 1;
    return rc;
}

static int open_book(stage *s)
{
    return stage_open_book(s);
}

static int open_door(stage *s)
{
    return s->http == NULL ? stage_open_door(s) : SOTAY_OK;
}

static int call_user(stage *s)
{
    return STAGE_CALL(s, "user", "add", "chi", "--name", "Chi", "--role", "officer");
}

static int call_role(stage *s)
{
    return STAGE_CALL(s, "role", "chi", "+office");
}

static int call_assign(stage *s)
{
    return STAGE_CALL(s, "assign", "chi", STAGE_UNIT);
}

static int call_unassign(stage *s)
{
    return STAGE_CALL(s, "unassign", "chi", STAGE_UNIT);
}

static int call_import(stage *s)
{
    return STAGE_CALL(s, "user", "import", "--text", "dung,Dung,officer," STAGE_UNIT "\n");
}

static int call_disable(stage *s)
{
    return STAGE_CALL(s, "user", "disable", "dung");
}

static int people(stage *s)
{
    static const scene_step STEPS[] = { call_user,     call_role,   call_assign,
                                  call_unassign, call_import, call_disable };
    return GO_ON(s, STEPS);
}

static int call_resolve(stage *s)
{
    char hex[33];
    sotay_id_format(&s->visits[0], hex);
    return STAGE_CALL(s, "resolve", hex, "ratings.m1.rating", "--keep", s->dot, "--as", "office",
                      "--reason", "theo biên bản");
}

static int call_set(stage *s)
{
    char hex[33];
    sotay_id_format(&s->visits[0], hex);
    return STAGE_CALL(s, "set", hex, "ratings.m1.accepted_rating=dat", "--as", "office");
}

static int call_enrol(stage *s)
{
    return STAGE_CALL(s, "enrol", "an");
}

static int call_suspend(stage *s)
{
    char hex[33];
    sotay_who who;
    sotay_whoami(s->phones[1].client, &who);
    sotay_id_format(&who.device, hex);
    return STAGE_CALL(s, "device", "suspend", hex);
}

static int call_lift(stage *s)
{
    char hex[33];
    sotay_who who;
    sotay_whoami(s->phones[1].client, &who);
    sotay_id_format(&who.device, hex);
    return STAGE_CALL(s, "device", "suspend", hex, "--lift");
}

static int office(stage *s)
{
    static const scene_step STEPS[] = { call_resolve, call_set, call_enrol, call_suspend,
                                        call_lift };
    return GO_ON(s, STEPS);
}

static void book_and_second_phone(stage *s)
{
    opened(s, stage_open_book(s));
    opened(s, stage_open_phone(s, 1, false));
}

static int call_export(stage *s)
{
    static const char *const WORDS[] = { "export", "csv", "--form", "visit", NULL };
    return reads_heard(s, WORDS);
}

static int call_verify(stage *s)
{
    static const char *const WORDS[] = { "verify", NULL };
    return reads_heard(s, WORDS);
}

static int call_rebuild(stage *s)
{
    return STAGE_CALL(s, "rebuild");
}

static int call_compact(stage *s)
{
    return STAGE_CALL(s, "compact");
}

static int care(stage *s)
{
    static const scene_step STEPS[] = { call_export, call_verify, call_rebuild, call_compact };
    return GO_ON(s, STEPS);
}

static int call_backup(stage *s)
{
    return stage_backup(s, false);
}

static int call_backup_check(stage *s)
{
    return stage_backup(s, true);
}

/* Into the same folder, as if nothing had been. */
static int back_up(stage *s)
{
    static const scene_step STEPS[] = { call_backup, call_backup_check };
    return GO_ON(s, STEPS);
}

static void backup_is_good(stage *s)
{
    opened(s, stage_backup(s, true));
    file_must_be_in_copy(s);
}

/* Where a piece could not be read the disk failed, and the backup has it: it is restored anew. */
static int restore(stage *s)
{
    int rc = s->done > 0 ? SOTAY_OK : stage_restore(s);
    if (rc == SOTAY_E_EXISTS && strstr(s->detail, "broken off") != NULL) {
        stage_clear_book(s); /* as the words say */
        rc = stage_restore(s);
    }
    if (s->pieces_lost > 0)
        stage_clear_book(s);
    if (rc == SOTAY_OK)
        s->done = 1;
    return rc == SOTAY_OK ? stage_open_book(s) : rc;
}

/* What no backup had comes back with the phones, the file with the backup. */
static void all_came_back(stage *s)
{
    file_must_be_in(s);
    char *json = stage_show(s, 1, 0);
    scene_must_be(strstr(json, "sau sao lưu") != NULL, "what the phones brought back");
    sotay_text_free(json);
}

static int sync_second(stage *s)
{
    return stage_sync(s, 1);
}

/* ---- what somebody carries ---- */

static void the_second_phone(stage *s)
{
    opened(s, stage_open_phone(s, 1, false));
}

static int make_bundle(stage *s)
{
    return bundle_write(s, 0);
}

static int take_bundle(stage *s)
{
    return bundle_take(s, 1);
}

static int call_bundle(stage *s)
{
    char path[256];
    bundle_path(s, path);
    return STAGE_CALL(s, "bundle", "import", path, "--json");
}

/* The office knows all of it by now. */
static void bundle_is_good(stage *s)
{
    opened(s, call_bundle(s));
    const char *said = (const char *)s->out.data;
    scene_must_be(strstr(said, "\"stored\":0,\"duplicate\":1,\"held\":0") != NULL, said);
}

/* ---- files ---- */

static int attach(stage *s)
{
    return file_attach(s, 0);
}

static int attach_once(stage *s)
{
    static const scene_step STEPS[] = { attach };
    return GO_ON(s, STEPS);
}

static int want(stage *s)
{
    return file_want(s, 1);
}

static int fetch(stage *s)
{
    static const scene_step STEPS[] = { want, sync_second };
    return GO_ON(s, STEPS);
}

static void file_is_in(stage *s)
{
    file_must_be_on(s, 0);
    file_must_be_in(s);
}

static void file_is_on_both(stage *s)
{
    file_must_be_on(s, 1);
    file_is_in(s);
}

static int clear(stage *s)
{
    return file_clear(s, 0);
}

/* It can be fetched again. */
static void file_comes_again(stage *s)
{
    file_must_be_away(s, 0);
    opened(s, file_want(s, 0));
    opened(s, stage_sync(s, 0));
    file_is_in(s);
}

static void stray_is_gone(stage *s)
{
    file_must_be_alone(s);
    file_is_in(s);
}

/* ---- pictures ---- */

static int attach_jpeg(stage *s)
{
    return photo_attach(s, 0, PHOTO_JPEG);
}

static int attach_png(stage *s)
{
    return photo_attach(s, 0, PHOTO_PNG);
}

static int attach_pictures(stage *s)
{
    static const scene_step STEPS[] = { attach_jpeg, attach_png };
    return GO_ON(s, STEPS);
}

static void pictures_are_small(stage *s)
{
    photo_must_be_small(s, 0);
    file_must_be_in(s);
}

/* ---- another key of the log ---- */

static int change_key(stage *s)
{
    static const scene_step STEPS[] = { call_log_key };
    return GO_ON(s, STEPS);
}

/* Once; the phones, which have asked since, follow. */
static void key_is_followed(stage *s)
{
    opened(s, STAGE_CALL(s, "log-key", "list", "--json"));
    const char *said = (const char *)s->out.data;
    scene_must_be(strstr(said, "\"n\":1,") != NULL && strstr(said, "\"n\":2,") == NULL, said);
    for (int n = 0; n < 2; n++) {
        sotay_error error = { SOTAY_OK, "" };
        char *json = NULL;
        opened(s, stage_said(s, sotay_status(s->phones[n].client, SOTAY_JSON, &json, &error),
                             &error));
        scene_must_be(strstr(json, "\"log_key_alarm\":null") != NULL, json);
        scene_must_be(s->phones[n].client->me.log_keys == 1, "the phone knows the new key");
        sotay_text_free(json);
    }
}

/* ---- words that fail until the book is mended ---- */

static int mend_and_say(stage *s)
{
    static const scene_step STEPS[] = { words_mend, words_say };
    return GO_ON(s, STEPS);
}

/* ---- the table ---- */

#define BIT(call) (1u << (call))
#define MEMORY    BIT(CALL_MEMORY)
#define SODIUM    BIT(CALL_SODIUM)
#define ZSTD      BIT(CALL_ZSTD)
#define MAP       BIT(CALL_MAP)
#define OPEN      BIT(CALL_OPEN)
#define READ      BIT(CALL_READ)
#define REMOVE    BIT(CALL_REMOVE)
#define TOLD      (MEMORY | BIT(CALL_LMDB) | BIT(CALL_PUT))
#define TURN      (TOLD | BIT(CALL_WRITE) | BIT(CALL_SYNC)) /* of a store that is open */
#define SEALS     (SODIUM | BIT(CALL_RANDOM))
#define SYNC      (TURN | ZSTD | SEALS)                     /* a phone that speaks with the book */
#define NAMES     (BIT(CALL_NAME) | BIT(CALL_CLOSE))
#define LOOKS     (NAMES | BIT(CALL_LOOK))
#define OPENING   (TURN | MAP | OPEN | READ | LOOKS)        /* a store that is opened, or made */

/* clang-format off */
static const scene SCENES[] = {
    /* name, what is counted, server fails, threaded, book, phones, before, ready, act, check */
    { "phone-start", OPENING | REMOVE | SEALS, false, false, false, false, NULL, NULL, start_phone,
      NULL },
    { "phone-open", TOLD | MAP | OPEN | READ | LOOKS | SODIUM, false, false, true, true, two_minds,
      NULL, open_phone, NULL },
    { "phone-enrol", SYNC, false, false, true, true, a_new_phone, book_and_phone, enrol, NULL },
    { "phone-save", TURN | SEALS, false, false, true, true, two_phones, the_phone,
      phone_save, phone_has_saved },
    { "phone-read", MEMORY | BIT(CALL_LMDB) | SODIUM, false, false, true, true, a_difference,
      the_phone, phone_read, NULL },
    { "phone-sync", SYNC, false, false, true, true, two_minds, book_and_phone, sync_phone, NULL },
    { "phone-curl", BIT(CALL_CURL) | BIT(CALL_MEMORY) | BIT(CALL_ZSTD), false, true, true, true,
      two_minds, door_and_phone, sync_curl, NULL },
    { "phone-receipts", SYNC, false, false, true, true, two_minds, book_and_phone, sync_receipts,
      receipts_are_kept },
    { "receipts-out", TURN | ZSTD | SODIUM, true, false, true, true, two_minds, book_and_phone,
      sync_receipts, receipts_are_kept },
    { "pin-forgotten", OPENING | SODIUM, false, false, true, true, a_forgotten_pin, the_book,
      recover, nothing_is_lost },
    { "book-init", OPENING | REMOVE, false, false, true, false, NULL, NULL, init_book, NULL },
    { "book-open", OPENING | REMOVE, false, false, true, true, two_minds, NULL, open_book, NULL },
    { "server-start", OPENING | REMOVE | BIT(CALL_THREAD), false, true, true, true, two_minds,
      NULL, open_book, NULL },
    /* want of memory is left out: CivetWeb 1.15 does not survive it when it starts */
    { "door", BIT(CALL_THREAD), false, true, true, true, two_minds, the_book, open_door, NULL },
    { "ingest", TURN | ZSTD, true, false, true, true, two_minds, book_and_phone, sync_phone, NULL },
    { "enrol-in", TURN | ZSTD, true, false, true, true, a_new_phone, book_and_phone, enrol, NULL },
    { "people", TURN | OPEN | LOOKS, false, false, true, false, a_book, the_book, people, NULL },
    { "office", TURN | OPEN | READ | LOOKS, false, false, true, true, a_difference,
      book_and_second_phone, office, NULL },
    { "book-read", MEMORY | BIT(CALL_LMDB) | OPEN, false, false, true, true, a_difference,
      the_book, reads_book, NULL },
    { "book-care", OPENING | REMOVE, false, false, true, true, a_difference, the_book, care, NULL },
    { "backup", OPENING | REMOVE | ZSTD, false, false, true, true, a_difference_and_a_file,
      the_book, back_up, backup_is_good },
    { "restore", OPENING | REMOVE | ZSTD, false, false, true, true, a_lost_book, NULL, restore,
      all_came_back },
    { "words-again", OPENING | REMOVE, false, false, true, false, words_restored, NULL, words_say,
      words_check },
    { "words-damaged", OPENING | REMOVE, false, false, true, false, words_damaged, NULL,
      mend_and_say, words_check },
    /* what fails once the epoch is written begins another one: an entry more */
    { "words-put-back", READ, false, false, true, false, words_put_back, NULL, words_say,
      words_check },
    { "snapshot-cut", TURN | OPEN | READ | NAMES | ZSTD, true, false, true, true, a_full_unit,
      book_and_second_phone, sync_second, NULL },
    { "snapshot-load", SYNC, false, false, true, true, a_full_unit, book_and_second_phone,
      sync_second, NULL },
    /* without random bytes libsodium ends the program */
    { "bundle-make", TURN | OPEN | READ | NAMES | ZSTD | SODIUM, false, false, true, true,
      two_minds, the_phone, make_bundle, bundle_is_good },
    { "bundle-take", TURN | OPEN | READ | NAMES | SEALS, false, false, true, true, a_bundle,
      the_second_phone, take_bundle, bundle_is_good },
    { "bundle-office", TURN | OPEN | READ | NAMES | ZSTD, false, false, true, true, a_bundle,
      the_book, call_bundle, bundle_is_good },
    { "file-attach", TURN | SEALS, false, false, true, true, two_minds, the_phone, attach_once,
      file_is_in },
    { "file-send", SYNC, false, false, true, true, a_file, book_and_phone, sync_phone, file_is_in },
    { "file-in", TURN | OPEN | LOOKS | ZSTD, true, false, true, true, a_file, book_and_phone,
      sync_phone, file_is_in },
    { "file-fetch", SYNC, false, false, true, true, a_file_at_the_office, book_and_second_phone,
      fetch, file_is_on_both },
    { "file-give", TURN | OPEN | READ | BIT(CALL_CLOSE) | ZSTD | SODIUM, true, false, true, true,
      a_file_at_the_office, book_and_second_phone, fetch, file_is_on_both },
    { "file-clear", TURN | SODIUM, false, false, true, true, a_file_in_a_backup, book_and_phone,
      clear, file_comes_again },
    { "file-collect", TURN | OPEN | LOOKS | REMOVE, false, false, true, true, a_stray, the_book,
      file_collect, stray_is_gone },
    /* what else may fail there does in file-attach */
    { "picture", BIT(CALL_MEMORY) | BIT(CALL_PUT), false, false, true, true, two_pictures,
      the_phone, attach_pictures, pictures_are_small },
    { "log-key", TURN | OPEN | LOOKS | REMOVE, false, false, true, true, two_people, the_book,
      change_key, key_is_followed },
    { "log-key-told", TOLD, true, false, true, true, another_key, book_and_phone, sync_phone,
      key_is_followed },
    { "log-key-follow", TOLD, false, false, true, true, another_key, book_and_phone, sync_phone,
      key_is_followed },
    { NULL, 0, false, false, false, false, NULL, NULL, NULL, NULL },
};
/* clang-format on */

const scene *scenes(void)
{
    return SCENES;
}
