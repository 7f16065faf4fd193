/* tests/sim/hands.c - what goes from hand to hand: bundles that a phone makes and somebody else
 * hands in, and phones that meet. Promises that who took a word or a file by hand answers for it
 * like its author from then on, that the same bundle once more changes nothing, and that a meeting
 * may break at any byte. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model.h"

#define TURNS_MAX  200u
#define PART_BYTES 65536u

/* ---- who answers for what ---- */

/* The words that the log does not have: what a phone that gives all it has gives of them. None when
 * the log cannot be asked, or when the phone may not be who it says. */
static void note_given(sim_world *w, const sim_phone *from, sim_holds *words, sim_holds *files)
{
    model m;
    memset(words, 0, sizeof *words);
    memset(files, 0, sizeof *files);
    if (!w->is_up || from->is_branch || from->devices_count != 1)
        return;
    sim_read_log(w, &m);
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        sim_mark_text(i, word);
        bool is_given = sim_holds_has(&from->holds, i) && !w->marks[i].is_draft &&
                        !sim_holds_has(&w->lost_words, i) && !model_says(&m, word);
        if (is_given)
            sim_holds_add(words, i);
        if (is_given && sim_holds_has(&from->files, i))
            sim_holds_add(files, i);
    }
    model_free(&m);
}

static bool was_device(const sim_phone *p, const sotay_id *device)
{
    for (size_t i = 0; i < p->devices_count; i++)
        if (memcmp(p->devices[i].b, device->b, sizeof device->b) == 0)
            return true;
    return false;
}

/* What it says of a bundle or of another phone: its own store failed, or the others are not who
 * they were. */
static bool is_expected(const sim_world *w, const sim_phone *p, const sim_phone *q, int rc)
{
    bool is_strange = p->is_branch || (q != NULL && q->is_branch) || w->restores > 0;
    return rc == SOTAY_OK || rc == SOTAY_E_STORAGE || rc == SOTAY_E_FULL ||
           rc == SOTAY_E_STATE || rc == SOTAY_E_DENIED ||
           (is_strange && rc == SOTAY_E_SIGNATURE);
}

static void must_be_expected(sim_world *w, const sim_phone *p, const sim_phone *q, int rc,
                             const sotay_error *error)
{
    if (!is_expected(w, p, q, rc))
        sim_fail(w, "phone %u: by hand: %s: %s", sim_phone_no(w, p), sotay_code_name(rc),
                 error->detail);
}

/* ---- bundles ---- */

static int make_bundle(sim_world *w, sim_phone *p, sotay_bundle *bundle, sotay_slice *out,
                       sotay_bundle_report *report, sotay_error *error)
{
    int rc = sotay_bundle_make(bundle, out, report, error);
    while (rc == SOTAY_PENDING) {
        rc = sim_settle(w, p, rc);
        if (rc == SOTAY_OK)
            rc = sotay_bundle_make(bundle, out, report, error);
    }
    return rc;
}

static void keep_bundle(sim_world *w, const sim_phone *p, sotay_slice bytes, bool is_all)
{
    sotay_who who;
    sim_bundle *to = &w->bundles[w->bundles_count++ % SIM_BUNDLES_MAX];
    sotay_whoami(p->client, &who);
    free(to->bytes);
    to->bytes = sim_must(malloc(bytes.len + 1));
    memcpy(to->bytes, bytes.data, bytes.len);
    to->len = bytes.len;
    to->maker = sim_phone_no(w, p);
    to->device = who.device;
    note_given(w, p, &to->words, &to->files);
    if (!is_all)
        memset(&to->words, 0, sizeof to->words);
    if (!is_all)
        memset(&to->files, 0, sizeof to->files);
    sim_count(w, SIM_BUNDLE);
}

void sim_do_pack(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_bundle *bundle = NULL;
    sotay_slice bytes = { NULL, 0 };
    sotay_bundle_report report = { 0 };
    sotay_error error = { 0 };
    (void)r;
    sim_phone_ready(w, p);
    int rc = sotay_bundle_begin(p->client, &bundle, &error);
    if (rc == SOTAY_OK)
        rc = make_bundle(w, p, bundle, &bytes, &report, &error);
    sim_say(w, ": %s, %llu sets, %llu pieces", sotay_code_name(rc), (unsigned long long)report.sets,
            (unsigned long long)report.pieces);
    must_be_expected(w, p, NULL, rc, &error);
    if (rc == SOTAY_OK)
        keep_bundle(w, p, bytes, !report.more);
    sotay_bundle_free(bundle);
}

/* One that was made, but not by this phone; NULL: none. */
static const sim_bundle *pick_bundle(sim_world *w, sim_random *r, const sim_phone *p)
{
    size_t count = w->bundles_count < SIM_BUNDLES_MAX ? w->bundles_count : SIM_BUNDLES_MAX;
    const sim_bundle *bundle = &w->bundles[sim_pick(r, (uint32_t)count)];
    bool is_own = count > 0 && p != NULL && was_device(p, &bundle->device);
    return count == 0 || is_own ? NULL : bundle;
}

