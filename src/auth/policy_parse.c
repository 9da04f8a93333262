/* policy_parse.c — JSON documents into compiled policies, with AWS's errors for malformed ones.
 *
 * AWS has two validators, and their texts differ. Permission policies of IAM (POLICY_IDENTITY,
 * _MANAGED, _BOUNDARY, _SESSION) go through the older one, which works in passes over the whole
 * document: syntax, version, "legacy parsing", Sids, actions, resources. Trust policies and the
 * resource policies of services go through the newer one, which takes one statement after the
 * other. After either of them the document has no surprises left, and compile_* never fails.
 *
 * The texts and their order are those that clients of IAM report, e.g. in the issues of Terraform
 * and CDK, and in the cases that Moto's IAM tests recorded from AWS.
 */
#include "auth/policy_private.h"

#include <errno.h>

#include "base/arena.h"
#include "base/map.h"
#include "syntax/json.h"

struct parser {
    struct arena *arena;
    struct policy *policy;
    const struct json *root;
    const struct json *statements; /* one object or an array of them */
    struct policy_error *error;
};

PRINTF_LIKE(2, 3)
static int fail(struct parser *parser, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (parser->error)
        parser->error->message = str_vformat(parser->arena, format, args);
    va_end(args);
    return -EINVAL;
}

static int fail_syntax(struct parser *parser)
{
    return fail(parser, "Syntax errors in policy.");
}

static int fail_legacy(struct parser *parser)
{
    return fail(parser, "The policy failed legacy parsing");
}

static int fail_shape(struct parser *parser)
{
    return fail(parser, "Invalid policy syntax.");
}

/* Steps through what may be one value or a list of them; `at` is NULL to start. */
static const struct json *next_value(const struct json *list, const struct json *at)
{
    if (!list || !json_is_array(list))
        return at ? NULL : list;
    return at ? at->next : list->first;
}

static size_t value_count(const struct json *list)
{
    return !list ? 0 : json_is_array(list) ? list->count : 1;
}

static bool is_text_list(const struct json *list)
{
    for (const struct json *value = next_value(list, NULL); value;
         value = next_value(list, value)) {
        if (!json_is_string(value))
            return false;
    }
    return true;
}

static bool is_scalar(const struct json *value)
{
    return value->kind == JSON_STRING || value->kind == JSON_NUMBER || value->kind == JSON_TRUE ||
           value->kind == JSON_FALSE;
}

static struct str scalar_text(const struct json *value)
{
    if (value->kind == JSON_TRUE)
        return STR("true");
    if (value->kind == JSON_FALSE)
        return STR("false");
    return value->text;
}

/* The first member whose name is not in `names`, or NULL. */
static const struct json *unknown_member(const struct json *object, const char *const *names,
                                         size_t name_count)
{
    for (const struct json *member = object->first; member; member = member->next) {
        size_t i = 0;
        while (i < name_count && !str_eq_cstr(member->key, names[i]))
            i++;
        if (i == name_count)
            return member;
    }
    return NULL;
}

static const char *const document_fields[] = {"Version", "Id", "Statement"};

static const char *const statement_fields[] = {
    "Sid",         "Effect",       "Action",    "NotAction", "Resource",
    "NotResource", "NotPrincipal", "Principal", "Condition",
};

static bool is_known_version(const struct json *version)
{
    return json_is_string(version) &&
           (str_eq(version->text, STR("2012-10-17")) || str_eq(version->text, STR("2008-10-17")));
}

enum condition_fault {
    CONDITION_FINE,
    CONDITION_BAD_SHAPE,
    CONDITION_BAD_OPERATOR,
};

/* AWS: a block of an unknown operator is accepted as long as it is empty (Moto's recorded cases).
 */
static enum condition_fault check_condition_block(const struct json *block)
{
    if (!json_is_object(block))
        return CONDITION_BAD_SHAPE;
    struct condition ignored;
    if (block->first && condition_operator_parse(block->key, &ignored) < 0)
        return CONDITION_BAD_OPERATOR;
    for (const struct json *key = block->first; key; key = key->next) {
        for (const struct json *value = next_value(key, NULL); value;
             value = next_value(key, value)) {
            if (!is_scalar(value))
                return CONDITION_BAD_SHAPE;
        }
    }
    return CONDITION_FINE;
}

