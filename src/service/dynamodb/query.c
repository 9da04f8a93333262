/* query.c — Query and Scan.
 *
 * Both read a range of rows (page.c): a query the rows of one hash in the order of their ranges, a
 * scan everything, or a segment's share, in the order of the keys' buckets (item.h).
 *
 * OBSERVED: texts and the order of checks as recorded by the tests of dynalite.
 * Docs: DynamoDB API reference, Query and Scan.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/item.h"

/* What Query and Scan have in common. */
struct read_request {
    struct str table_name;
    struct str index_name;
    struct str select;
    const struct dynamodb_attribute_name_list *attributes_to_get;
    struct opt_i32 limit;
    bool is_consistent;
    const struct dynamodb_filter_condition_map *legacy_filter;
    struct str conditional_operator;
    const struct dynamodb_key *start;
    struct str return_consumed_capacity;
    struct str projection;
    struct str filter;
    const struct dynamodb_expression_attribute_name_map *names;
    const struct dynamodb_expression_attribute_value_map *values;
    bool is_query;
    /* Query only: */
    struct str key_condition;
    const struct dynamodb_key_conditions *legacy_key_conditions;
};

struct read_state {
    struct call *call;
    const struct read_request *request;
    struct ddb_page_request page;
    struct ddb_key_conditions keys;
    struct ddb_node *filter;
    struct ddb_value start;
    struct str message;
};

static int refuse(struct read_state *state, struct str text)
{
    state->message = text;
    return -EINVAL;
}

/* ---- before the table is known ---- */

static int check_together(struct read_state *state)
{
    static const char *const users[] = {"FilterExpression", "KeyConditionExpression"};
    const struct read_request *request = state->request;
    const struct ddb_parameters parameters = {
        .projection = request->projection,
        .filter = request->filter,
        .key_condition = request->key_condition,
        .has_attributes_to_get = request->attributes_to_get->is_set,
        .has_query_filter = request->is_query && request->legacy_filter->is_set,
        .has_scan_filter = !request->is_query && request->legacy_filter->is_set,
        .has_conditional_operator = str_is_set(request->conditional_operator),
        .has_key_conditions = request->is_query && request->legacy_key_conditions->is_set,
        .names = request->names,
        .values = request->values,
        .value_users = users,
        .value_user_count = request->is_query ? 2 : 1,
    };
    return ddb_check_parameters(state->call->arena, &parameters, &state->message);
}

static int read_start(struct read_state *state)
{
    const struct dynamodb_key *start = state->request->start;
    struct str message = {0};
    if (!start->is_set || ddb_item_from_api(state->call->arena, start->items, start->count,
                                            &state->start, &message) == 0)
        return 0;
    return refuse(state,
                  str_format(state->call->arena, "The provided starting key is invalid: " STR_FMT,
                             STR_ARG(message)));
}

static int read_expressions(struct read_state *state)
{
    const struct read_request *request = state->request;
    struct ddb_expressions expressions;
    struct ddb_node *key_node = NULL;
    int rc =
        ddb_expressions_init(&expressions, state->call->arena, request->names, request->values);
    if (rc == 0 && str_is_set(request->key_condition))
        rc = ddb_parse_condition(&expressions, "KeyConditionExpression", request->key_condition,
                                 &key_node);
    if (rc == 0 && str_is_set(request->filter))
        rc = ddb_parse_condition(&expressions, "FilterExpression", request->filter, &state->filter);
    if (rc == 0 && str_is_set(request->projection)) {
        state->page.has_paths = true;
        rc = ddb_parse_projection(&expressions, request->projection, &state->page.paths);
    }
    if (rc == 0)
        rc = ddb_expressions_finish(&expressions);
    if (rc < 0)
        return refuse(state, expressions.message);
    if (!key_node)
        return 0;
    return ddb_key_conditions_read(state->call->arena, key_node, &state->keys, &state->message);
}

