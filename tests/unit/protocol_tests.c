/* protocol_tests.c — runs Smithy's published protocol tests against the wire engines.
 *
 *     protocol_tests CASES EXCLUSIONS [ID]
 *
 * CASES is the file that tools/protocoltests.py makes; with ID only that case runs, and says what
 * was written. A request case is detected, routed and decoded, and the struct compared with the
 * wanted parameters; a malformed case must be refused; a response or error case is filled from its
 * parameters, encoded, and compared in status, headers and body. EXCLUSIONS lists the cases that do
 * not apply, one `id reason` a line. A case of the list that passes, or does not exist, is a
 * failure like any other: the list must not rot.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "protocol_compare.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "wire/protocol.h"

enum {
    MAX_FILE_BYTES = 16 * 1024 * 1024, /* all cases together are about half a megabyte */
};

extern const struct service_model *const protocol_models[];

static const struct str passed = {.ptr = NULL};

static const char *const protocol_names[PROTOCOL_COUNT] = {
    [PROTOCOL_AWS_JSON_1_0] = "awsJson1_0", [PROTOCOL_AWS_JSON_1_1] = "awsJson1_1",
    [PROTOCOL_AWS_QUERY] = "awsQuery",      [PROTOCOL_EC2_QUERY] = "ec2Query",
    [PROTOCOL_REST_JSON] = "restJson1",     [PROTOCOL_REST_XML] = "restXml",
    [PROTOCOL_RPC_V2_CBOR] = "rpcv2Cbor",
};

/* One case, as far as all kinds share it. */
struct test_case {
    struct arena *arena;
    const struct json *json;
    const struct service_model *service;
    enum protocol protocol;
    const struct json *params;
    struct str body; /* absent: the case does not say */
};

/* ---- requests ------------------------------------------------------------------------------ */

static void fill_headers(struct test_case *test, struct wire_request *request)
{
    const struct json *headers = json_find_cstr(test->json, "headers");
    struct http_header *array =
        arena_alloc_array(test->arena, headers->count, sizeof(struct http_header));
    size_t count = 0;
    for (const struct json *header = headers->first; header; header = header->next)
        array[count++] = (struct http_header){.name = header->key, .value = header->text};
    request->headers = array;
    request->header_count = count;
}

/* What a decoded struct holds against what the case wants. */
static struct str compare_params(struct test_case *test, const struct shape *shape,
                                 const void *value)
{
    struct buf text;
    buf_init(&text, test->arena, MAX_FILE_BYTES);
    wire_to_json(&text, shape, value);
    struct json *actual = NULL;
    if (json_parse(test->arena, buf_str(&text), 0, &actual, NULL) < 0)
        return str_concat(test->arena, STR("wire_to_json wrote "), buf_str(&text));
    return compare_json(test->arena, test->params, actual);
}

static struct wire_request request_of(struct test_case *test)
{
    struct wire_request request = {
        .method = json_find_str(test->json, "method"),
        .raw_path = json_find_str(test->json, "path"),
        .raw_query = json_find_str(test->json, "query"),
        .body = test->body,
    };
    fill_headers(test, &request);
    return request;
}

static struct str run_request(struct test_case *test)
{
    const struct wire_request request = request_of(test);
    const int detected = wire_detect_protocol(test->service, &request);
    if (detected != (int)test->protocol)
        return str_format(test->arena, "detected as protocol %d", detected);
    struct str asked = {0};
    const struct operation *operation =
        wire_find_operation(test->service, test->protocol, &request, test->arena, &asked);
    const struct str wanted = json_find_str(test->json, "operation");
    if (!operation || !str_eq(operation->name, wanted))
        return str_format(test->arena, "routed to '" STR_FMT "', asked for '" STR_FMT "'",
                          STR_ARG(operation ? operation->name : STR("nothing")), STR_ARG(asked));
    void *in = arena_alloc(test->arena, operation->in_size);
    struct wire_problem problem = {0};
    if (wire_decode(test->protocol, test->arena, test->service, operation, &request, in, &problem) <
        0)
        return str_format(test->arena, "refused: " STR_FMT, STR_ARG(problem.message));
    return compare_params(test, operation->in, in);
}

/* A request that must be refused: unreadable in wire_decode, against a constraint in wire_validate.
 * The texts of Smithy's own validation are not AWS's, so only the kind of error counts. */
static struct str run_malformed(struct test_case *test)
{
    const struct wire_request request = request_of(test);
    const struct str wanted = json_find_str(test->json, "error");
    struct str text = {0};
    const struct operation *operation =
        wire_find_operation(test->service, test->protocol, &request, test->arena, &text);
    if (!operation)
        return STR("routed to nothing");
    void *in = arena_alloc(test->arena, operation->in_size);
    struct wire_problem problem = {0};
    if (wire_decode(test->protocol, test->arena, test->service, operation, &request, in, &problem) <
        0)
        return str_eq(problem.error->code, wanted)
                   ? passed
                   : str_concat(test->arena, STR("refused as "), problem.error->code);
    if (wire_validate(test->arena, operation->in, in, &text) < 0)
        return str_eq_cstr(wanted, "ValidationException")
                   ? passed
                   : str_concat(test->arena, STR("refused with: "), text);
    return STR("accepted");
}

