/* http_head_fuzz.c — whatever the scan and the parser accept keeps the promises of http_head.h. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "net/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str all, struct str part)
{
    if (part.len > 0)
        CHECK(part.ptr >= all.ptr && part.ptr + part.len <= all.ptr + all.len);
}

static void check_text(struct str text, bool allows_space)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        CHECK(c != 0x7f && (c > 0x20 || (allows_space && (c == ' ' || c == '\t'))));
    }
}

static void check_head(struct str bytes, const struct http_head *head)
{
    check_inside(bytes, head->method);
    check_inside(bytes, head->target);
    check_inside(bytes, head->host);
    check_text(head->method, false);
    check_text(head->target, false);
    check_text(head->host, false);
    CHECK(head->method.len > 0 && head->raw_path.len > 0);
    CHECK(head->raw_path.ptr[0] == '/' || str_eq_cstr(head->raw_path, "*"));
    CHECK(str_index(head->raw_path, '?') < 0);
    CHECK(head->header_count <= HTTP_MAX_HEADERS);
    CHECK(!head->is_chunked || (head->content_length < 0 && !head->is_http10));
    int host_count = 0;
    int length_count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        check_inside(bytes, header->name);
        check_inside(bytes, header->value);
        CHECK(header->name.len > 0 && str_index(header->name, ':') < 0);
        check_text(header->name, false);
        check_text(header->value, true);
        CHECK(str_eq(header->value, str_trim(header->value)));
        host_count += str_eq_nocase(header->name, STR("host"));
        length_count += str_eq_nocase(header->name, STR("content-length"));
    }
    CHECK(host_count <= 1 && (host_count == 1 || head->is_http10));
    CHECK(length_count == (head->content_length >= 0));
}

/* As if byte by byte: the end is found at the same place. */
static void check_split(struct str bytes, ptrdiff_t wanted)
{
    size_t position = 0;
    for (size_t len = 0; len <= bytes.len; len++) {
        ptrdiff_t got = http_head_scan(str_slice(bytes, 0, len), &position);
        if (got != 0) {
            CHECK(got == wanted);
            return;
        }
    }
    CHECK(wanted == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_header headers[HTTP_MAX_HEADERS];
    struct str bytes = str_of((const char *)data, size);
    size_t position = 0;
    ptrdiff_t len = http_head_scan(bytes, &position);
    if (size <= 512)
        check_split(bytes, len);
    if (len <= 0)
        return 0;
    bytes.len = (size_t)len;
    CHECK(str_ends_with(bytes, STR("\r\n\r\n")));
    CHECK(str_find(bytes, STR("\r\n\r\n")) == len - 4);
    struct http_head head = {.headers = headers};
    int status = http_head_parse(bytes, &head);
    CHECK(status == 0 || (status >= 400 && status <= 505));
    if (status == 0)
        check_head(bytes, &head);
    return 0;
}
