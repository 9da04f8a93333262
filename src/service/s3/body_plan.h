/* body_plan.h — the `plan_body` hook's parts: one per operation that streams its input. */
#pragma once

#include "service/s3/s3.h"

enum status s3_plan_put(struct call *call, const struct s3_put_object_in *in,
                        struct body_plan *out);
enum status s3_plan_part(struct call *call, const struct s3_upload_part_in *in,
                         struct body_plan *out);
/* post.c */
enum status s3_plan_post(struct call *call, const struct s3_post_object_in *in,
                         struct body_plan *out);
/* The ETag of a body: its MD5, or something that is none. */
struct str s3_etag_of(struct call *call, const struct call_body *body,
                      const struct s3_object_row *object);
/* x-amz-trailer of the request. */
struct str s3_trailer_names(const struct call *call);
