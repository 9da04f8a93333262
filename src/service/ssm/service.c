/* service.c — Systems Manager: Parameter Store.
 *
 * Implemented: Parameter Store whole: types, tiers, versions, labels, hierarchies, filters, tags,
 * SecureString by KMS, parameter policies carried out by the clock, sharing by resource policies,
 * references to secrets, public parameters (common.c), events.
 *
 * Not implemented: everything else of Systems Manager (Run Command, documents, Automation, Session
 * Manager, inventory, patches, OpsCenter ...), which answers 501. Throughput quotas are not
 * enforced.
 *
 *   name.c              what a name means           parameter.c read.c describe.c   the operations
 *   secure.c            SecureString                label.c tag.c resource_policy.c
 *   policy.c            expiry and notifications    common.c    public parameters
 *   filter.c            filters and paging          store.c     rows
 *
 * Model: models/ssm.model
 */
#include <assert.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

const struct ssm_handlers ssm_handlers = {
    .add_tags_to_resource = ssm_add_tags_to_resource,
    .delete_parameter = ssm_delete_parameter,
    .delete_parameters = ssm_delete_parameters,
    .delete_resource_policy = ssm_delete_resource_policy,
    .describe_parameters = ssm_describe_parameters,
    .get_parameter = ssm_get_parameter,
    .get_parameter_history = ssm_get_parameter_history,
    .get_parameters = ssm_get_parameters,
    .get_parameters_by_path = ssm_get_parameters_by_path,
    .get_resource_policies = ssm_get_resource_policies,
    .label_parameter_version = ssm_label_parameter_version,
    .list_tags_for_resource = ssm_list_tags_for_resource,
    .put_parameter = ssm_put_parameter,
    .put_resource_policy = ssm_put_resource_policy,
    .remove_tags_from_resource = ssm_remove_tags_from_resource,
    .unlabel_parameter_version = ssm_unlabel_parameter_version,
};

/* --- permissions --- */

static void add_condition(struct call *call, struct vec *conditions, struct str key,
                          struct str value)
{
    struct str *values = arena_alloc(call->arena, sizeof(*values));
    values[0] = value;
    *(struct condition_value *)vec_push(conditions) =
        (struct condition_value){.key = key, .values = values, .value_count = 1};
}

/* aws:ResourceTag/... of a parameter that exists. */
static void add_resource_tags(struct call *call, struct str tags, struct vec *conditions)
{
    struct json *all = NULL;
    if (json_parse(call->arena, tags, 0, &all, NULL) < 0)
        return;
    for (const struct json *tag = all->first; tag; tag = tag->next)
        add_condition(call, conditions, str_concat(call->arena, STR("aws:ResourceTag/"), tag->key),
                      tag->text);
}

/* AWS: aws:RequestTag/... and aws:TagKeys, where tags are in the request. */
static void add_request_tags(struct call *call, const struct ssm_tag_list *tags,
                             struct vec *conditions)
{
    if (tags->count == 0)
        return;
    struct str *keys = arena_alloc_array(call->arena, tags->count, sizeof(*keys));
    for (size_t i = 0; i < tags->count; i++) {
        keys[i] = tags->items[i].key;
        add_condition(call, conditions, str_concat(call->arena, STR("aws:RequestTag/"), keys[i]),
                      tags->items[i].value);
    }
    *(struct condition_value *)vec_push(conditions) = (struct condition_value){
        .key = STR("aws:TagKeys"), .values = keys, .value_count = tags->count};
}

/* The root user of the parameter's own account may do everything: nothing needs to be looked up. */
static bool is_owner(const struct call *call, const struct ssm_name *name)
{
    return call->principal->kind == PRINCIPAL_ROOT &&
           str_eq(call->principal->account, name->scope.account);
}

/* The ARN, and of a stored parameter its tags and its policy for other accounts. */
static enum status describe(struct call *call, const struct ssm_name *name, struct vec *conditions,
                            struct authorization *out)
{
    struct scope scope = name->scope;
    if (name->is_public)
        scope.account = STR("");
    out->resource = ssm_arn(call->arena, scope, name->key);
    if (name->is_public || name->is_secret || is_owner(call, name))
        return STATUS_DONE;
    out->resource_account = scope.account;
    struct ssm_entry entry = {0};
    int found = ssm_find_current(call, name, &entry);
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    if (found == 0)
        return STATUS_DONE;
    add_resource_tags(call, entry.tags, conditions);
    return ssm_resource_policy(call, entry.arn, &out->resource_policy);
}

enum status ssm_may(struct call *call, const struct ssm_name *name, const char *action)
{
    struct vec conditions;
    vec_init(&conditions, call->arena, sizeof(struct condition_value));
    struct authorization what = {.action = str_from_cstr(action)};
    enum status status = describe(call, name, &conditions, &what);
    what.conditions = conditions.items;
    what.condition_count = conditions.count;
    return status == STATUS_DONE ? call_authorize(call, &what) : status;
}

