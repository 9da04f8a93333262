/* policy_condition_test.c — every condition operator with present, absent and several values. */
#include "auth/policy_testing.h"

struct condition_case {
    const char *condition; /* inside of the Condition element */
    const char *context;
    bool holds;
};

static bool condition_is_met(struct arena *arena, const char *version, const char *condition,
                             const char *context)
{
    struct str document = str_format(arena,
                                     "{'Version':'%s','Statement':{'Effect':'Allow','Action':'*',"
                                     "'Resource':'*','Condition':{%s}}}",
                                     version, condition);
    const struct policy *policy = test_policy(arena, POLICY_IDENTITY, document.ptr);
    const struct policy_request request = {
        .principal = {.account = STR("111122223333"),
                      .arn = STR("arn:aws:iam::111122223333:user/ann")},
        .action = STR("s3:GetObject"),
        .resource = STR("arn:aws:s3:::bucket/key"),
        .context = test_context(arena, context),
    };
    const struct policy_inputs inputs = {.identity = {.policies = &policy, .count = 1}};
    return policy_evaluate(arena, &request, &inputs).decision == POLICY_ALLOWED;
}

static void expect_conditions(const struct condition_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new();
        if (condition_is_met(arena, "2012-10-17", cases[i].condition, cases[i].context) !=
            cases[i].holds)
            fail_msg("%zu: {%s} of \"%s\" is not %d", i, cases[i].condition, cases[i].context,
                     cases[i].holds);
        arena_free(arena);
    }
}

