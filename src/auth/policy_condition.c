/* policy_condition.c — the condition operators: one table, and the rules around it.
 *
 * Every operator is a positive comparison of one context value with one policy value, and maybe a
 * negation of it. The rules for several values, missing keys, IfExists and the set qualifiers are
 * the same for all and live in condition_holds.
 *
 * Docs: IAM user guide, "IAM JSON policy elements: Condition operators", "Conditions with multiple
 * context keys or values", "Set operators for multivalued context keys".
 */
#include "auth/policy_private.h"

#include <errno.h>

#include "base/arena.h"
#include "syntax/base64.h"

enum value_type {
    VALUE_STRING,
    VALUE_BOOL,
    VALUE_ARN,
    VALUE_NUMBER,
    VALUE_DATE,
    VALUE_IP,
    VALUE_BINARY,
    VALUE_NULL,
};

/* How the context's value stands to the policy's; strings know the first three. */
enum relation {
    RELATION_EQUAL,
    RELATION_EQUAL_NOCASE,
    RELATION_LIKE,
    RELATION_LESS,
    RELATION_LESS_EQUAL,
    RELATION_GREATER,
    RELATION_GREATER_EQUAL,
};

struct condition_operator {
    const char *name;
    enum value_type type;
    enum relation relation;
    bool is_negated;
};

static const struct condition_operator operators[] = {
    {"StringEquals", VALUE_STRING, RELATION_EQUAL, false},
    {"StringNotEquals", VALUE_STRING, RELATION_EQUAL, true},
    {"StringEqualsIgnoreCase", VALUE_STRING, RELATION_EQUAL_NOCASE, false},
    {"StringNotEqualsIgnoreCase", VALUE_STRING, RELATION_EQUAL_NOCASE, true},
    {"StringLike", VALUE_STRING, RELATION_LIKE, false},
    {"StringNotLike", VALUE_STRING, RELATION_LIKE, true},
    {"NumericEquals", VALUE_NUMBER, RELATION_EQUAL, false},
    {"NumericNotEquals", VALUE_NUMBER, RELATION_EQUAL, true},
    {"NumericLessThan", VALUE_NUMBER, RELATION_LESS, false},
    {"NumericLessThanEquals", VALUE_NUMBER, RELATION_LESS_EQUAL, false},
    {"NumericGreaterThan", VALUE_NUMBER, RELATION_GREATER, false},
    {"NumericGreaterThanEquals", VALUE_NUMBER, RELATION_GREATER_EQUAL, false},
    {"DateEquals", VALUE_DATE, RELATION_EQUAL, false},
    {"DateNotEquals", VALUE_DATE, RELATION_EQUAL, true},
    {"DateLessThan", VALUE_DATE, RELATION_LESS, false},
    {"DateLessThanEquals", VALUE_DATE, RELATION_LESS_EQUAL, false},
    {"DateGreaterThan", VALUE_DATE, RELATION_GREATER, false},
    {"DateGreaterThanEquals", VALUE_DATE, RELATION_GREATER_EQUAL, false},
    {"Bool", VALUE_BOOL, RELATION_EQUAL, false},
    {"BinaryEquals", VALUE_BINARY, RELATION_EQUAL, false},
    {"IpAddress", VALUE_IP, RELATION_LIKE, false},
    {"NotIpAddress", VALUE_IP, RELATION_LIKE, true},
    /* AWS: "The ArnEquals and ArnLike condition operators behave identically." */
    {"ArnEquals", VALUE_ARN, RELATION_LIKE, false},
    {"ArnNotEquals", VALUE_ARN, RELATION_LIKE, true},
    {"ArnLike", VALUE_ARN, RELATION_LIKE, false},
    {"ArnNotLike", VALUE_ARN, RELATION_LIKE, true},
    {"Null", VALUE_NULL, RELATION_EQUAL, false},
};

static const struct condition_operator *find_operator(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (str_eq_nocase(name, str_from_cstr(operators[i].name)))
            return &operators[i];
    }
    return NULL;
}

static bool cut_prefix(struct str *name, struct str prefix)
{
    if (!str_eq_nocase(str_slice(*name, 0, prefix.len), prefix))
        return false;
    *name = str_from(*name, prefix.len);
    return true;
}

static bool cut_suffix(struct str *name, struct str suffix)
{
    if (name->len < suffix.len || !str_eq_nocase(str_from(*name, name->len - suffix.len), suffix))
        return false;
    name->len -= suffix.len;
    return true;
}

