/* identity_test.c — who is behind a key, whether the signature holds, and what is cached how long.
 *
 * The source knows two keys and counts how often it is asked.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "net/http.h"
#include "wire/identity.h"
#include "wire/runtime.h"

enum {
    NOW_S = 1767225600, /* 2026-01-01T00:00:00Z */
};

static const int64_t now_ms = NOW_S * 1000LL;

static struct source_state {
    int key_count; /* questions */
    int session_count;
    int policy_count;
    bool is_active;
    int error;
} asked;

static bool is_issued(struct str key_id)
{
    return str_starts_with(key_id, STR("AKIA")) || str_starts_with(key_id, STR("ASIA"));
}

static int find_key(struct db *db, struct arena *arena, struct str key_id, struct access_key *out)
{
    (void)db;
    (void)arena;
    asked.key_count++;
    if (asked.error < 0)
        return asked.error;
    if (!str_eq_cstr(key_id, "AKIAKNOWN"))
        return 0;
    *out = (struct access_key){
        .secret = STR("secret"),
        .principal = {.kind = PRINCIPAL_USER,
                      .account = STR("123456789012"),
                      .arn = STR("arn:aws:iam::123456789012:user/ann"),
                      .user_id = STR("AIDAANN"),
                      .name = STR("ann")},
        .is_active = asked.is_active,
    };
    return 1;
}

static int open_session(struct db *db, struct arena *arena, struct str key_id, struct str token,
                        struct access_key *out)
{
    (void)db;
    (void)arena;
    (void)key_id;
    asked.session_count++;
    if (!str_starts_with(token, STR("token")))
        return 0;
    *out = (struct access_key){
        .secret = STR("secret"),
        .principal = {.kind = PRINCIPAL_ASSUMED_ROLE,
                      .account = STR("123456789012"),
                      .arn = STR("arn:aws:sts::123456789012:assumed-role/r/s"),
                      .role_arn = STR("arn:aws:iam::123456789012:role/r"),
                      .is_temporary = true},
        .is_active = true,
        .expires_at_ms = now_ms + 3600 * 1000,
    };
    return 1;
}

static int load_policies(struct db *db, struct arena *arena, const struct principal *principal,
                         struct principal_policies *out)
{
    static const struct str documents[] = {
        STR_INIT("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\","
                 "\"Action\":\"sqs:*\",\"Resource\":\"*\"}}"),
        STR_INIT("{\"broken\""),
    };
    (void)db;
    (void)arena;
    asked.policy_count++;
    bool is_broken = str_eq_cstr(principal->name, "broken");
    *out = (struct principal_policies){.identity = &documents[is_broken], .identity_count = 1};
    return 0;
}

static const struct identity_source source = {
    .is_issued = is_issued,
    .find_key = find_key,
    .open_session = open_session,
    .load_policies = load_policies,
};

/* A request that `secret` signs with the key. */
static struct identity_request sign(struct arena *arena, const char *key_id, const char *secret,
                                    const char *token)
{
    struct http_header *headers = arena_alloc_array(arena, 4, sizeof(*headers));
    struct sig_request *request = arena_alloc(arena, sizeof(*request));
    struct sig *sig = arena_alloc(arena, sizeof(*sig));
    headers[0] = (struct http_header){.name = STR("Host"), .value = STR("h")};
    headers[1] = (struct http_header){.name = STR("X-Amz-Date"), .value = STR("20260101T000000Z")};
    size_t count = 2;
    if (token)
        headers[count++] = (struct http_header){.name = STR("X-Amz-Security-Token"),
                                                .value = str_from_cstr(token)};
    *request = (struct sig_request){
        .method = STR("POST"), .raw_path = STR("/"), .headers = headers, .header_count = count};
    struct str value = sig_sign(arena, request, str_from_cstr(key_id), str_from_cstr(secret),
                                STR("eu-west-1"), STR("sqs"), now_ms, (struct str){0});
    headers[count] = (struct http_header){.name = STR("Authorization"), .value = value};
    request->header_count = count + 1;
    struct str detail = {0};
    assert_int_equal(sig_parse(arena, request, sig, &detail), SIG_OK);
    return (struct identity_request){.request = request,
                                     .sig = sig,
                                     .body = STR(""),
                                     .service = STR("sqs"),
                                     .region = STR(""),
                                     .real_now_ms = now_ms,
                                     .now_ms = now_ms};
}

