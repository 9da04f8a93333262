/* s3.h — private to the folder: object versions, their bodies, and what the files share. Buckets
 * and their configurations are in bucket.h.
 *
 * Rows (store.c and store_body.c have the SQL):
 *
 *   s3_object          the current version of each key, unless that is a delete marker. An
 *                      unversioned bucket has nothing else.
 *   s3_version         versions that are not current, and delete markers.
 *   s3_upload          multipart uploads in progress.
 *   s3_completed       what completions of such uploads answered, for a day (completed.c).
 *   s3_body            one stored body: its bytes (up to BODY_INLINE_BYTES), or a file of
 *                      store/bodies.h, or a list of pieces; with a count of who names it.
 *   s3_piece           the pieces of such a list: parts of a multipart upload, which stay as they
 *                      came. `sub` is 0 for the row that stands for the part.
 *
 * Invariants:
 *  1. Versions of a key are ordered by `seq`; the newest has the largest. The row in s3_object,
 * when there is one, is the newest. Without one, the newest in s3_version is a delete marker.
 *  2. At most one version of a key has the version id "null".
 *  3. s3_body.refs is the number of rows of s3_object, s3_version and s3_piece that name the body,
 *     plus one for the upload that a list belongs to. At 0 the row goes, and its file after the
 *     commit.
 *  4. A body never changes. Copies share it, whatever their encryption: what is enciphered is so
 *     under an object key, and each version has its own sealed copy of that key (encrypt.c).
 *
 * Texts that were not given are absent (NULL in the row), never empty.
 */
#pragma once

#include "s3/s3_api.h"
#include "service/s3/s3_public.h"
#include "wire/stream.h"

enum {
    S3_MAX_KEY = 1024,      /* AWS: object keys are at most 1,024 bytes of UTF-8 */
    S3_MAX_METADATA = 2048, /* AWS: user-defined metadata, names and values */
    S3_MAX_PARTS = 10000,   /* AWS: multipart upload limits */
    S3_MAX_PAGE = 1000,     /* items of a list answered at once */
    S3_PART_MIN = 5242880,  /* all parts but the last */
    S3_UPLOAD_ID_LEN = 64,
    S3_VERSION_ID_LEN = 32,
};

#define S3_MAX_PUT 5368709120LL        /* one PUT or part: 5 GiB */
#define S3_MAX_OBJECT 53687091200000LL /* AWS: 50 TB since December 2025 */

/* ---- buckets ---- */

enum s3_versioning {
    S3_UNVERSIONED,
    S3_VERSIONED,
    S3_SUSPENDED,
};

/* Kinds of s3_bucket_config, and bits of config_kinds (1 << kind). Kinds with a column of their own
 * in s3_bucket are not here. */
enum s3_config_kind {
    S3_CONFIG_ACCELERATE,
    S3_CONFIG_ANALYTICS,
    S3_CONFIG_CORS,
    S3_CONFIG_INTELLIGENT_TIERING,
    S3_CONFIG_INVENTORY,
    S3_CONFIG_LIFECYCLE,
    S3_CONFIG_LOGGING,
    S3_CONFIG_METRICS,
    S3_CONFIG_NOTIFICATION,
    S3_CONFIG_REPLICATION,
    S3_CONFIG_REQUEST_PAYMENT,
    S3_CONFIG_TAGGING,
    S3_CONFIG_WEBSITE,
    S3_CONFIG_ABAC,
    S3_CONFIG_METADATA,
    S3_CONFIG_KIND_COUNT,
};