int condition_operator_parse(struct str name, struct condition *out_condition)
{
    struct condition condition = {.qualifier = QUALIFIER_NONE};
    if (cut_prefix(&name, STR("ForAnyValue:")))
        condition.qualifier = QUALIFIER_ANY;
    else if (cut_prefix(&name, STR("ForAllValues:")))
        condition.qualifier = QUALIFIER_ALL;
    condition.if_exists = cut_suffix(&name, STR("IfExists"));
    condition.comparator = find_operator(name);
    /* AWS: "You can add IfExists to the end of any condition operator name except the Null". */
    if (!condition.comparator || (condition.if_exists && condition.comparator->type == VALUE_NULL))
        return -EINVAL;
    *out_condition = condition;
    return 0;
}

bool condition_operator_is_date(const struct condition *condition)
{
    return condition->comparator->type == VALUE_DATE;
}

static void compile_arn(struct arena *arena, bool has_variables, struct condition_value *value)
{
    value->arn = arena_alloc(arena, sizeof(*value->arn));
    *value->arn = arn_pattern_compile(arena, value->text, has_variables, false);
}

/* AWS: variables may stand in "any condition that involves the string operators or the ARN
 * operators", and "with the Boolean condition operator"; not with the other types. */
void condition_value_compile(struct arena *arena, const struct condition *condition,
                             bool has_variables, struct condition_value *value)
{
    value->is_valid = true;
    switch (condition->comparator->type) {
    case VALUE_STRING:
    case VALUE_BOOL:
    case VALUE_NULL:
        value->string = pattern_compile(arena, value->text, has_variables);
        break;
    case VALUE_ARN:
        compile_arn(arena, has_variables, value);
        break;
    case VALUE_NUMBER:
        value->is_valid = decimal_parse(value->text, &value->number) == 0;
        break;
    case VALUE_DATE:
        value->is_valid = policy_date_parse(value->text, &value->date_ms) == 0;
        break;
    case VALUE_IP:
        value->is_valid = ip_range_parse(value->text, &value->range) == 0;
        break;
    case VALUE_BINARY:
        value->is_valid = base64_decode(arena, value->text, &value->bytes) == 0;
        break;
    }
}

static bool order_satisfies(enum relation relation, int order)
{
    switch (relation) {
    case RELATION_LESS:
        return order < 0;
    case RELATION_LESS_EQUAL:
        return order <= 0;
    case RELATION_GREATER:
        return order > 0;
    case RELATION_GREATER_EQUAL:
        return order >= 0;
    case RELATION_EQUAL:
    case RELATION_EQUAL_NOCASE:
    case RELATION_LIKE:
        break;
    }
    return order == 0;
}

/* AWS: a variable that "has no value or is not present" is null; "there is no equal or like value",
 * so that positive operators do not match and inverted ones do. */
static bool string_matches(struct evaluation *evaluation, enum relation relation,
                           const struct pattern *pattern, struct str text)
{
    if (relation == RELATION_LIKE)
        return policy_pattern_matches(evaluation, pattern, text);
    struct str expected;
    if (!pattern_expand(evaluation, pattern, &expected))
        return false;
    return relation == RELATION_EQUAL_NOCASE ? str_eq_nocase(expected, text)
                                             : str_eq(expected, text);
}

static bool is_true(struct str text)
{
    return str_eq_nocase(text, STR("true"));
}

/* Only "true" is true: CDK writes {"Bool": {"aws:ViaAWSService": "codepipeline.amazonaws.com"}},
 * which is satisfied by a request that came through no service. */
static bool bool_matches(struct evaluation *evaluation, const struct pattern *pattern,
                         struct str text)
{
    struct str expected;
    return pattern_expand(evaluation, pattern, &expected) && is_true(expected) == is_true(text);
}

/* One value of the context against one of the policy, without the negation. */
static bool value_matches(struct evaluation *evaluation,
                          const struct condition_operator *comparator,
                          const struct condition_value *value, struct str text)
{
    if (!value->is_valid)
        return false;
    struct decimal number;
    struct ip_range address;
    int64_t date_ms = 0;
    struct arn arn;
    switch (comparator->type) {
    case VALUE_STRING:
        return string_matches(evaluation, comparator->relation, &value->string, text);
    case VALUE_BOOL:
        return bool_matches(evaluation, &value->string, text);
    case VALUE_ARN:
        arn = arn_split(text);
        return arn_pattern_matches(evaluation, value->arn, &arn);
    case VALUE_NUMBER:
        return decimal_parse(text, &number) == 0 &&
               order_satisfies(comparator->relation, decimal_compare(&number, &value->number));
    case VALUE_DATE:
        return policy_date_parse(text, &date_ms) == 0 &&
               order_satisfies(comparator->relation,
                               (date_ms > value->date_ms) - (date_ms < value->date_ms));
    case VALUE_IP:
        return ip_range_parse(text, &address) == 0 && ip_range_contains(&value->range, &address);
    case VALUE_BINARY:
        return str_eq(value->bytes, text);
    case VALUE_NULL:
        break;
    }
    return false;
}

