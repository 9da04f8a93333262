/* claim_test.c — which host names are S3's, and what they tell. */
#include "service/s3/claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void host_names_tell_bucket_region_and_website(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_s3;
        const char *bucket;
        const char *region;
        bool is_website;
    } cases[] = {
        {"s3.amazonaws.com", true, "", "", false},
        {"s3.eu-west-1.amazonaws.com", true, "", "eu-west-1", false},
        {"s3-eu-west-1.amazonaws.com", true, "", "eu-west-1", false},
        {"s3.dualstack.eu-west-1.amazonaws.com", true, "", "eu-west-1", false},
        {"b.s3.amazonaws.com", true, "b", "", false},
        {"a.b-c.s3.us-gov-west-1.amazonaws.com", true, "a.b-c", "us-gov-west-1", false},
        {"b.s3-eu-west-1.amazonaws.com", true, "b", "eu-west-1", false},
        {"b.s3.dualstack.eu-west-1.amazonaws.com", true, "b", "eu-west-1", false},
        {"b.s3-accelerate.amazonaws.com", true, "b", "", false},
        {"b.s3-website-eu-west-1.amazonaws.com", true, "b", "eu-west-1", true},
        {"www.b.org.s3-website.eu-west-1.amazonaws.com", true, "www.b.org", "eu-west-1", true},
        {"s3.s3.amazonaws.com", true, "s3", "", false},
        {"b.localhost", true, "b", "", false},
        {"b.s3.localhost", true, "b", "", false},
        {"b.s3.eu-west-1.localhost", true, "b", "eu-west-1", false},
        {"b.s3-website.localhost", true, "b", "", true},
        {"s3.localhost", true, "", "", false},
        {"localhost", false, "", "", false},
        {"sqs.eu-west-1.amazonaws.com", false, "", "", false},
        {"000000000000.s3-control.eu-west-1.amazonaws.com", false, "", "", false},
        {"b.example.org", false, "", "", false},
        {"", false, "", "", false},
    };
    const struct wire_request request = {.raw_path = STR("/")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_host host;
        bool is_s3 = s3_read_host(str_from_cstr(cases[i].host), &request, &host);
        if (is_s3 != cases[i].is_s3)
            fail_msg("%s", cases[i].host);
        if (!is_s3)
            continue;
        if (!str_eq_cstr(host.bucket, cases[i].bucket) ||
            !str_eq_cstr(host.region, cases[i].region) || host.is_website != cases[i].is_website)
            fail_msg("%s: %.*s %.*s", cases[i].host, STR_ARG(host.bucket), STR_ARG(host.region));
    }
}

static void a_name_signed_for_another_service_is_no_bucket(void **state)
{
    (void)state;
    const struct http_header header = {
        .name = STR("Authorization"),
        .value = STR("AWS4-HMAC-SHA256 Credential=K/20260101/eu-west-1/sqs/aws4_request, ..."),
    };
    const struct wire_request request = {
        .raw_path = STR("/"), .headers = &header, .header_count = 1};
    struct s3_host host;
    assert_false(s3_read_host(STR("queue.localhost"), &request, &host));
    assert_true(s3_read_host(STR("b.s3.localhost"), &request, &host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_names_tell_bucket_region_and_website),
        cmocka_unit_test(a_name_signed_for_another_service_is_no_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
