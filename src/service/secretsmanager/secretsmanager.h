/* secretsmanager.h — Secrets Manager from inside. Private to this folder.
 *
 * A secret is one row of secretsmanager_secret, its values are rows of secretsmanager_version. The
 * stages of a version are a JSON array in its row; a stage is on at most one version of a secret,
 * and versions.c alone moves them. A replica is a secret of its own in another Region, with the
 * same name, suffix and versions, that follows its primary (replica.c).
 */
#pragma once

#include "engine/cfn/resource.h"
#include "secretsmanager/secretsmanager_api.h"
#include "service/secretsmanager/secretsmanager_public.h"
#include "store/db.h"

struct json;

enum {
    SECRETS_SUFFIX_LEN = 6,     /* AWS: "Secrets Manager includes six random characters" */
    SECRETS_MAX_VERSIONS = 120, /* kept at most: 100 as AWS, and those that have stages */
    SECRETS_MAX_STAGES = 20,    /* AWS: staging labels across all versions of a secret */
    SECRETS_DAY_MS = 24 * 60 * 60 * 1000,
    SECRETS_RESOURCE_TYPES = 4, /* of CloudFormation */
};

#define SECRETS_CURRENT STR("AWSCURRENT")
#define SECRETS_PREVIOUS STR("AWSPREVIOUS")
#define SECRETS_PENDING STR("AWSPENDING")

struct secret {
    struct scope scope;
    struct str name;
    struct str suffix;
    struct str arn; /* not a column */
    int64_t created_at_ms;
    int64_t changed_at_ms;
    int64_t accessed_at_ms; /* the day; 0: never */
    int64_t deleted_at_ms;  /* when deletion was asked for; 0: not */
    int64_t deletion_at_ms;
    struct str description;
    struct str kms_key_id; /* as it was asked for; empty: aws/secretsmanager */
    struct str policy;     /* empty: none */
    struct str tags;       /* JSON object */
    struct str type;
    struct str primary_region; /* of a secret that is or has a replica; else empty */
    struct str replicas;       /* JSON array of {"Region", "KmsKeyId", "Status", "Message"} */
};

struct secret_version {
    struct str id;
    int64_t created_at_ms;
    int64_t accessed_at_ms;
    struct str stages; /* JSON array of texts */
    struct str kms_key_id;
    bool is_binary;
    struct str value; /* sealed (value.c) */
};

/* --- resolve.c: which secret is meant, and may it be used --- */

struct str secrets_arn(struct arena *arena, struct scope scope, struct str name, struct str suffix);
/* Looks a secret up by name, ARN or partial ARN. 1, 0 or -errno. */
MUST_CHECK int secrets_find(struct call *call, struct str id, struct secret *out_secret);
/* The secret that the authorize hook found; fails the call when there is none. */
enum status secrets_subject(struct call *call, struct secret *out_secret);
/* ... that is not on its way to deletion. */
enum status secrets_usable_subject(struct call *call, struct secret *out_secret);
/* ... and that is not a replica. */
enum status secrets_primary_subject(struct call *call, struct secret *out_secret);
enum status secrets_missing(struct call *call);
enum status secrets_authorize(struct call *call, const void *in, struct authorization *out);

/* --- value.c: values sealed by KMS --- */

struct secret_value {
    struct str text; /* one of these is set */
    struct str bytes;
};
/* Exactly one of both, or none when `may_lack`. */
enum status secrets_check_value(struct call *call, const struct secret_value *value, bool may_lack);
static inline bool secret_value_is_set(const struct secret_value *value)
{
    return str_is_set(value->text) || str_is_set(value->bytes);
}
enum status secrets_seal(struct call *call, const struct secret *secret,
                         const struct secret_value *value, struct secret_version *version);
enum status secrets_open(struct call *call, const struct secret *secret,
                         const struct secret_version *version, struct secret_value *out_value);

/* --- version.c --- */

/* Whether the JSON array of stages has it. */
bool secrets_has_stage(struct call *call, struct str stages, struct str stage);
void secrets_stage_list(struct call *call, struct str stages,
                        struct secretsmanager_secret_version_stages_type *out);
/* Adds a version with the stages (none: AWSCURRENT). The same token with the same value changes
 * nothing; with another it fails. */
struct secret_put {
    struct str token;
    struct secret_value value;
    const struct str *stages;
    size_t stage_count;
};
enum status secrets_put_version(struct call *call, struct secret *secret,
                                const struct secret_put *put, struct secret_version *out_version);
enum status secrets_check_token(struct call *call, struct str token);

/* --- secret.c, tag.c, policy.c, list.c --- */

enum status secrets_write(struct call *call, const struct secret *secret);
enum status secrets_gather_tags(struct call *call, const struct secretsmanager_tag_list_type *tags,
                                struct str base, struct str *out_tags);
void secrets_tag_list(struct call *call, struct str tags, struct secretsmanager_tag_list_type *out);
void secrets_stage_map(struct call *call, const struct secret_version *versions, int64_t count,
                       struct secretsmanager_secret_versions_to_stages_map_type *out);
