/* kms.h — KMS from inside: rows, key specs, crypto. Private to this folder.
 *
 * A key (kms_key) is identity, state and policy; what it computes with is its materials
 * (kms_material), one row per rotation, of which one is current. A material's bytes are sealed by
 * the store's master key (kms_master) and are in the clear only inside a handler's arena.
 *
 * States of a key (arrows are functions):
 *
 *   (new) ──create_key──► Enabled ◄──enable_key── Disabled
 *     │                      └────disable_key────────► ▲
 *     └─EXTERNAL─► PendingImport ──import──► Enabled   │cancel_key_deletion
 *            ▲──────delete_imported, expire───┘        │
 *   any ──schedule_key_deletion──► PendingDeletion ────┘ ──kms_key_step──► (gone)
 *   primary with replicas ──schedule──► PendingReplicaDeletion ──last replica gone──►
 *      PendingDeletion
 */
#pragma once

#include "engine/cfn/resource.h"
#include "kms/kms_api.h"
#include "service/kms/kms_public.h"
#include "store/db.h"

struct json;
struct vec;

enum {
    KMS_MASTER_BYTES = 32,
    KMS_SYMMETRIC_BYTES = 32,
    KMS_MATERIAL_ID_BYTES = 32, /* shown as 64 hex digits */
    KMS_MAX_PLAIN = 4096,       /* AWS: Encrypt, Sign and GenerateMac take up to 4,096 bytes */
    KMS_DAY_MS = 24 * 60 * 60 * 1000,
    KMS_RESOURCE_TYPES = 3, /* of CloudFormation */
};

#define KMS_STATE_ENABLED STR("Enabled")
#define KMS_STATE_DISABLED STR("Disabled")
#define KMS_STATE_PENDING_DELETION STR("PendingDeletion")
#define KMS_STATE_PENDING_IMPORT STR("PendingImport")
#define KMS_STATE_PENDING_REPLICA_DELETION STR("PendingReplicaDeletion")

struct kms_key {
    struct scope scope;
    struct str id;
    struct str arn; /* not a column */
    int64_t created_at_ms;
    struct str description;
    struct str usage;
    const struct kms_spec *spec;
    struct str origin;
    struct str state;
    struct str manager; /* "CUSTOMER" or "AWS" */
    struct str policy;
    struct str tags;           /* JSON object */
    struct str primary_region; /* of a multi-region key; else empty */
    int64_t deletion_at_ms;    /* 0: not scheduled */
    int64_t pending_days;
    bool is_rotating;
    int64_t rotation_days;
    int64_t next_rotation_at_ms;
    struct str material_id; /* of the current material; empty before the first import */
};

enum kms_material_state {
    KMS_MATERIAL_CURRENT,
    KMS_MATERIAL_FORMER,
    KMS_MATERIAL_WAITING, /* imported for a rotation that is still to come */
};

struct kms_material {
    struct str id;
    int64_t serial;         /* 0 is the first */
    int64_t created_at_ms;  /* when it became current */
    struct str rotation;    /* "AUTOMATIC", "ON_DEMAND"; empty for the first */
    int64_t state;          /* enum kms_material_state */
    struct str sealed;      /* empty: imported material that was deleted or expired */
    struct str description; /* of imported material */
    int64_t valid_to_ms;    /* 0: does not expire */
};

struct kms_alias {
    struct scope scope;
    struct str name; /* "alias/..." */
    struct str key_id;
    int64_t created_at_ms;
    int64_t updated_at_ms;
};

struct kms_grant {
    struct str id;
    struct scope scope; /* of the key */
    struct str key_id;
    struct str token;
    struct str name;
    struct str grantee;
    struct str retiree;
    struct str issuer;
    struct str operations;  /* JSON array */
    struct str constraints; /* JSON object of up to two objects; empty: none */
    int64_t created_at_ms;
};

/* --- spec.c: what each key spec is --- */

enum kms_family {
    KMS_SYMMETRIC,
    KMS_RSA,
    KMS_EC,
    KMS_EDWARDS,
    KMS_HMAC,
};

struct kms_spec {
    struct str name; /* "RSA_2048" */
    enum kms_family family;
    int bits;          /* RSA modulus; HMAC key */
    const char *curve; /* OpenSSL's name */
    struct str digest; /* ECDSA's and HMAC's only one: "SHA_256" */
};

