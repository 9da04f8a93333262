/* group.c — log groups: create, delete, list, retention, keys, protection, tags.
 *
 * Docs: API reference of the operations. The texts of the errors, unless said otherwise: OBSERVED
 * (2026-02-03, recorded by public test suites with boto3).
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/logs/logs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 50,
    MAX_TAGS = 50,
};

struct str logs_group_arn(struct arena *arena, struct scope scope, struct str name)
{
    struct str prefix = str_concat3(arena, STR("arn:aws:logs:"), scope.region, STR(":"));
    return str_concat3(arena, prefix, scope.account, str_concat(arena, STR(":log-group:"), name));
}

enum status logs_group_missing(struct call *call)
{
    return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                     "The specified log group does not exist.");
}

enum status logs_token_read(struct call *call, struct str token, struct str *out_after)
{
    *out_after = STR("");
    if (token.len == 0)
        return STATUS_DONE;
    if (base64_decode(call->arena, token, out_after) < 0 || !str_is_utf8(*out_after) ||
        str_index(*out_after, '\0') >= 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "The specified nextToken is invalid.");
    return STATUS_DONE;
}

struct str logs_token_write(struct call *call, struct str last)
{
    return base64_encode_str(call->arena, last);
}

/* arn:aws:logs:REGION:ACCOUNT:log-group:NAME, with or without ":*". */
static bool split_arn(struct str arn, struct scope *out_scope, struct str *out_name)
{
    struct str rest = arn;
    struct str parts[6] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return false;
    }
    if (!str_eq_cstr(parts[2], "logs") || !str_eq_cstr(parts[5], "log-group") || !rest.ptr)
        return false;
    *out_scope = (struct scope){.account = parts[4], .region = parts[3]};
    (void)str_split_next(&rest, ':', out_name);
    return true;
}

enum status logs_find_group(struct call *call, struct str name, struct str identifier,
                            struct log_group *out_group)
{
    struct scope scope = call->scope;
    if (name.len > 0 && identifier.len > 0)
        return call_fail(call, &LOGS_VALIDATION_EXCEPTION,
                         "LogGroup name and LogGroup ARN are mutually exclusive parameters.");
    if (name.len == 0)
        name = identifier;
    if (name.len == 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "Expected exactly one of [logGroupName, logGroupIdentifier]");
    if (str_starts_with(name, STR("arn:")) && !split_arn(identifier, &scope, &name))
        return logs_group_missing(call);
    int found = logs_store_find_group(call->db, call->arena, scope, name, out_group);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a group");
    return found == 1 ? STATUS_DONE : logs_group_missing(call);
}

int64_t logs_expiry(const struct call *call, const struct log_group *group)
{
    return group->retention_days > 0 ? call->now_ms - group->retention_days * LOGS_DAY_MS : 0;
}

static enum status update(struct call *call, const struct log_group *group)
{
    int rc = logs_store_update_group(call->db, group);
    return rc < 0 ? call_fail_internal(call, rc, "logs: update a group") : STATUS_DONE;
}

/* --- tags --- */

