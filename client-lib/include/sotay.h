/* client-lib/include/sotay.h - record field visits offline, send them when there is signal.
 *
 * The public header of libsotay; what phones carry for each other stands in sotay_carry.h, which it
 * includes. It needs nothing but the C11 standard library.
 *
 * Threads:   a client, its port and its syncs belong to the thread that opened them.
 * Text:      UTF-8 with NUL at the end; cleaned to NFC by the library. Times: ms since 1970 UTC.
 * Ownership: what sotay_x_open/begin gave is freed by sotay_x_close/free; text that a call gives
 *            in `char **out_text` is freed with sotay_text_free; arguments are copied, never kept.
 * Outputs:   the last arguments before `error`, untouched when a call fails.
 * Errors:    each call returns a sotay_code and, when it is not SOTAY_OK, fills *error (which may
 *            be NULL). Besides those that a call names, any call may answer
 *              SOTAY_E_STORAGE  the store could not be read or written; nothing was changed
 *              SOTAY_E_MEMORY   nothing was changed
 *              SOTAY_E_CORRUPT  what the store holds does not open; nothing was changed
 *              SOTAY_E_BUSY     an earlier call is still pending (see sotay_finish)
 * Durable:   a call that writes is one transaction: when it returns SOTAY_OK, all of it is on disk;
 *            on any other code but SOTAY_PENDING, nothing of it is. */
#ifndef SOTAY_H
#define SOTAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SOTAY_API      __attribute__((visibility("default")))
#define SOTAY_MUST_USE __attribute__((warn_unused_result))
#else
#define SOTAY_API
#define SOTAY_MUST_USE
#endif

/* ---- codes and small types ----------------------------------------------------------------- */

/* The numbers are those of the wire (a refusal of the server carries one). */
typedef enum {
    SOTAY_OK,
    SOTAY_E_NOT_FOUND,
    SOTAY_E_USAGE,
    SOTAY_E_VALUE,
    SOTAY_E_DENIED,
    SOTAY_E_STATE,
    SOTAY_E_CHANGED,
    SOTAY_E_TOO_LARGE,
    SOTAY_E_CORRUPT,
    SOTAY_E_VERSION,
    SOTAY_E_SIGNATURE,
    SOTAY_E_AGAIN,
    SOTAY_E_ENROL,
    SOTAY_E_BUSY,
    SOTAY_E_EXISTS,
    SOTAY_E_PIN,
    SOTAY_E_STORAGE,
    SOTAY_E_MEMORY,
    SOTAY_E_NETWORK,
    SOTAY_E_SERVER,
    SOTAY_PENDING, /* not an error: call sotay_finish when the port is done */
    SOTAY_E_FULL   /* the store is as large as this machine lets it be; nothing was changed */
} sotay_code;

/* What failed: the code for programs, `detail` for a log or stderr (English, one line). */
typedef struct {
    sotay_code code;
    char detail[200];
} sotay_error;

/* The symbolic name ("SOTAY_E_VALUE"). Never NULL. */
SOTAY_API const char *sotay_code_name(sotay_code code);
/* The sentence people read; lang "vi" or "en" (anything else: "en"). Never NULL. */
SOTAY_API const char *sotay_code_sentence(sotay_code code, const char *lang);

#define SOTAY_DETAIL_TEXT 640
/* error->detail in a person's language, as text of at most SOTAY_DETAIL_TEXT bytes with its NUL:
 * lang "vi" as far as the words are known (what a person did wrong; not what a store or a line
 * did), else as it is. */
SOTAY_API void sotay_error_words(const sotay_error *error, const char *lang,
                                 char out[SOTAY_DETAIL_TEXT]);

/* A record, device or person. */
typedef struct {
    uint8_t b[16];
} sotay_id;
/* "32 lower-case hex digits" and back. text holds 33 bytes. */
SOTAY_API void sotay_id_format(const sotay_id *id, char *text);
SOTAY_API bool sotay_id_parse(const char *text, sotay_id *out_id);

/* Bytes that somebody else owns. */
typedef struct {
    const void *data;
    size_t len;
} sotay_slice;

/* How a result is written: for people, in the client's language, or one JSON document with the
 * stable keys of docs/programs.md. Both end with a line break. */
typedef enum { SOTAY_TEXT, SOTAY_JSON } sotay_format;
/* Frees text that a call gave. NULL is fine. */
SOTAY_API void sotay_text_free(char *text);

/* ---- the seam: what the world gives to the library ----------------------------------------- */

/* What is to become of a picture. */
typedef struct {
    const void *data; /* a JPEG or PNG */
    size_t len;
    unsigned orientation; /* 1 to 8, as cameras write it; 0: upright */
    unsigned longest;     /* no side of the result has more points */
    size_t bytes_max;     /* the result gets worse, then smaller, until it has no more */
} sotay_picture_ask;
/* A JPEG, upright, with nothing in it but the picture. data: free() */
typedef struct {
    void *data;
    size_t len;
    unsigned width, height;
} sotay_picture;

/* An ordered key-value store with transactions, clocks, randomness, a place and (perhaps) keys.
 * Functions return a sotay_code and fill *error like the library's own. One transaction at a time.
 * Keys have 1..200 bytes and are ordered as by memcmp, a prefix before what it begins. */
