/* cfn_schema.c — the properties of AWS::S3::Bucket and what their values look like.
 *
 * Not there, so refused by name: MetadataConfiguration and MetadataTableConfiguration, whose tables
 * are of S3 Tables.
 *
 * Docs: CloudFormation template reference, AWS::S3::Bucket and its property types.
 */
#include "service/s3/cfn.h"

#define ROW(property_name, property_type, needed, behavior, rows, count)                           \
    {                                                                                              \
        .name = STR_INIT(property_name), .type = property_type, .update = behavior,                \
        .is_required = needed, .members = rows, .member_count = count                              \
    }
#define SCALAR(name, type) ROW(name, type, false, UPDATE_NO_INTERRUPTION, NULL, 0)
#define REQUIRED_SCALAR(name, type) ROW(name, type, true, UPDATE_NO_INTERRUPTION, NULL, 0)
#define REPLACING(name, type) ROW(name, type, false, UPDATE_REPLACEMENT, NULL, 0)
#define OBJECT(name, rows)                                                                         \
    ROW(name, PROPERTY_OBJECT, false, UPDATE_NO_INTERRUPTION, rows, ARRAY_LEN(rows))
#define REQUIRED_OBJECT(name, rows)                                                                \
    ROW(name, PROPERTY_OBJECT, true, UPDATE_NO_INTERRUPTION, rows, ARRAY_LEN(rows))
#define LIST_OF(name, rows)                                                                        \
    ROW(name, PROPERTY_LIST, false, UPDATE_NO_INTERRUPTION, rows, ARRAY_LEN(rows))
#define REQUIRED_LIST_OF(name, rows)                                                               \
    ROW(name, PROPERTY_LIST, true, UPDATE_NO_INTERRUPTION, rows, ARRAY_LEN(rows))

static const struct resource_property accelerate_members[] = {
    REQUIRED_SCALAR("AccelerationStatus", PROPERTY_STRING),
};

static const struct resource_property data_destination_members[] = {
    SCALAR("BucketAccountId", PROPERTY_STRING),
    REQUIRED_SCALAR("BucketArn", PROPERTY_STRING),
    REQUIRED_SCALAR("Format", PROPERTY_STRING),
    SCALAR("Prefix", PROPERTY_STRING),
};

static const struct resource_property data_export_members[] = {
    REQUIRED_OBJECT("Destination", data_destination_members),
    REQUIRED_SCALAR("OutputSchemaVersion", PROPERTY_STRING),
};

static const struct resource_property class_analysis_members[] = {
    OBJECT("DataExport", data_export_members),
};

static const struct resource_property tag_members[] = {
    REQUIRED_SCALAR("Key", PROPERTY_STRING),
    REQUIRED_SCALAR("Value", PROPERTY_STRING),
};

static const struct resource_property analytics_members[] = {
    REQUIRED_SCALAR("Id", PROPERTY_STRING),
    SCALAR("Prefix", PROPERTY_STRING),
    REQUIRED_OBJECT("StorageClassAnalysis", class_analysis_members),
    LIST_OF("TagFilters", tag_members),
};

static const struct resource_property blocked_encryption_members[] = {
    SCALAR("EncryptionType", PROPERTY_LIST),
};

static const struct resource_property encryption_default_members[] = {
    SCALAR("KMSMasterKeyID", PROPERTY_STRING),
    REQUIRED_SCALAR("SSEAlgorithm", PROPERTY_STRING),
};

static const struct resource_property encryption_rule_members[] = {
    OBJECT("BlockedEncryptionTypes", blocked_encryption_members),
    SCALAR("BucketKeyEnabled", PROPERTY_BOOLEAN),
    OBJECT("ServerSideEncryptionByDefault", encryption_default_members),
};

static const struct resource_property encryption_members[] = {
    REQUIRED_LIST_OF("ServerSideEncryptionConfiguration", encryption_rule_members),
};

static const struct resource_property cors_rule_members[] = {
    SCALAR("AllowedHeaders", PROPERTY_LIST),
    REQUIRED_SCALAR("AllowedMethods", PROPERTY_LIST),
    REQUIRED_SCALAR("AllowedOrigins", PROPERTY_LIST),
    SCALAR("ExposedHeaders", PROPERTY_LIST),
    SCALAR("Id", PROPERTY_STRING),
    SCALAR("MaxAge", PROPERTY_INTEGER),
};