static enum status add_tags(struct call *call, struct log_group *group,
                            const struct logs_tags *tags)
{
    struct json *all = NULL;
    int rc = json_parse(call->arena, group->tags, 0, &all, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: tags of a group");
    for (size_t i = 0; i < tags->count; i++) {
        /* AWS: "aws:" "is reserved"; stack tags come through CloudFormation. */
        if (str_starts_with(tags->items[i].key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                             "Tag keys can't start with the reserved prefix aws:.");
        json_set(all, tags->items[i].key, json_new_string(call->arena, tags->items[i].value));
    }
    if (all->count > MAX_TAGS) {
        struct logs_too_many_tags_error *members = arena_alloc(call->arena, sizeof(*members));
        members->resource_name = group->arn;
        return call_fail_with(call, &LOGS_TOO_MANY_TAGS_EXCEPTION, members,
                              "A resource can have no more than 50 tags.");
    }
    group->tags = json_to_str(call->arena, all);
    return STATUS_DONE;
}

static enum status remove_tags(struct call *call, struct log_group *group, const struct str *keys,
                               size_t count)
{
    struct json *all = NULL;
    int rc = json_parse(call->arena, group->tags, 0, &all, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: tags of a group");
    for (size_t i = 0; i < count; i++)
        (void)json_remove(all, keys[i]);
    group->tags = json_to_str(call->arena, all);
    return update(call, group);
}

static enum status show_tags(struct call *call, const struct log_group *group,
                             struct logs_tags *out)
{
    struct json *all = NULL;
    int rc = json_parse(call->arena, group->tags, 0, &all, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: tags of a group");
    out->items = arena_alloc_array(call->arena, all->count, sizeof(*out->items));
    out->is_set = true;
    for (const struct json *tag = all->first; tag; tag = tag->next)
        out->items[out->count++] = (struct logs_tags_entry){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}

enum status logs_tag_log_group(struct call *call, const struct logs_tag_log_group_in *in,
                               struct logs_tag_log_group_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status == STATUS_DONE)
        status = add_tags(call, &group, &in->tags);
    return status == STATUS_DONE ? update(call, &group) : status;
}

enum status logs_untag_log_group(struct call *call, const struct logs_untag_log_group_in *in,
                                 struct logs_untag_log_group_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    return status == STATUS_DONE ? remove_tags(call, &group, in->tags.items, in->tags.count)
                                 : status;
}

enum status logs_list_tags_log_group(struct call *call,
                                     const struct logs_list_tags_log_group_in *in,
                                     struct logs_list_tags_log_group_out *out)
{
    struct log_group group = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    return status == STATUS_DONE ? show_tags(call, &group, &out->tags) : status;
}

/* Only groups have tags here: a destination's are refused with it. */
static enum status find_resource(struct call *call, struct str arn, struct log_group *out_group)
{
    if (!str_contains(arn, STR(":log-group:")))
        return call_fail(call, &LOGS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "The specified resource does not exist.");
    return logs_find_group(call, (struct str){0}, arn, out_group);
}

enum status logs_tag_resource(struct call *call, const struct logs_tag_resource_in *in,
                              struct logs_tag_resource_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = find_resource(call, in->resource_arn, &group);
    if (status == STATUS_DONE)
        status = add_tags(call, &group, &in->tags);
    return status == STATUS_DONE ? update(call, &group) : status;
}

enum status logs_untag_resource(struct call *call, const struct logs_untag_resource_in *in,
                                struct logs_untag_resource_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = find_resource(call, in->resource_arn, &group);
    return status == STATUS_DONE ? remove_tags(call, &group, in->tag_keys.items, in->tag_keys.count)
                                 : status;
}

enum status logs_list_tags_for_resource(struct call *call,
                                        const struct logs_list_tags_for_resource_in *in,
                                        struct logs_list_tags_for_resource_out *out)
{
    struct log_group group = {0};
    enum status status = find_resource(call, in->resource_arn, &group);
    return status == STATUS_DONE ? show_tags(call, &group, &out->tags) : status;
}

/* --- create and delete --- */

static struct log_group new_group(struct call *call, struct scope scope, struct str name)
{
    return (struct log_group){
        .id = (int64_t)(1 + rand_below(INT64_MAX - 1)),
        .scope = scope,
        .name = name,
        .created_at_ms = call->now_ms,
        .class_name = STR("STANDARD"),
        .kms_key_id = STR(""),
        .tags = STR("{}"),
        .arn = logs_group_arn(call->arena, scope, name),
    };
}

static enum status insert(struct call *call, const struct log_group *group)
{
    int rc = logs_store_insert_group(call->db, group);
    return rc < 0 ? call_fail_internal(call, rc, "logs: insert a group") : STATUS_DONE;
}

enum status logs_make_group(struct call *call, struct scope scope, struct str name,
                            struct log_group *out_group)
{
    int found = logs_store_find_group(call->db, call->arena, scope, name, out_group);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a group");
    if (found == 1)
        return STATUS_DONE;
    *out_group = new_group(call, scope, name);
    return insert(call, out_group);
}

enum status logs_create_log_group(struct call *call, const struct logs_create_log_group_in *in,
                                  struct logs_create_log_group_out *out)
{
    (void)out;
    struct log_group group = {0};
    int found =
        logs_store_find_group(call->db, call->arena, call->scope, in->log_group_name, &group);
    if (found < 0)
        return call_fail_internal(call, found, "logs: find a group");
    if (found == 1)
        return call_fail(call, &LOGS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "The specified log group already exists");
    group = new_group(call, call->scope, in->log_group_name);
    group.class_name = str_or(in->log_group_class, group.class_name);
    group.kms_key_id = str_or(in->kms_key_id, STR(""));
    group.is_protected = opt_bool_or(in->deletion_protection_enabled, false);
    enum status status = add_tags(call, &group, &in->tags);
    return status == STATUS_DONE ? insert(call, &group) : status;
}

enum status logs_delete_log_group(struct call *call, const struct logs_delete_log_group_in *in,
                                  struct logs_delete_log_group_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status != STATUS_DONE)
        return status;
    /* AWS: "You can't delete a log group with deletion protection" (DeleteLogGroup,
     * ValidationException). */
    if (group.is_protected)
        return call_fail(call, &LOGS_VALIDATION_EXCEPTION,
                         "The log group has deletion protection enabled. Disable deletion "
                         "protection before deleting the log group.");
    int rc = logs_store_delete_group(call->db, &group);
    return rc < 0 ? call_fail_internal(call, rc, "logs: delete a group") : STATUS_DONE;
}

/* --- lists --- */

/* "%", "_" and "\" stand for themselves. */
static struct str like_pattern(struct arena *arena, struct str text)
{
    struct str escaped = str_replace(arena, text, STR("\\"), STR("\\\\"));
    escaped = str_replace(arena, escaped, STR("%"), STR("\\%"));
    escaped = str_replace(arena, escaped, STR("_"), STR("\\_"));
    return str_concat3(arena, STR("%"), escaped, STR("%"));
}

static enum status list_groups(struct call *call, struct log_group_list *list, struct str token,
                               size_t limit, struct log_group **out_groups, size_t *out_count,
                               struct str *out_token)
{
    enum status status = logs_token_read(call, token, &list->after);
    if (status != STATUS_DONE)
        return status;
    *out_groups = arena_alloc_array(call->arena, limit + 1, sizeof(**out_groups));
    int64_t count = logs_store_list_groups(call->db, call->arena, call->scope, list,
                                           (int64_t)limit + 1, *out_groups);
    if (count < 0)
        return call_fail_internal(call, (int)count, "logs: list groups");
    if ((size_t)count > limit)
        *out_token = logs_token_write(call, (*out_groups)[limit - 1].name);
    *out_count = (size_t)count > limit ? limit : (size_t)count;
    return STATUS_DONE;
}

static void show_group(struct call *call, const struct log_group *group, struct logs_log_group *out)
{
    *out = (struct logs_log_group){
        .log_group_name = group->name,
        .creation_time = opt_i64(group->created_at_ms),
        .metric_filter_count = opt_i32((int32_t)group->metric_filter_count),
        .arn = str_concat(call->arena, group->arn, STR(":*")),
        .stored_bytes = opt_i64(group->stored_bytes),
        .kms_key_id = group->kms_key_id.len > 0 ? group->kms_key_id : (struct str){0},
        .log_group_class = group->class_name,
        .log_group_arn = group->arn,
        .deletion_protection_enabled = opt_bool(group->is_protected),
    };
    if (group->retention_days > 0)
        out->retention_in_days = opt_i32((int32_t)group->retention_days);
}

enum status logs_describe_log_groups(struct call *call,
                                     const struct logs_describe_log_groups_in *in,
                                     struct logs_describe_log_groups_out *out)
{
    if (in->log_group_name_prefix.len > 0 && in->log_group_name_pattern.len > 0)
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "LogGroup name prefix and LogGroup name pattern are mutually exclusive "
                         "parameters.");
    struct log_group_list list = {
        .prefix = in->log_group_name_prefix,
        .class_name = in->log_group_class,
    };
    if (in->log_group_name_pattern.len > 0)
        list.pattern = like_pattern(call->arena, in->log_group_name_pattern);
    struct log_group *groups = NULL;
    size_t count = 0;
    enum status status =
        list_groups(call, &list, in->next_token, (size_t)opt_i32_or(in->limit, LIST_DEFAULT),
                    &groups, &count, &out->next_token);
    if (status != STATUS_DONE)
        return status;
    out->log_groups.items = arena_alloc_array(call->arena, count, sizeof(*out->log_groups.items));
    out->log_groups.is_set = true;
    for (size_t i = 0; i < count; i++)
        show_group(call, &groups[i], &out->log_groups.items[out->log_groups.count++]);
    return STATUS_DONE;
}

/* One name or several, "|" between them, "^" for the start (ListLogGroups). */
static bool matches_any(struct str pattern, struct str name)
{
    struct str rest = pattern;
    struct str piece = {0};
    if (pattern.len == 0)
        return true;
    while (str_split_next(&rest, '|', &piece)) {
        bool is_start = piece.len > 0 && piece.ptr[0] == '^';
        if (is_start ? str_starts_with(name, str_from(piece, 1)) : str_contains(name, piece))
            return true;
    }
    return false;
}

enum status logs_list_log_groups(struct call *call, const struct logs_list_log_groups_in *in,
                                 struct logs_list_log_groups_out *out)
{
    struct log_group_list list = {.class_name = in->log_group_class};
    size_t limit = (size_t)opt_i32_or(in->limit, LIST_DEFAULT);
    struct str token = in->next_token;
    out->log_groups.items = arena_alloc_array(call->arena, limit, sizeof(*out->log_groups.items));
    out->log_groups.is_set = true;
    do {
        struct log_group *groups = NULL;
        struct str next = {0};
        size_t count = 0;
        size_t left = limit - out->log_groups.count;
        enum status status = list_groups(call, &list, token, left, &groups, &count, &next);
        if (status != STATUS_DONE)
            return status;
        for (size_t i = 0; i < count; i++) {
            if (matches_any(in->log_group_name_pattern, groups[i].name))
                out->log_groups.items[out->log_groups.count++] = (struct logs_log_group_summary){
                    .log_group_name = groups[i].name,
                    .log_group_arn = groups[i].arn,
                    .log_group_class = groups[i].class_name,
                };
        }
        token = next;
    } while (token.len > 0 && out->log_groups.count < limit);
    out->next_token = token;
    return STATUS_DONE;
}

/* --- what is set on a group --- */

static bool is_retention(int64_t days)
{
    /* AWS: "Possible values" of retentionInDays. */
    static const int64_t valid[] = {1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                    365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        if (valid[i] == days)
            return true;
    }
    return false;
}

enum status logs_put_retention_policy(struct call *call,
                                      const struct logs_put_retention_policy_in *in,
                                      struct logs_put_retention_policy_out *out)
{
    (void)out;
    struct log_group group = {0};
    int64_t days = opt_i32_or(in->retention_in_days, 0);
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    if (status != STATUS_DONE)
        return status;
    /* AWS: the values are an enumeration that the model does not have. */
    if (!is_retention(days))
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "1 validation error detected: Value '%lld' at 'retentionInDays' failed to "
                         "satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, "
                         "30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, "
                         "2922, 3288, 3653]",
                         (long long)days);
    group.retention_days = days;
    status = update(call, &group);
    return status == STATUS_DONE ? logs_schedule(call, &group) : status;
}

enum status logs_delete_retention_policy(struct call *call,
                                         const struct logs_delete_retention_policy_in *in,
                                         struct logs_delete_retention_policy_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = logs_find_group(call, in->log_group_name, (struct str){0}, &group);
    group.retention_days = 0;
    return status == STATUS_DONE ? update(call, &group) : status;
}

/* The group of AssociateKmsKey: by name, or by the ARN in resourceIdentifier. */
static enum status find_keyed(struct call *call, struct str name, struct str identifier,
                              struct log_group *out_group)
{
    /* AWS: "you must specify either the logGroupName parameter or the resourceIdentifier
     * parameter. You can't specify both." */
    if ((name.len > 0) == (identifier.len > 0))
        return call_fail(call, &LOGS_INVALID_PARAMETER_EXCEPTION,
                         "You must specify either the logGroupName parameter or the "
                         "resourceIdentifier parameter, but not both.");
    return logs_find_group(call, name, identifier, out_group);
}

/* DEVIATION: the key is recorded and shown; events are not encrypted by it. */
enum status logs_associate_kms_key(struct call *call, const struct logs_associate_kms_key_in *in,
                                   struct logs_associate_kms_key_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = find_keyed(call, in->log_group_name, in->resource_identifier, &group);
    group.kms_key_id = in->kms_key_id;
    return status == STATUS_DONE ? update(call, &group) : status;
}

enum status logs_disassociate_kms_key(struct call *call,
                                      const struct logs_disassociate_kms_key_in *in,
                                      struct logs_disassociate_kms_key_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = find_keyed(call, in->log_group_name, in->resource_identifier, &group);
    group.kms_key_id = STR("");
    return status == STATUS_DONE ? update(call, &group) : status;
}

enum status
logs_put_log_group_deletion_protection(struct call *call,
                                       const struct logs_put_log_group_deletion_protection_in *in,
                                       struct logs_put_log_group_deletion_protection_out *out)
{
    (void)out;
    struct log_group group = {0};
    enum status status = logs_find_group(call, (struct str){0}, in->log_group_identifier, &group);
    group.is_protected = opt_bool_or(in->deletion_protection_enabled, false);
    return status == STATUS_DONE ? update(call, &group) : status;
}

/* --- retention --- */

enum status logs_schedule(struct call *call, const struct log_group *group)
{
    int rc = workflow_exists(call, logs_retention_kind.name, group->arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: look for a group's workflow");
    return rc == 1 ? workflow_wake(call, logs_retention_kind.name, group->arn)
                   : workflow_start(call, logs_retention_kind.name, group->arn, NULL);
}

/* What has expired is not answered from that moment on (logs_expiry); here its rows go. */
static enum status retention_step(struct call *call, struct workflow *workflow,
                                  enum workflow_next *out_next)
{
    struct scope scope = {0};
    struct str name = {0};
    struct log_group group = {0};
    int64_t oldest = 0;
    *out_next = WORKFLOW_DONE;
    if (!split_arn(workflow->id, &scope, &name))
        return STATUS_DONE;
    int rc = logs_store_find_group(call->db, call->arena, scope, name, &group);
    if (rc == 1 && group.retention_days > 0)
        rc = logs_store_expire(call->db, group.id, logs_expiry(call, &group));
    if (rc >= 0 && group.retention_days > 0)
        rc = logs_store_oldest(call->db, group.id, &oldest);
    if (rc < 0)
        return call_fail_internal(call, rc, "logs: expire events");
    if (group.retention_days == 0)
        return STATUS_DONE;
    int64_t due = oldest > 0 ? oldest + group.retention_days * LOGS_DAY_MS + 1 : 0;
    int64_t soonest = call->now_ms + LOGS_HOUR_MS;
    workflow->run_at_ms = due > soonest ? due : soonest;
    *out_next = WORKFLOW_AGAIN;
    return STATUS_DONE;
}

const struct workflow_kind logs_retention_kind = {
    .name = STR_INIT("logs.retention"),
    .step = retention_step,
};