static void strings_compare_by_their_operator(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'StringEquals':{'k':'a'}", "k=a", true},
        {"'StringEquals':{'k':'a'}", "K=a", true}, /* keys ignore case */
        {"'StringEquals':{'k':'a'}", "k=A", false},
        {"'StringEquals':{'k':'a'}", "k=b", false},
        {"'StringEquals':{'k':'a'}", "", false},
        {"'StringEquals':{'k':'a'}", "k", false}, /* no values: absent */
        {"'StringEquals':{'k':''}", "k=", true},
        {"'StringEquals':{'k':['a','b']}", "k=b", true},
        {"'StringEquals':{'k':['a','b']}", "k=c", false},
        {"'StringEquals':{'k':[]}", "k=c", false},
        {"'StringEquals':{'k':'*'}", "k=abc", false}, /* no wildcards here */
        {"'StringEquals':{'k':1}", "k=1", true},
        {"'StringEquals':{'k':true}", "k=true", true},
        {"'stringequals':{'k':'a'}", "k=a", true},
        {"'StringEquals':{'k':'a','l':'b'}", "k=a;l=b", true}, /* keys are AND */
        {"'StringEquals':{'k':'a','l':'b'}", "k=a;l=c", false},
        {"'StringEquals':{'k':'a'},'StringLike':{'k':'b*'}", "k=a", false}, /* so are operators */
        {"'StringNotEquals':{'k':'a'}", "k=b", true},
        {"'StringNotEquals':{'k':'a'}", "k=a", false},
        {"'StringNotEquals':{'k':'a'}", "", true},
        {"'StringNotEquals':{'k':['a','b']}", "k=b", false}, /* NOR */
        {"'StringNotEquals':{'k':['a','b']}", "k=c", true},
        {"'StringNotEquals':{'k':[]}", "k=c", true},
        {"'StringEqualsIgnoreCase':{'k':'aBc'}", "k=AbC", true},
        {"'StringEqualsIgnoreCase':{'k':'aBc'}", "k=AbCd", false},
        {"'StringEqualsIgnoreCase':{'k':'aBc'}", "", false},
        {"'StringNotEqualsIgnoreCase':{'k':'aBc'}", "k=AbC", false},
        {"'StringNotEqualsIgnoreCase':{'k':'aBc'}", "k=x", true},
        {"'StringNotEqualsIgnoreCase':{'k':'aBc'}", "", true},
        {"'StringLike':{'k':'a*c'}", "k=abbc", true},
        {"'StringLike':{'k':'a*c'}", "k=abbcd", false},
        {"'StringLike':{'k':'a?c'}", "k=abc", true},
        {"'StringLike':{'k':'a?c'}", "k=ac", false},
        {"'StringLike':{'k':'A*'}", "k=abc", false},
        {"'StringLike':{'k':'*'}", "k=", true},
        {"'StringLike':{'k':'*'}", "", false},
        {"'StringLike':{'k':['','home/','home/*']}", "k=", true},
        {"'StringNotLike':{'k':'a*'}", "k=abc", false},
        {"'StringNotLike':{'k':'a*'}", "k=bc", true},
        {"'StringNotLike':{'k':'a*'}", "", true},
        {"'StringNotLike':{'k':['a*','b*']}", "k=bc", false},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void numbers_compare_without_loss(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'NumericEquals':{'k':'10'}", "k=10", true},
        {"'NumericEquals':{'k':10}", "k=10.0", true},
        {"'NumericEquals':{'k':'010'}", "k=+10", true},
        {"'NumericEquals':{'k':'0'}", "k=-0.0", true},
        {"'NumericEquals':{'k':'10'}", "k=11", false},
        {"'NumericEquals':{'k':'10'}", "", false},
        {"'NumericEquals':{'k':'10'}", "k=ten", false},
        {"'NumericEquals':{'k':'ten'}", "k=ten", false},
        {"'NumericEquals':{'k':'9007199254740993'}", "k=9007199254740992", false},
        {"'NumericEquals':{'k':['1','2']}", "k=2", true},
        {"'NumericNotEquals':{'k':'10'}", "k=10", false},
        {"'NumericNotEquals':{'k':'10'}", "k=11", true},
        {"'NumericNotEquals':{'k':'10'}", "", true},
        {"'NumericNotEquals':{'k':['10','11']}", "k=11", false},
        {"'NumericLessThan':{'k':'10'}", "k=9.99", true},
        {"'NumericLessThan':{'k':'10'}", "k=10", false},
        {"'NumericLessThan':{'k':'10'}", "", false},
        {"'NumericLessThan':{'k':'-1'}", "k=-2", true},
        {"'NumericLessThan':{'k':'-2'}", "k=-1", false},
        {"'NumericLessThan':{'k':'1'}", "k=-1", true},
        {"'NumericLessThan':{'k':'0.5'}", "k=0.45", true},
        {"'NumericLessThanEquals':{'k':'10'}", "k=10.00", true},
        {"'NumericLessThanEquals':{'k':'10'}", "k=10.01", false},
        {"'NumericGreaterThan':{'k':'10'}", "k=100", true},
        {"'NumericGreaterThan':{'k':'10'}", "k=9", false},
        {"'NumericGreaterThan':{'k':'10'}", "k=10", false},
        {"'NumericGreaterThanEquals':{'k':'10'}", "k=10", true},
        {"'NumericGreaterThanEquals':{'k':'10'}", "k=9.999", false},
        {"'NumericGreaterThanEqualsIfExists':{'k':'10'}", "", true},
        {"'NumericEquals':{'k':'1e1'}", "k=10", false},
        {"'NumericEquals':{'k':'.5'}", "k=0.5", true},
        {"'NumericEquals':{'k':'5.'}", "k=5", false},
        {"'NumericEquals':{'k':'-'}", "k=-", false},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void dates_compare_in_both_notations(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'DateEquals':{'k':'2020-01-01T00:00:01Z'}", "k=2020-01-01T00:00:01Z", true},
        {"'DateEquals':{'k':'2020-01-01T00:00:01Z'}", "k=1577836801", true},
        {"'DateEquals':{'k':'1577836801'}", "k=2020-01-01T00:00:01Z", true},
        {"'DateEquals':{'k':'2020-01-01T00:00:00Z'}", "k=2020-01-01T02:00:00+02:00", true},
        {"'DateEquals':{'k':'2020-01-01T00:00:00Z'}", "k=2019-12-31T19:00:00-05:00", true},
        {"'DateEquals':{'k':'2020-01-01'}", "k=2020-01-01T00:00:00.000Z", true},
        {"'DateEquals':{'k':'2020-01'}", "k=2020-01-01T00:00Z", true},
        {"'DateEquals':{'k':'2020-01-01T00:00:00.5Z'}", "k=2020-01-01T00:00:00.500Z", true},
        {"'DateEquals':{'k':'2020-01-01T00:00:00.5Z'}", "k=2020-01-01T00:00:00Z", false},
        {"'DateEquals':{'k':'2020-01-01'}", "", false},
        {"'DateEquals':{'k':'2020-01-01'}", "k=tomorrow", false},
        {"'DateEquals':{'k':'1969-12-31T23:59:59Z'}", "k=1969-12-31T23:59:59Z", true},
        {"'DateNotEquals':{'k':'2020-01-01'}", "k=2020-01-01", false},
        {"'DateNotEquals':{'k':'2020-01-01'}", "k=2020-01-02", true},
        {"'DateNotEquals':{'k':'2020-01-01'}", "", true},
        {"'DateLessThan':{'k':'2020-01-01'}", "k=2019-12-31T23:59:59Z", true},
        {"'DateLessThan':{'k':'2020-01-01'}", "k=2020-01-01", false},
        {"'DateLessThan':{'k':'1970-01-02'}", "k=0", true},
        {"'DateLessThanEquals':{'k':'2020-01-01'}", "k=2020-01-01", true},
        {"'DateGreaterThan':{'k':'2020-01-01'}", "k=2024-02-29T12:00:00Z", true},
        {"'DateGreaterThan':{'k':'2020-01-01'}", "", false},
        {"'DateGreaterThan':{'k':'-292275054'}", "k=0", true},
        {"'DateGreaterThanEquals':{'k':'2020-01-01'}", "k=2020-01-01", true},
        {"'DateGreaterThanEquals':{'k':'2020-01-01'}", "k=2019-01-01", false},
        {"'DateGreaterThan':{'k':'2017-07-01T00:00:00Z'},'DateLessThan':{'k':'2017-12-31T23:59:59Z'"
         "}",
         "k=2017-08-01T00:00:00Z", true},
        {"'DateGreaterThanIfExists':{'k':'2020-01-01'}", "", true},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void booleans_know_only_true(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'Bool':{'k':'true'}", "k=true", true},
        {"'Bool':{'k':true}", "k=true", true},
        {"'Bool':{'k':'TRUE'}", "k=true", true},
        {"'Bool':{'k':'true'}", "k=false", false},
        {"'Bool':{'k':'false'}", "k=false", true},
        {"'Bool':{'k':false}", "k=true", false},
        {"'Bool':{'k':'true'}", "", false},
        {"'Bool':{'k':'false'}", "", false},
        {"'BoolIfExists':{'k':'false'}", "", true},
        {"'BoolIfExists':{'k':'false'}", "k=true", false},
        {"'Bool':{'k':['true','false']}", "k=false", true},
        {"'Bool':{'k':'${v}'}", "k=true;v=true", true},
        /* what CDK pipelines write */
        {"'Bool':{'aws:ViaAWSService':'codepipeline.amazonaws.com'}", "aws:ViaAWSService=false",
         true},
        {"'Bool':{'aws:ViaAWSService':'codepipeline.amazonaws.com'}", "aws:ViaAWSService=true",
         false},
        {"'Null':{'k':'true'}", "", true},
        {"'Null':{'k':'true'}", "k", true},
        {"'Null':{'k':'true'}", "k=", false},
        {"'Null':{'k':'true'}", "k=a", false},
        {"'Null':{'k':'false'}", "k=a", true},
        {"'Null':{'k':false}", "k=a|b", true},
        {"'Null':{'k':'false'}", "", false},
        {"'Null':{'k':['true','false']}", "", true},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void bytes_compare_with_their_base64(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'BinaryEquals':{'k':'QmluYXJ5VmFsdWVJbkJhc2U2NA=='}", "k=BinaryValueInBase64", true},
        {"'BinaryEquals':{'k':'QmluYXJ5VmFsdWVJbkJhc2U2NA=='}", "k=BinaryValue", false},
        {"'BinaryEquals':{'k':'not base64'}", "k=not base64", false},
        {"'BinaryEquals':{'k':'QQ=='}", "", false},
        {"'BinaryEqualsIfExists':{'k':'QQ=='}", "", true},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void addresses_are_in_networks(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'IpAddress':{'k':'203.0.113.0/24'}", "k=203.0.113.7", true},
        {"'IpAddress':{'k':'203.0.113.0/24'}", "k=203.0.114.7", false},
        {"'IpAddress':{'k':'203.0.113.0/24'}", "", false},
        {"'IpAddress':{'k':'203.0.113.9/24'}", "k=203.0.113.7", true},
        {"'IpAddress':{'k':'203.0.113.7'}", "k=203.0.113.7", true}, /* no length: /32 */
        {"'IpAddress':{'k':'203.0.113.7'}", "k=203.0.113.8", false},
        {"'IpAddress':{'k':'0.0.0.0/0'}", "k=8.8.8.8", true},
        {"'IpAddress':{'k':'0.0.0.0/0'}", "k=::1", false},
        {"'IpAddress':{'k':'10.0.0.0/9'}", "k=10.127.255.255", true},
        {"'IpAddress':{'k':'10.0.0.0/9'}", "k=10.128.0.0", false},
        {"'IpAddress':{'k':'2001:DB8:1234:5678::/64'}", "k=2001:db8:1234:5678:1::2", true},
        {"'IpAddress':{'k':'2001:DB8:1234:5678::/64'}", "k=2001:db8:1234:5679::2", false},
        {"'IpAddress':{'k':['203.0.113.0/24','2001:DB8::/32']}", "k=2001:db8::1", true},
        {"'IpAddress':{'k':'127.0.0.0/8'}", "k=::ffff:127.0.0.1", true},
        {"'IpAddress':{'k':'::/0'}", "k=2001:db8::1", true},
        {"'IpAddress':{'k':'203.0.113.0/33'}", "k=203.0.113.7", false},
        {"'IpAddress':{'k':'203.0.113'}", "k=203.0.113.7", false},
        {"'IpAddress':{'k':'203.0.113.0/'}", "k=203.0.113.0", false},
        {"'IpAddress':{'k':'203.0.113.0/24'}", "k=AWS Internal", false},
        {"'NotIpAddress':{'k':'203.0.113.0/24'}", "k=203.0.113.7", false},
        {"'NotIpAddress':{'k':'203.0.113.0/24'}", "k=203.0.114.7", true},
        {"'NotIpAddress':{'k':'203.0.113.0/24'}", "", true},
        {"'NotIpAddress':{'k':['203.0.113.0/24','10.0.0.0/8']}", "k=10.1.2.3", false},
        {"'NotIpAddressIfExists':{'k':'203.0.113.0/24'}", "", true},
        {"'NotIpAddress':{'k':'203.0.113.0/24'}", "k=AWS Internal", true},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void arns_match_part_by_part(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'ArnEquals':{'k':'arn:aws:sns:us-east-1:111122223333:t'}",
         "k=arn:aws:sns:us-east-1:111122223333:t", true},
        {"'ArnEquals':{'k':'arn:aws:sns:*:111122223333:t*'}",
         "k=arn:aws:sns:us-east-1:111122223333:topic", true}, /* equal to ArnLike */
        {"'ArnEquals':{'k':'arn:aws:sns:*:111122223333:t'}", "", false},
        {"'ArnLike':{'k':'arn:aws:sns:*:111122223333:t'}", "k=arn:aws:sns:eu-west-1:111122223333:t",
         true},
        {"'ArnLike':{'k':'arn:aws:sns:*:t'}", "k=arn:aws:sns:eu-west-1:111122223333:x", false},
        /* from the documentation: the first '*' must not swallow colons */
        {"'ArnLike':{'k':'arn:aws:someservice:*:111122223333:finance/*'}",
         "k=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
         false},
        {"'StringLike':{'k':'arn:aws:someservice:*:111122223333:finance/*'}",
         "k=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
         true},
        {"'ArnLike':{'k':'arn:aws:lambda:*:*:function:*'}",
         "k=arn:aws:lambda:us-east-1:1:function:f:live", true},
        {"'ArnLike':{'k':'arn:aws:iam::1:role/?'}", "k=arn:aws:iam::1:role/a", true},
        {"'ArnLike':{'k':'arn:aws:iam::1:Role/a'}", "k=arn:aws:iam::1:role/a", false},
        {"'ArnLike':{'k':'*'}", "k=arn:aws:iam::1:role/a", true},
        {"'ArnLike':{'k':'arn:aws:iam::1:role/a'}", "k=no arn", false},
        {"'ArnLike':{'k':['arn:aws:iam::1:role/a','arn:aws:iam::1:role/b']}",
         "k=arn:aws:iam::1:role/b", true},
        {"'ArnLike':{'k':'arn:aws:iam::1:user/${aws:username}'}",
         "k=arn:aws:iam::1:user/ann;aws:username=ann", true},
        {"'ArnNotEquals':{'k':'arn:aws:iam::1:role/a'}", "k=arn:aws:iam::1:role/a", false},
        {"'ArnNotEquals':{'k':'arn:aws:iam::1:role/*'}", "k=arn:aws:iam::1:role/a", false},
        {"'ArnNotEquals':{'k':'arn:aws:iam::1:role/a'}", "k=arn:aws:iam::1:role/b", true},
        {"'ArnNotEquals':{'k':'arn:aws:iam::1:role/a'}", "", true},
        {"'ArnNotLike':{'k':['arn:aws:iam::1:role/a','arn:aws:iam::1:role/b*']}",
         "k=arn:aws:iam::1:role/bc", false},
        {"'ArnNotLike':{'k':'arn:aws:iam::1:role/a'}", "k=no arn", true},
        {"'ArnLikeIfExists':{'k':'arn:aws:iam::1:role/a'}", "", true},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void if_exists_is_true_of_a_missing_key(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'StringEqualsIfExists':{'k':'a'}", "", true},
        {"'StringEqualsIfExists':{'k':'a'}", "k", true},
        {"'StringEqualsIfExists':{'k':'a'}", "k=a", true},
        {"'StringEqualsIfExists':{'k':'a'}", "k=b", false},
        {"'StringEqualsIfExists':{'k':'a','l':'b'}", "l=c", false},
        {"'StringNotEqualsIfExists':{'k':'a'}", "", true},
        {"'StringNotEqualsIfExists':{'k':'a'}", "k=a", false},
        {"'StringNotLikeIfExists':{'k':'a*'}", "", true},
        {"'StringNotLikeIfExists':{'k':'a*'}", "k=b", true},
        {"'StringNotLikeIfExists':{'k':'a*'}", "k=ab", false},
        {"'StringLikeIfExists':{'k':'t1.*'}", "", true},
        {"'StringEqualsIgnoreCaseIfExists':{'k':'a'}", "k=A", true},
        {"'ForAnyValue:StringEqualsIfExists':{'k':'a'}", "", true},
        {"'ForAnyValue:StringEqualsIfExists':{'k':'a'}", "k=b", false},
        {"'ForAllValues:StringEqualsIfExists':{'k':'a'}", "", true},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void sets_of_values_need_a_qualifier(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=a", true},
        {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=a|b", true},
        {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=a|c", false},
        {"'ForAllValues:StringEquals':{'k':['a','b']}", "", true},
        {"'ForAllValues:StringEquals':{'k':['a','b']}", "k=", true},
        {"'ForAllValues:StringLike':{'k':['Post*','Tags']}", "k=PostDateTime|Tags", true},
        {"'ForAllValues:StringLike':{'k':['Post*','Tags']}", "k=PostDateTime|UserName", false},
        {"'ForAllValues:StringNotEquals':{'k':['a','b']}", "k=c|d", true},
        {"'ForAllValues:StringNotEquals':{'k':['a','b']}", "k=c|a", false},
        {"'ForAllValues:StringNotEquals':{'k':['a','b']}", "", true},
        {"'ForAnyValue:StringEquals':{'k':['a','b']}", "k=c|b", true},
        {"'ForAnyValue:StringEquals':{'k':['a','b']}", "k=c|d", false},
        {"'ForAnyValue:StringEquals':{'k':['a','b']}", "", false},
        {"'ForAnyValue:StringEquals':{'k':['a','']}", "k=", false},
        {"'ForAnyValue:StringNotEquals':{'k':['a','b']}", "k=a|c", true},
        {"'ForAnyValue:StringNotEquals':{'k':['a','b']}", "k=a|b", false},
        {"'ForAnyValue:StringNotEquals':{'k':['a','b']}", "", false},
        {"'ForAnyValue:StringLike':{'cognito-identity.amazonaws.com:amr':'authenticated'}",
         "cognito-identity.amazonaws.com:amr=authenticated|cognito-idp", true},
        {"'foranyvalue:StringLike':{'k':'a*'}", "k=b|ab", true},
        {"'ForAllValues:NumericLessThan':{'k':'10'}", "k=1|2", true},
        {"'ForAllValues:NumericLessThan':{'k':'10'}", "k=1|20", false},
        {"'ForAnyValue:IpAddress':{'k':'10.0.0.0/8'}", "k=1.1.1.1|10.0.0.1", true},
        {"'ForAnyValue:ArnLike':{'k':'arn:aws:iam::1:*'}", "k=x|arn:aws:iam::1:role/r", true},
        {"'ForAnyValue:Null':{'k':'true'}", "", true},
        /* without one: several values match nothing, and a negated operator wants all to differ */
        {"'StringEquals':{'k':['a','b']}", "k=a|b", false},
        {"'StringNotEquals':{'k':'a'}", "k=b|c", true},
        {"'StringNotEquals':{'k':'a'}", "k=b|a", false},
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void variables_take_the_values_of_the_request(void **state)
{
    (void)state;
    static const struct condition_case cases[] = {
        {"'StringEquals':{'k':'${aws:username}'}", "k=ann;aws:username=ann", true},
        {"'StringEquals':{'k':'${AWS:UserName}'}", "k=ann;aws:username=ann", true},
        {"'StringEquals':{'k':'home/${aws:username}/x'}", "k=home/ann/x;aws:username=ann", true},
        {"'StringEquals':{'k':'${a}${b}'}", "k=12;a=1;b=2", true},
        {"'StringLike':{'k':'${aws:username}/*'}", "k=ann/x;aws:username=ann", true},
        /* values are literal */
        {"'StringLike':{'k':'${aws:username}'}", "k=ann;aws:username=a*", false},
        {"'StringLike':{'k':'${aws:username}'}", "k=a*;aws:username=a*", true},
        {"'StringLike':{'k':'${aws:username}*'}", "k=a?x;aws:username=a?", true},
        {"'StringLike':{'k':'${v}'}", "k=${w};v=${w};w=1", true},
        /* special characters */
        {"'StringLike':{'k':'a${*}b'}", "k=a*b", true},
        {"'StringLike':{'k':'a${*}b'}", "k=axb", false},
        {"'StringLike':{'k':'a${?}b'}", "k=a?b", true},
        {"'StringLike':{'k':'a${?}b'}", "k=axb", false},
        {"'StringEquals':{'k':'${$}{aws:username}'}", "k=${aws:username};aws:username=ann", true},
        /* no value: null equals nothing, so negated operators match */
        {"'StringEquals':{'k':'${nope}'}", "k=", false},
        {"'StringEquals':{'k':['${nope}','a']}", "k=a", true},
        {"'StringLike':{'k':'*${nope}*'}", "k=abc", false},
        {"'StringNotEquals':{'k':'${nope}'}", "k=a", true},
        {"'StringNotLike':{'k':'${nope}'}", "k=a", true},
        {"'ArnNotLike':{'k':'arn:aws:iam::1:user/${nope}'}", "k=arn:aws:iam::1:user/a", true},
        {"'StringEqualsIfExists':{'k':'${nope}'}", "", true},
        {"'StringEquals':{'k':'${many}'}", "k=a;many=a|b", false}, /* single-valued keys only */
        /* defaults */
        {"'StringEquals':{'k':'${aws:userid, ^anonymous^}'}", "k=anonymous", true},
        {"'StringEquals':{'k':'${aws:userid, ^anonymous^}'}", "k=AIDA;aws:userid=AIDA", true},
        {"'StringEquals':{'k':'${aws:userid, ^anonymous^}'}", "k=anonymous;aws:userid=AIDA", false},
        {"'StringEquals':{'k':'${a,^^}'}", "k=", true},
        {"'StringEquals':{'k':'x${a, ^}^}y'}", "k=x}y", true},
        {"'StringLike':{'k':'${a, ^*^}'}", "k=abc", false},
        /* not variables */
        {"'StringEquals':{'k':'${open'}", "k=${open", true},
        {"'StringEquals':{'k':'$a$'}", "k=$a$", true},
        {"'NumericEquals':{'k':'${n}'}", "k=1;n=1", false}, /* not for this operator */
    };
    expect_conditions(cases, ARRAY_LEN(cases));
}

static void the_old_version_knows_no_variables(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_true(condition_is_met(arena, "2008-10-17", "'StringEquals':{'k':'${aws:username}'}",
                                 "k=${aws:username};aws:username=ann"));
    assert_false(condition_is_met(arena, "2008-10-17", "'StringEquals':{'k':'${aws:username}'}",
                                  "k=ann;aws:username=ann"));
    assert_true(condition_is_met(arena, "2008-10-17", "'StringLike':{'k':'${*}'}", "k=${abc}"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_compare_by_their_operator),
        cmocka_unit_test(numbers_compare_without_loss),
        cmocka_unit_test(dates_compare_in_both_notations),
        cmocka_unit_test(booleans_know_only_true),
        cmocka_unit_test(bytes_compare_with_their_base64),
        cmocka_unit_test(addresses_are_in_networks),
        cmocka_unit_test(arns_match_part_by_part),
        cmocka_unit_test(if_exists_is_true_of_a_missing_key),
        cmocka_unit_test(sets_of_values_need_a_qualifier),
        cmocka_unit_test(variables_take_the_values_of_the_request),
        cmocka_unit_test(the_old_version_knows_no_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
