/* policy_parse_test.c — which documents are malformed, and in which words. */
#include "auth/policy_testing.h"

#include <errno.h>
#include <string.h>

#define ALLOW "'Effect':'Allow','Action':'s3:ListBucket'"
#define BUCKET "'Resource':'arn:aws:s3:::example_bucket'"
#define DOC(statement) "{'Version':'2012-10-17','Statement':" statement "}"
#define WITH_RESOURCE(resource) DOC("{" ALLOW ",'Resource':" resource "}")
#define WITH_ACTION(action) DOC("{'Effect':'Allow','Action':" action "," BUCKET "}")
#define WITH_CONDITION(condition) DOC("{" ALLOW "," BUCKET ",'Condition':" condition "}")
#define TRUST(rest) DOC("{'Effect':'Allow'," rest "}")

struct malformed {
    const char *document;
    const char *message;
};

static void expect_malformed(enum policy_kind kind, const struct malformed *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        struct policy *policy = NULL;
        struct policy_error error = {.message = {0}};
        int rc = policy_parse(arena, test_json(arena, cases[i].document), kind, &policy, &error);
        if (rc != -EINVAL || !str_eq_cstr(error.message, cases[i].message))
            fail_msg("%s\n  gave %d \"" STR_FMT "\"\n  not \"%s\"", cases[i].document, rc,
                     STR_ARG(error.message), cases[i].message);
        assert_null(policy);
        arena_free(arena);
    }
}

static void expect_valid(enum policy_kind kind, const char *const *documents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        assert_non_null(test_policy(arena, kind, documents[i]));
        arena_free(arena);
    }
}

#define SYNTAX "Syntax errors in policy."
#define LEGACY "The policy failed legacy parsing"
#define NO_ACTIONS "Policy statement must contain actions."
#define NO_RESOURCES "Policy statement must contain resources."
#define NO_VENDOR "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
#define ONE_COLON "Actions/Condition can contain only one colon."
#define OLD_VERSION "Policy document must be version 2012-10-17 or greater."
#define UNIQUE_SID "Statement IDs (SID) in a single policy must be unique."
#define IAM_PATH                                                                                   \
    "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, " \
    "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, "            \
    "oidc-provider/, report/, access-report/."

