/* transfer.c — what exports and imports have in common: rows, tokens, listing.
 *
 * A row holds what DescribeExport or DescribeImport answers, as JSON of that shape, so that
 * describing is reading it back. The work is done by workflows (export.c, import.c).
 *
 * Docs: developer guide, "DynamoDB data export to Amazon S3", "DynamoDB data import from Amazon
 * S3".
 */
#include "service/dynamodb/transfer.h"

#include <errno.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/s3_public.h"
#include "wire/json_shape.h"

enum {
    LIST_MAX = 25,                       /* AWS: ListExports and ListImports, at most */
    TOKEN_LIFE_MS = 8 * 60 * 60 * 1000,  /* AWS: a client token is valid for 8 hours */
    DESCRIPTION_MAX_BYTES = 1024 * 1024, /* of a table's creation parameters and names */
};

static const struct shape *description_shape(bool is_import)
{
    enum dynamodb_op op = is_import ? DYNAMODB_OP_DESCRIBE_IMPORT : DYNAMODB_OP_DESCRIBE_EXPORT;
    return dynamodb_operations[op].out->members[0].shape;
}

struct str ddb_transfer_arn(struct arena *arena, const struct ddb_transfer *transfer)
{
    return str_concat3(arena, transfer->table_arn,
                       transfer->is_import ? STR("/import/") : STR("/export/"), transfer->id);
}

int ddb_transfer_write(struct call *call, struct ddb_transfer *transfer, const void *description)
{
    struct buf text;
    buf_init(&text, call->arena, DESCRIPTION_MAX_BYTES);
    json_shape_encode(&text, NULL, description_shape(transfer->is_import), description, 0);
    if (text.is_full)
        return -E2BIG;
    transfer->description = buf_str(&text);
    return ddb_store_put_transfer(call->db, transfer);
}

int ddb_transfer_read(struct call *call, const struct ddb_transfer *transfer, void *out)
{
    struct str message = {0};
    return json_shape_decode(call->arena, description_shape(transfer->is_import),
                             transfer->description, 0, out, &message);
}

int ddb_transfer_find_id(struct call *call, struct str id, struct ddb_transfer *out)
{
    return ddb_store_find_transfer(call->db, call->arena, call->scope, id, out);
}

int ddb_transfer_find(struct call *call, struct str arn, bool is_import, struct ddb_transfer *out)
{
    struct ddb_name name;
    struct ddb_transfer found;
    if (ddb_name_read(call, arn, &name) < 0 ||
        !str_eq_cstr(name.kind, is_import ? "import" : "export"))
        return 0;
    int rc = ddb_transfer_find_id(call, name.rest, &found);
    if (rc != 1)
        return rc;
    if (found.is_import != is_import || !str_eq(ddb_transfer_arn(call->arena, &found), arn))
        return 0;
    *out = found;
    return 1;
}

enum status ddb_transfer_begin(struct call *call, struct ddb_transfer *transfer, const void *in,
                               bool *out_is_known)
{
    struct buf text;
    buf_init(&text, call->arena, DESCRIPTION_MAX_BYTES);
    json_shape_encode(&text, NULL, call->operation->in, in, 0);
    transfer->digest = digest_sha256_hex(call->arena, buf_str(&text));
    *out_is_known = false;
    if (transfer->token.len > 0) {
        struct ddb_transfer earlier;
        int rc =
            ddb_store_find_transfer_token(call->db, call->arena, call->scope, transfer->is_import,
                                          transfer->token, call->now_ms - TOKEN_LIFE_MS, &earlier);
        if (rc < 0)
            return call_fail_internal(call, rc, "dynamodb: find a client token");
        if (rc == 1 && !str_eq(earlier.digest, transfer->digest))
            return call_fail(call,
                             transfer->is_import ? &DYNAMODB_IMPORT_CONFLICT_EXCEPTION
                                                 : &DYNAMODB_EXPORT_CONFLICT_EXCEPTION,
                             "A request with the same client token and other parameters was made "
                             "before");
        *out_is_known = rc == 1;
        if (rc == 1)
            *transfer = earlier;
    }
    if (*out_is_known)
        return STATUS_DONE;
    transfer->id = str_format(call->arena, "%014lld-%08llx", (long long)call->now_ms,
                              (unsigned long long)rand_below(1ULL << 32));
    transfer->scope = call->scope;
    transfer->created_at_ms = call->now_ms;
    return STATUS_DONE;
}