/* NULL: not a spec that is made here. */
const struct kms_spec *kms_find_spec(struct str name);
struct kms_algorithms {
    const struct str *items;
    size_t count;
};
struct kms_algorithms kms_encryption_algorithms(const struct kms_spec *spec);
struct kms_algorithms kms_signing_algorithms(const struct kms_spec *spec);
struct kms_algorithms kms_mac_algorithms(const struct kms_spec *spec);
bool kms_has_algorithm(struct kms_algorithms algorithms, struct str name);
/* Whether a key of the spec can have the usage. */
bool kms_spec_has_usage(const struct kms_spec *spec, struct str usage);

/* --- crypto.c: OpenSSL behind a few calls. Secrets are PKCS #8 DER or raw bytes. --- */

/* Fresh secret bytes of the spec, for all but RSA (spare.c). */
MUST_CHECK int kms_new_secret(struct arena *arena, const struct kms_spec *spec,
                              struct str *out_secret);
/* A fresh RSA key as PKCS #8. Takes 0.05 to 2 s. `heap_buffer` is mem_new memory. Thread-safe. */
MUST_CHECK int kms_new_rsa(int bits, char **out_heap_buffer, size_t *out_len);
/* SubjectPublicKeyInfo of a private key. 0 or -EINVAL. */
MUST_CHECK int kms_public_of(struct arena *arena, struct str secret, struct str *out_public);
/* Whether `secret` is a private key of that spec. */
bool kms_secret_fits(struct arena *arena, const struct kms_spec *spec, struct str secret);
/* AES-256-GCM: nonce, ciphertext, tag. */
struct str kms_gcm_seal(struct arena *arena, struct str key, struct str aad, struct str plain);
MUST_CHECK int kms_gcm_open(struct arena *arena, struct str key, struct str aad, struct str sealed,
                            struct str *out_plain);
/* RSAES-OAEP or PKCS1 v1.5. -EBADMSG when it cannot be opened. `algorithm` ends in SHA_1, SHA_256
 * or is RSAES_PKCS1_V1_5. */
MUST_CHECK int kms_rsa_encrypt(struct arena *arena, struct str secret, struct str algorithm,
                               struct str plain, struct str *out_sealed);
MUST_CHECK int kms_rsa_decrypt(struct arena *arena, struct str secret, struct str algorithm,
                               struct str sealed, struct str *out_plain);
/* Digest named by the end of an algorithm ("..._SHA_384"); bytes of it in size. */
struct str kms_digest(struct arena *arena, struct str algorithm, struct str message);
size_t kms_digest_size(struct str algorithm);
/* `digest` is the message's digest, or the message itself for Ed25519. */
MUST_CHECK int kms_sign_digest(struct arena *arena, struct str secret, struct str algorithm,
                               struct str digest, struct str *out_signature);
bool kms_verify_digest(struct arena *arena, struct str secret, struct str algorithm,
                       struct str digest, struct str signature);
struct str kms_hmac(struct arena *arena, struct str key, struct str algorithm, struct str message);
/* ECDH. -EINVAL when the public key is not a point of the same curve. */
MUST_CHECK int kms_ecdh(struct arena *arena, struct str secret, struct str public_key,
                        struct str *out_shared);
/* RFC 5649 unwrapping with AES-256. -EBADMSG. */
MUST_CHECK int kms_unwrap_padded(struct arena *arena, struct str key, struct str wrapped,
                                 struct str *out_plain);

/* --- spare.c: RSA keys made beside the request --- */

/* A secret for the spec: at once, or for RSA from a job of the thread pool (then STATUS_PENDING:
 * return it; the handler must have written nothing). */
enum status kms_take_secret(struct call *call, const struct kms_spec *spec, struct str *out_secret);

/* --- material.c: secrets at rest, ciphertext blobs --- */

/* The store's master key, made when first needed. */
MUST_CHECK int kms_master_key(struct call *call, struct str *out_key);
enum status kms_seal_secret(struct call *call, struct str secret, struct str *out_sealed);
enum status kms_open_secret(struct call *call, const struct kms_material *material,
                            struct str *out_secret);
