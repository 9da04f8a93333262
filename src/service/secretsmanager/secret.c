/* secret.c — CreateSecret, DescribeSecret, UpdateSecret, DeleteSecret, RestoreSecret.
 *
 * A deleted secret stays until its recovery window ends; then its workflow, named by its ARN,
 * removes it. Restoring clears the dates, and the workflow ends with nothing to do.
 *
 * Docs: API reference of the operations; Secrets Manager user guide, "Delete an AWS Secrets Manager
 * secret". The texts of the errors, unless said otherwise: OBSERVED (2022-09-28 to 2023-01-31,
 * recorded by public test suites with boto3).
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

enum {
    MIN_WINDOW_DAYS = 7, /* AWS: RecoveryWindowInDays, 7 to 30 */
    MAX_WINDOW_DAYS = 30,
    DEFAULT_WINDOW_DAYS = 30,
};

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && str_index(STR("-/_+=.@!"), c) < 0)
            return false;
    }
    return name.len > 0;
}

enum status secrets_write(struct call *call, const struct secret *secret)
{
    int rc = secrets_store_put(call->db, secret);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: put a secret");
    return secrets_update_replicas(call, secret);
}

static enum status check_new_name(struct call *call, struct str name)
{
    struct secret existing = {0};
    if (!is_name(name))
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid name. Must be a valid name containing alphanumeric characters, "
                         "or any of the following: -/_+=.@!");
    int found = secrets_store_find(call->db, call->arena, call->scope, name, &existing);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a secret");
    if (found == 1 && existing.deleted_at_ms > 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "You can't create this secret because a secret with this name is already "
                         "scheduled for deletion.");
    if (found == 1)
        return call_fail(call, &SECRETSMANAGER_RESOURCE_EXISTS_EXCEPTION,
                         "The operation failed because the secret " STR_FMT " already exists.",
                         STR_ARG(name));
    return STATUS_DONE;
}

/* AWS: a repeated CreateSecret with the same token and value "is ignored": it answers the secret.
 */
static bool is_repeated(struct call *call, const struct secretsmanager_create_secret_in *in,
                        struct secret *out_secret)
{
    struct secret_version version = {0};
    struct secret_value value = {0};
    if (secrets_store_find(call->db, call->arena, call->scope, in->name, out_secret) != 1 ||
        out_secret->deleted_at_ms > 0 || in->client_request_token.len == 0 ||
        secrets_store_find_version(call->db, call->arena, out_secret, in->client_request_token,
                                   &version) != 1 ||
        secrets_open(call, out_secret, &version, &value) != STATUS_DONE)
        return false;
    return str_is_set(value.text) == str_is_set(in->secret_string) &&
           str_eq(value.text, in->secret_string) && str_eq(value.bytes, in->secret_binary);
}

static struct secret new_secret(struct call *call, const struct secretsmanager_create_secret_in *in)
{
    static const struct str letters =
        STR_INIT("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    struct secret secret = {
        .scope = call->scope,
        .name = in->name,
        .suffix = rand_text(call->arena, letters, SECRETS_SUFFIX_LEN),
        .created_at_ms = call->now_ms,
        .changed_at_ms = call->now_ms,
        .description = str_or(in->description, STR("")),
        .kms_key_id = str_or(in->kms_key_id, STR("")),
        .policy = STR(""),
        .tags = STR("{}"),
        .type = str_or(in->type, STR("")),
        .primary_region = STR(""),
        .replicas = STR("[]"),
    };
    secret.arn = secrets_arn(call->arena, secret.scope, secret.name, secret.suffix);
    return secret;
}

/* The first value, if the request has one. */
static enum status put_first(struct call *call, const struct secretsmanager_create_secret_in *in,
                             struct secret *secret, struct secretsmanager_create_secret_out *out)
{
    const struct secret_put put = {
        .token = in->client_request_token,
        .value = {.text = in->secret_string, .bytes = in->secret_binary},
    };
    struct secret_version version = {0};
    enum status status = secrets_check_value(call, &put.value, true);
    if (status != STATUS_DONE || !secret_value_is_set(&put.value))
        return status;
    status = secrets_put_version(call, secret, &put, &version);
    out->version_id = version.id;
    return status;
}

