/* server_certificate.c — server certificates: a certificate, its private key and its chain, kept
 * for services that answer TLS in the account's name.
 *
 * What is uploaded is parsed: the key must be the certificate's, and each certificate of the chain
 * must have issued the one before it.
 *
 * Docs: IAM API reference, UploadServerCertificate; IAM user guide, "Manage server certificates in
 * IAM". OBSERVED: the texts of MalformedCertificate (issue trackers, 2014 to 2024).
 */
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "auth/key_id.h"
#include "base/arena.h"
#include "service/iam/iam_account.h"
#include "syntax/time.h"

enum {
    MAX_CERTIFICATES = 20, /* AWS: "Server certificates stored in an account" */
    MAX_CHAIN = 16,        /* far above any real chain */
};

static void bio_autoclose(BIO **slot)
{
    BIO_free(*slot);
}

static void x509_autoclose(X509 **slot)
{
    X509_free(*slot);
}

static void pkey_autoclose(EVP_PKEY **slot)
{
    EVP_PKEY_free(*slot);
}

/* A key that asks for a pass phrase is refused instead of asking on the terminal. */
static int refuse_passphrase(char *buf, int size, int is_writing, void *context)
{
    (void)buf;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

/* --- checks --- */

static enum status check_key(struct call *call, X509 *leaf, struct str pem)
{
    AUTO(bio) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    AUTO(pkey)
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL) : NULL;
    bool is_match = key && X509_check_private_key(leaf, key) == 1;
    ERR_clear_error();
    if (!key)
        return call_fail(call, &IAM_MALFORMED_CERTIFICATE_EXCEPTION,
                         "Unable to parse private key. Please ensure the private key is in PEM "
                         "format and not encrypted.");
    if (!is_match)
        return call_fail(call, &IAM_KEY_PAIR_MISMATCH_EXCEPTION,
                         "The public key certificate and the private key do not match.");
    return STATUS_DONE;
}

/* Reads the chain certificate by certificate; each must be the issuer of the one before. */
static bool is_chain_of(X509 *leaf, struct str pem)
{
    AUTO(bio) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    AUTO(x509) X509 *previous = NULL;
    int count = 0;
    while (bio && count < MAX_CHAIN) {
        X509 *issuer = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
        if (!issuer)
            break;
        bool is_issuer = X509_check_issued(issuer, previous ? previous : leaf) == X509_V_OK;
        X509_free(previous);
        previous = issuer;
        if (!is_issuer)
            return false;
        count++;
    }
    return count > 0;
}

static int64_t expiration_of(const X509 *leaf)
{
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1)
        return 0;
    const struct civil_time civil = {
        .year = tm.tm_year + 1900,
        .month = tm.tm_mon + 1,
        .day = tm.tm_mday,
        .hour = tm.tm_hour,
        .minute = tm.tm_min,
        .second = tm.tm_sec,
    };
    return time_from_civil(&civil);
}

static enum status check_upload(struct call *call,
                                const struct iam_upload_server_certificate_in *in,
                                int64_t *out_expires_at_ms)
{
    AUTO(bio)
    BIO *bio = BIO_new_mem_buf(in->certificate_body.ptr, (int)in->certificate_body.len);
    AUTO(x509) X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL) : NULL;
    ERR_clear_error();
    if (!leaf)
        return call_fail(call, &IAM_MALFORMED_CERTIFICATE_EXCEPTION,
                         "Unable to parse certificate. Please ensure the certificate is in PEM "
                         "format.");
    enum status status = check_key(call, leaf, in->private_key);
    if (status != STATUS_DONE)
        return status;
    bool is_good = !in->certificate_chain.ptr || is_chain_of(leaf, in->certificate_chain);
    ERR_clear_error();
    if (!is_good)
        return call_fail(call, &IAM_MALFORMED_CERTIFICATE_EXCEPTION,
                         "Unable to validate certificate chain. The certificate chain must start "
                         "with the immediate signing certificate, followed by any intermediaries "
                         "in order. The index within the chain of the invalid certificate is: -1");
    *out_expires_at_ms = expiration_of(leaf);
    return STATUS_DONE;
}

