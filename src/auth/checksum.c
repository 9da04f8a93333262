/* checksum.c — CRC-32 and CRC-32C by ISA-L, CRC-64/NVME by our own (base/crc64.h), the digests by
 * OpenSSL.
 *
 * All CRCs here are reflected, start from all ones and end inverted. A running value is kept in its
 * final (inverted) form, as ISA-L's gzip function does.
 */
#include "auth/checksum.h"

#include <isa-l/crc.h>
#include <limits.h>

#include "base/crc64.h"

#define CRC32_POLYNOMIAL 0xEDB88320U
#define CRC32C_POLYNOMIAL 0x82F63B78U

/* ISA-L's takes the bytes as not const and their count as an int. */
static uint32_t crc32c_update(uint32_t crc, struct str data)
{
    crc = ~crc;
    while (data.len > 0) {
        size_t step = data.len < INT_MAX ? data.len : INT_MAX;
        unsigned char *bytes = (unsigned char *)(uintptr_t)data.ptr;
        crc = crc32_iscsi(bytes, (int)step, crc);
        data = str_from(data, step);
    }
    return ~crc;
}

static bool wants(const struct checksums *checksums, enum checksum_kind kind)
{
    return (checksums->kinds & 1U << kind) != 0;
}

void checksums_init(struct checksums *checksums, uint32_t kinds)
{
    checksums->kinds = kinds;
    checksums->crc32 = 0;
    checksums->crc32c = 0;
    checksums->crc64nvme = 0;
    if (wants(checksums, CHECKSUM_MD5))
        digest_init(&checksums->md5, DIGEST_MD5);
    if (wants(checksums, CHECKSUM_SHA1))
        digest_init(&checksums->sha1, DIGEST_SHA1);
    if (wants(checksums, CHECKSUM_SHA256))
        digest_init(&checksums->sha256, DIGEST_SHA256);
}

void checksums_update(struct checksums *checksums, struct str data)
{
    if (data.len == 0)
        return;
    if (wants(checksums, CHECKSUM_MD5))
        digest_update(&checksums->md5, data);
    if (wants(checksums, CHECKSUM_SHA1))
        digest_update(&checksums->sha1, data);
    if (wants(checksums, CHECKSUM_SHA256))
        digest_update(&checksums->sha256, data);
    if (wants(checksums, CHECKSUM_CRC32))
        checksums->crc32 =
            crc32_gzip_refl(checksums->crc32, (const unsigned char *)data.ptr, data.len);
    if (wants(checksums, CHECKSUM_CRC32C))
        checksums->crc32c = crc32c_update(checksums->crc32c, data);
    if (wants(checksums, CHECKSUM_CRC64NVME))
        checksums->crc64nvme = crc64_update(checksums->crc64nvme, data);
}

size_t checksum_size(enum checksum_kind kind)
{
    switch (kind) {
    case CHECKSUM_MD5:
        return DIGEST_MD5_SIZE;
    case CHECKSUM_SHA1:
        return DIGEST_SHA1_SIZE;
    case CHECKSUM_SHA256:
        return DIGEST_SHA256_SIZE;
    case CHECKSUM_CRC32:
    case CHECKSUM_CRC32C:
        return sizeof(uint32_t);
    case CHECKSUM_CRC64NVME:
        return sizeof(uint64_t);
    case CHECKSUM_KIND_COUNT:
        break;
    }
    CHECK(false);
    return 0;
}

static void write_big_endian(uint64_t value, size_t size, unsigned char *out)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

static uint64_t read_big_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

size_t checksums_final(struct checksums *checksums, enum checksum_kind kind,
                       unsigned char out[CHECKSUM_MAX_SIZE])
{
    size_t size = checksum_size(kind);
    CHECK(wants(checksums, kind));
    switch (kind) {
    case CHECKSUM_MD5:
        return digest_final(&checksums->md5, out);
    case CHECKSUM_SHA1:
        return digest_final(&checksums->sha1, out);
    case CHECKSUM_SHA256:
        return digest_final(&checksums->sha256, out);
    case CHECKSUM_CRC32:
        write_big_endian(checksums->crc32, size, out);
        break;
    case CHECKSUM_CRC32C:
        write_big_endian(checksums->crc32c, size, out);
        break;
    case CHECKSUM_CRC64NVME:
        write_big_endian(checksums->crc64nvme, size, out);
        break;
    case CHECKSUM_KIND_COUNT:
        break;
    }
    return size;
}

/* Product of two polynomials modulo a third of degree `bits`; reflected, so the highest bit is the
 * coefficient of x^0. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t polynomial, unsigned bits)
{
    uint64_t product = 0;
    for (uint64_t bit = 1ULL << (bits - 1); bit != 0 && a != 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ polynomial : b >> 1;
    }
    return product;
}

/* x^(8 * len) modulo the polynomial, by squaring. */
static uint64_t power_of_bytes(int64_t len, uint64_t polynomial, unsigned bits)
{
    uint64_t result = 1ULL << (bits - 1);            /* x^0 */
    uint64_t square = 1ULL << (bits - 1 - CHAR_BIT); /* x^8 */
    for (uint64_t left = (uint64_t)len; left > 0; left >>= 1) {
        if (left & 1)
            result = multiply(result, square, polynomial, bits);
        square = multiply(square, square, polynomial, bits);
    }
    return result;
}

/* Appending N bytes multiplies a CRC by x^8N; ones before and inversion after cancel out, as both
 * texts have them. */
void checksum_combine(enum checksum_kind kind, const unsigned char *first,
                      const unsigned char *second, int64_t second_len, unsigned char *out)
{
    CHECK(kind == CHECKSUM_CRC32 || kind == CHECKSUM_CRC32C || kind == CHECKSUM_CRC64NVME);
    size_t size = checksum_size(kind);
    unsigned bits = (unsigned)size * CHAR_BIT;
    uint64_t polynomial = kind == CHECKSUM_CRC32    ? CRC32_POLYNOMIAL
                          : kind == CHECKSUM_CRC32C ? CRC32C_POLYNOMIAL
                                                    : CRC64_POLYNOMIAL;
    uint64_t power = power_of_bytes(second_len, polynomial, bits);
    uint64_t moved = multiply(power, read_big_endian(first, size), polynomial, bits);
    write_big_endian(moved ^ read_big_endian(second, size), size, out);
}
