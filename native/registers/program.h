// Register programs: the form in which they come from JavaScript (src/device/register-program/steps.ts has the table),
// and how one is carried out.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "registers/wait.h"

namespace probar {

enum class Operation : uint8_t { kRead = 1, kWrite, kModify, kPoll, kFence, kDelay };

struct Step {
  Operation operation;
  // Bytes of the access; 0 without one.
  uint8_t width;
  bool all_ones_is_value;
  uint32_t interval_us;
  uint32_t time_us;
  uint64_t offset;
  uint64_t value;
  uint64_t mask;

  bool Reads() const {
    return operation == Operation::kRead || operation == Operation::kModify || operation == Operation::kPoll;
  }
};

// What may be accessed.
struct ProgramBounds {
  uint64_t size;
  uint64_t widest;
};

// The steps, all of them checked: whatever the words hold, a program that comes back makes only accesses inside the
// bounds, of a width that there is, and ends after at most ten seconds besides them. The words are copied first, for
// another thread may share them.
std::vector<Step> DecodeProgram(std::span<const uint64_t> shared, const ProgramBounds& bounds);

// How far a program came. It is read after a fault, so each member is stored when it changes.
struct Progress {
  volatile uint64_t step = 0;
  volatile uint64_t values = 0;
  volatile uint64_t last = 0;
};

inline uint64_t AllOnes(uint8_t width) { return ~uint64_t{0} >> (64 - 8 * width); }

// All ones are what a device reads as that is gone, so they meet a poll only when nothing else would.
inline bool IsMet(const Step& step, uint64_t value) {
  if ((value & step.mask) != step.value) return false;
  const uint64_t ones = AllOnes(step.width);
  return value != ones || step.all_ones_is_value || step.value == ones;
}

// One read for a poll.
template <typename Port>
bool Look(const Step& step, Port& port, Progress& progress) {
  const uint64_t value = port.Load(step.offset, step.width);
  progress.last = value;
  return IsMet(step, value);
}

// Reads until the value is as wanted. Time counts from the first read, so that one which is met at once asks no clock;
// the last read is after all of it, however late the thread woke up.
template <typename Port>
bool Poll(const Step& step, Port& port, Progress& progress) {
  if (Look(step, port, progress)) return true;
  uint64_t now = MonotonicNanoseconds();
  const uint64_t deadline = now + uint64_t{step.time_us} * 1000;
  while (now < deadline) {
    WaitUntil(std::min(now + uint64_t{step.interval_us} * 1000, deadline));
    now = MonotonicNanoseconds();
    if (Look(step, port, progress)) return true;
  }
  return false;
}

// Carries the steps out; the values of those that read go to `values`, which has room for all. Returns false when a
// poll was not met. A port's access may leave it by a jump (a fault) or an exception.
template <typename Port>
bool Execute(std::span<const Step> steps, Port& port, uint64_t* values, Progress& progress) {
  uint64_t filled = 0;
  const auto keep = [&](uint64_t value) {
    values[filled++] = value;
    // The value is in memory before the count says so, in the order of the instructions.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    progress.values = filled;
  };
  for (uint64_t index = 0; index < steps.size(); ++index) {
    const Step& step = steps[index];
    progress.step = index;
    switch (step.operation) {
      case Operation::kRead:
        keep(port.Load(step.offset, step.width));
        break;
      case Operation::kWrite:
        port.Store(step.offset, step.width, step.value);
        break;
      case Operation::kModify: {
        const uint64_t before = port.Load(step.offset, step.width);
        port.Store(step.offset, step.width, (before & ~step.mask) | step.value);
        keep(before);
        break;
      }
      case Operation::kPoll:
        if (!Poll(step, port, progress)) return false;
        keep(progress.last);
        break;
      case Operation::kFence:
        port.Fence();
        break;
      case Operation::kDelay:
        WaitUntil(MonotonicNanoseconds() + uint64_t{step.time_us} * 1000);
        break;
    }
  }
  progress.step = steps.size();
  return true;
}

}  // namespace probar
