// What each file of this folder offers to JavaScript.
#pragma once

#include <napi.h>

#include "core/environment.h"

namespace probar {

void ExportSingleAccesses(Environment& environment, Napi::Object& exports);
void ExportBlockAccesses(Environment& environment, Napi::Object& exports);
void ExportPrograms(Environment& environment, Napi::Object& exports);

}  // namespace probar
