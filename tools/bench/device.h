/* tools/bench/device.h - one sotay device of the bench: an LMDB store through the public header of
 * libsotay, its syncs driven over one connection that is kept open. What fails ends the program. */
#ifndef SOTAY_BENCH_DEVICE_H
#define SOTAY_BENCH_DEVICE_H

#include "client-lib/include/sotay.h"
#include "tools/bench/peers/wire.h"

#define DEVICE_FORM "bench"
#define DEVICE_UNIT "01477-x001"

typedef struct {
    sotay_port port;
    sotay_client *client;
    wire link;
} device;

/* Ends the program when a call of libsotay did not answer SOTAY_OK. */
void device_need(int code, const sotay_error *error, const char *what);
/* Opens or makes the store in the folder `dir`. */
void device_open(device *d, const char *dir);
/* Enrols with the link; the book is fetched by the first sync. */
void device_enrol(device *d, const char *link);
/* One sync to its end. */
void device_sync(device *d);
/* Sends what is unsent and takes the verdicts; reads nothing. */
void device_push(device *d);
void device_close(device *d);
/* The n-th line of the file that peer-server wrote; line holds line_bytes. */
void device_read_link(const char *path, int n, char *line, size_t line_bytes);

#endif
