/* body_pins.c — which bodies are being sent, so that none is removed under a reader's feet.
 *
 * A reader of one file keeps it by its descriptor. An answer made of thousands of files cannot hold
 * as many descriptors; it pins their names instead. A body that is removed while it is pinned keeps
 * its file until the last pin goes. Other nodes of a shared store do not see these pins: there the
 * reader finds the file missing, and breaks the answer off.
 */
#include "store/body_pins.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

enum {
    BUCKETS = 256, /* by the first two digits of the id, which are random */
};

struct pin {
    struct pin *next;
    size_t count;
    bool is_doomed; /* removed meanwhile */
    char id[BODY_ID_LEN];
};

struct body_pins {
    pthread_mutex_t lock;
    struct pin *buckets[BUCKETS];
};

struct body_pins *body_pins_new(void)
{
    struct body_pins *pins = mem_new(sizeof(*pins));
    pthread_mutex_init(&pins->lock, NULL);
    return pins;
}

void body_pins_free(struct body_pins *pins)
{
    if (!pins)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (pins->buckets[i]) {
            struct pin *next = pins->buckets[i]->next;
            mem_free(pins->buckets[i]);
            pins->buckets[i] = next;
        }
    }
    pthread_mutex_destroy(&pins->lock);
    mem_free(pins);
}

static unsigned hex_value(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10);
}

/* The place that points to the pin, or to NULL at the end of its list. */
static struct pin **find(struct body_pins *pins, const char *id)
{
    struct pin **place = &pins->buckets[(hex_value(id[0]) << 4 | hex_value(id[1])) % BUCKETS];
    while (*place && memcmp((*place)->id, id, BODY_ID_LEN) != 0)
        place = &(*place)->next;
    return place;
}

bool body_pins_add(struct body_pins *pins, const char *id)
{
    pthread_mutex_lock(&pins->lock);
    struct pin **place = find(pins, id);
    if (!*place) {
        *place = mem_new(sizeof(**place));
        memcpy((*place)->id, id, BODY_ID_LEN);
    }
    bool is_live = !(*place)->is_doomed;
    if (is_live)
        (*place)->count++;
    pthread_mutex_unlock(&pins->lock);
    return is_live;
}

bool body_pins_drop(struct body_pins *pins, const char *id)
{
    bool must_remove = false;
    pthread_mutex_lock(&pins->lock);
    struct pin **place = find(pins, id);
    struct pin *pin = *place;
    CHECK(pin && pin->count > 0);
    if (--pin->count == 0) {
        must_remove = pin->is_doomed;
        if (!must_remove) {
            *place = pin->next;
            mem_free(pin);
        }
    }
    pthread_mutex_unlock(&pins->lock);
    return must_remove;
}

bool body_pins_begin_removal(struct body_pins *pins, const char *id)
{
    pthread_mutex_lock(&pins->lock);
    struct pin **place = find(pins, id);
    bool is_free = !*place;
    if (is_free) {
        *place = mem_new(sizeof(**place));
        memcpy((*place)->id, id, BODY_ID_LEN);
    }
    (*place)->is_doomed = true;
    pthread_mutex_unlock(&pins->lock);
    return is_free;
}

void body_pins_end_removal(struct body_pins *pins, const char *id)
{
    pthread_mutex_lock(&pins->lock);
    struct pin **place = find(pins, id);
    struct pin *pin = *place;
    if (pin && pin->count == 0) {
        *place = pin->next;
        mem_free(pin);
    }
    pthread_mutex_unlock(&pins->lock);
}
