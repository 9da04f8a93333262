/* check.c — what a table's keys, indexes and throughput may be; from a request into a table.
 *
 * OBSERVED: the texts are those that real DynamoDB answers, as recorded by the tests of dynalite
 * (2013 to 2020, us-east-1, Node.js SDK), which ran against AWS; the order of the checks is theirs.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    MAX_LOCAL = 5,             /* AWS: local secondary indexes per table */
    MAX_GLOBAL = 20,           /* AWS: global secondary indexes per table (default quota) */
    MAX_PROJECTED = 100,       /* AWS: projected attributes over all indexes of a table */
    NAME_MIN = 3,              /* AWS: names of tables and indexes */
    NAME_MAX_BYTES = 255,      /* AWS: likewise */
    LIST_TEXT_MAX = 16 * 1024, /* names in an error text */
};

static const int64_t units_max = 1000000000000; /* OBSERVED: larger is "out of bounds" */

#define INVALID "One or more parameter values were invalid: "

enum status ddb_check_name(struct call *call, struct str name)
{
    bool is_good = name.len >= NAME_MIN && name.len <= NAME_MAX_BYTES;
    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
    }
    if (is_good)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION,
                     "Invalid table/index name.  Table/index names must be between 3 and 255 "
                     "characters long, and may contain only the characters a-z, A-Z, 0-9, '_', "
                     "'-', and '.'");
}

/* --- billing --- */

static enum status check_units(struct call *call, struct opt_i64 units, const char *name)
{
    if (!units.is_set || units.value <= units_max)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION, "Given value %lld for %s is out of bounds",
                     (long long)units.value, name);
}

enum status ddb_apply_billing(struct call *call, struct str billing_mode,
                              const struct dynamodb_provisioned_throughput *throughput,
                              struct ddb_table *table)
{
    bool is_on_demand = str_eq_cstr(billing_mode, "PAY_PER_REQUEST");
    if (is_on_demand && throughput)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Neither ReadCapacityUnits nor WriteCapacityUnits can be "
                                 "specified when BillingMode is PAY_PER_REQUEST");
    if (!is_on_demand && !throughput)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "ReadCapacityUnits and WriteCapacityUnits must both be specified "
                                 "when BillingMode is PROVISIONED");
    table->is_on_demand = is_on_demand;
    table->read_units = 0;
    table->write_units = 0;
    if (is_on_demand)
        return STATUS_DONE;
    enum status status = check_units(call, throughput->read_capacity_units, "ReadCapacityUnits");
    if (status == STATUS_DONE)
        status = check_units(call, throughput->write_capacity_units, "WriteCapacityUnits");
    table->read_units = throughput->read_capacity_units.value;
    table->write_units = throughput->write_capacity_units.value;
    return status;
}

/* --- definitions and keys --- */

/* "[a, b]", as AWS lists names. */
static struct str key_names(struct arena *arena, const struct dynamodb_key_schema *keys)
{
    struct buf out;
    buf_init(&out, arena, LIST_TEXT_MAX);
    buf_append_char(&out, '[');
    for (size_t i = 0; i < keys->count; i++) {
        if (i > 0)
            buf_append_cstr(&out, ", ");
        buf_append(&out, keys->items[i].attribute_name);
    }
    buf_append_char(&out, ']');
    return buf_str(&out);
}

static struct str definition_names(struct arena *arena, const struct json *definitions)
{
    struct buf out;
    buf_init(&out, arena, LIST_TEXT_MAX);
    buf_append_char(&out, '[');
    for (const struct json *one = definitions->first; one; one = one->next) {
        if (one != definitions->first)
            buf_append_cstr(&out, ", ");
        buf_append(&out, one->key);
    }
    buf_append_char(&out, ']');
    return buf_str(&out);
}

static enum status gather_definitions(struct call *call,
                                      const struct dynamodb_attribute_definitions *definitions,
                                      struct json *into)
{
    for (size_t i = 0; i < definitions->count; i++) {
        const struct dynamodb_attribute_definition *one = &definitions->items[i];
        const struct json *known = json_find(into, one->attribute_name);
        if (known && !str_eq(known->text, one->attribute_type))
            return call_fail(call, &ERROR_VALIDATION,
                             "Cannot have two attributes with the same name");
        json_set(into, one->attribute_name, json_new_string(call->arena, one->attribute_type));
    }
    return STATUS_DONE;
}

