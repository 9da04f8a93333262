/* list.c — ListSecrets, BatchGetSecretValue, and their filters.
 *
 * Docs: API reference of both, Filter; Secrets Manager user guide, "Find secrets in AWS Secrets
 * Manager", "Get secrets and secret values from AWS Secrets Manager in a batch".
 */
#include "base/arena.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    LIST_DEFAULT = 100, /* AWS: at most 100 */
    BATCH_DEFAULT = 20, /* AWS: at most 20 */
    SCAN_CHUNK = 100,
};

/* --- filters --- */

static bool has_prefix(struct call *call, struct str text, struct str prefix, bool nocase)
{
    if (!nocase)
        return str_starts_with(text, prefix);
    return str_starts_with(str_lower(call->arena, text), str_lower(call->arena, prefix));
}

static bool word_has_prefix(struct call *call, struct str text, struct str word)
{
    static const struct str separators = STR_INIT(" /_+=.@-");
    struct str lower = str_lower(call->arena, text);
    for (size_t at = 0; at < lower.len; at++) {
        bool is_start = at == 0 || str_index(separators, lower.ptr[at - 1]) >= 0;
        if (is_start && str_starts_with(str_from(lower, at), word))
            return true;
    }
    return false;
}

/* AWS: "all: breaks the filter value string into words and then searches all attributes for
 * matches. Not case-sensitive." */
static bool matches_all(struct call *call, const struct secret *secret, const struct json *tags,
                        struct str value)
{
    struct str rest = str_lower(call->arena, value);
    struct str word = {0};
    while (str_split_next(&rest, ' ', &word)) {
        bool is_found = word_has_prefix(call, secret->name, word) ||
                        word_has_prefix(call, secret->description, word) ||
                        word_has_prefix(call, secret->primary_region, word);
        for (const struct json *tag = tags->first; tag && !is_found; tag = tag->next)
            is_found =
                word_has_prefix(call, tag->key, word) || word_has_prefix(call, tag->text, word);
        if (!is_found)
            return false;
    }
    return true;
}

static bool matches_value(struct call *call, const struct secret *secret, const struct json *tags,
                          struct str key, struct str value)
{
    /* AWS: which of them mind case: "name", "tag-key", "tag-value", "primary-region" do. */
    if (str_eq_cstr(key, "name"))
        return has_prefix(call, secret->name, value, false);
    if (str_eq_cstr(key, "description"))
        return has_prefix(call, secret->description, value, true);
    if (str_eq_cstr(key, "primary-region"))
        return has_prefix(call, secret->primary_region, value, false);
    if (str_eq_cstr(key, "owning-service"))
        return false;
    if (str_eq_cstr(key, "all"))
        return matches_all(call, secret, tags, value);
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        if (has_prefix(call, str_eq_cstr(key, "tag-key") ? tag->key : tag->text, value, false))
            return true;
    }
    return false;
}

/* AWS: values of one filter are alternatives, filters add up; "!" in front negates a value. */
static bool matches_filter(struct call *call, const struct secret *secret, const struct json *tags,
                           const struct secretsmanager_filter *filter)
{
    for (size_t i = 0; i < filter->values.count; i++) {
        struct str value = filter->values.items[i];
        bool is_negated = value.len > 0 && value.ptr[0] == '!';
        bool is_match =
            matches_value(call, secret, tags, filter->key, is_negated ? str_from(value, 1) : value);
        if (is_match != is_negated)
            return true;
    }
    return false;
}

static bool matches(struct call *call, const struct secret *secret,
                    const struct secretsmanager_filters_list_type *filters)
{
    struct json *tags = NULL;
    if (filters->count == 0)
        return true;
    if (json_parse(call->arena, secret->tags, 0, &tags, NULL) < 0)
        return false;
    for (size_t i = 0; i < filters->count; i++) {
        if (!matches_filter(call, secret, tags, &filters->items[i]))
            return false;
    }
    return true;
}

static enum status check_filters(struct call *call,
                                 const struct secretsmanager_filters_list_type *filters)
{
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3): both texts. */
    for (size_t i = 0; i < filters->count; i++) {
        if (!str_is_set(filters->items[i].key))
            return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                             "Invalid filter key");
        if (filters->items[i].values.count == 0)
            return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                             "Invalid filter values for key: " STR_FMT,
                             STR_ARG(filters->items[i].key));
    }
    return STATUS_DONE;
}

