/* version.c — versions of an object: which one a request means, what a write or a delete does to
 * the others.
 *
 * AWS: S3 user guide, "Using versioning in S3 buckets": "Adding objects to versioning-enabled
 * buckets", "... versioning-suspended buckets", "Deleting object versions".
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/object.h"
#include "syntax/time.h"

static const char id_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/* ---- which one ---- */

static bool is_version_id(struct str id)
{
    struct str alphabet = STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._");
    if (str_eq_cstr(id, "null"))
        return true;
    for (size_t i = 0; i < id.len; i++) {
        if (str_index(alphabet, id.ptr[i]) < 0)
            return false;
    }
    return id.len == S3_VERSION_ID_LEN;
}

enum status s3_check_version_id(struct call *call, struct str version_id)
{
    if (!str_is_set(version_id))
        return STATUS_DONE;
    if (version_id.len == 0)
        return s3_fail_argument(call, "versionId", version_id,
                                "Version id cannot be the empty string");
    if (!is_version_id(version_id))
        return s3_fail_argument(call, "versionId", version_id, "Invalid version id specified");
    return STATUS_DONE;
}

enum status s3_no_such_version(struct call *call, struct str key, struct str version_id)
{
    return s3_fail(call, &S3_NO_SUCH_VERSION,
                   &(struct s3_fault_details_error){.key = key, .version_id = version_id},
                   "The specified version does not exist.");
}

/* AWS: "a GET on a delete marker by its version gives 405 Method Not Allowed", with Last-Modified.
 */
static enum status refuse_marker(struct call *call, const struct s3_object_row *marker)
{
    call_add_header(call, STR("x-amz-delete-marker"), STR("true"));
    call_add_header(call, STR("x-amz-version-id"), marker->version_id);
    call_add_header(call, STR("Allow"), STR("DELETE"));
    call_add_header(call, STR("Last-Modified"), time_http(call->arena, marker->modified_at_ms));
    return s3_fail(call, &S3_METHOD_NOT_ALLOWED,
                   &(struct s3_fault_details_error){.method = call->operation->http_method,
                                                    .resource_type = STR("DeleteMarker")},
                   "The specified method is not allowed against this resource.");
}

