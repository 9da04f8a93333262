/* simulate.c — the policy simulator: would these policies allow these actions?
 *
 * The decision is the policy library's, as for a real request. To tell which statements led to it,
 * every statement is also compiled as a document of its own and asked alone: it matched when alone
 * it allows or denies. An explicit deny lists the denying statements only, an allow the allowing
 * ones, an implicit deny none.
 *
 * Both operations fill one `struct simulation`; everything behind it is common.
 *
 * Docs: IAM API reference, SimulateCustomPolicy, SimulatePrincipalPolicy, EvaluationResult,
 * ResourceSpecificResult; IAM user guide, "Testing IAM policies with the IAM policy simulator".
 * OBSERVED: names of sources, positions and which members are there, in answers of the aws CLI
 * that users publish (2019 to 2025).
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"
#include "syntax/json.h"
#include "syntax/time.h"

/* A statement as a document of its own. */
struct lone_statement {
    const struct policy *policy;
    struct iam_statement answer; /* where it stands */
    bool is_resource;            /* of the resource-based policy */
};

struct simulation {
    struct call *call;
    struct vec identity;   /* const struct policy * */
    struct vec boundary;   /* the same; has_boundary tells whether it counts */
    struct vec resource;   /* the same; at most one */
    struct vec statements; /* struct lone_statement */
    bool has_boundary;
    struct policy_principal principal;
    struct str resource_owner; /* account of resources whose ARN names none; may be absent */
    struct policy_context context;
    const struct iam_action_name_list_type *actions;
    const struct iam_resource_name_list_type *resources;
};

/* --- the input --- */

static void simulation_init(struct simulation *simulation, struct call *call)
{
    *simulation = (struct simulation){.call = call};
    vec_init(&simulation->identity, call->arena, sizeof(const struct policy *));
    vec_init(&simulation->boundary, call->arena, sizeof(const struct policy *));
    vec_init(&simulation->resource, call->arena, sizeof(const struct policy *));
    vec_init(&simulation->statements, call->arena, sizeof(struct lone_statement));
    simulation->principal.account = call->scope.account;
}

/* Lines and columns from 1. */
static struct iam_position *position_of(struct call *call, struct str document, size_t offset)
{
    int32_t line = 1;
    int32_t column = 1;
    for (size_t i = 0; i < offset && i < document.len; i++) {
        bool is_end = document.ptr[i] == '\n';
        line += is_end ? 1 : 0;
        column = is_end ? 1 : column + 1;
    }
    struct iam_position *position = arena_alloc(call->arena, sizeof(*position));
    *position = (struct iam_position){.line = opt_i32(line), .column = opt_i32(column)};
    return position;
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* OBSERVED: a statement starts where its JSON parser stood before it: right behind the '[' or
 * behind the statement in front; one that is not in a list, right behind its '{'. It ends behind
 * its '}'. */
static size_t start_of(const struct policy *policy, size_t index)
{
    struct str document = policy_document(policy);
    struct str text = policy_statement_text(policy, index);
    size_t at = (size_t)(text.ptr - document.ptr);
    if (index > 0) {
        struct str before = policy_statement_text(policy, index - 1);
        return (size_t)(before.ptr - document.ptr) + before.len;
    }
    size_t left = at;
    while (left > 0 && is_white(document.ptr[left - 1]))
        left--;
    return left > 0 && document.ptr[left - 1] == '[' ? left : at + 1;
}

/* The statement as a document; the version decides whether variables mean something. */
static struct str lone_document(struct call *call, struct str version, struct str statement)
{
    return str_format(call->arena, "{\"Version\":\"" STR_FMT "\",\"Statement\":[" STR_FMT "]}",
                      STR_ARG(version), STR_ARG(statement));
}

static enum status add_statements(struct simulation *simulation, const struct policy *policy,
                                  struct str id, enum policy_kind kind)
{
    struct call *call = simulation->call;
    struct str document = policy_document(policy);
    struct json *root = NULL;
    int rc = json_parse(call->arena, document, 0, &root, NULL);
    CHECK(rc == 0); /* policy_parse accepted it */
    struct str version = str_or(json_find_str(root, "Version"), STR("2008-10-17"));
    for (size_t i = 0; i < policy_statement_count(policy); i++) {
        struct str text = policy_statement_text(policy, i);
        struct policy *alone = NULL;
        struct policy_error error = {0};
        rc = policy_parse(call->arena, lone_document(call, version, text), kind, &alone, &error);
        if (rc < 0)
            return call_fail_internal(call, rc, "iam: take a statement out of its policy");
        *(struct lone_statement *)vec_push(&simulation->statements) = (struct lone_statement){
            .policy = alone,
            .is_resource = kind == POLICY_RESOURCE,
            .answer =
                {
                    .source_policy_id = id,
                    /* OBSERVED: not one of the model's enum. */
                    .source_policy_type =
                        kind == POLICY_RESOURCE ? STR("Resource Policy") : STR("IAM Policy"),
                    .start_position = position_of(call, document, start_of(policy, i)),
                    .end_position =
                        position_of(call, document, (size_t)(text.ptr - document.ptr) + text.len),
                },
        };
    }
    return STATUS_DONE;
}

static enum status add_policy(struct simulation *simulation, struct vec *set, struct str document,
                              struct str id, enum policy_kind kind)
{
    struct call *call = simulation->call;
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, document, kind, &policy, &error) < 0)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION, STR_FMT, STR_ARG(error.message));
    *(const struct policy **)vec_push(set) = policy;
    return set == &simulation->boundary ? STATUS_DONE
                                        : add_statements(simulation, policy, id, kind);
}

