/* graph.c — traces as services that call each other: GetTraceGraph, GetServiceGraph,
 * GetTimeSeriesServiceStatistics.
 *
 * A service is a node, whoever calls it an edge to it; clients of the first segment are a node of
 * type "client". Statistics are those of the segments of a service, or of the calls to it when it
 * sent none.
 *
 * Docs: X-Ray API reference, Service, Edge.
 */
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/xray/xray.h"

enum {
    GRAPH_RANGE_MAX_MS = 6 * 60 * 60 * 1000, /* AWS: GetServiceGraph, up to six hours */
    SERIES_BUCKETS_MAX = 5000,
    GRAPH_TRACES_MAX = 20000,
};

/* Counts and times of a service or an edge. */
struct tally {
    int64_t ok;
    int64_t throttles;
    int64_t errors; /* throttles included */
    int64_t faults;
    int64_t total;
    double seconds;
    double first_s;
    double last_s;
    struct vec times; /* double */
};

struct vertex {
    struct xray_actor actor;
    bool is_client;
    bool is_root;
    struct tally tally;
};

struct link {
    size_t from;
    size_t to;
    struct tally tally;
};

struct graph {
    struct arena *arena;
    struct vec vertices; /* struct vertex */
    struct vec links;    /* struct link */
};

static void count_node(struct arena *arena, struct tally *tally, const struct xray_node *node)
{
    double seconds = node->end_s - node->start_s;
    if (tally->total == 0) {
        vec_init(&tally->times, arena, sizeof(double));
        tally->first_s = node->start_s;
        tally->last_s = node->end_s;
    }
    tally->first_s = fmin(tally->first_s, node->start_s);
    tally->last_s = fmax(tally->last_s, node->end_s);
    tally->total++;
    if (node->has_fault)
        tally->faults++;
    else if (node->has_error)
        tally->errors++;
    else
        tally->ok++;
    tally->throttles += node->has_throttle;
    tally->seconds += seconds;
    *(double *)vec_push(&tally->times) = seconds;
}

static size_t find_vertex(struct graph *graph, const struct xray_actor *actor, bool is_client)
{
    for (size_t i = 0; i < graph->vertices.count; i++) {
        const struct vertex *vertex = vec_at(&graph->vertices, i);
        if (vertex->is_client == is_client && xray_same_actor(&vertex->actor, actor))
            return i;
    }
    struct vertex *vertex = vec_push(&graph->vertices);
    *vertex = (struct vertex){.actor = *actor, .is_client = is_client};
    return graph->vertices.count - 1;
}

static struct link *find_link(struct graph *graph, size_t from, size_t to)
{
    for (size_t i = 0; i < graph->links.count; i++) {
        struct link *link = vec_at(&graph->links, i);
        if (link->from == from && link->to == to)
            return link;
    }
    struct link *link = vec_push(&graph->links);
    *link = (struct link){.from = from, .to = to};
    return link;
}

static void add_node(struct graph *graph, const struct xray_tree *tree,
                     const struct xray_node *node)
{
    size_t to = find_vertex(graph, &node->callee, false);
    struct vertex *vertex = vec_at(&graph->vertices, to);
    const struct xray_node *caller = node->is_call  ? node->segment
                                     : node->parent ? node->parent->segment
                                                    : NULL;
    count_node(graph->arena, &vertex->tally, node);
    vertex->is_root |= node == tree->root;
    if (caller && caller != node) {
        size_t from = find_vertex(graph, &caller->callee, false);
        /* The caller's side of the call, where it told of it. */
        count_node(graph->arena, &find_link(graph, from, to)->tally,
                   node->is_call ? node : node->parent);
    } else if (node == tree->root && node->url.ptr) {
        size_t from = find_vertex(graph, &node->callee, true);
        count_node(graph->arena, &((struct vertex *)vec_at(&graph->vertices, from))->tally, node);
        count_node(graph->arena, &find_link(graph, from, to)->tally, node);
    }
}

static void graph_init(struct graph *graph, struct arena *arena)
{
    *graph = (struct graph){.arena = arena};
    vec_init(&graph->vertices, arena, sizeof(struct vertex));
    vec_init(&graph->links, arena, sizeof(struct link));
}