typedef struct sotay_port {
    void *context;
    /* Opens a transaction; reads see what was committed before and written in it.
     * SOTAY_E_STORAGE. */
    int (*begin)(void *context, bool write, sotay_error *error);
    /* SOTAY_E_NOT_FOUND without *error. The value is valid until the next call that writes or ends
     * the transaction. */
    int (*get)(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error);
    /* Puts a value (replacing) or, with value.data NULL, deletes; deleting what is not there is
     * SOTAY_OK. The bytes are copied. */
    int (*put)(void *context, sotay_slice key, sotay_slice value, sotay_error *error);
    /* forward: the first key >= `key`; else the last key < `key`. SOTAY_E_NOT_FOUND at the end.
     * Both slices are valid as for `get`. */
    int (*seek)(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                sotay_slice *out_value, sotay_error *error);
    /* Ends the transaction. SOTAY_OK: all of it is durable. SOTAY_PENDING: it is on its way; the
     * driver tells how it went with sotay_finish; until then no transaction is begun. Anything
     * else: nothing of it was written. */
    int (*commit)(void *context, sotay_error *error);
    /* Ends the transaction and forgets what it wrote. */
    void (*abort)(void *context);
    /* Wall clock in ms since 1970 UTC as the device believes it (may be wrong, may jump), and a
     * reading that only rises within one boot. */
    void (*now)(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms);
    /* 8 bytes that change with each boot, and 8 bytes that a copy of the store does not take
     * along. */
    int (*place)(void *context, uint8_t out_boot[8], uint8_t out_install[8], sotay_error *error);
    /* Fills data from the system's generator. */
    int (*random)(void *context, void *data, size_t len, sotay_error *error);
    /* 32 bytes kept outside the store (Linux: a key file, mode 0600), made when `create`.
     * SOTAY_E_NOT_FOUND when there are none. */
    int (*secret)(void *context, bool create, uint8_t out_secret[32], sotay_error *error);
    /* Signs with a device key (Ed25519) where it lies: that of which `key` gave the public half.
     * NULL: the library keeps the keys in the store. SOTAY_PENDING: the driver gives the signature
     * to sotay_finish. public_key and data are valid until the signature is there.
     * SOTAY_E_NOT_FOUND: no such key. */
    int (*sign)(void *context, const uint8_t public_key[32], sotay_slice data,
                uint8_t out_signature[64], sotay_error *error);
    /* With `sign`: the public half of the newest device key; makes a new one when `fresh`. The
     * older ones stay: until the answer to an enrolment has come, the device signs with the one it
     * had. Else NULL. */
    int (*key)(void *context, bool fresh, uint8_t out_public[32], sotay_error *error);
    /* Gives back what the port holds. NULL: nothing. */
    void (*close)(void *context);
    /* Makes a picture small; NULL: pictures are attached as large as they are, without thumbnails.
     * SOTAY_E_VALUE: it cannot be read (it is attached as it is); SOTAY_E_TOO_LARGE: more points
     * than this machine takes; SOTAY_E_MEMORY. */
    int (*picture)(void *context, const sotay_picture_ask *ask, sotay_picture *out_picture,
                   sotay_error *error);
    /* As `commit`, but a power cut may still undo it: whole, and nothing that was committed before.
     * The next `commit` makes it durable too, also one that wrote nothing; the end of the program
     * undoes nothing. For what is said again when it is asked for again. NULL: `commit` does it. */
    int (*commit_soon)(void *context, sotay_error *error);
} sotay_port;

/* `picture` of a port on Linux, with libjpeg and libpng. */
SOTAY_API SOTAY_MUST_USE int sotay_picture_fit(void *context, const sotay_picture_ask *ask,
                                               sotay_picture *out_picture, sotay_error *error);

/* LMDB store in the folder `dir`, Linux clocks, getrandom, key file `dir`/key.
 * create   make the folder (0700) when it is not there
 * SOTAY_E_NOT_FOUND  no store there and create is false
 * SOTAY_E_BUSY       another process has it open
 * SOTAY_E_VERSION    the store is of another version or word size; it was not touched
 * SOTAY_E_STORAGE    no permission, no space, a damaged file
 * sotay_port_close ends it. */
SOTAY_API SOTAY_MUST_USE int sotay_lmdb_open(const char *dir, bool create, sotay_port *out_port,
                                             sotay_error *error);

/* A store in memory: for browsers (write-through), the simulator and tests. `seed` starts its own
 * repeatable random numbers; its clock stands still until sotay_memory_clock moves it. */
SOTAY_API SOTAY_MUST_USE int sotay_memory_open(uint64_t seed, sotay_port *out_port,
                                               sotay_error *error);
/* Sets the clocks. A new boot begins when mono_ms is less than before. */
SOTAY_API void sotay_memory_clock(sotay_port *port, int64_t wall_ms, uint64_t mono_ms);
/* Makes every commit answer SOTAY_PENDING and, with `sign_too`, every signature;
 * sotay_memory_settle then does the waiting work, or with result != SOTAY_OK throws it away, and
 * calls sotay_finish. */
SOTAY_API void sotay_memory_pending(sotay_port *port, bool commit, bool sign_too);
typedef struct sotay_client sotay_client;
SOTAY_API int sotay_memory_settle(sotay_port *port, sotay_client *client, int result,
                                  sotay_error *error);
/* The n-th call from now (1 = the next) that may fail answers SOTAY_E_STORAGE; 0: none. */
SOTAY_API void sotay_memory_fail(sotay_port *port, uint64_t n);
/* The power goes: what `commit_soon` wrote, and no `commit` since, is gone; false: there was none
 * of that. Not inside a transaction. */
SOTAY_API bool sotay_memory_cut(sotay_port *port);
/* The store as it would be after a crash now: only what was committed, in a port of its own. With
 * `copied` it has another install id, as a copied folder has. */
SOTAY_API SOTAY_MUST_USE int sotay_memory_copy(const sotay_port *port, bool copied,
                                               sotay_port *out_port, sotay_error *error);

/* Closes a port that sotay_lmdb_open or sotay_memory_open gave; its client must be closed before.
 * Safe on a zeroed struct. */
SOTAY_API void sotay_port_close(sotay_port *port);

/* ---- a client ------------------------------------------------------------------------------ */

typedef struct {
    const char *pin;    /* NULL: no PIN, the port's secret alone opens the store */
    bool create;        /* make a new store when there is none */
    const char *lang;   /* "vi" (also NULL) or "en": labels and text output */
    int offset_minutes; /* local time east of UTC, for output and today(); Viet Nam: 420 */
} sotay_open_how;