static enum status add_inputs(struct simulation *simulation,
                              const struct iam_simulation_policy_list_type *identity,
                              const struct iam_simulation_policy_list_type *boundary,
                              struct str resource_policy)
{
    struct call *call = simulation->call;
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < identity->count && status == STATUS_DONE; i++)
        status = add_policy(simulation, &simulation->identity, identity->items[i],
                            str_format(call->arena, "PolicyInputList.%zu", i + 1), POLICY_IDENTITY);
    /* AWS: an entity has one boundary in effect at a time; the request's takes the place
     * of the one that the entity has. */
    if (boundary->count > 1)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "Only one permissions boundary policy can be simulated.");
    if (boundary->count == 1 && status == STATUS_DONE) {
        simulation->has_boundary = true;
        simulation->boundary.count = 0;
        status = add_policy(simulation, &simulation->boundary, boundary->items[0], STR(""),
                            POLICY_BOUNDARY);
    }
    if (resource_policy.ptr && status == STATUS_DONE)
        status = add_policy(simulation, &simulation->resource, resource_policy,
                            STR("ResourcePolicy"), POLICY_RESOURCE);
    return status;
}

/* The account in an ARN; empty when it names none or is no ARN. */
static struct str account_of(struct str arn)
{
    struct str rest = arn;
    struct str piece = STR("");
    for (int i = 0; i < 5; i++) {
        if (!str_split_next(&rest, ':', &piece))
            return STR("");
    }
    return rest.ptr && piece.len == 12 ? piece : STR("");
}

/* AWS: "You can specify only the ARN of an IAM user. You cannot specify the ARN of an assumed role,
 * federated user, or a service principal." */
static enum status set_caller(struct simulation *simulation, struct str caller_arn,
                              struct str resource_policy, struct str resource_owner)
{
    struct call *call = simulation->call;
    struct str account = {0};
    struct str type = {0};
    struct str path = {0};
    struct str name = {0};
    if (caller_arn.ptr) {
        if (!iam_split_arn(caller_arn, &account, &type, &path, &name) || !str_eq_cstr(type, "user"))
            return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                             "Invalid Caller Arn: " STR_FMT " is not the ARN of an IAM user.",
                             STR_ARG(caller_arn));
        simulation->principal = (struct policy_principal){.account = account, .arn = caller_arn};
    }
    if (resource_policy.ptr && !simulation->principal.arn.ptr)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "CallerArn is required when a ResourcePolicy is simulated.");
    /* An ARN such as that of the account's root, or the account alone. */
    account = account_of(resource_owner);
    simulation->resource_owner = account.len > 0 ? account : resource_owner;
    return STATUS_DONE;
}