static void permission_policies_with_errors_of_syntax_are_refused(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {"", SYNTAX},
        {"This is not a json document", SYNTAX},
        {"[]", SYNTAX},
        {"{'Version':'2012-10-17'}", SYNTAX},
        {"{'Version':'2013-10-17','Statement':{" ALLOW "," BUCKET "}}", SYNTAX},
        {"{'Version':1,'Statement':{" ALLOW "," BUCKET "}}", SYNTAX},
        {"{'version':'2012-10-17','Statement':{" ALLOW "," BUCKET "}}", SYNTAX},
        {"{'Version':'2012-10-17','Version':'2012-10-17','Statement':{" ALLOW "," BUCKET "}}",
         SYNTAX},
        {DOC("['afd']"), SYNTAX},
        {DOC("[]"), SYNTAX},
        {DOC("'x'"), SYNTAX},
        {"{'Version':'2012-10-17','Statement':{" ALLOW "," BUCKET "},'Extra field':'v'}", SYNTAX},
        {"{'Version':'2012-10-17','Id':['a'],'Statement':{" ALLOW "," BUCKET "}}", SYNTAX},
        {"{'Version':'2012-10-17','Id':{},'Statement':{" ALLOW "," BUCKET "}}", SYNTAX},
        {DOC("{" ALLOW "," BUCKET ",'Extra field':'value'}"), SYNTAX},
        {DOC("{'Effect':'invalid','Action':'s3:ListBucket'," BUCKET "}"), SYNTAX},
        {DOC("{'Effect':true,'Action':'s3:ListBucket'," BUCKET "}"), SYNTAX},
        {DOC("{'Action':'s3:ListBucket'," BUCKET "}"), SYNTAX},
        {DOC("{" ALLOW "," BUCKET ",'Sid':{}}"), SYNTAX},
        {DOC("{" ALLOW "," BUCKET ",'Sid':[]}"), SYNTAX},
        {WITH_RESOURCE("{'a':'arn:aws:s3:::example_bucket'}"), SYNTAX},
        {WITH_RESOURCE("['adfdf',{}]"), SYNTAX},
        {WITH_RESOURCE("null"), SYNTAX},
        {DOC("{'Effect':'Allow','NotAction':'s3:ListBucket'," BUCKET ",'NotResource':[]}"), SYNTAX},
        {DOC("{" ALLOW "," BUCKET ",'NotResource':'*'}"), SYNTAX},
        {DOC("{" ALLOW ",'NotAction':'iam:dsf'," BUCKET "}"), SYNTAX},
        {DOC("{'Effect':'Allow','NotAction':'s3s:ListBucket','Action':[]," BUCKET "}"), SYNTAX},
        {WITH_ACTION("[[]]"), SYNTAX},
        {WITH_ACTION("{}"), SYNTAX},
        {WITH_CONDITION("[]"), SYNTAX},
        {WITH_CONDITION("'a'"), SYNTAX},
        {WITH_CONDITION("{'a':'b'}"), SYNTAX},
        {WITH_CONDITION("{'DateGreaterThan':'b'}"), SYNTAX},
        {WITH_CONDITION("{'DateGreaterThan':[]}"), SYNTAX},
        {WITH_CONDITION("{'DateGreaterThan':{'a':{}}}"), SYNTAX},
        {WITH_CONDITION("{'DateGreaterThan':{'a':[['b']]}}"), SYNTAX},
        {WITH_CONDITION("{'StringEquals':{'a':null}}"), SYNTAX},
        {WITH_CONDITION("{'x':{'a':'1'}}"), SYNTAX},
        {WITH_CONDITION("{'ForAnyValue::StringEqualsIfExists':{'a':'asf'}}"), SYNTAX},
        {WITH_CONDITION("{'NullIfExists':{'a':'true'}}"), SYNTAX},
        {WITH_CONDITION("[{'ForAllValues:StringEquals':{'aws:TagKeys':'Department'}}]"), SYNTAX},
        {DOC("{'Effect':'Allow'," BUCKET ",'Condition':{'DateGreaterThan':{'a':{}}}}"), SYNTAX},
    };
    expect_malformed(POLICY_IDENTITY, cases, ARRAY_LEN(cases));
    expect_malformed(POLICY_MANAGED, cases, ARRAY_LEN(cases));
    expect_malformed(POLICY_SESSION, cases, ARRAY_LEN(cases));
}

static void permission_policies_that_fail_legacy_parsing_are_refused(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {DOC("{'Effect':'denY','Action':'s3:ListBucket'," BUCKET "}"), LEGACY},
        {DOC("{'Effect':'allow','Resource':'arn:aws:s3:us-east-1::example_bucket'}"), LEGACY},
        {DOC("[{'Sid':'sdf','Effect':'aLLow'},{'Sid':'sdf','Effect':'Allow'}]"), LEGACY},
        {WITH_RESOURCE("'arn:aws:s3::example_bucket'"), LEGACY},
        {DOC("{'Effect':'Allow','Resource':'arn:aws:s3::example_bucket'}"), LEGACY},
        {DOC("{" ALLOW ",'NotResource':'arn:aws:s3::example_bucket'}"), LEGACY},
        {WITH_RESOURCE("'arn:aws::::example_bucket'"), LEGACY},
        {WITH_RESOURCE("'arn:aws::fdsasf'"), LEGACY},
        {WITH_CONDITION("{'DateGreaterThan':{'a':'sdfdsf'}}"), LEGACY},
        {WITH_CONDITION("{'DateLessThanEquals':{'a':'234-13'}}"), LEGACY},
        {WITH_CONDITION("{'DateLessThanEquals':{'a':'2016-12-13t2:00:00.593194+1'}}"), LEGACY},
        {WITH_CONDITION("{'DateLessThanEquals':{'a':'2016-12-13t2:00:00.1999999999+10:59'}}"),
         LEGACY},
        {WITH_CONDITION("{'DateLessThan':{'a':'9223372036854775808'}}"), LEGACY},
        {WITH_CONDITION("{'DateEqualsIfExists':{'a':['2020-01-01','2020-13-01']}}"), LEGACY},
        {WITH_CONDITION("{'ForAnyValue:DateEquals':{'a':''}}"), LEGACY},
        {DOC("{'Effect':'Allow','Condition':{'DateGreaterThan':{'a':'sdfdsf'}}}"), LEGACY},
        {DOC("{" ALLOW ",'Resource':'arn:error:s3:::example_bucket','Condition':{'DateGreaterThan':"
             "{'a':'sdfdsf'}}}"),
         LEGACY},
    };
    expect_malformed(POLICY_IDENTITY, cases, ARRAY_LEN(cases));
}

