/* queue.c — operations on queues: create, delete, look up, list, attributes, purge.
 *
 * Attributes are checked when written (attribute.c), so readers never check them again.
 * Model: models/sqs.model. Docs: SQS API reference.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "net/http.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    NAME_MAX = 80,             /* AWS: queue names */
    LIST_MAX = 1000,           /* AWS: ListQueues without MaxResults answers up to 1,000 */
    PURGE_INTERVAL_MS = 60000, /* AWS: one PurgeQueue every 60 seconds */
};

const struct api_error SQS_INVALID_PARAMETER_VALUE = {
    .code = STR_INIT("InvalidParameterValueException"),
    .query_code = STR_INIT("InvalidParameterValue"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};
const struct api_error SQS_MISSING_PARAMETER = {
    .code = STR_INIT("MissingRequiredParameterException"),
    .query_code = STR_INIT("MissingParameter"),
    .http_status = 400,
    .query_status = 400,
    .is_sender = true,
};

/* This and the next are made for every message: pieced together, because printf costs ten times as
 * much. */
struct str sqs_queue_arn(struct arena *arena, const struct sqs_queue *queue)
{
    struct str prefix = str_concat3(arena, STR("arn:aws:sqs:"), queue->region, STR(":"));
    return str_concat3(arena, prefix, queue->account, str_concat(arena, STR(":"), queue->name));
}

struct str sqs_channel(struct arena *arena, int64_t queue_id)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * sizeof(queue_id)];
    uint64_t rest = (uint64_t)queue_id;
    for (size_t i = sizeof(text); i-- > 0; rest >>= 4)
        text[i] = digits[rest & 15];
    return str_concat(arena, STR("sqs:"), str_of(text, sizeof(text)));
}

/* https://HOST/ACCOUNT/NAME, under whatever name the client reaches us. */
static struct str queue_url(struct call *call, struct str account, struct str name)
{
    return str_format(call->arena, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(call->endpoint),
                      STR_ARG(account), STR_ARG(name));
}

enum status sqs_queue_missing(struct call *call)
{
    /* OBSERVED (2023-11-14): the query protocol, which has no X-Amz-Target, adds the version. */
    bool is_query = call->exchange && !http_header(call->exchange, "x-amz-target").ptr;
    return call_fail(call, &SQS_QUEUE_DOES_NOT_EXIST, "The specified queue does not exist%s.",
                     is_query ? " for this wsdl version" : "");
}

static enum status resolve(struct call *call, struct scope scope, struct str name)
{
    struct sqs_queue *queue = NULL;
    int rc = sqs_store_find_queue(call->db, call->arena, scope, name, &queue);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find queue");
    if (!queue)
        return sqs_queue_missing(call);
    call->subject = queue;
    return STATUS_DONE;
}

enum status sqs_resolve_queue(struct call *call, struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    struct str path = scheme < 0 ? url : str_from(url, (size_t)scheme + 3);
    ptrdiff_t last = str_last_index(path, '/');
    struct str name = last < 0 ? path : str_from(path, (size_t)last + 1);
    struct str account = call->scope.account;
    if (last > 0) {
        struct str before = str_slice(path, 0, (size_t)last);
        account = str_from(before, (size_t)(str_last_index(before, '/') + 1));
    }
    if (scheme >= 0 && (account.len != 12 || name.len == 0))
        return call_fail(call, &SQS_INVALID_ADDRESS,
                         "The address " STR_FMT " is not valid for this endpoint.", STR_ARG(url));
    return resolve(call, (struct scope){.account = account, .region = call->scope.region}, name);
}

const struct sqs_queue *sqs_queue_of(struct call *call)
{
    CHECK(call->subject != NULL);
    return call->subject;
}

bool sqs_split_arn(struct str arn, struct scope *out_scope, struct str *out_name)
{
    struct str rest = arn;
    struct str parts[6] = {{0}};
    size_t count = 0;
    while (count < ARRAY_LEN(parts) && str_split_next(&rest, ':', &parts[count]))
        count++;
    if (count < ARRAY_LEN(parts) || rest.ptr || !str_eq_cstr(parts[0], "arn") ||
        !str_eq_cstr(parts[2], "sqs") || parts[5].len == 0)
        return false;
    *out_scope = (struct scope){.account = parts[4], .region = parts[3]};
    *out_name = parts[5];
    return true;
}

