/* post.c — form uploads: PostObject.
 *
 * The form comes as a streamed body, the file inside it. The handler splits it (form_data.c), finds
 * out who signed its policy, judges it (post_policy.c) and then puts the file by PutObject as that
 * caller, so that permissions, encryption, checks and events are those of any upload.
 *
 * Docs: S3 API reference, "POST Object", "Authenticating requests in browser-based uploads using
 * POST (AWS signature version 4)", "Creating a POST policy".
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "net/http.h"
#include "service/s3/body_plan.h"
#include "service/s3/bucket.h"
#include "service/s3/object.h"
#include "service/s3/post_policy.h"
#include "store/bodies.h"
#include "syntax/base64.h"
#include "syntax/time.h"
#include "syntax/uri.h"
#include "syntax/xml.h"
#include "wire/identity.h"
#include "wire/runtime.h"

/* A form and what it is mapped from. */
struct post {
    struct call *call;
    const struct s3_post_object_in *in;
    struct form_data form;
    struct str key; /* with ${filename} replaced */
    struct principal principal;
};

enum status s3_plan_post(struct call *call, const struct s3_post_object_in *in,
                         struct body_plan *out)
{
    if (!form_data_boundary(str_or(in->content_type, STR(""))).ptr)
        return s3_fail(call, &S3_PRECONDITION_FAILED,
                       &(struct s3_fault_details_error){
                           .condition = STR("Bucket POST must be of the enclosure-type "
                                            "multipart/form-data")},
                       "At least one of the pre-conditions you specified did not hold");
    out->max_bytes = S3_MAX_PUT + 2 * FORM_DATA_MAX_HEAD;
    out->too_large = &S3_ENTITY_TOO_LARGE;
    out->too_large_message = STR("Your proposed upload exceeds the maximum allowed size");
    return STATUS_DONE;
}

/* ---- the text of the form ---- */

struct mapping {
    void *address;
    size_t size;
};

static void mapping_autoclose(struct mapping *mapping)
{
    if (mapping->address)
        (void)munmap(mapping->address, mapping->size);
}

/* The body in memory, or its file as memory. */
static int open_text(struct call *call, struct mapping *mapping, struct str *out_text)
{
    const struct call_body *body = call->body;
    int64_t size = 0;
    if (!body || body->bytes.ptr || body->size == 0) {
        *out_text = body && body->bytes.ptr ? body->bytes : STR("");
        return 0;
    }
    int fd = body_open(db_store(call->db), body->id, &size);
    if (fd < 0)
        return fd;
    void *address = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    int rc = address == MAP_FAILED ? -errno : 0;
    (void)close(fd);
    if (rc < 0)
        return rc;
    *mapping = (struct mapping){.address = address, .size = (size_t)size};
    *out_text = str_of(address, (size_t)size);
    return 0;
}

/* The fields are a few KiB, and errors and the answer name them when the file is no longer mapped.
 */
static void copy_fields(struct arena *arena, struct form_data *form)
{
    struct form_data_part *copies = arena_alloc_array(arena, form->part_count + 1, sizeof(*copies));
    for (size_t i = 0; i < form->part_count; i++)
        copies[i] = (struct form_data_part){
            .name = str_copy(arena, form->parts[i].name),
            .value = str_copy(arena, form->parts[i].value),
        };
    form->parts = copies;
}

