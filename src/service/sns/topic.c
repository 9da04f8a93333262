/* topic.c — topics: create, delete, look up, list, attributes; names and ARNs.
 *
 * Model: models/sns.model. OBSERVED (2023-08 to 2025-10, us-east-1): error texts.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    NAME_MAX = 256, /* AWS: topic names, ".fifo" included */
};

/* Pieced together, because it is made for every message. */
struct str sns_topic_arn(struct arena *arena, const struct sns_topic_row *topic)
{
    struct str prefix = str_concat3(arena, STR("arn:aws:sns:"), topic->region, STR(":"));
    return str_concat3(arena, prefix, topic->account, str_concat(arena, STR(":"), topic->name));
}

bool sns_split_arn(struct str arn, const char *service, struct scope *out_scope,
                   struct str *out_rest)
{
    struct str found = {0};
    return delivery_split_arn(arn, &found, out_scope, out_rest) && str_eq_cstr(found, service);
}

struct str sns_account_of(struct str arn)
{
    struct scope scope = {0};
    return delivery_split_arn(arn, NULL, &scope, NULL) ? scope.account : STR("");
}

enum status sns_refuse_arn(struct call *call, const char *what, struct str arn)
{
    size_t elements = 1;
    for (size_t i = 0; i < arn.len; i++)
        elements += arn.ptr[i] == ':';
    if (elements < 6)
        return sns_invalid(call, "%s Reason: An ARN must have at least 6 elements, not %zu", what,
                           elements);
    return sns_invalid(call, "%s", what);
}

int sns_find_topic(struct call *call, struct str arn, struct sns_topic_row **out_topic)
{
    struct scope scope = {0};
    struct str name = {0};
    if (!sns_split_arn(arn, "sns", &scope, &name))
        return 0;
    int rc = sns_store_find_topic(call->db, call->arena, scope, name, out_topic);
    return rc < 0 ? rc : *out_topic != NULL;
}

enum status sns_resolve_topic(struct call *call, struct str arn, struct sns_topic_row **out_topic)
{
    struct scope scope = {0};
    struct str name = {0};
    bool is_anonymous = call->principal->kind == PRINCIPAL_ANONYMOUS; /* by a link, of no region */
    if (!sns_split_arn(arn, "sns", &scope, &name) || str_index(name, ':') >= 0 ||
        (!is_anonymous && !str_eq(scope.region, call->scope.region)))
        return sns_refuse_arn(call, "TopicArn", arn);
    int rc = sns_find_topic(call, arn, out_topic);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find topic");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &SNS_NOT_FOUND_EXCEPTION, "Topic does not exist");
}

struct sns_topic_row *sns_topic_of(struct call *call)
{
    CHECK(call->subject != NULL);
    return call->subject;
}

enum status sns_save_topic(struct call *call, const struct sns_topic_row *topic)
{
    int rc = sns_store_update_topic(call->db, call->arena, topic);
    return rc < 0 ? call_fail_internal(call, rc, "sns: update topic") : STATUS_DONE;
}

struct str sns_setting(const struct json *settings, const char *name)
{
    return json_find_str(settings, name);
}

bool sns_is_set(const struct json *settings, const char *name)
{
    return str_eq_cstr(json_find_str(settings, name), "true");
}

void sns_set(struct call *call, struct json *settings, const char *name, struct str value)
{
    struct str key = str_from_cstr(name);
    if (value.ptr)
        json_set(settings, key, json_new_string(call->arena, value));
    else
        (void)json_remove(settings, key);
}

struct str sns_topic_policy(struct call *call, const struct sns_topic_row *topic)
{
    struct str own = sns_setting(topic->settings, "Policy");
    if (own.ptr)
        return own;
    return str_format(
        call->arena,
        "{\"Version\":\"2008-10-17\",\"Id\":\"__default_policy_ID\",\"Statement\":[{\"Sid\":"
        "\"__default_statement_ID\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},"
        "\"Action\":[\"SNS:GetTopicAttributes\",\"SNS:SetTopicAttributes\","
        "\"SNS:AddPermission\",\"SNS:RemovePermission\",\"SNS:DeleteTopic\",\"SNS:Subscribe\","
        "\"SNS:ListSubscriptionsByTopic\",\"SNS:Publish\"],\"Resource\":\"" STR_FMT "\","
        "\"Condition\":{\"StringEquals\":{\"AWS:SourceOwner\":\"" STR_FMT "\"}}}]}",
        STR_ARG(sns_topic_arn(call->arena, topic)), STR_ARG(topic->account));
}

