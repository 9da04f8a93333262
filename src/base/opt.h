/* opt.h — scalars that may be absent: how generated structs hold numbers, booleans and times.
 *
 * A zero-initialised value is absent. Strings need no such type: an absent `struct str` has a NULL
 * pointer, an empty one does not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct opt_bool {
    bool is_set;
    bool value;
};

struct opt_i32 {
    bool is_set;
    int32_t value;
};

/* Also times: milliseconds since 1970 (UTC). */
struct opt_i64 {
    bool is_set;
    int64_t value;
};

struct opt_f64 {
    bool is_set;
    double value;
};

static inline struct opt_bool opt_bool(bool value)
{
    return (struct opt_bool){.is_set = true, .value = value};
}

static inline struct opt_i32 opt_i32(int32_t value)
{
    return (struct opt_i32){.is_set = true, .value = value};
}

static inline struct opt_i64 opt_i64(int64_t value)
{
    return (struct opt_i64){.is_set = true, .value = value};
}

static inline struct opt_f64 opt_f64(double value)
{
    return (struct opt_f64){.is_set = true, .value = value};
}

/* The value, or `fallback` when it is absent. */
static inline bool opt_bool_or(struct opt_bool opt, bool fallback)
{
    return opt.is_set ? opt.value : fallback;
}

static inline int32_t opt_i32_or(struct opt_i32 opt, int32_t fallback)
{
    return opt.is_set ? opt.value : fallback;
}

static inline int64_t opt_i64_or(struct opt_i64 opt, int64_t fallback)
{
    return opt.is_set ? opt.value : fallback;
}
