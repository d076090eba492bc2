// Interrupts as JavaScript calls: the kernel signals an eventfd, a thread waits on it, and a thread-safe function
// carries the count to the environment's own thread.
#include <atomic>
#include <cstring>

#include "core/arguments.h"
#include "core/guard.h"
#include "vfio/eventfd_watcher.h"
#include "vfio/exports.h"
#include "vfio/files.h"

namespace probar {
namespace {

// What a call of VFIO_DEVICE_SET_IRQS came to. It may also say how many vectors could be had, when they are too few:
// then nothing is armed, and no errno tells so (kernel: vfio_msi_enable).
struct IrqOutcome {
  int error;
  int possible;

  bool ok() const { return error == 0 && possible == 0; }
};

// One call of VFIO_DEVICE_SET_IRQS; `events` follow the structure when the flags say so.
IrqOutcome SetIrqs(int device, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
                   const std::vector<Descriptor>* events = nullptr) {
  const size_t size = sizeof(uapi::IrqSet) + (events == nullptr ? 0 : events->size() * sizeof(int32_t));
  const uapi::IrqSet head = {
      .argsz = static_cast<uint32_t>(size), .flags = flags, .index = index, .start = start, .count = count};
  std::vector<std::byte> request(size);
  std::memcpy(request.data(), &head, sizeof head);
  for (size_t i = 0; events != nullptr && i < events->size(); ++i) {
    const int32_t number = (*events)[i].number();
    std::memcpy(request.data() + sizeof head + i * sizeof number, &number, sizeof number);
  }
  const int answer = ioctl(device, uapi::kDeviceSetIrqs, request.data());
  return {answer < 0 ? errno : 0, answer > 0 ? answer : 0};
}

// What the waiting thread and the environment share. It may outlive the set that JavaScript disarms, by calls that are
// still on their way; so it must not hold the device, which somebody may be waiting for.
struct Delivery {
  explicit Delivery(uint32_t vectors) : pending(vectors) {}

  std::atomic<bool> armed = true;
  // Interrupts that JavaScript has not been told of. At most one call a vector is under way, however many fire.
  std::vector<std::atomic<uint64_t>> pending;
};

struct Vector {
  std::shared_ptr<Delivery> delivery;
  uint32_t number;
};

// Runs on the environment's thread; without an environment when it is ending.
void Notify(Napi::Env env, Napi::Function notify, std::nullptr_t*, Vector* data) {
  const std::unique_ptr<Vector> vector(data);
  Delivery& delivery = *vector->delivery;
  const uint64_t fired = delivery.pending[vector->number].exchange(0);
  if (env == nullptr || notify.IsEmpty() || !delivery.armed) return;
  try {
    notify.Call({Napi::Number::New(env, vector->number), Napi::Number::New(env, static_cast<double>(fired))});
  } catch (const Napi::Error& error) {
    // Node only warns of an exception that leaves a thread-safe function; this makes it an uncaught one.
    napi_fatal_exception(env, error.Value());
  }
}

using Notifier = Napi::TypedThreadSafeFunction<std::nullptr_t, Vector, Notify>;

// A thread-safe function that does not keep the process alive and is given back when this ends.
class ScopedNotifier {
 public:
  ScopedNotifier(Napi::Env env, const Napi::Function& notify)
      : function_(Notifier::New(env, notify, "probar interrupts", 0, 1, nullptr)) {
    function_.Unref(env);
  }
  ScopedNotifier(const ScopedNotifier&) = delete;
  ScopedNotifier& operator=(const ScopedNotifier&) = delete;
  ~ScopedNotifier() { function_.Release(); }

  bool Call(Vector* vector) const { return function_.NonBlockingCall(vector) == napi_ok; }

 private:
  Notifier function_;
};

class InterruptSet final : public Resource {
 public:
  static constexpr const char* kName = "interrupt set";
  static bool Includes(Kind kind) { return kind == Kind::kInterrupts; }

  InterruptSet(std::shared_ptr<Descriptor> device, uint32_t index, uint32_t vectors, Napi::Env env,
               const Napi::Function& notify)
      : Resource(Kind::kInterrupts),
        device_(std::move(device)),
        index_(index),
        delivery_(std::make_shared<Delivery>(vectors)),
        notifier_(env, notify),
        watcher_(static_cast<uint32_t>(delivery_->pending.size()),
                 [this](uint32_t vector, uint64_t count) { Deliver(vector, count); }) {}

  // The kernel is told first. Then the members end, the last first: the thread is joined before its function goes.
  ~InterruptSet() override {
    delivery_->armed = false;
    if (routed_) SetIrqs(device(), uapi::kIrqDataNone | uapi::kIrqActionTrigger, index_, 0, 0);
  }

  // Makes the kernel signal the eventfds. Throws `interrupt-unavailable` or `device-busy`.
  void Route();
  // Makes the kernel signal one of them as if the device had, mask it or unmask it. Throws `interrupt-unavailable`.
  void Act(uint32_t action, uint32_t vector, const char* what) const;
  uint32_t vectors() const { return static_cast<uint32_t>(delivery_->pending.size()); }

 private:
  int device() const { return device_->number(); }
  void Deliver(uint32_t vector, uint64_t count) const;

