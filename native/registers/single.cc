// One load or store of exactly one width: what a register needs, and the hot path.
#include <limits>

#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/access.h"
#include "registers/exports.h"
#include "registers/word.h"

namespace probar {
namespace {

template <typename Word>
uint8_t* LocateWord(const Area& area, const Napi::CallbackInfo& info) {
  const uint64_t offset = CountArgument(info, 1, "offset");
  uint8_t* place = Locate(area, offset, sizeof(Word));
  if (offset % sizeof(Word) != 0) [[unlikely]] {
    throw Failure(code::kRegionMisaligned, "offset " + Hex(offset) + " is not a multiple of the access width of " +
                                               std::to_string(sizeof(Word)));
  }
  return place;
}

template <typename Word>
Napi::Value Load(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& area = environment.Get<Area>(HandleArgument(info, 0));
  const uint8_t* place = LocateWord<Word>(area, info);
  Word value = 0;
  Perform(area, "a load", [&] { value = LoadWord<Word>(place); });
  if constexpr (sizeof(Word) == 8) {
    return Napi::BigInt::New(info.Env(), value);
  } else {
    return Napi::Number::New(info.Env(), value);
  }
}

template <typename Word>
Napi::Value Store(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& area = environment.Get<Area>(HandleArgument(info, 0));
  uint8_t* place = LocateWord<Word>(area, info);
  uint64_t value = 0;
  if constexpr (sizeof(Word) == 8) {
    value = WideArgument(info, 2, "value");
  } else {
    value = BoundedArgument(info, 2, "value", std::numeric_limits<Word>::max());
  }
  Perform(area, "a store", [&] { StoreWord<Word>(place, static_cast<Word>(value)); });
  return info.Env().Undefined();
}

}  // namespace

void ExportSingleAccesses(Environment& environment, Napi::Object& exports) {
  Export<Load<uint8_t>>(environment, exports, "load8");
  Export<Load<uint16_t>>(environment, exports, "load16");
  Export<Load<uint32_t>>(environment, exports, "load32");
  Export<Load<uint64_t>>(environment, exports, "load64");
  Export<Store<uint8_t>>(environment, exports, "store8");
  Export<Store<uint16_t>>(environment, exports, "store16");
  Export<Store<uint32_t>>(environment, exports, "store32");
  Export<Store<uint64_t>>(environment, exports, "store64");
}

}  // namespace probar
