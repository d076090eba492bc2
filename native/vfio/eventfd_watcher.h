// A thread that waits on eventfds. It knows nothing of JavaScript or VFIO.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "core/descriptor.h"

namespace probar {

class EventfdWatcher {
 public:
  // Called on the thread with the index of the eventfd and what it had counted.
  using Fired = std::function<void(uint32_t index, uint64_t count)>;

  // Creates `count` eventfds and starts to wait on them. Throws Failure.
  EventfdWatcher(uint32_t count, Fired fired);
  EventfdWatcher(const EventfdWatcher&) = delete;
  EventfdWatcher& operator=(const EventfdWatcher&) = delete;
  // Ends the thread and closes the eventfds. `fired` is not called any more when it returns.
  ~EventfdWatcher();

  const std::vector<Descriptor>& events() const { return events_; }

 private:
  void Watch(const Descriptor& source, uint32_t tag) const;
  void Run() const;

  Fired fired_;
  std::vector<Descriptor> events_;
  Descriptor stop_;
  Descriptor epoll_;
  std::thread thread_;
};

}  // namespace probar
