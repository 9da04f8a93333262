/* config.c — encryption, resource policies and tags.
 *
 * The encryption setting is kept and its key checked; documents stay as they are at rest. Resource
 * policies are kept for services that would send traces (SNS); nothing here is decided by them.
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "service/kms/kms_public.h"
#include "service/xray/xray.h"
#include "syntax/json.h"

enum {
    POLICIES_MAX = 5, /* AWS: "up to 5 policies per account" */
    POLICY_MAX_SIZE = 5 * 1024,
    TAGS_MAX = 50,
};

/* --- encryption --- */

static struct xray_encryption_config *config_of(struct call *call, const struct xray_thing *thing,
                                                struct str status)
{
    struct xray_encryption_config *config = arena_alloc(call->arena, sizeof(*config));
    *config = (struct xray_encryption_config){.status = status, .type = STR("NONE")};
    if (thing && thing->text.len > 0) {
        config->type = STR("KMS");
        config->key_id = thing->text;
    }
    return config;
}

enum status xray_get_encryption_config(struct call *call,
                                       const struct xray_get_encryption_config_in *in,
                                       struct xray_get_encryption_config_out *out)
{
    (void)in;
    struct xray_thing *thing = NULL;
    int rc = xray_store_find_thing(call->db, call->arena, call->scope, "encryption", STR("config"),
                                   &thing);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: find the encryption setting");
    out->encryption_config = config_of(call, thing, STR("ACTIVE"));
    return STATUS_DONE;
}

enum status xray_put_encryption_config(struct call *call,
                                       const struct xray_put_encryption_config_in *in,
                                       struct xray_put_encryption_config_out *out)
{
    struct xray_thing thing = {
        .name = STR("config"), .text = STR(""), .modified_at_ms = call->now_ms};
    bool is_kms = str_eq_cstr(in->type, "KMS");
    if (is_kms && !in->key_id.ptr)
        return xray_invalid(call, "KeyId is required when Type is KMS");
    if (!is_kms && in->key_id.ptr)
        return xray_invalid(call, "KeyId cannot be specified when Type is NONE");
    if (is_kms) {
        const struct kms_use use = {.key_id = in->key_id, .via_service = STR("xray.amazonaws.com")};
        enum status status = kms_find_key_arn(call, &use, &thing.text);
        if (status == STATUS_FAILED && call->store_errno == 0)
            return xray_invalid(call, "KMS key is not valid: " STR_FMT,
                                STR_ARG(call->error.message));
        if (status != STATUS_DONE)
            return status;
    }
    int rc = xray_store_put_thing(call->db, call->scope, "encryption", &thing);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: write the encryption setting");
    /* AWS: "UPDATING" until all is done, which here it is at once. */
    out->encryption_config = config_of(call, &thing, STR("UPDATING"));
    return STATUS_DONE;
}

/* --- resource policies: the text is "REVISION\nDOCUMENT" --- */

static struct xray_resource_policy policy_of(const struct xray_thing *thing)
{
    struct str document = thing->text;
    struct str revision = {0};
    (void)str_split_next(&document, '\n', &revision);
    return (struct xray_resource_policy){
        .policy_name = thing->name,
        .policy_document = document,
        .policy_revision_id = revision,
        .last_updated_time = opt_i64(thing->modified_at_ms),
    };
}

static enum status check_revision(struct call *call, const struct xray_thing *thing,
                                  struct str wanted)
{
    struct str have = thing ? policy_of(thing).policy_revision_id : STR("0");
    if (!wanted.ptr || str_eq(have, wanted))
        return STATUS_DONE;
    return call_fail(call, &XRAY_INVALID_POLICY_REVISION_ID_EXCEPTION,
                     "The policy revision id " STR_FMT " does not match the latest revision",
                     STR_ARG(wanted));
}

static enum status check_policy(struct call *call, const struct xray_put_resource_policy_in *in)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (in->policy_document.len > POLICY_MAX_SIZE)
        return call_fail(call, &XRAY_POLICY_SIZE_LIMIT_EXCEEDED_EXCEPTION,
                         "Resource policy exceeds %d bytes", POLICY_MAX_SIZE);
    if (policy_parse(call->arena, in->policy_document, POLICY_RESOURCE, &policy, &error) < 0)
        return call_fail(call, &XRAY_MALFORMED_POLICY_DOCUMENT_EXCEPTION, STR_FMT,
                         STR_ARG(error.message));
    const struct authorization what = {
        .action = STR("xray:PutResourcePolicy"),
        .resource = STR("*"),
        .resource_policy = in->policy_document,
    };
    if (!opt_bool_or(in->bypass_policy_lockout_check, false) && !call_is_allowed(call, &what))
        return call_fail(call, &XRAY_LOCKOUT_PREVENTION_EXCEPTION,
                         "The policy would keep you from calling PutResourcePolicy again");
    return STATUS_DONE;
}

enum status xray_put_resource_policy(struct call *call,
                                     const struct xray_put_resource_policy_in *in,
                                     struct xray_put_resource_policy_out *out)
{
    struct xray_thing *found = NULL;
    struct xray_thing others[POLICIES_MAX];
    enum status status = check_policy(call, in);
    if (status != STATUS_DONE)
        return status;
    int rc = xray_store_find_thing(call->db, call->arena, call->scope, "policy", in->policy_name,
                                   &found);
    int64_t count = rc < 0 ? rc
                           : xray_store_list_things(call->db, call->arena, call->scope, "policy",
                                                    STR(""), POLICIES_MAX, others);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: find policies");
    if (!found && count == POLICIES_MAX)
        return call_fail(call, &XRAY_POLICY_COUNT_LIMIT_EXCEEDED_EXCEPTION,
                         "At most %d resource policies are allowed", POLICIES_MAX);
    status = check_revision(call, found, in->policy_revision_id);
    if (status != STATUS_DONE)
        return status;
    int64_t revision = 0;
    if (found && str_to_i64(policy_of(found).policy_revision_id, &revision) < 0)
        revision = 0;
    const struct xray_thing thing = {
        .name = in->policy_name,
        .text = str_format(call->arena, "%lld\n" STR_FMT, (long long)revision + 1,
                           STR_ARG(in->policy_document)),
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
    };
    rc = xray_store_put_thing(call->db, call->scope, "policy", &thing);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: write a policy");
    out->resource_policy = arena_alloc(call->arena, sizeof(*out->resource_policy));
    *out->resource_policy = policy_of(&thing);
    return STATUS_DONE;
}

