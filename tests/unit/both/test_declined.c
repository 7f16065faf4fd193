/* tests/unit/both/test_declined.c
 * The office declines what a phone wrote that it had suspended, and a file hangs on it: nobody
 * waits for the file any more, neither who carries it, nor who wants to see it, nor who attached
 * it. While it is not decided, and where somebody else's change names it too, the office takes the
 * pieces from who brings them, and gives them to nobody. */
#include "server/store/chunks.h"
#include "tests/unit/both/fetch.h"
#include "tests/unit/client-lib/rows.h"

#include "client-lib/src/apply.h"
#include "client-lib/src/attach.h"
#include "client-lib/src/client.h"
#include "client-lib/src/outbox.h"
#include "client-lib/src/overlay.h"

#define KIB    ((size_t)1024)
#define LEN    (40 * KIB)
#define PIECES 3u
#define UNIT_BUCKET "01477/unit/" KIT_UNIT

typedef struct {
    world w;
    phone *an, *binh, *chi; /* binh carries */
    sotay_id visit;
    char item[SOTAY_ITEM_TEXT];
} valley;

/* All have read the visit; what an and chi write from now on is held. */
static void valley_make(valley *v)
{
    memset(v, 0, sizeof *v);
    world_make(&v->w, 1);
    v->an = &v->w.phones[0];
    v->binh = &v->w.phones[1];
    v->chi = &v->w.phones[2];
    v->visit = phone_visit(v->an, "chợ");
    for (size_t i = 0; i < PHONES; i++)
        assert_int_equal(sync_phone(&v->w, &v->w.phones[i], 0, NULL), SOTAY_OK);
}

static void suspend(valley *v, phone *p)
{
    KIT_EXPECT(0, &v->w.book, "device", "suspend", device_of(p));
}

static void decide(valley *v, phone *p, const char *how)
{
    char n[24] = "";
    const char *device = device_of(p), *at;
    KIT_EXPECT(0, &v->w.book, "held", "--json");
    for (at = KIT_OUT(&v->w.book); (at = strstr(at, "{\"n\":")) != NULL; at++) {
        (void)snprintf(n, sizeof n, "%.*s", (int)strcspn(at + 5, ","), at + 5);
        const char *end = strchr(at, '}'), *of = strstr(at, device);
        if (of != NULL && of < end)
            break;
    }
    assert_non_null(at);
    KIT_EXPECT(0, &v->w.book, "held", how, n, "--as", "office", "--reason", "đã hỏi");
}

static void attach(valley *v, phone *p)
{
    static uint8_t data[LEN];
    uint64_t state = 7;
    for (size_t i = 0; i < LEN; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(state >> 56);
    }
    memcpy(data, "%PDF-1.7\n", 9);
    const sotay_attachment file = { "a.pdf", data, LEN, NULL, "biên bản", 0 };
    assert_int_equal(sotay_attach(p->client, &v->visit, &file, v->item, &p->error), SOTAY_OK);
}

/* They meet: binh takes along what lies on the other phone, and reads it at once. */
static void carry(valley *v, phone *from)
{
    phone *const who[2] = { from, v->binh };
    sotay_carry *half[2] = { NULL, NULL };
    sotay_carry_report report;
    bool done[2] = { false, false };
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sotay_carry_begin(who[i]->client, i == 1, &half[i], NULL), SOTAY_OK);
    for (size_t turn = 1, turns = 0; !(done[0] && done[1]); turn = 1 - turn) {
        sotay_slice bytes = { NULL, 0 };
        assert_true(turns++ < 64);
        if (!done[turn])
            assert_int_equal(sotay_carry_next(half[turn], &bytes, &done[turn], NULL), SOTAY_OK);
        if (bytes.len > 0)
            assert_int_equal(sotay_carry_feed(half[1 - turn], bytes.data, bytes.len, NULL),
                             SOTAY_OK);
    }
    sotay_carry_report_get(half[1], &report);
    assert_true(report.done && !report.more);
    for (size_t i = 0; i < 2; i++)
        sotay_carry_free(half[i]);
}

static void want(valley *v, phone *p)
{
    bool is_here = true;
    assert_int_equal(sotay_attachment_want(p->client, &v->visit, v->item, &is_here, &p->error),
                     SOTAY_OK);
    assert_false(is_here);
}

static void sync_well(valley *v, phone *p)
{
    line l = { 0 };
    sync_over_well(&v->w, p, &l, NULL);
}

