/* yaml.h — YAML (and JSON, which is YAML) into a tree with source positions and tags.
 *
 * For CloudFormation templates, buildspecs and OpenAPI documents. Scalars keep their text and
 * style: nothing is converted here, so an unquoted 2012-10-17 stays "2012-10-17" and `yes` stays
 * "yes"; the resolved core-schema type is offered beside it. Aliases share nodes; merge keys `<<`
 * are resolved; duplicate keys are an error; alias expansion is limited.
 */
#pragma once

#include "base/str.h"

struct arena;
struct json;

enum {
    YAML_MAX_DEPTH = 100,    /* libyaml is quadratic in nested flow sequences */
    YAML_MAX_NODES = 500000, /* counted after alias expansion: no billion laughs */
};

enum yaml_kind {
    YAML_SCALAR,
    YAML_SEQUENCE,
    YAML_MAPPING,
};

/* What YAML 1.1 as read by CloudFormation makes of a scalar. Quoted and block scalars are strings.
 */
enum yaml_type {
    YAML_STRING,
    YAML_NULL, /* ~, null, Null, NULL, or nothing at all */
    YAML_BOOL, /* true/false, yes/no, on/off in YAML 1.1's spellings */
    YAML_INT,
    YAML_FLOAT,
};

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_type type; /* scalars only */
    struct str text;     /* scalars only */
    struct str tag;      /* "!Sub" for a local tag; empty for none or a core tag */
    bool is_plain;       /* scalar without quotes and not a block scalar */
    uint32_t line;       /* 1-based, where the node starts */
    uint32_t column;
    struct yaml_pair *pairs;  /* mappings, in source order */
    struct yaml_node **items; /* sequences */
    size_t count;             /* of pairs or items */
};

struct yaml_pair {
    struct yaml_node *key; /* always a scalar */
    struct yaml_node *value;
};

struct yaml_error {
    uint32_t line;
    uint32_t column;
    struct str message; /* in the arena, e.g. "found unexpected end of stream" */
};

/* Parses exactly one document. Text is copied into the arena. Returns 0; -EINVAL (malformed, more
 * than one document, none, a duplicate key, a key that is no scalar); -E2BIG (limits). */
MUST_CHECK int yaml_parse(struct arena *arena, struct str text, struct yaml_node **out_root,
                          struct yaml_error *out_error);

/* The value of a key of a mapping, or NULL. */
struct yaml_node *yaml_find(const struct yaml_node *mapping, struct str key);

/* Converts plain data (no local tags: they are ignored) to JSON: numbers, booleans and null by
 * their resolved type. Text is borrowed from the tree. */
struct json *yaml_to_json(struct arena *arena, const struct yaml_node *node);
