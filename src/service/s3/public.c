/* public.c — objects read and written by other parts of the program, as typed calls with somebody's
 * credentials: templates, code, logs, trails. See s3_public.h.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/s3/bucket.h"
#include "syntax/json.h"
#include "wire/stream.h"

/* What a body must be digested for, asked of the operation itself in the place of the caller. */
static enum status plan(struct call *call, const struct principal *principal,
                        const struct scope *scope, const struct s3_put_object_in *in,
                        struct body_plan *out, struct call_error *out_error)
{
    struct call inner = *call;
    struct authorization unused = {0};
    inner.principal = principal ? principal : call->principal;
    inner.scope = scope ? *scope : call->scope;
    inner.service = &s3_model;
    inner.operation = &s3_operations[S3_OP_PUT_OBJECT];
    inner.error = (struct call_error){0};
    inner.exchange = NULL;
    inner.answer = NULL;
    enum status status = s3_authorize(&inner, in, &unused);
    if (status == STATUS_DONE)
        status = s3_service.plan_body(&inner, in, out);
    if (status != STATUS_DONE) {
        *out_error = inner.error;
        call->store_errno = inner.store_errno;
        call->error = inner.error;
    }
    return status;
}

enum status s3_put_text(struct call *call, const struct principal *principal,
                        const struct scope *scope, const struct s3_put_object_in *in,
                        struct str text, struct s3_put_object_out *out,
                        struct call_error *out_error)
{
    struct body_plan wanted = {0};
    struct call_body *body = NULL;
    enum status status = plan(call, principal, scope, in, &wanted, out_error);
    if (status != STATUS_DONE)
        return status;
    int rc = call_make_body(call, &wanted, text, &body);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: make a body");
    return call_invoke_stream(call, principal, scope, &s3_model, &s3_operations[S3_OP_PUT_OBJECT],
                              body, in, out, NULL, out_error);
}

enum status s3_write_object(struct call *call, const struct principal *principal,
                            const struct scope *scope, const struct s3_write *what,
                            struct call_error *out_error)
{
    const struct s3_put_object_in in = {
        .bucket = what->bucket,
        .key = what->key,
        .content_type = what->content_type,
        .content_length = opt_i64((int64_t)what->text.len),
        .acl = what->acl,
        .server_side_encryption = what->server_side_encryption,
        .ssekms_key_id = what->kms_key,
    };
    struct s3_put_object_out out = {0};
    return s3_put_text(call, principal, scope, &in, what->text, &out, out_error);
}

enum status s3_list_keys(struct call *call, const struct principal *principal,
                         const struct scope *scope, const struct s3_listing *what,
                         struct str **out_keys, size_t *out_count, bool *out_has_more,
                         struct call_error *out_error)
{
    const struct s3_list_objects_v2_in in = {
        .bucket = what->bucket,
        .prefix = what->prefix,
        .start_after = what->after,
    };
    struct s3_list_objects_v2_out out = {0};
    enum status status = call_invoke(call, principal, scope, &s3_model,
                                     &s3_operations[S3_OP_LIST_OBJECTS_V2], &in, &out, out_error);
    if (status != STATUS_DONE)
        return status;
    struct str *keys = arena_alloc_array(call->arena, out.contents.count + 1, sizeof(*keys));
    for (size_t i = 0; i < out.contents.count; i++)
        keys[i] = out.contents.items[i].key;
    *out_keys = keys;
    *out_count = out.contents.count;
    *out_has_more = opt_bool_or(out.is_truncated, false);
    return STATUS_DONE;
}

enum status s3_read_object(struct call *call, const struct principal *principal,
                           const struct scope *scope, const struct s3_read *what,
                           struct str *out_text, struct call_error *out_error)
{
    const struct s3_get_object_in in = {
        .bucket = what->bucket,
        .key = what->key,
        .version_id = what->version_id,
    };
    struct s3_get_object_out out = {0};
    struct call_answer answer = {0};
    enum status status =
        call_invoke_stream(call, principal, scope, &s3_model, &s3_operations[S3_OP_GET_OBJECT],
                           NULL, &in, &out, &answer, out_error);
    if (status != STATUS_DONE)
        return status;
    int rc = call_read_pieces(call, &answer, what->max_bytes, out_text);
    if (rc == -EMSGSIZE) {
        (void)s3_fail(call, &S3_ENTITY_TOO_LARGE, NULL,
                      "The object is larger than the %zu bytes that can be taken.",
                      what->max_bytes);
        *out_error = call->error;
        return STATUS_FAILED;
    }
    return rc < 0 ? call_fail_internal(call, rc, "s3: read an object") : STATUS_DONE;
}

enum status s3_region_of(struct call *call, struct str bucket, struct str *out_region)
{
    struct s3_bucket_row *found = NULL;
    int rc = s3_store_find_bucket(call->db, call->arena, bucket, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a bucket");
    *out_region = found ? found->region : (struct str){0};
    return STATUS_DONE;
}

enum status s3_get_account_block(struct call *call, struct str account, struct str *out_body)
{
    int rc = s3_store_find_account_block(call->db, call->arena, account, out_body);
    return rc < 0 ? call_fail_internal(call, rc, "s3: find the account's block") : STATUS_DONE;
}

enum status s3_put_account_block(struct call *call, struct str account, struct str body)
{
    int rc = s3_store_put_account_block(call->db, account, body);
    return rc < 0 ? call_fail_internal(call, rc, "s3: write the account's block") : STATUS_DONE;
}

static enum status find_own(struct call *call, struct str name, struct s3_bucket_row **out_bucket)
{
    int rc = s3_store_find_bucket(call->db, call->arena, name, out_bucket);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a bucket");
    if (*out_bucket && !str_eq((*out_bucket)->account, call->scope.account))
        *out_bucket = NULL;
    return STATUS_DONE;
}

static const struct shape *tagging_shape(void)
{
    return s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_TAGGING].in, "Tagging");
}

enum status s3_get_tags(struct call *call, struct str bucket, struct json **out_tags)
{
    struct s3_bucket_row *found = NULL;
    void *loaded = NULL;
    *out_tags = NULL;
    enum status status = find_own(call, bucket, &found);
    if (status != STATUS_DONE || !found)
        return status;
    status = s3_load_config(call, found, S3_CONFIG_TAGGING, tagging_shape(), &loaded);
    const struct s3_tagging *tagging = loaded;
    *out_tags = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; tagging && i < tagging->tag_set.count; i++)
        json_set(*out_tags, tagging->tag_set.items[i].key,
                 json_new_string(call->arena, tagging->tag_set.items[i].value));
    return status;
}

enum status s3_put_tags(struct call *call, struct str bucket, const struct json *tags)
{
    struct s3_bucket_row *found = NULL;
    struct s3_tagging tagging = {0};
    enum status status = find_own(call, bucket, &found);
    if (status != STATUS_DONE || !found)
        return status == STATUS_DONE ? s3_fail_no_bucket(call, bucket) : status;
    tagging.tag_set.items =
        arena_alloc_array(call->arena, tags->count + 1, sizeof(*tagging.tag_set.items));
    for (const struct json *tag = tags->first; tag; tag = tag->next)
        tagging.tag_set.items[tagging.tag_set.count++] =
            (struct s3_tag){.key = tag->key, .value = tag->text};
    status = s3_check_tags(call, &tagging.tag_set, S3_MAX_BUCKET_TAGS);
    if (status != STATUS_DONE)
        return status;
    return s3_set_config(call, found, S3_CONFIG_TAGGING,
                         tags->count > 0 ? s3_config_text(call, tagging_shape(), &tagging)
                                         : (struct str){0});
}
