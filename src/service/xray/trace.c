/* trace.c — see trace.h. */
#include "service/xray/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "syntax/json.h"

enum {
    NUMBER_MAX = 64,
    NAME_MAX = 200, /* AWS: names of segments */
    ID_LEN = 16,    /* AWS: segment ids, "64-bit ... in 16 hexadecimal digits" */
};

struct opt_f64 xray_number(const struct json *object, const char *name)
{
    const struct json *found = json_find_cstr(object, name);
    char copy[NUMBER_MAX];
    if (!found || found->kind != JSON_NUMBER || found->text.len >= sizeof(copy))
        return (struct opt_f64){0};
    memcpy(copy, found->text.ptr, found->text.len);
    copy[found->text.len] = '\0';
    return (struct opt_f64){.is_set = true, .value = strtod(copy, NULL)};
}

/* --- checks --- */

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return true;
}

/* 1-58406520-a006649127e371903a2de979 */
static bool is_trace_id(struct str id)
{
    return id.len == 35 && id.ptr[0] == '1' && id.ptr[1] == '-' && id.ptr[10] == '-' &&
           is_hex(str_slice(id, 2, 8)) && is_hex(str_slice(id, 11, 24));
}

/* OBSERVED (public client logs): codes, of which InvalidTraceId and ParseError are the commonest.
 */
const char *xray_check_document(const struct json *document)
{
    struct str id = json_find_str(document, "id");
    struct str name = json_find_str(document, "name");
    if (!json_is_object(document))
        return "ParseError";
    if (!id.ptr)
        return "MissingId";
    if (id.len != ID_LEN || !is_hex(id))
        return "InvalidId";
    if (!is_trace_id(str_or(json_find_str(document, "trace_id"), STR(""))))
        return "InvalidTraceId";
    if (name.len == 0)
        return "MissingName";
    if (name.len > NAME_MAX)
        return "InvalidName";
    struct opt_f64 start = xray_number(document, "start_time");
    struct opt_f64 end = xray_number(document, "end_time");
    const struct json *progress = json_find_cstr(document, "in_progress");
    if (!start.is_set)
        return "MissingStartTime";
    if (!end.is_set && !(progress && progress->kind == JSON_TRUE))
        return "MissingEndTime";
    if (start.value < 0 || (end.is_set && end.value < start.value))
        return "InvalidTime";
    if (str_eq_cstr(json_find_str(document, "type"), "subsegment") &&
        !json_find_str(document, "parent_id").ptr)
        return "MissingParentId";
    return NULL;
}

/* --- building --- */

struct builder {
    struct arena *arena;
    struct vec nodes;    /* struct xray_node */
    struct vec nestings; /* size_t: of each node the index of the node it stands in, or NONE */
};

static const size_t none = (size_t)-1;

static bool is_true(const struct json *object, const char *name)
{
    const struct json *found = json_find_cstr(object, name);
    return found && found->kind == JSON_TRUE;
}

static void read_http(const struct json *document, struct xray_node *out)
{
    const struct json *http = json_find_cstr(document, "http");
    const struct json *request = json_find_cstr(http, "request");
    struct opt_f64 status = xray_number(json_find_cstr(http, "response"), "status");
    out->url = json_find_str(request, "url");
    out->method = json_find_str(request, "method");
    out->user_agent = json_find_str(request, "user_agent");
    out->client_ip = json_find_str(request, "client_ip");
    if (status.is_set && status.value > 0 && status.value < 1000)
        out->status = opt_i64((int64_t)status.value);
}

/* What a call went to when nobody answers there with a segment. */
static struct xray_actor inferred_service(struct arena *arena, const struct xray_node *node)
{
    static const struct {
        const char *member;
        struct str type;
    } resources[] = {
        {"table_name", STR_INIT("AWS::DynamoDB::Table")},
        {"queue_url", STR_INIT("AWS::SQS::Queue")},
        {"function_name", STR_INIT("AWS::Lambda::Function")},
        {"bucket_name", STR_INIT("AWS::S3::Bucket")},
        {"topic_arn", STR_INIT("AWS::SNS")},
    };
    const struct json *aws = json_find_cstr(node->document, "aws");
    struct xray_actor service = {.name = node->name, .type = STR("remote"), .is_inferred = true};
    if (json_find_cstr(node->document, "sql"))
        service.type = STR("Database::SQL");
    if (!str_eq_cstr(node->ns, "aws"))
        return service;
    service.type = str_concat(arena, STR("AWS::"), node->name);
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        struct str name = json_find_str(aws, resources[i].member);
        if (name.ptr) {
            service.name = name;
            service.type = resources[i].type;
        }
    }
    return service;
}

