/* encrypt.c — encryption of objects at rest: whose key, where it is kept, what the headers say.
 *
 * An enciphered object has an object key, of its own and random, under which its bytes are stored
 * (AES-256-CTR, wire/stream.h). The version's row keeps it sealed:
 *
 *   AES256     by the master key of S3 (s3_secret, made when first needed)
 *   aws:kms    by a data key of KMS: u16 length of the sealed data key, that, the sealed object
 * key. With a bucket key, the data key is the bucket's, shared by the objects of a day: the time it
 * was made (8 bytes), the sealed object key. customer   by the key that the customer sends with
 * each request
 *
 * So a copy, whatever its encryption, is a row with the same object key sealed anew.
 *
 * AWS: S3 user guide, "Protecting data with encryption"; "Reducing the cost of SSE-KMS with Amazon
 * S3 Bucket Keys"; "Using server-side encryption with customer-provided keys".
 *
 * DEVIATION: an object that nobody asked to encrypt is answered as AES256, as S3 does since 2023,
 * and stored as it came: the master key would lie beside it on the same disk, and the kernel can
 * send such a file by itself. With AES256 asked for, by the request or the bucket's configuration,
 * it is enciphered.
 */
#include <errno.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/seal.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/kms/kms_public.h"
#include "service/s3/bucket.h"
#include "service/s3/store.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    BUCKET_KEY_LIFE_MS = 24 * 60 * 60 * 1000, /* AWS: "for a time-limited period" */
    MADE_AT_BYTES = 8,
    LENGTH_BYTES = 2,
};

/* ---- the wish ---- */

static enum status check_customer_key(struct call *call, const struct s3_customer_key *customer)
{
    struct str key = {0};
    unsigned char md5[DIGEST_MD5_SIZE];
    if (!str_eq_cstr(customer->algorithm, "AES256"))
        return s3_fail(call, &S3_INVALID_ENCRYPTION_ALGORITHM_ERROR,
                       &(struct s3_fault_details_error){
                           .argument_name = STR("x-amz-server-side-encryption-customer-algorithm"),
                           .argument_value = customer->algorithm},
                       "The Encryption request you specified is not valid. Supported value: "
                       "AES256.");
    if (!str_is_set(customer->key))
        return s3_fail_argument(call, "x-amz-server-side-encryption", STR("null"),
                                "Requests specifying Server Side Encryption with Customer "
                                "provided keys must provide an appropriate secret key.");
    if (!str_is_set(customer->key_md5))
        return s3_fail_argument(call, "x-amz-server-side-encryption", STR("null"),
                                "Requests specifying Server Side Encryption with Customer "
                                "provided keys must provide the client calculated MD5 of the "
                                "secret key.");
    if (base64_decode(call->arena, customer->key, &key) < 0 || key.len != SEAL_KEY_BYTES)
        return s3_fail_argument(call, "x-amz-server-side-encryption", STR("null"),
                                "The secret key was invalid for the specified algorithm.");
    digest_md5(key, md5);
    if (!str_eq(base64_encode_str(call->arena, str_of((const char *)md5, sizeof(md5))),
                customer->key_md5))
        return s3_fail_argument(call, "x-amz-server-side-encryption", STR("null"),
                                "The calculated MD5 hash of the key did not match the hash that "
                                "was provided.");
    return STATUS_DONE;
}

static bool has_customer_key(const struct s3_customer_key *customer)
{
    return customer && (str_is_set(customer->algorithm) || str_is_set(customer->key) ||
                        str_is_set(customer->key_md5));
}