static enum status parse(struct post *post, struct str text)
{
    struct call *call = post->call;
    struct str boundary = form_data_boundary(str_or(post->in->content_type, STR("")));
    int rc = form_data_parse(call->arena, boundary, text, &post->form);
    if (rc == -E2BIG)
        return s3_fail(call, &S3_MAX_POST_PRE_DATA_LENGTH_EXCEEDED_ERROR, NULL,
                       "Your POST request fields preceding the upload file were too large.");
    if (rc < 0)
        return s3_fail(call, &S3_MALFORMED_POST_REQUEST, NULL,
                       "The body of your POST request is not well-formed multipart/form-data.");
    copy_fields(call->arena, &post->form);
    struct str key = form_data_find(&post->form, STR("key"));
    if (!key.ptr)
        return s3_fail_argument(call, "key", STR(""),
                                "Bucket POST must contain a field named 'key'.  If it is "
                                "specified, please check the order of the fields.");
    if (!post->form.file)
        return s3_fail_argument(call, "file", STR("0"),
                                "POST requires exactly one file upload per request.");
    /* AWS: "${filename} ... is replaced with the file name provided by the user"; of a path, the
     * last part. */
    struct str filename = str_or(post->form.file->filename, STR(""));
    ptrdiff_t slash = str_last_index(filename, '/');
    ptrdiff_t backslash = str_last_index(filename, '\\');
    filename = str_from(filename, (size_t)((slash > backslash ? slash : backslash) + 1));
    post->key = str_copy(call->arena, str_replace(call->arena, key, STR("${filename}"), filename));
    if (post->key.len == 0)
        return s3_fail(call, &S3_USER_KEY_MUST_BE_SPECIFIED, NULL,
                       "The bucket POST must contain the specified field name. If it is "
                       "specified, check the order of the fields.");
    return STATUS_DONE;
}

/* ---- who signed it ---- */

static bool is_account(struct str text)
{
    bool is_valid = text.len == 12;
    for (size_t i = 0; i < text.len; i++)
        is_valid &= text.ptr[i] >= '0' && text.ptr[i] <= '9';
    return is_valid;
}

/* The parts of a V4 form's credential: KEY/DATE/REGION/SERVICE/aws4_request. */
struct credential {
    struct str parts[5];
};

static bool split_credential(struct str text, struct credential *out)
{
    size_t count = 0;
    while (count < ARRAY_LEN(out->parts) && text.ptr &&
           str_split_next(&text, '/', &out->parts[count]))
        count++;
    return count == ARRAY_LEN(out->parts) && !text.ptr &&
           str_eq_cstr(out->parts[4], "aws4_request");
}

static struct str signature_v4(struct arena *arena, const struct credential *credential,
                               struct str secret, struct str policy)
{
    unsigned char key[DIGEST_SHA256_SIZE] = {0};
    struct str bytes = str_of((const char *)key, sizeof(key));
    digest_hmac_sha256(str_concat(arena, STR("AWS4"), secret), credential->parts[1], key);
    for (size_t i = 2; i < ARRAY_LEN(credential->parts); i++) {
        unsigned char next[DIGEST_SHA256_SIZE];
        digest_hmac_sha256(bytes, credential->parts[i], next);
        for (size_t b = 0; b < sizeof(key); b++)
            key[b] = next[b];
    }
    unsigned char out[DIGEST_SHA256_SIZE];
    digest_hmac_sha256(bytes, policy, out);
    return digest_hex(arena, out, sizeof(out));
}

static struct str signature_v2(struct arena *arena, struct str secret, struct str policy)
{
    unsigned char out[DIGEST_SHA1_SIZE];
    digest_hmac_sha1(secret, policy, out);
    return base64_encode_str(arena, str_of((const char *)out, sizeof(out)));
}

static enum status no_such_key_id(struct call *call, struct str key_id)
{
    return s3_fail(call, &S3_INVALID_ACCESS_KEY_ID,
                   &(struct s3_fault_details_error){.aws_access_key_id = key_id},
                   "The AWS Access Key Id you provided does not exist in our records.");
}