static int read_legacy(struct read_state *state)
{
    const struct read_request *request = state->request;
    struct arena *arena = state->call->arena;
    int rc = ddb_filter_condition(arena, request->legacy_filter, request->conditional_operator,
                                  &state->filter, &state->message);
    if (rc == 0 && request->attributes_to_get->is_set) {
        state->page.has_paths = true;
        rc = ddb_legacy_paths(arena, request->attributes_to_get, &state->page.paths,
                              &state->message);
    }
    return rc;
}

static int read_key_conditions(struct read_state *state)
{
    const struct read_request *request = state->request;
    if (!request->is_query || str_is_set(request->key_condition))
        return 0;
    if (!request->legacy_key_conditions->is_set)
        return refuse(state, STR("Either the KeyConditions or KeyConditionExpression parameter "
                                 "must be specified in the request."));
    return ddb_key_conditions_read_legacy(state->call->arena, request->legacy_key_conditions,
                                          &state->keys, &state->message);
}

/* AWS: API reference, Select: what goes with what. */
static int check_select(struct read_state *state)
{
    const struct read_request *request = state->request;
    const struct str select = request->select;
    const bool has_legacy = request->attributes_to_get->is_set;
    const bool has_projection = str_is_set(request->projection);
    if (!str_is_set(select))
        return 0;
    state->page.is_count = str_eq_cstr(select, "COUNT");
    if (str_eq_cstr(select, "SPECIFIC_ATTRIBUTES")) {
        if (has_legacy || has_projection)
            return 0;
        return refuse(state, STR("One or more parameter values were invalid: Must specify the "
                                 "AttributesToGet or ProjectionExpression when choosing to get "
                                 "SPECIFIC_ATTRIBUTES"));
    }
    if (has_legacy || has_projection) {
        const struct str wanted = state->page.is_count ? STR("only the Count") : select;
        return refuse(state,
                      str_format(state->call->arena,
                                 "One or more parameter values were invalid: Cannot specify the %s "
                                 "when choosing to get " STR_FMT,
                                 has_legacy ? "AttributesToGet" : "ProjectionExpression",
                                 STR_ARG(wanted)));
    }
    if (str_eq_cstr(select, "ALL_PROJECTED_ATTRIBUTES") && !str_is_set(request->index_name))
        return refuse(state, STR("One or more parameter values were invalid: "
                                 "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an "
                                 "IndexName"));
    return 0;
}

static int check_request(struct read_state *state)
{
    int rc = check_together(state);
    if (rc == 0)
        rc = read_legacy(state);
    if (rc == 0)
        rc = read_start(state);
    if (rc == 0)
        rc = read_expressions(state);
    if (rc == 0)
        rc = read_key_conditions(state);
    return rc < 0 ? rc : check_select(state);
}

/* ---- with the table ---- */

static int find_index(struct read_state *state)
{
    const struct read_request *request = state->request;
    struct arena *arena = state->call->arena;
    if (!str_is_set(request->index_name))
        return 0;
    const struct ddb_index *index = ddb_table_index(state->page.table, request->index_name);
    if (!index || index->status == DDB_DELETING)
        return refuse(state,
                      str_format(arena, "The table does not have the specified index: " STR_FMT,
                                 STR_ARG(request->index_name)));
    if (!index->is_local && request->is_consistent)
        return refuse(state, STR("Consistent reads are not supported on global secondary indexes"));
    if (index->status == DDB_CREATING)
        return refuse(state,
                      str_format(arena,
                                 "Cannot read from backfilling global secondary index: " STR_FMT,
                                 STR_ARG(index->name)));
    state->page.index = index;
    return 0;
}

struct missing {
    const struct ddb_table *table;
    const struct ddb_index *index;
    struct vec steps;
};

