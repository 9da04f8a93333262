/* sns.h — private to the folder: topics, subscriptions, messages and what the files share.
 *
 * A topic is a row of sns_topic with its settings as a JSON object of texts, named as the
 * attributes are; only what was set is there. A subscription is a row of sns_subscription with
 * settings of the same kind. Ids are the time when the row was made, in milliseconds << 20, with 20
 * random bits: so lists are in order of making, and pages go on behind the last id.
 */
#pragma once

#include "engine/cfn/resource.h"
#include "service/sns/sns_public.h"
#include "sns/sns_api.h"

struct json;

enum {
    SNS_ID_RANDOM_BITS = 20,
    SNS_PAGE = 100,                           /* AWS: lists answer up to 100 items */
    SNS_DEDUP_MS = 5 * 60 * 1000,             /* AWS: the deduplication interval */
    SNS_TOKEN_MS = 2 * 24 * 60 * 60 * 1000,   /* AWS: "Tokens are valid for two days" */
    SNS_CAPTURE_MS = 7 * 24 * 60 * 60 * 1000, /* how long captured messages can be read */
    SNS_MAX_MESSAGE_BYTES = 256 * 1024,       /* AWS: message with its attributes, and a batch */
    SNS_MAX_BATCH = 10,
};

struct sns_topic_row {
    int64_t id;
    struct str account;
    struct str region;
    struct str name;
    int64_t created_at_ms;
    bool is_fifo;
    struct json *settings; /* object: attribute -> text */
    struct str tags;       /* JSON object text */
};

enum sns_subscription_state {
    SNS_PENDING,
    SNS_CONFIRMED,
    SNS_DELETED, /* can be restored with its token for a while */
};

struct sns_subscription_row {
    int64_t id;
    int64_t topic_id;
    struct str topic_arn;
    struct str uuid;  /* the ARN is the topic's, ':' and this */
    struct str owner; /* account that subscribed */
    struct str region;
    struct str protocol;
    struct str endpoint;
    enum sns_subscription_state state;
    struct str token;          /* for ConfirmSubscription; empty: none */
    int64_t expires_at_ms;     /* pending and deleted: when the row goes */
    struct str principal;      /* ARN of whoever subscribed */
    bool was_authenticated;    /* ConfirmationWasAuthenticated */
    bool needs_authentication; /* AuthenticateOnUnsubscribe */
    struct json *settings;
};

/* --- names --- */

int64_t sns_new_id(const struct call *call);
struct str sns_topic_arn(struct arena *arena, const struct sns_topic_row *topic);
struct str sns_subscription_arn(struct arena *arena,
                                const struct sns_subscription_row *subscription);
/* The account that an ARN names (fifth field). */
struct str sns_account_of(struct str arn);
/* Splits arn:aws:SERVICE:REGION:ACCOUNT:REST. False for anything else. */
bool sns_split_arn(struct str arn, const char *service, struct scope *out_scope,
                   struct str *out_rest);
/* "Invalid parameter: WHAT", or with the number of elements when `arn` has too few. */
enum status sns_refuse_arn(struct call *call, const char *what, struct str arn);
PRINTF_LIKE(2, 3) enum status sns_invalid(struct call *call, const char *format, ...);
/* Tokens of lists: the last id. */
struct str sns_page_token(struct call *call, int64_t id);
enum status sns_read_page_token(struct call *call, struct str token, int64_t *out_id);

/* --- service.c, topic.c --- */

