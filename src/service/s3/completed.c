/* completed.c — what CompleteMultipartUpload answered, for those who ask again.
 *
 * An answer may be lost on its way, and clients then repeat the request with the upload id that is
 * used up. So each completion leaves a row of s3_completed, with what was answered. It counts for a
 * day. One workflow "s3.completed" per bucket removes what is older; it is started by the first
 * completion, ends when nothing is left, and does not need the bucket to be there still.
 *
 * Docs: S3 API reference, CompleteMultipartUpload: "if CompleteMultipartUpload fails, applications
 * should be prepared to retry any failed requests".
 */
#include "base/arena.h"
#include "service/s3/multipart.h"

enum {
    STEP_ROWS = 500, /* removed in one transaction */
};

/* How long S3 knows what it completed is not documented. */
#define KNOWN_MS (24LL * 60 * 60 * 1000)

enum status s3_keep_completed(struct call *call, const struct s3_completed *completed)
{
    struct str id = str_format(call->arena, "%lld", (long long)completed->object.bucket_key);
    int rc = s3_store_put_completed(call->db, completed);
    if (rc == 0)
        rc = workflow_exists(call, s3_completed_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: keep a completion");
    return rc == 1
               ? STATUS_DONE
               : workflow_start_at(call, s3_completed_kind.name, id, NULL, call->now_ms + KNOWN_MS);
}

enum status s3_find_completed(struct call *call, struct str key, struct str upload_id,
                              struct s3_completed **out)
{
    struct s3_completed *found = NULL;
    int rc = s3_store_find_completed(call->db, call->arena, upload_id, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a completion");
    const bool is_right = found && found->object.bucket_key == s3_bucket_of(call)->bucket_key &&
                          str_eq(found->object.key, key) &&
                          found->object.modified_at_ms > call->now_ms - KNOWN_MS;
    *out = is_right ? found : NULL;
    return STATUS_DONE;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    int64_t bucket_key = 0;
    int64_t oldest_ms = 0;
    *out_next = WORKFLOW_DONE;
    if (str_to_i64(workflow->id, &bucket_key) < 0)
        return STATUS_DONE;
    int rc = s3_store_delete_completed(call->db, bucket_key, call->now_ms - KNOWN_MS, STEP_ROWS);
    if (rc >= 0)
        rc = s3_store_oldest_completed(call->db, bucket_key, &oldest_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: forget completions");
    if (rc == 0)
        return STATUS_DONE;
    /* In the past when there were more than one step removes: then it runs again at once. */
    workflow->run_at_ms = oldest_ms + KNOWN_MS;
    *out_next = WORKFLOW_AGAIN;
    return STATUS_DONE;
}

const struct workflow_kind s3_completed_kind = {
    .name = STR_INIT("s3.completed"),
    .step = step,
};
