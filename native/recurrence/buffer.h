// Memory for weights and states.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace gatewise {

// Memory aligned to cache lines that keeps its size from call to call.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes) { reserve(bytes); }

  // At least `bytes`, uninitialised; what was there is lost.
  void* reserve(std::size_t bytes);
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> data_;
  std::size_t size_ = 0;
};

// The calling thread's memory for one call, and for another that it makes at once.
Buffer& own_buffer(int which = 0);

}  // namespace gatewise
