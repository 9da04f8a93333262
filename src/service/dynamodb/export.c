/* export.c — ExportTableToPointInTime: a table as it was at a moment, as files in S3.
 *
 * First a copy (copy.c) puts the items of the moment aside, while the table goes on changing; then
 * the workflow writes a file of them per step, and the manifests at the end:
 *
 *   PREFIX/AWSDynamoDB/ID/data/NAME.json.gz     {"Item": {...}} a line
 *   PREFIX/AWSDynamoDB/ID/manifest-files.json   a line for each of those
 *   PREFIX/AWSDynamoDB/ID/manifest-summary.json and both manifests' .md5; _started when it begins
 *
 * Refused by name: the format ION, incremental exports.
 */
#include <errno.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/dynamodb/transfer.h"
#include "service/s3/s3_public.h"
#include "syntax/base64.h"
#include "syntax/gzip.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "wire/identity.h"
#include "wire/json_shape.h"

enum {
    FILE_ROWS = 500, /* of a step, and so of a file */
    FILE_MAX_BYTES = 500 * 1024 * 1024,
    NAME_CHARS = 26, /* OBSERVED: names of data files */
    PITR_DAYS = 35,
};

/* --- the request --- */

static enum status check_request(struct call *call,
                                 const struct dynamodb_export_table_to_point_in_time_in *in,
                                 const struct ddb_table *table, int64_t at_ms)
{
    if (str_eq_cstr(in->export_format, "ION") || str_eq_cstr(in->export_type, "INCREMENTAL_EXPORT"))
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "ExportFormat ION and ExportType INCREMENTAL_EXPORT are not implemented");
    const struct json *pitr = json_find_cstr(table->detail, "Pitr");
    if (!ddb_detail_bool(pitr, "Enabled"))
        return call_fail(call, &DYNAMODB_POINT_IN_TIME_RECOVERY_UNAVAILABLE_EXCEPTION,
                         "Point in time recovery is not enabled for table '" STR_FMT "'",
                         STR_ARG(table->name));
    int64_t kept_ms = ddb_detail_i64(pitr, "Days", PITR_DAYS) * (int64_t)DDB_DAY_MS;
    int64_t since_ms = ddb_detail_i64(pitr, "Since", 0);
    if (at_ms > call->now_ms || at_ms / 1000 < since_ms / 1000 || at_ms < call->now_ms - kept_ms)
        return call_fail(call, &DYNAMODB_INVALID_EXPORT_TIME_EXCEPTION,
                         "ExportTime must be between EarliestRestorableDateTime and "
                         "LatestRestorableDateTime");
    const struct authorization put = {
        .action = STR("s3:PutObject"),
        .resource = str_format(call->arena, "arn:aws:s3:::" STR_FMT "/" STR_FMT "*",
                               STR_ARG(in->s3_bucket), STR_ARG(in->s3_prefix)),
    };
    return call_authorize(call, &put);
}

static struct str folder_of(struct arena *arena, const struct dynamodb_export_description *export,
                            struct str id)
{
    bool has_prefix = export->s3_prefix.len > 0;
    return str_format(arena, STR_FMT "%sAWSDynamoDB/" STR_FMT "/", STR_ARG(export->s3_prefix),
                      has_prefix ? "/" : "", STR_ARG(id));
}

static void describe(struct call *call, const struct dynamodb_export_table_to_point_in_time_in *in,
                     const struct ddb_table *table, const struct ddb_transfer *transfer,
                     int64_t at_ms, struct dynamodb_export_description *out)
{
    *out = (struct dynamodb_export_description){
        .export_arn = ddb_transfer_arn(call->arena, transfer),
        .export_status = STR("IN_PROGRESS"),
        .start_time = opt_i64(call->now_ms),
        .table_arn = table->arn,
        .table_id = json_find_str(table->detail, "Id"),
        .export_time = opt_i64(at_ms),
        .client_token = in->client_token,
        .s3_bucket = in->s3_bucket,
        .s3_bucket_owner = in->s3_bucket_owner,
        .s3_prefix = in->s3_prefix,
        .s3_sse_algorithm = str_or(in->s3_sse_algorithm, STR("AES256")),
        .s3_sse_kms_key_id = in->s3_sse_kms_key_id,
        .export_format = STR("DYNAMODB_JSON"),
        .export_type = STR("FULL_EXPORT"),
    };
}

