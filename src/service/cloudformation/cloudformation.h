/* cloudformation.h — private to the folder: what the handlers share.
 *
 * A handler checks a request, writes what it decided and begins a workflow; the stack engine
 * (engine/cfn) does the work. Rows: engine/cfn/store.h.
 */
#pragma once

#include "cloudformation/cloudformation_api.h"
#include "engine/cfn/property.h"
#include "engine/cfn/resource.h"
#include "engine/cfn/stack.h"
#include "service/cloudformation/cloudformation_public.h"

struct json;

enum {
    PAGE_SIZE = 100, /* AWS: lists and events come in pages of up to 100, or 1 MB */
};

/* ---- input.c: what CreateStack, UpdateStack and CreateChangeSet have in common ----------------
 */

struct stack_request {
    struct str template_body;
    struct str template_url;
    bool use_previous_template;
    const struct cloudformation_parameters *parameters;
    const struct cloudformation_capabilities *capabilities;
    const struct cloudformation_tags *tags;
    const struct cloudformation_notification_arns *notification_arns;
    const struct cloudformation_resource_types *resource_types;
    struct str role_arn;
    const struct cloudformation_rollback_configuration *rollback_configuration;
    bool is_change_set; /* AWS: there, CAPABILITY_AUTO_EXPAND is not needed */
};

/* A checked request: what the stack would be. */
struct stack_draft {
    struct cfn_plan plan;
    struct json *spec; /* without "Generation" */
    struct str original;
    struct str processed;
};

/* The template's text of a request. `stack` is the existing one, or NULL. */
enum status request_template(struct call *call, struct str body, struct str url,
                             const struct cfn_stack *stack, struct str *out_text);
/* Checks all of a request. `stack` has id and name; spec is NULL when it is new. */
enum status request_draft(struct call *call, const struct stack_request *request,
                          const struct cfn_stack *stack, struct stack_draft *out_draft);
/* Keeps the draft's template and makes the draft what the stack is. */
enum status draft_apply(struct call *call, const struct stack_draft *draft,
                        struct cfn_stack *stack);
/* AWS: ValidationError with the library's text; -errno is a fault of ours. */
enum status fail_template(struct call *call, int rc, const struct template_error *error);
/* A stack policy given as text or by its URL; absent when neither is. */
enum status request_policy(struct call *call, struct str body, struct str url,
                           struct str *out_policy);
/* The caller may pass the role, and the role trusts CloudFormation. */
enum status check_role(struct call *call, struct str role_arn);

/* ---- fetch.c ----------------------------------------------------------------------------------
 */

/* The object that a TemplateURL (StackPolicyURL, Location of AWS::Include) names, read from S3 with
 * the permissions of call->principal. ValidationError when that cannot be. */
enum status template_fetch(struct call *call, struct str url, struct str *out_text);

/* ---- find.c ---------------------------------------------------------------------------------- */

/* Looks a stack up by name (living) or ARN (deleted ones too). `format` is AWS's text with one %.*s
 * for the name. */
enum status find_stack(struct call *call, struct str name_or_arn, const char *format,
                       struct cfn_stack *out_stack);
#define STACK_WITH_ID "Stack with id %.*s does not exist"
#define STACK_BRACKETS "Stack [%.*s] does not exist"
/* The change set of a name (with its stack) or ARN. */
enum status find_change_set(struct call *call, struct str name_or_arn, struct str stack_name,
                            struct cfn_change_set *out_set, struct cfn_stack *out_stack);
struct str new_stack_id(struct call *call, struct str name);
bool is_in_progress(const struct cfn_stack *stack);

/* Opaque tokens: a number and a text. -EINVAL is a token that was not given out here. */
struct str page_token(struct arena *arena, int64_t number, struct str text);
enum status read_page_token(struct call *call, struct str token, int64_t *out_number,
                            struct str *out_text);

