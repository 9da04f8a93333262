/* pattern.c — the regular expressions of models, compiled once per thread.
 *
 * Models write them for Java: \uXXXX escapes, and a character class that lists the supplementary
 * planes by surrogates. PCRE2 knows the former with PCRE2_ALT_BSUX; the latter is rewritten. AWS
 * matches the whole value, whether the pattern has anchors or not.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "wire/pattern.h"

#include <pcre2.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

enum {
    FIRST_SLOTS = 64,     /* power of two; a service has some dozens of patterns */
    MATCH_LIMIT = 200000, /* steps, some milliseconds; honest values take a few per character */
    HEAP_LIMIT_KIB = 8 * 1024, /* a repeated group keeps a frame per turn */
};

struct slot {
    const char *pattern; /* identity of the key: patterns are static */
    pcre2_code *code;    /* NULL: does not compile */
};

/* One per thread; freed when the thread ends. */
struct cache {
    struct slot *slots;
    size_t slot_count;
    size_t count;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void free_cache(void *pointer)
{
    struct cache *cache = pointer;
    for (size_t i = 0; i < cache->slot_count; i++)
        pcre2_code_free(cache->slots[i].code);
    pcre2_match_data_free(cache->match);
    pcre2_match_context_free(cache->limits);
    mem_free(cache->slots);
    mem_free(cache);
}

static void make_key(void)
{
    const int rc = pthread_key_create(&cache_key, free_cache);
    CHECK(rc == 0);
}

static struct cache *thread_cache(void)
{
    pthread_once(&cache_once, make_key);
    struct cache *cache = pthread_getspecific(cache_key);
    if (cache)
        return cache;
    cache = mem_new(sizeof(*cache));
    cache->slots = mem_new_array(FIRST_SLOTS, sizeof(struct slot));
    cache->slot_count = FIRST_SLOTS;
    cache->match = pcre2_match_data_create(1, NULL);
    cache->limits = pcre2_match_context_create(NULL);
    CHECK(cache->match && cache->limits);
    pcre2_set_match_limit(cache->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(cache->limits, HEAP_LIMIT_KIB);
    pthread_setspecific(cache_key, cache);
    return cache;
}

/* Java's way to say U+10000-U+10FFFF inside a class becomes the characters themselves. */
static struct str without_surrogates(struct arena *arena, const char *pattern)
{
    return str_replace(arena, str_from_cstr(pattern), STR("\\uD800\\uDC00-\\uDBFF\\uDFFF"),
                       STR("\xF0\x90\x80\x80-\xF4\x8F\xBF\xBF"));
}

static pcre2_code *compile(const char *pattern)
{
    struct arena *arena = arena_new();
    const struct str text = without_surrogates(arena, pattern);
    int error = 0;
    PCRE2_SIZE offset = 0;
    const uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_ALT_BSUX |
                             PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &error, &offset, NULL);
    arena_free(arena);
    return code;
}

static struct slot *find_slot(struct slot *slots, size_t slot_count, const char *pattern)
{
    size_t i = ((uintptr_t)pattern * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (slot_count - 1);
    while (slots[i].pattern && slots[i].pattern != pattern)
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

static void grow(struct cache *cache)
{
    const size_t slot_count = cache->slot_count * 2;
    struct slot *slots = mem_new_array(slot_count, sizeof(struct slot));
    for (size_t i = 0; i < cache->slot_count; i++)
        if (cache->slots[i].pattern)
            *find_slot(slots, slot_count, cache->slots[i].pattern) = cache->slots[i];
    mem_free(cache->slots);
    cache->slots = slots;
    cache->slot_count = slot_count;
}

bool pattern_matches(const char *pattern, struct str text)
{
    struct cache *cache = thread_cache();
    struct slot *slot = find_slot(cache->slots, cache->slot_count, pattern);
    if (!slot->pattern) {
        if (cache->count * 2 >= cache->slot_count) {
            grow(cache);
            slot = find_slot(cache->slots, cache->slot_count, pattern);
        }
        *slot = (struct slot){.pattern = pattern, .code = compile(pattern)};
        cache->count++;
    }
    if (!slot->code)
        return true;
    const struct str subject = str_or(text, STR(""));
    return pcre2_match(slot->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, cache->match,
                       cache->limits) >= 0;
}