struct s3_bucket_row {
    int64_t bucket_key;
    struct str name;
    struct str account;
    struct str region;
    int64_t created_at_ms;
    enum s3_versioning versioning;
    bool has_object_lock;
    struct str ownership; /* BucketOwnerEnforced (also when absent), BucketOwnerPreferred, ... */
    struct str policy;    /* JSON text */
    struct str acl;       /* JSON of the grants (acl.c); absent: private */
    struct str public_access; /* JSON of PublicAccessBlockConfiguration; absent: none was put */
    struct str encryption;    /* JSON of ServerSideEncryptionConfiguration; absent: AES256 */
    struct str object_lock;   /* JSON of ObjectLockConfiguration's Rule; absent: none */
    uint32_t config_kinds;    /* 1 << enum s3_config_kind */
};

/* store_bucket.c. By name, in any account and region: names are unique in the partition.
 * *out_bucket is NULL when there is none. Returns 0 or -errno. */
MUST_CHECK int s3_store_find_bucket(struct db *db, struct arena *arena, struct str name,
                                    struct s3_bucket_row **out_bucket);
MUST_CHECK int s3_store_get_bucket(struct db *db, struct arena *arena, int64_t bucket_key,
                                   struct s3_bucket_row **out_bucket);
/* 1: the bucket has neither versions nor (with `with_uploads`) uploads in progress. 0 or -errno. */
MUST_CHECK int s3_store_is_empty_bucket(struct db *db, int64_t bucket_key);

/* What the authorize hook found (call->subject), for the handler of the same run. */
struct s3_subject {
    struct s3_bucket_row *bucket; /* NULL: the operation names none (ListBuckets, CreateBucket) */
    struct s3_bucket_row *source; /* of copies */
    struct str source_key;
    struct str source_version; /* absent: the current one */
};

struct s3_subject *s3_subject(struct call *call);
/* The bucket of this call; there is one once the authorize hook let it through. */
struct s3_bucket_row *s3_bucket_of(struct call *call);

/* ---- object versions ---- */

enum s3_sse {
    S3_SSE_DEFAULT, /* nobody asked: reported as AES256, kept as it came (encrypt.c) */
    S3_SSE_AES256,
    S3_SSE_KMS,
    S3_SSE_KMS_DSSE,
    S3_SSE_CUSTOMER,
};

struct s3_object_row {
    int64_t bucket_key;
    struct str key;
    int64_t seq;
    struct str version_id; /* "null" outside of versioning */
    bool is_marker;
    bool is_latest; /* not a column: from s3_object, or the newest delete marker */
    int64_t modified_at_ms;
    int64_t size;
    struct str etag;          /* without quotes */
    struct str owner;         /* account */
    struct str storage_class; /* absent: STANDARD */
    struct str content_type;
    struct str headers;  /* JSON object: Cache-Control, Content-Disposition, ... as given */
    struct str metadata; /* JSON object: user metadata, names in lower case */
    struct str tags;     /* JSON object; absent: none */
    struct str acl;      /* as s3_acl_from_headers gives it */
    struct str redirect; /* x-amz-website-redirect-location */
    /* Checksum: kind is an enum checksum_kind, or CHECKSUM_KIND_COUNT for none. */
    int64_t checksum_kind;
    bool is_composite;
    struct str checksum; /* base64, with "-N" when composite */
    /* Encryption. */
    enum s3_sse encryption;
    struct str kms_key;     /* ARN, as answered */
    struct str kms_context; /* JSON object as given */
    bool has_bucket_key;
    struct str customer_md5; /* base64 MD5 of the customer's key */
    struct str sealed_key;   /* blob: the object key, sealed; absent: not enciphered */
    /* Body. */
    int64_t body_key;    /* 0: a delete marker */
    int64_t body_offset; /* where the object starts in the body (form uploads) */
    struct str body_iv;  /* of one enciphered body; absent: as it came, or a list */
    int64_t part_count;  /* 0: was not uploaded in parts */
    /* Object lock. */
    struct str lock_mode; /* GOVERNANCE, COMPLIANCE */
    int64_t lock_until_ms;
    struct str legal_hold;  /* ON, OFF */
    struct str restore;     /* of archived objects: x-amz-restore as answered, or absent */
    struct str replication; /* PENDING, COMPLETED, FAILED, REPLICA */
};

