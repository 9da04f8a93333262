/* acl.c — access control lists: canned, as grant headers, as XML; what they mean as policy.
 *
 * A list is kept as JSON of the model's Grants, complete with the owner's own grant, or not at all:
 * then it is private. Where the bucket's ownership is enforced, lists are neither taken nor looked
 * at. For a decision a list becomes statements of a resource policy, so that one engine judges both
 * (authorize.c).
 *
 * Docs: S3 user guide, "Access control list (ACL) overview" (mapping of permissions to actions,
 * canned ACLs), "Controlling ownership of objects and disabling ACLs for your bucket".
 */
#include "base/arena.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum {
    MAX_GRANTS = 100, /* AWS: "An ACL can have up to 100 grants" */
    CANONICAL_ID_LEN = 64,
};

#define ALL_USERS "http://acs.amazonaws.com/groups/global/AllUsers"
#define AUTHENTICATED_USERS "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
#define LOG_DELIVERY "http://acs.amazonaws.com/groups/s3/LogDelivery"
/* OBSERVED: the account that aws-exec-read grants to. */
#define EXEC_READER "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"

enum scope_of_acl {
    FOR_BUCKETS = 1 << 0,
    FOR_OBJECTS = 1 << 1,
};

/* What a canned ACL grants beside FULL_CONTROL for the owner. A grantee of NULL is the owner of the
 * bucket. */
static const struct canned {
    struct str name;
    unsigned scope;
    struct {
        const char *uri;
        const char *id;
        const char *permission;
    } grants[2];
} canned_acls[] = {
    {STR_INIT("private"), FOR_BUCKETS | FOR_OBJECTS, {{0}}},
    {STR_INIT("public-read"),
     FOR_BUCKETS | FOR_OBJECTS,
     {{.uri = ALL_USERS, .permission = "READ"}}},
    {STR_INIT("public-read-write"),
     FOR_BUCKETS | FOR_OBJECTS,
     {{.uri = ALL_USERS, .permission = "READ"}, {.uri = ALL_USERS, .permission = "WRITE"}}},
    {STR_INIT("authenticated-read"),
     FOR_BUCKETS | FOR_OBJECTS,
     {{.uri = AUTHENTICATED_USERS, .permission = "READ"}}},
    {STR_INIT("aws-exec-read"),
     FOR_BUCKETS | FOR_OBJECTS,
     {{.id = EXEC_READER, .permission = "READ"}}},
    {STR_INIT("bucket-owner-read"), FOR_OBJECTS, {{.permission = "READ"}}},
    {STR_INIT("bucket-owner-full-control"), FOR_OBJECTS, {{.permission = "FULL_CONTROL"}}},
    {STR_INIT("log-delivery-write"),
     FOR_BUCKETS,
     {{.uri = LOG_DELIVERY, .permission = "WRITE"},
      {.uri = LOG_DELIVERY, .permission = "READ_ACP"}}},
};

static bool is_enforced(const struct s3_bucket_row *bucket)
{
    return str_eq_cstr(str_or(bucket->ownership, STR("BucketOwnerEnforced")),
                       "BucketOwnerEnforced");
}

struct str s3_object_owner(struct call *call, const struct s3_bucket_row *bucket, struct str canned)
{
    bool is_foreign =
        call->principal->account.len > 0 && !str_eq(call->principal->account, bucket->account);
    if (!is_foreign || is_enforced(bucket))
        return bucket->account;
    bool is_preferred = str_eq_cstr(bucket->ownership, "BucketOwnerPreferred");
    if (is_preferred && str_eq_cstr(canned, "bucket-owner-full-control"))
        return bucket->account;
    return call->principal->account;
}

/* ---- making lists ---- */

static const struct shape *policy_shape(void)
{
    return s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_ACL].in, "AccessControlPolicy");
}

struct builder {
    struct call *call;
    struct vec grants; /* struct s3_grant */
};

static void add_grant(struct builder *builder, const char *type, struct str id, struct str uri,
                      struct str permission)
{
    struct s3_grantee *grantee = arena_alloc(builder->call->arena, sizeof(*grantee));
    *grantee = (struct s3_grantee){.type = str_from_cstr(type), .id = id, .uri = uri};
    *(struct s3_grant *)vec_push(&builder->grants) =
        (struct s3_grant){.grantee = grantee, .permission = permission};
}

static struct str built_text(struct builder *builder)
{
    const struct s3_access_control_policy policy = {
        .grants = {.items = builder->grants.items, .count = builder->grants.count, .is_set = true},
    };
    return s3_config_text(builder->call, policy_shape(), &policy);
}

