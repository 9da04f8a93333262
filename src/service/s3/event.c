/* event.c — what happens to objects, told to queues, topics, functions and EventBridge.
 *
 * The configuration is read only when the bucket has one. A message is handed to the target in the
 * transaction of the change (engine/events/delivery.h), so that a change and the word of it are
 * there together or not at all; what a target refuses does not undo the change.
 *
 * A configuration is validated as AWS does it: by sending a test event to each queue and topic, in
 * the transaction that would keep it.
 *
 * Docs: S3 user guide, "Amazon S3 Event Notifications", "Event message structure", "Using
 * EventBridge"; API reference, PutBucketNotificationConfiguration.
 */
#include "engine/events/event.h"
#include "base/arena.h"
#include "base/rand.h"
#include "engine/events/delivery.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/uri.h"
#include "wire/identity.h"
#include "wire/protocol.h"

enum {
    MAX_MESSAGE = 64 * 1024, /* of one record; keys are at most 1,024 bytes */
    DELIVERY_ATTEMPTS = 5,
};

#define S3_SERVICE "s3.amazonaws.com"

/* One entry of a configuration, of whatever kind. */
struct target {
    struct str *id;
    struct str arn;
    const struct s3_event_list *events;
    const struct s3_notification_configuration_filter *filter;
    const char *kind; /* in error texts */
};

static const struct shape *configuration_shape(void)
{
    return s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_NOTIFICATION_CONFIGURATION].in,
                           "NotificationConfiguration");
}

/* Lists the entries of all kinds into `out` (struct target). */
static void gather(const struct s3_notification_configuration *from, struct vec *out)
{
    for (size_t i = 0; i < from->topic_configurations.count; i++) {
        struct s3_topic_configuration *item = &from->topic_configurations.items[i];
        *(struct target *)vec_push(out) =
            (struct target){&item->id, item->topic_arn, &item->events, item->filter, "topic"};
    }
    for (size_t i = 0; i < from->queue_configurations.count; i++) {
        struct s3_queue_configuration *item = &from->queue_configurations.items[i];
        *(struct target *)vec_push(out) =
            (struct target){&item->id, item->queue_arn, &item->events, item->filter, "queue"};
    }
    for (size_t i = 0; i < from->lambda_function_configurations.count; i++) {
        struct s3_lambda_function_configuration *item =
            &from->lambda_function_configurations.items[i];
        *(struct target *)vec_push(out) = (struct target){
            &item->id, item->lambda_function_arn, &item->events, item->filter, "Lambda function"};
    }
}

/* The value of the filter's "prefix" or "suffix" rule, or "". */
static struct str filter_value(const struct target *target, const char *name)
{
    const struct s3_s3_key_filter *key = target->filter ? target->filter->key : NULL;
    for (size_t i = 0; key && i < key->filter_rules.count; i++) {
        if (str_eq_nocase(key->filter_rules.items[i].name, str_from_cstr(name)))
            return str_or(key->filter_rules.items[i].value, STR(""));
    }
    return STR("");
}

/* ---- records ---- */

struct occasion {
    struct call *call;
    const struct s3_bucket_row *bucket;
    const struct s3_object_row *object;
    struct str name; /* "ObjectCreated:Put" */
    bool is_removal;
    bool is_by_service; /* lifecycle */
    struct str sequencer;
};

static bool starts_with(struct str text, const char *prefix)
{
    return str_starts_with(text, str_from_cstr(prefix));
}

static void member(struct json_writer *writer, const char *name, struct str value)
{
    json_key(writer, str_from_cstr(name));
    json_string(writer, value);
}

/* AWS: 2.2 for replication, 2.3 for lifecycle, tiering, ACLs, tags and expired restores. */
static struct str event_version(struct str name)
{
    if (starts_with(name, "Replication:"))
        return STR("2.2");
    bool is_late = starts_with(name, "Lifecycle") || starts_with(name, "IntelligentTiering") ||
                   starts_with(name, "ObjectAcl:") || starts_with(name, "ObjectTagging:") ||
                   str_eq_cstr(name, "ObjectRestore:Delete");
    return is_late ? STR("2.3") : STR("2.1");
}

/* The key as records have it: percent coding with '+' for spaces. */
static struct str coded_key(struct arena *arena, struct str key)
{
    return str_replace(arena, uri_encode_str(arena, key, true), STR("%20"), STR("+"));
}

