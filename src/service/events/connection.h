/* connection.h — connections and API destinations: private to this folder. */
#pragma once

#include "service/events/events.h"

struct events_connection_row {
    struct scope scope;
    struct str name;
    struct str uuid;
    struct str description; /* absent: none; so the next three */
    struct str state_reason;
    struct str kms_key;
    struct str token; /* sealed */
    struct str auth_type;
    struct str state;
    struct str secret; /* sealed: AuthParameters as JSON text */
    int64_t token_expires_at_ms;
    int64_t created_at_ms;
    int64_t modified_at_ms;
    int64_t authorized_at_ms; /* 0: never */
};

struct events_destination_row {
    struct scope scope;
    struct str name;
    struct str uuid;
    struct str description; /* absent: none */
    struct str connection_arn;
    struct str endpoint;
    struct str method;
    int64_t rate_limit;
    int64_t created_at_ms;
    int64_t modified_at_ms;
};

struct str events_connection_arn(struct arena *arena, const struct events_connection_row *row);
struct str events_destination_arn(struct arena *arena, const struct events_destination_row *row);
/* The connection of an ARN. 1, 0 or -errno. */
MUST_CHECK int events_find_connection(struct call *call, struct str arn,
                                      struct events_connection_row *out);
/* What is sealed, as it was. NULL: absent, or of another store. */
struct json *events_open_secret(struct call *call, const struct events_connection_row *row);
struct str events_open_token(struct call *call, const struct events_connection_row *row);
/* Throws the token away and has a new one fetched. */
enum status events_renew_token(struct call *call, struct events_connection_row *row);

/* A request being put together of parameters in the API's form. */
struct events_http {
    struct vec *headers; /* struct http_header */
    struct buf *query;
    struct json *body; /* object that takes body parameters, or NULL */
};
/* Adds HeaderParameters, QueryStringParameters and BodyParameters of a connection. */
void events_add_http(struct call *call, const struct json *parameters, struct events_http *http);
void events_set_header(struct vec *headers, struct str name, struct str value);
/* ENDPOINT?QUERY, whatever the endpoint has already. */
struct str events_url(struct arena *arena, struct str endpoint, struct str query);

/* ---- store_connection.c ---------------------------------------------------------------------- */

MUST_CHECK int events_store_find_key(struct db *db, struct arena *arena, struct str *out_key);
MUST_CHECK int events_store_put_key(struct db *db, struct str key);
MUST_CHECK int events_store_put_connection(struct db *db, const struct events_connection_row *row);
MUST_CHECK int events_store_find_connection(struct db *db, struct arena *arena, struct scope scope,
                                            struct str name, struct events_connection_row *out);
MUST_CHECK int events_store_delete_connection(struct db *db, struct scope scope, struct str name);
MUST_CHECK int events_store_list_connections(struct db *db, struct arena *arena, struct scope scope,
                                             const struct events_page *page, struct vec *out);
MUST_CHECK int events_store_put_destination(struct db *db,
                                            const struct events_destination_row *row);
MUST_CHECK int events_store_find_destination(struct db *db, struct arena *arena, struct scope scope,
                                             struct str name, struct events_destination_row *out);
MUST_CHECK int events_store_delete_destination(struct db *db, struct scope scope, struct str name);
MUST_CHECK int events_store_list_destinations(struct db *db, struct arena *arena,
                                              struct scope scope, const struct events_page *page,
                                              struct vec *out);
