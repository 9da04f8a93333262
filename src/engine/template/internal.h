/* internal.h — what the files of engine/template share and nobody else sees.
 *
 * Order of the files: read.c (text to tree), function.c (the table of functions), expand.c
 * (transforms), build.c and check.c (the model), parameter.c (values), evaluate.c and intrinsic.c
 * (functions to values), bind.c and graph.c (conditions, order), resolve.c (final properties),
 * summary.c and diff.c.
 */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "engine/template/template.h"
#include "syntax/json.h"

enum {
    /* Deepest tree: 100 levels of YAML, each with a short tag that became two more levels, plus
     * what includes and macros add. Recursion over trees is bounded by it. */
    TEMPLATE_MAX_DEPTH = 400,
    /* Names in one error message: the search for repeats is quadratic. */
    TEMPLATE_MAX_TOLD_NAMES = 2000,
};

struct condition_entry {
    const struct json *node;
    size_t position; /* in the Conditions section */
};

/* Lookup by name. */
struct template_index {
    struct map parameters; /* -> struct template_parameter */
    struct map resources;  /* -> struct template_resource */
    struct map conditions; /* -> struct condition_entry */
};

/* ---- Functions ------------------------------------------------------------------------------ */

enum template_function {
    FUNCTION_NONE, /* plain data */
    FUNCTION_REF,
    FUNCTION_CONDITION,
    FUNCTION_AND,
    FUNCTION_BASE64,
    FUNCTION_CIDR,
    FUNCTION_CONTAINS,
    FUNCTION_EACH_MEMBER_EQUALS,
    FUNCTION_EACH_MEMBER_IN,
    FUNCTION_EQUALS,
    FUNCTION_FIND_IN_MAP,
    FUNCTION_GET_ATT,
    FUNCTION_GET_AZS,
    FUNCTION_IF,
    FUNCTION_IMPORT_VALUE,
    FUNCTION_JOIN,
    FUNCTION_LENGTH,
    FUNCTION_NOT,
    FUNCTION_OR,
    FUNCTION_REF_ALL,
    FUNCTION_SELECT,
    FUNCTION_SPLIT,
    FUNCTION_SUB,
    FUNCTION_TO_JSON_STRING,
    FUNCTION_TRANSFORM,
    FUNCTION_VALUE_OF,
    FUNCTION_VALUE_OF_ALL,
    FUNCTION_UNKNOWN, /* "Fn::" and a name that does not exist */
};

/* Where an expression stands: decides which functions it may use and what they mean. */
enum template_context {
    CONTEXT_CONDITION, /* Conditions: parameters and mappings only */
    CONTEXT_RULE,      /* Rules: parameters only, with the rule functions */
    CONTEXT_RESOURCE,  /* any part of a resource */
    CONTEXT_OUTPUT,
    CONTEXT_STATIC, /* transform parameters, export names, policies: nothing of a resource */
};

/* The function that `node` calls, with its argument. An object with one member whose name is a
 * function's; {"Condition": name} counts only where conditions are evaluated. */
enum template_function function_of(const struct json *node, enum template_context context,
                                   const struct json **out_argument);
/* "Fn::Sub" for a short tag "!Sub", "Ref" for "!Ref"; absent for an unknown tag. */
struct str function_of_tag(struct str tag);
const char *function_name(enum template_function function);
bool function_allowed(enum template_function function, enum template_context context);
/* Only AWS::LanguageExtensions brings these. */
bool function_is_extension(enum template_function function);

/* ---- Errors --------------------------------------------------------------------------------- */

/* The standard texts that several places use. */
#define TEXT_JOIN                                                                                  \
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and "   \
    "(2) a list of strings to be joined or a function that returns a list of strings (such as "    \
    "Fn::GetAZs) to be joined."
#define TEXT_SPLIT                                                                                 \
    "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and "  \
    "(2) a string to be split or a function that returns a string to be split."
#define TEXT_FIND_IN_MAP                                                                           \
    "Template error: every Fn::FindInMap object requires three parameters, the map name, map key " \
    "and the attribute for return value"
#define TEXT_SELECT_INDEX                                                                          \
    "Template error: Fn::Select requires a list argument with a valid index value as its first "   \
    "element"
#define TEXT_SELECT_LIST                                                                           \
    "Template error: Fn::Select requires a list argument with two elements: an integer index and " \
    "a list"
#define TEXT_GET_ATT                                                                               \
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource "     \
    "name "                                                                                        \
    "and the resource attribute"
