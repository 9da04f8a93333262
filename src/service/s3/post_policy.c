/* post_policy.c — judges a form upload by its policy document: expiration, conditions, and that
 * every field is covered by a condition.
 */
#include "service/s3/post_policy.h"

#include "base/arena.h"
#include "syntax/json.h"
#include "syntax/time.h"

/* Whether a field needs no condition. AWS: "Each form field that you specify in a form (except
 * x-amz-signature, file, policy, and field names that have an x-ignore- prefix) must appear in the
 * list of conditions." */
static bool is_exempt(struct str name)
{
    static const struct str names[] = {STR_INIT("x-amz-signature"), STR_INIT("signature"),
                                       STR_INIT("file"), STR_INIT("policy"),
                                       STR_INIT("AWSAccessKeyId")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(names[i], name))
            return true;
    }
    return str_eq_nocase(str_slice(name, 0, 9), STR("x-ignore-"));
}

static enum post_policy_result fail(struct post_policy_problem *problem,
                                    enum post_policy_result result, struct str message)
{
    problem->message = message;
    return result;
}

/* What a condition is about; absent: the form has no such field. */
static struct str field_value(const struct post_upload *upload, struct str name)
{
    if (str_eq_nocase(name, STR("bucket")))
        return upload->bucket;
    if (str_eq_nocase(name, STR("key")))
        return upload->key;
    return form_data_find(upload->form, name);
}

/* One condition in its long form: ["eq", "$acl", "public-read"]. */
struct condition {
    const struct json *source;
    struct str kind;
    struct str field; /* without '$' */
    const struct json *value;
    const struct json *upper; /* of content-length-range */
};

/* Reads a condition; {"acl": "x"} has one member per condition, of which `member` is one. */
static bool read_condition(const struct json *source, const struct json *object_member,
                           struct condition *out)
{
    *out = (struct condition){.source = source};
    if (object_member) {
        *out = (struct condition){.source = source,
                                  .kind = STR("eq"),
                                  .field = object_member->key,
                                  .value = object_member};
        return json_is_string(object_member);
    }
    if (!json_is_array(source) || source->count != 3)
        return false;
    const struct json *first = source->first;
    out->kind = str_or(first->text, STR(""));
    if (str_eq_nocase(out->kind, STR("content-length-range"))) {
        out->value = first->next;
        out->upper = first->next->next;
        return true;
    }
    struct str field = str_or(first->next->text, STR(""));
    out->field = str_starts_with(field, STR("$")) ? str_from(field, 1) : field;
    out->value = first->next->next;
    return json_is_string(out->value);
}

static enum post_policy_result check_size(struct arena *arena, const struct condition *condition,
                                          const struct post_upload *upload,
                                          struct post_policy_problem *problem)
{
    int64_t least = 0;
    int64_t most = 0;
    (void)arena;
    if (str_to_i64(str_or(condition->value->text, STR("")), &least) < 0 ||
        str_to_i64(str_or(condition->upper->text, STR("")), &most) < 0)
        return fail(problem, POST_POLICY_INVALID,
                    STR("Invalid Policy: Invalid 'content-length-range' value."));
    problem->bound = upload->size > most ? most : least;
    if (upload->size > most)
        return fail(problem, POST_POLICY_TOO_LARGE,
                    STR("Your proposed upload exceeds the maximum allowed size"));
    if (upload->size < least)
        return fail(problem, POST_POLICY_TOO_SMALL,
                    STR("Your proposed upload is smaller than the minimum allowed size"));
    return POST_POLICY_FITS;
}

static enum post_policy_result check_condition(struct arena *arena,
                                               const struct condition *condition,
                                               const struct post_upload *upload,
                                               struct post_policy_problem *problem)
{
    if (condition->upper)
        return check_size(arena, condition, upload, problem);
    struct str value = str_or(field_value(upload, condition->field), STR(""));
    bool is_prefix = str_eq_nocase(condition->kind, STR("starts-with"));
    if (!is_prefix && !str_eq_nocase(condition->kind, STR("eq")))
        return fail(problem, POST_POLICY_INVALID, STR("Invalid Policy: Invalid Condition."));
    bool fits = is_prefix ? str_starts_with(value, condition->value->text)
                          : str_eq(value, condition->value->text);
    if (fits)
        return POST_POLICY_FITS;
    struct str source = json_is_object(condition->source)
                            ? str_format(arena, "[\"eq\", \"$" STR_FMT "\", \"" STR_FMT "\"]",
                                         STR_ARG(condition->field), STR_ARG(condition->value->text))
                            : json_to_str(arena, condition->source);
    return fail(
        problem, POST_POLICY_REFUSES,
        str_concat(arena, STR("Invalid according to Policy: Policy Condition failed: "), source));
}

static bool covers(const struct json *conditions, struct str name)
{
    for (const struct json *item = conditions->first; item; item = item->next) {
        const struct json *member = json_is_object(item) ? item->first : NULL;
        struct condition condition = {0};
        if (!member && read_condition(item, NULL, &condition) &&
            str_eq_nocase(condition.field, name))
            return true;
        for (; member; member = member->next) {
            if (str_eq_nocase(member->key, name))
                return true;
        }
    }
    return false;
}

static enum post_policy_result check_all(struct arena *arena, const struct json *conditions,
                                         const struct post_upload *upload,
                                         struct post_policy_problem *problem)
{
    for (const struct json *item = conditions->first; item; item = item->next) {
        const struct json *member = json_is_object(item) ? item->first : NULL;
        do {
            struct condition condition = {0};
            if (!read_condition(item, member, &condition))
                return fail(problem, POST_POLICY_INVALID,
                            STR("Invalid Policy: Invalid Simple-Condition."));
            enum post_policy_result result = check_condition(arena, &condition, upload, problem);
            if (result != POST_POLICY_FITS)
                return result;
            member = member ? member->next : NULL;
        } while (member);
    }
    for (size_t i = 0; i < upload->form->part_count; i++) {
        struct str name = upload->form->parts[i].name;
        if (!is_exempt(name) && !covers(conditions, name))
            return fail(
                problem, POST_POLICY_REFUSES,
                str_concat(arena, STR("Invalid according to Policy: Extra input fields: "), name));
    }
    return POST_POLICY_FITS;
}

enum post_policy_result post_policy_check(struct arena *arena, struct str document,
                                          const struct post_upload *upload,
                                          struct post_policy_problem *out_problem)
{
    struct json *policy = NULL;
    int64_t expires_ms = 0;
    *out_problem = (struct post_policy_problem){0};
    if (json_parse(arena, document, 0, &policy, NULL) < 0 || !json_is_object(policy))
        return fail(out_problem, POST_POLICY_INVALID, STR("Invalid Policy: Invalid JSON."));
    const struct json *expiration = json_find_cstr(policy, "expiration");
    const struct json *conditions = json_find_cstr(policy, "conditions");
    if (!json_is_string(expiration))
        return fail(out_problem, POST_POLICY_INVALID,
                    STR("Invalid Policy: Policy missing expiration."));
    if (time_parse_rfc3339(expiration->text, &expires_ms) < 0)
        return fail(out_problem, POST_POLICY_INVALID,
                    STR("Invalid Policy: Invalid 'expiration' value."));
    if (!json_is_array(conditions))
        return fail(out_problem, POST_POLICY_INVALID,
                    STR("Invalid Policy: Policy missing conditions."));
    if (expires_ms <= upload->now_ms)
        return fail(out_problem, POST_POLICY_REFUSES,
                    STR("Invalid according to Policy: Policy expired."));
    return check_all(arena, conditions, upload, out_problem);
}