static void write_object(const struct occasion *occasion, struct json_writer *writer)
{
    const struct s3_object_row *object = occasion->object;
    json_key(writer, STR("object"));
    json_begin_object(writer);
    member(writer, "key", coded_key(occasion->call->arena, object->key));
    if (!occasion->is_removal) {
        json_key(writer, STR("size"));
        json_i64(writer, object->size);
    }
    if (object->etag.len > 0 && (!occasion->is_removal || object->is_marker))
        member(writer, "eTag", object->etag);
    if (occasion->bucket->versioning != S3_UNVERSIONED && object->version_id.len > 0)
        member(writer, "versionId", object->version_id);
    member(writer, "sequencer", occasion->sequencer);
    json_end_object(writer);
}

static struct str principal_id(const struct occasion *occasion)
{
    const struct principal *principal = occasion->call->principal;
    if (occasion->is_by_service || principal->kind == PRINCIPAL_SERVICE)
        return STR(S3_SERVICE);
    if (principal->kind == PRINCIPAL_ANONYMOUS)
        return STR("Anonymous");
    return str_concat(occasion->call->arena, STR("AWS:"),
                      principal->user_id.len > 0 ? principal->user_id : principal->account);
}

static struct str owner_id(const struct occasion *occasion)
{
    struct str id = identity_canonical_user(occasion->call->arena, occasion->bucket->account);
    return str_concat(occasion->call->arena, STR("A"),
                      str_upper(occasion->call->arena, str_slice(id, 0, 13)));
}

static struct str source_ip(const struct occasion *occasion)
{
    struct str ip = occasion->call->source_ip;
    return occasion->is_by_service || ip.len == 0 ? STR(S3_SERVICE) : ip;
}

static struct str record_text(const struct occasion *occasion, struct str configuration_id)
{
    struct call *call = occasion->call;
    struct buf text;
    struct json_writer writer;
    buf_init(&text, call->arena, MAX_MESSAGE);
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    json_key(&writer, STR("Records"));
    json_begin_array(&writer);
    json_begin_object(&writer);
    member(&writer, "eventVersion", event_version(occasion->name));
    member(&writer, "eventSource", STR("aws:s3"));
    member(&writer, "awsRegion", occasion->bucket->region);
    member(&writer, "eventTime", time_rfc3339_ms(call->arena, call->now_ms));
    member(&writer, "eventName", occasion->name);
    json_key(&writer, STR("userIdentity"));
    json_begin_object(&writer);
    member(&writer, "principalId", principal_id(occasion));
    json_end_object(&writer);
    json_key(&writer, STR("requestParameters"));
    json_begin_object(&writer);
    member(&writer, "sourceIPAddress", source_ip(occasion));
    json_end_object(&writer);
    json_key(&writer, STR("responseElements"));
    json_begin_object(&writer);
    member(&writer, "x-amz-request-id", call->request_id);
    member(&writer, "x-amz-id-2", call->request_id);
    json_end_object(&writer);
    json_key(&writer, STR("s3"));
    json_begin_object(&writer);
    member(&writer, "s3SchemaVersion", STR("1.0"));
    member(&writer, "configurationId", configuration_id);
    json_key(&writer, STR("bucket"));
    json_begin_object(&writer);
    member(&writer, "name", occasion->bucket->name);
    json_key(&writer, STR("ownerIdentity"));
    json_begin_object(&writer);
    member(&writer, "principalId", owner_id(occasion));
    json_end_object(&writer);
    member(&writer, "arn", s3_bucket_arn(call->arena, occasion->bucket->name));
    json_end_object(&writer);
    write_object(occasion, &writer);
    json_end_object(&writer);
    json_end_object(&writer);
    json_end_array(&writer);
    json_end_object(&writer);
    return buf_str(&text);
}

/* ---- EventBridge ---- */

