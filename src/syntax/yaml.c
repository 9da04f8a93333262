/* yaml.c — libyaml's events, or JSON's tokens, into a tree.
 *
 * One builder serves both sources. It keeps finished nodes on a stack; when a collection ends, what
 * lies above its start becomes its children. JSON is read by our own reader when the text is JSON,
 * because libyaml refuses surrogate pairs in escapes and keys over 1,024 characters, which JSON
 * allows; all else goes to libyaml.
 *
 * Invariants:
 *  1. node_total counts nodes as if every alias were written out: the tree may be walked by
 *     recursion without looking at sharing.
 *  2. The same holds for depth: an alias counts as deep as what it stands for.
 *  3. An alias to a collection that is still open is refused, so the tree has no cycles.
 *
 * Docs: yaml.org/spec/1.1, yaml.org/type/merge.html.
 */
#include "syntax/yaml.h"

#include <errno.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "syntax/json.h"
#include "syntax/yaml_types.h"

enum {
    FEW_KEYS = 16, /* up to here comparing with each is faster than hashing */
};

/* What an anchor names. */
struct anchored {
    struct yaml_node *node;
    size_t node_count; /* aliases written out */
    uint32_t height;   /* levels of collections; 0 for a scalar */
};

/* A collection that is not closed yet. */
struct open_node {
    struct yaml_node *node;
    struct anchored *anchor; /* or NULL */
    size_t first_child;      /* index on the stack of finished nodes */
    size_t total_before;     /* node_total when it was opened */
    uint32_t height;         /* so far */
};

struct builder {
    struct arena *arena;   /* of the tree */
    struct arena *scratch; /* of what only the parse needs */
    struct vec done;       /* struct yaml_node *: children of open collections */
    struct map anchors;    /* struct anchored by name */
    struct yaml_node *root;
    size_t node_total;
    uint32_t depth;
    struct open_node open[YAML_MAX_DEPTH];
    struct yaml_error error;
};

struct position {
    uint32_t line;
    uint32_t column;
};

static int fail(struct builder *builder, struct position at, int rc, struct str message)
{
    builder->error = (struct yaml_error){.line = at.line, .column = at.column, .message = message};
    return rc;
}

static struct position position_of(const struct yaml_node *node)
{
    return (struct position){.line = node->line, .column = node->column};
}

/* ---- Building ----------------------------------------------------------------------------------
 */

static struct yaml_node *new_node(struct builder *builder, enum yaml_kind kind, struct position at)
{
    struct yaml_node *node = arena_alloc(builder->arena, sizeof(*node));
    node->kind = kind;
    node->line = at.line;
    node->column = at.column;
    node->text = STR("");
    node->tag = STR("");
    return node;
}

/* Hands a finished node to the collection around it, or makes it the root. */
static int add_node(struct builder *builder, struct yaml_node *node, size_t node_count,
                    uint32_t height, struct position at)
{
    if (node_count > YAML_MAX_NODES - builder->node_total)
        return fail(builder, at, -E2BIG, STR("too many nodes"));
    if (builder->depth + height > YAML_MAX_DEPTH)
        return fail(builder, at, -E2BIG, STR("nested too deeply"));
    builder->node_total += node_count;
    if (builder->depth == 0) {
        builder->root = node;
        return 0;
    }
    struct open_node *parent = &builder->open[builder->depth - 1];
    if (parent->height < height + 1)
        parent->height = height + 1;
    *(struct yaml_node **)vec_push(&builder->done) = node;
    return 0;
}

static struct anchored *set_anchor(struct builder *builder, struct str name, struct yaml_node *node)
{
    struct anchored *anchor = arena_alloc(builder->scratch, sizeof(*anchor));
    *anchor = (struct anchored){.node = node, .node_count = 1};
    map_set(&builder->anchors, str_copy(builder->scratch, name), anchor);
    return anchor;
}

