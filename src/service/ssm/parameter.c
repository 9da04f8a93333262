/* parameter.c — PutParameter, DeleteParameter, DeleteParameters.
 *
 * Docs: API reference, PutParameter; Systems Manager user guide, "Managing parameter tiers",
 * "Using native parameter support in Parameter Store for Amazon Machine Image IDs". The texts of
 * the errors, unless said otherwise: OBSERVED (2023-01-31, recorded by public test suites with
 * boto3 and Terraform).
 */
#include "base/arena.h"
#include "engine/template/pattern.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

enum {
    MAX_STANDARD = 10000,  /* AWS: standard parameters per account and Region */
    MAX_ADVANCED = 100000, /* AWS: advanced ones */
    MIN_AMI_DIGITS = 8,    /* "ami-12345678", since 2018 seventeen digits */
    MAX_AMI_DIGITS = 17,
};

#define INTELLIGENT STR("Intelligent-Tiering")

static enum status check_type(struct call *call, const struct ssm_put_parameter_in *in,
                              struct ssm_entry *entry)
{
    if (str_is_set(in->type))
        entry->type = in->type;
    if (entry->type.len == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "A parameter type is required when you create a parameter.");
    bool is_secure = str_eq(entry->type, SSM_SECURE_STRING);
    if (in->key_id.len > 0 && !is_secure)
        return call_fail(call, &ERROR_VALIDATION,
                         "KeyId is required for SecureString type parameter only.");
    /* AWS: "If you don't specify a key ID, the system uses the default key associated with your
     * Amazon Web Services account" (PutParameter, KeyId). */
    entry->key_id = !is_secure ? STR("") : in->key_id.len > 0 ? in->key_id : STR("alias/aws/ssm");
    return STATUS_DONE;
}

static bool is_ami_id(struct str text)
{
    struct str prefix = STR("ami-");
    if (!str_starts_with(text, prefix))
        return false;
    struct str digits = str_from(text, prefix.len);
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
    }
    return digits.len >= MIN_AMI_DIGITS && digits.len <= MAX_AMI_DIGITS;
}

static enum status check_data_type(struct call *call, const struct ssm_put_parameter_in *in,
                                   struct ssm_entry *entry)
{
    if (in->data_type.len > 0)
        entry->data_type = in->data_type;
    if (str_eq_cstr(entry->data_type, "text"))
        return STATUS_DONE;
    if (str_eq_cstr(entry->data_type, "aws:ssm:integration") &&
        str_eq(entry->type, SSM_SECURE_STRING))
        return STATUS_DONE;
    if (!str_eq_cstr(entry->data_type, "aws:ec2:image"))
        return call_fail(call, &ERROR_VALIDATION,
                         "The following data type is not supported: " STR_FMT
                         " (Data type names are all lowercase.)",
                         STR_ARG(entry->data_type));
    /* DEVIATION: AWS takes any value, looks for the image later, and drops the version when there
     * is none. Here the form of the id is checked at once, and not whether the image exists. */
    if (!is_ami_id(in->value))
        return call_fail(
            call, &ERROR_VALIDATION,
            "The value of a parameter of data type aws:ec2:image must be an AMI ID: " STR_FMT,
            STR_ARG(in->value));
    return STATUS_DONE;
}

/* AWS: Intelligent-Tiering makes a parameter advanced when it must be, and never a standard one
 * again ("Managing parameter tiers"). */
static enum status choose_tier(struct call *call, const struct ssm_put_parameter_in *in,
                               size_t policy_count, struct ssm_entry *entry)
{
    bool is_advanced = str_eq(entry->tier, SSM_ADVANCED);
    if (is_advanced && str_eq(in->tier, SSM_STANDARD))
        return call_fail(call, &ERROR_VALIDATION,
                         "This parameter uses the advanced-parameter tier. You can't downgrade a "
                         "parameter from the advanced-parameter tier to the standard-parameter "
                         "tier. If necessary, you can delete the advanced parameter and recreate "
                         "it as a standard parameter.");
    bool needs_advanced = policy_count > 0 || in->value.len > SSM_STANDARD_VALUE;
    if (str_eq(in->tier, SSM_ADVANCED) || (str_eq(in->tier, INTELLIGENT) && needs_advanced))
        is_advanced = true;
    entry->tier = is_advanced ? SSM_ADVANCED : SSM_STANDARD;
    if (in->value.len > (is_advanced ? SSM_ADVANCED_VALUE : SSM_STANDARD_VALUE))
        return is_advanced
                   ? call_fail(call, &ERROR_VALIDATION,
                               "Advanced tier parameters support a maximum parameter value of 8192 "
                               "characters.")
                   : call_fail(call, &ERROR_VALIDATION,
                               "Standard tier parameters support a maximum parameter value of 4096 "
                               "characters. To create a larger parameter value, upgrade the "
                               "parameter to use the advanced-parameter tier. For more "
                               "information, see "
                               "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
                               "parameter-store-advanced-parameters.html");
    /* AWS: parameter policies need the advanced tier ("Assigning parameter policies"). */
    if (policy_count > 0 && !is_advanced)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter policies are available only for parameters that use the "
                         "advanced-parameter tier.");
    return STATUS_DONE;
}