/* The key's secret and principal; *out_is_known false: nobody issued it, so nothing is verified. */
static enum status find_key(struct post *post, struct str key_id, struct access_key *out,
                            bool *out_is_known)
{
    struct call *call = post->call;
    const struct identity_source *source = call->runtime->identity;
    struct str token = form_data_find(&post->form, STR("x-amz-security-token"));
    int rc = 0;
    *out_is_known = true;
    if (token.len > 0)
        rc = source->open_session(call->db, call->arena, key_id, token, out);
    else if (source->is_issued(key_id))
        rc = source->find_key(call->db, call->arena, key_id, out);
    else
        *out_is_known = false;
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find an access key");
    if (!*out_is_known) {
        bool is_root = is_account(key_id);
        if (!is_root && call->runtime->strict_auth)
            return no_such_key_id(call, key_id);
        out->principal =
            identity_root(call->arena, is_root ? key_id : STR(IDENTITY_DEFAULT_ACCOUNT));
        return STATUS_DONE;
    }
    if (rc == 0 && token.len > 0)
        return s3_fail(call, &S3_INVALID_TOKEN, NULL,
                       "The provided token is malformed or otherwise invalid.");
    if (rc == 0 || !out->is_active)
        return no_such_key_id(call, key_id);
    if (out->expires_at_ms != 0 && out->expires_at_ms <= call->now_ms)
        return s3_fail(call, &S3_EXPIRED_TOKEN, NULL, "The provided token has expired.");
    return STATUS_DONE;
}

static enum status missing_field(struct call *call, const char *name)
{
    return s3_fail(call, &S3_INVALID_ARGUMENT,
                   &(struct s3_fault_details_error){.argument_name = str_from_cstr(name)},
                   "Bucket POST must contain a field named '%s'.  If it is specified, please check "
                   "the order of the fields.",
                   name);
}

static enum status identify(struct post *post, struct str policy)
{
    struct call *call = post->call;
    struct str credential_text = form_data_find(&post->form, STR("x-amz-credential"));
    struct credential credential = {0};
    bool is_v4 = credential_text.ptr != NULL;
    if (is_v4 && !split_credential(credential_text, &credential))
        return s3_fail_argument(call, "X-Amz-Credential", credential_text,
                                "The Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/"
                                "REGION/SERVICE/aws4_request\".");
    struct str key_id =
        is_v4 ? credential.parts[0] : form_data_find(&post->form, STR("AWSAccessKeyId"));
    const char *name = is_v4 ? "X-Amz-Signature" : "Signature";
    struct str signature = form_data_find(&post->form, str_from_cstr(name));
    if (!key_id.ptr)
        return missing_field(call, "AWSAccessKeyId");
    if (!signature.ptr)
        return missing_field(call, name);
    struct access_key key = {0};
    bool is_known = false;
    enum status status = find_key(post, key_id, &key, &is_known);
    if (status != STATUS_DONE)
        return status;
    post->principal = key.principal;
    post->principal.access_key_id = key_id;
    if (!is_known)
        return STATUS_DONE;
    struct str wanted = is_v4 ? signature_v4(call->arena, &credential, key.secret, policy)
                              : signature_v2(call->arena, key.secret, policy);
    if (str_eq_secret(wanted, signature))
        return STATUS_DONE;
    return s3_fail(call, &S3_SIGNATURE_DOES_NOT_MATCH,
                   &(struct s3_fault_details_error){.aws_access_key_id = key_id,
                                                    .string_to_sign = policy,
                                                    .signature_provided = signature},
                   "The request signature we calculated does not match the signature you provided. "
                   "Check your key and signing method.");
}

