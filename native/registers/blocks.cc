// Blocks of registers: many accesses of one width in one crossing, at one offset after the other or all at the same
// one.
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/access.h"
#include "registers/elements.h"
#include "registers/exports.h"
#include "registers/word.h"
#include "vfio/region.h"

namespace probar {
namespace {

bool FlagArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsBoolean()) {
    throw Failure(code::kInternal, "argument " + std::to_string(index + 1) + " (" + name + ") must be true or false");
  }
  return info[index].As<Napi::Boolean>().Value();
}

// Bytes that the block spans, and no more than there can be: the caller compares them with what is there.
uint64_t SpanOf(const Elements& elements, bool fixed) {
  if (elements.count == 0) return 0;
  return fixed ? elements.width : elements.count * elements.width;
}

void RequireAligned(uint64_t offset, size_t width) {
  if (offset % width == 0) return;
  throw Failure(code::kRegionMisaligned,
                "offset " + Hex(offset) + " is not a multiple of the access width of " + std::to_string(width));
}

// After a fault the elements before it are in memory: none is put off past the access that follows it.
template <typename Word>
void LoadAll(const uint8_t* place, size_t step, Word* into, uint64_t count) {
  for (uint64_t index = 0; index < count; ++index, place += step) {
    into[index] = LoadWord<Word>(place);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
}

template <typename Word>
void StoreAll(uint8_t* place, size_t step, const Word* from, uint64_t count) {
  for (uint64_t index = 0; index < count; ++index, place += step) StoreWord<Word>(place, from[index]);
}

// Calls `act` with the elements as what they are.
template <typename Act>
void WithWords(const Elements& elements, Act act) {
  switch (elements.width) {
    case 1:
      return act(static_cast<uint8_t*>(elements.data));
    case 2:
      return act(static_cast<uint16_t*>(elements.data));
    case 4:
      return act(static_cast<uint32_t*>(elements.data));
    default:
      return act(static_cast<uint64_t*>(elements.data));
  }
}

template <bool stores>
Napi::Value MappedBlock(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& area = environment.Get<Area>(HandleArgument(info, 0));
  const uint64_t offset = CountArgument(info, 1, "offset");
  const Elements elements = ElementsArgument(info, 2, "elements");
  const bool fixed = FlagArgument(info, 3, "fixed");
  uint8_t* place = Locate(area, offset, SpanOf(elements, fixed));
  RequireAligned(offset, elements.width);
  const size_t step = fixed ? 0 : elements.width;
  WithWords(elements, [&](auto* words) {
    if constexpr (stores) {
      Perform(area, "a store", [=] { StoreAll(place, step, words, elements.count); });
    } else {
      Perform(area, "a load", [=] { LoadAll(place, step, words, elements.count); });
    }
  });
  return info.Env().Undefined();
}

template <bool stores>
Napi::Value FileBlock(Environment& environment, const Napi::CallbackInfo& info) {
  auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const RegionDescription& region = RegionArgument(device, info);
  const uint64_t offset = CountArgument(info, 2, "offset");
  const Elements elements = ElementsArgument(info, 3, "elements");
  const bool fixed = FlagArgument(info, 4, "fixed");
  if (elements.width > sizeof(uint32_t)) {
    throw Failure(code::kRegisterWidth, "8 bytes are no single access here: use elements of 4 bytes");
  }
  RequireInside(region, offset, SpanOf(elements, fixed));
  RequireAligned(offset, elements.width);
  auto* data = static_cast<uint8_t*>(elements.data);
  for (uint64_t index = 0; index < elements.count; ++index) {
    const auto position = static_cast<off_t>(region.info.offset + offset + (fixed ? 0 : index * elements.width));
    uint8_t* element = data + index * elements.width;
    const ssize_t count = stores ? pwrite(device.number(), element, elements.width, position)
                                 : pread(device.number(), element, elements.width, position);
    if (count != static_cast<ssize_t>(elements.width)) ThrowTransfer(count, stores ? "pwrite" : "pread");
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportBlockAccesses(Environment& environment, Napi::Object& exports) {
  Export<MappedBlock<false>>(environment, exports, "loadBlock");
  Export<MappedBlock<true>>(environment, exports, "storeBlock");
  Export<FileBlock<false>>(environment, exports, "readRegionBlock");
  Export<FileBlock<true>>(environment, exports, "writeRegionBlock");
}

}  // namespace probar
