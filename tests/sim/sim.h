/* tests/sim/sim.h - one simulated world: the server's rooms, phones, the office, a carrier and the
 * network between them, in one thread under one virtual clock. All that happens is a function of a
 * plan: a seed and a list of steps. README.md says how to add a step, a fault, a check, a counter.
 */
#ifndef SOTAY_TESTS_SIM_SIM_H
#define SOTAY_TESTS_SIM_SIM_H

#include "client-lib/include/sotay.h"
#include "server/operator/operator.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "server/rooms.h"
#include "server/sync/ingest.h"
#include "tests/sim/disk.h"
#include "tests/sim/plan.h"

struct model;
struct model_view;

#define SIM_UNITS       3u
#define SIM_PEOPLE      6u
#define SIM_RECORDS_MAX 96u
#define SIM_ITEMS_MAX   64u
#define SIM_DEVICES_MAX 16u
#define SIM_MARKS_MAX   8192u
#define SIM_REVOKED_MAX 64u
#define SIM_TWICE_MAX   64u /* devices whose key two stores had */
#define SIM_STRANGE_MAX 32u /* sets of another client */
#define SIM_T0_MS       INT64_C(1773302400000) /* 2026-03-12 in Viet Nam */
#define SIM_LEAD_MS     INT64_C(300000)        /* how far a server may pull a hybrid clock */

/* ---- what happened at all: a run that never saw one of these proves less than it says ---- */

