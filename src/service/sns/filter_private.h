/* filter_private.h — the compiled form of a filter policy, between filter.c and filter_match.c. */
#pragma once

#include "service/sns/filter.h"

enum sns_pattern_kind {
    SNS_PATTERN_STRING,
    SNS_PATTERN_NUMBER, /* range: low is high */
    SNS_PATTERN_TRUE,
    SNS_PATTERN_FALSE,
    SNS_PATTERN_NULL,
    SNS_PATTERN_PREFIX,
    SNS_PATTERN_SUFFIX,
    SNS_PATTERN_IGNORE_CASE,
    SNS_PATTERN_NUMERIC,
    SNS_PATTERN_CIDR,
    SNS_PATTERN_EXISTS,
    SNS_PATTERN_MISSING,
    SNS_PATTERN_ANYTHING_BUT, /* `others` */
};

enum {
    SNS_ADDRESS_BYTES = 16,
};

struct sns_pattern {
    enum sns_pattern_kind kind;
    struct str text;
    double low; /* range of NUMERIC */
    double high;
    bool is_low_open; /* low itself is outside */
    bool is_high_open;
    unsigned char address[SNS_ADDRESS_BYTES]; /* CIDR */
    size_t address_bytes;                     /* 4 or 16 */
    unsigned mask_bits;
    const struct sns_pattern *others;
    size_t other_count;
};

struct sns_condition {
    struct str path; /* keys joined by dots */
    const struct sns_pattern *patterns;
    size_t pattern_count;
};

/* All of its conditions must hold. */
struct sns_alternative {
    const struct sns_condition *conditions;
    size_t count;
};

struct sns_filter {
    enum sns_filter_scope scope;
    const struct sns_alternative *alternatives;
    size_t count;
};
