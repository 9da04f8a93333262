/* import.c — ImportTable: a new table from objects in S3.
 *
 * The workflow first lists the objects under the prefix, then reads them one after the other and
 * puts a bounded number of lines per step, knowing by its state which object and line is next. What
 * is no item, or has not the table's key, counts as an error and is left out, as on AWS.
 *
 * Formats: DYNAMODB_JSON ({"Item": {...}} a line) and CSV, plain or gzip. Refused by name: ION,
 * ZSTD.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/item.h"
#include "service/dynamodb/transfer.h"
#include "service/s3/s3_public.h"
#include "syntax/gzip.h"
#include "syntax/json.h"
#include "wire/identity.h"
#include "wire/json_shape.h"

enum {
    STEP_LINES = 200,
    OBJECT_MAX_BYTES = 256 * 1024 * 1024, /* of an object, and of what it unpacks to */
    MAX_OBJECTS = 50000,                  /* AWS: objects of an import job */
    MAX_FIELDS = 256,                     /* of a line of CSV; a header has at most 255 */
};

/* --- the request --- */

static enum status check_request(struct call *call, const struct dynamodb_import_table_in *in)
{
    if (str_eq_cstr(in->input_format, "ION") || str_eq_cstr(in->input_compression_type, "ZSTD"))
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "InputFormat ION and InputCompressionType ZSTD are not implemented");
    const struct authorization list = {
        .action = STR("s3:ListBucket"),
        .resource = str_concat(call->arena, STR("arn:aws:s3:::"), in->s3_bucket_source->s3_bucket),
    };
    const struct authorization get = {
        .action = STR("s3:GetObject"),
        .resource = str_concat(call->arena, list.resource, STR("/*")),
    };
    enum status status = call_authorize(call, &list);
    return status == STATUS_DONE ? call_authorize(call, &get) : status;
}

static enum status make_table(struct call *call,
                              const struct dynamodb_table_creation_parameters *in,
                              struct ddb_table **out_table)
{
    const struct dynamodb_local_secondary_index_list none = {0};
    const struct ddb_schema_request schema = {
        .definitions = &in->attribute_definitions,
        .keys = &in->key_schema,
        .local = &none,
        .global = &in->global_secondary_indexes,
    };
    struct ddb_table *table = NULL;
    enum status status = ddb_check_name(call, in->table_name);
    if (status == STATUS_DONE)
        status = ddb_table_begin(call, call->scope, in->table_name, &table);
    if (status == STATUS_DONE)
        status = ddb_apply_billing(call, in->billing_mode, in->provisioned_throughput, table);
    if (status == STATUS_DONE)
        status = ddb_schema_apply(call, &schema, table);
    if (status == STATUS_DONE)
        status = ddb_apply_sse(call, in->sse_specification, table);
    if (status != STATUS_DONE)
        return status;
    if (table->is_on_demand)
        ddb_detail_set_i64(call->arena, table->detail, "OnDemandAt", call->now_ms);
    ddb_detail_set_bool(call->arena, table->detail, "Filling", true);
    *out_table = table;
    return ddb_table_insert(call, table);
}

static void describe(struct call *call, const struct dynamodb_import_table_in *in,
                     const struct ddb_table *table, const struct ddb_transfer *transfer,
                     struct dynamodb_import_table_description *out)
{
    *out = (struct dynamodb_import_table_description){
        .import_arn = ddb_transfer_arn(call->arena, transfer),
        .import_status = STR("IN_PROGRESS"),
        .table_arn = table->arn,
        .table_id = json_find_str(table->detail, "Id"),
        .client_token = in->client_token,
        .s3_bucket_source = in->s3_bucket_source,
        .error_count = opt_i64(0),
        .input_format = in->input_format,
        .input_format_options = in->input_format_options,
        .input_compression_type = str_or(in->input_compression_type, STR("NONE")),
        .table_creation_parameters = in->table_creation_parameters,
        .start_time = opt_i64(call->now_ms),
        .processed_size_bytes = opt_i64(0),
        .processed_item_count = opt_i64(0),
        .imported_item_count = opt_i64(0),
    };
}