#define SIM_COUNTERS(X)                                                                            \
    X(WROTE_IN_SYNC, "written while a sync was under way") X(CONFLICT, "conflict")             \
    X(STATE_CONFLICT, "conflict of acts") X(CHANGED_SINCE, "changed since an act") X(              \
        DROPPED, "item dropped") X(CONTESTED, "item contested") X(ACTS, "act in force")            \
        X(RESOLVED, "resolution") X(STORED, "verdict stored") X(DUPLICATE, "verdict duplicate") X( \
            HELD, "verdict held") X(RETRY_AFTER_COMMIT,                                            \
                                    "retry after a commit that was not answered")                  \
            X(GAP, "gap asked for") X(FORK, "fork") X(ENROLLED_AGAIN, "copy enrolled again") X(    \
                CLONE, "clone") X(RESTORE, "old copy restored")                                    \
                X(LOST_PHONE, "phone lost with unsent work") X(RELEASE, "release") X(              \
                    ACCEPT, "accept") X(DECLINE, "decline") X(NO_RECORD, "held: no record")        \
                    X(WAITS, "held: waits") X(REVOKED, "held: revoked") X(                         \
                        SUSPENDED, "held: suspended") X(SCOPE, "held: scope")                      \
                        X(SCOPE_LOST, "unit taken away") X(SCOPE_GIVEN, "unit given") X(           \
                            AGAIN, "request counter refused") X(CUT, "answer cut")                 \
                            X(LOST, "message lost") X(LATE_COPY, "late copy of a request") X(      \
                                PROXY, "answer of a proxy") X(KILL_BEFORE,                         \
                                                              "server killed before a commit")     \
                                X(KILL_AFTER, "server killed after a commit") X(                   \
                                    EIO_LOST,                                                      \
                                    "failed commit, not on disk") X(EIO_KEPT,                      \
                                                                    "failed commit, on disk")      \
                                    X(DISK_FULL, "disk full") X(MAP_GROWN, "larger map") X(        \
                                        SERVER_DOWN, "server not there") X(PHONE_CRASH,            \
                                                                           "phone killed")         \
                                        X(PHONE_CRASH_INSIDE, "phone killed inside a call") X(     \
                                            PHONE_CRASH_KEPT, "phone killed after its commit")     \
                                            X(PHONE_IO, "phone store failed") X(                   \
                                                PENDING, "call pending") X(PENDING_FAILED,         \
                                                                           "pending call failed")  \
                                                X(CLOCK_JUMP, "clock jump") X(REBOOT, "reboot") X( \
                                                    POWER, "power cut that undid an answer") X(    \
                                                    PARTITION, "partition") X(SWIZZLE, "swizzle")  \
                                                    X(EVERYBODY, "everybody at once")              \
                                                        X(CARRIED, "set carried first") X(         \
                                                            SEND_ONLY, "sync that only sends")     \
                                                            X(REPLAYED, "work under a new key")    \
                                                                X(DRAFT_KEPT,                      \
                                                                  "working copy left behind")      \
                                                                    X(REBUILD, "rebuild")          \
    X(SERVER_RESTORED, "server restored") X(SERVER_PUT_BACK, "server's store put back")            \
    X(KILL_AT_START, "server killed while it starts again")                                        \
    X(ENTRIES_LOST, "entries that a restore lost")                                                 \
    X(COME_BACK, "word that came back after one") X(ERASED, "word erased")                         \
    X(ERASED_ON_PHONES, "erased word gone from phones")                                            \
    X(NEWCOMER, "new phone") X(SNAPSHOT_READ, "part of a snapshot read")                           \
    X(SNAPSHOT_CUT, "snapshot broken off")                                                         \
    X(ATTACHED, "file attached") X(FILE_SENT, "file sent") X(FILE_FETCHED, "file fetched")         \
    X(FILE_GOES_ON, "file goes on after its line broke")                                           \
    X(FILE_AFTER_CRASH, "file goes on after its phone was killed")                                 \
    X(PIECE_TWICE, "piece sent twice") X(PIECE_KILL, "server killed at a piece")                   \
    X(PIECE_BAD, "bad piece refused") X(FILE_LOST, "file declared lost")                           \
    X(FILE_CLEARED, "file cleared from a phone") X(STRAY_REMOVED, "piece that nothing names gone") \
    X(BUNDLE, "bundle made") X(BUNDLE_TAKEN, "bundle taken by a phone")                            \
    X(BUNDLE_AGAIN, "bundle taken twice") X(BUNDLE_OFFICE, "bundle taken by the office")           \
    X(EXCHANGED, "phones that met") X(EXCHANGE_CUT, "meeting broken off")                          \
    X(HAND_FIRST, "set by hand first, by its author later")                                        \
    X(RECEIPT_BACK, "receipt of a carried set came back")                                          \
    X(LOG_KEY, "another key of the log") X(LOG_KEY_HEARD, "phone that followed the log's key")     \
    X(LOG_KEY_AGAIN, "key of the log that outlived a restore")                                     \
    X(HEIR_ASKED, "copy that asked for a key") X(HEIR, "copy that the office confirmed")           \
    X(HEIR_DECLINED, "copy that the office declined")                                              \
    X(FILES_FULL, "phone at its limit of files") X(FILES_ROOM, "file after the limit was raised") \
    X(FILE_WAITS, "piece taken for a change that waits")                                           \
    X(SERVER_CLOCK, "server's clock set, and noticed")                                             \
    X(CLOCK_WAITS, "server that waits for its clock")                                              \
    X(CLOCK_RIGHT, "clock put right, and the server goes on")                                      \
    X(CLOCK_ACCEPTED, "clock that the office says is right")                                       \
    X(SET_LOST, "set that its phone lost") X(GAP_NOTED, "gap that the log names")                  \
    X(REQUEST_CUT, "request cut") X(PHONE_FULL, "phone's store full")                              \
    X(FORGOTTEN, "unit that a phone forgot")                       \
    X(SUSPENDED_MIDWAY, "phone suspended in a sync")                                              \
    X(TWINS, "copy and original that both wrote") X(STRANGE, "set of another client")              \
    X(FROZEN, "held: frozen") X(FORM, "held: form") X(VERSION, "held: version")                    \
    X(VALUE, "held: value") X(ROLE, "held: role") X(BUCKET, "held: bucket")                        \
    X(STATE, "held: state") X(LIMIT, "held: limit") \
    X(TYPED_OVER, "typed over what was shown")                                                     \
    X(TYPED_UNDER, "typed under an act that was shown")                                            \
    X(SPOILED, "record of a phone made wrong") X(REPAIR_ASKED, "repair asked")                     \
    X(REPAIRED, "record repaired") X(READ_ANEW, "bucket read anew")                                \
    X(EVIDENCE, "evidence that the office has")                                                    \
    X(REPAIR_UNHEARD, "repair that the office says nothing to")                                   \
    X(TORN, "row of a phone torn") X(TORN_REPAIR, "repair of what no sum tells")                   \
    X(TORN_OWN, "own set of a phone torn") X(TORN_FOREIGN, "set of another torn")

