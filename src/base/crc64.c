/* crc64.c — CRC-64/NVME by carry-less multiplication where the CPU has it and by tables where not.
 */
#include "base/crc64.h"

#include <endian.h>
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

static uint64_t crc64_tables[SLICES][256];
static pthread_once_t crc64_once = PTHREAD_ONCE_INIT;

static void make_crc64_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ CRC64_POLYNOMIAL : crc >> 1;
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
        power = power & 1 ? power >> 1 ^ CRC64_POLYNOMIAL : power >> 1;
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

uint64_t crc64_update(uint64_t crc, struct str data)
{
    pthread_once(&crc64_once, prepare_crc64);
    const unsigned char *bytes = (const unsigned char *)data.ptr;
#ifdef __x86_64__
    if (data.len >= (size_t)BLOCK_BYTES * LANES && __builtin_cpu_supports("pclmul"))
        return ~crc64_fold(~crc, bytes, data.len);
#endif
    return ~crc64_walk(~crc, bytes, data.len);
}
