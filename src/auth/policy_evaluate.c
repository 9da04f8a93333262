/* policy_evaluate.c — may this principal do this action on this resource?
 *
 * Every set of policies that applies is read once and gives a verdict: the first Deny and the
 * strongest Allow that match the request. decide() combines the verdicts by AWS's rules, within
 * one account or across two.
 *
 * How strong an Allow in a resource policy is depends on whom it names (enum match_level): an Allow
 * for the requester itself stands alone, one for its role is limited by boundary and session
 * policies, one for its account only hands the question to the account's own policies.
 *
 * Docs: IAM user guide, "Policy evaluation logic", "Cross-account policy evaluation logic", "AWS
 * JSON policy elements: Principal", "... NotPrincipal", "Permissions boundaries for IAM entities".
 */
#include "auth/policy_private.h"

#include "base/arena.h"

/* What the policies of one kind say. */
struct verdict {
    const struct policy *deny;
    size_t deny_index;
    const struct policy *allow;
    size_t allow_index;
    enum match_level level; /* of the Allow */
};

struct verdicts {
    struct verdict identity;
    struct verdict resource;
    struct verdict boundary;
    struct verdict session;
    struct verdict service_control;
};

/* --- whether a statement is about the request --- */

static bool match_action(struct evaluation *evaluation, const struct statement *statement)
{
    bool matches = false;
    for (size_t i = 0; i < statement->action_count && !matches; i++)
        matches = policy_pattern_matches(evaluation, &statement->actions[i], evaluation->action);
    return matches != statement->is_not_action;
}

/* AWS: a resource with a variable that has no value "will not match any resource"; so it takes
 * nothing away from NotResource. */
static bool match_resource(struct evaluation *evaluation, const struct statement *statement)
{
    if (statement->resource_count == 0)
        return true;
    bool matches = false;
    for (size_t i = 0; i < statement->resource_count && !matches; i++)
        matches = arn_pattern_matches(evaluation, &statement->resources[i], &evaluation->resource);
    return matches != statement->is_not_resource;
}

/* Reads all conditions even after one failed, so that a simulation learns every missing key. */
static bool match_conditions(struct evaluation *evaluation, const struct statement *statement)
{
    bool hold = true;
    for (size_t i = 0; i < statement->condition_count; i++)
        hold = condition_holds(evaluation, &statement->conditions[i]) && hold;
    return hold;
}

static void read_policy(struct evaluation *evaluation, const struct policy *policy,
                        bool has_principals, struct verdict *verdict)
{
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        if (!match_action(evaluation, statement) || !match_resource(evaluation, statement))
            continue;
        enum match_level level =
            has_principals ? principal_match(evaluation, statement) : LEVEL_DIRECT;
        if (level == LEVEL_NONE || !match_conditions(evaluation, statement))
            continue;
        if (!statement->is_allow && !verdict->deny) {
            verdict->deny = policy;
            verdict->deny_index = i;
        } else if (statement->is_allow && level > verdict->level) {
            verdict->allow = policy;
            verdict->allow_index = i;
            verdict->level = level;
        }
    }
}

static struct verdict read_set(struct evaluation *evaluation, const struct policy_set *set,
                               bool has_principals)
{
    struct verdict verdict = {.level = LEVEL_NONE};
    for (size_t i = 0; i < set->count; i++)
        read_policy(evaluation, set->policies[i], has_principals, &verdict);
    return verdict;
}

/* --- the decision --- */

static struct policy_result explicit_deny(enum policy_source source, const struct verdict *verdict)
{
    return (struct policy_result){
        .decision = POLICY_EXPLICIT_DENY,
        .source = source,
        .policy = verdict->deny,
        .statement_index = verdict->deny_index,
    };
}

static struct policy_result implicit_deny(enum policy_source source)
{
    return (struct policy_result){.decision = POLICY_IMPLICIT_DENY, .source = source};
}

static struct policy_result allow(enum policy_source source, const struct verdict *verdict)
{
    return (struct policy_result){
        .decision = POLICY_ALLOWED,
        .source = verdict->allow ? source : POLICY_SOURCE_NONE, /* none: the root user's right */
        .policy = verdict->allow,
        .statement_index = verdict->allow_index,
    };
}

/* AWS: "If the code finds even one explicit deny that applies, the code returns a final decision of
 * Deny." */
static bool find_explicit_deny(const struct verdicts *verdicts, struct policy_result *out_result)
{
    const struct {
        enum policy_source source;
        const struct verdict *verdict;
    } order[] = {
        {POLICY_SOURCE_SERVICE_CONTROL, &verdicts->service_control},
        {POLICY_SOURCE_RESOURCE, &verdicts->resource},
        {POLICY_SOURCE_IDENTITY, &verdicts->identity},
        {POLICY_SOURCE_BOUNDARY, &verdicts->boundary},
        {POLICY_SOURCE_SESSION, &verdicts->session},
    };
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if (order[i].verdict->deny) {
            *out_result = explicit_deny(order[i].source, order[i].verdict);
            return true;
        }
    }
    return false;
}

