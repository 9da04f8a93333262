/* lifecycle.c — rules by which objects age: their checks, and the workflow that carries them out.
 *
 * A bucket with rules has one workflow "s3.lifecycle". It wakes at every midnight (UTC, of the
 * movable clock) and walks all versions of the bucket in the order (key, newest first), a page per
 * step; where it stands is in its state, so a restart goes on. Of each version it asks the rules
 * what is due: expiry, transition, removal of what is no longer current. Uploads that were never
 * finished are looked at last.
 *
 * AWS: "Lifecycle configuration elements": a time in days counts from the creation and is rounded
 * up to the next midnight UTC; for versions that are not current it counts from when their
 * successor was made. Expiry wins over transition, and the furthest transition that is due over
 * earlier ones.
 *
 * Docs: S3 user guide, "Managing the lifecycle of objects"; API reference,
 * PutBucketLifecycleConfiguration.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/bucket.h"
#include "service/s3/store.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/uri.h"

enum {
    MAX_RULES = 1000, /* AWS: "a lifecycle configuration can have up to 1,000 rules" */
    MAX_RULE_ID = 255,
    MIN_DAYS_INFREQUENT = 30,
    MIN_TRANSITION_SIZE = 128 * 1024, /* AWS: smaller objects are not moved by default */
    STEP_VERSIONS = 200,              /* versions looked at in one transaction */
    STEP_UPLOADS = 200,
};

#define DAY_MS (24LL * 60 * 60 * 1000)

/* What is kept is the output of Get: rules and the header. */
static const struct shape *configuration_shape(void)
{
    return s3_operations[S3_OP_GET_BUCKET_LIFECYCLE_CONFIGURATION].out;
}

/* ---- checks ---- */

static enum status invalid(struct call *call, const char *text)
{
    return s3_fail(call, &S3_INVALID_ARGUMENT, NULL, "%s", text);
}

static bool is_midnight(int64_t time_ms)
{
    return time_ms % DAY_MS == 0;
}

/* A time is given by exactly one of days and date. */
static enum status check_time(struct call *call, struct opt_i32 days, struct opt_i64 date,
                              const char *action, int32_t least)
{
    if (days.is_set == date.is_set)
        return s3_fail_malformed_xml(call);
    if (days.is_set && days.value < least)
        return s3_fail(call, &S3_INVALID_ARGUMENT, NULL, "'Days' for %s action must be %s", action,
                       least > 0 ? "a positive integer" : "nonnegative");
    if (date.is_set && !is_midnight(date.value))
        return invalid(call, "'Date' must be at midnight GMT");
    return STATUS_DONE;
}

/* The predicates of a rule's filter; an absent filter, or an old rule's Prefix, as one with only a
 * prefix. */
struct predicates {
    struct str prefix;
    const struct s3_tag *tags;
    size_t tag_count;
    struct opt_i64 larger_than;
    struct opt_i64 smaller_than;
};

static struct predicates predicates_of(const struct s3_lifecycle_rule *rule)
{
    struct predicates out = {.prefix = str_or(rule->prefix, STR(""))};
    const struct s3_lifecycle_rule_filter *filter = rule->filter;
    if (filter && filter->and) {
        out.prefix = str_or(filter->and->prefix, STR(""));
        out.tags = filter->and->tags.items;
        out.tag_count = filter->and->tags.count;
        out.larger_than = filter->and->object_size_greater_than;
        out.smaller_than = filter->and->object_size_less_than;
    } else if (filter) {
        out.prefix = str_or(filter->prefix, STR(""));
        out.tags = filter->tag;
        out.tag_count = filter->tag ? 1 : 0;
        out.larger_than = filter->object_size_greater_than;
        out.smaller_than = filter->object_size_less_than;
    }
    return out;
}

