/* service.c — KMS: keys, what they compute, and who may use them.
 *
 * Implemented: symmetric, RSA, ECC (NIST, secp256k1, Ed25519) and HMAC keys with real cryptography;
 * encryption, data keys, signatures, MACs, key agreement; policies, grants, aliases, tags;
 * rotation, deletion, multi-region keys, imported material; AWS managed keys, made when first used.
 *
 * Not implemented: custom key stores (CloudHSM, external): their operations are not there, keys in
 * them are refused; GetKeyLastUsage; ML-DSA and SM2 keys; attestation documents of Nitro enclaves.
 * Request quotas are not enforced.
 *
 *   spec.c crypto.c         what keys are, OpenSSL          material.c spare.c   secrets at rest
 *   resolve.c authorize.c   which key, and may it be used   store.c              rows
 *   the other files         the operations, by noun
 *
 * Model: models/kms.model
 */
#include "service/kms/kms.h"

const struct kms_handlers kms_handlers = {
    .cancel_key_deletion = kms_cancel_key_deletion,
    .create_alias = kms_create_alias,
    .create_grant = kms_create_grant,
    .create_key = kms_create_key,
    .decrypt = kms_decrypt,
    .delete_alias = kms_delete_alias,
    .delete_imported_key_material = kms_delete_imported_key_material,
    .derive_shared_secret = kms_derive_shared_secret,
    .describe_key = kms_describe_key,
    .disable_key = kms_disable_key,
    .disable_key_rotation = kms_disable_key_rotation,
    .enable_key = kms_enable_key,
    .enable_key_rotation = kms_enable_key_rotation,
    .encrypt = kms_encrypt,
    .generate_data_key = kms_generate_data_key,
    .generate_data_key_pair = kms_generate_data_key_pair,
    .generate_data_key_pair_without_plaintext = kms_generate_data_key_pair_without_plaintext,
    .generate_data_key_without_plaintext = kms_generate_data_key_without_plaintext,
    .generate_mac = kms_generate_mac,
    .generate_random = kms_generate_random,
    .get_key_policy = kms_get_key_policy,
    .get_key_rotation_status = kms_get_key_rotation_status,
    .get_parameters_for_import = kms_get_parameters_for_import,
    .get_public_key = kms_get_public_key,
    .import_key_material = kms_import_key_material,
    .list_aliases = kms_list_aliases,
    .list_grants = kms_list_grants,
    .list_key_policies = kms_list_key_policies,
    .list_key_rotations = kms_list_key_rotations,
    .list_keys = kms_list_keys,
    .list_resource_tags = kms_list_resource_tags,
    .list_retirable_grants = kms_list_retirable_grants,
    .put_key_policy = kms_put_key_policy,
    .re_encrypt = kms_re_encrypt,
    .replicate_key = kms_replicate_key,
    .retire_grant = kms_retire_grant,
    .revoke_grant = kms_revoke_grant,
    .rotate_key_on_demand = kms_rotate_key_on_demand,
    .schedule_key_deletion = kms_schedule_key_deletion,
    .sign = kms_sign,
    .tag_resource = kms_tag_resource,
    .untag_resource = kms_untag_resource,
    .update_alias = kms_update_alias,
    .update_key_description = kms_update_key_description,
    .update_primary_region = kms_update_primary_region,
    .verify = kms_verify,
    .verify_mac = kms_verify_mac,
};

const struct service kms_service = {
    .model = &kms_model,
    .handlers = &kms_handlers,
    .migrations = &kms_migrations,
    .authorize = kms_authorize,
    .resource_types = kms_resource_types,
    .resource_type_count = KMS_RESOURCE_TYPES,
};
