/* cfn_input.c — properties of a template's tables as what CreateTable and UpdateTable take.
 *
 * The engine has checked kinds and coerced scalars, so what is absent here is absent there.
 */
#include "base/arena.h"
#include "service/dynamodb/cfn.h"
#include "syntax/json.h"

static size_t length(const struct json *list)
{
    return json_is_array(list) ? list->count : 0;
}

static void read_keys(struct arena *arena, const struct json *list, struct dynamodb_key_schema *out)
{
    out->items = arena_alloc_array(arena, length(list) + 1, sizeof(*out->items));
    out->is_set = list != NULL;
    for (const struct json *one = list ? list->first : NULL; one; one = one->next) {
        out->items[out->count++] = (struct dynamodb_key_schema_element){
            .attribute_name = json_find_str(one, "AttributeName"),
            .key_type = json_find_str(one, "KeyType"),
        };
    }
}

static struct dynamodb_projection *read_projection(struct arena *arena, const struct json *object)
{
    if (!object)
        return NULL;
    struct dynamodb_projection *out = arena_alloc(arena, sizeof(*out));
    const struct json *names = json_find_cstr(object, "NonKeyAttributes");
    out->projection_type = json_find_str(object, "ProjectionType");
    out->non_key_attributes.items = arena_alloc_array(arena, length(names) + 1, sizeof(struct str));
    for (const struct json *name = names ? names->first : NULL; name; name = name->next)
        out->non_key_attributes.items[out->non_key_attributes.count++] = name->text;
    return out;
}

static struct dynamodb_provisioned_throughput *read_units(struct arena *arena,
                                                          const struct json *object)
{
    if (!object)
        return NULL;
    struct dynamodb_provisioned_throughput *out = arena_alloc(arena, sizeof(*out));
    out->read_capacity_units = resource_integer(object, "ReadCapacityUnits");
    out->write_capacity_units = resource_integer(object, "WriteCapacityUnits");
    return out;
}

static struct dynamodb_on_demand_throughput *read_on_demand(struct arena *arena,
                                                            const struct json *object)
{
    if (!object)
        return NULL;
    struct dynamodb_on_demand_throughput *out = arena_alloc(arena, sizeof(*out));
    out->max_read_request_units = resource_integer(object, "MaxReadRequestUnits");
    out->max_write_request_units = resource_integer(object, "MaxWriteRequestUnits");
    return out;
}

static struct dynamodb_warm_throughput *read_warm(struct arena *arena, const struct json *object)
{
    if (!object)
        return NULL;
    struct dynamodb_warm_throughput *out = arena_alloc(arena, sizeof(*out));
    out->read_units_per_second = resource_integer(object, "ReadUnitsPerSecond");
    out->write_units_per_second = resource_integer(object, "WriteUnitsPerSecond");
    return out;
}

static void read_global(struct arena *arena, const struct json *list,
                        struct dynamodb_global_secondary_index_list *out)
{
    out->items = arena_alloc_array(arena, length(list) + 1, sizeof(*out->items));
    out->is_set = length(list) > 0;
    for (const struct json *one = list ? list->first : NULL; one; one = one->next) {
        struct dynamodb_global_secondary_index *index = &out->items[out->count++];
        index->index_name = json_find_str(one, "IndexName");
        read_keys(arena, json_find_cstr(one, "KeySchema"), &index->key_schema);
        index->projection = read_projection(arena, json_find_cstr(one, "Projection"));
        index->provisioned_throughput =
            read_units(arena, json_find_cstr(one, "ProvisionedThroughput"));
        index->on_demand_throughput =
            read_on_demand(arena, json_find_cstr(one, "OnDemandThroughput"));
        index->warm_throughput = read_warm(arena, json_find_cstr(one, "WarmThroughput"));
    }
}

static void read_local(struct arena *arena, const struct json *list,
                       struct dynamodb_local_secondary_index_list *out)
{
    out->items = arena_alloc_array(arena, length(list) + 1, sizeof(*out->items));
    out->is_set = length(list) > 0;
    for (const struct json *one = list ? list->first : NULL; one; one = one->next) {
        struct dynamodb_local_secondary_index *index = &out->items[out->count++];
        index->index_name = json_find_str(one, "IndexName");
        read_keys(arena, json_find_cstr(one, "KeySchema"), &index->key_schema);
        index->projection = read_projection(arena, json_find_cstr(one, "Projection"));
    }
}

