/* replica.c — secrets in several Regions: ReplicateSecretToRegions, RemoveRegionsFromReplication,
 * StopReplicationToReplica.
 *
 * A replica is a row of its own with the primary's name and suffix; its values are sealed by a key
 * of its own Region. Whatever changes the primary calls secrets_update_replicas in the same
 * transaction, so a replica is never behind.
 *
 * Docs: Secrets Manager user guide, "Replicate AWS Secrets Manager secrets across Regions"; API
 * reference of the three. The texts of the errors: OBSERVED (2023-01-31, recorded by public test
 * suites with boto3).
 */
#include "base/arena.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

bool secrets_is_replica(const struct secret *secret)
{
    return secret->primary_region.len > 0 && !str_eq(secret->primary_region, secret->scope.region);
}

bool secrets_has_replicas(const struct secret *secret)
{
    return !str_eq_cstr(secret->replicas, "[]");
}

static struct json *read_replicas(struct call *call, const struct secret *secret)
{
    struct json *list = NULL;
    return json_parse(call->arena, secret->replicas, 0, &list, NULL) == 0
               ? list
               : json_new(call->arena, JSON_ARRAY);
}

void secrets_replication_status(struct call *call, const struct secret *secret,
                                struct secretsmanager_replication_status_list_type *out)
{
    const struct json *list = read_replicas(call, secret);
    out->items = arena_alloc_array(call->arena, list->count, sizeof(*out->items));
    for (const struct json *replica = list->first; replica; replica = replica->next) {
        struct str key_id = json_find_str(replica, "KmsKeyId");
        out->items[out->count++] = (struct secretsmanager_replication_status_type){
            .region = json_find_str(replica, "Region"),
            .kms_key_id = key_id.len > 0 ? key_id : STR("alias/aws/secretsmanager"),
            .status = json_find_str(replica, "Status"),
            .status_message = json_find_str(replica, "Message"),
        };
    }
}

static struct json *new_replica(struct call *call, struct str region, struct str key_id)
{
    struct json *replica = json_new(call->arena, JSON_OBJECT);
    json_append_member(replica, STR("Region"), json_new_string(call->arena, region));
    json_append_member(replica, STR("KmsKeyId"), json_new_string(call->arena, key_id));
    json_append_member(replica, STR("Status"), json_new_string(call->arena, STR("InSync")));
    json_append_member(replica, STR("Message"),
                       json_new_string(call->arena, STR("Replication succeeded")));
    return replica;
}

static struct json *find_replica(const struct json *list, struct str region)
{
    for (struct json *replica = list->first; replica; replica = replica->next) {
        if (str_eq(json_find_str(replica, "Region"), region))
            return replica;
    }
    return NULL;
}

static bool is_region(struct str text)
{
    size_t hyphens = 0;
    for (size_t i = 0; i < text.len; i++)
        hyphens += text.ptr[i] == '-';
    return hyphens >= 2;
}

/* Adds one Region to the list; a secret of that name that is there already fails it, or goes. */
static enum status add_region(struct call *call, const struct secret *secret, struct json *list,
                              const struct secretsmanager_replica_region_type *wanted,
                              bool overwrites)
{
    if (!is_region(wanted->region) || str_eq(wanted->region, secret->scope.region))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Invalid replica region.");
    struct secret existing = {0};
    struct scope scope = {secret->scope.account, wanted->region};
    struct json *replica = new_replica(call, wanted->region, str_or(wanted->kms_key_id, STR("")));
    if (find_replica(list, wanted->region))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Secret already replicated to region " STR_FMT ".",
                         STR_ARG(wanted->region));
    int found = secrets_store_find(call->db, call->arena, scope, secret->name, &existing);
    int rc = found;
    if (found == 1 && overwrites) {
        rc = secrets_store_delete(call->db, &existing);
    } else if (found == 1) {
        struct str message = str_format(call->arena,
                                        "Replication failed: Secret name " STR_FMT
                                        " already exists in region " STR_FMT ".",
                                        STR_ARG(secret->name), STR_ARG(wanted->region));
        json_set(replica, STR("Status"), json_new_string(call->arena, STR("Failed")));
        json_set(replica, STR("Message"), json_new_string(call->arena, message));
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: a secret in another region");
    json_append(list, replica);
    return STATUS_DONE;
}

