/* dynamodb_partiql_fuzz.c — any text as a PartiQL statement; what is one is applied to an item. */
#include "base/arena.h"
#include "service/dynamodb/partiql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    static struct dynamodb_attribute_value values[2] = {{.s = STR_INIT("x")}, {.n = STR_INIT("1")}};
    struct dynamodb_prepared_statement_parameters parameters = {.items = values};
    struct ddb_statement statement;
    struct ddb_value item = {.type = DDB_M};
    struct str message = {0};
    const struct ddb_value number = ddb_text_value(DDB_N, STR("1"));
    ddb_map_set(arena, &item, STR("a"), &number);
    for (parameters.count = 0; parameters.count <= ARRAY_LEN(values); parameters.count++) {
        if (ddb_statement_parse(arena, str_of((const char *)data, size), &parameters, &statement,
                                &message) < 0) {
            CHECK(message.len > 0);
            continue;
        }
        if (statement.where)
            (void)ddb_evaluate(statement.where, &item);
        if (statement.type == DDB_INSERT)
            (void)ddb_value_to_blob(arena, &statement.item);
        if (statement.type == DDB_STATEMENT_UPDATE &&
            ddb_apply_update(arena, &statement.update, &item, &message) < 0)
            CHECK(message.len > 0);
    }
    return 0;
}
