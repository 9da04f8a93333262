/* workflow.c — the workflow of stack operations: who a step acts as.
 *
 * AWS: without a role, CloudFormation "uses a temporary session that is generated from your user
 * credentials"; with one, it assumes the role in each operation. Policies are looked up at each
 * step, so a change takes effect at once.
 */
#include "engine/cfn/stack.h"
#include "service/cloudformation/cloudformation_public.h"
#include "service/iam/iam_public.h"
#include "service/sts/sts_public.h"
#include "syntax/json.h"

static enum status take_step(struct call *call, struct workflow *workflow,
                             enum workflow_next *out_next)
{
    struct str role_arn = json_find_str(workflow->state, "RoleArn");
    struct principal principal = cfn_state_principal(workflow->state);
    bool is_usable = true;
    if (role_arn.ptr) {
        struct iam_role_row role = {0};
        struct str name = str_from(role_arn, (size_t)(str_last_index(role_arn, '/') + 1));
        int rc = iam_find_role(call->db, call->arena, workflow->scope.account, name, &role);
        if (rc < 0)
            return call_fail_internal(call, rc, "find a stack's role");
        is_usable = rc == 1 && str_eq(role.arn, role_arn);
        /* OBSERVED: the session that CloudTrail shows for a stack's role. */
        if (is_usable)
            principal =
                sts_role_principal(call, &role, workflow->scope.account, STR("AWSCloudFormation"));
    } else {
        call->via_service = STR(CFN_SERVICE);
    }
    return cfn_step(call, workflow, is_usable ? &principal : NULL, out_next);
}

const struct workflow_kind cfn_stack_kind = {
    .name = STR_INIT(CFN_WORKFLOW),
    .step = take_step,
};