static bool note_missing(const struct ddb_path *path, void *context)
{
    struct missing *missing = context;
    const struct str name = path->steps[0].name;
    if (ddb_is_projected(missing->table, missing->index, name))
        return false;
    for (size_t i = 0; i < missing->steps.count; i++)
        if (str_eq(((const struct ddb_step *)vec_at(&missing->steps, i))->name, name))
            return false;
    ((struct ddb_step *)vec_push(&missing->steps))->name = name;
    return false;
}

struct str ddb_unprojected(struct arena *arena, const struct ddb_table *table,
                           const struct ddb_index *index, const struct ddb_node *node,
                           const struct ddb_paths *paths)
{
    struct missing missing = {.table = table, .index = index};
    vec_init(&missing.steps, arena, sizeof(struct ddb_step));
    for (size_t i = 0; paths && i < paths->count; i++)
        (void)note_missing(&paths->items[i], &missing);
    if (node)
        (void)ddb_node_any_path(node, note_missing, &missing);
    const struct ddb_path path = {.steps = missing.steps.items, .count = missing.steps.count};
    return path.count > 0 ? ddb_path_text(arena, &path) : (struct str){0};
}

/* Attributes that an index does not hold: read from the table for a local index, refused for a
 * global one. */
static int check_projection(struct read_state *state)
{
    const struct ddb_index *index = state->page.index;
    struct arena *arena = state->call->arena;
    if (!index)
        return 0;
    const struct str selected = ddb_unprojected(arena, state->page.table, index, NULL,
                                                state->page.has_paths ? &state->page.paths : NULL);
    const struct str filtered =
        ddb_unprojected(arena, state->page.table, index, state->filter, NULL);
    const bool wants_all = str_eq_cstr(state->request->select, "ALL_ATTRIBUTES") &&
                           index->projection != DDB_PROJECT_ALL;
    state->page.range.is_joined = index->projection == DDB_PROJECT_ALL || wants_all ||
                                  str_is_set(selected) || str_is_set(filtered);
    if (index->is_local)
        return 0;
    if (wants_all)
        return refuse(state, str_format(arena,
                                        "One or more parameter values were invalid: Select type "
                                        "ALL_ATTRIBUTES is not supported for global secondary "
                                        "index " STR_FMT " because its projection type is not ALL",
                                        STR_ARG(index->name)));
    if (str_is_set(selected))
        return refuse(state, str_format(arena,
                                        "One or more parameter values were invalid: Global "
                                        "secondary index " STR_FMT " does not project " STR_FMT,
                                        STR_ARG(index->name), STR_ARG(selected)));
    if (str_is_set(filtered))
        return refuse(state, str_format(arena,
                                        "One or more parameter values were invalid: Global "
                                        "secondary index " STR_FMT
                                        " does not project one or more filter attributes: " STR_FMT,
                                        STR_ARG(index->name), STR_ARG(filtered)));
    return 0;
}

struct key_use {
    const struct ddb_key_schema *keys;
    struct str name;
};

static bool uses_key(const struct ddb_path *path, void *context)
{
    struct key_use *use = context;
    if (!ddb_is_key_attribute(use->keys, path->steps[0].name))
        return false;
    use->name = path->steps[0].name;
    return true;
}

/* AWS: "A FilterExpression does not allow key attributes" in a query. */
static int check_filter(struct read_state *state)
{
    struct key_use use = {.keys = state->page.index ? &state->page.index->keys
                                                    : &state->page.table->keys};
    if (!state->request->is_query || !state->filter ||
        !ddb_node_any_path(state->filter, uses_key, &use))
        return 0;
    return refuse(
        state, str_format(state->call->arena,
                          "%s can only contain non-primary key attributes: Primary key "
                          "attribute: " STR_FMT,
                          str_is_set(state->request->filter) ? "Filter Expression" : "QueryFilter",
                          STR_ARG(use.name)));
}

