/* describe.c — the headers that describe an object: checked and put into the row, and out of it.
 *
 * AWS: S3 user guide, "Working with object metadata"; API reference, PutObject.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/rand.h"
#include "service/s3/object.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    SECOND_MS = 1000,
};

struct str s3_quoted(struct arena *arena, struct str etag)
{
    return str_concat3(arena, STR("\""), etag, STR("\""));
}

struct str s3_random_etag(struct arena *arena)
{
    char bytes[DIGEST_MD5_SIZE];
    rand_bytes(bytes, sizeof(bytes));
    return hex_encode(arena, str_of(bytes, sizeof(bytes)));
}

struct opt_i64 s3_whole_second(int64_t time_ms)
{
    return opt_i64(time_ms / SECOND_MS * SECOND_MS);
}

struct str s3_class_name(const struct s3_object_row *object)
{
    return str_or(object->storage_class, STR("STANDARD"));
}

enum status s3_check_class(struct call *call, struct str name, struct str *out_column)
{
    static const struct str classes[] = {
        STR_INIT("REDUCED_REDUNDANCY"),  STR_INIT("STANDARD_IA"), STR_INIT("ONEZONE_IA"),
        STR_INIT("INTELLIGENT_TIERING"), STR_INIT("GLACIER"),     STR_INIT("DEEP_ARCHIVE"),
        STR_INIT("GLACIER_IR"),
    };
    *out_column = (struct str){0};
    if (!str_is_set(name) || str_eq_cstr(name, "STANDARD"))
        return STATUS_DONE;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (!str_eq(name, classes[i]))
            continue;
        *out_column = classes[i];
        return STATUS_DONE;
    }
    return s3_fail(call, &S3_INVALID_STORAGE_CLASS,
                   &(struct s3_fault_details_error){.storage_class = name},
                   "The storage class you specified is not valid");
}

enum status s3_check_key(struct call *call, struct str key)
{
    if (key.len > S3_MAX_KEY)
        return s3_fail(call, &S3_KEY_TOO_LONG_ERROR,
                       &(struct s3_fault_details_error){
                           .size = str_format(call->arena, "%zu", key.len),
                           .max_size_allowed = str_format(call->arena, "%d", S3_MAX_KEY)},
                       "Your key is too long");
    /* The store's texts and XML have no such character. */
    if (str_index(key, '\0') >= 0 || !str_is_utf8(key))
        return s3_fail(call, &S3_INVALID_URI, NULL, "Couldn't parse the specified URI.");
    return STATUS_DONE;
}

/* ---- in ---- */

/* "aws-chunked" is the transfer's, not the object's. AWS: "Amazon S3 stores the resulting object
 * without the aws-chunked value in the content-encoding header". */
static struct str without_aws_chunked(struct arena *arena, struct str value)
{
    struct str piece;
    struct str rest = value;
    struct str kept = {0};
    if (!str_contains(value, STR("aws-chunked")))
        return value;
    while (str_split_next(&rest, ',', &piece)) {
        piece = str_trim(piece);
        if (piece.len == 0 || str_eq_nocase(piece, STR("aws-chunked")))
            continue;
        kept = str_is_set(kept) ? str_concat3(arena, kept, STR(","), piece) : piece;
    }
    return kept;
}

static void put_header(struct arena *arena, struct json *object, const char *name, struct str value)
{
    if (str_is_set(value))
        json_append_member(object, str_from_cstr(name), json_new_string(arena, value));
}

static struct str pack_headers(struct arena *arena, const struct s3_description *description)
{
    struct json *headers = json_new(arena, JSON_OBJECT);
    put_header(arena, headers, "Cache-Control", description->cache_control);
    put_header(arena, headers, "Content-Disposition", description->content_disposition);
    put_header(arena, headers, "Content-Encoding",
               without_aws_chunked(arena, description->content_encoding));
    put_header(arena, headers, "Content-Language", description->content_language);
    put_header(arena, headers, "Expires", description->expires);
    return headers->count > 0 ? json_to_str(arena, headers) : (struct str){0};
}

static enum status pack_metadata(struct call *call, const struct s3_metadata *metadata,
                                 struct str *out_text)
{
    size_t size = 0;
    struct json *pairs = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < metadata->count; i++) {
        struct str name = str_lower(call->arena, metadata->items[i].key);
        struct str value = metadata->items[i].value;
        struct json *before = json_find(pairs, name);
        size += name.len + value.len;
        /* AWS: values of headers that come several times are joined by commas. */
        if (before)
            value = str_concat3(call->arena, before->text, STR(","), value);
        json_set(pairs, name, json_new_string(call->arena, value));
    }
    if (size > S3_MAX_METADATA)
        return s3_fail(call, &S3_METADATA_TOO_LARGE,
                       &(struct s3_fault_details_error){
                           .size = str_format(call->arena, "%zu", size),
                           .max_size_allowed = str_format(call->arena, "%d", S3_MAX_METADATA)},
                       "Your metadata headers exceed the maximum allowed metadata size");
    *out_text = pairs->count > 0 ? json_to_str(call->arena, pairs) : (struct str){0};
    return STATUS_DONE;
}

static enum status check_redirect(struct call *call, struct str redirect)
{
    if (!str_is_set(redirect) || str_starts_with(redirect, STR("/")) ||
        str_starts_with(redirect, STR("http://")) || str_starts_with(redirect, STR("https://")))
        return STATUS_DONE;
    return s3_fail(call, &S3_INVALID_REDIRECT_LOCATION, NULL,
                   "The website redirect location must have a prefix of 'http://' or 'https://' or "
                   "'/'.");
}