#define X(name, text) SIM_##name,
typedef enum { SIM_COUNTERS(X) SIM_COUNTER_COUNT } sim_counter;
#undef X
const char *sim_counter_name(sim_counter counter);

/* What a worker tells its parent; shared memory. */
typedef struct {
    uint64_t seed, step;           /* under way */
    uint64_t seeds, ops, requests; /* done */
    uint64_t sim_ms;               /* virtual time */
    uint64_t moving_ms;            /* of it: somebody waited for a message that was under way */
    uint64_t counters[SIM_COUNTER_COUNT];
    uint64_t digest; /* of the last world: the same seed gives the same one */
    char why[1024];  /* of a failure */
} sim_report;

/* ---- phones ---- */

/* Stands between a client and its port: kills the phone at a call, fails a call. */
typedef struct {
    sotay_port inner;
    sim_random random; /* the kernel's: a copy of the store does not take it along */
    uint8_t install[8];
    uint32_t die_in, fail_in; /* the n-th call from now; 0: none */
    uint32_t full_in, full_for; /* from the n-th put on there is no room, for so many */
    bool was_full;
    bool die_keeps;           /* a commit that it dies in is on disk */
    bool die_cuts;            /* since the power goes */
    bool is_dead;
    bool kept; /* it died after its commit */
    bool dead_before; /* it was dead already when somebody began to write */
    uint64_t puts; /* values written, so far */
    uint64_t *written; /* of the phone */
} sim_tap;

/* Which marks a store holds: bit n is mark n. */
typedef struct {
    uint8_t bits[SIM_MARKS_MAX / 8];
} sim_holds;

/* How far the records of a store are that were made wrong. */
typedef enum { SPOILT_NOT, SPOILT_WRONG, SPOILT_ANSWERED, SPOILT_MENDED } sim_spoilt_how;
typedef struct {
    bool any;   /* since it was made */
    bool wrong; /* a sum of this store may be wrong: until some syncs said nothing of one */
    uint32_t quiet; /* so many said nothing */
    bool torn;  /* a line of a history was, or a set: a decision may find it at any time */
    sim_holds words; /* of sets that were torn here: it can bring them to nobody any more */
    bool unsigned_too; /* a value stood under the name of nobody */
    uint8_t how[SIM_RECORDS_MAX]; /* sim_spoilt_how */
    bool sums[SIM_UNITS]; /* of a unit, once: twice would be right again */
} sim_spoilt;

/* Own sets that were seen to lie sealed, the first ones. */
#define SIM_SEALED_MAX 64u
typedef struct {
    struct {
        sotay_id device;
        uint64_t first;
    } list[SIM_SEALED_MAX];
    size_t count;
} sim_sealed;

typedef struct {
    bool exists;
    sim_tap *tap;
    uint8_t install[8]; /* of the device; zero: that of the template's store */
    sotay_port outer;
    sotay_client *client;
    uint32_t person;
    bool is_cut_off; /* partition */
    bool pends_commit, pends_sign;
    uint32_t slow; /* 1: usual; times a message takes */
    int64_t skew_ms, boot_ms;
    int64_t wall_max_ms; /* the furthest clock that this store ever saw */
    bool sends_only;     /* the sync that is begun now */
    bool is_metered;     /* the same */
    sotay_sync *sync;    /* under way; NULL: none */
    uint64_t sync_no;    /* of it, in this world */
    sotay_report last;   /* of the last one that came to its end */
    sim_random trouble;  /* what befalls its messages */
    uint32_t trouble_permille;
    sotay_id devices[SIM_DEVICES_MAX]; /* all that this store ever was, oldest first */
    size_t devices_count;
    bool is_new_device; /* the store that is opened next was copied to it */
    bool draws_anew;                /* its port must not draw the keys of the store it came from */
    uint32_t burnt, backup_burnt;   /* so far ahead of that of its first store it draws */
    bool is_branch;     /* there is or was another store of one of these devices */
    uint64_t written;   /* a sum over what was put into its stores, in this order */
    sim_holds holds;
    sim_holds states; /* words that the book lost, and this store has no set of to bring back */
    sim_holds files; /* captions of files whose pieces lie here too */
    sim_sealed sealed;
    bool at_pieces;  /* the request under way sends or fetches pieces */
    bool broke_off, died_off; /* so it was when its line broke, or it died */
    bool enrols;   /* the sync under way is an enrolment by a link */
    bool was_full; /* the server took no more files of it, since a limit */
    sim_spoilt spoilt, backup_spoilt;
    uint32_t unheard; /* so many answers to come say nothing of repairs */
    sotay_port backup; /* context NULL: none */
    sim_holds backup_holds, backup_states, backup_files;
} sim_phone;