static struct dynamodb_stream_specification *read_stream(struct arena *arena,
                                                         const struct json *object)
{
    if (!object)
        return NULL;
    struct dynamodb_stream_specification *out = arena_alloc(arena, sizeof(*out));
    out->stream_enabled = opt_bool(true);
    out->stream_view_type = json_find_str(object, "StreamViewType");
    return out;
}

static struct dynamodb_sse_specification *read_sse(struct arena *arena, const struct json *object)
{
    if (!object)
        return NULL;
    struct dynamodb_sse_specification *out = arena_alloc(arena, sizeof(*out));
    out->enabled = resource_boolean(object, "SSEEnabled");
    out->sse_type = json_find_str(object, "SSEType");
    out->kms_master_key_id = json_find_str(object, "KMSMasterKeyId");
    return out;
}

void ddb_cfn_input(struct resource_call *rc, const struct json *properties,
                   struct dynamodb_create_table_in *in)
{
    struct arena *arena = rc->call->arena;
    const struct json *definitions = json_find_cstr(properties, "AttributeDefinitions");
    *in = (struct dynamodb_create_table_in){
        .table_name = rc->physical_id,
        /* AWS: BillingMode: "If not specified, the default is PROVISIONED." */
        .billing_mode = str_or(json_find_str(properties, "BillingMode"), STR("PROVISIONED")),
        .provisioned_throughput =
            read_units(arena, json_find_cstr(properties, "ProvisionedThroughput")),
        .stream_specification =
            read_stream(arena, json_find_cstr(properties, "StreamSpecification")),
        .sse_specification = read_sse(arena, json_find_cstr(properties, "SSESpecification")),
        .table_class = json_find_str(properties, "TableClass"),
        .deletion_protection_enabled = resource_boolean(properties, "DeletionProtectionEnabled"),
        .warm_throughput = read_warm(arena, json_find_cstr(properties, "WarmThroughput")),
        .on_demand_throughput =
            read_on_demand(arena, json_find_cstr(properties, "OnDemandThroughput")),
    };
    in->attribute_definitions.items =
        arena_alloc_array(arena, length(definitions) + 1, sizeof(*in->attribute_definitions.items));
    in->attribute_definitions.is_set = definitions != NULL;
    for (const struct json *one = definitions ? definitions->first : NULL; one; one = one->next) {
        in->attribute_definitions.items[in->attribute_definitions.count++] =
            (struct dynamodb_attribute_definition){
                .attribute_name = json_find_str(one, "AttributeName"),
                .attribute_type = json_find_str(one, "AttributeType"),
            };
    }
    read_keys(arena, json_find_cstr(properties, "KeySchema"), &in->key_schema);
    read_local(arena, json_find_cstr(properties, "LocalSecondaryIndexes"),
               &in->local_secondary_indexes);
    read_global(arena, json_find_cstr(properties, "GlobalSecondaryIndexes"),
                &in->global_secondary_indexes);
}

void ddb_cfn_tags(struct resource_call *rc, const struct json *tags, struct dynamodb_tag_list *out)
{
    out->items = arena_alloc_array(rc->call->arena, length(tags) + 1, sizeof(*out->items));
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (!str_starts_with(key, STR("aws:")) || rc->call->via_service.len > 0)
            out->items[out->count++] = (struct dynamodb_tag){
                .key = key,
                .value = json_find_str(tag, "Value"),
            };
    }
}

/* --- global tables --- */

const struct json *ddb_cfn_replica(const struct json *properties, struct str region)
{
    const struct json *replicas = json_find_cstr(properties, "Replicas");
    for (const struct json *one = replicas ? replicas->first : NULL; one; one = one->next) {
        if (str_eq(json_find_str(one, "Region"), region))
            return one;
    }
    return NULL;
}

/* Units of a setting that is fixed or scaled; scaling starts at its seed or minimum. */
static int64_t scaled_units(const struct json *settings, const char *fixed, const char *scaled)
{
    enum {
        UNITS_DEFAULT =
            5, /* AWS: what the console proposes; a template that scales names its own */
    };
    const struct json *scaling = json_find_cstr(settings, scaled);
    struct opt_i64 units = resource_integer(settings, fixed);
    if (!units.is_set)
        units = resource_integer(scaling, "SeedCapacity");
    if (!units.is_set)
        units = resource_integer(scaling, "MinCapacity");
    return opt_i64_or(units, UNITS_DEFAULT);
}

