/* config_many.c — configurations of which a bucket has many, told apart by an id: inventory,
 * analytics, metrics, intelligent tiering. They are checked, kept and returned; nothing comes of
 * them: no reports, no metrics, no moves between tiers.
 *
 * Docs: S3 API reference, PutBucketInventoryConfiguration and its like.
 */
#include "base/arena.h"
#include "service/s3/bucket.h"
#include "syntax/base64.h"
#include "syntax/json.h"
#include "wire/protocol.h"

enum {
    MAX_CONFIGURATIONS = 1000, /* AWS: per bucket and kind */
    CONFIGURATION_PAGE = 100,  /* AWS: ListBucketInventoryConfigurations: "up to 100" */
};

static enum status put_many(struct call *call, const void *in, enum s3_config_kind kind,
                            struct str id, struct str id_inside)
{
    struct s3_bucket_row *bucket = s3_bucket_of(call);
    if (!str_eq(id, id_inside))
        return s3_fail_argument(call, "id", id,
                                "The id of the request and that of the configuration differ");
    struct str before = {0};
    int rc = s3_store_find_config(call->db, call->arena, bucket->bucket_key, kind, id, &before);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a configuration");
    struct str *bodies = arena_alloc_array(call->arena, MAX_CONFIGURATIONS, sizeof(*bodies));
    int64_t count = before.ptr ? 0
                               : s3_store_list_configs(call->db, call->arena, bucket->bucket_key,
                                                       kind, STR(""), MAX_CONFIGURATIONS, bodies);
    if (count < 0)
        return call_fail_internal(call, (int)count, "s3: list configurations");
    if (count == MAX_CONFIGURATIONS)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL,
                       "You are attempting to create a new configuration but have already reached "
                       "the 1,000-configuration limit.");
    rc = s3_store_put_config(call->db, bucket->bucket_key, kind, id, s3_payload_text(call, in));
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: write a configuration");
    return s3_set_kind(call, bucket, kind, true);
}

static enum status get_many(struct call *call, enum s3_config_kind kind, struct str id, void *out)
{
    struct str body = {0};
    int rc = s3_store_find_config(call->db, call->arena, s3_bucket_of(call)->bucket_key, kind, id,
                                  &body);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: find a configuration");
    if (!body.ptr)
        return s3_missing_config(call, &S3_NO_SUCH_CONFIGURATION,
                                 "The specified configuration does not exist.");
    return s3_fill_output(call, body, out);
}

