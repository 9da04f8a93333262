/* root_cause.c — the paths by which a trace failed or took its time.
 *
 * A root cause is a path from the root segment down to a node that failed and has nothing below it
 * that failed likewise; of the response time it is the one path that follows the longest child as
 * long as it covers COVERAGE_LEAST of the root's time. A path is told service by service, each with
 * the nodes on the way (its entities); a call to a service that sent no segment is one more,
 * inferred.
 *
 * Docs: X-Ray API reference, FaultRootCause, ErrorRootCause, ResponseTimeRootCause.
 */
#include "service/xray/root_cause.h"

#include "base/arena.h"
#include "syntax/json.h"

enum {
    CAUSES_MAX = 20, /* of one kind, for one trace */
    CHAIN_MAX = 100, /* nodes of a path: deeper ones are cut off at the root's end */
};

#define COVERAGE_LEAST 0.25

/* A path: nodes from the root to the cause. */
struct chain {
    const struct xray_node *nodes[CHAIN_MAX];
    size_t count;
};

typedef bool has_flag_fn(const struct xray_node *node);

static bool has_fault(const struct xray_node *node)
{
    return node->has_fault;
}

static bool has_error(const struct xray_node *node)
{
    return node->has_error;
}

static void chain_to(const struct xray_node *node, struct chain *out)
{
    const struct xray_node *up[CHAIN_MAX];
    size_t count = 0;
    for (; node && count < CHAIN_MAX; node = node->parent)
        up[count++] = node;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        out->nodes[i] = up[count - 1 - i];
}

/* Nodes with the flag of which no child has it. Returns how many chains were filled. */
static size_t find_causes(struct arena *arena, const struct xray_tree *tree, has_flag_fn *has_flag,
                          struct chain *out_chains)
{
    bool *is_passed_on = arena_alloc_array(arena, tree->count + 1, sizeof(*is_passed_on));
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const struct xray_node *node = &tree->nodes[i];
        if (has_flag(node) && node->parent)
            is_passed_on[node->parent - tree->nodes] = true;
    }
    for (size_t i = 0; i < tree->count && count < CAUSES_MAX; i++) {
        if (has_flag(&tree->nodes[i]) && !is_passed_on[i])
            chain_to(&tree->nodes[i], &out_chains[count++]);
    }
    return count;
}

/* The end of the services's run of nodes that begins at `start`. */
static size_t run_end(const struct chain *chain, size_t start)
{
    size_t end = start + 1;
    while (end < chain->count && chain->nodes[end]->is_subsegment)
        end++;
    return end;
}

static struct xray_service_names names_of(struct arena *arena, struct str name)
{
    struct xray_service_names names = {.count = 1, .is_set = true};
    names.items = arena_alloc(arena, sizeof(struct str));
    names.items[0] = name;
    return names;
}

static struct xray_root_cause_exceptions exceptions_of(struct arena *arena,
                                                       const struct xray_node *node)
{
    struct xray_root_cause_exceptions out = {.is_set = true};
    const struct json *list = json_find_cstr(json_find_cstr(node->document, "cause"), "exceptions");
    if (!json_is_array(list))
        return out;
    out.items = arena_alloc_array(arena, list->count + 1, sizeof(*out.items));
    for (const struct json *item = list->first; item; item = item->next)
        out.items[out.count++] = (struct xray_root_cause_exception){
            .name = json_find_str(item, "type"), .message = json_find_str(item, "message")};
    return out;
}

static struct opt_bool is_remote(const struct xray_node *node)
{
    return opt_bool(str_eq_cstr(node->ns, "remote") || str_eq_cstr(node->ns, "aws"));
}

/* --- faults --- */

static struct xray_fault_root_cause_service
fault_service(struct call *call, const struct chain *chain, size_t start, size_t end)
{
    const struct xray_actor *actor = &chain->nodes[start]->callee;
    struct xray_fault_root_cause_service out = {
        .name = actor->name,
        .names = names_of(call->arena, actor->name),
        .type = actor->type,
        .account_id = actor->is_inferred ? (struct str){0} : call->scope.account,
        .inferred = opt_bool(actor->is_inferred),
        .entity_path = {.is_set = true},
    };
    out.entity_path.items =
        arena_alloc_array(call->arena, end - start, sizeof(*out.entity_path.items));
    for (size_t i = start; i < end; i++)
        out.entity_path.items[out.entity_path.count++] = (struct xray_fault_root_cause_entity){
            .name = chain->nodes[i]->name,
            .exceptions = exceptions_of(call->arena, chain->nodes[i]),
            .remote = is_remote(chain->nodes[i]),
        };
    return out;
}

static struct xray_fault_root_cause fault_cause(struct call *call, const struct chain *chain,
                                                bool is_client_impacting)
{
    struct xray_fault_root_cause out = {.client_impacting = opt_bool(is_client_impacting),
                                        .services = {.is_set = true}};
    size_t last = chain->count - 1;
    out.services.items =
        arena_alloc_array(call->arena, chain->count + 1, sizeof(*out.services.items));
    for (size_t i = 0; i < chain->count; i = run_end(chain, i))
        out.services.items[out.services.count++] = fault_service(call, chain, i, run_end(chain, i));
    if (chain->nodes[last]->is_call)
        out.services.items[out.services.count++] = fault_service(call, chain, last, chain->count);
    return out;
}

/* --- errors: the same in other types --- */