static void permission_policies_with_wrong_elements_are_refused(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {WITH_ACTION("'invalid'"), NO_VENDOR},
        {DOC("{'Effect':'Allow','NotAction':''," BUCKET "}"), NO_VENDOR},
        {DOC("{'Effect':'Allow','Action':'invalid'}"), NO_VENDOR},
        {WITH_ACTION("'a a:ListBucket'"), "Vendor a a is not valid"},
        {WITH_ACTION("['s3:Get*','s3*:Get']"), "Vendor s3* is not valid"},
        {WITH_ACTION("'s3:List:Bucket'"), ONE_COLON},
        {DOC("[{'Effect':'Allow','Action':'s3s:ListBucket'," BUCKET "},"
             "{'Effect':'Allow','Action':'s:3s:ListBucket'," BUCKET "}]"),
         ONE_COLON},
        {WITH_RESOURCE("'invalid resource'"),
         "Resource invalid resource must be in ARN format or \"*\"."},
        {WITH_RESOURCE("''"), "Resource  must be in ARN format or \"*\"."},
        {WITH_RESOURCE("['adf']"), "Resource adf must be in ARN format or \"*\"."},
        {DOC("{'Effect':'Allow','Action':'s:3:ListBucket','Resource':'sdfsadf'}"),
         "Resource sdfsadf must be in ARN format or \"*\"."},
        {WITH_RESOURCE("'a:bsdfdsafsad'"),
         "Partition \"bsdfdsafsad\" is not valid for resource \"arn:bsdfdsafsad:*:*:*:*\"."},
        {WITH_RESOURCE("'a:b:cadfsdf'"),
         "Partition \"b\" is not valid for resource \"arn:b:cadfsdf:*:*:*\"."},
        {WITH_RESOURCE("'a:b:c:d:e:f:g:h'"),
         "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\"."},
        {WITH_RESOURCE("'aws:s3:::example_bucket'"),
         "Partition \"s3\" is not valid for resource \"arn:s3:::example_bucket:*\"."},
        {WITH_RESOURCE("['arn:error:s3:::example_bucket','arn:error:s3::example_bucket']"),
         "Partition \"error\" is not valid for resource \"arn:error:s3:::example_bucket\"."},
        {WITH_RESOURCE("'arn:aws'"),
         "Resource vendor must be fully qualified and cannot contain regexes."},
        {WITH_RESOURCE("'arn:aws:s*:::b'"),
         "Resource vendor must be fully qualified and cannot contain regexes."},
        {WITH_RESOURCE("'arn:aws:iam:::example_bucket'"), IAM_PATH},
        {WITH_RESOURCE("'arn:aws:iam:us-east-1::example_bucket'"),
         "IAM resource arn:aws:iam:us-east-1::example_bucket cannot contain region information."},
        {WITH_RESOURCE("'arn:aws:s3:us-east-1::example_bucket'"),
         "Resource arn:aws:s3:us-east-1::example_bucket can not contain region information."},
        {DOC("{" ALLOW "}"), NO_RESOURCES},
        {WITH_RESOURCE("[]"), NO_RESOURCES},
        {DOC("{'Effect':'Allow'," BUCKET "}"), NO_ACTIONS},
        {DOC("{'Effect':'Allow'}"), NO_ACTIONS},
        {WITH_ACTION("[]"), NO_ACTIONS},
        {DOC("[{'Effect':'Deny'},{" ALLOW "," BUCKET "}]"), NO_ACTIONS},
        {DOC("[{'Sid':'sdf'," ALLOW "," BUCKET "},{'Sid':'sdf','Effect':'Allow'}]"), UNIQUE_SID},
        {DOC("{'Sid':'with space'," ALLOW "," BUCKET "}"),
         "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
         "expression [0-9A-Za-z]*"},
        {DOC("{" ALLOW "," BUCKET ",'Principal':'*'}"),
         "Policy document should not specify a principal."},
        {DOC("{" ALLOW "," BUCKET ",'NotPrincipal':{'AWS':'*'}}"),
         "Policy document should not specify a principal."},
    };
    expect_malformed(POLICY_IDENTITY, cases, ARRAY_LEN(cases));
    expect_malformed(POLICY_BOUNDARY, cases, ARRAY_LEN(cases));
}

