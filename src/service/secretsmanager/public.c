/* public.c — Secrets Manager as engines and other services read it: the same operation, checks and
 * policies as for any client, in the caller's transaction.
 */
#include "base/arena.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

enum status secretsmanager_read_value(struct call *call, const struct secretsmanager_query *query,
                                      struct secretsmanager_value *out_value)
{
    const struct secretsmanager_get_secret_value_in in = {
        .secret_id = query->secret_id,
        .version_id = query->version_id.len > 0 ? query->version_id : (struct str){0},
        .version_stage = query->stage.len > 0 ? query->stage : (struct str){0},
    };
    struct secretsmanager_get_secret_value_out out = {0};
    struct call_error error = {0};
    struct call inner = *call;
    if (query->via_service.len > 0)
        inner.via_service = query->via_service;
    enum status status = call_invoke(&inner, query->principal, NULL, &secretsmanager_model,
                                     &secretsmanager_operations[SECRETSMANAGER_OP_GET_SECRET_VALUE],
                                     &in, &out, &error);
    if (status != STATUS_DONE) {
        call->error = inner.store_errno != 0 ? inner.error : error;
        call->store_errno = inner.store_errno;
        return status;
    }
    *out_value = (struct secretsmanager_value){
        .arn = out.arn,
        .name = out.name,
        .version_id = out.version_id,
        .secret_string = out.secret_string,
        .secret_binary = out.secret_binary,
        .stages = out.version_stages.items,
        .stage_count = out.version_stages.count,
        .created_at_ms = out.created_date.value,
    };
    return STATUS_DONE;
}

/* The id is the first piece, or the first seven of an ARN. */
static struct str take_id(struct str *rest)
{
    struct str piece = {0};
    struct str whole = *rest;
    size_t pieces = str_starts_with(whole, STR("arn:")) ? 7 : 1;
    size_t len = 0;
    for (size_t i = 0; i < pieces && str_split_next(rest, ':', &piece); i++)
        len += piece.len + (i > 0 ? 1 : 0);
    return str_slice(whole, 0, len);
}

static enum status pick_key(struct call *call, struct str text, struct str key,
                            struct str *out_value)
{
    struct json *object = NULL;
    /* AWS: CloudFormation's texts, as stack events show them. */
    if (json_parse(call->arena, text, 0, &object, NULL) < 0 || !json_is_object(object))
        return call_fail(call, &ERROR_VALIDATION, "Could not parse SecretString JSON");
    const struct json *value = json_find(object, key);
    if (!value)
        return call_fail(call, &ERROR_VALIDATION,
                         "Could not find a value associated with JSONKey in SecretString");
    *out_value = json_is_string(value) ? value->text : json_to_str(call->arena, value);
    return STATUS_DONE;
}

enum status secretsmanager_resolve(struct call *call, const struct principal *principal,
                                   struct str body, struct str *out_value)
{
    enum {
        PART_KIND,
        PART_KEY,
        PART_STAGE,
        PART_VERSION,
        PART_COUNT,
    };
    struct str parts[PART_COUNT] = {{0}};
    struct str rest = body;
    struct secretsmanager_query query = {.principal = principal, .secret_id = take_id(&rest)};
    for (size_t i = 0; i < PART_COUNT && rest.ptr; i++)
        (void)str_split_next(&rest, ':', &parts[i]);
    bool is_kind = parts[PART_KIND].len == 0 || str_eq_cstr(parts[PART_KIND], "SecretString");
    bool has_both = parts[PART_STAGE].len > 0 && parts[PART_VERSION].len > 0;
    if (rest.ptr || !is_kind || has_both || query.secret_id.len == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Incorrect format is used in the following Secrets Manager reference: "
                         "[{{resolve:secretsmanager:" STR_FMT "}}]",
                         STR_ARG(body));
    query.stage = parts[PART_STAGE];
    query.version_id = parts[PART_VERSION];
    struct secretsmanager_value value = {0};
    enum status status = secretsmanager_read_value(call, &query, &value);
    if (status != STATUS_DONE)
        return status;
    if (!str_is_set(value.secret_string))
        return call_fail(call, &ERROR_VALIDATION, "Could not parse SecretString JSON");
    *out_value = value.secret_string;
    return parts[PART_KEY].len > 0 ? pick_key(call, value.secret_string, parts[PART_KEY], out_value)
                                   : STATUS_DONE;
}