/* --- pages --- */

struct str sns_page_token(struct call *call, int64_t id)
{
    return base64_encode_str(call->arena, str_format(call->arena, "%lld", (long long)id));
}

enum status sns_read_page_token(struct call *call, struct str token, int64_t *out_id)
{
    struct str text = {0};
    *out_id = 0;
    if (token.len == 0)
        return STATUS_DONE;
    if (base64_decode(call->arena, token, &text) < 0 || str_to_i64(text, out_id) < 0)
        return sns_invalid(call, "NextToken Reason: Invalid token");
    return STATUS_DONE;
}

/* --- operations --- */

static bool is_topic_name(struct str name, bool is_fifo)
{
    struct str stem = name;
    if (is_fifo && !str_ends_with(name, STR(".fifo")))
        return false;
    if (is_fifo)
        stem = str_slice(name, 0, name.len - STR(".fifo").len);
    bool is_valid = stem.len > 0 && name.len <= NAME_MAX;
    for (size_t i = 0; i < stem.len; i++) {
        char c = stem.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
    }
    return is_valid;
}

static bool asks_for_fifo(const struct sns_create_topic_in *in)
{
    for (size_t i = 0; i < in->attributes.count; i++) {
        if (str_eq_cstr(in->attributes.items[i].key, "FifoTopic"))
            return str_eq_nocase(in->attributes.items[i].value, STR("true"));
    }
    return false;
}

static enum status fill_topic(struct call *call, const struct sns_create_topic_in *in,
                              struct sns_topic_row *out)
{
    if (!is_topic_name(in->name, asks_for_fifo(in)))
        return sns_invalid(call, "Topic Name");
    if (in->data_protection_policy.len > 0)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "DataProtectionPolicy of SNS topics is not implemented.");
    *out = (struct sns_topic_row){
        .id = sns_new_id(call),
        .account = call->scope.account,
        .region = call->scope.region,
        .name = in->name,
        .created_at_ms = call->now_ms,
        .is_fifo = asks_for_fifo(in),
        .settings = json_new(call->arena, JSON_OBJECT),
    };
    for (size_t i = 0; i < in->attributes.count; i++) {
        enum status status = sns_set_topic_attribute(call, out, in->attributes.items[i].key,
                                                     in->attributes.items[i].value, true);
        if (status != STATUS_DONE)
            return status;
    }
    struct json *tags = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < in->tags.count; i++) {
        if (json_find(tags, in->tags.items[i].key))
            return sns_invalid(call, "Duplicated keys are not allowed.");
        json_set(tags, in->tags.items[i].key,
                 json_new_string(call->arena, in->tags.items[i].value));
    }
    out->tags = json_to_str(call->arena, tags);
    return STATUS_DONE;
}

/* AWS: CreateTopic is idempotent, if what is given does not differ from what is there. */
static enum status check_found(struct call *call, const struct sns_create_topic_in *in,
                               const struct sns_topic_row *wanted,
                               const struct sns_topic_row *found)
{
    for (const struct json *setting = wanted->settings->first; setting; setting = setting->next) {
        const struct json *own = json_find(found->settings, setting->key);
        if (!own || !str_eq(own->text, setting->text))
            return sns_invalid(call,
                               "Attributes Reason: Topic already exists with different attributes");
    }
    struct json *have = NULL;
    struct json *want = NULL;
    bool is_same = json_parse(call->arena, found->tags, 0, &have, NULL) == 0 &&
                   json_parse(call->arena, wanted->tags, 0, &want, NULL) == 0 &&
                   json_equal(have, want);
    if (in->tags.count > 0 && !is_same)
        return sns_invalid(call, "Tags Reason: Topic already exists with different tags");
    return STATUS_DONE;
}

enum status sns_create_topic(struct call *call, const struct sns_create_topic_in *in,
                             struct sns_create_topic_out *out)
{
    struct sns_topic_row topic = {0};
    struct sns_topic_row *found = NULL;
    enum status status = fill_topic(call, in, &topic);
    if (status != STATUS_DONE)
        return status;
    out->topic_arn = sns_topic_arn(call->arena, &topic);
    int rc = sns_store_find_topic(call->db, call->arena, call->scope, in->name, &found);
    if (rc == 0 && found)
        return check_found(call, in, &topic, found);
    if (rc == 0)
        rc = sns_store_insert_topic(call->db, call->arena, &topic);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: insert topic");
    /* Behind the insert, so that this is the write transaction. */
    status = sns_ensure_signer(call);
    return status == STATUS_DONE ? sns_start_sweep(call) : status;
}

