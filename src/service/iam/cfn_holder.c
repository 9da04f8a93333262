/* cfn_holder.c — what the CloudFormation types of users, groups and roles share: their policies. */
#include "base/arena.h"
#include "service/iam/cfn.h"
#include "syntax/json.h"

enum resource_result cfn_iam_run(struct resource_call *rc, int operation, const void *in,
                                 const void **out, bool may_be_missing)
{
    const struct operation *which = &iam_operations[operation];
    void *answer = arena_alloc(rc->call->arena, which->out_size);
    struct str code = STR("");
    enum resource_result result = resource_invoke(rc, &iam_model, which, in, answer, &code);
    if (result == RESOURCE_FAILED && may_be_missing &&
        str_eq(code, IAM_NO_SUCH_ENTITY_EXCEPTION.code))
        return RESOURCE_DONE;
    if (out)
        *out = answer;
    return result;
}

enum resource_result cfn_put_inline(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                    struct str name, struct str document)
{
    if (kind == IAM_KIND_USER) {
        const struct iam_put_user_policy_in in = {
            .user_name = holder, .policy_name = name, .policy_document = document};
        return cfn_iam_run(rc, IAM_OP_PUT_USER_POLICY, &in, NULL, false);
    }
    if (kind == IAM_KIND_GROUP) {
        const struct iam_put_group_policy_in in = {
            .group_name = holder, .policy_name = name, .policy_document = document};
        return cfn_iam_run(rc, IAM_OP_PUT_GROUP_POLICY, &in, NULL, false);
    }
    const struct iam_put_role_policy_in in = {
        .role_name = holder, .policy_name = name, .policy_document = document};
    return cfn_iam_run(rc, IAM_OP_PUT_ROLE_POLICY, &in, NULL, false);
}

enum resource_result cfn_delete_inline(struct resource_call *rc, enum iam_kind kind,
                                       struct str holder, struct str name)
{
    if (kind == IAM_KIND_USER) {
        const struct iam_delete_user_policy_in in = {.user_name = holder, .policy_name = name};
        return cfn_iam_run(rc, IAM_OP_DELETE_USER_POLICY, &in, NULL, true);
    }
    if (kind == IAM_KIND_GROUP) {
        const struct iam_delete_group_policy_in in = {.group_name = holder, .policy_name = name};
        return cfn_iam_run(rc, IAM_OP_DELETE_GROUP_POLICY, &in, NULL, true);
    }
    const struct iam_delete_role_policy_in in = {.role_name = holder, .policy_name = name};
    return cfn_iam_run(rc, IAM_OP_DELETE_ROLE_POLICY, &in, NULL, true);
}

enum resource_result cfn_attach(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                struct str arn)
{
    if (kind == IAM_KIND_USER) {
        const struct iam_attach_user_policy_in in = {.user_name = holder, .policy_arn = arn};
        return cfn_iam_run(rc, IAM_OP_ATTACH_USER_POLICY, &in, NULL, false);
    }
    if (kind == IAM_KIND_GROUP) {
        const struct iam_attach_group_policy_in in = {.group_name = holder, .policy_arn = arn};
        return cfn_iam_run(rc, IAM_OP_ATTACH_GROUP_POLICY, &in, NULL, false);
    }
    const struct iam_attach_role_policy_in in = {.role_name = holder, .policy_arn = arn};
    return cfn_iam_run(rc, IAM_OP_ATTACH_ROLE_POLICY, &in, NULL, false);
}

enum resource_result cfn_detach(struct resource_call *rc, enum iam_kind kind, struct str holder,
                                struct str arn)
{
    if (kind == IAM_KIND_USER) {
        const struct iam_detach_user_policy_in in = {.user_name = holder, .policy_arn = arn};
        return cfn_iam_run(rc, IAM_OP_DETACH_USER_POLICY, &in, NULL, true);
    }
    if (kind == IAM_KIND_GROUP) {
        const struct iam_detach_group_policy_in in = {.group_name = holder, .policy_arn = arn};
        return cfn_iam_run(rc, IAM_OP_DETACH_GROUP_POLICY, &in, NULL, true);
    }
    const struct iam_detach_role_policy_in in = {.role_name = holder, .policy_arn = arn};
    return cfn_iam_run(rc, IAM_OP_DETACH_ROLE_POLICY, &in, NULL, true);
}

