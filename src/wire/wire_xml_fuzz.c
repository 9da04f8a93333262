/* wire_xml_fuzz.c — whole REST requests: "METHOD path?query", header lines, an empty line, a body.
 * Routed and decoded as restXml and as restJson.
 */
#include "wire/protocol_fuzzing.h"

enum {
    MAX_HEADERS = 8,
};

static void fuzz_rest(enum protocol protocol, const struct wire_request *request)
{
    struct arena *arena = arena_new();
    struct str name;
    const struct operation *operation =
        wire_find_operation(&fix_service, protocol, request, arena, &name);
    if (operation)
        fuzz_request(arena, protocol, operation, request);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[MAX_HEADERS];
    struct wire_request request = {.headers = headers};
    struct str rest = str_of((const char *)data, size);
    struct str line;
    str_split_next(&rest, '\n', &line);
    str_split_next(&line, ' ', &request.method);
    request.raw_query = str_or(line, STR(""));
    str_split_next(&request.raw_query, '?', &request.raw_path);
    while (str_split_next(&rest, '\n', &line) && line.len > 0) {
        struct str header_name;
        str_split_next(&line, ':', &header_name);
        if (request.header_count < MAX_HEADERS)
            headers[request.header_count++] =
                (struct http_header){.name = header_name, .value = str_trim(str_or(line, STR("")))};
    }
    request.body = str_or(rest, STR(""));
    fuzz_rest(PROTOCOL_REST_XML, &request);
    fuzz_rest(PROTOCOL_REST_JSON, &request);
    return 0;
}
