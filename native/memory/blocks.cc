// Checked operations on blocks of memory. A BAR has none: a library copy chooses its own widths.
#include <algorithm>
#include <cstring>

#include "core/arguments.h"
#include "core/guard.h"
#include "memory/access.h"
#include "memory/exports.h"

namespace probar {
namespace {

const Area& BlockArgument(Environment& environment, const Napi::CallbackInfo& info, size_t index) {
  const auto& area = environment.Get<Area>(HandleArgument(info, index));
  if (area.IsRegion()) {
    throw Failure(code::kRegisterWidth,
                  "a mapped BAR has no block access, whose widths nobody chooses: use load8 to load64 and store8 to "
                  "store64, each one access of the stated width");
  }
  return area;
}

// An array that JavaScript cannot get ends the process when native code asks for it directly. So a large one is asked
// for the way a script would, where its absence is an exception.
Napi::Uint8Array NewBytes(Napi::Env env, uint64_t length) {
  constexpr uint64_t kSurelyAvailable = 1 << 20;
  if (length <= kSurelyAvailable) return Napi::Uint8Array::New(env, length);
  try {
    const auto constructor = env.Global().Get("Uint8Array").As<Napi::Function>();
    return constructor.New({Napi::Number::New(env, static_cast<double>(length))}).As<Napi::Uint8Array>();
  } catch (const Napi::Error& error) {
    throw Failure(code::kOutOfMemory, "JavaScript has no array of " + std::to_string(length) +
                                          " bytes: read less at once (" + error.Message() + ")");
  }
}

Napi::Value Read(Environment& environment, const Napi::CallbackInfo& info) {
  const Area& area = BlockArgument(environment, info, 0);
  const uint64_t offset = CountArgument(info, 1, "offset");
  const uint64_t length = CountArgument(info, 2, "length");
  const uint8_t* source = Locate(area, offset, length);
  Napi::Uint8Array copy = NewBytes(info.Env(), length);
  uint8_t* target = copy.Data();
  if (length > 0) Perform(area, "a read", [=] { std::memcpy(target, source, length); });
  return copy;
}

Napi::Value Write(Environment& environment, const Napi::CallbackInfo& info) {
  const Area& area = BlockArgument(environment, info, 0);
  const uint64_t offset = CountArgument(info, 1, "offset");
  const auto source = BytesArgument(info, 2, "source");
  uint8_t* target = Locate(area, offset, source.size());
  // The source may be JavaScript's view of the same frames.
  if (!source.empty()) Perform(area, "a write", [=] { std::memmove(target, source.data(), source.size()); });
  return info.Env().Undefined();
}

Napi::Value Fill(Environment& environment, const Napi::CallbackInfo& info) {
  const Area& area = BlockArgument(environment, info, 0);
  const uint64_t offset = CountArgument(info, 1, "offset");
  const uint64_t length = CountArgument(info, 2, "length");
  const auto byte = static_cast<int>(BoundedArgument(info, 3, "byte", UINT8_MAX));
  uint8_t* target = Locate(area, offset, length);
  Perform(area, "a fill", [=] { std::memset(target, byte, length); });
  return info.Env().Undefined();
}

// Scattered pages in one call: clearing a gigabyte of them must not take a quarter million crossings.
Napi::Value FillPages(Environment& environment, const Napi::CallbackInfo& info) {
  const Area& area = BlockArgument(environment, info, 0);
  const auto pages = FramesArgument(info, 1, "pages");
  const auto byte = static_cast<int>(BoundedArgument(info, 2, "byte", UINT8_MAX));
  // Whatever another thread makes of the list, no page outside is written: each element is read once.
  for (size_t index = 0; index < pages.size(); ++index) {
    const uint64_t page = *const_cast<const volatile uint32_t*>(&pages[index]);
    uint8_t* target = Locate(area, page * kPageSize, kPageSize);
    Perform(area, "a fill", [=] { std::memset(target, byte, kPageSize); });
  }
  return info.Env().Undefined();
}

// The index of the first byte that differs, or `length`. Pages that are equal are skipped by the library's comparison.
uint64_t FirstDifference(const uint8_t* left, const uint8_t* right, uint64_t length) {
  for (uint64_t start = 0; start < length; start += kPageSize) {
    const uint64_t count = std::min(kPageSize, length - start);
    if (std::memcmp(left + start, right + start, count) == 0) continue;
    for (uint64_t index = start; index < start + count; ++index) {
      if (left[index] != right[index]) return index;
    }
  }
  return length;
}

Napi::Value Compare(Environment& environment, const Napi::CallbackInfo& info) {
  const Area& area = BlockArgument(environment, info, 0);
  const uint64_t offset = CountArgument(info, 1, "offset");
  const auto expected = BytesArgument(info, 2, "expected");
  const uint8_t* found = Locate(area, offset, expected.size());
  uint64_t index = 0;
  Perform(area, "a compare", [&] { index = FirstDifference(found, expected.data(), expected.size()); });
  return Napi::Number::New(info.Env(), index == expected.size() ? -1 : static_cast<double>(index));
}

Napi::Value Copy(Environment& environment, const Napi::CallbackInfo& info) {
  const Area& to = BlockArgument(environment, info, 0);
  const uint64_t to_offset = CountArgument(info, 1, "toOffset");
  const Area& from = BlockArgument(environment, info, 2);
  const uint64_t from_offset = CountArgument(info, 3, "fromOffset");
  const uint64_t length = CountArgument(info, 4, "length");
  uint8_t* target = Locate(to, to_offset, length);
  const uint8_t* source = Locate(from, from_offset, length);
  Perform(to, "a copy", [=] { std::memmove(target, source, length); });
  return info.Env().Undefined();
}

}  // namespace

void ExportBlocks(Environment& environment, Napi::Object& exports) {
  Export<Read>(environment, exports, "read");
  Export<Write>(environment, exports, "write");
  Export<Fill>(environment, exports, "fill");
  Export<FillPages>(environment, exports, "fillPages");
  Export<Compare>(environment, exports, "compare");
  Export<Copy>(environment, exports, "copy");
}

}  // namespace probar
