/* checksum.c — CRC-32 and CRC-32C by ISA-L, CRC-64/NVME by carry-less multiplication where the CPU
 * has it and by tables where not, the digests by OpenSSL.
 *
 * All CRCs here are reflected, start from all ones and end inverted. A running value is kept in its
 * final (inverted) form, as ISA-L's gzip function does.
 */
#include "auth/checksum.h"

#include <endian.h>
#include <isa-l/crc.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    SLICES = 8, /* bytes per step of the table walk */
    LANES = 4,  /* blocks that are folded side by side */
    BLOCK_BYTES = 16,
};

#define CRC32_POLYNOMIAL 0xEDB88320U
#define CRC32C_POLYNOMIAL 0x82F63B78U
#define CRC64NVME_POLYNOMIAL 0x9A6C9329AC4BC9B5U

static uint64_t crc64_tables[SLICES][256];
static pthread_once_t crc64_once = PTHREAD_ONCE_INIT;

static void make_crc64_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ CRC64NVME_POLYNOMIAL : crc >> 1;
        crc64_tables[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t before = crc64_tables[slice - 1][byte];
            crc64_tables[slice][byte] = before >> 8 ^ crc64_tables[0][before & 0xFF];
        }
    }
}

/* Continues the CRC in its running, not inverted form. */
static uint64_t crc64_walk(uint64_t crc, const unsigned char *bytes, size_t left)
{
    for (; left >= SLICES; left -= SLICES, bytes += SLICES) {
        uint64_t word = 0;
        memcpy(&word, bytes, sizeof(word));
        crc ^= le64toh(word);
        uint64_t next = 0;
        for (int slice = 0; slice < SLICES; slice++)
            next ^= crc64_tables[SLICES - 1 - slice][crc >> (8 * slice) & 0xFF];
        crc = next;
    }
    for (; left > 0; left--, bytes++)
        crc = crc >> 8 ^ crc64_tables[0][(crc ^ *bytes) & 0xFF];
    return crc;
}

#ifdef __x86_64__
/* Folding: what came before is a polynomial of 128 bits; that it stands `bits` bits before the
 * block it is added to is a multiplication of each half by a power of x, taken modulo the
 * polynomial, which the CRC of the sum does not see. The low half of a register holds the higher
 * powers (the CRC is reflected), and a product of reflected numbers comes out multiplied by x once
 * more; hence x^(63 + bits) for the low half and x^(bits - 1) for the high one. */
static uint64_t crc64_powers[2][2]; /* by one block, by LANES blocks; for the low and high half */

static uint64_t power_of_x(unsigned exponent)
{
    uint64_t power = 1ULL << 63; /* x^0, reflected */
    for (; exponent > 0; exponent--)
        power = power & 1 ? power >> 1 ^ CRC64NVME_POLYNOMIAL : power >> 1;
    return power;
}

static void make_crc64_powers(void)
{
    static const unsigned bits[] = {8 * BLOCK_BYTES, 8 * BLOCK_BYTES * LANES};
    for (size_t i = 0; i < 2; i++) {
        crc64_powers[i][0] = power_of_x(63 + bits[i]);
        crc64_powers[i][1] = power_of_x(bits[i] - 1);
    }
}

__attribute__((target("pclmul"))) static __m128i fold(__m128i before, __m128i powers,
                                                      const unsigned char *bytes)
{
    __m128i block = _mm_loadu_si128((const void *)bytes);
    __m128i low = _mm_clmulepi64_si128(before, powers, 0x00);
    __m128i high = _mm_clmulepi64_si128(before, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), block);
}

/* The same as crc64_walk, for at least LANES blocks. */
__attribute__((target("pclmul"))) static uint64_t
crc64_fold(uint64_t crc, const unsigned char *bytes, size_t left)
{
    __m128i by_block = _mm_loadu_si128((const void *)crc64_powers[0]);
    __m128i by_lanes = _mm_loadu_si128((const void *)crc64_powers[1]);
    __m128i lanes[LANES];
    for (size_t i = 0; i < LANES; i++)
        lanes[i] = _mm_loadu_si128((const void *)(bytes + BLOCK_BYTES * i));
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((long long)crc));
    const size_t stride = (size_t)BLOCK_BYTES * LANES;
    for (bytes += stride, left -= stride; left >= stride; bytes += stride, left -= stride)
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = fold(lanes[i], by_lanes, bytes + BLOCK_BYTES * i);
    unsigned char block[BLOCK_BYTES];
    for (size_t i = 1; i < LANES; i++) {
        _mm_storeu_si128((void *)block, lanes[i]);
        lanes[0] = fold(lanes[0], by_block, block);
    }
    for (; left >= BLOCK_BYTES; bytes += BLOCK_BYTES, left -= BLOCK_BYTES)
        lanes[0] = fold(lanes[0], by_block, bytes);
    _mm_storeu_si128((void *)block, lanes[0]);
    return crc64_walk(crc64_walk(0, block, BLOCK_BYTES), bytes, left);
}
#endif

static void prepare_crc64(void)
{
    make_crc64_tables();
#ifdef __x86_64__
    make_crc64_powers();
#endif
}

static uint64_t crc64_update(uint64_t crc, struct str data)
{
    const unsigned char *bytes = (const unsigned char *)data.ptr;
#ifdef __x86_64__
    if (data.len >= (size_t)BLOCK_BYTES * LANES && __builtin_cpu_supports("pclmul"))
        return ~crc64_fold(~crc, bytes, data.len);
#endif
    return ~crc64_walk(~crc, bytes, data.len);
}

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
    if (wants(checksums, CHECKSUM_CRC64NVME))
        pthread_once(&crc64_once, prepare_crc64);
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
                                                    : CRC64NVME_POLYNOMIAL;
    uint64_t power = power_of_bytes(second_len, polynomial, bits);
    uint64_t moved = multiply(power, read_big_endian(first, size), polynomial, bits);
    write_big_endian(moved ^ read_big_endian(second, size), size, out);
}
