/* read.c — GetParameter, GetParameters, GetParametersByPath, GetParameterHistory.
 *
 * Docs: API reference of each; Systems Manager user guide, "Working with parameter versions",
 * "Referencing AWS Secrets Manager secrets from Parameter Store parameters".
 */
#include "base/arena.h"
#include "base/map.h"
#include "service/secretsmanager/secretsmanager_public.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

enum {
    BY_PATH_DEFAULT = 10, /* AWS: GetParametersByPath answers at most 10 */
    HISTORY_DEFAULT = 50,
    SCAN_CHUNK = 50,     /* rows read at a time when a filter may drop them */
    MIN_VERSION_ID = 32, /* of a secret: a stage is shorter by custom, a version id never */
};

int ssm_find_current(struct call *call, const struct ssm_name *name, struct ssm_entry *out_entry)
{
    if (name->is_public)
        return ssm_public_find(call, name->key, out_entry) ? 1 : 0;
    return ssm_store_find(call->db, call->arena, name->scope, name->key, out_entry);
}

/* OBSERVED (2023-01-31, recorded by public test suites with boto3): "Systems Manager could not find
 * version 2 of test-2. Verify the version and try again."; a label that is on no version is an
 * unknown version, too. */
static enum status fail_version(struct call *call, const struct ssm_name *name)
{
    return call_fail(call, &SSM_PARAMETER_VERSION_NOT_FOUND,
                     "Systems Manager could not find version " STR_FMT " of " STR_FMT
                     ". Verify the version and try again.",
                     STR_ARG(str_from(name->selector, 1)), STR_ARG(name->name));
}

enum status ssm_find(struct call *call, const struct ssm_name *name, struct ssm_entry *out_entry)
{
    int found = 0;
    if (name->version != 0 && !name->is_public)
        found = ssm_store_find_version(call->db, call->arena, name->scope, name->key, name->version,
                                       out_entry);
    else if (name->label.len > 0 && !name->is_public)
        found = ssm_store_find_label(call->db, call->arena, name->scope, name->key, name->label,
                                     out_entry);
    else
        found = ssm_find_current(call, name, out_entry);
    if (found == 1 && name->is_public && name->selector.len > 0 &&
        name->version != out_entry->version)
        return fail_version(call, name);
    if (found == 1)
        return STATUS_DONE;
    if (found == 0 && name->selector.len > 0) {
        struct ssm_entry current = {0};
        found = ssm_find_current(call, name, &current);
        if (found == 1)
            return fail_version(call, name);
    }
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    return ssm_missing(call, str_concat(call->arena, name->name, name->selector));
}

enum status ssm_show(struct call *call, const struct ssm_entry *entry, bool decrypts,
                     struct ssm_parameter *out)
{
    *out = (struct ssm_parameter){
        .name = entry->name,
        .type = entry->type,
        .version = opt_i64(entry->version),
        .last_modified_date = opt_i64(entry->modified_at_ms),
        .arn = entry->arn,
        .data_type = entry->data_type,
    };
    return ssm_open(call, entry, decrypts, &out->value);
}

/* --- /aws/reference/secretsmanager/... --- */

static struct str source_result(struct call *call, const struct secretsmanager_value *value)
{
    struct json *result = json_new(call->arena, JSON_OBJECT);
    struct json *stages = json_new(call->arena, JSON_ARRAY);
    for (size_t i = 0; i < value->stage_count; i++)
        json_append(stages, json_new_string(call->arena, value->stages[i]));
    json_append_member(result, STR("ARN"), json_new_string(call->arena, value->arn));
    json_append_member(result, STR("name"), json_new_string(call->arena, value->name));
    json_append_member(result, STR("versionId"), json_new_string(call->arena, value->version_id));
    json_append_member(result, STR("versionStages"), stages);
    json_append_member(result, STR("createdDate"),
                       json_new_number(call->arena, value->created_at_ms / 1000));
    return json_to_str(call->arena, result);
}

/* The secret's id, and what stands behind a colon: a version id or a stage. */
static void split_reference(struct str key, struct secretsmanager_query *out_query)
{
    struct str id = str_from(key, STR("/aws/reference/secretsmanager/").len);
    ptrdiff_t colon = str_starts_with(id, STR("arn:")) ? -1 : str_index(id, ':');
    if (colon >= 0) {
        struct str selector = str_from(id, (size_t)colon + 1);
        if (selector.len >= MIN_VERSION_ID)
            out_query->version_id = selector;
        else
            out_query->stage = selector;
        id = str_slice(id, 0, (size_t)colon);
    }
    out_query->secret_id = id;
}