static enum status build_canned(struct builder *builder, const struct s3_bucket_row *bucket,
                                struct str name, bool is_object, struct str *out_acl)
{
    struct call *call = builder->call;
    const struct canned *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(canned_acls); i++) {
        if (str_eq(canned_acls[i].name, name))
            found = &canned_acls[i];
    }
    if (!found || (!is_object && !(found->scope & FOR_BUCKETS)))
        return s3_fail_argument(call, "x-amz-acl", name, "");
    struct str owner = is_object ? s3_object_owner(call, bucket, name) : bucket->account;
    *out_acl = (struct str){0};
    if (!found->grants[0].permission || (is_object && !(found->scope & FOR_OBJECTS)))
        return STATUS_DONE;
    add_grant(builder, "CanonicalUser", identity_canonical_user(call->arena, owner),
              (struct str){0}, STR("FULL_CONTROL"));
    for (size_t i = 0; i < ARRAY_LEN(found->grants) && found->grants[i].permission; i++) {
        struct str permission = str_from_cstr(found->grants[i].permission);
        if (found->grants[i].uri)
            add_grant(builder, "Group", (struct str){0}, str_from_cstr(found->grants[i].uri),
                      permission);
        else if (found->grants[i].id)
            add_grant(builder, "CanonicalUser", str_from_cstr(found->grants[i].id), (struct str){0},
                      permission);
        else if (!str_eq(owner, bucket->account))
            add_grant(builder, "CanonicalUser",
                      identity_canonical_user(call->arena, bucket->account), (struct str){0},
                      permission);
    }
    if (builder->grants.count > 1)
        *out_acl = built_text(builder);
    return STATUS_DONE;
}

