// The way back through a call that has kept its reserve: the gradients of its sums and of its initial states. What then
// remains are products of whole sequences (of the inputs, the weights and the biases), for whoever multiplies matrices.
#pragma once

#include "recurrence/buffer.h"
#include "recurrence/engine.h"
#include "recurrence/packing.h"

namespace gatewise {

// The recurrent kernel turned round, phase by phase: [panel of H][row][lane], where rows are the phase's sums of all
// units that the state has a share in. Where the last sum stands apart its rows do too, in `apart`.
template <class T>
struct PackedBackward {
  Cell cell{};
  Activation activation = Activation::tanh;
  Activation recurrent_activation = Activation::sigmoid;
  Index units = 0;
  Index width = 0;
  Index panels = 0;
  const T* joined[kMaxPhases] = {};
  const T* apart[kMaxPhases] = {};
  const T* unit_weights = nullptr;  // [panel][row][lane]

  Index padded() const { return panels * width; }
};

// One way back. All arrays are without gaps, of the call's units; steps in the order in which the call did them.
template <class T>
struct Backward {
  Index batch = 0;
  Index steps = 0;
  const T* reserve = nullptr;          // see Sequence
  const T* initial[kMaxStates] = {};   // (B, H); null is zeros
  const std::uint8_t* mask = nullptr;  // (B, T) in the order of the inputs; null is no mask
  Lengths lengths;                     // of a call without a mask: see padding.h
  const T* factors = nullptr;          // see Sequence
  const T* dy = nullptr;               // (B, T, H), or (B, H) of the last output
  const T* d_last[kMaxStates] = {};    // (B, H) of the final states; null is zeros
  T* dz = nullptr;                     // (B, T, sums of all phases, H); of padding it is left out, but where `fills`
  T* d_initial[kMaxStates] = {};       // (B, H)
  bool go_backwards = false;
  bool sequences = false;
  bool zero_masked = false;
  bool fills = false;
};

// (rows, padded) each: gradients of the cell's fields, and of an output that masked steps and padding repeat.
template <class T>
struct BackwardSpace {
  Index stride = 0;
  T* fields[kMaxFields] = {};
  T* repeated = nullptr;
};

// The share of one member: `rows` of the batch, and `panels` of the units. A section is one phase of one step, the last
// first.
template <class T>
struct BackwardPart {
  const PackedBackward<T>& layer;
  const Backward<T>& call;
  const BackwardSpace<T>& space;
  Team& team;
  Index first_row;
  Index end_row;
  Index first_panel;
  Index end_panel;
  Index member;
  Index from;  // the section to begin with
  bool meets;  // others have the rest of the units
};

template <class T>
class Backwards {
 public:
  Backwards(Cell cell, Index units, const Weights<T>& weights, Activation activation, Activation recurrent_activation);

  // Leaves out what the call's mask says is padding.
  void run(const Backward<T>& call) const;

  // Two ways back, at once where each has threads of its own and needs no barrier.
  static void run_both(const Backwards& first, const Backward<T>& call, const Backwards& second,
                       const Backward<T>& other);

 private:
  double work(const Backward<T>& call) const;  // multiply-adds
  void run_alone(const Backward<T>& call) const;
  void run_rows(const Backward<T>& call, const BackwardSpace<T>& space, Index threads) const;
  void run_panels(const Backward<T>& call, const BackwardSpace<T>& space, Index threads) const;

  const Kernels& kernels_;
  PackedBackward<T> layer_;
  Buffer memory_;
};

extern template class Backwards<float>;
extern template class Backwards<double>;

}  // namespace gatewise
