/* http_target.h — deliveries to http and https URLs: private to this folder. */
#pragma once

#include "engine/events/delivery.h"

extern const struct delivery_target http_delivery_target;