static enum status check_name_free(struct call *call, struct str name)
{
    struct iam_certificate_row taken = {0};
    int rc = iam_store_find_certificate(call->db, call->arena, call->scope.account, name, &taken);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a server certificate");
    if (rc == 1)
        return call_fail(call, &IAM_ENTITY_ALREADY_EXISTS_EXCEPTION,
                         "The Server Certificate with name " STR_FMT " already exists.",
                         STR_ARG(name));
    return STATUS_DONE;
}

static enum status check_quota(struct call *call)
{
    struct iam_account_counts counts = {0};
    int rc = iam_store_count_account(call->db, call->scope.account, &counts);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: count server certificates");
    if (counts.certificates >= MAX_CERTIFICATES)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for ServerCertificatesPerAccount: %d",
                         MAX_CERTIFICATES);
    return STATUS_DONE;
}

/* --- rows --- */

static enum status find_certificate(struct call *call, struct str name,
                                    struct iam_certificate_row *out)
{
    int rc = iam_store_find_certificate(call->db, call->arena, call->scope.account, name, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a server certificate");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The Server Certificate with name " STR_FMT " cannot be found.",
                         STR_ARG(name));
    return STATUS_DONE;
}

static enum status put_certificate(struct call *call, const struct iam_certificate_row *row)
{
    int rc = iam_store_put_certificate(call->db, row);
    return rc < 0 ? call_fail_internal(call, rc, "iam: write a server certificate") : STATUS_DONE;
}

static struct iam_server_certificate_metadata metadata_of(struct call *call,
                                                          const struct iam_certificate_row *row)
{
    return (struct iam_server_certificate_metadata){
        .path = row->path,
        .server_certificate_name = row->name,
        .server_certificate_id = row->id,
        .arn = call_arn(call, "iam", true, "server-certificate" STR_FMT STR_FMT, STR_ARG(row->path),
                        STR_ARG(row->name)),
        .upload_date = opt_i64(row->uploaded_at_ms),
        .expiration = opt_i64(row->expires_at_ms),
    };
}

static struct iam_server_certificate_metadata *metadata_copy(struct call *call,
                                                             const struct iam_certificate_row *row)
{
    struct iam_server_certificate_metadata *out = arena_alloc(call->arena, sizeof(*out));
    *out = metadata_of(call, row);
    return out;
}

/* --- operations --- */

enum status iam_upload_server_certificate(struct call *call,
                                          const struct iam_upload_server_certificate_in *in,
                                          struct iam_upload_server_certificate_out *out)
{
    struct iam_certificate_row row = {
        .id = unique_id_new(call->arena, STR("ASCA")),
        .account = call->scope.account,
        .name = in->server_certificate_name,
        .path = str_or(in->path, STR("/")),
        .body = str_trim(in->certificate_body),
        .chain = in->certificate_chain.ptr ? str_trim(in->certificate_chain) : (struct str){0},
        .private_key = in->private_key,
        .tags = STR("{}"),
        .uploaded_at_ms = call->now_ms / 1000 * 1000,
    };
    enum status status = check_name_free(call, row.name);
    if (status == STATUS_DONE)
        status = check_quota(call);
    if (status == STATUS_DONE)
        status = check_upload(call, in, &row.expires_at_ms);
    if (status == STATUS_DONE)
        status = iam_merge_tags(call, &row.tags, &in->tags);
    if (status == STATUS_DONE)
        status = put_certificate(call, &row);
    if (status != STATUS_DONE)
        return status;
    out->server_certificate_metadata = metadata_copy(call, &row);
    iam_tags_to_answer(call, row.tags, &out->tags);
    return STATUS_DONE;
}