static enum status start(struct call *call, struct ddb_table *table,
                         const struct ddb_transfer *transfer, int64_t at_ms)
{
    struct ddb_copy copy = {
        .source_key = table->table_key,
        .target_scope = table->scope,
        .target_table = table->name,
        .backup_id = transfer->id,
        .epoch = -1,
        .at_ms = at_ms,
    };
    int rc = ddb_store_next_key(call->db, &copy.target_key);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: number an export");
    enum status status = ddb_copy_begin(call, table);
    return status == STATUS_DONE ? ddb_copy_start(call, &copy) : status;
}

enum status
dynamodb_export_table_to_point_in_time(struct call *call,
                                       const struct dynamodb_export_table_to_point_in_time_in *in,
                                       struct dynamodb_export_table_to_point_in_time_out *out)
{
    struct ddb_table *table = NULL;
    struct ddb_transfer transfer = {.token = str_or(in->client_token, STR(""))};
    int64_t at_ms = opt_i64_or(in->export_time, call->now_ms);
    bool is_known = false;
    enum status status = ddb_table_need_other(call, in->table_arn, &table);
    if (status == STATUS_DONE)
        status = check_request(call, in, table, at_ms);
    if (status != STATUS_DONE)
        return status;
    transfer.table_arn = table->arn;
    status = ddb_transfer_begin(call, &transfer, in, &is_known);
    if (status != STATUS_DONE)
        return status;
    out->export_description = arena_alloc(call->arena, sizeof(*out->export_description));
    if (!is_known)
        describe(call, in, table, &transfer, at_ms, out->export_description);
    int rc = is_known ? ddb_transfer_read(call, &transfer, out->export_description)
                      : ddb_transfer_write(call, &transfer, out->export_description);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: keep an export");
    return is_known ? STATUS_DONE : start(call, table, &transfer, at_ms);
}

enum status ddb_export_begin(struct call *call, struct str id, int64_t items_key)
{
    struct json *state = json_new(call->arena, JSON_OBJECT);
    ddb_detail_set_i64(call->arena, state, "Items", items_key);
    return workflow_start(call, ddb_export_kind.name, id, state);
}

/* --- the workflow --- */

/* One export under way. */
struct job {
    struct call *call;
    struct ddb_transfer transfer;
    struct dynamodb_export_description export;
    struct scope bucket_scope;
    struct principal root;
    struct str folder;
    struct json *state;
};

/* 1: written, 0: refused (the export is FAILED then), or -errno. */
static int put_object(struct job *job, const char *name, struct str text, const char *type)
{
    struct call *call = job->call;
    struct call_error error = {0};
    bool is_kms = str_eq_cstr(job->export.s3_sse_algorithm, "KMS");
    const struct s3_write what = {
        .bucket = job->export.s3_bucket,
        .key = str_concat(call->arena, job->folder, str_from_cstr(name)),
        .content_type = str_from_cstr(type),
        .text = text,
        .server_side_encryption = is_kms ? STR("aws:kms") : STR("AES256"),
        .kms_key = job->export.s3_sse_kms_key_id,
    };
    if (s3_write_object(call, &job->root, &job->bucket_scope, &what, &error) == STATUS_DONE)
        return 1;
    if (call->store_errno < 0)
        return call->store_errno;
    job->export.export_status = STR("FAILED");
    job->export.failure_code = error.error ? error.error->code : STR("UNKNOWN");
    job->export.failure_message = error.message;
    return 0;
}

static struct str md5_text(struct arena *arena, struct str bytes)
{
    unsigned char sum[DIGEST_MD5_SIZE];
    digest_md5(bytes, sum);
    return base64_encode_str(arena, str_of((const char *)sum, sizeof(sum)));
}

