/* s3control.h — private to the folder. */
#pragma once

#include "s3control/s3control_api.h"
#include "service/s3control/s3control_public.h"

/* tag.c: the bucket of an ARN arn:aws:s3:::NAME, or an absent str. */
struct str s3control_bucket_of(struct str arn);

s3control_delete_public_access_block_fn s3control_delete_public_access_block;
s3control_get_public_access_block_fn s3control_get_public_access_block;
s3control_list_tags_for_resource_fn s3control_list_tags_for_resource;
s3control_put_public_access_block_fn s3control_put_public_access_block;
s3control_tag_resource_fn s3control_tag_resource;
s3control_untag_resource_fn s3control_untag_resource;