static int resolve(struct arena *arena, bool strict, const struct identity_request *request,
                   const struct principal **out, struct identity_problem *problem)
{
    struct runtime *runtime = arena_alloc(arena, sizeof(*runtime));
    *runtime = (struct runtime){.identity = &source, .strict_auth = strict};
    return identity_resolve(runtime, NULL, arena, request, out, problem);
}

static void assert_refused(struct arena *arena, const struct identity_request *request,
                           const struct api_error *error, const char *text)
{
    const struct principal *principal = NULL;
    struct identity_problem problem = {0};
    assert_int_equal(resolve(arena, false, request, &principal, &problem), -EACCES);
    assert_ptr_equal(problem.error, error);
    if (!str_contains(problem.message, str_from_cstr(text)))
        fail_msg("'%s' is not in: " STR_FMT, text, STR_ARG(problem.message));
}

static const struct principal *assert_accepted(struct arena *arena,
                                               const struct identity_request *request)
{
    const struct principal *principal = NULL;
    struct identity_problem problem = {0};
    int rc = resolve(arena, false, request, &principal, &problem);
    if (rc != 0)
        fail_msg("%d: " STR_FMT, rc, STR_ARG(str_or(problem.message, STR("-"))));
    return principal;
}

static void an_account_number_is_its_root(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "123456789012", "anything", NULL);
    const struct principal *principal = assert_accepted(arena, &request);
    assert_int_equal(principal->kind, PRINCIPAL_ROOT);
    assert_true(str_eq_cstr(principal->arn, "arn:aws:iam::123456789012:root"));
    assert_int_equal(asked.key_count, 0);
}

static void an_unknown_key_is_the_default_root_unless_strict(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "test", "test", NULL);
    const struct principal *principal = assert_accepted(arena, &request);
    assert_true(str_eq_cstr(principal->account, IDENTITY_DEFAULT_ACCOUNT));
    struct identity_problem problem = {0};
    assert_int_equal(resolve(arena, true, &request, &principal, &problem), -EACCES);
    assert_ptr_equal(problem.error, &ERROR_INVALID_CLIENT_TOKEN_ID);
}

static void an_issued_key_is_its_user(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    const struct principal *principal = assert_accepted(arena, &request);
    assert_true(str_eq_cstr(principal->name, "ann"));
    assert_true(str_eq_cstr(principal->access_key_id, "AKIAKNOWN"));
}

static void an_issued_key_needs_its_secret(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "AKIAKNOWN", "other", NULL);
    assert_refused(arena, &request, &ERROR_SIGNATURE_DOES_NOT_MATCH,
                   "The request signature we calculated does not match");
    request = sign(arena, "AKIAKNOWN", "secret", NULL);
    request.body = STR("changed");
    assert_refused(arena, &request, &ERROR_SIGNATURE_DOES_NOT_MATCH,
                   "The request signature we calculated does not match");
}

static void the_scope_must_fit(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    request.region = STR("us-west-2");
    assert_refused(arena, &request, &ERROR_SIGNATURE_DOES_NOT_MATCH,
                   "Credential should be scoped to a valid region");
    request.region = STR("eu-west-1");
    assert_accepted(arena, &request);
    request.service = STR("sts");
    assert_refused(arena, &request, &ERROR_SIGNATURE_DOES_NOT_MATCH,
                   "Credential should be scoped to correct service: 'sts'");
}

static void a_signature_is_as_old_as_the_real_clock_says(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    request.now_ms += 86400 * 1000; /* moved */
    assert_accepted(arena, &request);
    request.real_now_ms += SIG_MAX_SKEW_MS + 1000;
    assert_refused(arena, &request, &ERROR_SIGNATURE_DOES_NOT_MATCH, "Signature expired");
}

static void an_inactive_or_deleted_key_is_invalid(void **state)
{
    struct arena *arena = *state;
    asked.is_active = false;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    assert_refused(arena, &request, &ERROR_INVALID_CLIENT_TOKEN_ID,
                   "The security token included in the request is invalid.");
    request = sign(arena, "AKIAGONE", "secret", NULL);
    assert_refused(arena, &request, &ERROR_INVALID_CLIENT_TOKEN_ID,
                   "The security token included in the request is invalid.");
}

static void a_session_ends_by_the_movable_clock(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "ASIASESSION", "secret", "token");
    const struct principal *principal = assert_accepted(arena, &request);
    assert_int_equal(principal->kind, PRINCIPAL_ASSUMED_ROLE);
    request.now_ms += 3600 * 1000;
    assert_refused(arena, &request, &ERROR_EXPIRED_TOKEN,
                   "The security token included in the request is expired");
    request = sign(arena, "ASIASESSION", "secret", "forged");
    assert_refused(arena, &request, &ERROR_INVALID_CLIENT_TOKEN_ID,
                   "The security token included in the request is invalid.");
}