static enum status judge(struct post *post, struct str policy)
{
    struct call *call = post->call;
    struct str document = {0};
    struct post_policy_problem problem = {0};
    if (base64_decode(call->arena, str_trim(policy), &document) < 0)
        return s3_fail(call, &S3_INVALID_POLICY_DOCUMENT, NULL, "Invalid Policy: Invalid JSON.");
    const struct post_upload upload = {
        .form = &post->form,
        .bucket = post->in->bucket,
        .key = post->key,
        .size = (int64_t)post->form.file->value.len,
        .now_ms = call->now_ms,
    };
    struct str size = str_format(call->arena, "%lld", (long long)upload.size);
    switch (post_policy_check(call->arena, document, &upload, &problem)) {
    case POST_POLICY_FITS:
        return STATUS_DONE;
    case POST_POLICY_INVALID:
        return s3_fail(call, &S3_INVALID_POLICY_DOCUMENT, NULL, STR_FMT, STR_ARG(problem.message));
    case POST_POLICY_REFUSES:
        return s3_fail(call, &S3_ACCESS_DENIED, NULL, STR_FMT, STR_ARG(problem.message));
    case POST_POLICY_TOO_LARGE:
    case POST_POLICY_TOO_SMALL:
        break;
    }
    struct str bound = str_format(call->arena, "%lld", (long long)problem.bound);
    bool is_large = upload.size > problem.bound;
    return s3_fail(call, is_large ? &S3_ENTITY_TOO_LARGE : &S3_ENTITY_TOO_SMALL,
                   &(struct s3_fault_details_error){
                       .proposed_size = size,
                       .max_size_allowed = is_large ? bound : (struct str){0},
                       .min_size_allowed = is_large ? (struct str){0} : bound,
                   },
                   STR_FMT, STR_ARG(problem.message));
}

/* Without a policy the upload is anybody's. */
static enum status authenticate(struct post *post)
{
    struct str policy = form_data_find(&post->form, STR("policy"));
    post->principal = (struct principal){.kind = PRINCIPAL_ANONYMOUS};
    if (!policy.ptr)
        return STATUS_DONE;
    enum status status = identify(post, policy);
    return status == STATUS_DONE ? judge(post, policy) : status;
}

/* ---- the upload ---- */

/* The `tagging` field is XML, as the body of PutObjectTagging; PutObject takes a query string. */
static enum status read_tagging(struct post *post, struct str *out_header)
{
    struct call *call = post->call;
    struct str text = form_data_find(&post->form, STR("tagging"));
    struct xml_node *root = NULL;
    struct xml_error error = {0};
    if (!text.ptr)
        return STATUS_DONE;
    if (xml_parse(call->arena, text, &root, &error) < 0)
        return s3_fail_malformed_xml(call);
    const struct xml_node *set = xml_find(root, STR("TagSet"));
    struct buf header;
    buf_init(&header, call->arena, FORM_DATA_MAX_HEAD * 3);
    for (const struct xml_node *tag = set ? set->first : NULL; tag; tag = tag->next) {
        if (header.len > 0)
            buf_append_char(&header, '&');
        uri_encode(&header, str_or(xml_find_text(tag, "Key"), STR("")), false);
        buf_append_char(&header, '=');
        uri_encode(&header, str_or(xml_find_text(tag, "Value"), STR("")), false);
    }
    *out_header = buf_str(&header);
    return STATUS_DONE;
}

