/* sampling.c — sampling rules, and what clients are told to sample.
 *
 * Every account has the rule Default (one request each second, and five percent of the rest), whose
 * rate and reservoir can be changed and which nobody can delete.
 *
 * Docs: X-Ray developer guide, "Configuring sampling rules"; "Using sampling rules with the X-Ray
 * API" (statistics and targets: a client reports every ten seconds and is given its share).
 */
#include "base/arena.h"
#include "service/xray/xray.h"
#include "syntax/json.h"

enum {
    RULES_MAX = 25, /* AWS: custom rules of an account and region */
    INTERVAL_S = 10,
    QUOTA_MS = 15 * 1000,
    MINUTE_MS = 60 * 1000,
    STATISTICS_MS = 24 * 60 * 60 * 1000,
    STATISTICS_MAX = 1000,
};

#define DEFAULT_RULE "Default"

static struct str arn_of(struct call *call, struct str name)
{
    return call_arn(call, "xray", false, "sampling-rule/" STR_FMT, STR_ARG(name));
}

/* --- rules as JSON text --- */

static void put(struct call *call, struct json *body, const char *name, struct str value)
{
    if (value.ptr)
        json_append_member(body, str_from_cstr(name), json_new_string(call->arena, value));
}

static void put_number(struct call *call, struct json *body, const char *name, double value)
{
    struct json *number = json_new(call->arena, JSON_NUMBER);
    number->text = str_format(call->arena, "%.17g", value);
    json_append_member(body, str_from_cstr(name), number);
}

static struct str text_of(struct call *call, const struct xray_sampling_rule *rule)
{
    struct json *body = json_new(call->arena, JSON_OBJECT);
    struct json *attributes = json_new(call->arena, JSON_OBJECT);
    put(call, body, "ResourceARN", rule->resource_arn);
    put(call, body, "ServiceName", rule->service_name);
    put(call, body, "ServiceType", rule->service_type);
    put(call, body, "Host", rule->host);
    put(call, body, "HTTPMethod", rule->http_method);
    put(call, body, "URLPath", rule->url_path);
    put_number(call, body, "Priority", rule->priority.value);
    put_number(call, body, "FixedRate", rule->fixed_rate.value);
    put_number(call, body, "ReservoirSize", rule->reservoir_size.value);
    for (size_t i = 0; i < rule->attributes.count; i++)
        json_set(attributes, rule->attributes.items[i].key,
                 json_new_string(call->arena, rule->attributes.items[i].value));
    json_append_member(body, STR("Attributes"), attributes);
    if (rule->sampling_rate_boost) {
        struct json *boost = json_new(call->arena, JSON_OBJECT);
        put_number(call, boost, "MaxRate", rule->sampling_rate_boost->max_rate.value);
        put_number(call, boost, "CooldownWindowMinutes",
                   rule->sampling_rate_boost->cooldown_window_minutes.value);
        json_append_member(body, STR("SamplingRateBoost"), boost);
    }
    return json_to_str(call->arena, body);
}

static void read_attributes(struct call *call, const struct json *attributes,
                            struct xray_attribute_map *out)
{
    size_t count = json_is_object(attributes) ? attributes->count : 0;
    out->is_set = true;
    out->items = arena_alloc_array(call->arena, count + 1, sizeof(*out->items));
    for (const struct json *item = count > 0 ? attributes->first : NULL; item; item = item->next)
        out->items[out->count++] =
            (struct xray_attribute_map_entry){.key = item->key, .value = item->text};
}

static struct xray_sampling_rule *rule_of(struct call *call, const struct xray_thing *thing)
{
    struct json *body = NULL;
    int rc = json_parse(call->arena, thing->text, 0, &body, NULL);
    CHECK(rc == 0); /* written above */
    struct xray_sampling_rule *rule = arena_alloc(call->arena, sizeof(*rule));
    *rule = (struct xray_sampling_rule){
        .rule_name = thing->name,
        .rule_arn = arn_of(call, thing->name),
        .resource_arn = json_find_str(body, "ResourceARN"),
        .priority = opt_i32((int32_t)xray_number(body, "Priority").value),
        .fixed_rate = xray_number(body, "FixedRate"),
        .reservoir_size = opt_i32((int32_t)xray_number(body, "ReservoirSize").value),
        .service_name = json_find_str(body, "ServiceName"),
        .service_type = json_find_str(body, "ServiceType"),
        .host = json_find_str(body, "Host"),
        .http_method = json_find_str(body, "HTTPMethod"),
        .url_path = json_find_str(body, "URLPath"),
        .version = opt_i32(1),
    };
    read_attributes(call, json_find_cstr(body, "Attributes"), &rule->attributes);
    const struct json *boost = json_find_cstr(body, "SamplingRateBoost");
    if (boost) {
        rule->sampling_rate_boost = arena_alloc(call->arena, sizeof(*rule->sampling_rate_boost));
        *rule->sampling_rate_boost = (struct xray_sampling_rate_boost){
            .max_rate = xray_number(boost, "MaxRate"),
            .cooldown_window_minutes =
                opt_i32((int32_t)xray_number(boost, "CooldownWindowMinutes").value),
        };
    }
    return rule;
}