enum status xray_delete_resource_policy(struct call *call,
                                        const struct xray_delete_resource_policy_in *in,
                                        struct xray_delete_resource_policy_out *out)
{
    (void)out;
    struct xray_thing *found = NULL;
    int rc = xray_store_find_thing(call->db, call->arena, call->scope, "policy", in->policy_name,
                                   &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: find a policy");
    if (!found)
        return xray_invalid(call, "Resource policy not found");
    enum status status = check_revision(call, found, in->policy_revision_id);
    if (status != STATUS_DONE)
        return status;
    rc = xray_store_delete_thing(call->db, call->scope, "policy", in->policy_name);
    return rc < 0 ? call_fail_internal(call, rc, "xray: delete a policy") : STATUS_DONE;
}

enum status xray_list_resource_policies(struct call *call,
                                        const struct xray_list_resource_policies_in *in,
                                        struct xray_list_resource_policies_out *out)
{
    (void)in;
    struct xray_thing things[POLICIES_MAX];
    int64_t count = xray_store_list_things(call->db, call->arena, call->scope, "policy", STR(""),
                                           POLICIES_MAX, things);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: list policies");
    out->resource_policies.is_set = true;
    out->resource_policies.items =
        arena_alloc_array(call->arena, POLICIES_MAX, sizeof(*out->resource_policies.items));
    for (int64_t i = 0; i < count; i++)
        out->resource_policies.items[out->resource_policies.count++] = policy_of(&things[i]);
    return STATUS_DONE;
}

/* --- tags of groups and sampling rules: a JSON object by ARN --- */

static enum status find_tags(struct call *call, struct str arn, struct json **out_tags)
{
    struct xray_thing *thing = NULL;
    int rc = xray_store_find_thing(call->db, call->arena, call->scope, "tags", arn, &thing);
    if (rc == 0 && !thing) {
        struct xray_resource_not_found_error *members = arena_alloc(call->arena, sizeof(*members));
        *members = (struct xray_resource_not_found_error){.resource_name = arn};
        return call_fail_with(call, &XRAY_RESOURCE_NOT_FOUND_EXCEPTION, members,
                              "Resource not found");
    }
    if (rc == 0)
        rc = json_parse(call->arena, thing->text, 0, out_tags, NULL);
    return rc < 0 ? call_fail_internal(call, rc, "xray: find tags") : STATUS_DONE;
}

static enum status save_tags(struct call *call, struct str arn, const struct json *tags)
{
    const struct xray_thing thing = {.name = arn, .text = json_to_str(call->arena, tags)};
    int rc = xray_store_put_thing(call->db, call->scope, "tags", &thing);
    return rc < 0 ? call_fail_internal(call, rc, "xray: write tags") : STATUS_DONE;
}

static enum status merge_tags(struct call *call, struct str arn, const struct xray_tag_list *tags,
                              struct json *object)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (str_starts_with(tags->items[i].key, STR("aws:")))
            return xray_invalid(call, "Tag keys must not start with aws:");
        json_set(object, tags->items[i].key, json_new_string(call->arena, tags->items[i].value));
    }
    if (object->count > TAGS_MAX) {
        struct xray_too_many_tags_error *members = arena_alloc(call->arena, sizeof(*members));
        *members = (struct xray_too_many_tags_error){.resource_name = arn};
        return call_fail_with(call, &XRAY_TOO_MANY_TAGS_EXCEPTION, members,
                              "At most %d tags are allowed", TAGS_MAX);
    }
    return save_tags(call, arn, object);
}

enum status xray_put_tags(struct call *call, struct str arn, const struct xray_tag_list *tags)
{
    return merge_tags(call, arn, tags, json_new(call->arena, JSON_OBJECT));
}

enum status xray_tag_resource(struct call *call, const struct xray_tag_resource_in *in,
                              struct xray_tag_resource_out *out)
{
    (void)out;
    struct json *tags = NULL;
    enum status status = find_tags(call, in->resource_arn, &tags);
    return status == STATUS_DONE ? merge_tags(call, in->resource_arn, &in->tags, tags) : status;
}

enum status xray_untag_resource(struct call *call, const struct xray_untag_resource_in *in,
                                struct xray_untag_resource_out *out)
{
    (void)out;
    struct json *tags = NULL;
    enum status status = find_tags(call, in->resource_arn, &tags);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    return save_tags(call, in->resource_arn, tags);
}

enum status xray_list_tags_for_resource(struct call *call,
                                        const struct xray_list_tags_for_resource_in *in,
                                        struct xray_list_tags_for_resource_out *out)
{
    struct json *tags = NULL;
    enum status status = find_tags(call, in->resource_arn, &tags);
    if (status != STATUS_DONE)
        return status;
    out->tags.is_set = true;
    out->tags.items = arena_alloc_array(call->arena, tags->count + 1, sizeof(*out->tags.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tags.items[out->tags.count++] = (struct xray_tag){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}
