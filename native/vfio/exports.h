// What this folder offers to JavaScript.
#pragma once

#include <napi.h>

#include "core/environment.h"

namespace probar {

void ExportVfio(Environment& environment, Napi::Object& exports);
void ExportContainer(Environment& environment, Napi::Object& exports);
void ExportDma(Environment& environment, Napi::Object& exports);
void ExportDevice(Environment& environment, Napi::Object& exports);
void ExportRegion(Environment& environment, Napi::Object& exports);
void ExportInterrupts(Environment& environment, Napi::Object& exports);

}  // namespace probar
