// Frames in huge pages, and where they lie. The kernel maps a huge page in one piece only, but views need single
// frames: a dma-buf over the same pages (kernel: drivers/dma-buf/udmabuf.c) maps each frame by itself, and pins all.
#include "memory/huge_pages.h"

#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "core/arguments.h"
#include "core/guard.h"
#include "core/hex.h"
#include "memory/exports.h"

namespace probar {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;
constexpr const char* kUdmabuf = "/dev/udmabuf";

// include/uapi/linux/udmabuf.h
struct UdmabufCreate {
  uint32_t memfd;
  uint32_t flags;
  uint64_t offset;
  uint64_t size;
};
static_assert(sizeof(UdmabufCreate) == 24);
constexpr unsigned long kUdmabufCreate = _IOW('u', 0x42, UdmabufCreate);
constexpr uint32_t kUdmabufCloseOnExec = 1;

// include/uapi/linux/memfd.h: the size of a huge page as a power of two, in the upper bits of the flags.
constexpr unsigned int kHugeFile = 4U | (21U << 26);

Failure TooFewHugePages(uint64_t size, int error, const char* syscall) {
  const std::string pages = std::to_string(size / kHugePage);
  return SystemFailure(code::kOutOfMemory,
                       "no " + pages + " huge pages of 2 MiB are free; as root: echo " + pages +
                           " > /proc/sys/vm/nr_hugepages (more, if others use some)",
                       error, syscall);
}

Descriptor CreateFile(uint64_t size) {
  Descriptor file(memfd_create("probar", MFD_CLOEXEC | MFD_ALLOW_SEALING | kHugeFile));
  if (!file.open()) throw MappingFailure("this kernel has no memory of huge pages", errno, "memfd_create");
  if (ftruncate(file.number(), static_cast<off_t>(size)) != 0) {
    throw MappingFailure("memory for frames cannot have " + Hex(size) + " bytes", errno, "ftruncate");
  }
  // What is pinned must not be cut off.
  if (fcntl(file.number(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
    throw SystemFailure(code::kOsError, "the size of the memory cannot be sealed", errno, "fcntl F_ADD_SEALS");
  }
  return file;
}

// The same pages as a file that maps single frames.
Descriptor FramesOf(const Descriptor& memory, uint64_t size) {
  Descriptor maker(open(kUdmabuf, O_RDWR | O_CLOEXEC));
  if (!maker.open()) {
    const int error = errno;
    const bool denied = error == EACCES || error == EPERM;
    throw SystemFailure(denied ? code::kPermissionDenied : code::kCapabilityMissing,
                        std::string(kUdmabuf) + (denied ? " may not be opened: run as root"
                                                        : " is not there: the kernel needs CONFIG_UDMABUF"),
                        error, "open");
  }
  UdmabufCreate create = {
      .memfd = static_cast<uint32_t>(memory.number()), .flags = kUdmabufCloseOnExec, .offset = 0, .size = size};
  Descriptor frames(ioctl(maker.number(), kUdmabufCreate, &create));
  if (!frames.open()) {
    const int error = errno;
    throw SystemFailure(error == ENOMEM ? code::kOutOfMemory : code::kCapabilityMissing,
                        "the kernel makes no frames of huge pages (6.11 and later do; the limit of /sys/module/udmabuf "
                        "counts, too)",
                        error, "ioctl UDMABUF_CREATE");
  }
  return frames;
}

// The entries of the first page of each huge page, whose others follow it.
std::vector<uint64_t> ReadEntries(const Descriptor& pagemap, const Memory& memory) {
  std::vector<uint64_t> entries(memory.size() / kHugePage);
  for (size_t page = 0; page < entries.size(); ++page) {
    const auto position = static_cast<off_t>((memory.address() + page * kHugePage) / kPageSize * sizeof(uint64_t));
    if (pread(pagemap.number(), &entries[page], sizeof(uint64_t), position) != sizeof(uint64_t)) {
      throw SystemFailure(code::kOsError, "the kernel does not tell where a page lies", errno, "pread");
    }
  }
  return entries;
}

// Documentation/admin-guide/mm/pagemap.rst: bit 63 the page is there, bits 0 to 54 its number; 0 hides it.
uint64_t PageNumber(uint64_t entry) {
  const uint64_t number = entry & ((uint64_t{1} << 55) - 1);
  if (entry >> 63 == 0) throw Failure(code::kInternal, "a pinned page is not there");
  if (number == 0) {
    throw Failure(
        code::kPermissionDenied,
        "the kernel hides where pages lie: run as root (CAP_SYS_ADMIN), for noiommu needs physical addresses");
  }
  return number;
}

Napi::Value PhysicalFrames(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& memory = environment.Get<Memory>(HandleArgument(info, 0));
  if (!memory.huge()) {
    throw Failure(code::kCapabilityMissing, "only memory of huge pages stays where it is: create it so");
  }
  Descriptor pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap.open()) {
    throw SystemFailure(code::kPermissionDenied, "/proc/self/pagemap may not be read: run as root", errno, "open");
  }
  auto numbers = Napi::Float64Array::New(info.Env(), memory.frames());
  constexpr uint64_t kFrames = kHugePage / kPageSize;
  const std::vector<uint64_t> entries = ReadEntries(pagemap, memory);
  for (uint64_t frame = 0; frame < memory.frames(); ++frame) {
    numbers[frame] = static_cast<double>(PageNumber(entries[frame / kFrames]) + frame % kFrames);
  }
  return numbers;
}

}  // namespace

std::unique_ptr<Memory> CreateHugeMemory(uint64_t size) {
  if (size % kHugePage != 0) {
    throw Failure(code::kRangeOutside, Hex(size) + " bytes are no whole number of huge pages of 2 MiB");
  }
  const Descriptor file = CreateFile(size);
  void* home = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.number(), 0);
  if (home == MAP_FAILED) throw TooFewHugePages(size, errno, "mmap");
  Mapping mapped(reinterpret_cast<uintptr_t>(home), size);
  Descriptor frames = FramesOf(file, size);
  auto memory = std::make_unique<Memory>(std::move(frames), reinterpret_cast<uintptr_t>(home), size, true);
  mapped.Disown();
  return memory;
}

void ExportHugePages(Environment& environment, Napi::Object& exports) {
  Export<PhysicalFrames>(environment, exports, "physicalFrames");
}

}  // namespace probar
