/* lifecycle.c — what happens to a key by itself: rotation, expiry of imported material, deletion.
 *
 * A key with anything on its time-table has one workflow, named by its ARN. A step does what is due
 * and sleeps until the next date; whoever changes a date wakes it (kms_reschedule). A workflow
 * whose key has no more dates ends.
 *
 * Docs: KMS developer guide, "Rotate AWS KMS keys", "Delete an AWS KMS key", "Setting an expiration
 * time (optional)".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/kms/kms.h"
#include "syntax/json.h"

enum {
    DEFAULT_ROTATION_DAYS = 365, /* AWS: 90 to 2560, default 365 */
    ON_DEMAND_MAX = 25,          /* AWS: on-demand rotations per key */
    LIST_DEFAULT = 100,
    LIST_MAX = 1000,
    MAX_REGIONS = 100,
};

enum status kms_reschedule(struct call *call, const struct kms_key *key)
{
    int rc = workflow_exists(call, kms_key_kind.name, key->arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: look for a key's workflow");
    if (rc == 1)
        return workflow_wake(call, kms_key_kind.name, key->arn);
    return workflow_start(call, kms_key_kind.name, key->arn, NULL);
}

/* --- rotation --- */

/* The material of the primary, copied: replicas have the same ids and the same bytes. */
static enum status copy_to_replicas(struct call *call, const struct kms_key *key)
{
    struct str regions[MAX_REGIONS];
    struct kms_material material = {0};
    int rc = kms_store_find_material(call->db, call->arena, key, key->material_id, &material);
    int64_t count = rc <= 0 ? rc
                            : kms_store_list_regions(call->db, call->arena, key->scope.account,
                                                     key->id, MAX_REGIONS, regions);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: replicas of a key");
    for (int64_t i = 0; i < count; i++) {
        struct kms_key *replica = NULL;
        if (str_eq(regions[i], key->scope.region))
            continue;
        rc = kms_store_find_key(call->db, call->arena,
                                (struct scope){key->scope.account, regions[i]}, key->id, &replica);
        if (rc == 1)
            rc = kms_store_retire_material(call->db, replica);
        if (rc == 0)
            rc = kms_store_put_material(call->db, replica, &material);
        if (rc < 0)
            return call_fail_internal(call, rc, "kms: rotate a replica");
        replica->material_id = material.id;
        rc = kms_store_update_key(call->db, replica);
        if (rc < 0)
            return call_fail_internal(call, rc, "kms: rotate a replica");
    }
    return STATUS_DONE;
}

enum status kms_rotate(struct call *call, struct kms_key *key, struct str rotation)
{
    struct str secret = {0};
    enum status status = kms_take_secret(call, key->spec, &secret);
    if (status == STATUS_DONE)
        status = kms_add_material(call, key, secret, rotation);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_update_key(call->db, key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: update a key");
    return key->primary_region.len > 0 ? copy_to_replicas(call, key) : STATUS_DONE;
}

/* AWS: UnsupportedOperationException for asymmetric and HMAC keys and for replicas, whose rotation
 * is the primary's. */
static enum status check_rotatable(struct call *call, const struct kms_key *key, bool may_import)
{
    bool is_external = str_eq_cstr(key->origin, "EXTERNAL");
    if (is_external && !may_import)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         STR_FMT " origin is EXTERNAL which is not valid for this operation.",
                         STR_ARG(key->arn));
    if (key->spec->family != KMS_SYMMETRIC)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION, "%s", "");
    if (key->primary_region.len > 0 && !str_eq(key->primary_region, key->scope.region))
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION,
                         STR_FMT " is a replica key. Rotate its primary key.", STR_ARG(key->arn));
    return STATUS_DONE;
}

