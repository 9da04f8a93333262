/* service.c — SNS: topics, subscriptions, messages.
 *
 * Implemented: topics (standard and FIFO) with every attribute but archives; subscriptions of sqs,
 * http, https, email, email-json, sms and application, of lambda once functions can be delivered
 * to; confirmation, filter policies on attributes and body, raw delivery, delivery policies, dead
 * letters; Publish and PublishBatch; permissions, tags; platform applications and endpoints;
 * settings of text messages, opt-out and sandbox numbers. A message reaches its queues in the
 * transaction that published it (fanout.c); http endpoints are asked after the commit.
 *
 * Nothing leaves the machine by mail, telephone or push: what would is captured and can be read on
 * a page of the program (capture.c, docs/sns.md). The account is out of the SMS sandbox.
 *
 * Not there: message archives and replay (ArchivePolicy, ReplayPolicy), data protection policies
 * and firehose subscriptions are refused by name; delivery status logs are not written, their
 * attributes are kept; messages are not encrypted at rest, but a topic's key must let the publisher
 * use it.
 *
 * Model: models/sns.model
 */
#include <assert.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

const struct sns_handlers sns_handlers = {
    .add_permission = sns_add_permission,
    .check_if_phone_number_is_opted_out = sns_check_if_phone_number_is_opted_out,
    .confirm_subscription = sns_confirm_subscription,
    .create_platform_application = sns_create_platform_application,
    .create_platform_endpoint = sns_create_platform_endpoint,
    .create_sms_sandbox_phone_number = sns_create_sms_sandbox_phone_number,
    .create_topic = sns_create_topic,
    .delete_endpoint = sns_delete_endpoint,
    .delete_platform_application = sns_delete_platform_application,
    .delete_sms_sandbox_phone_number = sns_delete_sms_sandbox_phone_number,
    .delete_topic = sns_delete_topic,
    .get_endpoint_attributes = sns_get_endpoint_attributes,
    .get_platform_application_attributes = sns_get_platform_application_attributes,
    .get_sms_attributes = sns_get_sms_attributes,
    .get_sms_sandbox_account_status = sns_get_sms_sandbox_account_status,
    .get_subscription_attributes = sns_get_subscription_attributes,
    .get_topic_attributes = sns_get_topic_attributes,
    .list_endpoints_by_platform_application = sns_list_endpoints_by_platform_application,
    .list_origination_numbers = sns_list_origination_numbers,
    .list_phone_numbers_opted_out = sns_list_phone_numbers_opted_out,
    .list_platform_applications = sns_list_platform_applications,
    .list_sms_sandbox_phone_numbers = sns_list_sms_sandbox_phone_numbers,
    .list_subscriptions = sns_list_subscriptions,
    .list_subscriptions_by_topic = sns_list_subscriptions_by_topic,
    .list_tags_for_resource = sns_list_tags_for_resource,
    .list_topics = sns_list_topics,
    .opt_in_phone_number = sns_opt_in_phone_number,
    .publish = sns_publish,
    .publish_batch = sns_publish_batch,
    .remove_permission = sns_remove_permission,
    .set_endpoint_attributes = sns_set_endpoint_attributes,
    .set_platform_application_attributes = sns_set_platform_application_attributes,
    .set_sms_attributes = sns_set_sms_attributes,
    .set_subscription_attributes = sns_set_subscription_attributes,
    .set_topic_attributes = sns_set_topic_attributes,
    .subscribe = sns_subscribe,
    .tag_resource = sns_tag_resource,
    .unsubscribe = sns_unsubscribe,
    .untag_resource = sns_untag_resource,
    .verify_sms_sandbox_phone_number = sns_verify_sms_sandbox_phone_number,
};

/* What an operation acts on. AWS: "Actions, resources, and condition keys for Amazon SNS". */
enum subject {
    SUBJECT_NONE,       /* resource "*" */
    SUBJECT_TOPIC,      /* first member is TopicArn or ResourceArn of a topic that must be there */
    SUBJECT_ANY_TOPIC,  /* DeleteTopic: it need not be there */
    SUBJECT_TOPIC_NAME, /* CreateTopic */
    SUBJECT_TAGGED,     /* ResourceArn: ResourceNotFound when it is not there */
    SUBJECT_PUBLISH,
    SUBJECT_ARN,  /* first member is the ARN of an application or endpoint */
    SUBJECT_LINK, /* reached by links: no permission without a signature */
    SUBJECT_SUBSCRIBE,
};