static const struct resource_property cors_members[] = {
    REQUIRED_LIST_OF("CorsRules", cors_rule_members),
};

static const struct resource_property tiering_members[] = {
    REQUIRED_SCALAR("AccessTier", PROPERTY_STRING),
    REQUIRED_SCALAR("Days", PROPERTY_INTEGER),
};

static const struct resource_property tiering_configuration_members[] = {
    REQUIRED_SCALAR("Id", PROPERTY_STRING),        SCALAR("Prefix", PROPERTY_STRING),
    REQUIRED_SCALAR("Status", PROPERTY_STRING),    LIST_OF("TagFilters", tag_members),
    REQUIRED_LIST_OF("Tierings", tiering_members),
};

static const struct resource_property inventory_members[] = {
    REQUIRED_OBJECT("Destination", data_destination_members),
    REQUIRED_SCALAR("Enabled", PROPERTY_BOOLEAN),
    REQUIRED_SCALAR("Id", PROPERTY_STRING),
    REQUIRED_SCALAR("IncludedObjectVersions", PROPERTY_STRING),
    SCALAR("OptionalFields", PROPERTY_LIST),
    SCALAR("Prefix", PROPERTY_STRING),
    REQUIRED_SCALAR("ScheduleFrequency", PROPERTY_STRING),
};

static const struct resource_property abort_upload_members[] = {
    REQUIRED_SCALAR("DaysAfterInitiation", PROPERTY_INTEGER),
};

static const struct resource_property noncurrent_expiration_members[] = {
    SCALAR("NewerNoncurrentVersions", PROPERTY_INTEGER),
    REQUIRED_SCALAR("NoncurrentDays", PROPERTY_INTEGER),
};

static const struct resource_property noncurrent_transition_members[] = {
    REQUIRED_SCALAR("StorageClass", PROPERTY_STRING),
    REQUIRED_SCALAR("TransitionInDays", PROPERTY_INTEGER),
    SCALAR("NewerNoncurrentVersions", PROPERTY_INTEGER),
};

static const struct resource_property transition_members[] = {
    REQUIRED_SCALAR("StorageClass", PROPERTY_STRING),
    SCALAR("TransitionDate", PROPERTY_STRING),
    SCALAR("TransitionInDays", PROPERTY_INTEGER),
};

static const struct resource_property lifecycle_rule_members[] = {
    OBJECT("AbortIncompleteMultipartUpload", abort_upload_members),
    SCALAR("ExpirationDate", PROPERTY_STRING),
    SCALAR("ExpirationInDays", PROPERTY_INTEGER),
    SCALAR("ExpiredObjectDeleteMarker", PROPERTY_BOOLEAN),
    SCALAR("Id", PROPERTY_STRING),
    OBJECT("NoncurrentVersionExpiration", noncurrent_expiration_members),
    SCALAR("NoncurrentVersionExpirationInDays", PROPERTY_INTEGER),
    OBJECT("NoncurrentVersionTransition", noncurrent_transition_members),
    LIST_OF("NoncurrentVersionTransitions", noncurrent_transition_members),
    SCALAR("ObjectSizeGreaterThan", PROPERTY_STRING),
    SCALAR("ObjectSizeLessThan", PROPERTY_STRING),
    SCALAR("Prefix", PROPERTY_STRING),
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
    LIST_OF("TagFilters", tag_members),
    OBJECT("Transition", transition_members),
    LIST_OF("Transitions", transition_members),
};

static const struct resource_property lifecycle_members[] = {
    REQUIRED_LIST_OF("Rules", lifecycle_rule_members),
    SCALAR("TransitionDefaultMinimumObjectSize", PROPERTY_STRING),
};

static const struct resource_property partitioned_prefix_members[] = {
    SCALAR("PartitionDateSource", PROPERTY_STRING),
};

static const struct resource_property key_format_members[] = {
    OBJECT("PartitionedPrefix", partitioned_prefix_members),
    SCALAR("SimplePrefix", PROPERTY_MAP),
};

static const struct resource_property logging_members[] = {
    SCALAR("DestinationBucketName", PROPERTY_STRING),
    SCALAR("LogFilePrefix", PROPERTY_STRING),
    OBJECT("TargetObjectKeyFormat", key_format_members),
};

