// The kinds of VFIO file and the calls that they share.
#pragma once

#include <sys/ioctl.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/descriptor.h"
#include "core/environment.h"
#include "vfio/uapi.h"

namespace probar {

class VfioFile : public Resource {
 public:
  static constexpr const char* kName = "VFIO file";
  static bool Includes(Kind kind) { return kind >= Kind::kContainer && kind <= Kind::kDevice; }

  VfioFile(Kind kind, Descriptor file) : Resource(kind), file_(std::make_shared<Descriptor>(std::move(file))) {}

  int number() const { return file_->number(); }
  // For those who need the file to outlive its handle.
  std::shared_ptr<Descriptor> Share() const { return file_; }

 private:
  std::shared_ptr<Descriptor> file_;
};

class Container final : public VfioFile {
 public:
  static constexpr const char* kName = "VFIO container";
  static bool Includes(Kind kind) { return kind == Kind::kContainer; }
  explicit Container(Descriptor file) : VfioFile(Kind::kContainer, std::move(file)) {}
};

class Group final : public VfioFile {
 public:
  static constexpr const char* kName = "VFIO group";
  static bool Includes(Kind kind) { return kind == Kind::kGroup; }
  explicit Group(Descriptor file) : VfioFile(Kind::kGroup, std::move(file)) {}
};

class Iommufd final : public VfioFile {
 public:
  static constexpr const char* kName = "iommufd";
  static bool Includes(Kind kind) { return kind == Kind::kIommufd; }
  explicit Iommufd(Descriptor file) : VfioFile(Kind::kIommufd, std::move(file)) {}
};

struct RegionDescription {
  uapi::RegionInfo info;
  // offset, size, offset, size, … of the parts that may be mapped, each inside the region.
  std::vector<uint64_t> mappable;
};

class DeviceFile final : public VfioFile {
 public:
  static constexpr const char* kName = "VFIO device";
  static bool Includes(Kind kind) { return kind == Kind::kDevice; }
  explicit DeviceFile(Descriptor file) : VfioFile(Kind::kDevice, std::move(file)) {}

  // What the kernel says of a region; asked once, for it does not change. Throws `region-absent`.
  const RegionDescription& Region(uint32_t index);

 private:
  std::map<uint32_t, RegionDescription> regions_;
};

// Opens for reading and writing. Throws `iommu-unavailable` with `absent` as the advice when the file is not there.
Descriptor OpenFile(const std::string& path, const std::string& absent);

Napi::Value ToBigArray(Napi::Env env, const std::vector<uint64_t>& words);

// An answer of variable length: asks with the fixed part, then again with as much room as the kernel wants.
// Returns an empty vector when the call fails; errno tells why.
template <typename Struct>
std::vector<std::byte> AskAll(int file, unsigned long request, Struct question) {
  constexpr uint32_t kLongest = 1 << 16;
  question.argsz = sizeof(Struct);
  std::vector<std::byte> answer(sizeof(Struct));
  for (int round = 0; round < 2; ++round) {
    std::memcpy(answer.data(), &question, sizeof(Struct));
    if (ioctl(file, request, answer.data()) != 0) return {};
    uint32_t wanted = 0;
    std::memcpy(&wanted, answer.data(), sizeof wanted);
    if (wanted <= answer.size() || wanted > kLongest) break;
    question.argsz = wanted;
    answer.assign(wanted, std::byte{0});
  }
  return answer;
}

}  // namespace probar
