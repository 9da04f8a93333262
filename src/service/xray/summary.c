/* summary.c — traces as lists and as documents: GetTraceSummaries, BatchGetTraces.
 *
 * A summary is computed from the trace's documents when it is asked for; a filter expression is
 * asked about the same tree. One call looks at no more than SCAN_MAX traces: then it answers what
 * it has found, and where to go on.
 *
 * Docs: X-Ray API reference, TraceSummary. HasFault and the like speak of the root segment.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/xray/root_cause.h"
#include "syntax/json.h"

enum {
    SCAN_MAX = 1000,
    BATCH_MAX = 5, /* AWS: trace ids of one BatchGetTraces */
};

static struct xray_service_names names_of(struct arena *arena, struct str name)
{
    struct xray_service_names names = {.count = 1, .is_set = true};
    names.items = arena_alloc(arena, sizeof(struct str));
    names.items[0] = name;
    return names;
}

static struct xray_service_id service_id(struct call *call, const struct xray_actor *actor)
{
    return (struct xray_service_id){
        .name = actor->name,
        .names = names_of(call->arena, actor->name),
        .account_id = actor->is_inferred ? (struct str){0} : call->scope.account,
        .type = actor->type,
    };
}

static bool is_actor(const struct xray_node *node)
{
    return !node->is_subsegment || node->is_call;
}

static struct xray_service_ids one_service(struct call *call, const struct xray_node *node)
{
    struct xray_service_ids ids = {0};
    const struct xray_node *owner = node->segment ? node->segment : node;
    ids.items = arena_alloc(call->arena, sizeof(*ids.items));
    ids.items[ids.count++] = service_id(call, &owner->callee);
    return ids;
}

static struct xray_service_ids all_services(struct call *call, const struct xray_tree *tree)
{
    struct xray_service_ids ids = {.is_set = true};
    const struct xray_actor **seen =
        arena_alloc_array(call->arena, tree->count + 1, sizeof(const struct xray_actor *));
    ids.items = arena_alloc_array(call->arena, tree->count + 1, sizeof(*ids.items));
    for (size_t i = 0; i < tree->count; i++) {
        bool is_new = is_actor(&tree->nodes[i]);
        for (size_t s = 0; s < ids.count && is_new; s++)
            is_new = !xray_same_actor(seen[s], &tree->nodes[i].callee);
        if (!is_new)
            continue;
        seen[ids.count] = &tree->nodes[i].callee;
        ids.items[ids.count++] = service_id(call, &tree->nodes[i].callee);
    }
    return ids;
}

static struct xray_annotation_value *annotation_value(struct call *call, const struct json *member,
                                                      const struct json *annotations)
{
    struct xray_annotation_value *value = arena_alloc(call->arena, sizeof(*value));
    *value = (struct xray_annotation_value){0};
    if (member->kind == JSON_STRING)
        value->string_value = member->text;
    else if (member->kind == JSON_TRUE || member->kind == JSON_FALSE)
        value->boolean_value = opt_bool(member->kind == JSON_TRUE);
    else if (member->kind == JSON_NUMBER)
        value->number_value = xray_number(annotations, str_to_cstr(call->arena, member->key));
    else
        return NULL;
    return value;
}

static void add_annotation(struct call *call, struct xray_annotations *map, struct str key,
                           const struct xray_value_with_service_ids *value)
{
    struct xray_annotations_entry *entry = NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (str_eq(map->items[i].key, key))
            entry = &map->items[i];
    }
    if (!entry) {
        entry = &map->items[map->count++];
        *entry = (struct xray_annotations_entry){.key = key, .value = {.is_set = true}};
    }
    struct xray_value_with_service_ids *items =
        arena_alloc_array(call->arena, entry->value.count + 1, sizeof(*items));
    for (size_t i = 0; i < entry->value.count; i++)
        items[i] = entry->value.items[i];
    items[entry->value.count++] = *value;
    entry->value.items = items;
}

