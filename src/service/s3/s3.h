/* s3.h — private to the folder: buckets, object versions, bodies, and what the files share.
 *
 * Rows (store.c has the SQL, store_bucket.c that of buckets and their configurations):
 *
 *   s3_bucket          one row per bucket; what every request looks at is in columns, the rest in
 *   s3_bucket_config   rows (bucket, kind, id). s3_bucket.config_kinds says which kinds are there.
 *   s3_object          the current version of each key, unless that is a delete marker. An
 *                      unversioned bucket has nothing else.
 *   s3_version         versions that are not current, and delete markers.
 *   s3_upload          multipart uploads in progress.
 *   s3_body            one stored body: its bytes (up to BODY_INLINE_BYTES), or a file of
 *                      store/bodies.h, or a list of pieces; with a count of who names it.
 *   s3_piece           the pieces of such a list: parts of a multipart upload, which stay as they
 *                      came. `sub` is 0 for the row that stands for the part.
 *
 * Invariants:
 *  1. Versions of a key are ordered by `seq`; the newest has the largest. The row in s3_object, when
 *     there is one, is the newest. Without one, the newest in s3_version is a delete marker.
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

struct json;
struct vec;

enum {
    S3_MAX_KEY = 1024,        /* AWS: object keys are at most 1,024 bytes of UTF-8 */
    S3_MAX_METADATA = 2048,   /* AWS: user-defined metadata, names and values */
    S3_MAX_PARTS = 10000,     /* AWS: multipart upload limits */
    S3_MAX_PAGE = 1000,       /* items of a list answered at once */
    S3_PART_MIN = 5242880,    /* all parts but the last */
    S3_UPLOAD_ID_LEN = 64,
    S3_VERSION_ID_LEN = 32,
};

#define S3_MAX_PUT 5368709120LL       /* one PUT or part: 5 GiB */
#define S3_MAX_OBJECT 53687091200000LL /* AWS: 50 TB since 2025; parts bound it below that */

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

