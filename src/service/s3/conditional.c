/* conditional.c — conditional reads, writes and deletes.
 *
 * RFC 9110, 13.2.2 gives the order; times count in whole seconds, as Last-Modified shows them.
 * AWS: S3 user guide, "Add preconditions to S3 operations with conditional requests".
 */
#include "service/s3/conditional.h"

#include "service/s3/bucket.h"
#include "syntax/time.h"

enum {
    SECOND_MS = 1000,
};

static enum status refuse(struct call *call, const char *condition)
{
    return s3_fail(call, &S3_PRECONDITION_FAILED,
                   &(struct s3_fault_details_error){.condition = str_from_cstr(condition)},
                   "At least one of the pre-conditions you specified did not hold");
}

/* Whether a list of entity tags names the object. Clients send them with quotes and without. */
static bool matches(struct str tags, const struct s3_object_row *object)
{
    struct str tag;
    while (str_split_next(&tags, ',', &tag)) {
        tag = str_trim(tag);
        if (str_starts_with(tag, STR("W/")))
            tag = str_from(tag, 2);
        if (tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"')
            tag = str_slice(tag, 1, tag.len - 2);
        if (str_eq_cstr(tag, "*") || str_eq(tag, object->etag))
            return true;
    }
    return false;
}

static bool is_modified_since(const struct s3_object_row *object, int64_t time_ms)
{
    return object->modified_at_ms / SECOND_MS > time_ms / SECOND_MS;
}

static enum status not_modified(struct call *call, const struct s3_object_row *object)
{
    call_add_header(call, STR("ETag"),
                    str_format(call->arena, "\"" STR_FMT "\"", STR_ARG(object->etag)));
    call_add_header(call, STR("Last-Modified"), time_http(call->arena, object->modified_at_ms));
    return call_fail(call, &S3_NOT_MODIFIED, "Not Modified");
}

enum status s3_check_read(struct call *call, const struct s3_conditions *conditions,
                          const struct s3_object_row *object)
{
    if (str_is_set(conditions->if_match)) {
        if (!matches(conditions->if_match, object))
            return refuse(call, "If-Match");
    } else if (conditions->if_unmodified_since.is_set &&
               is_modified_since(object, conditions->if_unmodified_since.value)) {
        return refuse(call, "If-Unmodified-Since");
    }
    if (str_is_set(conditions->if_none_match)) {
        if (matches(conditions->if_none_match, object))
            return not_modified(call, object);
    } else if (conditions->if_modified_since.is_set &&
               conditions->if_modified_since.value <= call->now_ms &&
               !is_modified_since(object, conditions->if_modified_since.value)) {
        return not_modified(call, object);
    }
    return STATUS_DONE;
}

enum status s3_check_source(struct call *call, const struct s3_conditions *conditions,
                            const struct s3_object_row *object)
{
    if (str_is_set(conditions->if_match)) {
        if (!matches(conditions->if_match, object))
            return refuse(call, "x-amz-copy-source-If-Match");
    } else if (conditions->if_unmodified_since.is_set &&
               is_modified_since(object, conditions->if_unmodified_since.value)) {
        return refuse(call, "x-amz-copy-source-If-Unmodified-Since");
    }
    if (str_is_set(conditions->if_none_match)) {
        if (matches(conditions->if_none_match, object))
            return refuse(call, "x-amz-copy-source-If-None-Match");
    } else if (conditions->if_modified_since.is_set &&
               !is_modified_since(object, conditions->if_modified_since.value)) {
        return refuse(call, "x-amz-copy-source-If-Modified-Since");
    }
    return STATUS_DONE;
}

static enum status refuse_header(struct call *call, const char *header)
{
    return s3_fail(call, &S3_NOT_IMPLEMENTED,
                   &(struct s3_fault_details_error){.header = str_from_cstr(header),
                                                    .additional_message =
                                                        STR("We don't accept the provided value of "
                                                            "this header for this operation")},
                   "A header you provided implies functionality that is not implemented");
}

enum status s3_check_write(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                           struct str if_match, struct str if_none_match)
{
    struct s3_object_row *current = NULL;
    if (!str_is_set(if_match) && !str_is_set(if_none_match))
        return STATUS_DONE;
    /* AWS: PutObject takes If-None-Match with "*" and If-Match with an ETag, one of both. */
    if (str_is_set(if_none_match) && !str_eq_cstr(str_trim(if_none_match), "*"))
        return refuse_header(call, "If-None-Match");
    if (str_is_set(if_match) && (str_is_set(if_none_match) || str_eq_cstr(str_trim(if_match), "*")))
        return refuse_header(call, "If-Match");
    int rc = s3_store_find_object(call->db, call->arena, bucket->bucket_key, key, (struct str){0},
                                  &current);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find object");
    const bool is_there = current && !current->is_marker;
    if (str_is_set(if_none_match))
        return is_there ? refuse(call, "If-None-Match") : STATUS_DONE;
    if (!is_there)
        return s3_no_such_key(call, bucket, key);
    return matches(if_match, current) ? STATUS_DONE : refuse(call, "If-Match");
}

enum status s3_check_delete(struct call *call, struct str if_match, struct opt_i64 if_modified_at,
                            struct opt_i64 if_size, const struct s3_object_row *object)
{
    /* AWS: "This functionality is only supported for directory buckets." */
    if (if_modified_at.is_set)
        return refuse_header(call, "x-amz-if-match-last-modified-time");
    if (if_size.is_set)
        return refuse_header(call, "x-amz-if-match-size");
    if (!str_is_set(if_match))
        return STATUS_DONE;
    if (!object)
        return s3_fail(call, &S3_NO_SUCH_KEY, NULL, "The specified key does not exist.");
    if (object->is_marker || !matches(if_match, object))
        return refuse(call, "If-Match");
    return STATUS_DONE;
}
