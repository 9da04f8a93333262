/* http_head.c — one strict pass over the bytes, then llhttp, then the rules of RFC 9112.
 *
 * llhttp 8 in its usual build accepts things that other HTTP software reads differently, which is
 * what request smuggling lives on: folded lines (CVE-2024-27982), `\r\n\rX` as the end of a head
 * (CVE-2025-23167), CR alone between headers (CVE-2023-30589). The scan refuses all control
 * characters but HTAB inside a line and CR LF between lines, and a line that begins with white
 * space; so llhttp only ever sees a complete, well-ended head, and is left to check the characters
 * of method, target, names and values. What is decided about framing (Content-Length,
 * Transfer-Encoding, Host) is decided here, from the headers that the application sees too.
 *
 * RFC: 9112 sections 2.2, 3, 5, 6; 9110 sections 5.6, 7.2, 10.1.1.
 */
#include "net/http_head.h"

#include <endian.h>
#include <errno.h>
#include <llhttp.h>
#include <string.h>

enum {
    STATUS_BAD_REQUEST = 400,
    STATUS_EXPECTATION_FAILED = 417,
    STATUS_HEAD_TOO_LARGE = 431,
    STATUS_NOT_IMPLEMENTED = 501,
    STATUS_VERSION_NOT_SUPPORTED = 505,
};

/* How many of the eight bytes come before the first one below 0x20; 8: there is none. */
static size_t clean_prefix(const char *eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word = 0;
    memcpy(&word, eight, sizeof(word));
    word = le64toh(word); /* the first byte is the lowest */
    /* A byte's top bit is set where subtracting 0x20 borrows; above the first such byte the borrow
     * may have run on, so only the first counts. */
    uint64_t below = (word - ones * 0x20) & ~word & (ones * 0x80);
    return below ? (size_t)__builtin_ctzll(below) / 8 : 8;
}

ptrdiff_t http_head_scan(struct str bytes, size_t *position)
{
    const char *at = bytes.ptr;
    size_t i = *position;
    while (i < bytes.len) {
        if (i + 8 <= bytes.len) {
            size_t clean = clean_prefix(at + i);
            i += clean;
            if (clean == 8)
                continue;
        }
        if ((unsigned char)at[i] >= 0x20 || at[i] == '\t') {
            i++;
            continue;
        }
        if (at[i] != '\r')
            return -EBADMSG;
        /* Up to here is clean; the line end is looked at again when it is not complete. */
        *position = i;
        if (i + 1 == bytes.len)
            return 0;
        if (at[i + 1] != '\n')
            return -EBADMSG;
        if (i + 2 == bytes.len)
            return 0;
        if (at[i + 2] == ' ' || at[i + 2] == '\t')
            return -EBADMSG;
        if (at[i + 2] != '\r') {
            i += 2;
            continue;
        }
        if (i + 3 == bytes.len)
            return 0;
        return at[i + 3] == '\n' ? (ptrdiff_t)i + 4 : -EBADMSG;
    }
    *position = i;
    return 0;
}

/* State of one llhttp run, which sees the whole head in one piece. */
struct reading {
    struct http_head *head;
    bool is_in_value; /* the last header has its value begun */
    bool has_too_many;
};

/* Appends a span to `text`. llhttp may give one text in several spans; they are adjacent. */
static int extend(struct str *text, const char *at, size_t len)
{
    if (!text->ptr)
        text->ptr = at;
    else if (text->ptr + text->len != at)
        return HPE_USER;
    text->len += len;
    return 0;
}

static int on_method(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    return extend(&reading->head->method, at, len);
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    return extend(&reading->head->target, at, len);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    struct http_head *head = reading->head;
    if (head->header_count == 0 || reading->is_in_value) {
        if (head->header_count == HTTP_MAX_HEADERS) {
            reading->has_too_many = true;
            return HPE_USER;
        }
        head->headers[head->header_count++] = (struct http_header){0};
        reading->is_in_value = false;
    }
    return extend(&head->headers[head->header_count - 1].name, at, len);
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    struct http_head *head = reading->head;
    if (head->header_count == 0)
        return HPE_USER;
    reading->is_in_value = true;
    return extend(&head->headers[head->header_count - 1].value, at, len);
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct reading *reading = parser->data;
    reading->is_in_value = true; /* also when the value is empty */
    return 0;
}