static enum status check_filter(struct call *call, const struct s3_lifecycle_rule *rule)
{
    const struct s3_lifecycle_rule_filter *filter = rule->filter;
    /* AWS: a rule has a Filter, or (the old form) a Prefix. */
    if ((filter != NULL) == (rule->prefix.ptr != NULL))
        return s3_fail_malformed_xml(call);
    if (!filter)
        return STATUS_DONE;
    int predicates = (filter->prefix.ptr != NULL) + (filter->tag != NULL) +
                     filter->object_size_greater_than.is_set +
                     filter->object_size_less_than.is_set + (filter->and != NULL);
    if (predicates > 1)
        return s3_fail_malformed_xml(call);
    struct predicates all = predicates_of(rule);
    if (all.larger_than.is_set && all.smaller_than.is_set &&
        all.smaller_than.value <= all.larger_than.value)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "'ObjectSizeLessThan' has to be a value greater than "
                       "'ObjectSizeGreaterThan'.");
    for (size_t i = 0; i < all.tag_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (str_eq(all.tags[i].key, all.tags[j].key))
                return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                               "Duplicate Tag Keys are not allowed.");
        }
    }
    return STATUS_DONE;
}

static bool is_infrequent(struct str storage_class)
{
    return str_eq_cstr(storage_class, "STANDARD_IA") || str_eq_cstr(storage_class, "ONEZONE_IA");
}

static bool is_transition_class(struct str name)
{
    static const struct str classes[] = {
        STR_INIT("STANDARD_IA"), STR_INIT("ONEZONE_IA"), STR_INIT("INTELLIGENT_TIERING"),
        STR_INIT("GLACIER"),     STR_INIT("GLACIER_IR"), STR_INIT("DEEP_ARCHIVE"),
    };
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (str_eq(classes[i], name))
            return true;
    }
    return false;
}

static enum status check_transitions(struct call *call, const struct s3_lifecycle_rule *rule)
{
    for (size_t i = 0; i < rule->transitions.count; i++) {
        const struct s3_transition *transition = &rule->transitions.items[i];
        if (!is_transition_class(transition->storage_class))
            return s3_fail_malformed_xml(call);
        enum status status = check_time(call, transition->days, transition->date, "Transition", 0);
        if (status != STATUS_DONE)
            return status;
        if (transition->days.is_set && is_infrequent(transition->storage_class) &&
            transition->days.value < MIN_DAYS_INFREQUENT)
            return s3_fail(call, &S3_INVALID_ARGUMENT, NULL,
                           "'Days' in Transition action must be greater than or equal to 30 for "
                           "storageClass '" STR_FMT "'",
                           STR_ARG(transition->storage_class));
        const struct s3_lifecycle_expiration *expiration = rule->expiration;
        if (transition->days.is_set && expiration && expiration->days.is_set &&
            expiration->days.value <= transition->days.value)
            return s3_fail(call, &S3_INVALID_ARGUMENT, NULL,
                           "'Days' in the Expiration action for filter '(prefix=" STR_FMT
                           ")' must be greater than 'Days' in the Transition action",
                           STR_ARG(predicates_of(rule).prefix));
    }
    for (size_t i = 0; i < rule->noncurrent_version_transitions.count; i++) {
        const struct s3_noncurrent_version_transition *transition =
            &rule->noncurrent_version_transitions.items[i];
        if (!is_transition_class(transition->storage_class) || !transition->noncurrent_days.is_set)
            return s3_fail_malformed_xml(call);
        if (is_infrequent(transition->storage_class) &&
            transition->noncurrent_days.value < MIN_DAYS_INFREQUENT)
            return s3_fail(call, &S3_INVALID_ARGUMENT, NULL,
                           "'NoncurrentDays' in NoncurrentVersionTransition action must be greater "
                           "than or equal to 30 for storageClass '" STR_FMT "'",
                           STR_ARG(transition->storage_class));
    }
    return STATUS_DONE;
}

static enum status check_expiration(struct call *call, const struct s3_lifecycle_rule *rule)
{
    const struct s3_lifecycle_expiration *expiration = rule->expiration;
    if (!expiration)
        return STATUS_DONE;
    if (!expiration->expired_object_delete_marker.is_set)
        return check_time(call, expiration->days, expiration->date, "Expiration", 1);
    if (expiration->days.is_set || expiration->date.is_set)
        return s3_fail_malformed_xml(call);
    if (predicates_of(rule).tag_count > 0)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "ExpiredObjectDeleteMarker cannot be specified with Tags.");
    return STATUS_DONE;
}