static bool has_context_key(const struct iam_context_entry_list_type *entries, struct str key)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (str_eq_nocase(str_or(entries->items[i].context_key_name, STR("")), key))
            return true;
    }
    return false;
}

/* AWS: the aws CLI's example of simulate-custom-policy has a condition on aws:CurrentTime, gives no
 * context and misses none: the simulator knows the time. */
static void set_context(struct simulation *simulation,
                        const struct iam_context_entry_list_type *entries)
{
    struct call *call = simulation->call;
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct policy_context_key));
    for (size_t i = 0; i < entries->count; i++) {
        const struct iam_context_entry *entry = &entries->items[i];
        if (!entry->context_key_name.ptr)
            continue;
        *(struct policy_context_key *)vec_push(&keys) = (struct policy_context_key){
            .key = entry->context_key_name,
            .values = entry->context_key_values.items,
            .value_count = entry->context_key_values.count,
        };
    }
    struct str *times = arena_alloc_array(call->arena, 2, sizeof(*times));
    times[0] = time_rfc3339(call->arena, call->now_ms);
    times[1] = str_format(call->arena, "%lld", (long long)(call->now_ms / 1000));
    static const char *const names[] = {"aws:CurrentTime", "aws:EpochTime"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str name = str_from_cstr(names[i]);
        if (!has_context_key(entries, name))
            *(struct policy_context_key *)vec_push(&keys) =
                (struct policy_context_key){.key = name, .values = &times[i], .value_count = 1};
    }
    simulation->context = (struct policy_context){.keys = keys.items, .key_count = keys.count};
}

/* AWS: "Each operation must include the service identifier, such as iam:CreateUser. This operation
 * does not support using wildcards (*) in an action name." */
static enum status set_questions(struct simulation *simulation,
                                 const struct iam_action_name_list_type *actions,
                                 const struct iam_resource_name_list_type *resources)
{
    simulation->actions = actions;
    simulation->resources = resources;
    for (size_t i = 0; i < actions->count; i++) {
        struct str action = actions->items[i];
        if (str_index(action, ':') <= 0 || str_index(action, '*') >= 0)
            return call_fail(simulation->call, &IAM_INVALID_INPUT_EXCEPTION,
                             "Invalid Action Name: " STR_FMT, STR_ARG(action));
    }
    return STATUS_DONE;
}

/* --- one question --- */

struct verdict {
    enum policy_decision decision;
    struct vec matched; /* struct iam_statement */
    struct iam_context_key_names_result_list_type missing;
    struct iam_permissions_boundary_decision_detail *boundary;
    struct iam_eval_decision_details_type details;
};

static struct str decision_name(enum policy_decision decision)
{
    switch (decision) {
    case POLICY_ALLOWED:
        return STR("allowed");
    case POLICY_EXPLICIT_DENY:
        return STR("explicitDeny");
    case POLICY_IMPLICIT_DENY:
        break;
    }
    return STR("implicitDeny");
}

static struct policy_set set_of(const struct vec *policies)
{
    return (struct policy_set){.policies = policies->items, .count = policies->count};
}

/* AWS: "If ResourceOwner is specified, it is also used as the account owner of any ResourcePolicy"
 * for resources whose ARN names no account; the default is the caller's account. */
static struct str owner_of(const struct simulation *simulation, struct str resource)
{
    struct str account = account_of(resource);
    if (account.len > 0)
        return account;
    return simulation->resource_owner.len > 0 ? simulation->resource_owner
                                              : simulation->principal.account;
}

static void find_matches(const struct simulation *simulation, const struct policy_request *request,
                         struct verdict *verdict)
{
    struct arena *arena = simulation->call->arena;
    struct policy_request alone = *request;
    alone.resource_account = request->principal.account; /* one document decides by itself */
    if (verdict->decision == POLICY_IMPLICIT_DENY)
        return;
    for (size_t i = 0; i < simulation->statements.count; i++) {
        const struct lone_statement *statement = vec_at(&simulation->statements, i);
        const struct policy_set one = {.policies = &statement->policy, .count = 1};
        struct policy_inputs inputs = {0};
        if (statement->is_resource)
            inputs.resource = one;
        else
            inputs.identity = one;
        if (policy_evaluate(arena, &alone, &inputs).decision == verdict->decision)
            *(struct iam_statement *)vec_push(&verdict->matched) = statement->answer;
    }
}

