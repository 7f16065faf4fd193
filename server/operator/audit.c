/* server/operator/audit.c - audit export, audit proof. Promises that what is written can be checked
 * by sotay-verify with nothing but the key. A check code is computed from the leaves anew. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/audit/publish.h"
#include "server/audit/tree.h"
#include "server/operator/work.h"
#include "server/store/dir.h"
#include "server/store/pack.h"
#include "server/sync/epoch.h"
#include "server/sync/fence.h"

#define FILE_BYTES_MAX 131072u

int operator_audit_export(operator_work *work)
{
    audit_export_report report;
    char root[48];
    memset(&report, 0, sizeof report);
    st_err err = ST_OK;
    if (store_dir_is_inside(work->operands[0], work->rooms->dir))
        err = st_fail(&work->error, ST_E_VALUE, "%s: lies in the folder of the book",
                      work->operands[0]);
    if (err == ST_OK)
        err = audit_export(work->room, work->operands[0], &report, &work->error);
    if (err != ST_OK)
        return operator_fail(work);
    st_base64(report.head.root.b, sizeof report.head.root.b, root);
    operator_say(work,
                 work->vi ? "%s: %" PRIu64 " mục, gốc %s, %" PRIu64 " tệp\n"
                          : "%s: %" PRIu64 " entries, root %s, %" PRIu64 " files\n",
                 work->operands[0], report.head.size, root, report.files);
    return 0;
}

/* ---- proofs of a record ---- */

static st_err write_part(const char *dir, uint64_t index, const char *ending,
                         const st_buffer *bytes, st_error *error)
{
    char path[STORE_PATH_BYTES], name[48];
    (void)snprintf(name, sizeof name, "%" PRIu64 ".%s", index, ending);
    st_err err = store_dir_path(dir, name, path, error);
    return err == ST_OK ? audit_write_file(path, bytes, error) : err;
}

/* dir NULL: the proof alone, to stdout. */
static st_err put_proof(operator_work *work, uint64_t index, const char *dir)
{
    st_buffer file, leaf;
    st_buffer_init(&file, FILE_BYTES_MAX);
    st_buffer_init(&leaf, FILE_BYTES_MAX);
    st_err err = audit_proof(&work->txn, index, &file, &leaf, &work->error);
    if (err == ST_OK && dir == NULL)
        operator_say(work, "%.*s", (int)file.len, (const char *)file.data);
    if (err == ST_OK && dir != NULL)
        err = write_part(dir, index, "tlog-proof", &file, &work->error);
    if (err == ST_OK && dir != NULL)
        err = write_part(dir, index, "leaf", &leaf, &work->error);
    st_buffer_free(&leaf);
    st_buffer_free(&file);
    return err;
}