enum status secrets_list_versions(struct call *call, const struct secret *secret,
                                  struct secret_version **out_versions, int64_t *out_count);
enum status secrets_check_policy(struct call *call, const struct secret *secret, struct str text,
                                 bool blocks_public);
struct str secrets_random_password(struct call *call,
                                   const struct secretsmanager_get_random_password_in *in);

/* --- replica.c --- */

enum status secrets_add_replicas(struct call *call, struct secret *secret,
                                 const struct secretsmanager_add_replica_region_list_type *regions,
                                 bool overwrites);
/* The secret or its versions changed: its replicas follow. */
enum status secrets_update_replicas(struct call *call, const struct secret *secret);
bool secrets_is_replica(const struct secret *secret);
bool secrets_has_replicas(const struct secret *secret);
void secrets_replication_status(struct call *call, const struct secret *secret,
                                struct secretsmanager_replication_status_list_type *out);

/* --- store.c: finders give 1 or 0, lists a count, others 0; all -errno --- */

MUST_CHECK int secrets_store_find(struct db *db, struct arena *arena, struct scope scope,
                                  struct str name, struct secret *out_secret);
MUST_CHECK int secrets_store_put(struct db *db, const struct secret *secret);
MUST_CHECK int secrets_store_touch(struct db *db, const struct secret *secret,
                                   const struct secret_version *version, int64_t day_ms);
MUST_CHECK int secrets_store_delete(struct db *db, const struct secret *secret);
/* After a pair (sort value, name), by one of the columns. */
enum secrets_order {
    SECRETS_BY_NAME,
    SECRETS_BY_CREATED,
    SECRETS_BY_CHANGED,
    SECRETS_BY_ACCESSED,
};
struct secrets_page {
    enum secrets_order order;
    bool is_descending;
    bool has_start;
    int64_t after_value;
    struct str after_name;
};
MUST_CHECK int64_t secrets_store_list(struct db *db, struct arena *arena, struct scope scope,
                                      const struct secrets_page *page, int64_t limit,
                                      struct secret *out_secrets);
int64_t secrets_sort_value(const struct secret *secret, enum secrets_order order);

MUST_CHECK int secrets_store_find_version(struct db *db, struct arena *arena,
                                          const struct secret *secret, struct str id,
                                          struct secret_version *out_version);
MUST_CHECK int secrets_store_put_version(struct db *db, const struct secret *secret,
                                         const struct secret_version *version);
MUST_CHECK int secrets_store_set_stages(struct db *db, const struct secret *secret,
                                        const struct secret_version *version);
MUST_CHECK int secrets_store_delete_version(struct db *db, const struct secret *secret,
                                            struct str id);
/* All versions, oldest first; `has_values` reads them with their values. */
MUST_CHECK int64_t secrets_store_list_versions(struct db *db, struct arena *arena,
                                               const struct secret *secret, bool has_values,
                                               int64_t limit, struct secret_version *out_versions);

extern const struct migration_set secretsmanager_migrations;
extern const struct resource_type secretsmanager_resource_types[];

/* handlers */
secretsmanager_batch_get_secret_value_fn secretsmanager_batch_get_secret_value;
secretsmanager_cancel_rotate_secret_fn secretsmanager_cancel_rotate_secret;
secretsmanager_create_secret_fn secretsmanager_create_secret;
secretsmanager_delete_resource_policy_fn secretsmanager_delete_resource_policy;
secretsmanager_delete_secret_fn secretsmanager_delete_secret;
secretsmanager_describe_secret_fn secretsmanager_describe_secret;
secretsmanager_get_random_password_fn secretsmanager_get_random_password;
secretsmanager_get_resource_policy_fn secretsmanager_get_resource_policy;
secretsmanager_get_secret_value_fn secretsmanager_get_secret_value;
secretsmanager_list_secret_version_ids_fn secretsmanager_list_secret_version_ids;
secretsmanager_list_secrets_fn secretsmanager_list_secrets;
secretsmanager_put_resource_policy_fn secretsmanager_put_resource_policy;
secretsmanager_put_secret_value_fn secretsmanager_put_secret_value;
secretsmanager_remove_regions_from_replication_fn secretsmanager_remove_regions_from_replication;
secretsmanager_replicate_secret_to_regions_fn secretsmanager_replicate_secret_to_regions;
secretsmanager_restore_secret_fn secretsmanager_restore_secret;
secretsmanager_rotate_secret_fn secretsmanager_rotate_secret;
secretsmanager_stop_replication_to_replica_fn secretsmanager_stop_replication_to_replica;
secretsmanager_tag_resource_fn secretsmanager_tag_resource;
secretsmanager_untag_resource_fn secretsmanager_untag_resource;
secretsmanager_update_secret_fn secretsmanager_update_secret;
secretsmanager_update_secret_version_stage_fn secretsmanager_update_secret_version_stage;
secretsmanager_validate_resource_policy_fn secretsmanager_validate_resource_policy;
extern const struct secretsmanager_handlers secretsmanager_handlers;
