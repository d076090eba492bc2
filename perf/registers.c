// The references for perf/registers.mjs: the same accesses in plain C, as a driver's author would write them.
//
// Usage: registers ACCESSES [FILE]: maps a page of FILE (a BAR's resource file), or an anonymous one, and prints
// the first register's value and nanoseconds for an access of each kind, the best of ROUNDS.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096, ROUNDS = 60, WORDS = 32 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static volatile uint32_t* map(const char* path) {
  int file = path == NULL ? -1 : open(path, O_RDWR | O_SYNC);
  if (path != NULL && file < 0) return NULL;
  void* page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | (path == NULL ? MAP_ANONYMOUS : 0), file, 0);
  return page == MAP_FAILED ? NULL : page;
}

static uint32_t sink[WORDS];

// One register again and again.
static void single(volatile uint32_t* page, long accesses) {
  for (long i = 0; i < accesses; ++i) sink[0] = page[0];
}

// A block of 32 registers into an array.
static void block(volatile uint32_t* page, long accesses) {
  for (long i = 0; i < accesses; i += WORDS) {
    for (int word = 0; word < WORDS; ++word) sink[word] = page[word];
  }
}

// Write, read, modify, poll until met: five accesses, written out.
static void sequence(volatile uint32_t* page, long accesses) {
  for (long i = 0; i < accesses; i += 5) {
    page[1] = 0x12345678;
    sink[0] = page[0];
    uint32_t value = page[1];
    page[1] = (value & ~0xffu) | 0x21;
    do sink[1] = page[0];
    while ((sink[1] & 0) != 0);
  }
}

static double best(void (*run)(volatile uint32_t*, long), volatile uint32_t* page, long accesses) {
  double least = 1e300;
  for (int round = 0; round < ROUNDS; ++round) {
    const double start = now();
    run(page, accesses);
    const double spent = (now() - start) / (double)accesses;
    if (spent < least) least = spent;
  }
  return least;
}

int main(int count, char** words) {
  const long accesses = count > 1 ? atol(words[1]) : 0;
  volatile uint32_t* page = map(count > 2 ? words[2] : NULL);
  if (accesses <= 0 || page == NULL) {
    perror("registers");
    return 1;
  }
  const double one = best(single, page, accesses);
  printf("{\"value\":%u,\"single\":%f,\"block\":%f,\"program\":%f}\n", sink[0], one, best(block, page, accesses),
         best(sequence, page, accesses));
  return 0;
}