static int check_with_table(struct read_state *state)
{
    struct ddb_page_request *page = &state->page;
    struct arena *arena = state->call->arena;
    int rc = find_index(state);
    const struct ddb_key_schema *keys = page->index ? &page->index->keys : &page->table->keys;
    page->range.table_key = page->table->table_key;
    page->range.index_key = page->index ? page->index->index_key : 0;
    if (rc == 0 && state->request->is_query)
        rc = ddb_key_conditions_apply(arena, keys, &state->keys, &page->range, &state->message);
    if (rc == 0 && state->request->start->is_set)
        rc = ddb_page_start(arena, page, &state->start, &state->message);
    if (rc == 0)
        rc = check_filter(state);
    return rc < 0 ? rc : check_projection(state);
}

/* ---- answers ---- */

struct read_answer {
    struct dynamodb_item_list *items;
    struct opt_i32 *count;
    struct opt_i32 *scanned_count;
    struct dynamodb_key *last_key;
    struct dynamodb_consumed_capacity **capacity;
};

static void write_items(struct arena *arena, const struct ddb_page *page,
                        struct dynamodb_item_list *out)
{
    out->items = arena_alloc_array(arena, page->count, sizeof(*out->items));
    out->count = page->count;
    out->is_set = true;
    for (size_t i = 0; i < page->count; i++) {
        out->items[i].items = ddb_item_to_api(arena, &page->items[i]);
        out->items[i].count = page->items[i].count;
    }
}

static enum status write_answer(struct read_state *state, const struct ddb_page *page,
                                const struct read_answer *answer)
{
    struct arena *arena = state->call->arena;
    const enum ddb_metering metering = ddb_metering(state->request->return_consumed_capacity);
    if (!state->page.is_count)
        write_items(arena, page, answer->items);
    *answer->count = opt_i32((int32_t)page->count);
    *answer->scanned_count = opt_i32((int32_t)page->scanned_count);
    if (page->has_more) {
        answer->last_key->items = ddb_item_to_api(arena, &page->last_key);
        answer->last_key->count = page->last_key.count;
    }
    if (metering == DDB_METER_NONE && !ddb_is_throttled(state->call))
        return STATUS_DONE;
    struct ddb_meters meters = {.arena = arena};
    struct ddb_meter *meter = ddb_meter_for(&meters, state->page.table);
    meter->read_units = page->table_units;
    if (state->page.index)
        meter->index_read_units[state->page.index - state->page.table->indexes] = page->index_units;
    *answer->capacity = ddb_meter_report(arena, meter, metering, false);
    return ddb_throttle(state->call, &meters);
}

static enum status read_it(struct read_state *state, const struct read_answer *answer)
{
    struct call *call = state->call;
    struct ddb_table *table = NULL;
    struct ddb_page page = {0};
    int rc = check_request(state);
    if (rc < 0)
        return ddb_fail(call, rc, state->message);
    enum status status = ddb_table_use(call, state->request->table_name, &table);
    if (status != STATUS_DONE)
        return status;
    state->page.table = table;
    state->page.limit = opt_i32_or(state->request->limit, 0);
    state->page.is_consistent = state->request->is_consistent;
    rc = check_with_table(state);
    state->page.filter = state->filter;
    if (rc == 0)
        rc = ddb_read_page(call, &state->page, &page);
    if (rc < 0)
        return ddb_fail(call, rc, state->message);
    return write_answer(state, &page, answer);
}