/* The topic of an ARN into *out_topic; fails with InvalidParameter or NotFound. */
enum status sns_resolve_topic(struct call *call, struct str arn, struct sns_topic_row **out_topic);
/* 1: found, 0: no topic's ARN or no such topic, -errno. Any account and region. */
MUST_CHECK int sns_find_topic(struct call *call, struct str arn, struct sns_topic_row **out_topic);
/* The topic that the authorize hook looked up. */
struct sns_topic_row *sns_topic_of(struct call *call);
enum status sns_save_topic(struct call *call, const struct sns_topic_row *topic);
/* Its policy; AWS's default one when none was set. */
struct str sns_topic_policy(struct call *call, const struct sns_topic_row *topic);
struct str sns_setting(const struct json *settings, const char *name);
/* Sets or, with an absent value, removes. */
void sns_set(struct call *call, struct json *settings, const char *name, struct str value);
bool sns_is_set(const struct json *settings, const char *name); /* to "true" */
/* May this caller? For what the authorize hook cannot know: fails with AuthorizationError. */
enum status sns_authorize(struct call *call, struct authorization *what);
enum status sns_start_sweep(struct call *call);

/* --- topic_attribute.c --- */

/* Checks an attribute and puts it into the topic's settings. `is_new` allows FifoTopic; `where`
 * stands in front of errors. */
enum status sns_set_topic_attribute(struct call *call, struct sns_topic_row *topic, struct str name,
                                    struct str value, bool is_new);
/* Delivery of HTTP as it applies: of the subscription, else the topic's, else AWS's default. */
struct json *sns_effective_delivery_policy(struct call *call, const struct sns_topic_row *topic,
                                           const struct sns_subscription_row *subscription);
/* Checks and normalises a policy's text. `what` stands in front of errors. */
enum status sns_check_delivery_policy(struct call *call, const char *what, struct str text,
                                      bool is_topic, struct str *out_text);

/* --- subscription.c, subscription_attribute.c --- */

enum status sns_resolve_subscription(struct call *call, struct str arn,
                                     struct sns_subscription_row **out_subscription);
/* `prefix` is what stands behind "Invalid parameter: ". */
enum status sns_set_subscription_attribute(struct call *call, const struct sns_topic_row *topic,
                                           struct sns_subscription_row *subscription,
                                           const char *prefix, struct str name, struct str value);
/* FilterPolicy and FilterPolicyScope together, once both are set. */
enum status sns_check_filter(struct call *call, const struct sns_subscription_row *subscription,
                             const char *prefix);
/* Whether telephones of this account may get messages: +15550100 and the like. */
bool sns_is_phone_number(struct str text);

/* --- signer.c: one RSA key and certificate per store --- */

/* Makes the key when there is none; in a write transaction. */
enum status sns_ensure_signer(struct call *call);
/* Signs; base64. `version` 1 is SHA-1, 2 is SHA-256. *out_id names the certificate. */
enum status sns_sign(struct call *call, struct str text, int version, struct str *out_signature,
                     struct str *out_id);

/* --- envelope.c: what recipients read --- */

enum sns_message_type {
    SNS_NOTIFICATION,
    SNS_SUBSCRIPTION_CONFIRMATION,
    SNS_UNSUBSCRIBE_CONFIRMATION,
};

struct sns_message {
    enum sns_message_type type;
    struct str message_id;
    struct str topic_arn;
    bool is_fifo;
    int signature_version;
    struct str subject; /* absent: none */
    struct str text;
    struct json *texts; /* MessageStructure json: object by protocol; or NULL */
    struct str timestamp;
    struct str sequence; /* FIFO */
    struct str token;    /* of the two confirmations */
    struct str group_id;
    struct str dedup_id;
    struct str trace_header;
    const struct sns_message_attribute_map *attributes; /* may be NULL */
    /* The last signature made: texts of protocols mostly agree. */
    struct str signed_text;
    struct str signature;
    struct str signer_id;
};

struct str sns_message_type_name(enum sns_message_type type);
/* The message's text for a protocol. */
struct str sns_text_for(const struct sns_message *message, struct str protocol);
/* The JSON document, laid out as AWS does. */
enum status sns_envelope(struct call *call, struct sns_message *message, struct str protocol,
                         struct str subscription_arn, struct str *out_text);
/* What a function gets: {"Records": [...]}. */
enum status sns_function_event(struct call *call, struct sns_message *message,
                               struct str subscription_arn, struct str *out_text);