/* AWS: several values are OR; of a negated operator they are NOR. */
static bool text_passes(struct evaluation *evaluation, const struct condition *condition,
                        struct str text)
{
    bool matches = false;
    for (size_t i = 0; i < condition->value_count && !matches; i++)
        matches = value_matches(evaluation, condition->comparator, &condition->values[i], text);
    return matches != condition->comparator->is_negated;
}

/* AWS: Null is "true (the key doesn't exist) or false (the key exists and its value is not null)".
 */
static bool null_holds(const struct condition *condition, bool is_present)
{
    for (size_t i = 0; i < condition->value_count; i++) {
        if (is_true(condition->values[i].text) != is_present)
            return true;
    }
    return false;
}

/* AWS: ForAllValues "returns true if there are no context keys in the request or if the context key
 * value resolves to a null dataset, such as an empty string"; ForAnyValue then returns false. */
static bool set_holds(struct evaluation *evaluation, const struct condition *condition,
                      const struct policy_context_key *key)
{
    bool wants_all = condition->qualifier == QUALIFIER_ALL;
    for (size_t i = 0; i < key->value_count; i++) {
        if (key->values[i].len == 0)
            continue;
        if (text_passes(evaluation, condition, key->values[i]) != wants_all)
            return !wants_all;
    }
    return wants_all;
}

/* AWS: a missing key makes a positive operator false and a negated one true; IfExists makes both
 * true, so that StringNotLikeIfExists in a Deny fires when the key is absent. */
static bool missing_holds(const struct condition *condition)
{
    if (condition->qualifier == QUALIFIER_ALL || condition->if_exists)
        return true;
    return condition->qualifier == QUALIFIER_NONE && condition->comparator->is_negated;
}

bool condition_holds(struct evaluation *evaluation, const struct condition *condition)
{
    const struct policy_context_key *key = evaluation_find_key(evaluation, condition->key);
    if (condition->comparator->type == VALUE_NULL)
        return null_holds(condition, key != NULL);
    if (!key)
        return missing_holds(condition);
    if (condition->qualifier != QUALIFIER_NONE)
        return set_holds(evaluation, condition, key);
    /* AWS: "you must use the ForAllValues or ForAnyValue set operators" to compare a key of several
     * values; without one nothing matches, unless the operator is negated and no value does. */
    if (key->value_count > 1 && !condition->comparator->is_negated)
        return false;
    for (size_t i = 0; i < key->value_count; i++) {
        if (!text_passes(evaluation, condition, key->values[i]))
            return false;
    }
    return true;
}

/* AWS: a fixed value is one "that doesn't contain a wildcard or an IAM policy variable"; ranges
 * "broader than /8 for IPv4 and /32 for IPv6" count as public. An ARN may have wildcards as long as
 * its account is fixed. */
static bool value_is_fixed(const struct condition *condition, const struct condition_value *value)
{
    enum { PUBLIC_V4_BITS = 8, PUBLIC_V6_BITS = 32 };
    switch (condition->comparator->type) {
    case VALUE_STRING:
        return value->text.len > 0 && value->string.segment_count == 0 &&
               (condition->comparator->relation != RELATION_LIKE ||
                !pattern_has_wildcard(value->text));
    case VALUE_ARN:
        if (value->arn->part_count == ARN_PARTS && value->arn->parts[4].text.len > 0)
            return value->arn->parts[4].segment_count == 0 &&
                   value->arn->parts[4].shape == PATTERN_LITERAL;
        return value->arn->whole.segment_count == 0 && !pattern_has_wildcard(value->text);
    case VALUE_IP:
        return value->is_valid &&
               value->range.prefix_bits >= (value->range.is_v6 ? PUBLIC_V6_BITS : PUBLIC_V4_BITS);
    case VALUE_BOOL:
    case VALUE_NUMBER:
    case VALUE_DATE:
    case VALUE_BINARY:
    case VALUE_NULL:
        break;
    }
    return false;
}

bool condition_pins_value(const struct condition *condition)
{
    if (condition->comparator->is_negated || condition->if_exists ||
        condition->qualifier == QUALIFIER_ALL || condition->value_count == 0)
        return false;
    for (size_t i = 0; i < condition->value_count; i++) {
        if (!value_is_fixed(condition, &condition->values[i]))
            return false;
    }
    return true;
}
