/* authorize.c — which resource an operation of IAM acts on, and the condition keys of the request.
 *
 * The members of the request tell: RoleName names a role, PolicyArn a policy, and so on, so one
 * table by member serves all operations. A resource that exists brings its path and its tags.
 *
 * Docs: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity
 * and Access Management (IAM)".
 */
#include "base/arena.h"
#include "service/iam/iam.h"
#include "syntax/json.h"

enum {
    MAX_CONDITIONS = 8 + 3 * IAM_MAX_TAGS, /* single keys; request tags; resource tags twice */
};

struct request {
    struct call *call;
    const void *in;
    struct condition_value *conditions;
    size_t count;
};

/* Members that name what is acted on; the first one that the operation has counts: AddUserToGroup
 * is about the group, AddRoleToInstanceProfile about the profile. */
static const struct {
    const char *member;
    enum iam_kind kind;
} names[] = {
    {"GroupName", IAM_KIND_GROUP},
    {"InstanceProfileName", IAM_KIND_PROFILE},
    {"RoleName", IAM_KIND_ROLE},
    {"UserName", IAM_KIND_USER},
};

/* Members that hold the ARN itself. */
static const char *const arns[] = {
    "PolicyArn", "OpenIDConnectProviderArn", "SAMLProviderArn", "SerialNumber", "PolicySourceArn",
};

/* AWS: what lists without a resource name in their refusals. */
static const struct {
    uint16_t operation;
    const char *resource;
} lists[] = {
    {IAM_OP_LIST_GROUPS, "group"},
    {IAM_OP_LIST_INSTANCE_PROFILES, "instance-profile"},
    {IAM_OP_LIST_ROLES, "role"},
    {IAM_OP_LIST_USERS, "user"},
};

static const struct member *find_member(const struct request *request, const char *name)
{
    const struct shape *shape = request->call->operation->in;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, name))
            return &shape->members[i];
    }
    return NULL;
}

static const void *member_at(const struct request *request, const struct member *member)
{
    return (const char *)request->in + member->offset;
}

/* The text of a string member; absent when the operation has none or it was left out. */
static struct str text_of(const struct request *request, const char *name)
{
    const struct member *member = find_member(request, name);
    if (!member || member->shape->kind != KIND_STRING)
        return (struct str){0};
    return *(const struct str *)member_at(request, member);
}

static void add_values(struct request *request, struct str key, const struct str *values,
                       size_t count)
{
    CHECK(request->count < MAX_CONDITIONS);
    request->conditions[request->count++] =
        (struct condition_value){.key = key, .values = values, .value_count = count};
}

static void add_value(struct request *request, struct str key, struct str value)
{
    if (!value.ptr)
        return;
    struct str *values = arena_alloc(request->call->arena, sizeof(*values));
    values[0] = value;
    add_values(request, key, values, 1);
}

/* aws:RequestTag/KEY and aws:TagKeys. */
static void add_request_tags(struct request *request)
{
    struct arena *arena = request->call->arena;
    const struct member *member = find_member(request, "Tags");
    if (member && member->shape->kind == KIND_LIST) {
        const struct iam_tag_list_type *tags = member_at(request, member);
        struct str *keys = arena_alloc_array(arena, tags->count + 1, sizeof(*keys));
        for (size_t i = 0; i < tags->count && i < IAM_MAX_TAGS; i++) {
            keys[i] = tags->items[i].key;
            add_value(request, str_concat(arena, STR("aws:RequestTag/"), keys[i]),
                      tags->items[i].value);
        }
        if (tags->count > 0)
            add_values(request, STR("aws:TagKeys"), keys, tags->count);
    }
    member = find_member(request, "TagKeys");
    if (member && member->shape->kind == KIND_LIST) {
        const struct iam_tag_key_list_type *keys = member_at(request, member);
        if (keys->count > 0)
            add_values(request, STR("aws:TagKeys"), keys->items, keys->count);
    }
}

/* aws:ResourceTag/KEY and iam:ResourceTag/KEY, and the boundary that the entity has. */
static enum status add_entity(struct request *request, const struct iam_entity *entity)
{
    struct arena *arena = request->call->arena;
    struct json *tags = NULL;
    int rc = json_parse(arena, entity->tags, 0, &tags, NULL);
    if (rc < 0)
        return call_fail_internal(request->call, rc, "iam: read tags");
    size_t count = 0;
    for (const struct json *tag = tags->first; tag && count < IAM_MAX_TAGS; tag = tag->next) {
        add_value(request, str_concat(arena, STR("aws:ResourceTag/"), tag->key), tag->text);
        add_value(request, str_concat(arena, STR("iam:ResourceTag/"), tag->key), tag->text);
        count++;
    }
    /* AWS: iam:PermissionsBoundary is the boundary that the request sets, else the one that the
     * user or role has. */
    if (!text_of(request, "PermissionsBoundary").ptr)
        add_value(request, STR("iam:PermissionsBoundary"), entity->boundary_arn);
    return STATUS_DONE;
}

