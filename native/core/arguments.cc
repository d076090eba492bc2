#include "core/arguments.h"

#include <climits>
#include <cmath>
#include <cstdio>

namespace probar {
namespace {

constexpr uint64_t kSafeInteger = 9007199254740991;

[[noreturn]] void ThrowWrongType(size_t index, const char* name, const char* wanted) {
  throw Failure(code::kInternal, "argument " + std::to_string(index + 1) + " (" + name + ") must be a " + wanted);
}

[[noreturn]] void ThrowOutside(const char* name, double value, uint64_t last) {
  char text[32] = "NaN";
  if (!std::isnan(value)) std::snprintf(text, sizeof text, "%.17g", value);
  throw Failure(code::kRangeOutside,
                std::string(name) + " is " + text + ", but must be an integer from 0 to " + std::to_string(last));
}

double NumberArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  double value = 0;
  if (napi_get_value_double(info.Env(), info[index], &value) != napi_ok) ThrowWrongType(index, name, "number");
  return value;
}

// The data of a typed array of exactly the wanted type.
template <typename Element>
std::span<Element> ElementsArgument(const Napi::CallbackInfo& info, size_t index, const char* name,
                                    napi_typedarray_type wanted, const char* type_name) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_get_typedarray_info(info.Env(), info[index], &type, &length, &data, &buffer, nullptr) != napi_ok ||
      type != wanted) {
    ThrowWrongType(index, name, type_name);
  }
  bool detached = false;
  if (length == 0 && napi_is_detached_arraybuffer(info.Env(), buffer, &detached) == napi_ok && detached) {
    throw Failure(code::kClosed, std::string("the buffer of ") + name + " was detached: its area was released");
  }
  return {static_cast<Element*>(data), length};
}

}  // namespace

Handle HandleArgument(const Napi::CallbackInfo& info, size_t index) {
  const double value = NumberArgument(info, index, "handle");
  const auto handle = value >= 1 && value <= UINT32_MAX ? static_cast<Handle>(value) : 0;
  if (handle != value) throw Failure(code::kClosed, "that number names no open handle");
  return handle;
}

uint64_t BoundedArgument(const Napi::CallbackInfo& info, size_t index, const char* name, uint64_t last) {
  const double value = NumberArgument(info, index, name);
  // The comparison is false for NaN; 2^53 is the first double that may stand for two integers.
  if (!(value >= 0 && value <= static_cast<double>(last)) || value != std::floor(value)) [[unlikely]] {
    ThrowOutside(name, value, last);
  }
  return static_cast<uint64_t>(value);
}

uint64_t CountArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return BoundedArgument(info, index, name, kSafeInteger);
}

uint64_t WideArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  uint64_t value = 0;
  bool lossless = false;
  if (napi_get_value_bigint_uint64(info.Env(), info[index], &value, &lossless) != napi_ok) {
    ThrowWrongType(index, name, "bigint");
  }
  if (!lossless) throw Failure(code::kRangeOutside, std::string(name) + " does not fit 64 unsigned bits");
  return value;
}

std::span<uint8_t> BytesArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return ElementsArgument<uint8_t>(info, index, name, napi_uint8_array, "Uint8Array");
}

std::span<const uint32_t> FramesArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return ElementsArgument<const uint32_t>(info, index, name, napi_uint32_array, "Uint32Array");
}

std::span<const uint64_t> BusArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return ElementsArgument<const uint64_t>(info, index, name, napi_biguint64_array, "BigUint64Array");
}

std::span<const double> LengthsArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return ElementsArgument<const double>(info, index, name, napi_float64_array, "Float64Array");
}

std::string TextArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsString()) ThrowWrongType(index, name, "string");
  std::string text = info[index].As<Napi::String>().Utf8Value();
  if (text.size() >= PATH_MAX || text.find('\0') != std::string::npos) {
    throw Failure(code::kRangeOutside, std::string(name) + " is too long or contains a NUL");
  }
  return text;
}

}  // namespace probar