/* AWS: "A value of true means that the permissions boundary does not deny the action ... the policy
 * includes an Allow statement that matches the request." */
static void judge_boundary(const struct simulation *simulation,
                           const struct policy_request *request, struct verdict *verdict)
{
    if (!simulation->has_boundary)
        return;
    struct policy_request alone = *request;
    alone.resource_account = request->principal.account;
    const struct policy_inputs inputs = {.identity = set_of(&simulation->boundary)};
    enum policy_decision decision =
        policy_evaluate(simulation->call->arena, &alone, &inputs).decision;
    verdict->boundary = arena_alloc(simulation->call->arena, sizeof(*verdict->boundary));
    verdict->boundary->allowed_by_permissions_boundary = opt_bool(decision == POLICY_ALLOWED);
}

/* AWS: "populated for only cross-account simulations ... within the same account and includes a
 * resource ARN, then the parameter is present but the response is empty ... all resources (*),
 * then the parameter is not returned". */
static void tell_details(const struct simulation *simulation, const struct policy_request *request,
                         struct verdict *verdict)
{
    struct arena *arena = simulation->call->arena;
    if (str_eq_cstr(request->resource, "*"))
        return;
    verdict->details.is_set = true;
    if (str_eq(request->resource_account, request->principal.account))
        return;
    struct policy_request alone = *request;
    alone.resource_account = request->principal.account;
    const struct policy_inputs identity = {.identity = set_of(&simulation->identity)};
    const struct policy_inputs resource = {.resource = set_of(&simulation->resource)};
    verdict->details.items = arena_alloc_array(arena, 2, sizeof(*verdict->details.items));
    verdict->details.items[0] = (struct iam_eval_decision_details_type_entry){
        .key = STR("IAM Policy"),
        .value = decision_name(policy_evaluate(arena, &alone, &identity).decision),
    };
    verdict->details.items[1] = (struct iam_eval_decision_details_type_entry){
        .key = STR("Resource Policy"),
        .value = decision_name(policy_evaluate(arena, &alone, &resource).decision),
    };
    verdict->details.count = 2;
}

/* Accounts matter only when there is a resource-based policy: without one, what the other account
 * says is not simulated. */
static void judge(const struct simulation *simulation, struct str action, struct str resource,
                  struct verdict *verdict)
{
    struct arena *arena = simulation->call->arena;
    const struct policy_request request = {
        .principal = simulation->principal,
        .action = action,
        .resource = resource,
        .resource_account = simulation->resource.count > 0 ? owner_of(simulation, resource)
                                                           : simulation->principal.account,
        .context = &simulation->context,
    };
    const struct policy_inputs inputs = {
        .identity = set_of(&simulation->identity),
        .resource = set_of(&simulation->resource),
        .boundary = set_of(&simulation->boundary),
        .has_boundary = simulation->has_boundary,
    };
    struct policy_result result = policy_evaluate(arena, &request, &inputs);
    *verdict = (struct verdict){.decision = result.decision};
    vec_init(&verdict->matched, arena, sizeof(struct iam_statement));
    verdict->missing.is_set = true;
    verdict->missing.count = result.missing_count;
    verdict->missing.items = arena_alloc_array(arena, result.missing_count + 1, sizeof(struct str));
    for (size_t i = 0; i < result.missing_count; i++)
        verdict->missing.items[i] = result.missing_context[i];
    find_matches(simulation, &request, verdict);
    judge_boundary(simulation, &request, verdict);
    tell_details(simulation, &request, verdict);
}

/* --- the answer --- */

static struct iam_statement_list_type statements_of(const struct vec *matched)
{
    return (struct iam_statement_list_type){
        .items = matched->items, .count = matched->count, .is_set = true};
}

