/* stack_set.c — stack sets: create, update, delete, describe, list.
 *
 * A set is a template with values and two roles; its instances (stack_instance.c) are stacks in
 * accounts and regions, which operations (set_operation.c, set_workflow.c) make, change and delete.
 *
 * Refused: service-managed permissions (AWS Organizations), ImportStacksToStackSet.
 * Docs: CloudFormation user guide, "StackSets", "Grant self-managed permissions".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "service/cloudformation/set.h"
#include "syntax/json.h"

/* ---- Requests and rows ------------------------------------------------------------------------
 */

struct json *parameters_to_json(struct arena *arena,
                                const struct cloudformation_parameters *parameters)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < parameters->count; i++) {
        struct json *item = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, item, "Name", parameters->items[i].parameter_key);
        cfn_set_text(arena, item, "Value", parameters->items[i].parameter_value);
        cfn_set_flag(arena, item, "Previous",
                     opt_bool_or(parameters->items[i].use_previous_value, false));
        json_append(list, item);
    }
    return list;
}

void parameters_from_json(struct arena *arena, const struct json *list,
                          struct cloudformation_parameters *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(arena, list ? list->count : 0, sizeof(*out->items));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        out->items[out->count++] = (struct cloudformation_parameter){
            .parameter_key = json_find_str(item, "Name"),
            .parameter_value = json_find_str(item, "Value"),
        };
}

struct json *tags_to_json(struct arena *arena, const struct cloudformation_tags *tags)
{
    struct json *list = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < tags->count; i++) {
        struct json *item = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, item, "Key", tags->items[i].key);
        cfn_set_text(arena, item, "Value", tags->items[i].value);
        json_append(list, item);
    }
    return list;
}

void tags_from_json(struct arena *arena, const struct json *list, struct cloudformation_tags *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(arena, list ? list->count : 0, sizeof(*out->items));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        out->items[out->count++] = (struct cloudformation_tag){
            .key = json_find_str(item, "Key"), .value = json_find_str(item, "Value")};
}

void texts_from_json(struct arena *arena, const struct json *list, struct str **out_items,
                     size_t *out_count)
{
    *out_items = arena_alloc_array(arena, list ? list->count : 0, sizeof(struct str));
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        (*out_items)[(*out_count)++] = item->text;
}

/* ---- Finding ----------------------------------------------------------------------------------
 */

enum status find_set(struct call *call, struct str name_or_id, struct cfn_set *out_set)
{
    int rc = str_index(name_or_id, ':') >= 0
                 ? cfn_store_find_set_by_id(call->db, call->arena, call->scope, name_or_id, out_set)
                 : cfn_store_find_set(call->db, call->arena, call->scope, name_or_id, out_set);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack set");
    if (rc == 1 && str_eq(out_set->status, STR("ACTIVE")))
        return STATUS_DONE;
    return call_fail(call, &CLOUDFORMATION_STACK_SET_NOT_FOUND_EXCEPTION,
                     "StackSet " STR_FMT " not found", STR_ARG(name_or_id));
}

enum status write_set(struct call *call, const struct cfn_set *set)
{
    int rc = cfn_store_put_set(call->db, set);
    return rc < 0 ? call_fail_internal(call, rc, "write a stack set") : STATUS_DONE;
}