struct s3_bucket {
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

/* store_bucket.c. By name, in any account and region: names are unique in the partition. *out_bucket is NULL when
 * there is none. Returns 0 or -errno. */
MUST_CHECK int s3_store_find_bucket(struct db *db, struct arena *arena, struct str name,
                                    struct s3_bucket **out_bucket);
MUST_CHECK int s3_store_get_bucket(struct db *db, struct arena *arena, int64_t bucket_key,
                                   struct s3_bucket **out_bucket);
/* 1: the bucket has neither versions nor (with `with_uploads`) uploads in progress. 0 or -errno. */
MUST_CHECK int s3_store_is_empty_bucket(struct db *db, int64_t bucket_key);

/* What the authorize hook found (call->subject), for the handler of the same run. */
struct s3_subject {
    struct s3_bucket *bucket; /* NULL: the operation names none (ListBuckets, CreateBucket) */
    struct s3_bucket *source; /* of copies */
    struct str source_key;
    struct str source_version; /* absent: the current one */
    /* Read at most once a run, by s3_find_version. */
    struct s3_object *object;
    struct str object_key;
    struct str object_version;
    bool is_object_known;
    /* Headers of a failed look-up: x-amz-delete-marker, x-amz-version-id. */
    const struct s3_object *marker;
};

struct s3_subject *s3_subject(struct call *call);
/* The bucket of this call; there is one once the authorize hook let it through. */
struct s3_bucket *s3_bucket_of(struct call *call);

/* ---- object versions ---- */

enum s3_encryption {
    S3_ENCRYPTION_DEFAULT, /* nobody asked: reported as AES256, kept as it came (encrypt.c) */
    S3_ENCRYPTION_AES256,
    S3_ENCRYPTION_KMS,
    S3_ENCRYPTION_KMS_DSSE,
    S3_ENCRYPTION_CUSTOMER,
};

struct s3_object {
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
    struct str acl;      /* JSON of the grants; absent: private */
    struct str redirect; /* x-amz-website-redirect-location */
    /* Checksum: kind is an enum checksum_kind, or CHECKSUM_KIND_COUNT for none. */
    int64_t checksum_kind;
    bool is_composite;
    struct str checksum; /* base64, with "-N" when composite */
    /* Encryption. */
    enum s3_encryption encryption;
    struct str kms_key;     /* ARN, as answered */
    struct str kms_context; /* JSON object as given */
    bool has_bucket_key;
    struct str customer_md5; /* base64 MD5 of the customer's key */
    struct str sealed_key;   /* blob: the object key, sealed; absent: not enciphered */
    /* Body. */
    int64_t body_key; /* 0: a delete marker */
    int64_t body_offset; /* where the object starts in the body (form uploads) */
    struct str body_iv;  /* of one enciphered body; absent: as it came, or a list */
    int64_t part_count;  /* 0: was not uploaded in parts */
    /* Object lock. */
    struct str lock_mode; /* GOVERNANCE, COMPLIANCE */
    int64_t lock_until_ms;
    struct str legal_hold; /* ON, OFF */
    struct str restore;    /* of archived objects: x-amz-restore as answered, or absent */
    struct str replication; /* PENDING, COMPLETED, FAILED, REPLICA */
};

/* The current version (version_id absent) or a certain one. *out is NULL when there is none; a
 * delete marker is given as such. 0 or -errno. */
MUST_CHECK int s3_store_find_object(struct db *db, struct arena *arena, int64_t bucket_key,
                                    struct str key, struct str version_id, struct s3_object **out);
/* The same for this call's bucket, remembered for the run; fails the call for faults of the store
 * only. */
enum status s3_find_version(struct call *call, struct str key, struct str version_id,
                            struct s3_object **out);
/* The same, which must be there: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker by its
 * version), NoSuchKey with x-amz-delete-marker. InvalidArgument for an id that cannot be. */
enum status s3_get_version(struct call *call, const struct s3_bucket *bucket, struct str key,
                           struct str version_id, struct s3_object **out);

/* Changes of one column set of an existing version, wherever its row is. */
MUST_CHECK int s3_store_set_tags(struct db *db, const struct s3_object *object);
MUST_CHECK int s3_store_set_acl(struct db *db, const struct s3_object *object);
MUST_CHECK int s3_store_set_lock(struct db *db, const struct s3_object *object);
MUST_CHECK int s3_store_set_class(struct db *db, const struct s3_object *object); /* + restore */
MUST_CHECK int s3_store_set_replication(struct db *db, const struct s3_object *object);

/* A delete without a version: makes a marker, or removes (version.c). Without authorization: for
 * lifecycle. *out_marker is the marker, or NULL; *out_removed what went, or NULL. */
struct s3_deletion {
    const struct s3_object *removed; /* row that is gone */
    const struct s3_object *marker;  /* delete marker that was made */
};
enum status s3_delete_current(struct call *call, const struct s3_bucket *bucket, struct str key,
                              struct s3_deletion *out);
enum status s3_delete_version(struct call *call, const struct s3_bucket *bucket,
                              const struct s3_object *version, struct s3_deletion *out);
/* Puts a version that has everything but bucket_key, seq, version_id (set here by the bucket's
 * versioning; modified_at_ms too when it is 0); removes or moves what it replaces. Its body has
 * been counted already (s3_keep_body). */
enum status s3_put_version(struct call *call, const struct s3_bucket *bucket,
                           struct s3_object *object);

/* Lifecycle and replication walk a bucket's versions in the order (key, newest first). Gives up to
 * `limit` behind (after_key, after_seq); seq 0: all versions of after_key are done. */
MUST_CHECK int s3_store_walk_versions(struct db *db, struct arena *arena, int64_t bucket_key,
                                      struct str after_key, int64_t after_seq, struct str prefix,
                                      int64_t limit, struct s3_object **out_items,
                                      size_t *out_count);

/* ---- bodies ---- */

/* What came with the call becomes a body with one reference: the row, call_keep_body. */
MUST_CHECK int s3_keep_body(struct call *call, const struct call_body *body, int64_t *out_body_key);
/* Counts `by` (1, -1) referrers; at 0 the body is removed, its pieces and their bodies with it. */
enum status s3_count_body(struct call *call, int64_t body_key, int by);
/* The pieces of a range of a version's text, deciphered by `object_key` (absent: not enciphered),
 * ready for call_send. */
enum status s3_pieces_of(struct call *call, const struct s3_object *object, struct str object_key,
                         int64_t first, int64_t length, struct body_piece **out_pieces,
                         size_t *out_count);
/* Sends a range of a version: opens its key (KMS: with the caller's permission; SSE-C: with
 * `customer`), call_send. */
struct s3_customer_key {
    struct str algorithm;
    struct str key;
    struct str key_md5;
};
enum status s3_send_object(struct call *call, const struct s3_object *object,
                           const struct s3_customer_key *customer, int64_t first, int64_t length);
/* The whole text in memory, at most max_bytes (-EMSGSIZE fails the call as internal). */
enum status s3_read_object(struct call *call, const struct s3_object *object, size_t max_bytes,
                           struct str *out_text);

/* ---- encryption ---- */

/* How a new object is to be encrypted: from the request's headers, else the bucket's default. */
struct s3_encryption_wish {
    struct str server_side; /* x-amz-server-side-encryption */
    struct str kms_key;
    struct str kms_context; /* header: base64 of JSON */
    struct opt_bool bucket_key;
    struct s3_customer_key customer;
};
/* Checks the wish, gets the key and fills object's encryption columns; *out_key is the object key
 * to encipher with, or absent. */
enum status s3_begin_encryption(struct call *call, const struct s3_bucket *bucket,
                                const struct s3_encryption_wish *wish, struct s3_object *object,
                                struct str *out_key);
/* The object key of a version, or absent when it is not enciphered. Checks a customer's key. */
enum status s3_open_key(struct call *call, const struct s3_bucket *bucket,
                        const struct s3_object *object, const struct s3_customer_key *customer,
                        struct str *out_key);

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

/* ---- what bucket.c and its neighbours provide ---- */

/* The service's authorize hook: finds the bucket (call->subject), names the resource, policy and
 * conditions; evaluates ACLs, public access blocks, ownership. */
enum status s3_authorize(struct call *call, const void *in, struct authorization *out);
/* Something happened to an object: notifications, replication. `event_name` without "s3:":
 * "ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated". */
enum status s3_event(struct call *call, const struct s3_bucket *bucket,
                     const struct s3_object *object, const char *event_name);
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
enum status s3_acl_from_headers(struct call *call, const struct s3_bucket *bucket,
                                const struct s3_acl_headers *headers, struct str *out_acl);
/* CORS headers of the answer to a request with Origin (cors.c); in the finish hook. */
void s3_add_cors_headers(struct call *call);
/* x-amz-expiration of an object by the bucket's lifecycle, or absent (lifecycle.c). Only asked when
 * the bucket has one. */
enum status s3_expiration_of(struct call *call, const struct s3_bucket *bucket,
                             const struct s3_object *object, struct str *out_text);
/* Checks x-amz-tagging (query text) or a tag set, gives the column (tagging.c, objects). */
enum status s3_tags_from_header(struct call *call, struct str header, struct str *out_tags);
