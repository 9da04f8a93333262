/* base.h — the few macros that the whole program uses: attributes, scope cleanup, checks.
 *
 * Everything else in base is a function. See STYLE: a macro never hides control flow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The caller must look at the result; 0 or a negative errno unless the contract says more. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#define NO_RETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

/* Declares that the variable is released when its scope ends: `AUTO(stmt) struct stmt *s = NULL;`
 * calls `stmt_autoclose(&s)`. Every type used so defines `<name>_autoclose`, which accepts NULL. */
#define AUTO(name) __attribute__((cleanup(name##_autoclose)))

/* Hands a pointer on: yields its value and leaves NULL behind, so that AUTO releases nothing. */
#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* States what only our own bug could break. Stays in release builds; logs and aborts. Never for
 * input from outside. */
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

/* Prints the broken condition with its place to stderr and aborts. Thread-safe. */
NO_RETURN void check_failed(const char *condition, const char *file, int line, const char *func);
