/* shape.h — what tools/modelc makes of a model: tables that describe C structs to the wire engines.
 *
 * A service's model becomes typed structs (`struct sqs_send_message_in`), and for each shape one
 * `struct shape`. Decoders and encoders of every protocol walk these tables; no code is generated
 * per shape. How shapes look in C:
 *
 *   string, enum, blob   struct str (absent: ptr NULL)
 *   boolean              struct opt_bool           integer, short, byte, intEnum   struct opt_i32
 *   long                 struct opt_i64            float, double                   struct opt_f64
 *   timestamp            struct opt_i64, milliseconds since 1970
 *   document             struct json * (NULL: absent)
 *   structure, union     pointer to its struct (NULL: absent); a union has one member set
 *   list                 struct { T *items; size_t count; bool is_set; }, items by value
 *   map                  struct { struct { struct str key; T value; } *items; size_t count; bool
 *                        is_set; }, in wire order
 *   event stream         struct str (raw bytes)
 *   streaming blob       not in the struct as bytes: see call->body and call_stream (wire/call.h)
 *
 * Items of lists and values of maps: structures stand by value; scalars use the plain type
 * (struct str, bool, int32_t, int64_t, double), except in sparse collections, where they use the
 * opt type. A null in a sparse list of strings is an absent str; sparse lists of structures hold
 * pointers. Output lists and maps are written when count > 0 or is_set.
 */
#pragma once

#include "base/opt.h"
#include "base/str.h"

struct call;
struct json;

enum shape_kind {
    KIND_STRUCTURE,
    KIND_UNION,
    KIND_LIST,
    KIND_MAP,
    KIND_STRING, /* also enum */
    KIND_BLOB,
    KIND_BOOLEAN,
    KIND_INTEGER, /* byte, short, integer, intEnum: 32 bits in C */
    KIND_LONG,
    KIND_FLOAT,
    KIND_DOUBLE,
    KIND_TIMESTAMP,
    KIND_DOCUMENT,
};

/* Where a member travels in the HTTP protocols. Others ignore it (all is body). */
enum member_location {
    LOCATION_BODY,
    LOCATION_HEADER,         /* wire_name is the header */
    LOCATION_PREFIX_HEADERS, /* wire_name is the prefix */
    LOCATION_QUERY,          /* wire_name is the parameter */
    LOCATION_QUERY_PARAMS,   /* map of all parameters not bound otherwise */
    LOCATION_LABEL,          /* in the path */
    LOCATION_PAYLOAD,        /* is the whole body */
    LOCATION_STATUS,         /* response code */
};

enum member_flags {
    MEMBER_REQUIRED = 1 << 0,
    MEMBER_FLATTENED = 1 << 1, /* xmlFlattened */
    MEMBER_XML_ATTRIBUTE = 1 << 2,
    MEMBER_IDEMPOTENCY_TOKEN = 1 << 3,
    MEMBER_HOST_LABEL = 1 << 4,
    MEMBER_STREAMING = 1 << 5,  /* payload that is streamed */
    MEMBER_MEDIA_JSON = 1 << 6, /* string with JSON media type: base64 in headers */
    MEMBER_CONTEXT = 1 << 7,    /* error members that travel only in their header etc. */
};

enum timestamp_format {
    TIMESTAMP_DEFAULT, /* the protocol's own for the place */
    TIMESTAMP_EPOCH_SECONDS,
    TIMESTAMP_DATE_TIME,
    TIMESTAMP_HTTP_DATE,
};

struct member {
    struct str name;          /* in the model: "QueueUrl" */
    struct str json_name;     /* restJson: jsonName, else the model name */
    struct str xml_name;      /* restXml, awsQuery responses and requests: xmlName or name */
    struct str ec2_name;      /* ec2Query requests: ec2QueryName or capitalised xmlName */
    struct str wire_name;     /* header, prefix or query parameter for those locations */
    struct str xml_namespace; /* URI, or empty */
    struct str xml_namespace_prefix;
    const struct shape *shape;
    uint32_t offset;          /* in the C struct that holds it; 0 in lists, see shape */
    uint16_t flags;           /* enum member_flags */
    uint8_t location;         /* enum member_location */
    uint8_t timestamp_format; /* enum timestamp_format */
    const char *default_text; /* JSON text of a default, or NULL */
    /* Constraints put on the member rather than on its shape override the shape's. */
};

enum shape_flags {
    SHAPE_HAS_MIN = 1 << 0,
    SHAPE_HAS_MAX = 1 << 1,
    SHAPE_SPARSE = 1 << 2, /* list or map that may hold nulls */
    SHAPE_UNIQUE = 1 << 3,
    SHAPE_IS_BYTE = 1 << 4,   /* integer of 8 bits */
    SHAPE_IS_SHORT = 1 << 5,  /* integer of 16 bits */
    SHAPE_SENSITIVE = 1 << 6, /* never logged */
    SHAPE_EVENT_STREAM = 1 << 7,
    SHAPE_INT_ENUM = 1 << 8,
};