static enum status check_others(struct call *call, const struct s3_lifecycle_rule *rule)
{
    const struct s3_noncurrent_version_expiration *noncurrent = rule->noncurrent_version_expiration;
    if (noncurrent &&
        (!noncurrent->noncurrent_days.is_set || noncurrent->noncurrent_days.value < 1))
        return invalid(call, "'NoncurrentDays' for NoncurrentVersionExpiration action must be a "
                             "positive integer");
    if (noncurrent && noncurrent->newer_noncurrent_versions.is_set &&
        (noncurrent->newer_noncurrent_versions.value < 1 ||
         noncurrent->newer_noncurrent_versions.value > 100))
        return invalid(call, "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action "
                             "must be between 1 and 100");
    const struct s3_abort_incomplete_multipart_upload *abort_upload =
        rule->abort_incomplete_multipart_upload;
    if (abort_upload && (!abort_upload->days_after_initiation.is_set ||
                         abort_upload->days_after_initiation.value < 1))
        return invalid(call, "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must "
                             "be a positive integer");
    if (abort_upload && predicates_of(rule).tag_count > 0)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "AbortIncompleteMultipartUpload cannot be specified with Tags.");
    return STATUS_DONE;
}

static enum status check_rule(struct call *call, struct s3_lifecycle_rule *rule)
{
    if (rule->id.len > MAX_RULE_ID)
        return invalid(call, "ID length should not exceed allowed limit of 255");
    if (!str_eq_cstr(rule->status, "Enabled") && !str_eq_cstr(rule->status, "Disabled"))
        return s3_fail_malformed_xml(call);
    if (!rule->expiration && rule->transitions.count == 0 &&
        rule->noncurrent_version_transitions.count == 0 && !rule->noncurrent_version_expiration &&
        !rule->abort_incomplete_multipart_upload)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "At least one action needs to be specified in a rule");
    static enum status (*const checks[])(struct call *, const struct s3_lifecycle_rule *) = {
        check_filter, check_expiration, check_transitions, check_others};
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        enum status status = checks[i](call, rule);
        if (status != STATUS_DONE)
            return status;
    }
    if (rule->id.len == 0)
        rule->id = rand_uuid(call->arena);
    return STATUS_DONE;
}

static enum status check_rules(struct call *call, const struct s3_lifecycle_rules *rules)
{
    if (rules->count == 0 || rules->count > MAX_RULES)
        return s3_fail_malformed_xml(call);
    for (size_t i = 0; i < rules->count; i++) {
        enum status status = check_rule(call, &rules->items[i]);
        if (status != STATUS_DONE)
            return status;
        for (size_t j = 0; j < i; j++) {
            if (str_eq(rules->items[i].id, rules->items[j].id))
                return invalid(call, "Rule ID must be unique. Found same ID for more than one "
                                     "rule");
        }
    }
    return STATUS_DONE;
}

/* ---- operations ---- */

static struct str workflow_id(struct call *call, const struct s3_bucket_row *bucket)
{
    return str_format(call->arena, "%lld", (long long)bucket->bucket_key);
}

static int64_t next_midnight(int64_t time_ms)
{
    return (time_ms / DAY_MS + 1) * DAY_MS;
}

enum status
s3_put_bucket_lifecycle_configuration(struct call *call,
                                      const struct s3_put_bucket_lifecycle_configuration_in *in,
                                      struct s3_put_bucket_lifecycle_configuration_out *out)
{
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct str minimum =
        str_or(in->transition_default_minimum_object_size, STR("all_storage_classes_128K"));
    if (!in->lifecycle_configuration)
        return s3_fail_malformed_xml(call);
    if (!str_eq_cstr(minimum, "all_storage_classes_128K") &&
        !str_eq_cstr(minimum, "varies_by_storage_class"))
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "Invalid TransitionDefaultMinimumObjectSize found: " STR_FMT,
                       STR_ARG(minimum));
    enum status status = check_rules(call, &in->lifecycle_configuration->rules);
    if (status != STATUS_DONE)
        return status;
    const struct s3_get_bucket_lifecycle_configuration_out configuration = {
        .rules = in->lifecycle_configuration->rules,
        .transition_default_minimum_object_size = minimum,
    };
    out->transition_default_minimum_object_size = minimum;
    status = s3_set_config(call, bucket, S3_CONFIG_LIFECYCLE,
                           s3_config_text(call, configuration_shape(), &configuration));
    if (status != STATUS_DONE)
        return status;
    int rc = workflow_exists(call, s3_lifecycle_kind.name, workflow_id(call, bucket));
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: look for a workflow");
    return rc == 1 ? STATUS_DONE
                   : workflow_start(call, s3_lifecycle_kind.name, workflow_id(call, bucket), NULL);
}