static struct xray_sampling_rule *default_rule(struct call *call)
{
    struct xray_sampling_rule *rule = arena_alloc(call->arena, sizeof(*rule));
    *rule = (struct xray_sampling_rule){
        .rule_name = STR(DEFAULT_RULE),
        .rule_arn = arn_of(call, STR(DEFAULT_RULE)),
        .resource_arn = STR("*"),
        .priority = opt_i32(10000),
        .fixed_rate = {.is_set = true, .value = 0.05},
        .reservoir_size = opt_i32(1),
        .service_name = STR("*"),
        .service_type = STR("*"),
        .host = STR("*"),
        .http_method = STR("*"),
        .url_path = STR("*"),
        .version = opt_i32(1),
        .attributes = {.is_set = true},
    };
    return rule;
}

static struct xray_sampling_rule_record *record_of(struct call *call,
                                                   const struct xray_thing *thing)
{
    struct xray_sampling_rule_record *record = arena_alloc(call->arena, sizeof(*record));
    *record = (struct xray_sampling_rule_record){
        .sampling_rule = rule_of(call, thing),
        .created_at = opt_i64(thing->created_at_ms),
        .modified_at = opt_i64(thing->modified_at_ms),
    };
    return record;
}

/* --- create, update, delete --- */

static struct str name_in_arn(struct str arn)
{
    ptrdiff_t at = str_find(arn, STR(":sampling-rule/"));
    return at < 0 ? STR("") : str_from(arn, (size_t)at + STR(":sampling-rule/").len);
}

/* The stored rule; Default even when it was never changed. */
static enum status find_rule(struct call *call, struct str name, struct str arn,
                             struct xray_thing **out_thing)
{
    if (!name.ptr && !arn.ptr)
        return xray_invalid(call, "Either RuleName or RuleARN is required");
    if (name.ptr && arn.ptr)
        return xray_invalid(call, "Only one of RuleName and RuleARN may be specified");
    struct str wanted = name.ptr ? name : name_in_arn(arn);
    int rc = xray_store_find_thing(call->db, call->arena, call->scope, "rule", wanted, out_thing);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: find a rule");
    if (!*out_thing && str_eq_cstr(wanted, DEFAULT_RULE)) {
        *out_thing = arena_alloc(call->arena, sizeof(**out_thing));
        **out_thing = (struct xray_thing){.name = STR(DEFAULT_RULE),
                                          .text = text_of(call, default_rule(call))};
    }
    return *out_thing ? STATUS_DONE : xray_invalid(call, "Sampling rule not found");
}

static enum status save_rule(struct call *call, const struct xray_sampling_rule *rule,
                             struct xray_thing *thing)
{
    thing->text = text_of(call, rule);
    thing->modified_at_ms = call->now_ms;
    int rc = xray_store_put_thing(call->db, call->scope, "rule", thing);
    return rc < 0 ? call_fail_internal(call, rc, "xray: write a rule") : STATUS_DONE;
}