static void managed_policies_must_have_the_present_version(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {"{'Statement':{" ALLOW "," BUCKET "}}", OLD_VERSION},
        {"{'Version':'2008-10-17','Statement':{" ALLOW "," BUCKET "}}", OLD_VERSION},
        {"{'Statement':[{'Sid':'a'," ALLOW "," BUCKET "},{'Sid':'a','Effect':'Allow'}]}",
         OLD_VERSION},
        {"{'Statement':{'Effect':'denY','Action':'s3:ListBucket'," BUCKET "}}", OLD_VERSION},
    };
    const char *const inline_ones[] = {cases[0].document, cases[1].document};
    expect_malformed(POLICY_MANAGED, cases, ARRAY_LEN(cases));
    expect_valid(POLICY_IDENTITY, inline_ones, ARRAY_LEN(inline_ones));
}

static void valid_permission_policies_are_accepted(void **state)
{
    (void)state;
    static const char *const documents[] = {
        WITH_RESOURCE("['arn:aws:s3:::example_bucket']"),
        WITH_RESOURCE("['arn:aws:s3:::example_bucket','*']"),
        WITH_RESOURCE("'arn:aws:iam:::user/example_bucket'"),
        WITH_RESOURCE("'arn:aws:iam::123456789012:*'"),
        WITH_RESOURCE("'arn:aws:iam::aws:policy/AdministratorAccess'"),
        WITH_RESOURCE("'arn:aws:s33:::example_bucket'"),
        WITH_RESOURCE("'arn:aws:fdsasf'"),
        WITH_RESOURCE("'arn:aws:cloudwatch:us-east-1::example_bucket'"),
        WITH_RESOURCE("'arn:aws:invalid-service:us-east-1::example_bucket'"),
        WITH_RESOURCE("'arn:aws:s3:us-east-1:123456789012:accesspoint/p'"),
        WITH_RESOURCE("'arn:aws-cn:s3:::b'"),
        WITH_RESOURCE("'arn:*:s3:::b'"),
        WITH_RESOURCE("'arn:aws:s3:::${aws:PrincipalTag/bucket}/${aws:username}/*'"),
        WITH_ACTION("'*'"),
        WITH_ACTION("'*:*'"),
        WITH_ACTION("'iam: asdf safdsf af '"),
        WITH_ACTION("['fsx:ListBucket','s3-s:List','s3.s:List']"),
        DOC("[{" ALLOW "," BUCKET "}]"),
        DOC("{'Effect':'Deny','Action':'s3:*','NotResource':['arn:aws:s3:::h/P','*']}"),
        DOC("{'Effect':'Allow','NotAction':'s3:ListBucket','NotResource':'*'}"),
        DOC("[{'Sid':''," ALLOW "," BUCKET "},{'Sid':''," ALLOW "," BUCKET "}]"),
        WITH_CONDITION("{}"),
        WITH_CONDITION("{'a':{}}"),
        WITH_CONDITION("{'x':{},'y':{}}"),
        WITH_CONDITION("{'DateGreaterThan':{}}"),
        WITH_CONDITION("{'DateGreaterThan':{'a':[]}}"),
        WITH_CONDITION("{'DateGreaterThan':{'a':'01T'}}"),
        WITH_CONDITION("{'DateLessThanEquals':{'a':'2019-07-01T13:20:15Z'}}"),
        WITH_CONDITION("{'DateLessThanEquals':{'a':'2016-12-13T21:20:37.593194+00:00'}}"),
        WITH_CONDITION("{'DateLessThanEquals':{'a':'2016-12-13t2:00:00.593194+23'}}"),
        WITH_CONDITION("{'DateLessThan':{'a':'-292275054'}}"),
        WITH_CONDITION("{'DateLessThan':{'a':1700000000}}"),
        WITH_CONDITION("{'Bool':{'aws:SecureTransport':false}}"),
        WITH_CONDITION("{'NumericLessThan':{'s3:max-keys':10}}"),
        WITH_CONDITION("{'ForAllValues:StringEquals':{'aws:TagKeys':'Department'}}"),
        WITH_CONDITION("{'StringEqualsIfExists':{'a':'asf'},'bool':{'b':'true'}}"),
        WITH_CONDITION("{'ForAnyValue:StringEqualsIfExists':{'a':['asf',1,true]}}"),
        "{'Version':'2012-10-17','Id':'x','Statement':{" ALLOW "," BUCKET "}}",
    };
    expect_valid(POLICY_IDENTITY, documents, ARRAY_LEN(documents));
    expect_valid(POLICY_MANAGED, documents, ARRAY_LEN(documents));
}

