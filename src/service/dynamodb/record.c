/* record.c — settings that are kept and shown: contributor insights, Kinesis destinations.
 *
 * DEVIATION: contributor insights makes no CloudWatch rules, and records do not go to Kinesis
 * streams: both are state that the API answers from.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    PAGE_TABLES = 100, /* tables looked at for a page of ListContributorInsights */
};

/* --- contributor insights: detail.Insights {index name or "": {Mode, At}} --- */

static enum status check_index(struct call *call, const struct ddb_table *table, struct str name)
{
    if (!name.ptr || ddb_table_index(table, name))
        return STATUS_DONE;
    return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                     "Requested resource not found: Table: " STR_FMT " Index: " STR_FMT
                     " not found",
                     STR_ARG(table->name), STR_ARG(name));
}

static struct str insights_key(struct str index_name)
{
    return index_name.ptr ? index_name : STR("");
}

enum status
dynamodb_update_contributor_insights(struct call *call,
                                     const struct dynamodb_update_contributor_insights_in *in,
                                     struct dynamodb_update_contributor_insights_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status == STATUS_DONE)
        status = check_index(call, table, in->index_name);
    if (status != STATUS_DONE)
        return status;
    struct json *insights = ddb_detail_object(call->arena, table->detail, STR("Insights"));
    bool is_enabled = str_eq_cstr(in->contributor_insights_action, "ENABLE");
    struct str mode = str_or(in->contributor_insights_mode, STR("ACCESSED_AND_THROTTLED_KEYS"));
    if (is_enabled) {
        struct json *own = ddb_detail_object(call->arena, insights, insights_key(in->index_name));
        ddb_detail_set_str(call->arena, own, "Mode", mode);
        ddb_detail_set_i64(call->arena, own, "At", call->now_ms);
    } else {
        (void)json_remove(insights, insights_key(in->index_name));
    }
    out->table_name = table->name;
    out->index_name = in->index_name;
    out->contributor_insights_status = is_enabled ? STR("ENABLING") : STR("DISABLING");
    if (is_enabled)
        out->contributor_insights_mode = mode;
    return ddb_table_save(call, table);
}

/* AWS: names of the CloudWatch rules: PKC is the partition key, SKC both keys; C consumed, T
 * throttled. */
static void describe_rules(struct call *call, const struct ddb_table *table, struct str index_name,
                           struct str mode, int64_t at_ms,
                           struct dynamodb_contributor_insights_rule_list *out)
{
    static const char *const kinds[] = {"PKC", "PKT", "SKC", "SKT"};
    const struct ddb_index *index = index_name.ptr ? ddb_table_index(table, index_name) : NULL;
    bool has_range = (index ? index->keys.range_count : table->keys.range_count) > 0;
    bool is_throttled_only = str_eq_cstr(mode, "THROTTLED_KEYS");
    out->items = arena_alloc_array(call->arena, ARRAY_LEN(kinds), sizeof(*out->items));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bool is_range = kinds[i][0] == 'S';
        bool is_consumed = kinds[i][2] == 'C';
        if ((is_range && !has_range) || (is_consumed && is_throttled_only))
            continue;
        out->items[out->count++] = str_format(
            call->arena, "DynamoDBContributorInsights-%s-" STR_FMT "%s" STR_FMT "-%lld", kinds[i],
            STR_ARG(table->name), index_name.ptr ? "-" : "", STR_ARG(index_name), (long long)at_ms);
    }
}

enum status
dynamodb_describe_contributor_insights(struct call *call,
                                       const struct dynamodb_describe_contributor_insights_in *in,
                                       struct dynamodb_describe_contributor_insights_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status == STATUS_DONE)
        status = check_index(call, table, in->index_name);
    if (status != STATUS_DONE)
        return status;
    const struct json *own =
        json_find(json_find_cstr(table->detail, "Insights"), insights_key(in->index_name));
    out->table_name = table->name;
    out->index_name = in->index_name;
    out->contributor_insights_status = own ? STR("ENABLED") : STR("DISABLED");
    if (!own)
        return STATUS_DONE;
    int64_t at_ms = ddb_detail_i64(own, "At", 0);
    out->last_update_date_time = opt_i64(at_ms);
    out->contributor_insights_mode = json_find_str(own, "Mode");
    describe_rules(call, table, in->index_name, json_find_str(own, "Mode"), at_ms,
                   &out->contributor_insights_rule_list);
    return STATUS_DONE;
}

