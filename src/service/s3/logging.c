/* logging.c — server access logs: a line per request, delivered as objects.
 *
 * The `finish` hook must not write, and the answer is not sent yet when it runs. So a line is
 * handed to the worker's loop and written in a transaction of its own, after that of the request; a
 * line that is lost in between is what AWS calls best effort. A workflow per bucket collects the
 * lines of a minute and puts them as one object into the target bucket, as
 * logging.s3.amazonaws.com, which the target's policy or list must let in.
 *
 * Docs: S3 user guide, "Logging requests with server access logging", "Amazon S3 server access log
 * format".
 */
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/http.h"
#include "net/loop.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "wire/executor.h"
#include "wire/identity.h"

enum {
    DELIVERY_PAUSE_MS = 60 * 1000, /* AWS: "within a few hours"; here within a minute */
    LINES_PER_OBJECT = 1000,
};

/* ---- a line ---- */

static struct str or_dash(struct str text)
{
    return text.len > 0 ? text : STR("-");
}

/* AWS: "any field can be set to - to indicate that the data was unknown or unavailable"; quotes in
 * quoted fields are coded. */
static struct str quoted(struct arena *arena, struct str text)
{
    if (text.len == 0)
        return STR("\"-\"");
    return str_concat3(arena, STR("\""), str_replace(arena, text, STR("\""), STR("%22")),
                       STR("\""));
}

static struct str log_time(struct arena *arena, int64_t time_ms)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil_time time = time_to_civil(time_ms);
    return str_format(arena, "[%02d/%s/%04d:%02d:%02d:%02d +0000]", time.day,
                      months[time.month - 1], time.year, time.hour, time.minute, time.second);
}

/* "REST.GET.OBJECT": the resource is the subresource of the operation, if it has one. */
static struct str operation_name(struct call *call, bool has_key)
{
    struct str uri = call->operation->http_uri;
    ptrdiff_t question = str_index(uri, '?');
    struct str literal = question < 0 ? STR("") : str_from(uri, (size_t)question + 1);
    struct str name = {0};
    (void)str_split_next(&literal, '&', &name);
    bool is_plain = name.len == 0 || str_starts_with(name, STR("list-type")) ||
                    str_starts_with(name, STR("x-id"));
    ptrdiff_t equals = is_plain ? -1 : str_index(name, '=');
    if (equals >= 0)
        name = str_slice(name, 0, (size_t)equals);
    bool is_part = call->operation == &s3_operations[S3_OP_UPLOAD_PART] ||
                   call->operation == &s3_operations[S3_OP_UPLOAD_PART_COPY];
    struct str resource = !is_plain ? str_upper(call->arena, name)
                          : is_part ? STR("PART")
                          : has_key ? STR("OBJECT")
                                    : STR("BUCKET");
    bool is_copy = call->operation == &s3_operations[S3_OP_COPY_OBJECT];
    return str_format(call->arena, "REST." STR_FMT "." STR_FMT,
                      STR_ARG(is_copy ? STR("COPY") : call->operation->http_method),
                      STR_ARG(resource));
}

static int status_of(const struct call *call)
{
    if (call->error.error)
        return call->error.error->http_status;
    return call->answer && call->answer->status != 0 ? call->answer->status
                                                     : call->operation->http_code;
}

static int64_t bytes_sent(const struct call *call)
{
    int64_t total = 0;
    for (size_t i = 0; !call->error.error && call->answer && i < call->answer->piece_count; i++)
        total += call->answer->pieces[i].length;
    return total;
}

static struct str requester(struct call *call)
{
    const struct principal *principal = call->principal;
    if (!principal || principal->kind == PRINCIPAL_ANONYMOUS)
        return STR("-");
    return principal->kind == PRINCIPAL_ROOT
               ? identity_canonical_user(call->arena, principal->account)
               : principal->arn;
}

static struct str auth_type(const struct http_exchange *exchange)
{
    if (http_header(exchange, "authorization").ptr)
        return STR("AuthHeader");
    return str_contains(str_or(exchange->raw_query, STR("")), STR("Signature="))
               ? STR("QueryString")
               : STR("-");
}

