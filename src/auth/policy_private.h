/* policy_private.h — the compiled form of a policy document, shared by the policy*.c files only.
 *
 * policy_parse.c builds it, policy_evaluate.c reads it; nothing is changed in between. All text
 * borrows from the copy of the document that the policy owns, or from its arena.
 *
 *   policy_parse.c       documents in, errors out
 *   policy_principal.c   Principal and NotPrincipal, read and matched
 *   policy_condition.c   the operators of Condition
 *   policy_pattern.c     wildcards, variables, ARNs
 *   policy_value.c       numbers, dates, networks
 *   policy_evaluate.c    the decision
 *   policy.c             questions that need no request
 */
#pragma once

#include "auth/policy.h"
#include "base/str.h"
#include "base/vec.h"

enum {
    ARN_PARTS = 6, /* arn:partition:service:region:account:resource */
    IP_BYTES = 16,
};

/* --- patterns (policy_pattern.c) --- */

/* The shapes that most patterns have, told apart once so that matching them is one comparison. */
enum pattern_shape {
    PATTERN_ANY,     /* "*" */
    PATTERN_LITERAL, /* no wildcard */
    PATTERN_PREFIX,  /* text followed by one '*' */
    PATTERN_GENERAL,
};

enum segment_kind {
    SEGMENT_PATTERN,  /* text in which '*' and '?' are wildcards */
    SEGMENT_LITERAL,  /* "${*}", "${?}", "${$}": the character itself */
    SEGMENT_VARIABLE, /* "${key}" or "${key, 'default'}" */
};

struct pattern_segment {
    enum segment_kind kind;
    struct str text;     /* of a variable: the context key */
    struct str fallback; /* of a variable with a default; else absent */
};

/* A pattern is `text` of the given shape, or a list of segments when it has variables. */
struct pattern {
    struct str text;
    enum pattern_shape shape;
    struct pattern_segment *segments;
    size_t segment_count; /* 0: no variables */
};

/* A pattern for ARNs. part_count is 0 when the text has no ARN form: then `whole` is matched. */
struct arn_pattern {
    struct pattern whole;
    struct pattern parts[ARN_PARTS];
    size_t part_count;
};

/* The text of an ARN cut at its first five colons. */
struct arn {
    struct str whole;
    struct str parts[ARN_PARTS];
    bool is_arn;
};

/* What one evaluation carries around. */
struct evaluation {
    struct arena *arena;
    const struct policy_request *request;
    struct str action; /* lower case */
    struct arn resource;
    struct vec missing; /* struct str: keys that were asked for and absent, each once */
    bool has_boundary;
};

struct pattern pattern_compile(struct arena *arena, struct str text, bool has_variables);
/* `text` must be in lower case already when the pattern is an action. A pattern with a variable
 * that has no value matches nothing. */
bool policy_pattern_matches(struct evaluation *evaluation, const struct pattern *pattern,
                            struct str text);
/* Resolves the variables; wildcards are taken literally, for comparisons that know none. Returns
 * false when a variable has no value. */
bool pattern_expand(struct evaluation *evaluation, const struct pattern *pattern,
                    struct str *out_text);

/* `complete` pads an ARN of fewer than six parts with "*", as IAM does for Resource. */
struct arn_pattern arn_pattern_compile(struct arena *arena, struct str text, bool has_variables,
                                       bool complete);
bool arn_pattern_matches(struct evaluation *evaluation, const struct arn_pattern *pattern,
                         const struct arn *arn);
struct arn arn_split(struct str text);
/* "aws", "aws-cn", ... or a pattern for them. */
bool arn_is_partition(struct str name);
bool pattern_has_wildcard(struct str text);

/* The key of the request's context, or NULL; one without values counts as absent. Absent keys are
 * noted in evaluation->missing. */
const struct policy_context_key *evaluation_find_key(struct evaluation *evaluation, struct str key);

/* --- values of conditions (policy_value.c) --- */

/* A decimal number as text, so that no digit is lost. */
struct decimal {
    bool is_negative;
    struct str integer;  /* without leading zeros; empty: zero */
    struct str fraction; /* without trailing zeros */
};

