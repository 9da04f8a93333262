/* rewrite.h — reading stored text inside a handler: to digest it, or to store it anew. */
#pragma once

#include "service/s3/s3.h"

/* What is to be learnt from, and done with, a text. */
struct s3_rewrite {
    const struct body_piece *pieces;
    size_t piece_count;
    int64_t size;
    uint32_t checksums; /* 1u << enum checksum_kind */
    bool stores;        /* as a new body, enciphered by `cipher` */
    struct body_cipher cipher;
    /* What came of it. */
    struct str sums[CHECKSUM_KIND_COUNT]; /* raw */
    int64_t body_key;                     /* with one referrer */
};

enum {
    S3_READ_MAX = 256 * 1024 * 1024, /* a text is digested inside a handler up to this */
};

enum status s3_rewrite(struct call *call, struct s3_rewrite *rewrite);
