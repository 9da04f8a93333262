/* bucket.h — buckets: their configurations, who may do what with them, and what follows from a
 * change. Private to the folder.
 *
 * Configurations are kept as JSON of the model's shapes (wire_to_json), the policy as it came.
 * What nearly every request asks of its bucket stands in the bucket's row; the other kinds are rows
 * of s3_bucket_config, which are read only when the row's config_kinds says that they are there.
 */
#pragma once

#include "base/vec.h"
#include "service/s3/s3.h"

struct json;

/* ---- store_bucket.c ---- */

extern const char s3_schema_account[];

/* Sets bucket->bucket_key. The name is free: the caller looked. */
MUST_CHECK int s3_store_insert_bucket(struct db *db, struct s3_bucket_row *bucket);
MUST_CHECK int s3_store_update_bucket(struct db *db, const struct s3_bucket_row *bucket);
/* With its configurations and undelivered log lines. */
MUST_CHECK int s3_store_delete_bucket(struct db *db, int64_t bucket_key);
/* Up to `limit` buckets of the account by name, behind `after`; region absent: of all regions.
 * Count or -errno. */
struct s3_bucket_page {
    struct str account;
    struct str region;
    struct str prefix;
    struct str after;
    int64_t limit;
};
MUST_CHECK int64_t s3_store_list_buckets(struct db *db, struct arena *arena,
                                         const struct s3_bucket_page *page,
                                         struct s3_bucket_row *out_buckets);

/* A configuration; id "" when a bucket has at most one of the kind. *out_body is absent when there
 * is none. */
MUST_CHECK int s3_store_find_config(struct db *db, struct arena *arena, int64_t bucket_key,
                                    enum s3_config_kind kind, struct str id, struct str *out_body);
MUST_CHECK int s3_store_put_config(struct db *db, int64_t bucket_key, enum s3_config_kind kind,
                                   struct str id, struct str body);
/* 1: it was there, 0: not, -errno. */
MUST_CHECK int s3_store_delete_config(struct db *db, int64_t bucket_key, enum s3_config_kind kind,
                                      struct str id);
/* Bodies in the order of their ids; count or -errno. */
MUST_CHECK int64_t s3_store_list_configs(struct db *db, struct arena *arena, int64_t bucket_key,
                                         enum s3_config_kind kind, struct str after, int64_t limit,
                                         struct str *out_bodies);

/* JSON of the account's PublicAccessBlockConfiguration; absent: none. */
MUST_CHECK int s3_store_find_account_block(struct db *db, struct arena *arena, struct str account,
                                           struct str *out_body);
/* An absent body removes it. */
MUST_CHECK int s3_store_put_account_block(struct db *db, struct str account, struct str body);

/* Lines of server access logs that wait for delivery. */
struct s3_log_line {
    int64_t time_ms;
    struct str request_id;
    struct str line;
};
MUST_CHECK int s3_store_put_log_line(struct db *db, int64_t bucket_key,
                                     const struct s3_log_line *line);
MUST_CHECK int64_t s3_store_list_log_lines(struct db *db, struct arena *arena, int64_t bucket_key,
                                           int64_t limit, struct s3_log_line *out_lines);
/* Removes the lines up to and including that one. */
MUST_CHECK int s3_store_delete_log_lines(struct db *db, int64_t bucket_key,
                                         const struct s3_log_line *last);

/* ---- config.c ---- */

static inline bool s3_has_config(const struct s3_bucket_row *bucket, enum s3_config_kind kind)
{
    return (bucket->config_kinds & (1u << kind)) != 0;
}

/* Reads JSON of a configuration into `out`, a zeroed struct of `shape`. */
enum status s3_read_config(struct call *call, struct str body, const struct shape *shape,
                           void *out);
/* The bucket's configuration of the kind, or NULL; lives in the arena. */
enum status s3_load_config(struct call *call, const struct s3_bucket_row *bucket,
                           enum s3_config_kind kind, const struct shape *shape, void **out);
struct str s3_config_text(struct call *call, const struct shape *shape, const void *value);
/* The shape of the structure that is a member of an operation's input or output. */
const struct shape *s3_member_shape(const struct shape *shape, const char *member);
/* Writes the bucket's row. */
enum status s3_save_bucket(struct call *call, const struct s3_bucket_row *bucket);
/* Keeps (or, with an absent body, removes) the one configuration of the kind. */
enum status s3_set_config(struct call *call, struct s3_bucket_row *bucket, enum s3_config_kind kind,
                          struct str body);
enum {
    S3_MAX_BUCKET_TAGS = 50, /* AWS: "a bucket can have up to 50 tags" */
};
/* AWS's limits on tags of buckets (50), jobs and the like. */
enum status s3_check_tags(struct call *call, const struct s3_tag_set *tags, size_t limit);

/* For the pairs of Put and Get that keep a payload and give it back, by the running operation: the
 * payload of its input as the text that is kept; its output filled from such a text; what a Get
 * answers when there is none. */
