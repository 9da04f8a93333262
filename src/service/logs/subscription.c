/* subscription.c — subscription filters: Put, Describe, Delete, and delivery of what matches.
 *
 * A destination is what the table of deliveries knows: a filter to anything else is refused with
 * AWS's own error, and nothing is recorded. What is delivered to a function is
 * {"awslogs": {"data": BASE64(GZIP(JSON))}}.
 *
 * Docs: CloudWatch Logs user guide, "Using subscription filters"; API reference of the three. The
 * texts of the errors, unless said otherwise: OBSERVED (2026-02-06, recorded by public test suites
 * with boto3).
 */
#include <errno.h>
#include <isa-l.h>

#include "base/arena.h"
#include "base/buf.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/logs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    MAX_FILTERS = 2, /* AWS: subscription filters of a group */
    LIST_DEFAULT = 50,
    GZIP_SLACK = 4096,
};

#define KIND STR("subscription")

/* The third field of the destination's ARN. */
static struct str vendor_of(struct str arn)
{
    struct str rest = arn;
    struct str parts[3] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        (void)str_split_next(&rest, ':', &parts[i]);
    return str_or(parts[2], STR(""));
}

static struct str account_of(struct str arn)
{
    struct str rest = arn;
    struct str parts[5] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        (void)str_split_next(&rest, ':', &parts[i]);
    return str_or(parts[4], STR(""));
}

/* OBSERVED (2020-02-13 to 2026-02-06, reported and recorded): what AWS says of destinations that it
 * cannot deliver to. */
static enum status check_destination(struct call *call,
                                     const struct logs_put_subscription_filter_in *in)
{
    struct str vendor = vendor_of(in->destination_arn);
    bool is_function = str_eq_cstr(vendor, "lambda");
    bool is_stream = str_eq_cstr(vendor, "kinesis");
    if (!is_function && !is_stream && !str_eq_cstr(vendor, "firehose") &&
        !str_eq_cstr(vendor, "logs"))
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "PutSubscriptionFilter operation cannot work with destinationArn for "
                         "vendor " STR_FMT,
                         STR_ARG(vendor));
    if (is_function && !str_eq(account_of(in->destination_arn), call->scope.account))
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "Cross-account lambda invocation passing is not allowed. You must use "
                         "DestinationPolicies to create cross account lambda triggers.");
    if (!is_function && !str_eq_cstr(vendor, "logs") && in->role_arn.len == 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "destinationArn for vendor " STR_FMT " cannot be used without roleArn",
                         STR_ARG(vendor));
    if (is_function && delivery_knows(in->destination_arn))
        return STATUS_DONE;
    if (is_function)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Could not execute the lambda function. Make sure you have given "
                         "CloudWatch Logs permission to execute your function.");
    if (is_stream)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Could not deliver test message to specified Kinesis stream. Check if the "
                         "given kinesis stream is in ACTIVE state.");
    if (str_eq_cstr(vendor, "firehose"))
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Could not deliver test message to specified Firehose stream. Check if "
                         "the given Firehose stream is in ACTIVE state.");
    return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                     "Could not deliver message to specified destination. Check if the destination "
                     "is valid.");
}

static int64_t list_filters(struct call *call, struct str group, struct str prefix,
                            struct str after, int64_t limit, struct log_item *items)
{
    const struct log_item_list list = {
        .kind = KIND,
        .owner = group,
        .prefix = prefix,
        .after_owner = after.len > 0 ? group : STR(""),
        .after_name = after,
    };
    return logs_store_list_items(call->db, call->arena, call->scope, &list, limit, items);
}

/* Whether the group has any is in its row, so that PutLogEvents need not look. */
static enum status mark_group(struct call *call, struct log_group *group)
{
    struct log_item item = {0};
    int64_t count = list_filters(call, group->name, STR(""), STR(""), 1, &item);
    group->is_subscribed = count > 0;
    int rc = count < 0 ? (int)count : logs_store_update_group(call->db, group);
    return rc < 0 ? call_fail_internal(call, rc, "logs: update a group") : STATUS_DONE;
}