enum status secrets_add_replicas(struct call *call, struct secret *secret,
                                 const struct secretsmanager_add_replica_region_list_type *regions,
                                 bool overwrites)
{
    struct json *list = read_replicas(call, secret);
    for (size_t i = 0; i < regions->count; i++) {
        enum status status = add_region(call, secret, list, &regions->items[i], overwrites);
        if (status != STATUS_DONE)
            return status;
    }
    secret->primary_region = secret->scope.region;
    secret->replicas = json_to_str(call->arena, list);
    return STATUS_DONE;
}

static struct secret_version *find_version(struct secret_version *versions, int64_t count,
                                           struct str id)
{
    for (int64_t i = 0; i < count; i++) {
        if (str_eq(versions[i].id, id))
            return &versions[i];
    }
    return NULL;
}

/* A version that the replica lacks is opened with the primary's key and sealed with its own. */
static enum status copy_version(struct call *call, struct call *there, const struct secret *secret,
                                const struct secret *replica, const struct secret_version *version)
{
    struct secret_value value = {0};
    struct secret_version copy = *version;
    enum status status = secrets_open(call, secret, version, &value);
    if (status != STATUS_DONE)
        return status;
    status = secrets_seal(there, replica, &value, &copy);
    if (status != STATUS_DONE) {
        call->error = there->error;
        call->store_errno = there->store_errno;
        return status;
    }
    int rc = secrets_store_put_version(call->db, replica, &copy);
    return rc < 0 ? call_fail_internal(call, rc, "secretsmanager: put a replica's version")
                  : STATUS_DONE;
}

static enum status copy_versions(struct call *call, const struct secret *secret,
                                 const struct secret *replica)
{
    struct call there = *call;
    there.scope = replica->scope;
    struct secret_version *from =
        arena_alloc_array(call->arena, SECRETS_MAX_VERSIONS, sizeof(*from));
    struct secret_version *to = arena_alloc_array(call->arena, SECRETS_MAX_VERSIONS, sizeof(*to));
    int64_t from_count = secrets_store_list_versions(call->db, call->arena, secret, true,
                                                     SECRETS_MAX_VERSIONS, from);
    int64_t to_count = from_count < 0
                           ? from_count
                           : secrets_store_list_versions(call->db, call->arena, replica, false,
                                                         SECRETS_MAX_VERSIONS, to);
    if (to_count < 0)
        return call_fail_internal(call, (int)to_count, "secretsmanager: list versions");
    for (int64_t i = 0; i < from_count; i++) {
        const struct secret_version *have = find_version(to, to_count, from[i].id);
        enum status status =
            have ? STATUS_DONE : copy_version(call, &there, secret, replica, &from[i]);
        int rc = have && !str_eq(have->stages, from[i].stages)
                     ? secrets_store_set_stages(call->db, replica, &from[i])
                     : 0;
        if (status != STATUS_DONE)
            return status;
        if (rc < 0)
            return call_fail_internal(call, rc, "secretsmanager: stages of a replica");
    }
    for (int64_t i = 0; i < to_count; i++) {
        int rc = find_version(from, from_count, to[i].id)
                     ? 0
                     : secrets_store_delete_version(call->db, replica, to[i].id);
        if (rc < 0)
            return call_fail_internal(call, rc, "secretsmanager: delete a replica's version");
    }
    return STATUS_DONE;
}

/* AWS: values, tags, description and rotation are replicated; a resource policy is not. */
static enum status update_replica(struct call *call, const struct secret *secret,
                                  const struct json *row)
{
    struct secret replica = {0};
    struct scope scope = {secret->scope.account, json_find_str(row, "Region")};
    int found = secrets_store_find(call->db, call->arena, scope, secret->name, &replica);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a replica");
    struct secret wanted = *secret;
    wanted.scope = scope;
    wanted.arn = secrets_arn(call->arena, scope, secret->name, secret->suffix);
    wanted.kms_key_id = json_find_str(row, "KmsKeyId");
    wanted.policy = found == 1 ? replica.policy : STR("");
    wanted.created_at_ms = found == 1 ? replica.created_at_ms : secret->created_at_ms;
    wanted.accessed_at_ms = found == 1 ? replica.accessed_at_ms : 0;
    wanted.replicas = STR("[]");
    int rc = secrets_store_put(call->db, &wanted);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: put a replica");
    return copy_versions(call, secret, &wanted);
}