enum status check_self_managed(struct call *call, struct str call_as, struct str permission_model,
                               const struct cloudformation_deployment_targets *targets)
{
    bool is_service_managed =
        str_eq(permission_model, STR("SERVICE_MANAGED")) ||
        str_eq(call_as, STR("DELEGATED_ADMIN")) ||
        (targets && (targets->organizational_unit_ids.count > 0 || targets->accounts_url.ptr));
    /* OBSERVED: the text in an account without AWS Organizations. */
    return is_service_managed
               ? call_fail(
                     call, &ERROR_VALIDATION,
                     "You must enable organizations access to operate a service managed stack "
                     "set")
               : STATUS_DONE;
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

/* The role's name is in this account, and the caller may pass it. */
static enum status check_admin_role(struct call *call, struct str arn)
{
    static const struct str passed_to = STR_INIT(CFN_SERVICE);
    if (!arn.ptr)
        return STATUS_DONE;
    const struct condition_value condition = {
        .key = STR("iam:PassedToService"), .values = &passed_to, .value_count = 1};
    const struct authorization pass = {
        .action = STR("iam:PassRole"),
        .resource = arn,
        .conditions = &condition,
        .condition_count = 1,
    };
    return call_authorize(call, &pass);
}

/* Checks the template with the set's values, as a stack of it would be checked. */
static enum status check_template(struct call *call, struct str text, const struct json *parameters,
                                  const struct cloudformation_capabilities *capabilities,
                                  struct cfn_plan *out_plan)
{
    struct template_error error = {0};
    int rc = cfn_plan_read(call, text, out_plan, &error);
    if (rc < 0)
        return fail_template(call, rc, &error);
    struct str *missing = NULL;
    size_t count = 0;
    template_missing_capabilities(call->arena, &out_plan->summary, capabilities->items,
                                  capabilities->count, &missing, &count);
    struct str names = STR("");
    for (size_t i = 0; i < count; i++)
        names = str_format(call->arena, STR_FMT "%s" STR_FMT, STR_ARG(names), i > 0 ? ", " : "",
                           STR_ARG(missing[i]));
    if (count > 0)
        return call_fail(call, &CLOUDFORMATION_INSUFFICIENT_CAPABILITIES_EXCEPTION,
                         "Requires capabilities : [" STR_FMT "]", STR_ARG(names));
    for (const struct json *item = parameters->first; item; item = item->next) {
        if (!template_find_parameter(out_plan->model, json_find_str(item, "Name")))
            return call_fail(call, &ERROR_VALIDATION,
                             "Parameters: [" STR_FMT "] do not exist in the template",
                             STR_ARG(json_find_str(item, "Name")));
    }
    return STATUS_DONE;
}

static enum status keep_template(struct call *call, struct cfn_set *set, struct str text)
{
    int64_t generation = cfn_number(set->data, "Generation") + 1;
    cfn_set_number(call->arena, set->data, "Generation", generation);
    int rc = cfn_store_put_template(call->db, set->id, generation, text, STR(""));
    if (rc == 0)
        rc = cfn_store_trim_templates(call->db, set->id, generation);
    return rc < 0 ? call_fail_internal(call, rc, "keep a template") : STATUS_DONE;
}

static struct str default_admin_role(struct call *call)
{
    return call_arn(call, "iam", true, "role/" ADMINISTRATION_ROLE);
}

/* AWS: the template of StackId's stack becomes the set's (import); else it comes as anywhere. */
static enum status template_of(struct call *call,
                               const struct cloudformation_create_stack_set_in *in,
                               struct str *out_text)
{
    if (in->stack_id.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "CreateStackSet with StackId is not implemented");
    return request_template(call, in->template_body, in->template_url, NULL, out_text);
}

enum status cloudformation_create_stack_set(struct call *call,
                                            const struct cloudformation_create_stack_set_in *in,
                                            struct cloudformation_create_stack_set_out *out)
{
    struct cfn_set found = {0};
    struct cfn_plan plan = {0};
    struct str text = {0};
    enum status status = check_self_managed(call, in->call_as, in->permission_model, NULL);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_find_set(call->db, call->arena, call->scope, in->stack_set_name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack set");
    if (rc == 1 && in->client_request_token.ptr &&
        str_eq(in->client_request_token, json_find_str(found.data, "Token"))) {
        out->stack_set_id = found.id;
        return STATUS_DONE;
    }
    if (rc == 1)
        return call_fail(call, &CLOUDFORMATION_NAME_ALREADY_EXISTS_EXCEPTION,
                         "StackSet " STR_FMT " already exists", STR_ARG(in->stack_set_name));
    struct json *parameters = parameters_to_json(call->arena, &in->parameters);
    status = template_of(call, in, &text);
    if (status == STATUS_DONE)
        status = check_template(call, text, parameters, &in->capabilities, &plan);
    if (status == STATUS_DONE)
        status = check_admin_role(call, in->administration_role_arn);
    if (status != STATUS_DONE)
        return status;
    struct cfn_set set = {
        .id = str_format(call->arena, STR_FMT ":" STR_FMT, STR_ARG(in->stack_set_name),
                         STR_ARG(rand_uuid(call->arena))),
        .scope = call->scope,
        .name = in->stack_set_name,
        .status = STR("ACTIVE"),
        .created_at_ms = call->now_ms,
        .data = json_new(call->arena, JSON_OBJECT),
    };
    cfn_set_text(call->arena, set.data, "Description",
                 str_or(in->description, plan.model->description));
    cfn_set_text(call->arena, set.data, "AdministrationRoleArn",
                 str_or(in->administration_role_arn, default_admin_role(call)));
    cfn_set_text(call->arena, set.data, "ExecutionRoleName",
                 str_or(in->execution_role_name, STR(DEFAULT_EXECUTION_ROLE)));
    cfn_set_text(call->arena, set.data, "Token", in->client_request_token);
    cfn_set_flag(call->arena, set.data, "ManagedExecution",
                 in->managed_execution && opt_bool_or(in->managed_execution->active, false));
    cfn_set(set.data, "Parameters", parameters);
    cfn_set(set.data, "Tags", tags_to_json(call->arena, &in->tags));
    cfn_set(set.data, "Capabilities",
            cfn_text_list(call->arena, in->capabilities.items, in->capabilities.count));
    status = keep_template(call, &set, text);
    out->stack_set_id = set.id;
    return status == STATUS_DONE ? write_set(call, &set) : status;
}

/* The values of an update: "previous" ones are taken from the set. */
static struct json *merge_parameters(struct arena *arena, const struct json *wanted,
                                     const struct json *now)
{
    struct json *merged = json_new(arena, JSON_ARRAY);
    for (const struct json *item = wanted->first; item; item = item->next) {
        const struct json *taken = cfn_flag(item, "Previous") ? NULL : item;
        for (const struct json *old = now ? now->first : NULL; old && !taken; old = old->next) {
            if (str_eq(json_find_str(old, "Name"), json_find_str(item, "Name")))
                taken = old;
        }
        if (taken)
            json_append(merged, json_copy(arena, taken));
    }
    return merged;
}

static bool is_listed(const struct str *items, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(items[i], text))
            return true;
    }
    return count == 0;
}

