/* checksum.h — the checksums that object storage knows, several over one pass.
 *
 * AWS: "Checking object integrity" (S3 user guide). CRC values are written big-endian, as S3's
 * headers have them (before base64).
 */
#pragma once

#include "auth/digest.h"

enum checksum_kind {
    CHECKSUM_MD5,
    CHECKSUM_SHA1,
    CHECKSUM_SHA256,
    CHECKSUM_CRC32,     /* ISO-HDLC */
    CHECKSUM_CRC32C,    /* Castagnoli */
    CHECKSUM_CRC64NVME, /* reflected 0xad93d23594c93659 */
    CHECKSUM_KIND_COUNT,
};

enum {
    CHECKSUM_MAX_SIZE = 32,
};

struct checksums {
    uint32_t kinds; /* 1u << enum checksum_kind */
    struct digest md5;
    struct digest sha1;
    struct digest sha256;
    uint32_t crc32;
    uint32_t crc32c;
    uint64_t crc64nvme;
};

void checksums_init(struct checksums *checksums, uint32_t kinds);
void checksums_update(struct checksums *checksums, struct str data);
/* Writes the result of one kind that was asked for; returns its size in bytes. The others may still
 * be read. */
size_t checksums_final(struct checksums *checksums, enum checksum_kind kind,
                       unsigned char out[CHECKSUM_MAX_SIZE]);
/* 16, 20, 32, 4, 4 or 8. */
size_t checksum_size(enum checksum_kind kind);

/* The CRC of two texts one behind the other, from theirs and the second one's length: FULL_OBJECT
 * checksums of multipart uploads. Only for the three CRC kinds; values as checksums_final writes
 * them. */
void checksum_combine(enum checksum_kind kind, const unsigned char *first,
                      const unsigned char *second, int64_t second_len, unsigned char *out);
