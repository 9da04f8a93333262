/* md5.c — the digests by which SDKs check that SQS got what they sent.
 *
 * AWS: "Calculating the MD5 message digest for message attributes" (SQS developer guide):
 * attributes sorted by name; for each the name, the data type, one byte for the transport type (1:
 * string, 2: binary) and the value, every text preceded by its length in four bytes, big-endian.
 */
#include "service/sqs/sqs.h"

enum {
    TRANSPORT_STRING = 1,
    TRANSPORT_BINARY = 2,
};

struct str sqs_md5_hex(struct arena *arena, struct str bytes)
{
    unsigned char md5[DIGEST_MD5_SIZE];
    digest_md5(bytes, md5);
    return digest_hex(arena, md5, sizeof(md5));
}

static void update_sized(struct digest *digest, struct str bytes)
{
    const char size[4] = {
        (char)(bytes.len >> 24),
        (char)(bytes.len >> 16),
        (char)(bytes.len >> 8),
        (char)bytes.len,
    };
    digest_update(digest, str_of(size, sizeof(size)));
    digest_update(digest, bytes);
}

void sqs_attribute_digest_init(struct sqs_attribute_digest *digest)
{
    digest_init(&digest->digest, DIGEST_MD5);
    digest->count = 0;
}

void sqs_attribute_digest_add(struct sqs_attribute_digest *digest, struct str name, struct str type,
                              bool is_binary, struct str value)
{
    const char transport = is_binary ? TRANSPORT_BINARY : TRANSPORT_STRING;
    update_sized(&digest->digest, name);
    update_sized(&digest->digest, type);
    digest_update(&digest->digest, str_of(&transport, 1));
    update_sized(&digest->digest, value);
    digest->count++;
}

struct str sqs_attribute_digest_final(struct arena *arena, struct sqs_attribute_digest *digest)
{
    unsigned char md5[DIGEST_MD5_SIZE];
    digest_final(&digest->digest, md5);
    return digest->count > 0 ? digest_hex(arena, md5, sizeof(md5)) : (struct str){0};
}
