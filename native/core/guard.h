// The export guard: the one way from JavaScript into native code. Whatever a body throws becomes a JavaScript error
// with a code, so no exception ever reaches Node.
#pragma once

#include <napi.h>

#include <new>

#include "core/environment.h"

namespace probar {

using Body = Napi::Value (*)(Environment& environment, const Napi::CallbackInfo& info);

template <Body body>
Napi::Value Guard(const Napi::CallbackInfo& info) {
  Environment& environment = *static_cast<Environment*>(info.Data());
  try {
    return body(environment, info);
  } catch (const Napi::Error&) {
    throw;  // already a JavaScript error
  } catch (const Failure& failure) {
    throw environment.MakeError(info.Env(), failure);
  } catch (const std::bad_alloc&) {
    throw environment.MakeError(info.Env(), {code::kOutOfMemory, "native code ran out of memory"});
  } catch (const std::exception& exception) {
    throw environment.MakeError(info.Env(), {code::kInternal, exception.what()});
  } catch (...) {
    throw environment.MakeError(info.Env(), {code::kInternal, "native code threw an unknown exception"});
  }
}

// Offers `body` to JavaScript under `name`.
template <Body body>
void Export(Environment& environment, Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<Guard<body>>(exports.Env(), name, &environment));
}

}  // namespace probar