/* The body is not llhttp's: stop behind the head. */
static int on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
};

/* The version ends the first line; llhttp would also take 0.9, RTSP, ICE and HTTP/2's preface. */
static int check_version(struct str line, bool *out_is_http10)
{
    if (str_ends_with(line, STR(" HTTP/1.1"))) {
        *out_is_http10 = false;
        return 0;
    }
    if (str_ends_with(line, STR(" HTTP/1.0"))) {
        *out_is_http10 = true;
        return 0;
    }
    ptrdiff_t last_space = str_last_index(line, ' ');
    if (last_space > 0 && str_starts_with(str_from(line, (size_t)last_space), STR(" HTTP/")))
        return STATUS_VERSION_NOT_SUPPORTED;
    return STATUS_BAD_REQUEST;
}

/* A set of ASCII characters: bit c & 63 of word c >> 6. */
struct char_set {
    uint64_t bits[2];
};

/* RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
static const struct char_set token_chars = {
    {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)}};
/* RFC 3986 3.2 without user information: letters, digits and !$%&'()*+,-.:;=[]_~ */
static const struct char_set host_chars = {
    {UINT64_C(0x2fff7ff200000000), UINT64_C(0x47fffffeaffffffe)}};

static bool is_all_of(struct str text, const struct char_set *set)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 128 || !(set->bits[c >> 6] >> (c & 63) & 1))
            return false;
    }
    return true;
}

static int read_content_length(struct str text, int64_t *out_length)
{
    int64_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return STATUS_BAD_REQUEST; /* also signs and lists */
        int64_t digit = text.ptr[i] - '0';
        if (__builtin_mul_overflow(length, (int64_t)10, &length) ||
            __builtin_add_overflow(length, digit, &length))
            return STATUS_BAD_REQUEST;
    }
    if (text.len == 0)
        return STATUS_BAD_REQUEST;
    *out_length = length;
    return 0;
}

/* What the headers that decide framing, host and connection say. */
struct framing {
    bool has_transfer_encoding;
    bool has_host;
    bool has_close; /* wins over keep-alive, whichever comes first */
};

static void read_connection(struct http_head *head, struct framing *framing, struct str value)
{
    struct str token;
    while (str_split_next(&value, ',', &token)) {
        token = str_trim(token);
        if (str_eq_nocase(token, STR("close")))
            framing->has_close = true;
        else if (str_eq_nocase(token, STR("keep-alive")))
            head->keeps_alive = true;
    }
}

static int read_transfer_encoding(struct http_head *head, struct framing *framing, struct str value)
{
    /* RFC 9112 6.1: in HTTP/1.0 its framing is faulty. */
    if (framing->has_transfer_encoding || head->is_http10 || !str_eq_nocase(value, STR("chunked")))
        return STATUS_BAD_REQUEST;
    framing->has_transfer_encoding = true;
    head->is_chunked = true;
    return 0;
}

static int read_host(struct http_head *head, struct framing *framing, struct str value)
{
    if (framing->has_host || !is_all_of(value, &host_chars))
        return STATUS_BAD_REQUEST;
    framing->has_host = true;
    head->host = value;
    return 0;
}

/* The length of the name tells most headers apart from the few that matter here. */
static int read_header(struct http_head *head, struct framing *framing,
                       const struct http_header *header)
{
    const struct str name = header->name;
    if (name.len == 4 && str_eq_nocase(name, STR("host")))
        return read_host(head, framing, header->value);
    if (name.len == 6 && str_eq_nocase(name, STR("expect"))) {
        if (!str_eq_nocase(header->value, STR("100-continue")))
            return STATUS_EXPECTATION_FAILED;
        head->expects_continue = !head->is_http10;
        return 0;
    }
    if (name.len == 10 && str_eq_nocase(name, STR("connection"))) {
        read_connection(head, framing, header->value);
        return 0;
    }
    if (name.len == 14 && str_eq_nocase(name, STR("content-length"))) {
        if (head->content_length >= 0)
            return STATUS_BAD_REQUEST;
        return read_content_length(header->value, &head->content_length);
    }
    if (name.len == 17 && str_eq_nocase(name, STR("transfer-encoding")))
        return read_transfer_encoding(head, framing, header->value);
    return 0;
}

