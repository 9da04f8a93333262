/* name.c — names of parameters: what a request may call one, and what it means by it.
 *
 * "db", "/db", "/prod/db:3" (a version), "/prod/db:live" (a label), an ARN with any of these behind
 * ":parameter", and the two families that are not the account's own: /aws/service/ (public) and
 * /aws/reference/secretsmanager/.
 *
 * Docs: Systems Manager user guide, "Creating Parameter Store parameters in Systems Manager"
 * (requirements and constraints for parameter names), "Working with parameter versions"; API
 * reference, PutParameter.
 */
#include "base/arena.h"
#include "service/ssm/ssm.h"

enum {
    MAX_LEVELS = 15, /* AWS: "A hierarchy can have a maximum of 15 levels" */
    /* AWS: "The maximum length constraint for the parameter name that you specify is 1011
     * characters", its ARN included. */
    MAX_ARN = 1011,
    MAX_VERSION_DIGITS = 18,
};

#define PUBLIC_PREFIX STR("/aws/service/")
#define SECRET_PREFIX STR("/aws/reference/secretsmanager/")

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* Letters of sub-paths, no empty one, and a slash in front when there is one at all. */
static bool is_well_formed(struct str name)
{
    bool is_after_slash = false;
    for (size_t i = 0; i < name.len; i++) {
        bool is_slash = name.ptr[i] == '/';
        if (!is_slash && !is_name_char(name.ptr[i]))
            return false;
        if (is_slash && is_after_slash)
            return false;
        is_after_slash = is_slash;
    }
    return name.len > 0 && !is_after_slash && (name.ptr[0] == '/' || str_index(name, '/') < 0);
}

/* OBSERVED (2023-01-31, recorded by public test suites with boto3): names that cannot be are a
 * ValidationException with this text, in reading and in writing. */
static enum status fail_name(struct call *call)
{
    return call_fail(call, &ERROR_VALIDATION,
                     "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed "
                     "as a path, it can consist of sub-paths divided by slash symbol; each "
                     "sub-path can be formed as a mix of letters, numbers and the following 3 "
                     "symbols .-_");
}

enum status ssm_missing(struct call *call, struct str name)
{
    return call_fail(call, &SSM_PARAMETER_NOT_FOUND, "Parameter " STR_FMT " not found.",
                     STR_ARG(name));
}

struct str ssm_arn(struct arena *arena, struct scope scope, struct str key)
{
    struct str prefix = str_concat3(arena, STR("arn:aws:ssm:"), scope.region, STR(":"));
    return str_concat3(arena, prefix, scope.account, str_concat(arena, STR(":parameter"), key));
}

struct str ssm_parent(struct str key)
{
    ptrdiff_t slash = str_last_index(key, '/');
    return slash <= 0 ? STR("") : str_slice(key, 0, (size_t)slash);
}

/* arn:aws:ssm:REGION:ACCOUNT:parameter/NAME; leaves the rest from the slash on. */
static bool split_arn(struct str arn, struct ssm_name *out_name, struct str *out_rest)
{
    struct str rest = arn;
    struct str parts[5] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!str_split_next(&rest, ':', &parts[i]))
            return false;
    }
    if (!str_eq_cstr(parts[2], "ssm") || !rest.ptr || !str_starts_with(rest, STR("parameter/")))
        return false;
    out_name->scope = (struct scope){.account = parts[4], .region = parts[3]};
    out_name->is_arn = true;
    *out_rest = str_from(rest, STR("parameter").len);
    return true;
}

/* A number is a version, anything else a label. */
static void read_selector(struct ssm_name *name, struct str text)
{
    int64_t version = 0;
    if (text.len <= MAX_VERSION_DIGITS && str_to_i64(text, &version) == 0)
        name->version = version > 0 ? version : -1;
    else
        name->label = text;
}