static enum status load(struct call *call, const struct s3_bucket_row *bucket,
                        struct s3_get_bucket_lifecycle_configuration_out **out)
{
    void *loaded = NULL;
    enum status status =
        s3_load_config(call, bucket, S3_CONFIG_LIFECYCLE, configuration_shape(), &loaded);
    *out = loaded;
    return status;
}

enum status
s3_get_bucket_lifecycle_configuration(struct call *call,
                                      const struct s3_get_bucket_lifecycle_configuration_in *in,
                                      struct s3_get_bucket_lifecycle_configuration_out *out)
{
    (void)in;
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct s3_get_bucket_lifecycle_configuration_out *configuration = NULL;
    enum status status = load(call, bucket, &configuration);
    if (status != STATUS_DONE)
        return status;
    if (!configuration)
        return s3_fail(call, &S3_NO_SUCH_LIFECYCLE_CONFIGURATION,
                       &(struct s3_fault_details_error){.bucket_name = bucket->name},
                       "The lifecycle configuration does not exist");
    *out = *configuration;
    return STATUS_DONE;
}

enum status s3_delete_bucket_lifecycle(struct call *call,
                                       const struct s3_delete_bucket_lifecycle_in *in,
                                       struct s3_delete_bucket_lifecycle_out *out)
{
    (void)in;
    (void)out;
    return s3_set_config(call, s3_bucket_of(call), S3_CONFIG_LIFECYCLE, (struct str){0});
}

/* ---- what is due ---- */

static int64_t due_after(int64_t since_ms, int32_t days)
{
    int64_t time_ms = since_ms + days * DAY_MS;
    return is_midnight(time_ms) ? time_ms : next_midnight(time_ms);
}

static bool has_tag(const struct json *tags, const struct s3_tag *wanted)
{
    const struct json *found = json_find(tags, wanted->key);
    return found && str_eq(found->text, str_or(wanted->value, STR("")));
}

static bool is_meant(struct arena *arena, const struct s3_lifecycle_rule *rule,
                     const struct s3_object_row *object)
{
    struct predicates predicates = predicates_of(rule);
    struct json *tags = NULL;
    if (!str_eq_cstr(rule->status, "Enabled") || !str_starts_with(object->key, predicates.prefix))
        return false;
    if (predicates.larger_than.is_set && object->size <= predicates.larger_than.value)
        return false;
    if (predicates.smaller_than.is_set && object->size >= predicates.smaller_than.value)
        return false;
    if (predicates.tag_count > 0 &&
        (!object->tags.ptr || json_parse(arena, object->tags, 0, &tags, NULL) < 0))
        return false;
    for (size_t i = 0; i < predicates.tag_count; i++) {
        if (!has_tag(tags, &predicates.tags[i]))
            return false;
    }
    return true;
}

/* When the rule expires the current version; 0: never. */
static int64_t expiry_of(const struct s3_lifecycle_rule *rule, const struct s3_object_row *object)
{
    const struct s3_lifecycle_expiration *expiration = rule->expiration;
    if (!expiration || expiration->expired_object_delete_marker.is_set)
        return 0;
    return expiration->date.is_set ? expiration->date.value
                                   : due_after(object->modified_at_ms, expiration->days.value);
}

enum status s3_expiration_of(struct call *call, const struct s3_bucket_row *bucket,
                             const struct s3_object_row *object, struct str *out_text)
{
    struct s3_get_bucket_lifecycle_configuration_out *configuration = NULL;
    enum status status = load(call, bucket, &configuration);
    int64_t soonest = 0;
    const struct s3_lifecycle_rule *first = NULL;
    for (size_t i = 0; status == STATUS_DONE && configuration && i < configuration->rules.count;
         i++) {
        const struct s3_lifecycle_rule *rule = &configuration->rules.items[i];
        int64_t due = is_meant(call->arena, rule, object) ? expiry_of(rule, object) : 0;
        if (due != 0 && (!first || due < soonest)) {
            first = rule;
            soonest = due;
        }
    }
    *out_text = (struct str){0};
    if (first)
        *out_text = str_format(call->arena, "expiry-date=\"" STR_FMT "\", rule-id=\"" STR_FMT "\"",
                               STR_ARG(time_http(call->arena, soonest)),
                               STR_ARG(uri_encode_str(call->arena, first->id, false)));
    return status;
}