/* x-amz-server-side-encryption-context: base64 of a JSON object of texts. */
static enum status read_context(struct call *call, struct str header, struct str *out_text)
{
    struct str text = {0};
    struct json *context = NULL;
    if (!str_is_set(header))
        return STATUS_DONE;
    bool is_valid = base64_decode(call->arena, header, &text) == 0 &&
                    json_parse(call->arena, text, 0, &context, NULL) == 0 &&
                    json_is_object(context);
    for (const struct json *pair = is_valid ? context->first : NULL; pair; pair = pair->next)
        is_valid &= pair->kind == JSON_STRING;
    if (!is_valid)
        return s3_fail_argument(call, "x-amz-server-side-encryption-context", header,
                                "The header 'x-amz-server-side-encryption-context' shall be "
                                "Base64-encoded UTF-8 string holding JSON which represents a "
                                "string-string map");
    *out_text = json_to_str(call->arena, context);
    return STATUS_DONE;
}

/* The first rule of the bucket's ServerSideEncryptionConfiguration; S3 takes no more than one. */
struct default_encryption {
    struct str algorithm; /* absent: nothing was put */
    struct str kms_key;
    bool has_bucket_key;
};

static enum status read_default(struct call *call, const struct s3_bucket_row *bucket,
                                struct default_encryption *out)
{
    struct json *document = NULL;
    *out = (struct default_encryption){0};
    if (bucket->encryption.len == 0)
        return STATUS_DONE;
    if (json_parse(call->arena, bucket->encryption, 0, &document, NULL) < 0)
        return call_fail_internal(call, -EIO, "s3: encryption of a bucket");
    const struct json *rules = json_find_cstr(document, "Rules");
    const struct json *rule = rules ? rules->first : NULL;
    const struct json *by_default = json_find_cstr(rule, "ApplyServerSideEncryptionByDefault");
    const struct json *bucket_key = json_find_cstr(rule, "BucketKeyEnabled");
    out->algorithm = json_find_str(by_default, "SSEAlgorithm");
    out->kms_key = json_find_str(by_default, "KMSMasterKeyID");
    out->has_bucket_key = bucket_key && bucket_key->kind == JSON_TRUE;
    return STATUS_DONE;
}

static enum status plan_kms(struct call *call, const struct s3_encryption_wish *wish,
                            const struct default_encryption *by_default,
                            struct s3_object_row *object)
{
    object->kms_key = wish->kms_key;
    if (!str_is_set(wish->server_side) && !str_is_set(wish->kms_key))
        object->kms_key = by_default->kms_key;
    if (object->kms_key.len == 0)
        object->kms_key = STR("alias/aws/s3");
    object->has_bucket_key = opt_bool_or(wish->bucket_key, by_default->has_bucket_key);
    if (object->encryption == S3_SSE_KMS_DSSE)
        object->has_bucket_key = false; /* AWS: "not supported for DSSE-KMS" */
    return read_context(call, wish->kms_context, &object->kms_context);
}

enum status s3_plan_encryption(struct call *call, const struct s3_bucket_row *bucket,
                               const struct s3_encryption_wish *wish, struct s3_object_row *object)
{
    struct default_encryption by_default;
    struct str algorithm = wish->server_side;
    const bool is_default = !str_is_set(algorithm);
    object->encryption = S3_SSE_DEFAULT;
    if (has_customer_key(&wish->customer)) {
        if (str_is_set(algorithm))
            return s3_fail_argument(call, "x-amz-server-side-encryption", algorithm,
                                    "Server Side Encryption with Customer provided key is "
                                    "incompatible with the encryption method specified");
        object->encryption = S3_SSE_CUSTOMER;
        object->customer_md5 = wish->customer.key_md5;
        return check_customer_key(call, &wish->customer);
    }
    enum status status = read_default(call, bucket, &by_default);
    if (status != STATUS_DONE)
        return status;
    if (is_default)
        algorithm = by_default.algorithm;
    if (str_eq_cstr(algorithm, "aws:kms"))
        object->encryption = S3_SSE_KMS;
    else if (str_eq_cstr(algorithm, "aws:kms:dsse"))
        object->encryption = S3_SSE_KMS_DSSE;
    else if (str_eq_cstr(algorithm, "AES256"))
        object->encryption = S3_SSE_AES256;
    else if (!is_default)
        return s3_fail_argument(call, "x-amz-server-side-encryption", algorithm,
                                "The encryption method specified is not supported");
    if (object->encryption == S3_SSE_KMS || object->encryption == S3_SSE_KMS_DSSE)
        return plan_kms(call, wish, &by_default, object);
    if (str_is_set(wish->kms_key))
        return s3_fail_argument(call, "x-amz-server-side-encryption", algorithm,
                                "Server Side Encryption with AWS KMS managed key requires HTTP "
                                "header x-amz-server-side-encryption : aws:kms");
    return STATUS_DONE;
}

