/* policy.c — stack policies: which resources an update may change, replace or delete.
 *
 * A policy is like one of IAM, with Action Update:Modify, Update:Replace, Update:Delete or
 * Update:*, Resource LogicalResourceId/NAME and the condition key ResourceType (StringEquals,
 * StringLike). A stack without a policy protects nothing; with one, what no statement allows is
 * refused, and a Deny wins. Docs: CloudFormation user guide, "Prevent updates to stack resources".
 */
#include "auth/policy.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"

struct question {
    struct str action;   /* "Update:Modify" */
    struct str resource; /* "LogicalResourceId/Queue" */
    struct str type;
};

/* A string or list of strings as patterns. */
static bool matches(const struct json *patterns, struct str text, bool nocase)
{
    if (json_is_string(patterns))
        return policy_wildcard_match(patterns->text, text, nocase);
    const struct json *item = json_is_array(patterns) ? patterns->first : NULL;
    for (; item; item = item->next) {
        if (policy_wildcard_match(item->text, text, nocase))
            return true;
    }
    return false;
}

/* AWS: conditions on ResourceType are the only ones; any other makes the statement hold nowhere. */
static bool condition_holds(const struct json *condition, const struct question *question)
{
    for (const struct json *test = condition ? condition->first : NULL; test; test = test->next) {
        bool is_known =
            str_eq(test->key, STR("StringEquals")) || str_eq(test->key, STR("StringLike"));
        const struct json *types = json_find_cstr(test, "ResourceType");
        if (!is_known || !types || test->count != 1 || !matches(types, question->type, false))
            return false;
    }
    return true;
}

static bool applies(const struct json *statement, const struct question *question)
{
    const struct json *action = json_find_cstr(statement, "Action");
    const struct json *not_action = json_find_cstr(statement, "NotAction");
    const struct json *resource = json_find_cstr(statement, "Resource");
    const struct json *not_resource = json_find_cstr(statement, "NotResource");
    bool is_action = action ? matches(action, question->action, true)
                            : not_action && !matches(not_action, question->action, true);
    bool is_resource = resource ? matches(resource, question->resource, false)
                                : not_resource && !matches(not_resource, question->resource, false);
    return is_action && is_resource &&
           condition_holds(json_find_cstr(statement, "Condition"), question);
}

bool run_policy_allows(struct cfn_run *run, const struct cfn_resource *row, const char *action,
                       struct str *out_message)
{
    struct arena *arena = run->call->arena;
    struct str text = str_or(json_find_str(run->stack.options, "PolicyDuringUpdate"),
                             json_find_str(run->stack.options, "Policy"));
    struct json *policy = NULL;
    if (!text.ptr || json_parse(arena, text, 0, &policy, NULL) < 0)
        return true;
    const struct question question = {
        .action = str_format(arena, "Update:%s", action),
        .resource = str_concat(arena, STR("LogicalResourceId/"), row->logical_id),
        .type = row->type,
    };
    const struct json *statements = json_find_cstr(policy, "Statement");
    bool is_allowed = false;
    int number = 1;
    for (const struct json *item = statements ? statements->first : NULL; item;
         item = item->next, number++) {
        if (!applies(item, &question))
            continue;
        if (str_eq(json_find_str(item, "Effect"), STR("Deny"))) {
            /* OBSERVED: the reason of a resource that a policy protects. */
            *out_message = str_format(arena,
                                      "Action denied by stack policy: Statement [#%d] does not "
                                      "allow [" STR_FMT "] for resource [" STR_FMT "];",
                                      number, STR_ARG(question.action), STR_ARG(question.resource));
            return false;
        }
        is_allowed = true;
    }
    if (!is_allowed)
        *out_message = str_format(arena,
                                  "Action not allowed by stack policy: no statement allows "
                                  "[" STR_FMT "] for resource [" STR_FMT "];",
                                  STR_ARG(question.action), STR_ARG(question.resource));
    return is_allowed;
}
