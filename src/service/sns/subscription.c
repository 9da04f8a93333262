/* subscription.c — subscriptions: subscribe, confirm, unsubscribe, list.
 *
 *      sns_subscribe ──> PENDING ──sns_confirm_subscription──> CONFIRMED
 *            └──the caller owns the endpoint──────────────────────^  │
 *                                            ^                      sns_unsubscribe
 *                                            └──token──── DELETED <──┘ (http, email)
 *
 * Docs: SNS API reference; developer guide, "Subscribing to a topic": endpoints that the caller
 * owns (queues and functions of its account, telephones, applications) need no confirmation; others
 * get a token. Pending subscriptions go after two days. OBSERVED (2023-08 to 2025-10): error texts.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    TOKEN_LEN = 288, /* as AWS's: hexadecimal digits */
    PHONE_MAX = 20,
};

struct str sns_subscription_arn(struct arena *arena,
                                const struct sns_subscription_row *subscription)
{
    return str_concat3(arena, subscription->topic_arn, STR(":"), subscription->uuid);
}

static struct str new_token(struct call *call)
{
    return rand_text(call->arena, STR("0123456789abcdef"), TOKEN_LEN);
}

static bool is_uuid(struct str text)
{
    bool is_valid = text.len == 36;
    for (size_t i = 0; i < text.len && is_valid; i++) {
        char c = text.ptr[i];
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        is_valid = is_dash
                       ? c == '-'
                       : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    return is_valid;
}

/* 1: found, 0: not, or the call failed with -1 and its error set. Rows of deleted subscriptions are
 * as good as gone. */
static enum status find_subscription(struct call *call, struct str arn,
                                     struct sns_subscription_row **out_subscription)
{
    struct scope scope = {0};
    struct str rest = {0};
    ptrdiff_t colon = str_last_index(arn, ':');
    *out_subscription = NULL;
    if (!sns_split_arn(arn, "sns", &scope, &rest))
        return sns_refuse_arn(call, "SubscriptionArn", arn);
    struct str uuid = str_from(arn, (size_t)colon + 1);
    if (str_index(rest, ':') < 0 || !is_uuid(uuid))
        return sns_invalid(call, "SubscriptionId");
    struct sns_subscription_row *found = NULL;
    int rc = sns_store_find_subscription(call->db, call->arena, uuid, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find subscription");
    if (found && found->state != SNS_DELETED &&
        str_eq(found->topic_arn, str_slice(arn, 0, (size_t)colon)))
        *out_subscription = found;
    return STATUS_DONE;
}

enum status sns_resolve_subscription(struct call *call, struct str arn,
                                     struct sns_subscription_row **out_subscription)
{
    enum status status = find_subscription(call, arn, out_subscription);
    if (status != STATUS_DONE)
        return status;
    if (!*out_subscription)
        return call_fail(call, &SNS_NOT_FOUND_EXCEPTION, "Subscription does not exist");
    /* AWS: the owner of the topic and the owner of the subscription may. */
    if (str_eq((*out_subscription)->owner, call->scope.account) ||
        str_eq(sns_account_of((*out_subscription)->topic_arn), call->scope.account))
        return STATUS_DONE;
    return call_fail(call, &SNS_AUTHORIZATION_ERROR_EXCEPTION,
                     "User: " STR_FMT " is not authorized to perform: SNS:" STR_FMT
                     " on resource: " STR_FMT,
                     STR_ARG(call->principal->arn), STR_ARG(call->operation->name), STR_ARG(arn));
}

/* --- endpoints --- */

bool sns_is_phone_number(struct str text)
{
    struct str digits = str_starts_with(text, STR("+")) ? str_from(text, 1) : text;
    size_t count = 0;
    for (size_t i = 0; i < digits.len; i++) {
        bool is_separator = digits.ptr[i] == '-' || digits.ptr[i] == '.' || digits.ptr[i] == '/';
        if (digits.ptr[i] >= '0' && digits.ptr[i] <= '9')
            count++;
        else if (!is_separator || i == 0 || i + 1 == digits.len)
            return false;
    }
    return count >= 5 && digits.len <= PHONE_MAX;
}

static enum status refuse_target(struct call *call, struct str protocol, struct str endpoint)
{
    return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                     "Subscriptions of protocol " STR_FMT " are not implemented: nothing here "
                     "delivers to " STR_FMT ".",
                     STR_ARG(protocol), STR_ARG(endpoint));
}

static enum status check_queue(struct call *call, const struct sns_topic_row *topic,
                               struct str endpoint)
{
    struct scope scope = {0};
    struct str name = {0};
    if (!sns_split_arn(endpoint, "sqs", &scope, &name) || str_index(name, ':') >= 0)
        return sns_invalid(call, "SQS endpoint ARN");
    if (!topic->is_fifo && str_ends_with(name, STR(".fifo")))
        return sns_invalid(call, "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be "
                                 "subscribed to standard SNS topics");
    return STATUS_DONE;
}

static enum status check_application(struct call *call, struct str endpoint)
{
    struct scope scope = {0};
    struct str rest = {0};
    struct sns_endpoint_row *found = NULL;
    ptrdiff_t slash = str_last_index(endpoint, '/');
    if (!sns_split_arn(endpoint, "sns", &scope, &rest) || slash < 0)
        return sns_invalid(call, "Application endpoint ARN");
    int rc = sns_store_find_endpoint(call->db, call->arena, scope,
                                     str_from(endpoint, (size_t)slash + 1), &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find endpoint");
    return found ? STATUS_DONE
                 : sns_invalid(call,
                               "Endpoint Reason: Endpoint does not exist for endpoint arn" STR_FMT,
                               STR_ARG(endpoint));
}

static enum status check_endpoint(struct call *call, const struct sns_topic_row *topic,
                                  struct str protocol, struct str endpoint)
{
    if (str_eq_cstr(protocol, "sqs"))
        return check_queue(call, topic, endpoint);
    if (str_eq_cstr(protocol, "http") || str_eq_cstr(protocol, "https")) {
        struct str scheme = str_concat(call->arena, protocol, STR("://"));
        bool fits = str_starts_with(endpoint, scheme) && endpoint.len > scheme.len;
        return fits ? STATUS_DONE : sns_invalid(call, "Endpoint must match the specified protocol");
    }
    if (str_eq_cstr(protocol, "email") || str_eq_cstr(protocol, "email-json")) {
        ptrdiff_t at = str_index(endpoint, '@');
        bool is_address = at > 0 && (size_t)at + 1 < endpoint.len;
        return is_address ? STATUS_DONE : sns_invalid(call, "Email address");
    }
    if (str_eq_cstr(protocol, "sms")) {
        if (sns_is_phone_number(endpoint))
            return STATUS_DONE;
        return call_fail(call, &SNS_INVALID_PARAMETER_EXCEPTION, "Invalid SMS endpoint: " STR_FMT,
                         STR_ARG(endpoint));
    }
    if (str_eq_cstr(protocol, "application"))
        return check_application(call, endpoint);
    bool is_function = str_eq_cstr(protocol, "lambda");
    if (!is_function && !str_eq_cstr(protocol, "firehose"))
        return sns_invalid(call, "Amazon SNS does not support this protocol string: " STR_FMT,
                           STR_ARG(protocol));
    struct scope scope = {0};
    struct str rest = {0};
    if (!sns_split_arn(endpoint, is_function ? "lambda" : "firehose", &scope, &rest))
        return sns_invalid(call, "%s endpoint ARN", is_function ? "Lambda" : "Firehose");
    return is_function && delivery_knows(endpoint) ? STATUS_DONE
                                                   : refuse_target(call, protocol, endpoint);
}

/* Whether whoever subscribes owns the endpoint, so that nobody needs to be asked. */
static bool is_own_endpoint(const struct call *call, struct str protocol, struct str endpoint)
{
    if (str_eq_cstr(protocol, "sms") || str_eq_cstr(protocol, "application"))
        return true;
    bool is_resource = str_eq_cstr(protocol, "sqs") || str_eq_cstr(protocol, "lambda");
    return is_resource && str_eq(sns_account_of(endpoint), call->scope.account);
}

/* --- subscribe --- */

static enum status fill_subscription(struct call *call, const struct sns_subscribe_in *in,
                                     struct sns_subscription_row *out)
{
    const struct sns_topic_row *topic = sns_topic_of(call);
    enum status status = check_endpoint(call, topic, in->protocol, str_or(in->endpoint, STR("")));
    if (status != STATUS_DONE)
        return status;
    bool is_own = is_own_endpoint(call, in->protocol, in->endpoint);
    *out = (struct sns_subscription_row){
        .id = sns_new_id(call),
        .topic_id = topic->id,
        .topic_arn = sns_topic_arn(call->arena, topic),
        .uuid = rand_uuid(call->arena),
        .owner = call->scope.account,
        .region = topic->region,
        .protocol = in->protocol,
        .endpoint = in->endpoint,
        .state = is_own ? SNS_CONFIRMED : SNS_PENDING,
        .token = is_own ? STR("") : new_token(call),
        .expires_at_ms = is_own ? 0 : call->now_ms + SNS_TOKEN_MS,
        .principal = call->principal->arn,
        .was_authenticated = is_own,
        .settings = json_new(call->arena, JSON_OBJECT),
    };
    for (size_t i = 0; i < in->attributes.count; i++) {
        status = sns_set_subscription_attribute(call, topic, out,
                                                "Attributes Reason: ", in->attributes.items[i].key,
                                                str_or(in->attributes.items[i].value, STR("")));
        if (status != STATUS_DONE)
            return status;
    }
    return sns_check_filter(call, out, "Attributes Reason: ");
}

/* AWS: Subscribe is idempotent; what is given must not differ from what is there. */
static bool is_same(const struct sns_subscribe_in *in, const struct sns_subscription_row *wanted,
                    const struct sns_subscription_row *found)
{
    for (size_t i = 0; i < in->attributes.count; i++) {
        const struct json *want = json_find(wanted->settings, in->attributes.items[i].key);
        const struct json *have = json_find(found->settings, in->attributes.items[i].key);
        bool is_default = want && !have && str_eq_cstr(want->text, "false");
        if (!is_default && !str_eq(want ? want->text : STR(""), have ? have->text : STR("")))
            return false;
    }
    return true;
}

static enum status insert(struct call *call, const struct sns_subscription_row *subscription)
{
    int rc = sns_store_insert_subscription(call->db, call->arena, subscription);
    return rc < 0 ? call_fail_internal(call, rc, "sns: insert subscription") : STATUS_DONE;
}

static enum status save(struct call *call, const struct sns_subscription_row *subscription)
{
    int rc = sns_store_update_subscription(call->db, call->arena, subscription);
    return rc < 0 ? call_fail_internal(call, rc, "sns: update subscription") : STATUS_DONE;
}

enum status sns_subscribe(struct call *call, const struct sns_subscribe_in *in,
                          struct sns_subscribe_out *out)
{
    struct sns_subscription_row subscription;
    struct sns_subscription_row *found = NULL;
    enum status status = fill_subscription(call, in, &subscription);
    if (status != STATUS_DONE)
        return status;
    int rc = sns_store_find_same(call->db, call->arena, &subscription, &found);
    if (rc == 0 && found && found->state == SNS_DELETED) {
        rc = sns_store_delete_subscription(call->db, found->id);
        found = NULL;
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find subscription");
    if (found && !is_same(in, &subscription, found))
        return sns_invalid(
            call, "Attributes Reason: Subscription already exists with different attributes");
    status = found ? STATUS_DONE : insert(call, &subscription);
    if (found)
        subscription = *found;
    /* AWS: who subscribes again gets the confirmation again. */
    if (status == STATUS_DONE && subscription.state == SNS_PENDING)
        status = sns_send_confirmation(call, sns_topic_of(call), &subscription,
                                       SNS_SUBSCRIPTION_CONFIRMATION);
    bool shows_arn =
        subscription.state == SNS_CONFIRMED || opt_bool_or(in->return_subscription_arn, false);
    out->subscription_arn =
        shows_arn ? sns_subscription_arn(call->arena, &subscription) : STR("pending confirmation");
    return status;
}

/* --- confirm, unsubscribe --- */

static bool is_token(struct str token)
{
    bool is_valid = token.len == TOKEN_LEN;
    for (size_t i = 0; i < token.len && is_valid; i++)
        is_valid = (token.ptr[i] >= '0' && token.ptr[i] <= '9') ||
                   (token.ptr[i] >= 'a' && token.ptr[i] <= 'f');
    return is_valid;
}

enum status sns_confirm_subscription(struct call *call,
                                     const struct sns_confirm_subscription_in *in,
                                     struct sns_confirm_subscription_out *out)
{
    struct sns_topic_row *topic = NULL;
    struct sns_subscription_row *subscription = NULL;
    struct scope scope = {0};
    struct str name = {0};
    bool is_signed = call->principal->kind != PRINCIPAL_ANONYMOUS;
    if (!sns_split_arn(in->topic_arn, "sns", &scope, &name))
        return sns_refuse_arn(call, "TopicArn", in->topic_arn);
    if (!is_token(in->token))
        return sns_invalid(call, "Token");
    int rc = sns_find_topic(call, in->topic_arn, &topic);
    if (rc == 1)
        rc = sns_store_find_token(call->db, call->arena, topic->id, in->token, &subscription);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find token");
    if (!subscription || subscription->expires_at_ms <= call->now_ms) {
        if (subscription && subscription->state == SNS_CONFIRMED) {
            out->subscription_arn = sns_subscription_arn(call->arena, subscription);
            return STATUS_DONE; /* confirmed before, with the same token */
        }
        /* OBSERVED (2025-10): a token of the right form that nobody has is "Invalid token". */
        return topic ? call_fail(call, &SNS_INVALID_PARAMETER_EXCEPTION, "Invalid token")
                     : sns_invalid(call, "Token");
    }
    subscription->state = SNS_CONFIRMED;
    subscription->expires_at_ms = 0;
    subscription->was_authenticated = is_signed;
    subscription->needs_authentication =
        is_signed && str_eq_nocase(in->authenticate_on_unsubscribe, STR("true"));
    out->subscription_arn = sns_subscription_arn(call->arena, subscription);
    return save(call, subscription);
}

/* AWS: "If the Unsubscribe call does not require authentication and the requester is not the
 * subscription owner, a final cancellation message is delivered to the endpoint, so that the
 * endpoint owner can easily resubscribe". OBSERVED (2025-01): http endpoints get it from the
 * owner's call, too. */
static enum status leave(struct call *call, struct sns_subscription_row *subscription)
{
    bool is_told = str_starts_with(subscription->protocol, STR("http")) ||
                   str_starts_with(subscription->protocol, STR("email"));
    struct sns_topic_row *topic = NULL;
    int rc = sns_find_topic(call, subscription->topic_arn, &topic);
    if (rc == 1 && is_told && subscription->state == SNS_CONFIRMED) {
        subscription->token = new_token(call);
        subscription->expires_at_ms = call->now_ms + SNS_TOKEN_MS;
        enum status status =
            sns_send_confirmation(call, topic, subscription, SNS_UNSUBSCRIBE_CONFIRMATION);
        subscription->state = SNS_DELETED;
        return status == STATUS_DONE ? save(call, subscription) : status;
    }
    if (rc >= 0)
        rc = sns_store_delete_subscription(call->db, subscription->id);
    return rc < 0 ? call_fail_internal(call, rc, "sns: delete subscription") : STATUS_DONE;
}

enum status sns_unsubscribe(struct call *call, const struct sns_unsubscribe_in *in,
                            struct sns_unsubscribe_out *out)
{
    (void)out;
    struct sns_subscription_row *subscription = NULL;
    bool is_signed = call->principal->kind != PRINCIPAL_ANONYMOUS;
    enum status status = find_subscription(call, in->subscription_arn, &subscription);
    if (status != STATUS_DONE || !subscription)
        return status; /* OBSERVED (2025-10): one that is not there is no error */
    if (is_signed) {
        status = sns_resolve_subscription(call, in->subscription_arn, &subscription);
        if (status != STATUS_DONE)
            return status;
    } else if (subscription->needs_authentication) {
        return call_fail(call, &SNS_AUTHORIZATION_ERROR_EXCEPTION,
                         "User: anonymous is not authorized to perform: SNS:Unsubscribe on "
                         "resource: " STR_FMT,
                         STR_ARG(in->subscription_arn));
    }
    return leave(call, subscription);
}

/* --- lists --- */

static void describe(struct call *call, const struct sns_subscription_row *subscription,
                     struct sns_subscriptions_list *out)
{
    bool is_pending = subscription->state == SNS_PENDING;
    out->items[out->count++] = (struct sns_subscription){
        .subscription_arn = is_pending ? STR("PendingConfirmation")
                                       : sns_subscription_arn(call->arena, subscription),
        .owner = subscription->owner,
        .protocol = subscription->protocol,
        .endpoint = subscription->endpoint,
        .topic_arn = subscription->topic_arn,
    };
}

/* One page; `rows` has room for one more, which tells that there is another. */
static enum status fill_page(struct call *call, const struct sns_subscription_row *rows,
                             int64_t count, struct sns_subscriptions_list *out,
                             struct str *out_token)
{
    if (count < 0)
        return call_fail_internal(call, (int)count, "sns: list subscriptions");
    out->is_set = true;
    out->items = arena_alloc_array(call->arena, SNS_PAGE, sizeof(*out->items));
    for (int64_t i = 0; i < count && i < SNS_PAGE; i++)
        describe(call, &rows[i], out);
    if (count > SNS_PAGE)
        *out_token = sns_page_token(call, rows[SNS_PAGE - 1].id);
    return STATUS_DONE;
}

enum status sns_list_subscriptions(struct call *call, const struct sns_list_subscriptions_in *in,
                                   struct sns_list_subscriptions_out *out)
{
    struct sns_subscription_row rows[SNS_PAGE + 1];
    int64_t after = 0;
    enum status status = sns_read_page_token(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t count =
        sns_store_list_by_owner(call->db, call->arena, call->scope, after, SNS_PAGE + 1, rows);
    return fill_page(call, rows, count, &out->subscriptions, &out->next_token);
}

enum status sns_list_subscriptions_by_topic(struct call *call,
                                            const struct sns_list_subscriptions_by_topic_in *in,
                                            struct sns_list_subscriptions_by_topic_out *out)
{
    struct sns_subscription_row rows[SNS_PAGE + 1];
    int64_t after = 0;
    enum status status = sns_read_page_token(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t count = sns_store_list_by_topic(call->db, call->arena, sns_topic_of(call)->id, after,
                                            SNS_PAGE + 1, rows);
    return fill_page(call, rows, count, &out->subscriptions, &out->next_token);
}
