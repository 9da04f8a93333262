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
        struct str found = request->headers[i].name;
        if (found.len == wanted.len && str_eq_nocase(found, wanted))
            return request->headers[i].value;
    }
    return (struct str){0};
}

enum {
    NOT_FOUND = -1,
};

/* Index of the first service from `start` on whose model has `value` in that field, or NOT_FOUND.
 */
static ptrdiff_t find_by(const struct runtime *runtime, struct str value, size_t name_offset,
                         size_t start)
{
    for (size_t i = start; i < runtime->service_count && value.len > 0; i++) {
        struct str name;
        memcpy(&name, (const char *)runtime->services[i]->model + name_offset, sizeof(name));
        if (str_eq(name, value))
            return (ptrdiff_t)i;
    }
    return NOT_FOUND;
}

/* The service whose endpoint prefix begins `name`, up to its end or a dot. A prefix may have dots
 * itself ("api.ecr", "streams.dynamodb"): the longest counts. */
static ptrdiff_t find_by_endpoint(const struct runtime *runtime, struct str name,
                                  struct str *out_rest)
{
    ptrdiff_t found = NOT_FOUND;
    size_t longest = 0;
    for (size_t i = 0; i < runtime->service_count; i++) {
        struct str prefix = runtime->services[i]->model->endpoint_prefix;
        bool is_whole =
            name.len == prefix.len || (name.len > prefix.len && name.ptr[prefix.len] == '.');
        if (prefix.len <= longest || !is_whole || !str_starts_with(name, prefix))
            continue;
        found = (ptrdiff_t)i;
        longest = prefix.len;
        *out_rest = name.len == prefix.len ? STR("") : str_from(name, prefix.len + 1);
    }
    return found;
}

/* What stands before AWS's domain in a host name, in lower case, or an absent str.
 * AWS: "AWS service endpoints" (General Reference). */
static struct str name_in_aws(struct arena *arena, struct str host)
{
    static const struct str domains[] = {
        STR_INIT(".amazonaws.com"),
        STR_INIT(".amazonaws.com.cn"),
        STR_INIT(".api.aws"),
    };
    ptrdiff_t colon = str_last_index(host, ':');
    if (colon >= 0)
        host = str_slice(host, 0, (size_t)colon);
    if (str_ends_with(host, STR(".")))
        host = str_slice(host, 0, host.len - 1);
    for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
        if (host.len <= domains[i].len)
            continue;
        size_t rest = host.len - domains[i].len;
        if (str_eq_nocase(str_from(host, rest), domains[i]))
            return str_lower(arena, str_slice(host, 0, rest));
    }
    return (struct str){0};
}

/* PREFIX.REGION, or PREFIX alone for global services; SQS keeps REGION.queue and queue. Returns the
 * index of the service and its region, or NOT_FOUND. */
static ptrdiff_t find_by_host(const struct runtime *runtime, struct str name,
                              struct str *out_region)
{
    size_t endpoint_prefix = offsetof(struct service_model, endpoint_prefix);
    if (str_eq_cstr(name, "queue"))
        return find_by(runtime, STR("sqs"), endpoint_prefix, 0);
    if (str_ends_with(name, STR(".queue"))) {
        *out_region = str_slice(name, 0, name.len - strlen(".queue"));
        return find_by(runtime, STR("sqs"), endpoint_prefix, 0);
    }
    return find_by_endpoint(runtime, name, out_region);
}

/* "AmazonSQS.SendMessage" names its service by what stands before the dot. */
static ptrdiff_t find_by_target(const struct runtime *runtime, const struct wire_request *request,
                                struct str *out_prefix)
{
    struct str target = wire_header(request, "X-Amz-Target");
    ptrdiff_t dot = str_last_index(target, '.');
    if (dot < 0)
        return NOT_FOUND;
    *out_prefix = str_slice(target, 0, (size_t)dot);
    return find_by(runtime, *out_prefix, offsetof(struct service_model, target_prefix), 0);
}

static bool has_action(const struct service_model *model, struct str action, struct str version)
{
    bool is_query = (model->protocols & (1U << PROTOCOL_AWS_QUERY | 1U << PROTOCOL_EC2_QUERY)) != 0;
    return is_query && (!version.ptr || str_eq(version, model->api_version)) &&
           service_find_operation(model, action) != NULL;
}

/* A query request's service, among those of `signing_name` or, when that is empty, all. */
static ptrdiff_t find_by_action(const struct runtime *runtime, struct arena *arena,
                                const struct wire_request *request, struct str signing_name,
                                struct str *out_action)
{
    struct str content_type = wire_header(request, "Content-Type");
    bool is_form = str_starts_with(content_type, STR("application/x-www-form-urlencoded"));
    struct form form = {0};
    if (form_parse(arena, str_or(is_form ? request->body : request->raw_query, STR("")), true,
                   &form) < 0)
        return NOT_FOUND;
    struct str action = form_find(&form, STR("Action"));
    struct str version = form_find(&form, STR("Version"));
    *out_action = str_or(action, STR(""));
    for (size_t i = 0; i < runtime->service_count && action.len > 0; i++) {
        const struct service_model *model = runtime->services[i]->model;
        if ((signing_name.len == 0 || str_eq(signing_name, model->signing_name)) &&
            has_action(model, action, version))
            return (ptrdiff_t)i;
    }
    return NOT_FOUND;
}