struct shape {
    struct str name; /* in the model, for error texts */
    enum shape_kind kind;
    uint16_t flags;        /* enum shape_flags */
    uint16_t member_count; /* structure, union: all; list: 1 (element); map: 2 (key, value) */
    uint16_t enum_count;
    uint32_t size;                /* bytes of the C value: structure, list item, map entry parts */
    uint32_t value_offset;        /* map: offset of `value` in an entry; entry size is `size` */
    const struct member *members; /* sorted as in the model */
    const struct str *enum_values;
    const char *pattern; /* regular expression as in the model, or NULL */
    int64_t min;         /* length of text/list/map/blob, value of numbers */
    int64_t max;
    struct str xml_name;      /* structure: root element name, or empty */
    struct str xml_namespace; /* structure: xmlns of the root, or empty */
    struct str media_type;    /* string, blob: content type when it is the payload, or empty */
};

/* An error a service can answer. */
struct api_error {
    struct str code;           /* shape name: "QueueDoesNotExist" */
    struct str query_code;     /* awsQueryError code, or the same as code */
    uint16_t http_status;      /* httpError, else 400 / 500 */
    uint16_t query_status;     /* of awsQueryError, else http_status */
    bool is_sender;            /* the client's fault */
    const struct shape *shape; /* members beside the message, or NULL */
    struct str message_name;   /* JSON name of the message; absent: "message" */
};

enum status {
    STATUS_DONE,            /* `out` is filled */
    STATUS_FAILED,          /* call->error is set (by call_fail or call_fail_internal) */
    STATUS_PENDING,         /* call_wait was called; run again later */
    STATUS_NOT_IMPLEMENTED, /* only the generated dispatcher answers this */
};

enum operation_flags {
    OPERATION_UNSIGNED = 1 << 0,      /* auth is none: AssumeRoleWithSAML, InitiateAuth */
    OPERATION_STREAMS_INPUT = 1 << 1, /* has a streaming payload in */
    OPERATION_STREAMS_OUTPUT = 1 << 2,
    OPERATION_REQUIRES_LENGTH = 1 << 3,
    OPERATION_CHECKSUM_REQUIRED = 1 << 4,
    OPERATION_UNWRAPPED_OUTPUT = 1 << 5, /* restXml: the one member is the root (S3) */
};

struct operation {
    struct str name;        /* "SendMessage" */
    struct str http_method; /* "POST" */
    struct str http_uri;    /* "/", "/{Bucket}/{Key+}?x-id=PutObject" */
    uint16_t http_code;     /* success status */
    uint16_t flags;         /* enum operation_flags */
    const struct shape *in; /* never NULL: operations without input have an empty structure */
    const struct shape *out;
    uint32_t in_size; /* bytes of the C structs */
    uint32_t out_size;
    const struct api_error *const *errors;
    uint16_t error_count;
    uint32_t handler_offset; /* of its typed pointer in the service's handler struct */
    /* Calls the typed handler, or answers STATUS_NOT_IMPLEMENTED when it is NULL. */
    enum status (*invoke)(const void *handlers, struct call *call, const void *in, void *out);
};

enum protocol {
    PROTOCOL_AWS_JSON_1_0,
    PROTOCOL_AWS_JSON_1_1,
    PROTOCOL_AWS_QUERY,
    PROTOCOL_EC2_QUERY,
    PROTOCOL_REST_JSON,
    PROTOCOL_REST_XML,
    PROTOCOL_RPC_V2_CBOR,
    PROTOCOL_COUNT,
};

struct service_model {
    struct str name;            /* folder and model name: "sqs" */
    struct str service_id;      /* sdkId: "SQS" */
    struct str smithy_name;     /* shape name, for rpcv2 paths: "GraniteServiceVersion20100801" */
    struct str endpoint_prefix; /* "sqs", host name part */
    struct str signing_name;    /* "sqs", in credential scopes */
    struct str arn_namespace;   /* "sqs", and the prefix of IAM actions */
    struct str target_prefix;   /* "AmazonSQS", of X-Amz-Target */
    struct str api_version;     /* "2012-11-05" */
    struct str xml_namespace;   /* xmlns of query and XML answers */
    uint32_t protocols;         /* 1 << enum protocol */
    bool is_query_compatible;   /* awsQueryCompatible: JSON errors carry x-amzn-query-error */
    bool is_s3_unwrapped;       /* s3UnwrappedXmlOutput and other restXml noErrorWrapping */
    const struct operation *operations; /* sorted by name */
    uint16_t operation_count;
};

/* The operation of that name, or NULL. */
const struct operation *service_find_operation(const struct service_model *service,
                                               struct str name);
/* Whether `handlers` (the service's handler struct) implements the operation. */
bool operation_is_implemented(const struct operation *operation, const void *handlers);
