/* tag.c — TagResource, UntagResource, ListTagsForResource: of buses and rules.
 *
 * Tags are a JSON object in the row of what they are on.
 */
#include "base/arena.h"
#include "service/events/events.h"
#include "syntax/json.h"

enum {
    TAGS_MAX = 50, /* AWS: per resource */
};

/* What an ARN names. */
struct tagged {
    struct events_bus_row bus;
    struct events_rule_row rule;
    bool is_rule;
};

static struct json *tags_of(struct call *call, struct str text)
{
    struct json *tags = NULL;
    if (text.len > 0 && json_parse(call->arena, text, 0, &tags, NULL) == 0)
        return tags;
    return json_new(call->arena, JSON_OBJECT);
}

enum status events_put_tags(struct call *call, struct str base, const struct events_tag_list *tags,
                            struct str *out_text)
{
    struct json *all = tags_of(call, base);
    for (size_t i = 0; i < tags->count; i++) {
        const struct events_tag *tag = &tags->items[i];
        if (str_starts_with(tag->key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &ERROR_VALIDATION,
                             "Invalid parameter: Tag Reason: The following tag key(s) are reserved "
                             "for AWS use only: " STR_FMT,
                             STR_ARG(tag->key));
        json_set(all, tag->key, json_new_string(call->arena, tag->value));
    }
    if (all->count > TAGS_MAX)
        return call_fail(call, &EVENTS_LIMIT_EXCEEDED_EXCEPTION,
                         "The requested resource exceeds the maximum number allowed.");
    *out_text = json_to_str(call->arena, all);
    return STATUS_DONE;
}

static enum status find_tagged(struct call *call, struct str arn, struct tagged *out)
{
    struct scope scope = {0};
    struct str kind = {0};
    struct str name = {0};
    struct str bus_name = {0};
    struct str rule_name = {0};
    bool is_ours = events_split_arn(arn, &scope, &kind, &name) &&
                   str_eq(scope.account, call->scope.account) &&
                   str_eq(scope.region, call->scope.region);
    out->is_rule = str_eq_cstr(kind, "rule");
    if (!is_ours || !(out->is_rule || str_eq_cstr(kind, "event-bus")))
        return call_fail(call, &ERROR_VALIDATION, "Provided Arn is not in correct format.");
    if (!out->is_rule)
        return events_open_bus(call, name, &out->bus);
    events_split_rule(name, &bus_name, &rule_name);
    enum status status = events_open_bus(call, bus_name, &out->bus);
    return status == STATUS_DONE ? events_get_rule(call, &out->bus, rule_name, &out->rule) : status;
}

static enum status save(struct call *call, struct tagged *tagged, struct str tags)
{
    tagged->rule.tags = tags;
    tagged->bus.tags = tags;
    int rc = tagged->is_rule ? events_store_put_rule(call->db, &tagged->rule)
                             : events_store_update_bus(call->db, &tagged->bus);
    return rc < 0 ? call_fail_internal(call, rc, "events: write tags") : STATUS_DONE;
}

enum status events_tag_resource(struct call *call, const struct events_tag_resource_in *in,
                                struct events_tag_resource_out *out)
{
    (void)out;
    struct tagged tagged = {0};
    struct str tags = {0};
    enum status status = find_tagged(call, in->resource_arn, &tagged);
    if (status == STATUS_DONE)
        status = events_put_tags(call, tagged.is_rule ? tagged.rule.tags : tagged.bus.tags,
                                 &in->tags, &tags);
    return status == STATUS_DONE ? save(call, &tagged, tags) : status;
}

enum status events_untag_resource(struct call *call, const struct events_untag_resource_in *in,
                                  struct events_untag_resource_out *out)
{
    (void)out;
    struct tagged tagged = {0};
    enum status status = find_tagged(call, in->resource_arn, &tagged);
    if (status != STATUS_DONE)
        return status;
    struct json *tags = tags_of(call, tagged.is_rule ? tagged.rule.tags : tagged.bus.tags);
    for (size_t i = 0; i < in->tag_keys.count; i++)
        json_remove(tags, in->tag_keys.items[i]);
    return save(call, &tagged, json_to_str(call->arena, tags));
}

enum status events_list_tags_for_resource(struct call *call,
                                          const struct events_list_tags_for_resource_in *in,
                                          struct events_list_tags_for_resource_out *out)
{
    struct tagged tagged = {0};
    enum status status = find_tagged(call, in->resource_arn, &tagged);
    if (status != STATUS_DONE)
        return status;
    const struct json *tags = tags_of(call, tagged.is_rule ? tagged.rule.tags : tagged.bus.tags);
    out->tags.is_set = true;
    out->tags.items = arena_alloc_array(call->arena, tags->count + 1, sizeof(*out->tags.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tags.items[out->tags.count++] =
            (struct events_tag){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}