static void malformed_trust_policies_are_refused(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {"x", "This policy contains invalid Json"},
        {" {}", "JSON strings must not have leading spaces"},
        {"{}", "Missing required field Statement"},
        {DOC("[]"), "Could not parse the policy: Statement is empty!"},
        {"{'Version':'2012','Statement':[]}", "The policy must contain a valid version string"},
        {TRUST("'Principal':{'AWS':'*'},'Action':'sts:AssumeRole','Resource':'*'"),
         "Has prohibited field Resource"},
        {TRUST("'Action':'sts:AssumeRole'"), "Missing required field Principal"},
        {TRUST("'Principal':{},'Action':'sts:AssumeRole'"),
         "Missing required field Principal cannot be empty!"},
        {TRUST("'Principal':{'AWS':[]},'Action':'sts:AssumeRole'"),
         "Missing required field Principal cannot be empty!"},
        {TRUST("'Principal':{'AWS':'*'}"), "Missing required field Action"},
        {TRUST("'Principal':{'AWS':'*'},'Action':'*'"),
         "AssumeRole policy may only specify STS AssumeRole actions."},
        {TRUST("'Principal':{'AWS':'*'},'Action':['sts:AssumeRole','s3:GetObject']"),
         "AssumeRole policy may only specify STS AssumeRole actions."},
        {TRUST("'Principal':'*','Action':'sts:AssumeRole'"),
         "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\"."},
        {TRUST("'Principal':{'AWS':'arn:aws:iam::1:role/a*'},'Action':'sts:AssumeRole'"),
         "Invalid principal in policy: \"AWS\":\"arn:aws:iam::1:role/a*\""},
        {TRUST("'Principal':{'AWS':'arn:aws:iam::1:group/g'},'Action':'sts:AssumeRole'"),
         "Invalid principal in policy: \"AWS\":\"arn:aws:iam::1:group/g\""},
        {TRUST("'Principal':{'AWS':'12345'},'Action':'sts:AssumeRole'"),
         "Invalid principal in policy: \"AWS\":\"12345\""},
        {TRUST("'Principal':{'Service':'lambda'},'Action':'sts:AssumeRole'"),
         "Invalid principal in policy: \"SERVICE\":\"lambda\""},
        {TRUST("'Principal':{'CanonicalUser':'abc'},'Action':'sts:AssumeRole'"),
         "Invalid principal in policy: \"CANONICALUSER\":\"abc\""},
        {TRUST("'Principal':{'Aws':'*'},'Action':'sts:AssumeRole'"),
         "Invalid principal in policy: \"AWS\":\"*\""},
        {TRUST("'Foo':1"), "Unknown field Foo"},
        {DOC("{'Effect':'allow'}"), "Invalid effect: allow"},
        {DOC("{'Sid':'a'}"), "Missing required field Effect"},
        {TRUST("'Principal':{'AWS':'*'},'Action':'sts:AssumeRole','Condition':{'StringEqual':{'a':"
               "'b'}}"),
         "Invalid Condition type : StringEqual"},
        {DOC("[{'Sid':'a','Effect':'Allow','Principal':{'AWS':'*'},'Action':'sts:AssumeRole'},"
             "{'Sid':'a','Effect':'Allow','Principal':{'AWS':'*'},'Action':'sts:AssumeRole'}]"),
         "The Statement Ids in the policy are not unique"},
    };
    expect_malformed(POLICY_TRUST, cases, ARRAY_LEN(cases));
}

