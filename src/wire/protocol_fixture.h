/* protocol_fixture.h — a service model written by hand, with every kind of shape and binding, for
 * the tests and fuzzers of the wire engines. Only test programs include it.
 */
#pragma once

#include "wire/shape.h"

struct json;

struct fix_strings {
    struct str *items;
    size_t count;
    bool is_set;
};

struct fix_sparse_ints {
    struct opt_i32 *items;
    size_t count;
    bool is_set;
};

struct fix_matrix {
    struct fix_strings *items;
    size_t count;
    bool is_set;
};

struct fix_times {
    int64_t *items;
    size_t count;
    bool is_set;
};

struct fix_inner {
    struct str text;
    struct opt_i32 number;
    struct fix_inner *next;
};

struct fix_inners {
    struct fix_inner *items;
    size_t count;
    bool is_set;
};

struct fix_sparse_inners {
    struct fix_inner **items;
    size_t count;
    bool is_set;
};

struct fix_attribute {
    struct str key;
    struct str value;
};

struct fix_attributes {
    struct fix_attribute *items;
    size_t count;
    bool is_set;
};

struct fix_inner_entry {
    struct str key;
    struct fix_inner value;
};

struct fix_inner_map {
    struct fix_inner_entry *items;
    size_t count;
    bool is_set;
};

struct fix_strings_entry {
    struct str key;
    struct fix_strings value;
};

struct fix_strings_map {
    struct fix_strings_entry *items;
    size_t count;
    bool is_set;
};

struct fix_choice {
    struct str text;
    struct opt_i32 number;
    struct fix_inner *inner;
    struct fix_strings list;
};

/* Body only: for the RPC protocols. */
struct fix_all {
    struct str name;
    struct str blob;
    struct str color;
    struct str secret;
    struct opt_bool flag;
    struct opt_i32 tiny;
    struct opt_i32 small;
    struct opt_i32 count;
    struct opt_i64 large;
    struct opt_f64 ratio;
    struct opt_f64 precise;
    struct opt_i64 at;
    struct opt_i64 date;
    struct opt_i64 http;
    struct json *document;
    struct fix_inner *inner;
    struct fix_choice *choice;
    struct fix_strings names;
    struct fix_strings flat_names;
    struct fix_sparse_ints sparse;
    struct fix_matrix matrix;
    struct fix_inners inners;
    struct fix_sparse_inners sparse_inners;
    struct fix_attributes attributes;
    struct fix_attributes flat_attributes;
    struct fix_inner_map inner_map;
    struct fix_strings_map strings_map;
    struct fix_times times;
    struct opt_i32 with_default;
};

/* HTTP bindings. */
struct fix_bound {
    struct str bucket;
    struct str key;
    struct opt_i32 number;
    struct fix_strings tags;
    struct opt_i64 since;
    struct fix_times dates;
    struct fix_attributes metadata;
    struct fix_strings_map rest;
    struct fix_strings words;
    struct str json_header;
    struct opt_i32 status;
    struct str text;
    struct fix_inner *inner;
};

struct fix_blob_payload {
    struct str bucket;
    struct str content_type;
    struct str payload;
};

struct fix_inner_payload {
    struct str bucket;
    struct fix_inner *payload;
};

struct fix_limits {
    struct str name;
    struct opt_i32 count;
    struct str color;
    struct str secret;
    struct fix_strings codes;
    struct fix_inners inners;
    struct fix_attributes attributes;
};

struct fix_empty {
    char unused;
};

struct fix_fault_members {
    struct str resource;
    struct opt_i32 retry_after;
};

static const struct shape fix_string = {.name = STR_INIT("String"), .kind = KIND_STRING};
static const struct shape fix_blob = {.name = STR_INIT("Blob"), .kind = KIND_BLOB};
static const struct shape fix_bool = {.name = STR_INIT("Boolean"), .kind = KIND_BOOLEAN};
static const struct shape fix_byte = {
    .name = STR_INIT("Byte"), .kind = KIND_INTEGER, .flags = SHAPE_IS_BYTE};
static const struct shape fix_short = {
    .name = STR_INIT("Short"), .kind = KIND_INTEGER, .flags = SHAPE_IS_SHORT};
