/* certificate.c — X.509 signing certificates of users. They are kept and given back; nothing here
 * checks signatures made with them. */
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam.h"

enum {
    DER_SEQUENCE = 0x30,
    ID_CHARACTERS = 32,
};

/* OBSERVED: the text of MalformedCertificate. */
static enum status check_certificate(struct call *call, struct str body)
{
    struct str bytes = {0};
    if (!iam_read_pem(call->arena, body, "CERTIFICATE", &bytes) || bytes.len < 2 ||
        (unsigned char)bytes.ptr[0] != DER_SEQUENCE)
        return call_fail(call, &IAM_MALFORMED_CERTIFICATE_EXCEPTION,
                         "Unable to parse certificate. Please ensure the certificate is in PEM "
                         "format.");
    return STATUS_DONE;
}

static struct iam_signing_certificate to_answer(const struct iam_entity *user,
                                                const struct iam_credential *certificate)
{
    return (struct iam_signing_certificate){
        .user_name = user->name,
        .certificate_id = certificate->id,
        .certificate_body = certificate->body,
        .status = certificate->status,
        .upload_date = opt_i64(certificate->created_at_ms),
    };
}

enum status iam_upload_signing_certificate(struct call *call,
                                           const struct iam_upload_signing_certificate_in *in,
                                           struct iam_upload_signing_certificate_out *out)
{
    struct iam_entity *user = NULL;
    struct vec others = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        status = check_certificate(call, in->certificate_body);
    if (status == STATUS_DONE)
        status = iam_list_credentials_of(call, IAM_CREDENTIAL_CERTIFICATE, user, IAM_EVERYTHING,
                                         &others);
    if (status != STATUS_DONE)
        return status;
    const struct iam_credential certificate = {
        .id = rand_text(call->arena, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), ID_CHARACTERS),
        .kind = IAM_CREDENTIAL_CERTIFICATE,
        .account = user->account,
        .user_id = user->id,
        .status = STR("Active"),
        .body = str_trim(in->certificate_body),
        .created_at_ms = call->now_ms / 1000 * 1000,
    };
    for (size_t i = 0; i < others.count; i++) {
        const struct iam_credential *other = vec_at(&others, i);
        if (str_eq(other->body, certificate.body))
            return call_fail(call, &IAM_DUPLICATE_CERTIFICATE_EXCEPTION,
                             "The certificate is already associated with the user " STR_FMT,
                             STR_ARG(user->name));
    }
    out->certificate = arena_alloc(call->arena, sizeof(*out->certificate));
    *out->certificate = to_answer(user, &certificate);
    return iam_new_credential(call, &certificate);
}

enum status iam_list_signing_certificates(struct call *call,
                                          const struct iam_list_signing_certificates_in *in,
                                          struct iam_list_signing_certificates_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_range range = {0};
    struct vec found = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status == STATUS_DONE)
        status = iam_list_credentials_of(call, IAM_CREDENTIAL_CERTIFICATE, user, range, &found);
    if (status != STATUS_DONE)
        return status;
    size_t count = iam_page_count(range, found.count, &out->is_truncated);
    out->certificates.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->certificates.items));
    out->certificates.count = count;
    out->certificates.is_set = true;
    for (size_t i = 0; i < count; i++) {
        const struct iam_credential *certificate = vec_at(&found, i);
        out->certificates.items[i] = to_answer(user, certificate);
        if (out->is_truncated.value)
            out->marker = iam_page_marker(call, certificate->id);
    }
    return STATUS_DONE;
}

enum status iam_update_signing_certificate(struct call *call,
                                           const struct iam_update_signing_certificate_in *in,
                                           struct iam_update_signing_certificate_out *out)
{
    (void)out;
    return iam_set_credential_status(call, IAM_CREDENTIAL_CERTIFICATE, in->user_name,
                                     in->certificate_id, in->status);
}

enum status iam_delete_signing_certificate(struct call *call,
                                           const struct iam_delete_signing_certificate_in *in,
                                           struct iam_delete_signing_certificate_out *out)
{
    (void)out;
    return iam_remove_credential(call, IAM_CREDENTIAL_CERTIFICATE, in->user_name,
                                 in->certificate_id);
}