static_assert(offsetof(struct ssm_get_parameter_in, name) == 0, "Name comes first");
static_assert(offsetof(struct ssm_get_parameter_history_in, name) == 0, "Name comes first");
static_assert(offsetof(struct ssm_delete_parameter_in, name) == 0, "Name comes first");
static_assert(offsetof(struct ssm_label_parameter_version_in, name) == 0, "Name comes first");
static_assert(offsetof(struct ssm_unlabel_parameter_version_in, name) == 0, "Name comes first");

static enum status describe_named(struct call *call, struct str text, struct vec *conditions,
                                  struct authorization *out)
{
    struct ssm_name name = {0};
    enum status status = ssm_parse_name(call, text, &name);
    return status == STATUS_DONE ? describe(call, &name, conditions, out) : status;
}

/* AWS: ssm:Overwrite and ssm:Policies ("Preventing access to Parameter Store API operations"). */
static enum status describe_put(struct call *call, const struct ssm_put_parameter_in *in,
                                struct vec *conditions, struct authorization *out)
{
    struct ssm_name name = {0};
    enum status status = ssm_parse_new_name(call, in->name, &name);
    if (status != STATUS_DONE)
        return status;
    add_condition(call, conditions, STR("ssm:Overwrite"),
                  opt_bool_or(in->overwrite, false) ? STR("true") : STR("false"));
    if (in->policies.len > 0)
        add_condition(call, conditions, STR("ssm:Policies"), in->policies);
    add_request_tags(call, &in->tags, conditions);
    return describe(call, &name, conditions, out);
}

static enum status describe_path(struct call *call, const struct ssm_get_parameters_by_path_in *in,
                                 struct vec *conditions, struct authorization *out)
{
    struct str path = {0};
    enum status status = ssm_parse_path(call, in->path, &path);
    add_condition(call, conditions, STR("ssm:Recursive"),
                  opt_bool_or(in->recursive, false) ? STR("true") : STR("false"));
    struct scope scope = call->scope;
    if (str_starts_with(path, STR("/aws/service")))
        scope.account = STR("");
    out->resource = ssm_arn(call->arena, scope, path.len > 0 ? path : STR("/"));
    return status;
}

static enum status describe_by_operation(struct call *call, const void *in, enum ssm_op op,
                                         struct vec *conditions, struct authorization *out)
{
    const struct ssm_add_tags_to_resource_in *tagging = in;
    switch ((int)op) {
    case SSM_OP_PUT_PARAMETER:
        return describe_put(call, in, conditions, out);
    case SSM_OP_GET_PARAMETERS_BY_PATH:
        return describe_path(call, in, conditions, out);
    case SSM_OP_GET_PARAMETER:
    case SSM_OP_GET_PARAMETER_HISTORY:
    case SSM_OP_DELETE_PARAMETER:
    case SSM_OP_LABEL_PARAMETER_VERSION:
    case SSM_OP_UNLABEL_PARAMETER_VERSION:
        return describe_named(call, *(const struct str *)in, conditions, out);
    case SSM_OP_ADD_TAGS_TO_RESOURCE:
        add_request_tags(call, &tagging->tags, conditions);
        return describe_named(call, tagging->resource_id, conditions, out);
    case SSM_OP_REMOVE_TAGS_FROM_RESOURCE:
        return describe_named(call,
                              ((const struct ssm_remove_tags_from_resource_in *)in)->resource_id,
                              conditions, out);
    case SSM_OP_LIST_TAGS_FOR_RESOURCE:
        return describe_named(call, ((const struct ssm_list_tags_for_resource_in *)in)->resource_id,
                              conditions, out);
    case SSM_OP_PUT_RESOURCE_POLICY:
    case SSM_OP_GET_RESOURCE_POLICIES:
    case SSM_OP_DELETE_RESOURCE_POLICY:
        out->resource = *(const struct str *)in;
        return STATUS_DONE;
    case SSM_OP_GET_PARAMETERS:
    case SSM_OP_DELETE_PARAMETERS:
        out->action = STR(""); /* the handlers ask for each name */
        return STATUS_DONE;
    default:
        return STATUS_DONE;
    }
}

static_assert(offsetof(struct ssm_put_resource_policy_in, resource_arn) == 0, "ResourceArn first");
static_assert(offsetof(struct ssm_get_resource_policies_in, resource_arn) == 0,
              "ResourceArn first");
static_assert(offsetof(struct ssm_delete_resource_policy_in, resource_arn) == 0,
              "ResourceArn first");

static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    struct vec conditions;
    vec_init(&conditions, call->arena, sizeof(struct condition_value));
    enum ssm_op op = (enum ssm_op)(call->operation - ssm_operations);
    enum status status = describe_by_operation(call, in, op, &conditions, out);
    out->conditions = conditions.items;
    out->condition_count = conditions.count;
    return status;
}

const struct service ssm_service = {
    .model = &ssm_model,
    .handlers = &ssm_handlers,
    .migrations = &ssm_migrations,
    .authorize = authorize,
    .resource_types = ssm_resource_types,
    .resource_type_count = SSM_RESOURCE_TYPES,
};