int ddb_transfer_bucket(struct call *call, struct str bucket, struct scope *out_scope)
{
    struct str region = {0};
    if (s3_region_of(call, bucket, &region) != STATUS_DONE)
        return call->store_errno < 0 ? call->store_errno : -EIO;
    if (!region.ptr)
        return 0;
    *out_scope = (struct scope){.account = call->scope.account, .region = region};
    return 1;
}

/* --- describing and listing --- */

enum status dynamodb_describe_export(struct call *call,
                                     const struct dynamodb_describe_export_in *in,
                                     struct dynamodb_describe_export_out *out)
{
    struct ddb_transfer transfer;
    int rc = ddb_transfer_find(call, in->export_arn, false, &transfer);
    if (rc == 0)
        return call_fail(call, &DYNAMODB_EXPORT_NOT_FOUND_EXCEPTION, "Export not found: " STR_FMT,
                         STR_ARG(in->export_arn));
    out->export_description = arena_alloc(call->arena, sizeof(*out->export_description));
    if (rc == 1)
        rc = ddb_transfer_read(call, &transfer, out->export_description);
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: read an export") : STATUS_DONE;
}

enum status dynamodb_describe_import(struct call *call,
                                     const struct dynamodb_describe_import_in *in,
                                     struct dynamodb_describe_import_out *out)
{
    struct ddb_transfer transfer;
    int rc = ddb_transfer_find(call, in->import_arn, true, &transfer);
    if (rc == 0)
        return call_fail(call, &DYNAMODB_IMPORT_NOT_FOUND_EXCEPTION, "Import not found: " STR_FMT,
                         STR_ARG(in->import_arn));
    out->import_table_description =
        arena_alloc(call->arena, sizeof(*out->import_table_description));
    if (rc == 1)
        rc = ddb_transfer_read(call, &transfer, out->import_table_description);
    return rc < 0 ? call_fail_internal(call, rc, "dynamodb: read an import") : STATUS_DONE;
}

/* A page of rows; the count, or -errno. One more than `limit` says that there are more. */
static int64_t list(struct call *call, bool is_import, struct str table_arn, struct str after,
                    int64_t limit, struct ddb_transfer *out)
{
    return ddb_store_list_transfers(call->db, call->arena, call->scope, is_import,
                                    str_or(table_arn, STR("")), str_or(after, STR("")), limit + 1,
                                    out);
}

enum status dynamodb_list_exports(struct call *call, const struct dynamodb_list_exports_in *in,
                                  struct dynamodb_list_exports_out *out)
{
    struct ddb_transfer rows[LIST_MAX + 1];
    int64_t limit = opt_i32_or(in->max_results, LIST_MAX);
    int64_t count = list(call, false, in->table_arn, in->next_token, limit, rows);
    int rc = count < 0 ? (int)count : 0;
    out->export_summaries.items =
        arena_alloc_array(call->arena, LIST_MAX, sizeof(*out->export_summaries.items));
    out->export_summaries.is_set = true;
    for (int64_t i = 0; i < count && i < limit && rc == 0; i++) {
        struct dynamodb_export_description description = {0};
        rc = ddb_transfer_read(call, &rows[i], &description);
        out->export_summaries.items[out->export_summaries.count++] =
            (struct dynamodb_export_summary){
                .export_arn = description.export_arn,
                .export_status = description.export_status,
                .export_type = description.export_type,
            };
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: list exports");
    if (count > limit)
        out->next_token = rows[limit - 1].id;
    return STATUS_DONE;
}

enum status dynamodb_list_imports(struct call *call, const struct dynamodb_list_imports_in *in,
                                  struct dynamodb_list_imports_out *out)
{
    struct ddb_transfer rows[LIST_MAX + 1];
    int64_t limit = opt_i32_or(in->page_size, LIST_MAX);
    int64_t count = list(call, true, in->table_arn, in->next_token, limit, rows);
    int rc = count < 0 ? (int)count : 0;
    out->import_summary_list.items =
        arena_alloc_array(call->arena, LIST_MAX, sizeof(*out->import_summary_list.items));
    out->import_summary_list.is_set = true;
    for (int64_t i = 0; i < count && i < limit && rc == 0; i++) {
        struct dynamodb_import_table_description description = {0};
        rc = ddb_transfer_read(call, &rows[i], &description);
        out->import_summary_list.items[out->import_summary_list.count++] =
            (struct dynamodb_import_summary){
                .import_arn = description.import_arn,
                .import_status = description.import_status,
                .table_arn = description.table_arn,
                .s3_bucket_source = description.s3_bucket_source,
                .input_format = description.input_format,
                .start_time = description.start_time,
                .end_time = description.end_time,
            };
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: list imports");
    if (count > limit)
        out->next_token = rows[limit - 1].id;
    return STATUS_DONE;
}
