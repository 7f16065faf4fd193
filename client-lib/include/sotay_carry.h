/* client-lib/include/sotay_carry.h - what officers carry for each other: bundles, and the exchange
 * from phone to phone. The last part of sotay.h, whose rules hold here: programs include that. */
#ifndef SOTAY_CARRY_H
#define SOTAY_CARRY_H

#ifdef __cplusplus
extern "C" {
#endif

/* ---- bundles: what waits here, in a file that anybody may carry ---------------------------- */

#define SOTAY_BUNDLE_BYTES_MAX   (64u * 1024u * 1024u)
#define SOTAY_BUNDLE_BYTES_LEAST 1000000u
typedef struct {
    uint64_t sets;     /* change-sets: given, or new here */
    uint64_t pieces;   /* of files, the same */
    uint64_t receipts; /* what the server said of sets of others, the same */
    uint64_t known;    /* import: what was here already */
    bool more;         /* export: not all of it fitted: made again, it is the next bundle; import: a
                          step is pending, and there is more behind it */
    uint64_t unreadable; /* export: own change-sets that wait and do not open any more: left out,
                            each counted with one of the bundles */
    uint64_t unsealed;   /* export: own changes that stay, since this phone has to sync first: under
                            a name that it left something has no answer yet, or it is a copy;
                            and with them their files, on records that may get another id.
                            Counted with the first bundle */
} sotay_bundle_report;
typedef struct sotay_bundle sotay_bundle;

/* Begins a bundle of all that the server is not known to have: own work, files, and what is carried
 * for others. Only the server can read it. Between begin and free nothing else is done with the
 * client, but reading. SOTAY_E_STATE before the enrolment. */
SOTAY_API SOTAY_MUST_USE int sotay_bundle_begin(sotay_client *client, sotay_bundle **out_bundle,
                                                sotay_error *error);
/* Between begin and the first make: no bundle is larger; SOTAY_BUNDLE_BYTES_LEAST to _MAX. */
SOTAY_API void sotay_bundle_limit(sotay_bundle *bundle, size_t bytes_max);
/* Takes the next bytes of a file. SOTAY_OK, or an error with a detail. */
typedef int (*sotay_bundle_put)(void *context, const void *bytes, size_t len, sotay_error *error);
/* Between begin and the first make, for who has no room for a whole bundle: its parts go to `put`
 * one after the other, while it is made, and what sotay_bundle_make gives is the head alone, which
 * belongs in front of them. After `more` the parts that come are those of the next file. */
SOTAY_API void sotay_bundle_spool(sotay_bundle *bundle, sotay_bundle_put put, void *context);
/* Makes it. The bytes belong to the bundle until it is made again: while out_report says `more`,
 * that is the next one, with what the ones before had no room for, and nothing that they have.
 * It may answer SOTAY_PENDING: after sotay_finish it is
 * called again. Nothing counts as sent by it: what the bundle brings to the server is a duplicate
 * when this phone sends it too. */
SOTAY_API SOTAY_MUST_USE int sotay_bundle_make(sotay_bundle *bundle, sotay_slice *out_bytes,
                                               sotay_bundle_report *out_report,
                                               sotay_error *error);
/* NULL is fine. */
SOTAY_API void sotay_bundle_free(sotay_bundle *bundle);
/* Takes a bundle that somebody else made: the next sync hands it to the server. All of it or
 * nothing; the same one again changes nothing.
 * SOTAY_E_CORRUPT    it is none, was cut or changed
 * SOTAY_E_DENIED     it belongs to another book
 * SOTAY_E_SIGNATURE  the device that it names has not signed it
 * SOTAY_E_VERSION    made by a newer version */
SOTAY_API SOTAY_MUST_USE int sotay_bundle_import(sotay_client *client, const void *data,
                                                 size_t len, sotay_bundle_report *out_report,
                                                 sotay_error *error);
/* A file. get: len bytes from `at` on, all within len; SOTAY_OK, or an error with a detail. */
typedef struct {
    void *context;
    int (*get)(void *context, uint64_t at, void *bytes, size_t len, sotay_error *error);
    uint64_t len;
} sotay_bundle_source;
/* The same for who has no room for a whole bundle: it is looked at to its end, one part at a time,
 * before anything is taken; then it is taken in transactions of some 1 MiB. An error after that
 * (of the disk, or of a file that changed meanwhile) leaves what was taken before; the same file
 * again brings the rest. After SOTAY_PENDING with out_report->more, sotay_finish, then once more:
 * that one counts as known what was taken. */
SOTAY_API SOTAY_MUST_USE int sotay_bundle_import_from(sotay_client *client,
                                                      const sotay_bundle_source *source,
                                                      sotay_bundle_report *out_report,
                                                      sotay_error *error);

/* ---- from phone to phone: two officers without signal leave with each other's records -------- */
/* begin, then rounds of { next: send what it gives; if it is not done: receive, feed }, then free.
 * Breaking off anywhere is safe: what came is taken whole, at its end, or not at all. Between begin
 * and free nothing else is done with the client, but reading. */

typedef struct {
    bool has_peer;    /* the other phone has shown who it is: */
    sotay_id device;
    char login[33];   /* of its person; "" when not known here */
    char code[8];     /* "123 456": the same on both phones */
    bool done;        /* both have all that the other gave on disk */
    bool more;        /* one side has more than one exchange carries: once more */
    uint64_t sets_given, pieces_given, receipts_given;
    uint64_t sets_taken, pieces_taken, receipts_taken; /* of these, what was new here */
    uint64_t unsealed; /* own changes that stay, as with a bundle */
} sotay_carry_report;
typedef struct sotay_carry sotay_carry;

/* fetches: of two phones, one serves and one fetches; both give and take the same.
 * SOTAY_E_STATE before the enrolment. */
SOTAY_API SOTAY_MUST_USE int sotay_carry_begin(sotay_client *client, bool fetches,
                                               sotay_carry **out_carry, sotay_error *error);
/* Takes what was fed as far as it is whole, and says what is to be sent now (perhaps nothing); the
 * bytes belong to the exchange until the next call. It may answer SOTAY_PENDING: after sotay_finish
 * it is called again. Any other code but SOTAY_OK ends the exchange:
 * SOTAY_E_DENIED     the other phone has another book, is not known here, or not in use any more
 * SOTAY_E_STATE      who it is, is damaged here, or the catalogue is being read anew and does not
 *                    speak of it yet; the next sync mends that
 * SOTAY_E_SIGNATURE  it is not the one it says, or somebody in between changed something
 * SOTAY_E_CORRUPT, SOTAY_E_TOO_LARGE  what it sends is no such exchange */
SOTAY_API SOTAY_MUST_USE int sotay_carry_next(sotay_carry *carry, sotay_slice *out_bytes,
                                              bool *out_done, sotay_error *error);
/* Bytes that came, cut anywhere, at most 1 MiB at once; call next after each. */
SOTAY_API SOTAY_MUST_USE int sotay_carry_feed(sotay_carry *carry, const void *data, size_t len,
                                              sotay_error *error);
/* What was done so far. */
SOTAY_API void sotay_carry_report_get(const sotay_carry *carry, sotay_carry_report *out_report);
/* Ends it at any point. NULL is fine. */
SOTAY_API void sotay_carry_free(sotay_carry *carry);

/* The same over TCP, blocking. address: "192.168.43.1:7000", "[fe80::1]:7000"; port 0: any.
 * Zeroed is fine. */
typedef struct {
    long wait_ms;  /* serving: for the other phone to come; 0: 120,000 */
    long stall_ms; /* without a byte; 0: 30,000 */
} sotay_socket_how;
/* Listens; out_address (64 bytes) says where. SOTAY_E_VALUE: no address; SOTAY_E_NETWORK. */
SOTAY_API SOTAY_MUST_USE int sotay_socket_listen(const char *address, int *out_socket,
                                                 char *out_address, sotay_error *error);
/* One exchange with whoever comes and is one of us; strangers are turned away. It closes the
 * socket. SOTAY_E_NETWORK: nobody came, or the line broke. *out_report is set on failure too. */
SOTAY_API SOTAY_MUST_USE int sotay_socket_serve(sotay_client *client, int socket,
                                                const sotay_socket_how *how,
                                                sotay_carry_report *out_report,
                                                sotay_error *error);
/* One exchange with the phone that serves there. */
SOTAY_API SOTAY_MUST_USE int sotay_socket_fetch(sotay_client *client, const char *address,
                                                const sotay_socket_how *how,
                                                sotay_carry_report *out_report,
                                                sotay_error *error);

#ifdef __cplusplus
}
#endif

#endif
