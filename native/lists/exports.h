// What each file of this folder offers to JavaScript.
#pragma once

#include <napi.h>

#include "core/environment.h"

namespace probar {

void ExportElementList(Environment& environment, Napi::Object& exports);

}  // namespace probar
