/* s3_public.h — what the program, the engines and other services need of S3. */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/service.h"

struct json;
struct store;

extern const struct service s3_service;

/* Removes bodies that no row names: what a crash left behind. Called once at start, before workers
 * are. Returns 0 or -errno. */
MUST_CHECK int s3_sweep_bodies(struct store *store);

/* Ages objects by the rules of their buckets, delivers access logs, copies to replicas; forgets
 * uploads that were completed. */
extern const struct workflow_kind s3_completed_kind;
extern const struct workflow_kind s3_lifecycle_kind;
extern const struct workflow_kind s3_logging_kind;
extern const struct workflow_kind s3_replication_kind;

/* An object written from memory as `principal` in `scope` (NULL: the call's), inside the call's
 * transaction. On refusal *out_error says why and nothing is written; call->store_errno is set when
 * the store failed. */
struct s3_write {
    struct str bucket;
    struct str key;
    struct str content_type; /* or absent */
    struct str text;
    struct str acl; /* canned, or absent */
    struct str server_side_encryption;
    struct str kms_key;
};
enum status s3_write_object(struct call *call, const struct principal *principal,
                            const struct scope *scope, const struct s3_write *what,
                            struct call_error *out_error);

/* The text of an object, read likewise; EntityTooLarge when it has more than max_bytes. */
struct s3_read {
    struct str bucket;
    struct str key;
    struct str version_id; /* or absent */
    size_t max_bytes;
};
enum status s3_read_object(struct call *call, const struct principal *principal,
                           const struct scope *scope, const struct s3_read *what,
                           struct str *out_text, struct call_error *out_error);

/* A page of the keys of a bucket's objects, in order. */
struct s3_listing {
    struct str bucket;
    struct str prefix; /* or absent */
    struct str after;  /* the key behind which it begins, or absent */
};
enum status s3_list_keys(struct call *call, const struct principal *principal,
                         const struct scope *scope, const struct s3_listing *what,
                         struct str **out_keys, size_t *out_count, bool *out_has_more,
                         struct call_error *out_error);

/* The region of a bucket: the scope that s3_read_object must be called in. Absent: there is none.
 */
enum status s3_region_of(struct call *call, struct str bucket, struct str *out_region);

/* JSON of the account's public access block, or absent. */
enum status s3_get_account_block(struct call *call, struct str account, struct str *out_body);
/* An absent body removes it. */
enum status s3_put_account_block(struct call *call, struct str account, struct str body);

/* Tags of a bucket of the call's account as an object, empty when it has none; *out_tags is NULL
 * when there is no such bucket. Who may was decided by the caller. */
enum status s3_get_tags(struct call *call, struct str bucket, struct json **out_tags);
/* Replaces them all. Fails the call as PutBucketTagging does. */
enum status s3_put_tags(struct call *call, struct str bucket, const struct json *tags);