static struct str random_bytes(struct arena *arena, size_t count)
{
    char *bytes = arena_alloc_text(arena, count);
    rand_bytes(bytes, count);
    return str_of(bytes, count);
}

struct body_cipher s3_new_cipher(struct call *call, const struct s3_object_row *object)
{
    if (object->encryption == S3_SSE_DEFAULT)
        return (struct body_cipher){0};
    return (struct body_cipher){.key = random_bytes(call->arena, BODY_KEY_BYTES),
                                .iv = random_bytes(call->arena, BODY_IV_BYTES)};
}

/* ---- S3's own key ---- */

static enum status master_key(struct call *call, struct str *out_key)
{
    int64_t made_at_ms = 0;
    int rc = s3_store_find_secret(call->db, call->arena, 0, STR(""), -1, &made_at_ms, out_key);
    if (rc == 0 && !str_is_set(*out_key)) {
        *out_key = random_bytes(call->arena, SEAL_KEY_BYTES);
        rc = s3_store_put_secret(call->db, 0, STR(""), 0, *out_key);
    }
    return rc < 0 ? call_fail_internal(call, rc, "s3: master key") : STATUS_DONE;
}

/* ---- KMS ---- */

/* S3 passes KMS's errors on under names of its own. OBSERVED: "KMS.NotFoundException",
 * "KMS.DisabledException" with status 400; AccessDenied stays. */
static enum status pass_on(struct call *call, enum status status)
{
    const struct api_error *error = call->error.error;
    if (status != STATUS_FAILED || !error || call->store_errno != 0 || error->http_status >= 500)
        return status;
    if (str_starts_with(error->code, STR("AccessDenied")))
        return call_fail(call, &S3_ACCESS_DENIED, STR_FMT, STR_ARG(call->error.message));
    struct api_error *renamed = arena_alloc(call->arena, sizeof(*renamed));
    *renamed = *error;
    renamed->shape = NULL;
    renamed->code = str_concat(call->arena, STR("KMS."), error->code);
    renamed->query_code = renamed->code; /* which XML answers show */
    call->error.error = renamed;
    call->error.members = NULL;
    return status;
}

/* AWS: the encryption context is the object's ARN, or the bucket's with a bucket key, together with
 * what the caller adds. */
static enum status make_use(struct call *call, const struct s3_bucket_row *bucket,
                            const struct s3_object_row *object, struct kms_use *out_use)
{
    struct json *context = NULL;
    size_t count = 0;
    if (str_is_set(object->kms_context) && !object->has_bucket_key &&
        json_parse(call->arena, object->kms_context, 0, &context, NULL) < 0)
        return call_fail_internal(call, -EIO, "s3: encryption context");
    struct kms_pair *pairs =
        arena_alloc_array(call->arena, (context ? context->count : 0) + 1, sizeof(*pairs));
    pairs[count++] = (struct kms_pair){
        .key = STR("aws:s3:arn"),
        .value = object->has_bucket_key ? s3_bucket_arn(call->arena, bucket->name)
                                        : s3_object_arn(call->arena, bucket->name, object->key),
    };
    for (const struct json *pair = context ? context->first : NULL; pair; pair = pair->next) {
        if (!str_eq(pair->key, pairs[0].key))
            pairs[count++] = (struct kms_pair){.key = pair->key, .value = pair->text};
    }
    *out_use = (struct kms_use){
        .key_id = object->kms_key,
        .via_service = STR("s3.amazonaws.com"),
        .context = pairs,
        .context_count = count,
    };
    return STATUS_DONE;
}

