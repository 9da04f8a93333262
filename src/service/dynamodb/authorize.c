/* authorize.c — what an operation acts on, for the policy check before its handler.
 *
 * AWS: "Actions, resources, and condition keys for Amazon DynamoDB" (service authorization
 * reference). Batches are checked per table with the batch's own action; a transaction is checked
 * per item with the action of the item and dynamodb:EnclosingOperation. PartiQL statements are
 * checked by their handlers, which read them (ddb_authorize_table).
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum subject {
    SUBJECT_ALL,     /* "*" */
    SUBJECT_TABLE,   /* member TableName, maybe IndexName */
    SUBJECT_ARN,     /* member ResourceArn or BackupArn, a table's, stream's or backup's */
    SUBJECT_RESTORE, /* the source and the table that is to be */
    SUBJECT_BATCH,   /* a map of tables */
    SUBJECT_TRANSACT,
    SUBJECT_STATEMENT, /* the handler asks */
    SUBJECT_IMPORT,    /* the table that is to be */
};

struct rule {
    enum subject subject;
    const char *member;
};

static const struct rule rules[DYNAMODB_OP_COUNT] = {
    [DYNAMODB_OP_BATCH_EXECUTE_STATEMENT] = {SUBJECT_STATEMENT, NULL},
    [DYNAMODB_OP_BATCH_GET_ITEM] = {SUBJECT_BATCH, NULL},
    [DYNAMODB_OP_BATCH_WRITE_ITEM] = {SUBJECT_BATCH, NULL},
    [DYNAMODB_OP_CREATE_BACKUP] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_CREATE_TABLE] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DELETE_BACKUP] = {SUBJECT_ARN, "BackupArn"},
    [DYNAMODB_OP_DELETE_ITEM] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DELETE_RESOURCE_POLICY] = {SUBJECT_ARN, "ResourceArn"},
    [DYNAMODB_OP_DELETE_TABLE] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_BACKUP] = {SUBJECT_ARN, "BackupArn"},
    [DYNAMODB_OP_DESCRIBE_CONTINUOUS_BACKUPS] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_CONTRIBUTOR_INSIGHTS] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_KINESIS_STREAMING_DESTINATION] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_TABLE] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_TABLE_REPLICA_AUTO_SCALING] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_TIME_TO_LIVE] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DISABLE_KINESIS_STREAMING_DESTINATION] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_ENABLE_KINESIS_STREAMING_DESTINATION] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_DESCRIBE_EXPORT] = {SUBJECT_ARN, "ExportArn"},
    [DYNAMODB_OP_DESCRIBE_IMPORT] = {SUBJECT_ARN, "ImportArn"},
    [DYNAMODB_OP_EXPORT_TABLE_TO_POINT_IN_TIME] = {SUBJECT_ARN, "TableArn"},
    [DYNAMODB_OP_IMPORT_TABLE] = {SUBJECT_IMPORT, NULL},
    [DYNAMODB_OP_EXECUTE_STATEMENT] = {SUBJECT_STATEMENT, NULL},
    [DYNAMODB_OP_EXECUTE_TRANSACTION] = {SUBJECT_STATEMENT, NULL},
    [DYNAMODB_OP_GET_ITEM] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_GET_RESOURCE_POLICY] = {SUBJECT_ARN, "ResourceArn"},
    [DYNAMODB_OP_LIST_TAGS_OF_RESOURCE] = {SUBJECT_ARN, "ResourceArn"},
    [DYNAMODB_OP_PUT_ITEM] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_PUT_RESOURCE_POLICY] = {SUBJECT_ARN, "ResourceArn"},
    [DYNAMODB_OP_QUERY] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_RESTORE_TABLE_FROM_BACKUP] = {SUBJECT_RESTORE, "BackupArn"},
    [DYNAMODB_OP_RESTORE_TABLE_TO_POINT_IN_TIME] = {SUBJECT_RESTORE, "SourceTableName"},
    [DYNAMODB_OP_SCAN] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_TAG_RESOURCE] = {SUBJECT_ARN, "ResourceArn"},
    [DYNAMODB_OP_TRANSACT_GET_ITEMS] = {SUBJECT_TRANSACT, NULL},
    [DYNAMODB_OP_TRANSACT_WRITE_ITEMS] = {SUBJECT_TRANSACT, NULL},
    [DYNAMODB_OP_UNTAG_RESOURCE] = {SUBJECT_ARN, "ResourceArn"},
    [DYNAMODB_OP_UPDATE_CONTINUOUS_BACKUPS] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_UPDATE_CONTRIBUTOR_INSIGHTS] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_UPDATE_ITEM] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_UPDATE_KINESIS_STREAMING_DESTINATION] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_UPDATE_TABLE] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_UPDATE_TABLE_REPLICA_AUTO_SCALING] = {SUBJECT_TABLE, "TableName"},
    [DYNAMODB_OP_UPDATE_TIME_TO_LIVE] = {SUBJECT_TABLE, "TableName"},
};

