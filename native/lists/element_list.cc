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
  // A power of two; no element crosses a multiple of it.
  uint64_t boundary;
};

// Takes pieces in order, joins those that follow one another, and cuts the runs into elements.
class ElementList {
 public:
  ElementList(std::span<uint8_t> target, Limits limits)
      : target_(target.data()), room_(target.size() / sizeof(Element)), limits_(limits) {}

  void Add(uint64_t address, uint64_t length) {
    // At the end of the address space nothing follows: the sum is 0 there.
    if (length_ > 0 && address == start_ + length_ && address != 0) {
      length_ += length;
      return;
    }
    Cut();
    start_ = address;
    length_ = length;
  }

  // The number of elements, whether there was room for them or not.
  uint64_t Finish() {
    Cut();
    return count_;
  }

 private:
  void Cut() {
    while (length_ > 0) {
      const uint64_t to_boundary = limits_.boundary - (start_ & (limits_.boundary - 1));
      const uint64_t length = std::min({length_, limits_.longest, to_boundary});
      if (count_ < room_) {
        const Element element = {start_, static_cast<uint32_t>(length), 0, 0};
        std::memcpy(target_ + count_ * sizeof(Element), &element, sizeof(Element));
      }
      ++count_;
      start_ += length;
      length_ -= length;
    }
  }

  uint8_t* target_;
  uint64_t room_;
  Limits limits_;
  uint64_t count_ = 0;
  uint64_t start_ = 0;
  uint64_t length_ = 0;
};

// A double that JavaScript gave as a count of bytes.
uint64_t Bytes(double value) {
  constexpr double kLimit = 9007199254740992.0;
  const bool within = value >= 0 && value < kLimit;  // false for NaN
  const auto bytes = within ? static_cast<uint64_t>(value) : 0;
  if (static_cast<double>(bytes) != value) {
    throw Failure(code::kRangeOutside, "the length of a segment must be an integer from 0 to 2^53 - 1");
  }
  return bytes;
}

uint64_t BoundaryArgument(const Napi::CallbackInfo& info, size_t index) {
  const uint64_t boundary = CountArgument(info, index, "boundary");
  if (boundary == 0) return uint64_t{1} << 63;  // beyond every length
  if (!std::has_single_bit(boundary)) throw Failure(code::kRangeOutside, "boundary must be 0 or a power of two");
  return boundary;
}

Napi::Value WriteElements(Environment& environment, const Napi::CallbackInfo& info) {
  static_cast<void>(environment);
  const auto target = BytesArgument(info, 0, "target");
  const auto bus = BusArgument(info, 1, "bus");
  const auto lengths = LengthsArgument(info, 2, "lengths");
  uint64_t skipped = CountArgument(info, 3, "offset");
  uint64_t wanted = CountArgument(info, 4, "length");
  const uint64_t longest = BoundedArgument(info, 5, "longest", UINT32_MAX);
  if (longest == 0) throw Failure(code::kRangeOutside, "longest must be at least 1");
  const Limits limits = {.longest = longest, .boundary = BoundaryArgument(info, 6)};
  if (bus.size() != lengths.size()) throw Failure(code::kRangeOutside, "bus and lengths must have as many elements");

  ElementList list(target, limits);
  for (size_t index = 0; index < bus.size() && wanted > 0; ++index) {
    const uint64_t length = Bytes(lengths[index]);
    if (skipped >= length) {
      skipped -= length;
      continue;
    }
    const uint64_t taken = std::min(length - skipped, wanted);
    list.Add(bus[index] + skipped, taken);
    wanted -= taken;
    skipped = 0;
  }
  if (wanted > 0) throw Failure(code::kRangeOutside, "the segments end before the part does");
  return Napi::Number::New(info.Env(), static_cast<double>(list.Finish()));
}

}  // namespace

void ExportElementList(Environment& environment, Napi::Object& exports) {
  Export<WriteElements>(environment, exports, "writeElements");
}

}  // namespace probar
