/* cidr.c — Fn::Cidr: the first `count` blocks of `bits` host bits in an address block.
 *
 * AWS: "Fn::Cidr: [ipBlock, count, cidrBits]"; count "Valid range is between 1 and 256"; cidrBits
 * "The number of subnet bits for the CIDR. For example, specifying a value "8" for this parameter
 * will create a CIDR with a mask of "/24"." IPv6 blocks work the same with 128 bits.
 */
#include "engine/template/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"

enum {
    CIDR_MAX_COUNT = 256,
    CIDR_DEFAULT_BITS = 8,
    ADDRESS_MAX_BYTES = 16,
};

struct block {
    int family;
    int64_t address_bits; /* 32 or 128 */
    int64_t prefix;
    unsigned char address[ADDRESS_MAX_BYTES];
};

static bool parse_block(struct arena *arena, struct str text, struct block *out_block)
{
    ptrdiff_t slash = str_index(text, '/');
    if (slash < 0)
        return false;
    char *address = str_to_cstr(arena, str_slice(text, 0, (size_t)slash));
    struct block block = {.family = AF_INET, .address_bits = 32};
    if (strchr(address, ':')) {
        block.family = AF_INET6;
        block.address_bits = 128;
    }
    if (inet_pton(block.family, address, block.address) != 1 ||
        str_to_i64(str_from(text, (size_t)slash + 1), &block.prefix) < 0 || block.prefix < 0 ||
        block.prefix > block.address_bits)
        return false;
    for (int64_t bit = block.prefix; bit < block.address_bits; bit++)
        block.address[bit / 8] &= (unsigned char)~(0x80u >> (bit % 8));
    *out_block = block;
    return true;
}

/* Adds 2^(host bits) to the address; false when it wraps around. */
static bool advance(struct block *block, int64_t host_bits)
{
    if (host_bits >= block->address_bits)
        return false;
    int64_t bit = block->address_bits - 1 - host_bits;
    unsigned carry = 0x80u >> (bit % 8);
    for (int64_t i = bit / 8; i >= 0 && carry > 0; i--) {
        carry += block->address[i];
        block->address[i] = (unsigned char)carry;
        carry >>= 8;
    }
    return carry == 0;
}

/* Whether `count` blocks of that size lie in the block. */
static bool fits(const struct block *block, int64_t count, int64_t host_bits)
{
    int64_t free_bits = block->address_bits - block->prefix - host_bits;
    return free_bits >= 0 && (free_bits >= 9 || count <= (INT64_C(1) << free_bits));
}

static int evaluate_arguments(struct evaluator *evaluator, const struct json *argument,
                              struct str *out_texts, bool *out_unknown)
{
    static const char refusal[] =
        "Template error: every Fn::Cidr object requires an IP block, a count and optionally the "
        "number of subnet bits";
    if (!json_is_array(argument) || argument->count < 2 || argument->count > 3)
        return evaluate_fail(evaluator, argument, refusal);
    const struct json *item = argument->first;
    for (size_t i = 0; item; i++, item = item->next) {
        int rc = evaluate_text(evaluator, item, refusal, &out_texts[i]);
        if (rc < 0)
            return rc;
        *out_unknown = *out_unknown || is_unknown_text(out_texts[i]);
    }
    return 0;
}

int evaluate_cidr(struct evaluator *evaluator, const struct json *argument, struct json **out_value)
{
    struct str texts[3] = {{0}};
    bool is_unknown = false;
    int rc = evaluate_arguments(evaluator, argument, texts, &is_unknown);
    if (rc < 0)
        return rc;
    if (is_unknown) {
        *out_value = json_new_string(evaluator->arena, STR(TEMPLATE_UNKNOWN_TEXT));
        return 0;
    }

    struct block block;
    int64_t count = 0;
    int64_t host_bits = CIDR_DEFAULT_BITS;
    if (!parse_block(evaluator->arena, texts[0], &block))
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::Cidr: " STR_FMT " is not a valid CIDR block",
                             STR_ARG(texts[0]));
    if (str_to_i64(texts[1], &count) < 0 || count < 1 || count > CIDR_MAX_COUNT)
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::Cidr: count must be between 1 and %d",
                             CIDR_MAX_COUNT);
    if (argument->count == 3 &&
        (str_to_i64(texts[2], &host_bits) < 0 || host_bits < 1 || host_bits > block.address_bits))
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::Cidr: cidrBits must be between 1 and %lld",
                             (long long)block.address_bits);
    if (!fits(&block, count, host_bits))
        return evaluate_fail(evaluator, argument,
                             "Template error: Fn::Cidr: " STR_FMT
                             " has no room for %lld blocks of %lld bits",
                             STR_ARG(texts[0]), (long long)count, (long long)host_bits);

    struct json *list = json_new(evaluator->arena, JSON_ARRAY);
    for (int64_t i = 0; i < count; i++) {
        char address[INET6_ADDRSTRLEN];
        CHECK(inet_ntop(block.family, block.address, address, sizeof(address)) != NULL);
        struct str text = str_format(evaluator->arena, "%s/%lld", address,
                                     (long long)(block.address_bits - host_bits));
        json_append(list, json_new_string(evaluator->arena, text));
        if (i + 1 < count)
            CHECK(advance(&block, host_bits)); /* fits() said so */
    }
    *out_value = list;
    return 0;
}