enum status xray_create_sampling_rule(struct call *call,
                                      const struct xray_create_sampling_rule_in *in,
                                      struct xray_create_sampling_rule_out *out)
{
    const struct xray_sampling_rule *rule = in->sampling_rule;
    struct xray_thing things[RULES_MAX];
    struct xray_thing *found = NULL;
    if (!rule->rule_name.ptr)
        return xray_invalid(call, "RuleName is required");
    if (rule->rule_arn.ptr)
        return xray_invalid(call, "RuleARN cannot be specified");
    if (rule->version.value != 1)
        return xray_invalid(call, "Version must be 1");
    int rc =
        xray_store_find_thing(call->db, call->arena, call->scope, "rule", rule->rule_name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: find a rule");
    if (found || str_eq_cstr(rule->rule_name, DEFAULT_RULE))
        return xray_invalid(call, "Sampling rule already exists with name " STR_FMT,
                            STR_ARG(rule->rule_name));
    int64_t count = xray_store_list_things(call->db, call->arena, call->scope, "rule", STR(""),
                                           RULES_MAX, things);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: list rules");
    if (count == RULES_MAX)
        return call_fail(call, &XRAY_RULE_LIMIT_EXCEEDED_EXCEPTION,
                         "Sampling rule limit exceeded: at most %d", RULES_MAX);
    struct xray_thing thing = {.name = rule->rule_name, .created_at_ms = call->now_ms};
    enum status status = save_rule(call, rule, &thing);
    if (status == STATUS_DONE)
        status = xray_put_tags(call, arn_of(call, rule->rule_name), &in->tags);
    if (status == STATUS_DONE)
        out->sampling_rule_record = record_of(call, &thing);
    return status;
}

static enum status apply_update(struct call *call, const struct xray_sampling_rule_update *update,
                                struct xray_sampling_rule *rule)
{
    bool is_default = str_eq_cstr(rule->rule_name, DEFAULT_RULE);
    bool has_more = update->priority.is_set || update->resource_arn.ptr || update->host.ptr ||
                    update->service_name.ptr || update->service_type.ptr ||
                    update->http_method.ptr || update->url_path.ptr || update->attributes.count > 0;
    /* AWS: of the default rule only rate and reservoir can be changed. */
    if (is_default && has_more)
        return xray_invalid(call,
                            "Only FixedRate and ReservoirSize can be updated for the Default rule");
    if (update->priority.is_set && (update->priority.value < 1 || update->priority.value > 9999))
        return xray_invalid(call, "Priority must be between 1 and 9999");
    if (update->fixed_rate.is_set && (update->fixed_rate.value < 0 || update->fixed_rate.value > 1))
        return xray_invalid(call, "FixedRate must be between 0 and 1");
    if (update->reservoir_size.is_set && update->reservoir_size.value < 0)
        return xray_invalid(call, "ReservoirSize must not be negative");
    if (update->priority.is_set)
        rule->priority = update->priority;
    if (update->fixed_rate.is_set)
        rule->fixed_rate = update->fixed_rate;
    if (update->reservoir_size.is_set)
        rule->reservoir_size = update->reservoir_size;
    rule->resource_arn = str_or(update->resource_arn, rule->resource_arn);
    rule->host = str_or(update->host, rule->host);
    rule->service_name = str_or(update->service_name, rule->service_name);
    rule->service_type = str_or(update->service_type, rule->service_type);
    rule->http_method = str_or(update->http_method, rule->http_method);
    rule->url_path = str_or(update->url_path, rule->url_path);
    if (update->attributes.is_set)
        rule->attributes = update->attributes;
    if (update->sampling_rate_boost)
        rule->sampling_rate_boost = update->sampling_rate_boost;
    return STATUS_DONE;
}

enum status xray_update_sampling_rule(struct call *call,
                                      const struct xray_update_sampling_rule_in *in,
                                      struct xray_update_sampling_rule_out *out)
{
    const struct xray_sampling_rule_update *update = in->sampling_rule_update;
    struct xray_thing *thing = NULL;
    enum status status = find_rule(call, update->rule_name, update->rule_arn, &thing);
    if (status != STATUS_DONE)
        return status;
    struct xray_sampling_rule *rule = rule_of(call, thing);
    status = apply_update(call, update, rule);
    if (status == STATUS_DONE)
        status = save_rule(call, rule, thing);
    if (status == STATUS_DONE)
        out->sampling_rule_record = record_of(call, thing);
    return status;
}

enum status xray_delete_sampling_rule(struct call *call,
                                      const struct xray_delete_sampling_rule_in *in,
                                      struct xray_delete_sampling_rule_out *out)
{
    struct xray_thing *thing = NULL;
    enum status status = find_rule(call, in->rule_name, in->rule_arn, &thing);
    if (status != STATUS_DONE)
        return status;
    if (str_eq_cstr(thing->name, DEFAULT_RULE))
        return xray_invalid(call, "The Default rule cannot be deleted");
    int rc = xray_store_delete_thing(call->db, call->scope, "rule", thing->name);
    if (rc >= 0)
        rc = xray_store_delete_thing(call->db, call->scope, "tags", arn_of(call, thing->name));
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: delete a rule");
    out->sampling_rule_record = record_of(call, thing);
    return STATUS_DONE;
}

/* All rules there are fit a page; Default is the last. */
enum status xray_get_sampling_rules(struct call *call, const struct xray_get_sampling_rules_in *in,
                                    struct xray_get_sampling_rules_out *out)
{
    (void)in;
    struct xray_thing things[RULES_MAX + 1];
    struct xray_thing *last = NULL;
    enum status status = find_rule(call, STR(DEFAULT_RULE), (struct str){0}, &last);
    if (status != STATUS_DONE)
        return status;
    int64_t count = xray_store_list_things(call->db, call->arena, call->scope, "rule", STR(""),
                                           RULES_MAX + 1, things);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: list rules");
    struct xray_sampling_rule_record_list *list = &out->sampling_rule_records;
    list->is_set = true;
    list->items = arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*list->items));
    for (int64_t i = 0; i < count; i++) {
        if (!str_eq_cstr(things[i].name, DEFAULT_RULE))
            list->items[list->count++] = *record_of(call, &things[i]);
    }
    list->items[list->count++] = *record_of(call, last);
    return STATUS_DONE;
}