/* ---- operation.c: beginning ------------------------------------------------------------------ */

struct create_options {
    struct opt_bool disable_rollback;
    struct str on_failure;
    struct opt_i32 timeout_in_minutes;
    struct str token;
    struct opt_bool enable_termination_protection;
    struct opt_bool retain_except_on_create;
    struct str policy;               /* of the stack; absent: as it is */
    struct str policy_during_update; /* in its place, once */
    struct str change_set_id;
    const struct principal *principal; /* of a nested stack: whom its parent acts as; else NULL */
};

/* Notes the ClientRequestToken of an operation ("UPDATE") in the stack's options, which the caller
 * writes. TokenAlreadyExistsException; *out_is_repeat: the operation was begun with it already. */
enum status check_token(struct call *call, struct cfn_stack *stack, struct str token,
                        const char *action, bool *out_is_repeat);
/* Starts making a stack whose draft was applied. */
enum status begin_create(struct call *call, struct cfn_stack *stack,
                         const struct create_options *options);
/* Starts an update of a stack whose draft was applied. */
enum status begin_update(struct call *call, struct cfn_stack *stack,
                         const struct create_options *options);
/* Starts an import of resources (logical id to physical id) whose draft was applied. */
enum status begin_import(struct call *call, struct cfn_stack *stack,
                         const struct create_options *options, struct json *resources);
/* Starts a deletion, or turns the running operation into one. */
enum status begin_delete(struct call *call, struct cfn_stack *stack, const struct cfn_begin *begin);
bool is_updatable(const struct cfn_stack *stack, bool is_rollback_disabled);

/* ---- types.c --------------------------------------------------------------------------------- */

enum {
    CLOUDFORMATION_RESOURCE_TYPE_COUNT = 6,
};
extern const struct resource_type cloudformation_resource_types[CLOUDFORMATION_RESOURCE_TYPE_COUNT];

/* An adapter that makes calls as the stack's principal which are handlers of this service. */
struct call call_of_adapter(struct resource_call *rc);
/* What such a call's answer means: its error is the resource's failure. */
enum resource_result result_of_call(struct resource_call *rc, const struct call *call,
                                    enum status status);

/* nested_change_set.c: makes a change set for each nested stack among the changes of `set`, whose
 * stack would have the spec; `*differs` and the changes become exact. Notes new stacks in
 * stack->options, which the caller writes. */
enum status nest_change_sets(struct call *call, struct cfn_change_set *set, struct cfn_stack *stack,
                             const struct json *spec, bool *differs, bool *out_is_failed);
/* The tree below a change set is executed with it, or deleted. */
enum status end_nested_change_sets(struct call *call, const struct cfn_change_set *set,
                                   bool is_executed);
enum status write_stack(struct call *call, const struct cfn_stack *stack);

/* nested.c: checks the properties of a nested stack as CreateStack checks a request. */
enum resource_result nested_draft(struct resource_call *rc, const struct cfn_stack *parent,
                                  const struct cfn_stack *child, struct stack_draft *out_draft);
void set_parent(struct arena *arena, struct cfn_stack *child, const struct cfn_stack *parent);
resource_fn create_nested, update_nested, restore_nested, settle_nested, remove_nested;
enum resource_result nested_attribute(struct resource_call *rc, struct str name,
                                      struct json **out_value);

/* wait.c */
resource_fn create_handle, create_wait, remove_callbacks;
enum resource_result wait_attribute(struct resource_call *rc, struct str name,
                                    struct json **out_value);
/* A URL that takes an answer for the resource; `kind` and `request_id` as in cfn_callback. */
int new_callback(struct resource_call *rc, const char *kind, struct str request_id,
                 struct str *out_url, struct str *out_token);

/* custom.c */
resource_fn create_custom, update_custom, remove_custom;
enum resource_result custom_attribute(struct resource_call *rc, struct str name,
                                      struct json **out_value);

