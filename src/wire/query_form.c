/* query_form.c — form fields with dotted names ("Tags.member.1.Key") to C values.
 *
 * The fields are sorted by name once. Then everything below one name is one range of neighbours,
 * and decoding walks ranges within ranges: no tree is built, and the work stays linear in the
 * fields of each level however the names are chosen.
 *
 * Docs: Smithy, AWS query and EC2 query protocols ("Query key resolution").
 * OBSERVED: texts of MalformedInput (CloudWatch, aws-elixir #199; SQS, rusoto #955; MWS, peddler
 * #48; CloudSearch, boto #872).
 */
#include "wire/query_form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "syntax/uri.h"
#include "wire/value.h"

enum {
    MAX_INDEX = 10000, /* as FORM_MAX_FIELDS: no list can have more items than fields */
};

struct decoder {
    const struct wire_decoding *decoding;
    struct arena *arena;
    struct form_field *fields; /* sorted by name */
    bool is_ec2;
};

/* Neighbouring fields whose names share their first `prefix` bytes. */
struct range {
    size_t first;
    size_t last; /* one behind */
    size_t prefix;
};

/* The fields of one item of a list or map. */
struct numbered {
    int64_t index;
    struct range range;
};

static int decode_value(struct decoder *d, const struct member *member, void *slot,
                        enum value_form form, struct range range, unsigned depth);

static int refuse(const struct decoder *d, struct str message)
{
    return wire_refuse(d->decoding, &ERROR_SERIALIZATION, message);
}

static struct str rest_of(const struct decoder *d, size_t at, size_t prefix)
{
    return str_from(d->fields[at].name, prefix);
}

/* The text up to the next dot. */
static struct str first_segment(struct str rest)
{
    const ptrdiff_t dot = str_index(rest, '.');
    return dot < 0 ? rest : str_slice(rest, 0, (size_t)dot);
}

/* The neighbours from `at` on that have the same segment behind the prefix. */
static struct range group_at(const struct decoder *d, struct range range, size_t at)
{
    const struct str segment = first_segment(rest_of(d, at, range.prefix));
    struct range group = {.first = at, .last = at + 1, .prefix = range.prefix + segment.len};
    while (group.last < range.last) {
        const struct str rest = rest_of(d, group.last, range.prefix);
        if (!str_starts_with(rest, segment) ||
            (rest.len > segment.len && rest.ptr[segment.len] != '.'))
            break;
        group.last++;
    }
    return group;
}

/* Splits off the fields that are the name itself; the others go on behind a dot. */
static struct range below(const struct decoder *d, struct range range,
                          const struct form_field **out_exact)
{
    *out_exact = NULL;
    while (range.first < range.last && d->fields[range.first].name.len == range.prefix)
        *out_exact = &d->fields[range.first++];
    range.prefix++;
    return range;
}

static bool is_number(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static struct str query_name(const struct decoder *d, const struct member *member)
{
    return d->is_ec2 ? member->ec2_name : member->xml_name;
}

static const struct member *find_member(const struct decoder *d, const struct shape *shape,
                                        struct str name)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (str_eq(query_name(d, &shape->members[i]), name))
            return &shape->members[i];
    return NULL;
}

static int decode_members(struct decoder *d, const struct shape *shape, char *base,
                          struct range range, unsigned depth)
{
    for (size_t at = range.first; at < range.last;) {
        const struct range group = group_at(d, range, at);
        at = group.last;
        const struct str name = first_segment(rest_of(d, group.first, range.prefix));
        const struct member *member = find_member(d, shape, name);
        if (!member || (member->flags & MEMBER_STREAMING))
            continue;
        int rc = decode_value(d, member, base + member->offset, VALUE_OPTIONAL, group, depth + 1);
        if (rc < 0)
            return rc;
    }
    value_apply_defaults(d->arena, shape, base);
    return 0;
}

static int decode_structure(struct decoder *d, const struct shape *shape, void *slot,
                            enum value_form form, struct range range, unsigned depth)
{
    const struct form_field *exact = NULL;
    range = below(d, range, &exact);
    if (exact && exact->value.len > 0)
        return refuse(d, STR("Expected null"));
    /* "A.x" and "A-b" and "A" sort apart, so a structure may be met twice. */
    const void *met = form == VALUE_PLAIN ? NULL : value_pointer(slot);
    void *structure = slot;
    if (form == VALUE_OPTIONAL && met)
        memcpy(&structure, slot, sizeof(structure));
    else if (form == VALUE_OPTIONAL)
        structure = arena_alloc(d->arena, shape->size);
    int rc = decode_members(d, shape, structure, range, depth);
    if (rc < 0)
        return rc;
    if (form == VALUE_OPTIONAL)
        value_set_pointer(slot, structure);
    return 0;
}