static const struct shape fix_integer = {.name = STR_INIT("Integer"), .kind = KIND_INTEGER};
static const struct shape fix_long = {.name = STR_INIT("Long"), .kind = KIND_LONG};
static const struct shape fix_float = {.name = STR_INIT("Float"), .kind = KIND_FLOAT};
static const struct shape fix_double = {.name = STR_INIT("Double"), .kind = KIND_DOUBLE};
static const struct shape fix_time = {.name = STR_INIT("Timestamp"), .kind = KIND_TIMESTAMP};
static const struct shape fix_document = {.name = STR_INIT("Document"), .kind = KIND_DOCUMENT};
static const struct str fix_colors[] = {STR_INIT("RED"), STR_INIT("GREEN")};
static const struct shape fix_color = {
    .name = STR_INIT("Color"),
    .kind = KIND_STRING,
    .enum_count = ARRAY_LEN(fix_colors),
    .enum_values = fix_colors,
};
static const struct shape fix_secret = {
    .name = STR_INIT("Secret"),
    .kind = KIND_STRING,
    .flags = SHAPE_SENSITIVE | SHAPE_HAS_MIN,
    .min = 6,
};

/* A member whose names are all the same. */
#define FIX_NAMES(text)                                                                            \
    .name = STR_INIT(text), .json_name = STR_INIT(text), .xml_name = STR_INIT(text),               \
    .ec2_name = STR_INIT(text)

static const struct member fix_strings_members[] = {{FIX_NAMES("member"), .shape = &fix_string}};
static const struct shape fix_strings_shape = {
    .name = STR_INIT("Strings"),
    .kind = KIND_LIST,
    .member_count = 1,
    .size = sizeof(struct str),
    .members = fix_strings_members,
};
static const struct member fix_sparse_ints_members[] = {
    {FIX_NAMES("member"), .shape = &fix_integer}};
static const struct shape fix_sparse_ints_shape = {
    .name = STR_INIT("SparseInts"),
    .kind = KIND_LIST,
    .flags = SHAPE_SPARSE,
    .member_count = 1,
    .size = sizeof(struct opt_i32),
    .members = fix_sparse_ints_members,
};
static const struct member fix_matrix_members[] = {
    {FIX_NAMES("member"), .shape = &fix_strings_shape}};
static const struct shape fix_matrix_shape = {
    .name = STR_INIT("Matrix"),
    .kind = KIND_LIST,
    .member_count = 1,
    .size = sizeof(struct fix_strings),
    .members = fix_matrix_members,
};
static const struct member fix_times_members[] = {{FIX_NAMES("member"), .shape = &fix_time}};
static const struct shape fix_times_shape = {
    .name = STR_INIT("Times"),
    .kind = KIND_LIST,
    .member_count = 1,
    .size = sizeof(int64_t),
    .members = fix_times_members,
};

static const struct shape fix_inner_shape;
static const struct member fix_inner_members[] = {
    {
        .name = STR_INIT("Text"),
        .json_name = STR_INIT("text"),
        .xml_name = STR_INIT("Text"),
        .ec2_name = STR_INIT("Text"),
        .shape = &fix_string,
        .offset = offsetof(struct fix_inner, text),
        .flags = MEMBER_REQUIRED,
    },
    {
        FIX_NAMES("Number"),
        .shape = &fix_integer,
        .offset = offsetof(struct fix_inner, number),
        .flags = MEMBER_XML_ATTRIBUTE,
    },
    {FIX_NAMES("Next"), .shape = &fix_inner_shape, .offset = offsetof(struct fix_inner, next)},
};
static const struct shape fix_inner_shape = {
    .name = STR_INIT("Inner"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_inner_members),
    .size = sizeof(struct fix_inner),
    .members = fix_inner_members,
};
static const struct member fix_inners_members[] = {{FIX_NAMES("item"), .shape = &fix_inner_shape}};
static const struct shape fix_inners_shape = {
    .name = STR_INIT("Inners"),
    .kind = KIND_LIST,
    .member_count = 1,
    .size = sizeof(struct fix_inner),
    .members = fix_inners_members,
};
static const struct shape fix_sparse_inners_shape = {
    .name = STR_INIT("SparseInners"),
    .kind = KIND_LIST,
    .flags = SHAPE_SPARSE,
    .member_count = 1,
    .size = sizeof(struct fix_inner *),
    .members = fix_inners_members,
};

