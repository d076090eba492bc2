// Runs register programs: on what is mapped, under one fault guard, or by pread and pwrite.
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/arguments.h"
#include "core/guard.h"
#include "memory/access.h"
#include "registers/elements.h"
#include "registers/exports.h"
#include "registers/program.h"
#include "registers/word.h"
#include "vfio/region.h"

namespace probar {
namespace {

// Words of the report before the values (src/native/register-surface.ts).
enum Report : size_t { kStatus, kStep, kValues, kLast, kErrno, kHeader };
enum Status : uint64_t { kDone, kMissed, kVanished, kForbidden, kFailed };

struct MappedPort {
  uint8_t* base;

  uint64_t Load(uint64_t offset, uint8_t width) const {
    const uint8_t* place = base + offset;
    switch (width) {
      case 1:
        return LoadWord<uint8_t>(place);
      case 2:
        return LoadWord<uint16_t>(place);
      case 4:
        return LoadWord<uint32_t>(place);
      default:
        return LoadWord<uint64_t>(place);
    }
  }

  void Store(uint64_t offset, uint8_t width, uint64_t value) const {
    uint8_t* place = base + offset;
    switch (width) {
      case 1:
        return StoreWord(place, static_cast<uint8_t>(value));
      case 2:
        return StoreWord(place, static_cast<uint16_t>(value));
      case 4:
        return StoreWord(place, static_cast<uint32_t>(value));
      default:
        return StoreWord(place, value);
    }
  }

  void Fence() const {
#if defined(__x86_64__)
    // Also what is combined in write buffers leaves them, which a fence of the memory model does not ask for.
    __asm__ volatile("mfence" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("dsb sy" ::: "memory");
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }
};

struct FilePort {
  int file;
  uint64_t start;

  struct Refused {
    int error;
  };

  uint64_t Load(uint64_t offset, uint8_t width) const {
    uint64_t value = 0;
    Require(pread(file, &value, width, static_cast<off_t>(start + offset)), width);
    return value;
  }

  void Store(uint64_t offset, uint8_t width, uint64_t value) const {
    Require(pwrite(file, &value, width, static_cast<off_t>(start + offset)), width);
  }

  // The kernel's accessors are ordered, and a call ends when its access was made.
  void Fence() const {}

  static void Require(ssize_t count, uint8_t width) {
    if (count != width) throw Refused{count < 0 ? errno : EIO};
  }
};

struct Program {
  std::vector<Step> steps;
  std::vector<uint64_t> values;
  std::span<uint64_t> report;
};

Program ProgramArguments(const Napi::CallbackInfo& info, size_t first, const ProgramBounds& bounds) {
  Program program = {DecodeProgram(WordsArgument(info, first, "words"), bounds), {}, {}};
  const auto reading =
      std::count_if(program.steps.begin(), program.steps.end(), [](auto& step) { return step.Reads(); });
  program.values.resize(static_cast<size_t>(reading));
  program.report = WordsArgument(info, first + 1, "report");
  if (program.report.size() != kHeader + program.values.size()) {
    throw Failure(code::kRangeOutside, "the report has " + std::to_string(program.report.size()) + " words, not " +
                                           std::to_string(kHeader + program.values.size()));
  }
  return program;
}

void FillReport(const Program& program, const Progress& progress, uint64_t status, int error) {
  const uint64_t count = progress.values;
  program.report[kStatus] = status;
  program.report[kStep] = progress.step;
  program.report[kValues] = count;
  program.report[kLast] = progress.last;
  program.report[kErrno] = static_cast<uint64_t>(error);
  std::copy_n(program.values.begin(), count, program.report.begin() + kHeader);
}

Napi::Value RunProgram(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& area = environment.Get<Area>(HandleArgument(info, 0));
  Program program = ProgramArguments(info, 1, {area.size(), sizeof(uint64_t)});
  MappedPort port = {reinterpret_cast<uint8_t*>(area.address())};
  Progress progress;
  volatile bool met = true;
  Landing place;
  const bool whole = Attempt(place, [&] { met = Execute(program.steps, port, program.values.data(), progress); });
  const uint64_t status = !whole ? (place.signal == SIGBUS ? kVanished : kForbidden) : met ? kDone : kMissed;
  FillReport(program, progress, status, 0);
  return info.Env().Undefined();
}

Napi::Value RunRegionProgram(Environment& environment, const Napi::CallbackInfo& info) {
  auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const RegionDescription& region = RegionArgument(device, info);
  // I/O ports have no access of 8 bytes, and for memory it depends on the kernel whether it makes one or two of them.
  Program program = ProgramArguments(info, 2, {region.info.size, sizeof(uint32_t)});
  FilePort port = {device.number(), region.info.offset};
  Progress progress;
  try {
    const bool met = Execute(program.steps, port, program.values.data(), progress);
    FillReport(program, progress, met ? kDone : kMissed, 0);
  } catch (const FilePort::Refused& refused) {
    FillReport(program, progress, kFailed, refused.error);
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportPrograms(Environment& environment, Napi::Object& exports) {
  Export<RunProgram>(environment, exports, "runProgram");
  Export<RunRegionProgram>(environment, exports, "runRegionProgram");
}

}  // namespace probar
