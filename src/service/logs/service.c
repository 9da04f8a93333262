/* service.c — CloudWatch Logs: groups, streams, events, filters, queries.
 *
 * Implemented: groups of all classes, streams, PutLogEvents with its rules, GetLogEvents,
 * FilterLogEvents with the filter-pattern language, retention carried out by the clock, metric
 * filters (kept and tested), subscription filters (to what deliveries know), Logs Insights, tags,
 * resource policies, destinations and query definitions (recorded).
 *
 * Not implemented: publishing of metrics (metric.c), encryption by the associated key, export
 * tasks, live tail, account and data-protection policies, index policies, transformers, anomaly
 * detectors, deliveries of vended logs, scheduled queries, lookup tables, integrations; SQL and
 * PPL.
 *
 *   group.c stream.c put.c read.c    the operations on logs
 *   scan.c key.c                     batches and keys of events
 *   filter_pattern.c                 the filter language      insights_*.c query.c   Insights
 *   metric.c subscription.c policy.c what has a name          target.c   deliveries to groups
 *   store.c                          rows
 *
 * Model: models/logs.model
 */
#include "base/arena.h"
#include "service/logs/logs.h"

const struct logs_handlers logs_handlers = {
    .associate_kms_key = logs_associate_kms_key,
    .create_log_group = logs_create_log_group,
    .create_log_stream = logs_create_log_stream,
    .delete_destination = logs_delete_destination,
    .delete_log_group = logs_delete_log_group,
    .delete_log_stream = logs_delete_log_stream,
    .delete_metric_filter = logs_delete_metric_filter,
    .delete_query_definition = logs_delete_query_definition,
    .delete_resource_policy = logs_delete_resource_policy,
    .delete_retention_policy = logs_delete_retention_policy,
    .delete_subscription_filter = logs_delete_subscription_filter,
    .describe_destinations = logs_describe_destinations,
    .describe_log_groups = logs_describe_log_groups,
    .describe_log_streams = logs_describe_log_streams,
    .describe_metric_filters = logs_describe_metric_filters,
    .describe_queries = logs_describe_queries,
    .describe_query_definitions = logs_describe_query_definitions,
    .describe_resource_policies = logs_describe_resource_policies,
    .describe_subscription_filters = logs_describe_subscription_filters,
    .disassociate_kms_key = logs_disassociate_kms_key,
    .filter_log_events = logs_filter_log_events,
    .get_log_events = logs_get_log_events,
    .get_log_group_fields = logs_get_log_group_fields,
    .get_log_record = logs_get_log_record,
    .get_query_results = logs_get_query_results,
    .list_log_groups = logs_list_log_groups,
    .list_tags_for_resource = logs_list_tags_for_resource,
    .list_tags_log_group = logs_list_tags_log_group,
    .put_destination = logs_put_destination,
    .put_destination_policy = logs_put_destination_policy,
    .put_log_events = logs_put_log_events,
    .put_log_group_deletion_protection = logs_put_log_group_deletion_protection,
    .put_metric_filter = logs_put_metric_filter,
    .put_query_definition = logs_put_query_definition,
    .put_resource_policy = logs_put_resource_policy,
    .put_retention_policy = logs_put_retention_policy,
    .put_subscription_filter = logs_put_subscription_filter,
    .start_query = logs_start_query,
    .stop_query = logs_stop_query,
    .tag_log_group = logs_tag_log_group,
    .tag_resource = logs_tag_resource,
    .test_metric_filter = logs_test_metric_filter,
    .untag_log_group = logs_untag_log_group,
    .untag_resource = logs_untag_resource,
};

/* --- permissions --- */

static struct str member(const struct call *call, const void *in, const char *name)
{
    const struct shape *shape = call->operation->in;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return *(const struct str *)((const char *)in + shape->members[i].offset);
    }
    return (struct str){0};
}

/* AWS: operations on a group are judged on "...:log-group:NAME:log-stream:", those on a stream with
 * its name behind it ("Overview of managing access permissions to your CloudWatch Logs
 * resources"); lists on "log-group::log-stream:". */
static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    struct str name = member(call, in, "logGroupName");
    struct str identifier = member(call, in, "logGroupIdentifier");
    struct str stream = member(call, in, "logStreamName");
    struct str arn = member(call, in, "resourceArn");
    if (call->operation == &logs_operations[LOGS_OP_START_QUERY]) {
        out->action = STR(""); /* the handler asks for each group */
        return STATUS_DONE;
    }
    if (name.len == 0 && !str_starts_with(identifier, STR("arn:")))
        name = identifier;
    bool is_list = call->operation == &logs_operations[LOGS_OP_DESCRIBE_LOG_GROUPS] ||
                   call->operation == &logs_operations[LOGS_OP_LIST_LOG_GROUPS];
    if (name.len > 0 || is_list)
        arn = logs_group_arn(call->arena, call->scope, name);
    else if (identifier.len > 0)
        arn = identifier;
    if (arn.len == 0)
        return STATUS_DONE;
    if (str_ends_with(arn, STR(":*")))
        arn = str_slice(arn, 0, arn.len - 2);
    out->resource = str_contains(arn, STR(":log-group:"))
                        ? str_concat3(call->arena, arn, STR(":log-stream:"), stream)
                        : arn;
    return STATUS_DONE;
}

const struct service logs_service = {
    .model = &logs_model,
    .handlers = &logs_handlers,
    .migrations = &logs_migrations,
    .authorize = authorize,
    .validation_error = &LOGS_INVALID_PARAMETER_EXCEPTION,
    .resource_types = logs_resource_types,
    .resource_type_count = LOGS_RESOURCE_TYPES,
};
