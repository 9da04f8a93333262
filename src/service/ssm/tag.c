/* tag.c — tags of parameters: AddTagsToResource, RemoveTagsFromResource, ListTagsForResource. They
 * are a JSON object in the parameter's row.
 *
 * Docs: API reference of the three; Systems Manager user guide, "Tagging parameters".
 */
#include "base/arena.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

enum {
    MAX_TAGS = 50, /* AWS: of a resource */
};

enum status ssm_add_tags(struct call *call, struct str tags, const struct ssm_tag_list *added,
                         struct str *out_tags)
{
    *out_tags = tags;
    if (added->count == 0)
        return STATUS_DONE;
    struct json *all = NULL;
    int rc = json_parse(call->arena, tags, 0, &all, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: tags of a parameter");
    for (size_t i = 0; i < added->count; i++) {
        struct str key = added->items[i].key;
        /* AWS: "aws:" "is reserved for AWS use". Stack tags come through CloudFormation. */
        if (str_starts_with(key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &ERROR_VALIDATION,
                             "Tag keys can't start with the reserved prefix aws: " STR_FMT,
                             STR_ARG(key));
        json_set(all, key, json_new_string(call->arena, added->items[i].value));
    }
    if (all->count > MAX_TAGS)
        return call_fail(call, &SSM_TOO_MANY_TAGS_ERROR, "%s", "");
    *out_tags = json_to_str(call->arena, all);
    return STATUS_DONE;
}

/* The parameter that the request names. */
static enum status find(struct call *call, struct str type, struct str id,
                        struct ssm_entry *out_entry)
{
    /* DEVIATION: AWS tags documents, maintenance windows and others, too, which are not here. */
    if (!str_eq_cstr(type, "Parameter"))
        return call_fail(call, &SSM_INVALID_RESOURCE_TYPE,
                         "The resource type " STR_FMT " is not implemented.", STR_ARG(type));
    struct ssm_name name = {0};
    enum status status = ssm_parse_name(call, id, &name);
    if (status != STATUS_DONE)
        return status;
    int found = name.is_public || name.is_secret ? 0 : ssm_find_current(call, &name, out_entry);
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3). */
    if (found == 0)
        return call_fail(call, &SSM_INVALID_RESOURCE_ID,
                         "The resource ID \"" STR_FMT
                         "\" is not valid. Verify the ID and try again.",
                         STR_ARG(id));
    return STATUS_DONE;
}

static enum status write(struct call *call, const struct ssm_entry *entry)
{
    int rc = ssm_store_set_tags(call->db, entry);
    return rc < 0 ? call_fail_internal(call, rc, "ssm: set tags") : STATUS_DONE;
}

enum status ssm_add_tags_to_resource(struct call *call,
                                     const struct ssm_add_tags_to_resource_in *in,
                                     struct ssm_add_tags_to_resource_out *out)
{
    (void)out;
    struct ssm_entry entry = {0};
    enum status status = find(call, in->resource_type, in->resource_id, &entry);
    if (status == STATUS_DONE)
        status = ssm_add_tags(call, entry.tags, &in->tags, &entry.tags);
    return status == STATUS_DONE ? write(call, &entry) : status;
}

enum status ssm_remove_tags_from_resource(struct call *call,
                                          const struct ssm_remove_tags_from_resource_in *in,
                                          struct ssm_remove_tags_from_resource_out *out)
{
    (void)out;
    struct ssm_entry entry = {0};
    struct json *tags = NULL;
    enum status status = find(call, in->resource_type, in->resource_id, &entry);
    if (status != STATUS_DONE)
        return status;
    int rc = json_parse(call->arena, entry.tags, 0, &tags, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: tags of a parameter");
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    entry.tags = json_to_str(call->arena, tags);
    return write(call, &entry);
}

enum status ssm_list_tags_for_resource(struct call *call,
                                       const struct ssm_list_tags_for_resource_in *in,
                                       struct ssm_list_tags_for_resource_out *out)
{
    struct ssm_entry entry = {0};
    struct json *tags = NULL;
    enum status status = find(call, in->resource_type, in->resource_id, &entry);
    if (status != STATUS_DONE)
        return status;
    int rc = json_parse(call->arena, entry.tags, 0, &tags, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: tags of a parameter");
    out->tag_list.items = arena_alloc_array(call->arena, tags->count, sizeof(struct ssm_tag));
    out->tag_list.is_set = true;
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tag_list.items[out->tag_list.count++] =
            (struct ssm_tag){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}