static struct xray_error_root_cause error_cause(struct call *call, const struct chain *chain,
                                                bool is_client_impacting)
{
    struct xray_fault_root_cause same = fault_cause(call, chain, is_client_impacting);
    struct xray_error_root_cause out = {.client_impacting = same.client_impacting,
                                        .services = {.is_set = true}};
    out.services.items =
        arena_alloc_array(call->arena, same.services.count + 1, sizeof(*out.services.items));
    for (size_t i = 0; i < same.services.count; i++) {
        const struct xray_fault_root_cause_service *from = &same.services.items[i];
        struct xray_error_root_cause_service *to = &out.services.items[out.services.count++];
        *to = (struct xray_error_root_cause_service){
            .name = from->name,
            .names = from->names,
            .type = from->type,
            .account_id = from->account_id,
            .inferred = from->inferred,
            .entity_path = {.is_set = true},
        };
        to->entity_path.items = arena_alloc_array(call->arena, from->entity_path.count + 1,
                                                  sizeof(*to->entity_path.items));
        for (size_t e = 0; e < from->entity_path.count; e++)
            to->entity_path.items[to->entity_path.count++] = (struct xray_error_root_cause_entity){
                .name = from->entity_path.items[e].name,
                .exceptions = from->entity_path.items[e].exceptions,
                .remote = from->entity_path.items[e].remote,
            };
    }
    return out;
}

/* --- response time --- */

static double seconds_of(const struct xray_node *node)
{
    return node->end_s - node->start_s;
}

static const struct xray_node *longest_child(const struct xray_tree *tree,
                                             const struct xray_node *node)
{
    const struct xray_node *longest = NULL;
    for (size_t i = 0; i < tree->count; i++) {
        const struct xray_node *child = &tree->nodes[i];
        if (child->parent == node && (!longest || seconds_of(child) > seconds_of(longest)))
            longest = child;
    }
    return longest;
}

static void slowest_chain(const struct xray_tree *tree, struct chain *out)
{
    double whole_s = seconds_of(tree->root);
    const struct xray_node *at = tree->root;
    out->count = 0;
    while (at && out->count < CHAIN_MAX && seconds_of(at) >= COVERAGE_LEAST * whole_s) {
        out->nodes[out->count++] = at;
        at = longest_child(tree, at);
    }
}

static struct xray_response_time_root_cause_service
time_service(struct call *call, const struct chain *chain, size_t start, size_t end)
{
    const struct xray_actor *actor = &chain->nodes[start]->callee;
    double whole_s = seconds_of(chain->nodes[0]);
    struct xray_response_time_root_cause_service out = {
        .name = actor->name,
        .names = names_of(call->arena, actor->name),
        .type = actor->type,
        .account_id = actor->is_inferred ? (struct str){0} : call->scope.account,
        .inferred = opt_bool(actor->is_inferred),
        .entity_path = {.is_set = true},
    };
    out.entity_path.items =
        arena_alloc_array(call->arena, end - start, sizeof(*out.entity_path.items));
    for (size_t i = start; i < end; i++)
        out.entity_path.items[out.entity_path.count++] =
            (struct xray_response_time_root_cause_entity){
                .name = chain->nodes[i]->name,
                .coverage = {.is_set = true,
                             .value = whole_s > 0 ? seconds_of(chain->nodes[i]) / whole_s : 1.0},
                .remote = is_remote(chain->nodes[i]),
            };
    return out;
}

static void add_response_time(struct call *call, const struct xray_tree *tree,
                              struct xray_response_time_root_causes *out)
{
    struct chain chain;
    slowest_chain(tree, &chain);
    struct xray_response_time_root_cause *cause = arena_alloc(call->arena, sizeof(*cause));
    *cause = (struct xray_response_time_root_cause){.client_impacting = opt_bool(true),
                                                    .services = {.is_set = true}};
    cause->services.items =
        arena_alloc_array(call->arena, chain.count + 1, sizeof(*cause->services.items));
    for (size_t i = 0; i < chain.count; i = run_end(&chain, i))
        cause->services.items[cause->services.count++] =
            time_service(call, &chain, i, run_end(&chain, i));
    out->items = cause;
    out->count = 1;
}

void xray_add_root_causes(struct call *call, const struct xray_tree *tree,
                          struct xray_trace_summary *out)
{
    out->fault_root_causes.is_set = true;
    out->error_root_causes.is_set = true;
    out->response_time_root_causes.is_set = true;
    if (!tree->root)
        return;
    struct chain *chains = arena_alloc_array(call->arena, CAUSES_MAX, sizeof(*chains));
    size_t count = find_causes(call->arena, tree, has_fault, chains);
    out->fault_root_causes.items =
        arena_alloc_array(call->arena, CAUSES_MAX, sizeof(*out->fault_root_causes.items));
    for (size_t i = 0; i < count; i++)
        out->fault_root_causes.items[out->fault_root_causes.count++] =
            fault_cause(call, &chains[i], tree->root->has_fault);
    count = find_causes(call->arena, tree, has_error, chains);
    out->error_root_causes.items =
        arena_alloc_array(call->arena, CAUSES_MAX, sizeof(*out->error_root_causes.items));
    for (size_t i = 0; i < count; i++)
        out->error_root_causes.items[out->error_root_causes.count++] =
            error_cause(call, &chains[i], tree->root->has_error);
    if (!tree->root->is_in_progress)
        add_response_time(call, tree, &out->response_time_root_causes);
}
