/* cfn_convert.c — properties of AWS::S3::Bucket as the structures of S3's API: mostly other names.
 *
 * Docs: CloudFormation template reference, AWS::S3::Bucket and its property types.
 */
#include "base/arena.h"
#include "service/s3/cfn.h"
#include "syntax/json.h"

/* A member under another name; what is absent stays absent. */
struct rename {
    const char *from;
    const char *to; /* NULL: the same */
};

static void put(struct json *out, struct str name, struct json *value)
{
    if (value)
        json_set(out, name, value);
}

static void take(struct arena *arena, struct json *out, const char *name, const struct json *from)
{
    if (!from || from->kind == JSON_NULL)
        return;
    struct json *copy = json_copy(arena, from);
    put(out, str_from_cstr(name), copy);
}

static struct json *renamed(struct arena *arena, const struct json *from,
                            const struct rename *names, size_t count)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    for (size_t i = 0; i < count; i++)
        take(arena, out, names[i].to ? names[i].to : names[i].from,
             json_find_cstr(from, names[i].from));
    return out;
}

static struct json *with(struct arena *arena, const char *name, struct json *value)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    put(out, str_from_cstr(name), value);
    return out;
}

/* Each item of a list converted; NULL when there is no list. */
static struct json *mapped(struct arena *arena, const struct json *list, s3_convert_fn *convert)
{
    if (!json_is_array(list))
        return NULL;
    struct json *out = json_new(arena, JSON_ARRAY);
    for (const struct json *item = list->first; item; item = item->next)
        json_append(out, convert(arena, item));
    return out;
}

struct json *s3_cfn_same(struct arena *arena, const struct json *value)
{
    return json_copy(arena, value);
}

struct json *s3_cfn_accelerate(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"AccelerationStatus", "Status"}};
    return renamed(arena, value, names, ARRAY_LEN(names));
}

struct json *s3_cfn_abac(struct arena *arena, const struct json *value)
{
    return with(arena, "Status", json_new_string(arena, value->text));
}

static struct json *encryption_rule(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {
        {"ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault"},
        {"BucketKeyEnabled", NULL},
        {"BlockedEncryptionTypes", NULL},
    };
    return renamed(arena, value, names, ARRAY_LEN(names));
}

struct json *s3_cfn_encryption(struct arena *arena, const struct json *value)
{
    return with(
        arena, "Rules",
        mapped(arena, json_find_cstr(value, "ServerSideEncryptionConfiguration"), encryption_rule));
}

static struct json *cors_rule(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {
        {"AllowedHeaders", NULL},
        {"AllowedMethods", NULL},
        {"AllowedOrigins", NULL},
        {"ExposedHeaders", "ExposeHeaders"},
        {"Id", "ID"},
        {"MaxAge", "MaxAgeSeconds"},
    };
    return renamed(arena, value, names, ARRAY_LEN(names));
}

struct json *s3_cfn_cors(struct arena *arena, const struct json *value)
{
    return with(arena, "CORSRules", mapped(arena, json_find_cstr(value, "CorsRules"), cors_rule));
}

/* ---- filters ---- */

/* Prefix, tags and whatever else a filter has: one predicate alone, several under And. */
static struct json *filter_of(struct arena *arena, const struct json *from,
                              const struct rename *others, size_t other_count)
{
    struct json *all = renamed(arena, from, others, other_count);
    const struct json *tags = json_find_cstr(from, "TagFilters");
    size_t tag_count = json_is_array(tags) ? tags->count : 0;
    take(arena, all, "Prefix", json_find_cstr(from, "Prefix"));
    if (all->count + tag_count > 1) {
        if (tag_count > 0)
            take(arena, all, "Tags", tags);
        return with(arena, "And", all);
    }
    if (tag_count == 1)
        take(arena, all, "Tag", tags->first);
    return all;
}

/* ---- lifecycle ---- */

static struct json *transition(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {
        {"StorageClass", NULL}, {"TransitionDate", "Date"}, {"TransitionInDays", "Days"}};
    return renamed(arena, value, names, ARRAY_LEN(names));
}

static struct json *noncurrent_transition(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"StorageClass", NULL},
                                          {"TransitionInDays", "NoncurrentDays"},
                                          {"NewerNoncurrentVersions", NULL}};
    return renamed(arena, value, names, ARRAY_LEN(names));
}

/* The list, or the one item of the older property. */
static struct json *one_or_many(struct arena *arena, const struct json *rule, const char *many,
                                const char *one, s3_convert_fn *convert)
{
    struct json *list = mapped(arena, json_find_cstr(rule, many), convert);
    const struct json *single = json_find_cstr(rule, one);
    if (!json_is_object(single))
        return list;
    list = list ? list : json_new(arena, JSON_ARRAY);
    json_append(list, convert(arena, single));
    return list;
}