static int compare_numbered(const void *a, const void *b)
{
    const int64_t left = ((const struct numbered *)a)->index;
    const int64_t right = ((const struct numbered *)b)->index;
    return (left > right) - (left < right);
}

/* Reads "1", "2", ... behind the prefix into ranges in numeric order. Gaps do not matter.
 * AWS: indexes start at 1; clients may leave some out. */
static int number_items(struct decoder *d, struct range range, struct vec *out_items)
{
    vec_init(out_items, d->arena, sizeof(struct numbered));
    for (size_t at = range.first; at < range.last;) {
        const struct range group = group_at(d, range, at);
        at = group.last;
        const struct str segment = first_segment(rest_of(d, group.first, range.prefix));
        int64_t index = 0;
        if (!is_number(segment) || str_to_i64(segment, &index) < 0 || index > MAX_INDEX)
            return refuse(d, STR("Unexpected list element termination"));
        *(struct numbered *)vec_push(out_items) = (struct numbered){.index = index, .range = group};
    }
    vec_sort(out_items, compare_numbered);
    return 0;
}

/* Narrows the range of a list or map to what stands behind "member." or "entry.": *out_range. The
 * list's own name with an empty value is an empty list. */
static int enter_collection(struct decoder *d, const struct member *member, struct str wrapper,
                            struct range range, unsigned depth, struct range *out_range)
{
    const struct form_field *exact = NULL;
    range = below(d, range, &exact);
    if (exact && exact->value.len > 0)
        return refuse(d, STR("Unexpected list element termination"));
    *out_range = range;
    if (d->is_ec2 || (member->flags & MEMBER_FLATTENED) || range.first == range.last)
        return 0;
    const struct range group = group_at(d, range, range.first);
    const struct str segment = first_segment(rest_of(d, group.first, range.prefix));
    const bool is_whole = group.last == range.last;
    if (!str_eq(segment, wrapper) || !is_whole)
        return refuse(d, is_number(segment) && depth == 1
                             ? STR("Top level element may not be treated as a list")
                             : STR("Unexpected list element termination"));
    *out_range = below(d, group, &exact);
    return exact ? refuse(d, STR("Unexpected list element termination")) : 0;
}

static int decode_list(struct decoder *d, const struct member *member, void *slot,
                       struct range range, unsigned depth)
{
    const struct shape *shape = member->shape;
    const struct member *element = &shape->members[0];
    struct vec numbered;
    struct vec items;
    int rc = enter_collection(d, member, element->xml_name, range, depth, &range);
    if (rc == 0)
        rc = number_items(d, range, &numbered);
    if (rc < 0)
        return rc;
    vec_init(&items, d->arena, shape->size);
    for (size_t i = 0; i < numbered.count; i++) {
        const struct numbered *item = vec_at(&numbered, i);
        rc = decode_value(d, element, vec_push(&items), value_item_form(shape), item->range,
                          depth + 1);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, items.items, items.count);
    return 0;
}

/* One "N.key=..&N.value=.." of a map. */
static int decode_entry(struct decoder *d, const struct shape *shape, char *entry,
                        struct range range, unsigned depth)
{
    const struct form_field *exact = NULL;
    range = below(d, range, &exact);
    const struct member *parts[2] = {&shape->members[0], &shape->members[1]};
    void *slots[2] = {entry, entry + shape->value_offset};
    const enum value_form forms[2] = {VALUE_PLAIN, value_item_form(shape)};
    bool has_key = false;
    for (size_t at = range.first; at < range.last;) {
        const struct range group = group_at(d, range, at);
        const struct str name = first_segment(rest_of(d, group.first, range.prefix));
        at = group.last;
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            if (!str_eq(name, parts[i]->xml_name))
                continue;
            int rc = decode_value(d, parts[i], slots[i], forms[i], group, depth + 1);
            if (rc < 0)
                return rc;
            has_key |= i == 0;
        }
    }
    return has_key ? 0 : refuse(d, STR("Unexpected map entry without key"));
}

static int decode_map(struct decoder *d, const struct member *member, void *slot,
                      struct range range, unsigned depth)
{
    const struct shape *shape = member->shape;
    struct vec numbered;
    struct vec entries;
    int rc = enter_collection(d, member, STR("entry"), range, depth, &range);
    if (rc == 0)
        rc = number_items(d, range, &numbered);
    if (rc < 0)
        return rc;
    vec_init(&entries, d->arena, shape->size);
    for (size_t i = 0; i < numbered.count; i++) {
        const struct numbered *item = vec_at(&numbered, i);
        rc = decode_entry(d, shape, vec_push(&entries), item->range, depth);
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, entries.items, entries.count);
    return 0;
}