static enum status check_order(struct call *call, const struct dynamodb_key_schema *keys,
                               size_t part_max)
{
    size_t hash_count = 0;
    while (hash_count < keys->count && str_eq_cstr(keys->items[hash_count].key_type, "HASH"))
        hash_count++;
    size_t range_count = keys->count - hash_count;
    if (keys->count == 2 && str_eq(keys->items[0].attribute_name, keys->items[1].attribute_name))
        return call_fail(call, &ERROR_VALIDATION,
                         "Both the Hash Key and the Range Key element in the KeySchema have the "
                         "same name");
    if (hash_count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    for (size_t i = hash_count; i < keys->count; i++) {
        if (!str_eq_cstr(keys->items[i].key_type, "RANGE"))
            return call_fail(
                call, &ERROR_VALIDATION,
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    }
    if (part_max == 1 && hash_count > 1)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    if (hash_count > part_max || range_count > part_max)
        return call_fail(call, &ERROR_VALIDATION,
                         "1 validation error detected: Value '" STR_FMT
                         "' at 'keySchema' failed to satisfy constraint: Member must have length "
                         "less than or equal to %zu",
                         STR_ARG(key_names(call->arena, keys)), 2 * part_max);
    return STATUS_DONE;
}

static enum status read_keys(struct call *call, const struct dynamodb_key_schema *keys,
                             const struct json *definitions, size_t part_max,
                             struct ddb_key_schema *out)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (json_find(definitions, keys->items[i].attribute_name))
            continue;
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Some index key attributes are not defined in "
                                 "AttributeDefinitions. Keys: " STR_FMT
                                 ", AttributeDefinitions: " STR_FMT,
                         STR_ARG(key_names(call->arena, keys)),
                         STR_ARG(definition_names(call->arena, definitions)));
    }
    enum status status = check_order(call, keys, part_max);
    if (status != STATUS_DONE)
        return status;
    *out = (struct ddb_key_schema){0};
    for (size_t i = 0; i < keys->count; i++) {
        struct str name = keys->items[i].attribute_name;
        const struct ddb_key_attribute attribute = {
            .name = name,
            .type = ddb_type_from_name(json_find(definitions, name)->text),
        };
        if (str_eq_cstr(keys->items[i].key_type, "HASH"))
            out->hash[out->hash_count++] = attribute;
        else
            out->range[out->range_count++] = attribute;
    }
    return STATUS_DONE;
}

/* --- indexes --- */

static enum status read_projection(struct call *call, const struct dynamodb_projection *wanted,
                                   struct ddb_index *index)
{
    struct str type = wanted ? wanted->projection_type : (struct str){0};
    if (!type.ptr)
        return call_fail(call, &ERROR_VALIDATION, INVALID "Unknown ProjectionType: null");
    bool is_include = str_eq_cstr(type, "INCLUDE");
    if (!is_include && wanted->non_key_attributes.count > 0)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "ProjectionType is " STR_FMT ", but NonKeyAttributes is specified",
                         STR_ARG(type));
    if (is_include && wanted->non_key_attributes.count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "ProjectionType is " STR_FMT
                                 ", but NonKeyAttributes is not specified",
                         STR_ARG(type));
    index->projection = is_include                       ? DDB_PROJECT_INCLUDE
                        : str_eq_cstr(type, "KEYS_ONLY") ? DDB_PROJECT_KEYS_ONLY
                                                         : DDB_PROJECT_ALL;
    index->attributes = wanted->non_key_attributes.items;
    index->attribute_count = wanted->non_key_attributes.count;
    return STATUS_DONE;
}

/* Room for one more index; the caller fills it. */
static struct ddb_index *grow(struct call *call, struct ddb_table *table)
{
    struct ddb_index *all = arena_alloc_array(call->arena, table->index_count + 1, sizeof(*all));
    if (table->index_count > 0)
        memcpy(all, table->indexes, table->index_count * sizeof(*all));
    table->indexes = all;
    return &all[table->index_count++];
}

