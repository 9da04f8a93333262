/* load.c — from the name in a request to the table.
 *
 * TableName takes a name or an ARN; an ARN may be of another account, whose table's resource policy
 * then decides (authorize.c). The authorize hook finds the tables of a request; what it found is
 * remembered in call->subject, so that the handler's own look-up costs nothing.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    CREATION_WAIT_MS = 1000, /* a new table is ready within milliseconds */
};

/* The tables that a call has seen. */
struct seen {
    struct vec tables; /* of struct ddb_table * */
};

struct str ddb_table_arn(struct arena *arena, struct scope scope, struct str name)
{
    struct str front = str_concat3(arena, STR("arn:aws:dynamodb:"), scope.region, STR(":"));
    return str_concat3(arena, front, scope.account, str_concat(arena, STR(":table/"), name));
}

struct str ddb_stream_arn(struct arena *arena, struct scope scope, struct str table_name,
                          struct str label)
{
    return str_concat3(arena, ddb_table_arn(arena, scope, table_name), STR("/stream/"), label);
}

struct str ddb_table_channel(struct arena *arena, int64_t table_key)
{
    return str_format(arena, "ddb:table:%lld", (long long)table_key);
}

int ddb_name_read(struct call *call, struct str text, struct ddb_name *out_name)
{
    if (!str_starts_with(text, STR("arn:"))) {
        *out_name = (struct ddb_name){.scope = call->scope, .table = text};
        return 0;
    }
    struct str rest = text;
    struct str parts[5];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return -EINVAL;
    }
    struct str prefix = STR("table/");
    if (!str_eq_cstr(parts[2], "dynamodb") || !str_starts_with(rest, prefix))
        return -EINVAL;
    rest = str_from(rest, prefix.len);
    struct ddb_name name = {
        .scope = {.account = parts[4], .region = parts[3]},
        .is_arn = true,
    };
    (void)str_split_next(&rest, '/', &name.table);
    if (rest.ptr)
        (void)str_split_next(&rest, '/', &name.kind);
    name.rest = rest;
    if (name.table.len == 0)
        return -EINVAL;
    *out_name = name;
    return 0;
}

static struct seen *seen_of(struct call *call)
{
    if (!call->subject) {
        struct seen *seen = arena_alloc(call->arena, sizeof(*seen));
        vec_init(&seen->tables, call->arena, sizeof(struct ddb_table *));
        call->subject = seen;
    }
    return call->subject;
}

static struct ddb_table *look_at_seen(const struct seen *seen, struct scope scope, struct str name)
{
    for (size_t i = 0; i < seen->tables.count; i++) {
        struct ddb_table *table = *(struct ddb_table **)vec_at(&seen->tables, i);
        if (str_eq(table->name, name) && str_eq(table->scope.account, scope.account) &&
            str_eq(table->scope.region, scope.region))
            return table;
    }
    return NULL;
}

int ddb_table_load_in(struct call *call, struct scope scope, struct str name,
                      struct ddb_table **out_table)
{
    struct seen *seen = seen_of(call);
    struct ddb_table *table = look_at_seen(seen, scope, name);
    if (!table) {
        int rc = ddb_store_find_table(call->db, call->arena, scope, name, false, &table);
        if (rc <= 0)
            return rc;
        *(struct ddb_table **)vec_push(&seen->tables) = table;
    }
    *out_table = table;
    return 1;
}

int ddb_table_load(struct call *call, struct str text, struct ddb_table **out_table)
{
    struct ddb_name name;
    if (ddb_name_read(call, text, &name) < 0 || !str_eq(name.scope.region, call->scope.region))
        return 0;
    return ddb_table_load_in(call, name.scope, name.table, out_table);
}