#define TEXT_SUB_ARGUMENTS                                                                         \
    "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "   \
    "Specify a string as first argument, and an optional second argument to specify a mapping of " \
    "values to replace in the string"
#define TEXT_SUB_CONTEXT                                                                           \
    "Template error: every value of the context object of every Fn::Sub object must be a string "  \
    "or a function that returns a string"
#define TEXT_SUB_NAME                                                                              \
    "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, " \
    "underscores, periods, and colons"
#define TEXT_EQUALS                                                                                \
    "Template error: every Fn::Equals object requires a list of 2 string parameters."
#define TEXT_REF "Template format error: every Ref object must have a single String value."
#define TEXT_IMPORT                                                                                \
    "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported " \
    "values, or Fn::GetAZs"
#define TEXT_CONDITION                                                                             \
    "Template format error: Conditions can only be boolean operations on parameters and other "    \
    "conditions"
#define TEXT_EXPORT                                                                                \
    "Template format error: Output " STR_FMT                                                       \
    " is malformed. The Name field of every Export member must be specified and consist only of "  \
    "alphanumeric characters, colons, or hyphens."
#define TEXT_OUTPUT_STRING                                                                         \
    "Template format error: The Value field of every Outputs member must evaluate to a String."

/* As template_fail, with the place of `node`. Returns -EINVAL. */
int fail_at(struct arena *arena, const struct template_document *document, const struct json *node,
            struct template_error *out_error, const char *format, ...) PRINTF_LIKE(5, 6);
int vfail_at(struct arena *arena, const struct template_document *document, const struct json *node,
             struct template_error *out_error, const char *format, va_list args) PRINTF_LIKE(5, 0);

/* ---- Trees ---------------------------------------------------------------------------------- */

/* Text of a string, number or boolean; absent for anything else. */
struct str scalar_text(const struct json *value);
bool is_scalar(const struct json *value);
/* A new node with the same content; children are copied too, text is shared. Keeps offsets. */
struct json *tree_copy(struct arena *arena, const struct json *value);
/* A copy of one node without its children. */
struct json *node_copy(struct arena *arena, const struct json *value);
/* "[A, B]" */
struct str list_text(struct arena *arena, const struct str *names, size_t count);
/* Appends unless it is there already, or there are TEMPLATE_MAX_TOLD_NAMES. */
void add_unique(struct vec *names, struct str name);
bool is_alphanumeric(struct str name);

/* Brings a tree to the form that template_read promises, in place, and refuses nulls and trees that
 * are too deep or too big. */
MUST_CHECK int tree_normalize(struct arena *arena, const struct template_document *document,
                              struct json *root, struct template_error *out_error);

/* Finds members of an object by name; hashed when there are many, so that a text with as many
 * variables as its map has members costs no quadratic time. */
struct member_index {
    const struct json *object; /* may be NULL: nothing is found */
    struct map map;
    bool is_hashed;
};

void member_index_init(struct member_index *index, struct arena *arena, const struct json *object);
const struct json *member_index_find(const struct member_index *index, struct str name);

/* One piece of a Fn::Sub text. */
struct sub_piece {
    struct str text; /* literal text, or the variable's name */
    bool is_variable;
};

/* Cuts off the first piece of *rest. Returns false at the end. `${!Name}` gives the literal
 * "${Name}" in two pieces. */
bool sub_next(struct str *rest, struct sub_piece *out_piece);

/* ---- Building ------------------------------------------------------------------------------- */

/* An empty model of a document. */
struct template_model *model_new(struct arena *arena, const struct template_document *document);
/* Reads the Parameters section into the model. */
MUST_CHECK int build_parameters(struct arena *arena, struct template_model *model,
                                struct template_error *out_error);
/* Checks every function and reference of an expanded model. */
MUST_CHECK int check_model(struct arena *arena, const struct template_model *model,
                           struct template_error *out_error);

/* ---- Evaluating ----------------------------------------------------------------------------- */

struct evaluator {
    struct arena *arena;
    const struct template_binding *binding;
    const struct template_resolver *resolver; /* NULL: nothing of a resource may be used */
    enum template_context context;
    struct template_error *error;
    uint32_t depth; /* of conditions that name conditions */
    size_t spent;   /* what results have cost so far, about bytes */
};

