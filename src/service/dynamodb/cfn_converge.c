/* cfn_converge.c — makes a table what a template says, one change at a time.
 *
 * Creating and updating end alike: look at the live table, do the first thing in which it differs,
 * come back when that is done. Each look is a run of its own (RESOURCE_IN_PROGRESS), since a table
 * takes no second change while it is UPDATING.
 *
 * DEVIATION: a template may add and remove several global indexes in one update; AWS fails it with
 * "Cannot perform more than one GSI creation or deletion in a single update".
 */
#include "base/arena.h"
#include "service/dynamodb/cfn.h"
#include "syntax/json.h"

enum {
    LOOK_MS = 10, /* a small table changes within milliseconds */
    PITR_DAYS_DEFAULT = 35,
};

/* One look at one table. */
struct look {
    struct resource_call *rc;
    struct str region;
    const struct json *properties;
    const struct json *old_properties; /* NULL: the table is new */
    const struct json *tags;
    struct dynamodb_table_description *table;
    struct dynamodb_create_table_in wanted;
};

enum resource_result ddb_cfn_again(struct resource_call *rc)
{
    rc->retry_at_ms = rc->call->now_ms + LOOK_MS;
    return RESOURCE_IN_PROGRESS;
}

enum resource_result ddb_cfn_invoke(struct resource_call *rc, struct str region,
                                    enum dynamodb_op op, const void *in, void *out,
                                    struct str *out_code)
{
    if (str_eq(region, rc->call->scope.region))
        return resource_invoke(rc, &dynamodb_model, &dynamodb_operations[op], in, out, out_code);
    const struct scope own = rc->call->scope;
    rc->call->scope.region = region;
    enum resource_result result =
        resource_invoke(rc, &dynamodb_model, &dynamodb_operations[op], in, out, out_code);
    rc->call->scope = own;
    return result;
}

enum resource_result ddb_cfn_describe(struct resource_call *rc, struct str region,
                                      struct dynamodb_table_description **out_table,
                                      struct str *out_code)
{
    const struct dynamodb_describe_table_in in = {.table_name = rc->physical_id};
    struct dynamodb_describe_table_out out = {0};
    enum resource_result result =
        ddb_cfn_invoke(rc, region, DYNAMODB_OP_DESCRIBE_TABLE, &in, &out, out_code);
    if (result == RESOURCE_DONE)
        *out_table = out.table;
    return result;
}

static enum resource_result call(struct look *look, enum dynamodb_op op, const void *in, void *out)
{
    enum resource_result result = ddb_cfn_invoke(look->rc, look->region, op, in, out, NULL);
    return result == RESOURCE_DONE ? ddb_cfn_again(look->rc) : result;
}

static enum resource_result update(struct look *look, struct dynamodb_update_table_in *in)
{
    struct dynamodb_update_table_out out = {0};
    in->table_name = look->rc->physical_id;
    return call(look, DYNAMODB_OP_UPDATE_TABLE, in, &out);
}

static bool is_settled(const struct dynamodb_table_description *table)
{
    bool is_active = str_eq_cstr(table->table_status, "ACTIVE");
    for (size_t i = 0; i < table->global_secondary_indexes.count; i++)
        is_active &= str_eq_cstr(table->global_secondary_indexes.items[i].index_status, "ACTIVE");
    return is_active;
}

/* Whether the template gave the property before or gives it now: what it never named is not its
 * own. */
static bool is_named(const struct look *look, const char *name)
{
    return json_find_cstr(look->properties, name) ||
           (look->old_properties && json_find_cstr(look->old_properties, name));
}

static bool has_changed(const struct look *look, const char *name)
{
    const struct json *now = json_find_cstr(look->properties, name);
    const struct json *before =
        look->old_properties ? json_find_cstr(look->old_properties, name) : NULL;
    if (!now || !before)
        return now != before;
    return !json_equal(now, before);
}

/* --- throughput --- */

