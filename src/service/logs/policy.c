/* policy.c — resource policies, destinations and query definitions: things with a name in an
 * account and Region.
 *
 * A resource policy lets services write ("delivery.logs.amazonaws.com", "events.amazonaws.com"); it
 * is judged when one delivers (target.c). A destination is recorded: Kinesis, where it would lead,
 * is not here, so nothing can subscribe to it.
 *
 * Docs: API reference of the operations. The texts of the errors: OBSERVED (2026-02-05, recorded by
 * public test suites with boto3), or the documentation of the exception.
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/logs/logs.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 50,
    MAX_POLICIES = 10, /* AWS: "up to 10 resource policies per AWS Region" */
    DEFINITIONS_DEFAULT = 1000,
};

#define POLICY STR("policy")
#define DESTINATION STR("destination")
#define DEFINITION STR("definition")

static struct str text_of(struct call *call, struct json **out_value, const struct log_item *item,
                          const char *key)
{
    if (!*out_value && json_parse(call->arena, item->value, 0, out_value, NULL) < 0)
        return (struct str){0};
    return json_find_str(*out_value, key);
}

/* The items of a kind after a token. */
static enum status list_items(struct call *call, struct str kind, struct str prefix,
                              struct str token, size_t limit, struct log_item **out_items,
                              size_t *out_count, struct str *out_token)
{
    struct log_item_list list = {.kind = kind, .prefix = prefix};
    enum status status = logs_token_read(call, token, &list.after_name);
    if (status != STATUS_DONE)
        return status;
    *out_items = arena_alloc_array(call->arena, limit + 1, sizeof(**out_items));
    int64_t count = logs_store_list_items(call->db, call->arena, call->scope, &list,
                                          (int64_t)limit + 1, *out_items);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list");
    if ((size_t)count > limit)
        *out_token = logs_token_write(call, (*out_items)[limit - 1].name);
    *out_count = (size_t)count > limit ? limit : (size_t)count;
    return STATUS_DONE;
}

static enum status put_item(struct call *call, struct str kind, struct str name,
                            int64_t created_at_ms, const struct json *value)
{
    const struct log_item item = {
        .kind = kind,
        .owner = STR(""),
        .name = name,
        .created_at_ms = created_at_ms,
        .value = json_to_str(call->arena, value),
    };
    int rc = logs_store_put_item(call->db, call->scope, &item);
    return rc < 0 ? call_fail_internal(call, rc, "logs: put") : STATUS_DONE;
}

static enum status check_policy(struct call *call, struct str text)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, text, POLICY_RESOURCE, &policy, &error) < 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION, STR_FMT, STR_ARG(error.message));
    return STATUS_DONE;
}

/* --- resource policies --- */

/* DEVIATION: policies attached to one group (resourceArn) are not here. */
static enum status refuse_attached(struct call *call, struct str arn)
{
    if (arn.len == 0)
        return STATUS_DONE;
    return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                     "Resource policies with a resourceArn are not implemented.");
}

enum status logs_put_resource_policy(struct call *call,
                                     const struct logs_put_resource_policy_in *in,
                                     struct logs_put_resource_policy_out *out)
{
    struct log_item *items = NULL;
    struct log_item existing = {0};
    struct str token = {0};
    size_t count = 0;
    enum status status = refuse_attached(call, in->resource_arn);
    if (status == STATUS_DONE && (in->policy_name.len == 0 || in->policy_document.len == 0))
        status = call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                           "Both policyName and policyDocument must be specified.");
    if (status == STATUS_DONE)
        status = check_policy(call, in->policy_document);
    if (status == STATUS_DONE)
        status = list_items(call, POLICY, STR(""), (struct str){0}, MAX_POLICIES, &items, &count,
                            &token);
    if (status != STATUS_DONE)
        return status;
    int found = logs_store_find_item(call->db, call->arena, call->scope, POLICY, STR(""),
                                     in->policy_name, &existing);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a policy");
    if (found == 0 && count >= MAX_POLICIES)
        return call_fail(call, &LOGS_LIMIT_EXCEEDED_EXCEPTION, "Resource limit exceeded.");
    struct json *value = json_new(call->arena, JSON_OBJECT);
    json_append_member(value, STR("document"), json_new_string(call->arena, in->policy_document));
    json_append_member(value, STR("updated"), json_new_number(call->arena, call->now_ms));
    out->resource_policy = arena_alloc(call->arena, sizeof(*out->resource_policy));
    out->resource_policy->policy_name = in->policy_name;
    out->resource_policy->policy_document = in->policy_document;
    out->resource_policy->last_updated_time = opt_i64(call->now_ms);
    return put_item(call, POLICY, in->policy_name, call->now_ms, value);
}