static const struct member fix_attributes_members[] = {
    {FIX_NAMES("key"), .shape = &fix_string},
    {FIX_NAMES("value"), .shape = &fix_string},
};
static const struct shape fix_attributes_shape = {
    .name = STR_INIT("Attributes"),
    .kind = KIND_MAP,
    .member_count = 2,
    .size = sizeof(struct fix_attribute),
    .value_offset = offsetof(struct fix_attribute, value),
    .members = fix_attributes_members,
};
static const struct member fix_flat_attributes_members[] = {
    {FIX_NAMES("Name"), .shape = &fix_string},
    {FIX_NAMES("Value"), .shape = &fix_string},
};
static const struct shape fix_flat_attributes_shape = {
    .name = STR_INIT("FlatAttributes"),
    .kind = KIND_MAP,
    .member_count = 2,
    .size = sizeof(struct fix_attribute),
    .value_offset = offsetof(struct fix_attribute, value),
    .members = fix_flat_attributes_members,
};
static const struct member fix_inner_map_members[] = {
    {FIX_NAMES("key"), .shape = &fix_string},
    {FIX_NAMES("value"), .shape = &fix_inner_shape},
};
static const struct shape fix_inner_map_shape = {
    .name = STR_INIT("InnerMap"),
    .kind = KIND_MAP,
    .member_count = 2,
    .size = sizeof(struct fix_inner_entry),
    .value_offset = offsetof(struct fix_inner_entry, value),
    .members = fix_inner_map_members,
};
static const struct member fix_strings_map_members[] = {
    {FIX_NAMES("key"), .shape = &fix_string},
    {FIX_NAMES("value"), .shape = &fix_strings_shape},
};
static const struct shape fix_strings_map_shape = {
    .name = STR_INIT("StringsMap"),
    .kind = KIND_MAP,
    .member_count = 2,
    .size = sizeof(struct fix_strings_entry),
    .value_offset = offsetof(struct fix_strings_entry, value),
    .members = fix_strings_map_members,
};

static const struct member fix_choice_members[] = {
    {FIX_NAMES("text"), .shape = &fix_string, .offset = offsetof(struct fix_choice, text)},
    {FIX_NAMES("number"), .shape = &fix_integer, .offset = offsetof(struct fix_choice, number)},
    {FIX_NAMES("inner"), .shape = &fix_inner_shape, .offset = offsetof(struct fix_choice, inner)},
    {FIX_NAMES("list"), .shape = &fix_strings_shape, .offset = offsetof(struct fix_choice, list)},
};
static const struct shape fix_choice_shape = {
    .name = STR_INIT("Choice"),
    .kind = KIND_UNION,
    .member_count = ARRAY_LEN(fix_choice_members),
    .size = sizeof(struct fix_choice),
    .members = fix_choice_members,
};

#define FIX_ALL(text, field, table)                                                                \
    FIX_NAMES(text), .shape = &(table), .offset = offsetof(struct fix_all, field)

static const struct member fix_all_members[] = {
    {FIX_ALL("Name", name, fix_string)},
    {FIX_ALL("Blob", blob, fix_blob)},
    {FIX_ALL("Color", color, fix_color)},
    {FIX_ALL("Secret", secret, fix_string)},
    {FIX_ALL("Flag", flag, fix_bool)},
    {FIX_ALL("Tiny", tiny, fix_byte)},
    {FIX_ALL("Small", small, fix_short)},
    {FIX_ALL("Count", count, fix_integer)},
    {FIX_ALL("Large", large, fix_long)},
    {FIX_ALL("Ratio", ratio, fix_float)},
    {FIX_ALL("Precise", precise, fix_double)},
    {FIX_ALL("At", at, fix_time)},
    {FIX_ALL("Date", date, fix_time), .timestamp_format = TIMESTAMP_DATE_TIME},
    {FIX_ALL("Http", http, fix_time), .timestamp_format = TIMESTAMP_HTTP_DATE},
    {FIX_ALL("Document", document, fix_document)},
    {FIX_ALL("Inner", inner, fix_inner_shape)},
    {FIX_ALL("Choice", choice, fix_choice_shape)},
    {FIX_ALL("Names", names, fix_strings_shape)},
    {FIX_ALL("FlatName", flat_names, fix_strings_shape), .flags = MEMBER_FLATTENED},
    {FIX_ALL("Sparse", sparse, fix_sparse_ints_shape)},
    {FIX_ALL("Matrix", matrix, fix_matrix_shape)},
    {FIX_ALL("Inners", inners, fix_inners_shape)},
    {FIX_ALL("SparseInners", sparse_inners, fix_sparse_inners_shape)},
    {FIX_ALL("Attributes", attributes, fix_attributes_shape)},
    {FIX_ALL("Attribute", flat_attributes, fix_flat_attributes_shape), .flags = MEMBER_FLATTENED},
    {FIX_ALL("InnerMap", inner_map, fix_inner_map_shape)},
    {FIX_ALL("StringsMap", strings_map, fix_strings_map_shape)},
    {FIX_ALL("Times", times, fix_times_shape)},
    {FIX_ALL("WithDefault", with_default, fix_integer), .default_text = "7"},
};
static const struct shape fix_all_shape = {
    .name = STR_INIT("All"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_all_members),
    .size = sizeof(struct fix_all),
    .members = fix_all_members,
};

