/* policy_pattern.c — wildcards, policy variables and ARN patterns.
 *
 * A pattern is compiled to its shape, or to segments when it has variables. Values that replace
 * variables are literal: an asterisk in a user's name must not become a wildcard. So expansion
 * gives the text together with one flag per byte that says "literal".
 *
 * Docs: IAM user guide, "IAM JSON policy elements: Resource", "IAM policy elements: Variables and
 * tags".
 */
#include "auth/policy_private.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static char lower_char(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_char(char a, char b, bool nocase)
{
    return a == b || (nocase && lower_char(a) == lower_char(b));
}

/* Greedy with one point of return: after a later '*' the earlier ones need no second try, so the
 * cost is at most pattern × text. `is_literal` may be NULL: then all '*' and '?' are wildcards. */
static bool wildcard_match(struct str pattern, const bool *is_literal, struct str text, bool nocase)
{
    size_t at = 0;
    size_t text_at = 0;
    size_t star = SIZE_MAX;
    size_t star_text = 0;
    while (text_at < text.len) {
        bool is_wild = at < pattern.len && !(is_literal && is_literal[at]);
        if (is_wild && pattern.ptr[at] == '*') {
            star = at++;
            star_text = text_at;
        } else if (at < pattern.len && ((is_wild && pattern.ptr[at] == '?') ||
                                        same_char(pattern.ptr[at], text.ptr[text_at], nocase))) {
            at++;
            text_at++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            text_at = ++star_text;
        } else {
            return false;
        }
    }
    while (at < pattern.len && pattern.ptr[at] == '*' && !(is_literal && is_literal[at]))
        at++;
    return at == pattern.len;
}

bool policy_wildcard_match(struct str pattern, struct str text, bool nocase)
{
    return wildcard_match(pattern, NULL, text, nocase);
}

static bool is_wildcard(char c)
{
    return c == '*' || c == '?';
}

bool pattern_has_wildcard(struct str text)
{
    return str_index(text, '*') >= 0 || str_index(text, '?') >= 0;
}

static enum pattern_shape shape_of(struct str text)
{
    size_t literal = 0;
    while (literal < text.len && !is_wildcard(text.ptr[literal]))
        literal++;
    if (literal == text.len)
        return PATTERN_LITERAL;
    if (literal + 1 == text.len && text.ptr[literal] == '*')
        return literal == 0 ? PATTERN_ANY : PATTERN_PREFIX;
    return PATTERN_GENERAL;
}

/* The length of the variable that starts `text` with "${", its braces included, or 0 when it is not
 * closed. A quoted default may contain a brace. */
static size_t variable_length(struct str text)
{
    bool in_quotes = false;
    for (size_t i = 2; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            in_quotes = !in_quotes;
        else if (text.ptr[i] == '}' && !in_quotes)
            return i + 1;
    }
    /* An apostrophe that opens no default. */
    ptrdiff_t brace = str_index(text, '}');
    return brace < 0 ? 0 : (size_t)brace + 1;
}

/* `inside` is what stands between the braces.
 * AWS: "surround the default value with single quotes (' '), and separate the variable text and the
 * default value with a comma and space". */
static struct pattern_segment segment_of_variable(struct str inside)
{
    if (inside.len == 1 && (is_wildcard(inside.ptr[0]) || inside.ptr[0] == '$'))
        return (struct pattern_segment){.kind = SEGMENT_LITERAL, .text = inside};
    struct pattern_segment segment = {.kind = SEGMENT_VARIABLE, .text = str_trim(inside)};
    ptrdiff_t comma = str_index(inside, ',');
    if (comma < 0)
        return segment;
    struct str fallback = str_trim(str_from(inside, (size_t)comma + 1));
    if (fallback.len < 2 || fallback.ptr[0] != '\'' || fallback.ptr[fallback.len - 1] != '\'')
        return segment;
    segment.text = str_trim(str_slice(inside, 0, (size_t)comma));
    segment.fallback = str_slice(fallback, 1, fallback.len - 2);
    return segment;
}

static bool starts_variable(struct str text, size_t at)
{
    return at + 1 < text.len && text.ptr[at] == '$' && text.ptr[at + 1] == '{';
}

