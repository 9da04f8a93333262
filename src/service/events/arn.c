/* arn.c — names, ARNs, pages, and the passing of roles: what all files of the folder use. */
#include "base/arena.h"
#include "service/events/events.h"
#include "syntax/base64.h"

struct str events_bus_arn(struct arena *arena, struct scope scope, struct str bus)
{
    return str_format(arena, "arn:aws:events:" STR_FMT ":" STR_FMT ":event-bus/" STR_FMT,
                      STR_ARG(scope.region), STR_ARG(scope.account), STR_ARG(bus));
}

struct str events_rule_arn(struct arena *arena, struct scope scope, struct str bus, struct str rule)
{
    struct str path = str_eq_cstr(bus, "default") ? STR("") : str_concat(arena, bus, STR("/"));
    return str_format(arena, "arn:aws:events:" STR_FMT ":" STR_FMT ":rule/" STR_FMT STR_FMT,
                      STR_ARG(scope.region), STR_ARG(scope.account), STR_ARG(path), STR_ARG(rule));
}

bool events_split_arn(struct str arn, struct scope *out_scope, struct str *out_kind,
                      struct str *out_name)
{
    struct str service = {0};
    struct str resource = {0};
    if (!delivery_split_arn(arn, &service, out_scope, &resource) || !str_eq_cstr(service, "events"))
        return false;
    ptrdiff_t slash = str_index(resource, '/');
    if (slash <= 0)
        return false;
    *out_kind = str_slice(resource, 0, (size_t)slash);
    *out_name = str_from(resource, (size_t)slash + 1);
    return out_name->len > 0;
}

void events_split_rule(struct str resource, struct str *out_bus, struct str *out_rule)
{
    ptrdiff_t slash = str_last_index(resource, '/');
    *out_bus = slash < 0 ? STR("default") : str_slice(resource, 0, (size_t)slash);
    *out_rule = str_from(resource, (size_t)(slash + 1));
}

bool events_split_bus(struct call *call, struct str text, struct scope *out_scope,
                      struct str *out_name)
{
    struct str kind = {0};
    *out_scope = call->scope;
    *out_name = str_or(text, STR("default"));
    if (!str_starts_with(*out_name, STR("arn:")))
        return true;
    return events_split_arn(text, out_scope, &kind, out_name) && str_eq_cstr(kind, "event-bus");
}

enum status events_page_begin(struct call *call, struct str token, struct opt_i32 limit,
                              struct str prefix, struct events_page *out_page)
{
    *out_page = (struct events_page){
        .after = STR(""),
        .prefix = str_or(prefix, STR("")),
        .limit = (size_t)opt_i32_or(limit, EVENTS_LIST_DEFAULT),
    };
    if (token.ptr && (base64url_decode(call->arena, token, &out_page->after) < 0 ||
                      !str_is_utf8(out_page->after) || str_index(out_page->after, '\0') >= 0))
        return call_fail(call, &ERROR_VALIDATION, "The token " STR_FMT " is not valid.",
                         STR_ARG(token));
    return STATUS_DONE;
}

struct str events_page_token(struct call *call, struct str name)
{
    return base64url_encode_str(call->arena, name);
}

enum status events_pass_role(struct call *call, struct str role_arn)
{
    static const struct str passed_to = STR_INIT(EVENTS_PRINCIPAL);
    if (!role_arn.ptr)
        return STATUS_DONE;
    const struct condition_value condition = {
        .key = STR("iam:PassedToService"), .values = &passed_to, .value_count = 1};
    const struct authorization pass = {
        .action = STR("iam:PassRole"),
        .resource = role_arn,
        .conditions = &condition,
        .condition_count = 1,
    };
    return call_authorize(call, &pass);
}