static enum condition_fault check_condition(const struct json *condition, struct str *out_operator)
{
    if (!condition)
        return CONDITION_FINE;
    if (!json_is_object(condition))
        return CONDITION_BAD_SHAPE;
    for (const struct json *block = condition->first; block; block = block->next) {
        enum condition_fault fault = check_condition_block(block);
        *out_operator = block->key;
        if (fault != CONDITION_FINE)
            return fault;
    }
    return CONDITION_FINE;
}

/* --- the older validator: permission policies --- */

static bool is_syntax_of_statement(const struct json *statement)
{
    if (!json_is_object(statement) ||
        unknown_member(statement, statement_fields, ARRAY_LEN(statement_fields)))
        return false;
    const struct json *effect = json_find_cstr(statement, "Effect");
    if (!json_is_string(effect) ||
        (!str_eq_nocase(effect->text, STR("Allow")) && !str_eq_nocase(effect->text, STR("Deny"))))
        return false;
    const struct json *action = json_find_cstr(statement, "Action");
    const struct json *not_action = json_find_cstr(statement, "NotAction");
    const struct json *resource = json_find_cstr(statement, "Resource");
    const struct json *not_resource = json_find_cstr(statement, "NotResource");
    const struct json *sid = json_find_cstr(statement, "Sid");
    struct str ignored;
    return !(action && not_action) && !(resource && not_resource) && is_text_list(action) &&
           is_text_list(not_action) && is_text_list(resource) && is_text_list(not_resource) &&
           (!sid || json_is_string(sid)) &&
           check_condition(json_find_cstr(statement, "Condition"), &ignored) == CONDITION_FINE;
}

static int check_syntax(struct parser *parser)
{
    const struct json *root = parser->root;
    if (!json_is_object(root) || unknown_member(root, document_fields, ARRAY_LEN(document_fields)))
        return fail_syntax(parser);
    const struct json *version = json_find_cstr(root, "Version");
    const struct json *id = json_find_cstr(root, "Id");
    if ((version && !is_known_version(version)) || (id && !json_is_string(id)))
        return fail_syntax(parser);
    size_t count = value_count(parser->statements);
    if (count == 0 || count > POLICY_MAX_STATEMENTS)
        return fail_syntax(parser);
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        if (!is_syntax_of_statement(statement))
            return fail_syntax(parser);
    }
    return 0;
}

static int check_version(struct parser *parser)
{
    if (parser->policy->kind == POLICY_MANAGED &&
        !str_eq(json_find_str(parser->root, "Version"), STR("2012-10-17")))
        return fail(parser, "Policy document must be version 2012-10-17 or greater.");
    return 0;
}

/* AWS: PutRolePolicy and CreatePolicy answer so (terraform-provider-aws #10419); the console's own
 * validation says "Has prohibited field Principal" instead. */
static int check_no_principal(struct parser *parser)
{
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        if (json_find_cstr(statement, "Principal") || json_find_cstr(statement, "NotPrincipal"))
            return fail(parser, "Policy document should not specify a principal.");
    }
    return 0;
}

static int check_dates(struct parser *parser, const struct json *statement)
{
    const struct json *conditions = json_find_cstr(statement, "Condition");
    for (const struct json *block = conditions ? conditions->first : NULL; block;
         block = block->next) {
        struct condition condition;
        if (condition_operator_parse(block->key, &condition) < 0 ||
            !condition_operator_is_date(&condition))
            continue;
        for (const struct json *key = block->first; key; key = key->next) {
            const struct json *value = NULL;
            int64_t ignored = 0;
            while ((value = next_value(key, value))) {
                if (policy_date_parse(scalar_text(value), &ignored) < 0)
                    return fail_legacy(parser);
            }
        }
    }
    return 0;
}

static const char iam_paths[] =
    "user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, "
    "sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/";

