/* lock.c — object lock: retention and legal holds of versions, and what they forbid.
 *
 * AWS: S3 user guide, "Locking objects with Object Lock"; API reference, PutObjectRetention,
 * PutObjectLegalHold.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/object.h"
#include "syntax/json.h"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    YEAR_DAYS = 365,
};

static enum status refuse_bucket(struct call *call)
{
    return s3_fail(call, &S3_INVALID_REQUEST, NULL, "Bucket is missing Object Lock Configuration");
}

static bool is_mode(struct str mode)
{
    return str_eq_cstr(mode, "GOVERNANCE") || str_eq_cstr(mode, "COMPLIANCE");
}

static bool is_hold(struct str hold)
{
    return str_eq_cstr(hold, "ON") || str_eq_cstr(hold, "OFF");
}

/* The bucket's default retention, from the time of writing. */
static enum status apply_default(struct call *call, const struct s3_bucket_row *bucket,
                                 struct s3_object_row *object)
{
    struct json *rule = NULL;
    int64_t days = 0;
    int64_t years = 0;
    if (bucket->object_lock.len == 0)
        return STATUS_DONE;
    if (json_parse(call->arena, bucket->object_lock, 0, &rule, NULL) < 0)
        return call_fail_internal(call, -EIO, "s3: object lock of a bucket");
    const struct json *retention = json_find_cstr(rule, "DefaultRetention");
    const struct json *days_value = json_find_cstr(retention, "Days");
    const struct json *years_value = json_find_cstr(retention, "Years");
    if (days_value && str_to_i64(days_value->text, &days) < 0)
        days = 0;
    if (years_value && str_to_i64(years_value->text, &years) < 0)
        years = 0;
    if (days + years == 0)
        return STATUS_DONE;
    object->lock_mode = json_find_str(retention, "Mode");
    object->lock_until_ms = call->now_ms + (days + years * YEAR_DAYS) * DAY_MS;
    return STATUS_DONE;
}