/* rpcv2: /service/NAME/operation/OP */
static ptrdiff_t find_by_path(const struct runtime *runtime, const struct wire_request *request)
{
    struct str marker = STR("/service/");
    ptrdiff_t at = str_find(request->raw_path, marker);
    if (at < 0)
        return NOT_FOUND;
    struct str rest = str_from(request->raw_path, (size_t)at + marker.len);
    struct str name = {0};
    str_split_next(&rest, '/', &name);
    return find_by(runtime, name, offsetof(struct service_model, smithy_name), 0);
}

/* Of services behind the first that sign with that name, the one that claims the request by its
 * path (S3 Control besides S3). */
static ptrdiff_t claimed_by(const struct runtime *runtime, struct arena *arena,
                            struct str signing_name, size_t from,
                            const struct wire_request *request)
{
    for (size_t i = from; i < runtime->service_count; i++) {
        const struct service *service = runtime->services[i];
        struct service_claim ignored = {0};
        if (service->claim && str_eq(service->model->signing_name, signing_name) &&
            service->claim(arena, STR(""), request, &ignored))
            return (ptrdiff_t)i;
    }
    return NOT_FOUND;
}

/* Several services may sign with one name (the load balancers' two generations): then the request
 * itself tells which. */
static ptrdiff_t find_by_scope(const struct runtime *runtime, struct arena *arena,
                               const struct sig *sig, const struct wire_request *request)
{
    size_t signing_name = offsetof(struct service_model, signing_name);
    ptrdiff_t first = find_by(runtime, sig->service, signing_name, 0);
    if (first < 0 || find_by(runtime, sig->service, signing_name, (size_t)first + 1) < 0)
        return first;
    struct str ignored = {0};
    ptrdiff_t found = find_by_target(runtime, request, &ignored);
    if (found < 0)
        found = find_by_action(runtime, arena, request, sig->service, &ignored);
    if (found < 0)
        found = find_by_path(runtime, request);
    if (found < 0)
        found = claimed_by(runtime, arena, sig->service, (size_t)first + 1, request);
    return found >= 0 ? found : first;
}

static ptrdiff_t find_unsigned(const struct runtime *runtime, struct arena *arena,
                               const struct wire_request *request, struct str *out_asked_for)
{
    ptrdiff_t found = find_by_target(runtime, request, out_asked_for);
    if (found < 0)
        found = find_by_action(runtime, arena, request, STR(""),
                               out_asked_for->len > 0 ? &(struct str){0} : out_asked_for);
    return found >= 0 ? found : find_by_path(runtime, request);
}

/* Host names come with port, in any case, perhaps with the root's dot. */
static struct str plain_host(struct arena *arena, struct str host)
{
    ptrdiff_t colon = str_last_index(host, ':');
    if (colon >= 0 && str_index(host, ']') < colon)
        host = str_slice(host, 0, (size_t)colon);
    if (str_ends_with(host, STR(".")))
        host = str_slice(host, 0, host.len - 1);
    return str_lower(arena, host);
}

/* An IPv4 address with or without port: most clients of a local server. It names no service. */
static bool is_address(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if ((c < '0' || c > '9') && c != '.' && c != ':')
            return false;
    }
    return true;
}

static bool ask(const struct runtime *runtime, size_t index, struct arena *arena, struct str host,
                const struct wire_request *request, struct route *route)
{
    const struct service *service = runtime->services[index];
    struct service_claim claim = {.region = STR("")};
    if (!service->claim || !service->claim(arena, host, request, &claim))
        return false;
    route->service = service;
    route->service_index = index;
    route->raw_path = claim.raw_path;
    route->virtual_bucket = claim.virtual_bucket;
    route->operation = claim.operation;
    if (claim.region.len > 0)
        route->host_region = route->region = claim.region;
    return true;
}

static bool ask_all(const struct runtime *runtime, struct arena *arena, struct str host,
                    const struct wire_request *request, struct route *route)
{
    for (size_t i = 0; i < runtime->service_count; i++) {
        if (ask(runtime, i, arena, host, request, route))
            return true;
    }
    return false;
}

struct route route_by_name(const struct runtime *runtime, struct arena *arena, struct str host,
                           const struct wire_request *request)
{
    struct route route = {.region = STR(""), .host_region = STR(""), .asked_for = STR("")};
    if (host.len > 0 && !is_address(host))
        ask_all(runtime, arena, plain_host(arena, host), request, &route);
    return route;
}

struct route route_request(const struct runtime *runtime, struct arena *arena, struct str host,
                           const struct sig *sig, const struct wire_request *request)
{
    struct route route = {.region = STR(""), .host_region = STR(""), .asked_for = STR("")};
    bool is_signed = sig->scheme == SIG_V4_HEADER || sig->scheme == SIG_V4_QUERY;
    ptrdiff_t found = NOT_FOUND;
    struct str name = name_in_aws(arena, host);
    if (name.ptr) {
        found = find_by_host(runtime, name, &route.host_region);
        route.asked_for = name;
    }
    /* The signer's word: global endpoints sign us-east-1. */
    route.region = is_signed ? sig->region : route.host_region;
    if (found < 0 && is_signed) {
        found = find_by_scope(runtime, arena, sig, request);
        route.asked_for = sig->service;
    } else if (found < 0 && !name.ptr) {
        found = find_unsigned(runtime, arena, request, &route.asked_for);
    }
    if (found >= 0) {
        route.service = runtime->services[found];
        route.service_index = (size_t)found;
        ask(runtime, (size_t)found, arena, STR(""), request, &route);
    } else if (!name.ptr && !is_signed && route.asked_for.len == 0) {
        ask_all(runtime, arena, STR(""), request, &route);
    }
    return route;
}