static bool is_iam_path(struct str path)
{
    if (str_eq(path, STR("*")) || str_starts_with(path, STR("${")))
        return true;
    struct str rest = str_from_cstr(iam_paths);
    struct str piece;
    while (str_split_next(&rest, ',', &piece)) {
        if (str_starts_with(path, str_trim(piece)))
            return true;
    }
    return false;
}

/* Parts of a resource's text; those that are not there stay absent. */
static void cut_resource(struct str text, struct str parts[ARN_PARTS])
{
    for (size_t i = 0; i + 1 < ARN_PARTS && str_is_set(text); i++) {
        if (!str_split_next(&text, ':', &parts[i]))
            return;
    }
    parts[ARN_PARTS - 1] = text;
}

/* AWS names the parts that are missing as "*". */
static struct str partition_error(struct arena *arena, struct str parts[ARN_PARTS])
{
    struct str rest[4];
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        rest[i] = str_or(parts[i + 2], STR("*"));
    if (rest[0].len == 0 && !str_is_set(parts[3]))
        rest[0] = STR("*");
    return str_format(arena,
                      "Partition \"" STR_FMT "\" is not valid for resource \"arn:" STR_FMT
                      ":" STR_FMT ":" STR_FMT ":" STR_FMT ":" STR_FMT "\".",
                      STR_ARG(parts[1]), STR_ARG(parts[1]), STR_ARG(rest[0]), STR_ARG(rest[1]),
                      STR_ARG(rest[2]), STR_ARG(rest[3]));
}

/* The message for a resource of the wrong format, or an absent str. */
static struct str resource_format_error(struct arena *arena, struct str text)
{
    struct str fine = {0};
    struct str parts[ARN_PARTS] = {{0}};
    if (str_eq(text, STR("*")))
        return fine;
    cut_resource(text, parts);
    if (!str_is_set(parts[1]))
        return str_format(arena, "Resource " STR_FMT " must be in ARN format or \"*\".",
                          STR_ARG(text));
    if (!arn_is_partition(parts[1]))
        return partition_error(arena, parts);
    if (!str_is_set(parts[2]) || pattern_has_wildcard(parts[2]))
        return STR("Resource vendor must be fully qualified and cannot contain regexes.");
    bool is_iam = str_eq(parts[2], STR("iam"));
    if (is_iam && parts[3].len > 0)
        return str_format(arena, "IAM resource " STR_FMT " cannot contain region information.",
                          STR_ARG(text));
    /* Access points, jobs and the like do have regions, and accounts with them. */
    if (str_eq(parts[2], STR("s3")) && parts[3].len > 0 && parts[4].len == 0)
        return str_format(arena, "Resource " STR_FMT " can not contain region information.",
                          STR_ARG(text));
    if (is_iam && str_is_set(parts[5]) && !is_iam_path(parts[5]))
        return str_format(arena, "IAM resource path must either be \"*\" or start with %s.",
                          iam_paths);
    return fine;
}

/* AWS: "arn:aws:s3::bucket" (too few parts with an empty one among them) and "arn:aws::::x" (no
 * service) are refused, "arn:aws:anything" is not (Moto's recorded cases). */
static bool is_legacy_resource(struct str text)
{
    struct str parts[ARN_PARTS] = {{0}};
    cut_resource(text, parts);
    bool is_complete = str_is_set(parts[ARN_PARTS - 1]);
    return str_eq(text, STR("*")) ||
           ((is_complete || str_find(text, STR("::")) < 0) && parts[2].len > 0);
}

static const struct json *resources_of(const struct json *statement)
{
    const struct json *resources = json_find_cstr(statement, "Resource");
    return resources ? resources : json_find_cstr(statement, "NotResource");
}

static const struct json *actions_of(const struct json *statement)
{
    const struct json *actions = json_find_cstr(statement, "Action");
    return actions ? actions : json_find_cstr(statement, "NotAction");
}

/* Finds the first resource of the wrong format, which is reported in a later pass; what the legacy
 * parser cannot read before it fails at once. */
