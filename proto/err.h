/* proto/err.h - one table: code, what HTTP says, what a phone does next, what people read.
 * The sentences are complete and say what happened to the data. */
#ifndef SOTAY_PROTO_ERR_H
#define SOTAY_PROTO_ERR_H

#include <stdbool.h>

typedef enum { ST_RETRY_NEVER, ST_RETRY_LATER, ST_RETRY_SIGNAL } st_retry;

/* X(code, http, retry, vi, en) */
#define ST_ERRORS(X) \
    X(ST_OK, 200, ST_RETRY_NEVER, "Xong.", "Done.") \
    X(ST_E_NOT_FOUND, 404, ST_RETRY_NEVER, "Không tìm thấy.", "Not found.") \
    X(ST_E_USAGE, 400, ST_RETRY_NEVER, "Cách gọi không đúng.", "Wrong usage.") \
    X(ST_E_VALUE, 422, ST_RETRY_NEVER, "Giá trị không hợp lệ, chưa ghi gì.", \
      "The value is not valid; nothing was written.") \
    X(ST_E_DENIED, 403, ST_RETRY_NEVER, "Không có quyền làm việc này, chưa ghi gì.", \
      "Not allowed; nothing was written.") \
    X(ST_E_STATE, 409, ST_RETRY_NEVER, "Phiếu không ở trạng thái cho phép việc này.", \
      "The record is not in a state that allows this.") \
    X(ST_E_CHANGED, 409, ST_RETRY_NEVER, "Có ý kiến mới đến trong lúc thống nhất, hãy xem lại.", \
      "A value came in between; look again.") \
    X(ST_E_TOO_LARGE, 413, ST_RETRY_NEVER, "Dữ liệu vượt quá giới hạn, chưa ghi gì.", \
      "The data is over its limit; nothing was written.") \
    X(ST_E_CORRUPT, 422, ST_RETRY_NEVER, "Dữ liệu bị hỏng, chưa ghi gì.", \
      "The data is damaged; nothing was written.") \
    X(ST_E_VERSION, 426, ST_RETRY_NEVER, "Phiên bản chưa được hỗ trợ; dữ liệu vẫn được giữ.", \
      "This version is not supported yet; the data is kept.") \
    X(ST_E_SIGNATURE, 401, ST_RETRY_NEVER, "Chữ ký không đúng, chưa nhận gì.", \
      "The signature is wrong; nothing was taken in.") \
    X(ST_E_AGAIN, 409, ST_RETRY_LATER, "Số thứ tự yêu cầu đã dùng, sẽ gửi lại.", \
      "The request counter was used before; it will be sent again.") \
    X(ST_E_ENROL, 403, ST_RETRY_NEVER, \
      "Mã đăng ký máy đã dùng, hết hạn hoặc không đúng, hãy xin đường dẫn mới.", \
      "The enrolment code is used, expired or wrong; ask for a new link.") \
    X(ST_E_BUSY, 503, ST_RETRY_LATER, "Sổ đang được chương trình khác dùng.", \
      "The store is in use by another program.") \
    X(ST_E_EXISTS, 409, ST_RETRY_NEVER, "Đã có rồi, chưa ghi gì.", \
      "It exists already; nothing was written.") \
    X(ST_E_PIN, 403, ST_RETRY_NEVER, "Mã PIN không đúng.", "The PIN is wrong.") \
    X(ST_E_STORAGE, 507, ST_RETRY_LATER, "Không ghi được vào bộ nhớ, chưa ghi gì.", \
      "The storage could not be written; nothing was written.") \
    X(ST_E_MEMORY, 503, ST_RETRY_LATER, "Hết bộ nhớ, chưa ghi gì.", \
      "Out of memory; nothing was written.") \
    X(ST_E_NETWORK, 503, ST_RETRY_SIGNAL, "Chưa có sóng, sẽ gửi lại sau.", \
      "No connection; it will be sent later.") \
    X(ST_E_SERVER, 500, ST_RETRY_LATER, "Máy chủ gặp lỗi, sẽ gửi lại sau.", \
      "The server failed; it will be sent later.") \
    X(ST_PENDING, 202, ST_RETRY_LATER, "Đang ghi.", "Being written.") \
    X(ST_E_FULL, 507, ST_RETRY_LATER, \
      "Sổ đã đầy, máy này không cho sổ lớn thêm được; chưa ghi gì.", \
      "The store is full and cannot grow further on this machine; nothing was written.")

#define X(name, http, retry, vi, en) name,
typedef enum { ST_ERRORS(X) ST_ERR_COUNT } st_err;
#undef X

#define ST_MUST_USE __attribute__((warn_unused_result))
/* A format and its arguments, C11's on every system: Windows has a library with its own. */
#if defined(__MINGW32__) && !defined(__clang__)
#define ST_PRINTF(format_at, first_at) __attribute__((format(gnu_printf, format_at, first_at)))
#else
#define ST_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#endif

/* What failed: the code for programs, `detail` for the log or for stderr (English, no field values
 * of records unless the caller just typed them). */
typedef struct {
    st_err code;
    char detail[200];
} st_error;

/* Fills *error (if not NULL) and returns code, so that failing is one line. */
st_err st_fail(st_error *error, st_err code, const char *format, ...)
    ST_PRINTF(3, 4);

/* The symbolic name ("ST_E_NOT_FOUND"), never NULL; "ST_E_UNKNOWN" for foreign numbers. */
const char *st_err_name(st_err code);
/* The sentence people read; lang "vi" or "en" (anything else: "en"). Never NULL. */
const char *st_err_sentence(st_err code, const char *lang);
/* The HTTP status of a code. */
int st_err_http(st_err code);
/* What a phone does next. */
st_retry st_err_retry(st_err code);
/* Is it that of a call that failed, a disk or memory, so that the next try may read what this one
 * did not? Any other error of a reader says what it read: damage, or what this program does not
 * know. */
bool st_err_is_passing(st_err code);

#endif