static const struct resource_property metrics_members[] = {
    SCALAR("AccessPointArn", PROPERTY_STRING),
    REQUIRED_SCALAR("Id", PROPERTY_STRING),
    SCALAR("Prefix", PROPERTY_STRING),
    LIST_OF("TagFilters", tag_members),
};

static const struct resource_property event_bridge_members[] = {
    SCALAR("EventBridgeEnabled", PROPERTY_BOOLEAN),
};

static const struct resource_property filter_rule_members[] = {
    REQUIRED_SCALAR("Name", PROPERTY_STRING),
    REQUIRED_SCALAR("Value", PROPERTY_STRING),
};

static const struct resource_property s3_key_members[] = {
    REQUIRED_LIST_OF("Rules", filter_rule_members),
};

static const struct resource_property notification_filter_members[] = {
    REQUIRED_OBJECT("S3Key", s3_key_members),
};

static const struct resource_property lambda_notification_members[] = {
    REQUIRED_SCALAR("Event", PROPERTY_STRING),
    OBJECT("Filter", notification_filter_members),
    REQUIRED_SCALAR("Function", PROPERTY_STRING),
};

static const struct resource_property queue_notification_members[] = {
    REQUIRED_SCALAR("Event", PROPERTY_STRING),
    OBJECT("Filter", notification_filter_members),
    REQUIRED_SCALAR("Queue", PROPERTY_STRING),
};

static const struct resource_property topic_notification_members[] = {
    REQUIRED_SCALAR("Event", PROPERTY_STRING),
    OBJECT("Filter", notification_filter_members),
    REQUIRED_SCALAR("Topic", PROPERTY_STRING),
};

static const struct resource_property notification_members[] = {
    OBJECT("EventBridgeConfiguration", event_bridge_members),
    LIST_OF("LambdaConfigurations", lambda_notification_members),
    LIST_OF("QueueConfigurations", queue_notification_members),
    LIST_OF("TopicConfigurations", topic_notification_members),
};

static const struct resource_property default_retention_members[] = {
    SCALAR("Days", PROPERTY_INTEGER),
    SCALAR("Mode", PROPERTY_STRING),
    SCALAR("Years", PROPERTY_INTEGER),
};

static const struct resource_property object_lock_rule_members[] = {
    OBJECT("DefaultRetention", default_retention_members),
};

static const struct resource_property object_lock_members[] = {
    SCALAR("ObjectLockEnabled", PROPERTY_STRING),
    OBJECT("Rule", object_lock_rule_members),
};

static const struct resource_property ownership_rule_members[] = {
    SCALAR("ObjectOwnership", PROPERTY_STRING),
};

static const struct resource_property ownership_members[] = {
    REQUIRED_LIST_OF("Rules", ownership_rule_members),
};

static const struct resource_property public_access_members[] = {
    SCALAR("BlockPublicAcls", PROPERTY_BOOLEAN),
    SCALAR("BlockPublicPolicy", PROPERTY_BOOLEAN),
    SCALAR("IgnorePublicAcls", PROPERTY_BOOLEAN),
    SCALAR("RestrictPublicBuckets", PROPERTY_BOOLEAN),
};

static const struct resource_property marker_replication_members[] = {
    SCALAR("Status", PROPERTY_STRING),
};

static const struct resource_property access_translation_members[] = {
    REQUIRED_SCALAR("Owner", PROPERTY_STRING),
};

static const struct resource_property replica_encryption_members[] = {
    REQUIRED_SCALAR("ReplicaKmsKeyID", PROPERTY_STRING),
};

static const struct resource_property replication_minutes_members[] = {
    REQUIRED_SCALAR("Minutes", PROPERTY_INTEGER),
};

static const struct resource_property replication_metrics_members[] = {
    OBJECT("EventThreshold", replication_minutes_members),
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
};

static const struct resource_property replication_time_members[] = {
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
    REQUIRED_OBJECT("Time", replication_minutes_members),
};

static const struct resource_property replication_destination_members[] = {
    OBJECT("AccessControlTranslation", access_translation_members),
    SCALAR("Account", PROPERTY_STRING),
    REQUIRED_SCALAR("Bucket", PROPERTY_STRING),
    OBJECT("EncryptionConfiguration", replica_encryption_members),
    OBJECT("Metrics", replication_metrics_members),
    OBJECT("ReplicationTime", replication_time_members),
    SCALAR("StorageClass", PROPERTY_STRING),
};