/* The instances that an update is about: all, or those of the accounts and regions. The others,
 * too, are no longer current. */
static enum status mark_outdated(struct call *call, const struct cfn_set *set,
                                 const struct cloudformation_update_stack_set_in *in,
                                 struct json **out_targets)
{
    struct cfn_instance *instances = NULL;
    size_t count = 0;
    struct json *targets = json_new(call->arena, JSON_ARRAY);
    enum status status = list_instances(call, set, &instances, &count);
    for (size_t i = 0; status == STATUS_DONE && i < count; i++) {
        cfn_set_text(call->arena, instances[i].data, "Status", STR("OUTDATED"));
        int rc = cfn_store_put_instance(call->db, &instances[i]);
        if (rc < 0)
            return call_fail_internal(call, rc, "write a stack instance");
        if (!is_listed(in->accounts.items, in->accounts.count, instances[i].account) ||
            !is_listed(in->regions.items, in->regions.count, instances[i].region))
            continue;
        struct json *target = json_new(call->arena, JSON_OBJECT);
        cfn_set_text(call->arena, target, "Account", instances[i].account);
        cfn_set_text(call->arena, target, "Region", instances[i].region);
        json_append(targets, target);
    }
    *out_targets = targets;
    return status;
}

static enum status apply_update(struct call *call,
                                const struct cloudformation_update_stack_set_in *in,
                                struct cfn_set *set)
{
    struct cfn_plan plan = {0};
    struct str text = {0};
    struct str processed = {0};
    enum status status = STATUS_DONE;
    if (opt_bool_or(in->use_previous_template, false)) {
        int rc = cfn_store_find_template(call->db, call->arena, set->id,
                                         cfn_number(set->data, "Generation"), &text, &processed);
        if (rc <= 0)
            return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "find a stack set's template");
    } else {
        status = request_template(call, in->template_body, in->template_url, NULL, &text);
    }
    struct json *parameters =
        merge_parameters(call->arena, parameters_to_json(call->arena, &in->parameters),
                         json_find_cstr(set->data, "Parameters"));
    if (status == STATUS_DONE)
        status = check_template(call, text, parameters, &in->capabilities, &plan);
    if (status == STATUS_DONE)
        status = check_admin_role(call, in->administration_role_arn);
    if (status != STATUS_DONE)
        return status;
    cfn_set_text(call->arena, set->data, "Description",
                 str_or(in->description, plan.model->description));
    if (in->administration_role_arn.ptr)
        cfn_set_text(call->arena, set->data, "AdministrationRoleArn", in->administration_role_arn);
    if (in->execution_role_name.ptr)
        cfn_set_text(call->arena, set->data, "ExecutionRoleName", in->execution_role_name);
    cfn_set(set->data, "Parameters", parameters);
    if (in->tags.is_set || in->tags.count > 0)
        cfn_set(set->data, "Tags", tags_to_json(call->arena, &in->tags));
    cfn_set(set->data, "Capabilities",
            cfn_text_list(call->arena, in->capabilities.items, in->capabilities.count));
    return keep_template(call, set, text);
}

