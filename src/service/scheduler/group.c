/* group.c — schedule groups and their tags.
 *
 * Docs: EventBridge Scheduler API reference, CreateScheduleGroup. DEVIATION: a group is gone when
 * DeleteScheduleGroup answers; AWS takes its time and shows it as DELETING.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "service/scheduler/scheduler.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "wire/runtime.h"

enum {
    MAX_TAGS = 50,
    DELETE_PAGE = 200,
};

struct str scheduler_group_arn(struct arena *arena, struct scope scope, struct str name)
{
    return str_format(arena, "arn:aws:scheduler:" STR_FMT ":" STR_FMT ":schedule-group/" STR_FMT,
                      STR_ARG(scope.region), STR_ARG(scope.account), STR_ARG(name));
}

enum status scheduler_page_begin(struct call *call, struct str token, struct opt_i32 limit,
                                 struct str prefix, struct scheduler_page *out_page)
{
    *out_page = (struct scheduler_page){
        .after = STR(""),
        .prefix = str_or(prefix, STR("")),
        .limit = (size_t)opt_i32_or(limit, SCHEDULER_LIST_DEFAULT),
    };
    if (token.ptr && (base64url_decode(call->arena, token, &out_page->after) < 0 ||
                      !str_is_utf8(out_page->after) || str_index(out_page->after, '\0') >= 0))
        return call_fail(call, &SCHEDULER_VALIDATION_EXCEPTION, "Invalid NextToken.");
    return STATUS_DONE;
}

/* 1: found (the default group always is), 0 or -errno. */
static int find_group(struct call *call, struct str name, struct scheduler_group_row *out)
{
    int rc = scheduler_store_find_group(call->db, call->arena, call->scope, name, out);
    if (rc != 0 || !str_eq_cstr(name, "default"))
        return rc;
    *out = (struct scheduler_group_row){
        .scope = call->scope,
        .name = STR("default"),
        .created_at_ms = call->runtime->started_at_ms,
        .modified_at_ms = call->runtime->started_at_ms,
        .tags = STR("{}"),
        .token = STR(""),
    };
    return 1;
}

enum status scheduler_get_group(struct call *call, struct str name, struct scheduler_group_row *out)
{
    int rc = find_group(call, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: find a group");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &SCHEDULER_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Schedule group " STR_FMT " does not exist.", STR_ARG(name));
}

/* ---- Tags ------------------------------------------------------------------------------------ */

static struct json *tags_of(struct call *call, struct str text)
{
    struct json *tags = NULL;
    if (text.len > 0 && json_parse(call->arena, text, 0, &tags, NULL) == 0)
        return tags;
    return json_new(call->arena, JSON_OBJECT);
}

static enum status put_tags(struct call *call, struct str base,
                            const struct scheduler_tag_list *tags, struct str *out_text)
{
    struct json *all = tags_of(call, base);
    for (size_t i = 0; i < tags->count; i++) {
        const struct scheduler_tag *tag = &tags->items[i];
        if (str_starts_with(tag->key, STR("aws:")) && call->via_service.len == 0)
            return call_fail(call, &SCHEDULER_VALIDATION_EXCEPTION,
                             "Tag keys that begin with aws: are reserved.");
        json_set(all, tag->key, json_new_string(call->arena, tag->value));
    }
    if (all->count > MAX_TAGS)
        return call_fail(call, &SCHEDULER_VALIDATION_EXCEPTION,
                         "A resource can have at most %d tags.", MAX_TAGS);
    *out_text = json_to_str(call->arena, all);
    return STATUS_DONE;
}

static enum status save(struct call *call, const struct scheduler_group_row *row)
{
    int rc = scheduler_store_put_group(call->db, row);
    return rc < 0 ? call_fail_internal(call, rc, "scheduler: write a group") : STATUS_DONE;
}