static void add_annotations(struct call *call, const struct xray_tree *tree,
                            struct xray_annotations *out)
{
    size_t most = 1;
    for (size_t i = 0; i < tree->count; i++) {
        const struct json *annotations = json_find_cstr(tree->nodes[i].document, "annotations");
        most += json_is_object(annotations) ? annotations->count : 0;
    }
    out->is_set = true;
    out->items = arena_alloc_array(call->arena, most, sizeof(*out->items));
    for (size_t i = 0; i < tree->count; i++) {
        const struct json *annotations = json_find_cstr(tree->nodes[i].document, "annotations");
        for (const struct json *member = json_is_object(annotations) ? annotations->first : NULL;
             member; member = member->next) {
            const struct xray_value_with_service_ids value = {
                .annotation_value = annotation_value(call, member, annotations),
                .service_ids = one_service(call, &tree->nodes[i]),
            };
            if (value.annotation_value)
                add_annotation(call, out, member->key, &value);
        }
    }
}

/* Users, instances, zones and resources that the trace names. */
static void add_names(struct call *call, const struct xray_tree *tree,
                      struct xray_trace_summary *out)
{
    size_t most = tree->count + 1;
    out->users.items = arena_alloc_array(call->arena, most, sizeof(*out->users.items));
    out->instance_ids.items =
        arena_alloc_array(call->arena, most, sizeof(*out->instance_ids.items));
    out->availability_zones.items =
        arena_alloc_array(call->arena, most, sizeof(*out->availability_zones.items));
    out->resource_arns.items =
        arena_alloc_array(call->arena, most, sizeof(*out->resource_arns.items));
    out->users.is_set = true;
    out->instance_ids.is_set = true;
    out->availability_zones.is_set = true;
    out->resource_arns.is_set = true;
    for (size_t i = 0; i < tree->count; i++) {
        const struct xray_node *node = &tree->nodes[i];
        const struct json *aws = json_find_cstr(node->document, "aws");
        const struct json *ec2 = json_find_cstr(aws, "ec2");
        struct str user = json_find_str(node->document, "user");
        struct str instance = json_find_str(ec2, "instance_id");
        struct str zone = json_find_str(ec2, "availability_zone");
        struct str arn = str_or(json_find_str(node->document, "resource_arn"),
                                json_find_str(aws, "resource_arn"));
        if (user.ptr)
            out->users.items[out->users.count++] =
                (struct xray_trace_user){.user_name = user, .service_ids = one_service(call, node)};
        if (instance.ptr)
            out->instance_ids.items[out->instance_ids.count++].id = instance;
        if (zone.ptr)
            out->availability_zones.items[out->availability_zones.count++].name = zone;
        if (arn.ptr)
            out->resource_arns.items[out->resource_arns.count++].arn = arn;
    }
}

static void add_root(struct call *call, const struct xray_node *root,
                     struct xray_trace_summary *out)
{
    struct xray_http *http = arena_alloc(call->arena, sizeof(*http));
    *http = (struct xray_http){
        .http_url = root->url,
        .http_method = root->method,
        .user_agent = root->user_agent,
        .client_ip = root->client_ip,
    };
    if (root->status.is_set)
        http->http_status = opt_i32((int32_t)root->status.value);
    out->http = http;
    out->has_fault = opt_bool(root->has_fault);
    out->has_error = opt_bool(root->has_error);
    out->has_throttle = opt_bool(root->has_throttle);
    if (!root->is_in_progress)
        out->response_time = (struct opt_f64){.is_set = true, .value = root->end_s - root->start_s};
    out->entry_point = arena_alloc(call->arena, sizeof(*out->entry_point));
    *out->entry_point = service_id(call, &root->callee);
}

static struct xray_trace_summary summarize(struct call *call, const struct xray_loaded *trace,
                                           bool is_by_event)
{
    const struct xray_tree *tree = trace->tree;
    struct xray_trace_summary summary = {
        .id = tree->id,
        .start_time = opt_i64((int64_t)(tree->start_s * 1000)),
        .duration = {.is_set = true, .value = tree->end_s - tree->start_s},
        .has_fault = opt_bool(false),
        .has_error = opt_bool(false),
        .has_throttle = opt_bool(false),
        .is_partial = opt_bool(tree->is_partial),
        .service_ids = all_services(call, tree),
        .revision = opt_i32((int32_t)trace->revision),
    };
    if (is_by_event)
        summary.matched_event_time = summary.start_time;
    if (tree->root)
        add_root(call, tree->root, &summary);
    add_annotations(call, tree, &summary.annotations);
    add_names(call, tree, &summary);
    xray_add_root_causes(call, tree, &summary);
    return summary;
}

