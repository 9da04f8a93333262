/* dynamodbstreams.h — private to this folder. */
#pragma once

#include "dynamodbstreams/dynamodbstreams_api.h"
#include "service/dynamodb/dynamodb_public.h"
#include "service/dynamodbstreams/dynamodbstreams_public.h"

/* Where a reader stands; travels inside the iterator's text. */
struct iterator {
    struct str stream_arn;
    struct str shard_id;
    int64_t number; /* of the next record */
    int64_t made_at_ms;
};

struct str iterator_write(struct arena *arena, const struct iterator *iterator);
/* 0 or -EINVAL. */
MUST_CHECK int iterator_read(struct arena *arena, struct str text, struct iterator *out);