/* Every entry that touched the record; *out_last is the newest, 0: there is none. */
static st_err each_entry(operator_work *work, const st_id *record, const char *dir,
                         uint64_t *out_last, uint64_t *out_count)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(record->b, sizeof record->b);
    st_err err = store_cursor_open(&work->txn, STORE_HISTORY, &cursor, &work->error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, &work->error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        const uint8_t *key = cursor.key.data;
        uint64_t index = cursor.key.len >= 24 ? st_get_u64(key + 16) : 0;
        bool is_new = index != *out_last;
        *out_last = index;
        *out_count += is_new ? 1 : 0;
        if (is_new && dir != NULL)
            err = put_proof(work, index, dir);
        if (err == ST_OK)
            err = store_next(&cursor, &work->error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* ---- the check code on a paper ---- */

/* The mark of a meeting that the paper speaks of; NULL: none of those of this log, or of before. By
 * the leaves the paper is of this log, or is not: that holds for its mark too. */
static const sync_fence *fence_of(const sync_fences *fences, const st_paper *paper, bool of_before)
{
    for (size_t i = 0; i < fences->count; i++)
        if ((fences->list[i].is_of_before == of_before || fences->list[i].is_unread)
            && st_paper_is(paper, &fences->list[i].root))
            return &fences->list[i];
    return NULL;
}

/* Paper of a book that was put back since speaks of what was lost, perhaps. */
static st_err refuse_code(operator_work *work, const sync_fences *fences, const st_paper *paper)
{
    uint64_t cut = 0;
    char meeting[33];
    const sync_fence *mark = fence_of(fences, paper, true);
    st_err err = sync_epochs_first_cut(&work->txn, &cut, &work->error);
    if (err != ST_OK)
        return err;
    if (mark != NULL) {
        st_id_format(&mark->meeting, meeting);
        return st_fail(&work->error, ST_E_NOT_FOUND,
                       "the code is that of the first %" PRIu64 " entries when meeting %s %s, "
                       "of the log before the book was put back", mark->index, meeting,
                       mark->is_close ? "closed" : "opened");
    }
    return st_fail(&work->error, ST_E_NOT_FOUND,
                   "no beginning of this log has the check code \"%.40s\"%s", work->options.code,
                   cut == UINT64_MAX ? ""
                                     : "; a new epoch began since (audit list epochs): of what was "
                                       "given up then it may be");
}

/* Of how many entries, from the first, the paper speaks; the most, should two have the same code.
 * 0: of none. */
static st_err find_code(operator_work *work, const st_paper *paper, uint64_t *out_size)
{
    st_tree_source source = audit_tree_source(&work->txn);
    st_tree_edge edge, now;
    memset(&edge, 0, sizeof edge);
    *out_size = 0;
    st_err err = audit_edge_get(&work->txn, &now, &work->error);
    while (err == ST_OK && edge.size < now.size) {
        st_hash leaf;
        err = source.node(source.context, 0, edge.size, &leaf, &work->error);
        if (err != ST_OK)
            break;
        (void)st_tree_add(&edge, &leaf);
        st_hash root = st_tree_root(&edge);
        if (st_paper_is(paper, &root))
            *out_size = edge.size;
    }
    return err;
}

/* What the verb was asked for, and has found. */
typedef struct {
    st_paper paper;
    uint64_t size;             /* that the paper speaks of */
    uint64_t last, count;      /* of the record: its newest entry, how many it has */
    const sync_fence *mark;    /* of the meeting at which the paper was written; NULL: of none */
    sync_fences fences;
} proof_call;

static void say_code(operator_work *work, const proof_call *call)
{
    char meeting[33];
    const char *in = work->vi ? "đã có trong đó" : "is one of them";
    const char *since = work->vi ? "là sửa sau đó" : "is a later change";
    operator_say(work,
                 work->vi ? "Mã kiểm tra của %" PRIu64 " mục đầu; mục mới nhất của phiếu, %" PRIu64
                            ", %s\n"
                          : "The check code of the first %" PRIu64 " entries; the newest of the "
                            "record, %" PRIu64 ", %s\n",
                 call->size, call->last, call->last <= call->size ? in : since);
    if (call->mark == NULL)
        return;
    st_id_format(&call->mark->meeting, meeting);
    operator_say(work, work->vi ? "Đó là lúc %s %s\n" : "That is when meeting %s %s\n",
                 work->vi ? (call->mark->is_close ? "kết thúc cuộc họp" : "mở cuộc họp") : meeting,
                 work->vi ? meeting : (call->mark->is_close ? "closed" : "opened"));
}

/* Marks that cannot be read are said to be so: a paper of which nothing else is known is not
 * refused by what is left of them. */
static st_err look_up_code(operator_work *work, proof_call *call)
{
    st_error why = { ST_OK, "" };
    st_err err = find_code(work, &call->paper, &call->size);
    if (err != ST_OK)
        return err;
    st_err marks = operator_fences(work, &call->fences, &why);
    if (marks != ST_OK && call->size == 0)
        return st_fail(&work->error, marks, "the marks of meetings: %.160s", why.detail);
    sync_note_unread(&work->unread, marks, &why);
    if (call->size == 0)
        return refuse_code(work, &call->fences, &call->paper);
    call->mark = marks == ST_OK ? fence_of(&call->fences, &call->paper, false) : NULL;
    return ST_OK;
}

static st_err prove(operator_work *work, const st_id *record, const char *dir, proof_call *call)
{
    const bool has_code = work->options.code != NULL;
    st_err err = each_entry(work, record, dir, &call->last, &call->count);
    if (err == ST_OK && call->count == 0)
        err = st_fail(&work->error, ST_E_NOT_FOUND, "no entry of the log is about this record");
    if (err == ST_OK && dir != NULL)
        err = store_dir_sync(dir, &work->error);
    if (err == ST_OK && has_code)
        err = look_up_code(work, call);
    return err == ST_OK && dir == NULL && !has_code ? put_proof(work, call->last, NULL) : err;
}

int operator_audit_proof(operator_work *work)
{
    st_id record;
    proof_call call = { .size = 0 };
    const bool has_code = work->options.code != NULL;
    const char *dir = work->operands_count > 1 ? work->operands[1] : NULL;
    if (has_code && !st_paper_parse(work->options.code, &call.paper))
        return operator_misuse(work, "--code: mười sáu chữ số, thành bốn nhóm, hoặc 64 của mã gốc",
                               "--code: sixteen digits, in four groups, or the 64 of a root");
    st_err err = operator_record_id(work->operands[0], &record, &work->error);
    if (err == ST_OK && dir != NULL)
        err = store_dir_make(dir, &work->error);
    if (err == ST_OK)
        err = operator_read_begin(work);
    if (err == ST_OK)
        err = prove(work, &record, dir, &call);
    operator_read_end(work);
    if (err != ST_OK)
        return operator_fail(work);
    if (has_code)
        say_code(work, &call);
    if (dir != NULL)
        operator_say(work, work->vi ? "%s: %" PRIu64 " mục\n" : "%s: %" PRIu64 " entries\n", dir,
                     call.count);
    return 0;
}