/* --- members of an input by their name --- */

static const struct member *find_member(const struct call *call, const char *name)
{
    const struct shape *shape = call->operation->in;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return &shape->members[i];
    }
    return NULL;
}

static const void *member_of(const struct call *call, const void *in, const char *name)
{
    const struct member *member = find_member(call, name);
    return member ? (const char *)in + member->offset : NULL;
}

static struct str text_of(const struct call *call, const void *in, const char *name)
{
    const struct str *text = member_of(call, in, name);
    return text ? *text : (struct str){0};
}

/* --- condition keys --- */

static void add_values(struct vec *keys, struct str key, const struct str *values, size_t count)
{
    if (count == 0)
        return;
    *(struct condition_value *)vec_push(keys) = (struct condition_value){
        .key = key,
        .values = values,
        .value_count = count,
    };
}

static void add_value(struct vec *keys, struct str key, struct str value)
{
    if (!value.ptr)
        return;
    struct str *copy = arena_alloc(keys->arena, sizeof(*copy));
    *copy = value;
    add_values(keys, key, copy, 1);
}

/* The text of a key attribute's value. */
static struct str value_text(const struct dynamodb_attribute_value *value)
{
    return value->s.ptr ? value->s : value->n.ptr ? value->n : value->b;
}

/* Entries of any generated map of attribute values look alike. */
static void add_leading(struct vec *leading, const void *map, const struct ddb_table *table)
{
    const struct dynamodb_attribute_map *entries = map;
    for (size_t i = 0; entries && i < entries->count; i++) {
        if (str_eq(entries->items[i].key, table->keys.hash[0].name))
            *(struct str *)vec_push(leading) = value_text(&entries->items[i].value);
    }
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '#' || c == ':';
}

/* The next word or operator of an expression; empty at its end. */
static struct str next_token(struct str *rest)
{
    while (rest->len > 0 && (unsigned char)rest->ptr[0] <= ' ')
        *rest = str_from(*rest, 1);
    size_t len = 0;
    while (len < rest->len && is_word(rest->ptr[len]))
        len++;
    if (len == 0 && rest->len > 0)
        len = 1;
    struct str token = str_slice(*rest, 0, len);
    *rest = str_from(*rest, len);
    return token;
}

static struct str resolve_name(const struct dynamodb_expression_attribute_name_map *names,
                               struct str token)
{
    for (size_t i = 0; names && i < names->count; i++) {
        if (str_eq(names->items[i].key, token))
            return names->items[i].value;
    }
    return token;
}

/* "hash = :value" in a KeyConditionExpression. */
static void add_queried(struct vec *leading, const struct dynamodb_query_in *in,
                        const struct ddb_key_schema *keys)
{
    struct str rest = in->key_condition_expression;
    struct str name = next_token(&rest);
    while (name.len > 0) {
        struct str operator= next_token(&rest);
        bool is_hash =
            str_eq_cstr(operator, "=") &&
            str_eq(resolve_name(&in->expression_attribute_names, name), keys->hash[0].name);
        if (!is_hash) {
            name = operator;
            continue;
        }
        struct str value = next_token(&rest);
        for (size_t i = 0; i < in->expression_attribute_values.count; i++) {
            if (str_eq(in->expression_attribute_values.items[i].key, value))
                *(struct str *)vec_push(leading) =
                    value_text(&in->expression_attribute_values.items[i].value);
        }
        name = next_token(&rest);
    }
    for (size_t i = 0; i < in->key_conditions.count; i++) {
        const struct dynamodb_condition *condition = &in->key_conditions.items[i].value;
        if (str_eq(in->key_conditions.items[i].key, keys->hash[0].name) &&
            condition->attribute_value_list.count > 0)
            *(struct str *)vec_push(leading) =
                value_text(&condition->attribute_value_list.items[0]);
    }
}