static const struct json *first_of(const struct json *properties, const char *name)
{
    const struct json *list = properties ? json_find_cstr(properties, name) : NULL;
    return list ? list->first : NULL;
}

bool iam_list_has(const struct json *properties, const char *name, struct str text)
{
    for (const struct json *item = first_of(properties, name); item; item = item->next) {
        if (str_eq(item->text, text))
            return true;
    }
    return false;
}

/* The entry of Policies with that name, or NULL. */
static const struct json *find_inline(const struct json *properties, struct str name)
{
    for (const struct json *item = first_of(properties, "Policies"); item; item = item->next) {
        if (str_eq(json_find_str(item, "PolicyName"), name))
            return item;
    }
    return NULL;
}

static enum resource_result apply_inline(struct resource_call *rc, enum iam_kind kind,
                                         struct str holder, const struct json *old_properties,
                                         const struct json *properties)
{
    for (const struct json *item = first_of(properties, "Policies"); item; item = item->next) {
        struct str name = json_find_str(item, "PolicyName");
        const struct json *old = find_inline(old_properties, name);
        if (old && json_equal(old, item))
            continue;
        enum resource_result result =
            cfn_put_inline(rc, kind, holder, name, resource_json_text(rc, item, "PolicyDocument"));
        if (result != RESOURCE_DONE)
            return result;
    }
    for (const struct json *old = first_of(old_properties, "Policies"); old; old = old->next) {
        struct str name = json_find_str(old, "PolicyName");
        if (find_inline(properties, name))
            continue;
        enum resource_result result = cfn_delete_inline(rc, kind, holder, name);
        if (result != RESOURCE_DONE)
            return result;
    }
    return RESOURCE_DONE;
}

enum resource_result cfn_apply_policies(struct resource_call *rc, enum iam_kind kind,
                                        struct str holder, const struct json *old_properties,
                                        const struct json *properties)
{
    static const char name[] = "ManagedPolicyArns";
    enum resource_result result = apply_inline(rc, kind, holder, old_properties, properties);
    for (const struct json *item = first_of(old_properties, name); item && result == RESOURCE_DONE;
         item = item->next) {
        if (!iam_list_has(properties, name, item->text))
            result = cfn_detach(rc, kind, holder, item->text);
    }
    for (const struct json *item = first_of(properties, name); item && result == RESOURCE_DONE;
         item = item->next) {
        if (!iam_list_has(old_properties, name, item->text))
            result = cfn_attach(rc, kind, holder, item->text);
    }
    return result;
}

/* AWS: CloudFormation detaches and deletes what it put on the holder itself: a policy that came
 * from elsewhere makes the deletion fail, which is what the operation answers. */
enum resource_result cfn_strip_policies(struct resource_call *rc, enum iam_kind kind,
                                        struct str holder)
{
    return cfn_apply_policies(rc, kind, holder, rc->properties, NULL);
}

struct str cfn_name(struct resource_call *rc, const char *property, size_t max_len)
{
    struct str name = resource_string(rc->properties, property);
    return name.len > 0 ? name : resource_physical_name(rc, max_len, STR(""));
}

/* Tags that AWS reserves are kept when CloudFormation itself puts them, not for clients. */
struct iam_tag_list_type cfn_tags(struct resource_call *rc)
{
    struct iam_tag_list_type out = {0};
    const struct json *tags = resource_tags(rc, "Tags");
    out.items = arena_alloc_array(rc->call->arena, tags->count + 1, sizeof(*out.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        struct str key = json_find_str(tag, "Key");
        if (rc->call->via_service.len > 0 || !str_starts_with(key, STR("aws:")))
            out.items[out.count++] =
                (struct iam_tag){.key = key, .value = json_find_str(tag, "Value")};
    }
    return out;
}
