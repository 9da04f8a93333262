/* md5.c — the digests by which SDKs check that SQS got what they sent.
 *
 * AWS: "Calculating the MD5 message digest for message attributes" (SQS developer guide):
 * attributes sorted by name; for each the name, the data type, one byte for the transport type (1:
 * string, 2: binary) and the value, every text preceded by its length in four bytes, big-endian.
 */
#include "auth/digest.h"
#include "base/arena.h"
#include "service/sqs/sqs.h"
#include "syntax/base64.h"
#include "syntax/json.h"

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

/* The stored attributes are sorted by name already (message.c). */
struct str sqs_md5_of_attributes(struct arena *arena, struct str attributes)
{
    struct json *json = NULL;
    if (attributes.len == 0 || json_parse(arena, attributes, 0, &json, NULL) < 0)
        return (struct str){0};
    struct digest digest;
    digest_init(&digest, DIGEST_MD5);
    for (const struct json *item = json->first; item; item = item->next) {
        struct str text = json_find_str(item, "s");
        bool is_binary = !text.ptr;
        struct str value = text;
        if (is_binary && base64_decode(arena, json_find_str(item, "b"), &value) < 0)
            return (struct str){0};
        const char transport = is_binary ? TRANSPORT_BINARY : TRANSPORT_STRING;
        update_sized(&digest, item->key);
        update_sized(&digest, json_find_str(item, "t"));
        digest_update(&digest, str_of(&transport, 1));
        update_sized(&digest, value);
    }
    unsigned char md5[DIGEST_MD5_SIZE];
    digest_final(&digest, md5);
    return digest_hex(arena, md5, sizeof(md5));
}