struct str s3_payload_text(struct call *call, const void *in);
enum status s3_fill_output(struct call *call, struct str body, void *out);
enum status s3_missing_config(struct call *call, const struct api_error *error, const char *text);
/* Notes in the bucket's row whether it has any of the kind. */
enum status s3_set_kind(struct call *call, struct s3_bucket_row *bucket, enum s3_config_kind kind,
                        bool is_there);

enum s3_public_block {
    S3_BLOCK_ACLS = 1 << 0,
    S3_IGNORE_ACLS = 1 << 1,
    S3_BLOCK_POLICY = 1 << 2,
    S3_RESTRICT_BUCKETS = 1 << 3,
};
/* Bits of a PublicAccessBlockConfiguration. */
unsigned s3_block_bits(struct arena *arena, struct str body);

/* ---- bucket.c ---- */

struct str s3_bucket_arn(struct arena *arena, struct str bucket);
struct str s3_object_arn(struct arena *arena, struct str bucket, struct str key);
/* The bucket of an ARN arn:aws:s3:::NAME, or absent. */
struct str s3_bucket_of_arn(struct str arn);
/* Whether it is a name as CreateBucket allows it. */
bool s3_is_bucket_name(struct str name);
bool s3_is_region(struct str region);

/* ---- authorize.c ---- */

/* Of the bucket and its account together. */
enum status s3_effective_block(struct call *call, const struct s3_bucket_row *bucket,
                               unsigned *out_bits);
/* Whether the caller may do `action` ("s3:BypassGovernanceRetention") to the object, or to the
 * bucket when `key` is absent. `object` (may be NULL) is the version when it is known. */
bool s3_may(struct call *call, const struct s3_bucket_row *bucket, struct str key,
            const struct s3_object_row *object, const char *action);
/* The same, which must be so. */
enum status s3_require(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                       const struct s3_object_row *object, const char *action);
/* AWS: GetObject: "If the object you request doesn't exist, the error that Amazon S3 returns
 * depends on whether you also have the s3:ListBucket permission": NoSuchKey or AccessDenied. */
enum status s3_no_such_key(struct call *call, const struct s3_bucket_row *bucket, struct str key);
/* The account that will own what the caller writes with this ACL (AWS: "Controlling ownership of
 * objects"). */
struct str s3_object_owner(struct call *call, const struct s3_bucket_row *bucket,
                           struct str canned);

/* ---- acl.c ---- */

/* The ACL as statements of a resource policy appended to `statements`: the policy engine then
 * decides over both. `owner` is the account that owns the resource. */
struct s3_acl_view {
    struct str acl; /* of the row; absent: private */
    struct str owner;
    struct str arn;
    bool is_object;
    bool ignores_public;
};
void s3_acl_statements(struct arena *arena, const struct s3_acl_view *view,
                       struct json *statements);
bool s3_acl_is_public(struct arena *arena, struct str acl);

/* ---- put.c ---- */

/* PutObject, told as `event_name`. call->subject and call->body are set. */
enum status s3_put_as(struct call *call, const struct s3_put_object_in *in,
                      struct s3_put_object_out *out, const char *event_name);

/* ---- public.c ---- */

/* PutObject with a body from memory, as `principal` in `scope` (NULL: the call's). On refusal
 * *out_error says why; call->store_errno is set when the store failed. */
enum status s3_put_text(struct call *call, const struct principal *principal,
                        const struct scope *scope, const struct s3_put_object_in *in,
                        struct str text, struct s3_put_object_out *out,
                        struct call_error *out_error);

/* ---- cors.c, logging.c, website.c, event.c ---- */

/* The `finish` hook's part: CORS, access logs, pages of website endpoints. */
void s3_finish_bucket(struct call *call, const void *in);
void s3_log_access(struct call *call, const struct s3_bucket_row *bucket, const void *in);
/* Whether a configuration names a target that is not there or may not be written to; fails the
 * call. Sends test events. */
enum status s3_check_notification(struct call *call, const struct s3_bucket_row *bucket,
                                  const struct s3_notification_configuration *configuration,
                                  bool skips_test);
/* Queues the version for replication when a rule is about it; `object->replication` is set. Called
 * before the row is written. */
enum status s3_replicate(struct call *call, const struct s3_bucket_row *bucket,
                         const struct s3_object_row *object);

/* ---- the XML of a key in text such as "prefix" filters ---- */

/* Member of the operation's input by its name in the model, a text; absent when it has none. */
struct str s3_input_text(const struct operation *operation, const void *in, const char *name);

/* ---- handlers of this half ---- */

s3_create_bucket_fn s3_create_bucket;
s3_create_bucket_metadata_configuration_fn s3_create_bucket_metadata_configuration;
s3_create_bucket_metadata_table_configuration_fn s3_create_bucket_metadata_table_configuration;
s3_create_session_fn s3_create_session;
s3_delete_bucket_analytics_configuration_fn s3_delete_bucket_analytics_configuration;
s3_delete_bucket_cors_fn s3_delete_bucket_cors;
s3_delete_bucket_encryption_fn s3_delete_bucket_encryption;
s3_delete_bucket_fn s3_delete_bucket;
s3_delete_bucket_intelligent_tiering_configuration_fn
    s3_delete_bucket_intelligent_tiering_configuration;
