/* template.h — CloudFormation's template language: text in, final resource properties out.
 *
 * A pure library: no store, no services, no clock. What only the outside knows (types, parameter
 * stores, exports, physical ids, macros) comes in through callbacks. The stages, in order:
 *
 *   template_read      YAML or JSON text -> one JSON tree, short tags in their long form
 *   template_expand    macros, AWS::Include and AWS::LanguageExtensions -> a tree without Transform
 *   template_build     tree -> struct template_model: every section checked, every reference known
 *   template_bind      + parameter values and pseudo parameters -> conditions, active resources,
 *                      dependency order, imports, exports
 *   template_resolve   + physical ids and attributes of other resources -> final JSON of a resource
 *
 * Every stage allocates in the arena that it is given and its result lives there; later results
 * borrow from earlier ones, so keep them in one arena or in arenas that outlive each other.
 * Functions return 0 or a negative errno. -EINVAL: the template or a value is wrong, *out_error is
 * filled with AWS's message (the API error is always ValidationError unless noted). Any other
 * negative value came from a callback and is passed on unchanged. Nothing here keeps global state;
 * all functions are thread-safe on different arenas. See docs/templates.md.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"
#include "base/str.h"

struct arena;
struct json;

enum {
    /* AWS: CloudFormation quotas (docs: cloudformation-limits). */
    TEMPLATE_MAX_BODY_BYTES = 51200,  /* TemplateBody; checked by the caller */
    TEMPLATE_MAX_URL_BYTES = 1048576, /* TemplateURL; template_read refuses more than this */
    TEMPLATE_MAX_RESOURCES = 500,
    TEMPLATE_MAX_PARAMETERS = 200,
    TEMPLATE_MAX_OUTPUTS = 200,
    TEMPLATE_MAX_MAPPINGS = 200,
    TEMPLATE_MAX_MAPPING_ATTRIBUTES = 200,
    TEMPLATE_MAX_NAME_CHARS = 255,
    TEMPLATE_MAX_DESCRIPTION_BYTES = 1024,
    TEMPLATE_MAX_PARAMETER_BYTES = 4096,
    /* Ours: what ForEach, macros and functions may blow a tree up to, in nodes and in bytes of one
     * string. A 1 MB template has about 50,000 nodes. */
    TEMPLATE_MAX_NODES = 500000,
    TEMPLATE_MAX_STRING_BYTES = 4194304,
};

/* Why a stage refused. `message` is AWS's text, in the arena of the call. Line and column are
 * 1-based places in the source text, 0 when the fault has no place (a missing parameter value). */
struct template_error {
    struct str message;
    uint32_t line;
    uint32_t column;
};

/* Fills an error from a callback: formats into the arena; the position is left to the library.
 * Returns -EINVAL, so that a callback can `return template_fail(...)`. */
