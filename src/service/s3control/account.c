/* account.c — the public access block of an account.
 *
 * AWS: S3 user guide, "Blocking public access to your Amazon S3 storage": what either the account
 * or the bucket blocks is blocked.
 */
#include "base/arena.h"
#include "service/s3/s3_public.h"
#include "service/s3control/s3control.h"
#include "syntax/json.h"
#include "wire/protocol.h"

static const struct shape *block_shape(void)
{
    return s3control_operations[S3CONTROL_OP_PUT_PUBLIC_ACCESS_BLOCK].in->members[0].shape;
}

enum status s3control_put_public_access_block(struct call *call,
                                              const struct s3control_put_public_access_block_in *in,
                                              struct s3control_put_public_access_block_out *out)
{
    (void)out;
    struct s3control_public_access_block_configuration wanted =
        *in->public_access_block_configuration;
    struct buf text;
    /* AWS: settings that were not given are false. */
    wanted.block_public_acls = opt_bool(opt_bool_or(wanted.block_public_acls, false));
    wanted.ignore_public_acls = opt_bool(opt_bool_or(wanted.ignore_public_acls, false));
    wanted.block_public_policy = opt_bool(opt_bool_or(wanted.block_public_policy, false));
    wanted.restrict_public_buckets = opt_bool(opt_bool_or(wanted.restrict_public_buckets, false));
    buf_init(&text, call->arena, WIRE_MAX_BODY);
    wire_to_json(&text, block_shape(), &wanted);
    return s3_put_account_block(call, in->account_id, buf_str(&text));
}

enum status s3control_get_public_access_block(struct call *call,
                                              const struct s3control_get_public_access_block_in *in,
                                              struct s3control_get_public_access_block_out *out)
{
    struct str text = {0};
    struct str message = {0};
    struct json *json = NULL;
    enum status status = s3_get_account_block(call, in->account_id, &text);
    if (status != STATUS_DONE)
        return status;
    if (!text.ptr)
        return call_fail(call, &S3CONTROL_NO_SUCH_PUBLIC_ACCESS_BLOCK_CONFIGURATION,
                         "The public access block configuration was not found");
    out->public_access_block_configuration =
        arena_alloc(call->arena, sizeof(*out->public_access_block_configuration));
    int rc = json_parse(call->arena, text, 0, &json, NULL);
    if (rc == 0)
        rc = wire_from_json(call->arena, block_shape(), json,
                            out->public_access_block_configuration, &message);
    return rc < 0 ? call_fail_internal(call, rc, "s3control: read a block") : STATUS_DONE;
}

enum status
s3control_delete_public_access_block(struct call *call,
                                     const struct s3control_delete_public_access_block_in *in,
                                     struct s3control_delete_public_access_block_out *out)
{
    (void)out;
    return s3_put_account_block(call, in->account_id, (struct str){0});
}
