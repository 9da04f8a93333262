/* assume.c — how the program's services act as a role: the trust policy is asked as for AssumeRole,
 * and no credentials are made.
 */
#include "base/arena.h"
#include "service/iam/iam_public.h"
#include "service/services.h"
#include "service/sts/sts_public.h"

/* AWS names the sessions of its services as it pleases; here "events-amazonaws-com" and the like.
 */
static struct str session_name(struct call *call, const struct principal *service)
{
    return str_replace(call->arena, service->name, STR("."), STR("-"));
}

static int assume(struct call *call, struct str role_arn, const struct principal *service,
                  struct principal *out_principal)
{
    struct str iam = {0};
    struct scope scope = {0};
    struct str resource = {0};
    if (!delivery_split_arn(role_arn, &iam, &scope, &resource) || !str_eq_cstr(iam, "iam"))
        return 0;
    struct str name = str_from(resource, (size_t)(str_last_index(resource, '/') + 1));
    struct iam_role_row role = {0};
    int rc = iam_find_role(call->db, call->arena, scope.account, name, &role);
    if (rc <= 0)
        return rc;
    if (!str_eq(role.arn, role_arn))
        return 0;
    struct call inner = *call;
    inner.principal = service;
    const struct authorization what = {
        .action = STR("sts:AssumeRole"),
        .resource = role.arn,
        .resource_policy = role.trust_policy,
        .resource_account = scope.account,
        .trusts_only_policy = true,
    };
    if (!call_is_allowed(&inner, &what))
        return 0;
    *out_principal = sts_role_principal(call, &role, scope.account, session_name(call, service));
    return 1;
}

delivery_assume_fn *const delivery_assume = assume;