/* The current material's secret; fails the call when there is none. */
enum status kms_current_secret(struct call *call, const struct kms_key *key,
                               struct str *out_secret);
/* Id of material: made from its bytes, so that importing the same again gives the same. */
enum status kms_material_id(struct call *call, const struct kms_key *key, struct str secret,
                            struct str *out_id);
/* Adds `secret` as the key's new current material (rotation empty: the first) and sets
 * key->material_id; the caller writes the key. */
enum status kms_add_material(struct call *call, struct kms_key *key, struct str secret,
                             struct str rotation);

/* What a ciphertext blob of a symmetric key says about itself. */
struct kms_blob {
    struct str account;
    struct str key_id;
    struct str material_id;
    struct str header;
    struct str body; /* nonce, ciphertext, tag */
};
MUST_CHECK int kms_blob_read(struct arena *arena, struct str bytes, struct kms_blob *out_blob);
enum status kms_encrypt_symmetric(struct call *call, const struct kms_key *key,
                                  const struct kms_encryption_context_type *context,
                                  struct str plain, struct str *out_blob);
enum status kms_decrypt_symmetric(struct call *call, const struct kms_key *key,
                                  const struct kms_encryption_context_type *context,
                                  struct str bytes, struct str *out_plain,
                                  struct str *out_material_id);

/* --- resolve.c: which key is meant, and may it be used --- */

struct str kms_arn(struct arena *arena, struct scope scope, const char *kind, struct str id);
enum status kms_key_missing(struct call *call, struct scope scope, struct str id);
/* Sets *out_alias to the alias that was used, or an empty str. */
enum status kms_resolve(struct call *call, struct str key_id, bool takes_alias,
                        struct kms_key **out_key, struct str *out_alias);
/* Enabled and with material; else fails the call. */
enum status kms_require_usable(struct call *call, const struct kms_key *key);
/* Not on its way to deletion. */
enum status kms_require_kept(struct call *call, const struct kms_key *key);
/* A key of the customer, not of AWS. */
enum status kms_require_own(struct call *call, const struct kms_key *key);
enum status kms_require_usage(struct call *call, const struct kms_key *key, const char *usage);
enum status kms_require_algorithm(struct call *call, const struct kms_key *key,
                                  struct kms_algorithms algorithms, struct str algorithm);
/* STATUS_DONE unless DryRun is set. */
enum status kms_end_dry_run(struct call *call, struct opt_bool dry_run);
/* Refuses Recipient: there are no enclaves here. */
enum status kms_refuse_recipient(struct call *call, const struct kms_recipient_info *recipient);
/* Marker of a list: after which name it goes on. */
enum status kms_marker_read(struct call *call, struct str marker, struct str *out_after);
struct str kms_marker_write(struct call *call, struct str last);

/* --- authorize.c --- */

/* What the authorize hook found, in call->subject. */
struct kms_subject {
    struct kms_key *key;
    struct str alias;              /* name by which the key was asked for, or empty */
    struct kms_key *destination;   /* ReEncrypt */
    struct kms_alias *named_alias; /* UpdateAlias, DeleteAlias */
};
enum status kms_authorize(struct call *call, const void *in, struct authorization *out);
/* Fills *out for an action on a key, its policy and the grants that add to it. */
enum status kms_describe_access(struct call *call, const void *in, const struct kms_key *key,
                                struct str alias, struct str action, struct authorization *out);
static inline const struct kms_subject *kms_subject(const struct call *call)
{
    return call->subject;
}
static inline struct kms_key *kms_subject_key(const struct call *call)
{
    return kms_subject(call)->key;
}
/* A member of the operation's input by its name in the model, or NULL. */
const void *kms_member(const struct call *call, const void *in, const char *name);

/* --- key.c, policy.c, tag.c, lifecycle.c --- */

enum status kms_metadata(struct call *call, const struct kms_key *key,
                         struct kms_key_metadata **out_metadata);
/* The policy, or the default one when it is absent; checked for form and lockout. `key` is the key
 * that it is for. */
enum status kms_check_policy(struct call *call, const struct kms_key *key, struct str wanted,
                             bool bypass, struct str *out_policy);
/* JSON object of a list of tags; checks them. */
enum status kms_gather_tags(struct call *call, const struct kms_tag_list *tags,
                            const struct json *base, struct str *out_tags);