struct ip_range {
    bool is_v6;
    uint8_t bytes[IP_BYTES]; /* 4 used for v4 */
    unsigned prefix_bits;
};

/* The whole text as "-12.50". Returns 0 or -EINVAL. */
MUST_CHECK int decimal_parse(struct str text, struct decimal *out_number);
int decimal_compare(const struct decimal *a, const struct decimal *b); /* <0, 0, >0 */
/* W3C/ISO 8601 (a year alone up to fractions of a second) or seconds since 1970, to milliseconds.
 * Values beyond int64_t stop at its ends. Returns 0 or -EINVAL. */
MUST_CHECK int policy_date_parse(struct str text, int64_t *out_ms);
/* "203.0.113.0/24", "2001:db8::/32", or an address alone. IPv4-mapped IPv6 becomes IPv4. Returns 0
 * or -EINVAL. */
MUST_CHECK int ip_range_parse(struct str text, struct ip_range *out_range);
bool ip_range_contains(const struct ip_range *range, const struct ip_range *address);

/* --- conditions (policy_condition.c) --- */

enum set_qualifier {
    QUALIFIER_NONE,
    QUALIFIER_ANY, /* ForAnyValue: */
    QUALIFIER_ALL, /* ForAllValues: */
};

struct condition_operator;

struct condition_value {
    struct str text;       /* as written; booleans and numbers of JSON as their text */
    bool is_valid;         /* false: not a value of the operator's type, matches nothing */
    struct pattern string; /* String*, Bool */
    struct arn_pattern *arn;
    struct decimal number;
    int64_t date_ms;
    struct ip_range range;
    struct str bytes; /* BinaryEquals */
};

struct condition {
    const struct condition_operator *comparator;
    enum set_qualifier qualifier;
    bool if_exists;
    struct str key;
    struct condition_value *values;
    size_t value_count;
};

/* Splits "ForAnyValue:StringLikeIfExists". Returns 0 or -EINVAL for a name that IAM does not know.
 */
MUST_CHECK int condition_operator_parse(struct str name, struct condition *out_condition);
/* Fills `value` from its text as the operator of the condition reads it. */
void condition_value_compile(struct arena *arena, const struct condition *condition,
                             bool has_variables, struct condition_value *value);
/* True for the six Date operators, whose values IAM checks when a policy is written. */
bool condition_operator_is_date(const struct condition *condition);
bool condition_holds(struct evaluation *evaluation, const struct condition *condition);
/* Whether the condition lets only fixed values of its key pass (for policy_is_public). */
bool condition_pins_value(const struct condition *condition);

/* --- the document --- */

struct principal_entry {
    enum policy_principal_kind kind;
    struct str text;
    struct str account; /* POLICY_PRINCIPAL_ACCOUNT: the 12 digits */
};

struct statement {
    struct str sid; /* absent when there is none */
    bool is_allow;
    bool is_not_action;
    bool is_not_resource;
    bool is_not_principal;
    struct pattern *actions; /* lower case */
    size_t action_count;
    struct arn_pattern *resources; /* none: the statement is about whatever it is attached to */
    size_t resource_count;
    struct principal_entry *principals;
    size_t principal_count;
    struct condition *conditions;
    size_t condition_count;
    size_t offset; /* of the statement in the document */
};

/* --- principals (policy_principal.c) --- */

enum match_level {
    LEVEL_NONE,
    LEVEL_ACCOUNT, /* the account is named: its identity policies decide */
    LEVEL_PARENT,  /* the role of the session, or the user behind a federated user */
    LEVEL_DIRECT,  /* the requester itself, or everyone */
};

/* `type` is "AWS", "Service", ... Returns false for what cannot be a principal. */
bool principal_parse(struct str type, struct str text, struct principal_entry *entry);
/* How the Principal or NotPrincipal of a statement takes in the requester. */
enum match_level principal_match(const struct evaluation *evaluation,
                                 const struct statement *statement);

struct policy {
    enum policy_kind kind;
    bool has_variables; /* Version 2012-10-17 */
    struct str document;
    struct statement *statements;
    size_t count;
};
