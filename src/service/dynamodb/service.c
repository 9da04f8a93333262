/* service.c — DynamoDB: tables, items, indexes, backups, streams.
 *
 * Implemented: see the handler table. Items, expressions and PartiQL: item.c, query.c, transact.c
 * and their neighbours; tables: table.c and what follows it (life.c); streams are read through the
 * service DynamoDB Streams, which asks stream.c.
 *
 * Not implemented, and answered with 501: global tables of the version of 2017 (CreateGlobalTable
 * and its relatives; replicas are made by UpdateTable) and auto scaling of replicas. Refused by
 * name: strong consistency over regions, witnesses, global tables over several accounts; of exports
 * and imports the format ION, incremental exports and ZSTD.
 *
 * Not enforced: quotas of capacity units. Encryption is described and the rows stay as they are.
 *
 * Model: models/dynamodb.model
 */
#include "service/dynamodb/dynamodb.h"

const struct dynamodb_handlers dynamodb_handlers = {
    .batch_execute_statement = dynamodb_batch_execute_statement,
    .batch_get_item = dynamodb_batch_get_item,
    .batch_write_item = dynamodb_batch_write_item,
    .create_backup = dynamodb_create_backup,
    .create_table = dynamodb_create_table,
    .delete_backup = dynamodb_delete_backup,
    .delete_item = dynamodb_delete_item,
    .delete_resource_policy = dynamodb_delete_resource_policy,
    .delete_table = dynamodb_delete_table,
    .describe_backup = dynamodb_describe_backup,
    .describe_continuous_backups = dynamodb_describe_continuous_backups,
    .describe_contributor_insights = dynamodb_describe_contributor_insights,
    .describe_endpoints = dynamodb_describe_endpoints,
    .describe_export = dynamodb_describe_export,
    .describe_import = dynamodb_describe_import,
    .describe_kinesis_streaming_destination = dynamodb_describe_kinesis_streaming_destination,
    .describe_limits = dynamodb_describe_limits,
    .describe_table = dynamodb_describe_table,
    .describe_time_to_live = dynamodb_describe_time_to_live,
    .disable_kinesis_streaming_destination = dynamodb_disable_kinesis_streaming_destination,
    .enable_kinesis_streaming_destination = dynamodb_enable_kinesis_streaming_destination,
    .execute_statement = dynamodb_execute_statement,
    .execute_transaction = dynamodb_execute_transaction,
    .export_table_to_point_in_time = dynamodb_export_table_to_point_in_time,
    .get_item = dynamodb_get_item,
    .get_resource_policy = dynamodb_get_resource_policy,
    .import_table = dynamodb_import_table,
    .list_backups = dynamodb_list_backups,
    .list_contributor_insights = dynamodb_list_contributor_insights,
    .list_exports = dynamodb_list_exports,
    .list_imports = dynamodb_list_imports,
    .list_tables = dynamodb_list_tables,
    .list_tags_of_resource = dynamodb_list_tags_of_resource,
    .put_item = dynamodb_put_item,
    .put_resource_policy = dynamodb_put_resource_policy,
    .query = dynamodb_query,
    .restore_table_from_backup = dynamodb_restore_table_from_backup,
    .restore_table_to_point_in_time = dynamodb_restore_table_to_point_in_time,
    .scan = dynamodb_scan,
    .tag_resource = dynamodb_tag_resource,
    .transact_get_items = dynamodb_transact_get_items,
    .transact_write_items = dynamodb_transact_write_items,
    .untag_resource = dynamodb_untag_resource,
    .update_continuous_backups = dynamodb_update_continuous_backups,
    .update_contributor_insights = dynamodb_update_contributor_insights,
    .update_item = dynamodb_update_item,
    .update_kinesis_streaming_destination = dynamodb_update_kinesis_streaming_destination,
    .update_table = dynamodb_update_table,
    .update_time_to_live = dynamodb_update_time_to_live,
};

const struct service dynamodb_service = {
    .model = &dynamodb_model,
    .handlers = &dynamodb_handlers,
    .migrations = &dynamodb_migrations,
    .authorize = ddb_authorize,
    .resource_types = dynamodb_resource_types,
    .resource_type_count = DDB_RESOURCE_TYPES,
};
