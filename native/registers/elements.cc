#include "registers/elements.h"

#include <string>

#include "core/errors.h"

namespace probar {
namespace {

size_t WidthOf(napi_typedarray_type type) {
  switch (type) {
    case napi_uint8_array:
      return 1;
    case napi_uint16_array:
      return 2;
    case napi_uint32_array:
      return 4;
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

Elements ElementsArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  const bool known =
      napi_get_typedarray_info(info.Env(), info[index], &type, &length, &data, &buffer, nullptr) == napi_ok;
  const size_t width = known ? WidthOf(type) : 0;
  if (width == 0) {
    throw Failure(code::kInternal, "argument " + std::to_string(index + 1) + " (" + name +
                                       ") must be a Uint8Array, Uint16Array, Uint32Array or BigUint64Array");
  }
  bool detached = false;
  if (length == 0 && napi_is_detached_arraybuffer(info.Env(), buffer, &detached) == napi_ok && detached) {
    throw Failure(code::kClosed, std::string("the buffer of ") + name + " was detached: its area was released");
  }
  return {data, length, width};
}

std::span<uint64_t> WordsArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Elements elements = ElementsArgument(info, index, name);
  if (elements.width != sizeof(uint64_t)) {
    throw Failure(code::kInternal,
                  "argument " + std::to_string(index + 1) + " (" + name + ") must be a BigUint64Array");
  }
  return {static_cast<uint64_t*>(elements.data), elements.count};
}

}  // namespace probar