static enum status finish_index(struct call *call, struct ddb_table *table, struct str name,
                                const struct ddb_index *wanted)
{
    if (ddb_table_index(table, name))
        return call_fail(call, &ERROR_VALIDATION, INVALID "Duplicate index name: " STR_FMT,
                         STR_ARG(name));
    struct ddb_index index = *wanted;
    index.name = name;
    int rc = ddb_store_next_key(call->db, &index.index_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: number an index");
    *grow(call, table) = index;
    return STATUS_DONE;
}

static enum status add_local(struct call *call, struct ddb_table *table,
                             const struct dynamodb_local_secondary_index *wanted)
{
    struct ddb_index index = {.is_local = true, .status = DDB_ACTIVE};
    const struct json *definitions = json_find_cstr(table->detail, "Attributes");
    enum status status = ddb_check_name(call, wanted->index_name);
    if (status == STATUS_DONE)
        status = read_keys(call, &wanted->key_schema, definitions, 1, &index.keys);
    if (status != STATUS_DONE)
        return status;
    if (index.keys.range_count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Index KeySchema does not have a range key for index: " STR_FMT,
                         STR_ARG(wanted->index_name));
    if (!str_eq(index.keys.hash[0].name, table->keys.hash[0].name))
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Index KeySchema does not have the same leading hash key as "
                                 "table KeySchema for index: " STR_FMT ". index hash key: " STR_FMT
                                 ", table hash key: " STR_FMT,
                         STR_ARG(wanted->index_name), STR_ARG(index.keys.hash[0].name),
                         STR_ARG(table->keys.hash[0].name));
    status = read_projection(call, wanted->projection, &index);
    return status == STATUS_DONE ? finish_index(call, table, wanted->index_name, &index) : status;
}

/* A global index's own throughput, which follows the table's billing mode. */
static enum status read_index_units(struct call *call, const struct ddb_table *table,
                                    const struct dynamodb_global_secondary_index *wanted,
                                    struct ddb_index *index)
{
    const struct dynamodb_provisioned_throughput *throughput = wanted->provisioned_throughput;
    if (table->is_on_demand && throughput)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "ProvisionedThroughput should not be specified for index: " STR_FMT
                                 " when BillingMode is PAY_PER_REQUEST",
                         STR_ARG(wanted->index_name));
    if (!table->is_on_demand && !throughput)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "ProvisionedThroughput must be specified for index: " STR_FMT,
                         STR_ARG(wanted->index_name));
    if (!throughput)
        return STATUS_DONE;
    index->read_units = throughput->read_capacity_units.value;
    index->write_units = throughput->write_capacity_units.value;
    enum status status = check_units(call, throughput->read_capacity_units, "ReadCapacityUnits");
    if (status == STATUS_DONE)
        status = check_units(call, throughput->write_capacity_units, "WriteCapacityUnits");
    return status;
}

static enum status read_global(struct call *call, struct ddb_table *table,
                               const struct dynamodb_global_secondary_index *wanted,
                               struct ddb_index *index)
{
    const struct json *definitions = json_find_cstr(table->detail, "Attributes");
    enum status status = ddb_check_name(call, wanted->index_name);
    if (status == STATUS_DONE)
        status = read_keys(call, &wanted->key_schema, definitions, DDB_KEY_PART_MAX, &index->keys);
    if (status == STATUS_DONE)
        status = read_projection(call, wanted->projection, index);
    if (status == STATUS_DONE)
        status = read_index_units(call, table, wanted, index);
    return status;
}

static size_t count_indexes(const struct ddb_table *table, bool is_local)
{
    size_t count = 0;
    for (size_t i = 0; i < table->index_count; i++)
        count += table->indexes[i].is_local == is_local;
    return count;
}

