/* services.c — what this program is made of. One row per service; the order is that of the README's
 * table.
 */
#include "service/services.h"

#include "service/cloudformation/cloudformation_public.h"
#include "service/dynamodb/dynamodb_public.h"
#include "service/dynamodbstreams/dynamodbstreams_public.h"
#include "service/events/events_public.h"
#include "service/iam/iam_public.h"
#include "service/kms/kms_public.h"
#include "service/logs/logs_public.h"
#include "service/s3/s3_public.h"
#include "service/s3control/s3control_public.h"
#include "service/scheduler/scheduler_public.h"
#include "service/secretsmanager/secretsmanager_public.h"
#include "service/sns/sns_public.h"
#include "service/sqs/sqs_public.h"
#include "service/ssm/ssm_public.h"
#include "service/sts/sts_public.h"
#include "service/xray/xray_public.h"

const struct service *const services[] = {
    &cloudformation_service,
    &dynamodb_service,
    &dynamodbstreams_service,
    &events_service,
    &iam_service,
    &kms_service,
    &logs_service,
    &s3_service,
    &s3control_service,
    &scheduler_service,
    &secretsmanager_service,
    &sns_service,
    &sqs_service,
    &ssm_service,
    &sts_service,
    &xray_service,
};
const size_t service_count = ARRAY_LEN(services);

const struct workflow_kind *const workflow_kinds[] = {
    &cfn_set_kind,        &cfn_stack_kind,
    &ddb_copy_kind,       &ddb_count_kind,
    &ddb_expiry_kind,     &ddb_export_kind,
    &ddb_import_kind,     &ddb_table_kind,
    &ddb_trim_kind,       &delivery_kind,
    &events_archive_kind, &events_connection_kind,
    &events_replay_kind,  &events_rule_kind,
    &kms_key_kind,        &logs_retention_kind,
    &s3_completed_kind,   &s3_lifecycle_kind,
    &s3_logging_kind,     &s3_replication_kind,
    &scheduler_kind,      &secretsmanager_secret_kind,
    &sns_sweep_kind,      &sqs_move_kind,
    &sqs_sweep_kind,      &ssm_parameter_kind,
    &sts_keys_kind,       &xray_sweep_kind,
};
const size_t workflow_kind_count = ARRAY_LEN(workflow_kinds);

const struct delivery_target *const delivery_targets[] = {
    &events_bus_target,          &events_destination_target, &logs_delivery_target,
    &scheduler_universal_target, &sns_delivery_target,       &sqs_delivery_target,
};
const size_t delivery_target_count = ARRAY_LEN(delivery_targets);

const struct event_listener *const event_listeners[] = {
    &events_listener,
};
const size_t event_listener_count = ARRAY_LEN(event_listeners);