static void add_segment(struct vec *segments, struct pattern_segment segment)
{
    *(struct pattern_segment *)vec_push(segments) = segment;
}

static void cut_segments(struct arena *arena, struct pattern *pattern)
{
    struct vec segments;
    vec_init(&segments, arena, sizeof(struct pattern_segment));
    struct str text = pattern->text;
    size_t from = 0;
    for (size_t at = 0; at < text.len;) {
        size_t len = starts_variable(text, at) ? variable_length(str_from(text, at)) : 0;
        if (len == 0) {
            at++;
            continue;
        }
        if (at > from)
            add_segment(&segments,
                        (struct pattern_segment){.kind = SEGMENT_PATTERN,
                                                 .text = str_slice(text, from, at - from)});
        add_segment(&segments, segment_of_variable(str_slice(text, at + 2, len - 3)));
        at += len;
        from = at;
    }
    if (segments.count == 0)
        return;
    if (from < text.len)
        add_segment(&segments, (struct pattern_segment){.kind = SEGMENT_PATTERN,
                                                        .text = str_from(text, from)});
    pattern->segments = segments.items;
    pattern->segment_count = segments.count;
}

struct pattern pattern_compile(struct arena *arena, struct str text, bool has_variables)
{
    struct pattern pattern = {.text = text, .shape = shape_of(text)};
    if (has_variables && str_find(text, STR("${")) >= 0)
        cut_segments(arena, &pattern);
    return pattern;
}

static bool is_noted(const struct vec *missing, struct str key)
{
    for (size_t i = 0; i < missing->count; i++) {
        if (str_eq_nocase(*(const struct str *)vec_at(missing, i), key))
            return true;
    }
    return false;
}

const struct policy_context_key *evaluation_find_key(struct evaluation *evaluation, struct str key)
{
    const struct policy_context *context = evaluation->request->context;
    for (size_t i = 0; context && i < context->key_count; i++) {
        if (context->keys[i].value_count > 0 && str_eq_nocase(context->keys[i].key, key))
            return &context->keys[i];
    }
    if (!is_noted(&evaluation->missing, key))
        *(struct str *)vec_push(&evaluation->missing) = key;
    return NULL;
}

/* The value of a variable; absent when it has none.
 * AWS: "you can use any available single-valued context key as a policy variable, but you can't use
 * a multivalued context key". */
static struct str variable_value(struct evaluation *evaluation,
                                 const struct pattern_segment *segment)
{
    const struct policy_context_key *key = evaluation_find_key(evaluation, segment->text);
    if (key && key->value_count == 1)
        return str_or(key->values[0], STR(""));
    return segment->fallback;
}

/* Expands into `out_text` and one flag per byte. */
static bool expand(struct evaluation *evaluation, const struct pattern *pattern,
                   struct str *out_text, bool **out_is_literal)
{
    struct str *values =
        arena_alloc_array(evaluation->arena, pattern->segment_count, sizeof(struct str));
    size_t len = 0;
    for (size_t i = 0; i < pattern->segment_count; i++) {
        const struct pattern_segment *segment = &pattern->segments[i];
        values[i] =
            segment->kind == SEGMENT_VARIABLE ? variable_value(evaluation, segment) : segment->text;
        if (!str_is_set(values[i]))
            return false;
        len += values[i].len;
    }
    char *text = arena_alloc_text(evaluation->arena, len);
    bool *is_literal = arena_alloc_array(evaluation->arena, len, sizeof(bool));
    size_t at = 0;
    for (size_t i = 0; i < pattern->segment_count; i++) {
        if (values[i].len > 0)
            memcpy(text + at, values[i].ptr, values[i].len);
        memset(is_literal + at, pattern->segments[i].kind != SEGMENT_PATTERN, values[i].len);
        at += values[i].len;
    }
    *out_text = str_of(text, len);
    *out_is_literal = is_literal;
    return true;
}

bool pattern_expand(struct evaluation *evaluation, const struct pattern *pattern,
                    struct str *out_text)
{
    if (pattern->segment_count == 0) {
        *out_text = pattern->text;
        return true;
    }
    bool *is_literal = NULL;
    return expand(evaluation, pattern, out_text, &is_literal);
}

