// What each file of this folder offers to JavaScript.
#pragma once

#include <napi.h>

#include "core/environment.h"

namespace probar {

void ExportMemory(Environment& environment, Napi::Object& exports);
void ExportHugePages(Environment& environment, Napi::Object& exports);
void ExportReservation(Environment& environment, Napi::Object& exports);
void ExportView(Environment& environment, Napi::Object& exports);
void ExportBlocks(Environment& environment, Napi::Object& exports);
void ExportBytes(Environment& environment, Napi::Object& exports);

}  // namespace probar