static bool is_listed(const struct log_item *items, int64_t count, struct str name)
{
    for (int64_t i = 0; i < count; i++) {
        if (str_eq(items[i].name, name))
            return true;
    }
    return false;
}

enum status logs_put_subscription_filter(struct call *call,
                                         const struct logs_put_subscription_filter_in *in,
                                         struct logs_put_subscription_filter_out *out)
{
    (void)out;
    struct log_group group = {0};
    struct filter_pattern *pattern = NULL;
    struct log_item items[MAX_FILTERS];
    enum status status = check_destination(call, in);
    if (status == STATUS_DONE)
        status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE)
        status = logs_check_filter(call, in->filter_pattern, &pattern);
    if (status != STATUS_DONE)
        return status;
    int64_t count = list_filters(call, group.name, STR(""), STR(""), MAX_FILTERS, items);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list filters");
    if (count == MAX_FILTERS && !is_listed(items, count, in->filter_name))
        return call_fail(call, &LOGS_LIMIT_EXCEEDED_EXCEPTION, "Resource limit exceeded.");
    struct json *value = json_new(call->arena, JSON_OBJECT);
    const struct {
        const char *key;
        struct str value;
    } texts[] = {
        {"pattern", in->filter_pattern},
        {"destination", in->destination_arn},
        {"role", str_or(in->role_arn, STR(""))},
        {"distribution", str_or(in->distribution, STR("ByLogStream"))},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        json_append_member(value, str_from_cstr(texts[i].key),
                           json_new_string(call->arena, texts[i].value));
    const struct log_item item = {
        .kind = KIND,
        .owner = group.name,
        .name = in->filter_name,
        .created_at_ms = call->now_ms,
        .value = json_to_str(call->arena, value),
    };
    int rc = logs_store_put_item(call->db, call->scope, &item);
    return rc < 0 ? call_fail_internal(call, rc, "logs: put a filter") : mark_group(call, &group);
}

enum status
logs_describe_subscription_filters(struct call *call,
                                   const struct logs_describe_subscription_filters_in *in,
                                   struct logs_describe_subscription_filters_out *out)
{
    struct log_group group = {0};
    struct str after = {0};
    int64_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    struct log_item *items = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*items));
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE)
        status = logs_token_read(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t count = list_filters(call, group.name, in->filter_name_prefix, after, limit + 1, items);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list filters");
    out->subscription_filters.items =
        arena_alloc_array(call->arena, (size_t)limit, sizeof(*out->subscription_filters.items));
    out->subscription_filters.is_set = true;
    for (int64_t i = 0; i < count && i < limit; i++) {
        struct json *value = NULL;
        if (json_parse(call->arena, items[i].value, 0, &value, NULL) < 0)
            continue;
        struct str role = json_find_str(value, "role");
        out->subscription_filters.items[out->subscription_filters.count++] =
            (struct logs_subscription_filter){
                .filter_name = items[i].name,
                .log_group_name = group.name,
                .filter_pattern = json_find_str(value, "pattern"),
                .destination_arn = json_find_str(value, "destination"),
                .role_arn = role.len > 0 ? role : (struct str){0},
                .distribution = json_find_str(value, "distribution"),
                .apply_on_transformed_logs = opt_bool(false),
                .creation_time = opt_i64(items[i].created_at_ms),
            };
    }
    if (count > limit)
        out->next_token = logs_token_write(call, items[limit - 1].name);
    return STATUS_DONE;
}

enum status logs_delete_subscription_filter(struct call *call,
                                            const struct logs_delete_subscription_filter_in *in,
                                            struct logs_delete_subscription_filter_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status != STATUS_DONE)
        return status;
    int rc =
        logs_store_delete_item(call->db, call->scope, KIND, in->log_group_name, in->filter_name);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: delete a filter");
    if (rc == 0)
        return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "The specified subscription filter does not exist.");
    return mark_group(call, &group);
}

/* --- delivery --- */

