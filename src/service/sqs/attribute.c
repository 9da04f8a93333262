/* attribute.c — attributes of queues: names, limits, defaults, and their text form.
 *
 * Docs: SQS API reference, CreateQueue and SetQueueAttributes (limits and defaults), "High
 * throughput for FIFO queues". Error text "Invalid value for the parameter X." with code
 * InvalidAttributeValue is what the service answers.
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/json.h"

/* Attributes that are a whole number in a range. */
struct number_row {
    struct str name;
    size_t offset;
    int64_t least;
    int64_t most;
};

static const struct number_row numbers[] = {
    {STR_INIT("DelaySeconds"), offsetof(struct sqs_queue, delay_s), 0, 900},
    {STR_INIT("KmsDataKeyReusePeriodSeconds"), offsetof(struct sqs_queue, kms_reuse_s), 60, 86400},
    {STR_INIT("MaximumMessageSize"), offsetof(struct sqs_queue, maximum_message_size), 1024,
     1048576},
    {STR_INIT("MessageRetentionPeriod"), offsetof(struct sqs_queue, retention_s), 60, 1209600},
    {STR_INIT("ReceiveMessageWaitTimeSeconds"), offsetof(struct sqs_queue, wait_s), 0, 20},
    {STR_INIT("VisibilityTimeout"), offsetof(struct sqs_queue, visibility_timeout_s), 0, 43200},
};

const struct str sqs_settable_attributes[] = {
    STR_INIT("ContentBasedDeduplication"),
    STR_INIT("DeduplicationScope"),
    STR_INIT("DelaySeconds"),
    STR_INIT("FifoQueue"),
    STR_INIT("FifoThroughputLimit"),
    STR_INIT("KmsDataKeyReusePeriodSeconds"),
    STR_INIT("KmsMasterKeyId"),
    STR_INIT("MaximumMessageSize"),
    STR_INIT("MessageRetentionPeriod"),
    STR_INIT("Policy"),
    STR_INIT("ReceiveMessageWaitTimeSeconds"),
    STR_INIT("RedriveAllowPolicy"),
    STR_INIT("RedrivePolicy"),
    STR_INIT("SqsManagedSseEnabled"),
    STR_INIT("VisibilityTimeout"),
};
const size_t sqs_settable_attribute_count = ARRAY_LEN(sqs_settable_attributes);

struct sqs_queue sqs_default_queue(struct call *call, struct str name)
{
    return (struct sqs_queue){
        .account = call->scope.account,
        .region = call->scope.region,
        .name = name,
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
        .visibility_timeout_s = 30,
        .maximum_message_size = 1048576,
        .retention_s = 345600,
        .has_managed_sse = true,
        .kms_reuse_s = 300,
        .tags = STR("{}"),
    };
}

static enum status bad_value(struct call *call, struct str name)
{
    return call_fail(call, &SQS_INVALID_ATTRIBUTE_VALUE,
                     "Invalid value for the parameter " STR_FMT ".", STR_ARG(name));
}

static enum status set_number(struct call *call, struct sqs_queue *queue,
                              const struct number_row *row, struct str value)
{
    int64_t number = 0;
    if (str_to_i64(value, &number) < 0 || number < row->least || number > row->most)
        return bad_value(call, row->name);
    *(int64_t *)(void *)((char *)queue + row->offset) = number;
    return STATUS_DONE;
}

static enum status set_bool(struct call *call, bool *field, struct str name, struct str value)
{
    bool is_true = str_eq_nocase(value, STR("true"));
    if (!is_true && !str_eq_nocase(value, STR("false")))
        return bad_value(call, name);
    *field = is_true;
    return STATUS_DONE;
}

static enum status set_policy(struct call *call, struct sqs_queue *queue, struct str value)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (value.len > 0 && policy_parse(call->arena, value, POLICY_RESOURCE, &policy, &error) < 0)
        return bad_value(call, STR("Policy"));
    queue->policy = value;
    return STATUS_DONE;
}

static enum status bad_redrive_policy(struct call *call, struct str value, struct str reason)
{
    return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                     "Value " STR_FMT " for parameter RedrivePolicy is invalid. Reason: " STR_FMT,
                     STR_ARG(value), STR_ARG(reason));
}