/* ConfirmSubscription's URL. */
struct str sns_subscribe_url(struct call *call, const struct sns_message *message);
struct str sns_unsubscribe_url(struct call *call, struct str subscription_arn);

/* --- publish.c, fanout.c, capture.c --- */

/* Hands the message to one subscription. */
enum status sns_deliver(struct call *call, const struct sns_topic_row *topic,
                        const struct sns_subscription_row *subscription,
                        struct sns_message *message);
/* To all confirmed subscriptions whose filters let it through. */
enum status sns_fan_out(struct call *call, const struct sns_topic_row *topic,
                        struct sns_message *message);
/* A confirmation of either kind, to the subscription's endpoint. */
enum status sns_send_confirmation(struct call *call, const struct sns_topic_row *topic,
                                  const struct sns_subscription_row *subscription,
                                  enum sns_message_type type);

/* A message that leaves for a telephone, a mailbox or an application: kept to be read. */
struct sns_captured {
    int64_t id;
    struct scope scope;
    struct str protocol;
    struct str endpoint;
    struct str topic_arn; /* or empty */
    struct str message_id;
    struct str subject; /* or empty */
    struct str body;
    struct str attributes; /* JSON object text: name -> {"Type", "Value"} */
    int64_t sent_at_ms;
};
enum status sns_capture(struct call *call, const struct sns_captured *captured);
/* {"name": {"Type": ..., "Value": ...}} */
struct str sns_attributes_text(struct call *call,
                               const struct sns_message_attribute_map *attributes);

/* --- store.c --- */

extern const struct migration_set sns_migrations;
MUST_CHECK int sns_store_find_topic(struct db *db, struct arena *arena, struct scope scope,
                                    struct str name, struct sns_topic_row **out_topic);
MUST_CHECK int sns_store_insert_topic(struct db *db, struct arena *arena,
                                      const struct sns_topic_row *topic);
MUST_CHECK int sns_store_update_topic(struct db *db, struct arena *arena,
                                      const struct sns_topic_row *topic);
/* With its subscriptions. */
MUST_CHECK int sns_store_delete_topic(struct db *db, int64_t topic_id);
MUST_CHECK int64_t sns_store_list_topics(struct db *db, struct arena *arena, struct scope scope,
                                         struct str after, int64_t limit, struct str *out_names);
MUST_CHECK int sns_store_next_sequence(struct db *db, int64_t topic_id, int64_t *out_sequence);

struct sns_dedup {
    int64_t topic_id;
    struct str scope; /* the group, or empty for the whole topic */
    struct str dedup_id;
    struct str message_id;
    int64_t sequence;
    int64_t expires_at_ms;
};
/* 1: found and not expired, 0 or -errno. */
MUST_CHECK int sns_store_find_dedup(struct db *db, struct arena *arena, struct sns_dedup *dedup,
                                    int64_t now_ms);
MUST_CHECK int sns_store_put_dedup(struct db *db, const struct sns_dedup *dedup);

MUST_CHECK int sns_store_insert_subscription(struct db *db, struct arena *arena,
                                             const struct sns_subscription_row *subscription);
MUST_CHECK int sns_store_update_subscription(struct db *db, struct arena *arena,
                                             const struct sns_subscription_row *subscription);
MUST_CHECK int sns_store_delete_subscription(struct db *db, int64_t id);
MUST_CHECK int sns_store_find_subscription(struct db *db, struct arena *arena, struct str uuid,
                                           struct sns_subscription_row **out_subscription);
/* Of the same topic, protocol and endpoint; deleted ones, too. */
MUST_CHECK int sns_store_find_same(struct db *db, struct arena *arena,
                                   const struct sns_subscription_row *wanted,
                                   struct sns_subscription_row **out_subscription);
MUST_CHECK int sns_store_find_token(struct db *db, struct arena *arena, int64_t topic_id,
                                    struct str token,
                                    struct sns_subscription_row **out_subscription);
/* Above `after`, at most `limit`, oldest first. Count or -errno. */
MUST_CHECK int64_t sns_store_confirmed(struct db *db, struct arena *arena, int64_t topic_id,
                                       int64_t after, int64_t limit,
                                       struct sns_subscription_row *out_subscriptions);