int sqs_find_queue_by_arn(struct call *call, struct str arn, struct sqs_queue **out_queue)
{
    struct scope scope = {0};
    struct str name = {0};
    *out_queue = NULL;
    if (!sqs_split_arn(arn, &scope, &name))
        return 0;
    return sqs_store_find_queue(call->db, call->arena, scope, name, out_queue);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static enum status check_name(struct call *call, struct str name, bool is_fifo)
{
    struct str stem = name;
    bool has_suffix = str_ends_with(name, STR(".fifo"));
    if (has_suffix)
        stem = str_slice(name, 0, name.len - STR(".fifo").len);
    bool is_valid = stem.len > 0 && name.len <= NAME_MAX;
    for (size_t i = 0; i < stem.len; i++)
        is_valid &= is_name_char(stem.ptr[i]);
    if (is_fifo && !has_suffix)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "The name of a FIFO queue can only include alphanumeric characters, "
                         "hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in "
                         "length.");
    if (!is_valid || has_suffix != is_fifo)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Can only include alphanumeric characters, hyphens, or underscores. 1 to "
                         "80 in length");
    return STATUS_DONE;
}

/* The name of an asked-for attribute that the existing queue has differently, or NULL. */
static const struct str *find_difference(struct call *call, const struct sqs_queue *found,
                                         const struct sqs_queue *wanted,
                                         const struct sqs_queue_attribute_map *asked)
{
    for (size_t i = 0; i < asked->count; i++) {
        struct str have = {0};
        struct str want = {0};
        (void)sqs_attribute_text(call, found, asked->items[i].key, &have);
        (void)sqs_attribute_text(call, wanted, asked->items[i].key, &want);
        if (!str_eq(have, want))
            return &asked->items[i].key;
    }
    return NULL;
}

/* Idempotent: the same name with the same attributes returns the existing queue's URL. */
enum status sqs_create_queue(struct call *call, const struct sqs_create_queue_in *in,
                             struct sqs_create_queue_out *out)
{
    struct sqs_queue wanted = sqs_default_queue(call, in->queue_name);
    enum status status = sqs_apply_attributes(call, &wanted, &in->attributes, true);
    if (status == STATUS_DONE)
        status = check_name(call, in->queue_name, wanted.is_fifo);
    if (status == STATUS_DONE)
        status = sqs_tags_text(call, &in->tags, json_new(call->arena, JSON_OBJECT), &wanted.tags);
    if (status != STATUS_DONE)
        return status;
    struct sqs_queue *found = NULL;
    int rc = sqs_store_find_queue(call->db, call->arena, call->scope, in->queue_name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: find queue");
    out->queue_url = queue_url(call, wanted.account, wanted.name);
    if (found) {
        /* AWS: QueueNameExists "only if the request includes attributes whose values differ from
         * those of the existing queue" (model: com.amazonaws.sqs#QueueNameExists). */
        const struct str *difference = find_difference(call, found, &wanted, &in->attributes);
        if (difference)
            return call_fail(call, &SQS_QUEUE_NAME_EXISTS,
                             "A queue already exists with the same name and a different value for "
                             "attribute " STR_FMT,
                             STR_ARG(*difference));
        return STATUS_DONE;
    }
    /* DEVIATION: QueueDeletedRecently is never answered: a queue may be made again at once after it
     * was deleted. Whoever develops on their own machine tears down and sets up in a loop. */
    wanted.id = (int64_t)(rand_below((1ULL << 53) - 1) + 1);
    rc = sqs_store_insert_queue(call->db, &wanted);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: insert queue");
    return sqs_start_sweep(call);
}

enum status sqs_delete_queue(struct call *call, const struct sqs_delete_queue_in *in,
                             struct sqs_delete_queue_out *out)
{
    (void)in;
    (void)out;
    const struct sqs_queue *queue = sqs_queue_of(call);
    int rc = sqs_store_delete_queue(call->db, queue->id);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: delete queue");
    call_notify(call, sqs_channel(call->arena, queue->id)); /* who waits learns that it is gone */
    return STATUS_DONE;
}

enum status sqs_get_queue_url(struct call *call, const struct sqs_get_queue_url_in *in,
                              struct sqs_get_queue_url_out *out)
{
    (void)in;
    const struct sqs_queue *queue = sqs_queue_of(call);
    out->queue_url = queue_url(call, queue->account, queue->name);
    return STATUS_DONE;
}

/* Tokens are the last name, coded so that nobody takes them for one. */
static enum status read_token(struct call *call, struct str token, struct str *out_after)
{
    *out_after = STR("");
    if (token.len > 0 && base64url_decode(call->arena, token, out_after) < 0)
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE, "Invalid or expired next token.");
    return STATUS_DONE;
}

