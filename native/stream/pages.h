// Memory that the system hands out page by page as it is first written to, full of zeros.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include "stream/costs.h"

namespace gatewise::stream {

class Pages {
 public:
  Pages() = default;
  explicit Pages(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#if defined(MAP_NORESERVE)
    flags |= MAP_NORESERVE;
#endif
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    data_ = at;
    ask_for_huge();
  }

  // From now on `bytes` of them; what was there stays, perhaps in another place. After an exception nothing has
  // changed.
  void grow(std::size_t bytes) {
    if (bytes <= bytes_) return;
#if defined(MREMAP_MAYMOVE)
    if (data_ != nullptr) {  // The system moves the pages, not what is on them.
      void* at = mremap(data_, bytes_, bytes, MREMAP_MAYMOVE);
      if (at == MAP_FAILED) throw std::bad_alloc();
      data_ = at;
      bytes_ = bytes;
      return ask_for_huge();
    }
#endif
    Pages larger(bytes);
    if (bytes_ != 0) std::memcpy(larger.data_, data_, bytes_);
    swap(larger);
  }

  Pages(Pages&& other) noexcept { swap(other); }
  Pages& operator=(Pages&& other) noexcept {
    swap(other);
    return *this;
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void swap(Pages& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  void ask_for_huge() const {
#if defined(MADV_HUGEPAGE)
    if (bytes_ >= costs::kHugeArea) madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace gatewise::stream
