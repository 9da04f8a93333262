/* region.c — multi-region keys: ReplicateKey, UpdatePrimaryRegion.
 *
 * A multi-region key is one row per region under one id and account; all name the primary's region
 * and hold the same materials. State, policy, tags and description are each region's own; rotation
 * is the primary's. Docs: KMS developer guide, "Multi-Region keys in AWS KMS".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/kms/kms.h"

enum {
    MAX_REGIONS = 100,
    MATERIALS_PAGE = 100,
};

static enum status check_primary(struct call *call, const struct kms_key *key)
{
    if (key->primary_region.len > 0 && str_eq(key->primary_region, key->scope.region))
        return STATUS_DONE;
    return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                     STR_FMT " is not a multi-Region primary key.", STR_ARG(key->arn));
}

/* AWS: "kms:CreateKey permission (IAM policy) in the replica Region". */
static enum status authorize_creation(struct call *call, struct scope scope)
{
    struct call there = *call;
    there.scope = scope;
    const struct authorization what = {
        .action = STR("kms:CreateKey"),
        .resource = STR("*"),
    };
    enum status status = call_authorize(&there, &what);
    call->error = there.error;
    call->store_errno = there.store_errno;
    return status;
}

static enum status copy_materials(struct call *call, const struct kms_key *from,
                                  const struct kms_key *to)
{
    struct kms_material *rows = arena_alloc_array(call->arena, MATERIALS_PAGE, sizeof(*rows));
    int64_t count = MATERIALS_PAGE;
    int64_t next = 0;
    while (count == MATERIALS_PAGE) {
        count = kms_store_list_materials(call->db, call->arena, from, next, MATERIALS_PAGE, rows);
        if (count < 0)
            return call_fail_internal(call, (int)count, "kms: list key material");
        for (int64_t i = 0; i < count; i++) {
            int rc = kms_store_put_material(call->db, to, &rows[i]);
            if (rc < 0)
                return call_fail_internal(call, rc, "kms: copy key material");
            next = rows[i].serial + 1;
        }
    }
    return STATUS_DONE;
}

static enum status check_free(struct call *call, struct scope scope, struct str id)
{
    struct kms_key *found = NULL;
    int rc = kms_store_find_key(call->db, call->arena, scope, id, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a key");
    if (rc == 0)
        return STATUS_DONE;
    return call_fail(call, &KMS_ALREADY_EXISTS_EXCEPTION,
                     "A key with the ARN " STR_FMT " already exists", STR_ARG(found->arn));
}

/* AWS: policy, tags and description are not copied: they are the request's, or the defaults. */
static enum status fill_replica(struct call *call, const struct kms_replicate_key_in *in,
                                const struct kms_key *primary, struct kms_key *replica)
{
    *replica = *primary;
    replica->scope.region = in->replica_region;
    replica->arn = kms_arn(call->arena, replica->scope, "key", replica->id);
    replica->created_at_ms = call->now_ms;
    replica->description = str_or(in->description, STR(""));
    replica->state = KMS_STATE_ENABLED;
    replica->is_rotating = false;
    replica->rotation_days = 0;
    replica->next_rotation_at_ms = 0;
    if (str_eq_cstr(primary->origin, "EXTERNAL")) {
        replica->state = KMS_STATE_PENDING_IMPORT;
        replica->material_id = STR("");
    }
    enum status status = kms_gather_tags(call, &in->tags, NULL, &replica->tags);
    if (status != STATUS_DONE)
        return status;
    return kms_check_policy(call, replica, in->policy,
                            opt_bool_or(in->bypass_policy_lockout_safety_check, false),
                            &replica->policy);
}

enum status kms_replicate_key(struct call *call, const struct kms_replicate_key_in *in,
                              struct kms_replicate_key_out *out)
{
    const struct kms_key *primary = kms_subject_key(call);
    const struct scope scope = {primary->scope.account, in->replica_region};
    struct kms_key replica = {0};
    enum status status = check_primary(call, primary);
    bool is_external = str_eq_cstr(primary->origin, "EXTERNAL");
    if (status == STATUS_DONE)
        status = is_external ? kms_require_kept(call, primary) : kms_require_usable(call, primary);
    if (status == STATUS_DONE)
        status = authorize_creation(call, scope);
    if (status == STATUS_DONE)
        status = check_free(call, scope, primary->id);
    if (status == STATUS_DONE)
        status = fill_replica(call, in, primary, &replica);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_insert_key(call->db, &replica);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: insert a replica");
    if (!is_external)
        status = copy_materials(call, primary, &replica);
    if (status == STATUS_DONE)
        status = kms_metadata(call, &replica, &out->replica_key_metadata);
    if (status == STATUS_DONE)
        status = kms_tag_list_of(call, replica.tags, &out->replica_tags);
    out->replica_policy = replica.policy;
    return status;
}

/* All rows of the key name the new primary, which takes rotation over from the old one. */
static enum status move_primary(struct call *call, const struct kms_key *old, struct str region)
{
    struct str regions[MAX_REGIONS];
    int64_t count = kms_store_list_regions(call->db, call->arena, old->scope.account, old->id,
                                           MAX_REGIONS, regions);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: regions of a key");
    for (int64_t i = 0; i < count; i++) {
        struct kms_key *key = NULL;
        bool is_new = str_eq(regions[i], region);
        int rc = kms_store_find_key(call->db, call->arena,
                                    (struct scope){old->scope.account, regions[i]}, old->id, &key);
        if (rc <= 0)
            return call_fail_internal(call, rc < 0 ? rc : -ENOENT, "kms: find a key");
        key->primary_region = region;
        key->is_rotating = is_new && old->is_rotating;
        key->rotation_days = is_new ? old->rotation_days : 0;
        key->next_rotation_at_ms = is_new ? old->next_rotation_at_ms : 0;
        rc = kms_store_update_key(call->db, key);
        if (rc < 0)
            return call_fail_internal(call, rc, "kms: update a key");
        enum status status = is_new ? kms_reschedule(call, key) : STATUS_DONE;
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

enum status kms_update_primary_region(struct call *call,
                                      const struct kms_update_primary_region_in *in,
                                      struct kms_update_primary_region_out *out)
{
    (void)out;
    const struct kms_key *key = kms_subject_key(call);
    const struct scope scope = {key->scope.account, in->primary_region};
    struct kms_key *replica = NULL;
    enum status status = check_primary(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usable(call, key);
    if (status != STATUS_DONE)
        return status;
    if (str_eq(in->primary_region, key->scope.region))
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         STR_FMT " is the primary key already.", STR_ARG(key->arn));
    int rc = kms_store_find_key(call->db, call->arena, scope, key->id, &replica);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a replica");
    if (rc == 0)
        return kms_key_missing(call, scope, key->id);
    status = kms_require_usable(call, replica);
    return status == STATUS_DONE ? move_primary(call, key, in->primary_region) : status;
}