enum status cloudformation_update_stack_set(struct call *call,
                                            const struct cloudformation_update_stack_set_in *in,
                                            struct cloudformation_update_stack_set_out *out)
{
    struct cfn_set set = {0};
    struct json *targets = NULL;
    enum status status =
        check_self_managed(call, in->call_as, in->permission_model, in->deployment_targets);
    if (status == STATUS_DONE)
        status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = check_set_idle(call, &set, in->operation_id);
    if (status == STATUS_DONE)
        status = apply_update(call, in, &set);
    if (status == STATUS_DONE)
        status = write_set(call, &set);
    if (status == STATUS_DONE)
        status = mark_outdated(call, &set, in, &targets);
    const struct set_begin begin = {
        .action = "UPDATE",
        .operation_id = in->operation_id,
        .preferences = in->operation_preferences,
    };
    return status == STATUS_DONE
               ? begin_set_operation(call, &set, &begin, targets, &out->operation_id)
               : status;
}

enum status cloudformation_delete_stack_set(struct call *call,
                                            const struct cloudformation_delete_stack_set_in *in,
                                            struct cloudformation_delete_stack_set_out *out)
{
    (void)out;
    struct cfn_set set = {0};
    struct cfn_instance *instances = NULL;
    size_t count = 0;
    enum status status = check_self_managed(call, in->call_as, (struct str){0}, NULL);
    if (status == STATUS_DONE)
        status = find_set(call, in->stack_set_name, &set);
    /* OBSERVED: deleting a set that is not there succeeds. */
    if (status == STATUS_FAILED &&
        call->error.error == &CLOUDFORMATION_STACK_SET_NOT_FOUND_EXCEPTION) {
        call->error = (struct call_error){0};
        return STATUS_DONE;
    }
    if (status == STATUS_DONE)
        status = check_set_idle(call, &set, (struct str){0});
    if (status == STATUS_DONE)
        status = list_instances(call, &set, &instances, &count);
    if (status != STATUS_DONE)
        return status;
    if (count > 0)
        return call_fail(call, &CLOUDFORMATION_STACK_SET_NOT_EMPTY_EXCEPTION,
                         "StackSet is not empty");
    set.status = STR("DELETED");
    return write_set(call, &set);
}

/* ---- Looking ----------------------------------------------------------------------------------
 */

static void fill_regions(struct arena *arena, const struct cfn_instance *instances, size_t count,
                         struct cloudformation_region_list *out)
{
    out->items = arena_alloc_array(arena, count, sizeof(struct str));
    for (size_t i = 0; i < count; i++) {
        if (out->count == 0 || !is_listed(out->items, out->count, instances[i].region))
            out->items[out->count++] = instances[i].region;
    }
}

