/* rotation.c — RotateSecret, CancelRotateSecret.
 *
 * A rotation is four invocations of a function. DEVIATION: there are no functions here that a
 * secret could be rotated by, so a rotation is refused with the error that AWS gives when it cannot
 * invoke the function that was named; nothing is recorded that would not happen.
 *
 * Docs: API reference of both; Secrets Manager user guide, "Rotate AWS Secrets Manager secrets",
 * "Troubleshoot AWS Secrets Manager rotation".
 */
#include "service/secretsmanager/secretsmanager.h"

enum status secretsmanager_rotate_secret(struct call *call,
                                         const struct secretsmanager_rotate_secret_in *in,
                                         struct secretsmanager_rotate_secret_out *out)
{
    (void)out;
    struct secret secret = {0};
    /* OBSERVED (2023-05-12, recorded by public test suites): here it is another error code. */
    if (in->client_request_token.len == 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "You must provide a ClientRequestToken value. We recommend a UUID-type "
                         "value.");
    enum status status = secrets_primary_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3): both texts. */
    if (in->rotation_lambda_arn.len == 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "No Lambda rotation function ARN is associated with this secret.");
    return call_fail(call, &ERROR_ACCESS_DENIED,
                     "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
                     "function policy grants access to the principal "
                     "secretsmanager.amazonaws.com.");
}

/* AWS: "Turns off automatic rotation, and if a rotation is currently in progress, cancels the
 * rotation": there is none, so it is off. */
enum status
secretsmanager_cancel_rotate_secret(struct call *call,
                                    const struct secretsmanager_cancel_rotate_secret_in *in,
                                    struct secretsmanager_cancel_rotate_secret_out *out)
{
    (void)in;
    struct secret secret = {0};
    enum status status = secrets_primary_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    return STATUS_DONE;
}