static enum status check_pattern(struct call *call, const struct ssm_put_parameter_in *in,
                                 struct ssm_entry *entry)
{
    if (str_is_set(in->allowed_pattern))
        entry->allowed_pattern = in->allowed_pattern;
    if (entry->allowed_pattern.len == 0)
        return STATUS_DONE;
    int rc = template_pattern_matches(entry->allowed_pattern, in->value);
    if (rc == 1)
        return STATUS_DONE;
    /* AWS: "The request doesn't meet the regular expression requirement." (model) */
    if (rc < 0)
        return call_fail(call, &SSM_INVALID_ALLOWED_PATTERN_EXCEPTION,
                         "The request does not meet the regular expression requirement.");
    return call_fail(call, &SSM_PARAMETER_PATTERN_MISMATCH_EXCEPTION,
                     "Parameter value, cannot be validated against allowedPattern: " STR_FMT,
                     STR_ARG(entry->allowed_pattern));
}

static enum status check_request(struct call *call, const struct ssm_put_parameter_in *in,
                                 bool has_found)
{
    bool overwrites = opt_bool_or(in->overwrite, false);
    if (in->value.len == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "1 validation error detected: Value '' at 'value' failed to satisfy "
                         "constraint: Member must have length greater than or equal to 1.");
    if (overwrites && in->tags.count > 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Invalid request: tags and overwrite can't be used together. To create a "
                         "parameter with tags, please remove overwrite flag. To update tags for an "
                         "existing parameter, please use AddTagsToResource or "
                         "RemoveTagsFromResource.");
    if (has_found && !overwrites)
        return call_fail(call, &SSM_PARAMETER_ALREADY_EXISTS,
                         "The parameter already exists. To overwrite this value, set the overwrite "
                         "option in the request to true.");
    return STATUS_DONE;
}

/* What the request makes of the entry, which is the current version or a new one. */
static enum status apply(struct call *call, const struct ssm_put_parameter_in *in,
                         struct ssm_entry *entry)
{
    size_t policy_count = 0;
    enum status status = check_type(call, in, entry);
    if (status == STATUS_DONE)
        status = check_data_type(call, in, entry);
    if (status == STATUS_DONE && str_is_set(in->policies))
        status = ssm_read_policies(call, in->policies, &entry->policies, &policy_count);
    if (status == STATUS_DONE)
        status = choose_tier(call, in, policy_count, entry);
    if (status == STATUS_DONE)
        status = check_pattern(call, in, entry);
    if (status == STATUS_DONE)
        status = ssm_add_tags(call, entry->tags, &in->tags, &entry->tags);
    if (status != STATUS_DONE)
        return status;
    if (str_is_set(in->description))
        entry->description = in->description;
    entry->version++;
    entry->modified_at_ms = call->now_ms;
    entry->modified_by = call->principal->arn;
    entry->value = in->value;
    return str_eq(entry->type, SSM_SECURE_STRING) ? ssm_seal(call, entry) : STATUS_DONE;
}

/* AWS: ParameterLimitExceeded (model). */
static enum status insert(struct call *call, const struct ssm_entry *entry)
{
    int64_t max = str_eq(entry->tier, SSM_ADVANCED) ? MAX_ADVANCED : MAX_STANDARD;
    int64_t count = ssm_store_count(call->db, entry->scope, entry->tier, max);
    if (count < 0)
        return call_fail_internal(call, (int)count, "ssm: count parameters");
    if (count >= max)
        return call_fail(call, &SSM_PARAMETER_LIMIT_EXCEEDED,
                         "You have exceeded the number of parameters for this AWS account. Delete "
                         "one or more parameters and try again.");
    int rc = ssm_store_insert(call->db, entry);
    return rc < 0 ? call_fail_internal(call, rc, "ssm: insert a parameter") : STATUS_DONE;
}