enum status kms_tag_list_of(struct call *call, struct str tags, struct kms_tag_list *out);
/* The key of "alias/aws/...", made now when it is first used. *out_key is NULL when there is no
 * such AWS service. */
enum status kms_managed_key(struct call *call, struct str alias, struct kms_key **out_key);
/* The key's time-table changed: its workflow looks at it. */
enum status kms_reschedule(struct call *call, const struct kms_key *key);
/* New material for the key and its replicas, at call->now_ms. */
enum status kms_rotate(struct call *call, struct kms_key *key, struct str rotation);

/* --- grant.c --- */

/* Whether a grant allows `operation` ("Decrypt") on the key to the caller. 1, 0 or -errno. */
MUST_CHECK int kms_grant_allows(struct call *call, const struct kms_key *key, struct str operation,
                                const struct kms_encryption_context_type *context);

/* --- store.c: every one returns 0 (finders: 1 found, 0 not; lists: count) or -errno --- */

MUST_CHECK int kms_store_find_master(struct db *db, struct arena *arena, struct str *out_key);
MUST_CHECK int kms_store_put_master(struct db *db, struct str key);
MUST_CHECK int kms_store_find_key(struct db *db, struct arena *arena, struct scope scope,
                                  struct str id, struct kms_key **out_key);
MUST_CHECK int kms_store_insert_key(struct db *db, const struct kms_key *key);
MUST_CHECK int kms_store_update_key(struct db *db, const struct kms_key *key);
/* With its materials, aliases and grants. */
MUST_CHECK int kms_store_delete_key(struct db *db, const struct kms_key *key);
MUST_CHECK int64_t kms_store_list_keys(struct db *db, struct arena *arena, struct scope scope,
                                       struct str after, int64_t limit, struct str *out_ids);
/* Regions that hold a multi-region key, in order. */
MUST_CHECK int64_t kms_store_list_regions(struct db *db, struct arena *arena, struct str account,
                                          struct str id, int64_t limit, struct str *out_regions);
MUST_CHECK int kms_store_find_material(struct db *db, struct arena *arena,
                                       const struct kms_key *key, struct str id,
                                       struct kms_material *out_material);
MUST_CHECK int kms_store_put_material(struct db *db, const struct kms_key *key,
                                      const struct kms_material *material);
/* All of a key from serial `after` on, oldest first. */
MUST_CHECK int64_t kms_store_list_materials(struct db *db, struct arena *arena,
                                            const struct kms_key *key, int64_t after, int64_t limit,
                                            struct kms_material *out_materials);
/* The next serial number of the key's materials. */
MUST_CHECK int64_t kms_store_next_serial(struct db *db, const struct kms_key *key);
/* The current material becomes a former one. */
MUST_CHECK int kms_store_retire_material(struct db *db, const struct kms_key *key);
/* Rotations on demand so far. */
MUST_CHECK int64_t kms_store_count_on_demand(struct db *db, const struct kms_key *key);
/* The earliest expiry of imported material that is still there; 0: none. */
MUST_CHECK int kms_store_next_expiry(struct db *db, const struct kms_key *key, int64_t *out_ms);
/* Erases the bytes of what has expired by `now_ms`. Number of rows. */
MUST_CHECK int64_t kms_store_expire(struct db *db, const struct kms_key *key, int64_t now_ms);
MUST_CHECK int64_t kms_store_count_absent(struct db *db, const struct kms_key *key);

MUST_CHECK int kms_store_find_alias(struct db *db, struct arena *arena, struct scope scope,
                                    struct str name, struct kms_alias **out_alias);
MUST_CHECK int kms_store_put_alias(struct db *db, const struct kms_alias *alias);
MUST_CHECK int kms_store_delete_alias(struct db *db, const struct kms_alias *alias);
/* `key_id` empty: of all keys. */
MUST_CHECK int64_t kms_store_list_aliases(struct db *db, struct arena *arena, struct scope scope,
                                          struct str key_id, struct str after, int64_t limit,
                                          struct kms_alias *out_aliases);

MUST_CHECK int kms_store_insert_grant(struct db *db, const struct kms_grant *grant);
MUST_CHECK int kms_store_find_grant(struct db *db, struct arena *arena, struct scope scope,
                                    struct str key_id, struct str id, struct kms_grant *out_grant);