/* ---- the network ---- */

/* A GET: what a sync says of it belongs to the sync, and the message may live longer. */
typedef struct {
    char path[200], head[300]; /* head: of Authorization, behind "Sotay " */
    uint64_t from;             /* of Range */
} net_fetch;

typedef enum { NET_REQUEST, NET_REPLY } net_kind;

typedef struct {
    net_kind kind;
    int64_t at_ms;
    uint64_t order; /* of those with the same time */
    uint32_t phone;
    uint64_t sync_no;
    bool is_copy; /* nobody waits for its answer */
    bool is_cut;  /* of a request: its end is not there */
    const char *path;
    bool is_spoiled; /* somebody between changed the answer */
    bool is_fetch; /* `fetch` says which; there is no body */
    net_fetch fetch;
    uint8_t *bytes; /* owned */
    size_t len;
    int status; /* of a reply; 0: the connection broke */
} net_message;

typedef struct {
    net_message *list;
    size_t count, capacity;
    uint64_t orders;
} sim_net;

/* Sealed sets that somebody took out of requests that never arrived, for the carrier. */
typedef struct {
    uint8_t *bytes;
    size_t len;
} sim_set;
#define SIM_STICK_MAX 64u
#define SIM_BUNDLES_MAX 4u
typedef struct {
    sim_set sets[SIM_STICK_MAX];
    size_t count, next;
} sim_stick;

/* A client that is not ours, on the carrier's device: its chain, its sets, and for which reason
 * each of their changes must be held (none: for no reason of its own). */
typedef struct {
    sim_set sets[SIM_STRANGE_MAX];
    st_hold wish[SIM_STRANGE_MAX];
    uint64_t first[SIM_STRANGE_MAX], last[SIM_STRANGE_MAX];
    size_t count;
    st_hash prev;
    uint64_t here[SIM_UNITS];
    bool has_unit; /* the first one is its person's */
} sim_stranger;

/* A bundle that somebody made, and which words and files lie in it. */
typedef struct {
    uint8_t *bytes;
    size_t len;
    uint32_t maker;   /* phone */
    sotay_id device;  /* that it was then */
    sim_holds words, files;
} sim_bundle;

/* ---- what was promised, and to whom ---- */

typedef struct {
    st_id device;
    uint64_t first, position;
    bool is_carried; /* it was told to somebody else */
} sim_ack;

/* A counter that a device has used: of a request, no second one may be taken in under it; of a
 * change. */
typedef struct {
    st_id device;
    uint64_t counter;
} sim_taken;

/* A word that an officer wrote, unlike any other: it must be found again. */
typedef struct {
    bool is_draft; /* in a working copy: another one may take its place */
    uint32_t phone, record, path;
    char *shown;       /* by the phone, of the record, before it was typed; NULL: not typed */
    uint32_t typed_on; /* phone */
    st_hash set;      /* of an erased one: that it stood in */
    size_t erased_at; /* entries in the log then */
} sim_mark;

typedef struct {
    st_id device;
    uint64_t index; /* the log when it was revoked */
} sim_revoked;

typedef struct {
    sotay_id id;
    uint32_t unit;
    uint32_t maker; /* phone */
    bool is_less;   /* the office erased something of it, or may have */
} sim_record;

typedef struct {
    uint32_t record;
    const char *group;
    char item[SOTAY_ITEM_TEXT];
} sim_item;

/* A backup of the server's book, and what had been promised by then. */
typedef struct {
    bool exists;
    disk_image image;
    size_t leaves, taken, shown; /* as many as there were */
    uint64_t log_keys;    /* the same */
    bool pieces[DISK_PIECES_MAX];
} sim_yesterday;

/* What a phone showed that nobody signed, and was answered: the office has it. */
typedef struct {
    st_id device, record;
    st_hash state; /* of its bytes */
} sim_shown;

