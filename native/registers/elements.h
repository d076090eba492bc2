// The typed arrays of JavaScript whose elements are accesses.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>

namespace probar {

struct Elements {
  void* data;
  uint64_t count;
  // Bytes of one.
  size_t width;
};

// A Uint8Array, Uint16Array, Uint32Array or BigUint64Array; `closed` when its buffer was detached.
Elements ElementsArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// The words of a BigUint64Array; `closed` as above.
std::span<uint64_t> WordsArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

}  // namespace probar
