/* server/operator/heir.c - copies that ask to go on under keys of their own: what the office sees,
 * confirms or declines. Promises that both names and both fingerprints are shown before anything is
 * confirmed; must never touch the device that holds the old key. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/heir.h"

/* ---- the list ---- */

typedef struct {
    operator_work *work;
    st_json *json;
    st_err err;
} heir_page;

/* What stands beside it in the book. */
typedef struct {
    char hex[33], old[33], install[17], first[17], print[81], old_print[81];
    const char *login;
    const char *why_not;       /* nobody can confirm it; NULL: it may be confirmed */
    bool is_known;             /* its key is in the book: it asks for nothing any more */
    uint64_t held;             /* changes of the old device that came as a fork */
    const st_id *device;
} heir_words;

static bool count_held(void *context, const sync_held *held)
{
    heir_words *words = context;
    words->held +=
        held->reason == ST_HOLD_FORK && st_id_cmp(&held->dot.device, words->device) == 0;
    return true;
}

/* The old device, or its person, is out of use. */
static const char *why_not(operator_work *work, const auth_device *old)
{
    auth_person person;
    st_error why = { ST_OK, "" };
    if (old->status != AUTH_ACTIVE)
        return work->vi ? "máy cũ không còn dùng" : "the old device is not in use";
    st_err err = auth_person_get(&work->txn, &old->person, &person, &why);
    sync_note_unread(&work->unread, err, &why);
    if (err == ST_OK && person.is_active)
        return NULL;
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return work->vi ? "không đọc được người này trong sổ" : "the person cannot be read";
    return work->vi ? "người này không còn dùng sổ" : "the person is disabled";
}

static st_err describe(operator_work *work, const sync_heir *heir, heir_words *out)
{
    auth_device old;
    auth_contact contact;
    memset(out, 0, sizeof *out);
    out->device = &heir->old;
    st_err err = sync_heir_known(&work->txn, heir, &out->is_known, &work->error);
    if (err == ST_OK)
        err = auth_device_get(&work->txn, NULL, &heir->old, &old, &work->error);
    if (err == ST_OK)
        err = auth_contact_get(&work->txn, &heir->old, &contact, &work->error);
    if (err == ST_OK)
        err = sync_held_each(&work->txn, count_held, out, &work->error);
    if (err != ST_OK)
        return err;
    out->login = work->how.directory->login(work->how.directory->context, &old.person);
    out->why_not = why_not(work, &old);
    st_id_format(&heir->device, out->hex);
    st_id_format(&heir->old, out->old);
    st_hex(heir->install, sizeof heir->install, out->install);
    st_hex(contact.install, sizeof contact.install, out->first);
    st_fingerprint(heir->ask.sign_key, out->print);
    st_fingerprint(old.sign_key, out->old_print);
    return ST_OK;
}

static bool heir_json(void *context, const sync_heir *heir)
{
    heir_page *page = context;
    st_json *json = page->json;
    heir_words words;
    page->err = describe(page->work, heir, &words);
    if (page->err != ST_OK || words.is_known)
        return page->err == ST_OK;
    st_json_open(json, '{');
    st_json_key_text(json, "device", words.hex);
    st_json_key_text(json, "person", words.login == NULL ? "" : words.login);
    st_json_key_text(json, "fingerprint", words.print);
    st_json_key_text(json, "copy_of", words.old);
    st_json_key_text(json, "old_fingerprint", words.old_print);
    st_json_key_text(json, "install", words.install);
    st_json_key(json, "asked_at");
    st_json_when(json, heir->asked_ms, page->work->call->offset_minutes);
    st_json_key_int(json, "held_as_fork", (int64_t)words.held);
    st_json_key_text(json, "state", heir->is_declined ? "declined" : "waits");
    st_json_key_text(json, "reason", heir->is_declined ? heir->reason : NULL);
    st_json_key_bool(json, "confirmable", words.why_not == NULL);
    st_json_close(json, '}');
    return true;
}

