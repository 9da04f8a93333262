/* iam_account.h — private to the folder: what belongs to an account as a whole: identity providers,
 * alias, password policy, reports, service-linked roles, MFA devices, server certificates; and the
 * policy simulator.
 *
 * Rows of these live in tables of their own (store_account.c). Functions return 0 or a negative
 * errno; those that look something up return 1 (found), 0 (not there) or a negative errno.
 */
#pragma once

#include "service/iam/iam.h"

enum iam_provider_kind {
    IAM_PROVIDER_OIDC,
    IAM_PROVIDER_SAML,
};

/* An identity provider. `body` is, of OIDC, a JSON object {"clients", "thumbprints"}; of SAML the
 * metadata document. */
struct iam_provider {
    struct str arn;
    struct str account;
    enum iam_provider_kind kind;
    struct str name; /* OIDC: the URL without its scheme */
    struct str id;   /* SAML: unique id; OIDC: empty */
    struct str body;
    struct str encryption_mode; /* SAML: "Allowed" or "Required"; OIDC: empty */
    struct str private_keys;    /* SAML: JSON array of {"id", "time", "pem"} */
    struct str tags;            /* JSON object */
    int64_t created_at_ms;
    int64_t valid_until_ms; /* SAML */
};

/* A virtual MFA device. */
struct iam_mfa_row {
    struct str serial; /* its ARN */
    struct str account;
    struct str name;
    struct str seed;    /* base32, as the authenticator gets it */
    struct str user_id; /* absent: assigned to nobody */
    int64_t enabled_at_ms;
    int64_t drift_steps; /* how many time steps the device is ahead of the clock */
    int64_t last_step;   /* of the last code that was accepted; none is taken twice */
    struct str tags;     /* JSON object */
    int64_t created_at_ms;
};

struct iam_certificate_row {
    struct str id; /* ASCA... */
    struct str account;
    struct str name;
    struct str path;
    struct str body; /* PEM, as the next two */
    struct str chain;
    struct str private_key;
    struct str tags; /* JSON object */
    int64_t uploaded_at_ms;
    int64_t expires_at_ms;
};

/* --- store_account.c --- */

MUST_CHECK int iam_store_find_alias(struct db *db, struct arena *arena, struct str account,
                                    struct str *out_alias);
/* The account that has the alias. */
MUST_CHECK int iam_store_find_alias_owner(struct db *db, struct arena *arena, struct str alias,
                                          struct str *out_account);
/* Inserts or replaces. */
MUST_CHECK int iam_store_put_alias(struct db *db, struct str account, struct str alias);
MUST_CHECK int iam_store_delete_alias(struct db *db, struct str account);

/* The password policy as the JSON text that account.c writes. */
MUST_CHECK int iam_store_find_password_policy(struct db *db, struct arena *arena,
                                              struct str account, struct str *out_body);
MUST_CHECK int iam_store_put_password_policy(struct db *db, struct str account, struct str body);
/* Returns the number of rows removed or -errno. */
MUST_CHECK int iam_store_delete_password_policy(struct db *db, struct str account);

MUST_CHECK int iam_store_find_report(struct db *db, struct arena *arena, struct str account,
                                     struct str *out_content, int64_t *out_generated_at_ms);
MUST_CHECK int iam_store_put_report(struct db *db, struct str account, struct str content,
                                    int64_t generated_at_ms);

/* Deletions of service-linked roles; a row is kept per task, which is always done. */
MUST_CHECK int iam_store_find_deletion(struct db *db, struct str account, struct str task_id);
MUST_CHECK int iam_store_insert_deletion(struct db *db, struct str account, struct str task_id);

MUST_CHECK int iam_store_find_provider(struct db *db, struct arena *arena, struct str account,
                                       struct str arn, struct iam_provider *out_provider);
/* Inserts, or replaces the one with the same ARN; so do the next two puts by serial and id. */
MUST_CHECK int iam_store_put_provider(struct db *db, const struct iam_provider *provider);
MUST_CHECK int iam_store_delete_provider(struct db *db, struct str account, struct str arn);
/* Pushes struct iam_provider, by ARN. */
MUST_CHECK int iam_store_list_providers(struct db *db, struct arena *arena, struct str account,
                                        enum iam_provider_kind kind, struct vec *out_providers);

