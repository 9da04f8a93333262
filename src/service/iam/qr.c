/* qr.c — a text as QR code in a PNG image: how a virtual MFA device's seed gets into a phone.
 *
 * Byte mode, error correction level L, versions 7 to 15: the texts here have 150 to 500 bytes. The
 * mask is always the first: the standard's scoring of all eight picks the one that scans best from
 * dirty paper; every one can be read. The image has one bit per pixel and is not compressed.
 *
 * Docs: ISO/IEC 18004, sections 7 and 8; PNG specification; RFC: 1950, 1951 (stored blocks).
 */
#include "base/arena.h"
#include "base/buf.h"
#include "service/iam/iam_account.h"

enum {
    MAX_SIZE = 77, /* modules per side of version 15 */
    MAX_CODEWORDS = 655,
    QUIET = 4, /* white modules around */
    SCALE = 4, /* pixels per module */
    MAX_IMAGE = 32 * 1024,
};

struct version {
    int number;
    size_t ec;      /* error correction codewords per block */
    size_t blocks;  /* of both lengths */
    size_t longer;  /* how many of them, the last ones, have one data codeword more */
    size_t data;    /* data codewords of a shorter block */
    int centres[4]; /* of alignment patterns, ends with 0 */
};

static const struct version versions[] = {
    {7, 20, 2, 0, 78, {6, 22, 38}},      {8, 24, 2, 0, 97, {6, 24, 42}},
    {9, 30, 2, 0, 116, {6, 26, 46}},     {10, 18, 4, 2, 68, {6, 28, 50}},
    {11, 20, 4, 0, 81, {6, 30, 54}},     {12, 24, 4, 2, 92, {6, 32, 58}},
    {13, 26, 4, 0, 107, {6, 34, 62}},    {14, 30, 4, 1, 115, {6, 26, 46, 66}},
    {15, 22, 6, 1, 87, {6, 26, 48, 70}},
};

struct code {
    const struct version *version;
    int size;
    bool is_dark[MAX_SIZE][MAX_SIZE];
    bool is_fixed[MAX_SIZE][MAX_SIZE]; /* belongs to a pattern, holds no data */
};

static size_t data_codewords(const struct version *version)
{
    return version->blocks * version->data + version->longer;
}

/* --- codewords --- */

/* Product in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1. */
static unsigned multiply(unsigned a, unsigned b)
{
    unsigned product = 0;
    for (int bit = 7; bit >= 0; bit--) {
        product = (product << 1) ^ ((product >> 7) * 0x11du);
        product ^= ((b >> bit) & 1u) * a;
    }
    return product;
}

/* Remainder of the block's polynomial by the generator of degree `ec`. */
static void correct(const unsigned char *data, size_t count, size_t ec, unsigned char *out)
{
    unsigned char generator[30] = {0};
    unsigned root = 1;
    generator[ec - 1] = 1;
    for (size_t i = 0; i < ec; i++) {
        for (size_t j = 0; j < ec; j++) {
            unsigned next = j + 1 < ec ? generator[j + 1] : 0;
            generator[j] = (unsigned char)(multiply(generator[j], root) ^ next);
        }
        root = multiply(root, 2);
    }
    for (size_t i = 0; i < ec; i++)
        out[i] = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned factor = data[i] ^ out[0];
        for (size_t j = 0; j < ec; j++)
            out[j] =
                (unsigned char)((j + 1 < ec ? out[j + 1] : 0u) ^ multiply(generator[j], factor));
    }
}

/* Mode, length, text and padding. From version 10 on the length has 16 bits, below 8. */
static void fill_data(const struct version *version, struct str text, unsigned char *out)
{
    size_t count = data_codewords(version);
    unsigned length_bits = version->number < 10 ? 8 : 16;
    size_t at = 0;
    unsigned held = 4; /* the mode, 0100 */
    uint32_t bits = 4;
    bits = (bits << length_bits) | (uint32_t)text.len;
    held += length_bits;
    for (size_t i = 0; i <= text.len; i++) {
        while (held >= 8) {
            held -= 8;
            out[at++] = (unsigned char)((bits >> held) & 0xff);
        }
        unsigned next = i < text.len ? (unsigned char)text.ptr[i] : 0; /* then the terminator */
        bits = (bits << 8) | next;
        held += 8;
    }
    out[at++] = (unsigned char)((bits >> (held - 8)) & 0xff);
    for (bool is_odd = true; at < count; is_odd = !is_odd)
        out[at++] = is_odd ? 0xec : 0x11;
}