static bool heir_lines(void *context, const sync_heir *heir)
{
    heir_page *page = context;
    operator_work *work = page->work;
    heir_words words;
    page->err = heir->is_declined ? ST_OK : describe(work, heir, &words);
    if (page->err != ST_OK || heir->is_declined || words.is_known)
        return page->err == ST_OK;
    operator_say(work,
                 work->vi ? "! %s (%s): bản sao của máy %s (khóa cũ %s), sổ %s, xin dùng khóa mới; "
                            "%" PRIu64 " thay đổi đang giữ vì trùng máy\n"
                          : "! %s (%s): a copy of device %s (old key %s), store %s, asks for a new "
                            "key; %" PRIu64 " changes are held as of a fork\n",
                 words.hex, words.login == NULL ? "-" : words.login, words.old, words.old_print,
                 words.install, words.held);
    if (words.why_not != NULL)
        operator_say(work,
                     work->vi ? "  không xác nhận được: %s; đăng ký lại bằng liên kết, hoặc "
                                "`device decline`\n"
                              : "  it cannot be confirmed: %s; enrol it again with a link, or "
                                "`device decline`\n", words.why_not);
    else
        operator_say(work,
                     work->vi ? "  dấu vân tay khóa mới: %s; so với máy trên tay người dùng, rồi "
                                "`sotayctl device confirm %s --as LOGIN`, hoặc `device decline`\n"
                              : "  fingerprint of the new key: %s; compare it with the device in "
                                "the person's hand, then `sotayctl device confirm %s --as LOGIN`, "
                                "or `device decline`\n", words.print, words.hex);
    return !work->out_failed;
}

st_err operator_heirs_say(operator_work *work, st_json *json)
{
    heir_page page = { .work = work, .json = json };
    st_err err = sync_heir_each(&work->txn, json != NULL ? heir_json : heir_lines, &page,
                                &work->error);
    return err == ST_OK ? page.err : err;
}

/* ---- confirm, decline ---- */

typedef struct {
    const char *start;         /* digits that were given */
    size_t found;
    sync_heir heir;
} heir_search;

static bool search_one(void *context, const sync_heir *one)
{
    heir_search *search = context;
    char hex[33];
    st_id_format(&one->device, hex);
    if (strncmp(hex, search->start, strlen(search->start)) != 0)
        return true;
    search->heir = *one;
    return ++search->found < 2;
}

static st_err find(operator_work *work, writer_turn *turn, sync_heir *out, st_error *error)
{
    heir_search search = { .start = work->operands[0] };
    st_err err = sync_heir_each(turn->txn, search_one, &search, error);
    if (err != ST_OK)
        return err;
    if (search.start[0] == '\0' || search.found == 0)
        return st_fail(error, ST_E_NOT_FOUND, "no copy '%.40s' asks for a key (`device list`)",
                       search.start);
    if (search.found > 1)
        return st_fail(error, ST_E_VALUE, "'%.40s' begins more than one: write more of it",
                       search.start);
    *out = search.heir;
    return ST_OK;
}

typedef struct {
    bool confirms;
    const char *reason;
    char hex[33], old[33];     /* result */
} heir_wish;

/* One person of the office is enough: a link for a new phone asks for no more. */
static st_role role_for(const auth_person *person)
{
    return operator_role_of(person, 1u << ST_ROLE_OFFICE | 1u << ST_ROLE_OFFICE_HEAD |
                                        1u << ST_ROLE_ADMIN);
}

static st_err run_heir(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    heir_wish *wish = argument;
    auth_person person;
    sync_heir heir;
    sync_heir_by by;
    st_err err = operator_actor(work, turn->txn, &person, error);
    if (err != ST_OK)
        return err;
    by = (sync_heir_by){ person.id, role_for(&person) };
    if (by.role == ST_ROLE_NONE)
        return st_fail(error, ST_E_DENIED, "'%.40s' is not of the office", person.login.s);
    err = find(work, turn, &heir, error);
    if (err != ST_OK)
        return err;
    st_id_format(&heir.device, wish->hex);
    st_id_format(&heir.old, wish->old);
    return wish->confirms ? sync_heir_confirm(turn, &heir, &by, error)
                          : sync_heir_decline(turn, &heir, &by, wish->reason, error);
}

int operator_device_confirm(operator_work *work)
{
    heir_wish wish = { .confirms = true };
    if (operator_write(work, run_heir, &wish) != ST_OK)
        return operator_fail(work);
    operator_say(work,
                 work->vi ? "Đã xác nhận máy %s, bản sao của %s; máy cũ giữ nguyên\n"
                          : "Confirmed device %s, a copy of %s; the old one stays as it is\n",
                 wish.hex, wish.old);
    return 0;
}

int operator_device_decline(operator_work *work)
{
    heir_wish wish = { .confirms = false };
    st_err err = operator_reason(work, &wish.reason, &work->error);
    if (err == ST_OK)
        err = operator_write(work, run_heir, &wish);
    if (err != ST_OK)
        return operator_fail(work);
    operator_say(work, work->vi ? "Không xác nhận máy %s, bản sao của %s\n"
                                : "Declined device %s, a copy of %s\n", wish.hex, wish.old);
    return 0;
}
