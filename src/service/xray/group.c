/* group.c — groups: named filter expressions.
 *
 * Every account has the group Default, which nobody can delete. ARNs: arn:aws:xray:REGION:ACCOUNT:
 * group/NAME/ID, of Default without the id.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/xray/xray.h"
#include "syntax/json.h"

enum {
    ID_LEN = 52,
    GROUPS_MAX = 25, /* AWS: groups of an account and region, without Default */
};

#define DEFAULT_GROUP "Default"

static struct str arn_of(struct call *call, const struct xray_group_row *group)
{
    if (group->id.len == 0)
        return call_arn(call, "xray", false, "group/" STR_FMT, STR_ARG(group->name));
    return call_arn(call, "xray", false, "group/" STR_FMT "/" STR_FMT, STR_ARG(group->name),
                    STR_ARG(group->id));
}

static bool is_on(const struct json *object, const char *name)
{
    const struct json *found = json_find_cstr(object, name);
    return found && found->kind == JSON_TRUE;
}

static struct xray_group_row group_of(struct call *call, const struct xray_thing *thing)
{
    struct json *body = NULL;
    int rc = json_parse(call->arena, thing->text, 0, &body, NULL);
    CHECK(rc == 0); /* written below */
    return (struct xray_group_row){
        .name = thing->name,
        .id = json_find_str(body, "id"),
        .filter = json_find_str(body, "filter"),
        .has_insights = is_on(body, "insights"),
        .has_notifications = is_on(body, "notifications"),
    };
}

static enum status put_group(struct call *call, const struct xray_group_row *group)
{
    struct json *body = json_new(call->arena, JSON_OBJECT);
    json_append_member(body, STR("id"), json_new_string(call->arena, group->id));
    if (group->filter.ptr)
        json_append_member(body, STR("filter"), json_new_string(call->arena, group->filter));
    json_append_member(body, STR("insights"), json_new_bool(call->arena, group->has_insights));
    json_append_member(body, STR("notifications"),
                       json_new_bool(call->arena, group->has_notifications));
    const struct xray_thing thing = {
        .name = group->name,
        .text = json_to_str(call->arena, body),
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
    };
    int rc = xray_store_put_thing(call->db, call->scope, "group", &thing);
    return rc < 0 ? call_fail_internal(call, rc, "xray: write a group") : STATUS_DONE;
}

/* "group/NAME/ID" behind an ARN's account. */
static struct str name_in_arn(struct str arn)
{
    ptrdiff_t at = str_find(arn, STR(":group/"));
    if (at < 0)
        return STR("");
    struct str rest = str_from(arn, (size_t)at + STR(":group/").len);
    struct str name = {0};
    return str_split_next(&rest, '/', &name) ? name : STR("");
}

/* 1: found, 0: not, -errno. */
static int find(struct call *call, struct str name, struct str arn, struct xray_group_row *out)
{
    struct xray_thing *thing = NULL;
    struct str wanted = name.ptr ? name : name_in_arn(arn);
    int rc = xray_store_find_thing(call->db, call->arena, call->scope, "group", wanted, &thing);
    if (rc < 0)
        return rc;
    if (!thing && str_eq_cstr(wanted, DEFAULT_GROUP)) {
        *out = (struct xray_group_row){.name = STR(DEFAULT_GROUP), .id = STR("")};
        return 1;
    }
    if (!thing)
        return 0;
    *out = group_of(call, thing);
    return name.ptr || str_eq(arn, arn_of(call, out));
}

