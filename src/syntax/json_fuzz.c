/* json_fuzz.c — any bytes: both readers agree, and what is written reads back as the same tree. */
#include <string.h>

#include "base/arena.h"
#include "syntax/json.h"

enum {
    BYTES_PER_BYTE = 256, /* a node is 80 bytes, the shortest value two; duplicates add a table */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_accepted_by_reader(struct arena *arena, struct str text)
{
    struct json_reader reader;
    json_reader_init(&reader, arena, text);
    enum json_token token = JSON_TOKEN_NULL;
    while (token != JSON_TOKEN_END && token != JSON_TOKEN_ERROR) {
        token = json_read(&reader);
        CHECK(reader.at <= text.len && reader.depth <= JSON_MAX_DEPTH);
    }
    return token == JSON_TOKEN_END;
}

static bool is_skipped_by_reader(struct arena *arena, struct str text)
{
    struct json_reader reader;
    json_reader_init(&reader, arena, text);
    return json_skip(&reader, JSON_TOKEN_END) == 0 && json_read(&reader) == JSON_TOKEN_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = str_of((const char *)data, size);
    struct json *value = NULL;
    struct json_error error = {0};
    int rc = json_parse(arena, text, 0, &value, &error);
    CHECK(arena_used(arena) <= size * BYTES_PER_BYTE + 4096);
    CHECK((rc == 0) == is_accepted_by_reader(arena, text));
    CHECK((rc == 0) == is_skipped_by_reader(arena, text));
    struct json *strict = NULL;
    int strict_rc = json_parse(arena, text, JSON_REFUSE_DUPLICATES, &strict, NULL);
    if (rc < 0) {
        CHECK(error.message && error.offset <= size);
        CHECK(strict_rc < 0); /* it may stop earlier, at a duplicate */
        return 0;
    }
    if (strict_rc == 0)
        CHECK(json_equal(value, strict));
    struct str written = json_to_str(arena, value);
    CHECK(str_is_utf8(written));
    struct json *again = NULL;
    CHECK(json_parse(arena, written, JSON_REFUSE_DUPLICATES, &again, &error) == 0);
    CHECK(json_equal(value, again));
    CHECK(str_eq(written, json_to_str(arena, json_copy(arena, again))));
    struct buf indented;
    buf_init(&indented, arena, 64 * 1024 * 1024);
    json_write(&indented, value, 1);
    CHECK(json_parse(arena, buf_str(&indented), 0, &again, NULL) == 0);
    CHECK(json_equal(value, again));
    return 0;
}