MUST_CHECK int64_t sns_store_list_by_topic(struct db *db, struct arena *arena, int64_t topic_id,
                                           int64_t after, int64_t limit,
                                           struct sns_subscription_row *out_subscriptions);
MUST_CHECK int64_t sns_store_list_by_owner(struct db *db, struct arena *arena, struct scope owner,
                                           int64_t after, int64_t limit,
                                           struct sns_subscription_row *out_subscriptions);
/* How many are in each state, by enum sns_subscription_state. */
MUST_CHECK int sns_store_count_subscriptions(struct db *db, int64_t topic_id,
                                             int64_t out_counts[3]);

/* 1: there, 0: none yet, -errno. An absent `id` gives any. */
struct sns_signer_row {
    struct str id;
    struct str private_key; /* PKCS #8 */
    struct str certificate; /* PEM */
};
MUST_CHECK int sns_store_signer_id(struct db *db, struct arena *arena, struct str *out_id);
MUST_CHECK int sns_store_find_signer(struct db *db, struct arena *arena, struct str id,
                                     struct sns_signer_row *out_row);
MUST_CHECK int sns_store_insert_signer(struct db *db, const struct sns_signer_row *row);

/* 0, -EEXIST when the id is taken (the transaction goes on), or another -errno. */
MUST_CHECK int sns_store_insert_captured(struct db *db, const struct sns_captured *captured);
struct sns_captured_query {
    struct str account; /* empty fields: any */
    struct str region;
    struct str protocol;
    struct str endpoint;
    struct str topic_arn;
    int64_t after;
};
MUST_CHECK int64_t sns_store_list_captured(struct db *db, struct arena *arena,
                                           const struct sns_captured_query *query, int64_t limit,
                                           struct sns_captured *out_items);
/* Removes what expired. 1 when anything of SNS is left that will expire or was left for later, 0
 * when not, -errno. */
MUST_CHECK int sns_store_sweep(struct db *db, int64_t now_ms, int64_t captured_before_ms);

struct sns_application {
    struct scope scope;
    struct str platform;
    struct str name;
    struct json *settings;
};
struct sns_endpoint_row {
    int64_t id;
    struct scope scope;
    struct str platform;
    struct str application;
    struct str uuid;
    struct str token;
    struct json *settings;
};
MUST_CHECK int sns_store_find_application(struct db *db, struct arena *arena, struct scope scope,
                                          struct str platform, struct str name,
                                          struct sns_application **out_application);
MUST_CHECK int sns_store_put_application(struct db *db, struct arena *arena,
                                         const struct sns_application *application);
/* With its endpoints. */
MUST_CHECK int sns_store_delete_application(struct db *db,
                                            const struct sns_application *application);
/* Sorted by platform and name, behind those. */
MUST_CHECK int64_t sns_store_list_applications(struct db *db, struct arena *arena,
                                               struct scope scope, struct str after_platform,
                                               struct str after_name, int64_t limit,
                                               struct sns_application *out_applications);
MUST_CHECK int sns_store_find_endpoint(struct db *db, struct arena *arena, struct scope scope,
                                       struct str uuid, struct sns_endpoint_row **out_endpoint);
MUST_CHECK int sns_store_find_endpoint_of(struct db *db, struct arena *arena,
                                          const struct sns_application *application,
                                          struct str token, struct sns_endpoint_row **out_endpoint);
MUST_CHECK int sns_store_put_endpoint(struct db *db, struct arena *arena,
                                      const struct sns_endpoint_row *endpoint);
MUST_CHECK int sns_store_delete_endpoint(struct db *db, int64_t id);
MUST_CHECK int64_t sns_store_list_endpoints(struct db *db, struct arena *arena,
                                            const struct sns_application *application,
                                            int64_t after, int64_t limit,
                                            struct sns_endpoint_row *out_endpoints);

