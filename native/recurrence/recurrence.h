// One recurrent layer with packed weights: immutable, and so usable from many threads at once.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>

#include "recurrence/engine.h"
#include "threads/team.h"

namespace gatewise {

// The weights as Keras keeps them, row-major: kernel (I, gH), recurrent_kernel (H, gH), bias (gH) or, for
// gru_reset_after, (2, 3H); a null bias is zeros. Gate order: LSTM i, f, c, o; GRU z, r, h.
template <class T>
struct Weights {
  const T* kernel = nullptr;
  const T* recurrent_kernel = nullptr;
  const T* bias = nullptr;
};

int gates_of(Cell cell);
int states_of(Cell cell);

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

// A layer and its weights in the order in which one kind of kernel reads them.
template <class T>
struct Packed {
  Layer<T> layer;
  Buffer memory;
};

// A second packing of a float layer, for many sequences at once, made when they first come.
class Tiled;

template <class T>
class Recurrence {
 public:
  Recurrence(Recurrence&& other) noexcept;
  ~Recurrence();

  // With `bfloat16` (float only) the weights are rounded to bfloat16. Where the machine has tiles for such numbers,
  // inputs and states are rounded too, for the products; elsewhere the float kernels run on the rounded weights.
  Recurrence(Cell cell, Index inputs, Index units, const Weights<T>& weights, Activation activation,
             Activation recurrent_activation, bool bfloat16 = false);

  const Layer<T>& layer() const { return packed_.layer; }

  // Runs one call. Takes what threads are worth it; allocates nothing once this thread has made a call as large.
  void forward(const Sequence<T>& call) const { forward(call, threads()); }

  // The same on at most `most` threads: 1 for a caller that has divided its work already.
  void forward(const Sequence<T>& call, Index most) const;

 private:
  const Layer<T>& layer_for(const Sequence<T>& call) const;

  const Kernels& kernels_;
  Packed<T> packed_;
  std::unique_ptr<Tiled> tiled_;  // null for double, and where the machine has no tiles or they cannot take the weights
};

extern template class Recurrence<float>;
extern template class Recurrence<double>;

}  // namespace gatewise