enum status ssm_parse_name(struct call *call, struct str text, struct ssm_name *out_name)
{
    *out_name = (struct ssm_name){.scope = call->scope, .name = text};
    struct str rest = text;
    if (str_starts_with(text, STR("arn:"))) {
        if (!split_arn(text, out_name, &rest))
            return fail_name(call);
        out_name->name = rest;
    }
    out_name->is_public = str_starts_with(rest, PUBLIC_PREFIX);
    out_name->is_secret = str_starts_with(rest, SECRET_PREFIX);
    out_name->key = rest;
    if (out_name->is_secret)
        return STATUS_DONE;
    ptrdiff_t colon = str_index(rest, ':');
    if (colon >= 0) {
        out_name->selector = str_from(rest, (size_t)colon);
        rest = str_slice(rest, 0, (size_t)colon);
        out_name->name = rest;
        read_selector(out_name, str_from(out_name->selector, 1));
    }
    /* OBSERVED (2023-01-31, recorded by public test suites): two selectors are no name at all, but
     * one that is not found. */
    if (colon >= 0 && str_index(out_name->label, ':') >= 0)
        return ssm_missing(call, text);
    if (!is_well_formed(rest))
        return fail_name(call);
    out_name->key = rest.ptr[0] == '/' ? rest : str_concat(call->arena, STR("/"), rest);
    return STATUS_DONE;
}

static size_t count_char(struct str text, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == c;
    return count;
}

/* OBSERVED (2023-01-31, recorded by public test suites with boto3): the texts of the three ways to
 * hit a reserved prefix. */
static enum status check_prefix(struct call *call, struct str name)
{
    struct str lower = str_lower(call->arena, name);
    struct str bare = lower.len > 0 && lower.ptr[0] == '/' ? str_from(lower, 1) : lower;
    bool is_path = count_char(name, '/') > 1;
    bool is_aws = str_starts_with(bare, STR("aws"));
    if (!is_aws && !str_starts_with(bare, STR("ssm")))
        return STATUS_DONE;
    if (is_path && str_starts_with(lower, STR("/aws")))
        return call_fail(call, &ERROR_ACCESS_DENIED,
                         "No access to reserved parameter name: " STR_FMT ".", STR_ARG(name));
    if (!is_path)
        return call_fail(call, &ERROR_VALIDATION,
                         "Parameter name: can't be prefixed with \"aws\" or \"ssm\" "
                         "(case-insensitive).");
    return fail_name(call);
}

enum status ssm_parse_new_name(struct call *call, struct str text, struct ssm_name *out_name)
{
    *out_name = (struct ssm_name){.scope = call->scope, .name = text};
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3). */
    if (str_index(text, '/') > 0)
        return call_fail(call, &ERROR_VALIDATION, "Parameter name must be a fully qualified name.");
    enum status status = check_prefix(call, text);
    if (status != STATUS_DONE)
        return status;
    if (!is_well_formed(text))
        return fail_name(call);
    out_name->key = text.ptr[0] == '/' ? text : str_concat(call->arena, STR("/"), text);
    /* AWS: HierarchyLevelLimitExceededException (model). */
    if (count_char(out_name->key, '/') > MAX_LEVELS)
        return call_fail(call, &SSM_HIERARCHY_LEVEL_LIMIT_EXCEEDED_EXCEPTION,
                         "A hierarchy can have a maximum of 15 levels. For more information, see "
                         "Requirements and constraints for parameter names in the AWS Systems "
                         "Manager User Guide.");
    if (ssm_arn(call->arena, call->scope, out_name->key).len > MAX_ARN)
        return call_fail(call, &ERROR_VALIDATION,
                         "The maximum length constraint for the parameter name that you specify "
                         "is 1011 characters, including the full length of the ARN.");
    return STATUS_DONE;
}

enum status ssm_parse_path(struct call *call, struct str text, struct str *out_path)
{
    struct str path = text;
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path = str_slice(path, 0, path.len - 1);
    bool is_valid = str_eq_cstr(path, "/") || (is_well_formed(path) && path.ptr[0] == '/');
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3). */
    if (!is_valid)
        return call_fail(
            call, &ERROR_VALIDATION,
            "The parameter doesn't meet the parameter name requirements. The parameter name must "
            "begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" "
            "(case-insensitive). It must use only letters, numbers, or the following symbols: . "
            "(period), - (hyphen), _ (underscore). Special characters are not allowed. All "
            "sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: "
            "/get/parameters2-/by1./path0_.");
    *out_path = path.len == 1 ? STR("") : path;
    return STATUS_DONE;
}