/* AWS: "EventBridge event message structure": detail type and reason by event. */
static const struct {
    const char *prefix;
    const char *detail_type;
    const char *reason; /* NULL: the event says how */
    const char *deletion_type;
} bridge_events[] = {
    {"ObjectCreated:Put", "Object Created", "PutObject", NULL},
    {"ObjectCreated:Post", "Object Created", "POST Object", NULL},
    {"ObjectCreated:Copy", "Object Created", "CopyObject", NULL},
    {"ObjectCreated:CompleteMultipartUpload", "Object Created", "CompleteMultipartUpload", NULL},
    {"ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject",
     "Delete Marker Created"},
    {"ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "Permanently Deleted"},
    {"LifecycleExpiration:DeleteMarkerCreated", "Object Deleted", "Lifecycle Expiration",
     "Delete Marker Created"},
    {"LifecycleExpiration:Delete", "Object Deleted", "Lifecycle Expiration", "Permanently Deleted"},
    {"LifecycleTransition", "Object Storage Class Changed", NULL, NULL},
    {"ObjectTagging:Put", "Object Tags Added", NULL, NULL},
    {"ObjectTagging:Delete", "Object Tags Deleted", NULL, NULL},
    {"ObjectAcl:Put", "Object ACL Updated", NULL, NULL},
    {"ObjectRestore:Post", "Object Restore Initiated", NULL, NULL},
    {"ObjectRestore:Completed", "Object Restore Completed", NULL, NULL},
    {"ObjectRestore:Delete", "Object Restore Expired", NULL, NULL},
};

static void add_text(struct arena *arena, struct json *object, const char *name, struct str value)
{
    if (value.ptr)
        json_append_member(object, str_from_cstr(name), json_new_string(arena, value));
}

static struct json *bridge_detail(const struct occasion *occasion, const char *reason,
                                  const char *deletion_type)
{
    struct call *call = occasion->call;
    const struct s3_object_row *row = occasion->object;
    struct json *detail = json_new(call->arena, JSON_OBJECT);
    struct json *bucket = json_new(call->arena, JSON_OBJECT);
    struct json *object = json_new(call->arena, JSON_OBJECT);
    add_text(call->arena, detail, "version", STR("0"));
    add_text(call->arena, bucket, "name", occasion->bucket->name);
    json_append_member(detail, STR("bucket"), bucket);
    add_text(call->arena, object, "key", row->key);
    if (!occasion->is_removal)
        json_append_member(object, STR("size"), json_new_number(call->arena, row->size));
    if (!occasion->is_removal || row->is_marker)
        add_text(call->arena, object, "etag", row->etag);
    if (occasion->bucket->versioning != S3_UNVERSIONED)
        add_text(call->arena, object, "version-id", row->version_id);
    add_text(call->arena, object, "sequencer", occasion->sequencer);
    json_append_member(detail, STR("object"), object);
    add_text(call->arena, detail, "request-id", call->request_id);
    add_text(call->arena, detail, "requester",
             occasion->is_by_service ? STR(S3_SERVICE) : call->principal->account);
    if (!occasion->is_by_service && call->source_ip.len > 0)
        add_text(call->arena, detail, "source-ip-address", call->source_ip);
    add_text(call->arena, detail, "reason", str_from_cstr(reason));
    add_text(call->arena, detail, "deletion-type", str_from_cstr(deletion_type));
    return detail;
}

static enum status tell_bridge(const struct occasion *occasion)
{
    struct call *call = occasion->call;
    const struct scope scope = {.account = occasion->bucket->account,
                                .region = occasion->bucket->region};
    int rc = event_is_wanted(call, scope);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: look for listeners");
    for (size_t i = 0; rc == 1 && i < ARRAY_LEN(bridge_events); i++) {
        if (!starts_with(occasion->name, bridge_events[i].prefix))
            continue;
        const struct str arn = s3_bucket_arn(call->arena, occasion->bucket->name);
        const struct event event = {
            .source = STR("aws.s3"),
            .detail_type = str_from_cstr(bridge_events[i].detail_type),
            .resources = &arn,
            .resource_count = 1,
            .detail =
                bridge_detail(occasion, bridge_events[i].reason, bridge_events[i].deletion_type),
        };
        return event_put(call, scope, &event);
    }
    return STATUS_DONE;
}

/* ---- telling ---- */

/* "s3:ObjectCreated:*" stands for all of its kind. */
static bool names_event(struct str pattern, struct str name)
{
    if (!str_starts_with(pattern, STR("s3:")))
        return false;
    struct str wanted = str_from(pattern, 3);
    if (str_ends_with(wanted, STR("*")))
        return str_starts_with(name, str_slice(wanted, 0, wanted.len - 1));
    return str_eq(wanted, name);
}

static bool is_meant(const struct occasion *occasion, const struct target *target)
{
    struct arena *arena = occasion->call->arena;
    bool is_named = false;
    for (size_t i = 0; i < target->events->count; i++)
        is_named |= names_event(target->events->items[i], occasion->name);
    if (!is_named)
        return false;
    /* AWS: values with special characters stand percent-coded in filters. */
    struct str prefix = filter_value(target, "prefix");
    struct str suffix = filter_value(target, "suffix");
    if (uri_decode(arena, prefix, true, &prefix) < 0 ||
        uri_decode(arena, suffix, true, &suffix) < 0)
        return false;
    return str_starts_with(occasion->object->key, prefix) &&
           str_ends_with(occasion->object->key, suffix);
}

static enum status deliver(struct call *call, const struct s3_bucket_row *bucket, struct str arn,
                           struct str body, enum delivery_result *out_result)
{
    /* OBSERVED: the subject of what topics pass on. Other kinds of targets know no subject. */
    struct json *extra = json_new(call->arena, JSON_OBJECT);
    json_set(extra, STR("Subject"), json_new_string(call->arena, STR("Amazon S3 Notification")));
    const struct delivery delivery = {
        .target = arn,
        .body = body,
        .extra = str_starts_with(arn, STR("arn:aws:sns:")) ? extra : NULL,
        .service = STR(S3_SERVICE),
        .source_arn = s3_bucket_arn(call->arena, bucket->name),
        .source_account = bucket->account,
        .policy = {.max_attempts = out_result ? 1 : DELIVERY_ATTEMPTS},
    };
    return delivery_send(call, &delivery, out_result);
}

enum status s3_event(struct call *call, const struct s3_bucket_row *bucket,
                     const struct s3_object_row *object, const char *event_name)
{
    if (!s3_has_config(bucket, S3_CONFIG_NOTIFICATION))
        return STATUS_DONE;
    void *loaded = NULL;
    enum status status =
        s3_load_config(call, bucket, S3_CONFIG_NOTIFICATION, configuration_shape(), &loaded);
    const struct s3_notification_configuration *configuration = loaded;
    if (status != STATUS_DONE || !configuration)
        return status;
    const struct occasion occasion = {
        .call = call,
        .bucket = bucket,
        .object = object,
        .name = str_from_cstr(event_name),
        .is_removal = str_contains(str_from_cstr(event_name), STR("ObjectRemoved:")) ||
                      str_contains(str_from_cstr(event_name), STR("LifecycleExpiration:")),
        .is_by_service = str_starts_with(str_from_cstr(event_name), STR("Lifecycle")),
        .sequencer = str_format(call->arena, "%018llX", (unsigned long long)object->seq),
    };
    struct vec targets;
    vec_init(&targets, call->arena, sizeof(struct target));
    gather(configuration, &targets);
    for (size_t i = 0; i < targets.count; i++) {
        const struct target *target = vec_at(&targets, i);
        if (!is_meant(&occasion, target))
            continue;
        status = deliver(call, bucket, target->arn, record_text(&occasion, *target->id), NULL);
        if (status != STATUS_DONE)
            return status;
    }
    return configuration->event_bridge_configuration ? tell_bridge(&occasion) : STATUS_DONE;
}

/* ---- validation ---- */

static enum status cannot_validate(struct call *call, const struct target *target, const char *why)
{
    return s3_fail_argument(call, str_to_cstr(call->arena, target->arn), str_from_cstr(why),
                            "Unable to validate the following destination configurations");
}

static enum status check_filter(struct call *call, const struct target *target)
{
    const struct s3_s3_key_filter *key = target->filter ? target->filter->key : NULL;
    size_t prefixes = 0;
    size_t suffixes = 0;
    for (size_t i = 0; key && i < key->filter_rules.count; i++) {
        struct str name = key->filter_rules.items[i].name;
        if (str_eq_nocase(name, STR("prefix")))
            prefixes++;
        else if (str_eq_nocase(name, STR("suffix")))
            suffixes++;
        else
            return s3_fail_argument(call, "FilterRule.Name", name,
                                    "filter rule name must be either prefix or suffix");
    }
    if (prefixes > 1 || suffixes > 1)
        return s3_fail_argument(
            call, "FilterRule.Name", prefixes > 1 ? STR("prefix") : STR("suffix"),
            prefixes > 1 ? "Cannot specify more than one prefix rule in a filter."
                         : "Cannot specify more than one suffix rule in a filter.");
    return STATUS_DONE;
}

/* Whether some event could be meant by both. */
static bool shares_event(const struct s3_event_list *a, const struct s3_event_list *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            struct str left = a->items[i];
            struct str right = b->items[j];
            if (str_eq(left, right) || (left.len > 3 && names_event(right, str_from(left, 3))) ||
                (right.len > 3 && names_event(left, str_from(right, 3))))
                return true;
        }
    }
    return false;
}