static struct json *lifecycle_rule(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"Id", "ID"},
                                          {"Status", NULL},
                                          {"AbortIncompleteMultipartUpload", NULL},
                                          {"NoncurrentVersionExpiration", NULL}};
    static const struct rename expiration[] = {{"ExpirationDate", "Date"},
                                               {"ExpirationInDays", "Days"},
                                               {"ExpiredObjectDeleteMarker", NULL}};
    static const struct rename sizes[] = {{"ObjectSizeGreaterThan", NULL},
                                          {"ObjectSizeLessThan", NULL}};
    struct json *out = renamed(arena, value, names, ARRAY_LEN(names));
    struct json *expires = renamed(arena, value, expiration, ARRAY_LEN(expiration));
    const struct json *old_expiration = json_find_cstr(value, "NoncurrentVersionExpirationInDays");
    if (expires->count > 0)
        put(out, STR("Expiration"), expires);
    if (old_expiration)
        put(out, STR("NoncurrentVersionExpiration"),
            with(arena, "NoncurrentDays", json_copy(arena, old_expiration)));
    put(out, STR("Filter"), filter_of(arena, value, sizes, ARRAY_LEN(sizes)));
    put(out, STR("Transitions"),
        one_or_many(arena, value, "Transitions", "Transition", transition));
    put(out, STR("NoncurrentVersionTransitions"),
        one_or_many(arena, value, "NoncurrentVersionTransitions", "NoncurrentVersionTransition",
                    noncurrent_transition));
    return out;
}

struct json *s3_cfn_lifecycle(struct arena *arena, const struct json *value)
{
    return with(arena, "Rules", mapped(arena, json_find_cstr(value, "Rules"), lifecycle_rule));
}

/* ---- logging, notifications ---- */

struct json *s3_cfn_logging(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"DestinationBucketName", "TargetBucket"},
                                          {"LogFilePrefix", "TargetPrefix"},
                                          {"TargetObjectKeyFormat", NULL}};
    struct json *enabled = renamed(arena, value, names, ARRAY_LEN(names));
    if (!json_find_cstr(enabled, "TargetPrefix"))
        put(enabled, STR("TargetPrefix"), json_new_string(arena, STR("")));
    return with(arena, "LoggingEnabled", enabled);
}

static struct json *notification(struct arena *arena, const struct json *value, const char *target,
                                 const char *target_arn)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    struct json *events = json_new(arena, JSON_ARRAY);
    const struct json *event = json_find_cstr(value, "Event");
    const struct json *key = json_find_cstr(json_find_cstr(value, "Filter"), "S3Key");
    if (event)
        json_append(events, json_new_string(arena, event->text));
    put(out, STR("Events"), events);
    take(arena, out, target_arn, json_find_cstr(value, target));
    if (key) {
        struct json *rules = json_new(arena, JSON_OBJECT);
        take(arena, rules, "FilterRules", json_find_cstr(key, "Rules"));
        put(out, STR("Filter"), with(arena, "Key", rules));
    }
    return out;
}

static struct json *queue_notification(struct arena *arena, const struct json *value)
{
    return notification(arena, value, "Queue", "QueueArn");
}

static struct json *topic_notification(struct arena *arena, const struct json *value)
{
    return notification(arena, value, "Topic", "TopicArn");
}

static struct json *function_notification(struct arena *arena, const struct json *value)
{
    return notification(arena, value, "Function", "LambdaFunctionArn");
}

struct json *s3_cfn_notification(struct arena *arena, const struct json *value)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    const struct json *bridge = json_find_cstr(value, "EventBridgeConfiguration");
    const struct json *is_on = json_find_cstr(bridge, "EventBridgeEnabled");
    put(out, STR("QueueConfigurations"),
        mapped(arena, json_find_cstr(value, "QueueConfigurations"), queue_notification));
    put(out, STR("TopicConfigurations"),
        mapped(arena, json_find_cstr(value, "TopicConfigurations"), topic_notification));
    put(out, STR("LambdaFunctionConfigurations"),
        mapped(arena, json_find_cstr(value, "LambdaConfigurations"), function_notification));
    if (bridge && (!is_on || is_on->kind != JSON_FALSE))
        put(out, STR("EventBridgeConfiguration"), json_new(arena, JSON_OBJECT));
    return out;
}

/* ---- replication ---- */