  std::shared_ptr<Descriptor> device_;
  uint32_t index_;
  std::shared_ptr<Delivery> delivery_;
  ScopedNotifier notifier_;
  EventfdWatcher watcher_;
  bool routed_ = false;
};

void InterruptSet::Deliver(uint32_t vector, uint64_t count) const {
  if (delivery_->pending[vector].fetch_add(count) != 0) return;
  auto call = std::make_unique<Vector>(Vector{delivery_, vector});
  // It is refused only when the environment is ending, and then nobody wants to know.
  if (notifier_.Call(call.get())) static_cast<void>(call.release());
}

void InterruptSet::Route() {
  const IrqOutcome outcome =
      SetIrqs(device(), uapi::kIrqDataEventfd | uapi::kIrqActionTrigger, index_, 0, vectors(), &watcher_.events());
  const std::string wanted = std::to_string(vectors());
  if (outcome.possible > 0) {
    throw Failure(code::kInterruptUnavailable, "the kernel can give " + std::to_string(outcome.possible) +
                                                   " interrupts of index " + std::to_string(index_) + ", not " +
                                                   wanted + ": ask for that many");
  }
  if (outcome.error != 0) {
    throw SystemFailure(outcome.error == EBUSY ? code::kDeviceBusy : code::kInterruptUnavailable,
                        "the device cannot have " + wanted + " interrupts of index " + std::to_string(index_) +
                            ": disarm another kind first, or ask for fewer",
                        outcome.error, "ioctl VFIO_DEVICE_SET_IRQS");
  }
  routed_ = true;
}

void InterruptSet::Act(uint32_t action, uint32_t vector, const char* what) const {
  const IrqOutcome outcome = SetIrqs(device(), uapi::kIrqDataNone | action, index_, vector, 1);
  if (!outcome.ok()) {
    throw SystemFailure(code::kInterruptUnavailable, "vector " + std::to_string(vector) + " cannot be " + what,
                        outcome.error, "ioctl VFIO_DEVICE_SET_IRQS");
  }
}

uapi::IrqInfo AskIrqInfo(const DeviceFile& device, uint32_t index) {
  uapi::IrqInfo answer = {.argsz = sizeof answer, .flags = 0, .index = index, .count = 0};
  if (ioctl(device.number(), uapi::kDeviceGetIrqInfo, &answer) != 0) {
    throw SystemFailure(code::kInterruptUnavailable, "the device has no interrupts of index " + std::to_string(index),
                        errno, "ioctl VFIO_DEVICE_GET_IRQ_INFO");
  }
  return answer;
}

Napi::Value InterruptInfo(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const uapi::IrqInfo answer = AskIrqInfo(device, static_cast<uint32_t>(BoundedArgument(info, 1, "index", UINT32_MAX)));
  auto result = Napi::Object::New(info.Env());
  result.Set("flags", Napi::Number::New(info.Env(), answer.flags));
  result.Set("count", Napi::Number::New(info.Env(), answer.count));
  return result;
}

Napi::Value ArmInterrupts(Environment& environment, const Napi::CallbackInfo& info) {
  const auto& device = environment.Get<DeviceFile>(HandleArgument(info, 0));
  const auto index = static_cast<uint32_t>(BoundedArgument(info, 1, "index", UINT32_MAX));
  const auto count = static_cast<uint32_t>(BoundedArgument(info, 2, "count", UINT32_MAX));
  if (!info[3].IsFunction()) throw Failure(code::kInternal, "argument 4 (notify) must be a function");
  const uapi::IrqInfo known = AskIrqInfo(device, index);
  if (count == 0 || count > known.count) {
    throw Failure(code::kInterruptUnavailable, "the device has " + std::to_string(known.count) +
                                                   " interrupts of index " + std::to_string(index) +
                                                   ", so 1 to that many, not " + std::to_string(count));
  }
  const auto notify = info[3].As<Napi::Function>();
  auto set = std::make_unique<InterruptSet>(device.Share(), index, static_cast<uint32_t>(count), info.Env(), notify);
  set->Route();
  return Napi::Number::New(info.Env(), environment.Add(std::move(set)));
}

Napi::Value Act(Environment& environment, const Napi::CallbackInfo& info, uint32_t action, const char* what) {
  const auto& set = environment.Get<InterruptSet>(HandleArgument(info, 0));
  set.Act(action, static_cast<uint32_t>(BoundedArgument(info, 1, "vector", set.vectors() - 1)), what);
  return info.Env().Undefined();
}

Napi::Value TriggerInterrupt(Environment& environment, const Napi::CallbackInfo& info) {
  return Act(environment, info, uapi::kIrqActionTrigger, "triggered");
}

Napi::Value MaskInterrupt(Environment& environment, const Napi::CallbackInfo& info) {
  return Act(environment, info, uapi::kIrqActionMask, "masked");
}

Napi::Value UnmaskInterrupt(Environment& environment, const Napi::CallbackInfo& info) {
  return Act(environment, info, uapi::kIrqActionUnmask, "unmasked");
}

Napi::Value DisarmInterrupts(Environment& environment, const Napi::CallbackInfo& info) {
  const Handle handle = HandleArgument(info, 0);
  environment.Get<InterruptSet>(handle);
  environment.Remove(handle);
  return info.Env().Undefined();
}

}  // namespace

void ExportInterrupts(Environment& environment, Napi::Object& exports) {
  Export<InterruptInfo>(environment, exports, "interruptInfo");
  Export<ArmInterrupts>(environment, exports, "armInterrupts");
  Export<TriggerInterrupt>(environment, exports, "triggerInterrupt");
  Export<MaskInterrupt>(environment, exports, "maskInterrupt");
  Export<UnmaskInterrupt>(environment, exports, "unmaskInterrupt");
  Export<DisarmInterrupts>(environment, exports, "disarmInterrupts");
}

}  // namespace probar