static struct str line_text(struct call *call, const struct s3_bucket_row *bucket, const void *in)
{
    struct arena *arena = call->arena;
    const struct http_exchange *exchange = call->exchange;
    struct str key = in ? s3_input_text(call->operation, in, "Key") : (struct str){0};
    struct str version = in ? s3_input_text(call->operation, in, "VersionId") : (struct str){0};
    struct str request = str_format(arena, STR_FMT " " STR_FMT " HTTP/1.1",
                                    STR_ARG(exchange->method), STR_ARG(exchange->target));
    int64_t sent = bytes_sent(call);
    struct str sent_text = sent > 0 ? str_format(arena, "%lld", (long long)sent) : STR("-");
    struct str auth = auth_type(exchange);
    struct str code = call->error.error ? call->error.error->code : STR("-");
    struct str head = str_format(
        arena, STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT,
        STR_ARG(identity_canonical_user(arena, bucket->account)), STR_ARG(bucket->name),
        STR_ARG(log_time(arena, call->now_ms)), STR_ARG(or_dash(call->source_ip)),
        STR_ARG(requester(call)), STR_ARG(call->request_id),
        STR_ARG(operation_name(call, key.len > 0)));
    return str_format(arena,
                      STR_FMT " " STR_FMT " " STR_FMT " %d " STR_FMT " " STR_FMT " " STR_FMT
                              " 0 - " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT
                              " - " STR_FMT " " STR_FMT " - - -\n",
                      STR_ARG(head), STR_ARG(or_dash(key)), STR_ARG(quoted(arena, request)),
                      status_of(call), STR_ARG(code), STR_ARG(sent_text), STR_ARG(sent_text),
                      STR_ARG(quoted(arena, http_header(exchange, "referer"))),
                      STR_ARG(quoted(arena, call->user_agent)), STR_ARG(or_dash(version)),
                      STR_ARG(call->request_id),
                      STR_ARG(str_eq_cstr(auth, "-") ? auth : STR("SigV4")), STR_ARG(auth),
                      STR_ARG(or_dash(exchange->host)));
}

/* ---- from the request to its row ---- */

/* A line on its way; it owns the arena that it lives in. */
struct pending_line {
    struct arena *arena;
    struct executor *executor;
    int64_t bucket_key;
    struct scope scope; /* of the bucket */
    struct s3_log_line line;
};

static struct str workflow_id(struct call *call, int64_t bucket_key)
{
    return str_format(call->arena, "%lld", (long long)bucket_key);
}

