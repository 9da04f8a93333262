/* document.c — policy documents that come in requests: their syntax, their size, their principals.
 *
 * AWS: "IAM and AWS STS quotas", sizes: "IAM does not count white space when calculating the size
 * of a policy against these quotas."
 */
#include <errno.h>

#include "base/arena.h"
#include "service/iam/iam.h"

size_t iam_document_size(struct str document)
{
    size_t size = 0;
    for (size_t i = 0; i < document.len; i++) {
        char c = document.ptr[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            size++;
    }
    return size;
}

enum status iam_check_document(struct call *call, struct str document, enum policy_kind kind)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, document, kind, &policy, &error) < 0)
        return call_fail(call, &IAM_MALFORMED_POLICY_DOCUMENT_EXCEPTION, STR_FMT,
                         STR_ARG(error.message));
    return STATUS_DONE;
}

enum status iam_check_trust(struct call *call, struct str document, struct str *out_stored)
{
    enum status status = iam_check_document(call, document, POLICY_TRUST);
    if (status != STATUS_DONE)
        return status;
    if (iam_document_size(document) > IAM_MAX_TRUST_SIZE)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION,
                         "Cannot exceed quota for ACLSizePerRole: %d", IAM_MAX_TRUST_SIZE);
    struct str missing = {0};
    int rc = iam_trust_to_ids(call->db, call->arena, document, out_stored, &missing);
    if (rc == -ENOENT)
        return call_fail(call, &IAM_MALFORMED_POLICY_DOCUMENT_EXCEPTION,
                         "Invalid principal in policy: \"AWS\":\"" STR_FMT "\"", STR_ARG(missing));
    return rc < 0 ? call_fail_internal(call, rc, "iam: read a trust policy") : STATUS_DONE;
}
