// What the parts of the engine share whatever the instruction set: the packed layer, one call, and where it works.
//
// Shapes: B batch, T time, I inputs, H units. "Panel" is one vector's worth of hidden units with all their gates.
#pragma once

#include <cstdint>

#include "base/index.h"
#include "cells/list.h"
#include "kernels/activation.h"
#include "kernels/forms.h"

namespace gatewise {

// The weights of one phase of a step.
template <class T>
struct PackedPhase {
  const T* input = nullptr;      // [panel][I][gate][lane]
  const T* recurrent = nullptr;  // [panel][H][gate][lane]
  const T* bias = nullptr;       // [panel][sum][lane]
};

template <class T>
struct PackedLayer {
  Cell cell{};
  Activation activation = Activation::tanh;
  Activation recurrent_activation = Activation::sigmoid;
  Index inputs = 0;
  Index units = 0;
  Index width = 0;       // lanes of a vector
  Index panels = 0;      // units / width, rounded up
  bool folded = false;   // the last panel is folded: [row][gate][width / kFold], in the first part of its memory
  Index input_rows = 0;  // rows of a packed panel: I and H; for tiles `parts` times half of them (a lane holds a pair
  Index recurrent_rows = 0;  // of bfloat16 numbers), in whole tiles
  int parts = 0;  // 0: vectors multiply the numbers as they are. Else tiles do, as the sum of so many bfloat16 numbers
  const PackedLayer* exact = nullptr;  // where parts == 3: the same layer for vectors, which take what tiles cannot
  int states = 1;
  PackedPhase<T> phase[kMaxPhases];
  const T* unit_weights = nullptr;  // [panel][row][lane]: a unit's own, the cell's `unit_rows` of them; folded, each
                                    // row is the same width / kFold units kFold times

  Index padded() const { return panels * width; }
  Index whole_panels() const { return panels - (folded ? 1 : 0); }
};

// One call: T steps of B sequences. Strides count elements; the innermost stride of x is 1.
template <class T>
struct Sequence {
  Index batch = 0;
  Index steps = 0;
  const T* x = nullptr;
  Index x_batch = 0;
  Index x_time = 0;
  const std::uint8_t* mask = nullptr;  // 0 is a masked step; null is no mask
  Index mask_batch = 0;
  Index mask_time = 0;
  const T* initial[kMaxStates] = {};  // null is zeros
  Index initial_batch[kMaxStates] = {};
  Index initial_unit[kMaxStates] = {};
  T* last[kMaxStates] = {};           // (B, H); may be null
  Index last_batch[kMaxStates] = {};  // from row to row; 0: H
  T* y = nullptr;                     // (B, T, H) or (B, H)
  bool go_backwards = false;
  bool sequences = false;
  bool zero_masked = false;
  bool independent = false;  // a sequence's bits must not depend on how many others there are: vectors only
};

// How one call is divided. Every division gives the same bits.
struct Division {
  Index threads = 1;
  bool split_units = false;  // members share the batch and divide the units, with a barrier a step
  bool ahead = false;        // multiply the input of `chunk` steps by its kernel before the steps themselves
  Index chunk = 1;
  bool far = false;  // states and outputs do not stay in the first-level cache: fetch them early
};

// Working memory of one call, as all members see it.
template <class T>
struct Workspace {
  Index apart = 0;   // the rows of a member that has them to itself begin so much later than those of the one before
  Index stride = 0;  // from row to row of the arrays of numbers that follow
  // (B, padded) each, the output in two: the one read and the one written by a step, in turn. The cell's other fields
  // are changed in place.
  T* output[2] = {};
  T* fields[kMaxFields] = {};
  // What the tiles read: inputs, and the fields that a phase multiplies, as pairs of bfloat16 numbers in one T each,
  // part after part.
  Index input_stride = 0;
  Index pair_stride = 0;
  T* inputs = nullptr;      // [member][inputs_size]: the steps of a chunk
  T* output_pairs[2] = {};  // (B, pair_stride)
  T* field_pairs[kMaxFields] = {};
  Index inputs_size = 0;
  T* ahead = nullptr;  // [member][ahead_size]: projected inputs
  Index ahead_size = 0;
};

class Team;
struct RowKernels;

// The functions of one instruction set.
struct Kernels {
  const char* name;
  Index width32;
  Index width64;
  void (*run32)(const PackedLayer<float>&, const Sequence<float>&, const Division&, const Workspace<float>&, Team&,
                Index member);
  void (*run64)(const PackedLayer<double>&, const Sequence<double>&, const Division&, const Workspace<double>&, Team&,
                Index member);
  // For layers packed for tiles; null where there are none.
  void (*tiles32)(const PackedLayer<float>&, const Sequence<float>&, const Division&, const Workspace<float>&, Team&,
                  Index member);
  const RowKernels* rows;  // what streams need beside recurrences

  Index width(float /*tag*/) const { return width32; }
  Index width(double /*tag*/) const { return width64; }
  void run(const PackedLayer<float>& l, const Sequence<float>& s, const Division& p, const Workspace<float>& w, Team& t,
           Index member) const {
    (l.parts == 0 ? run32 : tiles32)(l, s, p, w, t, member);
  }
  void run(const PackedLayer<double>& l, const Sequence<double>& s, const Division& p, const Workspace<double>& w,
           Team& t, Index member) const {
    run64(l, s, p, w, t, member);
  }
};

}  // namespace gatewise