/* Whether the dead-letter queue's RedriveAllowPolicy (checked when it was written) takes messages
 * of this source. */
static bool allows_source(struct call *call, const struct sqs_queue *target, struct str source_arn)
{
    struct json *json = NULL;
    if (target->redrive_allow_policy.len == 0 ||
        json_parse(call->arena, target->redrive_allow_policy, 0, &json, NULL) < 0)
        return true;
    struct str permission = json_find_str(json, "redrivePermission");
    if (!str_eq_cstr(permission, "byQueue"))
        return str_eq_cstr(permission, "allowAll");
    const struct json *sources = json_find_cstr(json, "sourceQueueArns");
    for (const struct json *source = sources ? sources->first : NULL; source;
         source = source->next) {
        if (str_eq(source->text, source_arn))
            return true;
    }
    return false;
}

static enum status check_dead_letter_queue(struct call *call, const struct sqs_queue *queue,
                                           struct str value, struct str arn)
{
    struct scope scope = {0};
    struct str name = {0};
    /* OBSERVED (2022-08-21): judged before the queue is looked up. */
    if (!sqs_split_arn(arn, &scope, &name))
        return bad_redrive_policy(call, value, STR("Invalid value for deadLetterTargetArn."));
    /* AWS: "The dead-letter queue and the source queue must be in the same account and region." */
    if (!str_eq(scope.account, queue->account))
        return bad_redrive_policy(call, value,
                                  STR("Dead letter target owner should be same as the source."));
    if (!str_eq(scope.region, queue->region))
        return bad_redrive_policy(call, value,
                                  STR("Dead-letter target must be in same region as the source."));
    struct sqs_queue *target = NULL;
    int rc = sqs_store_find_queue(call->db, call->arena, scope, name, &target);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find the dead-letter queue");
    if (!target)
        return bad_redrive_policy(call, value, STR("Dead letter target does not exist."));
    /* AWS: "The dead-letter queue of a FIFO queue must also be a FIFO queue." */
    if (target->is_fifo != queue->is_fifo)
        return bad_redrive_policy(
            call, value, STR("Dead-letter queue must be same type of queue as the source."));
    if (!allows_source(call, target, sqs_queue_arn(call->arena, queue)))
        return bad_redrive_policy(
            call, value, STR("Dead-letter queue does not allow this queue as its source."));
    return STATUS_DONE;
}

/* {"deadLetterTargetArn": ARN, "maxReceiveCount": 1..1000}; the count may be text, as templates and
 * the console send it. OBSERVED: answered in one form, with the count as a number (aws CLI
 * reference, examples of set-queue-attributes and get-queue-attributes). */
static enum status set_redrive_policy(struct call *call, struct sqs_queue *queue, struct str value)
{
    queue->redrive_policy = STR("");
    queue->dlq_arn = STR("");
    queue->max_receive_count = 0;
    if (value.len == 0)
        return STATUS_DONE;
    struct json *json = NULL;
    if (json_parse(call->arena, value, 0, &json, NULL) < 0 || !json_is_object(json))
        return bad_redrive_policy(call, value, STR("Redrive policy is not a valid JSON map."));
    struct str arn = json_find_str(json, "deadLetterTargetArn");
    const struct json *count = json_find_cstr(json, "maxReceiveCount");
    if (arn.len == 0)
        return bad_redrive_policy(call, value,
                                  STR("Redrive policy does not contain mandatory attribute: "
                                      "deadLetterTargetArn."));
    if (!count)
        return bad_redrive_policy(
            call, value,
            STR("Redrive policy does not contain mandatory attribute: maxReceiveCount."));
    int64_t most = 0;
    if (str_to_i64(count->text, &most) < 0 || most < 1 || most > 1000)
        return bad_redrive_policy(call, value,
                                  str_format(call->arena,
                                             "Invalid value for maxReceiveCount: " STR_FMT
                                             ", valid values are from 1 to 1000 both inclusive.",
                                             STR_ARG(count->text)));
    enum status status = check_dead_letter_queue(call, queue, value, arn);
    if (status != STATUS_DONE)
        return status;
    struct json *kept = json_new(call->arena, JSON_OBJECT);
    json_append_member(kept, STR("deadLetterTargetArn"), json_new_string(call->arena, arn));
    json_append_member(kept, STR("maxReceiveCount"), json_new_number(call->arena, most));
    queue->redrive_policy = json_to_str(call->arena, kept);
    queue->dlq_arn = arn;
    queue->max_receive_count = most;
    return STATUS_DONE;
}