static void an_error_of_the_store_is_no_refusal(void **state)
{
    struct arena *arena = *state;
    asked.error = -EIO;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    const struct principal *principal = NULL;
    struct identity_problem problem = {0};
    assert_int_equal(resolve(arena, false, &request, &principal, &problem), -EIO);
}

static void keys_are_cached_until_identities_change(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    for (int i = 0; i < 5; i++) {
        identity_refresh();
        assert_accepted(arena, &request);
    }
    assert_int_equal(asked.key_count, 1);
    identity_changed();
    asked.is_active = false;
    assert_accepted(arena, &request); /* the transaction that runs keeps what it saw */
    identity_refresh();
    assert_refused(arena, &request, &ERROR_INVALID_CLIENT_TOKEN_ID, "invalid");
}

static void nothing_is_cached_in_a_transaction_that_changes_identities(void **state)
{
    struct arena *arena = *state;
    struct identity_request request = sign(arena, "AKIAKNOWN", "secret", NULL);
    assert_accepted(arena, &request);
    identity_written();
    assert_accepted(arena, &request);
    assert_accepted(arena, &request);
    assert_int_equal(asked.key_count, 3);
    identity_refresh(); /* what was read back may have been undone */
    assert_accepted(arena, &request);
    assert_accepted(arena, &request);
    assert_int_equal(asked.key_count, 4);
}

/* One key with ever new tokens must not fill the memory: the cache starts anew. */
static void a_flood_of_tokens_is_forgotten(void **state)
{
    struct arena *arena = *state;
    struct identity_request good = sign(arena, "AKIAKNOWN", "secret", NULL);
    assert_accepted(arena, &good);
    for (int i = 0; i < 1100; i++) {
        identity_refresh();
        char token[32];
        snprintf(token, sizeof(token), "forged %d", i);
        struct identity_request request = sign(arena, "ASIASESSION", "secret", token);
        assert_refused(arena, &request, &ERROR_INVALID_CLIENT_TOKEN_ID, "invalid");
    }
    identity_refresh();
    assert_accepted(arena, &good);
    assert_int_equal(asked.key_count, 2);
}

static void policies_are_cached_by_role_and_broken_ones_refuse(void **state)
{
    struct arena *arena = *state;
    struct runtime *runtime = arena_alloc(arena, sizeof(*runtime));
    *runtime = (struct runtime){.identity = &source};
    struct principal principal = {.kind = PRINCIPAL_ASSUMED_ROLE,
                                  .role_arn = STR("arn:aws:iam::1:role/r"),
                                  .arn = STR("arn:aws:sts::1:assumed-role/r/one"),
                                  .name = STR("r")};
    struct policy_set identity = {0};
    const struct policy *boundary = NULL;
    const struct condition_value *tags = NULL;
    size_t tag_count = 0;
    for (int i = 0; i < 3; i++) {
        principal.arn = str_format(arena, "arn:aws:sts::1:assumed-role/r/%d", i);
        assert_int_equal(identity_policies(runtime, NULL, arena, &principal, &identity, &boundary,
                                           &tags, &tag_count),
                         0);
        assert_int_equal(identity.count, 1);
    }
    assert_int_equal(asked.policy_count, 1);
    principal.name = STR("broken");
    principal.role_arn = STR("arn:aws:iam::1:role/broken");
    assert_int_equal(identity_policies(runtime, NULL, arena, &principal, &identity, &boundary,
                                       &tags, &tag_count),
                     -EIO);
}

static int setup(void **state)
{
    asked = (struct source_state){.is_active = true};
    identity_changed();
    identity_refresh();
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    identity_thread_end();
    return 0;
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(an_account_number_is_its_root),
        FRESH(an_unknown_key_is_the_default_root_unless_strict),
        FRESH(an_issued_key_is_its_user),
        FRESH(an_issued_key_needs_its_secret),
        FRESH(the_scope_must_fit),
        FRESH(a_signature_is_as_old_as_the_real_clock_says),
        FRESH(an_inactive_or_deleted_key_is_invalid),
        FRESH(a_session_ends_by_the_movable_clock),
        FRESH(an_error_of_the_store_is_no_refusal),
        FRESH(keys_are_cached_until_identities_change),
        FRESH(nothing_is_cached_in_a_transaction_that_changes_identities),
        FRESH(a_flood_of_tokens_is_forgotten),
        FRESH(policies_are_cached_by_role_and_broken_ones_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