static enum status delete_many(struct call *call, enum s3_config_kind kind, struct str id)
{
    int rc = s3_store_delete_config(call->db, s3_bucket_of(call)->bucket_key, kind, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: delete a configuration");
    if (rc == 0)
        return s3_missing_config(call, &S3_NO_SUCH_CONFIGURATION,
                                 "The specified configuration does not exist.");
    return STATUS_DONE;
}

/* A page of them, read as the output's list `member`; ids are the tokens. */
static enum status list_many(struct call *call, enum s3_config_kind kind, struct str token,
                             const char *member, void *out, struct str *out_next)
{
    const struct s3_bucket_row *bucket = s3_bucket_of(call);
    struct str after = STR("");
    if (token.ptr && base64url_decode(call->arena, token, &after) < 0)
        return s3_fail_argument(call, "continuation-token", token,
                                "The continuation token provided is incorrect");
    struct str *bodies = arena_alloc_array(call->arena, CONFIGURATION_PAGE + 1, sizeof(*bodies));
    int64_t count = s3_store_list_configs(call->db, call->arena, bucket->bucket_key, kind, after,
                                          CONFIGURATION_PAGE + 1, bodies);
    if (count < 0)
        return call_fail_internal(call, (int)count, "s3: list configurations");
    bool is_truncated = count > CONFIGURATION_PAGE;
    struct json *page = json_new(call->arena, JSON_OBJECT);
    struct json *items = json_new(call->arena, JSON_ARRAY);
    json_append_member(page, STR("IsTruncated"), json_new_bool(call->arena, is_truncated));
    json_append_member(page, str_from_cstr(member), items);
    struct str last = {0};
    for (int64_t i = 0; i < (is_truncated ? CONFIGURATION_PAGE : count); i++) {
        struct json *item = NULL;
        int rc = json_parse(call->arena, bodies[i], 0, &item, NULL);
        if (rc < 0)
            return call_fail_internal(call, rc, "s3: read a configuration");
        json_append(items, item);
        last = json_find_str(item, "Id");
    }
    struct str message = {0};
    int rc = wire_from_json(call->arena, call->operation->out, page, out, &message);
    if (rc < 0)
        return call_fail_internal(call, rc, "s3: read configurations");
    if (is_truncated)
        *out_next = base64url_encode_str(call->arena, last);
    return STATUS_DONE;
}

enum status
s3_put_bucket_inventory_configuration(struct call *call,
                                      const struct s3_put_bucket_inventory_configuration_in *in,
                                      struct s3_put_bucket_inventory_configuration_out *out)
{
    (void)out;
    struct str destination =
        in->inventory_configuration->destination->s3_bucket_destination->bucket;
    if (!s3_bucket_of_arn(destination).ptr)
        return s3_fail(call, &S3_INVALID_REQUEST, NULL, "Invalid bucket ARN.");
    return put_many(call, in, S3_CONFIG_INVENTORY, in->id, in->inventory_configuration->id);
}

enum status
s3_get_bucket_inventory_configuration(struct call *call,
                                      const struct s3_get_bucket_inventory_configuration_in *in,
                                      struct s3_get_bucket_inventory_configuration_out *out)
{
    return get_many(call, S3_CONFIG_INVENTORY, in->id, out);
}

enum status s3_delete_bucket_inventory_configuration(
    struct call *call, const struct s3_delete_bucket_inventory_configuration_in *in,
    struct s3_delete_bucket_inventory_configuration_out *out)
{
    (void)out;
    return delete_many(call, S3_CONFIG_INVENTORY, in->id);
}

enum status
s3_list_bucket_inventory_configurations(struct call *call,
                                        const struct s3_list_bucket_inventory_configurations_in *in,
                                        struct s3_list_bucket_inventory_configurations_out *out)
{
    struct str next = {0};
    enum status status = list_many(call, S3_CONFIG_INVENTORY, in->continuation_token,
                                   "InventoryConfigurationList", out, &next);
    out->continuation_token = in->continuation_token;
    out->next_continuation_token = next;
    return status;
}

enum status
s3_put_bucket_analytics_configuration(struct call *call,
                                      const struct s3_put_bucket_analytics_configuration_in *in,
                                      struct s3_put_bucket_analytics_configuration_out *out)
{
    (void)out;
    return put_many(call, in, S3_CONFIG_ANALYTICS, in->id, in->analytics_configuration->id);
}

enum status
s3_get_bucket_analytics_configuration(struct call *call,
                                      const struct s3_get_bucket_analytics_configuration_in *in,
                                      struct s3_get_bucket_analytics_configuration_out *out)
{
    return get_many(call, S3_CONFIG_ANALYTICS, in->id, out);
}

enum status s3_delete_bucket_analytics_configuration(
    struct call *call, const struct s3_delete_bucket_analytics_configuration_in *in,
    struct s3_delete_bucket_analytics_configuration_out *out)
{
    (void)out;
    return delete_many(call, S3_CONFIG_ANALYTICS, in->id);
}

enum status
s3_list_bucket_analytics_configurations(struct call *call,
                                        const struct s3_list_bucket_analytics_configurations_in *in,
                                        struct s3_list_bucket_analytics_configurations_out *out)
{
    struct str next = {0};
    enum status status = list_many(call, S3_CONFIG_ANALYTICS, in->continuation_token,
                                   "AnalyticsConfigurationList", out, &next);
    out->continuation_token = in->continuation_token;
    out->next_continuation_token = next;
    return status;
}

enum status
s3_put_bucket_metrics_configuration(struct call *call,
                                    const struct s3_put_bucket_metrics_configuration_in *in,
                                    struct s3_put_bucket_metrics_configuration_out *out)
{
    (void)out;
    return put_many(call, in, S3_CONFIG_METRICS, in->id, in->metrics_configuration->id);
}

enum status
s3_get_bucket_metrics_configuration(struct call *call,
                                    const struct s3_get_bucket_metrics_configuration_in *in,
                                    struct s3_get_bucket_metrics_configuration_out *out)
{
    return get_many(call, S3_CONFIG_METRICS, in->id, out);
}

enum status
s3_delete_bucket_metrics_configuration(struct call *call,
                                       const struct s3_delete_bucket_metrics_configuration_in *in,
                                       struct s3_delete_bucket_metrics_configuration_out *out)
{
    (void)out;
    return delete_many(call, S3_CONFIG_METRICS, in->id);
}

enum status
s3_list_bucket_metrics_configurations(struct call *call,
                                      const struct s3_list_bucket_metrics_configurations_in *in,
                                      struct s3_list_bucket_metrics_configurations_out *out)
{
    struct str next = {0};
    enum status status = list_many(call, S3_CONFIG_METRICS, in->continuation_token,
                                   "MetricsConfigurationList", out, &next);
    out->continuation_token = in->continuation_token;
    out->next_continuation_token = next;
    return status;
}

enum status s3_put_bucket_intelligent_tiering_configuration(
    struct call *call, const struct s3_put_bucket_intelligent_tiering_configuration_in *in,
    struct s3_put_bucket_intelligent_tiering_configuration_out *out)
{
    (void)out;
    return put_many(call, in, S3_CONFIG_INTELLIGENT_TIERING, in->id,
                    in->intelligent_tiering_configuration->id);
}

enum status s3_get_bucket_intelligent_tiering_configuration(
    struct call *call, const struct s3_get_bucket_intelligent_tiering_configuration_in *in,
    struct s3_get_bucket_intelligent_tiering_configuration_out *out)
{
    return get_many(call, S3_CONFIG_INTELLIGENT_TIERING, in->id, out);
}

enum status s3_delete_bucket_intelligent_tiering_configuration(
    struct call *call, const struct s3_delete_bucket_intelligent_tiering_configuration_in *in,
    struct s3_delete_bucket_intelligent_tiering_configuration_out *out)
{
    (void)out;
    return delete_many(call, S3_CONFIG_INTELLIGENT_TIERING, in->id);
}

enum status s3_list_bucket_intelligent_tiering_configurations(
    struct call *call, const struct s3_list_bucket_intelligent_tiering_configurations_in *in,
    struct s3_list_bucket_intelligent_tiering_configurations_out *out)
{
    struct str next = {0};
    enum status status = list_many(call, S3_CONFIG_INTELLIGENT_TIERING, in->continuation_token,
                                   "IntelligentTieringConfigurationList", out, &next);
    out->continuation_token = in->continuation_token;
    out->next_continuation_token = next;
    return status;
}