static int write_items(struct job *job, const struct ddb_item_row *rows, int64_t count,
                       struct buf *out)
{
    /* The member Item of PutItem is a map of attribute values. */
    const struct member *item = NULL;
    const struct shape *shape = dynamodb_operations[DYNAMODB_OP_PUT_ITEM].in;
    for (size_t i = 0; i < shape->member_count; i++) {
        if (str_eq_cstr(shape->members[i].name, "Item"))
            item = &shape->members[i];
    }
    CHECK(item);
    for (int64_t i = 0; i < count; i++) {
        struct ddb_value value;
        int rc = ddb_value_from_blob(job->call->arena, rows[i].blob, &value);
        if (rc < 0)
            return rc;
        const struct dynamodb_attribute_map map = {
            .items = ddb_item_to_api(job->call->arena, &value),
            .count = value.count,
            .is_set = true,
        };
        buf_append_cstr(out, "{\"Item\":");
        json_shape_encode_slot(out, NULL, item, &map, 0);
        buf_append_cstr(out, "}\n");
    }
    return out->is_full ? -EFBIG : 0;
}

static void note_file(struct job *job, struct str name, int64_t count, struct str file)
{
    struct arena *arena = job->call->arena;
    struct json *files = json_find_cstr(job->state, "Files");
    if (!files) {
        files = json_new(arena, JSON_ARRAY);
        json_append_member(job->state, STR("Files"), files);
    }
    unsigned char sum[DIGEST_MD5_SIZE];
    digest_md5(file, sum);
    struct json *one = json_new(arena, JSON_OBJECT);
    ddb_detail_set_i64(arena, one, "itemCount", count);
    ddb_detail_set_str(arena, one, "md5Checksum", md5_text(arena, file));
    ddb_detail_set_str(arena, one, "etag", digest_hex(arena, sum, sizeof(sum)));
    ddb_detail_set_str(arena, one, "dataFileS3Key", str_concat(arena, job->folder, name));
    json_append(files, one);
}

/* A file of the next items. 1: there may be more, 0: that was all or it failed, or -errno. */
static int write_file(struct job *job)
{
    struct arena *arena = job->call->arena;
    struct ddb_item_row *rows = arena_alloc_array(arena, FILE_ROWS, sizeof(*rows));
    struct str hash = STR("");
    struct str range = STR("");
    if (base64_decode(arena, str_or(json_find_str(job->state, "Hash"), STR("")), &hash) < 0 ||
        base64_decode(arena, str_or(json_find_str(job->state, "Range"), STR("")), &range) < 0)
        return -EINVAL;
    int64_t count = ddb_store_page_items(
        job->call->db, arena, ddb_detail_i64(job->state, "Items", 0), hash, range, FILE_ROWS, rows);
    if (count <= 0)
        return (int)count;
    struct buf text;
    buf_init(&text, arena, FILE_MAX_BYTES);
    int rc = write_items(job, rows, count, &text);
    if (rc < 0)
        return rc;
    struct str name = str_concat3(
        arena, STR("data/"),
        rand_text(arena, STR("abcdefghijklmnopqrstuvwxyz0123456789"), NAME_CHARS), STR(".json.gz"));
    struct str file = gzip_compress(arena, buf_str(&text));
    rc = put_object(job, str_to_cstr(arena, name), file, "application/gzip");
    if (rc <= 0)
        return rc;
    note_file(job, name, count, file);
    const struct ddb_item_row *last = &rows[count - 1];
    ddb_detail_set_str(arena, job->state, "Hash", base64_encode_str(arena, last->hash));
    ddb_detail_set_str(arena, job->state, "Range", base64_encode_str(arena, last->range));
    ddb_detail_set_i64(arena, job->state, "Count", ddb_detail_i64(job->state, "Count", 0) + count);
    ddb_detail_set_i64(arena, job->state, "Bytes",
                       ddb_detail_i64(job->state, "Bytes", 0) + (int64_t)text.len);
    return 1;
}