#define FIX_BOUND(text, field, table, where, wire)                                                 \
    FIX_NAMES(text), .shape = &(table), .offset = offsetof(struct fix_bound, field),               \
                     .location = (where), .wire_name = STR_INIT(wire)

static const struct member fix_bound_members[] = {
    {FIX_BOUND("Bucket", bucket, fix_string, LOCATION_LABEL, ""), .flags = MEMBER_REQUIRED},
    {FIX_BOUND("Key", key, fix_string, LOCATION_LABEL, ""), .flags = MEMBER_REQUIRED},
    {FIX_BOUND("Number", number, fix_integer, LOCATION_QUERY, "number")},
    {FIX_BOUND("Tags", tags, fix_strings_shape, LOCATION_QUERY, "tag")},
    {FIX_BOUND("Since", since, fix_time, LOCATION_HEADER, "X-Since")},
    {FIX_BOUND("Dates", dates, fix_times_shape, LOCATION_HEADER, "X-Dates")},
    {FIX_BOUND("Metadata", metadata, fix_attributes_shape, LOCATION_PREFIX_HEADERS, "x-meta-")},
    {FIX_BOUND("Rest", rest, fix_strings_map_shape, LOCATION_QUERY_PARAMS, "")},
    {FIX_BOUND("Words", words, fix_strings_shape, LOCATION_HEADER, "X-Words")},
    {FIX_BOUND("JsonHeader", json_header, fix_string, LOCATION_HEADER, "X-Json"),
     .flags = MEMBER_MEDIA_JSON},
    {FIX_BOUND("Status", status, fix_integer, LOCATION_STATUS, "")},
    {FIX_BOUND("Text", text, fix_string, LOCATION_BODY, "")},
    {FIX_BOUND("Inner", inner, fix_inner_shape, LOCATION_BODY, "")},
};
static const struct shape fix_bound_shape = {
    .name = STR_INIT("Bound"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_bound_members),
    .size = sizeof(struct fix_bound),
    .members = fix_bound_members,
};

static const struct member fix_blob_payload_members[] = {
    {FIX_NAMES("Bucket"), .shape = &fix_string, .location = LOCATION_LABEL,
     .offset = offsetof(struct fix_blob_payload, bucket)},
    {FIX_NAMES("ContentType"), .shape = &fix_string, .location = LOCATION_HEADER,
     .wire_name = STR_INIT("Content-Type"),
     .offset = offsetof(struct fix_blob_payload, content_type)},
    {FIX_NAMES("Payload"), .shape = &fix_blob, .location = LOCATION_PAYLOAD,
     .offset = offsetof(struct fix_blob_payload, payload)},
};
static const struct shape fix_blob_payload_shape = {
    .name = STR_INIT("BlobPayload"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_blob_payload_members),
    .size = sizeof(struct fix_blob_payload),
    .members = fix_blob_payload_members,
};
static const struct member fix_inner_payload_members[] = {
    {FIX_NAMES("Bucket"), .shape = &fix_string, .location = LOCATION_LABEL,
     .offset = offsetof(struct fix_inner_payload, bucket)},
    {FIX_NAMES("Payload"), .shape = &fix_inner_shape, .location = LOCATION_PAYLOAD,
     .offset = offsetof(struct fix_inner_payload, payload)},
};
static const struct shape fix_inner_payload_shape = {
    .name = STR_INIT("InnerPayload"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_inner_payload_members),
    .size = sizeof(struct fix_inner_payload),
    .members = fix_inner_payload_members,
};

static const struct shape fix_limited_name = {
    .name = STR_INIT("QueueName"),
    .kind = KIND_STRING,
    .flags = SHAPE_HAS_MIN | SHAPE_HAS_MAX,
    .min = 2,
    .max = 5,
    .pattern = "[a-z]+",
};
static const struct shape fix_limited_count = {
    .name = STR_INIT("Count"),
    .kind = KIND_INTEGER,
    .flags = SHAPE_HAS_MIN | SHAPE_HAS_MAX,
    .min = 1,
    .max = 10,
};
static const struct member fix_codes_members[] = {
    {FIX_NAMES("member"), .shape = &fix_limited_name}};
