/* topic_attribute.c — what topics can be set to, and how HTTP delivery is tuned.
 *
 * Docs: SNS API reference, CreateTopic (attributes); developer guide, "Amazon SNS message delivery
 * retries" (delivery policies and their bounds).
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

enum attribute_kind {
    KIND_TEXT,
    KIND_FLAG,   /* "true" or "false" */
    KIND_CHOICE, /* `choices` */
    KIND_RATE,   /* 0 to 100 */
    KIND_POLICY,
    KIND_DELIVERY_POLICY,
    KIND_REFUSED, /* known, and not implemented */
};

static const struct attribute {
    const char *name;
    enum attribute_kind kind;
    bool is_fifo_only;
    bool is_for_new; /* CreateTopic only */
    const char *choices[2];
} attributes[] = {
    {"ApplicationFailureFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"ApplicationSuccessFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"ApplicationSuccessFeedbackSampleRate", KIND_RATE, false, false, {NULL}},
    {"ArchivePolicy", KIND_REFUSED, false, false, {NULL}},
    {"ContentBasedDeduplication", KIND_FLAG, true, false, {NULL}},
    {"DeliveryPolicy", KIND_DELIVERY_POLICY, false, false, {NULL}},
    {"DisplayName", KIND_TEXT, false, false, {NULL}},
    {"FifoThroughputScope", KIND_CHOICE, true, false, {"Topic", "MessageGroup"}},
    {"FifoTopic", KIND_FLAG, false, true, {NULL}},
    {"FirehoseFailureFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"FirehoseSuccessFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"FirehoseSuccessFeedbackSampleRate", KIND_RATE, false, false, {NULL}},
    {"HTTPFailureFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"HTTPSuccessFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"HTTPSuccessFeedbackSampleRate", KIND_RATE, false, false, {NULL}},
    {"KmsMasterKeyId", KIND_TEXT, false, false, {NULL}},
    {"LambdaFailureFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"LambdaSuccessFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"LambdaSuccessFeedbackSampleRate", KIND_RATE, false, false, {NULL}},
    {"Policy", KIND_POLICY, false, false, {NULL}},
    {"SQSFailureFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"SQSSuccessFeedbackRoleArn", KIND_TEXT, false, false, {NULL}},
    {"SQSSuccessFeedbackSampleRate", KIND_RATE, false, false, {NULL}},
    {"SignatureVersion", KIND_CHOICE, false, false, {"1", "2"}},
    {"TracingConfig", KIND_CHOICE, false, false, {"PassThrough", "Active"}},
};

static const struct attribute *find_attribute(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        if (str_eq_cstr(name, attributes[i].name))
            return &attributes[i];
    }
    return NULL;
}

/* Errors stand behind "Attributes Reason: " in CreateTopic. */
static enum status refuse(struct call *call, bool is_new, const struct attribute *attribute,
                          const char *why)
{
    return sns_invalid(call, "%s%s%s", is_new ? "Attributes Reason: " : "", attribute->name, why);
}

static enum status check_policy(struct call *call, struct str value, bool is_new,
                                const struct attribute *attribute)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, value, POLICY_RESOURCE, &policy, &error) == 0)
        return STATUS_DONE;
    return refuse(call, is_new, attribute, " Error: null");
}

static bool is_rate(struct str value)
{
    int64_t number = 0;
    return str_to_i64(value, &number) == 0 && number >= 0 && number <= 100;
}

/* *value may be changed into its normal form; absent means that the setting goes. */
static enum status check_value(struct call *call, const struct attribute *attribute, bool is_new,
                               struct str *value)
{
    switch (attribute->kind) {
    case KIND_TEXT:
        if (value->len == 0 && !str_eq_cstr(str_from_cstr(attribute->name), "DisplayName"))
            *value = (struct str){0};
        return STATUS_DONE;
    case KIND_FLAG:
        *value = str_lower(call->arena, *value);
        if (str_eq_cstr(*value, "true") || str_eq_cstr(*value, "false"))
            return STATUS_DONE;
        return refuse(call, is_new, attribute, "");
    case KIND_CHOICE:
        if (str_eq_cstr(*value, attribute->choices[0]) ||
            str_eq_cstr(*value, attribute->choices[1]))
            return STATUS_DONE;
        return refuse(call, is_new, attribute, "");
    case KIND_RATE:
        return is_rate(*value) ? STATUS_DONE : refuse(call, is_new, attribute, "");
    case KIND_POLICY:
        if (value->len > 0)
            return check_policy(call, *value, is_new, attribute);
        *value = (struct str){0};
        return STATUS_DONE;
    case KIND_DELIVERY_POLICY:
        return sns_check_delivery_policy(
            call, is_new ? "Attributes Reason: DeliveryPolicy" : "DeliveryPolicy", *value, true,
            value);
    case KIND_REFUSED:
        break;
    }
    return call_fail(call, &ERROR_NOT_IMPLEMENTED, "%s of SNS topics is not implemented.",
                     attribute->name);
}

