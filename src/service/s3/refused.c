/* refused.c — operations that answer why they do nothing. */
#include "service/s3/object.h"

/* AWS: "Amazon S3 Select is no longer available to new customers" (since July 2024). */
enum status s3_select_object_content(struct call *call,
                                     const struct s3_select_object_content_in *in,
                                     struct s3_select_object_content_out *out)
{
    (void)in;
    (void)out;
    return s3_fail(
        call, &S3_METHOD_NOT_ALLOWED,
        &(struct s3_fault_details_error){.method = STR("POST"), .resource_type = STR("OBJECT")},
        "Amazon S3 Select (SelectObjectContent) is no longer available to new "
        "customers; it is not implemented.");
}

/* AWS: "Amazon S3 does not support the BitTorrent protocol in AWS Regions launched after May 30,
 * 2016", and nowhere since April 2022. */
enum status s3_get_object_torrent(struct call *call, const struct s3_get_object_torrent_in *in,
                                  struct s3_get_object_torrent_out *out)
{
    (void)in;
    (void)out;
    return s3_fail(
        call, &S3_METHOD_NOT_ALLOWED,
        &(struct s3_fault_details_error){.method = STR("GET"), .resource_type = STR("TORRENT")},
        "The specified method is not allowed against this resource.");
}
