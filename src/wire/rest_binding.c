/* rest_binding.c — members that travel in the path, the query string, headers or the status line.
 *
 * Docs: Smithy, "HTTP binding traits". Times default to date-time in labels and queries, to
 * http-date in headers. Lists in headers are separated by commas; strings with commas or quotes are
 * quoted; http-dates contain one comma each.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "syntax/base64.h"
#include "syntax/uri.h"
#include "wire/rest.h"
#include "wire/value.h"

enum {
    HEADER_MAX = 64 * 1024, /* HTTP_MAX_HEAD_BYTES: larger ones no client could read */
};

static int refuse(const struct wire_decoding *decoding, struct str message)
{
    return wire_refuse(decoding, &ERROR_SERIALIZATION, message);
}

/* ---- labels and query string ---- */

static int decode_text(const struct wire_decoding *decoding, const struct member *member,
                       struct str text, enum timestamp_format otherwise, void *slot,
                       enum value_form form)
{
    struct str message = {0};
    if (value_parse_text(decoding->arena, member, text, otherwise, slot, form, &message) < 0)
        return refuse(decoding, message);
    return 0;
}

static int decode_labels(const struct wire_decoding *decoding, char *out)
{
    struct rest_label labels[REST_MAX_LABELS];
    const struct shape *shape = decoding->operation->in;
    struct str literals = decoding->operation->http_uri;
    struct str path;
    str_split_next(&literals, '?', &path);
    const int count = rest_match_path(path, decoding->request->raw_path, labels);
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        for (int j = 0; j < count && member->location == LOCATION_LABEL; j++) {
            if (!str_eq(labels[j].name, member->name))
                continue;
            struct str text = {0};
            if (uri_decode(decoding->arena, labels[j].value, false, &text) < 0)
                return refuse(decoding, STR("The path is not well-formed"));
            int rc = decode_text(decoding, member, text, TIMESTAMP_DATE_TIME, out + member->offset,
                                 VALUE_OPTIONAL);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int decode_query_list(const struct wire_decoding *decoding, const struct member *member,
                             const struct form *query, void *slot)
{
    const struct shape *shape = member->shape;
    struct vec items;
    vec_init(&items, decoding->arena, shape->size);
    for (size_t i = 0; i < query->count; i++) {
        if (!str_eq(query->fields[i].name, member->wire_name))
            continue;
        int rc = decode_text(decoding, &shape->members[0], query->fields[i].value,
                             TIMESTAMP_DATE_TIME, vec_push(&items), value_item_form(shape));
        if (rc < 0)
            return rc;
    }
    if (items.count > 0)
        value_set_list(slot, items.items, items.count);
    return 0;
}

static int decode_query(const struct wire_decoding *decoding, const struct member *member,
                        const struct form *query, void *slot)
{
    if (member->shape->kind == KIND_LIST)
        return decode_query_list(decoding, member, query, slot);
    const struct str text = form_find(query, member->wire_name);
    if (!str_is_set(text))
        return 0;
    return decode_text(decoding, member, text, TIMESTAMP_DATE_TIME, slot, VALUE_OPTIONAL);
}

/* All parameters as a map to strings or to lists of strings. */
static int decode_query_params(const struct wire_decoding *decoding, const struct member *member,
                               const struct form *query, void *slot)
{
    const struct shape *shape = member->shape;
    const struct shape *value_shape = shape->members[1].shape;
    const bool is_multi = value_shape->kind == KIND_LIST;
    struct map seen; /* name -> vec of values */
    map_init(&seen, decoding->arena);
    for (size_t i = 0; i < query->count; i++) {
        struct vec *values = map_find(&seen, query->fields[i].name);
        if (!str_is_utf8(query->fields[i].name) || !str_is_utf8(query->fields[i].value))
            return refuse(decoding, STR("The query string is not well-formed"));
        if (!values) {
            values = arena_alloc(decoding->arena, sizeof(*values));
            vec_init(values, decoding->arena, sizeof(struct str));
            map_set(&seen, query->fields[i].name, values);
        }
        *(struct str *)vec_push(values) = str_or(query->fields[i].value, STR(""));
    }
    char *entries = arena_alloc_array(decoding->arena, seen.count, shape->size);
    for (size_t i = 0; i < seen.count; i++) {
        const struct vec *values = seen.entries[i].value;
        char *entry = entries + i * shape->size;
        void *value = entry + shape->value_offset;
        *(struct str *)(void *)entry = seen.entries[i].key;
        if (is_multi)
            value_set_list(value, values->items, values->count);
        else
            *(struct str *)value = *(const struct str *)vec_at(values, 0);
    }
    value_set_list(slot, entries, seen.count);
    return 0;
}

/* ---- headers ---- */

/* The values of all headers of that name, joined by commas; absent when there is none. */
static struct str joined_header(const struct wire_decoding *decoding, struct str name)
{
    const struct wire_request *request = decoding->request;
    struct str joined = {0};
    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_eq_nocase(request->headers[i].name, name))
            continue;
        const struct str value = str_or(request->headers[i].value, STR(""));
        joined = str_is_set(joined) ? str_concat3(decoding->arena, joined, STR(","), value) : value;
    }
    return joined;
}