/* The account's settings for telephones; an empty object when there are none. */
MUST_CHECK int sns_store_find_sms(struct db *db, struct arena *arena, struct scope scope,
                                  struct json **out_settings);
MUST_CHECK int sns_store_put_sms(struct db *db, struct arena *arena, struct scope scope,
                                 const struct json *settings);

struct sns_phone {
    struct scope scope;
    struct str kind; /* "optout" or "sandbox" */
    struct str number;
    struct str status; /* sandbox: "Pending" or "Verified" */
    struct str password;
};
MUST_CHECK int sns_store_find_phone(struct db *db, struct arena *arena, struct sns_phone *phone);
MUST_CHECK int sns_store_put_phone(struct db *db, const struct sns_phone *phone);
/* 1: removed, 0: was not there, -errno. */
MUST_CHECK int sns_store_delete_phone(struct db *db, const struct sns_phone *phone);
MUST_CHECK int64_t sns_store_list_phones(struct db *db, struct arena *arena, struct scope scope,
                                         const char *kind, struct str after, int64_t limit,
                                         struct sns_phone *out_phones);

/* --- cfn.c --- */
extern const struct resource_type sns_resource_types[];

/* --- handlers --- */
sns_add_permission_fn sns_add_permission;
sns_check_if_phone_number_is_opted_out_fn sns_check_if_phone_number_is_opted_out;
sns_confirm_subscription_fn sns_confirm_subscription;
sns_create_platform_application_fn sns_create_platform_application;
sns_create_platform_endpoint_fn sns_create_platform_endpoint;
sns_create_sms_sandbox_phone_number_fn sns_create_sms_sandbox_phone_number;
sns_create_topic_fn sns_create_topic;
sns_delete_endpoint_fn sns_delete_endpoint;
sns_delete_platform_application_fn sns_delete_platform_application;
sns_delete_sms_sandbox_phone_number_fn sns_delete_sms_sandbox_phone_number;
sns_delete_topic_fn sns_delete_topic;
sns_get_endpoint_attributes_fn sns_get_endpoint_attributes;
sns_get_platform_application_attributes_fn sns_get_platform_application_attributes;
sns_get_sms_attributes_fn sns_get_sms_attributes;
sns_get_sms_sandbox_account_status_fn sns_get_sms_sandbox_account_status;
sns_get_subscription_attributes_fn sns_get_subscription_attributes;
sns_get_topic_attributes_fn sns_get_topic_attributes;
sns_list_endpoints_by_platform_application_fn sns_list_endpoints_by_platform_application;
sns_list_origination_numbers_fn sns_list_origination_numbers;
sns_list_phone_numbers_opted_out_fn sns_list_phone_numbers_opted_out;
sns_list_platform_applications_fn sns_list_platform_applications;
sns_list_sms_sandbox_phone_numbers_fn sns_list_sms_sandbox_phone_numbers;
sns_list_subscriptions_fn sns_list_subscriptions;
sns_list_subscriptions_by_topic_fn sns_list_subscriptions_by_topic;
sns_list_tags_for_resource_fn sns_list_tags_for_resource;
sns_list_topics_fn sns_list_topics;
sns_opt_in_phone_number_fn sns_opt_in_phone_number;
sns_publish_fn sns_publish;
sns_publish_batch_fn sns_publish_batch;
sns_remove_permission_fn sns_remove_permission;
sns_set_endpoint_attributes_fn sns_set_endpoint_attributes;
sns_set_platform_application_attributes_fn sns_set_platform_application_attributes;
sns_set_sms_attributes_fn sns_set_sms_attributes;
sns_set_subscription_attributes_fn sns_set_subscription_attributes;
sns_set_topic_attributes_fn sns_set_topic_attributes;
sns_subscribe_fn sns_subscribe;
sns_tag_resource_fn sns_tag_resource;
sns_unsubscribe_fn sns_unsubscribe;
sns_untag_resource_fn sns_untag_resource;
sns_verify_sms_sandbox_phone_number_fn sns_verify_sms_sandbox_phone_number;
