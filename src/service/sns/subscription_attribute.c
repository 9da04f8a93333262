/* subscription_attribute.c — what subscriptions can be set to.
 *
 * Docs: SNS API reference, SetSubscriptionAttributes. OBSERVED (2023-08 to 2025-10): error texts;
 * FilterPolicyScope shows only beside a FilterPolicy.
 */
#include "base/arena.h"
#include "service/sns/filter.h"
#include "service/sns/sns.h"
#include "syntax/json.h"

static enum status set_raw(struct call *call, struct sns_subscription_row *subscription,
                           const char *prefix, struct str value)
{
    if (!str_eq_nocase(value, STR("true")) && !str_eq_nocase(value, STR("false")))
        return sns_invalid(
            call, "%sRawMessageDelivery: Invalid value [" STR_FMT "]. Must be true or false.",
            prefix, STR_ARG(value));
    bool takes_raw = str_starts_with(subscription->protocol, STR("http")) ||
                     str_eq_cstr(subscription->protocol, "sqs") ||
                     str_eq_cstr(subscription->protocol, "firehose");
    if (!takes_raw && str_eq_nocase(value, STR("true")))
        return sns_invalid(
            call, "%sDelivery protocol [" STR_FMT "] does not support raw message delivery.",
            prefix, STR_ARG(subscription->protocol));
    sns_set(call, subscription->settings, "RawMessageDelivery", str_lower(call->arena, value));
    return STATUS_DONE;
}

static enum status set_redrive_policy(struct call *call, const struct sns_topic_row *topic,
                                      struct sns_subscription_row *subscription, const char *prefix,
                                      struct str value)
{
    struct json *policy = NULL;
    struct json_error error = {0};
    struct scope scope = {0};
    struct str name = {0};
    if (value.len == 0 || str_eq_cstr(value, "{}")) {
        sns_set(call, subscription->settings, "RedrivePolicy", (struct str){0});
        return STATUS_DONE;
    }
    if (json_parse(call->arena, value, 0, &policy, &error) < 0)
        return sns_invalid(call,
                           "%sRedrivePolicy: failed to parse JSON. %s\n at [Source: REDACTED "
                           "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %u, "
                           "column: %u]",
                           prefix, error.message ? error.message : "nested too deep", error.line,
                           error.column);
    struct str arn = json_find_str(policy, "deadLetterTargetArn");
    if (!sns_split_arn(arn, "sqs", &scope, &name))
        return sns_invalid(call, "%sRedrivePolicy: deadLetterTargetArn is an invalid arn", prefix);
    /* AWS: "Dead-letter queue and subscription must be in the same account and region". */
    if (!str_eq(scope.region, topic->region) || !str_eq(scope.account, subscription->owner))
        return sns_invalid(call,
                           "%sRedrivePolicy: deadLetterTargetArn must be in the account and region "
                           "of the subscription",
                           prefix);
    bool is_fifo_endpoint = str_ends_with(subscription->endpoint, STR(".fifo"));
    if (topic->is_fifo && is_fifo_endpoint && !str_ends_with(name, STR(".fifo")))
        return sns_invalid(call,
                           "%sRedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription "
                           "to a FIFO Topic.",
                           prefix);
    sns_set(call, subscription->settings, "RedrivePolicy", value);
    return STATUS_DONE;
}

static enum status set_filter_scope(struct call *call, struct sns_subscription_row *subscription,
                                    const char *prefix, struct str value)
{
    if (!str_eq_cstr(value, "MessageAttributes") && !str_eq_cstr(value, "MessageBody"))
        return sns_invalid(call,
                           "%sFilterPolicyScope: Invalid value [" STR_FMT
                           "]. Please use either MessageBody or MessageAttributes",
                           prefix, STR_ARG(value));
    sns_set(call, subscription->settings, "FilterPolicyScope", value);
    return STATUS_DONE;
}

enum status sns_check_filter(struct call *call, const struct sns_subscription_row *subscription,
                             const char *prefix)
{
    struct str policy = sns_setting(subscription->settings, "FilterPolicy");
    bool is_body =
        str_eq_cstr(sns_setting(subscription->settings, "FilterPolicyScope"), "MessageBody");
    struct sns_filter *filter = NULL;
    struct str message = {0};
    if (!policy.ptr)
        return STATUS_DONE;
    if (sns_filter_parse(call->arena, policy, is_body ? SNS_FILTER_BODY : SNS_FILTER_ATTRIBUTES,
                         &filter, &message) < 0)
        /* OBSERVED (2024-05): the text about nested policies has no prefix. */
        return sns_invalid(call, "%s" STR_FMT,
                           str_starts_with(message, STR("Filter policy scope")) ? "" : prefix,
                           STR_ARG(message));
    if (sns_filter_is_empty(filter)) /* AWS: "{}" takes the policy away */
        sns_set(call, subscription->settings, "FilterPolicy", (struct str){0});
    return STATUS_DONE;
}

static enum status set_role(struct call *call, struct sns_subscription_row *subscription,
                            const char *prefix, struct str value)
{
    struct scope scope = {0};
    struct str name = {0};
    if (!sns_split_arn(value, "iam", &scope, &name))
        return sns_invalid(call, "%sSubscriptionRoleArn: " STR_FMT " is an invalid arn", prefix,
                           STR_ARG(value));
    sns_set(call, subscription->settings, "SubscriptionRoleArn", value);
    return STATUS_DONE;
}

static enum status set_delivery_policy(struct call *call, struct sns_subscription_row *subscription,
                                       const char *prefix, struct str value)
{
    struct str normal = {0};
    char *what = str_to_cstr(call->arena,
                             str_concat(call->arena, str_from_cstr(prefix), STR("DeliveryPolicy")));
    enum status status = sns_check_delivery_policy(call, what, value, false, &normal);
    if (status == STATUS_DONE)
        sns_set(call, subscription->settings, "DeliveryPolicy", normal);
    return status;
}