enum status secretsmanager_create_secret(struct call *call,
                                         const struct secretsmanager_create_secret_in *in,
                                         struct secretsmanager_create_secret_out *out)
{
    struct secret secret = {0};
    enum status status = secrets_check_token(call, in->client_request_token);
    if (status != STATUS_DONE)
        return status;
    if (is_repeated(call, in, &secret)) {
        out->arn = secret.arn;
        out->name = secret.name;
        out->version_id = in->client_request_token;
        return STATUS_DONE;
    }
    status = check_new_name(call, in->name);
    if (status != STATUS_DONE)
        return status;
    secret = new_secret(call, in);
    status = secrets_gather_tags(call, &in->tags, STR("{}"), &secret.tags);
    if (status == STATUS_DONE)
        status = put_first(call, in, &secret, out);
    if (status == STATUS_DONE && in->add_replica_regions.count > 0)
        status = secrets_add_replicas(call, &secret, &in->add_replica_regions,
                                      opt_bool_or(in->force_overwrite_replica_secret, false));
    if (status == STATUS_DONE)
        status = secrets_write(call, &secret);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    secrets_replication_status(call, &secret, &out->replication_status);
    return STATUS_DONE;
}

/* --- description --- */

void secrets_stage_map(struct call *call, const struct secret_version *versions, int64_t count,
                       struct secretsmanager_secret_versions_to_stages_map_type *out)
{
    out->items = arena_alloc_array(call->arena, (size_t)count, sizeof(*out->items));
    for (int64_t i = 0; i < count; i++) {
        if (str_eq_cstr(versions[i].stages, "[]"))
            continue;
        struct secretsmanager_secret_versions_to_stages_map_type_entry *entry =
            &out->items[out->count++];
        entry->key = versions[i].id;
        secrets_stage_list(call, versions[i].stages, &entry->value);
    }
}