/* The strictest of the resources' decisions is the action's. */
static enum policy_decision stricter(enum policy_decision a, enum policy_decision b)
{
    if (a == POLICY_EXPLICIT_DENY || b == POLICY_EXPLICIT_DENY)
        return POLICY_EXPLICIT_DENY;
    return a == POLICY_IMPLICIT_DENY ? a : b;
}

static void answer_everything(const struct simulation *simulation, struct str action,
                              struct iam_evaluation_result *out)
{
    struct verdict verdict;
    judge(simulation, action, STR("*"), &verdict);
    *out = (struct iam_evaluation_result){
        .eval_action_name = action,
        .eval_resource_name = STR("*"),
        .eval_decision = decision_name(verdict.decision),
        .matched_statements = statements_of(&verdict.matched),
        .missing_context_values = verdict.missing,
        .permissions_boundary_decision_detail = verdict.boundary,
        .eval_decision_details = verdict.details,
    };
}

/* AWS: "If you include a list of resources, then any missing context values are instead included
 * under the ResourceSpecificResults section."
 * DEVIATION: of several resources AWS answers the pattern of the action's resource type as
 * EvalResourceName; that table of all services is not here, and the name is "*". */
static void answer_resources(const struct simulation *simulation, struct str action,
                             struct iam_evaluation_result *out)
{
    struct arena *arena = simulation->call->arena;
    size_t count = simulation->resources->count;
    struct iam_resource_specific_result *results =
        arena_alloc_array(arena, count, sizeof(*results));
    enum policy_decision overall = POLICY_ALLOWED;
    for (size_t i = 0; i < count; i++) {
        struct verdict verdict;
        judge(simulation, action, simulation->resources->items[i], &verdict);
        results[i] = (struct iam_resource_specific_result){
            .eval_resource_name = simulation->resources->items[i],
            .eval_resource_decision = decision_name(verdict.decision),
            .matched_statements = statements_of(&verdict.matched),
            .missing_context_values = verdict.missing,
            .eval_decision_details = verdict.details,
            .permissions_boundary_decision_detail = verdict.boundary,
        };
        overall = stricter(overall, verdict.decision);
    }
    *out = (struct iam_evaluation_result){
        .eval_action_name = action,
        .eval_resource_name = count == 1 ? simulation->resources->items[0] : STR("*"),
        .eval_decision = decision_name(overall),
        .matched_statements = {.is_set = true},
        .missing_context_values = {.is_set = true},
        .resource_specific_results = {.items = results, .count = count, .is_set = true},
    };
    if (count > 1)
        return;
    out->matched_statements = results[0].matched_statements;
    out->eval_decision_details = results[0].eval_decision_details;
    out->permissions_boundary_decision_detail = results[0].permissions_boundary_decision_detail;
}

static bool is_everything(const struct iam_resource_name_list_type *resources)
{
    return resources->count == 0 ||
           (resources->count == 1 && str_eq_cstr(resources->items[0], "*"));
}