static void valid_trust_policies_are_accepted(void **state)
{
    (void)state;
    static const char *const documents[] = {
        TRUST("'Principal':{'Service':'lambda.amazonaws.com'},'Action':'sts:AssumeRole'"),
        TRUST("'Principal':{'Service':['a.amazonaws.com','b.amazonaws.com'],'AWS':"
              "['123456789012','arn:aws:iam::123456789012:root','*']},'Action':'sts:*'"),
        TRUST("'Principal':{'AWS':['arn:aws:iam::123456789012:user/p/ann',"
              "'arn:aws:sts::123456789012:assumed-role/r/s','AROAABCDEFGHIJKLMNOP']},"
              "'Action':['sts:AssumeRole','sts:TagSession']"),
        TRUST("'Principal':{'Federated':'cognito-identity.amazonaws.com'},"
              "'Action':'sts:AssumeRoleWithWebIdentity'"),
        ("{'Version':'2008-10-17','Statement':{'Sid':'any text','Effect':'Deny','NotPrincipal':"
         "{'AWS':'123456789012'},'Action':'STS:AssumeRole'}}"),
    };
    expect_valid(POLICY_TRUST, documents, ARRAY_LEN(documents));
}

static void malformed_resource_policies_are_refused(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {"{'Version':", "This policy contains invalid Json"},
        {"[]", "This policy contains invalid Json"},
        {DOC("{" ALLOW "," BUCKET "}"), "Missing required field Principal"},
        {DOC("{" ALLOW "," BUCKET ",'Principal':'ann'}"), "Invalid principal in policy"},
        {DOC("{" ALLOW "," BUCKET ",'Principal':{'AWS':'ann'}}"), "Invalid principal in policy"},
        {DOC("{" ALLOW "," BUCKET ",'Principal':['*']}"), "Invalid policy syntax."},
        {DOC("{" ALLOW ",'Resource':[],'Principal':'*'}"),
         "Missing required field Resource cannot be empty!"},
        {DOC("{" ALLOW ",'Resource':'','Principal':'*'}"), "Policy has invalid resource"},
        {DOC("{'Effect':'Allow','Principal':'*','Action':'List','Resource':'*'}"),
         "Policy has invalid action"},
        {DOC("{'Effect':'Allow','Principal':'*','Action':[]}"),
         "Missing required field Action cannot be empty!"},
        {"{'Statement':[],'Foo':1}", "Unknown field Foo"},
    };
    static const char *const documents[] = {
        DOC("{'Sid':'Any text, at all','Effect':'Allow','Principal':'*','Action':'SQS:*'}"),
        "{'Statement':{'Effect':'Allow','Principal':{'CanonicalUser':'79a5'},'Action':'s3:*',"
        "'Resource':'arn:aws:s3:::b/*'}}",
        DOC("{'Effect':'Deny','NotPrincipal':{'AWS':'123456789012'},'Action':'*','Resource':'*'}"),
        DOC("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::cloudfront:user/CloudFront Origin "
            "Access Identity E1'},'Action':'s3:GetObject','Resource':'arn:aws:s3:::b/*'}"),
    };
    expect_malformed(POLICY_RESOURCE, cases, ARRAY_LEN(cases));
    expect_valid(POLICY_RESOURCE, documents, ARRAY_LEN(documents));
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct policy *policy = NULL;
    struct policy_error error = {.message = {0}};
    char *large = arena_alloc_text(arena, POLICY_MAX_BYTES + 1);
    memset(large, ' ', POLICY_MAX_BYTES + 1);
    memcpy(large, "{}", 2);
    assert_int_equal(
        policy_parse(arena, str_of(large, POLICY_MAX_BYTES + 1), POLICY_IDENTITY, &policy, &error),
        -EINVAL);
    assert_true(str_eq(error.message, STR(SYNTAX)));
    arena_free(arena);
}