/* Opens a store. The port must outlive the client.
 * SOTAY_E_NOT_FOUND  there is no store and create is false
 * SOTAY_E_PIN        the PIN is wrong, or one is needed, or none was set
 * SOTAY_E_VERSION    made by a newer version
 * With create on a new store this writes and may answer SOTAY_PENDING (*out_client is then set).
 * Free with sotay_close. */
SOTAY_API SOTAY_MUST_USE int sotay_open(const sotay_port *port, const sotay_open_how *how,
                                        sotay_client **out_client, sotay_error *error);
/* Frees the client and wipes its keys; what was not finished is as a crash would leave it. NULL is
 * fine. */
SOTAY_API void sotay_close(sotay_client *client);

/* A forgotten PIN, or a lost key file (docs/operations.md): a line of text for the office, which
 * two of its people answer. Needs no PIN; asked again, it is the same line.
 * SOTAY_E_NOT_FOUND  there is no store, or it was never enrolled: nobody can open it
 * SOTAY_PENDING      the line is good when the port's commit is through */
SOTAY_API SOTAY_MUST_USE int sotay_recover_ask(const sotay_port *port, char **out_text,
                                               sotay_error *error);
/* The office's answer: from now on `pin` opens the store (NULL: the port's secret alone, where it
 * had no PIN before), and nothing in it is lost. Then sotay_open.
 * SOTAY_E_VALUE      mistyped, or the answer to another line: nothing was changed
 * SOTAY_E_PIN        the store had a PIN and needs a new one */
SOTAY_API SOTAY_MUST_USE int sotay_recover_take(const sotay_port *port, const char *answer,
                                                const char *pin, sotay_error *error);

/* Ends what answered SOTAY_PENDING. Call it when the port's commit or signature is there.
 * result     SOTAY_OK, or why it failed
 * signature  64 bytes when a signature was asked for, else NULL
 * Returns the code that the pending call would have returned: with SOTAY_OK a save is durable.
 * A sync_* call that answered SOTAY_PENDING is then called again, to go on.
 * SOTAY_E_USAGE      nothing is pending, or the signature is missing */
SOTAY_API SOTAY_MUST_USE int sotay_finish(sotay_client *client, int result,
                                          const uint8_t *signature, sotay_error *error);

typedef struct {
    bool is_enrolled;
    bool is_locked; /* 45 days without the server: others' records open with the next sync */
    bool is_copied; /* the store is a copy, or the server saw another branch: enrol again,
                     * or sync and wait for the office */
    sotay_id device, person;
    char login[33], commune[33];
    char fingerprint[81]; /* of the signing key, shown by the office too */
    char url[256];        /* server of the enrolment link; a hint */
} sotay_who;
/* Who uses this store. All but is_enrolled is zero before the enrolment. */
SOTAY_API void sotay_whoami(const sotay_client *client, sotay_who *out_who);

/* ---- recording: no network needed. Each call is one change --------------------------------- */
/* All of them:
 * SOTAY_E_STATE      the store is not enrolled, or has not had its first sync, or the record is
 *                    finalised (hint: amend) or withdrawn
 * SOTAY_E_NOT_FOUND  no such record on this device
 * SOTAY_E_VALUE      unknown form, unit or path, or a value that is not of the field's type, length
 *                    or range; detail names it and says what is expected. An empty text is refused:
 *                    clearing is value NULL
 * SOTAY_E_DENIED     the field is not this person's to write, the unit is not assigned
 * SOTAY_E_TOO_LARGE  over a limit of docs/protocol.md 9: it could never be sent */

/* One field and what is written in it, as a person would write it (docs/programs.md VALUE). path is
 * `place`, `ratings.a3.rating`, `findings.<item>.text`; in sotay_item_new a field of the group. */
typedef struct {
    const char *path;
    const char *value; /* NULL clears; in new and item: not allowed */
} sotay_pair;
typedef struct {
    const sotay_pair *pairs;
    size_t count;
} sotay_pairs;

/* A new record. unit: "01477-x001"; "" or "-" for forms that belong to no unit. Fields that the
 * program knows are filled in (unit, movement, slip number, entry mode) unless given. A set field
 * takes a comma list. */
SOTAY_API SOTAY_MUST_USE int sotay_record_new(sotay_client *client, const char *form,
                                              const char *unit, sotay_pairs pairs,
                                              sotay_id *out_record, sotay_error *error);
/* Writes or clears several fields at once. It replaces what the record holds here at the call, as
 * all that writes at once does; what is typed while syncs run belongs in a working copy, which
 * remembers what was shown. */
SOTAY_API SOTAY_MUST_USE int sotay_record_set(sotay_client *client, const sotay_id *record,
                                              sotay_pairs pairs, sotay_error *error);
/* Puts an element into a set field, or takes it out. */
SOTAY_API SOTAY_MUST_USE int sotay_record_add(sotay_client *client, const sotay_id *record,
                                              const char *path, const char *value,
                                              sotay_error *error);
SOTAY_API SOTAY_MUST_USE int sotay_record_remove(sotay_client *client, const sotay_id *record,
                                                 const char *path, const char *value,
                                                 sotay_error *error);
/* Adds a signed note that nobody can change. */
SOTAY_API SOTAY_MUST_USE int sotay_record_remark(sotay_client *client, const sotay_id *record,
                                                 const char *text, sotay_error *error);

#define SOTAY_ITEM_TEXT 64
/* An item of a listed group; its id as text in out_item (SOTAY_ITEM_TEXT bytes). The id, like the
 * name of a change, is good until the next sync: where this store goes on under another name, or
 * behind another branch (docs/protocol.md 7.5), what was recorded and not sent is named anew, and
 * its old id may be that of another item. A record is found by its old id as well. */
SOTAY_API SOTAY_MUST_USE int sotay_item_new(sotay_client *client, const sotay_id *record,
                                            const char *group, sotay_pairs pairs,
                                            char out_item[SOTAY_ITEM_TEXT], sotay_error *error);
