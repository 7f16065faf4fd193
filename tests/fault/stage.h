/* tests/fault/stage.h - one small commune for a scene: a real book in LMDB, two phones with real
 * stores, and the calls that people make, each in one line. Whatever is not under test ends the
 * process with a word when it fails. */
#ifndef SOTAY_TESTS_FAULT_STAGE_H
#define SOTAY_TESTS_FAULT_STAGE_H

#include "client-lib/include/sotay.h"
#include "server/http/http.h"
#include "server/operator/operator.h"
#include "tests/fault/faults.h"

#define STAGE_UNIT "01477-x001"

typedef struct {
    sotay_port port;
    sotay_client *client;
    bool is_port, is_open;
    const char *pin; /* NULL: it has none */
    char link[256];
} stage_phone;

/* How much there is of everything: what was done twice is there twice. */
typedef struct {
    uint64_t entries; /* of the log; 0: not counted yet */
    uint64_t records; /* that a phone shows, */
    uint64_t changes; /* their changes, */
    uint64_t values;  /* and what these set */
} stage_tally;

#define STAGE_READERS_MAX 16

typedef struct {
    char dir[128]; /* of this run: book, a, b */
    char catalogue[128];
    server rooms;
    http_server *http; /* the door of the book, when it is open */
    bool is_book, threaded;
    bool words_wait;   /* what took rights away could not be said again */
    bool had_door; /* CivetWeb keeps a descriptor when it could not start all its threads */
    stage_phone phones[2];
    server_port clock; /* of the book: this machine's, */
    int64_t later_ms;  /* so much later */
    bool fetches;      /* phones take snapshots */
    bool server_fails; /* faults hit the server's half of an exchange, not the phone's */
    sotay_id visits[4];
    size_t visits_count;
    char item[SOTAY_ITEM_TEXT]; /* of the file that was attached (file.h) */
    char photos[2][SOTAY_ITEM_TEXT]; /* of the pictures (photo.h) */
    char dot[64];       /* of the value that the office will keep */
    char device[33];    /* of the first phone, where the office names it */
    char line[512];     /* what a phone whose PIN is forgotten tells the office */
    char answer[512];   /* and what it hears */
    size_t pieces_lost; /* of files, that the last restore said it could not bring */
    size_t done;        /* steps of the act that were acknowledged */
    stage_tally well;   /* when all went well */
    uint64_t heard[STAGE_READERS_MAX]; /* and the sum of what each reader said then; 0: not yet */
    st_buffer out, err; /* of the last operator call */
    int code;           /* how the last call ended: a sotay_code */
    char detail[256];   /* and what it said */
} stage;

/* Ends the process: "setting the scene failed". */
_Noreturn void stage_die(const char *what, const char *why);

/* The catalogue of the scenes in DIR/catalogue: the forms that a visit needs, one unit. */
void stage_catalogue(stage *s, const char *dir);
/* Copies book and phones of one folder into another (made). The phones' install ids stay. */
void stage_copy(const char *from, const char *to);
void stage_remove(const char *dir);

/* ---- these answer a sotay_code and fill s->detail; under test or not ---- */

/* A new book in DIR/book; open. */
int stage_init(stage *s);
int stage_open_book(stage *s);
/* Removes DIR/book, which is closed. */
void stage_clear_book(stage *s);
/* Makes DIR/book, which is not there, of the backup in DIR/copy. SOTAY_E_STORAGE with
 * s->pieces_lost: it is made, but for so many pieces of files. */
int stage_restore(stage *s);
/* One copy of the book into DIR/copy; with `check`, reads that again. */
int stage_backup(stage *s, bool check);
/* Lets requests in on a free port of this machine; the book is open. */
int stage_open_door(stage *s);
/* Closes the door, too. */
void stage_close_book(stage *s);
/* n: 0 or 1. create: also makes the store. */
int stage_open_phone(stage *s, int n, bool create);
/* Only its store, as for a PIN that nobody knows any more. */
int stage_open_port(stage *s, int n, bool create);
void stage_close_phone(stage *s, int n);
void stage_close(stage *s);
/* One call of sotayctl: words up to NULL. Its output stays in s->out, ended by NUL. */
int stage_call(stage *s, const char *const *words);
#define STAGE_CALL(s, ...) stage_call((s), (const char *const[]){ __VA_ARGS__, NULL })
/* Enrols a phone with its link; syncs it. The server answers in the same thread. */
int stage_enrol(stage *s, int n);
int stage_sync(stage *s, int n);
/* The same through the door, with libcurl. */
int stage_sync_curl(stage *s, int n);
/* Asks once for all receipts that are due, and keeps those that hold. */
int stage_receipts(stage *s, int n);
/* What the phone says when it failed. */
int stage_said(stage *s, int code, const sotay_error *error);

/* ---- these never fail, or the process ends ---- */

/* Enrolment link of a login for phone n. */
void stage_link(stage *s, int n, const char *login);
/* A visit, and one field of it. */
void stage_visit(stage *s, int n, const char *note);
/* So many more, whose ids nobody keeps. */
void stage_crowd(stage *s, int n, size_t count);
void stage_set(stage *s, int n, size_t visit, const char *path, const char *value);
/* People an and binh (phones 0 and 1, enrolled and synced) and office. */
void stage_people(stage *s);
/* Entries of the log. */
uint64_t stage_entries(stage *s);
/* What reader `n` of the scene said with OK is what it says when all goes well, to the byte. Not
 * for figures that change by themselves. */
void stage_heard(stage *s, size_t n, const char *reader, const char *text);
/* How the phone shows a visit; free with sotay_text_free. */
char *stage_show(stage *s, int n, size_t visit);

#endif