static uint64_t bytes_kept(const valley *v)
{
    uint64_t bytes = 0;
    assert_int_equal(chunks_total(v->w.book.dir, &bytes, NULL), ST_OK);
    return bytes;
}

static void test_nobody_waits_for_it(void **state)
{
    (void)state;
    valley v;
    sotay_cleared cleared;
    valley_make(&v);
    suspend(&v, v.an);
    attach(&v, v.an);
    carry(&v, v.an);
    want(&v, v.binh);
    sync_well(&v, v.an);                       /* the set alone: his files nobody takes */
    assert_true(phone_status_says(v.binh, "\"attachments_wanted\":1"));
    decide(&v, v.an, "decline");
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), PIECES);
    sync_well(&v, v.binh);
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
    assert_true(phone_status_says(v.binh, "\"carried\":0"));
    assert_int_equal(rows_count(v.binh, BOOK_ATTACH), 0);
    assert_true(phone_status_says(v.binh, "\"attachments_wanted\":0"));
    assert_int_equal(bytes_kept(&v), 0);
    KIT_EXPECT(0, &v.w.book, "device", "suspend", device_of(v.an), "--lift");
    sync_well(&v, v.an);
    assert_true(phone_status_says(v.an, "\"attachments_waiting\":0"));
    assert_int_equal(rows_count(v.an, BOOK_CHUNK), PIECES); /* nobody else has it */
    assert_int_equal(sotay_attachment_clear(v.an->client, false, &cleared, NULL), SOTAY_OK);
    assert_int_equal(cleared.files, 0);
    assert_int_equal(rows_count(v.an, BOOK_CHUNK), PIECES);
    attach(&v, v.an);                          /* once more, as he may now */
    sync_well(&v, v.an);
    assert_int_equal(bytes_kept(&v), LEN);
    KIT_EXPECT(0, &v.w.book, "verify");
    world_free(&v.w);
}

/* What the phone says of the files of the visit, and of one of them. */
static bool list_says(valley *v, const char *what)
{
    char *text = NULL;
    assert_int_equal(sotay_attachment_list(v->an->client, &v->visit, SOTAY_JSON, &text, NULL),
                     SOTAY_OK);
    bool says = strstr(text, what) != NULL;
    if (says && strcmp(what, "declined-") == 0)
        (void)snprintf(v->item, sizeof v->item, "%.25s", strstr(text, what));
    sotay_text_free(text);
    return says;
}

static void back_up(valley *v)
{
    char to[96], command[128];
    (void)snprintf(to, sizeof to, "%s.backup", v->w.book.dir);
    (void)snprintf(command, sizeof command, "rm -rf %s", to);
    for (int copies = 0; copies < 2; copies++) { /* one alone may lie on the same disk */
        KIT_EXPECT(0, &v->w.book, "backup", to);
        assert_int_equal(system(command), 0);
    }
    sync_well(v, v->an);
}

/* The file that only its author still has, of a record that is shown or not: he finds it and reads
 * it, and it makes room when a backup knows that it was declined. */
static void test_it_is_found_and_let_go(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        valley v;
        sotay_cleared cleared;
        sotay_file file;
        valley_make(&v);
        suspend(&v, v.an);
        if (whole == 1)
            v.visit = phone_visit(v.an, "suối");
        attach(&v, v.an);
        sync_well(&v, v.an);
        assert_false(list_says(&v, "declined"));
        KIT_EXPECT(0, &v.w.book, "held", "decline", "--device", device_of(v.an), "--as", "office",
                   "--reason", "đã hỏi");
        KIT_EXPECT(0, &v.w.book, "device", "suspend", device_of(v.an), "--lift");
        sync_well(&v, v.an);
        sync_well(&v, v.an);
        assert_true(list_says(&v, "\"bytes\":40960,\"state\":\"declined\""));
        assert_true(list_says(&v, "declined-"));
        assert_int_equal(sotay_attachment_get(v.an->client, &v.visit, v.item, false, &file, NULL),
                         SOTAY_OK);
        assert_int_equal(file.len, LEN);
        assert_memory_equal(file.data, "%PDF-1.7\n", 9);
        free(file.data);
        assert_int_equal(sotay_attachment_clear(v.an->client, false, &cleared, NULL), SOTAY_OK);
        assert_int_equal(cleared.files, 0);
        assert_int_equal(cleared.kept_files, 1);
        back_up(&v);
        assert_true(phone_status_says(v.an, "\"safe_to_wipe\":false")); /* nobody else has it */
        assert_int_equal(sotay_attachment_clear(v.an->client, false, &cleared, NULL), SOTAY_OK);
        assert_int_equal(cleared.files, 1);
        assert_int_equal(cleared.declined_files, 1);
        assert_int_equal(cleared.bytes, LEN);
        assert_int_equal(cleared.kept_files, 0);
        assert_int_equal(rows_count(v.an, BOOK_CHUNK), 0);
        assert_true(phone_status_says(v.an, "\"safe_to_wipe\":true"));
        assert_int_equal(sotay_attachment_get(v.an->client, &v.visit, v.item, false, &file, NULL),
                         SOTAY_E_NOT_FOUND);
        world_free(&v.w);
    }
}