static const struct shape fix_codes_shape = {
    .name = STR_INIT("Codes"),
    .kind = KIND_LIST,
    .flags = SHAPE_HAS_MAX | SHAPE_UNIQUE,
    .max = 3,
    .member_count = 1,
    .size = sizeof(struct str),
    .members = fix_codes_members,
};
static const struct member fix_limited_map_members[] = {
    {FIX_NAMES("key"), .shape = &fix_limited_name},
    {FIX_NAMES("value"), .shape = &fix_color},
};
static const struct shape fix_limited_map_shape = {
    .name = STR_INIT("LimitedMap"),
    .kind = KIND_MAP,
    .member_count = 2,
    .size = sizeof(struct fix_attribute),
    .value_offset = offsetof(struct fix_attribute, value),
    .members = fix_limited_map_members,
};

#define FIX_LIMITS(text, field, table)                                                             \
    FIX_NAMES(text), .shape = &(table), .offset = offsetof(struct fix_limits, field)

static const struct member fix_limits_members[] = {
    {FIX_LIMITS("QueueName", name, fix_limited_name), .flags = MEMBER_REQUIRED},
    {FIX_LIMITS("Count", count, fix_limited_count)},
    {FIX_LIMITS("Color", color, fix_color)},
    {FIX_LIMITS("Password", secret, fix_secret)},
    {FIX_LIMITS("Codes", codes, fix_codes_shape)},
    {FIX_LIMITS("Inners", inners, fix_inners_shape)},
    {FIX_LIMITS("Attributes", attributes, fix_limited_map_shape)},
};
static const struct shape fix_limits_shape = {
    .name = STR_INIT("Limits"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_limits_members),
    .size = sizeof(struct fix_limits),
    .members = fix_limits_members,
};

static const struct shape fix_empty_shape = {
    .name = STR_INIT("EmptyResult"), .kind = KIND_STRUCTURE, .size = sizeof(struct fix_empty)};
static const struct shape fix_unit_shape = {
    .name = STR_INIT("Unit"), .kind = KIND_STRUCTURE, .size = sizeof(struct fix_empty)};

static const struct member fix_fault_member_table[] = {
    {FIX_NAMES("Resource"), .shape = &fix_string,
     .offset = offsetof(struct fix_fault_members, resource)},
    {FIX_NAMES("RetryAfter"), .shape = &fix_integer, .location = LOCATION_HEADER,
     .wire_name = STR_INIT("Retry-After"),
     .offset = offsetof(struct fix_fault_members, retry_after)},
};
static const struct shape fix_fault_shape = {
    .name = STR_INIT("Fault"),
    .kind = KIND_STRUCTURE,
    .member_count = ARRAY_LEN(fix_fault_member_table),
    .size = sizeof(struct fix_fault_members),
    .members = fix_fault_member_table,
};
static const struct api_error fix_fault = {
    .code = STR_INIT("QueueMissing"),
    .query_code = STR_INIT("AWS.QueueMissing"),
    .http_status = 400,
    .query_status = 404,
    .is_sender = true,
    .shape = &fix_fault_shape,
};

#define FIX_OPERATION(text, method, uri, code, in_shape, out_shape)                                \
    {                                                                                              \
        .name = STR_INIT(text), .http_method = STR_INIT(method), .http_uri = STR_INIT(uri),        \
        .http_code = (code), .in = &(in_shape), .out = &(out_shape)                                \
    }

/* Sorted by name, as generated ones. */
static const struct operation fix_operations[] = {
    FIX_OPERATION("Bind", "PUT", "/{Bucket}/{Key+}?x-id=Bind", 201, fix_bound_shape,
                  fix_bound_shape),
    FIX_OPERATION("Echo", "POST", "/echo", 200, fix_all_shape, fix_all_shape),
    FIX_OPERATION("Empty", "DELETE", "/{Bucket}", 204, fix_blob_payload_shape, fix_empty_shape),
    FIX_OPERATION("Limit", "POST", "/limit", 200, fix_limits_shape, fix_empty_shape),
    FIX_OPERATION("PutBlob", "PUT", "/{Bucket}?blob", 200, fix_blob_payload_shape,
                  fix_blob_payload_shape),
    FIX_OPERATION("PutInner", "PUT", "/{Bucket}?inner", 200, fix_inner_payload_shape,
                  fix_inner_payload_shape),
    FIX_OPERATION("Unit", "POST", "/unit", 200, fix_unit_shape, fix_unit_shape),
};

static const struct service_model fix_service = {
    .name = STR_INIT("fix"),
    .service_id = STR_INIT("Fix"),
    .smithy_name = STR_INIT("FixService"),
    .target_prefix = STR_INIT("FixService"),
    .api_version = STR_INIT("2020-01-01"),
    .xml_namespace = STR_INIT("https://fix.example/doc/"),
    .protocols = (1u << PROTOCOL_COUNT) - 1,
    .is_query_compatible = true,
    .operations = fix_operations,
    .operation_count = ARRAY_LEN(fix_operations),
};