/* ---- carrying out ---- */

/* Where the walk stands, and what it knows of the key that it is in. */
struct walk {
    struct call *call;
    const struct s3_bucket_row *bucket;
    const struct s3_get_bucket_lifecycle_configuration_out *configuration;
    struct str key; /* of the version before */
    int64_t seq;
    int64_t newer_at_ms; /* when the version before was made */
    int64_t newer_count; /* versions that are not current, newer than the next one */
};

static bool is_locked(const struct walk *walk, const struct s3_object_row *object)
{
    return str_eq_cstr(object->legal_hold, "ON") ||
           (object->lock_mode.ptr && object->lock_until_ms > walk->call->now_ms);
}

static enum status remove_version(struct walk *walk, const struct s3_object_row *object)
{
    struct s3_deletion deletion = {0};
    enum status status = s3_delete_version(walk->call, walk->bucket, object, &deletion);
    if (status != STATUS_DONE)
        return status;
    return s3_event(walk->call, walk->bucket, object, "LifecycleExpiration:Delete");
}

static enum status expire_current(struct walk *walk, const struct s3_object_row *object)
{
    struct s3_deletion deletion = {0};
    enum status status = s3_delete_current(walk->call, walk->bucket, object->key, &deletion);
    if (status != STATUS_DONE)
        return status;
    return s3_event(walk->call, walk->bucket, deletion.marker ? deletion.marker : object,
                    deletion.marker ? "LifecycleExpiration:DeleteMarkerCreated"
                                    : "LifecycleExpiration:Delete");
}

static enum status move(struct walk *walk, struct s3_object_row *object, struct str storage_class)
{
    if (str_eq(object->storage_class, storage_class))
        return STATUS_DONE;
    object->storage_class = storage_class;
    int rc = s3_store_set_class(walk->call->db, object);
    if (rc < 0)
        return call_fail_internal(walk->call, rc, "s3: move an object");
    return s3_event(walk->call, walk->bucket, object, "LifecycleTransition");
}

/* AWS: "Transitions: minimum object size": unless a rule says a size of its own. */
static bool is_too_small(const struct walk *walk, const struct s3_lifecycle_rule *rule,
                         const struct s3_object_row *object, struct str storage_class)
{
    struct predicates predicates = predicates_of(rule);
    if (predicates.larger_than.is_set || predicates.smaller_than.is_set ||
        object->size >= MIN_TRANSITION_SIZE)
        return false;
    bool is_archive =
        str_eq_cstr(storage_class, "GLACIER") || str_eq_cstr(storage_class, "DEEP_ARCHIVE");
    bool varies = str_eq_cstr(walk->configuration->transition_default_minimum_object_size,
                              "varies_by_storage_class");
    return !(varies && is_archive);
}

/* The class that the version should be in by now, or absent. */
static struct str due_class(const struct walk *walk, const struct s3_object_row *object,
                            bool is_current)
{
    int64_t now_ms = walk->call->now_ms;
    struct str found = {0};
    int64_t found_at = 0;
    for (size_t r = 0; r < walk->configuration->rules.count; r++) {
        const struct s3_lifecycle_rule *rule = &walk->configuration->rules.items[r];
        if (!is_meant(walk->call->arena, rule, object))
            continue;
        size_t count =
            is_current ? rule->transitions.count : rule->noncurrent_version_transitions.count;
        for (size_t i = 0; i < count; i++) {
            const struct s3_transition *current = &rule->transitions.items[i];
            const struct s3_noncurrent_version_transition *other =
                &rule->noncurrent_version_transitions.items[i];
            int64_t due = !is_current ? due_after(walk->newer_at_ms, other->noncurrent_days.value)
                          : current->date.is_set
                              ? current->date.value
                              : due_after(object->modified_at_ms, current->days.value);
            struct str wanted = is_current ? current->storage_class : other->storage_class;
            bool is_kept = !is_current && other->newer_noncurrent_versions.is_set &&
                           walk->newer_count < other->newer_noncurrent_versions.value;
            if (due > now_ms || due < found_at || is_kept ||
                is_too_small(walk, rule, object, wanted))
                continue;
            found = wanted;
            found_at = due;
        }
    }
    return found;
}