static enum status check_max_results(struct call *call, struct opt_i32 max_results)
{
    if (max_results.is_set && (max_results.value < 1 || max_results.value > LIST_MAX))
        return call_fail(call, &SQS_INVALID_PARAMETER_VALUE,
                         "Value for parameter MaxResults is invalid. Reason: MaxResults must be an "
                         "integer between 1 and 1000.");
    return STATUS_DONE;
}

enum status sqs_list_queues(struct call *call, const struct sqs_list_queues_in *in,
                            struct sqs_list_queues_out *out)
{
    struct str after = STR("");
    enum status status = check_max_results(call, in->max_results);
    if (status == STATUS_DONE)
        status = read_token(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t limit = opt_i32_or(in->max_results, LIST_MAX);
    struct str *names = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*names));
    struct str prefix = str_or(in->queue_name_prefix, STR(""));
    int64_t count =
        sqs_store_list_queues(call->db, call->arena, call->scope, prefix, after, limit + 1, names);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: list queues");
    /* AWS: NextToken only when MaxResults was given. */
    if (count > limit && in->max_results.is_set)
        out->next_token = base64url_encode_str(call->arena, names[limit - 1]);
    out->queue_urls.count = (size_t)(count > limit ? limit : count);
    out->queue_urls.items =
        arena_alloc_array(call->arena, out->queue_urls.count + 1, sizeof(struct str));
    for (size_t i = 0; i < out->queue_urls.count; i++)
        out->queue_urls.items[i] = queue_url(call, call->scope.account, names[i]);
    return STATUS_DONE;
}

enum status
sqs_list_dead_letter_source_queues(struct call *call,
                                   const struct sqs_list_dead_letter_source_queues_in *in,
                                   struct sqs_list_dead_letter_source_queues_out *out)
{
    struct str after = STR("");
    enum status status = check_max_results(call, in->max_results);
    if (status == STATUS_DONE)
        status = read_token(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t limit = opt_i32_or(in->max_results, LIST_MAX);
    struct str *arns = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*arns));
    struct str own_arn = sqs_queue_arn(call->arena, sqs_queue_of(call));
    int64_t count = sqs_store_list_sources(call->db, call->arena, own_arn, after, limit + 1, arns);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sqs: list source queues");
    out->queue_urls.is_set = true;
    out->queue_urls.count = (size_t)(count > limit ? limit : count);
    out->queue_urls.items =
        arena_alloc_array(call->arena, out->queue_urls.count + 1, sizeof(struct str));
    for (size_t i = 0; i < out->queue_urls.count; i++) {
        struct scope scope = {0};
        struct str name = {0};
        bool is_arn = sqs_split_arn(arns[i], &scope, &name);
        CHECK(is_arn); /* made by the store */
        out->queue_urls.items[i] = queue_url(call, scope.account, name);
        if (count > limit && i + 1 == out->queue_urls.count)
            out->next_token = base64url_encode_str(call->arena, name);
    }
    return STATUS_DONE;
}

static void add_attribute(struct sqs_queue_attribute_map *map, struct str name, struct str value)
{
    for (size_t i = 0; i < map->count; i++) {
        if (str_eq(map->items[i].key, name))
            return;
    }
    map->items[map->count++] = (struct sqs_queue_attribute_map_entry){.key = name, .value = value};
}

/* Attributes that are computed when asked for. */
static bool computed_text(struct call *call, const struct sqs_queue *queue,
                          const struct sqs_counts *counts, struct str name, struct str *out_value)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"ApproximateNumberOfMessages", counts->visible},
        {"ApproximateNumberOfMessagesNotVisible", counts->in_flight},
        {"ApproximateNumberOfMessagesDelayed", counts->delayed},
        {"CreatedTimestamp", queue->created_at_ms / 1000},
        {"LastModifiedTimestamp", queue->modified_at_ms / 1000},
    };
    if (str_eq_cstr(name, "QueueArn")) {
        *out_value = sqs_queue_arn(call->arena, queue);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (str_eq_cstr(name, numbers[i].name)) {
            *out_value = str_format(call->arena, "%lld", (long long)numbers[i].value);
            return true;
        }
    }
    return false;
}