s3_delete_bucket_inventory_configuration_fn s3_delete_bucket_inventory_configuration;
s3_delete_bucket_lifecycle_fn s3_delete_bucket_lifecycle;
s3_delete_bucket_metrics_configuration_fn s3_delete_bucket_metrics_configuration;
s3_delete_bucket_ownership_controls_fn s3_delete_bucket_ownership_controls;
s3_delete_bucket_policy_fn s3_delete_bucket_policy;
s3_delete_bucket_replication_fn s3_delete_bucket_replication;
s3_delete_bucket_tagging_fn s3_delete_bucket_tagging;
s3_delete_bucket_website_fn s3_delete_bucket_website;
s3_delete_public_access_block_fn s3_delete_public_access_block;
s3_get_bucket_abac_fn s3_get_bucket_abac;
s3_get_bucket_accelerate_configuration_fn s3_get_bucket_accelerate_configuration;
s3_get_bucket_acl_fn s3_get_bucket_acl;
s3_get_bucket_analytics_configuration_fn s3_get_bucket_analytics_configuration;
s3_get_bucket_cors_fn s3_get_bucket_cors;
s3_get_bucket_encryption_fn s3_get_bucket_encryption;
s3_get_bucket_intelligent_tiering_configuration_fn s3_get_bucket_intelligent_tiering_configuration;
s3_get_bucket_inventory_configuration_fn s3_get_bucket_inventory_configuration;
s3_get_bucket_lifecycle_configuration_fn s3_get_bucket_lifecycle_configuration;
s3_get_bucket_location_fn s3_get_bucket_location;
s3_get_bucket_logging_fn s3_get_bucket_logging;
s3_get_bucket_metrics_configuration_fn s3_get_bucket_metrics_configuration;
s3_get_bucket_notification_configuration_fn s3_get_bucket_notification_configuration;
s3_get_bucket_ownership_controls_fn s3_get_bucket_ownership_controls;
s3_get_bucket_policy_fn s3_get_bucket_policy;
s3_get_bucket_policy_status_fn s3_get_bucket_policy_status;
s3_get_bucket_replication_fn s3_get_bucket_replication;
s3_get_bucket_request_payment_fn s3_get_bucket_request_payment;
s3_get_bucket_tagging_fn s3_get_bucket_tagging;
s3_get_bucket_versioning_fn s3_get_bucket_versioning;
s3_get_bucket_website_fn s3_get_bucket_website;
s3_get_object_acl_fn s3_get_object_acl;
s3_get_object_lock_configuration_fn s3_get_object_lock_configuration;
s3_get_public_access_block_fn s3_get_public_access_block;
s3_head_bucket_fn s3_head_bucket;
s3_list_bucket_analytics_configurations_fn s3_list_bucket_analytics_configurations;
s3_list_bucket_intelligent_tiering_configurations_fn
    s3_list_bucket_intelligent_tiering_configurations;
s3_list_bucket_inventory_configurations_fn s3_list_bucket_inventory_configurations;
s3_list_bucket_metrics_configurations_fn s3_list_bucket_metrics_configurations;
s3_list_buckets_fn s3_list_buckets;
s3_post_object_fn s3_post_object;
s3_preflight_bucket_fn s3_preflight_bucket;
s3_preflight_object_fn s3_preflight_object;
s3_put_bucket_abac_fn s3_put_bucket_abac;
s3_put_bucket_accelerate_configuration_fn s3_put_bucket_accelerate_configuration;
s3_put_bucket_acl_fn s3_put_bucket_acl;
s3_put_bucket_analytics_configuration_fn s3_put_bucket_analytics_configuration;
s3_put_bucket_cors_fn s3_put_bucket_cors;
s3_put_bucket_encryption_fn s3_put_bucket_encryption;
s3_put_bucket_intelligent_tiering_configuration_fn s3_put_bucket_intelligent_tiering_configuration;
s3_put_bucket_inventory_configuration_fn s3_put_bucket_inventory_configuration;
s3_put_bucket_lifecycle_configuration_fn s3_put_bucket_lifecycle_configuration;
s3_put_bucket_logging_fn s3_put_bucket_logging;
s3_put_bucket_metrics_configuration_fn s3_put_bucket_metrics_configuration;
s3_put_bucket_notification_configuration_fn s3_put_bucket_notification_configuration;
s3_put_bucket_ownership_controls_fn s3_put_bucket_ownership_controls;
s3_put_bucket_policy_fn s3_put_bucket_policy;
s3_put_bucket_replication_fn s3_put_bucket_replication;
s3_put_bucket_request_payment_fn s3_put_bucket_request_payment;
s3_put_bucket_tagging_fn s3_put_bucket_tagging;
s3_put_bucket_versioning_fn s3_put_bucket_versioning;
s3_put_bucket_website_fn s3_put_bucket_website;
s3_put_object_acl_fn s3_put_object_acl;
s3_put_object_lock_configuration_fn s3_put_object_lock_configuration;
s3_put_public_access_block_fn s3_put_public_access_block;
s3_website_object_fn s3_website_object;
s3_website_root_fn s3_website_root;
