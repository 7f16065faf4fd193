/* tests/fault/faults.h - between the programs and everything they call: counts the calls of each
 * class, lets the n-th of one class fail, and knows which memory was not given back. */
#ifndef SOTAY_TESTS_FAULT_FAULTS_H
#define SOTAY_TESTS_FAULT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is counted. */
typedef enum {
    CALL_NONE,
    CALL_MEMORY, /* malloc, calloc, realloc, posix_memalign: of all libraries */
    CALL_OPEN,   /* open, fopen, opendir */
    CALL_READ,   /* read, pread, fread, fgets */
    CALL_WRITE,  /* write, pwrite, writev, fputs, fwrite, fallocate */
    CALL_SYNC,   /* fsync, fdatasync, fflush of a file */
    CALL_MAP,    /* mmap */
    CALL_NAME,   /* mkdir, rename, stat, fstat, flock, ftruncate */
    CALL_LOOK,   /* access, readdir */
    CALL_REMOVE, /* unlink, rmdir, remove */
    CALL_CLOSE,  /* close, fclose */
    CALL_LMDB,   /* every call of LMDB that can fail */
    CALL_PUT,    /* those of them that write */
    CALL_ZSTD,
    CALL_CURL,
    CALL_SODIUM,
    CALL_RANDOM, /* getrandom */
    CALL_THREAD, /* pthread_create */
    CALL_COUNT
} fault_call;

/* What is tried: a class of calls and what they answer. */
typedef struct {
    const char *name;
    fault_call call;
    int code;        /* errno, or the library's own */
    bool is_disk;    /* the store may stay shut until it is opened again */
    bool may_be_cut; /* what was read may look damaged rather than unread */
} fault_family;

/* The families, ended by a NULL name. */
const fault_family *fault_families(void);

#define FAULT_SHORT (-9999) /* writes half of what it was given, then there is no more room */
#define FAULT_LOST  (-9998) /* the request went out, the answer was lost */

/* What the next armed section does: the n-th call of the family fails, and with `on` all after it.
 * NULL: only counts. Counting starts anew. */
void fault_plan(const fault_family *family, uint64_t n, bool on);
/* Calls of this thread count between arm and disarm; pairs nest as pause and resume do. With
 * `everywhere`, calls of all threads count. */
void fault_arm(bool everywhere);
void fault_disarm(void);
/* Inside an armed section: what is not under test. */
void fault_pause(void);
void fault_resume(void);
/* How often one was called since the plan, and whether it failed. */
uint64_t fault_calls(fault_call call);
bool fault_fired(void);
/* What is read in this try may look damaged rather than unread. */
bool fault_may_cut(void);

/* How a process ends that calls _exit(0) while it may; another that ends by itself ends with 0. */
#define FAULT_ENDED 9
void fault_may_end(bool may);
bool fault_can_end(void);

/* For the interposers: 0, or the code to fail with. */
int fault_hits(fault_call call);
/* The library's own function of that name, behind ours. */
void *fault_real(const char *name);

/* From now on memory that is taken is remembered until it is given back. Forgets what it knew. */
void live_start(void);
/* How many pieces were not given back; prints the first of them to stderr when `say`. */
size_t live_count(bool say);
/* Ends it. */
void live_stop(void);
/* For the interposers. */
void live_add(void *piece, size_t len, void *taker);
void live_drop(void *piece);

#endif
