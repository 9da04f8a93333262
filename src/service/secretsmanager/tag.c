/* tag.c — TagResource, UntagResource. Tags are a JSON object in the secret's row.
 *
 * Docs: API reference of both; Secrets Manager user guide, "Tagging secrets".
 */
#include "base/arena.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

enum {
    MAX_TAGS = 50, /* AWS: of a secret */
};

enum status secrets_gather_tags(struct call *call, const struct secretsmanager_tag_list_type *tags,
                                struct str base, struct str *out_tags)
{
    struct json *all = NULL;
    int rc = json_parse(call->arena, base, 0, &all, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: tags of a secret");
    for (size_t i = 0; i < tags->count; i++) {
        const struct secretsmanager_tag *tag = &tags->items[i];
        /* AWS: "Do not use the aws: prefix". Stack tags come through CloudFormation. */
        if (str_starts_with(tag->key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                             "Tag keys can't begin with the reserved prefix aws:.");
        json_set(all, tag->key, json_new_string(call->arena, str_or(tag->value, STR(""))));
    }
    if (all->count > MAX_TAGS)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "A secret can have up to 50 tags.");
    *out_tags = json_to_str(call->arena, all);
    return STATUS_DONE;
}

void secrets_tag_list(struct call *call, struct str tags, struct secretsmanager_tag_list_type *out)
{
    struct json *all = NULL;
    if (json_parse(call->arena, tags, 0, &all, NULL) < 0 || all->count == 0)
        return;
    out->items = arena_alloc_array(call->arena, all->count, sizeof(*out->items));
    for (const struct json *tag = all->first; tag; tag = tag->next)
        out->items[out->count++] = (struct secretsmanager_tag){.key = tag->key, .value = tag->text};
}

enum status secretsmanager_tag_resource(struct call *call,
                                        const struct secretsmanager_tag_resource_in *in,
                                        struct secretsmanager_tag_resource_out *out)
{
    (void)out;
    struct secret secret = {0};
    enum status status = secrets_primary_subject(call, &secret);
    if (status == STATUS_DONE)
        status = secrets_gather_tags(call, &in->tags, secret.tags, &secret.tags);
    return status == STATUS_DONE ? secrets_write(call, &secret) : status;
}

enum status secretsmanager_untag_resource(struct call *call,
                                          const struct secretsmanager_untag_resource_in *in,
                                          struct secretsmanager_untag_resource_out *out)
{
    (void)out;
    struct secret secret = {0};
    struct json *tags = NULL;
    enum status status = secrets_primary_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    int rc = json_parse(call->arena, secret.tags, 0, &tags, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: tags of a secret");
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    secret.tags = json_to_str(call->arena, tags);
    return secrets_write(call, &secret);
}
