/* totp.c — one-time passwords of virtual MFA devices.
 *
 * RFC: 6238 (TOTP, SHA-1, 30 seconds, 6 digits), 4226 (truncation), 4648 (base32).
 */
#include <errno.h>

#include "auth/digest.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam_account.h"

enum {
    SEED_LENGTH = 64, /* OBSERVED: what AWS's devices have: 40 bytes */
    MAX_SEED_BYTES = 64,
    DIGITS = 6,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct str iam_totp_seed(struct arena *arena)
{
    return rand_text(arena, str_from_cstr(alphabet), SEED_LENGTH);
}

/* Returns the number of bytes or -EINVAL. */
static int decode_base32(struct str text, unsigned char out[MAX_SEED_BYTES])
{
    uint32_t bits = 0;
    unsigned held = 0;
    int count = 0;
    for (size_t i = 0; i < text.len; i++) {
        ptrdiff_t value = str_index(str_from_cstr(alphabet), text.ptr[i]);
        if (value < 0 || count == MAX_SEED_BYTES)
            return -EINVAL;
        bits = (bits << 5) | (uint32_t)value;
        held += 5;
        if (held >= 8) {
            held -= 8;
            out[count++] = (unsigned char)((bits >> held) & 0xff);
        }
    }
    return count;
}

int iam_totp_code(struct arena *arena, struct str seed, int64_t step, char out[7])
{
    unsigned char key[MAX_SEED_BYTES];
    unsigned char counter[8];
    unsigned char mac[DIGEST_SHA1_SIZE];
    int key_len = decode_base32(seed, key);
    if (key_len < 0)
        return key_len;
    for (size_t i = 0; i < sizeof(counter); i++)
        counter[i] = (unsigned char)(((uint64_t)step >> (56 - 8 * i)) & 0xff);
    digest_hmac_sha1(str_of((const char *)key, (size_t)key_len),
                     str_of((const char *)counter, sizeof(counter)), mac);
    size_t at = mac[DIGEST_SHA1_SIZE - 1] & 0x0f;
    uint32_t number = ((uint32_t)(mac[at] & 0x7f) << 24) | ((uint32_t)mac[at + 1] << 16) |
                      ((uint32_t)mac[at + 2] << 8) | mac[at + 3];
    struct str digits = str_format(arena, "%06u", (unsigned)(number % 1000000));
    for (size_t i = 0; i < DIGITS; i++)
        out[i] = digits.ptr[i];
    out[DIGITS] = '\0';
    return 0;
}
