/* empty.c — forgets everything: deletes the rows of all tables that migrations made.
 *
 * The only place where SQL is put together at run time; the names come from the engine's own
 * catalogue and are quoted.
 */
#include "base/arena.h"
#include "base/vec.h"
#include "store/backend.h"

static const char sql_tables_sqlite[] =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' "
    "AND name <> 'schema_version'";
static const char sql_tables_postgres[] =
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() "
    "AND tablename <> 'schema_version'";

static int list_tables(struct db *db, struct arena *arena, struct vec *out_names)
{
    AUTO(stmt) struct stmt *stmt = NULL;
    const char *sql = db->backend->is_postgres ? sql_tables_postgres : sql_tables_sqlite;
    int rc = db_prepare(db, sql, &stmt);
    if (rc < 0)
        return rc;
    while ((rc = stmt_step(stmt)) == 1)
        *(struct str *)vec_push(out_names) = stmt_str(stmt, 0, arena);
    return rc;
}

int db_empty(struct db *db)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct vec names;
    vec_init(&names, arena, sizeof(struct str));
    int rc = list_tables(db, arena, &names);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        struct str name = *(const struct str *)vec_at(&names, i);
        rc = db_run(db, str_format(arena, "DELETE FROM \"" STR_FMT "\"", STR_ARG(name)).ptr);
    }
    return rc;
}