enum status s3_describe_lock(struct call *call, const struct s3_bucket_row *bucket,
                             const struct s3_description *description, struct s3_object_row *object)
{
    struct str mode = description->lock_mode;
    const bool has_until = description->lock_until.is_set;
    const bool has_hold = str_is_set(description->legal_hold);
    if ((str_is_set(mode) || has_until || has_hold) && !bucket->has_object_lock)
        return refuse_bucket(call);
    if (str_is_set(mode) != has_until)
        return s3_fail_argument(
            call, has_until ? "x-amz-object-lock-mode" : "x-amz-object-lock-retain-until-date",
            (struct str){0},
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
    if (str_is_set(mode) && !is_mode(mode))
        return s3_fail_argument(call, "x-amz-object-lock-mode", mode, "Unknown wormMode directive");
    if (has_until && description->lock_until.value <= call->now_ms)
        return s3_fail_argument(call, "x-amz-object-lock-retain-until-date", (struct str){0},
                                "The retain until date must be in the future!");
    if (has_hold && !is_hold(description->legal_hold))
        return s3_fail_argument(call, "x-amz-object-lock-legal-hold", description->legal_hold,
                                "Legal Hold must be either of 'ON' or 'OFF'");
    object->lock_mode = mode;
    object->lock_until_ms = has_until ? description->lock_until.value : 0;
    object->legal_hold = description->legal_hold;
    if (bucket->has_object_lock && !str_is_set(mode))
        return apply_default(call, bucket, object);
    return STATUS_DONE;
}

static enum status refuse_locked(struct call *call)
{
    return s3_fail(call, &S3_ACCESS_DENIED, NULL,
                   "Access Denied because object protected by object lock.");
}

static bool is_retained(const struct call *call, const struct s3_object_row *object)
{
    return str_is_set(object->lock_mode) && object->lock_until_ms > call->now_ms;
}

/* AWS: "s3:BypassGovernanceRetention" and the header together. */
static bool may_bypass(struct call *call, const struct s3_bucket_row *bucket,
                       const struct s3_object_row *object, bool bypasses_governance)
{
    return bypasses_governance && str_eq_cstr(object->lock_mode, "GOVERNANCE") &&
           s3_may(call, bucket, object->key, object, "s3:BypassGovernanceRetention");
}

enum status s3_check_unlocked(struct call *call, const struct s3_bucket_row *bucket,
                              const struct s3_object_row *object, bool bypasses_governance)
{
    if (str_eq_cstr(object->legal_hold, "ON"))
        return refuse_locked(call);
    if (is_retained(call, object) && !may_bypass(call, bucket, object, bypasses_governance))
        return refuse_locked(call);
    return STATUS_DONE;
}

/* ---- operations ---- */

enum status s3_get_object_retention(struct call *call, const struct s3_get_object_retention_in *in,
                                    struct s3_get_object_retention_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    if (!bucket->has_object_lock)
        return refuse_bucket(call);
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    if (!str_is_set(object->lock_mode))
        return s3_fail(call, &S3_NO_SUCH_OBJECT_LOCK_CONFIGURATION,
                       &(struct s3_fault_details_error){.key = in->key},
                       "The specified object does not have a ObjectLock configuration");
    out->retention = arena_alloc(call->arena, sizeof(*out->retention));
    out->retention->mode = object->lock_mode;
    out->retention->retain_until_date = opt_i64(object->lock_until_ms);
    return STATUS_DONE;
}

/* AWS: a retention is extended freely; shortening or removing it needs the bypass in GOVERNANCE
 * mode, and cannot be done in COMPLIANCE mode; nor can that mode be changed. */
static bool is_stricter(const struct s3_object_row *object, struct str mode, int64_t until_ms)
{
    if (until_ms < object->lock_until_ms)
        return false;
    return str_eq(mode, object->lock_mode) || str_eq_cstr(mode, "COMPLIANCE");
}

static enum status check_retention(struct call *call, const struct s3_object_lock_retention *wanted)
{
    const bool is_removal =
        !wanted || (!str_is_set(wanted->mode) && !wanted->retain_until_date.is_set);
    if (is_removal)
        return STATUS_DONE;
    if (!is_mode(wanted->mode) || !wanted->retain_until_date.is_set)
        return s3_fail_malformed_xml(call);
    if (wanted->retain_until_date.value <= call->now_ms)
        return s3_fail_argument(call, "RetainUntilDate", (struct str){0},
                                "The retain until date must be in the future!");
    return STATUS_DONE;
}

enum status s3_put_object_retention(struct call *call, const struct s3_put_object_retention_in *in,
                                    struct s3_put_object_retention_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    (void)out;
    if (!bucket->has_object_lock)
        return refuse_bucket(call);
    enum status status = s3_check_buffered(call, true);
    if (status == STATUS_DONE)
        status = check_retention(call, in->retention);
    if (status == STATUS_DONE)
        status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    struct str mode = in->retention ? in->retention->mode : (struct str){0};
    const int64_t until_ms = in->retention ? opt_i64_or(in->retention->retain_until_date, 0) : 0;
    const bool bypasses = opt_bool_or(in->bypass_governance_retention, false);
    if (is_retained(call, object) && !is_stricter(object, mode, until_ms) &&
        !may_bypass(call, bucket, object, bypasses))
        return refuse_locked(call);
    object->lock_mode = mode;
    object->lock_until_ms = until_ms;
    int rc = s3_store_set_lock(call->db, object);
    return rc < 0 ? call_fail_internal(call, rc, "s3: put a retention") : STATUS_DONE;
}

enum status s3_get_object_legal_hold(struct call *call,
                                     const struct s3_get_object_legal_hold_in *in,
                                     struct s3_get_object_legal_hold_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    if (!bucket->has_object_lock)
        return refuse_bucket(call);
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    if (!str_is_set(object->legal_hold))
        return s3_fail(call, &S3_NO_SUCH_OBJECT_LOCK_CONFIGURATION,
                       &(struct s3_fault_details_error){.key = in->key},
                       "The specified object does not have a ObjectLock configuration");
    out->legal_hold = arena_alloc(call->arena, sizeof(*out->legal_hold));
    out->legal_hold->status = object->legal_hold;
    return STATUS_DONE;
}

enum status s3_put_object_legal_hold(struct call *call,
                                     const struct s3_put_object_legal_hold_in *in,
                                     struct s3_put_object_legal_hold_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    (void)out;
    if (!bucket->has_object_lock)
        return refuse_bucket(call);
    enum status status = s3_check_buffered(call, true);
    if (status == STATUS_DONE && (!in->legal_hold || !is_hold(in->legal_hold->status)))
        status = s3_fail_malformed_xml(call);
    if (status == STATUS_DONE)
        status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status != STATUS_DONE)
        return status;
    object->legal_hold = in->legal_hold->status;
    int rc = s3_store_set_lock(call->db, object);
    return rc < 0 ? call_fail_internal(call, rc, "s3: put a legal hold") : STATUS_DONE;
}
