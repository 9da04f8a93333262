/* errors.c — S3's error documents: elements beside code and message, which differ from error to
 * error.
 *
 * The elements of all errors are one structure, FaultDetails (models/patches/s3.json): an error
 * that has some is answered as a copy of the model's that knows that structure.
 *
 * AWS: S3 API reference, "REST error responses", and the answers of the service.
 */
#include <stdio.h>

#include "base/arena.h"
#include "service/s3/s3.h"

static const struct api_error *with_details(struct arena *arena, const struct api_error *error)
{
    struct api_error *copy = arena_alloc(arena, sizeof(*copy));
    *copy = *error;
    copy->shape = S3_FAULT_DETAILS.shape;
    return copy;
}

enum status s3_fail(struct call *call, const struct api_error *error,
                    const struct s3_fault_details_error *details, const char *format, ...)
{
    struct s3_fault_details_error *copy = arena_alloc(call->arena, sizeof(*copy));
    va_list args;
    va_start(args, format);
    struct str message = str_vformat(call->arena, format, args);
    va_end(args);
    if (details)
        *copy = *details;
    return call_fail_with(call, with_details(call->arena, error), copy, STR_FMT, STR_ARG(message));
}

struct s3_fault_details_error *s3_details_of(struct call *call)
{
    if (call->error.error->shape != S3_FAULT_DETAILS.shape) {
        call->error.error = with_details(call->arena, call->error.error);
        call->error.members = arena_alloc(call->arena, sizeof(struct s3_fault_details_error));
    }
    /* Its only makers are this function and s3_fail, which allocated it. */
    union {
        const void *in;
        struct s3_fault_details_error *out;
    } members = {.in = call->error.members};
    return members.out;
}

enum status s3_fail_argument(struct call *call, const char *name, struct str value,
                             const char *message)
{
    return s3_fail(call, &S3_INVALID_ARGUMENT,
                   &(struct s3_fault_details_error){.argument_name = str_from_cstr(name),
                                                    .argument_value = value},
                   "%s", message);
}

enum status s3_fail_malformed_xml(struct call *call)
{
    return s3_fail(call, &S3_MALFORMED_XML, NULL,
                   "The XML you provided was not well-formed or did not validate against our "
                   "published schema");
}

enum status s3_fail_no_bucket(struct call *call, struct str name)
{
    return s3_fail(call, &S3_NO_SUCH_BUCKET, &(struct s3_fault_details_error){.bucket_name = name},
                   "The specified bucket does not exist");
}
