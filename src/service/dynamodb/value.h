/* value.h — attribute values and items: tree in memory, bytes in a row, structs on the wire.
 *
 * An item is a map. Everything is in normal form from the moment a request is read: numbers as
 * ddb_number_format gives them, members of maps sorted by name, members of sets sorted and without
 * duplicates. So two values are equal when their trees are, member by member, and the encoding of
 * a value is unique.
 *
 * Encoding, one value: a type byte, then by type
 *   S N B       length, bytes (N: its normal text)
 *   SS NS BS    count, then length and bytes of each member
 *   L           count, then values
 *   M           count, then length and bytes of the name and the value of each member
 *   NULL BOOL   nothing (true and false are two types)
 * Lengths and counts are LEB128. An item's row holds a value of type M.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "dynamodb/dynamodb_api.h"
#include "service/dynamodb/number.h"

struct arena;

enum {
    DDB_DEPTH_MAX = 32,             /* AWS: "nested attributes up to 32 levels deep" */
    DDB_ITEM_SIZE_MAX = 409600,     /* AWS: "The maximum item size in DynamoDB is 400 KB" */
    DDB_BLOB_MAX = 4 * 1024 * 1024, /* no item of 400 KB encodes longer: long numbers as text */
};

enum ddb_type {
    DDB_S = 1,
    DDB_N,
    DDB_B,
    DDB_SS,
    DDB_NS,
    DDB_BS,
    DDB_M,
    DDB_L,
    DDB_NULL,
    DDB_BOOL,
};

struct ddb_value {
    enum ddb_type type;
    bool is_true;            /* BOOL */
    uint32_t count;          /* sets, L, M */
    struct str text;         /* S, B; N: normal form */
    struct ddb_value *items; /* sets (of S, N, B), L, M */
    struct str name;         /* in a map: of this member; else absent */
};

/* "S", "N", ... as AWS names them. */
struct str ddb_type_name(enum ddb_type type);
/* The type of that name, or 0. */
enum ddb_type ddb_type_from_name(struct str name);

/* Reads a value of a request, checking all of AWS's rules for values. Texts are borrowed. Returns
 * 0, or -EINVAL and AWS's text. */
MUST_CHECK int ddb_value_from_api(struct arena *arena, const struct dynamodb_attribute_value *in,
                                  struct ddb_value *out, struct str *out_message);
/* The same for any generated map of attribute values: `entries` are `count` entries of a struct
 * like dynamodb_attribute_map_entry. *out becomes a map. */
MUST_CHECK int ddb_item_from_api(struct arena *arena, const void *entries, size_t count,
                                 struct ddb_value *out, struct str *out_message);
void ddb_value_to_api(struct arena *arena, const struct ddb_value *value,
                      struct dynamodb_attribute_value *out);
/* Entries for any generated map of attribute values. */
void *ddb_item_to_api(struct arena *arena, const struct ddb_value *item);

/* Appends the encoding. */
void ddb_value_encode(struct buf *out, const struct ddb_value *value);
struct str ddb_value_to_blob(struct arena *arena, const struct ddb_value *value);
/* Reads all of `blob`; texts borrow from it. -EINVAL: these bytes were not made by us. */
MUST_CHECK int ddb_value_from_blob(struct arena *arena, struct str blob, struct ddb_value *out);

/* AWS's size of a value, and of an item with its names. */
size_t ddb_value_size(const struct ddb_value *value);
size_t ddb_item_size(const struct ddb_value *item);

bool ddb_value_equal(const struct ddb_value *a, const struct ddb_value *b);
/* Order of two values of the same type S, N or B; CHECKs that. */
int ddb_value_compare(const struct ddb_value *a, const struct ddb_value *b);
/* The member of a map, or NULL. */
struct ddb_value *ddb_map_find(const struct ddb_value *map, struct str name);
/* Puts `value` in the place of the member `name` or adds it; the map's items are copied first when
 * they must grow, so other holders of the same items array see replaced members only. */
void ddb_map_set(struct arena *arena, struct ddb_value *map, struct str name,
                 const struct ddb_value *value);
void ddb_map_remove(struct ddb_value *map, struct str name);
/* Whether a set has the member (S, N or B). */
bool ddb_set_has(const struct ddb_value *set, const struct ddb_value *member);
/* Union, or a without b. `a` and `b` are of the same type of set. */
struct ddb_value ddb_set_union(struct arena *arena, const struct ddb_value *a,
                               const struct ddb_value *b);
struct ddb_value ddb_set_difference(struct arena *arena, const struct ddb_value *a,
                                    const struct ddb_value *b);
bool ddb_is_set(enum ddb_type type);
/* A copy whose arrays are its own; texts stay shared. */
struct ddb_value ddb_value_copy(struct arena *arena, const struct ddb_value *value);
struct ddb_value ddb_number_value(struct arena *arena, const struct ddb_number *number);
struct ddb_value ddb_text_value(enum ddb_type type, struct str text);