/* --- statistics and targets --- */

static void refuse_statistics(struct call *call, struct str rule,
                              struct xray_unprocessed_statistics_list *out)
{
    (void)call;
    out->items[out->count++] = (struct xray_unprocessed_statistics){
        .rule_name = rule, .error_code = STR("400"), .message = STR("Unknown rule")};
}

enum status xray_get_sampling_targets(struct call *call,
                                      const struct xray_get_sampling_targets_in *in,
                                      struct xray_get_sampling_targets_out *out)
{
    const struct xray_sampling_statistics_document_list *documents =
        &in->sampling_statistics_documents;
    struct xray_get_sampling_rules_out rules = {0};
    enum status status =
        xray_get_sampling_rules(call, &(struct xray_get_sampling_rules_in){0}, &rules);
    if (status != STATUS_DONE)
        return status;
    out->sampling_target_documents.is_set = true;
    out->unprocessed_statistics.is_set = true;
    out->sampling_target_documents.items = arena_alloc_array(
        call->arena, documents->count + 1, sizeof(*out->sampling_target_documents.items));
    out->unprocessed_statistics.items = arena_alloc_array(
        call->arena, documents->count + 1, sizeof(*out->unprocessed_statistics.items));
    int64_t modified_ms = 0;
    for (size_t r = 0; r < rules.sampling_rule_records.count; r++) {
        int64_t one_ms = rules.sampling_rule_records.items[r].modified_at.value;
        modified_ms = one_ms > modified_ms ? one_ms : modified_ms;
    }
    out->last_rule_modification = opt_i64(modified_ms);
    for (size_t i = 0; i < documents->count; i++) {
        const struct xray_sampling_statistics_document *document = &documents->items[i];
        const struct xray_sampling_rule *rule = NULL;
        for (size_t r = 0; r < rules.sampling_rule_records.count && !rule; r++) {
            const struct xray_sampling_rule *one =
                rules.sampling_rule_records.items[r].sampling_rule;
            rule = str_eq(one->rule_name, document->rule_name) ? one : NULL;
        }
        if (!rule) {
            refuse_statistics(call, document->rule_name, &out->unprocessed_statistics);
            continue;
        }
        const struct xray_statistic statistic = {
            .rule = rule->rule_name,
            .minute_ms = document->timestamp.value / MINUTE_MS * MINUTE_MS,
            .requests = document->request_count.value,
            .borrowed = opt_i32_or(document->borrow_count, 0),
            .sampled = document->sampled_count.value,
        };
        int rc = xray_store_add_statistic(call->db, call->scope, &statistic);
        if (rc < 0)
            return call_fail_internal(call, rc, "xray: write statistics");
        out->sampling_target_documents.items[out->sampling_target_documents.count++] =
            (struct xray_sampling_target_document){
                .rule_name = rule->rule_name,
                .fixed_rate = rule->fixed_rate,
                .reservoir_quota = rule->reservoir_size,
                .reservoir_quota_ttl = opt_i64(call->now_ms + QUOTA_MS),
                .interval = opt_i32(INTERVAL_S),
            };
    }
    return STATUS_DONE;
}

enum status
xray_get_sampling_statistic_summaries(struct call *call,
                                      const struct xray_get_sampling_statistic_summaries_in *in,
                                      struct xray_get_sampling_statistic_summaries_out *out)
{
    (void)in;
    struct xray_statistic *rows = arena_alloc_array(call->arena, STATISTICS_MAX, sizeof(*rows));
    int64_t count = xray_store_list_statistics(call->db, call->arena, call->scope,
                                               call->now_ms - STATISTICS_MS, STATISTICS_MAX, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: list statistics");
    struct xray_sampling_statistic_summary_list *list = &out->sampling_statistic_summaries;
    list->is_set = true;
    list->items = arena_alloc_array(call->arena, (size_t)count + 1, sizeof(*list->items));
    for (int64_t i = 0; i < count; i++)
        list->items[list->count++] = (struct xray_sampling_statistic_summary){
            .rule_name = rows[i].rule,
            .timestamp = opt_i64(rows[i].minute_ms),
            .request_count = opt_i32((int32_t)rows[i].requests),
            .borrow_count = opt_i32((int32_t)rows[i].borrowed),
            .sampled_count = opt_i32((int32_t)rows[i].sampled),
        };
    return STATUS_DONE;
}