static enum resource_result settle_billing(struct look *look)
{
    const struct dynamodb_table_description *table = look->table;
    bool is_on_demand = table->billing_mode_summary &&
                        str_eq_cstr(table->billing_mode_summary->billing_mode, "PAY_PER_REQUEST");
    bool wants_on_demand = str_eq_cstr(look->wanted.billing_mode, "PAY_PER_REQUEST");
    const struct dynamodb_provisioned_throughput *units = look->wanted.provisioned_throughput;
    bool differs = units && !wants_on_demand &&
                   (units->read_capacity_units.value !=
                        table->provisioned_throughput->read_capacity_units.value ||
                    units->write_capacity_units.value !=
                        table->provisioned_throughput->write_capacity_units.value);
    if (is_on_demand == wants_on_demand && !differs)
        return RESOURCE_DONE;
    struct dynamodb_update_table_in in = {
        .billing_mode = look->wanted.billing_mode,
        .provisioned_throughput = wants_on_demand ? NULL : look->wanted.provisioned_throughput,
    };
    return update(look, &in);
}

static bool same_units(const struct dynamodb_provisioned_throughput *wanted,
                       const struct dynamodb_provisioned_throughput_description *have)
{
    return !wanted || !have ||
           (wanted->read_capacity_units.value == have->read_capacity_units.value &&
            wanted->write_capacity_units.value == have->write_capacity_units.value);
}

/* --- indexes --- */

static bool same_keys(const struct dynamodb_key_schema *a, const struct dynamodb_key_schema *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; i < a->count && is_same; i++)
        is_same = str_eq(a->items[i].attribute_name, b->items[i].attribute_name) &&
                  str_eq(a->items[i].key_type, b->items[i].key_type);
    return is_same;
}

static bool has_name(const struct dynamodb_non_key_attribute_name_list *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_eq(names->items[i], name))
            return true;
    }
    return false;
}

static bool same_projection(const struct dynamodb_projection *a,
                            const struct dynamodb_projection *b)
{
    bool is_same = a && b && str_eq(a->projection_type, b->projection_type) &&
                   a->non_key_attributes.count == b->non_key_attributes.count;
    for (size_t i = 0; is_same && i < a->non_key_attributes.count; i++)
        is_same = has_name(&b->non_key_attributes, a->non_key_attributes.items[i]);
    return is_same;
}

static const struct dynamodb_global_secondary_index *wanted_index(const struct look *look,
                                                                  struct str name)
{
    for (size_t i = 0; i < look->wanted.global_secondary_indexes.count; i++) {
        if (str_eq(look->wanted.global_secondary_indexes.items[i].index_name, name))
            return &look->wanted.global_secondary_indexes.items[i];
    }
    return NULL;
}

static enum resource_result
change_index(struct look *look, const struct dynamodb_global_secondary_index_update *change)
{
    struct dynamodb_global_secondary_index_update *copy =
        arena_alloc(look->rc->call->arena, sizeof(*copy));
    *copy = *change;
    struct dynamodb_update_table_in in = {
        .global_secondary_index_updates = {.items = copy, .count = 1, .is_set = true},
    };
    if (change->create)
        in.attribute_definitions = look->wanted.attribute_definitions;
    return update(look, &in);
}

static enum resource_result drop_index(struct look *look, struct str name)
{
    struct dynamodb_delete_global_secondary_index_action action = {.index_name = name};
    const struct dynamodb_global_secondary_index_update change = {.delete = &action};
    return change_index(look, &change);
}

static enum resource_result add_index(struct look *look,
                                      const struct dynamodb_global_secondary_index *wanted)
{
    struct dynamodb_create_global_secondary_index_action action = {
        .index_name = wanted->index_name,
        .key_schema = wanted->key_schema,
        .projection = wanted->projection,
        .provisioned_throughput = wanted->provisioned_throughput,
        .on_demand_throughput = wanted->on_demand_throughput,
        .warm_throughput = wanted->warm_throughput,
    };
    const struct dynamodb_global_secondary_index_update change = {.create = &action};
    return change_index(look, &change);
}

static enum resource_result settle_indexes(struct look *look)
{
    for (size_t i = 0; i < look->table->global_secondary_indexes.count; i++) {
        const struct dynamodb_global_secondary_index_description *have =
            &look->table->global_secondary_indexes.items[i];
        const struct dynamodb_global_secondary_index *wanted = wanted_index(look, have->index_name);
        if (!wanted || !same_keys(&wanted->key_schema, &have->key_schema) ||
            !same_projection(wanted->projection, have->projection))
            return drop_index(look, have->index_name);
        if (same_units(wanted->provisioned_throughput, have->provisioned_throughput))
            continue;
        struct dynamodb_update_global_secondary_index_action action = {
            .index_name = wanted->index_name,
            .provisioned_throughput = wanted->provisioned_throughput,
        };
        const struct dynamodb_global_secondary_index_update change = {.update = &action};
        return change_index(look, &change);
    }
    for (size_t i = 0; i < look->wanted.global_secondary_indexes.count; i++) {
        const struct dynamodb_global_secondary_index *wanted =
            &look->wanted.global_secondary_indexes.items[i];
        bool is_there = false;
        for (size_t h = 0; h < look->table->global_secondary_indexes.count; h++)
            is_there |= str_eq(look->table->global_secondary_indexes.items[h].index_name,
                               wanted->index_name);
        if (!is_there)
            return add_index(look, wanted);
    }
    return RESOURCE_DONE;
}

