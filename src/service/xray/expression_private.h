/* expression_private.h — the compiled form, between expression.c and expression_match.c. */
#pragma once

#include "service/xray/expression.h"

enum xray_term {
    XRAY_ALL, /* the empty expression */
    XRAY_AND,
    XRAY_OR,
    XRAY_NOT,
    XRAY_FLAG,    /* keyword */
    XRAY_COMPARE, /* keyword, operator, value */
    XRAY_SERVICE, /* source, left (may be NULL) */
    XRAY_EDGE,    /* source, target, left (may be NULL) */
    XRAY_GROUP,   /* text; left once resolved, NULL: no such group */
};

enum xray_keyword {
    XRAY_OK,
    XRAY_ERROR,
    XRAY_THROTTLE,
    XRAY_FAULT,
    XRAY_PARTIAL,
    XRAY_INFERRED,
    XRAY_FIRST,
    XRAY_LAST,
    XRAY_REMOTE,
    XRAY_ROOT,
    XRAY_RESPONSETIME,
    XRAY_DURATION,
    XRAY_HTTP_STATUS,
    XRAY_HTTP_URL,
    XRAY_HTTP_METHOD,
    XRAY_HTTP_USERAGENT,
    XRAY_HTTP_CLIENTIP,
    XRAY_USER,
    XRAY_NAME,
    XRAY_TYPE,
    XRAY_MESSAGE,
    XRAY_AVAILABILITYZONE,
    XRAY_INSTANCE_ID,
    XRAY_RESOURCE_ARN,
    XRAY_ANNOTATION, /* key */
};

enum xray_operator {
    XRAY_EQUAL,
    XRAY_UNEQUAL,
    XRAY_LESS,
    XRAY_AT_MOST,
    XRAY_MORE,
    XRAY_AT_LEAST,
    XRAY_CONTAINS,
    XRAY_BEGINSWITH,
    XRAY_ENDSWITH,
};

enum xray_value_kind {
    XRAY_TEXT,
    XRAY_NUMBER,
    XRAY_TRUE,
    XRAY_FALSE,
};

/* What service(...) names; absent parts fit everything. */
struct xray_selector {
    struct str name;
    struct str type;
    struct str account;
};

struct xray_expression {
    enum xray_term term;
    enum xray_keyword keyword;
    enum xray_operator operator;
    enum xray_value_kind value_kind;
    struct str key;  /* of an annotation */
    struct str text; /* value, or group */
    double number;
    struct xray_selector source;
    struct xray_selector target;
    struct xray_expression *left;
    struct xray_expression *right;
};