MUST_CHECK int iam_store_find_mfa(struct db *db, struct arena *arena, struct str account,
                                  struct str serial, struct iam_mfa_row *out_device);
MUST_CHECK int iam_store_put_mfa(struct db *db, const struct iam_mfa_row *device);
MUST_CHECK int iam_store_delete_mfa(struct db *db, struct str account, struct str serial);
/* Pushes struct iam_mfa_row, by serial number; an absent user_id means all of the account. */
MUST_CHECK int iam_store_list_mfa(struct db *db, struct arena *arena, struct str account,
                                  struct str user_id, struct iam_range range,
                                  struct vec *out_devices);

MUST_CHECK int iam_store_find_certificate(struct db *db, struct arena *arena, struct str account,
                                          struct str name,
                                          struct iam_certificate_row *out_certificate);
MUST_CHECK int iam_store_put_certificate(struct db *db,
                                         const struct iam_certificate_row *certificate);
MUST_CHECK int iam_store_delete_certificate(struct db *db, struct str id);
/* Pushes struct iam_certificate_row, by name. */
MUST_CHECK int iam_store_list_certificates(struct db *db, struct arena *arena, struct str account,
                                           struct str path_prefix, struct iam_range range,
                                           struct vec *out_certificates);

struct iam_account_counts {
    int64_t providers;
    int64_t mfa_devices;
    int64_t mfa_devices_in_use;
    int64_t certificates;
    int64_t policy_versions;
};

MUST_CHECK int iam_store_count_account(struct db *db, struct str account,
                                       struct iam_account_counts *out_counts);

/* --- account_tag.c: tags of what is no entity, as JSON text --- */

/* *text with the tags of the request put in; fails on bad keys and on too many. */
enum status iam_merge_tags(struct call *call, struct str *text,
                           const struct iam_tag_list_type *tags);
enum status iam_drop_tags(struct call *call, struct str *text,
                          const struct iam_tag_key_list_type *keys);

/* --- policy_source.c: all documents that apply to a principal, each with its name --- */

struct iam_policy_source {
    struct str id;       /* as a simulation names it */
    struct str document; /* JSON text */
};

/* Pushes struct iam_policy_source: inline and attached policies of an entity, and of a user's
 * groups. */
enum status iam_gather_sources(struct call *call, const struct iam_entity *entity,
                               struct vec *sources);

/* The user, group or role of the ARN; fails on any other ARN and when there is none. */
enum status iam_get_policy_source(struct call *call, struct str arn,
                                  struct iam_entity **out_entity);

/* --- service_linked.c --- */

/* Fails when the operation being carried out may not touch this role: a service-linked one. */
enum status iam_check_protected(struct call *call, const struct iam_entity *role);

/* --- password.c --- */

/* Fails with PasswordPolicyViolation when the account's password policy does not admit it; without
 * one, *out_is_checked is false and the default policy counts (iam_check_password). */
enum status iam_check_password_policy(struct call *call, struct str password, bool *out_is_checked);
/* After how many days a password must be changed; 0: never. */
enum status iam_get_password_age(struct call *call, int64_t *out_days);

/* --- mfa.c --- */

/* DeleteConflict when the user has an MFA device. */
enum status iam_check_no_mfa(struct call *call, const struct iam_entity *user);

/* --- totp.c --- */

enum {
    IAM_TOTP_STEP_MS = 30000,
};

/* The six digits of a time step (RFC 6238, SHA-1). `seed` is base32; at least 7 bytes at `out`. */
MUST_CHECK int iam_totp_code(struct arena *arena, struct str seed, int64_t step, char out[7]);
/* A random seed of 64 characters in base32. */
struct str iam_totp_seed(struct arena *arena);

/* --- qr.c --- */

/* A PNG image of the QR code that holds `text` (at most 520 bytes, else an absent str). */
struct str iam_qr_png(struct arena *arena, struct str text);

