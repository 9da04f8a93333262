/* label.c — LabelParameterVersion, UnlabelParameterVersion.
 *
 * Docs: Systems Manager user guide, "Working with parameter labels in Parameter Store"; API
 * reference of both.
 */
#include "base/arena.h"
#include "service/ssm/ssm.h"

/* AWS: labels "can contain letters (case sensitive), numbers, periods (.), hyphens (-), or
 * underscores (_)" and "can't begin with a number, "aws" or "ssm" (not case sensitive)". */
static bool is_label(struct arena *arena, struct str text)
{
    struct str lower = str_lower(arena, text);
    for (size_t i = 0; i < lower.len; i++) {
        char c = lower.ptr[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'z') && c != '.' && c != '-' && c != '_')
            return false;
        if (is_digit && i == 0)
            return false;
    }
    return lower.len > 0 && !str_starts_with(lower, STR("aws")) &&
           !str_starts_with(lower, STR("ssm"));
}

/* The version that is meant: `version`, or the current one. */
static enum status find_version(struct call *call, struct str text, struct opt_i64 version,
                                struct ssm_entry *out_entry)
{
    struct ssm_name name = {0};
    enum status status = ssm_parse_name(call, text, &name);
    if (status != STATUS_DONE)
        return status;
    if (version.is_set) {
        name.version = version.value > 0 ? version.value : -1;
        name.selector = str_format(call->arena, ":%lld", (long long)version.value);
    }
    struct ssm_entry current = {0};
    int found = ssm_find_current(call, &name, &current);
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    if (found == 0)
        return ssm_missing(call, name.name);
    return ssm_find(call, &name, out_entry);
}

static enum status list_labels(struct call *call, const struct ssm_entry *entry,
                               struct ssm_label **out_labels, int64_t *out_count)
{
    size_t max = (size_t)SSM_MAX_VERSIONS * SSM_MAX_LABELS;
    *out_labels = arena_alloc_array(call->arena, max, sizeof(**out_labels));
    *out_count = ssm_store_labels(call->db, call->arena, entry->scope, entry->key, (int64_t)max,
                                  *out_labels);
    return *out_count < 0 ? call_fail_internal(call, (int)*out_count, "ssm: list labels")
                          : STATUS_DONE;
}

static bool is_on_version(const struct ssm_label *labels, int64_t count, struct str name,
                          int64_t version)
{
    for (int64_t i = 0; i < count; i++) {
        if (labels[i].version == version && str_eq(labels[i].name, name))
            return true;
    }
    return false;
}

/* How many labels the version would have. */
static size_t count_after(struct call *call, const struct ssm_label_parameter_version_in *in,
                          const struct ssm_label *labels, int64_t label_count, int64_t version)
{
    size_t count = 0;
    for (int64_t i = 0; i < label_count; i++)
        count += labels[i].version == version;
    for (size_t i = 0; i < in->labels.count; i++)
        count += is_label(call->arena, in->labels.items[i]) &&
                 !is_on_version(labels, label_count, in->labels.items[i], version);
    return count;
}

enum status ssm_label_parameter_version(struct call *call,
                                        const struct ssm_label_parameter_version_in *in,
                                        struct ssm_label_parameter_version_out *out)
{
    struct ssm_entry entry = {0};
    struct ssm_label *labels = NULL;
    int64_t label_count = 0;
    enum status status = find_version(call, in->name, in->parameter_version, &entry);
    if (status == STATUS_DONE)
        status = list_labels(call, &entry, &labels, &label_count);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3): the text repeats the
     * client's. */
    if (count_after(call, in, labels, label_count, entry.version) > SSM_MAX_LABELS)
        return call_fail(call, &SSM_PARAMETER_VERSION_LABEL_LIMIT_EXCEEDED,
                         "An error occurred (ParameterVersionLabelLimitExceeded) when calling the "
                         "LabelParameterVersion operation: A parameter version can have maximum 10 "
                         "labels.Move one or more labels to another version and try again.");
    out->invalid_labels.items =
        arena_alloc_array(call->arena, in->labels.count, sizeof(struct str));
    out->invalid_labels.is_set = true;
    out->parameter_version = opt_i64(entry.version);
    bool has_changed = false;
    for (size_t i = 0; i < in->labels.count; i++) {
        struct str label = in->labels.items[i];
        if (!is_label(call->arena, label)) {
            out->invalid_labels.items[out->invalid_labels.count++] = label;
            continue;
        }
        int rc = ssm_store_put_label(call->db, entry.scope, entry.key, label, entry.version);
        if (rc < 0)
            return call_fail_internal(call, rc, "ssm: put a label");
        has_changed = true;
    }
    return has_changed ? ssm_put_change(call, &entry, "LabelParameterVersion") : STATUS_DONE;
}

enum status ssm_unlabel_parameter_version(struct call *call,
                                          const struct ssm_unlabel_parameter_version_in *in,
                                          struct ssm_unlabel_parameter_version_out *out)
{
    struct ssm_entry entry = {0};
    struct ssm_label *labels = NULL;
    int64_t label_count = 0;
    enum status status = find_version(call, in->name, in->parameter_version, &entry);
    if (status == STATUS_DONE)
        status = list_labels(call, &entry, &labels, &label_count);
    if (status != STATUS_DONE)
        return status;
    size_t count = in->labels.count;
    out->removed_labels.items = arena_alloc_array(call->arena, count, sizeof(struct str));
    out->invalid_labels.items = arena_alloc_array(call->arena, count, sizeof(struct str));
    out->removed_labels.is_set = true;
    out->invalid_labels.is_set = true;
    for (size_t i = 0; i < count; i++) {
        struct str label = in->labels.items[i];
        bool is_there = is_on_version(labels, label_count, label, entry.version);
        struct ssm_parameter_label_list *list =
            is_there ? &out->removed_labels : &out->invalid_labels;
        list->items[list->count++] = label;
        int rc = is_there ? ssm_store_delete_label(call->db, entry.scope, entry.key, label) : 0;
        if (rc < 0)
            return call_fail_internal(call, rc, "ssm: delete a label");
    }
    return STATUS_DONE;
}