static enum status set_redrive_allow_policy(struct call *call, struct sqs_queue *queue,
                                            struct str value)
{
    static const struct str permissions[] = {STR_INIT("allowAll"), STR_INIT("denyAll"),
                                             STR_INIT("byQueue")};
    queue->redrive_allow_policy = value;
    if (value.len == 0)
        return STATUS_DONE;
    struct json *json = NULL;
    if (json_parse(call->arena, value, 0, &json, NULL) < 0)
        return bad_value(call, STR("RedriveAllowPolicy"));
    struct str permission = json_find_str(json, "redrivePermission");
    const struct json *sources = json_find_cstr(json, "sourceQueueArns");
    bool is_known = false;
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++)
        is_known |= str_eq(permission, permissions[i]);
    bool by_queue = str_eq_cstr(permission, "byQueue");
    /* AWS: sourceQueueArns goes with byQueue only, at most ten. */
    bool has_sources = json_is_array(sources) && sources->count > 0;
    if (!is_known || by_queue != has_sources || (has_sources && sources->count > 10))
        return bad_value(call, STR("RedriveAllowPolicy"));
    return STATUS_DONE;
}

static enum status set_fifo(struct call *call, struct sqs_queue *queue, struct str value,
                            bool is_new)
{
    bool is_fifo = false;
    enum status status = set_bool(call, &is_fifo, STR("FifoQueue"), value);
    if (status != STATUS_DONE)
        return status;
    /* AWS: FifoQueue can only be given when the queue is made, and only as true. */
    if (!is_new && queue->is_fifo && !is_fifo)
        return call_fail(call, &SQS_INVALID_ATTRIBUTE_VALUE,
                         "Invalid value for the parameter FifoQueue. Reason: Modifying queue type "
                         "is not supported.");
    if (is_new ? !is_fifo : !queue->is_fifo)
        return call_fail(call, &SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute FifoQueue.");
    queue->is_fifo = is_fifo;
    return STATUS_DONE;
}

static enum status set_choice(struct call *call, bool *out_is_second, struct str name,
                              struct str value, struct str first, struct str second)
{
    if (!str_eq(value, first) && !str_eq(value, second))
        return bad_value(call, name);
    *out_is_second = str_eq(value, second);
    return STATUS_DONE;
}

static enum status set_attribute(struct call *call, struct sqs_queue *queue, struct str name,
                                 struct str value, bool is_new)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (str_eq(numbers[i].name, name))
            return set_number(call, queue, &numbers[i], value);
    }
    if (str_eq_cstr(name, "Policy"))
        return set_policy(call, queue, value);
    if (str_eq_cstr(name, "RedrivePolicy"))
        return set_redrive_policy(call, queue, value);
    if (str_eq_cstr(name, "RedriveAllowPolicy"))
        return set_redrive_allow_policy(call, queue, value);
    if (str_eq_cstr(name, "SqsManagedSseEnabled"))
        return set_bool(call, &queue->has_managed_sse, name, value);
    if (str_eq_cstr(name, "KmsMasterKeyId")) {
        queue->kms_key_id = value;
        /* AWS: SSE-SQS and SSE-KMS exclude each other; naming a key turns SSE-SQS off. */
        if (value.len > 0)
            queue->has_managed_sse = false;
        return STATUS_DONE;
    }
    if (str_eq_cstr(name, "FifoQueue"))
        return set_fifo(call, queue, value, is_new);
    bool is_fifo_attribute = str_eq_cstr(name, "ContentBasedDeduplication") ||
                             str_eq_cstr(name, "DeduplicationScope") ||
                             str_eq_cstr(name, "FifoThroughputLimit");
    if (!is_fifo_attribute || !queue->is_fifo)
        return call_fail(call, &SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute " STR_FMT ".",
                         STR_ARG(name));
    if (str_eq_cstr(name, "ContentBasedDeduplication"))
        return set_bool(call, &queue->has_content_dedup, name, value);
    if (str_eq_cstr(name, "DeduplicationScope"))
        return set_choice(call, &queue->dedup_by_group, name, value, STR("queue"),
                          STR("messageGroup"));
    return set_choice(call, &queue->limit_by_group, name, value, STR("perQueue"),
                      STR("perMessageGroupId"));
}

