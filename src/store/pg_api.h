/* pg_api.h — private to store/: libpq, loaded when a postgresql:// URL is first used.
 *
 * libpq brings in some twenty libraries (Kerberos, LDAP ...) that a program over SQLite should
 * neither need nor wait for. `pg_api()->PQexec(...)` calls what `PQexec(...)` would.
 */
#pragma once

#include <postgresql/libpq-fe.h>

#include "base/str.h"

/* X(function) */
#define PG_FUNCTIONS(X)                                                                            \
    X(PQclear)                                                                                     \
    X(PQcmdStatus)                                                                                 \
    X(PQcmdTuples)                                                                                 \
    X(PQconnectdbParams)                                                                           \
    X(PQconsumeInput)                                                                              \
    X(PQerrorMessage)                                                                              \
    X(PQescapeLiteral)                                                                             \
    X(PQexec)                                                                                      \
    X(PQexecPrepared)                                                                              \
    X(PQfinish)                                                                                    \
    X(PQfreemem)                                                                                   \
    X(PQftype)                                                                                     \
    X(PQgetisnull)                                                                                 \
    X(PQgetlength)                                                                                 \
    X(PQgetvalue)                                                                                  \
    X(PQisthreadsafe)                                                                              \
    X(PQnfields)                                                                                   \
    X(PQnotifies)                                                                                  \
    X(PQntuples)                                                                                   \
    X(PQparameterStatus)                                                                           \
    X(PQprepare)                                                                                   \
    X(PQresultErrorField)                                                                          \
    X(PQresultStatus)                                                                              \
    X(PQsetNoticeProcessor)                                                                        \
    X(PQsocket)                                                                                    \
    X(PQstatus)

struct pg_api {
#define PG_MEMBER(function) __typeof__(function) *function;
    PG_FUNCTIONS(PG_MEMBER)
#undef PG_MEMBER
};

/* Loads the library. Returns 0, or -EIO with what the loader says (static text). Thread-safe. */
MUST_CHECK int pg_api_load(const char **out_message);
/* The functions; only after pg_api_load gave 0. Thread-safe. */
const struct pg_api *pg_api(void);