static bool overlaps(const struct target *a, const struct target *b)
{
    struct str prefix_a = filter_value(a, "prefix");
    struct str prefix_b = filter_value(b, "prefix");
    struct str suffix_a = filter_value(a, "suffix");
    struct str suffix_b = filter_value(b, "suffix");
    bool is_prefix_shared =
        str_starts_with(prefix_a, prefix_b) || str_starts_with(prefix_b, prefix_a);
    bool is_suffix_shared = str_ends_with(suffix_a, suffix_b) || str_ends_with(suffix_b, suffix_a);
    return is_prefix_shared && is_suffix_shared && shares_event(a->events, b->events);
}

static enum status check_overlaps(struct call *call, const struct vec *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct target *a = vec_at(targets, i);
            const struct target *b = vec_at(targets, j);
            if (!overlaps(a, b))
                continue;
            if (a->filter || b->filter)
                return s3_fail(call, &S3_INVALID_ARGUMENT, NULL,
                               "Configuration is ambiguously defined. Cannot have overlapping "
                               "suffixes in two rules if the prefixes are overlapping for the "
                               "same event type.");
            return s3_fail(call, &S3_INVALID_ARGUMENT, NULL,
                           "Configurations overlap. Configurations on the same bucket cannot "
                           "share a common event type.");
        }
    }
    return STATUS_DONE;
}