static struct str unless_empty(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

enum status secretsmanager_describe_secret(struct call *call,
                                           const struct secretsmanager_describe_secret_in *in,
                                           struct secretsmanager_describe_secret_out *out)
{
    (void)in;
    struct secret secret = {0};
    struct secret_version *versions = NULL;
    int64_t count = 0;
    enum status status = secrets_subject(call, &secret);
    if (status == STATUS_DONE)
        status = secrets_list_versions(call, &secret, &versions, &count);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    out->type = unless_empty(secret.type);
    out->description = unless_empty(secret.description);
    out->kms_key_id = unless_empty(secret.kms_key_id);
    out->created_date = opt_i64(secret.created_at_ms);
    out->last_changed_date = opt_i64(secret.changed_at_ms);
    if (secret.accessed_at_ms > 0)
        out->last_accessed_date = opt_i64(secret.accessed_at_ms);
    if (secret.deleted_at_ms > 0)
        out->deleted_date = opt_i64(secret.deleted_at_ms);
    out->primary_region = unless_empty(secret.primary_region);
    secrets_tag_list(call, secret.tags, &out->tags);
    secrets_stage_map(call, versions, count, &out->version_ids_to_stages);
    secrets_replication_status(call, &secret, &out->replication_status);
    return STATUS_DONE;
}

/* --- update --- */

/* AWS: with another key, the versions with labels AWSCURRENT, AWSPREVIOUS and AWSPENDING are
 * encrypted anew ("UpdateSecret", KmsKeyId). */
static enum status reencrypt(struct call *call, struct secret *secret, struct str key_id)
{
    struct secret_version *versions =
        arena_alloc_array(call->arena, SECRETS_MAX_VERSIONS, sizeof(*versions));
    int64_t count = secrets_store_list_versions(call->db, call->arena, secret, true,
                                                SECRETS_MAX_VERSIONS, versions);
    if (count < 0)
        return call_fail_internal(call, (int)count, "secretsmanager: list versions");
    secret->kms_key_id = key_id;
    for (int64_t i = 0; i < count; i++) {
        struct secret_value value = {0};
        if (str_eq_cstr(versions[i].stages, "[]"))
            continue;
        enum status status = secrets_open(call, secret, &versions[i], &value);
        if (status == STATUS_DONE)
            status = secrets_seal(call, secret, &value, &versions[i]);
        if (status != STATUS_DONE)
            return status;
        int rc = secrets_store_put_version(call->db, secret, &versions[i]);
        if (rc < 0)
            return call_fail_internal(call, rc, "secretsmanager: put a version");
    }
    return STATUS_DONE;
}

enum status secretsmanager_update_secret(struct call *call,
                                         const struct secretsmanager_update_secret_in *in,
                                         struct secretsmanager_update_secret_out *out)
{
    struct secret secret = {0};
    struct secret_version version = {0};
    const struct secret_put put = {
        .token = in->client_request_token,
        .value = {.text = in->secret_string, .bytes = in->secret_binary},
    };
    enum status status = secrets_check_token(call, in->client_request_token);
    if (status == STATUS_DONE)
        status = secrets_check_value(call, &put.value, true);
    if (status == STATUS_DONE)
        status = secrets_primary_subject(call, &secret);
    if (status == STATUS_DONE && str_is_set(in->kms_key_id) &&
        !str_eq(in->kms_key_id, secret.kms_key_id))
        status = reencrypt(call, &secret, in->kms_key_id);
    if (status == STATUS_DONE && secret_value_is_set(&put.value))
        status = secrets_put_version(call, &secret, &put, &version);
    if (status != STATUS_DONE)
        return status;
    if (str_is_set(in->description))
        secret.description = in->description;
    if (str_is_set(in->type))
        secret.type = in->type;
    secret.changed_at_ms = call->now_ms;
    out->arn = secret.arn;
    out->name = secret.name;
    out->version_id = version.id;
    return secrets_write(call, &secret);
}

/* --- deletion --- */

static enum status check_window(struct call *call, const struct secretsmanager_delete_secret_in *in)
{
    bool is_forced = opt_bool_or(in->force_delete_without_recovery, false);
    if (is_forced && in->recovery_window_in_days.is_set)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "You can't use ForceDeleteWithoutRecovery in conjunction with "
                         "RecoveryWindowInDays.");
    int64_t days = opt_i64_or(in->recovery_window_in_days, DEFAULT_WINDOW_DAYS);
    if (days < MIN_WINDOW_DAYS || days > MAX_WINDOW_DAYS)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "The RecoveryWindowInDays value must be between 7 and 30 days "
                         "(inclusive).");
    return STATUS_DONE;
}

static enum status check_no_replicas(struct call *call, const struct secret *secret)
{
    struct json *replicas = NULL;
    struct str regions = STR("");
    if (!secrets_has_replicas(secret))
        return STATUS_DONE;
    int rc = json_parse(call->arena, secret->replicas, 0, &replicas, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: replicas of a secret");
    for (const struct json *replica = replicas->first; replica; replica = replica->next)
        regions = str_concat3(call->arena, regions, regions.len > 0 ? STR(", ") : STR(""),
                              json_find_str(replica, "Region"));
    return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                     "You can't delete secret " STR_FMT " that still has replica regions "
                     "[" STR_FMT "]",
                     STR_ARG(secret->name), STR_ARG(regions));
}