static enum status show_secret(struct call *call, const struct ssm_name *name, bool decrypts,
                               struct ssm_parameter *out)
{
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3): both texts. */
    if (!decrypts)
        return call_fail(call, &ERROR_VALIDATION,
                         "WithDecryption flag must be True for retrieving a Secret Manager "
                         "secret.");
    struct secretsmanager_query query = {.via_service = STR("ssm.amazonaws.com")};
    struct secretsmanager_value value = {0};
    split_reference(name->key, &query);
    enum status status = secretsmanager_read_value(call, &query, &value);
    bool is_missing = status == STATUS_FAILED && call->error.error &&
                      str_eq_cstr(call->error.error->code, "ResourceNotFoundException");
    if (is_missing)
        return call_fail(call, &SSM_PARAMETER_NOT_FOUND,
                         "An error occurred (ParameterNotFound) when referencing Secrets Manager: "
                         "Secret " STR_FMT " not found.",
                         STR_ARG(name->name));
    if (status != STATUS_DONE)
        return status;
    *out = (struct ssm_parameter){
        .name = name->name,
        .type = SSM_SECURE_STRING,
        .value = str_or(value.secret_string, value.secret_binary),
        .version = opt_i64(0),
        .source_result = source_result(call, &value),
        .last_modified_date = opt_i64(value.created_at_ms),
        .arn = value.arn,
        .data_type = STR("text"),
    };
    return STATUS_DONE;
}

/* --- one and some --- */

static enum status show_named(struct call *call, const struct ssm_name *name, bool decrypts,
                              struct ssm_parameter *out)
{
    if (name->is_secret)
        return show_secret(call, name, decrypts, out);
    struct ssm_entry entry = {0};
    enum status status = ssm_find(call, name, &entry);
    if (status == STATUS_DONE)
        status = ssm_show(call, &entry, decrypts, out);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED (2024-07-16, recorded by public test suites): asked for by ARN, a parameter has the
     * name it was created by; asked for as "/db", the parameter "db" is "/db". */
    if (!name->is_arn)
        out->name = name->name;
    out->selector = name->selector.len > 0 ? name->selector : (struct str){0};
    return STATUS_DONE;
}

enum status ssm_get_parameter(struct call *call, const struct ssm_get_parameter_in *in,
                              struct ssm_get_parameter_out *out)
{
    struct ssm_name name = {0};
    enum status status = ssm_parse_name(call, in->name, &name);
    if (status != STATUS_DONE)
        return status;
    out->parameter = arena_alloc(call->arena, sizeof(*out->parameter));
    return show_named(call, &name, opt_bool_or(in->with_decryption, false), out->parameter);
}

static bool is_not_found(const struct call *call)
{
    return call->error.error == &SSM_PARAMETER_NOT_FOUND ||
           call->error.error == &SSM_PARAMETER_VERSION_NOT_FOUND;
}

/* Plain names of the account are read by one statement. */
static enum status prefetch(struct call *call, const struct ssm_name *names, size_t count,
                            struct map *out_entries)
{
    struct str keys[SSM_MAX_NAMES];
    size_t key_count = 0;
    struct ssm_entry *entries = arena_alloc_array(call->arena, SSM_MAX_NAMES, sizeof(*entries));
    for (size_t i = 0; i < count && key_count < SSM_MAX_NAMES; i++) {
        if (!names[i].is_arn && !names[i].is_public && !names[i].is_secret &&
            names[i].selector.len == 0)
            keys[key_count++] = names[i].key;
    }
    map_init(out_entries, call->arena);
    if (key_count == 0)
        return STATUS_DONE;
    int64_t found =
        ssm_store_find_many(call->db, call->arena, call->scope, keys, key_count, entries);
    if (found < 0)
        return call_fail_internal(call, (int)found, "ssm: find parameters");
    for (int64_t i = 0; i < found; i++)
        (void)map_set(out_entries, entries[i].key, &entries[i]);
    return STATUS_DONE;
}