/* Cuts a "quoted \"string\"" off *rest and what stands before the next comma. */
static bool next_quoted(struct arena *arena, struct str *rest, struct str *out_item)
{
    char *text = arena_alloc_text(arena, rest->len);
    size_t len = 0;
    for (size_t i = 1; i < rest->len; i++) {
        const char c = rest->ptr[i];
        if (c == '"') {
            const struct str tail = str_trim(str_from(*rest, i + 1));
            *out_item = str_of(text, len);
            *rest = tail.len > 0 ? str_from(tail, 1) : (struct str){0};
            return tail.len == 0 || tail.ptr[0] == ',';
        }
        if (c == '\\' && i + 1 < rest->len)
            i++;
        text[len++] = rest->ptr[i];
    }
    return false; /* no closing quote */
}

/* Cuts the next item of a header list off *rest. */
static bool next_header_item(struct arena *arena, const struct member *element, struct str *rest,
                             struct str *out_item)
{
    const bool is_http_date =
        element->shape->kind == KIND_TIMESTAMP &&
        value_time_format(element, TIMESTAMP_HTTP_DATE) == TIMESTAMP_HTTP_DATE;
    *rest = str_trim(*rest);
    if (rest->len > 0 && rest->ptr[0] == '"')
        return next_quoted(arena, rest, out_item);
    const ptrdiff_t first = str_index(*rest, ',');
    ptrdiff_t end = first;
    if (is_http_date && first >= 0) { /* "Tue, 29 Apr 2014 18:30:38 GMT, Wed, ..." */
        const ptrdiff_t second = str_index(str_from(*rest, (size_t)first + 1), ',');
        end = second < 0 ? -1 : first + 1 + second;
    }
    *out_item = str_trim(end < 0 ? *rest : str_slice(*rest, 0, (size_t)end));
    *rest = end < 0 ? (struct str){0} : str_from(*rest, (size_t)end + 1);
    return true;
}

static int decode_header_list(const struct wire_decoding *decoding, const struct member *member,
                              struct str text, void *slot)
{
    const struct shape *shape = member->shape;
    const struct member *element = &shape->members[0];
    struct vec items;
    vec_init(&items, decoding->arena, shape->size);
    struct str rest = str_trim(text);
    if (rest.len == 0)
        rest = (struct str){0};
    while (str_is_set(rest)) {
        struct str item = {0};
        if (!next_header_item(decoding->arena, element, &rest, &item))
            return refuse(decoding, STR("A header is not a well-formed list"));
        int rc = decode_text(decoding, element, item, TIMESTAMP_HTTP_DATE, vec_push(&items),
                             value_item_form(shape));
        if (rc < 0)
            return rc;
    }
    value_set_list(slot, items.items, items.count);
    return 0;
}

static int decode_header(const struct wire_decoding *decoding, const struct member *member,
                         void *slot)
{
    struct str text = joined_header(decoding, member->wire_name);
    if (!str_is_set(text))
        return 0;
    if (member->shape->kind == KIND_LIST)
        return decode_header_list(decoding, member, text, slot);
    if ((member->flags & MEMBER_MEDIA_JSON) && base64_decode(decoding->arena, text, &text) < 0)
        return refuse(decoding, STR("A header with JSON is not base64"));
    return decode_text(decoding, member, text, TIMESTAMP_HTTP_DATE, slot, VALUE_OPTIONAL);
}