enum status logs_delete_resource_policy(struct call *call,
                                        const struct logs_delete_resource_policy_in *in,
                                        struct logs_delete_resource_policy_out *out)
{
    (void)out;
    enum status status = refuse_attached(call, in->resource_arn);
    if (status != STATUS_DONE)
        return status;
    int rc = logs_store_delete_item(call->db, call->scope, POLICY, STR(""), in->policy_name);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: delete a policy");
    if (rc == 0)
        return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Policy with name [" STR_FMT "] does not exist", STR_ARG(in->policy_name));
    return STATUS_DONE;
}

enum status logs_describe_resource_policies(struct call *call,
                                            const struct logs_describe_resource_policies_in *in,
                                            struct logs_describe_resource_policies_out *out)
{
    struct log_item *items = NULL;
    size_t count = 0;
    enum status status = refuse_attached(call, in->resource_arn);
    if (status == STATUS_DONE)
        status = list_items(call, POLICY, STR(""), in->next_token,
                            (size_t)opt_i32_or(in->limit, LIST_DEFAULT), &items, &count,
                            &out->next_token);
    if (status != STATUS_DONE)
        return status;
    out->resource_policies.items =
        arena_alloc_array(call->arena, count, sizeof(*out->resource_policies.items));
    out->resource_policies.is_set = true;
    for (size_t i = 0; i < count; i++) {
        struct json *value = NULL;
        int64_t updated = items[i].created_at_ms;
        struct str document = text_of(call, &value, &items[i], "document");
        const struct json *at = json_find_cstr(value, "updated");
        if (at)
            (void)!str_to_i64(at->text, &updated);
        out->resource_policies.items[out->resource_policies.count++] =
            (struct logs_resource_policy){
                .policy_name = items[i].name,
                .policy_document = document,
                .last_updated_time = opt_i64(updated),
            };
    }
    return STATUS_DONE;
}

/* --- destinations --- */

static void show_destination(struct call *call, const struct log_item *item,
                             struct logs_destination *out)
{
    struct json *value = NULL;
    struct str policy = text_of(call, &value, item, "policy");
    *out = (struct logs_destination){
        .destination_name = item->name,
        .target_arn = text_of(call, &value, item, "target"),
        .role_arn = text_of(call, &value, item, "role"),
        .access_policy = policy.len > 0 ? policy : (struct str){0},
        .arn = call_arn(call, "logs", false, "destination:" STR_FMT, STR_ARG(item->name)),
        .creation_time = opt_i64(item->created_at_ms),
    };
}

static enum status find_destination(struct call *call, struct str name, struct log_item *out_item,
                                    struct json **out_value, int *out_found)
{
    int found = logs_store_find_item(call->db, call->arena, call->scope, DESTINATION, STR(""), name,
                                     out_item);
    int rc = found;
    if (found == 1)
        rc = json_parse(call->arena, out_item->value, 0, out_value, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: find a destination");
    *out_found = found;
    return STATUS_DONE;
}

enum status logs_put_destination(struct call *call, const struct logs_put_destination_in *in,
                                 struct logs_put_destination_out *out)
{
    struct log_item item = {.name = in->destination_name, .created_at_ms = call->now_ms};
    struct json *value = NULL;
    int found = 0;
    enum status status = find_destination(call, in->destination_name, &item, &value, &found);
    if (status != STATUS_DONE)
        return status;
    if (found == 0)
        value = json_new(call->arena, JSON_OBJECT);
    json_set(value, STR("target"), json_new_string(call->arena, in->target_arn));
    json_set(value, STR("role"), json_new_string(call->arena, in->role_arn));
    item.value = json_to_str(call->arena, value);
    out->destination = arena_alloc(call->arena, sizeof(*out->destination));
    show_destination(call, &item, out->destination);
    return put_item(call, DESTINATION, in->destination_name, item.created_at_ms, value);
}

static enum status destination_missing(struct call *call)
{
    return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                     "The specified destination does not exist.");
}

enum status logs_put_destination_policy(struct call *call,
                                        const struct logs_put_destination_policy_in *in,
                                        struct logs_put_destination_policy_out *out)
{
    (void)out;
    struct log_item item = {0};
    struct json *value = NULL;
    int found = 0;
    enum status status = find_destination(call, in->destination_name, &item, &value, &found);
    if (status == STATUS_DONE && found == 0)
        status = destination_missing(call);
    if (status == STATUS_DONE)
        status = check_policy(call, in->access_policy);
    if (status != STATUS_DONE)
        return status;
    json_set(value, STR("policy"), json_new_string(call->arena, in->access_policy));
    return put_item(call, DESTINATION, in->destination_name, item.created_at_ms, value);
}