enum status dynamodb_import_table(struct call *call, const struct dynamodb_import_table_in *in,
                                  struct dynamodb_import_table_out *out)
{
    struct ddb_table *table = NULL;
    struct ddb_transfer transfer = {
        .is_import = true,
        .token = str_or(in->client_token, STR("")),
    };
    bool is_known = false;
    enum status status = check_request(call, in);
    if (status == STATUS_DONE)
        status = ddb_transfer_begin(call, &transfer, in, &is_known);
    if (status == STATUS_DONE && !is_known)
        status = make_table(call, in->table_creation_parameters, &table);
    if (status != STATUS_DONE)
        return status;
    out->import_table_description =
        arena_alloc(call->arena, sizeof(*out->import_table_description));
    int rc = 0;
    if (is_known) {
        rc = ddb_transfer_read(call, &transfer, out->import_table_description);
        return rc < 0 ? call_fail_internal(call, rc, "dynamodb: read an import") : STATUS_DONE;
    }
    transfer.table_arn = table->arn;
    describe(call, in, table, &transfer, out->import_table_description);
    rc = ddb_transfer_write(call, &transfer, out->import_table_description);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: keep an import");
    struct json *state = json_new(call->arena, JSON_OBJECT);
    ddb_detail_set_i64(call->arena, state, "Table", table->table_key);
    return workflow_start(call, ddb_import_kind.name, transfer.id, state);
}

/* --- the workflow --- */

/* One import under way. */
struct job {
    struct call *call;
    struct ddb_transfer transfer;
    struct dynamodb_import_table_description import;
    struct ddb_table *table;
    struct scope bucket_scope;
    struct principal root;
    struct json *state;
};

/* The import is over without success: 0, or -errno when the store failed. */
static int refuse(struct job *job, const struct call_error *error)
{
    if (job->call->store_errno < 0)
        return job->call->store_errno;
    job->import.import_status = STR("FAILED");
    job->import.failure_code = error->error ? error->error->code : STR("UNKNOWN");
    job->import.failure_message = error->message;
    return 0;
}

/* A page of the objects' keys. 1: go on, 0: refused, or -errno. */
static int list_objects(struct job *job)
{
    struct arena *arena = job->call->arena;
    const struct s3_listing what = {
        .bucket = job->import.s3_bucket_source->s3_bucket,
        .prefix = job->import.s3_bucket_source->s3_key_prefix,
        .after = json_find_str(job->state, "After"),
    };
    struct str *names = NULL;
    size_t count = 0;
    bool has_more = false;
    struct call_error error = {0};
    if (s3_list_keys(job->call, &job->root, &job->bucket_scope, &what, &names, &count, &has_more,
                     &error) != STATUS_DONE)
        return refuse(job, &error);
    struct json *keys = json_find_cstr(job->state, "Keys");
    if (!keys) {
        keys = json_new(arena, JSON_ARRAY);
        json_append_member(job->state, STR("Keys"), keys);
    }
    for (size_t i = 0; i < count && keys->count < MAX_OBJECTS; i++)
        json_append(keys, json_new_string(arena, names[i]));
    if (has_more && count > 0 && keys->count < MAX_OBJECTS)
        ddb_detail_set_str(arena, job->state, "After", names[count - 1]);
    else
        ddb_detail_set_bool(arena, job->state, "Listed", true);
    return 1;
}

static int64_t counted(struct opt_i64 *counter, int64_t more)
{
    *counter = opt_i64(opt_i64_or(*counter, 0) + more);
    return counter->value;
}

/* Puts an item whatever was there; false in *out_is_good when it is not one of this table. */
static int put_item(struct job *job, struct ddb_value *item, bool *out_is_good)
{
    struct call *call = job->call;
    struct str message = {0};
    struct ddb_value old_item;
    struct ddb_write write = {.new_item = item, .is_replicated = true};
    *out_is_good =
        ddb_item_size(item) <= DDB_ITEM_SIZE_MAX &&
        ddb_check_item(call->arena, job->table, item, &message) == 0 &&
        ddb_item_key(call->arena, &job->table->keys, item, &write.hash, &write.range) == 0;
    if (!*out_is_good)
        return 0;
    int rc = ddb_item_find(call->db, call->arena, job->table->table_key, write.hash, write.range,
                           &write.old_blob);
    if (rc == 1) {
        rc = ddb_value_from_blob(call->arena, write.old_blob, &old_item);
        write.old_item = &old_item;
    }
    return rc < 0 ? rc : ddb_item_write(call, job->table, &write);
}

/* --- lines --- */

static bool read_json_line(struct job *job, struct str line, struct ddb_value *out)
{
    struct dynamodb_put_item_in in = {0};
    struct str message = {0};
    if (json_shape_decode(job->call->arena, dynamodb_operations[DYNAMODB_OP_PUT_ITEM].in, line, 0,
                          &in, &message) < 0 ||
        !in.item.is_set)
        return false;
    return ddb_item_from_api(job->call->arena, in.item.items, in.item.count, out, &message) == 0;
}