static enum status age_current(struct walk *walk, struct s3_object_row *object)
{
    for (size_t i = 0; i < walk->configuration->rules.count; i++) {
        const struct s3_lifecycle_rule *rule = &walk->configuration->rules.items[i];
        int64_t due = is_meant(walk->call->arena, rule, object) ? expiry_of(rule, object) : 0;
        if (due != 0 && due <= walk->call->now_ms)
            return expire_current(walk, object);
    }
    struct str storage_class = due_class(walk, object, true);
    return storage_class.ptr ? move(walk, object, storage_class) : STATUS_DONE;
}

/* A delete marker with nothing behind it. AWS: "expired object delete markers" go by the rule's own
 * flag, and by a rule that expires objects after days. */
static enum status age_marker(struct walk *walk, const struct s3_object_row *marker)
{
    for (size_t i = 0; i < walk->configuration->rules.count; i++) {
        const struct s3_lifecycle_rule *rule = &walk->configuration->rules.items[i];
        const struct s3_lifecycle_expiration *expiration = rule->expiration;
        if (!expiration || !is_meant(walk->call->arena, rule, marker))
            continue;
        bool is_due =
            opt_bool_or(expiration->expired_object_delete_marker, false) ||
            (expiration->days.is_set &&
             due_after(marker->modified_at_ms, expiration->days.value) <= walk->call->now_ms);
        if (is_due)
            return remove_version(walk, marker);
    }
    return STATUS_DONE;
}

static enum status age_noncurrent(struct walk *walk, struct s3_object_row *object)
{
    for (size_t i = 0; i < walk->configuration->rules.count; i++) {
        const struct s3_lifecycle_rule *rule = &walk->configuration->rules.items[i];
        const struct s3_noncurrent_version_expiration *expiration =
            rule->noncurrent_version_expiration;
        if (!expiration || !is_meant(walk->call->arena, rule, object) ||
            walk->newer_count < opt_i32_or(expiration->newer_noncurrent_versions, 0))
            continue;
        if (due_after(walk->newer_at_ms, expiration->noncurrent_days.value) <= walk->call->now_ms &&
            !is_locked(walk, object))
            return remove_version(walk, object);
    }
    struct str storage_class = object->is_marker ? (struct str){0} : due_class(walk, object, false);
    return storage_class.ptr ? move(walk, object, storage_class) : STATUS_DONE;
}

/* One version; `next` is the one behind it, or NULL at the end. */
static enum status age(struct walk *walk, struct s3_object_row *object,
                       const struct s3_object_row *next)
{
    bool is_newest = !walk->key.ptr || !str_eq(walk->key, object->key);
    bool is_last = !next || !str_eq(next->key, object->key);
    enum status status = STATUS_DONE;
    if (is_newest)
        walk->newer_count = 0;
    if (is_newest && !object->is_marker)
        status = age_current(walk, object);
    else if (is_newest && is_last)
        status = age_marker(walk, object);
    else if (!is_newest)
        status = age_noncurrent(walk, object);
    if (!is_newest)
        walk->newer_count++;
    walk->key = object->key;
    walk->seq = object->seq;
    walk->newer_at_ms = object->modified_at_ms;
    return status;
}

/* ---- uploads ---- */

static bool is_abandoned(const struct walk *walk, const struct s3_upload *upload)
{
    for (size_t i = 0; i < walk->configuration->rules.count; i++) {
        const struct s3_lifecycle_rule *rule = &walk->configuration->rules.items[i];
        const struct s3_abort_incomplete_multipart_upload *abort_upload =
            rule->abort_incomplete_multipart_upload;
        if (abort_upload && str_eq_cstr(rule->status, "Enabled") &&
            str_starts_with(upload->object.key, predicates_of(rule).prefix) &&
            due_after(upload->object.modified_at_ms, abort_upload->days_after_initiation.value) <=
                walk->call->now_ms)
            return true;
    }
    return false;
}