static const struct str computed_names[] = {
    STR_INIT("ApproximateNumberOfMessages"),
    STR_INIT("ApproximateNumberOfMessagesDelayed"),
    STR_INIT("ApproximateNumberOfMessagesNotVisible"),
    STR_INIT("CreatedTimestamp"),
    STR_INIT("LastModifiedTimestamp"),
    STR_INIT("QueueArn"),
};

static enum status append_named(struct call *call, const struct sqs_queue *queue,
                                const struct sqs_counts *counts, struct str name,
                                struct sqs_queue_attribute_map *map)
{
    struct str value = {0};
    if (!computed_text(call, queue, counts, name, &value) &&
        !sqs_attribute_text(call, queue, name, &value))
        return call_fail(call, &SQS_INVALID_ATTRIBUTE_NAME, "Unknown Attribute " STR_FMT ".",
                         STR_ARG(name));
    if (value.ptr)
        add_attribute(map, name, value);
    return STATUS_DONE;
}

enum status sqs_get_queue_attributes(struct call *call,
                                     const struct sqs_get_queue_attributes_in *in,
                                     struct sqs_get_queue_attributes_out *out)
{
    const struct sqs_queue *queue = sqs_queue_of(call);
    struct sqs_counts counts = {0};
    int rc = sqs_store_count(call->db, queue->id, call->now_ms,
                             call->now_ms - queue->retention_s * 1000, &counts);
    if (rc < 0)
        return call_fail_internal(call, rc, "sqs: count messages");
    size_t most =
        ARRAY_LEN(computed_names) + sqs_settable_attribute_count + in->attribute_names.count;
    out->attributes.items = arena_alloc_array(call->arena, most, sizeof(*out->attributes.items));
    for (size_t i = 0; i < in->attribute_names.count; i++) {
        struct str name = in->attribute_names.items[i];
        enum status status = STATUS_DONE;
        if (!str_eq_cstr(name, "All")) {
            status = append_named(call, queue, &counts, name, &out->attributes);
        } else {
            for (size_t n = 0; n < ARRAY_LEN(computed_names) && status == STATUS_DONE; n++)
                status = append_named(call, queue, &counts, computed_names[n], &out->attributes);
            for (size_t n = 0; n < sqs_settable_attribute_count && status == STATUS_DONE; n++)
                status = append_named(call, queue, &counts, sqs_settable_attributes[n],
                                      &out->attributes);
        }
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

enum status sqs_save_queue(struct call *call, struct sqs_queue *queue)
{
    queue->modified_at_ms = call->now_ms;
    int rc = sqs_store_update_queue(call->db, queue);
    return rc < 0 ? call_fail_internal(call, rc, "sqs: update queue") : STATUS_DONE;
}

enum status sqs_set_queue_attributes(struct call *call,
                                     const struct sqs_set_queue_attributes_in *in,
                                     struct sqs_set_queue_attributes_out *out)
{
    (void)out;
    struct sqs_queue queue = *sqs_queue_of(call);
    enum status status = sqs_apply_attributes(call, &queue, &in->attributes, false);
    return status == STATUS_DONE ? sqs_save_queue(call, &queue) : status;
}

enum status sqs_purge_queue(struct call *call, const struct sqs_purge_queue_in *in,
                            struct sqs_purge_queue_out *out)
{
    (void)in;
    (void)out;
    struct sqs_queue queue = *sqs_queue_of(call);
    if (call->now_ms - queue.purged_at_ms < PURGE_INTERVAL_MS)
        return call_fail(call, &SQS_PURGE_QUEUE_IN_PROGRESS,
                         "Only one PurgeQueue operation on " STR_FMT
                         " is allowed every 60 seconds.",
                         STR_ARG(queue.name));
    int rc = sqs_store_purge(call->db, queue.id);
    queue.purged_at_ms = call->now_ms;
    if (rc == 0)
        rc = sqs_store_update_queue(call->db, &queue);
    return rc < 0 ? call_fail_internal(call, rc, "sqs: purge queue") : STATUS_DONE;
}
