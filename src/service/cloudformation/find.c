/* find.c — stacks and change sets by name or ARN, page tokens.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/cloudformation/cloudformation.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    ARN_ACCOUNT_AT = 4, /* arn:aws:cloudformation:REGION:ACCOUNT:stack/... */
    ARN_REGION_AT = 3,
};

struct str new_stack_id(struct call *call, struct str name)
{
    return call_arn(call, "cloudformation", false, "stack/" STR_FMT "/" STR_FMT, STR_ARG(name),
                    STR_ARG(rand_uuid(call->arena)));
}

bool is_in_progress(const struct cfn_stack *stack)
{
    return str_ends_with(stack->status, STR("_IN_PROGRESS")) &&
           !str_eq(stack->status, STR("REVIEW_IN_PROGRESS"));
}

/* Whether the ARN is one of this account and region. */
static bool is_own_arn(const struct call *call, struct str arn)
{
    struct str rest = arn;
    struct str part = {0};
    for (int i = 0; str_split_next(&rest, ':', &part); i++) {
        if (i == ARN_REGION_AT && !str_eq(part, call->scope.region))
            return false;
        if (i == ARN_ACCOUNT_AT)
            return str_eq(part, call->scope.account);
    }
    return false;
}

enum status find_stack(struct call *call, struct str name_or_arn, const char *format,
                       struct cfn_stack *out_stack)
{
    int rc = 0;
    if (!str_starts_with(name_or_arn, STR("arn:")))
        rc = cfn_store_find_live(call->db, call->arena, call->scope, name_or_arn, out_stack);
    else if (is_own_arn(call, name_or_arn))
        rc = cfn_store_find_stack(call->db, call->arena, name_or_arn, out_stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack");
    if (rc == 1)
        return STATUS_DONE;
    /* OBSERVED: two wordings, by operation. */
    return str_eq_cstr(STR(STACK_BRACKETS), format)
               ? call_fail(call, &ERROR_VALIDATION, STACK_BRACKETS, STR_ARG(name_or_arn))
               : call_fail(call, &ERROR_VALIDATION, STACK_WITH_ID, STR_ARG(name_or_arn));
}

enum status find_change_set(struct call *call, struct str name_or_arn, struct str stack_name,
                            struct cfn_change_set *out_set, struct cfn_stack *out_stack)
{
    int rc = 0;
    if (str_starts_with(name_or_arn, STR("arn:"))) {
        if (is_own_arn(call, name_or_arn))
            rc = cfn_store_find_change_set(call->db, call->arena, name_or_arn, out_set);
        if (rc == 1)
            rc = cfn_store_find_stack(call->db, call->arena, out_set->stack_id, out_stack);
    } else {
        /* OBSERVED: the text of a change set name without its stack. */
        if (!stack_name.ptr)
            return call_fail(call, &ERROR_VALIDATION,
                             "StackName must be specified if ChangeSetName is not specified as an "
                             "ARN.");
        enum status status = find_stack(call, stack_name, STACK_BRACKETS, out_stack);
        if (status != STATUS_DONE)
            return status;
        rc = cfn_store_find_change_set_by_name(call->db, call->arena, out_stack->id, name_or_arn,
                                               out_set);
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "find a change set");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &CLOUDFORMATION_CHANGE_SET_NOT_FOUND_EXCEPTION,
                               "ChangeSet [" STR_FMT "] does not exist", STR_ARG(name_or_arn));
}

struct str page_token(struct arena *arena, int64_t number, struct str text)
{
    struct json *token = json_new(arena, JSON_ARRAY);
    json_append(token, json_new_number(arena, number));
    json_append(token, json_new_string(arena, str_or(text, STR(""))));
    return base64url_encode_str(arena, json_to_str(arena, token));
}

enum status read_page_token(struct call *call, struct str token, int64_t *out_number,
                            struct str *out_text)
{
    struct str text = {0};
    struct json *value = NULL;
    if (base64url_decode(call->arena, token, &text) < 0 ||
        json_parse(call->arena, text, 0, &value, NULL) < 0 || !json_is_array(value) ||
        value->count != 2 || value->first->kind != JSON_NUMBER || !json_is_string(value->last))
        return call_fail(call, &ERROR_VALIDATION, "Invalid NextToken: " STR_FMT, STR_ARG(token));
    struct json *box = json_new(call->arena, JSON_OBJECT);
    cfn_set(box, "Number", value->first);
    *out_number = cfn_number(box, "Number");
    *out_text = value->last->text;
    return STATUS_DONE;
}