static const struct resource_property replication_and_members[] = {
    SCALAR("Prefix", PROPERTY_STRING),
    LIST_OF("TagFilters", tag_members),
};

static const struct resource_property replication_filter_members[] = {
    OBJECT("And", replication_and_members),
    SCALAR("Prefix", PROPERTY_STRING),
    OBJECT("TagFilter", tag_members),
};

static const struct resource_property replica_modifications_members[] = {
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
};

static const struct resource_property kms_objects_members[] = {
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
};

static const struct resource_property source_selection_members[] = {
    OBJECT("ReplicaModifications", replica_modifications_members),
    OBJECT("SseKmsEncryptedObjects", kms_objects_members),
};

static const struct resource_property replication_rule_members[] = {
    OBJECT("DeleteMarkerReplication", marker_replication_members),
    REQUIRED_OBJECT("Destination", replication_destination_members),
    OBJECT("Filter", replication_filter_members),
    SCALAR("Id", PROPERTY_STRING),
    SCALAR("Prefix", PROPERTY_STRING),
    SCALAR("Priority", PROPERTY_INTEGER),
    OBJECT("SourceSelectionCriteria", source_selection_members),
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
};

static const struct resource_property replication_members[] = {
    REQUIRED_SCALAR("Role", PROPERTY_STRING),
    REQUIRED_LIST_OF("Rules", replication_rule_members),
};

static const struct resource_property versioning_members[] = {
    REQUIRED_SCALAR("Status", PROPERTY_STRING),
};

static const struct resource_property redirect_all_members[] = {
    REQUIRED_SCALAR("HostName", PROPERTY_STRING),
    SCALAR("Protocol", PROPERTY_STRING),
};

static const struct resource_property redirect_rule_members[] = {
    SCALAR("HostName", PROPERTY_STRING),       SCALAR("HttpRedirectCode", PROPERTY_STRING),
    SCALAR("Protocol", PROPERTY_STRING),       SCALAR("ReplaceKeyPrefixWith", PROPERTY_STRING),
    SCALAR("ReplaceKeyWith", PROPERTY_STRING),
};

static const struct resource_property routing_condition_members[] = {
    SCALAR("HttpErrorCodeReturnedEquals", PROPERTY_STRING),
    SCALAR("KeyPrefixEquals", PROPERTY_STRING),
};

static const struct resource_property routing_rule_members[] = {
    REQUIRED_OBJECT("RedirectRule", redirect_rule_members),
    OBJECT("RoutingRuleCondition", routing_condition_members),
};

static const struct resource_property website_members[] = {
    SCALAR("ErrorDocument", PROPERTY_STRING),
    SCALAR("IndexDocument", PROPERTY_STRING),
    OBJECT("RedirectAllRequestsTo", redirect_all_members),
    LIST_OF("RoutingRules", routing_rule_members),
};

const struct resource_property s3_bucket_properties[S3_BUCKET_PROPERTY_COUNT] = {
    SCALAR("AbacStatus", PROPERTY_STRING),
    OBJECT("AccelerateConfiguration", accelerate_members),
    SCALAR("AccessControl", PROPERTY_STRING),
    LIST_OF("AnalyticsConfigurations", analytics_members),
    OBJECT("BucketEncryption", encryption_members),
    REPLACING("BucketName", PROPERTY_STRING),
    OBJECT("CorsConfiguration", cors_members),
    LIST_OF("IntelligentTieringConfigurations", tiering_configuration_members),
    LIST_OF("InventoryConfigurations", inventory_members),
    OBJECT("LifecycleConfiguration", lifecycle_members),
    OBJECT("LoggingConfiguration", logging_members),
    LIST_OF("MetricsConfigurations", metrics_members),
    OBJECT("NotificationConfiguration", notification_members),
    OBJECT("ObjectLockConfiguration", object_lock_members),
    REPLACING("ObjectLockEnabled", PROPERTY_BOOLEAN),
    OBJECT("OwnershipControls", ownership_members),
    OBJECT("PublicAccessBlockConfiguration", public_access_members),
    OBJECT("ReplicationConfiguration", replication_members),
    LIST_OF("Tags", tag_members),
    OBJECT("VersioningConfiguration", versioning_members),
    OBJECT("WebsiteConfiguration", website_members),
};