/* The ARN of a named entity: of the one that exists, else as it would be. */
static enum status name_entity(struct request *request, enum iam_kind kind, struct str name,
                               struct str *out_arn)
{
    struct call *call = request->call;
    struct iam_entity *entity = NULL;
    int rc = iam_store_find(call->db, call->arena, call->scope.account, kind, name, &entity);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find an entity");
    if (rc == 1) {
        *out_arn = iam_entity_arn(call->arena, entity);
        return add_entity(request, entity);
    }
    const struct iam_entity wanted = {
        .account = call->scope.account,
        .kind = kind,
        .name = name,
        .path = str_or(text_of(request, "Path"), STR("/")),
    };
    *out_arn = iam_entity_arn(call->arena, &wanted);
    return STATUS_DONE;
}

static enum status name_policy(struct request *request, struct str arn)
{
    struct call *call = request->call;
    struct iam_managed managed = {0};
    int rc = iam_managed_find(call->db, call->arena, call->scope.account, arn, &managed);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a managed policy");
    return rc == 1 && managed.entity ? add_entity(request, managed.entity) : STATUS_DONE;
}

static enum status name_resource(struct request *request, struct str *out_resource)
{
    struct call *call = request->call;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!find_member(request, names[i].member))
            continue;
        struct str name = text_of(request, names[i].member);
        if (!name.ptr && call->principal->kind == PRINCIPAL_USER)
            name = call->principal->name;
        if (!name.ptr)
            break;
        return name_entity(request, names[i].kind, name, out_resource);
    }
    for (size_t i = 0; i < ARRAY_LEN(arns); i++) {
        struct str arn = text_of(request, arns[i]);
        if (!arn.ptr)
            continue;
        *out_resource = arn;
        return i == 0 ? name_policy(request, arn) : STATUS_DONE;
    }
    if (call->operation == &iam_operations[IAM_OP_CREATE_POLICY])
        return name_entity(request, IAM_KIND_POLICY, text_of(request, "PolicyName"), out_resource);
    struct str server_certificate = text_of(request, "ServerCertificateName");
    if (server_certificate.ptr)
        *out_resource = call_arn(call, "iam", true, "server-certificate" STR_FMT STR_FMT,
                                 STR_ARG(str_or(text_of(request, "Path"), STR("/"))),
                                 STR_ARG(server_certificate));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (call->operation == &iam_operations[lists[i].operation])
            *out_resource = call_arn(call, "iam", true, "%s" STR_FMT, lists[i].resource,
                                     STR_ARG(str_or(text_of(request, "PathPrefix"), STR("/"))));
    }
    return STATUS_DONE;
}

enum status iam_authorize(struct call *call, const void *in, struct authorization *out)
{
    if (call->principal->kind == PRINCIPAL_ROOT)
        return STATUS_DONE; /* nothing in IAM has a policy that speaks about the root */
    struct request request = {
        .call = call,
        .in = in,
        .conditions = arena_alloc_array(call->arena, MAX_CONDITIONS, sizeof(*request.conditions)),
    };
    /* AWS: ChangePassword is about the caller, and its request does not say so. */
    enum status status = STATUS_DONE;
    if (call->operation == &iam_operations[IAM_OP_CHANGE_PASSWORD] &&
        call->principal->kind == PRINCIPAL_USER)
        status = name_entity(&request, IAM_KIND_USER, call->principal->name, &out->resource);
    else
        status = name_resource(&request, &out->resource);
    if (status != STATUS_DONE)
        return status;
    add_value(&request, STR("iam:PolicyARN"), text_of(&request, "PolicyArn"));
    add_value(&request, STR("iam:PermissionsBoundary"), text_of(&request, "PermissionsBoundary"));
    add_value(&request, STR("iam:AWSServiceName"), text_of(&request, "AWSServiceName"));
    add_request_tags(&request);
    out->conditions = request.conditions;
    out->condition_count = request.count;
    return STATUS_DONE;
}