static struct str test_event(struct call *call, const struct s3_bucket_row *bucket)
{
    struct buf text;
    struct json_writer writer;
    buf_init(&text, call->arena, MAX_MESSAGE);
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    member(&writer, "Service", STR("Amazon S3"));
    member(&writer, "Event", STR("s3:TestEvent"));
    member(&writer, "Time", time_rfc3339_ms(call->arena, call->now_ms));
    member(&writer, "Bucket", bucket->name);
    member(&writer, "RequestId", call->request_id);
    member(&writer, "HostId", call->request_id);
    json_end_object(&writer);
    return buf_str(&text);
}

static enum status check_target(struct call *call, const struct s3_bucket_row *bucket,
                                const struct target *target, bool sends_test)
{
    struct scope scope = {0};
    struct str resource = {0};
    if (!delivery_split_arn(target->arn, NULL, &scope, &resource))
        return s3_fail_argument(call, "arn", target->arn, "The ARN could not be parsed");
    if (!str_eq(scope.region, bucket->region))
        return s3_fail_argument(call, "arn", target->arn,
                                "The notification destination service region is not valid for the "
                                "bucket location constraint");
    if (str_ends_with(resource, STR(".fifo")))
        return cannot_validate(call, target,
                               "FIFO queues and topics are not supported as destinations");
    if (!delivery_knows(target->arn))
        return cannot_validate(call, target, "The destination service is not implemented");
    enum delivery_result result = DELIVERY_DONE;
    bool is_function = str_eq_cstr(str_from_cstr(target->kind), "Lambda function");
    if (!sends_test || is_function)
        return STATUS_DONE;
    enum status status = deliver(call, bucket, target->arn, test_event(call, bucket), &result);
    if (status != STATUS_DONE || result == DELIVERY_DONE)
        return status;
    return cannot_validate(
        call, target,
        str_to_cstr(call->arena, str_format(call->arena,
                                            "The destination %s does not exist or its "
                                            "permissions do not allow S3 to publish "
                                            "notifications from this bucket",
                                            target->kind)));
}

enum status s3_check_notification(struct call *call, const struct s3_bucket_row *bucket,
                                  const struct s3_notification_configuration *configuration,
                                  bool skips_test)
{
    struct vec targets;
    vec_init(&targets, call->arena, sizeof(struct target));
    gather(configuration, &targets);
    for (size_t i = 0; i < targets.count; i++) {
        struct target *target = vec_at(&targets, i);
        if (target->events->count == 0)
            return s3_fail_malformed_xml(call);
        enum status status = check_filter(call, target);
        if (status != STATUS_DONE)
            return status;
        if (!target->id->len)
            *target->id = rand_uuid(call->arena);
    }
    enum status status = check_overlaps(call, &targets);
    for (size_t i = 0; status == STATUS_DONE && i < targets.count; i++)
        status = check_target(call, bucket, vec_at(&targets, i), !skips_test);
    return status;
}