MUST_CHECK int kms_store_find_grant_token(struct db *db, struct arena *arena, struct str token,
                                          struct kms_grant *out_grant);
MUST_CHECK int kms_store_delete_grant(struct db *db, const struct kms_grant *grant);
/* Grants of a key after an id; `grantee` and `id` filter when not empty. */
struct kms_grant_filter {
    struct str grantee;
    struct str id;
};
MUST_CHECK int64_t kms_store_list_grants(struct db *db, struct arena *arena,
                                         const struct kms_key *key,
                                         const struct kms_grant_filter *filter, struct str after,
                                         int64_t limit, struct kms_grant *out_grants);
MUST_CHECK int64_t kms_store_list_retirable(struct db *db, struct arena *arena, struct scope scope,
                                            struct str retiree, struct str after, int64_t limit,
                                            struct kms_grant *out_grants);

MUST_CHECK int kms_store_put_spare(struct db *db, struct str id, struct str spec,
                                   struct str sealed);
MUST_CHECK int kms_store_find_spare(struct db *db, struct arena *arena, struct str spec,
                                    struct str *out_id, struct str *out_sealed);
/* 1: it was there. */
MUST_CHECK int kms_store_delete_spare(struct db *db, struct str id);

extern const struct migration_set kms_migrations;
extern const struct resource_type kms_resource_types[];

/* handlers */
kms_cancel_key_deletion_fn kms_cancel_key_deletion;
kms_create_alias_fn kms_create_alias;
kms_create_grant_fn kms_create_grant;
kms_create_key_fn kms_create_key;
kms_decrypt_fn kms_decrypt;
kms_delete_alias_fn kms_delete_alias;
kms_delete_imported_key_material_fn kms_delete_imported_key_material;
kms_derive_shared_secret_fn kms_derive_shared_secret;
kms_describe_key_fn kms_describe_key;
kms_disable_key_fn kms_disable_key;
kms_disable_key_rotation_fn kms_disable_key_rotation;
kms_enable_key_fn kms_enable_key;
kms_enable_key_rotation_fn kms_enable_key_rotation;
kms_encrypt_fn kms_encrypt;
kms_generate_data_key_fn kms_generate_data_key;
kms_generate_data_key_pair_fn kms_generate_data_key_pair;
kms_generate_data_key_pair_without_plaintext_fn kms_generate_data_key_pair_without_plaintext;
kms_generate_data_key_without_plaintext_fn kms_generate_data_key_without_plaintext;
kms_generate_mac_fn kms_generate_mac;
kms_generate_random_fn kms_generate_random;
kms_get_key_policy_fn kms_get_key_policy;
kms_get_key_rotation_status_fn kms_get_key_rotation_status;
kms_get_parameters_for_import_fn kms_get_parameters_for_import;
kms_get_public_key_fn kms_get_public_key;
kms_import_key_material_fn kms_import_key_material;
kms_list_aliases_fn kms_list_aliases;
kms_list_grants_fn kms_list_grants;
kms_list_key_policies_fn kms_list_key_policies;
kms_list_key_rotations_fn kms_list_key_rotations;
kms_list_keys_fn kms_list_keys;
kms_list_resource_tags_fn kms_list_resource_tags;
kms_list_retirable_grants_fn kms_list_retirable_grants;
kms_put_key_policy_fn kms_put_key_policy;
kms_re_encrypt_fn kms_re_encrypt;
kms_replicate_key_fn kms_replicate_key;
kms_retire_grant_fn kms_retire_grant;
kms_revoke_grant_fn kms_revoke_grant;
kms_rotate_key_on_demand_fn kms_rotate_key_on_demand;
kms_schedule_key_deletion_fn kms_schedule_key_deletion;
kms_sign_fn kms_sign;
kms_tag_resource_fn kms_tag_resource;
kms_untag_resource_fn kms_untag_resource;
kms_update_alias_fn kms_update_alias;
kms_update_key_description_fn kms_update_key_description;
kms_update_primary_region_fn kms_update_primary_region;
kms_verify_fn kms_verify;
kms_verify_mac_fn kms_verify_mac;
extern const struct kms_handlers kms_handlers;