/* --- questions about a document --- */

static void a_statement_is_found_in_the_document(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct policy *policy =
        test_policy(arena, POLICY_IDENTITY,
                    "{'Version':'2012-10-17','Statement':[{'Sid':'One'," ALLOW "," BUCKET "} ,\n"
                    " {" ALLOW ",'Resource':'*','Condition':{'StringLike':{'a':'}\\\\'}}}]}");
    assert_int_equal(policy_statement_count(policy), 2);
    assert_true(str_eq(policy_statement_sid(policy, 0), STR("One")));
    assert_false(str_is_set(policy_statement_sid(policy, 1)));
    struct str second = policy_statement_text(policy, 1);
    assert_true(str_eq(second, test_json(arena, "{" ALLOW ",'Resource':'*','Condition':{"
                                                "'StringLike':{'a':'}\\\\'}}}")));
    assert_true(second.ptr > policy_document(policy).ptr);
    assert_true(policy_names_resources(policy));
    arena_free(arena);
}

static void context_keys_are_listed_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct policy *policy = test_policy(
        arena, POLICY_IDENTITY,
        DOC("[{'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:::b/${aws:username}${*}',"
            "'Condition':{'StringEquals':{'s3:prefix':'${aws:userid, ^x^}','AWS:UserName':'a'},"
            "'ArnLike':{'aws:SourceArn':'arn:aws:s3:::${my:key}'}}}]"));
    struct str *keys = NULL;
    size_t count = 0;
    policy_context_keys(arena, policy, &keys, &count);
    static const char *const expected[] = {"aws:username", "s3:prefix", "aws:userid",
                                           "aws:SourceArn", "my:key"};
    assert_int_equal(count, ARRAY_LEN(expected));
    for (size_t i = 0; i < count; i++)
        assert_true(str_eq_cstr(keys[i], expected[i]));
    arena_free(arena);
}

static void principals_are_listed_with_their_kind(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct policy *policy = test_policy(
        arena, POLICY_RESOURCE,
        DOC("[{'Effect':'Allow','Action':'s3:*','Principal':'*'},{'Effect':'Deny','Action':'s3:*',"
            "'NotPrincipal':{'AWS':['123456789012','arn:aws:iam::123456789012:user/a',"
            "'AIDAABCDEFGHIJKLMNOP'],'Service':'x.amazonaws.com','Federated':'f',"
            "'CanonicalUser':'c'}}]"));
    struct policy_principal_entry *entries = NULL;
    size_t count = 0;
    policy_principals(arena, policy, &entries, &count);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].kind, i); /* in the order of the enum */
        assert_int_equal(entries[i].statement_index, i > 0);
    }
    assert_true(str_eq(entries[1].text, STR("123456789012")));
    arena_free(arena);
}

