/* A circuit, gate by gate, on rows of 512 bytes: what a person would write first, and hard to beat. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROW 64
#define GATE(table, value) \
    case table: \
        for (int w = 0; w < ROW; w++) { \
            uint64_t x = left[w], y = right[w]; \
            (void)x, (void)y; \
            to[w] = (value); \
        } \
        break;

static inline void gate(int table, uint64_t *restrict to, const uint64_t *left, const uint64_t *right) {
    switch (table) {
        GATE(0, 0) GATE(1, ~(x | y)) GATE(2, ~x & y) GATE(3, ~x)
        GATE(4, x & ~y) GATE(5, ~y) GATE(6, x ^ y) GATE(7, ~(x & y))
        GATE(8, x & y) GATE(9, ~(x ^ y)) GATE(10, y) GATE(11, ~x | y)
        GATE(12, x) GATE(13, x | ~y) GATE(14, x | y) GATE(15, ~(uint64_t)0)
    }
}

/* (inputs, words) to (outputs, words); the number of words is a multiple of ROW. Row 0 is zero, inputs follow. */
void run(long inputs, long gates, long outputs, const int32_t *left, const int32_t *right, const int32_t *to,
         const uint8_t *table, const int32_t *out, long rows, long words, const uint64_t *in, uint64_t *result) {
    uint64_t *memory = aligned_alloc(64, rows * ROW * 8);
    memset(memory, 0, rows * ROW * 8);
    for (long start = 0; start < words; start += ROW) {
        for (long i = 0; i < inputs; i++) memcpy(memory + (1 + i) * ROW, in + i * words + start, ROW * 8);
        for (long g = 0; g < gates; g++)
            gate(table[g], memory + (long)to[g] * ROW, memory + (long)left[g] * ROW, memory + (long)right[g] * ROW);
        for (long i = 0; i < outputs; i++) memcpy(result + i * words + start, memory + (long)out[i] * ROW, ROW * 8);
    }
    free(memory);
}