static int check_resource_texts(struct parser *parser, struct str *out_format_error)
{
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        const struct json *resources = resources_of(statement);
        const struct json *resource = NULL;
        while ((resource = next_value(resources, resource))) {
            if (!str_is_set(*out_format_error))
                *out_format_error = resource_format_error(parser->arena, resource->text);
            if (!str_is_set(*out_format_error) && !is_legacy_resource(resource->text))
                return fail_legacy(parser);
        }
    }
    return 0;
}

static int check_legacy(struct parser *parser, struct str *out_format_error)
{
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        struct str effect = json_find_str(statement, "Effect");
        if (!str_eq(effect, STR("Allow")) && !str_eq(effect, STR("Deny")))
            return fail_legacy(parser);
        if (check_dates(parser, statement) < 0)
            return -EINVAL;
    }
    return check_resource_texts(parser, out_format_error);
}

static bool is_alphanumeric(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

/* The first Sid that an earlier statement has too, or an absent str. Empty Sids do not count. */
static struct str repeated_sid(struct parser *parser)
{
    struct map seen;
    map_init(&seen, parser->arena);
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        struct str sid = json_find_str(statement, "Sid");
        if (sid.len > 0 && !map_set(&seen, sid, parser))
            return sid;
    }
    return (struct str){0};
}

static int check_sids(struct parser *parser)
{
    if (str_is_set(repeated_sid(parser)))
        return fail(parser, "Statement IDs (SID) in a single policy must be unique.");
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        if (!is_alphanumeric(json_find_str(statement, "Sid")))
            return fail(parser, "Statement IDs (SID) must be alpha-numeric. Check that your input "
                                "satisfies the regular expression [0-9A-Za-z]*");
    }
    return 0;
}

static bool is_vendor(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        struct str c = str_slice(name, i, 1);
        if (!is_alphanumeric(c) && c.ptr[0] != '-' && c.ptr[0] != '.')
            return false;
    }
    return true;
}

static int check_action_prefix(struct parser *parser, struct str action)
{
    if (str_eq(action, STR("*")))
        return 0;
    ptrdiff_t colon = str_index(action, ':');
    if (colon < 0)
        return fail(parser, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, "
                            "etc.");
    if (colon != str_last_index(action, ':'))
        return fail(parser, "Actions/Condition can contain only one colon.");
    struct str vendor = str_slice(action, 0, (size_t)colon);
    if (!str_eq(vendor, STR("*")) && !is_vendor(vendor))
        return fail(parser, "Vendor " STR_FMT " is not valid", STR_ARG(vendor));
    return 0;
}

static int check_action_prefixes(struct parser *parser, const char *field)
{
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        const struct json *actions = json_find_cstr(statement, field);
        const struct json *action = NULL;
        while ((action = next_value(actions, action))) {
            if (check_action_prefix(parser, action->text) < 0)
                return -EINVAL;
        }
    }
    return 0;
}

static int check_every_statement_has(struct parser *parser,
                                     const struct json *(*values_of)(const struct json *),
                                     const char *message)
{
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        if (value_count(values_of(statement)) == 0)
            return fail(parser, "%s", message);
    }
    return 0;
}

static int check_permission_policy(struct parser *parser)
{
    struct str format_error = {0};
    if (check_syntax(parser) < 0 || check_version(parser) < 0 || check_no_principal(parser) < 0 ||
        check_legacy(parser, &format_error) < 0 || check_sids(parser) < 0 ||
        check_every_statement_has(parser, actions_of, "Policy statement must contain actions.") < 0)
        return -EINVAL;
    if (str_is_set(format_error))
        return fail(parser, STR_FMT, STR_ARG(format_error));
    if (check_action_prefixes(parser, "Action") < 0 ||
        check_action_prefixes(parser, "NotAction") < 0)
        return -EINVAL;
    return check_every_statement_has(parser, resources_of,
                                     "Policy statement must contain resources.");
}

/* --- principals --- */

static int fail_principal(struct parser *parser, struct str type, struct str text)
{
    if (parser->policy->kind != POLICY_TRUST)
        return fail(parser, "Invalid principal in policy");
    struct str shown = str_upper(parser->arena, type);
    return fail(parser, "Invalid principal in policy: \"" STR_FMT "\":\"" STR_FMT "\"",
                STR_ARG(shown), STR_ARG(text));
}

