// One recurrent layer with packed weights: immutable, and so usable from many threads at once.
#pragma once

#include <memory>

#include "cells/named.h"
#include "recurrence/engine.h"
#include "recurrence/packing.h"
#include "threads/team.h"

namespace gatewise {

// A second packing of a float layer, for many sequences at once, made when they first come.
class Tiled;

struct RecurrenceOptions {
  // Float only: the weights are rounded to bfloat16. Where the machine has tiles for such numbers, inputs and states
  // are rounded too, for the products; elsewhere the float kernels run on the rounded weights.
  bool bfloat16 = false;
  bool reserves = false;  // for calls that keep a reserve: no tiles, and no folded panel
  bool factors = false;   // for calls with factors, and none without; beside `reserves`
};

template <class T>
class Recurrence {
 public:
  Recurrence(Recurrence&& other) noexcept;
  ~Recurrence();

  Recurrence(Cell cell, Sizes sizes, const Weights<T>& weights, Activation activation, Activation recurrent_activation,
             RecurrenceOptions options = {});

  const PackedLayer<T>& layer() const { return packed_.layer; }

  // Runs one call, and leaves out what its mask says is padding. Takes what threads are worth it.
  // Throws Interrupted where that is asked for, and then the results are worth nothing: see interrupt.h.
  void forward(const Sequence<T>& call) const;

  // The same on at most `most` threads, 1 for a caller that has divided its work already. A mask is gone through step
  // by step; allocates nothing once this thread has made a call as large.
  void forward(const Sequence<T>& call, Index most) const;

  // Two calls, at once where each has threads of its own and needs no barrier: the same bits as one after the other.
  static void forward_both(const Recurrence& first, const Sequence<T>& call, const Recurrence& second,
                           const Sequence<T>& other);

 private:
  const PackedLayer<T>& layer_for(const Sequence<T>& call) const;
  void run_pieces(const PackedLayer<T>& layer, const Sequence<T>& call, Division division) const;
  void run_steps(const PackedLayer<T>& layer, const Sequence<T>& call, const Division& division) const;

  const Kernels& kernels_;
  Packing<T> packed_;
  std::unique_ptr<Tiled> tiled_;  // null for double, and where the machine has no tiles or they cannot take the weights
};

extern template class Recurrence<float>;
extern template class Recurrence<double>;

}  // namespace gatewise
