/* metric.c — metric filters: Put, Describe, Delete and TestMetricFilter. A filter is a JSON object
 * in its row.
 *
 * DEVIATION: filters are kept, shown and tested; the values they would give are not published as
 * metrics, because CloudWatch is not there to take them.
 *
 * Docs: API reference of the four. The texts of the errors: OBSERVED (2026-02-05, recorded by
 * public test suites with boto3).
 */
#include "base/arena.h"
#include "base/buf.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/logs.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 50,
    MAX_FILTERS = 100, /* AWS: metric filters of a group */
    MAX_VALUES = 50,
    SCAN_CHUNK = 100,
};

#define KIND STR("metric")

static void set_text(struct arena *arena, struct json *object, const char *key, struct str value)
{
    if (value.len > 0)
        json_append_member(object, str_from_cstr(key), json_new_string(arena, value));
}

static struct json *write_transformation(struct arena *arena,
                                         const struct logs_metric_transformation *from)
{
    struct json *to = json_new(arena, JSON_OBJECT);
    set_text(arena, to, "metricName", from->metric_name);
    set_text(arena, to, "metricNamespace", from->metric_namespace);
    set_text(arena, to, "metricValue", from->metric_value);
    set_text(arena, to, "unit", from->unit);
    if (from->default_value.is_set) {
        struct buf number;
        struct json_writer writer;
        buf_init(&number, arena, 64);
        json_writer_init(&writer, &number);
        json_f64(&writer, from->default_value.value);
        struct json *value = json_new(arena, JSON_NUMBER);
        value->text = buf_str(&number);
        json_append_member(to, STR("defaultValue"), value);
    }
    struct json *dimensions = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < from->dimensions.count; i++)
        json_set(dimensions, from->dimensions.items[i].key,
                 json_new_string(arena, from->dimensions.items[i].value));
    if (dimensions->count > 0)
        json_append_member(to, STR("dimensions"), dimensions);
    return to;
}

static double number_of(const struct json *value)
{
    int64_t whole = 0;
    double scale = 1;
    double result = 0;
    bool is_negative = false;
    bool is_fraction = false;
    if (str_to_i64(value->text, &whole) == 0)
        return (double)whole;
    for (size_t i = 0; i < value->text.len; i++) {
        char c = value->text.ptr[i];
        is_negative |= c == '-' && i == 0;
        if (c == '.')
            is_fraction = true;
        if (c < '0' || c > '9')
            continue;
        result = result * 10 + (c - '0');
        scale *= is_fraction ? 10 : 1;
    }
    return (is_negative ? -result : result) / scale;
}

static void read_transformation(struct arena *arena, const struct json *from,
                                struct logs_metric_transformation *to)
{
    const struct json *number = json_find_cstr(from, "defaultValue");
    const struct json *dimensions = json_find_cstr(from, "dimensions");
    *to = (struct logs_metric_transformation){
        .metric_name = json_find_str(from, "metricName"),
        .metric_namespace = json_find_str(from, "metricNamespace"),
        .metric_value = json_find_str(from, "metricValue"),
        .unit = json_find_str(from, "unit"),
    };
    if (number)
        to->default_value = opt_f64(number_of(number));
    if (!dimensions)
        return;
    to->dimensions.items =
        arena_alloc_array(arena, dimensions->count, sizeof(*to->dimensions.items));
    for (const struct json *item = dimensions->first; item; item = item->next)
        to->dimensions.items[to->dimensions.count++] =
            (struct logs_dimensions_entry){.key = item->key, .value = item->text};
}

static enum status count_filters(struct call *call, struct str group, struct str kind,
                                 int64_t limit, int64_t *out_count)
{
    const struct log_item_list list = {.kind = kind, .owner = group};
    struct log_item *items = arena_alloc_array(call->arena, (size_t)limit, sizeof(*items));
    *out_count = logs_store_list_items(call->db, call->arena, call->scope, &list, limit, items);
    return *out_count < 0 ? call_fail_internal(call, (int)*out_count, "logs: count filters")
                          : STATUS_DONE;
}

enum status logs_put_metric_filter(struct call *call, const struct logs_put_metric_filter_in *in,
                                   struct logs_put_metric_filter_out *out)
{
    (void)out;
    struct log_group group = {0};
    struct filter_pattern *pattern = NULL;
    struct log_item existing = {0};
    int64_t count = 0;
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE)
        status = logs_check_filter(call, in->filter_pattern, &pattern);
    if (status == STATUS_DONE)
        status = count_filters(call, in->log_group_name, KIND, MAX_FILTERS, &count);
    if (status != STATUS_DONE)
        return status;
    int found = logs_store_find_item(call->db, call->arena, call->scope, KIND, in->log_group_name,
                                     in->filter_name, &existing);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a filter");
    if (found == 0 && count >= MAX_FILTERS)
        return call_fail(call, &LOGS_LIMIT_EXCEEDED_EXCEPTION, "Resource limit exceeded.");
    const struct logs_metric_transformation *transformation = &in->metric_transformations.items[0];
    /* AWS: "You can't specify a defaultValue if you specify dimensions" (PutMetricFilter). */
    if (transformation->default_value.is_set && transformation->dimensions.count > 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Invalid metric transformation: dimensions and default value are "
                         "mutually exclusive properties.");
    struct json *value = json_new(call->arena, JSON_OBJECT);
    json_append_member(value, STR("pattern"), json_new_string(call->arena, in->filter_pattern));
    json_append_member(value, STR("transformation"),
                       write_transformation(call->arena, transformation));
    const struct log_item item = {
        .kind = KIND,
        .owner = in->log_group_name,
        .name = in->filter_name,
        .created_at_ms = call->now_ms,
        .value = json_to_str(call->arena, value),
    };
    int rc = logs_store_put_item(call->db, call->scope, &item);
    return rc < 0 ? call_fail_internal(call, rc, "logs: put a filter") : STATUS_DONE;
}