static enum status show_one_of_many(struct call *call, const struct ssm_name *name,
                                    const struct map *entries, bool decrypts,
                                    struct ssm_parameter *out)
{
    const struct ssm_entry *entry = name->selector.len == 0 ? map_find(entries, name->key) : NULL;
    bool is_plain =
        !name->is_arn && !name->is_public && !name->is_secret && name->selector.len == 0;
    if (is_plain && !entry)
        return ssm_missing(call, name->name);
    if (!is_plain)
        return show_named(call, name, decrypts, out);
    enum status status = ssm_show(call, entry, decrypts, out);
    out->name = name->name;
    return status;
}

enum status ssm_get_parameters(struct call *call, const struct ssm_get_parameters_in *in,
                               struct ssm_get_parameters_out *out)
{
    size_t count = in->names.count;
    struct ssm_name *names = arena_alloc_array(call->arena, count, sizeof(*names));
    out->parameters.items = arena_alloc_array(call->arena, count, sizeof(*out->parameters.items));
    out->invalid_parameters.items = arena_alloc_array(call->arena, count, sizeof(struct str));
    out->parameters.is_set = true;
    out->invalid_parameters.is_set = true;
    for (size_t i = 0; i < count; i++) {
        enum status status = ssm_parse_name(call, in->names.items[i], &names[i]);
        if (status == STATUS_DONE)
            status = ssm_may(call, &names[i], "ssm:GetParameters");
        if (status != STATUS_DONE)
            return status;
    }
    struct map entries;
    enum status status = prefetch(call, names, count, &entries);
    for (size_t i = 0; i < count && status == STATUS_DONE; i++) {
        status =
            show_one_of_many(call, &names[i], &entries, opt_bool_or(in->with_decryption, false),
                             &out->parameters.items[out->parameters.count]);
        if (status == STATUS_DONE) {
            out->parameters.count++;
        } else if (is_not_found(call)) {
            out->invalid_parameters.items[out->invalid_parameters.count++] = in->names.items[i];
            status = STATUS_DONE;
        }
    }
    return status;
}

/* --- by path --- */

struct path_query {
    struct str path;
    struct str after;
    bool is_recursive;
    bool decrypts;
    size_t limit;
    struct ssm_filters filters;
    struct str label;
};

/* The next chunk below the path; *out_count below SCAN_CHUNK: that was all. */
static enum status read_chunk(struct call *call, const struct path_query *query,
                              struct ssm_entry *entries, int64_t *out_count)
{
    if (str_starts_with(query->path, STR("/aws/service"))) {
        *out_count = (int64_t)ssm_public_list(call, query->path, query->is_recursive, query->after,
                                              SCAN_CHUNK, entries);
        return STATUS_DONE;
    }
    const struct ssm_range range = {
        .path = query->path,
        .after = query->after,
        .is_direct = !query->is_recursive,
        .has_values = true,
        .label = query->label,
    };
    *out_count = ssm_store_list(call->db, call->arena, call->scope, &range, SCAN_CHUNK, entries);
    return *out_count < 0 ? call_fail_internal(call, (int)*out_count, "ssm: list parameters")
                          : STATUS_DONE;
}