static int begin_collection(struct builder *builder, struct yaml_node *node, struct str anchor)
{
    if (builder->depth == YAML_MAX_DEPTH)
        return fail(builder, position_of(node), -E2BIG, STR("nested too deeply"));
    builder->open[builder->depth] = (struct open_node){
        .node = node,
        .anchor = str_is_set(anchor) ? set_anchor(builder, anchor, node) : NULL,
        .first_child = builder->done.count,
        .total_before = builder->node_total,
        .height = 1,
    };
    builder->depth++;
    return 0;
}

static struct yaml_node *child_at(const struct builder *builder, size_t index)
{
    return *(struct yaml_node **)vec_at(&builder->done, index);
}

static void fill_sequence(struct builder *builder, const struct open_node *open)
{
    size_t count = builder->done.count - open->first_child;
    struct yaml_node **items = arena_alloc_array(builder->arena, count, sizeof(struct yaml_node *));
    for (size_t i = 0; i < count; i++)
        items[i] = child_at(builder, open->first_child + i);
    open->node->items = items;
    open->node->count = count;
}

/* The keys of one mapping: a list while they are few, then a table. */
struct key_set {
    struct str few[FEW_KEYS];
    size_t count;
    struct map many;
};

/* Returns whether the key is new. */
static bool add_key(struct key_set *set, struct str key)
{
    if (set->count == FEW_KEYS && set->many.count == 0) {
        for (size_t i = 0; i < FEW_KEYS; i++)
            map_set(&set->many, set->few[i], NULL);
    }
    if (set->count >= FEW_KEYS) {
        bool is_new = map_set(&set->many, key, NULL);
        set->count += is_new;
        return is_new;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (str_eq(set->few[i], key))
            return false;
    }
    set->few[set->count++] = key;
    return true;
}

static bool is_merge_key(const struct yaml_node *key)
{
    return key->is_plain && key->tag.len == 0 && str_eq(key->text, STR("<<"));
}

/* Adds the pairs of one merged mapping whose keys are not there yet. */
static void merge_mapping(struct vec *pairs, struct key_set *keys, const struct yaml_node *source)
{
    for (size_t i = 0; i < source->count; i++) {
        if (add_key(keys, source->pairs[i].key->text))
            *(struct yaml_pair *)vec_push(pairs) = source->pairs[i];
    }
}

/* The value of `<<` is a mapping or a sequence of mappings, the earlier of which win. */
static int merge(struct builder *builder, struct vec *pairs, struct key_set *keys,
                 const struct yaml_node *value)
{
    if (value->kind == YAML_MAPPING) {
        merge_mapping(pairs, keys, value);
        return 0;
    }
    bool is_valid = value->kind == YAML_SEQUENCE;
    for (size_t i = 0; is_valid && i < value->count; i++)
        is_valid = value->items[i]->kind == YAML_MAPPING;
    if (!is_valid)
        return fail(builder, position_of(value), -EINVAL,
                    STR("the value of << must be a mapping or a sequence of mappings"));
    for (size_t i = 0; i < value->count; i++)
        merge_mapping(pairs, keys, value->items[i]);
    return 0;
}

/* Checks that the keys are scalars and differ; counts the merge keys. */
static int check_keys(struct builder *builder, const struct open_node *open, struct key_set *keys,
                      size_t *out_merge_count)
{
    for (size_t i = open->first_child; i < builder->done.count; i += 2) {
        const struct yaml_node *key = child_at(builder, i);
        if (key->kind != YAML_SCALAR)
            return fail(builder, position_of(key), -EINVAL, STR("a key must be a scalar"));
        if (is_merge_key(key))
            ++*out_merge_count;
        else if (!add_key(keys, key->text))
            return fail(builder, position_of(key), -EINVAL,
                        str_concat3(builder->arena, STR("duplicate key \""), key->text, STR("\"")));
    }
    return 0;
}