enum status logs_delete_destination(struct call *call, const struct logs_delete_destination_in *in,
                                    struct logs_delete_destination_out *out)
{
    (void)out;
    int rc =
        logs_store_delete_item(call->db, call->scope, DESTINATION, STR(""), in->destination_name);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: delete a destination");
    return rc == 0 ? destination_missing(call) : STATUS_DONE;
}

enum status logs_describe_destinations(struct call *call,
                                       const struct logs_describe_destinations_in *in,
                                       struct logs_describe_destinations_out *out)
{
    struct log_item *items = NULL;
    size_t count = 0;
    enum status status =
        list_items(call, DESTINATION, in->destination_name_prefix, in->next_token,
                   (size_t)opt_i32_or(in->limit, LIST_DEFAULT), &items, &count, &out->next_token);
    if (status != STATUS_DONE)
        return status;
    out->destinations.items =
        arena_alloc_array(call->arena, count, sizeof(*out->destinations.items));
    out->destinations.is_set = true;
    for (size_t i = 0; i < count; i++)
        show_destination(call, &items[i], &out->destinations.items[out->destinations.count++]);
    return STATUS_DONE;
}

/* --- query definitions --- */

static enum status definition_missing(struct call *call)
{
    return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                     "The specified query definition does not exist.");
}

enum status logs_put_query_definition(struct call *call,
                                      const struct logs_put_query_definition_in *in,
                                      struct logs_put_query_definition_out *out)
{
    struct log_item existing = {0};
    struct str id = str_or(in->query_definition_id, rand_uuid(call->arena));
    int found = logs_store_find_item(call->db, call->arena, call->scope, DEFINITION, STR(""), id,
                                     &existing);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a query definition");
    if (found == 0 && in->query_definition_id.len > 0)
        return definition_missing(call);
    struct json *value = json_new(call->arena, JSON_OBJECT);
    struct json *groups = json_new(call->arena, JSON_ARRAY);
    for (size_t i = 0; i < in->log_group_names.count; i++)
        json_append(groups, json_new_string(call->arena, in->log_group_names.items[i]));
    json_append_member(value, STR("name"), json_new_string(call->arena, in->name));
    json_append_member(value, STR("query"), json_new_string(call->arena, in->query_string));
    json_append_member(value, STR("language"),
                       json_new_string(call->arena, str_or(in->query_language, STR("CWLI"))));
    json_append_member(value, STR("groups"), groups);
    json_append_member(value, STR("modified"), json_new_number(call->arena, call->now_ms));
    out->query_definition_id = id;
    return put_item(call, DEFINITION, id, call->now_ms, value);
}

enum status logs_delete_query_definition(struct call *call,
                                         const struct logs_delete_query_definition_in *in,
                                         struct logs_delete_query_definition_out *out)
{
    int rc =
        logs_store_delete_item(call->db, call->scope, DEFINITION, STR(""), in->query_definition_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: delete a query definition");
    out->success = opt_bool(true);
    return rc == 0 ? definition_missing(call) : STATUS_DONE;
}

enum status logs_describe_query_definitions(struct call *call,
                                            const struct logs_describe_query_definitions_in *in,
                                            struct logs_describe_query_definitions_out *out)
{
    struct log_item *items = NULL;
    size_t count = 0;
    enum status status = list_items(call, DEFINITION, STR(""), in->next_token,
                                    (size_t)opt_i32_or(in->max_results, DEFINITIONS_DEFAULT),
                                    &items, &count, &out->next_token);
    if (status != STATUS_DONE)
        return status;
    out->query_definitions.items =
        arena_alloc_array(call->arena, count, sizeof(*out->query_definitions.items));
    out->query_definitions.is_set = true;
    for (size_t i = 0; i < count; i++) {
        struct json *value = NULL;
        int64_t modified = items[i].created_at_ms;
        struct str name = text_of(call, &value, &items[i], "name");
        if (!value || !str_starts_with(name, str_or(in->query_definition_name_prefix, STR(""))))
            continue;
        const struct json *at = json_find_cstr(value, "modified");
        const struct json *groups = json_find_cstr(value, "groups");
        struct logs_query_definition *shown =
            &out->query_definitions.items[out->query_definitions.count++];
        if (at)
            (void)!str_to_i64(at->text, &modified);
        *shown = (struct logs_query_definition){
            .query_language = json_find_str(value, "language"),
            .query_definition_id = items[i].name,
            .name = name,
            .query_string = json_find_str(value, "query"),
            .last_modified = opt_i64(modified),
        };
        shown->log_group_names.items =
            arena_alloc_array(call->arena, groups->count, sizeof(struct str));
        for (const struct json *group = groups->first; group; group = group->next)
            shown->log_group_names.items[shown->log_group_names.count++] = group->text;
    }
    return STATUS_DONE;
}
