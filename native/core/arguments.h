// Arguments from JavaScript, checked. A wrong type or a missing argument is `internal`: only Probar's own code calls
// these functions. A number of the right type but of no use is `range-outside`.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

#include "core/environment.h"

namespace probar {

// A number that names a resource.
Handle HandleArgument(const Napi::CallbackInfo& info, size_t index);

// An integer from 0 to 2^53 - 1.
uint64_t CountArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// An integer from 0 to `last`.
uint64_t BoundedArgument(const Napi::CallbackInfo& info, size_t index, const char* name, uint64_t last);

// A bigint from 0 to 2^64 - 1.
uint64_t WideArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// The bytes of a Uint8Array; `closed` when its buffer was detached, for then it would pass for an empty one.
std::span<uint8_t> BytesArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// The elements of a Uint32Array; `closed` as above.
std::span<const uint32_t> FramesArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// The elements of a BigUint64Array, and of a Float64Array; `closed` as above.
std::span<const uint64_t> BusArgument(const Napi::CallbackInfo& info, size_t index, const char* name);
std::span<const double> LengthsArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// A string without NUL of at most 4095 bytes.
std::string TextArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

}  // namespace probar