static void show(struct call *call, const struct log_item *item, struct logs_metric_filter *out)
{
    struct json *value = NULL;
    *out = (struct logs_metric_filter){
        .filter_name = item->name,
        .log_group_name = item->owner,
        .creation_time = opt_i64(item->created_at_ms),
        .apply_on_transformed_logs = opt_bool(false),
    };
    if (json_parse(call->arena, item->value, 0, &value, NULL) < 0)
        return;
    out->filter_pattern = json_find_str(value, "pattern");
    out->metric_transformations.items =
        arena_alloc(call->arena, sizeof(*out->metric_transformations.items));
    out->metric_transformations.count = 1;
    read_transformation(call->arena, json_find_cstr(value, "transformation"),
                        &out->metric_transformations.items[0]);
}

/* A token is "GROUP NAME"; no group's name has a space. */
static enum status read_token(struct call *call, struct str token, struct log_item_list *list)
{
    struct str text = {0};
    enum status status = logs_token_read(call, token, &text);
    if (status != STATUS_DONE || text.len == 0)
        return status;
    (void)str_split_next(&text, ' ', &list->after_owner);
    list->after_name = str_or(text, STR(""));
    return STATUS_DONE;
}

static bool is_asked_for(const struct logs_describe_metric_filters_in *in,
                         const struct logs_metric_filter *filter)
{
    const struct logs_metric_transformation *made = &filter->metric_transformations.items[0];
    return in->metric_name.len == 0 || (str_eq(in->metric_name, made->metric_name) &&
                                        str_eq(in->metric_namespace, made->metric_namespace));
}

enum status logs_describe_metric_filters(struct call *call,
                                         const struct logs_describe_metric_filters_in *in,
                                         struct logs_describe_metric_filters_out *out)
{
    struct log_group group = {0};
    struct log_item_list list = {
        .kind = KIND, .owner = in->log_group_name, .prefix = in->filter_name_prefix};
    size_t limit = (size_t)opt_i32_or(in->limit, LIST_DEFAULT);
    struct log_item *items = arena_alloc_array(call->arena, SCAN_CHUNK, sizeof(*items));
    struct log_item last = {0};
    int64_t count = SCAN_CHUNK;
    enum status status = read_token(call, in->next_token, &list);
    if (status == STATUS_DONE && in->log_group_name.len > 0)
        status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE && (in->metric_name.len > 0) != (in->metric_namespace.len > 0))
        status = call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                           "If you include the metricName parameter in your request, you must "
                           "also include the metricNamespace parameter.");
    if (status != STATUS_DONE)
        return status;
    out->metric_filters.items =
        arena_alloc_array(call->arena, limit + 1, sizeof(*out->metric_filters.items));
    out->metric_filters.is_set = true;
    while (count == SCAN_CHUNK) {
        count = logs_store_list_items(call->db, call->arena, call->scope, &list, SCAN_CHUNK, items);
        if (count < 0)
            return call_fail_internal(call, (int)count, "logs: list filters");
        for (int64_t i = 0; i < count; i++) {
            struct logs_metric_filter *filter =
                &out->metric_filters.items[out->metric_filters.count];
            list.after_owner = items[i].owner;
            list.after_name = items[i].name;
            show(call, &items[i], filter);
            if (!is_asked_for(in, filter))
                continue;
            if (out->metric_filters.count == limit) {
                out->next_token = logs_token_write(
                    call, str_concat3(call->arena, last.owner, STR(" "), last.name));
                return STATUS_DONE;
            }
            last = items[i];
            out->metric_filters.count++;
        }
    }
    return STATUS_DONE;
}

enum status logs_delete_metric_filter(struct call *call,
                                      const struct logs_delete_metric_filter_in *in,
                                      struct logs_delete_metric_filter_out *out)
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
                         "The specified metric filter does not exist.");
    return STATUS_DONE;
}

enum status logs_test_metric_filter(struct call *call, const struct logs_test_metric_filter_in *in,
                                    struct logs_test_metric_filter_out *out)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct filter_pattern *pattern = NULL;
    enum status status = logs_check_filter(call, in->filter_pattern, &pattern);
    if (status != STATUS_DONE)
        return status;
    size_t count = in->log_event_messages.count;
    out->matches.items = arena_alloc_array(call->arena, count, sizeof(*out->matches.items));
    out->matches.is_set = true;
    for (size_t i = 0; i < count; i++) {
        struct str message = in->log_event_messages.items[i];
        struct filter_value values[MAX_VALUES];
        if (pattern && !filter_pattern_matches(pattern, scratch, message))
            continue;
        struct logs_metric_filter_match_record *match = &out->matches.items[out->matches.count++];
        match->event_number = opt_i64((int64_t)i + 1);
        match->event_message = message;
        size_t found =
            pattern ? filter_pattern_extract(pattern, call->arena, message, values, MAX_VALUES) : 0;
        match->extracted_values.items =
            arena_alloc_array(call->arena, found, sizeof(*match->extracted_values.items));
        match->extracted_values.is_set = true;
        for (size_t v = 0; v < found; v++)
            match->extracted_values.items[match->extracted_values.count++] =
                (struct logs_extracted_values_entry){.key = values[v].name,
                                                     .value = values[v].value};
    }
    return STATUS_DONE;
}