/* ---- answers ------------------------------------------------------------------------------- */

static struct str find_header(const struct wire_response *response, struct str name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (str_eq_nocase(response->headers[i].name, name))
            return response->headers[i].value;
    }
    return (struct str){0};
}

static struct str compare_headers(struct test_case *test, const struct wire_response *response)
{
    const struct json *headers = json_find_cstr(test->json, "headers");
    for (const struct json *header = headers->first; header; header = header->next) {
        struct str actual = find_header(response, header->key);
        if (str_eq_nocase(header->key, STR("Content-Length"))) /* written by the server */
            actual = str_format(test->arena, "%zu", response->body.len);
        if (!str_is_set(actual) || !str_eq(actual, header->text))
            return str_format(test->arena,
                              "header " STR_FMT ": '" STR_FMT "', wanted '" STR_FMT "'",
                              STR_ARG(header->key), STR_ARG(actual), STR_ARG(header->text));
    }
    const struct json *forbidden = json_find_cstr(test->json, "forbidden");
    for (const struct json *name = forbidden->first; name; name = name->next) {
        if (str_is_set(find_header(response, name->text)))
            return str_format(test->arena, "header " STR_FMT " is forbidden", STR_ARG(name->text));
    }
    return passed;
}

static struct str compare_body(struct test_case *test, struct str actual)
{
    const struct str media = json_find_str(test->json, "media");
    if (!str_is_set(test->body))
        return passed;
    if (test->body.len > 0 && str_eq_cstr(media, "application/json"))
        return compare_json_text(test->arena, test->body, actual);
    if (test->body.len > 0 && str_eq_cstr(media, "application/xml"))
        return compare_xml_text(test->arena, test->body, actual);
    if (test->body.len > 0 && str_eq_cstr(media, "application/cbor"))
        return compare_cbor(test->arena, test->body, actual);
    if (!str_eq(test->body, actual))
        return str_format(test->arena, "body '" STR_FMT "', wanted '" STR_FMT "'", STR_ARG(actual),
                          STR_ARG(test->body));
    return passed;
}

static struct str compare_response(struct test_case *test, const struct wire_response *response)
{
    const struct json *code = json_find_cstr(test->json, "code");
    int64_t wanted = 0;
    if (str_to_i64(code->text, &wanted) < 0 || wanted != response->status)
        return str_format(test->arena, "status %d, wanted " STR_FMT, response->status,
                          STR_ARG(code->text));
    const struct str difference = compare_headers(test, response);
    if (str_is_set(difference))
        return difference;
    return compare_body(test, buf_str(&response->body));
}

static struct str run_response(struct test_case *test)
{
    const struct operation *operation =
        service_find_operation(test->service, json_find_str(test->json, "operation"));
    void *out = arena_alloc(test->arena, operation->out_size);
    struct str message = {0};
    if (wire_from_json(test->arena, operation->out, test->params, out, &message) < 0)
        return str_concat(test->arena, STR("parameters refused: "), message);
    struct wire_response response;
    wire_response_init(&response, test->arena);
    wire_encode(test->protocol, test->service, operation, out,
                json_find_str(test->json, "request_id"), &response);
    return compare_response(test, &response);
}

static const struct api_error *find_error(const struct service_model *service, struct str code)
{
    for (size_t i = 0; i < service->operation_count; i++) {
        const struct operation *operation = &service->operations[i];
        for (size_t j = 0; j < operation->error_count; j++) {
            if (str_eq(operation->errors[j]->code, code))
                return operation->errors[j];
        }
    }
    return NULL;
}

static struct str run_error(struct test_case *test)
{
    struct call_error error = {
        .error = find_error(test->service, json_find_str(test->json, "error")),
        .message = json_find_str(test->json, "message"),
    };
    if (!error.error)
        return STR("no operation has that error");
    if (error.error->shape) {
        void *members = arena_alloc(test->arena, error.error->shape->size);
        struct str message = {0};
        if (wire_from_json(test->arena, error.error->shape, test->params, members, &message) < 0)
            return str_concat(test->arena, STR("parameters refused: "), message);
        error.members = members;
    }
    struct wire_response response;
    wire_response_init(&response, test->arena);
    wire_encode_error(test->protocol, test->service, &error, test->service->is_query_compatible,
                      json_find_str(test->json, "request_id"), &response);
    return compare_response(test, &response);
}

/* ---- all cases ----------------------------------------------------------------------------- */

static const struct service_model *find_service(struct str name)
{
    for (size_t i = 0; protocol_models[i]; i++) {
        if (str_eq(protocol_models[i]->name, name))
            return protocol_models[i];
    }
    return NULL;
}

