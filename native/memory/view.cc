// Views: scattered frames in one contiguous range of reserved space.
#include <sys/mman.h>

#include <span>
#include <vector>

#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/area.h"
#include "memory/exports.h"

namespace probar {
namespace {

// Frames that follow one another in the memory, and so are mapped by one call.
struct Run {
  uint64_t first;
  uint64_t count;
};

// Each element is read once: what was checked is what is mapped, even if another thread writes to the list.
std::vector<Run> RunsOf(std::span<const uint32_t> frames, uint64_t limit) {
  std::vector<Run> runs;
  for (size_t index = 0; index < frames.size(); ++index) {
    const uint64_t frame = *const_cast<const volatile uint32_t*>(&frames[index]);
    if (frame >= limit) {
      throw Failure(code::kRangeOutside, "frame " + std::to_string(frame) + " at index " + std::to_string(index) +
                                             " is not inside the memory of " + std::to_string(limit) + " frames");
    }
    if (!runs.empty() && frame == runs.back().first + runs.back().count) {
      ++runs.back().count;
    } else {
      runs.push_back({frame, 1});
    }
  }
  return runs;
}

void MapRuns(const std::vector<Run>& runs, int file, uintptr_t address, int protection) {
  for (const Run& run : runs) {
    const uint64_t length = run.count * kPageSize;
    const auto offset = static_cast<off_t>(run.first * kPageSize);
    void* place = reinterpret_cast<void*>(address);
    if (mmap(place, length, protection, MAP_SHARED | MAP_FIXED, file, offset) == MAP_FAILED) {
      throw MappingFailure("frames cannot be mapped at " + Hex(address), errno, "mmap");
    }
    address += length;
  }
}

Napi::Value MapFrames(Environment& environment, const Napi::CallbackInfo& info) {
  const uint64_t address = CountArgument(info, 0, "address");
  const auto& memory = environment.Get<Memory>(HandleArgument(info, 1));
  const auto frames = FramesArgument(info, 2, "frames");
  const int protection = ProtectionArgument(info, 3);
  if (frames.empty()) throw Failure(code::kRangeOutside, "a view needs at least one frame");
  const std::vector<Run> runs = RunsOf(frames, memory.frames());
  const uint64_t length = frames.size() * kPageSize;
  Reservation& reservation = FreePlace(environment, address, length);
  // From here on the view owns the place: when mapping fails midway, its end makes all of it reserved space again.
  auto view = std::make_unique<View>(Kind::kView, &reservation, address, length, protection);
  MapRuns(runs, memory.file(), address, protection);
  const Handle handle = environment.Add(std::move(view));
  reservation.Occupy(address, length, handle);
  return Napi::Number::New(info.Env(), handle);
}

}  // namespace

void ExportView(Environment& environment, Napi::Object& exports) {
  Export<MapFrames>(environment, exports, "mapFrames");
}

}  // namespace probar
