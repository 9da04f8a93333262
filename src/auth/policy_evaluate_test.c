/* policy_evaluate_test.c — patterns, principals, and the decision over all kinds of policies. */
#include "auth/policy_testing.h"

#include <string.h>

#define HERE "111122223333"
#define THERE "999999999999"
#define USER_ARN "arn:aws:iam::" HERE ":user/ann"
#define ROLE_ARN "arn:aws:iam::" HERE ":role/app/builder"
#define SESSION_ARN "arn:aws:sts::" HERE ":assumed-role/builder/run1"
#define FEDERATED_ARN "arn:aws:sts::" HERE ":federated-user/fred"
#define OBJECT "arn:aws:s3:::bucket/key"

static const struct policy_principal user = {
    .account = STR_INIT(HERE),
    .arn = STR_INIT(USER_ARN),
    .user_id = STR_INIT("AIDAANNANNANNANNANNAN"),
    .canonical_user = STR_INIT("79a59df900b949e5"),
};
static const struct policy_principal session = {
    .account = STR_INIT(HERE),
    .arn = STR_INIT(SESSION_ARN),
    .role_arn = STR_INIT(ROLE_ARN),
    .role_id = STR_INIT("AROABUILDERBUILDER123"),
};
static const struct policy_principal federated_user = {
    .account = STR_INIT(HERE),
    .arn = STR_INIT(FEDERATED_ARN),
    .role_arn = STR_INIT(USER_ARN),
    .user_id = STR_INIT("AIDAANNANNANNANNANNAN"),
    .is_federated_user = true,
};
static const struct policy_principal root = {
    .account = STR_INIT(HERE),
    .arn = STR_INIT("arn:aws:iam::" HERE ":root"),
    .is_root = true,
};
static const struct policy_principal service = {.service = STR_INIT("sns.amazonaws.com")};
static const struct policy_principal web = {.federated =
                                                STR_INIT("cognito-identity.amazonaws.com")};
static const struct policy_principal anonymous = {.account = {0}};

/* --- patterns --- */

static void wildcards_match_text(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool nocase;
        bool matches;
    } cases[] = {
        {"", "", false, true},
        {"", "a", false, false},
        {"*", "", false, true},
        {"*", "abc", false, true},
        {"**", "abc", false, true},
        {"?", "", false, false},
        {"?", "a", false, true},
        {"??", "a", false, false},
        {"?*", "", false, false},
        {"*?", "a", false, true},
        {"a*", "abc", false, true},
        {"*c", "abc", false, true},
        {"*b", "abc", false, false},
        {"a*c", "ac", false, true},
        {"a*b*c", "aXbYbZc", false, true},
        {"a*b*c", "aXcYb", false, false},
        {"*aab", "aaaaab", false, true},
        {"a?c", "abc", false, true},
        {"abc", "ABC", false, false},
        {"aBc", "AbC", true, true},
        {"s3:get*", "s3:GetObject", true, true},
        {"[a]", "a", false, false},
        {"a.c", "abc", false, false},
        {"*.*", "a.b", false, true},
        {"*:*", "s3:GetObject", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (policy_wildcard_match(str_from_cstr(cases[i].pattern), str_from_cstr(cases[i].text),
                                  cases[i].nocase) != cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].text);
    }
}

static void wildcards_match_in_reasonable_time(void **state)
{
    (void)state;
    enum { LEN = 4000 };
    static char pattern[LEN];
    static char text[LEN];
    for (size_t i = 0; i < LEN; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[LEN - 1] = 'b';
    memset(text, 'a', LEN);
    assert_false(policy_wildcard_match(str_of(pattern, LEN), str_of(text, LEN), false));
}

static void arns_match_their_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *arn;
        bool matches;
    } cases[] = {
        {"*", OBJECT, true},
        {"*", "*", true},
        {OBJECT, OBJECT, true},
        {"arn:aws:s3:::bucket/*", OBJECT, true},
        {"arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", false},
        {"arn:aws:s3:::bucket", OBJECT, false},
        {"arn:aws:s3:::b*", OBJECT, true},
        {"arn:aws:s3:::*/key", OBJECT, true},
        {"arn:aws:s3:::bucket/k?y", OBJECT, true},
        {"arn:aws:s3:::BUCKET/key", OBJECT, false},
        {"arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a:b:c", true},
        {"arn:aws:sqs", "arn:aws:sqs:us-east-1:" HERE ":q", true}, /* completed */
        {"arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-1:" HERE ":q", true},
        {"arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-2:" HERE ":q", false},
        {"arn:aws:ec2:*:instance/i", "arn:aws:ec2:us-east-1:1:instance/i", false},
        {"arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:us-east-1:1:instance/i", true},
        {"arn:aws:*:*:*:x", "arn:aws:a:b:c:d:x", false},
        {"arn:aws:a:b:c:*x", "arn:aws:a:b:c:d:x", true},
        {"arn:*:s3:::bucket/key", OBJECT, true},
        {"arn:aws:lambda:*:*:function:f", "arn:aws:lambda:us-east-1:1:function:f", true},
        {"arn:aws:lambda:*:*:function:f", "arn:aws:lambda:us-east-1:1:function:f:live", false},
        {"arn:aws:s3:::bucket", "*", false},
        {"", "*", false},
        {"execute-api:/prod/*", "execute-api:/prod/GET/x", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new();
        struct str pattern = str_from_cstr(cases[i].pattern);
        struct str arn = str_from_cstr(cases[i].arn);
        if (policy_arn_match(pattern, arn) != cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].arn);
        /* A Resource element must agree. */
        if (pattern.len > 0) {
            struct str text = str_format(arena,
                                         "{'Version':'2012-10-17','Statement':{'Effect':'Allow',"
                                         "'Principal':'*','Action':'a:b','Resource':'%s'}}",
                                         cases[i].pattern);
            const struct policy *policy = test_policy(arena, POLICY_RESOURCE, text.ptr);
            const struct policy_request request = {
                .principal = user, .action = STR("a:b"), .resource = arn};
            const struct policy_inputs inputs = {.resource = {.policies = &policy, .count = 1}};
            enum policy_decision decision = policy_evaluate(arena, &request, &inputs).decision;
            if ((decision == POLICY_ALLOWED) != cases[i].matches)
                fail_msg("Resource %s against %s", cases[i].pattern, cases[i].arn);
        }
        arena_free(arena);
    }
}