enum status s3_get_version(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                           struct str version_id, struct s3_object_row **out)
{
    struct s3_object_row *found = NULL;
    enum status status = s3_check_version_id(call, version_id);
    if (status != STATUS_DONE)
        return status;
    int rc =
        s3_store_find_object(call->db, call->arena, bucket->bucket_key, key, version_id, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find object");
    if (!found && str_is_set(version_id))
        return s3_no_such_version(call, key, version_id);
    if (found && found->is_marker && str_is_set(version_id))
        return refuse_marker(call, found);
    if (found && found->is_marker) {
        call_add_header(call, STR("x-amz-delete-marker"), STR("true"));
        call_add_header(call, STR("x-amz-version-id"), found->version_id);
    }
    if (!found || found->is_marker)
        return s3_no_such_key(call, bucket, key);
    *out = found;
    return STATUS_DONE;
}

struct str s3_answered_version(const struct s3_bucket_row *bucket,
                               const struct s3_object_row *object)
{
    return bucket->versioning == S3_UNVERSIONED ? (struct str){0} : object->version_id;
}

/* ---- writing ---- */

/* The current version becomes one of the others. */
static enum status demote(struct call *call, const struct s3_object_row *current)
{
    int rc = s3_store_put_version(call->db, current);
    return rc < 0 ? call_fail_internal(call, rc, "s3: keep the version before") : STATUS_DONE;
}

/* Removes the version "null", wherever it is; `newest` is the newest version, or NULL. */
static enum status remove_null(struct call *call, const struct s3_bucket_row *bucket,
                               const struct s3_object_row *newest, struct str key,
                               const struct s3_object_row **out_removed)
{
    struct s3_object_row *found = NULL;
    *out_removed = NULL;
    if (!newest)
        return STATUS_DONE;
    int rc =
        s3_store_find_object(call->db, call->arena, bucket->bucket_key, key, STR("null"), &found);
    if (rc == 0 && found && found->is_latest && !found->is_marker)
        rc = s3_store_delete_current(call->db, bucket->bucket_key, key);
    else if (rc == 0 && found)
        rc = s3_store_delete_version(call->db, found);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: remove the null version");
    *out_removed = found;
    return found ? s3_release_body(call, found->body_key) : STATUS_DONE;
}

static bool is_current(const struct s3_object_row *newest)
{
    return newest && !newest->is_marker;
}

static enum status find_newest(struct call *call, int64_t bucket_key, struct str key,
                               struct s3_object_row **out)
{
    int rc = s3_store_newest(call->db, call->arena, bucket_key, key, out);
    return rc < 0 ? call_fail_internal(call, rc, "s3: find the newest version") : STATUS_DONE;
}

/* Makes room for a new newest version: sets its seq and id, and removes or demotes what it stands
 * before. *out_removed: a null version that went. */
static enum status make_room(struct call *call, const struct s3_bucket_row *bucket,
                             struct s3_object_row *object, const struct s3_object_row **out_removed)
{
    struct s3_object_row *newest = NULL;
    enum status status = find_newest(call, bucket->bucket_key, object->key, &newest);
    *out_removed = NULL;
    if (status != STATUS_DONE)
        return status;
    object->bucket_key = bucket->bucket_key;
    object->seq = newest ? newest->seq + 1 : 1;
    if (bucket->versioning == S3_VERSIONED) {
        object->version_id =
            rand_text(call->arena, str_of(id_alphabet, sizeof(id_alphabet) - 1), S3_VERSION_ID_LEN);
        return is_current(newest) ? demote(call, newest) : STATUS_DONE;
    }
    object->version_id = STR("null");
    if (bucket->versioning == S3_UNVERSIONED) {
        *out_removed = newest;
        return newest ? s3_release_body(call, newest->body_key) : STATUS_DONE;
    }
    status = remove_null(call, bucket, newest, object->key, out_removed);
    if (status == STATUS_DONE && is_current(newest) && !str_eq_cstr(newest->version_id, "null"))
        status = demote(call, newest);
    return status;
}

enum status s3_put_version(struct call *call, const struct s3_bucket_row *bucket,
                           struct s3_object_row *object)
{
    const struct s3_object_row *removed = NULL;
    if (object->modified_at_ms == 0)
        object->modified_at_ms = call->now_ms;
    enum status status = make_room(call, bucket, object, &removed);
    if (status != STATUS_DONE)
        return status;
    object->is_latest = true;
    int rc = s3_store_put_current(call->db, object);
    return rc < 0 ? call_fail_internal(call, rc, "s3: put object") : STATUS_DONE;
}

/* ---- deleting ---- */

static enum status delete_unversioned(struct call *call, const struct s3_bucket_row *bucket,
                                      struct str key, struct s3_deletion *out)
{
    struct s3_object_row *newest = NULL;
    enum status status = find_newest(call, bucket->bucket_key, key, &newest);
    if (status != STATUS_DONE || !newest)
        return status;
    int rc = s3_store_delete_current(call->db, bucket->bucket_key, key);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: delete object");
    out->removed = newest;
    return s3_release_body(call, newest->body_key);
}

enum status s3_delete_current(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                              struct s3_deletion *out)
{
    *out = (struct s3_deletion){0};
    if (bucket->versioning == S3_UNVERSIONED)
        return delete_unversioned(call, bucket, key, out);
    struct s3_object_row *marker = arena_alloc(call->arena, sizeof(*marker));
    *marker = (struct s3_object_row){
        .key = key,
        .is_marker = true,
        .is_latest = true,
        .modified_at_ms = call->now_ms,
        .owner = bucket->account,
        .checksum_kind = CHECKSUM_KIND_COUNT,
    };
    enum status status = make_room(call, bucket, marker, &out->removed);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_delete_current(call->db, bucket->bucket_key, key);
    if (rc == 0)
        rc = s3_store_put_version(call->db, marker);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: put a delete marker");
    out->marker = marker;
    return STATUS_DONE;
}

/* With nothing current, the newest version becomes it unless it is a delete marker. */
static enum status promote(struct call *call, int64_t bucket_key, struct str key)
{
    struct s3_object_row *newest = NULL;
    enum status status = find_newest(call, bucket_key, key, &newest);
    if (status != STATUS_DONE || !newest || newest->is_marker)
        return status;
    int rc = s3_store_delete_version(call->db, newest);
    if (rc == 0)
        rc = s3_store_put_current(call->db, newest);
    return rc < 0 ? call_fail_internal(call, rc, "s3: make a version current") : STATUS_DONE;
}

enum status s3_delete_version(struct call *call, const struct s3_bucket_row *bucket,
                              const struct s3_object_row *version, struct s3_deletion *out)
{
    int rc = 0;
    *out = (struct s3_deletion){.removed = version};
    if (version->is_latest && !version->is_marker)
        rc = s3_store_delete_current(call->db, bucket->bucket_key, version->key);
    else
        rc = s3_store_delete_version(call->db, version);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: delete a version");
    enum status status = s3_release_body(call, version->body_key);
    if (status == STATUS_DONE && version->is_latest)
        status = promote(call, bucket->bucket_key, version->key);
    return status;
}