static struct json *units_of(struct arena *arena, const struct json *reads,
                             const struct json *writes)
{
    struct json *units = json_new(arena, JSON_OBJECT);
    json_append_member(units, STR("ReadCapacityUnits"),
                       json_new_number(arena, scaled_units(reads, "ReadCapacityUnits",
                                                           "ReadCapacityAutoScalingSettings")));
    json_append_member(units, STR("WriteCapacityUnits"),
                       json_new_number(arena, scaled_units(writes, "WriteCapacityUnits",
                                                           "WriteCapacityAutoScalingSettings")));
    return units;
}

static struct json *on_demand_of(struct arena *arena, const struct json *reads,
                                 const struct json *writes)
{
    struct json *limits = json_new(arena, JSON_OBJECT);
    struct opt_i64 read_max = resource_integer(reads, "MaxReadRequestUnits");
    struct opt_i64 write_max = resource_integer(writes, "MaxWriteRequestUnits");
    if (read_max.is_set)
        json_append_member(limits, STR("MaxReadRequestUnits"),
                           json_new_number(arena, read_max.value));
    if (write_max.is_set)
        json_append_member(limits, STR("MaxWriteRequestUnits"),
                           json_new_number(arena, write_max.value));
    return limits;
}

static const struct json *find_named(const struct json *list, struct str name)
{
    for (const struct json *one = list ? list->first : NULL; one; one = one->next) {
        if (str_eq(json_find_str(one, "IndexName"), name))
            return one;
    }
    return NULL;
}

/* Throughput of the table or of one of its indexes, from the settings for writes, which the table
 * has, and for reads, which its replica has. */
static void put_throughput(struct arena *arena, bool is_on_demand, const struct json *reader,
                           const struct json *writer, struct json *out)
{
    const struct json *read_limit = json_find_cstr(reader, "ReadOnDemandThroughputSettings");
    const struct json *write_limit = json_find_cstr(writer, "WriteOnDemandThroughputSettings");
    if (!is_on_demand)
        json_set(out, STR("ProvisionedThroughput"),
                 units_of(arena, json_find_cstr(reader, "ReadProvisionedThroughputSettings"),
                          json_find_cstr(writer, "WriteProvisionedThroughputSettings")));
    else if (read_limit || write_limit)
        json_set(out, STR("OnDemandThroughput"), on_demand_of(arena, read_limit, write_limit));
}

static struct json *local_indexes(struct arena *arena, bool is_on_demand, const struct json *list,
                                  const struct json *replica)
{
    struct json *out = json_new(arena, JSON_ARRAY);
    for (const struct json *one = list->first; one; one = one->next) {
        struct json *index = json_copy(arena, one);
        const struct json *own = find_named(json_find_cstr(replica, "GlobalSecondaryIndexes"),
                                            json_find_str(one, "IndexName"));
        put_throughput(arena, is_on_demand, own, one, index);
        json_append(out, index);
    }
    return out;
}

struct json *ddb_cfn_local_properties(struct resource_call *rc, const struct json *properties,
                                      struct str region)
{
    static const char *const shared[] = {
        "AttributeDefinitions", "BillingMode",         "KeySchema",      "LocalSecondaryIndexes",
        "SSESpecification",     "StreamSpecification", "WarmThroughput", "TimeToLiveSpecification",
    };
    static const char *const own[] = {
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "KinesisStreamSpecification",
        "PointInTimeRecoverySpecification",
        "ResourcePolicy",
        "TableClass",
    };
    struct arena *arena = rc->call->arena;
    const struct json *replica = ddb_cfn_replica(properties, region);
    bool is_on_demand = str_eq_cstr(json_find_str(properties, "BillingMode"), "PAY_PER_REQUEST");
    struct json *out = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
        const struct json *member = json_find_cstr(properties, shared[i]);
        if (member)
            json_append_member(out, str_from_cstr(shared[i]), json_copy(arena, member));
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        const struct json *member = json_find_cstr(replica, own[i]);
        if (member)
            json_append_member(out, str_from_cstr(own[i]), json_copy(arena, member));
    }
    const struct json *key = json_find_cstr(replica, "SSESpecification");
    struct json *sse = json_find_cstr(out, "SSESpecification");
    if (key && sse)
        json_set(sse, STR("KMSMasterKeyId"),
                 json_new_string(arena, json_find_str(key, "KMSMasterKeyId")));
    put_throughput(arena, is_on_demand, replica, properties, out);
    const struct json *indexes = json_find_cstr(properties, "GlobalSecondaryIndexes");
    if (indexes)
        json_append_member(out, STR("GlobalSecondaryIndexes"),
                           local_indexes(arena, is_on_demand, indexes, replica));
    return out;
}