/* Names of the top-level attributes that a request asks for or gives. */
static void add_attributes(struct call *call, const void *in, struct vec *keys)
{
    struct vec names;
    vec_init(&names, call->arena, sizeof(struct str));
    const struct dynamodb_expression_attribute_name_map *aliases =
        member_of(call, in, "ExpressionAttributeNames");
    const struct dynamodb_attribute_name_list *listed = member_of(call, in, "AttributesToGet");
    for (size_t i = 0; listed && i < listed->count; i++)
        *(struct str *)vec_push(&names) = listed->items[i];
    static const char *const maps[] = {"Key", "Item"};
    for (size_t m = 0; m < ARRAY_LEN(maps); m++) {
        const struct dynamodb_attribute_map *entries = member_of(call, in, maps[m]);
        for (size_t i = 0; entries && i < entries->count; i++)
            *(struct str *)vec_push(&names) = entries->items[i].key;
    }
    struct str rest = text_of(call, in, "ProjectionExpression");
    for (struct str word = next_token(&rest); word.len > 0; word = next_token(&rest)) {
        struct str path = word;
        struct str first = {0};
        (void)str_split_next(&path, '.', &first);
        if (first.len > 0 && is_word(first.ptr[0]) && !(first.ptr[0] >= '0' && first.ptr[0] <= '9'))
            *(struct str *)vec_push(&names) = resolve_name(aliases, first);
    }
    if (text_of(call, in, "UpdateExpression").len > 0) {
        for (size_t i = 0; aliases && i < aliases->count; i++)
            *(struct str *)vec_push(&names) = aliases->items[i].value;
    }
    const struct dynamodb_attribute_updates *updates = member_of(call, in, "AttributeUpdates");
    for (size_t i = 0; updates && i < updates->count; i++)
        *(struct str *)vec_push(&names) = updates->items[i].key;
    add_values(keys, STR("dynamodb:Attributes"), names.items, names.count);
}

static void add_request_tags(struct call *call, const void *in, struct vec *keys)
{
    const struct dynamodb_tag_list *tags = member_of(call, in, "Tags");
    const struct dynamodb_tag_key_list *removed = member_of(call, in, "TagKeys");
    if (removed)
        add_values(keys, STR("aws:TagKeys"), removed->items, removed->count);
    if (!tags || tags->count == 0)
        return;
    struct str *names = arena_alloc_array(call->arena, tags->count, sizeof(*names));
    for (size_t i = 0; i < tags->count; i++) {
        names[i] = tags->items[i].key;
        add_value(keys, str_concat(call->arena, STR("aws:RequestTag/"), names[i]),
                  tags->items[i].value);
    }
    add_values(keys, STR("aws:TagKeys"), names, tags->count);
}

static int add_resource_tags(struct call *call, const struct ddb_table *table, struct vec *keys)
{
    struct ddb_table *full = NULL;
    int rc = ddb_table_find_in(call, table->scope, table->name, &full);
    const struct json *tags = rc == 1 ? json_find_cstr(full->detail, "Tags") : NULL;
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next)
        add_value(keys, str_concat(call->arena, STR("aws:ResourceTag/"), tag->key), tag->text);
    return rc < 0 ? rc : 0;
}

/* Root of the table's account may do everything unless the table's own policy says otherwise. */
static bool needs_conditions(const struct call *call, const struct ddb_table *table)
{
    return call->principal->kind != PRINCIPAL_ROOT || (table && table->policy.ptr);
}