/* AWS: a parameter keeps 100 versions; the oldest goes, unless it has a label. */
static enum status make_room(struct call *call, const struct ssm_entry *entry)
{
    int64_t oldest = 0;
    int64_t count = 0;
    int rc = ssm_store_versions(call->db, entry->scope, entry->key, &oldest, &count);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: count versions");
    if (count < SSM_MAX_VERSIONS)
        return STATUS_DONE;
    struct ssm_label labels[SSM_MAX_VERSIONS * SSM_MAX_LABELS];
    int64_t label_count = ssm_store_labels(call->db, call->arena, entry->scope, entry->key,
                                           (int64_t)ARRAY_LEN(labels), labels);
    if (label_count < 0)
        return call_fail_internal(call, (int)label_count, "ssm: list labels");
    for (int64_t i = 0; i < label_count; i++) {
        if (labels[i].version == oldest)
            return call_fail(call, &SSM_PARAMETER_MAX_VERSION_LIMIT_EXCEEDED,
                             "You attempted to create a new version of " STR_FMT
                             " by calling the PutParameter API with the overwrite flag. Version "
                             "%lld, the oldest version, can't be deleted because it has a label "
                             "associated with it. Move the label to another version of the "
                             "parameter, and try again.",
                             STR_ARG(entry->name), (long long)oldest);
    }
    rc = ssm_store_delete_version(call->db, entry->scope, entry->key, oldest);
    return rc < 0 ? call_fail_internal(call, rc, "ssm: delete a version") : STATUS_DONE;
}

static enum status overwrite(struct call *call, const struct ssm_entry *entry)
{
    enum status status = make_room(call, entry);
    if (status != STATUS_DONE)
        return status;
    int rc = ssm_store_set_current(call->db, entry);
    return rc < 0 ? call_fail_internal(call, rc, "ssm: update a parameter") : STATUS_DONE;
}

enum status ssm_put_parameter(struct call *call, const struct ssm_put_parameter_in *in,
                              struct ssm_put_parameter_out *out)
{
    struct ssm_name name = {0};
    enum status status = ssm_parse_new_name(call, in->name, &name);
    if (status != STATUS_DONE)
        return status;
    struct ssm_entry entry = {
        .scope = name.scope,
        .key = name.key,
        .name = name.name,
        .arn = ssm_arn(call->arena, name.scope, name.key),
        .type = STR(""),
        .tier = SSM_STANDARD,
        .data_type = STR("text"),
        .description = STR(""),
        .allowed_pattern = STR(""),
        .policies = STR("[]"),
        .tags = STR("{}"),
    };
    int found = ssm_find_current(call, &name, &entry);
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    status = check_request(call, in, found == 1);
    if (status == STATUS_DONE)
        status = apply(call, in, &entry);
    if (status == STATUS_DONE)
        status = found == 1 ? overwrite(call, &entry) : insert(call, &entry);
    if (status == STATUS_DONE)
        status = ssm_schedule(call, &entry);
    if (status != STATUS_DONE)
        return status;
    int rc = ssm_store_put_version(call->db, &entry);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: insert a version");
    out->version = opt_i64(entry.version);
    out->tier = entry.tier;
    return ssm_put_change(call, &entry, found == 1 ? "Update" : "Create");
}

enum status ssm_remove(struct call *call, const struct ssm_entry *entry)
{
    int rc = ssm_store_delete(call->db, entry->scope, entry->key);
    if (rc == 0)
        rc = ssm_store_delete_policy(call->db, entry->arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: delete a parameter");
    return ssm_put_change(call, entry, "Delete");
}

enum status ssm_delete_parameter(struct call *call, const struct ssm_delete_parameter_in *in,
                                 struct ssm_delete_parameter_out *out)
{
    (void)out;
    struct ssm_name name = {0};
    struct ssm_entry entry = {0};
    enum status status = ssm_parse_name(call, in->name, &name);
    if (status != STATUS_DONE)
        return status;
    int found = ssm_find_current(call, &name, &entry);
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    if (found == 0 || name.selector.len > 0)
        return ssm_missing(call, in->name);
    return ssm_remove(call, &entry);
}

/* Those that cannot be, or are not there, are answered as invalid. */
enum status ssm_delete_parameters(struct call *call, const struct ssm_delete_parameters_in *in,
                                  struct ssm_delete_parameters_out *out)
{
    size_t count = in->names.count;
    out->deleted_parameters.items = arena_alloc_array(call->arena, count, sizeof(struct str));
    out->invalid_parameters.items = arena_alloc_array(call->arena, count, sizeof(struct str));
    out->deleted_parameters.is_set = true;
    out->invalid_parameters.is_set = true;
    for (size_t i = 0; i < count; i++) {
        struct ssm_name name = {0};
        struct ssm_entry entry = {0};
        enum status status = ssm_parse_name(call, in->names.items[i], &name);
        if (status == STATUS_DONE)
            status = ssm_may(call, &name, "ssm:DeleteParameters");
        if (status != STATUS_DONE)
            return status;
        int found = name.selector.len > 0 ? 0 : ssm_find_current(call, &name, &entry);
        if (found < 0)
            return call_fail_internal(call, found, "ssm: find a parameter");
        struct ssm_parameter_name_list *list =
            found == 1 ? &out->deleted_parameters : &out->invalid_parameters;
        list->items[list->count++] = in->names.items[i];
        status = found == 1 ? ssm_remove(call, &entry) : STATUS_DONE;
        if (status != STATUS_DONE)
            return status;
    }
    return STATUS_DONE;
}