/* What the request under way asks of repairs. */
typedef struct {
    st_arena arena;
    st_ask ask;
    st_repair_ask asks[SYNC_REPAIRS_MAX];
    size_t count;
} sim_heard;

/* What all worlds of a process start from: a book, enrolled phones that have read it. */
typedef struct {
    char dir[84];
    disk_heap heap, work; /* of the image; of the worlds, one after the other */
    disk_image image;
    uint64_t commits;
    sotay_port phones[PLAN_PHONES_MAX];
    st_id carrier; /* a device of "mang", who carries for the others */
    uint8_t carrier_secret[64];
    char keys[4][128]; /* the device's and the log's, as the book was made with them */
} sim_template;

typedef struct sim_world {
    sim_template *from;
    const sim_plan *plan;
    const plan_op *op; /* the step under way */
    sim_report *report;
    bool is_traced;
    st_buffer line;    /* of the trace, one step */
    int64_t now_ms;    /* true time */
    sim_random random; /* of what no step decides */

    sim_disk disk;
    server rooms;
    server_port port;
    bool is_up;
    int64_t back_ms; /* when a dead server is started again */
    int64_t server_skew_ms, server_max_ms;
    int64_t server_skip_ms; /* time that passes for the server alone, and comes back */
    uint32_t clock_waits;   /* of the server, so far */
    st_buffer out, err; /* of sotayctl */

    sim_phone phones[PLAN_PHONES_MAX + PLAN_CLONES_MAX];
    size_t phones_count;
    sim_net net;
    uint64_t syncs;
    uint32_t copies; /* of stores on other devices, so far */
    sim_stick stick;
    uint64_t carrier_counter;
    sim_stranger stranger;
    sim_bundle bundles[SIM_BUNDLES_MAX];
    size_t bundles_count; /* made so far; the oldest make room */
    bool promised_pieces[DISK_PIECES_MAX]; /* a device was told that the piece is here */

    bool may_read[SIM_PEOPLE][SIM_UNITS];
    bool is_scope_unsure; /* sotayctl was killed: ask the server who may read what */
    sim_record records[SIM_RECORDS_MAX];
    size_t records_count;
    sim_item items[SIM_ITEMS_MAX];
    size_t items_count;
    sim_mark marks[SIM_MARKS_MAX];
    size_t marks_count;
    sim_ack *acks;
    size_t acks_count, acks_capacity;
    st_hash *leaves; /* of entries that left the server: [i] is entry i + 1 */
    size_t leaves_count, leaves_capacity;
    sim_taken *taken; /* requests that were answered with 200 */
    size_t taken_count, taken_capacity;
    sim_revoked revoked[SIM_REVOKED_MAX];
    size_t revoked_count;
    sotay_id twice[SIM_TWICE_MAX]; /* devices whose key two stores had: copied, or put back */
    size_t twice_count;
    sim_shown *shown;
    size_t shown_count, shown_capacity;
    sim_heard heard;
    sim_yesterday yesterday;
    uint32_t restores;      /* of the server, so far */
    bool is_fresh;          /* restored, and not opened since */
    disk_fault start_fault; /* at the first commit of the server's next start */
    sim_holds lost_words;   /* stood in the log and not in the backup that was put in its place */
    sim_holds erased;       /* words that the office had destroyed */
    sim_holds unsure;       /* among them those whose erasure a restore may have lost */
    bool is_calm;           /* faults have stopped */
    uint64_t files_limit;   /* bytes of files of each device; 0: any */
    uint64_t files_before;  /* the most that a phone had when it was set */
    uint64_t log_keys;      /* changes of the log's key that the office saw done */
    bool is_unanswered;          /* the server died in a commit that is on disk */
    sim_taken *unanswered;       /* the first change of each set that came with one */
    size_t unanswered_count, unanswered_capacity;
} sim_world;

/* ---- world.c ---- */

/* Makes the template in a folder under TMPDIR; ends the process when it cannot. For themes its book
 * has a second person in the office, and forms that only they need. */
void sim_template_make(sim_template *from, bool has_themes);
void sim_template_free(sim_template *from);
/* In a process of its own: another folder, since keys and notes lie on the real disk. It goes with
 * that of the template. */