/* Drops an item, or takes the drop back. */
SOTAY_API SOTAY_MUST_USE int sotay_item_drop(sotay_client *client, const sotay_id *record,
                                             const char *group, const char *item,
                                             sotay_error *error);
SOTAY_API SOTAY_MUST_USE int sotay_item_keep(sotay_client *client, const sotay_id *record,
                                             const char *group, const char *item,
                                             sotay_error *error);

/* A file to attach. name: as people know it (folders are left out); about: a field of the record or
 * like ratings.x2, else SOTAY_E_VALUE; about, caption: may be NULL. */
typedef struct {
    const char *name;
    const void *data;
    size_t len;
    const char *about, *caption;
    unsigned longest; /* of a picture: no side has more points; 0: 1600 */
} sotay_attachment;
/* Attaches a file (photo, audio, PDF, Word, Excel; at most 20 MiB): an item of `attachments` with
 * the hashes of its pieces, which are kept sealed here and sent by a sync, after the data. Of a
 * picture neither place nor owner nor device leaves with it; one that is larger than wanted is made
 * smaller, and a thumbnail of at most 12 KB goes with the record (both where the port can).
 * SOTAY_E_VALUE      also: an empty file, or none of a kind that may be attached, or a cut picture
 * SOTAY_E_TOO_LARGE  over 20 MiB; the record has 100 files, or would have more than 200 MiB; the
 *                    device holds as many pieces as it may (sotay_attachment_clear) */
SOTAY_API SOTAY_MUST_USE int sotay_attach(sotay_client *client, const sotay_id *record,
                                          const sotay_attachment *file,
                                          char out_item[SOTAY_ITEM_TEXT], sotay_error *error);

/* The files of a record: what each is, and whether it is on this device (`here`), waits to be sent
 * (`unsent`) or to be fetched (`wanted`), or is with the office alone (`away`). */
SOTAY_API SOTAY_MUST_USE int sotay_attachment_list(sotay_client *client, const sotay_id *record,
                                                   sotay_format format, char **out_text,
                                                   sotay_error *error);
/* Asks for a file that is not on this device: the next sync over a line that is not metered fetches
 * it from the office, before it sends any. *out_is_here: it is here already. */
SOTAY_API SOTAY_MUST_USE int sotay_attachment_want(sotay_client *client, const sotay_id *record,
                                                   const char *item, bool *out_is_here,
                                                   sotay_error *error);
/* data: free() */
typedef struct {
    void *data;
    size_t len;
} sotay_file;
/* Reads a file, or its thumbnail, whole.
 * SOTAY_E_NOT_FOUND  also: it is not all on this device, or has no thumbnail */
SOTAY_API SOTAY_MUST_USE int sotay_attachment_get(sotay_client *client, const sotay_id *record,
                                                  const char *item, bool thumbnail,
                                                  sotay_file *out_file, sotay_error *error);
typedef struct {
    uint64_t files, bytes; /* that go: a backup has them, and the server, asked since, still did; or
                              it gave them out; thumbnails stay. Or a backup knows of a decline */
    uint64_t kept_files, kept_bytes; /* that stay: not sent, or not known to be so */
    uint64_t declined_files;         /* of those that go: declined ones, which nobody else has */
} sotay_cleared;
/* Gives back the room of files that can be fetched again; only_say: only says how much it would be.
 * The store's file keeps its size, and what is recorded next needs no more. */
SOTAY_API SOTAY_MUST_USE int sotay_attachment_clear(sotay_client *client, bool only_say,
                                                    sotay_cleared *out_cleared,
                                                    sotay_error *error);

/* Finalises. SOTAY_E_STATE also when something required is missing or a rule of the form is broken:
 * detail names the first; sotay_record_review lists all. A working copy is written first. */
SOTAY_API SOTAY_MUST_USE int sotay_record_finalise(sotay_client *client, const sotay_id *record,
                                                   sotay_error *error);
/* What stands against finalising, one line each; JSON:
 * {"findings":[{"path","required","message"}]}. An empty list: nothing. */
SOTAY_API SOTAY_MUST_USE int sotay_record_review(sotay_client *client, const sotay_id *record,
                                                 sotay_format format, char **out_text,
                                                 sotay_error *error);
/* Withdraws, with a reason (1..1000 characters). It stays in the book.
 * SOTAY_E_STATE: it is so already, or the office has it in hand. SOTAY_E_DENIED: no role for it. */
SOTAY_API SOTAY_MUST_USE int sotay_record_withdraw(sotay_client *client, const sotay_id *record,
                                                   const char *reason, sotay_error *error);
/* Takes back an own withdrawal, with a reason. */
SOTAY_API SOTAY_MUST_USE int sotay_record_reopen(sotay_client *client, const sotay_id *record,
                                                 const char *reason, sotay_error *error);
/* Corrects a finalised record: the new values and an item in `amendments` for each.
 * SOTAY_E_STATE when it is not finalised. */
SOTAY_API SOTAY_MUST_USE int sotay_record_amend(sotay_client *client, const sotay_id *record,
                                                sotay_pairs pairs, const char *reason,
                                                sotay_error *error);

/* Settles an open conflict of one path: keeps one of the values seen, or writes another one. */
typedef struct {
    const char *path;   /* `state`: acts that stand against each other */
    const char *keep;   /* "<device hex>:<counter>" of the value kept; NULL: value */
    const char *value;  /* when keep is NULL; NULL clears */
    const char *seen;   /* dots, comma-separated: the values (of `state`: the acts in force) looked
                           at; NULL: all live now */
    const char *reason; /* obliged */
} sotay_resolution;
/* SOTAY_E_CHANGED    the live values are not those of `seen`; detail says which came in
 * SOTAY_E_NOT_FOUND  also: no live value of that dot
 * SOTAY_E_STATE      also: the value to be kept was erased; there are not two; amendments differ
 * Of `state`, the first that is so:
 * SOTAY_E_NOT_FOUND  nothing of that dot is in the record
 * SOTAY_E_STATE      the office has the record in hand, or has decided; the period is locked
 * SOTAY_E_CHANGED    an act in force is not among `seen`; detail says which
 * SOTAY_E_STATE      there is no difference: somebody settled it
 * SOTAY_E_NOT_FOUND  `keep` is no act in force, and no edit of which a value is live
 * SOTAY_E_STATE      the act is the office's; or as sotay_record_finalise, of a finalise
 * SOTAY_E_DENIED     no role of this person does that with such a record */
