/* service.c — S3: buckets and objects.
 *
 * Implemented: general purpose buckets with all of their configurations, objects, versions,
 * multipart uploads, lists, checksums, encryption, object lock, tags, policies and ACLs,
 * notifications, lifecycle, replication, websites, form uploads; path style and virtual hosts.
 *
 * Objects are described in s3.h, buckets in bucket.h. The way of a request: claim.c (host names),
 * authorize.c (the bucket, and whether the caller may), put.c and the like.
 *
 * Refused: directory buckets and their sessions, Object Lambda, access points, S3 Select, torrents.
 *
 * Model: models/s3.model, with errors and the requests of browsers added by models/patches/s3.json.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/body_plan.h"
#include "service/s3/cfn.h"
#include "service/s3/claim.h"
#include "service/s3/object.h"
#include "syntax/base64.h"
#include "wire/protocol.h"

enum {
    HOST_ID_BYTES = 48, /* x-amz-id-2 as S3 writes it: 64 characters of base64 and some more */
};

const struct s3_handlers s3_handlers = {
    .abort_multipart_upload = s3_abort_multipart_upload,
    .complete_multipart_upload = s3_complete_multipart_upload,
    .copy_object = s3_copy_object,
    .create_bucket = s3_create_bucket,
    .create_bucket_metadata_configuration = s3_create_bucket_metadata_configuration,
    .create_bucket_metadata_table_configuration = s3_create_bucket_metadata_table_configuration,
    .create_multipart_upload = s3_create_multipart_upload,
    .create_session = s3_create_session,
    .delete_bucket = s3_delete_bucket,
    .delete_bucket_analytics_configuration = s3_delete_bucket_analytics_configuration,
    .delete_bucket_cors = s3_delete_bucket_cors,
    .delete_bucket_encryption = s3_delete_bucket_encryption,
    .delete_bucket_intelligent_tiering_configuration =
        s3_delete_bucket_intelligent_tiering_configuration,
    .delete_bucket_inventory_configuration = s3_delete_bucket_inventory_configuration,
    .delete_bucket_lifecycle = s3_delete_bucket_lifecycle,
    .delete_bucket_metrics_configuration = s3_delete_bucket_metrics_configuration,
    .delete_bucket_ownership_controls = s3_delete_bucket_ownership_controls,
    .delete_bucket_policy = s3_delete_bucket_policy,
    .delete_bucket_replication = s3_delete_bucket_replication,
    .delete_bucket_tagging = s3_delete_bucket_tagging,
    .delete_bucket_website = s3_delete_bucket_website,
    .delete_object = s3_delete_object,
    .delete_object_tagging = s3_delete_object_tagging,
    .delete_objects = s3_delete_objects,
    .delete_public_access_block = s3_delete_public_access_block,
    .get_bucket_abac = s3_get_bucket_abac,
    .get_bucket_accelerate_configuration = s3_get_bucket_accelerate_configuration,
    .get_bucket_acl = s3_get_bucket_acl,
    .get_bucket_analytics_configuration = s3_get_bucket_analytics_configuration,
    .get_bucket_cors = s3_get_bucket_cors,
    .get_bucket_encryption = s3_get_bucket_encryption,
    .get_bucket_intelligent_tiering_configuration = s3_get_bucket_intelligent_tiering_configuration,
    .get_bucket_inventory_configuration = s3_get_bucket_inventory_configuration,
    .get_bucket_lifecycle_configuration = s3_get_bucket_lifecycle_configuration,
    .get_bucket_location = s3_get_bucket_location,
    .get_bucket_logging = s3_get_bucket_logging,
    .get_bucket_metrics_configuration = s3_get_bucket_metrics_configuration,
    .get_bucket_notification_configuration = s3_get_bucket_notification_configuration,
    .get_bucket_ownership_controls = s3_get_bucket_ownership_controls,
    .get_bucket_policy = s3_get_bucket_policy,
    .get_bucket_policy_status = s3_get_bucket_policy_status,
    .get_bucket_replication = s3_get_bucket_replication,
    .get_bucket_request_payment = s3_get_bucket_request_payment,
    .get_bucket_tagging = s3_get_bucket_tagging,
    .get_bucket_versioning = s3_get_bucket_versioning,
    .get_bucket_website = s3_get_bucket_website,
    .get_object = s3_get_object,
    .get_object_acl = s3_get_object_acl,
    .get_object_attributes = s3_get_object_attributes,
    .get_object_legal_hold = s3_get_object_legal_hold,
    .get_object_lock_configuration = s3_get_object_lock_configuration,
    .get_object_retention = s3_get_object_retention,
    .get_object_tagging = s3_get_object_tagging,
    .get_public_access_block = s3_get_public_access_block,
    .head_bucket = s3_head_bucket,
    .head_object = s3_head_object,
    .list_bucket_analytics_configurations = s3_list_bucket_analytics_configurations,
    .list_bucket_intelligent_tiering_configurations =
        s3_list_bucket_intelligent_tiering_configurations,
    .list_bucket_inventory_configurations = s3_list_bucket_inventory_configurations,
    .list_bucket_metrics_configurations = s3_list_bucket_metrics_configurations,
    .list_buckets = s3_list_buckets,
    .list_multipart_uploads = s3_list_multipart_uploads,
    .list_object_versions = s3_list_object_versions,
    .list_objects = s3_list_objects,
    .list_objects_v2 = s3_list_objects_v2,
    .list_parts = s3_list_parts,
    .post_object = s3_post_object,
    .preflight_bucket = s3_preflight_bucket,
    .preflight_object = s3_preflight_object,
    .put_bucket_abac = s3_put_bucket_abac,
    .put_bucket_accelerate_configuration = s3_put_bucket_accelerate_configuration,
    .put_bucket_acl = s3_put_bucket_acl,
    .put_bucket_analytics_configuration = s3_put_bucket_analytics_configuration,
    .put_bucket_cors = s3_put_bucket_cors,
    .put_bucket_encryption = s3_put_bucket_encryption,
    .put_bucket_intelligent_tiering_configuration = s3_put_bucket_intelligent_tiering_configuration,
    .put_bucket_inventory_configuration = s3_put_bucket_inventory_configuration,
    .put_bucket_lifecycle_configuration = s3_put_bucket_lifecycle_configuration,
    .put_bucket_logging = s3_put_bucket_logging,
    .put_bucket_metrics_configuration = s3_put_bucket_metrics_configuration,
    .put_bucket_notification_configuration = s3_put_bucket_notification_configuration,
    .put_bucket_ownership_controls = s3_put_bucket_ownership_controls,
    .put_bucket_policy = s3_put_bucket_policy,
    .put_bucket_replication = s3_put_bucket_replication,
    .put_bucket_request_payment = s3_put_bucket_request_payment,
    .put_bucket_tagging = s3_put_bucket_tagging,
    .put_bucket_versioning = s3_put_bucket_versioning,
    .put_bucket_website = s3_put_bucket_website,
    .put_object = s3_put_object,
    .put_object_acl = s3_put_object_acl,
    .put_object_legal_hold = s3_put_object_legal_hold,
    .put_object_lock_configuration = s3_put_object_lock_configuration,
    .put_object_retention = s3_put_object_retention,
    .put_object_tagging = s3_put_object_tagging,
    .put_public_access_block = s3_put_public_access_block,
    .restore_object = s3_restore_object,
    .upload_part = s3_upload_part,
    .upload_part_copy = s3_upload_part_copy,
    .website_object = s3_website_object,
    .website_root = s3_website_root,
};