/* Fields that are headers of PutObject. */
static const struct {
    const char *field;
    size_t offset;
} header_fields[] = {
    {"acl", offsetof(struct s3_put_object_in, acl)},
    {"Cache-Control", offsetof(struct s3_put_object_in, cache_control)},
    {"Content-Disposition", offsetof(struct s3_put_object_in, content_disposition)},
    {"Content-Encoding", offsetof(struct s3_put_object_in, content_encoding)},
    {"Content-Language", offsetof(struct s3_put_object_in, content_language)},
    {"Content-MD5", offsetof(struct s3_put_object_in, content_md5)},
    {"Content-Type", offsetof(struct s3_put_object_in, content_type)},
    {"Expires", offsetof(struct s3_put_object_in, expires)},
    {"x-amz-checksum-algorithm", offsetof(struct s3_put_object_in, checksum_algorithm)},
    {"x-amz-checksum-crc32", offsetof(struct s3_put_object_in, checksum_crc32)},
    {"x-amz-checksum-crc32c", offsetof(struct s3_put_object_in, checksum_crc32c)},
    {"x-amz-checksum-crc64nvme", offsetof(struct s3_put_object_in, checksum_crc64nvme)},
    {"x-amz-checksum-sha1", offsetof(struct s3_put_object_in, checksum_sha1)},
    {"x-amz-checksum-sha256", offsetof(struct s3_put_object_in, checksum_sha256)},
    {"x-amz-object-lock-legal-hold",
     offsetof(struct s3_put_object_in, object_lock_legal_hold_status)},
    {"x-amz-object-lock-mode", offsetof(struct s3_put_object_in, object_lock_mode)},
    {"x-amz-server-side-encryption", offsetof(struct s3_put_object_in, server_side_encryption)},
    {"x-amz-server-side-encryption-aws-kms-key-id",
     offsetof(struct s3_put_object_in, ssekms_key_id)},
    {"x-amz-server-side-encryption-context",
     offsetof(struct s3_put_object_in, ssekms_encryption_context)},
    {"x-amz-server-side-encryption-customer-algorithm",
     offsetof(struct s3_put_object_in, sse_customer_algorithm)},
    {"x-amz-server-side-encryption-customer-key",
     offsetof(struct s3_put_object_in, sse_customer_key)},
    {"x-amz-server-side-encryption-customer-key-MD5",
     offsetof(struct s3_put_object_in, sse_customer_key_md5)},
    {"x-amz-storage-class", offsetof(struct s3_put_object_in, storage_class)},
    {"x-amz-tagging", offsetof(struct s3_put_object_in, tagging)},
    {"x-amz-website-redirect-location",
     offsetof(struct s3_put_object_in, website_redirect_location)},
};

static enum status fill(struct post *post, struct s3_put_object_in *put)
{
    const struct str prefix = STR("x-amz-meta-");
    const struct form_data *form = &post->form;
    *put = (struct s3_put_object_in){
        .bucket = post->in->bucket,
        .key = post->key,
        .content_length = opt_i64((int64_t)form->file->value.len),
    };
    put->metadata.items =
        arena_alloc_array(post->call->arena, form->part_count + 1, sizeof(*put->metadata.items));
    for (size_t i = 0; i < form->part_count; i++) {
        const struct form_data_part *part = &form->parts[i];
        if (str_eq_nocase(str_slice(part->name, 0, prefix.len), prefix))
            put->metadata.items[put->metadata.count++] = (struct s3_metadata_map_entry){
                .key = str_lower(post->call->arena, str_from(part->name, prefix.len)),
                .value = part->value};
        for (size_t h = 0; h < ARRAY_LEN(header_fields); h++) {
            if (str_eq_nocase(part->name, str_from_cstr(header_fields[h].field)))
                *(struct str *)((char *)put + header_fields[h].offset) = part->value;
        }
    }
    struct str until = form_data_find(form, STR("x-amz-object-lock-retain-until-date"));
    int64_t until_ms = 0;
    if (until.ptr && time_parse_rfc3339(until, &until_ms) == 0)
        put->object_lock_retain_until_date = opt_i64(until_ms);
    return read_tagging(post, &put->tagging);
}

/* PutObject as the caller that the form names: judged, planned and stored like any other. */
static enum status upload(struct post *post, const struct s3_put_object_in *put,
                          struct s3_put_object_out *out)
{
    struct call *call = post->call;
    struct call inner = *call;
    struct authorization unused = {0};
    struct body_plan plan = {0};
    inner.principal = &post->principal;
    inner.operation = &s3_operations[S3_OP_PUT_OBJECT];
    inner.exchange = NULL;
    inner.answer = NULL;
    inner.body = NULL;
    enum status status = s3_authorize(&inner, put, &unused);
    if (status == STATUS_DONE)
        status = s3_plan_put(&inner, put, &plan);
    if (status == STATUS_DONE) {
        int rc = call_make_body(call, &plan, post->form.file->value, &inner.body);
        status = rc < 0 ? call_fail_internal(&inner, rc, "s3: make a body")
                        : s3_put_as(&inner, put, out, "ObjectCreated:Post");
    }
    if (status == STATUS_DONE)
        return status;
    if (inner.body)
        body_remove(db_store(call->db), inner.body->id);
    call->error = inner.error;
    call->store_errno = inner.store_errno;
    return status;
}