SOTAY_API SOTAY_MUST_USE int sotay_record_resolve(sotay_client *client, const sotay_id *record,
                                                  const sotay_resolution *resolution,
                                                  sotay_error *error);

/* ---- working copy: what is being typed. Nobody else's business, survives a crash ----------- */

/* Keeps the text of one field as typed so far (not checked, at most 64 KiB); value NULL takes the
 * field out of the working copy.
 * What the record holds here at the first put of a field is what its officer was shown: that is
 * what the change will replace, however late it is made. Typing on keeps it; whatever a sync brings
 * meanwhile stands beside it then. Where several values stand and one is this device's, he types
 * over that one. Taking the field out and putting it again is a new look, for a program that has
 * shown him what came. So a program shows a form anew when a sync or a bundle took something in,
 * before it puts a field that was not begun yet.
 * SOTAY_E_CORRUPT  also: the record cannot be read, so nobody was shown it; nothing is kept */
SOTAY_API SOTAY_MUST_USE int sotay_draft_put(sotay_client *client, const sotay_id *record,
                                             const char *path, const char *value,
                                             sotay_error *error);
/* The working copy: lines `path=value`, or {"id","fields":{path:text}}. */
SOTAY_API SOTAY_MUST_USE int sotay_draft_get(sotay_client *client, const sotay_id *record,
                                             sotay_format format, char **out_text,
                                             sotay_error *error);
/* Makes one change of it and empties it. An empty text clears its field. When a value is refused,
 * detail names its path and the working copy stays as it is. An empty one is SOTAY_OK. Finalising
 * and the start of a sync do this too (a sync leaves behind what does not pass). */
SOTAY_API SOTAY_MUST_USE int sotay_draft_commit(sotay_client *client, const sotay_id *record,
                                                sotay_error *error);

/* ---- reading ------------------------------------------------------------------------------- */

/* One record with every value, author and conflict. SOTAY_E_NOT_FOUND. Where a name, a moment or an
 * author is damaged the rest is shown, and the end says so (`"unread":true`, or a line); the same
 * of a history, also where a change of it does not open, and of conflicts. Without its form no
 * record can be shown: SOTAY_E_CORRUPT where it is damaged; a history is, by numbers. The next sync
 * learns damaged forms and names anew. */
SOTAY_API SOTAY_MUST_USE int sotay_show(sotay_client *client, const sotay_id *record,
                                        sotay_format format, char **out_text, sotay_error *error);
/* Its changes in the order of the log, unsent ones last. SOTAY_E_NOT_FOUND. */
SOTAY_API SOTAY_MUST_USE int sotay_history(sotay_client *client, const sotay_id *record,
                                           sotay_format format, char **out_text,
                                           sotay_error *error);

/* ---- receipts: proofs that the log has a record's newest change ----------------------------- */

typedef struct {
    uint64_t entry;  /* that brought the newest change of the record which is known here */
    uint64_t kept;   /* of which a receipt is on this device; 0: none */
    bool has_unsent; /* something newer was written here that no entry has yet, damaged or not */
} sotay_receipt_state;
/* SOTAY_E_NOT_FOUND  there is no such record, or no entry with a change of it came here yet */
SOTAY_API SOTAY_MUST_USE int sotay_receipt_find(sotay_client *client, const sotay_id *record,
                                                sotay_receipt_state *out_state,
                                                sotay_error *error);
/* Records in which this device wrote and of whose newest entry that is known here no receipt is
 * kept, ascending by id, at most `most` into out_records. Says nothing of what was never sent. */
SOTAY_API SOTAY_MUST_USE int sotay_receipt_due(sotay_client *client, sotay_id *out_records,
                                               size_t most, size_t *out_count, sotay_error *error);
/* Which receipts to fetch after a sync: GET `path` gives them all in one answer. */
#define SOTAY_RECEIPTS_MOST 32
typedef struct {
    size_t count; /* 0: none, and nothing is to be asked */
    sotay_id records[SOTAY_RECEIPTS_MOST];
    uint64_t entries[SOTAY_RECEIPTS_MOST];
    char path[704];
} sotay_receipt_ask;
/* Those that are due by docs/protocol.md 9.1: of records that this device wrote in, as soon as one
 * of them is no draft, or waits for a day; the others then come along. `all`: every one that is due
 * (as sotay_receipt_due), as many as go into one request. */
SOTAY_API SOTAY_MUST_USE int sotay_receipts_wanted(sotay_client *client, bool all,
                                                   sotay_receipt_ask *out_ask, sotay_error *error);
/* Checks and keeps those of the answer that hold: *out_kept of them. One that the server has not
 * signed yet is passed over. SOTAY_E_CORRUPT, SOTAY_E_SIGNATURE: some, or the answer itself, did
 * not hold; those that did are kept all the same. */
SOTAY_API SOTAY_MUST_USE int sotay_receipts_take(sotay_client *client, const sotay_receipt_ask *ask,
                                                 sotay_slice answer, size_t *out_kept,
                                                 sotay_error *error);
/* Checks and keeps a receipt of that entry: `proof` as GET /audit/proof/<entry> gives it, `leaf` as
 * GET /audit/leaf/<entry> does. It takes the place of an older one of the record.
 * A record that came as it stands came without the change itself: then the entry is the one that
 * the record names, and its author's device signed it; what it says cannot be compared.
 * SOTAY_E_SIGNATURE  the key of the log has not signed it, or the device has not
 * SOTAY_E_CORRUPT    it is no proof, not of this change, or not of the log that this device saw */
