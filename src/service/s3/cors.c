/* cors.c — cross-origin requests: preflights, and headers on the answers to actual requests; the
 * `finish` hook of the bucket half.
 *
 * A preflight is an operation of its own (models/patches/s3.json); nobody signs it. On other
 * answers, refusals as well, the first rule that fits origin and method decides the headers.
 *
 * Docs: S3 user guide, "Using cross-origin resource sharing (CORS)"; API reference, "OPTIONS
 * object".
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "net/http.h"
#include "service/s3/bucket.h"

/* What a browser asks for. */
struct cors_question {
    struct str origin;
    struct str method;
    struct str headers; /* Access-Control-Request-Headers, or absent */
};

static enum status load_rules(struct call *call, const struct s3_bucket_row *bucket,
                              const struct s3_cors_configuration **out)
{
    void *loaded = NULL;
    enum status status = s3_load_config(
        call, bucket, S3_CONFIG_CORS,
        s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_CORS].in, "CORSConfiguration"), &loaded);
    *out = loaded;
    return status;
}

/* The origin as the rule names it, or absent. */
static struct str matching_origin(const struct s3_cors_rule *rule, struct str origin)
{
    for (size_t i = 0; i < rule->allowed_origins.count; i++) {
        if (policy_wildcard_match(rule->allowed_origins.items[i], origin, false))
            return rule->allowed_origins.items[i];
    }
    return (struct str){0};
}

static bool allows_method(const struct s3_cors_rule *rule, struct str method)
{
    for (size_t i = 0; i < rule->allowed_methods.count; i++) {
        if (str_eq(rule->allowed_methods.items[i], method))
            return true;
    }
    return false;
}

static bool allows_headers(const struct s3_cors_rule *rule, struct str headers)
{
    struct str name = {0};
    while (headers.ptr && str_split_next(&headers, ',', &name)) {
        bool is_allowed = false;
        name = str_trim(name);
        for (size_t i = 0; i < rule->allowed_headers.count; i++)
            is_allowed |= policy_wildcard_match(rule->allowed_headers.items[i], name, true);
        if (name.len > 0 && !is_allowed)
            return false;
    }
    return true;
}

static const struct s3_cors_rule *find_rule(const struct s3_cors_configuration *configuration,
                                            const struct cors_question *question)
{
    for (size_t i = 0; configuration && i < configuration->cors_rules.count; i++) {
        const struct s3_cors_rule *rule = &configuration->cors_rules.items[i];
        if (matching_origin(rule, question->origin).ptr && allows_method(rule, question->method) &&
            allows_headers(rule, question->headers))
            return rule;
    }
    return NULL;
}

static struct str joined(struct arena *arena, const struct str *items, size_t count)
{
    struct str text = STR("");
    for (size_t i = 0; i < count; i++)
        text = i == 0 ? items[0] : str_concat3(arena, text, STR(", "), items[i]);
    return text;
}

/* Values come out of a configuration: what no header can carry was refused by the XML parser but
 * for line ends, which make the header be left out. */
static void add_header(struct call *call, struct str name, struct str value)
{
    if (str_index(value, '\r') < 0 && str_index(value, '\n') < 0 && value.len > 0)
        call_add_header(call, name, value);
}

static void add_rule_headers(struct call *call, const struct s3_cors_rule *rule,
                             const struct cors_question *question)
{
    struct arena *arena = call->arena;
    /* OBSERVED: a rule for "*" is answered with "*" and no credentials, any other with the origin.
     */
    bool is_any = str_eq_cstr(matching_origin(rule, question->origin), "*");
    add_header(call, STR("Access-Control-Allow-Origin"), is_any ? STR("*") : question->origin);
    add_header(call, STR("Access-Control-Allow-Methods"),
               joined(arena, rule->allowed_methods.items, rule->allowed_methods.count));
    if (question->headers.ptr)
        add_header(call, STR("Access-Control-Allow-Headers"), str_lower(arena, question->headers));
    add_header(call, STR("Access-Control-Expose-Headers"),
               joined(arena, rule->expose_headers.items, rule->expose_headers.count));
    if (rule->max_age_seconds.is_set)
        add_header(call, STR("Access-Control-Max-Age"),
                   str_format(arena, "%d", rule->max_age_seconds.value));
    if (!is_any)
        add_header(call, STR("Access-Control-Allow-Credentials"), STR("true"));
    add_header(call, STR("Vary"),
               STR("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"));
}