static void add_tree(struct graph *graph, const struct xray_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (!tree->nodes[i].is_subsegment || tree->nodes[i].is_call)
            add_node(graph, tree, &tree->nodes[i]);
    }
}

/* --- answers --- */

static int compare_times(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Times to the millisecond, and how often each came. */
static struct xray_histogram histogram_of(struct arena *arena, const struct tally *tally)
{
    struct xray_histogram histogram = {.is_set = true};
    double *times = arena_alloc_array(arena, tally->times.count + 1, sizeof(*times));
    for (size_t i = 0; i < tally->times.count; i++)
        times[i] = round(*(const double *)vec_at(&tally->times, i) * 1000) / 1000;
    qsort(times, tally->times.count, sizeof(*times), compare_times);
    histogram.items = arena_alloc_array(arena, tally->times.count + 1, sizeof(*histogram.items));
    for (size_t i = 0; i < tally->times.count; i++) {
        struct xray_histogram_entry *last =
            histogram.count > 0 ? &histogram.items[histogram.count - 1] : NULL;
        if (last && compare_times(&last->value.value, &times[i]) == 0)
            last->count.value++;
        else
            histogram.items[histogram.count++] = (struct xray_histogram_entry){
                .value = {.is_set = true, .value = times[i]}, .count = opt_i32(1)};
    }
    return histogram;
}

static struct xray_error_statistics *error_statistics(struct arena *arena,
                                                      const struct tally *tally)
{
    struct xray_error_statistics *out = arena_alloc(arena, sizeof(*out));
    *out = (struct xray_error_statistics){
        .throttle_count = opt_i64(tally->throttles),
        .other_count =
            opt_i64(tally->errors > tally->throttles ? tally->errors - tally->throttles : 0),
        .total_count = opt_i64(tally->errors),
    };
    return out;
}

static struct xray_fault_statistics *fault_statistics(struct arena *arena,
                                                      const struct tally *tally)
{
    struct xray_fault_statistics *out = arena_alloc(arena, sizeof(*out));
    *out = (struct xray_fault_statistics){.other_count = opt_i64(tally->faults),
                                          .total_count = opt_i64(tally->faults)};
    return out;
}

static struct xray_edge_statistics *edge_statistics(struct arena *arena, const struct tally *tally)
{
    struct xray_edge_statistics *out = arena_alloc(arena, sizeof(*out));
    *out = (struct xray_edge_statistics){
        .ok_count = opt_i64(tally->ok),
        .error_statistics = error_statistics(arena, tally),
        .fault_statistics = fault_statistics(arena, tally),
        .total_count = opt_i64(tally->total),
        .total_response_time = {.is_set = true, .value = tally->seconds},
    };
    return out;
}

static struct xray_service_statistics *service_statistics(struct arena *arena,
                                                          const struct tally *tally)
{
    struct xray_service_statistics *out = arena_alloc(arena, sizeof(*out));
    *out = (struct xray_service_statistics){
        .ok_count = opt_i64(tally->ok),
        .error_statistics = error_statistics(arena, tally),
        .fault_statistics = fault_statistics(arena, tally),
        .total_count = opt_i64(tally->total),
        .total_response_time = {.is_set = true, .value = tally->seconds},
    };
    return out;
}

static void fill_edges(const struct graph *graph, size_t from, struct xray_edge_list *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(graph->arena, graph->links.count + 1, sizeof(*out->items));
    for (size_t i = 0; i < graph->links.count; i++) {
        const struct link *link = vec_at(&graph->links, i);
        if (link->from == from)
            out->items[out->count++] = (struct xray_edge){
                .reference_id = opt_i32((int32_t)link->to),
                .start_time = opt_i64((int64_t)(link->tally.first_s * 1000)),
                .end_time = opt_i64((int64_t)(link->tally.last_s * 1000)),
                .summary_statistics = edge_statistics(graph->arena, &link->tally),
                .response_time_histogram = histogram_of(graph->arena, &link->tally),
                .aliases = {.is_set = true},
            };
    }
}

static void fill_services(struct call *call, const struct graph *graph,
                          struct xray_service_list *out)
{
    struct arena *arena = graph->arena;
    out->is_set = true;
    out->items = arena_alloc_array(arena, graph->vertices.count + 1, sizeof(*out->items));
    for (size_t i = 0; i < graph->vertices.count; i++) {
        const struct vertex *vertex = vec_at(&graph->vertices, i);
        struct xray_service *service = &out->items[out->count++];
        *service = (struct xray_service){
            .reference_id = opt_i32((int32_t)i),
            .name = vertex->actor.name,
            .names = {.count = 1, .is_set = true},
            .type = vertex->is_client ? STR("client") : vertex->actor.type,
            .state = STR("active"),
            .start_time = opt_i64((int64_t)(vertex->tally.first_s * 1000)),
            .end_time = opt_i64((int64_t)(vertex->tally.last_s * 1000)),
            .summary_statistics = service_statistics(arena, &vertex->tally),
            .duration_histogram = histogram_of(arena, &vertex->tally),
            .response_time_histogram = histogram_of(arena, &vertex->tally),
        };
        service->names.items = arena_alloc(arena, sizeof(struct str));
        service->names.items[0] = vertex->actor.name;
        if (vertex->is_root)
            service->root = opt_bool(true);
        if (!vertex->actor.is_inferred && !vertex->is_client)
            service->account_id = call->scope.account;
        fill_edges(graph, i, &service->edges);
    }
}

/* --- operations --- */

enum status xray_get_trace_graph(struct call *call, const struct xray_get_trace_graph_in *in,
                                 struct xray_get_trace_graph_out *out)
{
    struct graph graph;
    graph_init(&graph, call->arena);
    for (size_t i = 0; i < in->trace_ids.count; i++) {
        struct xray_loaded loaded = {0};
        int rc = xray_load_trace(call, in->trace_ids.items[i], &loaded);
        if (rc < 0)
            return call_fail_internal(call, rc, "xray: find a trace");
        if (rc == 1)
            add_tree(&graph, loaded.tree);
    }
    fill_services(call, &graph, &out->services);
    return STATUS_DONE;
}

typedef void take_tree_fn(void *context, const struct xray_tree *tree);

/* Gives every trace of the range that the filter takes to `take`. */
static enum status for_each(struct call *call, int64_t from_ms, int64_t to_ms,
                            const struct xray_expression *filter, take_tree_fn *take, void *context)
{
    struct xray_trace_query query = {
        .scope = call->scope,
        .from_ms = from_ms,
        .to_ms = to_ms,
        .after_ms = from_ms - 1,
        .limit = XRAY_PAGE,
    };
    size_t count = XRAY_PAGE;
    for (size_t total = 0; count == XRAY_PAGE && total < GRAPH_TRACES_MAX; total += count) {
        struct xray_loaded *traces = NULL;
        int rc = xray_load_traces(call, &query, &traces, &count);
        if (rc < 0)
            return call_fail_internal(call, rc, "xray: list traces");
        for (size_t i = 0; i < count; i++) {
            query.after_ms = traces[i].at_ms;
            query.after_id = traces[i].tree->id;
            if (xray_expression_takes(filter, traces[i].tree))
                take(context, traces[i].tree);
        }
    }
    return STATUS_DONE;
}

static void take_for_graph(void *context, const struct xray_tree *tree)
{
    add_tree(context, tree);
}

static enum status check_range(struct call *call, int64_t from_ms, int64_t to_ms)
{
    if (from_ms > to_ms)
        return xray_invalid(call, "StartTime must be before EndTime");
    if (to_ms - from_ms > GRAPH_RANGE_MAX_MS)
        return xray_invalid(call, "Time range cannot be longer than 6 hours");
    return STATUS_DONE;
}

enum status xray_get_service_graph(struct call *call, const struct xray_get_service_graph_in *in,
                                   struct xray_get_service_graph_out *out)
{
    struct xray_expression *filter = NULL;
    struct graph graph;
    graph_init(&graph, call->arena);
    enum status status = check_range(call, in->start_time.value, in->end_time.value);
    if (status == STATUS_DONE)
        status = xray_group_filter(call, in->group_name, in->group_arn, &filter);
    if (status == STATUS_DONE)
        status = for_each(call, in->start_time.value, in->end_time.value, filter, take_for_graph,
                          &graph);
    if (status != STATUS_DONE)
        return status;
    out->start_time = in->start_time;
    out->end_time = in->end_time;
    out->contains_old_group_versions = opt_bool(false);
    fill_services(call, &graph, &out->services);
    return STATUS_DONE;
}

/* --- time series --- */

struct series {
    struct arena *arena;
    const struct xray_expression *selector; /* NULL: the entry points */
    int64_t from_ms;
    int64_t period_ms;
    size_t bucket_count;
    struct tally *buckets;
};

static void take_for_series(void *context, const struct xray_tree *tree)
{
    struct series *series = context;
    for (size_t i = 0; i < tree->count; i++) {
        const struct xray_node *node = &tree->nodes[i];
        bool is_meant = series->selector ? xray_expression_selects(series->selector, tree, node)
                                         : node == tree->root;
        int64_t index = ((int64_t)(node->start_s * 1000) - series->from_ms) / series->period_ms;
        if (is_meant && index >= 0 && (size_t)index < series->bucket_count)
            count_node(series->arena, &series->buckets[index], node);
    }
}

static enum status read_selector(struct call *call, struct str text,
                                 struct xray_expression **out_selector)
{
    *out_selector = NULL;
    if (text.len == 0)
        return STATUS_DONE;
    enum status status = xray_compile(call, text, out_selector);
    if (status == STATUS_DONE && !xray_expression_is_edge(*out_selector) &&
        !xray_expression_is_service(*out_selector))
        return xray_invalid(call, "EntitySelectorExpression must be service(...) or edge(...)");
    return status;
}

static void fill_series(const struct series *series, bool is_edge,
                        struct xray_time_series_service_statistics_list *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(series->arena, series->bucket_count + 1, sizeof(*out->items));
    for (size_t i = 0; i < series->bucket_count; i++) {
        const struct tally *tally = &series->buckets[i];
        if (tally->total == 0)
            continue;
        struct xray_time_series_service_statistics *item = &out->items[out->count++];
        *item = (struct xray_time_series_service_statistics){
            .timestamp = opt_i64(series->from_ms + (int64_t)i * series->period_ms),
            .response_time_histogram = histogram_of(series->arena, tally),
        };
        if (is_edge)
            item->edge_summary_statistics = edge_statistics(series->arena, tally);
        else
            item->service_summary_statistics = service_statistics(series->arena, tally);
    }
}

enum status
xray_get_time_series_service_statistics(struct call *call,
                                        const struct xray_get_time_series_service_statistics_in *in,
                                        struct xray_get_time_series_service_statistics_out *out)
{
    struct xray_expression *filter = NULL;
    struct xray_expression *selector = NULL;
    int64_t period_ms = (int64_t)opt_i32_or(in->period, 60) * 1000;
    enum status status = check_range(call, in->start_time.value, in->end_time.value);
    if (status != STATUS_DONE)
        return status;
    /* AWS: "The data should be aggregated in one- or five-minute intervals". */
    if (period_ms != 60 * 1000 && period_ms != 300 * 1000)
        return xray_invalid(call, "Period must be 60 or 300");
    status = xray_group_filter(call, in->group_name, in->group_arn, &filter);
    if (status == STATUS_DONE)
        status = read_selector(call, in->entity_selector_expression, &selector);
    if (status != STATUS_DONE)
        return status;
    int64_t from_ms = in->start_time.value / period_ms * period_ms;
    struct series series = {
        .arena = call->arena,
        .selector = selector,
        .from_ms = from_ms,
        .period_ms = period_ms,
        .bucket_count = (size_t)((in->end_time.value - from_ms) / period_ms + 1),
    };
    CHECK(series.bucket_count <= SERIES_BUCKETS_MAX);
    series.buckets = arena_alloc_array(call->arena, series.bucket_count, sizeof(*series.buckets));
    status =
        for_each(call, in->start_time.value, in->end_time.value, filter, take_for_series, &series);
    if (status != STATUS_DONE)
        return status;
    out->contains_old_group_versions = opt_bool(false);
    fill_series(&series, selector && xray_expression_is_edge(selector),
                &out->time_series_service_statistics);
    return STATUS_DONE;
}