/* provider_oidc.c */
iam_create_open_id_connect_provider_fn iam_create_open_id_connect_provider;
iam_get_open_id_connect_provider_fn iam_get_open_id_connect_provider;
iam_list_open_id_connect_providers_fn iam_list_open_id_connect_providers;
iam_delete_open_id_connect_provider_fn iam_delete_open_id_connect_provider;
iam_add_client_id_to_open_id_connect_provider_fn iam_add_client_id_to_open_id_connect_provider;
iam_remove_client_id_from_open_id_connect_provider_fn
    iam_remove_client_id_from_open_id_connect_provider;
iam_update_open_id_connect_provider_thumbprint_fn iam_update_open_id_connect_provider_thumbprint;
iam_tag_open_id_connect_provider_fn iam_tag_open_id_connect_provider;
iam_untag_open_id_connect_provider_fn iam_untag_open_id_connect_provider;
iam_list_open_id_connect_provider_tags_fn iam_list_open_id_connect_provider_tags;
/* provider_saml.c */
iam_create_saml_provider_fn iam_create_saml_provider;
iam_get_saml_provider_fn iam_get_saml_provider;
iam_list_saml_providers_fn iam_list_saml_providers;
iam_update_saml_provider_fn iam_update_saml_provider;
iam_delete_saml_provider_fn iam_delete_saml_provider;
iam_tag_saml_provider_fn iam_tag_saml_provider;
iam_untag_saml_provider_fn iam_untag_saml_provider;
iam_list_saml_provider_tags_fn iam_list_saml_provider_tags;
/* account.c */
iam_create_account_alias_fn iam_create_account_alias;
iam_delete_account_alias_fn iam_delete_account_alias;
iam_list_account_aliases_fn iam_list_account_aliases;
iam_get_account_summary_fn iam_get_account_summary;
/* password.c */
iam_update_account_password_policy_fn iam_update_account_password_policy;
iam_get_account_password_policy_fn iam_get_account_password_policy;
iam_delete_account_password_policy_fn iam_delete_account_password_policy;
/* report.c */
iam_generate_credential_report_fn iam_generate_credential_report;
iam_get_credential_report_fn iam_get_credential_report;
/* authorization_details.c */
iam_get_account_authorization_details_fn iam_get_account_authorization_details;
/* service_linked.c */
iam_create_service_linked_role_fn iam_create_service_linked_role;
iam_delete_service_linked_role_fn iam_delete_service_linked_role;
iam_get_service_linked_role_deletion_status_fn iam_get_service_linked_role_deletion_status;
/* simulate.c */
iam_simulate_custom_policy_fn iam_simulate_custom_policy;
iam_simulate_principal_policy_fn iam_simulate_principal_policy;
/* context_key.c */
iam_get_context_keys_for_custom_policy_fn iam_get_context_keys_for_custom_policy;
iam_get_context_keys_for_principal_policy_fn iam_get_context_keys_for_principal_policy;
/* mfa.c */
iam_create_virtual_mfa_device_fn iam_create_virtual_mfa_device;
iam_delete_virtual_mfa_device_fn iam_delete_virtual_mfa_device;
iam_list_virtual_mfa_devices_fn iam_list_virtual_mfa_devices;
iam_enable_mfa_device_fn iam_enable_mfa_device;
iam_deactivate_mfa_device_fn iam_deactivate_mfa_device;
iam_resync_mfa_device_fn iam_resync_mfa_device;
iam_list_mfa_devices_fn iam_list_mfa_devices;
iam_get_mfa_device_fn iam_get_mfa_device;
iam_tag_mfa_device_fn iam_tag_mfa_device;
iam_untag_mfa_device_fn iam_untag_mfa_device;
iam_list_mfa_device_tags_fn iam_list_mfa_device_tags;
/* server_certificate.c */
iam_upload_server_certificate_fn iam_upload_server_certificate;
iam_get_server_certificate_fn iam_get_server_certificate;
iam_list_server_certificates_fn iam_list_server_certificates;
iam_update_server_certificate_fn iam_update_server_certificate;
iam_delete_server_certificate_fn iam_delete_server_certificate;
iam_tag_server_certificate_fn iam_tag_server_certificate;
iam_untag_server_certificate_fn iam_untag_server_certificate;
iam_list_server_certificate_tags_fn iam_list_server_certificate_tags;