static int fill_mapping(struct builder *builder, const struct open_node *open)
{
    struct key_set keys;
    keys.count = 0;
    map_init(&keys.many, builder->scratch);
    size_t merge_count = 0;
    int rc = check_keys(builder, open, &keys, &merge_count);
    if (rc < 0)
        return rc;
    size_t count = (builder->done.count - open->first_child) / 2;
    struct vec pairs; /* merged pairs stand where the `<<` stood */
    vec_init(&pairs, builder->scratch, sizeof(struct yaml_pair));
    struct yaml_pair *plain =
        merge_count > 0 ? NULL : arena_alloc_array(builder->arena, count, sizeof(struct yaml_pair));
    for (size_t i = 0; i < count; i++) {
        struct yaml_node *key = child_at(builder, open->first_child + 2 * i);
        struct yaml_node *value = child_at(builder, open->first_child + 2 * i + 1);
        if (plain)
            plain[i] = (struct yaml_pair){.key = key, .value = value};
        else if (!is_merge_key(key))
            *(struct yaml_pair *)vec_push(&pairs) = (struct yaml_pair){.key = key, .value = value};
        else
            rc = merge(builder, &pairs, &keys, value);
        if (rc < 0)
            return rc;
    }
    if (!plain) {
        count = pairs.count;
        plain = arena_alloc_array(builder->arena, count, sizeof(struct yaml_pair));
        for (size_t i = 0; i < count; i++)
            plain[i] = *(struct yaml_pair *)vec_at(&pairs, i);
    }
    open->node->pairs = plain;
    open->node->count = count;
    return 0;
}

static int end_collection(struct builder *builder)
{
    struct open_node *open = &builder->open[builder->depth - 1];
    int rc = 0;
    if (open->node->kind == YAML_MAPPING)
        rc = fill_mapping(builder, open);
    else
        fill_sequence(builder, open);
    if (rc < 0)
        return rc;
    builder->done.count = open->first_child;
    builder->depth--;
    size_t node_count = builder->node_total - open->total_before + 1;
    builder->node_total = open->total_before; /* add_node counts the whole */
    if (open->anchor) {
        open->anchor->node_count = node_count;
        open->anchor->height = open->height;
    }
    return add_node(builder, open->node, node_count, open->height, position_of(open->node));
}

static int add_alias(struct builder *builder, struct str name, struct position at)
{
    const struct anchored *anchor = map_find(&builder->anchors, name);
    if (!anchor)
        return fail(builder, at, -EINVAL, STR("found undefined alias"));
    for (uint32_t i = 0; i < builder->depth; i++) {
        if (builder->open[i].node == anchor->node)
            return fail(builder, at, -EINVAL, STR("found an alias to the node around it"));
    }
    return add_node(builder, anchor->node, anchor->node_count, anchor->height, at);
}

/* ---- From libyaml ------------------------------------------------------------------------------
 */

static void yaml_parser_autoclose(yaml_parser_t *parser)
{
    yaml_parser_delete(parser);
}

static void yaml_event_autoclose(yaml_event_t *event)
{
    yaml_event_delete(event);
}

static struct position position_of_mark(yaml_mark_t mark)
{
    return (struct position){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

/* libyaml's bytes are unsigned; an absent one gives an absent str. */
static struct str str_from_yaml(const yaml_char_t *text)
{
    return str_from_cstr((const char *)text);
}

static const struct str core_prefix = STR_INIT("tag:yaml.org,2002:");

/* The tag as the contract wants it: none when it is a core one. */
static struct str local_tag(struct builder *builder, const yaml_char_t *tag)
{
    struct str text = str_or(str_from_yaml(tag), STR(""));
    return str_starts_with(text, core_prefix) ? STR("") : str_copy(builder->arena, text);
}

static enum yaml_type scalar_type(struct str tag, struct str text, bool is_plain)
{
    if (!str_starts_with(tag, core_prefix))
        return is_plain ? yaml_resolve(text) : YAML_STRING;
    /* !!int "5" is a number in spite of its quotes; a tag that its text contradicts is void. */
    static const struct {
        const char *name;
        enum yaml_type type;
    } names[] = {
        {"null", YAML_NULL}, {"bool", YAML_BOOL}, {"int", YAML_INT}, {"float", YAML_FLOAT}};
    enum yaml_type found = yaml_resolve(text);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!str_eq_cstr(str_from(tag, core_prefix.len), names[i].name))
            continue;
        bool is_integral_float = names[i].type == YAML_FLOAT && found == YAML_INT;
        return found == names[i].type || is_integral_float ? names[i].type : YAML_STRING;
    }
    return YAML_STRING;
}