enum status secrets_update_replicas(struct call *call, const struct secret *secret)
{
    if (!secrets_has_replicas(secret))
        return STATUS_DONE;
    const struct json *list = read_replicas(call, secret);
    for (const struct json *row = list->first; row; row = row->next) {
        enum status status = str_eq_cstr(json_find_str(row, "Status"), "InSync")
                                 ? update_replica(call, secret, row)
                                 : STATUS_DONE;
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

enum status secretsmanager_replicate_secret_to_regions(
    struct call *call, const struct secretsmanager_replicate_secret_to_regions_in *in,
    struct secretsmanager_replicate_secret_to_regions_out *out)
{
    struct secret secret = {0};
    enum status status = secrets_primary_subject(call, &secret);
    if (status == STATUS_DONE)
        status = secrets_add_replicas(call, &secret, &in->add_replica_regions,
                                      opt_bool_or(in->force_overwrite_replica_secret, false));
    if (status == STATUS_DONE)
        status = secrets_write(call, &secret);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    secrets_replication_status(call, &secret, &out->replication_status);
    return STATUS_DONE;
}

/* Deletes the replica of a row that is in sync. */
static enum status delete_replica(struct call *call, const struct secret *secret,
                                  const struct json *row)
{
    struct secret replica = *secret;
    replica.scope.region = json_find_str(row, "Region");
    int rc = str_eq_cstr(json_find_str(row, "Status"), "InSync")
                 ? secrets_store_delete(call->db, &replica)
                 : 0;
    return rc < 0 ? call_fail_internal(call, rc, "secretsmanager: delete a replica") : STATUS_DONE;
}

static bool is_listed(const struct secretsmanager_remove_replica_region_list_type *regions,
                      struct str region)
{
    for (size_t i = 0; i < regions->count; i++) {
        if (str_eq(regions->items[i], region))
            return true;
    }
    return false;
}

/* Takes Regions off the list, and forgets that the secret was replicated with the last one. */
static void keep_replicas(struct call *call, struct secret *secret, const struct json *kept)
{
    secret->replicas = json_to_str(call->arena, kept);
    if (kept->count == 0)
        secret->primary_region = STR("");
}

enum status secretsmanager_remove_regions_from_replication(
    struct call *call, const struct secretsmanager_remove_regions_from_replication_in *in,
    struct secretsmanager_remove_regions_from_replication_out *out)
{
    struct secret secret = {0};
    enum status status = secrets_primary_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    const struct json *list = read_replicas(call, &secret);
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    for (size_t i = 0; i < in->remove_replica_regions.count; i++) {
        if (!find_replica(list, in->remove_replica_regions.items[i]))
            return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                             "Invalid replica region.");
    }
    for (const struct json *row = list->first; row; row = row->next) {
        if (!is_listed(&in->remove_replica_regions, json_find_str(row, "Region"))) {
            json_append(kept, json_copy(call->arena, row));
            continue;
        }
        status = delete_replica(call, &secret, row);
        if (status != STATUS_DONE)
            return status;
    }
    keep_replicas(call, &secret, kept);
    out->arn = secret.arn;
    secrets_replication_status(call, &secret, &out->replication_status);
    return secrets_write(call, &secret);
}

/* The replica becomes a secret of its own. Called in the replica's Region. */
enum status secretsmanager_stop_replication_to_replica(
    struct call *call, const struct secretsmanager_stop_replication_to_replica_in *in,
    struct secretsmanager_stop_replication_to_replica_out *out)
{
    (void)in;
    struct secret replica = {0};
    struct secret primary = {0};
    enum status status = secrets_usable_subject(call, &replica);
    if (status != STATUS_DONE)
        return status;
    if (!secrets_is_replica(&replica))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Operation not permitted on a primary secret. Call must be made in the "
                         "replica secret's region.");
    struct scope scope = {replica.scope.account, replica.primary_region};
    int found = secrets_store_find(call->db, call->arena, scope, replica.name, &primary);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find the primary of a replica");
    replica.primary_region = STR("");
    int rc = secrets_store_put(call->db, &replica);
    if (rc == 0 && found == 1) {
        struct json *kept = json_new(call->arena, JSON_ARRAY);
        const struct json *list = read_replicas(call, &primary);
        for (const struct json *row = list->first; row; row = row->next) {
            if (!str_eq(json_find_str(row, "Region"), replica.scope.region))
                json_append(kept, json_copy(call->arena, row));
        }
        keep_replicas(call, &primary, kept);
        rc = secrets_store_put(call->db, &primary);
    }
    out->arn = replica.arn;
    return rc < 0 ? call_fail_internal(call, rc, "secretsmanager: stop a replication")
                  : STATUS_DONE;
}
