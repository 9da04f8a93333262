/* replication.c — copies of new versions in other buckets: rules, and the workflow that makes them.
 *
 * When a version is made that a rule is about, a workflow "s3.replication" is started for each
 * destination in the same transaction, and the version is PENDING. The workflow acts as the role of
 * the configuration: it must be able to read the version and to replicate into the destination. A
 * replica shares the body of its source (s3.h), has its version id, metadata and tags, and the
 * status REPLICA.
 *
 * DEVIATION: objects encrypted with a customer's key (SSE-C) are not replicated: their key is known
 * during requests only.
 *
 * Docs: S3 user guide, "Replicating objects within and across Regions", "What does Amazon S3
 * replicate?", "Setting up permissions for live replication".
 */
#include "base/arena.h"
#include "base/rand.h"
#include "engine/events/delivery.h"
#include "service/s3/bucket.h"
#include "service/s3/object.h"
#include "service/s3/store.h"
#include "syntax/json.h"
#include "wire/identity.h"

enum {
    MAX_RULES = 1000, /* AWS: "a replication configuration can have up to 1,000 rules" */
};

static const struct shape *configuration_shape(void)
{
    return s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_REPLICATION].in,
                           "ReplicationConfiguration");
}

static bool is_on(struct str status)
{
    return str_eq_cstr(status, "Enabled");
}

/* ---- checks ---- */

static enum status invalid(struct call *call, const char *text)
{
    return s3_fail(call, &S3_INVALID_REQUEST, NULL, "%s", text);
}

static enum status check_destination(struct call *call, const struct s3_bucket_row *source,
                                     const struct s3_destination *destination)
{
    struct str name = destination ? s3_bucket_of_arn(destination->bucket) : (struct str){0};
    struct s3_bucket_row *bucket = NULL;
    if (!name.ptr)
        return invalid(call, "Invalid bucket ARN.");
    if (str_eq(name, source->name))
        return invalid(call, "Destination bucket cannot be the same as the source bucket.");
    int rc = s3_store_find_bucket(call->db, call->arena, name, &bucket);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a destination");
    if (!bucket)
        return invalid(call, "Destination bucket must exist.");
    if (bucket->versioning != S3_VERSIONED)
        return invalid(call, "Destination bucket must have versioning enabled.");
    if (destination->account.ptr && !str_eq(destination->account, bucket->account))
        return invalid(call, "Account ID must be the same as the destination bucket owner.");
    if (destination->access_control_translation && !destination->account.ptr)
        return invalid(call, "Account must be specified when using AccessControlTranslation.");
    return STATUS_DONE;
}

static enum status check_rule(struct call *call, const struct s3_bucket_row *source,
                              struct s3_replication_rule *rule)
{
    static const char schema[] = "must be specified for this version of Cross Region Replication "
                                 "configuration schema. Please refer to S3 Developer Guide for "
                                 "more information.";
    if (rule->filter && rule->prefix.ptr)
        return s3_fail_malformed_xml(call);
    if (rule->filter && !rule->delete_marker_replication)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL, "DeleteMarkerReplication %s", schema);
    if (rule->filter && !rule->priority.is_set)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL, "Priority %s", schema);
    bool has_tags = rule->filter &&
                    (rule->filter->tag || (rule->filter->and &&rule->filter->and->tags.count > 0));
    if (has_tags && is_on(rule->delete_marker_replication->status))
        return invalid(call, "Delete marker replication is not supported if any Tag filter is "
                             "specified. Please refer to S3 Developer Guide for more information.");
    if (rule->id.len == 0)
        rule->id = rand_uuid(call->arena);
    return check_destination(call, source, rule->destination);
}

static enum status check_rules(struct call *call, const struct s3_bucket_row *source,
                               const struct s3_replication_rules *rules)
{
    if (rules->count == 0 || rules->count > MAX_RULES)
        return s3_fail_malformed_xml(call);
    for (size_t i = 0; i < rules->count; i++) {
        enum status status = check_rule(call, source, &rules->items[i]);
        if (status != STATUS_DONE)
            return status;
        for (size_t j = 0; j < i; j++) {
            if (str_eq(rules->items[i].id, rules->items[j].id))
                return invalid(call, "Rule Id must be unique.");
            if (rules->items[i].priority.is_set && rules->items[j].priority.is_set &&
                rules->items[i].priority.value == rules->items[j].priority.value)
                return s3_fail(call, &S3_INVALID_REQUEST, NULL, "Found duplicate priority %d",
                               rules->items[i].priority.value);
        }
    }
    return STATUS_DONE;
}