enum status s3_describe(struct call *call, const struct s3_bucket_row *bucket, struct str key,
                        const struct s3_description *description, struct s3_object_row *object)
{
    object->bucket_key = bucket->bucket_key;
    object->key = key;
    object->checksum_kind = CHECKSUM_KIND_COUNT;
    object->content_type = description->content_type;
    object->headers = pack_headers(call->arena, description);
    object->redirect = description->redirect;
    enum status status = s3_check_key(call, key);
    if (status == STATUS_DONE)
        status = pack_metadata(call, description->metadata, &object->metadata);
    if (status == STATUS_DONE)
        status = s3_check_class(call, description->storage_class, &object->storage_class);
    if (status == STATUS_DONE)
        status = check_redirect(call, description->redirect);
    if (status == STATUS_DONE)
        status = s3_tags_from_header(call, description->tagging, &object->tags);
    if (status == STATUS_DONE)
        status = s3_describe_lock(call, bucket, description, object);
    struct s3_acl_headers acl = description->acl;
    if (acl.canned.len == 0) /* rclone sends the header empty to say nothing */
        acl.canned = (struct str){0};
    if (status == STATUS_DONE)
        status = s3_acl_from_headers(call, bucket, &acl, &object->acl);
    if (status == STATUS_DONE)
        object->owner = s3_object_owner(call, bucket, acl.canned);
    return status;
}

/* ---- out ---- */

void s3_read_headers(struct arena *arena, const struct s3_object_row *object,
                     struct s3_header_values *out)
{
    struct json *headers = NULL;
    *out = (struct s3_header_values){0};
    if (!str_is_set(object->headers) || json_parse(arena, object->headers, 0, &headers, NULL) < 0)
        return;
    *out = (struct s3_header_values){
        .cache_control = json_find_str(headers, "Cache-Control"),
        .content_disposition = json_find_str(headers, "Content-Disposition"),
        .content_encoding = json_find_str(headers, "Content-Encoding"),
        .content_language = json_find_str(headers, "Content-Language"),
        .expires = json_find_str(headers, "Expires"),
    };
}

struct s3_metadata s3_read_metadata(struct arena *arena, const struct s3_object_row *object)
{
    struct json *pairs = NULL;
    struct s3_metadata metadata = {0};
    if (!str_is_set(object->metadata) || json_parse(arena, object->metadata, 0, &pairs, NULL) < 0)
        return metadata;
    metadata.items = arena_alloc_array(arena, pairs->count, sizeof(*metadata.items));
    for (const struct json *pair = pairs->first; pair; pair = pair->next) {
        metadata.items[metadata.count].key = pair->key;
        metadata.items[metadata.count++].value = pair->text;
    }
    return metadata;
}

/* ---- what writes have in common ---- */

enum status s3_plan_upload(struct call *call, struct opt_i64 content_length,
                           const struct s3_checksum_wish *checksum, bool has_md5,
                           const struct s3_object_row *object, struct body_plan *out)
{
    const struct http_exchange *exchange = call->exchange;
    int64_t length = content_length.is_set ? content_length.value : -1;
    if (exchange) {
        struct str stated = http_header(exchange, "x-amz-decoded-content-length");
        if (str_is_set(stated) && str_to_i64(stated, &length) < 0)
            length = -1;
        /* AWS: "You must provide the Content-Length HTTP header.", 411 */
        if (length < 0 && exchange->is_chunked)
            return s3_fail(call, &S3_MISSING_CONTENT_LENGTH, NULL,
                           "You must provide the Content-Length HTTP header.");
    }
    if (length > S3_MAX_PUT)
        return s3_fail(call, &S3_ENTITY_TOO_LARGE,
                       &(struct s3_fault_details_error){
                           .proposed_size = str_format(call->arena, "%lld", (long long)length),
                           .max_size_allowed = str_format(call->arena, "%lld", S3_MAX_PUT)},
                       "Your proposed upload exceeds the maximum allowed size");
    const int64_t kind = checksum->kind < CHECKSUM_KIND_COUNT ? checksum->kind : CHECKSUM_CRC64NVME;
    *out = (struct body_plan){
        .checksums = 1U << kind,
        .max_bytes = S3_MAX_PUT,
        .too_large = &S3_ENTITY_TOO_LARGE,
        .too_large_message = STR("Your proposed upload exceeds the maximum allowed size"),
    };
    /* AWS: ETags of objects under KMS and customers' keys are no MD5 digests. */
    if (has_md5 || object->encryption == S3_SSE_DEFAULT || object->encryption == S3_SSE_AES256)
        out->checksums |= 1U << CHECKSUM_MD5;
    return STATUS_DONE;
}

enum status s3_show_expiration(struct call *call, const struct s3_bucket_row *bucket,
                               const struct s3_object_row *object, struct str *out)
{
    if (!s3_has_config(bucket, S3_CONFIG_LIFECYCLE))
        return STATUS_DONE;
    return s3_expiration_of(call, bucket, object, out);
}

enum status s3_announce(struct call *call, const struct s3_bucket_row *bucket,
                        const struct s3_object_row *object, const char *event_name)
{
    enum status status = STATUS_DONE;
    if (s3_has_config(bucket, S3_CONFIG_REPLICATION))
        status = s3_replicate(call, bucket, object);
    return status == STATUS_DONE ? s3_event(call, bucket, object, event_name) : status;
}