SOTAY_API SOTAY_MUST_USE int sotay_receipt_put(sotay_client *client, const sotay_id *record,
                                               sotay_slice proof, sotay_slice leaf,
                                               sotay_error *error);
/* All texts end with NUL. proof, leaf: the two files, for sotay_receipt_free. */
typedef struct {
    uint64_t entry, size; /* entry `entry` of the first `size` */
    char root[48];        /* of those, base64 */
    char code[20];        /* the check code of the root, for paper: four groups of four digits */
    char origin[80];      /* the name of the log */
    sotay_file proof, leaf;
} sotay_receipt;
/* The receipt that is kept of a record. SOTAY_E_NOT_FOUND: none. */
SOTAY_API SOTAY_MUST_USE int sotay_receipt_get(sotay_client *client, const sotay_id *record,
                                               sotay_receipt *out_receipt, sotay_error *error);
/* The newest one that was kept of a log that was put back since and lost the entry: evidence, with
 * the number that the entry had there. `origin` ends with the number of its epoch.
 * SOTAY_E_NOT_FOUND: none. */
SOTAY_API SOTAY_MUST_USE int sotay_receipt_before(sotay_client *client, const sotay_id *record,
                                                  sotay_receipt *out_receipt, sotay_error *error);
SOTAY_API void sotay_receipt_free(sotay_receipt *receipt);

/* NULL members do not filter. `text`: every word begins a word of the record; marks and case are
 * ignored, what matches with its marks comes first. */
typedef struct {
    const char *form, *unit, *state, *text;
} sotay_filter;
/* Records that pass, newest first (a search: best first). Without `form`, records of the catalogue
 * are left out of a list. filter may be NULL. SOTAY_E_USAGE with all states: `state` is none. */
SOTAY_API SOTAY_MUST_USE int sotay_list(sotay_client *client, const sotay_filter *filter,
                                        sotay_format format, char **out_text, sotay_error *error);
/* All open conflicts with their values. */
SOTAY_API SOTAY_MUST_USE int sotay_conflicts(sotay_client *client, sotay_format format,
                                             char **out_text, sotay_error *error);
/* What waits, what was sent, what is held and why, when the last sync was. */
SOTAY_API SOTAY_MUST_USE int sotay_status(sotay_client *client, sotay_format format,
                                          char **out_text, sotay_error *error);

/* ---- sync: plain buffers, any transport ---------------------------------------------------- */
/* begin, then rounds of { next: send the request; feed: the answer's body as it comes; end }, while
 * `again`; then free. Losing the connection anywhere is safe: free, and begin another time.
 * next, feed and end may answer SOTAY_PENDING: after sotay_finish call them again with the same
 * arguments (feed: with len 0). Any other code but SOTAY_OK ends the sync, except
 * SOTAY_E_BUSY while a step of something else is pending: finish that, and call again with the same
 * arguments. Between its calls people go on: what reads, records and attaches may be called
 * (SOTAY_E_BUSY while one of the sync's own steps is pending, and beside an enrolment, a bundle or
 * another phone). What they record goes along in the same sync, between two requests with pieces of
 * files; a working copy becomes a change in the next one. All else that writes answers
 * SOTAY_E_BUSY. */
typedef struct sotay_sync sotay_sync;

/* What to send. All of it belongs to the sync and is valid until sotay_sync_end. */
typedef struct {
    const char *method; /* "POST", "PUT", or "GET" after sotay_sync_can_fetch */
    const char *path;   /* "/v1/sync", "/v1/enrol", "/v1/have", "/v1/snapshot/...", ... */
    const uint8_t *body;
    size_t body_bytes;
    /* Set only after sotay_sync_can_fetch: */
    const char *authorization; /* value of a header Authorization; NULL: none */
    uint64_t range_from;       /* with GET: a header Range: bytes=FROM- */
} sotay_request;

typedef struct {
    uint64_t sent_changes, received_changes;
    uint64_t stored, duplicate, held, later; /* verdicts: sets */
    uint64_t wanted, requests, bytes_up, bytes_down;
    uint64_t repaired_buckets;
    int64_t clock_offset_ms; /* server minus phone */
    bool complete;           /* all was sent and read; true also with held ones */
    bool needs_person;       /* held changes, a copied phone, a wrong sum, a damaged working copy or
                              * change-set: exit code 3 */
    uint64_t attachments_sent;    /* files that are all with the server since this sync */
    uint64_t attachments_waiting; /* files that are not */
    uint64_t later_s;             /* the longest that the server asked to wait; 0: not at all */
    bool is_spent; /* it ended because its budget was used up; the next sync goes on */
    bool has_log_alarm; /* the server showed a log that does not continue the one seen before */
    uint64_t attachments_fetched; /* files that somebody here wanted, and that are all here now */
    uint64_t attachments_wanted;  /* files that are not */
    bool attachments_full; /* the office takes no more bytes of files from this device for now */
} sotay_report;

/* Starts a sync of an enrolled store. SOTAY_E_STATE before the enrolment. */
SOTAY_API SOTAY_MUST_USE int sotay_sync_begin(sotay_client *client, sotay_sync **out_sync,
                                              sotay_error *error);
/* Starts an enrolment: one round; a sync afterwards fetches the book. link: what `sotayctl enrol`
 * printed; label: what the office calls this device (at most 80 characters; NULL: "sotay"). On a
 * store that is enrolled already, the device gets a new key and unsent work becomes its own.
 * SOTAY_E_VALUE      the link is not one */
SOTAY_API SOTAY_MUST_USE int sotay_enrol_begin(sotay_client *client, const char *link,
                                               const char *label, sotay_sync **out_sync,
                                               sotay_error *error);
/* Between sotay_enrol_begin and the first next: a person was told by the office, face to face, that
 * the log goes on under an older key, its newest one being lost. Without this word a store that has
 * followed a change of the key is not enrolled by a link of before it, nor by one of another change
 * in its place (SOTAY_E_SIGNATURE); on any other store it changes nothing. */