static struct json *replication_rule(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {
        {"DeleteMarkerReplication", NULL},
        {"Destination", NULL},
        {"Id", "ID"},
        {"Prefix", NULL},
        {"Priority", NULL},
        {"Status", NULL},
        {"SourceSelectionCriteria", NULL},
        {"ExistingObjectReplication", NULL},
    };
    static const struct rename plain[] = {{"Prefix", NULL}, {"TagFilter", "Tag"}};
    static const struct rename both[] = {{"Prefix", NULL}, {"TagFilters", "Tags"}};
    struct json *out = renamed(arena, value, names, ARRAY_LEN(names));
    const struct json *filter = json_find_cstr(value, "Filter");
    const struct json *and = json_find_cstr(filter, "And");
    if (and)
        put(out, STR("Filter"), with(arena, "And", renamed(arena, and, both, ARRAY_LEN(both))));
    else if (filter)
        put(out, STR("Filter"), renamed(arena, filter, plain, ARRAY_LEN(plain)));
    return out;
}

struct json *s3_cfn_replication(struct arena *arena, const struct json *value)
{
    struct json *out =
        with(arena, "Rules", mapped(arena, json_find_cstr(value, "Rules"), replication_rule));
    take(arena, out, "Role", json_find_cstr(value, "Role"));
    return out;
}

/* ---- website ---- */

static struct json *routing_rule(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"RedirectRule", "Redirect"},
                                          {"RoutingRuleCondition", "Condition"}};
    return renamed(arena, value, names, ARRAY_LEN(names));
}

struct json *s3_cfn_website(struct arena *arena, const struct json *value)
{
    struct json *out = json_new(arena, JSON_OBJECT);
    const struct json *index = json_find_cstr(value, "IndexDocument");
    const struct json *error = json_find_cstr(value, "ErrorDocument");
    if (index)
        put(out, STR("IndexDocument"), with(arena, "Suffix", json_new_string(arena, index->text)));
    if (error)
        put(out, STR("ErrorDocument"), with(arena, "Key", json_new_string(arena, error->text)));
    take(arena, out, "RedirectAllRequestsTo", json_find_cstr(value, "RedirectAllRequestsTo"));
    put(out, STR("RoutingRules"),
        mapped(arena, json_find_cstr(value, "RoutingRules"), routing_rule));
    return out;
}

/* ---- configurations by id ---- */

static struct json *bucket_destination(struct arena *arena, const struct json *value,
                                       const char *account)
{
    const struct rename names[] = {
        {"BucketArn", "Bucket"}, {"BucketAccountId", account}, {"Format", NULL}, {"Prefix", NULL}};
    return with(arena, "S3BucketDestination", renamed(arena, value, names, ARRAY_LEN(names)));
}

static struct json *id_and_filter(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"Id", NULL}};
    static const struct rename others[] = {{"AccessPointArn", NULL}};
    struct json *out = renamed(arena, value, names, ARRAY_LEN(names));
    struct json *filter = filter_of(arena, value, others, ARRAY_LEN(others));
    if (filter->count > 0)
        put(out, STR("Filter"), filter);
    return out;
}

struct json *s3_cfn_metrics(struct arena *arena, const struct json *value)
{
    return id_and_filter(arena, value);
}

struct json *s3_cfn_tiering(struct arena *arena, const struct json *value)
{
    struct json *out = id_and_filter(arena, value);
    take(arena, out, "Status", json_find_cstr(value, "Status"));
    take(arena, out, "Tierings", json_find_cstr(value, "Tierings"));
    return out;
}

struct json *s3_cfn_analytics(struct arena *arena, const struct json *value)
{
    struct json *out = id_and_filter(arena, value);
    struct json *analysis = json_new(arena, JSON_OBJECT);
    const struct json *from =
        json_find_cstr(json_find_cstr(value, "StorageClassAnalysis"), "DataExport");
    if (from) {
        struct json *data =
            with(arena, "Destination",
                 bucket_destination(arena, json_find_cstr(from, "Destination"), "BucketAccountId"));
        take(arena, data, "OutputSchemaVersion", json_find_cstr(from, "OutputSchemaVersion"));
        put(analysis, STR("DataExport"), data);
    }
    put(out, STR("StorageClassAnalysis"), analysis);
    return out;
}

struct json *s3_cfn_inventory(struct arena *arena, const struct json *value)
{
    static const struct rename names[] = {{"Id", NULL},
                                          {"Enabled", "IsEnabled"},
                                          {"IncludedObjectVersions", NULL},
                                          {"OptionalFields", NULL}};
    struct json *out = renamed(arena, value, names, ARRAY_LEN(names));
    const struct json *prefix = json_find_cstr(value, "Prefix");
    const struct json *frequency = json_find_cstr(value, "ScheduleFrequency");
    if (prefix)
        put(out, STR("Filter"), with(arena, "Prefix", json_new_string(arena, prefix->text)));
    if (frequency)
        put(out, STR("Schedule"),
            with(arena, "Frequency", json_new_string(arena, frequency->text)));
    put(out, STR("Destination"),
        bucket_destination(arena, json_find_cstr(value, "Destination"), "AccountId"));
    return out;
}