enum status sns_set_topic_attribute(struct call *call, struct sns_topic_row *topic, struct str name,
                                    struct str value, bool is_new)
{
    const struct attribute *attribute = find_attribute(name);
    if (!attribute || (attribute->is_for_new && !is_new) ||
        (attribute->is_fifo_only && !topic->is_fifo && !str_eq_cstr(value, "false")))
        return is_new ? sns_invalid(call, "Attributes Reason: Unknown attribute " STR_FMT,
                                    STR_ARG(name))
                      : sns_invalid(call, "AttributeName");
    enum status status = check_value(call, attribute, is_new, &value);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED (2025-09): a topic made with FifoTopic "false" does not show it. */
    bool is_silent = (attribute->is_for_new || attribute->is_fifo_only) && !topic->is_fifo;
    sns_set(call, topic->settings, attribute->name, is_silent ? (struct str){0} : value);
    return STATUS_DONE;
}

/* --- delivery policies --- */

static const struct retry_field {
    const char *name;
    int64_t fallback;
    int64_t least;
    int64_t most;
} retry_fields[] = {
    {"minDelayTarget", 20, 1, 3600},  {"maxDelayTarget", 20, 1, 3600},
    {"numRetries", 3, 0, 100},        {"numMaxDelayRetries", 0, 0, 100},
    {"numNoDelayRetries", 0, 0, 100}, {"numMinDelayRetries", 0, 0, 100},
};

static enum status refuse_policy(struct call *call, const char *what, const char *why,
                                 struct str which)
{
    return sns_invalid(call, "%s: %s" STR_FMT, what, why, STR_ARG(which));
}

static enum status check_retry_policy(struct call *call, const char *what,
                                      const struct json *policy)
{
    static const struct str functions[] = {STR_INIT("arithmetic"), STR_INIT("exponential"),
                                           STR_INIT("geometric"), STR_INIT("linear")};
    for (const struct json *member = policy->first; member; member = member->next) {
        int64_t number = 0;
        bool is_valid = false;
        if (str_eq_cstr(member->key, "backoffFunction")) {
            for (size_t i = 0; i < ARRAY_LEN(functions); i++)
                is_valid |= str_eq(functions[i], member->text);
        }
        for (size_t i = 0; i < ARRAY_LEN(retry_fields); i++) {
            if (str_eq_cstr(member->key, retry_fields[i].name))
                is_valid = member->kind == JSON_NUMBER && str_to_i64(member->text, &number) == 0 &&
                           number >= retry_fields[i].least && number <= retry_fields[i].most;
        }
        if (!is_valid)
            return refuse_policy(call, what, "invalid value or unknown field: ", member->key);
    }
    return STATUS_DONE;
}

/* A topic's policy is about "http"; a subscription's stands by itself. */
enum status sns_check_delivery_policy(struct call *call, const char *what, struct str text,
                                      bool is_topic, struct str *out_text)
{
    struct json *policy = json_new(call->arena, JSON_OBJECT);
    if (text.len > 0 &&
        (json_parse(call->arena, text, 0, &policy, NULL) < 0 || policy->kind != JSON_OBJECT))
        return refuse_policy(call, what, "failed to parse JSON.", STR(""));
    if (text.len == 0 && !is_topic) {
        *out_text = (struct str){0};
        return STATUS_DONE;
    }
    struct json *http = policy;
    if (is_topic) {
        http = json_find_cstr(policy, "http");
        if (!http) {
            http = json_new(call->arena, JSON_OBJECT);
            json_set(policy, STR("http"), http);
        }
    }
    if (http->kind != JSON_OBJECT)
        return refuse_policy(call, what, "invalid value or unknown field: ", STR("http"));
    for (const struct json *member = http->first; member; member = member->next) {
        bool is_retry =
            str_eq_cstr(member->key, is_topic ? "defaultHealthyRetryPolicy" : "healthyRetryPolicy");
        bool is_known =
            is_retry ||
            str_eq_cstr(member->key, is_topic ? "defaultThrottlePolicy" : "throttlePolicy") ||
            str_eq_cstr(member->key, is_topic ? "defaultRequestPolicy" : "requestPolicy") ||
            str_eq_cstr(member->key, "defaultSicklyRetryPolicy") ||
            str_eq_cstr(member->key, "sicklyRetryPolicy") ||
            (is_topic && str_eq_cstr(member->key, "disableSubscriptionOverrides"));
        if (!is_known)
            return refuse_policy(call, what, "unknown field: ", member->key);
        if (!is_retry || member->kind == JSON_NULL)
            continue;
        enum status status = check_retry_policy(call, what, member);
        if (status != STATUS_DONE)
            return status;
    }
    /* OBSERVED (2024-10): a topic's policy shows this, whether or not it was given. */
    if (is_topic && !json_find_cstr(http, "disableSubscriptionOverrides"))
        json_set(http, STR("disableSubscriptionOverrides"), json_new_bool(call->arena, false));
    *out_text = json_to_str(call->arena, policy);
    return STATUS_DONE;
}