static void add_node(struct builder *b, const struct json *document, bool is_subsegment,
                     size_t inside)
{
    struct opt_f64 start = xray_number(document, "start_time");
    struct opt_f64 end = xray_number(document, "end_time");
    struct xray_node *node = vec_push(&b->nodes);
    *node = (struct xray_node){
        .document = document,
        .id = json_find_str(document, "id"),
        .parent_id = json_find_str(document, "parent_id"),
        .name = str_or(json_find_str(document, "name"), STR("")),
        .ns = json_find_str(document, "namespace"),
        .start_s = start.value,
        .end_s = end.is_set ? end.value : start.value,
        .is_subsegment = is_subsegment,
        .is_in_progress = !end.is_set,
        .has_fault = is_true(document, "fault"),
        .has_error = is_true(document, "error") || is_true(document, "throttle"),
        .has_throttle = is_true(document, "throttle"),
    };
    read_http(document, node);
    size_t index = b->nodes.count - 1;
    *(size_t *)vec_push(&b->nestings) = inside;
    const struct json *children = json_find_cstr(document, "subsegments");
    for (const struct json *child = json_is_array(children) ? children->first : NULL; child;
         child = child->next) {
        if (json_is_object(child))
            add_node(b, child, true, index);
    }
}

static void link_parents(struct builder *b)
{
    /* Only now do nodes stay where they are. */
    struct xray_node *nodes = b->nodes.items;
    struct map by_id;
    map_init(&by_id, b->arena);
    for (size_t i = 0; i < b->nodes.count; i++) {
        if (nodes[i].id.ptr)
            (void)map_set(&by_id, nodes[i].id, &nodes[i]);
    }
    for (size_t i = 0; i < b->nodes.count; i++) {
        size_t inside = *(const size_t *)vec_at(&b->nestings, i);
        nodes[i].parent = inside != none           ? &nodes[inside]
                          : nodes[i].parent_id.ptr ? map_find(&by_id, nodes[i].parent_id)
                                                   : NULL;
        if (nodes[i].parent == &nodes[i])
            nodes[i].parent = NULL;
    }
}

/* Ids come from outside and may go in circles: no walk is longer than there are nodes. */
static void find_segments(struct builder *b)
{
    struct xray_node *nodes = b->nodes.items;
    for (size_t i = 0; i < b->nodes.count; i++) {
        struct xray_node *at = &nodes[i];
        for (size_t steps = 0; at && at->is_subsegment && steps < b->nodes.count; steps++)
            at = at->parent;
        nodes[i].segment = at && !at->is_subsegment ? at : NULL;
        if (!nodes[i].is_subsegment && nodes[i].parent)
            nodes[i].parent->has_segment_below = true;
    }
}

static void find_services(struct builder *b)
{
    struct xray_node *nodes = b->nodes.items;
    for (size_t i = 0; i < b->nodes.count; i++) {
        struct xray_node *node = &nodes[i];
        if (!node->is_subsegment) {
            node->callee = (struct xray_actor){.name = node->name,
                                               .type = json_find_str(node->document, "origin")};
        } else if (node->ns.len > 0 && !node->has_segment_below) {
            node->is_call = true;
            node->callee = inferred_service(b->arena, node);
        } else {
            node->callee = (struct xray_actor){.name = node->name}; /* if its segment is missing */
        }
        if (node->is_call && node->segment)
            node->segment->makes_calls = true;
        if (!node->is_subsegment && node->parent && node->parent->segment)
            node->parent->segment->makes_calls = true;
    }
}

struct xray_tree *xray_trace_build(struct arena *arena, struct str id,
                                   const struct json *const *documents, size_t count)
{
    struct builder b = {.arena = arena};
    vec_init(&b.nodes, arena, sizeof(struct xray_node));
    vec_init(&b.nestings, arena, sizeof(size_t));
    for (size_t i = 0; i < count; i++)
        add_node(&b, documents[i], str_eq_cstr(json_find_str(documents[i], "type"), "subsegment"),
                 none);
    link_parents(&b);
    find_segments(&b);
    find_services(&b);
    struct xray_tree *trace = arena_alloc(arena, sizeof(*trace));
    *trace = (struct xray_tree){.id = id, .nodes = b.nodes.items, .count = b.nodes.count};
    for (size_t i = 0; i < trace->count; i++) {
        struct xray_node *node = &trace->nodes[i];
        bool is_root = !node->is_subsegment && !node->parent_id.ptr;
        if (is_root && (!trace->root || node->start_s < trace->root->start_s))
            trace->root = node;
        if (i == 0 || node->start_s < trace->start_s)
            trace->start_s = node->start_s;
        if (i == 0 || node->end_s > trace->end_s)
            trace->end_s = node->end_s;
        trace->is_partial |= node->is_in_progress;
    }
    trace->is_partial |= trace->root == NULL;
    return trace;
}

bool xray_same_actor(const struct xray_actor *a, const struct xray_actor *b)
{
    return str_eq(a->name, b->name) && str_eq(a->type, b->type) && a->is_inferred == b->is_inferred;
}
