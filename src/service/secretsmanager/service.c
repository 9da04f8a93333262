/* service.c — Secrets Manager: secrets, their versions and stages.
 *
 * Implemented: every operation; versions and staging labels, idempotency tokens, deletion windows
 * carried out by the clock, replicas in other Regions, resource policies, filters and batches;
 * values sealed by KMS.
 *
 * Not implemented: rotation (rotation.c): without functions it is refused with AWS's own error.
 * Managed external secrets keep their Type only.
 *
 *   resolve.c     which secret, and may it be used     secret.c version.c list.c   the operations
 *   value.c       KMS                                  replica.c policy.c tag.c password.c
 *   store.c       rows                                 cfn.c    CloudFormation
 *
 * Model: models/secretsmanager.model
 */
#include "service/secretsmanager/secretsmanager.h"

const struct secretsmanager_handlers secretsmanager_handlers = {
    .batch_get_secret_value = secretsmanager_batch_get_secret_value,
    .cancel_rotate_secret = secretsmanager_cancel_rotate_secret,
    .create_secret = secretsmanager_create_secret,
    .delete_resource_policy = secretsmanager_delete_resource_policy,
    .delete_secret = secretsmanager_delete_secret,
    .describe_secret = secretsmanager_describe_secret,
    .get_random_password = secretsmanager_get_random_password,
    .get_resource_policy = secretsmanager_get_resource_policy,
    .get_secret_value = secretsmanager_get_secret_value,
    .list_secret_version_ids = secretsmanager_list_secret_version_ids,
    .list_secrets = secretsmanager_list_secrets,
    .put_resource_policy = secretsmanager_put_resource_policy,
    .put_secret_value = secretsmanager_put_secret_value,
    .remove_regions_from_replication = secretsmanager_remove_regions_from_replication,
    .replicate_secret_to_regions = secretsmanager_replicate_secret_to_regions,
    .restore_secret = secretsmanager_restore_secret,
    .rotate_secret = secretsmanager_rotate_secret,
    .stop_replication_to_replica = secretsmanager_stop_replication_to_replica,
    .tag_resource = secretsmanager_tag_resource,
    .untag_resource = secretsmanager_untag_resource,
    .update_secret = secretsmanager_update_secret,
    .update_secret_version_stage = secretsmanager_update_secret_version_stage,
    .validate_resource_policy = secretsmanager_validate_resource_policy,
};

const struct service secretsmanager_service = {
    .model = &secretsmanager_model,
    .handlers = &secretsmanager_handlers,
    .migrations = &secretsmanager_migrations,
    .authorize = secrets_authorize,
    .resource_types = secretsmanager_resource_types,
    .resource_type_count = SECRETS_RESOURCE_TYPES,
};
