// Programs, streams and pools of streams for Python. What users call is gatewise.streaming, a thin layer over this.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "python/arrays.h"
#include "stream/guard.h"
#include "stream/program.h"

namespace gatewise::stream {

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Integers = nb::ndarray<const std::int64_t, nb::c_contig, nb::device::cpu>;
using Results = nb::ndarray<float, nb::c_contig, nb::device::cpu>;

// Adds all of them to the module; and its three parts.
void bind_stream(nb::module_& module);
void bind_program(nb::module_& module);
void bind_session(nb::module_& module);
void bind_pool(nb::module_& module);

// New float32 arrays.
class NewFloats {
 public:
  std::pair<nb::object, float*> operator()(nb::handle shape) const { return empty_.make<float>(shape, dtype_); }
  std::pair<nb::object, float*> operator()(const std::array<Index, 2>& shape) const {
    return empty_.make<float>(shape, dtype_);
  }

 private:
  Empty empty_;
  nb::object dtype_ = empty_.dtype("float32");
};

inline void want_size(bool right, const char* what) {
  if (!right) throw std::invalid_argument(std::string(what) + " of a wrong size came");
}

// The arrays of a call as pointers. An input is (rows, width), of floats or of ids; outputs are made, or are `into`.
class Arrays {
 public:
  Arrays(const Program& program, const NewFloats& make, nb::list inputs, Index rows, nb::object into = nb::none());

  std::vector<const void*> input_data;
  std::vector<float*> output_data;
  nb::list outputs;

 private:
  template <class A>
  void take(const A& array, Index size);

  std::vector<Integers> ids_;
  std::vector<Floats> floats_;
};

// Runs `work` under the lock; without the GIL where it is long, or where the lock has to be waited for.
template <class Work>
void locked(ForkLock& lock, bool is_long, Work work) {
  if (!is_long && lock.try_lock()) {
    const std::lock_guard<ForkLock> hold(lock, std::adopt_lock);
    work();
    return;
  }
  const nb::gil_scoped_release release;
  const std::lock_guard<ForkLock> hold(lock);
  work();
}

}  // namespace gatewise::stream