static int add_conditions(struct call *call, const void *in, const struct ddb_table *table,
                          struct vec *keys)
{
    static const struct {
        struct str key;
        const char *member;
    } texts[] = {
        {STR_INIT("dynamodb:Select"), "Select"},
        {STR_INIT("dynamodb:ReturnValues"), "ReturnValues"},
        {STR_INIT("dynamodb:ReturnConsumedCapacity"), "ReturnConsumedCapacity"},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        add_value(keys, texts[i].key, text_of(call, in, texts[i].member));
    add_attributes(call, in, keys);
    add_request_tags(call, in, keys);
    if (!table)
        return 0;
    struct vec leading;
    vec_init(&leading, call->arena, sizeof(struct str));
    add_leading(&leading, member_of(call, in, "Key"), table);
    add_leading(&leading, member_of(call, in, "Item"), table);
    if (call->operation == &dynamodb_operations[DYNAMODB_OP_QUERY]) {
        const struct dynamodb_query_in *query = in;
        const struct ddb_index *index = ddb_table_index(table, query->index_name);
        add_queried(&leading, query, index ? &index->keys : &table->keys);
    }
    add_values(keys, STR("dynamodb:LeadingKeys"), leading.items, leading.count);
    return add_resource_tags(call, table, keys);
}

/* --- what is acted on --- */

static void name_table(struct call *call, const struct ddb_name *name, struct str index_name,
                       const struct ddb_table *table, struct authorization *out)
{
    out->resource = ddb_table_arn(call->arena, name->scope, name->table);
    out->resource_account = name->scope.account;
    if (table)
        out->resource_policy = table->policy;
    if (index_name.len > 0)
        out->resource = str_concat3(call->arena, out->resource, STR("/index/"), index_name);
}

static enum status authorize_name(struct call *call, const void *in, struct str text,
                                  struct authorization *out)
{
    struct ddb_name name;
    struct ddb_table *table = NULL;
    if (ddb_name_read(call, text, &name) < 0)
        return STATUS_DONE; /* the handler says what is wrong with it */
    int rc = ddb_table_load(call, text, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    name_table(call, &name, text_of(call, in, "IndexName"), table, out);
    if (name.kind.len > 0)
        out->resource = text;
    if (str_eq_cstr(name.kind, "stream") && table)
        out->resource_policy = table->stream_policy;
    if (!needs_conditions(call, table))
        return STATUS_DONE;
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct condition_value));
    rc = add_conditions(call, in, table, &keys);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: tags of a table");
    out->conditions = keys.items;
    out->condition_count = keys.count;
    return STATUS_DONE;
}

enum status ddb_authorize_table(struct call *call, struct str text, struct str index_name,
                                struct str action, const struct condition_value *conditions,
                                size_t condition_count)
{
    struct ddb_name name;
    struct ddb_table *table = NULL;
    if (ddb_name_read(call, text, &name) < 0)
        return STATUS_DONE;
    int rc = ddb_table_load(call, text, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    bool is_own = str_eq(call->principal->account, name.scope.account);
    if (call->principal->kind == PRINCIPAL_ROOT && is_own && (!table || !table->policy.ptr))
        return STATUS_DONE;
    struct authorization what = {
        .action = action,
        .conditions = conditions,
        .condition_count = condition_count,
    };
    name_table(call, &name, index_name, table, &what);
    return call_authorize(call, &what);
}

static enum status check_keys(struct call *call, struct str table_name, struct str action,
                              const struct vec *maps, struct str enclosing)
{
    struct ddb_table *table = NULL;
    int rc = ddb_table_load(call, table_name, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    struct vec keys;
    struct vec leading;
    vec_init(&keys, call->arena, sizeof(struct condition_value));
    vec_init(&leading, call->arena, sizeof(struct str));
    bool is_full = table && needs_conditions(call, table);
    for (size_t i = 0; is_full && i < maps->count; i++)
        add_leading(&leading, *(const void **)vec_at(maps, i), table);
    add_values(&keys, STR("dynamodb:LeadingKeys"), leading.items, leading.count);
    add_value(&keys, STR("dynamodb:EnclosingOperation"), enclosing);
    rc = is_full ? add_resource_tags(call, table, &keys) : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: tags of a table");
    return ddb_authorize_table(call, table_name, (struct str){0}, action, keys.items, keys.count);
}

static void add_map(struct vec *maps, const void *map)
{
    *(const void **)vec_push(maps) = map;
}

static enum status authorize_batch_get(struct call *call,
                                       const struct dynamodb_batch_get_item_in *in)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < in->request_items.count && status == STATUS_DONE; i++) {
        struct vec maps;
        vec_init(&maps, call->arena, sizeof(const void *));
        const struct dynamodb_keys_and_attributes *one = &in->request_items.items[i].value;
        for (size_t k = 0; k < one->keys.count; k++)
            add_map(&maps, &one->keys.items[k]);
        status = check_keys(call, in->request_items.items[i].key, STR("dynamodb:BatchGetItem"),
                            &maps, (struct str){0});
    }
    return status;
}