SOTAY_API void sotay_enrol_older_key(sotay_sync *sync);
/* Between begin and the first next: this sync sends what is unsent and takes the verdicts, but
 * reads nothing that is new, so that work gets out over a weak link. The report's `complete` is
 * then false while there is something to read; the next sync reads it. */
SOTAY_API void sotay_sync_send_only(sotay_sync *sync);
/* This driver sends GET requests with the headers that a request names: a bucket of which nothing
 * is here yet comes as a snapshot then, and a broken one goes on where it stopped. Called after
 * begin. Tell sotay_sync_end with status 0 that the connection broke, and what came is kept. */
SOTAY_API void sotay_sync_can_fetch(sotay_sync *sync);
/* This driver goes on after a broken line: when it broke in a PUT, sotay_sync_end with status 0 may
 * want another round instead of saying SOTAY_E_NETWORK, once for each PUT that comes through. The
 * server is asked then what it has of that request, and only the rest is sent: a driver that sends
 * a PUT again by itself sends all of it. Called after begin. */
SOTAY_API void sotay_sync_can_resume(sotay_sync *sync);
/* Between begin and the first next: what this sync may cost. After `budget_bytes` of bodies, both
 * ways (0: no limit), it ends in order, with is_spent and without `complete`: what is written here
 * goes first, then what is read, then files. The first request is made in any case, and one
 * change-set or page goes whole. is_metered: no files are sent or fetched,
 * they wait for another line. */
SOTAY_API void sotay_sync_limit(sotay_sync *sync, uint64_t budget_bytes, bool is_metered);
/* Between begin and the first next: this sync is another attempt at one that broke; what `before`
 * counts is in its report and was taken from its budget. */
SOTAY_API void sotay_sync_continue(sotay_sync *sync, const sotay_report *before);
/* Is the budget used up? A driver breaks a GET off then (status 0), which is no error. */
SOTAY_API bool sotay_sync_is_spent(const sotay_sync *sync);
/* Makes the next request: seals and signs what is unsent, durable before it is sent. */
SOTAY_API SOTAY_MUST_USE int sotay_sync_next(sotay_sync *sync, sotay_request *out_request,
                                             sotay_error *error);
/* Takes in bytes of the answer's body, cut anywhere. Whole pages are durable when it returns. */
SOTAY_API SOTAY_MUST_USE int sotay_sync_feed(sotay_sync *sync, const void *data, size_t len,
                                             sotay_error *error);
/* The answer is over. http_status: as the server said; 0: the connection broke.
 * out_again          another round is needed
 * SOTAY_E_NETWORK    the answer is not whole; what came is kept (but see sotay_sync_can_resume)
 * SOTAY_E_ENROL, SOTAY_E_SIGNATURE, SOTAY_E_DENIED, SOTAY_E_SERVER, ...: what the server said */
SOTAY_API SOTAY_MUST_USE int sotay_sync_end(sotay_sync *sync, int http_status, bool *out_again,
                                            sotay_error *error);
/* What was done so far. */
SOTAY_API void sotay_sync_report(const sotay_sync *sync, sotay_report *out_report);
/* The same as text or as the JSON document of `sotay sync --json`. */
SOTAY_API SOTAY_MUST_USE int sotay_sync_report_text(const sotay_sync *sync, sotay_format format,
                                                    char **out_text, sotay_error *error);
/* Ends a sync at any point. NULL is fine. */
SOTAY_API void sotay_sync_free(sotay_sync *sync);

/* ---- the line: why it failed, and when to try again ---------------------------------------- */

/* Why a sync did not come through. */
typedef enum {
    SOTAY_WHY_NONE,
    SOTAY_WHY_NAME,     /* the server's name is not known here */
    SOTAY_WHY_CONNECT,  /* nobody took the call, or not in time */
    SOTAY_WHY_SECURITY, /* no secure line: a certificate, or a clock that is far off */
    SOTAY_WHY_SEND,     /* the request left too slowly */
    SOTAY_WHY_ANSWER,   /* all was sent, and no answer began in time */
    SOTAY_WHY_RECEIVE,  /* the answer came too slowly */
    SOTAY_WHY_CUT,      /* the line broke, or what came was not whole */
    SOTAY_WHY_GATEWAY,  /* somebody between here and the server answered, or could not reach it */
    SOTAY_WHY_BUSY,     /* the server, or one in front of it, asked to come later */
    SOTAY_WHY_REFUSED,  /* the server answered, and did not take it: the code says why */
    SOTAY_WHY_HERE,     /* this device failed: the code says why */
    SOTAY_WHY_CLOCK     /* the server waits until its own clock is right */
} sotay_why;
/* "connect", "busy", ...: for programs. Never NULL. */
SOTAY_API const char *sotay_why_name(sotay_why why);
/* The sentence people read; lang "vi" or "en" (anything else: "en"). Never NULL. */
SOTAY_API const char *sotay_why_sentence(sotay_why why, const char *lang);

/* Why this sync did not come through, as far as the answers tell: a driver knows more of a line
 * that broke (SOTAY_WHY_CUT here). SOTAY_WHY_NONE while it is alive. */
SOTAY_API sotay_why sotay_sync_why(const sotay_sync *sync);

/* How an attempt to sync ended; `detail` as in sotay_error, may be NULL. */
typedef struct {
    sotay_code code;
    sotay_why why;
    uint64_t later_s; /* the server asked for so much; 0: it did not */
    const char *detail;
} sotay_attempt;

/* What is known of the attempts that failed since the last one that came through. */
typedef struct {
    uint64_t failures; /* 0: all is well, the rest is zero */
    sotay_code code;   /* of the last one, as are: */
    sotay_why why;
    char detail[200];
    int64_t tried_ms;
    uint64_t wait_ms; /* from now until a program should try again; a person may at any time */
    bool is_hopeless; /* trying again changes nothing before somebody has done something */
} sotay_line;

