/* dynamodbstreams_public.h — the service row of DynamoDB Streams. */
#pragma once

#include "wire/service.h"

extern const struct service dynamodbstreams_service;
