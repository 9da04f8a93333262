/* s3control_public.h — what the program needs of S3 Control. */
#pragma once

#include "wire/service.h"

extern const struct service s3control_service;
