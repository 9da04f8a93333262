/* tag.c — TagResource, UntagResource, ListTagsOfResource. Tags are a member of a table's detail.
 *
 * Docs: developer guide, "Adding tags and labels to resources": at most 50 tags per table.
 */
#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/json.h"

enum {
    TAGS_MAX = 50,
    LIST_PAGE = 10, /* AWS: ListTagsOfResource gives at most 10 at a time */
};

enum status ddb_tags_check(struct call *call, const struct dynamodb_tag_list *tags,
                           struct json *into)
{
    for (size_t i = 0; i < tags->count; i++) {
        const struct dynamodb_tag *tag = &tags->items[i];
        /* Stack tags come through CloudFormation, which is AWS. */
        if (str_starts_with(tag->key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &ERROR_VALIDATION,
                             "One or more parameter values were invalid: Tag keys starting with "
                             "'aws:' are reserved for system use");
        for (size_t other = 0; other < i; other++) {
            if (str_eq(tags->items[other].key, tag->key))
                return call_fail(call, &ERROR_VALIDATION,
                                 "One or more parameter values were invalid: Duplicate tag keys");
        }
        json_set(into, tag->key, json_new_string(call->arena, tag->value));
    }
    if (into->count > TAGS_MAX)
        return call_fail(call, &ERROR_VALIDATION,
                         "One or more parameter values were invalid: Too many tags: a resource "
                         "can have at most %d",
                         TAGS_MAX);
    return STATUS_DONE;
}

static enum status find_tagged(struct call *call, struct str arn, struct ddb_table **out_table)
{
    struct ddb_name name;
    if (ddb_name_read(call, arn, &name) < 0 || !name.is_arn)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid TableArn: Invalid ResourceArn provided "
                         "as input " STR_FMT,
                         STR_ARG(arn));
    if (name.kind.len > 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid TableArn: Invalid ResourceArn provided "
                         "as input " STR_FMT,
                         STR_ARG(arn));
    int rc = str_eq(name.scope.region, call->scope.region)
                 ? ddb_table_find_in(call, name.scope, name.table, out_table)
                 : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table");
    if (rc == 0)
        return call_fail(call, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Requested resource not found: ResourcArn: " STR_FMT " not found",
                         STR_ARG(arn));
    return STATUS_DONE;
}

enum status dynamodb_tag_resource(struct call *call, const struct dynamodb_tag_resource_in *in,
                                  struct dynamodb_tag_resource_out *out)
{
    (void)out;
    struct ddb_table *table = NULL;
    enum status status = find_tagged(call, in->resource_arn, &table);
    if (status == STATUS_DONE && in->tags.count == 0)
        return call_fail(call, &ERROR_VALIDATION, "Atleast one Tag needs to be provided as Input.");
    if (status == STATUS_DONE)
        status = ddb_tags_check(call, &in->tags,
                                ddb_detail_object(call->arena, table->detail, STR("Tags")));
    return status == STATUS_DONE ? ddb_table_save(call, table) : status;
}

enum status dynamodb_untag_resource(struct call *call, const struct dynamodb_untag_resource_in *in,
                                    struct dynamodb_untag_resource_out *out)
{
    (void)out;
    struct ddb_table *table = NULL;
    enum status status = find_tagged(call, in->resource_arn, &table);
    if (status == STATUS_DONE && in->tag_keys.count == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Atleast one Tag Key needs to be provided as Input.");
    if (status != STATUS_DONE)
        return status;
    struct json *tags = ddb_detail_object(call->arena, table->detail, STR("Tags"));
    for (size_t i = 0; i < in->tag_keys.count; i++)
        (void)json_remove(tags, in->tag_keys.items[i]);
    return ddb_table_save(call, table);
}

enum status dynamodb_list_tags_of_resource(struct call *call,
                                           const struct dynamodb_list_tags_of_resource_in *in,
                                           struct dynamodb_list_tags_of_resource_out *out)
{
    struct ddb_table *table = NULL;
    enum status status = find_tagged(call, in->resource_arn, &table);
    if (status != STATUS_DONE)
        return status;
    const struct json *tags = json_find_cstr(table->detail, "Tags");
    out->tags.items = arena_alloc_array(call->arena, LIST_PAGE, sizeof(*out->tags.items));
    out->tags.is_set = true;
    bool is_on = in->next_token.len == 0;
    for (const struct json *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
        if (is_on && out->tags.count == LIST_PAGE) {
            out->next_token = out->tags.items[LIST_PAGE - 1].key;
            break;
        }
        if (is_on)
            out->tags.items[out->tags.count++] =
                (struct dynamodb_tag){.key = tag->key, .value = tag->text};
        is_on |= str_eq(tag->key, in->next_token);
    }
    return STATUS_DONE;
}