enum {
    /* Functions can multiply text (a Sub inside a Sub, a list that is referenced often). What one
     * resource may cost; AWS stops far earlier, at the limits of its services. */
    TEMPLATE_MAX_SPENT = 64 * 1024 * 1024,
    /* Conditions that name conditions that name ...: recursion stays bounded. */
    TEMPLATE_MAX_CONDITION_DEPTH = 500,
};

/* Charges a result; -EINVAL when the budget is used up. */
MUST_CHECK int evaluate_charge(struct evaluator *evaluator, const struct json *node, size_t cost);
bool is_pseudo_parameter(struct str name);
/* Whether text contains TEMPLATE_UNKNOWN_TEXT. */
bool is_unknown_text(struct str text);

/* Evaluates any expression. *out_value is NULL when it is AWS::NoValue. */
MUST_CHECK int evaluate(struct evaluator *evaluator, const struct json *node,
                        struct json **out_value);
/* Evaluates a condition expression. */
MUST_CHECK int evaluate_condition(struct evaluator *evaluator, const struct json *node,
                                  bool *out_holds);
/* One function call that gives a value; used by evaluate. */
MUST_CHECK int evaluate_function(struct evaluator *evaluator, enum template_function function,
                                 const struct json *argument, struct json **out_value);
/* The value of a name for Ref and Fn::Sub: pseudo parameter, parameter or resource. */
MUST_CHECK int evaluate_name(struct evaluator *evaluator, const struct json *node, struct str name,
                             struct json **out_value);
/* Whether the named condition holds, evaluated at most once. */
MUST_CHECK int condition_value(struct evaluator *evaluator, const struct json *node,
                               struct str name, bool *out_holds);
/* A callback's return value: gives an error that has no place the place of the node. */
int callback_result(struct evaluator *evaluator, const struct json *node, int rc);
/* fail_at with what the evaluator knows. Returns -EINVAL. */
int evaluate_fail(struct evaluator *evaluator, const struct json *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The attribute of a resource. */
MUST_CHECK int evaluate_attribute(struct evaluator *evaluator, const struct json *node,
                                  struct str id, struct str attribute, struct json **out_value);
/* Evaluates and wants text; `refusal` is the error when it is none. AWS::NoValue gives "". */
MUST_CHECK int evaluate_text(struct evaluator *evaluator, const struct json *node,
                             const char *refusal, struct str *out_text);
MUST_CHECK int evaluate_cidr(struct evaluator *evaluator, const struct json *argument,
                             struct json **out_value);
MUST_CHECK int evaluate_sub(struct evaluator *evaluator, const struct json *argument,
                            struct json **out_value);

/* ---- Binding -------------------------------------------------------------------------------- */

/* Fills binding->parameters; checks every constraint. */
MUST_CHECK int bind_parameters(struct arena *arena, const struct template_values *values,
                               struct template_binding *binding, struct template_error *out_error);
MUST_CHECK int bind_rules(struct arena *arena, const struct template_binding *binding,
                          struct template_error *out_error);
/* Dependencies and order of the active resources. */
MUST_CHECK int bind_graph(struct arena *arena, struct template_binding *binding,
                          struct template_error *out_error);
/* Refuses cycles that no condition can break. */
MUST_CHECK int check_cycles(struct arena *arena, const struct template_model *model,
                            struct template_error *out_error);
/* Evaluates something that may use nothing of a resource, to text. */
MUST_CHECK int evaluate_static(struct arena *arena, const struct template_binding *binding,
                               const struct json *node, const char *refusal, struct str *out_text,
                               struct template_error *out_error);
/* Replaces the dynamic references in a resolved tree. `resource` may be NULL. */
MUST_CHECK int replace_dynamic_references(struct arena *arena,
                                          const struct template_binding *binding,
                                          const struct template_resource *resource,
                                          struct json *value, struct template_error *out_error);

/* Calls `visit` for every name that an expression uses: `attribute` is absent for Ref and for
 * Sub variables without a dot. With a binding only the taken branches of Fn::If are followed; with
 * `binding` NULL the branches are skipped when `skips_if`, else both are. */
struct reference_walk {
    struct arena *arena;
    const struct template_binding *binding; /* NULL: no branch is known */
    bool skips_if;
    void (*visit)(void *user, const struct json *node, struct str name, struct str attribute);
    /* Optional: the argument of every Fn::ImportValue. */
    void (*visit_import)(void *user, const struct json *argument);
    void *user;
};
void walk_references(const struct reference_walk *walk, const struct json *node);
/* The same over everything of a resource that may hold functions. */
void walk_resource(const struct reference_walk *walk, const struct template_resource *resource);
