/* permission.c — AddPermission and RemovePermission: statements of a queue's policy, by label.
 *
 * Docs: SQS API reference, AddPermission; developer guide, "Amazon SQS policy quotas": at most 7
 * actions in a statement and 20 statements.
 */
#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/json.h"

enum {
    LABEL_MAX = 80,
    ACTIONS_MAX = 7,
    STATEMENTS_MAX = 20,
};

/* The queue's policy as a tree; a new one when there is none. */
static struct json *read_policy(struct call *call, const struct sqs_queue *queue)
{
    struct json *policy = NULL;
    if (queue->policy.len > 0 && json_parse(call->arena, queue->policy, 0, &policy, NULL) == 0)
        return policy;
    policy = json_new(call->arena, JSON_OBJECT);
    json_append_member(policy, STR("Version"), json_new_string(call->arena, STR("2008-10-17")));
    struct str id =
        str_concat(call->arena, sqs_queue_arn(call->arena, queue), STR("/SQSDefaultPolicy"));
    json_append_member(policy, STR("Id"), json_new_string(call->arena, id));
    json_append_member(policy, STR("Statement"), json_new(call->arena, JSON_ARRAY));
    return policy;
}

static struct json *statements_of(struct call *call, struct json *policy)
{
    struct json *statements = json_find_cstr(policy, "Statement");
    if (json_is_array(statements))
        return statements;
    struct json *list = json_new(call->arena, JSON_ARRAY);
    if (statements)
        json_append(list, json_copy(call->arena, statements));
    json_set(policy, STR("Statement"), list);
    return list;
}

/* AWS: "Cross-account permissions don't apply" to the others, so nobody can be given them. */
static bool is_grantable(struct str action)
{
    static const struct str actions[] = {
        STR_INIT("*"),
        STR_INIT("ChangeMessageVisibility"),
        STR_INIT("DeleteMessage"),
        STR_INIT("GetQueueAttributes"),
        STR_INIT("GetQueueUrl"),
        STR_INIT("ListDeadLetterSourceQueues"),
        STR_INIT("PurgeQueue"),
        STR_INIT("ReceiveMessage"),
        STR_INIT("SendMessage"),
    };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (str_eq_nocase(actions[i], action))
            return true;
    }
    return false;
}

static bool is_label(struct str label)
{
    bool is_valid = label.len > 0 && label.len <= LABEL_MAX;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
    }
    return is_valid;
}

static bool is_account(struct str id)
{
    bool is_valid = id.len == 12;
    for (size_t i = 0; i < id.len; i++)
        is_valid &= id.ptr[i] >= '0' && id.ptr[i] <= '9';
    return is_valid;
}

/* OBSERVED: codes and texts from public client logs. */
static enum status check_permission(struct call *call, const struct sqs_add_permission_in *in)
{
    if (!is_label(in->label))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT " for parameter Label is invalid. Reason: Can only "
                         "include alphanumeric characters, hyphens, or underscores. 1 to 80 in "
                         "length.",
                         STR_ARG(in->label));
    if (in->actions.count == 0)
        return call_fail(call, &SQS_MISSING_PARAMETER,
                         "The request must contain the parameter Actions.");
    if (in->aws_account_ids.count == 0)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value [] for parameter PrincipalId is invalid. Reason: Unable to "
                         "verify.");
    if (in->actions.count > ACTIONS_MAX)
        return call_fail(call, &SQS_OVER_LIMIT, "%zu Actions were found, maximum allowed is %d.",
                         in->actions.count, ACTIONS_MAX);
    for (size_t i = 0; i < in->actions.count; i++) {
        if (!is_grantable(in->actions.items[i]))
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Value SQS:" STR_FMT " for parameter ActionName is invalid. Reason: "
                             "Only the queue owner is allowed to invoke this action.",
                             STR_ARG(in->actions.items[i]));
    }
    for (size_t i = 0; i < in->aws_account_ids.count; i++) {
        if (!is_account(in->aws_account_ids.items[i]))
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Value [" STR_FMT "] for parameter PrincipalId is invalid. Reason: "
                             "Unable to verify.",
                             STR_ARG(in->aws_account_ids.items[i]));
    }
    return STATUS_DONE;
}

/* OBSERVED (2023-06-22): one statement, Sid = Label, principals as root ARNs, actions with the
 * prefix "SQS:", a single item not as a list. */
static struct json *new_statement(struct call *call, const struct sqs_queue *queue,
                                  const struct sqs_add_permission_in *in)
{
    struct arena *arena = call->arena;
    struct json *principals = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < in->aws_account_ids.count; i++) {
        struct str arn = str_format(arena, "arn:aws:iam::" STR_FMT ":root",
                                    STR_ARG(in->aws_account_ids.items[i]));
        json_append(principals, json_new_string(arena, arn));
    }
    struct json *actions = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < in->actions.count; i++)
        json_append(actions,
                    json_new_string(arena, str_concat(arena, STR("SQS:"), in->actions.items[i])));
    struct json *who = json_new(arena, JSON_OBJECT);
    json_append_member(who, STR("AWS"), principals->count == 1 ? principals->first : principals);
    struct json *statement = json_new(arena, JSON_OBJECT);
    json_append_member(statement, STR("Sid"), json_new_string(arena, in->label));
    json_append_member(statement, STR("Effect"), json_new_string(arena, STR("Allow")));
    json_append_member(statement, STR("Principal"), who);
    json_append_member(statement, STR("Action"), actions->count == 1 ? actions->first : actions);
    json_append_member(statement, STR("Resource"),
                       json_new_string(arena, sqs_queue_arn(arena, queue)));
    return statement;
}

enum status sqs_add_permission(struct call *call, const struct sqs_add_permission_in *in,
                               struct sqs_add_permission_out *out)
{
    (void)out;
    struct sqs_queue queue = *sqs_queue_of(call);
    enum status status = check_permission(call, in);
    if (status != STATUS_DONE)
        return status;
    struct json *policy = read_policy(call, &queue);
    struct json *statements = statements_of(call, policy);
    for (const struct json *other = statements->first; other; other = other->next) {
        if (str_eq(json_find_str(other, "Sid"), in->label))
            return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                             "Value " STR_FMT " for parameter Label is invalid. Reason: Already "
                             "exists.",
                             STR_ARG(in->label));
    }
    json_append(statements, new_statement(call, &queue, in));
    if (statements->count > STATEMENTS_MAX)
        return call_fail(call, &SQS_OVER_LIMIT, "%zu Statements were found, maximum allowed is %d.",
                         statements->count, STATEMENTS_MAX);
    queue.policy = json_to_str(call->arena, policy);
    return sqs_save_queue(call, &queue);
}

enum status sqs_remove_permission(struct call *call, const struct sqs_remove_permission_in *in,
                                  struct sqs_remove_permission_out *out)
{
    (void)out;
    struct sqs_queue queue = *sqs_queue_of(call);
    struct json *policy = read_policy(call, &queue);
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    struct json *statements = statements_of(call, policy);
    for (const struct json *item = statements->first; item; item = item->next) {
        if (!str_eq(json_find_str(item, "Sid"), in->label))
            json_append(kept, json_copy(call->arena, item));
    }
    if (kept->count == statements->count)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value " STR_FMT " for parameter Label is invalid. Reason: can't find "
                         "label.",
                         STR_ARG(in->label));
    json_set(policy, STR("Statement"), kept);
    queue.policy = kept->count > 0 ? json_to_str(call->arena, policy) : STR("");
    return sqs_save_queue(call, &queue);
}