static const struct json *parsed(struct call *call, struct str text)
{
    struct json *tree = NULL;
    return text.ptr && json_parse(call->arena, text, 0, &tree, NULL) == 0 ? tree : NULL;
}

/* The retry policy with defaults filled in. */
static struct json *whole_retry_policy(struct call *call, const struct json *given)
{
    struct json *policy = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(retry_fields); i++) {
        const struct json *own = json_find_cstr(given, retry_fields[i].name);
        json_append_member(policy, str_from_cstr(retry_fields[i].name),
                           own ? json_copy(call->arena, own)
                               : json_new_number(call->arena, retry_fields[i].fallback));
    }
    json_append_member(policy, STR("backoffFunction"),
                       json_new_string(call->arena, str_or(json_find_str(given, "backoffFunction"),
                                                           STR("linear"))));
    return policy;
}

static struct json *whole_request_policy(struct call *call, const struct json *given)
{
    struct json *policy = json_new(call->arena, JSON_OBJECT);
    json_append_member(
        policy, STR("headerContentType"),
        json_new_string(call->arena, str_or(json_find_str(given, "headerContentType"),
                                            STR("text/plain; charset=UTF-8"))));
    return policy;
}

struct json *sns_effective_delivery_policy(struct call *call, const struct sns_topic_row *topic,
                                           const struct sns_subscription_row *subscription)
{
    const struct json *of_topic =
        json_find_cstr(parsed(call, sns_setting(topic->settings, "DeliveryPolicy")), "http");
    const struct json *disable = json_find_cstr(of_topic, "disableSubscriptionOverrides");
    bool is_disabled = disable && disable->kind == JSON_TRUE;
    const struct json *retry = json_find_cstr(of_topic, "defaultHealthyRetryPolicy");
    const struct json *request = json_find_cstr(of_topic, "defaultRequestPolicy");
    if (!subscription) {
        struct json *http = json_new(call->arena, JSON_OBJECT);
        json_append_member(http, STR("defaultHealthyRetryPolicy"), whole_retry_policy(call, retry));
        json_append_member(http, STR("disableSubscriptionOverrides"),
                           json_new_bool(call->arena, is_disabled));
        json_append_member(http, STR("defaultRequestPolicy"), whole_request_policy(call, request));
        struct json *policy = json_new(call->arena, JSON_OBJECT);
        json_append_member(policy, STR("http"), http);
        return policy;
    }
    const struct json *own =
        is_disabled ? NULL : parsed(call, sns_setting(subscription->settings, "DeliveryPolicy"));
    const struct json *own_retry = json_find_cstr(own, "healthyRetryPolicy");
    const struct json *own_request = json_find_cstr(own, "requestPolicy");
    struct json *policy = json_new(call->arena, JSON_OBJECT);
    json_append_member(policy, STR("healthyRetryPolicy"),
                       whole_retry_policy(call, own_retry ? own_retry : retry));
    json_append_member(policy, STR("sicklyRetryPolicy"), json_new(call->arena, JSON_NULL));
    json_append_member(policy, STR("throttlePolicy"), json_new(call->arena, JSON_NULL));
    json_append_member(policy, STR("requestPolicy"),
                       whole_request_policy(call, own_request ? own_request : request));
    json_append_member(policy, STR("guaranteed"), json_new_bool(call->arena, false));
    return policy;
}
