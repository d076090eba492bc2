#include "registers/program.h"

#include <string>

#include "core/errors.h"
#include "core/hex.h"

namespace probar {
namespace {

constexpr size_t kWordsPerStep = 4;
constexpr size_t kMostSteps = 65'536;
constexpr uint64_t kMostMicroseconds = 10'000'000;

[[noreturn]] void ThrowStep(const char* code, size_t index, const std::string& what) {
  throw Failure(code, "step " + std::to_string(index) + " of the program " + what);
}

Step Unpack(const uint64_t* words) {
  return {
      .operation = static_cast<Operation>(words[0] & 0xff),
      .width = static_cast<uint8_t>(words[0] >> 8 & 0xff),
      .all_ones_is_value = (words[0] >> 16 & 1) != 0,
      .interval_us = static_cast<uint32_t>(words[0] >> 17 & 0x7fff),
      .time_us = static_cast<uint32_t>(words[0] >> 32),
      .offset = words[1],
      .value = words[2],
      .mask = words[3],
  };
}

// No bit is set that the operation doesn't use: a word that was meant otherwise is refused, not guessed at.
void RequireNothingElse(const Step& step, size_t index) {
  const bool polls = step.operation == Operation::kPoll;
  const bool waits = polls || step.operation == Operation::kDelay;
  const bool accesses = step.operation <= Operation::kPoll;
  const bool masks = polls || step.operation == Operation::kModify;
  const bool values = masks || step.operation == Operation::kWrite;
  const bool spare = (!polls && (step.all_ones_is_value || step.interval_us != 0)) || (!waits && step.time_us != 0) ||
                     (!accesses && (step.width != 0 || step.offset != 0)) || (!masks && step.mask != 0) ||
                     (!values && step.value != 0);
  if (spare) ThrowStep(code::kRangeOutside, index, "has bits set that its operation does not use");
}

void RequireAccess(const Step& step, size_t index, const ProgramBounds& bounds) {
  const uint64_t width = step.width;
  if (width != 1 && width != 2 && width != 4 && width != 8) {
    ThrowStep(code::kRegisterWidth, index, "has a width of " + std::to_string(width) + " bytes: 1, 2, 4 or 8");
  }
  if (width > bounds.widest) {
    ThrowStep(code::kRegisterWidth, index,
              "has 8 bytes, which is no single access here: use two steps of 4, in the order that the device's manual "
              "tells");
  }
  if (width > bounds.size || step.offset > bounds.size - width) {
    ThrowStep(code::kRegionOutside, index,
              "accesses " + HexRange(step.offset, width) + " outside of the " + Hex(bounds.size) + " bytes there");
  }
  if (step.offset % width != 0) {
    ThrowStep(code::kRegionMisaligned, index,
              "has offset " + Hex(step.offset) + ", no multiple of its width of " + std::to_string(width));
  }
  const bool masks = step.operation == Operation::kModify || step.operation == Operation::kPoll;
  if (((step.value | step.mask) & ~AllOnes(step.width)) != 0 || (masks && (step.value & ~step.mask) != 0)) {
    ThrowStep(code::kRangeOutside, index, "has a value or mask that does not fit its width, or the value its mask");
  }
}

}  // namespace

std::vector<Step> DecodeProgram(std::span<const uint64_t> shared, const ProgramBounds& bounds) {
  const size_t count = shared.size() / kWordsPerStep;
  if (shared.size() % kWordsPerStep != 0 || count > kMostSteps) {
    throw Failure(code::kRangeOutside, "a program has 4 words a step and at most 65536 steps, not " +
                                           std::to_string(shared.size()) + " words");
  }
  const std::vector<uint64_t> words(shared.begin(), shared.end());
  std::vector<Step> steps;
  steps.reserve(count);
  uint64_t total = 0;
  for (size_t index = 0; index < count; ++index) {
    const Step step = Unpack(&words[index * kWordsPerStep]);
    if (step.operation < Operation::kRead || step.operation > Operation::kDelay) {
      ThrowStep(code::kRangeOutside, index, "has no operation that there is");
    }
    RequireNothingElse(step, index);
    if (step.operation <= Operation::kPoll) RequireAccess(step, index, bounds);
    total += step.time_us;
    steps.push_back(step);
  }
  if (total > kMostMicroseconds) {
    throw Failure(code::kRangeOutside, "delays and timeouts of the program are " + std::to_string(total) +
                                           " microseconds in all, more than 10 s: split it");
  }
  return steps;
}

}  // namespace probar