static int decode_scalar(struct decoder *d, const struct member *member, void *slot,
                         enum value_form form, struct range range)
{
    const struct form_field *exact = NULL;
    struct str message = {0};
    range = below(d, range, &exact);
    if (range.first < range.last) {
        const struct str segment = first_segment(rest_of(d, range.first, range.prefix));
        return refuse(d, is_number(segment) || str_eq(segment, STR("member"))
                             ? STR("Start of list found where not expected")
                             : STR("Start of structure or map found where not expected."));
    }
    if (value_parse_text(d->arena, member, exact->value, TIMESTAMP_DATE_TIME, slot, form,
                         &message) < 0)
        return refuse(d, message);
    return 0;
}

static int decode_value(struct decoder *d, const struct member *member, void *slot,
                        enum value_form form, struct range range, unsigned depth)
{
    if (depth > WIRE_MAX_DEPTH)
        return refuse(d, STR("The request is nested too deeply"));
    switch (member->shape->kind) {
    case KIND_STRUCTURE:
    case KIND_UNION:
        return decode_structure(d, member->shape, slot, form, range, depth);
    case KIND_LIST:
        return decode_list(d, member, slot, range, depth);
    case KIND_MAP:
        return decode_map(d, member, slot, range, depth);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_BOOLEAN:
    case KIND_INTEGER:
    case KIND_LONG:
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_TIMESTAMP:
        return decode_scalar(d, member, slot, form, range);
    case KIND_DOCUMENT:
        return refuse(d, STR("Documents can not be sent as parameters"));
    }
    return -EINVAL;
}

static int compare_fields(const void *a, const void *b)
{
    return str_compare(((const struct form_field *)a)->name, ((const struct form_field *)b)->name);
}

/* Parameters may be in the query string, the body, or both. */
static int parse_fields(const struct wire_decoding *decoding, struct form *out_form)
{
    const struct wire_request *request = decoding->request;
    struct form query = {0};
    struct form body = {0};
    int rc = form_parse(decoding->arena, str_or(request->raw_query, STR("")), true, &query);
    if (rc == 0)
        rc = form_parse(decoding->arena, str_or(request->body, STR("")), true, &body);
    if (rc < 0)
        return wire_refuse(decoding, &ERROR_SERIALIZATION,
                           rc == -E2BIG ? STR("Too many parameters")
                                        : STR("The request is not well-formed"));
    if (query.count == 0 || body.count == 0) {
        *out_form = query.count == 0 ? body : query;
        return 0;
    }
    struct form_field *all =
        arena_alloc_array(decoding->arena, query.count + body.count, sizeof(*all));
    memcpy(all, query.fields, query.count * sizeof(*all));
    memcpy(all + query.count, body.fields, body.count * sizeof(*all));
    *out_form = (struct form){.fields = all, .count = query.count + body.count};
    return 0;
}

int query_form_decode(const struct wire_decoding *decoding, bool is_ec2, void *out)
{
    struct form form = {0};
    int rc = parse_fields(decoding, &form);
    if (rc < 0)
        return rc;
    if (form.count > 1)
        qsort(form.fields, form.count, sizeof(*form.fields), compare_fields);
    struct decoder d = {
        .decoding = decoding,
        .arena = decoding->arena,
        .fields = form.fields,
        .is_ec2 = is_ec2,
    };
    const struct range all = {.first = 0, .last = form.count, .prefix = 0};
    return decode_members(&d, decoding->operation->in, out, all, 0);
}

/* The undecoded value of Action in a form; absent when there is none. */
static struct str raw_action(struct str form)
{
    struct str rest = form;
    struct str piece;
    while (str_split_next(&rest, '&', &piece))
        if (str_starts_with(piece, STR("Action=")))
            return str_from(piece, strlen("Action="));
    return (struct str){0};
}

static struct str find_action(const struct wire_request *request)
{
    const struct str in_body = raw_action(request->body);
    return str_is_set(in_body) ? in_body : raw_action(request->raw_query);
}

bool query_form_has_action(const struct wire_request *request)
{
    return str_is_set(find_action(request));
}

const struct operation *query_form_find_operation(const struct service_model *service,
                                                  const struct wire_request *request,
                                                  struct arena *arena, struct str *out_name)
{
    struct str name = {0};
    if (uri_decode(arena, str_or(find_action(request), STR("")), true, &name) < 0)
        return NULL;
    *out_name = str_or(name, STR(""));
    return service_find_operation(service, *out_name);
}