static void erase_file(valley *v)
{
    char id[33], path[96];
    sotay_id_format(&v->visit, id);
    (void)snprintf(path, sizeof path, "attachments.%s.chunk_hashes", v->item);
    KIT_EXPECT(0, &v->w.book, "erase", id, path, "--as", "head", "--second", "admin", "--basis",
               "điều 14");
}

/* The law asks no less for a photo of a record that was declined, or waits: its pieces go from the
 * office, to which somebody carried them, from him, and from the phone that set them aside. */
static void test_it_is_erased(void **state)
{
    (void)state;
    for (int decided = 0; decided < 2; decided++) {
        valley v;
        valley_make(&v);
        KIT_EXPECT(0, &v.w.book, "user", "add", "head", "--name", "H", "--role", "office_head");
        KIT_EXPECT(0, &v.w.book, "user", "add", "admin", "--name", "A", "--role", "admin");
        suspend(&v, v.an);
        v.visit = phone_visit(v.an, "suối");
        attach(&v, v.an);
        assert_true(rows_hold(v.an, "a.pdf"));
        carry(&v, v.an);
        sync_well(&v, v.binh);
        assert_int_equal(bytes_kept(&v), LEN);
        if (decided == 1) {
            KIT_EXPECT(0, &v.w.book, "held", "decline", "--device", device_of(v.an), "--as",
                       "office", "--reason", "đã hỏi");
            KIT_EXPECT(0, &v.w.book, "device", "suspend", device_of(v.an), "--lift");
            sync_well(&v, v.an);
            sync_well(&v, v.an);
            assert_int_equal(rows_count(v.an, BOOK_CHUNK), PIECES);
        }
        erase_file(&v);
        assert_int_equal(bytes_kept(&v), 0);
        if (decided == 0)
            KIT_EXPECT(0, &v.w.book, "device", "suspend", device_of(v.an), "--lift");
        for (int i = 0; i < 2; i++) {
            sync_well(&v, v.an);
            sync_well(&v, v.binh);
        }
        assert_int_equal(rows_count(v.an, BOOK_CHUNK), 0);
        assert_int_equal(rows_count(v.an, BOOK_ATTACH), 0);
        assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
        assert_int_equal(bytes_kept(&v), 0);
        assert_false(rows_hold(v.an, "a.pdf"));
        KIT_EXPECT(0, &v.w.book, "verify");
        world_free(&v.w);
    }
}

/* What was carried here lies at the office while it waits, also of a record that is not in the
 * book: nobody sends it again, and it is there when the office lets it in. */
static void test_one_that_is_let_in(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        valley v;
        valley_make(&v);
        suspend(&v, v.an);
        if (whole == 1)
            v.visit = phone_visit(v.an, "suối");
        attach(&v, v.an);
        carry(&v, v.an);
        want(&v, v.binh);
        for (int i = 0; i < 2; i++) {
            sync_well(&v, v.binh);
            assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
            assert_true(phone_status_says(v.binh, "\"carried\":0"));
            assert_int_equal(bytes_kept(&v), LEN);
            assert_true(phone_status_says(v.binh, "\"attachments_wanted\":1"));
            assert_int_equal(rows_count(v.binh, BOOK_CHUNK), 0);
        }
        sync_well(&v, v.an);                   /* told nothing: he goes on waiting */
        assert_true(phone_status_says(v.an, "\"attachments_waiting\":1"));
        KIT_EXPECT(0, &v.w.book, "verify");
        KIT_EXPECT(0, &v.w.book, "held", "accept", "--device", device_of(v.an), "--as", "office",
                   "--reason", "đã hỏi");
        sync_well(&v, v.chi);
        want(&v, v.chi);
        sync_well(&v, v.chi);
        assert_int_equal(rows_count(v.chi, BOOK_CHUNK), PIECES);
        sync_well(&v, v.binh);
        assert_int_equal(rows_count(v.binh, BOOK_CHUNK), PIECES);
        KIT_EXPECT(0, &v.w.book, "verify");
        world_free(&v.w);
    }
}