bool policy_pattern_matches(struct evaluation *evaluation, const struct pattern *pattern,
                            struct str text)
{
    if (pattern->segment_count > 0) {
        struct str expanded;
        bool *is_literal = NULL;
        return expand(evaluation, pattern, &expanded, &is_literal) &&
               wildcard_match(expanded, is_literal, text, false);
    }
    switch (pattern->shape) {
    case PATTERN_ANY:
        return true;
    case PATTERN_LITERAL:
        return str_eq(pattern->text, text);
    case PATTERN_PREFIX:
        return str_starts_with(text, str_slice(pattern->text, 0, pattern->text.len - 1));
    case PATTERN_GENERAL:
        return wildcard_match(pattern->text, NULL, text, false);
    }
    return false;
}

/* Cuts at the first five colons, but not inside "${...}" when there can be variables. Returns the
 * number of parts. */
static size_t cut_arn(struct str text, bool has_variables, struct str parts[ARN_PARTS])
{
    size_t count = 0;
    size_t from = 0;
    for (size_t at = 0; at < text.len && count + 1 < ARN_PARTS;) {
        size_t skip =
            has_variables && starts_variable(text, at) ? variable_length(str_from(text, at)) : 0;
        if (skip == 0 && text.ptr[at] == ':') {
            parts[count++] = str_slice(text, from, at - from);
            from = at + 1;
        }
        at += skip ? skip : 1;
    }
    parts[count++] = str_from(text, from);
    return count;
}

/* "arn:*:s3:::bucket" serves templates that are used in several partitions. */
bool arn_is_partition(struct str name)
{
    static const char *const names[] = {
        "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_cstr(name, names[i]))
            return true;
    }
    return pattern_has_wildcard(name);
}

struct arn arn_split(struct str text)
{
    struct arn arn = {.whole = text};
    arn.is_arn = cut_arn(text, false, arn.parts) == ARN_PARTS && str_eq(arn.parts[0], STR("arn"));
    return arn;
}

/* AWS: "If you specify an incomplete ARN (one with fewer than the standard six fields) in the
 * Resource element of a policy, AWS automatically completes the ARN by adding wildcard characters
 * (*) to all missing fields" (IAM JSON policy elements: Resource).
 * DEVIATION: variables are resolved in all parts; AWS's guide promises it for the last part only,
 * and a template that relies on more is easier to debug when it does what it says. */
struct arn_pattern arn_pattern_compile(struct arena *arena, struct str text, bool has_variables,
                                       bool complete)
{
    struct arn_pattern pattern = {.whole = pattern_compile(arena, text, has_variables)};
    struct str parts[ARN_PARTS];
    size_t count = cut_arn(text, has_variables, parts);
    if (count < 2 || (count < ARN_PARTS && !complete))
        return pattern;
    for (size_t i = 0; i < ARN_PARTS; i++)
        pattern.parts[i] = pattern_compile(arena, i < count ? parts[i] : STR("*"), has_variables);
    pattern.part_count = ARN_PARTS;
    return pattern;
}

/* Part by part, so that a '*' between colons stays there; the last part may contain colons itself.
 * A resource that is no ARN ("*" of actions without resources) compares as a whole. */
bool arn_pattern_matches(struct evaluation *evaluation, const struct arn_pattern *pattern,
                         const struct arn *arn)
{
    if (pattern->part_count == 0 || !arn->is_arn)
        return policy_pattern_matches(evaluation, &pattern->whole, arn->whole);
    for (size_t i = 0; i < ARN_PARTS; i++) {
        if (!policy_pattern_matches(evaluation, &pattern->parts[i], arn->parts[i]))
            return false;
    }
    return true;
}

bool policy_arn_match(struct str pattern, struct str arn)
{
    struct str patterns[ARN_PARTS];
    size_t count = cut_arn(pattern, false, patterns);
    struct arn split = arn_split(arn);
    if (count < 2 || !split.is_arn)
        return wildcard_match(pattern, NULL, arn, false);
    for (size_t i = 0; i < count; i++) {
        if (!wildcard_match(patterns[i], NULL, split.parts[i], false))
            return false;
    }
    return true;
}
