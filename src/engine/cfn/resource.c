/* resource.c — what the adapters of resource types are given: calls, names, property readers, tags.
 *
 * Everything works on one struct resource_call and allocates from its call's arena. Docs:
 * CloudFormation user guide, "Resource tags", "Name type".
 */
#include "engine/cfn/resource.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"
#include "engine/template/template.h"
#include "syntax/json.h"

enum {
    NAME_SUFFIX_CHARS = 12, /* AWS: "mystack-mytopic-KTPHWQ1CWYDB" */
    NUMBER_MAX_CHARS = 30,  /* of an integer's text; no 64-bit number is longer */
};

enum resource_result resource_fail(struct resource_call *rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rc->message = str_vformat(rc->call->arena, format, args);
    va_end(args);
    return RESOURCE_FAILED;
}

/* OBSERVED: the reason of a failed resource is the service's message with the service, the HTTP
 * status and the request: "... (Service: Sqs, Status Code: 400, Request ID: ...)". */
static enum resource_result report(struct resource_call *rc, const struct service_model *service,
                                   const struct call_error *error)
{
    struct str name = str_copy(rc->call->arena, service->service_id);
    struct buf text;
    buf_init(&text, rc->call->arena, 2 * name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        bool is_upper = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
        bool is_first = i == 0 || name.ptr[i - 1] == ' ';
        buf_append_char(&text,
                        is_upper && !is_first ? (char)(name.ptr[i] + 'a' - 'A') : name.ptr[i]);
    }
    return resource_fail(
        rc, STR_FMT " (Service: " STR_FMT ", Status Code: %d, Request ID: " STR_FMT ")",
        STR_ARG(str_or(error->message, error->error ? error->error->code : STR("failed"))),
        STR_ARG(buf_str(&text)), error->error ? error->error->http_status : 500,
        STR_ARG(rc->call->request_id));
}

enum resource_result resource_invoke(struct resource_call *rc, const struct service_model *service,
                                     const struct operation *operation, const void *in, void *out,
                                     struct str *out_code)
{
    struct call_error error = {0};
    enum status status =
        call_invoke(rc->call, rc->principal, NULL, service, operation, in, out, &error);
    if (status == STATUS_DONE)
        return RESOURCE_DONE;
    if (out_code && error.error)
        *out_code = error.error->code;
    return report(rc, service, &error);
}

struct str resource_physical_name(struct resource_call *rc, size_t max_len, struct str suffix)
{
    struct arena *arena = rc->call->arena;
    struct str random =
        rand_text(arena, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), NAME_SUFFIX_CHARS);
    size_t fixed = NAME_SUFFIX_CHARS + 2 + suffix.len;
    size_t room = max_len > fixed ? max_len - fixed : 0;
    struct str stack = rc->stack_name;
    struct str logical = rc->logical_id;
    if (stack.len + logical.len > room) {
        /* OBSERVED: both parts are cut, each keeps its start and about half of the room. */
        size_t half = room / 2;
        size_t stack_room = logical.len < half ? room - logical.len : half;
        stack = str_slice(stack, 0, stack_room);
        logical = str_slice(logical, 0, room - stack.len);
    }
    return str_format(arena, STR_FMT "-" STR_FMT "-" STR_FMT STR_FMT, STR_ARG(stack),
                      STR_ARG(logical), STR_ARG(random), STR_ARG(suffix));
}

struct str resource_string(const struct json *properties, const char *name)
{
    const struct json *value = json_find_cstr(properties, name);
    return json_is_string(value) ? value->text : (struct str){0};
}

struct opt_i64 resource_integer(const struct json *properties, const char *name)
{
    const struct json *value = json_find_cstr(properties, name);
    if (!value || value->kind != JSON_NUMBER || value->text.len > NUMBER_MAX_CHARS)
        return (struct opt_i64){0};
    char text[NUMBER_MAX_CHARS + 1] = {0};
    for (size_t i = 0; i < value->text.len; i++)
        text[i] = value->text.ptr[i];
    return opt_i64(strtoll(text, NULL, 10));
}

struct opt_bool resource_boolean(const struct json *properties, const char *name)
{
    const struct json *value = json_find_cstr(properties, name);
    if (!value || (value->kind != JSON_TRUE && value->kind != JSON_FALSE))
        return (struct opt_bool){0};
    return opt_bool(value->kind == JSON_TRUE);
}

struct str resource_json_text(struct resource_call *rc, const struct json *properties,
                              const char *name)
{
    const struct json *value = json_find_cstr(properties, name);
    if (!value)
        return (struct str){0};
    return json_is_string(value) ? value->text : json_to_str(rc->call->arena, value);
}

static bool is_own_tag(struct str key)
{
    return str_starts_with(key, STR("aws:"));
}

static bool has_tag(const struct json *tags, struct str key)
{
    for (const struct json *tag = tags->first; tag; tag = tag->next) {
        if (str_eq(json_find_str(tag, "Key"), key))
            return true;
    }
    return false;
}

static struct json *merge_tags(struct arena *arena, const struct json *own,
                               const struct json *stack)
{
    struct json *tags =
        own && json_is_array(own) ? json_copy(arena, own) : json_new(arena, JSON_ARRAY);
    for (const struct json *tag = stack ? stack->first : NULL; tag; tag = tag->next) {
        if (!has_tag(tags, json_find_str(tag, "Key")))
            json_append(tags, json_copy(arena, tag));
    }
    return tags;
}

struct json *resource_tags(struct resource_call *rc, const char *name)
{
    return merge_tags(rc->call->arena, json_find_cstr(rc->properties, name), rc->stack_tags);
}

/* Whether the tags that come from the stack differ, those that the engine adds apart. */
static bool stack_tags_changed(const struct resource_call *rc)
{
    if (!rc->old_stack_tags)
        return false;
    const struct json *sides[] = {rc->old_stack_tags, rc->stack_tags};
    size_t counts[2] = {0};
    for (size_t side = 0; side < 2; side++) {
        for (const struct json *tag = sides[side] ? sides[side]->first : NULL; tag; tag = tag->next)
            counts[side] += !is_own_tag(json_find_str(tag, "Key"));
    }
    if (counts[0] != counts[1])
        return true;
    for (const struct json *tag = rc->stack_tags ? rc->stack_tags->first : NULL; tag;
         tag = tag->next) {
        bool is_found = is_own_tag(json_find_str(tag, "Key"));
        for (const struct json *old = rc->old_stack_tags->first; old && !is_found; old = old->next)
            is_found = str_eq(json_find_str(old, "Key"), json_find_str(tag, "Key")) &&
                       str_eq(json_find_str(old, "Value"), json_find_str(tag, "Value"));
        if (!is_found)
            return true;
    }
    return false;
}

bool resource_changed(const struct resource_call *rc, const char *name)
{
    const struct json *before = json_find_cstr(rc->old_properties, name);
    const struct json *after = json_find_cstr(rc->properties, name);
    bool is_same = before && after ? template_equal(before, after) : before == after;
    if (is_same && str_eq_cstr(STR("Tags"), name))
        return stack_tags_changed(rc);
    return !is_same;
}
