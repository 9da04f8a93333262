/* service.c — X-Ray: traces of requests through services.
 *
 * Implemented: PutTraceSegments and the daemon's UDP protocol (daemon.c); trace summaries with
 * filter expressions, traces, graphs and time series, all computed from the documents when asked
 * for; groups, sampling rules with statistics and targets, encryption setting, resource policies,
 * tags. Traces are kept for 30 days.
 *
 * Not there: insights, Transaction Search (segment destinations, indexing rules, retrieval of
 * spans) answer 501; summaries have no root causes; telemetry of daemons is taken and not kept;
 * forecasts of time series are left out; documents are not encrypted at rest.
 *
 * Model: models/xray.model
 */
#include "service/xray/xray.h"

const struct xray_handlers xray_handlers = {
    .batch_get_traces = xray_batch_get_traces,
    .create_group = xray_create_group,
    .create_sampling_rule = xray_create_sampling_rule,
    .delete_group = xray_delete_group,
    .delete_resource_policy = xray_delete_resource_policy,
    .delete_sampling_rule = xray_delete_sampling_rule,
    .get_encryption_config = xray_get_encryption_config,
    .get_group = xray_get_group,
    .get_groups = xray_get_groups,
    .get_sampling_rules = xray_get_sampling_rules,
    .get_sampling_statistic_summaries = xray_get_sampling_statistic_summaries,
    .get_sampling_targets = xray_get_sampling_targets,
    .get_service_graph = xray_get_service_graph,
    .get_time_series_service_statistics = xray_get_time_series_service_statistics,
    .get_trace_graph = xray_get_trace_graph,
    .get_trace_summaries = xray_get_trace_summaries,
    .list_resource_policies = xray_list_resource_policies,
    .list_tags_for_resource = xray_list_tags_for_resource,
    .put_encryption_config = xray_put_encryption_config,
    .put_resource_policy = xray_put_resource_policy,
    .put_telemetry_records = xray_put_telemetry_records,
    .put_trace_segments = xray_put_trace_segments,
    .tag_resource = xray_tag_resource,
    .untag_resource = xray_untag_resource,
    .update_group = xray_update_group,
    .update_sampling_rule = xray_update_sampling_rule,
};

/* AWS: "Actions, resources, and condition keys for AWS X-Ray": what names a group or rule is about
 * it, everything else about "*". */
static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    const struct str *names = in; /* the name, then the ARN */
    size_t op = (size_t)(call->operation - xray_operations);
    bool is_group =
        op == XRAY_OP_DELETE_GROUP || op == XRAY_OP_GET_GROUP || op == XRAY_OP_UPDATE_GROUP;
    bool is_rule = op == XRAY_OP_DELETE_SAMPLING_RULE;
    if ((is_group || is_rule) && names[1].ptr)
        out->resource = names[1];
    else if ((is_group || is_rule) && names[0].ptr)
        out->resource =
            is_rule ? call_arn(call, "xray", false, "sampling-rule/" STR_FMT, STR_ARG(names[0]))
                    : call_arn(call, "xray", false, "group/" STR_FMT "/*", STR_ARG(names[0]));
    if (op == XRAY_OP_LIST_TAGS_FOR_RESOURCE || op == XRAY_OP_TAG_RESOURCE ||
        op == XRAY_OP_UNTAG_RESOURCE)
        out->resource = names[0];
    return STATUS_DONE;
}

const struct service xray_service = {
    .model = &xray_model,
    .handlers = &xray_handlers,
    .migrations = &xray_migrations,
    .authorize = authorize,
    .validation_error = &XRAY_INVALID_REQUEST_EXCEPTION,
    .resource_types = xray_resource_types,
    .resource_type_count = 3,
};
