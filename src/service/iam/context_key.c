/* context_key.c — which condition keys policies ask for: what a simulation wants to be told.
 *
 * OBSERVED: keys are given as the documents write them, each once; those of policy variables count,
 * too (API reference, GetContextKeysForCustomPolicy: "Context keys are variables ...").
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"

static bool is_known(const struct vec *keys, struct str key)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct str *known = vec_at(keys, i);
        if (str_eq_nocase(*known, key))
            return true;
    }
    return false;
}

static enum status add_keys(struct call *call, struct str document, enum policy_kind kind,
                            struct vec *keys)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, document, kind, &policy, &error) < 0)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION, STR_FMT, STR_ARG(error.message));
    struct str *found = NULL;
    size_t count = 0;
    policy_context_keys(call->arena, policy, &found, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_known(keys, found[i]))
            *(struct str *)vec_push(keys) = found[i];
    }
    return STATUS_DONE;
}

static enum status add_list(struct call *call, const struct iam_simulation_policy_list_type *list,
                            struct vec *keys)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; i < list->count && status == STATUS_DONE; i++)
        status = add_keys(call, list->items[i], POLICY_IDENTITY, keys);
    return status;
}

static void answer(const struct vec *keys, struct iam_context_key_names_result_list_type *out)
{
    out->items = keys->items;
    out->count = keys->count;
    out->is_set = true;
}

enum status
iam_get_context_keys_for_custom_policy(struct call *call,
                                       const struct iam_get_context_keys_for_custom_policy_in *in,
                                       struct iam_get_context_keys_for_custom_policy_out *out)
{
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct str));
    enum status status = add_list(call, &in->policy_input_list, &keys);
    if (status == STATUS_DONE)
        answer(&keys, &out->context_key_names);
    return status;
}

/* AWS: "If you specify a user, the request also includes all of the policies attached to groups
 * that the user is a member of." */
enum status iam_get_context_keys_for_principal_policy(
    struct call *call, const struct iam_get_context_keys_for_principal_policy_in *in,
    struct iam_get_context_keys_for_principal_policy_out *out)
{
    struct vec keys;
    struct vec sources;
    struct iam_entity *entity = NULL;
    vec_init(&keys, call->arena, sizeof(struct str));
    vec_init(&sources, call->arena, sizeof(struct iam_policy_source));
    enum status status = iam_get_policy_source(call, in->policy_source_arn, &entity);
    if (status == STATUS_DONE)
        status = iam_gather_sources(call, entity, &sources);
    for (size_t i = 0; i < sources.count && status == STATUS_DONE; i++) {
        const struct iam_policy_source *source = vec_at(&sources, i);
        status = add_keys(call, source->document, POLICY_IDENTITY, &keys);
    }
    if (status == STATUS_DONE)
        status = add_list(call, &in->policy_input_list, &keys);
    if (status == STATUS_DONE)
        answer(&keys, &out->context_key_names);
    return status;
}