/* ---- preflights ---- */

static enum status refuse(struct call *call, struct str method, const char *resource_type,
                          bool has_rules)
{
    const struct s3_fault_details_error details = {.method = method,
                                                   .resource_type = str_from_cstr(resource_type)};
    return s3_fail(call, &S3_ACCESS_DENIED, &details, "%s",
                   has_rules ? "CORSResponse: This CORS request is not allowed. This is usually "
                               "because the evalution of Origin, request method / "
                               "Access-Control-Request-Method or Access-Control-Request-Headers "
                               "are not whitelisted by the resource's CORS spec."
                             : "CORSResponse: CORS is not enabled for this bucket.");
}

static enum status answer_preflight(struct call *call, const struct cors_question *question,
                                    const char *resource_type)
{
    const struct s3_cors_configuration *configuration = NULL;
    if (!question->origin.len)
        return s3_fail(call, &S3_BAD_REQUEST, NULL,
                       "Insufficient information. Origin request header needed.");
    if (!question->method.len)
        return s3_fail(call, &S3_BAD_REQUEST, NULL, "Invalid Access-Control-Request-Method: null");
    enum status status = load_rules(call, s3_bucket_of(call), &configuration);
    if (status != STATUS_DONE)
        return status;
    const struct s3_cors_rule *rule = find_rule(configuration, question);
    if (!rule)
        return refuse(call, question->method, resource_type, configuration != NULL);
    add_rule_headers(call, rule, question);
    return STATUS_DONE;
}

enum status s3_preflight_bucket(struct call *call, const struct s3_preflight_bucket_in *in,
                                struct s3_preflight_bucket_out *out)
{
    (void)out;
    const struct cors_question question = {.origin = in->origin,
                                           .method = in->access_control_request_method,
                                           .headers = in->access_control_request_headers};
    return answer_preflight(call, &question, "BUCKET");
}

enum status s3_preflight_object(struct call *call, const struct s3_preflight_object_in *in,
                                struct s3_preflight_object_out *out)
{
    (void)out;
    const struct cors_question question = {.origin = in->origin,
                                           .method = in->access_control_request_method,
                                           .headers = in->access_control_request_headers};
    return answer_preflight(call, &question, "OBJECT");
}

/* ---- actual requests ---- */

void s3_add_cors_headers(struct call *call)
{
    const struct s3_subject *subject = call->subject;
    if (!call->exchange || !subject || !subject->bucket ||
        !s3_has_config(subject->bucket, S3_CONFIG_CORS) ||
        call->operation == &s3_operations[S3_OP_PREFLIGHT_BUCKET] ||
        call->operation == &s3_operations[S3_OP_PREFLIGHT_OBJECT])
        return;
    const struct cors_question question = {
        .origin = http_header(call->exchange, "origin"),
        .method = call->exchange->method,
    };
    const struct s3_cors_configuration *configuration = NULL;
    if (!question.origin.len)
        return;
    /* What the answer is does not change because the rules could not be read. */
    const struct call_error error = call->error;
    if (load_rules(call, subject->bucket, &configuration) != STATUS_DONE) {
        call->error = error;
        return;
    }
    const struct s3_cors_rule *rule = find_rule(configuration, &question);
    if (rule)
        add_rule_headers(call, rule, &question);
}

void s3_finish_bucket(struct call *call, const void *in)
{
    const struct s3_subject *subject = call->subject;
    s3_add_cors_headers(call);
    if (subject && subject->bucket && s3_has_config(subject->bucket, S3_CONFIG_LOGGING))
        s3_log_access(call, subject->bucket, in);
}