static enum status change_rotation(struct call *call, bool is_rotating, int64_t days)
{
    struct kms_key *key = kms_subject_key(call);
    enum status status = kms_require_own(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = check_rotatable(call, key, false);
    if (status != STATUS_DONE)
        return status;
    key->is_rotating = is_rotating;
    key->rotation_days = is_rotating ? days : 0;
    key->next_rotation_at_ms = is_rotating ? call->now_ms + days * (int64_t)KMS_DAY_MS : 0;
    int rc = kms_store_update_key(call->db, key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: update a key");
    return kms_reschedule(call, key);
}

enum status kms_enable_key_rotation(struct call *call, const struct kms_enable_key_rotation_in *in,
                                    struct kms_enable_key_rotation_out *out)
{
    (void)out;
    return change_rotation(call, true,
                           opt_i32_or(in->rotation_period_in_days, DEFAULT_ROTATION_DAYS));
}

enum status kms_disable_key_rotation(struct call *call,
                                     const struct kms_disable_key_rotation_in *in,
                                     struct kms_disable_key_rotation_out *out)
{
    (void)in;
    (void)out;
    return change_rotation(call, false, 0);
}

enum status kms_get_key_rotation_status(struct call *call,
                                        const struct kms_get_key_rotation_status_in *in,
                                        struct kms_get_key_rotation_status_out *out)
{
    (void)in;
    const struct kms_key *key = kms_subject_key(call);
    if (key->spec->family != KMS_SYMMETRIC)
        return call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION, "%s", "");
    out->key_id = key->arn;
    out->key_rotation_enabled = opt_bool(key->is_rotating);
    if (key->is_rotating) {
        out->rotation_period_in_days = opt_i32((int32_t)key->rotation_days);
        out->next_rotation_date = opt_i64(key->next_rotation_at_ms);
    }
    return STATUS_DONE;
}

/* Imported material that waits for its rotation becomes current. */
static enum status promote_imported(struct call *call, struct kms_key *key)
{
    struct kms_material materials[ON_DEMAND_MAX + 2];
    int64_t count = kms_store_list_materials(call->db, call->arena, key, 0,
                                             (int64_t)ARRAY_LEN(materials), materials);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: list key material");
    struct kms_material *last = count > 0 ? &materials[count - 1] : NULL;
    if (!last || last->state != KMS_MATERIAL_WAITING || last->sealed.len == 0)
        return call_fail(call, &KMS_KMS_INVALID_STATE_EXCEPTION,
                         STR_FMT " has no key material pending rotation.", STR_ARG(key->arn));
    last->state = KMS_MATERIAL_CURRENT;
    last->rotation = STR("ON_DEMAND");
    last->created_at_ms = call->now_ms;
    int rc = kms_store_retire_material(call->db, key);
    if (rc == 0)
        rc = kms_store_put_material(call->db, key, last);
    key->material_id = last->id;
    if (rc == 0)
        rc = kms_store_update_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: rotate a key") : STATUS_DONE;
}

/* AWS rotates "asynchronously, when you initiate on-demand rotation"; here it is done at once. */
enum status kms_rotate_key_on_demand(struct call *call,
                                     const struct kms_rotate_key_on_demand_in *in,
                                     struct kms_rotate_key_on_demand_out *out)
{
    (void)in;
    struct kms_key *key = kms_subject_key(call);
    enum status status = kms_require_own(call, key);
    if (status == STATUS_DONE)
        status = kms_require_usable(call, key);
    if (status == STATUS_DONE)
        status = check_rotatable(call, key, true);
    if (status != STATUS_DONE)
        return status;
    int64_t done = kms_store_count_on_demand(call->db, key);
    if (done < 0)
        return call_fail_internal(call, (int)done, "kms: count rotations");
    if (done >= ON_DEMAND_MAX)
        return call_fail(call, &KMS_LIMIT_EXCEEDED_EXCEPTION,
                         "The on-demand rotations limit has been reached for the given keyId. No "
                         "more on-demand rotations can be performed for this key: " STR_FMT,
                         STR_ARG(key->arn));
    out->key_id = key->arn;
    if (str_eq_cstr(key->origin, "EXTERNAL"))
        return promote_imported(call, key);
    return kms_rotate(call, key, STR("ON_DEMAND"));
}

static struct kms_rotations_list_entry
describe_rotation(const struct kms_key *key, const struct kms_material *material, bool is_full)
{
    static const struct str states[] = {STR_INIT("CURRENT"), STR_INIT("NON_CURRENT"),
                                        STR_INIT("PENDING_ROTATION")};
    bool is_external = str_eq_cstr(key->origin, "EXTERNAL");
    struct kms_rotations_list_entry entry = {
        .key_id = key->arn,
        .key_material_id = material->id,
        .key_material_state = states[material->state],
    };
    if (material->rotation.len > 0) {
        entry.rotation_type = material->rotation;
        entry.rotation_date = opt_i64(material->created_at_ms);
    }
    if (is_external && is_full) {
        bool expires = material->valid_to_ms > 0;
        entry.import_state = material->sealed.len > 0 ? STR("IMPORTED") : STR("PENDING_IMPORT");
        entry.expiration_model =
            expires ? STR("KEY_MATERIAL_EXPIRES") : STR("KEY_MATERIAL_DOES_NOT_EXPIRE");
        if (expires)
            entry.valid_to = opt_i64(material->valid_to_ms);
        if (material->description.len > 0)
            entry.key_material_description = material->description;
    }
    return entry;
}

/* AWS: ROTATIONS_ONLY "lists ... information about completed automatic and on-demand rotations". */
enum status kms_list_key_rotations(struct call *call, const struct kms_list_key_rotations_in *in,
                                   struct kms_list_key_rotations_out *out)
{
    const struct kms_key *key = kms_subject_key(call);
    bool is_full = str_eq_cstr(in->include_key_material, "ALL_KEY_MATERIAL");
    struct str after = {0};
    enum status status = kms_marker_read(call, in->marker, &after);
    if (status == STATUS_DONE && key->spec->family != KMS_SYMMETRIC)
        status = call_fail(call, &KMS_UNSUPPORTED_OPERATION_EXCEPTION, "%s", "");
    int64_t from = is_full ? 0 : 1;
    if (status == STATUS_DONE && after.len > 0 && str_to_i64(after, &from) < 0)
        status = call_fail(call, &KMS_INVALID_MARKER_EXCEPTION, "Invalid marker");
    if (status != STATUS_DONE)
        return status;
    int32_t limit = opt_i32_or(in->limit, LIST_DEFAULT);
    CHECK(limit >= 1 && limit <= LIST_MAX); /* the model's range */
    struct kms_material *rows = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*rows));
    int64_t count = kms_store_list_materials(call->db, call->arena, key, from, limit + 1, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: list key material");
    bool is_cut = count > limit;
    out->rotations.items =
        arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*out->rotations.items));
    out->rotations.is_set = true;
    for (int64_t i = 0; i < (is_cut ? limit : count); i++) {
        if (is_full || rows[i].rotation.len > 0)
            out->rotations.items[out->rotations.count++] =
                describe_rotation(key, &rows[i], is_full);
    }
    out->truncated = opt_bool(is_cut);
    if (is_cut)
        out->next_marker =
            kms_marker_write(call, str_format(call->arena, "%lld", (long long)rows[limit].serial));
    return STATUS_DONE;
}