static int read_headers(struct http_head *head)
{
    struct framing framing = {0};
    for (size_t i = 0; i < head->header_count; i++) {
        struct http_header *header = &head->headers[i];
        if (header->name.len == 0 || !is_all_of(header->name, &token_chars))
            return STATUS_BAD_REQUEST; /* also white space before the colon */
        header->value = header->value.ptr ? str_trim(header->value) : STR("");
        int status = read_header(head, &framing, header);
        if (status != 0)
            return status;
    }
    if (framing.has_close)
        head->keeps_alive = false;
    if (framing.has_transfer_encoding && head->content_length >= 0)
        return STATUS_BAD_REQUEST;
    if (!framing.has_host && !head->is_http10)
        return STATUS_BAD_REQUEST;
    return 0;
}

static bool is_target_text(struct str target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        /* Bytes above 0x7f are no URI, but real clients send UTF-8 paths unescaped. */
        if (c <= 0x20 || c == 0x7f || c == '#')
            return false;
    }
    return target.len > 0;
}

/* Splits origin-form, absolute-form and "*" (RFC 9112 3.2). */
static int read_target(struct http_head *head)
{
    if (str_eq(head->method, STR("CONNECT")))
        return STATUS_NOT_IMPLEMENTED;
    if (!is_target_text(head->target))
        return STATUS_BAD_REQUEST;

    struct str rest = head->target;
    if (rest.ptr[0] != '/' && !str_eq(rest, STR("*"))) {
        size_t scheme_len = str_eq_nocase(str_slice(rest, 0, 7), STR("http://"))    ? 7
                            : str_eq_nocase(str_slice(rest, 0, 8), STR("https://")) ? 8
                                                                                    : 0;
        if (scheme_len == 0)
            return STATUS_BAD_REQUEST;
        rest = str_from(rest, scheme_len);
        size_t host_len = 0;
        while (host_len < rest.len && rest.ptr[host_len] != '/' && rest.ptr[host_len] != '?')
            host_len++;
        /* RFC 9112 3.2.2: the authority of an absolute target replaces the Host header. */
        head->host = str_slice(rest, 0, host_len);
        if (host_len == 0 || !is_all_of(head->host, &host_chars))
            return STATUS_BAD_REQUEST;
        rest = str_from(rest, host_len);
    }
    ptrdiff_t question = str_index(rest, '?');
    head->raw_path = question < 0 ? rest : str_slice(rest, 0, (size_t)question);
    if (question >= 0)
        head->raw_query = str_from(rest, (size_t)question + 1);
    if (head->raw_path.len == 0)
        head->raw_path = STR("/");
    return 0;
}

int http_head_parse(struct str bytes, struct http_head *out_head)
{
    struct http_header *headers = out_head->headers;
    *out_head = (struct http_head){.headers = headers, .host = STR(""), .content_length = -1};
    ptrdiff_t line_len = str_index(bytes, '\r');
    struct str line = str_slice(bytes, 0, line_len < 0 ? 0 : (size_t)line_len);
    int status = check_version(line, &out_head->is_http10);
    if (status != 0)
        return status;
    out_head->keeps_alive = !out_head->is_http10;

    struct reading reading = {.head = out_head};
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &reading;
    llhttp_errno_t rc = llhttp_execute(&parser, bytes.ptr, bytes.len);
    if (reading.has_too_many)
        return STATUS_HEAD_TOO_LARGE;
    if (rc != HPE_PAUSED)
        return STATUS_BAD_REQUEST;
    /* Nothing but single spaces between the three parts of the first line. */
    if (out_head->method.len + out_head->target.len + STR("  HTTP/1.1").len != line.len)
        return STATUS_BAD_REQUEST;

    status = read_headers(out_head);
    return status != 0 ? status : read_target(out_head);
}