static enum status find_or_fail(struct call *call, struct str name, struct str arn,
                                struct xray_group_row *out)
{
    if (!name.ptr && !arn.ptr)
        return xray_invalid(call, "Either GroupName or GroupARN is required");
    int rc = find(call, name, arn, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: find a group");
    return rc == 1 ? STATUS_DONE : xray_invalid(call, "Group not found");
}

/* --- expressions --- */

static struct str find_filter(void *context, struct str name_or_arn)
{
    struct call *call = context;
    struct xray_group_row group = {0};
    bool is_arn = str_starts_with(name_or_arn, STR("arn:"));
    int rc = find(call, is_arn ? (struct str){0} : name_or_arn, name_or_arn, &group);
    return rc == 1 ? str_or(group.filter, STR("")) : (struct str){0};
}

enum status xray_compile(struct call *call, struct str text, struct xray_expression **out)
{
    struct str message = {0};
    int rc = xray_expression_parse(call->arena, text, out, &message);
    if (rc == 0)
        rc = xray_expression_resolve(call->arena, *out, find_filter, call, &message);
    return rc < 0 ? xray_invalid(call, STR_FMT, STR_ARG(message)) : STATUS_DONE;
}

enum status xray_group_filter(struct call *call, struct str name, struct str arn,
                              struct xray_expression **out)
{
    struct xray_group_row group = {0};
    enum status status = name.ptr || arn.ptr ? find_or_fail(call, name, arn, &group) : STATUS_DONE;
    return status == STATUS_DONE ? xray_compile(call, str_or(group.filter, STR("")), out) : status;
}

/* --- operations --- */

static struct xray_insights_configuration *insights_of(struct call *call,
                                                       const struct xray_group_row *group)
{
    struct xray_insights_configuration *out = arena_alloc(call->arena, sizeof(*out));
    *out = (struct xray_insights_configuration){
        .insights_enabled = opt_bool(group->has_insights),
        .notifications_enabled = opt_bool(group->has_notifications),
    };
    return out;
}

static struct xray_group *shown(struct call *call, const struct xray_group_row *group)
{
    struct xray_group *out = arena_alloc(call->arena, sizeof(*out));
    *out = (struct xray_group){
        .group_name = group->name,
        .group_arn = arn_of(call, group),
        .filter_expression = group->filter,
        .insights_configuration = insights_of(call, group),
    };
    return out;
}

static enum status apply(struct call *call, struct str filter,
                         const struct xray_insights_configuration *insights,
                         struct xray_group_row *group)
{
    struct xray_expression *ignored = NULL;
    if (filter.ptr) {
        enum status status = xray_compile(call, filter, &ignored);
        if (status != STATUS_DONE)
            return status;
        group->filter = filter;
    }
    if (insights) {
        group->has_insights = opt_bool_or(insights->insights_enabled, group->has_insights);
        group->has_notifications =
            opt_bool_or(insights->notifications_enabled, group->has_notifications);
    }
    if (group->has_notifications && !group->has_insights)
        return xray_invalid(call, "Notifications can only be enabled when insights are enabled");
    return STATUS_DONE;
}

enum status xray_create_group(struct call *call, const struct xray_create_group_in *in,
                              struct xray_create_group_out *out)
{
    struct xray_group_row group = {0};
    struct xray_thing others[GROUPS_MAX];
    int rc = find(call, in->group_name, (struct str){0}, &group);
    if (rc == 1)
        return xray_invalid(call, "Group already exists with name " STR_FMT,
                            STR_ARG(in->group_name));
    int64_t count = rc < 0 ? rc
                           : xray_store_list_things(call->db, call->arena, call->scope, "group",
                                                    STR(""), GROUPS_MAX, others);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: find groups");
    if (count == GROUPS_MAX)
        return xray_invalid(call, "Group limit exceeded: at most %d", GROUPS_MAX);
    group = (struct xray_group_row){
        .name = in->group_name,
        .id = rand_text(call->arena, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), ID_LEN),
    };
    enum status status = apply(call, in->filter_expression, in->insights_configuration, &group);
    if (status == STATUS_DONE)
        status = put_group(call, &group);
    if (status == STATUS_DONE)
        status = xray_put_tags(call, arn_of(call, &group), &in->tags);
    if (status == STATUS_DONE)
        out->group = shown(call, &group);
    return status;
}

enum status xray_get_group(struct call *call, const struct xray_get_group_in *in,
                           struct xray_get_group_out *out)
{
    struct xray_group_row group = {0};
    enum status status = find_or_fail(call, in->group_name, in->group_arn, &group);
    if (status == STATUS_DONE)
        out->group = shown(call, &group);
    return status;
}

enum status xray_update_group(struct call *call, const struct xray_update_group_in *in,
                              struct xray_update_group_out *out)
{
    struct xray_group_row group = {0};
    enum status status = find_or_fail(call, in->group_name, in->group_arn, &group);
    if (status == STATUS_DONE)
        status = apply(call, in->filter_expression, in->insights_configuration, &group);
    if (status == STATUS_DONE)
        status = put_group(call, &group);
    if (status == STATUS_DONE)
        out->group = shown(call, &group);
    return status;
}

enum status xray_delete_group(struct call *call, const struct xray_delete_group_in *in,
                              struct xray_delete_group_out *out)
{
    (void)out;
    struct xray_group_row group = {0};
    enum status status = find_or_fail(call, in->group_name, in->group_arn, &group);
    if (status != STATUS_DONE)
        return status;
    if (group.id.len == 0)
        return xray_invalid(call, "The Default group cannot be deleted");
    int rc = xray_store_delete_thing(call->db, call->scope, "group", group.name);
    if (rc >= 0)
        rc = xray_store_delete_thing(call->db, call->scope, "tags", arn_of(call, &group));
    return rc < 0 ? call_fail_internal(call, rc, "xray: delete a group") : STATUS_DONE;
}

static void add_summary(struct call *call, const struct xray_group_row *group,
                        struct xray_group_summary_list *out)
{
    out->items[out->count++] = (struct xray_group_summary){
        .group_name = group->name,
        .group_arn = arn_of(call, group),
        .filter_expression = group->filter,
        .insights_configuration = insights_of(call, group),
    };
}

/* All there are fit a page. */
enum status xray_get_groups(struct call *call, const struct xray_get_groups_in *in,
                            struct xray_get_groups_out *out)
{
    (void)in;
    struct xray_thing things[GROUPS_MAX + 1];
    struct xray_group_row group = {0};
    int rc = find(call, STR(DEFAULT_GROUP), (struct str){0}, &group);
    int64_t count = rc < 0 ? rc
                           : xray_store_list_things(call->db, call->arena, call->scope, "group",
                                                    STR(""), GROUPS_MAX + 1, things);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: list groups");
    out->groups.is_set = true;
    out->groups.items =
        arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*out->groups.items));
    add_summary(call, &group, &out->groups);
    for (int64_t i = 0; i < count; i++) {
        if (str_eq_cstr(things[i].name, DEFAULT_GROUP))
            continue;
        group = group_of(call, &things[i]);
        add_summary(call, &group, &out->groups);
    }
    return STATUS_DONE;
}