/* The next field of a line of CSV, without its quotes. */
static struct str next_field(struct arena *arena, struct str *rest, char delimiter)
{
    if (rest->len == 0 || rest->ptr[0] != '"') {
        struct str field = {0};
        (void)str_split_next(rest, delimiter, &field);
        return field;
    }
    char *text = arena_alloc_text(arena, rest->len);
    size_t len = 0;
    size_t at = 1;
    while (at < rest->len) {
        bool is_quote = rest->ptr[at] == '"';
        if (is_quote && (at + 1 == rest->len || rest->ptr[at + 1] != '"'))
            break;
        text[len++] = rest->ptr[at];
        at += is_quote ? 2 : 1;
    }
    struct str tail = str_from(*rest, at + 1);
    struct str skipped = {0};
    (void)str_split_next(&tail, delimiter, &skipped);
    *rest = tail;
    return str_of(text, len);
}

static size_t split_fields(struct arena *arena, struct str line, char delimiter,
                           struct str *out_fields)
{
    size_t count = 0;
    struct str rest = line;
    while (rest.ptr && count < MAX_FIELDS)
        out_fields[count++] = next_field(arena, &rest, delimiter);
    return count;
}

static char delimiter_of(const struct job *job)
{
    const struct dynamodb_input_format_options *options = job->import.input_format_options;
    bool is_given = options && options->csv && options->csv->delimiter.len == 1;
    return is_given ? options->csv->delimiter.ptr[0] : ',';
}

static const struct dynamodb_csv_header_list *given_header(const struct job *job)
{
    const struct dynamodb_input_format_options *options = job->import.input_format_options;
    return options && options->csv && options->csv->header_list.count > 0
               ? &options->csv->header_list
               : NULL;
}

/* AWS: all attributes of CSV are strings but those that AttributeDefinitions gives another type. */
static bool read_csv_line(struct job *job, const struct str *header, size_t header_count,
                          struct str line, struct ddb_value *out)
{
    struct arena *arena = job->call->arena;
    struct str *fields = arena_alloc_array(arena, MAX_FIELDS, sizeof(*fields));
    size_t count = split_fields(arena, line, delimiter_of(job), fields);
    const struct json *types = json_find_cstr(job->table->detail, "Attributes");
    struct dynamodb_attribute_map map = {
        .items = arena_alloc_array(arena, MAX_FIELDS, sizeof(*map.items)),
        .is_set = true,
    };
    struct str message = {0};
    if (count > header_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str type = str_or(json_find_str(types, str_to_cstr(arena, header[i])), STR("S"));
        struct dynamodb_attribute_value value = {0};
        if (str_eq_cstr(type, "N"))
            value.n = fields[i];
        else if (str_eq_cstr(type, "B"))
            value.b = fields[i];
        else
            value.s = fields[i];
        if (fields[i].len == 0) /* an empty field is no attribute */
            continue;
        map.items[map.count].key = header[i];
        map.items[map.count++].value = value;
    }
    return ddb_item_from_api(arena, map.items, map.count, out, &message) == 0;
}

/* The next line, without CR. Quotes do not span lines. */
static bool next_line(struct str text, size_t *at, struct str *out_line)
{
    if (*at >= text.len)
        return false;
    struct str rest = str_from(text, *at);
    ptrdiff_t end = str_index(rest, '\n');
    size_t len = end < 0 ? rest.len : (size_t)end;
    *at += end < 0 ? len : len + 1;
    *out_line = str_slice(rest, 0, len > 0 && rest.ptr[len - 1] == '\r' ? len - 1 : len);
    return true;
}

/* The text of the object that is next. 1, 0: refused, or -errno. */
static int read_object(struct job *job, struct str key, struct str *out_text)
{
    const struct s3_read what = {
        .bucket = job->import.s3_bucket_source->s3_bucket,
        .key = key,
        .max_bytes = OBJECT_MAX_BYTES,
    };
    struct call_error error = {0};
    if (s3_read_object(job->call, &job->root, &job->bucket_scope, &what, out_text, &error) !=
        STATUS_DONE)
        return refuse(job, &error);
    if (!str_eq_cstr(job->import.input_compression_type, "GZIP"))
        return 1;
    if (gzip_decompress(job->call->arena, *out_text, OBJECT_MAX_BYTES, out_text) == 0)
        return 1;
    error = (struct call_error){
        .error = &ERROR_VALIDATION,
        .message = str_concat(job->call->arena, STR("Object is not gzip: "), key),
    };
    return refuse(job, &error);
}