static int take_bundle(sim_world *w, sim_phone *p, const sim_bundle *bundle,
                       sotay_bundle_report *report)
{
    sotay_error error = { 0 };
    int rc = sotay_bundle_import(p->client, bundle->bytes, bundle->len, report, &error);
    rc = sim_settle(w, p, rc);
    sim_say(w, ": %s, %llu sets, %llu pieces, %llu known", sotay_code_name(rc),
            (unsigned long long)report->sets, (unsigned long long)report->pieces,
            (unsigned long long)report->known);
    must_be_expected(w, p, &w->phones[bundle->maker], rc, &error);
    return rc;
}

void sim_do_unpack(sim_world *w, sim_phone *p, sim_random *r)
{
    sotay_bundle_report report = { 0 }, again = { 0 };
    sim_phone *q = sim_chance(r, 800) ? &w->phones[sim_pick(r, (uint32_t)w->phones_count)] : p;
    const sim_bundle *bundle = q->exists ? pick_bundle(w, r, q) : NULL;
    if (bundle == NULL)
        return;
    sim_phone_ready(w, q);
    sim_say(w, " of phone %u on phone %u", bundle->maker, sim_phone_no(w, q));
    if (take_bundle(w, q, bundle, &report) == SOTAY_OK) {
        sim_count(w, SIM_BUNDLE_TAKEN);
        sim_holds_add_all(&q->holds, &bundle->words);
        sim_holds_add_all(&q->files, &bundle->files);
        if (take_bundle(w, q, bundle, &again) == SOTAY_OK) {
            sim_count(w, SIM_BUNDLE_AGAIN);
            if (again.sets + again.pieces + again.receipts > 0)
                sim_fail(w, "phone %u: the same bundle once more is new", sim_phone_no(w, q));
        }
    }
    sim_phone_look(w, q);
}

/* ---- the office takes a bundle ---- */

static void write_bundle(sim_world *w, const sim_bundle *bundle, char path[96])
{
    (void)snprintf(path, 96, "%s/bundle", w->disk.dir);
    FILE *file = sim_must(fopen(path, "we"));
    if (fwrite(bundle->bytes, 1, bundle->len, file) != bundle->len || fclose(file) != 0)
        abort();
}

/* What lies in it is in the log from now on. */
static void check_taken(sim_world *w, const sim_bundle *bundle)
{
    model m;
    sim_read_log(w, &m);
    for (uint32_t i = 0; i < w->marks_count; i++) {
        char word[16];
        sim_mark_text(i, word);
        if (sim_holds_has(&bundle->words, i) && !sim_holds_has(&w->erased, i) &&
            !model_says(&m, word))
            sim_fail(w, "'%s' came to the office by hand and is not in the log", word);
    }
    model_free(&m);
}

static int hand_in(sim_world *w, const char *path)
{
    int code = SIM_CTL(w, "bundle", "import", path, "--json");
    sim_say(w, ": exit %d %.100s", code, code < 0 ? "" : SIM_OUT(w));
    return code;
}

void sim_do_office_unpack(sim_world *w, sim_phone *p, sim_random *r)
{
    char path[96];
    (void)p;
    const sim_bundle *bundle = pick_bundle(w, r, NULL);
    if (bundle == NULL || !w->is_up)
        return;
    write_bundle(w, bundle, path);
    sim_say(w, " of phone %u", bundle->maker);
    int code = hand_in(w, path);
    if (code == 0 || code == 3) {
        sim_count(w, SIM_BUNDLE_OFFICE);
        if (w->restores == 0)
            check_taken(w, bundle);
        code = w->is_up ? hand_in(w, path) : -1;
        if ((code == 0 || code == 3) && strstr(SIM_OUT(w), "\"stored\":0,") == NULL)
            sim_fail(w, "the same bundle once more is new to the office");
    }
    (void)remove(path);
}

/* ---- two phones meet ---- */

typedef struct {
    sim_world *w;
    sim_random *r;
    sim_phone *who[2]; /* who serves, who fetches */
    sotay_carry *carry[2];
    bool done[2];
    uint64_t left; /* bytes until the line breaks */
    bool is_cut;
} meeting;

static int next(meeting *m, size_t half, sotay_slice *out_bytes, sotay_error *error)
{
    sim_phone *p = m->who[half];
    int rc = sotay_carry_next(m->carry[half], out_bytes, &m->done[half], error);
    while (rc == SOTAY_PENDING) {
        rc = sim_settle(m->w, p, rc);
        if (rc == SOTAY_OK)
            rc = sotay_carry_next(m->carry[half], out_bytes, &m->done[half], error);
    }
    return rc;
}