static struct str made_at_text(struct arena *arena, int64_t made_at_ms)
{
    char *bytes = arena_alloc_text(arena, MADE_AT_BYTES);
    for (int i = 0; i < MADE_AT_BYTES; i++)
        bytes[i] = (char)(made_at_ms >> (8 * (MADE_AT_BYTES - 1 - i)));
    return str_of(bytes, MADE_AT_BYTES);
}

static int64_t read_made_at(struct str sealed)
{
    uint64_t made_at_ms = 0;
    for (size_t i = 0; i < MADE_AT_BYTES; i++)
        made_at_ms = made_at_ms << 8 | (unsigned char)sealed.ptr[i];
    return (int64_t)made_at_ms;
}

/* The bucket's key under this KMS key, at most a day old. AWS: who may use the KMS key is asked
 * each time that S3 fetches a new one; here on each use, which is the stricter reading. */
static enum status seal_by_bucket_key(struct call *call, const struct s3_bucket_row *bucket,
                                      struct str key, struct s3_object_row *object)
{
    struct kms_use use;
    struct str secret = {0};
    struct str plain = {0};
    int64_t made_at_ms = 0;
    enum status status = make_use(call, bucket, object, &use);
    if (status == STATUS_DONE)
        status = pass_on(call, kms_find_key_arn(call, &use, &object->kms_key));
    if (status != STATUS_DONE)
        return status;
    int rc = s3_store_find_secret(call->db, call->arena, bucket->bucket_key, object->kms_key,
                                  call->now_ms - BUCKET_KEY_LIFE_MS, &made_at_ms, &secret);
    if (rc == 0 && str_is_set(secret)) {
        status = pass_on(call, kms_open(call, &use, secret, &plain));
    } else if (rc == 0) {
        struct kms_data_key made = {0};
        status = pass_on(call, kms_new_data_key(call, &use, &made));
        plain = made.plain;
        made_at_ms = call->now_ms;
        if (status == STATUS_DONE)
            rc = s3_store_put_secret(call->db, bucket->bucket_key, object->kms_key, made_at_ms,
                                     made.sealed);
    }
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: bucket key");
    if (status == STATUS_DONE)
        object->sealed_key = str_concat(call->arena, made_at_text(call->arena, made_at_ms),
                                        seal(call->arena, plain, key));
    return status;
}

static enum status seal_by_kms(struct call *call, const struct s3_bucket_row *bucket,
                               struct str key, struct s3_object_row *object)
{
    struct kms_use use;
    struct kms_data_key made = {0};
    if (object->has_bucket_key)
        return seal_by_bucket_key(call, bucket, key, object);
    enum status status = make_use(call, bucket, object, &use);
    if (status == STATUS_DONE)
        status = pass_on(call, kms_new_data_key(call, &use, &made));
    if (status != STATUS_DONE)
        return status;
    char *length = arena_alloc_text(call->arena, LENGTH_BYTES);
    length[0] = (char)(made.sealed.len >> 8);
    length[1] = (char)made.sealed.len;
    object->kms_key = made.key_arn;
    object->sealed_key = str_concat3(call->arena, str_of(length, LENGTH_BYTES), made.sealed,
                                     seal(call->arena, made.plain, key));
    return STATUS_DONE;
}

/* The data key that a KMS object's key is sealed by, and the rest of the column. */
static enum status open_data_key(struct call *call, const struct s3_bucket_row *bucket,
                                 const struct s3_object_row *object, struct str *out_plain,
                                 struct str *out_rest)
{
    struct kms_use use;
    struct str secret = {0};
    struct str sealed = object->sealed_key;
    if (sealed.len < MADE_AT_BYTES)
        return call_fail_internal(call, -EIO, "s3: sealed key");
    if (object->has_bucket_key) {
        int rc = s3_store_get_secret(call->db, call->arena, bucket->bucket_key, object->kms_key,
                                     read_made_at(sealed), &secret);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: bucket key");
        *out_rest = str_from(sealed, MADE_AT_BYTES);
    } else {
        const size_t length =
            (size_t)(unsigned char)sealed.ptr[0] << 8 | (unsigned char)sealed.ptr[1];
        secret = str_slice(sealed, LENGTH_BYTES, length);
        *out_rest = str_from(sealed, LENGTH_BYTES + length);
    }
    enum status status = make_use(call, bucket, object, &use);
    return status == STATUS_DONE ? pass_on(call, kms_open(call, &use, secret, out_plain)) : status;
}

