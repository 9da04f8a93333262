/* public.c — Parameter Store as the engines and other services read it: the same operation, checks
 * and policies as for any client, in the caller's transaction.
 */
#include "base/arena.h"
#include "service/ssm/ssm.h"

enum status ssm_read_parameter(struct call *call, const struct principal *principal,
                               struct str name, bool decrypts, struct ssm_value *out_value)
{
    const struct ssm_get_parameter_in in = {
        .name = name,
        .with_decryption = opt_bool(decrypts),
    };
    struct ssm_get_parameter_out out = {0};
    struct call_error error = {0};
    enum status status = call_invoke(call, principal, NULL, &ssm_model,
                                     &ssm_operations[SSM_OP_GET_PARAMETER], &in, &out, &error);
    if (status != STATUS_DONE) {
        call->error = error;
        return status;
    }
    *out_value = (struct ssm_value){
        .name = out.parameter->name,
        .type = out.parameter->type,
        .value = out.parameter->value,
        .version = out.parameter->version.value,
    };
    return STATUS_DONE;
}
