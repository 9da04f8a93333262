/* transfer.h — exports to and imports from S3. Private to transfer.c, export.c, import.c. */
#pragma once

#include "service/dynamodb/dynamodb.h"

/* One export or import. */
struct ddb_transfer {
    struct scope scope;
    struct str id; /* "01489602797149-73d8d5bc" */
    bool is_import;
    struct str table_arn;
    struct str token;  /* ClientToken, or empty */
    struct str digest; /* of the request, to tell a repetition from another one */
    int64_t created_at_ms;
    struct str description; /* JSON of the operation's description */
};

/* The row of an export or import by its ARN, or by the end of a workflow's id. 1, 0 or -errno. */
MUST_CHECK int ddb_transfer_find(struct call *call, struct str arn, bool is_import,
                                 struct ddb_transfer *out);
MUST_CHECK int ddb_transfer_find_id(struct call *call, struct str id, struct ddb_transfer *out);
/* Writes `description`, a struct that the describing operation answers. 0 or -errno. */
MUST_CHECK int ddb_transfer_write(struct call *call, struct ddb_transfer *transfer,
                                  const void *description);
/* Reads it into a zeroed struct. 0 or -errno. */
MUST_CHECK int ddb_transfer_read(struct call *call, const struct ddb_transfer *transfer, void *out);
/* A new row. An earlier request with the same token: *out_is_known, and its row in *transfer; with
 * another content the call fails. */
enum status ddb_transfer_begin(struct call *call, struct ddb_transfer *transfer, const void *in,
                               bool *out_is_known);
struct str ddb_transfer_arn(struct arena *arena, const struct ddb_transfer *transfer);
/* The bucket's scope for writing and reading as the account's root. 1, 0: no such bucket, -errno.
 */
MUST_CHECK int ddb_transfer_bucket(struct call *call, struct str bucket, struct scope *out_scope);