static bool is_canonical_id(struct str id)
{
    if (id.len != CANONICAL_ID_LEN)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static bool is_group(struct str uri)
{
    return str_eq_cstr(uri, ALL_USERS) || str_eq_cstr(uri, AUTHENTICATED_USERS) ||
           str_eq_cstr(uri, LOG_DELIVERY);
}

static enum status add_checked(struct builder *builder, struct str kind, struct str value,
                               struct str permission)
{
    struct call *call = builder->call;
    if (str_eq_nocase(kind, STR("id"))) {
        if (!is_canonical_id(value))
            return s3_fail_argument(call, "CanonicalUser/ID", value, "Invalid id");
        add_grant(builder, "CanonicalUser", value, (struct str){0}, permission);
    } else if (str_eq_nocase(kind, STR("uri"))) {
        if (!is_group(value))
            return s3_fail_argument(call, "Group/URI", value, "Invalid group uri");
        add_grant(builder, "Group", (struct str){0}, value, permission);
    } else if (str_eq_nocase(kind, STR("emailAddress"))) {
        /* DEVIATION: accounts have no e-mail addresses here. */
        return s3_fail(call, &S3_UNRESOLVABLE_GRANT_BY_EMAIL_ADDRESS, NULL,
                       "The e-mail address you provided does not match any account on record.");
    } else {
        return s3_fail_argument(call, "x-amz-grant", kind, "Argument format not recognized");
    }
    if (builder->grants.count > MAX_GRANTS)
        return s3_fail(call, &S3_MALFORMED_ACL_ERROR, NULL,
                       "The ACL you provided has more than 100 grants.");
    return STATUS_DONE;
}

/* A header like `id="...", uri="..."`. */
static enum status add_header(struct builder *builder, struct str header, struct str permission)
{
    struct str item = {0};
    while (header.ptr && str_split_next(&header, ',', &item)) {
        item = str_trim(item);
        ptrdiff_t equals = str_index(item, '=');
        if (equals <= 0)
            return s3_fail_argument(builder->call, "x-amz-grant", item,
                                    "Argument format not recognized");
        struct str value = str_trim(str_from(item, (size_t)equals + 1));
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = str_slice(value, 1, value.len - 2);
        enum status status =
            add_checked(builder, str_trim(str_slice(item, 0, (size_t)equals)), value, permission);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static bool has_grants(const struct s3_acl_headers *headers)
{
    return headers->full_control.ptr || headers->read.ptr || headers->read_acp.ptr ||
           headers->write.ptr || headers->write_acp.ptr;
}

/* AWS: "Access denied due to Block Public Access settings", example messages. */
static enum status check_not_blocked(struct call *call, const struct s3_bucket_row *bucket,
                                     struct str acl)
{
    unsigned block = 0;
    if (!acl.ptr || !s3_acl_is_public(call->arena, acl) ||
        call->operation == &s3_operations[S3_OP_CREATE_BUCKET])
        return STATUS_DONE;
    enum status status = s3_effective_block(call, bucket, &block);
    if (status != STATUS_DONE || !(block & S3_BLOCK_ACLS))
        return status;
    return call_fail(call, &S3_ACCESS_DENIED,
                     "User: " STR_FMT " is not authorized to perform: s3:" STR_FMT
                     " on resource: \"arn:aws:s3:::" STR_FMT
                     "\" because public access control lists (ACLs) are prevented by the "
                     "BlockPublicAcls setting in S3 Block Public Access.",
                     STR_ARG(call->principal->arn), STR_ARG(call->operation->name),
                     STR_ARG(bucket->name));
}

static enum status not_supported(struct call *call)
{
    return s3_fail(call, &S3_ACCESS_CONTROL_LIST_NOT_SUPPORTED, NULL,
                   "The bucket does not allow ACLs");
}

enum status s3_acl_from_headers(struct call *call, const struct s3_bucket_row *bucket,
                                const struct s3_acl_headers *headers, struct str *out_acl)
{
    bool is_object = call->operation != &s3_operations[S3_OP_CREATE_BUCKET] &&
                     call->operation != &s3_operations[S3_OP_PUT_BUCKET_ACL];
    *out_acl = (struct str){0};
    bool has_canned = headers->canned.len > 0;
    if (!has_canned && !has_grants(headers))
        return STATUS_DONE;
    if (has_canned && has_grants(headers))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Specifying both Canned ACLs and Header Grants is not allowed");
    /* AWS: "PUT requests that don't specify an ACL or specify bucket owner full control ACLs" go
     * on working where ACLs are out of use; others fail. */
    if (is_enforced(bucket))
        return str_eq_cstr(headers->canned, "bucket-owner-full-control") && is_object
                   ? STATUS_DONE
                   : not_supported(call);
    struct builder builder = {.call = call};
    vec_init(&builder.grants, call->arena, sizeof(struct s3_grant));
    enum status status = STATUS_DONE;
    if (has_canned) {
        status = build_canned(&builder, bucket, headers->canned, is_object, out_acl);
    } else {
        const struct {
            struct str header;
            struct str permission;
        } grants[] = {
            {headers->full_control, STR("FULL_CONTROL")}, {headers->read, STR("READ")},
            {headers->read_acp, STR("READ_ACP")},         {headers->write, STR("WRITE")},
            {headers->write_acp, STR("WRITE_ACP")},
        };
        for (size_t i = 0; i < ARRAY_LEN(grants) && status == STATUS_DONE; i++)
            status = add_header(&builder, grants[i].header, grants[i].permission);
        if (status == STATUS_DONE)
            *out_acl = built_text(&builder);
    }
    return status == STATUS_DONE ? check_not_blocked(call, bucket, *out_acl) : status;
}

/* ---- Put*Acl ---- */

static bool is_permission(struct str permission)
{
    static const struct str permissions[] = {STR_INIT("FULL_CONTROL"), STR_INIT("READ"),
                                             STR_INIT("READ_ACP"), STR_INIT("WRITE"),
                                             STR_INIT("WRITE_ACP")};
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if (str_eq(permissions[i], permission))
            return true;
    }
    return false;
}

static enum status malformed_acl(struct call *call)
{
    return s3_fail(call, &S3_MALFORMED_ACL_ERROR, NULL,
                   "The XML you provided was not well-formed or did not validate against our "
                   "published schema");
}

/* Only FULL_CONTROL for the owner: what stands in a bucket whose ownership is enforced. */
static bool is_owner_only(const struct s3_access_control_policy *policy, struct str owner_id)
{
    return policy->grants.count == 1 && policy->grants.items[0].grantee &&
           str_eq(policy->grants.items[0].grantee->id, owner_id) &&
           str_eq_cstr(policy->grants.items[0].permission, "FULL_CONTROL");
}

static enum status acl_from_xml(struct call *call, const struct s3_bucket_row *bucket,
                                struct str owner, const struct s3_access_control_policy *policy,
                                struct str *out_acl)
{
    struct str owner_id = identity_canonical_user(call->arena, owner);
    if (!policy->owner || !policy->owner->id.ptr)
        return malformed_acl(call);
    if (!str_eq(policy->owner->id, owner_id))
        return call_fail(call, &S3_ACCESS_DENIED, "Access Denied");
    if (is_owner_only(policy, owner_id)) {
        *out_acl = (struct str){0};
        return STATUS_DONE;
    }
    if (is_enforced(bucket))
        return not_supported(call);
    struct builder builder = {.call = call};
    vec_init(&builder.grants, call->arena, sizeof(struct s3_grant));
    for (size_t i = 0; i < policy->grants.count; i++) {
        const struct s3_grant *grant = &policy->grants.items[i];
        const struct s3_grantee *grantee = grant->grantee;
        if (!grantee || !is_permission(grant->permission))
            return malformed_acl(call);
        struct str kind = grantee->uri.ptr             ? STR("uri")
                          : grantee->email_address.ptr ? STR("emailAddress")
                                                       : STR("id");
        struct str value = grantee->uri.ptr
                               ? grantee->uri
                               : str_or(grantee->email_address, str_or(grantee->id, STR("")));
        enum status status = add_checked(&builder, kind, value, grant->permission);
        if (status != STATUS_DONE)
            return status;
    }
    *out_acl = built_text(&builder);
    return check_not_blocked(call, bucket, *out_acl);
}

/* The ACL that a Put*Acl request asks for: by one canned ACL, by grant headers, or by its body. */
static enum status acl_from_request(struct call *call, const struct s3_bucket_row *bucket,
                                    struct str owner, const struct s3_acl_headers *headers,
                                    const struct s3_access_control_policy *policy,
                                    struct str *out_acl)
{
    bool has_headers = headers->canned.ptr || has_grants(headers);
    if (has_headers && policy)
        return s3_fail(call, &S3_UNEXPECTED_CONTENT, NULL, "This request does not support content");
    if (has_headers)
        return s3_acl_from_headers(call, bucket, headers, out_acl);
    if (policy)
        return acl_from_xml(call, bucket, owner, policy, out_acl);
    return s3_fail(call, &S3_MISSING_SECURITY_HEADER,
                   &(struct s3_fault_details_error){.missing_header_name = STR("x-amz-acl")},
                   "Your request was missing a required header");
}

enum status s3_put_bucket_acl(struct call *call, const struct s3_put_bucket_acl_in *in,
                              struct s3_put_bucket_acl_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_acl_headers headers = {
        .canned = in->acl,
        .full_control = in->grant_full_control,
        .read = in->grant_read,
        .read_acp = in->grant_read_acp,
        .write = in->grant_write,
        .write_acp = in->grant_write_acp,
    };
    enum status status = acl_from_request(call, bucket, bucket->account, &headers,
                                          in->access_control_policy, &bucket->acl);
    return status == STATUS_DONE ? s3_save_bucket(call, bucket) : status;
}

enum status s3_put_object_acl(struct call *call, const struct s3_put_object_acl_in *in,
                              struct s3_put_object_acl_out *out)
{
    (void)out;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    const struct s3_acl_headers headers = {
        .canned = in->acl,
        .full_control = in->grant_full_control,
        .read = in->grant_read,
        .read_acp = in->grant_read_acp,
        .write = in->grant_write,
        .write_acp = in->grant_write_acp,
    };
    status = acl_from_request(call, bucket, object->owner, &headers, in->access_control_policy,
                              &object->acl);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_set_acl(call->db, object);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: write an ACL");
    return s3_event(call, bucket, object, "ObjectAcl:Put");
}

/* ---- Get*Acl ---- */

static enum status answer_acl(struct call *call, const struct s3_bucket_row *bucket, struct str acl,
                              struct str owner, struct s3_owner **out_owner,
                              struct s3_grants *out_grants)
{
    struct s3_owner *answer = arena_alloc(call->arena, sizeof(*answer));
    answer->id = identity_canonical_user(call->arena, owner);
    *out_owner = answer;
    if (acl.ptr && !is_enforced(bucket)) {
        struct s3_access_control_policy policy = {0};
        enum status status = s3_read_config(call, acl, policy_shape(), &policy);
        *out_grants = policy.grants;
        return status;
    }
    struct s3_grant *grant = arena_alloc(call->arena, sizeof(*grant));
    grant->permission = STR("FULL_CONTROL");
    grant->grantee = arena_alloc(call->arena, sizeof(*grant->grantee));
    grant->grantee->type = STR("CanonicalUser");
    grant->grantee->id = answer->id;
    *out_grants = (struct s3_grants){.items = grant, .count = 1, .is_set = true};
    return STATUS_DONE;
}

enum status s3_get_bucket_acl(struct call *call, const struct s3_get_bucket_acl_in *in,
                              struct s3_get_bucket_acl_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    return answer_acl(call, bucket, bucket->acl, bucket->account, &out->owner, &out->grants);
}

enum status s3_get_object_acl(struct call *call, const struct s3_get_object_acl_in *in,
                              struct s3_get_object_acl_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    return answer_acl(call, bucket, object->acl, object->owner, &out->owner, &out->grants);
}

/* ---- what lists mean ---- */

/* AWS: "Mapping of ACL permissions and access policy permissions". */
static const struct {
    struct str permission;
    const char *bucket_actions[3];
    const char *object_actions[2];
} meanings[] = {
    {STR_INIT("READ"),
     {"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"},
     {"s3:GetObject", "s3:GetObjectVersion"}},
    {STR_INIT("WRITE"), {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}, {0}},
    {STR_INIT("READ_ACP"), {"s3:GetBucketAcl"}, {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"}},
    {STR_INIT("WRITE_ACP"), {"s3:PutBucketAcl"}, {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"}},
};

static struct json *actions_of(struct arena *arena, struct str permission, bool is_object)
{
    struct json *actions = json_new(arena, JSON_ARRAY);
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (!str_eq_cstr(permission, "FULL_CONTROL") && !str_eq(meanings[i].permission, permission))
            continue;
        const char *const *names =
            is_object ? meanings[i].object_actions : meanings[i].bucket_actions;
        size_t count = is_object ? ARRAY_LEN(meanings[i].object_actions)
                                 : ARRAY_LEN(meanings[i].bucket_actions);
        for (size_t n = 0; n < count && names[n]; n++)
            json_append(actions, json_new_string(arena, str_from_cstr(names[n])));
    }
    return actions;
}

static struct json *object_with(struct arena *arena, const char *name, struct json *value)
{
    struct json *object = json_new(arena, JSON_OBJECT);
    json_append_member(object, str_from_cstr(name), value);
    return object;
}

/* Puts Principal (and Condition) of a grantee into the statement; false: nobody is meant. */
static bool add_principal(struct arena *arena, const struct json *grantee, bool ignores_public,
                          struct json *statement)
{
    struct str uri = json_find_str(grantee, "URI");
    struct str id = json_find_str(grantee, "ID");
    if (id.ptr) {
        json_append_member(statement, STR("Principal"),
                           object_with(arena, "CanonicalUser", json_new_string(arena, id)));
        return true;
    }
    if (str_eq_cstr(uri, LOG_DELIVERY)) {
        json_append_member(
            statement, STR("Principal"),
            object_with(arena, "Service", json_new_string(arena, STR("logging.s3.amazonaws.com"))));
        return true;
    }
    if (ignores_public || !is_group(uri))
        return false;
    json_append_member(statement, STR("Principal"), json_new_string(arena, STR("*")));
    /* Anybody with an account: only the anonymous have no principal account. */
    if (str_eq_cstr(uri, AUTHENTICATED_USERS))
        json_append_member(statement, STR("Condition"),
                           object_with(arena, "Null",
                                       object_with(arena, "aws:PrincipalAccount",
                                                   json_new_string(arena, STR("false")))));
    return true;
}

void s3_acl_statements(struct arena *arena, const struct s3_acl_view *view, struct json *statements)
{
    struct json *policy = NULL;
    if (!view->acl.ptr || json_parse(arena, view->acl, 0, &policy, NULL) < 0)
        return;
    const struct json *grants = json_find_cstr(policy, "Grants");
    for (const struct json *grant = grants ? grants->first : NULL; grant; grant = grant->next) {
        struct json *actions =
            actions_of(arena, json_find_str(grant, "Permission"), view->is_object);
        struct json *statement = json_new(arena, JSON_OBJECT);
        if (actions->count == 0 || !add_principal(arena, json_find_cstr(grant, "Grantee"),
                                                  view->ignores_public, statement))
            continue;
        json_append_member(statement, STR("Effect"), json_new_string(arena, STR("Allow")));
        json_append_member(statement, STR("Action"), actions);
        /* The list is about the one resource that is asked for. */
        json_append_member(statement, STR("Resource"), json_new_string(arena, STR("*")));
        json_append(statements, statement);
    }
}

bool s3_acl_is_public(struct arena *arena, struct str acl)
{
    struct json *policy = NULL;
    if (!acl.ptr || json_parse(arena, acl, 0, &policy, NULL) < 0)
        return false;
    const struct json *grants = json_find_cstr(policy, "Grants");
    for (const struct json *grant = grants ? grants->first : NULL; grant; grant = grant->next) {
        struct str uri = json_find_str(json_find_cstr(grant, "Grantee"), "URI");
        if (str_eq_cstr(uri, ALL_USERS) || str_eq_cstr(uri, AUTHENTICATED_USERS))
            return true;
    }
    return false;
}