/* --- paging: a token is the sort value and the name of the last secret --- */

static enum status read_token(struct call *call, struct str token, struct secrets_page *page)
{
    struct str text = {0};
    struct str value = {0};
    if (token.len == 0)
        return STATUS_DONE;
    bool is_valid = base64_decode(call->arena, token, &text) == 0 &&
                    str_split_next(&text, ' ', &value) && str_is_set(text) &&
                    str_to_i64(value, &page->after_value) == 0;
    if (!is_valid)
        return call_fail(call, &SECRETSMANAGER_INVALID_NEXT_TOKEN_EXCEPTION,
                         "The NextToken value is invalid.");
    page->after_name = text;
    page->has_start = true;
    return STATUS_DONE;
}

static struct str write_token(struct call *call, const struct secret *last,
                              enum secrets_order order)
{
    return base64_encode_str(call->arena, str_format(call->arena, "%lld " STR_FMT,
                                                     (long long)secrets_sort_value(last, order),
                                                     STR_ARG(last->name)));
}

/* The page's secrets that match; *out_token is set when there are more. */
struct search {
    struct secrets_page page;
    const struct secretsmanager_filters_list_type *filters;
    bool takes_deleted;
    size_t limit;
    struct secret *found;
    size_t count;
    struct str token;
};

static enum status run_search(struct call *call, struct search *search)
{
    struct secret *chunk = arena_alloc_array(call->arena, SCAN_CHUNK, sizeof(*chunk));
    search->found = arena_alloc_array(call->arena, search->limit, sizeof(*search->found));
    int64_t count = SCAN_CHUNK;
    while (count == SCAN_CHUNK) {
        count = secrets_store_list(call->db, call->arena, call->scope, &search->page, SCAN_CHUNK,
                                   chunk);
        if (count < 0)
            return call_fail_internal(call, (int)count, "secretsmanager: list secrets");
        for (int64_t i = 0; i < count; i++) {
            search->page.has_start = true;
            search->page.after_name = chunk[i].name;
            search->page.after_value = secrets_sort_value(&chunk[i], search->page.order);
            if ((chunk[i].deleted_at_ms > 0 && !search->takes_deleted) ||
                !matches(call, &chunk[i], search->filters))
                continue;
            if (search->count == search->limit) {
                search->token =
                    write_token(call, &search->found[search->count - 1], search->page.order);
                return STATUS_DONE;
            }
            search->found[search->count++] = chunk[i];
        }
    }
    return STATUS_DONE;
}

/* --- ListSecrets --- */

static struct str unless_empty(struct str text)
{
    return text.len > 0 ? text : (struct str){0};
}

static enum status show(struct call *call, const struct secret *secret,
                        struct secretsmanager_secret_list_entry *out)
{
    struct secret_version *versions = NULL;
    int64_t count = 0;
    enum status status = secrets_list_versions(call, secret, &versions, &count);
    if (status != STATUS_DONE)
        return status;
    *out = (struct secretsmanager_secret_list_entry){
        .arn = secret->arn,
        .name = secret->name,
        .type = unless_empty(secret->type),
        .description = unless_empty(secret->description),
        .kms_key_id = unless_empty(secret->kms_key_id),
        .created_date = opt_i64(secret->created_at_ms),
        .last_changed_date = opt_i64(secret->changed_at_ms),
        .primary_region = unless_empty(secret->primary_region),
    };
    if (secret->accessed_at_ms > 0)
        out->last_accessed_date = opt_i64(secret->accessed_at_ms);
    if (secret->deleted_at_ms > 0)
        out->deleted_date = opt_i64(secret->deleted_at_ms);
    secrets_tag_list(call, secret->tags, &out->tags);
    secrets_stage_map(call, versions, count, &out->secret_versions_to_stages);
    return STATUS_DONE;
}

static enum secrets_order order_of(struct str text)
{
    if (str_eq_cstr(text, "name"))
        return SECRETS_BY_NAME;
    if (str_eq_cstr(text, "last-changed-date"))
        return SECRETS_BY_CHANGED;
    return str_eq_cstr(text, "last-accessed-date") ? SECRETS_BY_ACCESSED : SECRETS_BY_CREATED;
}