/* The group of an ARN, which the model has checked. */
static enum status find_tagged(struct call *call, struct str arn, struct scheduler_group_row *out)
{
    struct scope scope = {0};
    struct str resource = {0};
    (void)delivery_split_arn(arn, NULL, &scope, &resource);
    struct str name = str_from(resource, (size_t)(str_last_index(resource, '/') + 1));
    if (!str_eq(scope.account, call->scope.account) || !str_eq(scope.region, call->scope.region))
        return call_fail(call, &SCHEDULER_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Schedule group " STR_FMT " does not exist.", STR_ARG(name));
    return scheduler_get_group(call, name, out);
}

enum status scheduler_tag_resource(struct call *call, const struct scheduler_tag_resource_in *in,
                                   struct scheduler_tag_resource_out *out)
{
    (void)out;
    struct scheduler_group_row row = {0};
    enum status status = find_tagged(call, in->resource_arn, &row);
    if (status == STATUS_DONE)
        status = put_tags(call, row.tags, &in->tags, &row.tags);
    return status == STATUS_DONE ? save(call, &row) : status;
}

enum status scheduler_untag_resource(struct call *call,
                                     const struct scheduler_untag_resource_in *in,
                                     struct scheduler_untag_resource_out *out)
{
    (void)out;
    struct scheduler_group_row row = {0};
    enum status status = find_tagged(call, in->resource_arn, &row);
    if (status != STATUS_DONE)
        return status;
    struct json *tags = tags_of(call, row.tags);
    for (size_t i = 0; i < in->tag_keys.count; i++)
        json_remove(tags, in->tag_keys.items[i]);
    row.tags = json_to_str(call->arena, tags);
    return save(call, &row);
}

enum status scheduler_list_tags_for_resource(struct call *call,
                                             const struct scheduler_list_tags_for_resource_in *in,
                                             struct scheduler_list_tags_for_resource_out *out)
{
    struct scheduler_group_row row = {0};
    enum status status = find_tagged(call, in->resource_arn, &row);
    if (status != STATUS_DONE)
        return status;
    const struct json *tags = tags_of(call, row.tags);
    out->tags.is_set = true;
    out->tags.items = arena_alloc_array(call->arena, tags->count + 1, sizeof(*out->tags.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        out->tags.items[out->tags.count++] =
            (struct scheduler_tag){.key = tag->key, .value = tag->text};
    return STATUS_DONE;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

enum status scheduler_create_schedule_group(struct call *call,
                                            const struct scheduler_create_schedule_group_in *in,
                                            struct scheduler_create_schedule_group_out *out)
{
    struct scheduler_group_row found = {0};
    int rc = find_group(call, in->name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: find a group");
    out->schedule_group_arn = scheduler_group_arn(call->arena, call->scope, in->name);
    /* AWS: the same request, known by its token, has the same answer. */
    if (rc == 1 && in->client_token.ptr && str_eq(in->client_token, found.token))
        return STATUS_DONE;
    if (rc == 1)
        return call_fail(call, &SCHEDULER_CONFLICT_EXCEPTION,
                         "Schedule group " STR_FMT " already exists.", STR_ARG(in->name));
    struct scheduler_group_row row = {
        .scope = call->scope,
        .name = in->name,
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
        .token = str_or(in->client_token, STR("")),
    };
    enum status status = put_tags(call, STR(""), &in->tags, &row.tags);
    return status == STATUS_DONE ? save(call, &row) : status;
}

enum status scheduler_get_schedule_group(struct call *call,
                                         const struct scheduler_get_schedule_group_in *in,
                                         struct scheduler_get_schedule_group_out *out)
{
    struct scheduler_group_row row = {0};
    enum status status = scheduler_get_group(call, in->name, &row);
    if (status != STATUS_DONE)
        return status;
    *out = (struct scheduler_get_schedule_group_out){
        .arn = scheduler_group_arn(call->arena, row.scope, row.name),
        .name = row.name,
        .state = STR("ACTIVE"),
        .creation_date = opt_i64(row.created_at_ms),
        .last_modification_date = opt_i64(row.modified_at_ms),
    };
    return STATUS_DONE;
}

/* The schedules of a group go with it. */
static enum status empty_group(struct call *call, struct str group)
{
    const struct scheduler_page page = {.after = STR(""), .prefix = STR(""), .limit = DELETE_PAGE};
    for (;;) {
        struct vec rows;
        vec_init(&rows, call->arena, sizeof(struct scheduler_row));
        int rc = scheduler_store_list(call->db, call->arena, call->scope, group, (struct str){0},
                                      &page, &rows);
        for (size_t i = 0; rc == 0 && i < rows.count; i++) {
            const struct scheduler_row *row = vec_at(&rows, i);
            if (scheduler_cancel(call, row) != STATUS_DONE)
                return STATUS_FAILED;
            rc = scheduler_store_delete(call->db, row->scope, row->group, row->name);
        }
        if (rc < 0)
            return call_fail_internal(call, rc, "scheduler: empty a group");
        if (rows.count < DELETE_PAGE)
            return STATUS_DONE;
    }
}

enum status scheduler_delete_schedule_group(struct call *call,
                                            const struct scheduler_delete_schedule_group_in *in,
                                            struct scheduler_delete_schedule_group_out *out)
{
    (void)out;
    struct scheduler_group_row row = {0};
    if (str_eq_cstr(in->name, "default"))
        return call_fail(call, &SCHEDULER_VALIDATION_EXCEPTION,
                         "The default schedule group cannot be deleted.");
    enum status status = scheduler_get_group(call, in->name, &row);
    if (status == STATUS_DONE)
        status = empty_group(call, row.name);
    if (status != STATUS_DONE)
        return status;
    int rc = scheduler_store_delete_group(call->db, row.scope, row.name);
    return rc < 0 ? call_fail_internal(call, rc, "scheduler: delete a group") : STATUS_DONE;
}

/* The default group has its place in the list, whether it has a row or not. */
static enum status add_default(struct call *call, const struct scheduler_page *page,
                               struct vec *rows)
{
    struct str name = STR("default");
    struct scheduler_group_row group = {0};
    size_t at = 0;
    if (!str_starts_with(name, page->prefix) || str_compare(name, page->after) <= 0)
        return STATUS_DONE;
    while (at < rows->count &&
           str_compare(((struct scheduler_group_row *)vec_at(rows, at))->name, name) < 0)
        at++;
    if (at < rows->count && str_eq(((struct scheduler_group_row *)vec_at(rows, at))->name, name))
        return STATUS_DONE;
    enum status status = scheduler_get_group(call, name, &group);
    (void)vec_push(rows);
    for (size_t i = rows->count - 1; i > at; i--)
        *(struct scheduler_group_row *)vec_at(rows, i) =
            *(struct scheduler_group_row *)vec_at(rows, i - 1);
    *(struct scheduler_group_row *)vec_at(rows, at) = group;
    return status;
}

enum status scheduler_list_schedule_groups(struct call *call,
                                           const struct scheduler_list_schedule_groups_in *in,
                                           struct scheduler_list_schedule_groups_out *out)
{
    struct scheduler_page page = {0};
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct scheduler_group_row));
    enum status status =
        scheduler_page_begin(call, in->next_token, in->max_results, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    size_t max = page.limit++;
    int rc = scheduler_store_list_groups(call->db, call->arena, call->scope, &page, &rows);
    if (rc < 0)
        return call_fail_internal(call, rc, "scheduler: list groups");
    status = add_default(call, &page, &rows);
    out->schedule_groups.is_set = true;
    out->schedule_groups.items =
        arena_alloc_array(call->arena, max + 1, sizeof(*out->schedule_groups.items));
    for (size_t i = 0; i < rows.count && i < max; i++) {
        const struct scheduler_group_row *row = vec_at(&rows, i);
        out->schedule_groups.items[out->schedule_groups.count++] =
            (struct scheduler_schedule_group_summary){
                .arn = scheduler_group_arn(call->arena, row->scope, row->name),
                .name = row->name,
                .state = STR("ACTIVE"),
                .creation_date = opt_i64(row->created_at_ms),
                .last_modification_date = opt_i64(row->modified_at_ms),
            };
        if (rows.count > max)
            out->next_token = base64url_encode_str(call->arena, row->name);
    }
    return status;
}
