// What this folder offers to JavaScript.
#pragma once

#include <napi.h>

#include "core/environment.h"

namespace probar {

void ExportIommufd(Environment& environment, Napi::Object& exports);
void ExportIoas(Environment& environment, Napi::Object& exports);

}  // namespace probar
