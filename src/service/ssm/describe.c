/* describe.c — DescribeParameters: everything about parameters but their values.
 *
 * Docs: API reference, DescribeParameters; Systems Manager user guide, "Searching for Systems
 * Manager parameters in Parameter Store", "Working with shared parameters in Parameter Store".
 */
#include "base/arena.h"
#include "service/ssm/ssm.h"

enum {
    DEFAULT_RESULTS = 10,
    SCAN_CHUNK = 50, /* rows read at a time: a filter may drop them */
};

static void show(struct call *call, const struct ssm_entry *entry,
                 struct ssm_parameter_metadata *out)
{
    *out = (struct ssm_parameter_metadata){
        .name = entry->name,
        .arn = entry->arn,
        .type = entry->type,
        .key_id = entry->key_id.len > 0 ? entry->key_id : (struct str){0},
        .last_modified_date = opt_i64(entry->modified_at_ms),
        .last_modified_user = entry->modified_by,
        .description = entry->description.len > 0 ? entry->description : (struct str){0},
        .allowed_pattern =
            entry->allowed_pattern.len > 0 ? entry->allowed_pattern : (struct str){0},
        .version = opt_i64(entry->version),
        .tier = entry->tier,
        .data_type = entry->data_type,
    };
    ssm_show_policies(call, entry, &out->policies);
}

/* The old member Filters: what begins with one of the values. */
static enum status read_old_filters(struct call *call, const struct ssm_describe_parameters_in *in,
                                    struct ssm_filters *out_filters)
{
    if (in->filters.count > 0 && in->parameter_filters.count > 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "You can use either Filters or ParameterFilters in a single request.");
    if (in->filters.count == 0)
        return ssm_read_filters(call, &in->parameter_filters, false, out_filters);
    out_filters->items =
        arena_alloc_array(call->arena, in->filters.count, sizeof(*out_filters->items));
    out_filters->count = in->filters.count;
    for (size_t i = 0; i < in->filters.count; i++) {
        const struct ssm_parameters_filter *from = &in->filters.items[i];
        out_filters->items[i] = (struct ssm_filter){
            .key = from->key,
            .option = str_eq_cstr(from->key, "Name") ? STR("BeginsWith") : STR("Equals"),
            .values = from->values.items,
            .value_count = from->values.count,
        };
    }
    return STATUS_DONE;
}

/* Whether the entry lies below one of the paths. */
static bool is_below(const struct ssm_filter *paths, const struct ssm_entry *entry)
{
    if (!paths)
        return true;
    for (size_t i = 0; i < paths->value_count; i++) {
        struct str path = paths->values[i];
        if (path.len > 0 && path.ptr[path.len - 1] == '/')
            path = str_slice(path, 0, path.len - 1);
        bool is_under = str_starts_with(entry->key, path) && entry->key.len > path.len &&
                        entry->key.ptr[path.len] == '/';
        if (is_under && str_eq_cstr(paths->option, "Recursive"))
            return true;
        if (is_under && str_eq(ssm_parent(entry->key), path))
            return true;
    }
    return false;
}

/* With one path, the query reads no more than what is below it. */
static struct ssm_range range_of(const struct ssm_filter *paths)
{
    struct ssm_range range = {.path = STR("")};
    if (!paths || paths->value_count != 1)
        return range;
    struct str path = paths->values[0];
    range.path = path.ptr[path.len - 1] == '/' ? str_slice(path, 0, path.len - 1) : path;
    range.is_direct = str_eq_cstr(paths->option, "OneLevel");
    return range;
}

static enum status collect(struct call *call, const struct ssm_filters *filters, struct str after,
                           size_t limit, struct ssm_describe_parameters_out *out)
{
    const struct ssm_filter *paths = ssm_find_filter(filters, "Path");
    struct ssm_range range = range_of(paths);
    struct ssm_entry *entries = arena_alloc_array(call->arena, SCAN_CHUNK, sizeof(*entries));
    struct str last = {0};
    int64_t count = SCAN_CHUNK;
    range.after = after;
    while (count == SCAN_CHUNK) {
        count = ssm_store_list(call->db, call->arena, call->scope, &range, SCAN_CHUNK, entries);
        if (count < 0)
            return call_fail_internal(call, (int)count, "ssm: list parameters");
        for (int64_t i = 0; i < count; i++) {
            range.after = entries[i].key;
            if (!is_below(paths, &entries[i]) || !ssm_matches(call, filters, &entries[i]))
                continue;
            if (out->parameters.count == limit) {
                out->next_token = ssm_token_write(call, last);
                return STATUS_DONE;
            }
            last = entries[i].key;
            show(call, &entries[i], &out->parameters.items[out->parameters.count++]);
        }
    }
    return STATUS_DONE;
}

/* 1: `row` shares its parameter with the caller, 0: it does not, or -errno. */
static int find_shared(struct call *call, const struct ssm_policy_row *row,
                       struct ssm_entry *out_entry)
{
    struct ssm_name name = {0};
    if (ssm_parse_name(call, row->arn, &name) != STATUS_DONE)
        return 0;
    const struct authorization what = {
        .action = STR("ssm:DescribeParameters"),
        .resource = row->arn,
        .resource_policy = row->policy,
        .resource_account = name.scope.account,
    };
    if (!call_is_allowed(call, &what))
        return 0;
    return ssm_find_current(call, &name, out_entry);
}

/* AWS: Shared lists "the parameters that are shared with you". */
static enum status collect_shared(struct call *call, const struct ssm_filters *filters,
                                  struct str after, size_t limit,
                                  struct ssm_describe_parameters_out *out)
{
    struct ssm_policy_row *rows = arena_alloc_array(call->arena, SCAN_CHUNK, sizeof(*rows));
    struct str last = {0};
    int64_t count = SCAN_CHUNK;
    while (count == SCAN_CHUNK) {
        count =
            ssm_store_list_policies(call->db, call->arena, call->scope, after, SCAN_CHUNK, rows);
        if (count < 0)
            return call_fail_internal(call, (int)count, "ssm: list shared parameters");
        for (int64_t i = 0; i < count; i++) {
            struct ssm_entry entry = {0};
            after = rows[i].arn;
            int found = find_shared(call, &rows[i], &entry);
            if (found < 0)
                return call_fail_internal(call, found, "ssm: find a shared parameter");
            if (found == 0 || !ssm_matches(call, filters, &entry))
                continue;
            if (out->parameters.count == limit) {
                out->next_token = ssm_token_write(call, last);
                return STATUS_DONE;
            }
            last = rows[i].arn;
            show(call, &entry, &out->parameters.items[out->parameters.count++]);
        }
    }
    return STATUS_DONE;
}

enum status ssm_describe_parameters(struct call *call, const struct ssm_describe_parameters_in *in,
                                    struct ssm_describe_parameters_out *out)
{
    struct ssm_filters filters = {0};
    struct str after = {0};
    enum status status = read_old_filters(call, in, &filters);
    if (status == STATUS_DONE)
        status = ssm_token_read(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    size_t limit = (size_t)opt_i32_or(in->max_results, DEFAULT_RESULTS);
    out->parameters.items = arena_alloc_array(call->arena, limit, sizeof(*out->parameters.items));
    out->parameters.is_set = true;
    return opt_bool_or(in->shared, false) ? collect_shared(call, &filters, after, limit, out)
                                          : collect(call, &filters, after, limit, out);
}