/* The current version (version_id absent) or a certain one. *out is NULL when there is none; a
 * delete marker is given as such. 0 or -errno. */
MUST_CHECK int s3_store_find_object(struct db *db, struct arena *arena, int64_t bucket_key,
                                    struct str key, struct str version_id,
                                    struct s3_object_row **out);
/* The same, which must be there: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker by its
 * version), NoSuchKey with x-amz-delete-marker. InvalidArgument for an id that cannot be. */
enum status s3_get_version(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                           struct str version_id, struct s3_object_row **out);

/* Changes of one column set of an existing version, wherever its row is. */
MUST_CHECK int s3_store_set_tags(struct db *db, const struct s3_object_row *object);
MUST_CHECK int s3_store_set_acl(struct db *db, const struct s3_object_row *object);
MUST_CHECK int s3_store_set_lock(struct db *db, const struct s3_object_row *object);
MUST_CHECK int s3_store_set_class(struct db *db,
                                  const struct s3_object_row *object); /* + restore */
MUST_CHECK int s3_store_set_replication(struct db *db, const struct s3_object_row *object);

/* A delete without a version: makes a marker, or removes (version.c). Without authorization: for
 * lifecycle. *out_marker is the marker, or NULL; *out_removed what went, or NULL. */
struct s3_deletion {
    const struct s3_object_row *removed; /* row that is gone */
    const struct s3_object_row *marker;  /* delete marker that was made */
};
enum status s3_delete_current(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                              struct s3_deletion *out);
enum status s3_delete_version(struct call *call, const struct s3_bucket_row *bucket,
                              const struct s3_object_row *version, struct s3_deletion *out);
/* Puts a version that has everything but bucket_key, seq, version_id (set here by the bucket's
 * versioning; modified_at_ms too when it is 0); removes or moves what it replaces. Its body has
 * been counted already (s3_keep_body). */
enum status s3_put_version(struct call *call, const struct s3_bucket_row *bucket,
                           struct s3_object_row *object);

/* The first text behind all that begin with `prefix`, or absent: there is none. */
struct str s3_end_of_prefix(struct arena *arena, struct str prefix);
/* Lifecycle and replication walk a bucket's versions in the order (key, newest first). Gives up to
 * `limit` behind (after_key, after_seq); seq 0: all versions of after_key are done. */
MUST_CHECK int s3_store_walk_versions(struct db *db, struct arena *arena, int64_t bucket_key,
                                      struct str after_key, int64_t after_seq, struct str prefix,
                                      int64_t limit, struct s3_object_row **out_items,
                                      size_t *out_count);

/* ---- bodies ---- */

/* What came with the call becomes a body with one reference: the row, call_keep_body. */
MUST_CHECK int s3_keep_body(struct call *call, const struct call_body *body, int64_t *out_body_key);
/* One more referrer, one less: the last one takes the body with it, its pieces and their bodies. A
 * body_key of 0 is none. */
enum status s3_share_body(struct call *call, int64_t body_key);
enum status s3_release_body(struct call *call, int64_t body_key);
/* The pieces of a range of a version's text, deciphered by `object_key` (absent: not enciphered),
 * ready for call_send. */
enum status s3_pieces_of(struct call *call, const struct s3_object_row *object,
                         struct str object_key, int64_t first, int64_t length,
                         struct body_piece **out_pieces, size_t *out_count);
/* The key that x-amz-server-side-encryption-customer-* headers carry; zeros: none. */
struct s3_customer_key {
    struct str algorithm;
    struct str key; /* base64 */
    struct str key_md5;
};
/* Sends a range of a version: opens its key, call_send. */
enum status s3_send_object(struct call *call, const struct s3_bucket_row *bucket,
                           const struct s3_object_row *object,
                           const struct s3_customer_key *customer, int64_t first, int64_t length);

