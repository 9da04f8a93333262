/* authorize_test.c — what is asked of the policy engine, and AWS's words for its refusals.
 *
 * AWS: IAM user guide, "Troubleshoot access denied error messages": the texts below are its
 * examples with other names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "syntax/json.h"
#include "wire/identity.h"
#include "wire/runtime.h"

#define ACCOUNT "123456789012"
#define QUEUE "arn:aws:sqs:eu-west-1:" ACCOUNT ":q"
#define STATEMENT(effect, action)                                                                  \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"" effect "\",\"Action\":\"" action    \
    "\",\"Resource\":\"*\"}}"

static const char *identity_document; /* of every principal, or NULL */
static const char *boundary_document;

static int load_policies(struct db *db, struct arena *arena, const struct principal *principal,
                         struct principal_policies *out)
{
    (void)db;
    (void)principal;
    *out = (struct principal_policies){0};
    if (identity_document) {
        struct str *documents = arena_alloc(arena, sizeof(*documents));
        documents[0] = str_from_cstr(identity_document);
        out->identity = documents;
        out->identity_count = 1;
    }
    if (boundary_document)
        out->boundary = str_from_cstr(boundary_document);
    return 0;
}

static const struct identity_source source = {.load_policies = load_policies};
static struct runtime runtime = {.identity = &source};

static const struct principal user = {
    .kind = PRINCIPAL_USER,
    .account = STR_INIT(ACCOUNT),
    .arn = STR_INIT("arn:aws:iam::" ACCOUNT ":user/ann"),
    .user_id = STR_INIT("AIDAANN"),
    .name = STR_INIT("ann"),
};
static const struct principal root = {
    .kind = PRINCIPAL_ROOT,
    .account = STR_INIT(ACCOUNT),
    .arn = STR_INIT("arn:aws:iam::" ACCOUNT ":root"),
};
static const struct principal federated = {
    .kind = PRINCIPAL_FEDERATED_USER,
    .account = STR_INIT(ACCOUNT),
    .arn = STR_INIT("arn:aws:sts::" ACCOUNT ":federated-user/bob"),
    .role_arn = STR_INIT("arn:aws:iam::" ACCOUNT ":user/ann"),
    .name = STR_INIT("ann"),
    .is_temporary = true,
};

static struct call *call_of(struct arena *arena, const struct principal *principal)
{
    struct call *call = arena_alloc(arena, sizeof(*call));
    call->arena = arena;
    call->scope = (struct scope){.account = STR(ACCOUNT), .region = STR("eu-west-1")};
    call->principal = principal;
    call->runtime = &runtime;
    call->source_ip = STR("127.0.0.1");
    call->is_secure_transport = true;
    identity_changed();
    identity_refresh();
    return call;
}

static struct authorization send_to(const char *resource_policy)
{
    return (struct authorization){
        .action = STR("sqs:SendMessage"),
        .resource = STR(QUEUE),
        .resource_policy = resource_policy ? str_from_cstr(resource_policy) : (struct str){0},
    };
}

static void assert_denied(struct call *call, const struct authorization *what, const char *text)
{
    assert_int_equal(call_authorize(call, what), STATUS_FAILED);
    assert_ptr_equal(call->error.error, &ERROR_ACCESS_DENIED);
    if (!str_eq_cstr(call->error.message, text))
        fail_msg("instead of '%s': " STR_FMT, text, STR_ARG(call->error.message));
    assert_false(call_is_allowed(call, what));
}

static void who_has_no_policy_is_told_which_kind_lacks(void **state)
{
    struct authorization what = send_to(NULL);
    assert_denied(call_of(*state, &user), &what,
                  "User: arn:aws:iam::" ACCOUNT ":user/ann is not authorized to perform: "
                  "sqs:SendMessage on resource: " QUEUE
                  " because no identity-based policy allows the sqs:SendMessage action");
}

static void a_resource_of_all_is_not_named(void **state)
{
    struct authorization what = {.action = STR("sqs:ListQueues"), .resource = STR("*")};
    assert_denied(call_of(*state, &user), &what,
                  "User: arn:aws:iam::" ACCOUNT ":user/ann is not authorized to perform: "
                  "sqs:ListQueues because no identity-based policy allows the sqs:ListQueues "
                  "action");
}

static void an_explicit_deny_is_told_with_its_kind(void **state)
{
    identity_document = STATEMENT("Deny", "sqs:*");
    struct authorization what = send_to(NULL);
    assert_denied(call_of(*state, &user), &what,
                  "User: arn:aws:iam::" ACCOUNT ":user/ann is not authorized to perform: "
                  "sqs:SendMessage on resource: " QUEUE
                  " with an explicit deny in an identity-based policy");
    identity_document = STATEMENT("Allow", "*");
    what = send_to("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\","
                   "\"Principal\":\"*\",\"Action\":\"sqs:*\",\"Resource\":\"*\"}}");
    assert_denied(call_of(*state, &user), &what,
                  "User: arn:aws:iam::" ACCOUNT ":user/ann is not authorized to perform: "
                  "sqs:SendMessage on resource: " QUEUE
                  " with an explicit deny in a resource-based policy");
}