/* Names of the columns; skips them at the start of the object when they are its first line. */
static size_t read_header(struct job *job, struct str text, size_t *at, struct str *out_names)
{
    const struct dynamodb_csv_header_list *given = given_header(job);
    size_t count = 0;
    if (given) {
        for (; count < given->count && count < MAX_FIELDS; count++)
            out_names[count] = given->items[count];
        return count;
    }
    struct str line = {0};
    size_t first = 0;
    if (next_line(text, &first, &line))
        count = split_fields(job->call->arena, line, delimiter_of(job), out_names);
    if (*at < first)
        *at = first;
    return count;
}

/* The next lines of an object. 1 or -errno. */
static int read_lines(struct job *job, struct str text, size_t at)
{
    struct arena *arena = job->call->arena;
    struct str *header = arena_alloc_array(arena, MAX_FIELDS, sizeof(*header));
    bool is_csv = str_eq_cstr(job->import.input_format, "CSV");
    size_t header_count = is_csv ? read_header(job, text, &at, header) : 0;
    size_t from = at;
    struct str line = {0};
    int rc = 0;
    for (int i = 0; i < STEP_LINES && rc == 0 && next_line(text, &at, &line); i++) {
        struct ddb_value item;
        if (str_trim(line).len == 0)
            continue;
        bool is_good = is_csv ? read_csv_line(job, header, header_count, line, &item)
                              : read_json_line(job, line, &item);
        if (is_good)
            rc = put_item(job, &item, &is_good);
        (void)counted(&job->import.processed_item_count, 1);
        (void)counted(is_good ? &job->import.imported_item_count : &job->import.error_count, 1);
    }
    (void)counted(&job->import.processed_size_bytes, (int64_t)(at - from));
    if (rc < 0)
        return rc;
    bool is_over = at >= text.len;
    int64_t index = ddb_detail_i64(job->state, "Index", 0);
    ddb_detail_set_i64(arena, job->state, "Index", is_over ? index + 1 : index);
    ddb_detail_set_i64(arena, job->state, "Offset", is_over ? 0 : (int64_t)at);
    return 1;
}

static int find_bucket(struct job *job)
{
    int rc =
        ddb_transfer_bucket(job->call, job->import.s3_bucket_source->s3_bucket, &job->bucket_scope);
    if (rc != 0)
        return rc;
    job->import.import_status = STR("FAILED");
    job->import.failure_code = STR("S3NoSuchBucket");
    job->import.failure_message = STR("The specified bucket does not exist");
    return 0;
}

/* 1: go on, 0: over, or -errno. */
static int advance(struct job *job)
{
    int rc = find_bucket(job);
    if (rc <= 0)
        return rc;
    if (!ddb_detail_bool(job->state, "Listed"))
        return list_objects(job);
    int64_t index = ddb_detail_i64(job->state, "Index", 0);
    const struct json *keys = json_find_cstr(job->state, "Keys");
    const struct json *key = keys->first;
    for (int64_t i = 0; i < index && key; i++)
        key = key->next;
    if (!key) {
        job->import.import_status = STR("COMPLETED");
        return 0;
    }
    struct str text = {0};
    rc = read_object(job, key->text, &text);
    return rc <= 0 ? rc : read_lines(job, text, (size_t)ddb_detail_i64(job->state, "Offset", 0));
}

/* AWS: a table whose import failed stays, empty or with what came before. */
static enum status finish_table(struct call *call, struct ddb_table *table)
{
    (void)json_remove(table->detail, STR("Filling"));
    enum status status = ddb_table_save(call, table);
    return status == STATUS_DONE ? ddb_table_schedule(call, table) : status;
}

static enum status import_step(struct call *call, struct workflow *workflow,
                               enum workflow_next *out_next)
{
    struct job job = {
        .call = call,
        .root = identity_root(call->arena, call->scope.account),
        .state = workflow->state,
    };
    int rc = ddb_transfer_find_id(call, workflow->id, &job.transfer);
    if (rc == 1)
        rc = ddb_transfer_read(call, &job.transfer, &job.import) < 0 ? -EIO : 1;
    if (rc == 1)
        rc = ddb_table_find_by_key(call, ddb_detail_i64(workflow->state, "Table", 0), &job.table);
    if (rc == 1)
        rc = advance(&job);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: import a table");
    *out_next = rc == 1 ? WORKFLOW_AGAIN : WORKFLOW_DONE;
    if (rc == 0)
        job.import.end_time = opt_i64(call->now_ms);
    if (job.table)
        rc = ddb_transfer_write(call, &job.transfer, &job.import);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: note an import");
    return *out_next == WORKFLOW_DONE && job.table ? finish_table(call, job.table) : STATUS_DONE;
}

const struct workflow_kind ddb_import_kind = {
    .name = STR_INIT("dynamodb.import"),
    .step = import_step,
};