static struct str summary_text(struct job *job)
{
    struct arena *arena = job->call->arena;
    const struct dynamodb_export_description *export = &job->export;
    const struct {
        const char *name;
        struct str text;
    } members[] = {
        {"version", STR("2020-06-30")},
        {"exportArn", export->export_arn},
        {"startTime", time_rfc3339_ms(arena, export->start_time.value)},
        {"endTime", time_rfc3339_ms(arena, job->call->now_ms)},
        {"tableArn", export->table_arn},
        {"tableId", export->table_id},
        {"exportTime", time_rfc3339_ms(arena, export->export_time.value)},
        {"s3Bucket", export->s3_bucket},
        {"s3Prefix", export->s3_prefix},
        {"s3SseAlgorithm", export->s3_sse_algorithm},
        {"s3SseKmsKeyId", export->s3_sse_kms_key_id},
        {"manifestFilesS3Key", str_concat(arena, job->folder, STR("manifest-files.json"))},
        {"outputFormat", STR("DYNAMODB_JSON")},
        {"exportType", STR("FULL_EXPORT")},
    };
    struct json *summary = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct json *value = members[i].text.ptr ? json_new_string(arena, members[i].text)
                                                 : json_new(arena, JSON_NULL);
        json_append_member(summary, str_from_cstr(members[i].name), value);
    }
    ddb_detail_set_i64(arena, summary, "billedSizeBytes", ddb_detail_i64(job->state, "Bytes", 0));
    ddb_detail_set_i64(arena, summary, "itemCount", ddb_detail_i64(job->state, "Count", 0));
    return json_to_str(arena, summary);
}

static int write_manifests(struct job *job)
{
    struct arena *arena = job->call->arena;
    struct buf lines;
    buf_init(&lines, arena, FILE_MAX_BYTES);
    const struct json *files = json_find_cstr(job->state, "Files");
    for (const struct json *one = files ? files->first : NULL; one; one = one->next) {
        json_write(&lines, one, 0);
        buf_append_char(&lines, '\n');
    }
    struct str summary = summary_text(job);
    int rc = put_object(job, "manifest-files.json", buf_str(&lines), "application/json");
    if (rc == 1)
        rc = put_object(job, "manifest-files.md5", md5_text(arena, buf_str(&lines)), "text/plain");
    if (rc == 1)
        rc = put_object(job, "manifest-summary.json", summary, "application/json");
    if (rc == 1)
        rc = put_object(job, "manifest-summary.md5", md5_text(arena, summary), "text/plain");
    if (rc <= 0)
        return rc;
    job->export.export_status = STR("COMPLETED");
    job->export.export_manifest = str_concat(arena, job->folder, STR("manifest-summary.json"));
    job->export.item_count = opt_i64(ddb_detail_i64(job->state, "Count", 0));
    job->export.billed_size_bytes = opt_i64(ddb_detail_i64(job->state, "Bytes", 0));
    return 0;
}

/* 1: go on, 0: over, or -errno. */
static int advance(struct job *job)
{
    int rc = ddb_transfer_bucket(job->call, job->export.s3_bucket, &job->bucket_scope);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        job->export.export_status = STR("FAILED");
        job->export.failure_code = STR("S3NoSuchBucket");
        job->export.failure_message = STR("The specified bucket does not exist");
        return 0;
    }
    if (!ddb_detail_bool(job->state, "Started")) {
        rc = put_object(job, "_started", STR(""), "binary/octet-stream");
        ddb_detail_set_bool(job->call->arena, job->state, "Started", true);
        return rc;
    }
    rc = write_file(job);
    bool is_failed = str_eq_cstr(job->export.export_status, "FAILED");
    return rc == 0 && !is_failed ? write_manifests(job) : rc;
}

static enum status export_step(struct call *call, struct workflow *workflow,
                               enum workflow_next *out_next)
{
    struct job job = {
        .call = call,
        .root = identity_root(call->arena, call->scope.account),
        .state = workflow->state,
    };
    int rc = ddb_transfer_find_id(call, workflow->id, &job.transfer);
    if (rc == 1)
        rc = ddb_transfer_read(call, &job.transfer, &job.export) < 0 ? -EIO : 1;
    if (rc == 1) {
        job.folder = folder_of(call->arena, &job.export, job.transfer.id);
        rc = advance(&job);
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: export a table");
    *out_next = rc == 1 ? WORKFLOW_AGAIN : WORKFLOW_DONE;
    if (rc == 1)
        return STATUS_DONE;
    job.export.end_time = opt_i64(call->now_ms);
    rc = ddb_transfer_write(call, &job.transfer, &job.export);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: end an export");
    return ddb_purge_items(call, ddb_detail_i64(workflow->state, "Items", 0));
}

const struct workflow_kind ddb_export_kind = {
    .name = STR_INIT("dynamodb.export"),
    .step = export_step,
};