static enum status keep_line(struct call *call, void *context)
{
    const struct pending_line *pending = context;
    int rc = s3_store_put_log_line(call->db, pending->bucket_key, &pending->line);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: keep a log line");
    struct str id = workflow_id(call, pending->bucket_key);
    rc = workflow_exists(call, s3_logging_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: look for a workflow");
    return rc == 1 ? STATUS_DONE : workflow_start(call, s3_logging_kind.name, id, NULL);
}

static void keep_later(void *context)
{
    struct pending_line *pending = context;
    struct arena *arena = pending->arena;
    const struct principal principal =
        identity_service(arena, pending->scope.account, STR("logging.s3.amazonaws.com"));
    struct call_error error = {0};
    int rc = executor_run_task(pending->executor, arena, &principal, pending->scope, keep_line,
                               pending, &error);
    if (rc < 0)
        log_message(LOG_WARN, "s3: a line of an access log was lost (%d)", rc);
    arena_free(arena);
}

void s3_log_access(struct call *call, const struct s3_bucket_row *bucket, const void *in)
{
    struct executor *executor = call_executor(call);
    if (!executor || !call->exchange)
        return;
    struct arena *arena = arena_new();
    struct pending_line *pending = arena_alloc(arena, sizeof(*pending));
    *pending = (struct pending_line){
        .arena = arena,
        .executor = executor,
        .bucket_key = bucket->bucket_key,
        .scope = {.account = str_copy(arena, bucket->account),
                  .region = str_copy(arena, bucket->region)},
        .line = {.time_ms = call->now_ms,
                 .request_id = str_copy(arena, call->request_id),
                 .line = str_copy(arena, line_text(call, bucket, in))},
    };
    loop_post(executor_loop(executor), keep_later, pending);
}

/* ---- delivery ---- */

static struct str object_key(struct call *call, const struct s3_bucket_row *bucket,
                             const struct s3_logging_enabled *target)
{
    struct civil_time time = time_to_civil(call->now_ms);
    struct str unique = rand_text(call->arena, STR("0123456789ABCDEF"), 16);
    struct str prefix = str_or(target->target_prefix, STR(""));
    if (target->target_object_key_format && target->target_object_key_format->partitioned_prefix)
        prefix = str_format(call->arena, STR_FMT STR_FMT "/" STR_FMT "/" STR_FMT "/%04d/%02d/%02d/",
                            STR_ARG(prefix), STR_ARG(bucket->account), STR_ARG(bucket->region),
                            STR_ARG(bucket->name), time.year, time.month, time.day);
    return str_format(call->arena, STR_FMT "%04d-%02d-%02d-%02d-%02d-%02d-" STR_FMT,
                      STR_ARG(prefix), time.year, time.month, time.day, time.hour, time.minute,
                      time.second, STR_ARG(unique));
}

static enum status put_lines(struct call *call, const struct s3_bucket_row *bucket,
                             const struct s3_logging_enabled *target,
                             const struct s3_log_line *lines, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += lines[i].line.len;
    struct buf buf;
    buf_init(&buf, call->arena, total + 1);
    for (size_t i = 0; i < count; i++)
        buf_append(&buf, lines[i].line);
    struct principal principal =
        identity_service(call->arena, bucket->account, STR("logging.s3.amazonaws.com"));
    principal.source_arn = s3_bucket_arn(call->arena, bucket->name);
    const struct s3_write what = {
        .bucket = target->target_bucket,
        .key = object_key(call, bucket, target),
        .content_type = STR("text/plain"),
        .text = buf_str(&buf),
    };
    const struct scope scope = {.account = bucket->account, .region = bucket->region};
    struct call_error error = {0};
    enum status status = s3_write_object(call, &principal, &scope, &what, &error);
    if (status == STATUS_DONE || call->store_errno != 0)
        return status;
    const struct log_field fields[] = {
        {.name = "bucket", .text = bucket->name},
        {.name = "target", .text = target->target_bucket},
        {.name = "code", .text = error.error ? error.error->code : STR("")},
    };
    log_event(LOG_WARN, "s3: an access log could not be delivered", fields, ARRAY_LEN(fields));
    return STATUS_DONE;
}

static enum status deliver(struct call *call, const struct s3_bucket_row *bucket,
                           enum workflow_next *out_next)
{
    void *loaded = NULL;
    enum status status = s3_load_config(
        call, bucket, S3_CONFIG_LOGGING,
        s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_LOGGING].in, "BucketLoggingStatus"),
        &loaded);
    if (status != STATUS_DONE)
        return status;
    struct s3_log_line *lines = arena_alloc_array(call->arena, LINES_PER_OBJECT, sizeof(*lines));
    int64_t count =
        s3_store_list_log_lines(call->db, call->arena, bucket->bucket_key, LINES_PER_OBJECT, lines);
    if (count < 0)
        return call_fail_internal(call, (int)count, "s3: read log lines");
    *out_next = count == LINES_PER_OBJECT ? WORKFLOW_AGAIN : WORKFLOW_DONE;
    if (count == 0)
        return STATUS_DONE;
    const struct s3_bucket_logging_status *configuration = loaded;
    if (configuration && configuration->logging_enabled)
        status = put_lines(call, bucket, configuration->logging_enabled, lines, (size_t)count);
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_delete_log_lines(call->db, bucket->bucket_key, &lines[count - 1]);
    return rc < 0 ? call_fail_internal(call, rc, "s3: remove log lines") : STATUS_DONE;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    /* First it waits for lines to come together. */
    if (!json_find_cstr(workflow->state, "IsWaiting")) {
        workflow->state = json_new(call->arena, JSON_OBJECT);
        json_set(workflow->state, STR("IsWaiting"), json_new_bool(call->arena, true));
        workflow->run_at_ms = call->now_ms + DELIVERY_PAUSE_MS;
        *out_next = WORKFLOW_AGAIN;
        return STATUS_DONE;
    }
    struct s3_bucket_row *bucket = NULL;
    int64_t bucket_key = 0;
    workflow->run_at_ms = 0;
    *out_next = WORKFLOW_DONE;
    if (str_to_i64(workflow->id, &bucket_key) < 0)
        return STATUS_DONE;
    int rc = s3_store_get_bucket(call->db, call->arena, bucket_key, &bucket);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a bucket");
    return bucket ? deliver(call, bucket, out_next) : STATUS_DONE;
}

const struct workflow_kind s3_logging_kind = {
    .name = STR_INIT("s3.logging"),
    .step = step,
};