static enum status abort_uploads(struct walk *walk)
{
    struct str after_key = STR("");
    struct str after_id = {0};
    for (;;) {
        struct s3_upload *uploads = NULL;
        size_t count = 0;
        int rc = s3_store_list_uploads(walk->call->db, walk->call->arena, walk->bucket->bucket_key,
                                       after_key, after_id, (struct str){0}, STEP_UPLOADS, &uploads,
                                       &count);
        if (rc < 0)
            return call_fail_internal(walk->call, rc, "s3: list uploads");
        for (size_t i = 0; i < count; i++) {
            if (!is_abandoned(walk, &uploads[i]))
                continue;
            enum status status = s3_release_body(walk->call, uploads[i].object.body_key);
            if (status != STATUS_DONE)
                return status;
            rc = s3_store_delete_upload(walk->call->db, uploads[i].upload_id);
            if (rc < 0)
                return call_fail_internal(walk->call, rc, "s3: abort an upload");
        }
        if (count < STEP_UPLOADS)
            return STATUS_DONE;
        after_key = uploads[count - 1].object.key;
        after_id = uploads[count - 1].upload_id;
    }
}

/* ---- the workflow ---- */

static int64_t number_of(const struct json *state, const char *name)
{
    const struct json *value = json_find_cstr(state, name);
    int64_t number = 0;
    return value && str_to_i64(value->text, &number) == 0 ? number : 0;
}

static void save_walk(const struct walk *walk, struct workflow *workflow)
{
    struct arena *arena = walk->call->arena;
    struct json *state = json_new(arena, JSON_OBJECT);
    json_set(state, STR("Key"), json_new_string(arena, walk->key));
    json_set(state, STR("Seq"), json_new_number(arena, walk->seq));
    json_set(state, STR("NewerAt"), json_new_number(arena, walk->newer_at_ms));
    json_set(state, STR("NewerCount"), json_new_number(arena, walk->newer_count));
    workflow->state = state;
}

static struct walk load_walk(struct call *call, const struct workflow *workflow)
{
    return (struct walk){
        .call = call,
        .key = json_find_str(workflow->state, "Key"),
        .seq = number_of(workflow->state, "Seq"),
        .newer_at_ms = number_of(workflow->state, "NewerAt"),
        .newer_count = number_of(workflow->state, "NewerCount"),
    };
}

/* A page of versions. *out_is_done: it was the last. */
static enum status age_page(struct walk *walk, bool *out_is_done)
{
    struct s3_object_row *items = NULL;
    size_t count = 0;
    int rc = s3_store_walk_versions(walk->call->db, walk->call->arena, walk->bucket->bucket_key,
                                    str_or(walk->key, STR("")), walk->seq, STR(""),
                                    STEP_VERSIONS + 1, &items, &count);
    if (rc < 0)
        return call_fail_internal(walk->call, rc, "s3: walk a bucket");
    *out_is_done = count <= STEP_VERSIONS;
    size_t page = *out_is_done ? count : STEP_VERSIONS;
    for (size_t i = 0; i < page; i++) {
        enum status status = age(walk, &items[i], i + 1 < count ? &items[i + 1] : NULL);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static enum status step(struct call *call, struct workflow *workflow, enum workflow_next *out_next)
{
    struct walk walk = load_walk(call, workflow);
    struct s3_bucket_row *bucket = NULL;
    struct s3_get_bucket_lifecycle_configuration_out *configuration = NULL;
    int64_t bucket_key = 0;
    if (str_to_i64(workflow->id, &bucket_key) < 0)
        bucket_key = 0;
    int rc = s3_store_get_bucket(call->db, call->arena, bucket_key, &bucket);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a bucket");
    enum status status = bucket ? load(call, bucket, &configuration) : STATUS_DONE;
    *out_next = WORKFLOW_DONE;
    if (status != STATUS_DONE || !configuration)
        return status;
    walk.bucket = bucket;
    walk.configuration = configuration;
    bool is_done = false;
    status = age_page(&walk, &is_done);
    if (status == STATUS_DONE && is_done)
        status = abort_uploads(&walk);
    *out_next = WORKFLOW_AGAIN;
    workflow->run_at_ms = is_done ? next_midnight(call->now_ms) : 0;
    if (is_done)
        workflow->state = json_new(call->arena, JSON_OBJECT);
    else
        save_walk(&walk, workflow);
    return status;
}

const struct workflow_kind s3_lifecycle_kind = {
    .name = STR_INIT("s3.lifecycle"),
    .step = step,
};