/* The other one hears it in parts; between them it may say something itself. */
static int hear(meeting *m, size_t half, sotay_slice bytes, sotay_error *error)
{
    int rc = SOTAY_OK;
    const uint8_t *at = bytes.data;
    for (size_t done = 0; rc == SOTAY_OK && done < bytes.len;) {
        size_t part = bytes.len - done;
        if (part > PART_BYTES || sim_chance(m->r, 300))
            part = 1 + sim_pick(m->r, part < PART_BYTES ? (uint32_t)part : PART_BYTES);
        m->is_cut = part > m->left;
        part = m->is_cut ? (size_t)m->left : part;
        m->left -= part;
        if (part > 0)
            rc = sotay_carry_feed(m->carry[half], at + done, part, error);
        done += part;
        if (m->is_cut)
            return rc;
    }
    return rc;
}

/* From the first word to the last, or until the line breaks or one of the two fails. */
static int talk(meeting *m, sotay_error *error, size_t *out_half)
{
    int rc = SOTAY_OK;
    size_t half = 1;
    for (uint32_t turn = 0; rc == SOTAY_OK && !m->is_cut && !(m->done[0] && m->done[1]); turn++) {
        sotay_slice bytes = { NULL, 0 };
        if (turn == TURNS_MAX)
            sim_fail(m->w, "two phones never come to an end");
        *out_half = half;
        if (!m->done[half])
            rc = next(m, half, &bytes, error);
        half = 1 - half;
        if (rc == SOTAY_OK && bytes.len > 0) {
            *out_half = half;
            rc = hear(m, half, bytes, error);
        }
    }
    return rc;
}

static void begin_meeting(meeting *m, sotay_error *error, int *rc)
{
    *rc = SOTAY_OK;
    for (size_t half = 0; *rc == SOTAY_OK && half < 2; half++)
        *rc = sotay_carry_begin(m->who[half]->client, half == 1, &m->carry[half], error);
}

/* Who has all that the other gave answers for it. */
static void note_taken(meeting *m, size_t half)
{
    sim_holds words, files;
    sotay_carry_report report;
    sim_phone *to = m->who[half], *from = m->who[1 - half];
    sotay_carry_report_get(m->carry[half], &report);
    sim_say(m->w, "; phone %u took %llu sets, %llu pieces, %llu receipts", sim_phone_no(m->w, to),
            (unsigned long long)report.sets_taken, (unsigned long long)report.pieces_taken,
            (unsigned long long)report.receipts_taken);
    if (report.receipts_taken > 0)
        sim_count(m->w, SIM_RECEIPT_BACK);
    if (!report.done || report.more || to->is_branch)
        return;
    note_given(m->w, from, &words, &files);
    sim_holds_add_all(&to->holds, &words);
    sim_holds_add_all(&to->files, &files);
}

/* One whose device the office just suspended or revoked attaches a file, and whom he meets takes it
 * along. */
void sim_do_held_file(sim_world *w, sim_phone *p, sim_random *r)
{
    if (sim_chance(r, 400))
        sim_do_revoke(w, p, r);
    else
        sim_do_suspend(w, p, r);
    sim_do_attach(w, p, r);
    for (int i = 0; i < 2 && !p->tap->is_dead; i++)
        sim_do_exchange(w, p, r);
}

void sim_do_exchange(sim_world *w, sim_phone *p, sim_random *r)
{
    int rc = SOTAY_OK;
    size_t half = 0;
    sotay_error error = { 0 };
    sim_phone *q = &w->phones[sim_pick(r, (uint32_t)w->phones_count)];
    if (q == p || !q->exists)
        return;
    meeting m = { .w = w, .r = r, .who = { p, q }, .left = UINT64_MAX };
    if (sim_chance(r, w->plan->trouble_permille))
        m.left = sim_pick(r, sim_chance(r, 500) ? 600 : 20000);
    sim_phone_ready(w, p);
    sim_phone_ready(w, q);
    sim_say(w, " with phone %u", sim_phone_no(w, q));
    begin_meeting(&m, &error, &rc);
    if (rc == SOTAY_OK)
        rc = talk(&m, &error, &half);
    sim_say(w, ": %s%s", m.is_cut ? "cut, " : "", sotay_code_name(rc));
    must_be_expected(w, m.who[half], m.who[1 - half], rc, &error);
    if (m.is_cut)
        sim_count(w, SIM_EXCHANGE_CUT);
    if (rc == SOTAY_OK && !m.is_cut) {
        sim_count(w, SIM_EXCHANGED);
        note_taken(&m, 0);
        note_taken(&m, 1);
    }
    for (half = 0; half < 2; half++)
        sotay_carry_free(m.carry[half]);
    sim_phone_look(w, q);
}