static int decode_prefix_headers(const struct wire_decoding *decoding, const struct member *member,
                                 void *slot)
{
    const struct wire_request *request = decoding->request;
    const struct shape *shape = member->shape;
    struct vec entries;
    vec_init(&entries, decoding->arena, shape->size);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct str name = request->headers[i].name;
        if (!str_eq_nocase(str_slice(name, 0, member->wire_name.len), member->wire_name))
            continue;
        char *entry = vec_push(&entries);
        *(struct str *)(void *)entry = str_from(name, member->wire_name.len);
        int rc =
            decode_text(decoding, &shape->members[1], str_or(request->headers[i].value, STR("")),
                        TIMESTAMP_HTTP_DATE, entry + shape->value_offset, value_item_form(shape));
        if (rc < 0)
            return rc;
    }
    if (entries.count > 0)
        value_set_list(slot, entries.items, entries.count);
    return 0;
}

int rest_decode_bindings(const struct wire_decoding *decoding, void *out)
{
    const struct shape *shape = decoding->operation->in;
    struct form query = {0};
    if (form_parse(decoding->arena, str_or(decoding->request->raw_query, STR("")), true, &query) <
        0)
        return refuse(decoding, STR("The query string is not well-formed"));
    int rc = decode_labels(decoding, out);
    for (size_t i = 0; i < shape->member_count && rc == 0; i++) {
        const struct member *member = &shape->members[i];
        void *slot = (char *)out + member->offset;
        switch ((enum member_location)member->location) {
        case LOCATION_QUERY:
            rc = decode_query(decoding, member, &query, slot);
            break;
        case LOCATION_QUERY_PARAMS:
            rc = decode_query_params(decoding, member, &query, slot);
            break;
        case LOCATION_HEADER:
            rc = decode_header(decoding, member, slot);
            break;
        case LOCATION_PREFIX_HEADERS:
            rc = decode_prefix_headers(decoding, member, slot);
            break;
        case LOCATION_BODY:
        case LOCATION_LABEL:
        case LOCATION_PAYLOAD:
        case LOCATION_STATUS:
            break;
        }
    }
    return rc;
}

/* ---- payloads ---- */

const struct member *rest_payload_member(const struct shape *shape)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == LOCATION_PAYLOAD)
            return &shape->members[i];
    return NULL;
}

bool rest_has_body(const struct shape *shape)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == LOCATION_BODY)
            return true;
    return false;
}

bool rest_is_raw(const struct shape *shape)
{
    return shape->kind == KIND_BLOB || shape->kind == KIND_STRING;
}

int rest_decode_raw_payload(const struct wire_decoding *decoding, const struct member *payload,
                            void *out)
{
    const struct str body = decoding->request->body;
    if (body.len == 0 || (payload->flags & MEMBER_STREAMING))
        return 0;
    if (payload->shape->kind == KIND_STRING && !str_is_utf8(body))
        return refuse(decoding, STR("The body is not UTF-8"));
    *(struct str *)(void *)((char *)out + payload->offset) = body;
    return 0;
}

void rest_encode_raw_payload(const struct wire_encoding *encoding, const struct member *payload,
                             const void *slot)
{
    const struct shape *shape = payload->shape;
    struct str type = shape->media_type;
    if (!slot && !(payload->flags & MEMBER_STREAMING))
        return;
    if (type.len == 0)
        type = shape->kind == KIND_STRING ? STR("text/plain") : STR("application/octet-stream");
    rest_add_content_type(encoding, type);
    if (slot)
        buf_append(&encoding->response->body, value_str(slot));
}

/* ---- answers ---- */

bool rest_is_bodiless(int status)
{
    enum { NO_CONTENT = 204, RESET_CONTENT = 205, NOT_MODIFIED = 304 };
    return status < 200 || status == NO_CONTENT || status == RESET_CONTENT ||
           status == NOT_MODIFIED;
}

