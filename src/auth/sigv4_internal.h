/* sigv4_internal.h — what the files of the signature code share: keys, canonical texts, helpers. */
#pragma once

#include "auth/digest.h"
#include "auth/sigv4.h"

#define SIG_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"
/* SHA-256 of nothing. */
#define SIG_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Derives the signing key of the scope, or takes it from this thread's cache. */
void sig_signing_key(struct str secret_key, const struct sig *sig, struct digest_hmac_key *out_key);

/* "20150830/us-east-1/iam/aws4_request" */
struct str sig_scope(struct arena *arena, const struct sig *sig);

/* The last line of the canonical request: what the request says about its body, else
 * `payload_hash`, else the hash of nothing. */
struct str sig_payload_line(const struct sig_request *request, const struct sig *sig,
                            struct str payload_hash);

/* Which token a canonical query leaves out: some services expect X-Amz-Security-Token to be added
 * to a presigned URL after it was signed. */
enum sig_token {
    SIG_TOKEN_SIGNED,
    SIG_TOKEN_LEFT_OUT,
};

/* Hash of the canonical request, in hex, without building its text. */
void sig_canonical_hash(struct arena *arena, const struct sig_request *request,
                        const struct sig *sig, struct str payload_line, enum sig_token token,
                        char out_hex[DIGEST_SHA256_HEX_SIZE]);

/* String to sign over the hash of a canonical request. */
struct str sig_text_over_hash(struct arena *arena, const struct sig *sig,
                              const char hash_hex[DIGEST_SHA256_HEX_SIZE]);

/* The signature of `text` in lower-case hex. */
void sig_hex(const struct digest_hmac_key *key, struct str text,
             char out_hex[DIGEST_SHA256_HEX_SIZE]);

/* Version 2: string to sign of a presigned request. */
struct str sig_v2_text(struct arena *arena, const struct sig_request *request,
                       const struct sig *sig);

/* Whether two header names are the same. Most comparisons end at the length or the first letter, so
 * those come before the call. */
static inline bool sig_is_name(struct str a, struct str b)
{
    return a.len == b.len && a.len > 0 && ((a.ptr[0] ^ b.ptr[0]) & ~0x20) == 0 &&
           str_eq_nocase(a, b);
}

/* First header of that name, or an absent str. */
struct str sig_header(const struct sig_request *request, struct str name);

/* Cuts the next "name=value" off *rest, both still coded, skipping empty pieces. Returns false at
 * the end. */
bool sig_next_field(struct str *rest, struct str *out_name, struct str *out_value);

/* The form that canonical queries have: unreserved characters plain, all else %XX. Borrows from
 * `coded` when it has that form already. '+' counts as a space. */
struct str sig_recode(struct arena *arena, struct str coded);

/* True when `name` is one of the names in "host;x-amz-date" (in any case). */
bool sig_is_signed(struct str signed_headers, struct str name);