static const struct {
    enum subject subject;
    struct str action; /* empty: the operation's own */
} subjects[SNS_OP_COUNT] = {
    [SNS_OP_ADD_PERMISSION] = {SUBJECT_TOPIC, STR_INIT("")},
    [SNS_OP_CONFIRM_SUBSCRIPTION] = {SUBJECT_LINK, STR_INIT("")},
    [SNS_OP_CREATE_PLATFORM_ENDPOINT] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_CREATE_TOPIC] = {SUBJECT_TOPIC_NAME, STR_INIT("")},
    [SNS_OP_DELETE_ENDPOINT] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_DELETE_PLATFORM_APPLICATION] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_DELETE_TOPIC] = {SUBJECT_ANY_TOPIC, STR_INIT("")},
    [SNS_OP_GET_DATA_PROTECTION_POLICY] = {SUBJECT_TOPIC, STR_INIT("")},
    [SNS_OP_GET_ENDPOINT_ATTRIBUTES] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_GET_PLATFORM_APPLICATION_ATTRIBUTES] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_GET_TOPIC_ATTRIBUTES] = {SUBJECT_TOPIC, STR_INIT("")},
    [SNS_OP_LIST_ENDPOINTS_BY_PLATFORM_APPLICATION] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_LIST_SUBSCRIPTIONS_BY_TOPIC] = {SUBJECT_TOPIC, STR_INIT("")},
    [SNS_OP_LIST_TAGS_FOR_RESOURCE] = {SUBJECT_TAGGED, STR_INIT("")},
    [SNS_OP_PUBLISH] = {SUBJECT_PUBLISH, STR_INIT("")},
    [SNS_OP_PUBLISH_BATCH] = {SUBJECT_TOPIC, STR_INIT("SNS:Publish")},
    [SNS_OP_REMOVE_PERMISSION] = {SUBJECT_TOPIC, STR_INIT("")},
    [SNS_OP_SET_ENDPOINT_ATTRIBUTES] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_SET_PLATFORM_APPLICATION_ATTRIBUTES] = {SUBJECT_ARN, STR_INIT("")},
    [SNS_OP_SET_TOPIC_ATTRIBUTES] = {SUBJECT_TOPIC, STR_INIT("")},
    [SNS_OP_SUBSCRIBE] = {SUBJECT_SUBSCRIBE, STR_INIT("")},
    [SNS_OP_TAG_RESOURCE] = {SUBJECT_TAGGED, STR_INIT("")},
    [SNS_OP_UNSUBSCRIBE] = {SUBJECT_LINK, STR_INIT("")},
    [SNS_OP_UNTAG_RESOURCE] = {SUBJECT_TAGGED, STR_INIT("")},
};

/* The inputs of these begin with the text that names the subject. */
static_assert(offsetof(struct sns_subscribe_in, topic_arn) == 0, "TopicArn comes first");
static_assert(offsetof(struct sns_publish_batch_in, topic_arn) == 0, "TopicArn comes first");
static_assert(offsetof(struct sns_tag_resource_in, resource_arn) == 0, "ResourceArn comes first");
static_assert(offsetof(struct sns_create_topic_in, name) == 0, "Name comes first");
static_assert(offsetof(struct sns_delete_endpoint_in, endpoint_arn) == 0, "EndpointArn first");
static_assert(offsetof(struct sns_create_platform_endpoint_in, platform_application_arn) == 0,
              "PlatformApplicationArn first");

int64_t sns_new_id(const struct call *call)
{
    return call->now_ms << SNS_ID_RANDOM_BITS | (int64_t)rand_below(1ULL << SNS_ID_RANDOM_BITS);
}

enum status sns_invalid(struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str what = str_vformat(call->arena, format, args);
    va_end(args);
    return call_fail(call, &SNS_INVALID_PARAMETER_EXCEPTION, "Invalid parameter: " STR_FMT,
                     STR_ARG(what));
}

/* AWS (developer guide, "aws:SourceAccount versus aws:SourceOwner"): the key is deprecated and only
 * older services send it. So an alarm reaches its topic by the default policy, a rule does not. */
static bool sends_source_owner(const struct principal *principal)
{
    static const struct str senders[] = {
        STR_INIT("cloudformation.amazonaws.com"),
        STR_INIT("cloudwatch.amazonaws.com"),
        STR_INIT("ses.amazonaws.com"),
    };
    if (principal->kind != PRINCIPAL_SERVICE)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
        if (str_eq(senders[i], principal->name))
            return true;
    }
    return false;
}

enum status sns_authorize(struct call *call, struct authorization *what)
{
    /* Default policies of topics speak of aws:SourceOwner, which only SNS has: the account that
     * calls, or in whose name a service does. */
    struct condition_value *conditions =
        arena_alloc_array(call->arena, what->condition_count + 1, sizeof(*conditions));
    for (size_t i = 0; i < what->condition_count; i++)
        conditions[i] = what->conditions[i];
    if (call->principal->account.len > 0 && sends_source_owner(call->principal))
        conditions[what->condition_count++] = (struct condition_value){
            .key = STR("aws:SourceOwner"), .values = &call->principal->account, .value_count = 1};
    what->conditions = conditions;
    enum status status = call_authorize(call, what);
    if (status == STATUS_FAILED && call->error.error == &ERROR_ACCESS_DENIED)
        call->error.error = &SNS_AUTHORIZATION_ERROR_EXCEPTION;
    return status;
}

static void describe_topic(struct call *call, const struct sns_topic_row *topic,
                           struct authorization *out)
{
    out->resource = sns_topic_arn(call->arena, topic);
    out->resource_account = topic->account;
    out->resource_policy = sns_topic_policy(call, topic);
}