enum status secretsmanager_list_secrets(struct call *call,
                                        const struct secretsmanager_list_secrets_in *in,
                                        struct secretsmanager_list_secrets_out *out)
{
    struct search search = {
        .page = {.order = order_of(in->sort_by),
                 /* AWS: "Secrets are listed by CreatedDate" unless SortBy says otherwise. */
                 .is_descending = str_eq_cstr(in->sort_order, "desc")},
        .filters = &in->filters,
        .takes_deleted = opt_bool_or(in->include_planned_deletion, false),
        .limit = (size_t)opt_i32_or(in->max_results, LIST_DEFAULT),
    };
    enum status status = check_filters(call, &in->filters);
    if (status == STATUS_DONE)
        status = read_token(call, in->next_token, &search.page);
    if (status == STATUS_DONE)
        status = run_search(call, &search);
    out->secret_list.items =
        arena_alloc_array(call->arena, search.count, sizeof(*out->secret_list.items));
    out->secret_list.is_set = true;
    out->next_token = search.token;
    for (size_t i = 0; i < search.count && status == STATUS_DONE; i++)
        status = show(call, &search.found[i], &out->secret_list.items[out->secret_list.count++]);
    return status;
}

/* --- BatchGetSecretValue --- */

/* AWS: a secret that cannot be read is in Errors, the others are answered. */
static enum status read_one(struct call *call, struct str id,
                            struct secretsmanager_batch_get_secret_value_out *out)
{
    const struct secretsmanager_get_secret_value_in in = {.secret_id = id};
    struct secretsmanager_get_secret_value_out value = {0};
    struct call_error error = {0};
    enum status status = call_invoke(call, NULL, NULL, &secretsmanager_model,
                                     &secretsmanager_operations[SECRETSMANAGER_OP_GET_SECRET_VALUE],
                                     &in, &value, &error);
    if (status != STATUS_DONE && call->store_errno != 0)
        return status;
    if (status != STATUS_DONE) {
        out->errors.items[out->errors.count++] = (struct secretsmanager_api_error_type){
            .secret_id = id, .error_code = error.error->code, .message = error.message};
        return STATUS_DONE;
    }
    out->secret_values.items[out->secret_values.count++] =
        (struct secretsmanager_secret_value_entry){
            .arn = value.arn,
            .name = value.name,
            .version_id = value.version_id,
            .secret_binary = value.secret_binary,
            .secret_string = value.secret_string,
            .version_stages = value.version_stages,
            .created_date = value.created_date,
        };
    return STATUS_DONE;
}

static enum status check_batch(struct call *call,
                               const struct secretsmanager_batch_get_secret_value_in *in)
{
    /* OBSERVED (2023-12-01, recorded by public test suites with boto3): both texts. */
    if ((in->secret_id_list.count > 0) == (in->filters.count > 0))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Either 'SecretIdList' or 'Filters' must be provided, but not both.");
    if (in->max_results.is_set && in->filters.count == 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "'Filters' not specified in the request.");
    return check_filters(call, &in->filters);
}

enum status
secretsmanager_batch_get_secret_value(struct call *call,
                                      const struct secretsmanager_batch_get_secret_value_in *in,
                                      struct secretsmanager_batch_get_secret_value_out *out)
{
    struct search search = {
        .page = {.order = SECRETS_BY_CREATED},
        .filters = &in->filters,
        .limit = (size_t)opt_i32_or(in->max_results, BATCH_DEFAULT),
    };
    enum status status = check_batch(call, in);
    if (status == STATUS_DONE && in->filters.count > 0)
        status = read_token(call, in->next_token, &search.page);
    if (status == STATUS_DONE && in->filters.count > 0)
        status = run_search(call, &search);
    size_t count = in->filters.count > 0 ? search.count : in->secret_id_list.count;
    out->secret_values.items =
        arena_alloc_array(call->arena, count, sizeof(*out->secret_values.items));
    out->errors.items = arena_alloc_array(call->arena, count, sizeof(*out->errors.items));
    out->secret_values.is_set = true;
    out->errors.is_set = true;
    out->next_token = search.token;
    for (size_t i = 0; i < count && status == STATUS_DONE; i++)
        status = read_one(
            call, in->filters.count > 0 ? search.found[i].arn : in->secret_id_list.items[i], out);
    return status;
}