static enum status schedule(struct call *call, const struct secret *secret)
{
    int rc = workflow_exists(call, secretsmanager_secret_kind.name, secret->arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: look for a secret's workflow");
    return rc == 1 ? workflow_wake(call, secretsmanager_secret_kind.name, secret->arn)
                   : workflow_start(call, secretsmanager_secret_kind.name, secret->arn, NULL);
}

/* AWS: "If you forcibly delete an already deleted or nonexistent secret, the operation does not
 * return ResourceNotFoundException." */
static enum status delete_now(struct call *call, const struct secretsmanager_delete_secret_in *in,
                              bool is_found, const struct secret *secret,
                              struct secretsmanager_delete_secret_out *out)
{
    out->deletion_date = opt_i64(call->now_ms);
    out->arn = is_found ? secret->arn
                        : secrets_arn(call->arena, call->scope, in->secret_id, STR("000000"));
    out->name = is_found ? secret->name : in->secret_id;
    int rc = is_found ? secrets_store_delete(call->db, secret) : 0;
    return rc < 0 ? call_fail_internal(call, rc, "secretsmanager: delete a secret") : STATUS_DONE;
}

enum status secretsmanager_delete_secret(struct call *call,
                                         const struct secretsmanager_delete_secret_in *in,
                                         struct secretsmanager_delete_secret_out *out)
{
    struct secret secret = {0};
    bool is_forced = opt_bool_or(in->force_delete_without_recovery, false);
    enum status status = check_window(call, in);
    if (status != STATUS_DONE)
        return status;
    int found = secrets_find(call, in->secret_id, &secret);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a secret");
    if (found == 0 && !is_forced)
        return secrets_missing(call);
    if (found == 1 && secrets_is_replica(&secret))
        return secrets_primary_subject(call, &secret);
    status = found == 1 ? check_no_replicas(call, &secret) : STATUS_DONE;
    if (status != STATUS_DONE)
        return status;
    if (is_forced)
        return delete_now(call, in, found == 1, &secret, out);
    if (secret.deleted_at_ms > 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "You can't perform this operation on the secret because it was already "
                         "scheduled for deletion.");
    int64_t days = opt_i64_or(in->recovery_window_in_days, DEFAULT_WINDOW_DAYS);
    secret.deleted_at_ms = call->now_ms;
    secret.deletion_at_ms = call->now_ms + days * SECRETS_DAY_MS;
    secret.changed_at_ms = call->now_ms;
    out->arn = secret.arn;
    out->name = secret.name;
    out->deletion_date = opt_i64(secret.deletion_at_ms);
    status = secrets_write(call, &secret);
    return status == STATUS_DONE ? schedule(call, &secret) : status;
}

enum status secretsmanager_restore_secret(struct call *call,
                                          const struct secretsmanager_restore_secret_in *in,
                                          struct secretsmanager_restore_secret_out *out)
{
    (void)in;
    struct secret secret = {0};
    enum status status = secrets_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    if (secret.deleted_at_ms == 0)
        return STATUS_DONE;
    secret.deleted_at_ms = 0;
    secret.deletion_at_ms = 0;
    secret.changed_at_ms = call->now_ms;
    return secrets_write(call, &secret);
}

/* The ARN says which secret, in which scope. */
static enum status secret_step(struct call *call, struct workflow *workflow,
                               enum workflow_next *out_next)
{
    struct secret secret = {0};
    *out_next = WORKFLOW_DONE;
    call->scope = workflow->scope;
    int found = secrets_find(call, workflow->id, &secret);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a secret");
    if (found == 0 || secret.deletion_at_ms == 0)
        return STATUS_DONE;
    if (secret.deletion_at_ms > call->now_ms) {
        workflow->run_at_ms = secret.deletion_at_ms;
        *out_next = WORKFLOW_AGAIN;
        return STATUS_DONE;
    }
    int rc = secrets_store_delete(call->db, &secret);
    return rc < 0 ? call_fail_internal(call, rc, "secretsmanager: delete a secret") : STATUS_DONE;
}

const struct workflow_kind secretsmanager_secret_kind = {
    .name = STR_INIT("secretsmanager.secret"),
    .step = secret_step,
};