/* --- one identity policy --- */

struct statement_case {
    const char *statement; /* without Effect */
    const char *action;
    const char *resource;
    bool matches;
};

static enum policy_decision decide_identity(struct arena *arena, const char *document,
                                            const char *action, const char *resource,
                                            const char *context)
{
    const struct policy *policy = test_policy(arena, POLICY_IDENTITY, document);
    const struct policy_request request = {
        .principal = user,
        .action = str_from_cstr(action),
        .resource = str_from_cstr(resource),
        .resource_account = STR(HERE),
        .context = test_context(arena, context),
    };
    const struct policy_inputs inputs = {.identity = {.policies = &policy, .count = 1}};
    return policy_evaluate(arena, &request, &inputs).decision;
}

static void statements_match_actions_and_resources(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {"'Action':'s3:GetObject','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':'S3:getobject','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':'s3:Get*','Resource':'*'", "S3:GETOBJECT", OBJECT, true},
        {"'Action':'s3:Get','Resource':'*'", "s3:GetObject", OBJECT, false},
        {"'Action':'*','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':'*:*','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':'s3:*Object','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':'s3:?etObject','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':['s3:Put*','s3:Get*'],'Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'Action':'sqs:*','Resource':'*'", "s3:GetObject", OBJECT, false},
        {"'NotAction':'iam:*','Resource':'*'", "s3:GetObject", OBJECT, true},
        {"'NotAction':['iam:*','s3:*'],'Resource':'*'", "s3:GetObject", OBJECT, false},
        {"'Action':'s3:*','Resource':['arn:aws:s3:::a','" OBJECT "']", "s3:GetObject", OBJECT,
         true},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::other/*'", "s3:GetObject", OBJECT, false},
        {"'Action':'s3:*','NotResource':'arn:aws:s3:::other/*'", "s3:GetObject", OBJECT, true},
        {"'Action':'s3:*','NotResource':['arn:aws:s3:::b*']", "s3:GetObject", OBJECT, false},
        {"'Action':'s3:ListAllMyBuckets','Resource':'*'", "s3:ListAllMyBuckets", "*", true},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::*'", "s3:ListAllMyBuckets", "*", false},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::bucket/${k}'", "s3:GetObject", OBJECT, true},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::bucket/${nope}'", "s3:GetObject", OBJECT, false},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::bucket/*${nope}'", "s3:GetObject", OBJECT,
         false},
        {"'Action':'s3:*','Resource':['arn:aws:s3:::${nope}','*']", "s3:GetObject", OBJECT, true},
        {"'Action':'s3:*','NotResource':'arn:aws:s3:::bucket/${nope}'", "s3:GetObject", OBJECT,
         true},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::bucket/${star}'", "s3:GetObject", OBJECT, false},
        {"'Action':'s3:*','Resource':'arn:aws:s3:::bucket/${nope, ^key^}'", "s3:GetObject", OBJECT,
         true},
        {"'Action':'sqs:*','Resource':'arn:aws:sqs:*:${account}:q-${k}'", "sqs:SendMessage",
         "arn:aws:sqs:us-east-1:" HERE ":q-key", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new();
        static const char *const effects[] = {"Allow", "Deny"};
        for (size_t effect = 0; effect < 2; effect++) {
            struct str document =
                str_format(arena, "{'Version':'2012-10-17','Statement':{'Effect':'%s',%s}}",
                           effects[effect], cases[i].statement);
            enum policy_decision wanted = !cases[i].matches ? POLICY_IMPLICIT_DENY
                                          : effect          ? POLICY_EXPLICIT_DENY
                                                            : POLICY_ALLOWED;
            if (decide_identity(arena, document.ptr, cases[i].action, cases[i].resource,
                                "k=key;star=*;account=" HERE) != wanted)
                fail_msg("%s: %s", effects[effect], cases[i].statement);
        }
        arena_free(arena);
    }
}

static void a_deny_wins_wherever_it_stands(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_int_equal(
        decide_identity(arena,
                        "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*',"
                        "'Resource':'*'},{'Effect':'Deny','Action':'s3:Get*','Resource':'*'}]}",
                        "s3:GetObject", OBJECT, ""),
        POLICY_EXPLICIT_DENY);
    assert_int_equal(
        decide_identity(arena,
                        "{'Version':'2012-10-17','Statement':[{'Effect':'Deny','Action':'s3:Put*',"
                        "'Resource':'*'},{'Effect':'Allow','Action':'*','Resource':'*'}]}",
                        "s3:GetObject", OBJECT, ""),
        POLICY_ALLOWED);
    arena_free(arena);
}

/* The artifact bucket of a matrix pipeline: no header, no upload. */
static void a_negated_if_exists_deny_fires_when_the_key_is_absent(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *document =
        "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:*','Resource':'*'},"
        "{'Effect':'Deny','Action':'s3:PutObject','Resource':'arn:aws:s3:::bucket/*','Condition':"
        "{'StringNotLikeIfExists':{'s3:x-amz-server-side-encryption-aws-kms-key-id':"
        "'arn:aws:kms:us-east-1:111122223333:key/1'}}}]}";
    assert_int_equal(decide_identity(arena, document, "s3:PutObject", OBJECT, ""),
                     POLICY_EXPLICIT_DENY);
    assert_int_equal(
        decide_identity(arena, document, "s3:PutObject", OBJECT,
                        "s3:x-amz-server-side-encryption-aws-kms-key-id=arn:aws:kms:us-east-1:"
                        "111122223333:key/1"),
        POLICY_ALLOWED);
    assert_int_equal(
        decide_identity(arena, document, "s3:PutObject", OBJECT,
                        "s3:x-amz-server-side-encryption-aws-kms-key-id=arn:aws:kms:us-east-1:"
                        "111122223333:key/2"),
        POLICY_EXPLICIT_DENY);
    arena_free(arena);
}

static void missing_keys_are_reported_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct policy *policy = test_policy(
        arena, POLICY_IDENTITY,
        "{'Version':'2012-10-17','Statement':[{'Sid':'a','Effect':'Allow','Action':'s3:*',"
        "'Resource':'*','Condition':{'StringEquals':{'k:one':'a','k:two':'b','k:three':'${k:four}'}"
        "}},{'Sid':'b','Effect':'Allow','Action':'s3:*','Resource':'*','Condition':{'Null':"
        "{'K:ONE':'false'}}},{'Effect':'Allow','Action':'sqs:*','Resource':'*','Condition':{'Null':"
        "{'k:other':'true'}}}]}");
    const struct policy_request request = {
        .principal = user,
        .action = STR("s3:GetObject"),
        .resource = STR(OBJECT),
        .context = test_context(arena, "k:three=x"),
    };
    const struct policy_inputs inputs = {.identity = {.policies = &policy, .count = 1}};
    struct policy_result result = policy_evaluate(arena, &request, &inputs);
    assert_int_equal(result.decision, POLICY_IMPLICIT_DENY);
    assert_int_equal(result.missing_count, 3);
    assert_true(str_eq(result.missing_context[0], STR("k:one")));
    assert_true(str_eq(result.missing_context[1], STR("k:two")));
    assert_true(str_eq(result.missing_context[2], STR("k:four")));
    arena_free(arena);
}