/* The document of the events of a batch that match; absent when none does. */
static struct str write_document(struct call *call, const struct log_group *group,
                                 const struct log_stream *stream, const struct log_batch *batch,
                                 const struct log_item *filter,
                                 const struct filter_pattern *pattern)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct json *document = json_new(call->arena, JSON_OBJECT);
    struct json *names = json_new(call->arena, JSON_ARRAY);
    struct json *events = json_new(call->arena, JSON_ARRAY);
    struct log_walk walk = {.batch = batch};
    struct log_event event = {0};
    while (log_walk_next(&walk, &event)) {
        if (pattern && !filter_pattern_matches(pattern, scratch, event.message))
            continue;
        struct json *shown = json_new(call->arena, JSON_OBJECT);
        json_append_member(shown, STR("id"),
                           json_new_string(call->arena, log_key_write(call->arena, &event.key)));
        json_append_member(shown, STR("timestamp"), json_new_number(call->arena, event.key.at_ms));
        json_append_member(shown, STR("message"), json_new_string(call->arena, event.message));
        json_append(events, shown);
    }
    if (events->count == 0)
        return (struct str){0};
    json_append(names, json_new_string(call->arena, filter->name));
    json_append_member(document, STR("messageType"),
                       json_new_string(call->arena, STR("DATA_MESSAGE")));
    json_append_member(document, STR("owner"), json_new_string(call->arena, group->scope.account));
    json_append_member(document, STR("logGroup"), json_new_string(call->arena, group->name));
    json_append_member(document, STR("logStream"), json_new_string(call->arena, stream->name));
    json_append_member(document, STR("subscriptionFilters"), names);
    json_append_member(document, STR("logEvents"), events);
    return json_to_str(call->arena, document);
}

static int compress(struct arena *arena, struct str text, struct str *out)
{
    struct isal_zstream stream;
    size_t max = text.len + text.len / 8 + GZIP_SLACK;
    char *bytes = arena_alloc_text(arena, max);
    isal_deflate_stateless_init(&stream);
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.next_in = (uint8_t *)str_to_cstr(arena, text);
    stream.avail_in = (uint32_t)text.len;
    stream.next_out = (uint8_t *)bytes;
    stream.avail_out = (uint32_t)max;
    if (isal_deflate_stateless(&stream) != COMP_OK)
        return -EIO;
    *out = str_of(bytes, stream.total_out);
    return 0;
}

static enum status deliver_to(struct call *call, const struct log_group *group,
                              const struct log_stream *stream, const struct log_batch *batch,
                              const struct log_item *filter)
{
    struct json *value = NULL;
    struct filter_pattern *pattern = NULL;
    struct str zipped = {0};
    int rc = json_parse(call->arena, filter->value, 0, &value, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: a subscription filter");
    enum status status = logs_check_filter(call, json_find_str(value, "pattern"), &pattern);
    if (status != STATUS_DONE)
        return status;
    struct str document = write_document(call, group, stream, batch, filter, pattern);
    if (!str_is_set(document))
        return STATUS_DONE;
    rc = compress(call->arena, document, &zipped);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: compress events");
    struct json *data = json_new(call->arena, JSON_OBJECT);
    struct json *body = json_new(call->arena, JSON_OBJECT);
    json_append_member(data, STR("data"),
                       json_new_string(call->arena, base64_encode_str(call->arena, zipped)));
    json_append_member(body, STR("awslogs"), data);
    const struct delivery delivery = {
        .target = json_find_str(value, "destination"),
        .body = json_to_str(call->arena, body),
        .role_arn = json_find_str(value, "role"),
        .service = STR("logs.amazonaws.com"),
        .source_arn = str_concat(call->arena, group->arn, STR(":*")),
        .source_account = group->scope.account,
        .policy = {.max_attempts = 3, .min_delay_ms = 1000, .max_delay_ms = 60000},
    };
    return delivery_send(call, &delivery, NULL);
}

enum status logs_deliver(struct call *call, const struct log_group *group,
                         const struct log_stream *stream, const struct log_batch *batch)
{
    const struct log_item_list list = {.kind = KIND, .owner = group->name};
    struct log_item items[MAX_FILTERS];
    int64_t count =
        logs_store_list_items(call->db, call->arena, group->scope, &list, MAX_FILTERS, items);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list filters");
    for (int64_t i = 0; i < count; i++) {
        enum status status = deliver_to(call, group, stream, batch, &items[i]);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}