/* --- settings of UpdateTable --- */

static enum resource_result settle_stream(struct look *look)
{
    const struct dynamodb_stream_specification *have = look->table->stream_specification;
    const struct dynamodb_stream_specification *wanted = look->wanted.stream_specification;
    if (!is_named(look, "StreamSpecification"))
        return RESOURCE_DONE;
    if (wanted && have && str_eq(wanted->stream_view_type, have->stream_view_type))
        return RESOURCE_DONE;
    if (!wanted && (!have || look->table->replicas.count > 0))
        return RESOURCE_DONE;
    /* A view is changed by a new stream. */
    struct dynamodb_stream_specification off = {.stream_enabled = opt_bool(false)};
    struct dynamodb_stream_specification on = wanted ? *wanted : off;
    struct dynamodb_update_table_in in = {.stream_specification = have ? &off : &on};
    return update(look, &in);
}

static enum resource_result settle_settings(struct look *look)
{
    const struct dynamodb_table_description *table = look->table;
    struct dynamodb_update_table_in in = {0};
    bool wants_protection = opt_bool_or(look->wanted.deletion_protection_enabled, false);
    bool differs = false;
    if (wants_protection != opt_bool_or(table->deletion_protection_enabled, false) &&
        is_named(look, "DeletionProtectionEnabled")) {
        in.deletion_protection_enabled = opt_bool(wants_protection);
        differs = true;
    }
    struct str wanted_class = str_or(look->wanted.table_class, STR("STANDARD"));
    struct str have_class =
        table->table_class_summary ? table->table_class_summary->table_class : STR("STANDARD");
    if (!str_eq(wanted_class, have_class) && is_named(look, "TableClass")) {
        in.table_class = wanted_class;
        differs = true;
    }
    if (!look->old_properties)
        return differs ? update(look, &in) : RESOURCE_DONE;
    struct json *done = look->rc->state;
    if (has_changed(look, "SSESpecification") && !json_find_cstr(done, "Settings")) {
        in.sse_specification = look->wanted.sse_specification;
        if (!in.sse_specification) {
            in.sse_specification =
                arena_alloc(look->rc->call->arena, sizeof(*in.sse_specification));
            in.sse_specification->enabled = opt_bool(false);
        }
        differs = true;
    }
    if (!json_find_cstr(done, "Settings")) {
        in.on_demand_throughput =
            has_changed(look, "OnDemandThroughput") ? look->wanted.on_demand_throughput : NULL;
        in.warm_throughput =
            has_changed(look, "WarmThroughput") ? look->wanted.warm_throughput : NULL;
        differs |= in.on_demand_throughput || in.warm_throughput;
    }
    if (!differs)
        return RESOURCE_DONE;
    ddb_detail_set_bool(look->rc->call->arena, done, "Settings", true);
    return update(look, &in);
}

/* --- settings of their own operations --- */

