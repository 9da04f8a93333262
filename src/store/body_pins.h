/* body_pins.h — counts of the bodies that are being sent; private to store/. All thread-safe. Ids
 * are BODY_ID_LEN lower-case hex digits.
 */
#pragma once

#include "base/base.h"

enum {
    BODY_ID_LEN = 32,
};

struct body_pins;

struct body_pins *body_pins_new(void);
void body_pins_free(struct body_pins *pins);
/* False: it was removed, and waits for its last pin to go. */
bool body_pins_add(struct body_pins *pins, const char *id);
/* True: that was the last pin of a body that was removed meanwhile: the caller removes the file,
 * and then calls body_pins_end_removal. */
bool body_pins_drop(struct body_pins *pins, const char *id);
/* True: nobody has it pinned, and nobody can from now on: the caller removes the file, and then
 * calls body_pins_end_removal. False: its last reader will, or another is at it. */
bool body_pins_begin_removal(struct body_pins *pins, const char *id);
void body_pins_end_removal(struct body_pins *pins, const char *id);
