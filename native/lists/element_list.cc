// Element lists in the layout that a driver reads: SCATTER_GATHER_ELEMENT of wdm.h on x64.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/arguments.h"
#include "core/guard.h"
#include "lists/exports.h"

namespace probar {
namespace {

// Little endian: the length and its padding are one word.
static_assert(std::endian::native == std::endian::little);
struct Element {
  uint64_t address;
  uint32_t length;
  uint32_t padding;
  uint64_t reserved;
};
static_assert(sizeof(Element) == 24);
static_assert(offsetof(Element, length) == 8);
static_assert(offsetof(Element, reserved) == 16);

// What an element may be.
struct Limits {
  uint64_t longest;
  // No element crosses a multiple of a power of two: one less than that, or all ones, which only the end of the address
  // space is.
  uint64_t boundary_mask;
};

// The bytes [offset, offset + length) of what the segments describe.
struct Part {
  std::span<const uint64_t> bus;
  std::span<const double> lengths;
  uint64_t offset;
  uint64_t length;
};

// A double that JavaScript gave as a count of bytes. Signed, which the processor converts in one step.
int64_t Bytes(double value) {
  constexpr double kLimit = 9007199254740992.0;
  const bool within = value >= 0 && value < kLimit;  // false for NaN
  const auto bytes = within ? static_cast<int64_t>(value) : 0;
  if (!within || static_cast<double>(bytes) != value) [[unlikely]] {
    throw Failure(code::kRangeOutside, "the length of a segment must be an integer from 0 to 2^53 - 1");
  }
  return bytes;
}

// Cuts one run into elements behind the `count` that there are; those that find no room are counted only.
inline uint64_t Cut(std::span<uint8_t> target, uint64_t count, uint64_t start, uint64_t length, Limits limits) {
  while (length > 0) {
    // Less one each, so that none of them overflows.
    const uint64_t to_boundary = limits.boundary_mask - (start & limits.boundary_mask);
    const uint64_t part = std::min({length - 1, limits.longest - 1, to_boundary}) + 1;
    if ((count + 1) * sizeof(Element) <= target.size()) {
      // Word by word: put together first, the element would be stored twice.
      uint8_t* place = target.data() + count * sizeof(Element);
      constexpr uint64_t kReserved = 0;
      std::memcpy(place + offsetof(Element, address), &start, sizeof(uint64_t));
      std::memcpy(place + offsetof(Element, length), &part, sizeof(uint64_t));
      std::memcpy(place + offsetof(Element, reserved), &kReserved, sizeof(uint64_t));
    }
    ++count;
    start += part;
    length -= part;
  }
  return count;
}

// Joins what follows one another on the bus; returns the number of elements. What is written may be anything that
// JavaScript sees, so everything that the loop needs is a local.
uint64_t Build(std::span<uint8_t> target, const Part& part, Limits limits) {
  uint64_t skipped = part.offset;
  uint64_t wanted = part.length;
  uint64_t count = 0;
  uint64_t start = 0;
  uint64_t length = 0;
  for (size_t index = 0; index < part.bus.size() && wanted > 0; ++index) {
    auto taken = static_cast<uint64_t>(Bytes(part.lengths[index]));
    uint64_t address = part.bus[index];
    if (skipped > 0) {
      const uint64_t before = std::min(skipped, taken);
      skipped -= before;
      taken -= before;
      address += before;
    }
    taken = std::min(taken, wanted);
    if (taken == 0) continue;
    wanted -= taken;
    // At the end of the address space nothing follows: the sum is 0 there.
    if (address == start + length && address != 0 && length > 0) {
      length += taken;
      continue;
    }
    count = Cut(target, count, start, length, limits);
    start = address;
    length = taken;
  }
  if (wanted > 0) throw Failure(code::kRangeOutside, "the segments end before the part does");
  return Cut(target, count, start, length, limits);
}

uint64_t BoundaryMaskArgument(const Napi::CallbackInfo& info, size_t index) {
  const uint64_t boundary = CountArgument(info, index, "boundary");
  if (boundary != 0 && !std::has_single_bit(boundary)) {
    throw Failure(code::kRangeOutside, "boundary must be 0 or a power of two");
  }
  return boundary - 1;
}

Napi::Value WriteElements(Environment& environment, const Napi::CallbackInfo& info) {
  static_cast<void>(environment);
  const auto target = BytesArgument(info, 0, "target");
  const auto bus = BusArgument(info, 1, "bus");
  const auto lengths = LengthsArgument(info, 2, "lengths");
  const uint64_t offset = CountArgument(info, 3, "offset");
  const uint64_t length = CountArgument(info, 4, "length");
  const uint64_t longest = BoundedArgument(info, 5, "longest", UINT32_MAX);
  if (longest == 0) throw Failure(code::kRangeOutside, "longest must be at least 1");
  const Limits limits = {.longest = longest, .boundary_mask = BoundaryMaskArgument(info, 6)};
  if (bus.size() != lengths.size()) throw Failure(code::kRangeOutside, "bus and lengths must have as many elements");

  return Napi::Number::New(info.Env(), static_cast<double>(Build(target, {bus, lengths, offset, length}, limits)));
}

}  // namespace

void ExportElementList(Environment& environment, Napi::Object& exports) {
  Export<WriteElements>(environment, exports, "writeElements");
}

}  // namespace probar