static enum status describe_publish(struct call *call, const struct sns_publish_in *in,
                                    struct authorization *out)
{
    struct str arn = in->topic_arn.ptr ? in->topic_arn : in->target_arn;
    struct sns_topic_row *topic = NULL;
    bool is_endpoint = !in->topic_arn.ptr && str_find(arn, STR(":endpoint/")) >= 0;
    if (arn.ptr && !is_endpoint) {
        enum status status = sns_resolve_topic(call, arn, &topic);
        if (status != STATUS_DONE)
            return status;
        call->subject = topic;
        describe_topic(call, topic, out);
        return STATUS_DONE;
    }
    if (is_endpoint) {
        out->resource = arn;
        out->resource_account = sns_account_of(arn);
    } else if (in->phone_number.len > 0) {
        out->resource = in->phone_number;
    }
    return STATUS_DONE;
}

static enum status describe_tagged(struct call *call, struct str arn, struct authorization *out)
{
    struct sns_topic_row *topic = NULL;
    int rc = sns_find_topic(call, arn, &topic);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find topic");
    if (rc == 0)
        return call_fail(call, &SNS_RESOURCE_NOT_FOUND_EXCEPTION, "Resource does not exist");
    call->subject = topic;
    describe_topic(call, topic, out);
    return STATUS_DONE;
}

static enum status describe_any_topic(struct call *call, struct str arn, struct authorization *out)
{
    struct scope scope = {0};
    struct str name = {0};
    struct sns_topic_row *topic = NULL;
    if (!sns_split_arn(arn, "sns", &scope, &name) || !str_eq(scope.region, call->scope.region))
        return sns_refuse_arn(call, "TopicArn", arn);
    int rc = sns_find_topic(call, arn, &topic);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find topic");
    out->resource = arn;
    out->resource_account = scope.account;
    if (topic)
        describe_topic(call, topic, out);
    call->subject = topic;
    return STATUS_DONE;
}

static enum status describe_subscribe(struct call *call, const struct sns_subscribe_in *in,
                                      struct authorization *out)
{
    struct sns_topic_row *topic = NULL;
    enum status status = sns_resolve_topic(call, in->topic_arn, &topic);
    if (status != STATUS_DONE)
        return status;
    call->subject = topic;
    describe_topic(call, topic, out);
    struct condition_value *conditions = arena_alloc_array(call->arena, 2, sizeof(*conditions));
    conditions[0] = (struct condition_value){
        .key = STR("sns:Protocol"), .values = &in->protocol, .value_count = 1};
    conditions[1] = (struct condition_value){
        .key = STR("sns:Endpoint"), .values = &in->endpoint, .value_count = 1};
    out->conditions = conditions;
    out->condition_count = in->endpoint.ptr ? 2 : 1;
    return STATUS_DONE;
}

static enum status describe(struct call *call, size_t index, const void *in,
                            struct authorization *what)
{
    const struct str *name = in;
    switch (subjects[index].subject) {
    case SUBJECT_NONE:
    case SUBJECT_LINK:
        break;
    case SUBJECT_TOPIC: {
        struct sns_topic_row *topic = NULL;
        enum status status = sns_resolve_topic(call, *name, &topic);
        if (status != STATUS_DONE)
            return status;
        call->subject = topic;
        describe_topic(call, topic, what);
        break;
    }
    case SUBJECT_ANY_TOPIC:
        return describe_any_topic(call, *name, what);
    case SUBJECT_TOPIC_NAME:
        what->resource = call_arn(call, "sns", false, STR_FMT, STR_ARG(*name));
        break;
    case SUBJECT_TAGGED:
        return describe_tagged(call, *name, what);
    case SUBJECT_PUBLISH:
        return describe_publish(call, in, what);
    case SUBJECT_ARN:
        what->resource = *name;
        what->resource_account = sns_account_of(*name);
        break;
    case SUBJECT_SUBSCRIBE:
        return describe_subscribe(call, in, what);
    }
    return STATUS_DONE;
}

/* Asks itself, because SNS answers AuthorizationError where others answer AccessDenied; its texts
 * write the action with "SNS:" (OBSERVED: public client logs). */
static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    size_t index = (size_t)(call->operation - sns_operations);
    struct authorization what = {
        .action = subjects[index].action.len > 0
                      ? subjects[index].action
                      : str_concat(call->arena, STR("SNS:"), call->operation->name),
        .resource = STR("*"),
    };
    out->action = STR("");
    if (subjects[index].subject == SUBJECT_LINK && call->principal->kind == PRINCIPAL_ANONYMOUS)
        return STATUS_DONE;
    enum status status = describe(call, index, in, &what);
    return status == STATUS_DONE ? sns_authorize(call, &what) : status;
}

const struct service sns_service = {
    .model = &sns_model,
    .handlers = &sns_handlers,
    .migrations = &sns_migrations,
    .authorize = authorize,
    .resource_types = sns_resource_types,
    .resource_type_count = 4,
};