static void the_deciding_statement_is_reported(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct policy *policies[] = {
        test_policy(arena, POLICY_IDENTITY,
                    "{'Statement':{'Effect':'Allow','Action':'sqs:*','Resource':'*'}}"),
        test_policy(arena, POLICY_IDENTITY,
                    "{'Statement':[{'Effect':'Allow','Action':'sqs:*','Resource':'*'},"
                    "{'Effect':'Allow','Action':'s3:*','Resource':'*'}]}"),
    };
    const struct policy_request request = {
        .principal = user, .action = STR("s3:GetObject"), .resource = STR(OBJECT)};
    const struct policy_inputs inputs = {.identity = {.policies = policies, .count = 2}};
    struct policy_result result = policy_evaluate(arena, &request, &inputs);
    assert_int_equal(result.decision, POLICY_ALLOWED);
    assert_int_equal(result.source, POLICY_SOURCE_IDENTITY);
    assert_ptr_equal(result.policy, policies[1]);
    assert_int_equal(result.statement_index, 1);
    arena_free(arena);
}

/* --- principals of resource policies --- */

static void principals_match_whom_they_name(void **state)
{
    (void)state;
    static const struct {
        const char *principal;
        const struct policy_principal *who;
        bool matches; /* for a Deny, where every level counts */
    } cases[] = {
        {"'Principal':'*'", &user, true},
        {"'Principal':'*'", &anonymous, true},
        {"'Principal':{'AWS':'*'}", &anonymous, true},
        {"'Principal':{'AWS':'*'}", &service, true},
        {"'Principal':{'AWS':'" HERE "'}", &user, true},
        {"'Principal':{'AWS':'arn:aws:iam::" HERE ":root'}", &user, true},
        {"'Principal':{'AWS':'arn:aws:iam::" HERE ":root'}", &root, true},
        {"'Principal':{'AWS':'" HERE "'}", &session, true},
        {"'Principal':{'AWS':'" THERE "'}", &user, false},
        {"'Principal':{'AWS':'" HERE "'}", &anonymous, false},
        {"'Principal':{'AWS':'" HERE "'}", &service, false},
        {"'Principal':{'AWS':['" THERE "','" USER_ARN "']}", &user, true},
        {"'Principal':{'AWS':'" USER_ARN "'}", &session, false},
        {"'Principal':{'AWS':'" USER_ARN "'}", &root, false},
        {"'Principal':{'AWS':'arn:aws:iam::" HERE ":user/Ann'}", &user, false},
        {"'Principal':{'AWS':'AIDAANNANNANNANNANNAN'}", &user, true},
        {"'Principal':{'AWS':'AIDAOTHEROTHEROTHER12'}", &user, false},
        {"'Principal':{'AWS':'" ROLE_ARN "'}", &session, true},
        {"'Principal':{'AWS':'arn:aws:iam::" HERE ":role/builder'}", &session, false},
        {"'Principal':{'AWS':'AROABUILDERBUILDER123'}", &session, true},
        {"'Principal':{'AWS':'" SESSION_ARN "'}", &session, true},
        {"'Principal':{'AWS':'arn:aws:sts::" HERE ":assumed-role/builder/run2'}", &session, false},
        {"'Principal':{'AWS':'" FEDERATED_ARN "'}", &federated_user, true},
        {"'Principal':{'AWS':'" USER_ARN "'}", &federated_user, true},
        {"'Principal':{'Service':'sns.amazonaws.com'}", &service, true},
        {"'Principal':{'Service':['s3.amazonaws.com','sns.amazonaws.com']}", &service, true},
        {"'Principal':{'Service':'s3.amazonaws.com'}", &service, false},
        {"'Principal':{'Service':'sns.amazonaws.com'}", &user, false},
        {"'Principal':{'Federated':'cognito-identity.amazonaws.com'}", &web, true},
        {"'Principal':{'Federated':'accounts.google.com'}", &web, false},
        {"'Principal':{'CanonicalUser':'79a59df900b949e5'}", &user, true},
        {"'Principal':{'CanonicalUser':'79a59df900b949e5'}", &session, false},
        {"'Principal':{'AWS':'" THERE "','Service':'sns.amazonaws.com'}", &service, true},
        /* NotPrincipal */
        {"'NotPrincipal':{'AWS':'" USER_ARN "'}", &user, false},
        {"'NotPrincipal':{'AWS':['" USER_ARN "','" HERE "']}", &user, false},
        {"'NotPrincipal':{'AWS':['arn:aws:iam::" HERE ":user/bob','" HERE "']}", &user, true},
        {"'NotPrincipal':{'AWS':'" HERE "'}", &user, true},
        {"'NotPrincipal':{'AWS':'" HERE "'}", &root, false},
        {"'NotPrincipal':{'AWS':'" USER_ARN "'}", &root, true},
        {"'NotPrincipal':{'AWS':'" ROLE_ARN "'}", &session, true},
        {"'NotPrincipal':{'AWS':'" SESSION_ARN "'}", &session, true},
        {"'NotPrincipal':{'AWS':['" ROLE_ARN "','" SESSION_ARN "']}", &session, false},
        {"'NotPrincipal':{'AWS':'" FEDERATED_ARN "'}", &federated_user, false},
        {"'NotPrincipal':{'AWS':'" USER_ARN "'}", &anonymous, true},
        {"'NotPrincipal':{'Service':'sns.amazonaws.com'}", &service, false},
        {"'NotPrincipal':{'Service':'sns.amazonaws.com'}", &user, true},
        {"'NotPrincipal':'*'", &user, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new();
        struct str document =
            str_format(arena, "{'Statement':{'Effect':'Deny','Action':'*','Resource':'*',%s}}",
                       cases[i].principal);
        const struct policy *policy = test_policy(arena, POLICY_RESOURCE, document.ptr);
        const struct policy_request request = {
            .principal = *cases[i].who, .action = STR("s3:GetObject"), .resource = STR(OBJECT)};
        const struct policy_inputs inputs = {.resource = {.policies = &policy, .count = 1}};
        bool denied = policy_evaluate(arena, &request, &inputs).decision == POLICY_EXPLICIT_DENY;
        if (denied != cases[i].matches)
            fail_msg("%zu: %s", i, cases[i].principal);
        arena_free(arena);
    }
}

static void a_boundary_makes_not_principal_deny_everyone(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct policy *resource = test_policy(
        arena, POLICY_RESOURCE,
        "{'Statement':{'Effect':'Deny','Action':'*','NotPrincipal':{'AWS':'" USER_ARN "'}}}");
    const struct policy *all = test_policy(
        arena, POLICY_IDENTITY, "{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}");
    const struct policy_request request = {
        .principal = user, .action = STR("s3:GetObject"), .resource = STR(OBJECT)};
    struct policy_inputs inputs = {
        .identity = {.policies = &all, .count = 1},
        .resource = {.policies = &resource, .count = 1},
        .boundary = {.policies = &all, .count = 1},
    };
    assert_int_equal(policy_evaluate(arena, &request, &inputs).decision, POLICY_ALLOWED);
    inputs.has_boundary = true;
    assert_int_equal(policy_evaluate(arena, &request, &inputs).decision, POLICY_EXPLICIT_DENY);
    arena_free(arena);
}

/* --- the decision --- */

enum {
    NEEDS_RESOURCE = 1, /* resource_policy_required */
    CROSS = 2,          /* the resource belongs to another account */
};

/* 'A' allows, 'D' denies, '-' says nothing, ' ' does not apply. The resource policy is given by
 * whom its Allow names, or 'D' to deny everyone. */
struct decision_case {
    const struct policy_principal *who;
    const char *resource; /* "user", "role", "session", "account", "*", "fed", "sns", "web", "D" */
    char identity;
    char boundary;
    char session;
    char service_control;
    unsigned flags;
    enum policy_decision decision;
    enum policy_source source;
};

#define YES POLICY_ALLOWED
#define NO POLICY_IMPLICIT_DENY
#define DENY POLICY_EXPLICIT_DENY
#define BY_IDENTITY POLICY_SOURCE_IDENTITY
#define BY_RESOURCE POLICY_SOURCE_RESOURCE
#define BY_BOUNDARY POLICY_SOURCE_BOUNDARY
#define BY_SESSION POLICY_SOURCE_SESSION
#define BY_SCP POLICY_SOURCE_SERVICE_CONTROL
#define BY_NONE POLICY_SOURCE_NONE

static const struct decision_case same_account[] = {
    /* identity policies alone */
    {&user, "", '-', ' ', ' ', ' ', 0, NO, BY_IDENTITY},
    {&user, "", 'A', ' ', ' ', ' ', 0, YES, BY_IDENTITY},
    {&user, "", 'D', ' ', ' ', ' ', 0, DENY, BY_IDENTITY},
    {&session, "", 'A', ' ', ' ', ' ', 0, YES, BY_IDENTITY},
    {&user, "", 'A', 'A', ' ', ' ', 0, YES, BY_IDENTITY},
    {&user, "", 'A', '-', ' ', ' ', 0, NO, BY_BOUNDARY},
    {&user, "", 'A', 'D', ' ', ' ', 0, DENY, BY_BOUNDARY},
    {&user, "", '-', 'A', ' ', ' ', 0, NO, BY_IDENTITY},
    {&session, "", 'A', ' ', 'A', ' ', 0, YES, BY_IDENTITY},
    {&session, "", 'A', ' ', '-', ' ', 0, NO, BY_SESSION},
    {&session, "", 'A', ' ', 'D', ' ', 0, DENY, BY_SESSION},
    {&session, "", '-', ' ', 'A', ' ', 0, NO, BY_IDENTITY},
    {&session, "", 'A', 'A', 'A', 'A', 0, YES, BY_IDENTITY},
    {&session, "", 'A', '-', '-', 'A', 0, NO, BY_BOUNDARY},
    {&user, "", 'A', ' ', ' ', 'A', 0, YES, BY_IDENTITY},
    {&user, "", 'A', ' ', ' ', '-', 0, NO, BY_SCP},
    {&user, "", 'A', ' ', ' ', 'D', 0, DENY, BY_SCP},
    /* a resource policy for the user: neither identity nor boundary limit it */
    {&user, "user", '-', ' ', ' ', ' ', 0, YES, BY_RESOURCE},
    {&user, "user", '-', '-', ' ', ' ', 0, YES, BY_RESOURCE},
    {&user, "user", '-', 'D', ' ', ' ', 0, DENY, BY_BOUNDARY},
    {&user, "user", 'D', ' ', ' ', ' ', 0, DENY, BY_IDENTITY},
    {&user, "user", '-', ' ', ' ', '-', 0, NO, BY_SCP},
    {&user, "*", '-', '-', ' ', ' ', 0, YES, BY_RESOURCE},
    {&user, "role", '-', ' ', ' ', ' ', 0, NO, BY_IDENTITY},
    {&user, "D", 'A', ' ', ' ', ' ', 0, DENY, BY_RESOURCE},
    /* for the role: boundary and session policy limit it */
    {&session, "role", '-', ' ', ' ', ' ', 0, YES, BY_RESOURCE},
    {&session, "role", '-', '-', ' ', ' ', 0, NO, BY_BOUNDARY},
    {&session, "role", '-', 'A', ' ', ' ', 0, YES, BY_RESOURCE},
    {&session, "role", '-', ' ', '-', ' ', 0, NO, BY_SESSION},
    {&session, "role", '-', ' ', 'A', ' ', 0, YES, BY_RESOURCE},
    /* for the session: nothing does */
    {&session, "session", '-', ' ', ' ', ' ', 0, YES, BY_RESOURCE},
    {&session, "session", '-', '-', '-', ' ', 0, YES, BY_RESOURCE},
    {&session, "session", '-', 'D', ' ', ' ', 0, DENY, BY_BOUNDARY},
    {&session, "session", '-', ' ', 'D', ' ', 0, DENY, BY_SESSION},
    {&session, "*", '-', '-', '-', ' ', 0, YES, BY_RESOURCE},
    /* federated users: their own ARN, or that of the user behind them */
    {&federated_user, "fed", '-', '-', '-', ' ', 0, YES, BY_RESOURCE},
    {&federated_user, "user", '-', ' ', '-', ' ', 0, NO, BY_SESSION},
    {&federated_user, "user", '-', '-', 'A', ' ', 0, NO, BY_BOUNDARY},
    {&federated_user, "user", '-', ' ', 'A', ' ', 0, YES, BY_RESOURCE},
    {&federated_user, "", 'A', ' ', 'A', ' ', 0, YES, BY_IDENTITY},
    {&federated_user, "", 'A', ' ', '-', ' ', 0, NO, BY_SESSION},
    /* naming the account hands the question to its identity policies */
    {&user, "account", '-', ' ', ' ', ' ', 0, NO, BY_IDENTITY},
    {&user, "account", 'A', ' ', ' ', ' ', 0, YES, BY_IDENTITY},
    {&user, "account", 'A', '-', ' ', ' ', 0, NO, BY_BOUNDARY},
    /* key policies and trust policies must allow */
    {&user, "", 'A', ' ', ' ', ' ', NEEDS_RESOURCE, NO, BY_RESOURCE},
    {&user, "account", 'A', ' ', ' ', ' ', NEEDS_RESOURCE, YES, BY_IDENTITY},
    {&user, "account", '-', ' ', ' ', ' ', NEEDS_RESOURCE, NO, BY_IDENTITY},
    {&user, "user", '-', ' ', ' ', ' ', NEEDS_RESOURCE, YES, BY_RESOURCE},
    {&user, "role", 'A', ' ', ' ', ' ', NEEDS_RESOURCE, NO, BY_RESOURCE},
    {&session, "role", '-', ' ', ' ', ' ', NEEDS_RESOURCE, YES, BY_RESOURCE},
    {&session, "account", 'A', ' ', ' ', ' ', NEEDS_RESOURCE, YES, BY_IDENTITY},
    {&user, "D", 'A', ' ', ' ', ' ', NEEDS_RESOURCE, DENY, BY_RESOURCE},
    /* the root user needs no policy, but obeys denials, SCPs and key policies */
    {&root, "", '-', ' ', ' ', ' ', 0, YES, BY_NONE},
    {&root, "user", '-', ' ', ' ', ' ', 0, YES, BY_NONE},
    {&root, "D", '-', ' ', ' ', ' ', 0, DENY, BY_RESOURCE},
    {&root, "", '-', ' ', ' ', '-', 0, NO, BY_SCP},
    {&root, "", '-', ' ', ' ', 'D', 0, DENY, BY_SCP},
    {&root, "", '-', ' ', ' ', ' ', NEEDS_RESOURCE, NO, BY_RESOURCE},
    {&root, "account", '-', ' ', ' ', ' ', NEEDS_RESOURCE, YES, BY_NONE},
    {&root, "", '-', ' ', '-', ' ', 0, NO, BY_SESSION},
    /* services, tokens and anonymous callers have the resource policy only */
    {&service, "", 'A', ' ', ' ', ' ', 0, NO, BY_RESOURCE},
    {&service, "sns", '-', ' ', ' ', ' ', 0, YES, BY_RESOURCE},
    {&service, "sns", 'D', 'D', 'D', 'D', 0, YES, BY_RESOURCE},
    {&service, "*", '-', ' ', ' ', ' ', 0, YES, BY_RESOURCE},
    {&service, "account", '-', ' ', ' ', ' ', 0, NO, BY_RESOURCE},
    {&service, "D", '-', ' ', ' ', ' ', 0, DENY, BY_RESOURCE},
    {&web, "web", '-', ' ', ' ', ' ', NEEDS_RESOURCE, YES, BY_RESOURCE},
    {&web, "sns", '-', ' ', ' ', ' ', NEEDS_RESOURCE, NO, BY_RESOURCE},
    {&anonymous, "", 'A', ' ', ' ', ' ', 0, NO, BY_RESOURCE},
    {&anonymous, "account", 'A', ' ', ' ', ' ', 0, NO, BY_RESOURCE},
    {&anonymous, "*", '-', ' ', ' ', '-', 0, YES, BY_RESOURCE},
    {&anonymous, "*", '-', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
};

static const struct decision_case cross_account[] = {
    /* both sides must allow */
    {&user, "", 'A', ' ', ' ', ' ', CROSS, NO, BY_RESOURCE},
    {&user, "user", '-', ' ', ' ', ' ', CROSS, NO, BY_IDENTITY},
    {&user, "user", 'A', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&user, "account", 'A', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&user, "account", '-', ' ', ' ', ' ', CROSS, NO, BY_IDENTITY},
    {&user, "*", 'A', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&user, "*", '-', ' ', ' ', ' ', CROSS, NO, BY_IDENTITY},
    {&user, "role", 'A', ' ', ' ', ' ', CROSS, NO, BY_RESOURCE},
    {&user, "user", 'D', ' ', ' ', ' ', CROSS, DENY, BY_IDENTITY},
    {&user, "D", 'A', ' ', ' ', ' ', CROSS, DENY, BY_RESOURCE},
    {&user, "user", 'A', '-', ' ', ' ', CROSS, NO, BY_BOUNDARY},
    {&user, "user", 'A', 'A', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&user, "user", 'A', 'D', ' ', ' ', CROSS, DENY, BY_BOUNDARY},
    {&user, "user", 'A', ' ', ' ', '-', CROSS, NO, BY_SCP},
    {&user, "user", 'A', ' ', ' ', 'A', CROSS, YES, BY_RESOURCE},
    {&session, "session", '-', ' ', ' ', ' ', CROSS, NO, BY_IDENTITY},
    {&session, "session", 'A', ' ', '-', ' ', CROSS, NO, BY_SESSION},
    {&session, "session", 'A', ' ', 'A', ' ', CROSS, YES, BY_RESOURCE},
    {&session, "role", 'A', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&session, "role", 'A', '-', 'A', ' ', CROSS, NO, BY_BOUNDARY},
    {&session, "account", 'A', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&federated_user, "fed", 'A', ' ', 'A', ' ', CROSS, YES, BY_RESOURCE},
    {&federated_user, "fed", 'A', ' ', '-', ' ', CROSS, NO, BY_SESSION},
    {&root, "", '-', ' ', ' ', ' ', CROSS, NO, BY_RESOURCE},
    {&root, "account", '-', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&root, "*", '-', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
    {&root, "account", '-', ' ', ' ', '-', CROSS, NO, BY_SCP},
    {&root, "user", '-', ' ', ' ', ' ', CROSS, NO, BY_RESOURCE},
    /* required or not makes no difference here */
    {&user, "account", 'A', ' ', ' ', ' ', CROSS | NEEDS_RESOURCE, YES, BY_RESOURCE},
    {&user, "", 'A', ' ', ' ', ' ', CROSS | NEEDS_RESOURCE, NO, BY_RESOURCE},
    {&session, "role", '-', ' ', ' ', ' ', CROSS | NEEDS_RESOURCE, NO, BY_IDENTITY},
    {&service, "sns", '-', ' ', ' ', ' ', CROSS, YES, BY_RESOURCE},
};

static const struct policy *plain_policy(struct arena *arena, char says)
{
    static const char *const allow =
        "{'Statement':{'Effect':'Allow','Action':'s3:*','Resource':'*'}}";
    static const char *const deny = "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*'},"
                                    "{'Effect':'Deny','Action':'s3:*','Resource':'*'}]}";
    static const char *const other =
        "{'Statement':{'Effect':'Allow','Action':'sqs:*','Resource':'*'}}";
    return test_policy(arena, POLICY_IDENTITY, says == 'A' ? allow : says == 'D' ? deny : other);
}

static const struct policy *resource_policy(struct arena *arena, const char *names)
{
    static const struct {
        const char *name;
        const char *principal;
    } principals[] = {
        {"user", "{'AWS':'" USER_ARN "'}"},
        {"role", "{'AWS':'" ROLE_ARN "'}"},
        {"session", "{'AWS':'" SESSION_ARN "'}"},
        {"account", "{'AWS':'arn:aws:iam::" HERE ":root'}"},
        {"fed", "{'AWS':'" FEDERATED_ARN "'}"},
        {"sns", "{'Service':'sns.amazonaws.com'}"},
        {"web", "{'Federated':'cognito-identity.amazonaws.com'}"},
        {"*", "'*'"},
        {"D", "'*'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(principals); i++) {
        if (strcmp(principals[i].name, names) != 0)
            continue;
        struct str document =
            str_format(arena, "{'Statement':{'Effect':'%s','Principal':%s,'Action':'s3:*'}}",
                       names[0] == 'D' ? "Deny" : "Allow", principals[i].principal);
        return test_policy(arena, POLICY_RESOURCE, document.ptr);
    }
    return NULL;
}

static void expect_decisions(const struct decision_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct decision_case *c = &cases[i];
        struct arena *arena = arena_new();
        const struct policy *identity = plain_policy(arena, c->identity);
        const struct policy *boundary = plain_policy(arena, c->boundary);
        const struct policy *session_policy = plain_policy(arena, c->session);
        const struct policy *service_control = plain_policy(arena, c->service_control);
        const struct policy *resource = resource_policy(arena, c->resource);
        const struct policy_inputs inputs = {
            .identity = {.policies = &identity, .count = 1},
            .resource = {.policies = &resource, .count = resource != NULL},
            .boundary = {.policies = &boundary, .count = 1},
            .has_boundary = c->boundary != ' ',
            .session = {.policies = &session_policy, .count = 1},
            .has_session = c->session != ' ',
            .service_control = {.policies = &service_control, .count = 1},
            .has_service_control = c->service_control != ' ',
            .resource_policy_required = (c->flags & NEEDS_RESOURCE) != 0,
        };
        const struct policy_request request = {
            .principal = *c->who,
            .action = STR("s3:GetObject"),
            .resource = STR(OBJECT),
            .resource_account = c->flags & CROSS ? STR(THERE) : STR(HERE),
        };
        struct policy_result result = policy_evaluate(arena, &request, &inputs);
        if (result.decision != c->decision || result.source != c->source)
            fail_msg("%zu: \"%s\" %c%c%c%c %u gave %d by %d, not %d by %d", i, c->resource,
                     c->identity, c->boundary, c->session, c->service_control, c->flags,
                     (int)result.decision, (int)result.source, (int)c->decision, (int)c->source);
        arena_free(arena);
    }
}

static void requests_within_an_account_are_decided(void **state)
{
    (void)state;
    expect_decisions(same_account, ARRAY_LEN(same_account));
}

static void requests_across_accounts_need_both_sides(void **state)
{
    (void)state;
    expect_decisions(cross_account, ARRAY_LEN(cross_account));
}

static void a_resource_without_owner_is_the_callers(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct policy *all = plain_policy(arena, 'A');
    const struct policy_request request = {
        .principal = user, .action = STR("s3:ListAllMyBuckets"), .resource = STR("*")};
    const struct policy_inputs inputs = {.identity = {.policies = &all, .count = 1}};
    assert_int_equal(policy_evaluate(arena, &request, &inputs).decision, POLICY_ALLOWED);
    arena_free(arena);
}

static void an_allow_with_not_principal_lets_all_others_in(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct policy *resource = test_policy(
        arena, POLICY_RESOURCE,
        "{'Statement':{'Effect':'Allow','Action':'*','NotPrincipal':{'AWS':'" HERE "'}}}");
    const struct policy_inputs inputs = {.resource = {.policies = &resource, .count = 1}};
    struct policy_request request = {
        .principal = user, .action = STR("s3:GetObject"), .resource = STR(OBJECT)};
    assert_int_equal(policy_evaluate(arena, &request, &inputs).decision, POLICY_IMPLICIT_DENY);
    request.principal = anonymous;
    assert_int_equal(policy_evaluate(arena, &request, &inputs).decision, POLICY_ALLOWED);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_match_text),
        cmocka_unit_test(wildcards_match_in_reasonable_time),
        cmocka_unit_test(arns_match_their_patterns),
        cmocka_unit_test(statements_match_actions_and_resources),
        cmocka_unit_test(a_deny_wins_wherever_it_stands),
        cmocka_unit_test(a_negated_if_exists_deny_fires_when_the_key_is_absent),
        cmocka_unit_test(missing_keys_are_reported_once),
        cmocka_unit_test(the_deciding_statement_is_reported),
        cmocka_unit_test(principals_match_whom_they_name),
        cmocka_unit_test(a_boundary_makes_not_principal_deny_everyone),
        cmocka_unit_test(requests_within_an_account_are_decided),
        cmocka_unit_test(requests_across_accounts_need_both_sides),
        cmocka_unit_test(a_resource_without_owner_is_the_callers),
        cmocka_unit_test(an_allow_with_not_principal_lets_all_others_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