/* AWS: whoever configures a role must be able to pass it: iam:PassRole. */
static enum status check_role(struct call *call, struct str role)
{
    struct scope scope = {0};
    struct str service = {0};
    struct str resource = {0};
    if (!delivery_split_arn(role, &service, &scope, &resource) || !str_eq_cstr(service, "iam") ||
        !str_starts_with(resource, STR("role/")))
        return s3_fail_argument(call, "Role", role, "Invalid Role ARN");
    const struct authorization asked = {
        .action = STR("iam:PassRole"), .resource = role, .resource_account = scope.account};
    return call_authorize(call, &asked);
}

enum status s3_put_bucket_replication(struct call *call,
                                      const struct s3_put_bucket_replication_in *in,
                                      struct s3_put_bucket_replication_out *out)
{
    (void)out;
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct s3_replication_configuration *wanted = in->replication_configuration;
    if (bucket->versioning != S3_VERSIONED)
        return invalid(call, "Versioning must be 'Enabled' on the bucket to apply a replication "
                             "configuration");
    enum status status = check_rules(call, bucket, &wanted->rules);
    if (status == STATUS_DONE)
        status = check_role(call, wanted->role);
    if (status != STATUS_DONE)
        return status;
    return s3_set_config(call, bucket, S3_CONFIG_REPLICATION,
                         s3_config_text(call, configuration_shape(), wanted));
}

static enum status load(struct call *call, const struct s3_bucket_row *bucket,
                        struct s3_replication_configuration **out)
{
    void *loaded = NULL;
    enum status status =
        s3_load_config(call, bucket, S3_CONFIG_REPLICATION, configuration_shape(), &loaded);
    *out = loaded;
    return status;
}

enum status s3_get_bucket_replication(struct call *call,
                                      const struct s3_get_bucket_replication_in *in,
                                      struct s3_get_bucket_replication_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    enum status status = load(call, bucket, &out->replication_configuration);
    if (status != STATUS_DONE || out->replication_configuration)
        return status;
    return s3_fail(call, &S3_REPLICATION_CONFIGURATION_NOT_FOUND_ERROR,
                   &(struct s3_fault_details_error){.bucket_name = bucket->name},
                   "The replication configuration was not found");
}

enum status s3_delete_bucket_replication(struct call *call,
                                         const struct s3_delete_bucket_replication_in *in,
                                         struct s3_delete_bucket_replication_out *out)
{
    (void)in;
    (void)out;
    return s3_set_config(call, s3_bucket_of(call), S3_CONFIG_REPLICATION, (struct str){0});
}

/* ---- which rules are about a version ---- */

static bool has_tags(struct arena *arena, const struct s3_object_row *object,
                     const struct s3_tag *wanted, size_t count)
{
    struct json *tags = NULL;
    if (count == 0)
        return true;
    if (!object->tags.ptr || json_parse(arena, object->tags, 0, &tags, NULL) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct json *found = json_find(tags, wanted[i].key);
        if (!found || !str_eq(found->text, str_or(wanted[i].value, STR(""))))
            return false;
    }
    return true;
}

static bool is_meant(struct arena *arena, const struct s3_replication_rule *rule,
                     const struct s3_object_row *object)
{
    const struct s3_replication_rule_filter *filter = rule->filter;
    struct str prefix = str_or(rule->prefix, STR(""));
    const struct s3_tag *tags = NULL;
    size_t tag_count = 0;
    if (filter && filter->and) {
        prefix = str_or(filter->and->prefix, STR(""));
        tags = filter->and->tags.items;
        tag_count = filter->and->tags.count;
    } else if (filter) {
        prefix = str_or(filter->prefix, STR(""));
        tags = filter->tag;
        tag_count = filter->tag ? 1 : 0;
    }
    if (!is_on(rule->status) || !str_starts_with(object->key, prefix) ||
        !has_tags(arena, object, tags, tag_count))
        return false;
    /* AWS: the first version of the schema, without Filter, replicates delete markers. */
    if (object->is_marker)
        return filter ? is_on(rule->delete_marker_replication->status) : true;
    const struct s3_source_selection_criteria *criteria = rule->source_selection_criteria;
    bool is_kms = object->encryption == S3_SSE_KMS || object->encryption == S3_SSE_KMS_DSSE;
    if (is_kms && !(criteria && criteria->sse_kms_encrypted_objects &&
                    is_on(criteria->sse_kms_encrypted_objects->status)))
        return false;
    return object->encryption != S3_SSE_CUSTOMER;
}

