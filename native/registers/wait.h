// Time for programs: CLOCK_MONOTONIC, in nanoseconds. Calls into the C library only, so that a fault guard may be
// armed.
#pragma once

#include <time.h>

#include <cerrno>
#include <cstdint>

namespace probar {

inline uint64_t MonotonicNanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// A thread that sleeps wakes up to 50 microseconds late (prctl PR_SET_TIMERSLACK's default): what is shorter is spun.
inline void WaitUntil(uint64_t end) {
  constexpr uint64_t kShortestSleep = 50'000;
  uint64_t now = MonotonicNanoseconds();
  if (end > now && end - now > kShortestSleep) {
    const uint64_t wake = end - kShortestSleep;
    const timespec when = {static_cast<time_t>(wake / 1'000'000'000), static_cast<long>(wake % 1'000'000'000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
    }
    now = MonotonicNanoseconds();
  }
  while (now < end) now = MonotonicNanoseconds();
}

}  // namespace probar