/* ---- the answer ---- */

static struct str location_of(struct post *post)
{
    return str_format(post->call->arena, STR_FMT "/" STR_FMT "/" STR_FMT,
                      STR_ARG(post->call->endpoint), STR_ARG(post->in->bucket),
                      STR_ARG(uri_encode_str(post->call->arena, post->key, false)));
}

static bool is_url(struct str text)
{
    bool is_clean = str_starts_with(text, STR("http://")) || str_starts_with(text, STR("https://"));
    for (size_t i = 0; i < text.len; i++)
        is_clean &= (unsigned char)text.ptr[i] > 0x20 && (unsigned char)text.ptr[i] < 0x7f;
    return is_clean;
}

/* AWS: success_action_redirect gets bucket, key and etag as parameters, and a URL that cannot be
 * understood counts as not given. */
static void redirect(struct post *post, struct str target, struct str etag)
{
    struct call *call = post->call;
    struct str joint = str_index(target, '?') < 0 ? STR("?") : STR("&");
    struct str location =
        str_format(call->arena, STR_FMT STR_FMT "bucket=" STR_FMT "&key=" STR_FMT "&etag=" STR_FMT,
                   STR_ARG(target), STR_ARG(joint),
                   STR_ARG(uri_encode_str(call->arena, post->in->bucket, false)),
                   STR_ARG(uri_encode_str(call->arena, post->key, false)),
                   STR_ARG(uri_encode_str(call->arena, etag, false)));
    call_add_header(call, STR("Location"), location);
    call_set_status(call, 303);
}

static void answer(struct post *post, const struct s3_put_object_out *put,
                   struct s3_post_object_out *out)
{
    struct call *call = post->call;
    struct str target = form_data_find(&post->form, STR("success_action_redirect"));
    struct str status = form_data_find(&post->form, STR("success_action_status"));
    if (!target.ptr)
        target = form_data_find(&post->form, STR("redirect"));
    call_add_header(call, STR("ETag"), put->etag);
    if (put->version_id.ptr)
        call_add_header(call, STR("x-amz-version-id"), put->version_id);
    if (put->server_side_encryption.ptr)
        call_add_header(call, STR("x-amz-server-side-encryption"), put->server_side_encryption);
    if (target.ptr && is_url(target)) {
        redirect(post, target, put->etag);
        return;
    }
    call_add_header(call, STR("Location"), location_of(post));
    /* AWS: 200, 201 or 204; "if the value is not set or is set to one of those not in the list",
     * 204. */
    if (!str_eq_cstr(status, "200") && !str_eq_cstr(status, "201"))
        call_set_status(call, 204);
    if (str_eq_cstr(status, "201")) {
        call_set_status(call, 201);
        *out = (struct s3_post_object_out){
            .location = location_of(post),
            .bucket = post->in->bucket,
            .key = post->key,
            .etag = put->etag,
        };
    }
}

enum status s3_post_object(struct call *call, const struct s3_post_object_in *in,
                           struct s3_post_object_out *out)
{
    __attribute__((cleanup(mapping_autoclose))) struct mapping mapping = {0};
    struct post post = {.call = call, .in = in};
    struct str text = {0};
    struct s3_put_object_in put;
    struct s3_put_object_out done = {0};
    int rc = open_text(call, &mapping, &text);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: read a form");
    enum status status = parse(&post, text);
    if (status == STATUS_DONE)
        status = authenticate(&post);
    if (status == STATUS_DONE)
        status = fill(&post, &put);
    if (status == STATUS_DONE)
        status = upload(&post, &put, &done);
    if (status != STATUS_DONE)
        return status;
    answer(&post, &done, out);
    return STATUS_DONE;
}
