/* permission.c — AddPermission and RemovePermission: statements of a topic's policy, by label.
 *
 * OBSERVED (public client logs): one statement, Sid = Label, principals as root ARNs, actions with
 * "SNS:", a single item not as a list; error texts.
 */
#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

enum {
    LABEL_MAX = 80,
};

static struct json *read_policy(struct call *call, const struct sns_topic_row *topic)
{
    struct json *policy = NULL;
    int rc = json_parse(call->arena, sns_topic_policy(call, topic), 0, &policy, NULL);
    CHECK(rc == 0); /* it was checked when it was set */
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

/* AWS: the actions of topics that others can be given. */
static bool is_grantable(struct str action)
{
    static const struct str actions[] = {
        STR_INIT("*"),
        STR_INIT("AddPermission"),
        STR_INIT("DeleteTopic"),
        STR_INIT("GetDataProtectionPolicy"),
        STR_INIT("GetTopicAttributes"),
        STR_INIT("ListSubscriptionsByTopic"),
        STR_INIT("ListTagsForResource"),
        STR_INIT("Publish"),
        STR_INIT("PutDataProtectionPolicy"),
        STR_INIT("RemovePermission"),
        STR_INIT("SetTopicAttributes"),
        STR_INIT("Subscribe"),
    };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (str_eq(actions[i], action))
            return true;
    }
    return false;
}

static bool is_account(struct str id)
{
    bool is_valid = id.len == 12;
    for (size_t i = 0; i < id.len; i++)
        is_valid &= id.ptr[i] >= '0' && id.ptr[i] <= '9';
    return is_valid;
}

static enum status check(struct call *call, const struct sns_add_permission_in *in)
{
    if (in->label.len == 0 || in->label.len > LABEL_MAX)
        return sns_invalid(call, "Label");
    if (in->aws_account_id.count == 0)
        return sns_invalid(call, "AWSAccountId");
    if (in->action_name.count == 0)
        return sns_invalid(call, "ActionName");
    for (size_t i = 0; i < in->aws_account_id.count; i++) {
        if (!is_account(in->aws_account_id.items[i]))
            return sns_invalid(call, "Policy Error: PrincipalNotFound");
    }
    for (size_t i = 0; i < in->action_name.count; i++) {
        if (!is_grantable(in->action_name.items[i]))
            return sns_invalid(call, "Policy statement action out of service scope!");
    }
    return STATUS_DONE;
}

/* A list, or its only item. */
static struct json *one_or_many(struct json *list)
{
    return list->count == 1 ? list->first : list;
}

static struct json *new_statement(struct call *call, const struct sns_topic_row *topic,
                                  const struct sns_add_permission_in *in)
{
    struct arena *arena = call->arena;
    struct json *principals = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < in->aws_account_id.count; i++)
        json_append(principals,
                    json_new_string(arena, str_concat3(arena, STR("arn:aws:iam::"),
                                                       in->aws_account_id.items[i], STR(":root"))));
    struct json *actions = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < in->action_name.count; i++)
        json_append(actions, json_new_string(
                                 arena, str_concat(arena, STR("SNS:"), in->action_name.items[i])));
    struct json *who = json_new(arena, JSON_OBJECT);
    json_append_member(who, STR("AWS"), one_or_many(principals));
    struct json *statement = json_new(arena, JSON_OBJECT);
    json_append_member(statement, STR("Sid"), json_new_string(arena, in->label));
    json_append_member(statement, STR("Effect"), json_new_string(arena, STR("Allow")));
    json_append_member(statement, STR("Principal"), who);
    json_append_member(statement, STR("Action"), one_or_many(actions));
    json_append_member(statement, STR("Resource"),
                       json_new_string(arena, sns_topic_arn(arena, topic)));
    return statement;
}

enum status sns_add_permission(struct call *call, const struct sns_add_permission_in *in,
                               struct sns_add_permission_out *out)
{
    (void)out;
    struct sns_topic_row *topic = sns_topic_of(call);
    enum status status = check(call, in);
    if (status != STATUS_DONE)
        return status;
    struct json *policy = read_policy(call, topic);
    struct json *statements = statements_of(call, policy);
    for (const struct json *other = statements->first; other; other = other->next) {
        if (str_eq(json_find_str(other, "Sid"), in->label))
            return sns_invalid(call, "Statement already exists");
    }
    json_append(statements, new_statement(call, topic, in));
    sns_set(call, topic->settings, "Policy", json_to_str(call->arena, policy));
    return sns_save_topic(call, topic);
}

enum status sns_remove_permission(struct call *call, const struct sns_remove_permission_in *in,
                                  struct sns_remove_permission_out *out)
{
    (void)out;
    struct sns_topic_row *topic = sns_topic_of(call);
    struct json *policy = read_policy(call, topic);
    struct json *statements = statements_of(call, policy);
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    for (const struct json *other = statements->first; other; other = other->next) {
        if (!str_eq(json_find_str(other, "Sid"), in->label))
            json_append(kept, json_copy(call->arena, other));
    }
    if (kept->count == statements->count) /* AWS: a label that is not there is no error */
        return STATUS_DONE;
    json_set(policy, STR("Statement"), kept);
    sns_set(call, topic->settings, "Policy", json_to_str(call->arena, policy));
    return sns_save_topic(call, topic);
}