/* Runs one case. Returns an absent str, or why it failed. */
static struct str run_case(struct arena *arena, const struct json *json)
{
    struct test_case test = {
        .arena = arena,
        .json = json,
        .service = find_service(json_find_str(json, "service")),
        .protocol = PROTOCOL_COUNT,
        .params = json_find_cstr(json, "params"),
    };
    const struct str protocol = json_find_str(json, "protocol");
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        if (str_eq_cstr(protocol, protocol_names[i]))
            test.protocol = (enum protocol)i;
    }
    CHECK(test.service && test.protocol != PROTOCOL_COUNT && test.params);
    const struct str body = json_find_str(json, "body");
    if (str_is_set(body) && base64_decode(arena, body, &test.body) < 0)
        return STR("the body of the case is no base64");
    const struct str kind = json_find_str(json, "kind");
    if (str_eq_cstr(kind, "request"))
        return run_request(&test);
    if (str_eq_cstr(kind, "malformed"))
        return run_malformed(&test);
    return str_eq_cstr(kind, "error") ? run_error(&test) : run_response(&test);
}

struct totals {
    size_t passed;
    size_t excluded;
    size_t failed;
};

/* Runs a case and judges it by the list of exclusions (id to reason). */
static void judge(const struct json *json, const struct map *exclusions, struct totals *totals)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct str id = json_find_str(json, "id");
    const struct str failure = run_case(arena, json);
    const bool is_excluded = map_has(exclusions, id);
    if (str_is_set(failure) && is_excluded) {
        totals->excluded++;
    } else if (str_is_set(failure)) {
        totals->failed++;
        printf("FAIL " STR_FMT ": " STR_FMT "\n", STR_ARG(id), STR_ARG(failure));
    } else if (is_excluded) {
        totals->failed++;
        printf("FAIL " STR_FMT ": passes, but is excluded\n", STR_ARG(id));
    } else {
        totals->passed++;
    }
}

/* Exclusions that name no case. */
static size_t count_unknown(const struct map *exclusions, const struct map *ids)
{
    size_t count = 0;
    for (size_t i = 0; i < exclusions->count; i++) {
        const struct str id = exclusions->entries[i].key;
        if (!map_has(ids, id)) {
            printf("FAIL " STR_FMT ": excluded, but there is no such case\n", STR_ARG(id));
            count++;
        }
    }
    return count;
}

static bool read_file(struct arena *arena, const char *path, struct str *out_text)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0 || info.st_size > MAX_FILE_BYTES) {
        perror(path);
        return false;
    }
    const size_t size = (size_t)info.st_size;
    char *text = arena_alloc_text(arena, size);
    size_t len = 0;
    ssize_t got = 0;
    while (len < size && (got = read(fd, text + len, size - len)) > 0)
        len += (size_t)got;
    close(fd);
    *out_text = str_of(text, len);
    return got >= 0;
}

static bool read_exclusions(struct arena *arena, const char *path, struct map *exclusions)
{
    struct str text = {0};
    if (!read_file(arena, path, &text))
        return false;
    map_init(exclusions, arena);
    struct str line;
    while (str_split_next(&text, '\n', &line)) {
        struct str rest = str_trim(line);
        struct str id;
        if (rest.len == 0 || rest.ptr[0] == '#')
            continue;
        (void)str_split_next(&rest, ' ', &id);
        if (!str_is_set(rest) || str_trim(rest).len == 0) {
            fprintf(stderr, "%s: no reason for " STR_FMT "\n", path, STR_ARG(id));
            return false;
        }
        char *reason = str_to_cstr(arena, rest);
        if (!map_set(exclusions, id, reason)) {
            fprintf(stderr, "%s: " STR_FMT " stands twice\n", path, STR_ARG(id));
            return false;
        }
    }
    return true;
}

static int run_one(const struct json *cases, struct str id)
{
    for (const struct json *json = cases->first; json; json = json->next) {
        if (!str_eq(json_find_str(json, "id"), id))
            continue;
        AUTO(arena) struct arena *arena = arena_new();
        printf(STR_FMT "\n", STR_ARG(json_to_str(arena, json)));
        const struct str failure = run_case(arena, json);
        printf("%s " STR_FMT "\n", str_is_set(failure) ? "FAIL" : "PASS", STR_ARG(failure));
        return str_is_set(failure);
    }
    fprintf(stderr, "no such case\n");
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: protocol_tests CASES EXCLUSIONS [ID]\n");
        return 2;
    }
    AUTO(arena) struct arena *arena = arena_new();
    struct str text = {0};
    struct json *cases = NULL;
    struct map exclusions;
    if (!read_file(arena, argv[1], &text) || json_parse(arena, text, 0, &cases, NULL) < 0 ||
        !read_exclusions(arena, argv[2], &exclusions)) {
        fprintf(stderr, "protocol_tests: cannot read cases or exclusions\n");
        return 2;
    }
    if (argc > 3)
        return run_one(cases, str_from_cstr(argv[3]));
    struct map ids;
    map_init(&ids, arena);
    struct totals totals = {0};
    for (struct json *json = cases->first; json; json = json->next) {
        map_set(&ids, json_find_str(json, "id"), json);
        judge(json, &exclusions, &totals);
    }
    totals.failed += count_unknown(&exclusions, &ids);
    printf("%zu passed, %zu excluded, %zu failed\n", totals.passed, totals.excluded, totals.failed);
    return totals.failed > 0 || totals.passed == 0;
}