static int check_principal_object(struct parser *parser, const struct json *principal)
{
    if (!principal->first)
        return fail(parser, "Missing required field Principal cannot be empty!");
    for (const struct json *list = principal->first; list; list = list->next) {
        if (!is_text_list(list))
            return fail_shape(parser);
        if (value_count(list) == 0)
            return fail(parser, "Missing required field Principal cannot be empty!");
        const struct json *value = NULL;
        while ((value = next_value(list, value))) {
            struct principal_entry entry;
            bool is_canonical = str_eq(list->key, STR("CanonicalUser"));
            if (!principal_parse(list->key, value->text, &entry) ||
                (is_canonical && parser->policy->kind == POLICY_TRUST))
                return fail_principal(parser, list->key, value->text);
        }
    }
    return 0;
}

static int check_principal(struct parser *parser, const struct json *statement)
{
    const struct json *principal = json_find_cstr(statement, "Principal");
    const struct json *not_principal = json_find_cstr(statement, "NotPrincipal");
    if (!principal && !not_principal)
        return fail(parser, "Missing required field Principal");
    if (principal && not_principal)
        return fail_shape(parser);
    const struct json *given = principal ? principal : not_principal;
    if (json_is_object(given))
        return check_principal_object(parser, given);
    if (!json_is_string(given))
        return fail_shape(parser);
    if (!str_eq(given->text, STR("*")))
        return fail_principal(parser, STR("AWS"), given->text);
    /* AWS: CreateRole refuses "*" without a type, in these words (quoted in CDK's tests of
     * AnyPrincipal); {"AWS": "*"} is fine. */
    if (parser->policy->kind == POLICY_TRUST)
        return fail(parser, "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\".");
    return 0;
}

/* --- the newer validator: trust and resource policies --- */

static int check_effect(struct parser *parser, const struct json *statement)
{
    const struct json *effect = json_find_cstr(statement, "Effect");
    if (!effect)
        return fail(parser, "Missing required field Effect");
    if (!json_is_string(effect))
        return fail_shape(parser);
    if (!str_eq(effect->text, STR("Allow")) && !str_eq(effect->text, STR("Deny")))
        return fail(parser, "Invalid effect: " STR_FMT, STR_ARG(effect->text));
    return 0;
}

static int check_attached_actions(struct parser *parser, const struct json *statement)
{
    const struct json *actions = actions_of(statement);
    if (!actions)
        return fail(parser, "Missing required field Action");
    if (!is_text_list(actions) ||
        (json_find_cstr(statement, "Action") && json_find_cstr(statement, "NotAction")))
        return fail_shape(parser);
    if (value_count(actions) == 0)
        return fail(parser, "Missing required field Action cannot be empty!");
    const struct json *action = NULL;
    while ((action = next_value(actions, action))) {
        if (parser->policy->kind == POLICY_TRUST) {
            if (!str_eq_nocase(str_slice(action->text, 0, 4), STR("sts:")))
                return fail(parser, "AssumeRole policy may only specify STS AssumeRole actions.");
        } else if (!str_eq(action->text, STR("*")) && str_index(action->text, ':') <= 0) {
            return fail(parser, "Policy has invalid action");
        }
    }
    return 0;
}

static int check_attached_resources(struct parser *parser, const struct json *statement)
{
    const struct json *resource = json_find_cstr(statement, "Resource");
    const struct json *not_resource = json_find_cstr(statement, "NotResource");
    if (parser->policy->kind == POLICY_TRUST) {
        if (resource || not_resource)
            return fail(parser, "Has prohibited field %s", resource ? "Resource" : "NotResource");
        return 0;
    }
    const struct json *given = resource ? resource : not_resource;
    if (!given)
        return 0;
    if (!is_text_list(given) || (resource && not_resource))
        return fail_shape(parser);
    if (value_count(given) == 0)
        return fail(parser, "Missing required field Resource cannot be empty!");
    const struct json *value = NULL;
    while ((value = next_value(given, value))) {
        if (value->text.len == 0)
            return fail(parser, "Policy has invalid resource");
    }
    return 0;
}