enum status sqs_apply_attributes(struct call *call, struct sqs_queue *queue,
                                 const struct sqs_queue_attribute_map *attributes, bool is_new)
{
    /* FifoQueue and KmsMasterKeyId first: others depend on them. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < attributes->count; i++) {
            struct str name = attributes->items[i].key;
            bool is_first = str_eq_cstr(name, "FifoQueue") || str_eq_cstr(name, "KmsMasterKeyId");
            if (is_first != (pass == 0))
                continue;
            enum status status =
                set_attribute(call, queue, name, attributes->items[i].value, is_new);
            if (status != STATUS_DONE)
                return status;
        }
    }
    /* OBSERVED (2022-08-01): naming a key turns SSE-SQS off by itself, but not against an order. */
    if (queue->has_managed_sse && queue->kms_key_id.len > 0)
        return call_fail(call, &SQS_INVALID_ATTRIBUTE_NAME,
                         "You can use one type of server-side encryption (SSE) at one time. You "
                         "can either enable KMS SSE or SQS SSE.");
    /* AWS: "perMessageGroupId is allowed only when DeduplicationScope is messageGroup." */
    if (queue->limit_by_group && !queue->dedup_by_group)
        return bad_value(call, STR("FifoThroughputLimit"));
    return STATUS_DONE;
}

static struct str number_text(struct call *call, int64_t value)
{
    return str_format(call->arena, "%lld", (long long)value);
}

static struct str bool_text(bool value)
{
    return value ? STR("true") : STR("false");
}

/* Text attributes are listed only when they are set; those of FIFO only for FIFO queues. */
static bool text_or_none(struct str text, struct str *out_value)
{
    *out_value = text.len > 0 ? text : (struct str){0};
    return true;
}

bool sqs_attribute_text(struct call *call, const struct sqs_queue *queue, struct str name,
                        struct str *out_value)
{
    *out_value = (struct str){0};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!str_eq(numbers[i].name, name))
            continue;
        bool is_unused_kms =
            str_eq_cstr(name, "KmsDataKeyReusePeriodSeconds") && queue->kms_key_id.len == 0;
        const int64_t *field =
            (const int64_t *)(const void *)((const char *)queue + numbers[i].offset);
        if (!is_unused_kms)
            *out_value = number_text(call, *field);
        return true;
    }
    if (str_eq_cstr(name, "Policy"))
        return text_or_none(queue->policy, out_value);
    if (str_eq_cstr(name, "RedrivePolicy"))
        return text_or_none(queue->redrive_policy, out_value);
    if (str_eq_cstr(name, "RedriveAllowPolicy"))
        return text_or_none(queue->redrive_allow_policy, out_value);
    if (str_eq_cstr(name, "KmsMasterKeyId"))
        return text_or_none(queue->kms_key_id, out_value);
    if (str_eq_cstr(name, "SqsManagedSseEnabled")) {
        *out_value = bool_text(queue->has_managed_sse);
        return true;
    }
    bool is_fifo_attribute = true;
    struct str value = {0};
    if (str_eq_cstr(name, "FifoQueue"))
        value = STR("true");
    else if (str_eq_cstr(name, "ContentBasedDeduplication"))
        value = bool_text(queue->has_content_dedup);
    else if (str_eq_cstr(name, "DeduplicationScope"))
        value = queue->dedup_by_group ? STR("messageGroup") : STR("queue");
    else if (str_eq_cstr(name, "FifoThroughputLimit"))
        value = queue->limit_by_group ? STR("perMessageGroupId") : STR("perQueue");
    else
        is_fifo_attribute = false;
    if (is_fifo_attribute && queue->is_fifo)
        *out_value = value;
    return is_fifo_attribute;
}
