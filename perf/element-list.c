// The reference for perf/element-list.mjs: the element list of scattered segments, as a driver's author would build it.
//
// Usage: element-list FILE ROUNDS: FILE has the number of segments, then their bus addresses and lengths, all as 64-bit
// words. Counts the elements, writes them, and prints their number, a sum over their bytes and the milliseconds of the best
// round.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// SCATTER_GATHER_ELEMENT of wdm.h on x64.
struct element {
  uint64_t address;
  uint32_t length;
  uint32_t padding;
  uint64_t reserved;
};

struct segments {
  uint64_t count;
  const uint64_t* bus;
  const uint64_t* lengths;
};

// Not constants, so that the compiler cannot fold the limits into the loop.
static volatile uint64_t longest_element = UINT32_MAX;
static volatile uint64_t boundary_mask = UINT64_MAX;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

// Cuts one run into elements behind the `count` that there are; without a list it counts only.
static uint64_t cut(struct element* list, uint64_t count, uint64_t start, uint64_t length, uint64_t longest,
                    uint64_t boundary) {
  while (length > 0) {
    uint64_t last = boundary - (start & boundary);
    if (last > longest - 1) last = longest - 1;
    if (last > length - 1) last = length - 1;
    const uint64_t part = last + 1;
    if (list != NULL) list[count] = (struct element){start, (uint32_t)part, 0, 0};
    ++count;
    start += part;
    length -= part;
  }
  return count;
}

// Joins what follows one another on the bus.
static uint64_t build(struct element* list, const struct segments* segments) {
  const uint64_t longest = longest_element, boundary = boundary_mask;
  uint64_t count = 0, start = 0, length = 0;
  for (uint64_t i = 0; i < segments->count; ++i) {
    if (length > 0 && segments->bus[i] == start + length) {
      length += segments->lengths[i];
      continue;
    }
    count = cut(list, count, start, length, longest, boundary);
    start = segments->bus[i];
    length = segments->lengths[i];
  }
  return cut(list, count, start, length, longest, boundary);
}

// FNV-1a over the words, so that both sides can be seen to have built the same list.
static uint64_t sum(const struct element* list, uint64_t count) {
  const uint64_t* words = (const uint64_t*)list;
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (uint64_t i = 0; i < count * 3; ++i) hash = (hash ^ words[i]) * UINT64_C(0x100000001b3);
  return hash;
}

int main(int count, char** words) {
  FILE* file = count > 2 ? fopen(words[1], "rb") : NULL;
  uint64_t segments = 0;
  if (file == NULL || fread(&segments, sizeof segments, 1, file) != 1) return 1;
  uint64_t* numbers = malloc(segments * 16);
  if (numbers == NULL || fread(numbers, 16, segments, file) != segments) return 1;
  const struct segments given = {segments, numbers, numbers + segments};
  struct element* list = malloc(segments * sizeof *list);
  uint64_t elements = build(NULL, &given);
  if (list == NULL || elements > segments) return 1;

  double least = 1e300;
  for (int round = 0; round < atoi(words[2]); ++round) {
    const double start = now();
    elements = build(NULL, &given);
    build(list, &given);
    const double spent = now() - start;
    if (spent < least) least = spent;
  }
  printf("{\"elements\":%llu,\"sum\":\"%llu\",\"ms\":%f}\n", (unsigned long long)elements,
         (unsigned long long)sum(list, elements), least);
  return 0;
}