static enum status check_projected(struct call *call, const struct ddb_table *table)
{
    size_t projected = 0;
    for (size_t i = 0; i < table->index_count; i++)
        projected += table->indexes[i].attribute_count;
    if (projected <= MAX_PROJECTED)
        return STATUS_DONE;
    return call_fail(call, &ERROR_VALIDATION,
                     INVALID "Number of NonKeyAttributes exceeds per-table limit of %d",
                     MAX_PROJECTED);
}

/* What a global index's throughput and others leave in the table's detail. */
static void keep_index_limits(struct call *call, struct ddb_table *table,
                              const struct dynamodb_global_secondary_index *wanted)
{
    if (!wanted->on_demand_throughput && !wanted->warm_throughput)
        return;
    struct json *indexes = ddb_detail_object(call->arena, table->detail, STR("Indexes"));
    struct json *own = ddb_detail_object(call->arena, indexes, wanted->index_name);
    if (wanted->on_demand_throughput) {
        struct opt_i64 reads = wanted->on_demand_throughput->max_read_request_units;
        struct opt_i64 writes = wanted->on_demand_throughput->max_write_request_units;
        ddb_detail_set_i64(call->arena, own, "MaxRead", opt_i64_or(reads, -1));
        ddb_detail_set_i64(call->arena, own, "MaxWrite", opt_i64_or(writes, -1));
    }
    if (wanted->warm_throughput) {
        struct opt_i64 reads = wanted->warm_throughput->read_units_per_second;
        struct opt_i64 writes = wanted->warm_throughput->write_units_per_second;
        ddb_detail_set_i64(call->arena, own, "WarmRead", opt_i64_or(reads, 0));
        ddb_detail_set_i64(call->arena, own, "WarmWrite", opt_i64_or(writes, 0));
    }
}

static enum status add_all_local(struct call *call, struct ddb_table *table,
                                 const struct dynamodb_local_secondary_index_list *wanted)
{
    if (wanted->is_set && wanted->count == 0)
        return call_fail(call, &ERROR_VALIDATION, INVALID "List of LocalSecondaryIndexes is empty");
    if (wanted->count > 0 && table->keys.range_count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Table KeySchema does not have a range key, which is required "
                                 "when specifying a LocalSecondaryIndex");
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < wanted->count && status == STATUS_DONE; i++)
        status = add_local(call, table, &wanted->items[i]);
    if (status == STATUS_DONE && wanted->count > MAX_LOCAL)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Number of LocalSecondaryIndexes exceeds per-table limit of %d",
                         MAX_LOCAL);
    return status;
}

static enum status add_all_global(struct call *call, struct ddb_table *table,
                                  const struct dynamodb_global_secondary_index_list *wanted)
{
    if (wanted->is_set && wanted->count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "List of GlobalSecondaryIndexes is empty");
    for (size_t i = 0; i < wanted->count; i++) {
        struct ddb_index index = {.status = DDB_ACTIVE};
        enum status status = read_global(call, table, &wanted->items[i], &index);
        if (status == STATUS_DONE)
            status = finish_index(call, table, wanted->items[i].index_name, &index);
        if (status != STATUS_DONE)
            return status;
        keep_index_limits(call, table, &wanted->items[i]);
    }
    if (wanted->count > MAX_GLOBAL)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "GlobalSecondaryIndex count exceeds the per-table limit of %d",
                         MAX_GLOBAL);
    return STATUS_DONE;
}

static bool keys_use(const struct ddb_key_schema *keys, struct str name)
{
    for (size_t i = 0; i < keys->hash_count; i++) {
        if (str_eq(keys->hash[i].name, name))
            return true;
    }
    for (size_t i = 0; i < keys->range_count; i++) {
        if (str_eq(keys->range[i].name, name))
            return true;
    }
    return false;
}

static bool table_uses(const struct ddb_table *table, struct str name)
{
    bool is_used = keys_use(&table->keys, name);
    for (size_t i = 0; i < table->index_count; i++)
        is_used |= keys_use(&table->indexes[i].keys, name);
    return is_used;
}

static void append_key(struct buf *out, struct map *have, struct str name)
{
    static char there;
    if (!map_set(have, name, &there))
        return;
    if (have->count > 1)
        buf_append_cstr(out, ", ");
    buf_append(out, name);
}

