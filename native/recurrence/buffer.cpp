#include "recurrence/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "base/costs.h"

namespace gatewise {

void* Buffer::reserve(std::size_t bytes) {
  if (bytes > size_ || data_ == nullptr) {
    const std::size_t alignment = bytes >= costs::kHugePage / 2 ? costs::kHugePage : costs::kLine;
    const std::size_t size = std::max((bytes + alignment - 1) / alignment * alignment, costs::kLine);
    data_.reset();
    size_ = 0;
    data_.reset(std::aligned_alloc(alignment, size));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = size;
#if defined(__linux__)
    // Weights and states of a large layer touch more small pages in a step than the processor keeps translations of.
    if (alignment == costs::kHugePage) madvise(data_.get(), size, MADV_HUGEPAGE);
#endif
  }
  return data_.get();
}

Buffer& own_buffer(int which) {
  static thread_local Buffer buffers[2];
  return buffers[which];
}

}  // namespace gatewise