/* His phone is suspended, or revoked for good. What the office lets in of it is in the book, and
 * its file comes too. */
static void test_a_file_of_who_is_out_of_use(void **state)
{
    (void)state;
    for (int revoked = 0; revoked < 2; revoked++) {
        valley v;
        valley_make(&v);
        KIT_EXPECT(0, &v.w.book, "device", revoked ? "revoke" : "suspend", device_of(v.an));
        attach(&v, v.an);
        sync_well(&v, v.an);
        assert_int_equal(bytes_kept(&v), 0);
        assert_true(phone_status_says(v.an, "\"attachments_waiting\":1"));
        KIT_EXPECT(0, &v.w.book, "held", "accept", "--device", device_of(v.an), "--as", "office",
                   "--reason", "đã hỏi");
        sync_well(&v, v.an);
        assert_int_equal(bytes_kept(&v), LEN);
        assert_true(phone_status_says(v.an, "\"attachments_waiting\":0"));
        KIT_EXPECT(0, &v.w.book, "verify");
        world_free(&v.w);
    }
}

/* A file from his phone is handed in at the office: what hangs on the held change is taken too. */
static void test_a_bundle_that_is_handed_in(void **state)
{
    (void)state;
    valley v;
    char path[96];
    sotay_slice bytes = { NULL, 0 };
    sotay_bundle *bundle = NULL;
    sotay_bundle_report made;
    valley_make(&v);
    suspend(&v, v.an);
    attach(&v, v.an);
    assert_int_equal(sotay_bundle_begin(v.an->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &made, NULL), SOTAY_OK);
    (void)snprintf(path, sizeof path, "%s.bundle", v.w.book.dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
    sotay_bundle_free(bundle);
    KIT_EXPECT(3, &v.w.book, "bundle", "import", path, "--json");
    assert_non_null(strstr(KIT_OUT(&v.w.book), "\"held\":1,\"unreadable\":0,\"later\":0,"
                                               "\"pieces\":3,\"pieces_waiting\":0}"));
    assert_int_equal(bytes_kept(&v), LEN);
    assert_int_equal(remove(path), 0);
    world_free(&v.w);
}

/* Two attached the same: as long as one of the two changes may be let in, its pieces are taken. */
static void test_another_change_names_it(void **state)
{
    (void)state;
    valley v;
    valley_make(&v);
    suspend(&v, v.an);
    suspend(&v, v.chi);
    attach(&v, v.an);
    attach(&v, v.chi);
    carry(&v, v.an);
    sync_well(&v, v.an);
    sync_well(&v, v.chi);
    decide(&v, v.an, "decline");
    assert_int_equal(bytes_kept(&v), 0);
    sync_well(&v, v.binh);
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
    assert_int_equal(bytes_kept(&v), LEN);
    decide(&v, v.chi, "accept");
    sync_well(&v, v.binh);
    want(&v, v.binh);
    sync_well(&v, v.binh);
    assert_int_equal(rows_count(v.binh, BOOK_CHUNK), PIECES);
    KIT_EXPECT(0, &v.w.book, "verify");
    world_free(&v.w);
}

/* The very first change of a record, which names its form, is declined with all behind it. */
static void test_a_record_that_is_declined_whole(void **state)
{
    (void)state;
    valley v;
    valley_make(&v);
    suspend(&v, v.an);
    v.visit = phone_visit(v.an, "suối");
    attach(&v, v.an);
    carry(&v, v.an);
    want(&v, v.binh);
    sync_well(&v, v.an);
    decide(&v, v.an, "decline");
    sync_well(&v, v.binh);
    assert_int_equal(rows_count(v.binh, BOOK_PARCEL), 0);
    assert_true(phone_status_says(v.binh, "\"attachments_wanted\":0"));
    assert_int_equal(bytes_kept(&v), 0);
    KIT_EXPECT(0, &v.w.book, "verify");
    world_free(&v.w);
}

/* The same file is in a record, from where it is erased: the one that waits has it still. */
static void test_the_same_one_is_erased(void **state)
{
    (void)state;
    valley v;
    char hex[33], path[96];
    valley_make(&v);
    KIT_EXPECT(0, &v.w.book, "user", "add", "head", "--name", "Head", "--role", "office_head");
    KIT_EXPECT(0, &v.w.book, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    attach(&v, v.chi);
    sync_well(&v, v.chi);
    (void)snprintf(path, sizeof path, "attachments.%s.chunk_hashes", v.item);
    suspend(&v, v.an);
    attach(&v, v.an);
    carry(&v, v.an);
    sync_well(&v, v.binh);
    sotay_id_format(&v.visit, hex);
    KIT_EXPECT(0, &v.w.book, "erase", hex, path, "--as", "admin", "--second", "head", "--basis",
               "theo đơn");
    assert_int_equal(bytes_kept(&v), LEN);
    decide(&v, v.an, "accept");
    KIT_EXPECT(0, &v.w.book, "verify");
    assert_int_equal(bytes_kept(&v), LEN);
    world_free(&v.w);
}

/* The note of the only file, and what is known of it. Inside a transaction. */
static bool is_named(phone *p, const sotay_id *record)
{
    bool is = false;
    st_error error = { 0 };
    st_arena arena;
    attach_row row;
    const st_id id = phone_id(record);
    book_key prefix = book_key_of(BOOK_ATTACH);
    book_scan scan = book_scan_of(&prefix);
    st_arena_init(&arena, 1 << 20);
    assert_int_equal(attach_next(&p->client->book, &scan, &arena, &row, &error), ST_OK);
    assert_int_equal(attach_is_named(p->client, &id, &scan.at, &is, &error), ST_OK);
    st_arena_reset(&arena);
    return is;
}

/* The last set that he made, which names the file. */
static outbox_set last_own(phone *p)
{
    outbox_set own, found = { .first = 0 };
    st_error error = { 0 };
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    while (outbox_next(&p->client->book, &scan, &own, &error) == ST_OK)
        if (own.first > found.first)
            found = own;
    assert_true(found.first > 0);
    return found;
}

/* He lost the unit: of the record nothing is left here but his own note of what is held, or a set
 * that lies sealed. The office may let it in. */
static void test_what_cannot_be_read_may_name_it(void **state)
{
    (void)state;
    valley v;
    st_error error = { 0 };
    st_bucket unit;
    valley_make(&v);
    const st_id id = phone_id(&v.visit);
    sotay_client *an = v.an->client;
    assert_true(st_bucket_set(&unit, UNIT_BUCKET, strlen(UNIT_BUCKET)));
    suspend(&v, v.an);
    attach(&v, v.an);
    sync_well(&v, v.an);
    assert_int_equal(client_begin(an, true, &error), ST_OK);
    assert_true(is_named(v.an, &v.visit));
    assert_int_equal(apply_forget_record(an, &id, &unit, &error), ST_OK);
    assert_true(is_named(v.an, &v.visit));
    outbox_set own = last_own(v.an);
    const st_dot dot = { own.device, own.last };
    assert_int_equal(overlay_delete(&an->book, &id, &dot, &error), ST_OK);
    assert_false(is_named(v.an, &v.visit));
    own.is_closed = true;
    own.status = OUTBOX_HELD;
    assert_int_equal(outbox_put(&an->book, &own, &error), ST_OK);
    assert_true(is_named(v.an, &v.visit));
    own.status = OUTBOX_SENT;
    assert_int_equal(outbox_put(&an->book, &own, &error), ST_OK);
    assert_true(is_named(v.an, &v.visit));
    client_abort(an);
    world_free(&v.w);
}

/* It is in the book, and a list of pieces is one whatever form the record has. */
static void test_a_record_whose_form_is_not_here(void **state)
{
    (void)state;
    valley v;
    st_error error = { 0 };
    valley_make(&v);
    sotay_client *an = v.an->client;
    attach(&v, v.an);
    sync_well(&v, v.an);
    assert_int_equal(client_begin(an, true, &error), ST_OK);
    book_key prefix = book_key_of(BOOK_FORM);
    book_scan scan = book_scan_of(&prefix);
    while (book_scan_next(&an->book, &scan, NULL, NULL, &error) == ST_OK)
        assert_int_equal(book_delete(&an->book, &scan.at, &error), ST_OK);
    an->forms_count = 0;
    assert_true(is_named(v.an, &v.visit));
    client_abort(an);
    world_free(&v.w);
}

static void sync_data(valley *v, phone *p)
{
    sotay_sync *sync = NULL;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 0, true);
    assert_int_equal(run(&v->w, sync, 0, NULL), SOTAY_OK);
}

/* The change is in the log, the unit is lost and the device suspended: what it attached itself is
 * still taken. */
static void test_a_suspended_one_of_a_lost_unit(void **state)
{
    (void)state;
    valley v;
    valley_make(&v);
    attach(&v, v.an);
    sync_data(&v, v.an);
    KIT_EXPECT(0, &v.w.book, "unassign", "an", KIT_UNIT);
    sync_data(&v, v.an);
    suspend(&v, v.an);
    sync_well(&v, v.an);
    assert_true(phone_status_says(v.an, "\"attachments_waiting\":0"));
    assert_int_equal(bytes_kept(&v), LEN);
    world_free(&v.w);
}

static bool is_shown_with(valley *v, phone *p, const char *why)
{
    return phone_says(p, sotay_show, &v->visit, "\"state\":\"declined\"") &&
           phone_says(p, sotay_show, &v->visit, "\"suối\"") &&
           phone_says(p, sotay_show, &v->visit, why) &&
           phone_says(p, sotay_history, &v->visit, why);
}

/* The office's words come with the page and with a repair, to who reads the unit. */
static void test_why_it_was_declined(void **state)
{
    (void)state;
    valley v;
    const char *why = "\"decision_reason\":\"đã hỏi\"";
    valley_make(&v);
    suspend(&v, v.an);
    const sotay_id known = v.visit;
    v.visit = phone_visit(v.an, "suối");
    assert_int_equal(phone_set(v.an, &known, "general_note", "lũ"), SOTAY_OK);
    sync_well(&v, v.an);
    KIT_EXPECT(0, &v.w.book, "held", "decline", "--device", device_of(v.an), "--as", "office",
               "--reason", "đã hỏi");
    sync_well(&v, v.an);                       /* told that it was, no more */
    assert_true(phone_status_says(v.an, "\"reason\":null}]"));
    KIT_EXPECT(0, &v.w.book, "device", "suspend", device_of(v.an), "--lift");
    for (size_t i = 0; i < PHONES; i++) {
        sync_well(&v, &v.w.phones[i]);
        assert_true(is_shown_with(&v, &v.w.phones[i], why));
    }
    assert_true(phone_status_says(v.an, "\"reason\":\"đã hỏi\"}]"));
    assert_true(phone_says(v.an, sotay_history, &known, why));
    assert_int_equal(sotay_debug_damage(v.an->client, &known, SOTAY_DAMAGE_MISSING, NULL),
                     SOTAY_OK);
    sync_well(&v, v.an);
    assert_true(phone_says(v.an, sotay_history, &known, why));
    KIT_EXPECT(0, &v.w.book, "verify");
    world_free(&v.w);
}

/* The answer that said it is held was lost, and the office has declined it by the next one: a
 * suspended phone is told so by that verdict alone. */
static void test_the_first_verdict_says_so(void **state)
{
    (void)state;
    valley v;
    line l = { .lost = 1 };
    valley_make(&v);
    suspend(&v, v.an);
    sync_well(&v, v.an);
    attach(&v, v.an);
    assert_int_not_equal(sync_over(&v.w, v.an, &l, NULL), SOTAY_OK);
    decide(&v, v.an, "decline");
    sync_well(&v, v.an);
    assert_int_equal(rows_count(v.an, BOOK_OVER), 0);
    assert_false(phone_status_says(v.an, "\"declined\":[]"));
    assert_true(phone_status_says(v.an, "\"attachments_waiting\":0,"));
    world_free(&v.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_verdict_says_so),
        cmocka_unit_test(test_why_it_was_declined),
        cmocka_unit_test(test_nobody_waits_for_it),
        cmocka_unit_test(test_it_is_found_and_let_go),
        cmocka_unit_test(test_it_is_erased),
        cmocka_unit_test(test_one_that_is_let_in),
        cmocka_unit_test(test_a_file_of_who_is_out_of_use),
        cmocka_unit_test(test_a_bundle_that_is_handed_in),
        cmocka_unit_test(test_another_change_names_it),
        cmocka_unit_test(test_a_record_that_is_declined_whole),
        cmocka_unit_test(test_the_same_one_is_erased),
        cmocka_unit_test(test_what_cannot_be_read_may_name_it),
        cmocka_unit_test(test_a_record_whose_form_is_not_here),
        cmocka_unit_test(test_a_suspended_one_of_a_lost_unit),
    };
    return cmocka_run_group_tests_name("declined", tests, NULL, NULL);
}