static int add_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct position at = position_of_mark(event->start_mark);
    struct yaml_node *node = new_node(builder, YAML_SCALAR, at);
    struct str tag = str_or(str_from_yaml(event->data.scalar.tag), STR(""));
    node->text = str_copy(
        builder->arena, str_of((const char *)event->data.scalar.value, event->data.scalar.length));
    node->tag = local_tag(builder, event->data.scalar.tag);
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->type = scalar_type(tag, node->text, node->is_plain);
    struct str anchor = str_from_yaml(event->data.scalar.anchor);
    if (str_is_set(anchor))
        set_anchor(builder, anchor, node);
    return add_node(builder, node, 1, 0, at);
}

static int begin_from_event(struct builder *builder, const yaml_event_t *event)
{
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    struct yaml_node *node = new_node(builder, is_mapping ? YAML_MAPPING : YAML_SEQUENCE,
                                      position_of_mark(event->start_mark));
    const yaml_char_t *tag =
        is_mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *anchor =
        is_mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    node->tag = local_tag(builder, tag);
    return begin_collection(builder, node, str_from_yaml(anchor));
}

static int take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root)
            return fail(builder, position_of_mark(event->start_mark), -EINVAL,
                        STR("expected a single document"));
        return 0;
    case YAML_ALIAS_EVENT:
        return add_alias(builder, str_from_yaml(event->data.alias.anchor),
                         position_of_mark(event->start_mark));
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return begin_from_event(builder, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return end_collection(builder);
    case YAML_STREAM_END_EVENT:
        if (!builder->root)
            return fail(builder, position_of_mark(event->start_mark), -EINVAL,
                        STR("expected a document, found none"));
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return 0;
}

static struct position position_of_offset(struct str text, size_t offset)
{
    struct position at = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        at.column++;
        if (text.ptr[i] == '\n')
            at = (struct position){.line = at.line + 1, .column = 1};
    }
    return at;
}

static int fail_as_libyaml(struct builder *builder, const yaml_parser_t *parser, struct str text)
{
    CHECK(parser->error != YAML_MEMORY_ERROR);
    /* A reader error (bytes that are no text) has an offset but no mark. */
    struct position at = parser->error == YAML_READER_ERROR
                             ? position_of_offset(text, parser->problem_offset)
                             : position_of_mark(parser->problem_mark);
    const char *problem = parser->problem ? parser->problem : "malformed";
    return fail(builder, at, -EINVAL, str_copy(builder->arena, str_from_cstr(problem)));
}

