/* pattern.c — AllowedPattern by PCRE2, which is close to the java.util.regex that AWS uses.
 *
 * Patterns and values come from outside, so both the steps and the memory of a match are limited: a
 * pattern that backtracks for ever does not match.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine/template/pattern.h"

#include <errno.h>
#include <pcre2.h>

enum {
    /* Steps of one match. A 4,096-byte value against an ordinary pattern needs some thousands. */
    PATTERN_MATCH_LIMIT = 200000,
    PATTERN_HEAP_LIMIT_KIB = 4096,
};

static void pcre2_code_autoclose(pcre2_code **slot)
{
    pcre2_code_free(*slot);
}

static void match_data_autoclose(pcre2_match_data **slot)
{
    pcre2_match_data_free(*slot);
}

static void match_context_autoclose(pcre2_match_context **slot)
{
    pcre2_match_context_free(*slot);
}

int template_pattern_matches(struct str pattern, struct str value)
{
    int error = 0;
    size_t offset = 0;
    uint32_t options = PCRE2_ALT_BSUX;
    if (str_is_utf8(pattern) && str_is_utf8(value))
        options |= PCRE2_UTF;
    AUTO(pcre2_code)
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, options, &error, &offset, NULL);
    if (!code)
        return -EINVAL;

    AUTO(match_data)
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    AUTO(match_context) pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (!data || !context)
        return -ENOMEM;
    pcre2_set_match_limit(context, PATTERN_MATCH_LIMIT);
    pcre2_set_heap_limit(context, PATTERN_HEAP_LIMIT_KIB);
    /* AWS: AllowedPattern "must match the entire parameter value provided". */
    int rc = pcre2_match(code, (PCRE2_SPTR)value.ptr, value.len, 0,
                         PCRE2_ANCHORED | PCRE2_ENDANCHORED, data, context);
    return rc >= 0 ? 1 : 0;
}