static void a_boundary_and_a_session_policy_are_named(void **state)
{
    identity_document = STATEMENT("Allow", "*");
    boundary_document = STATEMENT("Allow", "s3:*");
    struct authorization what = send_to(NULL);
    assert_denied(call_of(*state, &user), &what,
                  "User: arn:aws:iam::" ACCOUNT ":user/ann is not authorized to perform: "
                  "sqs:SendMessage on resource: " QUEUE
                  " because no permissions boundary allows the sqs:SendMessage action");
    boundary_document = NULL;
    struct principal session = federated;
    struct arena *arena = *state;
    session.session_policies = json_new(arena, JSON_ARRAY);
    json_append(session.session_policies, json_new_string(arena, STR(STATEMENT("Allow", "s3:*"))));
    assert_denied(call_of(*state, &session), &what,
                  "User: arn:aws:sts::" ACCOUNT ":federated-user/bob is not authorized to perform: "
                  "sqs:SendMessage on resource: " QUEUE
                  " because no session policy allows the sqs:SendMessage action");
}

static void across_accounts_the_kind_is_not_told(void **state)
{
    struct authorization what = send_to(NULL);
    what.resource_account = STR("210987654321");
    assert_denied(call_of(*state, &user), &what,
                  "User: arn:aws:iam::" ACCOUNT ":user/ann is not authorized to perform: "
                  "sqs:SendMessage on resource: " QUEUE);
}

static void the_root_may_all_in_its_account_only(void **state)
{
    struct authorization what = send_to(NULL);
    assert_int_equal(call_authorize(call_of(*state, &root), &what), STATUS_DONE);
    what.resource_account = STR("210987654321");
    assert_int_equal(call_authorize(call_of(*state, &root), &what), STATUS_FAILED);
}

static void a_service_needs_the_resource_to_let_it_in(void **state)
{
    struct principal service = identity_service(*state, STR(ACCOUNT), STR("events.amazonaws.com"));
    struct authorization what = send_to(NULL);
    assert_denied(call_of(*state, &service), &what,
                  "User: events.amazonaws.com is not authorized to perform: sqs:SendMessage on "
                  "resource: " QUEUE
                  " because no resource-based policy allows the sqs:SendMessage action");
    what = send_to("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":"
                   "{\"Service\":\"events.amazonaws.com\"},\"Action\":\"sqs:SendMessage\","
                   "\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":"
                   "\"" ACCOUNT "\"},\"Bool\":{\"aws:PrincipalIsAWSService\":\"true\"}}}}");
    assert_int_equal(call_authorize(call_of(*state, &service), &what), STATUS_DONE);
}

/* AWS: a resource policy may name the user who made the federated session. */
static void a_federated_user_is_known_by_its_maker(void **state)
{
    struct authorization what =
        send_to("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Principal\":"
                "{\"AWS\":\"arn:aws:iam::" ACCOUNT ":user/ann\"},\"Action\":\"sqs:*\","
                "\"Resource\":\"*\"}}");
    identity_document = STATEMENT("Allow", "*");
    assert_int_equal(call_authorize(call_of(*state, &federated), &what), STATUS_FAILED);
    identity_document =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\","
        "\"Resource\":\"*\",\"Condition\":{\"ArnEquals\":{\"aws:PrincipalArn\":"
        "\"arn:aws:sts::" ACCOUNT ":federated-user/bob\"}}}}";
    what = send_to(NULL);
    assert_int_equal(call_authorize(call_of(*state, &federated), &what), STATUS_DONE);
}

static void the_request_is_described_by_its_keys(void **state)
{
    identity_document =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\","
        "\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:username\":\"ann\","
        "\"aws:userid\":\"AIDAANN\",\"aws:PrincipalType\":\"User\",\"aws:RequestedRegion\":"
        "\"eu-west-1\",\"aws:PrincipalAccount\":\"" ACCOUNT "\",\"aws:ResourceAccount\":"
        "\"" ACCOUNT "\",\"aws:UserAgent\":\"curl\"},\"Bool\":{\"aws:SecureTransport\":\"true\","
        "\"aws:ViaAWSService\":\"false\"},\"IpAddress\":{\"aws:SourceIp\":\"127.0.0.0/8\"},"
        "\"DateGreaterThan\":{\"aws:CurrentTime\":\"2025-12-31T00:00:00Z\"},"
        "\"NumericEquals\":{\"aws:EpochTime\":\"1767225600\"}}}}";
    struct authorization what = send_to(NULL);
    struct call *call = call_of(*state, &user);
    call->now_ms = 1767225600000;
    call->user_agent = STR("curl");
    assert_int_equal(call_authorize(call, &what), STATUS_DONE);
    call->is_secure_transport = false;
    assert_int_equal(call_authorize(call, &what), STATUS_FAILED);
    call->is_secure_transport = true;
    call->via_service = STR("cloudformation.amazonaws.com");
    assert_int_equal(call_authorize(call, &what), STATUS_FAILED);
}

static void a_policy_that_cannot_be_read_is_a_fault_of_ours(void **state)
{
    struct authorization what = send_to("no json");
    struct call *call = call_of(*state, &user);
    assert_int_equal(call_authorize(call, &what), STATUS_FAILED);
    assert_ptr_equal(call->error.error, &ERROR_INTERNAL_FAILURE);
    assert_false(call_is_allowed(call, &what));
}

static int setup(void **state)
{
    identity_document = NULL;
    boundary_document = NULL;
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
        FRESH(who_has_no_policy_is_told_which_kind_lacks),
        FRESH(a_resource_of_all_is_not_named),
        FRESH(an_explicit_deny_is_told_with_its_kind),
        FRESH(a_boundary_and_a_session_policy_are_named),
        FRESH(across_accounts_the_kind_is_not_told),
        FRESH(the_root_may_all_in_its_account_only),
        FRESH(a_service_needs_the_resource_to_let_it_in),
        FRESH(a_federated_user_is_known_by_its_maker),
        FRESH(the_request_is_described_by_its_keys),
        FRESH(a_policy_that_cannot_be_read_is_a_fault_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
