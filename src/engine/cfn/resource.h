/* resource.h — how CloudFormation reaches a resource type: a row of functions and properties, one
 * `cfn.c` in each service's folder.
 *
 * The stack engine knows types only through these rows. A function runs inside a transaction, as
 * the principal whose permissions the stack uses, and reaches its service by resource_invoke, so
 * the same handler, checks and policies apply as to any client.
 */
#pragma once

#include "wire/call.h"

struct json;

enum resource_result {
    RESOURCE_DONE,
    RESOURCE_FAILED,      /* rc->message says why; nothing was done */
    RESOURCE_IN_PROGRESS, /* run again at rc->retry_at_ms with what was put into rc->state */
};

/* What a change of a property means. AWS: "Update behaviors of stack resources". */
enum update_behavior {
    UPDATE_NO_INTERRUPTION,
    UPDATE_SOME_INTERRUPTION,
    UPDATE_CONDITIONAL, /* the type's `needs_replacement` decides */
    UPDATE_REPLACEMENT,
};

/* What a property's value must be; scalars are coerced (a template's 30 or "30", true or "true").
 */
enum property_type {
    PROPERTY_STRING,
    PROPERTY_INTEGER,
    PROPERTY_DOUBLE,
    PROPERTY_BOOLEAN,
    PROPERTY_JSON,   /* object or JSON text: policy documents */
    PROPERTY_LIST,   /* of strings unless `items` */
    PROPERTY_MAP,    /* free object */
    PROPERTY_OBJECT, /* `members` */
};

struct resource_property {
    struct str name;
    enum property_type type;
    enum update_behavior update;
    bool is_required;
    bool is_write_only;                      /* never read back */
    const struct resource_property *members; /* of an object, or of a list's items */
    size_t member_count;
};

/* One run of a type's function. Everything lives in call->arena. */
struct resource_call {
    struct call *call;                 /* transaction, arena, clock; scope is the stack's */
    const struct principal *principal; /* whose permissions apply */
    struct str stack_id;
    struct str stack_name;
    struct str logical_id;
    struct str type_name;              /* as the template has it: "Custom::Thing" */
    struct str physical_id;            /* set by create; given to the others; an update that sets
                                          another one has replaced the resource */
    const struct json *properties;     /* resolved, checked against the row, scalars coerced */
    const struct json *old_properties; /* update: as last applied */
    const struct json *stack_tags;     /* array of {"Key", "Value"}, the stack's own tags included
                                          (aws:cloudformation:stack-name, ...-id, logical-id) */
    struct json *state; /* kept between runs of an operation in progress; NULL first */
    int64_t retry_at_ms;
    struct str message;                /* of a failure: the stack event's ResourceStatusReason */
    const struct json *old_stack_tags; /* update: as last applied; NULL: the same as stack_tags */
    struct json *data;   /* what create or update leaves for attribute(); kept with the resource */
    struct str role_arn; /* of the operation; absent: it acts as who asked for it */
    const struct json *skip;            /* ResourcesToSkip of ContinueUpdateRollback, or NULL */
    const struct json *creation_policy; /* resolved, or NULL */
    int64_t started_at_ms;              /* of the stack's operation: older signals do not count */
    bool is_rollback_disabled;          /* of the operation */
};

typedef enum resource_result resource_fn(struct resource_call *rc);

struct resource_type {
    struct str name;                            /* "AWS::SQS::Queue"; "Custom::*" */
    const struct resource_property *properties; /* all of AWS's; what is not supported is not there
                                                   and fails the stack by name */
    size_t property_count;
    const struct str *attributes; /* names for Fn::GetAtt */
    size_t attribute_count;
    bool needs_iam_capability; /* CAPABILITY_IAM */
    struct str name_property;  /* a custom name here asks for CAPABILITY_NAMED_IAM */
    bool accepts_tags;         /* property Tags: stack tags are merged in */
    bool is_open;              /* takes any property: the rows name those that are checked */
    bool is_always_updated;    /* update() is run though no property changed: nested stacks */
    bool is_never_updated;     /* AWS: "Updates are not supported." */
    bool is_never_replaced;    /* an update that would replace it fails instead */
    struct str identifier;     /* property that names the physical id when it is imported */
    resource_fn *create;       /* sets physical_id */
    resource_fn *update;       /* NULL: every change replaces */
    resource_fn *remove;       /* a missing resource counts as removed */
    /* A rollback puts the resource back; NULL: update() with the properties exchanged. */
    resource_fn *restore;
    /* The operation, or its rollback, has succeeded everywhere: what was kept to be able to go back
     * can go. NULL: nothing was kept. */
    resource_fn *settle;
    /* Whether these changes of UPDATE_CONDITIONAL properties replace the resource; NULL: no. */
    bool (*needs_replacement)(const struct json *old_properties, const struct json *properties);
    /* Reads one attribute of the physical resource into *out (string, or list as JSON array text is
     * not allowed: strings and lists of strings only). RESOURCE_FAILED when it is gone. */
    enum resource_result (*attribute)(struct resource_call *rc, struct str name,
                                      struct json **out_value);
    /* What Ref gives; NULL: the physical id. */
    enum resource_result (*ref)(struct resource_call *rc, struct str *out_value);
    /* The live properties, for drift detection and import; RESOURCE_FAILED when it is gone. */
    enum resource_result (*read)(struct resource_call *rc, struct json **out_properties);
};

/* Calls an operation of a service as rc->principal in the stack's scope. On failure sets
 * rc->message as CloudFormation words it: "Message (Service: Sqs, Status Code: 400, Request ID:
 * ...)" ; *out_code (may be NULL) is the error code, so that a type can treat "already gone" as
 * done. */
enum resource_result resource_invoke(struct resource_call *rc, const struct service_model *service,
                                     const struct operation *operation, const void *in, void *out,
                                     struct str *out_code);

/* Fails with a message of the type's own. */
enum resource_result resource_fail(struct resource_call *rc, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* A generated name, as CloudFormation makes it: STACK-LOGICALID-XXXXXXXXXXXX (12 characters
 * A-Z0-9), shortened to `max_len`; `suffix` (".fifo") is kept. */
struct str resource_physical_name(struct resource_call *rc, size_t max_len, struct str suffix);

/* Property readers: absent or wrong kinds give absent values (the engine checked them before). */
struct str resource_string(const struct json *properties, const char *name);
struct opt_i64 resource_integer(const struct json *properties, const char *name);
struct opt_bool resource_boolean(const struct json *properties, const char *name);
/* JSON text of an object property (policy documents), or the string itself. */
struct str resource_json_text(struct resource_call *rc, const struct json *properties,
                              const char *name);
/* True when the property differs between old and new (absent on both sides is equal). */
bool resource_changed(const struct resource_call *rc, const char *name);
/* Tags property merged with the stack's tags (the property wins), as an array of {"Key","Value"}.
 */
struct json *resource_tags(struct resource_call *rc, const char *name);