enum status iam_get_server_certificate(struct call *call,
                                       const struct iam_get_server_certificate_in *in,
                                       struct iam_get_server_certificate_out *out)
{
    struct iam_certificate_row row = {0};
    enum status status = find_certificate(call, in->server_certificate_name, &row);
    if (status != STATUS_DONE)
        return status;
    out->server_certificate = arena_alloc(call->arena, sizeof(*out->server_certificate));
    out->server_certificate->server_certificate_metadata = metadata_copy(call, &row);
    out->server_certificate->certificate_body = row.body;
    out->server_certificate->certificate_chain = row.chain;
    iam_tags_to_answer(call, row.tags, &out->server_certificate->tags);
    out->server_certificate->tags.is_set = true;
    return STATUS_DONE;
}

enum status iam_list_server_certificates(struct call *call,
                                         const struct iam_list_server_certificates_in *in,
                                         struct iam_list_server_certificates_out *out)
{
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_certificate_row));
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_list_certificates(call->db, call->arena, call->scope.account,
                                         str_or(in->path_prefix, STR("/")), range, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list server certificates");
    struct iam_server_certificate_metadata_list_type *list = &out->server_certificate_metadata_list;
    size_t count = iam_page_count(range, found.count, &out->is_truncated);
    list->items = arena_alloc_array(call->arena, count + 1, sizeof(*list->items));
    list->is_set = true;
    for (size_t i = 0; i < count; i++)
        list->items[list->count++] = metadata_of(call, vec_at(&found, i));
    if (out->is_truncated.value)
        out->marker = iam_page_marker(
            call, str_lower(call->arena, list->items[count - 1].server_certificate_name));
    return STATUS_DONE;
}

enum status iam_update_server_certificate(struct call *call,
                                          const struct iam_update_server_certificate_in *in,
                                          struct iam_update_server_certificate_out *out)
{
    (void)out;
    struct iam_certificate_row row = {0};
    enum status status = find_certificate(call, in->server_certificate_name, &row);
    if (status == STATUS_DONE && in->new_server_certificate_name.ptr &&
        !str_eq_nocase(in->new_server_certificate_name, row.name))
        status = check_name_free(call, in->new_server_certificate_name);
    if (status != STATUS_DONE)
        return status;
    row.name = str_or(in->new_server_certificate_name, row.name);
    row.path = str_or(in->new_path, row.path);
    return put_certificate(call, &row);
}

enum status iam_delete_server_certificate(struct call *call,
                                          const struct iam_delete_server_certificate_in *in,
                                          struct iam_delete_server_certificate_out *out)
{
    (void)out;
    struct iam_certificate_row row = {0};
    enum status status = find_certificate(call, in->server_certificate_name, &row);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_delete_certificate(call->db, row.id);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete a server certificate") : STATUS_DONE;
}

enum status iam_tag_server_certificate(struct call *call,
                                       const struct iam_tag_server_certificate_in *in,
                                       struct iam_tag_server_certificate_out *out)
{
    (void)out;
    struct iam_certificate_row row = {0};
    enum status status = find_certificate(call, in->server_certificate_name, &row);
    if (status == STATUS_DONE)
        status = iam_merge_tags(call, &row.tags, &in->tags);
    return status == STATUS_DONE ? put_certificate(call, &row) : status;
}

enum status iam_untag_server_certificate(struct call *call,
                                         const struct iam_untag_server_certificate_in *in,
                                         struct iam_untag_server_certificate_out *out)
{
    (void)out;
    struct iam_certificate_row row = {0};
    enum status status = find_certificate(call, in->server_certificate_name, &row);
    if (status == STATUS_DONE)
        status = iam_drop_tags(call, &row.tags, &in->tag_keys);
    return status == STATUS_DONE ? put_certificate(call, &row) : status;
}

enum status iam_list_server_certificate_tags(struct call *call,
                                             const struct iam_list_server_certificate_tags_in *in,
                                             struct iam_list_server_certificate_tags_out *out)
{
    struct iam_certificate_row row = {0};
    enum status status = find_certificate(call, in->server_certificate_name, &row);
    return status == STATUS_DONE ? iam_list_tags(call, row.tags, in->marker, in->max_items,
                                                 &out->tags, &out->is_truncated, &out->marker)
                                 : status;
}