static enum status start(struct call *call, const struct s3_bucket_row *bucket,
                         const struct s3_object_row *object, struct str role,
                         const struct s3_replication_rule *rule)
{
    struct arena *arena = call->arena;
    struct json *state = json_new(arena, JSON_OBJECT);
    json_set(state, STR("Bucket"), json_new_string(arena, bucket->name));
    json_set(state, STR("Key"), json_new_string(arena, object->key));
    json_set(state, STR("VersionId"), json_new_string(arena, object->version_id));
    json_set(state, STR("Role"), json_new_string(arena, role));
    json_set(state, STR("Rule"), json_new_string(arena, rule->id));
    return workflow_start(call, s3_replication_kind.name, rand_uuid(arena), state);
}

enum status s3_replicate(struct call *call, const struct s3_bucket_row *bucket,
                         const struct s3_object_row *object)
{
    struct s3_replication_configuration *configuration = NULL;
    enum status status = load(call, bucket, &configuration);
    if (status != STATUS_DONE || !configuration || str_eq_cstr(object->replication, "REPLICA"))
        return status;
    bool is_pending = false;
    for (size_t i = 0; i < configuration->rules.count; i++) {
        const struct s3_replication_rule *rule = &configuration->rules.items[i];
        if (!is_meant(call->arena, rule, object))
            continue;
        status = start(call, bucket, object, configuration->role, rule);
        if (status != STATUS_DONE)
            return status;
        is_pending = true;
    }
    if (!is_pending || object->is_marker)
        return STATUS_DONE;
    struct s3_object_row pending = *object;
    pending.replication = STR("PENDING");
    int rc = s3_store_set_replication(call->db, &pending);
    return rc < 0 ? call_fail_internal(call, rc, "s3: mark a version") : STATUS_DONE;
}

/* ---- the workflow ---- */

struct replication {
    struct call *call; /* acts as the role */
    const struct s3_bucket_row *source;
    const struct s3_bucket_row *destination;
    const struct s3_replication_rule *rule;
    struct s3_object_row *object;
};

/* The text of a replica stays where it is; its key is sealed anew for the destination. */
static enum status encrypt(struct replication *work, struct s3_object_row *replica)
{
    struct call *call = work->call;
    struct str key = {0};
    const struct s3_encryption_configuration *wanted =
        work->rule->destination->encryption_configuration;
    enum status status = s3_open_key(call, work->source, work->object, NULL, &key);
    if (status != STATUS_DONE)
        return status;
    bool is_kms =
        work->object->encryption == S3_SSE_KMS || work->object->encryption == S3_SSE_KMS_DSSE;
    const struct s3_encryption_wish wish = {
        .server_side = s3_encryption_name(work->object),
        .kms_key = is_kms && wanted ? wanted->replica_kms_key_id : (struct str){0},
    };
    if (work->object->encryption == S3_SSE_DEFAULT)
        return STATUS_DONE;
    status = s3_plan_encryption(call, work->destination, &wish, replica);
    return status == STATUS_DONE ? s3_seal_key(call, work->destination, NULL, key, replica)
                                 : status;
}

static struct str owner_of(const struct replication *work)
{
    bool is_enforced = str_eq_cstr(str_or(work->destination->ownership, STR("BucketOwnerEnforced")),
                                   "BucketOwnerEnforced");
    return is_enforced || work->rule->destination->access_control_translation
               ? work->destination->account
               : work->object->owner;
}

static enum status copy_version(struct replication *work)
{
    struct call *call = work->call;
    struct s3_object_row replica = *work->object;
    replica.bucket_key = work->destination->bucket_key;
    replica.replication = STR("REPLICA");
    replica.owner = owner_of(work);
    replica.restore = (struct str){0};
    if (work->rule->destination->storage_class.ptr)
        replica.storage_class = str_eq_cstr(work->rule->destination->storage_class, "STANDARD")
                                    ? (struct str){0}
                                    : work->rule->destination->storage_class;
    enum status status = encrypt(work, &replica);
    if (status == STATUS_DONE)
        status = s3_share_body(call, replica.body_key);
    if (status == STATUS_DONE)
        status = s3_put_version(call, work->destination, &replica);
    if (status != STATUS_DONE)
        return status;
    /* AWS: a replica has the version id of its source. */
    replica.version_id = work->object->version_id;
    int rc = s3_store_put_current(call->db, &replica);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: name a replica");
    return s3_event(call, work->destination, &replica, "ObjectCreated:Put");
}

static enum status copy_marker(struct replication *work)
{
    struct s3_deletion deletion = {0};
    enum status status =
        s3_delete_current(work->call, work->destination, work->object->key, &deletion);
    if (status != STATUS_DONE || !deletion.marker)
        return status;
    struct s3_object_row marker = *deletion.marker;
    int rc = s3_store_delete_version(work->call->db, &marker);
    marker.version_id = work->object->version_id;
    marker.replication = STR("REPLICA");
    if (rc == 0)
        rc = s3_store_put_version(work->call->db, &marker);
    if (rc < 0)
        return call_fail_internal(work->call, rc, "s3: name a replica");
    return s3_event(work->call, work->destination, &marker, "ObjectRemoved:DeleteMarkerCreated");
}