void rest_add_content_type(const struct wire_encoding *encoding, struct str type)
{
    const struct wire_response *response = encoding->response;
    for (size_t i = 0; i < response->header_count; i++)
        if (str_eq_nocase(response->headers[i].name, STR("Content-Type")))
            return;
    wire_add_header(encoding->response, STR("Content-Type"), type);
}

/* What comes from outside may hold line ends, which would split the head. */
static struct str safe_header(struct arena *arena, struct str text)
{
    char *safe = arena_alloc_text(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        safe[i] = (c < ' ' && c != '\t') || c == 0x7f ? ' ' : text.ptr[i];
    }
    return str_trim(str_of(safe, text.len));
}

static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (c < '0' || c > '9') && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.len > 0;
}

static void write_item(struct buf *out, const struct member *element, const void *slot,
                       enum value_form form)
{
    const struct str text = element->shape->kind == KIND_STRING ? value_str(slot) : (struct str){0};
    if (str_index(text, ',') < 0 && str_index(text, '"') < 0) {
        value_write_text(out, element, slot, form, TIMESTAMP_HTTP_DATE);
        return;
    }
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, text.ptr[i]);
    }
    buf_append_char(out, '"');
}

static void write_list(struct buf *out, const struct shape *shape, const void *slot)
{
    const struct value_list list = value_list(slot);
    bool is_first = true;
    for (size_t i = 0; i < list.count; i++) {
        const char *item = (const char *)list.items + i * shape->size;
        if (!value_is_present(shape->members[0].shape, item, value_item_form(shape)))
            continue;
        if (!is_first)
            buf_append(out, STR(", "));
        is_first = false;
        write_item(out, &shape->members[0], item, value_item_form(shape));
    }
}

static void encode_header(const struct wire_encoding *encoding, const struct member *member,
                          const void *slot)
{
    struct arena *arena = encoding->response->arena;
    struct buf text;
    buf_init(&text, arena, HEADER_MAX);
    if (member->shape->kind == KIND_LIST)
        write_list(&text, member->shape, slot);
    else if (member->flags & MEMBER_MEDIA_JSON)
        base64_encode(&text, value_str(slot));
    else
        value_write_text(&text, member, slot, VALUE_OPTIONAL, TIMESTAMP_HTTP_DATE);
    wire_add_header(encoding->response, member->wire_name, safe_header(arena, buf_str(&text)));
}

/* Whether a member of its own writes that header: it wins over an entry of prefixed ones. */
static bool is_bound_header(const struct shape *shape, const void *value, struct str name)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (member->location == LOCATION_HEADER && str_eq_nocase(member->wire_name, name))
            return value_is_present(member->shape, (const char *)value + member->offset,
                                    VALUE_OPTIONAL);
    }
    return false;
}

static void encode_prefix_headers(const struct wire_encoding *encoding, const struct shape *owner,
                                  const void *value, const struct member *member, const void *slot)
{
    struct arena *arena = encoding->response->arena;
    const struct shape *shape = member->shape;
    const struct value_list list = value_list(slot);
    for (size_t i = 0; i < list.count; i++) {
        const char *entry = (const char *)list.items + i * shape->size;
        const struct str name = str_concat(arena, member->wire_name, value_str(entry));
        if (is_token(name) && !is_bound_header(owner, value, name))
            wire_add_header(encoding->response, name,
                            safe_header(arena, value_str(entry + shape->value_offset)));
    }
}

void rest_encode_bindings(const struct wire_encoding *encoding, const struct shape *shape,
                          const void *value)
{
    struct value_scratch scratch;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (member->location != LOCATION_HEADER && member->location != LOCATION_PREFIX_HEADERS &&
            member->location != LOCATION_STATUS)
            continue;
        const void *slot = value_member(encoding->response->arena, member, value, &scratch);
        if (!slot)
            continue;
        if (member->location == LOCATION_HEADER)
            encode_header(encoding, member, slot);
        else if (member->location == LOCATION_PREFIX_HEADERS)
            encode_prefix_headers(encoding, shape, value, member, slot);
        else
            encoding->response->status = (int)value_i64(member->shape, slot, VALUE_OPTIONAL);
    }
}