/* Blocks take turns, codeword by codeword, first their data, then their corrections. */
static size_t interleave(const struct version *version, const unsigned char *data,
                         unsigned char *out)
{
    unsigned char corrections[6][30];
    const unsigned char *starts[6];
    size_t counts[6];
    size_t at = 0;
    for (size_t i = 0; i < version->blocks; i++) {
        counts[i] = version->data + (i >= version->blocks - version->longer ? 1 : 0);
        starts[i] = data;
        correct(data, counts[i], version->ec, corrections[i]);
        data += counts[i];
    }
    for (size_t place = 0; place <= version->data; place++) {
        for (size_t i = 0; i < version->blocks; i++) {
            if (place < counts[i])
                out[at++] = starts[i][place];
        }
    }
    for (size_t place = 0; place < version->ec; place++) {
        for (size_t i = 0; i < version->blocks; i++)
            out[at++] = corrections[i][place];
    }
    return at;
}

/* --- modules --- */

static void fix(struct code *code, int x, int y, bool is_dark)
{
    if (x < 0 || y < 0 || x >= code->size || y >= code->size)
        return;
    code->is_dark[y][x] = is_dark;
    code->is_fixed[y][x] = true;
}

static int distance(int dx, int dy)
{
    dx = dx < 0 ? -dx : dx;
    dy = dy < 0 ? -dy : dy;
    return dx > dy ? dx : dy;
}

static void draw_finder(struct code *code, int x, int y)
{
    for (int dy = -4; dy <= 4; dy++) {
        for (int dx = -4; dx <= 4; dx++)
            fix(code, x + dx, y + dy, distance(dx, dy) != 2 && distance(dx, dy) != 4);
    }
}

/* Whether a finder pattern has this place of the alignment grid. */
static bool is_corner(const struct code *code, int x, int y)
{
    int last = code->size - 7;
    return (x == 6 && y == 6) || (x == 6 && y == last) || (x == last && y == 6);
}

static void draw_alignment(struct code *code)
{
    const int *centres = code->version->centres;
    for (int i = 0; i < 4 && centres[i] > 0; i++) {
        for (int j = 0; j < 4 && centres[j] > 0; j++) {
            if (is_corner(code, centres[i], centres[j]))
                continue;
            for (int dy = -2; dy <= 2; dy++) {
                for (int dx = -2; dx <= 2; dx++)
                    fix(code, centres[i] + dx, centres[j] + dy, distance(dx, dy) != 1);
            }
        }
    }
}

/* Appends the remainder of a BCH code: `bits` is shifted by the generator's degree. */
static unsigned with_remainder(unsigned bits, int degree, unsigned generator)
{
    unsigned rest = bits;
    for (int i = 0; i < degree; i++)
        rest = (rest << 1) ^ ((rest >> (degree - 1)) * generator);
    return bits << degree | (rest & ((1u << degree) - 1));
}

/* Level L is 01; the mask is 0. Two copies, and the dark module. */
static void draw_format(struct code *code)
{
    unsigned bits = with_remainder(1u << 3, 10, 0x537) ^ 0x5412;
    int last = code->size - 1;
    for (int i = 0; i < 15; i++) {
        bool is_dark = (bits >> i) & 1;
        int y = i < 6 ? i : i == 6 ? 7 : 8;
        int x = i < 8 ? 8 : i == 8 ? 7 : 14 - i;
        fix(code, x, y, is_dark);
        if (i < 8)
            fix(code, last - i, 8, is_dark);
        else
            fix(code, 8, last - 14 + i, is_dark);
    }
    fix(code, 8, code->size - 8, true);
}

static void draw_version(struct code *code)
{
    unsigned bits = with_remainder((unsigned)code->version->number, 12, 0x1f25);
    for (int i = 0; i < 18; i++) {
        bool is_dark = (bits >> i) & 1;
        fix(code, code->size - 11 + i % 3, i / 3, is_dark);
        fix(code, i / 3, code->size - 11 + i % 3, is_dark);
    }
}

static void draw_patterns(struct code *code)
{
    for (int i = 0; i < code->size; i++) {
        fix(code, 6, i, i % 2 == 0);
        fix(code, i, 6, i % 2 == 0);
    }
    draw_finder(code, 3, 3);
    draw_finder(code, code->size - 4, 3);
    draw_finder(code, 3, code->size - 4);
    draw_alignment(code);
    draw_format(code);
    draw_version(code);
}