/* ---- sealing and opening ---- */

static struct str customer_secret(struct call *call, const struct s3_customer_key *customer)
{
    struct str key = {0};
    CHECK(base64_decode(call->arena, customer->key, &key) == 0); /* check_customer_key saw it */
    return key;
}

enum status s3_seal_key(struct call *call, const struct s3_bucket_row *bucket,
                        const struct s3_customer_key *customer, struct str key,
                        struct s3_object_row *object)
{
    struct str sealing = {0};
    enum status status = STATUS_DONE;
    if (!str_is_set(key))
        return STATUS_DONE;
    if (object->encryption == S3_SSE_KMS || object->encryption == S3_SSE_KMS_DSSE)
        return seal_by_kms(call, bucket, key, object);
    if (object->encryption == S3_SSE_CUSTOMER)
        sealing = customer_secret(call, customer);
    else
        status = master_key(call, &sealing);
    if (status == STATUS_DONE)
        object->sealed_key = seal(call->arena, sealing, key);
    return status;
}

/* AWS: GetObject and HeadObject answer 400 and 403 for a customer's key that is missing or wrong.
 */
static enum status match_customer_key(struct call *call, const struct s3_object_row *object,
                                      const struct s3_customer_key *customer)
{
    const bool is_given = has_customer_key(customer);
    if (object->encryption != S3_SSE_CUSTOMER) {
        if (is_given)
            return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                           "The encryption parameters are not applicable to this object.");
        return STATUS_DONE;
    }
    if (!is_given)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "The object was stored using a form of Server Side Encryption. The correct "
                       "parameters must be provided to retrieve the object.");
    enum status status = check_customer_key(call, customer);
    if (status == STATUS_DONE && !str_eq(customer->key_md5, object->customer_md5))
        status = s3_fail(call, &S3_ACCESS_DENIED, NULL,
                         "Requests specifying Server Side Encryption with Customer provided keys "
                         "must provide the correct secret key.");
    return status;
}

enum status s3_check_customer_key(struct call *call, const struct s3_object_row *object,
                                  const struct s3_customer_key *customer)
{
    return match_customer_key(call, object, customer);
}

enum status s3_open_key(struct call *call, const struct s3_bucket_row *bucket,
                        const struct s3_object_row *object, const struct s3_customer_key *customer,
                        struct str *out_key)
{
    struct str sealing = {0};
    struct str sealed = object->sealed_key;
    enum status status = match_customer_key(call, object, customer);
    if (status != STATUS_DONE || !str_is_set(sealed))
        return status;
    if (object->encryption == S3_SSE_KMS || object->encryption == S3_SSE_KMS_DSSE)
        status = open_data_key(call, bucket, object, &sealing, &sealed);
    else if (object->encryption == S3_SSE_CUSTOMER)
        sealing = customer_secret(call, customer);
    else
        status = master_key(call, &sealing);
    if (status != STATUS_DONE)
        return status;
    int rc = unseal(call->arena, sealing, sealed, out_key);
    return rc < 0 ? call_fail_internal(call, rc, "s3: open an object key") : STATUS_DONE;
}

struct str s3_encryption_name(const struct s3_object_row *object)
{
    switch (object->encryption) {
    case S3_SSE_KMS:
        return STR("aws:kms");
    case S3_SSE_KMS_DSSE:
        return STR("aws:kms:dsse");
    case S3_SSE_CUSTOMER:
        return (struct str){0};
    case S3_SSE_DEFAULT:
    case S3_SSE_AES256:
        break;
    }
    return STR("AES256");
}
