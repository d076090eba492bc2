#include "vfio/eventfd_watcher.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "core/errors.h"

namespace probar {
namespace {

constexpr uint32_t kStopTag = UINT32_MAX;

Descriptor NewEventfd() {
  Descriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.open()) {
    throw SystemFailure(code::kOsError, "no eventfd for an interrupt: raise `ulimit -n`", errno, "eventfd");
  }
  return event;
}

// A thread inherits the mask: signals of the process are for Node's threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

EventfdWatcher::EventfdWatcher(uint32_t count, Fired fired)
    : fired_(std::move(fired)), stop_(NewEventfd()), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.open()) throw SystemFailure(code::kOsError, "interrupts cannot be waited for", errno, "epoll_create1");
  for (uint32_t index = 0; index < count; ++index) {
    events_.push_back(NewEventfd());
    Watch(events_.back(), index);
  }
  Watch(stop_, kStopTag);
  const SignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& error) {
    throw SystemFailure(code::kOsError, "no thread for interrupts", error.code().value(), "pthread_create");
  }
}

EventfdWatcher::~EventfdWatcher() {
  eventfd_write(stop_.number(), 1);
  thread_.join();
}

void EventfdWatcher::Watch(const Descriptor& source, uint32_t tag) const {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = tag;
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, source.number(), &event) != 0) {
    throw SystemFailure(code::kOsError, "interrupts cannot be waited for", errno, "epoll_ctl");
  }
}

void EventfdWatcher::Run() const {
  std::array<epoll_event, 16> ready;
  for (;;) {
    const int count = epoll_wait(epoll_.number(), ready.data(), static_cast<int>(ready.size()), -1);
    for (int index = 0; index < count; ++index) {
      const uint32_t tag = ready[index].data.u32;
      if (tag == kStopTag) return;
      eventfd_t value = 0;
      if (eventfd_read(events_[tag].number(), &value) == 0) fired_(tag, value);
    }
  }
}

}  // namespace probar