/* Two columns at a time from the right, up and down in turn, around the vertical timing line. */
static void draw_data(struct code *code, const unsigned char *codewords, size_t count)
{
    size_t bit = 0;
    bool is_up = true;
    for (int right = code->size - 1; right > 0; right -= 2) {
        if (right == 6)
            right--;
        for (int step = 0; step < code->size; step++) {
            int y = is_up ? code->size - 1 - step : step;
            for (int x = right; x > right - 2; x--) {
                if (code->is_fixed[y][x])
                    continue;
                bool is_dark = bit < 8 * count && ((codewords[bit / 8] >> (7 - bit % 8)) & 1) != 0;
                code->is_dark[y][x] = is_dark != ((x + y) % 2 == 0); /* mask 0 */
                bit++;
            }
        }
        is_up = !is_up;
    }
}

/* --- the image --- */

static void put_u32(struct buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_char(out, (char)((value >> shift) & 0xff));
}

static void put_chunk(struct buf *out, struct str type, struct str content)
{
    put_u32(out, (uint32_t)content.len);
    size_t start = out->len;
    buf_append(out, type);
    buf_append(out, content);
    uint32_t crc = 0xffffffff;
    for (size_t i = start; i < out->len; i++) {
        crc ^= (unsigned char)out->ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) * 0xedb88320u);
    }
    put_u32(out, ~crc);
}

static bool is_dark_pixel(const struct code *code, int x, int y)
{
    int column = x / SCALE - QUIET;
    int row = y / SCALE - QUIET;
    return column >= 0 && row >= 0 && column < code->size && row < code->size &&
           code->is_dark[row][column];
}

/* Rows of pixels, white is 1, each behind the number of its filter. */
static void put_rows(struct buf *out, const struct code *code, int side)
{
    for (int y = 0; y < side; y++) {
        buf_append_char(out, 0);
        for (int x = 0; x < side; x += 8) {
            unsigned byte = 0;
            for (int bit = 0; bit < 8; bit++)
                byte = (byte << 1) | !is_dark_pixel(code, x + bit, y);
            buf_append_char(out, (char)byte);
        }
    }
}

/* The rows as a zlib stream of one stored block. */
static void put_stored(struct buf *out, struct str rows)
{
    uint32_t low = 1;
    uint32_t high = 0;
    for (size_t i = 0; i < rows.len; i++) {
        low = (low + (unsigned char)rows.ptr[i]) % 65521;
        high = (high + low) % 65521;
    }
    buf_append(out, STR("\x78\x01\x01"));
    for (int i = 0; i < 2; i++) { /* the length and its complement, low byte first */
        size_t len = i == 0 ? rows.len : ~rows.len;
        buf_append_char(out, (char)(len & 0xff));
        buf_append_char(out, (char)((len >> 8) & 0xff));
    }
    buf_append(out, rows);
    put_u32(out, high << 16 | low);
}

static struct str png_of(struct arena *arena, const struct code *code)
{
    int side = (code->size + 2 * QUIET) * SCALE;
    struct buf head;
    struct buf rows;
    struct buf stream;
    struct buf out;
    buf_init(&head, arena, MAX_IMAGE);
    buf_init(&rows, arena, MAX_IMAGE);
    buf_init(&stream, arena, MAX_IMAGE);
    buf_init(&out, arena, MAX_IMAGE);
    put_u32(&head, (uint32_t)side);
    put_u32(&head, (uint32_t)side);
    buf_append(&head, STR("\x01\0\0\0\0")); /* one bit of grey */
    put_rows(&rows, code, side);
    put_stored(&stream, buf_str(&rows));
    buf_append(&out, STR("\x89PNG\r\n\x1a\n"));
    put_chunk(&out, STR("IHDR"), buf_str(&head));
    put_chunk(&out, STR("IDAT"), buf_str(&stream));
    put_chunk(&out, STR("IEND"), STR(""));
    return buf_str(&out);
}

struct str iam_qr_png(struct arena *arena, struct str text)
{
    const struct version *version = NULL;
    for (size_t i = 0; i < ARRAY_LEN(versions) && !version; i++) {
        if (text.len + 3 <= data_codewords(&versions[i]))
            version = &versions[i];
    }
    if (!version)
        return (struct str){0};
    unsigned char data[MAX_CODEWORDS] = {0};
    unsigned char codewords[MAX_CODEWORDS] = {0};
    fill_data(version, text, data);
    size_t count = interleave(version, data, codewords);
    struct code *code = arena_alloc(arena, sizeof(*code));
    code->version = version;
    code->size = 17 + 4 * version->number;
    draw_patterns(code);
    draw_data(code, codewords, count);
    return png_of(arena, code);
}