static enum resource_result settle_ttl(struct look *look)
{
    const struct json *wanted = json_find_cstr(look->properties, "TimeToLiveSpecification");
    if (!is_named(look, "TimeToLiveSpecification"))
        return RESOURCE_DONE;
    const struct dynamodb_describe_time_to_live_in describe = {.table_name = look->rc->physical_id};
    struct dynamodb_describe_time_to_live_out have = {0};
    enum resource_result result = ddb_cfn_invoke(
        look->rc, look->region, DYNAMODB_OP_DESCRIBE_TIME_TO_LIVE, &describe, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct str status = have.time_to_live_description->time_to_live_status;
    struct str name = have.time_to_live_description->attribute_name;
    struct str wanted_name = json_find_str(wanted, "AttributeName");
    bool is_wanted = wanted && opt_bool_or(resource_boolean(wanted, "Enabled"), false);
    if (str_eq_cstr(status, "ENABLING"))
        return ddb_cfn_again(look->rc);
    bool is_on = str_eq_cstr(status, "ENABLED");
    if (is_on == is_wanted && (!is_on || str_eq(name, wanted_name)))
        return RESOURCE_DONE;
    struct dynamodb_time_to_live_specification specification = {
        .enabled = opt_bool(!is_on),
        .attribute_name = is_on ? name : wanted_name,
    };
    const struct dynamodb_update_time_to_live_in in = {
        .table_name = look->rc->physical_id,
        .time_to_live_specification = &specification,
    };
    struct dynamodb_update_time_to_live_out out = {0};
    return call(look, DYNAMODB_OP_UPDATE_TIME_TO_LIVE, &in, &out);
}

static enum resource_result settle_recovery(struct look *look)
{
    const struct json *wanted =
        json_find_cstr(look->properties, "PointInTimeRecoverySpecification");
    if (!is_named(look, "PointInTimeRecoverySpecification"))
        return RESOURCE_DONE;
    const struct dynamodb_describe_continuous_backups_in describe = {
        .table_name = look->rc->physical_id,
    };
    struct dynamodb_describe_continuous_backups_out have = {0};
    enum resource_result result = ddb_cfn_invoke(
        look->rc, look->region, DYNAMODB_OP_DESCRIBE_CONTINUOUS_BACKUPS, &describe, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    const struct dynamodb_point_in_time_recovery_description *live =
        have.continuous_backups_description->point_in_time_recovery_description;
    bool is_on = str_eq_cstr(live->point_in_time_recovery_status, "ENABLED");
    bool is_wanted =
        wanted && opt_bool_or(resource_boolean(wanted, "PointInTimeRecoveryEnabled"), false);
    int32_t days =
        (int32_t)opt_i64_or(resource_integer(wanted, "RecoveryPeriodInDays"), PITR_DAYS_DEFAULT);
    if (is_on == is_wanted && (!is_on || days == opt_i32_or(live->recovery_period_in_days, days)))
        return RESOURCE_DONE;
    struct dynamodb_point_in_time_recovery_specification specification = {
        .point_in_time_recovery_enabled = opt_bool(is_wanted),
    };
    if (is_wanted)
        specification.recovery_period_in_days = opt_i32(days);
    const struct dynamodb_update_continuous_backups_in in = {
        .table_name = look->rc->physical_id,
        .point_in_time_recovery_specification = &specification,
    };
    struct dynamodb_update_continuous_backups_out out = {0};
    return call(look, DYNAMODB_OP_UPDATE_CONTINUOUS_BACKUPS, &in, &out);
}

static enum resource_result settle_insights_of(struct look *look, const struct json *wanted,
                                               struct str index_name)
{
    const struct dynamodb_describe_contributor_insights_in describe = {
        .table_name = look->rc->physical_id,
        .index_name = index_name,
    };
    struct dynamodb_describe_contributor_insights_out have = {0};
    enum resource_result result = ddb_cfn_invoke(
        look->rc, look->region, DYNAMODB_OP_DESCRIBE_CONTRIBUTOR_INSIGHTS, &describe, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    bool is_on = str_eq_cstr(have.contributor_insights_status, "ENABLED");
    bool is_wanted = wanted && opt_bool_or(resource_boolean(wanted, "Enabled"), false);
    if (is_on == is_wanted)
        return RESOURCE_DONE;
    const struct dynamodb_update_contributor_insights_in in = {
        .table_name = look->rc->physical_id,
        .index_name = index_name,
        .contributor_insights_action = is_wanted ? STR("ENABLE") : STR("DISABLE"),
        .contributor_insights_mode = json_find_str(wanted, "Mode"),
    };
    struct dynamodb_update_contributor_insights_out out = {0};
    return call(look, DYNAMODB_OP_UPDATE_CONTRIBUTOR_INSIGHTS, &in, &out);
}

static enum resource_result settle_insights(struct look *look)
{
    enum resource_result result = RESOURCE_DONE;
    if (is_named(look, "ContributorInsightsSpecification"))
        result = settle_insights_of(
            look, json_find_cstr(look->properties, "ContributorInsightsSpecification"),
            (struct str){0});
    const struct json *indexes = json_find_cstr(look->properties, "GlobalSecondaryIndexes");
    for (const struct json *one = indexes ? indexes->first : NULL; one && result == RESOURCE_DONE;
         one = one->next) {
        const struct json *wanted = json_find_cstr(one, "ContributorInsightsSpecification");
        if (wanted)
            result = settle_insights_of(look, wanted, json_find_str(one, "IndexName"));
    }
    return result;
}

static enum resource_result settle_kinesis(struct look *look)
{
    const struct json *wanted = json_find_cstr(look->properties, "KinesisStreamSpecification");
    if (!is_named(look, "KinesisStreamSpecification"))
        return RESOURCE_DONE;
    const struct dynamodb_describe_kinesis_streaming_destination_in describe = {
        .table_name = look->rc->physical_id,
    };
    struct dynamodb_describe_kinesis_streaming_destination_out have = {0};
    enum resource_result result =
        ddb_cfn_invoke(look->rc, look->region, DYNAMODB_OP_DESCRIBE_KINESIS_STREAMING_DESTINATION,
                       &describe, &have, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct str arn = json_find_str(wanted, "StreamArn");
    bool is_there = !wanted;
    for (size_t i = 0; i < have.kinesis_data_stream_destinations.count; i++) {
        const struct dynamodb_kinesis_data_stream_destination *one =
            &have.kinesis_data_stream_destinations.items[i];
        if (!str_eq_cstr(one->destination_status, "ACTIVE"))
            continue;
        is_there |= str_eq(one->stream_arn, arn);
        if (str_eq(one->stream_arn, arn))
            continue;
        const struct dynamodb_disable_kinesis_streaming_destination_in in = {
            .table_name = look->rc->physical_id,
            .stream_arn = one->stream_arn,
        };
        struct dynamodb_disable_kinesis_streaming_destination_out out = {0};
        return call(look, DYNAMODB_OP_DISABLE_KINESIS_STREAMING_DESTINATION, &in, &out);
    }
    if (is_there)
        return RESOURCE_DONE;
    struct dynamodb_enable_kinesis_streaming_configuration configuration = {
        .approximate_creation_date_time_precision =
            json_find_str(wanted, "ApproximateCreationDateTimePrecision"),
    };
    const struct dynamodb_enable_kinesis_streaming_destination_in in = {
        .table_name = look->rc->physical_id,
        .stream_arn = arn,
        .enable_kinesis_streaming_configuration = &configuration,
    };
    struct dynamodb_enable_kinesis_streaming_destination_out out = {0};
    return call(look, DYNAMODB_OP_ENABLE_KINESIS_STREAMING_DESTINATION, &in, &out);
}

/* The policy of the table or of its stream: put when the template's differs from what is there. */
static enum resource_result settle_policy(struct look *look, struct str arn,
                                          const struct json *wanted, const struct json *before)
{
    struct str code = {0};
    const struct dynamodb_get_resource_policy_in get = {.resource_arn = arn};
    struct dynamodb_get_resource_policy_out have = {0};
    if ((!wanted && !before) || !arn.ptr)
        return RESOURCE_DONE;
    enum resource_result result =
        ddb_cfn_invoke(look->rc, look->region, DYNAMODB_OP_GET_RESOURCE_POLICY, &get, &have, &code);
    if (result != RESOURCE_DONE && !str_eq(code, DYNAMODB_POLICY_NOT_FOUND_EXCEPTION.code))
        return result;
    struct str text = resource_json_text(look->rc, wanted, "PolicyDocument");
    if (wanted && !str_eq(str_or(have.policy, STR("")), text)) {
        const struct dynamodb_put_resource_policy_in in = {.resource_arn = arn, .policy = text};
        struct dynamodb_put_resource_policy_out out = {0};
        return call(look, DYNAMODB_OP_PUT_RESOURCE_POLICY, &in, &out);
    }
    if (wanted || !have.policy.ptr)
        return RESOURCE_DONE;
    const struct dynamodb_delete_resource_policy_in in = {.resource_arn = arn};
    struct dynamodb_delete_resource_policy_out out = {0};
    return call(look, DYNAMODB_OP_DELETE_RESOURCE_POLICY, &in, &out);
}

static enum resource_result settle_policies(struct look *look)
{
    const struct json *old = look->old_properties;
    enum resource_result result = settle_policy(look, look->table->table_arn,
                                                json_find_cstr(look->properties, "ResourcePolicy"),
                                                json_find_cstr(old, "ResourcePolicy"));
    if (result != RESOURCE_DONE || !look->table->stream_specification)
        return result;
    return settle_policy(
        look, look->table->latest_stream_arn,
        json_find_cstr(json_find_cstr(look->properties, "StreamSpecification"), "ResourcePolicy"),
        json_find_cstr(json_find_cstr(old, "StreamSpecification"), "ResourcePolicy"));
}

static bool lists_tag(const struct dynamodb_tag_list *tags, const struct dynamodb_tag *tag,
                      bool with_value)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (str_eq(tags->items[i].key, tag->key) &&
            (!with_value || str_eq(tags->items[i].value, tag->value)))
            return true;
    }
    return false;
}

static enum resource_result live_tags(struct look *look, struct dynamodb_tag_list *out)
{
    enum {
        TAGS_MAX = 50,
    };
    out->items = arena_alloc_array(look->rc->call->arena, TAGS_MAX + 1, sizeof(*out->items));
    struct dynamodb_list_tags_of_resource_in in = {.resource_arn = look->table->table_arn};
    do {
        struct dynamodb_list_tags_of_resource_out page = {0};
        enum resource_result result = ddb_cfn_invoke(
            look->rc, look->region, DYNAMODB_OP_LIST_TAGS_OF_RESOURCE, &in, &page, NULL);
        if (result != RESOURCE_DONE)
            return result;
        for (size_t i = 0; i < page.tags.count && out->count < TAGS_MAX; i++)
            out->items[out->count++] = page.tags.items[i];
        in.next_token = page.next_token;
    } while (in.next_token.len > 0);
    return RESOURCE_DONE;
}

static enum resource_result settle_tags(struct look *look)
{
    struct dynamodb_tag_list wanted = {0};
    struct dynamodb_tag_list have = {0};
    ddb_cfn_tags(look->rc, look->tags, &wanted);
    enum resource_result result = live_tags(look, &have);
    if (result != RESOURCE_DONE)
        return result;
    struct dynamodb_untag_resource_in untag = {.resource_arn = look->table->table_arn};
    untag.tag_keys.items =
        arena_alloc_array(look->rc->call->arena, have.count + 1, sizeof(struct str));
    for (size_t i = 0; i < have.count; i++) {
        if (!lists_tag(&wanted, &have.items[i], false))
            untag.tag_keys.items[untag.tag_keys.count++] = have.items[i].key;
    }
    if (untag.tag_keys.count > 0) {
        struct dynamodb_untag_resource_out out = {0};
        return call(look, DYNAMODB_OP_UNTAG_RESOURCE, &untag, &out);
    }
    bool is_complete = true;
    for (size_t i = 0; i < wanted.count; i++)
        is_complete &= lists_tag(&have, &wanted.items[i], true);
    if (is_complete)
        return RESOURCE_DONE;
    const struct dynamodb_tag_resource_in in = {
        .resource_arn = look->table->table_arn,
        .tags = wanted,
    };
    struct dynamodb_tag_resource_out out = {0};
    return call(look, DYNAMODB_OP_TAG_RESOURCE, &in, &out);
}

/* --- all of it --- */

enum resource_result ddb_cfn_converge(struct resource_call *rc, struct str region,
                                      const struct json *properties,
                                      const struct json *old_properties, const struct json *tags)
{
    static enum resource_result (*const steps[])(struct look *) = {
        settle_billing,  settle_indexes,  settle_stream,  settle_settings, settle_ttl,
        settle_recovery, settle_insights, settle_kinesis, settle_policies, settle_tags,
    };
    struct look look = {
        .rc = rc,
        .region = region,
        .properties = properties,
        .old_properties = old_properties,
        .tags = tags,
    };
    enum resource_result result = ddb_cfn_describe(rc, region, &look.table, NULL);
    if (result != RESOURCE_DONE)
        return result;
    if (!is_settled(look.table))
        return ddb_cfn_again(rc);
    if (!rc->state)
        rc->state = json_new(rc->call->arena, JSON_OBJECT);
    ddb_cfn_input(rc, properties, &look.wanted);
    for (size_t i = 0; i < ARRAY_LEN(steps) && result == RESOURCE_DONE; i++)
        result = steps[i](&look);
    return result;
}
