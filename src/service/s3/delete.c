/* delete.c — DeleteObject, DeleteObjects, RestoreObject.
 *
 * Docs: S3 API reference of each; user guide, "Deleting object versions".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/object.h"

enum {
    DELETE_MAX_KEYS = 1000, /* AWS: of one DeleteObjects */
    STATUS_ACCEPTED = 202,
    DAY_MS = 24 * 60 * 60 * 1000,
};

/* One object to delete. */
struct target {
    struct str key;
    struct str version_id;
    struct str if_match;
    struct opt_i64 if_modified_at;
    struct opt_i64 if_size;
    bool bypasses_governance;
};

static enum status check_conditions(struct call *call, const struct s3_bucket_row *bucket,
                                    const struct target *target)
{
    struct s3_object_row *current = NULL;
    if (!str_is_set(target->if_match) && !target->if_modified_at.is_set && !target->if_size.is_set)
        return STATUS_DONE;
    /* AWS: "Conditional delete evaluations only apply to the current version of the object." */
    int rc = s3_store_find_object(call->db, call->arena, bucket->bucket_key, target->key,
                                  (struct str){0}, &current);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find object");
    return s3_check_delete(call, target->if_match, target->if_modified_at, target->if_size,
                           current);
}

static enum status delete_by_version(struct call *call, const struct s3_bucket_row *bucket,
                                     const struct target *target, struct s3_deletion *out)
{
    struct s3_object_row *version = NULL;
    enum status status = s3_check_version_id(call, target->version_id);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_find_object(call->db, call->arena, bucket->bucket_key, target->key,
                                  target->version_id, &version);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find object");
    if (!version) /* AWS: deleting what is not there succeeds */
        return STATUS_DONE;
    status = s3_check_unlocked(call, bucket, version, target->bypasses_governance);
    return status == STATUS_DONE ? s3_delete_version(call, bucket, version, out) : status;
}

static enum status delete_one(struct call *call, const struct s3_bucket_row *bucket,
                              const struct target *target, struct s3_deletion *out)
{
    *out = (struct s3_deletion){0};
    enum status status = s3_check_key(call, target->key);
    if (status == STATUS_DONE)
        status = check_conditions(call, bucket, target);
    if (status == STATUS_DONE)
        status = str_is_set(target->version_id) ? delete_by_version(call, bucket, target, out)
                                                : s3_delete_current(call, bucket, target->key, out);
    if (status != STATUS_DONE)
        return status;
    if (out->marker)
        return s3_announce(call, bucket, out->marker, "ObjectRemoved:DeleteMarkerCreated");
    return out->removed ? s3_event(call, bucket, out->removed, "ObjectRemoved:Delete")
                        : STATUS_DONE;
}

enum status s3_delete_object(struct call *call, const struct s3_delete_object_in *in,
                             struct s3_delete_object_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    const struct target target = {
        .key = in->key,
        .version_id = in->version_id,
        .if_match = in->if_match,
        .if_modified_at = in->if_match_last_modified_time,
        .if_size = in->if_match_size,
        .bypasses_governance = opt_bool_or(in->bypass_governance_retention, false),
    };
    struct s3_deletion deletion = {0};
    enum status status = delete_one(call, bucket, &target, &deletion);
    if (status != STATUS_DONE)
        return status;
    if (str_is_set(in->version_id))
        out->version_id = in->version_id;
    else if (deletion.marker)
        out->version_id = deletion.marker->version_id;
    if (deletion.marker ||
        (str_is_set(in->version_id) && deletion.removed && deletion.removed->is_marker))
        out->delete_marker = opt_bool(true);
    return STATUS_DONE;
}

/* ---- DeleteObjects ---- */

/* AWS: each key needs s3:DeleteObject, or s3:DeleteObjectVersion with a version. */
static enum status delete_allowed(struct call *call, const struct s3_bucket_row *bucket,
                                  const struct target *target, struct s3_deletion *out)
{
    const char *action =
        str_is_set(target->version_id) ? "s3:DeleteObjectVersion" : "s3:DeleteObject";
    enum status status = s3_require(call, bucket, target->key, NULL, action);
    /* AWS: in a batch an id that cannot be is one that is not there, as is any but "null" without
     * versioning. */
    if (status == STATUS_DONE && str_is_set(target->version_id) &&
        !str_eq_cstr(target->version_id, "null")) {
        if (bucket->versioning == S3_UNVERSIONED)
            return s3_no_such_version(call, target->key, target->version_id);
        status = s3_check_version_id(call, target->version_id);
        if (status != STATUS_DONE) {
            call->error = (struct call_error){0};
            return s3_no_such_version(call, target->key, target->version_id);
        }
    }
    return status == STATUS_DONE ? delete_one(call, bucket, target, out) : status;
}