static int build_from_yaml(struct builder *builder, struct str text)
{
    AUTO(yaml_parser) yaml_parser_t parser;
    CHECK(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    const char *start = str_or(text, STR("")).ptr;
    yaml_parser_set_input_string(&parser, (const unsigned char *)start, text.len);
    for (bool is_done = false; !is_done;) {
        AUTO(yaml_event) yaml_event_t event = {0};
        if (!yaml_parser_parse(&parser, &event))
            return fail_as_libyaml(builder, &parser, text);
        int rc = take_event(builder, &event);
        if (rc < 0)
            return rc;
        is_done = event.type == YAML_STREAM_END_EVENT;
    }
    return 0;
}

/* ---- From JSON ---------------------------------------------------------------------------------
 */

/* Where the last token began. Tokens come in order, so counting goes on from the one before. */
struct json_position {
    size_t offset;
    struct position at;
};

static struct position advance_to(struct json_position *position, const struct json_reader *reader)
{
    for (; position->offset < reader->token_offset; position->offset++) {
        char c = reader->source.ptr[position->offset];
        if (c == '\n') {
            position->at.line++;
            position->at.column = 1;
        } else if (((unsigned char)c & 0xC0) != 0x80) {
            position->at.column++; /* columns are characters, as libyaml counts them */
        }
    }
    return position->at;
}

static int add_json_scalar(struct builder *builder, const struct json_reader *reader,
                           enum json_token token, struct position at)
{
    struct yaml_node *node = new_node(builder, YAML_SCALAR, at);
    struct str text = token == JSON_TOKEN_NULL    ? STR("null")
                      : token == JSON_TOKEN_TRUE  ? STR("true")
                      : token == JSON_TOKEN_FALSE ? STR("false")
                                                  : reader->text;
    node->text = str_copy(builder->arena, text);
    node->is_plain = token != JSON_TOKEN_STRING && token != JSON_TOKEN_KEY;
    node->type = node->is_plain ? yaml_resolve(node->text) : YAML_STRING;
    return add_node(builder, node, 1, 0, at);
}

static int take_token(struct builder *builder, const struct json_reader *reader,
                      enum json_token token, struct position at)
{
    switch (token) {
    case JSON_TOKEN_NULL:
    case JSON_TOKEN_FALSE:
    case JSON_TOKEN_TRUE:
    case JSON_TOKEN_NUMBER:
    case JSON_TOKEN_STRING:
    case JSON_TOKEN_KEY:
        return add_json_scalar(builder, reader, token, at);
    case JSON_TOKEN_BEGIN_OBJECT:
        return begin_collection(builder, new_node(builder, YAML_MAPPING, at), (struct str){0});
    case JSON_TOKEN_BEGIN_ARRAY:
        return begin_collection(builder, new_node(builder, YAML_SEQUENCE, at), (struct str){0});
    case JSON_TOKEN_END_OBJECT:
    case JSON_TOKEN_END_ARRAY:
        return end_collection(builder);
    case JSON_TOKEN_END:
    case JSON_TOKEN_ERROR:
        break;
    }
    return 0;
}

/* Sets *out_is_json to false when the text is no JSON; it may still be YAML. */
static int build_from_json(struct builder *builder, struct str text, bool *out_is_json)
{
    struct json_reader reader;
    json_reader_init(&reader, builder->scratch, text);
    struct json_position position = {.at = {.line = 1, .column = 1}};
    for (;;) {
        enum json_token token = json_read(&reader);
        if (token == JSON_TOKEN_END || token == JSON_TOKEN_ERROR) {
            *out_is_json = token == JSON_TOKEN_END;
            return 0;
        }
        int rc = take_token(builder, &reader, token, advance_to(&position, &reader));
        if (rc < 0)
            return rc;
    }
}

/* ---- Entry points ------------------------------------------------------------------------------
 */

static void builder_init(struct builder *builder, struct arena *arena, struct arena *scratch)
{
    builder->arena = arena;
    builder->scratch = scratch;
    builder->root = NULL;
    builder->node_total = 0;
    builder->depth = 0;
    builder->error = (struct yaml_error){0};
    vec_init(&builder->done, scratch, sizeof(struct yaml_node *));
    map_init(&builder->anchors, scratch);
}

static int build(struct builder *builder, struct str text)
{
    struct str trimmed = str_trim(text);
    bool may_be_json = str_starts_with(trimmed, STR("{")) || str_starts_with(trimmed, STR("["));
    if (may_be_json) {
        bool is_json = false;
        int rc = build_from_json(builder, text, &is_json);
        if (rc < 0 || is_json)
            return rc;
        builder_init(builder, builder->arena, builder->scratch);
    }
    return build_from_yaml(builder, text);
}

int yaml_parse(struct arena *arena, struct str text, struct yaml_node **out_root,
               struct yaml_error *out_error)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct builder *builder = arena_alloc(scratch, sizeof(*builder));
    builder_init(builder, arena, scratch);
    int rc = build(builder, text);
    if (rc < 0) {
        if (out_error)
            *out_error = builder->error;
        return rc;
    }
    *out_root = builder->root;
    return 0;
}

struct yaml_node *yaml_find(const struct yaml_node *mapping, struct str key)
{
    if (!mapping || mapping->kind != YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        if (str_eq(mapping->pairs[i].key->text, key))
            return mapping->pairs[i].value;
    }
    return NULL;
}