/* The marker is the number of actions that were answered. */
static enum status answer_page(const struct simulation *simulation, struct str marker,
                               struct opt_i32 max_items,
                               struct iam_evaluation_results_list_type *out_results,
                               struct opt_bool *out_is_truncated, struct str *out_marker)
{
    struct call *call = simulation->call;
    struct iam_range range = {0};
    enum status status = iam_page_begin(call, marker, max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int64_t first = 0;
    if (range.after.len > 0 && (str_to_i64(range.after, &first) < 0 || first < 0 ||
                                first > (int64_t)simulation->actions->count))
        return call_fail(call, &ERROR_VALIDATION, "Invalid Marker: " STR_FMT, STR_ARG(marker));
    size_t start = (size_t)first;
    size_t count = iam_page_count(range, simulation->actions->count - start, out_is_truncated);
    *out_results = (struct iam_evaluation_results_list_type){
        .items = arena_alloc_array(call->arena, count + 1, sizeof(*out_results->items)),
        .count = count,
        .is_set = true,
    };
    for (size_t i = 0; i < count; i++) {
        struct str action = simulation->actions->items[start + i];
        if (is_everything(simulation->resources))
            answer_everything(simulation, action, &out_results->items[i]);
        else
            answer_resources(simulation, action, &out_results->items[i]);
    }
    if (out_is_truncated->value)
        *out_marker = iam_page_marker(call, str_format(call->arena, "%zu", start + count));
    return STATUS_DONE;
}

enum status iam_simulate_custom_policy(struct call *call,
                                       const struct iam_simulate_custom_policy_in *in,
                                       struct iam_simulate_custom_policy_out *out)
{
    struct simulation simulation;
    simulation_init(&simulation, call);
    enum status status = set_questions(&simulation, &in->action_names, &in->resource_arns);
    if (status == STATUS_DONE)
        status = add_inputs(&simulation, &in->policy_input_list,
                            &in->permissions_boundary_policy_input_list, in->resource_policy);
    if (status == STATUS_DONE)
        status = set_caller(&simulation, in->caller_arn, in->resource_policy, in->resource_owner);
    if (status != STATUS_DONE)
        return status;
    set_context(&simulation, &in->context_entries);
    return answer_page(&simulation, in->marker, in->max_items, &out->evaluation_results,
                       &out->is_truncated, &out->marker);
}

static enum status add_entity_boundary(struct simulation *simulation,
                                       const struct iam_entity *entity)
{
    struct call *call = simulation->call;
    if (!entity->boundary_arn.ptr)
        return STATUS_DONE;
    struct iam_managed managed = {0};
    struct iam_version version = {0};
    int rc =
        iam_managed_find(call->db, call->arena, entity->account, entity->boundary_arn, &managed);
    if (rc == 1)
        rc =
            iam_managed_version(call->db, call->arena, &managed, managed.default_version, &version);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: read a boundary");
    simulation->has_boundary = true; /* one that is gone allows nothing */
    return rc == 0 ? STATUS_DONE
                   : add_policy(simulation, &simulation->boundary, version.document, STR(""),
                                POLICY_BOUNDARY);
}

/* AWS: a user's simulation includes the policies of its groups; CallerArn defaults to the
 * PolicySourceArn of a user. */
static enum status add_principal(struct simulation *simulation, struct str arn)
{
    struct call *call = simulation->call;
    struct iam_entity *entity = NULL;
    struct vec sources;
    vec_init(&sources, call->arena, sizeof(struct iam_policy_source));
    enum status status = iam_get_policy_source(call, arn, &entity);
    if (status == STATUS_DONE)
        status = iam_gather_sources(call, entity, &sources);
    for (size_t i = 0; i < sources.count && status == STATUS_DONE; i++) {
        const struct iam_policy_source *source = vec_at(&sources, i);
        status = add_policy(simulation, &simulation->identity, source->document, source->id,
                            POLICY_IDENTITY);
    }
    if (status == STATUS_DONE)
        status = add_entity_boundary(simulation, entity);
    if (status == STATUS_DONE && entity->kind == IAM_KIND_USER)
        simulation->principal = (struct policy_principal){
            .account = entity->account, .arn = arn, .user_id = entity->id};
    return status;
}

enum status iam_simulate_principal_policy(struct call *call,
                                          const struct iam_simulate_principal_policy_in *in,
                                          struct iam_simulate_principal_policy_out *out)
{
    struct simulation simulation;
    simulation_init(&simulation, call);
    enum status status = set_questions(&simulation, &in->action_names, &in->resource_arns);
    if (status == STATUS_DONE)
        status = add_principal(&simulation, in->policy_source_arn);
    if (status == STATUS_DONE)
        status = add_inputs(&simulation, &in->policy_input_list,
                            &in->permissions_boundary_policy_input_list, in->resource_policy);
    if (status == STATUS_DONE)
        status = set_caller(&simulation, in->caller_arn, in->resource_policy, in->resource_owner);
    if (status != STATUS_DONE)
        return status;
    set_context(&simulation, &in->context_entries);
    return answer_page(&simulation, in->marker, in->max_items, &out->evaluation_results,
                       &out->is_truncated, &out->marker);
}