static int check_attached_statement(struct parser *parser, const struct json *statement)
{
    if (!json_is_object(statement))
        return fail_shape(parser);
    const struct json *unknown =
        unknown_member(statement, statement_fields, ARRAY_LEN(statement_fields));
    if (unknown)
        return fail(parser, "Unknown field " STR_FMT, STR_ARG(unknown->key));
    const struct json *sid = json_find_cstr(statement, "Sid");
    if (sid && !json_is_string(sid))
        return fail_shape(parser);
    if (check_effect(parser, statement) < 0 || check_principal(parser, statement) < 0)
        return -EINVAL;
    struct str name = {0};
    switch (check_condition(json_find_cstr(statement, "Condition"), &name)) {
    case CONDITION_FINE:
        break;
    case CONDITION_BAD_SHAPE:
        return fail_shape(parser);
    case CONDITION_BAD_OPERATOR:
        return fail(parser, "Invalid Condition type : " STR_FMT, STR_ARG(name));
    }
    if (check_attached_actions(parser, statement) < 0)
        return -EINVAL;
    return check_attached_resources(parser, statement);
}

static int check_attached_policy(struct parser *parser)
{
    const struct json *root = parser->root;
    if (!json_is_object(root))
        return fail(parser, "This policy contains invalid Json");
    const struct json *unknown = unknown_member(root, document_fields, ARRAY_LEN(document_fields));
    if (unknown)
        return fail(parser, "Unknown field " STR_FMT, STR_ARG(unknown->key));
    const struct json *version = json_find_cstr(root, "Version");
    if (version && !is_known_version(version))
        return fail(parser, "The policy must contain a valid version string");
    const struct json *id = json_find_cstr(root, "Id");
    if (id && !json_is_string(id))
        return fail_shape(parser);
    if (!parser->statements)
        return fail(parser, "Missing required field Statement");
    size_t count = value_count(parser->statements);
    if (count == 0)
        return fail(parser, "Could not parse the policy: Statement is empty!");
    if (count > POLICY_MAX_STATEMENTS)
        return fail_shape(parser);
    const struct json *statement = NULL;
    while ((statement = next_value(parser->statements, statement))) {
        if (check_attached_statement(parser, statement) < 0)
            return -EINVAL;
    }
    if (str_is_set(repeated_sid(parser)))
        return fail(parser, "The Statement Ids in the policy are not unique");
    return 0;
}

/* --- compiling what has been checked --- */

static void compile_actions(struct parser *parser, const struct json *source,
                            struct statement *statement)
{
    const struct json *actions = actions_of(source);
    statement->is_not_action = json_find_cstr(source, "NotAction") != NULL;
    statement->actions =
        arena_alloc_array(parser->arena, value_count(actions), sizeof(struct pattern));
    const struct json *action = NULL;
    while ((action = next_value(actions, action))) {
        struct str lower = str_lower(parser->arena, action->text);
        statement->actions[statement->action_count++] =
            pattern_compile(parser->arena, lower, false);
    }
}

static void compile_resources(struct parser *parser, const struct json *source,
                              struct statement *statement)
{
    const struct json *resources = resources_of(source);
    statement->is_not_resource = json_find_cstr(source, "NotResource") != NULL;
    statement->resources =
        arena_alloc_array(parser->arena, value_count(resources), sizeof(struct arn_pattern));
    const struct json *resource = NULL;
    while ((resource = next_value(resources, resource)))
        statement->resources[statement->resource_count++] =
            arn_pattern_compile(parser->arena, resource->text, parser->policy->has_variables, true);
}