static bool may_replicate(struct replication *work)
{
    struct call *call = work->call;
    const char *action = work->object->is_marker ? "s3:ReplicateDelete" : "s3:ReplicateObject";
    return s3_may(call, work->source, work->object->key, work->object,
                  "s3:GetObjectVersionForReplication") &&
           s3_may(call, work->destination, work->object->key, NULL, action);
}

/* In a savepoint: a version that cannot be replicated is FAILED, and nothing of it stays. */
static enum status attempt(struct replication *work, bool *out_is_done)
{
    struct call *call = work->call;
    *out_is_done = false;
    if (!work->destination || work->destination->versioning != S3_VERSIONED || !may_replicate(work))
        return STATUS_DONE;
    int rc = db_savepoint(call->db);
    if (rc < 0)
        return call_fail_internal(call, rc, "savepoint");
    enum status status = work->object->is_marker ? copy_marker(work) : copy_version(work);
    *out_is_done = status == STATUS_DONE;
    if (status != STATUS_DONE)
        db_rollback_to(call->db);
    rc = db_release(call->db);
    if (rc < 0)
        return call_fail_internal(call, rc, "release a savepoint");
    return status != STATUS_DONE && call->store_errno != 0 ? status : STATUS_DONE;
}

static enum status settle(struct call *call, const struct replication *work, bool is_done)
{
    if (work->object->is_marker)
        return STATUS_DONE;
    /* Of several destinations one that failed decides. */
    if (!is_done || !str_eq_cstr(work->object->replication, "FAILED"))
        work->object->replication = is_done ? STR("COMPLETED") : STR("FAILED");
    int rc = s3_store_set_replication(call->db, work->object);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: mark a version");
    return is_done ? STATUS_DONE
                   : s3_event(call, work->source, work->object,
                              "Replication:OperationFailedReplication");
}

static const struct s3_replication_rule *
find_rule(const struct s3_replication_configuration *configuration, struct str id)
{
    for (size_t i = 0; configuration && i < configuration->rules.count; i++) {
        if (str_eq(configuration->rules.items[i].id, id))
            return &configuration->rules.items[i];
    }
    return NULL;
}

/* Finds what the state names; what is gone by now needs no replica. 1, 0 or -errno. */
static int find_source(struct call *call, const struct json *state, struct replication *out)
{
    struct s3_bucket_row *source = NULL;
    int rc = s3_store_find_bucket(call->db, call->arena, json_find_str(state, "Bucket"), &source);
    if (rc < 0 || !source)
        return rc;
    out->source = source;
    rc =
        s3_store_find_object(call->db, call->arena, source->bucket_key, json_find_str(state, "Key"),
                             json_find_str(state, "VersionId"), &out->object);
    return rc < 0 ? rc : out->object != NULL;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    const struct json *state = workflow->state;
    struct replication work = {.call = call};
    struct s3_replication_configuration *configuration = NULL;
    *out_next = WORKFLOW_DONE;
    int rc = find_source(call, state, &work);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find the source");
    enum status status = rc == 1 ? load(call, work.source, &configuration) : STATUS_DONE;
    work.rule = find_rule(configuration, json_find_str(state, "Rule"));
    if (status != STATUS_DONE || !work.rule)
        return status;
    struct s3_bucket_row *destination = NULL;
    rc = s3_store_find_bucket(call->db, call->arena,
                              s3_bucket_of_arn(work.rule->destination->bucket), &destination);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find the destination");
    work.destination = destination;
    const struct principal service =
        identity_service(call->arena, work.source->account, STR("s3.amazonaws.com"));
    struct principal principal = {0};
    rc = delivery_assume(call, json_find_str(state, "Role"), &service, &principal);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: assume the role");
    struct call inner = *call;
    inner.principal = &principal;
    inner.scope = (struct scope){.account = principal.account, .region = work.source->region};
    work.call = &inner;
    bool is_done = false;
    if (rc == 1) {
        status = attempt(&work, &is_done);
        call->store_errno = inner.store_errno;
        if (status != STATUS_DONE)
            call->error = inner.error;
    }
    return status == STATUS_DONE ? settle(call, &work, is_done) : status;
}

const struct workflow_kind s3_replication_kind = {
    .name = STR_INIT("s3.replication"),
    .step = step,
};