static struct cloudformation_stack_set_drift_detection_details *
drift_of(struct arena *arena, const struct cfn_set *set, size_t instance_count)
{
    const struct json *drift = json_find_cstr(set->data, "Drift");
    struct cloudformation_stack_set_drift_detection_details *details =
        arena_alloc(arena, sizeof(*details));
    details->drift_status = str_or(json_find_str(drift, "Status"), STR("NOT_CHECKED"));
    details->total_stack_instances_count = opt_i32((int32_t)instance_count);
    if (!drift)
        return details;
    details->drift_detection_status = STR("COMPLETED");
    details->last_drift_check_timestamp = opt_i64(cfn_number(drift, "At"));
    details->drifted_stack_instances_count = opt_i32((int32_t)cfn_number(drift, "Drifted"));
    details->in_sync_stack_instances_count = opt_i32((int32_t)cfn_number(drift, "InSync"));
    details->in_progress_stack_instances_count = opt_i32(0);
    details->failed_stack_instances_count = opt_i32((int32_t)cfn_number(drift, "Failed"));
    return details;
}

enum status cloudformation_describe_stack_set(struct call *call,
                                              const struct cloudformation_describe_stack_set_in *in,
                                              struct cloudformation_describe_stack_set_out *out)
{
    struct cfn_set set = {0};
    struct cfn_instance *instances = NULL;
    struct str text = {0};
    struct str processed = {0};
    size_t count = 0;
    enum status status = find_set(call, in->stack_set_name, &set);
    if (status == STATUS_DONE)
        status = list_instances(call, &set, &instances, &count);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_find_template(call->db, call->arena, set.id,
                                     cfn_number(set.data, "Generation"), &text, &processed);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack set's template");
    struct cloudformation_stack_set *item = arena_alloc(call->arena, sizeof(*item));
    *item = (struct cloudformation_stack_set){
        .stack_set_name = set.name,
        .stack_set_id = set.id,
        .description = json_find_str(set.data, "Description"),
        .status = set.status,
        .template_body = text,
        .stack_set_arn =
            call_arn(call, "cloudformation", false, "stackset/" STR_FMT, STR_ARG(set.id)),
        .administration_role_arn = json_find_str(set.data, "AdministrationRoleArn"),
        .execution_role_name = json_find_str(set.data, "ExecutionRoleName"),
        .permission_model = STR("SELF_MANAGED"),
        .managed_execution = arena_alloc(call->arena, sizeof(*item->managed_execution)),
        .stack_set_drift_detection_details = drift_of(call->arena, &set, count),
    };
    item->managed_execution->active = opt_bool(cfn_flag(set.data, "ManagedExecution"));
    parameters_from_json(call->arena, json_find_cstr(set.data, "Parameters"), &item->parameters);
    tags_from_json(call->arena, json_find_cstr(set.data, "Tags"), &item->tags);
    texts_from_json(call->arena, json_find_cstr(set.data, "Capabilities"),
                    &item->capabilities.items, &item->capabilities.count);
    item->capabilities.is_set = true;
    fill_regions(call->arena, instances, count, &item->regions);
    out->stack_set = item;
    return STATUS_DONE;
}

enum status cloudformation_list_stack_sets(struct call *call,
                                           const struct cloudformation_list_stack_sets_in *in,
                                           struct cloudformation_list_stack_sets_out *out)
{
    struct cfn_set *sets = NULL;
    struct str after = STR("");
    int64_t number = 0;
    int64_t page = opt_i32_or(in->max_results, PAGE_SIZE);
    enum status status = STATUS_DONE;
    if (in->next_token.ptr)
        status = read_page_token(call, in->next_token, &number, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t count =
        cfn_store_list_sets(call->db, call->arena, call->scope, in->status, after, page + 1, &sets);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list stack sets");
    out->summaries.is_set = true;
    out->summaries.items =
        arena_alloc_array(call->arena, (size_t)count, sizeof(*out->summaries.items));
    for (int64_t i = 0; i < count && i < page; i++)
        out->summaries.items[out->summaries.count++] = (struct cloudformation_stack_set_summary){
            .stack_set_name = sets[i].name,
            .stack_set_id = sets[i].id,
            .description = json_find_str(sets[i].data, "Description"),
            .status = sets[i].status,
            .permission_model = STR("SELF_MANAGED"),
            .drift_status = str_or(json_find_str(json_find_cstr(sets[i].data, "Drift"), "Status"),
                                   STR("NOT_CHECKED")),
        };
    if (count > page)
        out->next_token = page_token(call->arena, 0, sets[page - 1].id);
    return STATUS_DONE;
}
