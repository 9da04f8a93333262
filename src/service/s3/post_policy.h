/* post_policy.h — the policy document of a form upload: what the form may hold. Pure.
 *
 * Docs: S3 API reference, "Creating a POST policy".
 */
#pragma once

#include "service/s3/form_data.h"

struct arena;

enum post_policy_result {
    POST_POLICY_FITS,
    POST_POLICY_INVALID,   /* the document is no policy: InvalidPolicyDocument */
    POST_POLICY_REFUSES,   /* AccessDenied */
    POST_POLICY_TOO_LARGE, /* EntityTooLarge */
    POST_POLICY_TOO_SMALL,
};

struct post_upload {
    const struct form_data *form;
    struct str bucket;
    struct str key; /* with ${filename} replaced */
    int64_t size;   /* of the file */
    int64_t now_ms;
};

struct post_policy_problem {
    struct str message; /* as S3 words it */
    int64_t bound;      /* of sizes: what was exceeded */
};

/* Judges an upload by the decoded document. */
enum post_policy_result post_policy_check(struct arena *arena, struct str document,
                                          const struct post_upload *upload,
                                          struct post_policy_problem *out_problem);
