/* tools/fuzz/phone_stage.h - the phone of phone_world.h at each request that it makes: an input is
 * the answer to one of them. */
#ifndef SOTAY_TOOLS_FUZZ_PHONE_STAGE_H
#define SOTAY_TOOLS_FUZZ_PHONE_STAGE_H

#include "tools/fuzz/fuzz.h"
#include "tools/fuzz/phone_world.h"

#define STAGE_PIECES 2u

typedef enum {
    STAGE_SYNC,
    STAGE_ENROL,    /* a phone that is nobody's yet */
    STAGE_HAVE,     /* the data is with the server; what has it of a file? */
    STAGE_CHUNKS,   /* pieces of the file were sent */
    STAGE_FETCH,    /* a file is wanted here */
    STAGE_SNAPSHOT, /* pieces of a snapshot that an answer named */
    STAGES
} phone_stage;

typedef struct {
    phone_stage stage;
    phone_world *world;
    sotay_port port;
    sotay_client *client;
    sotay_sync *sync;
    sotay_request request; /* that is to be answered */
} phone_ask;

/* The pieces of the file that is sent, or wanted. */
extern const st_chunk STAGE_FILE[STAGE_PIECES];

/* A copy of the phone that has made the request; snapshot: the stream that will be its one piece,
 * with the sum of the records in its frames. The client keeps *out. Ended by phone_stage_close. */
void phone_stage_open(phone_stage stage, const st_buffer *snapshot, const st_sum *sum,
                      phone_ask *out);
void phone_stage_close(phone_ask *ask);

#endif
