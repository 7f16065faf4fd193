/* server/operator/qr.c - a link as a QR code that a terminal can show: two modules in one
 * character, dark on light, with the four quiet modules that a camera needs. */
#include <errno.h>
#include <qrencode.h>

#include "server/operator/work.h"

#define QUIET 4

static bool is_dark(const QRcode *code, int x, int y)
{
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return inside && (code->data[y * code->width + x] & 1) != 0;
}

/* Light is drawn, dark is left out: right on the dark ground of most terminals. */
static const char *half_blocks(bool top_dark, bool bottom_dark)
{
    if (top_dark)
        return bottom_dark ? " " : "▄";
    return bottom_dark ? "▀" : "█";
}

st_err operator_qr(const char *text, st_buffer *out, st_error *error)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (code == NULL)
        return st_fail(error, errno == ERANGE ? ST_E_TOO_LARGE : ST_E_MEMORY,
                       "the link does not fit a QR code");
    st_err err = ST_OK;
    for (int y = -QUIET; y < code->width + QUIET && err == ST_OK; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET && err == ST_OK; x++)
            err = st_buffer_printf(out, error, "%s",
                                   half_blocks(is_dark(code, x, y), is_dark(code, x, y + 1)));
        if (err == ST_OK)
            err = st_buffer_append(out, "\n", 1, error);
    }
    QRcode_free(code);
    return err;
}