/* Which of the two limiting kinds lacks an Allow, or POLICY_SOURCE_NONE. */
static enum policy_source limiting_source(const struct policy_inputs *inputs,
                                          const struct verdicts *verdicts)
{
    if (inputs->has_boundary && !verdicts->boundary.allow)
        return POLICY_SOURCE_BOUNDARY;
    if (inputs->has_session && !verdicts->session.allow)
        return POLICY_SOURCE_SESSION;
    return POLICY_SOURCE_NONE;
}

/* AWS: "For most resources, you only need an explicit allow for the principal in either an
 * identity-based policy or a resource-based policy"; role trust policies and KMS key policies "must
 * explicitly allow access". The root user needs no identity policy. */
static struct policy_result decide_same_account(const struct policy_request *request,
                                                const struct policy_inputs *inputs,
                                                const struct verdicts *verdicts)
{
    const struct verdict *resource = &verdicts->resource;
    bool has_identity = request->principal.is_root || verdicts->identity.allow;
    bool is_delegated = !inputs->resource_policy_required || resource->level != LEVEL_NONE;

    /* AWS: "Permissions granted directly to a session are not limited by an implicit deny in an
     * identity-based policy, a permissions boundary, or session policy." */
    if (resource->level == LEVEL_DIRECT)
        return allow(POLICY_SOURCE_RESOURCE, resource);
    if (!is_delegated)
        return implicit_deny(POLICY_SOURCE_RESOURCE);
    if (resource->level != LEVEL_PARENT && !has_identity)
        return implicit_deny(POLICY_SOURCE_IDENTITY);
    /* AWS: "Resource-based policies that grant permissions to an IAM role ARN are limited by an
     * implicit deny in a permissions boundary or session policy." */
    enum policy_source limit = limiting_source(inputs, verdicts);
    if (limit != POLICY_SOURCE_NONE)
        return implicit_deny(limit);
    if (resource->level == LEVEL_PARENT)
        return allow(POLICY_SOURCE_RESOURCE, resource);
    return allow(POLICY_SOURCE_IDENTITY, &verdicts->identity);
}

/* AWS: "The request is allowed only if both evaluations return a decision of Allow." */
static struct policy_result decide_cross_account(const struct policy_request *request,
                                                 const struct policy_inputs *inputs,
                                                 const struct verdicts *verdicts)
{
    if (verdicts->resource.level == LEVEL_NONE)
        return implicit_deny(POLICY_SOURCE_RESOURCE);
    if (!request->principal.is_root && !verdicts->identity.allow)
        return implicit_deny(POLICY_SOURCE_IDENTITY);
    enum policy_source limit = limiting_source(inputs, verdicts);
    if (limit != POLICY_SOURCE_NONE)
        return implicit_deny(limit);
    return allow(POLICY_SOURCE_RESOURCE, &verdicts->resource);
}

static struct policy_result decide(const struct policy_request *request,
                                   const struct policy_inputs *inputs,
                                   const struct verdicts *verdicts)
{
    const struct policy_principal *principal = &request->principal;
    struct policy_result result;
    if (find_explicit_deny(verdicts, &result))
        return result;
    /* Services, anonymous callers and holders of a foreign token have no identity policies. */
    if (principal->account.len == 0)
        return verdicts->resource.allow ? allow(POLICY_SOURCE_RESOURCE, &verdicts->resource)
                                        : implicit_deny(POLICY_SOURCE_RESOURCE);
    if (inputs->has_service_control && !verdicts->service_control.allow)
        return implicit_deny(POLICY_SOURCE_SERVICE_CONTROL);
    if (request->resource_account.len > 0 && !str_eq(request->resource_account, principal->account))
        return decide_cross_account(request, inputs, verdicts);
    return decide_same_account(request, inputs, verdicts);
}

struct policy_result policy_evaluate(struct arena *arena, const struct policy_request *request,
                                     const struct policy_inputs *inputs)
{
    struct evaluation evaluation = {
        .arena = arena,
        .request = request,
        .action = str_lower(arena, request->action),
        .resource = arn_split(request->resource),
        .has_boundary = request->principal.account.len > 0 && inputs->has_boundary,
    };
    vec_init(&evaluation.missing, arena, sizeof(struct str));
    const struct policy_set none = {.count = 0};
    /* AWS: SCPs apply to "principals of the account where the SCPs are attached"; only those can
     * have boundaries and session policies either. */
    bool has_account = request->principal.account.len > 0;
    const struct verdicts verdicts = {
        .identity = read_set(&evaluation, has_account ? &inputs->identity : &none, false),
        .resource = read_set(&evaluation, &inputs->resource, true),
        .boundary = read_set(
            &evaluation, has_account && inputs->has_boundary ? &inputs->boundary : &none, false),
        .session = read_set(&evaluation,
                            has_account && inputs->has_session ? &inputs->session : &none, false),
        .service_control = read_set(
            &evaluation,
            has_account && inputs->has_service_control ? &inputs->service_control : &none, false),
    };
    struct policy_result result = decide(request, inputs, &verdicts);
    result.missing_context = evaluation.missing.items;
    result.missing_count = evaluation.missing.count;
    return result;
}