enum status dynamodb_query(struct call *call, const struct dynamodb_query_in *in,
                           struct dynamodb_query_out *out)
{
    const struct read_request request = {
        .table_name = in->table_name,
        .index_name = in->index_name,
        .select = in->select,
        .attributes_to_get = &in->attributes_to_get,
        .limit = in->limit,
        .is_consistent = opt_bool_or(in->consistent_read, false),
        .legacy_filter = &in->query_filter,
        .conditional_operator = in->conditional_operator,
        .start = &in->exclusive_start_key,
        .return_consumed_capacity = in->return_consumed_capacity,
        .projection = in->projection_expression,
        .filter = in->filter_expression,
        .names = &in->expression_attribute_names,
        .values = &in->expression_attribute_values,
        .is_query = true,
        .key_condition = in->key_condition_expression,
        .legacy_key_conditions = &in->key_conditions,
    };
    struct read_state state = {.call = call, .request = &request};
    const struct read_answer answer = {
        .items = &out->items,
        .count = &out->count,
        .scanned_count = &out->scanned_count,
        .last_key = &out->last_evaluated_key,
        .capacity = &out->consumed_capacity,
    };
    state.page.range.is_backward = !opt_bool_or(in->scan_index_forward, true);
    return read_it(&state, &answer);
}

/* ---- segments ---- */

/* The first hash of a segment: its bucket. */
static struct str segment_start(struct arena *arena, int64_t segment, int64_t total)
{
    const int64_t bucket = (DDB_BUCKETS * segment + total - 1) / total;
    if (bucket >= DDB_BUCKETS)
        return (struct str){0};
    const char bytes[DDB_BUCKET_BYTES] = {(char)(bucket >> 8), (char)(bucket & 0xFF)};
    return str_copy(arena, str_of(bytes, sizeof(bytes)));
}

static enum status check_segments(struct call *call, const struct dynamodb_scan_in *in)
{
    if (in->segment.is_set && !in->total_segments.is_set)
        return ddb_refuse(call, "The TotalSegments parameter is required but was not present in "
                                "the request when Segment parameter is present");
    if (in->total_segments.is_set && !in->segment.is_set)
        return ddb_refuse(call, "The Segment parameter is required but was not present in the "
                                "request when parameter TotalSegments is present");
    if (in->segment.is_set && in->segment.value >= in->total_segments.value)
        return ddb_refuse(call,
                          "The Segment parameter is zero-based and must be less than parameter "
                          "TotalSegments: Segment: %d is not less than TotalSegments: %d",
                          in->segment.value, in->total_segments.value);
    return STATUS_DONE;
}

enum status dynamodb_scan(struct call *call, const struct dynamodb_scan_in *in,
                          struct dynamodb_scan_out *out)
{
    static const struct dynamodb_key_conditions no_conditions = {0};
    const struct read_request request = {
        .table_name = in->table_name,
        .index_name = in->index_name,
        .select = in->select,
        .attributes_to_get = &in->attributes_to_get,
        .limit = in->limit,
        .is_consistent = opt_bool_or(in->consistent_read, false),
        .legacy_filter = &in->scan_filter,
        .conditional_operator = in->conditional_operator,
        .start = &in->exclusive_start_key,
        .return_consumed_capacity = in->return_consumed_capacity,
        .projection = in->projection_expression,
        .filter = in->filter_expression,
        .names = &in->expression_attribute_names,
        .values = &in->expression_attribute_values,
        .legacy_key_conditions = &no_conditions,
    };
    struct read_state state = {.call = call, .request = &request};
    const struct read_answer answer = {
        .items = &out->items,
        .count = &out->count,
        .scanned_count = &out->scanned_count,
        .last_key = &out->last_evaluated_key,
        .capacity = &out->consumed_capacity,
    };
    enum status status = check_segments(call, in);
    if (status != STATUS_DONE)
        return status;
    state.page.range.is_scan = true;
    if (in->segment.is_set) {
        const int64_t segment = in->segment.value;
        const int64_t total = in->total_segments.value;
        state.page.range.segment = in->segment.value;
        state.page.range.segment_count = in->total_segments.value;
        state.page.range.low = segment_start(call->arena, segment, total);
        state.page.range.high = segment_start(call->arena, segment + 1, total);
        /* More segments than buckets: those behind the last bucket are empty. */
        if (!str_is_set(state.page.range.low))
            state.page.range.low = state.page.range.high = STR("");
    }
    return read_it(&state, &answer);
}