/* Keeps how an attempt ended, so that every program on this store, also after a restart, waits
 * before the next: 2 s after the first failure, twice as long after each further one, 15 minutes at
 * most, of that a random half to all; a server that asked for time gets it and up to a quarter
 * more, an hour at most. SOTAY_OK as the code forgets all of it.
 * SOTAY_E_BUSY       also: a sync is under way */
SOTAY_API SOTAY_MUST_USE int sotay_line_note(sotay_client *client, const sotay_attempt *attempt,
                                             sotay_error *error);
/* What was kept. A wait is measured by the clock that only rises while the device stays on; after
 * a restart by the wall clock, and one that was set back makes nobody wait. */
SOTAY_API SOTAY_MUST_USE int sotay_line_get(sotay_client *client, sotay_line *out_line,
                                            sotay_error *error);

/* ---- the libcurl driver (blocking; only in builds with libcurl) ---------------------------- */

/* What a run is doing. */
typedef enum {
    SOTAY_STAGE_CONNECT,
    SOTAY_STAGE_SEND,
    SOTAY_STAGE_ANSWER,  /* all is sent, no answer began yet */
    SOTAY_STAGE_RECEIVE,
    SOTAY_STAGE_PAUSE    /* until the next attempt */
} sotay_stage;
/* "connect", "send", ...: for programs. Never NULL. */
SOTAY_API const char *sotay_stage_name(sotay_stage stage);

/* How far a run is. */
typedef struct {
    sotay_stage stage;
    uint64_t run_ms;               /* since it began */
    uint64_t bytes_up, bytes_down; /* of bodies, those of the present request included */
    uint64_t up_total;             /* of the present request; what has not left of it: */
    uint64_t up_left;
    sotay_report report; /* up to the last answer that was taken */
    uint64_t wait_ms;    /* SOTAY_STAGE_PAUSE: what is left of it */
    sotay_why why;       /* and what for; else SOTAY_WHY_NONE */
} sotay_progress;

/* How one run goes. Zeroed is fine. */
typedef struct {
    const char *url;         /* "http://127.0.0.1:8080"; NULL: that of the enrolment link */
    const char *label;       /* enrolment only */
    long connect_timeout_ms; /* 0: 10,000 */
    long stall_timeout_s;    /* 0: 30 seconds with less than 32 bytes in each end it */
    sotay_format format;     /* of out_text */
    long answer_timeout_s;   /* 0: 60 seconds without an answer that begins end it */
    long retry_for_s;        /* tries again for so long, each time after the wait that
                                sotay_line_get tells (also before the first); 0: once, now */
    uint64_t budget_bytes;   /* as in sotay_sync_limit, for all attempts together */
    bool is_metered;
    /* Told about four times a second while it waits for the line; may be NULL. */
    void (*progress)(void *context, const sotay_progress *progress);
    /* Both or neither. Between two attempts the store is others' to use: `rest` closes the client
     * before a wait, `resume` opens one again behind it. What resume cannot open ends the run with
     * its answer, *out_client NULL; SOTAY_E_BUSY is asked again as long as there is time. The
     * client that was given to sotay_curl_sync is gone then: the last one of resume is open. */
    void (*rest)(void *context);
    int (*resume)(void *context, sotay_client **out_client, sotay_error *error);
    void *context;
    bool takes_older_key; /* enrolment only: sotay_enrol_older_key */
} sotay_curl_how;
/* One sync to the end. *out_report and *out_text (both may be NULL) are set also when it fails
 * after it began. How it ended is noted (sotay_line_note). SOTAY_E_NETWORK: no connection; what was
 * recorded is safe, and sotay_line_get says why. */
SOTAY_API SOTAY_MUST_USE int sotay_curl_sync(sotay_client *client, const sotay_curl_how *how,
                                             sotay_report *out_report, char **out_text,
                                             sotay_error *error);
/* Enrols with the link, then does the first sync. When the enrolment stands and only the sync
 * failed, the answer is SOTAY_E_NETWORK and sotay_whoami says is_enrolled. */
SOTAY_API SOTAY_MUST_USE int sotay_curl_enrol(sotay_client *client, const char *link,
                                              const sotay_curl_how *how, sotay_report *out_report,
                                              sotay_error *error);
/* After a sync: asks for what sotay_receipts_wanted names, once, and keeps what holds of it. With
 * `all`, and from a server that does not know that request, each is fetched by itself. Of `how`
 * only url and the timeouts count. SOTAY_E_NOT_FOUND: without `all`, from such a server. */
SOTAY_API SOTAY_MUST_USE int sotay_curl_receipts(sotay_client *client, const sotay_curl_how *how,
                                                 bool all, size_t *out_kept, sotay_error *error);
/* Fetches, checks and keeps the receipt of the record's newest entry that is known here; it does
 * nothing when that one is kept. Of `how` only url and the timeouts count. Also SOTAY_E_NOT_FOUND:
 * the server does not give it (an older one), or has not signed that entry yet. */
SOTAY_API SOTAY_MUST_USE int sotay_curl_receipt(sotay_client *client, const sotay_curl_how *how,
                                                const sotay_id *record, sotay_error *error);

/* ---- drills -------------------------------------------------------------------------------- */

typedef enum {
    SOTAY_DAMAGE_VALUE,    /* one value of the record is another */
    SOTAY_DAMAGE_MISSING,  /* the record is not there */
    SOTAY_DAMAGE_UNSIGNED, /* a value that no signed change says */
    SOTAY_DAMAGE_SUM       /* one bit of the sum of the record's bucket */
} sotay_damage;
/* Spoils what this store has from the server, on purpose: a drill, or a test, then sees that the
 * next sync finds and mends it (docs/protocol.md 7.8). Own changes are never touched.
 * SOTAY_E_NOT_FOUND  the server has not brought that record; nothing was changed */
SOTAY_API SOTAY_MUST_USE int sotay_debug_damage(sotay_client *client, const sotay_id *record,
                                                sotay_damage how, sotay_error *error);

#ifdef __cplusplus
}
#endif

#include "client-lib/include/sotay_carry.h"

#endif