static void add_deleted(const struct target *target, const struct s3_deletion *deletion,
                        struct s3_deleted_objects *deleted)
{
    struct s3_deleted_object *item = &deleted->items[deleted->count++];
    item->key = target->key;
    item->version_id = target->version_id;
    if (deletion->marker) {
        item->delete_marker = opt_bool(true);
        item->delete_marker_version_id = deletion->marker->version_id;
    } else if (str_is_set(target->version_id) && deletion->removed &&
               deletion->removed->is_marker) {
        item->delete_marker = opt_bool(true);
        item->delete_marker_version_id = target->version_id;
    }
}

/* A refusal of one key is an entry of the answer; faults of the store fail the whole. */
static bool take_failure(struct call *call, const struct target *target, struct s3_errors *errors)
{
    const struct api_error *error = call->error.error;
    if (call->store_errno != 0 || !error || error->http_status >= 500)
        return false;
    errors->items[errors->count++] = (struct s3_error){
        .key = target->key,
        .version_id = target->version_id,
        .code = error->code,
        .message = call->error.message,
    };
    call->error = (struct call_error){0};
    return true;
}

enum status s3_delete_objects(struct call *call, const struct s3_delete_objects_in *in,
                              struct s3_delete_objects_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    enum status status = s3_check_buffered(call, true);
    if (status != STATUS_DONE)
        return status;
    const size_t count = in->delete ? in->delete->objects.count : 0;
    if (count == 0 || count > DELETE_MAX_KEYS)
        return s3_fail_malformed_xml(call);
    const bool is_quiet = opt_bool_or(in->delete->quiet, false);
    out->deleted.items = arena_alloc_array(call->arena, count, sizeof(*out->deleted.items));
    out->errors.items = arena_alloc_array(call->arena, count, sizeof(*out->errors.items));
    for (size_t i = 0; i < count; i++) {
        const struct s3_object_identifier *item = &in->delete->objects.items[i];
        const struct target target = {
            .key = item->key,
            .version_id = item->version_id,
            .if_match = item->etag,
            .if_modified_at = item->last_modified_time,
            .if_size = item->size,
            .bypasses_governance = opt_bool_or(in->bypass_governance_retention, false),
        };
        struct s3_deletion deletion = {0};
        status = delete_allowed(call, bucket, &target, &deletion);
        if (status == STATUS_DONE && !is_quiet)
            add_deleted(&target, &deletion, &out->deleted);
        if (status != STATUS_DONE && !take_failure(call, &target, &out->errors))
            return status;
    }
    return STATUS_DONE;
}

/* ---- RestoreObject ---- */

static enum status check_restore(struct call *call, const struct s3_object_row *object,
                                 const struct s3_restore_request *request)
{
    if (!request)
        return s3_fail(call, &S3_MISSING_REQUEST_BODY_ERROR, NULL, "Request body is empty.");
    if (str_is_set(request->type) || request->select_parameters || request->output_location)
        return s3_fail(call, &S3_NOT_IMPLEMENTED, NULL,
                       "Restoring the results of a query is not implemented.");
    if (!str_eq_cstr(object->storage_class, "GLACIER") &&
        !str_eq_cstr(object->storage_class, "DEEP_ARCHIVE"))
        return s3_fail(call, &S3_INVALID_OBJECT_STATE,
                       &(struct s3_fault_details_error){.storage_class = s3_class_name(object)},
                       "Restore is not allowed for the object's current storage class");
    if (!request->days.is_set || request->days.value < 1)
        return s3_fail_malformed_xml(call);
    return STATUS_DONE;
}

/* AWS: "Amazon S3 calculates the expiry by adding the number of days to the time the restoration
 * request is completed, and then rounds to the next day at midnight UTC". Here the copy is there at
 * once. */
enum status s3_restore_object(struct call *call, const struct s3_restore_object_in *in,
                              struct s3_restore_object_out *out)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_object_row *object = NULL;
    (void)out;
    enum status status = s3_get_version(call, bucket, in->key, in->version_id, &object);
    if (status == STATUS_DONE)
        status = check_restore(call, object, in->restore_request);
    if (status != STATUS_DONE)
        return status;
    const bool is_new = s3_is_archived(call, object);
    const int64_t until_ms =
        ((call->now_ms / DAY_MS) + in->restore_request->days.value + 1) * DAY_MS;
    object->restore = str_format(call->arena, "%lld", (long long)until_ms);
    int rc = s3_store_set_class(call->db, object);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: restore");
    if (!is_new)
        return STATUS_DONE;
    call_set_status(call, STATUS_ACCEPTED);
    status = s3_event(call, bucket, object, "ObjectRestore:Post");
    return status == STATUS_DONE ? s3_event(call, bucket, object, "ObjectRestore:Completed")
                                 : status;
}