static void append_keys(struct buf *out, struct map *have, const struct ddb_key_schema *keys)
{
    for (size_t i = 0; i < keys->hash_count; i++)
        append_key(out, have, keys->hash[i].name);
    for (size_t i = 0; i < keys->range_count; i++)
        append_key(out, have, keys->range[i].name);
}

static enum status check_all_used(struct call *call, const struct ddb_table *table)
{
    const struct json *definitions = json_find_cstr(table->detail, "Attributes");
    bool has_spare = false;
    for (const struct json *one = definitions->first; one; one = one->next)
        has_spare |= !table_uses(table, one->key);
    if (!has_spare)
        return STATUS_DONE;
    if (table->index_count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         INVALID "Number of attributes in KeySchema does not exactly match number "
                                 "of attributes defined in AttributeDefinitions");
    struct buf used;
    struct map have;
    buf_init(&used, call->arena, LIST_TEXT_MAX);
    map_init(&have, call->arena);
    append_keys(&used, &have, &table->keys);
    for (size_t i = 0; i < table->index_count; i++)
        append_keys(&used, &have, &table->indexes[i].keys);
    return call_fail(call, &ERROR_VALIDATION,
                     INVALID
                     "Some AttributeDefinitions are not used. AttributeDefinitions: " STR_FMT
                     ", keys used: [" STR_FMT "]",
                     STR_ARG(definition_names(call->arena, definitions)), STR_ARG(buf_str(&used)));
}

enum status ddb_schema_apply(struct call *call, const struct ddb_schema_request *request,
                             struct ddb_table *table)
{
    struct json *definitions = json_new(call->arena, JSON_OBJECT);
    json_set(table->detail, STR("Attributes"), definitions);
    enum status status = gather_definitions(call, request->definitions, definitions);
    if (status == STATUS_DONE)
        status = read_keys(call, request->keys, definitions, 1, &table->keys);
    if (status == STATUS_DONE && !request->local->is_set && !request->global->is_set)
        status = check_all_used(call, table);
    if (status == STATUS_DONE)
        status = add_all_local(call, table, request->local);
    if (status == STATUS_DONE)
        status = add_all_global(call, table, request->global);
    if (status == STATUS_DONE)
        status = check_all_used(call, table);
    return status == STATUS_DONE ? check_projected(call, table) : status;
}

enum status ddb_schema_add_index(struct call *call, struct ddb_table *table,
                                 const struct dynamodb_attribute_definitions *definitions,
                                 const struct dynamodb_global_secondary_index *wanted)
{
    struct json *known = ddb_detail_object(call->arena, table->detail, STR("Attributes"));
    enum status status = STATUS_DONE;
    if (definitions)
        status = gather_definitions(call, definitions, known);
    struct ddb_index index = {.status = DDB_CREATING, .is_backfilling = true};
    if (status == STATUS_DONE && ddb_table_index(table, wanted->index_name))
        return call_fail(call, &ERROR_VALIDATION,
                         "Attempting to create an index which already exists: " STR_FMT,
                         STR_ARG(wanted->index_name));
    if (status == STATUS_DONE)
        status = read_global(call, table, wanted, &index);
    if (status == STATUS_DONE && count_indexes(table, false) >= MAX_GLOBAL)
        return call_fail(call, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                         INVALID "GlobalSecondaryIndex count exceeds the per-table limit of %d",
                         MAX_GLOBAL);
    if (status == STATUS_DONE)
        status = finish_index(call, table, wanted->index_name, &index);
    if (status != STATUS_DONE)
        return status;
    keep_index_limits(call, table, wanted);
    return check_projected(call, table);
}

void ddb_schema_prune(struct call *call, struct ddb_table *table)
{
    const struct json *have = json_find_cstr(table->detail, "Attributes");
    struct json *kept = json_new(call->arena, JSON_OBJECT);
    for (const struct json *one = have ? have->first : NULL; one; one = one->next) {
        if (table_uses(table, one->key))
            json_append_member(kept, one->key, json_new_string(call->arena, one->text));
    }
    json_set(table->detail, STR("Attributes"), kept);
}