enum status sns_delete_topic(struct call *call, const struct sns_delete_topic_in *in,
                             struct sns_delete_topic_out *out)
{
    (void)in;
    (void)out;
    if (!call->subject)
        return STATUS_DONE;
    int rc = sns_store_delete_topic(call->db, sns_topic_of(call)->id);
    return rc < 0 ? call_fail_internal(call, rc, "sns: delete topic") : STATUS_DONE;
}

enum status sns_list_topics(struct call *call, const struct sns_list_topics_in *in,
                            struct sns_list_topics_out *out)
{
    struct str after = STR("");
    if (in->next_token.len > 0 && base64_decode(call->arena, in->next_token, &after) < 0)
        return sns_invalid(call, "NextToken Reason: Invalid token");
    struct str names[SNS_PAGE + 1];
    int64_t count =
        sns_store_list_topics(call->db, call->arena, call->scope, after, SNS_PAGE + 1, names);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sns: list topics");
    out->topics.is_set = true;
    out->topics.items = arena_alloc_array(call->arena, SNS_PAGE, sizeof(*out->topics.items));
    for (int64_t i = 0; i < count && i < SNS_PAGE; i++)
        out->topics.items[out->topics.count++].topic_arn =
            call_arn(call, "sns", false, STR_FMT, STR_ARG(names[i]));
    if (count > SNS_PAGE)
        out->next_token = base64_encode_str(call->arena, names[SNS_PAGE - 1]);
    return STATUS_DONE;
}

enum status sns_set_topic_attributes(struct call *call,
                                     const struct sns_set_topic_attributes_in *in,
                                     struct sns_set_topic_attributes_out *out)
{
    (void)out;
    struct sns_topic_row *topic = sns_topic_of(call);
    enum status status = sns_set_topic_attribute(call, topic, in->attribute_name,
                                                 str_or(in->attribute_value, STR("")), false);
    return status == STATUS_DONE ? sns_save_topic(call, topic) : status;
}

static void add(struct sns_topic_attributes_map *map, const char *name, struct str value)
{
    map->items[map->count++] =
        (struct sns_topic_attributes_map_entry){.key = str_from_cstr(name), .value = value};
}

enum status sns_get_topic_attributes(struct call *call,
                                     const struct sns_get_topic_attributes_in *in,
                                     struct sns_get_topic_attributes_out *out)
{
    (void)in;
    enum {
        COMPUTED = 9,
    };
    const struct sns_topic_row *topic = sns_topic_of(call);
    struct arena *arena = call->arena;
    int64_t counts[3] = {0};
    int rc = sns_store_count_subscriptions(call->db, topic->id, counts);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: count subscriptions");
    struct sns_topic_attributes_map *map = &out->attributes;
    map->items = arena_alloc_array(arena, topic->settings->count + COMPUTED, sizeof(*map->items));
    for (const struct json *setting = topic->settings->first; setting; setting = setting->next) {
        if (!str_eq_cstr(setting->key, "Policy") && !str_eq_cstr(setting->key, "DisplayName"))
            map->items[map->count++] = (struct sns_topic_attributes_map_entry){
                .key = setting->key, .value = setting->text};
    }
    add(map, "TopicArn", sns_topic_arn(arena, topic));
    add(map, "Owner", topic->account);
    add(map, "Policy", sns_topic_policy(call, topic));
    add(map, "DisplayName", str_or(sns_setting(topic->settings, "DisplayName"), STR("")));
    add(map, "SubscriptionsPending", str_format(arena, "%lld", (long long)counts[SNS_PENDING]));
    add(map, "SubscriptionsConfirmed", str_format(arena, "%lld", (long long)counts[SNS_CONFIRMED]));
    add(map, "SubscriptionsDeleted", str_format(arena, "%lld", (long long)counts[SNS_DELETED]));
    add(map, "EffectiveDeliveryPolicy",
        json_to_str(arena, sns_effective_delivery_policy(call, topic, NULL)));
    if (topic->is_fifo && !sns_setting(topic->settings, "ContentBasedDeduplication").ptr)
        add(map, "ContentBasedDeduplication", STR("false"));
    return STATUS_DONE;
}