/* "TIME.ID" */
static enum status read_position(struct call *call, struct str token,
                                 struct xray_trace_query *query)
{
    struct str text = {0};
    struct str time = {0};
    enum status status = xray_read_token(call, token, &text);
    if (status != STATUS_DONE || text.len == 0)
        return status;
    if (!str_split_next(&text, '.', &time) || !text.ptr || str_to_i64(time, &query->after_ms) < 0)
        return xray_invalid(call, "Invalid NextToken");
    query->after_id = text;
    return STATUS_DONE;
}

enum status xray_get_trace_summaries(struct call *call,
                                     const struct xray_get_trace_summaries_in *in,
                                     struct xray_get_trace_summaries_out *out)
{
    struct xray_expression *filter = NULL;
    bool is_by_event = in->time_range_type.ptr && !str_eq_cstr(in->time_range_type, "TraceId");
    struct xray_trace_query query = {
        .scope = call->scope,
        .is_by_id_time = !is_by_event,
        .from_ms = in->start_time.value,
        .to_ms = in->end_time.value,
        .after_ms = in->start_time.value - 1,
        .limit = XRAY_PAGE,
    };
    if (query.from_ms > query.to_ms)
        return xray_invalid(call, "StartTime must be before EndTime");
    enum status status = xray_compile(call, str_or(in->filter_expression, STR("")), &filter);
    if (status == STATUS_DONE)
        status = read_position(call, in->next_token, &query);
    if (status != STATUS_DONE)
        return status;
    out->trace_summaries.is_set = true;
    out->trace_summaries.items =
        arena_alloc_array(call->arena, 2 * XRAY_PAGE, sizeof(*out->trace_summaries.items));
    int64_t scanned = 0;
    size_t count = XRAY_PAGE;
    while (count == XRAY_PAGE && scanned < SCAN_MAX && out->trace_summaries.count < XRAY_PAGE) {
        struct xray_loaded *traces = NULL;
        int rc = xray_load_traces(call, &query, &traces, &count);
        if (rc < 0)
            return call_fail_internal(call, rc, "xray: list traces");
        for (size_t i = 0; i < count; i++) {
            query.after_ms = traces[i].at_ms;
            query.after_id = traces[i].tree->id;
            if (xray_expression_takes(filter, traces[i].tree))
                out->trace_summaries.items[out->trace_summaries.count++] =
                    summarize(call, &traces[i], is_by_event);
        }
        scanned += (int64_t)count;
    }
    out->approximate_time = opt_i64(call->now_ms);
    out->traces_processed_count = opt_i64(scanned);
    if (count == XRAY_PAGE)
        out->next_token =
            xray_token(call, str_format(call->arena, "%lld." STR_FMT, (long long)query.after_ms,
                                        STR_ARG(query.after_id)));
    return STATUS_DONE;
}

/* --- documents --- */

static struct xray_trace document_of(struct call *call, const struct xray_loaded *loaded)
{
    struct xray_trace trace = {
        .id = loaded->tree->id,
        .duration = {.is_set = true, .value = loaded->tree->end_s - loaded->tree->start_s},
        .limit_exceeded = opt_bool(false),
        .segments = {.is_set = true},
    };
    trace.segments.items =
        arena_alloc_array(call->arena, loaded->segment_count, sizeof(*trace.segments.items));
    for (size_t i = 0; i < loaded->segment_count; i++)
        trace.segments.items[trace.segments.count++] = (struct xray_segment){
            .id = loaded->segments[i].segment_id, .document = loaded->segments[i].document};
    return trace;
}

enum status xray_batch_get_traces(struct call *call, const struct xray_batch_get_traces_in *in,
                                  struct xray_batch_get_traces_out *out)
{
    size_t count = in->trace_ids.count;
    if (count > BATCH_MAX)
        return xray_invalid(call, "Too many trace ids: at most %d", BATCH_MAX);
    out->traces.is_set = true;
    out->unprocessed_trace_ids.is_set = true;
    out->traces.items = arena_alloc_array(call->arena, count + 1, sizeof(*out->traces.items));
    for (size_t i = 0; i < count; i++) {
        struct xray_loaded loaded = {0};
        int rc = xray_load_trace(call, in->trace_ids.items[i], &loaded);
        if (rc < 0)
            return call_fail_internal(call, rc, "xray: find a trace");
        if (rc == 1)
            out->traces.items[out->traces.count++] = document_of(call, &loaded);
    }
    return STATUS_DONE;
}