/* ---- encryption ---- */

/* How a new object is to be encrypted: from the request's headers, else the bucket's default. */
struct s3_encryption_wish {
    struct str server_side; /* x-amz-server-side-encryption */
    struct str kms_key;
    struct str kms_context; /* header: base64 of JSON */
    struct opt_bool bucket_key;
    struct s3_customer_key customer;
};
/* Checks the wish and fills object's encryption columns but sealed_key. */
enum status s3_plan_encryption(struct call *call, const struct s3_bucket_row *bucket,
                               const struct s3_encryption_wish *wish, struct s3_object_row *object);
/* A fresh object key and counter when the planned object is to be enciphered, else absent. */
struct body_cipher s3_new_cipher(struct call *call, const struct s3_object_row *object);
/* Seals `key` (absent: nothing to seal) for a planned object: sets sealed_key, kms_key. The
 * object's bucket and key must be set: KMS is told them. */
enum status s3_seal_key(struct call *call, const struct s3_bucket_row *bucket,
                        const struct s3_customer_key *customer, struct str key,
                        struct s3_object_row *object);
/* The object key of a version, or absent when it is not enciphered. Checks that a customer's key is
 * there when it must be, and is the right one. */
enum status s3_open_key(struct call *call, const struct s3_bucket_row *bucket,
                        const struct s3_object_row *object, const struct s3_customer_key *customer,
                        struct str *out_key);

/* The check alone, for answers without the bytes. */
enum status s3_check_customer_key(struct call *call, const struct s3_object_row *object,
                                  const struct s3_customer_key *customer);
/* x-amz-server-side-encryption of an answer; absent with a customer's key. */
struct str s3_encryption_name(const struct s3_object_row *object);

/* ---- errors ---- */

/* Fails the call with further elements of S3's error document. */
enum status s3_fail(struct call *call, const struct api_error *error,
                    const struct s3_fault_details_error *details, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The elements of the failure that call->error holds, to add to them (finish hook). */
struct s3_fault_details_error *s3_details_of(struct call *call);
enum status s3_fail_argument(struct call *call, const char *name, struct str value,
                             const char *message);
enum status s3_fail_malformed_xml(struct call *call);
enum status s3_fail_no_bucket(struct call *call, struct str name);

/* ---- tags ---- */

/* x-amz-tagging (a query string) as the column of an object's tags: at most ten. */
enum status s3_tags_from_header(struct call *call, struct str header, struct str *out_tags);

/* ---- what bucket.c and its neighbours provide ---- */

/* The service's authorize hook: finds the bucket (call->subject), names the resource, policy and
 * conditions; evaluates ACLs, public access blocks, ownership. */
enum status s3_authorize(struct call *call, const void *in, struct authorization *out);
/* Something happened to an object: notifications, replication. `event_name` without "s3:":
 * "ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated". */
enum status s3_event(struct call *call, const struct s3_bucket_row *bucket,
                     const struct s3_object_row *object, const char *event_name);
/* The ACL column of a new object or bucket from canned ACL and grant headers; absent for private.
 * Fails with AccessControlListNotSupported, InvalidArgument, ... */
struct s3_acl_headers {
    struct str canned;
    struct str full_control;
    struct str read;
    struct str read_acp;
    struct str write;
    struct str write_acp;
};
enum status s3_acl_from_headers(struct call *call, const struct s3_bucket_row *bucket,
                                const struct s3_acl_headers *headers, struct str *out_acl);
/* CORS headers of the answer to a request with Origin (cors.c); in the finish hook. */
void s3_add_cors_headers(struct call *call);
/* x-amz-expiration of an object by the bucket's lifecycle, or absent (lifecycle.c). Only asked when
 * the bucket has one. */
enum status s3_expiration_of(struct call *call, const struct s3_bucket_row *bucket,
                             const struct s3_object_row *object, struct str *out_text);