int template_fail(struct arena *arena, struct template_error *out_error, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* ---- Stage 1: reading ----------------------------------------------------------------------- */

/* A template as one tree. Functions are in long form ({"Fn::Sub": ..}, {"Ref": ..}, {"Condition":
 * ..}), Fn::GetAtt always is a list of two, whatever the source used. Scalars: YAML's true/false
 * and numbers are JSON booleans and numbers with their text kept, everything else (dates too) is a
 * string. */
struct template_document {
    struct json *root;           /* an object */
    struct str source;           /* copy of the text */
    bool is_json;                /* the text was JSON, not YAML */
    bool is_expanded;            /* came out of template_expand, or has no transforms */
    struct str *transforms;      /* declared ones, also after expansion; order of processing:
                                  * Fn::Transform calls in source order, then top-level ones */
    size_t transform_count;      /* without repeats */
    const uint32_t *line_starts; /* private: byte offset of each line */
    size_t line_count;
};

/* Parses the text. Errors: "Template format error: YAML not well-formed. (line 3, column 5)",
 * "Template format error: JSON not well-formed. (line 3, column 5)", "Template format error:
 * unsupported structure.", null values, unknown short tags, duplicate keys. */
MUST_CHECK int template_read(struct arena *arena, struct str text,
                             struct template_document **out_document,
                             struct template_error *out_error);

/* Parses a snippet for AWS::Include or the answer of a macro: any value, without places. */
MUST_CHECK int template_read_snippet(struct arena *arena, struct str text, struct json **out_value,
                                     struct template_error *out_error);
/* Takes the places of a tree away, for nodes that come from another text. */
void template_clear_positions(struct json *value);

/* The place of a node of the tree, or 0,0 for one that a macro or function built. */
void template_position(const struct template_document *document, const struct json *node,
                       uint32_t *out_line, uint32_t *out_column);

/* ---- Values from outside -------------------------------------------------------------------- */

/* One value of a parameter as a request passes it. */
struct template_argument {
    struct str name;
    struct str value;    /* absent when use_previous */
    struct str resolved; /* for types resolved by a callback: the value found earlier. When set,
                          * the callback is not asked again */
    bool use_previous;
};

struct template_pseudo {
    struct str account_id;
    struct str partition; /* "aws" */
    struct str region;
    struct str stack_id;
    struct str stack_name;
    struct str url_suffix; /* "amazonaws.com" */
    const struct str *notification_arns;
    size_t notification_arn_count;
};

/* A `{{resolve:service:body}}` in a property. */
struct template_dynamic_reference {
    struct str service;     /* "ssm", "ssm-secure", "secretsmanager" */
    struct str body;        /* what follows the service, e.g. "name:3" */
    struct str text;        /* the whole reference */
    struct str resource_id; /* where it stands; absent in outputs and parameters */
    struct str resource_type;
    struct str property; /* path inside Properties, e.g. "MasterUserPassword" or "A.B.0" */
};

/* What binding and resolving ask of the outside. Every member may be NULL. A callback returns 0; or
 * -EINVAL with *out_error filled (template_fail); or another negative errno, which is passed on.
 * Results live in `arena`. */
struct template_environment {
    void *user;
    /* Reads the SSM parameter that a parameter of an AWS::SSM::Parameter::Value type names. NULL:
     * such a type is refused. */
    int (*ssm_parameter)(void *user, struct arena *arena, struct str name, struct str *out_value,
                         struct template_error *out_error);
    /* Checks that a value of an AWS-specific type ("AWS::EC2::VPC::Id") exists. NULL: accepted. */
    int (*check_aws_value)(void *user, struct arena *arena, struct str type, struct str value,
                           struct template_error *out_error);
    /* The value of an export of this account and region. NULL: no exports exist. */
    int (*import_value)(void *user, struct arena *arena, struct str name, struct str *out_value,
                        struct template_error *out_error);
    /* The Availability Zones of a region: an array of strings. NULL: <region>a, b and c. */
    int (*availability_zones)(void *user, struct arena *arena, struct str region,
                              struct json **out_zones, struct template_error *out_error);
    /* The value of a dynamic reference. NULL: references stay as they are. */
    int (*dynamic_reference)(void *user, struct arena *arena,
                             const struct template_dynamic_reference *reference,
                             struct str *out_value, struct template_error *out_error);
    /* For Rules: Fn::RefAll, Fn::ValueOf and Fn::ValueOfAll. `type` and, except for RefAll,
     * `attribute` are given; `value` is the parameter's value for ValueOf, else absent. The result
     * is a string or an array of strings. NULL: the functions are refused. */
    int (*rule_values)(void *user, struct arena *arena, struct str type, struct str value,
                       struct str attribute, struct json **out_value,
                       struct template_error *out_error);
};

struct template_values {
    const struct template_argument *arguments; /* of this request */
    size_t argument_count;
    const struct template_argument *previous; /* of the existing stack: value is set in each */
    size_t previous_count;
    struct template_pseudo pseudo;
    const struct template_environment *environment; /* may be NULL; borrowed by the binding */
};

/* ---- Stage 2: transforms -------------------------------------------------------------------- */

struct template_transform_call {
    struct str name;         /* "AWS::Serverless-2016-10-31", "AWS::Include", a macro's name */
    struct json *parameters; /* object of the call's Parameters, functions resolved; or NULL */
    struct json *fragment;   /* for a top-level transform the whole template without Transform;
                              * for Fn::Transform the siblings, possibly an empty object */
    struct json *values;     /* object: parameter name -> value (string or list) */
    bool is_top_level;
};

struct template_expander {
    void *user;
    /* Runs one transform (anything but AWS::LanguageExtensions, which is built in). A macro's
     * *out_fragment replaces the fragment, which it may change and give back; nodes that come from
     * a text of its own have no place in the template (template_clear_positions). For AWS::Include
     * it is the content of the file, as template_read_snippet gives it; the library merges it with
     * the siblings. *out_error is for the whole message; the library adds the place. */
    int (*transform)(void *user, struct arena *arena, const struct template_transform_call *call,
                     struct json **out_fragment, struct template_error *out_error);
};

/* Runs every transform: nested Fn::Transform first (innermost first), then the top-level list in
 * order. `values` gives what Ref and Fn::Sub may use in transform parameters and in Fn::ForEach;
 * parameter values are checked as template_bind does. The result is a new document (GetTemplate's
 * Processed stage), or `document` itself when there is nothing to do. `expander` may be NULL: then
 * only AWS::LanguageExtensions works and others fail with "No transform named X found." */
MUST_CHECK int template_expand(struct arena *arena, struct template_document *document,
                               const struct template_values *values,
                               const struct template_expander *expander,
                               struct template_document **out_document,
                               struct template_error *out_error);

/* ---- Stage 3: the model --------------------------------------------------------------------- */

enum template_parameter_kind {
    TEMPLATE_STRING,      /* String and every AWS-specific single type */
    TEMPLATE_NUMBER,      /* Number */
    TEMPLATE_NUMBER_LIST, /* List<Number> */
    TEMPLATE_STRING_LIST, /* CommaDelimitedList and List<AWS::...> */
};

struct template_parameter {
    struct str name;
    struct str type; /* as declared, e.g. "AWS::SSM::Parameter::Value<List<String>>" */
    enum template_parameter_kind kind; /* of the final value */
    bool is_ssm;                       /* the value names an SSM parameter */
    struct str aws_type; /* "AWS::EC2::VPC::Id" when values must exist, also inside List<> and
                          * AWS::SSM::Parameter::Value<>; else absent */
    struct str description;
    struct str default_value; /* absent when there is none */
    bool no_echo;
    struct str *allowed_values;
    size_t allowed_value_count;
    struct str allowed_pattern;
    struct str constraint_description;
    struct opt_i64 min_length;
    struct opt_i64 max_length;
    struct opt_f64 min_value;
    struct opt_f64 max_value;
    const struct json *node;
};

struct template_resource {
    struct str id; /* logical id */
    struct str type;
    const struct json *node;       /* the whole entry */
    const struct json *properties; /* these four NULL when missing */
    const struct json *metadata;
    const struct json *creation_policy;
    const struct json *update_policy;
    struct str condition; /* absent when always created */
    struct str *depends_on;
    size_t depends_on_count;
};

struct template_output {
    struct str name;
    struct str description;
    struct str condition;
    const struct json *value;
    const struct json *export_name; /* NULL when not exported */
    const struct json *node;
};

/* All arrays are in source order. */
struct template_model {
    const struct template_document *document;
    struct str description;
    const struct json *metadata; /* NULL when missing */
    struct template_parameter *parameters;
    size_t parameter_count;
    struct template_resource *resources;
    size_t resource_count;
    struct template_output *outputs;
    size_t output_count;
    const struct json *mappings; /* these three NULL when missing */
    const struct json *conditions;
    const struct json *rules;
    bool has_language_extensions; /* AWS::LanguageExtensions is declared */
    struct template_index *index; /* private: lookup by name */
};

struct template_build_options {
    /* Whether resources of this type can be made. NULL: every well-formed name is accepted. */
    bool (*is_known_type)(void *user, struct str type);
    void *user;
};

/* Checks every section and reference and returns the model. A document with Transform that was not
 * expanded is accepted (ValidateTemplate and GetTemplateSummary look at it so): types and
 * references are checked only when it is expanded. `options` may be NULL. */
MUST_CHECK int template_build(struct arena *arena, const struct template_document *document,
                              const struct template_build_options *options,
                              struct template_model **out_model, struct template_error *out_error);

/* NULL when there is none of that name. */
const struct template_parameter *template_find_parameter(const struct template_model *model,
                                                         struct str name);
const struct template_resource *template_find_resource(const struct template_model *model,
                                                       struct str id);

/* What ValidateTemplate and GetTemplateSummary tell about a template. */
struct template_summary {
    struct str *capabilities; /* CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND */
    size_t capability_count;
    struct str capabilities_reason; /* absent when no IAM capability is needed */
    struct str *resource_types;     /* without repeats, in source order */
    size_t resource_type_count;
    struct str *transforms;
    size_t transform_count;
    struct str metadata; /* the Metadata section as JSON text; absent when missing */
    struct str version;  /* AWSTemplateFormatVersion; absent when missing */
};

void template_summarize(struct arena *arena, const struct template_model *model,
                        struct template_summary *out_summary);

/* The capabilities that creating the stack needs and `given` lacks, e.g. "CAPABILITY_NAMED_IAM";
 * *out_missing is empty when all is granted. CAPABILITY_NAMED_IAM covers CAPABILITY_IAM.
 * AWS: "Requires capabilities : [CAPABILITY_IAM]" with InsufficientCapabilitiesException. */
void template_missing_capabilities(struct arena *arena, const struct template_summary *summary,
                                   const struct str *given, size_t given_count,
                                   struct str **out_missing, size_t *out_count);

/* ---- Stage 4: binding ----------------------------------------------------------------------- */

struct template_bound_parameter {
    const struct template_parameter *parameter;
    struct str value;           /* as passed or defaulted: DescribeStacks' ParameterValue */
    struct str resolved;        /* DescribeStacks' ResolvedValue; absent unless is_ssm */
    const struct json *content; /* what Ref gives: a string, or an array of strings */
    bool is_default;            /* nobody passed a value */
};

/* An active resource: its condition holds. Indexes are into template_binding.resources. */
struct template_bound_resource {
    const struct template_resource *resource;
    struct str deletion_policy;       /* "Delete", "Retain", "Snapshot", "RetainExceptOnCreate";
                                       * absent when not given: the type's default applies */
    struct str update_replace_policy; /* same values; absent when not given */
    size_t *dependencies;             /* ascending, without repeats: must exist before this one */
    size_t dependency_count;
    size_t *dependents; /* the reverse */
    size_t dependent_count;
};

struct template_bound_output {
    const struct template_output *output;
    struct str export_name; /* absent when not exported */
};

struct template_binding {
    const struct template_model *model;
    struct template_pseudo pseudo;
    const struct template_environment *environment;
    struct template_bound_parameter *parameters; /* in the order of model->parameters */
    struct template_bound_resource *resources;   /* active ones, in source order */
    size_t resource_count;
    size_t *order; /* resource_count indexes: dependencies first, otherwise source order */
    struct template_bound_output *outputs; /* active ones, in source order */
    size_t output_count;
    struct str *imports; /* export names that Fn::ImportValue uses, without repeats */
    size_t import_count;
    int8_t *conditions; /* private: by position in model->conditions; -1 unknown, 0, 1 */
    struct map *active; /* private: logical id -> template_bound_resource */
    size_t *spent;      /* private: the budget of template_bind while it runs */
};

/* Checks the parameter values, evaluates rules and conditions and orders the active resources. The
 * model must come from an expanded document. */
MUST_CHECK int template_bind(struct arena *arena, const struct template_model *model,
                             const struct template_values *values,
                             struct template_binding **out_binding,
                             struct template_error *out_error);

/* Whether a condition of the template holds; false for one that it does not define. */
bool template_condition_holds(const struct template_binding *binding, struct str name);
/* The active resource of that logical id, or NULL (unknown, or its condition does not hold). */
const struct template_bound_resource *template_find_bound(const struct template_binding *binding,
                                                          struct str id);

/* ---- Stage 5: resolving --------------------------------------------------------------------- */

/* What stands for a value that exists only after deployment (in change sets). AWS shows it so:
 * DescribeChangeSet, IncludePropertyValues, AfterValue "{{changeSet:KNOWN_AFTER_APPLY}}". */
#define TEMPLATE_UNKNOWN_TEXT "{{changeSet:KNOWN_AFTER_APPLY}}"

/* Values of other resources. Callbacks return 0 with *out_value set, 1 when the value is not known
 * yet (it becomes TEMPLATE_UNKNOWN_TEXT, also inside Sub and Join), -EINVAL with *out_error filled
 * (e.g. no such attribute), or another negative errno. */
struct template_resolver {
    void *user;
    int (*ref)(void *user, struct arena *arena, struct str id, struct json **out_value,
               struct template_error *out_error);
    int (*attribute)(void *user, struct arena *arena, struct str id, struct str attribute,
                     struct json **out_value, struct template_error *out_error);
};

/* The parts of a resource that may hold functions. */
enum template_part {
    TEMPLATE_PROPERTIES,
    TEMPLATE_METADATA,
    TEMPLATE_CREATION_POLICY,
    TEMPLATE_UPDATE_POLICY,
};

/* Resolves one part of an active resource: functions evaluated, AWS::NoValue members and items
 * removed, dynamic references replaced (not when environment->dynamic_reference is NULL). The
 * result is always an object; an empty one when the part is missing. */
MUST_CHECK int template_resolve(struct arena *arena, const struct template_binding *binding,
                                const struct template_bound_resource *resource,
                                enum template_part part, const struct template_resolver *resolver,
                                struct json **out_value, struct template_error *out_error);

/* Resolves the value of an output. *out_value is its text. Error: "Template format
 * error: The Value field of every Outputs member must evaluate to a String." */
MUST_CHECK int template_resolve_output(struct arena *arena, const struct template_binding *binding,
                                       const struct template_bound_output *output,
                                       const struct template_resolver *resolver,
                                       struct str *out_value, struct template_error *out_error);

/* Replaces the dynamic references in a resolved value, in place, by what the environment's callback
 * gives: for who lets template_resolve leave them as they are, so that what they stand for is not
 * kept. `resource_id` and `resource_type` say where the value stands; absent in outputs. */
MUST_CHECK int template_replace_references(struct arena *arena,
                                           const struct template_environment *environment,
                                           struct str resource_id, struct str resource_type,
                                           struct json *value, struct template_error *out_error);
/* Whether a resolved value contains a dynamic reference. */
bool template_has_reference(const struct json *value);

/* Whether a resolved value is or contains TEMPLATE_UNKNOWN_TEXT. */
bool template_is_unknown(const struct json *value);

/* ---- Differences ---------------------------------------------------------------------------- */

enum template_reference_kind {
    TEMPLATE_REFERS_TO_PARAMETER, /* change sets: ParameterReference */
    TEMPLATE_REFERS_TO_RESOURCE,  /* Ref: ResourceReference */
    TEMPLATE_REFERS_TO_ATTRIBUTE, /* Fn::GetAtt: ResourceAttribute */
};

struct template_reference {
    enum template_reference_kind kind;
    struct str name;      /* parameter name or logical id */
    struct str attribute; /* of TEMPLATE_REFERS_TO_ATTRIBUTE, else absent */
};

/* Every parameter, resource and attribute that an unresolved value (for example one member of
 * template_resource.properties) uses, without repeats. Only the branches of Fn::If that the binding
 * takes are followed; pseudo parameters are left out. */
void template_list_references(struct arena *arena, const struct template_binding *binding,
                              const struct json *value, struct template_reference **out_references,
                              size_t *out_count);

enum template_change_kind {
    TEMPLATE_ADDED,
    TEMPLATE_REMOVED,
    TEMPLATE_MODIFIED,
};

struct template_change {
    struct str name; /* top-level member, e.g. "BucketName" */
    enum template_change_kind kind;
    const struct json *before; /* NULL when added */
    const struct json *after;  /* NULL when removed */
};

/* The top-level members in which two objects differ: first those of `after` in its order, then the
 * removed ones. Either may be NULL (an empty object). Scalars compare by text, so 80 equals "80"
 * and true equals "true": CloudFormation hands both on alike. */
void template_diff(struct arena *arena, const struct json *before, const struct json *after,
                   struct template_change **out_changes, size_t *out_count);
/* Deep equality by the same rule. */
bool template_equal(const struct json *a, const struct json *b);
