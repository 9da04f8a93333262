/* filter.c — filters and paging of DescribeParameters and GetParametersByPath.
 *
 * Docs: API reference, ParameterStringFilter, ParametersFilter. The texts of the errors, unless
 * said otherwise: OBSERVED (2023-01-31, recorded by public test suites with boto3).
 */
#include "base/arena.h"
#include "service/ssm/ssm.h"
#include "syntax/base64.h"
#include "syntax/json.h"

static enum status check_values(struct call *call, const struct ssm_filter *filter,
                                const struct str *valid, size_t valid_count, const char *shown)
{
    for (size_t i = 0; i < filter->value_count; i++) {
        bool is_valid = false;
        for (size_t v = 0; v < valid_count; v++)
            is_valid |= str_eq(filter->values[i], valid[v]);
        if (!is_valid)
            return call_fail(call, &SSM_INVALID_FILTER_OPTION,
                             "The following filter value is not valid: " STR_FMT
                             ". Valid values include: [%s].",
                             STR_ARG(filter->values[i]), shown);
    }
    return STATUS_DONE;
}

static enum status check_path_filter(struct call *call, const struct ssm_filter *filter)
{
    if (!str_eq_cstr(filter->option, "Recursive") && !str_eq_cstr(filter->option, "OneLevel"))
        return call_fail(call, &SSM_INVALID_FILTER_OPTION,
                         "The following filter option is not valid: " STR_FMT
                         ". Valid options include: [Recursive, OneLevel].",
                         STR_ARG(filter->option));
    for (size_t i = 0; i < filter->value_count; i++) {
        struct str lower = str_lower(call->arena, filter->values[i]);
        if (str_starts_with(lower, STR("/aws")) || str_starts_with(lower, STR("/ssm")))
            return call_fail(call, &ERROR_VALIDATION,
                             "Filters for common parameters can't be prefixed with \"aws\" or "
                             "\"ssm\" (case-insensitive). When using global parameters, please "
                             "specify within a global namespace.");
        struct str path = {0};
        enum status status = ssm_parse_path(call, filter->values[i], &path);
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

static enum status check_option(struct call *call, const struct ssm_filter *filter)
{
    bool is_valid = str_eq_cstr(filter->option, "Equals") ||
                    str_eq_cstr(filter->option, "BeginsWith") ||
                    (str_eq_cstr(filter->option, "Contains") && str_eq_cstr(filter->key, "Name"));
    if (is_valid)
        return STATUS_DONE;
    return call_fail(call, &SSM_INVALID_FILTER_OPTION,
                     "The following filter option is not valid: " STR_FMT
                     ". Valid options include: [BeginsWith, Equals].",
                     STR_ARG(filter->option));
}

static enum status check_key(struct call *call, struct str key, bool by_path)
{
    /* AWS: "For GetParametersByPath, the following filter Key names are valid: Type, KeyId, and
     * Label"; "For DescribeParameters, [...] Label isn't valid" (ParameterStringFilter). */
    static const char *const only_describe[] = {"Name", "Path", "Tier", "DataType"};
    bool is_valid = by_path ? !str_starts_with(key, STR("tag:")) : !str_eq_cstr(key, "Label");
    for (size_t i = 0; by_path && i < ARRAY_LEN(only_describe); i++)
        is_valid &= !str_eq_cstr(key, only_describe[i]);
    if (is_valid)
        return STATUS_DONE;
    return call_fail(call, &SSM_INVALID_FILTER_KEY,
                     "The following filter key is not valid: " STR_FMT
                     ". Valid filter keys include: [%s].",
                     STR_ARG(key), by_path ? "Type, KeyId" : "Path, Name, Type, KeyId, Tier");
}

static enum status check_filter(struct call *call, const struct ssm_filter *filter, bool by_path)
{
    static const struct str types[] = {STR_INIT("String"), STR_INIT("StringList"),
                                       STR_INIT("SecureString")};
    static const struct str tiers[] = {STR_INIT("Standard"), STR_INIT("Advanced"),
                                       STR_INIT("Intelligent-Tiering")};
    enum status status = check_key(call, filter->key, by_path);
    if (status != STATUS_DONE)
        return status;
    bool is_tag = str_starts_with(filter->key, STR("tag:"));
    if (filter->value_count == 0 && !is_tag)
        return call_fail(call, &SSM_INVALID_FILTER_VALUE,
                         "The following filter values are missing : null for filter key " STR_FMT
                         ".",
                         STR_ARG(filter->key));
    if (str_eq_cstr(filter->key, "Path"))
        return check_path_filter(call, filter);
    if (str_eq_cstr(filter->key, "Tier"))
        status = check_values(call, filter, tiers, ARRAY_LEN(tiers),
                              "Standard, Advanced, Intelligent-Tiering");
    else if (str_eq_cstr(filter->key, "Type"))
        status =
            check_values(call, filter, types, ARRAY_LEN(types), "String, StringList, SecureString");
    return status == STATUS_DONE ? check_option(call, filter) : status;
}

enum status ssm_read_filters(struct call *call, const struct ssm_parameter_string_filter_list *in,
                             bool by_path, struct ssm_filters *out_filters)
{
    out_filters->items = arena_alloc_array(call->arena, in->count + 1, sizeof(*out_filters->items));
    out_filters->count = 0;
    for (size_t i = 0; i < in->count; i++) {
        const struct ssm_parameter_string_filter *from = &in->items[i];
        bool is_path = str_eq_cstr(from->key, "Path");
        const struct ssm_filter filter = {
            .key = from->key,
            /* AWS: "OneLevel" is the default of a path, "Equals" of the others. */
            .option = str_or(from->option, is_path ? STR("OneLevel") : STR("Equals")),
            .values = from->values.items,
            .value_count = from->values.count,
        };
        for (size_t other = 0; other < i; other++) {
            if (str_eq(in->items[other].key, from->key))
                return call_fail(call, &SSM_INVALID_FILTER_KEY,
                                 "The following filter is duplicated in the request: " STR_FMT
                                 ". A request can contain only one occurrence of a specific "
                                 "filter.",
                                 STR_ARG(from->key));
        }
        enum status status = check_filter(call, &filter, by_path);
        if (status != STATUS_DONE)
            return status;
        out_filters->items[out_filters->count++] = filter;
    }
    return STATUS_DONE;
}

const struct ssm_filter *ssm_find_filter(const struct ssm_filters *filters, const char *key)
{
    for (size_t i = 0; i < filters->count; i++) {
        if (str_eq_cstr(filters->items[i].key, key))
            return &filters->items[i];
    }
    return NULL;
}

static bool value_matches(const struct ssm_filter *filter, struct str text)
{
    for (size_t i = 0; i < filter->value_count; i++) {
        struct str value = filter->values[i];
        bool is_match = str_eq_cstr(filter->option, "BeginsWith") ? str_starts_with(text, value)
                        : str_eq_cstr(filter->option, "Contains") ? str_contains(text, value)
                                                                  : str_eq(text, value);
        if (is_match)
            return true;
    }
    return false;
}

/* "db" finds "/db": one parameter has both names. */
static bool name_matches(struct call *call, const struct ssm_filter *filter,
                         const struct ssm_entry *entry)
{
    if (value_matches(filter, entry->name))
        return true;
    struct str other = entry->name.len > 0 && entry->name.ptr[0] == '/'
                           ? str_from(entry->name, 1)
                           : str_concat(call->arena, STR("/"), entry->name);
    return str_last_index(entry->key, '/') == 0 && value_matches(filter, other);
}

static bool tag_matches(struct call *call, const struct ssm_filter *filter, struct str tags)
{
    struct json *all = NULL;
    if (json_parse(call->arena, tags, 0, &all, NULL) < 0)
        return false;
    const struct json *tag = json_find(all, str_from(filter->key, STR("tag:").len));
    return tag && (filter->value_count == 0 || value_matches(filter, tag->text));
}

bool ssm_matches(struct call *call, const struct ssm_filters *filters,
                 const struct ssm_entry *entry)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct ssm_filter *filter = &filters->items[i];
        bool is_match = true;
        if (str_eq_cstr(filter->key, "Name"))
            is_match = name_matches(call, filter, entry);
        else if (str_eq_cstr(filter->key, "Type"))
            is_match = value_matches(filter, entry->type);
        else if (str_eq_cstr(filter->key, "KeyId"))
            is_match = value_matches(filter, entry->key_id);
        else if (str_eq_cstr(filter->key, "Tier"))
            is_match = value_matches(filter, entry->tier);
        else if (str_eq_cstr(filter->key, "DataType"))
            is_match = value_matches(filter, entry->data_type);
        else if (str_starts_with(filter->key, STR("tag:")))
            is_match = tag_matches(call, filter, entry->tags);
        if (!is_match)
            return false;
    }
    return true;
}

enum status ssm_token_read(struct call *call, struct str token, struct str *out_after)
{
    *out_after = STR("");
    if (token.len == 0)
        return STATUS_DONE;
    if (base64_decode(call->arena, token, out_after) < 0 || out_after->len == 0)
        return call_fail(call, &SSM_INVALID_NEXT_TOKEN, "The specified token isn't valid.");
    return STATUS_DONE;
}

struct str ssm_token_write(struct call *call, struct str last)
{
    return base64_encode_str(call->arena, last);
}