enum status sns_set_subscription_attribute(struct call *call, const struct sns_topic_row *topic,
                                           struct sns_subscription_row *subscription,
                                           const char *prefix, struct str name, struct str value)
{
    if (str_eq_cstr(name, "RawMessageDelivery"))
        return set_raw(call, subscription, prefix, value);
    if (str_eq_cstr(name, "RedrivePolicy"))
        return set_redrive_policy(call, topic, subscription, prefix, value);
    if (str_eq_cstr(name, "FilterPolicyScope"))
        return set_filter_scope(call, subscription, prefix, value);
    if (str_eq_cstr(name, "DeliveryPolicy"))
        return set_delivery_policy(call, subscription, prefix, value);
    if (str_eq_cstr(name, "SubscriptionRoleArn"))
        return set_role(call, subscription, prefix, value);
    if (str_eq_cstr(name, "FilterPolicy")) {
        sns_set(call, subscription->settings, "FilterPolicy",
                value.len > 0 ? value : (struct str){0});
        return STATUS_DONE; /* checked with the scope */
    }
    if (str_eq_cstr(name, "ReplayPolicy"))
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "ReplayPolicy of SNS subscriptions is not implemented.");
    return sns_invalid(call, "%sAttributeName", prefix);
}

static struct sns_topic_row *topic_of(struct call *call,
                                      const struct sns_subscription_row *subscription,
                                      enum status *out_status)
{
    struct sns_topic_row *topic = NULL;
    int rc = sns_find_topic(call, subscription->topic_arn, &topic);
    *out_status = STATUS_DONE;
    if (rc <= 0) /* a topic's subscriptions go with it */
        *out_status = call_fail_internal(call, rc < 0 ? rc : -2, "sns: topic of a subscription");
    return topic;
}

enum status sns_set_subscription_attributes(struct call *call,
                                            const struct sns_set_subscription_attributes_in *in,
                                            struct sns_set_subscription_attributes_out *out)
{
    (void)out;
    struct sns_subscription_row *subscription = NULL;
    enum status status = sns_resolve_subscription(call, in->subscription_arn, &subscription);
    if (status != STATUS_DONE)
        return status;
    const struct sns_topic_row *topic = topic_of(call, subscription, &status);
    if (status == STATUS_DONE)
        status = sns_set_subscription_attribute(call, topic, subscription, "", in->attribute_name,
                                                str_or(in->attribute_value, STR("")));
    if (status == STATUS_DONE)
        status = sns_check_filter(call, subscription, "");
    if (status != STATUS_DONE)
        return status;
    int rc = sns_store_update_subscription(call->db, call->arena, subscription);
    return rc < 0 ? call_fail_internal(call, rc, "sns: update subscription") : STATUS_DONE;
}

static void add(struct sns_subscription_attributes_map *map, const char *name, struct str value)
{
    map->items[map->count++] =
        (struct sns_subscription_attributes_map_entry){.key = str_from_cstr(name), .value = value};
}

static struct str flag(bool value)
{
    return value ? STR("true") : STR("false");
}

static void add_settings(const struct sns_subscription_row *subscription,
                         struct sns_subscription_attributes_map *map)
{
    bool has_filter = sns_setting(subscription->settings, "FilterPolicy").ptr != NULL;
    for (const struct json *setting = subscription->settings->first; setting;
         setting = setting->next) {
        bool is_raw = str_eq_cstr(setting->key, "RawMessageDelivery");
        bool is_scope = str_eq_cstr(setting->key, "FilterPolicyScope");
        if (!is_raw && (!is_scope || has_filter))
            map->items[map->count++] = (struct sns_subscription_attributes_map_entry){
                .key = setting->key, .value = setting->text};
    }
    if (has_filter && !sns_setting(subscription->settings, "FilterPolicyScope").ptr)
        add(map, "FilterPolicyScope", STR("MessageAttributes"));
    add(map, "RawMessageDelivery", flag(sns_is_set(subscription->settings, "RawMessageDelivery")));
}

enum status sns_get_subscription_attributes(struct call *call,
                                            const struct sns_get_subscription_attributes_in *in,
                                            struct sns_get_subscription_attributes_out *out)
{
    enum {
        COMPUTED = 12,
    };
    struct sns_subscription_row *subscription = NULL;
    enum status status = sns_resolve_subscription(call, in->subscription_arn, &subscription);
    if (status != STATUS_DONE)
        return status;
    const struct sns_topic_row *topic = topic_of(call, subscription, &status);
    if (status != STATUS_DONE)
        return status;
    struct sns_subscription_attributes_map *map = &out->attributes;
    map->items = arena_alloc_array(call->arena, subscription->settings->count + COMPUTED,
                                   sizeof(*map->items));
    add(map, "SubscriptionArn", sns_subscription_arn(call->arena, subscription));
    add(map, "TopicArn", subscription->topic_arn);
    add(map, "Protocol", subscription->protocol);
    add(map, "Endpoint", subscription->endpoint);
    add(map, "Owner", subscription->owner);
    add(map, "SubscriptionPrincipal", subscription->principal);
    add(map, "PendingConfirmation", flag(subscription->state == SNS_PENDING));
    add(map, "ConfirmationWasAuthenticated", flag(subscription->was_authenticated));
    add_settings(subscription, map);
    if (str_starts_with(subscription->protocol, STR("http")))
        add(map, "EffectiveDeliveryPolicy",
            json_to_str(call->arena, sns_effective_delivery_policy(call, topic, subscription)));
    return STATUS_DONE;
}
