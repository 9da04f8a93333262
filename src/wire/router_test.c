/* router_test.c — which service and region a request is for: a table of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "iam/iam_api.h"
#include "sqs/sqs_api.h"
#include "sts/sts_api.h"
#include "wire/router.h"

static const struct service iam = {.model = &iam_model};
static const struct service sqs = {.model = &sqs_model};
static const struct service sts = {.model = &sts_model};

/* A second service behind STS's signing name, told apart by its operations. */
static const struct operation twin_operations[] = {{.name = STR_INIT("OnlyTwin")}};
static const struct service_model twin_model = {
    .name = STR_INIT("twin"),
    .endpoint_prefix = STR_INIT("streams.sqs"),
    .signing_name = STR_INIT("sts"),
    .api_version = STR_INIT("2020-01-01"),
    .protocols = 1U << PROTOCOL_AWS_QUERY,
    .operations = twin_operations,
    .operation_count = ARRAY_LEN(twin_operations),
};
static const struct service twin = {.model = &twin_model};
static const struct service *const table[] = {&iam, &sqs, &sts, &twin};

struct route_case {
    const char *host;
    const char *scope; /* signed for this service in eu-west-1; NULL: unsigned */
    const char *target;
    const char *query;
    const char *path;
    const struct service *service;
    const char *region;
    const char *host_region;
    const char *asked_for;
};

static const struct route_case cases[] = {
    {.host = "127.0.0.1:4566", .scope = "sqs", .service = &sqs, .region = "eu-west-1"},
    {.host = "[::1]:4566", .scope = "sts", .service = &sts, .region = "eu-west-1"},
    {.host = "sqs.us-west-2.amazonaws.com",
     .service = &sqs,
     .region = "us-west-2",
     .host_region = "us-west-2"},
    {.host = "SQS.US-West-2.AmazonAWS.com:443",
     .service = &sqs,
     .region = "us-west-2",
     .host_region = "us-west-2"},
    {.host = "sqs.us-west-2.amazonaws.com.",
     .service = &sqs,
     .region = "us-west-2",
     .host_region = "us-west-2"},
    /* The signer's region is the call's; the host's must match it, which the signature check sees
     * to. */
    {.host = "sqs.us-west-2.amazonaws.com",
     .scope = "sqs",
     .service = &sqs,
     .region = "eu-west-1",
     .host_region = "us-west-2"},
    {.host = "sqs.us-west-2.amazonaws.com",
     .scope = "sts",
     .service = &sqs,
     .region = "eu-west-1",
     .host_region = "us-west-2"},
    {.host = "eu-west-3.queue.amazonaws.com",
     .service = &sqs,
     .region = "eu-west-3",
     .host_region = "eu-west-3"},
    {.host = "queue.amazonaws.com", .service = &sqs},
    {.host = "iam.amazonaws.com", .service = &iam},
    {.host = "sts.cn-north-1.amazonaws.com.cn",
     .service = &sts,
     .region = "cn-north-1",
     .host_region = "cn-north-1"},
    {.host = "streams.sqs.eu-west-1.amazonaws.com",
     .service = &twin,
     .region = "eu-west-1",
     .host_region = "eu-west-1"},
    {.host = "unheard.eu-west-1.amazonaws.com", .asked_for = "unheard.eu-west-1"},
    {.host = "unheard.amazonaws.com", .scope = "sqs", .service = &sqs, .region = "eu-west-1"},
    {.host = "amazonaws.com", .asked_for = ""},
    {.host = "localhost", .scope = "nosuch", .region = "eu-west-1", .asked_for = "nosuch"},
    {.host = "localhost", .target = "AmazonSQS.SendMessage", .service = &sqs},
    {.host = "localhost", .target = "NoSuch_2020.Do", .asked_for = "NoSuch_2020"},
    {.host = "localhost", .query = "Action=AssumeRole&Version=2011-06-15", .service = &sts},
    {.host = "localhost", .query = "Action=AssumeRole", .service = &sts},
    {.host = "localhost",
     .query = "Action=AssumeRole&Version=1999-01-01",
     .asked_for = "AssumeRole"},
    {.host = "localhost", .query = "Action=Nothing", .asked_for = "Nothing"},
    {.host = "localhost", .asked_for = ""},
    {.host = "localhost",
     .scope = "sts",
     .query = "Action=OnlyTwin",
     .service = &twin,
     .region = "eu-west-1"},
    {.host = "localhost",
     .scope = "sts",
     .query = "Action=AssumeRole",
     .service = &sts,
     .region = "eu-west-1"},
    {.host = "localhost", .scope = "sts", .service = &sts, .region = "eu-west-1"},
};

static void check(struct arena *arena, const struct route_case *c)
{
    struct runtime *runtime = arena_alloc(arena, sizeof(*runtime));
    *runtime = (struct runtime){.services = table, .service_count = ARRAY_LEN(table)};
    struct sig sig = {.scheme = SIG_NONE};
    if (c->scope)
        sig = (struct sig){.scheme = SIG_V4_HEADER,
                           .service = str_from_cstr(c->scope),
                           .region = STR("eu-west-1")};
    const struct http_header headers[] = {
        {.name = STR("x-amz-target"), .value = str_from_cstr(c->target ? c->target : "")},
    };
    const struct wire_request request = {
        .method = STR("POST"),
        .raw_path = str_from_cstr(c->path ? c->path : "/"),
        .raw_query = c->query ? str_from_cstr(c->query) : (struct str){0},
        .headers = headers,
        .header_count = c->target ? 1 : 0,
    };
    struct route route = route_request(runtime, arena, str_from_cstr(c->host), &sig, &request);
    if (route.service != c->service || !str_eq_cstr(route.region, c->region ? c->region : "") ||
        !str_eq_cstr(route.host_region, c->host_region ? c->host_region : "") ||
        (c->asked_for && !str_eq_cstr(route.asked_for, c->asked_for)))
        fail_msg("case %zu (%s): region '" STR_FMT "', host '" STR_FMT "', asked for '" STR_FMT "'",
                 (size_t)(c - cases), c->host, STR_ARG(route.region), STR_ARG(route.host_region),
                 STR_ARG(route.asked_for));
    if (route.service)
        assert_ptr_equal(route.service, table[route.service_index]);
}

static void each_case_finds_its_service(void **state)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(arena, &cases[i]);
}

static void headers_are_found_in_any_case(void **state)
{
    (void)state;
    const struct http_header headers[] = {{.name = STR("CONTENT-type"), .value = STR("a")},
                                          {.name = STR("content-type"), .value = STR("b")}};
    const struct wire_request request = {.headers = headers, .header_count = 2};
    assert_true(str_eq_cstr(wire_header(&request, "Content-Type"), "a"));
    assert_null(wire_header(&request, "Host").ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_finds_its_service),
        cmocka_unit_test(headers_are_found_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