static void public_policies_are_recognised(void **state)
{
    (void)state;
#define OPEN(condition)                                                                            \
    DOC("{'Effect':'Allow','Principal':'*','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/*'," \
        "'Condition':" condition "}")
    static const struct {
        const char *document;
        bool is_public;
    } cases[] = {
        {OPEN("{}"), true},
        {DOC("{'Effect':'Allow','Principal':{'AWS':['123456789012','*']},'Action':'*'}"), true},
        {DOC("{'Effect':'Allow','Principal':{'AWS':'123456789012'},'Action':'*'}"), false},
        {DOC("{'Effect':'Allow','Principal':{'Service':'a.amazonaws.com'},'Action':'*'}"), false},
        {DOC("{'Effect':'Deny','Principal':'*','Action':'*'}"), false},
        {DOC("{'Effect':'Allow','NotPrincipal':{'AWS':'123456789012'},'Action':'*'}"), true},
        {OPEN("{'StringEquals':{'aws:SourceVpc':'vpc-91237329'}}"), false},
        {OPEN("{'StringLike':{'aws:SourceVpc':'vpc-*'}}"), true},
        {OPEN("{'StringNotEquals':{'aws:SourceVpc':'vpc-1'}}"), true},
        {OPEN("{'StringEqualsIfExists':{'aws:SourceVpc':'vpc-1'}}"), true},
        {OPEN("{'StringEquals':{'aws:SourceVpc':'${aws:username}'}}"), true},
        {OPEN("{'StringEquals':{'aws:UserAgent':'secret'}}"), true},
        {OPEN("{'IpAddress':{'aws:SourceIp':'54.240.143.0/24'}}"), false},
        {OPEN("{'IpAddress':{'aws:SourceIp':['54.240.143.0/24','0.0.0.0/1']}}"), true},
        {OPEN("{'IpAddress':{'aws:SourceIp':'2001:db8::/31'}}"), true},
        {OPEN("{'NotIpAddress':{'aws:SourceIp':'54.240.143.0/24'}}"), true},
        {OPEN("{'ArnLike':{'aws:SourceArn':'arn:aws:sns:*:123456789012:*'}}"), false},
        {OPEN("{'ArnLike':{'aws:SourceArn':'arn:aws:sns:*:*:*'}}"), true},
        {OPEN("{'ArnEquals':{'aws:SourceArn':'arn:aws:s3:::bucket'}}"), false},
        {OPEN("{'StringEquals':{'aws:UserAgent':'x','aws:PrincipalOrgID':'o-1'}}"), false},
    };
#undef OPEN
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new();
        struct policy *policy = test_policy(arena, POLICY_RESOURCE, cases[i].document);
        if (policy_is_public(policy) != cases[i].is_public)
            fail_msg("%s", cases[i].document);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permission_policies_with_errors_of_syntax_are_refused),
        cmocka_unit_test(permission_policies_that_fail_legacy_parsing_are_refused),
        cmocka_unit_test(permission_policies_with_wrong_elements_are_refused),
        cmocka_unit_test(managed_policies_must_have_the_present_version),
        cmocka_unit_test(valid_permission_policies_are_accepted),
        cmocka_unit_test(malformed_trust_policies_are_refused),
        cmocka_unit_test(valid_trust_policies_are_accepted),
        cmocka_unit_test(malformed_resource_policies_are_refused),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_statement_is_found_in_the_document),
        cmocka_unit_test(context_keys_are_listed_once),
        cmocka_unit_test(principals_are_listed_with_their_kind),
        cmocka_unit_test(public_policies_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