static enum status authorize_batch_write(struct call *call,
                                         const struct dynamodb_batch_write_item_in *in)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < in->request_items.count && status == STATUS_DONE; i++) {
        struct vec maps;
        vec_init(&maps, call->arena, sizeof(const void *));
        const struct dynamodb_write_requests *all = &in->request_items.items[i].value;
        for (size_t k = 0; k < all->count; k++) {
            if (all->items[k].put_request)
                add_map(&maps, &all->items[k].put_request->item);
            if (all->items[k].delete_request)
                add_map(&maps, &all->items[k].delete_request->key);
        }
        status = check_keys(call, in->request_items.items[i].key, STR("dynamodb:BatchWriteItem"),
                            &maps, (struct str){0});
    }
    return status;
}

static enum status authorize_one(struct call *call, struct str table_name, const char *action,
                                 const void *map)
{
    struct vec maps;
    vec_init(&maps, call->arena, sizeof(const void *));
    add_map(&maps, map);
    return check_keys(call, table_name, str_from_cstr(action), &maps, call->operation->name);
}

static enum status authorize_transact_get(struct call *call,
                                          const struct dynamodb_transact_get_items_in *in)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < in->transact_items.count && status == STATUS_DONE; i++) {
        const struct dynamodb_get *get = in->transact_items.items[i].get;
        status = authorize_one(call, get->table_name, "dynamodb:GetItem", &get->key);
    }
    return status;
}

static enum status authorize_transact_write(struct call *call,
                                            const struct dynamodb_transact_write_items_in *in)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < in->transact_items.count && status == STATUS_DONE; i++) {
        const struct dynamodb_transact_write_item *one = &in->transact_items.items[i];
        if (one->put)
            status = authorize_one(call, one->put->table_name, "dynamodb:PutItem", &one->put->item);
        else if (one->delete)
            status = authorize_one(call, one->delete->table_name, "dynamodb:DeleteItem",
                                   &one->delete->key);
        else if (one->update)
            status = authorize_one(call, one->update->table_name, "dynamodb:UpdateItem",
                                   &one->update->key);
        else if (one->condition_check)
            status = authorize_one(call, one->condition_check->table_name,
                                   "dynamodb:ConditionCheckItem", &one->condition_check->key);
    }
    return status;
}

static enum status authorize_restore(struct call *call, const void *in, struct str source,
                                     struct authorization *out)
{
    struct str action = str_concat(call->arena, STR("dynamodb:"), call->operation->name);
    enum status status = ddb_authorize_table(call, text_of(call, in, "TargetTableName"),
                                             (struct str){0}, action, NULL, 0);
    return status == STATUS_DONE ? authorize_name(call, in, source, out) : status;
}

enum status ddb_authorize(struct call *call, const void *in, struct authorization *out)
{
    enum dynamodb_op op = (enum dynamodb_op)(call->operation - dynamodb_operations);
    const struct rule *rule = &rules[op];
    switch (rule->subject) {
    case SUBJECT_ALL:
        return STATUS_DONE;
    case SUBJECT_TABLE:
    case SUBJECT_ARN:
        return authorize_name(call, in, text_of(call, in, rule->member), out);
    case SUBJECT_RESTORE: {
        struct str source = text_of(call, in, rule->member);
        return authorize_restore(call, in,
                                 source.ptr ? source : text_of(call, in, "SourceTableArn"), out);
    }
    case SUBJECT_BATCH:
        out->action = STR("");
        return op == DYNAMODB_OP_BATCH_GET_ITEM ? authorize_batch_get(call, in)
                                                : authorize_batch_write(call, in);
    case SUBJECT_TRANSACT:
        out->action = STR("");
        return op == DYNAMODB_OP_TRANSACT_GET_ITEMS ? authorize_transact_get(call, in)
                                                    : authorize_transact_write(call, in);
    case SUBJECT_STATEMENT:
        out->action = STR("");
        return STATUS_DONE;
    case SUBJECT_IMPORT: {
        const struct dynamodb_import_table_in *import = in;
        return authorize_name(call, in, import->table_creation_parameters->table_name, out);
    }
    }
    return STATUS_DONE;
}