void sim_template_move(sim_template *from, unsigned job);
/* Plays a plan from beginning to end. Returns when all held; else sim_fail ends the process. */
void sim_play(sim_template *from, const sim_plan *plan, sim_report *report, bool is_traced);
/* Notes why in the report and ends the process with SIM_FAILED. */
#define SIM_FAILED 3
void sim_fail(sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
/* Adds to the trace's line of this step. */
void sim_say(sim_world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void sim_count(sim_world *w, sim_counter counter)
{
    w->report->counters[counter]++;
}
/* memory or the end of the process */
void *sim_must(void *memory);
/* Lets time pass and everything that is due happen. */
void sim_pass(sim_world *w, int64_t ms);

/* ---- server.c: the server's process and the office ---- */

/* Opens the rooms on what the disk holds, and looks whether anything promised is missing. */
void sim_server_start(sim_world *w);
/* It is gone; messages to it fail until it is started again after `ms`. */
void sim_server_stop(sim_world *w, int64_t ms);
/* Remembers the leaves of what was committed: from now on they must stay. */
void sim_note_log(sim_world *w);
/* After the server died in a commit that is on disk: which sets nobody was told of. */
void sim_note_unanswered(sim_world *w);
/* After anything that the server did: was it killed, is its disk broken? */
void sim_server_look(sim_world *w);
/* What sotayd does with a request. Returns the status; 0: no answer. */
int sim_server_answer(sim_world *w, const net_message *request, st_buffer *out_reply);
/* One call of sotayctl; words up to NULL. Returns its exit code, -1: no server. */
int sim_ctl(sim_world *w, const char *const *words);
#define SIM_CTL(w, ...) sim_ctl((w), (const char *const[]){ __VA_ARGS__, NULL })
#define SIM_OUT(w)      ((const char *)(w)->out.data)

/* ---- carrier.c, stranger.c ---- */

/* The carrier's device sends sets. The server runs, or there is no answer. */
void sim_carrier_send(sim_world *w, const sim_set *const *sets, uint32_t count);
/* At rest: what another client wrote is held for the reason for which it was written. */
void sim_check_stranger(sim_world *w, const struct model *m);

/* ---- keys.c ---- */

/* Copies that asked for keys of their own: the office confirms all of them. Returns how many. */
uint32_t sim_heirs_confirm(sim_world *w);
/* At rest: phones and the office hold the same keys of the log, none fewer than the office was told
 * of. */
void sim_check_log_keys(sim_world *w, store_txn *txn);

/* ---- yesterday.c ---- */

/* A backup of the book as it is now. The server runs. */
void sim_yesterday_take(sim_world *w);
/* The same, and phones hear of it. */
void sim_yesterday_tell(sim_world *w);
/* The words of the records that the phone has from the server. */
void sim_base_words(sim_world *w, sim_phone *p, sim_holds *out);
/* At rest: what a phone had as a state alone when the book lost it is in the log, or was shown to
 * the office. */
void sim_check_states(sim_world *w, store_txn *txn, const struct model *m);

/* ---- erase.c ---- */

/* The log as it is now; model_free. */
void sim_read_log(sim_world *w, struct model *m);
/* What was erased is gone from the log and from every phone that may still ask. */
void sim_check_erased(sim_world *w, store_txn *txn, const struct model *m);

/* ---- phone.c ---- */

extern const char *const SIM_LOGINS[SIM_PEOPLE];
extern const char *const SIM_UNIT_NAMES[SIM_UNITS];
/* Opens a client on a port that it takes over. */
void sim_phone_open(sim_world *w, sim_phone *p, sotay_port *port);
/* Sets its clocks to what it believes now. */
void sim_phone_clock(sim_world *w, sim_phone *p);
/* Killed and started: what was not committed is gone. */
void sim_phone_restart(sim_world *w, sim_phone *p);
/* Gives everything back. */
void sim_phone_close(sim_phone *p);
/* Ends a call that may be pending. */
int sim_settle(sim_world *w, sim_phone *p, int rc);
/* Ready to be used: clock set, a sync under way given up. */
void sim_phone_ready(sim_world *w, sim_phone *p);
/* Ready for somebody to write: from PLAN_WRITING on a sync under way goes on beside it. */
void sim_phone_writes(sim_world *w, sim_phone *p);
/* After each use: a phone that died is started again. */
void sim_phone_look(sim_world *w, sim_phone *p);
/* The power goes: what the store of the phone may still lose then, it loses. */
void sim_phone_power(sim_world *w, sim_phone *p);
uint32_t sim_phone_no(const sim_world *w, const sim_phone *p);
/* Remembers which device it is now. */
void sim_phone_note(sim_phone *p);
bool sim_phone_is_copied(const sim_phone *p);
/* From here on a second store has the key of what the phone is now. */
void sim_phone_twice(sim_world *w, const sim_phone *p);
bool sim_is_twice(const sim_world *w, const st_id *device);
/* A phone of a slot that nobody uses; NULL: none is left. */
sim_phone *sim_phone_slot(sim_world *w);
/* A word unlike any other, held by this phone; text holds 16 bytes. NULL-safe: false when there
 * are too many. The mark counts from sim_mark_keep on. */
uint32_t sim_mark_new(sim_world *w, char text[16]);
void sim_mark_text(uint32_t mark, char text[16]);
void sim_mark_keep(sim_world *w, sim_phone *p, uint32_t mark);
bool sim_holds_has(const sim_holds *holds, uint32_t mark);
static inline void sim_holds_add(sim_holds *holds, uint32_t mark)
{
    holds->bits[mark / 8] |= (uint8_t)(1u << mark % 8);
}
static inline void sim_holds_add_all(sim_holds *holds, const sim_holds *more)
{
    for (size_t i = 0; i < sizeof holds->bits; i++)
        holds->bits[i] |= more->bits[i];
}
/* Adds the marks that a text names. */
void sim_words_of(const sim_world *w, const uint8_t *text, size_t len, sim_holds *out);

/* ---- people.c ---- */

/* Ends a call of an officer. One that is refused for a reason of the world is fine; anything else
 * is not. Returns the code. */
int sim_done(sim_world *w, sim_phone *p, int rc, const sotay_error *error);
/* Saved, or perhaps saved: a phone that died after its commit has it too. */
bool sim_is_saved(const sim_phone *p, int rc);
/* One of them, said in the trace; NULL: there is none yet. */
const sim_record *sim_record_pick(sim_world *w, sim_random *r);

/* ---- files.c ---- */

/* The answer to the n-th question of a request about pieces: what it says is here must stay. */
void sim_files_answer(sim_world *w, const net_message *request, size_t nth,
                      const st_have_answer *answer);
/* A carrier is told to drop a piece: what is here then must stay. */
void sim_files_taken(sim_world *w, const st_piece_taken *taken);
/* Bytes of a piece leave the server. */
void sim_files_bytes(sim_world *w, const net_message *request, const st_piece_bytes *part);
/* Somebody between spoils the first piece of an answer. False: it brings none. */
bool sim_files_spoil(net_message *reply);
/* At rest, of one record: what is attached, here and missing, at the office and on phones. */
void sim_check_files(sim_world *w, store_txn *txn, uint32_t no, const struct model *m,
                     const struct model_view *view);

/* ---- gaps.c ---- */

/* At rest: `audit list gaps` names what devices made and nobody brought, and no more. */
void sim_check_gaps(sim_world *w, store_txn *txn, const struct model *m);

/* ---- forgotten.c ---- */

/* What of its own lies sealed now is noted in p->sealed. */
void sim_note_sealed(sim_phone *p);
/* At rest: of a unit that was taken from its officer a phone shows and keeps its own work alone. */
void sim_check_forgotten(sim_world *w, store_txn *txn, const struct model *m);

/* ---- typed.c ---- */

/* The record as the phone shows it; NULL: it does not. Give it to sotay_text_free. */
void sim_note_shown(sim_phone *p, const sotay_id *record, char **out_shown);
/* At rest: what was typed replaces what was shown then. */
void sim_check_typed(sim_world *w, const struct model *m);

/* ---- repairs.c ---- */

/* A request is about to be answered: what it asks about wrong sums. */
void sim_repairs_hear(sim_world *w, const net_message *request);
/* The answer to it, about a bucket: it names no record of another one, and what it was shown is on
 * the server's disk. */
void sim_repairs_answer(sim_world *w, const net_message *request, const st_id *device,
                        const st_repair_answer *answer);
/* A page of a bucket goes to the phone that asked. */
void sim_repairs_page(sim_world *w, const net_message *request, const st_bucket *bucket);
/* Somebody between is of the time before repairs: drops the answers about them. */
void sim_repairs_drop(sim_world *w, sim_phone *p, net_message *reply);
/* Does the server tell it anything that it asks? */
bool sim_may_ask(sim_world *w, sim_phone *p);
/* After a sync: whose store nobody made wrong has no wrong sum. */
void sim_repairs_report(sim_world *w, sim_phone *p);
/* The office has, and shows, what it was shown. */
void sim_check_shown(sim_world *w, store_txn *txn);
/* Is the word in a state that some phone showed the office? */
bool sim_was_shown(sim_world *w, store_txn *txn, uint32_t mark);
/* At rest: what phones have of the book adds up to the server's sums, and incidents to notes. */
void sim_check_bases(sim_world *w, store_txn *txn);
/* Does a table of its store hold what is set aside, of records whose author was made nobody? An
 * erasure names none of these values (docs/protocol.md 7.16: they are others, to be erased too). */
bool sim_is_nobodys(const sim_phone *p, int table);
/* At rest: the phone shows this record as the server does. */
void sim_repairs_same(sim_world *w, sim_phone *p, uint32_t record);

/* ---- tears.c ---- */

/* At rest: of each change of the record all phones say the same, when it came and where. */
void sim_check_told(sim_world *w, store_txn *txn, uint32_t no);

/* ---- net.c ---- */

/* Starts a sync (link NULL) or an enrolment, whose messages meet `permille` trouble. */
bool sim_sync_start(sim_world *w, sim_phone *p, const char *link, uint32_t permille);
/* What the stream of a request leans on, as the server holds it; in `out`. False: it holds another
 * set, or is away. */
bool sim_net_base(sim_world *w, const st_head *head, st_buffer *out);
/* One frame more, for a stream that no client or server writes. */
void sim_put_frame(st_frame_writer *to, const st_frame *frame);
/* Gives a sync up. */
void sim_sync_drop(sim_world *w, sim_phone *p);
/* Delivers what is due until `until_ms`; the clock follows. */
void sim_net_run(sim_world *w, int64_t until_ms);
/* Delivers all that is on its way. */
void sim_net_drain(sim_world *w);
void sim_net_free(sim_net *net);
/* One whole sync of one phone; p->last says how it went (all zero: it failed). */
void sim_sync_whole(sim_world *w, sim_phone *p, uint32_t permille);

/* ---- people.c, office.c, faults.c: the steps (plan.h names them) ---- */
/* From now on the person reads the unit, or does not. */
void sim_set_reads(sim_world *w, uint32_t person, uint32_t unit, bool reads);

typedef void (*sim_step)(sim_world *w, sim_phone *p, sim_random *r);
void sim_step_run(sim_world *w, const plan_op *op);
#define X(name, text, weight, needs_phone)                                                         \
    void sim_do_##name(sim_world *w, sim_phone *p, sim_random *r);
PLAN_OPS(X)
#undef X
/* Enrols the carrier's device. */
void sim_carrier_make(sim_world *w, sim_template *from);
/* A new key for a phone that is a copy (or was seen as one). False: it could not be asked. */
bool sim_enrol_again(sim_world *w, sim_phone *p, uint32_t permille);

/* ---- check.c, rest.c ---- */

/* Are all tables the same? why (256 bytes) names the first difference. */
bool sim_images_equal(const disk_image *a, const disk_image *b, char *why);

/* Is a change of the record held that a device of this phone made? */
bool sim_has_own_held(const struct model *m, const st_id *record, const sim_phone *p);
/* Does the server know the phone's device as one that was revoked or suspended? */
bool sim_is_closed(store_txn *txn, const sim_phone *p);
/* Something is on its way to a device: fails when that was revoked or suspended. */
void sim_check_open(sim_world *w, const st_id *device, const char *what);
/* Asks the server who may read what. */
void sim_ask_scope(sim_world *w);
/* After each start of the server: is all that was promised there? */
void sim_check_promises(sim_world *w);
/* An answer is about to leave. */
void sim_check_answer(sim_world *w, const net_message *request, int status, const st_buffer *reply);
/* Faults stop, everybody meets; then everything is compared. */
void sim_rest(sim_world *w);

#endif