/* ---- handlers -------------------------------------------------------------------------------- */

cloudformation_cancel_update_stack_fn cloudformation_cancel_update_stack;
cloudformation_continue_update_rollback_fn cloudformation_continue_update_rollback;
cloudformation_create_change_set_fn cloudformation_create_change_set;
cloudformation_create_stack_fn cloudformation_create_stack;
cloudformation_delete_change_set_fn cloudformation_delete_change_set;
cloudformation_delete_stack_fn cloudformation_delete_stack;
cloudformation_describe_account_limits_fn cloudformation_describe_account_limits;
cloudformation_describe_change_set_fn cloudformation_describe_change_set;
cloudformation_describe_stack_drift_detection_status_fn
    cloudformation_describe_stack_drift_detection_status;
cloudformation_describe_stack_events_fn cloudformation_describe_stack_events;
cloudformation_describe_stack_resource_drifts_fn cloudformation_describe_stack_resource_drifts;
cloudformation_describe_stack_resource_fn cloudformation_describe_stack_resource;
cloudformation_describe_stack_resources_fn cloudformation_describe_stack_resources;
cloudformation_describe_stacks_fn cloudformation_describe_stacks;
cloudformation_detect_stack_drift_fn cloudformation_detect_stack_drift;
cloudformation_detect_stack_resource_drift_fn cloudformation_detect_stack_resource_drift;
cloudformation_execute_change_set_fn cloudformation_execute_change_set;
cloudformation_get_stack_policy_fn cloudformation_get_stack_policy;
cloudformation_get_template_fn cloudformation_get_template;
cloudformation_get_template_summary_fn cloudformation_get_template_summary;
cloudformation_list_change_sets_fn cloudformation_list_change_sets;
cloudformation_list_exports_fn cloudformation_list_exports;
cloudformation_list_imports_fn cloudformation_list_imports;
cloudformation_list_stack_resources_fn cloudformation_list_stack_resources;
cloudformation_list_stacks_fn cloudformation_list_stacks;
cloudformation_rollback_stack_fn cloudformation_rollback_stack;
cloudformation_set_stack_policy_fn cloudformation_set_stack_policy;
cloudformation_signal_resource_fn cloudformation_signal_resource;
cloudformation_update_stack_fn cloudformation_update_stack;
cloudformation_update_termination_protection_fn cloudformation_update_termination_protection;
cloudformation_validate_template_fn cloudformation_validate_template;
cloudformation_create_stack_set_fn cloudformation_create_stack_set;
cloudformation_update_stack_set_fn cloudformation_update_stack_set;
cloudformation_delete_stack_set_fn cloudformation_delete_stack_set;
cloudformation_describe_stack_set_fn cloudformation_describe_stack_set;
cloudformation_list_stack_sets_fn cloudformation_list_stack_sets;
cloudformation_create_stack_instances_fn cloudformation_create_stack_instances;
cloudformation_update_stack_instances_fn cloudformation_update_stack_instances;
cloudformation_delete_stack_instances_fn cloudformation_delete_stack_instances;
cloudformation_describe_stack_instance_fn cloudformation_describe_stack_instance;
cloudformation_list_stack_instances_fn cloudformation_list_stack_instances;
cloudformation_describe_stack_set_operation_fn cloudformation_describe_stack_set_operation;
cloudformation_list_stack_set_operations_fn cloudformation_list_stack_set_operations;
cloudformation_list_stack_set_operation_results_fn cloudformation_list_stack_set_operation_results;
cloudformation_stop_stack_set_operation_fn cloudformation_stop_stack_set_operation;
cloudformation_detect_stack_set_drift_fn cloudformation_detect_stack_set_drift;
cloudformation_describe_events_fn cloudformation_describe_events;
cloudformation_list_stack_instance_resource_drifts_fn
    cloudformation_list_stack_instance_resource_drifts;
extern const struct cloudformation_handlers cloudformation_handlers;
