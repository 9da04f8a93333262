/* router.c — host name, credential scope, target, action, path, in this order.
 */
#include "wire/router.h"

#include <string.h>

#include "base/arena.h"
#include "syntax/uri.h"

struct str wire_header(const struct wire_request *request, const char *name)
{
    struct str wanted = str_from_cstr(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_nocase(request->headers[i].name, wanted))
            return request->headers[i].value;
    }
    return (struct str){0};
}

static const struct service *find_by(const struct runtime *runtime, struct str value,
                                     size_t name_offset)
{
    for (size_t i = 0; i < runtime->service_count && value.len > 0; i++) {
        struct str name;
        memcpy(&name, (const char *)runtime->services[i]->model + name_offset, sizeof(name));
        if (str_eq(name, value))
            return runtime->services[i];
    }
    return NULL;
}

/* AWS: "AWS service endpoints" (General Reference): PREFIX.REGION.amazonaws.com,
 * PREFIX.amazonaws.com for global services; SQS keeps REGION.queue.amazonaws.com. */
static bool route_by_host(const struct runtime *runtime, struct str host, struct route *route)
{
    static const struct str domains[] = {
        STR_INIT(".amazonaws.com"),
        STR_INIT(".amazonaws.com.cn"),
        STR_INIT(".api.aws"),
    };
    ptrdiff_t colon = str_last_index(host, ':');
    if (colon >= 0)
        host = str_slice(host, 0, (size_t)colon);
    for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
        if (!str_ends_with(host, domains[i]))
            continue;
        struct str rest = str_slice(host, 0, host.len - domains[i].len);
        struct str first = {0};
        str_split_next(&rest, '.', &first);
        if (str_eq_cstr(rest, "queue") || (str_eq_cstr(first, "queue") && !rest.ptr)) {
            route->service =
                find_by(runtime, STR("sqs"), offsetof(struct service_model, endpoint_prefix));
            route->region = rest.ptr ? first : STR("us-east-1");
        } else {
            route->service =
                find_by(runtime, first, offsetof(struct service_model, endpoint_prefix));
            route->region = str_or(rest, STR(""));
        }
        route->asked_for = first;
        return true;
    }
    return false;
}

/* "AmazonSQS.SendMessage" names its service by what stands before the dot. */
static const struct service *find_by_target(const struct runtime *runtime,
                                            const struct wire_request *request,
                                            struct str *out_prefix)
{
    struct str target = wire_header(request, "X-Amz-Target");
    ptrdiff_t dot = str_last_index(target, '.');
    if (dot < 0)
        return NULL;
    *out_prefix = str_slice(target, 0, (size_t)dot);
    return find_by(runtime, *out_prefix, offsetof(struct service_model, target_prefix));
}

static const struct service *find_by_action(const struct runtime *runtime, struct arena *arena,
                                            const struct wire_request *request)
{
    struct str content_type = wire_header(request, "Content-Type");
    bool is_form = str_starts_with(content_type, STR("application/x-www-form-urlencoded"));
    struct form form = {0};
    if (form_parse(arena, is_form ? request->body : request->raw_query, true, &form) < 0)
        return NULL;
    struct str action = form_find(&form, STR("Action"));
    struct str version = form_find(&form, STR("Version"));
    for (size_t i = 0; i < runtime->service_count && action.len > 0; i++) {
        const struct service_model *model = runtime->services[i]->model;
        bool is_query =
            (model->protocols & (1U << PROTOCOL_AWS_QUERY | 1U << PROTOCOL_EC2_QUERY)) != 0;
        if (is_query && (!version.ptr || str_eq(version, model->api_version)) &&
            service_find_operation(model, action))
            return runtime->services[i];
    }
    return NULL;
}

/* rpcv2: /service/NAME/operation/OP */
static const struct service *find_by_path(const struct runtime *runtime,
                                          const struct wire_request *request)
{
    struct str marker = STR("/service/");
    ptrdiff_t at = str_find(request->raw_path, marker);
    if (at < 0)
        return NULL;
    struct str rest = str_from(request->raw_path, (size_t)at + marker.len);
    struct str name = {0};
    str_split_next(&rest, '/', &name);
    return find_by(runtime, name, offsetof(struct service_model, smithy_name));
}

struct route route_request(const struct runtime *runtime, struct arena *arena, struct str host,
                           const struct sig *sig, const struct wire_request *request)
{
    struct route route = {.region = STR("")};
    bool has_host = route_by_host(runtime, host, &route);
    bool is_signed = sig->scheme == SIG_V4_HEADER || sig->scheme == SIG_V4_QUERY;
    if (is_signed)
        route.region = sig->region; /* the signer's word: global endpoints sign us-east-1 */
    if (has_host)
        return route;
    if (is_signed) {
        route.asked_for = sig->service;
        route.service =
            find_by(runtime, sig->service, offsetof(struct service_model, signing_name));
        return route;
    }
    struct str prefix = {0};
    route.service = find_by_target(runtime, request, &prefix);
    route.asked_for = prefix;
    if (!route.service)
        route.service = find_by_action(runtime, arena, request);
    if (!route.service)
        route.service = find_by_path(runtime, request);
    return route;
}
