/* set.h — private to the folder: what the files of stack sets share. */
#pragma once

#include "engine/cfn/store_set.h"
#include "service/cloudformation/cloudformation.h"

#define DEFAULT_EXECUTION_ROLE "AWSCloudFormationStackSetExecutionRole"
#define ADMINISTRATION_ROLE "AWSCloudFormationStackSetAdministrationRole"

/* The active set of a name or id; StackSetNotFoundException. */
enum status find_set(struct call *call, struct str name_or_id, struct cfn_set *out_set);
enum status write_set(struct call *call, const struct cfn_set *set);
enum status list_instances(struct call *call, const struct cfn_set *set,
                           struct cfn_instance **out_instances, size_t *out_count);
struct cfn_instance *find_instance(struct cfn_instance *instances, size_t count, struct str account,
                                   struct str region);
enum status find_set_operation(struct call *call, const struct cfn_set *set, struct str id,
                               struct cfn_set_operation *out_operation);

/* What an operation begins with. */
struct set_begin {
    const char *action; /* "CREATE", "UPDATE", "DELETE", "DETECT_DRIFT" */
    struct str operation_id;
    const struct cloudformation_stack_set_operation_preferences *preferences;
    bool retains_stacks;
};

/* Refuses an operation while another one runs, or an id that was used. */
enum status check_set_idle(struct call *call, const struct cfn_set *set, struct str operation_id);
/* Starts an operation on the instances `targets` (array of {"Account", "Region"}); *out_id is its
 * id.
 */
enum status begin_set_operation(struct call *call, const struct cfn_set *set,
                                const struct set_begin *begin, struct json *targets,
                                struct str *out_id);

/* Requests as rows and back. */
struct json *parameters_to_json(struct arena *arena,
                                const struct cloudformation_parameters *parameters);
void parameters_from_json(struct arena *arena, const struct json *list,
                          struct cloudformation_parameters *out);
struct json *tags_to_json(struct arena *arena, const struct cloudformation_tags *tags);
void tags_from_json(struct arena *arena, const struct json *list, struct cloudformation_tags *out);
void texts_from_json(struct arena *arena, const struct json *list, struct str **out_items,
                     size_t *out_count);
struct cloudformation_stack_set_operation_preferences *
preferences_from_json(struct arena *arena, const struct json *data);

/* Only self-managed permissions: refuses the rest by name. */
enum status check_self_managed(struct call *call, struct str call_as, struct str permission_model,
                               const struct cloudformation_deployment_targets *targets);
