/* cfn.h — CloudFormation's words for a bucket's configurations, and S3's. Private to the folder. */
#pragma once

#include "engine/cfn/resource.h"

/* Makes S3's structure of a property's value, or NULL when the value stands for none. */
typedef struct json *s3_convert_fn(struct arena *arena, const struct json *value);

s3_convert_fn s3_cfn_accelerate;
s3_convert_fn s3_cfn_abac;
s3_convert_fn s3_cfn_analytics;
s3_convert_fn s3_cfn_cors;
s3_convert_fn s3_cfn_encryption;
s3_convert_fn s3_cfn_inventory;
s3_convert_fn s3_cfn_lifecycle;
s3_convert_fn s3_cfn_logging;
s3_convert_fn s3_cfn_metrics;
s3_convert_fn s3_cfn_notification;
s3_convert_fn s3_cfn_replication;
s3_convert_fn s3_cfn_same;
s3_convert_fn s3_cfn_tiering;
s3_convert_fn s3_cfn_website;

/* cfn_schema.c: the properties of AWS::S3::Bucket. */
enum {
    S3_BUCKET_PROPERTY_COUNT = 21,
    S3_RESOURCE_TYPE_COUNT = 2,
};
extern const struct resource_property s3_bucket_properties[S3_BUCKET_PROPERTY_COUNT];

/* cfn.c */
extern const struct resource_type s3_resource_types[S3_RESOURCE_TYPE_COUNT];