static enum status collect_path(struct call *call, struct path_query *query,
                                struct ssm_get_parameters_by_path_out *out)
{
    struct ssm_entry *entries = arena_alloc_array(call->arena, SCAN_CHUNK, sizeof(*entries));
    struct ssm_parameter_list *list = &out->parameters;
    struct str last = {0};
    int64_t count = SCAN_CHUNK;
    while (count == SCAN_CHUNK) {
        enum status status = read_chunk(call, query, entries, &count);
        for (int64_t i = 0; i < count && status == STATUS_DONE; i++) {
            query->after = entries[i].key;
            if (!ssm_matches(call, &query->filters, &entries[i]))
                continue;
            if (list->count == query->limit) {
                out->next_token = ssm_token_write(call, last);
                return STATUS_DONE;
            }
            last = entries[i].key;
            status = ssm_show(call, &entries[i], query->decrypts, &list->items[list->count++]);
            if (query->label.len > 0)
                list->items[list->count - 1].selector =
                    str_concat(call->arena, STR(":"), query->label);
        }
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}

enum status ssm_get_parameters_by_path(struct call *call,
                                       const struct ssm_get_parameters_by_path_in *in,
                                       struct ssm_get_parameters_by_path_out *out)
{
    struct path_query query = {
        .is_recursive = opt_bool_or(in->recursive, false),
        .decrypts = opt_bool_or(in->with_decryption, false),
        .limit = (size_t)opt_i32_or(in->max_results, BY_PATH_DEFAULT),
    };
    enum status status = ssm_parse_path(call, in->path, &query.path);
    if (status == STATUS_DONE)
        status = ssm_read_filters(call, &in->parameter_filters, true, &query.filters);
    if (status == STATUS_DONE)
        status = ssm_token_read(call, in->next_token, &query.after);
    if (status != STATUS_DONE)
        return status;
    const struct ssm_filter *label = ssm_find_filter(&query.filters, "Label");
    if (label)
        query.label = label->values[0];
    out->parameters.items =
        arena_alloc_array(call->arena, query.limit, sizeof(*out->parameters.items));
    out->parameters.is_set = true;
    return collect_path(call, &query, out);
}

/* --- history --- */

static void gather_labels(struct call *call, const struct ssm_label *labels, int64_t count,
                          int64_t version, struct ssm_parameter_label_list *out)
{
    out->items = arena_alloc_array(call->arena, SSM_MAX_LABELS, sizeof(*out->items));
    out->is_set = true;
    for (int64_t i = 0; i < count && out->count < SSM_MAX_LABELS; i++) {
        if (labels[i].version == version)
            out->items[out->count++] = labels[i].name;
    }
}

static enum status show_version(struct call *call, const struct ssm_entry *entry, bool decrypts,
                                struct ssm_parameter_history *out)
{
    *out = (struct ssm_parameter_history){
        .name = entry->name,
        .type = entry->type,
        .key_id = entry->key_id.len > 0 ? entry->key_id : (struct str){0},
        .last_modified_date = opt_i64(entry->modified_at_ms),
        .last_modified_user = entry->modified_by,
        .description = entry->description.len > 0 ? entry->description : (struct str){0},
        .allowed_pattern =
            entry->allowed_pattern.len > 0 ? entry->allowed_pattern : (struct str){0},
        .version = opt_i64(entry->version),
        .tier = entry->tier,
        .data_type = entry->data_type,
    };
    ssm_show_policies(call, entry, &out->policies);
    return ssm_open(call, entry, decrypts, &out->value);
}

enum status ssm_get_parameter_history(struct call *call,
                                      const struct ssm_get_parameter_history_in *in,
                                      struct ssm_get_parameter_history_out *out)
{
    struct ssm_name name = {0};
    struct ssm_entry current = {0};
    struct str after = {0};
    int64_t after_version = 0;
    enum status status = ssm_parse_name(call, in->name, &name);
    if (status == STATUS_DONE)
        status = ssm_token_read(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    if (after.len > 0 && str_to_i64(after, &after_version) < 0)
        return call_fail(call, &SSM_INVALID_NEXT_TOKEN, "The specified token isn't valid.");
    int found = ssm_find_current(call, &name, &current);
    if (found == 0)
        return ssm_missing(call, in->name);
    int64_t limit = opt_i32_or(in->max_results, HISTORY_DEFAULT);
    struct ssm_entry *entries = arena_alloc_array(call->arena, (size_t)limit + 1, sizeof(*entries));
    struct ssm_label *labels =
        arena_alloc_array(call->arena, (size_t)SSM_MAX_VERSIONS * SSM_MAX_LABELS, sizeof(*labels));
    int64_t count = found < 0 ? found
                              : ssm_store_history(call->db, call->arena, name.scope, name.key,
                                                  after_version, limit + 1, entries);
    int64_t label_count = count < 0 ? count
                                    : ssm_store_labels(call->db, call->arena, name.scope, name.key,
                                                       SSM_MAX_VERSIONS * SSM_MAX_LABELS, labels);
    if (label_count < 0)
        return call_fail_internal(call, (int)label_count, "ssm: history of a parameter");
    struct ssm_parameter_history_list *list = &out->parameters;
    list->items = arena_alloc_array(call->arena, (size_t)limit, sizeof(*list->items));
    list->is_set = true;
    for (int64_t i = 0; i < count && i < limit && status == STATUS_DONE; i++) {
        struct ssm_parameter_history *shown = &list->items[list->count++];
        status = show_version(call, &entries[i], opt_bool_or(in->with_decryption, false), shown);
        gather_labels(call, labels, label_count, entries[i].version, &shown->labels);
    }
    if (count > limit)
        out->next_token = ssm_token_write(
            call, str_format(call->arena, "%lld", (long long)entries[limit - 1].version));
    return status;
}