/* --- the workflow --- */

/* The last replica went: the primary's own waiting period begins. */
static enum status wake_primary(struct call *call, const struct kms_key *gone)
{
    struct str regions[2];
    struct kms_key *primary = NULL;
    const struct scope scope = {gone->scope.account, gone->primary_region};
    int64_t count = kms_store_list_regions(call->db, call->arena, scope.account, gone->id,
                                           ARRAY_LEN(regions), regions);
    if (count < 0)
        return call_fail_internal(call, (int)count, "kms: regions of a key");
    int rc = count == 1 ? kms_store_find_key(call->db, call->arena, scope, gone->id, &primary) : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a primary key");
    if (rc == 0 || !str_eq(primary->state, KMS_STATE_PENDING_REPLICA_DELETION))
        return STATUS_DONE;
    primary->state = KMS_STATE_PENDING_DELETION;
    primary->deletion_at_ms = call->now_ms + primary->pending_days * (int64_t)KMS_DAY_MS;
    rc = kms_store_update_key(call->db, primary);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: update a key");
    call->scope = scope;
    return kms_reschedule(call, primary);
}

static enum status delete_key(struct call *call, const struct kms_key *key)
{
    int rc = kms_store_delete_key(call->db, key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: delete a key");
    return key->primary_region.len > 0 ? wake_primary(call, key) : STATUS_DONE;
}

/* AWS: after expiry "AWS KMS deletes the key material and the KMS key becomes unusable". */
static enum status expire(struct call *call, struct kms_key *key)
{
    int64_t expired = kms_store_expire(call->db, key, call->now_ms);
    if (expired < 0)
        return call_fail_internal(call, (int)expired, "kms: expire key material");
    if (expired == 0)
        return STATUS_DONE;
    bool is_kept = !str_eq(key->state, KMS_STATE_PENDING_DELETION) &&
                   !str_eq(key->state, KMS_STATE_PENDING_REPLICA_DELETION);
    int64_t absent = kms_store_count_absent(call->db, key);
    if (is_kept && absent > 0)
        key->state = KMS_STATE_PENDING_IMPORT;
    int rc = absent < 0 ? (int)absent : kms_store_update_key(call->db, key);
    return rc < 0 ? call_fail_internal(call, rc, "kms: update a key") : STATUS_DONE;
}

/* AWS: disabled keys and keys pending deletion are not rotated; when they are enabled again and the
 * date has passed, they are rotated at once. */
static enum status rotate_when_due(struct call *call, struct kms_key *key)
{
    if (!key->is_rotating || key->next_rotation_at_ms > call->now_ms ||
        !str_eq(key->state, KMS_STATE_ENABLED))
        return STATUS_DONE;
    key->next_rotation_at_ms = call->now_ms + key->rotation_days * (int64_t)KMS_DAY_MS;
    return kms_rotate(call, key, STR("AUTOMATIC"));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* A step's scope is where the workflow was started; the key is where its ARN says. */
static struct scope scope_of_arn(struct str arn, struct str *out_id)
{
    struct str rest = arn;
    struct str parts[6] = {0};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        (void)str_split_next(&rest, ':', &parts[i]);
    *out_id = str_from(parts[5], 4); /* behind "key/" */
    return (struct scope){.account = parts[4], .region = parts[3]};
}

static enum status key_step(struct call *call, struct workflow *workflow,
                            enum workflow_next *out_next)
{
    struct kms_key *key = NULL;
    struct str id = {0};
    call->scope = scope_of_arn(workflow->id, &id);
    *out_next = WORKFLOW_DONE;
    int rc = kms_store_find_key(call->db, call->arena, call->scope, id, &key);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: find a key");
    if (rc == 0)
        return STATUS_DONE;
    if (key->deletion_at_ms > 0 && key->deletion_at_ms <= call->now_ms)
        return delete_key(call, key);
    enum status status = expire(call, key);
    if (status == STATUS_DONE)
        status = rotate_when_due(call, key);
    if (status != STATUS_DONE)
        return status;
    int64_t expiry = 0;
    rc = kms_store_next_expiry(call->db, key, &expiry);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: next expiry");
    int64_t next = earlier(key->deletion_at_ms, expiry);
    if (key->is_rotating && str_eq(key->state, KMS_STATE_ENABLED))
        next = earlier(next, key->next_rotation_at_ms);
    if (next == 0)
        return STATUS_DONE;
    workflow->run_at_ms = next;
    *out_next = WORKFLOW_AGAIN;
    return STATUS_DONE;
}

const struct workflow_kind kms_key_kind = {
    .name = STR_INIT("kms.key"),
    .step = key_step,
};