static void compile_principals(struct parser *parser, const struct json *source,
                               struct statement *statement)
{
    const struct json *principal = json_find_cstr(source, "Principal");
    if (!principal) {
        principal = json_find_cstr(source, "NotPrincipal");
        statement->is_not_principal = principal != NULL;
    }
    if (!principal)
        return;
    struct vec entries;
    vec_init(&entries, parser->arena, sizeof(struct principal_entry));
    if (json_is_string(principal))
        CHECK(principal_parse(STR("AWS"), principal->text, vec_push(&entries)));
    for (const struct json *list = principal->first; list; list = list->next) {
        const struct json *value = NULL;
        while ((value = next_value(list, value)))
            CHECK(principal_parse(list->key, value->text, vec_push(&entries)));
    }
    statement->principals = entries.items;
    statement->principal_count = entries.count;
}

static void compile_condition(struct parser *parser, const struct json *key,
                              struct condition *condition)
{
    condition->key = key->key;
    condition->values =
        arena_alloc_array(parser->arena, value_count(key), sizeof(struct condition_value));
    const struct json *value = NULL;
    while ((value = next_value(key, value))) {
        struct condition_value *compiled = &condition->values[condition->value_count++];
        compiled->text = scalar_text(value);
        condition_value_compile(parser->arena, condition, parser->policy->has_variables, compiled);
    }
}

static void compile_conditions(struct parser *parser, const struct json *source,
                               struct statement *statement)
{
    const struct json *blocks = json_find_cstr(source, "Condition");
    struct vec conditions;
    vec_init(&conditions, parser->arena, sizeof(struct condition));
    for (const struct json *block = blocks ? blocks->first : NULL; block; block = block->next) {
        for (const struct json *key = block->first; key; key = key->next) {
            struct condition *condition = vec_push(&conditions);
            CHECK(condition_operator_parse(block->key, condition) == 0);
            compile_condition(parser, key, condition);
        }
    }
    statement->conditions = conditions.items;
    statement->condition_count = conditions.count;
}

static void compile_policy(struct parser *parser)
{
    struct policy *policy = parser->policy;
    /* AWS: "If you don't include the Version element and set it to an appropriate version date,
     * variables like ${aws:username} are treated as literal strings". */
    policy->has_variables = str_eq(json_find_str(parser->root, "Version"), STR("2012-10-17"));
    policy->statements =
        arena_alloc_array(parser->arena, value_count(parser->statements), sizeof(struct statement));
    const struct json *source = NULL;
    while ((source = next_value(parser->statements, source))) {
        struct statement *statement = &policy->statements[policy->count++];
        statement->sid = json_find_str(source, "Sid");
        statement->is_allow = str_eq(json_find_str(source, "Effect"), STR("Allow"));
        statement->offset = source->offset;
        compile_actions(parser, source, statement);
        compile_resources(parser, source, statement);
        compile_principals(parser, source, statement);
        compile_conditions(parser, source, statement);
    }
}

/* AWS: CreateRole says so of a document that starts with white space (Terraform's users). */
static bool has_leading_space(struct str document)
{
    return document.len > 0 && str_trim(document).ptr != document.ptr;
}

int policy_parse(struct arena *arena, struct str document, enum policy_kind kind,
                 struct policy **out_policy, struct policy_error *out_error)
{
    struct policy *policy = arena_alloc(arena, sizeof(*policy));
    struct parser parser = {.arena = arena, .policy = policy, .error = out_error};
    bool is_attached = kind == POLICY_TRUST || kind == POLICY_RESOURCE;
    policy->kind = kind;
    if (kind == POLICY_TRUST && has_leading_space(document))
        return fail(&parser, "JSON strings must not have leading spaces");
    struct json *root = NULL;
    if (document.len <= POLICY_MAX_BYTES) {
        policy->document = str_copy(arena, str_or(document, STR("")));
        if (json_parse(arena, policy->document, JSON_REFUSE_DUPLICATES, &root, NULL) < 0)
            root = NULL;
    }
    if (!root)
        return is_attached ? fail(&parser, "This policy contains invalid Json")
                           : fail_syntax(&parser);
    parser.root = root;
    parser.statements = json_find_cstr(root, "Statement");
    int rc = is_attached ? check_attached_policy(&parser) : check_permission_policy(&parser);
    if (rc < 0)
        return rc;
    compile_policy(&parser);
    *out_policy = policy;
    return 0;
}
