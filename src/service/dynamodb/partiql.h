/* partiql.h — PartiQL statements as DynamoDB understands them. Private to this folder.
 *
 * A statement becomes the trees of expression.h: WHERE is a condition, SET and REMOVE an update, so
 * there is one evaluator. Docs: developer guide, "PartiQL - a SQL-compatible query language for
 * Amazon DynamoDB".
 */
#pragma once

#include "service/dynamodb/expression.h"

enum ddb_statement_type {
    DDB_SELECT,
    DDB_INSERT,
    DDB_STATEMENT_UPDATE,
    DDB_STATEMENT_DELETE,
    DDB_EXISTS, /* a condition in a transaction */
};

enum ddb_returning {
    DDB_RETURNING_NOTHING,
    DDB_RETURNING_ALL_OLD,
    DDB_RETURNING_MODIFIED_OLD,
    DDB_RETURNING_ALL_NEW,
    DDB_RETURNING_MODIFIED_NEW,
};

enum {
    DDB_STATEMENT_ORDERS_MAX = 8,
};

struct ddb_order {
    struct str name;
    bool is_descending;
};

struct ddb_statement {
    enum ddb_statement_type type;
    struct str table;
    struct str index;       /* absent: the table itself */
    struct ddb_paths paths; /* SELECT */
    bool has_paths;         /* else "*" */
    struct ddb_node *where; /* NULL: none */
    struct ddb_value item;  /* INSERT: a map */
    struct ddb_update update;
    enum ddb_returning returning;
    struct ddb_order orders[DDB_STATEMENT_ORDERS_MAX];
    size_t order_count;
};

/* Reads a statement; "?" stands for the parameters in their order. Returns 0, or -EINVAL and AWS's
 * text. */
MUST_CHECK int ddb_statement_parse(struct arena *arena, struct str text,
                                   const struct dynamodb_prepared_statement_parameters *parameters,
                                   struct ddb_statement *out, struct str *out_message);
/* "RETURNING ALL OLD *" */
struct str ddb_returning_text(enum ddb_returning returning);
