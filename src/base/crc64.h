/* crc64.h — CRC-64/NVME: reflected, from all ones, inverted at the end. */
#pragma once

#include "base/str.h"

/* The polynomial, reflected. */
#define CRC64_POLYNOMIAL 0x9A6C9329AC4BC9B5U

/* The CRC of what `crc` is the CRC of (0: of nothing) with `data` behind it. Thread-safe. */
uint64_t crc64_update(uint64_t crc, struct str data);
