/* list.h — pages of keys with common prefixes. Private to the folder. */
#pragma once

#include "service/s3/s3.h"

/* A page being made. */
struct s3_walk {
    struct str prefix; /* never absent */
    struct str delimiter;
    struct str marker; /* of the request: behind this; absent: from the start */
    size_t limit;
    /* Where the next seek begins: behind `at` (or at it), in versions behind (at, at_seq). */
    struct str at;
    int64_t at_seq;
    bool is_inclusive;
    bool must_seek;
    bool is_done;
    size_t seen; /* rows of the present step, and the last of them */
    struct str seen_key;
    int64_t seen_seq;
    size_t skipped;  /* keys below the last prefix that were stepped over */
    size_t patience; /* how many are, before a seek */
    struct arena *arena;
    /* The page. */
    const struct s3_object_row **items;
    size_t item_count;
    struct str *prefixes;
    size_t prefix_count;
    bool is_truncated;
    struct str last; /* key or prefix that the next page is behind */
    const struct s3_object_row *last_object;
};
/* Fills the page; current objects, or all versions. */
enum status s3_walk(struct call *call, const struct s3_bucket_row *bucket, struct s3_walk *walk,
                    bool has_versions);
bool s3_walk_visit(void *context, const struct s3_object_row *object);

/* How an answer shows keys. */
struct s3_view {
    struct arena *arena;
    bool is_coded; /* encoding-type=url */
};
enum status s3_begin_view(struct call *call, struct str encoding_type, struct s3_view *out);
struct str s3_coded(const struct s3_view *view, struct str text);
void s3_show_prefixes(const struct s3_view *view, const struct s3_walk *walk,
                      struct s3_common_prefix_list *out);
struct s3_owner *s3_owner_of(struct arena *arena, struct str account);
