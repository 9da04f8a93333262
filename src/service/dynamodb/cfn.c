/* cfn.c — AWS::DynamoDB::Table and AWS::DynamoDB::GlobalTable for CloudFormation.
 *
 * Create makes the table, then both create and update converge (cfn_converge.c): what CreateTable
 * does not take is set afterwards. A global table is the table of the stack's region with replicas,
 * which are made and dropped one at a time and then converge likewise.
 *
 * Not supported, and failing the stack by name: ImportSourceSpecification (import from S3),
 * GlobalTableWitnesses.
 *
 * Docs: CloudFormation template reference, "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable".
 */
#include "service/dynamodb/cfn.h"
#include "base/arena.h"
#include "syntax/json.h"

enum {
    NAME_MAX_BYTES = 255, /* of a table */
};

#define PROPERTY(name_, type_, update_)                                                            \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_)                              \
    }
#define STRUCTURED(name_, type_, update_, members_)                                                \
    {                                                                                              \
        .name = STR_INIT(name_), .type = (type_), .update = (update_), .members = (members_),      \
        .member_count = ARRAY_LEN(members_)                                                        \
    }
#define PLAIN UPDATE_NO_INTERRUPTION

static const struct resource_property definition_members[] = {
    PROPERTY("AttributeName", PROPERTY_STRING, PLAIN),
    PROPERTY("AttributeType", PROPERTY_STRING, PLAIN),
};
static const struct resource_property key_members[] = {
    PROPERTY("AttributeName", PROPERTY_STRING, PLAIN),
    PROPERTY("KeyType", PROPERTY_STRING, PLAIN),
};
static const struct resource_property projection_members[] = {
    PROPERTY("NonKeyAttributes", PROPERTY_LIST, PLAIN),
    PROPERTY("ProjectionType", PROPERTY_STRING, PLAIN),
};
static const struct resource_property units_members[] = {
    PROPERTY("ReadCapacityUnits", PROPERTY_INTEGER, PLAIN),
    PROPERTY("WriteCapacityUnits", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property on_demand_members[] = {
    PROPERTY("MaxReadRequestUnits", PROPERTY_INTEGER, PLAIN),
    PROPERTY("MaxWriteRequestUnits", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property warm_members[] = {
    PROPERTY("ReadUnitsPerSecond", PROPERTY_INTEGER, PLAIN),
    PROPERTY("WriteUnitsPerSecond", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property insights_members[] = {
    PROPERTY("Enabled", PROPERTY_BOOLEAN, PLAIN),
    PROPERTY("Mode", PROPERTY_STRING, PLAIN),
};
static const struct resource_property kinesis_members[] = {
    PROPERTY("ApproximateCreationDateTimePrecision", PROPERTY_STRING, PLAIN),
    PROPERTY("StreamArn", PROPERTY_STRING, PLAIN),
};
static const struct resource_property recovery_members[] = {
    PROPERTY("PointInTimeRecoveryEnabled", PROPERTY_BOOLEAN, PLAIN),
    PROPERTY("RecoveryPeriodInDays", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property policy_members[] = {
    PROPERTY("PolicyDocument", PROPERTY_JSON, PLAIN),
};
static const struct resource_property sse_members[] = {
    PROPERTY("KMSMasterKeyId", PROPERTY_STRING, PLAIN),
    PROPERTY("SSEEnabled", PROPERTY_BOOLEAN, PLAIN),
    PROPERTY("SSEType", PROPERTY_STRING, PLAIN),
};
static const struct resource_property stream_members[] = {
    STRUCTURED("ResourcePolicy", PROPERTY_OBJECT, PLAIN, policy_members),
    PROPERTY("StreamViewType", PROPERTY_STRING, PLAIN),
};
static const struct resource_property ttl_members[] = {
    PROPERTY("AttributeName", PROPERTY_STRING, PLAIN),
    PROPERTY("Enabled", PROPERTY_BOOLEAN, PLAIN),
};
static const struct resource_property tag_members[] = {
    PROPERTY("Key", PROPERTY_STRING, PLAIN),
    PROPERTY("Value", PROPERTY_STRING, PLAIN),
};
static const struct resource_property local_members[] = {
    PROPERTY("IndexName", PROPERTY_STRING, PLAIN),
    STRUCTURED("KeySchema", PROPERTY_LIST, PLAIN, key_members),
    STRUCTURED("Projection", PROPERTY_OBJECT, PLAIN, projection_members),
};
static const struct resource_property global_members[] = {
    STRUCTURED("ContributorInsightsSpecification", PROPERTY_OBJECT, PLAIN, insights_members),
    PROPERTY("IndexName", PROPERTY_STRING, PLAIN),
    STRUCTURED("KeySchema", PROPERTY_LIST, PLAIN, key_members),
    STRUCTURED("OnDemandThroughput", PROPERTY_OBJECT, PLAIN, on_demand_members),
    STRUCTURED("Projection", PROPERTY_OBJECT, PLAIN, projection_members),
    STRUCTURED("ProvisionedThroughput", PROPERTY_OBJECT, PLAIN, units_members),
    STRUCTURED("WarmThroughput", PROPERTY_OBJECT, PLAIN, warm_members),
};

static const struct resource_property table_properties[] = {
    STRUCTURED("AttributeDefinitions", PROPERTY_LIST, UPDATE_CONDITIONAL, definition_members),
    PROPERTY("BillingMode", PROPERTY_STRING, PLAIN),
    STRUCTURED("ContributorInsightsSpecification", PROPERTY_OBJECT, PLAIN, insights_members),
    PROPERTY("DeletionProtectionEnabled", PROPERTY_BOOLEAN, PLAIN),
    STRUCTURED("GlobalSecondaryIndexes", PROPERTY_LIST, PLAIN, global_members),
    {
        .name = STR_INIT("KeySchema"),
        .type = PROPERTY_LIST,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
        .members = key_members,
        .member_count = ARRAY_LEN(key_members),
    },
    STRUCTURED("KinesisStreamSpecification", PROPERTY_OBJECT, PLAIN, kinesis_members),
    STRUCTURED("LocalSecondaryIndexes", PROPERTY_LIST, UPDATE_REPLACEMENT, local_members),
    STRUCTURED("OnDemandThroughput", PROPERTY_OBJECT, PLAIN, on_demand_members),
    STRUCTURED("PointInTimeRecoverySpecification", PROPERTY_OBJECT, PLAIN, recovery_members),
    STRUCTURED("ProvisionedThroughput", PROPERTY_OBJECT, PLAIN, units_members),
    STRUCTURED("ResourcePolicy", PROPERTY_OBJECT, PLAIN, policy_members),
    STRUCTURED("SSESpecification", PROPERTY_OBJECT, UPDATE_SOME_INTERRUPTION, sse_members),
    STRUCTURED("StreamSpecification", PROPERTY_OBJECT, PLAIN, stream_members),
    PROPERTY("TableClass", PROPERTY_STRING, PLAIN),
    PROPERTY("TableName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    STRUCTURED("Tags", PROPERTY_LIST, PLAIN, tag_members),
    STRUCTURED("TimeToLiveSpecification", PROPERTY_OBJECT, PLAIN, ttl_members),
    STRUCTURED("WarmThroughput", PROPERTY_OBJECT, PLAIN, warm_members),
};

/* --- global tables --- */

static const struct resource_property tracking_members[] = {
    PROPERTY("DisableScaleIn", PROPERTY_BOOLEAN, PLAIN),
    PROPERTY("ScaleInCooldown", PROPERTY_INTEGER, PLAIN),
    PROPERTY("ScaleOutCooldown", PROPERTY_INTEGER, PLAIN),
    PROPERTY("TargetValue", PROPERTY_DOUBLE, PLAIN),
};
static const struct resource_property scaling_members[] = {
    PROPERTY("MaxCapacity", PROPERTY_INTEGER, PLAIN),
    PROPERTY("MinCapacity", PROPERTY_INTEGER, PLAIN),
    PROPERTY("SeedCapacity", PROPERTY_INTEGER, PLAIN),
    STRUCTURED("TargetTrackingScalingPolicyConfiguration", PROPERTY_OBJECT, PLAIN,
               tracking_members),
};
static const struct resource_property read_members[] = {
    STRUCTURED("ReadCapacityAutoScalingSettings", PROPERTY_OBJECT, PLAIN, scaling_members),
    PROPERTY("ReadCapacityUnits", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property write_members[] = {
    STRUCTURED("WriteCapacityAutoScalingSettings", PROPERTY_OBJECT, PLAIN, scaling_members),
};
static const struct resource_property read_limit_members[] = {
    PROPERTY("MaxReadRequestUnits", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property write_limit_members[] = {
    PROPERTY("MaxWriteRequestUnits", PROPERTY_INTEGER, PLAIN),
};
static const struct resource_property replica_index_members[] = {
    STRUCTURED("ContributorInsightsSpecification", PROPERTY_OBJECT, PLAIN, insights_members),
    PROPERTY("IndexName", PROPERTY_STRING, PLAIN),
    STRUCTURED("ReadOnDemandThroughputSettings", PROPERTY_OBJECT, PLAIN, read_limit_members),
    STRUCTURED("ReadProvisionedThroughputSettings", PROPERTY_OBJECT, PLAIN, read_members),
};
static const struct resource_property replica_sse_members[] = {
    PROPERTY("KMSMasterKeyId", PROPERTY_STRING, PLAIN),
};
static const struct resource_property replica_stream_members[] = {
    STRUCTURED("ResourcePolicy", PROPERTY_OBJECT, PLAIN, policy_members),
};
static const struct resource_property replica_members[] = {
    STRUCTURED("ContributorInsightsSpecification", PROPERTY_OBJECT, PLAIN, insights_members),
    PROPERTY("DeletionProtectionEnabled", PROPERTY_BOOLEAN, PLAIN),
    STRUCTURED("GlobalSecondaryIndexes", PROPERTY_LIST, PLAIN, replica_index_members),
    STRUCTURED("KinesisStreamSpecification", PROPERTY_OBJECT, PLAIN, kinesis_members),
    STRUCTURED("PointInTimeRecoverySpecification", PROPERTY_OBJECT, PLAIN, recovery_members),
    STRUCTURED("ReadOnDemandThroughputSettings", PROPERTY_OBJECT, PLAIN, read_limit_members),
    STRUCTURED("ReadProvisionedThroughputSettings", PROPERTY_OBJECT, PLAIN, read_members),
    PROPERTY("Region", PROPERTY_STRING, PLAIN),
    STRUCTURED("ReplicaStreamSpecification", PROPERTY_OBJECT, PLAIN, replica_stream_members),
    STRUCTURED("ResourcePolicy", PROPERTY_OBJECT, PLAIN, policy_members),
    STRUCTURED("SSESpecification", PROPERTY_OBJECT, PLAIN, replica_sse_members),
    PROPERTY("TableClass", PROPERTY_STRING, PLAIN),
    STRUCTURED("Tags", PROPERTY_LIST, PLAIN, tag_members),
};
static const struct resource_property global_index_members[] = {
    PROPERTY("IndexName", PROPERTY_STRING, PLAIN),
    STRUCTURED("KeySchema", PROPERTY_LIST, PLAIN, key_members),
    STRUCTURED("Projection", PROPERTY_OBJECT, PLAIN, projection_members),
    STRUCTURED("WarmThroughput", PROPERTY_OBJECT, PLAIN, warm_members),
    STRUCTURED("WriteOnDemandThroughputSettings", PROPERTY_OBJECT, PLAIN, write_limit_members),
    STRUCTURED("WriteProvisionedThroughputSettings", PROPERTY_OBJECT, PLAIN, write_members),
};
static const struct resource_property global_stream_members[] = {
    PROPERTY("StreamViewType", PROPERTY_STRING, PLAIN),
};
static const struct resource_property global_sse_members[] = {
    PROPERTY("SSEEnabled", PROPERTY_BOOLEAN, PLAIN),
    PROPERTY("SSEType", PROPERTY_STRING, PLAIN),
};

static const struct resource_property global_properties[] = {
    STRUCTURED("AttributeDefinitions", PROPERTY_LIST, UPDATE_CONDITIONAL, definition_members),
    PROPERTY("BillingMode", PROPERTY_STRING, PLAIN),
    STRUCTURED("GlobalSecondaryIndexes", PROPERTY_LIST, PLAIN, global_index_members),
    {
        .name = STR_INIT("KeySchema"),
        .type = PROPERTY_LIST,
        .update = UPDATE_REPLACEMENT,
        .is_required = true,
        .members = key_members,
        .member_count = ARRAY_LEN(key_members),
    },
    STRUCTURED("LocalSecondaryIndexes", PROPERTY_LIST, UPDATE_REPLACEMENT, local_members),
    PROPERTY("MultiRegionConsistency", PROPERTY_STRING, UPDATE_REPLACEMENT),
    {
        .name = STR_INIT("Replicas"),
        .type = PROPERTY_LIST,
        .is_required = true,
        .members = replica_members,
        .member_count = ARRAY_LEN(replica_members),
    },
    STRUCTURED("SSESpecification", PROPERTY_OBJECT, PLAIN, global_sse_members),
    STRUCTURED("StreamSpecification", PROPERTY_OBJECT, PLAIN, global_stream_members),
    PROPERTY("TableName", PROPERTY_STRING, UPDATE_REPLACEMENT),
    STRUCTURED("TimeToLiveSpecification", PROPERTY_OBJECT, PLAIN, ttl_members),
    STRUCTURED("WarmThroughput", PROPERTY_OBJECT, PLAIN, warm_members),
    STRUCTURED("WriteOnDemandThroughputSettings", PROPERTY_OBJECT, PLAIN, write_limit_members),
    STRUCTURED("WriteProvisionedThroughputSettings", PROPERTY_OBJECT, PLAIN, write_members),
};

/* --- making and removing the table itself --- */

/* AWS: AttributeDefinitions: "Some interruptions. Replacement if you edit an existing
 * AttributeDefinition": another type for an attribute that is there before and after. */
static bool redefines(const struct json *old_properties, const struct json *properties)
{
    const struct json *before = json_find_cstr(old_properties, "AttributeDefinitions");
    const struct json *after = json_find_cstr(properties, "AttributeDefinitions");
    for (const struct json *a = before ? before->first : NULL; a; a = a->next) {
        for (const struct json *b = after ? after->first : NULL; b; b = b->next) {
            if (str_eq(json_find_str(a, "AttributeName"), json_find_str(b, "AttributeName")) &&
                !str_eq(json_find_str(a, "AttributeType"), json_find_str(b, "AttributeType")))
                return true;
        }
    }
    return false;
}

static enum resource_result make_table(struct resource_call *rc, const struct json *properties,
                                       const struct json *tags)
{
    struct dynamodb_create_table_in in;
    struct dynamodb_create_table_out out = {0};
    struct str name = resource_string(rc->properties, "TableName");
    rc->physical_id = name.len > 0 ? name : resource_physical_name(rc, NAME_MAX_BYTES, STR(""));
    ddb_cfn_input(rc, properties, &in);
    ddb_cfn_tags(rc, tags, &in.tags);
    enum resource_result result =
        ddb_cfn_invoke(rc, rc->call->scope.region, DYNAMODB_OP_CREATE_TABLE, &in, &out, NULL);
    if (result != RESOURCE_DONE)
        return result;
    rc->state = json_new(rc->call->arena, JSON_OBJECT);
    ddb_detail_set_str(rc->call->arena, rc->state, "Name", rc->physical_id);
    return ddb_cfn_again(rc);
}

/* The table goes; done when it cannot be described any more. */
static enum resource_result drop_table(struct resource_call *rc)
{
    const struct dynamodb_delete_table_in in = {.table_name = rc->physical_id};
    struct dynamodb_delete_table_out out = {0};
    struct str code = {0};
    enum resource_result result =
        ddb_cfn_invoke(rc, rc->call->scope.region, DYNAMODB_OP_DELETE_TABLE, &in, &out, &code);
    if (str_eq(code, DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION.code))
        return RESOURCE_DONE;
    bool is_busy = str_eq(code, DYNAMODB_RESOURCE_IN_USE_EXCEPTION.code);
    return result == RESOURCE_DONE || is_busy ? ddb_cfn_again(rc) : result;
}

/* --- AWS::DynamoDB::Table --- */

static enum resource_result create_table(struct resource_call *rc)
{
    const struct json *tags = resource_tags(rc, "Tags");
    if (!rc->state)
        return make_table(rc, rc->properties, tags);
    rc->physical_id = json_find_str(rc->state, "Name");
    return ddb_cfn_converge(rc, rc->call->scope.region, rc->properties, NULL, tags);
}

/* An update of several steps that fails at a later one: the engine takes it that nothing was done,
 * so the steps are undone first. `rc->state` keeps why (Failure) meanwhile. */
static enum resource_result update_or_undo(struct resource_call *rc, resource_fn *converge)
{
    struct str failure = json_find_str(rc->state, "Failure");
    if (!failure.ptr) {
        enum resource_result result = converge(rc);
        if (result != RESOURCE_FAILED || !rc->state)
            return result;
        rc->state = json_new(rc->call->arena, JSON_OBJECT);
        ddb_detail_set_str(rc->call->arena, rc->state, "Failure", rc->message);
        return ddb_cfn_again(rc);
    }
    struct resource_call back = *rc;
    back.properties = rc->old_properties;
    back.old_properties = rc->properties;
    back.stack_tags = rc->old_stack_tags ? rc->old_stack_tags : rc->stack_tags;
    if (converge(&back) == RESOURCE_IN_PROGRESS) {
        rc->state = back.state;
        rc->retry_at_ms = back.retry_at_ms;
        return RESOURCE_IN_PROGRESS;
    }
    return resource_fail(rc, STR_FMT, STR_ARG(failure));
}

static enum resource_result converge_table(struct resource_call *rc)
{
    return ddb_cfn_converge(rc, rc->call->scope.region, rc->properties, rc->old_properties,
                            resource_tags(rc, "Tags"));
}

static enum resource_result update_table(struct resource_call *rc)
{
    return update_or_undo(rc, converge_table);
}

/* --- AWS::DynamoDB::GlobalTable --- */

static enum resource_result change_replicas(struct resource_call *rc,
                                            struct dynamodb_replication_group_update *change)
{
    const struct dynamodb_update_table_in in = {
        .table_name = rc->physical_id,
        .replica_updates = {.items = change, .count = 1, .is_set = true},
    };
    struct dynamodb_update_table_out out = {0};
    enum resource_result result =
        ddb_cfn_invoke(rc, rc->call->scope.region, DYNAMODB_OP_UPDATE_TABLE, &in, &out, NULL);
    return result == RESOURCE_DONE ? ddb_cfn_again(rc) : result;
}

static bool has_replica(const struct dynamodb_table_description *table, struct str region)
{
    for (size_t i = 0; i < table->replicas.count; i++) {
        if (str_eq(table->replicas.items[i].region_name, region))
            return true;
    }
    return false;
}

/* Drops and adds replicas, one at a time, until they are those of the list (NULL: none). */
static enum resource_result settle_replicas(struct resource_call *rc, const struct json *list)
{
    struct dynamodb_table_description *table = NULL;
    struct str own = rc->call->scope.region;
    enum resource_result result = ddb_cfn_describe(rc, own, &table, NULL);
    if (result != RESOURCE_DONE)
        return result;
    for (size_t i = 0; i < table->replicas.count; i++) {
        struct str region = table->replicas.items[i].region_name;
        bool is_wanted = false;
        for (const struct json *one = list ? list->first : NULL; one; one = one->next)
            is_wanted |= str_eq(json_find_str(one, "Region"), region);
        if (is_wanted)
            continue;
        if (!str_eq_cstr(table->table_status, "ACTIVE"))
            return ddb_cfn_again(rc);
        struct dynamodb_delete_replication_group_member_action action = {.region_name = region};
        struct dynamodb_replication_group_update change = {.delete = &action};
        return change_replicas(rc, &change);
    }
    for (const struct json *one = list ? list->first : NULL; one; one = one->next) {
        struct str region = json_find_str(one, "Region");
        if (str_eq(region, own) || has_replica(table, region))
            continue;
        if (!str_eq_cstr(table->table_status, "ACTIVE"))
            return ddb_cfn_again(rc);
        struct dynamodb_create_replication_group_member_action action = {
            .region_name = region,
            .kms_master_key_id =
                json_find_str(json_find_cstr(one, "SSESpecification"), "KMSMasterKeyId"),
            .table_class_override = json_find_str(one, "TableClass"),
        };
        struct dynamodb_replication_group_update change = {.create = &action};
        return change_replicas(rc, &change);
    }
    return RESOURCE_DONE;
}

static const struct json *replica_tags(const struct json *replica)
{
    return json_find_cstr(replica, "Tags");
}

static enum resource_result converge_global(struct resource_call *rc)
{
    const struct json *replicas = json_find_cstr(rc->properties, "Replicas");
    struct str own = rc->call->scope.region;
    enum resource_result result = RESOURCE_DONE;
    /* The table first: its replicas follow what they share. */
    for (int pass = 0; pass < 2 && result == RESOURCE_DONE; pass++) {
        if (pass == 1)
            result = settle_replicas(rc, replicas);
        for (const struct json *one = replicas->first; one && result == RESOURCE_DONE;
             one = one->next) {
            struct str region = json_find_str(one, "Region");
            if (str_eq(region, own) != (pass == 0))
                continue;
            const struct json *old = rc->old_properties
                                         ? ddb_cfn_local_properties(rc, rc->old_properties, region)
                                         : NULL;
            result =
                ddb_cfn_converge(rc, region, ddb_cfn_local_properties(rc, rc->properties, region),
                                 old, replica_tags(one));
        }
    }
    return result;
}

static enum resource_result check_replicas(struct resource_call *rc)
{
    /* AWS: Replicas: "You must define at least one replica", and "one replica in the stack's
     * Region". */
    if (!ddb_cfn_replica(rc->properties, rc->call->scope.region))
        return resource_fail(rc, "The Replicas property must include the stack's region " STR_FMT,
                             STR_ARG(rc->call->scope.region));
    if (str_eq_cstr(resource_string(rc->properties, "MultiRegionConsistency"), "STRONG"))
        return resource_fail(rc, "MultiRegionConsistency STRONG is not supported");
    return RESOURCE_DONE;
}

static enum resource_result create_global(struct resource_call *rc)
{
    struct str own = rc->call->scope.region;
    enum resource_result result = check_replicas(rc);
    if (result != RESOURCE_DONE)
        return result;
    if (!rc->state)
        return make_table(rc, ddb_cfn_local_properties(rc, rc->properties, own),
                          replica_tags(ddb_cfn_replica(rc->properties, own)));
    rc->physical_id = json_find_str(rc->state, "Name");
    return converge_global(rc);
}

static enum resource_result update_global(struct resource_call *rc)
{
    enum resource_result result = check_replicas(rc);
    return result == RESOURCE_DONE ? update_or_undo(rc, converge_global) : result;
}

static enum resource_result remove_global(struct resource_call *rc)
{
    struct dynamodb_table_description *table = NULL;
    struct str code = {0};
    enum resource_result result = ddb_cfn_describe(rc, rc->call->scope.region, &table, &code);
    if (str_eq(code, DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION.code))
        return RESOURCE_DONE;
    if (result == RESOURCE_DONE && table->replicas.count > 0)
        result = settle_replicas(rc, NULL);
    return result == RESOURCE_DONE ? drop_table(rc) : result;
}

/* --- looking --- */

static const struct str attribute_names[] = {
    STR_INIT("Arn"),
    STR_INIT("StreamArn"),
    STR_INIT("TableId"),
};

static enum resource_result attribute(struct resource_call *rc, struct str name,
                                      struct json **out_value)
{
    struct dynamodb_table_description *table = NULL;
    enum resource_result result = ddb_cfn_describe(rc, rc->call->scope.region, &table, NULL);
    if (result != RESOURCE_DONE)
        return result;
    struct str value = str_eq_cstr(name, "Arn")         ? table->table_arn
                       : str_eq_cstr(name, "StreamArn") ? table->latest_stream_arn
                                                        : table->table_id;
    if (!value.ptr)
        return resource_fail(rc, "Attribute " STR_FMT " is not available: the table has no stream",
                             STR_ARG(name));
    *out_value = json_new_string(rc->call->arena, value);
    return RESOURCE_DONE;
}

static void put_text(struct arena *arena, struct json *object, const char *name, struct str text)
{
    if (text.ptr)
        json_append_member(object, str_from_cstr(name), json_new_string(arena, text));
}

static struct json *shown_keys(struct arena *arena, const struct dynamodb_key_schema *keys)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < keys->count; i++) {
        struct json *one = json_new(arena, JSON_OBJECT);
        put_text(arena, one, "AttributeName", keys->items[i].attribute_name);
        put_text(arena, one, "KeyType", keys->items[i].key_type);
        json_append(list, one);
    }
    return list;
}

static struct json *shown_projection(struct arena *arena, const struct dynamodb_projection *have)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    put_text(arena, out, "ProjectionType", have->projection_type);
    if (have->non_key_attributes.count == 0)
        return out;
    struct json *names = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < have->non_key_attributes.count; i++)
        json_append(names, json_new_string(arena, have->non_key_attributes.items[i]));
    json_append_member(out, STR("NonKeyAttributes"), names);
    return out;
}

static struct json *shown_units(struct arena *arena,
                                const struct dynamodb_provisioned_throughput_description *have)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    json_append_member(out, STR("ReadCapacityUnits"),
                       json_new_number(arena, have->read_capacity_units.value));
    json_append_member(out, STR("WriteCapacityUnits"),
                       json_new_number(arena, have->write_capacity_units.value));
    return out;
}

static void show_indexes(struct arena *arena, const struct dynamodb_table_description *table,
                         bool is_on_demand, struct json *out)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < table->global_secondary_indexes.count; i++) {
        const struct dynamodb_global_secondary_index_description *index =
            &table->global_secondary_indexes.items[i];
        struct json *one = json_new(arena, JSON_OBJECT);
        put_text(arena, one, "IndexName", index->index_name);
        json_append_member(one, STR("KeySchema"), shown_keys(arena, &index->key_schema));
        json_append_member(one, STR("Projection"), shown_projection(arena, index->projection));
        if (!is_on_demand)
            json_append_member(one, STR("ProvisionedThroughput"),
                               shown_units(arena, index->provisioned_throughput));
        json_append(list, one);
    }
    if (list->count > 0)
        json_append_member(out, STR("GlobalSecondaryIndexes"), list);
    list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < table->local_secondary_indexes.count; i++) {
        const struct dynamodb_local_secondary_index_description *index =
            &table->local_secondary_indexes.items[i];
        struct json *one = json_new(arena, JSON_OBJECT);
        put_text(arena, one, "IndexName", index->index_name);
        json_append_member(one, STR("KeySchema"), shown_keys(arena, &index->key_schema));
        json_append_member(one, STR("Projection"), shown_projection(arena, index->projection));
        json_append(list, one);
    }
    if (list->count > 0)
        json_append_member(out, STR("LocalSecondaryIndexes"), list);
}

static enum resource_result read_table(struct resource_call *rc, struct json **out_properties)
{
    struct arena *arena = rc->call->arena;
    struct dynamodb_table_description *table = NULL;
    enum resource_result result = ddb_cfn_describe(rc, rc->call->scope.region, &table, NULL);
    if (result != RESOURCE_DONE)
        return result;
    bool is_on_demand = table->billing_mode_summary &&
                        str_eq_cstr(table->billing_mode_summary->billing_mode, "PAY_PER_REQUEST");
    struct json *out = json_new(arena, JSON_OBJECT);
    struct json *definitions = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < table->attribute_definitions.count; i++) {
        const struct dynamodb_attribute_definition *have = &table->attribute_definitions.items[i];
        struct json *one = json_new(arena, JSON_OBJECT);
        put_text(arena, one, "AttributeName", have->attribute_name);
        put_text(arena, one, "AttributeType", have->attribute_type);
        json_append(definitions, one);
    }
    put_text(arena, out, "TableName", table->table_name);
    json_append_member(out, STR("AttributeDefinitions"), definitions);
    json_append_member(out, STR("KeySchema"), shown_keys(arena, &table->key_schema));
    put_text(arena, out, "BillingMode", is_on_demand ? STR("PAY_PER_REQUEST") : STR("PROVISIONED"));
    if (!is_on_demand)
        json_append_member(out, STR("ProvisionedThroughput"),
                           shown_units(arena, table->provisioned_throughput));
    show_indexes(arena, table, is_on_demand, out);
    if (table->stream_specification) {
        struct json *stream = json_new(arena, JSON_OBJECT);
        put_text(arena, stream, "StreamViewType", table->stream_specification->stream_view_type);
        json_append_member(out, STR("StreamSpecification"), stream);
    }
    if (table->table_class_summary)
        put_text(arena, out, "TableClass", table->table_class_summary->table_class);
    json_append_member(
        out, STR("DeletionProtectionEnabled"),
        json_new_bool(arena, opt_bool_or(table->deletion_protection_enabled, false)));
    *out_properties = out;
    return RESOURCE_DONE;
}

const struct resource_type dynamodb_resource_types[DDB_RESOURCE_TYPES] = {
    {
        .name = STR_INIT("AWS::DynamoDB::GlobalTable"),
        .properties = global_properties,
        .property_count = ARRAY_LEN(global_properties),
        .attributes = attribute_names,
        .attribute_count = ARRAY_LEN(attribute_names),
        .identifier = STR_INIT("TableName"),
        .create = create_global,
        .update = update_global,
        .remove = remove_global,
        .needs_replacement = redefines,
        .attribute = attribute,
    },
    {
        .name = STR_INIT("AWS::DynamoDB::Table"),
        .properties = table_properties,
        .property_count = ARRAY_LEN(table_properties),
        .attributes = attribute_names,
        .attribute_count = 2, /* TableId is the global table's */
        .identifier = STR_INIT("TableName"),
        .accepts_tags = true,
        .create = create_table,
        .update = update_table,
        .remove = drop_table,
        .needs_replacement = redefines,
        .attribute = attribute,
        .read = read_table,
    },
};