struct str s3_trailer_names(const struct call *call)
{
    return call->exchange ? http_header(call->exchange, "x-amz-trailer") : (struct str){0};
}

static enum status plan_body(struct call *call, const void *in, struct body_plan *out)
{
    const ptrdiff_t op = call->operation - s3_operations;
    if (op == S3_OP_PUT_OBJECT)
        return s3_plan_put(call, in, out);
    if (op == S3_OP_UPLOAD_PART)
        return s3_plan_part(call, in, out);
    if (op == S3_OP_POST_OBJECT)
        return s3_plan_post(call, in, out);
    return STATUS_DONE; /* an operation that has no handler says so */
}

/* What the wire layer refuses has its own words in S3: bodies that are no XML or break the schema,
 * headers and parameters that cannot be read. */
static void translate_error(struct call *call)
{
    const struct api_error *error = call->error.error;
    if (error == &S3_MALFORMED_XML || error == &ERROR_MALFORMED_XML) {
        call->error.error = &S3_MALFORMED_XML;
        call->error.message = STR("The XML you provided was not well-formed or did not validate "
                                  "against our published schema");
    } else if (error == &ERROR_SERIALIZATION &&
               str_ends_with(call->error.message, STR("converted to a String"))) {
        call->error.error = &S3_INVALID_URI; /* a name that is no UTF-8 */
        call->error.message = STR("Couldn't parse the specified URI.");
    } else if (error == &ERROR_SERIALIZATION) {
        call->error.error = &S3_INVALID_ARGUMENT;
    } else if (error == &ERROR_INTERNAL_FAILURE) {
        call->error.error = &S3_INTERNAL_ERROR;
        call->error.message = STR("We encountered an internal error. Please try again.");
    }
}

/* AWS: every answer has x-amz-id-2, and error documents repeat it as HostId. */
static void finish(struct call *call, const void *in)
{
    char bytes[HOST_ID_BYTES];
    if (!call->answer)
        return;
    rand_bytes(bytes, sizeof(bytes));
    struct str host_id = base64_encode_str(call->arena, str_of(bytes, sizeof(bytes)));
    call_add_header(call, STR("x-amz-id-2"), host_id);
    if (call->error.error) {
        translate_error(call);
        s3_details_of(call)->host_id = host_id;
    }
    s3_finish_bucket(call, in);
}

const struct service s3_service = {
    .model = &s3_model,
    .handlers = &s3_handlers,
    .migrations = &s3_migrations,
    .authorize = s3_authorize,
    .validation_error = &S3_MALFORMED_XML,
    .resource_types = s3_resource_types,
    .resource_type_count = S3_RESOURCE_TYPE_COUNT,
    .is_s3_style = true,
    .allows_anonymous = true,
    .claim = s3_claim,
    .plan_body = plan_body,
    .finish = finish,
};
