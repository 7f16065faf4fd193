/* server/progress.h - how far a long piece of work is: verify, rebuild, backup, restore, compact.
 * Whoever does it counts; whoever wants to know is told, or looks from another thread. */
#ifndef SOTAY_SERVER_PROGRESS_H
#define SOTAY_SERVER_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* X(enum, word, Vietnamese, English): what is being done. */
#define PROGRESS_STAGES(X) \
    X(PROGRESS_NONE, "none", "không có việc dài", "nothing long") \
    X(PROGRESS_READ, "read", "Đọc các tệp sao lưu", "Reading the backup") \
    X(PROGRESS_LOAD, "load", "Nạp bản sao lưu", "Loading the backup") \
    X(PROGRESS_FOLD, "fold", "Dựng sổ từ nhật ký", "Folding the log") \
    X(PROGRESS_COMPARE, "compare", "So các bảng", "Comparing tables") \
    X(PROGRESS_LOG, "log", "Chép nhật ký", "Copying the log") \
    X(PROGRESS_FILES, "files", "Tệp đính kèm", "Files of records") \
    X(PROGRESS_COMPACT, "compact", "Thu gọn tệp của sổ", "Making the store smaller")

#define X(name, word, vi, en) name,
typedef enum { PROGRESS_STAGES(X) PROGRESS_STAGE_COUNT } progress_stage;
#undef X

/* A moment of it. total 0: nobody knows how much it will be. */
typedef struct {
    progress_stage stage;
    uint64_t done, total;
} progress_now;

/* Zeroed: nothing is done. Two pieces of work at once count into the one that began last. */
typedef struct {
    atomic_uint stage;
    atomic_uint_fast64_t done, total;
    /* Called by whoever does the work, after each step; NULL: nobody. */
    void (*tell)(void *context, const progress_now *now);
    void *context;
} progress;

/* A stage begins. p may be NULL here and below: nobody wants to know. */
void progress_begin(progress *p, progress_stage stage, uint64_t total);
/* So much more of it is done; so much in all. */
void progress_add(progress *p, uint64_t n);
void progress_set(progress *p, uint64_t done);
/* The work is over, well or not. */
void progress_end(progress *p);
/* From any thread. */
progress_now progress_get(const progress *p);
/* "fold"; and what people read. Never NULL. */
const char *progress_word(progress_stage stage);
const char *progress_label(progress_stage stage, bool vi);

#endif