enum status ddb_table_use(struct call *call, struct str name, struct ddb_table **out_table)
{
    struct ddb_table *table = NULL;
    int rc = ddb_table_load(call, name, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    bool is_young = rc == 1 && table->status == DDB_CREATING;
    if (is_young && call->exchange && call->now_ms < call->started_at_ms + CREATION_WAIT_MS)
        return call_wait(call, ddb_table_channel(call->arena, table->table_key),
                         call->started_at_ms + CREATION_WAIT_MS);
    /* OBSERVED: operations on items do not name the table that is missing (2013 and later, every
     * SDK's issue tracker). */
    if (rc == 0 || is_young)
        return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found");
    *out_table = table;
    return STATUS_DONE;
}

struct ddb_index *ddb_table_index(const struct ddb_table *table, struct str name)
{
    for (size_t i = 0; i < table->index_count; i++) {
        if (str_eq(table->indexes[i].name, name))
            return &table->indexes[i];
    }
    return NULL;
}

/* --- the control plane: tables with their detail --- */

static int read_detail(struct call *call, struct ddb_table *table)
{
    return json_parse(call->arena, table->detail_text, 0, &table->detail, NULL);
}

int ddb_table_find_in(struct call *call, struct scope scope, struct str name,
                      struct ddb_table **out_table)
{
    struct ddb_table *table = NULL;
    int rc = ddb_store_find_table(call->db, call->arena, scope, name, true, &table);
    if (rc == 1)
        rc = read_detail(call, table) < 0 ? -EIO : 1;
    if (rc == 1)
        *out_table = table;
    return rc;
}

int ddb_table_find_by_key(struct call *call, int64_t table_key, struct ddb_table **out_table)
{
    struct ddb_table *table = NULL;
    int rc = ddb_store_find_key(call->db, call->arena, table_key, &table);
    if (rc == 1)
        rc = read_detail(call, table) < 0 ? -EIO : 1;
    if (rc == 1)
        *out_table = table;
    return rc;
}

/* 1, 0 or -errno. */
static int find(struct call *call, struct str text, struct ddb_name *name,
                struct ddb_table **out_table)
{
    if (ddb_name_read(call, text, name) < 0) {
        *name = (struct ddb_name){.scope = call->scope, .table = text};
        return 0;
    }
    if (!str_eq(name->scope.region, call->scope.region))
        return 0;
    return ddb_table_find_in(call, name->scope, name->table, out_table);
}

enum status ddb_table_need(struct call *call, struct str text, struct ddb_table **out_table)
{
    struct ddb_name name = {0};
    int rc = find(call, text, &name, out_table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (rc == 0)
        return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found: Table: " STR_FMT " not found",
                         STR_ARG(name.table));
    return STATUS_DONE;
}

enum status ddb_table_need_other(struct call *call, struct str text, struct ddb_table **out_table)
{
    struct ddb_name name = {0};
    int rc = find(call, text, &name, out_table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (rc == 0)
        return call_fail(call, &DYNAMODB_TABLE_NOT_FOUND_EXCEPTION, "Table not found: " STR_FMT,
                         STR_ARG(name.table));
    return STATUS_DONE;
}

enum status ddb_table_save(struct call *call, struct ddb_table *table)
{
    CHECK(table->detail);
    struct str hot = ddb_hot_encode(call->arena, table);
    struct str detail = json_to_str(call->arena, table->detail);
    int rc = ddb_store_update_table(call->db, table, hot, detail);
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: update a table") : STATUS_DONE;
}

/* --- members of details --- */

int64_t ddb_detail_i64(const struct json *object, const char *name, int64_t otherwise)
{
    const struct json *member = json_find_cstr(object, name);
    int64_t value = otherwise;
    if (member && member->kind == JSON_NUMBER && str_to_i64(member->text, &value) < 0)
        value = otherwise;
    return value;
}

bool ddb_detail_bool(const struct json *object, const char *name)
{
    const struct json *member = json_find_cstr(object, name);
    return member && member->kind == JSON_TRUE;
}

struct json *ddb_detail_object(struct arena *arena, struct json *object, struct str name)
{
    struct json *member = json_find(object, name);
    if (!json_is_object(member)) {
        member = json_new(arena, JSON_OBJECT);
        json_set(object, name, member);
    }
    return member;
}

void ddb_detail_set_i64(struct arena *arena, struct json *object, const char *name, int64_t value)
{
    json_set(object, str_from_cstr(name), json_new_number(arena, value));
}

void ddb_detail_set_str(struct arena *arena, struct json *object, const char *name,
                        struct str value)
{
    json_set(object, str_from_cstr(name), json_new_string(arena, value));
}

void ddb_detail_set_bool(struct arena *arena, struct json *object, const char *name, bool value)
{
    json_set(object, str_from_cstr(name), json_new_bool(arena, value));
}