static enum status list_table(struct call *call, struct scope scope, struct str name,
                              struct vec *out)
{
    struct ddb_table *table = NULL;
    int rc = ddb_table_find_in(call, scope, name, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    const struct json *insights = rc == 1 ? json_find_cstr(table->detail, "Insights") : NULL;
    for (const struct json *one = insights ? insights->first : NULL; one; one = one->next) {
        struct dynamodb_contributor_insights_summary *summary = vec_push(out);
        summary->table_name = table->name;
        if (one->key.len > 0)
            summary->index_name = one->key;
        summary->contributor_insights_status = STR("ENABLED");
        summary->contributor_insights_mode = json_find_str(one, "Mode");
    }
    return STATUS_DONE;
}

/* NextToken is the last table that was looked at. */
enum status
dynamodb_list_contributor_insights(struct call *call,
                                   const struct dynamodb_list_contributor_insights_in *in,
                                   struct dynamodb_list_contributor_insights_out *out)
{
    struct vec found;
    struct str names[PAGE_TABLES];
    vec_init(&found, call->arena, sizeof(struct dynamodb_contributor_insights_summary));
    int64_t count = 1;
    enum status status = STATUS_DONE;
    if (in->table_name.ptr) {
        struct ddb_table *table = NULL;
        status = ddb_table_need(call, in->table_name, &table);
        names[0] = table ? table->name : STR("");
    } else {
        count = ddb_store_list_tables(call->db, call->arena, call->scope,
                                      str_or(in->next_token, STR("")), PAGE_TABLES, names);
    }
    if (count < 0)
        return call_fail_internal(call, (int)count, "dynamodb: list tables");
    for (int64_t i = 0; i < count && status == STATUS_DONE; i++)
        status = list_table(call, call->scope, names[i], &found);
    if (count == PAGE_TABLES)
        out->next_token = names[PAGE_TABLES - 1];
    out->contributor_insights_summaries.items = found.items;
    out->contributor_insights_summaries.count = found.count;
    out->contributor_insights_summaries.is_set = true;
    return status;
}

/* --- Kinesis destinations: detail.Kinesis {stream ARN: {Status, Precision}} --- */

enum status dynamodb_describe_kinesis_streaming_destination(
    struct call *call, const struct dynamodb_describe_kinesis_streaming_destination_in *in,
    struct dynamodb_describe_kinesis_streaming_destination_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = ddb_table_need(call, in->table_name, &table);
    if (status != STATUS_DONE)
        return status;
    const struct json *all = json_find_cstr(table->detail, "Kinesis");
    size_t count = all ? all->count : 0;
    out->table_name = table->name;
    out->kinesis_data_stream_destinations.items = arena_alloc_array(
        call->arena, count + 1, sizeof(*out->kinesis_data_stream_destinations.items));
    out->kinesis_data_stream_destinations.is_set = true;
    for (const struct json *one = all ? all->first : NULL; one; one = one->next) {
        struct dynamodb_kinesis_data_stream_destination *shown =
            &out->kinesis_data_stream_destinations
                 .items[out->kinesis_data_stream_destinations.count++];
        shown->stream_arn = one->key;
        shown->destination_status = json_find_str(one, "Status");
        shown->approximate_creation_date_time_precision = json_find_str(one, "Precision");
    }
    return STATUS_DONE;
}

static enum status find_destination(struct call *call, struct str table_name, struct str arn,
                                    struct ddb_table **out_table, struct json **out_own)
{
    enum status status = ddb_table_need(call, table_name, out_table);
    if (status != STATUS_DONE)
        return status;
    *out_own = json_find(json_find_cstr((*out_table)->detail, "Kinesis"), arn);
    return STATUS_DONE;
}

enum status dynamodb_enable_kinesis_streaming_destination(
    struct call *call, const struct dynamodb_enable_kinesis_streaming_destination_in *in,
    struct dynamodb_enable_kinesis_streaming_destination_out *out)
{
    struct ddb_table *table = NULL;
    struct json *own = NULL;
    enum status status = find_destination(call, in->table_name, in->stream_arn, &table, &own);
    if (status != STATUS_DONE)
        return status;
    if (own && str_eq_cstr(json_find_str(own, "Status"), "ACTIVE"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Table is not in a valid state to enable Kinesis Streaming "
                         "Destination: KinesisStreamingDestination must be DISABLED or "
                         "ENABLE_FAILED to perform ENABLE operation.");
    struct json *all = ddb_detail_object(call->arena, table->detail, STR("Kinesis"));
    own = ddb_detail_object(call->arena, all, in->stream_arn);
    ddb_detail_set_str(call->arena, own, "Status", STR("ACTIVE"));
    const struct dynamodb_enable_kinesis_streaming_configuration *wanted =
        in->enable_kinesis_streaming_configuration;
    if (wanted && wanted->approximate_creation_date_time_precision.ptr)
        ddb_detail_set_str(call->arena, own, "Precision",
                           wanted->approximate_creation_date_time_precision);
    out->table_name = table->name;
    out->stream_arn = in->stream_arn;
    out->destination_status = STR("ENABLING");
    out->enable_kinesis_streaming_configuration = in->enable_kinesis_streaming_configuration;
    return ddb_table_save(call, table);
}

enum status dynamodb_disable_kinesis_streaming_destination(
    struct call *call, const struct dynamodb_disable_kinesis_streaming_destination_in *in,
    struct dynamodb_disable_kinesis_streaming_destination_out *out)
{
    struct ddb_table *table = NULL;
    struct json *own = NULL;
    enum status status = find_destination(call, in->table_name, in->stream_arn, &table, &own);
    if (status != STATUS_DONE)
        return status;
    if (!own || !str_eq_cstr(json_find_str(own, "Status"), "ACTIVE"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Table is not in a valid state to disable Kinesis Streaming "
                         "Destination: KinesisStreamingDestination must be ACTIVE to perform "
                         "DISABLE operation.");
    ddb_detail_set_str(call->arena, own, "Status", STR("DISABLED"));
    out->table_name = table->name;
    out->stream_arn = in->stream_arn;
    out->destination_status = STR("DISABLING");
    return ddb_table_save(call, table);
}

enum status dynamodb_update_kinesis_streaming_destination(
    struct call *call, const struct dynamodb_update_kinesis_streaming_destination_in *in,
    struct dynamodb_update_kinesis_streaming_destination_out *out)
{
    struct ddb_table *table = NULL;
    struct json *own = NULL;
    enum status status = find_destination(call, in->table_name, in->stream_arn, &table, &own);
    if (status != STATUS_DONE)
        return status;
    if (!own || !str_eq_cstr(json_find_str(own, "Status"), "ACTIVE"))
        return call_fail(call, &ERROR_VALIDATION,
                         "Table is not in a valid state to update Kinesis Streaming "
                         "Destination: KinesisStreamingDestination must be ACTIVE to perform "
                         "UPDATE operation.");
    const struct dynamodb_update_kinesis_streaming_configuration *wanted =
        in->update_kinesis_streaming_configuration;
    if (wanted && wanted->approximate_creation_date_time_precision.ptr)
        ddb_detail_set_str(call->arena, own, "Precision",
                           wanted->approximate_creation_date_time_precision);
    out->table_name = table->name;
    out->stream_arn = in->stream_arn;
    out->destination_status = STR("UPDATING");
    out->update_kinesis_streaming_configuration = in->update_kinesis_streaming_configuration;
    return ddb_table_save(call, table);
}
