/* identity.c — the program's identity source: keys of IAM, sessions of STS. */
#include "auth/key_id.h"
#include "service/iam/iam_public.h"
#include "service/services.h"
#include "service/sts/sts_public.h"

static const struct identity_source source = {
    .is_issued = key_id_is_issued,
    .find_key = iam_find_access_key,
    .open_session = sts_open_session,
    .load_policies = iam_load_policies,
};

const struct identity_source *const service_identity = &source;
